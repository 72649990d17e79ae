//! What senders see.

use super::*;

#[test]
fn what_is_done_is_not_handed_out_again_even_before_the_commit() {
    let dir = TempDir::new().unwrap();
    let mut store = open(&large(&dir));
    let outbox = store.outbox("mqtt/plant").unwrap();
    let other_handle = store.outbox("mqtt/plant").unwrap();
    assert_eq!(bodies(&outbox), [""; 0]);
    let puts = ["a", "b", "c"].map(|body| put("mqtt/plant", "", false, body.as_bytes()));
    put_all(&mut store, &puts);
    let ids: Vec<_> = outbox.oldest(0, 9, 999).unwrap().iter().map(|item| item.id).collect();
    outbox.done(&ids[..2]);
    assert_eq!(bodies(&outbox), ["c"]);
    assert_eq!(bodies(&other_handle), ["c"]);
    assert_eq!(outbox.newest(9, 999).unwrap().len(), 1);
    assert_eq!(outbox.pending().unwrap().items, 3, "as of the last commit");
    store.settle().unwrap();
    assert_eq!(bodies(&outbox), ["c"]);
    assert_eq!(outbox.pending().unwrap(), Pending { items: 1, count: 10, bytes: 6 });
    assert_eq!(store.reader().unwrap().pending().unwrap().len(), 1);
    outbox.done(&ids);
    outbox.done(&[4711]);
    drop(store);
    let mut store = open(&large(&dir));
    assert_eq!(bodies(&store.outbox("mqtt/plant").unwrap()), ["c"], "not committed: once more");
    put_all(&mut store, &[put("mqtt/plant", "", false, b"d")]);
    let items = store.outbox("mqtt/plant").unwrap().newest(1, 0).unwrap();
    assert_eq!(items[0].id, ids[2] + 1);
}

#[test]
fn ids_are_not_reused_when_the_outbox_is_empty() {
    let dir = TempDir::new().unwrap();
    let mut last = 0;
    for _ in 0..3 {
        let mut store = open(&large(&dir));
        let outbox = store.outbox("webhook/a").unwrap();
        put_all(&mut store, &[put("webhook/a", "", false, b"x")]);
        let item = outbox.oldest(0, 1, 1).unwrap().remove(0);
        assert!(item.id > last);
        last = item.id;
        outbox.done(&[item.id]);
        store.settle().unwrap();
    }
}

#[test]
fn an_outbox_is_handed_out_up_to_number_and_bytes() {
    let dir = TempDir::new().unwrap();
    let mut store = open(&large(&dir));
    let puts = ["aaaa", "bb", "cccccc"].map(|body| put("webhook/a", "", false, body.as_bytes()));
    put_all(&mut store, &puts);
    let outbox = store.outbox("webhook/a").unwrap();
    let text = |items: Vec<Item>| -> String {
        items.iter().map(|item| char::from(item.body[0])).collect()
    };
    let oldest = |after, items, bytes| text(outbox.oldest(after, items, bytes).unwrap());
    let newest = |items, bytes| text(outbox.newest(items, bytes).unwrap());
    assert_eq!(oldest(0, 9, 99), "abc");
    assert_eq!(oldest(1, 9, 99), "bc");
    assert_eq!(oldest(0, 2, 99), "ab");
    assert_eq!(oldest(0, 9, 6), "ab");
    assert_eq!(oldest(0, 9, 5), "a");
    assert_eq!(oldest(0, 9, 0), "a", "one at least");
    assert_eq!(oldest(0, 0, 99), "");
    assert_eq!(oldest(3, 9, 99), "");
    assert_eq!(newest(9, 99), "abc");
    assert_eq!(newest(2, 99), "bc");
    assert_eq!(newest(9, 8), "bc");
    assert_eq!(newest(9, 0), "c");
}

#[test]
fn replacing_keeps_the_newest_of_a_key_in_its_outbox() {
    let dir = TempDir::new().unwrap();
    let mut store = open(&large(&dir));
    let (verdicts, other) = ("mqtt/verdict", "mqtt/batch");
    put_all(
        &mut store,
        &[
            put(verdicts, "tm3", true, b"tm3 first"),
            put(verdicts, "tm4", true, b"tm4 first"),
            put(other, "tm3", false, b"other"),
            put(verdicts, "tm3", true, b"tm3 second"),
        ],
    );
    let outbox = store.outbox(verdicts).unwrap();
    assert_eq!(bodies(&outbox), ["tm4 first", "tm3 second"]);
    let in_hand = outbox.oldest(0, 1, 99).unwrap().remove(0).id;
    put_all(&mut store, &[put(verdicts, "tm4", true, b"tm4 second")]);
    outbox.done(&[in_hand]);
    store.settle().unwrap();
    assert_eq!(bodies(&outbox), ["tm3 second", "tm4 second"]);
    assert_eq!(outbox.pending().unwrap().items, 2);
    put_all(&mut store, &[put(verdicts, "", true, b"keyless"), put(verdicts, "", true, b"again")]);
    assert_eq!(bodies(&outbox), ["tm3 second", "tm4 second", "again"]);
    assert_eq!(bodies(&store.outbox(other).unwrap()), ["other"]);
}

#[test]
fn a_sender_hears_of_its_own_outbox_only() {
    let dir = TempDir::new().unwrap();
    let mut store = open(&large(&dir));
    let mine = store.outbox("webhook/a").unwrap().changed();
    let other = store.outbox("webhook/b").unwrap().changed();
    put_all(&mut store, &[put("webhook/a", "", false, b"x")]);
    store.settle().unwrap();
    assert!(mine.has_changed().unwrap());
    assert!(!other.has_changed().unwrap());
}

#[test]
fn parked_entries_are_kept_with_the_receivers_words_up_to_a_number() {
    let dir = TempDir::new().unwrap();
    let mut store = open(&large(&dir));
    let outbox = store.outbox(READINGS).unwrap();
    for n in 0..10_003 {
        let line = format!("line {n}");
        let at = Timestamp::from_nanos(n);
        outbox.park(n, 1, line.as_bytes(), "partial write: field type conflict", at);
    }
    let reader = store.reader().unwrap();
    assert_eq!(reader.parked(9).unwrap(), []);
    store.settle().unwrap();
    let parked = reader.parked(usize::MAX).unwrap();
    assert_eq!(parked.len(), 10_000);
    assert_eq!(parked[9_999].entry, 3, "the oldest went");
    assert_eq!(
        parked[0],
        Parked {
            id: 10_003,
            outbox: READINGS.to_owned(),
            entry: 10_002,
            key: None,
            at: Some(Timestamp::from_nanos(10_002)),
            count: 1,
            reason: "partial write: field type conflict".to_owned(),
            body: b"line 10002".to_vec(),
        }
    );
    store.settle().unwrap();
    assert_eq!(reader.parked(1).unwrap()[0].id, 10_003, "written once");
}

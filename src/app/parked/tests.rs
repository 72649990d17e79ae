//! Refused events in a store: found, sent again, discarded.

use super::*;
use crate::store::{Outbox, Settings, Store, WhenFull};
use tempfile::TempDir;

fn settings(dir: &TempDir) -> Settings {
    let path = Some(dir.path().join("onspec.db"));
    Settings { path, max_size_bytes: 64 << 20, when_full: WhenFull::Block }
}

fn body(n: usize) -> Vec<u8> {
    format!(
        r#"{{"type":"sensor.unhealthy","timestamp":"2026-01-23T00:31:00Z","data":{{"id":"evt_{n}","alarm":"tm3/sensor/x","title":"t"}}}}"#
    )
    .into_bytes()
}

/// A store in which receiver `a` refused events 1 to `many` and `b` took nothing yet of one.
fn refused(dir: &TempDir, many: usize) -> Store {
    let mut store = Store::open(&settings(dir)).unwrap();
    let bodies: Vec<(String, Vec<u8>)> =
        (1..=many).map(|n| (format!("evt_{n}"), body(n))).collect();
    let put = |outbox, (key, body): &'static (String, Vec<u8>)| Put {
        outbox,
        key,
        replace: false,
        count: 1,
        body,
    };
    let bodies: &'static [(String, Vec<u8>)] = bodies.leak();
    let mut puts: Vec<Put<'_>> = bodies.iter().map(|of| put("webhook/a", of)).collect();
    puts.push(put("webhook/b", &bodies[0]));
    store.commit(&Commit { puts: &puts, ..Commit::default() }).unwrap();
    let outbox = store.outbox("webhook/a").unwrap();
    refuse(&mut store, &*outbox, many);
    store
}

fn refuse(store: &mut Store, outbox: &dyn Outbox, many: usize) {
    let items = outbox.oldest(0, many, usize::MAX).unwrap();
    for item in &items {
        outbox.park(
            item.id,
            1,
            &item.body,
            "the receiver answered 404",
            Timestamp::from_nanos(5_000_000),
        );
    }
    outbox.done(&items.iter().map(|item| item.id).collect::<Vec<_>>());
    store.settle().unwrap();
}

fn decided(fate: Fate) -> Decided {
    Decided {
        receiver: "a".into(),
        entries: vec![],
        fate,
        by: "shift-a".into(),
        note: Some("it was set up wrong".into()),
        at: Timestamp::from_nanos(7),
    }
}

#[test]
fn what_was_refused_goes_back_to_the_end_with_its_id_once() {
    let dir = TempDir::new().unwrap();
    let mut store = refused(&dir, 450);
    assert_eq!(store.parked().get("webhook/a"), Some(&450));
    let new = body(1000);
    let put = Put { outbox: "webhook/a", key: "evt_1000", replace: false, count: 1, body: &new };
    store.commit(&Commit { puts: &[put], ..Commit::default() }).unwrap();
    drop(store);
    let moved = decide(&settings(&dir), None, decided(Fate::Resend)).unwrap();
    assert_eq!(moved, 450);
    let store = Store::open(&settings(&dir)).unwrap();
    let items = store.outbox("webhook/a").unwrap().oldest(0, 999, usize::MAX).unwrap();
    let keys: Vec<&str> = items.iter().map(|item| item.key.as_str()).collect();
    assert_eq!((keys.len(), keys[0], keys[1], keys[450]), (451, "evt_1000", "evt_1", "evt_450"));
    assert_eq!(items[1].body, body(1));
    assert_eq!(
        (store.parked().len(), store.outbox("webhook/b").unwrap().pending().unwrap().items),
        (0, 1)
    );
    let reader = store.reader().unwrap();
    assert_eq!(reader.check().unwrap(), Vec::<String>::new());
    let audit = reader.audit(None, 9).unwrap();
    let whats: Vec<(&str, &str)> = audit.iter().map(|row| (&*row.what, &row.entry[..80])).collect();
    assert_eq!(whats.len(), 3, "some hundred at a time");
    assert_eq!(
        whats[2],
        (
            "webhook-resend",
            r#"{"subject":"a","by":"shift-a","note":"it was set up wrong","detail":"200 events: evt_1, evt_2"#
                .get(..80)
                .unwrap()
        )
    );
}

#[test]
fn of_several_those_that_are_named_and_all_or_nothing() {
    let dir = TempDir::new().unwrap();
    let store = refused(&dir, 3);
    let reader = store.reader().unwrap();
    let names = |ids: &[&str]| -> Vec<String> { ids.iter().map(|id| (*id).to_owned()).collect() };
    let found = |ids: &[&str]| find(&reader, "a", Some(&names(ids))).unwrap();
    assert_eq!(found(&["evt_3", "evt_1"]), Ok(vec![1, 3]));
    let strange = found(&["evt_3", "evt_9"]);
    assert_eq!(
        strange,
        Err("event `evt_9` of webhook `a` is not parked; nothing was changed".into())
    );
    assert_eq!(find(&reader, "b", None).unwrap(), Ok(vec![]));
    let newest = list(&reader, "a", None, 1).unwrap();
    assert_eq!(
        newest,
        [json!({
            "number": 3, "webhook": "a", "id": "evt_3", "type": "sensor.unhealthy", "alarm": "tm3/sensor/x",
            "title": "t", "at": 1_769_128_260_000_i64, "parked_at": 5, "answer": "the receiver answered 404",
        })]
    );
    assert_eq!(list(&reader, "a", Some(3), 9).unwrap()[0]["id"], "evt_2");
    drop((store, reader));
    let one = decide(&settings(&dir), Some(&names(&["evt_2"])), decided(Fate::Discard)).unwrap();
    assert_eq!(one, 1);
    let store = Store::open(&settings(&dir)).unwrap();
    assert_eq!(counts(&store.reader().unwrap()).unwrap(), BTreeMap::from([("a".to_owned(), 2)]));
    assert_eq!(store.outbox("webhook/a").unwrap().pending().unwrap().items, 0, "not sent either");
    let audit = store.reader().unwrap().audit(None, 1).unwrap().remove(0);
    assert_eq!((&*audit.what, audit.at.as_nanos()), ("webhook-discard", 7));
    assert!(audit.entry.contains("1 event: evt_2"), "{}", audit.entry);
}

#[test]
fn what_is_refused_again_is_parked_again_and_what_is_gone_meanwhile_is_left_out() {
    let dir = TempDir::new().unwrap();
    let mut store = refused(&dir, 2);
    let reader = store.reader().unwrap();
    let order = Decided { entries: vec![1, 2, 77], ..decided(Fate::Resend) };
    let commit = |store: &mut Store| order.carry_out(&reader, |commit| Ok(store.commit(commit)?));
    assert_eq!(commit(&mut store).unwrap(), Ok(2));
    assert_eq!(commit(&mut store).unwrap(), Ok(0), "nothing is sent twice");
    let outbox = store.outbox("webhook/a").unwrap();
    refuse(&mut store, &*outbox, 2);
    let numbers: Vec<Value> =
        list(&reader, "a", None, 9).unwrap().iter().map(|event| event["number"].clone()).collect();
    assert_eq!(numbers, [4, 3], "numbers are not used twice");
}

#[test]
fn of_what_an_older_release_parked_the_body_has_the_id() {
    let parked = Parked {
        id: 1,
        outbox: "webhook/a".into(),
        entry: 1,
        key: None,
        at: None,
        count: 1,
        reason: String::new(),
        body: body(4),
    };
    assert_eq!(
        (event_id(&parked), &document(&parked)["parked_at"]),
        ("evt_4".into(), &Value::Null)
    );
}

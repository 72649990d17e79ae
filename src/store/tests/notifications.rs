//! The log of notifications.

use super::*;

fn tell(store: &mut Store, rows: &[(&str, &str, &[u8])]) {
    let rows: Vec<_> =
        rows.iter().map(|(kind, line, body)| NotificationRow { kind, line, body }).collect();
    store.commit(&Commit { notifications: &rows, ..Commit::default() }).unwrap();
}

fn ids(piece: &NotificationPiece) -> Vec<u64> {
    piece.notifications.iter().map(|one| one.id).collect()
}

#[test]
fn notifications_are_numbered_over_restarts_and_found_by_type_and_line() {
    let dir = TempDir::new().unwrap();
    let mut store = open(&large(&dir));
    let mut notified = store.notified();
    tell(&mut store, &[("batch.at_risk", "tm3", b"1"), ("line.blind", "tm4", b"2")]);
    assert_eq!(*notified.borrow_and_update(), 2);
    drop(store);
    let mut store = open(&large(&dir));
    assert_eq!(*store.notified().borrow(), 2);
    tell(&mut store, &[("batch.at_risk", "tm4", b"3"), ("system.degraded", "", b"4")]);
    let reader = store.reader().unwrap();
    let all = NotificationFilter::default;
    let read = |after, wanted: &NotificationFilter, limit| {
        reader.notifications(after, wanted, limit).unwrap()
    };
    let whole = read(0, &all(), 9);
    assert_eq!((whole.first, whole.last, whole.through, ids(&whole)), (1, 4, 4, vec![1, 2, 3, 4]));
    assert_eq!(
        (&*whole.notifications[3].kind, &*whole.notifications[3].body),
        ("system.degraded", &b"4"[..])
    );
    let piece = read(1, &all(), 2);
    assert_eq!((piece.through, ids(&piece)), (3, vec![2, 3]), "there is more");
    let of = |kinds: &[&str], line: Option<&str>| NotificationFilter {
        kinds: kinds.iter().map(|kind| (*kind).to_owned()).collect(),
        line: line.map(str::to_owned),
    };
    assert_eq!(ids(&read(0, &of(&["batch.at_risk"], None), 9)), [1, 3]);
    assert_eq!(ids(&read(0, &of(&[], Some("tm4")), 9)), [2, 3]);
    let few = read(0, &of(&["batch.at_risk", "line.blind"], Some("tm3")), 9);
    assert_eq!((few.through, ids(&few)), (4, vec![1]), "the others are not wanted");
    assert_eq!(reader.check().unwrap(), Vec::<String>::new());
}

#[test]
fn the_newest_ten_thousand_stay() {
    let settings = Settings { path: None, max_size_bytes: 256 * MIB, when_full: WhenFull::Block };
    let mut store = open(&settings);
    let rows = vec![("line.blind", "tm3", &b"body"[..]); 4000];
    for _ in 0..3 {
        tell(&mut store, &rows);
    }
    let piece =
        store.reader().unwrap().notifications(0, &NotificationFilter::default(), 1).unwrap();
    assert_eq!((piece.first, piece.last, piece.through), (2001, 12_000, 2001));
}

#[test]
fn they_take_no_more_than_their_share_and_go_before_what_waits() {
    let dir = TempDir::new().unwrap();
    let settings = settings(&dir, 2 * MIB, WhenFull::DropOldestReadings);
    let mut store = open(&settings);
    for n in 0..60 {
        tell(&mut store, &[("line.blind", "tm3", &noise(n, 9000))]);
    }
    tell(&mut store, &[]);
    let all = NotificationFilter::default();
    let piece = store.reader().unwrap().notifications(0, &all, 99).unwrap();
    let bytes: usize = piece.notifications.iter().map(|one| one.body.len()).sum();
    assert!(bytes <= 2 * (1 << 20) / 16 && bytes > 60_000, "{bytes}");
    assert_eq!((piece.last, piece.first), (60, 61 - piece.notifications.len() as u64));
    // What waits for a webhook stays, whatever it takes.
    for n in 0..200 {
        put_all(&mut store, &[put("webhook/a", "", false, &noise(n, 9000))]);
    }
    assert_eq!(store.reader().unwrap().notifications(0, &all, 99).unwrap().first, 61, "all went");
    assert_eq!(store.outbox("webhook/a").unwrap().pending().unwrap().items, 200);
    assert_eq!(store.take_dropped(), Dropped::default());
    tell(&mut store, &[("line.blind", "tm3", b"next")]);
    let piece = store.reader().unwrap().notifications(0, &all, 99).unwrap();
    assert_eq!((piece.first, ids(&piece)), (61, vec![61]), "no number is used twice");
    assert_eq!(store.reader().unwrap().check().unwrap(), Vec::<String>::new());
}

#[test]
fn a_body_in_the_wrong_row_is_noticed() {
    let dir = TempDir::new().unwrap();
    let mut store = open(&large(&dir));
    tell(&mut store, &[("line.blind", "tm3", b"1"), ("line.restored", "tm3", b"2")]);
    drop(store);
    let conn = stranger(large(&dir).path.as_deref().unwrap());
    conn.execute_batch("UPDATE notifications SET kind = 'line.judged' WHERE id = 2").unwrap();
    drop(conn);
    let reader = open(&large(&dir)).reader().unwrap();
    let damage = reader.check().unwrap();
    assert!(
        damage.len() == 1 && damage[0].contains("row 2 of table `notifications`"),
        "{damage:?}"
    );
    // It keeps nobody from what is behind it.
    let mut store = open(&large(&dir));
    tell(&mut store, &[("line.blind", "tm3", b"3")]);
    for limit in [1, 2, 9] {
        let (mut told, mut after) = (Vec::new(), 0);
        while after < 3 {
            let piece = reader.notifications(after, &NotificationFilter::default(), limit).unwrap();
            told.extend(ids(&piece));
            after = piece.through;
        }
        assert_eq!(told, [1, 3], "{limit} at a time");
    }
}

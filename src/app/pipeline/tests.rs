//! A store without room, from its opening on.

use super::*;
use crate::plant::{Grades, ModelSettings, Undeclared};
use crate::store::{Put, READINGS, Settings, WhenFull};
use std::sync::atomic::{AtomicU32, Ordering};
use tempfile::TempDir;

const MAX: u64 = 1 << 20;

fn open(dir: &TempDir) -> Store {
    let path = Some(dir.path().join("onspec.db"));
    Store::open(&Settings { path, max_size_bytes: MAX, when_full: WhenFull::Block }).unwrap()
}

/// Fills the outbox of readings until nothing fits.
fn fill(store: &mut Store) {
    let mut random = 1_u64;
    for len in [20_000, 4_000, 400, 4] {
        loop {
            let noise: Vec<u8> = std::iter::repeat_with(|| {
                random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                (random >> 56) as u8
            })
            .take(len)
            .collect();
            let puts = [Put { outbox: READINGS, key: "", replace: false, count: 1, body: &noise }];
            match store.commit(&Commit { puts: &puts, ..Commit::default() }) {
                Ok(()) => {}
                Err(error) if error.is_full() => break,
                Err(error) => panic!("{error}"),
            }
        }
    }
}

fn plant() -> Plant {
    Plant {
        site: "mill".into(),
        lines: Vec::new(),
        grades: Grades::default(),
        undeclared: Undeclared::Store,
        undeclared_max: 3,
        models: ModelSettings::default(),
        costs: None,
    }
}

fn pipeline(store: Store) -> Pipeline {
    let outputs = Outputs::default();
    let opened = Pipeline::open(store, plant(), Vec::new(), outputs, FitMode::Elsewhere);
    opened.expect("a store without room opens: senders have to start").0
}

fn finish() -> [Event; 1] {
    [Event::Command(Command::Finish)]
}

#[test]
fn a_store_without_room_opens_and_goes_on_once_senders_have_made_room() {
    let dir = TempDir::new().unwrap();
    let mut store = open(&dir);
    fill(&mut store);
    let readings = store.outbox(READINGS).unwrap();
    let mut pipeline = pipeline(store);
    let waits = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&waits);
    pipeline.wait_by(Waiter::new(move |error| {
        assert!(error.is_full());
        if counted.fetch_add(1, Ordering::Relaxed) == 2 {
            let sent = readings.oldest(0, 10, usize::MAX).unwrap();
            readings.done(&sent.iter().map(|item| item.id).collect::<Vec<_>>());
        }
        true
    }));
    pipeline.commit(finish(), &mut |_| {}).unwrap();
    assert_eq!((waits.load(Ordering::Relaxed), pipeline.events()), (3, 1));
    // The configuration of now stands before the first event.
    let store = pipeline.store();
    assert_eq!(store.recover().unwrap().checkpoint.map(|found| found.seq), Some(0));
}

#[test]
fn who_waits_for_room_can_give_up_and_has_committed_nothing() {
    let dir = TempDir::new().unwrap();
    let mut store = open(&dir);
    fill(&mut store);
    let mut pipeline = pipeline(store);
    pipeline.wait_by(Waiter::new(|_| false));
    let outcome = pipeline.commit(finish(), &mut |_| {});
    assert!(matches!(outcome, Err(AppError::GivenUp)), "{outcome:?}");
    assert_eq!(pipeline.store().recover().unwrap().last_seq, 0);
}

#[test]
fn a_checkpoint_is_due_by_readings_however_many_a_message_has() {
    let text = r#"
        [[mqtt]]
        name = "plant"
        url = "mqtt://broker"
        [[mqtt.subscribe]]
        topic = "wide/{line}"
        area = "dry"
        fields = { a = "/a", b = "/b", c = "/c" }
        time = "/ts"
    "#;
    let checked = crate::config::load(text, "onspec.toml").expect("it is right");
    let settings = Settings { path: None, max_size_bytes: 1 << 30, when_full: WhenFull::Block };
    let (mut pipeline, _) = Pipeline::open(
        Store::open(&settings).expect("a store in memory"),
        checked.plant.clone(),
        checked.rules(),
        Outputs::default(),
        FitMode::Elsewhere,
    )
    .expect("an empty store");
    let three = |second: i64| {
        let received = Timestamp::from_nanos(second * 1_000_000_000);
        Event::Arrival(crate::decode::Arrival {
            broker: "plant".into(),
            received,
            topic: "wide/tm3".into(),
            payload: format!(r#"{{"a":1,"b":2,"c":3,"ts":{}}}"#, second * 1000).into(),
            retained: false,
            properties: None,
        })
    };
    pipeline.readings_since_checkpoint = READINGS_PER_CHECKPOINT - 5;
    let checkpoint =
        |pipeline: &Pipeline| pipeline.store().recover().unwrap().checkpoint.map(|found| found.seq);
    pipeline.commit([three(1)], &mut |_| {}).unwrap();
    assert_eq!(checkpoint(&pipeline), Some(0));
    pipeline.commit([three(2)], &mut |_| {}).unwrap();
    assert_eq!(checkpoint(&pipeline), Some(2));
}

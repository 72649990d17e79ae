//! What is said of the journal is what was said when it was written.

mod moments;

use super::super::{FitMode, Judging, Outputs, Pipeline, Telling, explain, replay, table};
use super::*;
use crate::config::{self, Checked};
use crate::decode::Arrival;
use crate::engine::Effect;
use crate::reading::LineIx;
use crate::store::{
    Commit, FIRST_BY_HAND, ModelRow, NotificationFilter, Settings, Store, WhenFull,
};
use tempfile::TempDir;

/// 2026-01-23T00:00:00Z, s.
const EPOCH: i64 = 1_769_126_400;

/// Frames of a batch.
const FRAMES: i64 = 120;

const MILL: &str = r#"
    [models]
    learning_batches = 6
    learn_from = "unrejected"
    [[mqtt]]
    name = "plant"
    url = "mqtt://broker"
    [[mqtt.subscribe]]
    topic = "wide/{line}"
    fields = { a = "/a", b = "/b", c = "/c" }
    time = "/ts"
    [[mqtt.subscribe]]
    topic = "events/{line}"
    format = "batch-event"
    [line.tm3]
    frame = "1s"
    lateness = "0s"
    settle = "0s"
    batch = { from = "events" }
    [line.tm3.tag.a]
    [line.tm3.tag.b]
    [line.tm3.tag.c]
    role = "quality"
    [grade.g]
    spec.c = { high = 25 }
"#;

fn mill() -> Checked {
    config::load(MILL, "mill.toml").expect("it is right")
}

fn second(n: i64) -> Timestamp {
    Timestamp::from_nanos((EPOCH + n) * 1_000_000_000)
}

fn arrival(n: i64, topic: &str, payload: String) -> Event {
    Event::Arrival(Arrival {
        broker: "plant".into(),
        // Messages are a while on their way.
        received: second(n).plus(std::time::Duration::from_millis(300)),
        topic: topic.into(),
        payload: payload.into(),
        retained: false,
        properties: None,
    })
}

/// A batch of which each third one goes wrong.
fn batch(ix: i64) -> Vec<Event> {
    let start = ix * FRAMES;
    let event = |n: i64, kind: &str| {
        let ts = EPOCH + n;
        let body = format!(r#"{{"event":"{kind}","batch":"R{ix}","grade":"g","ts":{ts}000}}"#);
        arrival(n, "events/tm3", body)
    };
    let mut events = vec![event(start, "batch-start")];
    events.extend((start..start + FRAMES).map(|n| {
        #[expect(clippy::cast_precision_loss, reason = "small test numbers")]
        let part = |times: i64, of: i64| ((n * times) % of) as f64 / 10.0;
        let (a, b) = (part(37, 101), part(53, 97));
        let c = a + b + part(11, 7) + if ix % 3 == 2 { 12.0 } else { 0.0 };
        let ts = EPOCH + n;
        arrival(n, "wide/tm3", format!(r#"{{"a":{a},"b":{b},"c":{c},"ts":{ts}000}}"#))
    }));
    events.push(event(start + FRAMES, "batch-end"));
    events
}

/// What is told to people and receivers.
fn word(effect: &Effect) -> Option<String> {
    match effect {
        Effect::Score(_)
        | Effect::Verdict(_)
        | Effect::BatchVerdict(_)
        | Effect::Batch(_)
        | Effect::Sections(_)
        | Effect::Sheet(_)
        | Effect::Model(_)
        | Effect::Alarm(_)
        | Effect::Notification(_) => Some(format!("{effect:?}")),
        _ => None,
    }
}

/// A mill with its store, and what was said each time that it ran.
struct Mill {
    dir: TempDir,
    max_size_bytes: u64,
    said: Vec<String>,
}

impl Mill {
    fn new(max_size_bytes: u64) -> Self {
        let dir = tempfile::tempdir().expect("a directory for temporary files");
        Self { dir, max_size_bytes, said: Vec::new() }
    }

    fn path(&self) -> PathBuf {
        self.dir.path().join("onspec.db")
    }

    fn open(&self) -> Pipeline {
        let settings = Settings {
            path: Some(self.path()),
            max_size_bytes: self.max_size_bytes,
            when_full: WhenFull::DropOldestReadings,
        };
        let (store, checked) = (Store::open(&settings).expect("it can be made"), mill());
        let rules = checked.rules();
        let outputs = Outputs::default();
        Pipeline::open(store, checked.plant, rules, outputs, FitMode::Inline).expect("it opens").0
    }

    /// Starts, as the daemon does, and makes batches; the store is left open.
    fn run(&mut self, batches: std::ops::Range<i64>) -> Pipeline {
        let mut pipeline = self.open();
        let started = Event::Command(Command::Started { at: second(batches.start * FRAMES) });
        let events = std::iter::once(started).chain(batches.flat_map(batch));
        self.commit(&mut pipeline, events);
        pipeline
    }

    fn commit(&mut self, pipeline: &mut Pipeline, events: impl IntoIterator<Item = Event>) {
        let said = &mut self.said;
        for event in events {
            pipeline.commit([event], &mut |effect| said.extend(word(effect))).expect("it is taken");
        }
    }

    /// What a replay of the journal says, and what a person is told of it.
    fn replay(&self, span: Span, learn: bool) -> Result<(Vec<String>, Vec<String>), AppError> {
        let (journal, notes) = Journal::open(&self.path(), span, None)?;
        let checked = mill();
        let rules = checked.rules();
        let mut judging = if learn {
            let settings = Settings {
                path: None,
                max_size_bytes: 1 << 30,
                when_full: WhenFull::DropOldestReadings,
            };
            let (store, plant) = (Store::open(&settings)?, checked.plant.clone());
            let opened = Pipeline::open(store, plant, rules, Outputs::default(), FitMode::Inline)?;
            Judging::Learning(Box::new(opened.0))
        } else {
            Judging::Registry(Box::new(journal.engine(&checked.plant, &rules)?))
        };
        let mut said = Vec::new();
        let mut hear = |effect: &Effect| said.extend(word(effect));
        let plant = &checked.plant;
        let to = Telling { plant, line: None, period: None, files: None, hear: &mut hear };
        replay(&journal, &mut judging, to, None, &mut || {})?;
        Ok((said, notes))
    }
}

#[track_caller]
fn assert_same(replayed: &[String], said: &[String]) {
    let differ = replayed.iter().zip(said).find(|(replayed, said)| replayed != said);
    assert!(differ.is_none(), "{differ:#?}");
    assert_eq!(replayed.len(), said.len());
}

#[test]
fn the_same_is_said_again_while_the_store_is_written() {
    let mut mill = Mill::new(1 << 30);
    drop(mill.run(0..9));
    // The state at the second start is no begin of the journal.
    let running = mill.run(9..14);
    let (said, notes) = mill.replay(Span::default(), false).unwrap();
    assert_same(&said, &mill.said);
    assert_eq!(notes, Vec::<String>::new());
    for kind in ["Score(", "OffSpec", "Model(", "Alarm(", "R13"] {
        assert!(said.iter().any(|word| word.contains(kind)), "nothing says {kind}");
    }
    // Models fitted on the way are the same as well, by the seeds of the requests.
    let (said, _) = mill.replay(Span::default(), true).unwrap();
    assert_same(&said, &mill.said);
    drop(running);
}

#[test]
fn the_log_of_what_was_told_is_that_of_the_effects_whatever_the_groups() {
    let mut one_by_one = Mill::new(1 << 30);
    let first = one_by_one.run(0..5);
    let in_groups = Mill::new(1 << 30);
    let mut second_run = in_groups.open();
    let started = Event::Command(Command::Started { at: second(0) });
    let mut rest = std::iter::once(started).chain((0..5).flat_map(batch)).peekable();
    while rest.peek().is_some() {
        second_run.commit(rest.by_ref().take(50), &mut |_| {}).expect("it is taken");
    }
    let log = |pipeline: &Pipeline| {
        let reader = pipeline.store().reader().expect("it can be read");
        reader.notifications(0, &NotificationFilter::default(), 9999).expect("it can be read")
    };
    let told = log(&first);
    assert_eq!(told, log(&second_run));
    let said = one_by_one.said.iter().filter(|word| word.starts_with("Notification(")).count();
    assert_eq!(told.notifications.len(), said);
    let body = String::from_utf8(told.notifications[0].body.clone()).expect("it is text");
    assert!(body.starts_with(r#"{"type":""#), "{body}");
}

#[test]
fn span_goes_on_from_what_was_before_it() {
    let mut mill = Mill::new(1 << 30);
    drop(mill.run(0..8));
    let told = mill.said.len();
    let mut pipeline = mill.run(8..9);
    let begun = mill.said.len();
    // A state in the middle of a batch, and a span that begins a while after it.
    let mut rest = batch(9);
    let last = rest.split_off(60);
    mill.commit(&mut pipeline, rest.drain(..40));
    pipeline.checkpoint().unwrap();
    mill.commit(&mut pipeline, rest);
    let before = mill.said.len();
    mill.commit(&mut pipeline, last);
    let start = Some(second(9 * FRAMES + 59));
    let (said, notes) = mill.replay(Span { start, stop: None }, false).unwrap();
    assert_same(&said, &mill.said[before..]);
    assert_eq!(notes, Vec::<String>::new());
    let (start, stop) = (Some(second(8 * FRAMES)), Some(second(9 * FRAMES)));
    let (said, _) = mill.replay(Span { start, stop }, false).unwrap();
    assert_same(&said, &mill.said[told..begun]);
    // Of what was before the journal nothing is known, and that is told.
    let (_, notes) = mill.replay(Span { start: Some(second(-10)), stop }, false).unwrap();
    assert_eq!(notes.len(), 1, "{notes:?}");
    assert!(notes[0].ends_with("is there from 2026-01-23T00:00:00.3Z on"), "{notes:?}");
    let far = mill.replay(Span { start: Some(second(9000)), stop: None }, false).unwrap_err();
    assert!(far.to_string().ends_with("has nothing from 2026-01-23T02:30:00Z on"), "{far}");
}

#[test]
fn the_verdict_of_an_instant_is_explained_from_the_journal() {
    let mut mill = Mill::new(1 << 30);
    drop(mill.run(0..12));
    let explained = |at: i64, start: Option<i64>| {
        let span = Span { start: start.map(second), stop: None };
        let (journal, _) = Journal::open(&mill.path(), span, None)?;
        let checked = self::mill();
        let engine = journal.engine(&checked.plant, &checked.rules())?;
        let mut judging = Judging::Registry(Box::new(engine));
        explain(&journal, &mut judging, (LineIx(0), second(at)), &mut || {})
    };
    // R10 is on spec.
    let good = explained(10 * FRAMES + 90, None).unwrap();
    assert_eq!(good.at, Some(second(10 * FRAMES + 90).as_millis()));
    let document = good.verdict.as_ref().unwrap();
    assert_eq!((document.batch.as_deref(), document.verdict.as_str()), (Some("R10"), "on-spec"));
    assert!(good.score().is_some_and(|score| score > 0.0 && score < 1.0), "{good:?}");
    assert!(good.statistics[0].judges && good.model.is_some(), "{good:?}");
    let tags: Vec<&str> = good.tags.iter().map(|mover| &*mover.tag).collect();
    assert!(tags.len() == 2 && tags.contains(&"a") && tags.contains(&"b"), "{good:?}");
    let quality = &good.quality[0];
    assert_eq!((&*quality.tag, quality.high, quality.out_since), ("c", Some(25.0), None));
    // It is the same from a span that begins before it, and what was said before is known.
    assert_eq!(explained(10 * FRAMES + 90, Some(10 * FRAMES + 30)).unwrap(), good);
    // R5 was found off spec by what the product was, before there was a model.
    let bad = explained(5 * FRAMES + 119, None).unwrap();
    let document = bad.verdict.as_ref().unwrap();
    assert_eq!((document.batch.as_deref(), document.verdict.as_str()), (Some("R5"), "off-spec"));
    assert!(bad.quality[0].share_out > 0.1 && bad.statistics.is_empty(), "{bad:?}");
    // Before the model was learned nothing judged.
    let early = explained(90, None).unwrap();
    assert_eq!((early.score(), early.model, early.tags.len()), (None, None, 0));
    let error = |at, start| explained(at, start).unwrap_err().to_string();
    assert_eq!(
        error(20 * FRAMES, None),
        "nothing is known of 2026-01-23T00:40:00Z: the last frame of the line ended at 2026-01-23T00:23:59Z"
    );
    assert_eq!(
        error(30, Some(10 * FRAMES)),
        "nothing is known of 2026-01-23T00:00:30Z: the first frame of the line after it begins at 2026-01-23T00:19:59Z"
    );
}

#[test]
fn model_that_was_fitted_by_hand_judges_from_its_start_on() {
    let mut mill = Mill::new(1 << 30);
    let mut pipeline = mill.run(0..9);
    let reader = pipeline.store().reader().unwrap();
    let learned = reader.models(None, None).unwrap();
    assert_eq!(learned.len(), 1, "{learned:?}");
    // Fitted from what was made, good or not: another model than the learned one.
    let (journal, _) = Journal::open(&mill.path(), Span::default(), None).unwrap();
    let (checked, line) = (lenient_mill(), LineIx(0));
    let rules = checked.rules();
    let table =
        table(&journal, (&checked.plant, &rules), line, "g", &mut || {}).expect("there is product");
    // The last one has not ended.
    assert_eq!(table.blocks.len(), 8);
    let spec = crate::models::FitSpec {
        frame: std::time::Duration::from_secs(1),
        budget: crate::plant::Budget::PerFrames { flags: 1, frames: 200 },
        batches: true,
        seed: 1,
        least_sd: std::collections::BTreeMap::new(),
        wanders: std::collections::BTreeMap::new(),
        ties: std::collections::BTreeMap::new(),
    };
    let model = crate::models::fit(&table, &spec).unwrap();
    let (header, artifact) = (model.header_json(), model.to_bytes());
    let row = ModelRow {
        id: FIRST_BY_HAND,
        line: "tm3",
        grade: "g",
        kind: model.kind(),
        version: 2,
        at: Timestamp::from_nanos(0),
        header: &header,
        artifact: &artifact,
        active: true,
    };
    pipeline.store_mut().commit(&Commit { models: &[row], ..Commit::default() }).unwrap();
    drop(pipeline);
    let running = mill.run(9..12);
    assert_eq!(running.engine().model_version("tm3", "g"), 2);
    let (said, _) = mill.replay(Span::default(), false).unwrap();
    assert_same(&said, &mill.said);
}

/// The mill that calls nothing off-spec, so that every batch may teach.
fn lenient_mill() -> Checked {
    config::load(&MILL.replace("high = 25", "high = 100"), "mill.toml").expect("it is right")
}

#[test]
fn journal_that_was_pruned_says_from_when_on_it_is_there() {
    let mut mill = Mill::new(1 << 20);
    let mut pipeline = mill.run(0..12);
    pipeline.checkpoint().unwrap();
    let (before, mut ix) = (mill.said.len(), 12);
    // Nobody takes the readings, so that the journal goes.
    while pipeline.store().reader().unwrap().journal_start().unwrap() == Some(1) {
        mill.commit(&mut pipeline, batch(ix));
        ix += 1;
        assert!(ix < 400, "the store never reached its size");
    }
    let (said, notes) = mill.replay(Span::default(), false).unwrap();
    assert_same(&said, &mill.said[before..]);
    let from = format!(
        "is there from {} on",
        second(12 * FRAMES).plus(std::time::Duration::from_millis(300))
    );
    assert_eq!(notes.len(), 1, "{notes:?}");
    assert!(notes[0].ends_with(&from), "{notes:?}");
    // With the only state at the very end, what is left of the journal is read without one.
    pipeline.checkpoint().unwrap();
    let (said, notes) = mill.replay(Span::default(), false).unwrap();
    assert!(said.iter().any(|word| word.starts_with("BatchVerdict(")), "{said:?}");
    assert_eq!(notes.len(), 2, "{notes:?}");
    assert!(notes[1].contains("is not known"), "{notes:?}");
}

#[test]
fn store_without_a_journal_is_an_error() {
    let mill = Mill::new(1 << 30);
    drop(mill.open());
    let error = mill.replay(Span::default(), false).unwrap_err().to_string();
    assert!(error.starts_with("the journal of `") && error.ends_with("` is empty"), "{error}");
}

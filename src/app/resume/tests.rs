//! A replay that is interrupted goes on, and nobody can tell.

use super::*;
use crate::app::feed::{Apply, Events, Feed, RecordingFeed, Span};
use crate::app::replay::{Telling, replay};
use crate::app::{FitMode, Outputs, Pipeline};
use crate::config::{self, Checked};
use crate::decode::TimeUnit;
use crate::reading::LineIx;
use crate::record::{Files, Options, Recording, Summary};
use crate::store::{Settings, Store, WhenFull};
use std::cell::Cell;
use std::fmt::Write as _;
use tempfile::TempDir;

const MILL: &str = r#"
[line.tm3]
frame = "1s"
lateness = "1s"
settle = "0s"
batch = { from = "events" }
[line.tm3.tag.a]
[line.tm3.tag.b]
[line.tm3.tag.c]
role = "quality"
[grade.g]
spec.c = { high = 25 }
[models]
learning_batches = 4
refit = "2 batches"
"#;

/// 2026-01-23T00:00:00Z, s.
const EPOCH: i64 = 1_769_126_400;

/// Batches, and the seconds of one.
const BATCHES: i64 = 14;
const LONG: i64 = 60;

/// What was recorded: every fourth batch is off and was scrapped.
struct Recorded {
    directory: TempDir,
    mill: Checked,
    recording: Recording,
    events: Events,
}

fn recorded() -> Recorded {
    let directory = tempfile::tempdir().unwrap();
    let (mut rows, mut lines) = (String::from("time,a,b,c\n"), Vec::new());
    for batch in 0..BATCHES {
        let (start, bad) = (EPOCH + batch * LONG, batch % 4 == 3);
        let fate = if bad { "scrap" } else { "release" };
        for event in [
            format!(r#"{{"event":"batch-start","batch":"R{batch}","grade":"g","ts":{start}000}}"#),
            format!(r#"{{"event":"batch-end","batch":"R{batch}","ts":{}000}}"#, start + LONG),
            format!(
                r#"{{"event":"disposition","batch":"R{batch}","disposition":"{fate}","ts":{}000}}"#,
                start + LONG + 1
            ),
        ] {
            lines.push((u64::try_from(lines.len()).unwrap() + 1, event));
        }
        for n in start..start + LONG {
            let part =
                |times: i64, of: i64| f64::from(i32::try_from((n - EPOCH) * times % of).unwrap());
            let (a, b) = (part(37, 101) / 10.0, part(53, 97) / 10.0);
            let off = if bad && n > start + LONG / 2 { 20.0 } else { 0.0 };
            writeln!(rows, "{n},{},{b},{}", a + off, a + b + part(11, 7) / 10.0).unwrap();
        }
    }
    let path = directory.path().join("r.csv");
    std::fs::write(&path, rows).unwrap();
    let mill = config::load(MILL, "mill.toml").expect("it is right");
    let options = Options { time_unit: TimeUnit::Seconds, ..Options::default() };
    let recording = Recording::open(&[path], options).unwrap();
    let events = Events::read(&lines, Path::new("e.jsonl"), &mill.plant.lines[0]).unwrap();
    Recorded { directory, mill, recording, events }
}

/// A feed that breaks off after so many events.
#[derive(Debug)]
struct Cut<'a> {
    feed: RecordingFeed<'a>,
    after: Option<u64>,
    /// The events that were told.
    told: Cell<u64>,
}

impl Feed for Cut<'_> {
    fn run(&self, row: &mut dyn FnMut(), apply: &mut Apply<'_>) -> Result<(), AppError> {
        self.told.set(0);
        self.feed.run(row, &mut |event| {
            if self.after == Some(self.told.get()) {
                return Err(AppError::Other("the power went".into()));
            }
            self.told.set(self.told.get() + 1);
            apply(event)
        })
    }

    fn share(&self) -> Option<f64> {
        None
    }
}

impl Recorded {
    fn feed(&self, after: Option<u64>) -> Cut<'_> {
        let events = self.events.clone();
        let plant = &self.mill.plant;
        let feed =
            RecordingFeed::new(&self.recording, plant, LineIx(0), None, events, Span::default());
        Cut { feed, after, told: Cell::new(0) }
    }

    fn judging(&self, learn: bool) -> Judging {
        let (plant, rules) = (self.mill.plant.clone(), self.mill.rules());
        if !learn {
            return Judging::Registry(Box::new(Engine::new(plant, rules)));
        }
        let in_memory = Settings {
            path: None,
            max_size_bytes: 1 << 30,
            when_full: WhenFull::DropOldestReadings,
        };
        let store = Store::open(&in_memory).unwrap();
        let opened = Pipeline::open(store, plant, rules, Outputs::default(), FitMode::Inline);
        Judging::Learning(Box::new(opened.unwrap().0))
    }

    /// Replays into a directory, until it is interrupted; every `every` events there is something to go on from.
    fn replay(
        &self,
        name: &str,
        (learn, every, resume): (bool, u64, bool),
        feed: &Cut<'_>,
    ) -> Result<Summary, AppError> {
        let directory = self.directory.path().join(name);
        let resume = if resume { Some(Resume::read(&directory)?) } else { None };
        let mut files = match resume.as_ref().and_then(Resume::files) {
            Some(state) => Files::go_on(&directory, state)?,
            None => Files::create(&directory)?,
        };
        let mut judging = self.judging(learn);
        let mut events = 0;
        let mut is_due = || {
            events += 1;
            events % every == 0
        };
        let same = (Sameness::new(), None);
        let mut keeper = Keeper::begin(&directory, same, resume, &mut judging, &mut is_due)?;
        let mut hear = |_: &Effect| {};
        let plant = &self.mill.plant;
        let files_of = Some(&mut files);
        let to = Telling { plant, line: None, period: None, files: files_of, hear: &mut hear };
        let summary = replay(feed, &mut judging, to, Some(&mut keeper), &mut || {})?;
        files.finish(&summary)?;
        keeper.done()?;
        Ok(summary)
    }

    /// The files of a directory, with what is in them.
    fn files(&self, name: &str) -> BTreeMap<String, String> {
        let entries = std::fs::read_dir(self.directory.path().join(name)).unwrap();
        let read = |entry: std::io::Result<std::fs::DirEntry>| {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            (name, String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into_owned())
        };
        entries.map(read).collect()
    }
}

/// Interrupts a replay at several places, one after the other, and compares it with one that was not.
#[track_caller]
fn check(learn: bool) {
    let recorded = recorded();
    let whole = recorded.feed(None);
    let expected = recorded.replay("whole", (learn, u64::MAX, false), &whole).unwrap();
    let events = whole.told.get();
    let places = [40, events / 3, events / 3 + 1, events * 5 / 8, events - 2];
    for (ix, place) in places.into_iter().enumerate() {
        let cut = recorded.feed(Some(place));
        // The second time nothing new is there to go on from.
        let every = if ix == 2 { u64::MAX } else { 37 };
        let error = recorded.replay("cut", (learn, every, ix > 0), &cut).unwrap_err();
        assert_eq!(error.to_string(), "the power went");
        let files = recorded.files("cut");
        assert!(files.contains_key(STATE) && files.contains_key("scores.csv.part"));
        assert_eq!(files.contains_key(FRAMES), learn);
    }
    let found = recorded.replay("cut", (learn, 37, true), &recorded.feed(None)).unwrap();
    assert_eq!(found, expected);
    let (found, expected) = (recorded.files("cut"), recorded.files("whole"));
    assert_eq!(found.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>());
    for (name, text) in &expected {
        assert!(found[name] == *text, "{name} differs");
    }
    let judged =
        expected["scores.csv"].lines().any(|row| row.contains(",0.") && row.contains("R12"));
    assert_eq!(judged, learn, "models were learned");
    assert!(expected["batches.csv"].lines().count() > 10 && expected["alarms.csv"].contains("R3"));
}

#[test]
fn a_replay_goes_on_to_the_byte() {
    check(false);
}

#[test]
fn models_that_are_learned_are_the_same_after_an_interruption() {
    check(true);
}

#[test]
fn what_was_interrupted_early_leaves_nothing() {
    let recorded = recorded();
    for learn in [false, true] {
        let cut = recorded.feed(Some(20));
        recorded.replay("early", (learn, 37, false), &cut).unwrap_err();
        assert!(recorded.files("early").is_empty(), "{:?}", recorded.files("early").keys());
    }
    let error = recorded.replay("early", (false, 37, true), &recorded.feed(None)).unwrap_err();
    assert!(error.to_string().contains("leave `--resume` out to begin anew"), "{error}");
}

#[test]
fn what_was_left_is_not_gone_on_with_if_something_else_is_read() {
    let recorded = recorded();
    let cut = recorded.feed(Some(200));
    recorded.replay("other", (false, 37, false), &cut).unwrap_err();
    let path = recorded.directory.path().join("r.csv");
    let text = std::fs::read_to_string(&path).unwrap();
    let other = text.replacen("6403,", "6402,", 1);
    assert_eq!(other.len(), text.len());
    std::fs::write(&path, other).unwrap();
    let error = recorded.replay("other", (false, 37, true), &recorded.feed(None)).unwrap_err();
    assert!(error.to_string().contains("what is read is not what was read then"), "{error}");
    // Nor if there is less of it.
    let few: String = text.split_inclusive('\n').take(5).collect();
    std::fs::write(&path, few).unwrap();
    let fewer = Recorded { events: Events::default(), ..recorded };
    let error = fewer.replay("other", (false, 37, true), &fewer.feed(None)).unwrap_err();
    assert!(error.to_string().contains("what is read is not what was read then"), "{error}");
    // What is begun anew forgets it.
    std::fs::write(&path, text).unwrap();
    fewer.replay("other", (false, u64::MAX, false), &fewer.feed(None)).unwrap();
    assert!(!Resume::is_there(&fewer.directory.path().join("other")));
}

#[test]
fn what_is_damaged_is_said() {
    let recorded = recorded();
    let cut = recorded.feed(Some(400));
    recorded.replay("bad", (true, 37, false), &cut).unwrap_err();
    let path = |name: &str| recorded.directory.path().join("bad").join(name);
    let good = |name: &str| std::fs::read(path(name)).unwrap();
    let error = || {
        let error = recorded.replay("bad", (true, 37, true), &recorded.feed(None)).unwrap_err();
        error.to_string()
    };
    for (name, words) in
        [(STATE, "is damaged"), (FRAMES, "is damaged"), ("scores.csv.part", "begin anew")]
    {
        let whole = good(name);
        let mut bytes = whole.clone();
        let middle = bytes.len() / 2;
        if name == "scores.csv.part" {
            bytes.truncate(10);
        } else {
            bytes[middle] ^= 1;
        }
        std::fs::write(path(name), bytes).unwrap();
        let said = error();
        assert!(said.contains(name) && said.contains(words), "{said}");
        std::fs::write(path(name), whole).unwrap();
    }
    recorded.replay("bad", (true, 37, true), &recorded.feed(None)).unwrap();
}

#[test]
fn what_differs_is_named() {
    let same = |release: &str, events: Option<&str>| -> Sameness {
        let events = events.map(|events| ("the file of events", events));
        let all = [("the release", release)].into_iter().chain(events);
        all.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    };
    let resume = Resume {
        form: FORM,
        same: same("1.0", Some("none")),
        extent: None,
        events: 0,
        hash: 0,
        sheet: SheetState::default(),
        frames: 0,
        engine: Blob::default(),
    };
    assert_eq!(resume.check(&same("1.0", Some("none"))), Ok(()));
    let said = resume.check(&same("1.1", Some("none"))).unwrap_err();
    assert!(said.contains("the release then was 1.0, and now is 1.1; make it the same"), "{said}");
    assert!(
        resume.check(&same("1.0", None)).unwrap_err().contains("the file of events then was none")
    );
}

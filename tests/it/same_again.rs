//! The same input gives the same output: twice, and through a broker as without one.

#![allow(clippy::unwrap_used, reason = "helpers of a test may fail it like the test itself")]

use onspec::app::demo::{self, Show};
use onspec::app::{Outputs, Pipeline};
use onspec::simulate::{Form, Pace};
use onspec::store::{Reader, Settings, Store, WhenFull};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;

const SEED: u64 = 11;
const BATCHES: u32 = 2;
/// Batches of each grade to learn from: enough for a model, and a run that is not too long.
const LEARNING: Option<u32> = Some(2);

fn store(path: &Path) -> Settings {
    Settings {
        path: Some(path.to_owned()),
        max_size_bytes: 8 << 30,
        when_full: WhenFull::DropOldestReadings,
    }
}

/// Every line that waits for InfluxDB, in order, and every batch.
fn content(path: &Path) -> (String, Vec<String>) {
    let lines = {
        let store = Store::open(&store(path)).unwrap();
        let mut lines = String::new();
        for outbox in [onspec::influx::READINGS, onspec::influx::RESULTS] {
            let outbox = store.outbox(outbox).unwrap();
            let mut after = 0;
            loop {
                let items = outbox.oldest(after, 1000, usize::MAX).unwrap();
                let Some(last) = items.last() else { break };
                after = last.id;
                for item in items {
                    // That nobody takes the lines is an alarm of the daemon's own, on the real clock.
                    let lines_of = String::from_utf8(item.body).unwrap();
                    let of_the_mill = |line: &&str| !line.starts_with("alarms,alarm=system/");
                    for line in lines_of.lines().filter(of_the_mill) {
                        lines.push_str(line);
                        lines.push('\n');
                    }
                }
            }
        }
        lines
    };
    let batches = Reader::open(path).unwrap().batches(None, 1000).unwrap();
    (lines, batches.into_iter().map(|batch| batch.record).collect())
}

#[test]
fn run_through_a_broker_equals_the_run_without_one() {
    let directory = tempfile::tempdir().unwrap();
    let (direct, through) =
        (directory.path().join("direct.db"), directory.path().join("through.db"));
    let checked = demo::tissue(LEARNING).unwrap();
    let outputs = Outputs { influx: true, ..Outputs::default() };
    let machine = demo::machine(&checked, SEED, BATCHES, Form::Wide);
    let tally =
        demo::score(&checked, Store::open(&store(&direct)).unwrap(), outputs, machine).unwrap();
    assert_eq!(tally.score().batches, BATCHES);

    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime
        .block_on(demo::show(
            checked,
            Show {
                seed: SEED,
                batches: BATCHES,
                pace: Pace::Full,
                port: None,
                store: through.clone(),
                keep_lines: true,
                end_with_machine: true,
            },
        ))
        .unwrap();

    let ((lines, batches), (other_lines, other_batches)) = (content(&direct), content(&through));
    assert!(lines.lines().count() > 100_000 && batches.len() > 7);
    let different = lines.lines().zip(other_lines.lines()).find(|(one, other)| one != other);
    assert_eq!(different, None);
    assert_eq!(lines.len(), other_lines.len());
    assert_eq!(batches, other_batches);
}

fn onspec(arguments: &[&str]) -> (bool, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_onspec")).args(arguments).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (output.status.success(), text(&output.stdout), text(&output.stderr))
}

#[test]
fn demo_keeps_the_same_score_twice_and_prints_one_document() {
    let arguments = [
        "demo",
        "--exit",
        "--json",
        "--batches",
        "2",
        "--learning",
        "2",
        "--seed",
        "5",
        "--log",
        "error",
    ];
    let (one, other) = (onspec(&arguments), onspec(&arguments));
    assert!(one.0, "{}", one.2);
    assert_eq!(one, other);
    let score: serde_json::Value = serde_json::from_str(&one.1).unwrap();
    assert_eq!((score["seed"].as_u64(), score["batches"].as_u64()), (Some(5), Some(2)));
    let names: Vec<_> =
        score["watchers"].as_array().unwrap().iter().map(|watcher| &watcher["name"]).collect();
    assert_eq!(names, ["spec-limits", "three-sigma", "plain-pca", "laboratory"]);
}

#[test]
fn several_seeds_are_only_for_a_score() {
    let (done, printed, said) = onspec(&["demo", "--seeds", "2"]);
    assert!(!done && printed.is_empty() && said.contains("--exit"), "{said}");
}

#[test]
fn recording_replayed_twice_gives_the_same_bytes_and_one_row_for_each() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name).display().to_string();
    let mut csv = String::from("sample,a,b,c\n");
    for n in 0..400_u32 {
        let a = f64::from((n * 37) % 101) / 10.0;
        let b = f64::from((n * 53) % 97) / 10.0;
        let c = if n == 250 {
            String::new()
        } else {
            (a + b + f64::from((n * 11) % 7) / 10.0).to_string()
        };
        writeln!(csv, "{n},{a},{b},{c}").unwrap();
    }
    fs::write(path("normal.csv"), &csv).unwrap();
    let (normal, db) = (path("normal.csv"), path("m.db"));
    let common =
        ["--auto", "--store", &db, "--period", "3m", "--ignore", "sample", "--from", &normal];
    let fitted = onspec(&[&["fit"], &common[..]].concat());
    assert!(fitted.0, "{}", fitted.2);
    let before = fs::read(&db).unwrap();
    for out in ["one", "two"] {
        let replayed = onspec(&[&["replay", "--out", &path(out)], &common[..]].concat());
        assert!(replayed.0, "{}", replayed.2);
    }
    assert_eq!(fs::read(&db).unwrap(), before, "a replay never changes the store");
    for file in ["scores.csv", "verdicts.csv", "batches.csv", "alarms.csv", "summary.json"] {
        let (one, two) = (
            fs::read(path("one") + "/" + file).unwrap(),
            fs::read(path("two") + "/" + file).unwrap(),
        );
        assert!(!one.is_empty());
        assert_eq!(one, two, "{file}");
    }
    let scores = fs::read_to_string(path("one") + "/scores.csv").unwrap();
    let rows: Vec<&str> = scores.lines().collect();
    assert_eq!(rows.len(), 401);
    assert!(rows[1].starts_with("1970-01-01T00:00:00Z,auto,auto,,"));
    assert!(rows[400].starts_with("1970-01-01T19:57:00Z,auto,auto,,"));
}

#[test]
fn start_goes_on_from_the_checkpoint_and_the_journal_to_the_same_state() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("s.db");
    let checked = demo::tissue(LEARNING).unwrap();
    let mut machine = demo::machine(&checked, SEED, 1, Form::Wide);
    let broker = checked.brokers[0].settings.name.as_str().into();
    let open = |path: &Path| {
        Pipeline::open(
            Store::open(&store(path)).unwrap(),
            checked.plant.clone(),
            checked.rules(),
            Outputs::default(),
            onspec::app::FitMode::Inline,
        )
        .unwrap()
    };
    let (mut pipeline, recovered) = open(&path);
    assert_eq!((recovered.restored, recovered.events), (false, 0));
    let mut published = Vec::new();
    for second in 0..4000 {
        machine.step(&mut published);
        let events = published
            .drain(..)
            .map(|message| onspec::engine::Event::Arrival(message.from_broker(&broker)));
        pipeline.commit(events, &mut |_| {}).unwrap();
        if second == 2000 {
            pipeline.checkpoint().unwrap();
        }
    }
    let state = pipeline.engine().checkpoint();
    // As after a kill: nothing is written at the end.
    drop(pipeline);
    let (pipeline, recovered) = open(&path);
    assert!(recovered.restored && recovered.events > 9000, "{recovered:?}");
    assert_eq!(recovered.diverged, None);
    assert_eq!(pipeline.engine().checkpoint(), state);
}

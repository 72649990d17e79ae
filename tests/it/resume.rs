//! `onspec replay --resume`: a process that is killed in the midst of a replay, and the one that goes on.

#![allow(clippy::unwrap_used, reason = "helpers of a test may fail it like the test itself")]

use crate::recordings::{Desk, mill, run_by_mqtt};
use crate::support::wait_until;
use std::process::Stdio;
use std::time::Duration;

/// The files of a replay.
const FILES: [&str; 7] = [
    "scores.csv",
    "verdicts.csv",
    "alarms.csv",
    "charts.csv",
    "soft_sensors.csv",
    "batches.csv",
    "summary.json",
];

/// Begins a replay into `out`, and kills it once it has written so many bytes of scores and something to go on from.
#[track_caller]
pub(crate) fn kill(desk: &Desk, replay: &str, bytes: u64) {
    let line = format!("{replay} --out out --resume-every 50ms");
    let mut process =
        desk.command(&line).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let length = |name: &str| std::fs::metadata(desk.path(name)).map_or(0, |found| found.len());
    wait_until("the replay to get on", Duration::from_secs(120), || {
        assert!(process.try_wait().unwrap().is_none(), "it came to its end");
        length("out/scores.csv.part") >= bytes && length("out/replay.resume") > 0
    });
    process.kill().unwrap();
    assert!(!process.wait().unwrap().success());
}

/// Compares what went on with what was never interrupted.
#[track_caller]
pub(crate) fn assert_whole(desk: &Desk) {
    for name in FILES {
        let [whole, found] =
            ["whole", "out"].map(|directory| desk.read(&format!("{directory}/{name}")));
        assert!(whole == found, "{name} differs");
    }
    let mut left: Vec<_> = std::fs::read_dir(desk.path("out"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| !FILES.contains(&name.as_str()))
        .collect();
    left.sort();
    assert!(left.is_empty(), "{left:?}");
}

/// A mill of which quality is known, that learns early.
fn learning_mill(desk: &Desk) {
    mill(desk);
    let mill = desk.read("mill.toml").replace("[grade.g]", "[grade.g]\nspec.b = { high = 9.0 }");
    let mill = mill.replace("[line.tm3.tag.b]", "[line.tm3.tag.b]\nrole = \"quality\"");
    let mqtt = "[models]\nlearning_batches = 4\nrefit = \"2 batches\"\n[[mqtt]]\nname = \"plant\"\nurl = \"mqtt://broker\"\n\
                [[mqtt.subscribe]]\ntopic = \"wide/{line}\"\nfields = { a = \"/a\", b = \"/b\", c = \"/c\" }\ntime = \"/ts\"\n\
                [[mqtt.subscribe]]\ntopic = \"events/{line}\"\nformat = \"batch-event\"\n";
    desk.write("mill.toml", mill + mqtt);
}

#[test]
fn a_replay_that_is_killed_goes_on_and_nobody_can_tell() {
    let desk = Desk::new();
    learning_mill(&desk);
    let replay = "replay -c mill.toml --time-unit s --from r.csv --events e.jsonl --learn";
    let (status, printed, errors) = desk.run(&format!("{replay} --out whole"));
    assert_eq!(status, 0, "{errors}");
    let bytes = u64::try_from(desk.read("whole/scores.csv").len()).unwrap();
    let go_on = format!("{replay} --out out --resume");
    let (status, _, errors) = desk.run(&go_on);
    assert_eq!(status, 1, "nothing was begun");
    assert!(errors.contains("there is no replay to go on with in `out`"), "{errors}");
    kill(&desk, replay, bytes * 2 / 3);

    let config = desk.read("mill.toml");
    desk.write("mill.toml", config.replace("9.0", "9.1"));
    let events = desk.read("e.jsonl");
    for (change, words) in [
        ("", "the configuration (by its hash) then was"),
        ("config", "the command line then was `--learn --time-unit s`, and now is `--learn --stop"),
        ("events", "the file of events then was `e.jsonl` of"),
    ] {
        let mut line = go_on.clone();
        match change {
            "config" => {
                desk.write("mill.toml", &config);
                line += " --stop 2026-01-24T00:00:00Z";
            }
            "events" => desk.write("e.jsonl", events.clone() + "\n"),
            _ => {}
        }
        let (status, printed, errors) = desk.run(&line);
        assert_eq!((status, printed.as_str()), (2, ""), "{errors}");
        assert!(errors.contains(words) && errors.contains("leave `--resume` out"), "{errors}");
    }
    desk.write("e.jsonl", events);
    let (status, again, errors) = desk.run(&go_on);
    assert_eq!((status, again), (0, printed), "{errors}");
    assert_whole(&desk);
    let (status, _, errors) = desk.run(&go_on);
    assert!(status == 1 && errors.contains("it was finished"), "{errors}");
    for line in ["--truth t.jsonl --out out", "--compare mill.toml", ""] {
        let (status, _, errors) = desk.run(&format!("{replay} --resume {line}"));
        assert_eq!(status, 2, "{line}: {errors}");
    }
}

#[test]
fn a_replay_of_the_journal_goes_on_to_where_the_journal_ended_then() {
    let desk = Desk::new();
    learning_mill(&desk);
    drop(run_by_mqtt(&desk));
    let replay = "replay -c mill.toml --from journal";
    assert_eq!(desk.run(&format!("{replay} --out whole")).0, 0);
    let bytes = u64::try_from(desk.read("whole/scores.csv").len()).unwrap();
    kill(&desk, replay, bytes / 2);
    // The daemon goes on meanwhile.
    drop(run_by_mqtt(&desk));
    let (status, _, errors) = desk.run(&format!("{replay} --out out --resume"));
    assert_eq!(status, 0, "{errors}");
    assert_whole(&desk);
}

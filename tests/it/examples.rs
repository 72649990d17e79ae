//! The examples for the API, `docs/examples`, against a real daemon: what they print, and that whoever follows the events misses
//! none and hears none twice, over restarts and crashes.

#![allow(clippy::unwrap_used, reason = "helpers of a test may fail it like the test itself")]

use crate::support::{
    Daemon, Mosquitto, PATIENCE, configure, free_port, get, post, publish, wait_until,
};
use onspec::telemetry::{Clock, SystemClock};
use serde_json::{Value, json};
use std::fs::File;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

const REST: &str = r#"
    [[mqtt.subscribe]]
    topic = "mill/{line}/events"
    format = "batch-event"
    [[mqtt.subscribe]]
    topic = "mill/{line}/{area}/{tag}"
    time = "/ts"
    value = "/v"
    [line.tm3]
    batch = { from = "events" }
    idle = "1h"
    [line.tm3.tag.basis_weight]
    unit = "g/m2"
    role = "quality"
    [line.tm4]
    batch = { from = "events" }
    idle = "1h"
    [grade.facial]
    spec.basis_weight = { low = 14.0, high = 16.0 }
    lab.tensile_md = { low = 120.0, unit = "N/m" }
"#;

fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/examples")
}

struct Mill {
    directory: tempfile::TempDir,
    broker: Mosquitto,
    base: String,
    config: PathBuf,
    daemon: Daemon,
}

impl Mill {
    fn start() -> Self {
        let (broker, http) = (Mosquitto::start(), free_port());
        let directory = tempfile::tempdir().unwrap();
        let config = configure(directory.path(), &broker.url(), http, REST);
        let base = format!("http://127.0.0.1:{http}");
        let daemon = Self::run(&config, &base);
        Self { directory, broker, base, config, daemon }
    }

    fn run(config: &Path, base: &str) -> Daemon {
        let mut daemon = Daemon::start(config);
        daemon.wait_ready(&format!("{base}/readyz"));
        daemon
    }

    /// A crash, and the next start.
    fn crash(&mut self) {
        self.daemon.kill_9();
        self.daemon = Self::run(&self.config, &self.base);
    }

    fn get(&self, path: &str) -> Value {
        let answer = get(&format!("{}/api/v1/{path}", self.base)).unwrap();
        serde_json::from_str(&answer.text()).unwrap()
    }

    /// Makes a batch of tm4, which is told when it ends.
    fn make(&self, id: &str, ago_s: i64) {
        let begin = now_ms() - ago_s * 1000;
        let body = json!([
            {"event": "batch-start", "batch": id, "grade": "facial", "ts": begin},
            {"event": "batch-end", "batch": id, "ts": begin + 600_000, "mass_kg": 900},
        ]);
        let url = format!("{}/api/v1/lines/tm4/events", self.base);
        let told = post(&url, &[], body.to_string().as_bytes()).unwrap();
        assert_eq!(told.status, 202, "{}", told.text());
    }

    /// A reel of tm3 that is too heavy: an alarm that stands.
    fn make_too_heavy(&self) {
        let begin = now_ms() - 7_200_000;
        let reading = |s: i64| {
            let (v, ts) =
                (20.0 + 0.01 * f64::from(i32::try_from(s % 7).unwrap()), begin + s * 1000);
            (
                "mill/tm3/dry/basis_weight".to_owned(),
                format!(r#"{{"v":{v},"ts":{ts}}}"#).into_bytes(),
            )
        };
        let begins = json!({"event": "batch-start", "batch": "H1", "grade": "facial", "ts": begin});
        let first =
            std::iter::once(("mill/tm3/events".to_owned(), begins.to_string().into_bytes()));
        publish(self.broker.port(), first.chain((0..240).map(reading)).collect());
        wait_until("the alarm stands", PATIENCE, || {
            self.get("alarms?line=tm3&class=batch")["alarms"].as_array().unwrap().len() == 1
        });
    }

    fn command(&self, program: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(program);
        command.args(arguments).current_dir(self.directory.path()).env("ONSPEC_URL", &self.base);
        command
    }

    fn python(&self, arguments: &[&str]) -> Command {
        let script = examples().join("onspec_api.py");
        let mut command = self.command("python3", &[script.to_str().unwrap()]);
        command.args(arguments);
        command
    }

    fn curl(&self, name: &str, arguments: &[&str]) -> Command {
        let script = examples().join("curl").join(name);
        let mut command = self.command("sh", &[script.to_str().unwrap()]);
        command.args(arguments);
        command
    }

    /// What the log has from a number on, as `follow` prints it without the titles.
    fn logged(&self) -> Vec<String> {
        let log = self.get("events/log?limit=1000");
        assert_eq!(log["next"], json!(null));
        let of = |one: &Value| format!("{} {}", one["id"], one["event"]["type"].as_str().unwrap());
        log["events"].as_array().unwrap().iter().map(of).collect()
    }
}

fn now_ms() -> i64 {
    SystemClock.now_nanos() / 1_000_000
}

#[track_caller]
fn printed(mut command: Command) -> String {
    let done = command.output().unwrap();
    let (text, errors) = (
        String::from_utf8(done.stdout).unwrap(),
        String::from_utf8_lossy(&done.stderr).into_owned(),
    );
    assert!(done.status.success(), "{command:?}: {text}{errors}");
    text
}

/// Runs on until it is dropped, with all that it started; what it prints goes to a file.
struct Running(Child, PathBuf);

impl Running {
    fn start(mut command: Command, output: PathBuf) -> Self {
        let file = File::options().create(true).append(true).open(&output).unwrap();
        Self(
            command.process_group(0).stdout(file).stderr(Stdio::inherit()).spawn().unwrap(),
            output,
        )
    }

    /// The lines that it has printed, as soon as there are so many.
    #[track_caller]
    fn wait_for(&self, count: usize) -> Vec<String> {
        let read = || -> Vec<String> {
            let text = std::fs::read_to_string(&self.1).unwrap();
            text.lines().map(str::to_owned).collect()
        };
        wait_until("the events are printed", PATIENCE, || read().len() >= count);
        read()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let group = format!("-{}", self.0.id());
        Command::new("kill").args(["-KILL", "--", &group]).status().unwrap();
        self.0.wait().unwrap();
    }
}

#[test]
fn what_the_examples_ask_is_answered() {
    let mill = Mill::start();
    mill.make_too_heavy();
    for (id, ago_s) in [("R1", 9000), ("R2", 8000), ("R 3/b", 7000), ("R4", 6000), ("R5", 5000)] {
        mill.make(id, ago_s);
    }

    let lines = printed(mill.python(&["lines"]));
    let flagged = |text: &str, before: &str| {
        ["off-spec", "at-risk"].iter().any(|call| text.contains(&format!("{before}{call}")))
    };
    assert!(flagged(&lines, "tm3: ") && lines.contains(", batch H1"), "{lines}");
    let etag = mill.directory.path().join("etag");
    let etag = etag.to_str().unwrap();
    let first = printed(mill.curl("lines.sh", &[etag]));
    assert!(first.contains(r#""line":"tm3""#), "{first}");
    assert_eq!(printed(mill.curl("lines.sh", &[etag])), "", "nothing has changed");
    assert_eq!(printed(mill.curl("lines.sh", &[])).len(), first.len(), "it is sent again");
    let verdict = printed(mill.python(&["verdict", "tm3"]));
    assert!(flagged(&verdict, "H1: ") && verdict.contains("basis_weight"), "{verdict}");
    let verdict: Value = serde_json::from_str(&printed(mill.curl("verdict.sh", &["tm3"]))).unwrap();
    assert_eq!(verdict["batch"], "H1");

    let batches = |more: &[&str]| {
        let arguments = [&["batches", "--line", "tm4", "--limit", "2"], more].concat();
        let text = printed(mill.python(&arguments));
        text.lines()
            .map(|line| line.strip_suffix(" None").unwrap_or(line).to_owned())
            .collect::<Vec<_>>()
    };
    let found = batches(&[]);
    let ids: Vec<&str> = found.iter().map(|line| line.rsplit_once(' ').unwrap().0).collect();
    assert_eq!(ids, ["tm4 R5", "tm4 R4", "tm4 R 3/b", "tm4 R2", "tm4 R1"]);
    let pieces = printed(mill.curl("batches.sh", &["line=tm4&limit=2"]));
    let pieces: Vec<Value> =
        pieces.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let sizes: Vec<usize> =
        pieces.iter().map(|one| one["batches"].as_array().unwrap().len()).collect();
    assert_eq!(sizes, [2, 2, 1]);

    let result = ["lab", "tm4", "R 3/b", "tensile_md", "113.4", "--unit", "N/m"];
    assert_eq!(printed(mill.python(&result)), "taken\n");
    let body = r#"{"property": "tensile_md", "value": 0.131, "unit": "kN/m"}"#;
    let taken: Value =
        serde_json::from_str(&printed(mill.curl("lab.sh", &["tm4", "R2", body]))).unwrap();
    assert_eq!((&taken["taken"], &taken["faults"]), (&json!(1), &json!([])));
    assert_eq!(batches(&["--verdict", "off-spec"]), ["tm4 R 3/b off-spec"]);
    assert_eq!(mill.get("batches/tm4/R2")["lab"]["tensile_md"], 131.0);

    let order = ["acknowledge", "tm3/batch", "--by", "shift A", "--note", "on my way"];
    assert_eq!(printed(mill.python(&order)), "tm3/batch: acknowledged\n");
    let again = mill.python(&order).output().unwrap();
    let said = String::from_utf8_lossy(&again.stderr).into_owned();
    assert_eq!(again.status.code(), Some(1));
    assert!(said.starts_with("error: 409 /problems/conflict: alarm `tm3/batch`"), "{said}");
    let refused =
        mill.curl("acknowledge.sh", &[r#"{"alarm": "tm3/batch", "by": " "}"#]).output().unwrap();
    let said: Value = serde_json::from_slice(&refused.stdout).unwrap();
    assert_eq!(
        (&said["type"], &said["parameter"]),
        (&json!("/problems/bad-parameter"), &json!("by"))
    );
    assert!(!refused.status.success());
}

#[test]
fn who_follows_misses_nothing_and_hears_nothing_twice() {
    let mut mill = Mill::start();
    let path = |name: &str| mill.directory.path().join(name);
    let (by_python, by_curl, place) = (path("python.txt"), path("curl.txt"), path("place.txt"));
    std::fs::write(&place, "0").unwrap();
    std::fs::write(path("curl-place.txt"), "0").unwrap();
    mill.make("R1", 9000);
    let place = place.to_str().unwrap().to_owned();
    let follow = ["follow", "--place", &place];
    let mut python = Running::start(mill.python(&follow), by_python.clone());
    let curl = Running::start(mill.curl("follow.sh", &["curl-place.txt"]), by_curl);
    let told = |count: usize| (1..=count).map(|n| format!("R{n}")).collect::<Vec<_>>();
    python.wait_for(1);

    // The daemon dies under both, and one of them as well.
    mill.make("R2", 8000);
    mill.crash();
    mill.make("R3", 7000);
    // It is killed when it has noted what it printed.
    let printed = mill.logged();
    python.wait_for(printed.len());
    let last = printed.last().unwrap().split(' ').next().unwrap().to_owned();
    wait_until("the place is noted", PATIENCE, || std::fs::read_to_string(&place).unwrap() == last);
    drop(python);
    mill.make("R4", 6000);
    mill.daemon.terminate();
    mill.daemon = Mill::run(&mill.config, &mill.base);
    mill.make("R5", 5000);
    python = Running::start(mill.python(&follow), by_python);

    let expected = mill.logged();
    let lines = python.wait_for(expected.len());
    let seen: Vec<String> =
        lines.iter().map(|line| line.split(' ').take(2).collect::<Vec<_>>().join(" ")).collect();
    assert_eq!(seen[..expected.len()], expected, "{lines:#?}");
    let documents: Vec<Value> = curl
        .wait_for(expected.len())
        .iter()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let finished: Vec<&str> = documents
        .iter()
        .filter(|one| one["type"] == "batch.finished")
        .map(|one| one["data"]["batch"].as_str().unwrap())
        .collect();
    assert_eq!(finished, told(5));
    let log = mill.get("events/log?types=batch.finished&line=tm4");
    assert_eq!(log["events"].as_array().unwrap().len(), 5);
    assert_eq!(
        log["events"][0]["event"],
        documents[documents.iter().position(|d| d["type"] == "batch.finished").unwrap()]
    );
}

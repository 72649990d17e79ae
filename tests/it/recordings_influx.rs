//! `onspec fit` and `replay` over what InfluxDB has of a line.

#![allow(clippy::unwrap_used, reason = "helpers of a test may fail it like the test itself")]

use crate::recordings::{Desk, EPOCH, mill};
use crate::resume::{assert_whole, kill};
use crate::support::Influxd;
use onspec::app::{FitMode, Outputs, Pipeline};
use onspec::decode::Arrival;
use onspec::engine::Event;
use onspec::influx::Encoded;
use onspec::reading::Timestamp;
use onspec::store::{Settings, Store, WhenFull};
use std::fmt::Write as _;

/// The mill, its store and its InfluxDB.
const CONFIG: &str = r#"
[store]
path = "mill.db"
[influxdb]
url = "URL"
org = "ORG"
bucket = "BUCKET"
token = { file = "token" }
[[mqtt]]
name = "plant"
url = "mqtt://broker"
[[mqtt.subscribe]]
topic = "t/{line}/{tag}"
value = "/v"
time = "/ts"
quality = "/q"
[[mqtt.subscribe]]
topic = "events/{line}"
format = "batch-event"
[line.tm3]
frame = "1s"
lateness = "2s"
settle = "0s"
batch = { from = "events" }
[line.tm3.tag.a]
[line.tm3.tag.b]
[line.tm3.tag.c]
role = "quality"
[grade.g]
spec.c = { high = 30 }
[grade.other]
"#;

/// Writes the configuration for a server under a name.
fn configure(desk: &Desk, name: &str, server: &Influxd, change: impl Fn(String) -> String) {
    let text = CONFIG
        .replace("URL", &server.url())
        .replace("ORG", server.org())
        .replace("BUCKET", server.bucket());
    desk.write(name, change(text));
}

/// The readings of `r.csv` in the order in which they came, as `(received, at, tag, value, quality)`, s: some
/// are late, some bad, some came together.
fn readings(desk: &Desk) -> Vec<(i64, i64, &'static str, String, u8)> {
    let mut all = Vec::new();
    let rows = desk.read("r.csv");
    for (n, row) in (0..).zip(rows.lines().skip(1)) {
        let mut cells = row.split(',');
        let at: i64 = cells.next().unwrap().parse().unwrap();
        for (tag, value) in ["a", "b", "c"].into_iter().zip(cells) {
            let delay = if n % 500 == 50 && tag == "b" { 20 } else { 0 };
            let quality = if n % 700 == 90 && tag == "a" { 0 } else { 192 };
            all.push((at + delay, at, tag, value.to_owned(), quality));
        }
    }
    all.sort_by_key(|(received, ..)| *received);
    all
}

/// What the daemon writes of all this, in the line protocol, and the recording equal to it, `long.csv`.
fn lines(desk: &Desk) -> String {
    let config = desk.path("mill.toml");
    let checked = onspec::config::read(&config).unwrap();
    let in_memory =
        Settings { path: None, max_size_bytes: 1 << 30, when_full: WhenFull::DropOldestReadings };
    let rules = checked.rules();
    let store = Store::open(&in_memory).unwrap();
    let opened = Pipeline::open(store, checked.plant, rules, Outputs::default(), FitMode::Inline);
    let (mut pipeline, _) = opened.unwrap();
    let mut csv = String::from("time,tag,value,quality\n");
    let mut messages = Vec::new();
    for line in desk.read("e.jsonl").trim_start_matches('\u{feff}').lines() {
        let event: serde_json::Value = serde_json::from_str(line).unwrap();
        let at = event["ts"].as_i64().unwrap() / 1000;
        messages.push((at, "events/tm3".to_owned(), line.to_owned()));
    }
    for (received, at, tag, value, quality) in readings(desk) {
        writeln!(csv, "{at},{tag},{value},{quality}").unwrap();
        let body = format!(r#"{{"v":{value},"q":{quality},"ts":{at}000}}"#);
        messages.push((received, format!("t/tm3/{tag}"), body));
    }
    desk.write("long.csv", csv);
    messages.sort_by_key(|(received, ..)| *received);
    let mut encoded = Encoded::default();
    for (received, topic, payload) in messages {
        let arrival = Arrival {
            broker: "plant".into(),
            received: Timestamp::from_millis(received * 1000).unwrap(),
            topic: topic.into(),
            payload: payload.into(),
            retained: false,
            properties: None,
        };
        pipeline.commit([Event::Arrival(arrival)], &mut |effect| encoded.push(effect)).unwrap();
    }
    pipeline.finish(&mut |effect| encoded.push(effect)).unwrap();
    String::from_utf8([encoded.readings.bytes, encoded.results.bytes].concat()).unwrap()
}

#[test]
fn what_influxdb_has_is_judged_as_the_equal_recording() {
    let server = Influxd::start();
    let desk = Desk::new();
    mill(&desk);
    configure(&desk, "mill.toml", &server, |text| text);
    desk.write("token", server.token());
    let lines = lines(&desk);
    // Late, bad, and good.
    for quality in ["quality=16i", "quality=1i", "quality=0i"] {
        assert!(lines.contains(quality), "{quality}");
    }
    assert_eq!(server.write(&lines).status, 204);
    // Of another line, and of another measurement.
    let other = format!("readings,line=tm4,tag=a value=1,quality=0i {EPOCH}000000500\n");
    assert_eq!(server.write(&other).status, 204);

    let of_file = "--time-unit s --from long.csv --events e.jsonl";
    let (status, file, warned) = desk.run(&format!("fit -c mill.toml --grade g --json {of_file}"));
    assert_eq!(status, 0, "{warned}");
    // Batches and what was decided of them are there as well.
    desk.write("fit.toml", desk.read("mill.toml").replace("mill.db", "fit.db"));
    let (status, stored, warned) = desk.run("fit -c fit.toml --grade g --json --from influx");
    assert_eq!(status, 0, "{warned}");
    let begin = "2026-01-16T01:39:59Z";
    assert_eq!(
        warned,
        format!(
            "warning: what is read begins {begin}, seven days before the newest reading: say `--start` for another begin\n"
        )
    );
    assert_eq!(file, stored);

    let replay = "replay -c mill.toml --json";
    let (status, file, warned) = desk.run(&format!("{replay} {of_file} --out file"));
    assert_eq!(status, 0, "{warned}");
    let of_influx = "--from influx --start 2026-01-23T00:00:00Z";
    let events = format!("{replay} {of_influx} --events e.jsonl --out influx");
    let (status, stored, warned) = desk.run(&events);
    assert_eq!((status, warned.as_str()), (0, ""));
    assert_eq!(file, stored);
    assert!(file.contains("\"records\":18000,"), "{file}");
    for name in ["scores.csv", "verdicts.csv", "alarms.csv", "batches.csv"] {
        let [file, influx] = ["file", "influx"].map(|out| desk.read(&format!("{out}/{name}")));
        let differ = file.lines().zip(influx.lines()).find(|(file, influx)| file != influx);
        assert_eq!(differ, None, "{name}");
        assert_eq!(file.len(), influx.len(), "{name}");
    }
    assert!(desk.read("influx/batches.csv").contains(",off-spec,"));
    let (status, _, warned) = desk.run(&format!("{replay} {of_influx} --out batches"));
    assert_eq!((status, warned.as_str()), (0, ""));
    assert_eq!(desk.read("file/scores.csv"), desk.read("batches/scores.csv"));

    // A stretch of it, and another configuration of it.
    let stop = "--stop 2026-01-23T00:10:00Z";
    let (status, part, _) = desk.run(&format!("{replay} {of_influx} {stop}"));
    assert_eq!(status, 0);
    assert!(part.contains("\"records\":1800,"), "{part}");
    configure(&desk, "tight.toml", &server, |text| text.replace("high = 30", "high = 10"));
    let (status, printed, _) = desk.run(&format!("{replay} {of_influx} --compare tight.toml"));
    assert_eq!(status, 1, "{printed}");
    assert!(printed.contains("\"differs\":true"), "{printed}");

    // One that was interrupted goes on to where it would have come to, though more is there by then.
    let replay = "replay -c mill.toml --from influx";
    assert_eq!(desk.run(&format!("{replay} --out whole")).0, 0);
    kill(&desk, replay, u64::try_from(desk.read("whole/scores.csv").len()).unwrap() / 2);
    let later = format!("readings,line=tm3,tag=a value=1,quality=0i {}000000000\n", EPOCH + 7000);
    assert_eq!(server.write(&later).status, 204);
    let (status, _, errors) = desk.run(&format!("{replay} --out out --resume"));
    assert_eq!(status, 0, "{errors}");
    assert_whole(&desk);
}

#[test]
fn what_keeps_from_reading_influxdb_is_said() {
    let mut server = Influxd::start();
    let desk = Desk::new();
    desk.write("token", server.token());
    desk.write("wrong", "nobody");
    configure(&desk, "mill.toml", &server, |text| text);
    configure(&desk, "token.toml", &server, |text| text.replace("\"token\"", "\"wrong\""));
    configure(&desk, "bucket.toml", &server, |text| {
        text.replace("bucket = \"quality\"", "bucket = \"qualitty\"")
    });
    configure(&desk, "none.toml", &server, |text| {
        let (before, rest) = text.split_once("[influxdb]").unwrap();
        format!("{before}{}", &rest[rest.find("[[mqtt]]").unwrap()..])
    });
    let reading = format!("readings,line=tm3,tag=a value=1,quality=0i {EPOCH}000000000\n");
    assert_eq!(server.write(&reading).status, 204);
    let check = |line: &str, status: i32, words: &[&str]| {
        let (ended, printed, warned) = desk.run(&format!("replay --from influx {line}"));
        assert_eq!((ended, printed.as_str()), (status, ""), "{line}: {warned}");
        assert!(words.iter().all(|word| warned.contains(word)), "{line}: {warned}");
    };
    check("-c token.toml", 1, &["the server answered 401", "or may not read"]);
    check("-c bucket.toml", 1, &["qualitty", "the server answered 404", "it is not there"]);
    let begin = "2026-01-23T00:00:01Z";
    let words = format!("has no reading of line `tm3` from {begin} on");
    check(&format!("-c mill.toml --start {begin}"), 1, &[&words]);
    check("-c mill.toml --stop 2026-01-23T00:00:00Z", 1, &["has no reading of line `tm3` before"]);
    check("-c mill.toml --period 3m", 2, &["`--period` cannot be used with `--from influx`"]);
    check("-c none.toml", 2, &["the configuration has no `[influxdb]`"]);
    server.stop();
    check("-c mill.toml", 1, &["cannot read from InfluxDB at `http", "onnection refused"]);
}

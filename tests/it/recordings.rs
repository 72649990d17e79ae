//! `onspec fit`, `replay` and `simulate` over tables as plants have them: what is wrong with a recording is
//! said, and nothing of it is lost in silence.

#![allow(clippy::unwrap_used, reason = "helpers of a test may fail it like the test itself")]

use onspec::app::{FitMode, Outputs, Pipeline};
use onspec::decode::Arrival;
use onspec::engine::{Effect, Event};
use onspec::reading::Timestamp;
use onspec::store::{Settings, Store};
use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use tempfile::TempDir;

/// 2026-01-23T00:00:00Z, s.
pub(crate) const EPOCH: i64 = 1_769_126_400;

/// A directory with recordings, where `onspec` is run.
pub(crate) struct Desk(TempDir);

impl Desk {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        fs::write(self.0.path().join(name), text).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.0.path().join(name)).unwrap()
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// A command line that can be run here.
    pub(crate) fn command(&self, line: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_onspec"));
        command.args(line.split_whitespace()).current_dir(self.0.path());
        command
    }

    /// The status, standard output and standard error of a command line.
    pub(crate) fn run(&self, line: &str) -> (i32, String, String) {
        let output = self.command(line).output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
    }
}

/// Three columns of which the third follows the others; of row `n`.
fn values(n: i64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "small test numbers")]
    let part = |times: i64, of: i64| ((n * times) % of) as f64 / 10.0;
    let (a, b) = (part(37, 101), part(53, 97));
    format!("{a},{b},{}", a + b + part(11, 7))
}

fn table(rows: impl Iterator<Item = i64>) -> String {
    let mut csv = String::from("time,a,b,c\n");
    for n in rows {
        writeln!(csv, "{},{}", EPOCH + n, values(n)).unwrap();
    }
    csv
}

const AUTO: &str = "--auto --store m.db --time-unit s";

#[test]
fn cell_that_is_no_number_costs_a_value_and_not_a_column() {
    let desk = Desk::new();
    desk.write("bad.csv", table(0..400).replacen(&values(299), "1.0,2.0,Bad", 1));
    let (status, said, warned) = desk.run(&format!("fit {AUTO} --from bad.csv"));
    assert_eq!(status, 0, "{warned}");
    assert!(said.contains("pca of 3 tags"), "{said}");
    let expected = "warning: column `c`: 1 of 400 values are no numbers and count as missing, the first `Bad` in line 301\n";
    assert_eq!(warned, expected);
    let (status, _, warned) = desk.run(&format!("replay {AUTO} --from bad.csv"));
    assert_eq!((status, warned.as_str()), (0, expected));
    // A table without the column cannot be judged by the model, and that is no success.
    desk.write("less.csv", table(0..400).replace(",c\n", ",d\n"));
    let (status, printed, warned) = desk.run(&format!("replay {AUTO} --from less.csv"));
    assert_eq!(status, 1, "{printed}");
    assert!(
        warned.contains("the line has no tag `c` (the recording has no such column"),
        "{warned}"
    );
    assert!(warned.contains("error: no frame was judged"), "{warned}");
    desk.write("text.csv", "time,a\n1769126400,on\n1769126401,off\n");
    let (status, _, warned) = desk.run(&format!("fit {AUTO} --from text.csv"));
    assert_eq!(status, 1);
    assert!(warned.contains("no column of the recording holds numbers"), "{warned}");
}

#[test]
fn newest_first_is_judged_like_oldest_first() {
    let desk = Desk::new();
    desk.write("up.csv", table(0..300));
    desk.write("down.csv", table((0..300).rev()));
    assert_eq!(desk.run(&format!("fit {AUTO} --from up.csv")).0, 0);
    for name in ["up", "down"] {
        let (status, _, warned) =
            desk.run(&format!("replay {AUTO} --from {name}.csv --out {name}"));
        assert_eq!(status, 0, "{warned}");
        assert_eq!(warned.contains("its 300 records are sorted"), name == "down", "{warned}");
    }
    assert_eq!(desk.read("up/scores.csv"), desk.read("down/scores.csv"));
    assert!(desk.read("up/summary.json").contains("\"judged\": 300"));
}

#[test]
fn store_that_was_named_has_to_be_there() {
    let desk = Desk::new();
    desk.write("r.csv", table(0..3));
    let (status, printed, warned) =
        desk.run("replay --auto --store typo.db --time-unit s --from r.csv");
    assert_eq!((status, printed.as_str()), (1, ""));
    assert!(warned.contains("typo.db"), "{warned}");
    assert!(!desk.0.path().join("typo.db").exists());
}

#[test]
fn replay_that_fails_leaves_the_files_of_the_one_before() {
    let desk = Desk::new();
    desk.write("r.csv", table(0..300));
    assert_eq!(desk.run(&format!("fit {AUTO} --from r.csv")).0, 0);
    assert_eq!(desk.run(&format!("replay {AUTO} --from r.csv --out out")).0, 0);
    let before = desk.read("out/scores.csv");
    // The survey passes; the events do not.
    desk.write("e.jsonl", "{\"event\":\"batch-start\"}\n");
    let (status, _, warned) =
        desk.run(&format!("replay {AUTO} --from r.csv --events e.jsonl --out out"));
    assert_eq!(status, 1, "{warned}");
    assert_eq!(desk.read("out/scores.csv"), before);
    assert!(!desk.0.path().join("out/scores.csv.part").exists());
}

#[test]
fn rows_that_are_frames_raise_no_silent_sensor_and_name_line_and_grade() {
    let desk = Desk::new();
    desk.write("r.csv", table(0..200));
    let common = "--auto --store m.db --period 3m --ignore time --from r.csv";
    assert_eq!(desk.run(&format!("fit {common}")).0, 0);
    // Rows without a value cannot be judged.
    desk.write("r.csv", table(0..200).replace(&values(199), ",,"));
    assert_eq!(desk.run(&format!("replay {common} --out out")).0, 0);
    assert_eq!(desk.read("out/alarms.csv"), "time,line,alarm,state,severity,message,id\n");
    let scores = desk.read("out/scores.csv");
    let statistics = ",,".repeat(onspec::engine::Statistic::ALL.len());
    let row = format!("1970-01-01T09:57:00Z,auto,auto,,,0{statistics}");
    assert_eq!(scores.lines().last(), Some(&*row));
}

/// The tables of `recordings/`, which `tests/oracles/recordings.py` wrote by another implementation, as CSV.
fn as_csv(desk: &Desk) {
    desk.write("wide.parquet", include_bytes!("recordings/wide.parquet"));
    desk.write("long.parquet", include_bytes!("recordings/long.parquet"));
    let mut wide = String::from("time,a,b,c,on,mass,count,note\n");
    let mut long = String::from("time,tag,value,quality\n");
    for n in 0..300 {
        let at = EPOCH + n;
        let values = values(n);
        let [a, b, c] = *values.split(',').collect::<Vec<_>>() else { unreachable!("three") };
        let (on, cents, count) = (u8::from(n % 3 == 0), n * 29 % 1000, n * 7 % 11);
        let mass = format!("{}.{:02}", cents / 100, cents % 100);
        let hole = if n % 50 == 7 { "" } else { b };
        writeln!(wide, "{at},{a},{hole},{c},{on},{mass},{count},shift {}", n / 100).unwrap();
        let quality = if n == 40 { 0 } else { 192 };
        for (tag, value) in [("a", a), ("b", b), ("c", c)] {
            let value = if n == 20 { "nan" } else { value };
            writeln!(long, "{at},{tag},{value},{quality}").unwrap();
        }
    }
    desk.write("wide.csv", wide);
    desk.write("long.csv", long);
}

#[test]
fn same_table_as_csv_and_as_parquet_gives_the_same_bytes() {
    let desk = Desk::new();
    as_csv(&desk);
    for shape in ["wide", "long"] {
        let [csv, parquet] = ["csv", "parquet"].map(|format| {
            let common = format!("--auto --store {shape}-{format}.db --time-unit s --from {shape}.{format}");
            let (status, header, warned) = desk.run(&format!("fit {common} --json"));
            assert_eq!(status, 0, "{warned}");
            let (status, _, warned) = desk.run(&format!("replay {common} --out {shape}-{format}"));
            assert_eq!(status, 0, "{warned}");
            let place = if format == "csv" { "line 2" } else { "row 1 (row group 1)" };
            let left_out = format!(
                "warning: column `note` is text and left out: 300 of 300 values are no numbers, the first \
                 `shift 0` in {place}\n"
            );
            assert_eq!(warned, if shape == "wide" { left_out.as_str() } else { "" });
            let files = ["scores.csv", "verdicts.csv", "alarms.csv", "summary.json"]
                .map(|name| desk.read(&format!("{shape}-{format}/{name}")));
            (header, files)
        });
        assert!(csv == parquet, "{shape}: {csv:?} {parquet:?}");
        assert!(csv.1[3].contains("\"frames\": 300"), "{}", csv.1[3]);
        assert!(!csv.1[3].contains("\"judged\": 0"), "{}", csv.1[3]);
    }
    // One recording of both formats, whose rows lie between each other.
    desk.write("up.csv", table(0..300));
    desk.write(
        "more.csv",
        desk.read("wide.csv").lines().next().unwrap().to_owned() + "\n1769126701,1,2,3,1,2.5,3,x\n",
    );
    let common = "--auto --store wide-csv.db --time-unit s";
    let (status, printed, warned) =
        desk.run(&format!("replay {common} --json --from more.csv wide.parquet"));
    assert_eq!(status, 0, "{warned}");
    assert!(printed.contains("\"records\":301,"), "{printed}");
    let (status, _, warned) = desk.run(&format!("replay {common} --from up.csv wide.parquet"));
    assert_eq!(
        (status, warned.as_str()),
        (1, "error: `wide.parquet` has other columns than `up.csv`\n")
    );
}

#[test]
fn parquet_that_is_not_whole_is_refused() {
    let desk = Desk::new();
    let whole = include_bytes!("recordings/wide.parquet");
    desk.write("cut.parquet", &whole[..whole.len() / 2]);
    let (status, printed, warned) = desk.run(&format!("fit {AUTO} --from cut.parquet"));
    let expected = "error: `cut.parquet` begins as a Parquet file and does not end as one: it was cut off; copy it whole\n";
    assert_eq!((status, printed.as_str(), warned.as_str()), (1, "", expected));
    let mut bytes = whole.to_vec();
    bytes[4..12].fill(0xff);
    desk.write("bad.parquet", bytes);
    let (status, _, warned) = desk.run(&format!("fit {AUTO} --from bad.parquet"));
    assert_eq!(status, 1);
    assert!(warned.starts_with("error: `bad.parquet`, row 1 (row group 1), column `time`: it cannot be decoded from there on ("), "{warned}");
    assert!(warned.ends_with("the file is damaged or encrypted, write it anew\n"), "{warned}");
}

/// Batches of 200 frames of a second: `R0` to `R9` of grade `g` released, `S…` scrapped ones
/// and `T…` of another grade between them, which run far away.
pub(crate) fn mill(desk: &Desk) {
    let (mut csv, mut events) = (String::from("time,a,b,c\n"), String::from("\u{feff}"));
    for batch in 0..30 {
        let (name, grade, fate, shift) = match batch % 3 {
            0 => (format!("R{}", batch / 3), "g", "release", 0),
            1 => (format!("S{}", batch / 3), "g", "scrap", 50),
            _ => (format!("T{}", batch / 3), "other", "release", 90),
        };
        let start = EPOCH + batch * 200;
        writeln!(
            events,
            r#"{{"event":"batch-start","batch":"{name}","grade":"{grade}","ts":{start}000}}
{{"event":"batch-end","batch":"{name}","ts":{}000}}
{{"event":"disposition","batch":"{name}","disposition":"{fate}","ts":{}000}}"#,
            start + 200,
            start + 201,
        )
        .unwrap();
        for n in batch * 200..(batch + 1) * 200 {
            let (a, rest) =
                values(n).split_once(',').map(|(a, r)| (a.to_owned(), r.to_owned())).unwrap();
            let a = a.parse::<f64>().unwrap() + f64::from(shift);
            writeln!(csv, "{},{a},{rest}", EPOCH + n).unwrap();
        }
    }
    desk.write("r.csv", csv);
    desk.write("e.jsonl", events);
    desk.write(
        "mill.toml",
        "[store]\npath = \"mill.db\"\n[line.tm3]\nframe = \"1s\"\nlateness = \"0s\"\nsettle = \"0s\"\n\
         batch = { from = \"events\" }\n[line.tm3.tag.a]\n[line.tm3.tag.b]\n[line.tm3.tag.c]\n[grade.g]\n[grade.other]\n",
    );
}

#[test]
fn fit_learns_from_the_batches_of_its_grade_that_are_fit_for_learning() {
    let desk = Desk::new();
    mill(&desk);
    let fit = "fit -c mill.toml --grade g --json --time-unit s --from r.csv --events e.jsonl";
    let (status, printed, warned) = desk.run(fit);
    assert_eq!(status, 0, "{warned}");
    let header: serde_json::Value = serde_json::from_str(&printed).unwrap();
    // Neither scrapped batches nor those of the other grade are in.
    assert_eq!(header["blocks"], 10, "{printed}");
    // Nobody said what was good.
    let events = desk.read("e.jsonl");
    let silent = events.lines().filter(|line| !line.contains("disposition"));
    desk.write("e.jsonl", silent.collect::<Vec<_>>().join("\n"));
    let (status, _, warned) = desk.run(fit);
    assert_eq!(status, 1);
    assert!(warned.contains("none of the 30 batches recorded is of grade `g`"), "{warned}");
}

#[test]
fn comparison_names_the_batches_that_another_configuration_judges_otherwise() {
    let desk = Desk::new();
    mill(&desk);
    // `c` is a + b and up to 0.6: from 0 to 20.2. A quality tag for the whole mill.
    let mill = desk.read("mill.toml");
    let limits = |high: f64| {
        mill.replace("[line.tm3.tag.c]", "[line.tm3.tag.c]\nrole = \"quality\"")
            .replace("[grade.g]", &format!("[grade.g]\nspec.c = {{ high = {high} }}"))
    };
    desk.write("mill.toml", limits(30.0));
    desk.write("same.toml", limits(31.0));
    desk.write("tight.toml", limits(10.0).replace("mill.db", "tight.db"));
    let common = "replay -c mill.toml --time-unit s --from r.csv --events e.jsonl --compare";
    let (status, printed, warned) = desk.run(&format!("{common} same.toml"));
    assert_eq!(status, 0, "{printed}{warned}");
    assert!(printed.ends_with("nothing would change\n"), "{printed}");
    let (status, printed, _) = desk.run(&format!("{common} tight.toml"));
    assert_eq!(status, 1, "{printed}");
    assert!(printed.contains("→ off-spec"), "{printed}");
    let (status, printed, warned) = desk.run(&format!("{common} tight.toml --json"));
    assert_eq!(status, 1, "{warned}");
    assert!(warned.contains("warning: `tight.toml`: there is no store"), "{warned}");
    let document: serde_json::Value = serde_json::from_str(&printed).unwrap();
    assert_eq!(document["differs"], true);
    let batches = document["batches"].as_array().unwrap();
    let names: Vec<_> = batches.iter().map(|batch| batch["batch"].as_str().unwrap()).collect();
    // In order of their start; those of the other grade have no limits.
    assert_eq!(names[..4], ["R0", "S0", "R1", "S1"], "{printed}");
    assert!(names.iter().all(|name| !name.starts_with('T')), "{printed}");
    let first = &batches[0];
    assert_eq!(first["verdict"]["after"], "off-spec", "{printed}");
    assert_eq!(first["first_flag"]["before"], serde_json::Value::Null, "{printed}");
    assert_eq!(first["reasons"]["after"], serde_json::json!(["spec"]), "{printed}");
    assert_eq!(document["figures"]["frames"]["before"], document["figures"]["frames"]["after"]);
    // Learning gives both the same models, so that limits alone make the difference.
    let (status, printed, warned) = desk.run(&format!("{common} same.toml --learn --json"));
    assert_eq!(status, 0, "{printed}{warned}");
    for line in ["--out out", "--store m.db", "--truth t.jsonl"] {
        let (status, _, warned) = desk.run(&format!("{common} same.toml {line}"));
        assert_eq!(status, 2, "{line}: {warned}");
        assert!(warned.contains("cannot be used with"), "{line}: {warned}");
    }
    desk.write("wrong.toml", limits(10.0).replace("high", "hihg"));
    let (status, printed, warned) = desk.run(&format!("{common} wrong.toml"));
    assert_eq!((status, printed.as_str()), (2, ""), "{warned}");
}

/// Runs the mill of `mill.toml` as a daemon would, from what came over MQTT: `r.csv` and `e.jsonl` in their
/// order. The store stays open; what was said of batches comes back.
pub(crate) fn run_by_mqtt(desk: &Desk) -> (Pipeline, Vec<String>) {
    let checked = onspec::config::read(&desk.path("mill.toml")).unwrap();
    let settings = Settings { path: Some(desk.path("mill.db")), ..checked.store.clone() };
    let (rules, outputs) = (checked.rules(), Outputs::default());
    let store = Store::open(&settings).unwrap();
    let opened = Pipeline::open(store, checked.plant, rules, outputs, FitMode::Inline);
    let (mut pipeline, _) = opened.unwrap();
    let rows = desk.read("r.csv");
    let rows = rows.lines().skip(1).map(|row| {
        let [at, a, b, c] = *row.split(',').collect::<Vec<_>>() else { unreachable!("four") };
        let body = format!(r#"{{"a":{a},"b":{b},"c":{c},"ts":{at}000}}"#);
        (at.parse::<i64>().unwrap() * 1000, "wide/tm3", body)
    });
    let events = desk.read("e.jsonl");
    let events = events.trim_start_matches('\u{feff}').lines().map(|line| {
        let event: serde_json::Value = serde_json::from_str(line).unwrap();
        (event["ts"].as_i64().unwrap(), "events/tm3", line.to_owned())
    });
    let mut all: Vec<_> = events.chain(rows).collect();
    all.sort_by_key(|(at, ..)| *at);
    let mut said = Vec::new();
    for (at, topic, payload) in all {
        let arrival = Arrival {
            broker: "plant".into(),
            received: Timestamp::from_millis(at).unwrap(),
            topic: topic.into(),
            payload: payload.into(),
            retained: false,
            properties: None,
        };
        let mut hear = |effect: &Effect| {
            if let Effect::BatchVerdict(document) = effect {
                said.push(format!("{:?},{}", document.batch, document.verdict.as_str()));
            }
        };
        pipeline.commit([Event::Arrival(arrival)], &mut hear).unwrap();
    }
    (pipeline, said)
}

#[test]
fn journal_is_replayed_while_it_is_written() {
    let desk = Desk::new();
    mill(&desk);
    let limits = |high: f64| {
        desk.read("mill.toml")
            .replace("[line.tm3.tag.c]", "[line.tm3.tag.c]\nrole = \"quality\"")
            .replace("[grade.g]", &format!("[grade.g]\nspec.c = {{ high = {high} }}"))
            + "[models]\nlearning_batches = 6\n[[mqtt]]\nname = \"plant\"\nurl = \"mqtt://broker\"\n\
               [[mqtt.subscribe]]\ntopic = \"wide/{line}\"\nfields = { a = \"/a\", b = \"/b\", c = \"/c\" }\ntime = \"/ts\"\n\
               [[mqtt.subscribe]]\ntopic = \"events/{line}\"\nformat = \"batch-event\"\n"
    };
    let (wide, tight) = (limits(30.0), limits(10.0).replace("mill.db", "other.db"));
    desk.write("mill.toml", wide);
    desk.write("tight.toml", tight);
    let (running, said) = run_by_mqtt(&desk);
    assert!(said.iter().any(|word| word.ends_with("on-spec")), "{said:?}");

    let replay = "replay -c mill.toml --from journal";
    let (status, printed, warned) = desk.run(&format!("{replay} --json --out j"));
    assert_eq!((status, warned.as_str()), (0, ""));
    let summary: serde_json::Value = serde_json::from_str(&printed).unwrap();
    // Readings and events alike are messages.
    assert_eq!(summary["records"], 30 * (200 + 3), "{printed}");
    assert_eq!(summary["batches"], said.len(), "{printed}");
    assert_ne!(summary["judged"], 0, "{printed}");
    let verdicts = |name: &str| {
        let table = desk.read(name);
        let row = |row: &str| row.split(',').take(5).map(String::from).collect::<Vec<_>>();
        table.lines().skip(1).map(row).collect::<Vec<_>>()
    };
    let (status, _, warned) = desk.run(&format!("{replay} --learn --out learned"));
    assert_eq!((status, warned.as_str()), (0, ""));
    assert_eq!(verdicts("j/verdicts.csv"), verdicts("learned/verdicts.csv"));
    assert_eq!(desk.read("j/scores.csv"), desk.read("learned/scores.csv"));
    // A copy of the store says the same.
    assert_eq!(desk.run("store backup --store mill.db --to copy.db").0, 0);
    assert_eq!(desk.run(&format!("{replay} --store copy.db --out copy")).0, 0);
    assert_eq!(desk.read("j/scores.csv"), desk.read("copy/scores.csv"));

    // From the middle on it says what it said of the whole.
    let at = |n: i64| EPOCH * 1000 + n * 1000;
    let part = format!("{replay} --start {} --stop {} --out part", at(1000), at(2000));
    assert_eq!(desk.run(&part).0, 0);
    let (all, part) = (desk.read("j/scores.csv"), desk.read("part/scores.csv"));
    // The frame that ends with the first reading of the span is closed by it.
    assert!(part.lines().count() > 990 && part.lines().skip(1).all(|row| all.contains(row)));
    assert!(part.lines().nth(1).unwrap().starts_with("2026-01-23T00:16:40Z,"), "{}", &part[..300]);

    let (status, printed, _) = desk.run(&format!("{replay} --compare tight.toml --store mill.db"));
    assert_eq!(status, 1, "{printed}");
    assert!(printed.contains("→ off-spec"), "{printed}");
    let (status, printed, warned) = desk.run(&format!("{replay} --compare mill.toml"));
    assert_eq!(status, 0, "{printed}{warned}");

    // Why it was said, while the daemon runs.
    let (status, printed, warned) = desk.run(&format!("explain tm3 {} -c mill.toml", at(5000)));
    assert_eq!((status, warned.as_str()), (0, ""));
    for words in ["tm3 at 2026-01-23T01:23:20Z: on-spec", "a batch is flagged above 1", "product:"]
    {
        assert!(printed.contains(words), "{words}: {printed}");
    }
    let explain = format!("explain tm3 {} -c mill.toml --json", at(5000));
    let (_, printed, _) = desk.run(&explain);
    let explained: serde_json::Value = serde_json::from_str(&printed).unwrap();
    assert_eq!(explained["verdict"]["verdict"], "on-spec", "{printed}");
    assert!(explained["score"].as_f64().is_some_and(|score| score < 1.0), "{printed}");
    for (words, status, said) in [
        ("explain tm9 2026-01-23T01:00:00Z -c mill.toml", 2, "no line `tm9`; it has tm3"),
        ("explain tm3 noon -c mill.toml", 2, "`noon` is no time"),
        ("explain tm3 2027-01-01T00:00:00Z -c mill.toml", 1, "the last frame of the line ended at"),
        ("explain tm3 2026-01-23T01:00:00Z", 2, "--config"),
    ] {
        let (ended, _, warned) = desk.run(words);
        assert!(ended == status && warned.contains(said), "{words}: {ended} {warned}");
    }

    // Fitting writes into the store, which has to be free.
    drop(running);
    let (status, printed, warned) = desk.run("fit -c mill.toml --grade g --json --from journal");
    assert_eq!(status, 0, "{warned}");
    let header: serde_json::Value = serde_json::from_str(&printed).unwrap();
    assert_eq!(header["blocks"], 10, "{printed}");

    for (line, status, words) in [
        ("--events e.jsonl", 2, "`--events` cannot be used with `--from journal`"),
        ("--period 3m", 2, "`--period` cannot be used with"),
        ("--start 2027-01-01T00:00:00Z", 1, "has nothing from 2027-01-01T00:00:00Z on"),
        ("--start 2 --stop 1", 2, "`--stop` has to be later than `--start`"),
        ("--start noon", 2, "`noon` is no time; write one such as"),
        ("--store none.db", 1, "none.db"),
    ] {
        let (ended, _, warned) = desk.run(&format!("{replay} {line}"));
        assert!(ended == status && warned.contains(words), "{line}: {ended} {warned}");
    }
}

#[test]
fn files_are_bounded_by_time_and_a_batch_that_goes_on_is_known() {
    let desk = Desk::new();
    mill(&desk);
    let at = |n: i64| EPOCH * 1000 + n * 1000;
    let replay = "replay -c mill.toml --learn --json --time-unit s --from r.csv --events e.jsonl";
    // From the middle of R0 to the middle of R1; S0 and T0 lie between them.
    let part = format!("{replay} --start {} --stop {} --out part", at(100), at(700));
    let (status, printed, warned) = desk.run(&part);
    assert_eq!(status, 0, "{warned}");
    assert!(printed.contains("\"records\":600,"), "{printed}");
    let batches = desk.read("part/batches.csv");
    let names: Vec<_> = batches.lines().skip(1).filter_map(|row| row.split(',').nth(1)).collect();
    assert_eq!(names, ["R0", "S0", "T0", "R1"]);
    let (status, _, warned) = desk.run(&format!("{replay} --start {}", at(90_000)));
    assert_eq!(status, 1);
    assert!(warned.starts_with("error: the recording has nothing from "), "{warned}");
}

#[test]
fn what_cannot_be_is_refused_before_it_is_begun() {
    let desk = Desk::new();
    desk.write("r.csv", table(0..3));
    for (line, status, words) in [
        ("replay --auto --store m.db --period 1000000h --from r.csv", 2, "is too long for a frame"),
        ("simulate --seed -1 --record d", 2, "`-1` is no seed; write a whole number from 0"),
        ("demo --seed -1", 2, "`-1` is no seed"),
        ("simulate --record d --truth nowhere/t.jsonl", 1, "cannot make `nowhere/t.jsonl`"),
        ("replay --auto --store m.db --from r.csv", 1, "did you mean `--time-unit s`?"),
    ] {
        let (ended, printed, warned) = desk.run(line);
        assert_eq!((ended, printed.as_str()), (status, ""), "{line}: {warned}");
        assert!(warned.contains(words), "{line}: {warned}");
    }
    assert!(!desk.0.path().join("d/readings.csv.gz").exists());
}

/// Sixty batches of ten frames; the laboratory has each half a minute after its end, the last of them far from all before.
#[test]
fn charts_of_laboratory_properties_are_in_the_files_of_a_replay() {
    let desk = Desk::new();
    let (mut csv, mut events) = (String::from("time,a\n"), String::new());
    for batch in 0..60 {
        let start = EPOCH + batch * 100;
        let strength = if batch == 59 { 180 } else { 120 + batch * 37 % 23 };
        writeln!(
            events,
            r#"{{"event":"batch-start","batch":"R{batch}","grade":"g","ts":{start}000}}
{{"event":"batch-end","batch":"R{batch}","ts":{}000}}
{{"event":"lab","batch":"R{batch}","property":"a","value":{strength},"ts":{}000}}"#,
            start + 100,
            start + 130,
        )
        .unwrap();
        for n in 0..10 {
            writeln!(csv, "{},{}", start + 10 * n, n * 7 % 5).unwrap();
        }
    }
    writeln!(csv, "{},1", EPOCH + 6_200).unwrap();
    desk.write("r.csv", csv);
    desk.write("e.jsonl", events);
    let config = |chart: &str| {
        format!(
            "[store]\npath = \"m.db\"\n[line.tm3]\nframe = \"10s\"\nlateness = \"0s\"\nsettle = \"0s\"\n\
             batch = {{ from = \"events\" }}\n[line.tm3.tag.a]\n[grade.g]\nlab.a = {{ low = 50.0{chart} }}\n"
        )
    };
    let replay = |chart: &str| {
        desk.write("m.toml", config(chart));
        let line = "replay -c m.toml --time-unit s --from r.csv --events e.jsonl --out out";
        let (status, _, warned) = desk.run(line);
        assert_eq!(status, 0, "{warned}");
        desk.read("out/charts.csv")
    };
    let charts = replay("");
    let rows: Vec<&str> = charts.lines().collect();
    assert!(rows[0].starts_with("time,line,grade,tag,value,"), "{}", rows[0]);
    assert!(rows[0].ends_with(",marks,property,batch"), "{}", rows[0]);
    assert!((20..=36).contains(&rows.len()), "{charts}");
    for (row, batch) in rows[1..].iter().rev().zip((0..60).rev()) {
        assert!(row.contains(",tm3,g,,") && row.ends_with(&format!(",a,R{batch}")), "{row}");
    }
    assert!(rows.last().unwrap().contains(",nelson-1+"), "{charts}");
    assert_eq!(replay(""), charts, "twice the same");
    assert_eq!(replay(", chart = { kind = \"none\" }").lines().count(), 1);
}

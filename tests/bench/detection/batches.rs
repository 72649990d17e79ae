//! Batches with labels: learned from the first good ones, judged on all others.

use super::desk::{Desk, Row, print, read, table};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::Path;

/// A minute a row; batches are ten minutes apart.
const ROW_MS: i64 = 60_000;
const PAUSE: i64 = 10;
const EPOCH_MS: i64 = 1_700_000_000_000;

/// Why writing to a text cannot fail.
const IN_MEMORY: &str = "writing to a string cannot fail";

struct Set {
    name: &'static str,
    trajectories: &'static str,
    labels: &'static str,
    /// The column of the labels that is 1 for a bad batch.
    bad: &'static str,
    /// Columns of the trajectories that are none of the process.
    ignored: &'static [&'static str],
    learned: usize,
}

const SETS: [Set; 2] = [
    Set {
        name: "SBR reactor",
        trajectories: "batch/sbr/trajectories.csv.gz",
        labels: "batch/sbr/quality.csv",
        bad: "bad",
        ignored: &["batch", "step"],
        learned: 30,
    },
    Set {
        name: "batch dryer",
        trajectories: "batch/dryer/trajectories_raw.csv.gz",
        labels: "batch/dryer/labels.csv",
        bad: "bad",
        ignored: &["batch", "ClockTime"],
        learned: 10,
    },
];

pub(crate) fn run(data: &Path) {
    print(
        "Batches: learned from the first good ones",
        &["", "learned", "good ones flagged", "bad ones flagged", ""],
        SETS.iter().map(|set| line(set, data)),
    );
}

fn line(set: &Set, data: &Path) -> Vec<String> {
    let labels = labels(set, &read(&data.join(set.labels)));
    let desk = Desk::new();
    let learned = write(set, &read(&data.join(set.trajectories)), &labels, &desk);
    let told = "-c line.toml --events events.jsonl";
    let mut line = vec![set.name.to_owned(), set.learned.to_string()];
    let fit = format!("{told} --grade g");
    let rows = match desk.judge((&fit, "rows.csv"), (told, "rows.csv")) {
        Ok(rows) => rows,
        Err(why) => {
            line.extend([String::new(), String::new(), why.trim().to_owned()]);
            return line;
        }
    };
    let flagged: BTreeSet<&str> =
        rows.iter().filter(|row| row.flag).map(|row: &Row| row.batch.as_str()).collect();
    for bad in [false, true] {
        let of = labels.iter().filter(|(id, is)| **is == bad && !learned.contains(*id));
        let ids: Vec<&String> = of.map(|(id, _)| id).collect();
        let named = |id: &&&String| flagged.contains(format!("B{id}").as_str());
        line.push(format!("{} of {}", ids.iter().filter(named).count(), ids.len()));
    }
    line.push(String::new());
    line
}

/// Which batches are bad, by their ids.
fn labels(set: &Set, text: &str) -> BTreeMap<String, bool> {
    let header = text.lines().next().unwrap_or_default();
    let column = header.split(',').position(|name| name == set.bad).expect("a column of labels");
    table(text.as_bytes()).map(|row| (row[0].to_owned(), &row[column] == "1")).collect()
}

/// Writes the recording, its events and the configuration; gives the batches that are released.
fn write(set: &Set, text: &str, labels: &BTreeMap<String, bool>, desk: &Desk) -> BTreeSet<String> {
    let header: Vec<&str> = text.lines().next().unwrap_or_default().split(',').collect();
    let used: Vec<usize> =
        (0..header.len()).filter(|ix| !set.ignored.contains(&header[*ix])).collect();
    let names: Vec<&str> = used.iter().map(|ix| header[*ix]).collect();
    let (mut rows, mut events) = (format!("time,{}\n", names.join(",")), String::new());
    let mut learned = BTreeSet::new();
    let mut now = EPOCH_MS;
    let mut batch: Option<(String, i64)> = None;
    let mut end = |(id, start): (String, i64), now: i64, learned: &mut BTreeSet<String>| {
        writeln!(events, r#"{{"event":"batch-start","batch":"B{id}","grade":"g","ts":{start}}}"#)
            .expect(IN_MEMORY);
        writeln!(events, r#"{{"event":"batch-end","batch":"B{id}","ts":{now}}}"#).expect(IN_MEMORY);
        if learned.len() < set.learned && labels.get(&id) == Some(&false) {
            let said = now + 1;
            writeln!(
                events,
                r#"{{"event":"disposition","batch":"B{id}","disposition":"release","ts":{said}}}"#
            )
            .expect(IN_MEMORY);
            learned.insert(id);
        }
    };
    for row in table(text.as_bytes()) {
        if batch.as_ref().is_none_or(|(id, _)| *id != row[0]) {
            if let Some(before) = batch.take() {
                end(before, now, &mut learned);
                now += PAUSE * ROW_MS;
            }
            batch = Some((row[0].to_owned(), now));
        }
        let values: Vec<&str> = used.iter().map(|ix| &row[*ix]).collect();
        writeln!(rows, "{now},{}", values.join(",")).expect(IN_MEMORY);
        now += ROW_MS;
    }
    if let Some(last) = batch {
        end(last, now, &mut learned);
    }
    let mut line = String::from(
        "[store]\npath = \"line.db\"\n[line.l]\nframe = \"1m\"\nbatch = { from = \"events\" }\n[grade.g]\n",
    );
    for name in names {
        writeln!(line, "[line.l.tag.{name}]").expect(IN_MEMORY);
    }
    desk.write("rows.csv", &rows);
    desk.write("events.jsonl", &events);
    desk.write("line.toml", &line);
    learned
}

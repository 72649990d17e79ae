//! Recordings without labels, or with labelled rows at their end: learned from the first rows, judged on the rest.

use super::desk::{Desk, per_cent, print, read};
use std::path::Path;

/// A set: its file, its name, the rows learned from, the period of a row, the columns that are none of the process, and
/// the first row that is bad.
struct Set {
    file: &'static str,
    name: &'static str,
    learned: usize,
    period: &'static str,
    ignored: &'static str,
    bad_from: Option<usize>,
}

const SETS: [Set; 3] = [
    Set {
        file: "openmv/kappa-number.csv",
        name: "kappa number",
        learned: 2000,
        period: "1m",
        ignored: "",
        bad_from: None,
    },
    Set {
        file: "openmv/paper-basis-weight.csv",
        name: "basis weight",
        learned: 150,
        period: "30s",
        ignored: "",
        bad_from: None,
    },
    // Its quality columns are known later than its process columns.
    Set {
        file: "openmv/ldpe.csv",
        name: "LDPE reactor",
        learned: 50,
        period: "1h",
        ignored: "--ignore obs,Conv,Mn,Mw,LCB,SCB,bad",
        bad_from: Some(50),
    },
];

pub(crate) fn run(data: &Path) {
    print(
        "Series: learned from the first rows",
        &["", "learned", "flagged of later rows, %", "bad rows flagged", ""],
        SETS.iter().map(|set| line(set, data)),
    );
}

fn line(set: &Set, data: &Path) -> Vec<String> {
    let text = read(&data.join(set.file));
    let desk = Desk::new();
    let rows: Vec<&str> = text.lines().collect();
    desk.write("learned.csv", &rows[..=set.learned].join("\n"));
    desk.write("all.csv", &text);
    let told = format!("--auto --store m.db --period {} {}", set.period, set.ignored);
    let mut line = vec![set.name.to_owned(), set.learned.to_string()];
    let mut scores = match desk.judge((&told, "learned.csv"), (&told, "all.csv")) {
        Ok(scores) => scores,
        Err(why) => {
            line.extend([String::new(), String::new(), why.trim().to_owned()]);
            return line;
        }
    };
    let bad = set.bad_from.map(|from| scores.split_off(from));
    let later = scores.split_off(set.learned.min(scores.len()));
    line.push(match later.len() {
        0 => String::new(),
        n => format!("{:.2} of {n}", per_cent(&later, |row| row.flag)),
    });
    line.push(bad.map_or_else(String::new, |bad| {
        format!("{} of {}", bad.iter().filter(|row| row.flag).count(), bad.len())
    }));
    line.push(String::new());
    line
}

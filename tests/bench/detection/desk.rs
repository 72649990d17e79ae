//! A directory in which the program's commands are run, and what they wrote.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use tempfile::TempDir;

/// A directory for one data set.
pub(crate) struct Desk(TempDir);

impl Desk {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().expect("a directory for the bench"))
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).expect("a file of the bench");
    }

    /// Runs a command of the program: the words of `command`, then the recording. Gives what it printed.
    ///
    /// # Errors
    /// What it said when it did not end well.
    pub(crate) fn run(&self, command: &str, from: &Path) -> Result<String, String> {
        let mut program = Command::new(env!("CARGO_BIN_EXE_onspec"));
        program.args(command.split_whitespace()).arg("--from").arg(from);
        let Output { status, stdout, stderr } =
            program.current_dir(self.0.path()).output().expect("the program starts");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        if status.success() { Ok(text(&stdout)) } else { Err(text(&stderr)) }
    }

    /// Fits on a file of this directory and judges another one, with what either command is told.
    ///
    /// # Errors
    /// What the command said that did not end well.
    pub(crate) fn judge(
        &self,
        (fit, learned): (&str, &str),
        (replay, all): (&str, &str),
    ) -> Result<Vec<Row>, String> {
        self.run(&format!("fit {fit}"), &self.path(learned))?;
        self.run(&format!("replay {replay} --out out"), &self.path(all))?;
        Ok(self.scores("out"))
    }

    /// The rows of `scores.csv` in a directory of a replay.
    pub(crate) fn scores(&self, out: &str) -> Vec<Row> {
        let text = std::fs::read_to_string(self.path(out).join("scores.csv")).expect("scores");
        table(text.as_bytes())
            .map(|row| Row {
                batch: row[3].to_owned(),
                flag: &row[5] == "1",
                // T² and SPE of PCA beside it, at limits raised by the same factor: columns 6 to 9.
                plain: over(&row[6], &row[7]) || over(&row[8], &row[9]),
            })
            .collect()
    }

    /// The first three tags that were said to have moved when a flag was first said after an instant.
    pub(crate) fn moved(&self, out: &str, after: &str) -> Vec<String> {
        let text = std::fs::read_to_string(self.path(out).join("verdicts.csv")).expect("verdicts");
        let flag = table(text.as_bytes()).find(|row| &row[4] == "at-risk" && &row[0] > after);
        let movers = flag.map(|row| row[10].to_owned()).unwrap_or_default();
        let movers: Vec<serde_json::Value> = serde_json::from_str(&movers).unwrap_or_default();
        let tags = movers.iter().filter_map(|mover| mover["tag"].as_str());
        tags.take(3).map(str::to_owned).collect()
    }
}

/// A row of a replay.
pub(crate) struct Row {
    pub(crate) batch: String,
    pub(crate) flag: bool,
    /// True if PCA's statistics are over their limits.
    pub(crate) plain: bool,
}

fn over(value: &str, limit: &str) -> bool {
    let number = |text: &str| text.parse::<f64>().ok();
    number(value).zip(number(limit)).is_some_and(|(value, limit)| value > limit)
}

/// The rows of a table without its header.
pub(crate) fn table(text: impl Read) -> impl Iterator<Item = csv::StringRecord> {
    csv::Reader::from_reader(text).into_records().map(|row| row.expect("a row of a table"))
}

/// A file as text, gzipped or not.
pub(crate) fn read(path: &Path) -> String {
    let bytes = std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut text = String::new();
    if path.extension().is_some_and(|ending| ending == "gz") {
        flate2::read::GzDecoder::new(&bytes[..]).read_to_string(&mut text).expect("a gzipped text");
    } else {
        text = String::from_utf8(bytes).expect("a text");
    }
    text
}

/// The share of rows for which something holds, in per cent.
#[expect(clippy::cast_precision_loss, reason = "counts of rows")]
pub(crate) fn per_cent(rows: &[Row], holds: impl Fn(&Row) -> bool) -> f64 {
    rows.iter().filter(|row| holds(row)).count() as f64 / rows.len().max(1) as f64 * 100.0
}

/// A table for people.
pub(crate) fn print(title: &str, header: &[&str], rows: impl IntoIterator<Item = Vec<String>>) {
    let mut table = comfy_table::Table::new();
    table.load_style(comfy_table::presets::NOTHING).set_header(header);
    table.add_rows(rows);
    println!("{title}\n{table}\n");
}

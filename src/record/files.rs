//! The files of a replay: `scores.csv`, `verdicts.csv`, `batches.csv`, `alarms.csv`, `charts.csv`, `soft_sensors.csv`,
//! `summary.json`.
//!
//! Equal input gives equal bytes: times are event times, numbers are printed with the fewest digits
//! that give them back.

use super::error::RecordError;
use crate::alarm::AlarmRecord;
use crate::engine::{
    Band, BatchRecord, ChartRecord, Mark, ScoreRecord, SoftSensorRecord, Statistic,
};
use crate::reading::Timestamp;
use crate::verdict::{Advice, Document};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::{File, OpenOptions};
use std::io::{BufWriter, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Why writing to a text cannot fail.
const IN_MEMORY: &str = "writing to a string cannot fail";

/// What came of a replay, in figures.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Summary {
    /// Records read.
    pub records: u64,
    /// Frames closed.
    pub frames: u64,
    /// Frames that could be judged.
    pub judged: u64,
    /// Frames flagged.
    pub flagged: u64,
    /// Batches finished.
    pub batches: u64,
    /// Batches by their last verdict.
    pub verdicts: BTreeMap<String, u64>,
    /// Messages, or parts of them, that were not taken, by reason.
    pub faults: BTreeMap<String, u64>,
}

/// The files of a replay, written beside where they will stand and moved there together at the end: a
/// replay that fails leaves what stood there before.
#[derive(Debug)]
pub struct Files {
    directory: PathBuf,
    /// Those that were begun and not yet moved.
    begun: Vec<PathBuf>,
    /// Those that are written row by row, in the order of [`ROWS`].
    rows: Vec<BufWriter<File>>,
    batches: BTreeMap<(Timestamp, Arc<str>), BatchRecord>,
    /// True once it is known how to go on with them.
    kept: bool,
}

/// How far the files are, from which a replay can go on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FilesState {
    /// The lengths of those that are written row by row, in the order of [`ROWS`].
    lengths: [u64; ROWS.len()],
    batches: Vec<BatchRecord>,
}

/// The files that are written row by row.
const ROWS: [&str; 5] =
    ["scores.csv", "verdicts.csv", "alarms.csv", "charts.csv", "soft_sensors.csv"];

/// A place in [`ROWS`].
#[derive(Debug, Clone, Copy)]
enum Row {
    Score,
    Verdict,
    Alarm,
    Chart,
    SoftSensor,
}

impl Files {
    /// Makes the directory, and begins the files.
    ///
    /// # Errors
    /// When the file system says no.
    pub fn create(directory: &Path) -> Result<Self, RecordError> {
        std::fs::create_dir_all(directory)
            .map_err(RecordError::file("make the directory", directory))?;
        let mut begun = Vec::new();
        let rows = ROWS.iter().map(|name| begin(directory, name, &mut begun));
        let mut files = Self {
            rows: rows.collect::<Result<_, _>>()?,
            directory: directory.to_owned(),
            begun,
            batches: BTreeMap::new(),
            kept: false,
        };
        let mut header = String::from("time,line,grade,batch,score,flag");
        for statistic in Statistic::ALL {
            let (model, (name, limit)) = (statistic.monitor().as_str(), statistic.fields());
            write!(header, ",{model}_{name},{model}_{limit}").expect(IN_MEMORY);
        }
        files.line(Row::Score, &header)?;
        files.line(
            Row::Verdict,
            "time,line,batch,grade,verdict,since,progress,reasons,first_mover,revision,movers,\
             similar,probability_off_spec,advice",
        )?;
        files.line(Row::Alarm, "time,line,alarm,state,severity,message,id")?;
        files.line(
            Row::Chart,
            "time,line,grade,tag,value,centre,sigma,lower,upper,zone,spread,spread_lower,spread_upper,ewma,\
             ewma_lower,ewma_upper,cusum_high,cusum_low,cusum_limit,version,provisional,marks,property,batch",
        )?;
        files.line(
            Row::SoftSensor,
            "time,line,grade,batch,property,predicted,interval_low,interval_high,spec_low,spec_high,probability",
        )?;
        Ok(files)
    }

    /// Goes on with files that were begun and not finished: what came after that state is cut off.
    ///
    /// # Errors
    /// When one of them is not there, or shorter than it was.
    pub fn go_on(directory: &Path, state: &FilesState) -> Result<Self, RecordError> {
        let mut begun = Vec::new();
        let mut rows = Vec::with_capacity(ROWS.len());
        for (name, length) in ROWS.into_iter().zip(state.lengths) {
            let path = part(directory, name);
            rows.push(BufWriter::new(cut(&path, length)?));
            begun.push(path);
        }
        let batches = state.batches.iter().map(|record| (key(record), record.clone())).collect();
        let directory = directory.to_owned();
        Ok(Self { directory, begun, rows, batches, kept: true })
    }

    /// Brings what was written to the disk, and says how far it is. From then on what was begun stays when the replay
    /// fails.
    ///
    /// # Errors
    /// When the file system says no.
    pub fn state(&mut self) -> Result<FilesState, RecordError> {
        let mut lengths = [0; ROWS.len()];
        for ((file, length), name) in self.rows.iter_mut().zip(&mut lengths).zip(ROWS) {
            let path = part(&self.directory, name);
            let failed = RecordError::file("write to", &path);
            let synced = file.flush().and_then(|()| file.get_ref().sync_data());
            *length = synced.and_then(|()| Ok(file.get_ref().metadata()?.len())).map_err(failed)?;
        }
        self.kept = true;
        Ok(FilesState { lengths, batches: self.batches.values().cloned().collect() })
    }

    /// A row for a frame; without a score if it could not be judged.
    ///
    /// # Errors
    /// When the file system says no.
    pub fn score(
        &mut self,
        at: Timestamp,
        (line, grade, batch): (&str, Option<&str>, Option<&str>),
        score: Option<&ScoreRecord>,
    ) -> Result<(), RecordError> {
        let judged = score.filter(|record| record.score.is_some());
        let mut text = format!(
            "{at},{},{},{},",
            cell(line),
            cell(grade.unwrap_or_default()),
            cell(batch.unwrap_or_default())
        );
        let score = judged.and_then(|record| record.score);
        let flag = u8::from(score.is_some_and(|score| score > 1.0));
        write!(text, "{},{flag}", number(score)).expect(IN_MEMORY);
        for statistic in Statistic::ALL {
            let measured = judged.and_then(|record| record.of(statistic));
            match measured {
                Some((value, limit)) => write!(text, ",{value},{limit}").expect(IN_MEMORY),
                None => text += ",,",
            }
        }
        self.line(Row::Score, &text)
    }

    /// A row for a verdict.
    ///
    /// # Errors
    /// When the file system says no.
    pub fn verdict(&mut self, document: &Document) -> Result<(), RecordError> {
        let since = Timestamp::from_millis(document.since).unwrap_or(Timestamp::MAX);
        let reasons =
            serde_json::to_string(&document.reasons).expect("reasons have only text keys");
        let movers = serde_json::to_string(&document.movers).expect("movers have only text keys");
        let similar =
            serde_json::to_string(&document.similar).expect("batches have only text keys");
        let text = format!(
            "{},{},{},{},{},{since},{},{},{},{},{},{},{},{}",
            document.at(),
            cell(&document.line),
            cell(document.batch.as_deref().unwrap_or_default()),
            cell(document.grade.as_deref().unwrap_or_default()),
            document.verdict.as_str(),
            number(document.progress),
            cell(&reasons),
            cell(document.first_mover.as_deref().unwrap_or_default()),
            document.revision,
            cell(&movers),
            cell(&similar),
            number(document.probability_off_spec),
            document.advice().map_or("", Advice::as_str)
        );
        self.line(Row::Verdict, &text)
    }

    /// A row for an alarm.
    ///
    /// # Errors
    /// When the file system says no.
    pub fn alarm(&mut self, alarm: &AlarmRecord) -> Result<(), RecordError> {
        let text = format!(
            "{},{},{},{},{},{},{}",
            alarm.at,
            cell(&alarm.line),
            cell(&alarm.alarm),
            alarm.state,
            alarm.severity.as_str(),
            cell(&alarm.message),
            alarm.id
        );
        self.line(Row::Alarm, &text)
    }

    /// A row for a point of a control chart; marks are those that signal, each with `+` above or `-` below.
    ///
    /// # Errors
    /// When the file system says no.
    pub fn chart(&mut self, record: &ChartRecord) -> Result<(), RecordError> {
        let point = &record.point;
        let band = |band: Option<Band>| {
            let parts = [band.map(|b| b.value), band.map(|b| b.lower), band.map(|b| b.upper)];
            parts.map(number).join(",")
        };
        let sums = point.cusum;
        let sums = [sums.map(|s| s.high), sums.map(|s| s.low), sums.map(|s| s.limit)];
        let marks: Vec<String> = point.marks.iter().map(Mark::to_string).collect();
        let text = format!(
            "{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{}",
            point.at,
            cell(&record.line),
            cell(&record.grade),
            cell(record.of.tag().map_or("", |tag| tag)),
            point.value,
            point.centre,
            point.sigma,
            point.lower,
            point.upper,
            point.zone,
            band(point.spread),
            band(point.ewma),
            sums.map(number).join(","),
            point.version,
            u8::from(point.provisional),
            marks.join(" "),
            cell(record.of.property().map_or("", |property| property)),
            cell(record.batch.as_deref().unwrap_or_default())
        );
        self.line(Row::Chart, &text)
    }

    /// A row for what a soft sensor foretells of a batch.
    ///
    /// # Errors
    /// When the file system says no.
    pub fn soft_sensor(&mut self, record: &SoftSensorRecord) -> Result<(), RecordError> {
        let foretold = &record.foretold;
        let text = format!(
            "{},{},{},{},{},{},{},{},{},{},{}",
            record.at,
            cell(&record.line),
            cell(&record.grade),
            cell(&record.batch),
            cell(&foretold.property),
            foretold.predicted,
            foretold.interval[0],
            foretold.interval[1],
            number(foretold.low),
            number(foretold.high),
            number(foretold.probability)
        );
        self.line(Row::SoftSensor, &text)
    }

    /// What is known of a batch now; the last word is written.
    pub fn batch(&mut self, record: &BatchRecord) {
        self.batches.insert(key(record), record.clone());
    }

    /// Writes what is known at the end, and moves all files to where they stand.
    ///
    /// # Errors
    /// When the file system says no.
    pub fn finish(mut self, summary: &Summary) -> Result<(), RecordError> {
        let batches = self.batches_text();
        let json =
            serde_json::to_string_pretty(summary).expect("a summary has only text keys") + "\n";
        for (name, text) in [("batches.csv", batches), ("summary.json", json)] {
            let mut file = begin(&self.directory, name, &mut self.begun)?;
            file.write_all(text.as_bytes())
                .and_then(|()| file.flush())
                .map_err(RecordError::file("write", &self.directory.join(name)))?;
        }
        for file in &mut self.rows {
            file.flush().map_err(RecordError::file("write to", &self.directory))?;
        }
        for part in std::mem::take(&mut self.begun) {
            // Its own name is what stands before the ending.
            let path = part.with_extension("");
            std::fs::rename(&part, &path).map_err(RecordError::file("write", &path))?;
        }
        Ok(())
    }

    fn batches_text(&self) -> String {
        let mut text = String::from(
            "line,batch,grade,verdict,disposition,revision,started,ended,length_m,mass_kg,off_spec_share,first_flag,first_flag_lead_s,lab,probability_off_spec,advice\n",
        );
        for record in self.batches.values() {
            let lab: Vec<String> =
                record.lab.iter().map(|(name, value)| format!("{name}={value}")).collect();
            let time = |at: Option<Timestamp>| at.map(|at| at.to_string()).unwrap_or_default();
            writeln!(
                text,
                "{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{}",
                cell(&record.line),
                cell(&record.batch),
                cell(record.grade.as_deref().unwrap_or_default()),
                record.verdict.map_or("void", crate::verdict::Call::as_str),
                record.disposition.map_or("", crate::decode::Disposition::as_str),
                record.revision,
                record.started,
                time(record.ended),
                number(record.length_m),
                number(record.mass_kg),
                number(record.off_spec_share),
                time(record.first_flag),
                number(record.first_flag_lead_s),
                cell(&lab.join(" ")),
                number(record.probability_off_spec),
                record.advice.map_or("", Advice::as_str)
            )
            .expect(IN_MEMORY);
        }
        text
    }

    fn line(&mut self, row: Row, text: &str) -> Result<(), RecordError> {
        let written = writeln!(self.rows[row as usize], "{text}");
        written.map_err(RecordError::file("write to", &self.directory))
    }
}

impl Drop for Files {
    /// What was begun and not finished goes, unless it can be gone on with.
    fn drop(&mut self) {
        if self.kept {
            return;
        }
        for part in &self.begun {
            // Nobody can be told, and what stays is overwritten by the next replay.
            std::fs::remove_file(part).ok();
        }
    }
}

/// What batches are told in the order of.
fn key(record: &BatchRecord) -> (Timestamp, Arc<str>) {
    (record.first_started, Arc::clone(&record.batch))
}

/// A file that is not finished.
fn part(directory: &Path, name: &str) -> PathBuf {
    directory.join(format!("{name}.part"))
}

/// Opens a file to append to, of which what lies behind a length is cut off.
///
/// # Errors
/// When it is not there, or shorter.
pub fn cut(path: &Path, length: u64) -> Result<File, RecordError> {
    let failed = |source| RecordError::file("go on with", path)(source);
    let mut file = OpenOptions::new().write(true).open(path).map_err(failed)?;
    let found = file.metadata().map_err(failed)?.len();
    if found < length {
        let what =
            format!("it has {found} bytes, and had {length}: begin anew, without `--resume`");
        return Err(RecordError::unusable(path, what));
    }
    file.set_len(length).map_err(failed)?;
    file.seek(SeekFrom::End(0)).map_err(failed)?;
    Ok(file)
}

/// Begins a file under its name with `.part` behind it.
fn begin(
    directory: &Path,
    name: &str,
    begun: &mut Vec<PathBuf>,
) -> Result<BufWriter<File>, RecordError> {
    let path = part(directory, name);
    let file = File::create(&path).map_err(RecordError::file("make", &path))?;
    begun.push(path);
    Ok(BufWriter::new(file))
}

fn number(value: Option<f64>) -> String {
    value.map(|value| value.to_string()).unwrap_or_default()
}

/// A text as a cell: in quotes where it has a separator, a quote or a line break.
fn cell(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_appear_together_at_the_end_or_not_at_all() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path();
        let names = || {
            let mut names: Vec<_> = std::fs::read_dir(path)
                .unwrap()
                .map(|entry| entry.unwrap().file_name().into_string().unwrap())
                .collect();
            names.sort();
            names
        };
        std::fs::write(path.join("scores.csv"), "old").unwrap();
        let mut files = Files::create(path).unwrap();
        files.score(Timestamp::from_nanos(0), ("tm3", Some("g"), None), None).unwrap();
        drop(files);
        assert_eq!(names(), ["scores.csv"]);
        assert_eq!(std::fs::read_to_string(path.join("scores.csv")).unwrap(), "old");
        let mut files = Files::create(path).unwrap();
        files.score(Timestamp::from_nanos(0), ("tm3", Some("g"), None), None).unwrap();
        files.finish(&Summary::default()).unwrap();
        assert_eq!(
            names(),
            [
                "alarms.csv",
                "batches.csv",
                "charts.csv",
                "scores.csv",
                "soft_sensors.csv",
                "summary.json",
                "verdicts.csv"
            ]
        );
        let scores = std::fs::read_to_string(path.join("scores.csv")).unwrap();
        let statistics = ",,".repeat(Statistic::ALL.len());
        let row = format!("1970-01-01T00:00:00Z,tm3,g,,,0{statistics}");
        assert_eq!(scores.lines().nth(1), Some(&*row));
    }
}

//! The files of a replay: `scores.csv`, `verdicts.csv`, `batches.csv`, `alarms.csv`, `summary.json`.
//!
//! Equal input gives equal bytes: times are event times, numbers are printed with the fewest digits
//! that give them back.

use super::error::RecordError;
use crate::alarm::AlarmRecord;
use crate::engine::{BatchRecord, ScoreRecord};
use crate::reading::Timestamp;
use crate::verdict::Document;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Why writing to a text cannot fail.
const IN_MEMORY: &str = "writing to a string cannot fail";

/// What came of a replay, in figures.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
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
    pub verdicts: BTreeMap<&'static str, u64>,
    /// Messages, or parts of them, that were not taken, by reason.
    pub faults: BTreeMap<&'static str, u64>,
}

/// The files of a replay.
#[derive(Debug)]
pub struct Files {
    directory: PathBuf,
    scores: BufWriter<File>,
    verdicts: BufWriter<File>,
    alarms: BufWriter<File>,
    batches: BTreeMap<(Timestamp, Arc<str>), BatchRecord>,
}

impl Files {
    /// Makes the directory and the files in it; what stood there under these names goes.
    ///
    /// # Errors
    /// When the file system says no.
    pub fn create(directory: &Path) -> Result<Self, RecordError> {
        std::fs::create_dir_all(directory)
            .map_err(RecordError::file("make the directory", directory))?;
        let mut files = Self {
            directory: directory.to_owned(),
            scores: create(&directory.join("scores.csv"))?,
            verdicts: create(&directory.join("verdicts.csv"))?,
            alarms: create(&directory.join("alarms.csv"))?,
            batches: BTreeMap::new(),
        };
        files.line(
            |f| &mut f.scores,
            "time,line,grade,batch,score,flag,pca_t2,pca_t2_limit,pca_spe,pca_spe_limit",
        )?;
        files.line(
            |f| &mut f.verdicts,
            "time,line,batch,grade,verdict,since,progress,reasons,first_mover,revision",
        )?;
        files.line(|f| &mut f.alarms, "time,line,alarm,state,severity,message,id")?;
        Ok(files)
    }

    /// A row for a frame; without a score if it could not be judged.
    ///
    /// # Errors
    /// When the file system says no.
    pub fn score(
        &mut self,
        at: Timestamp,
        line: &str,
        batch: Option<&str>,
        score: Option<&ScoreRecord>,
    ) -> Result<(), RecordError> {
        let judged = score.and_then(|record| Some((record, record.score?)));
        let grade = score.map_or("", |record| &record.grade);
        let mut text =
            format!("{at},{},{},{},", cell(line), cell(grade), cell(batch.unwrap_or_default()));
        match judged {
            Some((record, score)) => {
                write!(text, "{score},{}", u8::from(score > 1.0)).expect(IN_MEMORY);
                for (_, value) in &record.statistics {
                    write!(text, ",{value}").expect(IN_MEMORY);
                }
            }
            None => text += ",0,,,,",
        }
        self.line(|f| &mut f.scores, &text)
    }

    /// A row for a verdict.
    ///
    /// # Errors
    /// When the file system says no.
    pub fn verdict(&mut self, document: &Document) -> Result<(), RecordError> {
        let since = Timestamp::from_millis(document.since).unwrap_or(Timestamp::MAX);
        let reasons =
            serde_json::to_string(&document.reasons).expect("reasons have only text keys");
        let text = format!(
            "{},{},{},{},{},{since},{},{},{},{}",
            document.at(),
            cell(&document.line),
            cell(document.batch.as_deref().unwrap_or_default()),
            cell(document.grade.as_deref().unwrap_or_default()),
            document.verdict.as_str(),
            number(document.progress),
            cell(&reasons),
            cell(document.first_mover.as_deref().unwrap_or_default()),
            document.revision
        );
        self.line(|f| &mut f.verdicts, &text)
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
        self.line(|f| &mut f.alarms, &text)
    }

    /// What is known of a batch now; the last word is written.
    pub fn batch(&mut self, record: &BatchRecord) {
        let key = (record.first_started, Arc::clone(&record.batch));
        self.batches.insert(key, record.clone());
    }

    /// Writes what is known at the end.
    ///
    /// # Errors
    /// When the file system says no.
    pub fn finish(mut self, summary: &Summary) -> Result<(), RecordError> {
        let path = self.directory.join("batches.csv");
        let mut file = create(&path)?;
        let mut text = String::from(
            "line,batch,grade,verdict,disposition,revision,started,ended,length_m,mass_kg,off_spec_share,first_flag,first_flag_lead_s,lab\n",
        );
        for record in self.batches.values() {
            let lab: Vec<String> =
                record.lab.iter().map(|(name, value)| format!("{name}={value}")).collect();
            let time = |at: Option<Timestamp>| at.map(|at| at.to_string()).unwrap_or_default();
            writeln!(
                text,
                "{},{},{},{},{},{},{},{},{},{},{},{},{},{}",
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
                cell(&lab.join(" "))
            )
            .expect(IN_MEMORY);
        }
        file.write_all(text.as_bytes())
            .and_then(|()| file.flush())
            .map_err(RecordError::file("write", &path))?;
        let path = self.directory.join("summary.json");
        let json =
            serde_json::to_string_pretty(summary).expect("a summary has only text keys") + "\n";
        let mut file = create(&path)?;
        file.write_all(json.as_bytes())
            .and_then(|()| file.flush())
            .map_err(RecordError::file("write", &path))?;
        for file in [&mut self.scores, &mut self.verdicts, &mut self.alarms] {
            file.flush().map_err(RecordError::file("write to", &self.directory))?;
        }
        Ok(())
    }

    fn line(
        &mut self,
        file: impl FnOnce(&mut Self) -> &mut BufWriter<File>,
        text: &str,
    ) -> Result<(), RecordError> {
        let written = writeln!(file(self), "{text}");
        written.map_err(RecordError::file("write to", &self.directory))
    }
}

fn create(path: &Path) -> Result<BufWriter<File>, RecordError> {
    File::create(path).map(BufWriter::new).map_err(RecordError::file("make", path))
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

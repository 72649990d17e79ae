//! A file of a recording, CSV or Parquet: its content says which.

use crate::oracles::Verdict;
use crate::targets::{Outcome, Target};
use onspec::decode::TimeUnit;
use onspec::record::{Options, Record, RecordError, Recording};
use std::path::PathBuf;
use std::time::Duration;
use tempfile::TempDir;

/// A page of Parquet, unpacked, which its header names before anything of it is there.
const PAGE: isize = 256 << 20;
/// The bound of a line of CSV.
const LINE: isize = 1 << 20;

/// Files, one after the other in one place.
pub(crate) struct Recordings {
    directory: TempDir,
    error: Option<String>,
    /// A value that is infinite, which no cell may give.
    infinite: bool,
}

impl Recordings {
    pub(crate) fn new() -> Self {
        Self { directory: tempfile::tempdir().unwrap(), error: None, infinite: false }
    }

    fn path(&self) -> PathBuf {
        self.directory.path().join("recording")
    }

    fn records(&mut self) -> Result<u64, RecordError> {
        let options = Options { time_unit: TimeUnit::Seconds, ..Options::default() };
        let mut recording = Recording::open(&[self.path()], options)?;
        recording.survey(Duration::ZERO)?;
        let mut taken = 0;
        for record in recording.records()? {
            if let Record::Row { values, .. } = record? {
                self.infinite |= values.iter().any(|value| value.is_infinite());
            }
            taken += 1;
        }
        Ok(taken)
    }
}

impl Target for Recordings {
    fn name(&self) -> &'static str {
        "recordings"
    }

    /// Parquet as another implementation writes it, and CSV.
    fn seeds(&self) -> Vec<Vec<u8>> {
        vec![
            include_bytes!("../../it/recordings/plain.parquet").to_vec(),
            include_bytes!("../../it/recordings/long.parquet").to_vec(),
            include_bytes!("../../it/recordings/wide.parquet").to_vec(),
            b"time,a,b\n1769126400,1,\"2\"\n1769126401,,x\n".to_vec(),
            b"ts;tag;value;quality\r\n2026-01-23T00:00:00Z;a;2.5;192\r\n2026-01-23 00:00:01;b;on;bad\r\n".to_vec(),
        ]
    }

    fn read(&mut self, input: &[u8]) -> Outcome {
        (self.error, self.infinite) = (None, false);
        std::fs::write(self.path(), input).unwrap();
        match self.records() {
            Ok(taken) => Outcome { taken, faults: 0 },
            Err(error) => {
                self.error = Some(error.to_string());
                Outcome { taken: 0, faults: 1 }
            }
        }
    }

    fn judge(&mut self, _: &[u8]) -> Verdict {
        if self.infinite {
            return Err("a value is infinite".to_owned());
        }
        // The longest names all columns that are there, twenty at most.
        match self.error.as_ref().filter(|words| words.chars().count() > 2000) {
            Some(words) => Err(format!("an error of many words: {words}")),
            None => Ok(()),
        }
    }

    fn bound(&self, input: &[u8]) -> isize {
        if input.starts_with(b"PAR") { PAGE + (8 << 20) } else { 8 * LINE }
    }
}

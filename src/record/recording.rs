//! Tables of numbers over time, whatever they are written in.

use super::cell::Place;
use super::error::{RecordError, excerpt};
use super::shape::Shape;
use super::source::{Rows, Source};
use super::time::{self, TimeError};
use crate::decode::TimeUnit;
use crate::reading::{SourceQuality, Timestamp, Value};
use std::cell::Cell as Slot;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// How a recording is read.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The column of times.
    pub time: Option<String>,
    /// The unit of times that are numbers.
    pub time_unit: TimeUnit,
    /// The time between rows that are frames; then no column of times is needed.
    pub period: Option<Duration>,
    /// Columns to leave out.
    pub ignore: Vec<String>,
}

/// One record of a recording.
#[derive(Debug, Clone, PartialEq)]
pub enum Record {
    /// A row of a wide table: a value for each of [`Recording::columns`], NaN where there is no number.
    Row {
        /// Its time; with a period, the period's multiples from 1970.
        at: Timestamp,
        /// The values.
        values: Vec<f64>,
    },
    /// A row of a long table.
    Sample {
        /// Its time.
        at: Timestamp,
        /// The tag.
        tag: Arc<str>,
        /// The value.
        value: Value,
        /// What the source said about it.
        quality: SourceQuality,
    },
}

impl Record {
    /// Its time.
    #[must_use]
    pub fn at(&self) -> Timestamp {
        match self {
            Self::Row { at, .. } | Self::Sample { at, .. } => *at,
        }
    }
}

/// A recording of one file or several of the same columns, of one format or several.
#[derive(Debug, Clone)]
pub struct Recording {
    pub(super) sources: Vec<Source>,
    pub(super) options: Options,
    pub(super) shape: Shape,
    pub(super) columns: Vec<Arc<str>>,
    /// For each file whether it is brought into order of time.
    pub(super) sorted: Vec<bool>,
    /// How much of each file was read since [`Recording::records`] was asked for last.
    read: Vec<Slot<(u64, u64)>>,
}

type Records<'a> = Box<dyn Iterator<Item = Result<Record, RecordError>> + 'a>;

impl Recording {
    /// Looks at the headers of the files.
    ///
    /// # Errors
    /// When a file cannot be read, a column that is named is not there, or there is no time.
    pub fn open(paths: &[PathBuf], options: Options) -> Result<Self, RecordError> {
        let sources = paths.iter().map(|path| Source::open(path)).collect::<Result<Vec<_>, _>>()?;
        let Some((first, rest)) = sources.split_first() else {
            return Err(RecordError::Empty { path: PathBuf::new() });
        };
        if let Some(other) = rest.iter().find(|other| other.header != first.header) {
            let (path, first) = (other.path.clone(), first.path.clone());
            return Err(RecordError::OtherColumns { path, first });
        }
        let shape = Shape::of(&first.header, &options, &first.path)?;
        let wanted = shape.wanted();
        sources.iter().try_for_each(|source| source.check(&wanted))?;
        let columns = match &shape {
            Shape::Wide { values, .. } => {
                values.iter().map(|ix| first.header[*ix].as_str().into()).collect()
            }
            Shape::Long { .. } => Vec::new(),
        };
        let sorted = vec![false; sources.len()];
        let read = vec![Slot::new((0, 1)); sources.len()];
        Ok(Self { sources, options, shape, columns, sorted, read })
    }

    /// The columns of values of a wide recording, in order; empty for a long one.
    #[must_use]
    pub fn columns(&self) -> &[Arc<str>] {
        &self.columns
    }

    /// True if its rows are single values.
    #[must_use]
    pub fn is_long(&self) -> bool {
        matches!(self.shape, Shape::Long { .. })
    }

    /// The records of all files: by time where they have one, file after file where they are frames. A
    /// cell of a wide table that is no number counts as missing; a row of a long one without a value is
    /// no record.
    ///
    /// # Errors
    /// When a file cannot be opened; each record may be an error of its own.
    pub fn records(
        &self,
    ) -> Result<impl Iterator<Item = Result<Record, RecordError>> + '_, RecordError> {
        let mut files = Vec::new();
        for ((source, sorted), read) in self.sources.iter().zip(&self.sorted).zip(&self.read) {
            read.set((0, 1));
            files.push(self.records_of(source, *sorted, read)?);
        }
        let mut pending: Vec<Option<Result<Record, RecordError>>> = Vec::new();
        let mut rows = 0;
        Ok(std::iter::from_fn(move || {
            if let Some(period) = self.options.period {
                // One file after the other.
                let record = files.iter_mut().find_map(Iterator::next)?;
                let at = self.frame_time(period, rows);
                rows += 1;
                return Some(record.and_then(|record| match record {
                    Record::Row { values, .. } => Ok(Record::Row { at: at?, values }),
                    sample @ Record::Sample { .. } => Ok(sample),
                }));
            }
            // The earliest of the files' next records.
            for (ix, records) in files.iter_mut().enumerate() {
                if pending.len() <= ix {
                    pending.push(None);
                }
                if pending[ix].is_none() {
                    pending[ix] = records.next();
                }
            }
            let at = |slot: &Option<Result<Record, RecordError>>| match slot {
                Some(Ok(record)) => record.at(),
                // An error comes out at once.
                Some(Err(_)) => Timestamp::MIN,
                None => Timestamp::MAX,
            };
            let first = (0..pending.len())
                .filter(|ix| pending[*ix].is_some())
                .min_by_key(|ix| at(&pending[*ix]))?;
            pending[first].take()
        }))
    }

    /// The share of all files that the records of now have come to: all files count alike. `None` where a
    /// file is sorted, which is read before its first record is known.
    #[must_use]
    pub fn share(&self) -> Option<f64> {
        if self.sorted.contains(&true) {
            return None;
        }
        #[expect(clippy::cast_precision_loss, reason = "for people")]
        let of =
            |(part, whole): (u64, u64)| if whole == 0 { 1.0 } else { part as f64 / whole as f64 };
        #[expect(clippy::cast_precision_loss, reason = "as many files as a command line has")]
        let files = self.read.len() as f64;
        Some(self.read.iter().map(|read| of(read.get())).sum::<f64>() / files)
    }

    /// The records of one file, in the order in which they stand there, or of their times.
    fn records_of<'a>(
        &'a self,
        source: &'a Source,
        sorted: bool,
        read: &'a Slot<(u64, u64)>,
    ) -> Result<Records<'a>, RecordError> {
        let mut rows = source.rows(&self.shape.wanted())?;
        let records = std::iter::from_fn(move || {
            loop {
                let place = rows.advance()?;
                read.set(rows.read());
                let record = place.and_then(|place| self.record(&source.path, place, &*rows));
                if let Some(record) = record.transpose() {
                    return Some(record);
                }
            }
        });
        if !sorted {
            return Ok(Box::new(records));
        }
        let mut records = records.collect::<Result<Vec<_>, _>>()?;
        records.sort_by_key(Record::at);
        Ok(Box::new(records.into_iter().map(Ok)))
    }

    /// The time of a row that is a frame.
    fn frame_time(&self, period: Duration, row: u64) -> Result<Timestamp, RecordError> {
        let nanos = period.as_nanos() * u128::from(row);
        i64::try_from(nanos).map(Timestamp::from_nanos).map_err(|_| RecordError::Broken {
            path: self.sources.last().map(|source| source.path.clone()).unwrap_or_default(),
            what: format!("row {}: so many periods end after the year 2262", row + 1),
        })
    }

    /// The time of a row; `None` where rows are frames.
    pub(super) fn time_of(
        &self,
        path: &Path,
        place: Place,
        rows: &dyn Rows,
    ) -> Result<Option<Timestamp>, RecordError> {
        let Some(cell) = self.shape.time().map(|column| rows.cell(column)) else {
            return Ok(None);
        };
        let unit = self.options.time_unit;
        let shown = || excerpt(&cell.to_string());
        let words = |error| match error {
            TimeError::NoTime => {
                format!("`{}` is no time: RFC 3339 or a number is wanted", shown())
            }
            TimeError::Outside(None) => {
                format!("`{}` is outside the years 1677 to 2262", shown())
            }
            TimeError::Outside(Some(unit)) => {
                let likelier = time::likelier_unit(cell, unit)
                    .map(|unit| format!("; did you mean `--time-unit {unit}`?"));
                format!(
                    "`{}` {} is outside the years 1677 to 2262{}",
                    shown(),
                    time::word(unit),
                    likelier.unwrap_or_default()
                )
            }
        };
        time::of(cell, unit).map(Some).map_err(|error| {
            let column = "time".to_owned();
            RecordError::Cell { path: path.to_owned(), place, column, what: words(error) }
        })
    }

    /// The record of a row; `None` if it says nothing.
    fn record(
        &self,
        path: &Path,
        place: Place,
        rows: &dyn Rows,
    ) -> Result<Option<Record>, RecordError> {
        // Where rows are frames the time is the row's number; whoever counts the rows puts it in.
        let at = self.time_of(path, place, rows)?.unwrap_or(Timestamp::from_nanos(0));
        match &self.shape {
            Shape::Wide { values, .. } => {
                let values = values.iter().map(|ix| rows.cell(*ix).number().unwrap_or(f64::NAN));
                Ok(Some(Record::Row { at, values: values.collect() }))
            }
            Shape::Long { tag, value, quality, .. } => {
                let quality = quality.map_or(Ok(SourceQuality::Good), |ix| {
                    let cell = rows.cell(ix);
                    cell.quality().ok_or_else(|| RecordError::Cell {
                        path: path.to_owned(),
                        place,
                        column: "quality".into(),
                        what: format!(
                            "`{}` is no quality: `good`, `uncertain`, `bad` or an OPC number is wanted",
                            excerpt(&cell.to_string())
                        ),
                    })
                })?;
                let tag = rows.cell(*tag).text();
                let value = rows.cell(*value).value();
                Ok(value.map(|value| Record::Sample { at, tag: tag.into(), value, quality }))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fmt::Write as _;

    #[track_caller]
    fn check(text: &str, options: Options, expected: &str) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("r.csv");
        std::fs::write(&path, text).unwrap();
        let said = match Recording::open(std::slice::from_ref(&path), options) {
            Err(error) => error.to_string(),
            Ok(recording) => {
                let records: Vec<String> = recording
                    .records()
                    .unwrap()
                    .map(|record| match record {
                        Ok(Record::Row { at, values }) => format!("{}:{values:?}", at.as_millis()),
                        Ok(Record::Sample { at, tag, value, quality }) => {
                            format!("{}:{tag}={value:?} {quality:?}", at.as_millis())
                        }
                        Err(error) => error.to_string(),
                    })
                    .collect();
                format!("{} | {}", recording.columns.join(","), records.join(" "))
            }
        };
        assert_eq!(said.replace(&path.display().to_string(), "r.csv"), expected);
    }

    fn options() -> Options {
        Options::default()
    }

    #[test]
    fn wide_tables() {
        check(
            "time,a,b\n1,2,3\n2,,x\n",
            Options { time_unit: TimeUnit::Seconds, ..options() },
            "a,b | 1000:[2.0, 3.0] 2000:[NaN, NaN]",
        );
        check("ts;a;b\n1970-01-01T00:00:01Z;2;3,5\n", options(), "a,b | 1000:[2.0, NaN]");
        check(
            "sample,a\n7,1\n8,2\n",
            Options {
                period: Some(Duration::from_secs(180)),
                ignore: vec!["sample".into()],
                ..options()
            },
            "a | 0:[1.0] 180000:[2.0]",
        );
    }

    #[test]
    fn long_tables() {
        check(
            "time,tag,value,quality\n1000,a,2.5,192\n2000,b,on,bad\n",
            options(),
            " | 1000:a=Number(Finite(2.5)) Good 2000:b=Text(\"on\") Bad",
        );
    }

    #[test]
    fn errors_say_where_and_what_to_write() {
        check(
            "a,b\n1,2\n",
            options(),
            "`r.csv` has no column that is called `time`, `timestamp`, `ts`, `date` or `datetime`: name it with `--time COLUMN`, or give the time between rows with `--period`, as in `--period 3m`",
        );
        check(
            "time,a\n1,2\n",
            Options { ignore: vec!["x".into()], ..options() },
            "`r.csv` has no column `x`; it has `time`, `a`",
        );
        check("", options(), "`r.csv` has no header");
        check(
            "when,a\nsoon,2\n",
            Options { time: Some("when".into()), ..options() },
            "a | `r.csv`, line 2, column `time`: `soon` is no time: RFC 3339 or a number is wanted",
        );
        let long = "x".repeat(1000);
        check(
            &format!("time,a\n{long},2\n"),
            options(),
            &format!(
                "a | `r.csv`, line 2, column `time`: `{}…` is no time: RFC 3339 or a number is wanted",
                &long[..60]
            ),
        );
        check(
            "time,a\n1769126400000000000,2\n",
            Options { time_unit: TimeUnit::Seconds, ..options() },
            "a | `r.csv`, line 2, column `time`: `1769126400000000000` s is outside the years 1677 to 2262; did you mean `--time-unit ns`?",
        );
        check(
            "time,a,b\n1,2,3\n4,5\n",
            options(),
            "a,b | 1:[2.0, 3.0] `r.csv`, line 3 has 2 cells, and the header has 3",
        );
        check(
            "time,a\n1,\"2\n2,\"3,4\n",
            options(),
            "a | `r.csv`, line 2 has 3 cells, and the header has 2: the quote that opens in line 2 is not closed there",
        );
        check(
            "time,a\n1,\"2\n2,3\n",
            options(),
            "a | `r.csv`, line 2: the quote that opens there is not closed",
        );
        check(
            "time,tag,value\n1,a,2\n",
            Options { period: Some(Duration::from_secs(1)), ..options() },
            "`r.csv` has one value a line, so its lines are no frames: `--period` cannot be used",
        );
    }

    #[test]
    fn text_that_is_no_utf8_is_named_by_its_line() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("r.csv");
        for (bytes, line) in [
            (&b"time,\xb5m\n1,2\n"[..], 1),
            (b"time,a\n1,2\n2,\xb5\n", 3),
            (b"\xff\xfet\0i\0m\0e\0", 1),
        ] {
            std::fs::write(&path, bytes).unwrap();
            let read = Recording::open(std::slice::from_ref(&path), options())
                .and_then(|recording| recording.records()?.collect::<Result<Vec<_>, _>>());
            let words = read.unwrap_err().to_string();
            assert!(words.contains(&format!("line {line} is no UTF-8 text")), "{words}");
        }
    }

    #[test]
    fn periods_that_no_time_can_count_are_refused() {
        check(
            "a\n1\n2\n",
            Options { period: Some(Duration::from_secs(9_000_000_000)), ..options() },
            "a | 0:[1.0] 9000000000000:[2.0]",
        );
        check(
            "a\n1\n2\n",
            Options { period: Some(Duration::from_secs(10_000_000_000)), ..options() },
            "a | 0:[1.0] `r.csv`, row 2: so many periods end after the year 2262",
        );
    }

    #[test]
    fn share_follows_what_is_read_plain_or_packed() {
        let directory = tempfile::tempdir().unwrap();
        let mut text = String::from("time,a\n");
        for n in 0..100_000 {
            writeln!(text, "{n},{}", n * 7919 % 10_007).unwrap();
        }
        let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        std::io::Write::write_all(&mut packed, text.as_bytes()).unwrap();
        for bytes in [text.clone().into_bytes(), packed.finish().unwrap()] {
            let path = directory.path().join("r.csv");
            std::fs::write(&path, &bytes).unwrap();
            let recording = Recording::open(&[path], options()).unwrap();
            // Twice, for who learns reads twice.
            for _ in 0..2 {
                let mut shares = recording.records().unwrap().map(|_| recording.share().unwrap());
                let (first, half) = (shares.next().unwrap(), shares.nth(49_999).unwrap());
                assert!(first < 0.2 && (0.4..0.8).contains(&half), "{first} {half}");
                assert!((shares.last().unwrap() - 1.0).abs() < 1e-9);
            }
        }
    }

    #[test]
    fn share_of_parquet_is_that_of_its_rows() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/recordings/long.parquet");
        let options = Options { time_unit: TimeUnit::Seconds, ..options() };
        let recording = Recording::open(&[path.into()], options).unwrap();
        let shares: Vec<f64> =
            recording.records().unwrap().map(|_| recording.share().unwrap()).collect();
        let middle = shares[shares.len() / 2];
        assert!((0.49..0.51).contains(&middle) && shares.is_sorted(), "{middle}");
        assert_eq!(shares.last(), Some(&1.0));
    }

    #[test]
    fn files_are_merged_by_time() {
        let directory = tempfile::tempdir().unwrap();
        let paths: Vec<PathBuf> = ["time,a\n1,1\n3,3\n", "time,a\n2,2\n4,4\n"]
            .iter()
            .enumerate()
            .map(|(ix, text)| {
                let path = directory.path().join(format!("{ix}.csv"));
                std::fs::write(&path, text).unwrap();
                path
            })
            .collect();
        let recording = Recording::open(&paths, options()).unwrap();
        let times: Vec<i64> =
            recording.records().unwrap().map(|r| r.unwrap().at().as_millis()).collect();
        assert_eq!(times, [1, 2, 3, 4]);
    }
}

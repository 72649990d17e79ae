//! Tables of numbers: wide and long CSV.

use super::error::RecordError;
use super::time;
use crate::decode::TimeUnit;
use crate::reading::{Finite, SourceQuality, Timestamp, Value};
use flate2::read::MultiGzDecoder;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// Names of a column of times, where nobody names one.
const TIME_NAMES: [&str; 5] = ["time", "timestamp", "ts", "date", "datetime"];

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
    /// A row of a wide table: a value for each of [`Recording::columns`], NaN where there is none.
    Row {
        /// Its time; with a period, the period's multiples from 1970.
        at: Timestamp,
        /// The values.
        values: Vec<f64>,
    },
    /// A line of a long table.
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

/// A recording of one file or several of the same columns.
#[derive(Debug, Clone)]
pub struct Recording {
    paths: Vec<PathBuf>,
    delimiter: u8,
    options: Options,
    shape: Shape,
    columns: Vec<Arc<str>>,
}

#[derive(Debug, Clone)]
enum Shape {
    Wide { time: Option<usize>, values: Vec<usize> },
    Long { time: usize, tag: usize, value: usize, quality: Option<usize> },
}

impl Recording {
    /// Looks at the headers of the files.
    ///
    /// # Errors
    /// When a file cannot be read, a column that is named is not there, or there is no time.
    pub fn open(paths: &[PathBuf], options: Options) -> Result<Self, RecordError> {
        let Some((first, rest)) = paths.split_first() else {
            return Err(RecordError::Empty { path: PathBuf::new() });
        };
        let (delimiter, header) = header(first)?;
        for path in rest {
            if self::header(path)?.1 != header {
                return Err(RecordError::OtherColumns { path: path.clone(), first: first.clone() });
            }
        }
        for column in options.ignore.iter().chain(&options.time) {
            position(&header, column, first)?;
        }
        let shape = shape(&header, &options, first)?;
        let columns = match &shape {
            Shape::Wide { values, .. } => {
                values.iter().map(|ix| header[*ix].as_str().into()).collect()
            }
            Shape::Long { .. } => Vec::new(),
        };
        Ok(Self { paths: paths.to_vec(), delimiter, options, shape, columns })
    }

    /// The columns of values of a wide recording, in order; empty for a long one.
    #[must_use]
    pub fn columns(&self) -> &[Arc<str>] {
        &self.columns
    }

    /// True if its lines are single values.
    #[must_use]
    pub fn is_long(&self) -> bool {
        matches!(self.shape, Shape::Long { .. })
    }

    /// Leaves out the columns of a wide recording that hold anything but numbers, by reading it once.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub fn only_numbers(&mut self) -> Result<(), RecordError> {
        let Shape::Wide { values, .. } = &self.shape else { return Ok(()) };
        let mut numeric = vec![true; values.len()];
        let mut seen = vec![false; values.len()];
        for path in &self.paths {
            let mut reader = reader(path, self.delimiter)?;
            for record in reader.records() {
                let record =
                    record.map_err(|source| RecordError::Csv { path: path.clone(), source })?;
                for (ix, column) in values.iter().enumerate() {
                    let cell = record.get(*column).unwrap_or_default();
                    numeric[ix] &= number(cell).is_some();
                    seen[ix] |= number(cell).is_some_and(f64::is_finite);
                }
            }
        }
        let keep = |ix: &usize| numeric[*ix] && seen[*ix];
        let kept: Vec<usize> = (0..values.len()).filter(keep).collect();
        let values = kept.iter().map(|ix| values[*ix]).collect();
        self.columns = kept.iter().map(|ix| Arc::clone(&self.columns[*ix])).collect();
        if let Shape::Wide { values: all, .. } = &mut self.shape {
            *all = values;
        }
        Ok(())
    }

    /// The tags of a long recording, by name, found by reading it once.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub fn tags(&self) -> Result<Vec<Arc<str>>, RecordError> {
        let mut tags = std::collections::BTreeSet::new();
        for record in self.records()? {
            if let Record::Sample { tag, .. } = record? {
                tags.insert(tag);
            }
        }
        Ok(tags.into_iter().collect())
    }

    /// The records of all files: by time where they have one, file after file where they are frames.
    ///
    /// # Errors
    /// When a file cannot be opened; each record may be an error of its own.
    pub fn records(
        &self,
    ) -> Result<impl Iterator<Item = Result<Record, RecordError>> + '_, RecordError> {
        let mut files = Vec::new();
        for path in &self.paths {
            let reader = reader(path, self.delimiter)?;
            files.push((path, reader.into_records().peekable()));
        }
        let mut pending: Vec<Option<Result<Record, RecordError>>> = Vec::new();
        let mut rows = 0;
        Ok(std::iter::from_fn(move || {
            if self.options.period.is_some() {
                // One file after the other.
                for (path, records) in &mut files {
                    if let Some(record) = records.next() {
                        let parsed = self.parse(path, record, rows);
                        rows += 1;
                        return Some(parsed);
                    }
                }
                return None;
            }
            // The earliest of the files' next records.
            for (ix, (path, records)) in files.iter_mut().enumerate() {
                if pending.len() <= ix {
                    pending.push(None);
                }
                if pending[ix].is_none() {
                    pending[ix] = records.next().map(|record| self.parse(path, record, 0));
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

    fn parse(
        &self,
        path: &Path,
        record: Result<::csv::StringRecord, ::csv::Error>,
        row: u32,
    ) -> Result<Record, RecordError> {
        let record = record.map_err(|source| RecordError::Csv { path: path.to_owned(), source })?;
        let line = record.position().map_or(0, ::csv::Position::line);
        let cell = |ix: usize| record.get(ix).unwrap_or_default().trim();
        let wrong = |column: &str, what: String| RecordError::Cell {
            path: path.to_owned(),
            line,
            column: column.to_owned(),
            what,
        };
        let time = |ix: usize| {
            time::parse(cell(ix), self.options.time_unit).ok_or_else(|| {
                wrong("time", format!("`{}` is no time: RFC 3339 or a number is wanted", cell(ix)))
            })
        };
        match &self.shape {
            Shape::Wide { time: column, values } => {
                let at = match (self.options.period, column) {
                    (Some(period), _) => Timestamp::from_nanos(0).plus(period.saturating_mul(row)),
                    (None, Some(column)) => time(*column)?,
                    (None, None) => unreachable!("`shape` asks for a time or a period"),
                };
                let mut numbers = Vec::with_capacity(values.len());
                for (ix, column) in values.iter().enumerate() {
                    let number = number(cell(*column)).ok_or_else(|| {
                        let what = format!(
                            "`{}` is no number; leave the column out with `--ignore`",
                            cell(*column)
                        );
                        wrong(&self.columns[ix], what)
                    })?;
                    numbers.push(number);
                }
                Ok(Record::Row { at, values: numbers })
            }
            Shape::Long { time: column, tag, value, quality } => {
                let at = time(*column)?;
                let text = cell(*value);
                let value = match text.parse::<f64>().ok().and_then(|n| Finite::try_from(n).ok()) {
                    Some(number) => Value::Number(number),
                    None => Value::Text(text.into()),
                };
                let quality = quality.map_or(Ok(SourceQuality::Good), |ix| {
                    quality_of(cell(ix)).ok_or_else(|| {
                        wrong("quality", format!("`{}` is no quality: `good`, `uncertain`, `bad` or an OPC number is wanted", cell(ix)))
                    })
                })?;
                Ok(Record::Sample { at, tag: cell(*tag).into(), value, quality })
            }
        }
    }
}

fn shape(header: &[String], options: &Options, path: &Path) -> Result<Shape, RecordError> {
    let find = |name: &str| header.iter().position(|column| column.eq_ignore_ascii_case(name));
    let time = match &options.time {
        Some(column) => Some(position(header, column, path)?),
        None => TIME_NAMES.iter().find_map(|name| find(name)),
    };
    if let (Some(time), Some(tag), Some(value)) = (time, find("tag"), find("value"))
        && header.len() <= 4
    {
        if options.period.is_some() {
            return Err(RecordError::LongFrames { path: path.to_owned() });
        }
        return Ok(Shape::Long { time, tag, value, quality: find("quality") });
    }
    if time.is_none() && options.period.is_none() {
        return Err(RecordError::NoTime { path: path.to_owned() });
    }
    let ignored = |column: &String| options.ignore.iter().any(|name| name == column);
    let values = header
        .iter()
        .enumerate()
        .filter(|(ix, column)| Some(*ix) != time && !ignored(column) && !column.is_empty())
        .map(|(ix, _)| ix)
        .collect();
    Ok(Shape::Wide { time, values })
}

fn position(header: &[String], column: &str, path: &Path) -> Result<usize, RecordError> {
    header.iter().position(|name| name == column).ok_or_else(|| RecordError::NoColumn {
        path: path.to_owned(),
        column: column.to_owned(),
        have: header.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", "),
    })
}

/// A cell as a number: NaN where it is empty or says so, `None` if it is something else.
fn number(cell: &str) -> Option<f64> {
    let cell = cell.trim();
    if cell.is_empty()
        || ["nan", "na", "null", "n/a", "-"].iter().any(|no| cell.eq_ignore_ascii_case(no))
    {
        return Some(f64::NAN);
    }
    let value: f64 = cell.parse().ok()?;
    Some(if value.is_finite() { value } else { f64::NAN })
}

fn quality_of(cell: &str) -> Option<SourceQuality> {
    match cell.to_ascii_lowercase().as_str() {
        "" | "good" | "true" => Some(SourceQuality::Good),
        "uncertain" => Some(SourceQuality::Uncertain),
        "bad" | "false" => Some(SourceQuality::Bad),
        number => match number.parse::<u32>().ok()? {
            192.. => Some(SourceQuality::Good),
            64..=191 => Some(SourceQuality::Uncertain),
            _ => Some(SourceQuality::Bad),
        },
    }
}

/// The bytes of a file, unpacked if it is gzipped.
pub(super) fn open(path: &Path) -> Result<Box<dyn Read>, RecordError> {
    let mut file = BufReader::new(File::open(path).map_err(RecordError::file("open", path))?);
    let magic = file.fill_buf().map_err(RecordError::file("read", path))?;
    if magic.starts_with(&[0x1f, 0x8b]) {
        Ok(Box::new(MultiGzDecoder::new(file)))
    } else {
        Ok(Box::new(file))
    }
}

/// The separator and the columns.
fn header(path: &Path) -> Result<(u8, Vec<String>), RecordError> {
    let mut line = String::new();
    BufReader::new(open(path)?).read_line(&mut line).map_err(RecordError::file("read", path))?;
    if line.trim().is_empty() {
        return Err(RecordError::Empty { path: path.to_owned() });
    }
    let count = |delimiter: &u8| line.bytes().filter(|byte| byte == delimiter).count();
    let delimiter =
        *[b',', b';', b'\t'].iter().max_by_key(|d| (count(d), **d == b',')).expect("three");
    let mut reader = reader(path, delimiter)?;
    let headers =
        reader.headers().map_err(|source| RecordError::Csv { path: path.to_owned(), source })?;
    let columns =
        headers.iter().map(|column| column.trim().trim_start_matches('\u{feff}').to_owned());
    Ok((delimiter, columns.collect()))
}

fn reader(path: &Path, delimiter: u8) -> Result<::csv::Reader<Box<dyn Read>>, RecordError> {
    Ok(::csv::ReaderBuilder::new().delimiter(delimiter).from_reader(open(path)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, options: Options, expected: &str) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("r.csv");
        std::fs::write(&path, text).unwrap();
        let said = match Recording::open(std::slice::from_ref(&path), options) {
            Err(error) => error.to_string(),
            Ok(mut recording) => {
                let auto = recording.options.time.is_none();
                if auto {
                    recording.only_numbers().unwrap();
                }
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
            "a | 1000:[2.0] 2000:[NaN]",
        );
        check("ts;a;b\n1970-01-01T00:00:01Z;2;3,5\n", options(), "a | 1000:[2.0]");
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
        check(
            "when,a\n1,two\n",
            Options { time: Some("when".into()), ..options() },
            "a | `r.csv`, line 2, column `a`: `two` is no number; leave the column out with `--ignore`",
        );
        check(
            "time,tag,value\n1,a,2\n",
            Options { period: Some(Duration::from_secs(1)), ..options() },
            "`r.csv` has one value a line, so its lines are no frames: `--period` cannot be used",
        );
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

//! A first look at a whole recording: what its columns hold, and whether its times can be true.

use super::cell::{Cell, Place};
use super::error::{RecordError, excerpt};
use super::recording::Recording;
use super::shape::Shape;
use super::source::Source;
use super::time;
use crate::reading::Timestamp;
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// Memory that the records of files which have to be sorted may take, bytes.
const SORTED_MAX: u64 = 512 << 20;

/// A file is out of order if one in so many of its records comes too late to be judged. Fewer are what a
/// plant's network does, and are replayed as they came.
const OUT_OF_ORDER: u64 = 3;

/// A record behind the newest one by no more than this is not called late.
const JITTER: Duration = Duration::from_secs(1);

/// What a first look at a recording found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Survey {
    /// The tags of a long recording, by name.
    pub tags: Vec<Arc<str>>,
    /// What a person has to know before the recording is used: lower case, a line each.
    pub notes: Vec<String>,
}

/// A file, as its position among the paths, and a place in it.
type InFile = (usize, Place);

/// What stands in a column of a wide recording.
#[derive(Debug, Clone, Default)]
struct Column {
    numbers: u64,
    others: u64,
    /// The first cell that is no number, and its place.
    first: Option<(String, InFile)>,
    /// The place of the first cell that runs on over the end of its line.
    broken: Option<InFile>,
}

/// The times of one file.
#[derive(Debug, Default)]
struct Times {
    records: u64,
    late: u64,
    first: Option<Timestamp>,
    newest: Option<Timestamp>,
}

impl Recording {
    /// Looks at every record once, and settles how they are read from then on: columns of text are left
    /// out, and a file whose records are out of order by more than `lateness` is brought into order.
    ///
    /// # Errors
    /// When a file cannot be read, its times are in another unit than was said, or it is too long to be
    /// sorted.
    pub fn survey(&mut self, lateness: Duration) -> Result<Survey, RecordError> {
        let mut survey = Survey::default();
        let mut columns = vec![Column::default(); self.columns().len()];
        let mut tags = BTreeSet::new();
        let mut held = 0;
        for ix in 0..self.sources.len() {
            let times = self.look(ix, lateness.max(JITTER), &mut columns, &mut tags)?;
            let path = &self.sources[ix].path;
            if let Some(first) = times.first.filter(|first| time::is_long_ago(*first)) {
                survey.notes.push(format!("`{}` begins {first}", path.display()));
            }
            self.sorted[ix] = times.late * OUT_OF_ORDER > times.records;
            if self.sorted[ix] {
                held += times.records * self.record_bytes();
                if held > SORTED_MAX {
                    return Err(RecordError::Unsorted {
                        path: path.clone(),
                        records: times.records,
                    });
                }
                survey.notes.push(format!(
                    "`{}` is not in order of time: its {} records are sorted",
                    path.display(),
                    times.records
                ));
            } else if times.late > 0 {
                survey.notes.push(format!(
                    "`{}`: {} of {} records come after newer ones, too late to be judged",
                    path.display(),
                    times.late,
                    times.records
                ));
            }
        }
        self.leave_out_text(&columns, &mut survey.notes)?;
        survey.tags = tags.into_iter().collect();
        Ok(survey)
    }

    fn look(
        &self,
        file: usize,
        lateness: Duration,
        columns: &mut [Column],
        tags: &mut BTreeSet<Arc<str>>,
    ) -> Result<Times, RecordError> {
        let Source { path, .. } = &self.sources[file];
        let mut times = Times::default();
        let mut rows = self.sources[file].rows(&self.shape.wanted())?;
        while let Some(place) = rows.advance() {
            let place = place?;
            times.records += 1;
            if let Some(at) = self.time_of(path, place, &*rows)? {
                if times.first.is_none() {
                    times.first = Some(at);
                    let cell = self.shape.time().map_or(Cell::Empty, |column| rows.cell(column));
                    self.check_unit(path, place, at, cell)?;
                }
                times.late += u64::from(times.newest > Some(at.plus(lateness)));
                times.newest = times.newest.max(Some(at));
            }
            match &self.shape {
                Shape::Wide { values, .. } => {
                    for (column, ix) in columns.iter_mut().zip(values) {
                        column.take(rows.cell(*ix), (file, place));
                    }
                }
                Shape::Long { tag, value, .. } => {
                    for (column, name) in [(tag, "tag"), (value, "value")] {
                        if runs_on(rows.cell(*column), place) {
                            return Err(unclosed(path, place, name));
                        }
                    }
                    let tag = rows.cell(*tag).text();
                    if !tags.contains(&*tag) {
                        tags.insert(tag.into());
                    }
                }
            }
        }
        Ok(times)
    }

    /// A first time before 1990 that is of our days in another unit is in that one.
    fn check_unit(
        &self,
        path: &Path,
        place: Place,
        at: Timestamp,
        cell: Cell<'_>,
    ) -> Result<(), RecordError> {
        let unit = self.options.time_unit;
        match time::likelier_unit(cell, unit).filter(|_| time::is_long_ago(at)) {
            None => Ok(()),
            Some(likelier) => Err(RecordError::Cell {
                path: path.to_owned(),
                place,
                column: "time".into(),
                what: format!(
                    "`{}` {} is {at}; did you mean `--time-unit {likelier}`?",
                    excerpt(&cell.to_string()),
                    time::word(unit)
                ),
            }),
        }
    }

    /// About what a record takes in memory, bytes.
    fn record_bytes(&self) -> u64 {
        // A record, its vector or its two texts, and what the allocator adds.
        128 + 8 * self.columns().len() as u64
    }

    /// Leaves out columns in which no more than half of the cells that hold anything are numbers.
    ///
    /// # Errors
    /// When a cell among numbers runs on over the end of its line: the lines behind its quote are in it.
    fn leave_out_text(
        &mut self,
        columns: &[Column],
        notes: &mut Vec<String>,
    ) -> Result<(), RecordError> {
        let Shape::Wide { values, .. } = &mut self.shape else { return Ok(()) };
        let names = std::mem::take(&mut self.columns);
        let mut kept = Vec::new();
        for ((name, position), column) in names.iter().zip(&*values).zip(columns) {
            let is_text = column.others > 0 && column.numbers <= column.others;
            if let Some((file, place)) = column.broken.filter(|_| !is_text) {
                return Err(unclosed(&self.sources[file].path, place, name));
            }
            if let Some((first, (file, place))) = &column.first {
                let of = match self.sources.as_slice() {
                    [_] => String::new(),
                    sources => format!(" of `{}`", sources[*file].path.display()),
                };
                let all = column.numbers + column.others;
                let (name, first) = (excerpt(name), excerpt(first));
                notes.push(if is_text {
                    format!(
                        "column `{name}` is text and left out: {} of {all} values are no numbers, the first \
                         `{first}` in {place}{of}{}",
                        column.others,
                        if is_decimal_comma(&first) { ": write `.` for the decimal comma" } else { "" }
                    )
                } else {
                    format!(
                        "column `{name}`: {} of {all} values are no numbers and count as missing, the first \
                         `{first}` in {place}{of}",
                        column.others
                    )
                });
            }
            if !is_text {
                self.columns.push(Arc::clone(name));
                kept.push(*position);
            }
        }
        *values = kept;
        Ok(())
    }
}

impl Column {
    fn take(&mut self, cell: Cell<'_>, at: InFile) {
        if let Some(value) = cell.number() {
            self.numbers += u64::from(value.is_finite());
            return;
        }
        self.others += 1;
        if self.broken.is_none() && runs_on(cell, at.1) {
            self.broken = Some(at);
        }
        if self.first.is_none() {
            // Only what is shown is kept.
            self.first = Some((excerpt(&cell.text()), at));
        }
    }
}

/// True if a cell runs on over the end of its line, where there are lines.
fn runs_on(cell: Cell<'_>, place: Place) -> bool {
    matches!((cell, place), (Cell::Text(text), Place::Line(_)) if text.contains('\n'))
}

/// A cell with the lines behind it.
fn unclosed(path: &Path, place: Place, column: &str) -> RecordError {
    RecordError::Cell {
        path: path.to_owned(),
        place,
        column: excerpt(column),
        what: "the quote that opens here is not closed in its line".into(),
    }
}

/// True for `3,5`.
fn is_decimal_comma(cell: &str) -> bool {
    cell.matches(',').count() == 1 && cell.replacen(',', ".", 1).parse::<f64>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::super::{Options, Record};
    use super::*;
    use crate::decode::TimeUnit;
    use std::fmt::Write as _;

    /// What a survey says of a file, the times of its records after it, s, and the records.
    fn survey(text: &str, options: Options) -> (String, Vec<i64>, Vec<Record>) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("r.csv");
        std::fs::write(&path, text).unwrap();
        let mut recording = Recording::open(std::slice::from_ref(&path), options).unwrap();
        let said = match recording.survey(Duration::ZERO) {
            Ok(survey) => survey.notes.join("\n"),
            Err(error) => error.to_string(),
        };
        let records: Vec<Record> = recording.records().unwrap().map_while(Result::ok).collect();
        let times = records.iter().map(|record| record.at().as_millis() / 1000).collect();
        (said.replace(&path.display().to_string(), "r.csv"), times, records)
    }

    /// The values of a row of a wide table.
    fn values(record: &Record) -> &[f64] {
        match record {
            Record::Row { values, .. } => values,
            Record::Sample { .. } => unreachable!("the table is wide"),
        }
    }

    fn seconds() -> Options {
        Options { time_unit: TimeUnit::Seconds, ..Options::default() }
    }

    /// Rows of these times with a number each.
    fn rows(times: impl Iterator<Item = i64>) -> String {
        let mut text = String::from("time,a\n");
        for at in times {
            writeln!(text, "{},1", 1_769_126_400 + at).unwrap();
        }
        text
    }

    #[test]
    fn cell_that_is_no_number_is_missing_and_counted() {
        let (said, _, records) = survey("time,a,b,c\n1769126400,1,Bad,\n", seconds());
        assert!(said.contains("column `b` is text and left out"), "{said}");
        assert_eq!(values(&records[0]).len(), 2, "an empty column is one whose sensor is silent");
        let mut text = String::from("time,a,note,comma\n");
        for n in 0..400 {
            let a = if n == 299 { "Bad".to_owned() } else { n.to_string() };
            writeln!(text, "{},{a},shift {n},\"3,5\"", 1_769_126_400 + n).unwrap();
        }
        let (said, times, records) = survey(&text, seconds());
        assert_eq!(
            said.lines().collect::<Vec<_>>(),
            [
                "column `a`: 1 of 400 values are no numbers and count as missing, the first `Bad` in line 301",
                "column `note` is text and left out: 400 of 400 values are no numbers, the first `shift 0` in line 2",
                "column `comma` is text and left out: 400 of 400 values are no numbers, the first `3,5` in line 2: write `.` for the decimal comma",
            ]
        );
        assert_eq!((times.len(), values(&records[0])), (400, &[0.0][..]));
        assert!(values(&records[299])[0].is_nan() && values(&records[300])[0].is_finite());
    }

    #[test]
    fn number_that_swallowed_the_lines_behind_its_quote_is_an_error() {
        let text = rows(0..9).replacen(",1\n", ",\"1\n", 2);
        let (said, ..) = survey(&text, seconds());
        assert_eq!(
            said,
            "`r.csv`, line 2, column `a`: the quote that opens here is not closed in its line"
        );
        // A note may have lines.
        let (said, ..) = survey("time,a,note\n1769126400,1,\"two\nlines\"\n", seconds());
        assert!(said.contains("column `note` is text and left out"), "{said}");
    }

    #[test]
    fn file_with_the_newest_first_is_sorted() {
        let (said, times, _) = survey(&rows((0..300).rev()), seconds());
        assert_eq!(said, "`r.csv` is not in order of time: its 300 records are sorted");
        assert_eq!((times.len(), times.is_sorted()), (300, true));
    }

    #[test]
    fn file_of_one_tag_after_the_other_is_sorted() {
        let mut text = String::from("time,tag,value\n");
        for tag in ["a", "b"] {
            for n in 0..100 {
                writeln!(text, "{},{tag},1", 1_769_126_400 + n).unwrap();
            }
        }
        let (said, times, _) = survey(&text, seconds());
        assert!(said.ends_with("its 200 records are sorted"), "{said}");
        assert!(times.is_sorted());
    }

    #[test]
    fn some_late_records_stay_where_they_came_and_are_counted() {
        let late = |n: i64| if n % 20 == 19 { n - 10 } else { n };
        let (said, times, _) = survey(&rows((0..200).map(late)), seconds());
        assert_eq!(said, "`r.csv`: 10 of 200 records come after newer ones, too late to be judged");
        assert!(!times.is_sorted());
        let (said, ..) = survey(&rows((0..200).map(|n| n ^ 1)), seconds());
        assert_eq!(said, "", "a second is no lateness to speak of");
    }

    #[test]
    fn times_in_another_unit_are_refused_and_counts_from_zero_are_not() {
        let (said, ..) = survey(&rows(0..3), Options::default());
        assert_eq!(
            said,
            "`r.csv`, line 2, column `time`: `1769126400` ms is 1970-01-21T11:25:26.4Z; did you mean `--time-unit s`?"
        );
        let (said, times, _) = survey("time,a\n0,1\n1,2\n", seconds());
        assert_eq!((said.as_str(), times), ("`r.csv` begins 1970-01-01T00:00:00Z", vec![0, 1]));
    }
}

//! Tables of laboratory results: CSV, plain or gzipped, as a laboratory's system or a spreadsheet writes them.
//!
//! *Long*: `batch,property,value` and, where they are told, `line`, `unit`, `position`, `ts`; a line has one result.
//! *Wide*: `batch` and, where they are told, `line`, `position`, `ts`; every other column is a property. The header
//! tells which. All of it is read before anything is used, and all that is wrong is named.

use super::cell::{Cell, Place};
use super::csv::{self, Layout};
use super::error::{RecordError, excerpt, names};
use super::source::{Rows, first_bytes};
use super::{parquet, time};
use crate::decode::TimeUnit;
use crate::plant::nearest;
use crate::reading::Timestamp;
use std::collections::BTreeMap;
use std::path::Path;

/// Results that one file may have: they stand in memory together.
const RESULTS_MAX: usize = 100_000;

/// Wrong cells that are named; more are only counted.
const NAMED_MAX: usize = 20;

/// Columns of a long table.
const LONG: [&str; 7] = ["batch", "property", "value", "line", "unit", "position", "ts"];

/// A laboratory result of a table.
#[derive(Debug, Clone, PartialEq)]
pub struct TableResult {
    /// Where its row stands.
    pub place: Place,
    /// The column of its value.
    pub column: String,
    /// The line, where the table names one.
    pub line: Option<String>,
    /// The batch.
    pub batch: String,
    /// The property.
    pub property: String,
    /// The result, in `unit`; in that of the grade's limits where there is none.
    pub value: f64,
    /// Its unit.
    pub unit: Option<String>,
    /// Where in the batch.
    pub position: Option<String>,
    /// When it was found.
    pub at: Option<Timestamp>,
}

/// What makes two results the same one.
type Key = (Option<String>, String, String, Option<String>, Option<Timestamp>);

/// The columns by their positions in the header.
#[derive(Debug)]
struct Columns {
    batch: usize,
    line: Option<usize>,
    position: Option<usize>,
    ts: Option<usize>,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    Long {
        property: usize,
        value: usize,
        unit: Option<usize>,
    },
    /// The properties.
    Wide(Vec<usize>),
}

/// Reads a table of laboratory results.
///
/// # Errors
/// When the file cannot be read, its header is not that of such a table, or any cell is wrong: all of what is wrong, each
/// with its line and column, as far as the first twenty.
pub fn read_results(path: &Path) -> Result<Vec<TableResult>, Vec<RecordError>> {
    let (layout, header) = open(path).map_err(|error| vec![error])?;
    let columns = Columns::of(&header, path).map_err(|error| vec![error])?;
    let mut reading = Reading {
        path,
        header: &header,
        decimal_comma: layout.has_decimal_comma(),
        results: Vec::new(),
        seen: BTreeMap::new(),
        wrong: Vec::new(),
        more: 0,
    };
    let mut rows = csv::rows(path, layout).map_err(|error| vec![error])?;
    while let Some(place) = rows.advance() {
        match place {
            Ok(place) => reading.row(place, &*rows, &columns),
            // A line of another width: those behind it can be read all the same.
            Err(error @ RecordError::Cells { .. }) => reading.refuse(error),
            Err(error) => {
                reading.refuse(error);
                break;
            }
        }
        if reading.results.len() > RESULTS_MAX {
            let what = format!("has more than {RESULTS_MAX} results: split it into several files");
            return Err(vec![RecordError::unusable(path, what)]);
        }
    }
    let Reading { results, mut wrong, more, .. } = reading;
    if more > 0 {
        wrong.push(RecordError::unusable(path, format!("has {more} more wrong cells")));
    }
    if wrong.is_empty() && results.is_empty() {
        wrong.push(RecordError::unusable(path, "has a header and no result"));
    }
    if wrong.is_empty() { Ok(results) } else { Err(wrong) }
}

fn open(path: &Path) -> Result<(Layout, Vec<String>), RecordError> {
    let begin = first_bytes(path)?;
    if parquet::is_like(&begin) {
        return Err(RecordError::unusable(path, "is a Parquet file: save it as CSV"));
    }
    csv::header(path)
}

impl Columns {
    fn of(header: &[String], path: &Path) -> Result<Self, RecordError> {
        let find = |name: &str| header.iter().position(|column| column.eq_ignore_ascii_case(name));
        for (ix, column) in header.iter().enumerate() {
            let same = |other: &String| other.eq_ignore_ascii_case(column);
            if !column.is_empty() && header.iter().skip(ix + 1).any(same) {
                let what = format!("has two columns `{}`: take one away", excerpt(column));
                return Err(RecordError::unusable(path, what));
            }
        }
        let missing = |column: &str| RecordError::NoColumn {
            path: path.to_owned(),
            column: column.to_owned(),
            have: names(header.iter().map(String::as_str)),
        };
        let batch = find("batch").ok_or_else(|| missing("batch"))?;
        let (line, position, ts) = (find("line"), find("position"), find("ts"));
        let kind = match (find("property"), find("value")) {
            (Some(property), Some(value)) => {
                let is_known = |column: &String| {
                    column.is_empty() || LONG.iter().any(|known| column.eq_ignore_ascii_case(known))
                };
                if let Some(strange) = header.iter().find(|column| !is_known(column)) {
                    let near = nearest(strange, LONG);
                    let near =
                        near.map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
                    let what = format!(
                        "has a column `{}`, which says nothing of a result; there are {}{near}",
                        excerpt(strange),
                        names(LONG.into_iter())
                    );
                    return Err(RecordError::unusable(path, what));
                }
                Kind::Long { property, value, unit: find("unit") }
            }
            (Some(_), None) => return Err(missing("value")),
            (None, Some(_)) => return Err(missing("property")),
            (None, None) => {
                if let Some(unit) = find("unit") {
                    let what = format!(
                        "has a column `{}`, which goes with columns `property` and `value`: a table with a column \
                         for each property is in the units of the limits",
                        header[unit]
                    );
                    return Err(RecordError::unusable(path, what));
                }
                let said = [Some(batch), line, position, ts];
                let is_property =
                    |ix: &usize| !said.contains(&Some(*ix)) && !header[*ix].is_empty();
                let properties: Vec<usize> = (0..header.len()).filter(is_property).collect();
                if properties.is_empty() {
                    return Err(missing("property"));
                }
                Kind::Wide(properties)
            }
        };
        Ok(Self { batch, line, position, ts, kind })
    }
}

/// A table that is being read.
struct Reading<'a> {
    path: &'a Path,
    header: &'a [String],
    decimal_comma: bool,
    results: Vec<TableResult>,
    /// The value and place of each result.
    seen: BTreeMap<Key, (f64, Place)>,
    wrong: Vec<RecordError>,
    more: usize,
}

impl Reading<'_> {
    fn row(&mut self, place: Place, rows: &dyn Rows, columns: &Columns) {
        // What a spreadsheet leaves behind its last row.
        if (0..self.header.len()).all(|column| rows.cell(column).text().is_empty()) {
            return;
        }
        let text = |column: Option<usize>| {
            let text = column.map(|column| rows.cell(column).text().into_owned());
            text.filter(|text| !text.is_empty())
        };
        let Some(batch) = text(Some(columns.batch)) else {
            return self.wrong_cell(place, columns.batch, "empty: which batch it is of".to_owned());
        };
        let mut at = None;
        if let (Some(column), Some(ts)) = (columns.ts, text(columns.ts)) {
            at = time::of(Cell::Text(&ts), TimeUnit::Millis).ok();
            if at.is_none() {
                let what = format!(
                    "`{}` is no time; write one such as `2026-01-23T06:00:00Z`, or milliseconds since 1970",
                    excerpt(&ts)
                );
                return self.wrong_cell(place, column, what);
            }
        }
        let (line, position) = (text(columns.line), text(columns.position));
        let result =
            |property: String, column: usize, value: f64, unit: Option<String>| TableResult {
                place,
                column: self.header[column].clone(),
                line: line.clone(),
                batch: batch.clone(),
                property,
                value,
                unit,
                position: position.clone(),
                at,
            };
        match &columns.kind {
            Kind::Long { property, value, unit } => {
                let Some(name) = text(Some(*property)) else {
                    let what = "empty: what was measured".to_owned();
                    return self.wrong_cell(place, *property, what);
                };
                match number(rows.cell(*value), self.decimal_comma) {
                    Ok(Some(number)) => {
                        let result = result(name, *value, number, text(*unit));
                        self.take(result, *value);
                    }
                    Ok(None) => {
                        let what = "there is no result in it: leave the line out".to_owned();
                        self.wrong_cell(place, *value, what);
                    }
                    Err(what) => self.wrong_cell(place, *value, what),
                }
            }
            Kind::Wide(properties) => {
                let read = properties.iter().map(|column| {
                    let value = number(rows.cell(*column), self.decimal_comma);
                    let made = value.map(|value| {
                        value
                            .map(|value| result(self.header[*column].clone(), *column, value, None))
                    });
                    (*column, made)
                });
                for (column, made) in read.collect::<Vec<_>>() {
                    match made {
                        Ok(Some(result)) => self.take(result, column),
                        Ok(None) => {}
                        Err(what) => self.wrong_cell(place, column, what),
                    }
                }
            }
        }
    }

    /// Keeps a result, unless another line says another one of the same.
    fn take(&mut self, result: TableResult, column: usize) {
        let TableResult { place, value, .. } = result;
        let key = (
            result.line.clone(),
            result.batch.clone(),
            result.property.clone(),
            result.position.clone(),
            result.at,
        );
        let (first, before) = *self.seen.entry(key).or_insert((value, place));
        if first.to_bits() == value.to_bits() {
            self.results.push(result);
            return;
        }
        let other = format!("{before} has {first} of the same batch, property and position");
        let what = match result.at {
            Some(_) => format!("{other} at the same time: leave the wrong one out"),
            None => format!("{other}: say in a column `ts` when each was found, the newest counts"),
        };
        self.wrong_cell(place, column, what);
    }

    fn wrong_cell(&mut self, place: Place, column: usize, what: String) {
        let column = excerpt(&self.header[column]);
        self.refuse(RecordError::Cell { path: self.path.to_owned(), place, column, what });
    }

    fn refuse(&mut self, error: RecordError) {
        if self.wrong.len() < NAMED_MAX {
            self.wrong.push(error);
        } else {
            self.more += 1;
        }
    }
}

/// The number of a cell; `None` where there is none.
fn number(cell: Cell<'_>, decimal_comma: bool) -> Result<Option<f64>, String> {
    let text = cell.text();
    let plain = if decimal_comma && !text.contains('.') {
        text.replacen(',', ".", 1)
    } else {
        text.to_string()
    };
    match Cell::Text(&plain).number() {
        Some(number) if number.is_finite() => Ok(Some(number + 0.0)),
        // Infinite, or a word for nothing.
        Some(_) if plain.parse::<f64>().is_ok_and(f64::is_infinite) => {
            Err(format!("`{}` is not finite", excerpt(&text)))
        }
        Some(_) => Ok(None),
        None if text.contains(',') && decimal_comma => Err(format!(
            "`{}` is no number; write `1234,5` or `1234.5`, without marks between thousands",
            excerpt(&text)
        )),
        None if text.contains(',') => Err(format!(
            "`{}` is no number; write `1234.5`: a decimal comma is read where `;` or tabs part the cells",
            excerpt(&text)
        )),
        None => {
            Err(format!("`{}` is no number; write one such as `131.4`, or nothing", excerpt(&text)))
        }
    }
}

#[cfg(test)]
mod tests;

//! Which columns of a table say what.

use super::error::{RecordError, names};
use super::recording::Options;
use std::path::Path;

/// Names of a column of times, where nobody names one.
const TIME_NAMES: [&str; 5] = ["time", "timestamp", "ts", "date", "datetime"];

/// The columns by their positions in the header.
#[derive(Debug, Clone)]
pub(super) enum Shape {
    /// A row has a value of each tag; without a column of times rows are frames.
    Wide { time: Option<usize>, values: Vec<usize> },
    /// A row has one value.
    Long { time: usize, tag: usize, value: usize, quality: Option<usize> },
}

impl Shape {
    /// What a header means.
    pub(super) fn of(
        header: &[String],
        options: &Options,
        path: &Path,
    ) -> Result<Self, RecordError> {
        let find = |name: &str| header.iter().position(|column| column.eq_ignore_ascii_case(name));
        for column in options.ignore.iter().chain(&options.time) {
            position(header, column, path)?;
        }
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
            return Ok(Self::Long { time, tag, value, quality: find("quality") });
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
        // With a period a time is neither needed nor a value.
        Ok(Self::Wide { time: time.filter(|_| options.period.is_none()), values })
    }

    /// The column of times; `None` where rows are frames.
    pub(super) fn time(&self) -> Option<usize> {
        match self {
            Self::Wide { time, .. } => *time,
            Self::Long { time, .. } => Some(*time),
        }
    }

    /// All columns that are read.
    pub(super) fn wanted(&self) -> Vec<usize> {
        match self {
            Self::Wide { time, values } => time.iter().chain(values).copied().collect(),
            Self::Long { time, tag, value, quality } => {
                [*time, *tag, *value].into_iter().chain(*quality).collect()
            }
        }
    }
}

fn position(header: &[String], column: &str, path: &Path) -> Result<usize, RecordError> {
    header.iter().position(|name| name == column).ok_or_else(|| RecordError::NoColumn {
        path: path.to_owned(),
        column: column.to_owned(),
        have: names(header.iter().map(String::as_str)),
    })
}

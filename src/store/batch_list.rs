//! Batches in pieces: the newest first, by what people look for, going on where a piece ended whatever began meanwhile.

use super::error::StoreError;
use super::reader::{Reader, StoredBatch};
use crate::reading::Timestamp;
use rusqlite::params_from_iter;
use rusqlite::types::Value;

/// Which batches are wanted; empty parts leave nothing out.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BatchFilter {
    /// Of this line.
    pub line: Option<String>,
    /// Of this grade.
    pub grade: Option<String>,
    /// With this verdict; `void` of those that are merged or void.
    pub verdict: Option<String>,
    /// With this newest disposition; `none` of those that nobody decided.
    pub disposition: Option<String>,
    /// That began then or later.
    pub from: Option<Timestamp>,
    /// That began before.
    pub to: Option<Timestamp>,
    /// Behind this one.
    pub after: Option<BatchPlace>,
}

/// The place of a batch among all: the newest begin first, then by line, then by id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BatchPlace {
    /// Its begin.
    pub started: Timestamp,
    /// Its line.
    pub line: String,
    /// Its id.
    pub batch: String,
}

impl StoredBatch {
    /// Its place among all.
    #[must_use]
    pub fn place(&self) -> BatchPlace {
        let Self { started, line, batch, .. } = self;
        BatchPlace { started: *started, line: line.clone(), batch: batch.clone() }
    }
}

impl Reader {
    /// The newest batches that are wanted, at most `limit`, in the order of their [`BatchPlace`].
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn batch_list(
        &self,
        wanted: &BatchFilter,
        limit: usize,
    ) -> Result<Vec<StoredBatch>, StoreError> {
        let (sql, values) = query(wanted, limit);
        self.batch_rows(&sql, params_from_iter(values))
    }

    /// How SQLite goes about it: a line for each step.
    #[cfg(test)]
    pub(super) fn batch_list_plan(&self, wanted: &BatchFilter) -> Vec<String> {
        let (sql, values) = query(wanted, 9);
        let sql = format!("EXPLAIN QUERY PLAN {sql}");
        self.rows("explain", &sql, params_from_iter(values), |row| self.get(row, 3)).unwrap()
    }
}

fn query(wanted: &BatchFilter, limit: usize) -> (String, Vec<Value>) {
    let BatchFilter { line, grade, verdict, disposition, from, to, after } = wanted;
    // The begin is always bounded, so that an index is searched by it and its order is that of the list.
    let mut sql =
        "SELECT line, batch, started, ended, record FROM batches WHERE started <= ?".to_owned();
    let last = to.map_or(i64::MAX, |to| to.as_nanos().saturating_sub(1));
    let behind = after.as_ref().map_or(i64::MAX, |after| after.started.as_nanos());
    let mut values = vec![Value::from(last.min(behind))];
    if let Some(from) = from {
        sql.push_str(" AND started >= ?");
        values.push(from.as_nanos().into());
    }
    for (column, value) in
        [("line", line), ("grade", grade), ("verdict", verdict), ("disposition", disposition)]
    {
        if let Some(value) = value {
            sql.push_str(" AND ");
            sql.push_str(column);
            sql.push_str(" = ?");
            values.push(value.clone().into());
        }
    }
    if let Some(BatchPlace { started, line, batch }) = after {
        sql.push_str(" AND (started < ? OR line > ? OR line = ? AND batch < ?)");
        values.push(started.as_nanos().into());
        values.extend([line.clone().into(), line.clone().into(), batch.clone().into()]);
    }
    sql.push_str(" ORDER BY started DESC, line, batch DESC LIMIT ?");
    values.push(i64::try_from(limit).unwrap_or(i64::MAX).into());
    (sql, values)
}

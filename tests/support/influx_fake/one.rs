//! InfluxDB 1.8: what it can read of a request it stores, and says what it cannot.

use std::collections::BTreeMap;

use serde_json::json;

use super::{
    Answer, Fields, Request, Stored, Version, json,
    line::{self, Kind, Line},
};

/// An InfluxDB 1.8 with one database.
#[derive(Debug, Default)]
pub(crate) struct One {
    /// The database.
    pub(crate) database: String,
    /// `USER:PASSWORD`, if it wants one.
    pub(crate) login: Option<String>,
    /// Points before this time are beyond the retention policy.
    pub(crate) oldest: Option<i64>,
    /// The greatest body, unpacked.
    pub(crate) bytes_max: Option<usize>,
    types: BTreeMap<(String, String), Kind>,
    stored: Stored,
}

impl One {
    /// An open one that keeps everything.
    pub(crate) fn new(database: &str) -> Self {
        Self { database: database.to_owned(), ..Self::default() }
    }

    fn conflict(&mut self, line: &Line) -> Option<String> {
        for (field, value) in &line.fields {
            let place = (line.measurement.clone(), field.clone());
            let known = *self.types.entry(place).or_insert(value.kind);
            if known != value.kind {
                return Some(format!(
                    "field type conflict: input field \"{field}\" on measurement \"{}\" is type {}, already exists \
                     as type {}",
                    line.measurement,
                    value.kind.word(),
                    known.word(),
                ));
            }
        }
        None
    }
}

impl Version for One {
    fn write(&mut self, request: &Request) -> Answer {
        let says = |status, words: &str| json(status, &json!({ "error": words }));
        let get = |name: &str| request.query.get(name).map(String::as_str).unwrap_or_default();
        if !matches!(get("precision"), "ns" | "us" | "ms" | "s" | "") {
            return says(400, "invalid precision (use ns, us, ms or s)");
        }
        let database = get("bucket").split('/').next().unwrap_or_default().to_owned();
        if database != self.database {
            return says(404, &format!("database not found: {database:?}"));
        }
        let login = self.login.as_ref().map(|login| format!("Token {login}"));
        if login.is_some_and(|login| login != request.authorization) {
            return says(401, "authorization failed");
        }
        if self.bytes_max.is_some_and(|max| request.body.len() > max) {
            return says(413, "Request Entity Too Large");
        }
        let (mut good, mut unread) = (Vec::new(), Vec::new());
        for text in request.body.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
            match line::read(text) {
                Ok(line) => good.push(line),
                Err(why) => unread.push(format!("unable to parse '{text}': {why}")),
            }
        }
        if good.is_empty() && !unread.is_empty() {
            return says(400, &unread.join("\n"));
        }
        let (mut old, mut conflicts) = (0, Vec::new());
        for line in good {
            if self.oldest.is_some_and(|oldest| line.time < oldest) {
                old += 1;
            } else if let Some(conflict) = self.conflict(&line) {
                conflicts.push(conflict);
            } else {
                let fields: &mut Fields =
                    self.stored.entry((line.series(), line.time)).or_default();
                fields.extend(line.fields);
            }
        }
        // One complaint only: the first conflict wins over age, and both over lines that nobody could read.
        if let Some(first) = conflicts.first() {
            return says(400, &format!("partial write: {first} dropped={}", conflicts.len()));
        }
        if old > 0 {
            let words = format!("partial write: points beyond retention policy dropped={old}");
            return says(400, &words);
        }
        if !unread.is_empty() {
            return says(400, &format!("partial write: {} dropped=0", unread.join("\n")));
        }
        (204, String::new())
    }

    fn health(&self, _authorization: &str) -> Answer {
        json(
            200,
            &json!({
                "checks": [], "message": "ready for queries and writes", "name": "influxdb", "status": "pass",
                "version": "1.8.10",
            }),
        )
    }

    fn stored(&self) -> Stored {
        self.stored.clone()
    }
}

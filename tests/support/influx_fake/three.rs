//! InfluxDB 3: a table has one set of tags and one type for each column, and every request needs a token.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;

use super::{
    Answer, Fields, Request, Stored, Version, json,
    line::{self, Kind, Line},
};

/// What it says to a request with bad lines, which differs between releases and ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// 400, without saying which line, and nothing is stored: the end for clients of version 2.
    Whole,
    /// 400, the good lines are stored, and the first hundred bad ones are named by number: its own end.
    Named,
    /// 500 for the same without names.
    Unnamed,
}

/// An InfluxDB 3 Core.
#[derive(Debug)]
pub(crate) struct Three {
    /// The token.
    pub(crate) token: String,
    /// What it says to bad lines.
    pub(crate) refusal: Refusal,
    /// The greatest body, unpacked.
    pub(crate) bytes_max: usize,
    tables: BTreeMap<String, Table>,
    stored: Stored,
}

/// The columns of a table.
#[derive(Debug, Clone, Default)]
struct Table {
    tags: BTreeSet<String>,
    fields: BTreeMap<String, Kind>,
}

impl Three {
    /// One with this token, and the usual bound of a request.
    pub(crate) fn new(token: &str, refusal: Refusal) -> Self {
        Self {
            token: token.to_owned(),
            refusal,
            bytes_max: 10 << 20,
            tables: BTreeMap::new(),
            stored: Stored::new(),
        }
    }

    fn is_let_in(&self, authorization: &str) -> bool {
        let (scheme, token) = authorization.split_once(' ').unwrap_or_default();
        matches!(scheme, "Token" | "Bearer") && token == self.token
    }
}

/// Enters a line into the tables, or says why it does not fit.
fn enter(tables: &mut BTreeMap<String, Table>, line: &Line) -> Result<(), String> {
    let is_new = !tables.contains_key(&line.measurement);
    let mut table = tables.get(&line.measurement).cloned().unwrap_or_default();
    for (tag, _) in &line.tags {
        if is_new {
            table.tags.insert(tag.clone());
        } else if !table.tags.contains(tag) {
            return Err(format!(
                "Detected a new tag '{tag}' in write. The tag set is immutable on first write to the table."
            ));
        }
    }
    for (field, value) in &line.fields {
        if table.tags.contains(field) {
            return Err(format!("invalid column type for column '{field}', expected tag"));
        }
        let known = *table.fields.entry(field.clone()).or_insert(value.kind);
        if known != value.kind {
            return Err(format!(
                "invalid column type for column '{field}', expected iox::column_type::field::{}, got \
                 iox::column_type::field::{}",
                known.word(),
                value.kind.word(),
            ));
        }
    }
    tables.insert(line.measurement.clone(), table);
    Ok(())
}

impl Version for Three {
    fn write(&mut self, request: &Request) -> Answer {
        let says = |status, code: &str, words: &str| {
            json(status, &json!({ "code": code, "message": words }))
        };
        if !self.is_let_in(&request.authorization) {
            return json(401, &json!({ "error": "the request was not authenticated" }));
        }
        let bucket = request.query.get("bucket").map(String::as_str).unwrap_or_default();
        if bucket.is_empty()
            || bucket.chars().any(|c| !c.is_ascii_alphanumeric() && !"-_".contains(c))
        {
            let words = "db name must use ASCII letters, numbers, underscores and hyphens only";
            return says(400, "invalid", words);
        }
        if request.query.get("precision").map(String::as_str) != Some("ns") {
            return says(400, "invalid", "the test wants a precision that is said, and ns");
        }
        if request.body.len() > self.bytes_max {
            let words = format!("max request size ({} bytes) exceeded", self.bytes_max);
            return says(413, "request too large", &words);
        }
        if request.body.is_empty() {
            return says(400, "invalid", "write buffer error: incoming write was empty");
        }
        let (mut tables, mut good, mut bad) = (self.tables.clone(), Vec::new(), Vec::new());
        for (n, text) in request.body.lines().enumerate() {
            let line = line::read(text).map_err(str::to_owned);
            let line = line.and_then(|line| enter(&mut tables, &line).map(|()| line));
            match line {
                Ok(line) => good.push(line),
                // Its own rendering of the line, cut short: nobody can find the line by it.
                Err(why) => bad.push(json!({
                    "original_line": text.replace('"', "").chars().take(20).collect::<String>(),
                    "line_number": n + 1,
                    "error_message": why,
                })),
            }
        }
        if !bad.is_empty() && self.refusal == Refusal::Whole {
            let words = "write buffer error: parsing for line protocol failed";
            return says(400, "invalid", words);
        }
        self.tables = tables;
        for line in good {
            let fields: &mut Fields = self.stored.entry((line.series(), line.time)).or_default();
            fields.extend(line.fields);
        }
        let words = "partial write of line protocol occurred";
        if bad.is_empty() {
            (204, String::new())
        } else if self.refusal == Refusal::Named {
            bad.truncate(100);
            json(400, &json!({ "error": words, "data": bad }))
        } else {
            says(500, "internal error", words)
        }
    }

    fn health(&self, authorization: &str) -> Answer {
        if self.is_let_in(authorization) { (200, "OK".into()) } else { (401, String::new()) }
    }

    fn stored(&self) -> Stored {
        self.stored.clone()
    }
}

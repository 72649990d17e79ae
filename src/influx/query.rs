//! What the server has of a line, read back in Flux: readings in windows of time, and batches.

use super::Settings;
use super::client::{self, ClientError};
use super::failure::Failure;
use super::table::Rows;
use crate::reading::{Finite, Flags, Timestamp, Value};
use crate::telemetry::Secret;
use reqwest011::header::{AUTHORIZATION, HeaderValue};
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;

/// Readings that are asked for at once: some twenty megabytes of text.
pub const READINGS_MAX: usize = 100_000;

/// The greatest answer that is taken.
const ANSWER_MAX: usize = 128 << 20;

/// A reading as the server has it.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredReading {
    /// The area; may be empty.
    pub area: Arc<str>,
    /// The tag.
    pub tag: Arc<str>,
    /// Event time.
    pub at: Timestamp,
    /// The value.
    pub value: Value,
    /// What was known of it when it came.
    pub flags: Flags,
}

/// A batch as the server has it.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredBatch {
    /// The station, where a line has several.
    pub station: Option<Arc<str>>,
    /// Its id.
    pub batch: Arc<str>,
    /// The grade.
    pub grade: Option<Arc<str>>,
    /// Its begin.
    pub started: Timestamp,
    /// Its end, once it ended.
    pub ended: Option<Timestamp>,
    /// Its length.
    pub length_m: Option<f64>,
    /// Its mass.
    pub mass_kg: Option<f64>,
    /// What a person decided, in the word of the contract.
    pub disposition: Option<String>,
    /// Laboratory results by property.
    pub lab: Vec<(Arc<str>, f64)>,
}

/// Asks a server for what it has of one line.
#[derive(Debug)]
pub struct Query {
    http: reqwest011::Client,
    token: HeaderValue,
    url: String,
    org: String,
    bucket: String,
    line: String,
}

impl Query {
    /// A client that asks for a line. Asks nobody yet.
    ///
    /// # Errors
    /// When there can be no client with these settings.
    pub fn new(settings: &Settings, token: &Secret, line: &str) -> Result<Self, ClientError> {
        client::check(settings, token)?;
        let mut header = HeaderValue::from_str(&format!("Token {}", token.expose()))
            .map_err(|_| ClientError::Token)?;
        header.set_sensitive(true);
        let http = client::http(settings).build().map_err(ClientError::Http)?;
        Ok(Self {
            http,
            token: header,
            url: settings.url.trim_end_matches('/').to_owned(),
            org: settings.org.clone(),
            bucket: settings.bucket.clone(),
            line: line.to_owned(),
        })
    }

    /// The newest reading before an instant, or, without one, before the server's clock.
    ///
    /// # Errors
    /// What the server says against it, or why it says nothing.
    pub async fn newest(&self, before: Option<Timestamp>) -> Result<Option<Timestamp>, Failure> {
        let stop = before.map_or_else(|| "now()".to_owned(), time);
        let flux = format!(
            "{} |> filter(fn: (r) => r._field == \"quality\") |> last() |> group() \
             |> keep(columns: [\"_time\"]) |> sort(columns: [\"_time\"], desc: true) |> limit(n: 1)",
            self.of("readings", "time(v: 0)", &stop)
        );
        let mut newest = None;
        self.ask(&flux, |row| {
            newest = row.time("_time")?;
            Ok(())
        })
        .await?;
        Ok(newest)
    }

    /// The readings from one instant until before another, by time; no more than [`READINGS_MAX`], and of so
    /// many it is not known whether they are all.
    ///
    /// # Errors
    /// As of [`Query::newest`].
    pub async fn readings(
        &self,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Vec<StoredReading>, Failure> {
        let flux = format!(
            "{} |> pivot(rowKey: [\"_time\"], columnKey: [\"_field\"], valueColumn: \"_value\") |> group() \
             |> sort(columns: [\"_time\", \"area\", \"tag\"]) |> limit(n: {READINGS_MAX})",
            self.of("readings", &time(from), &time(to))
        );
        let mut readings = Vec::new();
        self.ask(&flux, |row| {
            let Some(at) = row.time("_time")? else { return Ok(()) };
            let value = match row.number("value")?.map(Finite::try_from) {
                Some(Ok(number)) => Value::Number(number),
                Some(Err(_)) => return Ok(()),
                None => Value::Text(row.text("text").unwrap_or_default().into()),
            };
            readings.push(StoredReading {
                area: row.text("area").unwrap_or_default().into(),
                tag: row.text("tag").unwrap_or_default().into(),
                at,
                value,
                flags: Flags::from_bits(row.whole("quality")?.unwrap_or(0)),
            });
            Ok(())
        })
        .await?;
        Ok(readings)
    }

    /// The batches that went on between two instants, by their begin, but for those that are void. Who
    /// began more than a week before is not found.
    ///
    /// # Errors
    /// As of [`Query::newest`].
    pub async fn batches(
        &self,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Vec<StoredBatch>, Failure> {
        const WEEK: Duration = Duration::from_secs(7 * 86_400);
        let flux = format!(
            "{} |> pivot(rowKey: [\"_time\"], columnKey: [\"_field\"], valueColumn: \"_value\") |> group() \
             |> sort(columns: [\"_time\"])",
            self.of("batches", &time(from.minus(WEEK)), &time(to))
        );
        let mut batches = Vec::new();
        self.ask(&flux, |row| {
            let text = |column| row.text(column).filter(|text| !text.is_empty());
            let millis = |column| -> Result<Option<Timestamp>, String> {
                let millis: Option<i64> = row.whole(column)?;
                millis.map(Timestamp::from_millis).transpose().map_err(|error| error.to_string())
            };
            let (Some(batch), Some(started)) = (text("batch"), millis("started")?) else {
                return Ok(());
            };
            let ended = millis("ended")?;
            if text("verdict") == Some("void") || ended.is_some_and(|ended| ended < from) {
                return Ok(());
            }
            let mut lab = Vec::new();
            for column in row.columns() {
                if let Some(property) = column.strip_prefix("lab_")
                    && let Some(value) = row.number(column)?
                {
                    lab.push((property.into(), value));
                }
            }
            batches.push(StoredBatch {
                station: text("station").map(Into::into),
                batch: batch.into(),
                grade: text("grade").map(Into::into),
                started,
                ended,
                length_m: row.number("length_m")?,
                mass_kg: row.number("mass_kg")?,
                disposition: text("disposition").map(str::to_owned),
                lab,
            });
            Ok(())
        })
        .await?;
        Ok(batches)
    }

    /// A measurement of the line.
    fn of(&self, measurement: &str, start: &str, stop: &str) -> String {
        format!(
            "from(bucket: {}) |> range(start: {start}, stop: {stop}) \
             |> filter(fn: (r) => r._measurement == \"{measurement}\" and r.line == {})",
            quoted(&self.bucket),
            quoted(&self.line)
        )
    }

    /// Asks, and shows the rows of the answer.
    async fn ask(
        &self,
        flux: &str,
        mut row: impl FnMut(&super::table::Row<'_>) -> Result<(), String>,
    ) -> Result<(), Failure> {
        let lost = |error: reqwest011::Error| client::lost(error);
        let dialect = json!({ "annotations": ["datatype", "group", "default"], "header": true });
        let body = json!({ "query": flux, "type": "flux", "dialect": dialect }).to_string();
        let request = self.http.post(format!("{}/api/v2/query", self.url));
        let mut answer = request
            .query(&[("org", &self.org)])
            .header(AUTHORIZATION, self.token.clone())
            .header("Content-Type", "application/json")
            .header("Accept", "application/csv")
            .body(body)
            .send()
            .await
            .map_err(lost)?;
        let status = answer.status().as_u16();
        let mut bytes = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(lost)? {
            if bytes.len() + chunk.len() > ANSWER_MAX {
                return Err(Failure::transport("the answer is too long to be one to our question"));
            }
            bytes.extend_from_slice(&chunk);
        }
        if status != 200 {
            let text = String::from_utf8_lossy(&bytes);
            return Err(Failure::answer(status, &text)
                .err()
                .unwrap_or_else(|| Failure::unusable(format!("the server answered {status}"))));
        }
        Rows::read(&bytes, &mut row).map_err(Failure::unusable)
    }
}

/// An instant in Flux.
fn time(at: Timestamp) -> String {
    format!("time(v: {})", at.as_nanos())
}

/// A text in Flux.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            // `${` begins an expression.
            '"' | '\\' | '$' => quoted.extend(['\\', c]),
            '\n' => quoted += "\\n",
            '\r' => quoted += "\\r",
            '\t' => quoted += "\\t",
            c => quoted.push(c),
        }
    }
    quoted + "\""
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_end_their_quotes() {
        assert_eq!(quoted("quality of paper"), "\"quality of paper\"");
        assert_eq!(quoted("a\"b\\c${d}\n"), "\"a\\\"b\\\\c\\${d}\\n\"");
    }
}

//! From TOML to a checked plant and the settings of each room, with every error at once.
//!
//! Four steps, each a file: the text becomes a table with places (`toml`); `structure` walks it along
//! the JSON Schema that is derived from the `raw` types, reports unknown keys, wrong types and
//! secrets in the open, and takes them out; serde reads what is left into the `raw` types; `check`
//! turns those into [`Checked`] and reports what makes no sense. All diagnostics of all steps come
//! out together as a [`Report`], in the order of the file. Only a text that is no TOML stops before
//! the second step.
//!
//! Nothing here opens a socket, resolves a host or a secret, or reads the clock; only [`read`]
//! touches a file, and only the one it is given. No other room imports this one. A secret never
//! enters a [`Report`].

#![cfg_attr(not(test), deny(clippy::indexing_slicing))]

mod at;
mod check;
mod diagnostic;
mod quantity;
mod raw;
mod render;
mod schema;
mod source;
mod structure;
mod suggest;
#[cfg(test)]
mod tests;
mod url;
mod words;

pub use diagnostic::{Code, Diagnostic, Severity};
pub use render::Report;
pub use schema::schema;
pub use source::{Place, Source};

use crate::plant::Plant;
use crate::{decode, http, influx, mqtt, store, webhook};
use serde::Deserialize;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use toml::de::DeTable;

/// A configuration that can be used.
#[derive(Debug, Clone, PartialEq)]
pub struct Checked {
    /// What the mill declares, for the engine.
    pub plant: Plant,
    /// The brokers, in order of the file.
    pub brokers: Vec<Broker>,
    /// The store.
    pub store: store::Settings,
    /// InfluxDB, if there is one.
    pub influx: Option<influx::Settings>,
    /// The receivers of events, in order of the file.
    pub webhooks: Vec<webhook::Settings>,
    /// The page; `None` if it is switched off.
    pub http: Option<http::Settings>,
    /// Who is spoken to: the site, its time zone and language.
    pub locale: crate::words::Locale,
    /// The shifts of the site, by their begins; each ends where the next one begins. None if it names none.
    pub shifts: Vec<webhook::Shift>,
    /// What its writer should know.
    pub warnings: Report,
}

/// Reads a duration with its unit, such as `3m`, for the command line.
///
/// # Errors
/// When the text is none: what to write instead.
pub fn parse_duration(text: &str) -> Result<std::time::Duration, String> {
    let wanted = || {
        format!(
            "`{text}` is no duration; write a number and its unit, such as `500ms`, `10s`, `3m` or `8h`"
        )
    };
    quantity::duration(text).filter(|duration| !duration.is_zero()).ok_or_else(wanted)
}

impl Checked {
    /// The links to all brokers, one or two each.
    pub fn links(&self) -> impl Iterator<Item = &mqtt::Settings> {
        self.brokers
            .iter()
            .flat_map(|broker| [Some(&broker.settings), broker.host.as_ref()])
            .flatten()
    }

    /// The rules of all brokers: each names its own, and those of one broker stand in the order in which
    /// they are to be tried.
    #[must_use]
    pub fn rules(&self) -> Vec<decode::Rule> {
        self.brokers.iter().flat_map(|broker| broker.rules.iter().cloned()).collect()
    }
}

/// A broker, and how what comes from it is read.
#[derive(Debug, Clone, PartialEq)]
pub struct Broker {
    /// For the client. Its subscriptions are the fewest topic filters that bring everything the rules
    /// take: a filter that another one covers is not asked for a second time.
    pub settings: mqtt::Settings,
    /// For the decoder, in the order in which they are to be tried: the first whose template takes a
    /// topic holds. `mill/{line}/events` stands before `mill/{line}/{area}`, wherever the file has
    /// them.
    pub rules: Vec<decode::Rule>,
    /// For a second client, which hears the edge nodes of Sparkplug B, if any are subscribed to: their session
    /// begins anew with each connection.
    pub host: Option<mqtt::Settings>,
}

/// Why a configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read the configuration `{path}`", path = path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// Something in it is wrong; everything that is stands in the report.
    #[error("{0}")]
    Rejected(Report),
}

/// The largest configuration: ten thousand tags need about one mebibyte.
const LARGEST: u64 = 16 << 20;

/// Reads and checks a configuration file.
///
/// # Errors
/// When the file cannot be read, is larger than 16 MiB or not UTF-8, or when anything in it is wrong.
pub fn read(path: &Path) -> Result<Checked, ConfigError> {
    let fail = |source| ConfigError::Read { path: path.to_owned(), source };
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map_err(fail)?;
    let read = file.take(LARGEST + 1).read_to_end(&mut bytes).map_err(fail)?;
    if u64::try_from(read).is_ok_and(|read| read > LARGEST) {
        return Err(fail(io::Error::other("it is larger than 16 MiB")));
    }
    let text = utf8(bytes).map_err(|reason| fail(io::Error::other(reason)))?;
    load(&text, &path.display().to_string()).map_err(ConfigError::Rejected)
}

/// The text of a file, or which of its bytes is none.
fn utf8(bytes: Vec<u8>) -> Result<String, String> {
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        return Err("it is written in UTF-16: save it as UTF-8".to_owned());
    }
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        let (before, rest) = error.as_bytes().split_at_checked(at).unwrap_or_default();
        let line = before.split(|byte| *byte == b'\n').count();
        let byte = before.iter().rev().take_while(|byte| **byte != b'\n').count() + 1;
        let found = rest.first().copied().unwrap_or_default();
        format!(
            "byte {byte} of line {line} is {found:#04x}, which is no UTF-8 (an umlaut or `µ` of \
             another encoding?): save it as UTF-8"
        )
    })
}

/// Checks a configuration; `name` stands for the file in diagnostics.
///
/// # Errors
/// A report of everything that is wrong, with the warnings.
pub fn load(text: &str, name: &str) -> Result<Checked, Report> {
    let (mut table, errors) = DeTable::parse_recoverable(text);
    if !errors.is_empty() {
        let diagnostics = errors
            .iter()
            .map(|error| syntax(error.message(), error.span().unwrap_or(0..0)))
            .collect();
        // Without a grammar no secret can be told from anything else.
        let source = Source::new(name, text, &source::suspicious(text));
        return Err(Report::new(source, diagnostics));
    }
    let schema = schema();
    let mut found = structure::examine(&mut table, schema::Node::root(&schema));
    let deserializer = toml::Deserializer::from(table);
    let raw = match raw::Raw::deserialize(deserializer) {
        Ok(raw) => raw,
        // The walk takes out whatever serde could stumble over; should one day a type know more than
        // its schema, this says so with a place.
        Err(error) => {
            // serde's words may quote the value, which may be a secret.
            let span = error.span().unwrap_or(0..0);
            let message = "this value cannot be read here";
            found.diagnostics.push(Diagnostic::new(Code::WrongType, span, message));
            let mut hidden = source::suspicious(text);
            hidden.extend(found.hidden);
            return Err(Report::new(Source::new(name, text, &hidden), found.diagnostics));
        }
    };
    let outcome = check::check(&raw, &found.removed, text);
    found.diagnostics.extend(outcome.diagnostics);
    found.hidden.extend(outcome.hidden);
    let report = Report::new(Source::new(name, text, &found.hidden), found.diagnostics);
    if report.count(Severity::Error) > 0 {
        return Err(report);
    }
    Ok(outcome.settings.with(report))
}

/// An error of the grammar, in our form.
fn syntax(message: &str, span: std::ops::Range<usize>) -> Diagnostic {
    let mut diagnostic = Diagnostic::new(Code::Syntax, span, format!("this is no TOML: {message}"));
    diagnostic.help("texts stand in quotes, tables in `[…]`, and a key once in its table");
    diagnostic
}

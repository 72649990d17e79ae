//! From what stands in the file to what the rooms take: every error at once, without files, names of
//! hosts or clocks.

mod address;
mod alarms;
mod chart;
mod costs;
mod delay;
mod grade;
mod locale;
mod mqtt;
mod output;
mod payload;
mod plant;
mod profile;
mod properties;
mod shifts;
mod subscribe;
mod webhook;

use super::at::{At, DurationText};
use super::diagnostic::{Code, Diagnostic};
use super::quantity;
use super::raw::{Raw, Secret};
use super::url;
use super::{Broker, Checked};
use crate::plant::Speech;
use crate::telemetry::SecretSource;
use crate::{influx, store};
use std::collections::BTreeSet;
use std::ops::{Deref, Range, RangeInclusive};
use std::path::PathBuf;
use std::time::Duration;

const HOUR: Duration = Duration::from_secs(3_600);
const DAY: Duration = Duration::from_secs(86_400);

/// What the check found, and what it made.
pub(super) struct Outcome {
    /// What is wrong.
    pub(super) diagnostics: Vec<Diagnostic>,
    /// Where secrets stand in the open.
    pub(super) hidden: Vec<Range<usize>>,
    /// The settings; of use only if no diagnostic is an error.
    pub(super) settings: Settings,
}

/// The settings of all rooms.
#[derive(Debug)]
pub(super) struct Settings {
    plant: crate::plant::Plant,
    brokers: Vec<Broker>,
    store: store::Settings,
    influx: Option<influx::Settings>,
    webhooks: Vec<crate::webhook::Settings>,
    http: Option<crate::http::Settings>,
    locale: crate::words::Locale,
    shifts: Vec<crate::webhook::Shift>,
}

impl Settings {
    /// The checked configuration with what there is to warn of.
    pub(super) fn with(self, warnings: super::Report) -> Checked {
        Checked {
            plant: self.plant,
            brokers: self.brokers,
            store: self.store,
            influx: self.influx,
            webhooks: self.webhooks,
            http: self.http,
            locale: self.locale,
            shifts: self.shifts,
            warnings,
        }
    }
}

/// Checks a whole configuration.
pub(super) fn check(raw: &Raw, removed: &BTreeSet<(usize, String)>, text: &str) -> Outcome {
    let mut cx = Context { text, removed, diagnostics: Vec::new(), hidden: Vec::new() };
    let locale = locale::check(&mut cx, raw);
    let mut plant = plant::check(&mut cx, raw);
    plant.alarms.speech = Speech { language: locale.language, zone: locale.zone.clone() };
    let shifts = shifts::check(&mut cx, raw);
    let mut settings = Settings {
        plant,
        brokers: mqtt::check(&mut cx, raw),
        store: output::store(&mut cx, raw.store.as_ref()),
        influx: raw.influxdb.as_ref().map(|raw| output::influxdb(&mut cx, raw)),
        webhooks: webhook::check(&mut cx, raw, (&locale, &shifts)),
        http: output::http(&mut cx, raw.http.as_ref()),
        locale,
        shifts,
    };
    settings.plant.alarms.escalations = webhook::escalations(&settings.webhooks);
    Outcome { diagnostics: cx.diagnostics, hidden: cx.hidden, settings }
}

/// What is known while a configuration is checked.
struct Context<'a> {
    text: &'a str,
    removed: &'a BTreeSet<(usize, String)>,
    diagnostics: Vec<Diagnostic>,
    hidden: Vec<Range<usize>>,
}

impl Context<'_> {
    /// Reports, and gives the diagnostic back for its label and help.
    fn report(
        &mut self,
        code: Code,
        span: Range<usize>,
        message: impl Into<String>,
    ) -> &mut Diagnostic {
        self.diagnostics.push(Diagnostic::new(code, span, message));
        self.diagnostics.last_mut().expect("one was pushed just now")
    }

    /// The number of the line where something stands.
    fn line_of(&self, span: &Range<usize>) -> usize {
        let before = self.text.get(..span.start).unwrap_or_default();
        before.bytes().filter(|byte| *byte == b'\n').count() + 1
    }

    /// True if an entry of this name was taken out because it is wrong, so that its absence is no
    /// news.
    fn was_removed(&self, name: &str) -> bool {
        self.removed.iter().any(|(_, removed)| removed == name)
    }

    /// Reports a key that is needed, unless it is there and wrong.
    fn missing(&mut self, table: &Range<usize>, place: &str, key: &str, example: &str) {
        if self.removed.contains(&(table.start, key.to_owned())) {
            return;
        }
        self.report(Code::MissingKey, table.clone(), format!("{place} has no `{key}`"))
            .help(format!("add `{key} = {example}`"));
    }

    /// The place of a part of a text, or of the whole where the text is written with escapes.
    fn part(&self, text: &At<String>, part: Range<usize>) -> Range<usize> {
        let span = text.span();
        let start = span.start + 1;
        if self.text.get(start..start + text.len()) == Some(text.as_str()) {
            start + part.start..start + part.end
        } else {
            span
        }
    }

    /// Reads a duration and holds it against what is allowed.
    fn duration(
        &mut self,
        found: Option<&At<DurationText>>,
        key: &str,
        default: Duration,
        allowed: RangeInclusive<Duration>,
    ) -> Duration {
        let Some(found) = found else { return default };
        self.duration_text(found, found.span(), key, allowed).unwrap_or(default)
    }

    fn duration_text(
        &mut self,
        text: &str,
        span: Range<usize>,
        key: &str,
        allowed: RangeInclusive<Duration>,
    ) -> Option<Duration> {
        let Some(duration) = quantity::duration(text) else {
            if quantity::has_form(text, &quantity::DURATION_UNITS) {
                let high = show_duration(*allowed.end());
                self.report(Code::OutOfBounds, span, format!("`{key}` is too large: `{text}`"))
                    .label(format!("at most `{high}`"));
                return None;
            }
            self.report(Code::Quantity, span, format!("`{key}` is no duration: `{text}`")).help(
                "write a number with its unit, `ms`, `s`, `m`, `h`, `d` or `w`, such as `\"30s\"`",
            );
            return None;
        };
        if !allowed.contains(&duration) {
            let (low, high) = (show_duration(*allowed.start()), show_duration(*allowed.end()));
            self.report(Code::OutOfBounds, span, format!("`{key}` cannot be `{text}`"))
                .label(format!("allowed are `{low}` to `{high}`"));
            return None;
        }
        Some(duration)
    }

    /// Holds a whole number against what is allowed.
    fn integer(
        &mut self,
        found: Option<&At<i64>>,
        key: &str,
        default: i64,
        allowed: RangeInclusive<i64>,
    ) -> i64 {
        let Some(found) = found else { return default };
        if allowed.contains(found) {
            return **found;
        }
        let number = **found;
        self.report(Code::OutOfBounds, found.span(), format!("`{key}` cannot be {number}"))
            .label(format!("allowed are {} to {}", allowed.start(), allowed.end()));
        default
    }

    /// Where a secret comes from.
    fn secret(&mut self, found: &At<Secret>, key: &str) -> SecretSource {
        let nowhere = SecretSource::Env(String::new());
        let (env, file) = (found.env.as_ref(), found.file.as_ref());
        let (source, named) = match (env, file) {
            (Some(env), None) => (SecretSource::Env(env.to_string()), env),
            (None, Some(file)) => (SecretSource::File(PathBuf::from(file.as_str())), file),
            (Some(_), Some(_)) => {
                self.report(Code::SecretSource, found.span(), format!("`{key}` has two sources"))
                    .help("keep either `env` or `file`");
                return nowhere;
            }
            (None, None) => {
                let start = found.span().start;
                let gone = ["env", "file"]
                    .iter()
                    .any(|key| self.removed.contains(&(start, (*key).to_owned())));
                if !gone {
                    self.report(Code::SecretSource, found.span(), format!("`{key}` has no source"))
                        .help("write `{ env = \"NAME\" }` or `{ file = \"PATH\" }`");
                }
                return nowhere;
            }
        };
        if named.trim().is_empty() {
            self.report(Code::SecretSource, named.span(), format!("`{key}` has an empty source"))
                .help("write the name of an environment variable, or the path of a file");
        } else if env.is_some_and(|env| env.contains(['=', '\0', '$', '{', ' '])) {
            let span = named.span();
            self.report(
                Code::SecretSource,
                span.clone(),
                format!("`env` of `{key}` is no name of a variable"),
            )
            .label("only the name, without `$`, `{`, `=` or spaces");
            // Somebody may have written the secret itself.
            self.hidden.push(span);
        }
        source
    }

    /// Reads an address of one of the schemes; reports what is wrong with it.
    fn url<'u>(&mut self, found: &'u At<String>, key: &str, example: &str) -> Option<url::Url<'u>> {
        if let Some(part) = url::secrets(found) {
            let span = self.part(found, part);
            self.hidden.push(span.clone());
            self.report(Code::SecretInUrl, span, format!("`{key}` holds what may be a secret"))
                .label("hidden here; take it out of the address")
                .help(
                    "user names, passwords and tokens have keys of their own, which read secrets \
                     from the environment or from a file",
                );
            return None;
        }
        let message = match url::parse(found) {
            Ok(url) => return Some(url),
            Err(url::Problem::NoScheme) => "names no scheme",
            Err(url::Problem::NoHost) => "names no host",
            Err(url::Problem::Port) => "has a port that is no number from 1 to 65535",
            Err(url::Problem::Host) => "has a host that cannot be",
        };
        self.report(Code::Url, found.span(), format!("`{key}` {message}"))
            .help(format!("write it like `\"{example}\"`"));
        None
    }

    /// Reports a name with characters that topics and series cannot carry.
    fn name(&mut self, name: &str, span: Range<usize>, what: &str, forbidden: &[char]) {
        /// The longest name; topics and series keys hold several.
        const LONGEST: usize = 200;
        let bad = name.chars().find(|c| c.is_control() || forbidden.contains(c));
        let problem = if name.trim().is_empty() {
            "is empty".to_owned()
        } else if name.trim() != name {
            "begins or ends with white space".to_owned()
        } else if let Some(bad) = bad {
            format!("has a {bad:?} in it")
        } else if name.len() > LONGEST {
            format!("is longer than {LONGEST} bytes")
        } else {
            return;
        };
        self.report(Code::Name, span, format!("the name of {what} {problem}")).help(
            "names stand in topics, series and file names: letters, digits, `_`, `-` and `.`",
        );
    }

    /// Warns of a key that this release reads and does not use.
    fn not_yet(&mut self, span: Range<usize>, key: &str, instead: &str) {
        self.report(Code::NotYet, span, format!("`{key}` has no effect in this release"))
            .label(instead.to_owned());
    }
}

/// A duration with the largest unit that needs no fraction.
fn show_duration(duration: Duration) -> String {
    let millis = duration.as_millis();
    for (unit, factor) in
        [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)]
    {
        if millis >= factor && millis.is_multiple_of(factor) {
            return format!("{}{unit}", millis / factor);
        }
    }
    "0s".to_owned()
}

/// The text of an optional key.
fn text<T: Deref<Target = str>>(found: Option<&At<T>>) -> Option<&str> {
    found.map(|found| &***found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_shown_as_people_write_them() {
        let check = |millis: u64, shown: &str| {
            assert_eq!(show_duration(Duration::from_millis(millis)), shown);
        };
        check(100, "100ms");
        check(3_600_000, "1h");
        check(604_800_000, "7d");
        check(90_000, "90s");
        check(0, "0s");
    }
}

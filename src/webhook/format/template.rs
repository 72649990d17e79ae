//! A template of the user's own: the language of Jinja, one event a request.
//!
//! A name that is not there is an error when it is shown (`{% if data.batch %}` asks whether it is), and so is JSON that
//! is none. Where the body is JSON, `{{ … }}` writes its value as JSON, quotes and all; in HTML it is escaped. A
//! template can neither run long nor write much, and reads nothing but the event. What fails does so in `onspec check`
//! already, which tries it on an event of every type.

use super::super::signature::SigningKey;
use super::super::{Audience, sample, standard as standard_body};
use super::standard::headers;
use super::told::Told;
use super::words::{Fact, details, link_text};
use super::{Rendered, Request, Service};
use crate::alarm::EventKind;
use crate::reading::Timestamp;
use crate::store::Item;
use crate::words::Locale;
use minijinja::{AutoEscape, Environment, UndefinedBehavior};
use serde_json::{Map, Value, json};

/// The steps that a template may take.
const FUEL: u64 = 100_000;
/// The most bytes that it may write.
const BYTES_MAX: usize = 256 * 1024;
/// The name of the template in its own errors.
const NAME: &str = "template";

/// What is wrong with a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TemplateError {
    /// The line of the template, from 1, if it is known.
    pub line: Option<usize>,
    /// What is wrong.
    pub words: String,
    /// The type of event that it fails on, if not on all.
    pub kind: Option<&'static str>,
}

impl std::fmt::Display for TemplateError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the template fails")?;
        if let Some(line) = self.line {
            write!(f, " in its line {line}")?;
        }
        if let Some(kind) = self.kind {
            write!(f, " on `{kind}`")?;
        }
        write!(f, ": {}", self.words)
    }
}

impl std::error::Error for TemplateError {}

#[derive(Debug)]
pub(super) struct Template {
    pub(super) source: String,
    pub(super) content_type: String,
    pub(super) locale: Locale,
    pub(super) key: Option<SigningKey>,
}

impl Service for Template {
    fn render(&self, events: &[Item], now: Timestamp) -> Rendered {
        let Some(event) = events.first() else { return Ok(None) };
        let body = self.body(event).map_err(|error| error.to_string())?.into_bytes();
        let headers = headers(self.key.as_ref(), &event.key, now, &body);
        Ok(Some(Request { query: vec![], headers, content_type: self.content_type.clone(), body }))
    }
}

impl Template {
    /// What it makes of an event.
    fn body(&self, event: &Item) -> Result<String, TemplateError> {
        let is_json = is_json(&self.content_type);
        let escape = if is_json {
            AutoEscape::Json
        } else if self.content_type.contains("html") || self.content_type.contains("xml") {
            AutoEscape::Html
        } else {
            AutoEscape::None
        };
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::SemiStrict);
        environment.set_auto_escape_callback(move |_| escape);
        environment.set_fuel(Some(FUEL));
        let failed = |error: &minijinja::Error| TemplateError {
            line: error.line(),
            words: words(error),
            kind: None,
        };
        let template =
            environment.template_from_named_str(NAME, &self.source).map_err(|e| failed(&e))?;
        let mut written = Bounded(Vec::new());
        template.render_captured_to(self.context(event), &mut written).map_err(|error| {
            if written.0.len() >= BYTES_MAX {
                let words = format!("it writes more than {BYTES_MAX} bytes");
                return TemplateError { line: error.line(), words, kind: None };
            }
            failed(&error)
        })?;
        let body = String::from_utf8_lossy(&written.0).into_owned();
        if is_json && let Err(error) = serde_json::from_str::<serde::de::IgnoredAny>(&body) {
            let at = error.line().checked_sub(1).and_then(|line| body.lines().nth(line));
            let words = format!(
                "what it writes is no JSON: {error}, in `{}` (write `{{{{ data.title }}}}` without \
                 quotes around it: it has its own)",
                super::text::cut(at.unwrap_or_default().trim(), 120, super::text::utf16)
            );
            return Err(TemplateError { line: None, words, kind: None });
        }
        Ok(body)
    }

    /// What a template knows: the event as `standard` has it, what chats say of it, and the link.
    fn context(&self, event: &Item) -> Value {
        let told = Told::read(event, self.locale.language);
        let fact = |fact: Fact| (fact.key.to_owned(), Value::String(fact.value));
        let mut facts: Map<String, Value> =
            FACTS.iter().map(|n| ((*n).into(), "".into())).collect();
        facts.extend(details(&told, &self.locale).into_iter().map(fact));
        let mut context: Map<String, Value> =
            serde_json::from_slice(&event.body).unwrap_or_default();
        if !context.contains_key("data") {
            context.insert("type".into(), told.kind_name.clone().into());
            context.insert("timestamp".into(), "".into());
            let (id, title) = (&told.data.id, &told.data.title);
            context.insert("data".into(), json!({ "id": id, "title": title, "text": "" }));
        }
        context.insert("facts".into(), Value::Object(facts));
        context.insert("link_text".into(), link_text(self.locale.language).into());
        Value::Object(context)
    }
}

/// The facts that every event has, if only as an empty text.
const FACTS: [&str; 10] =
    ["line", "batch", "grade", "tag", "part", "where", "since", "why", "off_spec", "told"];

/// Whether a type of body is JSON.
fn is_json(content_type: &str) -> bool {
    let essence = content_type.split(';').next().unwrap_or_default().trim().to_lowercase();
    essence.ends_with("/json") || essence.ends_with("+json")
}

/// What is wrong, without what minijinja says around it.
fn words(error: &minijinja::Error) -> String {
    let mut words = error.kind().to_string();
    if let Some(detail) = error.detail() {
        words = format!("{words}: {detail}");
    }
    words
}

/// Takes so many bytes and no more.
struct Bounded(Vec<u8>);

impl std::io::Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if self.0.len() + bytes.len() > BYTES_MAX {
            self.0.resize(BYTES_MAX, b' ');
            return Err(std::io::Error::other("too long"));
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Tries a template on a sample of every type of event.
///
/// # Errors
/// The first thing that is wrong with it.
pub fn check_template(source: &str, content_type: &str) -> Result<(), TemplateError> {
    let (source, content_type) = (source.to_owned(), content_type.to_owned());
    let template = Template { source, content_type, locale: Locale::default(), key: None };
    for kind in EventKind::ALL {
        let at = Timestamp::from_nanos(1_769_128_260_000_000_000);
        let event = sample::sample(kind, "sample", at, &Locale::default());
        let (key, body) =
            (event.id.to_string(), standard_body(&event, None, &Audience::default()).into_bytes());
        let item = Item { id: 0, key, count: 1, body };
        template
            .body(&item)
            .map_err(|error| TemplateError { kind: Some(kind.as_str()), ..error })?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::tests::{AT, events, items};
    use super::*;

    fn render(source: &str, content_type: &str) -> Result<String, TemplateError> {
        let (source, content_type) = (source.to_owned(), content_type.to_owned());
        let zone = jiff::tz::TimeZone::get("Asia/Shanghai").unwrap();
        let locale = Locale { zone, ..Locale::default() };
        let template = Template { source, content_type, locale, key: None };
        template.body(&items(&events()[..1])[0])
    }

    #[test]
    fn values_are_written_for_the_type_of_the_body() {
        let json = "application/json; charset=utf-8";
        for (source, content_type, expected) in [
            ("{{ data.title }}", "text/plain", "tm3: batch TM3-260123-014 is at risk"),
            ("{{ data.site }}", "text/plain", "mill <1> & Söhne"),
            ("{{ data.site }}", "text/html", "mill &lt;1&gt; &amp; Söhne"),
            (r#"{"t": {{ data.batch }}}"#, json, r#"{"t": "TM3-260123-014"}"#),
            (r#"{"n": {{ data.occurrence }}}"#, json, r#"{"n": 3}"#),
            (
                "{{ facts.since }}; {{ facts.why }}; [{{ facts.tag }}]",
                "text/plain",
                "2026-01-23 08:25 +08:00; refiner_power 41\u{a0}%, stock_consistency 22\u{a0}%, TI-7 (change over 5\u{a0}min) 20\u{a0}%; []",
            ),
            ("{% if data.tag %}{{ data.tag }}{% else %}none{% endif %}", "text/plain", "none"),
            ("{{ data.tag | default('none') }}", "text/plain", "none"),
        ] {
            assert_eq!(render(source, content_type).as_deref(), Ok(expected), "{source}");
        }
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line() {
        for (source, content_type, line, part) in [
            ("a\n{{ data.titel }}", "text/plain", Some(2), "undefined"),
            ("a\n\n{% if %}", "text/plain", Some(3), "syntax error"),
            ("{{ data.title | shout }}", "text/plain", Some(1), "unknown filter"),
            ("{\"t\": \"{{ data.title }}\"}", "application/json", None, "without quotes"),
            (
                "{% for a in range(9999) %}{% for b in range(9999) %}{% endfor %}{% endfor %}",
                "text/plain",
                Some(1),
                "fuel",
            ),
            (
                "{% for a in range(9000) %}{{ 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx' }}{% endfor %}",
                "text/plain",
                None,
                "writes more than",
            ),
            ("{% include 'other' %}", "text/plain", Some(1), "unknown"),
        ] {
            let error = render(source, content_type).unwrap_err();
            assert_eq!(error.line, line, "{source}: {error}");
            assert!(error.to_string().contains(part), "{source}: {error}");
        }
    }

    #[test]
    fn a_template_is_tried_on_every_type_of_event() {
        assert_eq!(
            check_template("{{ type }} {{ data.title }} {{ facts.where }}", "text/plain"),
            Ok(())
        );
        let error = check_template("{{ data.batch }}", "text/plain").unwrap_err();
        assert_eq!(error.kind, Some("sensor.unhealthy"));
        assert_eq!(
            error.to_string(),
            "the template fails in its line 1 on `sensor.unhealthy`: undefined value"
        );
    }

    #[test]
    fn it_is_signed_as_standard_webhooks_are_and_fails_by_name() {
        let secret = crate::telemetry::Secret::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
        let key = SigningKey::parse(&secret).unwrap();
        let template = |source: &str| Template {
            source: source.into(),
            content_type: "text/plain".into(),
            locale: Locale::default(),
            key: Some(key.clone()),
        };
        let items = items(&events()[..1]);
        let request = template("{{ data.title }}").render(&items, AT).unwrap().unwrap();
        let expected = key.sign(&items[0].key, 1_769_128_260, &request.body);
        assert_eq!(request.headers[2], ("webhook-signature", expected));
        let words = template("{{ data.nothing }}").render(&items, AT).unwrap_err();
        assert_eq!(words, "the template fails in its line 1: undefined value");
    }
}

//! `/acknowledge/{token}`: the page behind the link by which an alarm is acknowledged.
//!
//! The link is the permission, for one occurrence of one alarm and for a week: it wants no token of the API. To look at
//! the page does nothing, because chat services and scanners of mail follow links; its button does, on the same way as
//! `POST /api/v1/alarms/acknowledge`. The page has no script, and a style and policy of its own.

mod words;

use self::words::Words;
use super::alarms::{NAME_MAX, NOTE_MAX, word};
use super::router::Shared;
use super::{Told, guard};
use crate::alarm::{Action, IsaState, Order, Permit, PermitKey, Severity, Unmet};
use crate::engine::{ALARMS_SHOWN, AlarmView};
use crate::reading::Timestamp;
use crate::words::Language;
use crate::words::html::Html;
use axum::Form;
use axum::extract::rejection::{FormRejection, PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::{HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use serde::Deserialize;
use sha2::{Digest, Sha256};
use std::sync::{Arc, LazyLock};

/// What stands before the token in the path.
pub(super) const PREFIX: &str = "/acknowledge/";

const CSS: &str = include_str!("acknowledge.css");

/// Its own style and its own form, and nothing from anywhere.
static POLICY: LazyLock<String> = LazyLock::new(|| {
    let digest = base64::engine::general_purpose::STANDARD.encode(Sha256::digest(CSS.as_bytes()));
    format!(
        "default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    )
});

/// Links by which alarms are acknowledged.
#[derive(Debug, Clone)]
pub struct Links {
    /// The key that signs them.
    pub key: PermitKey,
    /// The address under which people reach the page.
    pub public_url: String,
}

impl Links {
    /// True if a page of that origin is the one behind a link, which a proxy may show under another name than this machine's.
    pub(super) fn is_from(&self, origin: &str) -> bool {
        is_origin_of(&self.public_url, origin)
    }
}

/// True if a page of that origin is one at this address.
pub(super) fn is_origin_of(address: &str, origin: &str) -> bool {
    let Ok(url) = address.parse::<Uri>() else { return false };
    let (Some(scheme), Some(authority)) = (url.scheme_str(), url.authority()) else {
        return false;
    };
    let default = if scheme == "https" { ":443" } else { ":80" };
    let authority = authority.as_str();
    let authority = authority.strip_suffix(default).unwrap_or(authority);
    origin.eq_ignore_ascii_case(&format!("{scheme}://{authority}"))
}

/// What the form says.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Asked {
    name: String,
    note: String,
}

/// What is known of the alarm when the page is made.
enum Known {
    /// It is shown, in that state.
    Shown(Box<AlarmView>),
    /// It is not among so many that are shown: nobody can say.
    Perhaps,
    /// It is normal, or never was.
    Normal,
}

fn words(shared: &Shared) -> &'static Words {
    Words::of(shared.api.locale.language)
}

/// A state in words, by those of [`IsaState::as_str`].
fn in_words(words: &'static Words, isa: &str) -> &'static str {
    let said = [
        (IsaState::Unacknowledged, words.state_unacknowledged),
        (IsaState::Acknowledged, words.state_acknowledged),
        (IsaState::ReturnedUnacknowledged, words.state_returned_unacknowledged),
        (IsaState::LatchedUnacknowledged, words.state_latched_unacknowledged),
        (IsaState::LatchedAcknowledged, words.state_latched_acknowledged),
        (IsaState::Shelved, words.state_shelved),
        (IsaState::SuppressedByDesign, words.state_suppressed_by_design),
        (IsaState::OutOfService, words.state_out_of_service),
    ];
    let found = said.into_iter().find(|(state, _)| state.as_str() == isa);
    found.map_or(words.over, |(_, words)| words)
}

/// What a link allows now, or the answer that says why nothing.
#[expect(clippy::result_large_err, reason = "the error is the answer itself, made once a request")]
fn permit(shared: &Shared, path: Result<Path<String>, PathRejection>) -> Result<Permit, Response> {
    let Some(links) = &shared.api.links else {
        return Err(guard::error(
            StatusCode::NOT_FOUND,
            "this onspec gives no links by which alarms are acknowledged (`[http] links`)",
        ));
    };
    let words = words(shared);
    let permit = path.ok().and_then(|Path(token)| links.key.read(&token));
    let permit = permit.ok_or_else(|| plain(shared, StatusCode::FORBIDDEN, words.forged))?;
    if permit.until < now(shared) {
        return Err(about(shared, &permit, StatusCode::GONE, Say::Refused(words.expired)));
    }
    Ok(permit)
}

fn now(shared: &Shared) -> Timestamp {
    Timestamp::from_nanos(shared.api.clock.now_nanos())
}

/// What the address says beside the token.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Spoken {
    /// The language of the message with the link, if it is another one than the site's.
    language: Option<Language>,
}

/// Who reads; what cannot be read says nothing.
fn reader(asked: Result<Query<Spoken>, QueryRejection>) -> Option<Language> {
    asked.ok().and_then(|Query(asked)| asked.language)
}

/// `GET /acknowledge/{token}`: changes nothing.
pub(super) async fn show(
    State(shared): State<Shared>,
    path: Result<Path<String>, PathRejection>,
    asked: Result<Query<Spoken>, QueryRejection>,
) -> Result<Response, Response> {
    let shared = shared.speaking(reader(asked));
    let permit = permit(&shared, path)?;
    Ok(about(&shared, &permit, StatusCode::OK, Say::Asks(None)))
}

/// `POST /acknowledge/{token}`: acknowledges the alarm.
pub(super) async fn order(
    State(shared): State<Shared>,
    path: Result<Path<String>, PathRejection>,
    asked: Result<Query<Spoken>, QueryRejection>,
    form: Result<Form<Asked>, FormRejection>,
) -> Result<Response, Response> {
    let shared = shared.speaking(reader(asked));
    let permit = permit(&shared, path)?;
    let words = words(&shared);
    let asked = match form {
        Ok(Form(asked)) => asked,
        Err(error) if error.status() == StatusCode::PAYLOAD_TOO_LARGE => {
            return Err(error.into_response());
        }
        Err(_) => Asked::default(),
    };
    let by = word("name", &asked.name, NAME_MAX);
    let note = Some(asked.note.trim()).filter(|note| !note.is_empty());
    let note = note.map(|note| word("note", &one_line(note), NOTE_MAX)).transpose();
    let (Ok(by), Ok(note)) = (by, note) else {
        return Ok(about(
            &shared,
            &permit,
            StatusCode::BAD_REQUEST,
            Say::Asks(Some(words.bad_name)),
        ));
    };
    let order = Order {
        alarm: Arc::clone(&permit.alarm),
        action: Action::Acknowledge,
        by: Some(format!("{by} (link: {})", permit.receiver).into()),
        note,
        at: now(&shared),
        occurrence: Some(permit.occurrence),
    };
    let told = match shared.api.desk.as_ref() {
        Some(desk) => desk.order(order).await,
        None => Told::Stops,
    };
    let (status, say) = match told {
        Told::Done(_) => (StatusCode::OK, Say::Done(words.done)),
        Told::WhenRoom(_) => (StatusCode::ACCEPTED, Say::Done(words.waits)),
        Told::Conflict(why) | Told::Unfit(why) if why == Unmet::AnotherOccurrence.to_string() => {
            (StatusCode::GONE, Say::Refused(words.older))
        }
        Told::Conflict(why) | Told::Unfit(why) if why == Unmet::Unknown.to_string() => {
            (StatusCode::NOT_FOUND, Say::Refused(words.never))
        }
        Told::Conflict(_) | Told::Unfit(_) => (StatusCode::CONFLICT, Say::Refused(words.already)),
        Told::Busy | Told::Stops => (StatusCode::SERVICE_UNAVAILABLE, Say::Asks(Some(words.busy))),
    };
    Ok(about(&shared, &permit, status, say))
}

/// Who writes over several lines means one note.
fn one_line(note: &str) -> String {
    note.split(['\r', '\n', '\t']).filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
}

/// What the page says beside what the alarm is.
enum Say {
    /// It can be acknowledged, if its state allows that; or what was wrong with what was sent.
    Asks(Option<&'static str>),
    /// It was done.
    Done(&'static str),
    /// It was not, and why.
    Refused(&'static str),
}

fn plain(shared: &Shared, status: StatusCode, text: &'static str) -> Response {
    let mut html = begin(shared);
    html.raw("<p class=\"refused\" role=\"alert\">").text(text).raw("</p>");
    end(html, status)
}

fn about(shared: &Shared, permit: &Permit, status: StatusCode, say: Say) -> Response {
    let words = words(shared);
    let view = shared.view();
    let shown = view.alarms.iter().find(|alarm| alarm.alarm == permit.alarm);
    let known = match shown {
        Some(alarm) => Known::Shown(Box::new(alarm.clone())),
        None if view.alarms.len() >= ALARMS_SHOWN => Known::Perhaps,
        None => Known::Normal,
    };
    // One that has come again is another one, whatever it says now.
    let (status, say) = match (&known, say) {
        (Known::Shown(alarm), Say::Asks(_)) if alarm.occurrence != permit.occurrence => {
            (StatusCode::GONE, Say::Refused(words.older))
        }
        (_, say) => (status, say),
    };
    let mut html = begin(shared);
    html.raw("<dl>");
    let mut fact = |name: &str, value: &str| {
        html.raw("<dt>").text(name).raw("</dt><dd>").name(value).raw("</dd>");
    };
    let is_line = |line: &&str| view.lines.iter().any(|known| *known.name == **line);
    let line = permit.alarm.split('/').next().filter(is_line);
    fact(words.alarm, &permit.alarm);
    if let Some(line) = line {
        fact(words.line, line);
    }
    let (state, open) = match &known {
        Known::Shown(alarm) => {
            let severity = match alarm.severity {
                Severity::Info => words.info,
                Severity::Warning => words.warning,
                Severity::Critical => words.critical,
            };
            fact(words.severity, severity);
            if let Some(since) = alarm.since {
                fact(words.since, &written(shared, since));
            }
            let open = [
                IsaState::Unacknowledged,
                IsaState::ReturnedUnacknowledged,
                IsaState::LatchedUnacknowledged,
            ];
            (in_words(words, alarm.isa), open.iter().any(|state| state.as_str() == alarm.isa))
        }
        Known::Perhaps => (words.unknown_state, true),
        Known::Normal => (words.over, false),
    };
    let is_of_it = !matches!(say, Say::Done(_))
        && !matches!(say, Say::Refused(text) if text == words.older || text == words.never);
    if is_of_it {
        fact(words.state, state);
    }
    html.raw("</dl>");
    if let Known::Shown(alarm) = &known
        && !alarm.title.is_empty()
    {
        html.raw("<p class=\"what ").raw(alarm.severity.as_str()).raw("\">");
        html.name(&alarm.title).raw("</p>");
    }
    match say {
        Say::Done(text) => {
            html.raw("<p class=\"done\" role=\"status\">").text(text).raw("</p>");
        }
        Say::Refused(text) => {
            html.raw("<p class=\"refused\" role=\"alert\">").text(text);
            if text == words.already {
                html.raw(" ").text(state);
            }
            html.raw("</p>");
        }
        Say::Asks(wrong) if open => {
            if let Some(wrong) = wrong {
                html.raw("<p class=\"refused\" role=\"alert\">").text(wrong).raw("</p>");
            }
            form(&mut html, words);
        }
        Say::Asks(_) => {}
    }
    end(html, status)
}

fn form(html: &mut Html, words: &'static Words) {
    html.raw("<form method=\"post\"><label for=\"name\">").text(words.name);
    html.raw(
        "</label><input id=\"name\" name=\"name\" maxlength=\"80\" autocomplete=\"name\" required>",
    );
    html.raw("<label for=\"note\">").text(words.note);
    html.raw(
        "</label><textarea id=\"note\" name=\"note\" rows=\"3\" maxlength=\"1000\"></textarea>",
    );
    html.raw("<button type=\"submit\">").text(words.button).raw("</button></form>");
}

/// An instant in the site's zone.
fn written(shared: &Shared, at: Timestamp) -> String {
    shared.api.locale.full(at.as_millis())
}

fn begin(shared: &Shared) -> Html {
    let words = words(shared);
    let mut html = Html::default();
    html.raw("<!doctype html><html lang=\"").raw(shared.api.locale.language.as_str());
    html.raw("\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">");
    html.raw("<meta name=\"robots\" content=\"noindex\"><title>").text(words.title);
    html.raw(" · onspec</title><style>")
        .raw(CSS)
        .raw("</style></head><body><main><header><p>onspec");
    if !shared.api.locale.site.is_empty() {
        html.raw(" · ").name(&shared.api.locale.site);
    }
    html.raw("</p><h1>").text(words.title).raw("</h1></header>");
    html
}

fn end(mut html: Html, status: StatusCode) -> Response {
    html.raw("</main></body></html>");
    let mut answer =
        (status, [(header::CONTENT_TYPE, "text/html; charset=utf-8")], html.into_string())
            .into_response();
    let headers = answer.headers_mut();
    if let Ok(policy) = HeaderValue::from_str(&POLICY) {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    // The form has to say from where it comes, and nobody else has to hear of the link.
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    answer
}

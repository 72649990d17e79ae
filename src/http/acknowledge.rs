//! `/acknowledge/{token}`: the page behind the link by which an alarm is acknowledged.
//!
//! The link is the permission, for one occurrence of one alarm and for a week: it wants no token of the API. To look at
//! the page does nothing, because chat services and scanners of mail follow links; its button does, on the same way as
//! `POST /api/v1/alarms/acknowledge`. The page has no script, and a style and policy of its own.

use super::alarms::{NAME_MAX, NOTE_MAX, word};
use super::router::Shared;
use super::{Told, guard};
use crate::alarm::{Action, IsaState, Order, Permit, PermitKey, Severity, Unmet};
use crate::engine::{ALARMS_SHOWN, AlarmView};
use crate::reading::Timestamp;
use crate::report::Language;
use crate::report::html::Html;
use axum::Form;
use axum::extract::rejection::{FormRejection, PathRejection};
use axum::extract::{Path, State};
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
        let Ok(url) = self.public_url.parse::<Uri>() else { return false };
        let (Some(scheme), Some(authority)) = (url.scheme_str(), url.authority()) else {
            return false;
        };
        let default = if scheme == "https" { ":443" } else { ":80" };
        let authority = authority.as_str();
        let authority = authority.strip_suffix(default).unwrap_or(authority);
        origin.eq_ignore_ascii_case(&format!("{scheme}://{authority}"))
    }
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

/// The words of the page in one language.
struct Words {
    title: &'static str,
    alarm: &'static str,
    line: &'static str,
    severity: &'static str,
    since: &'static str,
    state: &'static str,
    name: &'static str,
    note: &'static str,
    button: &'static str,
    /// By the words of [`IsaState::as_str`].
    states: [(IsaState, &'static str); 8],
    unknown_state: &'static str,
    over: &'static str,
    done: &'static str,
    waits: &'static str,
    forged: &'static str,
    expired: &'static str,
    older: &'static str,
    never: &'static str,
    already: &'static str,
    bad_name: &'static str,
    busy: &'static str,
    severities: [&'static str; 3],
}

const ENGLISH: Words = Words {
    title: "Acknowledge an alarm",
    alarm: "Alarm",
    line: "Line",
    severity: "Severity",
    since: "Since",
    state: "State",
    name: "Your name",
    note: "Note (what you will do, what you know)",
    button: "Acknowledge",
    states: [
        (IsaState::Unacknowledged, "Nobody has acknowledged it."),
        (IsaState::Acknowledged, "It stands, and somebody has acknowledged it already."),
        (IsaState::ReturnedUnacknowledged, "It is over, and nobody has acknowledged it."),
        (
            IsaState::LatchedUnacknowledged,
            "Its cause is gone; it stands until it is acknowledged and reset.",
        ),
        (
            IsaState::LatchedAcknowledged,
            "Somebody has acknowledged it already; it stands until it is reset.",
        ),
        (IsaState::Shelved, "Somebody has shelved it: there is nothing to acknowledge."),
        (
            IsaState::SuppressedByDesign,
            "The state of the plant makes it meaningless: there is nothing to acknowledge.",
        ),
        (IsaState::OutOfService, "It is out of service: there is nothing to acknowledge."),
    ],
    unknown_state: "There are too many alarms to say; the button looks.",
    over: "It is over: there is nothing to acknowledge.",
    done: "You have acknowledged it.",
    waits: "It is acknowledged, and will be written down once the store has room.",
    forged: "This link is not complete, or it was not made by this onspec. Copy it whole from the message.",
    expired: "This link was for a week, and that is over. Acknowledge the alarm on the page of onspec or with its API.",
    older: "This link was for an earlier occurrence of the alarm, which has come again since. Use the link of the newest message; nothing was acknowledged.",
    never: "This onspec knows of no such alarm. Nothing was acknowledged.",
    already: "Nothing is left to do:",
    bad_name: "Write your name (1 to 80 characters) and, if you like, a note of at most 1000.",
    busy: "onspec is busy, or stops. Nothing was acknowledged: try again in a moment.",
    severities: ["info", "warning", "critical"],
};

const CHINESE: Words = Words {
    title: "确认报警",
    alarm: "报警",
    line: "产线",
    severity: "级别",
    since: "开始时间",
    state: "状态",
    name: "您的姓名",
    note: "备注（将采取的措施、已知情况）",
    button: "确认",
    states: [
        (IsaState::Unacknowledged, "尚无人确认。"),
        (IsaState::Acknowledged, "报警仍在，已有人确认。"),
        (IsaState::ReturnedUnacknowledged, "报警已消除，尚无人确认。"),
        (IsaState::LatchedUnacknowledged, "原因已消除；确认并复位之前，报警保持。"),
        (IsaState::LatchedAcknowledged, "已有人确认；复位之前，报警保持。"),
        (IsaState::Shelved, "报警已被搁置，无需确认。"),
        (IsaState::SuppressedByDesign, "因产线当前状态，报警已被抑制，无需确认。"),
        (IsaState::OutOfService, "报警已停用，无需确认。"),
    ],
    unknown_state: "报警过多，无法显示状态；按下按钮时核对。",
    over: "报警已消除，无需确认。",
    done: "您已确认。",
    waits: "已确认，待存储有空间后写入。",
    forged: "链接不完整，或不是由本 onspec 生成的。请从消息中完整复制。",
    expired: "链接有效期为一周，现已过期。请在 onspec 页面或通过 API 确认报警。",
    older: "此链接属于该报警较早的一次发生，此后报警再次发生。请使用最新消息中的链接；未作任何确认。",
    never: "本 onspec 没有此报警。未作任何确认。",
    already: "无需操作：",
    bad_name: "请填写姓名（1 至 80 个字符），备注可不填，最多 1000 个字符。",
    busy: "onspec 正忙或正在停止。未作任何确认，请稍后再试。",
    severities: ["信息", "警告", "严重"],
};

fn words(shared: &Shared) -> &'static Words {
    match shared.api.report.language {
        Language::English => &ENGLISH,
        Language::Chinese => &CHINESE,
    }
}

impl Words {
    fn of(&self, isa: &str) -> &'static str {
        let found = self.states.iter().find(|(state, _)| state.as_str() == isa);
        found.map_or(self.over, |(_, words)| words)
    }
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

/// `GET /acknowledge/{token}`: changes nothing.
pub(super) async fn show(
    State(shared): State<Shared>,
    path: Result<Path<String>, PathRejection>,
) -> Result<Response, Response> {
    let permit = permit(&shared, path)?;
    Ok(about(&shared, &permit, StatusCode::OK, Say::Asks(None)))
}

/// `POST /acknowledge/{token}`: acknowledges the alarm.
pub(super) async fn order(
    State(shared): State<Shared>,
    path: Result<Path<String>, PathRejection>,
    form: Result<Form<Asked>, FormRejection>,
) -> Result<Response, Response> {
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
        by: Some(format!("{by}, by link of {}", permit.receiver).into()),
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
                Severity::Info => 0,
                Severity::Warning => 1,
                Severity::Critical => 2,
            };
            fact(words.severity, words.severities[severity]);
            if let Some(since) = alarm.since {
                fact(words.since, &written(shared, since));
            }
            let open = [
                IsaState::Unacknowledged,
                IsaState::ReturnedUnacknowledged,
                IsaState::LatchedUnacknowledged,
            ];
            (words.of(alarm.isa), open.iter().any(|state| state.as_str() == alarm.isa))
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

fn form(html: &mut Html, words: &Words) {
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
    let zone = shared.api.report.zone.clone();
    jiff::Timestamp::from_millisecond(at.as_millis()).map_or_else(
        |_| at.to_string(),
        |at| at.to_zoned_datetime(zone).strftime("%Y-%m-%d %H:%M %:z").to_string(),
    )
}

fn begin(shared: &Shared) -> Html {
    let words = words(shared);
    let mut html = Html::default();
    html.raw("<!doctype html><html lang=\"").raw(shared.api.report.language.as_str());
    html.raw("\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">");
    html.raw("<meta name=\"robots\" content=\"noindex\"><title>").text(words.title);
    html.raw(" · onspec</title><style>")
        .raw(CSS)
        .raw("</style></head><body><main><header><p>onspec");
    if !shared.api.report.site.is_empty() {
        html.raw(" · ").name(&shared.api.report.site);
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

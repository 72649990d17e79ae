//! Errors as documents: `application/problem+json` of RFC 9457, with one type for each thing that a program can do about it.

use super::router::Shared;
use axum::Json;
use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::header::{self, HeaderValue};
use axum::http::{Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::Value;

/// The media type of an error.
pub(super) const PROBLEM_JSON: &str = "application/problem+json";

/// A type of problem. Its URI is `/problems/` and its name, relative to where onspec is reached, and stays what it is.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct Kind {
    /// The last part of its URI.
    #[serde(skip)]
    pub(super) name: &'static str,
    #[serde(serialize_with = "number")]
    pub(super) status: StatusCode,
    pub(super) title: &'static str,
    /// What it means, and what to do about it.
    pub(super) meaning: &'static str,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for this form")]
fn number<S: serde::Serializer>(status: &StatusCode, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_u16(status.as_u16())
}

const fn kind(
    name: &'static str,
    status: StatusCode,
    title: &'static str,
    meaning: &'static str,
) -> Kind {
    Kind { name, status, title, meaning }
}

/// A parameter of the path or of the query is not what may stand there.
pub(super) static BAD_PARAMETER: Kind = kind(
    "bad-parameter",
    StatusCode::BAD_REQUEST,
    "A parameter is wrong",
    "A parameter of the path or of the query, or a key of the body, is not what may stand there. `parameter` names it, \
     `detail` says what may stand there. Nothing was taken. The same request is refused again.",
);

/// All of them. Of two with one status the first is that of errors that say no more.
pub(super) static KINDS: [&Kind; 13] = [
    &kind(
        "bad-request",
        StatusCode::BAD_REQUEST,
        "The request cannot be read",
        "The body or the address is not what it should be. `detail` says what is wrong and what to write instead; where \
         several events were sent, `events` says which of them. Nothing was taken. The same request is refused again.",
    ),
    &BAD_PARAMETER,
    &kind(
        "forbidden",
        StatusCode::FORBIDDEN,
        "This may not be asked from there",
        "The request comes from a web page of another site, or with a link that does not allow it.",
    ),
    &kind(
        "not-found",
        StatusCode::NOT_FOUND,
        "There is no such thing",
        "The path leads nowhere, or what it names is not known. `detail` says what there is, as far as that is short.",
    ),
    &kind(
        "method-not-allowed",
        StatusCode::METHOD_NOT_ALLOWED,
        "The path takes another method",
        "`Allow` names the methods that the path takes.",
    ),
    &kind(
        "conflict",
        StatusCode::CONFLICT,
        "Something is in the way",
        "What is asked cannot be in the state that things have: an alarm that is acknowledged already, a model that judges \
         already, a batch that has not ended. `detail` says what is in the way.",
    ),
    &kind("gone", StatusCode::GONE, "It is over", "The link was for something that is over."),
    &kind(
        "too-large",
        StatusCode::PAYLOAD_TOO_LARGE,
        "The body is too large",
        "Send less at a time. Nothing was taken.",
    ),
    &kind(
        "unsupported-media-type",
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "The body is of another kind",
        "Bodies are JSON without a content encoding. Nothing was taken.",
    ),
    &kind(
        "misdirected",
        StatusCode::MISDIRECTED_REQUEST,
        "The request names another host",
        "onspec answers to names of its own machine only, against pages that point their own name at it.",
    ),
    &kind(
        "unfit",
        StatusCode::UNPROCESSABLE_ENTITY,
        "It cannot take effect",
        "What was sent is well formed and cannot be used: a model that does not fit its line, a configuration that is \
         wrong. Nothing was changed.",
    ),
    &kind(
        "failed",
        StatusCode::INTERNAL_SERVER_ERROR,
        "onspec could not do it",
        "Nothing is wrong with the request. `detail` and the log say what failed.",
    ),
    &kind(
        "unavailable",
        StatusCode::SERVICE_UNAVAILABLE,
        "Not now",
        "onspec is busy, stops, or has no room. The same request may be asked again after `Retry-After` seconds.",
    ),
];

impl Kind {
    /// That of a status, if there is one.
    fn of(status: StatusCode) -> Option<&'static Self> {
        KINDS.iter().find(|kind| kind.status == status).copied()
    }

    fn uri(&self) -> String {
        format!("/problems/{}", self.name)
    }
}

/// What is wrong with a request, until its answer is sealed: then it becomes a document.
#[derive(Debug, Clone)]
pub(super) struct Problem {
    status: StatusCode,
    kind: Option<&'static Kind>,
    detail: String,
    parameter: Option<String>,
    events: Option<Value>,
}

/// The document of an error.
#[derive(Debug, Serialize)]
struct Document<'a> {
    #[serde(rename = "type")]
    kind: String,
    title: &'a str,
    status: u16,
    detail: &'a str,
    instance: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    parameter: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    events: Option<&'a Value>,
    /// The same as `detail`, for who read errors before they had a type.
    error: &'a str,
}

impl Problem {
    /// A problem of the type that its status has.
    pub(super) fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self {
            status,
            kind: Kind::of(status),
            detail: detail.into(),
            parameter: None,
            events: None,
        }
    }

    /// What is wrong with a parameter.
    pub(super) fn parameter(name: &str, detail: impl Into<String>) -> Self {
        Self {
            kind: Some(&BAD_PARAMETER),
            parameter: Some(name.to_owned()),
            ..Self::new(StatusCode::BAD_REQUEST, detail)
        }
    }

    /// The same with the events that are wrong.
    pub(super) fn with_events(self, events: Value) -> Self {
        Self { events: Some(events), ..self }
    }

    /// What is wrong, for people.
    #[cfg(test)]
    pub(super) fn detail(&self) -> &str {
        &self.detail
    }

    /// The document, of a request for `uri`.
    fn document(&self, uri: &Uri) -> Vec<u8> {
        let reason = self.status.canonical_reason().unwrap_or("failed");
        let document = Document {
            kind: self.kind.map_or_else(|| "about:blank".to_owned(), Kind::uri),
            title: self.kind.map_or(reason, |kind| kind.title),
            status: self.status.as_u16(),
            detail: &self.detail,
            instance: uri.path_and_query().map_or("/", |asked| asked.as_str()),
            parameter: self.parameter.as_deref(),
            events: self.events.as_ref(),
            error: &self.detail,
        };
        serde_json::to_vec(&document).expect("plain data with text keys is always JSON")
    }
}

/// Why a path was not taken; a part of it that is not what may stand there is named.
impl From<PathRejection> for Problem {
    fn from(rejection: PathRejection) -> Self {
        use axum::extract::path::ErrorKind;
        let (status, text) = (rejection.status(), rejection.body_text());
        if let PathRejection::FailedToDeserializePathParams(failed) = rejection {
            match failed.into_kind() {
                ErrorKind::ParseErrorAtKey { key, value, .. } => {
                    let text =
                        format!("`{key}` of the path is `{value}`; a whole number stands there");
                    return Self::parameter(&key, text);
                }
                // The only number in any path.
                ErrorKind::ParseErrorAtIndex { value, .. } => {
                    let text =
                        format!("`version` of the path is `{value}`; a whole number stands there");
                    return Self::parameter("version", text);
                }
                ErrorKind::InvalidUtf8InPathParam { key } => {
                    let text = format!("`{key}` of the path is not UTF-8 after percent-decoding");
                    return Self::parameter(&key, text);
                }
                _ => {}
            }
        }
        Self::new(status, text)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut answer = self.status.into_response();
        answer.extensions_mut().insert(self);
        answer
    }
}

impl From<Problem> for Response {
    fn from(problem: Problem) -> Self {
        problem.into_response()
    }
}

/// Writes what is wrong into an answer, if something is: the problem that a handler named, or the words of a library.
pub(super) async fn write(response: Response, method: &Method, uri: &Uri) -> Response {
    let (mut parts, body) = response.into_parts();
    let problem = match parts.extensions.remove::<Problem>() {
        Some(problem) => problem,
        None if is_foreign(&parts) => foreign(parts.status, body).await,
        None => return Response::from_parts(parts, body),
    };
    let document = if *method == Method::HEAD { Vec::new() } else { problem.document(uri) };
    parts.headers.remove(header::CONTENT_LENGTH);
    parts.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
    Response::from_parts(parts, Body::from(document))
}

/// True of an error that a library made: neither a document nor a page of ours.
fn is_foreign(parts: &axum::http::response::Parts) -> bool {
    let kind = parts.headers.get(header::CONTENT_TYPE);
    let json = kind.is_some_and(|kind| kind.as_bytes().starts_with(b"application/json"));
    // What has a policy of its own is a page that says in words for people what is wrong.
    let page = parts.headers.contains_key(header::CONTENT_SECURITY_POLICY);
    (parts.status.is_client_error() || parts.status.is_server_error()) && !json && !page
}

async fn foreign(status: StatusCode, words: Body) -> Problem {
    let words = axum::body::to_bytes(words, 4096).await.unwrap_or_default();
    let words = String::from_utf8_lossy(&words);
    let text = match (status, words.trim()) {
        (StatusCode::SERVICE_UNAVAILABLE, "") => "the answer took too long; try again".to_owned(),
        (StatusCode::PAYLOAD_TOO_LARGE, _) => {
            format!("the body is larger than {} bytes", super::BODY_MAX_BYTES)
        }
        (_, "") => status.canonical_reason().unwrap_or("failed").to_lowercase(),
        (_, words) => words.to_owned(),
    };
    Problem::new(status, text)
}

/// What a type means.
#[derive(Debug, Serialize)]
struct Explained {
    #[serde(rename = "type")]
    kind: String,
    #[serde(flatten)]
    of: &'static Kind,
}

/// `GET /problems/{type}`: what the type of an error means, and what to do about it.
pub(super) async fn explain(
    State(_): State<Shared>,
    path: Result<Path<String>, PathRejection>,
) -> Result<Response, Problem> {
    let Path(name) = path?;
    let Some(of) = KINDS.iter().find(|kind| kind.name == name) else {
        let known: Vec<&str> = KINDS.iter().map(|kind| kind.name).collect();
        let text = format!("no problem has the type `{name}`; there are: {}", known.join(", "));
        return Err(Problem::new(StatusCode::NOT_FOUND, text));
    };
    Ok(Json(Explained { kind: of.uri(), of }).into_response())
}

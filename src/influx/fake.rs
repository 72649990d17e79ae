//! An InfluxDB in memory that parses what it gets, over a socket or without one.

use super::client::Sink;
use super::failure::Failure;
use super::parse::points;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use bytes::Bytes;
use std::collections::{BTreeMap, VecDeque};
use std::io::Read;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::time::Instant;
use tower::ServiceExt;

/// What the fake says to a write instead of doing its work.
#[derive(Debug, Clone)]
pub(super) enum Say {
    /// This status, with a body that is not InfluxDB's.
    Status(u16),
    /// This status with this body.
    Says(u16, &'static str),
    /// Does its work, and says this all the same.
    StoreAndAnswer(u16, &'static str),
    /// Nothing, for ever.
    Nothing,
    /// Does its work, and never says so.
    StoreAndHang,
    /// Does its work.
    Work,
}

/// A write as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Write {
    pub(super) query: String,
    pub(super) authorization: String,
    pub(super) compressed: bool,
    /// The lines in it.
    pub(super) lines: usize,
    /// The first line.
    pub(super) first: String,
    /// All of them.
    pub(super) body: String,
    /// When it came.
    pub(super) at: Instant,
}

#[derive(Debug, Default)]
struct Inner {
    script: VecDeque<Say>,
    writes: Vec<Write>,
    lines: Vec<String>,
    /// Type of the fields `v` of each measurement, as the first write made it.
    types: BTreeMap<String, std::mem::Discriminant<super::FieldValue>>,
    /// The greatest body taken.
    lines_max: Option<usize>,
    bytes_max: Option<usize>,
}

/// The fake; all clones are one.
#[derive(Debug, Clone, Default)]
pub(super) struct FakeInflux(Arc<Mutex<Inner>>);

impl FakeInflux {
    pub(super) fn new() -> Self {
        Self::default()
    }

    /// What to say to the next writes; afterwards the fake works.
    pub(super) fn say(&self, script: impl IntoIterator<Item = Say>) {
        self.inner().script.extend(script);
    }

    /// Refuses writes of more lines as too large.
    pub(super) fn take_at_most(&self, lines: usize) {
        self.inner().lines_max = Some(lines);
    }

    /// Refuses writes of more bytes as too large.
    pub(super) fn take_at_most_bytes(&self, bytes: usize) {
        self.inner().bytes_max = Some(bytes);
    }

    /// All writes so far.
    pub(super) fn requests(&self) -> Vec<Write> {
        self.inner().writes.clone()
    }

    /// All lines stored, in the order in which they were.
    pub(super) fn stored_lines(&self) -> Vec<String> {
        self.inner().lines.clone()
    }

    /// Listens on a port of its own, as long as the runtime lives, and returns the address.
    pub(super) async fn serve(&self) -> String {
        self.serve_at("127.0.0.1:0".parse().unwrap()).await
    }

    /// Listens on this address, and returns it as a URL.
    pub(super) async fn serve_at(&self, address: SocketAddr) -> String {
        let listener = tokio::net::TcpListener::bind(address).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let router = self.router();
        #[expect(clippy::disallowed_methods, reason = "the server ends with the test's runtime")]
        drop(tokio::spawn(async move { axum::serve(listener, router).await }));
        url
    }

    fn router(&self) -> Router {
        let health = r#"{"name":"influxdb","status":"pass","version":"v2.9.1"}"#;
        Router::new()
            .route("/health", get(move || async move { health }))
            .route("/api/v2/write", post(write))
            .with_state(self.clone())
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the lines as InfluxDB 2.9 does, and answers in its words.
    fn work(&self, text: &str) -> Response {
        let mut inner = self.inner();
        if inner.lines_max.is_some_and(|max| text.lines().count() > max)
            || inner.bytes_max.is_some_and(|max| text.len() > max)
        {
            return StatusCode::PAYLOAD_TOO_LARGE.into_response();
        }
        let mut good = Vec::new();
        let mut errors = Vec::new();
        for line in text.lines() {
            match points(line).next() {
                Some(Ok(point)) => good.push((line.to_owned(), point)),
                Some(Err(error)) => {
                    errors.push(format!("unable to parse '{line}': {}", error.what));
                }
                None => {}
            }
        }
        if !errors.is_empty() {
            return says(400, "invalid", &errors.join("\n"));
        }
        let before = inner.lines.len();
        let total = good.len();
        for (line, point) in good {
            let value = point.fields.iter().find(|(key, _)| key == "v").map(|(_, value)| value);
            let fits = value.is_none_or(|value| {
                let own = std::mem::discriminant(value);
                *inner.types.entry(point.measurement.clone()).or_insert(own) == own
            });
            if fits {
                inner.lines.push(line);
            }
        }
        let dropped = total - (inner.lines.len() - before);
        if dropped == 0 {
            return StatusCode::NO_CONTENT.into_response();
        }
        let words = format!(
            "failure writing points to database: partial write: field type conflict dropped={dropped}"
        );
        says(422, "unprocessable entity", &words)
    }
}

fn says(status: u16, code: &str, message: &str) -> Response {
    let body = serde_json::json!({ "code": code, "message": message }).to_string();
    (StatusCode::from_u16(status).unwrap(), body).into_response()
}

#[expect(
    clippy::disallowed_methods,
    reason = "the clock of the test's runtime, which may stand still"
)]
async fn write(State(fake): State<FakeInflux>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let header = |name: &str| {
        let value = head.headers.get(name).map(|value| value.to_str().unwrap_or_default());
        value.unwrap_or_default().to_owned()
    };
    let compressed = header("content-encoding") == "gzip";
    let bytes = to_bytes(body, usize::MAX).await.unwrap();
    let mut text = String::new();
    if compressed {
        flate2::read::GzDecoder::new(&*bytes).read_to_string(&mut text).unwrap();
    } else {
        (&*bytes).read_to_string(&mut text).unwrap();
    }
    let say = {
        let mut inner = fake.inner();
        inner.writes.push(Write {
            query: head.uri.query().unwrap_or_default().to_owned(),
            authorization: header("authorization"),
            compressed,
            lines: text.lines().count(),
            first: text.lines().next().unwrap_or_default().to_owned(),
            body: text.clone(),
            at: Instant::now(),
        });
        inner.script.pop_front().unwrap_or(Say::Work)
    };
    let answer =
        |status, body: &'static str| (StatusCode::from_u16(status).unwrap(), body).into_response();
    match say {
        Say::Status(status) => answer(status, "no"),
        Say::Says(status, body) => answer(status, body),
        Say::StoreAndAnswer(status, body) => {
            drop(fake.work(&text));
            answer(status, body)
        }
        Say::Nothing => std::future::pending().await,
        Say::StoreAndHang => {
            drop(fake.work(&text));
            std::future::pending().await
        }
        Say::Work => fake.work(&text),
    }
}

impl Sink for FakeInflux {
    /// Asks the same router without a socket, so that paused time stays paused.
    async fn write(&self, lines: Bytes) -> Result<(), Failure> {
        let means = if lines.is_empty() { Failure::answer_to_nothing } else { Failure::answer };
        let request = Request::post("/api/v2/write").body(Body::from(lines)).unwrap();
        let answer = self.router().oneshot(request).await.unwrap();
        let status = answer.status();
        if status == StatusCode::NO_CONTENT {
            return Ok(());
        }
        let body = to_bytes(answer.into_body(), usize::MAX).await.unwrap();
        means(status.as_u16(), &String::from_utf8_lossy(&body))
    }
}

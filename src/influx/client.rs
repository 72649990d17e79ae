//! The server as the writer sees it: something that takes lines, or says why not.
//!
//! The crate `influxdb2` does the writing and is named nowhere else. What it does not do is done
//! here: it panics on a bad address, has no timeout, throws a path away, and compresses nothing
//! that is encoded already. It also panics on cells that it cannot read, and holds an answer whole: `query`
//! asks by itself.

use super::Settings;
use super::failure::Failure;
use crate::telemetry::Secret;
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use influxdb2::{Client, ClientBuilder, RequestError};
use reqwest011::Url;
use reqwest011::header::{CONTENT_ENCODING, HeaderMap, HeaderValue};
use std::error::Error;
use std::fmt::Debug;
use std::io::Write;
use std::time::Duration;

/// The least effort: 0.4 µs a line for a seventh of the bytes; more effort buys a third of that.
const GZIP_LEVEL: u32 = 1;
/// A server on a plant's network answers a connection in much less.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Why there can be no client.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The address is none.
    #[error("the InfluxDB address `{url}` {reason}, want e.g. `http://127.0.0.1:8086`")]
    Url {
        /// The address.
        url: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The token cannot stand in a header.
    #[error("the InfluxDB token is empty or has characters that no token has")]
    Token,
    /// The HTTP client cannot be built.
    #[error("cannot build the HTTP client for InfluxDB")]
    Build(#[source] influxdb2::BuildError),
    /// The HTTP client by which it is asked cannot be built.
    #[error("cannot build the HTTP client for InfluxDB")]
    Http(#[source] reqwest011::Error),
}

/// What takes lines: the server, or in a simulation whatever stands for one.
pub trait Sink: Debug {
    /// Sends lines, and returns when they are stored.
    fn write(&self, lines: Bytes) -> impl Future<Output = Result<(), Failure>> + Send;
}

/// The real server.
#[derive(Debug)]
pub(super) struct Server {
    client: Client,
    org: String,
    bucket: String,
}

impl Server {
    pub(super) fn new(settings: &Settings, token: &Secret) -> Result<Self, ClientError> {
        Ok(Self {
            client: client(settings, token, true)?,
            org: settings.org.clone(),
            bucket: settings.bucket.clone(),
        })
    }
}

impl Sink for Server {
    async fn write(&self, lines: Bytes) -> Result<(), Failure> {
        let answer = if lines.is_empty() { Failure::answer_to_nothing } else { Failure::answer };
        let body = tokio::task::spawn_blocking(move || gzip(&lines))
            .await
            .expect("compression does not panic");
        let written = self.client.write_line_protocol(&self.org, &self.bucket, body).await;
        match written {
            Err(RequestError::Http { status, text }) => answer(status.as_u16(), &text),
            other => other.map_err(failure),
        }
    }
}

/// Asks the server whether it is there, and whether it would take lines for organisation and
/// bucket with this token. Nothing is written.
///
/// # Errors
/// What the server says against it, or why it says nothing.
pub async fn probe(settings: &Settings, token: &Secret) -> Result<String, Failure> {
    let unusable = |error: ClientError| Failure::unusable(chain(&error));
    let plain = client(settings, token, false).map_err(unusable)?;
    let server = Server::new(settings, token).map_err(unusable)?;
    // Servers that only speak the protocol need not know this question, and InfluxDB 3 answers `OK`.
    let version = match plain.health().await {
        Ok(health) => health.version.unwrap_or_default(),
        Err(RequestError::Http { .. }) => String::new(),
        Err(RequestError::ReqwestProcessing { source }) if source.is_decode() => String::new(),
        Err(error) => return Err(failure(error)),
    };
    server.write(Bytes::new()).await?;
    let Settings { url, org, bucket, .. } = settings;
    let version = version.trim_start_matches('v');
    let space = if version.is_empty() { "" } else { " " };
    Ok(format!("InfluxDB{space}{version} at `{url}` takes lines for bucket `{bucket}` of `{org}`"))
}

/// Whether there can be a client with these settings: what [`super::run`] would refuse at once. Asks
/// nobody.
///
/// # Errors
/// As of [`super::run`], at once.
pub fn usable(settings: &Settings, token: &Secret) -> Result<(), ClientError> {
    client(settings, token, true).map(drop)
}

/// A client. With `compressed`, what it sends is said to be compressed.
fn client(settings: &Settings, token: &Secret, compressed: bool) -> Result<Client, ClientError> {
    check(settings, token)?;
    let mut headers = HeaderMap::new();
    if compressed {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    let http = http(settings).default_headers(headers);
    ClientBuilder::with_builder(http, &settings.url, &settings.org, token.expose())
        .build()
        .map_err(ClientError::Build)
}

/// Whether the address is one, and the token can stand in a header.
pub(super) fn check(settings: &Settings, token: &Secret) -> Result<(), ClientError> {
    check_url(&settings.url)
        .map_err(|reason| ClientError::Url { url: settings.url.clone(), reason })?;
    let visible = |byte: u8| byte.is_ascii_graphic();
    if token.expose().is_empty() || !token.expose().bytes().all(visible) {
        return Err(ClientError::Token);
    }
    Ok(())
}

/// The HTTP client of all that is sent and asked.
pub(super) fn http(settings: &Settings) -> reqwest011::ClientBuilder {
    reqwest011::ClientBuilder::new()
        .http1_only()
        .timeout(settings.timeout)
        .connect_timeout(CONNECT_TIMEOUT.min(settings.timeout))
        // A redirected POST arrives as a GET: better an error that names the redirect.
        .redirect(reqwest011::redirect::Policy::none())
        // The environment is no configuration of ours.
        .no_proxy()
        .user_agent(concat!("onspec/", env!("CARGO_PKG_VERSION")))
}

fn check_url(url: &str) -> Result<(), &'static str> {
    let url = Url::parse(url).map_err(|_| "is no URL")?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err("is neither http nor https");
    }
    if url.host().is_none() {
        return Err("names no host");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("has a user or password in it, which belong into the token");
    }
    if url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
        return Err("has a path, which the InfluxDB interface would not keep");
    }
    Ok(())
}

fn gzip(lines: &[u8]) -> Vec<u8> {
    let mut encoder =
        GzEncoder::new(Vec::with_capacity(lines.len() / 5 + 64), Compression::new(GZIP_LEVEL));
    encoder.write_all(lines).expect("writing to memory cannot fail");
    encoder.finish().expect("writing to memory cannot fail")
}

fn failure(error: RequestError) -> Failure {
    match error {
        RequestError::ReqwestProcessing { source } => lost(source),
        other => Failure::transport(chain(&other)),
    }
}

/// A request without an answer, or none to its end.
pub(super) fn lost(error: reqwest011::Error) -> Failure {
    if error.is_timeout() {
        Failure::transport("no answer in time")
    } else {
        Failure::transport(chain(&error.without_url()))
    }
}

/// An error and its causes on one line.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let words = cause.to_string();
        if !text.contains(&words) {
            text.push_str(": ");
            text.push_str(&words);
        }
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::super::fake::{FakeInflux, Say};
    use super::*;
    use crate::influx::failure::Kind;
    use crate::telemetry::SecretSource;

    fn settings(url: &str) -> Settings {
        Settings {
            url: url.to_owned(),
            org: "mill".into(),
            bucket: "quality of paper".into(),
            token: SecretSource::Given(Secret::new("t")),
            timeout: Duration::from_secs(30),
            batch_lines: 5000,
        }
    }

    fn token() -> Secret {
        Secret::new("t-o-k-e-n==")
    }

    #[test]
    fn bad_addresses_and_tokens_are_errors_and_no_panics() {
        for (url, reason) in [
            ("", "is no URL"),
            ("127.0.0.1:8086", "is no URL"),
            ("localhost:8086", "is neither http nor https"),
            ("ftp://h", "is neither http nor https"),
            ("http://", "is no URL"),
            ("http://h/influx", "has a path, which the InfluxDB interface would not keep"),
            ("http://h/?org=x", "has a path, which the InfluxDB interface would not keep"),
            ("http://u:p@h", "has a user or password in it, which belong into the token"),
        ] {
            match Server::new(&settings(url), &token()) {
                Err(ClientError::Url { reason: found, .. }) => assert_eq!(found, reason, "{url}"),
                other => panic!("{url}: {other:?}"),
            }
        }
        for bad in ["", "a b", "a\nb", "ü"] {
            let made = Server::new(&settings("http://h"), &Secret::new(bad));
            assert!(matches!(made, Err(ClientError::Token)), "{bad}");
        }
    }

    #[tokio::test]
    async fn lines_arrive_compressed_with_token_and_place() {
        let fake = FakeInflux::new();
        let url = fake.serve().await;
        let server = Server::new(&settings(&url), &token()).unwrap();
        server.write("m v=1 1\nm v=2 2\n".into()).await.unwrap();
        let requests = fake.requests();
        assert_eq!(requests.len(), 1);
        let query = requests[0].query.as_str();
        assert_eq!(query, "bucket=quality+of+paper&org=mill&precision=ns");
        assert_eq!(requests[0].authorization, "Token t-o-k-e-n==");
        assert!(requests[0].compressed);
        assert_eq!(fake.stored_lines(), ["m v=1 1", "m v=2 2"]);
    }

    #[tokio::test]
    async fn answers_and_silence_become_failures() {
        let fake = FakeInflux::new();
        let url = fake.serve().await;
        let mut settings = settings(&url);
        settings.timeout = Duration::from_millis(200);
        let server = Server::new(&settings, &token()).unwrap();
        for (say, status, kind) in [
            (Say::Status(401), Some(401), Kind::Auth),
            (Say::Status(302), Some(302), Kind::Auth),
            (Say::Status(413), Some(413), Kind::TooLarge),
            (Say::Status(503), Some(503), Kind::Transient),
            (Say::Nothing, None, Kind::Transient),
        ] {
            fake.say([say]);
            let failure = server.write("m v=1 1\n".into()).await.unwrap_err();
            assert_eq!((failure.status, failure.kind), (status, kind), "{failure}");
        }
        fake.say([Say::Nothing]);
        assert_eq!(server.write(Bytes::new()).await.unwrap_err().words(), "no answer in time");
        assert_eq!(fake.stored_lines(), Vec::<String>::new());
    }

    #[tokio::test]
    async fn nobody_there_is_a_failure_without_an_answer() {
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", free.local_addr().unwrap());
        drop(free);
        let failure = probe(&settings(&url), &token()).await.unwrap_err();
        assert_eq!((failure.status, failure.kind), (None, Kind::Transient));
        assert!(failure.text.to_lowercase().contains("connection refused"), "{failure}");
    }

    #[tokio::test]
    async fn a_probe_says_what_it_found_and_writes_nothing() {
        let fake = FakeInflux::new();
        let url = fake.serve().await;
        assert_eq!(
            probe(&settings(&url), &token()).await.unwrap(),
            format!(
                "InfluxDB 2.9.1 at `{url}` takes lines for bucket `quality of paper` of `mill`"
            )
        );
        fake.say([Say::Status(404)]);
        assert_eq!(probe(&settings(&url), &token()).await.unwrap_err().kind, Kind::Auth);
        assert_eq!(probe(&settings("x"), &token()).await.unwrap_err().status, None);
        assert!(fake.stored_lines().is_empty());
    }
}

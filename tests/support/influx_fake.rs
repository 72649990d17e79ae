//! An InfluxDB 1.8 and an InfluxDB 3 as far as a writer meets them: `/api/v2/write` and `/health`, over sockets.
//!
//! Neither can be had as a real server here, so these are built from what is documented of them: what they store of a
//! request that has bad lines in it, with which status, and in which words. They share no code with the daemon: lines
//! are read by a reader of their own, which knows only what the format says.

mod line;
mod one;
mod three;

use std::{
    collections::BTreeMap,
    io::{self, BufReader, Read, Write},
    net::TcpStream,
    sync::{Arc, Mutex},
};

#[allow(unused_imports, reason = "not every suite uses all of the harness")]
pub(crate) use self::{
    line::{Kind, Value},
    one::One,
    three::{Refusal, Three},
};
use super::{
    http_client::{Headers, header, read_body, read_head},
    http_server::{HttpServer, lock},
};

/// Everything of one series at one time: field and value.
pub(crate) type Fields = BTreeMap<String, Value>;

/// What a server has stored: by series (measurement and tags, sorted) and time.
pub(crate) type Stored = BTreeMap<(String, i64), Fields>;

/// A request to write, with the body as it is after unpacking.
#[derive(Debug)]
struct Request {
    query: BTreeMap<String, String>,
    authorization: String,
    body: String,
}

/// An answer: a status and a body.
type Answer = (u16, String);

/// A version of the server: what it makes of a request.
trait Version: std::fmt::Debug + Send + 'static {
    fn write(&mut self, request: &Request) -> Answer;
    fn health(&self, authorization: &str) -> Answer;
    fn stored(&self) -> Stored;
}

/// A server at a port of its own.
#[derive(Debug)]
pub(crate) struct FakeInflux {
    server: HttpServer,
    state: Arc<Mutex<State>>,
}

#[derive(Debug)]
struct State {
    version: Box<dyn Version>,
    /// The writes that had lines in them.
    writes: usize,
    /// The status of each write.
    statuses: Vec<u16>,
}

impl FakeInflux {
    /// Starts an InfluxDB 1.8.
    pub(crate) fn one(one: One) -> Self {
        Self::start(Box::new(one))
    }

    /// Starts an InfluxDB 3.
    pub(crate) fn three(three: Three) -> Self {
        Self::start(Box::new(three))
    }

    fn start(version: Box<dyn Version>) -> Self {
        let state = State { version, writes: 0, statuses: Vec::new() };
        let state = Arc::new(Mutex::new(state));
        let server = HttpServer::start({
            let state = Arc::clone(&state);
            move |stream| serve(stream, &state)
        });
        Self { server, state }
    }

    /// The address without a path.
    pub(crate) fn url(&self) -> String {
        self.server.url("")
    }

    /// What is stored.
    pub(crate) fn stored(&self) -> Stored {
        lock(&self.state).version.stored()
    }

    /// How many requests had lines in them.
    pub(crate) fn writes(&self) -> usize {
        lock(&self.state).writes
    }

    /// The status of each write so far, the ones without a line included.
    pub(crate) fn statuses(&self) -> Vec<u16> {
        lock(&self.state).statuses.clone()
    }
}

fn serve(stream: &TcpStream, state: &Mutex<State>) -> io::Result<()> {
    let mut reader = BufReader::new(stream);
    while let Some((line, headers)) = read_head(&mut reader)? {
        let body = read_body(&mut reader, &headers)?.unwrap_or_default();
        let target = line.split(' ').nth(1).unwrap_or_default();
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let (status, body) = match path {
            "/health" => {
                let authorization = header(&headers, "authorization").unwrap_or_default();
                lock(state).version.health(authorization)
            }
            "/api/v2/write" => write(state, query, &headers, &body)?,
            _ => (404, "404 page not found\n".to_owned()),
        };
        let length = if status == 204 {
            String::new()
        } else {
            format!("Content-Length: {}\r\n", body.len())
        };
        (&mut &*stream)
            .write_all(format!("HTTP/1.1 {status} so\r\n{length}\r\n{body}").as_bytes())?;
    }
    Ok(())
}

fn write(state: &Mutex<State>, query: &str, headers: &Headers, body: &[u8]) -> io::Result<Answer> {
    let mut text = String::new();
    if header(headers, "content-encoding") == Some("gzip") {
        flate2::read::MultiGzDecoder::new(body).read_to_string(&mut text)?;
    } else {
        text.push_str(std::str::from_utf8(body).map_err(io::Error::other)?);
    }
    let request = Request {
        query: parameters(query),
        authorization: header(headers, "authorization").unwrap_or_default().to_owned(),
        body: text,
    };
    let mut state = lock(state);
    state.writes += usize::from(!request.body.is_empty());
    let answer = state.version.write(&request);
    state.statuses.push(answer.0);
    Ok(answer)
}

/// The parameters of a query; of percent signs and plus signs as far as names of buckets need it.
fn parameters(query: &str) -> BTreeMap<String, String> {
    let plain = |text: &str| text.replace('+', " ").replace("%2F", "/").replace("%2f", "/");
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    pairs.map(|(key, value)| (key.to_owned(), plain(value))).collect()
}

/// An answer of JSON.
fn json(status: u16, body: &serde_json::Value) -> Answer {
    (status, body.to_string())
}

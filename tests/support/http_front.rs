//! A front before an HTTP server that answers in its place when it is told to, as a proxy of a plant's network does.

use std::{
    collections::VecDeque,
    io::{self, BufReader, Read, Write},
    net::TcpStream,
    sync::{Arc, Mutex, MutexGuard},
};

use super::{
    http_client::{Headers, header, read_body, read_head, request},
    http_server::{HttpServer, lock},
};

/// A refusal in the words of InfluxDB: of another server's nobody believes that a line is wrong.
const REFUSED: &str = r#"{"code":"invalid","message":"refused as ordered"}"#;

/// What the front does with a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Front {
    /// Asks the server and passes its answer on.
    Pass,
    /// Answers with this status and these words, and the server hears nothing. A 400 waits for a request of several
    /// lines: of one line alone it would be believed.
    Status(u16, &'static str),
    /// Answers with status 400 if the body, uncompressed, has these words in it; else passes it on.
    RefuseWith(&'static str),
    /// Says nothing and keeps the connection open until the front is dropped.
    Silence,
}

/// A front on a port of its own.
#[derive(Debug)]
pub(crate) struct HttpFront {
    server: HttpServer,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    target: String,
}

#[derive(Debug)]
struct State {
    /// What is done with the next requests; then comes `otherwise`.
    next: VecDeque<Front>,
    otherwise: Front,
    /// Requests that the server did not hear of.
    kept_back: usize,
}

impl HttpFront {
    /// Starts a front before a server, as `http://127.0.0.1:8086`, that passes everything on.
    pub(crate) fn start(target: &str) -> Self {
        let state = State { next: VecDeque::new(), otherwise: Front::Pass, kept_back: 0 };
        let shared = Arc::new(Shared { state: Mutex::new(state), target: target.to_owned() });
        let server = HttpServer::start({
            let shared = Arc::clone(&shared);
            move |stream| serve(stream, &shared)
        });
        Self { server, shared }
    }

    /// The address without a path.
    pub(crate) fn url(&self) -> String {
        self.server.url("")
    }

    /// What to do with the next requests, in order, after those that were ordered before.
    pub(crate) fn answer_next(&self, what: impl IntoIterator<Item = Front>) {
        self.shared.lock().next.extend(what);
    }

    /// What to do with every request for which nothing was ordered by [`HttpFront::answer_next`].
    pub(crate) fn answer_always(&self, what: Front) {
        self.shared.lock().otherwise = what;
    }

    /// How many requests were kept from the server since the start.
    pub(crate) fn kept_back(&self) -> usize {
        self.shared.lock().kept_back
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }
}

/// Serves one connection: one request after the other.
fn serve(stream: &TcpStream, shared: &Shared) -> io::Result<()> {
    let mut reader = BufReader::new(stream);
    while let Some((line, headers)) = read_head(&mut reader)? {
        let body = read_body(&mut reader, &headers)?.unwrap_or_default();
        let what = {
            let mut state = shared.lock();
            let otherwise = state.otherwise.clone();
            let mut what = state.next.pop_front().unwrap_or(otherwise);
            if matches!(what, Front::Status(400, _))
                && text_of(&headers, &body)?.lines().count() < 2
            {
                state.next.push_front(std::mem::replace(&mut what, Front::Pass));
            }
            if let Front::RefuseWith(words) = what {
                let has = text_of(&headers, &body)?.contains(words);
                what = if has { Front::Status(400, REFUSED) } else { Front::Pass };
            }
            state.kept_back += usize::from(what != Front::Pass);
            what
        };
        let (status, words) = match what {
            Front::Status(status, words) => (status, words.as_bytes().to_vec()),
            // The stream itself is kept open by the server.
            Front::Silence => return Ok(()),
            Front::Pass | Front::RefuseWith(_) => pass(&shared.target, &line, &headers, &body)?,
        };
        let head = format!("HTTP/1.1 {status} as told\r\nContent-Length: {}\r\n\r\n", words.len());
        // 204 has no body, and must not say how long it is.
        let head = if status == 204 { "HTTP/1.1 204 as told\r\n\r\n".to_owned() } else { head };
        (&mut &*stream).write_all(&[head.as_bytes(), &words].concat())?;
    }
    Ok(())
}

/// Asks the server. One that is not there is a bad gateway, as with any proxy.
fn pass(target: &str, line: &str, headers: &Headers, body: &[u8]) -> io::Result<(u16, Vec<u8>)> {
    let mut words = line.split(' ');
    let (Some(method), Some(path)) = (words.next(), words.next()) else {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "no request line"));
    };
    let own = ["host", "connection", "content-length", "transfer-encoding"];
    let passed = headers.iter().filter(|(name, _)| !own.contains(&name.as_str()));
    let passed: Vec<_> = passed.map(|(name, value)| (name.as_str(), value.as_str())).collect();
    Ok(match request(method, &format!("{target}{path}"), &passed, body) {
        Ok(answer) => (answer.status, answer.body),
        Err(_) => (502, Vec::new()),
    })
}

fn text_of(headers: &Headers, body: &[u8]) -> io::Result<String> {
    let mut text = Vec::new();
    if header(headers, "content-encoding") == Some("gzip") {
        flate2::read::GzDecoder::new(body).read_to_end(&mut text)?;
    } else {
        text.extend_from_slice(body);
    }
    Ok(String::from_utf8_lossy(&text).into_owned())
}

//! A receiver of webhooks that remembers what it gets and answers as it is told.

use std::{
    collections::VecDeque,
    io::{self, BufReader, Write},
    net::{Shutdown, TcpStream},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use super::{
    http_client::{Headers, header, read_body, read_head},
    http_server::{HttpServer, lock},
};

/// A request that came.
#[derive(Debug, Clone)]
pub(crate) struct Received {
    /// The method, as `POST`.
    pub(crate) method: String,
    /// Path and query.
    pub(crate) path: String,
    /// The headers.
    pub(crate) headers: Headers,
    /// The body.
    pub(crate) body: Vec<u8>,
    /// When it had been read.
    pub(crate) at: Instant,
}

impl Received {
    /// The body as text.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The first header of this name, which is given in small letters.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        header(&self.headers, name)
    }
}

/// What to say to a request.
#[derive(Debug, Clone)]
pub(crate) enum Answer {
    /// This status.
    Status(u16),
    /// This status with these headers, as `Retry-After`.
    With(u16, Vec<(&'static str, String)>),
    /// Nothing: the connection is closed when the request has been read.
    HangUp,
    /// Nothing, and the connection stays open until the receiver is dropped.
    Silence,
}

/// A receiver on a port of its own.
#[derive(Debug)]
pub(crate) struct WebhookReceiver {
    server: HttpServer,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug)]
struct State {
    received: Vec<Received>,
    /// The answers to the next requests; then comes `otherwise`.
    next: VecDeque<Answer>,
    otherwise: Answer,
}

impl Default for State {
    fn default() -> Self {
        Self { received: Vec::new(), next: VecDeque::new(), otherwise: Answer::Status(200) }
    }
}

impl WebhookReceiver {
    /// Starts a receiver that answers 200 to everything.
    pub(crate) fn start() -> Self {
        let shared = Arc::new(Shared::default());
        let server = HttpServer::start({
            let shared = Arc::clone(&shared);
            move |stream| serve(stream, &shared)
        });
        Self { server, shared }
    }

    /// The address with this path, which begins with a slash.
    pub(crate) fn url(&self, path: &str) -> String {
        self.server.url(path)
    }

    /// The answers to the next requests, in order, after those that were ordered before.
    pub(crate) fn answer_next(&self, answers: impl IntoIterator<Item = Answer>) {
        self.shared.lock().next.extend(answers);
    }

    /// The answer to every request for which none was ordered by [`WebhookReceiver::answer_next`].
    pub(crate) fn answer_always(&self, answer: Answer) {
        self.shared.lock().otherwise = answer;
    }

    /// The requests so far, in the order in which they were read to their end.
    pub(crate) fn received(&self) -> Vec<Received> {
        self.shared.lock().received.clone()
    }

    /// Waits until at least `n` requests have come, and returns all that have.
    #[track_caller]
    pub(crate) fn wait_for(&self, n: usize, deadline: Duration) -> Vec<Received> {
        let end = Instant::now() + deadline;
        let mut state = self.shared.lock();
        while state.received.len() < n {
            let left = end.saturating_duration_since(Instant::now());
            assert!(
                !left.is_zero(),
                "waited {deadline:?} in vain: {n} webhooks, and only {} came: {:#?}",
                state.received.len(),
                state.received
            );
            state = self
                .shared
                .changed
                .wait_timeout(state, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
        state.received.clone()
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }
}

/// Serves one connection: one request after the other, as long as the other side wants.
fn serve(stream: &TcpStream, shared: &Shared) -> io::Result<()> {
    let mut reader = BufReader::new(stream);
    while let Some((line, headers)) = read_head(&mut reader)? {
        let mut words = line.split(' ');
        let method = words.next().unwrap_or_default().to_owned();
        let path = words.next().unwrap_or_default().to_owned();
        let body = read_body(&mut reader, &headers)?.unwrap_or_default();
        let answer = {
            let mut state = shared.lock();
            state.received.push(Received { method, path, headers, body, at: Instant::now() });
            let otherwise = state.otherwise.clone();
            let answer = state.next.pop_front().unwrap_or(otherwise);
            shared.changed.notify_all();
            answer
        };
        let (status, headers) = match answer {
            Answer::Status(status) => (status, Vec::new()),
            Answer::With(status, headers) => (status, headers),
            Answer::HangUp => return stream.shutdown(Shutdown::Both),
            // The stream itself is kept open by the server.
            Answer::Silence => return Ok(()),
        };
        let mut head = format!("HTTP/1.1 {status} as ordered\r\nContent-Length: 0\r\n");
        for (name, value) in headers {
            head.extend([name, ": ", &value, "\r\n"]);
        }
        head.push_str("\r\n");
        (&mut &*stream).write_all(head.as_bytes())?;
    }
    Ok(())
}

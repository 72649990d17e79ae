//! Server-sent events: the lines in short whenever the view changes, and every notification, numbered, from where a reader ended.
//!
//! A stream holds nothing but a piece of the log: whoever reads slowly reads it later, and is told what is not kept any more.

use super::api::Lines;
use super::data::{not_found, read};
use super::problem::Problem;
use super::query::{Asked, CURSOR, LIMIT, cursor};
use super::router::Shared;
use super::{EventLog, guard};
use crate::alarm::EventKind;
use crate::engine::View;
use crate::store::{NotificationFilter, NotificationPiece, StoredNotification};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use serde::Serialize;
use serde_json::value::RawValue;
use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio::time::{Sleep, sleep};

/// No client gets the lines faster than this.
const PACE: Duration = Duration::from_millis(250);
/// After this silence the stream says that it is alive, so that the page notices a dead link.
const ALIVE: Duration = Duration::from_secs(5);
/// Notifications that a stream holds at a time.
const PIECE: usize = 64;
/// Notifications of the log that are given when the request names no `limit`.
const GIVEN: usize = 100;
/// The greatest `limit`.
const LIMIT_MAX: usize = 1000;
/// The name of the log in its cursors.
const LIST: &str = "events";
/// The type of the snapshots of lines, among those of notifications.
const LINES: &str = "lines";
/// The header by which a browser says what it had last.
const LAST_EVENT_ID: &str = "last-event-id";

/// What a reader wants to hear of.
#[derive(Debug, Clone)]
struct Wanted {
    /// The snapshots of lines.
    lines: bool,
    /// Notifications, these.
    notifications: Option<NotificationFilter>,
}

impl Wanted {
    /// By the parameters `types` and `line`; without them everything.
    fn of(asked: &Asked) -> Result<Self, Problem> {
        let filter = NotificationFilter { kinds: Vec::new(), line: asked.owned("line") };
        let Some(types) = asked.text("types") else {
            return Ok(Self { lines: true, notifications: Some(filter) });
        };
        let (mut lines, mut kinds) = (false, Vec::new());
        for word in types.split(',').map(str::trim) {
            let named = EventKind::ALL.iter().map(|kind| kind.as_str()).filter(|kind| {
                *kind == word || kind.split_once('.').is_some_and(|(of, _)| of == word)
            });
            let before = kinds.len();
            kinds.extend(named.map(str::to_owned));
            if word == LINES {
                lines = true;
            } else if kinds.len() == before {
                let all: Vec<&str> = EventKind::ALL.iter().map(|kind| kind.as_str()).collect();
                let text = format!(
                    "`types` has `{word}`; write `{LINES}`, types of events or what stands before the dot of them, with commas \
                     between: {}",
                    all.join(", ")
                );
                return Err(Problem::parameter("types", text));
            }
        }
        let wanted = (!kinds.is_empty()).then_some(NotificationFilter { kinds, ..filter });
        Ok(Self { lines, notifications: wanted })
    }
}

/// What is not kept any more of what a reader did not have yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
struct Gap {
    from: u64,
    to: u64,
    reason: &'static str,
}

impl Gap {
    /// Between what a reader had and a piece of the log.
    fn before(position: u64, piece: &NotificationPiece) -> Option<Self> {
        let NotificationPiece { first, last, .. } = *piece;
        if position > last {
            // The store is another one, or an older copy of it.
            let reason =
                "these numbers were never given by this store: they begin anew behind its last";
            return Some(Self { from: last + 1, to: position, reason });
        }
        let reason = "these are not kept any more";
        (position + 1 < first).then(|| Self { from: position + 1, to: first - 1, reason })
    }
}

/// What waits in a stream.
#[derive(Debug)]
enum Item {
    Gap(Gap, u64),
    Notification(StoredNotification),
}

/// Where a stream of notifications is in the log.
#[derive(Debug)]
struct Place {
    log: Arc<dyn EventLog>,
    newest: watch::Receiver<u64>,
    filter: NotificationFilter,
    /// All up to it was sent, or was not wanted.
    position: u64,
    /// So far `ready` reaches.
    through: u64,
    ready: VecDeque<Item>,
    /// The log has to be looked at, however old its newest is: what a reader had may be unknown to it.
    look: bool,
}

impl Place {
    /// What comes next, if anything waits.
    fn pop(&mut self) -> Option<Event> {
        let event = match self.ready.pop_front()? {
            Item::Gap(gap, position) => {
                self.position = position;
                let event = Event::default().event("gap").id(position.to_string());
                event.json_data(gap).expect("the document has only text keys")
            }
            Item::Notification(StoredNotification { id, kind, body }) => {
                self.position = id;
                // One line, as JSON without spaces is.
                let body = String::from_utf8_lossy(&body).into_owned();
                Event::default().event(kind).id(id.to_string()).data(body)
            }
        };
        if self.ready.is_empty() {
            self.position = self.through;
        }
        Some(event)
    }

    /// True if the log has more.
    fn is_behind(&mut self) -> bool {
        *self.newest.borrow_and_update() > self.position || self.look
    }

    fn take(&mut self, piece: NotificationPiece) {
        self.look = false;
        if let Some(gap) = Gap::before(self.position, &piece) {
            let position = if self.position > piece.last { piece.last } else { piece.first - 1 };
            self.ready.push_back(Item::Gap(gap, position));
        }
        self.through = piece.through;
        self.ready.extend(piece.notifications.into_iter().map(Item::Notification));
        if self.ready.is_empty() {
            self.position = self.through;
        }
    }
}

struct Feed {
    view: watch::Receiver<Arc<View>>,
    shared: Shared,
    place: Option<Place>,
    lines: bool,
    line: Option<String>,
    first: bool,
    /// Until then no lines are sent.
    pace: Pin<Box<Sleep>>,
    /// Until then nothing need be sent.
    quiet: Pin<Box<Sleep>>,
    _place: OwnedSemaphorePermit,
}

/// `GET /api/v1/events`: `lines` events (the document of `/api/v1/lines`), the first at once, at most four a second; each
/// notification as an event of its type, with its number; `alive` events in between. It ends when the daemon does.
pub(super) async fn events(
    State(shared): State<Shared>,
    asked: Asked,
    headers: HeaderMap,
) -> Result<Response, Response> {
    let asked = asked.only(&["types", "line", "after"])?;
    let wanted = Wanted::of(&asked)?;
    let line = asked.owned("line");
    // Who comes again says so in the header, whatever its address said at first.
    let had = match headers.get(LAST_EVENT_ID).map(|had| had.to_str().unwrap_or("?").trim()) {
        Some(had) if !had.is_empty() => Some(had.parse().map_err(|_| {
            let text =
                format!("`Last-Event-ID` is `{had}`; it is the `id` of an event of this stream");
            Problem::parameter("Last-Event-ID", text)
        })?),
        _ => asked.parsed("after", "the number of an event")?,
    };
    let Ok(place) = Arc::clone(&shared.streams).try_acquire_owned() else {
        let text = format!("{} event streams are open, no more are given", super::STREAMS_MAX);
        let retry = [(header::RETRY_AFTER, "10")];
        return Err((retry, guard::error(StatusCode::SERVICE_UNAVAILABLE, text)).into_response());
    };
    let notified = wanted.notifications.zip(shared.api.events.clone()).map(|(filter, log)| {
        let mut newest = log.newest();
        let position = had.unwrap_or_else(|| *newest.borrow_and_update());
        let (ready, look) = (VecDeque::new(), had.is_some());
        Place { log, newest, filter, position, through: position, ready, look }
    });
    let view = shared.api.view.clone();
    let feed = Feed {
        view,
        shared,
        place: notified,
        lines: wanted.lines,
        line,
        first: true,
        pace: Box::pin(sleep(Duration::ZERO)),
        quiet: Box::pin(sleep(ALIVE)),
        _place: place,
    };
    Ok(Sse::new(stream::unfold(feed, next)).into_response())
}

async fn next(mut feed: Feed) -> Option<(Result<Event, Infallible>, Feed)> {
    let event = feed.next().await?;
    feed.quiet = Box::pin(sleep(ALIVE));
    Some((Ok(event), feed))
}

impl Feed {
    /// The next event; `None` ends the stream, and who reads it comes again.
    async fn next(&mut self) -> Option<Event> {
        if std::mem::take(&mut self.first) && self.lines {
            return Some(self.of_lines());
        }
        loop {
            if let Some(place) = &mut self.place {
                if let Some(event) = place.pop() {
                    return Some(event);
                }
                if place.is_behind() {
                    let (after, filter) = (place.position, place.filter.clone());
                    let log = Arc::clone(&place.log);
                    let piece =
                        read(&self.shared, &log, move |log| log.after(after, &filter, PIECE));
                    // All may be dropped: the read ends by itself, and is made again.
                    tokio::select! {
                        piece = piece => place.take(piece.ok()?),
                        () = self.quiet.as_mut() => {
                            return Some(self.placed(Event::default().event("alive")).data("{}"));
                        }
                        () = self.shared.cancel.cancelled() => return None,
                    }
                    continue;
                }
            }
            let Self { view, shared, place, lines, pace, quiet, .. } = &mut *self;
            let newest = async {
                match place {
                    Some(place) => place.newest.changed().await,
                    None => std::future::pending().await,
                }
            };
            let changed = async {
                pace.as_mut().await;
                view.changed().await
            };
            // All may be dropped: nothing is taken from a channel before it is ready.
            let lines = tokio::select! {
                newest = newest => {
                    newest.ok()?;
                    continue;
                }
                changed = changed, if *lines => {
                    changed.ok()?;
                    true
                }
                () = quiet.as_mut() => false,
                () = shared.cancel.cancelled() => return None,
            };
            return Some(if lines {
                self.of_lines()
            } else {
                self.placed(Event::default().event("alive")).data("{}")
            });
        }
    }

    /// An event that says how far a reader is, so that it goes on from there also if nothing that it wants came for long.
    fn placed(&self, event: Event) -> Event {
        match &self.place {
            Some(place) => event.id(place.position.to_string()),
            None => event,
        }
    }

    fn of_lines(&mut self) -> Event {
        self.pace = Box::pin(sleep(PACE));
        let view = Arc::clone(&self.view.borrow_and_update());
        let lines = Lines::new(&view, self.shared.now_ms()).only(self.line.as_deref());
        let event = self.placed(Event::default().event(LINES)).json_data(lines);
        event.expect("the document has only text keys")
    }
}

/// A notification of the log.
#[derive(Debug, Serialize)]
struct Logged {
    id: u64,
    event: Box<RawValue>,
}

/// A piece of the log.
#[derive(Debug, Serialize)]
struct Log {
    events: Vec<Logged>,
    first: u64,
    last: u64,
    gap: Option<Gap>,
    next: Option<String>,
}

/// `GET /api/v1/events/log`: the notifications that are kept, the oldest first.
pub(super) async fn log(State(shared): State<Shared>, asked: Asked) -> Result<Response, Response> {
    let asked = asked.only(&["types", "line", "after", LIMIT, CURSOR])?;
    let limit = asked.count(LIMIT, LIMIT_MAX, "are given at a time")?.unwrap_or(GIVEN);
    let after: Option<u64> = asked.numbered(LIST, "after")?;
    let filter = Wanted::of(&asked)?.notifications.ok_or_else(|| {
        let text = "snapshots of `lines` are in no log; name types of events, or none for all";
        Problem::parameter("types", text)
    })?;
    let Some(log) = &shared.api.events else {
        return Err(not_found("this onspec keeps no log of events".into()));
    };
    let begin = after.unwrap_or(0);
    let piece = read(&shared, log, move |log| log.after(begin, &filter, limit)).await?;
    let gap = after.and_then(|after| Gap::before(after, &piece));
    let NotificationPiece { first, last, through, notifications } = piece;
    let next = (through < last).then(|| cursor(LIST, &through));
    let events = notifications.into_iter().filter_map(|StoredNotification { id, body, .. }| {
        let event = RawValue::from_string(String::from_utf8(body).ok()?).ok()?;
        Some(Logged { id, event })
    });
    let document = Log { events: events.collect(), first, last, gap, next: next.clone() };
    Ok(asked.piece(&document, next.as_deref(), &["after"]))
}

#[cfg(test)]
mod tests;

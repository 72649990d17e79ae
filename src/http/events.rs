//! Server-sent events: the lines in short, whenever the view changes.

use super::api::Lines;
use super::guard;
use super::router::Shared;
use crate::engine::View;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, watch};

/// No client gets events faster than this.
const PACE: Duration = Duration::from_millis(250);
/// After this silence the stream says that it is alive, so that the page notices a dead link.
const ALIVE: Duration = Duration::from_secs(5);

struct Feed {
    view: watch::Receiver<Arc<View>>,
    shared: Shared,
    first: bool,
    _place: OwnedSemaphorePermit,
}

/// A stream of `lines` events (the document of `/api/v1/lines`), the first at once, at most four a
/// second, with `alive` events in between; it ends when the daemon does.
pub(super) async fn events(State(shared): State<Shared>) -> Response {
    let Ok(place) = Arc::clone(&shared.streams).try_acquire_owned() else {
        let text = format!("{} event streams are open, no more are given", super::STREAMS_MAX);
        let retry = [(header::RETRY_AFTER, "10")];
        return (retry, guard::error(StatusCode::SERVICE_UNAVAILABLE, text)).into_response();
    };
    let view = shared.api.view.clone();
    let feed = Feed { view, shared, first: true, _place: place };
    let alive = KeepAlive::new().interval(ALIVE).event(Event::default().event("alive").data("{}"));
    Sse::new(stream::unfold(feed, next)).keep_alive(alive).into_response()
}

async fn next(mut feed: Feed) -> Option<(Result<Event, Infallible>, Feed)> {
    if !feed.first {
        let changed = async {
            tokio::time::sleep(PACE).await;
            feed.view.changed().await
        };
        // Both may be dropped: nothing is taken from the channel before `changed` is ready.
        tokio::select! {
            changed = changed => changed.ok()?,
            () = feed.shared.cancel.cancelled() => return None,
        }
    }
    feed.first = false;
    let view = Arc::clone(&feed.view.borrow_and_update());
    let lines = Lines::new(&view, feed.shared.now_ms());
    let event = Event::default().event("lines").json_data(lines);
    Some((Ok(event.expect("the document has only text keys")), feed))
}

#[cfg(test)]
mod tests {
    use super::super::{fixture, router};
    use super::*;
    use axum::body::Body;
    use axum::http::Request;
    use tokio::time::Instant;
    use tower::ServiceExt;

    async fn open(app: &axum::Router) -> Response {
        let request = Request::get("/api/v1/events").body(Body::empty()).unwrap();
        app.clone().oneshot(request).await.unwrap()
    }

    async fn chunk(stream: &mut axum::body::BodyDataStream) -> String {
        use futures_util::StreamExt;
        String::from_utf8(stream.next().await.unwrap().unwrap().to_vec()).unwrap()
    }

    #[tokio::test(start_paused = true)]
    #[expect(clippy::disallowed_methods, reason = "the paused clock of the test")]
    async fn changes_come_at_most_four_a_second_and_the_newest_counts() {
        let fixture = fixture::state(fixture::on_spec());
        let app = router(fixture.api.clone());
        let mut stream = open(&app).await.into_body().into_data_stream();
        assert!(chunk(&mut stream).await.contains(r#""verdict":"on-spec""#));
        fixture.view.send_replace(Arc::new(fixture::empty()));
        fixture.view.send_replace(Arc::new(fixture::at_risk()));
        let before = Instant::now();
        let second = chunk(&mut stream).await;
        assert!(second.starts_with("event: lines\n") && second.contains(r#""verdict":"at-risk""#));
        assert!(before.elapsed() >= PACE);
    }

    #[tokio::test(start_paused = true)]
    async fn a_quiet_stream_says_that_it_is_alive() {
        let fixture = fixture::state(fixture::on_spec());
        let mut stream = open(&router(fixture.api.clone())).await.into_body().into_data_stream();
        chunk(&mut stream).await;
        assert_eq!(chunk(&mut stream).await, "event: alive\ndata: {}\n\n");
    }

    #[tokio::test(start_paused = true)]
    async fn streams_beyond_the_bound_are_told_to_come_back_and_places_return() {
        let fixture = fixture::state(fixture::empty());
        let app = router(fixture.api.clone());
        let mut held = Vec::new();
        for _ in 0..super::super::STREAMS_MAX {
            held.push(open(&app).await);
        }
        let refused = open(&app).await;
        assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(refused.headers()[header::RETRY_AFTER], "10");
        held.pop();
        assert_eq!(open(&app).await.status(), StatusCode::OK);
    }
}

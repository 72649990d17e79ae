//! The handlers that do something.

use super::guard;
use super::router::Shared;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use tokio::sync::oneshot;

/// `POST /api/v1/reload`.
#[derive(Debug, Serialize)]
struct Reloads {
    reload: &'static str,
}

/// Has the configuration read again, and says whether it takes effect.
pub(super) async fn reload(State(shared): State<Shared>) -> Response {
    let stops = || {
        let text = "onspec stops, or another configuration is just taking effect: ask again then";
        guard::error(StatusCode::SERVICE_UNAVAILABLE, text)
    };
    let Some(asks) = &shared.api.reload else {
        let text = "this onspec has no configuration that could be read again";
        return guard::error(StatusCode::CONFLICT, text);
    };
    let (answer, answered) = oneshot::channel();
    if asks.send(answer).await.is_err() {
        return stops();
    }
    match answered.await {
        Ok(Ok(())) => {
            (StatusCode::ACCEPTED, Json(Reloads { reload: "takes effect" })).into_response()
        }
        Ok(Err(problem)) => guard::error(StatusCode::UNPROCESSABLE_ENTITY, problem),
        Err(_) => stops(),
    }
}

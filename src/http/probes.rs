//! What machines ask: does the core move, can it take readings, how much has it done.

use super::HEARTBEAT_MAX;
use super::api::Component;
use super::router::Shared;
use crate::telemetry::{ComponentHealth, Metrics, State as PartState};
use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use std::time::Duration;

#[derive(Debug, Serialize)]
struct Healthz {
    status: &'static str,
    heartbeat_age_ms: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

#[derive(Debug, Serialize)]
struct Readyz {
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    components: Vec<Component>,
}

/// 200 while the core moves, 503 once it has not for [`HEARTBEAT_MAX`].
pub(super) async fn healthz(State(shared): State<Shared>) -> Response {
    let age = shared.api.progress.heartbeat_age();
    let error = stuck(age);
    let (code, status) = outcome(error.is_none(), "ok", "stuck");
    let heartbeat_age_ms = u64::try_from(age.as_millis()).unwrap_or(u64::MAX);
    (code, Json(Healthz { status, heartbeat_age_ms, error })).into_response()
}

/// Why the core counts as stuck, if it does.
pub(super) fn stuck(heartbeat_age: Duration) -> Option<String> {
    (heartbeat_age >= HEARTBEAT_MAX).then(|| {
        format!(
            "the core has not moved for {} s; {} s are allowed",
            heartbeat_age.as_secs(),
            HEARTBEAT_MAX.as_secs()
        )
    })
}

/// 200 while every broker link and the store are well. What only sends on (InfluxDB, webhooks) may
/// be degraded: readings are still safe then.
pub(super) async fn readyz(State(shared): State<Shared>) -> Response {
    let parts = shared.api.health.snapshot();
    let error = unready(&parts);
    let (code, status) = outcome(error.is_none(), "ready", "not ready");
    let components = parts.iter().map(Component::from).collect();
    (code, Json(Readyz { status, error, components })).into_response()
}

fn unready(parts: &[ComponentHealth]) -> Option<String> {
    let mut needed = parts.iter().filter(|part| is_needed(&part.component)).peekable();
    if needed.peek().is_none() {
        return Some("neither a broker link nor the store has said anything yet".to_owned());
    }
    let bad: Vec<String> = needed
        .filter(|part| part.state != PartState::Ok)
        .map(|part| {
            let reason = if part.reason.is_empty() { "" } else { ": " };
            format!("`{}` is {}{reason}{}", part.component, part.state.as_str(), part.reason)
        })
        .collect();
    (!bad.is_empty()).then(|| bad.join("; "))
}

fn is_needed(component: &str) -> bool {
    matches!(component.split('/').next(), Some("mqtt" | "store"))
}

fn outcome(well: bool, yes: &'static str, no: &'static str) -> (StatusCode, &'static str) {
    if well { (StatusCode::OK, yes) } else { (StatusCode::SERVICE_UNAVAILABLE, no) }
}

/// OpenMetrics.
pub(super) async fn metrics(State(shared): State<Shared>) -> Response {
    ([(header::CONTENT_TYPE, Metrics::CONTENT_TYPE)], shared.api.metrics.render()).into_response()
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{self, Answer};
    use super::*;

    fn check(parts: &[(&str, PartState)], code: u16, words: &str) {
        let fixture = fixture::state(fixture::empty());
        for (component, state) in parts {
            fixture.api.health.set(component, *state, "", 0);
        }
        let answer = fixture::get(&fixture, "/readyz");
        assert_eq!((answer.status, answer.error().as_str()), (code, words), "{parts:?}");
    }

    #[test]
    fn broker_and_store_make_ready_and_what_sends_on_does_not() {
        use PartState::{Degraded, Failed, Ok, Starting};
        check(&[], 503, "neither a broker link nor the store has said anything yet");
        check(&[("mqtt/plant", Ok), ("store", Ok)], 200, "");
        check(&[("mqtt/plant", Ok), ("store", Ok), ("influxdb", Failed)], 200, "");
        check(&[("mqtt/plant", Ok), ("webhook/shift", Degraded)], 200, "");
        check(&[("mqtt/plant", Starting), ("store", Ok)], 503, "`mqtt/plant` is starting");
        check(
            &[("mqtt/a", Degraded), ("mqtt/b", Ok), ("store", Failed)],
            503,
            "`mqtt/a` is degraded; `store` is failed",
        );
        check(&[("mqttish", Failed), ("store", Ok)], 200, "");
    }

    #[test]
    fn readiness_names_the_parts_and_their_reasons() {
        let fixture = fixture::state(fixture::empty());
        fixture.api.health.set("mqtt/plant", PartState::Degraded, "connection refused", 2_000_000);
        insta::assert_snapshot!(fixture::get(&fixture, "/readyz").text, @r#"{"status":"not ready","error":"`mqtt/plant` is degraded: connection refused","components":[{"component":"mqtt/plant","state":"degraded","reason":"connection refused","since":2}]}"#);
    }

    #[test]
    fn a_core_that_does_not_move_is_unhealthy() {
        let at = |seconds| -> Answer {
            let fixture = fixture::state(fixture::empty());
            fixture.heartbeat.set(Duration::from_secs(seconds));
            fixture::get(&fixture, "/healthz")
        };
        assert_eq!(at(29).status, 200);
        assert_eq!(at(29).text, r#"{"status":"ok","heartbeat_age_ms":29000}"#);
        assert_eq!(at(30).status, 503);
        assert_eq!(at(30).error(), "the core has not moved for 30 s; 30 s are allowed");
    }

    #[test]
    fn metrics_are_openmetrics() {
        let fixture = fixture::state(fixture::empty());
        fixture.api.metrics.add("onspec_commits", &[], 3);
        let answer = fixture::get(&fixture, "/metrics");
        assert_eq!(answer.header("content-type"), Metrics::CONTENT_TYPE);
        assert!(answer.text.contains("\nonspec_commits_total 3.0\n"));
        assert!(answer.text.ends_with("# EOF\n"));
    }
}

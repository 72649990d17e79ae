//! Which path leads where, and what every request passes on its way.

use super::{ApiState, BODY_MAX_BYTES, READS_MAX, REQUEST_TIMEOUT, STREAMS_MAX};
use super::{
    Fitting, acknowledge, actions, alarms, audit, backtest, batches, course, data, etag, events,
    feedback, guard, models, moment, page, probes, problem, report, tags, uniformity, webhooks,
};
use crate::engine::View;
use crate::words::{Language, Locale};
use axum::Router;
use axum::http::{Method, StatusCode, Uri};
use axum::response::Response;
use axum::routing::{MethodRouter, get, post};
use std::ops::Deref;
use std::sync::Arc;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tower_http::limit::RequestBodyLimitLayer;
use tower_http::timeout::TimeoutLayer;

/// What the handlers share: the state and the bounds.
#[derive(Debug, Clone)]
pub(super) struct Shared(Arc<Inner>);

#[derive(Debug)]
pub(super) struct Inner {
    pub(super) api: ApiState,
    /// Places for store reads.
    pub(super) reads: Arc<Semaphore>,
    /// Places for event streams.
    pub(super) streams: Arc<Semaphore>,
    /// Ends the event streams.
    pub(super) cancel: CancellationToken,
}

impl Shared {
    /// The same for who reads this language, if one is asked for.
    pub(super) fn speaking(self, language: Option<Language>) -> Self {
        match language.filter(|language| *language != self.api.locale.language) {
            None => self,
            Some(language) => {
                let Inner { api, reads, streams, cancel } = &*self.0;
                let locale = Locale { language, ..api.locale.clone() };
                Self(Arc::new(Inner {
                    api: ApiState { locale, ..api.clone() },
                    reads: Arc::clone(reads),
                    streams: Arc::clone(streams),
                    cancel: cancel.clone(),
                }))
            }
        }
    }
}

impl Deref for Shared {
    type Target = Inner;
    fn deref(&self) -> &Inner {
        &self.0
    }
}

impl Inner {
    /// The newest view.
    pub(super) fn view(&self) -> Arc<View> {
        Arc::clone(&self.api.view.borrow())
    }

    /// The fit that runs.
    pub(super) fn fitting(&self) -> Option<Fitting> {
        self.api.fits.as_ref().and_then(|fits| fits.running())
    }

    /// The time, ms since 1970.
    pub(super) fn now_ms(&self) -> i64 {
        self.api.clock.now_nanos().div_euclid(1_000_000)
    }
}

type Route = (&'static str, fn() -> MethodRouter<Shared>);

/// The paths of the API that read: with [`ACTIONS`], exactly those of `openapi.json`.
pub(super) const API: &[Route] = &[
    ("/healthz", || get(probes::healthz)),
    ("/readyz", || get(probes::readyz)),
    ("/metrics", || get(probes::metrics)),
    ("/api/v1/lines", || get(data::lines)),
    ("/api/v1/lines/{line}", || get(data::line)),
    ("/api/v1/lines/{line}/verdict", || get(data::verdict)),
    ("/api/v1/batches", || get(batches::batches)),
    ("/api/v1/batches/{line}/{batch}", || get(batches::batch)),
    ("/api/v1/batches/{line}/{batch}/sheet", || get(report::sheet)),
    ("/api/v1/scoreboard", || get(data::scoreboard)),
    ("/api/v1/audit", || get(audit::audit)),
    ("/api/v1/uniformity", || get(uniformity::uniformity)),
    ("/api/v1/genealogy/{name}", || get(data::genealogy)),
    ("/api/v1/tags", || get(tags::tags)),
    ("/api/v1/alarms", || get(data::alarms)),
    ("/api/v1/models", || get(models::models)),
    ("/api/v1/models/{line}/{grade}/{version}", || get(models::model)),
    ("/api/v1/models/{line}/{grade}/{version}/backtest", || get(backtest::backtest)),
    ("/api/v1/webhooks", || get(webhooks::receivers)),
    ("/api/v1/webhooks/{name}/parked", || get(webhooks::parked)),
    ("/api/v1/health", || get(data::health)),
    ("/api/v1/events", || get(events::events)),
    ("/api/v1/events/log", || get(events::log)),
    ("/api/openapi.json", || get(page::openapi)),
    ("/problems/{type}", || get(problem::explain)),
];

/// The paths of the API that do something.
pub(super) const ACTIONS: &[Route] = &[
    ("/api/v1/reload", || post(actions::reload)),
    ("/api/v1/models/{line}/{grade}/{version}/promote", || post(models::promote)),
    ("/api/v1/models/{line}/{grade}/rollback", || post(models::rollback)),
    ("/api/v1/models/{line}/{grade}/withdraw", || post(models::withdraw)),
    ("/api/v1/lines/{line}/events", || post(feedback::events)),
    ("/api/v1/alarms/{action}", || post(alarms::order)),
    ("/api/v1/webhooks/{name}/resend", || post(webhooks::resend)),
    ("/api/v1/webhooks/{name}/discard", || post(webhooks::discard)),
    ("/api/v1/batches/{line}/{batch}/lab", || post(feedback::lab)),
    ("/api/v1/batches/{line}/{batch}/disposition", || post(feedback::disposition)),
];

/// The paths of the page.
pub(super) const PAGE: &[Route] = &[
    ("/", || get(page::index)),
    ("/lines/{line}", || get(page::line)),
    ("/alarms", || get(page::alarms)),
    ("/batches", || get(page::batches)),
    ("/models", || get(page::models)),
    ("/sensors", || get(page::sensors)),
    ("/health", || get(page::health)),
    ("/lines/{line}/moment", || get(moment::page)),
    ("/backtest", || get(backtest::page)),
    ("/batches/{line}/{batch}", || get(course::page)),
    ("/batches/{line}/{batch}/report", || get(report::batch)),
    ("/report/weekly", || get(report::weekly)),
    ("/uniformity", || get(uniformity::page)),
    ("/assets/page.css", || get(page::css)),
    ("/assets/page.js", || get(page::js)),
    ("/assets/chart.js", || get(page::chart_js)),
    ("/assets/sift.js", || get(page::sift)),
    ("/assets/icon.svg", || get(page::icon)),
];

/// The paths of the page to which its forms are sent.
pub(super) const FORMS: &[Route] = &[("/alarms/{action}", || post(page::order))];

/// The paths of pages that may do something: for who has a link that allows it.
pub(super) const LINKS: &[Route] = &[("/acknowledge/{token}", || {
    get(acknowledge::show).post(acknowledge::order).fallback(only_both)
})];

async fn only_both(method: Method, uri: Uri) -> Response {
    guard::method_not_allowed(&method, &uri, "GET, HEAD and POST")
}

async fn only_reads(method: Method, uri: Uri) -> Response {
    guard::method_not_allowed(&method, &uri, "GET and HEAD")
}

async fn only_acts(method: Method, uri: Uri) -> Response {
    guard::method_not_allowed(&method, &uri, "POST")
}

/// The page and the API over a state.
pub fn router(state: ApiState) -> Router {
    with_shutdown(state, CancellationToken::new())
}

/// The same, with event streams that end at the cancellation.
pub(super) fn with_shutdown(api: ApiState, cancel: CancellationToken) -> Router {
    let shared = Shared(Arc::new(Inner {
        api,
        reads: Arc::new(Semaphore::new(READS_MAX)),
        streams: Arc::new(Semaphore::new(STREAMS_MAX)),
        cancel,
    }));
    let mut router = Router::new();
    for (path, method) in API.iter().chain(PAGE).chain(LINKS) {
        router = router.route(path, method());
    }
    for (path, method) in ACTIONS.iter().chain(FORMS) {
        router = router.route(path, method().fallback(only_acts));
    }
    // The last layer is the first that a request meets.
    router
        .fallback(guard::not_found)
        .method_not_allowed_fallback(only_reads)
        .layer(axum::middleware::from_fn(etag::validate))
        .layer(TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, REQUEST_TIMEOUT))
        .layer(RequestBodyLimitLayer::new(BODY_MAX_BYTES))
        .layer(axum::middleware::from_fn(guard::check_body))
        .layer(axum::middleware::from_fn_with_state(shared.clone(), guard::check_origin))
        .layer(axum::middleware::from_fn(guard::check_host))
        .layer(axum::middleware::from_fn(guard::seal))
        .layer(axum::middleware::from_fn_with_state(shared.clone(), page::failures))
        .with_state(shared)
}

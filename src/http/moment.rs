//! The page of a moment: why a line's verdict was what it was then, by judging again what its journal has.

use super::data::{not_found, read};
use super::page::{Visit, moment};
use super::router::Shared;
use super::{Bin, Explained, Moment, Moments, guard};
use crate::engine::LineView;
use crate::reading::Timestamp;
use crate::verdict::{Document, Reason};
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use std::sync::Arc;
use std::time::Duration;

/// Tags whose trend is drawn at most.
const TRENDS_MAX: usize = 8;
/// Of these, those with limits at most.
const LIMITS_MAX: usize = 4;
/// So long a browser waits before it is told to come again.
const PATIENCE: Duration = Duration::from_secs(6);
/// A batch is drawn whole up to this length, else so much of it around the moment.
const LONGEST: Duration = Duration::from_secs(24 * 3600);

/// How much is drawn around a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
pub(super) enum Span {
    /// Five minutes to either side.
    #[serde(rename = "5m")]
    Minutes,
    /// Half an hour to either side.
    #[default]
    #[serde(rename = "30m")]
    HalfHour,
    /// Two hours to either side.
    #[serde(rename = "2h")]
    Hours,
    /// The batch.
    #[serde(rename = "batch")]
    Batch,
}

impl Span {
    pub(super) const ALL: [Self; 4] = [Self::Minutes, Self::HalfHour, Self::Hours, Self::Batch];

    /// What the address says.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Minutes => "5m",
            Self::HalfHour => "30m",
            Self::Hours => "2h",
            Self::Batch => "batch",
        }
    }

    /// So much to either side; nothing where the batch says.
    fn around(self) -> Option<Duration> {
        let minutes = |n: u64| Some(Duration::from_secs(60 * n));
        match self {
            Self::Minutes => minutes(5),
            Self::HalfHour => minutes(30),
            Self::Hours => minutes(120),
            Self::Batch => None,
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    at: Option<String>,
    batch: Option<String>,
    #[serde(default)]
    span: Span,
}

/// An instant as an address says it: RFC 3339, or milliseconds since 1970.
fn instant(text: &str) -> Result<Timestamp, String> {
    let text = text.trim();
    let found = match text.parse::<i64>() {
        Ok(ms) => Timestamp::from_millis(ms).ok(),
        Err(_) => Timestamp::parse_rfc3339(text).ok(),
    };
    found.ok_or_else(|| {
        format!("`at` is `{text}`, which is no time; write one such as `2026-01-23T06:00:00Z`, or milliseconds since 1970")
    })
}

/// `GET /lines/{line}/moment`.
pub(super) async fn page(
    State(shared): State<Shared>,
    path: Result<Path<String>, PathRejection>,
    visit: Visit,
) -> Result<Response, Response> {
    let Path(name) = path.map_err(IntoResponse::into_response)?;
    let asked: Asked = visit.asked()?;
    let view = shared.view();
    let line = view.lines.iter().find(|line| *line.name == *name);
    let line = line.ok_or_else(|| not_found(format!("no line is called `{name}`")))?;
    let at = asked_instant(&shared, line, &asked).await?;
    let missing = || not_found("no journal is kept that an instant could be known from".into());
    let moments = shared.api.moments.as_ref().ok_or_else(missing)?;
    let asked_of = name.clone();
    let explained = read(&shared, moments, move |moments| moments.explain(&asked_of, at));
    // What is looked for is found all the same when nobody waits for it any more, and then waits itself.
    let Ok(explained) = tokio::time::timeout(PATIENCE, explained).await else {
        return Ok(moment::sought(&shared, &visit, &name, at));
    };
    let known = match explained? {
        Explained::Told(known) => Ok(known),
        Explained::Unknown(why) => Err(why),
        Explained::Sought => return Ok(moment::sought(&shared, &visit, &name, at)),
        Explained::Busy => {
            let text = "another instant is looked for: ask again when it is found";
            return Err(guard::error(StatusCode::SERVICE_UNAVAILABLE, text));
        }
    };
    let batch =
        known.as_ref().ok().and_then(|known| known.explanation.verdict.as_ref()?.batch.clone());
    let between = between(&shared, line, (at, asked.span), batch).await?;
    let tags = match &known {
        Ok(known) => tags_of(known),
        Err(_) => line.tags.iter().take(LIMITS_MAX).map(|tag| Arc::clone(&tag.id)).collect(),
    };
    let trends = trends(&shared, moments, (name, between), tags).await?;
    let shown = moment::Shown {
        line,
        at,
        known: known.as_deref().map_err(String::as_str),
        span: asked.span,
        between,
        trends: &trends,
    };
    Ok(moment::page(&shared, &visit, &shown))
}

/// The instant that is asked for: itself, the begin of a batch, or that of the newest verdict.
async fn asked_instant(
    shared: &Shared,
    line: &LineView,
    asked: &Asked,
) -> Result<Timestamp, Response> {
    if let Some(at) = asked.at.as_deref().filter(|at| !at.trim().is_empty()) {
        return instant(at).map_err(|text| guard::error(StatusCode::BAD_REQUEST, text));
    }
    if let Some(batch) = asked.batch.as_deref().filter(|batch| !batch.is_empty()) {
        let missing = || not_found(format!("line `{}` has no batch `{batch}`", line.name));
        let (started, _) = times(shared, line, batch).await?.ok_or_else(missing)?;
        // The frame that ends at the begin is of the batch before it.
        return Ok(started.plus(Duration::from_millis(1)));
    }
    let newest = line.verdict.as_ref().map(Document::at);
    newest.ok_or_else(|| {
        let text = "say of which instant with `at`, or of which batch with `batch`: nothing was said of the line yet";
        guard::error(StatusCode::BAD_REQUEST, text)
    })
}

/// The begin and the end of a batch, by the view or the store; the end of one in progress is the line's clock.
async fn times(
    shared: &Shared,
    line: &LineView,
    batch: &str,
) -> Result<Option<(Timestamp, Timestamp)>, Response> {
    let clock = line.clock.and_then(|clock| Timestamp::from_millis(clock).ok());
    let shown = line.batch.iter().chain(&line.last_batches).find(|of| *of.batch == *batch);
    let found = match (shown, &shared.api.history) {
        (Some(found), _) => Some(found.clone()),
        (None, Some(history)) => {
            let (name, id) = (Arc::clone(&line.name), batch.to_owned());
            read(shared, history, move |history| history.batch(&name, &id)).await?
        }
        (None, None) => None,
    };
    Ok(found.map(|found| {
        let end = found.ended.or(clock).unwrap_or(found.started);
        (found.started, end.max(found.started))
    }))
}

/// What is drawn: so much around the instant, or its batch.
async fn between(
    shared: &Shared,
    line: &LineView,
    (at, span): (Timestamp, Span),
    batch: Option<Arc<str>>,
) -> Result<(Timestamp, Timestamp), Response> {
    let around = |each: Duration| (at.minus(each), at.plus(each));
    if let Some(each) = span.around() {
        return Ok(around(each));
    }
    let of_batch = match batch {
        Some(batch) => times(shared, line, &batch).await?,
        None => None,
    };
    let (from, to) = of_batch.unwrap_or_else(|| around(Duration::from_secs(1800)));
    let (earliest, latest) = around(LONGEST / 2);
    Ok((from.max(earliest), to.min(latest)))
}

/// The tags that tell of a moment: those that contribute most, those that are furthest off, those with limits.
fn tags_of(known: &Moment) -> Vec<Arc<str>> {
    let explanation = &known.explanation;
    let reasons = explanation.verdict.iter().flat_map(|document| &document.reasons);
    let contributing = reasons.flat_map(|reason| match reason {
        Reason::Process { tags, .. } => tags.iter().map(|(tag, _)| tag).collect(),
        Reason::Spec { tag, .. } => vec![tag],
        _ => Vec::new(),
    });
    let furthest = explanation.tags.iter().map(|mover| &mover.tag);
    let limits = explanation.quality.iter().map(|of| &of.tag).take(LIMITS_MAX);
    let limits: Vec<&Arc<str>> = limits.collect();
    let mut tags: Vec<Arc<str>> = Vec::new();
    let room = TRENDS_MAX - limits.len();
    for tag in contributing.chain(furthest) {
        if tags.len() < room && !tags.contains(tag) {
            tags.push(Arc::clone(tag));
        }
    }
    for tag in limits {
        if !tags.contains(tag) {
            tags.push(Arc::clone(tag));
        }
    }
    tags
}

async fn trends(
    shared: &Shared,
    moments: &Arc<dyn Moments>,
    (line, between): (String, (Timestamp, Timestamp)),
    tags: Vec<Arc<str>>,
) -> Result<Vec<super::Trend>, Response> {
    let found = read(shared, moments, move |moments| moments.trends(&line, between, &tags));
    let mut found = found.await?;
    found.retain(|trend| !trend.bins.is_empty());
    Ok(found)
}

/// The begins and ends of bins, each once, in order.
pub(super) fn cells(trends: &[super::Trend]) -> Vec<(Timestamp, Timestamp)> {
    let of_bin = |bin: &Bin| (bin.from, bin.to);
    let mut cells: Vec<_> = trends.iter().flat_map(|trend| trend.bins.iter().map(of_bin)).collect();
    cells.sort_unstable();
    cells.dedup();
    cells
}

//! The documents of the API. Apart from the core's types, so that those may change and these stay.
//!
//! Times are ms since 1970 and names are those of the contracts; what is not known is `null`. The
//! verdict on a line is the contract's own document, [`Document`].

#![expect(clippy::struct_field_names, reason = "the names of the fields are the contract's")]

mod chart;
mod prospects;
mod soft_sensors;

use crate::engine::{
    AlarmView, BatchRecord, ChallengerView, FaultRecord, Flagged, LineView, MaintenanceView,
    NodeView, ProfileView, PromotionView, Recovery, SourceView, StrayView, TagView, TrendPoint,
    View, WrongFlagsRecord,
};
use crate::profile::{LeftOut, Place};
use crate::reading::{Count, Series, Timestamp};
use crate::telemetry::ComponentHealth;
use crate::verdict::{Advice, Call, Document, Learning, SectionDocument};
use chart::Chart;
use prospects::Prospects;
use serde::Serialize;
use soft_sensors::SoftSensor;
use std::collections::BTreeMap;
use std::sync::Arc;

/// `/api/v1/lines`, and each event of `/api/v1/events`.
#[derive(Debug, Serialize)]
pub(super) struct Lines {
    site: Arc<str>,
    pub(super) now: i64,
    lines: Vec<Line>,
}

/// A line in short.
#[derive(Debug, Serialize)]
pub(super) struct Line {
    line: Arc<str>,
    clock: Option<i64>,
    blind: bool,
    verdict: Call,
    since: Option<i64>,
    batch: Option<Arc<str>>,
    grade: Option<Arc<str>>,
    probability_off_spec: Option<f64>,
    progress: Option<f64>,
    score: Option<f64>,
    learning: Option<Learning>,
    #[serde(skip_serializing_if = "Option::is_none")]
    maintenance: Option<MaintenanceView>,
}

/// A fit that runs.
#[derive(Debug, Serialize)]
pub(super) struct Fitting {
    line: Arc<str>,
    grade: Arc<str>,
    batches: usize,
    since: i64,
    stage: &'static str,
    done: Option<f64>,
    text: String,
}

/// `/api/v1/lines/{line}`.
#[derive(Debug, Serialize)]
pub(super) struct LineDetail {
    #[serde(flatten)]
    line: Line,
    learning_text: Option<String>,
    fitting: Option<Fitting>,
    model: Option<String>,
    wrong_flags: Option<WrongFlags>,
    challengers: Vec<Challenger>,
    promotions: Vec<Waiting>,
    in_progress: Option<Batch>,
    stretches: Vec<SectionDocument>,
    trend: Vec<Point>,
    last_batches: Vec<Batch>,
    tags: Vec<Tag>,
    profiles: Vec<Profile>,
    charts: Vec<Chart>,
    property_charts: Vec<Chart>,
    soft_sensors: Vec<SoftSensor>,
    prospects: Prospects,
}

/// How often good batches of the grade in progress were flagged, beside what is promised.
#[derive(Debug, Serialize)]
struct WrongFlags {
    promised: f64,
    good: u32,
    wrong: u32,
    acted: u32,
    rate: f64,
    rate_low: f64,
    rate_high: f64,
    rate_at_most: f64,
    limit_scale: f64,
}

/// A model that waits for a person to promote it, beside the one that judges.
#[derive(Debug, Serialize)]
pub(super) struct Challenger {
    grade: Arc<str>,
    version: u32,
    against: u32,
    batches: u32,
    good: Both,
    bad: Both,
    open: u32,
    text: String,
}

/// A model that a person promoted, until the boundary from which on it judges.
#[derive(Debug, Serialize)]
pub(super) struct Waiting {
    line: Arc<str>,
    grade: Arc<str>,
    version: u32,
    of: u32,
    reason: String,
    by: Option<Arc<str>>,
    asked: i64,
    judges: &'static str,
}

/// The batches of one kind that the model would have flagged, and that the one flagged that judges.
#[derive(Debug, Serialize)]
struct Both {
    of: u32,
    flagged: u32,
    flagged_by_present: u32,
}

/// A profile across the web as it is now; `known` is null before the first scan that counts.
#[derive(Debug, Serialize)]
struct Profile {
    profile: Arc<str>,
    unit: Arc<str>,
    variance: &'static str,
    positions: &'static str,
    scans: u64,
    left_out: Option<LeftOut>,
    streaks_since: Option<i64>,
    known: Option<Known>,
}

/// What is known of a profile at the end of a scan.
#[derive(Debug, Serialize)]
struct Known {
    at: i64,
    mean: f64,
    two_sigma_md: Option<f64>,
    two_sigma_cd: Option<f64>,
    two_sigma_residual: Option<f64>,
    worst_position: f64,
    worst_value: f64,
    edge_first: f64,
    edge_last: f64,
    tilt: f64,
    edge_difference: f64,
    valid: f64,
    scans: usize,
    streaks: Vec<Place>,
    zones: Vec<Zone>,
}

/// A zone across the web in the newest scan that counts; `value` is null where nothing of it is valid.
#[derive(Debug, Serialize)]
struct Zone {
    from: f64,
    to: f64,
    value: Option<f32>,
}

/// A batch.
#[derive(Debug, Serialize)]
pub(super) struct Batch {
    line: Arc<str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    station: Option<Arc<str>>,
    batch: Arc<str>,
    grade: Option<Arc<str>>,
    verdict: &'static str,
    disposition: Option<&'static str>,
    revision: u32,
    started: i64,
    ended: Option<i64>,
    length_m: Option<f64>,
    mass_kg: Option<f64>,
    probability_off_spec: Option<f64>,
    advice: Option<&'static str>,
    off_spec_share: Option<f64>,
    first_flag: Option<i64>,
    first_flag_lead_s: Option<f64>,
    lab: BTreeMap<Arc<str>, f64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    phases: Vec<Phase>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    maintenance: bool,
}

/// A phase of a batch.
#[derive(Debug, Serialize)]
struct Phase {
    phase: Arc<str>,
    from: i64,
}

/// `/api/v1/batches`.
#[derive(Debug, Serialize)]
pub(super) struct Batches {
    batches: Vec<Batch>,
    next: Option<String>,
}

/// A point of the trend; a statistic over its limit is above it when the ratio is above 1.
#[derive(Debug, Serialize)]
struct Point {
    at: i64,
    score: Option<f64>,
    t2: Option<f64>,
    t2_limit: Option<f64>,
    spe: Option<f64>,
    spe_limit: Option<f64>,
}

/// A tag as it is now.
#[derive(Debug, Serialize)]
pub(super) struct Tag {
    line: Arc<str>,
    tag: Arc<str>,
    unit: Arc<str>,
    value: Option<f64>,
    at: Option<i64>,
    health: Arc<str>,
    time: &'static str,
    delay_ms: Option<i64>,
}

/// `/api/v1/tags`.
#[derive(Debug, Default, Serialize)]
pub(super) struct Tags {
    pub(super) tags: Vec<Tag>,
    pub(super) undeclared: Vec<Stray>,
    pub(super) next: Option<String>,
}

/// `/api/v1/alarms`.
#[derive(Debug, Serialize)]
pub(super) struct Alarms {
    pub(super) now: i64,
    standing: usize,
    alarms: Vec<Alarm>,
    others: Vec<Alarm>,
    load: AlarmLoad,
}

/// An alarm that stands, waits for a word, or is hidden.
#[derive(Debug, Serialize)]
struct Alarm {
    alarm: Arc<str>,
    since: Option<i64>,
    severity: &'static str,
    priority: Option<&'static str>,
    title: Arc<str>,
    class: Option<&'static str>,
    isa_state: &'static str,
    occurrence: u32,
    shelved_until: Option<i64>,
    hidden_by: Option<Arc<str>>,
    hidden_note: Option<Arc<str>>,
    suppressed_by: Option<&'static str>,
    chatters: bool,
    unheard: u32,
}

/// How many alarms people were told, against the figures of ISA-18.2.
#[derive(Debug, Serialize)]
struct AlarmLoad {
    ten_minutes: usize,
    hour: usize,
    day: usize,
    peak: usize,
    flood_share: f64,
    flood_since: Option<i64>,
}

/// `/api/v1/health`.
#[derive(Debug, Serialize)]
pub(super) struct Health {
    pub(super) now: i64,
    pub(super) heartbeat_age_ms: u64,
    pub(super) components: Vec<Component>,
    readings: u64,
    duplicates: u64,
    undeclared: usize,
    faults: BTreeMap<&'static str, u64>,
    last_faults: Vec<Fault>,
    last_start: Option<Start>,
    sources: Vec<SourceView>,
    edge_nodes: Vec<NodeView>,
    edge_nodes_known: usize,
    edge_nodes_forgotten: u64,
}

/// What the last start found.
#[derive(Debug, Serialize)]
struct Start {
    down_since: i64,
    started: i64,
    caught_up: Option<i64>,
    down_ms: u64,
    batches_judged_late: u64,
    messages_known_lost: u64,
    possible_gaps: u64,
    gaps: Vec<Arc<str>>,
    summary: String,
}

/// A part of the daemon.
#[derive(Debug, Serialize)]
pub(super) struct Component {
    component: String,
    state: &'static str,
    reason: String,
    since: i64,
}

#[derive(Debug, Serialize)]
struct Fault {
    received: i64,
    topic: Arc<str>,
    reason: &'static str,
    detail: String,
}

impl Lines {
    pub(super) fn new(view: &View, now: i64) -> Self {
        Self {
            site: Arc::clone(&view.site),
            now,
            lines: view.lines.iter().map(Line::from).collect(),
        }
    }
}

impl From<&LineView> for Line {
    fn from(line: &LineView) -> Self {
        let document = line.verdict.as_ref();
        Self {
            line: Arc::clone(&line.name),
            clock: line.clock,
            blind: line.blind,
            verdict: call(line),
            since: document.map(|document| document.since),
            batch: document.and_then(|document| document.batch.clone()),
            grade: document.and_then(|document| document.grade.clone()),
            probability_off_spec: document.and_then(|document| document.probability_off_spec),
            progress: document.and_then(|document| document.progress),
            score: line.trend.last().and_then(|point| point.score),
            learning: document.and_then(|document| document.learning),
            maintenance: line.maintenance.clone(),
        }
    }
}

/// What may be relied on now: the verdict, and `unknown` before the first one or while the line is
/// blind, when the old one still stands but nobody knows whether it holds.
pub(super) fn call(line: &LineView) -> Call {
    match &line.verdict {
        Some(document) if !line.blind => document.verdict,
        _ => Call::Unknown,
    }
}

/// The verdict document as it holds at the line's clock: an unchanged verdict is said again with a
/// new `ts`, as on MQTT. While the line is blind it stays as it was, and expires.
pub(super) fn document(line: &LineView) -> Option<Document> {
    let mut document = line.verdict.clone()?;
    if let Some(clock) = line.clock.filter(|clock| !line.blind && *clock > document.ts) {
        document.ts = clock;
        document.valid_until = clock.saturating_add(Document::VALID_MS);
    }
    Some(document)
}

impl Lines {
    /// Only a line, if one is named.
    pub(super) fn only(mut self, line: Option<&str>) -> Self {
        self.lines.retain(|one| line.is_none_or(|line| *one.line == *line));
        self
    }
}

impl From<&super::Fitting> for Fitting {
    fn from(fitting: &super::Fitting) -> Self {
        let super::Fitting { line, grade, batches, since, stage, done } = fitting;
        let batches_told = Count(*batches, "batch");
        let done_told = done.map(|done| format!(", {:.0} %", done * 100.0)).unwrap_or_default();
        Self {
            line: Arc::clone(line),
            grade: Arc::clone(grade),
            batches: *batches,
            since: since.as_millis(),
            stage,
            done: *done,
            text: format!(
                "model being fitted from {batches_told} since {since}: {stage}{done_told}"
            ),
        }
    }
}

impl LineDetail {
    /// The line, with the fit that runs, if it is for it.
    pub(super) fn new(line: &LineView, fitting: Option<&super::Fitting>) -> Self {
        let learning = line.verdict.as_ref().and_then(|document| document.learning);
        let (charts, property_charts): (Vec<_>, Vec<_>) =
            line.charts.iter().partition(|chart| chart.of.tag().is_some());
        Self {
            line: Line::from(line),
            learning_text: learning.map(Learning::sentence),
            fitting: fitting.filter(|fitting| fitting.line == line.name).map(Fitting::from),
            model: line.model.clone(),
            wrong_flags: line.wrong_flags.as_ref().map(WrongFlags::from),
            challengers: line.challengers.iter().map(Challenger::from).collect(),
            promotions: Waiting::of(line).collect(),
            in_progress: line.batch.as_ref().map(Batch::from),
            trend: line.trend.iter().map(Point::from).collect(),
            stretches: line.stretches.clone(),
            last_batches: line.last_batches.iter().map(Batch::from).collect(),
            tags: tags(line).collect(),
            profiles: line.profiles.iter().map(Profile::from).collect(),
            charts: charts.into_iter().map(Chart::from).collect(),
            property_charts: property_charts.into_iter().map(Chart::from).collect(),
            soft_sensors: line.soft_sensors.iter().map(SoftSensor::from).collect(),
            prospects: Prospects::from(&line.prospects),
        }
    }
}

impl From<&WrongFlagsRecord> for WrongFlags {
    fn from(record: &WrongFlagsRecord) -> Self {
        let realized = &record.realized;
        Self {
            promised: record.promised,
            good: realized.good,
            wrong: realized.wrong,
            acted: realized.acted,
            rate: realized.rate,
            rate_low: realized.range.0,
            rate_high: realized.range.1,
            rate_at_most: realized.at_most,
            limit_scale: record.limit_scale,
        }
    }
}

impl Waiting {
    /// Those of a line.
    pub(super) fn of(line: &LineView) -> impl Iterator<Item = Self> {
        line.promotions.iter().map(|promotion| Self::new(&line.name, promotion))
    }

    pub(super) fn new(line: &Arc<str>, promotion: &PromotionView) -> Self {
        let PromotionView { grade, version, of, reason, by, asked } = promotion;
        Self {
            line: Arc::clone(line),
            grade: Arc::clone(grade),
            version: *version,
            of: *of,
            reason: reason.clone(),
            by: by.clone(),
            asked: asked.as_millis(),
            judges: PromotionView::FROM,
        }
    }
}

impl From<&ChallengerView> for Challenger {
    fn from(challenger: &ChallengerView) -> Self {
        let ChallengerView { grade, version, against, beside } = challenger;
        let both = |flagged: &Flagged| Both {
            of: flagged.of,
            flagged: flagged.by_new(),
            flagged_by_present: flagged.by_present(),
        };
        Self {
            grade: Arc::clone(grade),
            version: *version,
            against: *against,
            batches: beside.batches(),
            good: both(&beside.good),
            bad: both(&beside.bad),
            open: beside.open,
            text: challenger.sentence(),
        }
    }
}

impl From<&ProfileView> for Profile {
    fn from(profile: &ProfileView) -> Self {
        let newest = profile.pictures.last().map(|picture| &*picture.zones).unwrap_or_default();
        let zone = |((from, to), value): (&(f64, f64), &f32)| Zone {
            from: *from,
            to: *to,
            value: value.is_finite().then_some(*value),
        };
        let known = profile.statistics.as_ref().map(|known| Known {
            at: known.at.as_millis(),
            mean: known.mean,
            two_sigma_md: known.two_sigma_md,
            two_sigma_cd: known.two_sigma_cd,
            two_sigma_residual: known.two_sigma_residual,
            worst_position: known.worst_position,
            worst_value: known.worst_value,
            edge_first: known.edge_first,
            edge_last: known.edge_last,
            tilt: known.tilt,
            edge_difference: known.edge_difference,
            valid: known.valid,
            scans: known.scans,
            streaks: known.streaks.clone(),
            zones: profile.zones.iter().zip(newest).map(zone).collect(),
        });
        Self {
            profile: Arc::clone(&profile.id),
            unit: Arc::clone(&profile.unit),
            variance: profile.variance,
            positions: if profile.in_mm { "mm" } else { "boxes" },
            scans: profile.scans,
            left_out: profile.left_out,
            streaks_since: profile.streaks_since,
            known,
        }
    }
}

impl From<&BatchRecord> for Batch {
    fn from(batch: &BatchRecord) -> Self {
        Self {
            line: Arc::clone(&batch.line),
            station: batch.station.clone(),
            batch: Arc::clone(&batch.batch),
            grade: batch.grade.clone(),
            verdict: batch.verdict.map_or("void", Call::as_str),
            disposition: batch.disposition.map(crate::decode::Disposition::as_str),
            revision: batch.revision,
            started: batch.started.as_millis(),
            ended: batch.ended.map(crate::reading::Timestamp::as_millis),
            length_m: batch.length_m,
            mass_kg: batch.mass_kg,
            probability_off_spec: batch.probability_off_spec,
            advice: batch.advice.map(Advice::as_str),
            off_spec_share: batch.off_spec_share,
            first_flag: batch.first_flag.map(crate::reading::Timestamp::as_millis),
            first_flag_lead_s: batch.first_flag_lead_s,
            lab: batch.lab.iter().cloned().collect(),
            phases: batch
                .phases
                .iter()
                .map(|(phase, at)| Phase { phase: Arc::clone(phase), from: at.as_millis() })
                .collect(),
            maintenance: batch.maintenance,
        }
    }
}

impl Batches {
    pub(super) fn new(batches: &[BatchRecord], next: Option<String>) -> Self {
        Self { batches: batches.iter().map(Batch::from).collect(), next }
    }
}

impl From<&TrendPoint> for Point {
    fn from(point: &TrendPoint) -> Self {
        Self {
            at: point.at.as_millis(),
            score: point.score,
            t2: point.t2.map(|(value, _)| value),
            t2_limit: point.t2.map(|(_, limit)| limit),
            spe: point.spe.map(|(value, _)| value),
            spe_limit: point.spe.map(|(_, limit)| limit),
        }
    }
}

/// The tags of a line.
fn tags(line: &LineView) -> impl Iterator<Item = Tag> {
    line.tags.iter().map(|tag| Tag::new(&line.name, tag))
}

impl Tag {
    pub(super) fn new(line: &Arc<str>, tag: &TagView) -> Self {
        Self {
            line: Arc::clone(line),
            tag: Arc::clone(&tag.id),
            unit: Arc::clone(&tag.unit),
            value: tag.value,
            at: tag.at,
            health: Arc::clone(&tag.health),
            time: tag.time,
            delay_ms: tag.delay_ms,
        }
    }
}

/// A series that the configuration does not name.
#[derive(Debug, Serialize)]
pub(super) struct Stray {
    line: Arc<str>,
    area: Arc<str>,
    tag: Arc<str>,
    value: Option<f64>,
    text: Option<Arc<str>>,
    at: i64,
    count: u64,
    time: &'static str,
    delay_ms: Option<i64>,
}

impl From<&StrayView> for Stray {
    fn from(stray: &StrayView) -> Self {
        let Series { line, area, tag } = (*stray.series).clone();
        let (value, text) = (stray.value, stray.text.clone());
        let StrayView { at, count, time, delay_ms, .. } = *stray;
        Self { line, area, tag, value, text, at, count, time, delay_ms }
    }
}

impl Health {
    pub(super) fn new(
        view: &View,
        now: i64,
        heartbeat_age_ms: u64,
        parts: &[ComponentHealth],
    ) -> Self {
        Self {
            now,
            heartbeat_age_ms,
            components: parts.iter().map(Component::from).collect(),
            readings: view.readings,
            duplicates: view.duplicates,
            undeclared: view.undeclared,
            faults: view.faults.clone(),
            last_faults: view.last_faults.iter().map(Fault::from).collect(),
            last_start: view.recovery.as_ref().map(Start::from),
            sources: view.sources.clone(),
            edge_nodes: view.nodes.clone(),
            edge_nodes_known: view.nodes_known,
            edge_nodes_forgotten: view.nodes_forgotten,
        }
    }
}

impl Alarms {
    /// Those that are wanted; the counts are of all.
    pub(super) fn new(view: &View, now: i64, wanted: impl Fn(&AlarmView) -> bool) -> Self {
        let wanted = view.alarms.iter().filter(|one| wanted(one));
        let (alarms, others) = wanted.partition::<Vec<&AlarmView>, _>(|one| one.holds);
        let of = |alarms: Vec<&AlarmView>| alarms.into_iter().map(Alarm::from).collect();
        let load = &view.alarm_load;
        let load = AlarmLoad {
            ten_minutes: load.ten_minutes,
            hour: load.hour,
            day: load.day,
            peak: load.peak,
            flood_share: load.flood_share,
            flood_since: load.flood.map(Timestamp::as_millis),
        };
        Self { now, standing: view.alarms_standing, alarms: of(alarms), others: of(others), load }
    }
}

impl From<&AlarmView> for Alarm {
    fn from(alarm: &AlarmView) -> Self {
        Self {
            alarm: Arc::clone(&alarm.alarm),
            since: alarm.since.map(Timestamp::as_millis),
            severity: alarm.severity.as_str(),
            priority: alarm.priority,
            title: Arc::clone(&alarm.title),
            class: alarm.class,
            isa_state: alarm.isa,
            occurrence: alarm.occurrence,
            shelved_until: alarm.shelved_until.map(Timestamp::as_millis),
            hidden_by: alarm.hidden_by.clone(),
            hidden_note: alarm.hidden_note.clone(),
            suppressed_by: alarm.suppressed_by,
            chatters: alarm.chatters,
            unheard: alarm.unheard,
        }
    }
}

impl From<&Recovery> for Start {
    fn from(recovery: &Recovery) -> Self {
        Self {
            down_since: recovery.down_since.as_millis(),
            started: recovery.started.as_millis(),
            caught_up: recovery.caught_up.map(Timestamp::as_millis),
            down_ms: recovery.down_ms,
            batches_judged_late: recovery.batches_judged_late,
            messages_known_lost: recovery.messages_known_lost,
            possible_gaps: recovery.possible_gaps,
            gaps: recovery.gaps.clone(),
            summary: recovery.summary(),
        }
    }
}

impl From<&ComponentHealth> for Component {
    fn from(part: &ComponentHealth) -> Self {
        Self {
            component: part.component.clone(),
            state: part.state.as_str(),
            reason: part.reason.clone(),
            since: part.since_nanos.div_euclid(1_000_000),
        }
    }
}

impl From<&FaultRecord> for Fault {
    fn from(record: &FaultRecord) -> Self {
        Self {
            received: record.received.as_millis(),
            topic: Arc::clone(&record.topic),
            reason: record.fault.reason.as_str(),
            detail: record.fault.detail.clone(),
        }
    }
}

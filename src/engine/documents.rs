//! What a line says, put into the forms of the contract: records, documents, views.

use super::effect::{BatchRecord, ContributionRecord, Effect, SensorHealthRecord};
use super::learning::shown;
use super::line::{Context, NO_GRADE};
use super::view::TagView;
use crate::batch::{self, Batch};
use crate::decode::{BatchEvent, BatchMessage, Fault, Reason};
use crate::frame::Frame;
use crate::plant::{BatchSource, Grade, Line, Naming, SpecLimit, Tag};
use crate::quality::{SensorFault, SensorState, TagClock, TagQuality};
use crate::reading::{Series, Timestamp, Value};
use crate::verdict::{Call, Document, Learning, Opinion};
use std::sync::Arc;

/// The start of a batch that was found in a tag, by this value, or in the clock.
pub(super) fn found(line: &Line, at: Timestamp, value: Option<&Value>) -> BatchMessage {
    let said = match &line.batch {
        BatchSource::Tag(_, Naming::Value) => value.and_then(batch::name_of),
        _ => None,
    };
    BatchMessage {
        line: Arc::clone(&line.name),
        station: None,
        at,
        event: BatchEvent::Start {
            batch: said.unwrap_or_else(|| format!("{}-{}", line.name, at.to_compact()).into()),
            grade: None,
        },
    }
}

/// The quality tags with limits in the grade: id, value in the frame, limit.
pub(super) fn quality_values<'a>(
    line: &'a Line,
    grade: Option<&'a Grade>,
    frame: &'a Frame,
) -> impl Iterator<Item = (&'a Arc<str>, f64, &'a SpecLimit)> {
    grade.into_iter().flat_map(|grade| &grade.spec).filter_map(|(tag, limit)| {
        let ix = line.tag_position(tag)?;
        Some((tag, frame.values.get(ix).copied().unwrap_or(f64::NAN), limit))
    })
}

pub(super) fn contributions(
    cx: &mut Context<'_>,
    grade: &Arc<str>,
    at: Timestamp,
    tags: &[(Arc<str>, f64)],
) {
    if !tags.is_empty() {
        cx.out.push(Effect::Contributions(ContributionRecord {
            line: Arc::clone(&cx.line.name),
            grade: Arc::clone(grade),
            at,
            shares: tags.to_vec(),
        }));
    }
}

/// The verdict document, and whether it says something new.
pub(super) fn document(
    line: &Line,
    batch: Option<&Batch>,
    opinion: Opinion,
    learning: Option<Learning>,
    at: Timestamp,
    grade: &Arc<str>,
) -> (Document, bool) {
    let ts = at.as_millis();
    let document = Document {
        line: Arc::clone(&line.name),
        station: batch.and_then(|batch| batch.station.clone()),
        batch: batch.map(|batch| Arc::clone(&batch.id)),
        grade: (**grade != *NO_GRADE).then(|| Arc::clone(grade)),
        verdict: opinion.call,
        since: opinion.since.as_millis(),
        probability_off_spec: opinion.probability_off_spec,
        progress: opinion.progress,
        left: opinion.left,
        reasons: opinion.reasons,
        first_mover: opinion.first_mover,
        movers: opinion.movers,
        similar: Vec::new(),
        foretold: opinion.foretold,
        decision: opinion.decision,
        spans: opinion.spans,
        slab: opinion.slab,
        learning,
        state: None,
        phase: batch
            .filter(|batch| batch.ended.is_none())
            .and_then(|batch| batch.phase_at(at).cloned()),
        revision: batch.map_or(0, |batch| batch.revision),
        ts,
        valid_until: ts.saturating_add(Document::VALID_MS),
    };
    (document, opinion.changed)
}

/// A batch as it is known now.
pub(super) fn record(line: &Line, batch: &Batch, verdict: Option<Call>) -> BatchRecord {
    let lead =
        batch.first_flag.zip(batch.ended).map(|(flag, ended)| ended.seconds_since(flag).max(0.0));
    BatchRecord {
        line: Arc::clone(&line.name),
        station: batch.station.clone(),
        batch: Arc::clone(&batch.id),
        grade: batch.grade.clone(),
        verdict,
        disposition: batch.disposition().map(|word| word.disposition),
        revision: batch.revision,
        first_started: batch.first_started,
        started: batch.started,
        ended: batch.ended,
        length_m: batch.length_m(),
        mass_kg: batch.mass_kg(),
        probability_off_spec: batch.probability_off_spec,
        advice: batch.advice,
        off_spec_share: batch.out_share(),
        first_flag_lead_s: lead,
        first_flag: batch.first_flag,
        flagged_since: batch.flagged_since,
        lab: batch.lab_counting().iter().map(|(name, value)| (Arc::clone(name), *value)).collect(),
        consumed: batch.consumed.clone(),
        merged_into: batch.merged_into.clone(),
        found: None,
        outside: Vec::new(),
        phases: batch
            .phases()
            .into_iter()
            .filter(|(_, phase)| !phase.is_empty())
            .map(|(at, phase)| (phase, at))
            .collect(),
        maintenance: batch.maintenance,
    }
}

/// The same with what it was found to be by the limits that were in force when it began, once it has ended.
pub(super) fn record_found(
    line: &Line,
    batch: &Batch,
    (verdict, grade): (Option<Call>, Option<&Grade>),
) -> BatchRecord {
    let mut record = record(line, batch, verdict);
    if batch.ended.is_some() && !batch.void {
        record.found = Some(shown(batch, grade));
        let outside = grade.into_iter().flat_map(|grade| batch.lab_all_outside(grade));
        let mut outside: Vec<_> = outside.map(|(property, ..)| Arc::clone(property)).collect();
        // Of one property the mean and a single result may both be outside.
        outside.dedup();
        record.outside = outside;
    }
    record
}

/// The minute's figures of a sensor.
pub(super) fn sensor_health(
    series: &Arc<Series>,
    at: Timestamp,
    quality: &mut TagQuality,
    (doubted, silent): (bool, bool),
) -> SensorHealthRecord {
    let minute = quality.take_minute();
    let share = |n: u32| minute.share(n);
    let is = |fault: &str| match quality.state() {
        SensorState::Sick { fault: sick, .. } if sick.as_str() == fault => 1.0,
        _ => 0.0,
    };
    let completeness = minute.completeness(quality.interval_s());
    let trust = match quality.state() {
        SensorState::Sick { .. } => 0.0,
        // Nothing of the line comes: that of no tag.
        SensorState::Well if silent => 0.0,
        SensorState::Well if doubted => 0.5,
        SensorState::Well => minute.validity() * completeness.unwrap_or(1.0),
    };
    SensorHealthRecord {
        series: Arc::clone(series),
        at,
        good: share(minute.good),
        late: share(minute.late),
        duplicate: share(minute.duplicate),
        stuck: is("stuck"),
        stale: is("stale").max(if silent { 1.0 } else { 0.0 }),
        bad: share(minute.bad),
        count: minute.count,
        completeness,
        timeliness: minute.timeliness(),
        validity: minute.validity(),
        trust,
    }
}

/// The fault of a text from a tag of numbers.
pub(super) fn no_number(line: &Line, tag: &Tag, value: &Value, numeric: bool) -> Option<Fault> {
    let Value::Text(text) = value else { return None };
    numeric.then(|| {
        let shown: String = text.chars().take(40).collect();
        let detail = format!(
            "tag `{}` of line `{}` sent the text `{shown}`, a number was expected; \
             give a tag of texts `role = \"context\"`",
            tag.id, line.name
        );
        Fault { reason: Reason::WrongType, detail }
    })
}

/// Whose time a reading has.
pub(super) fn time_of(unstamped: bool) -> &'static str {
    if unstamped { "arrival" } else { "source" }
}

/// A tag as people see it; `heard` if anything ever came of it, `unstamped` if that had no time.
pub(super) fn tag_view(
    tag: &Tag,
    quality: &TagQuality,
    clock: &TagClock,
    (heard, unstamped, silent): (bool, bool, bool),
) -> TagView {
    let (last, minute) = (quality.last(), quality.minute());
    TagView {
        id: Arc::clone(&tag.id),
        unit: Arc::clone(&tag.unit),
        value: last.map(|(_, value)| value),
        at: last.map(|(at, _)| at.as_millis()),
        health: match (quality.state(), last) {
            (SensorState::Sick { fault, .. }, _) => fault.as_str().into(),
            (SensorState::Well, None) if !heard => "waiting".into(),
            (SensorState::Well, _) if silent => SensorFault::Stale.as_str().into(),
            (SensorState::Well, _) => "good".into(),
        },
        sick_since: match quality.state() {
            SensorState::Sick { since, .. } => Some(since.as_millis()),
            SensorState::Well => None,
        },
        good: (minute.count > 0).then(|| minute.share(minute.good)),
        time: time_of(unstamped),
        delay_ms: clock.offset().map(|nanos| nanos / 1_000_000),
    }
}

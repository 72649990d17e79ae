//! Events that never happened, one of each type: to try a template on, and to try a receiver with.

use crate::alarm::{EventKind, Notification, Response, Severity, Subject};
use crate::profile::Place;
use crate::reading::Timestamp;
use crate::verdict::{Call, Document, Reason, SpanDocument};
use std::time::Duration;

/// The line, batch and grade of samples; nothing is named like that by mistake.
const LINE: &str = "sample-line";
const BATCH: &str = "SAMPLE-014";
const GRADE: &str = "sample-grade";

/// What the title of every sample begins with.
pub(super) const MARK: &str = "TEST, nothing happened";

/// An event of this type that never happened, at this time. Its title says so.
pub(super) fn sample(kind: EventKind, site: &str, at: Timestamp) -> Notification {
    let (name, severity, alarm, subject) = about(kind, at);
    let line = if matches!(subject, Subject::System { .. }) { "" } else { LINE };
    Notification {
        kind,
        // Two tests are two events.
        id: crate::alarm::event_id(kind, site, line, &at.to_rfc3339(), 1, 1).into(),
        at,
        site: site.into(),
        line: line.into(),
        severity,
        priority: None,
        occurrence: 1,
        revision: 1,
        alarm: alarm.into(),
        title: format!("{MARK}: {name}").into(),
        text: "this is a sample event: somebody tries this receiver".into(),
        subject,
        told: vec![],
        response: response(kind),
    }
}

fn response(kind: EventKind) -> Response {
    let raised_by = Some(EventKind::BatchAtRisk);
    match kind {
        EventKind::AlarmUnacknowledged => {
            let unacknowledged = Some(Duration::from_secs(360));
            Response { raised_by, unacknowledged, ..Response::default() }
        }
        EventKind::AlarmAcknowledged => {
            let (by, note) = (Some("shift-a".into()), Some("a word of theirs".into()));
            Response { raised_by, by, note, ..Response::default() }
        }
        _ => Response::default(),
    }
}

fn about(kind: EventKind, at: Timestamp) -> (&'static str, Severity, &'static str, Subject) {
    let since = at.minus(Duration::from_secs(360));
    let batch = |name, severity, verdict| {
        let verdict = Box::new(document(verdict, at, since));
        let subject = Subject::Batch { batch: BATCH.into(), grade: Some(GRADE.into()), verdict };
        (name, severity, "sample-line/batch", subject)
    };
    let sensor = |name, severity| {
        let subject = Subject::Sensor { tag: "QI-1".into(), fault: "stuck".into(), since };
        (name, severity, "sample-line/sensor/QI-1", subject)
    };
    let profile = |name, severity, streaks| {
        let subject = Subject::Profile { tag: "basis_weight".into(), streaks, since };
        (name, severity, "sample-line/profile/basis_weight", subject)
    };
    let line = |name, severity| {
        let subject = Subject::Line { reason: "no good reading comes".into(), since };
        (name, severity, "sample-line/blind", subject)
    };
    let silent = |name, severity| {
        let subject = Subject::Line { reason: "nothing comes of it".into(), since };
        (name, severity, "sample-line/silent", subject)
    };
    let tags = |name, severity, tags: &[&str]| {
        let tags = tags.iter().map(|tag| (*tag).into()).collect();
        (name, severity, "sample-line/missing", Subject::Tags { tags, since })
    };
    let monitor = |name, severity| {
        let subject = Subject::Monitor { reason: "not enough good data of QI-1".into(), since };
        (name, severity, "sample-line/unjudged", subject)
    };
    let model = |name, severity, version| {
        let (model, grade, reason) = ("pca".into(), GRADE.into(), "a reason in words".into());
        (
            name,
            severity,
            "sample-line/model/sample-grade",
            Subject::Model { model, grade, version, reason },
        )
    };
    let system = |name, severity| {
        let (component, reason) = ("influxdb".into(), "it answered 503".into());
        (name, severity, "system/influxdb", Subject::System { component, reason, since })
    };
    let (info, warning, critical) = (Severity::Info, Severity::Warning, Severity::Critical);
    match kind {
        EventKind::BatchAtRisk => batch("batch at risk", warning, Call::AtRisk),
        EventKind::BatchOffSpec => batch("batch off spec", critical, Call::OffSpec),
        EventKind::BatchCleared => batch("batch no longer at risk", info, Call::OnSpec),
        EventKind::BatchFinished => batch("batch ended on spec", info, Call::OnSpec),
        EventKind::BatchRevised => batch("batch now off spec", critical, Call::OffSpec),
        EventKind::SensorUnhealthy => sensor("sensor QI-1 cannot be trusted", warning),
        EventKind::SensorRecovered => sensor("sensor QI-1 can be trusted again", info),
        EventKind::ProfileStreak => {
            let streak = Place { from: 1.2, to: 1.3, deviation: 0.4 };
            profile("a streak across the web", warning, vec![streak])
        }
        EventKind::ProfileEven => profile("no streak any more", info, vec![]),
        EventKind::LineBlind => line("nothing is known of the line", warning),
        EventKind::LineRestored => line("the line is seen again", info),
        EventKind::LineSilent => silent("the line has gone silent", warning),
        EventKind::LineHeard => silent("the line speaks again", info),
        EventKind::TagsMissing => tags("2 of 40 tags never came", warning, &["QI-1", "QI-2"]),
        EventKind::TagsFound => tags("all declared tags have come", info, &[]),
        EventKind::LineUnjudged => monitor("no verdict is possible", warning),
        EventKind::LineJudged => monitor("what is made is judged again", info),
        EventKind::ModelDrifted => model("a model has drifted", warning, 4),
        EventKind::ModelPromoted => model("a model judges from now on", info, 5),
        EventKind::ModelWaiting => model("a model waits to be promoted", info, 5),
        EventKind::ModelRejected => model("no model could be had", warning, 0),
        EventKind::SystemDegraded => system("influxdb does not work", warning),
        EventKind::SystemRecovered => system("influxdb works again", info),
        EventKind::AlarmUnacknowledged => {
            batch("nobody has acknowledged that a batch is at risk", warning, Call::AtRisk)
        }
        EventKind::AlarmAcknowledged => {
            batch("somebody knows that a batch is at risk", info, Call::AtRisk)
        }
    }
}

fn document(verdict: Call, at: Timestamp, since: Timestamp) -> Document {
    let flagged = verdict.is_flag();
    let process = Reason::Process {
        statistic: "spe".into(),
        ratio: 3.2,
        tags: vec![("refiner_power".into(), 0.41), ("stock_consistency".into(), 0.22)],
        areas: Vec::new(),
        changes: Vec::new(),
    };
    let span = SpanDocument {
        from: since.as_millis(),
        to: at.as_millis(),
        from_m: Some(21_400.0),
        to_m: Some(36_100.0),
        after_m: None,
        arrives: None,
    };
    Document {
        station: None,
        line: LINE.into(),
        batch: Some(BATCH.into()),
        grade: Some(GRADE.into()),
        verdict,
        since: since.as_millis(),
        probability_off_spec: Some(if flagged { 0.71 } else { 0.02 }),
        progress: Some(0.46),
        left: None,
        reasons: if flagged { vec![process] } else { vec![] },
        first_mover: flagged.then(|| "refiner_power".into()),
        movers: Vec::new(),
        similar: Vec::new(),
        foretold: Vec::new(),
        decision: None,
        spans: if flagged { vec![span] } else { vec![] },
        slab: None,
        learning: None,
        state: None,
        phase: None,
        revision: 1,
        ts: at.as_millis(),
        valid_until: at.as_millis() + Document::VALID_MS,
    }
}

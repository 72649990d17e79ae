//! What is told of what happens: the data of each event. Its words are made where it is told (`alarm`).

use super::recovery::Recovery;
use crate::alarm::{Besides, EventKind, Fate, News, Sets, Severity, Subject};
use crate::batch::Batch;
use crate::plant::{Line, Profile};
use crate::profile::Statistics;
use crate::quality::SensorChange;
use crate::reading::Timestamp;
use crate::verdict::{Call, Document, Reason};
use crate::words::{ModelReason, Start, SystemReason};
use std::sync::Arc;

/// What is told of a batch beside its verdict; of one that is gone nothing is known.
pub(super) fn besides(line: &Line, batch: Option<&Batch>, document: &Document) -> Besides {
    let fate = match batch {
        Some(Batch { merged_into: Some(into), .. }) => Fate::Merged(Arc::clone(into)),
        Some(batch) if batch.void => Fate::Void,
        _ => Fate::Stands,
    };
    let of_tag = |tag: &str| line.tags.iter().find(|of| *of.id == *tag).map(|of| &of.unit);
    let of_property = |property: &str| {
        document.foretold.iter().find(|of| *of.property == *property)?.unit.as_ref()
    };
    let units = document.reasons.iter().filter_map(|reason| match reason {
        Reason::Spec { tag, .. } => Some((Arc::clone(tag), Arc::clone(of_tag(tag)?))),
        Reason::Laboratory { property, .. } => {
            Some((Arc::clone(property), Arc::clone(of_property(property)?)))
        }
        _ => None,
    });
    Besides { fate, units: units.filter(|(_, unit)| !unit.is_empty()).collect() }
}

/// News of a batch. Batches of a station have an alarm of their own.
pub(super) fn batch(
    line: &Line,
    kind: EventKind,
    sets: Sets,
    at: Timestamp,
    (document, batch): (&Document, Option<&Batch>),
) -> News {
    let severity = match document.verdict {
        Call::OffSpec => Severity::Critical,
        Call::AtRisk => Severity::Warning,
        Call::OnSpec | Call::Unknown => Severity::Info,
    };
    News {
        kind,
        at,
        line: Arc::clone(&line.name),
        alarm: match &document.station {
            Some(station) => format!("{}/{station}/batch", line.name).into(),
            None => format!("{}/batch", line.name).into(),
        },
        sets,
        severity,
        revision: document.revision,
        subject: Subject::Batch {
            batch: document.batch.clone().unwrap_or_else(|| "".into()),
            grade: document.grade.clone(),
            verdict: Box::new(document.clone()),
            besides: Box::new(besides(line, batch, document)),
        },
    }
}

/// News of a line's alarm of that name: that it stands (`true`), or is over.
fn of_line(
    line: &Line,
    name: &str,
    (kind, is): (EventKind, bool),
    at: Timestamp,
    subject: Subject,
) -> News {
    let (sets, severity) =
        if is { (Sets::Raise, Severity::Warning) } else { (Sets::Clear, Severity::Info) };
    let alarm = format!("{}/{name}", line.name).into();
    let line = Arc::clone(&line.name);
    News { kind, at, line, alarm, sets, severity, revision: 0, subject }
}

/// News of a sensor; `behind_ms` is how far its stamps are behind, where they are.
pub(super) fn sensor(
    line: &Line,
    tag: &Arc<str>,
    (change, behind_ms): (SensorChange, Option<i64>),
    at: Timestamp,
) -> News {
    let kind = if change.sick { EventKind::SensorUnhealthy } else { EventKind::SensorRecovered };
    let subject = Subject::Sensor {
        tag: Arc::clone(tag),
        fault: change.fault.as_str().into(),
        since: change.since,
        behind_ms,
    };
    of_line(line, &format!("sensor/{tag}"), (kind, change.sick), at, subject)
}

/// News of a profile: a streak that was not there before, or the last one is gone.
pub(super) fn streaks(
    line: &Line,
    profile: &Profile,
    known: &Statistics,
    since: Timestamp,
    found: bool,
) -> News {
    let Profile { id, unit, .. } = profile;
    let kind = if found { EventKind::ProfileStreak } else { EventKind::ProfileEven };
    let (tag, unit, streaks) = (Arc::clone(id), Arc::clone(unit), known.streaks.clone());
    let subject = Subject::Profile { tag, unit, streaks, since };
    of_line(line, &format!("profile/{id}"), (kind, found), known.at, subject)
}

/// News of a line of which nothing is known, or something again.
pub(super) fn blind(line: &Line, blind: bool, at: Timestamp, since: Timestamp) -> News {
    let kind = if blind { EventKind::LineBlind } else { EventKind::LineRestored };
    of_line(line, "blind", (kind, blind), at, Subject::Line { since })
}

/// News of a line of which nothing comes since its last reading, or something again.
pub(super) fn silent(line: &Line, (at, since): (Timestamp, Timestamp), is: bool) -> News {
    let kind = if is { EventKind::LineSilent } else { EventKind::LineHeard };
    of_line(line, "silent", (kind, is), at, Subject::Line { since })
}

/// News of declared tags that never came; that there are none any more where `tags` is empty.
pub(super) fn missing(
    line: &Line,
    tags: Vec<Arc<str>>,
    (at, since): (Timestamp, Timestamp),
    revision: u32,
) -> News {
    let is = !tags.is_empty();
    let kind = if is { EventKind::TagsMissing } else { EventKind::TagsFound };
    let declared = u32::try_from(line.tags.len()).unwrap_or(u32::MAX);
    let subject = Subject::Tags { tags, declared, since };
    News { revision, ..of_line(line, "missing", (kind, is), at, subject) }
}

/// News of a steady line of which no verdict has been possible for long.
pub(super) fn unjudged(
    line: &Line,
    document: &Document,
    (at, since): (Timestamp, Timestamp),
) -> News {
    let subject = Subject::Monitor { reasons: document.reasons.clone(), since };
    of_line(line, "unjudged", (EventKind::LineUnjudged, true), at, subject)
}

/// News that one is possible again.
pub(super) fn judged(line: &Line, (at, since): (Timestamp, Timestamp)) -> News {
    let subject = Subject::Monitor { reasons: Vec::new(), since };
    of_line(line, "unjudged", (EventKind::LineJudged, false), at, subject)
}

/// What there is to say of a model.
#[derive(Debug, Clone, Copy)]
pub(super) enum ModelNews<'a> {
    /// This version judges from now on; why, and what it is.
    Promoted(u32, &'a ModelReason),
    /// There is none; why.
    Rejected(&'a ModelReason),
    /// A new one is no better than the one that judges on; by what.
    NoBetter(&'a ModelReason),
    /// This version is better and waits for a person; by what.
    Waits(u32, &'a ModelReason),
    /// This version is right no more; why.
    Drifted(u32, &'a ModelReason),
}

/// News of a model.
pub(super) fn model(line: &Line, grade: &Arc<str>, news: ModelNews<'_>, at: Timestamp) -> News {
    let (kind, severity, version, reason) = match news {
        ModelNews::Promoted(version, why) => {
            (EventKind::ModelPromoted, Severity::Info, version, why)
        }
        ModelNews::Rejected(why) => (EventKind::ModelRejected, Severity::Warning, 0, why),
        ModelNews::NoBetter(why) => (EventKind::ModelRejected, Severity::Info, 0, why),
        ModelNews::Waits(version, why) => (EventKind::ModelWaiting, Severity::Info, version, why),
        ModelNews::Drifted(version, why) => {
            (EventKind::ModelDrifted, Severity::Warning, version, why)
        }
    };
    News {
        kind,
        at,
        line: Arc::clone(&line.name),
        alarm: format!("{}/model/{grade}", line.name).into(),
        sets: Sets::Keep,
        severity,
        // A rejection has no version: its time tells it from the next one.
        revision: if version == 0 {
            u32::try_from(at.as_millis() / 1000).unwrap_or(0)
        } else {
            version
        },
        subject: Subject::Model {
            model: "pca".into(),
            grade: Arc::clone(grade),
            version,
            reason: reason.clone(),
        },
    }
}

/// News of a part of the daemon.
pub(super) fn component(
    name: &Arc<str>,
    works: bool,
    reason: &SystemReason,
    at: Timestamp,
) -> News {
    let (kind, sets, severity) = if works {
        (EventKind::SystemRecovered, Sets::Clear, Severity::Info)
    } else {
        (EventKind::SystemDegraded, Sets::Raise, Severity::Warning)
    };
    News {
        kind,
        at,
        line: "".into(),
        alarm: format!("system/{name}").into(),
        sets,
        severity,
        revision: 0,
        subject: Subject::System { component: Arc::clone(name), reason: reason.clone(), since: at },
    }
}

/// News of a start that missed something.
pub(super) fn recovery(recovery: &Recovery, at: Timestamp) -> News {
    let severity = if recovery.missed() { Severity::Warning } else { Severity::Info };
    let start = Start {
        down_ms: recovery.down_ms,
        late: recovery.batches_judged_late,
        lost: recovery.messages_known_lost,
        gaps: recovery.possible_gaps,
        named: recovery.gaps.iter().map(|gap| SystemReason::Said(Arc::clone(gap))).collect(),
    };
    News {
        kind: EventKind::SystemRecovered,
        at,
        line: "".into(),
        alarm: "system/onspec".into(),
        sets: Sets::Passed,
        severity,
        revision: 0,
        subject: Subject::System {
            component: "onspec".into(),
            reason: SystemReason::Start(start),
            since: recovery.down_since,
        },
    }
}

//! The words of events: one line and a few sentences for a person.

use super::recovery::Recovery;
use crate::alarm::{EventKind, News, Sets, Severity, Subject};
use crate::batch::Batch;
use crate::plant::{Line, Profile};
use crate::profile::{Place, Statistics};
use crate::quality::SensorChange;
use crate::reading::Timestamp;
use crate::verdict::{Call, Document, Reason};
use crate::words::Language;
use crate::words::reason::{alike, contributions, mover, reason};
use std::sync::Arc;

/// Whether a batch is still one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fate {
    /// It is.
    Stands,
    /// It never was.
    Void,
    /// It is part of this one.
    Merged(Arc<str>),
}

impl Fate {
    /// What became of a batch.
    pub(super) fn of(batch: &Batch) -> Self {
        match &batch.merged_into {
            Some(into) => Self::Merged(Arc::clone(into)),
            None if batch.void => Self::Void,
            None => Self::Stands,
        }
    }
}

/// News of a batch. Batches of a station have an alarm of their own.
pub(super) fn batch(
    line: &Line,
    kind: EventKind,
    sets: Sets,
    at: Timestamp,
    (document, fate): (&Document, &Fate),
) -> News {
    let id = document.batch.clone().unwrap_or_else(|| "".into());
    let ended = if kind == EventKind::BatchFinished { " and ended" } else { "" };
    let title = match kind {
        _ if *fate == Fate::Void => format!("{}: batch {id} is void{ended}", line.name),
        _ if let Fate::Merged(into) = fate => {
            format!("{}: batch {id} is part of batch {into}{ended}", line.name)
        }
        EventKind::BatchAtRisk => format!("{}: batch {id} is at risk", line.name),
        EventKind::BatchOffSpec => format!("{}: batch {id} is off spec", line.name),
        EventKind::BatchCleared => format!("{}: batch {id} is no longer at risk", line.name),
        EventKind::BatchRevised => {
            format!("{}: batch {id} is now {}", line.name, document.verdict.as_str())
        }
        _ => format!("{}: batch {id} ended {}", line.name, document.verdict.as_str()),
    };
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
        title,
        text: evidence(line, document),
        subject: Subject::Batch {
            batch: id,
            grade: document.grade.clone(),
            verdict: Box::new(document.clone()),
        },
    }
}

/// News of a sensor.
pub(super) fn sensor(line: &Line, tag: &Arc<str>, change: SensorChange, at: Timestamp) -> News {
    let fault = change.fault.as_str();
    let (kind, sets, severity, title) = if change.sick {
        let title = format!("{}: sensor {tag} cannot be trusted: {fault}", line.name);
        (EventKind::SensorUnhealthy, Sets::Raise, Severity::Warning, title)
    } else {
        let title = format!("{}: sensor {tag} can be trusted again", line.name);
        (EventKind::SensorRecovered, Sets::Clear, Severity::Info, title)
    };
    News {
        kind,
        at,
        line: Arc::clone(&line.name),
        alarm: format!("{}/sensor/{tag}", line.name).into(),
        sets,
        severity,
        revision: 0,
        title,
        text: format!("{fault} since {}; its values are not used meanwhile", change.since),
        subject: Subject::Sensor { tag: Arc::clone(tag), fault: fault.into(), since: change.since },
    }
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
    let places: Vec<String> = known
        .streaks
        .iter()
        .map(|Place { from, to, deviation }| format!("{from} to {to}: {deviation:+.3} {unit}"))
        .map(|place| place.trim_end().to_owned())
        .collect();
    let (kind, sets, severity, title, text) = if found {
        let title = format!("{}: {id} has a streak across the web", line.name);
        let what = "narrow and always at the same place";
        let text = format!("{what} since {since}, from the tending side: {}", places.join("; "));
        (EventKind::ProfileStreak, Sets::Raise, Severity::Warning, title, text)
    } else {
        let title = format!("{}: {id} has no streak any more", line.name);
        let text = format!("there was one since {since}");
        (EventKind::ProfileEven, Sets::Clear, Severity::Info, title, text)
    };
    News {
        kind,
        at: known.at,
        line: Arc::clone(&line.name),
        alarm: format!("{}/profile/{id}", line.name).into(),
        sets,
        severity,
        revision: 0,
        title,
        text,
        subject: Subject::Profile { tag: Arc::clone(id), streaks: known.streaks.clone(), since },
    }
}

/// News of a line of which nothing is known, or something again.
pub(super) fn blind(
    line: &Line,
    blind: bool,
    at: Timestamp,
    since: Timestamp,
    reason: &str,
) -> News {
    let (kind, sets, severity, title) = if blind {
        let title = format!("{}: nothing is known of the line: {reason}", line.name);
        (EventKind::LineBlind, Sets::Raise, Severity::Warning, title)
    } else {
        let title = format!("{}: the line is seen again", line.name);
        (EventKind::LineRestored, Sets::Clear, Severity::Info, title)
    };
    News {
        kind,
        at,
        line: Arc::clone(&line.name),
        alarm: format!("{}/blind", line.name).into(),
        sets,
        severity,
        revision: 0,
        title,
        text: reason.to_owned(),
        subject: Subject::Line { reason: reason.into(), since },
    }
}

/// News of a line of which nothing comes since its last reading, or something again.
pub(super) fn silent(line: &Line, (at, since): (Timestamp, Timestamp), is: bool) -> News {
    let (kind, sets, severity, title, reason) = if is {
        let title = format!("{}: the line has gone silent", line.name);
        let reason = format!("nothing has come of it since {since}, and its broker is reached");
        (EventKind::LineSilent, Sets::Raise, Severity::Warning, title, reason)
    } else {
        let title = format!("{}: the line speaks again", line.name);
        let reason = format!("nothing came of it from {since} on");
        (EventKind::LineHeard, Sets::Clear, Severity::Info, title, reason)
    };
    News {
        kind,
        at,
        line: Arc::clone(&line.name),
        alarm: format!("{}/silent", line.name).into(),
        sets,
        severity,
        revision: 0,
        title,
        text: reason.clone(),
        subject: Subject::Line { reason: reason.into(), since },
    }
}

/// So many tags that never came are named in a title.
const NAMED: usize = 3;

/// News of declared tags that never came; that there are none any more where `tags` is empty.
pub(super) fn missing(
    line: &Line,
    tags: Vec<Arc<str>>,
    (at, since): (Timestamp, Timestamp),
    revision: u32,
) -> News {
    let (kind, sets, severity, title, text) = if tags.is_empty() {
        let title = format!("{}: all declared tags have come", line.name);
        (EventKind::TagsFound, Sets::Clear, Severity::Info, title, String::new())
    } else {
        let mut names = tags.iter().take(NAMED).map(|tag| &**tag).collect::<Vec<_>>().join(", ");
        if tags.len() > NAMED {
            names.push_str(", …");
        }
        let (never, declared) = (tags.len(), line.tags.len());
        let title = format!("{}: {never} of {declared} tags never came: {names}", line.name);
        let all = tags.join(", ");
        let help = "see with `onspec tap` which names come";
        let text = format!("waited for since {since}: {all}; {help}");
        (EventKind::TagsMissing, Sets::Raise, Severity::Warning, title, text)
    };
    News {
        kind,
        at,
        line: Arc::clone(&line.name),
        alarm: format!("{}/missing", line.name).into(),
        sets,
        severity,
        revision,
        title,
        text,
        subject: Subject::Tags { tags, since },
    }
}

/// News of a steady line of which no verdict has been possible for long.
pub(super) fn unjudged(
    line: &Line,
    document: &Document,
    (at, since): (Timestamp, Timestamp),
) -> News {
    let reason =
        document.reasons.iter().map(|one| sentence(line, one)).collect::<Vec<_>>().join(" ");
    News {
        kind: EventKind::LineUnjudged,
        at,
        line: Arc::clone(&line.name),
        alarm: format!("{}/unjudged", line.name).into(),
        sets: Sets::Raise,
        severity: Severity::Warning,
        revision: 0,
        title: format!("{}: no verdict is possible: {reason}", line.name),
        text: format!("since {since} nobody knows whether what is made is on spec: {reason}"),
        subject: Subject::Monitor { reason: reason.into(), since },
    }
}

/// News that one is possible again.
pub(super) fn judged(line: &Line, (at, since): (Timestamp, Timestamp)) -> News {
    let reason = format!("no verdict was possible since {since}");
    News {
        kind: EventKind::LineJudged,
        at,
        line: Arc::clone(&line.name),
        alarm: format!("{}/unjudged", line.name).into(),
        sets: Sets::Clear,
        severity: Severity::Info,
        revision: 0,
        title: format!("{}: what is made is judged again", line.name),
        text: reason.clone(),
        subject: Subject::Monitor { reason: reason.into(), since },
    }
}

/// What there is to say of a model.
#[derive(Debug, Clone, Copy)]
pub(super) enum ModelNews<'a> {
    /// This version judges from now on; what it is.
    Promoted(u32, &'a str),
    /// There is none; why.
    Rejected(&'a str),
    /// A new one is no better than this version, which judges on; by what.
    NoBetter(u32, &'a str),
    /// This version is better and waits for a person; by what.
    Waits(u32, &'a str),
    /// This version is right no more; why.
    Drifted(u32, &'a str),
}

/// News of a model.
pub(super) fn model(line: &Line, grade: &Arc<str>, news: ModelNews<'_>, at: Timestamp) -> News {
    let name = &line.name;
    let (kind, severity, title, version, reason) = match news {
        ModelNews::Promoted(version, summary) => {
            let title = format!("{name}: model {version} of grade {grade} judges from now on");
            (EventKind::ModelPromoted, Severity::Info, title, version, summary)
        }
        ModelNews::Rejected(reason) => {
            let title = format!("{name}: no model of grade {grade}: {reason}");
            (EventKind::ModelRejected, Severity::Warning, title, 0, reason)
        }
        ModelNews::NoBetter(version, reason) => {
            let title = format!(
                "{name}: a new model of grade {grade} is no better than version {version}, which judges on: {reason}"
            );
            (EventKind::ModelRejected, Severity::Info, title, 0, reason)
        }
        ModelNews::Waits(version, reason) => {
            let title = format!(
                "{name}: model {version} of grade {grade} is better and waits to be promoted: {reason}"
            );
            (EventKind::ModelWaiting, Severity::Info, title, version, reason)
        }
        ModelNews::Drifted(version, reason) => {
            let title = format!("{name}: model {version} of grade {grade} has drifted: {reason}");
            (EventKind::ModelDrifted, Severity::Warning, title, version, reason)
        }
    };
    News {
        kind,
        at,
        line: Arc::clone(name),
        alarm: format!("{name}/model/{grade}").into(),
        sets: Sets::Keep,
        severity,
        // A rejection has no version: its time tells it from the next one.
        revision: if version == 0 {
            u32::try_from(at.as_millis() / 1000).unwrap_or(0)
        } else {
            version
        },
        title,
        text: reason.to_owned(),
        subject: Subject::Model {
            model: "pca".into(),
            grade: Arc::clone(grade),
            version,
            reason: reason.into(),
        },
    }
}

/// News of a part of the daemon.
pub(super) fn component(name: &Arc<str>, works: bool, reason: &Arc<str>, at: Timestamp) -> News {
    let (kind, sets, severity, title) = if works {
        (EventKind::SystemRecovered, Sets::Clear, Severity::Info, format!("{name} works again"))
    } else {
        let title = format!("{name} does not work: {reason}");
        (EventKind::SystemDegraded, Sets::Raise, Severity::Warning, title)
    };
    News {
        kind,
        at,
        line: "".into(),
        alarm: format!("system/{name}").into(),
        sets,
        severity,
        revision: 0,
        title,
        text: reason.to_string(),
        subject: Subject::System {
            component: Arc::clone(name),
            reason: Arc::clone(reason),
            since: at,
        },
    }
}

/// News of a start that missed something.
pub(super) fn recovery(recovery: &Recovery, at: Timestamp) -> News {
    let severity = if recovery.missed() { Severity::Warning } else { Severity::Info };
    let summary = recovery.summary();
    let mut text = summary.clone();
    for gap in &recovery.gaps {
        text.push_str("; ");
        text.push_str(gap);
    }
    News {
        kind: EventKind::SystemRecovered,
        at,
        line: "".into(),
        alarm: "system/onspec".into(),
        sets: Sets::Passed,
        severity,
        revision: 0,
        title: format!("onspec works again: {summary}"),
        text,
        subject: Subject::System {
            component: "onspec".into(),
            reason: summary.into(),
            since: recovery.down_since,
        },
    }
}

/// Words of a line in English.
fn sentence(line: &Line, one: &Reason) -> String {
    let unit = |tag: &str| {
        let known = line.tags.iter().find(|known| *known.id == *tag);
        known.map_or_else(|| "".into(), |known| Arc::clone(&known.unit))
    };
    let mut told = reason(Language::English, one, unit).to_string();
    if let Some(tags) = contributions(Language::English, one, NAMED) {
        told = format!("{told} {tags}");
    }
    told
}

/// The reasons of a verdict as sentences, and what moved first.
fn evidence(line: &Line, document: &Document) -> String {
    let mut sentences: Vec<String> =
        document.reasons.iter().map(|reason| sentence(line, reason)).collect();
    if let Some(first) = document.movers.first() {
        let since = Timestamp::from_millis(first.since).unwrap_or(Timestamp::MAX);
        sentences.push(mover(Language::English, 0, first, since.to_string()).to_string());
    }
    if let Some(similar) = document.similar.first() {
        sentences.push(alike(Language::English, similar).to_string());
    }
    sentences.join(" ")
}

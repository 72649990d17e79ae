//! The words of events: one line and a few sentences for a person.

use super::recovery::Recovery;
use crate::alarm::{EventKind, News, Sets, Severity, Subject};
use crate::batch::Batch;
use crate::plant::{Compared, Line, Profile};
use crate::profile::{Place, Statistics};
use crate::quality::SensorChange;
use crate::reading::{Timestamp, four_digits, name_or_change, side_by_side};
use crate::verdict::{Call, Document, ForetoldProperty, LabOutside, Mover, Reason, Similar};
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
        text: evidence(document),
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

/// A reason of a verdict as a sentence.
#[must_use]
pub fn sentence(reason: &Reason) -> String {
    match reason {
        Reason::Spec { tag, value, low, high, share_out, compared } => {
            let (limits, share) = (limits(*low, *high), share_out * 100.0);
            match compared {
                Compared::Share => {
                    format!("{tag} at {value:.4} against {limits}, {share:.1} % outside")
                }
                Compared::Mean => format!("mean of {tag} at {value:.4} against {limits}"),
                Compared::Single => {
                    format!("{tag} at {value:.4} against {limits} for any single value")
                }
            }
        }
        Reason::Process { statistic, ratio, tags, .. } => {
            let share = |(tag, share): &(Arc<str>, f64)| {
                format!("{} {:.0} %", name_or_change(tag, reason.change_over(tag)), share * 100.0)
            };
            let tags: Vec<String> = tags.iter().map(share).collect();
            format!("{statistic} at {ratio:.2} times its limit: {}", tags.join(", "))
        }
        Reason::Prospects { probability, signs, earlier } => {
            let signs: Vec<&str> = signs.iter().map(|(sign, _)| sign.words()).collect();
            let earlier = earlier.as_ref().map(|earlier| {
                let found = match (&earlier.property, earlier.value) {
                    (Some(property), Some(value)) => {
                        let limits = limits(earlier.low, earlier.high);
                        format!("had {property} at {value:.4} against {limits}")
                    }
                    _ => "was rejected".to_owned(),
                };
                format!("; {} {found}", earlier.batch)
            });
            format!(
                "{:.0} % likely to end off spec by {}{}",
                probability * 100.0,
                signs.join(", "),
                earlier.unwrap_or_default()
            )
        }
        Reason::SoftSensor(foretold) => {
            let ForetoldProperty { property, predicted, interval: [from, to], low, high, .. } =
                foretold;
            format!(
                "{property} foretold at {predicted:.4} ({from:.4} to {to:.4}) against {}, {:.0} % likely outside",
                limits(*low, *high),
                foretold.probability.unwrap_or(0.0) * 100.0
            )
        }
        Reason::Laboratory { property, value, low, high } => {
            format!("laboratory: {property} {value:.4} against {}", limits(*low, *high))
        }
        Reason::Coverage { tags, share } if tags.is_empty() => {
            format!("only {:.0} % of it was seen", share * 100.0)
        }
        Reason::Coverage { tags, .. } => format!("not enough good data of {}", tags.join(", ")),
        Reason::Grade { grade } => format!("grade {grade} is not declared"),
        Reason::Person { disposition, by } => {
            format!("{disposition} by {}", by.as_deref().unwrap_or("a person"))
        }
    }
}

/// The reasons of a verdict as sentences, and what moved first.
fn evidence(document: &Document) -> String {
    let mut sentences: Vec<String> = document.reasons.iter().map(sentence).collect();
    if let Some(first) = document.movers.first() {
        let (name, Mover { since, value, expected, unit, .. }) = (first.name(), first);
        let unit = unit.as_deref().map_or_else(String::new, |unit| format!(" {unit}"));
        let since = Timestamp::from_millis(*since).unwrap_or(Timestamp::MAX);
        let (value, expected) = side_by_side(*value, *expected);
        sentences.push(format!(
            "first to move: {name}, {value}{unit} for {expected}{unit}, since {since}"
        ));
    }
    if let Some(similar) = document.similar.first() {
        sentences.push(format!("alike: {}, {}", similar.batch, ending(similar)));
    }
    sentences.join("; ")
}

/// How a past batch ended: what a person decided, or the verdict; what was outside; what people did.
#[must_use]
pub fn ending(similar: &Similar) -> String {
    let verdict = similar.verdict.as_str();
    let mut parts = vec![similar.disposition.as_deref().unwrap_or(verdict).to_owned()];
    parts.extend(similar.laboratory.iter().map(|LabOutside { property, value, low, high }| {
        format!("{property} {} against {}", four_digits(*value), limits(*low, *high))
    }));
    if let Some(share) = similar.off_spec_share.filter(|share| *share > 0.0) {
        parts.push(format!("{:.1} % outside", share * 100.0));
    }
    parts.extend(similar.actions.iter().map(|action| (**action).to_owned()));
    parts.join(", ")
}

fn limits(low: Option<f64>, high: Option<f64>) -> String {
    match (low, high) {
        (Some(low), Some(high)) => format!("{low} to {high}"),
        (Some(low), None) => format!("at least {low}"),
        (None, Some(high)) => format!("at most {high}"),
        (None, None) => "no limit".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_judged_by_its_change_is_called_a_change() {
        let reason = Reason::Process {
            statistic: "spe".into(),
            ratio: 2.5,
            tags: vec![("TI-7".into(), 0.6), ("FI-1".into(), 0.4)],
            areas: Vec::new(),
            changes: vec![("TI-7".into(), 300.0)],
        };
        assert_eq!(
            sentence(&reason),
            "spe at 2.50 times its limit: TI-7 (change over 5 min) 60 %, FI-1 40 %"
        );
        let mover = Mover {
            tag: "TI-7".into(),
            area: None,
            by_itself: true,
            since: 0,
            arrives: None,
            ratio: 2.0,
            value: 1.5,
            expected: 0.1,
            unit: Some("°C".into()),
            over_s: Some(3600.0),
        };
        assert_eq!(mover.name(), "TI-7 (change over 1 h)");
        assert_eq!(Mover { over_s: None, ..mover }.name(), "TI-7");
    }
}

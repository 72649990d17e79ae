//! What would change: two replays of one recording, by two configurations, held against each other.

use crate::alarm::{EventKind, Subject};
use crate::engine::Effect;
use crate::reading::Timestamp;
use crate::record::Summary;
use crate::verdict::{Document, Reason};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// A line, and a station of it; empty where it has none.
type Place = (Arc<str>, Arc<str>);

/// A batch is known by its id where it is made.
type BatchId = (Place, Arc<str>);

/// What one configuration said of a recording.
#[derive(Debug, Clone, Default)]
pub struct Told {
    /// With their starts.
    batches: BTreeMap<BatchId, (Timestamp, BatchTold)>,
    /// How often each alarm was raised.
    alarms: BTreeMap<Arc<str>, u64>,
    /// What was wrong with sensors, by line and tag.
    sensors: BTreeMap<String, BTreeSet<Arc<str>>>,
    /// Flags raised.
    flags: u64,
    /// The batch whose verdict is a flag now.
    flagged: BTreeMap<Place, Option<Arc<str>>>,
}

/// The last word on a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
struct BatchTold {
    verdict: &'static str,
    first_flag: Option<String>,
    /// The kinds of its reasons.
    reasons: BTreeSet<&'static str>,
}

impl Told {
    /// Takes an effect.
    pub fn take(&mut self, effect: &Effect) {
        match effect {
            Effect::Batch(record) => {
                let id = (place(&record.line, record.station.as_ref()), Arc::clone(&record.batch));
                let before = self.batches.remove(&id);
                let told = BatchTold {
                    verdict: record.verdict.map_or("void", crate::verdict::Call::as_str),
                    first_flag: record.first_flag.map(|at| at.to_string()),
                    reasons: before.map(|(_, before)| before.reasons).unwrap_or_default(),
                };
                self.batches.insert(id, (record.started, told));
            }
            Effect::BatchVerdict(document) => {
                let place = place(&document.line, document.station.as_ref());
                let batch = document.batch.clone().unwrap_or_default();
                if let Some((_, told)) = self.batches.get_mut(&(place, batch)) {
                    told.reasons = document.reasons.iter().map(kind).collect();
                }
            }
            Effect::Verdict(document) => self.count_flag(document),
            Effect::Alarm(alarm) if alarm.state == "active" => {
                *self.alarms.entry(Arc::clone(&alarm.alarm)).or_default() += 1;
            }
            Effect::Notification(news) => {
                if let Subject::Sensor { tag, fault, .. } = &news.subject
                    && news.kind == EventKind::SensorUnhealthy
                {
                    let tag = format!("{}/{tag}", news.line);
                    self.sensors.entry(tag).or_default().insert(Arc::clone(fault));
                }
            }
            _ => {}
        }
    }

    /// A flag counts once, however often it is said and whether it gets worse.
    fn count_flag(&mut self, document: &Document) {
        let of_batch = document.batch.clone().unwrap_or_default();
        let place = place(&document.line, document.station.as_ref());
        let flagged = self.flagged.entry(place).or_default();
        if !document.verdict.is_flag() {
            *flagged = None;
        } else if flagged.as_ref() != Some(&of_batch) {
            self.flags += 1;
            *flagged = Some(of_batch);
        }
    }
}

fn place(line: &Arc<str>, station: Option<&Arc<str>>) -> Place {
    (Arc::clone(line), station.cloned().unwrap_or_default())
}

/// The word of a kind of reason.
fn kind(reason: &Reason) -> &'static str {
    match reason {
        Reason::Spec { .. } => "spec",
        Reason::Process { .. } => "process",
        Reason::Prospects { .. } => "prospects",
        Reason::SoftSensor(_) => "soft-sensor",
        Reason::Laboratory { .. } => "laboratory",
        Reason::Coverage { .. } => "coverage",
        Reason::Person { .. } => "person",
        Reason::Grade { .. } => "grade",
    }
}

/// One thing by both configurations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Pair<T> {
    /// By the one in use.
    pub before: T,
    /// By the other.
    pub after: T,
}

impl<T> Pair<T> {
    fn map<U>(self, f: impl Fn(T) -> U) -> Pair<U> {
        Pair { before: f(self.before), after: f(self.after) }
    }
}

impl<T: PartialEq> Pair<T> {
    /// True if both are not the same.
    pub fn differs(&self) -> bool {
        self.before != self.after
    }
}

/// What would change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Comparison {
    /// True if anything would.
    pub differs: bool,
    /// What was counted.
    pub figures: Figures,
    /// Batches on which the last verdict, the first flag or the kinds of reasons differ, by their start.
    pub batches: Vec<BatchChange>,
    /// Alarms that are not raised as often.
    pub alarms: BTreeMap<Arc<str>, Pair<u64>>,
    /// Tags with other sensor faults, each after its line.
    pub sensors: BTreeMap<String, Pair<BTreeSet<Arc<str>>>>,
}

/// What was counted by both.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Figures {
    /// Frames closed.
    pub frames: Pair<u64>,
    /// Frames that could be judged.
    pub judged: Pair<u64>,
    /// Frames flagged.
    pub flagged: Pair<u64>,
    /// Batches finished.
    pub batches: Pair<u64>,
    /// Batches by their last verdict.
    pub verdicts: BTreeMap<String, Pair<u64>>,
    /// Flags raised on what is made.
    pub flags: Pair<u64>,
    /// Alarms raised.
    pub alarms: Pair<u64>,
    /// Messages, or parts of them, that were not taken, by reason.
    pub faults: BTreeMap<String, Pair<u64>>,
}

/// A batch of which something else is said; what one configuration says nothing of is missing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BatchChange {
    /// The line.
    pub line: Arc<str>,
    /// The station, where a line has several.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub station: Arc<str>,
    /// The batch.
    pub batch: Arc<str>,
    /// The last verdict.
    pub verdict: Pair<Option<&'static str>>,
    /// When it was first flagged.
    pub first_flag: Pair<Option<String>>,
    /// The kinds of its reasons.
    pub reasons: Pair<BTreeSet<&'static str>>,
}

impl Comparison {
    /// Holds two replays against each other.
    #[must_use]
    pub fn of(summary: Pair<&Summary>, told: Pair<&Told>) -> Self {
        let figures = Figures {
            frames: summary.map(|summary| summary.frames),
            judged: summary.map(|summary| summary.judged),
            flagged: summary.map(|summary| summary.flagged),
            batches: summary.map(|summary| summary.batches),
            verdicts: by_name(summary.map(|summary| &summary.verdicts)),
            flags: told.map(|told| told.flags),
            alarms: told.map(|told| told.alarms.values().sum()),
            faults: by_name(summary.map(|summary| &summary.faults)),
        };
        let batches = batches(told.map(|told| &told.batches));
        let mut alarms = by_name(told.map(|told| &told.alarms));
        alarms.retain(|_, pair| pair.differs());
        let mut sensors = by_name(told.map(|told| &told.sensors));
        sensors.retain(|_, pair| pair.differs());
        let differs =
            !batches.is_empty() || !alarms.is_empty() || !sensors.is_empty() || figures.differ();
        Self { differs, figures, batches, alarms, sensors }
    }
}

impl Figures {
    fn differ(&self) -> bool {
        let Self { frames, judged, flagged, batches, verdicts, flags, alarms, faults } = self;
        let counts = [frames, judged, flagged, batches, flags, alarms];
        counts.into_iter().chain(verdicts.values()).chain(faults.values()).any(Pair::differs)
    }
}

/// The batches of which both do not say the same.
fn batches(told: Pair<&BTreeMap<BatchId, (Timestamp, BatchTold)>>) -> Vec<BatchChange> {
    let ids: BTreeSet<_> = told.before.keys().chain(told.after.keys()).collect();
    let mut changes = Vec::new();
    for id in ids {
        let both = told.map(|told| told.get(id));
        let word = both.map(|told| told.map(|(_, told)| told));
        if !word.differs() {
            continue;
        }
        let started = both.before.or(both.after).map(|(started, _)| *started);
        let ((line, station), batch) = id.clone();
        let change = BatchChange {
            line,
            station,
            batch,
            verdict: word.map(|told| told.map(|told| told.verdict)),
            first_flag: word.map(|told| told.and_then(|told| told.first_flag.clone())),
            reasons: word.map(|told| told.map(|told| told.reasons.clone()).unwrap_or_default()),
        };
        changes.push((started, change));
    }
    changes.sort_by_key(|(started, _)| *started);
    changes.into_iter().map(|(_, change)| change).collect()
}

/// What both say, by name; what one does not name is none.
fn by_name<K: Ord + Clone, T: Clone + Default>(by: Pair<&BTreeMap<K, T>>) -> BTreeMap<K, Pair<T>> {
    let names: BTreeSet<&K> = by.before.keys().chain(by.after.keys()).collect();
    let of = |name: &K| by.map(|by| by.get(name).cloned().unwrap_or_default());
    names.into_iter().map(|name| (name.clone(), of(name))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alarm::{AlarmRecord, Notification, Severity};
    use crate::engine::BatchRecord;
    use crate::plant::Compared;
    use crate::verdict::Call;

    const AT: Timestamp = Timestamp::from_nanos(1_769_126_400_000_000_000);

    fn document(batch: &str, verdict: Call, reasons: Vec<Reason>) -> Box<Document> {
        Box::new(Document {
            line: "tm3".into(),
            station: None,
            batch: Some(batch.into()),
            grade: None,
            verdict,
            since: 0,
            probability_off_spec: None,
            progress: None,
            left: None,
            reasons,
            first_mover: None,
            movers: Vec::new(),
            similar: Vec::new(),
            foretold: Vec::new(),
            decision: None,
            spans: Vec::new(),
            slab: None,
            learning: None,
            state: None,
            phase: None,
            revision: 1,
            ts: 0,
            valid_until: 0,
        })
    }

    /// A finished batch, `start` seconds after the first, and the last word on it.
    fn finished(batch: &str, start: u64, verdict: Call, reasons: Vec<Reason>) -> [Effect; 2] {
        let started = AT.plus(std::time::Duration::from_secs(start));
        let record = BatchRecord {
            line: "tm3".into(),
            station: None,
            batch: batch.into(),
            grade: None,
            verdict: Some(verdict),
            disposition: None,
            revision: 1,
            first_started: started,
            started,
            ended: Some(started),
            length_m: None,
            mass_kg: None,
            probability_off_spec: None,
            advice: None,
            off_spec_share: None,
            first_flag_lead_s: None,
            first_flag: verdict.is_flag().then_some(started),
            flagged_since: None,
            lab: Vec::new(),
            consumed: Vec::new(),
            merged_into: None,
            found: None,
            outside: Vec::new(),
            phases: Vec::new(),
            maintenance: false,
        };
        let document = document(batch, verdict, reasons);
        [Effect::Batch(Box::new(record)), Effect::BatchVerdict(document)]
    }

    fn spec() -> Vec<Reason> {
        let (low, high) = (None, Some(1.0));
        vec![Reason::Spec {
            tag: "bw".into(),
            value: 2.0,
            low,
            high,
            share_out: 0.2,
            compared: Compared::Share,
        }]
    }

    fn told(effects: impl IntoIterator<Item = Effect>) -> Told {
        let mut told = Told::default();
        effects.into_iter().for_each(|effect| told.take(&effect));
        told
    }

    fn compare(before: &Told, after: &Told) -> Comparison {
        let summary = Summary::default();
        Comparison::of(Pair { before: &summary, after: &summary }, Pair { before, after })
    }

    #[test]
    fn same_words_are_no_change() {
        let one = || told(finished("R1", 0, Call::OnSpec, Vec::new()));
        let same = compare(&one(), &one());
        assert!(!same.differs && same.batches.is_empty(), "{same:?}");
    }

    #[test]
    fn batches_that_change_are_named_in_order_of_their_start() {
        let before = told(
            [
                finished("R9", 0, Call::OnSpec, Vec::new()),
                finished("R10", 60, Call::OnSpec, Vec::new()),
                finished("R11", 120, Call::OffSpec, spec()),
            ]
            .into_iter()
            .flatten(),
        );
        let after = told(
            [
                finished("R9", 0, Call::OffSpec, spec()),
                finished(
                    "R10",
                    60,
                    Call::OnSpec,
                    vec![Reason::Coverage { tags: Vec::new(), share: 0.9 }],
                ),
                finished("R11", 120, Call::OffSpec, spec()),
                finished("R12", 180, Call::Unknown, Vec::new()),
            ]
            .into_iter()
            .flatten(),
        );
        let json = serde_json::to_value(compare(&before, &after)).unwrap();
        assert_eq!(json["differs"], true);
        let expected = serde_json::json!([
            {
                "line": "tm3",
                "batch": "R9",
                "verdict": { "before": "on-spec", "after": "off-spec" },
                "first_flag": { "before": null, "after": "2026-01-23T00:00:00Z" },
                "reasons": { "before": [], "after": ["spec"] },
            },
            {
                "line": "tm3",
                "batch": "R10",
                "verdict": { "before": "on-spec", "after": "on-spec" },
                "first_flag": { "before": null, "after": null },
                "reasons": { "before": [], "after": ["coverage"] },
            },
            {
                "line": "tm3",
                "batch": "R12",
                "verdict": { "before": null, "after": "unknown" },
                "first_flag": { "before": null, "after": null },
                "reasons": { "before": [], "after": [] },
            },
        ]);
        assert_eq!(json["batches"], expected);
    }

    #[test]
    fn flag_counts_once_until_it_is_withdrawn_or_another_batch_has_it() {
        let say = |batch, call| Effect::Verdict(document(batch, call, Vec::new()));
        let one =
            told([say("R1", Call::AtRisk), say("R1", Call::OffSpec), say("R2", Call::OffSpec)]);
        let again = told([
            say("R1", Call::AtRisk),
            say("R1", Call::OnSpec),
            say("R1", Call::AtRisk),
            say("R2", Call::OnSpec),
        ]);
        let none = told([say("R1", Call::OnSpec)]);
        assert!(!compare(&one, &again).differs);
        let comparison = compare(&one, &none);
        assert!(comparison.differs);
        assert_eq!(comparison.figures.flags, Pair { before: 2, after: 0 });
    }

    #[test]
    fn alarms_and_sensors_are_named_where_they_differ() {
        let alarm = |alarm: &str, state| {
            Effect::Alarm(AlarmRecord {
                isa: crate::alarm::IsaState::Unacknowledged,
                change: "raised",
                by: None,
                note: None,
                line: "tm3".into(),
                alarm: alarm.into(),
                at: AT,
                state,
                severity: Severity::Warning,
                priority: None,
                message: "".into(),
                id: "".into(),
            })
        };
        let sick = |tag: &str, fault: &str| {
            Effect::Notification(Box::new(Notification {
                kind: EventKind::SensorUnhealthy,
                id: "".into(),
                at: AT,
                site: "".into(),
                line: "tm3".into(),
                severity: Severity::Warning,
                priority: None,
                occurrence: 1,
                revision: 1,
                alarm: "".into(),
                title: "".into(),
                text: "".into(),
                subject: Subject::Sensor {
                    tag: tag.into(),
                    fault: fault.into(),
                    since: AT,
                    behind_ms: None,
                },
                told: vec![],
                response: crate::alarm::Response::default(),
            }))
        };
        let before = told([
            alarm("tm3/batch", "active"),
            alarm("tm3/batch", "normal"),
            alarm("tm3/batch", "active"),
            alarm("tm3/blind", "active"),
            sick("steam", "stuck"),
            sick("speed", "range"),
        ]);
        let after = told([
            alarm("tm3/batch", "active"),
            alarm("tm3/blind", "active"),
            sick("steam", "stuck"),
            sick("steam", "spike"),
            sick("speed", "range"),
        ]);
        let json = serde_json::to_value(compare(&before, &after)).unwrap();
        assert_eq!(json["figures"]["alarms"], serde_json::json!({ "before": 3, "after": 2 }));
        assert_eq!(json["alarms"], serde_json::json!({ "tm3/batch": { "before": 2, "after": 1 } }));
        let steam = serde_json::json!({ "tm3/steam": { "before": ["stuck"], "after": ["spike", "stuck"] } });
        assert_eq!(json["sensors"], steam);
    }

    #[test]
    fn batches_of_two_lines_are_two_whatever_they_are_called() {
        let of = |line: &str, call| {
            let mut effects = finished("R1", 0, call, Vec::new());
            let Effect::Batch(record) = &mut effects[0] else { unreachable!("it is the first") };
            record.line = line.into();
            effects
        };
        let both = |other| told(of("tm3", other).into_iter().chain(of("tm4", Call::OnSpec)));
        let comparison = compare(&both(Call::OnSpec), &both(Call::OffSpec));
        let changed: Vec<&str> = comparison.batches.iter().map(|change| &*change.line).collect();
        assert_eq!(changed, ["tm3"]);
    }

    #[test]
    fn other_figures_are_a_change() {
        let mut after = Summary { judged: 1, ..Summary::default() };
        after.verdicts.insert("on-spec".into(), 3);
        let none = Told::default();
        let summary = Pair { before: &Summary::default(), after: &after };
        let comparison = Comparison::of(summary, Pair { before: &none, after: &none });
        assert!(comparison.differs);
        assert_eq!(comparison.figures.verdicts["on-spec"], Pair { before: 0, after: 3 });
    }
}

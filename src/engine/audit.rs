//! Who decided what and when, people and the daemon: entries for a log that is only ever appended to.
//!
//! Laboratory results are measurements, not decisions: they are with their batches. What is told twice is one entry.

use super::Engine;
use super::effect::{Effect, ModelRecord};
use crate::alarm::{Action, Order};
use crate::decode::{BatchEvent, BatchMessage, Rule};
use crate::plant::Plant;
use crate::reading::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use xxhash_rust::xxh3::xxh3_64;

/// So many of the newest entries are known again when they are told once more.
const KNOWN_MAX: usize = 256;

/// An entry of the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AuditRecord {
    /// When it was decided, by whoever says so.
    #[serde(skip)]
    pub at: Timestamp,
    /// What was done: `disposition`, `acknowledge`, `promote` and the like.
    #[serde(skip)]
    pub what: &'static str,
    /// The line; empty where it is of none.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub line: Arc<str>,
    /// What it was done to: a batch, an alarm, a grade's model.
    pub subject: Arc<str>,
    /// Who; nobody where the daemon did it by itself, or nobody said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<Arc<str>>,
    /// Why, in their words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<Arc<str>>,
    /// The rest of it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub detail: String,
}

impl AuditRecord {
    /// All but when and what, as JSON.
    #[must_use]
    pub fn json(&self) -> String {
        serde_json::to_string(self).expect("plain data with text keys is always JSON")
    }
}

/// What was written lately, and what is to be written.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct Audit {
    known: VecDeque<u64>,
    /// The parts of the configuration under which something was heard last, with a hash of each.
    configuration: Parts,
}

/// The parts of a configuration, with a hash of each.
pub(super) type Parts = BTreeMap<String, u64>;

impl Audit {
    /// True the first time.
    fn is_new(&mut self, record: &AuditRecord) -> bool {
        let text = format!("{}\n{}\n{}", record.at.as_nanos(), record.what, record.json());
        let hash = xxh3_64(text.as_bytes());
        if self.known.contains(&hash) {
            return false;
        }
        if self.known.len() == KNOWN_MAX {
            self.known.pop_front();
        }
        self.known.push_back(hash);
        true
    }
}

impl Engine {
    /// Writes an entry, unless it is one that was told before.
    fn write_down(&mut self, record: AuditRecord, out: &mut Vec<Effect>) {
        if self.state.audit.is_new(&record) {
            out.push(Effect::Audit(Box::new(record)));
        }
    }

    /// An event of a line may be a decision.
    pub(super) fn write_event(&mut self, message: &BatchMessage, out: &mut Vec<Effect>) {
        let (what, subject, by, note, detail) = match &message.event {
            BatchEvent::Disposition { batch, disposition, by, note } => {
                ("disposition", batch, by.clone(), note.clone(), disposition.as_str().to_owned())
            }
            BatchEvent::Action { batch, text, by } => {
                ("action", batch, by.clone(), None, text.to_string())
            }
            BatchEvent::Void { batch } => ("void", batch, None, None, String::new()),
            BatchEvent::Merge { batch, into } => {
                ("merge", batch, None, None, format!("into {into}"))
            }
            BatchEvent::Maintenance { until, by, note } => {
                ("maintenance", &message.line, by.clone(), note.clone(), format!("until {until}"))
            }
            BatchEvent::MaintenanceEnd { by, note } => {
                ("maintenance-end", &message.line, by.clone(), note.clone(), String::new())
            }
            _ => return,
        };
        let (line, subject, at) = (Arc::clone(&message.line), Arc::clone(subject), message.at);
        self.write_down(AuditRecord { at, what, line, subject, by, note, detail }, out);
    }

    /// An order about an alarm was followed.
    pub(super) fn write_order(&mut self, order: &Order, out: &mut Vec<Effect>) {
        let until = match order.action {
            Action::Shelve { until } => format!("until {until}"),
            _ => String::new(),
        };
        let line = order.alarm.split_once('/').map_or("", |(line, _)| line);
        let line = if self.plant.line_ix(line).is_some() { line } else { "" };
        let record = AuditRecord {
            at: order.at,
            what: order.action.word(),
            line: line.into(),
            subject: Arc::clone(&order.alarm),
            by: order.by.clone(),
            note: order.note.clone(),
            detail: until,
        };
        self.write_down(record, out);
    }

    /// A person promotes a model, or takes that back.
    pub(super) fn write_promotion(
        &mut self,
        (line, grade): (&Arc<str>, &Arc<str>),
        (what, detail): (&'static str, String),
        (by, at): (Option<Arc<str>>, Timestamp),
        out: &mut Vec<Effect>,
    ) {
        let (line, subject) = (Arc::clone(line), Arc::clone(grade));
        self.write_down(AuditRecord { at, what, line, subject, by, note: None, detail }, out);
    }

    /// Models that judge from now on.
    pub(super) fn write_models(&mut self, before: usize, out: &mut Vec<Effect>) {
        let of = |effect: &Effect| match effect {
            Effect::Model(ModelRecord { line, grade, kind, version, at, judges: true, .. }) => {
                Some(AuditRecord {
                    at: *at,
                    what: "model",
                    line: Arc::clone(line),
                    subject: Arc::clone(grade),
                    by: None,
                    note: None,
                    detail: format!("{kind} version {version} judges"),
                })
            }
            _ => None,
        };
        let records: Vec<AuditRecord> = out[before..].iter().filter_map(of).collect();
        for record in records {
            self.write_down(record, out);
        }
    }

    /// Another configuration is in force, as of the first thing that is heard under it. The first of all is none.
    pub(super) fn write_configuration(&mut self, at: Timestamp, out: &mut Vec<Effect>) {
        if !std::mem::take(&mut self.is_reconfigured) {
            return;
        }
        self.end_undeclared(at, out);
        let now = parts(&self.plant, &self.rules);
        let before = std::mem::replace(&mut self.state.audit.configuration, now);
        let detail = difference(&before, &self.state.audit.configuration);
        if before.is_empty() || detail.is_empty() {
            return;
        }
        let (line, subject) = ("".into(), "plant".into());
        let (by, note) = (None, None);
        let record = AuditRecord { at, what: "configuration", line, subject, by, note, detail };
        self.write_down(record, out);
    }
}

/// What a configuration of the plant consists of.
fn parts(plant: &Plant, rules: &[Rule]) -> Parts {
    fn hash(part: &impl Serialize) -> u64 {
        xxh3_64(&rmp_serde::to_vec(part).expect("a configuration has no map with odd keys"))
    }
    let lines = plant.lines.iter().map(|line| (format!("line {}", line.name), hash(line)));
    let others = [
        ("site", hash(&plant.site)),
        ("grades", hash(&plant.grades)),
        ("models", hash(&plant.models)),
        ("costs", hash(&plant.costs)),
        ("alarms", hash(&plant.alarms)),
        ("undeclared", hash(&(&plant.undeclared, plant.undeclared_max))),
        ("subscriptions", hash(&rules)),
    ];
    lines.chain(others.map(|(name, hash)| (name.to_owned(), hash))).collect()
}

/// What differs between two configurations, for people.
fn difference(before: &Parts, now: &Parts) -> String {
    let mut words: Vec<String> = Vec::new();
    for (part, hash) in now {
        match before.get(part) {
            None => words.push(format!("{part} is new")),
            Some(known) if known != hash => words.push(part.clone()),
            Some(_) => {}
        }
    }
    let gone = before.keys().filter(|part| !now.contains_key(*part));
    words.extend(gone.map(|part| format!("{part} is gone")));
    words.join(", ")
}

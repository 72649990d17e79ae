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
use std::collections::VecDeque;
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
    /// What another configuration changes, until somebody says when that is.
    reconfigured: Option<String>,
}

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

    /// Another configuration is in force, as of the first thing that is heard under it.
    pub(super) fn write_configuration(&mut self, at: Timestamp, out: &mut Vec<Effect>) {
        let Some(detail) = self.state.audit.reconfigured.take() else { return };
        let record = AuditRecord {
            at,
            what: "configuration",
            line: "".into(),
            subject: "plant".into(),
            by: None,
            note: None,
            detail,
        };
        self.write_down(record, out);
    }

    /// The state under another configuration, with what that changes.
    pub(super) fn keep_audit(&mut self, old: Audit, changed: String) {
        self.state.audit = Audit { reconfigured: Some(changed), ..old };
    }
}

/// What differs between two configurations, for people.
pub(super) fn difference(
    (old, old_rules): (&Plant, &[Rule]),
    (new, new_rules): (&Plant, &[Rule]),
) -> String {
    let mut parts: Vec<String> = Vec::new();
    for line in &new.lines {
        match old.lines.iter().find(|known| known.name == line.name) {
            None => parts.push(format!("line {} is new", line.name)),
            Some(known) if known != line => parts.push(format!("line {}", line.name)),
            Some(_) => {}
        }
    }
    let gone = old.lines.iter().filter(|line| new.line_ix(&line.name).is_none());
    parts.extend(gone.map(|line| format!("line {} is gone", line.name)));
    let others = [
        ("site", old.site != new.site),
        ("grades", old.grades != new.grades),
        ("models", old.models != new.models),
        ("costs", old.costs != new.costs),
        ("alarms", old.alarms != new.alarms),
        (
            "undeclared",
            (old.undeclared, old.undeclared_max) != (new.undeclared, new.undeclared_max),
        ),
        ("subscriptions", old_rules != new_rules),
    ];
    parts.extend(others.into_iter().filter(|(_, differ)| *differ).map(|(name, _)| name.to_owned()));
    parts.join(", ")
}

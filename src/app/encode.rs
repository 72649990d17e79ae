//! Effects become what the store keeps: entries of outboxes, rows, blocks of frames.

use super::fits::FrameRun;
use super::registry;
use crate::engine::{BatchRecord, Effect, ModelRecord};
use crate::influx::{Encoded, IN_ORDER, Lines, READINGS, RESULTS};
use crate::plant::Plant;
use crate::reading::Timestamp;
use crate::store::{
    AuditRow, BatchRow, EdgeRow, FrameBlock, ModelRow, NotificationRow, Put, SheetPart, SheetRow,
};
use crate::verdict::Document;
use crate::webhook;
use serde::Serialize;
use std::sync::Arc;
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// The outbox of MQTT.
pub(super) const MQTT: &str = "mqtt";

/// Lines in one entry of an InfluxDB outbox at most: one request takes it whole.
const LINES_IN_ENTRY: u32 = 5000;

/// Who wants to be told.
#[derive(Debug, Clone, Default)]
pub struct Outputs {
    /// True if InfluxDB is configured.
    pub influx: bool,
    /// True if verdicts are published.
    pub mqtt: bool,
    /// The webhooks.
    pub webhooks: Vec<webhook::Settings>,
    /// Where the links in events lead.
    pub links: webhook::Links,
}

/// An entry of an outbox that owns its parts.
#[derive(Debug)]
struct Entry {
    outbox: String,
    key: String,
    replace: bool,
    count: u32,
    body: Vec<u8>,
}

/// A part of a batch's sheet that owns its parts.
#[derive(Debug)]
struct Sheet {
    line: Arc<str>,
    batch: Arc<str>,
    part: SheetPart,
    body: Vec<u8>,
}

/// What a group caused, ready for the store.
#[derive(Debug, Default)]
pub(super) struct Group {
    lines: Encoded,
    entries: Vec<Entry>,
    batches: Vec<(BatchRecord, String, Vec<EdgeRow>)>,
    sheets: Vec<Sheet>,
    audit: Vec<(Timestamp, &'static str, String)>,
    notifications: Vec<(&'static str, Arc<str>, String)>,
    frames: Vec<FrameRun>,
    models: Vec<(ModelRecord, String)>,
    hash: u64,
}

impl Group {
    /// An empty group that goes on from a running hash.
    pub(super) fn after(hash: u64) -> Self {
        Self { hash, ..Self::default() }
    }

    /// The running hash of the effects.
    pub(super) fn hash(&self) -> u64 {
        self.hash
    }

    /// Takes an effect of what came at `now`, by the daemon's clock.
    pub(super) fn take(&mut self, effect: &Effect, outputs: &Outputs, now: Option<Timestamp>) {
        self.line(effect, outputs);
        match effect {
            Effect::Notification(notification) => {
                self.add_to_hash(notification.id.as_bytes());
                // For the log: in the language of the site, and without a link that acknowledges, for anybody may read it.
                let page = outputs.links.page.as_deref();
                let told = webhook::standard(notification, page, &webhook::Audience::default());
                let line = Arc::clone(&notification.line);
                self.notifications.push((notification.kind.as_str(), line, told));
                for hook in &outputs.webhooks {
                    if webhook::wants(hook, notification) {
                        let now = now.unwrap_or(notification.at);
                        let body = outputs.links.standard(notification, hook, now);
                        self.entry(webhook::outbox_name(&hook.name), &notification.id, false, body);
                    }
                }
            }
            Effect::Verdict(document) => {
                let key = topic(document, "verdict");
                self.document(document, &key, true, outputs);
            }
            Effect::BatchVerdict(document) => {
                let key = topic(document, "batch");
                self.document(document, &key, false, outputs);
            }
            Effect::Batch(record) => {
                let json = serde_json::to_string(record).expect("a record has only text keys");
                self.add_to_hash(json.as_bytes());
                let edges = record.edges().map(|edge| EdgeRow {
                    source: edge.consumed.from.to_string(),
                    consumed: serde_json::to_string(&edge.consumed)
                        .expect("what was consumed has only text keys"),
                    batch: edge.batch.to_string(),
                });
                self.batches.push(((**record).clone(), json, edges.collect()));
            }
            Effect::Sections(record) => {
                self.sheet((&record.line, &record.batch), SheetPart::Sections, record);
            }
            Effect::Sheet(record) => {
                self.sheet((&record.line, &record.batch), SheetPart::Found, record);
            }
            Effect::Audit(record) => {
                let json = record.json();
                self.add_to_hash(json.as_bytes());
                self.audit.push((record.at, record.what, json));
            }
            Effect::Frame(frame) => FrameRun::collect(&mut self.frames, frame),
            Effect::Model(record) => {
                let header = crate::models::Model::from_bytes(&record.artifact)
                    .map_or_else(|_| "{}".into(), |model| model.header_json());
                let header = registry::marked(&header, record.judges, record.by_person);
                self.models.push((record.clone(), header));
            }
            _ => {}
        }
    }

    /// Lines are made even where no InfluxDB is configured: the running hash, by which a start knows
    /// that the journal still gives the same effects, must not depend on who is told.
    fn line(&mut self, effect: &Effect, outputs: &Outputs) {
        let before = (self.lines.readings.bytes.len(), self.lines.results.bytes.len());
        self.lines.push(effect);
        for new in [&self.lines.readings.bytes[before.0..], &self.lines.results.bytes[before.1..]] {
            if !new.is_empty() {
                self.hash = xxh3_64_with_seed(new, self.hash);
            }
        }
        if self.lines.readings.count >= LINES_IN_ENTRY || self.lines.results.count >= LINES_IN_ENTRY
        {
            self.finish(outputs);
        }
    }

    fn document(&mut self, document: &Document, key: &str, replace: bool, outputs: &Outputs) {
        let body = serde_json::to_string(document).expect("a document has only text keys");
        self.add_to_hash(body.as_bytes());
        if outputs.mqtt {
            self.entry(MQTT.into(), key, replace, body);
        }
    }

    fn sheet(
        &mut self,
        (line, batch): (&Arc<str>, &Arc<str>),
        part: SheetPart,
        record: &impl Serialize,
    ) {
        let body = serde_json::to_vec(record).expect("a sheet has only text keys");
        self.add_to_hash(&body);
        let (line, batch) = (Arc::clone(line), Arc::clone(batch));
        self.sheets.push(Sheet { line, batch, part, body });
    }

    fn entry(&mut self, outbox: String, key: &str, replace: bool, body: String) {
        self.entries.push(Entry {
            outbox,
            key: key.into(),
            replace,
            count: 1,
            body: body.into_bytes(),
        });
    }

    fn add_to_hash(&mut self, bytes: &[u8]) {
        self.hash = xxh3_64_with_seed(bytes, self.hash);
    }

    /// Closes the open entries of InfluxDB.
    pub(super) fn finish(&mut self, outputs: &Outputs) {
        let lines = std::mem::take(&mut self.lines);
        if !outputs.influx {
            return;
        }
        for (outbox, Lines { bytes, count, in_order }) in
            [(READINGS, lines.readings), (RESULTS, lines.results)]
        {
            if count > 0 {
                let key = if in_order { IN_ORDER } else { "" };
                self.entries.push(Entry {
                    outbox: outbox.into(),
                    key: key.into(),
                    replace: false,
                    count,
                    body: bytes,
                });
            }
        }
    }

    pub(super) fn puts(&self) -> Vec<Put<'_>> {
        self.entries
            .iter()
            .map(|entry| Put {
                outbox: &entry.outbox,
                key: &entry.key,
                replace: entry.replace,
                count: entry.count,
                body: &entry.body,
            })
            .collect()
    }

    pub(super) fn batch_rows(&self) -> Vec<BatchRow<'_>> {
        self.batches
            .iter()
            .map(|(record, json, edges)| BatchRow {
                line: &record.line,
                batch: &record.batch,
                started: record.started,
                ended: record.ended,
                record: json,
                edges,
            })
            .collect()
    }

    pub(super) fn audit_rows(&self) -> Vec<AuditRow<'_>> {
        self.audit.iter().map(|(at, what, entry)| AuditRow { at: *at, what, entry }).collect()
    }

    pub(super) fn notification_rows(&self) -> Vec<NotificationRow<'_>> {
        self.notifications
            .iter()
            .map(|(kind, line, body)| NotificationRow { kind, line, body: body.as_bytes() })
            .collect()
    }

    pub(super) fn sheet_rows(&self) -> Vec<SheetRow<'_>> {
        self.sheets
            .iter()
            .map(|Sheet { line, batch, part, body }| SheetRow { line, batch, part: *part, body })
            .collect()
    }

    /// Says of every run of frames what its values are.
    pub(super) fn name_frames(&mut self, plant: &Plant) {
        self.frames.iter_mut().for_each(|run| run.name(plant));
    }

    pub(super) fn frame_blocks(&self) -> Vec<FrameBlock<'_>> {
        self.frames.iter().map(FrameRun::block).collect()
    }

    pub(super) fn model_rows(&self) -> Vec<ModelRow<'_>> {
        self.models
            .iter()
            .map(|(record, header)| ModelRow {
                id: record.id,
                line: &record.line,
                grade: &record.grade,
                kind: &record.kind,
                version: record.version,
                at: record.at,
                header,
                artifact: &record.artifact,
                active: record.judges,
            })
            .collect()
    }
}

/// The topic of a document below the prefix: of a station's batch, `{line}/{station}/{what}`.
fn topic(document: &Document, what: &str) -> String {
    match &document.station {
        Some(station) => format!("{}/{station}/{what}", document.line),
        None => format!("{}/{what}", document.line),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stations_have_topics_of_their_own() {
        let mut document: Document = serde_json::from_value(serde_json::json!({
            "line": "tm3", "batch": "U1", "grade": null, "verdict": "unknown", "since": 0,
            "probability_off_spec": null, "progress": 1.0, "reasons": [], "first_mover": null,
            "spans": [], "revision": 1, "ts": 0, "valid_until": 180_000
        }))
        .unwrap();
        assert_eq!(topic(&document, "batch"), "tm3/batch");
        document.station = Some("unwind".into());
        assert_eq!(topic(&document, "batch"), "tm3/unwind/batch");
    }
}

//! Looks at everything that the engine says, event by event: what must be true whatever comes.

use super::along;
use super::told::Told;
use onspec::alarm::{EventKind, Notification, Subject};
use onspec::engine::{BatchRecord, Effect, SectionsRecord};
use onspec::reading::Timestamp;
use onspec::verdict::Document;
use std::collections::{BTreeMap, BTreeSet};

/// What was said until now.
#[derive(Debug, Default)]
pub(super) struct Watch {
    /// The newest record of each batch.
    pub(super) records: BTreeMap<String, BatchRecord>,
    /// The faults, in order.
    pub(super) faults: Vec<String>,
    /// Records of batches that there were.
    pub(super) revisions: u64,
    notifications: BTreeMap<String, Notification>,
    /// The batches of which a webhook, and a document, said that they are finished.
    finished: (BTreeSet<String>, BTreeSet<String>),
    /// The ends that were told, and may contradict a start: batch and instant.
    ends: BTreeSet<(String, Timestamp)>,
    /// The revision of the newest document of each batch.
    documents: BTreeMap<String, u32>,
    /// When it was known first of each batch that it is over.
    over: BTreeMap<String, Timestamp>,
    /// What was seen along each batch, as it was said last.
    pub(super) sections: BTreeMap<String, SectionsRecord>,
    /// Batches of which it was said what to take off.
    pub(super) slabs: BTreeSet<String>,
}

/// What is not as it must be.
pub(super) type Wrong = Result<(), String>;

/// A violation, unless something holds.
pub(super) fn holds(it: bool, words: impl FnOnce() -> String) -> Wrong {
    if it { Ok(()) } else { Err(words()) }
}

fn is_share(share: Option<f64>) -> bool {
    share.is_none_or(|share| (0.0..=1.0).contains(&share))
}

fn is_amount(amount: Option<f64>) -> bool {
    amount.is_none_or(|amount| amount.is_finite() && amount >= 0.0)
}

/// True of effects that say something of batches.
pub(super) fn is_news(effect: &Effect) -> bool {
    let Effect::Notification(news) = effect else {
        return matches!(effect, Effect::Batch(_) | Effect::BatchVerdict(_));
    };
    matches!(news.subject, Subject::Batch { .. })
}

/// A record but for its revision.
pub(super) fn without_revision(record: &BatchRecord) -> BatchRecord {
    BatchRecord { revision: 0, ..record.clone() }
}

impl Watch {
    /// An end comes.
    pub(super) fn told_end(&mut self, told: &Told, at: Timestamp) {
        self.ends.insert((told.batch.clone(), at));
    }

    /// Takes what came `now` of one arrival, which `says` something that was not told before, or may.
    pub(super) fn take(&mut self, effects: &[Effect], says: bool, now: Timestamp) -> Wrong {
        let mut changed = false;
        for effect in effects {
            match effect {
                Effect::Batch(record) => {
                    self.record(record, says)?;
                    if record.ended.is_some() {
                        self.over.entry(record.batch.to_string()).or_insert(now);
                    }
                    changed = true;
                }
                Effect::Notification(news) => self.notification(news)?,
                Effect::Verdict(document) => self.document(document)?,
                Effect::BatchVerdict(document) => {
                    self.document(document)?;
                    let batch = document.batch.as_deref().unwrap_or_default().to_owned();
                    let known = !self.finished.1.insert(batch.clone());
                    holds(!known, || format!("batch `{batch}` was finished twice over MQTT"))?;
                }
                Effect::Sections(record) => {
                    self.sections.insert(record.batch.to_string(), (**record).clone());
                }
                Effect::Sheet(sheet) => self.document(&sheet.verdict)?,
                Effect::Fault(record) => self.faults.push(record.fault.detail.clone()),
                _ => {}
            }
        }
        for effect in effects {
            let of = |id: &str| self.records.get(id).map(|record| (record, self.over.get(id)));
            match effect {
                Effect::Sections(record) => along::sections(record, of(&record.batch))?,
                Effect::Sheet(sheet) => along::sheet(sheet, of(&sheet.batch))?,
                _ => {}
            }
        }
        if changed { self.batches() } else { Ok(()) }
    }

    fn record(&mut self, record: &BatchRecord, says: bool) -> Wrong {
        let id = record.batch.to_string();
        let words = |what: &str| format!("{what}: {record:?}");
        let ended = record.ended;
        holds(ended.is_none_or(|ended| record.started <= ended), || {
            words("ends before its begin")
        })?;
        let shares = is_share(record.off_spec_share) && is_share(record.probability_off_spec);
        holds(shares, || words("a share is none"))?;
        let amounts = [record.length_m, record.mass_kg, record.first_flag_lead_s];
        holds(amounts.into_iter().all(is_amount), || words("an amount is none"))?;
        holds(record.lab.iter().all(|(_, value)| value.is_finite()), || words("no result"))?;
        holds(record.lab.len() <= 1000 && record.consumed.len() <= 1000, || words("too much"))?;
        let flags = [record.first_flag, record.flagged_since];
        let after = flags.into_iter().flatten().all(|flag| flag >= record.started);
        holds(after, || words("flagged before its begin"))?;
        along::phases(record)?;
        let merged = record.merged_into.is_none() || record.verdict.is_none();
        holds(merged, || words("it is part of another one and has a verdict"))?;
        if let Some(before) = self.records.get(&id) {
            let words = |what: &str| format!("{what}:\n  {before:?}\n  {record:?}");
            holds(before.revision < record.revision, || words("the revision does not rise"))?;
            holds(before.point_time() == record.point_time(), || words("another point"))?;
            holds(before.station == record.station, || words("another station"))?;
            let unchanged = before.verdict.is_some() || record.verdict.is_none();
            holds(unchanged, || words("it is void no more"))?;
            let unchanged =
                before.merged_into.is_none() || before.merged_into == record.merged_into;
            holds(unchanged, || words("it is part of another one than before"))?;
            let unchanged = before.ended.is_none() || record.ended.is_some();
            holds(unchanged, || words("it is in progress again"))?;
            let new = says || without_revision(before) != without_revision(record);
            holds(new, || words("it says nothing new"))?;
        }
        self.revisions += 1;
        self.records.insert(id, record.clone());
        Ok(())
    }

    fn notification(&mut self, news: &Notification) -> Wrong {
        if let Subject::Batch { batch, verdict, .. } = &news.subject {
            self.document(verdict)?;
            if news.kind == EventKind::BatchFinished {
                let known = !self.finished.0.insert(batch.to_string());
                holds(!known, || format!("batch `{batch}` was finished twice by webhook"))?;
            }
        }
        let before = self.notifications.insert(news.id.to_string(), news.clone());
        holds(before.is_none(), || format!("one id for two events:\n  {before:?}\n  {news:?}"))
    }

    fn document(&mut self, document: &Document) -> Wrong {
        let words = |what: &str| format!("{what}: {document:?}");
        holds(document.since <= document.ts, || words("since after ts"))?;
        holds(document.valid_until == document.ts + Document::VALID_MS, || words("validity"))?;
        let shares = is_share(document.progress) && is_share(document.probability_off_spec);
        holds(shares, || words("a share is none"))?;
        let known = [None, Some("paused"), Some("settling"), Some("grade-change")];
        holds(known.contains(&document.state.as_deref()), || words("unknown state"))?;
        let spans = document
            .spans
            .iter()
            .all(|span| span.from <= span.to && is_amount(span.from_m) && is_amount(span.to_m));
        holds(spans, || words("a span that is none"))?;
        along::spans(document, document.batch.as_deref().and_then(|id| self.records.get(id)))?;
        if let (Some(batch), true) = (&document.batch, document.slab.is_some()) {
            self.slabs.insert(batch.to_string());
        }
        if let Some(batch) = &document.batch {
            let newest = self.documents.entry(batch.to_string()).or_default();
            holds(*newest <= document.revision, || words("an older revision"))?;
            *newest = document.revision;
        }
        Ok(())
    }

    /// The batches of each station beside one another.
    fn batches(&self) -> Wrong {
        let mut stations: BTreeMap<Option<&str>, Vec<&BatchRecord>> = BTreeMap::new();
        for record in self.records.values() {
            stations.entry(record.station.as_deref()).or_default().push(record);
        }
        for batches in stations.values_mut() {
            let current = batches.iter().filter(|record| record.ended.is_none());
            holds(current.count() <= 1, || format!("two batches in progress: {batches:?}"))?;
            batches.sort_by_key(|record| (record.started, record.ended));
            for (ix, record) in batches.iter().enumerate() {
                // Of a batch whose beginning is not known only the end is.
                let mut next =
                    batches[ix + 1..].iter().filter(|next| Some(next.started) != next.ended);
                let next = next.find(|next| next.started > record.started);
                let (Some(next), Some(ended)) = (next, record.ended) else { continue };
                // Who told a begin within a batch whose end was told told two things that cannot be.
                let told = self.ends.contains(&(record.batch.to_string(), ended));
                holds(told || ended <= next.started, || {
                    format!("two batches at once:\n  {record:?}\n  {next:?}")
                })?;
            }
        }
        Ok(())
    }

    /// At the end, every batch that is finished was told as such.
    pub(super) fn all_told(&self) -> Wrong {
        let finished = self.records.values().filter(|record| record.ended.is_some());
        let finished: BTreeSet<String> = finished.map(|record| record.batch.to_string()).collect();
        let (webhook, mqtt) = &self.finished;
        holds(finished == *webhook && finished == *mqtt, || {
            format!("finished {finished:?}, by webhook {webhook:?}, over MQTT {mqtt:?}")
        })
    }
}

//! The judge of the batch in progress.

use super::document::{Call, Learning, Reason, SpanDocument};
use crate::batch::{Batch, Stretch};
use crate::decode::Disposition;
use crate::plant::Grade;
use crate::reading::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// A flag is withdrawn after so long below [`CALM`] of its limit.
const WITHDRAW_AFTER: Duration = Duration::from_secs(600);

/// The share of its limit below which a statistic is calm.
const CALM: f64 = 0.8;

/// A quality tag that has been outside its limits for so long puts the batch at risk; also the time
/// for which data may be missing before the verdict becomes unknown, and the time of good data that
/// a new batch needs to be called on spec.
const PATIENCE: Duration = Duration::from_secs(60);

/// The share of a batch that must have been seen to call it on spec.
const COVERAGE: f64 = 0.8;

/// Without an earlier batch to compare with, a batch is taken to last at least so long, s.
const LEAST_BATCH_S: f64 = 600.0;

/// Tags named in a reason.
const TAGS_NAMED: usize = 5;

/// What the process model says of a frame.
#[derive(Debug, Clone, PartialEq)]
pub struct ProcessEvidence {
    /// The score, 1.0 is the limit; `None` if the frame cannot be judged.
    pub score: Option<f64>,
    /// The statistic that leads.
    pub statistic: Arc<str>,
    /// The tags that contribute, greatest first; empty unless the score is above 0.8.
    pub tags: Vec<(Arc<str>, f64)>,
    /// The watched tags that are missing from the frame.
    pub missing: Vec<Arc<str>>,
    /// The share of the model's weight that is there, 0–1.
    pub coverage: f64,
}

/// Everything the judge looks at, at a frame's end.
#[derive(Debug, Clone, Copy)]
pub struct Evidence<'a> {
    /// The frame's end.
    pub at: Timestamp,
    /// The batch in progress; `None` on lines without batches.
    pub batch: Option<&'a Batch>,
    /// The limits of its grade.
    pub grade: Option<&'a Grade>,
    /// What the model says; `None` while there is none.
    pub process: Option<&'a ProcessEvidence>,
    /// How far the first model is, while there is none.
    pub learning: Option<Learning>,
    /// True if the line is in a state in which a model may judge: not in a change of grade, nor just
    /// after a break.
    pub steady: bool,
    /// The quality tags with limits that the frame does not have.
    pub missing: &'a [Arc<str>],
    /// The amount the batch is expected to have (metres or seconds, as the batch counts).
    pub expected: Option<f64>,
}

/// What the judge says.
#[derive(Debug, Clone, PartialEq)]
pub struct Opinion {
    /// The call.
    pub call: Call,
    /// Since when it holds; for a flag, since when the process has been going wrong.
    pub since: Timestamp,
    /// The evidence, the weightiest first.
    pub reasons: Vec<Reason>,
    /// The tag that contributed most when the flag was raised.
    pub first_mover: Option<Arc<str>>,
    /// The stretches affected.
    pub spans: Vec<SpanDocument>,
    /// How much of the batch is made, 0–1.
    pub progress: Option<f64>,
    /// True if the call, or what it rests on, changed since the last opinion.
    pub changed: bool,
}

/// A flag raised by the process model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct ProcessFlag {
    /// When the score was last calm before.
    since: Timestamp,
    since_m: Option<f64>,
    /// When the score was last not calm.
    last: Timestamp,
    last_m: Option<f64>,
    statistic: Arc<str>,
    peak: f64,
    tags: Vec<(Arc<str>, f64)>,
    first_mover: Option<Arc<str>>,
}

/// The judge's memory of one batch.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Judge {
    process: Option<ProcessFlag>,
    /// Quality tags that flag the batch, and when each was last outside.
    spec: BTreeMap<Arc<str>, Timestamp>,
    /// Quality tags that made it off spec: for ever.
    broken: Vec<Arc<str>>,
    /// The last frame end at which the score was calm, and the metres then.
    calm: Option<(Timestamp, Option<f64>)>,
    /// The last frame end with enough data.
    enough: Option<Timestamp>,
    /// The first frame end.
    first: Option<Timestamp>,
    frames: u64,
    judged: u64,
    call: Call,
    call_since: Option<Timestamp>,
    basis: Vec<String>,
}

impl Judge {
    /// The call that stands.
    #[must_use]
    pub fn call(&self) -> Call {
        self.call
    }

    /// Looks at a frame.
    pub fn judge(&mut self, evidence: &Evidence<'_>) -> Opinion {
        self.first.get_or_insert(evidence.at);
        self.frames += u64::from(evidence.steady);
        let position = evidence.batch.and_then(|batch| batch.made_m);
        if let Some(process) = evidence.process {
            self.follow_process(evidence.at, position, process);
        }
        if let (Some(batch), Some(grade)) = (evidence.batch, evidence.grade) {
            self.follow_spec(evidence, batch, grade);
        }
        let can_judge = evidence.process.is_some_and(|process| process.score.is_some());
        self.judged += u64::from(can_judge);
        if can_judge && evidence.missing.is_empty() {
            self.enough = Some(evidence.at);
        }
        let call = self.call_in_progress(evidence);
        self.opinion(evidence, call)
    }

    /// The opinion on a batch that ended, and again whenever something new is known about it.
    pub fn conclude(&mut self, evidence: &Evidence<'_>) -> Opinion {
        if let (Some(batch), Some(grade)) = (evidence.batch, evidence.grade) {
            let amount = batch.amount();
            for tag in grade.spec.keys() {
                let broken = amount > 0.0 && batch.amount_out(tag) > grade.off_share() * amount;
                if broken && !self.broken.contains(tag) {
                    self.broken.push(Arc::clone(tag));
                }
            }
        }
        let call = if self.is_broken(evidence) {
            Call::OffSpec
        } else if self.process.is_some() || !self.spec.is_empty() {
            Call::AtRisk
        } else if evidence.batch.is_some_and(|batch| batch.begin_known) && self.was_seen(evidence) {
            Call::OnSpec
        } else {
            Call::Unknown
        };
        self.opinion(evidence, call)
    }

    fn follow_process(&mut self, at: Timestamp, position: Option<f64>, process: &ProcessEvidence) {
        let Some(score) = process.score else { return };
        if score < CALM {
            self.calm = Some((at, position));
            if self.process.as_ref().is_some_and(|flag| at >= flag.last.plus(WITHDRAW_AFTER)) {
                self.process = None;
            }
            return;
        }
        match &mut self.process {
            Some(flag) => {
                flag.last = at;
                flag.last_m = position;
                if score > flag.peak {
                    flag.peak = score;
                    flag.statistic = Arc::clone(&process.statistic);
                    flag.tags = named(&process.tags);
                }
            }
            None if score > 1.0 => {
                let (since, since_m) = self.calm.unwrap_or((self.first.unwrap_or(at), Some(0.0)));
                self.process = Some(ProcessFlag {
                    since,
                    since_m: position.and(since_m),
                    last: at,
                    last_m: position,
                    statistic: Arc::clone(&process.statistic),
                    peak: score,
                    tags: named(&process.tags),
                    first_mover: process.tags.first().map(|(tag, _)| Arc::clone(tag)),
                });
            }
            None => {}
        }
    }

    fn follow_spec(&mut self, evidence: &Evidence<'_>, batch: &Batch, grade: &Grade) {
        let amount = batch.amount();
        let least = if batch.made_m.is_some() {
            amount / batch.made_s.max(1.0) * LEAST_BATCH_S
        } else {
            LEAST_BATCH_S
        };
        let whole = evidence.expected.unwrap_or(least).max(amount);
        for (tag, quality) in &batch.quality {
            if batch.amount_out(tag) > grade.off_share() * whole && !self.broken.contains(tag) {
                self.broken.push(Arc::clone(tag));
            }
            let flagged = self.spec.contains_key(tag);
            if quality.out_since.is_some_and(|since| flagged || evidence.at >= since.plus(PATIENCE))
            {
                self.spec.insert(Arc::clone(tag), evidence.at);
            }
        }
        self.spec.retain(|_, last| evidence.at < last.plus(WITHDRAW_AFTER));
    }

    fn call_in_progress(&self, evidence: &Evidence<'_>) -> Call {
        if self.is_broken(evidence) {
            return Call::OffSpec;
        }
        if self.process.is_some() || !self.spec.is_empty() {
            return Call::AtRisk;
        }
        let fresh = self.enough.is_some_and(|enough| evidence.at <= enough.plus(PATIENCE));
        let long_enough = self.first.is_some_and(|first| evidence.at >= first.plus(PATIENCE))
            || evidence.batch.is_none();
        if fresh && long_enough && self.was_seen(evidence) { Call::OnSpec } else { Call::Unknown }
    }

    /// True if what is made breaks a limit: enough of it outside, a laboratory result, a person.
    fn is_broken(&self, evidence: &Evidence<'_>) -> bool {
        !self.broken.is_empty()
            || evidence.batch.is_some_and(|batch| {
                person(batch).is_some()
                    || evidence.grade.is_some_and(|grade| batch.lab_outside(grade).is_some())
            })
    }

    /// True if enough of the batch was seen, by the model and by every quality tag with limits.
    #[expect(clippy::cast_precision_loss, reason = "a batch has far fewer than 2^53 frames")]
    fn was_seen(&self, evidence: &Evidence<'_>) -> bool {
        if (self.judged as f64) < COVERAGE * self.frames as f64 {
            return false;
        }
        let (Some(batch), Some(grade)) = (evidence.batch, evidence.grade) else { return true };
        let needed = COVERAGE * batch.amount();
        grade.spec.keys().all(|tag| batch.amount_seen(tag) >= needed)
    }

    fn opinion(&mut self, evidence: &Evidence<'_>, call: Call) -> Opinion {
        let reasons = self.reasons(evidence, call);
        let basis: Vec<String> = reasons.iter().map(basis).collect();
        let changed = call != self.call || basis != self.basis || self.call_since.is_none();
        if call != self.call || self.call_since.is_none() {
            self.call_since = Some(self.begin_of(evidence, call));
        }
        self.call = call;
        self.basis = basis;
        Opinion {
            call,
            since: self.call_since.unwrap_or(evidence.at),
            reasons,
            first_mover: self.process.as_ref().and_then(|flag| flag.first_mover.clone()),
            spans: self.spans(evidence),
            progress: progress(evidence),
            changed,
        }
    }

    /// Since when a new call holds: a flag's, since the first of what it rests on began.
    fn begin_of(&self, evidence: &Evidence<'_>, call: Call) -> Timestamp {
        if !call.is_flag() {
            return evidence.at;
        }
        let process = self.process.as_ref().map(|flag| flag.since);
        let spec = evidence.batch.into_iter().flat_map(|batch| {
            let flagging =
                |tag: &&Arc<str>| self.spec.contains_key(*tag) || self.broken.contains(*tag);
            batch.quality.keys().filter(flagging).filter_map(|tag| {
                batch.quality.get(tag).and_then(|q| q.stretches.first()).map(|stretch| stretch.from)
            })
        });
        spec.chain(process).min().unwrap_or(evidence.at)
    }

    fn reasons(&self, evidence: &Evidence<'_>, call: Call) -> Vec<Reason> {
        let mut reasons = Vec::new();
        if let Some(batch) = evidence.batch {
            if let Some(word) = person(batch) {
                reasons.push(Reason::Person {
                    disposition: word.disposition.as_str().into(),
                    by: word.by.clone(),
                });
            }
            if let Some(grade) = evidence.grade {
                if let Some((property, value)) = batch.lab_outside(grade) {
                    let limit = &grade.lab[property];
                    reasons.push(Reason::Laboratory {
                        property: Arc::clone(property),
                        value,
                        low: limit.low,
                        high: limit.high,
                    });
                }
                reasons.extend(self.spec_reasons(batch, grade));
            }
        }
        if let Some(flag) = &self.process {
            reasons.push(Reason::Process {
                statistic: Arc::clone(&flag.statistic),
                ratio: flag.peak,
                tags: flag.tags.clone(),
            });
        }
        if call == Call::Unknown
            && let Some(reason) = self.coverage_reason(evidence)
        {
            reasons.push(reason);
        }
        reasons
    }

    fn spec_reasons(&self, batch: &Batch, grade: &Grade) -> Vec<Reason> {
        let amount = batch.amount().max(f64::MIN_POSITIVE);
        let flagging = |tag: &Arc<str>| self.broken.contains(tag) || self.spec.contains_key(tag);
        let mut reasons: Vec<(f64, Reason)> = grade
            .spec
            .iter()
            .filter(|(tag, _)| flagging(tag))
            .filter_map(|(tag, limit)| {
                let quality = batch.quality.get(tag)?;
                let share_out = (batch.amount_out(tag) / amount).min(1.0);
                let reason = Reason::Spec {
                    tag: Arc::clone(tag),
                    value: quality.smoothed?,
                    low: limit.low,
                    high: limit.high,
                    share_out,
                };
                Some((share_out, reason))
            })
            .collect();
        reasons.sort_by(|(a, _), (b, _)| b.total_cmp(a));
        reasons.into_iter().map(|(_, reason)| reason).collect()
    }

    #[expect(clippy::cast_precision_loss, reason = "a batch has far fewer than 2^53 frames")]
    fn coverage_reason(&self, evidence: &Evidence<'_>) -> Option<Reason> {
        let process = evidence.process;
        let mut tags: Vec<Arc<str>> = evidence.missing.to_vec();
        if let Some(process) = process.filter(|process| process.score.is_none()) {
            tags.extend(process.missing.iter().cloned());
        }
        let judged = self.judged as f64 / (self.frames.max(1)) as f64;
        let share = process.map_or(judged, |process| process.coverage.min(judged));
        (!tags.is_empty()).then_some(Reason::Coverage { tags, share })
    }

    fn spans(&self, evidence: &Evidence<'_>) -> Vec<SpanDocument> {
        let mut spans: Vec<SpanDocument> = Vec::new();
        if let Some(flag) = &self.process {
            spans.push(span(&Stretch {
                from: flag.since,
                to: flag.last,
                from_m: flag.since_m,
                to_m: flag.last_m,
            }));
        }
        for (tag, quality) in evidence.batch.into_iter().flat_map(|batch| &batch.quality) {
            if self.spec.contains_key(tag) || self.broken.contains(tag) {
                spans.extend(quality.stretches.iter().map(span));
            }
        }
        join(spans)
    }
}

/// The decision of a person that makes a batch off spec.
fn person(batch: &Batch) -> Option<&crate::batch::PersonsWord> {
    batch.disposition().filter(|word| {
        matches!(
            word.disposition,
            Disposition::Rework | Disposition::Scrap | Disposition::Downgrade
        )
    })
}

fn named(tags: &[(Arc<str>, f64)]) -> Vec<(Arc<str>, f64)> {
    tags.iter().take(TAGS_NAMED).cloned().collect()
}

/// How much of the batch is made; below 1 until it ended.
fn progress(evidence: &Evidence<'_>) -> Option<f64> {
    let batch = evidence.batch?;
    if batch.ended.is_some() {
        return Some(1.0);
    }
    let expected = evidence.expected.filter(|expected| *expected > 0.0)?;
    Some((batch.amount() / expected).min(0.99))
}

/// What a reason rests on: if this changes, the verdict is a new one.
fn basis(reason: &Reason) -> String {
    match reason {
        Reason::Spec { tag, .. } => format!("spec/{tag}"),
        Reason::Process { statistic, .. } => format!("process/{statistic}"),
        Reason::Laboratory { property, value, .. } => format!("laboratory/{property}/{value}"),
        Reason::Coverage { tags, .. } => format!("coverage/{}", tags.join(",")),
        Reason::Person { disposition, .. } => format!("person/{disposition}"),
    }
}

fn span(stretch: &Stretch) -> SpanDocument {
    SpanDocument {
        from: stretch.from.as_millis(),
        to: stretch.to.as_millis(),
        from_m: stretch.from_m,
        to_m: stretch.to_m,
    }
}

/// Sorts spans and joins those that touch.
fn join(mut spans: Vec<SpanDocument>) -> Vec<SpanDocument> {
    spans.sort_by_key(|span| (span.from, span.to));
    let mut joined: Vec<SpanDocument> = Vec::new();
    for span in spans {
        match joined.last_mut() {
            Some(last) if span.from <= last.to => {
                if span.to > last.to {
                    last.to = span.to;
                    last.to_m = span.to_m;
                }
            }
            _ => joined.push(span),
        }
    }
    joined
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plant::SpecLimit;

    fn at(s: i64) -> Timestamp {
        Timestamp::from_nanos(s * 1_000_000_000)
    }

    struct Bench {
        batch: Batch,
        grade: Grade,
        judge: Judge,
        second: i64,
        said: Vec<String>,
        expected: Option<f64>,
        model: bool,
    }

    impl Bench {
        fn new() -> Self {
            let mut grade = Grade::default();
            let limit =
                SpecLimit { low: Some(14.0), target: None, high: Some(16.0), unit: "".into() };
            grade.spec.insert("bw".into(), limit);
            Self {
                batch: Batch::begin("R1".into(), None, Some("facial".into()), at(0)),
                grade,
                judge: Judge::default(),
                second: 0,
                said: Vec::new(),
                expected: Some(1800.0),
                model: true,
            }
        }

        /// `seconds` frames of 1 s with this score and quality value.
        fn run(&mut self, seconds: i64, score: Option<f64>, value: Option<f64>) -> &mut Self {
            for _ in 0..seconds {
                let (from, to) = (at(self.second), at(self.second + 1));
                let quality = self.batch.quality.entry("bw".into()).or_default();
                quality.smoothed = value;
                if let Some(value) = value {
                    quality.add((14.0..=16.0).contains(&value), from, to, None, None);
                }
                self.batch.made_s += 1.0;
                self.second += 1;
                let process = ProcessEvidence {
                    score,
                    statistic: "spe".into(),
                    tags: vec![("steam".into(), 0.7)],
                    missing: if score.is_none() { vec!["steam".into()] } else { Vec::new() },
                    coverage: 1.0,
                };
                let missing: Vec<Arc<str>> =
                    if value.is_none() { vec!["bw".into()] } else { Vec::new() };
                let opinion = self.judge.judge(&Evidence {
                    at: to,
                    batch: Some(&self.batch),
                    grade: Some(&self.grade),
                    process: self.model.then_some(&process),
                    learning: None,
                    steady: true,
                    missing: &missing,
                    expected: self.expected,
                });
                self.note(&opinion);
            }
            self
        }

        fn note(&mut self, opinion: &Opinion) {
            if opinion.changed {
                let reasons: Vec<String> = opinion.reasons.iter().map(basis).collect();
                let since = opinion.since.as_millis() / 1000;
                self.said.push(format!(
                    "{}s {} since {since}s [{}]",
                    self.second,
                    opinion.call.as_str(),
                    reasons.join(" ")
                ));
            }
        }

        fn end(&mut self) -> &mut Self {
            self.batch.ended = Some(at(self.second));
            let opinion = self.judge.conclude(&Evidence {
                at: at(self.second),
                batch: Some(&self.batch),
                grade: Some(&self.grade),
                process: None,
                learning: None,
                steady: true,
                missing: &[],
                expected: self.expected,
            });
            self.said.push("end".into());
            self.note(&opinion);
            self
        }
    }

    #[test]
    fn good_batch_becomes_on_spec_after_a_minute_and_stays() {
        let mut bench = Bench::new();
        bench.run(1800, Some(0.3), Some(15.0)).end();
        assert_eq!(bench.said, ["1s unknown since 1s []", "61s on-spec since 61s []", "end"]);
    }

    #[test]
    fn score_above_its_limit_flags_and_is_withdrawn_after_ten_calm_minutes() {
        let mut bench = Bench::new();
        bench.run(100, Some(0.3), Some(15.0)).run(20, Some(0.9), Some(15.0)).run(
            60,
            Some(1.5),
            Some(15.0),
        );
        bench.run(590, Some(0.3), Some(15.0)).run(30, Some(0.3), Some(15.0));
        assert_eq!(
            bench.said,
            [
                "1s unknown since 1s []",
                "61s on-spec since 61s []",
                "121s at-risk since 100s [process/spe]",
                "780s on-spec since 780s []",
            ]
        );
    }

    #[test]
    fn quality_outside_is_at_risk_after_a_minute_and_off_spec_after_a_tenth_of_the_batch() {
        let mut bench = Bench::new();
        bench.run(100, Some(0.3), Some(15.0)).run(300, Some(0.3), Some(17.0)).end();
        assert_eq!(
            bench.said[2..],
            ["160s at-risk since 100s [spec/bw]", "281s off-spec since 100s [spec/bw]", "end",]
        );
    }

    #[test]
    fn missing_data_is_unknown_never_on_spec() {
        let mut bench = Bench::new();
        bench.run(100, Some(0.3), Some(15.0)).run(100, Some(0.3), None).end();
        assert_eq!(
            bench.said[2..],
            ["126s unknown since 126s [coverage/bw]", "end", "200s unknown since 126s []"]
        );
        let mut bench = Bench::new();
        bench.run(300, None, Some(15.0)).end();
        assert_eq!(bench.said[0], "1s unknown since 1s [coverage/steam]");
        assert!(!bench.said.iter().any(|said| said.contains("on-spec")));
    }

    #[test]
    fn without_a_model_limits_alone_may_flag() {
        let mut bench = Bench::new();
        bench.model = false;
        bench.run(100, None, Some(15.0)).run(100, None, Some(17.0));
        assert_eq!(bench.said, ["1s unknown since 1s []", "160s at-risk since 100s [spec/bw]"]);
    }

    #[test]
    fn laboratory_and_people_make_a_finished_batch_off_spec() {
        let mut bench = Bench::new();
        bench.run(1800, Some(0.3), Some(15.0)).end();
        let limit = SpecLimit { low: Some(120.0), ..SpecLimit::default() };
        bench.grade.lab.insert("tensile".into(), limit);
        bench.batch.lab.push(crate::batch::LabResult {
            property: "tensile".into(),
            at: at(1900),
            value: 110.0,
            position: None,
        });
        bench.end();
        assert_eq!(bench.said[4..], ["1800s off-spec since 1800s [laboratory/tensile/110]"]);
    }
}

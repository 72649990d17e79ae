//! The judge of the batch in progress.

use super::decision::Decision;
use super::document::{Call, Left, Mover, Reason, SpanDocument};
use super::evidence::{COVERAGE, Evidence, ProcessEvidence};
use super::foretold::ForetoldProperty;
use super::prospects::ProspectWatch;
use super::sections::{
    BadSections, Heard, SectionDocument, Slab, bad_sections, from_both_ends, sections, slab,
    stretches,
};
use super::spans::{Course, join, span};
use super::watch::Watch;
use crate::batch::{Along, Batch, Product, Stretch, left_after};
use crate::decode::Disposition;
use crate::plant::{Bounds, Compared, Costs, Grade, SpecLimit, Transit};
use crate::reading::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

/// A flag is withdrawn after so long below [`CALM`] of its limit.
pub(super) const WITHDRAW_AFTER: Duration = Duration::from_secs(600);

/// The share of its limit below which a statistic is calm.
const CALM: f64 = 0.8;

/// A quality tag that has been outside its limits for so long puts the batch at risk; also the time
/// for which data may be missing before the verdict becomes unknown, and the time of good data that
/// a new batch needs to be called on spec.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);

/// How a mean will come out is foreseen once this share of the batch is made.
const FORESEEN_FROM: f64 = 0.2;

/// Tags named in a reason.
const TAGS_NAMED: usize = 5;

/// What the judge says.
#[derive(Debug, Clone, PartialEq)]
pub struct Opinion {
    /// The call.
    pub call: Call,
    /// Since when it holds; for a flag, since when the process has been going wrong.
    pub since: Timestamp,
    /// The evidence, the weightiest first.
    pub reasons: Vec<Reason>,
    /// The tag that was furthest from what the others tell of it when a tag was first further than in control; until
    /// then the one that contributed most to the score that raised the flag.
    pub first_mover: Option<Arc<str>>,
    /// The tags that moved, the first mover first.
    pub movers: Vec<Mover>,
    /// The stretches affected.
    pub spans: Vec<SpanDocument>,
    /// What would be left of a batch that has ended were only these taken off.
    pub slab: Option<Slab>,
    /// How much of the batch is made, 0–1.
    pub progress: Option<f64>,
    /// What of it is still to be made; nothing of one that has ended.
    pub left: Option<Left>,
    /// What soft sensors foretell of the batch, by property.
    pub foretold: Vec<ForetoldProperty>,
    /// The chance that the batch ends off spec, 0–1; `None` where nothing tells.
    pub probability_off_spec: Option<f64>,
    /// What to do with it, by what wrong decisions cost; `None` where nobody says that, or nothing is left to decide.
    pub decision: Option<Decision>,
    /// True if the batch is flagged by what was seen of it, and not only by what a person or the laboratory said.
    pub seen: bool,
    /// True if the call, or what it rests on, changed since the last opinion.
    pub changed: bool,
}

/// A flag raised by the process model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct ProcessFlag {
    /// When the score was last calm before.
    since: Timestamp,
    since_m: Option<f64>,
    /// True if it was calm in this batch before.
    #[serde(default)]
    was_calm: bool,
    /// When the score was last not calm.
    last: Timestamp,
    last_m: Option<f64>,
    statistic: Arc<str>,
    peak: f64,
    tags: Vec<(Arc<str>, f64)>,
    #[serde(default)]
    areas: Vec<(Arc<str>, f64)>,
    /// Of these tags those that are judged by their change.
    #[serde(default)]
    changes: Vec<(Arc<str>, f64)>,
}

/// What moved while a batch is flagged.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
struct Moved {
    /// In the order in which they were named.
    movers: Vec<Mover>,
    /// What contributed most to the score when the flag was raised: until something is further than in control, it
    /// stands for the first mover.
    contributed: Option<Arc<str>>,
    /// The delays of those that were named, from their readings, as they were then.
    #[serde(default)]
    transits: BTreeMap<Arc<str>, Transit>,
}

impl Moved {
    /// Names what moves now, behind what was named before; the first stays the first.
    fn take(&mut self, process: &ProcessEvidence, by_process: bool) {
        let room = TAGS_NAMED.saturating_sub(self.movers.len());
        let is_new = |mover: &&Mover| self.movers.iter().all(|known| known.tag != mover.tag);
        let new: Vec<Mover> = process.movers.iter().filter(is_new).take(room).cloned().collect();
        self.movers.extend(new);
        if self.contributed.is_none() && by_process {
            self.contributed = process.tags.first().map(|(tag, _)| Arc::clone(tag));
        }
        let named = self.movers.iter().map(|mover| &mover.tag).chain(&self.contributed);
        for (tag, transit) in named.filter_map(|tag| process.transits.get_key_value(tag)) {
            self.transits.entry(Arc::clone(tag)).or_insert(*transit);
        }
    }

    /// From a reading of the first mover to the arrival of what it saw at the end of the line.
    fn transit(&self) -> Option<Transit> {
        self.transits.get(self.first()?).copied()
    }

    fn first(&self) -> Option<&Arc<str>> {
        self.movers.first().map(|mover| &mover.tag).or(self.contributed.as_ref())
    }
}

/// The judge's memory of one batch.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Judge {
    process: Option<ProcessFlag>,
    /// What moved, while the batch is flagged.
    #[serde(default)]
    moved: Moved,
    /// Since when the score has been calm without a gap: silence is not calm.
    calm_since: Option<Timestamp>,
    /// Quality tags that flag the batch.
    spec: BTreeSet<Arc<str>>,
    /// Quality tags whose means have bounds.
    #[serde(default)]
    means: BTreeMap<Arc<str>, Watch>,
    /// How it will end. Checkpoints of before have what soft sensors said in its place.
    #[serde(default, alias = "foretold")]
    prospects: ProspectWatch,
    /// The limits that made it off spec: until its end, when the real amounts are known.
    #[serde(default)]
    limits_broken: BTreeSet<(Arc<str>, Compared)>,
    /// The last frame end at which the score was calm, and the metres then.
    calm: Option<(Timestamp, Option<f64>)>,
    /// How the batch was made.
    #[serde(default)]
    course: Course,
    /// What the monitors said along it.
    #[serde(default)]
    heard: Along<Heard>,
    /// Its sections that are off spec or at risk, once it has ended.
    #[serde(default)]
    bad: BadSections,
    /// The last frame end with enough data.
    enough: Option<Timestamp>,
    /// The first frame end, and the last.
    first: Option<Timestamp>,
    last: Option<Timestamp>,
    /// The time that the model judged, s.
    judged_s: f64,
    /// The time made in which no model may judge, s.
    unsteady_s: f64,
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
        let seconds = evidence.at.seconds_since(evidence.start);
        let before = self.last.replace(evidence.at);
        if before.is_some_and(|before| before < evidence.start) {
            self.calm_since = None;
            self.means.values_mut().for_each(Watch::lose_sight);
            self.prospects.lose_sight();
        }
        if evidence.batch.is_none() {
            // Older figures count less, as they do in what was made.
            let passed = before.map_or(seconds, |before| evidence.at.seconds_since(before));
            self.judged_s *= left_after(passed);
            self.unsteady_s *= left_after(passed);
            self.limits_broken.clear();
        }
        if !evidence.steady {
            self.unsteady_s += seconds;
        }
        let position = evidence.batch.and_then(|batch| batch.product.made_m);
        if let Some(position) = position {
            self.course.take(evidence.at, position);
        }
        if evidence.batch.is_some() {
            let worth = evidence.process.filter(|process| process.worth);
            let judged = evidence.process.and_then(|process| process.score);
            // A score that is no reason for a flag is none for a bad section.
            let score = judged.map(|score| if worth.is_some() { score } else { score.min(1.0) });
            let section = self.heard.at(evidence.product.made_s - seconds);
            section.add(seconds, score, evidence.steady);
        }
        match evidence.process {
            Some(process) => self.follow_process(evidence, position, process),
            None => self.calm_since = None,
        }
        match evidence.grade {
            Some(grade) => self.follow_spec(evidence, grade),
            None => self.means.clear(),
        }
        let likely = evidence.costs.map(Costs::threshold);
        let tells = (evidence.foretold, evidence.prospect);
        self.prospects.look((evidence.start, evidence.at), tells, likely);
        if let Some(batch) = evidence.batch {
            self.prospects.find(batch, evidence.grade);
        }
        if evidence.process.is_some_and(|process| process.score.is_some()) {
            self.judged_s += seconds;
            if evidence.missing.is_empty() {
                self.enough = Some(evidence.at);
            }
        }
        let call = self.call_in_progress(evidence);
        match evidence.process {
            Some(process) if call.is_flag() && process.score.is_some() => {
                self.moved.take(process, self.process.is_some());
            }
            _ => {}
        }
        self.opinion(evidence, call)
    }

    /// The opinion on a batch that ended, and again whenever something new is known about it.
    pub fn conclude(&mut self, evidence: &Evidence<'_>) -> Opinion {
        if let Some(grade) = evidence.grade {
            // What it was expected to become counts no more: what it is counts.
            let broken = evidence.product.broken(grade);
            self.limits_broken = broken.map(|(tag, what)| (Arc::clone(tag), what)).collect();
        }
        if let Some(batch) = evidence.batch {
            self.prospects.find(batch, evidence.grade);
        }
        if let Some(batch) = evidence.batch.filter(|batch| batch.product.along.is_some()) {
            self.bad = bad_sections(batch, &self.heard, evidence.grade);
        }
        self.prospects.conclude(evidence.prospect);
        // Nothing is to come: what was foreseen is no more than what it is.
        let its_mean = |tag: &Arc<str>| (Arc::clone(tag), Compared::Mean);
        self.means.retain(|tag, _| self.limits_broken.contains(&its_mean(tag)));
        let call = if evidence.batch.is_some_and(|batch| batch.void) {
            Call::Unknown
        } else if self.is_broken(evidence) {
            Call::OffSpec
        } else if self.is_flagged() {
            Call::AtRisk
        } else if evidence.batch.is_some_and(|batch| batch.begin_known) && self.was_seen(evidence) {
            Call::OnSpec
        } else {
            Call::Unknown
        };
        self.opinion(evidence, call)
    }

    fn follow_process(
        &mut self,
        evidence: &Evidence<'_>,
        position: Option<f64>,
        process: &ProcessEvidence,
    ) {
        let at = evidence.at;
        let Some(score) = process.score else {
            self.calm_since = None;
            return;
        };
        if score < CALM || !process.worth {
            self.calm = Some((at, position));
            let calm_since = *self.calm_since.get_or_insert(evidence.start);
            if at >= calm_since.plus(WITHDRAW_AFTER) {
                self.process = None;
            }
            return;
        }
        self.calm_since = None;
        match &mut self.process {
            Some(flag) => {
                flag.last = at;
                flag.last_m = position;
                if score > flag.peak {
                    flag.peak = score;
                    flag.statistic = Arc::clone(&process.statistic);
                    flag.tags = named(&process.tags);
                    flag.areas.clone_from(&process.areas);
                    flag.changes = process.changes_of(&flag.tags);
                }
            }
            None if score > 1.0 => {
                let (since, since_m) = self.calm.unwrap_or((self.first.unwrap_or(at), Some(0.0)));
                self.process = Some(ProcessFlag {
                    since,
                    since_m: position.and(since_m),
                    was_calm: self.calm.is_some(),
                    last: at,
                    last_m: position,
                    statistic: Arc::clone(&process.statistic),
                    peak: score,
                    tags: named(&process.tags),
                    areas: process.areas.clone(),
                    changes: process.changes_of(&named(&process.tags)),
                });
            }
            None => {}
        }
    }

    fn follow_spec(&mut self, evidence: &Evidence<'_>, grade: &Grade) {
        let product = evidence.product;
        let whole = evidence.whole();
        let has_mean = |tag: &str| grade.spec.get(tag).is_some_and(|limit| limit.mean.is_some());
        self.means.retain(|tag, _| has_mean(tag));
        // A value that a late reading brings back is beyond nothing any more.
        let product_has = |(tag, what): &(Arc<str>, Compared)| {
            *what != Compared::Single || product.beyond(tag).is_some()
        };
        self.limits_broken.retain(product_has);
        for (tag, limit) in &grade.spec {
            let mut breaks = |what| self.limits_broken.insert((Arc::clone(tag), what));
            if product.amount_out(tag) > grade.off_share(limit) * whole {
                breaks(Compared::Share);
            }
            if product.beyond(tag).is_some() {
                breaks(Compared::Single);
            }
            if let Some(bounds) = limit.mean {
                let seen = product.quality.get(tag).is_some_and(|tag| tag.smoothed.is_some());
                let enough = seen && product.amount() >= FORESEEN_FROM * whole;
                let mean = product.foreseen_mean(tag, whole).filter(|_| enough);
                let watch = self.means.entry(Arc::clone(tag)).or_default();
                let inside = mean.map(|mean| bounds.contains(mean));
                watch.look((evidence.start, evidence.at), inside);
            }
        }
        follow_limits(&mut self.spec, product, evidence.at);
    }

    /// The batch section by section, as far as that is still known.
    #[must_use]
    pub fn sections(&self, batch: &Batch, grade: Option<&Grade>) -> Vec<SectionDocument> {
        sections(batch, &self.heard, grade)
    }

    /// The batch by stretches of one call, without what was measured in them.
    #[must_use]
    pub fn stretches(&self, batch: &Batch, grade: Option<&Grade>) -> Vec<SectionDocument> {
        stretches(batch, &self.heard, grade)
    }

    /// Nothing more is asked about the sections of a batch.
    pub fn forget_sections(&mut self) {
        self.heard = Along::default();
    }

    /// The quality tags that flag the batch by their limits.
    #[must_use]
    pub fn limit_flags(&self) -> &BTreeSet<Arc<str>> {
        &self.spec
    }

    /// Takes the flags of a batch that was counted again, with readings that came late.
    pub fn set_limit_flags(&mut self, flags: BTreeSet<Arc<str>>) {
        self.spec = flags;
    }

    /// True if something says that the batch may end off spec.
    fn is_flagged(&self) -> bool {
        self.is_seen_wrong() || self.prospects.flags().is_some()
    }

    /// The chance, by what soft sensors said last, that the laboratory finds a batch off spec by what it has not measured yet.
    #[must_use]
    pub fn foretold_open(&self, batch: &Batch) -> Option<f64> {
        self.prospects.foretold_open(batch)
    }

    /// True if a monitor or a limit flags the batch.
    #[must_use]
    pub fn is_seen_wrong(&self) -> bool {
        self.process.is_some()
            || !self.spec.is_empty()
            || self.means.values().any(|mean| mean.flags().is_some())
    }

    fn call_in_progress(&self, evidence: &Evidence<'_>) -> Call {
        if evidence.batch.is_some_and(|batch| batch.void) {
            return Call::Unknown;
        }
        if self.is_broken(evidence) {
            return Call::OffSpec;
        }
        if self.is_flagged() {
            return Call::AtRisk;
        }
        let fresh = self.enough.is_some_and(|enough| evidence.at <= enough.plus(PATIENCE));
        let long_enough = self.first.is_some_and(|first| evidence.at >= first.plus(PATIENCE))
            || evidence.batch.is_none();
        if fresh && long_enough && self.was_seen(evidence) { Call::OnSpec } else { Call::Unknown }
    }

    /// True if what is made breaks a limit: enough of it outside, a laboratory result, a person.
    fn is_broken(&self, evidence: &Evidence<'_>) -> bool {
        !self.limits_broken.is_empty()
            || evidence.batch.is_some_and(|batch| {
                person(batch).is_some()
                    || evidence.grade.is_some_and(|grade| batch.lab_outside(grade).is_some())
            })
    }

    /// True if enough was seen, by the model and by every quality tag with limits; of nothing, nothing.
    fn was_seen(&self, evidence: &Evidence<'_>) -> bool {
        evidence.strange_grade.is_none()
            && self.judged_share(evidence) >= COVERAGE
            && evidence.unseen().next().is_none()
    }

    /// The share of the time in which a model may judge that it judged, 0–1.
    fn judged_share(&self, evidence: &Evidence<'_>) -> f64 {
        if self.judged_s <= 0.0 {
            return 0.0;
        }
        let due = evidence.product.made_s - self.unsteady_s;
        if due > 0.0 { (self.judged_s / due).min(1.0) } else { 1.0 }
    }

    fn opinion(&mut self, evidence: &Evidence<'_>, call: Call) -> Opinion {
        if !call.is_flag() {
            self.moved = Moved::default();
        }
        let reasons = self.reasons(evidence, call);
        let basis: Vec<String> = reasons.iter().map(basis).collect();
        let changed = call != self.call || basis != self.basis || self.call_since.is_none();
        if call != self.call || self.call_since.is_none() {
            self.call_since = Some(self.begin_of(evidence, call));
        }
        self.call = call;
        self.basis = basis;
        let probability_off_spec = self.probability(call);
        let mut spans = self.spans(evidence);
        let slab = evidence.batch.and_then(|batch| {
            from_both_ends(&mut spans, batch);
            if call.is_flag() { slab(&spans, &self.bad, &reasons, batch) } else { None }
        });
        Opinion {
            call,
            since: self.call_since.unwrap_or(evidence.at),
            reasons,
            first_mover: self.moved.first().cloned(),
            movers: self.moved.movers.clone(),
            spans,
            slab,
            progress: evidence.progress(),
            left: evidence.left(),
            foretold: self.prospects.properties().to_vec(),
            seen: self.is_flagged() || !self.limits_broken.is_empty(),
            decision: probability_off_spec.and_then(|chance| evidence.decision(chance)),
            probability_off_spec,
            changed,
        }
    }

    /// The chance that the batch ends off spec.
    fn probability(&self, call: Call) -> Option<f64> {
        if call == Call::OffSpec { Some(1.0) } else { self.prospects.chance() }
    }

    /// Since when a new call holds: a flag's, since the first of what it rests on began.
    fn begin_of(&self, evidence: &Evidence<'_>, call: Call) -> Timestamp {
        if !call.is_flag() {
            return evidence.at;
        }
        let process = self.process.as_ref().map(|flag| flag.since);
        let outside = self.outside(evidence).into_iter();
        let spec = outside.filter_map(|outside| match outside.compared {
            Compared::Mean => self.means.get(outside.tag)?.flags(),
            Compared::Share | Compared::Single => outside.stretches.first().map(|s| s.from),
        });
        spec.chain(process).chain(self.prospects.flags()).min().unwrap_or(evidence.at)
    }

    fn reasons(&self, evidence: &Evidence<'_>, call: Call) -> Vec<Reason> {
        let mut reasons = Vec::new();
        if let Some(batch) = evidence.batch.filter(|batch| !batch.void) {
            if let Some(word) = person(batch) {
                reasons.push(Reason::Person {
                    disposition: word.disposition.as_str().into(),
                    by: word.by.clone(),
                });
            }
            if let Some(grade) = evidence.grade
                && let Some((property, value, bounds)) = batch.lab_outside(grade)
            {
                reasons.push(Reason::Laboratory {
                    property: Arc::clone(property),
                    value,
                    low: bounds.low,
                    high: bounds.high,
                });
            }
        }
        if evidence.batch.is_some_and(|batch| batch.void) {
            return reasons;
        }
        reasons.extend(self.spec_reasons(evidence));
        if let Some(flag) = &self.process {
            reasons.push(Reason::Process {
                statistic: Arc::clone(&flag.statistic),
                ratio: flag.peak,
                tags: flag.tags.clone(),
                areas: flag.areas.clone(),
                changes: flag.changes.clone(),
            });
        }
        if let Some((prospect, likely)) = self.prospects.flag() {
            reasons.push(Reason::Prospects {
                probability: prospect.chance,
                signs: prospect.signs.clone(),
                earlier: prospect.earlier.clone(),
            });
            reasons.extend(likely.iter().cloned().map(Reason::SoftSensor));
        }
        if let Some(grade) = evidence.strange_grade.filter(|_| call == Call::Unknown) {
            reasons.push(Reason::Grade { grade: Arc::clone(grade) });
        }
        if call == Call::Unknown
            && let Some(reason) = self.coverage_reason(evidence)
        {
            reasons.push(reason);
        }
        reasons
    }

    /// What of the batch is outside limits and flags it or makes it off spec, tag by tag.
    fn outside<'a>(&self, evidence: &Evidence<'a>) -> Vec<Outside<'a>> {
        if self.limits_broken.is_empty() && self.spec.is_empty() && self.means.is_empty() {
            return Vec::new();
        }
        let product = evidence.product;
        let whole = evidence.whole();
        let of_tag = |(tag, limit): (&'a Arc<str>, &'a SpecLimit)| {
            let broken = |what| self.limits_broken.contains(&(Arc::clone(tag), what));
            let quality = product.quality.get(tag);
            let by_share = (broken(Compared::Share) || self.spec.contains(tag))
                .then(|| Some((quality?.last?, limit.bounds(), &quality?.stretches[..])));
            let flags = self.means.get(tag).is_some_and(|mean| mean.flags().is_some());
            let by_mean = (broken(Compared::Mean) || flags)
                .then(|| Some((product.foreseen_mean(tag, whole)?, limit.mean?, &[][..])));
            let by_single = broken(Compared::Single).then(|| {
                let beyond = product.beyond(tag)?;
                Some((beyond.value, beyond.bounds, std::slice::from_ref(&beyond.stretch)))
            });
            [
                (Compared::Share, by_share.flatten()),
                (Compared::Mean, by_mean.flatten()),
                (Compared::Single, by_single.flatten()),
            ]
            .into_iter()
            .filter_map(move |(compared, found)| {
                let (value, bounds, stretches) = found?;
                Some(Outside { tag, compared, value, bounds, stretches })
            })
        };
        evidence.grade.into_iter().flat_map(|grade| &grade.spec).flat_map(of_tag).collect()
    }

    /// The reasons that limits give, the tag of which most is outside first.
    fn spec_reasons(&self, evidence: &Evidence<'_>) -> Vec<Reason> {
        let reason = |outside: Outside<'_>| {
            let share_out = evidence.product.share_out(outside.tag);
            let reason = Reason::Spec {
                tag: Arc::clone(outside.tag),
                value: outside.value,
                low: outside.bounds.low,
                high: outside.bounds.high,
                share_out,
                compared: outside.compared,
            };
            (share_out, reason)
        };
        let mut reasons: Vec<(f64, Reason)> =
            self.outside(evidence).into_iter().map(reason).collect();
        reasons.sort_by(|(a, _), (b, _)| b.total_cmp(a));
        reasons.into_iter().map(|(_, reason)| reason).collect()
    }

    fn coverage_reason(&self, evidence: &Evidence<'_>) -> Option<Reason> {
        let mut tags: Vec<Arc<str>> = evidence.missing.to_vec();
        let judging = evidence.process.filter(|process| process.score.is_none());
        tags.extend(judging.into_iter().flat_map(|process| process.missing.iter().cloned()));
        let judged = self.judged_share(evidence);
        let mut share = evidence.process.map_or(judged, |process| process.coverage.min(judged));
        for (tag, seen) in evidence.unseen() {
            share = share.min(seen);
            if !tags.contains(tag) {
                tags.push(Arc::clone(tag));
            }
        }
        // While there is no model, nothing is missing for it.
        let poorly_judged = self.judged_s > 0.0 && judged < COVERAGE;
        (!tags.is_empty() || poorly_judged).then_some(Reason::Coverage { tags, share })
    }

    fn spans(&self, evidence: &Evidence<'_>) -> Vec<SpanDocument> {
        let mut spans: Vec<SpanDocument> = Vec::new();
        if let Some(flag) = &self.process {
            let seen = Stretch {
                from: flag.since,
                to: flag.last,
                from_m: flag.since_m,
                to_m: flag.last_m,
            };
            // What was never calm in this batch may have begun before it: what was seen then arrives from its begin on.
            let transit = self.moved.transit().filter(|_| flag.was_calm);
            spans.push(match transit {
                Some(transit) => self.course.reached(&seen, transit),
                None => span(&seen),
            });
        }
        for outside in self.outside(evidence) {
            spans.extend(outside.stretches.iter().map(span));
        }
        join(spans)
    }
}

/// Follows the quality tags that flag a batch by their limits, at a frame's end: one that has been outside
/// for a minute flags it, until it has been seen inside for ten.
pub fn follow_limits(flags: &mut BTreeSet<Arc<str>>, product: &Product, at: Timestamp) {
    for (tag, quality) in &product.quality {
        if quality.out_since.is_some_and(|since| at >= since.plus(PATIENCE)) {
            flags.insert(Arc::clone(tag));
        }
        // Only what is seen inside withdraws: a sensor that died says nothing.
        if quality.in_since.is_some_and(|since| at >= since.plus(WITHDRAW_AFTER)) {
            flags.remove(tag);
        }
    }
}

/// What of a quality tag is outside its limits.
struct Outside<'a> {
    tag: &'a Arc<str>,
    compared: Compared,
    /// What is held against the bounds.
    value: f64,
    bounds: Bounds,
    /// Where; of a mean, nowhere in particular.
    stretches: &'a [Stretch],
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

/// What a reason rests on: if this changes, the verdict is a new one.
fn basis(reason: &Reason) -> String {
    match reason {
        Reason::Spec { tag, compared: Compared::Share, .. } => format!("spec/{tag}"),
        Reason::Spec { tag, compared, .. } => format!("spec/{tag}/{}", compared.as_str()),
        Reason::Process { statistic, .. } => format!("process/{statistic}"),
        Reason::Laboratory { property, value, .. } => format!("laboratory/{property}/{value}"),
        Reason::Coverage { tags, .. } => format!("coverage/{}", tags.join(",")),
        Reason::Person { disposition, .. } => format!("person/{disposition}"),
        Reason::Prospects { earlier: Some(earlier), .. } => format!("prospects/{}", earlier.batch),
        Reason::Prospects { .. } => "prospects".to_owned(),
        Reason::SoftSensor(foretold) => format!("soft-sensor/{}", foretold.property),
        Reason::Grade { grade } => format!("grade/{grade}"),
    }
}

#[cfg(test)]
mod tests;

//! Where a batch is bad: a verdict on each section of it, and what would be left of it were only the bad part taken off.

use super::document::{Call, Reason, SpanDocument};
use super::evidence::COVERAGE;
use crate::batch::{Along, Batch, Product, Section, Seen, Stretch, SumUp};
use crate::plant::{Compared, Grade};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A length that was counted corrects positions by so much at most; what is further off counted something else.
const DRIFT_MAX: f64 = 0.1;

/// What the monitors said in a section.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub(super) struct Heard {
    /// The greatest score that was a reason for a flag, 1.0 is the limit.
    score: Option<f64>,
    /// The time judged, s.
    judged_s: f64,
    /// The time in which they might judge, s.
    due_s: f64,
}

impl Heard {
    /// Adds a frame of so many seconds: its score, if it was judged, and whether a model may judge it at all.
    pub(super) fn add(&mut self, seconds: f64, score: Option<f64>, steady: bool) {
        if steady {
            self.due_s += seconds;
        }
        if let Some(score) = score {
            self.judged_s += seconds;
            self.score = Some(self.score.map_or(score, |before| before.max(score)));
        }
    }
}

impl SumUp for Heard {
    fn join(&mut self, behind: Self) {
        self.score = greater(self.score, behind.score);
        self.judged_s += behind.judged_s;
        self.due_s += behind.due_s;
    }
}

/// A section of a batch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SectionDocument {
    /// The begin of its first frame, ms.
    pub from: i64,
    /// The end of its last one, ms.
    pub to: i64,
    /// Its begin, m.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from_m: Option<f64>,
    /// Its end, m.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to_m: Option<f64>,
    /// `off-spec` where a quality tag was outside its limits, `at-risk` where a score was above its limit, `on-spec` where
    /// neither and enough was seen, else `unknown`.
    pub call: Call,
    /// The greatest score, 1.0 is the limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub score: Option<f64>,
    /// What was seen of each quality tag with limits.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub quality: BTreeMap<Arc<str>, SectionOfTag>,
}

/// A quality tag in a section.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct SectionOfTag {
    /// Its mean, in its unit.
    pub mean: f64,
    /// The least value of a frame.
    pub least: f64,
    /// The greatest.
    pub greatest: f64,
    /// The share of what was made in the section that was outside its limits, 0–1.
    pub out: f64,
}

/// The values of a quality tag over a whole batch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TagSummary {
    /// The tag.
    pub tag: Arc<str>,
    /// Frames with a value.
    pub frames: u32,
    /// The share of the batch with one, 0–1.
    pub seen: f64,
    /// The share of the batch that was outside its limits, 0–1.
    pub out: f64,
    /// Their mean, in its unit.
    pub mean: f64,
    /// Their standard deviation; `None` of fewer than two.
    pub deviation: Option<f64>,
    /// The variance of the means of sections about the mean: what changes slowly along the batch.
    pub slow: f64,
    /// The rest of the variance: what changes within a section.
    pub fast: f64,
    /// The least value of a frame.
    pub least: f64,
    /// The greatest.
    pub greatest: f64,
}

/// What would be left of a batch were its bad part taken off: advice, with its arithmetic.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Slab {
    /// The length of the batch, m.
    pub length_m: f64,
    /// The length of all bad stretches, m.
    pub bad_m: f64,
    /// Their mass, where that of the batch is known, kg.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bad_kg: Option<f64>,
    /// To be taken off at its begin (at the core of a reel) so that the longest good piece is left, m.
    pub off_begin_m: f64,
    /// To be taken off at its end (the outside of a reel), m.
    pub off_end_m: f64,
    /// The length of that piece, m.
    pub left_m: f64,
    /// Its mass, kg.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left_kg: Option<f64>,
    /// True if something is known to be wrong with the batch of which nobody knows where: a laboratory result, a mean, what a
    /// person said.
    pub more: bool,
}

/// The greater of two scores, as far as there are any.
fn greater(one: Option<f64>, other: Option<f64>) -> Option<f64> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.max(other)),
        (one, other) => one.or(other),
    }
}

/// How positions by the speed have to be stretched to fit the length that was counted, and that length.
fn scale(batch: &Batch) -> Option<(f64, f64)> {
    let made_m = batch.product.made_m.filter(|made_m| *made_m > 0.0)?;
    let counted = batch.counted_m.map(|counted_m| (counted_m / made_m, counted_m));
    let fits = |(scale, _): &(f64, f64)| (scale - 1.0).abs() <= DRIFT_MAX;
    Some(counted.filter(fits).unwrap_or((1.0, made_m)))
}

/// Sets the spans of a batch that has ended in the length that was counted, from both ends.
pub(super) fn from_both_ends(spans: &mut [SpanDocument], batch: &Batch) {
    let Some((scale, length_m)) = scale(batch).filter(|_| batch.ended.is_some()) else { return };
    for span in spans {
        for metres in [&mut span.from_m, &mut span.to_m].into_iter().flatten() {
            *metres = (*metres * scale).clamp(0.0, length_m);
        }
        span.after_m = span.to_m.map(|to_m| length_m - to_m);
    }
}

/// What would be left of a batch that has ended; `None` where nothing is bad, or nobody knows the metres.
pub(super) fn slab(spans: &[SpanDocument], reasons: &[Reason], batch: &Batch) -> Option<Slab> {
    let (_, length_m) = scale(batch).filter(|_| batch.ended.is_some())?;
    let mut bad: Vec<(f64, f64)> =
        spans.iter().map(|span| span.from_m.zip(span.to_m)).collect::<Option<_>>()?;
    bad.retain(|(from, to)| from < to);
    if bad.is_empty() {
        return None;
    }
    bad.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (mut good_from, mut bad_m, mut longest) = (0.0_f64, 0.0, (0.0, 0.0));
    for (from, to) in bad.into_iter().chain([(length_m, length_m)]) {
        if from - good_from > longest.1 - longest.0 {
            longest = (good_from, from);
        }
        bad_m += (to - from.max(good_from)).max(0.0);
        good_from = good_from.max(to);
    }
    let left_m = longest.1 - longest.0;
    // All of it is bad: it comes off at either end.
    let off_end_m = if left_m > 0.0 { length_m - longest.1 } else { 0.0 };
    let kg_per_m = batch.mass_kg().map(|kg| kg / length_m);
    let elsewhere = |reason: &Reason| match reason {
        Reason::Spec { compared, .. } => *compared == Compared::Mean,
        Reason::Laboratory { .. } | Reason::Person { .. } => true,
        _ => false,
    };
    Some(Slab {
        length_m,
        bad_m,
        bad_kg: kg_per_m.map(|kg| kg * bad_m),
        off_begin_m: length_m - left_m - off_end_m,
        off_end_m,
        left_m,
        left_kg: kg_per_m.map(|kg| kg * left_m),
        more: reasons.iter().any(elsewhere),
    })
}

/// The sections of a batch, by what was seen of it and what the monitors said.
pub(super) fn sections(
    batch: &Batch,
    heard: &Along<Heard>,
    grade: Option<&Grade>,
) -> Vec<SectionDocument> {
    let of_tag = |section: &Section, (tag, seen): (&Arc<str>, &Seen)| {
        let Seen { mean, least, greatest, .. } = *seen;
        let out = seen.out / section.made;
        (Arc::clone(tag), SectionOfTag { mean, least, greatest, out })
    };
    let mut sections = Vec::new();
    walk(batch, heard, grade, |section, document| {
        let quality = section.quality.iter().filter(|(_, seen)| seen.frames > 0);
        let quality = quality.map(|of| of_tag(section, of)).collect();
        sections.push(SectionDocument { quality, ..document });
    });
    sections
}

/// The stretches of a batch of one call, without what was measured in them.
pub(super) fn stretches(
    batch: &Batch,
    heard: &Along<Heard>,
    grade: Option<&Grade>,
) -> Vec<SectionDocument> {
    let mut stretches: Vec<SectionDocument> = Vec::new();
    walk(batch, heard, grade, |_, document| match stretches.last_mut() {
        Some(last) if last.call == document.call => {
            last.to = document.to;
            last.to_m = document.to_m;
            last.score = greater(last.score, document.score);
        }
        _ => stretches.push(document),
    });
    stretches
}

/// Gives each section in which something was made, with its document but for the quality tags.
fn walk(
    batch: &Batch,
    heard: &Along<Heard>,
    grade: Option<&Grade>,
    mut give: impl FnMut(&Section, SectionDocument),
) {
    let Some(along) = &batch.product.along else { return };
    let (heard, along) = (heard.like(along), along.like(heard));
    let ended = scale(batch).filter(|_| batch.ended.is_some());
    let metres =
        |metres: f64| ended.map_or(metres, |(scale, length_m)| (metres * scale).min(length_m));
    for (ix, section) in along.sections().iter().enumerate() {
        let Some(Stretch { from, to, from_m, to_m }) = section.stretch else { continue };
        let heard = heard.sections().get(ix).copied().unwrap_or_default();
        let document = SectionDocument {
            from: from.as_millis(),
            to: to.as_millis(),
            from_m: from_m.map(metres),
            to_m: to_m.map(metres),
            call: call(section, &heard, grade),
            score: heard.score,
            quality: BTreeMap::new(),
        };
        give(section, document);
    }
}

fn call(section: &Section, heard: &Heard, grade: Option<&Grade>) -> Call {
    let tags = || grade.into_iter().flat_map(|grade| grade.spec.keys());
    let seen = |tag: &Arc<str>| section.quality.get(tag);
    let is_seen = |tag| seen(tag).is_some_and(|seen| seen.amount >= COVERAGE * section.made);
    let judged = heard.judged_s > 0.0 && heard.judged_s >= COVERAGE * heard.due_s;
    if tags().filter_map(seen).any(|seen| seen.out > 0.0) {
        Call::OffSpec
    } else if heard.score.is_some_and(|score| score > 1.0) {
        Call::AtRisk
    } else if judged && tags().all(is_seen) {
        Call::OnSpec
    } else {
        Call::Unknown
    }
}

/// The values of each quality tag over the whole of what was made.
#[must_use]
pub fn summaries(product: &Product) -> Vec<TagSummary> {
    let sections = product.along.iter().flat_map(Along::sections);
    let mut of_tags: BTreeMap<&Arc<str>, Vec<&Seen>> = BTreeMap::new();
    let mut made = 0.0;
    for section in sections {
        made += section.made;
        for (tag, seen) in section.quality.iter().filter(|(_, seen)| seen.frames > 0) {
            of_tags.entry(tag).or_default().push(seen);
        }
    }
    let summary = |(tag, sections): (&Arc<str>, Vec<&Seen>)| {
        let mut whole = Seen::default();
        for seen in &sections {
            whole.add_all(seen);
        }
        let slow = |seen: &&Seen| seen.amount * (seen.mean - whole.mean).powi(2);
        let slow = sections.iter().map(slow).sum::<f64>() / whole.amount;
        let variance = whole.variance();
        TagSummary {
            tag: Arc::clone(tag),
            frames: whole.frames,
            seen: (whole.amount / made).min(1.0),
            out: (whole.out / made).min(1.0),
            mean: whole.mean,
            deviation: variance.map(f64::sqrt),
            slow,
            fast: (variance.unwrap_or(0.0) - slow).max(0.0),
            least: whole.least,
            greatest: whole.greatest,
        }
    };
    of_tags.into_iter().map(summary).collect()
}

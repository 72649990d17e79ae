//! Where a batch is bad: a verdict on each section of it, and what would be left of it were only the bad part taken off.

use super::document::{Call, Reason, SpanDocument};
use super::evidence::COVERAGE;
use crate::batch::{Along, Batch, Paused, Product, Section, Seen, Stretch, SumUp};
use crate::plant::{Compared, Grade};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A length that was counted corrects positions by so much at most; what is further off counted something else.
const DRIFT_MAX: f64 = 0.1;

/// Of a batch of which the speed was known for less than this share nobody can say how far anything is from its end.
const MEASURED: f64 = 0.98;

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
    /// The share of what was seen of it in the section that was outside its limits, 0–1.
    pub out: f64,
}

/// A pause of a batch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PauseDocument {
    /// Its begin, ms.
    pub from: i64,
    /// Its end, ms.
    pub to: i64,
    /// Where the batch stood, m.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_m: Option<f64>,
    /// Why, if it was said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Arc<str>>,
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

/// How positions by the speed have to be stretched to fit the length of a batch that has ended, and that length; `None` where
/// it is not known what of it lies where: its speed was not, or something else was counted.
fn scale(batch: &Batch) -> Option<(f64, f64)> {
    batch.ended?;
    let product = &batch.product;
    let made_m = product.made_m.filter(|made_m| *made_m > 0.0)?;
    if product.measured_s < MEASURED * product.made_s {
        return None;
    }
    let Some(counted_m) = batch.counted_m else { return Some((1.0, made_m)) };
    let scale = counted_m / made_m;
    ((scale - 1.0).abs() <= DRIFT_MAX).then_some((scale, counted_m))
}

/// Sets the spans of a batch that has ended in the length that was counted, from both ends.
pub(super) fn from_both_ends(spans: &mut [SpanDocument], batch: &Batch) {
    let Some((scale, length_m)) = scale(batch) else { return };
    for span in spans {
        for metres in [&mut span.from_m, &mut span.to_m].into_iter().flatten() {
            *metres = (*metres * scale).clamp(0.0, length_m);
        }
        span.after_m = span.to_m.map(|to_m| length_m - to_m);
    }
}

/// The pauses of a batch, where its sections have them.
#[must_use]
pub fn pauses(batch: &Batch) -> Vec<PauseDocument> {
    let scale = scale(batch);
    let metres =
        |metres: f64| scale.map_or(metres, |(scale, length_m)| (metres * scale).min(length_m));
    let told = |pause: &Paused| PauseDocument {
        from: pause.from.as_millis(),
        to: pause.to.as_millis(),
        at_m: pause.at_m.map(metres),
        reason: pause.reason.clone(),
    };
    batch.pauses.iter().map(told).collect()
}

/// The sections of a batch that are off spec or at risk, in metres by the speed.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(super) struct BadSections {
    /// Those that touch are one.
    runs: Vec<(f64, f64)>,
    /// The length of the longest section: so far a section may reach beyond what is bad in it.
    each_m: f64,
}

impl BadSections {
    /// Those of which none of these stretches tells more closely where they are bad.
    fn besides(&self, stretches: &[(f64, f64)]) -> impl Iterator<Item = (f64, f64)> {
        let told = |(from, to): &(f64, f64)| {
            let covers = |stretch: &&(f64, f64)| {
                stretch.0 - self.each_m <= *from && *to <= stretch.1 + self.each_m
            };
            stretches.iter().any(|stretch| covers(&stretch))
        };
        self.runs.iter().copied().filter(move |run| !told(run))
    }
}

/// The sections of a batch that are off spec or at risk.
pub(super) fn bad_sections(
    batch: &Batch,
    heard: &Along<Heard>,
    grade: Option<&Grade>,
) -> BadSections {
    let mut found = BadSections::default();
    let BadSections { runs: bad, each_m } = &mut found;
    walk((batch, None), heard, grade, |_, section| {
        let Some((from, to)) = section.from_m.zip(section.to_m) else { return };
        *each_m = each_m.max(to - from);
        match bad.last_mut() {
            _ if !section.call.is_flag() => {}
            Some(last) if last.1 >= from => last.1 = to,
            _ => bad.push((from, to)),
        }
    });
    found
}

/// What would be left of a batch that has ended; `None` where nothing is bad, or nobody knows the metres. Bad are its
/// `spans`, and what of these sections is not told of by them.
pub(super) fn slab(
    spans: &[SpanDocument],
    sections: &BadSections,
    reasons: &[Reason],
    batch: &Batch,
) -> Option<Slab> {
    let (scale, length_m) = scale(batch)?;
    let mut bad: Vec<(f64, f64)> =
        spans.iter().map(|span| span.from_m.zip(span.to_m)).collect::<Option<_>>()?;
    let by_speed: Vec<_> = bad.iter().map(|(from, to)| (from / scale, to / scale)).collect();
    let scaled = |metres: f64| (metres * scale).clamp(0.0, length_m);
    bad.extend(sections.besides(&by_speed).map(|(from, to)| (scaled(from), scaled(to))));
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
    let of_tag = |(tag, seen): (&Arc<str>, &Seen)| {
        let Seen { mean, least, greatest, .. } = *seen;
        let out = seen.out_s / seen.seen_s;
        (Arc::clone(tag), SectionOfTag { mean, least, greatest, out })
    };
    let mut sections = Vec::new();
    walk((batch, scale(batch)), heard, grade, |section, document| {
        let quality = section.quality.iter().filter(|(_, seen)| seen.frames > 0);
        let quality = quality.map(of_tag).collect();
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
    walk((batch, scale(batch)), heard, grade, |_, document| match stretches.last_mut() {
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
    (batch, scale): (&Batch, Option<(f64, f64)>),
    heard: &Along<Heard>,
    grade: Option<&Grade>,
    mut give: impl FnMut(&Section, SectionDocument),
) {
    let Some(along) = &batch.product.along else { return };
    let (heard, along) = (heard.like(along), along.like(heard));
    let metres =
        |metres: f64| scale.map_or(metres, |(scale, length_m)| (metres * scale).min(length_m));
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
    let is_seen = |tag| seen(tag).is_some_and(|seen| seen.seen_s >= COVERAGE * section.made_s);
    let judged = heard.judged_s > 0.0 && heard.judged_s >= COVERAGE * heard.due_s;
    if tags().filter_map(seen).any(|seen| seen.out_s > 0.0) {
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
    for section in sections {
        for (tag, seen) in section.quality.iter().filter(|(_, seen)| seen.frames > 0) {
            of_tags.entry(tag).or_default().push(seen);
        }
    }
    let summary = |(tag, sections): (&Arc<str>, Vec<&Seen>)| {
        let mut whole = Seen::default();
        for seen in &sections {
            whole.add_all(seen);
        }
        let slow = |seen: &&Seen| seen.seen_s * (seen.mean - whole.mean).powi(2);
        let slow = sections.iter().map(slow).sum::<f64>() / whole.seen_s;
        let variance = whole.variance();
        TagSummary {
            tag: Arc::clone(tag),
            frames: whole.frames,
            seen: product.seen_share(tag),
            out: product.share_out(tag),
            // That which is held against limits: over the length where a speed is known.
            mean: product.mean(tag).unwrap_or(whole.mean),
            deviation: variance.map(f64::sqrt),
            slow,
            fast: (variance.unwrap_or(0.0) - slow).max(0.0),
            least: whole.least,
            greatest: whole.greatest,
        }
    };
    of_tags.into_iter().map(summary).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plant::SpecLimit;
    use crate::reading::Timestamp;

    fn at(s: i64) -> Timestamp {
        Timestamp::from_nanos(s * 1_000_000_000)
    }

    /// A batch of 1000 s and 10 km that has ended, of which the speed was known for so long.
    fn batch(measured_s: f64, counted_m: Option<f64>) -> Batch {
        let mut batch = Batch::begin("R1".into(), None, None, at(0));
        batch.ended = Some(at(1000));
        batch.counted_m = counted_m;
        batch.product.made_s = 1000.0;
        batch.product.measured_s = measured_s;
        batch.product.made_m = Some(10_000.0);
        batch
    }

    fn span((from_m, to_m): (f64, f64)) -> SpanDocument {
        SpanDocument {
            from: 0,
            to: 0,
            from_m: Some(from_m),
            to_m: Some(to_m),
            after_m: None,
            arrives: None,
        }
    }

    /// Off at the begin and the end, and left; and what is bad.
    #[track_caller]
    fn check(spans: &[(f64, f64)], sections: &[(f64, f64)], expected: [f64; 4]) {
        let spans: Vec<_> = spans.iter().copied().map(span).collect();
        let sections = BadSections { runs: sections.to_vec(), each_m: 100.0 };
        let slab = slab(&spans, &sections, &[], &batch(1000.0, None)).unwrap();
        let found = [slab.off_begin_m, slab.off_end_m, slab.left_m, slab.bad_m];
        let off = found.iter().zip(expected).map(|(found, expected)| (found - expected).abs());
        assert!(off.fold(0.0, f64::max) < 1e-9, "{found:?} {expected:?}");
        assert!((slab.off_begin_m + slab.off_end_m + slab.left_m - slab.length_m).abs() < 1e-9);
    }

    #[test]
    fn the_longest_good_piece_is_left() {
        check(&[(2000.0, 3000.0)], &[], [3000.0, 0.0, 7000.0, 1000.0]);
        check(&[(8000.0, 9000.0)], &[], [0.0, 2000.0, 8000.0, 1000.0]);
        // What overlaps counts once; sections that no reason stands for any more are bad all the same.
        let overlap = [(500.0, 2000.0), (1000.0, 1500.0), (9000.0, 10_000.0)];
        check(&overlap, &[], [2000.0, 1000.0, 7000.0, 2500.0]);
        check(&[(9000.0, 10_000.0)], &[(4000.0, 5000.0)], [0.0, 6000.0, 4000.0, 2000.0]);
        // A section that a span tells of more closely, and one that goes on behind it.
        check(&[(2030.0, 2990.0)], &[(2000.0, 3000.0)], [2990.0, 0.0, 7010.0, 960.0]);
        check(&[(2030.0, 2990.0)], &[(2000.0, 3200.0)], [3200.0, 0.0, 6800.0, 1200.0]);
        check(&[(0.0, 10_000.0)], &[], [10_000.0, 0.0, 0.0, 10_000.0]);
        let batch = batch(1000.0, None);
        assert_eq!(
            slab(&[span((3000.0, 3000.0))], &BadSections::default(), &[], &batch),
            None,
            "nothing arrived"
        );
        let somewhere = SpanDocument { from_m: None, ..span((0.0, 1.0)) };
        assert_eq!(
            slab(&[somewhere], &BadSections::default(), &[], &batch),
            None,
            "nobody knows the metres"
        );
    }

    #[test]
    fn what_has_no_place_is_said_to_be_more() {
        let more = |reason: Reason| {
            slab(&[span((0.0, 10.0))], &BadSections::default(), &[reason], &batch(1000.0, None))
                .unwrap()
                .more
        };
        let spec = |compared| Reason::Spec {
            tag: "bw".into(),
            value: 17.0,
            low: None,
            high: Some(16.0),
            share_out: 0.2,
            compared,
        };
        assert!(more(Reason::Person { disposition: "rework".into(), by: None }));
        assert!(more(spec(Compared::Mean)));
        assert!(!more(spec(Compared::Share)) && !more(spec(Compared::Single)));
    }

    #[test]
    fn without_the_speed_or_with_another_length_nobody_knows_how_far_it_is_from_the_end() {
        let ends = |batch: &Batch| {
            let mut spans = [span((1000.0, 2000.0))];
            from_both_ends(&mut spans, batch);
            let known = slab(&spans, &BadSections::default(), &[], batch).is_some();
            assert_eq!(known, spans[0].after_m.is_some());
            (spans[0].from_m.unwrap(), spans[0].after_m)
        };
        assert_eq!(ends(&batch(1000.0, None)), (1000.0, Some(8000.0)));
        assert_eq!(ends(&batch(1000.0, Some(10_500.0))), (1050.0, Some(8400.0)));
        assert_eq!(ends(&batch(1000.0, Some(7800.0))), (1000.0, None), "it counts something else");
        assert_eq!(ends(&batch(900.0, Some(10_500.0))), (1000.0, None), "a tenth was not seen");
        let mut open = batch(1000.0, None);
        open.ended = None;
        assert_eq!(ends(&open), (1000.0, None));
    }

    /// Ten seconds each of `bw` with this value and score, and the call of each.
    #[track_caller]
    fn check_calls(parts: &[(f64, Option<f64>)], expected: &[Call]) {
        let limit = SpecLimit {
            low: Some(14.0),
            high: Some(16.0),
            single: Some(crate::plant::Bounds { low: None, high: Some(20.0) }),
            ..SpecLimit::default()
        };
        let grade = Grade { spec: [("bw".into(), limit.clone())].into(), ..Grade::default() };
        let mut batch = Batch::begin("R1".into(), None, None, at(0));
        let (mut heard, tag) = (Along::<Heard>::default(), Arc::from("bw"));
        let mut now = 0;
        for (value, score) in parts {
            for second in 0..10 {
                let made = crate::batch::Made {
                    start: at(now),
                    end: at(now + 1),
                    metres: Some(10.0),
                    kg: None,
                };
                heard.at(batch.product.made_s).add(1.0, *score, true);
                // A single value of 25 is no more than a spike to the filter.
                let value = if *value > 20.0 && second != 5 { 15.0 } else { *value };
                batch.product.count(&made, &[(&tag, value, &limit)]);
                now += 1;
            }
        }
        let calls: Vec<Call> =
            sections(&batch, &heard, Some(&grade)).iter().map(|section| section.call).collect();
        assert_eq!(calls, expected);
    }

    #[test]
    fn a_section_is_called_by_what_was_seen_in_it() {
        use Call::{AtRisk, OffSpec, OnSpec, Unknown};
        let calm = Some(0.5);
        check_calls(&[(15.0, calm), (15.0, Some(1.2)), (15.0, None)], &[OnSpec, AtRisk, Unknown]);
        check_calls(&[(15.0, calm), (f64::NAN, calm)], &[OnSpec, Unknown]);
        check_calls(&[(15.0, calm), (25.0, calm)], &[OnSpec, OffSpec]);
        check_calls(&[(17.0, None), (17.0, Some(1.2))], &[OffSpec, OffSpec]);
    }

    #[test]
    fn what_nobody_saw_is_not_seen_in_the_summary_either() {
        let limit = SpecLimit { low: Some(14.0), high: Some(16.0), ..SpecLimit::default() };
        let (tag, mut product) = (Arc::from("bw"), Product::of_batch());
        let count = |product: &mut Product, s: i64, metres: Option<f64>, value: f64| {
            let made = crate::batch::Made { start: at(s), end: at(s + 1), metres, kg: None };
            product.count(&made, &[(&tag, value, &limit)]);
        };
        for s in 0..40 {
            count(&mut product, s, Some(10.0), if s < 20 { 15.0 } else { 17.0 });
        }
        // The speed is lost, and then everything.
        for s in 40..50 {
            count(&mut product, s, None, 19.0);
        }
        product.count_unseen(50.0);
        let [bw] = &summaries(&product)[..] else { panic!("one tag") };
        assert!((bw.seen - 0.5).abs() < 1e-9, "{bw:?}");
        assert!((bw.out - product.share_out("bw")).abs() < 1e-12);
        assert_eq!((bw.frames, bw.greatest), (50, 19.0), "what was made without a speed was seen");
    }
}

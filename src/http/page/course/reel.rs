//! Where along a batch something is: its axis, the cells of its charts, and what is drawn in lanes above them.

use super::super::plot::{Axis, Cell, Kind};
use crate::reading::Timestamp;
use crate::report::BatchData;
use crate::verdict::{Call, SectionDocument, SpanDocument};

/// What a lane shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lane {
    /// What the verdict calls affected.
    Affected,
    /// What of it is outside the limits of a quality tag.
    Outside,
    /// Where a monitor's score is above its limit.
    Flagged,
    /// What too little was seen of.
    Unseen,
    /// Where it was paused.
    Paused,
}

impl Lane {
    pub(super) const ALL: [Self; 5] =
        [Self::Affected, Self::Outside, Self::Flagged, Self::Unseen, Self::Paused];
}

/// The axis of a batch, and what is known along it.
#[derive(Debug)]
pub(super) struct Reel<'a> {
    pub(super) axis: Axis,
    data: &'a BatchData,
}

/// A stretch of the axis.
pub(super) type Stretch = (f64, f64);

#[expect(clippy::cast_precision_loss, reason = "milliseconds of our time")]
fn ms(at: i64) -> f64 {
    at as f64
}

/// The sections of a batch; none where nothing is kept of them.
pub(super) fn sections(data: &BatchData) -> &[SectionDocument] {
    data.sections.as_ref().map_or(&[], |kept| &kept.sections)
}

fn metres(section: &SectionDocument) -> Option<Stretch> {
    section.from_m.zip(section.to_m)
}

fn of_span(span: &SpanDocument) -> Option<Stretch> {
    span.from_m.zip(span.to_m)
}

impl<'a> Reel<'a> {
    /// By the metres where all of it has them, else by time; `None` of a batch of which nothing is known along it.
    pub(super) fn of(data: &'a BatchData) -> Option<Self> {
        let sheet = data.sheet.as_ref();
        let is_told = sheet.is_some_and(|of| !of.verdict.spans.is_empty() || !of.pauses.is_empty());
        if sections(data).is_empty() && !is_told {
            return None;
        }
        let axis = by_metres(data).or_else(|| by_time(data))?;
        Some(Self { axis, data })
    }

    /// True if it is known where a lane has something: of what was seen along it, where that is kept.
    pub(super) fn knows(&self, lane: Lane) -> bool {
        matches!(lane, Lane::Affected | Lane::Paused) || !sections(self.data).is_empty()
    }

    /// True if it is by metres.
    pub(super) fn in_metres(&self) -> bool {
        self.axis.kind == Kind::Metres
    }

    /// The cells of its charts: a section each.
    pub(super) fn cells(&self) -> Vec<Cell> {
        let cell = |section: &SectionDocument| Cell {
            ends: self.ends(section),
            times: (section.from, section.to),
        };
        sections(self.data).iter().map(cell).collect()
    }

    fn ends(&self, section: &SectionDocument) -> Stretch {
        let time = (ms(section.from), ms(section.to));
        if self.in_metres() { metres(section).unwrap_or(time) } else { time }
    }

    /// Where the batch was at an instant.
    fn at(&self, instant: i64) -> f64 {
        if !self.in_metres() {
            return ms(instant);
        }
        let mut at = self.axis.from;
        for section in sections(self.data) {
            let Some((from, to)) = metres(section) else { continue };
            if instant < section.from {
                return at;
            }
            if instant < section.to {
                let part = ms(instant - section.from) / ms(section.to - section.from);
                return from + part * (to - from);
            }
            at = to;
        }
        at
    }

    /// What a lane shows, in order, with what touches joined.
    pub(super) fn lane(&self, lane: Lane) -> Vec<Stretch> {
        let of_sections = |is: &dyn Fn(&SectionDocument) -> bool| {
            let found = sections(self.data).iter().filter(|section| is(section));
            found.map(|section| self.ends(section)).collect()
        };
        let sheet = self.data.sheet.as_ref();
        let stretches: Vec<Stretch> = match lane {
            Lane::Affected => sheet
                .iter()
                .flat_map(|sheet| &sheet.verdict.spans)
                .map(|span| {
                    of_span(span)
                        .filter(|_| self.in_metres())
                        .unwrap_or_else(|| (self.at(span.from), self.at(span.to)))
                })
                .collect(),
            Lane::Outside => of_sections(&|section| section.call == Call::OffSpec),
            Lane::Flagged => of_sections(&|section| section.score.is_some_and(|score| score > 1.0)),
            Lane::Unseen => of_sections(&|section| section.call == Call::Unknown),
            Lane::Paused => sheet
                .iter()
                .flat_map(|sheet| &sheet.pauses)
                .map(|pause| match pause.at_m.filter(|_| self.in_metres()) {
                    Some(at) => (at, at),
                    None => (self.at(pause.from), self.at(pause.to)),
                })
                .collect(),
        };
        joined(stretches)
    }
}

/// Metres from the begin, where every section and every affected stretch has them.
fn by_metres(data: &BatchData) -> Option<Axis> {
    let sections = sections(data);
    let spans = data.sheet.iter().flat_map(|sheet| &sheet.verdict.spans);
    let reached = match sections.last() {
        Some(last) if sections.iter().all(|section| metres(section).is_some()) => last.to_m?,
        // Nothing is kept of its sections: what is affected has to say where it lies.
        None if spans.clone().all(|span| of_span(span).is_some()) => data.record.length_m?,
        _ => return None,
    };
    let ends = spans.filter_map(of_span).map(|(_, to)| to);
    Axis::new(Kind::Metres, 0.0, ends.fold(reached, f64::max))
}

fn by_time(data: &BatchData) -> Option<Axis> {
    let record = &data.record;
    let seen = sections(data).last().map(|last| last.to);
    let spans = data.sheet.iter().flat_map(|sheet| &sheet.verdict.spans).map(|span| span.to);
    let ended = record.ended.map(Timestamp::as_millis);
    let first = sections(data).first().map(|first| first.from);
    let from =
        first.map_or(record.started.as_millis(), |from| from.min(record.started.as_millis()));
    let to = seen.into_iter().chain(ended).chain(spans).max()?;
    Axis::new(Kind::Time, ms(from), ms(to))
}

/// Stretches by their begin, those that touch joined. What runs backwards is turned round.
fn joined(stretches: Vec<Stretch>) -> Vec<Stretch> {
    let finite = stretches.into_iter().filter(|(from, to)| from.is_finite() && to.is_finite());
    let mut sorted: Vec<Stretch> = finite.map(|(a, b)| (a.min(b), a.max(b))).collect();
    sorted.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut joined: Vec<Stretch> = Vec::new();
    for (from, to) in sorted {
        match joined.last_mut() {
            Some(last) if from <= last.1 => last.1 = last.1.max(to),
            _ => joined.push((from, to)),
        }
    }
    joined
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture;
    use proptest::prelude::*;

    #[test]
    fn a_batch_that_was_measured_lies_in_metres_and_another_in_time() {
        let data = fixture::flagged();
        let reel = Reel::of(&data).unwrap();
        assert_eq!((reel.axis.kind, reel.axis.from, reel.axis.to), (Kind::Metres, 0.0, 80_000.0));
        assert_eq!(reel.lane(Lane::Affected), [(56_000.0, 72_000.0)]);
        assert_eq!(reel.lane(Lane::Outside), [(56_000.0, 72_000.0)]);
        assert_eq!(reel.lane(Lane::Unseen), [(76_000.0, 80_000.0)]);
        let mut data = fixture::flagged();
        data.sections.as_mut().unwrap().sections[3].from_m = None;
        let reel = Reel::of(&data).unwrap();
        let minutes = |n: f64| ms(fixture::STARTED) + n * 60_000.0;
        assert_eq!(reel.axis.kind, Kind::Time);
        assert_eq!(reel.lane(Lane::Outside), [(minutes(35.0), minutes(45.0))]);
    }

    #[test]
    fn without_sections_the_stretches_alone_are_drawn_and_without_length_time() {
        let mut data = fixture::flagged();
        data.sections = None;
        assert_eq!(Reel::of(&data).unwrap().lane(Lane::Affected), [(56_000.0, 72_000.0)]);
        data.record.length_m = None;
        let reel = Reel::of(&data).unwrap();
        assert_eq!((reel.axis.kind, reel.cells().len()), (Kind::Time, 0));
        data.record.ended = None;
        data.sheet = None;
        assert!(Reel::of(&data).is_none(), "it has neither length nor end");
    }

    /// A batch of sections of these lengths, m, of ten seconds each, of which those are outside.
    fn batch(lengths: &[(f64, bool)]) -> BatchData {
        let mut data = fixture::flagged();
        let first = data.sections.as_ref().unwrap().sections[0].clone();
        let (mut at, mut time) = (0.0, fixture::STARTED);
        let section = |(length, bad): &(f64, bool)| {
            let mut section = first.clone();
            (section.from_m, section.from) = (Some(at), time);
            at += length;
            time += 10_000;
            (section.to_m, section.to) = (Some(at), time);
            section.call = if *bad { Call::OffSpec } else { Call::OnSpec };
            section
        };
        data.sections.as_mut().unwrap().sections = lengths.iter().map(section).collect();
        data.sheet.as_mut().unwrap().verdict.spans.clear();
        data
    }

    proptest! {
        /// Every metre that is outside lies in a bar, every other one in none, and an instant lies in its section.
        #[test]
        fn stretches_in_metres_fall_where_they_must(
            lengths in prop::collection::vec((0.5_f64..500.0, any::<bool>()), 1..96),
            part in 0.01_f64..0.99,
        ) {
            let data = batch(&lengths);
            let reel = Reel::of(&data).unwrap();
            let bars = reel.lane(Lane::Outside);
            let whole: f64 = lengths.iter().map(|(length, _)| length).sum();
            prop_assert!((reel.axis.to - whole).abs() < 1e-6);
            prop_assert!(bars.windows(2).all(|two| two[0].1 < two[1].0), "{bars:?}");
            let bad: f64 = lengths.iter().filter(|(_, bad)| *bad).map(|(length, _)| length).sum();
            let drawn: f64 = bars.iter().map(|(from, to)| reel.axis.part(*to) - reel.axis.part(*from)).sum();
            prop_assert!((drawn * whole - bad).abs() < 1e-6 * whole, "{drawn} of {whole}, {bad}");
            let mut at = 0.0;
            for (section, (length, is_bad)) in sections(&data).iter().zip(&lengths) {
                let metre = at + part * length;
                at += length;
                let within = bars.iter().any(|(from, to)| (*from..*to).contains(&metre));
                prop_assert_eq!(within, *is_bad);
                #[expect(clippy::cast_possible_truncation, reason = "below ten seconds")]
                let instant = section.from + (part * 10_000.0) as i64;
                prop_assert!((reel.at(instant) - metre).abs() <= length * 1e-3);
            }
        }

        #[test]
        fn what_is_joined_covers_the_same_and_is_apart(ends in prop::collection::vec((0_u32..100, 0_u32..100), 0..30)) {
            let given: Vec<Stretch> = ends.iter().map(|(a, b)| (f64::from(*a), f64::from(*b))).collect();
            let found = joined(given.clone());
            prop_assert!(found.windows(2).all(|two| two[0].1 < two[1].0));
            for tenth in 0..1000_u32 {
                let at = f64::from(tenth) / 10.0;
                let is_in = |(a, b): &Stretch| a.min(*b) <= at && at <= a.max(*b);
                prop_assert_eq!(found.iter().any(is_in), given.iter().any(is_in), "{}", at);
            }
        }
    }
}

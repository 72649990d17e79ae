//! What became of the batches that a grade's models judged, and what follows for their limits.

use super::calibrate::{self, Calibration, count};
use super::trial::Flagged;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use std::sync::Arc;

/// Judged batches that are remembered.
const REMEMBERED: usize = 400;

/// The good batches that set limits, the newest: of older ones the raw material is another. While furnish drifts, more of
/// them let more pass than was promised (`tests/false-flags` shows what these let pass).
const RECENT: usize = 100;

/// How far one good batch moves the level, as a share of the promised rate: a false flag takes half of it away,
/// and as many good batches as the budget allows one flag in give it back.
const STEP: f64 = 0.5;

/// The level stays between these shares of the promised rate.
const LEVELS: (f64, f64) = (0.1, 2.0);

/// What happens by chance less often than this is a drift. It is looked at after each batch, so by chance alone it is
/// said several times as often in the life of a model.
const DRIFT_CHANCE: f64 = 0.001;

/// What a batch was found to be, after it was judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// Nobody has said.
    Open,
    /// Shown to be good, and nobody did anything about it.
    Good,
    /// Good in the end, after somebody acted: it says nothing about the limits.
    Acted,
    /// Off spec.
    Bad,
}

impl Outcome {
    /// The word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Good => "good",
            Self::Acted => "acted",
            Self::Bad => "bad",
        }
    }
}

/// A batch while it is judged.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Course {
    frames: u32,
    judged: u32,
    /// The greatest score, and that before the last frame.
    peak: f64,
    before: f64,
    /// True if it did not begin with the batch: what came before was not seen.
    late: bool,
}

/// Of a batch of which less than this share of the frames was judged nobody knows what it reached.
const SEEN: f64 = 0.8;

impl Course {
    /// A frame and its score.
    pub(super) fn take(&mut self, score: Option<f64>) {
        self.frames = self.frames.saturating_add(1);
        self.before = self.peak;
        if let Some(score) = score {
            self.judged += 1;
            self.peak = self.peak.max(score);
        }
    }

    /// What the last frame reached beyond the limit was not worth a flag.
    pub(super) fn excuse(&mut self) {
        if self.peak > 1.0 {
            self.peak = self.before;
        }
    }

    /// One that begins within a batch.
    pub(super) fn late() -> Self {
        Self { late: true, ..Self::default() }
    }

    /// The batch has ended; its limits were those of the fit times `scale`.
    pub(super) fn end(self, batch: Arc<str>, flagged: bool, scale: f64) -> Judged {
        let judged = f64::from(self.judged) >= SEEN * f64::from(self.frames);
        let seen = judged && self.judged > 0 && !self.late;
        Judged {
            batch,
            seen,
            peak: seen.then_some(self.peak * scale),
            exceeded: self.peak > 1.0,
            flagged,
            outcome: Outcome::Open,
        }
    }
}

/// A batch that was judged.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Judged {
    /// Its id.
    pub batch: Arc<str>,
    /// True if enough of it was judged: of others nobody knows whether they would have been flagged.
    pub seen: bool,
    /// Its greatest score by the limits of the fit; `None` if too little of it was judged, or another model
    /// judged it.
    pub peak: Option<f64>,
    /// True if its score passed the limit that held.
    pub exceeded: bool,
    /// True if it was flagged, for whatever reason.
    pub flagged: bool,
    /// What it was found to be.
    pub outcome: Outcome,
}

/// The batches that the models of a grade judged, in the order in which they ended.
///
/// A limit that is right when a model is fitted need not stay right: raw material goes where it was not while the
/// model learned. Each batch that is shown to be good moves the level at which limits are set (adaptive conformal
/// inference; Gibbs and Candès 2021): α ← α + γ(rate − err), err = 1 if it was flagged, γ = rate/2. The limits are
/// then those of that level by what good batches reached. A batch of which nobody says that it was good moves
/// nothing, so a fault that lasts is not learned. But where flagged batches are held, or acted on, the good ones that
/// are left are those below the limit, and limits by them alone would fall without end: while there is such a one, limits do not go
/// below those of the fit, nor the level above the promised rate.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct TrackRecord {
    batches: VecDeque<Judged>,
}

/// How often good batches were flagged.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Realized {
    /// Batches shown to be good.
    pub good: u32,
    /// Those of them that were flagged.
    pub wrong: u32,
    /// Flagged ones on which somebody acted, and that were good in the end.
    pub acted: u32,
    /// `wrong` of `good`.
    pub rate: f64,
    /// The range of the true rate in nineteen cases of twenty (Clopper and Pearson).
    pub range: (f64, f64),
    /// The rate if each flag on which somebody acted was wrong.
    pub at_most: f64,
}

/// What two models said of the same batches, the one that judges and a new one in its shadow: by their scores alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Beside {
    /// Batches shown to be good.
    pub good: Flagged,
    /// Those that were bad.
    pub bad: Flagged,
    /// Those of which nobody has said what they were, or somebody acted on.
    pub open: u32,
}

impl Beside {
    /// The batches, whatever they were.
    #[must_use]
    pub fn batches(&self) -> u32 {
        self.good.of + self.bad.of + self.open
    }
}

impl TrackRecord {
    /// A batch has ended.
    pub fn judged(&mut self, batch: Judged) {
        if self.batches.len() == REMEMBERED {
            self.batches.pop_front();
        }
        self.batches.push_back(batch);
    }

    /// What a batch was found to be. True if that is news of a batch that was judged.
    pub fn found(&mut self, batch: &str, outcome: Outcome) -> bool {
        let judged = self.batches.iter_mut().rev().find(|judged| *judged.batch == *batch);
        judged.is_some_and(|judged| std::mem::replace(&mut judged.outcome, outcome) != outcome)
    }

    /// Another model judges: it has limits of its own. How often good batches were flagged still counts.
    pub fn refitted(&mut self) {
        for judged in &mut self.batches {
            judged.peak = None;
        }
    }

    /// The level at which limits are set to keep a promised rate.
    #[must_use]
    pub fn level(&self, rate: f64) -> f64 {
        let (least, most) = (LEVELS.0 * rate, LEVELS.1 * rate);
        let most = if self.is_censored() { rate } else { most };
        self.good().fold(rate, |level, judged| {
            let err = f64::from(u8::from(judged.exceeded));
            (level + STEP * rate * (rate - err)).clamp(least, most)
        })
    }

    /// True if a batch passed the limits and it is not known whether it was a good one.
    fn is_censored(&self) -> bool {
        let unknown = |judged: &Judged| matches!(judged.outcome, Outcome::Open | Outcome::Acted);
        self.batches.iter().rev().take(RECENT).any(|judged| judged.exceeded && unknown(judged))
    }

    /// What the limits of a fit are multiplied with in the next batch.
    #[must_use]
    pub fn scale(&self, calibration: &Calibration) -> f64 {
        self.scale_for(calibration, self.level(calibration.rate), RECENT)
    }

    /// What the limits of a fit are multiplied with to be those of a level, by the `last` so many good batches since
    /// the fit; while they are too few for the promised rate, those that were held out in the fit count with them.
    #[must_use]
    pub fn scale_for(&self, calibration: &Calibration, level: f64, last: usize) -> f64 {
        if !calibration.is_of_batches() || calibration.maxima.is_empty() {
            return 1.0;
        }
        let since = self.good().rev().filter_map(|judged| judged.peak).take(last);
        let mut pool: Vec<f64> = since.map(|peak| peak * calibration.factor).collect();
        if pool.len() < calibration.needed.max(calibration.maxima.len()).min(last) {
            pool.extend(&calibration.maxima);
        }
        let limit = calibrate::limit_within_fence(pool, level, &calibration.maxima);
        let scale = limit / calibration.factor;
        if self.is_censored() { scale.max(1.0) } else { scale }
    }

    /// How many of the last good batches that this model judged passed its limits, and of how many, if that is more
    /// than chance explains at the greatest rate that is stated: the plant is not where it was.
    #[must_use]
    pub fn drift(&self, calibration: &Calibration) -> Option<(usize, usize)> {
        if !calibration.is_of_batches() {
            return None;
        }
        let rate =
            if calibration.provisional { calibration.rate_range.1 } else { calibration.rate };
        let of_this_model = self.good().rev().filter(|judged| judged.peak.is_some()).take(RECENT);
        let (exceeded, of) = of_this_model.fold((0, 0), |(exceeded, of), judged| {
            (exceeded + usize::from(judged.exceeded), of + 1)
        });
        let chance = calibrate::at_least(exceeded, of, rate);
        (exceeded > 1 && chance < DRIFT_CHANCE).then_some((exceeded, of))
    }

    /// How often good batches were flagged; `None` before there is one.
    #[must_use]
    pub fn realized(&self) -> Option<Realized> {
        let flagged = |outcome: Outcome| {
            let of =
                self.batches.iter().filter(move |judged| judged.seen && judged.outcome == outcome);
            of.filter(|judged| judged.flagged).count()
        };
        let (good, wrong, acted) =
            (self.good().count(), flagged(Outcome::Good), flagged(Outcome::Acted));
        let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        (good > 0).then(|| Realized {
            good: number(good),
            wrong: number(wrong),
            acted: number(acted),
            rate: count(wrong) / count(good),
            range: calibrate::rate_range_of(wrong, good),
            at_most: count(wrong + acted) / count(good + acted),
        })
    }

    /// What the models of this record and a new one said of the last batches that both judged: these end both records.
    #[must_use]
    pub fn beside(&self, new: &Self) -> Beside {
        let mut beside = Beside::default();
        for (present, new) in self.batches.iter().rev().zip(new.batches.iter().rev()) {
            if present.batch != new.batch || !(present.seen && new.seen) {
                continue;
            }
            match present.outcome {
                Outcome::Good => beside.good.take(present.exceeded, new.exceeded),
                Outcome::Bad => beside.bad.take(present.exceeded, new.exceeded),
                Outcome::Open | Outcome::Acted => beside.open += 1,
            }
        }
        beside
    }

    fn good(&self) -> impl DoubleEndedIterator<Item = &Judged> {
        self.batches.iter().filter(|judged| judged.seen && judged.outcome == Outcome::Good)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn calibration(maxima: &[f64], rate: f64) -> Calibration {
        calibrate::by_batches(maxima, rate)
    }

    /// A record of batches of these peaks, each flagged if it exceeds 1.0.
    fn record(peaks: &[f64], outcome: Outcome) -> TrackRecord {
        let mut track = TrackRecord::default();
        for (ix, peak) in peaks.iter().enumerate() {
            let exceeded = *peak > 1.0;
            track.judged(Judged {
                batch: format!("R{ix}").as_str().into(),
                seen: true,
                peak: Some(*peak),
                exceeded,
                flagged: exceeded,
                outcome,
            });
        }
        track
    }

    #[test]
    fn false_flag_halves_the_level_and_good_batches_give_it_back() {
        let near = |track: &TrackRecord, expected: f64| {
            assert!((track.level(0.01) - expected).abs() < 1e-12, "{}", track.level(0.01));
        };
        near(&TrackRecord::default(), 0.01);
        near(&record(&[0.5, 1.5], Outcome::Good), 0.01 + 0.005 * 0.01 - 0.005 * 0.99);
        // A hundred good ones bring half of the rate.
        near(&record(&[0.5; 100], Outcome::Good), 0.015);
        near(&record(&[1.5; 3], Outcome::Good), 0.001);
        near(&record(&[0.5; REMEMBERED], Outcome::Good), 0.02);
    }

    #[test]
    fn what_is_not_worth_a_flag_is_not_reached() {
        let reached = |frames: &[(f64, bool)]| {
            let mut course = Course::default();
            for (score, worth) in frames {
                course.take(Some(*score));
                if !worth {
                    course.excuse();
                }
            }
            let judged = course.end("R1".into(), false, 1.0);
            (judged.peak, judged.exceeded)
        };
        assert_eq!(reached(&[(0.4, true), (3.0, false), (0.5, true)]), (Some(0.5), false));
        assert_eq!(reached(&[(0.4, true), (0.7, false)]), (Some(0.7), false));
        assert_eq!(reached(&[(2.0, true), (3.0, false)]), (Some(2.0), true));
    }

    #[test]
    fn two_models_are_held_against_each_other_on_the_batches_that_both_judged() {
        let mut present = record(&[0.5, 1.5, 1.5, 0.5, 0.5], Outcome::Good);
        present.found("R3", Outcome::Bad);
        present.found("R4", Outcome::Acted);
        // The new one came with the third batch, and saw too little of none.
        let judged = |ix: usize, peak: f64, seen: bool| Judged {
            batch: format!("R{ix}").as_str().into(),
            seen,
            peak: Some(peak),
            exceeded: peak > 1.0,
            flagged: peak > 1.0,
            outcome: Outcome::Open,
        };
        let new = |seen: bool| {
            let batches = [(1, 0.5, seen), (2, 0.5, true), (3, 1.5, true), (4, 0.5, true)];
            let mut track = TrackRecord::default();
            for (ix, peak, seen) in batches {
                track.judged(judged(ix, peak, seen));
            }
            track
        };
        let flagged = |of, only_present, only_new| Flagged { of, both: 0, only_present, only_new };
        let (bad, open) = (flagged(1, 0, 1), 1);
        let found = present.beside(&new(true));
        assert_eq!(found, Beside { good: flagged(2, 2, 0), bad, open });
        assert_eq!(found.batches(), 4);
        assert_eq!(present.beside(&new(false)), Beside { good: flagged(1, 1, 0), bad, open });
        assert_eq!(present.beside(&TrackRecord::default()), Beside::default());
    }

    #[test]
    fn only_what_is_shown_to_be_good_moves_limits() {
        let calibration = calibration(&[0.8, 0.9, 1.0, 1.1, 1.2, 1.3, 1.4, 1.5], 0.01);
        let untouched = TrackRecord::default().scale(&calibration);
        assert!((untouched - 1.0).abs() < 1e-12, "limits are those of the fit: {untouched}");
        for outcome in [Outcome::Open, Outcome::Acted, Outcome::Bad] {
            let track = record(&[2.0; 50], outcome);
            assert!((track.scale(&calibration) - 1.0).abs() < 1e-12, "{outcome:?}");
        }
        let frames = Calibration { unit: "independent frames".into(), ..calibration.clone() };
        let older = Calibration { maxima: Vec::new(), ..calibration.clone() };
        for other in [frames, older] {
            let scale = record(&[2.0; 50], Outcome::Good).scale(&other);
            assert!((scale - 1.0).abs() < 1e-12, "{other:?}");
        }
        assert!(record(&[2.0; 50], Outcome::Good).scale(&calibration) > 1.5);
        assert!(record(&[0.2; 50], Outcome::Good).scale(&calibration) < 1.0);
    }

    #[test]
    fn what_is_found_later_counts_and_what_is_found_otherwise_does_so_no_more() {
        let calibration = calibration(&[0.8, 0.9, 1.0, 1.1, 1.2, 1.3, 1.4, 1.5], 0.01);
        let mut track = record(&[1.9], Outcome::Open);
        assert_eq!(track.realized(), None);
        assert!(track.found("R0", Outcome::Good), "news");
        assert!(!track.found("R0", Outcome::Good), "no news");
        assert!(!track.found("R7", Outcome::Good), "it was never judged");
        assert!(track.scale(&calibration) > 1.0);
        assert_eq!(track.realized().map(|realized| (realized.good, realized.wrong)), Some((1, 1)));
        assert!(track.found("R0", Outcome::Bad));
        assert!((track.scale(&calibration) - 1.0).abs() < 1e-12);
        assert_eq!(track.realized(), None);
    }

    #[test]
    fn enough_good_batches_take_the_place_of_those_held_out_and_old_ones_go() {
        let calibration = calibration(&[5.0; 20], 0.05);
        // Nineteen would be enough for the rate, but tell less than the twenty of the fit.
        let scale =
            |n: usize| record(&vec![0.5; n], Outcome::Good).scale_for(&calibration, 0.05, RECENT);
        assert!((scale(19) - 1.0).abs() < 1e-12);
        assert!((scale(20) - 0.5).abs() < 1e-12);
        let mut peaks = vec![3.0; 150];
        peaks.extend([0.5; RECENT]);
        let track = record(&peaks, Outcome::Good);
        assert!((track.scale_for(&calibration, 0.05, RECENT) - 0.5).abs() < 1e-12);
        assert!((track.scale_for(&calibration, 0.05, 250) - 3.0).abs() < 1e-12);
    }

    #[test]
    fn another_model_has_limits_of_its_own_and_inherits_the_level() {
        let calibration = calibration(&[0.8, 0.9, 1.0, 1.1, 1.2, 1.3, 1.4, 1.5], 0.01);
        let mut track = record(&[1.5, 1.5, 0.5], Outcome::Good);
        let level = track.level(0.01);
        assert!(level < 0.01);
        track.refitted();
        assert!((track.level(0.01) - level).abs() < 1e-12);
        assert!(
            (track.scale(&calibration)
                - calibrate::limit(&calibration.maxima, level) / calibration.factor)
                .abs()
                < 1e-12
        );
        assert_eq!(track.realized().map(|realized| realized.wrong), Some(2));
    }

    #[test]
    fn limits_do_not_fall_where_what_passes_them_is_acted_on_or_held() {
        let calibration = calibration(&[0.8, 0.9, 1.0, 1.1, 1.2, 1.3, 1.4, 1.5], 0.01);
        let mut track = record(&[0.2; 50], Outcome::Good);
        assert!(track.scale(&calibration) < 1.0 && track.level(0.01) > 0.01);
        let passed = |outcome| Judged {
            batch: "H".into(),
            seen: true,
            peak: Some(1.4),
            exceeded: true,
            flagged: true,
            outcome,
        };
        track.judged(passed(Outcome::Open));
        for outcome in [Outcome::Open, Outcome::Acted] {
            track.found("H", outcome);
            assert!((track.scale(&calibration) - 1.0).abs() < 1e-12, "{outcome:?}");
            assert!((track.level(0.01) - 0.01).abs() < 1e-12, "{outcome:?}");
        }
        track.found("H", Outcome::Bad);
        assert!(track.scale(&calibration) < 1.0, "it was flagged rightly");
    }

    #[test]
    fn one_odd_batch_that_was_released_does_not_blind() {
        let calibration = calibration(&[0.8, 0.9, 1.0, 1.1, 1.2, 1.3, 1.4, 1.5], 0.01);
        let mut peaks: Vec<f64> = (0..99).map(|ix| 0.5 + f64::from(ix) * 0.003).collect();
        let before = record(&peaks, Outcome::Good).scale(&calibration);
        peaks.push(10.0);
        let after = record(&peaks, Outcome::Good).scale(&calibration);
        assert!(after > before && after < 2.0, "{before} {after}");
        // A shift of all of them is followed.
        peaks.extend([4.0; 60]);
        assert!(record(&peaks, Outcome::Good).scale(&calibration) >= 4.0);
    }

    #[test]
    fn a_fault_all_of_whose_batches_were_released_stays_flagged_for_a_while() {
        let good = |n: u32| -> Vec<f64> {
            (0..n).map(|ix| 0.5 + 0.4 * f64::from(ix * 37 % n) / f64::from(n)).collect()
        };
        let calibration = calibration(&good(40), 0.01);
        // They are between 0.5 and 0.9, and their fence at 1.9; the fault reaches 2 to 2.4.
        let mut peaks: Vec<f64> = good(100).iter().map(|peak| peak / calibration.factor).collect();
        for ix in 0..8 {
            let limit = record(&peaks, Outcome::Good).scale(&calibration) * calibration.factor;
            assert!(limit < 2.0, "{ix}: {limit}");
            peaks.push((2.0 + 0.1 * f64::from(ix * 3 % 5)) / calibration.factor);
        }
        peaks.extend((0..40).map(|_| 2.2 / calibration.factor));
        let limit = record(&peaks, Outcome::Good).scale(&calibration) * calibration.factor;
        assert!(limit > 2.2, "it is what the plant does: {limit}");
    }

    #[test]
    fn batches_that_were_not_seen_are_no_evidence() {
        let mut track = TrackRecord::default();
        for ix in 0..200 {
            let batch: Arc<str> = format!("R{ix}").as_str().into();
            track.judged(Course::default().end(Arc::clone(&batch), false, 1.0));
            track.found(&batch, Outcome::Good);
        }
        assert!((track.level(0.01) - 0.01).abs() < 1e-12);
        assert_eq!(track.realized(), None);
        // Nor is what was seen from its middle on.
        let mut course = Course::late();
        course.take(Some(0.5));
        assert_eq!(course.end("R".into(), false, 1.0).peak, None);
    }

    #[test]
    fn drift_is_more_than_chance_explains() {
        let maxima: Vec<f64> = (0..99).map(|ix| 0.5 + f64::from(ix) * 0.01).collect();
        let sure = calibration(&maxima, 0.01);
        let drift = |peaks: &[f64], of: &Calibration| record(peaks, Outcome::Good).drift(of);
        let mut peaks = vec![0.5; 40];
        assert_eq!(drift(&peaks, &sure), None);
        peaks.extend([1.5; 2]);
        assert_eq!(drift(&peaks, &sure), None, "that may be chance");
        peaks.extend([1.5; 2]);
        assert_eq!(drift(&peaks, &sure), Some((4, 44)));
        let provisional = calibration(&maxima[..20], 0.01);
        assert_eq!(drift(&peaks, &provisional), None, "it may be so by what was stated");
        let frames = Calibration { unit: "independent frames".into(), ..sure.clone() };
        assert_eq!(drift(&peaks, &frames), None, "nothing was promised of batches");
        let mut track = record(&peaks, Outcome::Good);
        track.refitted();
        assert_eq!(track.drift(&sure), None, "another model judged them");
    }

    #[test]
    fn what_somebody_acted_on_is_shown_beside_it() {
        let mut track = record(&[1.5, 0.5, 0.5, 0.5], Outcome::Good);
        track.found("R1", Outcome::Acted);
        let realized = track.realized().unwrap();
        assert_eq!((realized.good, realized.wrong, realized.acted), (3, 1, 0));
        track.found("R0", Outcome::Acted);
        let realized = track.realized().unwrap();
        assert_eq!((realized.good, realized.wrong, realized.acted), (2, 0, 1));
        assert!((realized.at_most - 1.0 / 3.0).abs() < 1e-12);
    }

    #[test]
    fn batch_of_which_little_was_seen_reached_nobody_knows_what() {
        let mut course = Course::default();
        assert_eq!(course.end("R".into(), false, 1.0).peak, None);
        for score in [Some(0.5), Some(1.2), Some(0.3), Some(0.2)] {
            course.take(score);
        }
        // The limits were twice those of the fit.
        let judged = course.end("R".into(), false, 2.0);
        assert_eq!((judged.peak, judged.exceeded), (Some(2.4), true));
        course.take(None);
        assert_eq!(course.end("R".into(), true, 2.0).peak, Some(2.4), "four of five");
        course.take(None);
        let judged = course.end("R".into(), true, 2.0);
        assert_eq!((judged.peak, judged.exceeded, judged.flagged), (None, true, true));
    }
}

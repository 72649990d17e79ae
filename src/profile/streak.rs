//! Streaks: a narrow defect that stays at its place across the web.
//!
//! Of each box the deviation from the mean of its scan is followed by an exponentially weighted mean
//! (domain practice: λ = 0.1). What stands still grows out of the noise of single scans; what does not, never
//! does. A box is held against the median of its neighbourhood, so that the shape of the web is left out. Two
//! neighbours that are beyond the limit on one side are a streak: the limit is of the normal distribution,
//! over all boxes at once, and never below what the boxes of this web usually differ from their neighbours.

use super::{Place, mean, median, robust_sd};
use serde::{Deserialize, Serialize};
use statrs::distribution::{ContinuousCDF, Normal};

/// The weight of the newest scan.
const WEIGHT: f64 = 0.1;
/// The weight of the newest scan in the noise, which changes slowly.
const NOISE_WEIGHT: f64 = 0.05;

/// No single scan says more than this many standard deviations: of the noise, or of what stays.
const MOST: f64 = 4.0;

/// The chance that any of the boxes is beyond the limit where nothing is: that of three sigmas.
const CHANCE: f64 = 0.0027;

/// Scans before anything is said, and scans without a value after which a box is forgotten.
const FIRST: u32 = 10;
const FORGOTTEN: u32 = 20;

/// The least width of a streak, and the greatest share of the web: what is broader is the web's shape.
const WIDTH: usize = 2;
const BROADEST: usize = 8;

/// A streak ends when it is below this share of the limit.
const OVER: f64 = 0.6;

/// The neighbourhood of a box: a share of the web, within bounds, as boxes.
const NEAR: usize = 8;
const NEAR_BOXES: (usize, usize) = (9, 61);

/// A narrow defect that stays at its place.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Streak {
    /// Its first box, counted from 0.
    pub first: usize,
    /// Its last box.
    pub last: usize,
    /// How far it is from its neighbourhood now, in the unit.
    pub deviation: f64,
}

/// What is followed of a web.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(super) struct Streaks {
    boxes: Vec<Box>,
    /// The variance of a box from scan to scan.
    noise: f64,
    /// The standard deviation of the boxes about their neighbourhoods.
    usual: f64,
    scans: u32,
    /// Those that stand, from the tending side.
    standing: Vec<Streak>,
}

/// What is followed of a box; without names in a checkpoint, of which boxes are a good part.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(from = "(f64, f64, u32, u32)", into = "(f64, f64, u32, u32)")]
struct Box {
    /// The weighted mean of the deviations from the means of the scans.
    mean: f64,
    /// The variance of that as a share of the noise.
    share: f64,
    /// How many there were.
    count: u32,
    /// Scans since the last.
    absent: u32,
}

impl Streaks {
    /// Takes a scan, as many boxes as the one before, NaN where a box has no value; true if a streak was
    /// found that did not stand before.
    pub(super) fn take(&mut self, values: &[f64], least: Option<f64>) -> bool {
        if self.boxes.len() != values.len() {
            *self = Self { boxes: vec![Box::default(); values.len()], ..Self::default() };
        }
        let Some(level) = mean(values.iter().copied()) else { return false };
        let away = |(known, value): (&Box, &f64)| value - level - known.mean;
        let news = self.boxes.iter().zip(values).filter(|(known, _)| known.count > 0).map(away);
        if let Some(sd) = robust_sd(news) {
            self.scans = self.scans.saturating_add(1);
            let weight = NOISE_WEIGHT.max(1.0 / f64::from(self.scans));
            self.noise += weight * (sd * sd - self.noise);
        }
        let most = MOST * self.noise.sqrt().max(self.usual);
        for (known, value) in self.boxes.iter_mut().zip(values) {
            known.take(value - level, most);
        }
        self.judge(least.unwrap_or(0.0))
    }

    /// Where those are that stand.
    pub(super) fn places(&self, place: impl Fn(usize) -> f64) -> Vec<Place> {
        let of = |streak: &Streak| Place {
            from: place(streak.first),
            to: place(streak.last),
            deviation: streak.deviation,
        };
        self.standing.iter().map(of).collect()
    }

    /// Those that stand, from the tending side.
    pub(super) fn standing(&self) -> &[Streak] {
        &self.standing
    }

    fn judge(&mut self, least: f64) -> bool {
        if self.scans < FIRST {
            return false;
        }
        let means: Vec<f64> = self
            .boxes
            .iter()
            .map(|known| if known.count >= FIRST { known.mean } else { f64::NAN })
            .collect();
        let mut away = from_neighbours(&means, |_| false);
        self.usual = robust_sd(away.iter().copied()).unwrap_or(0.0);
        let count = away.iter().filter(|away| !away.is_nan()).count().max(1);
        #[expect(clippy::cast_precision_loss, reason = "boxes, fewer than 2^53")]
        let z = Normal::standard().inverse_cdf(1.0 - CHANCE / 2.0 / count as f64);
        // How many limits each box is away; what has said nothing is not.
        let size = |(known, away): (&Box, &f64)| {
            let sd = (self.noise * known.share).sqrt();
            let limit = (z * sd.max(self.usual)).max(least);
            if away.is_nan() || limit <= 0.0 { 0.0 } else { away / limit }
        };
        let sizes_of = |away: &[f64]| self.boxes.iter().zip(away).map(size).collect::<Vec<f64>>();
        let mut sizes = sizes_of(&away);
        // On a slope a streak moves the middle of those beside it, which would be one of the other sign.
        if sizes.iter().any(|size| size.abs() > 1.0) {
            away = from_neighbours(&means, |ix| sizes[ix].abs() > 1.0);
            sizes = sizes_of(&away);
        }
        let broadest = (self.boxes.len() / BROADEST).max(WIDTH);
        let mut standing: Vec<Streak> = Vec::new();
        let mut news = false;
        let mut first = 0;
        while first < sizes.len() {
            let sign = sizes[first].signum();
            let run = |least: f64| {
                sizes[first..].iter().take_while(move |size| **size * sign > least).count()
            };
            let end = first + run(OVER).max(1);
            let old = self
                .standing
                .iter()
                .find(|old| old.first < end && first <= old.last && old.deviation * sign > 0.0);
            let beyond = sizes[first..end]
                .windows(WIDTH)
                .any(|pair| pair.iter().all(|size| size * sign > 1.0));
            let stands = run(OVER) >= WIDTH && (old.is_some() || beyond);
            if stands && end - first <= broadest {
                news |= old.is_none();
                let deviation = away[first..end].iter().fold(0.0, |worst: f64, away| {
                    if away.abs() > worst.abs() { *away } else { worst }
                });
                standing.push(Streak { first, last: end - 1, deviation });
            }
            first = end;
        }
        self.standing = standing;
        news
    }
}

impl From<(f64, f64, u32, u32)> for Box {
    fn from((mean, share, count, absent): (f64, f64, u32, u32)) -> Self {
        Self { mean, share, count, absent }
    }
}

impl From<Box> for (f64, f64, u32, u32) {
    fn from(Box { mean, share, count, absent }: Box) -> Self {
        (mean, share, count, absent)
    }
}

impl Box {
    /// Takes the next deviation: never more news in one scan than `most`.
    fn take(&mut self, away: f64, most: f64) {
        if away.is_nan() {
            self.absent = self.absent.saturating_add(1);
            if self.absent > FORGOTTEN {
                *self = Self { absent: self.absent, ..Self::default() };
            }
            return;
        }
        self.absent = 0;
        self.count = self.count.saturating_add(1);
        // The plain mean of the first ones.
        let weight = WEIGHT.max(1.0 / f64::from(self.count));
        let news = away - self.mean;
        let news = if self.count == 1 { news } else { news.clamp(-most, most) };
        self.mean += weight * news;
        self.share = (1.0 - weight).powi(2) * self.share + weight * weight;
    }
}

/// How far each box is from the median of its neighbourhood: the shape of the web is left out, and what is
/// narrow stays. Boxes that are `odd` are no neighbours, nor are those as far to the other side: what is left
/// is about the box, so that a slope is no defect. A box with nobody else is held against itself.
fn from_neighbours(values: &[f64], odd: impl Fn(usize) -> bool) -> Vec<f64> {
    let half = (values.len() / NEAR).clamp(NEAR_BOXES.0, NEAR_BOXES.1) / 2;
    let mut near: Vec<f64> = Vec::with_capacity(2 * half + 1);
    let even = |ix: usize| values.get(ix).copied().filter(|value| !value.is_nan() && !odd(ix));
    (0..values.len())
        .map(|ix| {
            near.clear();
            near.extend(even(ix));
            for far in 1..=half.min(ix) {
                if let (Some(before), Some(after)) = (even(ix - far), even(ix + far)) {
                    near.extend([before, after]);
                }
            }
            let middle = median(&mut near).unwrap_or(values[ix]);
            values[ix] - middle
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// White noise of standard deviation one, about.
    struct Noise(u64);

    impl Noise {
        fn next(&mut self) -> f64 {
            let mut uniform = || {
                self.0 = self
                    .0
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1_442_695_040_888_963_407);
                f64::from(u32::try_from(self.0 >> 32).unwrap()) / 4_294_967_296.0
            };
            (0..12).map(|_| uniform()).sum::<f64>() - 6.0
        }
    }

    /// A frown with a box structure that stays, and noise of 0.1.
    fn web(noise: &mut Noise, boxes: u32) -> Vec<f64> {
        (0..boxes)
            .map(|ix| {
                let place = f64::from(ix) / f64::from(boxes) - 0.5;
                let fine = 0.02 * (f64::from(ix) * 12.9898).sin();
                15.0 - 2.0 * place * place + fine + 0.1 * noise.next()
            })
            .collect()
    }

    #[test]
    fn noise_is_no_streak_in_a_week_of_scans() {
        for (seed, boxes) in [(1, 60), (2, 280), (3, 600)] {
            let (mut streaks, mut noise, mut found) = (Streaks::default(), Noise(seed), 0);
            // Fewer for the wide ones, which cost more.
            for _ in 0..200_000 / boxes {
                found += u32::from(streaks.take(&web(&mut noise, boxes), None));
            }
            assert_eq!(found, 0, "{boxes} boxes");
        }
    }

    #[test]
    fn a_streak_is_found_where_it_is_and_ends_when_it_is_over() {
        let (mut streaks, mut noise) = (Streaks::default(), Noise(5));
        for _ in 0..100 {
            assert!(!streaks.take(&web(&mut noise, 280), None));
        }
        // Three boxes, one standard deviation of a single scan: nobody sees that in one.
        let mut after = None;
        for scan in 0..60 {
            let mut values = web(&mut noise, 280);
            values[100..103].iter_mut().for_each(|value| *value += 0.15);
            if streaks.take(&values, None) {
                after.get_or_insert(scan);
            }
        }
        assert!(after.is_some_and(|after| after < 30), "{after:?}");
        let [streak] = streaks.standing() else { panic!("{:?}", streaks.standing()) };
        assert!(
            (99..=101).contains(&streak.first) && (101..=103).contains(&streak.last),
            "{streak:?}"
        );
        assert!((0.1..0.2).contains(&streak.deviation), "{streak:?}");
        let over = (0..60).position(|_| {
            streaks.take(&web(&mut noise, 280), None);
            streaks.standing().is_empty()
        });
        assert!(over.is_some_and(|over| over < 30), "{over:?}");
    }

    #[test]
    fn a_streak_on_a_slope_throws_no_shadow() {
        let (mut streaks, mut noise) = (Streaks::default(), Noise(4));
        for scan in 0..60 {
            let mut values = web(&mut noise, 60);
            // Falling as steeply as webs do, with two boxes that are too heavy from the tenth scan on.
            values.iter_mut().zip(0_u32..).for_each(|(value, ix)| *value -= 0.05 * f64::from(ix));
            if scan > 9 {
                values[31..33].iter_mut().for_each(|value| *value += 0.6);
            }
            streaks.take(&values, None);
        }
        let [streak] = streaks.standing() else { panic!("{:?}", streaks.standing()) };
        assert_eq!((streak.first, streak.last), (31, 32));
    }

    #[test]
    fn what_is_small_broad_or_moves_is_none() {
        let count = |least: Option<f64>, change: &dyn Fn(usize, &mut [f64])| {
            let (mut streaks, mut noise, mut found) = (Streaks::default(), Noise(9), 0);
            for scan in 0..200 {
                let mut values = web(&mut noise, 280);
                change(scan, &mut values);
                found += u32::from(streaks.take(&values, least));
            }
            found
        };
        let add = |values: &mut [f64], by: f64| values.iter_mut().for_each(|value| *value += by);
        let wander = |scan: usize, values: &mut [f64]| {
            let first = scan * 4 % 270;
            add(&mut values[first..first + 4], 0.3);
        };
        // Smaller than is worth an alarm.
        assert_eq!(count(Some(0.3), &|_, values| add(&mut values[100..104], 0.2)), 0);
        assert!(count(None, &|_, values| add(&mut values[100..104], 0.2)) > 0);
        // A quarter of the web.
        assert_eq!(count(None, &|_, values| add(&mut values[100..170], 0.3)), 0);
        // It wanders; it is one box; it is a single scan, however far out.
        assert_eq!(count(None, &|scan, values| wander(scan, values)), 0);
        assert_eq!(count(None, &|_, values| add(&mut values[100..101], 1.0)), 0);
        assert_eq!(
            count(None, &|scan, values| if scan == 50 {
                add(&mut values[100..104], 50.0);
            }),
            0
        );
    }
}

//! What was made: how much of it, how much of that was seen, and what lay outside its limits.

use super::sections::{Along, Section};
use crate::plant::{Bounds, Compared, Grade, SpecLimit};
use crate::reading::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// The time constant of the filter on quality values, s: about one scan, so that one noisy scan
/// does not count as product outside its limits (domain.md 3.4, `q_filtered`).
const FILTER_S: f64 = 30.0;

/// The memory of what a value was lately, s: long enough that a swing does not tell how the rest of a batch will be.
const LATELY_S: f64 = 600.0;

/// A mean over less than this share of what was made is none of the whole.
const MEAN_FROM: f64 = 0.8;

/// Stretches kept for each tag; more of them are joined to the last.
const STRETCHES_MAX: usize = 16;

/// What a line without batches made counts for about so long: of older product less and less is left.
pub const WINDOW: Duration = Duration::from_secs(3600);

/// A quality tag's value in a frame and its limits in the grade.
pub type Limits<'a> = [(&'a Arc<str>, f64, &'a SpecLimit)];

/// What was made in a frame.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Made {
    /// The frame's begin.
    pub start: Timestamp,
    /// The frame's end.
    pub end: Timestamp,
    /// Its length, m, if a speed is known.
    pub metres: Option<f64>,
    /// Its mass, kg, if a production rate is known.
    pub kg: Option<f64>,
}

/// What was made of a batch so far, or lately on a line without batches; pauses are left out.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Product {
    /// Length by the speed, m, if a speed is known.
    pub made_m: Option<f64>,
    /// Mass by the production rate, kg, if one is known.
    pub made_kg: Option<f64>,
    /// Time, s, seen or not.
    pub made_s: f64,
    /// Of it, with a known speed, s.
    #[serde(default)]
    pub measured_s: f64,
    /// What was outside limits, by quality tag.
    pub quality: BTreeMap<Arc<str>, OutOfSpec>,
    /// What was seen along it; `None` on a line without batches, and of a batch that nothing more can be found of.
    #[serde(default)]
    pub along: Option<Along<Section>>,
}

/// How much of a product was seen, and how much of that lay outside the limits of one tag.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct OutOfSpec {
    /// The value, smoothed over the scans, in the tag's unit.
    pub smoothed: Option<f64>,
    /// The last of those values, for evidence when no new one comes.
    pub last: Option<f64>,
    /// Seen, s and m.
    pub seen_s: f64,
    /// Seen, m.
    pub seen_m: f64,
    /// Outside, s.
    pub out_s: f64,
    /// Outside, m.
    pub out_m: f64,
    /// Since when it has been outside, if it is now.
    pub out_since: Option<Timestamp>,
    /// Since when it has been seen inside without a gap, if it is now.
    pub in_since: Option<Timestamp>,
    /// The stretches outside, newest last: from, to, and metres of the batch.
    pub stretches: Vec<Stretch>,
    /// Its mean.
    #[serde(default)]
    pub mean: Mean,
    /// The newest value of a frame that was beyond the bounds of single ones.
    #[serde(default)]
    pub beyond: Option<Beyond>,
}

/// The mean of what was seen of a quality tag since its bounds are in force.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Mean {
    /// What it is held against; with other bounds it begins anew.
    bounds: Option<Bounds>,
    /// Over the time, in the tag's unit.
    by_time: Option<f64>,
    /// Over the length.
    by_length: Option<f64>,
    /// What the value was lately.
    lately: Option<f64>,
    /// The time that went into it, s.
    seconds: f64,
    /// The length that went into it, m.
    metres: f64,
}

/// A value of a frame that was beyond the bounds of single ones.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Beyond {
    /// The value, not smoothed, in the tag's unit.
    pub value: f64,
    /// The bounds that were in force.
    pub bounds: Bounds,
    /// The frame.
    pub stretch: Stretch,
}

/// A stretch of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Stretch {
    /// Its begin.
    pub from: Timestamp,
    /// Its end.
    pub to: Timestamp,
    /// Its begin, m.
    pub from_m: Option<f64>,
    /// Its end, m.
    pub to_m: Option<f64>,
}

/// The share of older figures that is left after so many seconds on a line without batches.
#[must_use]
pub fn left_after(seconds: f64) -> f64 {
    libm::exp(-seconds.max(0.0) / WINDOW.as_secs_f64())
}

impl Product {
    /// Nothing of a batch as yet.
    #[must_use]
    pub fn of_batch() -> Self {
        Self { along: Some(Along::default()), ..Self::default() }
    }

    /// The amount made: metres where a speed is known, else seconds.
    #[must_use]
    pub fn amount(&self) -> f64 {
        self.made_m.unwrap_or(self.made_s)
    }

    /// The amount outside of a quality tag, in the measure of [`Product::amount`].
    #[must_use]
    pub fn amount_out(&self, tag: &str) -> f64 {
        let Some(quality) = self.quality.get(tag) else { return 0.0 };
        if self.made_m.is_some() { quality.out_m } else { quality.out_s }
    }

    /// The share of the product of which a quality tag was seen, 0–1: the lesser of its share of the
    /// time and of the length, since a speed that is lost takes its metres with it. Of nothing, nothing.
    #[must_use]
    pub fn seen_share(&self, tag: &str) -> f64 {
        let Some(quality) = self.quality.get(tag) else { return 0.0 };
        let share = |seen: f64, made: f64| if made > 0.0 { (seen / made).min(1.0) } else { 0.0 };
        let in_time = share(quality.seen_s, self.made_s);
        match self.made_m {
            Some(made_m) if made_m > 0.0 => in_time.min(share(quality.seen_m, made_m)),
            _ => in_time,
        }
    }

    /// The greatest share outside of any quality tag so far, 0–1; `None` before anything was seen.
    #[must_use]
    pub fn out_share(&self) -> Option<f64> {
        let amount = self.amount();
        if amount <= 0.0 || self.quality.is_empty() {
            return None;
        }
        self.quality.keys().map(|tag| (self.amount_out(tag) / amount).min(1.0)).reduce(f64::max)
    }

    /// The share outside of a quality tag, 0–1; of nothing, nothing.
    #[must_use]
    pub fn share_out(&self, tag: &str) -> f64 {
        let amount = self.amount();
        if amount > 0.0 { (self.amount_out(tag) / amount).min(1.0) } else { 0.0 }
    }

    /// The mean of a quality tag: over the length where a speed is known, else over the time; `None` where less than four
    /// fifths of the product went into it.
    #[must_use]
    pub fn mean(&self, tag: &str) -> Option<f64> {
        let mean = &self.quality.get(tag)?.mean;
        let enough = |summed: f64, made: f64| made > 0.0 && summed >= MEAN_FROM * made;
        let by_length = self.made_m.filter(|made_m| *made_m > 0.0);
        let known = enough(mean.seconds, self.made_s)
            && by_length.is_none_or(|made_m| enough(mean.metres, made_m));
        by_length.map_or(mean.by_time, |_| mean.by_length).filter(|_| known)
    }

    /// The mean that a quality tag will have over a whole of this amount if the rest of it comes as it came lately.
    #[must_use]
    pub fn foreseen_mean(&self, tag: &str, whole: f64) -> Option<f64> {
        let (mean, lately) = (self.mean(tag)?, self.quality.get(tag)?.mean.lately?);
        let amount = self.amount();
        if whole <= amount {
            return Some(mean);
        }
        Some(mean + (lately - mean) * (whole - amount) / whole)
    }

    /// The limits of a grade that the product breaks if nothing more is made of it: tag by tag, in order, with what was
    /// compared.
    pub fn broken<'a>(
        &'a self,
        grade: &'a Grade,
    ) -> impl Iterator<Item = (&'a Arc<str>, Compared)> + 'a {
        let of_tag = |(tag, limit): (&'a Arc<str>, &'a SpecLimit)| {
            let outside =
                |bounds: Bounds| self.mean(tag).is_some_and(|mean| !bounds.contains(mean));
            let found = [
                (self.share_out(tag) > grade.off_share(limit), Compared::Share),
                (limit.mean.is_some_and(outside), Compared::Mean),
                (self.beyond(tag).is_some(), Compared::Single),
            ];
            found.into_iter().filter(|(broken, _)| *broken).map(move |(_, what)| (tag, what))
        };
        grade.spec.iter().flat_map(of_tag)
    }

    /// The newest value of a tag that was beyond the bounds of single ones.
    #[must_use]
    pub fn beyond(&self, tag: &str) -> Option<&Beyond> {
        self.quality.get(tag)?.beyond.as_ref()
    }

    /// Adds a frame: its time, length and mass, and the values of the quality tags against their limits.
    pub fn count(&mut self, made: &Made, limits: &Limits<'_>) {
        let seconds = made.end.seconds_since(made.start);
        let position = self.made_m.or(made.metres.map(|_| 0.0));
        let mut section = self.along.as_mut().map(|along| along.at(self.made_s));
        if let Some(section) = &mut section {
            section.add(made, position);
        }
        for (tag, value, limit) in limits {
            if !self.quality.contains_key(*tag) {
                self.quality.insert(Arc::clone(tag), OutOfSpec::default());
            }
            let quality = self.quality.get_mut(*tag).expect("it was inserted above");
            if value.is_nan() {
                quality.lose_sight();
                continue;
            }
            let smoothed = quality.smoothed.map_or(*value, |before| {
                before + (1.0 - libm::exp(-seconds / FILTER_S)) * (value - before)
            });
            quality.smoothed = Some(smoothed);
            quality.last = Some(smoothed);
            let inside = limit.contains(smoothed);
            quality.add(inside, made, position);
            quality.sum_up(*value, limit, made, position);
            if let Some(section) = &mut section {
                let single = limit.single.is_none_or(|bounds| bounds.contains(*value));
                section.seen(tag).add(*value, inside && single, seconds);
            }
        }
        self.made_s += seconds;
        if let Some(metres) = made.metres {
            self.measured_s += seconds;
            *self.made_m.get_or_insert(0.0) += metres;
        }
        if let Some(kg) = made.kg {
            *self.made_kg.get_or_insert(0.0) += kg;
        }
    }

    /// So many seconds were made and nobody saw them.
    pub fn count_unseen(&mut self, seconds: f64) {
        if seconds > 0.0 {
            self.made_s += seconds;
            self.lose_sight();
        }
    }

    /// What follows does not go on from what was seen last: a hole, or a pause.
    pub fn lose_sight(&mut self) {
        self.quality.values_mut().for_each(OutOfSpec::lose_sight);
    }

    /// So many seconds pass on a line without batches, up to `now`: older product counts less.
    pub fn fade(&mut self, seconds: f64, now: Timestamp) {
        let left = left_after(seconds);
        self.made_s *= left;
        self.measured_s *= left;
        for amount in [&mut self.made_m, &mut self.made_kg].into_iter().flatten() {
            *amount *= left;
        }
        let oldest = now.minus(WINDOW);
        for quality in self.quality.values_mut() {
            for amount in
                [&mut quality.seen_s, &mut quality.seen_m, &mut quality.out_s, &mut quality.out_m]
            {
                *amount *= left;
            }
            quality.stretches.retain(|stretch| stretch.to >= oldest);
            quality.mean.seconds *= left;
            quality.mean.metres *= left;
            quality.beyond = quality.beyond.filter(|beyond| beyond.stretch.to >= oldest);
        }
    }
}

impl Mean {
    /// Adds a value that lasted so many seconds and metres.
    fn add(&mut self, value: f64, seconds: f64, metres: f64) {
        let towards = |mean: &mut Option<f64>, share: f64| {
            let before = *mean.get_or_insert(value);
            *mean = Some(before + share.min(1.0) * (value - before));
        };
        self.seconds += seconds;
        self.metres += metres;
        if seconds > 0.0 {
            towards(&mut self.by_time, seconds / self.seconds);
            towards(&mut self.lately, seconds / self.seconds.min(LATELY_S));
        }
        if metres > 0.0 {
            towards(&mut self.by_length, metres / self.metres);
        }
    }
}

impl OutOfSpec {
    /// Adds a frame's product: `inside` by the limits, at `position` metres of the batch.
    pub(crate) fn add(&mut self, inside: bool, made: &Made, position: Option<f64>) {
        let Made { start: from, end: to, metres, .. } = *made;
        let seconds = to.seconds_since(from);
        self.seen_s += seconds;
        self.seen_m += metres.unwrap_or(0.0);
        if inside {
            self.out_since = None;
            self.in_since.get_or_insert(from);
            return;
        }
        self.out_s += seconds;
        self.out_m += metres.unwrap_or(0.0);
        self.in_since = None;
        let begins = self.out_since.is_none();
        self.out_since.get_or_insert(from);
        let to_m = position.map(|at| at + metres.unwrap_or(0.0));
        let full = self.stretches.len() == STRETCHES_MAX;
        match self.stretches.last_mut() {
            Some(last) if !begins || full => {
                last.to = to;
                last.to_m = to_m;
            }
            _ => self.stretches.push(Stretch { from, to, from_m: position, to_m }),
        }
    }

    /// Adds a frame's value to the mean, and holds it against the bounds of single ones.
    pub(crate) fn sum_up(
        &mut self,
        value: f64,
        limit: &SpecLimit,
        made: &Made,
        position: Option<f64>,
    ) {
        if self.mean.bounds != limit.mean {
            self.mean = Mean { bounds: limit.mean, ..Mean::default() };
        }
        let metres = made.metres.unwrap_or(0.0);
        self.mean.add(value, made.end.seconds_since(made.start), metres);
        if let Some(bounds) = limit.single.filter(|bounds| !bounds.contains(value)) {
            let to_m = position.map(|at| at + metres);
            let stretch = Stretch { from: made.start, to: made.end, from_m: position, to_m };
            self.beyond = Some(Beyond { value, bounds, stretch });
        }
    }

    fn lose_sight(&mut self) {
        self.smoothed = None;
        self.out_since = None;
        self.in_since = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(s: i64) -> Timestamp {
        Timestamp::from_nanos(s * 1_000_000_000)
    }

    fn second(s: i64, metres: Option<f64>) -> Made {
        Made { start: at(s), end: at(s + 1), metres, kg: None }
    }

    #[test]
    fn stretches_outside_join_and_shares_count_metres() {
        let mut quality = OutOfSpec::default();
        for (s, inside) in [(0, true), (1, false), (2, false), (3, true), (4, false)] {
            #[expect(clippy::cast_precision_loss, reason = "small test numbers")]
            quality.add(inside, &second(s, Some(10.0)), Some(s as f64 * 10.0));
        }
        assert_eq!(quality.stretches.len(), 2);
        assert_eq!(
            (quality.stretches[0].from_m, quality.stretches[0].to_m),
            (Some(10.0), Some(30.0))
        );
        assert!((quality.out_m - 30.0).abs() < 1e-12 && (quality.seen_m - 50.0).abs() < 1e-12);
        assert_eq!(quality.out_since, Some(at(4)));
    }

    /// The share seen of `bw` after frames of one second: metres, and whether `bw` has a value.
    #[track_caller]
    fn check(frames: &[(Option<f64>, bool, i64)], unseen: f64, expected: f64) {
        let limit = SpecLimit { low: Some(14.0), ..SpecLimit::default() };
        let (tag, mut product, mut now) = (Arc::from("bw"), Product::default(), 0);
        for (metres, seen, seconds) in frames {
            for _ in 0..*seconds {
                let value = if *seen { 15.0 } else { f64::NAN };
                product.count(&second(now, *metres), &[(&tag, value, &limit)]);
                now += 1;
            }
        }
        product.count_unseen(unseen);
        assert!((product.seen_share("bw") - expected).abs() < 1e-9, "{}", product.seen_share("bw"));
    }

    #[test]
    fn coverage_is_measured_in_time_and_in_length() {
        check(&[], 0.0, 0.0);
        check(&[], 60.0, 0.0);
        check(&[(Some(10.0), true, 10)], 0.0, 1.0);
        check(&[(Some(10.0), true, 60)], 540.0, 0.1);
        // The speed dies with the tag: its metres stand still, its time does not.
        check(&[(Some(10.0), true, 20), (None, false, 80)], 0.0, 0.2);
        // The machine ran slowly while the tag was seen.
        check(&[(Some(1.0), true, 90), (Some(91.0), false, 10)], 0.0, 0.09);
        // The machine stood all the time.
        check(&[(Some(0.0), true, 10)], 0.0, 1.0);
    }

    /// `bw` with bounds for its mean and for single values.
    fn limit(mean: (f64, f64), single: (f64, f64)) -> SpecLimit {
        let bounds = |(low, high)| Some(Bounds { low: Some(low), high: Some(high) });
        SpecLimit { mean: bounds(mean), single: bounds(single), ..SpecLimit::default() }
    }

    /// Makes `bw` of this value for these seconds, a frame each.
    fn make(
        product: &mut Product,
        seconds: std::ops::Range<i64>,
        (metres, value): (f64, f64),
        limit: &SpecLimit,
    ) {
        let tag = Arc::from("bw");
        for s in seconds {
            product.count(&second(s, Some(metres)), &[(&tag, value, limit)]);
        }
    }

    #[test]
    fn means_count_length_and_single_values_have_their_place() {
        let (limit, mut product) = (limit((14.0, 16.0), (10.0, 20.0)), Product::default());
        make(&mut product, 0..300, (10.0, 15.0), &limit);
        make(&mut product, 300..400, (30.0, 19.0), &limit);
        // Half of the length, a quarter of the time.
        assert!((product.mean("bw").unwrap() - 17.0).abs() < 1e-9);
        assert!((product.quality["bw"].mean.by_time.unwrap() - 16.0).abs() < 1e-9);
        assert!((product.foreseen_mean("bw", 3000.0).unwrap() - 17.0).abs() < 1e-9, "it is made");
        // Half of it is made; the rest comes as the last four hundred seconds did.
        assert!((product.foreseen_mean("bw", 12_000.0).unwrap() - 16.5).abs() < 1e-9);
        let grade = Grade { spec: [("bw".into(), limit.clone())].into(), ..Grade::default() };
        let broken = |product: &Product| -> Vec<Compared> {
            product.broken(&grade).map(|(_, what)| what).collect()
        };
        assert_eq!(broken(&product), [Compared::Mean]);
        make(&mut product, 400..401, (20.0, 21.0), &limit);
        make(&mut product, 401..402, (1.0, 20.0), &limit);
        assert_eq!(broken(&product), [Compared::Mean, Compared::Single]);
        let beyond = product.beyond("bw").unwrap();
        assert_eq!((beyond.value, beyond.stretch.from_m), (21.0, Some(6000.0)));
    }

    #[test]
    fn a_mean_is_that_of_nearly_all_that_was_made_under_its_bounds() {
        let (limit, mut product) = (limit((14.0, 16.0), (10.0, 20.0)), Product::default());
        make(&mut product, 0..60, (10.0, 17.0), &limit);
        assert!(product.mean("bw").is_some());
        make(&mut product, 60..120, (10.0, f64::NAN), &limit);
        assert_eq!(product.mean("bw"), None, "a minute of two");
        // What an earlier release saw went into no mean.
        let seen = OutOfSpec { seen_s: 3000.0, ..OutOfSpec::default() };
        let quality = [("bw".into(), seen)].into();
        let mut old = Product { made_s: 3000.0, quality, ..Product::default() };
        make(&mut old, 3000..3060, (0.0, 17.0), &limit);
        assert_eq!(old.mean("bw"), None);
        // With other bounds it begins anew, and what was beyond others was.
        let mut product = Product::default();
        make(&mut product, 0..60, (10.0, 19.0), &limit);
        make(&mut product, 60..300, (10.0, 15.0), &super::tests::limit((13.0, 16.0), (10.0, 18.0)));
        assert!((product.mean("bw").unwrap() - 15.0).abs() < 1e-9);
        assert_eq!(product.beyond("bw"), None);
    }

    #[test]
    fn without_batches_older_product_counts_less() {
        let limit = SpecLimit { low: Some(14.0), ..SpecLimit::default() };
        let (tag, mut product) = (Arc::from("bw"), Product::default());
        for s in 0..40_000 {
            product.fade(1.0, at(s + 1));
            let value = if s < 4000 { 13.0 } else { 15.0 };
            product.count(&second(s, None), &[(&tag, value, &limit)]);
        }
        assert!((product.made_s - 3600.0).abs() < 2.0, "{}", product.made_s);
        assert!(product.out_share().unwrap() < 1e-3);
        assert!(product.quality["bw"].stretches.is_empty());
        assert!((product.mean("bw").unwrap() - 15.0).abs() < 1e-3);
    }
}

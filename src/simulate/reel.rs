//! One reel: what is wound on it, and what the laboratory finds.

use super::limits::{Limits, Product};
use super::noise::Chance;
use super::process::WIDTH_M;
use super::truth::Class;
use crate::reading::Timestamp;
use std::collections::VecDeque;
use std::sync::Arc;

/// The sample is cut from what was wound in so many seconds before the end.
const SAMPLE_S: usize = 60;
/// Standard deviations of the laboratory's results: N/m and µm.
const TENSILE_ERROR: f64 = 3.0;
const CALIPER_ERROR: f64 = 1.5;

/// The reel being wound.
#[derive(Debug, Clone)]
pub(super) struct Reel {
    /// Its position in the schedule.
    pub(super) ix: usize,
    /// Its id.
    pub(super) batch: Arc<str>,
    /// Seconds wound.
    pub(super) second: u32,
    pub(super) length_m: f64,
    pub(super) mass_kg: f64,
    /// When the product was first outside.
    pub(super) off_from: Option<Timestamp>,
    /// When the process fault in it began.
    pub(super) fault_from: Option<Timestamp>,
    /// Length outside of basis weight, moisture, tensile strength.
    outside_m: [f64; 3],
    /// Tensile strength and caliper of the last seconds.
    sample: VecDeque<(f64, f64)>,
}

/// What the laboratory finds, and what the reel really is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Finding {
    /// As published: with the laboratory's error, to one decimal place.
    pub(super) tensile_md: f64,
    /// As published.
    pub(super) caliper: f64,
    /// The greatest share of the length outside of any property, 0–1.
    pub(super) off_share: f64,
    pub(super) class: Class,
}

impl Reel {
    /// An empty spool.
    pub(super) fn new(ix: usize, batch: Arc<str>) -> Self {
        Self {
            ix,
            batch,
            second: 0,
            length_m: 0.0,
            mass_kg: 0.0,
            off_from: None,
            fault_from: None,
            outside_m: [0.0; 3],
            sample: VecDeque::with_capacity(SAMPLE_S + 1),
        }
    }

    /// Winds one second; `faulty` while a fault of the process is active.
    pub(super) fn wind(
        &mut self,
        now: Timestamp,
        product: &Product,
        reel_speed: f64,
        limits: &Limits,
        faulty: bool,
    ) {
        let metres = reel_speed / 60.0;
        self.length_m += metres;
        self.mass_kg += metres * WIDTH_M * product.basis_weight / 1000.0;
        let outside = limits.outside(product);
        for (metres_out, out) in self.outside_m.iter_mut().zip(outside) {
            *metres_out += if out { metres } else { 0.0 };
        }
        if outside.contains(&true) {
            self.off_from.get_or_insert(now);
        }
        if faulty {
            self.fault_from.get_or_insert(now);
        }
        self.sample.push_back((product.tensile_md, product.caliper));
        if self.sample.len() > SAMPLE_S {
            self.sample.pop_front();
        }
        self.second += 1;
    }

    /// What is found in the sample from the end of the reel, and the truth about the whole of it.
    pub(super) fn finding(&self, limits: &Limits, laboratory: &mut Chance) -> Finding {
        let strips = f64::from(u32::try_from(self.sample.len().max(1)).expect("60 at most"));
        let sum =
            self.sample.iter().fold((0.0, 0.0), |sum, strip| (sum.0 + strip.0, sum.1 + strip.1));
        let tensile = sum.0 / strips + TENSILE_ERROR * laboratory.normal();
        let caliper = sum.1 / strips + CALIPER_ERROR * laboratory.normal();
        // What is published is what counts.
        let published = |value: f64| (value * 10.0).round() / 10.0;
        let tensile_md = published(tensile);
        let (low, high) = limits.tensile_md;
        let lab_outside = tensile_md < low || high < tensile_md;
        let off_share = self
            .outside_m
            .iter()
            .fold(0.0, |most: f64, out| most.max(out / self.length_m.max(1.0)));
        let class = Class::of(off_share, lab_outside, self.fault_from.is_some());
        Finding { tensile_md, caliper: published(caliper), off_share, class }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A reel of 1000 s whose tensile strength is `tensile` from second `from` to second `to`.
    #[track_caller]
    fn check(tensile: f64, from: u32, to: u32, faulty: bool, expected: Class) {
        let mut reel = Reel::new(0, "R1".into());
        let sound =
            Product { basis_weight: 15.0, moisture: 5.5, tensile_md: 130.0, caliper: 105.0 };
        for second in 0..1000 {
            let out = (from..to).contains(&second);
            let product = if out { Product { tensile_md: tensile, ..sound } } else { sound };
            let now = Timestamp::from_nanos(i64::from(second));
            reel.wind(now, &product, 1640.0, &Limits::default(), faulty && from <= second);
        }
        let finding = reel.finding(&Limits::default(), &mut Chance::new(1, 0));
        assert_eq!(finding.class, expected, "{finding:?}");
        let share = f64::from(to - from) / 1000.0;
        // A sum of a thousand equal lengths.
        let off_share = if expected == Class::Touched { 0.0 } else { share };
        assert!((finding.off_share - off_share).abs() < 1e-9, "{finding:?}");
        assert!((reel.length_m - 1000.0 * 1640.0 / 60.0).abs() < 1e-6);
        assert!((reel.mass_kg - reel.length_m * 5.6 * 0.015).abs() < 1e-6);
    }

    #[test]
    fn the_class_is_that_of_the_length_outside() {
        check(90.0, 300, 401, true, Class::OffSpec);
        check(90.0, 300, 399, true, Class::Marginal);
        check(170.0, 300, 301, false, Class::Marginal);
        check(150.0, 300, 401, true, Class::Touched);
        check(90.0, 300, 300, false, Class::Good);
    }
}

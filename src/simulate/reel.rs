//! One reel: what is wound on it, what the laboratory finds, and what it really is.

use super::faults::ProcessFault;
use super::grades::{Grade, Limits, PROPERTIES, Product};
use super::noise::Chance;
use super::process::WIDTH_M;
use super::truth::Class;
use crate::reading::Timestamp;
use std::collections::{BTreeMap, VecDeque};
use std::f64::consts::PI;
use std::sync::Arc;

/// The sample is cut from what was wound in so many seconds before the end.
const SAMPLE_S: usize = 60;
/// Standard deviations of the laboratory's results: shares of the value.
const TENSILE_ERROR: f64 = 0.02;
const WET_TENSILE_ERROR: f64 = 0.04;
const STRETCH_ERROR: f64 = 0.02;
const CALIPER_ERROR: f64 = 0.015;
/// Diameter of the spool, m.
const SPOOL_M: f64 = 0.5;
/// Thickness in the roll over thickness of one ply under the laboratory's plate.
const IN_ROLL: f64 = 1.10;

/// The reel being wound.
#[derive(Debug, Clone)]
pub(super) struct Reel {
    /// Its id.
    pub(super) batch: Arc<str>,
    /// Its grade's position.
    pub(super) grade: usize,
    /// Its number among the scored ones; `None` while learning.
    pub(super) scored: bool,
    /// It is full at this diameter, m.
    full_m: f64,
    pub(super) length_m: f64,
    pub(super) mass_kg: f64,
    /// Cross section of the roll, m².
    section_m2: f64,
    /// When the product was first outside.
    pub(super) off_from: Option<Timestamp>,
    /// The fault that it suffered from, and its begin.
    pub(super) fault: Option<(ProcessFault, Timestamp)>,
    outside_m: [f64; PROPERTIES],
    /// Length that the scanner saw outside: basis weight, moisture.
    seen_outside_m: [f64; 2],
    /// Strength, wet strength, stretch, caliper of the last seconds.
    sample: VecDeque<[f64; 4]>,
    /// Fibre of each lot, kg.
    pub(super) lots: BTreeMap<Arc<str>, f64>,
}

/// A result as published.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct LabValue {
    pub(super) property: &'static str,
    pub(super) unit: &'static str,
    pub(super) value: f64,
    pub(super) decimals: usize,
    pub(super) outside: bool,
}

/// What the laboratory finds, and what the reel really is.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Finding {
    pub(super) results: Vec<LabValue>,
    /// The greatest share of the length outside of any property, 0–1.
    pub(super) off_share: f64,
    pub(super) class: Class,
    /// What the mill itself can see: a result is outside, or the scanner was for long.
    pub(super) rejected: bool,
}

impl Reel {
    /// An empty spool, to be wound to the diameter `full_m`.
    pub(super) fn new(batch: Arc<str>, grade: usize, scored: bool, full_m: f64) -> Self {
        Self {
            batch,
            grade,
            scored,
            full_m,
            length_m: 0.0,
            mass_kg: 0.0,
            section_m2: PI / 4.0 * SPOOL_M * SPOOL_M,
            off_from: None,
            fault: None,
            outside_m: [0.0; PROPERTIES],
            seen_outside_m: [0.0; 2],
            sample: VecDeque::with_capacity(SAMPLE_S + 1),
            lots: BTreeMap::new(),
        }
    }

    /// Winds one second; `seen` is what the scanner says of it, basis weight and moisture.
    pub(super) fn wind(
        &mut self,
        now: Timestamp,
        product: &Product,
        seen: (f64, f64),
        reel_speed: f64,
        limits: &Limits,
        fault: Option<(ProcessFault, Timestamp)>,
    ) {
        let metres = reel_speed / 60.0;
        self.length_m += metres;
        self.mass_kg += metres * WIDTH_M * product.basis_weight / 1000.0;
        self.section_m2 += metres * product.caliper * IN_ROLL * 1e-6;
        let outside = limits.outside(product);
        for (metres_out, out) in self.outside_m.iter_mut().zip(outside) {
            *metres_out += if out { metres } else { 0.0 };
        }
        let scanned = Product { basis_weight: seen.0, moisture: seen.1, ..*product };
        for (metres_out, out) in self.seen_outside_m.iter_mut().zip(limits.outside(&scanned)) {
            *metres_out += if out { metres } else { 0.0 };
        }
        if outside.contains(&true) {
            self.off_from.get_or_insert(now);
        }
        self.fault = self.fault.or(fault);
        self.sample.push_back([
            product.tensile_md,
            product.wet_tensile_cd,
            product.stretch_md,
            product.caliper,
        ]);
        if self.sample.len() > SAMPLE_S {
            self.sample.pop_front();
        }
    }

    /// Its diameter, m: `π/4·D²` is the section.
    pub(super) fn diameter_m(&self) -> f64 {
        (4.0 * self.section_m2 / PI).sqrt()
    }

    /// True when it is to be turned up.
    pub(super) fn is_full(&self) -> bool {
        self.diameter_m() >= self.full_m
    }

    /// What is found in the sample from the end of the reel, and the truth about the whole of it.
    pub(super) fn finding(&self, grade: &Grade, laboratory: &mut Chance) -> Finding {
        let strips = f64::from(u32::try_from(self.sample.len().max(1)).expect("60 at most"));
        let mut mean = [0.0; 4];
        for strip in &self.sample {
            for (mean, value) in mean.iter_mut().zip(strip) {
                *mean += value / strips;
            }
        }
        let limits = &grade.limits;
        let mut results = Vec::new();
        let mut find =
            |property, unit, value: f64, error: f64, decimals: usize, limits: (f64, f64)| {
                let measured = value * (1.0 + error * laboratory.normal());
                // What is published is what counts.
                let scale = if decimals == 0 { 1.0 } else { 10.0 };
                let value = (measured * scale).round() / scale;
                let outside = value < limits.0 || limits.1 < value;
                results.push(LabValue { property, unit, value, decimals, outside });
            };
        find("tensile_md", "N/m", mean[0], TENSILE_ERROR, 1, limits.tensile_md);
        if limits.wet_tensile_cd.0.is_finite() {
            find("wet_tensile_cd", "N/m", mean[1], WET_TENSILE_ERROR, 1, limits.wet_tensile_cd);
        }
        find("stretch_md", "%", mean[2], STRETCH_ERROR, 1, limits.stretch_md);
        find("caliper", "um", mean[3], CALIPER_ERROR, 0, (f64::NEG_INFINITY, f64::INFINITY));

        let length = self.length_m.max(1.0);
        let share =
            |metres: &[f64]| metres.iter().fold(0.0, |most: f64, out| most.max(out / length));
        let off_share = share(&self.outside_m);
        let lab_outside = results.iter().any(|result| result.outside);
        let rejected = lab_outside || share(&self.seen_outside_m) > Class::OFF_SHARE;
        let class = Class::of(off_share, lab_outside, self.fault.is_some());
        Finding { results, off_share, class, rejected }
    }
}

#[cfg(test)]
mod tests {
    use super::super::grades::GRADES;
    use super::*;

    /// A reel of 1000 s whose tensile strength is `tensile` from second `from` to second `to`.
    #[track_caller]
    fn check(tensile: f64, from: u32, to: u32, faulty: bool, expected: Class) {
        let grade = &GRADES[0];
        let mut reel = Reel::new("R1".into(), 0, true, 2.4);
        for second in 0..1000 {
            let out = (from..to).contains(&second);
            let tensile_md = if out { tensile } else { grade.nominal.tensile_md };
            let product = Product { tensile_md, ..grade.nominal };
            let now = Timestamp::from_nanos(i64::from(second));
            let fault = (faulty && from <= second).then_some((ProcessFault::WeakPulp, now));
            reel.wind(now, &product, (15.0, 5.5), 1640.0, &grade.limits, fault);
        }
        let finding = reel.finding(grade, &mut Chance::new(1, 0));
        assert_eq!(finding.class, expected, "{finding:?}");
        let share = f64::from(to - from) / 1000.0;
        // A sum of a thousand equal lengths.
        let off_share = if expected == Class::Touched { 0.0 } else { share };
        assert!((finding.off_share - off_share).abs() < 1e-9, "{finding:?}");
        assert!((reel.length_m - 1000.0 * 1640.0 / 60.0).abs() < 1e-6);
        assert!((reel.mass_kg - reel.length_m * 5.6 * 0.015).abs() < 1e-6);
        let section = 0.25 * 0.25 * PI + reel.length_m * 105e-6 * IN_ROLL;
        assert!((reel.diameter_m() - (4.0 * section / PI).sqrt()).abs() < 1e-9);
        assert!(!finding.rejected, "nobody sees the strength in the middle of a reel");
    }

    #[test]
    fn the_class_is_that_of_the_length_outside() {
        check(90.0, 300, 401, true, Class::OffSpec);
        check(90.0, 300, 399, true, Class::Marginal);
        check(170.0, 300, 301, false, Class::Marginal);
        check(145.0, 300, 401, true, Class::Touched);
        check(90.0, 300, 300, false, Class::Good);
    }
}

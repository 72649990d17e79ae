//! Another mill for each seed: gains, delays, tuning, noise and raw material within stated ranges.

use super::noise::Chance;
use super::tags::TAGS;

/// What is fixed in one mill and differs between mills. Drawn once, uniform in the ranges given.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Mill {
    /// Volume of the full machine chest, m³: 18–32, so that it mixes over 4–7 minutes.
    pub(super) chest_m3: f64,
    /// Pipe from stock preparation to the chest, s: 30–80.
    pub(super) stock_pipe_s: usize,
    /// Pipe from the basis weight valve to the headbox, s: 6–14.
    pub(super) approach_s: usize,
    /// Time constant of the white water silo, s: 30–70.
    pub(super) silo_s: f64,
    /// First-pass retention, 0.76–0.84.
    pub(super) retention: f64,
    /// Time constant of the Yankee's shell, s: 35–75.
    pub(super) shell_s: f64,
    /// Time constant of the film of adhesive, s: 90–240.
    pub(super) film_s: f64,
    /// Heat flow per degree relative to the design, 0.96–1.06.
    pub(super) heat: f64,
    /// Seconds of one scan: 20–40.
    pub(super) scan_s: u32,
    /// Gain of the basis weight loop, share of the error taken back in one scan: 0.2–0.45.
    pub(super) basis_weight_gain: f64,
    /// Gains of the moisture loop in bar for 1 %: integral 0.06–0.12 and proportional 0.08–0.16.
    pub(super) moisture_integral: f64,
    /// See above.
    pub(super) moisture_proportional: f64,
    /// Instruments' errors, of those of [`TAGS`]: 0.7–1.3.
    pub(super) noise: f64,
    /// Share of an instrument's error that is slow, and how slow, s: 3–40.
    pub(super) noise_tau_s: Vec<f64>,
    /// Spread of the fibre's strength: lots 0.018–0.036, and within lots 0.010–0.020.
    pub(super) lot_strength: f64,
    /// See above.
    pub(super) furnish_strength: f64,
    /// How long the furnish stays alike within a lot, s: 900–3600.
    pub(super) furnish_tau_s: f64,
    /// How much of the strength also shows in drainage, 0.2–0.7.
    pub(super) drainage_by_strength: f64,
    /// Spread of what nobody decides in the machine, of the usual: 0.6–1.4.
    pub(super) wander: f64,
    /// Exponent of strength over refining: 1.0–1.5.
    pub(super) refining_power: f64,
    /// Strength lost for one point of jet to wire ratio, 3.0–5.0 per 1.0.
    pub(super) jet_gain: f64,
    /// Strength lost for all of the furnish as broke, 0.5–0.9.
    pub(super) broke_gain: f64,
    /// Hours that lots last: softwood 3–9, hardwood 1.5–5, each from half to one and a half of it.
    pub(super) lot_hours: [f64; 2],
    /// Mean time between operators' moves, s: 1500–4500.
    pub(super) moves_s: f64,
    /// Mean time between breaks, s: 5–12 h.
    pub(super) breaks_s: f64,
    /// Hours until a blade is changed: 4–8.
    pub(super) blade_hours: f64,
    /// Mean time between process faults, s.
    pub(super) faults_s: f64,
    /// Mean time between faults of instruments, s.
    pub(super) sensor_faults_s: f64,
}

/// A process fault begins about every 5th batch in the mean; what of them spoils the paper is left to
/// the process (tests/score prints it: about 15 % of the batches).
const FAULTS_S: (f64, f64) = (7_000.0, 9_500.0);
/// An instrument fails about every 7th batch.
const SENSOR_FAULTS_S: (f64, f64) = (9_000.0, 14_000.0);

impl Mill {
    /// The mill of a seed.
    pub(super) fn draw(seed: u64) -> Self {
        let mut chance = Chance::new(seed, streams::MILL);
        let mut between = |low, high| chance.between(low, high);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "seconds below 100"
        )]
        let whole = |value: f64| value as u32;
        Self {
            chest_m3: between(18.0, 32.0),
            stock_pipe_s: whole(between(30.0, 80.0)) as usize,
            approach_s: whole(between(6.0, 14.0)) as usize,
            silo_s: between(30.0, 70.0),
            retention: between(0.76, 0.84),
            shell_s: between(35.0, 75.0),
            film_s: between(90.0, 240.0),
            heat: between(0.96, 1.06),
            scan_s: whole(between(20.0, 40.0)),
            basis_weight_gain: between(0.2, 0.45),
            moisture_integral: between(0.06, 0.12),
            moisture_proportional: between(0.08, 0.16),
            noise: between(0.7, 1.3),
            noise_tau_s: TAGS.iter().map(|_| between(3.0, 40.0)).collect(),
            lot_strength: between(0.018, 0.036),
            furnish_strength: between(0.010, 0.020),
            furnish_tau_s: between(900.0, 3600.0),
            drainage_by_strength: between(0.2, 0.7),
            wander: between(0.6, 1.4),
            refining_power: between(1.0, 1.5),
            jet_gain: between(3.0, 5.0),
            broke_gain: between(0.5, 0.9),
            lot_hours: [between(3.0, 9.0), between(1.5, 5.0)],
            moves_s: between(1500.0, 4500.0),
            breaks_s: between(5.0, 12.0) * 3600.0,
            blade_hours: between(4.0, 8.0),
            faults_s: between(FAULTS_S.0, FAULTS_S.1),
            sensor_faults_s: between(SENSOR_FAULTS_S.0, SENSOR_FAULTS_S.1),
        }
    }
}

/// The streams of chance: what is drawn in one does not hang on what is drawn in another.
pub(super) mod streams {
    pub(in crate::simulate) const PROCESS: u64 = 0;
    pub(in crate::simulate) const MILL: u64 = 1;
    pub(in crate::simulate) const FAULTS: u64 = 2;
    pub(in crate::simulate) const LABORATORY: u64 = 3;
    pub(in crate::simulate) const OPERATION: u64 = 4;
    pub(in crate::simulate) const INSTRUMENTS: u64 = 5;
    pub(in crate::simulate) const SENSOR_FAULTS: u64 = 6;
    pub(in crate::simulate) const DELIVERY: u64 = 7;
    pub(in crate::simulate) const SICK: u64 = 8;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_seed_is_another_mill() {
        assert_eq!(Mill::draw(3), Mill::draw(3));
        let mills: Vec<Mill> = (0..40).map(Mill::draw).collect();
        let spread = |of: &dyn Fn(&Mill) -> f64| {
            let values: Vec<f64> = mills.iter().map(of).collect();
            let low = values.iter().copied().fold(f64::INFINITY, f64::min);
            (low, values.iter().copied().fold(f64::NEG_INFINITY, f64::max))
        };
        let (low, high) = spread(&|mill| mill.chest_m3);
        assert!((18.0..20.0).contains(&low) && (30.0..=32.0).contains(&high));
        let (low, high) = spread(&|mill| f64::from(mill.scan_s));
        assert!(20.0 <= low && high < 40.0 && high - low > 15.0);
    }
}

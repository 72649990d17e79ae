//! A sensor that is made sick on purpose: one tag, one way, as long as somebody wants.
//!
//! The mill's own instruments fail by chance ([`super::instruments`]), a few in a run. To measure how well
//! sick sensors are found, each way of being sick is wanted at a known instant, at a known size.

use super::noise::Chance;

/// How a sensor is sick. Sizes are in standard deviations of the instrument's error, unless said otherwise.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Sickness {
    /// The value of the first second stands.
    Stuck,
    /// The value of the first second stands, and this share of the instrument's error is on top of it: an
    /// impulse line is blocked, the electronics go on.
    StuckWithNoise(f64),
    /// So much too high.
    Offset(f64),
    /// Too high by `to` after `seconds`, growing evenly, and no further.
    Drift {
        /// The size in the end.
        to: f64,
        /// How long it grows.
        seconds: u32,
    },
    /// The reading times a factor, which is so much too high at the first reading.
    Gain(f64),
    /// One value in `every` is so far away, to either side.
    Spikes {
        /// How far.
        size: f64,
        /// One value in so many.
        every: f64,
    },
    /// So many times its usual error on top of the usual one.
    Noise(f64),
    /// Smoothed with this time constant, s, as by a damping that somebody forgot.
    Attenuated(f64),
    /// This value, an end of the instrument's range, whatever is measured.
    Rail(f64),
    /// In another unit: times a factor, plus a summand.
    Unit {
        /// The factor.
        times: f64,
        /// The summand.
        plus: f64,
    },
    /// A loose contact: nothing comes for `off` seconds, then all is well for `on` seconds, both about.
    Intermittent {
        /// Seconds without a value.
        off: f64,
        /// Seconds with values.
        on: f64,
    },
    /// The clock of the tag's gateway is ahead by so many seconds, or behind.
    Clock(i64),
}

impl Sickness {
    /// The word for people.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Stuck => "stuck",
            Self::StuckWithNoise(_) => "stuck-with-noise",
            Self::Offset(_) => "offset",
            Self::Drift { .. } => "drift",
            Self::Gain(_) => "gain",
            Self::Spikes { .. } => "spikes",
            Self::Noise(_) => "noise",
            Self::Attenuated(_) => "attenuated",
            Self::Rail(_) => "rail",
            Self::Unit { .. } => "unit",
            Self::Intermittent { .. } => "intermittent",
            Self::Clock(_) => "clock",
        }
    }
}

/// A sick sensor and what it has been through.
#[derive(Debug, Clone)]
pub(super) struct Sick {
    pub(super) tag: usize,
    sickness: Sickness,
    chance: Chance,
    seconds: u32,
    /// The value of the first second, or the smoothed one.
    held: Option<f64>,
    /// Seconds until a loose contact changes, and whether it is open.
    contact: (u32, bool),
}

impl Sick {
    pub(super) fn new(tag: usize, sickness: Sickness, chance: Chance) -> Self {
        Self { tag, sickness, chance, seconds: 0, held: None, contact: (0, true) }
    }

    /// What the instrument says instead of `measured`; `noise` is the standard deviation of its error.
    pub(super) fn spoil(&mut self, measured: f64, noise: f64) -> f64 {
        let held = *self.held.get_or_insert(measured);
        self.seconds += 1;
        match self.sickness {
            Sickness::Stuck => held,
            Sickness::StuckWithNoise(share) => held + share * noise * self.chance.normal(),
            Sickness::Offset(by) => measured + by * noise,
            Sickness::Drift { to, seconds } => {
                let grown = f64::from(self.seconds) / f64::from(seconds.max(1));
                measured + to * noise * grown.min(1.0)
            }
            Sickness::Gain(by) => {
                let size = if held == 0.0 { 1.0 } else { held };
                measured * (1.0 + by * noise / size)
            }
            Sickness::Spikes { size, every } => {
                let sign = if self.chance.pick(0, 1) == 0 { -1.0 } else { 1.0 };
                let hit = self.chance.unit() < 1.0 / every;
                if hit { measured + sign * size * noise } else { measured }
            }
            Sickness::Noise(times) => measured + times * noise * self.chance.normal(),
            Sickness::Attenuated(tau_s) => {
                let smooth = held + (measured - held) / tau_s.max(1.0);
                self.held = Some(smooth);
                smooth
            }
            Sickness::Rail(at) => at,
            Sickness::Unit { times, plus } => measured * times + plus,
            Sickness::Intermittent { off, on } => {
                if self.contact.0 == 0 {
                    let open = !self.contact.1;
                    let mean = if open { off } else { on };
                    let seconds = self.chance.between(0.5 * mean, 1.5 * mean);
                    #[expect(
                        clippy::cast_possible_truncation,
                        clippy::cast_sign_loss,
                        reason = "some seconds"
                    )]
                    let seconds = seconds as u32;
                    self.contact = (seconds.max(1), open);
                }
                self.contact.0 -= 1;
                measured
            }
            Sickness::Clock(_) => measured,
        }
    }

    /// True if nothing comes in this second.
    pub(super) fn is_silent(&self) -> bool {
        matches!(self.sickness, Sickness::Intermittent { .. }) && self.contact.1
    }

    /// How far the clock of its gateway is ahead, s.
    pub(super) fn clock_s(&self) -> i64 {
        if let Sickness::Clock(seconds) = self.sickness { seconds } else { 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What comes of 2000 readings of a value that rises by 0.01 a second from 100, with a noise of 1.
    fn run(sickness: Sickness) -> (Vec<f64>, usize) {
        let mut sick = Sick::new(0, sickness, Chance::new(1, 6));
        let mut silent = 0;
        let values = (0..2000)
            .map(|s| {
                let value = sick.spoil(100.0 + f64::from(s) * 0.01, 1.0);
                silent += usize::from(sick.is_silent());
                value
            })
            .collect();
        (values, silent)
    }

    /// The value at the second 1000, and the range of the errors after that.
    #[track_caller]
    fn check(sickness: Sickness, at_1000: (f64, f64), errors: (f64, f64)) {
        let (values, _) = run(sickness);
        let value = values[1000];
        assert!((at_1000.0..=at_1000.1).contains(&value), "{}: {value}", sickness.as_str());
        let error = |ix: usize| values[ix] - (100.0 + 0.01 * f64::from(u32::try_from(ix).unwrap()));
        let (low, high) = (1000..2000)
            .map(error)
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), e| (l.min(e), h.max(e)));
        // A float holds these to some digits.
        assert!(
            low >= errors.0 - 1e-6 && high <= errors.1 + 1e-6,
            "{}: {low} {high}",
            sickness.as_str()
        );
        // The range is no wider than it has to be; of a constant it is what a float cannot hold.
        assert!(
            high - low + 0.001 >= 0.4 * (errors.1 - errors.0),
            "{}: {low} {high}",
            sickness.as_str()
        );
    }

    #[test]
    fn each_sickness_does_what_it_says() {
        check(Sickness::Stuck, (100.0, 100.0), (-20.0, -10.0));
        check(Sickness::StuckWithNoise(0.3), (98.5, 101.5), (-21.5, -8.5));
        check(Sickness::Offset(5.0), (114.999, 115.001), (4.999, 5.001));
        check(Sickness::Drift { to: 8.0, seconds: 2000 }, (114.0, 114.1), (4.0, 8.0));
        check(Sickness::Gain(10.0), (120.9, 121.1), (11.0, 12.0));
        check(Sickness::Spikes { size: 20.0, every: 40.0 }, (90.0, 130.0), (-20.0, 20.0));
        check(Sickness::Noise(5.0), (85.0, 135.0), (-22.0, 22.0));
        check(Sickness::Attenuated(100.0), (108.9, 109.1), (-0.991, -0.989));
        check(Sickness::Rail(300.0), (300.0, 300.0), (180.0, 190.0));
        check(Sickness::Unit { times: 1.8, plus: 32.0 }, (229.9, 230.1), (120.0, 128.0));
        let (values, silent) = run(Sickness::Intermittent { off: 10.0, on: 30.0 });
        assert!((300..700).contains(&silent), "{silent}");
        assert!((values[1000] - 110.0).abs() < 1e-9);
    }
}

//! Instruments: their errors, and what happens when one fails while the paper stays good.

use super::faults::log_between;
use super::mill::{Mill, streams};
use super::noise::{Chance, Wander};
use super::sick::{Sick, Sickness};
use super::tags::{TAGS, is_of_scanner, tag};

/// How an instrument, or the link to it, fails.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Failure {
    /// The value stands still.
    Stuck(f64),
    /// No value comes.
    Stale,
    /// The error is so many times its usual one.
    Noise(f64),
    /// Now and then a value so many errors away.
    Spikes(f64),
    /// So much too high.
    Offset(f64),
    /// So much too high at the end.
    Drift(f64),
}

impl Failure {
    fn as_str(self) -> &'static str {
        match self {
            Self::Stuck(_) => "stuck",
            Self::Stale => "stale",
            Self::Noise(_) => "noise",
            Self::Spikes(_) => "spikes",
            Self::Offset(_) => "offset",
            Self::Drift(_) => "drift",
        }
    }
}

/// An instrument that is wrong for a while.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Episode {
    tag: usize,
    failure: Failure,
    from: u64,
    to: u64,
}

/// What changed about the instruments in a second.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Change {
    /// An episode began: tag and word.
    Began(usize, &'static str),
    /// It goes on.
    GoesOn,
}

/// All instruments.
#[derive(Debug, Clone)]
pub(super) struct Instruments {
    chance: Chance,
    faults: Chance,
    slow: Vec<Wander>,
    noise: f64,
    mean_s: f64,
    next: u64,
    now: Option<Episode>,
    /// None fails by itself any more.
    sound: bool,
    sick: Option<Sick>,
    seed: u64,
    /// What each would send now.
    pub(super) measured: [f64; TAGS.len()],
}

/// Of an instrument's error, the slow part and the rest: together one.
const SLOW: f64 = 0.6;
const QUICK: f64 = 0.8;
/// How long an instrument is wrong, s.
const LASTS_S: (f64, f64) = (600.0, 5400.0);
/// One value in so many is a spike.
const SPIKE_EVERY: f64 = 40.0;
/// A failure of the scanner's link is as likely as of all the others together, nearly.
const SCANNER: f64 = 0.4;

/// Instruments that only get stuck or silent: the loops act on them, so that another error of theirs
/// is a fault of the process; or they only count.
const IN_LOOPS: [usize; 8] = [
    tag::SOFTWOOD_CONSISTENCY,
    tag::SOFTWOOD_FLOW,
    tag::HEADBOX_PRESSURE,
    tag::BASIS_WEIGHT,
    tag::MOISTURE,
    tag::CALIPER,
    tag::STEAM_PRESSURE,
    tag::CHEST_LEVEL,
];
/// Values that never fail: states and counters.
const STATES: [usize; 3] = [tag::SHEET_BREAK, tag::BLADE_AGE, tag::REEL_DIAMETER];

impl Instruments {
    pub(super) fn new(mill: &Mill, seed: u64) -> Self {
        let slow = TAGS
            .iter()
            .zip(&mill.noise_tau_s)
            .map(|(tag, tau_s)| Wander::new(SLOW * tag.noise * mill.noise, *tau_s))
            .collect();
        let mut instruments = Self {
            chance: Chance::new(seed, streams::INSTRUMENTS),
            faults: Chance::new(seed, streams::SENSOR_FAULTS),
            slow,
            noise: mill.noise,
            mean_s: mill.sensor_faults_s,
            next: 0,
            now: None,
            sound: false,
            sick: None,
            seed,
            measured: [0.0; TAGS.len()],
        };
        instruments.next = instruments.pause(0);
        instruments
    }

    /// Reads the process. `on_reel`: an episode may begin.
    pub(super) fn step(
        &mut self,
        second: u64,
        seen: &[f64; TAGS.len()],
        on_reel: bool,
    ) -> Option<Change> {
        for (ix, value) in seen.iter().enumerate() {
            // The scanner's errors are those of its scan, and in its values already.
            let error = if is_of_scanner(ix) || STATES.contains(&ix) {
                0.0
            } else {
                let quick = QUICK * TAGS[ix].noise * self.noise * self.chance.normal();
                self.slow[ix].step(&mut self.chance) + quick
            };
            self.measured[ix] = value + error;
        }
        if let Some(sick) = &mut self.sick {
            let noise = TAGS[sick.tag].noise * self.noise;
            self.measured[sick.tag] = sick.spoil(self.measured[sick.tag], noise);
        }
        if self.now.is_some_and(|episode| second > episode.to) {
            self.now = None;
            self.next = self.pause(second);
        }
        if self.now.is_none() && !self.sound && on_reel && second >= self.next {
            let episode = self.draw(second);
            self.now = Some(episode);
            self.spoil(second, seen);
            return Some(Change::Began(episode.tag, episode.failure.as_str()));
        }
        self.now?;
        self.spoil(second, seen);
        Some(Change::GoesOn)
    }

    /// True if the tag sends nothing now.
    pub(super) fn is_silent(&self, tag: usize) -> bool {
        self.now.is_some_and(|episode| episode.tag == tag && episode.failure == Failure::Stale)
            || self.sick.as_ref().is_some_and(|sick| sick.tag == tag && sick.is_silent())
    }

    /// From the next second on none fails by itself, and what failed is mended.
    pub(super) fn mend(&mut self) {
        self.sound = true;
        self.now = None;
    }

    /// From the next second on this tag is sick, or, without one, none is.
    pub(super) fn sicken(&mut self, sick: Option<(usize, Sickness)>) {
        let chance = || Chance::new(self.seed, streams::SICK);
        self.sick = sick.map(|(tag, sickness)| Sick::new(tag, sickness, chance()));
    }

    /// How far the clock of the gateway of these tags is ahead, s.
    pub(super) fn clock_s(&self, tags: &std::ops::Range<usize>) -> i64 {
        self.sick.as_ref().filter(|sick| tags.contains(&sick.tag)).map_or(0, Sick::clock_s)
    }

    fn spoil(&mut self, second: u64, seen: &[f64; TAGS.len()]) {
        let Some(Episode { tag, failure, from, to }) = self.now else { return };
        let sigma = TAGS[tag].noise;
        let value = &mut self.measured[tag];
        match failure {
            Failure::Stuck(at) => *value = at,
            Failure::Stale => {}
            Failure::Noise(times) => *value += (times - 1.0) * (*value - seen[tag]),
            Failure::Spikes(size) => {
                if self.faults.unit() < 1.0 / SPIKE_EVERY {
                    *value += size * sigma;
                }
            }
            Failure::Offset(by) => *value += by * sigma,
            Failure::Drift(by) => {
                let seconds = |s: u64| u32::try_from(s).map_or(f64::MAX, f64::from);
                *value += by * sigma * seconds(second - from) / seconds((to - from).max(1));
            }
        }
    }

    fn draw(&mut self, second: u64) -> Episode {
        let chance = &mut self.faults;
        let count = u32::try_from(TAGS.len()).expect("a few tags");
        let tag = if chance.unit() < SCANNER {
            [tag::BASIS_WEIGHT, tag::MOISTURE, tag::CALIPER][chance.pick(0, 2) as usize]
        } else {
            loop {
                let drawn = chance.pick(0, count - 1) as usize;
                if !is_of_scanner(drawn) && !STATES.contains(&drawn) {
                    break drawn;
                }
            }
        };
        let kind = if IN_LOOPS.contains(&tag) { chance.pick(0, 4) } else { chance.pick(0, 9) };
        let sign = if chance.pick(0, 1) == 0 { -1.0 } else { 1.0 };
        let failure = match kind {
            // In the loop of the drawn tag these two only.
            0..=2 => Failure::Stuck(self.measured[tag]),
            3..=4 => Failure::Stale,
            5 => Failure::Noise(chance.between(4.0, 10.0)),
            6 => Failure::Spikes(sign * chance.between(10.0, 40.0)),
            7..=8 => Failure::Offset(sign * log_between(chance, (3.0, 15.0))),
            _ => Failure::Drift(sign * log_between(chance, (4.0, 20.0))),
        };
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "two hours at most"
        )]
        let lasts = log_between(chance, LASTS_S) as u64;
        Episode { tag, failure, from: second, to: second + lasts }
    }

    fn pause(&mut self, second: u64) -> u64 {
        let seconds = -libm::log(self.faults.unit()) * self.mean_s;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "some days")]
        let seconds = seconds as u64;
        second + seconds
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::{BTreeMap, BTreeSet};

    #[test]
    fn instruments_fail_in_every_way_and_never_one_in_a_loop_by_more_than_silence() {
        let mut kinds: BTreeMap<&str, BTreeSet<usize>> = BTreeMap::new();
        let mut seen = [50.0; TAGS.len()];
        for seed in 0..16 {
            let mut instruments = Instruments::new(&Mill::draw(seed), seed);
            for second in 0..80_000 {
                seen[0] = f64::from(u32::try_from(second % 100).unwrap());
                if let Some(Change::Began(tag, kind)) = instruments.step(second, &seen, true) {
                    kinds.entry(kind).or_default().insert(tag);
                }
            }
        }
        assert_eq!(
            kinds.keys().copied().collect::<Vec<_>>(),
            ["drift", "noise", "offset", "spikes", "stale", "stuck"]
        );
        for kind in ["drift", "noise", "offset", "spikes"] {
            assert!(kinds[kind].iter().all(|tag| !IN_LOOPS.contains(tag)), "{kind}");
        }
        assert!(kinds["stuck"].contains(&tag::BASIS_WEIGHT));
        assert!(kinds.values().flatten().all(|tag| !STATES.contains(tag)));
    }

    #[test]
    fn a_stuck_value_stands_and_a_silent_one_is_not_sent() {
        let mut stuck_seen = false;
        let mut silent_seen = false;
        for seed in 0..10 {
            let mut instruments = Instruments::new(&Mill::draw(seed), seed);
            let mut stuck: Option<(usize, f64)> = None;
            for second in 0..60_000 {
                let value = f64::from(u32::try_from(second % 1000).unwrap());
                match instruments.step(second, &[value; TAGS.len()], true) {
                    Some(Change::Began(tag, "stuck")) => {
                        stuck = Some((tag, instruments.measured[tag]));
                    }
                    Some(Change::Began(tag, "stale")) => {
                        assert!(instruments.is_silent(tag));
                        silent_seen = true;
                    }
                    Some(Change::Began(..)) => {}
                    Some(Change::GoesOn) => {
                        if let Some((tag, at)) = stuck {
                            assert!((instruments.measured[tag] - at).abs() < 1e-12);
                            stuck_seen = true;
                        }
                    }
                    None => stuck = None,
                }
            }
        }
        assert!(stuck_seen && silent_seen);
    }
}

//! Which sensors are made sick, how, and how much.
//!
//! Outside the control loops: an error of an instrument that a loop acts on spoils the paper, and is a fault of
//! the process by the truth. Of the others, each sickness is tried on the tags on which it can be known at all:
//!
//! - What shows in a tag's own signal (stuck, with noise or without, spikes, noise, attenuated, rail, unit,
//!   intermittent) on every tag that speaks at least every ten seconds. Freeness, retention and felt water speak once
//!   in one to five minutes: half an hour has too few of their values to know a noise or a spike by.
//! - What shows only against others (offset, drift, gain) on those of them that the configuration ties to others
//!   (`agrees_with`): speeds and the crepe, the jet and the flow of the headbox, flows that add up, fibre that stays
//!   or comes back, two signs of a full felt, the temperature that the steam gives. Of the rest an operator's move
//!   and an error of the instrument are the same numbers: nobody measures the load of the press but the instrument
//!   that is wrong.
//! - A clock that is off on the tags of the gateways that have no tag of a loop.

use onspec::plant::Line;
use onspec::simulate::{Sickness, TAGS};
use rand_core::{RngCore, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

/// The tags that the control loops act on.
const IN_LOOPS: [&str; 8] = [
    "softwood_consistency",
    "softwood_flow",
    "headbox_pressure",
    "basis_weight",
    "moisture",
    "caliper",
    "steam_pressure",
    "chest_level",
];

/// Gateways none of whose tags is in a loop.
const FREE_GATEWAYS: [&str; 3] = ["press", "hood", "creping"];

/// The twelve of the table, in its order.
pub(crate) const KINDS: [&str; 12] = [
    "stuck",
    "stuck-with-noise",
    "offset",
    "drift",
    "gain",
    "spikes",
    "noise",
    "attenuated",
    "rail",
    "unit",
    "intermittent",
    "clock",
];

/// A sensor to be made sick.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Case {
    pub(crate) tag: usize,
    pub(crate) sickness: Sickness,
    /// True if it has until the end of the next batch: a drift, or an offset below three standard deviations of
    /// the instrument's error.
    pub(crate) slow: bool,
    /// The size as the table of cases says it.
    pub(crate) size: f64,
}

/// Draws what a seed does to one sensor.
pub(crate) fn draw(kind: usize, seed: u64, line: &Line) -> Case {
    let stream = u64::try_from(kind).expect("twelve kinds");
    let mut chance = Chance(Xoshiro256PlusPlus::seed_from_u64(seed.wrapping_mul(1000) + stream));
    let watched = |ix: &usize| {
        let name = TAGS[*ix].name;
        let role = line.tag_position(name).map(|tag| line.tags[tag].role);
        role == Some(onspec::plant::Role::Process) && !IN_LOOPS.contains(&name)
    };
    let all: Vec<usize> = (0..TAGS.len()).filter(watched).collect();
    let quick = |ix: &usize| TAGS[*ix].period_s <= 10;
    let tied = |ix: &usize| {
        let tag = line.tag_position(TAGS[*ix].name);
        quick(ix) && tag.is_some_and(|tag| !line.tags[tag].agrees_with.is_empty())
    };
    let of_gateway = |ix: &usize| FREE_GATEWAYS.contains(&TAGS[*ix].area);
    let some: Vec<usize> = match KINDS[kind] {
        "offset" | "drift" | "gain" => all.iter().copied().filter(tied).collect(),
        "clock" => all.iter().copied().filter(quick).filter(of_gateway).collect(),
        _ => all.iter().copied().filter(quick).collect(),
    };
    let tag = some[chance.below(some.len())];
    let sign = if chance.below(2) == 0 { -1.0 } else { 1.0 };
    let (sickness, size) = match KINDS[kind] {
        "stuck" => (Sickness::Stuck, 0.0),
        "stuck-with-noise" => {
            let share = chance.between(0.2, 0.5);
            (Sickness::StuckWithNoise(share), share)
        }
        "offset" => {
            let by = sign * chance.log_between(2.0, 15.0);
            (Sickness::Offset(by), by)
        }
        "drift" => {
            let to = sign * chance.log_between(4.0, 20.0);
            (Sickness::Drift { to, seconds: 3600 }, to)
        }
        "gain" => {
            let by = sign * chance.log_between(4.0, 20.0);
            (Sickness::Gain(by), by)
        }
        "spikes" => {
            let size = chance.log_between(10.0, 40.0);
            (Sickness::Spikes { size, every: 40.0 }, size)
        }
        "noise" => {
            let times = chance.log_between(4.0, 10.0);
            (Sickness::Noise(times), times)
        }
        "attenuated" => {
            let tau_s = chance.log_between(60.0, 300.0);
            (Sickness::Attenuated(tau_s), tau_s)
        }
        "rail" => {
            let tag =
                line.tag_position(TAGS[tag].name).expect("the line has every tag of the machine");
            let (low, high) = line.tags[tag].range.expect("every watched tag has a range");
            // Zero at the low end is a value: a pump that stands.
            let at = if low != 0.0 && high != 0.0 && sign < 0.0 {
                low
            } else if high != 0.0 {
                high
            } else {
                low
            };
            (Sickness::Rail(at), at)
        }
        "unit" => {
            let (times, plus) = [
                (1.8, 32.0),
                (0.1, 0.0),
                (10.0, 0.0),
                (1000.0, 0.0),
                (0.3048, 0.0),
                (3.2808, 0.0),
                (6.8948, 0.0),
                (0.145_04, 0.0),
                (1.0 / 60.0, 0.0),
                (0.264_17, 0.0),
            ][chance.below(10)];
            (Sickness::Unit { times, plus }, times)
        }
        "intermittent" => {
            let slow = f64::from(TAGS[tag].period_s.max(5));
            let off = chance.between(4.0, 8.0) * slow;
            (Sickness::Intermittent { off, on: 2.0 * off }, off)
        }
        _ => {
            let seconds = if sign < 0.0 { -90 } else { 90 };
            (Sickness::Clock(seconds), 90.0 * sign)
        }
    };
    let slow = KINDS[kind] == "drift" || (KINDS[kind] == "offset" && size.abs() < 3.0);
    Case { tag, sickness, slow, size }
}

/// The area of a tag.
pub(crate) fn area(tag: usize) -> &'static str {
    TAGS[tag].area
}

struct Chance(Xoshiro256PlusPlus);

impl Chance {
    fn unit(&mut self) -> f64 {
        f64::from(self.0.next_u32()) / 4_294_967_296.0
    }

    fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }

    fn log_between(&mut self, low: f64, high: f64) -> f64 {
        low * (high / low).powf(self.unit())
    }

    fn below(&mut self, n: usize) -> usize {
        usize::try_from(self.0.next_u64() % u64::try_from(n).expect("a few"))
            .expect("below a usize")
    }
}

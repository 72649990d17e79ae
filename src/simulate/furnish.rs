//! The raw material: lots of pulp that follow one another, and what wanders within them.

use super::mill::Mill;
use super::noise::{Chance, Wander};
use std::sync::Arc;

/// What fibre is like; carried along with the stock, mixed by mass.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Nature {
    /// Strength relative to ordinary fibre.
    pub(super) strength: f64,
    /// How much slower than ordinary it drains, in units of a usual spread.
    pub(super) slowness: f64,
}

/// The two fibre lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Line {
    /// Long fibre: strength.
    Softwood = 0,
    /// Short fibre: softness.
    Hardwood = 1,
}

/// A lot in use.
#[derive(Debug, Clone, PartialEq)]
struct Lot {
    id: Arc<str>,
    strength: f64,
    slowness: f64,
    seconds_left: u32,
}

/// The pulp that is being slushed.
#[derive(Debug, Clone)]
pub(super) struct Furnish {
    lots: [Lot; 2],
    made: [u32; 2],
    strength: [Wander; 2],
    slowness: [Wander; 2],
    spread: f64,
    by_strength: f64,
    hours: [f64; 2],
}

/// The spread of slowness that has nothing to do with strength.
const SLOWNESS: f64 = 0.6;

impl Furnish {
    pub(super) fn new(mill: &Mill, chance: &mut Chance) -> Self {
        let wander = |sigma| Wander::new(sigma, mill.furnish_tau_s);
        let strength = || wander(mill.furnish_strength);
        let lot = Lot { id: "".into(), strength: 1.0, slowness: 0.0, seconds_left: 0 };
        let mut furnish = Self {
            lots: [lot.clone(), lot],
            made: [0, 0],
            strength: [strength(), strength()],
            slowness: [wander(SLOWNESS), wander(SLOWNESS)],
            spread: mill.lot_strength,
            by_strength: mill.drainage_by_strength,
            hours: mill.lot_hours,
        };
        for line in [Line::Softwood, Line::Hardwood] {
            furnish.next_lot(line, chance);
        }
        furnish
    }

    /// One second on: what goes to each line now.
    pub(super) fn step(&mut self, chance: &mut Chance) -> [Nature; 2] {
        [Line::Softwood, Line::Hardwood].map(|line| {
            let ix = line as usize;
            if self.lots[ix].seconds_left == 0 {
                self.next_lot(line, chance);
            }
            self.lots[ix].seconds_left -= 1;
            Nature {
                strength: self.lots[ix].strength + self.strength[ix].step(chance),
                slowness: self.lots[ix].slowness + self.slowness[ix].step(chance),
            }
        })
    }

    /// The lots in use: softwood, hardwood.
    pub(super) fn ids(&self) -> [Arc<str>; 2] {
        [Arc::clone(&self.lots[0].id), Arc::clone(&self.lots[1].id)]
    }

    fn next_lot(&mut self, line: Line, chance: &mut Chance) {
        let ix = line as usize;
        self.made[ix] += 1;
        let strength = self.spread * chance.normal();
        let hours = self.hours[ix] * chance.between(0.5, 1.5);
        let prefix = match line {
            Line::Softwood => "SW",
            Line::Hardwood => "HW",
        };
        // Weak fibre is often fibre that was beaten or dried hard, and drains otherwise.
        let slowness = self.by_strength * strength / self.spread
            + (1.0 - self.by_strength) * SLOWNESS * chance.normal();
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a few hours")]
        let seconds_left = (hours * 3600.0) as u32;
        self.lots[ix] = Lot {
            id: format!("{prefix}-{:04}", self.made[ix]).into(),
            strength: 1.0 + strength,
            slowness,
            seconds_left: seconds_left.max(1),
        };
    }
}

//! Rules of runs: each a small machine that is fed points in units of σ about the centre line.
//!
//! A rule signals at the point at which its pattern ends, and begins anew after it: no point is part of two
//! patterns of one rule. Books differ in the small print; here it is this:
//!
//! - Beyond a limit is beyond it. A point on it is within.
//! - A point exactly on the centre line, and a gap, break runs; equal neighbours break a trend.
//! - `nelson-3` is six points in a trend, five differences. Who counts six differences has false alarms seven
//!   times as seldom (one in 2,883 points).
//! - In two of three and four of five the others may be anywhere, also on the other side.
//! - `nelson-2` is nine on a side, `we-4` eight. `nelson-8` may be on both sides, and begins at 1 σ.

use super::text::texts;
use serde::{Deserialize, Serialize};

/// A rule of runs, by the numbers of Nelson (1984) and of the Western Electric handbook (1956).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "&'static str", try_from = "String")]
pub enum Rule {
    /// A point beyond 3 σ.
    Nelson1,
    /// Nine in a row on one side of the centre.
    Nelson2,
    /// Six in a row that rise or fall.
    Nelson3,
    /// Fourteen in a row that go up and down in turns.
    Nelson4,
    /// Two of three beyond 2 σ on one side.
    Nelson5,
    /// Four of five beyond 1 σ on one side.
    Nelson6,
    /// Fifteen in a row within 1 σ.
    Nelson7,
    /// Eight in a row beyond 1 σ, on whichever side.
    Nelson8,
    /// A point beyond 3 σ.
    Western1,
    /// Two of three beyond 2 σ on one side.
    Western2,
    /// Four of five beyond 1 σ on one side.
    Western3,
    /// Eight in a row on one side of the centre.
    Western4,
}

impl Rule {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::Nelson1,
        Self::Nelson2,
        Self::Nelson3,
        Self::Nelson4,
        Self::Nelson5,
        Self::Nelson6,
        Self::Nelson7,
        Self::Nelson8,
        Self::Western1,
        Self::Western2,
        Self::Western3,
        Self::Western4,
    ];

    /// Its name: `nelson-1` … `nelson-8`, `we-1` … `we-4`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Nelson1 => "nelson-1",
            Self::Nelson2 => "nelson-2",
            Self::Nelson3 => "nelson-3",
            Self::Nelson4 => "nelson-4",
            Self::Nelson5 => "nelson-5",
            Self::Nelson6 => "nelson-6",
            Self::Nelson7 => "nelson-7",
            Self::Nelson8 => "nelson-8",
            Self::Western1 => "we-1",
            Self::Western2 => "we-2",
            Self::Western3 => "we-3",
            Self::Western4 => "we-4",
        }
    }

    /// What it looks for, in words.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Nelson1 | Self::Western1 => "a point beyond 3 sigma",
            Self::Nelson2 => "9 in a row on one side of the centre",
            Self::Nelson3 => "6 in a row that rise or fall",
            Self::Nelson4 => "14 in a row that go up and down in turns",
            Self::Nelson5 | Self::Western2 => "2 of 3 beyond 2 sigma on one side",
            Self::Nelson6 | Self::Western3 => "4 of 5 beyond 1 sigma on one side",
            Self::Nelson7 => "15 in a row within 1 sigma",
            Self::Nelson8 => "8 in a row beyond 1 sigma",
            Self::Western4 => "8 in a row on one side of the centre",
        }
    }

    /// Points until a false alarm of this rule alone, in the mean, of independent normal points.
    #[must_use]
    pub fn run_length(self) -> f64 {
        match self {
            Self::Nelson1 | Self::Western1 => 370.4,
            Self::Nelson2 => 511.0,
            Self::Nelson3 => 419.5,
            Self::Nelson4 => 603.0,
            Self::Nelson5 | Self::Western2 => 508.0,
            Self::Nelson6 | Self::Western3 => 292.6,
            Self::Nelson7 => 963.3,
            Self::Nelson8 => 14_251.0,
            Self::Western4 => 255.0,
        }
    }

    /// True if it looks at each point by itself.
    #[must_use]
    pub fn is_of_one_point(self) -> bool {
        matches!(self.pattern(), Pattern::Beyond)
    }

    fn pattern(self) -> Pattern {
        match self {
            Self::Nelson1 | Self::Western1 => Pattern::Beyond,
            Self::Nelson2 => Pattern::OneSide(9),
            Self::Nelson3 => Pattern::Trend(6),
            Self::Nelson4 => Pattern::InTurns(14),
            Self::Nelson5 | Self::Western2 => Pattern::Most { of: 3, beyond: 2.0 },
            Self::Nelson6 | Self::Western3 => Pattern::Most { of: 5, beyond: 1.0 },
            Self::Nelson7 => Pattern::Within(15),
            Self::Nelson8 => Pattern::Outside(8),
            Self::Western4 => Pattern::OneSide(8),
        }
    }
}

texts!(Rule, "no rule of runs, such as `nelson-1` to `nelson-8` or `we-1` to `we-4`");

/// What a rule looks for; the numbers are points.
#[derive(Clone, Copy)]
enum Pattern {
    Beyond,
    OneSide(u8),
    Trend(u8),
    InTurns(u8),
    /// All but one of so many, beyond so many σ on one side.
    Most {
        of: u8,
        beyond: f64,
    },
    Within(u8),
    Outside(u8),
}

/// The side of the centre to which something goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Side {
    /// Above it, or rising.
    High,
    /// Below it, or falling.
    Low,
    /// Neither.
    Both,
}

impl Side {
    /// That of a number; none of zero and of what is no number.
    #[must_use]
    pub fn of(u: f64) -> Option<Self> {
        if u > 0.0 {
            Some(Self::High)
        } else if u < 0.0 {
            Some(Self::Low)
        } else {
            None
        }
    }
}

/// A rule with what it remembers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Machine {
    rule: Rule,
    memory: Memory,
}

/// What a rule remembers of the points before.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
enum Memory {
    Nothing,
    /// So many points in a row.
    Count(u8),
    /// So many points in a row on a side.
    Run(Side, u8),
    /// The last point alone.
    Last(f64),
    /// The last point, the way it came, and so many points of the pattern.
    Way(f64, Side, u8),
    /// Which of the last points were beyond, the newest in the lowest bit: above, and below.
    Ring(u8, u8),
}

impl Machine {
    /// A rule that has seen nothing.
    #[must_use]
    pub fn new(rule: Rule) -> Self {
        Self { rule, memory: Memory::Nothing }
    }

    /// Its rule.
    #[must_use]
    pub fn rule(&self) -> Rule {
        self.rule
    }

    /// Forgets what it has seen: there is a gap, or other limits hold.
    pub fn reset(&mut self) {
        self.memory = Memory::Nothing;
    }

    /// Takes a point, `u` in σ about the centre line; the side of a pattern that ends at it.
    pub fn take(&mut self, u: f64) -> Option<Side> {
        let signal = match self.rule.pattern() {
            Pattern::Beyond => Side::of(u).filter(|_| u.abs() > 3.0),
            Pattern::OneSide(needed) => self.one_side(u, needed),
            Pattern::Trend(needed) => self.ways(u, needed, |before, now| before == now),
            Pattern::InTurns(needed) => {
                self.ways(u, needed, |before, now| before != now).map(|_| Side::Both)
            }
            Pattern::Most { of, beyond } => self.most(u, of, beyond),
            Pattern::Within(needed) => self.count(u.abs() <= 1.0, needed),
            Pattern::Outside(needed) => self.count(u.abs() > 1.0, needed),
        };
        if signal.is_some() {
            self.reset();
        }
        signal
    }

    fn count(&mut self, counts: bool, needed: u8) -> Option<Side> {
        let before = if let Memory::Count(count) = self.memory { count } else { 0 };
        let count = if counts { before + 1 } else { 0 };
        self.memory = Memory::Count(count);
        (count >= needed).then_some(Side::Both)
    }

    fn one_side(&mut self, u: f64, needed: u8) -> Option<Side> {
        let Some(side) = Side::of(u) else {
            self.reset();
            return None;
        };
        let count = match self.memory {
            Memory::Run(before, count) if before == side => count + 1,
            _ => 1,
        };
        self.memory = Memory::Run(side, count);
        (count >= needed).then_some(side)
    }

    /// Points of which each way from one to the next fits to the way before.
    fn ways(&mut self, u: f64, needed: u8, fits: impl Fn(Side, Side) -> bool) -> Option<Side> {
        let last = match self.memory {
            Memory::Last(last) | Memory::Way(last, ..) => last,
            _ => f64::NAN,
        };
        let Some(way) = Side::of(u - last) else {
            self.memory = Memory::Last(u);
            return None;
        };
        let count = match self.memory {
            Memory::Way(_, before, count) if fits(before, way) => count + 1,
            _ => 2,
        };
        self.memory = Memory::Way(u, way, count);
        (count >= needed).then_some(way)
    }

    fn most(&mut self, u: f64, of: u8, beyond: f64) -> Option<Side> {
        let (high, low) =
            if let Memory::Ring(high, low) = self.memory { (high, low) } else { (0, 0) };
        let room = (1 << of) - 1;
        let shift = |ring: u8, is_beyond: bool| (ring << 1 | u8::from(is_beyond)) & room;
        let (high, low) = (shift(high, u > beyond), shift(low, u < -beyond));
        self.memory = Memory::Ring(high, low);
        let enough = |ring: u8| ring.count_ones() >= u32::from(of) - 1 && ring & 1 == 1;
        if enough(high) {
            Some(Side::High)
        } else if enough(low) {
            Some(Side::Low)
        } else {
            None
        }
    }
}

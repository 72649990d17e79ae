//! What goes wrong in the process: kinds, sizes, how fast they grow, how long they last.

use super::mill::{Mill, streams};
use super::noise::Chance;

/// A kind of process fault (domain.md 13.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ProcessFault {
    /// The softwood consistency sensor reads wrong, and the loop believes it.
    ConsistencyDrift,
    /// Worn refiner plates: the power is there, its effect is not.
    RefinerPlates,
    /// A creping blade that wears far too fast.
    BladeWear,
    /// The adhesive pump gives less than it is asked for.
    AdhesiveFailure,
    /// Condensate in the Yankee takes heat transfer.
    CondensateFlooding,
    /// A burner at the dry end of the hood gives less heat.
    HoodBurner,
    /// The felt fills up: the press leaves more water.
    FeltFilling,
    /// The headbox pressure sensor reads wrong, and the jet is not as fast as it seems.
    JetOffset,
    /// Far more broke than ordered.
    BrokeSurge,
    /// Dirt on the scanner's window: basis weight reads low, and the loop makes it heavy.
    ScannerWindow,
    /// A pulp lot that is weak.
    WeakPulp,
    /// A resin delivery that is weak: only the laboratory can tell.
    WeakResin,
    /// A steam valve that sticks: the loop swings.
    SteamValve,
}

impl ProcessFault {
    /// All of them.
    pub const ALL: [Self; 13] = [
        Self::ConsistencyDrift,
        Self::RefinerPlates,
        Self::BladeWear,
        Self::AdhesiveFailure,
        Self::CondensateFlooding,
        Self::HoodBurner,
        Self::FeltFilling,
        Self::JetOffset,
        Self::BrokeSurge,
        Self::ScannerWindow,
        Self::WeakPulp,
        Self::WeakResin,
        Self::SteamValve,
    ];

    /// The word of the truth file.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ConsistencyDrift => "consistency-drift",
            Self::RefinerPlates => "refiner-plates",
            Self::BladeWear => "blade-wear",
            Self::AdhesiveFailure => "adhesive-failure",
            Self::CondensateFlooding => "condensate-flooding",
            Self::HoodBurner => "hood-burner",
            Self::FeltFilling => "felt-filling",
            Self::JetOffset => "jet-offset",
            Self::BrokeSurge => "broke-surge",
            Self::ScannerWindow => "scanner-window",
            Self::WeakPulp => "weak-pulp",
            Self::WeakResin => "weak-resin",
            Self::SteamValve => "steam-valve",
        }
    }

    /// The tags that it moves first, of those that a model may watch: what a machine without it does not do, seconds
    /// before all else. Where it depends on how fast the fault grows, all that come first. None, where only the
    /// laboratory can tell.
    #[must_use]
    pub fn first_movers(self) -> &'static [&'static str] {
        match self {
            Self::ConsistencyDrift => &["softwood_consistency", "freeness", "stock_flow"],
            Self::RefinerPlates => &["freeness"],
            Self::BladeWear => &["doctor_vibration"],
            Self::AdhesiveFailure => &["adhesive_flow"],
            Self::CondensateFlooding => {
                &["condensate_pressure", "yankee_temperature", "steam_pressure"]
            }
            Self::HoodBurner => &["hood_temperature_dry"],
            Self::FeltFilling => &["uhle_box_vacuum", "felt_water"],
            Self::JetOffset => &["headbox_flow"],
            Self::BrokeSurge => &["broke_flow"],
            Self::ScannerWindow => {
                &["stock_flow", "hardwood_flow", "softwood_flow", "steam_pressure"]
            }
            Self::SteamValve => &["steam_pressure"],
            Self::WeakPulp | Self::WeakResin => &[],
        }
    }

    /// The least and the greatest full size, in the unit of the fault's field of [`Wrong`].
    fn sizes(self) -> (f64, f64) {
        match self {
            Self::ConsistencyDrift => (0.08, 0.30),
            Self::RefinerPlates => (0.10, 0.40),
            Self::BladeWear => (0.8, 3.0),
            Self::AdhesiveFailure => (0.5, 1.0),
            Self::CondensateFlooding => (0.10, 0.45),
            Self::HoodBurner => (80.0, 300.0),
            Self::FeltFilling => (0.4, 1.8),
            Self::JetOffset => (0.05, 0.20),
            Self::BrokeSurge => (0.10, 0.38),
            Self::ScannerWindow => (0.03, 0.09),
            Self::WeakPulp => (0.09, 0.32),
            Self::WeakResin => (0.15, 0.65),
            Self::SteamValve => (0.6, 2.4),
        }
    }

    /// True if it may as well go the other way.
    fn has_two_signs(self) -> bool {
        matches!(self, Self::ConsistencyDrift | Self::JetOffset)
    }
}

/// What is wrong with the machine at this second; all zero on a sound one.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Wrong {
    /// The softwood consistency sensor reads this share too high.
    pub(super) consistency_error: f64,
    /// This share of the refiner's effect is lost.
    pub(super) plates: f64,
    /// Wear of the blade beyond its age, in lives of a blade.
    pub(super) blade: f64,
    /// This share of the adhesive is missing.
    pub(super) adhesive: f64,
    /// This share of the Yankee's heat transfer is lost.
    pub(super) flooding: f64,
    /// The air at the dry end is so much colder, °C.
    pub(super) burner: f64,
    /// How full the felt is, beyond the usual; 1 costs 3 % of dryness after the press.
    pub(super) felt: f64,
    /// The headbox pressure sensor reads this share too high.
    pub(super) pressure_error: f64,
    /// Broke beyond what is ordered, as a share of the stock flow.
    pub(super) broke: f64,
    /// The scanner reads this share of the basis weight too low.
    pub(super) window: f64,
    /// The pulp is weaker by this share.
    pub(super) pulp: f64,
    /// This share of the resin's effect is missing.
    pub(super) resin: f64,
    /// The steam valve moves only when it should by more than so many bar.
    pub(super) stiction: f64,
}

/// A fault from its begin to its repair.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Episode {
    fault: ProcessFault,
    begin: u64,
    grow_s: f64,
    size: f64,
    /// When it goes by itself: a lot is used up, a shift finds it.
    end: u64,
}

/// The process fault of now, and the next one.
#[derive(Debug, Clone)]
pub(super) struct Faults {
    chance: Chance,
    mean_s: f64,
    next: u64,
    now: Option<Episode>,
    /// How long the paper may still suffer from a fault that was repaired.
    recovering: Option<(ProcessFault, u64, u64)>,
    /// Nothing goes wrong any more.
    sound: bool,
    deck: Vec<ProcessFault>,
}

/// After a repair the stock that was made wrong passes through chest and pipes.
const RECOVERY_S: u64 = 900;
/// Quick and slow growth, s, and short and long life, s: equally likely on a logarithmic scale.
const GROWTH_S: (f64, f64) = (60.0, 10_800.0);
const LIFE_S: (f64, f64) = (900.0, 14_400.0);

impl Faults {
    pub(super) fn new(mill: &Mill, seed: u64) -> Self {
        let mut faults = Self {
            chance: Chance::new(seed, streams::FAULTS),
            mean_s: mill.faults_s,
            next: 0,
            now: None,
            recovering: None,
            sound: false,
            deck: Vec::new(),
        };
        faults.next = faults.pause(0);
        faults
    }

    /// What is wrong at this second, counted from the first.
    pub(super) fn step(&mut self, second: u64) -> Wrong {
        if self.now.is_some_and(|episode| second >= episode.end) {
            self.repair(second);
        }
        if self.recovering.is_some_and(|(_, _, until)| second >= until) {
            self.recovering = None;
            self.next = self.pause(second);
        }
        let due = self.now.is_none() && self.recovering.is_none() && second >= self.next;
        if due && !self.sound {
            self.now = Some(self.draw(second));
        }
        self.now.map_or_else(Wrong::default, |episode| episode.at(second))
    }

    /// The fault that the paper suffers from, and its begin, in seconds.
    pub(super) fn active(&self) -> Option<(ProcessFault, u64)> {
        let now = self.now.map(|episode| (episode.fault, episode.begin));
        now.or(self.recovering.map(|(fault, begin, _)| (fault, begin)))
    }

    /// True while it is not repaired.
    pub(super) fn stands(&self) -> bool {
        self.now.is_some()
    }

    /// Somebody found it.
    pub(super) fn repair(&mut self, second: u64) {
        if let Some(episode) = self.now.take() {
            self.recovering = Some((episode.fault, episode.begin, second + RECOVERY_S));
        }
    }

    /// What is wrong is repaired, and nothing goes wrong any more.
    pub(super) fn end(&mut self, second: u64) {
        self.repair(second);
        self.sound = true;
    }

    /// The time of the next fault: from one that is over, exponential.
    fn pause(&mut self, second: u64) -> u64 {
        let seconds = -libm::log(self.chance.unit()) * self.mean_s;
        second + whole(seconds)
    }

    fn draw(&mut self, second: u64) -> Episode {
        // A deck, so that a run of a few faults has different ones.
        if self.deck.is_empty() {
            self.deck = ProcessFault::ALL.to_vec();
        }
        let last = u32::try_from(self.deck.len() - 1).expect("a few kinds");
        let fault = self.deck.swap_remove(self.chance.pick(0, last) as usize);
        let (low, high) = fault.sizes();
        let size = self.chance.between(low, high);
        let sign = if fault.has_two_signs() && self.chance.pick(0, 1) == 0 { -1.0 } else { 1.0 };
        let grow_s = log_between(&mut self.chance, GROWTH_S);
        let life_s = log_between(&mut self.chance, LIFE_S).max(grow_s * 0.7);
        Episode { fault, begin: second, grow_s, size: sign * size, end: second + whole(life_s) }
    }
}

impl Episode {
    fn at(&self, second: u64) -> Wrong {
        let seconds = u32::try_from(second - self.begin + 1).map_or(f64::MAX, f64::from);
        let size = self.size * (seconds / self.grow_s).min(1.0);
        let sound = Wrong::default();
        match self.fault {
            ProcessFault::ConsistencyDrift => Wrong { consistency_error: size, ..sound },
            ProcessFault::RefinerPlates => Wrong { plates: size, ..sound },
            ProcessFault::BladeWear => Wrong { blade: size, ..sound },
            ProcessFault::AdhesiveFailure => Wrong { adhesive: size, ..sound },
            ProcessFault::CondensateFlooding => Wrong { flooding: size, ..sound },
            ProcessFault::HoodBurner => Wrong { burner: size, ..sound },
            ProcessFault::FeltFilling => Wrong { felt: size, ..sound },
            ProcessFault::JetOffset => Wrong { pressure_error: size, ..sound },
            ProcessFault::BrokeSurge => Wrong { broke: size, ..sound },
            ProcessFault::ScannerWindow => Wrong { window: size, ..sound },
            ProcessFault::WeakPulp => Wrong { pulp: size, ..sound },
            ProcessFault::WeakResin => Wrong { resin: size, ..sound },
            ProcessFault::SteamValve => Wrong { stiction: size, ..sound },
        }
    }
}

/// Between two positive numbers, equally likely on a logarithmic scale.
pub(super) fn log_between(chance: &mut Chance, (low, high): (f64, f64)) -> f64 {
    low * libm::exp(chance.unit() * libm::log(high / low))
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "seconds of some days")]
fn whole(seconds: f64) -> u64 {
    seconds as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn faults_come_at_any_moment_and_grow_slowly_and_quickly() {
        let mut kinds: BTreeMap<&str, u32> = BTreeMap::new();
        let mut lives = Vec::new();
        for seed in 0..30 {
            let mut faults = Faults::new(&Mill::draw(seed), seed);
            let mut standing = None;
            for second in 0..200_000 {
                let wrong = faults.step(second);
                assert_eq!(wrong != Wrong::default(), faults.stands());
                match (faults.stands(), standing) {
                    (true, None) => {
                        let (fault, begin) = faults.active().unwrap();
                        assert_eq!(begin, second);
                        *kinds.entry(fault.as_str()).or_default() += 1;
                        standing = Some(second);
                    }
                    (false, Some(since)) => {
                        lives.push(second - since);
                        assert!(faults.active().is_some(), "the paper still suffers");
                        standing = None;
                    }
                    _ => {}
                }
            }
        }
        assert_eq!(kinds.len(), ProcessFault::ALL.len(), "{kinds:?}");
        assert!(lives.iter().min().unwrap() < &1200 && lives.iter().max().unwrap() > &7200);
        // 200,000 s are about 130 reels.
        let per_batch = f64::from(kinds.values().sum::<u32>()) / (30.0 * 130.0);
        assert!((0.08..0.25).contains(&per_batch), "{per_batch}");
    }

    #[test]
    fn a_repair_ends_it_and_the_paper_recovers() {
        let mut faults = Faults::new(&Mill::draw(1), 1);
        let mut second = 0;
        while !faults.stands() {
            faults.step(second);
            second += 1;
        }
        faults.repair(second);
        assert_eq!(faults.step(second), Wrong::default());
        assert!(faults.active().is_some());
        faults.step(second + RECOVERY_S);
        assert!(faults.active().is_none());
    }
}

//! What people do with the machine: set points, speed changes, grade changes, breaks.
//!
//! Most of what moves the tags leaves the paper good: operators try this and that, follow the
//! laboratory, take the speed up and down.

use super::grades::{GRADES, Grade, SetPoints, set};
use super::mill::{Mill, streams};
use super::noise::Chance;

/// Set points that operators move: how far at a time, and how far from the recipe at most, as shares.
const MOVES: [(usize, f64, f64); 15] = [
    (set::REFINING, 0.02, 0.05),
    (set::JET_WIRE, 0.003, 0.008),
    (set::PRESS_LOAD, 0.02, 0.05),
    (set::VACUUM, 0.04, 0.10),
    (set::HOOD_WET, 0.02, 0.05),
    (set::HOOD_DRY, 0.02, 0.05),
    (set::HOOD_FAN, 0.015, 0.04),
    (set::BLADE_LOAD, 0.04, 0.12),
    (set::ADHESIVE, 0.07, 0.20),
    (set::RELEASE, 0.08, 0.20),
    (set::BROKE, 0.15, 0.50),
    (set::DEBONDER, 0.08, 0.25),
    (set::WET_STRENGTH, 0.03, 0.10),
    (set::REEL_LOAD, 0.05, 0.15),
    (set::SPEED, 0.010, 0.03),
];
/// A move takes so long, s; of the speed longer, as all loops have to follow.
const MOVE_S: (f64, f64) = (10.0, 120.0);
const SPEED_S: (f64, f64) = (120.0, 300.0);
/// A change of grade takes so long to set, s.
const GRADE_S: (f64, f64) = (240.0, 600.0);
/// The laboratory's result moves the refiner by so much of its deviation, within so much.
const LABORATORY_GAIN: f64 = 0.3;
const LABORATORY_CAP: f64 = 0.12;
/// How often somebody follows it.
const LABORATORY_FOLLOWED: f64 = 0.6;
/// How long a web is broken, s.
const BREAK_S: (u32, u32) = (240, 720);
/// Reels of one grade in a row.
const CAMPAIGN: (u32, u32) = (5, 14);

/// The operators.
#[derive(Debug, Clone)]
pub(super) struct Operation {
    chance: Chance,
    grade: usize,
    /// Where everything is set now.
    sets: SetPoints,
    target: SetPoints,
    /// How far a set point goes in a second.
    rate: SetPoints,
    /// What the laboratory has taught about refining, as a share of the recipe.
    taught: f64,
    next_move: u64,
    next_break: u64,
    moves_s: f64,
    breaks_s: f64,
    /// Reels left in the campaign.
    left: u32,
}

impl Operation {
    pub(super) fn new(mill: &Mill, seed: u64) -> Self {
        let recipe = GRADES[0].recipe;
        let mut operation = Self {
            chance: Chance::new(seed, streams::OPERATION),
            grade: 0,
            sets: recipe,
            target: recipe,
            rate: [0.0; set::COUNT],
            taught: 0.0,
            next_move: 0,
            next_break: 0,
            moves_s: mill.moves_s,
            breaks_s: mill.breaks_s,
            left: 0,
        };
        operation.next_move = operation.after(0, mill.moves_s);
        operation.next_break = operation.after(0, mill.breaks_s);
        operation
    }

    /// The grade that is made.
    pub(super) fn grade(&self) -> &'static Grade {
        &GRADES[self.grade]
    }

    /// Its position in [`GRADES`].
    pub(super) fn grade_ix(&self) -> usize {
        self.grade
    }

    /// Where everything is set.
    pub(super) fn sets(&self) -> &SetPoints {
        &self.sets
    }

    /// One second on; true if the web breaks in it.
    pub(super) fn step(&mut self, second: u64, on_reel: bool) -> bool {
        for ix in 0..set::COUNT {
            let missing = self.target[ix] - self.sets[ix];
            self.sets[ix] += missing.clamp(-self.rate[ix], self.rate[ix]);
        }
        if second >= self.next_move {
            self.next_move = self.after(second, self.moves_s);
            if on_reel {
                self.try_something();
            }
        }
        if on_reel && second >= self.next_break {
            self.next_break = self.after(second, self.breaks_s);
            return true;
        }
        false
    }

    /// How long the web that broke is away, s.
    pub(super) fn break_seconds(&mut self) -> u32 {
        self.chance.pick(BREAK_S.0, BREAK_S.1)
    }

    /// The laboratory has found the tensile strength to be so far from the target, as a share.
    pub(super) fn learn_of_strength(&mut self, grade: usize, deviation: f64) {
        if grade == self.grade && self.chance.unit() < LABORATORY_FOLLOWED {
            let taught = self.taught - LABORATORY_GAIN * deviation;
            self.taught = taught.clamp(-LABORATORY_CAP, LABORATORY_CAP);
            let recipe = self.grade().recipe[set::REFINING];
            self.go(set::REFINING, recipe * (1.0 + self.taught), MOVE_S);
        }
    }

    /// The grade of the next scored reel: the same, until the campaign is over.
    pub(super) fn next_in_campaign(&mut self) -> usize {
        if self.left == 0 {
            self.left = self.chance.pick(CAMPAIGN.0, CAMPAIGN.1);
            let others: u32 =
                GRADES.iter().map(|grade| grade.weight).sum::<u32>() - self.grade().weight;
            let mut drawn = self.chance.pick(1, others);
            for (ix, grade) in GRADES.iter().enumerate().filter(|(ix, _)| *ix != self.grade) {
                if drawn <= grade.weight {
                    self.left -= 1;
                    return ix;
                }
                drawn -= grade.weight;
            }
        }
        self.left -= 1;
        self.grade
    }

    /// Sets the machine to another grade, gradually.
    pub(super) fn change_grade(&mut self, grade: usize) {
        self.grade = grade;
        self.taught = 0.0;
        self.target = GRADES[grade].recipe;
        let seconds = self.chance.between(GRADE_S.0, GRADE_S.1);
        for ix in 0..set::COUNT {
            self.rate[ix] = (self.target[ix] - self.sets[ix]).abs() / seconds;
        }
    }

    fn try_something(&mut self) {
        let last = u32::try_from(MOVES.len() - 1).expect("a few");
        let (ix, step, cap) = MOVES[self.chance.pick(0, last) as usize];
        let recipe = self.grade().recipe[ix];
        let taught = if ix == set::REFINING { self.taught } else { 0.0 };
        let centre = recipe * (1.0 + taught);
        let moved = self.target[ix] / centre - 1.0 + step * self.chance.between(-1.8, 1.8);
        let within = if ix == set::SPEED { SPEED_S } else { MOVE_S };
        self.go(ix, centre * (1.0 + moved.clamp(-cap, cap)), within);
    }

    fn go(&mut self, ix: usize, target: f64, within: (f64, f64)) {
        let seconds = self.chance.between(within.0, within.1);
        self.target[ix] = target;
        self.rate[ix] = (target - self.sets[ix]).abs() / seconds;
    }

    /// A time after now, exponential.
    fn after(&mut self, second: u64, mean_s: f64) -> u64 {
        let seconds = -libm::log(self.chance.unit()) * mean_s;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "some days")]
        let seconds = seconds as u64;
        second + 1 + seconds
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operators_stay_near_the_recipe_and_the_web_breaks_now_and_then() {
        let mut breaks = 0;
        let mut moved = [false; set::COUNT];
        for seed in 0..3 {
            let mut operation = Operation::new(&Mill::draw(seed), seed);
            for second in 0..300_000 {
                breaks += u32::from(operation.step(second, true));
                if second % 3000 == 0 {
                    operation.learn_of_strength(0, 0.1);
                }
                for (ix, step, cap) in MOVES {
                    let share = operation.sets()[ix] / GRADES[0].recipe[ix] - 1.0;
                    let most = if ix == set::REFINING { 1.12 * 1.05 - 1.0 } else { cap };
                    assert!(share.abs() <= most + 1e-9, "set point {ix} moved by {share}");
                    moved[ix] |= share.abs() > step / 4.0;
                }
            }
        }
        // Twice to five times a day.
        assert!((12..=55).contains(&breaks), "{breaks} breaks");
        assert!(MOVES.iter().all(|(ix, ..)| moved[*ix]), "{moved:?}");
    }

    #[test]
    fn campaigns_are_of_other_grades_and_as_long_as_said() {
        let mut operation = Operation::new(&Mill::draw(5), 5);
        let mut made = Vec::new();
        for _ in 0..300 {
            let next = operation.next_in_campaign();
            if next != operation.grade_ix() {
                operation.change_grade(next);
            }
            made.push(next);
        }
        let runs: Vec<usize> = made.chunk_by(|a, b| a == b).map(<[usize]>::len).collect();
        assert!(runs.iter().all(|len| (5..=14).contains(len) || *len == runs[runs.len() - 1]));
        assert!((0..3).all(|grade| made.contains(&grade)));
    }

    #[test]
    fn another_grade_is_reached_in_time() {
        let mut operation = Operation::new(&Mill::draw(6), 6);
        operation.change_grade(2);
        for second in 0..600 {
            operation.step(second, false);
        }
        for (is, should) in operation.sets().iter().zip(GRADES[2].recipe) {
            assert!((is - should).abs() < 1e-9);
        }
    }
}

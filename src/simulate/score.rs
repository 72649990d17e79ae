//! Verdicts against the truth: the rules of product.md, "Recordings".

use super::foretold::{self, Foretold};
use super::laboratory_only::LaboratoryOnly;
use super::truth::{BatchTruth, Class, SensorTruth, Truth};
use super::watchers::{Pool, Watched, Watchers};
use crate::reading::{Count, Timestamp};
use crate::verdict::{Call, Document, Reason};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// How long after its begin a sensor fault may still be named, where it ends earlier.
const FOUND_WITHIN: Duration = Duration::from_secs(30 * 60);
/// How many tags of a reason blame them.
const BLAMED: usize = 3;

/// What was said in a run, in any order.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Verdicts {
    /// Every change of a verdict on a batch.
    pub said: Vec<Said>,
    /// The batches that ended.
    pub ends: Vec<BatchEnd>,
    /// What soft sensors foretold last of each batch and property: nine of ten laboratory values lie within.
    pub intervals: BTreeMap<(Arc<str>, Arc<str>), [f64; 2]>,
    /// Tag and time of each `sensor.unhealthy`.
    pub unhealthy: Vec<(Arc<str>, Timestamp)>,
}

/// A verdict that was said about a batch.
#[derive(Debug, Clone, PartialEq)]
pub struct Said {
    /// The batch.
    pub batch: Arc<str>,
    /// The event time it was said.
    pub at: Timestamp,
    /// The call.
    pub call: Call,
    /// The tags among the first three of any of its reasons.
    pub blamed: Vec<Arc<str>>,
    /// The first three tags that it says moved, in its order.
    pub moved: Vec<Arc<str>>,
    /// The chance of off spec, 0–1.
    pub probability: Option<f64>,
}

impl Said {
    /// From a published verdict; `None` between batches.
    #[must_use]
    pub fn from_document(document: &Document) -> Option<Self> {
        let batch = Arc::clone(document.batch.as_ref()?);
        let mut blamed: Vec<Arc<str>> = Vec::new();
        for reason in &document.reasons {
            match reason {
                Reason::Process { tags, .. } => {
                    blamed.extend(tags.iter().take(BLAMED).map(|(tag, _)| Arc::clone(tag)));
                }
                Reason::Spec { tag, .. } => blamed.push(Arc::clone(tag)),
                // Saying that a tag is missing does not blame the process for it.
                Reason::Coverage { .. }
                | Reason::Prospects { .. }
                | Reason::SoftSensor(_)
                | Reason::Laboratory { .. }
                | Reason::Person { .. }
                | Reason::Grade { .. } => {}
            }
        }
        blamed.sort();
        blamed.dedup();
        let movers = document.movers.iter().map(|mover| &mover.tag);
        let first = document.first_mover.iter();
        let others = movers.filter(|tag| Some(*tag) != document.first_mover.as_ref());
        let moved = first.chain(others).take(BLAMED).cloned().collect();
        let (at, call, probability) =
            (document.at(), document.verdict, document.probability_off_spec);
        Some(Self { batch, at, call, blamed, moved, probability })
    }
}

/// A batch that ended.
#[derive(Debug, Clone, PartialEq)]
pub struct BatchEnd {
    /// The batch.
    pub batch: Arc<str>,
    /// Its start.
    pub started: Timestamp,
    /// Its end.
    pub ended: Timestamp,
    /// Its mass in kg; `None` counts as no mass.
    pub mass_kg: Option<f64>,
    /// Its grade.
    pub grade: Option<Arc<str>>,
    /// When it was first known what it is, and whether it is off spec: by the laboratory, a person or its length outside.
    pub found: Option<(Timestamp, bool)>,
    /// What the laboratory found, by property.
    pub lab: Vec<(Arc<str>, f64)>,
}

/// Twenty batches to fit and 99 to calibrate with make a limit for one in a hundred that is no longer provisional; what comes
/// after so many is counted apart too.
const SETTLED_AFTER: usize = 119;

/// The summary document of `--json`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Score {
    /// The seed of the machine, where there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
    /// Scored batches: the sum of the four classes.
    pub batches: u32,
    /// Good ones.
    pub good: u32,
    /// Touched ones.
    pub touched: u32,
    /// Marginal ones.
    pub marginal: u32,
    /// Off-spec ones.
    pub off_spec: u32,
    /// Off-spec ones with a flag raised after the fault began that still stood at the end.
    pub caught: u32,
    /// The other off-spec ones.
    pub missed: u32,
    /// Good ones that ever had a flag.
    pub false_flags: u32,
    /// Good ones after the 119th batch of their run, when the limits of a model need be provisional no longer.
    #[serde(default)]
    pub good_settled: u32,
    /// Those that ever had a flag.
    #[serde(default)]
    pub false_flags_settled: u32,
    /// Touched ones that ever had a flag.
    pub touched_flagged: u32,
    /// Marginal ones that ever had a flag.
    pub marginal_flagged: u32,
    /// The median over the caught batches in which the fault began of what was left to make, 0–1.
    pub median_share_left: Option<f64>,
    /// Episodes of wrong instruments.
    pub sensor_faults: u32,
    /// Those whose tag was named in time.
    pub sensor_faults_found: u32,
    /// Those in which a good batch was flagged with the tag to blame.
    pub sensor_faults_called_process: u32,
    /// Mass made after the flag in caught batches, t.
    pub tonnes_saved: f64,
    /// Mass of good batches that were flagged, t.
    pub tonnes_falsely_held: f64,
    /// Batches made first, to learn from.
    pub learning_batches: u32,
    /// Process faults that a first mover is known of, and that a batch was flagged in.
    pub faults_flagged: u32,
    /// Those whose first mover was called so at the flag.
    pub first_mover_right: u32,
    /// Those whose first mover was among the first three tags named at the flag.
    pub first_mover_in_three: u32,
    /// How what was foretold came true; nothing where nothing was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub foretold: Option<Foretold>,
}

/// One or more runs, counted so that they can be added up.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Tally {
    /// The counts; what is derived from the fields below is not in it.
    counts: Score,
    /// Shares left of the caught batches in which the fault began.
    shares: Vec<f64>,
    kg_saved: f64,
    kg_held: f64,
    /// What the plain watchers saw.
    pool: Pool,
    laboratory: LaboratoryOnly,
    foretold: foretold::Tally,
}

impl Tally {
    /// Scores what was said against what was true, beside what the watchers saw.
    ///
    /// A flag counts when it was said before the batch's end. Mass is taken as spread evenly over the
    /// time of a batch. An off-spec batch of which no end is known counts as missed.
    #[must_use]
    pub fn of(
        truth: &Truth,
        verdicts: &Verdicts,
        watchers: &Watchers,
        seed: Option<u64>,
        learning: u32,
    ) -> Self {
        let book = Book::of(verdicts);
        let mut tally = Self { foretold: foretold::Tally::of(truth, verdicts), ..Self::default() };
        let score = &mut tally.counts;
        (score.seed, score.learning_batches) = (seed, learning);
        for (made, batch) in truth.batches.iter().enumerate() {
            score.batches += 1;
            let history = book.history(&batch.batch);
            let flagged = u32::from(history.iter().any(|said| said.call.is_flag()));
            let end = book.ends.get(&*batch.batch).copied();
            tally.pool.add(watchers, batch, end, flagged > 0);
            tally.laboratory.add(&verdicts.ends, batch);
            let mass = end.and_then(|end| end.mass_kg).unwrap_or(0.0);
            match batch.class {
                Class::Good => {
                    score.good += 1;
                    score.false_flags += flagged;
                    if made >= SETTLED_AFTER {
                        score.good_settled += 1;
                        score.false_flags_settled += flagged;
                    }
                    tally.kg_held += mass * f64::from(flagged);
                }
                Class::Touched => {
                    score.touched += 1;
                    score.touched_flagged += flagged;
                }
                Class::Marginal => {
                    score.marginal += 1;
                    score.marginal_flagged += flagged;
                }
                Class::OffSpec => {
                    score.off_spec += 1;
                    let caught = end.and_then(|end| Some((end, catching(batch, end, &history)?)));
                    if let Some((end, flag)) = caught {
                        score.caught += 1;
                        let left = share_left(end, flag);
                        tally.kg_saved += mass * left;
                        if batch.fault_from.is_some_and(|from| end.started <= from) {
                            tally.shares.push(left);
                        }
                    } else {
                        score.missed += 1;
                    }
                }
            }
        }
        for episode in &truth.sensors {
            score.sensor_faults += 1;
            score.sensor_faults_found += u32::from(found(episode, verdicts));
            score.sensor_faults_called_process += u32::from(called_process(episode, truth, &book));
        }
        for (movers, flag) in book.flagged_faults(truth) {
            score.faults_flagged += 1;
            let is_right = |tag: &&Arc<str>| movers.contains(tag);
            score.first_mover_right += u32::from(flag.moved.iter().take(1).any(|t| is_right(&t)));
            score.first_mover_in_three += u32::from(flag.moved.iter().any(|tag| is_right(&tag)));
        }
        tally
    }

    /// Adds another run. The seed stays that of the first.
    pub fn add(&mut self, other: &Self) {
        let (sum, more) = (&mut self.counts, &other.counts);
        for (sum, more) in [
            (&mut sum.batches, more.batches),
            (&mut sum.good, more.good),
            (&mut sum.touched, more.touched),
            (&mut sum.marginal, more.marginal),
            (&mut sum.off_spec, more.off_spec),
            (&mut sum.caught, more.caught),
            (&mut sum.missed, more.missed),
            (&mut sum.false_flags, more.false_flags),
            (&mut sum.good_settled, more.good_settled),
            (&mut sum.false_flags_settled, more.false_flags_settled),
            (&mut sum.touched_flagged, more.touched_flagged),
            (&mut sum.marginal_flagged, more.marginal_flagged),
            (&mut sum.sensor_faults, more.sensor_faults),
            (&mut sum.sensor_faults_found, more.sensor_faults_found),
            (&mut sum.sensor_faults_called_process, more.sensor_faults_called_process),
            (&mut sum.learning_batches, more.learning_batches),
            (&mut sum.faults_flagged, more.faults_flagged),
            (&mut sum.first_mover_right, more.first_mover_right),
            (&mut sum.first_mover_in_three, more.first_mover_in_three),
        ] {
            *sum += more;
        }
        self.shares.extend_from_slice(&other.shares);
        self.kg_saved += other.kg_saved;
        self.kg_held += other.kg_held;
        self.pool.append(&other.pool);
        self.laboratory.append(&other.laboratory);
        self.foretold.append(&other.foretold);
    }

    /// The score of all runs together: sums, and the median over all shares.
    #[must_use]
    pub fn score(&self) -> Score {
        Score {
            median_share_left: median(self.shares.clone()).map(rounded),
            tonnes_saved: rounded(self.kg_saved / 1000.0),
            tonnes_falsely_held: rounded(self.kg_held / 1000.0),
            foretold: self.foretold.foretold(),
            ..self.counts.clone()
        }
    }

    /// What the plain watchers reached on all runs together, each with one threshold, and a laboratory alone.
    #[must_use]
    pub fn watched(&self) -> Vec<Watched> {
        self.pool.watched().into_iter().chain([self.laboratory.watched()]).collect()
    }
}

impl Score {
    /// The score for people.
    #[must_use]
    pub fn to_text(&self) -> String {
        let share = self
            .median_share_left
            .map_or("-".to_owned(), |share| format!("{:.0} %", share * 100.0));
        let movers = match self.faults_flagged {
            0 => String::new(),
            flagged => format!(
                "first mover: {} of {} named right, {} among the first three\n",
                self.first_mover_right,
                Count(flagged, "flagged fault"),
                self.first_mover_in_three
            ),
        };
        let settled = match self.good_settled {
            0 => String::new(),
            good => format!(
                " ({} of {good} after the {SETTLED_AFTER}th batch)",
                self.false_flags_settled
            ),
        };
        let learned = match self.learning_batches {
            0 => String::new(),
            n => format!(" after {n} to learn from"),
        };
        format!(
            "{} batches{learned}: {} good, {} touched, {} marginal, {} off spec\n\
             off spec: {} caught before their end, {} missed; at the median {share} of the batch was still to be made\n\
             false flags: {} of the good batches{settled}; {} touched and {} marginal ones were flagged\n\
             sensor faults: {} of {} found, {} called a process fault\n\
             {movers}{:.1} t saved, {:.1} t falsely held\n",
            self.batches,
            self.good,
            self.touched,
            self.marginal,
            self.off_spec,
            self.caught,
            self.missed,
            self.false_flags,
            self.touched_flagged,
            self.marginal_flagged,
            self.sensor_faults_found,
            self.sensor_faults,
            self.sensor_faults_called_process,
            self.tonnes_saved,
            self.tonnes_falsely_held,
        )
    }
}

/// What was said about each batch, in order of time, and how each ended.
struct Book<'v> {
    said: BTreeMap<&'v str, Vec<&'v Said>>,
    ends: BTreeMap<&'v str, &'v BatchEnd>,
}

impl<'v> Book<'v> {
    fn of(verdicts: &'v Verdicts) -> Self {
        let mut said: BTreeMap<&str, Vec<&Said>> = BTreeMap::new();
        for verdict in &verdicts.said {
            said.entry(&verdict.batch).or_default().push(verdict);
        }
        for history in said.values_mut() {
            // Stable: of two at one instant the later one said stays the later one.
            history.sort_by_key(|verdict| verdict.at);
        }
        let ends = verdicts.ends.iter().map(|end| (&*end.batch, end)).collect();
        Self { said, ends }
    }

    /// What was said of a batch before its end; all, where no end is known.
    fn history(&self, batch: &str) -> Vec<&'v Said> {
        let end = self.ends.get(batch).map(|end| end.ended);
        let said = self.said.get(batch).map(Vec::as_slice).unwrap_or_default();
        said.iter().copied().filter(|said| end.is_none_or(|end| said.at < end)).collect()
    }

    /// The tags that each process fault moves first, and the first flag that was raised in it, of those faults that
    /// have both.
    fn flagged_faults<'t>(&self, truth: &'t Truth) -> Vec<(&'t [Arc<str>], &'v Said)> {
        let mut flags: BTreeMap<Timestamp, (&[Arc<str>], &Said)> = BTreeMap::new();
        for batch in truth.batches.iter().filter(|batch| !batch.first_movers.is_empty()) {
            let Some(from) = batch.fault_from else { continue };
            let mut before = false;
            let raised = self.history(&batch.batch).into_iter().find(|said| {
                let raises = said.call.is_flag() && !before && said.at >= from;
                before = said.call.is_flag();
                raises
            });
            if let Some(said) = raised {
                flags.entry(from).or_insert((&batch.first_movers, said));
            }
        }
        flags.into_values().collect()
    }
}

/// When the flag was raised that catches an off-spec batch: it stands at the end, and it was raised
/// after the fault began, or in a batch that the fault is older than. An off-spec batch without a known
/// fault is caught by any flag that stands.
fn catching(batch: &BatchTruth, end: &BatchEnd, history: &[&Said]) -> Option<Timestamp> {
    let raised = history.iter().rev().take_while(|said| said.call.is_flag()).last()?.at;
    let begun = batch.fault_from.filter(|from| end.started < *from);
    begun.is_none_or(|from| from <= raised).then_some(raised)
}

/// The share of a batch's time that was left at the flag. A flag said before the start counts as said
/// at the start.
pub(super) fn share_left(end: &BatchEnd, flag: Timestamp) -> f64 {
    let whole = end.ended.seconds_since(end.started);
    if whole > 0.0 { end.ended.seconds_since(flag.max(end.started)) / whole } else { 0.0 }
}

/// The end of the time in which an episode may be found: its end, or half an hour after its begin.
fn deadline(episode: &SensorTruth) -> Timestamp {
    episode.to.max(episode.from.plus(FOUND_WITHIN))
}

fn found(episode: &SensorTruth, verdicts: &Verdicts) -> bool {
    verdicts
        .unhealthy
        .iter()
        .any(|(tag, at)| *tag == episode.tag && episode.from <= *at && *at <= deadline(episode))
}

/// True if a good batch was flagged, in the time in which the episode should be found, with its tag
/// to blame.
fn called_process(episode: &SensorTruth, truth: &Truth, book: &Book<'_>) -> bool {
    truth.batches.iter().filter(|batch| batch.class == Class::Good).any(|batch| {
        book.history(&batch.batch).iter().any(|said| {
            said.call.is_flag()
                && episode.from <= said.at
                && said.at <= deadline(episode)
                && said.blamed.contains(&episode.tag)
        })
    })
}

pub(super) fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    let upper = *values.get(middle)?;
    Some(if values.len() % 2 == 1 { upper } else { f64::midpoint(values[middle - 1], upper) })
}

/// To three decimal places: grams of the tonne would feign a precision that is not there.
pub(super) fn rounded(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}

#[cfg(test)]
mod tests {
    use super::super::watchers::WatchPlan;
    use super::*;
    use crate::verdict::Mover;

    fn at(s: i64) -> Timestamp {
        Timestamp::from_millis(s * 1000).unwrap()
    }

    /// Batches of 1000 s, one after another, 3 t each: `R0` from 0 to 1000, `R1` from 1000, …
    fn batch(ix: i64, class: Class, fault_from: Option<i64>) -> BatchTruth {
        BatchTruth {
            line: "tm3".into(),
            batch: format!("R{ix}").into(),
            class,
            fault: fault_from.map(|_| "refiner-plates".into()),
            fault_from: fault_from.map(at),
            first_movers: Vec::new(),
            off_from: None,
            off_share: None,
        }
    }

    fn end(ix: i64) -> BatchEnd {
        let (started, ended) = (at(ix * 1000), at(ix * 1000 + 1000));
        BatchEnd {
            batch: format!("R{ix}").into(),
            started,
            ended,
            mass_kg: Some(3000.0),
            grade: None,
            found: None,
            lab: Vec::new(),
        }
    }

    fn said(ix: i64, second: i64, call: Call) -> Said {
        Said {
            batch: format!("R{ix}").into(),
            at: at(second),
            call,
            blamed: Vec::new(),
            moved: Vec::new(),
            probability: None,
        }
    }

    /// Without watchers.
    fn tally(truth: &Truth, verdicts: &Verdicts, learning: u32) -> Tally {
        Tally::of(truth, verdicts, &Watchers::new(WatchPlan::default()), Some(7), learning)
    }

    fn score(batches: Vec<BatchTruth>, said: Vec<Said>) -> Score {
        let ends = (0..10).map(end).collect();
        let truth = Truth { batches, sensors: Vec::new() };
        tally(&truth, &Verdicts { said, ends, ..Verdicts::default() }, 20).score()
    }

    /// One off-spec batch from 0 to 1000: caught, share left, tonnes saved.
    #[track_caller]
    fn check(fault_from: Option<i64>, calls: &[(i64, Call)], expected: (u32, Option<f64>, f64)) {
        let calls = calls.iter().map(|(second, call)| said(0, *second, *call)).collect();
        let score = score(vec![batch(0, Class::OffSpec, fault_from)], calls);
        assert_eq!(score.caught + score.missed, 1);
        assert_eq!((score.caught, score.median_share_left, score.tonnes_saved), expected);
    }

    #[test]
    fn an_off_spec_batch_is_caught_by_a_flag_after_its_fault_that_stands() {
        use Call::{AtRisk, OffSpec, OnSpec, Unknown};
        check(Some(200), &[(0, OnSpec), (400, AtRisk)], (1, Some(0.6), 1.8));
        check(Some(200), &[(400, AtRisk), (500, OffSpec), (900, AtRisk)], (1, Some(0.6), 1.8));
        check(Some(200), &[(200, AtRisk)], (1, Some(0.8), 2.4));
        // Order in the list does not matter.
        check(Some(200), &[(400, AtRisk), (0, OnSpec)], (1, Some(0.6), 1.8));
        // Raised before the fault: luck.
        check(Some(200), &[(100, AtRisk)], (0, None, 0.0));
        check(Some(200), &[(100, AtRisk), (300, OnSpec), (400, AtRisk)], (1, Some(0.6), 1.8));
        // Withdrawn, not known, said too late, never said.
        check(Some(200), &[(400, AtRisk), (800, OnSpec)], (0, None, 0.0));
        check(Some(200), &[(400, AtRisk), (800, Unknown)], (0, None, 0.0));
        check(Some(200), &[(1000, OffSpec)], (0, None, 0.0));
        check(Some(200), &[], (0, None, 0.0));
        // What is said after the end does not take a flag back.
        check(Some(200), &[(400, AtRisk), (1000, OnSpec)], (1, Some(0.6), 1.8));
        // The fault is older than the batch: caught, but the share says nothing about speed.
        check(Some(-50), &[(100, AtRisk)], (1, None, 2.7));
        check(Some(0), &[(0, AtRisk)], (1, Some(1.0), 3.0));
        check(None, &[(500, AtRisk)], (1, None, 1.5));
    }

    #[test]
    fn a_batch_that_never_ended_is_missed() {
        let score = score(
            vec![batch(50, Class::OffSpec, Some(50_100))],
            vec![said(50, 50_200, Call::AtRisk)],
        );
        assert_eq!((score.caught, score.missed), (0, 1));
    }

    #[test]
    fn good_batches_after_the_119th_are_counted_apart_too() {
        let batches = (0..122).map(|ix| batch(ix, Class::Good, None)).collect();
        let calls = [3, 118, 119, 121].map(|ix| said(ix, ix * 1000 + 100, Call::AtRisk));
        let mut score = score(batches, calls.to_vec());
        assert_eq!((score.good, score.false_flags), (122, 4));
        assert_eq!((score.good_settled, score.false_flags_settled), (3, 2));
        assert!(
            score
                .to_text()
                .contains("false flags: 4 of the good batches (2 of 3 after the 119th batch);")
        );
        score.good_settled = 0;
        assert!(score.to_text().contains("false flags: 4 of the good batches; 0 touched"));
    }

    #[test]
    fn flags_on_batches_that_are_not_off_spec_are_counted_by_class() {
        use Class::{Good, Marginal, Touched};
        let batches = vec![
            batch(0, Good, None),
            batch(1, Good, None),
            batch(2, Touched, Some(2100)),
            batch(3, Marginal, Some(3100)),
            batch(4, Touched, Some(4100)),
        ];
        let calls = vec![
            // A flag that was taken back is still a false one, once.
            said(0, 100, Call::AtRisk),
            said(0, 200, Call::OnSpec),
            said(0, 300, Call::OffSpec),
            said(1, 1100, Call::Unknown),
            said(1, 2000, Call::AtRisk),
            said(2, 2500, Call::AtRisk),
            said(3, 3500, Call::OffSpec),
        ];
        let score = score(batches, calls);
        assert_eq!((score.batches, score.good, score.touched, score.marginal), (5, 2, 2, 1));
        assert_eq!((score.false_flags, score.touched_flagged, score.marginal_flagged), (1, 1, 1));
        assert_eq!((score.tonnes_falsely_held, score.tonnes_saved), (3.0, 0.0));
    }

    #[test]
    fn the_median_is_over_caught_batches_in_which_the_fault_began() {
        let off = |ix: i64| batch(ix, Class::OffSpec, Some(ix * 1000 + 100));
        let batches = vec![off(0), off(1), off(2), batch(3, Class::OffSpec, Some(2900))];
        let flag = |ix: i64, after: i64| said(ix, ix * 1000 + after, Call::AtRisk);
        let score = score(batches, vec![flag(0, 200), flag(1, 600), flag(3, 0)]);
        assert_eq!((score.caught, score.missed), (3, 1));
        assert_eq!(score.median_share_left, Some(0.6));
        // 3 t × (0.8 + 0.4 + 1.0), rounded, so that it prints as is.
        assert_eq!(score.tonnes_saved.to_string(), "6.6");
    }

    /// An episode on `basis_weight` from 100 to 700 in the good batch R0, or as long as `to` says.
    #[track_caller]
    fn check_sensor(
        to: i64,
        unhealthy: &[(&str, i64)],
        flag: Option<(i64, &[&str])>,
        expected: (u32, u32),
    ) {
        let truth = Truth {
            batches: (0..10).map(|ix| batch(ix, Class::Good, None)).collect(),
            sensors: vec![SensorTruth {
                line: "tm3".into(),
                sensor_fault: "stuck".into(),
                tag: "basis_weight".into(),
                from: at(100),
                to: at(to),
            }],
        };
        let said = flag.map(|(second, tags)| Said {
            batch: format!("R{}", second / 1000).into(),
            at: at(second),
            call: Call::AtRisk,
            blamed: tags.iter().map(|tag| Arc::from(*tag)).collect(),
            moved: Vec::new(),
            probability: None,
        });
        let verdicts = Verdicts {
            said: said.into_iter().collect(),
            ends: (0..10).map(end).collect(),
            unhealthy: unhealthy
                .iter()
                .map(|(tag, second)| (Arc::from(*tag), at(*second)))
                .collect(),
            ..Verdicts::default()
        };
        let score = tally(&truth, &verdicts, 0).score();
        assert_eq!(score.sensor_faults, 1);
        assert_eq!((score.sensor_faults_found, score.sensor_faults_called_process), expected);
    }

    #[test]
    fn a_sensor_fault_is_found_when_its_tag_is_named_in_time() {
        check_sensor(700, &[("basis_weight", 400)], None, (1, 0));
        check_sensor(700, &[("basis_weight", 1900)], None, (1, 0));
        check_sensor(700, &[("basis_weight", 1901)], None, (0, 0));
        check_sensor(5000, &[("basis_weight", 5000)], None, (1, 0));
        check_sensor(700, &[("basis_weight", 99)], None, (0, 0));
        check_sensor(700, &[("moisture", 400)], None, (0, 0));
    }

    #[test]
    fn a_sensor_fault_is_called_process_when_a_good_batch_is_flagged_for_its_tag() {
        check_sensor(700, &[], Some((500, &["moisture", "basis_weight"])), (0, 1));
        check_sensor(700, &[], Some((500, &["moisture"])), (0, 0));
        check_sensor(700, &[], Some((50, &["basis_weight"])), (0, 0));
        check_sensor(700, &[], Some((2500, &["basis_weight"])), (0, 0));
    }

    #[test]
    fn the_first_mover_of_a_fault_is_asked_of_the_first_flag_after_it_once() {
        let off = |ix: i64, from: i64, movers: &[&str]| BatchTruth {
            first_movers: movers.iter().map(|tag| Arc::from(*tag)).collect(),
            ..batch(ix, Class::OffSpec, Some(from))
        };
        let flag = |ix: i64, second: i64, moved: &[&str]| Said {
            moved: moved.iter().map(|tag| Arc::from(*tag)).collect(),
            ..said(ix, second, Call::AtRisk)
        };
        let batches = vec![
            off(0, 100, &["steam", "draw"]),
            // The same fault again: it is asked once.
            off(1, 100, &["steam", "draw"]),
            off(2, 2500, &["load"]),
            off(3, 3100, &["load"]),
            // Nothing that is measured moves.
            off(4, 4100, &[]),
            // Flagged before it began, and not again.
            off(5, 5500, &["load"]),
            // Never flagged.
            off(6, 6100, &["load"]),
        ];
        let calls = vec![
            flag(0, 300, &["draw", "load", "x"]),
            flag(0, 400, &["x"]),
            flag(1, 1100, &["x"]),
            flag(2, 2600, &["x", "y", "load"]),
            flag(3, 3200, &["x", "y", "z"]),
            flag(4, 4200, &["load"]),
            flag(5, 5100, &["load"]),
            flag(5, 5600, &["load"]),
        ];
        let score = score(batches, calls);
        let first_mover = (score.first_mover_right, score.first_mover_in_three);
        assert_eq!((score.faults_flagged, first_mover), (3, (1, 2)));
    }

    #[test]
    fn the_document_has_the_keys_of_the_contract_in_their_order() {
        let score = score(Vec::new(), Vec::new());
        assert_eq!(
            serde_json::to_string(&score).unwrap(),
            r#"{"seed":7,"batches":0,"good":0,"touched":0,"marginal":0,"off_spec":0,"caught":0,"missed":0,"false_flags":0,"good_settled":0,"false_flags_settled":0,"touched_flagged":0,"marginal_flagged":0,"median_share_left":null,"sensor_faults":0,"sensor_faults_found":0,"sensor_faults_called_process":0,"tonnes_saved":0.0,"tonnes_falsely_held":0.0,"learning_batches":20,"faults_flagged":0,"first_mover_right":0,"first_mover_in_three":0}"#
        );
    }

    #[test]
    fn only_the_first_three_tags_of_a_reason_are_blamed() {
        let tags = ["a", "b", "c", "d"].map(|tag| (Arc::from(tag), 0.25)).to_vec();
        let document = Document {
            station: None,
            line: "tm3".into(),
            batch: Some("R0".into()),
            grade: None,
            verdict: Call::AtRisk,
            since: 5,
            probability_off_spec: None,
            progress: None,
            left: None,
            reasons: vec![
                Reason::Process {
                    statistic: "spe".into(),
                    ratio: 2.0,
                    tags,
                    areas: Vec::new(),
                    changes: Vec::new(),
                },
                Reason::Coverage { tags: vec!["e".into()], share: 0.5 },
            ],
            first_mover: None,
            movers: Vec::new(),
            similar: Vec::new(),
            foretold: Vec::new(),
            decision: None,
            spans: Vec::new(),
            slab: None,
            learning: None,
            state: None,
            phase: None,
            revision: 1,
            ts: 5000,
            valid_until: 5000 + Document::VALID_MS,
        };
        let said = Said::from_document(&document).unwrap();
        assert_eq!(said.blamed, ["a".into(), "b".into(), "c".into()]);
        assert_eq!((said.at, said.call), (at(5), Call::AtRisk));
        assert_eq!(said.moved, [] as [Arc<str>; 0]);
        let mover = |tag: &str| Mover {
            tag: tag.into(),
            area: None,
            by_itself: true,
            since: 0,
            arrives: None,
            ratio: 2.0,
            value: 1.0,
            expected: 2.0,
            unit: None,
            over_s: None,
        };
        let movers = ["f", "g", "h", "i"].map(mover).to_vec();
        let document = Document { first_mover: Some("g".into()), movers, ..document };
        let said = Said::from_document(&document).unwrap();
        assert_eq!(said.moved, ["g".into(), "f".into(), "h".into()]);
    }
}

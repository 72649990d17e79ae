//! How what was foretold came true: intervals of soft sensors, and chances of off spec.

use super::score::{Verdicts, rounded};
use super::truth::{Class, Truth};
use crate::reading::Timestamp;
use crate::verdict::Reliability;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

/// The shares of a batch at which a chance is looked at.
const STAGES: [f64; 3] = [0.25, 0.5, 0.75];

/// Laboratory values, and how many of them lay within what was foretold of nine in ten at the end of their batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Held {
    /// Values of scored batches for which something was foretold.
    pub values: u32,
    /// Those within.
    pub covered: u32,
}

impl Held {
    fn add(&mut self, other: Self) {
        self.values += other.values;
        self.covered += other.covered;
    }

    fn share(self) -> f64 {
        f64::from(self.covered) / f64::from(self.values.max(1))
    }
}

/// How chances that were said when this share of a batch was made came true.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Chances {
    /// The share of the batch's time.
    pub progress: f64,
    /// Scored batches of which a chance was said then.
    pub batches: u32,
    /// Those that were off spec by their true values.
    pub off_spec: u32,
    /// The Brier score over that of the share of off-spec ones; `None` where all are alike.
    pub brier_ratio: Option<f64>,
    /// The expected calibration error, in bins of a tenth.
    pub calibration_error: f64,
    /// Of the batches of which the laboratory or a person said what they were, the same two by that.
    pub found: Option<(Option<f64>, f64)>,
}

/// How what was foretold came true.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Foretold {
    /// Intervals over all properties.
    pub intervals: Held,
    /// By property.
    pub by_property: BTreeMap<String, Held>,
    /// By share of the batch.
    pub chances: Vec<Chances>,
}

/// A chance that was said of a batch, and what it was: by the truth, and by what was found.
type Case = (f64, bool, Option<bool>);

/// What one or more runs foretold.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Tally {
    by_property: BTreeMap<Arc<str>, Held>,
    chances: [Vec<Case>; 3],
}

impl Tally {
    /// Of the scored batches of a run.
    pub(super) fn of(truth: &Truth, verdicts: &Verdicts) -> Self {
        let mut tally = Self::default();
        let mut said: BTreeMap<&str, Vec<(Timestamp, Option<f64>)>> = BTreeMap::new();
        for verdict in &verdicts.said {
            said.entry(&verdict.batch).or_default().push((verdict.at, verdict.probability));
        }
        let ends: BTreeMap<&str, _> = verdicts.ends.iter().map(|end| (&*end.batch, end)).collect();
        for batch in &truth.batches {
            let Some(end) = ends.get(&*batch.batch) else { continue };
            for (property, value) in &end.lab {
                let key = (Arc::clone(&end.batch), Arc::clone(property));
                let Some([low, high]) = verdicts.intervals.get(&key) else { continue };
                let held = tally.by_property.entry(Arc::clone(property)).or_default();
                held.add(Held { values: 1, covered: u32::from(low <= value && value <= high) });
            }
            let history = said.get(&*batch.batch).map_or(&[][..], Vec::as_slice);
            let off_spec = batch.class == Class::OffSpec;
            for (chances, share) in tally.chances.iter_mut().zip(STAGES) {
                let at = end.ended.seconds_since(end.started) * share;
                let until = |said: &&(Timestamp, _)| said.0.seconds_since(end.started) <= at;
                let newest = history.iter().filter(until).max_by_key(|(at, _)| *at);
                let chance = newest.and_then(|(_, chance)| *chance);
                let found = end.found.map(|(_, bad)| bad);
                chances.extend(chance.map(|chance| (chance, off_spec, found)));
            }
        }
        tally
    }

    /// Adds another run.
    pub(super) fn append(&mut self, other: &Self) {
        for (property, held) in &other.by_property {
            self.by_property.entry(Arc::clone(property)).or_default().add(*held);
        }
        for (chances, more) in self.chances.iter_mut().zip(&other.chances) {
            chances.extend_from_slice(more);
        }
    }

    /// The figures; `None` if nothing was foretold.
    pub(super) fn foretold(&self) -> Option<Foretold> {
        let mut intervals = Held::default();
        self.by_property.values().for_each(|held| intervals.add(*held));
        let chances = STAGES.iter().zip(&self.chances);
        let chances: Vec<Chances> =
            chances.filter_map(|(progress, cases)| figures(*progress, cases)).collect();
        let by_property =
            self.by_property.iter().map(|(name, held)| (name.to_string(), *held)).collect();
        (intervals.values > 0 || !chances.is_empty()).then_some(Foretold {
            intervals,
            by_property,
            chances,
        })
    }
}

fn figures(progress: f64, cases: &[Case]) -> Option<Chances> {
    let by = |cases: &[(f64, bool)]| {
        let reliability = Reliability::of(cases)?;
        let ratio = reliability.brier / reliability.brier_of_share;
        let ratio = Some(ratio).filter(|_| reliability.brier_of_share > 0.0).map(rounded);
        Some((reliability.clone(), ratio, rounded(reliability.calibration_error)))
    };
    let truth: Vec<(f64, bool)> = cases.iter().map(|(chance, bad, _)| (*chance, *bad)).collect();
    let found: Vec<(f64, bool)> =
        cases.iter().filter_map(|(chance, _, found)| Some((*chance, (*found)?))).collect();
    let (reliability, brier_ratio, calibration_error) = by(&truth)?;
    Some(Chances {
        progress,
        batches: reliability.batches,
        off_spec: reliability.bad,
        brier_ratio,
        calibration_error,
        found: by(&found).map(|(_, ratio, error)| (ratio, error)),
    })
}

impl Foretold {
    /// For people.
    pub(super) fn to_text(&self) -> String {
        let mut text =
            String::from("\nlaboratory values within what was foretold of nine in ten:\n");
        let all = [("all together", &self.intervals)].into_iter();
        let by_property = self.by_property.iter().map(|(name, held)| (name.as_str(), held));
        for (name, held) in all.chain(by_property) {
            let Held { values, covered } = held;
            writeln!(text, "  {name:<18}{:>6.1} %  {covered} of {values}", held.share() * 100.0)
                .expect(IN_MEMORY);
        }
        text.push_str(
            "chances of off spec: Brier score over that of their share (1 tells nothing), calibration error\n",
        );
        let head = ["made", "batches", "off spec", "by the truth", "by what was found"];
        let row = |[made, batches, off_spec, truth, found]: [&str; 5]| {
            let line = format!("  {made:<6}{batches:>8}{off_spec:>10}{truth:>15}{found:>19}");
            line.trim_end().to_owned() + "\n"
        };
        text.push_str(&row(head));
        let figures = |ratio: Option<f64>, error: f64| {
            let ratio = ratio.map_or("-".to_owned(), |ratio| format!("{ratio:.2}"));
            format!("{ratio} {error:>6.3}")
        };
        for chances in &self.chances {
            let made = format!("{:.0} %", chances.progress * 100.0);
            let truth = figures(chances.brier_ratio, chances.calibration_error);
            let found = chances.found.map(|(ratio, error)| figures(ratio, error));
            let (batches, off_spec) = (chances.batches.to_string(), chances.off_spec.to_string());
            let found = found.unwrap_or_else(|| "-".to_owned());
            text.push_str(&row([&made, &batches, &off_spec, &truth, &found]));
        }
        text
    }
}

const IN_MEMORY: &str = "a String takes all that is written";

#[cfg(test)]
mod tests {
    use super::super::{BatchEnd, Said};
    use super::*;
    use crate::verdict::Call;

    fn at(s: i64) -> Timestamp {
        Timestamp::from_nanos(s * 1_000_000_000)
    }

    #[test]
    fn chances_count_as_they_stood_at_a_quarter_half_and_three_quarters() {
        let truth = Truth::from_json_lines(
            "{\"line\":\"a\",\"batch\":\"R0\",\"class\":\"off_spec\"}\n\
             {\"line\":\"a\",\"batch\":\"R1\",\"class\":\"good\"}\n\
             {\"line\":\"a\",\"batch\":\"R2\",\"class\":\"good\"}",
        )
        .unwrap();
        let mut verdicts = Verdicts::default();
        let mut say = |batch: &str, second: i64, probability: Option<f64>| {
            let batch = batch.into();
            let (blamed, moved) = (Vec::new(), Vec::new());
            let call = Call::Unknown;
            verdicts.said.push(Said { batch, at: at(second), call, blamed, moved, probability });
        };
        say("R0", 100, Some(0.2));
        say("R0", 500, Some(0.8));
        say("R0", 990, Some(1.0));
        say("R1", 1100, Some(0.1));
        say("R1", 1600, None);
        for (ix, found) in [(0, Some((at(1500), true))), (1, None)] {
            let batch: Arc<str> = format!("R{ix}").as_str().into();
            let (started, ended) = (at(ix * 1000), at(ix * 1000 + 1000));
            let lab = vec![("tensile".into(), 100.0), ("stretch".into(), 12.0)];
            let (grade, mass_kg) = (None, None);
            verdicts.ends.push(BatchEnd { batch, started, ended, mass_kg, grade, found, lab });
        }
        verdicts.intervals.insert(("R0".into(), "tensile".into()), [90.0, 99.0]);
        verdicts.intervals.insert(("R1".into(), "tensile".into()), [90.0, 100.0]);
        let mut tally = Tally::of(&truth, &verdicts);
        tally.append(&tally.clone());
        let foretold = tally.foretold().expect("something was");
        assert_eq!(foretold.intervals, Held { values: 4, covered: 2 });
        assert_eq!(foretold.by_property.keys().collect::<Vec<_>>(), ["tensile"]);
        let [quarter, half, three_quarters] = &foretold.chances[..] else { panic!("{foretold:?}") };
        assert_eq!((quarter.batches, quarter.off_spec), (4, 2));
        // (0.64 + 0.01) / 2 over 0.25.
        assert_eq!(quarter.brier_ratio, Some(1.3));
        assert_eq!(quarter.found, Some((None, 0.8)), "of one batch it was found");
        assert_eq!((half.batches, half.brier_ratio), (4, Some(0.1)));
        assert_eq!((three_quarters.batches, three_quarters.off_spec), (2, 2));
        insta::assert_snapshot!(foretold.to_text(), @r"

        laboratory values within what was foretold of nine in ten:
          all together        50.0 %  2 of 4
          tensile             50.0 %  2 of 4
        chances of off spec: Brier score over that of their share (1 tells nothing), calibration error
          made   batches  off spec   by the truth  by what was found
          25 %         4         2    1.30  0.450           -  0.800
          50 %         4         2    0.10  0.150           -  0.200
          75 %         2         2       -  0.200           -  0.200
        ");
        assert_eq!(Tally::default().foretold(), None);
    }
}

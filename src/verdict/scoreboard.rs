//! The score of what was said: how often flags were right, what was missed, how early it was known, and what that was
//! worth. A function of finished batches alone.
//!
//! | | found off spec | found good | somebody acted, good in the end | nobody has said |
//! | --- | --- | --- | --- | --- |
//! | flagged before its end | `right` | `wrong` | `acted` | `open` |
//! | not flagged | `missed` | `quiet` | in no figure | in no figure |
//!
//! Precision is right / (right + wrong), recall right / (right + missed), the rate of wrong flags wrong / (wrong + quiet).

use crate::models::{Outcome, rate_range_of};
use crate::reading::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A day, ns.
const DAY: i64 = 86_400_000_000_000;

/// From 1970-01-01 back to the Monday before it, in days.
const TO_MONDAY: i64 = 3;

/// What a finished batch was found to be, by the laboratory, a person, or the length that was outside its limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Found {
    /// Nobody has said.
    Open,
    /// Good, and nobody did anything about it.
    Good,
    /// Good in the end, after somebody acted.
    Acted,
    /// Off spec.
    Bad,
}

impl From<Outcome> for Found {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Open => Self::Open,
            Outcome::Good => Self::Good,
            Outcome::Acted => Self::Acted,
            Outcome::Bad => Self::Bad,
        }
    }
}

/// A finished batch, as far as it counts.
#[derive(Debug, Clone, PartialEq)]
pub struct Scored {
    /// Its line.
    pub line: Arc<str>,
    /// Its grade.
    pub grade: Option<Arc<str>>,
    /// When it began.
    pub started: Timestamp,
    /// When it ended: it counts for the period in which that was.
    pub ended: Timestamp,
    /// What it was found to be.
    pub found: Found,
    /// When it was first flagged.
    pub first_flag: Option<Timestamp>,
    /// When the flag was raised that stood at its end.
    pub flagged_since: Option<Timestamp>,
    /// Its mass, kg.
    pub mass_kg: Option<f64>,
    /// The laboratory properties that were outside their limits.
    pub outside: Vec<Arc<str>>,
}

/// For what a batch counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Counted {
    /// Flagged, and found off spec.
    Right,
    /// Found off spec, and not flagged before the end.
    Missed,
    /// Flagged, and found good.
    Wrong,
    /// Flagged, and good in the end after somebody acted.
    Acted,
    /// Flagged, and nobody has said what it was.
    Open,
    /// Found good, and not flagged.
    Quiet,
    /// Not flagged, and nobody has said what it was; or somebody acted on it.
    Unscored,
}

impl Scored {
    /// The flag that counts, if it was raised before the end.
    fn flag(&self) -> Option<Timestamp> {
        // A flag that was withdrawn caught nothing, and was one all the same.
        let flag = match self.found {
            Found::Bad => self.flagged_since,
            _ => self.first_flag,
        };
        flag.filter(|flag| *flag < self.ended)
    }

    /// For what it counts.
    #[must_use]
    pub fn counted(&self) -> Counted {
        match (self.flag(), self.found) {
            (Some(_), Found::Bad) => Counted::Right,
            (Some(_), Found::Good) => Counted::Wrong,
            (Some(_), Found::Acted) => Counted::Acted,
            (Some(_), Found::Open) => Counted::Open,
            (None, Found::Bad) => Counted::Missed,
            (None, Found::Good) => Counted::Quiet,
            (None, Found::Acted | Found::Open) => Counted::Unscored,
        }
    }
}

/// What is counted together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Period {
    /// A day, UTC.
    Day,
    /// A week from Monday on, UTC.
    #[default]
    Week,
    /// A month, UTC.
    Month,
    /// All of it.
    All,
}

/// A rate, and the range in which the true one lies in nineteen cases of twenty (Clopper and Pearson).
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Rate {
    /// Those that are.
    pub count: usize,
    /// Of so many.
    pub of: usize,
    /// The rate, 0–1; `None` of nothing.
    pub rate: Option<f64>,
    /// The least true rate.
    pub low: f64,
    /// The greatest.
    pub high: f64,
}

impl Rate {
    fn of(count: usize, of: usize) -> Self {
        let (low, high) = if of == 0 { (0.0, 1.0) } else { rate_range_of(count, of) };
        #[expect(clippy::cast_precision_loss, reason = "batches are counted")]
        let rate = (of > 0).then(|| count as f64 / of as f64);
        Self { count, of, rate, low, high }
    }
}

/// How often a laboratory property was outside in batches found off spec.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OfProperty {
    /// The property.
    pub property: Arc<str>,
    /// Batches in which it was outside.
    pub outside: usize,
    /// Those of them that were flagged before their end.
    pub flagged: usize,
}

/// The figures of some batches.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Figures {
    /// Finished batches.
    pub batches: usize,
    /// Flagged, and found off spec.
    pub right: usize,
    /// Flagged, and found good.
    pub wrong: usize,
    /// Found off spec, and not flagged before the end.
    pub missed: usize,
    /// Found good, and not flagged.
    pub quiet: usize,
    /// Flagged, and good in the end after somebody acted.
    pub acted: usize,
    /// Flagged, and nobody has said what they were.
    pub open: usize,
    /// Not flagged, and nobody has said what they were; or somebody acted on them.
    pub unscored: usize,
    /// Flags that were right, of those of which it is known.
    pub precision: Rate,
    /// Batches off spec that were flagged before their end, of all off spec.
    pub recall: Rate,
    /// Good batches that were flagged, of all good ones.
    pub wrong_flags: Rate,
    /// From the first flag to the end in batches flagged right, s: the median.
    pub lead_s: Option<f64>,
    /// The share of such a batch that was left, 0–1: the median.
    pub share_left: Option<f64>,
    /// The mass that was made after the flag in batches flagged right, t.
    pub tonnes_saved: f64,
    /// The mass of batches flagged wrong, t.
    pub tonnes_falsely_held: f64,
    /// Batches flagged right or wrong of which nobody knows the mass: they are in no tonnes.
    pub without_mass: usize,
    /// By laboratory property, the most frequent first.
    pub properties: Vec<OfProperty>,
}

/// The figures of a line and grade in a period.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Row {
    /// When the period begins, ms since 1970; `None` of all time.
    pub from: Option<i64>,
    /// When it ends.
    pub to: Option<i64>,
    /// The line.
    pub line: Arc<str>,
    /// The grade.
    pub grade: Option<Arc<str>>,
    /// The figures.
    #[serde(flatten)]
    pub figures: Figures,
}

/// The score.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Scoreboard {
    /// What is counted together.
    pub by: Period,
    /// By period, line and grade, in this order; only where there was a batch.
    pub rows: Vec<Row>,
    /// All of them together.
    pub total: Figures,
}

impl Scoreboard {
    /// Scores batches.
    #[must_use]
    pub fn of(batches: &[Scored], by: Period) -> Self {
        let mut groups: BTreeMap<_, Vec<&Scored>> = BTreeMap::new();
        for batch in batches {
            let period = by.around(batch.ended);
            let key = (period, &batch.line, &batch.grade);
            groups.entry(key).or_default().push(batch);
        }
        let rows = groups.into_iter().map(|((period, line, grade), batches)| Row {
            from: period.map(|(from, _)| from),
            to: period.map(|(_, to)| to),
            line: Arc::clone(line),
            grade: grade.clone(),
            figures: Figures::of(&batches),
        });
        let rows = rows.collect();
        Self { by, rows, total: Figures::of(&batches.iter().collect::<Vec<_>>()) }
    }
}

impl Period {
    /// The period of an instant, from when until before when, ms since 1970.
    fn around(self, at: Timestamp) -> Option<(i64, i64)> {
        let day = at.as_nanos().div_euclid(DAY);
        let (from, to) = match self {
            Self::All => return None,
            Self::Day => (day, day + 1),
            Self::Week => {
                let monday = day - (day + TO_MONDAY).rem_euclid(7);
                (monday, monday + 7)
            }
            Self::Month => month(day),
        };
        let ms = |day: i64| day * (DAY / 1_000_000);
        Some((ms(from), ms(to)))
    }
}

/// The first day of a day's month, and that of the next one; days since 1970.
fn month(day: i64) -> (i64, i64) {
    // Years of 400 repeat themselves; March is their first month, so that a leap day is the last.
    let shifted = day + 719_468;
    let of_era = shifted.rem_euclid(146_097);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let begin = |month: i64| (153 * month + 2) / 5;
    let first = day - (of_year - begin(month));
    let is_leap = |year: i64| year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    // February, the last one, belongs to the year that follows.
    let days = match month {
        11 if is_leap(year + 1) => 29,
        11 => 28,
        month => begin(month + 1) - begin(month),
    };
    (first, first + days)
}

impl Figures {
    fn of(batches: &[&Scored]) -> Self {
        let (mut right, mut wrong, mut missed, mut quiet) = (0, 0, 0, 0);
        let (mut acted, mut open, mut unscored, mut without_mass) = (0, 0, 0, 0);
        let (mut leads, mut shares) = (Vec::new(), Vec::new());
        let (mut saved, mut held) = (0.0, 0.0);
        let mut properties: BTreeMap<&Arc<str>, (usize, usize)> = BTreeMap::new();
        for batch in batches {
            let flag = batch.flag();
            let count = match batch.counted() {
                Counted::Right => &mut right,
                Counted::Wrong => &mut wrong,
                Counted::Acted => &mut acted,
                Counted::Open => &mut open,
                Counted::Missed => &mut missed,
                Counted::Quiet => &mut quiet,
                Counted::Unscored => &mut unscored,
            };
            *count += 1;
            if batch.found == Found::Bad {
                for property in &batch.outside {
                    let (outside, flagged) = properties.entry(property).or_default();
                    *outside += 1;
                    *flagged += usize::from(flag.is_some());
                }
            }
            match (flag, batch.found) {
                (Some(flag), Found::Bad) => {
                    let (lead, whole) =
                        (batch.ended.seconds_since(flag), batch.ended.seconds_since(batch.started));
                    let share = if whole > 0.0 { (lead / whole).min(1.0) } else { 0.0 };
                    leads.push(lead);
                    shares.push(share);
                    saved += batch.mass_kg.unwrap_or(0.0) * share / 1000.0;
                    without_mass += usize::from(batch.mass_kg.is_none());
                }
                (Some(_), Found::Good) => {
                    held += batch.mass_kg.unwrap_or(0.0) / 1000.0;
                    without_mass += usize::from(batch.mass_kg.is_none());
                }
                _ => {}
            }
        }
        let mut properties: Vec<_> = properties
            .into_iter()
            .map(|(property, (outside, flagged))| OfProperty {
                property: Arc::clone(property),
                outside,
                flagged,
            })
            .collect();
        properties.sort_by_key(|of| std::cmp::Reverse(of.outside));
        Self {
            batches: batches.len(),
            right,
            wrong,
            missed,
            quiet,
            acted,
            open,
            unscored,
            precision: Rate::of(right, right + wrong),
            recall: Rate::of(right, right + missed),
            wrong_flags: Rate::of(wrong, wrong + quiet),
            lead_s: median(leads),
            share_left: median(shares),
            tonnes_saved: saved,
            tonnes_falsely_held: held,
            without_mass,
            properties,
        }
    }
}

/// The middle of some numbers, or between the two that are.
fn median(mut of: Vec<f64>) -> Option<f64> {
    of.sort_by(f64::total_cmp);
    let upper = *of.get(of.len() / 2)?;
    let lower = *of.get((of.len() - 1) / 2)?;
    Some(lower.midpoint(upper))
}

#[cfg(test)]
mod tests;

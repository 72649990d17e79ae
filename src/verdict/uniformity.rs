//! How uniform what is made is: how much batches differ from one another and within themselves, along the web and across
//! it, and which lots of raw material make them differ. A function of finished batches alone.

mod figures;
#[cfg(test)]
mod fixtures;
mod lots;
mod parts;

use crate::reading::Timestamp;
pub use figures::{OfLot, ProfileParts, PropertyParts};
use figures::{profiles, properties};
pub use lots::LotEffect;
use lots::{Effects, Furnish, SHARE_LEAST, adjust};
pub use parts::Component;
use serde::{Deserialize, Serialize};
use statrs::function::factorial::ln_binomial;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Of so many batches of a grade, the newest, lots are told: what it takes grows with the cube of their number.
const LOTS_OF_MAX: usize = 200;

/// What is found off spec is looked at where there are so many of it and as many that are not.
const OF_EACH_LEAST: usize = 5;

/// A finished batch, as far as its uniformity is known.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// Its line.
    pub line: Arc<str>,
    /// Its grade.
    pub grade: Option<Arc<str>>,
    /// When it began.
    pub started: Timestamp,
    /// True if it was found off spec, false if good; `None` if nobody has said.
    pub off_spec: Option<bool>,
    /// Its quality tags and laboratory properties.
    pub properties: Vec<Property>,
    /// What scanners saw across it.
    pub profiles: Vec<ScansOfBatch>,
    /// The lots of raw material that it was made of and the share of each in its mass, 0–1, all together 1; empty: nobody said.
    pub lots: Vec<(Arc<str>, f64)>,
}

/// A quality tag or laboratory property of a batch.
#[derive(Debug, Clone, PartialEq)]
pub struct Property {
    /// Its name.
    pub name: Arc<str>,
    /// True of one that the laboratory measures.
    pub laboratory: bool,
    /// Its unit; may be empty.
    pub unit: Arc<str>,
    /// What is asked of it.
    pub aim: Aim,
    /// Its mean over the batch.
    pub mean: f64,
    /// Of a tag the means of the sections of the batch, in order; of a property the results of its positions.
    pub values: Vec<f64>,
    /// Of a tag the variance within sections.
    pub fast: Option<f64>,
}

/// What is asked of a property.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Aim {
    /// The least value on spec.
    pub low: Option<f64>,
    /// The value aimed at.
    pub target: Option<f64>,
    /// The greatest value on spec.
    pub high: Option<f64>,
}

/// What a scanner saw of a batch.
#[derive(Debug, Clone, PartialEq)]
pub struct ScansOfBatch {
    /// The profile's id.
    pub profile: Arc<str>,
    /// Its unit; may be empty.
    pub unit: Arc<str>,
    /// The scans by which it is known.
    pub scans: usize,
    /// The variance along the web.
    pub md: f64,
    /// Across it.
    pub cd: f64,
    /// Neither.
    pub residual: f64,
}

/// What is told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Apart {
    /// Grades.
    #[default]
    Grade,
    /// Grades, and in each the batches of each lot.
    Lot,
}

/// How uniform batches are.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Uniformity {
    /// Batches that were looked at: the newest of the line, or of all.
    pub read: usize,
    /// Batches of it that are stored.
    pub stored: usize,
    /// By line and grade.
    pub grades: Vec<OfGrade>,
}

/// How uniform the batches of a grade are.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct OfGrade {
    /// The line.
    pub line: Arc<str>,
    /// The grade; `None` of batches without one.
    pub grade: Option<Arc<str>>,
    /// Batches.
    pub batches: usize,
    /// The begin of the first, ms since 1970.
    pub from: i64,
    /// The begin of the last.
    pub to: i64,
    /// Quality tags, then laboratory properties, by name.
    pub properties: Vec<PropertyParts>,
    /// Scanner profiles, by id.
    pub profiles: Vec<ProfileParts>,
    /// Batches by which lots are told: those of which it is known what they were made of, the newest.
    pub batches_with_lots: usize,
    /// What lots do to each figure, in the order of `properties`.
    pub lots: Vec<LotsOf>,
    /// The batches of each lot, where that was asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub by_lot: Vec<OfLot>,
}

/// What is followed of batches to their lots.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Figure {
    /// The mean of a property, in its unit.
    Mean,
    /// The standard deviation of a tag within batches; effects are shares of it, 0.3 is a third more.
    Within,
    /// The share of batches that is found off spec, 0–1.
    OffSpec,
}

/// What lots do to a figure of batches.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LotsOf {
    /// The figure.
    pub figure: Figure,
    /// The property; `None` of `off-spec`.
    pub property: Option<Arc<str>>,
    /// True of one that the laboratory measures.
    pub laboratory: bool,
    /// The unit of the effects; empty of shares.
    pub unit: Arc<str>,
    /// Batches with the figure.
    pub batches: usize,
    /// The standard deviation that lots give to batches; of `within`, that of its natural logarithm.
    pub lots_deviation: f64,
    /// That which drifts with time.
    pub drift_deviation: f64,
    /// The rest.
    pub rest_deviation: f64,
    /// The lots, the most different first.
    pub lots: Vec<LotEffect>,
}

impl Uniformity {
    /// Tells finished batches apart by line and grade; their order does not matter. `read` batches were looked at, of so many
    /// that are `stored`.
    #[must_use]
    pub fn of(samples: &[Sample], apart: Apart, (read, stored): (usize, usize)) -> Self {
        let mut groups: BTreeMap<_, Vec<&Sample>> = BTreeMap::new();
        for sample in samples {
            groups.entry((&sample.line, &sample.grade)).or_default().push(sample);
        }
        let grades = groups.into_values().filter_map(|samples| OfGrade::of(samples, apart));
        Self { read, stored, grades: grades.collect() }
    }
}

impl OfGrade {
    fn of(mut samples: Vec<&Sample>, apart: Apart) -> Option<Self> {
        samples.sort_by_key(|sample| sample.started);
        let (first, last) = (*samples.first()?, *samples.last()?);
        let known: Vec<&Sample> =
            samples.iter().copied().filter(|sample| !sample.lots.is_empty()).collect();
        let known = &known[known.len().saturating_sub(LOTS_OF_MAX)..];
        let properties = properties(&samples);
        let by_lot = if apart == Apart::Lot { by_lot(known) } else { Vec::new() };
        Some(Self {
            line: Arc::clone(&first.line),
            grade: first.grade.clone(),
            batches: samples.len(),
            from: first.started.as_millis(),
            to: last.started.as_millis(),
            batches_with_lots: known.len(),
            lots: lots_of(known, &properties),
            properties,
            profiles: profiles(&samples),
            by_lot,
        })
    }
}

/// The batches of each lot by themselves; one of two lots is in both.
fn by_lot(samples: &[&Sample]) -> Vec<OfLot> {
    let names: BTreeSet<&Arc<str>> =
        samples.iter().flat_map(|sample| sample.lots.iter().map(|(lot, _)| lot)).collect();
    let of_lot = |lot: &Arc<str>| {
        let has = |sample: &&&Sample| {
            sample.lots.iter().any(|(name, share)| name == lot && *share >= SHARE_LEAST)
        };
        let of: Vec<&Sample> = samples.iter().filter(has).copied().collect();
        (!of.is_empty()).then(|| OfLot {
            lot: Arc::clone(lot),
            batches: of.len(),
            properties: properties(&of),
            profiles: profiles(&of),
        })
    };
    names.into_iter().filter_map(of_lot).collect()
}

/// What lots do to each figure of these batches, oldest first.
fn lots_of(samples: &[&Sample], properties: &[PropertyParts]) -> Vec<LotsOf> {
    let mut all = Vec::new();
    for parts in properties {
        let is_it = |property: &&Property| {
            property.name == parts.name && property.laboratory == parts.laboratory
        };
        let measured: Vec<(&Sample, &Property)> = samples
            .iter()
            .filter_map(|sample| Some((*sample, sample.properties.iter().find(is_it)?)))
            .collect();
        // As it was asked for last.
        let aim = measured.last().map_or_else(Aim::default, |(_, property)| property.aim);
        let means: Vec<_> = measured.iter().map(|(of, property)| (*of, property.mean)).collect();
        let (name, laboratory) = (&parts.name, parts.laboratory);
        let of = |figure, unit: &Arc<str>| (figure, Some(name), laboratory, Arc::clone(unit));
        if let Some(mut found) = LotsOf::new(of(Figure::Mean, &parts.unit), &means) {
            for lot in &mut found.lots {
                lot.of_tolerance = aim.tolerance().map(|tolerance| lot.effect / tolerance);
                lot.worse = aim.is_worse(parts.mean, lot.effect);
            }
            all.push(found);
        }
        let within = |property: &Property| {
            let variance = property.fast? + figures::scatter(&property.values)?;
            (variance > 0.0).then(|| libm::log(variance) / 2.0)
        };
        let within: Vec<_> = measured
            .iter()
            .filter_map(|(of, property)| within(property).map(|figure| (*of, figure)))
            .collect();
        if let Some(mut found) = LotsOf::new(of(Figure::Within, &"".into()), &within) {
            for lot in &mut found.lots {
                for value in [&mut lot.effect, &mut lot.low, &mut lot.high] {
                    *value = libm::exp(*value) - 1.0;
                }
                lot.worse = Some(lot.effect > 0.0);
            }
            all.push(found);
        }
    }
    all.extend(off_spec(samples));
    adjust(all.iter_mut().flat_map(|of| &mut of.lots));
    for of in &mut all {
        let by_p = |lot: &LotEffect| lot.p.unwrap_or(f64::INFINITY);
        of.lots.sort_by(|a, b| by_p(a).total_cmp(&by_p(b)));
    }
    all
}

/// What lots do to the share that is found off spec.
fn off_spec(samples: &[&Sample]) -> Option<LotsOf> {
    let number = |bad: bool| if bad { 1.0 } else { 0.0 };
    let told: Vec<(&Sample, bool)> =
        samples.iter().filter_map(|sample| Some((*sample, sample.off_spec?))).collect();
    let bad = told.iter().filter(|(_, bad)| *bad).count();
    if bad < OF_EACH_LEAST || told.len() - bad < OF_EACH_LEAST {
        return None;
    }
    let figures: Vec<_> = told.iter().map(|(of, bad)| (*of, number(*bad))).collect();
    let mut found = LotsOf::new((Figure::OffSpec, None, false, "".into()), &figures)?;
    for lot in &mut found.lots {
        let has = |sample: &Sample| {
            sample.lots.iter().any(|(name, share)| *name == lot.lot && *share >= SHARE_LEAST)
        };
        let (of, bad_of) = told
            .iter()
            .filter(|(sample, _)| has(sample))
            .fold((0, 0), |(of, bad_of), (_, bad)| (of + 1, bad_of + usize::from(*bad)));
        // Counts of a few are no normal distribution: a lot has to differ by both.
        let by_count = exact((bad_of, of), (bad, told.len()));
        lot.p = lot.p.map(|p| p.max(by_count));
        lot.worse = Some(lot.effect > 0.0);
    }
    Some(found)
}

/// How often so many of a draw are bad, or a number as rare on its side, when so many of all are (Fisher's exact test, the
/// smaller tail twice).
fn exact((bad_of, of): (usize, usize), (bad, all): (usize, usize)) -> f64 {
    let choose = |n: usize, k: usize| ln_binomial(n as u64, k as u64);
    let chance = |k: usize| {
        if k > of || bad - k > all - of {
            return 0.0;
        }
        libm::exp(choose(of, k) + choose(all - of, bad - k) - choose(all, bad))
    };
    let below: f64 = (0..=bad_of).map(chance).sum();
    let above: f64 = (bad_of..=bad.min(of)).map(chance).sum();
    (2.0 * below.min(above)).min(1.0)
}

impl LotsOf {
    fn new(
        (figure, property, laboratory, unit): (Figure, Option<&Arc<str>>, bool, Arc<str>),
        of: &[(&Sample, f64)],
    ) -> Option<Self> {
        let names: BTreeSet<&Arc<str>> =
            of.iter().flat_map(|(sample, _)| sample.lots.iter().map(|(lot, _)| lot)).collect();
        let lots: Vec<Arc<str>> = names.into_iter().map(Arc::clone).collect();
        let row = |(sample, _): &(&Sample, f64)| {
            let mut row = vec![0.0; lots.len()];
            for (lot, share) in &sample.lots {
                if let Ok(ix) = lots.binary_search(lot) {
                    row[ix] += share;
                }
            }
            row
        };
        let shares = of.iter().map(row).collect();
        let begin = of.first()?.0.started;
        let at_s = of.iter().map(|(sample, _)| sample.started.seconds_since(begin)).collect();
        let figures: Vec<f64> = of.iter().map(|(_, figure)| *figure).collect();
        let furnish = Furnish { lots, shares, at_s };
        let Effects { lots, lots_deviation, drift_deviation, rest_deviation } =
            furnish.effects(&figures)?;
        Some(Self {
            figure,
            property: property.cloned(),
            laboratory,
            unit,
            batches: of.len(),
            lots_deviation,
            drift_deviation,
            rest_deviation,
            lots,
        })
    }
}

impl Aim {
    /// The value aimed at, if it can be known.
    fn middle(self) -> Option<f64> {
        self.target.or_else(|| Some(self.low?.midpoint(self.high?)))
    }

    /// Half of the width between the limits, or the distance to the only one.
    fn tolerance(self) -> Option<f64> {
        let width = match (self.low, self.high) {
            (Some(low), Some(high)) => (high - low) / 2.0,
            (limit, other) => (self.target? - limit.or(other)?).abs(),
        };
        (width > 0.0).then_some(width)
    }

    /// True if this much more takes a mean further away from what is aimed at.
    fn is_worse(self, mean: f64, more: f64) -> Option<bool> {
        match (self.middle(), self.low, self.high) {
            (Some(middle), ..) => Some((mean + more - middle).abs() > (mean - middle).abs()),
            (None, Some(_), None) => Some(more < 0.0),
            (None, None, Some(_)) => Some(more > 0.0),
            (None, ..) => None,
        }
    }
}

#[cfg(test)]
mod tests;

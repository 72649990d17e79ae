//! The figures of batches that are told of together.

use super::parts::{Component, Group, divide, of_values, pooled};
use super::{Property, Sample, ScansOfBatch};
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::Arc;

/// How much a property differs between batches and within them.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PropertyParts {
    /// The tag or laboratory property.
    pub name: Arc<str>,
    /// True of one that the laboratory measures.
    pub laboratory: bool,
    /// Its unit; may be empty.
    pub unit: Arc<str>,
    /// Batches with a value.
    pub batches: usize,
    /// The mean of their means.
    pub mean: f64,
    /// How batches' means differ, as they are; `None` of a single one.
    pub of_means: Option<Component>,
    /// The same without what the variance within batches leaves in their means; `None` where that is not known, as of a
    /// property with one result a batch.
    pub between: Option<Component>,
    /// Within batches, slowly: of a tag from section to section, of a property from position to position.
    pub slow: Option<Component>,
    /// Within sections, of a tag.
    pub fast: Option<Component>,
    /// The standard deviation of all that was made: between, slow and fast together; `None` where between is not known.
    pub total: Option<f64>,
    /// How a section resembles the next one: their correlation, 0–0.95, of a tag.
    pub correlation: Option<f64>,
}

/// What a scanner saw of batches, along the web and across it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ProfileParts {
    /// The profile's id.
    pub profile: Arc<str>,
    /// Its unit; may be empty.
    pub unit: Arc<str>,
    /// Batches of which it is known.
    pub batches: usize,
    /// The scans by which it is known, the last 40 of a batch at most.
    pub scans: usize,
    /// Along the web within batches, slower than two scans.
    pub md: Component,
    /// Across the web: what stays at its place.
    pub cd: Component,
    /// Neither.
    pub residual: Component,
}

/// The batches of a lot: a tenth of their mass or more is of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct OfLot {
    /// The lot.
    pub lot: Arc<str>,
    /// Batches.
    pub batches: usize,
    /// Their quality tags, then laboratory properties, by name.
    pub properties: Vec<PropertyParts>,
    /// Their scanner profiles, by id.
    pub profiles: Vec<ProfileParts>,
}

/// The variance of values about their mean; `None` of none.
#[expect(clippy::cast_precision_loss, reason = "sections are counted")]
pub(super) fn scatter(values: &[f64]) -> Option<f64> {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    (n > 0.0).then(|| values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / n)
}

/// Quality tags, then laboratory properties, by name.
pub(super) fn properties(samples: &[&Sample]) -> Vec<PropertyParts> {
    let mut groups: BTreeMap<(bool, &Arc<str>), Vec<&Property>> = BTreeMap::new();
    for property in samples.iter().flat_map(|sample| &sample.properties) {
        groups.entry((property.laboratory, &property.name)).or_default().push(property);
    }
    groups.into_values().filter_map(|each| PropertyParts::of(&each)).collect()
}

/// Scanner profiles, by id.
pub(super) fn profiles(samples: &[&Sample]) -> Vec<ProfileParts> {
    let mut groups: BTreeMap<&Arc<str>, Vec<&ScansOfBatch>> = BTreeMap::new();
    for scans in samples.iter().flat_map(|sample| &sample.profiles) {
        groups.entry(&scans.profile).or_default().push(scans);
    }
    groups.into_values().filter_map(|each| ProfileParts::of(&each)).collect()
}

impl PropertyParts {
    #[expect(clippy::cast_precision_loss, reason = "batches are counted")]
    fn of(each: &[&Property]) -> Option<Self> {
        let newest = each.last()?;
        let means: Vec<f64> = each.iter().map(|property| property.mean).collect();
        let groups: Vec<Group<'_>> = each
            .iter()
            .map(|property| Group { mean: property.mean, values: &property.values })
            .collect();
        let parts = divide(&groups, !newest.laboratory);
        let weight = |property: &&Property| property.values.len() as f64;
        let fast: Vec<(f64, f64)> =
            each.iter().filter_map(|property| Some((property.fast?, weight(property)))).collect();
        let fast = pooled(&fast);
        let of_means = of_values(&means);
        let whole = parts.map(|parts| {
            parts.between.variance + parts.within.variance + fast.map_or(0.0, |fast| fast.variance)
        });
        let share = |component: Component| match whole {
            Some(whole) => component.of(whole),
            None => component,
        };
        Some(Self {
            name: Arc::clone(&newest.name),
            laboratory: newest.laboratory,
            unit: Arc::clone(&newest.unit),
            batches: each.len(),
            mean: means.iter().sum::<f64>() / means.len() as f64,
            of_means,
            between: parts.map(|parts| share(parts.between)),
            slow: parts.map(|parts| share(parts.within)),
            fast: fast.map(share),
            total: whole.map(f64::sqrt),
            correlation: parts.filter(|_| !newest.laboratory).map(|parts| parts.correlation),
        })
    }
}

impl ProfileParts {
    #[expect(clippy::cast_precision_loss, reason = "scans are counted")]
    fn of(each: &[&ScansOfBatch]) -> Option<Self> {
        let newest = each.last()?;
        let part = |of: fn(&ScansOfBatch) -> f64| {
            let values: Vec<(f64, f64)> =
                each.iter().map(|scans| (of(scans), scans.scans as f64)).collect();
            pooled(&values)
        };
        let (md, cd, residual) =
            (part(|scans| scans.md)?, part(|scans| scans.cd)?, part(|scans| scans.residual)?);
        let whole = md.variance + cd.variance + residual.variance;
        Some(Self {
            profile: Arc::clone(&newest.profile),
            unit: Arc::clone(&newest.unit),
            batches: each.len(),
            scans: each.iter().map(|scans| scans.scans).sum(),
            md: md.of(whole),
            cd: cd.of(whole),
            residual: residual.of(whole),
        })
    }
}

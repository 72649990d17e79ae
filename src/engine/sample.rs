//! What a finished batch tells of uniformity.

use super::effect::BatchRecord;
use super::scans::ScansOfSheet;
use super::sheet::{Asked, PropertyOfSheet, ResultOfSheet, SectionsRecord, SheetRecord};
use crate::verdict::{Aim, Found, Property, Sample, ScansOfBatch, TagSummary};
use std::collections::BTreeMap;
use std::sync::Arc;

impl BatchRecord {
    /// What it tells of uniformity, with its sheet and the lots that it was made of; `None` of a batch in progress, one that
    /// is void or of a station.
    #[must_use]
    pub fn sample(
        &self,
        sections: Option<&SectionsRecord>,
        sheet: Option<&SheetRecord>,
        lots: Vec<(Arc<str>, f64)>,
    ) -> Option<Sample> {
        if self.ended.is_none() || self.station.is_some() || self.verdict.is_none() {
            return None;
        }
        let tags = sections.into_iter().flat_map(|sections| {
            let tag = |summary| of_tag(summary, sections, sheet);
            sections.quality.iter().map(tag)
        });
        let laboratory: Vec<Property> = match sheet {
            Some(sheet) => sheet.laboratory.iter().filter_map(of_property).collect(),
            None => self.lab.iter().map(|(name, value)| of_value(name, *value)).collect(),
        };
        let off_spec = self.found.and_then(|found| match found {
            Found::Bad => Some(true),
            Found::Good | Found::Acted => Some(false),
            Found::Open => None,
        });
        Some(Sample {
            line: Arc::clone(&self.line),
            grade: self.grade.clone(),
            started: self.started,
            off_spec,
            properties: tags.chain(laboratory).collect(),
            profiles: sections
                .into_iter()
                .flat_map(|sections| sections.profiles.iter().map(of_scans))
                .collect(),
            lots,
        })
    }
}

fn aim(asked: &Asked) -> Aim {
    Aim { low: asked.low, target: asked.target, high: asked.high }
}

fn of_tag(
    summary: &TagSummary,
    sections: &SectionsRecord,
    sheet: Option<&SheetRecord>,
) -> Property {
    let asked = sheet.and_then(|sheet| sheet.spec.iter().find(|asked| asked.name == summary.tag));
    let seen = sections.sections.iter().filter_map(|section| section.quality.get(&summary.tag));
    Property {
        name: Arc::clone(&summary.tag),
        laboratory: false,
        unit: asked.map_or_else(|| "".into(), |asked| Arc::clone(&asked.unit)),
        aim: asked.map_or_else(Aim::default, aim),
        mean: summary.mean,
        values: seen.map(|seen| seen.mean).collect(),
        fast: Some(summary.fast),
    }
}

/// A property with the newest result of each position, or the value that counts where none is named.
fn of_property(property: &PropertyOfSheet) -> Option<Property> {
    let mean = property.value?;
    let mut positions: BTreeMap<&Arc<str>, &ResultOfSheet> = BTreeMap::new();
    for result in &property.results {
        let Some(position) = &result.position else { continue };
        let newest = positions.entry(position).or_insert(result);
        if newest.ts <= result.ts {
            *newest = result;
        }
    }
    let values: Vec<f64> = positions.values().map(|result| result.value).collect();
    let asked = &property.asked;
    Some(Property {
        aim: aim(asked),
        unit: Arc::clone(&asked.unit),
        values: if values.is_empty() { vec![mean] } else { values },
        ..of_value(&asked.name, mean)
    })
}

fn of_value(name: &Arc<str>, value: f64) -> Property {
    Property {
        name: Arc::clone(name),
        laboratory: true,
        unit: "".into(),
        aim: Aim::default(),
        mean: value,
        values: vec![value],
        fast: None,
    }
}

fn of_scans(scans: &ScansOfSheet) -> ScansOfBatch {
    let variance = |two_sigma: f64| (two_sigma / 2.0).powi(2);
    ScansOfBatch {
        profile: Arc::clone(&scans.profile),
        unit: Arc::clone(&scans.unit),
        scans: scans.scans,
        md: variance(scans.two_sigma_md),
        cd: variance(scans.two_sigma_cd),
        residual: variance(scans.two_sigma_residual),
    }
}

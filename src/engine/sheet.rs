//! The sheet of a finished batch: all that a report, a certificate and a comparison of batches need of it.
//!
//! It has two parts, for they are known at different times. What was seen along the batch is known when it ends, and changes
//! only while readings may come late. What was found of it grows with each laboratory result and decision.

use super::scans::ScansOfSheet;
use crate::batch::Batch;
use crate::decode::Disposition;
use crate::plant::{Bounds, Grade, Line, SpecLimit};
use crate::verdict::{Document, PauseDocument, SectionDocument, TagSummary, pauses, summaries};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// What was seen along a finished batch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SectionsRecord {
    /// The line.
    pub line: Arc<str>,
    /// The batch.
    pub batch: Arc<str>,
    /// It section by section, in order.
    pub sections: Vec<SectionDocument>,
    /// Its quality tags with limits, by name.
    pub quality: Vec<TagSummary>,
    /// What its scanners saw across it, by profile.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub profiles: Vec<ScansOfSheet>,
}

/// What was found of a finished batch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SheetRecord {
    /// The line.
    pub line: Arc<str>,
    /// The batch.
    pub batch: Arc<str>,
    /// The last verdict on it.
    pub verdict: Document,
    /// What its grade asks of quality tags, as it was in force when the batch began.
    pub spec: Vec<Asked>,
    /// Its laboratory properties: those that its grade asks something of, and those that were measured.
    pub laboratory: Vec<PropertyOfSheet>,
    /// What people decided, in the order in which it was told.
    pub dispositions: Vec<Decided>,
    /// What people did about it.
    pub actions: Vec<Done>,
    /// When it was paused, in order: the newest.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pauses: Vec<PauseDocument>,
}

/// What its sheet would be if the batch in progress ended now.
#[derive(Debug, Clone, PartialEq)]
pub struct CourseView {
    /// What was found of it by now.
    pub sheet: SheetRecord,
    /// What was seen along it; `None` where nothing was yet.
    pub sections: Option<SectionsRecord>,
}

/// What a grade asks of a tag or property.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Asked {
    /// The tag or property.
    pub name: Arc<str>,
    /// The unit of all of them; may be empty.
    pub unit: Arc<str>,
    /// The least value on spec.
    pub low: Option<f64>,
    /// The value aimed at.
    pub target: Option<f64>,
    /// The greatest value on spec.
    pub high: Option<f64>,
    /// The share of the batch that may be outside, 0–1; nothing of a property.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub off_share: Option<f64>,
    /// Bounds of the mean.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mean: Option<Bounds>,
    /// Bounds of each single value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub single: Option<Bounds>,
    /// The test method, where one is declared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<Arc<str>>,
    /// What values are rounded to where they are printed, in their unit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resolution: Option<f64>,
}

/// A laboratory property of a batch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PropertyOfSheet {
    /// What is asked of it; without bounds where the grade asks nothing.
    pub asked: Asked,
    /// The value that counts; `None` before there is a result.
    pub value: Option<f64>,
    /// True if it, and each single result, is inside; `None` where there is no result or nothing is asked.
    pub inside: Option<bool>,
    /// All results, in the order in which they were told.
    pub results: Vec<ResultOfSheet>,
}

/// A laboratory result.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ResultOfSheet {
    /// When it was found, ms.
    pub ts: i64,
    /// The result, in the unit of the limits.
    pub value: f64,
    /// Where in the batch, if named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<Arc<str>>,
}

/// A decision.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Decided {
    /// When, ms.
    pub ts: i64,
    /// What.
    pub disposition: Disposition,
    /// Who.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<Arc<str>>,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<Arc<str>>,
}

/// What somebody did about a batch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Done {
    /// When, ms.
    pub ts: i64,
    /// What.
    pub text: Arc<str>,
    /// Who.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<Arc<str>>,
}

fn asked(name: &Arc<str>, limit: &SpecLimit, off_share: Option<f64>) -> Asked {
    Asked {
        name: Arc::clone(name),
        unit: Arc::clone(&limit.unit),
        low: limit.low,
        target: limit.target,
        high: limit.high,
        off_share,
        mean: limit.mean,
        single: limit.single,
        method: limit.method.clone(),
        resolution: limit.resolution,
    }
}

/// What was seen along a batch, section by section; `None` where nothing was, or it is known no more.
pub(super) fn sections(
    line: &Line,
    batch: &Batch,
    sections: Vec<SectionDocument>,
    profiles: Vec<ScansOfSheet>,
) -> Option<SectionsRecord> {
    (!sections.is_empty()).then(|| SectionsRecord {
        line: Arc::clone(&line.name),
        batch: Arc::clone(&batch.id),
        sections,
        quality: summaries(&batch.product),
        profiles,
    })
}

/// What was found of a batch by now.
pub(super) fn sheet(
    line: &Line,
    batch: &Batch,
    grade: Option<&Grade>,
    verdict: &Document,
) -> SheetRecord {
    let spec = grade.into_iter().flat_map(|grade| {
        grade.spec.iter().map(|(tag, limit)| asked(tag, limit, Some(grade.off_share(limit))))
    });
    let decided = batch.dispositions.iter().map(|word| Decided {
        ts: word.at.as_millis(),
        disposition: word.disposition,
        by: word.by.clone(),
        note: word.note.clone(),
    });
    let done = batch.actions.iter().map(|(at, text, by)| Done {
        ts: at.as_millis(),
        text: Arc::clone(text),
        by: by.clone(),
    });
    SheetRecord {
        line: Arc::clone(&line.name),
        batch: Arc::clone(&batch.id),
        verdict: verdict.clone(),
        spec: spec.collect(),
        laboratory: laboratory(batch, grade),
        dispositions: decided.collect(),
        actions: done.collect(),
        pauses: pauses(batch),
    }
}

fn laboratory(batch: &Batch, grade: Option<&Grade>) -> Vec<PropertyOfSheet> {
    let no_limits = SpecLimit::default();
    let limit = |name: &str| grade.and_then(|grade| grade.lab.get(name));
    let asked_of = grade.into_iter().flat_map(|grade| grade.lab.keys());
    let measured = batch.lab_counting().keys().filter(|name| limit(name).is_none());
    let outside: Vec<&Arc<str>> = grade
        .into_iter()
        .flat_map(|grade| batch.lab_all_outside(grade))
        .map(|found| found.0)
        .collect();
    let of_property = |name: &Arc<str>| {
        let value = batch.lab_counting().get(name).copied();
        let results = batch.lab_results().filter(|result| result.property == *name);
        let result = |result: &crate::batch::LabResult| ResultOfSheet {
            ts: result.at.as_millis(),
            value: result.value,
            position: result.position.clone(),
        };
        PropertyOfSheet {
            asked: asked(name, limit(name).unwrap_or(&no_limits), None),
            value,
            inside: limit(name).and(value).map(|_| !outside.contains(&name)),
            results: results.map(result).collect(),
        }
    };
    asked_of.chain(measured).map(of_property).collect()
}

//! Control charts.

use crate::engine::{Capability, ChartPoint, ChartView, Detector, Index, Limits, OnTrial};
use crate::plant::Every;
use serde::Serialize;
use std::sync::Arc;

/// The control chart of a tag, or of a laboratory property, for the grade in progress.
#[derive(Debug, Serialize)]
pub(super) struct Chart {
    #[serde(skip_serializing_if = "Option::is_none")]
    tag: Option<Arc<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    property: Option<Arc<str>>,
    unit: Arc<str>,
    kind: &'static str,
    size: u32,
    every_s: Option<f64>,
    detectors: Vec<&'static str>,
    run_length: Option<f64>,
    batches: u32,
    batches_needed: u32,
    why: Option<String>,
    limits: Option<ChartLimits>,
    capability: Option<ChartCapability>,
    points: u32,
    signals: u32,
    recent: Vec<Point>,
}

/// The limits that hold.
#[derive(Debug, Serialize)]
struct ChartLimits {
    version: u32,
    batches: u32,
    valid_from: i64,
    centre: f64,
    sigma: f64,
    lower: f64,
    upper: f64,
    estimate: &'static str,
    phi: f64,
    points: u32,
    effective: f64,
    provisional: bool,
    within: f64,
    overall: f64,
    spread_centre: f64,
    spread_lower: f64,
    spread_upper: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    trial: Option<ChartTrial>,
}

/// How far trial limits can be trusted.
#[derive(Debug, Serialize)]
struct ChartTrial {
    widened: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    rate: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rate_low: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rate_high: Option<f64>,
}

/// What the process can do by these limits.
#[derive(Debug, Serialize)]
struct ChartCapability {
    readings: u32,
    effective: f64,
    confidence: f64,
    cp: Option<CapabilityIndex>,
    cpk: Option<CapabilityIndex>,
    pp: Option<CapabilityIndex>,
    ppk: CapabilityIndex,
    cpm: Option<f64>,
    ppm: f64,
}

/// An index and the interval of its true value.
#[derive(Debug, Serialize)]
struct CapabilityIndex {
    value: f64,
    lower: f64,
    upper: f64,
}

/// A point of a chart.
#[derive(Debug, Serialize)]
struct Point {
    at: i64,
    value: f64,
    centre: f64,
    lower: f64,
    upper: f64,
    ewma: Option<f64>,
    ewma_lower: Option<f64>,
    ewma_upper: Option<f64>,
    marks: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    batch: Option<Arc<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    corrected: Option<f64>,
}

impl From<&ChartView> for Chart {
    fn from(chart: &ChartView) -> Self {
        let settings = &chart.charted.settings;
        Self {
            tag: chart.of.tag().cloned(),
            property: chart.of.property().cloned(),
            unit: Arc::clone(&chart.unit),
            kind: settings.kind.name(),
            size: settings.kind.readings(),
            every_s: match chart.charted.every {
                Every::Time(every) => Some(every.as_secs_f64()),
                Every::Batch => None,
            },
            detectors: settings.detectors().map(Detector::name).collect(),
            run_length: settings.run_length(),
            batches: chart.batches.0,
            batches_needed: chart.batches.1,
            why: chart.why.as_ref().map(ToString::to_string),
            limits: chart.limits.as_ref().map(|limits| ChartLimits::new(limits, chart.of_batches)),
            capability: chart.capability.as_ref().map(ChartCapability::from),
            points: chart.points.0,
            signals: chart.points.1,
            recent: chart.recent.iter().map(Point::from).collect(),
        }
    }
}

impl ChartLimits {
    fn new(limits: &Limits, batches: u32) -> Self {
        let (lower, upper) = limits.three_sigma();
        Self {
            version: limits.version,
            batches,
            valid_from: limits.valid_from.as_millis(),
            centre: limits.centre,
            sigma: limits.sigma,
            lower,
            upper,
            estimate: limits.estimate.name(),
            phi: limits.phi,
            points: limits.n,
            effective: limits.effective,
            provisional: limits.provisional,
            within: limits.within,
            overall: limits.overall,
            spread_centre: limits.spread.centre,
            spread_lower: limits.spread.lower,
            spread_upper: limits.spread.upper,
            trial: limits.trial.map(ChartTrial::from),
        }
    }
}

impl From<&Capability> for ChartCapability {
    fn from(capability: &Capability) -> Self {
        Self {
            readings: capability.n,
            effective: capability.effective,
            confidence: capability.confidence,
            cp: capability.cp.map(CapabilityIndex::from),
            cpk: capability.cpk.map(CapabilityIndex::from),
            pp: capability.pp.map(CapabilityIndex::from),
            ppk: capability.ppk.into(),
            cpm: capability.cpm,
            ppm: capability.ppm,
        }
    }
}

impl From<OnTrial> for ChartTrial {
    fn from(OnTrial { widened, rates }: OnTrial) -> Self {
        Self {
            widened,
            rate: rates.map(|rates| rates.mean),
            rate_low: rates.map(|rates| rates.low),
            rate_high: rates.map(|rates| rates.high),
        }
    }
}

impl From<Index> for CapabilityIndex {
    fn from(Index { value, lower, upper }: Index) -> Self {
        Self { value, lower, upper }
    }
}

impl From<&ChartPoint> for Point {
    fn from(point: &ChartPoint) -> Self {
        Self {
            at: point.at.as_millis(),
            value: point.value,
            centre: point.centre,
            lower: point.lower,
            upper: point.upper,
            ewma: point.ewma.map(|ewma| ewma.value),
            ewma_lower: point.ewma.map(|ewma| ewma.lower),
            ewma_upper: point.ewma.map(|ewma| ewma.upper),
            marks: point.marks.iter().map(ToString::to_string).collect(),
            batch: point.batch.clone(),
            corrected: point.corrected,
        }
    }
}

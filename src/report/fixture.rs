//! A flagged batch with a bad stretch, for tests.

use super::BatchData;
use crate::batch::{Edge, Genealogy, Towards};
use crate::engine::{BatchRecord, SectionsRecord, SheetRecord};
use serde_json::{Value, json};

/// 2026-01-23T00:00:00Z, ms.
pub(crate) const STARTED: i64 = 1_769_126_400_000;
/// How long a section takes, ms, and how far it reaches, m.
const EACH: i64 = 150_000;
const METRES: f64 = 4_000.0;

/// What is kept of a batch as the record has it, off spec in the last quarter.
pub(crate) fn data(record: BatchRecord) -> BatchData {
    let (line, batch) = (&*record.line, &*record.batch);
    let sheet: SheetRecord = serde_json::from_value(sheet(line, batch)).unwrap();
    let sections: SectionsRecord = serde_json::from_value(sections(line, batch)).unwrap();
    let edges: Vec<Edge> = record.edges().collect();
    let leads = |towards, name: &str| -> Result<_, ()> {
        let leads = |edge: &&Edge| match towards {
            Towards::Sources => *edge.batch == *name,
            Towards::Products => *edge.consumed.from == *name,
        };
        Ok((edges.iter().filter(leads).cloned().collect(), false))
    };
    let genealogy = Genealogy::of(&record.batch, None, leads).unwrap();
    let fitted = crate::reading::Timestamp::from_millis(STARTED - 86_400_000).unwrap();
    BatchData {
        sheet: Some(sheet),
        sections: Some(sections),
        genealogy,
        model: Some((4, fitted)),
        record,
    }
}

/// A batch that was flagged and is to be reworked.
pub(crate) fn flagged() -> BatchData {
    data(record("off-spec", "rework"))
}

/// A batch all of which passes.
pub(crate) fn good() -> BatchData {
    let mut data = data(record("on-spec", "release"));
    let sheet = data.sheet.as_mut().unwrap();
    sheet.verdict.verdict = crate::verdict::Call::OnSpec;
    sheet.verdict.reasons.clear();
    sheet.verdict.movers.clear();
    sheet.verdict.spans.clear();
    sheet.verdict.slab = None;
    sheet.dispositions.retain(|decided| decided.disposition == crate::decode::Disposition::Release);
    for property in &mut sheet.laboratory {
        property.inside = Some(true);
        property.value = Some(131.449);
        property.results.iter_mut().for_each(|result| result.value = 131.449);
    }
    data.sections.as_mut().unwrap().quality[0].out = 0.02;
    data
}

pub(crate) fn record(verdict: &str, disposition: &str) -> BatchRecord {
    serde_json::from_value(json!({
        "line": "tm3", "station": null, "batch": "TM3-260123-014", "grade": "facial-15",
        "verdict": verdict, "disposition": disposition, "revision": 5,
        "first_started": STARTED * 1_000_000, "started": STARTED * 1_000_000,
        "ended": (STARTED + 20 * EACH) * 1_000_000, "length_m": 80_000.0, "mass_kg": 3_200.0,
        "probability_off_spec": 0.94, "off_spec_share": 0.2, "first_flag_lead_s": 900.0,
        "first_flag": (STARTED + 14 * EACH) * 1_000_000,
        "flagged_since": (STARTED + 14 * EACH) * 1_000_000, "lab": [["tensile_md", 117.25]],
        "consumed": [{ "from": "LOT-7", "mass_kg": 3_300.0, "made": [0.0, 80_000.0], "used": null }],
        "found": "bad", "outside": ["tensile_md"],
    }))
    .unwrap()
}

fn sheet(line: &str, batch: &str) -> Value {
    let at = |n: i64| STARTED + n * EACH;
    json!({
        "line": line, "batch": batch,
        "verdict": {
            "line": line, "batch": batch, "grade": "facial-15", "verdict": "off-spec",
            "since": at(17), "probability_off_spec": 0.94, "progress": 1.0,
            "reasons": [
                { "kind": "laboratory", "property": "tensile_md", "value": 117.25, "low": 120.0, "high": 160.0 },
                { "kind": "spec", "tag": "basis_weight", "value": 15.9, "low": 14.4, "high": 15.6, "share_out": 0.2 },
                { "kind": "process", "statistic": "spe", "ratio": 3.2, "tags": [["refiner_power", 0.41], ["TI-7", 0.2]],
                  "changes": [["TI-7", 300.0]] },
                { "kind": "process", "statistic": "t2", "ratio": 1.4, "tags": [] },
                { "kind": "process", "statistic": "state_t2", "ratio": 1.4, "tags": [] },
                { "kind": "process", "statistic": "residual_t2", "ratio": 1.4, "tags": [] },
                { "kind": "process", "statistic": "innovation_t2", "ratio": 1.4, "tags": [] },
                { "kind": "prospects", "probability": 0.94, "signs": [["soft-sensor", 2.1], ["batch-before", 1.0],
                  ["earlier-batch", 1.0], ["score", 1.0], ["flag", 1.0], ["limits", 1.0]],
                  "earlier": { "batch": "R9", "property": "tensile_md", "value": 112.0, "low": 120.0, "high": null } },
                { "kind": "soft-sensor", "property": "tensile_md", "predicted": 117.9, "interval": [112.8, 123.1],
                  "low": 120.0, "high": 160.0, "unit": "N/m" },
                { "kind": "coverage", "tags": ["moisture"], "share": 0.7 },
                { "kind": "coverage", "tags": [], "share": 0.7 },
                { "kind": "person", "disposition": "rework" },
                { "kind": "grade", "grade": "facial-15" },
            ],
            "first_mover": "refiner_power",
            "movers": [
                { "tag": "refiner_power", "area": "stock", "by_itself": true, "since": at(13), "ratio": 2.4,
                  "value": 146.2, "expected": 160.3, "unit": "kW" },
                { "tag": "TI-7", "by_itself": true, "since": at(13) + 60_000, "ratio": 1.4, "value": 1.5,
                  "expected": 0.1, "unit": "°C", "over_s": 300.0 },
                { "tag": "steam_pressure", "area": "yankee", "by_itself": false, "since": at(14), "ratio": 1.1,
                  "value": 6.81, "expected": 6.66 },
            ],
            "foretold": [{ "property": "tensile_md", "predicted": 117.9, "interval": [112.8, 123.1], "low": 120.0,
                           "high": 160.0, "unit": "N/m" }],
            "spans": [{ "from": at(14), "to": at(18), "from_m": 56_000.0, "to_m": 72_000.0, "after_m": 8_000.0 }],
            "slab": { "length_m": 80_000.0, "bad_m": 16_000.0, "bad_kg": 640.0, "off_begin_m": 0.0,
                      "off_end_m": 24_000.0, "left_m": 56_000.0, "left_kg": 2_240.0, "more": true },
            "revision": 5, "ts": at(30), "valid_until": at(30) + 180_000,
        },
        "spec": [{ "name": "basis_weight", "unit": "g/m2", "low": 14.4, "target": 15.0, "high": 15.6, "off_share": 0.1,
                   "single": { "low": 12.0, "high": 18.0 } }],
        "laboratory": [{
            "asked": { "name": "tensile_md", "unit": "N/m", "low": 120.0, "target": 130.0, "high": 160.0,
                       "method": "ISO 12625-4", "resolution": 0.1 },
            "value": 117.25, "inside": false,
            "results": [{ "ts": at(24), "value": 116.3, "position": "front" },
                        { "ts": at(24), "value": 118.2, "position": "back" }],
        }],
        "dispositions": [
            { "ts": at(25), "disposition": "release", "by": "shift-a" },
            { "ts": at(26), "disposition": "rework", "by": "shift-b", "note": "weak at the end" },
        ],
        "actions": [{ "ts": at(15), "text": "refiner power +5 %", "by": "shift-a" }],
    })
}

fn sections(line: &str, batch: &str) -> Value {
    let of = |n: i32| {
        let (begin, bad) = (f64::from(n) * METRES, (14..18).contains(&n));
        let mean = if bad { 15.8 } else { 15.0 + f64::from(n % 3) * 0.05 };
        let call = match n {
            13 => "at-risk",
            _ if bad => "off-spec",
            19 => "unknown",
            _ => "on-spec",
        };
        let from = STARTED + i64::from(n) * EACH;
        json!({
            "from": from, "to": from + EACH, "from_m": begin, "to_m": begin + METRES, "call": call,
            "score": if bad { 2.6 } else { 0.4 },
            "quality": { "basis_weight": { "mean": mean, "least": mean - 0.2, "greatest": mean + 0.2,
                                           "out": if bad { 1.0 } else { 0.0 } } },
        })
    };
    json!({
        "line": line, "batch": batch, "sections": (0..20).map(of).collect::<Vec<_>>(),
        "quality": [{ "tag": "basis_weight", "frames": 3000, "seen": 0.98, "out": 0.2, "mean": 15.21,
                      "deviation": 0.31, "slow": 0.08, "fast": 0.01, "least": 14.8, "greatest": 16.0 }],
    })
}

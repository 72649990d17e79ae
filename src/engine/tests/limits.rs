//! Limits that change, and kinds of limits, through the whole of the engine.

use super::*;
use crate::plant::{Amendment, Bounds};

/// Grade `facial` as amended from a second on.
fn amended(s: i64, amend: impl FnOnce(&mut Grade)) -> Plant {
    let mut plant = plant();
    let before = facial(&plant);
    let mut grade = before.clone();
    amend(&mut grade);
    let amendments = vec![Amendment { from: at(s), grade }];
    plant.grades = [("facial".into(), Grade { amendments, ..before })].into();
    plant
}

#[test]
fn a_batch_keeps_the_limits_of_its_begin() {
    let plant = amended(250, |grade| {
        grade.spec.get_mut("bw").unwrap().high = Some(18.0);
        grade.lab.get_mut("tensile").unwrap().low = Some(80.0);
    });
    let mut engine = Engine::new(plant.clone(), Vec::new());
    let lab = |s, id: &str| {
        let (batch_id, property) = (id.into(), "tensile".into());
        let (unit, position) = (None, None);
        batch(s, BatchEvent::Lab { batch: batch_id, property, value: 90.0, unit, position })
    };
    let mut events = vec![start(0, "R1")];
    events.extend(run(0..300, 17.0));
    events.push(start(300, "R2"));
    events.extend(run(300..600, 17.0));
    events.push(start(600, "R3"));
    events.extend(run(600..700, 15.0));
    events.extend([lab(690, "R1"), lab(690, "R2")]);
    let effects = apply(&mut engine, events);
    assert_eq!(
        said(&effects),
        [
            "60 batch.at_risk",
            "61 batch.off_spec",
            "300 batch.finished",
            "R1 off-spec progress 1",
            "600 batch.finished",
            "R2 unknown progress 1",
            "690 batch.revised",
            "690 batch.revised",
        ]
    );
    let found = |id: &str| {
        let view = engine.view();
        let batch = view.lines[0].last_batches.iter().find(|batch| &*batch.batch == id).cloned();
        batch.and_then(|batch| batch.verdict)
    };
    assert_eq!(found("R1"), Some(crate::verdict::Call::OffSpec));
    assert_eq!(found("R2"), Some(crate::verdict::Call::Unknown), "90 is inside since then");
    let miscounted = engine.state.lines[0].miscounted(&plant.lines[0], &plant);
    assert_eq!(miscounted, Vec::<String>::new());
}

#[test]
fn a_line_without_batches_has_the_limits_of_the_hour() {
    let mut plant = amended(400, |grade| grade.spec.get_mut("bw").unwrap().high = Some(18.0));
    plant.lines[0].batch = crate::plant::BatchSource::None;
    let mut engine = Engine::new(plant, Vec::new());
    apply(&mut engine, run(0..399, 17.0));
    let outside = |engine: &Engine| {
        let verdict = engine.view().lines[0].verdict.clone().unwrap();
        verdict.verdict
    };
    assert_eq!(outside(&engine), crate::verdict::Call::OffSpec);
    // What was outside then fades.
    apply(&mut engine, run(399..20_000, 17.0));
    assert_eq!(outside(&engine), crate::verdict::Call::Unknown);
}

#[test]
fn a_value_and_a_mean_beyond_their_bounds_are_told() {
    let bounds = |low, high| Some(Bounds { low: Some(low), high: Some(high) });
    let plant = amended(0, |grade| {
        let limit = grade.spec.get_mut("bw").unwrap();
        (limit.mean, limit.single) = (bounds(14.9, 15.2), bounds(13.0, 17.0));
    });
    let mut engine = Engine::new(plant, Vec::new());
    let mut events = vec![start(0, "R1")];
    events.extend(run(0..300, 15.5));
    for (from, to, id) in [(300, 4000, "R2"), (4000, 8000, "R3"), (8000, 9000, "R4")] {
        events.push(start(from, id));
        events.extend(run(from..to, 15.0));
    }
    // One reading alone is a spike of the sensor, once it is known how the tag goes; a step is news of the process.
    events.push(reading("bw", 9000, 17.4));
    events.extend(run(9001..9200, 15.0));
    events.extend(run(9200..9205, 17.4));
    events.extend(run(9205..9210, 15.0));
    let effects = apply(&mut engine, events);
    let told = effects.iter().filter_map(|effect| match effect {
        Effect::Verdict(document) => {
            let reason = document.reasons.first()?;
            let reason =
                crate::words::reason::reason(crate::words::Language::English, reason, |_| {
                    "".into()
                });
            let reason = reason.to_string();
            Some((document.since / 1000, reason))
        }
        _ => None,
    });
    let mut told: Vec<(i64, String)> = told.collect();
    told.dedup_by_key(|(since, _)| *since);
    let expected = [
        (119, "Mean of bw 15.53, above its limit of 15.2."),
        (9201, "bw 17.43, above its limit of 17, which no single value may pass."),
    ];
    assert_eq!(told, expected.map(|(since, reason)| (since, reason.to_owned())));
}

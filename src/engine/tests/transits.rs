//! What is said of what upstream tags saw, by the delays of their line.

use super::adaptation::{LONG, engine, values};
use super::*;
use crate::plant::Delay;
use crate::verdict::Document;

/// The last verdict on a batch in which steam is off from its middle on, and the line after it.
fn run(delay: Option<Delay>, lag_s: u64) -> (Document, Engine) {
    run_with(delay, lag_s, None)
}

/// The same with another model.
fn run_with(delay: Option<Delay>, lag_s: u64, artifact: Option<Arc<[u8]>>) -> (Document, Engine) {
    let mut engine = engine(false);
    if let Some(artifact) = artifact {
        engine.install("tm3", &"facial".into(), 2, artifact).unwrap();
    }
    let mut plant = engine.plant().clone();
    let steam = plant.lines[0].tag_position("steam").unwrap();
    let steam = &mut plant.lines[0].tags[steam];
    (steam.delay, steam.lag) = (delay, Duration::from_secs(lag_s));
    engine.reconfigure(plant, Vec::new());
    let mut events = vec![start(0, "R0")];
    for s in 0..LONG {
        let [steam, draw] = values(s, if s < LONG / 2 { 0.0 } else { 4.0 });
        events.extend([reading("bw", s, 15.0), reading("steam", s, steam)]);
        events.extend([reading("draw", s, draw), reading("speed", s, 600.0)]);
    }
    let verdicts = apply(&mut engine, events).into_iter().filter_map(|effect| match effect {
        Effect::Verdict(document) => Some(*document),
        _ => None,
    });
    let last = verdicts.last().unwrap();
    assert!(last.verdict.is_flag() && last.first_mover.as_deref() == Some("steam"), "{last:?}");
    (last, engine)
}

#[test]
fn what_a_tag_saw_arrives_by_its_delay_and_metres_are_those_it_reaches() {
    let (at_once, engine) = run(None, 0);
    let mover = &at_once.movers[0];
    assert_eq!((mover.arrives, at_once.spans[0].arrives), (None, None));
    assert!(engine.explain(LineIx(0)).tags.iter().all(|tag| tag.arrives.is_none()));
    let (since, seen) = (mover.since, at_once.spans[0]);

    // 300 m at 10 m/s.
    let way = Delay::Over { amount: 300.0 * 60.0, rate: "speed".into() };
    let (document, engine) = run(Some(way.clone()), 0);
    let mover = &document.movers[0];
    assert_eq!((mover.since, mover.arrives), (since, Some(since + 30_000)));
    let span = document.spans[0];
    assert_eq!((span.from, span.to, span.arrives), (seen.from, seen.to, Some(seen.from + 30_000)));
    let shift = span.from_m.unwrap() - seen.from_m.unwrap();
    assert!((shift - 300.0).abs() < 1e-6, "{shift}");
    let explained = engine.explain(LineIx(0)).tags;
    let arrives = |tag: &str| {
        let found = explained.iter().find(|mover| &*mover.tag == tag).unwrap();
        found.arrives.map(|arrives| arrives - found.since)
    };
    assert_eq!((arrives("steam"), arrives("draw")), (Some(30_000), None));

    // Its readings are of samples taken 20 s before: so are the metres.
    let (document, _) = run(Some(way), 20);
    let mover = &document.movers[0];
    assert_eq!((mover.since, mover.arrives), (since - 20_000, Some(since + 10_000)));
    let shift = document.spans[0].from_m.unwrap() - seen.from_m.unwrap();
    assert!((shift - 100.0).abs() < 1e-6, "{shift}");
}

#[test]
fn what_is_declared_counts_before_what_the_model_estimates() {
    use crate::models::Model;
    let estimated = |declared: Option<Delay>| {
        let mut document: serde_json::Value =
            serde_json::from_slice(&super::adaptation::artifact(0.0)).unwrap();
        document["model"]["header"]["delays"] = serde_json::json!([
            { "tag": "steam", "quality": "bw", "lag_s": 40.0, "range_s": [20.0, 50.0], "correlation": -0.2, "error": 0.02 }
        ]);
        let artifact: Arc<[u8]> = serde_json::to_vec(&document).unwrap().into();
        assert_eq!(Model::from_bytes(&artifact).unwrap().header().delays.len(), 1);
        run_with(declared, 0, Some(artifact)).0
    };
    let (at_once, _) = run(None, 0);
    let shift = |document: &Document| {
        let metres = document.spans[0].from_m.unwrap() - at_once.spans[0].from_m.unwrap();
        let mover = &document.movers[0];
        (metres.round(), mover.arrives.map(|arrives| arrives - mover.since))
    };
    // The metres begin with the earliest that it can be, at 10 m/s.
    assert_eq!(shift(&estimated(None)), (200.0, Some(40_000)));
    let declared = Delay::Time(Duration::from_secs(30));
    assert_eq!(shift(&estimated(Some(declared))), (300.0, Some(30_000)));
}

use super::super::switching::Outcome;
use super::super::tests::{line, spec};
use super::super::{Challenger, Learning};
use crate::engine::event::{ModelAnswer, Promotion};
use crate::models::{Table, Trial, TrialReason, fit};
use crate::plant::{ModelSettings, Promote, Refit};
use crate::reading::{LineIx, Timestamp};
use crate::words::ModelReason;
use std::sync::Arc;

/// A model of so many batches with `a` off by so many times its usual way from its mean; firm from nineteen batches on.
fn artifact(batches: usize, off: f64) -> Arc<[u8]> {
    let rows = i32::try_from(batches * 10).unwrap();
    let row = |ix: i32| [f64::from(ix % 7) + 2.0 * off, f64::from(ix % 5 + ix % 7)];
    let mut table = Table {
        columns: vec!["a".into(), "b".into()],
        values: (0..rows).flat_map(row).collect(),
        blocks: (0..batches).map(|ix| ix * 10).collect(),
        ..Table::default()
    };
    table.source.batches = (0..batches).map(|n| format!("R{n}").as_str().into()).collect();
    let model = fit(&table, &spec()).unwrap();
    assert_eq!(model.header().calibration.provisional, batches < 20, "{}", model.summary());
    model.to_bytes().into()
}

/// What becomes of a better model that was asked for, with the first model or not.
fn refit(learning: &mut Learning, id: u64, model: Arc<[u8]>, promote: Promote) -> Outcome {
    let models = learning.grades.entry("g".into()).or_default();
    let is_first = models.judging.is_none();
    models.fit = (0..40).map(|n| format!("R{n}").as_str().into()).collect();
    models.since_request = 20;
    let settings = ModelSettings { refit: Refit::Batches(20), promote, ..ModelSettings::default() };
    let (line, grade, now) = (line(), Arc::from("g"), Timestamp::from_nanos(0));
    let made = |_: &str| None;
    let asked =
        learning.request((LineIx(0), &line), &grade, (&settings, None), now, (id, &made)).unwrap();
    let trial =
        Trial { better: true, reason: TrialReason::Said("by chance".into()), ..Trial::default() };
    let trial = (!is_first).then_some(trial);
    assert!(learning.answer(&ModelAnswer { request: asked.id, outcome: Ok(model), trial }));
    let mut outcomes = learning.boundary(&line, promote);
    assert_eq!(outcomes.len(), 1);
    outcomes.remove(0).1
}

fn judges(learning: &Learning) -> (u32, Option<u32>) {
    let models = &learning.grades["g"];
    (learning.judging("g").unwrap().version, models.reference.as_ref().map(|r| r.version))
}

#[test]
fn what_is_learned_a_step_at_a_time_waits_for_a_person_once_it_is_far_in_all() {
    let mut learning = Learning::default();
    // The first one knows too few batches to be one that others are held against.
    refit(&mut learning, 1, artifact(10, 0.3), Promote::WhenBetter);
    assert_eq!(judges(&learning), (1, None));
    refit(&mut learning, 2, artifact(20, 0.0), Promote::WhenBetter);
    assert_eq!(judges(&learning), (2, Some(2)));
    // Each of them is near the one before.
    for (id, off) in [(3, 0.6), (4, 1.2)] {
        refit(&mut learning, id, artifact(20, off), Promote::WhenBetter);
    }
    assert_eq!(judges(&learning), (4, Some(2)));
    let Outcome::Waits { waits, reason } =
        refit(&mut learning, 5, artifact(20, 1.8), Promote::WhenBetter)
    else {
        panic!("{learning:?}")
    };
    assert_eq!(waits.version, 5);
    let ModelReason::Fitted { tried: Some(_), far: Some(far), .. } = reason else {
        panic!("{reason:?}")
    };
    assert_eq!(
        &*far,
        "version 2: means have moved by more than 1.5 standard deviations: a by +1.8"
    );
    assert_eq!(judges(&learning), (4, Some(2)));
    // It waits on, and judges in the shadow, though the plant lets better ones judge.
    let bytes = rmp_serde::to_vec_named(&learning).unwrap();
    learning = rmp_serde::from_slice(&bytes).unwrap();
    learning.revive(&line());
    assert_eq!(learning.boundary(&line(), Promote::WhenBetter), []);
    assert_eq!(learning.challengers().count(), 1);
    // One that is near enough takes the place of both.
    refit(&mut learning, 6, artifact(20, 1.0), Promote::WhenBetter);
    assert_eq!((judges(&learning), learning.challengers().count()), ((6, Some(2)), 0));
}

#[test]
fn what_a_person_lets_judge_is_the_reference() {
    let promotion = |off| Promotion {
        line: "tm3".into(),
        grade: "g".into(),
        of: 1,
        artifact: artifact(20, off),
        back: false,
        by: None,
        at: Timestamp::from_nanos(0),
    };
    let far = |learning: &mut Learning, id| {
        let outcome = refit(learning, id, artifact(20, 2.4), Promote::WhenBetter);
        matches!(outcome, Outcome::Waits { .. })
    };
    let mut learning = Learning::default();
    learning.install(&line(), &"g".into(), 1, (artifact(20, 0.0), false)).unwrap();
    assert_eq!(judges(&learning), (1, Some(1)));
    assert!(far(&mut learning, 1));
    learning.promote(9, promotion(1.6));
    learning.boundary(&line(), Promote::WhenBetter);
    assert_eq!(judges(&learning), (3, Some(3)));
    assert!(!far(&mut learning, 2));
    assert_eq!(judges(&learning), (4, Some(3)));
    learning.install(&line(), &"g".into(), 7, (artifact(20, 0.0), true)).unwrap();
    assert_eq!(judges(&learning), (7, Some(7)));
    assert!(far(&mut learning, 3));
}

#[test]
fn what_waits_by_hand_goes_when_the_plant_has_another_mind_and_what_is_far_stays() {
    for (off, waits) in [(0.0, 0), (1.8, 1)] {
        let mut learning = Learning::default();
        learning.install(&line(), &"g".into(), 1, (artifact(20, 0.0), true)).unwrap();
        refit(&mut learning, 1, artifact(20, off), Promote::ByHand);
        assert_eq!(learning.challengers().count(), 1);
        learning.boundary(&line(), Promote::WhenBetter);
        assert_eq!(learning.challengers().count(), waits, "{off}");
        let far = learning.grades["g"].challenger.as_ref().is_some_and(Challenger::is_far);
        assert_eq!(far, waits == 1);
    }
}

use super::asking::RETRY_AFTER;
use super::*;
use crate::models::{FitSpec, Made, Table, Trial, TrialReason, fit};
use crate::plant::{Budget, Promote, Refit, Role, Tag};
use crate::reading::LineIx;
use crate::words::ModelReason;

pub(super) fn line() -> Line {
    let mut line = Line::named("tm3");
    line.tags = ["a", "b"].map(|id| Tag { role: Role::Process, ..Tag::named(id) }).into();
    line
}

/// Batches of frames of ten seconds, and a wrong flag in twenty.
pub(super) fn spec() -> FitSpec {
    FitSpec {
        frame: std::time::Duration::from_secs(10),
        budget: Budget::PerBatches { flags: 1, batches: 20 },
        batches: true,
        seed: 1,
        least_sd: BTreeMap::new(),
        wanders: BTreeMap::new(),
        ties: BTreeMap::new(),
    }
}

/// A model of both tags.
fn artifact() -> Arc<[u8]> {
    let columns = vec!["a".into(), "b".into()];
    let row = |ix: i32| [f64::from(ix % 7), f64::from(ix % 5 + ix % 7)];
    let values = (0..200).flat_map(row).collect();
    let mut table = Table { columns, values, blocks: vec![0, 100], ..Table::default() };
    table.source.batches = (0..20).map(|n| Arc::from(format!("R{n}"))).collect();
    fit(&table, &spec()).unwrap().to_bytes().into()
}

/// A grade that has learned from so many batches since its last request.
fn learned(batches: u32) -> Learning {
    let fit = (0..batches).map(|n| format!("R{n}").as_str().into()).collect();
    let models = GradeModels { fit, since_request: batches, ..GradeModels::default() };
    Learning { grades: [(Arc::from("g"), models)].into() }
}

fn request(learning: &mut Learning, settings: &ModelSettings, id: u64) -> Option<u64> {
    let (grade, now) = (Arc::from("g"), Timestamp::from_nanos(0));
    learning
        .request((LineIx(0), &line()), &grade, (settings, None), now, (id, &|_| None))
        .map(|r| r.id)
}

fn add_batches(learning: &mut Learning, n: u32) {
    let models = learning.grades.get_mut("g").unwrap();
    models.fit.extend((0..n).map(|ix| Arc::from(format!("N{ix}"))));
    models.since_request += n;
}

fn fail(learning: &mut Learning, id: u64) {
    assert!(learning.answer(&ModelAnswer { request: id, outcome: Err("no".into()), trial: None }));
    assert!(matches!(
        learning.boundary(&line(), Promote::WhenBetter)[..],
        [(_, Outcome::Rejected { .. })]
    ));
}

#[test]
fn model_of_a_person_stays_after_a_fit_that_failed() {
    let settings = ModelSettings { refit: Refit::Never, ..ModelSettings::default() };
    let mut learning = learned(20);
    assert_eq!(request(&mut learning, &settings, 1), Some(1));
    fail(&mut learning, 1);
    assert_eq!(request(&mut learning, &settings, 2), None, "it waits for more batches");
    learning.install(&line(), &"g".into(), 1, (artifact(), true)).unwrap();
    add_batches(&mut learning, 200);
    assert_eq!(request(&mut learning, &settings, 2), None);
}

#[test]
fn model_of_a_person_is_newer_than_what_was_asked_for_before() {
    let settings = ModelSettings::default();
    let mut learning = learned(20);
    assert_eq!(request(&mut learning, &settings, 1), Some(1));
    learning.install(&line(), &"g".into(), 4, (artifact(), true)).unwrap();
    assert!(!learning.answer(&ModelAnswer { request: 1, outcome: Ok(artifact()), trial: None }));
    assert_eq!(learning.boundary(&line(), Promote::WhenBetter), []);
    assert_eq!(learning.version("g"), 4);
}

fn promotion(by: Option<&str>, back: bool) -> Promotion {
    Promotion {
        line: "tm3".into(),
        grade: "g".into(),
        of: 1,
        artifact: artifact(),
        back,
        by: by.map(Into::into),
        at: Timestamp::from_nanos(0),
    }
}

#[test]
fn what_a_person_promotes_takes_the_place_of_fits_that_were_open_or_ready() {
    let settings = ModelSettings::default();
    for is_ready in [false, true] {
        let mut learning = learned(20);
        learning.install(&line(), &"g".into(), 4, (artifact(), true)).unwrap();
        let models = learning.grades.get_mut("g").unwrap();
        models.judging = None;
        assert_eq!(request(&mut learning, &settings, 1), Some(1));
        let fitted = ModelAnswer { request: 1, outcome: Ok(artifact()), trial: None };
        assert!(!is_ready || learning.answer(&fitted));
        learning.promote(9, promotion(None, false));
        assert_eq!(learning.promotions().map(|waits| waits.version).collect::<Vec<_>>(), [5]);
        add_batches(&mut learning, 40);
        assert_eq!(request(&mut learning, &settings, 2), None, "not before the boundary");
        let bytes = rmp_serde::to_vec_named(&learning).unwrap();
        learning = rmp_serde::from_slice(&bytes).unwrap();
        let outcomes = learning.boundary(&line(), Promote::WhenBetter);
        let [(_, Outcome::Promoted { judges, reason })] = &outcomes[..] else {
            panic!("{outcomes:?}")
        };
        assert_eq!((judges.request, judges.version), (9, 5));
        assert_eq!(*reason, ModelReason::ByPerson { by: None, of: 1, back: false });
        assert_eq!(learning.judging("g").unwrap().version, 5);
        assert_eq!((learning.open_requests().count(), learning.promotions().count()), (0, 0));
        assert!(!learning.answer(&fitted), "nobody waits for it any more");
        assert_eq!(learning.boundary(&line(), Promote::WhenBetter), []);
    }
}

#[test]
fn a_promotion_that_is_taken_back_leaves_everything_as_it_was() {
    for is_ready in [false, true] {
        let mut learning = learned(20);
        assert_eq!(request(&mut learning, &ModelSettings::default(), 1), Some(1));
        let fitted = ModelAnswer { request: 1, outcome: Ok(artifact()), trial: None };
        assert!(!is_ready || learning.answer(&fitted));
        let before = learning.clone();
        learning.promote(9, promotion(Some("shift-a"), false));
        assert_ne!(learning, before);
        learning.withdraw("other");
        assert_eq!(learning.promotions().count(), 1);
        learning.withdraw("g");
        assert_eq!(learning, before);
        // The fit that was asked for before goes on.
        assert!(is_ready || learning.answer(&fitted));
        let outcomes = learning.boundary(&line(), Promote::WhenBetter);
        let [(_, Outcome::Promoted { judges, .. })] = &outcomes[..] else { panic!("{outcomes:?}") };
        assert_eq!((judges.request, judges.version), (1, 1));
    }
}

#[test]
fn who_promoted_a_model_is_said() {
    for (by, back, expected) in [
        (Some("shift-a"), false, "promoted by shift-a, the artifact of version 1"),
        (None, true, "rolled back to that of version 1"),
        (Some("shift-a"), true, "rolled back by shift-a to that of version 1"),
    ] {
        assert_eq!(promotion(by, back).reason(), expected);
    }
}

#[test]
fn model_whose_tags_are_gone_is_refused_or_says_so_at_the_boundary() {
    let mut learning = learned(20);
    learning.install(&line(), &"g".into(), 1, (artifact(), true)).unwrap();
    assert_eq!(learning.version_promoted(&line(), "g", &artifact()), Ok(2));
    let mut other = line();
    other.tags.pop();
    let refused = learning.version_promoted(&other, "g", &artifact());
    assert_eq!(refused, Err("the line has no tag `b`".to_owned()));
    learning.promote(9, promotion(None, false));
    let outcomes = learning.boundary(&other, Promote::WhenBetter);
    let [(_, Outcome::Rejected { reason })] = &outcomes[..] else { panic!("{outcomes:?}") };
    assert_eq!(
        *reason,
        ModelReason::CannotJudge { of: 1, detail: "the line has no tag `b`".into() }
    );
    assert_eq!(learning.version("g"), 1);
}

#[test]
fn failed_refit_is_tried_again_after_some_batches() {
    let settings = ModelSettings { refit: Refit::Batches(20), ..ModelSettings::default() };
    let mut learning = learned(20);
    learning.install(&line(), &"g".into(), 1, (artifact(), true)).unwrap();
    assert_eq!(request(&mut learning, &settings, 1), Some(1));
    fail(&mut learning, 1);
    add_batches(&mut learning, RETRY_AFTER - 1);
    assert_eq!(request(&mut learning, &settings, 2), None);
    add_batches(&mut learning, 1);
    assert_eq!(request(&mut learning, &settings, 2), Some(2));
}

/// A grade with a model of its first twenty batches and twenty newer ones, of which three are bad, and what
/// it asks for.
fn refit(promote: Promote) -> (Learning, FitRequest) {
    let (refit, learning_batches) = (Refit::Batches(20), 20);
    let settings = ModelSettings { learning_batches, refit, promote, ..ModelSettings::default() };
    let mut learning = learned(20);
    learning.install(&line(), &"g".into(), 1, (artifact(), true)).unwrap();
    add_batches(&mut learning, 20);
    let models = learning.grades.get_mut("g").unwrap();
    for id in ["B1", "B2", "B2", "B3"] {
        models.found_bad(&id.into(), true);
    }
    models.found_bad(&"B3".into(), false);
    let now = Timestamp::from_nanos(0);
    let made = |id: &str| {
        let steady = vec![Timestamp::from_nanos(5)];
        (id == "N19" || id == "N0").then_some(Made { started: None, steady, phases: Vec::new() })
    };
    let request = learning
        .request((LineIx(0), &line()), &"g".into(), (&settings, None), now, (7, &made))
        .unwrap();
    (learning, request)
}

fn answer(learning: &mut Learning, better: bool, promote: Promote) -> Vec<Outcome> {
    let trial = Trial {
        against: 1,
        better,
        reason: TrialReason::Said("by chance".into()),
        ..Trial::default()
    };
    let outcome = Ok(artifact());
    assert!(learning.answer(&ModelAnswer { request: 7, outcome, trial: Some(trial) }));
    learning.boundary(&line(), promote).into_iter().map(|(_, outcome)| outcome).collect()
}

/// What is told of such a trial.
fn by_chance(better: bool, summary: &str) -> ModelReason {
    let reason = TrialReason::Said("by chance".into());
    ModelReason::Fitted {
        tried: Some(Trial { against: 1, better, reason, ..Trial::default() }),
        first_own: false,
        far: None,
        summary: summary.into(),
    }
}

#[test]
fn half_of_what_the_present_model_has_not_seen_is_kept_for_the_trial() {
    let (mut learning, request) = refit(Promote::WhenBetter);
    let trial = request.trial.clone().unwrap();
    let ids = |batches: &[Arc<str>]| {
        (batches.len(), batches.first().unwrap().to_string(), batches.last().unwrap().to_string())
    };
    assert_eq!(ids(&request.batches), (30, "R0".into(), "N9".into()));
    assert_eq!(ids(&trial.good), (10, "N10".into(), "N19".into()));
    assert_eq!(trial.bad, [Arc::from("B1"), "B2".into()]);
    let made: Vec<&str> = trial.made.keys().map(|id| &**id).collect();
    assert_eq!((made, trial.guards.len()), (vec!["N19"], 0), "of those that are tried alone");
    assert_eq!((trial.version, trial.artifact.is_some()), (1, true));

    // A request that is read back has the artifact again.
    let bytes = rmp_serde::to_vec_named(&learning).unwrap();
    learning = rmp_serde::from_slice(&bytes).unwrap();
    learning.revive(&line());
    assert_eq!(learning.open_requests().next(), Some(&request));
}

#[test]
fn a_model_that_is_no_better_does_not_judge_and_is_no_failure() {
    let (mut learning, _) = refit(Promote::WhenBetter);
    let outcomes = answer(&mut learning, false, Promote::WhenBetter);
    assert_eq!(outcomes, [Outcome::NoBetter { reason: by_chance(false, "") }]);
    assert_eq!((learning.version("g"), learning.judging("g").unwrap().version), (1, 1));
    add_batches(&mut learning, RETRY_AFTER);
    let settings = ModelSettings { refit: Refit::Batches(20), ..ModelSettings::default() };
    assert_eq!(request(&mut learning, &settings, 8), None, "the next one comes when it is due");
    add_batches(&mut learning, 15);
    assert_eq!(request(&mut learning, &settings, 8), Some(8));
}

#[test]
fn a_better_model_judges_or_waits_for_a_person() {
    let (mut learning, _) = refit(Promote::WhenBetter);
    let outcomes = answer(&mut learning, true, Promote::WhenBetter);
    let [Outcome::Promoted { judges, reason }] = &outcomes[..] else { panic!("{outcomes:?}") };
    assert_eq!((judges.request, judges.version, judges.kind), (7, 2, "cva"));
    let ModelReason::Fitted { tried: Some(tried), summary, .. } = reason else {
        panic!("{reason:?}")
    };
    assert!(tried.better && summary.starts_with("pca of "), "{reason:?}");
    assert_eq!(learning.judging("g").unwrap().version, 2);

    let (mut learning, _) = refit(Promote::ByHand);
    let outcomes = answer(&mut learning, true, Promote::ByHand);
    let [Outcome::Waits { waits, reason }] = &outcomes[..] else { panic!("{outcomes:?}") };
    assert_eq!((waits.version, reason), (2, &by_chance(true, "")));
    assert_eq!((learning.version("g"), learning.judging("g").unwrap().version), (2, 1));
}

#[test]
fn a_model_that_has_drifted_is_not_left_until_its_week_is_over() {
    let (mut learning, _) = refit(Promote::WhenBetter);
    answer(&mut learning, false, Promote::WhenBetter);
    learning.grades.get_mut("g").unwrap().drifted = true;
    add_batches(&mut learning, RETRY_AFTER - 1);
    let weekly = ModelSettings::default();
    assert_eq!(request(&mut learning, &weekly, 8), None);
    add_batches(&mut learning, 1);
    let never = ModelSettings { refit: Refit::Never, ..weekly.clone() };
    assert_eq!(request(&mut learning, &never, 8), None);
    assert_eq!(request(&mut learning, &weekly, 8), Some(8));
}

#[test]
fn request_of_an_older_configuration_is_dropped_and_made_again() {
    let settings = ModelSettings::default();
    let mut learning = learned(20);
    assert_eq!(request(&mut learning, &settings, 1), Some(1));
    learning.reconfigured(true);
    assert_eq!(learning.open_requests().count(), 0);
    assert!(!learning.answer(&ModelAnswer { request: 1, outcome: Ok(artifact()), trial: None }));
    assert_eq!(request(&mut learning, &settings, 2), Some(2));
}

#[test]
fn batches_whose_frames_have_other_columns_teach_no_more() {
    let settings = ModelSettings::default();
    let mut learning = learned(20);
    learning.reconfigured(false);
    assert_eq!((learning.have("g"), request(&mut learning, &settings, 1)), (0, None));
}

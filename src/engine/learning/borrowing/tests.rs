use super::super::Outcome;
use super::*;
use crate::engine::event::ModelAnswer;
use crate::models::{Lent, Table, fit, fit_borrowed};
use crate::plant::{Promote, Refit, Role, Tag};
use crate::words::ModelReason;

fn line() -> Line {
    let mut line = Line::named("tm3");
    line.tags = ["a", "b"].map(|id| Tag { role: Role::Process, ..Tag::named(id) }).into();
    line.batch = BatchSource::Events;
    line
}

fn ids(what: &str, n: usize) -> Vec<Arc<str>> {
    (0..n).map(|ix| format!("{what}{ix}").as_str().into()).collect()
}

/// Grades with so many batches fit for learning.
fn learned(grades: &[(&str, usize)]) -> Learning {
    let models = |(name, n): &(&str, usize)| {
        let models = GradeModels { fit: ids(name, *n), ..GradeModels::default() };
        (Arc::from(*name), models)
    };
    Learning { grades: grades.iter().map(models).collect() }
}

fn borrows(learning: &mut Learning, settings: &ModelSettings, id: u64) -> Option<FitRequest> {
    let now = Timestamp::from_nanos(0);
    learning.borrow_request((LineIx(0), &line()), &"new".into(), (settings, None), now, id)
}

fn asks(learning: &mut Learning, settings: &ModelSettings, id: u64) -> Option<FitRequest> {
    let now = Timestamp::from_nanos(0);
    let line = (LineIx(0), &line());
    learning.request(line, &"new".into(), (settings, None), now, (id, &|_| None))
}

/// A model of both tags that answers a request.
fn artifact(request: &FitRequest) -> Arc<[u8]> {
    let lent = request.neighbours.iter();
    let borrowed =
        lent.map(|one| Lent { grade: Arc::clone(&one.grade), batches: one.batches.clone() });
    let borrowed: Vec<Lent> = borrowed.collect();
    let blocks = request.batches.len() + borrowed.iter().map(|l| l.batches.len()).sum::<usize>();
    let row = |ix: usize| {
        let part = |n: usize| f64::from(u32::try_from(ix % n).unwrap());
        [part(7), part(5) + part(7)]
    };
    let mut table = Table {
        columns: vec!["a".into(), "b".into()],
        values: (0..40 * blocks).flat_map(row).collect(),
        blocks: (0..blocks).map(|block| 40 * block).collect(),
        ..Table::default()
    };
    table.source.batches.clone_from(&request.batches);
    table.source.borrowed = borrowed;
    let model = if request.neighbours.is_empty() {
        fit(&table, &request.spec)
    } else {
        fit_borrowed(table, &request.spec, &mut |_| ())
    };
    model.unwrap().to_bytes().into()
}

fn answered(
    learning: &mut Learning,
    request: &FitRequest,
    outcome: Result<Arc<[u8]>, String>,
    promote: Promote,
) -> Outcome {
    let answer = ModelAnswer { request: request.id, outcome, trial: None };
    assert!(learning.answer(&answer));
    learning.boundary(&line(), promote).pop().unwrap().1
}

fn add(learning: &mut Learning, n: usize) {
    let models = learning.grades.get_mut("new").unwrap();
    let first = models.fit.len();
    models.fit.extend(ids("later", first + n).split_off(first));
    models.since_request += u32::try_from(n).unwrap();
}

#[test]
fn a_grade_borrows_when_it_has_a_few_batches_and_others_have_enough() {
    let settings = ModelSettings::default();
    let off = ModelSettings { borrow: false, ..ModelSettings::default() };
    for (grades, settings, expected) in [
        (&[("new", OWN_AT_LEAST), ("old", 20)][..], &settings, true),
        (&[("new", OWN_AT_LEAST - 1), ("old", 20)], &settings, false),
        (&[("new", OWN_AT_LEAST), ("old", 19)], &settings, false),
        (&[("new", OWN_AT_LEAST)], &settings, false),
        (&[("new", 20), ("old", 20)], &settings, false),
        (&[("new", OWN_AT_LEAST), ("old", 20)], &off, false),
    ] {
        let mut learning = learned(grades);
        assert_eq!(borrows(&mut learning, settings, 1).is_some(), expected, "{grades:?}");
        assert!(borrows(&mut learning, settings, 2).is_none(), "one at a time");
    }
}

#[test]
fn those_with_the_most_batches_lend_their_newest() {
    let grades = [("a", 30), ("b", 20), ("c", 41), ("d", 7), ("e", 22), ("f", 23), ("g", 24)];
    let mut learning = learned(&[&grades[..], &[("new", 8)]].concat());
    let request = borrows(&mut learning, &ModelSettings::default(), 9).unwrap();
    let lent = request.neighbours.iter().map(|one| {
        let (first, last) = (&one.batches[0], &one.batches[one.batches.len() - 1]);
        format!("{} {} {first} {last}", one.grade, one.batches.len())
    });
    let lent: Vec<String> = lent.collect();
    let expected = ["c 18 c23 c40", "a 18 a12 a29", "g 18 g6 g23", "f 18 f5 f22", "e 18 e4 e21"];
    assert_eq!(lent, expected);
    assert_eq!((request.batches.len(), request.id, request.spec.seed), (8, 9, 9));

    // It is part of the state.
    let bytes = rmp_serde::to_vec_named(&learning).unwrap();
    let read: Learning = rmp_serde::from_slice(&bytes).unwrap();
    assert_eq!(read.open_requests().next(), Some(&request));
}

#[test]
fn borrowed_models_follow_each_other_until_the_grade_has_its_own() {
    // By hand as well, and where no model is fitted again: it is the first model that judges.
    for promote in [Promote::WhenBetter, Promote::ByHand] {
        let settings = ModelSettings { refit: Refit::Never, promote, ..ModelSettings::default() };
        let mut learning = learned(&[("new", OWN_AT_LEAST), ("old", 20)]);
        for version in 1..=3 {
            let request = borrows(&mut learning, &settings, u64::from(version)).unwrap();
            let outcome = Ok(artifact(&request));
            let outcome = answered(&mut learning, &request, outcome, promote);
            let Outcome::Promoted { judges, reason } = outcome else { panic!("{outcome:?}") };
            assert_eq!(judges.version, version);
            let ModelReason::Fitted { first_own: false, summary, .. } = reason else {
                panic!("{reason:?}")
            };
            assert!(summary.contains("borrowed from old (20 batches)"), "{summary}");
            assert!(learning.is_on_loan("new"));
            let have = learning.have("new") as usize;
            add(&mut learning, have.min(19 - have) - 1);
            assert!(borrows(&mut learning, &settings, 9).is_none(), "not at {have}");
            assert!(asks(&mut learning, &settings, 9).is_none());
            add(&mut learning, 1);
        }
        assert!(borrows(&mut learning, &settings, 9).is_none());
        add(&mut learning, 1);
        let own = asks(&mut learning, &settings, 10).unwrap();
        assert_eq!((own.trial.is_none(), own.neighbours.len(), own.batches.len()), (true, 0, 20));
        let outcome = Ok(artifact(&own));
        let outcome = answered(&mut learning, &own, outcome, promote);
        let Outcome::Promoted { reason, .. } = outcome else { panic!("{outcome:?}") };
        assert!(matches!(reason, ModelReason::Fitted { first_own: true, .. }), "{reason:?}");
        assert!(!learning.is_on_loan("new"));
        add(&mut learning, 50);
        assert!(asks(&mut learning, &settings, 11).is_none(), "a later one is a refit");
        assert!(borrows(&mut learning, &settings, 11).is_none());
    }
}

#[test]
fn a_loan_that_fails_keeps_no_model_of_its_own_waiting() {
    let settings = ModelSettings::default();
    let mut learning = learned(&[("new", 16), ("old", 20)]);
    let request = borrows(&mut learning, &settings, 1).unwrap();
    let outcome = answered(&mut learning, &request, Err("no".into()), Promote::WhenBetter);
    assert_eq!(outcome, Outcome::Rejected { reason: ModelReason::Failed("no".into()) });
    add(&mut learning, 3);
    assert!(borrows(&mut learning, &settings, 2).is_none(), "it waits for twice as many");
    add(&mut learning, 1);
    assert!(asks(&mut learning, &settings, 2).is_some());
}

#[test]
fn a_borrowed_model_that_a_person_installed_stays() {
    let settings = ModelSettings { refit: Refit::Never, ..ModelSettings::default() };
    let mut learning = learned(&[("new", OWN_AT_LEAST), ("old", 20)]);
    let request = borrows(&mut learning, &settings, 1).unwrap();
    learning.install(&line(), &"new".into(), 1, (artifact(&request), true)).unwrap();
    assert!(learning.is_on_loan("new"));
    add(&mut learning, 30);
    assert!(borrows(&mut learning, &settings, 2).is_none());
    assert!(asks(&mut learning, &settings, 2).is_none());
}

#[test]
fn a_borrowed_model_that_is_read_from_the_registry_again_is_a_loan_still() {
    let settings = ModelSettings { refit: Refit::Never, ..ModelSettings::default() };
    let mut learning = learned(&[("new", OWN_AT_LEAST), ("old", 20)]);
    let request = borrows(&mut learning, &settings, 1).unwrap();
    learning.install(&line(), &"new".into(), 1, (artifact(&request), false)).unwrap();
    assert!(learning.is_on_loan("new"));
    add(&mut learning, 30);
    assert!(asks(&mut learning, &settings, 2).is_some_and(|asked| asked.trial.is_none()));
}

#[test]
fn a_loan_that_was_dropped_with_an_older_configuration_is_asked_for_again() {
    let settings = ModelSettings::default();
    let mut learning = learned(&[("new", OWN_AT_LEAST), ("old", 20)]);
    assert!(borrows(&mut learning, &settings, 1).is_some());
    learning.reconfigured(true);
    assert!(borrows(&mut learning, &settings, 2).is_some());
}

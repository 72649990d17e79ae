//! Models that a person lets judge while the daemon runs.

use super::adaptation::{LONG, artifact, engine, story};
use super::*;
use crate::alarm::Subject;

/// A person lets the model of another steam judge.
fn promote(s: i64, line: &str) -> Event {
    Event::Command(Command::Promote(Box::new(Promotion {
        line: line.into(),
        grade: "facial".into(),
        of: 1,
        artifact: artifact(0.3),
        back: false,
        by: Some("shift-a".into()),
        at: at(s),
    })))
}

/// A story of batches in the middle of which another model is promoted.
fn promoted() -> Vec<Event> {
    let mut events = story(0.0, None);
    // Within the fourth batch.
    events.insert(events.len() * 7 / 26, promote(3 * LONG + 60, "tm3"));
    events
}

/// The same, taken back before the batch is over.
fn withdrawn() -> Vec<Event> {
    let mut events = promoted();
    let withdrawal =
        Withdrawal { line: "tm3".into(), grade: "facial".into(), by: None, at: at(3 * LONG + 70) };
    events.insert(events.len() * 7 / 26 + 8, Event::Command(Command::Withdraw(withdrawal)));
    events
}

fn models(effects: &[Effect]) -> Vec<&ModelRecord> {
    effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Model(record) => Some(record),
            _ => None,
        })
        .collect()
}

#[test]
fn a_promoted_model_judges_from_the_next_batch_on_under_a_new_version() {
    let mut engine = engine(true);
    let effects = apply(&mut engine, promoted());
    let [record] = models(&effects)[..] else { panic!("{:?}", models(&effects).len()) };
    assert_eq!((record.version, record.judges, record.at), (2, true, at(4 * LONG)));
    assert_eq!(record.artifact, artifact(0.3));
    assert_eq!(engine.model_version("tm3", "facial"), 2);
    let news: Vec<&alarm::Notification> = effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Notification(news) if news.kind.as_str() == "model.promoted" => Some(&**news),
            _ => None,
        })
        .collect();
    let [news] = news[..] else { panic!("it is told once") };
    let Subject::Model { version, reason, .. } = &news.subject else { panic!("{news:?}") };
    let by = crate::words::ModelReason::ByPerson { by: Some("shift-a".into()), of: 1, back: false };
    assert_eq!((*version, reason), (2, &by));
    let before = effects.iter().position(|effect| matches!(effect, Effect::Model(_))).unwrap();
    let limits = |effects: &[Effect]| {
        effects.iter().rev().find_map(|effect| match effect {
            Effect::Score(record) => Some(record.statistics[0].2),
            _ => None,
        })
    };
    assert_ne!(limits(&effects[..before]), limits(&effects), "another model has other limits");
}

#[test]
fn a_promotion_is_shown_until_it_judges_or_is_taken_back() {
    let shown = |engine: &Engine| engine.view().lines[0].promotions.clone();
    let events = withdrawn();
    let promoted = events.iter().position(|event| matches!(event, Event::Command(_))).unwrap();
    let mut engine = engine(true);
    apply(&mut engine, events[..promoted].to_vec());
    assert_eq!(shown(&engine), []);
    apply(&mut engine, [events[promoted].clone()]);
    let [waits] = &shown(&engine)[..] else { panic!("{:?}", shown(&engine)) };
    assert_eq!((waits.version, waits.of, waits.asked), (2, 1, at(3 * LONG + 60)));
    assert_eq!(engine.promotion("tm3", "facial").as_ref(), Some(waits));
    assert_eq!(
        waits.sentence(),
        format!(
            "version 2 judges from the next batch boundary of the line on: promoted by shift-a, the \
             artifact of version 1 at {}",
            at(3 * LONG + 60)
        )
    );
    let effects = apply(&mut engine, events[promoted + 1..].to_vec());
    assert_eq!((shown(&engine), models(&effects).len()), (Vec::new(), 0));
    assert_eq!(engine.model_version("tm3", "facial"), 1);
    // Nothing is another than if it had never been asked for.
    let other = |effects: Vec<Effect>| -> Vec<Effect> {
        effects
            .into_iter()
            .filter(|effect| !matches!(effect, Effect::Fit(_) | Effect::Audit(_)))
            .collect()
    };
    let without = apply(&mut super::adaptation::engine(true), story(0.0, None));
    let with = apply(&mut super::adaptation::engine(true), withdrawn());
    assert_eq!(other(with), other(without));
}

#[test]
fn the_journal_gives_a_promotion_again_to_the_bit() {
    for events in [promoted(), withdrawn()] {
        gives_again_to_the_bit(&events);
    }
}

fn gives_again_to_the_bit(events: &[Event]) {
    let whole = apply(&mut engine(true), events.to_vec());
    let again = |event: &Event| match event {
        Event::Command(_) => {
            let mut bytes = Vec::new();
            event.encode(&mut bytes);
            Event::decode_all(&bytes).unwrap().remove(0)
        }
        other => other.clone(),
    };
    // A checkpoint while the promotion waits for its boundary.
    let cut = events.len() * 7 / 26 + 20;
    let mut first = engine(true);
    let mut parts = apply(&mut first, events[..cut].iter().map(again));
    let mut second = Engine::restore(&first.checkpoint()).unwrap();
    parts.extend(apply(&mut second, events[cut..].iter().map(again)));
    assert_eq!(whole, parts);
}

#[test]
fn a_line_without_batches_takes_it_at_once_and_one_that_is_not_declared_never() {
    let mut engine = engine(true);
    assert_eq!(models(&apply(&mut engine, [promote(0, "tm9")])).len(), 0);
    assert!(engine.version_promoted("tm9", "facial", &artifact(0.0)).is_err());
    assert_eq!(engine.version_promoted("tm3", "facial", &artifact(0.0)), Ok(2));
    let mut plant = engine.plant().clone();
    plant.lines[0].batch = crate::plant::BatchSource::None;
    let mut engine = Engine::new(plant, Vec::new());
    let effects = apply(&mut engine, [promote(0, "tm3")]);
    assert_eq!(models(&effects).iter().map(|record| record.version).collect::<Vec<_>>(), [1]);
}

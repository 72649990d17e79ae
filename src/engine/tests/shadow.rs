//! A model that waits for a person judges in the shadow of the one that judges.

use super::adaptation::{artifact, engine, story};
use super::*;
use crate::decode::Disposition;
use crate::plant::{Promote, Refit};

/// The engine of a plant that fits after each second good batch, and lets limits be.
fn refitting(promote: Promote) -> Engine {
    let mut plant = engine(false).plant().clone();
    plant.models.learning_batches = 2;
    plant.models.refit = Refit::Batches(2);
    plant.models.promote = promote;
    let mut engine = Engine::new(plant, Vec::new());
    engine.install("tm3", &"facial".into(), 1, artifact(0.0)).unwrap();
    engine
}

/// Batches with steam off, released, and after the first request for a model one that is better: it knows such
/// steam.
fn answered() -> Vec<Event> {
    answered_with(0.6)
}

/// The same with a model of steam that is off by as much.
fn answered_with(off: f64) -> Vec<Event> {
    let mut engine = refitting(Promote::ByHand);
    let mut events = Vec::new();
    for event in story(0.6, Some(Disposition::Release)) {
        let effects = apply(&mut engine, [event.clone()]);
        events.push(event);
        let asked = effects.iter().find_map(|effect| match effect {
            Effect::Fit(request) => Some(request.id),
            _ => None,
        });
        // Only the first is answered: the model stays the newest that waits.
        if let Some(request) = asked.filter(|_| engine.model_version("tm3", "facial") == 1) {
            let trial = Some(Trial { against: 1, better: true, ..Trial::default() });
            let answer = Event::Model(ModelAnswer { request, outcome: Ok(artifact(off)), trial });
            apply(&mut engine, [answer.clone()]);
            events.push(answer);
        }
    }
    events
}

fn challengers(engine: &Engine) -> Vec<ChallengerView> {
    engine.view().lines[0].challengers.clone()
}

#[test]
fn it_says_what_it_would_have_flagged_beside_the_one_that_judges() {
    let mut engine = refitting(Promote::ByHand);
    apply(&mut engine, answered());
    let [challenger] = &challengers(&engine)[..] else { panic!("{:?}", challengers(&engine)) };
    assert_eq!((&*challenger.grade, challenger.version, challenger.against), ("facial", 2, 1));
    // It waits from the fourth of thirteen batches on, and the last one goes on.
    let Beside { good, bad, open } = challenger.beside;
    assert_eq!((good.of, good.by_present(), good.by_new(), bad.of, open), (9, 9, 0, 0, 0));
    assert_eq!(
        challenger.sentence(),
        "version 2 waits to be promoted and has judged the last 9 batches: of 9 good ones it would \
         have flagged 0 and version 1 9"
    );
    // What is found later counts.
    let event = BatchEvent::Disposition {
        batch: "R9".into(),
        disposition: Disposition::Scrap,
        by: None,
        note: None,
    };
    apply(&mut engine, [batch(13 * 120, event)]);
    let Beside { good, bad, .. } = challengers(&engine)[0].beside;
    assert_eq!((good.of, bad.of, bad.by_present(), bad.by_new()), (8, 1, 1, 0));
}

#[test]
fn nothing_else_is_another_for_it() {
    let scores = |events: Vec<Event>| -> Vec<Effect> {
        let mut effects = apply(&mut refitting(Promote::ByHand), events);
        effects.retain(|effect| !matches!(effect, Effect::Model(_) | Effect::Fit(_)));
        effects.retain(|effect| {
            !matches!(effect, Effect::Notification(n) if n.kind.as_str() == "model.waiting")
        });
        effects
    };
    let without = answered().into_iter().filter(|event| !matches!(event, Event::Model(_)));
    assert_eq!(scores(answered()), scores(without.collect()));
}

#[test]
fn it_outlives_a_restart_within_a_batch() {
    let events = answered();
    let mut whole = refitting(Promote::ByHand);
    apply(&mut whole, events.clone());
    let mut first = refitting(Promote::ByHand);
    let cut = events.len() / 2 + 100;
    apply(&mut first, events[..cut].to_vec());
    let mut second = Engine::restore(&first.checkpoint()).unwrap();
    apply(&mut second, events[cut..].to_vec());
    assert_eq!(challengers(&second), challengers(&whole));
    assert_eq!(second.checkpoint(), whole.checkpoint());
}

#[test]
fn it_goes_when_another_model_judges_or_the_plant_wants_none_to_wait() {
    let mut promoted = refitting(Promote::ByHand);
    apply(&mut promoted, answered());
    let promotion = Promotion {
        line: "tm3".into(),
        grade: "facial".into(),
        of: 2,
        artifact: artifact(0.6),
        back: false,
        by: None,
        at: at(13 * 120),
    };
    apply(&mut promoted, [Event::Command(Command::Promote(Box::new(promotion)))]);
    assert_eq!(challengers(&promoted).len(), 1, "until the boundary");
    apply(&mut promoted, [start(13 * 120, "R13")]);
    apply(&mut promoted, run(13 * 120..13 * 120 + 5, 15.0));
    assert_eq!((challengers(&promoted), promoted.model_version("tm3", "facial")), (Vec::new(), 3));

    let mut other = refitting(Promote::ByHand);
    apply(&mut other, answered_with(0.4));
    let mut plant = other.plant().clone();
    plant.models.promote = Promote::WhenBetter;
    other.reconfigure(plant, Vec::new());
    apply(&mut other, [start(13 * 120, "R13")]);
    apply(&mut other, run(13 * 120..13 * 120 + 5, 15.0));
    assert_eq!(challengers(&other), []);

    let mut at_once = refitting(Promote::WhenBetter);
    apply(&mut at_once, answered_with(0.4));
    assert_eq!((challengers(&at_once), at_once.model_version("tm3", "facial")), (Vec::new(), 2));

    // One that is far from what a person put there waits whatever the plant wants.
    let mut far = refitting(Promote::WhenBetter);
    apply(&mut far, answered());
    assert_eq!(challengers(&far).len(), 1);
}

//! Scans across the web: what follows from them.

use super::*;
use crate::decode::ProfileMessage;
use crate::plant::Profile;
use crate::profile::LeftOut;

fn with_profile() -> Plant {
    let mut plant = plant();
    let line = &mut plant.lines[0];
    line.profiles.push(Profile { unit: "g/m2".into(), ..Profile::named("web") });
    line.tags.push(Tag { role: Role::Quality, ..Tag::named("web.two_sigma_cd") });
    let limit = SpecLimit { high: Some(1.0), ..SpecLimit::default() };
    let mut grade = facial(&plant);
    grade.spec.insert("web.two_sigma_cd".into(), limit);
    plant.grades.insert("facial".into(), grade);
    plant
}

/// The scan that ends at a second, of 100 boxes, of which some from the 50th on are changed by so much.
fn scan(s: i64, changed: usize, by: f64) -> Event {
    let noise = |ix: i64| {
        #[expect(clippy::cast_precision_loss, reason = "small test numbers")]
        let noise = ((s * 7919 + ix * 104_729) % 101) as f64 / 1000.0;
        noise
    };
    let mut values: Vec<f64> = (0..100).map(|ix| 15.0 + noise(ix)).collect();
    values[50..50 + changed].iter_mut().for_each(|value| *value += by);
    let message = ProfileMessage {
        line: "tm3".into(),
        area: "dry".into(),
        tag: "web".into(),
        at: Some(at(s)),
        values,
        positions: None,
        quality: SourceQuality::Good,
        on_sheet: true,
    };
    Event::Message(at(s), Message::Profile(Box::new(message)))
}

fn records(effects: &[Effect]) -> Vec<&ProfileRecord> {
    effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Profile(record) => Some(&**record),
            _ => None,
        })
        .collect()
}

#[test]
fn a_scan_is_a_record_and_a_value_of_the_tags_that_are_called_so() {
    let mut engine = Engine::new(with_profile(), Vec::new());
    let events = (0..20).flat_map(|n| {
        let seconds = run(n * 30..n * 30 + 30, 15.0);
        std::iter::once(scan(n * 30, 0, 0.0)).chain(seconds)
    });
    let effects = apply(&mut engine, std::iter::once(start(0, "R1")).chain(events));
    let found = records(&effects);
    assert_eq!(found.len(), 20);
    assert_eq!(found[19].zones.len(), 60);
    let last = &found[19].statistics;
    assert!((last.mean - 15.05).abs() < 0.01 && last.scans == 20, "{last:?}");
    let cd: Vec<f64> = effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Reading(r) if &*r.series.tag == "web.two_sigma_cd" => r.value.number(),
            _ => None,
        })
        .collect();
    assert_eq!((cd.len(), cd.last().copied()), (16, last.two_sigma_cd), "from the fifth scan on");
    // A scan that came before is not written again; one that is older is, and says nothing of the product.
    let effects = apply(&mut engine, [scan(570, 0, 0.0)]);
    assert_eq!(records(&effects).len(), 0);
    let effects = apply(&mut engine, [scan(495, 0, 0.0)]);
    let [late] = records(&effects)[..] else { panic!("{effects:?}") };
    assert_eq!((late.at, late.statistics.scans, late.zones.len()), (at(495), 0, 60));
    let view = &engine.view().lines[0].profiles[0];
    assert_eq!((&*view.id, view.scans), ("web", 22));
    assert_eq!(view.left_out, Some(LeftOut::Late));
    // Nor does a time that is odd stop those after it.
    let Event::Message(_, ahead) = scan(9000, 0, 0.0) else { panic!() };
    let effects = apply(&mut engine, [Event::Message(at(575), ahead)]);
    assert_eq!((records(&effects).len(), said(&effects).len()), (1, 1));
    // The next reel begins anew, and of a line that stands nothing is said.
    apply(&mut engine, std::iter::once(start(600, "R2")).chain(run(600..610, 15.0)));
    let effects = apply(&mut engine, [scan(610, 0, 0.0)]);
    assert_eq!(records(&effects)[0].statistics.scans, 1);
    let pause = batch(612, BatchEvent::Pause { reason: Some("break".into()) });
    let effects = apply(
        &mut engine,
        std::iter::once(pause).chain(run(612..640, 15.0)).chain([scan(640, 0, 0.0)]),
    );
    assert_eq!(records(&effects)[0].statistics.scans, 0);
    let left_out = engine.view().lines[0].profiles[0].left_out;
    assert_eq!(left_out, Some(LeftOut::NothingMade));
}

#[test]
fn a_limit_on_what_varies_across_the_web_judges_the_batch() {
    let mut engine = Engine::new(with_profile(), Vec::new());
    let events = (0..40).flat_map(|n| {
        let seconds = run(n * 20..n * 20 + 20, 15.0);
        // Half of the web is two heavier.
        std::iter::once(scan(n * 20, 50, 2.0)).chain(seconds)
    });
    let effects = apply(&mut engine, std::iter::once(start(0, "R1")).chain(events));
    let said = said(&effects);
    assert!(said.iter().any(|event| event.contains("batch.off_spec")), "{said:?}");
}

#[test]
fn a_streak_is_an_alarm_until_it_is_gone() {
    let mut engine = Engine::new(with_profile(), Vec::new());
    let streak = |n: i64| scan(n * 30, 4, if (40..120).contains(&n) { 0.3 } else { 0.0 });
    let mut effects = apply(&mut engine, [start(0, "R1")]);
    effects.extend(apply(&mut engine, (0..80).map(streak)));
    // What is known of it outlives a restart.
    let mut engine = Engine::restore(&engine.checkpoint()).unwrap();
    effects.extend(apply(&mut engine, (80..220).map(streak)));
    let told: Vec<&alarm::Notification> = effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Notification(told) if told.kind.as_str().starts_with("profile.") => {
                Some(&**told)
            }
            _ => None,
        })
        .collect();
    let [found, gone] = told[..] else { panic!("{told:?}") };
    assert_eq!((&*found.alarm, &*gone.alarm), ("tm3/profile/web", "tm3/profile/web"));
    assert_eq!(&*found.title, "tm3: web has a streak across the web");
    assert!(found.text.contains("51 to 54: +0."), "{}", found.text);
    let scans = |at: Timestamp| at.as_millis() / 30_000;
    assert!((41..60).contains(&scans(found.at)) && (121..160).contains(&scans(gone.at)));
}

#[test]
fn what_is_not_declared_is_shown_or_ignored_and_never_too_much() {
    let of = |line: &str, tag: &str, s: i64| {
        let Event::Message(_, Message::Profile(mut message)) = scan(s, 0, 0.0) else { panic!() };
        (message.line, message.tag) = (line.into(), tag.into());
        Event::Message(at(s), Message::Profile(message))
    };
    let mut engine = Engine::new(with_profile(), Vec::new());
    let effects = apply(&mut engine, [of("tm3", "moisture", 1), of("tm9", "moisture", 1)]);
    assert_eq!(records(&effects).len(), 2);
    assert_eq!(&*records(&effects)[0].id, "dry/moisture");
    assert_eq!(engine.view().lines[0].profiles.len(), 1);
    let many = (0..300).map(|n| of("tm9", &format!("p{n}"), 2));
    let effects = apply(&mut engine, many);
    assert_eq!((records(&effects).len(), said(&effects).len()), (126, 174));
    // What is declared has room all the same.
    assert_eq!(records(&apply(&mut engine, [of("tm3", "web", 2)])).len(), 1);
    // So many boxes of all: eight of the widest.
    let wide = |n: i64| {
        let Event::Message(_, Message::Profile(mut message)) = of("tm9", &format!("p{n}"), 2)
        else {
            panic!()
        };
        message.values = vec![15.0; 4096];
        Event::Message(at(2), Message::Profile(message))
    };
    let effects = apply(&mut Engine::new(plant(), Vec::new()), (0..10).map(wide));
    assert_eq!((records(&effects).len(), said(&effects).len()), (8, 2), "{:?}", said(&effects));
    let ignoring = Plant { undeclared: Undeclared::Ignore, ..plant() };
    let effects = apply(&mut Engine::new(ignoring, Vec::new()), [of("tm3", "moisture", 1)]);
    assert_eq!(
        said(&effects),
        ["fault undeclared: profile `moisture` of line `tm3` is not declared"]
    );
}

#[test]
fn the_sheet_keeps_how_the_variance_of_its_own_scans_was_divided() {
    let mut engine = Engine::new(with_profile(), Vec::new());
    let scans = |from: i64| {
        (from..from + 8).flat_map(|n| {
            std::iter::once(scan(n * 30, 0, 0.0)).chain(run(n * 30..n * 30 + 30, 15.0))
        })
    };
    let first = std::iter::once(start(0, "R1")).chain(scans(0));
    let mut effects = apply(&mut engine, first);
    // The scans of the next batch, a result and late readings change nothing of it.
    effects.extend(apply(&mut engine, std::iter::once(start(240, "R2")).chain(scans(8))));
    let sheets: Vec<&SectionsRecord> = effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Sections(record) if &*record.batch == "R1" => Some(&**record),
            _ => None,
        })
        .collect();
    // The scan that ends as R2 begins is one of R1.
    let last = records(&effects)[8].statistics.clone();
    let [.., sheet] = sheets[..] else { panic!("{effects:?}") };
    let [web] = &sheet.profiles[..] else { panic!("{sheet:?}") };
    assert_eq!((&*web.profile, &*web.unit, web.scans), ("web", "g/m2", 9));
    let kept = [web.two_sigma_md, web.two_sigma_cd, web.two_sigma_residual];
    let known = [last.two_sigma_md, last.two_sigma_cd, last.two_sigma_residual];
    assert_eq!(kept.map(Some), known);
    let again = Engine::restore(&engine.checkpoint()).unwrap();
    assert_eq!(again.state.lines[0].scans, engine.state.lines[0].scans);
    assert_eq!(again.state.lines[0].scans.of("R1").len(), 1, "and a checkpoint has them");
}

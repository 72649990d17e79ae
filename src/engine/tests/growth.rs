//! What is kept of a line does not grow for ever.

use super::*;
use crate::decode::{Disposition, ProfileMessage};
use crate::plant::Profile;

const HOUR: i64 = 3600;
/// A reading of each tag, a scan, and a reel so often, s.
const STEP: i64 = 10;
const SCAN: i64 = 30;
const REEL: i64 = 300;
/// So often is measured what is kept, s.
const LOOK: i64 = 70;

fn scan(s: i64) -> Event {
    #[expect(clippy::cast_precision_loss, reason = "small test numbers")]
    let value = |ix: i64| 15.0 + ((s * 7919 + ix * 104_729) % 101) as f64 / 1000.0;
    let message = ProfileMessage {
        line: "tm3".into(),
        area: "dry".into(),
        tag: "web".into(),
        at: Some(at(s)),
        values: (0..60).map(value).collect(),
        positions: None,
        quality: SourceQuality::Good,
        on_sheet: true,
    };
    Event::Message(at(s), Message::Profile(Box::new(message)))
}

/// What comes in ten seconds: some of it late, repeated, of nobody, and wrong.
fn step(s: i64) -> Vec<Event> {
    let mut events = Vec::new();
    let reel = s / REEL;
    if s % REEL == 0 {
        events.push(start(s, &format!("R{reel}")));
    }
    if s % REEL == 100 && reel > 0 {
        let name: Arc<str> = format!("R{}", reel - 1).into();
        let (property, value) = ("tensile".into(), 120.0);
        events.push(batch(
            s,
            BatchEvent::Lab {
                batch: Arc::clone(&name),
                property,
                value,
                unit: None,
                position: None,
            },
        ));
        let disposition = Disposition::Release;
        events.push(batch(
            s,
            BatchEvent::Disposition { batch: name, disposition, by: None, note: None },
        ));
    }
    if s % SCAN == 0 {
        events.push(scan(s));
    }
    let off = if reel % 12 == 7 { 2.0 } else { 0.0 };
    events.extend(run(s..s + 1, 15.0 + off));
    if s % 60 == 0 && s > 400 {
        // Of the reel before this one.
        let Event::Message(_, late) = reading("steam", s - 305, 7.02) else { unreachable!() };
        events.push(Event::Message(at(s), late));
        let Event::Message(_, late) = scan(s - 295) else { unreachable!() };
        events.push(Event::Message(at(s), late));
        events.push(reading(&format!("nobody{}", s / 60), s, 1.0));
        events.push(batch(
            s,
            BatchEvent::End { batch: format!("X{s}").into(), length_m: None, mass_kg: None },
        ));
    }
    events
}

#[test]
fn what_is_kept_of_a_line_is_as_much_after_five_hours_as_after_three() {
    let mut plant = plant();
    for tag in &mut plant.lines[0].tags {
        tag.stale = Duration::from_secs(60);
    }
    plant.lines[0].frame = Duration::from_secs(10);
    plant.lines[0].profiles.push(Profile::named("web"));
    let mut engine = Engine::new(plant, Vec::new());
    let mut most = [0; 5];
    let mut out = Vec::new();
    for s in (0..5 * HOUR).filter(|s| s % STEP == 0) {
        for event in step(s) {
            engine.apply(event, &mut out);
        }
        out.clear();
        // At every place of a reel in every hour.
        if s % LOOK == 0 {
            let hour = usize::try_from(s / HOUR).unwrap();
            most[hour] = most[hour].max(engine.checkpoint().len());
        }
    }
    // The ids of batches fit for learning, and the rows of those that the laboratory measured, some bytes each, are kept up to
    // a number of their own; so is what was said of each at three stages.
    let of_batches = usize::try_from(HOUR / REEL).unwrap() * 600;
    assert!(most[4] <= most[3] + most[3] / 80 + of_batches, "{most:?}");
}

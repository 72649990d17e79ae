//! Sensors of a line whose batches go through phases: habits take whole batches, and the line says when one is over.

use super::charts::wobble;
use super::*;

/// Minutes of a batch; the last of them are restless.
const BATCH: i64 = 100;

fn phased_plant() -> Plant {
    let mut plant = plant();
    plant.lines[0].frame = Duration::from_secs(60);
    for tag in &mut plant.lines[0].tags {
        tag.silence = Some(Duration::from_secs(600));
    }
    plant
}

/// Batches `0..n` with a reading a minute; in batch `sick` those of `steam` are noise.
fn batches(n: i64, sick: Option<i64>) -> Vec<Event> {
    let minute = |ix: i64| {
        let (number, place) = (ix / BATCH, ix % BATCH);
        let size = match place {
            _ if sick == Some(number) => 1000.0,
            85.. => 1.0,
            _ => 0.01,
        };
        let value = [("bw", 15.0 + 0.1 * wobble(ix)), ("steam", 7.0 + size * wobble(ix + 7))];
        let mut events = Vec::new();
        if place == 0 {
            events.push(start(ix * 60, &format!("R{number}")));
        }
        events.extend(value.map(|(tag, value)| reading(tag, ix * 60, value)));
        events
    };
    (0..n * BATCH).flat_map(minute).collect()
}

/// What was said of sensors: the minute and the words.
fn sensors(sick: Option<i64>) -> Vec<(i64, String)> {
    let mut engine = Engine::new(phased_plant(), Vec::new());
    let said = |effect: Effect| match effect {
        Effect::Alarm(alarm) if alarm.alarm.contains("/sensor/steam") => {
            Some((alarm.at.as_millis() / 60_000, alarm.message.to_string()))
        }
        _ => None,
    };
    apply(&mut engine, batches(12, sick)).into_iter().filter_map(said).collect()
}

#[test]
fn a_phase_that_comes_with_each_batch_is_no_fault() {
    assert_eq!(sensors(None), []);
}

#[test]
fn what_no_phase_explains_is_a_fault_from_the_third_batch_on() {
    let found = sensors(Some(5));
    let (minute, words) = &found[0];
    assert!((5 * BATCH..5 * BATCH + 25).contains(minute), "{found:?}");
    assert!(words.contains("scatters far more"), "{words}");
}

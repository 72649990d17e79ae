//! What a backtest says of the batches that are kept is what was said of them live.

use super::adaptation::{LONG, engine, values};
use super::*;
use crate::models::{Backtest, Model, Said};
use crate::plant::{Guard, Way};

/// Batches of all kinds: calm ones, with a hole, with a break, off, and off by little.
fn rough() -> Vec<Event> {
    let mut events = Vec::new();
    for n in 0..9 {
        let begin = n * LONG;
        events.push(start(begin, &format!("R{n}")));
        if n == 3 || n == 7 {
            let pause = BatchEvent::Pause { reason: Some("break".into()) };
            events.push(batch(begin + 40, pause));
            events.push(batch(begin + 50, BatchEvent::Resume));
        }
        for s in begin..begin + LONG {
            let within = s - begin;
            let off = match n {
                // Just before the break, so that what is smoothed has it behind it as well.
                3 | 7 if (30..45).contains(&within) => 0.9,
                4 if within > 60 => 1.2,
                5 => 0.5,
                _ => 0.0,
            };
            if n == 2 && (40..100).contains(&within) {
                continue;
            }
            let [steam, draw] = values(s, off);
            events.extend([
                reading("bw", s, 15.0),
                reading("steam", s, steam),
                reading("draw", s, draw),
                reading("speed", s, 600.0),
            ]);
        }
    }
    events
}

/// What was said of a batch: the greatest score, and when it was first flagged.
type Peak = (Option<u64>, Option<Timestamp>);

/// What was said live, and by a backtest of the frames that were kept, of each finished batch.
fn both(guard: Guard) -> Vec<(String, Peak, Peak)> {
    let mut engine = engine(false);
    let mut plant = engine.plant().clone();
    plant.lines[0].settle = Duration::from_secs(15);
    plant.lines[0].tags.iter_mut().for_each(|tag| tag.guard = guard);
    engine.reconfigure(plant, Vec::new());
    let effects = apply(&mut engine, rough());
    let model = Model::from_bytes(&super::adaptation::artifact(0.0)).unwrap();
    let line = &engine.plant().lines[0];
    let tags: Vec<usize> =
        model.columns().iter().map(|column| line.tag_position(column).unwrap()).collect();
    let mut test = Backtest::new(&model, vec![guard; tags.len()], 1.0);
    let finished = engine.finished_batches(LineIx(0), "facial");
    let told = |batch: &FinishedBatch| {
        let scores = effects.iter().filter_map(|effect| match effect {
            Effect::Score(score) if score.batch.as_ref() == Some(&batch.id) => score.score,
            _ => None,
        });
        let heard = (scores.reduce(f64::max).map(f64::to_bits), batch.first_flag);
        test.begin(&batch.made);
        for effect in &effects {
            let Effect::Frame(frame) = effect else { continue };
            if frame.product && frame.batch.as_ref() == Some(&batch.id) {
                let values = tags.iter().map(|ix| frame.values[*ix]).collect();
                test.frame((frame.start, frame.end), values);
            }
        }
        let Said { peak, flag, .. } = test.end(&batch.id);
        (batch.id.to_string(), heard, (peak.map(f64::to_bits), flag.map(|flag| flag.at)))
    };
    finished.iter().map(told).collect()
}

#[test]
fn a_backtest_says_what_was_said_live_to_the_bit() {
    for guard in [Guard::default(), Guard { band: 0.8, way: Way::Both }] {
        let all = both(guard);
        assert_eq!(all.len(), 8);
        for (batch, live, backtest) in &all {
            assert_eq!(live, backtest, "{batch} {guard:?}");
        }
        let flags =
            |id: &str| all.iter().any(|(batch, (_, flag), _)| batch == id && flag.is_some());
        assert!(flags("R4") && !flags("R0"), "{all:?}");
        // What is off by less than the guard band is flagged without one.
        assert_eq!(flags("R5"), guard == Guard::default(), "{all:?}");
    }
}

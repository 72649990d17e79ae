//! Nothing but garbage, and good readings in between.

use super::gateway::{Message, publish_rounds};
use super::given;
use super::memory::Memory;
use crate::faults::plant::Plant;
use crate::faults::site::Site;
use crate::support::wait_until;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Rounds in a second, and garbage in one.
const ROUNDS: u32 = 20;
const GARBAGE: u32 = 250;

/// Seconds of the plant before it, for a run by hand: longer than a line remembers readings (an hour) and batches (200 of
/// a minute).
const BEFORE: i64 = 210 * 60;

/// One message that is counted as one fault, another one each time.
fn garbage(n: u32) -> Message {
    let ts = 1_769_126_400_000_i64 + i64::from(n);
    let topic = match n % 8 {
        6 => "mill/tm3/events".to_owned(),
        _ => format!("mill/tm3/dry/tag_{:02}", n % 3 + 1),
    };
    let payload = match n % 8 {
        0 => format!("{{\"v\":{n}"),
        1 => format!(r#"{{"v":NaN,"ts":{ts}}}"#),
        2 => format!(r#"{{"nothing":{n},"ts":{ts}}}"#),
        3 => format!(r#"{{"v":[{n}],"ts":{ts}}}"#),
        4 => format!(r#"{{"v":{n},"ts":"soon"}}"#),
        5 => return (topic, [&n.to_le_bytes()[..], &[0xff; 60]].concat()),
        6 => format!(r#"{{"event":"batch-start","ts":{n}}}"#),
        _ => "[".repeat(usize::try_from(n % 300 + 1).expect("it is small")),
    };
    (topic, payload.into_bytes())
}

#[test]
fn a_flood_of_garbage_costs_no_memory_and_every_good_reading_arrives() {
    let by_hand = given("ONSPEC_FLOOD_SECONDS");
    let seconds = by_hand.unwrap_or(7);
    let site = Site::new();
    let mut daemon = site.daemon();
    let mut plant = Plant::of_january();
    let (port, stop, over) = (site.broker.port(), AtomicBool::new(false), AtomicBool::new(false));
    if by_hand.is_some() {
        let minutes: Vec<_> = (0..BEFORE / 60).map(|_| plant.work(60)).collect();
        let every = Duration::from_secs(1) / ROUNDS;
        publish_rounds(port, every, &stop, |round| minutes.get(round as usize).cloned());
        site.wait_stored(&plant);
    }
    // One second of the plant in each round.
    let good: Vec<Vec<Message>> = (0..seconds * ROUNDS).map(|_| plant.work(1)).collect();

    let (mut memory, begun) = (Memory::default(), Instant::now());
    let every = Duration::from_secs(1) / ROUNDS;
    let sent = std::thread::scope(|scope| {
        let gateway = scope.spawn(|| {
            let sent = publish_rounds(port, every, &stop, |round| {
                let mut messages = good.get(usize::try_from(round).expect("it is small"))?.clone();
                let first = round * GARBAGE;
                messages.extend((first..first + GARBAGE).map(garbage));
                Some(messages)
            });
            over.store(true, Ordering::Release);
            sent
        });
        // A look each time that it is asked whether all is said.
        wait_until("all is said", Duration::from_secs(u64::from(seconds) * 4 + 60), || {
            std::thread::park_timeout(every);
            memory.sample(daemon.id(), begun.elapsed().as_secs_f64());
            over.load(Ordering::Acquire)
        });
        gateway.join().expect("the gateway ends well")
    });
    let took = begun.elapsed().as_secs_f64();
    let garbage = seconds * ROUNDS * GARBAGE;
    wait_until("every fault is counted", Duration::from_secs(120), || {
        memory.sample(daemon.id(), begun.elapsed().as_secs_f64());
        site.metric("onspec_faults_total") >= f64::from(garbage)
    });
    site.check(&plant);
    assert_eq!(site.metric("onspec_faults_total").to_string(), garbage.to_string());
    // A third for what grows up to a bound: the messages that are remembered, the caches of the store.
    let slope = memory.slope_from(took / 3.0);
    eprintln!(
        "{garbage} messages of garbage and {} good readings in {took:.1} s ({:.0} messages/s): every reading is in \
         InfluxDB, every message of garbage is counted",
        plant.count(),
        f64::from(u32::try_from(sent).expect("it is not that many")) / took
    );
    eprintln!("{}; peak {:.1} MiB", slope.told(), memory.peak());
    if seconds >= 60 {
        assert!(slope.is_flat(), "memory grows: {}", slope.told());
    }
    // In a few seconds nothing is flat; but all that is kept has a bound.
    assert!(memory.peak() < 256.0, "{} MiB", memory.peak());
    assert_eq!(daemon.terminate(), Some(0), "{}", daemon.log());
}

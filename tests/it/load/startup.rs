//! How soon the daemon is there again after it was killed under load, with much in its journal.

use super::gateway::{Message, publish_rounds};
use super::{cpu, given};
use crate::faults::site::Site;
use crate::support::{Daemon, wait_until};
use onspec::app::{FitMode, Outputs, Pipeline};
use onspec::decode::Arrival;
use onspec::engine::Event;
use onspec::reading::Timestamp;
use onspec::store::Store;
use rand_core::{RngCore, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

const BEGIN_MS: i64 = 1_769_126_400_000;
/// Values in a message of the load, and rounds of messages in a second.
const WIDE: u32 = 40;
const ROUNDS: u32 = 20;
/// The load goes on for so long before the daemon is killed: a second less than there is between checkpoints, so that
/// as much as possible of the journal has to be applied again.
const UNDER_LOAD: Duration = Duration::from_secs(9);
/// What is promised of the start.
const SOON: Duration = Duration::from_secs(2);

/// Fills the journal to so many MiB with messages of 8 KiB, of which most is words that no rule reads. Noise, so that
/// the journal's compression does not shrink them.
fn fill(site: &Site, mib: u32) {
    let checked = onspec::config::read(&site.config()).expect("the daemon takes it");
    let store = Store::open(&checked.store).expect("the file is ours");
    let (rules, plant, outputs) = (checked.rules(), checked.plant, Outputs::default());
    let (mut pipeline, _) =
        Pipeline::open(store, plant, rules, outputs, FitMode::Elsewhere).expect("it is empty");
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(7);
    let mut ts = BEGIN_MS - 1_000_000_000;
    while pipeline.store().size_bytes().expect("the file is there") < u64::from(mib) << 20 {
        let arrivals: Vec<Event> = (0..128)
            .map(|_| {
                let mut words = String::with_capacity(8192);
                while words.len() < 8000 {
                    write!(words, "{:016x}", rng.next_u64()).expect("a String takes all");
                }
                ts += 50;
                Event::Arrival(Arrival {
                    broker: "plant".into(),
                    received: Timestamp::from_millis(ts).expect("it is of this century"),
                    topic: "mill/tm3/dry/tag_01".into(),
                    payload: format!(r#"{{"v":{ts},"ts":{ts},"note":"{words}"}}"#)
                        .into_bytes()
                        .into(),
                    retained: false,
                    properties: None,
                })
            })
            .collect();
        pipeline.commit(arrivals, &mut |_| {}).expect("there is room");
    }
    pipeline.checkpoint().expect("there is room");
}

/// The load: one line says forty values a message, so many messages a round.
fn round(number: u32, messages: u32) -> Vec<Message> {
    let message = |n: u32| {
        let ts = BEGIN_MS + i64::from(n) * 10;
        let mut text = format!("{{\"ts\":{ts}");
        for tag in 0..WIDE {
            let value = f64::from((n * 7 + tag * 13) % 997) / 8.0;
            write!(text, ",\"t{tag:02}\":{value}").expect("a String takes all");
        }
        text.push('}');
        ("wide/tm3".to_owned(), text.into_bytes())
    };
    (number * messages..(number + 1) * messages).map(message).collect()
}

/// Starts the daemon: how long until it is ready, of the clock and of the processor.
fn start(site: &Site) -> (Daemon, Duration, f64) {
    let begun = Instant::now();
    let mut daemon = site.daemon_under(&[], &[]);
    daemon.wait_ready(&site.url("/readyz"));
    let took = begun.elapsed();
    let cpu = cpu::seconds_of(daemon.id());
    (daemon, took, cpu)
}

#[test]
fn killed_under_load_with_a_long_journal_it_is_ready_again_within_two_seconds() {
    let given = given("ONSPEC_STARTUP_MIB");
    let (mib, times, under_load, messages) =
        given.map_or((32, 1, Duration::from_secs(2), 5), |mib| (mib, 3, UNDER_LOAD, 50));
    let mut site = Site::new();
    let fields: Vec<String> = (0..WIDE).map(|tag| format!("t{tag:02} = \"/t{tag:02}\"")).collect();
    site.more = format!(
        "\n[[mqtt.subscribe]]\ntopic = \"wide/{{line}}\"\narea = \"wet\"\nfields = {{ {} }}\ntime = \"/ts\"\n",
        fields.join(", ")
    );
    for tag in 0..WIDE {
        write!(site.more, "[line.tm3.tag.t{tag:02}]\nunit = \"%\"\n").expect("a String takes all");
    }
    fill(&site, mib);
    let (mut daemon, took, cpu) = start(&site);
    eprintln!(
        "a store of {mib} MiB, in good order: ready after {:.2} s, {cpu:.2} CPU s",
        took.as_secs_f64()
    );
    let mut slowest = Duration::ZERO;
    let (stop, port) = (AtomicBool::new(false), site.broker.port());
    let every = Duration::from_secs(1) / ROUNDS;
    std::thread::scope(|scope| {
        // It goes on through all of it.
        scope.spawn(|| publish_rounds(port, every, &stop, |n| Some(round(n, messages))));
        for _ in 0..times {
            wait_until("readings come", Duration::from_secs(60), || {
                site.metric("onspec_readings_total") > 0.0
            });
            let begun = Instant::now();
            wait_until("it was under load", Duration::from_secs(60), || {
                begun.elapsed() >= under_load
            });
            let readings = site.metric("onspec_readings_total");
            daemon.kill_9();
            let (next, took, cpu) = start(&site);
            daemon = next;
            let log = daemon.wait_for_log("store is open");
            let line = log.lines().find(|line| line.contains("store is open")).unwrap_or_default();
            eprintln!(
                "killed after {readings} readings, more come: ready after {:.2} s, {cpu:.2} CPU s ({})",
                took.as_secs_f64(),
                line.split_once("store is open").map_or("", |(_, rest)| rest.trim())
            );
            slowest = slowest.max(took);
        }
        stop.store(true, Ordering::Release);
    });
    // What is promised is promised of the program that is delivered.
    if !cfg!(debug_assertions) {
        assert!(slowest < SOON, "ready only after {slowest:?}");
    }
    assert_eq!(daemon.terminate(), Some(0), "{}", daemon.log());
}

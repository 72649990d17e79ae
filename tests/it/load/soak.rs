//! A plant at full rate for a long time, with a store that is small beside what passes through it.

use super::gateway::{Message, publish_rounds};
use super::memory::Memory;
use super::{cpu, given};
use crate::faults::site::Site;
use crate::support::{Mosquitto, wait_until};
use std::fmt::Write as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

const LINES: u32 = 20;
const TAGS: u32 = 50;
/// Messages of one line in a second, each with one value of every tag of the line.
const PER_SECOND: u32 = 20;
const BEGIN_MS: i64 = 1_769_126_400_000;
/// Minutes of history, each with a batch: as many, and some more, as a line remembers.
const HISTORY: u32 = 210;
/// Messages of a line in a minute of history: one in the older, one for each frame in the newer, which are some more than
/// the hour in which what comes late is still counted.
const OLD: u32 = 1;
const NEW: u32 = 60;
const NEW_MINUTES: u32 = 70;
/// The store's `max_size`: some minutes of journal.
const MAX_MIB: u64 = 64;

/// All lines and tags, declared, with a batch each minute.
fn lines(fields: &str, lines: u32) -> String {
    let mut text = format!(
        r#"
        [[mqtt.subscribe]]
        topic = "wide/{{line}}"
        area = "dry"
        fields = {{ {fields} }}
        time = "/ts"
        "#
    );
    for line in 0..lines {
        write!(
            text,
            "\n[line.l{line:02}]\nidle = \"1h\"\nbatch = {{ from = \"period\", every = \"1m\" }}\n"
        )
        .expect("a String takes all");
        for tag in 0..TAGS {
            write!(text, "[line.l{line:02}.tag.t{tag:02}]\nunit = \"%\"\n")
                .expect("a String takes all");
        }
    }
    text
}

/// A whole number below 1,000, so that sums are exact; no tag stands still.
fn value(round: u32, line: u32, tag: u32) -> u32 {
    (round.wrapping_mul(7919) ^ (round >> 3)).wrapping_add(line * 131 + tag * 17) % 1000
}

fn message(round: u32, line: u32) -> Message {
    said_at(BEGIN_MS + i64::from(round * 1000 / PER_SECOND), round, line)
}

/// When a line spoke before it all began, ms before it, oldest first.
fn history(new_minutes: u32) -> Vec<i64> {
    let minute = |minute: u32| {
        let each = if minute > new_minutes { OLD } else { NEW };
        (0..each).map(move |n| i64::from(minute) * 60_000 - i64::from(n * 60_000 / each))
    };
    (1..=HISTORY).rev().flat_map(minute).collect()
}

fn said_at(ts: i64, round: u32, line: u32) -> Message {
    let mut text = format!("{{\"ts\":{ts}");
    for tag in 0..TAGS {
        write!(text, ",\"t{tag:02}\":{}", value(round, line, tag)).expect("a String takes all");
    }
    text.push('}');
    (format!("wide/l{line:02}"), text.into_bytes())
}

/// What InfluxDB has of readings: how many, and their sum.
fn stored(site: &Site) -> (u64, u64) {
    let of = |what: &str| {
        let flux = format!(
            r#"from(bucket: "{}") |> range(start: 2026-01-01T00:00:00Z, stop: 2026-03-01T00:00:00Z)
               |> filter(fn: (r) => r._measurement == "readings" and r._field == "value")
               |> {what}() |> group() |> sum()"#,
            site.influx.bucket()
        );
        let csv = site.influx.query_csv(&flux);
        let last = csv.lines().rfind(|line| !line.trim().is_empty()).unwrap_or_default();
        let number = last.rsplit(',').next().and_then(|n| n.trim().parse::<f64>().ok());
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "whole numbers")]
        let number = number.unwrap_or(0.0) as u64;
        number
    };
    (of("count"), of("sum"))
}

/// File and write-ahead log, bytes.
fn size(site: &Site) -> u64 {
    let log = site.store.with_extension("db-wal");
    [&site.store, &log].iter().map(|path| path.metadata().map_or(0, |of| of.len())).sum()
}

#[test]
fn a_plant_at_full_rate_takes_no_more_memory_nor_disk_however_long_it_runs() {
    let minutes = given("ONSPEC_SOAK_MINUTES");
    // The short form: a tenth of the lines for some seconds.
    let (lines_of, seconds) = minutes.map_or((2, 8), |minutes| (LINES, minutes * 60));
    let mut site = Site::with(Mosquitto::start_with("max_queued_bytes 0"));
    site.store_lines = "max_size = \"64MiB\"";
    let fields: Vec<String> = (0..TAGS).map(|tag| format!("t{tag:02} = \"/t{tag:02}\"")).collect();
    site.more = lines(&fields.join(", "), lines_of);
    let mut daemon = site.daemon();

    // What a line remembers of its batches is bounded, and is there when memory is first looked at.
    let before_all = history(if minutes.is_some() { NEW_MINUTES } else { 0 });
    let spoke = u32::try_from(before_all.len()).expect("some thousands");
    let history = spoke * lines_of * TAGS;
    let (port, never) = (site.broker.port(), AtomicBool::new(false));
    // No faster than the plant: a small store drops what comes faster than InfluxDB takes it.
    let pace = minutes.map_or(Duration::ZERO, |_| Duration::from_secs(1) / PER_SECOND);
    publish_rounds(port, pace, &never, |n| {
        let before = before_all.get(n as usize)?;
        Some((0..lines_of).map(|line| said_at(BEGIN_MS - before, n, line)).collect())
    });
    wait_until("the history is in InfluxDB", Duration::from_secs(300), || {
        stored(&site).0 >= u64::from(history)
    });

    let (mut memory, mut largest) = (Memory::default(), 0);
    let before = cpu::seconds_of(daemon.id());
    let begun = Instant::now();
    let rounds = seconds * PER_SECOND;
    let (stop, over) = (AtomicBool::new(false), AtomicBool::new(false));
    let sent = std::thread::scope(|scope| {
        let gateway = scope.spawn(|| {
            let sent = publish_rounds(port, Duration::from_secs(1) / PER_SECOND, &stop, |round| {
                (round < rounds).then(|| (0..lines_of).map(|line| message(round, line)).collect())
            });
            over.store(true, Ordering::Release);
            sent
        });
        wait_until("all is said", Duration::from_secs(u64::from(seconds) * 4 + 60), || {
            std::thread::park_timeout(Duration::from_millis(250));
            memory.sample(daemon.id(), begun.elapsed().as_secs_f64());
            largest = largest.max(size(&site));
            over.load(Ordering::Acquire)
        });
        gateway.join().expect("the gateway ends well")
    });
    let took = begun.elapsed().as_secs_f64();
    let readings = u64::from(rounds * lines_of * TAGS);
    let sum = (0..rounds)
        .chain(0..spoke)
        .flat_map(|round| (0..lines_of).map(move |line| (round, line)))
        .flat_map(|(round, line)| (0..TAGS).map(move |tag| u64::from(value(round, line, tag))))
        .sum::<u64>();
    wait_until("every reading is in InfluxDB", Duration::from_secs(600), || {
        // Asked seldom: the question costs InfluxDB more than the readings do.
        std::thread::park_timeout(Duration::from_millis(500));
        stored(&site).0 >= readings + u64::from(history)
    });
    let drained = begun.elapsed().as_secs_f64() - took;
    assert_eq!(stored(&site), (readings + u64::from(history), sum), "how many, and their sum");
    wait_until("nothing waits for InfluxDB", Duration::from_secs(60), || {
        site.metric("onspec_outbox_pending") < 0.5
    });
    let cpu = cpu::seconds_of(daemon.id()) - before;
    assert_eq!(site.metric("onspec_outbox_dropped_total").to_string(), "0");

    let slope = memory.slope_from(took / 3.0);
    #[allow(clippy::cast_precision_loss, reason = "readings and bytes need no 53 bits")]
    let (count, mib) = (readings as f64, largest as f64 / f64::from(1 << 20));
    eprintln!(
        "{readings} readings in {sent} messages of {TAGS}, in {took:.1} s: {:.0} readings/s; the last was in InfluxDB \
         {drained:.1} s later",
        count / took
    );
    eprintln!("{}; peak {:.1} MiB", slope.told(), memory.peak());
    eprintln!("store: {mib:.1} MiB at most, of {MAX_MIB} allowed");
    eprintln!("daemon: {:.2} CPU s per million readings", cpu * 1e6 / count);
    assert!(largest <= MAX_MIB << 20, "{largest} bytes");
    if minutes.is_some_and(|minutes| minutes >= 5) {
        assert!(slope.is_flat(), "memory grows: {}", slope.told());
        assert!(largest > (MAX_MIB << 20) * 8 / 10, "the bound was never near: {largest} bytes");
    }
    assert!(memory.peak() < 384.0, "{} MiB", memory.peak());
    assert_eq!(daemon.terminate(), Some(0), "{}", daemon.log());
}

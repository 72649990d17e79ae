//! The mill of a seed: its configuration, and every message that it will ever publish.
//!
//! A line makes short batches; its tags speak every two seconds in one message, a few by themselves.
//! Among them come messages that are late, old, doubled, of undeclared tags, or no messages at all.

use crate::random::Random;
use onspec::config::{self, Checked};
use std::fmt::Write;
use std::sync::OnceLock;

/// The first instant, ns since 1970: 2026-01-23T00:00:00Z.
pub const BEGIN: i64 = 1_769_126_400_000_000_000;
const SECOND: i64 = 1_000_000_000;

/// The line's beat.
const BEAT_S: u64 = 2;

const CONFIGURATION: &str = r#"
site.name = "mill"

[[mqtt]]
name = "plant"
url = "mqtt://127.0.0.1:1883"

[[mqtt.subscribe]]
topic = "mill/{line}/wide"
fields = { bw = "/bw", steam = "/steam", vacuum = "/vacuum", speed = "/speed" }
time = "/ts"

[[mqtt.subscribe]]
topic = "mill/{line}/notes"
fields = { n0 = "/0", n1 = "/1", n2 = "/2", n3 = "/3", n4 = "/4", n5 = "/5", n6 = "/6", n7 = "/7" }
time = "/ts"

[[mqtt.subscribe]]
topic = "mill/{line}/{area}/{tag}"
value = "/v"
time = "/ts"

[[mqtt.subscribe]]
topic = "mill/{line}/events"
format = "batch-event"

[mqtt.publish]
prefix = "onspec"

[line.tm3]
frame = "2s"
lateness = "4s"
idle = "20s"
settle = "10s"
grade = "facial"
rate = { length = "speed" }
tag.bw = { unit = "g/m2", role = "quality", range = [0.0, 60.0], stale = "30s" }
tag.steam = { unit = "bar", role = "process", stale = "1m" }
tag.vacuum = { unit = "kPa", role = "process", stale = "1m" }
tag.speed = { unit = "m/min", role = "context" }

[grade.facial]
spec.bw = { low = 14.0, high = HIGH, unit = "g/m2" }
lab.tensile = { low = 100.0, unit = "N/m" }

[influxdb]
url = "http://127.0.0.1:8086"
org = "mill"
bucket = "onspec"
token = { env = "UNUSED" }
timeout = "10s"

[[webhook]]
name = "leads"
url = { env = "UNUSED" }
when = { severity = "info" }

[[webhook]]
name = "mes"
url = { env = "UNUSED" }
when = { severity = "warning" }
"#;

/// The configuration of the mill; the second one has another limit.
#[must_use]
pub fn configuration(second: bool) -> Checked {
    static BOTH: [OnceLock<Checked>; 2] = [const { OnceLock::new() }; 2];
    BOTH[usize::from(second)].get_or_init(|| load(second)).clone()
}

fn load(second: bool) -> Checked {
    let text = CONFIGURATION.replace("HIGH", if second { "15.8" } else { "16.0" });
    let mut checked = config::load(&text, "mill.toml").expect("the mill's configuration is right");
    checked.plant.models.learning_batches = 2;
    checked
}

/// What a message is to whoever keeps accounts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Meaning {
    /// Readings: the series and time of each, as InfluxDB names them.
    Readings(Vec<(String, i64)>),
    /// Something about a batch.
    Event,
    /// Nothing that can be read: one fault, for this reason.
    Garbage(&'static str),
}

/// A message that the mill will publish.
#[derive(Debug, Clone)]
pub struct Message {
    /// When, ns since the first instant.
    pub due: i64,
    /// Its topic.
    pub topic: String,
    /// Its payload.
    pub payload: String,
    /// What it is.
    pub meaning: Meaning,
}

/// All messages of a seed, in the order in which they are published. A `plain` mill sends nothing
/// whose effect depends on when it is received, so that a broker may send it again. A `wordy` one fills the store.
#[must_use]
pub fn messages(seed: u64, plain: bool, wordy: bool) -> Vec<Message> {
    let mut writer =
        Writer { random: Random::new(seed, "mill"), plain, wordy, all: Vec::new(), weight: 15.0 };
    let batches = writer.random.within(4..8);
    let mut at = 4;
    for n in 0..batches {
        at = writer.batch(n, at);
    }
    writer.event(at, &format!(r#""event":"batch-end","batch":"R{}""#, batches - 1));
    let mut all = writer.all;
    all.sort_by_key(|message| message.due);
    all
}

struct Writer {
    random: Random,
    plain: bool,
    wordy: bool,
    all: Vec<Message>,
    weight: f64,
}

impl Writer {
    /// One batch from an instant on, in seconds; returns its end.
    fn batch(&mut self, n: u64, begin: u64) -> u64 {
        let len = self.random.within(20..45) * BEAT_S;
        // The later ones are those that go wrong: the first ones teach.
        let wrong = n >= 3 && self.random.percent(60);
        self.event(begin, &format!(r#""event":"batch-start","batch":"R{n}""#));
        for beat in 0..len / BEAT_S {
            let at = begin + beat * BEAT_S;
            let drift = if wrong && beat * BEAT_S > len / 3 { 0.2 } else { 0.0 };
            self.weight += drift - (self.weight - 15.0) * 0.1 + 0.05 * self.random.swing();
            self.wide(at);
            if self.random.percent(20) {
                self.odd(at);
            }
            if self.wordy {
                self.notes(at);
            }
        }
        if n > 0 {
            self.word_on(n - 1, begin + len / 4);
        }
        begin + len
    }

    /// What the laboratory and people say of a batch.
    fn word_on(&mut self, n: u64, at: u64) {
        let tensile = 110.0 + 8.0 * self.random.swing();
        let batch = format!(r#""batch":"R{n}""#);
        self.event(
            at,
            &format!(
                r#""event":"lab",{batch},"property":"tensile","value":{tensile:.3},"unit":"N/m""#
            ),
        );
        let word =
            if n < 3 { "release" } else { *self.random.pick(&["release", "hold", "rework"]) };
        self.event(at + 2, &format!(r#""event":"disposition",{batch},"disposition":"{word}""#));
        match self.random.within(0..6) {
            0 => self.event(at + 3, &format!(r#""event":"action",{batch},"text":"more steam""#)),
            1 => {
                self.event(at + 4, r#""event":"pause","reason":"break""#);
                self.event(at + 12, r#""event":"resume""#);
            }
            2 if !self.plain => self.event(at, r#""event":"void","batch":"R9""#),
            _ => {}
        }
    }

    /// All tags in one message.
    fn wide(&mut self, at: u64) {
        let (ns, ts) = times(at);
        let steam = 7.0 + 0.3 * self.random.swing() + 0.2 * (self.weight - 15.0);
        let vacuum = 40.0 + self.random.swing();
        let speed = 1500.0 + 5.0 * self.random.swing();
        let payload = format!(
            r#"{{"ts":{ts},"bw":{:.4},"steam":{steam:.4},"vacuum":{vacuum:.3},"speed":{speed:.2}}}"#,
            self.weight
        );
        let tags = ["bw", "speed", "steam", "vacuum"];
        let keys = tags.iter().map(|tag| (format!("readings,line=tm3,tag={tag}"), ns)).collect();
        let late = if self.random.percent(3) { self.random.within(3..25) } else { 0 };
        let due = at + late;
        self.push(due, "mill/tm3/wide".into(), payload, Meaning::Readings(keys));
        if self.random.percent(3) {
            // The source sends it again.
            let again = self.all.last().expect("one was pushed just now").clone();
            self.all.push(Message { due: again.due + SECOND, ..again });
        }
    }

    /// Eight texts that no packing makes small.
    fn notes(&mut self, at: u64) {
        let (ns, ts) = times(at);
        let mut payload = format!(r#"{{"ts":{ts}"#);
        for n in 0..8 {
            write!(payload, r#","{n}":""#).expect("a text takes everything");
            for _ in 0..30 {
                let noise = self.random.within(0..u64::MAX);
                write!(payload, "{noise:016x}").expect("a text takes everything");
            }
            payload.push('"');
        }
        payload.push('}');
        let keys = (0..8).map(|n| (format!("readings,line=tm3,tag=n{n}"), ns)).collect();
        self.push(at, "mill/tm3/notes".into(), payload, Meaning::Readings(keys));
    }

    /// A reading by itself, or something that is none.
    fn odd(&mut self, at: u64) {
        let (ns, ts) = times(at);
        // Never the value that the wide message has: that would be a repeat, and write nothing.
        let value = 40.0005 + self.random.swing();
        let reading = |area: &str, tag: &str, ns: i64| {
            Meaning::Readings(vec![(format!("readings,area={area},line=tm3,tag={tag}"), ns)])
        };
        let kinds = if self.plain { 7 } else { 10 };
        let (topic, payload, meaning) = match self.random.within(0..kinds) {
            // Another value of a tag at a time that has one: of two, the later stays.
            0 => (
                "mill/tm3/dry/vacuum",
                format!(r#"{{"v":{value},"ts":{ts}}}"#),
                reading("dry", "vacuum", ns),
            ),
            1 => {
                let old =
                    ts - 1000 * i64::try_from(self.random.within(1..900)).expect("it is small");
                let meaning = reading("hall", "dew_point", old * 1_000_000);
                ("mill/tm3/hall/dew_point", format!(r#"{{"v":{value},"ts":{old}}}"#), meaning)
            }
            2 => (
                "mill/tm3/hall/note",
                format!(r#"{{"v":"so so {value}","ts":{ts}}}"#),
                reading("hall", "note", ns),
            ),
            3 => ("mill/tm3/dry/steam", "{\"v\":7".to_owned(), Meaning::Garbage("not-json")),
            4 => (
                "mill/tm3/dry/steam",
                format!(r#"{{"w":7,"ts":{ts}}}"#),
                Meaning::Garbage("missing-value"),
            ),
            5 => ("elsewhere/x", "7".to_owned(), Meaning::Garbage("unknown-topic")),
            6 => (
                "mill/tm3/dry/steam",
                format!(r#"{{"v":[7],"ts":{ts}}}"#),
                Meaning::Garbage("wrong-type"),
            ),
            // A source whose clock is wrong.
            7 => {
                let ahead =
                    ts + 1000 * i64::try_from(self.random.within(61..4000)).expect("it is small");
                let meaning = reading("dry", "steam", ahead * 1_000_000);
                ("mill/tm3/dry/steam", format!(r#"{{"v":7.1,"ts":{ahead}}}"#), meaning)
            }
            8 => {
                let back = ts - 3_600_000;
                let meaning = reading("dry", "steam", back * 1_000_000);
                ("mill/tm3/dry/steam", format!(r#"{{"v":7.2,"ts":{back}}}"#), meaning)
            }
            _ => {
                let grade = *self.random.pick(&["facial", "towel"]);
                let event = format!(r#"{{"event":"grade-change","grade":"{grade}","ts":{ts}}}"#);
                ("mill/tm3/events", event, Meaning::Event)
            }
        };
        self.push(at, topic.to_owned(), payload, meaning);
    }

    fn event(&mut self, at: u64, body: &str) {
        let (_, ts) = times(at);
        let payload = format!(r#"{{{body},"ts":{ts}}}"#);
        self.push(at, "mill/tm3/events".into(), payload, Meaning::Event);
    }

    fn push(&mut self, due_s: u64, topic: String, payload: String, meaning: Meaning) {
        let due = i64::try_from(due_s).expect("it is small") * SECOND;
        self.all.push(Message { due, topic, payload, meaning });
    }
}

/// An instant in seconds from the first one as ns and as ms since 1970.
fn times(at_s: u64) -> (i64, i64) {
    let ns = BEGIN + i64::try_from(at_s).expect("it is small") * SECOND;
    (ns, ns / 1_000_000)
}

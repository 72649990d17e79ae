//! The engine in a storm: messages in, as they come over MQTT, and a watch over what comes out.

use super::Tally;
use super::history::History;
use super::told::{Fate, Told, What, instant};
use super::watch::{Watch, Wrong, holds, is_news};
use super::weather::LATEST_S;
use bytes::Bytes;
use onspec::config::{self, Checked};
use onspec::decode::Arrival;
use onspec::engine::{BatchRecord, Effect, Engine, Event};
use onspec::reading::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, OnceLock};

const CONFIGURATION: &str = r#"
site.name = "mill"

[[mqtt]]
name = "plant"
url = "mqtt://127.0.0.1:1883"

[[mqtt.subscribe]]
topic = "mill/{line}/wide"
fields = { bw = "/bw", speed = "/speed" }
time = "/ts"

[[mqtt.subscribe]]
topic = "mill/{line}/events"
format = "batch-event"

[line.tm3]
frame = "10s"
lateness = "5s"
idle = "60s"
settle = "10s"
grade = "facial"
rate = { length = "speed" }
tag.bw = { unit = "g/m2", role = "quality", range = [0.0, 60.0], stale = "60s" }
tag.speed = { unit = "m/min", role = "context" }

[grade.facial]
spec.bw = { low = 14.0, high = 16.0, unit = "g/m2" }
lab.tensile = { low = 100.0, unit = "N/m" }
lab.stretch = { low = 8.0, high = 16.0, unit = "%" }

[grade.towel]
spec.bw = { low = 14.0, high = 16.5, unit = "g/m2" }
lab.tensile = { low = 0.09, unit = "kN/m" }

[influxdb]
url = "http://127.0.0.1:8086"
org = "mill"
bucket = "onspec"
token = { env = "UNUSED" }
"#;

/// The beat of the readings, s.
const BEAT_S: usize = 10;

fn configuration() -> &'static Checked {
    static LOADED: OnceLock<Checked> = OnceLock::new();
    LOADED.get_or_init(|| {
        config::load(CONFIGURATION, "storm.toml").expect("the configuration of storms is right")
    })
}

/// An engine, and what it said.
#[derive(Debug)]
pub(super) struct Runner<'h> {
    history: &'h History,
    engine: Engine,
    pub(super) watch: Watch,
    /// The payloads that came, and of each whether it was a fault the first time.
    came: BTreeMap<String, bool>,
    /// What came of the last arrival.
    out: Vec<Effect>,
    broker: Arc<str>,
}

impl<'h> Runner<'h> {
    pub(super) fn new(history: &'h History) -> Self {
        let checked = configuration();
        Self {
            history,
            engine: Engine::new(checked.plant.clone(), checked.rules()),
            watch: Watch::default(),
            came: BTreeMap::new(),
            out: Vec::new(),
            broker: "plant".into(),
        }
    }

    pub(super) fn records(&self) -> &BTreeMap<String, BatchRecord> {
        &self.watch.records
    }

    /// Plays events among the readings of the line, and some readings after all of them.
    pub(super) fn play(&mut self, events: &[Told]) -> Wrong {
        let arrivals = self.arrivals(events);
        for arrival in &arrivals {
            self.step(arrival)?;
        }
        self.watch.all_told()
    }

    /// The same; half way another engine is read back from what is written down, and has to say the same.
    pub(super) fn play_with_a_restart(&mut self, events: &[Told]) -> Wrong {
        let arrivals = self.arrivals(events);
        let (before, after) = arrivals.split_at(arrivals.len() / 2);
        for arrival in before {
            self.step(arrival)?;
        }
        let mut restored = Engine::restore(&self.engine.checkpoint()).map_err(|e| e.to_string())?;
        let mut out = Vec::new();
        for arrival in after {
            self.step(arrival)?;
            out.clear();
            restored.apply(Event::Arrival(arrival.message.clone()), &mut out);
            // Frames may have holes, which equal nothing; the state that they leave is looked at below.
            let is_frame = |effect: &&Effect| matches!(effect, Effect::Frame(_));
            let same =
                self.out.iter().filter(|e| !is_frame(e)).eq(out.iter().filter(|e| !is_frame(e)));
            holds(same, || format!("after a restart:\n  {:?}\n  {out:?}", self.out))?;
        }
        let same = self.engine.checkpoint() == restored.checkpoint();
        holds(same, || "after a restart the state is another one".to_owned())?;
        self.watch.all_told()
    }

    /// Every event is told again, and changes nothing.
    pub(super) fn again(&mut self, events: &[Told]) -> Wrong {
        let mut again = BTreeSet::new();
        let due = self.history.end + LATEST_S + 7200;
        for told in events.iter().filter(|told| told.fate != Fate::Refused) {
            let later = Told { due, ..told.clone() };
            let arrival = self.event(&later);
            if !again.insert(told.payload()) {
                continue;
            }
            self.step(&arrival)?;
            if self.out.iter().any(is_news) {
                // What was refused when it came first may be taken now: it is no repeat.
                let refused = self.refused(told);
                return holds(refused, || {
                    format!("told again, {} changes {:?}", told.line(), self.out)
                });
            }
        }
        Ok(())
    }

    /// True if the event was a fault when it came first, or when its instant or batch came that it waited for.
    pub(super) fn refused(&self, told: &Told) -> bool {
        let words = match &told.what {
            What::Start(_) => {
                format!("batch `{}` cannot start at {}", told.batch, instant(told.at))
            }
            What::End(..) => format!("batch `{}` cannot end at {}", told.batch, instant(told.at)),
            What::Merge(into) => {
                format!("batch `{}` cannot merge into batch `{into}`", told.batch)
            }
            _ => return self.came.get(&told.payload()) == Some(&true),
        };
        self.came.get(&told.payload()) == Some(&true) || self.faults(&words).next().is_some()
    }

    /// The faults that have this in their words.
    pub(super) fn faults(&self, words: &str) -> impl Iterator<Item = &String> {
        self.watch.faults.iter().filter(move |fault| fault.contains(words))
    }

    pub(super) fn tally(&self, events: &[Told]) -> Tally {
        let of = |is: &dyn Fn(&BatchRecord) -> bool| {
            self.records().values().filter(|record| is(record)).count() as u64
        };
        let told = |record: &BatchRecord| {
            let starts = |told: &&Told| matches!(told.what, What::Start(_));
            events.iter().filter(starts).any(|told| *told.batch == *record.batch)
        };
        Tally {
            events: events.len() as u64,
            repeated: (events.len() - self.came.len()) as u64,
            batches: self.records().len() as u64,
            revisions: self.watch.revisions,
            faults: self.watch.faults.len() as u64,
            of_stations: of(&|record| record.station.is_some()),
            unknown_begin: of(&|record| !told(record)),
            void: of(&|record| record.verdict.is_none()),
            measured: of(&|record| !record.lab.is_empty()),
            flagged: of(&|record| record.first_flag.is_some()),
            phased: of(&|record| !record.phases.is_empty()),
            sheets: self.watch.sections.len() as u64,
            slabs: self.watch.slabs.len() as u64,
        }
    }

    /// Takes one message.
    pub(super) fn step(&mut self, arrival: &Came<'_>) -> Wrong {
        self.out.clear();
        let mut says = true;
        if let Some(told) = arrival.told {
            says = !self.came.contains_key(&arrival.payload);
            if let What::End(..) = told.what {
                self.watch.told_end(told, instant(told.at));
            }
        }
        self.engine.apply(Event::Arrival(arrival.message.clone()), &mut self.out);
        let fault = self.out.iter().any(|effect| matches!(effect, Effect::Fault(_)));
        if let Some(told) = arrival.told {
            self.came.entry(arrival.payload.clone()).or_insert(fault);
            let fine = told.fate != Fate::Refused || (fault && !self.out.iter().any(is_news));
            holds(fine, || format!("{} is taken: {:?}", told.line(), self.out))?;
        }
        let came = || arrival.told.map_or_else(|| arrival.payload.clone(), Told::line);
        self.watch
            .take(&self.out, says, arrival.message.received)
            .and_then(|()| self.in_view())
            .map_err(|words| format!("{words}\nat {}", came()))
    }

    /// People see the batches as they were told.
    fn in_view(&self) -> Wrong {
        if !self.out.iter().any(is_news) {
            return Ok(());
        }
        let line = &self.engine.view().lines[0];
        let ends: Vec<_> = line.last_batches.iter().map(|record| record.ended).collect();
        holds(ends.is_sorted_by(|a, b| a >= b), || format!("batches out of order: {ends:?}"))?;
        for seen in line.batch.iter().chain(&line.last_batches) {
            let told = self.records().get(&*seen.batch);
            let same = told.is_some_and(|told| {
                (told.verdict.is_none(), told.ended, told.started, &told.grade, &told.lab)
                    == (seen.verdict.is_none(), seen.ended, seen.started, &seen.grade, &seen.lab)
            });
            holds(same, || format!("people see another batch:\n  {seen:?}\n  {told:?}"))?;
        }
        Ok(())
    }

    pub(super) fn event<'t>(&self, told: &'t Told) -> Came<'t> {
        let payload = told.payload();
        let message = self.message("mill/tm3/events", &payload, instant(told.due));
        Came { message, payload, told: Some(told) }
    }

    fn message(&self, topic: &str, payload: &str, received: Timestamp) -> Arrival {
        Arrival {
            broker: Arc::clone(&self.broker),
            received,
            topic: topic.into(),
            payload: Bytes::from(payload.to_owned()),
            retained: false,
            properties: None,
        }
    }

    /// Events and readings, in the order in which they come.
    fn arrivals<'t>(&self, events: &'t [Told]) -> Vec<Came<'t>> {
        let end = self.history.end;
        let mut all: Vec<(i64, Came<'t>)> = (0..end + 60)
            .step_by(BEAT_S)
            .chain((end + LATEST_S + 3600..end + LATEST_S + 3720).step_by(BEAT_S))
            .map(|at| (at + 1, self.reading(at)))
            .chain(events.iter().map(|told| (told.due, self.event(told))))
            .collect();
        all.sort_by_key(|(due, _)| *due);
        all.into_iter().map(|(_, arrival)| arrival).collect()
    }

    fn reading(&self, at: i64) -> Came<'static> {
        let outside = self.history.outside.iter().any(|stretch| stretch.contains(&at));
        // The values wobble, or the sensors would be called stuck.
        let wobble = f64::from(u8::try_from(at / 10 % 7).expect("it is below 7")) * 0.01;
        let bw = wobble + if outside { 17.0 } else { 15.0 };
        let (ts, speed) = (instant(at).as_millis(), 600.0 + wobble);
        let payload = format!(r#"{{"ts":{ts},"bw":{bw:.2},"speed":{speed:.2}}}"#);
        let message = self.message("mill/tm3/wide", &payload, instant(at + 1));
        Came { message, payload, told: None }
    }
}

/// A message as it comes.
#[derive(Debug)]
pub(super) struct Came<'t> {
    message: Arrival,
    payload: String,
    /// The event that it is; `None` of readings.
    told: Option<&'t Told>,
}

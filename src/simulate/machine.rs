//! The machine as the outside sees it: reels, breaks, laboratory, dispositions, messages.

use super::delivery::Delivery;
use super::faults::{Faults, Wrong};
use super::form::{Form, Writer};
use super::grades::{GRADES, Product};
use super::instruments::{Change, Instruments};
use super::mill::{Mill, streams};
use super::noise::Chance;
use super::operation::Operation;
use super::process::{Orders, Process};
use super::reel::{Finding, LabValue, Reel};
use super::sick::Sickness;
use super::tags::{TAGS, tag};
use super::truth::{BatchTruth, SensorTruth, Truth};
use crate::decode::Arrival;
use crate::decode::sparkplug::Command;
use crate::reading::Timestamp;
use bytes::Bytes;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// Seconds before the first reel.
const RUN_IN_S: u32 = 60;
/// A reel is full at this diameter, m.
const FULL_M: (f64, f64) = (2.15, 2.5);
/// From the end of a reel to its laboratory results, s.
const LAB_S: (u32, u32) = (600, 2400);
/// From the laboratory results to the disposition.
const DISPOSITION_S: u64 = 60;
/// From the moment somebody knows that something is wrong to its repair, s.
const REPAIR_S: (u32, u32) = (300, 1500);
/// Operators act when what the scanner sees has been outside for so long, s.
const SEEN_OUTSIDE_S: u32 = 480;
/// After a break the web goes on the reel when the scanner has seen good paper for so long, s; after a
/// change of grade, when the old stock has left the chest as well.
const GOOD_AFTER_BREAK_S: u32 = 60;
const GOOD_AFTER_CHANGE_S: u32 = 120;
const CHANGE_S: u32 = 1200;

/// What to simulate.
#[derive(Debug, Clone, PartialEq)]
pub struct SimulationSpec {
    /// Everything that is random comes from it, the mill too.
    pub seed: u64,
    /// The first simulated second.
    pub start: Timestamp,
    /// Batches of each grade that have to be released before anything is scored.
    pub learning_batches: u32,
    /// Batches made then, which are scored.
    pub batches: u32,
    /// The line's name: a level of the topics.
    pub line: Arc<str>,
    /// How readings are published.
    pub form: Form,
}

/// One message as it goes to the broker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    /// The simulated instant at which it arrives there.
    pub at: Timestamp,
    /// The topic.
    pub topic: Arc<str>,
    /// The payload, to the byte.
    pub payload: Bytes,
    /// Never true for this machine: a reading is no last known value.
    pub retained: bool,
}

impl Published {
    /// The message as it arrives from a broker of this name.
    #[must_use]
    pub fn from_broker(self, broker: &Arc<str>) -> Arrival {
        Arrival {
            broker: Arc::clone(broker),
            received: self.at,
            topic: self.topic,
            payload: self.payload,
            retained: self.retained,
            properties: None,
        }
    }
}

/// A tissue machine, deterministic at steps of one second.
///
/// Batch and laboratory events go to `mill/{line}/events`, readings as [`Form`] says. Reels take 15 to
/// 30 minutes, one behind the other. First it makes all grades until so many reels of each were
/// released, then the reels that are scored. Things go wrong from the first second on.
#[derive(Debug, Clone)]
pub struct Machine {
    spec: SimulationSpec,
    process: Process,
    operation: Operation,
    faults: Faults,
    instruments: Instruments,
    laboratory: Chance,
    delivery: Delivery,
    writer: Writer,
    events: Arc<str>,
    now: Timestamp,
    second: u64,
    phase: Phase,
    web: Web,
    /// Laboratory work and dispositions still to come, by the second they are due and their order.
    later: BTreeMap<(u64, u64), Later>,
    posted: u64,
    /// When the fault of now is repaired, once somebody knows.
    repair_at: Option<u64>,
    seen_outside_s: u32,
    learning: Learning,
    scored: u32,
    /// The day and the number of the last reel, for its id.
    numbering: (String, u32),
    truth: Truth,
}

#[derive(Debug, Clone)]
enum Phase {
    /// The first reel starts after so many seconds.
    RunIn(u32),
    /// A reel is being wound.
    Making(Box<Reel>),
    /// All reels are made; laboratory results are still to come.
    Done,
}

/// Where the web goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Web {
    /// On the reel.
    OnReel,
    /// It is broken, for so many seconds more.
    Broken(u32),
    /// To the pulper, until it has been good for long enough: after a break, or a change of grade,
    /// which takes so many seconds at least.
    ToPulper { least_s: u32, good_s: u32, needed_s: u32 },
}

/// What is to be learned from.
#[derive(Debug, Clone, Default)]
struct Learning {
    over: bool,
    made: u32,
    /// For each grade: released, and not yet decided.
    released: [u32; GRADES.len()],
    open: [u32; GRADES.len()],
}

/// Work that the laboratory has not finished.
#[derive(Debug, Clone)]
enum Later {
    Event(String),
    /// A tensile strength that operators may follow: grade, deviation from the target.
    Strength(usize, f64),
    /// A decision is out: grade, whether it was released, and the mass.
    Decided {
        grade: usize,
        released: bool,
        mass_kg: f64,
        learning: bool,
    },
    /// Somebody knows that something is wrong with what was made until then.
    Alarmed(u64),
}

impl Machine {
    /// A machine that has run for an hour and starts its first reel a minute after `spec.start`.
    #[must_use]
    pub fn new(spec: &SimulationSpec) -> Self {
        let mill = Arc::new(Mill::draw(spec.seed));
        let operation = Operation::new(&mill, spec.seed);
        let writer = Writer::new(spec.form, &spec.line);
        Self {
            process: Process::new(Arc::clone(&mill), spec.seed, operation.grade()),
            faults: Faults::new(&mill, spec.seed),
            instruments: Instruments::new(&mill, spec.seed),
            laboratory: Chance::new(spec.seed, streams::LABORATORY),
            delivery: Delivery::new(spec.seed, writer.gateways()),
            writer,
            operation,
            events: format!("mill/{}/events", spec.line).into(),
            phase: if spec.batches == 0 && spec.learning_batches == 0 {
                Phase::Done
            } else {
                Phase::RunIn(RUN_IN_S)
            },
            web: Web::OnReel,
            now: spec.start,
            second: 0,
            later: BTreeMap::new(),
            posted: 0,
            repair_at: None,
            seen_outside_s: 0,
            learning: Learning { over: spec.learning_batches == 0, ..Learning::default() },
            scored: 0,
            numbering: (String::new(), 0),
            truth: Truth::default(),
            spec: spec.clone(),
        }
    }

    /// The simulated second that the next step makes.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// True until the last learning batch has ended.
    #[must_use]
    pub fn is_learning(&self) -> bool {
        !self.learning.over
    }

    /// Batches made so far to learn from.
    #[must_use]
    pub fn learning_made(&self) -> u32 {
        self.learning.made
    }

    /// The spec it was made from.
    #[must_use]
    pub fn spec(&self) -> &SimulationSpec {
        &self.spec
    }

    /// The truth about the scored batches that have ended, in order.
    #[must_use]
    pub fn truth(&self) -> &[BatchTruth] {
        &self.truth.batches
    }

    /// Episodes of wrong instruments in the scored time so far, in order.
    #[must_use]
    pub fn sensor_truth(&self) -> &[SensorTruth] {
        &self.truth.sensors
    }

    /// Both truths, for the truth file and the score.
    #[must_use]
    pub fn into_truth(self) -> Truth {
        self.truth
    }

    /// Makes one simulated second and appends what arrives at the broker in it. False when all batches
    /// with their laboratory results and dispositions are out; then nothing is appended.
    pub fn step(&mut self, out: &mut Vec<Published>) -> bool {
        if matches!(self.phase, Phase::Done) && self.later.is_empty() && self.delivery.is_empty() {
            return false;
        }
        self.work_off();
        self.turn_up();
        let wrong = self.go_wrong();
        let sheet = !matches!(self.web, Web::Broken(_));
        let orders = Orders {
            grade: self.operation.grade(),
            sets: self.operation.sets(),
            sheet,
            automatic: sheet,
        };
        self.process.step(&wrong, orders);
        self.wind();
        let on_reel = self.is_on_reel();
        if self.operation.step(self.second, on_reel) {
            self.break_web();
        }
        self.measure(sheet, on_reel);
        self.second += 1;
        self.now = self.now.plus(Duration::from_secs(1));
        let (first, now) = (out.len(), self.now);
        self.delivery.arrived(now, out);
        if let Some(node) = self.writer.node() {
            node.send(now, first, out);
        }
        true
    }

    /// From now on nothing goes wrong by itself, neither process nor instrument; lots, people, speed, breaks
    /// and grades go on as before. For measuring what is found of one thing that is made to go wrong.
    pub fn mend(&mut self) {
        self.faults.end(self.second);
        self.instruments.mend();
    }

    /// True while the paper suffers from a fault of the process, or from one just repaired.
    #[must_use]
    pub fn suffers(&self) -> bool {
        self.faults.active().is_some()
    }

    /// True while the web goes on a reel.
    #[must_use]
    pub fn winds(&self) -> bool {
        self.is_on_reel()
    }

    /// Makes a sensor sick, by the position of its tag in [`TAGS`]; `None` makes it well. What the loops act
    /// on is not touched: the paper stays as it is.
    pub fn sicken(&mut self, sick: Option<(usize, Sickness)>) {
        self.instruments.sicken(sick);
    }

    /// What the broker has to say when the connection breaks, and the machine itself when it ends:
    /// the death of its edge node, in the form that has one.
    pub fn death(&mut self) -> Option<Published> {
        let now = self.now;
        self.writer.node().map(|node| node.death(now))
    }

    /// Where commands to its edge node come, in the form that has one.
    pub fn commands(&mut self) -> Option<Arc<str>> {
        self.writer.node().map(|node| node.commands())
    }

    /// Does what a host application asks of the edge node, at the next second.
    pub fn obey(&mut self, command: Command) {
        if let Some(node) = self.writer.node() {
            node.obey(command);
        }
    }

    /// The connection to the broker is a new one: another death, and births at the next second.
    pub fn reconnect(&mut self) {
        if let Some(node) = self.writer.node() {
            node.reconnect();
        }
    }

    fn is_on_reel(&self) -> bool {
        matches!(self.phase, Phase::Making(_)) && self.web == Web::OnReel
    }

    /// What is due from laboratory and shift leads.
    fn work_off(&mut self) {
        while let Some(entry) = self.later.first_entry() {
            if entry.key().0 > self.second {
                return;
            }
            match entry.remove() {
                Later::Event(body) => self.publish_event(body),
                Later::Strength(grade, deviation) => {
                    self.operation.learn_of_strength(grade, deviation);
                }
                Later::Decided { grade, released, mass_kg, learning } => {
                    if learning {
                        self.learning.open[grade] -= 1;
                        self.learning.released[grade] += u32::from(released);
                    }
                    if !released {
                        self.process.take_back(mass_kg);
                    }
                }
                Later::Alarmed(made) => self.look_for_fault(made),
            }
        }
    }

    /// Somebody knows that what was made at a second is wrong: if the fault is older, it is found.
    fn look_for_fault(&mut self, made: u64) {
        let older = self.faults.active().is_some_and(|(_, begin)| begin <= made);
        if self.faults.stands() && older && self.repair_at.is_none() {
            let (low, high) = REPAIR_S;
            self.repair_at = Some(self.second + u64::from(self.laboratory.pick(low, high)));
        }
    }

    fn go_wrong(&mut self) -> Wrong {
        if self.repair_at.is_some_and(|at| self.second >= at) {
            self.faults.repair(self.second);
        }
        let wrong = self.faults.step(self.second);
        if !self.faults.stands() {
            self.repair_at = None;
        }
        wrong
    }

    /// Ends and starts reels at this second.
    fn turn_up(&mut self) {
        match &mut self.phase {
            Phase::RunIn(seconds) if *seconds > 0 => *seconds -= 1,
            Phase::RunIn(_) => self.start_reel(),
            Phase::Making(reel) if reel.is_full() && self.web == Web::OnReel => {
                let reel = reel.clone();
                self.finish(&reel);
                if self.learning.over && self.scored == self.spec.batches {
                    self.phase = Phase::Done;
                } else {
                    self.start_reel();
                }
            }
            Phase::Making(_) | Phase::Done => {}
        }
    }

    /// The grade of the next reel; `None` when nothing more has to be learned.
    fn next_to_learn(&self) -> Option<usize> {
        let Learning { released, open, .. } = &self.learning;
        let wanted = self.spec.learning_batches;
        if released.iter().all(|n| *n >= wanted) {
            return None;
        }
        let on_the_way = |grade: &usize| released[*grade] + open[*grade] < wanted;
        let current = self.operation.grade_ix();
        // The grade on the machine first; while only the laboratory is missing, more of it.
        Some(
            Some(current)
                .filter(on_the_way)
                .or((0..GRADES.len()).find(on_the_way))
                .unwrap_or(current),
        )
    }

    fn start_reel(&mut self) {
        if !self.learning.over && self.next_to_learn().is_none() {
            self.learning.over = true;
        }
        if self.learning.over && self.scored == self.spec.batches {
            self.phase = Phase::Done;
            return;
        }
        let current = self.operation.grade_ix();
        let grade = if self.learning.over {
            self.operation.next_in_campaign()
        } else {
            self.next_to_learn().unwrap_or(current)
        };
        let (ts, batch) = (self.now.as_millis(), self.next_id());
        let name = GRADES[grade].name;
        if grade != current {
            self.operation.change_grade(grade);
            self.publish_event(format!(r#"{{"event":"grade-change","grade":"{name}","ts":{ts}}}"#));
        }
        let id = quoted(&batch);
        self.publish_event(format!(
            r#"{{"event":"batch-start","batch":{id},"grade":"{name}","ts":{ts}}}"#
        ));
        if grade != current {
            self.web =
                Web::ToPulper { least_s: CHANGE_S, good_s: 0, needed_s: GOOD_AFTER_CHANGE_S };
            self.publish_pause(&batch, "grade-change");
        }
        self.process.change_blade_if_due();
        let full_m = self.laboratory.between(FULL_M.0, FULL_M.1);
        if self.learning.over {
            self.scored += 1;
        } else {
            self.learning.made += 1;
            self.learning.open[grade] += 1;
        }
        let reel = Reel::new(batch, grade, self.learning.over, full_m);
        self.phase = Phase::Making(Box::new(reel));
    }

    fn break_web(&mut self) {
        let Phase::Making(reel) = &self.phase else { return };
        let batch = Arc::clone(&reel.batch);
        self.web = Web::Broken(self.operation.break_seconds());
        self.publish_pause(&batch, "break");
    }

    /// `TM3-260123-014`: line, day, number of the day.
    fn next_id(&mut self) -> Arc<str> {
        let compact = self.now.to_compact();
        // The day without its century; years of five digits do not come.
        let day = compact.get(2..8).unwrap_or(&compact);
        if self.numbering.0 != day {
            self.numbering = (day.to_owned(), 0);
        }
        self.numbering.1 += 1;
        let (day, number) = &self.numbering;
        format!("{}-{day}-{number:03}", self.spec.line.to_uppercase()).into()
    }

    /// Winds the second that was made, or waits until the web may go on the reel.
    fn wind(&mut self) {
        let product = self.process.product;
        let limits = &self.operation.grade().limits;
        // People see what the scanner says, wrong or not.
        let seen = (self.process.seen[tag::BASIS_WEIGHT], self.process.seen[tag::MOISTURE]);
        let inside =
            limits.scanner_inside(&Product { basis_weight: seen.0, moisture: seen.1, ..product });
        match &mut self.web {
            Web::Broken(left) if *left > 0 => *left -= 1,
            Web::Broken(_) => {
                self.web = Web::ToPulper { least_s: 0, good_s: 0, needed_s: GOOD_AFTER_BREAK_S };
            }
            Web::ToPulper { least_s, good_s, needed_s } => {
                *least_s = least_s.saturating_sub(1);
                *good_s = if inside { *good_s + 1 } else { 0 };
                let ready = *least_s == 0 && *good_s >= *needed_s;
                self.process.take_back(self.process.balance.made);
                if ready {
                    self.web = Web::OnReel;
                    self.publish_resume();
                }
                return;
            }
            Web::OnReel => {
                let fault = self.faults.active().map(|(fault, begin)| {
                    (fault, self.spec.start.plus(Duration::from_secs(begin)))
                });
                let (now, speed) = (self.now, self.process.reel_speed);
                let lots = self.process.lots();
                if let Phase::Making(reel) = &mut self.phase {
                    reel.wind(now, &product, seen, speed, limits, fault);
                    for (lot, kg) in lots {
                        *reel.lots.entry(lot).or_default() += kg;
                    }
                }
            }
        }
        let outside = self.is_on_reel() && !inside;
        self.seen_outside_s = if outside { self.seen_outside_s + 1 } else { 0 };
        if self.seen_outside_s == SEEN_OUTSIDE_S {
            self.look_for_fault(self.second);
        }
    }

    /// Ends a reel: its events, its truth, and the laboratory's work to come.
    fn finish(&mut self, reel: &Reel) {
        let batch = quoted(&reel.batch);
        let ts = self.now.as_millis();
        self.publish_event(format!(
            r#"{{"event":"batch-end","batch":{batch},"ts":{ts},"length_m":{:.0},"mass_kg":{:.1}}}"#,
            reel.length_m, reel.mass_kg
        ));
        for (lot, kg) in &reel.lots {
            let lot = quoted(lot);
            self.publish_event(format!(
                r#"{{"event":"consumes","batch":{batch},"from":{lot},"mass_kg":{kg:.1},"ts":{ts}}}"#
            ));
        }
        let grade = &GRADES[reel.grade];
        let Finding { results, off_share, class, rejected } =
            reel.finding(grade, &mut self.laboratory);
        let (low, high) = LAB_S;
        let due = self.second + u64::from(self.laboratory.pick(low, high));
        let at = |second: u64| self.spec.start.plus(Duration::from_secs(second)).as_millis();
        let lab_ts = at(due);
        let decided_ts = at(due + DISPOSITION_S);
        for result in &results {
            self.post(due, Later::Event(lab(&batch, result, lab_ts)));
            if result.property == "tensile_md" {
                let deviation = result.value / grade.nominal.tensile_md - 1.0;
                self.post(due + DISPOSITION_S, Later::Strength(reel.grade, deviation));
            }
        }
        let word = if rejected { "rework" } else { "release" };
        self.post(
            due + DISPOSITION_S,
            Later::Event(format!(
                r#"{{"event":"disposition","batch":{batch},"disposition":"{word}","by":"laboratory","ts":{decided_ts}}}"#
            )),
        );
        let learning = !reel.scored;
        self.post(
            due + DISPOSITION_S,
            Later::Decided {
                grade: reel.grade,
                released: !rejected,
                mass_kg: reel.mass_kg,
                learning,
            },
        );
        if rejected {
            self.post(due, Later::Alarmed(self.second));
        }
        if reel.scored {
            self.truth.batches.push(BatchTruth {
                line: Arc::clone(&self.spec.line),
                batch: Arc::clone(&reel.batch),
                class,
                fault: reel.fault.map(|(fault, _)| fault.as_str().into()),
                fault_from: reel.fault.map(|(_, from)| from),
                first_movers: reel.fault.map_or_else(Vec::new, |(fault, _)| {
                    fault.first_movers().iter().map(|tag| Arc::from(*tag)).collect()
                }),
                off_from: reel.off_from,
                off_share: reel.off_from.map(|_| (off_share * 1e4).round() / 1e4),
            });
        }
    }

    fn post(&mut self, due: u64, later: Later) {
        self.posted += 1;
        self.later.insert((due, self.posted), later);
    }

    fn publish_pause(&mut self, batch: &str, reason: &str) {
        let (batch, ts) = (quoted(batch), self.now.as_millis());
        self.publish_event(format!(
            r#"{{"event":"pause","batch":{batch},"reason":"{reason}","ts":{ts}}}"#
        ));
    }

    fn publish_resume(&mut self) {
        let Phase::Making(reel) = &self.phase else { return };
        let (batch, ts) = (quoted(&reel.batch), self.now.as_millis());
        self.publish_event(format!(r#"{{"event":"resume","batch":{batch},"ts":{ts}}}"#));
    }

    fn publish_event(&mut self, body: String) {
        self.delivery.send_event(Published {
            at: self.now,
            topic: Arc::clone(&self.events),
            payload: body.into(),
            retained: false,
        });
    }

    /// Reads all instruments and sends what they say.
    fn measure(&mut self, sheet: bool, on_reel: bool) {
        let diameter = match &self.phase {
            Phase::Making(reel) => reel.diameter_m(),
            Phase::RunIn(_) | Phase::Done => 0.0,
        };
        let seen = &mut self.process.seen;
        seen[tag::REEL_DIAMETER] = diameter;
        seen[tag::SHEET_BREAK] = if sheet { 0.0 } else { 1.0 };
        match self.instruments.step(self.second, seen, on_reel) {
            Some(Change::Began(tag, kind)) if self.learning.over => {
                self.truth.sensors.push(SensorTruth {
                    line: Arc::clone(&self.spec.line),
                    sensor_fault: kind.into(),
                    tag: TAGS[tag].name.into(),
                    from: self.now,
                    to: self.now,
                });
            }
            Some(Change::GoesOn) => {
                // One that began before the first scored batch is not counted.
                if let Some(episode) = self.truth.sensors.last_mut() {
                    episode.to = self.now;
                }
            }
            Some(Change::Began(..)) | None => {}
        }
        let instruments = &self.instruments;
        let value = |ix: usize| {
            let due = self.second.is_multiple_of(u64::from(TAGS[ix].period_s));
            let off_sheet = !sheet && super::tags::is_of_scanner(ix);
            (due && !off_sheet && !instruments.is_silent(ix)).then(|| instruments.measured[ix])
        };
        let clock = |tags: &std::ops::Range<usize>| instruments.clock_s(tags);
        self.writer.write(self.now, clock, value, &mut self.delivery);
    }
}

fn lab(batch: &str, result: &LabValue, ts: i64) -> String {
    let LabValue { property, unit, value, decimals, .. } = result;
    format!(
        r#"{{"event":"lab","batch":{batch},"property":"{property}","value":{value:.decimals$},"unit":"{unit}","ts":{ts}}}"#
    )
}

/// A text as JSON.
fn quoted(text: &str) -> String {
    serde_json::to_string(text).expect("a text is JSON")
}

#[cfg(test)]
mod tests;

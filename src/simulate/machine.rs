//! The machine as the outside sees it: reels, laboratory, dispositions, messages.

use super::limits::Limits;
use super::noise::Chance;
use super::process::{Disturbance, Process};
use super::reel::{Finding, Reel};
use super::schedule::{BatchPlan, draw};
use super::tags::{GRADE, TAGS, tag};
use super::truth::{BatchTruth, Class, SensorTruth, Truth};
use crate::reading::Timestamp;
use bytes::Bytes;
use std::collections::VecDeque;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

/// Seconds before the first reel, and after a repair before the next one: what is made then goes to
/// the pulper, until the loops and the pipes are as they should be.
const RUN_IN_S: u32 = 60;
const REPAIR_S: u32 = 600;
/// From the end of a reel to its laboratory results.
const LAB_S: u64 = 12 * 60;
/// From the laboratory results to the disposition.
const DISPOSITION_S: u64 = 60;
/// What to simulate.
#[derive(Debug, Clone, PartialEq)]
pub struct SimulationSpec {
    /// Everything that is random comes from it.
    pub seed: u64,
    /// The first simulated second.
    pub start: Timestamp,
    /// Sound batches made first, to learn from.
    pub learning_batches: u32,
    /// Batches made then, in which things go wrong.
    pub batches: u32,
    /// The line's name: a level of the topics.
    pub line: Arc<str>,
}

/// One message as it goes to the broker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    /// The simulated second.
    pub at: Timestamp,
    /// The topic.
    pub topic: Arc<str>,
    /// The payload, to the byte.
    pub payload: Bytes,
    /// Never true for this machine: a reading is no last known value.
    pub retained: bool,
}

/// A small tissue machine, deterministic at steps of one second.
///
/// Each second each area publishes one JSON message on `mill/{line}/{area}`; batch and laboratory
/// events go to `mill/{line}/events`. Reels take 20 to 30 minutes. A reel with a process fault is
/// followed by ten minutes of repair without a batch.
#[derive(Debug, Clone)]
pub struct Machine {
    spec: SimulationSpec,
    limits: Limits,
    process: Process,
    laboratory: Chance,
    plans: Vec<BatchPlan>,
    now: Timestamp,
    second: u64,
    phase: Phase,
    /// Laboratory work and dispositions still to come, in order of time.
    later: VecDeque<(u64, String)>,
    /// The value at which the scanner's link stands still.
    stuck_at: Option<f64>,
    /// The day and the number of the last reel, for its id.
    numbering: (String, u32),
    topics: Topics,
    truth: Truth,
}

#[derive(Debug, Clone)]
struct Topics {
    areas: Vec<(&'static str, Arc<str>)>,
    events: Arc<str>,
}

#[derive(Debug, Clone)]
enum Phase {
    /// No reel; the next one starts after so many seconds.
    Between { next: usize, seconds: u32 },
    /// A reel is being wound.
    Making(Reel),
    /// All reels are made; laboratory results are still to come.
    Done,
}

impl Machine {
    /// A machine that has run for an hour and starts its first reel a minute after `spec.start`.
    #[must_use]
    pub fn new(spec: &SimulationSpec) -> Self {
        let mut areas: Vec<(&'static str, Arc<str>)> = Vec::new();
        for tag in &TAGS {
            if areas.iter().all(|(area, _)| *area != tag.area) {
                areas.push((tag.area, format!("mill/{}/{}", spec.line, tag.area).into()));
            }
        }
        let plans = draw(spec.seed, spec.learning_batches, spec.batches);
        Self {
            limits: Limits::default(),
            process: Process::new(spec.seed),
            laboratory: Chance::new(spec.seed, 3),
            phase: if plans.is_empty() {
                Phase::Done
            } else {
                Phase::Between { next: 0, seconds: RUN_IN_S }
            },
            plans,
            now: spec.start,
            second: 0,
            later: VecDeque::new(),
            stuck_at: None,
            numbering: (String::new(), 0),
            topics: Topics { areas, events: format!("mill/{}/events", spec.line).into() },
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
        let learning = self.spec.learning_batches as usize;
        match &self.phase {
            Phase::Between { next: ix, .. } | Phase::Making(Reel { ix, .. }) => *ix < learning,
            Phase::Done => false,
        }
    }

    /// The spec it was made from.
    #[must_use]
    pub fn spec(&self) -> &SimulationSpec {
        &self.spec
    }

    /// The truth about the scored batches that have ended, in order. The class may still become
    /// marginal while the laboratory is at work.
    #[must_use]
    pub fn truth(&self) -> &[BatchTruth] {
        &self.truth.batches
    }

    /// Episodes of wrong instruments so far, in order.
    #[must_use]
    pub fn sensor_truth(&self) -> &[SensorTruth] {
        &self.truth.sensors
    }

    /// Both truths, for the truth file and the score.
    #[must_use]
    pub fn into_truth(self) -> Truth {
        self.truth
    }

    /// Makes one simulated second and appends what it publishes: events first, then one message for
    /// each area. False when all batches with their laboratory results and dispositions are out; then
    /// nothing is appended.
    pub fn step(&mut self, out: &mut Vec<Published>) -> bool {
        if matches!(self.phase, Phase::Done) && self.later.is_empty() {
            return false;
        }
        while self.later.front().is_some_and(|(due, _)| *due <= self.second) {
            if let Some((_, body)) = self.later.pop_front() {
                self.publish_event(body, out);
            }
        }
        self.turn_up(out);
        let wrong = match &self.phase {
            Phase::Making(reel) => {
                self.plans[reel.ix].fault.map_or_else(Disturbance::default, |f| f.at(reel.second))
            }
            Phase::Between { .. } | Phase::Done => Disturbance::default(),
        };
        self.process.step(wrong);
        self.wind(wrong);
        self.publish_readings(out);
        self.second += 1;
        self.now = self.now.plus(Duration::from_secs(1));
        true
    }

    /// Ends and starts reels at this second.
    fn turn_up(&mut self, out: &mut Vec<Published>) {
        let full = |reel: &Reel, plans: &[BatchPlan]| reel.second >= plans[reel.ix].seconds;
        if let Phase::Making(reel) = &self.phase
            && full(reel, &self.plans)
        {
            let reel = reel.clone();
            self.finish(&reel, out);
            let next = reel.ix + 1;
            self.phase = if next == self.plans.len() {
                Phase::Done
            } else {
                let seconds = if self.plans[reel.ix].fault.is_some() { REPAIR_S } else { 0 };
                Phase::Between { next, seconds }
            };
        }
        match &mut self.phase {
            Phase::Between { next, seconds: 0 } => {
                let ix = *next;
                let batch = self.next_id();
                let body = format!(
                    r#"{{"event":"batch-start","batch":{},"grade":"{GRADE}","ts":{}}}"#,
                    quoted(&batch),
                    self.now.as_millis()
                );
                self.publish_event(body, out);
                self.phase = Phase::Making(Reel::new(ix, batch));
            }
            Phase::Between { seconds, .. } => *seconds -= 1,
            Phase::Making(_) | Phase::Done => {}
        }
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

    /// Winds the second that was made, and notes what is true of it.
    fn wind(&mut self, wrong: Disturbance) {
        let Phase::Making(reel) = &mut self.phase else { return };
        let faulty = wrong != Disturbance::default();
        reel.wind(self.now, &self.process.product, self.process.reel_speed, &self.limits, faulty);
        if let Some((begin, end)) = self.plans[reel.ix].stuck {
            // The second just wound.
            let second = reel.second - 1;
            if second == begin {
                // The link stands still; the loop behind it does not, so the paper stays good.
                self.stuck_at = Some(self.process.measured[tag::BASIS_WEIGHT]);
                self.truth.sensors.push(SensorTruth {
                    line: Arc::clone(&self.spec.line),
                    sensor_fault: "stuck".into(),
                    tag: TAGS[tag::BASIS_WEIGHT].name.into(),
                    from: self.now,
                    to: self.now,
                });
            }
            if second > end {
                self.stuck_at = None;
            } else if let (Some(_), Some(episode)) = (self.stuck_at, self.truth.sensors.last_mut())
            {
                episode.to = self.now;
            }
        }
    }

    /// Ends a reel: its event, its truth, and the laboratory's work to come.
    fn finish(&mut self, reel: &Reel, out: &mut Vec<Published>) {
        self.stuck_at = None;
        let batch = quoted(&reel.batch);
        let body = format!(
            r#"{{"event":"batch-end","batch":{batch},"ts":{},"length_m":{:.0},"mass_kg":{:.1}}}"#,
            self.now.as_millis(),
            reel.length_m,
            reel.mass_kg
        );
        self.publish_event(body, out);

        let Finding { tensile_md, caliper, off_share, class } =
            reel.finding(&self.limits, &mut self.laboratory);
        let lab_due = self.second + LAB_S;
        let lab_ts = self.now.plus(Duration::from_secs(LAB_S)).as_millis();
        self.later.push_back((lab_due, lab(&batch, "tensile_md", tensile_md, "N/m", lab_ts)));
        self.later.push_back((lab_due, lab(&batch, "caliper", caliper, "um", lab_ts)));
        let good = matches!(class, Class::Good | Class::Touched);
        self.later.push_back((
            lab_due + DISPOSITION_S,
            format!(
                r#"{{"event":"disposition","batch":{batch},"disposition":"{}","by":"laboratory","ts":{}}}"#,
                if good { "release" } else { "rework" },
                self.now.plus(Duration::from_secs(LAB_S + DISPOSITION_S)).as_millis()
            ),
        ));

        if reel.ix >= self.spec.learning_batches as usize {
            let fault = self.plans[reel.ix].fault.filter(|_| reel.fault_from.is_some());
            self.truth.batches.push(BatchTruth {
                line: Arc::clone(&self.spec.line),
                batch: Arc::clone(&reel.batch),
                class,
                fault: fault.map(|planned| planned.fault.as_str().into()),
                fault_from: reel.fault_from,
                off_from: reel.off_from,
                off_share: reel.off_from.map(|_| (off_share * 1e4).round() / 1e4),
            });
        }
    }

    fn publish_event(&self, body: String, out: &mut Vec<Published>) {
        out.push(Published {
            at: self.now,
            topic: Arc::clone(&self.topics.events),
            payload: body.into(),
            retained: false,
        });
    }

    fn publish_readings(&self, out: &mut Vec<Published>) {
        let ts = self.now.as_millis();
        for (area, topic) in &self.topics.areas {
            let mut body = format!(r#"{{"ts":{ts}"#);
            for (tag, value) in TAGS.iter().zip(self.process.measured) {
                if tag.area == *area {
                    let stuck = self.stuck_at.filter(|_| tag.name == TAGS[tag::BASIS_WEIGHT].name);
                    let value = stuck.unwrap_or(value);
                    write!(body, r#","{}":{value:.*}"#, tag.name, tag.decimals)
                        .expect("a String takes all that is written");
                }
            }
            body.push('}');
            out.push(Published {
                at: self.now,
                topic: Arc::clone(topic),
                payload: body.into(),
                retained: false,
            });
        }
    }
}

fn lab(batch: &str, property: &str, value: f64, unit: &str, ts: i64) -> String {
    format!(
        r#"{{"event":"lab","batch":{batch},"property":"{property}","value":{value:.1},"unit":"{unit}","ts":{ts}}}"#
    )
}

/// A text as JSON.
fn quoted(text: &str) -> String {
    serde_json::to_string(text).expect("a text is JSON")
}

#[cfg(test)]
mod tests {
    use super::super::process::WIDTH_M;
    use super::super::{ProcessFault, rules};
    use super::*;
    use crate::decode::{Arrival, BatchEvent, Decoder, Disposition, Message};
    use std::collections::BTreeMap;

    fn spec(seed: u64, learning_batches: u32, batches: u32) -> SimulationSpec {
        SimulationSpec {
            seed,
            start: Timestamp::parse_rfc3339("2026-01-23T22:00:00Z").unwrap(),
            learning_batches,
            batches,
            line: "tm3".into(),
        }
    }

    fn run(spec: &SimulationSpec) -> (Vec<Published>, Truth) {
        let mut machine = Machine::new(spec);
        let mut out = Vec::new();
        while machine.step(&mut out) {}
        (out, machine.into_truth())
    }

    /// Decodes all, which must leave no fault.
    fn decode(out: &[Published]) -> Vec<(Timestamp, Message)> {
        let mut decoder = Decoder::new(rules());
        let (mut messages, mut faults) = (Vec::new(), Vec::new());
        let mut all = Vec::new();
        for published in out {
            let arrival = Arrival {
                received: published.at,
                topic: Arc::clone(&published.topic),
                payload: published.payload.clone(),
                retained: published.retained,
            };
            decoder.decode(&arrival, &mut messages, &mut faults);
            all.extend(messages.drain(..).map(|message| (published.at, message)));
        }
        assert_eq!(faults, []);
        all
    }

    #[test]
    fn equal_seeds_give_equal_bytes_and_others_do_not() {
        let (first, truth) = run(&spec(7, 1, 2));
        let (again, truth_again) = run(&spec(7, 1, 2));
        assert!(first == again, "the bytes differ");
        assert_eq!(truth, truth_again);
        let (other, _) = run(&spec(8, 1, 2));
        assert!(first != other, "another seed gave the same bytes");
    }

    #[test]
    fn a_second_is_five_messages_that_the_rules_read() {
        let mut machine = Machine::new(&spec(1, 0, 1));
        let mut out = Vec::new();
        assert!(machine.step(&mut out));
        let topics: Vec<&str> = out.iter().map(|published| &*published.topic).collect();
        assert_eq!(
            topics,
            [
                "mill/tm3/stock",
                "mill/tm3/headbox",
                "mill/tm3/yankee",
                "mill/tm3/reel",
                "mill/tm3/scanner"
            ]
        );
        let tags: Vec<String> = decode(&out)
            .into_iter()
            .map(|(at, message)| match message {
                Message::Reading(r) => {
                    assert_eq!(r.at, Some(at));
                    assert_eq!(&*r.line, "tm3");
                    format!("{}/{}", r.area, r.tag)
                }
                Message::Batch(b) => panic!("{b:?}"),
            })
            .collect();
        let mut expected: Vec<String> =
            TAGS.iter().map(|tag| format!("{}/{}", tag.area, tag.name)).collect();
        // Of one message the tags come in order of their names.
        for tags in expected.chunk_by_mut(|a, b| a.split('/').next() == b.split('/').next()) {
            tags.sort();
        }
        assert_eq!(tags, expected);
    }

    #[test]
    fn reels_laboratory_and_dispositions_follow_one_another() {
        let (out, truth) = run(&spec(3, 1, 5));
        let mut open = None;
        let mut ended: BTreeMap<Arc<str>, Timestamp> = BTreeMap::new();
        let mut tensile: BTreeMap<Arc<str>, f64> = BTreeMap::new();
        let mut disposed: BTreeMap<Arc<str>, Disposition> = BTreeMap::new();
        let mut ids = Vec::new();
        for (at, message) in decode(&out) {
            let Message::Batch(message) = message else { continue };
            assert_eq!(message.at, at, "events are published when they happen");
            match message.event {
                BatchEvent::Start { batch, grade } => {
                    assert_eq!(grade.as_deref(), Some(GRADE));
                    assert_eq!(open.replace(Arc::clone(&batch)), None);
                    ids.push(batch.to_string());
                }
                BatchEvent::End { batch, length_m, mass_kg } => {
                    assert_eq!(open.take(), Some(Arc::clone(&batch)));
                    // 20 to 30 min at 1,640 m/min; 5.6 m wide, 15 g/m².
                    let (length, mass) = (length_m.unwrap(), mass_kg.unwrap());
                    assert!((32_500.0..49_500.0).contains(&length), "{length}");
                    let weight = mass * 1000.0 / (length * WIDTH_M);
                    assert!((14.0..16.5).contains(&weight), "{weight}");
                    ended.insert(batch, at);
                }
                BatchEvent::Lab { batch, property, value, .. } => {
                    assert_eq!(at.since(ended[&batch]), 720 * 1_000_000_000);
                    if &*property == "tensile_md" {
                        tensile.insert(batch, value);
                    }
                }
                BatchEvent::Disposition { batch, disposition, .. } => {
                    assert_eq!(at.since(ended[&batch]), 780 * 1_000_000_000);
                    disposed.insert(batch, disposition);
                }
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(ids[0], "TM3-260123-001");
        assert!(ids[5].starts_with("TM3-260124-00"), "{ids:?}");
        assert_eq!((ended.len(), tensile.len(), disposed.len()), (6, 6, 6));
        assert_eq!(truth.batches.len(), 5);
        for batch in &truth.batches {
            let good = matches!(batch.class, Class::Good | Class::Touched);
            assert_eq!(disposed[&batch.batch] == Disposition::Release, good);
        }
    }

    #[test]
    fn faults_spoil_their_batch_and_no_other() {
        let (mut off, mut faulty, mut sound, mut good) = (0, 0, 0, 0);
        let mut kinds = std::collections::BTreeSet::new();
        for seed in 0..3 {
            let (_, truth) = run(&spec(seed, 0, 18));
            for batch in &truth.batches {
                if let Some(fault) = &batch.fault {
                    faulty += 1;
                    if batch.class == Class::OffSpec {
                        off += 1;
                        kinds.insert(fault.to_string());
                        assert!(batch.off_from > batch.fault_from, "{batch:?}");
                    }
                } else {
                    sound += 1;
                    good += usize::from(batch.class == Class::Good);
                }
            }
        }
        assert!(good * 100 >= sound * 97, "{good} of {sound} sound batches are good");
        // Those whose fault begins late end before the product shows it for long.
        assert!(off * 2 >= faulty && off < faulty, "{off} of {faulty} faulty batches are off spec");
        let all: std::collections::BTreeSet<String> =
            ProcessFault::ALL.iter().map(|fault| fault.as_str().to_owned()).collect();
        assert_eq!(kinds, all);
    }

    #[test]
    fn a_stuck_scanner_stands_still_while_the_paper_is_good() {
        let (out, truth) = run(&spec(2, 0, 14));
        let episode = truth.sensors.first().unwrap();
        let weights: Vec<(Timestamp, f64)> = decode(&out)
            .into_iter()
            .filter_map(|(at, message)| match message {
                Message::Reading(r) if *r.tag == *episode.tag => Some((at, r.value.number()?)),
                _ => None,
            })
            .collect();
        let longest_run = |from: Timestamp, to: Timestamp| {
            let values: Vec<f64> = weights
                .iter()
                .filter(|(at, _)| from <= *at && *at <= to)
                .map(|(_, value)| *value)
                .collect();
            values.chunk_by(|a, b| a.to_bits() == b.to_bits()).map(<[f64]>::len).max().unwrap()
        };
        let seconds = episode.to.seconds_since(episode.from);
        assert!(seconds >= 590.0, "{seconds}");
        assert!(longest_run(episode.from, episode.to) >= 590);
        // A sound scanner holds each average for one scan; two equal ones may follow one another.
        let before = episode.from.minus(Duration::from_secs(50));
        assert!(longest_run(weights[0].0, before) <= 75);
        let during = truth.batches.iter().filter(|b| b.class == Class::Good).count();
        assert!(during > 5, "{during} good batches");
    }
}

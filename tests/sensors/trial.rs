//! One mill, learned once; and forks of it, each with another sick sensor, beside the fork without.

use super::plan::{Case, area};
use onspec::alarm::{EventKind, Subject};
use onspec::app::{FitMode, Outputs, Pipeline, demo};
use onspec::config::Checked;
use onspec::engine::{Effect, Engine, Event};
use onspec::reading::Timestamp;
use onspec::simulate::{Form, Machine, Said, TAGS};
use onspec::store::Store;
use onspec::words::SystemReason;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The web has to have been on the reel for so long before a sensor falls sick, s: the line is steady.
const ON_REEL_S: u32 = 420;

/// A mill whose models have learned, at the second at which sensors fall sick.
pub(crate) struct Learned {
    machine: Machine,
    state: Vec<u8>,
    broker: Arc<str>,
}

/// What was said in a fork.
#[derive(Debug, Default)]
pub(crate) struct Run {
    /// When the sensor fell sick.
    pub(crate) from: Option<Timestamp>,
    /// When it was well again.
    pub(crate) to: Option<Timestamp>,
    /// The begins of the batches from the one in which it fell sick on.
    pub(crate) starts: Vec<(Arc<str>, Timestamp)>,
    /// `sensor.unhealthy`: tag, fault, when.
    pub(crate) unhealthy: Vec<(Arc<str>, Arc<str>, Timestamp)>,
    /// `sensor.recovered`: tag, when.
    pub(crate) recovered: Vec<(Arc<str>, Timestamp)>,
    /// Batches that had a flag, with the tags blamed for one.
    pub(crate) flagged: BTreeMap<Arc<str>, BTreeSet<Arc<str>>>,
    /// The time judged, s.
    pub(crate) seconds: u32,
}

impl Learned {
    /// The mill of a seed after so many good batches of each grade. From then on nothing goes wrong by itself.
    pub(crate) fn new(checked: &Checked, seed: u64) -> Self {
        let broker: Arc<str> = checked.brokers[0].settings.name.as_str().into();
        let mut machine = demo::machine(checked, seed, 500, Form::Wide);
        let store = Store::open(&checked.store).expect("a store in memory");
        let (plant, rules) = (checked.plant.clone(), checked.rules());
        let (mut pipeline, _) =
            Pipeline::open(store, plant, rules, Outputs::default(), FitMode::Inline)
                .expect("a pipeline");
        let mut out = Vec::new();
        let (mut on_reel, mut mended) = (0, false);
        // After the repair two hours, so that nothing of it is left, and at least one batch was judged.
        let mut rest_s = 7200_u32;
        loop {
            for _ in 0..60 {
                machine.step(&mut out);
                if !mended && !machine.is_learning() {
                    machine.mend();
                    mended = true;
                }
                on_reel = if machine.winds() { on_reel + 1 } else { 0 };
                if mended && !machine.suffers() {
                    rest_s = rest_s.saturating_sub(1);
                }
            }
            let events = out.drain(..).map(|message| Event::Arrival(message.from_broker(&broker)));
            pipeline.commit(events, &mut |_| {}).expect("a commit in memory");
            if rest_s == 0 && on_reel >= ON_REEL_S {
                break;
            }
        }
        Self { machine, state: pipeline.engine().checkpoint(), broker }
    }

    /// Goes on with this sensor sick, or none, to the end of the next batch, and one batch more in which it is
    /// well; without one, for `batches`.
    pub(crate) fn run(&self, case: Option<Case>, batches: usize) -> Run {
        let mut machine = self.machine.clone();
        let mut engine = Engine::restore(&self.state).expect("the state was just written");
        let mut run = Run::default();
        machine.sicken(case.map(|case| (case.tag, case.sickness)));
        run.from = Some(machine.now());
        let (mut out, mut effects) = (Vec::new(), Vec::new());
        while run.starts.len() < batches && machine.step(&mut out) {
            run.seconds += 1;
            for message in out.drain(..) {
                if let Some(batch) = started(&message.payload) {
                    run.starts.push((batch, machine.now()));
                    if run.starts.len() == 2 && case.is_some() {
                        machine.sicken(None);
                        run.to = Some(machine.now());
                    }
                }
                engine.apply(Event::Arrival(message.from_broker(&self.broker)), &mut effects);
                for effect in effects.drain(..) {
                    run.take(&effect);
                }
            }
        }
        run
    }
}

/// The batch that an event starts.
fn started(payload: &[u8]) -> Option<Arc<str>> {
    let text = std::str::from_utf8(payload).ok()?;
    let rest = text.strip_prefix(r#"{"event":"batch-start","batch":""#)?;
    rest.split('"').next().map(Arc::from)
}

impl Run {
    fn take(&mut self, effect: &Effect) {
        match effect {
            Effect::Notification(news) => match &news.subject {
                Subject::Sensor { tag, fault, .. } if news.kind == EventKind::SensorUnhealthy => {
                    self.unhealthy.push((Arc::clone(tag), Arc::clone(fault), news.at));
                }
                Subject::Sensor { tag, .. } => self.recovered.push((Arc::clone(tag), news.at)),
                Subject::System { component, reason, .. } if component.starts_with("source/") => {
                    self.take_source(reason, news.at);
                }
                _ => {}
            },
            Effect::Verdict(document) => {
                if let Some(said) = Said::from_document(document)
                    && said.call.is_flag()
                {
                    self.flagged.entry(said.batch).or_default().extend(said.blamed);
                }
            }
            _ => {}
        }
    }

    /// All tags of a source whose clock is off are one alarm, which names its area: one tag stands for them. It says
    /// so without an area when all is well.
    fn take_source(&mut self, reason: &SystemReason, at: Timestamp) {
        let mut areas: Vec<&str> = TAGS.iter().map(|tag| tag.area).collect();
        areas.dedup();
        let SystemReason::Clocks(named) = reason else { return };
        let is_off = |area: &&str| named.iter().any(|(named, _)| &**named == *area);
        let one_of = |area: &str| {
            let tag = TAGS.iter().find(|tag| tag.area == area);
            Arc::from(tag.map_or("", |tag| tag.name))
        };
        if areas.iter().any(is_off) {
            let off = areas.iter().filter(|area| is_off(area));
            self.unhealthy.extend(off.map(|area| (one_of(area), "clock".into(), at)));
        } else {
            self.recovered.extend(areas.iter().map(|area| (one_of(area), at)));
        }
    }
}

/// What came of one case.
#[derive(Debug, Default, Clone)]
pub(crate) struct Outcome {
    /// After how many minutes the sensor was named, and as what.
    pub(crate) found: Option<(f64, Arc<str>)>,
    /// True if that was in time.
    pub(crate) in_time: bool,
    /// True if a batch was flagged with the tag among the first three of a reason, which was not without it.
    pub(crate) mistaken: bool,
    /// Batches made while it was sick, and those flagged that were not without it.
    pub(crate) batches: usize,
    pub(crate) flagged: usize,
    /// Other sensors that were named, which were not without it.
    pub(crate) others: Vec<(Arc<str>, Arc<str>)>,
    /// How often it was named while it was sick.
    pub(crate) named: usize,
    /// True if it was named and was well at the end.
    pub(crate) recovered: bool,
}

/// Compares a run with a sick sensor with the one without.
pub(crate) fn compare(case: Case, sick: &Run, sound: &Run) -> Outcome {
    let (from, to) = (sick.from.expect("it began"), sick.to.expect("it ended"));
    let name = TAGS[case.tag].name;
    // A clock is that of a gateway: any of its tags names it.
    let is_clock = matches!(case.sickness, onspec::simulate::Sickness::Clock(_));
    let same_area = |tag: &str| TAGS.iter().any(|t| t.name == tag && t.area == area(case.tag));
    let is_it = |tag: &str| tag == name || (is_clock && same_area(tag));
    let minutes = |at: Timestamp| at.seconds_since(from) / 60.0;
    let mut named =
        sick.unhealthy.iter().filter(|(tag, _, at)| is_it(tag) && *at >= from && *at <= to);
    let first = named.next().map(|(_, fault, at)| (minutes(*at), Arc::clone(fault)));
    let limit = if case.slow { minutes(to) } else { 30.0 };
    let in_time = first.as_ref().is_some_and(|(after, _)| *after <= limit);
    let before = |batch: &Arc<str>| sound.flagged.get(batch);
    let blamed = |tags: &BTreeSet<Arc<str>>| tags.iter().any(|tag| is_it(tag));
    let mistaken = sick
        .flagged
        .iter()
        .any(|(batch, tags)| blamed(tags) && !before(batch).is_some_and(&blamed));
    let flagged = sick.flagged.keys().filter(|batch| before(batch).is_none()).count();
    let known: BTreeSet<&Arc<str>> = sound.unhealthy.iter().map(|(tag, ..)| tag).collect();
    let others = sick
        .unhealthy
        .iter()
        .filter(|(tag, ..)| !is_it(tag) && !known.contains(tag))
        .map(|(tag, fault, _)| (Arc::clone(tag), Arc::clone(fault)))
        .collect();
    let last = |list: &mut dyn Iterator<Item = Timestamp>| list.max();
    let fell =
        last(&mut sick.unhealthy.iter().filter(|(tag, ..)| is_it(tag)).map(|(_, _, at)| *at));
    let rose = last(&mut sick.recovered.iter().filter(|(tag, _)| is_it(tag)).map(|(_, at)| *at));
    Outcome {
        in_time,
        named: usize::from(first.is_some()) + named.count(),
        recovered: fell.is_some() && rose > fell,
        found: first,
        mistaken,
        // The one in which it fell sick, the next, and the one in which it is well again.
        batches: sick.starts.len(),
        flagged,
        others,
    }
}

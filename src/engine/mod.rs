//! The deterministic core: events in, effects out.
//!
//! Owns all process state: quality of tags, frames, open batches, scores, verdicts, alarms. It reads
//! no clock, no network, no disk, no environment, and cannot fail: bad input is a counted fault.
//!
//! State is a function of the checkpoint and the events after it, to the bit. A checkpoint carries
//! the configuration it was made under, so that the journal after it is read as it was the first
//! time; a new configuration takes effect only after that ([`Engine::reconfigure`]).

mod breaks;
mod clocks;
mod documents;
mod drops;
mod effect;
mod event;
mod history;
mod learning;
mod line;
mod nodes;
mod recovery;
mod repeats;
mod sessions;
mod stamps;
mod steady;
mod strays;
mod tell;
#[cfg(test)]
mod tests;
mod view;

pub use crate::alarm::AlarmRecord;
pub use crate::sparkplug::NodeView;
pub use effect::{
    BatchRecord, ContributionRecord, Effect, FaultRecord, FitRequest, FrameRecord, ModelRecord,
    ReadingRecord, ScoreRecord, SensorHealthRecord,
};
pub use event::{Command, Event, EventError, ModelAnswer};
pub use learning::budget;
pub use recovery::Recovery;
pub use view::{AlarmView, LineView, SourceView, StrayView, TagView, TrendPoint, View};

use crate::alarm;
use crate::decode::{Arrival, BatchMessage, Decoder, Fault, Message, NamedReading, Reason, Rule};
use crate::plant::{Plant, Undeclared};
use crate::reading::{Flags, LineIx, Reading, Series, TagIx, Timestamp};
use clocks::Clocks;
use drops::Drops;
use line::{Context, LineState};
use nodes::Nodes;
use recovery::Recoveries;
use repeats::Repeats;
use serde::{Deserialize, Serialize};
use sessions::Sessions;
use stamps::odd_time;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use strays::Strays;

/// Faults kept for people.
const FAULTS_KEPT: usize = 20;

/// Undeclared series shown: enough to see what to declare.
const STRAYS_SHOWN: usize = 200;

/// Alarms shown to people.
const ALARMS_SHOWN: usize = 200;

/// Finished batches shown for each line.
const BATCHES_SHOWN: usize = 12;

/// What no level of a topic may have.
const NO_TOPIC: [char; 4] = ['/', '+', '#', '\0'];

/// The form of checkpoints; another number is refused.
const CHECKPOINT_VERSION: u32 = 1;

/// The engine of a plant.
#[derive(Debug)]
pub struct Engine {
    plant: Arc<Plant>,
    rules: Vec<Rule>,
    decoder: Decoder,
    names: Vec<Names>,
    state: State,
    /// Reused between events.
    messages: Vec<Message>,
    faults: Vec<Fault>,
}

/// The declared tags of a line by name, with the area where the id names one.
type Names = BTreeMap<Arc<str>, Vec<(Option<Arc<str>>, TagIx)>>;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct State {
    lines: Vec<LineState>,
    strays: Strays,
    alarms: alarm::Book,
    next_request: u64,
    faults: BTreeMap<Reason, u64>,
    last_faults: VecDeque<FaultRecord>,
    readings: u64,
    duplicates: u64,
    link_down_since: Option<Timestamp>,
    sessions: Sessions,
    repeats: Repeats,
    recoveries: Recoveries,
    drops: Drops,
    clocks: Clocks,
    nodes: Nodes,
}

/// How a message came.
#[derive(Debug, Clone, Copy)]
struct Way<'a> {
    received: Timestamp,
    /// `None` for a recording.
    broker: Option<&'a Arc<str>>,
    topic: &'a str,
    retained: bool,
}

/// What the names of the alarms of the daemon's parts begin with.
const SYSTEM: &str = "system/";

/// What the names of the links to brokers begin with.
const MQTT: &str = "mqtt/";

/// What the name of a link's session adds to the link's.
const SESSION: &str = "/session";

/// What the name of a broker's queues adds to the link's.
const QUEUE: &str = "/queue";

/// The name under which it is told that a broker drops messages.
fn queue_part(broker: &str) -> Arc<str> {
    format!("{MQTT}{broker}{QUEUE}").into()
}

/// The name under which the loss of a link's session is told.
#[must_use]
pub fn session_part(component: &str) -> Arc<str> {
    format!("{component}{SESSION}").into()
}

/// Bytes that are no checkpoint of this release.
#[derive(Debug, thiserror::Error)]
pub enum CheckpointError {
    /// Not readable.
    #[error("the checkpoint cannot be read")]
    Unreadable(#[source] rmp_serde::decode::Error),
    /// Another version.
    #[error("the checkpoint has version {found}, this release reads version {CHECKPOINT_VERSION}")]
    Version {
        /// What it says.
        found: u32,
    },
}

impl Engine {
    /// The engine of a plant that has seen nothing.
    #[must_use]
    pub fn new(plant: Plant, rules: Vec<Rule>) -> Self {
        let state = State {
            lines: plant.lines.iter().map(LineState::new).collect(),
            strays: Strays::default(),
            alarms: alarm::Book::new(Arc::clone(&plant.site)),
            next_request: 1,
            faults: BTreeMap::new(),
            last_faults: VecDeque::new(),
            readings: 0,
            duplicates: 0,
            link_down_since: None,
            sessions: Sessions::default(),
            repeats: Repeats::default(),
            recoveries: Recoveries::default(),
            drops: Drops::default(),
            clocks: Clocks::default(),
            nodes: Nodes::default(),
        };
        Self::with_state(plant, rules, state)
    }

    fn with_state(plant: Plant, rules: Vec<Rule>, state: State) -> Self {
        Self {
            names: plant.lines.iter().map(names).collect(),
            decoder: Decoder::for_plant(rules.clone(), &plant),
            plant: Arc::new(plant),
            rules,
            state,
            messages: Vec::new(),
            faults: Vec::new(),
        }
    }

    /// The plant that the engine works for.
    #[must_use]
    pub fn plant(&self) -> &Plant {
        &self.plant
    }

    /// Everything that the future depends on.
    #[must_use]
    pub fn checkpoint(&self) -> Vec<u8> {
        let whole = (CHECKPOINT_VERSION, &*self.plant, &self.rules, &self.state);
        rmp_serde::to_vec_named(&whole).expect("the state has only keys that MessagePack can write")
    }

    /// The engine as it was at a checkpoint, under the configuration of that time.
    ///
    /// # Errors
    /// When the bytes are no checkpoint of this release.
    pub fn restore(bytes: &[u8]) -> Result<Self, CheckpointError> {
        // The version stands first, so that a newer form is named before it fails to be read.
        let found = bytes.get(1).map_or(0, |byte| u32::from(*byte));
        if found != CHECKPOINT_VERSION {
            return Err(CheckpointError::Version { found });
        }
        let (_, plant, rules, mut state): (u32, Plant, Vec<Rule>, State) =
            rmp_serde::from_slice(bytes).map_err(CheckpointError::Unreadable)?;
        for (line, state) in plant.lines.iter().zip(&mut state.lines) {
            state.revive(line);
        }
        Ok(Self::with_state(plant, rules, state))
    }

    /// Goes on under another configuration; true if it is another one. Lines and tags keep what is
    /// known of them by their names.
    pub fn reconfigure(&mut self, plant: Plant, rules: Vec<Rule>) -> bool {
        if *self.plant == plant && self.rules == rules {
            return false;
        }
        let mut fresh = Self::new(plant, rules);
        let old = std::mem::replace(&mut self.state, fresh.state.clone());
        for (old_ix, (old_line, old_state)) in self.plant.lines.iter().zip(old.lines).enumerate() {
            if let Some(ix) = fresh.plant.line_ix(&old_line.name) {
                let line = &fresh.plant.lines[ix.get()];
                let state = &mut fresh.state.lines[ix.get()];
                state.adopt(old_state, old_line, line);
                // Kept frames are found by the line's position and read by those of its tags.
                let same_tags =
                    old_line.tags.iter().map(|t| &t.id).eq(line.tags.iter().map(|t| &t.id));
                state.learning.reconfigured(old_ix == ix.get() && same_tags);
            }
        }
        let declared = |line: &str| fresh.plant.line_ix(line).is_some();
        fresh.state.strays = old.strays.without(|series| {
            declared(&series.line) && {
                let ix = fresh.plant.line_ix(&series.line).expect("it is declared");
                tag_of(&fresh.names[ix.get()], &series.area, &series.tag).is_some()
            }
        });
        fresh.state.alarms = old.alarms.of(Arc::clone(&fresh.plant.site));
        fresh.state.next_request = old.next_request;
        fresh.state.faults = old.faults;
        fresh.state.last_faults = old.last_faults;
        fresh.state.readings = old.readings;
        fresh.state.duplicates = old.duplicates;
        fresh.state.link_down_since = old.link_down_since;
        for line in &mut fresh.state.lines {
            line.blind = old.link_down_since.is_some();
        }
        fresh.state.sessions = old.sessions;
        // What nobody could take before may be taken now, such as a value that a broker retains; other
        // changes leave known what comes again only for want of an acknowledgement.
        if self.reads_as(&fresh) {
            fresh.state.repeats = old.repeats;
        }
        fresh.state.recoveries = old.recoveries;
        fresh.state.drops = old.drops;
        let has_broker = |name: &str| fresh.rules.iter().any(|rule| *rule.broker == *name);
        fresh.state.clocks = old.clocks.without(has_broker);
        fresh.state.nodes = old.nodes.of(has_broker);
        *self = fresh;
        true
    }

    /// True if every message gives the same readings of the same tags here as there.
    fn reads_as(&self, other: &Self) -> bool {
        let declared = |plant: &Plant| {
            let lines: Vec<Arc<str>> =
                plant.lines.iter().map(|line| Arc::clone(&line.name)).collect();
            (lines, plant.undeclared, plant.undeclared_max)
        };
        self.rules == other.rules
            && self.names == other.names
            && declared(&self.plant) == declared(&other.plant)
    }

    /// Installs a model from the registry, for a line and grade by name.
    ///
    /// # Errors
    /// When the line or one of the model's tags is not declared, or the artifact is none: why.
    pub fn install(
        &mut self,
        line: &str,
        grade: &Arc<str>,
        version: u32,
        artifact: Arc<[u8]>,
    ) -> Result<(), String> {
        let ix =
            self.plant.line_ix(line).ok_or_else(|| format!("line `{line}` is not declared"))?;
        let state = &mut self.state.lines[ix.get()];
        state.learning.install(&self.plant.lines[ix.get()], grade, version, artifact)
    }

    /// The version of the newest model of a line and grade; 0 if there was none.
    #[must_use]
    pub fn model_version(&self, line: &str, grade: &str) -> u32 {
        let ix = self.plant.line_ix(line);
        ix.map_or(0, |ix| self.state.lines[ix.get()].learning.version(grade))
    }

    /// The ids of the batches of a line and grade that are fit for learning, in the order in which they
    /// became so; at most the last few hundred.
    #[must_use]
    pub fn fit_batches(&self, line: LineIx, grade: &str) -> &[Arc<str>] {
        self.state.lines.get(line.get()).map_or(&[], |line| line.learning.fit_batches(grade))
    }

    /// The fits that were asked for and not answered.
    pub fn open_requests(&self) -> impl Iterator<Item = &FitRequest> {
        self.state.lines.iter().flat_map(|line| line.learning.open_requests())
    }

    /// Takes an event; what follows from it is appended to `out`.
    pub fn apply(&mut self, event: Event, out: &mut Vec<Effect>) {
        let before = out.len();
        let taken = match &event {
            Event::Arrival(arrival) => Some(arrival.received),
            Event::Tick(at) => Some(*at),
            Event::Command(command) => command.at(),
            Event::Message(..) | Event::Frame(..) | Event::Model(_) => None,
        };
        if let Some(at) = taken {
            self.state.recoveries.alive(at);
            for broker in self.state.drops.calm(at) {
                let calm = "it has dropped nothing for ten minutes".into();
                self.component(&queue_part(&broker), true, &calm, at, out);
            }
            self.nodes_pass(at, out);
        }
        self.take(event, out);
        if self.state.recoveries.see(&out[before..]) {
            self.found_more(out);
        }
    }

    fn take(&mut self, event: Event, out: &mut Vec<Effect>) {
        match event {
            Event::Arrival(arrival) => self.arrival(&arrival, out),
            Event::Message(received, message) => {
                let way = Way { received, broker: None, topic: "", retained: false };
                self.message(way, message, out);
            }
            Event::Frame(line, frame) => {
                self.on_line(line, (frame.end, ""), out, |state, cx| state.frame(cx, &frame));
            }
            Event::Tick(now) => {
                if self.state.link_down_since.is_none() {
                    self.on_all_lines(now, out, |state, cx| state.push(cx, now));
                }
            }
            Event::Model(answer) => {
                for line in &mut self.state.lines {
                    if line.learning.answer(&answer) {
                        break;
                    }
                }
            }
            Event::Command(command) => self.command(command, out),
        }
    }

    fn command(&mut self, command: Command, out: &mut Vec<Effect>) {
        match command {
            Command::Component { component, works, reason, at } => {
                self.component(&component, works, &reason, at, out);
            }
            Command::Subscribed { component, client_id, filters } => {
                self.state.sessions.settled((&component, &client_id), &filters);
            }
            Command::Session { component, client_id, present, filters, at } => {
                let had = self.state.sessions.made((&component, &client_id), present, &filters);
                if had && !present {
                    let last = self.heard_at();
                    let since = last.map_or_else(String::new, |last| format!(" since {last}"));
                    let reason = format!(
                        "the broker has lost the session `{client_id}`: what it held{since} is \
                         missing; look at its persistence and the session expiry"
                    );
                    let reason = reason.into();
                    self.state.recoveries.gap(&reason);
                    self.component(&session_part(&component), false, &reason, at, out);
                }
            }
            Command::Unheard { broker, at } => self.nodes_unheard(&broker, at, out),
            Command::Started { at } => {
                self.state.recoveries.started(at);
                self.state.nodes.started();
            }
            Command::Alive { .. } => {}
            Command::CaughtUp { at } => {
                let Some(recovery) = self.state.recoveries.caught_up(at).cloned() else { return };
                if recovery.matters() {
                    let (notification, record) =
                        self.state.alarms.tell(tell::recovery(&recovery, at));
                    out.extend(record.map(Effect::Alarm));
                    out.push(Effect::Notification(Box::new(notification)));
                }
                out.push(Effect::Recovered(Box::new(recovery)));
            }
            Command::Link { up, at } => {
                let before = self.state.link_down_since;
                if up == before.is_none() {
                    return;
                }
                self.state.link_down_since = (!up).then_some(at);
                let since = before.unwrap_or(at);
                for (line, state) in self.plant.lines.iter().zip(&mut self.state.lines) {
                    state.blind = !up;
                    let news = tell::blind(line, !up, at, since, "the link to the broker is down");
                    let (notification, record) = self.state.alarms.tell(news);
                    out.extend(record.map(Effect::Alarm));
                    out.push(Effect::Notification(Box::new(notification)));
                }
            }
            Command::ClockLeap { by_nanos } => {
                let State {
                    lines, strays, clocks, nodes, drops, recoveries, link_down_since, ..
                } = &mut self.state;
                for line in lines {
                    line.leap(by_nanos);
                }
                strays.leap();
                clocks.leap(by_nanos);
                nodes.leap(by_nanos);
                drops.leap(by_nanos);
                recoveries.leap(by_nanos);
                *link_down_since = link_down_since.map(|since| leapt(since, by_nanos));
            }
            Command::Finish => {
                let at = self.newest().unwrap_or_default();
                self.on_all_lines(at, out, LineState::finish);
            }
        }
    }

    /// A part works, or does not.
    fn component(
        &mut self,
        component: &Arc<str>,
        works: bool,
        reason: &Arc<str>,
        at: Timestamp,
        out: &mut Vec<Effect>,
    ) {
        // Only a change is news: what never failed recovers in silence, and what stands from before
        // a restart is not told a second time under the same id.
        if works != self.state.alarms.stands(&format!("{SYSTEM}{component}")) {
            return;
        }
        let news = tell::component(component, works, reason, at);
        let (notification, record) = self.state.alarms.tell(news);
        out.extend(record.map(Effect::Alarm));
        out.push(Effect::Notification(Box::new(notification)));
    }

    /// The filters that a session may have at its broker, by the link's part and the client id.
    pub fn subscriptions(&self, component: &str, client_id: &str) -> impl Iterator<Item = &str> {
        self.state.sessions.filters(component, client_id)
    }

    /// True if the lines are not blind.
    #[must_use]
    pub fn is_link_up(&self) -> bool {
        self.state.link_down_since.is_none()
    }

    /// True from a start until what the brokers held meanwhile was taken.
    #[must_use]
    pub fn is_catching_up(&self) -> bool {
        self.state.recoveries.is_open()
    }

    /// The parts of the daemon whose alarm stands.
    pub fn failed_parts(&self) -> impl Iterator<Item = &str> {
        self.state.alarms.standing().filter_map(|(alarm, _)| alarm.strip_prefix(SYSTEM))
    }

    /// The part that the link is by which the alarm of such a part begins and ends, if it does so by what
    /// links and brokers say, and not by the register of health.
    #[must_use]
    pub fn told_by_link(component: &str) -> Option<&str> {
        let link = component.strip_suffix(SESSION).or_else(|| component.strip_suffix(QUEUE))?;
        // The names of brokers are free, but for a slash.
        let broker = link.strip_prefix(MQTT)?;
        (!broker.is_empty() && !broker.contains('/')).then_some(link)
    }

    /// True if the engine itself tells of this part, by what comes from the plant.
    #[must_use]
    pub fn tells(&self, component: &str) -> bool {
        self.state.clocks.tells(component) || Nodes::tells(component)
    }

    fn arrival(&mut self, arrival: &Arrival, out: &mut Vec<Effect>) {
        let mut messages = std::mem::take(&mut self.messages);
        let mut faults = std::mem::take(&mut self.faults);
        self.decoder.decode(arrival, &mut messages, &mut faults);
        let repeated = self.state.repeats.repeats(arrival);
        for message in messages.drain(..) {
            match message {
                Message::Dropped(count) => {
                    self.dropped(&arrival.broker, (count, repeated), arrival.received, out);
                    continue;
                }
                // It has a sequence of its own.
                Message::Node(message) => {
                    self.node(arrival, &message, out);
                    continue;
                }
                Message::Reading(_) | Message::Batch(_) => {}
            }
            // Without a time of its own a value that comes again is a new reading.
            if repeated
                && let Message::Reading(named) = &message
                && named.at.is_some()
            {
                self.repeated(named);
                continue;
            }
            let way = Way {
                received: arrival.received,
                broker: Some(&arrival.broker),
                topic: &arrival.topic,
                retained: arrival.retained,
            };
            self.message(way, message, out);
        }
        for fault in faults.drain(..) {
            self.fault(arrival.received, &arrival.topic, fault, out);
        }
        self.messages = messages;
        self.faults = faults;
        for news in self.state.clocks.due(arrival.received) {
            self.component(&news.part, news.works, &news.reason, arrival.received, out);
        }
    }

    /// What the last start found is more than was said. Receivers hear it by the alarm or the verdict that
    /// it shows by; for the log it is summed up again.
    fn found_more(&self, out: &mut Vec<Effect>) {
        out.extend(self.state.recoveries.last().cloned().map(Box::new).map(Effect::Recovered));
    }

    /// A broker says how many messages it has dropped.
    fn dropped(
        &mut self,
        broker: &Arc<str>,
        count: (u64, bool),
        at: Timestamp,
        out: &mut Vec<Effect>,
    ) {
        let Some((dropped, since)) = self.state.drops.heard(broker, count, at) else { return };
        if self.state.recoveries.lost(dropped, since) {
            self.found_more(out);
        }
        let reason = format!(
            "the broker dropped {dropped} messages of its clients since {since}: let more messages \
             wait there (mosquitto: `max_queued_messages`), or look who is slow"
        );
        self.component(&queue_part(broker), false, &reason.into(), at, out);
        out.push(Effect::Dropped { broker: Arc::clone(broker), dropped });
    }

    /// A reading of a message that came before: it writes nothing.
    fn repeated(&mut self, named: &NamedReading) {
        self.state.duplicates += 1;
        let line = self.plant.line_ix(&named.line);
        let tag = line.and_then(|ix| tag_of(&self.names[ix.get()], &named.area, &named.tag));
        if let (Some(line), Some(tag)) = (line, tag) {
            self.state.lines[line.get()].repeated(tag);
        }
    }

    fn message(&mut self, way: Way<'_>, message: Message, out: &mut Vec<Effect>) {
        let Way { received, topic, .. } = way;
        let fault = match message {
            Message::Reading(named) => self.reading(way, named, Flags::GOOD, out),
            Message::Batch(message) => self.batch_message((received, topic), message, out),
            // Only a broker knows what it dropped, and whose birth it brings: in a recording it is nobody's.
            Message::Dropped(_) | Message::Node(_) => None,
        };
        if let Some(fault) = fault {
            self.fault(received, topic, fault, out);
        }
    }

    fn batch_message(
        &mut self,
        (received, topic): (Timestamp, &str),
        message: BatchMessage,
        out: &mut Vec<Effect>,
    ) -> Option<Fault> {
        let Some(ix) = self.plant.line_ix(&message.line) else {
            return Some(Fault {
                reason: Reason::LineUnclear,
                detail: format!("line `{}` is not declared, so it has no batches", message.line),
            });
        };
        if let Some(detail) = odd_time(message.at, received) {
            return Some(Fault { reason: Reason::BadTime, detail });
        }
        if let Some(station) = message.station.as_deref().filter(|name| name.contains(NO_TOPIC)) {
            let detail = format!(
                "station `{station}` cannot be a level of a topic: `/`, `+` and `#` are not allowed"
            );
            return Some(Fault { reason: Reason::BadEvent, detail });
        }
        self.on_line(ix, (received, topic), out, |state, cx| state.batch_message(cx, message));
        None
    }

    fn reading(
        &mut self,
        way: Way<'_>,
        named: NamedReading,
        mut known: Flags,
        out: &mut Vec<Effect>,
    ) -> Option<Fault> {
        let Way { received, broker, topic, retained } = way;
        let own_time = named.at.is_some();
        if !own_time {
            known |= Flags::NO_SOURCE_TIME;
        }
        if retained {
            known |= Flags::RETAINED;
        }
        let reading = Reading {
            at: named.at.unwrap_or(received),
            received,
            value: named.value,
            quality: named.quality,
        };
        // A last known value, and what a broker held while nobody listened, came when it could.
        let old = retained || known.contains(Flags::HISTORICAL);
        let measures = own_time && !old && !self.state.recoveries.is_open();
        let series = Series { line: named.line, area: named.area, tag: named.tag };
        let line = self.plant.line_ix(&series.line);
        let tag = line.and_then(|ix| tag_of(&self.names[ix.get()], &series.area, &series.tag));
        let new = if let (Some(line), Some(tag)) = (line, tag) {
            let mut new = false;
            self.on_line(line, (received, topic), out, |state, cx| {
                let from = cx.from(broker, &series, state.likely_source(tag), (own_time, measures));
                let series = state.series(tag, series);
                new = state.reading(cx, tag, &series, &reading, (known, from));
            });
            new
        } else if self.plant.undeclared == Undeclared::Ignore {
            let detail = format!("tag `{}` of line `{}` is not declared", series.tag, series.line);
            return Some(Fault { reason: Reason::Undeclared, detail });
        } else {
            let State { strays, clocks, .. } = &mut self.state;
            let likely = strays.likely_source(&series);
            let from = clocks.from(broker, &series, likely, (own_time, measures), out);
            let max = self.plant.undeclared_max;
            match strays.reading(series, &reading, (known, from), max, (clocks, out)) {
                Ok(new) => new,
                Err(fault) => return Some(fault),
            }
        };
        self.state.readings += u64::from(new);
        self.state.duplicates += u64::from(!new);
        None
    }

    fn fault(&mut self, received: Timestamp, topic: &str, fault: Fault, out: &mut Vec<Effect>) {
        *self.state.faults.entry(fault.reason).or_default() += 1;
        // It goes to the log and the page as it is.
        let visible = |c: char| if c.is_control() { '\u{fffd}' } else { c };
        let topic: Arc<str> = topic.chars().take(256).map(visible).collect::<String>().into();
        let record = FaultRecord { received, topic, fault };
        if self.state.last_faults.len() == FAULTS_KEPT {
            self.state.last_faults.pop_front();
        }
        self.state.last_faults.push_back(record.clone());
        out.push(Effect::Fault(record));
    }

    /// Works on a line; what it could not take came `received` on `topic`, or came out then.
    fn on_line(
        &mut self,
        ix: LineIx,
        (received, topic): (Timestamp, &str),
        out: &mut Vec<Effect>,
        f: impl FnOnce(&mut LineState, &mut Context<'_>),
    ) {
        let State { lines, alarms, next_request, clocks, .. } = &mut self.state;
        let plant = &*self.plant;
        let mut faults = Vec::new();
        if let (Some(line), Some(state)) = (plant.lines.get(ix.get()), lines.get_mut(ix.get())) {
            let faults = &mut faults;
            f(state, &mut Context { ix, plant, line, alarms, next_request, clocks, faults, out });
        }
        for fault in faults {
            self.fault(received, topic, fault, out);
        }
    }

    fn on_all_lines(
        &mut self,
        at: Timestamp,
        out: &mut Vec<Effect>,
        f: impl Fn(&mut LineState, &mut Context<'_>),
    ) {
        for ix in 0..self.plant.lines.len() {
            if let Ok(ix) = u16::try_from(ix) {
                self.on_line(LineIx(ix), (at, ""), out, &f);
            }
        }
    }

    /// True if a tick at this instant would push a line's clock: only such ticks are journaled.
    #[must_use]
    pub fn would_push(&self, now: Timestamp) -> bool {
        let mut lines = self.plant.lines.iter().zip(&self.state.lines);
        let silent = self.state.link_down_since.is_none()
            && lines.any(|(line, state)| state.is_silent(line, now));
        silent || self.state.nodes.is_due(now)
    }

    /// The event time up to which a line has been judged.
    #[must_use]
    pub fn clock(&self, line: LineIx) -> Option<Timestamp> {
        self.state.lines.get(line.get())?.clock()
    }

    /// When a line was last heard, by the receiver's clock.
    #[must_use]
    pub fn heard_at(&self) -> Option<Timestamp> {
        self.state.lines.iter().filter_map(LineState::heard_at).max()
    }

    /// The newest event time of the good readings of all lines.
    #[must_use]
    pub fn newest(&self) -> Option<Timestamp> {
        self.state.lines.iter().filter_map(LineState::newest).max()
    }

    /// What people see.
    #[must_use]
    pub fn view(&self) -> View {
        View {
            site: Arc::clone(&self.plant.site),
            lines: self
                .plant
                .lines
                .iter()
                .zip(&self.state.lines)
                .map(|(line, state)| state.view(line, BATCHES_SHOWN))
                .collect(),
            faults: self.state.faults.iter().map(|(reason, n)| (reason.as_str(), *n)).collect(),
            last_faults: self.state.last_faults.iter().cloned().collect(),
            readings: self.state.readings,
            duplicates: self.state.duplicates,
            undeclared: self.state.strays.len(),
            strays: self.state.strays.view(STRAYS_SHOWN),
            recovery: self.state.recoveries.newest().cloned(),
            alarms_standing: self.state.alarms.standing().count(),
            alarms: self.alarms_shown(),
            sources: self.state.clocks.view(),
            nodes: self.state.nodes.view(),
        }
    }

    fn alarms_shown(&self) -> Vec<AlarmView> {
        let view = |(alarm, standing): (&Arc<str>, &alarm::Standing)| AlarmView {
            alarm: Arc::clone(alarm),
            since: standing.since,
            severity: standing.severity,
            title: Arc::clone(&standing.title),
        };
        let mut shown: Vec<AlarmView> = self.state.alarms.standing().map(view).collect();
        shown.sort_by_key(|alarm| (std::cmp::Reverse(alarm.severity), alarm.since));
        shown.truncate(ALARMS_SHOWN);
        shown
    }
}

/// An instant of the receiver's clock, once that has leapt: what lies between it and now stays as long.
fn leapt(at: Timestamp, by_nanos: i64) -> Timestamp {
    Timestamp::from_nanos(at.as_nanos().saturating_add(by_nanos))
}

fn names(line: &crate::plant::Line) -> Names {
    let mut names = Names::new();
    for (ix, tag) in line.tags.iter().enumerate() {
        let Ok(ix) = u32::try_from(ix).map(TagIx) else { break };
        let (area, name) = match tag.id.rsplit_once('/') {
            Some((area, name)) => (Some(area.into()), name),
            None => (None, &*tag.id),
        };
        names.entry(name.into()).or_default().push((area, ix));
    }
    names
}

/// The declared tag of a reading: the one with its area, else the one without.
fn tag_of(names: &Names, area: &str, tag: &str) -> Option<TagIx> {
    let candidates = names.get(tag)?;
    let exact = candidates.iter().find(|(named, _)| named.as_deref() == Some(area));
    exact.or_else(|| candidates.iter().find(|(named, _)| named.is_none())).map(|(_, ix)| *ix)
}

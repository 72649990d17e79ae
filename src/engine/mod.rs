//! The deterministic core: events in, effects out.
//!
//! Owns all process state: quality of tags, frames, open batches, scores, verdicts, alarms. It reads
//! no clock, no network, no disk, no environment, and cannot fail: bad input is a counted fault.
//!
//! State is a function of the checkpoint and the events after it, to the bit. A checkpoint carries
//! the configuration it was made under, so that the journal after it is read as it was the first
//! time; a new configuration takes effect only after that ([`Engine::reconfigure`]).

mod alarms;
mod arrival;
mod audit;
mod breaks;
mod charts;
mod checkpoint;
mod clocks;
mod command;
mod documents;
mod drops;
mod effect;
mod event;
mod explain;
mod finished;
mod history;
mod learning;
mod line;
mod maintenance;
mod nodes;
mod outlook;
mod profiles;
mod reconfigure;
mod recovery;
mod repeats;
mod sample;
mod scans;
mod sessions;
mod sheet;
mod similar;
mod soft_sensors;
mod stamps;
mod steady;
mod strays;
mod tell;
#[cfg(test)]
mod tests;
mod view;

pub use crate::alarm::AlarmRecord;
pub use crate::chart::{
    Band, Capability, Detector, Estimate, Index, Kind, Limits, LimitsError, Mark, OnTrial, Point,
    Rates, Rule as RunRule, Side, SpreadLimits,
};
pub use crate::models::{
    BatchStage, Beside, Coverage, Fitness, Flagged, Monitor, Ranked, Realized, Statistic, Trial,
};
pub use crate::sparkplug::NodeView;
pub use audit::AuditRecord;
pub use charts::{ChartPoint, ChartView};
pub use checkpoint::CheckpointError;
pub use effect::{
    BatchRecord, ChartLimitsRecord, ChartOf, ChartRecord, ContributionRecord, Effect, FaultRecord,
    FitRequest, FrameRecord, ModelRecord, Neighbour, ProfileRecord, ReadingRecord, ScoreRecord,
    SensorHealthRecord, SoftSensorRecord, SoftSensorRequest, TrialRequest, WrongFlagsRecord,
};
pub use event::{Command, Event, EventError, ModelAnswer, Promotion, ToldEvents, Withdrawal};
pub use explain::{Explanation, QualityView, StatisticView};
pub use finished::FinishedBatch;
pub use learning::budget;
pub use maintenance::MaintenanceView;
pub use outlook::{ProspectsView, StageReliability};
pub use recovery::Recovery;
pub use scans::ScansOfSheet;
pub use sheet::{
    Asked, CourseView, Decided, Done, PropertyOfSheet, ResultOfSheet, SectionsRecord, SheetRecord,
};
pub use soft_sensors::{FittedView, SoftSensorView};
pub use stamps::odd_time;
pub use view::{
    ALARMS_SHOWN, AlarmView, ChallengerView, LineView, ProfileView, PromotionView, SourceView,
    StrayView, TagView, TrendPoint, View,
};

use crate::alarm;
use crate::decode::{Decoder, Fault, Message, Reason, Rule};
use crate::plant::Plant;
use crate::reading::{LineIx, TagIx, Timestamp};
use arrival::Way;
use audit::Audit;
use clocks::Clocks;
use drops::Drops;
use line::{Context, LineState};
use nodes::Nodes;
use profiles::Profiles;
use recovery::Recoveries;
use repeats::Repeats;
use serde::{Deserialize, Serialize};
use sessions::Sessions;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use strays::Strays;

/// The words for what may be wrong with a sensor, as [`TagView::health`] has them.
pub fn sensor_faults() -> impl Iterator<Item = &'static str> {
    crate::quality::SensorFault::ALL.into_iter().map(crate::quality::SensorFault::as_str)
}

/// The engine of a plant.
#[derive(Debug)]
pub struct Engine {
    plant: Arc<Plant>,
    rules: Vec<Rule>,
    decoder: Decoder,
    names: Vec<Names>,
    /// True until something is heard under the configuration.
    is_reconfigured: bool,
    state: State,
    /// Reused between events.
    messages: Vec<Message>,
    faults: Vec<Fault>,
}

fn first_borrowed() -> u64 {
    learning::FIRST_BORROWED
}

fn first_soft_sensor() -> u64 {
    soft_sensors::FIRST_SOFT_SENSOR
}

/// The declared tags of a line by name, with the area where the id names one.
type Names = BTreeMap<Arc<str>, Vec<(Option<Arc<str>>, TagIx)>>;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct State {
    lines: Vec<LineState>,
    strays: Strays,
    alarms: alarm::Book,
    next_request: u64,
    /// The id of the next request for a borrowed model.
    #[serde(default = "first_borrowed")]
    next_borrowed: u64,
    /// That of the next one for a soft sensor.
    #[serde(default = "first_soft_sensor")]
    next_soft_sensor: u64,
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
    profiles: Profiles,
    #[serde(default)]
    audit: Audit,
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

impl Engine {
    /// The engine of a plant that has seen nothing.
    #[must_use]
    pub fn new(plant: Plant, rules: Vec<Rule>) -> Self {
        let state = State {
            lines: plant.lines.iter().map(LineState::new).collect(),
            strays: Strays::default(),
            alarms: alarm::Book::new(Arc::clone(&plant.site)),
            next_request: 1,
            next_borrowed: first_borrowed(),
            next_soft_sensor: first_soft_sensor(),
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
            profiles: Profiles::default(),
            audit: Audit::default(),
        };
        Self::with_state(plant, rules, state)
    }

    fn with_state(plant: Plant, rules: Vec<Rule>, state: State) -> Self {
        Self {
            names: plant.lines.iter().map(names).collect(),
            decoder: Decoder::for_plant(rules.clone(), &plant),
            plant: Arc::new(plant),
            rules,
            is_reconfigured: true,
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

    /// Installs a model of the registry that a person put there, for a line and grade by name.
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
        self.install_of(line, grade, version, (artifact, true))
    }

    /// The same of one that a fit brought, and that nobody promoted: what is learned later may take its place.
    ///
    /// # Errors
    /// As [`Self::install`].
    pub fn install_fitted(
        &mut self,
        line: &str,
        grade: &Arc<str>,
        version: u32,
        artifact: Arc<[u8]>,
    ) -> Result<(), String> {
        self.install_of(line, grade, version, (artifact, false))
    }

    fn install_of(
        &mut self,
        line: &str,
        grade: &Arc<str>,
        version: u32,
        of: (Arc<[u8]>, bool),
    ) -> Result<(), String> {
        let ix =
            self.plant.line_ix(line).ok_or_else(|| format!("line `{line}` is not declared"))?;
        let state = &mut self.state.lines[ix.get()];
        state.learning.install(&self.plant.lines[ix.get()], grade, version, of)
    }

    /// The version under which a model would judge a line and grade that a person promotes.
    ///
    /// # Errors
    /// When the line or one of the model's tags is not declared, or the artifact is none: why.
    pub fn version_promoted(
        &self,
        line: &str,
        grade: &str,
        artifact: &Arc<[u8]>,
    ) -> Result<u32, String> {
        let ix =
            self.plant.line_ix(line).ok_or_else(|| format!("line `{line}` is not declared"))?;
        let learning = &self.state.lines[ix.get()].learning;
        learning.version_promoted(&self.plant.lines[ix.get()], grade, artifact)
    }

    /// The promotion of a line and grade that waits for its boundary.
    #[must_use]
    pub fn promotion(&self, line: &str, grade: &str) -> Option<PromotionView> {
        let ix = self.plant.line_ix(line)?;
        let mut waiting = self.state.lines[ix.get()].learning.promotions();
        waiting.find(|promotion| *promotion.grade == *grade)
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

    /// The fits of soft sensors that were asked for and not answered.
    pub fn open_soft_sensors(&self) -> impl Iterator<Item = SoftSensorRequest> {
        let numbered = (0..).map(LineIx).zip(&self.state.lines);
        numbered.flat_map(|(ix, line)| line.soft_sensors.open_requests(ix))
    }

    /// Takes an event; what follows from it is appended to `out`.
    pub fn apply(&mut self, event: Event, out: &mut Vec<Effect>) {
        let before = out.len();
        if let Some(at) = event.received() {
            self.write_configuration(at, out);
            self.state.recoveries.alive(at);
            for broker in self.state.drops.calm(at) {
                let calm = "it has dropped nothing for ten minutes".into();
                self.component(&queue_part(&broker), true, &calm, at, out);
            }
            self.nodes_pass(at, out);
            self.alarms_pass(at, out);
        }
        self.take(event, out);
        self.write_models(before, out);
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
                    if line.learning.answer(&answer) || line.soft_sensors.answer(&answer) {
                        break;
                    }
                }
            }
            Event::Command(command) => self.command(command, out),
        }
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

    /// The events that told of the alarms that stand.
    pub fn told_alarms(&self) -> impl Iterator<Item = alarm::Notification> {
        self.state.alarms.told(&self.plant.alarms.speech)
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
        self.state.clocks.tells(component)
            || self.state.nodes.tells(component)
            || Self::tells_of_alarms(component)
    }

    /// What the last start found is more than was said. Receivers hear it by the alarm or the verdict that
    /// it shows by; for the log it is summed up again.
    fn found_more(&self, out: &mut Vec<Effect>) {
        out.extend(self.state.recoveries.last().cloned().map(Box::new).map(Effect::Recovered));
    }

    /// Works on a line; what it could not take came `received` on `topic`, or came out then.
    fn on_line(
        &mut self,
        ix: LineIx,
        (received, topic): (Timestamp, &str),
        out: &mut Vec<Effect>,
        f: impl FnOnce(&mut LineState, &mut Context<'_>),
    ) {
        let State { lines, alarms, next_request, next_borrowed, next_soft_sensor, clocks, .. } =
            &mut self.state;
        let plant = &*self.plant;
        let mut faults = Vec::new();
        if let (Some(line), Some(state)) = (plant.lines.get(ix.get()), lines.get_mut(ix.get())) {
            let faults = &mut faults;
            let next_ids = (next_request, next_borrowed, next_soft_sensor);
            let mut cx = Context { ix, plant, line, alarms, next_ids, clocks, faults, out };
            f(state, &mut cx);
            cx.pass(state.judged_to(), state.document());
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
        silent || self.state.nodes.is_due(now) || self.alarms_due(now)
    }

    /// True of a batch in progress or lately finished: what is told of another one waits until that begins.
    #[must_use]
    pub fn knows_batch(&self, line: &str, batch: &str) -> bool {
        let ix = self.plant.line_ix(line);
        ix.is_some_and(|ix| self.state.lines[ix.get()].knows(batch))
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

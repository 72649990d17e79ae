//! The states of all alarms of the plant.

use super::design::Design;
use super::event::{EventKind, Notification, Severity, Subject};
use super::kept::{Clocks, Hidden, Pending, State};
use super::load::{Load, Meter};
use super::order::{Action, Order, Unmet};
use super::priority::Priority;
use super::state::{Alarm, Input, IsaState};
use super::telling::{Telling, notification};
use crate::plant::{AlarmClass, AlarmSettings, Speech};
use crate::reading::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What a piece of news does to its alarm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Sets {
    /// The alarm stands.
    Raise,
    /// It does not stand.
    Clear,
    /// It stands, or not, as before.
    Keep,
    /// It happened and is over: an occurrence of its own, and nothing stands.
    Passed,
}

/// Something to tell.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct News {
    /// The type of event.
    pub kind: EventKind,
    /// Event time.
    pub at: Timestamp,
    /// The line; empty for the daemon's own.
    pub line: Arc<str>,
    /// The alarm, e.g. `tm3/batch`.
    pub alarm: Arc<str>,
    /// What it does to the alarm.
    pub sets: Sets,
    /// How much it matters.
    pub severity: Severity,
    /// The revision of what it is about.
    pub revision: u32,
    /// What it is about.
    pub subject: Subject,
}

/// A change of an alarm, for the time series.
#[derive(Debug, Clone, PartialEq)]
pub struct AlarmRecord {
    /// The line; `system` for alarms of the daemon.
    pub line: Arc<str>,
    /// The alarm, e.g. `tm3/batch`.
    pub alarm: Arc<str>,
    /// The change; of changes of one alarm at one instant the later ones are 1 ns apart.
    pub at: Timestamp,
    /// `active` or `normal`: whether its condition holds, delays counted in.
    pub state: &'static str,
    /// Its state by ISA-18.2.
    pub isa: IsaState,
    /// What happened: `raised`, `changed`, `returned`, `passed`, `suppressed`, `unsuppressed`, or what a person did.
    pub change: &'static str,
    /// Who did it.
    pub by: Option<Arc<str>>,
    /// Why.
    pub note: Option<Arc<str>>,
    /// Its severity.
    pub severity: Severity,
    /// How soon somebody has to answer it; nothing of what is for the record.
    pub priority: Option<Priority>,
    /// What it says.
    pub message: Arc<str>,
    /// The id of the event that tells it, or would if it were not hidden.
    pub id: Arc<str>,
}

/// What follows from news or orders.
#[derive(Debug, Clone, PartialEq)]
pub enum Said {
    /// An event for receivers.
    Event(Box<Notification>),
    /// A change, for the time series.
    Record(AlarmRecord),
}

/// An alarm that stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// Since when.
    pub since: Timestamp,
    /// Its severity.
    pub severity: Severity,
    /// What it says, in the language of the site when it was told.
    pub title: Arc<str>,
}

/// An alarm that people have to do with: it stands, waits for a word, or is hidden.
#[derive(Debug, Clone, Copy)]
pub struct Shown<'a> {
    /// Its name.
    pub alarm: &'a Arc<str>,
    /// Its state.
    pub isa: IsaState,
    /// True if its condition holds; while a delay runs, as it was before.
    pub holds: bool,
    /// Its class, if that is known.
    pub class: Option<AlarmClass>,
    /// What it says, if its condition holds, or it waits for a word since it did.
    pub standing: Option<&'a Standing>,
    /// How soon somebody has to answer it, likewise.
    pub priority: Option<Priority>,
    /// The news that said so; nothing of an alarm that an earlier version kept.
    pub news: Option<&'a News>,
    /// Who shelved it, until when and why.
    pub shelf: Option<&'a Hidden>,
    /// Who took it out of service, and why.
    pub out_of_service: Option<&'a Hidden>,
    /// What makes it meaningless, while it is suppressed.
    pub design: Option<Design>,
    /// True if it came so often that it stays until it has been calm for ten minutes.
    pub chatters: bool,
    /// How often it came while it was hidden.
    pub unheard: u32,
    /// Which time it came last.
    pub occurrence: u32,
}

/// All alarms of the plant.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Book {
    site: Arc<str>,
    alarms: BTreeMap<Arc<str>, State>,
    /// Those with a delay that runs or a shelf that ends.
    #[serde(default)]
    waiting: BTreeSet<Arc<str>>,
    /// What the lines are in that makes alarms of them meaningless.
    #[serde(default)]
    designs: BTreeMap<Arc<str>, BTreeSet<Design>>,
    #[serde(default)]
    meter: Meter,
}

impl Book {
    /// An empty book of a site.
    #[must_use]
    pub fn new(site: Arc<str>) -> Self {
        Self { site, ..Self::default() }
    }

    /// The book of the same plant under the name of this site.
    #[must_use]
    pub fn of(self, site: Arc<str>) -> Self {
        Self { site, ..self }
    }

    /// The alarms whose condition holds, by name; while a delay runs, as if it were over.
    pub fn standing(&self) -> impl Iterator<Item = (&Arc<str>, &Standing)> {
        let stands = |state: &&State| state.holds();
        self.alarms.iter().filter_map(move |(alarm, state)| {
            Some((alarm, state.standing.as_ref().filter(|_| stands(&state))?))
        })
    }

    /// Of the alarms that receivers were told of and that stand, the event that tells how they stand now, by alarm: for who
    /// has to say again and again what stands, and forgot it at a start.
    pub fn told<'a>(&'a self, speech: &'a Speech) -> impl Iterator<Item = Notification> + 'a {
        self.alarms.values().filter(|state| state.told && state.alarm.condition()).filter_map(
            move |state| {
                let news = state.news.as_deref()?.clone();
                Some(notification(&self.site, state, news, &speech.into()))
            },
        )
    }

    /// The alarms that are not normal, by name.
    pub fn shown(&self) -> impl Iterator<Item = Shown<'_>> {
        self.alarms.iter().filter_map(|(alarm, state)| {
            let of = state.of.as_ref().filter(|_| state.alarm.suppressed());
            let designs = of.and_then(|(line, class)| Some((self.designs.get(line)?, *class)));
            let design = designs.and_then(|(designs, class)| {
                designs.iter().rev().find(|d| d.hides(class)).copied()
            });
            Some(Shown { design, ..state.shown(alarm)? })
        })
    }

    /// One alarm; `None` if it never was.
    #[must_use]
    pub fn find(&self, alarm: &str) -> Option<IsaState> {
        self.alarms.get(alarm).map(|state| state.alarm.state())
    }

    /// True if the condition of the alarm holds; while a delay runs, what it will be at its end.
    #[must_use]
    pub fn stands(&self, alarm: &str) -> bool {
        self.alarms.get(alarm).is_some_and(State::holds)
    }

    /// How many alarms people were told by this instant.
    #[must_use]
    pub fn load(&self, now: Timestamp) -> Load {
        self.meter.load(now)
    }

    /// A flood of alarms begins (`true`) or ends, by this instant.
    pub fn flood(&mut self, now: Timestamp) -> Option<bool> {
        self.meter.pass(now)
    }

    /// An alarm that stands says this from now on; nobody is told.
    pub fn amend(&mut self, news: &News, speech: &Speech) {
        let Some(state) = self.alarms.get_mut(&news.alarm) else { return };
        let Some(standing) = &mut state.standing else { return };
        let title = news.title(&speech.into());
        if *standing.title != *title {
            standing.title = title.into();
        }
        if let Some(known) = &mut state.news {
            known.subject = news.subject.clone();
        }
    }

    /// Takes a piece of news; what follows is appended to `said`.
    pub fn tell(&mut self, news: News, settings: &AlarmSettings, said: &mut Vec<Said>) {
        let class = news.subject.class();
        let rule = settings.of(class);
        let name = Arc::clone(&news.alarm);
        let designed = self.by_design(&news.line, class);
        let state = self.alarms.entry(Arc::clone(&name)).or_default();
        if state.of.is_none() {
            state.of = Some((Arc::clone(&news.line), class));
        }
        if designed && !state.alarm.condition() && news.sets == Sets::Raise {
            state.step(Input::Suppress, rule);
        }
        let news = state.weigh(news, settings);
        let mut change = Telling::new(&self.site, settings, &mut self.meter, said);
        if matches!(news.sets, Sets::Raise | Sets::Clear) {
            // By its own time it may have stood for so long before anybody looked.
            while let Some(due) = state.overdue(settings).filter(|(due, _)| *due <= news.at) {
                change.escalate(state, due);
            }
        }
        match news.sets {
            Sets::Keep => change.event(state, news),
            Sets::Passed => {
                state.occurrence += 1;
                state.standing = None;
                change.record(state, &news, "passed");
                change.event(state, news);
            }
            Sets::Raise if state.alarm.condition() => {
                // Its end was not one.
                state.pending = None;
                change.hold(state, rule, news);
            }
            Sets::Raise => match &mut state.pending {
                Some(pending) => pending.news = News { at: pending.news.at, ..news },
                None if rule.on_delay.is_zero() => change.activate(state, rule, news),
                None => {
                    let due = news.at.plus(rule.on_delay);
                    state.pending = Some(Box::new(Pending { due, news }));
                }
            },
            Sets::Clear => {
                if let Some(pending) = state.pending.take_if(|pending| pending.raises()) {
                    // By its own time it may have held for as long as it had to before anybody looked.
                    if news.at < pending.due {
                        // Its shelf, if there is one, still ends.
                        if !state.waits(settings) {
                            self.waiting.remove(&name);
                        }
                        return;
                    }
                    change.activate(state, rule, News { at: pending.due, ..pending.news });
                }
                let delay = state.off_delay(rule);
                if !state.alarm.condition() || delay.is_zero() {
                    change.clear(state, rule, news);
                } else if state.pending.is_none() {
                    let due = news.at.plus(delay);
                    state.pending = Some(Box::new(Pending { due, news }));
                }
            }
        }
        if state.waits(settings) {
            self.waiting.insert(name);
        } else {
            self.waiting.remove(&name);
        }
    }

    /// The time of a line, or for an empty name that of the daemon, has come so far: delays end, and what nobody has
    /// acknowledged is told to others.
    pub fn pass(
        &mut self,
        line: &str,
        now: Timestamp,
        settings: &AlarmSettings,
        said: &mut Vec<Said>,
    ) {
        self.pass_of((line, true), Clocks::agreeing(now), settings, said);
    }

    /// The daemon's clock has come so far, and the line's own stands still, for nothing is heard of it: what nobody has
    /// acknowledged is told to others. Its delays wait for its own time.
    pub fn escalate(
        &mut self,
        line: &str,
        clocks: Clocks,
        settings: &AlarmSettings,
        said: &mut Vec<Said>,
    ) {
        self.pass_of((line, false), clocks, settings, said);
    }

    fn pass_of(
        &mut self,
        (line, delays): (&str, bool),
        clocks: Clocks,
        settings: &AlarmSettings,
        said: &mut Vec<Said>,
    ) {
        if self.waiting.is_empty() {
            return;
        }
        let delay = |state: &State| {
            let pending = state.pending.as_ref().filter(|p| delays && *p.news.line == *line)?;
            (pending.due <= clocks.line).then_some(pending.due)
        };
        let overdue = |state: &State| {
            let overdue = state.is_of(line).then(|| state.overdue(settings)).flatten();
            overdue.filter(|(due, _)| *due <= state.time(clocks))
        };
        let first = |state: &State| {
            [delay(state), overdue(state).map(|(due, _)| due)].into_iter().flatten().min()
        };
        let mut over: BTreeSet<(Timestamp, Arc<str>)> = (self.waiting.iter())
            .filter_map(|name| Some((first(self.alarms.get(name)?)?, Arc::clone(name))))
            .collect();
        while let Some((_, name)) = over.pop_first() {
            let Some(state) = self.alarms.get_mut(&name) else { continue };
            let mut change = Telling::new(&self.site, settings, &mut self.meter, said);
            let ends = delay(state);
            if let Some(due) = overdue(state).filter(|(due, _)| ends.is_none_or(|end| *due <= end))
            {
                change.escalate(state, due);
            } else if let Some(pending) = state.pending.take() {
                let news = state.weigh(News { at: pending.due, ..pending.news }, settings);
                let rule = settings.of(news.subject.class());
                if news.sets == Sets::Raise {
                    change.activate(state, rule, news);
                } else {
                    change.clear(state, rule, news);
                }
            }
            over.extend(first(state).map(|due| (due, Arc::clone(&name))));
            if !state.waits(settings) {
                self.waiting.remove(&name);
            }
        }
    }

    /// What is wanted of alarms is another thing from now on.
    pub fn reconsider(&mut self, settings: &AlarmSettings) {
        let waits = self.alarms.iter().filter(|(_, state)| state.waits(settings));
        self.waiting = waits.map(|(name, _)| Arc::clone(name)).collect();
    }

    /// The clock by which people shelve has come so far: shelves end.
    pub fn unshelve(&mut self, now: Timestamp, settings: &AlarmSettings, said: &mut Vec<Said>) {
        let over = |state: &State| {
            state.shelf.as_ref().and_then(|shelf| shelf.until).filter(|until| *until <= now)
        };
        let over: Vec<(Timestamp, Arc<str>)> = (self.waiting.iter())
            .filter_map(|name| Some((over(self.alarms.get(name)?)?, Arc::clone(name))))
            .collect();
        for (until, alarm) in over {
            let order = Order {
                alarm,
                action: Action::Unshelve,
                by: None,
                note: Some("its time is over".into()),
                at: until,
                occurrence: None,
            };
            let unshelved = self.act(&order, settings, said);
            debug_assert!(unshelved.is_ok(), "it is shelved: its shelf is what is over");
        }
    }

    /// Does what a person asks for. Gives the state that follows.
    ///
    /// # Errors
    /// When there is no such alarm, or the order cannot be followed in its state; then nothing changes.
    pub fn act(
        &mut self,
        order: &Order,
        settings: &AlarmSettings,
        said: &mut Vec<Said>,
    ) -> Result<IsaState, Unmet> {
        let next = self.next(order, settings)?;
        let state = self.alarms.entry(Arc::clone(&order.alarm)).or_default();
        let was_hidden = std::mem::replace(&mut state.alarm, next).hidden();
        let hidden = || {
            let by = order.by.clone().unwrap_or_default();
            Hidden { until: order.action.until(), by, note: order.note.clone() }
        };
        match order.action {
            Action::Shelve { .. } => state.shelf = Some(hidden()),
            Action::Unshelve => state.shelf = None,
            Action::Remove => state.out_of_service = Some(hidden()),
            Action::Restore => state.out_of_service = None,
            Action::Acknowledge | Action::Reset | Action::Comment => {}
        }
        if state.alarm.state() == IsaState::Normal {
            state.standing = None;
        }
        let mut change = Telling::new(&self.site, settings, &mut self.meter, said);
        let shown_again = was_hidden && !state.alarm.hidden();
        change.ordered(&order.alarm, state, order);
        if order.action == Action::Acknowledge {
            change.acknowledged(state, order);
        }
        if shown_again {
            change.tell_again(state, order.at);
        }
        state.attend(order.at);
        let isa = state.alarm.state();
        if isa == IsaState::Normal {
            state.news = None;
        }
        if state.waits(settings) {
            self.waiting.insert(Arc::clone(&order.alarm));
        } else {
            self.waiting.remove(&order.alarm);
        }
        Ok(isa)
    }

    /// The state that an order would lead to.
    ///
    /// # Errors
    /// As [`Self::act`].
    pub fn check(&self, order: &Order, settings: &AlarmSettings) -> Result<IsaState, Unmet> {
        self.next(order, settings).map(|next| next.state())
    }

    fn next(&self, order: &Order, settings: &AlarmSettings) -> Result<Alarm, Unmet> {
        let longest = settings.shelve_max;
        if let Action::Shelve { until } = order.action {
            if until <= order.at {
                return Err(Unmet::ShelfOver);
            }
            if until > order.at.plus(longest) {
                return Err(Unmet::ShelfTooLong(longest));
            }
        }
        let state = self.alarms.get(&order.alarm).ok_or(Unmet::Unknown)?;
        if order.occurrence.is_some_and(|meant| meant != state.occurrence) {
            return Err(Unmet::AnotherOccurrence);
        }
        let mut alarm = state.alarm;
        if let Some(input) = order.action.input() {
            alarm.take(input, state.rule(settings).into())?;
        }
        Ok(alarm)
    }

    /// True if a shelf ends by this instant, or a delay of an alarm of the daemon's own.
    #[must_use]
    pub fn is_due(&self, now: Timestamp, settings: &AlarmSettings) -> bool {
        let due = |state: &State| {
            let until = state.shelf.as_ref().and_then(|hidden| hidden.until);
            let pending = state.pending.as_ref().filter(|pending| pending.news.line.is_empty());
            until.is_some_and(|until| until <= now) || pending.is_some_and(|p| p.due <= now)
        };
        let mut waiting = self.waiting.iter();
        waiting.any(|name| self.alarms.get(name).is_some_and(due))
            || self.is_overdue("", Clocks::agreeing(now), settings)
    }

    /// True if an alarm of a line, or for an empty name one of the daemon's own, will by this instant have stood
    /// unacknowledged for so long that somebody else is told.
    #[must_use]
    pub fn is_overdue(&self, line: &str, clocks: Clocks, settings: &AlarmSettings) -> bool {
        let due = |state: &State| {
            let due = |(due, _)| due <= state.time(clocks);
            state.is_of(line) && state.overdue(settings).is_some_and(due)
        };
        self.waiting.iter().any(|name| self.alarms.get(name).is_some_and(due))
    }

    /// True if the state of the plant makes such an alarm of a line meaningless.
    fn by_design(&self, line: &str, class: AlarmClass) -> bool {
        let designs = self.designs.get(line);
        designs.is_some_and(|designs| designs.iter().any(|design| design.hides(class)))
    }

    /// A line comes into a state that makes alarms of it meaningless, or out of it, at this instant.
    pub fn design(
        &mut self,
        line: &Arc<str>,
        (design, holds, at): (Design, bool, Timestamp),
        settings: &AlarmSettings,
        said: &mut Vec<Said>,
    ) {
        let designs = self.designs.entry(Arc::clone(line)).or_default();
        let changed = if holds { designs.insert(design) } else { designs.remove(&design) };
        let others = designs.clone();
        if others.is_empty() {
            self.designs.remove(line);
        }
        if !changed {
            return;
        }
        let hidden_by_others = |class| !holds && others.iter().any(|other| other.hides(class));
        for (name, state) in &mut self.alarms {
            let Some((of, class)) = &state.of else { continue };
            let follows = of == line && design.hides(*class);
            // What never came has nothing to be hidden of; what comes is hidden then.
            let untouched =
                holds && (design.spares_standing() || state.alarm.state() == IsaState::Normal);
            if !follows || untouched || hidden_by_others(*class) {
                continue;
            }
            let rule = settings.of(*class);
            let (was_hidden, before) = (state.alarm.hidden(), state.alarm);
            state.step(if holds { Input::Suppress } else { Input::Unsuppress }, rule);
            if state.alarm == before {
                continue;
            }
            let mut change = Telling::new(&self.site, settings, &mut self.meter, said);
            let what = if holds { "suppressed" } else { "unsuppressed" };
            change.by_design(name, state, (what, design, at));
            if was_hidden && !state.alarm.hidden() {
                change.tell_again(state, at);
            }
            state.attend(at);
            if state.waits(settings) {
                self.waiting.insert(Arc::clone(name));
            } else {
                self.waiting.remove(name);
            }
        }
    }

    /// Only these lines are declared now: what the others were in is over.
    pub fn keep_lines(&mut self, declared: impl Fn(&str) -> bool) {
        self.designs.retain(|line, _| declared(line));
    }

    /// The alarms of what is declared no more, by line and what they are about, are over: nobody would ever end them.
    pub fn end_undeclared(
        &mut self,
        declared: impl Fn(&str, &Subject) -> bool,
        at: Timestamp,
        settings: &AlarmSettings,
        said: &mut Vec<Said>,
    ) {
        let over = |state: &State| {
            let holds = || state.news.as_deref().filter(|_| state.alarm.condition());
            let raised = state.pending.as_ref().map(|pending| &pending.news).or_else(holds);
            let raised = raised.filter(|news| !news.line.is_empty())?;
            let kind = raised.kind.end().filter(|_| !declared(&raised.line, &raised.subject))?;
            let (sets, severity) = (Sets::Clear, Severity::Info);
            let subject = Subject::Gone(Box::new(raised.subject.clone()));
            Some(News { kind, at: at.max(raised.at), sets, severity, subject, ..raised.clone() })
        };
        let over: Vec<News> = self.alarms.values().filter_map(over).collect();
        let now = AlarmSettings {
            shelve_max: settings.shelve_max,
            escalations: settings.escalations.clone(),
            speech: settings.speech.clone(),
            ..AlarmSettings::default()
        };
        for news in over {
            // At once, whatever the plant wants of such alarms and however often it came: nobody will look after it.
            if let Some(state) = self.alarms.get_mut(&news.alarm) {
                state.lately.clear();
            }
            self.tell(news, &now, said);
        }
    }
}

#[cfg(test)]
mod tests;

//! What is kept of an alarm.

use super::attention::Attention;
use super::book::{News, Sets, Shown, Standing};
use super::event::{EventKind, Severity};
use super::priority::Priority;
use super::state::{Alarm, Input, IsaState};
use crate::plant::{AlarmClass, AlarmRule, AlarmSettings};
use crate::reading::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

/// An alarm that came so often in [`CHATTER_WITHIN`] chatters: it stays from then on until its condition has been gone for
/// [`CALM`]. ISA-18.2 calls it chattering from three in a minute on; who is told three times in ten minutes looks no more.
pub(super) const CHATTER: usize = 3;
/// So many times at which people were told of an alarm are remembered until it is over.
const TOLD_MAX: usize = 16;
const CHATTER_WITHIN: Duration = Duration::from_secs(600);
const CALM: Duration = Duration::from_secs(600);

/// How far time has come, by the two clocks that an alarm of a line may be told by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Clocks {
    /// The daemon's.
    pub daemon: Timestamp,
    /// The line's own: that of the sources, which may be behind or ahead.
    pub line: Timestamp,
}

impl Clocks {
    /// Both show this.
    #[must_use]
    pub const fn agreeing(at: Timestamp) -> Self {
        Self { daemon: at, line: at }
    }
}

/// Why an alarm is hidden by a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hidden {
    /// When it ends by itself; nothing where only a person ends it.
    pub until: Option<Timestamp>,
    /// Who.
    pub by: Arc<str>,
    /// Why.
    pub note: Option<Arc<str>>,
}

/// A delay that runs: what is told unless it is taken back before.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Pending {
    pub(super) due: Timestamp,
    pub(super) news: News,
}

#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(from = "Kept")]
pub(super) struct State {
    /// What its condition says while it holds, and after that until the alarm is normal.
    pub(super) standing: Option<Standing>,
    pub(super) occurrence: u32,
    pub(super) recorded: Option<Timestamp>,
    pub(super) alarm: Alarm,
    /// The line and what is watched; nothing of an alarm that was only ever kept by an earlier version.
    pub(super) of: Option<(Arc<str>, AlarmClass)>,
    /// True if receivers know that it stands, and not yet that it is over.
    pub(super) told: bool,
    /// The id of the event that told it last: one id names one event.
    pub(super) said: Option<Arc<str>>,
    /// What raised it, until the alarm is normal: to be told once it is hidden no more, when somebody acknowledges it, and in
    /// other languages.
    pub(super) news: Option<Box<News>>,
    pub(super) pending: Option<Box<Pending>>,
    /// Its last activations, at most [`CHATTER`].
    pub(super) lately: VecDeque<Timestamp>,
    pub(super) shelf: Option<Hidden>,
    pub(super) out_of_service: Option<Hidden>,
    /// How often it would have been told while it was hidden.
    pub(super) unheard: u32,
    /// How soon somebody has to answer what it was last told of; nothing before it was.
    pub(super) priority: Option<Priority>,
    /// When people were told of it since it was raised: the first time and the last ones, at most [`TOLD_MAX`].
    pub(super) told_at: Vec<Timestamp>,
    /// Whether anybody has acknowledged it, and who was told that nobody has.
    pub(super) attention: Attention,
}

/// A state as it is kept; an earlier version kept less of it.
#[derive(Deserialize)]
struct Kept {
    standing: Option<Standing>,
    occurrence: u32,
    recorded: Option<Timestamp>,
    alarm: Option<Alarm>,
    #[serde(default)]
    of: Option<(Arc<str>, AlarmClass)>,
    #[serde(default)]
    told: bool,
    #[serde(default)]
    said: Option<Arc<str>>,
    #[serde(default)]
    news: Option<Box<News>>,
    #[serde(default)]
    pending: Option<Box<Pending>>,
    #[serde(default)]
    lately: VecDeque<Timestamp>,
    #[serde(default)]
    shelf: Option<Hidden>,
    #[serde(default)]
    out_of_service: Option<Hidden>,
    #[serde(default)]
    unheard: u32,
    #[serde(default)]
    priority: Option<Priority>,
    #[serde(default)]
    told_at: Vec<Timestamp>,
    #[serde(default)]
    attention: Option<Attention>,
}

impl From<Kept> for State {
    fn from(kept: Kept) -> Self {
        let told = kept.told || (kept.alarm.is_none() && kept.standing.is_some());
        let before = if told { Alarm::standing() } else { Alarm::default() };
        let alarm = kept.alarm.unwrap_or(before);
        let since = kept.standing.as_ref().map(|standing| standing.since);
        let unacknowledged = alarm.state() == IsaState::Unacknowledged;
        let attention =
            kept.attention.unwrap_or_else(|| Attention::since(since.filter(|_| unacknowledged)));
        Self {
            standing: kept.standing,
            occurrence: kept.occurrence,
            recorded: kept.recorded,
            alarm,
            of: kept.of,
            told,
            said: kept.said,
            news: kept.news,
            pending: kept.pending,
            lately: kept.lately,
            shelf: kept.shelf,
            out_of_service: kept.out_of_service,
            unheard: kept.unheard,
            priority: kept.priority,
            told_at: kept.told_at,
            attention,
        }
    }
}

impl Pending {
    pub(super) fn raises(&self) -> bool {
        self.news.sets == Sets::Raise
    }
}

impl State {
    /// People are told of it now.
    pub(super) fn tell(&mut self, at: Timestamp) {
        if self.told_at.len() == TOLD_MAX {
            self.told_at.remove(1);
        }
        self.told_at.push(at);
    }

    /// What the condition is, or will be once a delay is over.
    pub(super) fn holds(&self) -> bool {
        self.pending.as_ref().map_or(self.alarm.condition(), |pending| pending.raises())
    }

    pub(super) fn waits(&self, settings: &AlarmSettings) -> bool {
        self.pending.is_some()
            || self.shelf.as_ref().is_some_and(|shelf| shelf.until.is_some())
            || self.overdue(settings).is_some()
    }

    /// True of an alarm of this line; for an empty name, of the daemon's own.
    pub(super) fn is_of(&self, line: &str) -> bool {
        self.of.as_ref().is_some_and(|(of, _)| **of == *line)
    }

    /// The time by which it is told how long it has stood: that a link is down is known by the daemon's clock alone.
    pub(super) fn time(&self, clocks: Clocks) -> Timestamp {
        let of_link = self.news.as_ref().is_some_and(|news| news.kind == EventKind::LineBlind);
        if of_link { clocks.daemon } else { clocks.line }
    }

    /// When it will have stood unacknowledged for so long that somebody else is told, and for how long then.
    pub(super) fn overdue(&self, settings: &AlarmSettings) -> Option<(Timestamp, Duration)> {
        self.news.as_ref()?;
        self.attention.due(&settings.escalations)
    }

    /// Whether it waits for somebody who knows, as of an instant.
    pub(super) fn attend(&mut self, at: Timestamp) {
        self.attention.follow(self.alarm.state() == IsaState::Unacknowledged, at);
    }

    pub(super) fn rule(&self, settings: &AlarmSettings) -> AlarmRule {
        self.of.as_ref().map_or_else(AlarmRule::default, |(_, class)| settings.of(*class))
    }

    /// Says how soon somebody has to answer a piece of news; it is then at least as severe as that makes it.
    pub(super) fn weigh(&mut self, mut news: News, settings: &AlarmSettings) -> News {
        if news.severity > Severity::Info {
            let consequence = settings.consequence(news.subject.class());
            let priority = Priority::of_news(consequence, &news.subject);
            self.priority = Some(priority);
            news.severity = news.severity.max(priority.severity());
        }
        news
    }

    /// A step that no person asks for, and that is never refused.
    pub(super) fn step(&mut self, input: Input, rule: AlarmRule) {
        let taken = self.alarm.take(input, rule.into());
        debug_assert!(taken.is_ok(), "{input:?}");
    }

    pub(super) fn chatters(&self) -> bool {
        self.lately.len() == CHATTER
            && self
                .lately
                .iter()
                .zip(self.lately.iter().skip(CHATTER - 1))
                .all(|(first, last)| last.seconds_since(*first) <= CHATTER_WITHIN.as_secs_f64())
    }

    pub(super) fn off_delay(&self, rule: AlarmRule) -> Duration {
        let class = self.of.as_ref().map(|(_, class)| *class);
        // Each batch has an end of its own, and is told by it.
        if class == Some(AlarmClass::Batch) {
            Duration::ZERO
        } else if self.chatters() {
            rule.off_delay.max(CALM)
        } else {
            rule.off_delay
        }
    }

    pub(super) fn shown<'a>(&'a self, alarm: &'a Arc<str>) -> Option<Shown<'a>> {
        let isa = self.alarm.state();
        (isa != IsaState::Normal).then_some(Shown {
            alarm,
            isa,
            holds: self.alarm.condition(),
            class: self.of.as_ref().map(|(_, class)| *class),
            standing: self.standing.as_ref(),
            priority: self.priority.filter(|_| self.standing.is_some()),
            news: self.news.as_deref(),
            shelf: self.shelf.as_ref(),
            out_of_service: self.out_of_service.as_ref(),
            design: None,
            chatters: self.chatters() && self.alarm.condition(),
            unheard: self.unheard,
            occurrence: self.occurrence,
        })
    }
}

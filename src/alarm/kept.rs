//! What is kept of an alarm.

use super::book::{News, Sets, Shown, Standing};
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
const CHATTER_WITHIN: Duration = Duration::from_secs(600);
const CALM: Duration = Duration::from_secs(600);

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
    /// What raised it, until the alarm is normal: to be told once it is hidden no more, and in other languages.
    pub(super) news: Option<Box<News>>,
    pub(super) pending: Option<Box<Pending>>,
    /// Its last activations, at most [`CHATTER`].
    pub(super) lately: VecDeque<Timestamp>,
    pub(super) shelf: Option<Hidden>,
    pub(super) out_of_service: Option<Hidden>,
    /// How often it would have been told while it was hidden.
    pub(super) unheard: u32,
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
}

impl From<Kept> for State {
    fn from(kept: Kept) -> Self {
        let told = kept.told || (kept.alarm.is_none() && kept.standing.is_some());
        let before = if told { Alarm::standing() } else { Alarm::default() };
        let alarm = kept.alarm.unwrap_or(before);
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
        }
    }
}

impl Pending {
    pub(super) fn raises(&self) -> bool {
        self.news.sets == Sets::Raise
    }
}

impl State {
    /// What the condition is, or will be once a delay is over.
    pub(super) fn holds(&self) -> bool {
        self.pending.as_ref().map_or(self.alarm.condition(), |pending| pending.raises())
    }

    pub(super) fn waits(&self) -> bool {
        self.pending.is_some() || self.shelf.as_ref().is_some_and(|shelf| shelf.until.is_some())
    }

    pub(super) fn rule(&self, settings: &AlarmSettings) -> AlarmRule {
        self.of.as_ref().map_or_else(AlarmRule::default, |(_, class)| settings.of(*class))
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

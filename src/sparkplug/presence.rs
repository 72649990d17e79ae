//! What people are told of nodes, or of the devices of a node, that go and come: once for a flood, and once for
//! one that chatters.
//!
//! | state | it goes | it comes | time |
//! |---|---|---|---|
//! | well | away | | |
//! | away, untold | | well, and nobody hears of it | after [`SETTLE`]: told, alone or with the flood |
//! | told | | well: told; restless, if it chatters | |
//! | restless | told, as it was | | calm for [`CALM`]: well, told |
//!
//! It chatters if it went more than [`CHATTER`] times within [`CALM`]; that is told at once. A flood is
//! [`FLOOD`] of a group that went within [`FLOOD_WITHIN`] of each other: one alarm, whose words follow how many
//! there are, until all of them have been well for [`CALM`].

use super::word::{Spoken, Word};
use crate::reading::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// Who is back so soon was not away for people, and who goes meanwhile goes with it.
pub(super) const SETTLE: Duration = Duration::from_secs(5);

/// Who went so often within that time is restless until it has neither gone nor come for as long.
const CHATTER: usize = 3;
const CALM: Duration = Duration::from_secs(600);

/// So many that go within that time are one alarm.
const FLOOD: usize = 5;
const FLOOD_WITHIN: Duration = Duration::from_secs(60);

/// Members of a flood that are named.
const NAMED: usize = 5;

/// Whose presence it is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Group {
    /// What the names of the members' alarms begin with, without the slash.
    pub(super) part: Arc<str>,
    /// `edge node` or `device`.
    pub(super) what: Arc<str>,
    /// Whose they are, for people.
    pub(super) of: Arc<str>,
}

/// The members of a group that are not well, or were not lately.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Presence {
    group: Group,
    members: BTreeMap<Arc<str>, Member>,
    flood: Option<Flood>,
    /// When something is to be done.
    due: Option<Timestamp>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Member {
    state: State,
    /// When it went, the last few times.
    went: Vec<Timestamp>,
    /// It chatters, and does so until then at least.
    restless_until: Option<Timestamp>,
    /// True if the flood's alarm tells of it.
    in_flood: bool,
    /// What happened to it last.
    why: Arc<str>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum State {
    Well,
    Away { since: Timestamp },
    Told,
    Restless,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Flood {
    since: Timestamp,
    /// How many went in it.
    went: usize,
    /// The first of them.
    first: Vec<Arc<str>>,
    /// All are well; if that lasts until then, it is over.
    over: Option<Timestamp>,
}

impl Presence {
    pub(super) fn of(group: Group) -> Self {
        Self { group, members: BTreeMap::new(), flood: None, due: None }
    }

    /// A member goes, or cannot be read; `why` is for people.
    pub(super) fn goes(
        &mut self,
        name: &Arc<str>,
        why: &str,
        at: Timestamp,
        said: &mut Spoken<'_>,
    ) {
        let member = self.members.entry(Arc::clone(name)).or_insert_with(|| Member {
            state: State::Well,
            went: Vec::new(),
            restless_until: None,
            in_flood: false,
            why: "".into(),
        });
        if matches!(member.state, State::Away { .. } | State::Told) {
            return;
        }
        member.why = why.into();
        member.went.retain(|went| at < went.plus(CALM));
        if member.went.len() > CHATTER {
            member.went.remove(0);
        }
        member.went.push(at);
        let restless =
            member.went.len() > CHATTER || member.restless_until.is_some_and(|until| at < until);
        member.restless_until = restless.then(|| at.plus(CALM));
        match member.state {
            State::Restless => member.state = State::Told,
            _ => member.state = State::Away { since: at },
        }
        if restless {
            self.tell(name, at, said);
        }
        self.plan();
    }

    fn plan(&mut self) {
        let over = self.flood.as_ref().and_then(|flood| flood.over);
        self.due = self.members.values().filter_map(Member::due).chain(over).min();
    }

    /// A member comes, or can be read again.
    pub(super) fn comes(&mut self, name: &str, why: &str, at: Timestamp, said: &mut Spoken<'_>) {
        let Some(member) = self.members.get_mut(name) else { return };
        let restless = member.restless_until.is_some_and(|until| at < until);
        match member.state {
            State::Well | State::Restless => {}
            State::Away { .. } => member.state = State::Well,
            State::Told if restless => {
                (member.state, member.restless_until) = (State::Restless, Some(at.plus(CALM)));
                self.follow_flood(at, said);
            }
            State::Told => self.is_well(name, why, at, said),
        }
        self.plan();
    }

    /// Nobody needs to be told of a member any more: it was forgotten.
    pub(super) fn drop(&mut self, name: &str, why: &str, at: Timestamp, said: &mut Spoken<'_>) {
        self.is_well(name, why, at, said);
        self.members.remove(name);
        self.plan();
    }

    /// As [`Presence::drop`], for all members at once.
    pub(super) fn drop_all(&mut self, why: &str, at: Timestamp, said: &mut Spoken<'_>) {
        while let Some((name, _)) = self.members.first_key_value() {
            let name = Arc::clone(name);
            self.is_well(&name, why, at, said);
            self.members.remove(&name);
        }
        self.end_flood(why, said);
        self.plan();
    }

    fn is_well(&mut self, name: &str, why: &str, at: Timestamp, said: &mut Spoken<'_>) {
        let Some(member) = self.members.get_mut(name) else { return };
        let was_told = matches!(member.state, State::Told | State::Restless);
        (member.state, member.restless_until) = (State::Well, None);
        if member.in_flood {
            self.follow_flood(at, said);
        } else if was_told {
            said.alarm(self.part(name), true, &format!("{}: {why}", self.shown(name)));
        }
    }

    /// People are to know of a member.
    fn tell(&mut self, name: &Arc<str>, now: Timestamp, said: &mut Spoken<'_>) {
        let went_lately = |member: &&Member| {
            member.went.last().is_some_and(|went| now < went.plus(FLOOD_WITHIN + SETTLE))
        };
        let many = self.members.values().filter(went_lately).count() >= FLOOD;
        let Some(member) = self.members.get_mut(name) else { return };
        let is_new = matches!(member.state, State::Away { .. });
        member.state = State::Told;
        if member.in_flood || is_new && many {
            if !std::mem::replace(&mut member.in_flood, true) {
                let flood = self.flood.get_or_insert_with(|| Flood {
                    since: member.went.last().copied().unwrap_or(now),
                    went: 0,
                    first: Vec::new(),
                    over: None,
                });
                flood.went += 1;
                if flood.first.len() < NAMED {
                    flood.first.push(Arc::clone(name));
                }
            }
            return self.follow_flood(now, said);
        }
        let chatters = if member.restless_until.is_some() {
            format!(
                "; it went {} times within {} minutes: its network is bad, or two nodes have one name or client id",
                member.went.len(),
                CALM.as_secs() / 60
            )
        } else {
            String::new()
        };
        let reason = format!("{}: {}{chatters}", self.shown(name), self.members[name].why);
        said.alarm(self.part(name), false, &reason);
    }

    /// Says how the flood is now.
    fn follow_flood(&mut self, now: Timestamp, said: &mut Spoken<'_>) {
        let in_flood = self.members.values().filter(|member| member.in_flood);
        let (mut away, mut restless) = (0_usize, 0_usize);
        for member in in_flood {
            away += usize::from(matches!(member.state, State::Away { .. } | State::Told));
            restless += usize::from(member.state == State::Restless);
        }
        let part = self.flood_part();
        let Some(flood) = &mut self.flood else { return };
        let is_over = away + restless == 0;
        flood.over = is_over.then(|| flood.over.unwrap_or_else(|| now.plus(CALM)));
        let Flood { since, went, first, .. } = flood;
        let mut names = first.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
        if *went > first.len() {
            names.push_str(", …");
        }
        let Group { what, of, .. } = &self.group;
        let reason = format!(
            "{went} {what}s of {of} went since {since}, {away} are away and {restless} come and go: {names}; \
             look at what they share: a switch, its power, the way to the broker"
        );
        said.alarm(part, false, &reason);
    }

    /// The flood is over.
    fn end_flood(&mut self, why: &str, said: &mut Spoken<'_>) {
        let Some(Flood { went, .. }) = self.flood.take() else { return };
        self.members.values_mut().for_each(|member| member.in_flood = false);
        let Group { what, of, .. } = &self.group;
        let reason = format!("{went} {what}s of {of} went: {why}");
        said.alarm(self.flood_part(), true, &reason);
    }

    fn flood_part(&self) -> Arc<str> {
        let Group { part, what, .. } = &self.group;
        format!("{part}#{what}s").replace(' ', "-").into()
    }

    /// When something is to be done.
    pub(super) fn due(&self) -> Option<Timestamp> {
        self.due
    }

    /// Does what is due.
    pub(super) fn pass(&mut self, now: Timestamp, said: &mut Spoken<'_>) {
        let is_due = |due: Option<Timestamp>| due.is_some_and(|due| due <= now);
        if !is_due(self.due) {
            return;
        }
        let due = self.members.iter().filter(|(_, member)| is_due(member.due()));
        let due: Vec<Arc<str>> = due.map(|(name, _)| Arc::clone(name)).collect();
        for name in due {
            let Some(member) = self.members.get_mut(&name) else { continue };
            match member.state {
                State::Well => {
                    self.members.remove(&name);
                }
                State::Away { .. } => self.tell(&name, now, said),
                State::Restless => {
                    let minutes = CALM.as_secs() / 60;
                    self.is_well(
                        &name,
                        &format!("it has been calm for {minutes} minutes"),
                        now,
                        said,
                    );
                }
                State::Told => member.restless_until = None,
            }
        }
        if is_due(self.flood.as_ref().and_then(|flood| flood.over)) {
            let minutes = CALM.as_secs() / 60;
            self.end_flood(&format!("all have been well for {minutes} minutes"), said);
        }
        self.plan();
    }

    /// The receiver's clock leapt.
    pub(super) fn leap(&mut self, leapt: impl Fn(Timestamp) -> Timestamp) {
        for member in self.members.values_mut() {
            member.went.iter_mut().for_each(|went| *went = leapt(*went));
            member.restless_until = member.restless_until.map(&leapt);
            if let State::Away { since } = &mut member.state {
                *since = leapt(*since);
            }
        }
        if let Some(flood) = &mut self.flood {
            flood.since = leapt(flood.since);
            flood.over = flood.over.map(&leapt);
        }
        self.plan();
    }

    fn part(&self, name: &str) -> Arc<str> {
        format!("{}/{name}", self.group.part).into()
    }

    fn shown(&self, name: &str) -> String {
        let Group { what, of, .. } = &self.group;
        if &**what == "device" {
            format!("{what} `{name}` of {of}")
        } else {
            format!("{what} `{name}`")
        }
    }
}

impl Member {
    fn due(&self) -> Option<Timestamp> {
        match self.state {
            State::Away { since } => Some(since.plus(SETTLE)),
            State::Restless | State::Told => self.restless_until,
            // Until then it is remembered that it went.
            State::Well => self.went.last().map(|went| went.plus(CALM)),
        }
    }
}

/// Of an alarm that the engine keeps: it is told once, and its words may change while it stands.
impl Spoken<'_> {
    pub(super) fn alarm(&mut self, part: Arc<str>, works: bool, reason: &str) {
        self.word(Word::Alarm { part, works, reason: reason.into() });
    }
}

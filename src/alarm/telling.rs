//! A change of an alarm becomes events and records, or is kept until people want to hear of it.

use super::book::{AlarmRecord, News, Said, Sets, Standing};
use super::design::Design;
use super::event::{EventKind, Notification, Severity, Subject, event_id};
use super::kept::{CHATTER, State};
use super::load::Meter;
use super::order::Order;
use super::state::{Input, IsaState};
use crate::plant::{AlarmRule, AlarmSettings};
use crate::reading::Timestamp;
use crate::words::Locale;
use std::sync::Arc;
use std::time::Duration;

/// A change of one alarm, and where it is told.
pub(super) struct Telling<'a> {
    pub(super) site: &'a Arc<str>,
    pub(super) locale: Locale,
    pub(super) meter: &'a mut Meter,
    pub(super) said: &'a mut Vec<Said>,
}

impl<'a> Telling<'a> {
    /// In the language of the site.
    pub(super) fn new(
        site: &'a Arc<str>,
        settings: &AlarmSettings,
        meter: &'a mut Meter,
        said: &'a mut Vec<Said>,
    ) -> Self {
        Self { site, locale: (&settings.speech).into(), meter, said }
    }

    /// The condition begins to hold.
    pub(super) fn activate(&mut self, state: &mut State, rule: AlarmRule, news: News) {
        state.occurrence += 1;
        state.attention.begins();
        state.lately.push_back(news.at);
        while state.lately.len() > CHATTER {
            state.lately.pop_front();
        }
        state.step(Input::Activate, rule);
        let (since, severity) = (news.at, news.severity);
        let title = news.title(&self.locale).into();
        state.standing = Some(Standing { since, severity, title });
        self.record(state, &news, "raised");
        self.raise(state, news, true);
    }

    /// It goes on to hold: more of the same, or worse.
    pub(super) fn hold(&mut self, state: &mut State, rule: AlarmRule, news: News) {
        let before = state.standing.as_ref().map(|standing| (standing.since, standing.severity));
        let (since, severity) = before.unwrap_or((news.at, news.severity));
        let worse = news.severity > severity;
        if worse {
            state.step(Input::Worsen, rule);
        }
        let title: Arc<str> = news.title(&self.locale).into();
        state.standing = Some(Standing { since, severity: news.severity, title });
        if news.severity != severity {
            self.record(state, &news, "changed");
        }
        self.raise(state, news, worse);
    }

    /// People are told that it stands, or it is kept until they want to hear.
    fn raise(&mut self, state: &mut State, news: News, counts: bool) {
        state.news = Some(Box::new(news.clone()));
        state.attend(news.at);
        if state.alarm.hidden() {
            state.unheard = state.unheard.saturating_add(u32::from(counts));
            return;
        }
        if counts {
            self.meter.told(news.at);
        }
        state.told = true;
        state.attention.weigh(news.severity);
        // More of the same is no event of its own.
        let id = id(self.site, state, &news);
        if state.said.as_ref() != Some(&id) {
            state.said = Some(id);
            let at = news.at;
            self.event(state, news);
            state.tell(at);
        }
    }

    /// The condition is gone. Who was told that it stood is told, also if it is hidden by now: a return is never lost.
    pub(super) fn clear(&mut self, state: &mut State, rule: AlarmRule, news: News) {
        let held = state.alarm.condition();
        state.step(Input::Return, rule);
        state.attend(news.at);
        // Hidden, and well again: nothing of the plant's state speaks against showing that.
        let told = std::mem::take(&mut state.told);
        if state.alarm.state() == IsaState::Normal || state.alarm.hidden() {
            (state.standing, state.news) = (None, None);
        }
        if held {
            self.record(state, &news, "returned");
        }
        let facts = matches!(news.subject, Subject::Batch { .. });
        if told || !held || news.kind.is_fact() {
            self.event(state, news);
        }
        state.told_at.clear();
        state.attention.ends(facts);
    }

    /// Nobody has acknowledged it for so long: somebody else is told.
    pub(super) fn escalate(&mut self, state: &mut State, (due, after): (Timestamp, Duration)) {
        let Some(raised) = state.news.as_deref() else { return };
        let standing = state.standing.as_ref();
        let severity = standing.map_or(raised.severity, |standing| standing.severity);
        let about = raised.subject.about(&raised.line);
        // Another configuration may want to have heard of it long ago.
        let at = due.max(raised.at);
        state.attention.reach((after, at), (about, raised.kind, severity));
        let news = News {
            kind: EventKind::AlarmUnacknowledged,
            at,
            sets: Sets::Keep,
            severity,
            // One for each delay, whatever other delays there are.
            revision: u32::try_from(after.as_secs()).unwrap_or(u32::MAX),
            ..raised.clone()
        };
        self.event(state, news);
    }

    /// A person acknowledges what was told.
    pub(super) fn acknowledged(&mut self, state: &mut State, order: &Order) {
        let Some(raised) = state.news.as_deref() else { return };
        let revision = state.attention.acknowledge();
        let news = News {
            kind: EventKind::AlarmAcknowledged,
            at: order.at,
            sets: Sets::Keep,
            severity: Severity::Info,
            revision,
            ..raised.clone()
        };
        let mut event = unspoken(self.site, state, news);
        (event.response.by, event.response.note) = (order.by.clone(), order.note.clone());
        event.title = event.title_in(&self.locale).into();
        event.text = event.text_in(&self.locale).into();
        self.said.push(Said::Event(Box::new(event)));
    }

    /// It is hidden no more, and its condition holds: people hear of it, as of a new occurrence.
    pub(super) fn tell_again(&mut self, state: &mut State, at: Timestamp) {
        state.unheard = 0;
        let Some(news) = state.news.clone().filter(|_| state.alarm.condition()) else { return };
        state.occurrence += 1;
        state.attention.begins();
        let news = News { at: at.max(news.at), ..*news };
        self.record(state, &news, "raised");
        self.raise(state, news, true);
    }

    pub(super) fn record(&mut self, state: &mut State, news: &News, change: &'static str) {
        let id = id(self.site, state, news);
        let (alarm, line) = (&news.alarm, &news.line);
        let record = Recorded { alarm, line, at: news.at, change, by: None, note: None };
        let (severity, message) = (news.severity, news.title(&self.locale).into());
        self.write(state, record, (severity, message, id));
    }

    pub(super) fn ordered(&mut self, alarm: &Arc<str>, state: &mut State, order: &Order) {
        let line = state.of.as_ref().map_or_else(|| "".into(), |(line, _)| Arc::clone(line));
        let record = Recorded {
            alarm,
            line: &line,
            at: order.at,
            change: order.action.done(),
            by: order.by.clone(),
            note: order.note.clone(),
        };
        self.unsaid(state, record);
    }

    pub(super) fn by_design(
        &mut self,
        alarm: &Arc<str>,
        state: &mut State,
        (change, design, at): (&'static str, Design, Timestamp),
    ) {
        let line = state.of.as_ref().map_or_else(|| "".into(), |(line, _)| Arc::clone(line));
        let note = Some(design.reason().into());
        self.unsaid(state, Recorded { alarm, line: &line, at, change, by: None, note });
    }

    /// A change that no event tells.
    fn unsaid(&mut self, state: &mut State, record: Recorded<'_>) {
        let standing = state.standing.as_ref();
        let severity = standing.map_or(Severity::Info, |standing| standing.severity);
        let message = standing.map_or_else(|| record.change.into(), |s| Arc::clone(&s.title));
        self.write(state, record, (severity, message, "".into()));
    }

    fn write(
        &mut self,
        state: &mut State,
        record: Recorded<'_>,
        (severity, message, id): (Severity, Arc<str>, Arc<str>),
    ) {
        let at = match state.recorded {
            Some(last) if record.at <= last => Timestamp::from_nanos(last.as_nanos() + 1),
            _ => record.at,
        };
        state.recorded = Some(at);
        self.said.push(Said::Record(AlarmRecord {
            line: if record.line.is_empty() { "system".into() } else { Arc::clone(record.line) },
            alarm: Arc::clone(record.alarm),
            at,
            state: if state.alarm.condition() { "active" } else { "normal" },
            isa: state.alarm.state(),
            change: record.change,
            by: record.by,
            note: record.note,
            severity,
            priority: state.priority.filter(|_| severity > Severity::Info),
            message,
            id,
        }));
    }

    pub(super) fn event(&mut self, state: &State, news: News) {
        let event = notification(self.site, state, news, &self.locale);
        self.said.push(Said::Event(Box::new(event)));
    }
}

/// The event that tells a piece of news.
pub(super) fn notification(
    site: &Arc<str>,
    state: &State,
    news: News,
    locale: &Locale,
) -> Notification {
    let event = unspoken(site, state, news);
    let (title, text) = (event.title_in(locale).into(), event.text_in(locale).into());
    Notification { title, text, ..event }
}

/// The same without its words.
fn unspoken(site: &Arc<str>, state: &State, news: News) -> Notification {
    let told = state.told_at.iter().copied().filter(|at| *at != news.at).collect();
    let open = state.alarm.state() == IsaState::Unacknowledged;
    let about = news.subject.about(&news.line);
    let raised_by = state.news.as_deref().map(|raised| raised.kind);
    let response = state.attention.response((news.kind, about, news.at), (raised_by, open));
    Notification {
        kind: news.kind,
        id: id(site, state, &news),
        at: news.at,
        site: Arc::clone(site),
        line: news.line,
        severity: news.severity,
        priority: state.priority.filter(|_| news.severity > Severity::Info),
        occurrence: state.occurrence.max(1),
        revision: news.revision,
        alarm: news.alarm,
        title: "".into(),
        text: "".into(),
        subject: news.subject,
        told,
        response,
    }
}

/// What is written of a change.
struct Recorded<'a> {
    alarm: &'a Arc<str>,
    line: &'a Arc<str>,
    at: Timestamp,
    change: &'static str,
    by: Option<Arc<str>>,
    note: Option<Arc<str>>,
}

fn id(site: &str, state: &State, news: &News) -> Arc<str> {
    let occurrence = state.occurrence.max(1);
    // A line has several alarms of which each is about it, and people answer each of them.
    let about = if news.kind.responds() { &*news.alarm } else { news.subject.about(&news.line) };
    event_id(news.kind, site, &news.line, about, occurrence, news.revision).into()
}

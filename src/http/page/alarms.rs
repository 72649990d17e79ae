//! `/alarms`: what somebody should look at, and what people do about it.
//!
//! The list says of each alarm what it says, what is to be done, and in which state it is; the page of one alarm has the forms
//! by which it is answered and the record of who did what. Forms work without script: they are sent to `/alarms/{action}`, which
//! gives the order that the API gives and leads back here with what came of it in the address ([`order`]).

mod form;
mod order;
mod record;
mod state;
mod words;

pub(in crate::http) use order::{ORDERS, order};

use super::format::{Clock, at, count, fact, name, plain, time};
use super::frame::{Frame, Place};
use super::html::Html;
use super::reader::{Reader, Visit};
use crate::alarm::{IsaState, Priority, Severity};
use crate::engine::{ALARMS_SHOWN, AlarmView, View};
use crate::http::router::Shared;
use crate::words::{Locale, fill};
use axum::extract::State;
use axum::response::Response;
use record::Entry;
use serde::Deserialize;
use std::cmp::Reverse;
use words::Words;

/// Alarms of a line that its page shows.
const OF_LINE: usize = 8;
/// Orders that the list shows.
const LAST_ORDERS: usize = 12;

/// What the address asks.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Asked {
    /// The alarm that is to be answered.
    alarm: Option<String>,
    /// The alarm of which something is told.
    about: Option<String>,
    /// What came of an order.
    told: Option<order::Outcome>,
}

/// The page.
pub(in crate::http) async fn page(
    State(shared): State<Shared>,
    visit: Visit,
) -> Result<Response, Response> {
    let asked: Asked = visit.asked()?;
    let (view, reader) = (shared.view(), visit.reader);
    let words = Words::of(reader.language);
    let record = record::read(&shared).await?;
    let mut html = Html::default();
    let about = asked.about.as_deref().or(asked.alarm.as_deref());
    if let (Some(told), Some(about)) = (asked.told, about) {
        told.say(&mut html, about, reader);
    }
    let Some(alarm) = &asked.alarm else {
        list(&mut html, &shared, &view, &record, reader);
        let frame = Frame::new(plain(words.alarms)).at(Place::Alarms).live();
        return Ok(frame.answer(&shared, &visit, &html));
    };
    one(&mut html, &shared, (&view, alarm), &record, reader);
    let frame = Frame::new(plain(alarm)).heading(name(alarm)).at(Place::Alarms).live().form();
    Ok(frame.answer(&shared, &visit, &html))
}

/// How many alarms wait for a person, of those that are shown.
pub(super) fn unacknowledged(view: &View) -> usize {
    view.alarms.iter().filter(|alarm| state::waits(state::of(alarm))).count()
}

/// True if an alarm is one of that line.
fn is_of(alarm: &AlarmView, line: &str) -> bool {
    alarm.alarm.strip_prefix(line).is_some_and(|rest| rest.starts_with('/'))
}

/// How many alarms of a line stand and are not hidden.
pub(super) fn standing_of(line: &str, alarms: &[AlarmView]) -> usize {
    let stands = |alarm: &&AlarmView| alarm.holds && !state::is_hidden(state::of(alarm));
    alarms.iter().filter(|alarm| is_of(alarm, line)).filter(stands).count()
}

/// Those first that somebody has to answer soonest.
fn in_order<'a>(alarms: impl Iterator<Item = &'a AlarmView>) -> Vec<&'a AlarmView> {
    let mut shown: Vec<_> = alarms.collect();
    let rank = |alarm: &AlarmView| {
        let known = [Priority::Critical, Priority::High, Priority::Medium, Priority::Low];
        known.iter().position(|known| Some(known.as_str()) == alarm.priority)
    };
    shown.sort_by_key(|alarm| {
        let (state, rank) = (state::of(alarm), rank(alarm).unwrap_or(usize::MAX));
        (state::is_hidden(state), rank, Reverse(alarm.severity), !alarm.holds, alarm.since)
    });
    shown
}

/// The alarms of a line that are not hidden, on the line's own page; nothing of none.
pub(super) fn of_line(html: &mut Html, line: &str, alarms: &[AlarmView], reader: Reader) {
    let words = Words::of(reader.language);
    let of = alarms.iter().filter(|alarm| is_of(alarm, line));
    let shown = in_order(of.filter(|alarm| !state::is_hidden(state::of(alarm))));
    html.raw("<div class=\"columns\" data-part id=\"line-alarms\">");
    if !shown.is_empty() {
        html.raw("<div class=\"panel\"><h3>").raw(words.of_line).raw("</h3><ul class=\"short\">");
        for alarm in shown.iter().take(OF_LINE) {
            let (class, symbol, severity) = look(alarm, words);
            html.raw("<li class=\"").raw(class).raw("\">").icon(symbol);
            html.raw("<span class=\"unseen\">").raw(severity).raw("</span> <a href=\"");
            html.text(&address(&alarm.alarm, reader)).raw("\">");
            html.name(&title(alarm, reader)).raw("</a> <small>");
            html.raw(state::of_state(state::of(alarm), words)).raw("</small></li>");
        }
        html.raw("</ul>");
        if let Some(more) = shown.len().checked_sub(OF_LINE).filter(|more| *more > 0) {
            html.raw("<p class=\"since\"><a href=\"").text(&reader.address("alarms", &[]));
            html.raw("\">");
            fill(html, words.more, &[("n", &plain(&count(more as u64)))]);
            html.raw("</a></p>");
        }
        html.raw("</div>");
    }
    html.raw("</div>");
}

/// The page of an alarm.
fn address(alarm: &str, reader: Reader) -> String {
    reader.address("alarms", &[("alarm", alarm)])
}

/// Class, symbol and word of its severity.
fn look(alarm: &AlarmView, words: &Words) -> (&'static str, &'static str, &'static str) {
    match alarm.severity {
        Severity::Info => ("", "wait", words.info),
        Severity::Warning => ("is-risk", "risk", words.warning),
        Severity::Critical => ("is-off", "off", words.critical),
    }
}

fn title(alarm: &AlarmView, reader: Reader) -> std::sync::Arc<str> {
    // No title has a time in it: the zone of the site is of no matter.
    let told = alarm.title(&Locale { language: reader.language, ..Locale::default() });
    // Of one that is hidden and well nothing is told.
    if told.is_empty() { std::sync::Arc::clone(&alarm.alarm) } else { told }
}

fn list(html: &mut Html, shared: &Shared, view: &View, record: &[Entry], reader: Reader) {
    let words = Words::of(reader.language);
    html.raw("<div data-part id=\"alarm-load\"><p class=\"muted\">");
    let load = &view.alarm_load;
    let number = |n: usize| plain(&count(n as u64));
    let pieces = [
        ("ten", &number(load.ten_minutes)),
        ("hour", &number(load.hour)),
        ("day", &number(load.day)),
        ("peak", &number(load.peak)),
    ];
    fill(html, words.load, &pieces);
    html.raw("</p>");
    if let Some(since) = load.flood {
        html.raw("<p class=\"banner is-failed\">").icon("off").raw("<span>");
        fill(html, words.flood, &[("at", &at(since.as_millis(), Clock::Day, reader))]);
        html.raw("</span></p>");
    }
    html.raw("</div><div data-part id=\"alarms\">");
    if view.alarms.is_empty() {
        html.raw("<p class=\"panel\">").raw(words.none).raw("</p>");
    } else {
        html.raw("<ol class=\"alarms\">");
        for alarm in in_order(view.alarms.iter()) {
            html.raw("<li>");
            card(html, shared, alarm, record, false, reader);
            html.raw("</li>");
        }
        html.raw("</ol>");
    }
    if view.alarms_standing > view.alarms.len() {
        html.raw("<p class=\"muted\">");
        let more = number(view.alarms_standing - view.alarms.len());
        fill(html, words.more, &[("n", &more)]);
        html.raw("</p>");
    }
    html.raw("</div>");
    record::panel(html, words.record_all, record.iter().take(LAST_ORDERS), true, reader);
}

fn one(
    html: &mut Html,
    shared: &Shared,
    (view, alarm): (&View, &str),
    record: &[Entry],
    reader: Reader,
) {
    let words = Words::of(reader.language);
    let shown = view.alarms.iter().find(|shown| *shown.alarm == *alarm);
    html.raw("<div data-part id=\"alarm\">");
    if let Some(shown) = shown {
        card(html, shared, shown, record, true, reader);
    } else {
        html.raw("<p class=\"panel\">");
        if view.alarms.len() < ALARMS_SHOWN {
            html.raw(words.over);
        } else {
            let n = plain(&count(ALARMS_SHOWN as u64));
            fill(html, words.over_perhaps, &[("n", &n)]);
        }
        html.raw("</p>");
    }
    html.raw("</div>");
    form::all(html, shared, (alarm, shown), reader);
    let of_it = record.iter().filter(|entry| entry.alarm == alarm);
    record::panel(html, words.record, of_it, false, reader);
    html.raw("<p class=\"since\"><a href=\"").text(&reader.address("alarms", &[])).raw("\">");
    html.raw(words.all).raw("</a></p>");
}

/// All that is said of an alarm; with the way to its own page, unless this is it.
fn card(
    html: &mut Html,
    shared: &Shared,
    alarm: &AlarmView,
    record: &[Entry],
    is_alone: bool,
    reader: Reader,
) {
    let words = Words::of(reader.language);
    let (class, symbol, severity) = look(alarm, words);
    let isa = state::of(alarm);
    html.raw("<article class=\"panel alarm ").raw(class);
    html.raw(if state::is_hidden(isa) { " hidden\">" } else { "\">" });
    html.raw("<h2><span class=\"mark\">").icon(symbol).raw("<span class=\"unseen\">");
    html.raw(severity).raw("</span></span> ").name(&title(alarm, reader)).raw("</h2>");
    if let Some(news) = &alarm.news {
        let locale = Locale { language: reader.language, ..shared.api.locale.clone() };
        html.raw("<p class=\"text\">").name(&news.text(&locale)).raw("</p>");
    }
    html.raw("<dl class=\"facts\">");
    let mut told = Html::default();
    state::state(&mut told, alarm, reader);
    fact(html, words.state, &told);
    if let Some(since) = alarm.since {
        fact(html, words.since, &at(since.as_millis(), Clock::Day, reader));
    }
    let known = [
        (Priority::Low, words.low),
        (Priority::Medium, words.medium),
        (Priority::High, words.high),
        (Priority::Critical, words.at_once),
    ];
    let known = known.iter().find(|(known, _)| Some(known.as_str()) == alarm.priority);
    if let Some((_, word)) = known {
        fact(html, words.priority, &plain(word));
    }
    if let Some(word) = alarm.class.and_then(|class| of_class(class, words)) {
        fact(html, words.class, &plain(word));
    }
    if let Some(entry) = acknowledged(alarm, isa, record) {
        let mut by = Html::default();
        let who = entry.by.as_deref().unwrap_or(super::format::NONE);
        let pieces = [("who", &name(who)), ("at", &at(entry.at, Clock::Day, reader))];
        fill(&mut by, words.acknowledged_at, &pieces);
        fact(html, words.acknowledged_by, &by);
    }
    if !is_alone {
        fact(html, words.alarm, &name(&alarm.alarm));
    }
    fact(html, words.occurrence, &plain(&count(u64::from(alarm.occurrence))));
    html.raw("</dl>");
    if alarm.chatters {
        html.raw("<p class=\"muted\">").raw(words.chatters).raw("</p>");
    }
    if !is_alone {
        html.raw("<p class=\"to\"><a class=\"button\" href=\"");
        html.text(&address(&alarm.alarm, reader)).raw("\">").raw(words.answer);
        html.raw("<span class=\"unseen\"> ").name(&alarm.alarm).raw("</span></a></p>");
    }
    html.raw("</article>");
}

/// The order by which it was acknowledged, if it is and that is kept.
fn acknowledged<'r>(alarm: &AlarmView, isa: IsaState, record: &'r [Entry]) -> Option<&'r Entry> {
    let is = matches!(isa, IsaState::Acknowledged | IsaState::LatchedAcknowledged);
    let since = alarm.since.filter(|_| is)?.as_millis();
    let of_it = |entry: &&Entry| {
        entry.action == "acknowledge" && *entry.alarm == *alarm.alarm && entry.at >= since
    };
    record.iter().find(of_it)
}

/// What is watched, by its word.
fn of_class(class: &str, words: &Words) -> Option<&'static str> {
    Some(match class {
        "batch" => words.class_batch,
        "sensor" => words.class_sensor,
        "profile" => words.class_profile,
        "line" => words.class_line,
        "tags" => words.class_tags,
        "monitor" => words.class_monitor,
        "model" => words.class_model,
        "system" => words.class_system,
        _ => return None,
    })
}

/// A time with its day.
fn day(html: &mut Html, ms: i64, reader: Reader) {
    time(html, ms, Clock::Day, reader);
}

#[cfg(test)]
mod tests;

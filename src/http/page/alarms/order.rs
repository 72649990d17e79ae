//! What is asked by a form: the order that the API gives, and what came of it in words.
//!
//! A browser that has sent a form is led back to the page (303), so that loading that again sends nothing again. What came of it
//! stands in the address, as one word of [`Outcome`]: no cookie, and nothing that the server has to remember. An address that
//! somebody else has made up can say no more than that one of these came about.

use super::super::format::name;
use super::super::html::Html;
use super::super::reader::{Reader, Visit};
use super::words::Words;
use crate::alarm::{Action, IsaState, Order, Refusal, Unmet};
use crate::http::alarms::{NAME_MAX, NOTE_MAX, word};
use crate::http::router::Shared;
use crate::http::{Told, data, guard};
use crate::reading::Timestamp;
use crate::words::fill;
use axum::Form;
use axum::extract::rejection::{FormRejection, PathRejection};
use axum::extract::{Path, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use jiff::civil::{DateTime, Time};
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Duration;

/// What stands before the action in the path.
pub(in crate::http) const ORDERS: &str = "/alarms/";

const HOUR: Duration = Duration::from_secs(3_600);

/// What a form says. What it leaves out is empty.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(in crate::http) struct Asked {
    alarm: String,
    by: String,
    note: String,
    until: String,
    at: String,
    /// The occurrence that was seen, of what is said of one alone.
    occurrence: Option<u32>,
}

/// What came of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Outcome {
    /// Done.
    Acknowledge,
    /// Done.
    Reset,
    /// Done.
    Shelve,
    /// Done.
    Unshelve,
    /// Done.
    OutOfService,
    /// Done.
    InService,
    /// Done.
    Comment,
    /// It will be done.
    Later,
    /// There never was such an alarm.
    Unknown,
    /// Another occurrence was meant.
    Other,
    /// Its state does not allow it.
    NothingToAcknowledge,
    /// As above.
    NothingToReset,
    /// As above.
    AcknowledgeFirst,
    /// As above.
    NotShelved,
    /// As above.
    IsInService,
    /// As above.
    IsOutOfService,
    /// The end of the shelf is over.
    Past,
    /// The shelf is longer than the plant allows.
    TooLong,
    /// Its state does not allow that, for another reason.
    Refused,
    /// Nobody had time for it.
    Busy,
    /// The daemon stops.
    Stopping,
    /// Nobody takes orders.
    NotTaken,
    /// The form has no name.
    NoName,
    /// It has no reason, and needs one.
    NoWhy,
    /// Its note is too long.
    LongNote,
    /// It has no end, and needs one.
    NoEnd,
}

impl Outcome {
    /// All of them.
    #[cfg(test)]
    pub(super) const ALL: [Self; 26] = [
        Self::Acknowledge,
        Self::Reset,
        Self::Shelve,
        Self::Unshelve,
        Self::OutOfService,
        Self::InService,
        Self::Comment,
        Self::Later,
        Self::Unknown,
        Self::Other,
        Self::NothingToAcknowledge,
        Self::NothingToReset,
        Self::AcknowledgeFirst,
        Self::NotShelved,
        Self::IsInService,
        Self::IsOutOfService,
        Self::Past,
        Self::TooLong,
        Self::Refused,
        Self::Busy,
        Self::Stopping,
        Self::NotTaken,
        Self::NoName,
        Self::NoWhy,
        Self::LongNote,
        Self::NoEnd,
    ];

    /// That an action was done.
    fn done(action: Action) -> Self {
        match action {
            Action::Acknowledge => Self::Acknowledge,
            Action::Reset => Self::Reset,
            Action::Shelve { .. } => Self::Shelve,
            Action::Unshelve => Self::Unshelve,
            Action::Remove => Self::OutOfService,
            Action::Restore => Self::InService,
            Action::Comment => Self::Comment,
        }
    }

    /// Why it was not, by the words of who refuses.
    fn refused(action: Action, why: &str) -> Self {
        let of_state = |refusal: fn(IsaState) -> Refusal| {
            IsaState::ALL.into_iter().any(|state| refusal(state).to_string() == why)
        };
        let is = |unmet: Unmet| unmet.to_string() == why;
        if is(Unmet::Unknown) {
            Self::Unknown
        } else if is(Unmet::AnotherOccurrence) {
            Self::Other
        } else if of_state(Refusal::NothingToAcknowledge) {
            Self::NothingToAcknowledge
        } else if of_state(Refusal::NothingToReset) {
            Self::NothingToReset
        } else if is(Unmet::Refused(Refusal::AcknowledgeFirst)) {
            Self::AcknowledgeFirst
        } else if is(Unmet::Refused(Refusal::NotShelved)) {
            Self::NotShelved
        } else if is(Unmet::Refused(Refusal::InService)) {
            Self::IsInService
        } else if is(Unmet::Refused(Refusal::OutOfService)) {
            Self::IsOutOfService
        } else if is(Unmet::ShelfOver) {
            Self::Past
        } else if matches!(action, Action::Shelve { .. }) {
            // What is left of it names a span.
            Self::TooLong
        } else {
            Self::Refused
        }
    }

    /// True if the order was followed, or will be.
    fn is_done(self) -> bool {
        matches!(
            self,
            Self::Acknowledge
                | Self::Reset
                | Self::Shelve
                | Self::Unshelve
                | Self::OutOfService
                | Self::InService
                | Self::Comment
                | Self::Later
        )
    }

    fn sentence(self, words: &Words) -> &'static str {
        match self {
            Self::Acknowledge => words.told_acknowledge,
            Self::Reset => words.told_reset,
            Self::Shelve => words.told_shelve,
            Self::Unshelve => words.told_unshelve,
            Self::OutOfService => words.told_remove,
            Self::InService => words.told_restore,
            Self::Comment => words.told_comment,
            Self::Later => words.told_later,
            Self::Unknown => words.not_unknown,
            Self::Other => words.not_other,
            Self::NothingToAcknowledge => words.not_acknowledge,
            Self::NothingToReset => words.not_reset,
            Self::AcknowledgeFirst => words.not_acknowledged_first,
            Self::NotShelved => words.not_shelved,
            Self::IsInService => words.not_in_service,
            Self::IsOutOfService => words.not_out_of_service,
            Self::Past => words.not_past,
            Self::TooLong => words.not_so_long,
            Self::Refused => words.not_now,
            Self::Busy => words.not_busy,
            Self::Stopping => words.not_stopping,
            Self::NotTaken => words.not_taken,
            Self::NoName => words.not_named,
            Self::NoWhy => words.not_why,
            Self::LongNote => words.not_noted,
            Self::NoEnd => words.not_until,
        }
    }

    /// The same for people, above everything.
    pub(super) fn say(self, html: &mut Html, alarm: &str, reader: Reader) {
        let words = Words::of(reader.language);
        let (class, role, begin) = if self.is_done() {
            ("is-done", "status", words.done)
        } else {
            ("is-failed", "alert", words.refused)
        };
        html.raw("<p class=\"banner ").raw(class).raw("\" role=\"").raw(role).raw("\">");
        html.icon(if self.is_done() { "ok" } else { "off" }).raw("<span>").raw(begin).raw(" ");
        fill(html, self.sentence(words), &[("alarm", &name(alarm))]);
        html.raw("</span></p>");
    }

    /// Its word in an address.
    fn word(self) -> String {
        let word = serde_json::to_value(self).unwrap_or_default();
        word.as_str().unwrap_or_default().to_owned()
    }
}

/// `POST /alarms/{action}`.
pub(in crate::http) async fn order(
    State(shared): State<Shared>,
    path: Result<Path<String>, PathRejection>,
    visit: Visit,
    form: Result<Form<Asked>, FormRejection>,
) -> Result<Response, Response> {
    let Path(action) = path.map_err(IntoResponse::into_response)?;
    if !Action::WORDS.contains(&&*action) {
        let words = Action::WORDS.join(", ");
        let text = format!("nobody can `{action}` an alarm; there are: {words}");
        return Err(data::not_found(text));
    }
    let Form(asked) = form.map_err(IntoResponse::into_response)?;
    if asked.alarm.is_empty() {
        let text = "the form names no alarm: send it from the page `/alarms`";
        return Err(guard::error(StatusCode::BAD_REQUEST, text));
    }
    let outcome = match read(&shared, &action, &asked) {
        Ok(order) => give(&shared, order).await,
        Err(outcome) => outcome,
    };
    let word = outcome.word();
    // What was not done is told where it can be asked for again.
    let about = if outcome.is_done() { "about" } else { "alarm" };
    let back = visit.reader.address("alarms", &[(about, &asked.alarm), ("told", &word)]);
    let back = HeaderValue::from_str(&back).map_err(|_| {
        guard::error(StatusCode::BAD_REQUEST, "the alarm has a name that no address can have")
    })?;
    Ok((StatusCode::SEE_OTHER, [(header::LOCATION, back)]).into_response())
}

/// The order that a form asks for.
fn read(shared: &Shared, action: &str, asked: &Asked) -> Result<Order, Outcome> {
    let now = Timestamp::from_nanos(shared.api.clock.now_nanos());
    let by = word("by", &asked.by, NAME_MAX).map_err(|_| Outcome::NoName)?;
    let note = Some(asked.note.trim()).filter(|note| !note.is_empty());
    let note = note.map(|note| word("note", note, NOTE_MAX)).transpose();
    let note = note.map_err(|_| Outcome::LongNote)?;
    let until = match action {
        "shelve" => Some(end(shared, asked, now).ok_or(Outcome::NoEnd)?),
        _ => None,
    };
    let action = Action::of(action, until).map_err(|_| Outcome::NoEnd)?;
    if action.needs_note() && note.is_none() {
        return Err(Outcome::NoWhy);
    }
    let alarm = asked.alarm.as_str().into();
    Ok(Order { alarm, action, by: Some(by), note, at: now, occurrence: asked.occurrence })
}

async fn give(shared: &Shared, order: Order) -> Outcome {
    let action = order.action;
    let Some(desk) = shared.api.desk.as_ref().map(Arc::clone) else { return Outcome::NotTaken };
    match desk.order(order).await {
        Told::Done(_) => Outcome::done(action),
        Told::WhenRoom(_) => Outcome::Later,
        Told::Conflict(why) | Told::Unfit(why) => Outcome::refused(action, &why),
        Told::Busy => Outcome::Busy,
        Told::Stops => Outcome::Stopping,
    }
}

/// Until when it is shelved.
fn end(shared: &Shared, asked: &Asked, now: Timestamp) -> Option<Timestamp> {
    let locale = &shared.api.locale;
    match &*asked.until {
        "1h" => Some(now.plus(HOUR)),
        "8h" => Some(now.plus(8 * HOUR)),
        "time" => instant(asked.at.parse().ok()?, &locale.zone),
        // The end of the shift, as it was read.
        until => Timestamp::from_millis(until.parse().ok()?).ok(),
    }
}

/// A local time as an instant; of one that is skipped or there twice, as the calendar has it.
fn instant(local: DateTime, zone: &TimeZone) -> Option<Timestamp> {
    let at = local.to_zoned_datetime(zone.clone()).ok()?;
    Timestamp::from_millis(at.timestamp().as_millisecond()).ok()
}

/// When the shift ends that works now, of shifts that begin at these times of the day.
pub(super) fn shift_end(now_ms: i64, begins: &[Time], zone: &TimeZone) -> Option<Timestamp> {
    let now =
        jiff::Timestamp::from_millisecond(now_ms).ok()?.to_zoned_datetime(zone.clone()).datetime();
    let tomorrow = now.date().tomorrow().ok();
    let days = std::iter::once(now.date()).chain(tomorrow);
    let ends = days.flat_map(|day| begins.iter().map(move |begin| day.to_datetime(*begin)));
    instant(ends.filter(|end| *end > now).min()?, zone)
}

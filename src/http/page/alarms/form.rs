//! The forms by which an alarm is answered: those that its state allows.
//!
//! Each is a form of its own, so that what has to be filled in is what this one needs. The browser may keep the name of who
//! fills it in (`data-remember`); nobody else does.

use super::super::format::plain;
use super::super::html::Html;
use super::super::reader::Reader;
use super::order::shift_end;
use super::state;
use super::words::Words;
use crate::alarm::IsaState;
use crate::engine::AlarmView;
use crate::http::alarms::{NAME_MAX, NOTE_MAX};
use crate::http::router::Shared;
use crate::reading::Timestamp;
use crate::words::fill;

/// A form: its action, the word of its button, what that means, whether it wants a reason, and whether it wants an end.
struct Form {
    action: &'static str,
    button: &'static str,
    means: &'static str,
    wants_why: bool,
    wants_end: bool,
}

/// The forms for an alarm; of one that is not shown, only the word for the record.
pub(super) fn all(
    html: &mut Html,
    shared: &Shared,
    (alarm, shown): (&str, Option<&AlarmView>),
    reader: Reader,
) {
    let words = Words::of(reader.language);
    let isa = shown.map_or(IsaState::Normal, state::of);
    let is_shelved = shown.is_some_and(|shown| shown.shelved_until.is_some());
    let form =
        |action, button, means| Form { action, button, means, wants_why: false, wants_end: false };
    let with_why = |action, button, means| Form { wants_why: true, ..form(action, button, means) };
    let mut forms = Vec::new();
    if state::waits(isa) {
        forms.push(form("acknowledge", words.do_acknowledge, words.means_acknowledge));
    }
    if isa == IsaState::LatchedAcknowledged {
        forms.push(form("reset", words.do_reset, words.means_reset));
    }
    if isa == IsaState::OutOfService {
        forms.push(form("in-service", words.do_restore, words.means_restore));
    } else if is_shelved {
        forms.push(form("unshelve", words.do_unshelve, words.means_unshelve));
    }
    if shown.is_some() && isa != IsaState::OutOfService {
        let shelve = with_why("shelve", words.do_shelve, words.means_shelve);
        forms.push(Form { wants_end: true, ..shelve });
        forms.push(with_why("out-of-service", words.do_remove, words.means_remove));
    }
    forms.push(with_why("comment", words.do_comment, words.means_comment));
    // What is at hand is open; the rest is there for who looks for it.
    html.raw("<div class=\"forms\" data-part id=\"forms\">");
    for (ix, one) in forms.iter().enumerate() {
        html.raw("<details class=\"panel\" id=\"fold-").raw(one.action);
        html.raw(if ix == 0 { "\" open>" } else { "\">" });
        html.raw("<summary>").raw(one.button).raw("</summary>");
        // What is acknowledged or reset is what was read, and nothing that came since.
        let seen = ["acknowledge", "reset"].contains(&one.action);
        let occurrence = shown.filter(|_| seen).map(|shown| shown.occurrence);
        fields(html, shared, (alarm, occurrence), one, reader);
        html.raw("</details>");
    }
    html.raw("</div>");
}

fn fields(
    html: &mut Html,
    shared: &Shared,
    (alarm, occurrence): (&str, Option<u32>),
    form: &Form,
    reader: Reader,
) {
    let words = Words::of(reader.language);
    let most = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
    html.raw("<form method=\"post\" action=\"");
    html.text(&reader.address(&format!("alarms/{}", form.action), &[]));
    html.raw("\"><p>").raw(form.means).raw("</p>");
    html.raw("<input type=\"hidden\" name=\"alarm\" value=\"").text(alarm).raw("\">");
    if let Some(occurrence) = occurrence {
        html.raw("<input type=\"hidden\" name=\"occurrence\" value=\"");
        html.integer(occurrence.into()).raw("\">");
    }
    html.raw("<label for=\"by-").raw(form.action).raw("\">").raw(words.your_name);
    html.raw("</label><input id=\"by-").raw(form.action).raw("\" name=\"by\" maxlength=\"");
    html.integer(most(NAME_MAX));
    html.raw("\" autocomplete=\"name\" data-remember=\"onspec-name\" required>");
    if form.wants_end {
        end(html, shared, reader);
    }
    html.raw("<label for=\"note-").raw(form.action).raw("\">");
    html.raw(if form.wants_why { words.why } else { words.why_perhaps });
    html.raw("</label><input id=\"note-").raw(form.action).raw("\" name=\"note\" maxlength=\"");
    html.integer(most(NOTE_MAX)).raw(if form.wants_why { "\" required>" } else { "\">" });
    html.raw("<button type=\"submit\">").raw(form.button).raw("</button></form>");
}

/// Until when: a span, the end of the shift where the site has shifts, or a time of the site.
fn end(html: &mut Html, shared: &Shared, reader: Reader) {
    let words = Words::of(reader.language);
    html.raw("<label for=\"until\">").raw(words.until_when);
    html.raw("</label><select id=\"until\" name=\"until\"><option value=\"1h\" selected>");
    html.raw(words.one_hour).raw("</option><option value=\"8h\">").raw(words.eight_hours);
    html.raw("</option>");
    let now = shared.now_ms();
    if let Some(end) = shift_end(now, &shared.api.shifts, &shared.api.locale.zone) {
        html.raw("<option value=\"").integer(end.as_millis()).raw("\">");
        let of_day = plain(&shared.api.locale.of_day(end.as_millis()));
        fill(html, words.shift_end, &[("at", &of_day)]);
        html.raw("</option>");
    }
    html.raw("<option value=\"time\">").raw(words.a_time).raw("</option></select>");
    html.raw("<label for=\"until-at\">");
    let at = Timestamp::from_millis(now).unwrap_or(Timestamp::MAX);
    let zone = plain(&shared.api.locale.zone_at(at));
    fill(html, words.at_time, &[("zone", &zone)]);
    html.raw("</label><input id=\"until-at\" name=\"at\" type=\"datetime-local\">");
}

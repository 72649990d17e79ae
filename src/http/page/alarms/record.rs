//! What people did about alarms, from the audit log.

use super::super::format::{NONE, WORDS, heading};
use super::super::html::Html;
use super::super::reader::Reader;
use super::words::Words;
use super::{address, day};
use crate::alarm::Action;
use crate::http::data;
use crate::http::router::Shared;
use crate::store::AuditEntry;
use axum::response::Response;
use serde_json::Value;

/// The newest decisions of all kinds among which those about alarms are looked for.
const LOOKED_AT: usize = 1000;

/// What somebody did about an alarm.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    /// The alarm.
    pub(super) alarm: String,
    /// What, by its word.
    pub(super) action: String,
    /// When, ms.
    pub(super) at: i64,
    /// Who.
    pub(super) by: Option<String>,
    /// Why.
    note: Option<String>,
}

/// The newest orders about alarms, newest first.
pub(super) async fn read(shared: &Shared) -> Result<Vec<Entry>, Response> {
    let Some(history) = &shared.api.history else { return Ok(Vec::new()) };
    let found = data::read(shared, history, |history| history.audit(None, LOOKED_AT)).await?;
    Ok(found.into_iter().filter_map(entry).collect())
}

fn entry(found: AuditEntry) -> Option<Entry> {
    if !Action::WORDS.contains(&&*found.what) {
        return None;
    }
    let said: Value = serde_json::from_str(&found.entry).ok()?;
    let text = |key: &str| said[key].as_str().map(str::to_owned);
    Some(Entry {
        alarm: text("subject")?,
        action: found.what,
        at: found.at.as_millis(),
        by: text("by"),
        note: text("note"),
    })
}

/// A table of these; each with its alarm, where they are of several.
pub(super) fn panel<'e>(
    html: &mut Html,
    title: &'static str,
    entries: impl Iterator<Item = &'e Entry>,
    with_alarm: bool,
    reader: Reader,
) {
    let words = Words::of(reader.language);
    html.raw("<div class=\"panel\" data-part id=\"record\"><h2>").raw(title).raw("</h2>");
    let mut entries = entries.peekable();
    if entries.peek().is_none() {
        html.raw("<p class=\"muted\">").raw(words.record_none).raw("</p></div>");
        return;
    }
    html.raw("<div class=\"wide\" tabindex=\"0\" role=\"region\" data-keep id=\"record-scroll\" aria-label=\"");
    html.raw(title).raw("\"><table><thead><tr>");
    heading(html, WORDS, words.when);
    if with_alarm {
        heading(html, WORDS, words.alarm);
    }
    for word in [words.what, words.who, words.why] {
        heading(html, WORDS, word);
    }
    html.raw("</tr></thead><tbody>");
    for entry in entries {
        html.raw("<tr><th scope=\"row\">");
        day(html, entry.at, reader);
        html.raw("</th>");
        if with_alarm {
            html.raw("<td class=\"wrap\"><a href=\"").text(&address(&entry.alarm, reader));
            html.raw("\">").name(&entry.alarm).raw("</a></td>");
        }
        html.raw("<td>").raw(done(&entry.action, words)).raw("</td><td>");
        html.name(entry.by.as_deref().unwrap_or(NONE)).raw("</td><td class=\"wrap\">");
        html.name(entry.note.as_deref().unwrap_or(NONE)).raw("</td></tr>");
    }
    html.raw("</tbody></table></div></div>");
}

fn done(action: &str, words: &Words) -> &'static str {
    match action {
        "acknowledge" => words.done_acknowledge,
        "reset" => words.done_reset,
        "shelve" => words.done_shelve,
        "unshelve" => words.done_unshelve,
        "out-of-service" => words.done_remove,
        "in-service" => words.done_restore,
        _ => words.done_comment,
    }
}

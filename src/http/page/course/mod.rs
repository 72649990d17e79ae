//! The page of a batch with its whole course, finished or in progress.

mod along;
pub(super) mod found;
mod reel;
#[cfg(test)]
pub(super) mod tests;
mod words;

use super::format::{Clock, NONE, at, fact, metres, name, per_cent, plain, quantity, time};
use super::frame::{Frame, Place};
use super::html::Html;
use super::reader::{Reader, Visit};
use super::{decision, face, links};
use crate::engine::{AlarmView, BatchRecord, TagView};
use crate::http::router::Shared;
use crate::reading::Timestamp;
use crate::report::BatchData;
use crate::verdict::Found;
use crate::words::fill;
use axum::response::Response;
use std::collections::BTreeMap;
use std::sync::Arc;
use words::Words;

/// A batch, and what is told beside it.
#[derive(Debug)]
pub(in crate::http) struct Shown<'a> {
    /// All that is kept of it, or of one in progress is known by now.
    pub(in crate::http) data: &'a BatchData,
    /// True of the batch in progress.
    pub(in crate::http) live: bool,
    /// How much of that is made, 0–1.
    pub(in crate::http) made: Option<f64>,
    /// The alarms of it that stand.
    pub(in crate::http) alarms: Vec<&'a AlarmView>,
    /// The tags of its line, for their units.
    pub(in crate::http) tags: &'a [TagView],
    /// The line of each batch that it was made of, as far as that is known.
    pub(in crate::http) lines: &'a BTreeMap<Arc<str>, Arc<str>>,
}

impl Shown<'_> {
    /// The unit of a tag or property.
    fn unit(&self, of: &str) -> Arc<str> {
        let sheet = self.data.sheet.as_ref();
        let asked = sheet
            .iter()
            .flat_map(|sheet| sheet.spec.iter().chain(sheet.laboratory.iter().map(|of| &of.asked)));
        let of_tag =
            || self.tags.iter().find(|tag| *tag.id == *of).map(|tag| Arc::clone(&tag.unit));
        found::unit_of(asked, of).or_else(of_tag).unwrap_or_else(|| "".into())
    }
}

/// The page. One of a batch in progress is kept fresh.
pub(in crate::http) fn page(shared: &Shared, visit: &Visit, shown: &Shown<'_>) -> Response {
    let reader = visit.reader;
    let html = body(shown, reader);
    let frame = Frame::new(title(&shown.data.record, reader)).unseen_heading();
    let frame = frame.at(Place::Batches).scripts(&["assets/chart.js"]);
    let frame = if shown.live { frame.live() } else { frame };
    frame.answer(shared, visit, &html)
}

/// What the browser's tab says of it.
fn title(record: &BatchRecord, reader: Reader) -> Html {
    let mut html = Html::default();
    html.raw(face_of(record, reader).word).raw(" · ");
    let pieces = [("batch", &plain(&record.batch)), ("line", &plain(&record.line))];
    fill(&mut html, Words::of(reader.language).title, &pieces);
    html
}

fn face_of(record: &BatchRecord, reader: Reader) -> face::Face {
    record.verdict.map_or_else(|| face::of_void(reader), |call| face::of_call(call, reader))
}

/// What stands in `main`: parts that the script replaces as they change.
fn body(shown: &Shown<'_>, reader: Reader) -> Html {
    let mut html = Html::default();
    html.raw("<section class=\"line\" aria-labelledby=\"batch-name\">");
    hero(&mut html, shown, reader);
    html.raw("<div class=\"columns one\"><div class=\"panel\" data-part id=\"course-along\">");
    along::content(&mut html, shown.data, reader);
    html.raw("</div></div>");
    let Some(sheet) = &shown.data.sheet else {
        html.raw("<div class=\"columns one\">");
        panel(&mut html, "course-genealogy", |html| found::genealogy(html, shown, reader));
        html.raw("</div></section>");
        zone(&mut html, shown, reader);
        return html;
    };
    html.raw("<div class=\"columns pairs\">");
    let document = &sheet.verdict;
    html.raw("<div class=\"stack\">");
    panel(&mut html, "course-why", |html| found::why(html, shown, document, reader));
    html.raw("</div><div class=\"stack\">");
    panel(&mut html, "course-stretches", |html| {
        found::stretches(html, document, reader);
        found::course(html, shown, reader);
        found::alarms(html, shown, reader);
    });
    panel(&mut html, "course-laboratory", |html| found::laboratory(html, sheet, reader));
    panel(&mut html, "course-people", |html| found::people(html, sheet, reader));
    html.raw("</div></div><div class=\"columns one\">");
    panel(&mut html, "course-genealogy", |html| found::genealogy(html, shown, reader));
    html.raw("</div></section>");
    zone(&mut html, shown, reader);
    html
}

/// By which clock the times are of a page that stands still; one that is kept fresh says it itself.
fn zone(html: &mut Html, shown: &Shown<'_>, reader: Reader) {
    if !shown.live {
        html.raw("<p class=\"zone\">").raw(Words::of(reader.language).zone).raw("</p>");
    }
}

fn panel(html: &mut Html, id: &'static str, content: impl FnOnce(&mut Html)) {
    html.raw("<div class=\"panel\" data-part id=\"").raw(id).raw("\">");
    content(html);
    html.raw("</div>");
}

fn hero(html: &mut Html, shown: &Shown<'_>, reader: Reader) {
    let words = Words::of(reader.language);
    let record = &shown.data.record;
    let sheet = shown.data.sheet.as_ref();
    let face = face_of(record, reader);
    html.raw("<div data-part id=\"course-hero\" class=\"hero ").raw(face.class);
    html.raw("\"><div class=\"call\">").icon(face.symbol).raw("<div><h2 id=\"batch-name\">");
    html.name(&record.batch).raw("</h2><p class=\"word\">").raw(face.word);
    html.raw("</p></div></div><div class=\"meaning\"><p>");
    match sheet.and_then(|sheet| sheet.dispositions.last()) {
        Some(decided) => {
            let mut by = Html::default();
            if let Some(who) = &decided.by {
                fill(&mut by, words.by, &[("who", &name(who))]);
            }
            let pieces = [
                ("what", &plain(reader.language.disposition(decided.disposition))),
                ("at", &at(decided.ts, Clock::Day, reader)),
                ("by", &by),
            ];
            fill(html, words.decided, &pieces);
        }
        None => match record.disposition {
            Some(decided) => {
                html.raw("<b>").raw(reader.language.disposition(decided)).raw("</b>");
            }
            None => {
                html.raw(words.undecided);
            }
        },
    }
    html.raw("</p>");
    if let Some(into) = &record.merged_into {
        let mut batch = Html::default();
        links::batch(&mut batch, &record.line, into, reader);
        html.raw("<p>");
        fill(html, words.merged, &[("batch", &batch)]);
        html.raw("</p>");
    }
    if let Some(sheet) = sheet.filter(|_| record.verdict.is_some()) {
        html.raw("<p class=\"since\">");
        let since = at(sheet.verdict.since, Clock::Day, reader);
        fill(html, words.since, &[("at", &since)]);
        html.raw("</p>");
    }
    if record.ended.is_none() {
        let sentence = if record.station.is_some() { words.of_station } else { words.in_progress };
        html.raw("<p class=\"since\">").raw(sentence).raw("</p>");
    }
    ways(html, shown, reader);
    html.raw("</div><dl class=\"facts\">");
    facts(html, shown, reader);
    html.raw("</dl></div>");
}

/// Where its report is, and why it was called so when it was flagged, and at its end.
fn ways(html: &mut Html, shown: &Shown<'_>, reader: Reader) {
    let words = Words::of(reader.language);
    let record = &shown.data.record;
    let mut all: Vec<(String, &'static str)> = Vec::new();
    if record.ended.is_some()
        && let Some(address) =
            reader.steps(&["batches", &record.line, &record.batch, "report"], &[])
    {
        all.push((address, words.report));
    }
    // No model looks at a batch of a station.
    if record.station.is_none() {
        let flag = record.first_flag.map(|flag| (flag.as_millis(), words.moment_flag));
        let end = match record.ended {
            Some(ended) => Some((ended.as_millis(), words.moment_end)),
            None => shown.data.sheet.as_ref().map(|sheet| (sheet.verdict.ts, words.moment_now)),
        };
        let moments = flag.into_iter().chain(end);
        all.extend(
            moments.filter_map(|(ms, word)| Some((links::moment(&record.line, ms, reader)?, word))),
        );
    }
    html.raw("<p class=\"ways\">");
    for (address, word) in all {
        html.raw("<a href=\"").text(&address).raw("\">").raw(word).raw("</a> ");
    }
    html.raw("</p>");
}

fn facts(html: &mut Html, shown: &Shown<'_>, reader: Reader) {
    let words = Words::of(reader.language);
    let record = &shown.data.record;
    let document = shown.data.sheet.as_ref().map(|sheet| &sheet.verdict);
    let mut line = Html::default();
    links::line_named(&mut line, &record.line, reader);
    fact(html, words.line, &line);
    if let Some(station) = &record.station {
        fact(html, words.station, &name(station));
    }
    fact(html, words.grade, &record.grade.as_deref().map_or_else(|| plain(NONE), name));
    fact(html, words.started, &at(record.started.as_millis(), Clock::Day, reader));
    if let Some(ended) = record.ended {
        let lasted = ended.as_millis() - record.started.as_millis();
        fact(html, words.ended, &at(ended.as_millis(), Clock::Day, reader));
        fact(html, words.lasted, &plain(&reader.duration(lasted)));
    }
    if let Some(made) = shown.made {
        fact(html, words.made, &plain(&per_cent(made)));
    }
    if let Some(length) = record.length_m {
        fact(html, words.length, &plain(&metres(length)));
    }
    if let Some(mass) = record.mass_kg {
        fact(html, words.mass, &plain(&quantity(mass.round(), "kg")));
    }
    if let Some(share) = record.off_spec_share {
        fact(html, words.outside, &found::outside(share));
    }
    if let Some(chance) = record.probability_off_spec {
        fact(html, words.chance, &plain(&per_cent(chance)));
    }
    if let Some(flag) = record.first_flag {
        fact(html, words.first_flag, &flagged(flag.as_millis(), record, reader));
    }
    if let Some(since) = record.flagged_since.filter(|since| Some(*since) != record.first_flag) {
        fact(html, words.flagged_since, &at(since.as_millis(), Clock::Day, reader));
    }
    if let Some(first) = document.and_then(|document| document.first_mover.as_deref()) {
        fact(html, words.moved_first, &name(first));
    }
    let found = record.found.and_then(|found| match found {
        Found::Good => Some(words.found_good),
        Found::Bad => Some(words.found_bad),
        Found::Acted => Some(words.found_acted),
        Found::Open => None,
    });
    if let Some(found) = found {
        fact(html, words.found, &plain(found));
    }
    if let Some(told) = document.and_then(|document| document.decision.as_ref()) {
        fact(html, words.advice, &decision::content(told, reader));
    }
    if record.maintenance {
        fact(html, words.maintenance, &plain(words.maintained));
    }
    fact(html, words.revision, &plain(&record.revision.to_string()));
}

/// When it was first flagged, and how long before its end.
fn flagged(flag: i64, record: &BatchRecord, reader: Reader) -> Html {
    let mut html = Html::default();
    time(&mut html, flag, Clock::Day, reader);
    if let Some(ended) = record.ended.map(Timestamp::as_millis).filter(|ended| flag < *ended) {
        let lead = plain(&reader.duration(ended - flag));
        html.raw(" <small>");
        fill(&mut html, Words::of(reader.language).before_end, &[("lead", &lead)]);
        html.raw("</small>");
    }
    html
}

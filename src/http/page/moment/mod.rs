//! The page of a moment: why a line's verdict was what it was then, and how its tags went around it.

mod found;
#[cfg(test)]
mod tests;
mod trends;
mod words;

use super::format::{Clock, NONE, at as time_at, fact, name, per_cent, plain};
use super::frame::{Frame, Place};
use super::html::Html;
use super::reader::{Reader, Visit};
use super::{face, links};
use crate::engine::LineView;
use crate::http::moment::Span;
use crate::http::router::Shared;
use crate::http::{Moment, Trend};
use crate::reading::Timestamp;
use crate::verdict::Call;
use crate::words::fill;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use std::time::Duration;
use words::Words;

/// A moment, and what is told beside it.
#[derive(Debug)]
pub(in crate::http) struct Shown<'a> {
    /// The line, as it is now.
    pub(in crate::http) line: &'a LineView,
    /// The instant that was asked for.
    pub(in crate::http) at: Timestamp,
    /// What is known of it, or why nothing is.
    pub(in crate::http) known: Result<&'a Moment, &'a str>,
    /// How much is drawn around it.
    pub(in crate::http) span: Span,
    /// From when until when that is.
    pub(in crate::http) between: (Timestamp, Timestamp),
    /// How the tags went that tell of it.
    pub(in crate::http) trends: &'a [Trend],
}

impl Shown<'_> {
    /// The address of another moment of the line, with as much around it.
    fn other(&self, at: Timestamp, reader: Reader) -> Option<String> {
        let at = at.as_millis().to_string();
        let span = self.span.as_str();
        let parameters = [("at", &*at), ("span", span)];
        let shown = if self.span == Span::default() { 1 } else { 2 };
        reader.steps(&["lines", &self.line.name, "moment"], &parameters[..shown])
    }

    /// The end of the frame that is told of, where one is.
    fn frame_end(&self) -> Timestamp {
        let known = self.known.ok().and_then(|known| known.explanation.at);
        known.and_then(|ms| Timestamp::from_millis(ms).ok()).unwrap_or(self.at)
    }
}

/// The page.
pub(in crate::http) fn page(shared: &Shared, visit: &Visit, shown: &Shown<'_>) -> Response {
    let reader = visit.reader;
    let html = body(shown, reader);
    let frame =
        Frame::new(title(&shown.line.name, shown.frame_end(), reader)).form().at(Place::Overview);
    frame.scripts(&["assets/chart.js"]).answer(shared, visit, &html)
}

/// What a browser is shown while it is still looked for: it comes again by itself.
pub(in crate::http) fn sought(
    shared: &Shared,
    visit: &Visit,
    line: &str,
    at: Timestamp,
) -> Response {
    let words = Words::of(visit.reader.language);
    let mut html = Html::default();
    html.raw("<p class=\"panel\" role=\"status\">").raw(words.sought).raw("</p>");
    let frame = Frame::new(title(line, at, visit.reader)).at(Place::Overview);
    let mut answer = frame.answer(shared, visit, &html);
    *answer.status_mut() = StatusCode::ACCEPTED;
    // The instant as it was understood: what "now" was is another one then.
    let again = links::moment(line, at.as_millis(), visit.reader);
    let again = again.map_or_else(|| "2".to_owned(), |again| format!("2; url={again}"));
    if let Ok(again) = HeaderValue::from_str(&again) {
        answer.headers_mut().insert(header::REFRESH, again);
    }
    answer
}

fn title(line: &str, at: Timestamp, reader: Reader) -> Html {
    let mut html = Html::default();
    let at = jiff::Timestamp::from_millisecond(at.as_millis());
    let at = at.map_or_else(|_| NONE.into(), |at| at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string());
    let pieces = [("line", &plain(line)), ("at", &plain(&at))];
    fill(&mut html, Words::of(reader.language).title, &pieces);
    html
}

fn body(shown: &Shown<'_>, reader: Reader) -> Html {
    let words = Words::of(reader.language);
    let mut html = Html::default();
    ways(&mut html, shown, reader);
    match shown.known {
        Err(why) => {
            html.raw("<section class=\"panel\"><h2>").raw(words.unknown).raw("</h2><p>");
            reader.english(&mut html, why);
            html.raw("</p></section>");
        }
        Ok(known) => {
            html.raw("<section class=\"line\">");
            hero(&mut html, shown, known, reader);
            html.raw("<div class=\"columns pairs\"><div class=\"stack\">");
            found::why(&mut html, shown, known, reader);
            html.raw("</div><div class=\"stack\">");
            found::statistics(&mut html, known, reader);
            found::quality(&mut html, known, reader);
            found::chances(&mut html, known, reader);
            html.raw("</div></div><div class=\"columns one\">");
            found::tags(&mut html, known, reader);
            html.raw("</div></section>");
        }
    }
    html.raw("<div class=\"columns one\"><div class=\"panel\">");
    trends::content(&mut html, shown, reader);
    html.raw("</div></div><p class=\"zone\">").raw(words.zone).raw("</p>");
    html
}

/// The form that asks for another moment, and the moments beside this one.
fn ways(html: &mut Html, shown: &Shown<'_>, reader: Reader) {
    let words = Words::of(reader.language);
    html.raw("<form method=\"get\" class=\"asks\"><label for=\"at\">").raw(words.instant);
    html.raw("</label> <input id=\"at\" name=\"at\" size=\"26\" autocomplete=\"off\" title=\"");
    html.raw(words.instant_hint).raw("\" value=\"").text(&shown.frame_end().to_rfc3339());
    html.raw("\"> <label for=\"span\">").raw(words.drawn);
    html.raw("</label> <select id=\"span\" name=\"span\">");
    for span in Span::ALL {
        html.raw("<option value=\"").raw(span.as_str());
        html.raw(if span == shown.span { "\" selected>" } else { "\">" });
        let ms = match span {
            Span::Minutes => 300_000,
            Span::HalfHour => 1_800_000,
            Span::Hours => 7_200_000,
            Span::Batch => 0,
        };
        if ms == 0 {
            html.raw(words.of_batch);
        } else {
            fill(html, words.around, &[("time", &plain(&reader.duration(ms)))]);
        }
        html.raw("</option>");
    }
    html.raw("</select> ");
    reader.fields(html);
    html.raw("<button>").raw(words.show).raw("</button></form><nav class=\"ways\" aria-label=\"");
    html.raw(words.moves).raw("\">");
    let end = shown.frame_end();
    let frame = shown.known.ok().map(|known| known.frame);
    let minutes = |n: u64| Duration::from_secs(60 * n);
    for (back, by) in [(true, minutes(10)), (true, minutes(1))] {
        way(html, shown, (back, by, None), reader);
    }
    if let Some(frame) = frame {
        way(html, shown, (true, frame, Some(end.minus(frame))), reader);
        // The next frame that ends is the one that is not yet over now.
        way(html, shown, (false, frame, Some(end.plus(Duration::from_millis(1)))), reader);
    }
    for (back, by) in [(false, minutes(1)), (false, minutes(10))] {
        way(html, shown, (back, by, None), reader);
    }
    html.raw("</nav>");
}

/// The link to a moment so much earlier or later; `frame` is that of the frame beside this one.
fn way(
    html: &mut Html,
    shown: &Shown<'_>,
    (back, by, frame): (bool, Duration, Option<Timestamp>),
    reader: Reader,
) {
    let words = Words::of(reader.language);
    let end = shown.frame_end();
    let at = frame.unwrap_or_else(|| if back { end.minus(by) } else { end.plus(by) });
    let Some(address) = shown.other(at, reader) else { return };
    let word = match frame {
        Some(_) => words.frame.to_owned(),
        None => reader.duration(i64::try_from(by.as_millis()).unwrap_or(i64::MAX)),
    };
    html.raw("<a href=\"").text(&address).raw("\" rel=\"nofollow\">");
    html.raw(if back { "← " } else { "" }).text(&word).raw(if back { "" } else { " →" });
    html.raw("</a> ");
}

/// What was said then.
fn hero(html: &mut Html, shown: &Shown<'_>, known: &Moment, reader: Reader) {
    let words = Words::of(reader.language);
    let document = known.explanation.verdict.as_ref();
    let call = document.map_or(Call::Unknown, |document| document.verdict);
    let face = face::of_call(call, reader);
    html.raw("<div class=\"hero ").raw(face.class).raw("\"><div class=\"call\">");
    html.icon(face.symbol).raw("<div><h2>").name(&shown.line.name).raw("</h2><p class=\"word\">");
    html.raw(face.word).raw("</p></div></div><div class=\"meaning\"><p>");
    match document {
        Some(document) => {
            let since = time_at(document.since, Clock::Day, reader);
            fill(html, words.since, &[("at", &since)]);
        }
        None => {
            html.raw(words.nothing_said);
        }
    }
    html.raw("</p></div>");
    let Some(document) = document else {
        html.raw("</div>");
        return;
    };
    html.raw("<dl class=\"facts\">");
    let mut batch = Html::default();
    match &document.batch {
        Some(id) => links::batch(&mut batch, &document.line, id, reader),
        None => {
            batch.raw(NONE);
        }
    }
    fact(html, words.batch, &batch);
    fact(html, words.grade, &document.grade.as_deref().map_or_else(|| plain(NONE), name));
    if let Some(made) = document.progress {
        fact(html, words.made, &plain(&per_cent(made)));
    }
    if let Some(chance) = document.probability_off_spec {
        fact(html, words.chance, &plain(&per_cent(chance)));
    }
    html.raw("</dl></div>");
}

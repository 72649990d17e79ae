//! What of a line stands in tables: why it is called what it is, its last batches, its tags.

use super::super::format::{Clock, NUMBERS, WORDS, heading, per_cent, plain, time};
use super::super::html::Html;
use super::super::reader::Reader;
use super::super::{batches, links, report, sensors, words};
use super::part;
use super::words::Words;
use crate::engine::LineView;
use crate::reading::side_by_side;
use crate::verdict::Document;
use crate::words::fill;

/// The reasons, what moved, and what was like it.
pub(super) fn why(
    html: &mut Html,
    (line, document): (&LineView, &Document),
    ix: i64,
    reader: Reader,
) {
    let words = Words::of(reader.language);
    part(html, "<div class=\"panel\"", "why", ix);
    html.raw("><h3>").raw(words.why).raw("</h3><ol class=\"reasons\">");
    for reason in &document.reasons {
        html.raw("<li><p>").piece(&words::sentence(reason, line, reader.language)).raw("</p>");
        let shares = words::shares(reason);
        if !shares.is_empty() {
            html.raw("<table class=\"shares\"><caption>").raw(words.shares);
            html.raw("</caption><tbody>");
            for (tag, share) in shares {
                html.raw("<tr><th scope=\"row\">").name(tag);
                change(html, reason.change_over(tag), reader);
                html.raw("</th><td class=\"bar\">");
                html.raw("<svg aria-hidden=\"true\"><rect height=\"10\" width=\"");
                html.coordinate(share.clamp(0.0, 1.0) * 100.0)
                    .raw("%\"/></svg></td><td class=\"num\">");
                html.text(&per_cent(*share)).raw("</td></tr>");
            }
            html.raw("</tbody></table>");
        }
        html.raw("</li>");
    }
    html.raw("</ol>");
    movers(html, document, reader);
    similar(html, (&line.name, document), reader);
    html.raw("</div>");
}

/// Past batches in which the same moved, and how they ended.
fn similar(html: &mut Html, (line, document): (&str, &Document), reader: Reader) {
    if document.similar.is_empty() {
        return;
    }
    let words = Words::of(reader.language);
    html.raw("<table class=\"movers\"><caption>").raw(words.similar);
    html.raw("</caption><thead><tr>");
    heading(html, WORDS, words.batch);
    heading(html, NUMBERS, words.alike);
    heading(html, WORDS, words.ended_as);
    html.raw("</tr></thead><tbody>");
    for similar in &document.similar {
        html.raw("<tr><th scope=\"row\" class=\"wrap\">");
        links::batch(html, line, &similar.batch, reader);
        html.raw(" <small>");
        time(html, similar.started, Clock::Day, reader);
        html.raw("</small>");
        if let Some(grade) = similar.grade.as_ref().filter(|_| similar.grade != document.grade) {
            html.raw(" <small>").name(grade).raw("</small>");
        }
        html.raw("</th><td class=\"num\">").text(&per_cent(similar.likeness));
        html.raw("</td><td class=\"wrap\">")
            .piece(&words::ended(similar, reader.language))
            .raw("</td></tr>");
    }
    html.raw("</tbody></table>");
}

/// That the change of a tag is told and not its value, where it is.
#[expect(clippy::cast_possible_truncation, reason = "a float to integer cast stops at the ends")]
fn change(html: &mut Html, over_s: Option<f64>, reader: Reader) {
    if let Some(over_s) = over_s {
        let span = plain(&reader.duration((over_s * 1000.0) as i64));
        html.raw(" <small>");
        fill(html, Words::of(reader.language).change, &[("span", &span)]);
        html.raw("</small>");
    }
}

/// What moved, each beside where the tags that did not move would have it.
fn movers(html: &mut Html, document: &Document, reader: Reader) {
    if document.movers.is_empty() {
        return;
    }
    let words = Words::of(reader.language);
    html.raw("<table class=\"movers\"><caption>").raw(words.movers);
    html.raw("</caption><thead><tr>");
    heading(html, WORDS, words.tag);
    for word in [words.was, words.expected, words.since_when] {
        heading(html, NUMBERS, word);
    }
    html.raw("</tr></thead><tbody>");
    for mover in &document.movers {
        html.raw(if mover.by_itself { "<tr>" } else { "<tr class=\"with\">" });
        html.raw("<th scope=\"row\">").name(&mover.tag);
        change(html, mover.over_s, reader);
        if let Some(area) = mover.area.as_deref().filter(|area| !area.is_empty()) {
            html.raw(" <small>").name(area).raw("</small>");
        }
        let (value, expected) = side_by_side(mover.value, mover.expected);
        html.raw("</th><td class=\"num\">").text(&value);
        html.raw("</td><td class=\"num\">").text(&expected);
        if let Some(unit) = &mover.unit {
            html.raw(" <small>").text(unit).raw("</small>");
        }
        html.raw("</td><td class=\"num\">");
        time(html, mover.since, Clock::Minutes, reader);
        html.raw("</td></tr>");
    }
    html.raw("</tbody></table>");
}

/// The last batches.
pub(super) fn last_batches(html: &mut Html, line: &LineView, ix: i64, reader: Reader) {
    let words = Words::of(reader.language);
    part(html, "<div class=\"panel\"", "batches", ix);
    html.raw("><h3>").raw(words.last_batches);
    if !line.last_batches.is_empty() {
        report::weekly_link(html, &line.name, reader);
    }
    html.raw("</h3>");
    if line.last_batches.is_empty() {
        html.raw("<p class=\"muted\">").raw(words.no_batch).raw("</p></div>");
        return;
    }
    html.raw("<div class=\"scroll\" data-keep id=\"batches-scroll-").integer(ix);
    html.raw("\" tabindex=\"0\" role=\"region\" aria-label=\"").raw(words.last_batches);
    html.raw("\">");
    batches::table(html, &line.last_batches, false, reader);
    html.raw("</div></div>");
}

/// Sick sensors that are shown; the page of the sensors has all.
const SICK_SHOWN: usize = 40;

/// The sensors that are not to be trusted, and the way to all.
pub(super) fn tags(html: &mut Html, line: &LineView, ix: i64, reader: Reader) {
    let words = Words::of(reader.language);
    part(html, "<div class=\"panel\"", "tags", ix);
    html.raw("><h3>").raw(words.sick_tags).raw("</h3>");
    if line.tags.is_empty() {
        html.raw("<p class=\"muted\">").raw(words.no_tag).raw("</p></div>");
        return;
    }
    let sick: Vec<_> = line.tags.iter().filter(|tag| sensors::is_sick(tag)).collect();
    if sick.is_empty() {
        let heard = line.tags.iter().any(|tag| tag.at.is_some());
        let word = if heard { words.all_well } else { words.none_heard };
        html.raw("<p class=\"muted\">").raw(word).raw("</p>");
    } else {
        html.raw("<div class=\"scroll\" data-keep id=\"tags-scroll-").integer(ix);
        html.raw("\" tabindex=\"0\" role=\"region\" aria-label=\"").raw(words.sick_tags);
        html.raw("\">");
        let shown = sick.iter().take(SICK_SHOWN).map(|tag| (line, *tag));
        sensors::table(html, shown, false, reader);
        html.raw("</div>");
    }
    if let Some(more) = sick.len().checked_sub(SICK_SHOWN).filter(|more| *more > 0) {
        html.raw("<p class=\"muted\">");
        fill(html, words.more_sick, &[("n", &plain(&more.to_string()))]);
        html.raw("</p>");
    }
    let address = reader.address("sensors", &[("line", &line.name)]);
    html.raw("<p class=\"since\"><a href=\"").text(&address).raw("\">");
    fill(html, words.all_tags, &[("n", &plain(&line.tags.len().to_string()))]);
    html.raw("</a></p></div>");
}

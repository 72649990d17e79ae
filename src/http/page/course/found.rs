//! What was found of a batch: why it is called what it is, where it is bad, what the laboratory found, what people did, what it was made
//! of and what became of it.

use super::super::format::{
    Clock, NONE, NUMBERS, WORDS, at, heading, metres, number, per_cent, plain, quantity, time,
};
use super::super::html::Html;
use super::super::links::batch as link;
use super::super::reader::Reader;
use super::Shown;
use super::along::limits;
use super::words::Words;
use crate::alarm::Severity;
use crate::batch::Step;
use crate::engine::{Asked, PropertyOfSheet, SheetRecord};
use crate::reading::{Timestamp, side_by_side};
use crate::verdict::{Document, ForetoldProperty, Reason, Slab, SpanDocument};
use crate::words::number::fine_per_cent;
use crate::words::reason::{ending, reason};
use crate::words::{Locale, fill};
use std::sync::Arc;

/// A row of words, closed by [`close`].
fn table(html: &mut Html, caption: &'static str, columns: &[(&'static str, &'static str)]) {
    html.raw("<table class=\"movers\">");
    if !caption.is_empty() {
        html.raw("<caption>").raw(caption).raw("</caption>");
    }
    html.raw("<thead><tr>");
    for (open, word) in columns {
        heading(html, open, word);
    }
    html.raw("</tr></thead><tbody>");
}

fn close(html: &mut Html) {
    html.raw("</tbody></table>");
}

fn none(html: &mut Html, word: &'static str) {
    html.raw("<p class=\"muted\">").raw(word).raw("</p>");
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

/// The stretches that are bad, from both ends, and what to take off.
pub(super) fn stretches(html: &mut Html, document: &Document, reader: Reader) {
    let words = Words::of(reader.language);
    html.raw("<h3>").raw(words.stretches).raw("</h3>");
    if document.spans.is_empty() {
        none(html, words.no_stretch);
        return;
    }
    let columns = [
        (NUMBERS, words.from_begin),
        (NUMBERS, words.from_end),
        (NUMBERS, words.length),
        (NUMBERS, words.when),
    ];
    table(html, "", &columns);
    for span in &document.spans {
        stretch(html, span, reader);
    }
    close(html);
    if let Some(slab) = &document.slab {
        advice(html, slab, words);
    }
}

fn stretch(html: &mut Html, span: &SpanDocument, reader: Reader) {
    let words = Words::of(reader.language);
    let bare = |value: f64| plain(&number(value.round()));
    let between = |html: &mut Html, ends: Option<(f64, f64)>| {
        html.raw("<td class=\"num\">");
        match ends {
            Some((from, to)) => {
                fill(html, words.stretch_metres, &[("from", &bare(from)), ("to", &bare(to))]);
            }
            None => {
                html.raw(NONE);
            }
        }
        html.raw("</td>");
    };
    let length = span.from_m.zip(span.to_m).map(|(from, to)| to - from);
    html.raw("<tr>");
    between(html, span.from_m.zip(span.to_m));
    // Seen from the end, what is nearer to it comes first.
    between(html, span.after_m.zip(length).map(|(after, length)| (after, after + length)));
    html.raw("<td class=\"num\">").text(&length.map_or_else(|| NONE.into(), metres));
    html.raw("</td><td class=\"num\">");
    let ends = [
        ("from", &at(span.from, Clock::Minutes, reader)),
        ("to", &at(span.to, Clock::Minutes, reader)),
    ];
    fill(html, words.stretch_time, &ends);
    html.raw("</td></tr>");
}

/// What to take off. What is shown adds up: whole metres, of which what is left is the difference.
fn advice(html: &mut Html, slab: &Slab, words: &'static Words) {
    let (length, begin) = (slab.length_m.round(), slab.off_begin_m.round());
    let rest = length - begin;
    let end = if slab.left_m > 0.0 { slab.off_end_m.round().min(rest) } else { rest };
    let left = rest - end;
    let shown = |value: f64| plain(&metres(value));
    let pieces = [
        ("length", &shown(length)),
        ("begin", &shown(begin)),
        ("end", &shown(end)),
        ("left", &shown(left)),
        ("bad", &shown(slab.bad_m)),
    ];
    html.raw("<p>");
    fill(html, if left > 0.0 { words.slab } else { words.slab_all }, &pieces);
    html.raw("</p>");
    if slab.more {
        html.raw("<p><b>").raw(words.slab_more).raw("</b></p>");
    }
}

/// Reasons, what contributes, what moved, what was like it.
pub(super) fn why(html: &mut Html, shown: &Shown<'_>, document: &Document, reader: Reader) {
    let words = Words::of(reader.language);
    html.raw("<h3>").raw(words.why).raw("</h3>");
    if document.reasons.is_empty() {
        none(html, words.no_reason);
    } else {
        html.raw("<ol class=\"reasons\">");
        for one in &document.reasons {
            html.raw("<li><p>");
            html.piece(&reason(reader.language, one, |tag| shown.unit(tag)).html()).raw("</p>");
            shares(html, one, reader);
            html.raw("</li>");
        }
        html.raw("</ol>");
    }
    movers(html, document, reader);
    similar(html, document, reader);
}

/// The tags that contribute to a reason, with their shares; those of areas before them.
pub(in crate::http::page) fn shares(html: &mut Html, one: &Reason, reader: Reader) {
    let Reason::Process { tags, areas, .. } = one else { return };
    for (all, is_tag) in [(areas, false), (tags, true)] {
        if all.is_empty() {
            continue;
        }
        let words = Words::of(reader.language);
        html.raw("<table class=\"shares\"><caption>");
        html.raw(if is_tag { words.shares } else { words.shares_of_areas });
        html.raw("</caption><tbody>");
        for (name, share) in all {
            html.raw("<tr><th scope=\"row\">").name(name);
            change(html, one.change_over(name).filter(|_| is_tag), reader);
            html.raw(
                "</th><td class=\"bar\"><svg aria-hidden=\"true\"><rect height=\"10\" width=\"",
            );
            html.coordinate(share.clamp(0.0, 1.0) * 100.0);
            html.raw("%\"/></svg></td><td class=\"num\">").text(&per_cent(*share));
            html.raw("</td></tr>");
        }
        html.raw("</tbody></table>");
    }
}

/// What moved, each beside where the tags that did not move would have it.
fn movers(html: &mut Html, document: &Document, reader: Reader) {
    let words = Words::of(reader.language);
    if document.movers.is_empty() {
        return;
    }
    let columns = [
        (WORDS, words.tag),
        (NUMBERS, words.was),
        (NUMBERS, words.expected),
        (NUMBERS, words.since_when),
    ];
    table(html, words.movers, &columns);
    for mover in &document.movers {
        html.raw(if mover.by_itself { "<tr>" } else { "<tr class=\"with\">" });
        html.raw("<th scope=\"row\">").name(&mover.tag);
        change(html, mover.over_s, reader);
        if let Some(area) = mover.area.as_deref().filter(|area| !area.is_empty()) {
            html.raw(" <small>").name(area).raw("</small>");
        }
        let (value, expected) = side_by_side(mover.value, mover.expected);
        html.raw("</th><td class=\"num\">").text(&value).raw("</td><td class=\"num\">");
        html.text(&expected);
        if let Some(unit) = &mover.unit {
            html.raw(" <small>").name(unit).raw("</small>");
        }
        html.raw("</td><td class=\"num\">");
        time(html, mover.since, Clock::Minutes, reader);
        html.raw("</td></tr>");
    }
    close(html);
}

/// Past batches in which the same moved, and how they ended.
fn similar(html: &mut Html, document: &Document, reader: Reader) {
    if document.similar.is_empty() {
        return;
    }
    let words = Words::of(reader.language);
    let columns = [(WORDS, words.batch), (NUMBERS, words.alike), (WORDS, words.ended_as)];
    table(html, words.similar, &columns);
    for one in &document.similar {
        html.raw("<tr><th scope=\"row\" class=\"wrap\">");
        link(html, &document.line, &one.batch, reader);
        html.raw(" <small>");
        time(html, one.started, Clock::Day, reader);
        html.raw("</small>");
        if let Some(grade) = one.grade.as_ref().filter(|_| one.grade != document.grade) {
            html.raw(" <small>").name(grade).raw("</small>");
        }
        html.raw("</th><td class=\"num\">").text(&per_cent(one.likeness));
        html.raw("</td><td class=\"wrap\">").piece(&ending(reader.language, one).html());
        html.raw("</td></tr>");
    }
    close(html);
}

/// Laboratory properties against their limits, with what had been foretold.
pub(super) fn laboratory(html: &mut Html, sheet: &SheetRecord, reader: Reader) {
    let words = Words::of(reader.language);
    html.raw("<h3>").raw(words.laboratory).raw("</h3>");
    let foretold = &sheet.verdict.foretold;
    let others = foretold
        .iter()
        .filter(|told| sheet.laboratory.iter().all(|of| of.asked.name != told.property));
    let others: Vec<&ForetoldProperty> = others.collect();
    if sheet.laboratory.is_empty() && others.is_empty() {
        none(html, words.no_laboratory);
        return;
    }
    let columns = [
        (WORDS, words.property),
        (WORDS, words.limits),
        (NUMBERS, words.value),
        (WORDS, words.inside),
        (NUMBERS, words.foretold),
        (WORDS, words.results),
    ];
    table(html, "", &columns);
    for of in &sheet.laboratory {
        let told = foretold.iter().find(|told| told.property == of.asked.name);
        property(html, of, told, reader);
    }
    for told in others {
        html.raw("<tr><th scope=\"row\">").name(&told.property);
        html.raw("</th><td>").raw(NONE).raw("</td><td class=\"num\">").raw(words.no_result);
        html.raw("</td><td>").raw(NONE).raw("</td><td class=\"num\">");
        foretold_cell(html, Some(told), words);
        html.raw("</td><td>").raw(NONE).raw("</td></tr>");
    }
    close(html);
}

fn property(
    html: &mut Html,
    PropertyOfSheet { asked, value, inside, results }: &PropertyOfSheet,
    told: Option<&ForetoldProperty>,
    reader: Reader,
) {
    let words = Words::of(reader.language);
    let (class, symbol, word) = match inside {
        Some(true) => ("is-ok", "ok", words.yes),
        Some(false) => ("is-off", "off", words.no),
        None => ("", "", NONE),
    };
    html.raw("<tr class=\"").raw(class).raw("\"><th scope=\"row\">").name(&asked.name);
    if let Some(method) = &asked.method {
        html.raw(" <small>").name(method).raw("</small>");
    }
    html.raw("</th><td class=\"wrap\">").piece(&limits(asked, words));
    html.raw("</td><td class=\"num\">");
    match value {
        Some(value) => html.text(&quantity(*value, &asked.unit)),
        None => html.raw(words.no_result),
    };
    html.raw("</td><td><span class=\"mark\">");
    if !symbol.is_empty() {
        html.icon(symbol);
    }
    html.raw(word).raw("</span></td><td class=\"num\">");
    foretold_cell(html, told, words);
    html.raw("</td><td class=\"wrap\">");
    for (ix, result) in results.iter().enumerate() {
        html.raw(if ix > 0 { "<br>" } else { "" });
        if let Some(position) = &result.position {
            html.name(position).raw(" ");
        }
        html.text(&number(result.value)).raw(" <small>");
        time(html, result.ts, Clock::Day, reader);
        html.raw("</small>");
    }
    html.raw(if results.is_empty() { NONE } else { "" }).raw("</td></tr>");
}

fn foretold_cell(html: &mut Html, told: Option<&ForetoldProperty>, words: &'static Words) {
    let Some(told) = told else {
        html.raw(NONE);
        return;
    };
    let [from, to] = told.interval.map(|end| plain(&number(end)));
    html.text(&number(told.predicted)).raw(" <small>");
    fill(html, words.interval, &[("from", &from), ("to", &to)]);
    html.raw("</small>");
}

/// When, what, who, and why.
type Row<'a> = (i64, Html, Option<&'a Arc<str>>, Option<&'a Arc<str>>);

/// What people did about it, and decided, in order of time.
pub(super) fn people(html: &mut Html, sheet: &SheetRecord, reader: Reader) {
    let words = Words::of(reader.language);
    html.raw("<h3>").raw(words.people).raw("</h3>");
    let mut rows: Vec<Row<'_>> = Vec::new();
    for done in &sheet.actions {
        let mut what = Html::default();
        what.name(&done.text);
        rows.push((done.ts, what, done.by.as_ref(), None));
    }
    for decided in &sheet.dispositions {
        let mut what = Html::default();
        what.raw("<b>").raw(reader.language.disposition(decided.disposition)).raw("</b>");
        rows.push((decided.ts, what, decided.by.as_ref(), decided.note.as_ref()));
    }
    rows.sort_by_key(|row| row.0);
    if rows.is_empty() {
        none(html, words.no_people);
        return;
    }
    let columns =
        [(WORDS, words.when), (WORDS, words.what), (WORDS, words.who), (WORDS, words.note)];
    table(html, "", &columns);
    for (ts, what, by, note) in rows {
        html.raw("<tr><td>");
        time(html, ts, Clock::Day, reader);
        html.raw("</td><td class=\"wrap\">").piece(&what).raw("</td><td>");
        match by {
            Some(by) => html.name(by),
            None => html.raw(NONE),
        };
        html.raw("</td><td class=\"wrap\">");
        if let Some(note) = note {
            html.name(note);
        }
        html.raw("</td></tr>");
    }
    close(html);
}

/// What it was made of and what became of it.
pub(super) fn genealogy(html: &mut Html, shown: &Shown<'_>, reader: Reader) {
    let words = Words::of(reader.language);
    let genealogy = &shown.data.genealogy;
    html.raw("<h3>").raw(words.genealogy).raw("</h3>");
    if genealogy.sources.is_empty() && genealogy.products.is_empty() {
        none(html, words.no_genealogy);
        return;
    }
    for (steps, word, sources) in
        [(&genealogy.sources, words.made_of, true), (&genealogy.products, words.became, false)]
    {
        if steps.is_empty() {
            continue;
        }
        let columns = [
            (WORDS, word),
            (WORDS, words.of_batch),
            (NUMBERS, words.metres_of),
            (NUMBERS, words.mass),
            (NUMBERS, words.steps),
        ];
        table(html, "", &columns);
        for step in steps {
            lineage(html, shown, (step, sources), reader);
        }
        close(html);
    }
    if genealogy.more {
        none(html, words.more);
    }
}

fn lineage(html: &mut Html, shown: &Shown<'_>, (step, sources): (&Step, bool), reader: Reader) {
    let words = Words::of(reader.language);
    let source = |html: &mut Html| match shown.lines.get(&step.source) {
        Some(line) => link(html, line, &step.source, reader),
        None => {
            html.name(&step.source);
        }
    };
    html.raw("<tr><th scope=\"row\" class=\"wrap\">");
    if sources {
        source(html);
    } else {
        link(html, &step.line, &step.batch, reader);
    }
    if step.merged {
        html.raw(" <small>").raw(words.into).raw("</small>");
    }
    html.raw("</th><td class=\"wrap\">");
    if sources {
        link(html, &step.line, &step.batch, reader);
    } else {
        source(html);
    }
    html.raw("</td><td class=\"num\">");
    let place =
        if sources { step.from_m.zip(step.to_m) } else { step.source_from_m.zip(step.source_to_m) };
    match place {
        Some((from, to)) => {
            let bare = |value: f64| plain(&number(value.round()));
            fill(html, words.stretch_metres, &[("from", &bare(from)), ("to", &bare(to))]);
        }
        None => {
            html.raw(NONE);
        }
    }
    html.raw("</td><td class=\"num\">");
    html.text(&step.mass_kg.map_or_else(|| NONE.into(), |kg| quantity(kg.round(), "kg")));
    html.raw("</td><td class=\"num\">").integer(step.generation.into()).raw("</td></tr>");
}

/// Its pauses and the phases that it came into, in order of time; nothing of neither.
pub(super) fn course(html: &mut Html, shown: &Shown<'_>, reader: Reader) {
    let words = Words::of(reader.language);
    let record = &shown.data.record;
    let pauses = shown.data.sheet.as_ref().map_or(&[][..], |sheet| &sheet.pauses);
    if pauses.is_empty() && record.phases.is_empty() {
        return;
    }
    let mut rows: Vec<(i64, Html, Option<i64>, Option<f64>)> = Vec::new();
    for pause in pauses {
        let mut what = Html::default();
        match &pause.reason {
            Some(reason) => {
                let mut told = Html::default();
                told.name(reason);
                fill(&mut what, words.pause_for, &[("reason", &told)]);
            }
            None => {
                what.raw(words.pause);
            }
        }
        rows.push((pause.from, what, Some(pause.to - pause.from), pause.at_m));
    }
    let ended = record.ended.map(Timestamp::as_millis);
    let ends = record.phases.iter().skip(1).map(|(_, at)| Some(at.as_millis())).chain([ended]);
    for ((phase, from), to) in record.phases.iter().zip(ends) {
        let (mut what, from) = (Html::default(), from.as_millis());
        what.raw(words.phase).raw(" ").name(phase);
        rows.push((from, what, to.map(|to| to - from), None));
    }
    rows.sort_by_key(|row| row.0);
    html.raw("<h3>").raw(words.course).raw("</h3>");
    let columns = [
        (WORDS, words.when),
        (WORDS, words.what),
        (NUMBERS, words.lasted_for),
        (NUMBERS, words.where_),
    ];
    table(html, "", &columns);
    for (from, what, lasted, at_m) in rows {
        html.raw("<tr><td>");
        time(html, from, Clock::Day, reader);
        html.raw("</td><td class=\"wrap\">").piece(&what).raw("</td><td class=\"num\">");
        html.text(&lasted.map_or_else(|| NONE.into(), |lasted| reader.duration(lasted)));
        html.raw("</td><td class=\"num\">");
        html.text(&at_m.map_or_else(|| NONE.into(), metres)).raw("</td></tr>");
    }
    close(html);
}

/// The alarms of it that stand; nothing of none.
pub(super) fn alarms(html: &mut Html, shown: &Shown<'_>, reader: Reader) {
    let words = Words::of(reader.language);
    if shown.alarms.is_empty() {
        return;
    }
    html.raw("<h3>").raw(words.alarms).raw("</h3>");
    table(html, "", &[(WORDS, words.alarm), (WORDS, words.says), (NUMBERS, words.since_when)]);
    for alarm in &shown.alarms {
        let (class, symbol) = match alarm.severity {
            Severity::Info => ("", "wait"),
            Severity::Warning => ("is-risk", "risk"),
            Severity::Critical => ("is-off", "off"),
        };
        html.raw("<tr class=\"").raw(class).raw("\"><th scope=\"row\" class=\"wrap\">");
        html.raw("<span class=\"mark\">").icon(symbol).name(&alarm.alarm);
        html.raw("</span></th><td class=\"wrap\">");
        // No title has a time in it: the zone of the site is of no matter.
        html.name(&alarm.title(&Locale { language: reader.language, ..Locale::default() }));
        html.raw("</td><td class=\"num\">");
        match alarm.since {
            Some(since) => time(html, since.as_millis(), Clock::Day, reader),
            None => {
                html.raw(NONE);
            }
        }
        html.raw("</td></tr>");
    }
    close(html);
}

/// The share outside, as it is held against its limit.
pub(super) fn outside(share: f64) -> Html {
    plain(&fine_per_cent(share))
}

/// The unit of a tag or property, by what is asked of it.
pub(super) fn unit_of<'a>(
    asked: impl IntoIterator<Item = &'a Asked>,
    name: &str,
) -> Option<Arc<str>> {
    asked.into_iter().find(|asked| *asked.name == *name).map(|asked| Arc::clone(&asked.unit))
}

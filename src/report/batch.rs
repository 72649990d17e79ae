//! The report of a batch.

use super::paper::{Cell, Paper, amount, call, digest, face, name, numeral, plain};
use super::strip::unit_of;
use super::words::Words;
use crate::batch::{Genealogy, Step};
use crate::engine::{Asked, BatchRecord, Decided, PropertyOfSheet, SectionsRecord, SheetRecord};
use crate::plant::Bounds;
use crate::reading::Timestamp;
use crate::verdict::{ForetoldProperty, Slab, SpanDocument};
use crate::words::Locale;
use crate::words::fill;
use crate::words::html::Html;
use crate::words::number::{NONE, declared, fine_per_cent, metres, number, per_cent, quantity};
use serde::Serialize;
use std::sync::Arc;

/// All that is kept of a finished batch.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BatchData {
    /// The batch.
    pub record: BatchRecord,
    /// What was found of it; `None` of a release that kept none.
    pub sheet: Option<SheetRecord>,
    /// What was seen along it.
    pub sections: Option<SectionsRecord>,
    /// What it was made of and became.
    pub genealogy: Genealogy,
    /// The version of the model that judges its line and grade now, and up to when its data reach. Not of the batch, so not in
    /// the digest.
    #[serde(skip)]
    pub model: Option<(u32, Timestamp)>,
}

impl BatchData {
    /// The digest that stands on the report: SHA-256 over all of this but the model.
    #[must_use]
    pub fn digest(&self) -> String {
        digest(self)
    }
}

/// The report of a finished batch, as an HTML document; `made` is when.
#[must_use]
pub fn batch(data: &BatchData, settings: &Locale, made: Timestamp) -> String {
    let BatchData { record, sheet, sections, genealogy, .. } = data;
    let words = Words::of(settings.language);
    let end = record.ended.unwrap_or(record.started);
    let mut paper = Paper::new(settings, words.batch_report, &[&record.batch], end);
    banner(&mut paper, record, sheet.as_ref());
    head(&mut paper, record);
    if let Some(sheet) = sheet {
        paper.begin(words.why);
        paper.reasons(&sheet.verdict, |tag| {
            unit_of(sheet.spec.iter().chain(sheet.laboratory.iter().map(|of| &of.asked)), tag)
        });
        paper.movers(&sheet.verdict.movers);
        paper.end();
    }
    let asked = sheet.as_ref().map_or(&[][..], |sheet| &sheet.spec);
    paper.begin(words.along);
    match sections {
        Some(sections) => {
            paper.strip(sections, asked);
            differ(&mut paper, record, sections);
        }
        None => paper.say(words.nothing_along),
    }
    paper.end();
    if let Some(sheet) = sheet {
        stretches(&mut paper, &sheet.verdict.spans, sheet.verdict.slab.as_ref());
    }
    if let Some(sections) = sections.as_ref().filter(|sections| !sections.quality.is_empty()) {
        quality(&mut paper, sections, asked);
    }
    if let Some(sheet) = sheet {
        laboratory(&mut paper, &sheet.laboratory, &sheet.verdict.foretold);
        people(&mut paper, sheet);
    }
    lineage(&mut paper, genealogy);
    let mut more = vec![(words.revision, plain(&record.revision.to_string()))];
    if let Some((version, at)) = data.model {
        let mut model = Html::default();
        let at = plain(&paper.time(at.as_millis()));
        let version = plain(&version.to_string());
        fill(&mut model, words.model_version, &[("version", &version), ("at", &at)]);
        more.push((words.model, model));
    }
    paper.provenance(made, &data.digest(), more);
    paper.done()
}

/// The verdict, so that nobody misses it.
fn banner(paper: &mut Paper<'_>, record: &BatchRecord, sheet: Option<&SheetRecord>) {
    let words = paper.words;
    let (class, mark) = face(record.verdict);
    paper.html.raw("<div class=\"banner is-").raw(class).raw("\"><span class=\"mark\">");
    paper.html.raw(mark).raw("</span><div><b>").raw(call(words, record.verdict)).raw("</b> <span>");
    if let Some(sheet) = sheet.filter(|_| record.verdict.is_some()) {
        let since = plain(&paper.time(sheet.verdict.since));
        fill(&mut paper.html, words.since, &[("at", &since)]);
    }
    paper.html.raw("</span></div><div class=\"side\"><small>").raw(words.disposition);
    paper.html.raw("</small>");
    let decided = record.disposition.map(|decided| paper.settings.language.disposition(decided));
    paper.html.raw(decided.unwrap_or(words.undecided)).raw("</div></div>");
}

/// The facts that say which batch it is.
pub(super) fn identity(paper: &Paper<'_>, record: &BatchRecord) -> Vec<(&'static str, Html)> {
    let (words, settings) = (paper.words, paper.settings);
    let mut facts = vec![(words.line, name(&record.line))];
    if let Some(station) = &record.station {
        facts.push((words.station, name(station)));
    }
    facts.push((words.batch, name(&record.batch)));
    let grade = record.grade.as_deref().map_or_else(|| plain(words.unknown), name);
    facts.push((words.grade, grade));
    facts.push((words.started, plain(&settings.full(record.started.as_millis()))));
    if let Some(ended) = record.ended {
        facts.push((words.ended, plain(&settings.full(ended.as_millis()))));
        let lasted = ended.as_millis() - record.started.as_millis();
        facts.push((words.duration, plain(&settings.language.duration(lasted))));
    }
    let known = |value: Option<f64>, shown: &dyn Fn(f64) -> String| {
        value.map_or_else(|| plain(words.unknown), |value| plain(&shown(value)))
    };
    facts.push((words.length, known(record.length_m, &metres)));
    facts.push((words.mass, known(record.mass_kg, &kilograms)));
    facts
}

fn kilograms(value: f64) -> String {
    quantity(value.round(), "kg")
}

fn head(paper: &mut Paper<'_>, record: &BatchRecord) {
    let words = paper.words;
    let mut facts = identity(paper, record);
    if let Some(share) = record.off_spec_share {
        facts.push((words.outside, plain(&fine_per_cent(share))));
    }
    if let Some(flag) = record.first_flag {
        let mut html = plain(&paper.time(flag.as_millis()));
        if let Some(ended) = record.ended.filter(|ended| flag < *ended) {
            let lead =
                plain(&paper.settings.language.duration(ended.as_millis() - flag.as_millis()));
            html.raw(" <small>");
            fill(&mut html, words.before_end, &[("lead", &lead)]);
            html.raw("</small>");
        }
        facts.push((words.first_flagged, html));
    }
    paper.facts(&facts);
}

/// Bad stretches that are kept on one sheet at most.
const STRETCHES_KEPT: usize = 10;

/// Lengths that differ by more than this share are two.
const SAME_LENGTH: f64 = 0.01;

/// Says so where the positions that are drawn end elsewhere than the length that stands above them.
fn differ(paper: &mut Paper<'_>, record: &BatchRecord, sections: &SectionsRecord) {
    let made = sections.sections.last().and_then(|last| last.to_m);
    let Some((made, counted)) = made.zip(record.length_m) else { return };
    if (made - counted).abs() <= SAME_LENGTH * made.max(counted) {
        return;
    }
    let pieces = [("made", &plain(&metres(made))), ("counted", &plain(&metres(counted)))];
    paper.html.raw("<p class=\"t-risk\">");
    fill(&mut paper.html, paper.words.lengths_differ, &pieces);
    paper.html.raw("</p>");
}

/// `12 m to 340 m`.
fn stretch(words: &Words, from: &str, to: &str) -> Html {
    let mut html = Html::default();
    fill(&mut html, words.to, &[("from", &plain(from)), ("to", &plain(to))]);
    html
}

fn stretches(paper: &mut Paper<'_>, spans: &[SpanDocument], slab: Option<&Slab>) {
    let words = paper.words;
    // A few of them stay together with what is advised.
    let class = if spans.len() > STRETCHES_KEPT { "" } else { "keep" };
    paper.html.raw("<section class=\"").raw(class).raw("\"><h2>").raw(words.stretches).raw("</h2>");
    if spans.is_empty() {
        paper.say(words.no_stretch);
        return paper.end();
    }
    let row = |span: &SpanDocument| -> Vec<Cell> {
        let bare = |value: f64| number(value.round());
        let length = span.from_m.zip(span.to_m).map(|(from, to)| to - from);
        // Seen from the end, what is nearer to it comes first.
        let behind = span.after_m.zip(length).map(|(after, length)| (after, after + length));
        let both = |ends: Option<(f64, f64)>| {
            ends.map_or_else(|| plain(NONE), |(from, to)| stretch(words, &bare(from), &metres(to)))
        };
        let when = stretch(words, &paper.time(span.from), &paper.until(span.from, span.to));
        vec![
            (both(span.from_m.zip(span.to_m)), "num"),
            (both(behind), "num"),
            (length.map_or_else(|| plain(NONE), |length| plain(&metres(length))), "num"),
            (when, "num"),
        ]
    };
    let rows: Vec<Vec<Cell>> = spans.iter().map(row).collect();
    let columns = [
        (words.from_begin, "num"),
        (words.from_end, "num"),
        (words.length, "num"),
        (words.when, "num"),
    ];
    paper.table(&columns, &rows);
    if let Some(slab) = slab {
        advice(paper, slab);
    }
    paper.end();
}

/// What to take off, with its arithmetic.
fn advice(paper: &mut Paper<'_>, slab: &Slab) {
    let words = paper.words;
    let html = &mut paper.html;
    html.raw("<div class=\"keep\"><h3>").raw(words.slab).raw("</h3><p>");
    let shown = |value: f64| plain(&metres(value));
    // What is printed adds up: whole metres, of which what is left is the difference.
    let (length, begin) = (slab.length_m.round(), slab.off_begin_m.round());
    let rest = length - begin;
    let end = if slab.left_m > 0.0 { slab.off_end_m.round().min(rest) } else { rest };
    let left = rest - end;
    let bad = (shown(slab.bad_m), plain(&fine_per_cent(slab.bad_m / slab.length_m)));
    let pieces = [
        ("length", &shown(length)),
        ("begin", &shown(begin)),
        ("end", &shown(end)),
        ("left", &shown(left)),
        ("bad", &bad.0),
        ("share", &bad.1),
    ];
    fill(html, if left > 0.0 { words.slab_advice } else { words.slab_all }, &pieces);
    html.raw("</p><p>");
    fill(html, words.slab_sum, &pieces);
    if let Some((left, bad)) = slab.left_kg.zip(slab.bad_kg) {
        let pieces = [("left", &plain(&kilograms(left))), ("bad", &plain(&kilograms(bad)))];
        html.raw(" ");
        fill(html, words.slab_mass, &pieces);
    }
    html.raw("</p>");
    if slab.more {
        html.raw("<p class=\"t-off\">").raw(words.slab_more).raw("</p>");
    }
    html.raw("</div>");
}

/// Bounds in one piece: `14.4 to 15.6`, `≥ 120`.
pub(super) fn bounds(words: &Words, low: Option<f64>, high: Option<f64>) -> Html {
    let mut html = Html::default();
    let shown = |limit: f64| plain(&declared(limit));
    match (low, high) {
        (Some(low), Some(high)) => return stretch(words, &declared(low), &declared(high)),
        (Some(low), None) => fill(&mut html, words.at_least, &[("limit", &shown(low))]),
        (None, Some(high)) => fill(&mut html, words.at_most, &[("limit", &shown(high))]),
        (None, None) => {
            html.raw(NONE);
        }
    }
    html
}

/// All that is asked of a tag or property.
pub(super) fn limits(words: &Words, asked: &Asked) -> Html {
    let mut parts = Vec::new();
    if asked.low.is_some() || asked.high.is_some() {
        parts.push(bounds(words, asked.low, asked.high));
    }
    let named = |bounded: Option<Bounds>, sentence: &'static str| {
        let Bounds { low, high } = bounded?;
        let mut html = Html::default();
        fill(&mut html, sentence, &[("bounds", &bounds(words, low, high))]);
        Some(html)
    };
    parts.extend(named(asked.mean, words.mean_limits));
    parts.extend(named(asked.single, words.single_limits));
    let mut html = Html::default();
    if parts.is_empty() {
        html.raw(NONE);
    }
    for (ix, part) in parts.iter().enumerate() {
        html.raw(if ix > 0 { "<br>" } else { "" }).piece(part);
    }
    html
}

fn quality(paper: &mut Paper<'_>, sections: &SectionsRecord, asked: &[Asked]) {
    let words = paper.words;
    let rows = sections.quality.iter().map(|of| {
        let asked = asked.iter().find(|asked| asked.name == of.tag);
        let out = plain(&fine_per_cent(of.out));
        vec![
            (name(&of.tag), ""),
            (name(asked.map_or("", |asked| &asked.unit)), "keepline"),
            (asked.map_or_else(|| plain(NONE), |asked| limits(words, asked)), "keepline"),
            (plain(&number(of.mean)), "num"),
            (numeral(of.deviation), "num"),
            (plain(&number(of.least)), "num"),
            (plain(&number(of.greatest)), "num"),
            (out, if of.out > 0.0 { "num t-off" } else { "num" }),
            (plain(&per_cent(of.seen)), "num"),
        ]
    });
    let rows: Vec<Vec<Cell>> = rows.collect();
    paper.begin(words.quality);
    let columns = [
        (words.tag, ""),
        (words.unit, ""),
        (words.limits, ""),
        (words.mean, "num"),
        (words.deviation, "num"),
        (words.least, "num"),
        (words.greatest, "num"),
        (words.outside, "num"),
        (words.seen, "num"),
    ];
    paper.table(&columns, &rows);
    paper.end();
}

fn laboratory(
    paper: &mut Paper<'_>,
    properties: &[PropertyOfSheet],
    foretold: &[ForetoldProperty],
) {
    let words = paper.words;
    paper.begin(words.laboratory);
    if properties.is_empty() {
        paper.say(words.no_laboratory);
        return paper.end();
    }
    let told = |property: &str| foretold.iter().find(|foretold| *foretold.property == *property);
    let any_told = properties.iter().any(|of| told(&of.asked.name).is_some());
    let any_method = properties.iter().any(|of| of.asked.method.is_some());
    let row = |of: &PropertyOfSheet| -> Vec<Cell> {
        let asked = &of.asked;
        let (inside, class) = match of.inside {
            Some(true) => (words.yes, "t-ok"),
            Some(false) => (words.no, "t-off"),
            None => (NONE, ""),
        };
        let value = match of.value {
            Some(value) => plain(&number(value)),
            None => plain(words.no_result),
        };
        let mut row = vec![(name(&asked.name), "")];
        if any_method {
            row.push((name(asked.method.as_deref().unwrap_or(NONE)), ""));
        }
        row.extend([
            (name(&asked.unit), "keepline"),
            (limits(words, asked), "keepline"),
            (value, "num"),
            (plain(inside), class),
            (results(paper, of), ""),
        ]);
        if any_told {
            let mut html = Html::default();
            match told(&asked.name) {
                Some(ForetoldProperty { predicted, interval: [from, to], .. }) => {
                    html.text(&number(*predicted)).raw(" <small>");
                    let ends = [("from", &plain(&number(*from))), ("to", &plain(&number(*to)))];
                    fill(&mut html, words.interval, &ends);
                    html.raw("</small>");
                }
                None => {
                    html.raw(NONE);
                }
            }
            row.push((html, "num"));
        }
        row
    };
    let rows: Vec<Vec<Cell>> = properties.iter().map(row).collect();
    let mut columns = vec![(words.property, "")];
    if any_method {
        columns.push((words.method, ""));
    }
    columns.extend([
        (words.unit, ""),
        (words.limits, ""),
        (words.value, "num"),
        (words.inside, ""),
        (words.results, ""),
    ]);
    if any_told {
        columns.push((words.soft_sensor, "num"));
    }
    paper.table(&columns, &rows);
    paper.end();
}

/// Each result, with its position and time.
fn results(paper: &Paper<'_>, of: &PropertyOfSheet) -> Html {
    let mut html = Html::default();
    for (ix, result) in of.results.iter().enumerate() {
        html.raw(if ix > 0 { "<br>" } else { "" });
        if let Some(position) = &result.position {
            html.name(position).raw(": ");
        }
        html.text(&number(result.value)).raw(" <small>");
        html.text(&paper.time(result.ts)).raw("</small>");
    }
    if of.results.is_empty() {
        html.raw(NONE);
    }
    html
}

fn people(paper: &mut Paper<'_>, sheet: &SheetRecord) {
    let words = paper.words;
    paper.begin(words.people);
    let who = |by: Option<&Arc<str>>| by.map_or_else(|| plain(NONE), |by| name(by));
    let mut told: Vec<(i64, Vec<Cell>)> = Vec::new();
    for done in &sheet.actions {
        let at = plain(&paper.time(done.ts));
        let by = who(done.by.as_ref());
        told.push((
            done.ts,
            vec![(at, "keepline"), (name(&done.text), ""), (by, ""), (plain(""), "")],
        ));
    }
    for Decided { ts, disposition: decided, by, note } in &sheet.dispositions {
        let mut what = Html::default();
        fill(
            &mut what,
            words.decided,
            &[("what", &plain(paper.settings.language.disposition(*decided)))],
        );
        let note = note.as_deref().map_or_else(|| plain(""), name);
        let at = plain(&paper.time(*ts));
        told.push((*ts, vec![(at, "keepline"), (what, ""), (who(by.as_ref()), ""), (note, "")]));
    }
    told.sort_by_key(|(ts, _)| *ts);
    if told.is_empty() {
        paper.say(words.no_people);
    } else {
        let rows: Vec<Vec<Cell>> = told.into_iter().map(|(_, row)| row).collect();
        let columns = [(words.when, ""), (words.what, ""), (words.who, ""), (words.note, "")];
        paper.table(&columns, &rows);
    }
    paper.end();
}

fn lineage(paper: &mut Paper<'_>, genealogy: &Genealogy) {
    let words = paper.words;
    paper.begin(words.genealogy);
    if genealogy.sources.is_empty() && genealogy.products.is_empty() {
        paper.say(words.no_genealogy);
        return paper.end();
    }
    let row = |step: &Step, sources: bool| -> Vec<Cell> {
        let (of, with) =
            if sources { (&step.source, &step.batch) } else { (&step.batch, &step.source) };
        let place = if sources {
            step.from_m.zip(step.to_m)
        } else {
            step.source_from_m.zip(step.source_to_m)
        };
        let place = match place {
            Some((from, to)) => stretch(words, &number(from.round()), &metres(to)),
            None if step.merged => plain(words.merged),
            None => plain(NONE),
        };
        let mass = step.mass_kg.map_or_else(|| plain(NONE), |kg| amount(kg.round(), "kg"));
        vec![(name(of), ""), (name(with), ""), (place, "num"), (mass, "num")]
    };
    for (steps, heading, sources) in
        [(&genealogy.sources, words.made_of, true), (&genealogy.products, words.became, false)]
    {
        if steps.is_empty() {
            continue;
        }
        let rows: Vec<Vec<Cell>> = steps.iter().map(|step| row(step, sources)).collect();
        let columns =
            [(heading, ""), (words.of_batch, ""), (words.metres_of, "num"), (words.mass, "num")];
        paper.table(&columns, &rows);
    }
    if genealogy.more {
        paper.say(words.more);
    }
    paper.end();
}

//! The batch drawn from its begin to its end: lanes of what was wrong where, and the score and each quality tag under them on the
//! same axis; the same as words and as a table.

use super::super::face;
use super::super::format::{
    Clock, NONE, NUMBERS, WORDS, at, bounds_of, heading, metres, number, per_cent, plain, ratio,
    time,
};
use super::super::html::Html;
use super::super::plot::{Group, LIMIT, Level, TARGET, Values};
use super::super::reader::Reader;
use super::reel::{Lane, Reel, Stretch, sections};
use super::words::Words;
use crate::engine::Asked;
use crate::plant::Bounds;
use crate::report::BatchData;
use crate::verdict::SectionDocument;
use crate::words::fill;
use crate::words::number::declared;

/// Quality tags that are drawn at most; all of them stand in the table.
const TAGS_MAX: usize = 12;
/// Stretches that are named beside a lane.
const NAMED: usize = 4;
/// The scale of scores reaches at least this, so that the limit is never at the edge.
const SCORE_MIN: f64 = 1.2;
/// A stretch is at least so wide, of the whole, so that it is seen.
const SEEN: f64 = 0.002;

/// The hatches of the lanes, so that none is told by its colour alone.
const HATCHES: &str = "<svg class=\"hatches\" aria-hidden=\"true\" width=\"0\" height=\"0\"><defs>\
     <pattern id=\"hatch-affected\" width=\"8\" height=\"8\" patternUnits=\"userSpaceOnUse\" patternTransform=\"rotate(45)\">\
     <rect width=\"8\" height=\"8\" class=\"a\"/><path d=\"M0 0V8\" class=\"b\"/></pattern>\
     <pattern id=\"hatch-outside\" width=\"6\" height=\"6\" patternUnits=\"userSpaceOnUse\" patternTransform=\"rotate(45)\">\
     <rect width=\"6\" height=\"6\" class=\"a\"/><path d=\"M0 0V6M0 0H6\" class=\"b\"/></pattern>\
     <pattern id=\"hatch-flagged\" width=\"6\" height=\"6\" patternUnits=\"userSpaceOnUse\" patternTransform=\"rotate(-45)\">\
     <rect width=\"6\" height=\"6\" class=\"a\"/><path d=\"M0 0V6\" class=\"b\"/></pattern>\
     <pattern id=\"hatch-unseen\" width=\"6\" height=\"6\" patternUnits=\"userSpaceOnUse\">\
     <rect width=\"6\" height=\"6\" class=\"a\"/><circle cx=\"2\" cy=\"2\" r=\"1.1\" class=\"b\"/></pattern>\
     </defs></svg>";

/// How a lane is drawn: its class and its hatch.
fn drawn(lane: Lane) -> (&'static str, &'static str) {
    match lane {
        Lane::Affected => ("affected", "url(#hatch-affected)"),
        Lane::Outside => ("outside", "url(#hatch-outside)"),
        Lane::Flagged => ("flagged", "url(#hatch-flagged)"),
        Lane::Unseen => ("unseen", "url(#hatch-unseen)"),
        Lane::Paused => ("paused", "currentColor"),
    }
}

/// The panel's content.
pub(super) fn content(html: &mut Html, data: &BatchData, reader: Reader) {
    let words = Words::of(reader.language);
    html.raw("<h3>").raw(words.along).raw("</h3>");
    let Some(reel) = Reel::of(data) else {
        html.raw("<p class=\"muted\">").raw(words.nothing_along).raw("</p>");
        return;
    };
    let cells = reel.cells();
    let label = if reel.in_metres() { words.along_metres } else { words.along_time };
    let moment = reader.steps(&["lines", &data.record.line, "moment"], &[]);
    let group = Group { id: "along", axis: reel.axis, cells: &cells, moment, label, then: None };
    html.raw(HATCHES);
    group.begin(html, reader);
    if reel.in_metres() {
        group.metres(html, true, reader);
    }
    for lane in Lane::ALL {
        strip(html, &reel, lane, reader);
    }
    let mut all = Vec::new();
    score(html, (&group, data), &mut all, words);
    for asked in tags(data) {
        tag(html, (&group, data), asked, &mut all, words);
    }
    group.axis(html, reader);
    group.end(html, &all);
    if !cells.is_empty() {
        if all.len() > 1 {
            html.raw("<p class=\"muted\">").raw(words.mean_and_range).raw("</p>");
        }
        table(html, data, reader);
    }
}

/// The quality tags that are drawn: those with values along the batch.
fn tags(data: &BatchData) -> impl Iterator<Item = &Asked> {
    let has = |asked: &&Asked| {
        sections(data).iter().any(|section| section.quality.contains_key(&asked.name))
    };
    data.sheet.iter().flat_map(|sheet| &sheet.spec).filter(has).take(TAGS_MAX)
}

/// A lane: its words, which say where its stretches are, and its drawing.
fn strip(html: &mut Html, reel: &Reel<'_>, lane: Lane, reader: Reader) {
    let words = Words::of(reader.language);
    let stretches = reel.lane(lane);
    let name = match lane {
        Lane::Affected => words.affected,
        Lane::Outside => words.outside_lane,
        Lane::Flagged => words.flagged_lane,
        Lane::Unseen => words.unseen_lane,
        Lane::Paused => words.paused_lane,
    };
    // What is nowhere needs a line only where somebody looks for it.
    if !reel.knows(lane) || stretches.is_empty() && matches!(lane, Lane::Unseen | Lane::Paused) {
        return;
    }
    let (class, hatch) = drawn(lane);
    html.raw("<div class=\"lane ").raw(class).raw("\"><p><svg class=\"swatch\" aria-hidden=\"true\"><rect class=\"bar\" width=\"100%\" height=\"100%\" fill=\"");
    html.raw(hatch).raw("\"/></svg><b>").raw(name).raw("</b> <span>");
    html.piece(&told(reel, &stretches, reader))
        .raw("</span></p><div class=\"clip\"><svg class=\"wide\" aria-hidden=\"true\">");
    for (from, to) in &stretches {
        let (from, to) = (reel.axis.part(*from), reel.axis.part(*to));
        let wide = (to - from).max(SEEN);
        html.raw("<rect class=\"bar\" fill=\"").raw(hatch).raw("\" height=\"100%\" x=\"");
        html.precise(from.min(1.0 - wide) * 100.0).raw("%\" width=\"").precise(wide * 100.0);
        html.raw("%\"/>");
    }
    html.raw("</svg></div></div>");
}

/// Where stretches are, in words.
fn told(reel: &Reel<'_>, stretches: &[Stretch], reader: Reader) -> Html {
    let words = Words::of(reader.language);
    if stretches.is_empty() {
        return plain(words.nowhere);
    }
    let mut places = Html::default();
    for (ix, stretch) in stretches.iter().take(NAMED).enumerate() {
        places.raw(if ix > 0 { words.comma } else { "" }).piece(&place(reel, *stretch, reader));
    }
    if stretches.len() > NAMED {
        places.raw(words.comma);
        let more = plain(&(stretches.len() - NAMED).to_string());
        fill(&mut places, words.and_more, &[("n", &more)]);
    }
    let length: f64 = stretches.iter().map(|(from, to)| to - from).sum();
    if length <= 0.0 {
        return places;
    }
    let whole = reel.axis.to - reel.axis.from;
    let amount = if reel.in_metres() { metres(length) } else { reader.duration(whole_ms(length)) };
    let mut html = Html::default();
    let pieces = [
        ("amount", &plain(&amount)),
        ("share", &plain(&per_cent(length / whole))),
        ("where", &places),
    ];
    fill(&mut html, words.share, &pieces);
    html
}

#[expect(clippy::cast_possible_truncation, reason = "a float to integer cast stops at the ends")]
fn whole_ms(ms: f64) -> i64 {
    ms as i64
}

/// `12 000 to 12 400 m`, or from when to when.
fn place(reel: &Reel<'_>, (from, to): Stretch, reader: Reader) -> Html {
    let words = Words::of(reader.language);
    let mut html = Html::default();
    if reel.in_metres() {
        let bare = |metres: f64| plain(&number(metres.round()));
        let sentence =
            if from.round() < to.round() { words.stretch_metres } else { words.at_metres };
        fill(&mut html, sentence, &[("from", &bare(from)), ("to", &bare(to))]);
    } else {
        let clock = |ms: f64| at(whole_ms(ms), Clock::Minutes, reader);
        fill(&mut html, words.stretch_time, &[("from", &clock(from)), ("to", &clock(to))]);
    }
    html
}

/// A chart with its heading, if it has a value.
fn chart(
    html: &mut Html,
    group: &Group<'_>,
    (name, beside): (&Html, &Html),
    (values, levels, label): (Values, &[Level], &Html),
    all: &mut Vec<Values>,
) {
    html.raw("<div class=\"chart\"><p><b>").piece(name).raw("</b> <small>").piece(beside);
    html.raw("</small>");
    Group::value(html, all.len());
    html.raw("</p>");
    group.plot(html, &values, (levels, None), label);
    html.raw("</div>");
    all.push(values);
}

fn score(
    html: &mut Html,
    (group, data): (&Group<'_>, &BatchData),
    all: &mut Vec<Values>,
    words: &'static Words,
) {
    let scores: Vec<Option<f64>> = sections(data).iter().map(|section| section.score).collect();
    let Some(max) = scores.iter().flatten().copied().reduce(f64::max) else { return };
    let levels = [
        Level { at: 1.0, open: LIMIT, sign: Some("") },
        Level { at: 0.0, open: "<line class=\"floor\"", sign: None },
        Level { at: SCORE_MIN, open: "<line class=\"none\"", sign: None },
    ];
    let mut label = Html::default();
    fill(&mut label, words.score_chart, &[("max", &plain(&ratio(max)))]);
    let values = Values { mean: scores, range: Vec::new() };
    let names = (&plain(words.score), &plain(words.one_is_limit));
    chart(html, group, names, (values, &levels, &label), all);
}

fn tag(
    html: &mut Html,
    (group, data): (&Group<'_>, &BatchData),
    asked: &Asked,
    all: &mut Vec<Values>,
    words: &'static Words,
) {
    let seen = |section: &SectionDocument| section.quality.get(&asked.name).copied();
    let values = Values {
        mean: sections(data).iter().map(|section| seen(section).map(|seen| seen.mean)).collect(),
        range: sections(data)
            .iter()
            .map(|section| seen(section).map(|seen| (seen.least, seen.greatest)))
            .collect(),
    };
    let ends = values.range.iter().flatten();
    let (low, high) = ends
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), (least, greatest)| {
            (low.min(*least), high.max(*greatest))
        });
    let mut label = Html::default();
    let pieces = [
        ("tag", &plain(&asked.name)),
        ("low", &plain(&number(low))),
        ("high", &plain(&number(high))),
    ];
    fill(&mut label, words.tag_chart, &pieces);
    let level = |at: Option<f64>, open, sign| at.map(|at| Level { at, open, sign: Some(sign) });
    let levels: Vec<Level> = [
        level(asked.target, TARGET, ""),
        level(asked.low, LIMIT, "≥ "),
        level(asked.high, LIMIT, "≤ "),
    ]
    .into_iter()
    .flatten()
    .collect();
    let (mut name, mut beside) = (Html::default(), Html::default());
    name.name(&asked.name);
    if !asked.unit.is_empty() {
        beside.name(&asked.unit).raw(" · ");
    }
    beside.piece(&limits(asked, words));
    chart(html, group, (&name, &beside), (values, &levels, &label), all);
}

/// Bounds in one piece: `14.4 to 15.6`, `≥ 120`.
fn bounds(Bounds { low, high }: Bounds, words: &'static Words) -> Html {
    let sentences = (words.range, words.at_least, words.at_most);
    bounds_of((low, high), declared, sentences).unwrap_or_else(|| plain(words.no_limit))
}

/// All that is asked of a tag or property.
pub(super) fn limits(asked: &Asked, words: &'static Words) -> Html {
    let mut parts = Vec::new();
    let named = |of: Bounds, sentence: &'static str| {
        let mut html = Html::default();
        fill(&mut html, sentence, &[("bounds", &bounds(of, words))]);
        html
    };
    if asked.low.is_some()
        || asked.high.is_some()
        || (asked.mean.is_none() && asked.single.is_none())
    {
        parts.push(bounds(Bounds { low: asked.low, high: asked.high }, words));
    }
    parts.extend(asked.mean.map(|of| named(of, words.of_mean)));
    parts.extend(asked.single.map(|of| named(of, words.of_single)));
    let mut html = Html::default();
    for (ix, part) in parts.iter().enumerate() {
        html.raw(if ix > 0 { words.comma } else { "" }).piece(part);
    }
    html
}

/// All of it as numbers.
fn table(html: &mut Html, data: &BatchData, reader: Reader) {
    let words = Words::of(reader.language);
    let sections = sections(data);
    let in_metres = sections.iter().all(|section| section.from_m.is_some());
    html.raw("<details id=\"along-table\"><summary>").raw(words.as_table).raw("</summary><div class=\"scroll\" data-keep id=\"along-scroll\" tabindex=\"0\" role=\"region\" aria-label=\"");
    html.raw(words.as_table).raw("\"><table><thead><tr>");
    if in_metres {
        heading(html, NUMBERS, words.from);
        heading(html, NUMBERS, words.to);
    }
    heading(html, NUMBERS, words.when);
    heading(html, WORDS, words.call);
    heading(html, NUMBERS, words.score);
    let asked: Vec<&Asked> = tags(data).collect();
    for asked in &asked {
        html.raw("<th scope=\"col\" class=\"num\">").name(&asked.name).raw("</th>");
    }
    html.raw("</tr></thead><tbody>");
    for section in sections {
        let face = face::of_call(section.call, reader);
        html.raw("<tr class=\"").raw(face.class).raw("\">");
        if in_metres {
            for end in [section.from_m, section.to_m] {
                html.raw("<td class=\"num\">");
                html.text(&end.map_or_else(|| NONE.into(), metres)).raw("</td>");
            }
        }
        html.raw("<td class=\"num\">");
        time(html, section.from, Clock::Minutes, reader);
        html.raw("</td><td><span class=\"mark\">").icon(face.symbol).raw(face.word);
        html.raw("</span></td><td class=\"num\">");
        html.text(&section.score.map_or_else(|| NONE.into(), ratio)).raw("</td>");
        for asked in &asked {
            html.raw("<td class=\"num\">");
            match section.quality.get(&asked.name) {
                Some(seen) => {
                    html.text(&number(seen.mean)).raw(" <small>");
                    let ends = [
                        ("low", &plain(&number(seen.least))),
                        ("high", &plain(&number(seen.greatest))),
                    ];
                    fill(html, words.range, &ends);
                    html.raw("</small>");
                }
                None => {
                    html.raw(NONE);
                }
            }
            html.raw("</td>");
        }
        html.raw("</tr>");
    }
    html.raw("</tbody></table></div></details>");
}

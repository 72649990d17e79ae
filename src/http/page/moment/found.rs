//! What was known at a moment: reasons, statistics, tags by their areas, limits, chances.

use super::super::course::found::shares;
use super::super::format::{
    Clock, NONE, NUMBERS, WORDS, bounds_of, fine_per_cent, heading, name, number, per_cent, plain,
    quantity, time,
};
use super::super::html::Html;
use super::super::reader::Reader;
use super::super::{decision, links};
use super::Shown;
use super::words::Words;
use crate::engine::{Explanation, QualityView, StatisticView};
use crate::http::Moment;
use crate::reading::side_by_side;
use crate::verdict::{Document, Mover, Reason};
use crate::words::fill;
use crate::words::number::declared;
use crate::words::reason::{ending, reason};
use std::sync::Arc;

/// Names in a row.
fn names<'a>(all: impl Iterator<Item = &'a Arc<str>>, words: &'static Words) -> Html {
    let mut html = Html::default();
    for (ix, one) in all.enumerate() {
        html.raw(if ix > 0 { words.comma } else { "" }).name(one);
    }
    html
}

/// Why it is flagged, or why it is not.
pub(super) fn why(html: &mut Html, shown: &Shown<'_>, known: &Moment, reader: Reader) {
    let words = Words::of(reader.language);
    let explanation = &known.explanation;
    let document = explanation.verdict.as_ref();
    let speaks = |document: &&Document| document.verdict.is_flag() || !document.reasons.is_empty();
    let flagged = document.filter(speaks);
    html.raw("<div class=\"panel\"><h3>");
    html.raw(if flagged.is_some() { words.why } else { words.why_no_alarm }).raw("</h3>");
    match (flagged, document) {
        (Some(document), _) => reasons(html, shown, explanation, document, reader),
        (None, Some(document)) => not_flagged(html, explanation, document, words),
        (None, None) => {
            html.raw("<p>").raw(words.nothing_said).raw("</p>");
        }
    }
    if !explanation.sick.is_empty() {
        let mut tags = Html::default();
        for (ix, (tag, fault)) in explanation.sick.iter().enumerate() {
            tags.raw(if ix > 0 { words.comma } else { "" }).name(tag).raw(" <small>");
            tags.piece(&reader.language.fault_named(fault).html()).raw("</small>");
        }
        html.raw("<p>");
        fill(html, words.sick, &[("tags", &tags)]);
        html.raw("</p>");
    }
    html.raw("</div>");
}

fn reasons(
    html: &mut Html,
    shown: &Shown<'_>,
    explanation: &Explanation,
    document: &Document,
    reader: Reader,
) {
    let unit = |tag: &str| -> Arc<str> {
        let of_quality = explanation.quality.iter().find(|known| *known.tag == *tag);
        let of_line = || shown.line.tags.iter().find(|known| *known.id == *tag);
        match (of_quality, of_line()) {
            (Some(known), _) => Arc::clone(&known.unit),
            (None, Some(known)) => Arc::clone(&known.unit),
            (None, None) => "".into(),
        }
    };
    html.raw("<ol class=\"reasons\">");
    for one in &document.reasons {
        html.raw("<li><p>").piece(&reason(reader.language, one, unit).html()).raw("</p>");
        shares(html, one, reader);
        html.raw("</li>");
    }
    html.raw("</ol>");
    let words = Words::of(reader.language);
    if document.similar.is_empty() {
        return;
    }
    html.raw("<h3>").raw(words.similar).raw("</h3><ul class=\"plain\">");
    for one in &document.similar {
        html.raw("<li>");
        links::batch(html, &document.line, &one.batch, reader);
        html.raw(" <small>").text(&per_cent(one.likeness)).raw("</small> ");
        html.piece(&ending(reader.language, one).html()).raw("</li>");
    }
    html.raw("</ul>");
}

fn not_flagged(
    html: &mut Html,
    explanation: &Explanation,
    document: &Document,
    words: &'static Words,
) {
    html.raw("<ol class=\"reasons\">");
    let mut say = |sentence: &'static str, pieces: &[(&str, &Html)]| {
        html.raw("<li><p>");
        fill(html, sentence, pieces);
        html.raw("</p></li>");
    };
    if let Some(learning) = document.learning {
        let sentence = if learning.borrowed { words.learning_borrowed } else { words.learning };
        let of = |n: u32| plain(&n.to_string());
        say(sentence, &[("have", &of(learning.have)), ("need", &of(learning.need))]);
    }
    if let Some(state) = &document.state {
        let word = match &**state {
            "paused" => plain(words.paused),
            "settling" => plain(words.settling),
            "grade-change" => plain(words.grade_change),
            other => name(other),
        };
        say(words.unsteady, &[("state", &word)]);
    }
    match explanation.score() {
        Some(score) => say(words.score, &[("score", &plain(&format!("{score:.2}")))]),
        None if document.learning.is_none_or(|learning| learning.borrowed) => {
            say(words.not_judged, &[]);
        }
        None => {}
    }
    if !explanation.guarded.is_empty() && explanation.score().is_some_and(|score| score > 1.0) {
        say(words.guarded, &[("tags", &names(explanation.guarded.iter(), words))]);
    }
    let inside = |one: &&QualityView| one.value.is_some() && one.out_since.is_none();
    let tags: Vec<&Arc<str>> =
        explanation.quality.iter().filter(inside).map(|one| &one.tag).collect();
    if !tags.is_empty() {
        say(words.inside, &[("tags", &names(tags.into_iter(), words))]);
    }
    html.raw("</ol>");
}

/// The statistics against their limits, with the digits of `onspec explain`.
pub(super) fn statistics(html: &mut Html, known: &Moment, reader: Reader) {
    let words = Words::of(reader.language);
    let explanation = &known.explanation;
    html.raw("<div class=\"panel\"><h3>").raw(words.statistics).raw("</h3>");
    if explanation.statistics.is_empty() {
        html.raw("<p class=\"muted\">").raw(words.no_statistic).raw("</p>");
    } else {
        html.raw("<table class=\"movers statistics\"><thead><tr>");
        heading(html, WORDS, words.statistic);
        for word in [words.value, words.limit, words.share] {
            heading(html, NUMBERS, word);
        }
        heading(html, WORDS, words.judges);
        html.raw("</tr></thead><tbody>");
        for one in &explanation.statistics {
            statistic(html, one, words);
        }
        html.raw("</tbody></table>");
    }
    if let Some(model) = &explanation.model {
        let mut told = Html::default();
        reader.english_name(&mut told, model);
        html.raw("<p class=\"muted\">");
        fill(html, words.model, &[("model", &told)]);
        html.raw("</p>");
    }
    html.raw("</div>");
}

fn statistic(html: &mut Html, one: &StatisticView, words: &'static Words) {
    let share = one.value / one.limit;
    let over = one.judges && share > 1.0;
    html.raw(if over { "<tr class=\"is-risk\">" } else { "<tr>" });
    html.raw("<th scope=\"row\"><code>").text(one.model).raw(" ").text(one.statistic);
    html.raw("</code></th><td class=\"num\">").text(&format!("{:.3}", one.value));
    html.raw("</td><td class=\"num\">").text(&format!("{:.3}", one.limit));
    html.raw("</td><td class=\"num\"><span class=\"mark\">");
    if over {
        html.icon("risk");
    }
    html.text(&format!("{share:.2}")).raw("</span></td><td>");
    html.raw(if one.judges { words.yes } else { words.no }).raw("</td></tr>");
}

/// The tags that are furthest from what the others tell of them, by area: that with the furthest one first.
pub(super) fn tags(html: &mut Html, known: &Moment, reader: Reader) {
    let words = Words::of(reader.language);
    let explanation = &known.explanation;
    if explanation.tags.is_empty() {
        return;
    }
    let document = explanation.verdict.as_ref();
    let mut areas: Vec<(Option<&Arc<str>>, Vec<&Mover>)> = Vec::new();
    for mover in &explanation.tags {
        match areas.iter_mut().find(|(area, _)| *area == mover.area.as_ref()) {
            Some((_, tags)) => tags.push(mover),
            None => areas.push((mover.area.as_ref(), vec![mover])),
        }
    }
    html.raw("<div class=\"panel\"><h3>").raw(words.tags).raw("</h3>");
    if let Some(first) = document.and_then(|document| document.first_mover.as_ref()) {
        let mut tag = Html::default();
        tag.raw("<b>").name(first).raw("</b>");
        html.raw("<p>");
        fill(html, words.first_mover, &[("tag", &tag)]);
        html.raw("</p>");
    }
    html.raw("<table class=\"movers by-area\"><thead><tr>");
    heading(html, WORDS, words.tag);
    for word in
        [words.contributes, words.was, words.expected, words.ratio, words.since_when, words.arrives]
    {
        heading(html, NUMBERS, word);
    }
    html.raw("</tr></thead>");
    let named = areas.iter().any(|(area, _)| area.is_some());
    for (area, tags) in &areas {
        html.raw("<tbody>");
        if named {
            html.raw("<tr class=\"area\"><th scope=\"rowgroup\">");
            match area {
                Some(area) => html.name(area),
                None => html.raw(words.no_area),
            };
            html.raw("</th><td class=\"num\">");
            let of_area = area.and_then(|area| share(document, area, true));
            html.text(&of_area.map_or_else(String::new, per_cent));
            html.raw("</td><td colspan=\"5\"></td></tr>");
        }
        for mover in tags {
            tag(html, mover, share(document, &mover.tag, false), reader);
        }
        html.raw("</tbody>");
    }
    html.raw("</table></div>");
}

/// The greatest share that a tag, or an area, has in what a monitor saw.
fn share(document: Option<&Document>, of: &str, is_area: bool) -> Option<f64> {
    let reasons = document.into_iter().flat_map(|document| &document.reasons);
    let found = reasons.filter_map(|reason| match reason {
        Reason::Process { tags, areas, .. } => {
            let all = if is_area { areas } else { tags };
            all.iter().find(|(name, _)| **name == *of).map(|(_, share)| *share)
        }
        _ => None,
    });
    found.reduce(f64::max)
}

#[expect(clippy::cast_possible_truncation, reason = "a float to integer cast stops at the ends")]
fn tag(html: &mut Html, mover: &Mover, share: Option<f64>, reader: Reader) {
    let words = Words::of(reader.language);
    html.raw(if mover.ratio >= 1.0 { "<tr>" } else { "<tr class=\"with\">" });
    html.raw("<th scope=\"row\">").name(&mover.tag);
    if let Some(over_s) = mover.over_s {
        let span = plain(&reader.duration((over_s * 1000.0) as i64));
        html.raw(" <small>");
        fill(html, words.change, &[("span", &span)]);
        html.raw("</small>");
    }
    let (value, expected) = side_by_side(mover.value, mover.expected);
    html.raw("</th><td class=\"num\">");
    html.text(&share.map_or_else(|| NONE.into(), per_cent)).raw("</td><td class=\"num\">");
    html.text(&value).raw("</td><td class=\"num\">").text(&expected);
    if let Some(unit) = &mover.unit {
        html.raw(" <small>").name(unit).raw("</small>");
    }
    html.raw("</td><td class=\"num\">").text(&format!("{:.2}", mover.ratio));
    html.raw("</td><td class=\"num\">");
    time(html, mover.since, Clock::Minutes, reader);
    html.raw("</td><td class=\"num\">");
    match mover.arrives {
        Some(arrives) => time(html, arrives, Clock::Minutes, reader),
        None => {
            html.raw(NONE);
        }
    }
    html.raw("</td></tr>");
}

/// `14.4 to 15.6`, with one end only where the other is open.
fn limits((low, high): (Option<f64>, Option<f64>), words: &'static Words) -> Html {
    let sentences = (words.range, words.at_least, words.at_most);
    bounds_of((low, high), declared, sentences).unwrap_or_else(|| plain(NONE))
}

/// The quality tags against their limits; nothing of a grade without any.
pub(super) fn quality(html: &mut Html, known: &Moment, reader: Reader) {
    let words = Words::of(reader.language);
    let quality = &known.explanation.quality;
    if quality.is_empty() {
        return;
    }
    html.raw("<div class=\"panel\"><h3>").raw(words.quality);
    html.raw("</h3><table class=\"movers\"><thead><tr>");
    heading(html, WORDS, words.tag);
    for word in [words.value, words.limits, words.outside, words.outside_since] {
        heading(html, NUMBERS, word);
    }
    html.raw("</tr></thead><tbody>");
    for one in quality {
        html.raw(if one.out_since.is_some() { "<tr class=\"is-off\">" } else { "<tr>" });
        html.raw("<th scope=\"row\">").name(&one.tag).raw("</th><td class=\"num\">");
        html.raw("<span class=\"mark\">");
        if one.out_since.is_some() {
            html.icon("off");
        }
        match one.value {
            Some(value) => html.text(&quantity(value, &one.unit)),
            None => html.raw(words.not_seen),
        };
        html.raw("</span></td><td class=\"num\">").piece(&limits((one.low, one.high), words));
        html.raw("</td><td class=\"num\">").text(&fine_per_cent(one.share_out));
        html.raw("</td><td class=\"num\">");
        match one.out_since {
            Some(since) => time(html, since, Clock::Seconds, reader),
            None => {
                html.raw(NONE);
            }
        }
        html.raw("</td></tr>");
    }
    html.raw("</tbody></table></div>");
}

/// What soft sensors foretold, and what cost least; nothing where neither was told.
pub(super) fn chances(html: &mut Html, known: &Moment, reader: Reader) {
    let words = Words::of(reader.language);
    let Some(document) = &known.explanation.verdict else { return };
    if document.foretold.is_empty() && document.decision.is_none() {
        return;
    }
    html.raw("<div class=\"panel\"><h3>").raw(words.chances).raw("</h3>");
    if !document.foretold.is_empty() {
        html.raw("<table class=\"movers\"><thead><tr>");
        heading(html, WORDS, words.property);
        for word in [words.foretold, words.within, words.limits, words.outside_with] {
            heading(html, NUMBERS, word);
        }
        html.raw("</tr></thead><tbody>");
        for one in &document.foretold {
            let unit = one.unit.as_deref().unwrap_or_default();
            let [from, to] = one.interval.map(|end| plain(&number(end)));
            html.raw("<tr><th scope=\"row\">").name(&one.property).raw("</th><td class=\"num\">");
            html.text(&quantity(one.predicted, unit)).raw("</td><td class=\"num\">");
            fill(html, words.range, &[("low", &from), ("high", &to)]);
            html.raw("</td><td class=\"num\">").piece(&limits((one.low, one.high), words));
            html.raw("</td><td class=\"num\">");
            html.text(&one.probability.map_or_else(|| NONE.into(), per_cent)).raw("</td></tr>");
        }
        html.raw("</tbody></table>");
    }
    if let Some(told) = &document.decision {
        html.raw("<p>").raw(words.advice).raw(": ").piece(&decision::content(told, reader));
        html.raw("</p>");
    }
    html.raw("</div>");
}

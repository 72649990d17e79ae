//! How tags went around a moment: a small chart each, with what was expected at the moment and the limits of the grade.

use super::super::format::{Clock, NUMBERS, heading, number, plain, time};
use super::super::html::Html;
use super::super::plot::{Axis, Cell, Expected, Group, Kind, LIMIT, Level, Values};
use super::super::reader::Reader;
use super::Shown;
use super::words::Words;
use crate::http::Trend;
use crate::http::moment::cells as bins;
use crate::reading::Timestamp;
use crate::words::fill;

#[expect(clippy::cast_precision_loss, reason = "milliseconds of our time")]
fn ms(at: Timestamp) -> f64 {
    at.as_millis() as f64
}

/// The panel's content.
pub(super) fn content(html: &mut Html, shown: &Shown<'_>, reader: Reader) {
    let words = Words::of(reader.language);
    html.raw("<h3>").raw(words.trends).raw("</h3>");
    let (from, to) = shown.between;
    let axis = Axis::new(Kind::Time, ms(from), ms(to));
    let Some(axis) = axis.filter(|_| !shown.trends.is_empty()) else {
        html.raw("<p class=\"muted\">").raw(words.no_trend).raw("</p>");
        return;
    };
    let bins = bins(shown.trends);
    let cell = |(from, to): &(Timestamp, Timestamp)| Cell {
        ends: (ms(*from), ms(*to)),
        times: (from.as_millis(), to.as_millis()),
    };
    let cells: Vec<Cell> = bins.iter().map(cell).collect();
    let group = Group {
        id: "trends",
        axis,
        cells: &cells,
        moment: reader.steps(&["lines", &shown.line.name, "moment"], &[]),
        label: words.trends_label,
        then: Some(ms(shown.frame_end())),
    };
    group.begin(html, reader);
    let mut all = Vec::new();
    for trend in shown.trends {
        chart(html, shown, (&group, &bins), trend, &mut all, words);
    }
    group.axis(html, reader);
    group.end(html, &all);
    html.raw("<p class=\"muted\">").raw(words.trend_key).raw("</p>");
    table(html, shown.trends, (&bins, &all), reader);
}

fn chart(
    html: &mut Html,
    shown: &Shown<'_>,
    (group, bins): (&Group<'_>, &[(Timestamp, Timestamp)]),
    trend: &Trend,
    all: &mut Vec<Values>,
    words: &'static Words,
) {
    let of_bin = |(from, _): &(Timestamp, Timestamp)| {
        let ix = trend.bins.binary_search_by_key(from, |bin| bin.from).ok()?;
        Some(&trend.bins[ix])
    };
    let found: Vec<_> = bins.iter().map(of_bin).collect();
    let range = found.iter().map(|bin| bin.filter(|bin| bin.values > 1));
    let values = Values {
        mean: found.iter().map(|bin| bin.map(|bin| bin.mean)).collect(),
        range: range.map(|bin| bin.map(|bin| (bin.least, bin.greatest))).collect(),
    };
    let ends = trend.bins.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), bin| {
        (low.min(bin.least), high.max(bin.greatest))
    });
    let mut label = Html::default();
    let pieces = [
        ("tag", &plain(&trend.tag)),
        ("low", &plain(&number(ends.0))),
        ("high", &plain(&number(ends.1))),
    ];
    fill(&mut label, words.trend, &pieces);
    let explanation = shown.known.ok().map(|known| &known.explanation);
    let quality = explanation.and_then(|of| of.quality.iter().find(|one| one.tag == trend.tag));
    let level = |at: Option<f64>, sign| at.map(|at| Level { at, open: LIMIT, sign: Some(sign) });
    let levels = quality.map(|of| [level(of.low, "≥ "), level(of.high, "≤ ")]);
    let levels: Vec<Level> = levels.into_iter().flatten().flatten().collect();
    html.raw("<div class=\"chart\"><p><b>").name(&trend.tag).raw("</b>");
    if !trend.unit.is_empty() {
        html.raw(" <small>").name(&trend.unit).raw("</small>");
    }
    Group::value(html, all.len());
    html.raw("</p>");
    group.plot(html, &values, (&levels, expected(shown, &trend.tag)), &label);
    html.raw("</div>");
    all.push(values);
}

/// What a tag should have been at the moment, by the others; nothing of one that is judged by its change.
fn expected(shown: &Shown<'_>, tag: &str) -> Option<Expected> {
    let explanation = &shown.known.ok()?.explanation;
    let mover =
        explanation.tags.iter().find(|mover| *mover.tag == *tag && mover.over_s.is_none())?;
    let within = (mover.value - mover.expected).abs() / mover.ratio;
    let is_known = mover.ratio > 0.0 && within.is_finite() && mover.expected.is_finite();
    is_known.then(|| Expected { at: ms(shown.frame_end()), value: mover.expected, within })
}

/// All of it as numbers: the means.
fn table(
    html: &mut Html,
    trends: &[Trend],
    (bins, all): (&[(Timestamp, Timestamp)], &[Values]),
    reader: Reader,
) {
    let words = Words::of(reader.language);
    html.raw("<details id=\"trends-table\"><summary>").raw(words.as_table);
    html.raw("</summary><div class=\"scroll\" data-keep id=\"trends-scroll\" tabindex=\"0\" role=\"region\" aria-label=\"");
    html.raw(words.as_table).raw("\"><table><thead><tr>");
    heading(html, NUMBERS, words.when);
    for trend in trends {
        html.raw("<th scope=\"col\" class=\"num\">").name(&trend.tag).raw("</th>");
    }
    html.raw("</tr></thead><tbody>");
    for (ix, (from, _)) in bins.iter().enumerate() {
        html.raw("<tr><td class=\"num\">");
        time(html, from.as_millis(), Clock::Seconds, reader);
        html.raw("</td>");
        for values in all {
            html.raw("<td class=\"num\">");
            html.text(&values.mean[ix].map_or_else(|| "–".into(), number)).raw("</td>");
        }
        html.raw("</tr>");
    }
    html.raw("</tbody></table></div></details>");
}

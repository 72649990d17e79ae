//! Control charts: the last points against their limits, how good those are, and what the process can do.

use super::chart::{level_word, marks, part};
use super::format::{Clock, count, duration, fine_per_cent, number, time};
use super::html::Html;
use super::scale::Scale;
use crate::engine::{Capability, ChartPoint, ChartView, Index, Kind, Limits, OnTrial, Rates};
use crate::plant::Every;
use crate::reading::{Count, side_by_side};
use std::fmt::Write as _;

/// The width of the plot, in its own units.
const WIDTH: f64 = 1000.0;

/// Draws one value of each point; nothing where there is none.
type Of = fn(&ChartPoint) -> Option<f64>;

/// What is drawn, in this order.
const CURVES: [(&str, Of); 6] = [
    ("<path class=\"limit\" d=\"", |point| Some(point.upper)),
    ("<path class=\"limit\" d=\"", |point| Some(point.lower)),
    ("<path class=\"centre\" d=\"", |point| Some(point.centre)),
    ("<path class=\"ewma-limit\" d=\"", |point| point.ewma.map(|ewma| ewma.upper)),
    ("<path class=\"ewma-limit\" d=\"", |point| point.ewma.map(|ewma| ewma.lower)),
    ("<path class=\"ewma\" d=\"", |point| point.ewma.map(|ewma| ewma.value)),
];

/// The panel's content.
pub(super) fn content(html: &mut Html, chart: &ChartView) {
    html.raw("<h3>").name(chart.of.name()).raw(" <small>").text(&kind(chart)).raw("</small></h3>");
    drawing(html, chart);
    let Some(limits) = &chart.limits else {
        waiting(html, chart);
        return;
    };
    html.raw("<dl class=\"facts\">");
    let (lower, upper) = limits.three_sigma();
    let (lower, upper) = side_by_side(lower, upper);
    let unit = &*chart.unit;
    fact(html, "Limits", &format!("{lower}–{upper} {unit}"));
    if let Some(capability) = &chart.capability {
        indices(html, capability);
    }
    signals(html, chart);
    html.raw("</dl><p class=\"muted\">").text(&origin(chart, limits)).raw(" since ");
    time(html, limits.valid_from.as_millis(), Clock::Day);
    html.raw(".");
    if let Some(trial) = &limits.trial {
        html.raw(" ").text(&on_trial(chart, trial));
    }
    html.raw("</p>");
}

/// What a point is, in words.
fn kind(chart: &ChartView) -> String {
    if chart.of.property().is_some() {
        return "laboratory, a value for each batch".to_owned();
    }
    let settings = &chart.charted.settings;
    let each = match chart.charted.every {
        Every::Time(every) => duration(i64::try_from(every.as_millis()).unwrap_or(i64::MAX)),
        Every::Batch => "a batch".to_owned(),
    };
    match settings.kind {
        Kind::Individuals => format!("mean of {each}"),
        kind => format!("subgroups of {} means of {each}", kind.readings()),
    }
}

/// Why nothing is judged yet.
fn waiting(html: &mut Html, chart: &ChartView) {
    html.raw("<p class=\"muted\">");
    let (have, need) = chart.batches;
    match chart.why.as_deref() {
        Some(why) => html.text(&sentence(why)),
        None => html.raw("No limits yet"),
    };
    html.raw(". Good batches: ").integer(have.into()).raw(", and at least ").integer(need.into());
    html.raw(" are needed.</p>");
}

/// With a capital letter.
fn sentence(words: &str) -> String {
    let mut chars = words.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}

/// What limits come from.
fn origin(chart: &ChartView, limits: &Limits) -> String {
    let points = count(limits.n.into());
    let mut words = format!("Version {}, from {points} points", limits.version);
    if limits.effective + 0.5 < f64::from(limits.n) {
        write!(words, " worth {} independent ones", number(limits.effective.round()))
            .expect("a string takes all");
    }
    write!(words, " of {}", Count(chart.of_batches, "good batch")).expect("a string takes all");
    if limits.trial.is_some() {
        words += ", on trial";
    } else if limits.provisional {
        words += ", provisional";
    }
    words + ","
}

/// What trial limits are worth.
fn on_trial(chart: &ChartView, trial: &OnTrial) -> String {
    let OnTrial { widened, rates } = trial;
    let mut words = format!(
        "So few points leave limits open: these are {widened:.2} times as wide as three sigma"
    );
    if let Some(Rates { low, high, .. }) = rates {
        let low = fine_per_cent(*low);
        let from =
            if low == fine_per_cent(0.0) { "at most".to_owned() } else { format!("{low} to") };
        write!(
            words,
            ", and in 95 of 100 such charts {from} {} of the points signal by chance",
            fine_per_cent(*high)
        )
        .expect("a string takes all");
    }
    words += ".";
    if chart.charted.settings.detectors().any(|by| !by.holds_on_trial()) {
        words += " Runs, spreads and sums signal from 100 independent points on.";
    }
    words
}

fn indices(html: &mut Html, capability: &Capability) {
    let indices = [
        ("Cp", capability.cp),
        ("Cpk", capability.cpk),
        ("Pp", capability.pp),
        ("Ppk", Some(capability.ppk)),
    ];
    for (name, index) in indices {
        let Some(Index { value, lower, upper }) = index else { continue };
        fact(html, name, &format!("{value:.2} ({lower:.2}–{upper:.2})"));
    }
}

/// How many points signal, beside how many would by chance.
fn signals(html: &mut Html, chart: &ChartView) {
    let (points, signals) = chart.points;
    if points == 0 {
        return;
    }
    let share = fine_per_cent(f64::from(signals) / f64::from(points));
    let mut words = format!("{signals} of {} ({share})", count(points.into()));
    let trial = chart.limits.as_ref().and_then(|limits| limits.trial);
    let by_chance = chart.charted.settings.run_length().map(|length| 1.0 / length);
    if let Some(rate) = trial.map_or(by_chance, |trial| trial.rates.map(|rates| rates.mean)) {
        write!(words, "; by chance {}", fine_per_cent(rate)).expect("a string takes all");
    }
    fact(html, "Signals", &words);
}

fn fact(html: &mut Html, term: &'static str, words: &str) {
    html.raw("<div><dt>").raw(term).raw("</dt><dd>").text(words.trim_end()).raw("</dd></div>");
}

/// The points with their limits; nothing of fewer than two.
fn drawing(html: &mut Html, chart: &ChartView) {
    let (Some(first), Some(last)) = (chart.recent.first(), chart.recent.last()) else { return };
    let (from, to) = (first.at.as_millis(), last.at.as_millis());
    let drawn = |point| CURVES.iter().filter_map(move |(_, of)| of(point));
    let all = chart.recent.iter().flat_map(|point| drawn(point).chain([point.value]));
    let Some(scale) = Scale::of(all).filter(|_| from < to) else { return };
    html.raw("<div class=\"plot control\"><svg role=\"img\" aria-label=\"");
    describe(html, chart, last);
    html.raw("\" viewBox=\"0 0 1000 100\" preserveAspectRatio=\"none\">");
    let x = |point: &ChartPoint| part(point.at.as_millis(), from, to);
    for (open, of) in CURVES {
        path(html, open, chart, of, (&scale, &x));
    }
    path(html, "<path class=\"value\" d=\"", chart, |point| Some(point.value), (&scale, &x));
    html.raw("</svg><svg class=\"levels\" aria-hidden=\"true\">");
    for point in chart.recent.iter().filter(|point| !point.marks.is_empty()) {
        html.raw("<circle r=\"4.5\" cx=\"").coordinate(x(point) * 100.0).raw("%\" cy=\"");
        html.coordinate(scale.down(point.value)).raw("%\"><title>");
        html.text(&marked(point)).raw("</title></circle>");
    }
    level_word(html, "<text class=\"limit-word\"", scale.down(first.upper), &number(first.upper));
    level_word(html, "<text class=\"limit-word\"", scale.down(first.lower), &number(first.lower));
    html.raw("</svg></div><svg class=\"axis\" aria-hidden=\"true\">");
    marks(html, from, to);
    html.raw("</svg><ul class=\"legend\"><li>Last <b>");
    html.text(&number(last.value)).raw("</b> ").name(&chart.unit).raw("</li>");
    if let Some(ewma) = last.ewma {
        html.raw("<li><svg class=\"swatch\" aria-hidden=\"true\" viewBox=\"0 0 28 8\"><path class=\"ewma\" ");
        html.raw("d=\"M0 4H28\"/></svg>EWMA <b>").text(&number(ewma.value)).raw("</b></li>");
    }
    html.raw("<li class=\"muted\">circles signal; they flag no batch</li></ul>");
}

/// A curve, broken where points are no neighbours.
fn path(
    html: &mut Html,
    open: &'static str,
    chart: &ChartView,
    of: Of,
    (scale, x): (&Scale, &dyn Fn(&ChartPoint) -> f64),
) {
    html.raw(open);
    let gap = chart.charted.settings.gap;
    let mut before: Option<&ChartPoint> = None;
    for point in &chart.recent {
        let Some(value) = of(point) else {
            before = None;
            continue;
        };
        let follows =
            before.is_some_and(|before| gap.is_none_or(|gap| before.at.plus(gap) >= point.at));
        html.raw(if follows { "L" } else { "M" });
        html.coordinate(x(point) * WIDTH).raw(" ").coordinate(scale.down(value));
        before = Some(point);
    }
    html.raw("\"/>");
}

/// What signals at a point, in words.
fn marked(point: &ChartPoint) -> String {
    let marks: Vec<String> = point.marks.iter().map(ToString::to_string).collect();
    let at = Clock::Minutes.utc(point.at.as_millis());
    let mut words = format!("{at} UTC: {}", marks.join(", "));
    if let Some(batch) = &point.batch {
        words = format!("{batch}, {words}");
    }
    if let Some(value) = point.corrected {
        write!(words, "; since corrected to {}", number(value)).expect("a string takes all");
    }
    words
}

fn describe(html: &mut Html, chart: &ChartView, last: &ChartPoint) {
    html.raw("Control chart of ")
        .text(chart.of.name())
        .raw(": at the end ")
        .text(&number(last.value));
    html.raw(" between ").text(&number(last.lower)).raw(" and ").text(&number(last.upper));
    let signals = chart.recent.iter().filter(|point| !point.marks.is_empty()).count();
    html.raw(", ").text(&signals.to_string()).raw(" of ");
    html.text(&chart.recent.len().to_string()).raw(" points signal");
}

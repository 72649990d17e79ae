//! Drawings: the trend of the statistics against their limits, and the strip of the batch.
//!
//! Positions across are per cent of the width and texts have their own size, so that a drawing fits
//! a phone and a wall without letters that shrink or stretch.

use super::format::{Clock, drawn_time, metres, number, plain, ratio};
use super::html::Html;
use super::reader::Reader;
use crate::engine::{LineView, TrendPoint};
use crate::verdict::{Call, SpanDocument};
use crate::words::{fill, table};

table! {
    score: "Score", "偏离指数";
    residual: "Residual", "残差";
    trend: "Trend against the limit of 1: {values}, at the end", "相对于限值 1 的趋势，末端：{values}";
    comma: ", ", "，";
    not_judged: "not judged", "未判定";
    limit: "limit", "限值";
    one_is_limit: "1 is the limit", "1 为限值";
    scale_ends: "1 is the limit; the scale ends at 6", "1 为限值；坐标到 6 为止";
    made: "{length} made", "已生产 {length}";
    to_come: "about {length} to come", "还剩约 {length}";
}

/// The height of the plot, in its own units.
const HEIGHT: f64 = 100.0;
/// The width of the plot, in its own units.
const WIDTH: f64 = 1000.0;
/// The scale reaches at least this, so that the limit is never at the edge.
const TOP_MIN: f64 = 1.6;
/// The scale reaches at most this; higher values run along the edge.
const TOP_MAX: f64 = 6.0;
/// The most time marks.
const MARKS_MAX: i64 = 6;

/// One line of the trend.
struct Series {
    name: fn(&Words) -> &'static str,
    class: &'static str,
    of: fn(&TrendPoint) -> Option<f64>,
}

/// Drawn in this order: the score is often one of the other two, which then lie on it.
const SERIES: [Series; 3] = [
    Series {
        name: |words| words.score,
        class: "score",
        of: |point| point.score.filter(|score| score.is_finite()),
    },
    Series { name: |_| "T²", class: "t2", of: |point| over(point.t2) },
    Series { name: |words| words.residual, class: "spe", of: |point| over(point.spe) },
];

/// A statistic over its limit.
fn over(pair: Option<(f64, f64)>) -> Option<f64> {
    let (value, limit) = pair?;
    let ratio = value / limit;
    (limit > 0.0 && ratio.is_finite()).then_some(ratio)
}

/// The trend, or nothing where fewer than two frames could be judged.
pub(super) fn trend(line: &LineView, reader: Reader) -> Option<Html> {
    let words = Words::of(reader.language);
    let (first, last) = (line.trend.first()?, line.trend.last()?);
    let (from, to) = (first.at.as_millis(), last.at.as_millis());
    let highest =
        |of: fn(&TrendPoint) -> Option<f64>| line.trend.iter().filter_map(of).reduce(f64::max);
    let highest = SERIES.iter().filter_map(|series| highest(series.of)).reduce(f64::max)?;
    if from >= to {
        return None;
    }
    let top = (highest * 1.1).clamp(TOP_MIN, TOP_MAX);
    let mut html = Html::default();
    html.raw("<div class=\"plot\"><svg role=\"img\" aria-label=\"");
    describe(&mut html, line, words);
    html.raw("\" viewBox=\"0 0 1000 100\" preserveAspectRatio=\"none\">");
    let x = |at: i64| part(at, from, to) * WIDTH;
    for span in line.verdict.iter().flat_map(|document| &document.spans) {
        band(&mut html, x(span.from), x(span.to));
    }
    let limit = height(1.0, top);
    html.raw("<rect class=\"over\" width=\"1000\" height=\"").coordinate(limit).raw("\"/>");
    for value in grid(top) {
        level(&mut html, "<line class=\"grid\"", height(value, top));
    }
    level(&mut html, "<line class=\"floor\"", HEIGHT);
    for series in &SERIES {
        html.raw("<path class=\"").raw(series.class).raw("\" d=\"");
        path(&mut html, line, series.of, top, x);
        html.raw("\"/>");
    }
    level(&mut html, "<line class=\"limit\"", limit);
    html.raw("</svg><svg class=\"levels\" aria-hidden=\"true\">");
    for value in grid(top) {
        level_word(&mut html, "<text", height(value, top), &number(value));
    }
    level_word(&mut html, "<text class=\"limit-word\"", limit, words.limit);
    html.raw("</svg></div><svg class=\"axis\" aria-hidden=\"true\">");
    marks(&mut html, from, to, reader);
    html.raw("</svg>");
    legend(&mut html, line, highest > top, words);
    Some(html)
}

/// How far below the top of the plot a value lies; what is beyond the scale runs along its edge.
fn height(value: f64, top: f64) -> f64 {
    HEIGHT - value.clamp(0.0, top) / top * HEIGHT
}

/// Whole multiples of the limit within the scale.
fn grid(top: f64) -> impl Iterator<Item = f64> {
    [2.0, 3.0, 4.0, 5.0].into_iter().filter(move |value| *value < top * 0.95)
}

fn level(html: &mut Html, open: &'static str, y: f64) {
    html.raw(open).raw(" x2=\"1000\" y1=\"").coordinate(y).raw("\" y2=\"").coordinate(y);
    html.raw("\"/>");
}

pub(super) fn level_word(html: &mut Html, open: &'static str, y: f64, word: &str) {
    html.raw(open)
        .raw(" x=\"4\" dy=\"-5\" y=\"")
        .coordinate(y)
        .raw("%\">")
        .text(word)
        .raw("</text>");
}

/// Where an instant lies between two others, 0–1.
#[expect(clippy::cast_precision_loss, reason = "spans of hours in ms lie far below 2^52")]
pub(super) fn part(at: i64, from: i64, to: i64) -> f64 {
    if to <= from {
        return 0.0;
    }
    (at.saturating_sub(from) as f64 / to.saturating_sub(from) as f64).clamp(0.0, 1.0)
}

fn describe(html: &mut Html, line: &LineView, words: &'static Words) {
    let mut values = Html::default();
    for (ix, (series, value)) in latest(line, words).enumerate() {
        let text = value.map_or_else(|| words.not_judged.to_owned(), ratio);
        values.raw(if ix > 0 { words.comma } else { "" }).raw(series).raw(" ").text(&text);
    }
    fill(html, words.trend, &[("values", &values)]);
}

/// The last values.
fn latest(
    line: &LineView,
    words: &'static Words,
) -> impl Iterator<Item = (&'static str, Option<f64>)> {
    let last = line.trend.last();
    SERIES.iter().map(move |series| ((series.name)(words), last.and_then(series.of)))
}

fn band(html: &mut Html, from: f64, to: f64) {
    // A stretch outside the window has no width and is not drawn.
    if to > from {
        html.raw("<rect class=\"band\" x=\"").coordinate(from).raw("\" width=\"");
        html.coordinate(to - from).raw("\" height=\"100\"/>");
    }
}

/// The path of a series, broken where a frame could not be judged.
fn path(
    html: &mut Html,
    line: &LineView,
    of: fn(&TrendPoint) -> Option<f64>,
    top: f64,
    x: impl Fn(i64) -> f64,
) {
    let mut pen_down = false;
    for point in &line.trend {
        let Some(value) = of(point) else {
            pen_down = false;
            continue;
        };
        html.raw(if pen_down { "L" } else { "M" });
        html.coordinate(x(point.at.as_millis())).raw(" ");
        html.coordinate(height(value, top));
        pen_down = true;
    }
}

/// Round times below the plot.
pub(super) fn marks(html: &mut Html, from: i64, to: i64, reader: Reader) {
    const MINUTE: i64 = 60_000;
    const STEPS: [i64; 12] = [1, 2, 5, 10, 15, 30, 60, 120, 180, 360, 720, 1440];
    let span = to.saturating_sub(from);
    let step =
        STEPS.into_iter().map(|minutes| minutes * MINUTE).find(|step| span / step < MARKS_MAX);
    let step = step.unwrap_or_else(|| (span / MARKS_MAX).max(MINUTE));
    let clock = if span > 36 * 60 * MINUTE { Clock::Day } else { Clock::Minutes };
    let mut at = from.div_euclid(step).saturating_add(1).saturating_mul(step);
    while at <= to {
        let across = part(at, from, to) * 100.0;
        html.raw("<line x1=\"").coordinate(across).raw("%\" x2=\"").coordinate(across);
        html.raw("%\" y2=\"5\"/>");
        // A word at the very edge would be cut.
        html.raw(match across {
            0.0..5.0 => "<text class=\"first\"",
            95.0.. => "<text class=\"last\"",
            _ => "<text",
        });
        html.raw(" y=\"19\" x=\"").coordinate(across).raw("%\"");
        drawn_time(html, at, clock, reader);
        html.raw("</text>");
        at = at.saturating_add(step);
    }
}

fn legend(html: &mut Html, line: &LineView, cut: bool, words: &'static Words) {
    html.raw("<ul class=\"legend\">");
    for (series, (name, value)) in SERIES.iter().zip(latest(line, words)) {
        html.raw(
            "<li><svg class=\"swatch\" aria-hidden=\"true\" viewBox=\"0 0 28 8\"><path class=\"",
        );
        html.raw(series.class).raw("\" d=\"M0 4H28\"/></svg>").raw(name).raw(" <b>");
        html.text(&value.map_or_else(|| words.not_judged.to_owned(), ratio)).raw("</b></li>");
    }
    html.raw("<li class=\"muted\">");
    html.raw(if cut { words.scale_ends } else { words.one_is_limit }).raw("</li></ul>");
}

/// The strip of the batch in progress: what is made, what is still to come, and the stretches
/// affected. In metres where the batch is measured, else in time.
pub(super) fn strip(line: &LineView, reader: Reader) -> Option<Html> {
    let words = Words::of(reader.language);
    let (document, batch) = (line.verdict.as_ref()?, line.batch.as_ref()?);
    let started = batch.started.as_millis();
    let clock = line.clock?.max(started);
    let in_metres = |span: &SpanDocument| span.from_m.zip(span.to_m);
    let made_m = batch.length_m.filter(|made| made.is_finite() && *made > 0.0);
    let made_m = made_m.filter(|_| document.spans.iter().all(|span| in_metres(span).is_some()));
    let progress = document.progress.filter(|progress| *progress > 0.0 && *progress <= 1.0);
    let made = progress.unwrap_or(1.0);
    let mut html = Html::default();
    html.raw(
        "<svg class=\"strip\" aria-hidden=\"true\"><rect class=\"rest\" y=\"4\" width=\"100%\" ",
    );
    html.raw("height=\"18\"/><rect class=\"made\" y=\"4\" height=\"18\" width=\"");
    html.coordinate(made * 100.0).raw("%\"/>");
    let place = |(from, to): (i64, i64), metres: Option<(f64, f64)>| match (made_m, metres) {
        (Some(made_m), Some((from, to))) => (share(from, made_m), share(to, made_m)),
        _ => (part(from, started, clock), part(to, started, clock)),
    };
    let mut bar = |class: &'static str, across: &'static str, (from, to): (f64, f64)| {
        html.raw("<rect class=\"").raw(class).raw("\" ").raw(across).raw(" x=\"");
        html.coordinate(from * made * 100.0);
        // At least a visible line.
        html.raw("%\" width=\"").coordinate(((to - from) * made * 100.0).max(0.4)).raw("%\"/>");
    };
    for stretch in &line.stretches {
        let metres = stretch.from_m.zip(stretch.to_m);
        let class = match stretch.call {
            Call::OnSpec => "seen",
            Call::AtRisk => "warned",
            Call::OffSpec => "out",
            // What nobody saw is left as it is.
            Call::Unknown => continue,
        };
        bar(class, "y=\"4\" height=\"18\"", place((stretch.from, stretch.to), metres));
    }
    for span in &document.spans {
        bar("hit", "height=\"4\"", place((span.from, span.to), in_metres(span)));
    }
    html.raw("</svg><div class=\"strip-words\"><span>");
    let length = match made_m {
        Some(made_m) => metres(made_m),
        None => reader.duration(clock - started),
    };
    fill(&mut html, words.made, &[("length", &plain(&length))]);
    html.raw("</span>");
    if let Some(progress) = progress.filter(|progress| *progress < 1.0) {
        let length = match made_m {
            Some(made_m) => metres(rounded(made_m * (1.0 - progress) / progress)),
            None => reader.duration(left_ms(clock - started, progress)),
        };
        html.raw("<span>");
        fill(&mut html, words.to_come, &[("length", &plain(&length))]);
        html.raw("</span>");
    }
    html.raw("</div>");
    Some(html)
}

fn share(of: f64, whole: f64) -> f64 {
    if of.is_finite() { (of / whole).clamp(0.0, 1.0) } else { 0.0 }
}

/// An estimate has two digits, not five.
fn rounded(value: f64) -> f64 {
    let step = 10.0_f64.powf((value.max(1.0).log10().floor() - 1.0).max(0.0));
    (value / step).round() * step
}

#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    reason = "a batch in ms lies far below 2^52, and the estimate is rounded to minutes"
)]
fn left_ms(made_ms: i64, progress: f64) -> i64 {
    (made_ms as f64 * (1.0 - progress) / progress) as i64
}

#[cfg(test)]
mod tests {
    use super::super::super::fixture;
    use super::*;
    use crate::reading::Timestamp;
    use crate::verdict::SectionDocument;
    use crate::words::{Language, Locale};

    fn reader(language: Language) -> Reader {
        Reader::of(&Locale::default(), Some(language))
    }

    #[test]
    fn both_languages_say_everything() {
        crate::words::check(ALL, &[]);
    }

    fn with_trend(points: &[(i64, Option<f64>)]) -> LineView {
        let mut line = fixture::silent_line("tm3");
        line.trend = points
            .iter()
            .map(|(ms, score)| TrendPoint {
                at: Timestamp::from_millis(*ms).unwrap(),
                score: *score,
                t2: None,
                spe: Some((1.0, 0.0)),
            })
            .collect();
        line
    }

    #[test]
    fn the_path_breaks_where_frames_were_not_judged_and_stops_at_the_top() {
        let line = with_trend(&[(0, Some(0.0)), (50, Some(1e9)), (75, None), (100, Some(3.0))]);
        let text = trend(&line, reader(Language::English)).unwrap().into_string();
        assert!(text.contains(r#"<path class="score" d="M0 100L500 0M1000 50"/>"#), "{text}");
        assert!(text.contains(r#"<path class="spe" d=""/>"#), "a limit of nought is no limit");
        assert!(text.contains("the scale ends at 6"));
    }

    #[test]
    fn nothing_is_drawn_of_nothing() {
        for points in [
            &[][..],
            &[(0, Some(1.0))],
            &[(0, None), (10, None)],
            &[(5, Some(1.0)), (5, Some(1.0))],
            &[(0, Some(f64::NAN)), (10, Some(f64::NAN))],
        ] {
            assert_eq!(trend(&with_trend(points), reader(Language::English)), None, "{points:?}");
        }
    }

    #[test]
    fn marks_are_round_times_and_few() {
        for (minutes, expected) in [(10, 5), (60, 4), (600, 5), (10_000, 6)] {
            let mut html = Html::default();
            let from = fixture::NOW - minutes * 60_000;
            marks(&mut html, from, fixture::NOW, reader(Language::English));
            let text = html.into_string();
            assert_eq!(text.matches("<text").count(), expected, "{minutes}: {text}");
        }
    }

    #[test]
    fn the_strip_shows_the_stretches_at_their_place_in_the_whole_batch() {
        let mut view = fixture::at_risk();
        let line = &mut view.lines[0];
        line.batch.as_mut().unwrap().length_m = Some(1000.0);
        let document = line.verdict.as_mut().unwrap();
        document.progress = Some(0.5);
        document.spans.truncate(1);
        document.spans[0].from_m = Some(200.0);
        document.spans[0].to_m = Some(600.0);
        let stretch = |from_m, to_m, call| SectionDocument {
            from: 0,
            to: 0,
            from_m: Some(from_m),
            to_m: Some(to_m),
            call,
            score: None,
            quality: std::collections::BTreeMap::new(),
        };
        line.stretches = vec![
            stretch(0.0, 200.0, Call::OnSpec),
            stretch(200.0, 500.0, Call::OffSpec),
            stretch(500.0, 600.0, Call::Unknown),
            stretch(600.0, 1000.0, Call::AtRisk),
        ];
        let text = strip(line, reader(Language::English)).unwrap().into_string();
        assert!(text.contains(r#"class="hit" height="4" x="10%" width="20%""#), "{text}");
        let parts = [("seen", 0, 10), ("out", 10, 15), ("warned", 30, 20)];
        for (class, x, width) in parts {
            let part = format!(r#"class="{class}" y="4" height="18" x="{x}%" width="{width}%""#);
            assert!(text.contains(&part), "{part} in {text}");
        }
        assert_eq!(
            text.matches("y=\"4\"").count(),
            2 + parts.len(),
            "what nobody saw is left as it is"
        );
        assert!(text.contains("1000\u{a0}m made"));
        assert!(text.contains("about 1000\u{a0}m to come"));
    }

    #[test]
    fn the_strip_falls_back_to_time() {
        let mut view = fixture::at_risk();
        let line = &mut view.lines[0];
        line.verdict.as_mut().unwrap().spans[0].from_m = None;
        let text = strip(line, reader(Language::English)).unwrap().into_string();
        assert!(text.contains("31\u{a0}min made"), "{text}");
        assert!(text.contains("about 36\u{a0}min to come"), "{text}");
        let text = strip(line, reader(Language::Chinese)).unwrap().into_string();
        assert!(text.contains("已生产 31\u{a0}分钟</span><span>还剩约 36\u{a0}分钟"), "{text}");
    }
}

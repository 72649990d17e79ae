//! Charts that share an axis: metres of a batch, or time.
//!
//! They are whole without script. `chart.js` shows the values of all of them where somebody points, and zooms into them: what it
//! needs stands beside them as lists of numbers, and its words in `data-` attributes. Positions across have three digits behind
//! the point, so that nothing moves when it is drawn fifty times as wide.

use super::chart::marks;
use super::format::number;
use super::html::Html;
use super::reader::Reader;
use super::scale::Scale;
use crate::words::table;

table! {
    zoom_in: "Zoom in", "放大";
    zoom_out: "Zoom out", "缩小";
    all: "Show all", "显示全部";
    hint: "Point or use the arrow keys to see values; drag, or + and −, to zoom; Esc shows all; a click or Enter opens the moment.", "指向图表或用方向键查看数值；拖动或按 + 和 − 缩放；按 Esc 显示全部；单击或按回车键查看该时刻。";
    told_metres: "{m} m from the begin, {rest} m from the end, {at}", "距起点 {m} m，距终点 {rest} m，{at}";
    told_time: "{at}", "{at}";
    open: "Why then", "查看该时刻的依据";
    from_begin: "Metres from the begin", "距起点的米数";
    from_end: "Metres from the end", "距终点的米数";
}

/// The width of a plot, in its own units.
const WIDTH: f64 = 1000.0;
/// How far below the top a line has to be for its word to stand above it, of a hundred.
const ROOM: f64 = 18.0;
/// Numbers along an axis, about.
const TICKS: f64 = 6.0;

/// What an axis counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Metres from the begin of a batch.
    Metres,
    /// Time, ms since 1970.
    Time,
}

/// The axis that charts share.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Axis {
    /// What it counts.
    pub(super) kind: Kind,
    /// Where it begins.
    pub(super) from: f64,
    /// Where it ends.
    pub(super) to: f64,
}

impl Axis {
    /// An axis; `None` of one without length.
    pub(super) fn new(kind: Kind, from: f64, to: f64) -> Option<Self> {
        (from < to && from.is_finite() && to.is_finite()).then_some(Self { kind, from, to })
    }

    /// Where along it something is, 0–1; what is beyond its ends is at them.
    pub(super) fn part(&self, at: f64) -> f64 {
        if at.is_finite() {
            ((at - self.from) / (self.to - self.from)).clamp(0.0, 1.0)
        } else {
            0.0
        }
    }

    /// Round metres along it, from an end that is at nought.
    fn ticks(length: f64) -> impl Iterator<Item = f64> {
        let rough = length / TICKS;
        let ten = 10_f64.powf(rough.log10().floor());
        let nice = [1.0, 2.0, 5.0, 10.0].into_iter().find(|nice| nice * ten >= rough);
        let step = nice.unwrap_or(10.0) * ten;
        (0..=12_u32).map(move |ix| f64::from(ix) * step).take_while(move |tick| *tick <= length)
    }
}

/// The stretch of the axis that a value of each chart holds for, and when that was, ms.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Cell {
    /// Its begin and end on the axis.
    pub(super) ends: (f64, f64),
    /// Its begin and end in time.
    pub(super) times: (i64, i64),
}

/// The values of a chart, one for each cell.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Values {
    /// The value, or the mean of values.
    pub(super) mean: Vec<Option<f64>>,
    /// The least and the greatest of them, where there are several.
    pub(super) range: Vec<Option<(f64, f64)>>,
}

/// A level that is drawn across a chart.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Level {
    /// Where.
    pub(super) at: f64,
    /// How it is drawn.
    pub(super) open: &'static str,
    /// What stands before its number, `None` where none is written.
    pub(super) sign: Option<&'static str>,
}

/// A limit that must not be passed.
pub(super) const LIMIT: &str = "<line class=\"limit\"";
/// A value that is aimed at.
pub(super) const TARGET: &str = "<line class=\"target\"";

/// A mark at one place of an axis: what was expected there, from and to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Expected {
    /// Where, on the axis.
    pub(super) at: f64,
    /// The value.
    pub(super) value: f64,
    /// How far it goes to either side in control.
    pub(super) within: f64,
}

/// Charts on one axis.
#[derive(Debug)]
pub(super) struct Group<'a> {
    /// The id of the element, which is kept when the page is drawn anew.
    pub(super) id: &'static str,
    /// The axis.
    pub(super) axis: Axis,
    /// What their values hold for.
    pub(super) cells: &'a [Cell],
    /// The address of the page of a moment, to which `at` is added.
    pub(super) moment: Option<String>,
    /// What it is called, for who does not see it.
    pub(super) label: &'static str,
    /// A place of the axis that is marked in all charts.
    pub(super) then: Option<f64>,
}

impl Group<'_> {
    /// Where a value holds, in the units of a plot.
    fn across(&self, cell: &Cell) -> (f64, f64) {
        let (from, to) = cell.ends;
        (self.axis.part(from) * WIDTH, self.axis.part(to) * WIDTH)
    }

    /// Opens it: what is pointed at, and the buttons, which the script shows.
    pub(super) fn begin(&self, html: &mut Html, reader: Reader) {
        let words = Words::of(reader.language);
        let (kind, told) = match self.axis.kind {
            Kind::Metres => ("m", words.told_metres),
            Kind::Time => ("t", words.told_time),
        };
        html.raw("<div class=\"zoomed\" role=\"group\" tabindex=\"0\" data-charts=\"").raw(kind);
        html.raw("\" id=\"").raw(self.id).raw("\" aria-label=\"").raw(self.label);
        html.raw("\" data-from=\"").precise(self.axis.from).raw("\" data-to=\"");
        html.precise(self.axis.to).raw("\" data-told=\"").raw(told).raw("\" data-hint=\"");
        html.raw(words.hint);
        if let Some(moment) = &self.moment {
            html.raw("\" data-moment=\"").text(moment).raw("\" data-open=\"").raw(words.open);
        }
        html.raw("\"><div class=\"tools\" hidden><p class=\"told\" aria-live=\"polite\"></p><p class=\"buttons\">");
        for (key, sign, word) in
            [("in", "+", words.zoom_in), ("out", "−", words.zoom_out), ("all", "⟷", words.all)]
        {
            html.raw("<button type=\"button\" data-zoom=\"").raw(key).raw("\" title=\"").raw(word);
            html.raw("\" aria-label=\"").raw(word).raw("\">").raw(sign).raw("</button>");
        }
        html.raw("</p></div>");
    }

    /// Closes it: the numbers for the script. `all` are the values of its charts, in the order of their places.
    pub(super) fn end(&self, html: &mut Html, all: &[Values]) {
        html.raw("<script type=\"application/json\">{\"cells\":[");
        for (ix, Cell { ends, times }) in self.cells.iter().enumerate() {
            html.raw(if ix > 0 { ",[" } else { "[" }).precise(ends.0).raw(",").precise(ends.1);
            if self.axis.kind == Kind::Metres {
                html.raw(",").integer(times.0).raw(",").integer(times.1);
            }
            html.raw("]");
        }
        html.raw("],\"series\":[");
        for (ix, values) in all.iter().enumerate() {
            html.raw(if ix > 0 { ",{\"mean\":" } else { "{\"mean\":" });
            html.numbers(values.mean.iter().copied());
            if values.range.iter().any(Option::is_some) {
                let (low, high): (Vec<_>, Vec<_>) =
                    values.range.iter().map(|range| range.unzip()).unzip();
                html.raw(",\"least\":").numbers(low).raw(",\"greatest\":").numbers(high);
            }
            html.raw("}");
        }
        html.raw("]}</script></div>");
    }

    /// The place of a chart's value under the pointer, for the script.
    pub(super) fn value(html: &mut Html, series: usize) {
        html.raw("<output data-series=\"").integer(i64::try_from(series).unwrap_or_default());
        html.raw("\"></output>");
    }

    /// A chart of values beside levels; nothing where there is no value. `label` is for who does not see it.
    pub(super) fn plot(
        &self,
        html: &mut Html,
        values: &Values,
        (levels, expected): (&[Level], Option<Expected>),
        label: &Html,
    ) {
        let ends = values.range.iter().flatten().flat_map(|(low, high)| [*low, *high]);
        let known = values.mean.iter().flatten().copied().chain(ends);
        let around = expected.iter().flat_map(|of| [of.value - of.within, of.value + of.within]);
        let Some(scale) = Scale::of(known.chain(levels.iter().map(|level| level.at)).chain(around))
        else {
            return;
        };
        html.raw("<div class=\"plot along\"><div class=\"clip\"><svg class=\"wide\" role=\"img\" aria-label=\"");
        html.piece(label).raw("\" viewBox=\"0 0 1000 100\" preserveAspectRatio=\"none\">");
        self.ranges(html, values, &scale);
        for level in levels {
            let y = scale.down(level.at);
            html.raw(level.open).raw(" x2=\"1000\" y1=\"").coordinate(y).raw("\" y2=\"");
            html.coordinate(y).raw("\"/>");
        }
        self.steps(html, values, &scale);
        if let Some(then) = self.then {
            let x = self.axis.part(then) * WIDTH;
            html.raw("<line class=\"then\" y2=\"100\" x1=\"").precise(x).raw("\" x2=\"");
            html.precise(x).raw("\"/>");
        }
        if let Some(Expected { at, value, within }) = expected {
            let x = self.axis.part(at) * WIDTH;
            html.raw("<path class=\"expected\" d=\"M").precise(x).raw(" ");
            html.coordinate(scale.down(value - within)).raw("V");
            html.coordinate(scale.down(value + within))
                .raw("\"/><path class=\"expected dot\" d=\"M");
            html.precise(x).raw(" ").coordinate(scale.down(value)).raw("h0\"/>");
        }
        html.raw("</svg></div><svg class=\"levels\" aria-hidden=\"true\">");
        for level in levels {
            let Some(sign) = level.sign else { continue };
            let (word, y) = (format!("{sign}{}", number(level.at)), scale.down(level.at));
            let class = if level.open == LIMIT { "limit-word" } else { "target-word" };
            html.raw("<text class=\"").raw(class).raw("\" x=\"4\" dy=\"");
            // Below a line that is at the top, where there is no room above it.
            html.raw(if y < ROOM { "13" } else { "-4" }).raw("\" y=\"").coordinate(y);
            html.raw("%\">").text(&word).raw("</text>");
        }
        html.raw("</svg></div>");
    }

    /// From the least to the greatest value of each cell.
    fn ranges(&self, html: &mut Html, values: &Values, scale: &Scale) {
        if values.range.iter().all(Option::is_none) {
            return;
        }
        html.raw("<path class=\"range\" d=\"");
        for (cell, range) in self.cells.iter().zip(&values.range) {
            let Some((low, high)) = range.filter(|(low, high)| low.is_finite() && high.is_finite())
            else {
                continue;
            };
            let (from, to) = self.across(cell);
            html.raw("M").precise(from).raw(" ").coordinate(scale.down(high)).raw("H").precise(to);
            html.raw("V").coordinate(scale.down(low)).raw("H").precise(from).raw("Z");
        }
        html.raw("\"/>");
    }

    /// A step for each cell with a value, with a gap where there is none.
    fn steps(&self, html: &mut Html, values: &Values, scale: &Scale) {
        html.raw("<path class=\"mean\" d=\"");
        let mut end = None;
        for (cell, mean) in self.cells.iter().zip(&values.mean) {
            let Some(mean) = mean.filter(|mean| mean.is_finite()) else {
                end = None;
                continue;
            };
            let (from, to) = self.across(cell);
            let follows = end.is_some_and(|end: f64| (end - from).abs() < WIDTH * 1e-4);
            html.raw(if follows { "L" } else { "M" }).precise(from).raw(" ");
            html.coordinate(scale.down(mean)).raw("H").precise(to);
            end = Some(to);
        }
        html.raw("\"/>");
    }

    /// The axis below the charts; of metres, that from the begin.
    pub(super) fn axis(&self, html: &mut Html, reader: Reader) {
        match self.axis.kind {
            Kind::Metres => self.metres(html, false, reader),
            Kind::Time => {
                html.raw("<svg class=\"axis\" data-axis=\"t\" aria-hidden=\"true\">");
                #[expect(clippy::cast_possible_truncation, reason = "milliseconds of our time")]
                marks(html, self.axis.from as i64, self.axis.to as i64, reader);
                html.raw("</svg>");
            }
        }
    }

    /// An axis of metres, from the begin, or from the end.
    pub(super) fn metres(&self, html: &mut Html, from_end: bool, reader: Reader) {
        let words = Words::of(reader.language);
        let (key, word) = if from_end { ("e", words.from_end) } else { ("m", words.from_begin) };
        let caption = |html: &mut Html| {
            html.raw("<p class=\"axis-word\">").raw(word).raw("</p>");
        };
        if from_end {
            caption(html);
        }
        html.raw("<svg class=\"axis\" data-axis=\"").raw(key).raw("\" aria-hidden=\"true\">");
        let Axis { from, to, .. } = self.axis;
        let base = if from_end { 0.0 } else { from };
        for tick in Axis::ticks(to - base) {
            let at = if from_end { to - tick } else { tick };
            if at < from {
                continue;
            }
            let across = self.axis.part(at) * 100.0;
            html.raw("<line x1=\"").coordinate(across).raw("%\" x2=\"").coordinate(across);
            html.raw("%\" y2=\"5\"/>").raw(match across {
                0.0..3.0 => "<text class=\"first\"",
                97.0.. => "<text class=\"last\"",
                _ => "<text",
            });
            html.raw(" y=\"19\" x=\"").coordinate(across).raw("%\">").text(&number(tick));
            html.raw("</text>");
        }
        html.raw("</svg>");
        if !from_end {
            caption(html);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_languages_say_everything() {
        crate::words::check(ALL, &["m", "Esc"]);
    }

    #[test]
    fn an_axis_has_round_numbers_and_ends() {
        for (length, expected) in [
            (80_000.0, "0 20000 40000 60000 80000"),
            (11_000.0, "0 2000 4000 6000 8000 10000"),
            (0.7, "0 0.2 0.4 0.6000000000000001"),
        ] {
            let told: Vec<String> = Axis::ticks(length).map(|tick| tick.to_string()).collect();
            assert_eq!(told.join(" "), expected);
        }
        for (from, to) in [(1.0, 1.0), (2.0, 1.0), (f64::NAN, 1.0), (0.0, f64::INFINITY)] {
            assert_eq!(Axis::new(Kind::Metres, from, to), None);
        }
    }
}

//! The batch drawn from its begin to its end: the call on each section, its score, and each quality tag beside its limits.

use super::paper::{Paper, call, face};
use crate::engine::{Asked, SectionsRecord};
use crate::verdict::{Call, SectionDocument, SectionOfTag};
use crate::words::html::Html;
use crate::words::number::number;
use std::sync::Arc;

/// The width of the drawing, and where in it the plot begins and ends.
const WIDTH: f64 = 720.0;
const LEFT: f64 = 118.0;
const RIGHT: f64 = 660.0;
/// Heights of rows, and the room between them.
const CALLS: f64 = 26.0;
const SCORES: f64 = 56.0;
const TAG: f64 = 68.0;
const GAP: f64 = 12.0;
/// Tags that are drawn at most; all of them stand in the table.
const TAGS_MAX: usize = 8;
/// Characters of a name that there is room for beside a row; of Chinese ones half as many.
const NAME_ROOM: usize = 17;

/// Where along the batch something is: by its metres, or by time where a section has none.
#[derive(Debug)]
struct Scale {
    metres: bool,
    from: f64,
    to: f64,
}

impl Scale {
    #[expect(clippy::cast_precision_loss, reason = "milliseconds of our time")]
    fn of(sections: &[SectionDocument]) -> Option<Self> {
        let (first, last) = (sections.first()?, sections.last()?);
        let metres =
            sections.iter().all(|section| section.from_m.is_some() && section.to_m.is_some());
        let metres = metres && last.to_m > first.from_m;
        let (from, to) = match (first.from_m, last.to_m) {
            (Some(from), Some(to)) if metres => (from, to),
            _ => (first.from as f64, last.to as f64),
        };
        (from < to).then_some(Self { metres, from, to })
    }

    fn x(&self, at: f64) -> f64 {
        LEFT + ((at - self.from) / (self.to - self.from)).clamp(0.0, 1.0) * (RIGHT - LEFT)
    }

    #[expect(clippy::cast_precision_loss, reason = "milliseconds of our time")]
    fn ends(&self, section: &SectionDocument) -> (f64, f64) {
        match (section.from_m, section.to_m) {
            (Some(from), Some(to)) if self.metres => (self.x(from), self.x(to)),
            _ => (self.x(section.from as f64), self.x(section.to as f64)),
        }
    }

    /// Where the axis has a number: four to eight of them, at round ones.
    fn ticks(&self) -> Vec<f64> {
        let span = self.to - self.from;
        let step = if self.metres {
            let rough = span / 6.0;
            let ten = 10_f64.powf(rough.log10().floor());
            let nice = [1.0, 2.0, 5.0, 10.0].into_iter().find(|nice| nice * ten >= rough);
            nice.unwrap_or(10.0) * ten
        } else {
            const MINUTES: [f64; 12] =
                [1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 240.0, 480.0, 1440.0, 10_080.0];
            let minutes = MINUTES.into_iter().find(|minutes| span / (minutes * 60_000.0) <= 8.0);
            minutes.unwrap_or(span / 360_000.0) * 60_000.0
        };
        let first = (self.from / step).ceil();
        (0..12)
            .map(|ix| (first + f64::from(ix)) * step)
            .take_while(|tick| *tick <= self.to)
            .collect()
    }
}

/// A height from a value: the greatest is above.
#[derive(Debug, Clone, Copy)]
struct Height {
    top: f64,
    tall: f64,
    low: f64,
    high: f64,
}

impl Height {
    /// A row that holds all of these values, with some air.
    fn of(top: f64, tall: f64, values: impl Iterator<Item = f64>) -> Option<Self> {
        let ends = values.filter(|value| value.is_finite()).fold(None, |ends, value| match ends {
            None => Some((value, value)),
            Some((low, high)) => Some((f64::min(low, value), f64::max(high, value))),
        });
        let (low, high) = ends?;
        let air = if high > low { (high - low) * 0.08 } else { high.abs().max(1.0) * 0.05 };
        Some(Self { top, tall, low: low - air, high: high + air })
    }

    fn y(&self, value: f64) -> f64 {
        let share = ((value - self.low) / (self.high - self.low)).clamp(0.0, 1.0);
        self.top + (1.0 - share) * self.tall
    }
}

/// The hatches of calls, so that none is told by its colour alone.
pub(super) const HATCHES: &str = "<defs><pattern id=\"h-risk\" width=\"6\" height=\"6\" patternUnits=\"userSpaceOnUse\" patternTransform=\"rotate(45)\">\
     <path d=\"M0 0V6\" stroke=\"#9a5b00\" stroke-width=\"1.2\"/></pattern>\
     <pattern id=\"h-off\" width=\"5\" height=\"5\" patternUnits=\"userSpaceOnUse\" patternTransform=\"rotate(45)\">\
     <path d=\"M0 0V5M0 0H5\" stroke=\"#b3261e\" stroke-width=\"1.1\"/></pattern>\
     <pattern id=\"h-unknown\" width=\"6\" height=\"6\" patternUnits=\"userSpaceOnUse\">\
     <circle cx=\"2\" cy=\"2\" r=\".9\" fill=\"#5b6672\"/></pattern></defs>";

fn hatch(of: Call) -> Option<&'static str> {
    match of {
        Call::AtRisk => Some("url(#h-risk)"),
        Call::OffSpec => Some("url(#h-off)"),
        Call::Unknown => Some("url(#h-unknown)"),
        Call::OnSpec => None,
    }
}

pub(super) fn rect(
    html: &mut Html,
    class: &'static str,
    (x, width): (f64, f64),
    (y, height): (f64, f64),
) {
    html.raw("<rect class=\"").raw(class).raw("\" x=\"").coordinate(x).raw("\" y=\"").coordinate(y);
    html.raw("\" width=\"").coordinate(width).raw("\" height=\"").coordinate(height).raw("\"/>");
}

pub(super) fn hatched(
    html: &mut Html,
    fill: &'static str,
    (x, width): (f64, f64),
    (y, height): (f64, f64),
) {
    html.raw("<rect fill=\"").raw(fill).raw("\" x=\"").coordinate(x).raw("\" y=\"").coordinate(y);
    html.raw("\" width=\"").coordinate(width).raw("\" height=\"").coordinate(height).raw("\"/>");
}

pub(super) fn line(
    html: &mut Html,
    class: &'static str,
    (x1, y1): (f64, f64),
    (x2, y2): (f64, f64),
) {
    html.raw("<path class=\"").raw(class).raw("\" d=\"M").coordinate(x1).raw(" ").coordinate(y1);
    html.raw("L").coordinate(x2).raw(" ").coordinate(y2).raw("\"/>");
}

pub(super) fn label(html: &mut Html, class: &'static str, (x, y): (f64, f64), text: &str) {
    html.raw("<text class=\"").raw(class).raw("\" x=\"").coordinate(x).raw("\" y=\"").coordinate(y);
    html.raw("\">").text(text).raw("</text>");
}

/// A small field of a legend.
pub(super) fn swatch(html: &mut Html, class: &'static str, hatch: Option<&'static str>) {
    html.raw("<svg aria-hidden=\"true\" viewBox=\"0 0 22 14\">");
    rect(html, class, (0.0, 22.0), (0.0, 14.0));
    if let Some(fill) = hatch {
        hatched(html, fill, (0.0, 22.0), (0.0, 14.0));
    }
    html.raw("</svg>");
}

/// So much of a name as there is room for.
pub(super) fn shortened(name: &str, room: usize) -> String {
    let wide = |character: char| if character < '\u{1100}' { 1 } else { 2 };
    if name.chars().map(wide).sum::<usize>() <= room {
        return name.to_owned();
    }
    let mut used = 1;
    let taken = |character: &char| {
        used += wide(*character);
        used <= room
    };
    name.chars().take_while(taken).chain(['…']).collect()
}

impl Paper<'_> {
    /// The drawing; nothing where nothing was seen along the batch.
    pub(super) fn strip(&mut self, record: &SectionsRecord, asked: &[Asked]) {
        let sections = &record.sections;
        let Some(scale) = Scale::of(sections) else {
            return self.say(self.words.nothing_along);
        };
        let drawn = |asked: &&Asked| {
            sections.iter().any(|section| section.quality.contains_key(&asked.name))
        };
        let tags: Vec<&Asked> = asked.iter().filter(drawn).take(TAGS_MAX).collect();
        let scored = sections.iter().any(|section| section.score.is_some());
        let mut below = 4.0;
        let mut html = Html::default();
        self.calls(&mut html, sections, &scale, below);
        below += CALLS + GAP;
        if scored {
            self.scores(&mut html, sections, &scale, below);
            below += SCORES + GAP;
        }
        for asked in tags {
            tag(&mut html, (sections, asked), &scale, below);
            below += TAG + GAP;
        }
        self.axis(&mut html, &scale, below - GAP);
        below += 26.0;
        let words = self.words;
        self.html
            .raw("<svg role=\"img\" viewBox=\"0 0 ")
            .coordinate(WIDTH)
            .raw(" ")
            .coordinate(below);
        self.html.raw("\"><title>").raw(words.chart_title).raw("</title>").raw(HATCHES);
        self.html.piece(&html).raw("</svg>");
        self.legend(sections);
        self.html.raw("<p><small>").raw(words.chart_key).raw("</small></p>");
    }

    /// The call on each section; those that follow one another with the same are one.
    fn calls(&self, html: &mut Html, sections: &[SectionDocument], scale: &Scale, top: f64) {
        label(html, "name", (0.0, top + 17.0), self.words.call_row);
        for run in sections.chunk_by(|one, next| one.call == next.call) {
            let [first, .., last] = run else {
                if let [only] = run {
                    section(html, only.call, scale.ends(only), top);
                }
                continue;
            };
            section(html, first.call, (scale.ends(first).0, scale.ends(last).1), top);
        }
        rect(html, "frame", (LEFT, RIGHT - LEFT), (top, CALLS));
    }

    fn scores(&self, html: &mut Html, sections: &[SectionDocument], scale: &Scale, top: f64) {
        let known = sections.iter().filter_map(|section| section.score);
        let Some(height) = Height::of(top, SCORES, known.chain([0.0, 1.2])) else { return };
        label(html, "name", (0.0, top + 15.0), self.words.score_row);
        rect(html, "frame", (LEFT, RIGHT - LEFT), (top, SCORES));
        let limit = height.y(1.0);
        line(html, "limit", (LEFT, limit), (RIGHT, limit));
        label(html, "soft", (RIGHT + 4.0, limit + 3.5), self.words.score_limit);
        steps(html, sections, scale, |section| section.score.map(|score| height.y(score)));
    }

    fn axis(&self, html: &mut Html, scale: &Scale, top: f64) {
        for tick in scale.ticks() {
            let x = scale.x(tick);
            line(html, "axis", (x, top), (x, top + 4.0));
            #[expect(clippy::cast_possible_truncation, reason = "milliseconds of our time")]
            let shown = if scale.metres { number(tick) } else { self.of_day(tick as i64) };
            label(html, "soft mid", (x, top + 14.0), &shown);
        }
        let words = if scale.metres { self.words.along_metres } else { self.words.along_time };
        label(html, "soft mid", (f64::midpoint(LEFT, RIGHT), top + 28.0), words);
    }

    /// What the marks of the calls mean, of those that there are.
    fn legend(&mut self, sections: &[SectionDocument]) {
        self.html.raw("<ul class=\"legend\">");
        for of in [Call::OnSpec, Call::AtRisk, Call::OffSpec, Call::Unknown] {
            if !sections.iter().any(|section| section.call == of) {
                continue;
            }
            let (class, mark) = face(Some(of));
            self.html.raw("<li>");
            swatch(&mut self.html, class, hatch(of));
            self.html.raw(mark).raw(" ").raw(call(self.words, Some(of))).raw("</li>");
        }
        self.html.raw("</ul>");
    }
}

fn section(html: &mut Html, of: Call, (from, to): (f64, f64), top: f64) {
    let (class, mark) = face(Some(of));
    rect(html, class, (from, to - from), (top, CALLS));
    if let Some(fill) = hatch(of) {
        hatched(html, fill, (from, to - from), (top, CALLS));
    }
    if to - from >= 14.0 {
        let middle = f64::midpoint(from, to);
        html.raw("<circle fill=\"#fff\" cx=\"")
            .coordinate(middle)
            .raw("\" cy=\"")
            .coordinate(top + CALLS / 2.0);
        html.raw("\" r=\"6.5\"/>");
        label(html, "mark", (middle, top + CALLS / 2.0 + 4.0), mark);
    }
}

/// A step for each section with a value, with a gap where there is none.
fn steps(
    html: &mut Html,
    sections: &[SectionDocument],
    scale: &Scale,
    y: impl Fn(&SectionDocument) -> Option<f64>,
) {
    html.raw("<path class=\"mean\" d=\"");
    let mut open = false;
    for section in sections {
        let Some(y) = y(section).filter(|y| y.is_finite()) else {
            open = false;
            continue;
        };
        let (from, to) = scale.ends(section);
        html.raw(if open { "L" } else { "M" }).coordinate(from).raw(" ").coordinate(y);
        html.raw("L").coordinate(to).raw(" ").coordinate(y);
        open = true;
    }
    html.raw("\"/>");
}

/// A tag: the range and mean of each section, beside its limits.
fn tag(html: &mut Html, (sections, asked): (&[SectionDocument], &Asked), scale: &Scale, top: f64) {
    let seen = |section: &SectionDocument| -> Option<SectionOfTag> {
        section.quality.get(&asked.name).copied()
    };
    let values = sections.iter().filter_map(seen).flat_map(|seen| [seen.least, seen.greatest]);
    let limits = [asked.low, asked.target, asked.high].into_iter().flatten();
    let Some(height) = Height::of(top, TAG, values.chain(limits)) else { return };
    html.raw("<g><title>").text(&asked.name).raw("</title>");
    label(html, "name", (0.0, top + 15.0), &shortened(&asked.name, NAME_ROOM));
    label(html, "soft", (0.0, top + 29.0), &shortened(&asked.unit, NAME_ROOM));
    for section in sections {
        let Some(seen) = seen(section) else { continue };
        let (from, to) = scale.ends(section);
        let (upper, lower) = (height.y(seen.greatest), height.y(seen.least));
        let across = (from, to - from);
        let down = (upper, (lower - upper).max(1.0));
        if seen.out > 0.0 {
            rect(html, "bad", across, (top, TAG));
            rect(html, "range out", across, down);
            hatched(html, "url(#h-off)", across, down);
        } else {
            rect(html, "range", across, down);
        }
    }
    steps(html, sections, scale, |section| seen(section).map(|seen| height.y(seen.mean)));
    let bounds: [(Option<f64>, &'static str, &str); 3] =
        [(asked.target, "target", ""), (asked.low, "limit", "≥ "), (asked.high, "limit", "≤ ")];
    for (limit, class, sign) in bounds {
        let Some(limit) = limit else { continue };
        let y = height.y(limit);
        line(html, class, (LEFT, y), (RIGHT, y));
        label(html, "soft", (RIGHT + 4.0, y + 3.5), &format!("{sign}{}", number(limit)));
    }
    rect(html, "frame", (LEFT, RIGHT - LEFT), (top, TAG));
    html.raw("</g>");
}

/// The unit of a tag or property, by what is asked of it.
pub(super) fn unit_of<'a>(asked: impl IntoIterator<Item = &'a Asked>, name: &str) -> Arc<str> {
    let found = asked.into_iter().find(|asked| *asked.name == *name);
    found.map_or_else(|| "".into(), |asked| Arc::clone(&asked.unit))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn section(from_m: f64, to_m: f64) -> SectionDocument {
        SectionDocument {
            from: 0,
            to: 3_600_000,
            from_m: Some(from_m),
            to_m: Some(to_m),
            call: Call::OnSpec,
            score: None,
            quality: std::collections::BTreeMap::default(),
        }
    }

    #[test]
    fn the_axis_has_round_numbers() {
        let metres = Scale::of(&[section(0.0, 40_000.0), section(40_000.0, 78_000.0)]).unwrap();
        assert_eq!(metres.ticks(), [0.0, 20_000.0, 40_000.0, 60_000.0]);
        for (at, x) in [(0.0, 118.0), (39_000.0, 389.0), (78_000.0, 660.0)] {
            assert!((metres.x(at) - x).abs() < 1e-9, "{at}");
        }
        let time = Scale::of(&[SectionDocument { from_m: None, ..section(0.0, 1.0) }]).unwrap();
        let ticks = time.ticks();
        assert_eq!((ticks[1] - ticks[0], ticks.len()), (600_000.0, 7));
        assert!(Scale::of(&[]).is_none());
    }

    #[test]
    fn long_names_are_shortened_to_the_room_there_is() {
        assert_eq!(shortened("basis_weight", 17), "basis_weight");
        assert_eq!(shortened("dry_end/basis_weight", 17), "dry_end/basis_we…");
        assert_eq!(shortened("卷取定量测量值平均", 17), "卷取定量测量值平…");
    }
}

//! Where things stand across the web: in zones, of which each is as wide as the others.

use super::super::format::number;
use super::super::html::Html;
use super::Words;
use crate::engine::ProfileView;
use crate::profile::Statistics;

/// Steps of the axis, at most: there is a mark more.
const MARKS_MAX: u32 = 6;

/// The web from the tending side to the drive side.
pub(super) struct Across<'a> {
    /// The first and the last place of each zone.
    zones: &'a [(f64, f64)],
    in_mm: bool,
    /// From the first zone to behind the last: the sheet.
    pub(super) sheet: (usize, usize),
    /// The same of each streak.
    pub(super) streaks: Vec<(usize, usize)>,
}

impl<'a> Across<'a> {
    /// `None` where there are no zones.
    pub(super) fn of(profile: &'a ProfileView, known: &Statistics) -> Option<Self> {
        let zones = &*profile.zones;
        if zones.is_empty() {
            return None;
        }
        let span = |from: f64, to: f64| {
            let first = zones.iter().position(|(_, last)| *last >= from).unwrap_or(0);
            let end = zones.iter().rposition(|(first, _)| *first <= to).map_or(0, |ix| ix + 1);
            (first, end.max(first))
        };
        Some(Self {
            zones,
            in_mm: profile.in_mm,
            sheet: span(known.edge_first, known.edge_last),
            streaks: known.streaks.iter().map(|streak| span(streak.from, streak.to)).collect(),
        })
    }

    pub(super) fn zones(&self) -> usize {
        self.zones.len()
    }

    /// Where the left side of a zone is, per cent.
    #[expect(clippy::cast_precision_loss, reason = "zones, 60 at most")]
    pub(super) fn per_cent(&self, zone: usize) -> f64 {
        zone as f64 / self.zones.len() as f64 * 100.0
    }

    /// Rectangles as high as the drawing over what is no sheet.
    pub(super) fn beside(&self, html: &mut Html) {
        for (from, to) in [(0, self.sheet.0), (self.sheet.1, self.zones.len())] {
            self.rect(html, "<rect class=\"beside\" height=\"100%\" x=\"", from, to);
        }
    }

    /// A rectangle from zone to zone; `open` ends in its x.
    pub(super) fn rect(&self, html: &mut Html, open: &'static str, from: usize, to: usize) {
        if to > from {
            html.raw(open).coordinate(self.per_cent(from)).raw("%\" width=\"");
            html.coordinate(self.per_cent(to) - self.per_cent(from)).raw("%\"/>");
        }
    }

    /// Round places, and which side is which.
    pub(super) fn axis(&self, html: &mut Html, words: &Words) {
        html.raw("<span></span><svg class=\"axis\" aria-hidden=\"true\">");
        for (at, word) in self.marks() {
            html.raw("<line x1=\"").coordinate(at).raw("%\" x2=\"").coordinate(at);
            html.raw("%\" y2=\"5\"/>");
            // A word at the very edge would be cut.
            html.raw(match at {
                0.0..5.0 => "<text class=\"first\"",
                95.0.. => "<text class=\"last\"",
                _ => "<text",
            });
            html.raw(" y=\"19\" x=\"").coordinate(at).raw("%\">").text(&word).raw("</text>");
        }
        html.raw("</svg><span></span><div class=\"sides\"><span>").raw(words.tending_side);
        html.raw("</span><span>").raw(if self.in_mm { "mm" } else { words.box_unit });
        html.raw("</span><span>").raw(words.drive_side).raw("</span></div>");
    }

    /// Round places with where they are, per cent.
    fn marks(&self) -> Vec<(f64, String)> {
        let Some(((first, _), (_, last))) = self.zones.first().zip(self.zones.last()) else {
            return Vec::new();
        };
        let wide = last - first;
        if !(wide.is_finite() && wide > 0.0) {
            return vec![(50.0, number(*first))];
        }
        let step = round_step(wide / f64::from(MARKS_MAX));
        let begin = (first / step).ceil() * step;
        let places = (0..=MARKS_MAX).map(|n| begin + step * f64::from(n));
        let inside = places.take_while(|place| *place <= *last);
        inside.map(|place| (self.at(place), number(place))).collect()
    }

    /// Where a place is, per cent: straight from the middle of a zone to that of the next.
    fn at(&self, place: f64) -> f64 {
        let middle = |ix: usize| {
            let (first, last) = self.zones[ix];
            (f64::midpoint(first, last), f64::midpoint(self.per_cent(ix), self.per_cent(ix + 1)))
        };
        let ends = self.zones.len() - 1;
        let left = (0..ends).rfind(|ix| middle(*ix).0 <= place).unwrap_or(0);
        let ((a, at_a), (b, at_b)) = (middle(left), middle((left + 1).min(ends)));
        let share = if b > a { (place - a) / (b - a) } else { 0.0 };
        (at_a + share * (at_b - at_a)).clamp(0.0, 100.0)
    }
}

/// The least of 1, 2, 5, 10, … that is no less.
fn round_step(least: f64) -> f64 {
    let power = 10.0_f64.powf(least.log10().floor());
    [1.0, 2.0, 5.0]
        .map(|step| step * power)
        .into_iter()
        .find(|step| *step >= least)
        .unwrap_or(10.0 * power)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_round() {
        for (least, step) in [(1.0, 1.0), (1.1, 2.0), (483.0, 500.0), (0.03, 0.05), (6.0, 10.0)] {
            assert!((round_step(least) / step - 1.0).abs() < 1e-9, "{least}");
        }
    }

    #[test]
    fn round_places_are_marked_where_they_are() {
        let check = |zones: &[(f64, f64)], expected: &str| {
            let across = Across { zones, in_mm: true, sheet: (0, 1), streaks: Vec::new() };
            let marks = across.marks().into_iter().map(|(at, word)| format!("{word}@{at:.0}"));
            assert_eq!(marks.collect::<Vec<_>>().join(" "), expected);
        };
        // Four boxes of 100 mm; ten of which two make a zone; one; places that are not even.
        check(
            &[(50.0, 50.0), (150.0, 150.0), (250.0, 250.0), (350.0, 350.0)],
            "50@12 100@25 150@38 200@50 250@62 300@75 350@88",
        );
        check(&[(1.0, 2.0), (3.0, 4.0), (5.0, 6.0)], "1@8 2@25 3@42 4@58 5@75 6@92");
        check(&[(7.0, 7.0)], "7@50");
        check(&[(0.0, 0.0), (10.0, 10.0), (40.0, 40.0)], "0@17 10@50 20@61 30@72 40@83");
    }
}

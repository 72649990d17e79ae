//! The last scans as a heat map: a row for each scan, a column for each zone, shaded by how far it is from
//! the mean of its scan.

use super::super::format::{Clock, plain, time};
use super::super::html::Html;
use super::super::reader::Reader;
use super::across::Across;
use super::{Words, place, signed};
use crate::engine::ProfileView;
use crate::profile::Statistics;
use crate::words::fill;
use std::fmt::Write;

/// Shades to either side of the mean.
const SHADES: i32 = 4;

/// The strongest shade begins at so many robust standard deviations.
const FULL: f64 = 3.5;

/// The classes of the shades, from far below the mean to far above.
const CLASSES: [&str; 9] = ["b4", "b3", "b2", "b1", "even", "a1", "a2", "a3", "a4"];

/// Draws the map; how far from the mean the strongest shade is, `None` where there is nothing to draw.
pub(super) fn draw(
    html: &mut Html,
    profile: &ProfileView,
    known: &Statistics,
    across: &Across<'_>,
    reader: Reader,
) -> Option<f64> {
    let rows: Vec<Vec<f64>> = profile.pictures.iter().map(|picture| away(&picture.zones)).collect();
    let (first, last) = profile.pictures.first().zip(profile.pictures.last())?;
    let mut sizes: Vec<f64> =
        rows.iter().flatten().map(|away| away.abs()).filter(|away| away.is_finite()).collect();
    sizes.sort_by(f64::total_cmp);
    let full = (FULL * 1.4826 * sizes.get(sizes.len() / 2)?).max(f64::MIN_POSITIVE);

    html.raw("<span></span><svg class=\"streaks\" aria-hidden=\"true\">");
    for (from, to) in &across.streaks {
        across.rect(html, "<rect height=\"100%\" x=\"", *from, *to);
    }
    html.raw("</svg><div class=\"ends\">");
    for picture in [first, last] {
        html.raw("<span>");
        time(html, picture.at.as_millis(), Clock::Minutes, reader);
        html.raw("</span>");
    }
    let count = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
    html.raw("</div><svg class=\"heat\" role=\"img\" aria-label=\"");
    describe(html, profile, known, rows.len(), Words::of(reader.language));
    html.raw("\" preserveAspectRatio=\"none\" shape-rendering=\"crispEdges\" viewBox=\"0 0 ");
    html.integer(count(across.zones())).raw(" ").integer(count(rows.len())).raw("\">");
    across.beside(html);
    for (class, path) in
        CLASSES.iter().zip(&paths(&rows, full)).filter(|(_, path)| !path.is_empty())
    {
        html.raw("<path class=\"").raw(class).raw("\" d=\"").text(path).raw("\"/>");
    }
    html.raw("</svg>");
    Some(full)
}

/// How far each zone is from the mean of its scan.
fn away(zones: &[f32]) -> Vec<f64> {
    let present = zones.iter().filter(|value| !value.is_nan());
    let (sum, count) =
        present.fold((0.0, 0.0), |(sum, count), value| (sum + f64::from(*value), count + 1.0));
    zones.iter().map(|value| f64::from(*value) - sum / count).collect()
}

/// A path for each class, with a piece for each run of zones of one shade.
fn paths(rows: &[Vec<f64>], full: f64) -> [String; 9] {
    let mut paths: [String; 9] = Default::default();
    for (y, row) in rows.iter().enumerate() {
        let shades: Vec<Option<usize>> = row.iter().map(|away| shade(away / full)).collect();
        let mut x = 0;
        while let Some(shade) = shades.get(x) {
            let run = shades[x..].iter().take_while(|next| *next == shade).count();
            if let Some(shade) = shade {
                write!(paths[*shade], "M{x} {y}h{run}v1h-{run}z").expect("a String takes all");
            }
            x += run;
        }
    }
    paths
}

/// The class of a deviation, 1.0 for the strongest; `None` where there is no value.
fn shade(away: f64) -> Option<usize> {
    if away.is_nan() {
        return None;
    }
    let shade = (away * f64::from(SHADES)).round().clamp(-f64::from(SHADES), f64::from(SHADES));
    (0..=2 * SHADES).position(|class| (f64::from(class - SHADES) - shade).abs() < 0.5)
}

fn describe(
    html: &mut Html,
    profile: &ProfileView,
    known: &Statistics,
    scans: usize,
    words: &'static Words,
) {
    let mut streaks = Html::default();
    if known.streaks.is_empty() {
        streaks.raw(words.no_streak);
    }
    for (ix, streak) in known.streaks.iter().enumerate() {
        streaks.raw(if ix > 0 { words.comma } else { "" });
        let place = place(profile, (streak.from, streak.to), words);
        fill(&mut streaks, words.streak_at, &[("place", &place)]);
    }
    let pieces =
        [("scans", &plain(&scans.to_string())), ("id", &plain(&profile.id)), ("streaks", &streaks)];
    fill(html, words.map, &pieces);
}

/// What the shades mean.
pub(super) fn legend(html: &mut Html, unit: &str, full: f64, words: &Words) {
    html.raw("<span class=\"scale\"><b>").text(&signed(-full, unit)).raw(" ");
    for class in CLASSES {
        html.raw("<i class=\"").raw(class).raw("\"></i>");
    }
    html.raw(" ").text(&signed(full, unit)).raw("</b> ").raw(words.legend).raw("</span>");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deviations_have_the_shade_of_their_size() {
        for (away, class) in
            [(0.0, 4), (0.1, 4), (0.2, 5), (1.0, 8), (9.0, 8), (-0.5, 2), (-7.0, 0)]
        {
            assert_eq!(shade(away), Some(class), "{away}");
        }
        assert_eq!(shade(f64::NAN), None);
    }
}

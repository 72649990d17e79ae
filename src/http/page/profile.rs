//! What scanners measure across the web: a heat map of the last scans, and what is known by them.

use super::format::{Clock, number, time};
use super::html::Html;
use crate::engine::ProfileView;
use std::fmt::Write;

/// Shades to either side of the mean.
const SHADES: i32 = 4;

/// The strongest shade begins at so many robust standard deviations.
const FULL: f64 = 3.5;

/// The classes of the shades, from far below the mean to far above.
const CLASSES: [&str; 9] = ["b4", "b3", "b2", "b1", "even", "a1", "a2", "a3", "a4"];

/// The panel's content; nothing where no scan has counted yet.
pub(super) fn content(html: &mut Html, profile: &ProfileView) {
    html.raw("<h3>").name(&profile.id).raw(" across the web</h3>");
    if let Some(why) = profile.left_out.as_deref() {
        html.raw("<p class=\"muted\">The newest scan does not count: ").text(why).raw(".</p>");
    }
    let Some(known) = &profile.statistics else {
        return;
    };
    for streak in &known.streaks {
        html.raw("<p class=\"streak\"><b>Streak</b> at ");
        html.text(&place(profile, streak.from, streak.to)).raw(": ");
        html.text(&signed(streak.deviation, &profile.unit));
        if let Some(since) = profile.streaks_since {
            html.raw(", since ");
            time(html, since, Clock::Minutes);
        }
        html.raw("</p>");
    }
    map(html, profile);
    html.raw("<dl class=\"facts\">");
    let unit = &profile.unit;
    fact(html, "Mean", &with_unit(known.mean, unit));
    let two_sigma = [
        ("2σ MD", known.two_sigma_md),
        ("2σ CD", known.two_sigma_cd),
        ("2σ residual", known.two_sigma_residual),
    ];
    for (term, value) in two_sigma {
        if let Some(value) = value {
            fact(html, term, &with_unit(value, unit));
        }
    }
    fact(html, "Sheet", &place(profile, known.edge_first, known.edge_last));
    fact(html, "Tilt", &signed(known.tilt, unit));
    fact(html, "Edges", &signed(known.edge_difference, unit));
    let worst = place(profile, known.worst_position, known.worst_position);
    fact(html, "Worst", &format!("{} at {worst}", with_unit(known.worst_value, unit)));
    html.raw("</dl><p class=\"muted\">");
    html.integer(i64::try_from(known.scans).unwrap_or(i64::MAX))
        .raw(" scans of this batch, variance by <code>");
    html.raw(profile.variance).raw("</code>; the newest at the bottom, from ");
    time(html, known.at.as_millis(), Clock::Seconds);
    html.raw("</p>");
}

fn fact(html: &mut Html, term: &'static str, words: &str) {
    html.raw("<div><dt>").raw(term).raw("</dt><dd>").text(words).raw("</dd></div>");
}

fn with_unit(value: f64, unit: &str) -> String {
    format!("{} {unit}", number(value)).trim_end().to_owned()
}

fn signed(value: f64, unit: &str) -> String {
    let sign = if value < 0.0 { "−" } else { "+" };
    format!("{sign}{}", with_unit(value.abs(), unit))
}

fn place(profile: &ProfileView, from: f64, to: f64) -> String {
    let (kind, unit) = if profile.in_mm { ("", " mm") } else { ("box ", "") };
    if from.to_bits() == to.to_bits() {
        format!("{kind}{}{unit}", number(from))
    } else {
        format!("{kind}{}–{}{unit}", number(from), number(to))
    }
}

/// The map: a row for each scan, a column for each zone, shaded by how far it is from the mean of its scan.
fn map(html: &mut Html, profile: &ProfileView) {
    let columns = profile.zones.len();
    let rows: Vec<Vec<f64>> = profile
        .pictures
        .iter()
        .map(|picture| {
            let present = picture.zones.iter().filter(|value| !value.is_nan());
            let (sum, count) = present
                .fold((0.0, 0.0), |(sum, count), value| (sum + f64::from(*value), count + 1.0));
            picture.zones.iter().map(|value| f64::from(*value) - sum / count).collect()
        })
        .collect();
    let mut sizes: Vec<f64> =
        rows.iter().flatten().map(|away| away.abs()).filter(|away| away.is_finite()).collect();
    sizes.sort_by(f64::total_cmp);
    let Some(middle) = sizes.get(sizes.len() / 2).filter(|_| columns > 0) else { return };
    let full = (FULL * 1.4826 * middle).max(f64::MIN_POSITIVE);
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
    html.raw("<figure class=\"heat\"><svg role=\"img\" aria-label=\"The last ");
    html.integer(i64::try_from(rows.len()).unwrap_or(i64::MAX)).raw(" scans of ").name(&profile.id);
    html.raw(" across the web\" preserveAspectRatio=\"none\" shape-rendering=\"crispEdges\" viewBox=\"0 0 ");
    html.integer(i64::try_from(columns).unwrap_or(i64::MAX)).raw(" ");
    html.integer(i64::try_from(rows.len()).unwrap_or(i64::MAX)).raw("\">");
    for (class, path) in CLASSES.iter().zip(&paths).filter(|(_, path)| !path.is_empty()) {
        html.raw("<path class=\"").raw(class).raw("\" d=\"").text(path).raw("\"/>");
    }
    html.raw("</svg><figcaption><span>");
    let ends = profile.zones.first().zip(profile.zones.last());
    if let Some(((first, _), (_, last))) = ends {
        html.text(&place(profile, *first, *first))
            .raw("</span><span class=\"scale\"><i class=\"b4\"></i>");
        html.text(&signed(-full, &profile.unit))
            .raw(" <i class=\"even\"></i>mean <i class=\"a4\"></i>");
        html.text(&signed(full, &profile.unit)).raw("</span><span>");
        html.text(&place(profile, *last, *last));
    }
    html.raw("</span></figcaption></figure>");
}

/// The class of a deviation, 1.0 for the strongest; `None` where there is no value.
fn shade(away: f64) -> Option<usize> {
    if away.is_nan() {
        return None;
    }
    let shade = (away * f64::from(SHADES)).round().clamp(-f64::from(SHADES), f64::from(SHADES));
    (0..=2 * SHADES).position(|class| (f64::from(class - SHADES) - shade).abs() < 0.5)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::{Picture, Place, Statistics};
    use crate::reading::Timestamp;

    #[test]
    fn deviations_have_the_shade_of_their_size() {
        for (away, class) in
            [(0.0, 4), (0.1, 4), (0.2, 5), (1.0, 8), (9.0, 8), (-0.5, 2), (-7.0, 0)]
        {
            assert_eq!(shade(away), Some(class), "{away}");
        }
        assert_eq!(shade(f64::NAN), None);
    }

    #[test]
    fn a_map_has_a_run_for_each_shade_and_a_gap_where_nothing_is_known() {
        let at = Timestamp::from_nanos(1_769_126_400_000_000_000);
        let picture = |zones: &[f32]| Picture { at, zones: zones.into() };
        let statistics = Statistics {
            at,
            mean: 15.0,
            two_sigma_md: Some(0.2),
            two_sigma_cd: None,
            two_sigma_residual: None,
            scans: 2,
            worst_position: 25.0,
            worst_value: 16.0,
            edge_first: 5.0,
            edge_last: 35.0,
            tilt: -0.25,
            edge_difference: 0.1,
            valid: 1.0,
            streaks: vec![Place { from: 25.0, to: 35.0, deviation: 0.4 }],
        };
        let view = ProfileView {
            id: "weight<".into(),
            unit: "g/m2".into(),
            variance: "anova",
            in_mm: true,
            statistics: Some(statistics),
            scans: 2,
            left_out: Some("the head is off the sheet".into()),
            streaks_since: Some(at.as_millis()),
            zones: vec![(0.0, 10.0), (10.0, 20.0), (20.0, 30.0), (30.0, 40.0)],
            pictures: vec![
                picture(&[15.0, 15.0, 15.0, f32::NAN]),
                picture(&[14.9, 14.9, 16.0, 14.9]),
            ],
        };
        let mut html = Html::default();
        content(&mut html, &view);
        let text = html.into_string();
        for part in [
            "weight&lt;</bdi> across the web</h3>",
            "does not count: the head is off the sheet.",
            "<b>Streak</b> at 25–35 mm: +0.4 g/m2, since",
            "viewBox=\"0 0 4 2\"",
            "M0 0h3v1h-3z",
            "<path class=\"a2\" d=\"M2 1h1v1h-1z\"/>",
            "<dt>2σ MD</dt><dd>0.2 g/m2</dd>",
            "<dt>Tilt</dt><dd>−0.25 g/m2</dd>",
            "<dt>Worst</dt><dd>16 g/m2 at 25 mm</dd>",
        ] {
            assert!(text.contains(part), "{part} is not in {text}");
        }
        assert!(!text.contains("2σ CD"));
    }
}

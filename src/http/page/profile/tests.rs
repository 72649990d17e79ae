use super::*;
use crate::profile::{LeftOut, Picture, Place, Statistics};
use crate::reading::Timestamp;
use crate::words::{Language, Locale};

fn told(view: &ProfileView, language: Language) -> String {
    let mut html = Html::default();
    content(&mut html, view, Reader::of(&Locale::default(), Some(language)));
    html.into_string()
}

#[test]
fn both_languages_say_everything() {
    let names = ["<b>", "</b>", "<code>", "</code>", "mm"];
    crate::words::check(ALL, &names);
}

#[test]
fn a_profile_is_a_line_and_a_map_over_one_axis() {
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
        target: Some(15.0),
        limits: (None, Some(15.5)),
        statistics: Some(statistics),
        scans: 2,
        left_out: Some(LeftOut::OffSheet),
        streaks_since: Some(at.as_millis()),
        zones: vec![(0.0, 10.0), (10.0, 20.0), (20.0, 30.0), (30.0, 40.0)],
        pictures: vec![picture(&[15.0, 15.0, 15.0, f32::NAN]), picture(&[14.9, 14.9, 16.0, 14.9])],
    };
    let text = told(&view, Language::English);
    for part in [
        "weight&lt;</bdi> across the web</h3>",
        "does not count: the head is off the sheet.",
        "<b>Streak</b> at 25–35 mm: +0.4 g/m2, since",
        // The line, with what it is held against; from 14.9 to 16 and a margin.
        "worst 16 g/m2 at 25 mm, target 15, high limit 15.5\"",
        "<rect class=\"band\" height=\"100%\" x=\"50%\" width=\"50%\"/>",
        "<line class=\"limit\" x2=\"1000\" y1=\"45.9\" y2=\"45.9\"/>",
        "<path class=\"newest\" d=\"M125 94.6h0L375 94.6L625 5.4L875 94.6\"/>",
        // The last zone had a value in one of two scans.
        "<path class=\"usual\" d=\"M125 90.6h0L375 90.6L625 45.9L875 94.6\"/>",
        // The map.
        "viewBox=\"0 0 4 2\"",
        "M0 0h3v1h-3z",
        "<path class=\"a2\" d=\"M2 1h1v1h-1z\"/>",
        "mean of its scan; streak at 25–35 mm\"",
        "<line x1=\"25%\" x2=\"25%\" y2=\"5\"/><text y=\"19\" x=\"25%\">10</text>",
        "<dt>2σ MD</dt><dd>0.2 g/m2</dd>",
        "<dt>Tilt</dt><dd>−0.25 g/m2</dd>",
        "<dt>Worst</dt><dd>16 g/m2 at 25 mm</dd>",
        "2 scans of this batch",
    ] {
        assert!(text.contains(part), "{part} is not in {text}");
    }
    assert!(!text.contains("2σ CD"));
    let text = told(&view, Language::Chinese);
    for part in [
        "weight&lt;</bdi> 横幅分布</h3>",
        "最新一次扫描不计入：扫描头不在纸面上。",
        "<p class=\"streak\"> 25–35 mm 处有<b>条纹</b>：+0.4 g/m2，自 <time",
        "平均 15 g/m2，最差值在 25 mm 处，为 16 g/m2，目标 15，上限 15.5\"",
        "与该次扫描平均值之差； 25–35 mm 处有条纹\"",
        "<dt>纸幅</dt><dd>5–35 mm</dd>",
        "本批次 2 次扫描，方差分解用 <code>anova</code>；最新一次扫描结束于 <time",
    ] {
        assert!(text.contains(part), "{part} is not in {text}");
    }
}

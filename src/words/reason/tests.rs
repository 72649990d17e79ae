//! The sentences, in both languages beside each other.

use super::*;
use crate::models::Sign;
use crate::verdict::Call;

fn unit(tag: &str) -> Arc<str> {
    match tag {
        "basis_weight" => "g/m2".into(),
        "tensile_md" => "N/m".into(),
        _ => "".into(),
    }
}

#[track_caller]
fn check(of: &Reason, english: &str, chinese: &str) {
    for (language, expected) in [(Language::English, english), (Language::Chinese, chinese)] {
        let mut told = reason(language, of, unit);
        if let Some(tags) = contributions(language, of, 3) {
            told.push(&Phrase::words(language.space()));
            told.push(&tags);
        }
        assert_eq!(plain(&told), expected);
    }
}

fn plain(phrase: &Phrase) -> String {
    phrase.to_string().replace('\u{a0}', " ")
}

fn spec(value: f64, (low, high): (Option<f64>, Option<f64>), compared: Compared) -> Reason {
    Reason::Spec { tag: "basis_weight".into(), value, low, high, share_out: 0.124, compared }
}

#[test]
fn both_languages_say_everything() {
    crate::words::check(ALL, &["T²", "SPE"]);
}

/// Words that a reader of the trade takes for something else, were they put otherwise.
#[test]
fn the_terms_are_those_of_the_trade() {
    for (key, english, chinese) in [
        ("no_limits", "without limits", "未设限值"),
        ("below_low", "below its limit", "低于下限"),
        ("above_high", "above its limit", "高于上限"),
        ("spec_single", "no single value may pass", "任何单个值都不允许超出该限"),
        ("earlier_found", "was found off spec", "经检验不合格"),
        ("earlier_rejected", "was rejected", "已被判为不合格品（返工、降级或报废）"),
        ("laboratory_found", "Laboratory", "化验"),
        ("foretold", "nine cases of ten", "90\u{a0}% 区间"),
        ("coverage", "good data", "有效数据"),
        ("spe", "Tags", "测点"),
        ("grade_unknown", "Grade", "品种"),
    ] {
        let of = ALL.iter().find(|of| of.0 == key).unwrap();
        assert!(of.1.contains(english) && of.2.contains(chinese), "{of:?}");
    }
}

#[test]
fn a_specification_names_value_unit_limit_and_share() {
    let (both, low, high) = ((Some(14.4), Some(15.6)), (Some(14.4), None), (None, Some(15.625_5)));
    check(
        &spec(15.93, both, Compared::Share),
        "basis_weight 15.93 g/m2, above its limit of 15.6; 12.4 % of the batch outside.",
        "basis_weight 15.93 g/m2，高于上限 15.6；批次的 12.4 % 超出限值。",
    );
    check(
        &spec(14.0, low, Compared::Share),
        "basis_weight 14 g/m2, below its limit of 14.4; 12.4 % of the batch outside.",
        "basis_weight 14 g/m2，低于下限 14.4；批次的 12.4 % 超出限值。",
    );
    check(
        &spec(15.0, both, Compared::Share),
        "basis_weight 15 g/m2, lately inside 14.4 to 15.6; 12.4 % of the batch outside.",
        "basis_weight 15 g/m2，最近在 14.4 至 15.6 之内；批次的 12.4 % 超出限值。",
    );
    check(
        &spec(15.0, high, Compared::Share),
        "basis_weight 15 g/m2, lately below its upper limit of 15.6255; 12.4 % of the batch outside.",
        "basis_weight 15 g/m2，最近低于上限 15.6255；批次的 12.4 % 超出限值。",
    );
    check(
        &spec(f64::NAN, low, Compared::Share),
        "basis_weight no number, lower limit 14.4; 12.4 % of the batch outside.",
        "basis_weight 无数值，下限 14.4；批次的 12.4 % 超出限值。",
    );
    check(
        &spec(15.7, both, Compared::Mean),
        "Mean of basis_weight 15.7 g/m2, above its limit of 15.6.",
        "basis_weight 的平均值 15.7 g/m2，高于上限 15.6。",
    );
    check(
        &spec(13.0, both, Compared::Single),
        "basis_weight 13 g/m2, below its limit of 14.4, which no single value may pass.",
        "basis_weight 13 g/m2，低于下限 14.4，任何单个值都不允许超出该限。",
    );
}

#[test]
fn a_monitor_says_what_it_means_and_what_it_comes_from() {
    let process = |statistic: &str| Reason::Process {
        statistic: statistic.into(),
        ratio: 3.214,
        tags: vec![
            ("TI-7".into(), 0.6),
            ("FI-1".into(), 0.25),
            ("a".into(), 0.1),
            ("b".into(), 0.05),
        ],
        areas: Vec::new(),
        changes: vec![("TI-7".into(), 300.0)],
    };
    check(
        &process("spe"),
        "Tags not moving together as they do in good batches: SPE 3.21 times its limit. Most of it from TI-7 (change over 5 min) 60 %, FI-1 25 %, a 10 %.",
        "各测点不像好批次那样协同变化：SPE 为其限值的 3.21 倍。主要来自 TI-7（5 分钟内的变化） 60 %、FI-1 25 %、a 10 %。",
    );
    let first = |statistic: &str| {
        let told = |language| plain(&reason(language, &process(statistic), unit));
        [told(Language::English), told(Language::Chinese)]
    };
    assert_eq!(
        first("cusum"),
        ["Monitor cusum 3.21 times its limit.", "监测量 cusum 为其限值的 3.21 倍。"]
    );
    // Each statistic has a sentence of its own, but for the slow twin of one.
    let mut all: Vec<String> =
        Statistic::ALL.iter().map(|of| first(of.as_str())[0].clone()).collect();
    assert!(all.iter().all(|told| !told.starts_with("Monitor")), "{all:?}");
    all.sort_unstable();
    all.dedup();
    assert_eq!(all.len(), Statistic::ALL.len() - 3);
}

#[test]
fn what_is_foretold_found_and_decided_is_said() {
    let foretold = ForetoldProperty {
        property: "tensile_md".into(),
        predicted: 117.9,
        interval: [112.8, 123.1],
        low: Some(120.0),
        high: None,
        probability: Some(0.71),
        unit: Some("N/m".into()),
    };
    check(
        &Reason::SoftSensor(foretold.clone()),
        "Foretold for the laboratory: tensile_md 117.9 N/m (112.8 to 123.1 in nine cases of ten), below its limit of 120; outside with a chance of 71 %.",
        "预测化验值：tensile_md 117.9 N/m（90 % 区间 112.8 至 123.1），低于下限 120；超出限值的可能性为 71 %。",
    );
    check(
        &Reason::SoftSensor(ForetoldProperty { low: None, probability: None, ..foretold }),
        "Foretold for the laboratory: tensile_md 117.9 N/m (112.8 to 123.1 in nine cases of ten), without limits.",
        "预测化验值：tensile_md 117.9 N/m（90 % 区间 112.8 至 123.1），未设限值。",
    );
    check(
        &Reason::Laboratory {
            property: "tensile_md".into(),
            value: 117.9,
            low: Some(120.0),
            high: None,
        },
        "Laboratory: tensile_md 117.9 N/m, below its limit of 120.",
        "化验：tensile_md 117.9 N/m，低于下限 120。",
    );
    check(
        &Reason::Coverage { tags: vec!["moisture".into(), "caliper".into()], share: 0.62 },
        "Only 62 % of the good data that judging needs; missing: moisture, caliper.",
        "判定所需的有效数据只有 62 %；缺少：moisture、caliper。",
    );
    check(
        &Reason::Coverage { tags: vec![], share: 0.62 },
        "Only 62 % of the good data that judging needs.",
        "判定所需的有效数据只有 62 %。",
    );
    check(
        &Reason::Person { disposition: "rework".into(), by: Some("shift-a".into()) },
        "shift-a decided: rework.",
        "shift-a 决定：返工。",
    );
    check(
        &Reason::Person { disposition: "hold".into(), by: None },
        "A person decided: hold.",
        "有人决定：扣留待定。",
    );
    check(
        &Reason::Grade { grade: "x".into() },
        "Grade x not declared, so without limits: nothing of it is called on spec.",
        "品种 x 未登记，没有限值，因此不会判为合格。",
    );
}

#[test]
fn prospects_name_their_signs_and_the_batch_before() {
    let earlier = EarlierBatch {
        batch: "R1".into(),
        property: Some("tensile_md".into()),
        value: Some(112.4),
        low: Some(120.0),
        high: None,
    };
    let prospects = |earlier| Reason::Prospects {
        probability: 0.83,
        signs: vec![(Sign::BatchBefore, 3.2), (Sign::SoftSensor, 0.5)],
        earlier,
    };
    check(
        &prospects(None),
        "Chance of ending off spec 83 %, by the batch before it, its soft sensors.",
        "最终不合格的可能性为 83 %，依据：前一批次、软测量。",
    );
    check(
        &prospects(Some(earlier.clone())),
        "Chance of ending off spec 83 %, by the batch before it, its soft sensors. Batch R1 was found off spec before it: tensile_md 112.4, below its limit of 120; no word since that it was mended.",
        "最终不合格的可能性为 83 %，依据：前一批次、软测量。此前批次 R1 经检验不合格：tensile_md 112.4，低于下限 120；之后没有已纠正的记录。",
    );
    check(
        &prospects(Some(EarlierBatch { property: None, value: None, ..earlier })),
        "Chance of ending off spec 83 %, by the batch before it, its soft sensors. Batch R1 was rejected before it; no word since that it was mended.",
        "最终不合格的可能性为 83 %，依据：前一批次、软测量。此前批次 R1 已被判为不合格品（返工、降级或报废）；之后没有已纠正的记录。",
    );
}

#[test]
fn what_moved_and_what_was_alike_is_said() {
    let one = Mover {
        tag: "TI-7".into(),
        area: Some("yankee".into()),
        by_itself: false,
        since: 0,
        arrives: None,
        ratio: 2.0,
        value: 146.2,
        expected: 160.3,
        unit: Some("°C".into()),
        over_s: None,
    };
    let of = |ix, mover: &Mover| {
        [Language::English, Language::Chinese]
            .map(|language| plain(&super::mover(language, ix, mover, "08:31".into())))
    };
    assert_eq!(
        of(0, &one),
        [
            "TI-7 (yankee) moved first, at 08:31: 146.2 °C, expected 160.3 °C.",
            "TI-7（yankee） 最先变化，08:31：实际 146.2 °C，预期 160.3 °C。",
        ]
    );
    assert_eq!(
        of(1, &one),
        [
            "TI-7 (yankee) went along at 08:31: 146.2 °C, expected 160.3 °C.",
            "TI-7（yankee） 于 08:31 随之变化：实际 146.2 °C，预期 160.3 °C。",
        ]
    );
    let change = Mover { over_s: Some(3600.0), by_itself: true, area: None, ..one };
    assert_eq!(
        of(1, &change)[0],
        "TI-7 (change over 1 h) moved at 08:31: 146.2 °C, expected 160.3 °C."
    );
    let similar = Similar {
        batch: "R7".into(),
        grade: None,
        started: 0,
        likeness: 0.9,
        verdict: Call::AtRisk,
        disposition: Some("rework".into()),
        off_spec_share: Some(0.012),
        laboratory: vec![LabOutside {
            property: "tensile".into(),
            value: 112.0,
            low: Some(120.0),
            high: None,
        }],
        actions: vec!["refiner +5 %".into()],
    };
    let told = [Language::English, Language::Chinese].map(|of| plain(&alike(of, &similar)));
    assert_eq!(
        told,
        [
            "Alike: batch R7: rework; tensile 112, below its limit of 120; 1.2 % outside; refiner +5 %.",
            "相似批次 R7：返工；tensile 112，低于下限 120；1.2 % 超限；refiner +5 %。",
        ]
    );
    let open = Similar {
        disposition: None,
        off_spec_share: None,
        laboratory: vec![],
        actions: vec![],
        ..similar
    };
    assert_eq!(plain(&ending(Language::Chinese, &open)), "有风险");
}

//! What stands on the sheets, in both languages.

use super::fixture::{self, STARTED, flagged, good};
use super::words::ALL;
use super::*;
use crate::models::Statistic;
use crate::quality::SensorFault;
use crate::reading::Timestamp;
use crate::verdict::Found;
use crate::words::{Language, Locale, parts};
use jiff::tz::TimeZone;

/// A name that would break out of any place it is put into unescaped.
const HOSTILE: &str = "</td><script>alert(1)</script>\"'&\u{202e}\u{0}";

fn made() -> Timestamp {
    Timestamp::parse_rfc3339("2026-01-24T00:00:00Z").unwrap()
}

fn settings(language: Language) -> Locale {
    let zone = TimeZone::get("Asia/Shanghai").unwrap();
    Locale { site: "mill".into(), zone, language }
}

fn week() -> WeekData {
    let settings = settings(Language::English);
    let week: Week = "2026-W04".parse().unwrap();
    let mut batches = Vec::new();
    for (ix, found) in [Found::Bad, Found::Bad, Found::Good, Found::Open].into_iter().enumerate() {
        let mut record = fixture::record("at-risk", "rework");
        record.batch = format!("R{ix}").into();
        record.found = Some(found);
        if ix == 1 {
            (record.first_flag, record.flagged_since) = (None, None);
        }
        if ix == 2 {
            record.grade = Some("towel-21".into());
        }
        batches.push(record);
    }
    let bounds = week.bounds(&settings.zone).unwrap();
    let sick = Some(vec![["tm3".into(), "moisture".into(), "stuck".into()]]);
    let movers = vec!["refiner_power".into()];
    WeekData { week, bounds, line: None, batches, movers, looked_since: None, sick }
}

/// The text of a document without its style and markup, a line for each piece.
fn text(document: &str) -> String {
    let (_, body) = document.split_once("</style>").unwrap();
    let body = body.replace(concat!("onspec ", env!("CARGO_PKG_VERSION")), "onspec VERSION");
    let mut text = String::new();
    for piece in body.split('<').filter_map(|piece| piece.split_once('>')) {
        let words = piece.1.trim();
        if !words.is_empty() {
            text.push_str(words);
            text.push('\n');
        }
    }
    text
}

/// All documents in a language.
fn all(language: Language) -> Vec<String> {
    let settings = settings(language);
    let as_is = Delivery { as_is: true, customer: Some("ACME".into()), order: Some("4711".into()) };
    vec![
        batch(&flagged(), &settings, made()),
        batch(&good(), &settings, made()),
        certificate(&[flagged(), good()], &as_is, &settings, made()).unwrap(),
        certificate(&[good()], &Delivery::default(), &settings, made()).unwrap(),
        weekly(&week(), &settings, made()),
    ]
}

#[test]
fn a_flagged_batch_is_reported_in_english() {
    insta::assert_snapshot!(text(&batch(&flagged(), &settings(Language::English), made())));
}

#[test]
fn a_flagged_batch_is_reported_in_chinese() {
    insta::assert_snapshot!(text(&batch(&flagged(), &settings(Language::Chinese), made())));
}

#[test]
fn a_certificate_of_a_good_batch() {
    let delivery =
        Delivery { customer: Some("ACME".into()), order: Some("4711".into()), as_is: false };
    let sheet = certificate(&[good()], &delivery, &settings(Language::English), made()).unwrap();
    insta::assert_snapshot!(text(&sheet));
}

#[test]
fn a_certificate_as_is_says_so_in_chinese() {
    let delivery = Delivery { as_is: true, ..Delivery::default() };
    let sheet = certificate(&[flagged(), good()], &delivery, &settings(Language::Chinese), made());
    insta::assert_snapshot!(text(&sheet.unwrap()));
}

#[test]
fn a_week_is_scored_in_english() {
    insta::assert_snapshot!(text(&weekly(&week(), &settings(Language::English), made())));
}

/// No sentence of the other language stands on a sheet.
#[test]
fn every_word_is_translated() {
    for (of, other) in [(Language::Chinese, 1), (Language::English, 2)] {
        for document in all(of) {
            let text = text(&document);
            for (key, english, chinese) in ALL.iter().chain(crate::words::shared()) {
                let foreign = if other == 1 { *english } else { *chinese };
                // What both languages write alike, and words so short that names hold them.
                if english == chinese {
                    continue;
                }
                for part in parts(foreign) {
                    let crate::words::Part::Words(words) = part else { continue };
                    let words = words.trim();
                    let long = if other == 1 { words.len() > 6 } else { words.chars().count() > 1 };
                    assert!(!long || !text.contains(words), "{key}: {words}: {text}");
                }
            }
        }
    }
}

#[test]
fn a_document_needs_nothing_beside_it_and_is_well_formed() {
    for document in all(Language::English).into_iter().chain(all(Language::Chinese)) {
        for foreign in ["<script", "src=", "href=", "@import", "http://", "https://", " style=\""] {
            assert!(!document.contains(foreign), "{foreign}");
        }
        assert!(document.contains(&format!(
            "content=\"{}\"",
            content_security_policy().replace('\'', "&#39;")
        )));
        let mut open: Vec<&str> = Vec::new();
        for tag in document.split('<').skip(1).map(|piece| piece.split_once('>').unwrap().0) {
            let name = tag.split([' ', '/']).find(|name| !name.is_empty()).unwrap();
            if tag.starts_with('/') {
                assert_eq!(open.pop(), Some(name), "closed out of turn");
            } else if !tag.ends_with('/') && !matches!(name, "!doctype" | "meta" | "br") {
                open.push(name);
            }
        }
        assert_eq!(open, [""; 0]);
    }
}

#[test]
fn hostile_names_stay_text() {
    let mut data = flagged();
    data.record.batch = HOSTILE.into();
    data.record.line = HOSTILE.into();
    data.record.grade = Some(HOSTILE.into());
    let sheet = data.sheet.as_mut().unwrap();
    sheet.actions[0].text = HOSTILE.into();
    sheet.dispositions[0].note = Some(HOSTILE.into());
    sheet.laboratory[0].asked.name = HOSTILE.into();
    sheet.laboratory[0].results[0].position = Some(HOSTILE.into());
    sheet.verdict.movers[0].tag = HOSTILE.into();
    let name = std::sync::Arc::clone(&sheet.spec[0].name);
    sheet.spec[0].name = HOSTILE.into();
    for section in &mut data.sections.as_mut().unwrap().sections {
        let seen = section.quality.remove(&name).unwrap();
        section.quality.insert(HOSTILE.into(), seen);
    }
    let settings = Locale { site: HOSTILE.into(), ..settings(Language::English) };
    let delivery = Delivery {
        as_is: true,
        customer: Some(HOSTILE.to_owned()),
        order: Some(HOSTILE.to_owned()),
    };
    let mut scored = week();
    scored.line = Some(HOSTILE.into());
    scored.batches[0].batch = HOSTILE.into();
    scored.movers = vec![HOSTILE.into()];
    for document in [
        batch(&data, &settings, made()),
        certificate(&[data], &delivery, &settings, made()).unwrap(),
        weekly(&scored, &settings, made()),
    ] {
        assert!(!document.contains("<script"), "{document}");
        assert!(!document.contains(['\u{202e}', '\u{0}']), "{document}");
        assert!(document.contains("&lt;script&gt;"), "{document}");
    }
}

#[test]
fn copies_are_compared_by_the_digest_whatever_their_language_and_age() {
    let digest = |document: &str| {
        let (_, behind) = document.split_once("<code>").unwrap();
        behind.split_once("</code>").unwrap().0.to_owned()
    };
    let [english, chinese] = [Language::English, Language::Chinese]
        .map(|language| digest(&batch(&flagged(), &settings(language), made())));
    assert_eq!((english.len(), &english), (64, &chinese));
    let later = batch(&flagged(), &Locale::default(), Timestamp::from_nanos(0));
    assert_eq!(digest(&later), english);
    let mut other = flagged();
    other.sheet.as_mut().unwrap().laboratory[0].results[0].value += 0.1;
    assert_ne!(digest(&batch(&other, &settings(Language::English), made())), english);
}

/// What is changed of a good batch.
type Change = fn(&mut BatchData);

#[test]
fn what_is_not_whole_and_good_has_no_certificate() {
    let why = |batches: &[BatchData]| {
        let refused = certificate(batches, &Delivery::default(), &Locale::default(), made());
        refused.err().unwrap_or_default().iter().map(Objection::sentence).collect::<Vec<_>>()
    };
    assert_eq!(why(&[good()]), [""; 0]);
    assert_eq!(
        why(&[good(), flagged()]),
        [
            "batch TM3-260123-014 is off spec",
            "batch TM3-260123-014 was not released but is to be: rework",
            "tensile_md of batch TM3-260123-014 is outside its limits",
            "basis_weight of batch TM3-260123-014 is outside its limits",
        ]
    );
    let cases: [(Change, &str); 10] = [
        (
            |data| data.record.disposition = Some(crate::decode::Disposition::Hold),
            "was not released but is to be: hold",
        ),
        (|data| data.record.verdict = None, "is void or merged"),
        (|data| data.record.ended = None, "has not ended"),
        (|data| data.sheet = None, "nothing is kept of what was found"),
        (
            |data| data.sheet.as_mut().unwrap().laboratory[0].value = None,
            "has no result of tensile_md",
        ),
        (|data| data.sections = None, "has no result of basis_weight"),
        (
            |data| data.sections.as_mut().unwrap().quality[0].seen = 0.5,
            "only 50\u{a0}% was seen of basis_weight",
        ),
        (|data| data.sections.as_mut().unwrap().quality[0].out = 0.101, "basis_weight of batch"),
        (
            |data| data.sections.as_mut().unwrap().quality[0].greatest = 18.1,
            "basis_weight of batch",
        ),
        (
            |data| {
                data.record.disposition = None;
                data.record.verdict = Some(crate::verdict::Call::Unknown);
            },
            "the verdict on batch TM3-260123-014 is “Not judged”, and nobody has released it",
        ),
    ];
    for (change, words) in cases {
        let mut data = good();
        change(&mut data);
        let told = why(&[data]);
        assert!(told.iter().any(|sentence| sentence.contains(words)), "{words}: {told:?}");
    }
    let mut towel = good();
    towel.record.grade = Some("towel-21".into());
    assert_eq!(why(&[good(), towel.clone()]), ["batch TM3-260123-014 is of another grade"]);
    // That is no question of conformity: it is refused as is, too.
    let as_is = Delivery { as_is: true, ..Delivery::default() };
    assert!(certificate(&[good(), towel], &as_is, &Locale::default(), made()).is_err());
    assert!(certificate(&[], &as_is, &Locale::default(), made()).is_err());
}

#[test]
fn a_batch_of_which_little_is_kept_is_reported_all_the_same() {
    let mut data = flagged();
    (data.sheet, data.sections, data.model) = (None, None, None);
    data.record.consumed.clear();
    data.record.length_m = None;
    data.genealogy.sources.clear();
    let told = text(&batch(&data, &settings(Language::English), made()));
    assert!(told.contains("What was seen along the batch is not kept."), "{told}");
    let mut data = flagged();
    let differ = "Positions are by the speed, 80\u{202f}000\u{a0}m in all";
    let told = |data: &BatchData| text(&batch(data, &settings(Language::English), made()));
    assert!(!told(&data).contains("Positions are by the speed"));
    data.record.length_m = Some(60_000.0);
    assert!(told(&data).replace('\n', "").contains(differ), "{}", told(&data));
    for section in &mut data.sections.as_mut().unwrap().sections {
        (section.from_m, section.to_m) = (None, None);
        section.quality.clear();
        section.score = None;
    }
    let told = text(&batch(&data, &settings(Language::English), made()));
    assert!(told.contains("Time of day\n") && told.contains("08:10\n"), "{told}");
    assert_eq!(STARTED, data.record.started.as_millis());
}

#[test]
fn every_statistic_of_a_monitor_has_words() {
    for language in [Language::English, Language::Chinese] {
        for statistic in Statistic::ALL {
            let mut data = flagged();
            let reason = serde_json::json!({
                "kind": "process", "statistic": statistic.as_str(), "ratio": 1.5, "tags": []
            });
            data.sheet.as_mut().unwrap().verdict.reasons =
                vec![serde_json::from_value(reason).unwrap()];
            let told = text(&batch(&data, &settings(language), made()));
            let name = statistic.as_str();
            assert!(!told.contains(&format!("\n{name}\n")), "{name}: {told}");
            assert!(told.contains("1.50"), "{name}: {told}");
        }
    }
}

#[test]
fn every_fault_of_a_sensor_has_words() {
    for language in [Language::English, Language::Chinese] {
        let mut data = week();
        let sick = |fault: SensorFault| ["tm3".into(), "moisture".into(), fault.as_str().into()];
        data.sick = Some(SensorFault::ALL.map(sick).into());
        let told = text(&weekly(&data, &settings(language), made()));
        for fault in SensorFault::ALL.map(SensorFault::as_str) {
            assert!(!told.contains(&format!("\n{fault}\n")), "{fault}: {told}");
        }
        assert_eq!(told.matches("\nmoisture\n").count(), SensorFault::ALL.len(), "{told}");
    }
}

#[test]
fn a_title_is_text() {
    let title = |document: &str| {
        let (_, behind) = document.split_once("<title>").unwrap();
        behind.split_once("</title>").unwrap().0.to_owned()
    };
    for document in all(Language::English) {
        assert!(!title(&document).contains('<'), "{}", title(&document));
    }
    let settings = settings(Language::English);
    let mut data = flagged();
    data.record.batch = "<R&1>".into();
    let told = title(&batch(&data, &settings, made()));
    assert_eq!(told, "Batch report · &lt;R&amp;1&gt;");
    let four = ["R1", "R2", "R3", "R4"].map(|id| {
        let mut data = good();
        data.record.batch = id.into();
        data
    });
    let told = certificate(&four, &Delivery::default(), &settings, made()).unwrap();
    assert_eq!(title(&told), "Certificate of analysis · R1, R2, R3 …");
}

#[test]
fn a_time_with_another_offset_than_the_head_says_so() {
    let at = |text: &str| Timestamp::parse_rfc3339(text).unwrap();
    let zone = TimeZone::get("Europe/Berlin").unwrap();
    let settings = Locale { zone, ..settings(Language::English) };
    let mut data = flagged();
    // Clocks went back at 01:00 UTC.
    data.record.started = at("2026-10-24T22:00:00Z");
    data.record.first_flag = Some(at("2026-10-25T00:30:00Z"));
    data.record.ended = Some(at("2026-10-25T02:00:00Z"));
    let span = &mut data.sheet.as_mut().unwrap().verdict.spans[0];
    span.from = at("2026-10-25T00:40:00Z").as_millis();
    span.to = at("2026-10-25T01:40:00Z").as_millis();
    let told = text(&batch(&data, &settings, made()));
    for words in [
        "All times: Europe/Berlin, UTC+01:00\n",
        "\n2026-10-25 02:30 +02:00\n",
        "\n2026-10-25 02:40 +02:00 to 02:40\n",
    ] {
        assert!(told.contains(words), "{words}: {told}");
    }
}

#[test]
fn a_stretch_that_ends_on_another_day_has_both() {
    let mut data = flagged();
    let span = &mut data.sheet.as_mut().unwrap().verdict.spans[0];
    // 23:50 in Shanghai.
    span.from = Timestamp::parse_rfc3339("2026-01-23T15:50:00Z").unwrap().as_millis();
    span.to = span.from + 1_200_000;
    let told = text(&batch(&data, &settings(Language::English), made()));
    assert!(told.contains("\n2026-01-23 23:50 to 2026-01-24 00:10\n"), "{told}");
}

#[test]
fn what_is_taken_off_and_left_adds_up_as_it_is_printed() {
    let told = |length_m, off_begin_m, off_end_m| {
        let mut data = flagged();
        let slab = data.sheet.as_mut().unwrap().verdict.slab.as_mut().unwrap();
        (slab.length_m, slab.off_begin_m, slab.off_end_m) = (length_m, off_begin_m, off_end_m);
        slab.left_m = length_m - off_begin_m - off_end_m;
        slab.bad_m = off_begin_m + off_end_m;
        text(&batch(&data, &settings(Language::English), made())).replace('\u{a0}', " ")
    };
    // Rounded by itself, what is left would be 70 m.
    let some = told(100.4, 10.5, 20.3);
    assert!(some.contains("100 m − 11 m − 20 m = 69 m."), "{some}");
    assert!(some.contains("69 m are left in one piece"), "{some}");
    let none = told(100.6, 50.3, 50.3);
    assert!(
        none.contains("101 m − 50 m − 51 m = 0 m.") && none.contains("no piece is left"),
        "{none}"
    );
    let hair = told(10.4, 5.5, 4.6);
    assert!(hair.contains("10 m − 6 m − 4 m = 0 m."), "{hair}");
}

#[test]
fn limits_are_printed_as_they_were_declared() {
    let mut data = good();
    let sheet = data.sheet.as_mut().unwrap();
    (sheet.spec[0].low, sheet.spec[0].target) = (Some(14.400_5), Some(15.000_25));
    sheet.spec[0].off_share = Some(0.05);
    data.sections.as_mut().unwrap().quality[0].out = 0.050_4;
    let as_is = Delivery { as_is: true, ..Delivery::default() };
    let told = text(&certificate(&[data], &as_is, &settings(Language::English), made()).unwrap());
    for words in ["14.4005 to 15.6", "\n15.00025\n", "outside 5.04\u{a0}%, at most 5\u{a0}%"] {
        assert!(told.contains(words), "{words}: {told}");
    }
}

#[test]
fn a_certificate_says_no_more_than_is_known() {
    let told = |data: BatchData, language| {
        let as_is = Delivery { as_is: true, ..Delivery::default() };
        text(&certificate(&[data], &as_is, &settings(language), made()).unwrap())
    };
    let mut undecided = good();
    undecided.record.disposition = None;
    undecided.sheet.as_mut().unwrap().dispositions.clear();
    let english = told(undecided.clone(), Language::English);
    assert!(
        english.contains("conform to the limits listed") && !english.contains("fit for delivery")
    );
    assert!(told(undecided.clone(), Language::Chinese).contains("符合所列限值"));
    assert!(told(good(), Language::English).contains("fit for delivery"));

    undecided.record.verdict = Some(crate::verdict::Call::AtRisk);
    let english = told(undecided.clone(), Language::English);
    assert!(english.contains("NOT RELEASED: ISSUED AS IS\n"), "{english}");
    assert!(!english.contains("NOT CONFORMING"), "{english}");
    assert!(told(undecided.clone(), Language::Chinese).contains("未放行，按现状出具"));
    let sheet = undecided.sheet.as_mut().unwrap();
    sheet.laboratory[0].inside = Some(false);
    assert!(told(undecided, Language::English).contains("NOT CONFORMING: ISSUED AS IS\n"));
}

#[test]
fn the_rule_for_single_results_stands_where_there_is_one() {
    let told = |data: BatchData, language| {
        text(&certificate(&[data], &Delivery::default(), &settings(language), made()).unwrap())
    };
    for (language, words) in
        [(Language::English, "limits for single values"), (Language::Chinese, "单值限值")]
    {
        let mut data = good();
        assert!(!told(data.clone(), language).contains(words), "only a tag has them");
        let bounds = data.sheet.as_ref().unwrap().spec[0].single;
        data.sheet.as_mut().unwrap().laboratory[0].asked.single = bounds;
        assert!(told(data, language).contains(words));
    }
}

#[test]
fn a_certificate_is_the_same_whatever_the_order_in_which_batches_are_named() {
    let mut second = good();
    second.record.batch = "TM3-260123-015".into();
    let issued = |batches: &[BatchData], delivery: &Delivery| {
        certificate(batches, delivery, &settings(Language::English), made()).unwrap()
    };
    let plain = Delivery::default();
    let one = issued(&[good(), second.clone()], &plain);
    assert_eq!(issued(&[second.clone(), good()], &plain), one);
    let digest = |document: &str| {
        let (_, behind) = document.split_once("<code>").unwrap();
        behind.split_once("</code>").unwrap().0.to_owned()
    };
    for other in [
        Delivery { customer: Some("ACME".into()), ..Delivery::default() },
        Delivery { order: Some("4711".into()), ..Delivery::default() },
        Delivery { as_is: true, ..Delivery::default() },
    ] {
        assert_ne!(digest(&issued(&[good(), second.clone()], &other)), digest(&one), "{other:?}");
    }
}

#[test]
fn a_week_of_which_not_all_was_looked_through_says_so() {
    let mut data = week();
    let since = Timestamp::from_millis(STARTED).unwrap();
    for (looked_since, told) in [(None, false), (Some(since), true)] {
        data.looked_since = looked_since;
        let sheet = text(&weekly(&data, &settings(Language::English), made()));
        assert_eq!(sheet.contains("those that started since 2026-01-23 08:00:"), told, "{sheet}");
    }
}

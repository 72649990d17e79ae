//! What stands on the sheets, in both languages.

use super::fixture::{self, STARTED, flagged, good};
use super::words::{ALL, parts};
use super::*;
use crate::reading::Timestamp;
use crate::verdict::Found;
use jiff::tz::TimeZone;

/// A name that would break out of any place it is put into unescaped.
const HOSTILE: &str = "</td><script>alert(1)</script>\"'&\u{202e}\u{0}";

fn made() -> Timestamp {
    Timestamp::parse_rfc3339("2026-01-24T00:00:00Z").unwrap()
}

fn settings(language: Language) -> Settings {
    let zone = TimeZone::get("Asia/Shanghai").unwrap();
    Settings { site: "mill".into(), zone, language }
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
    WeekData { week, bounds, line: None, batches, movers: vec!["refiner_power".into()], sick }
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
            for (key, english, chinese) in ALL {
                let foreign = if other == 1 { *english } else { *chinese };
                // What both languages write alike, and words so short that names hold them.
                if english == chinese {
                    continue;
                }
                for part in parts(foreign) {
                    let super::words::Part::Words(words) = part else { continue };
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
    let settings = Settings { site: HOSTILE.into(), ..settings(Language::English) };
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
    let later = batch(&flagged(), &Settings::default(), Timestamp::from_nanos(0));
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
        let refused = certificate(batches, &Delivery::default(), &Settings::default(), made());
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
    assert!(certificate(&[good(), towel], &as_is, &Settings::default(), made()).is_err());
    assert!(certificate(&[], &as_is, &Settings::default(), made()).is_err());
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

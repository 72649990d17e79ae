//! The page of a batch, of each kind that there is.

use super::super::super::fixture::{self, Fixture, HOSTILE, Shelf};
use super::super::tests::words;
use super::*;
use crate::engine::View;
use crate::http::ApiState;
use crate::report::fixture as kept;
use crate::words::{Language, Locale};

/// A plant with a store of batches.
fn plant(view: View, batches: Vec<BatchRecord>) -> Fixture {
    let fixture = fixture::state(view);
    let api = ApiState { history: Some(Arc::new(Shelf(Ok(batches)))), ..fixture.api.clone() };
    Fixture { api, ..fixture }
}

fn flagged() -> Fixture {
    plant(fixture::waiting(), vec![kept::record("off-spec", "rework")])
}

/// A page by its words, a line for each piece.
pub(in crate::http::page) fn read(page: &str) -> String {
    let page = page.replace(['\u{a0}', '\u{202f}'], " ");
    let mut page = page.replace('\n', " ");
    for end in ["</p>", "</tr>", "</h2>", "</h3>", "</li>", "</caption>", "</dd>", "</svg>"] {
        page = page.replace(end, &format!("\u{1}{end}"));
    }
    let words = words(&page);
    let lines = words.split('\u{1}').map(str::trim).filter(|line| !line.is_empty());
    lines.collect::<Vec<_>>().join("\n")
}

/// What stands in `main` of what is kept.
fn shown(data: &BatchData) -> String {
    let lines = BTreeMap::new();
    let shown =
        Shown { data, live: false, made: None, alarms: Vec::new(), tags: &[], lines: &lines };
    let mut html = Html::default();
    html.raw("<main>").piece(&body(&shown, Reader::of(&Locale::default(), None)));
    html.into_string()
}

#[test]
fn a_finished_batch_that_was_flagged() {
    let page = fixture::get(&flagged(), "/batches/tm3/TM3-260123-014");
    assert_eq!(page.status, 200);
    insta::assert_snapshot!(read(&page.text));
    let text = &page.text;
    // The last quarter but two sections, in metres of eighty thousand.
    assert!(text.contains("x=\"70%\" width=\"20%\""), "where it is affected and outside");
    assert!(text.contains("<script src=\"../../assets/chart.js\" defer>"));
    assert!(!text.contains("assets/page.js"), "what is finished stands still");
    assert!(text.contains("href=\"../../batches/tm3/TM3-260123-014/report\""));
    let flag = kept::STARTED + 14 * 150_000;
    assert!(text.contains(&format!("href=\"../../lines/tm3/moment?at={flag}\"")), "{text}");
    assert!(text.contains("data-moment=\"../../lines/tm3/moment\""));
}

#[test]
fn the_numbers_for_the_script_are_those_that_are_drawn() {
    let page = fixture::get(&flagged(), "/batches/tm3/TM3-260123-014").text;
    let data = page.split_once("<script type=\"application/json\">").unwrap().1;
    let data: serde_json::Value =
        serde_json::from_str(data.split_once("</script>").unwrap().0).unwrap();
    assert_eq!(data["cells"].as_array().unwrap().len(), 20);
    let begin = kept::STARTED + 14 * 150_000;
    assert_eq!(data["cells"][14], serde_json::json!([56_000, 60_000, begin, begin + 150_000]));
    let [score, weight] = &data["series"].as_array().unwrap()[..] else { panic!("{data}") };
    assert_eq!((score["mean"][13].as_f64(), score["mean"][14].as_f64()), (Some(0.4), Some(2.6)));
    assert!(score["least"].is_null(), "a section has one score");
    let of = |key: &str| weight[key][14].as_f64();
    assert_eq!((of("least"), of("mean"), of("greatest")), (Some(15.6), Some(15.8), Some(16.0)));
}

#[test]
fn a_good_batch_has_nothing_against_it() {
    let page = read(&shown(&kept::good()));
    for part in
        ["On spec", "release", "Nothing speaks against it.", "Affected, by the verdict nowhere"]
    {
        assert!(page.contains(part), "`{part}` is missing in: {page}");
    }
    assert!(!page.contains("take") && !page.contains("Paused"), "{page}");
}

#[test]
fn a_batch_in_progress_is_kept_fresh_and_says_what_is_known_by_now() {
    let fixture = plant(fixture::at_risk(), Vec::new());
    let path = "/batches/tm3/TM3-260123-014";
    let page = fixture::get(&fixture, path).text;
    insta::assert_snapshot!(read(&page));
    assert!(page.contains("assets/page.js") && page.contains("data-fragment=\"?part=main\""));
    let part = fixture::get(&fixture, &format!("{path}?part=main")).text;
    assert!(!part.contains("<html") && part.contains("id=\"course-along\""));
    // A pause has a place and no length: it is as wide as can be seen.
    assert!(page.contains("x=\"32.258%\" width=\"0.2%\""), "{page}");
}

#[test]
fn a_batch_without_length_lies_in_time() {
    let mut data = kept::flagged();
    for section in &mut data.sections.as_mut().unwrap().sections {
        (section.from_m, section.to_m) = (None, None);
    }
    data.record.length_m = None;
    for span in &mut data.sheet.as_mut().unwrap().verdict.spans {
        (span.from_m, span.to_m, span.after_m) = (None, None, None);
    }
    let page = shown(&data);
    assert!(page.contains("data-charts=\"t\"") && !page.contains("data-axis=\"e\""));
    assert!(page.contains("x=\"70%\" width=\"20%\""));
    assert!(
        read(&page).contains("Affected, by the verdict 10 min, 20 %: 00:35 to 00:45"),
        "{}",
        read(&page)
    );
}

#[test]
fn a_batch_of_which_little_is_kept_has_its_record() {
    let fixture = fixture::state(fixture::on_spec());
    let page = fixture::get(&fixture, "/batches/tm3/TM3-260122-031");
    assert_eq!(page.status, 200);
    let text = read(&page.text);
    assert!(
        text.contains("TM3-260122-031") && text.contains("On spec") && text.contains("release"),
        "{text}"
    );
    let mut data = kept::flagged();
    (data.sheet, data.sections, data.record.ended) = (None, None, None);
    assert!(read(&shown(&data)).contains("Nothing is kept of what was seen along it."));
}

#[test]
fn what_is_not_known_is_said() {
    let fixture = flagged();
    for path in ["/batches/tm3/R9", "/batches/tm9/TM3-260123-014"] {
        let answer = fixture::get(&fixture, path);
        assert_eq!(answer.status, 404, "{path}");
        assert!(answer.error().contains("has no batch"), "{}", answer.text);
    }
}

#[test]
fn hostile_names_stay_names() {
    let fixture = plant(fixture::hostile(), Vec::new());
    let name = "%3C%2Ftd%3E%3Cscript%3Ealert(1)%3C%2Fscript%3E%22'%26%E2%80%AE%00";
    let page = fixture::get(&fixture, &format!("/batches/{name}/{name}"));
    assert_eq!(page.status, 200, "{}", page.text);
    assert!(!page.text.contains("<script>alert") && !page.text.contains(HOSTILE));
    assert_eq!(page.text.matches("<script").count(), 3, "of two files and of the numbers");
    let mut data = kept::flagged();
    let name: Arc<str> = HOSTILE.into();
    let record = &mut data.record;
    (record.batch, record.line) = (Arc::clone(&name), Arc::clone(&name));
    record.merged_into = Some(Arc::clone(&name));
    record.phases = vec![(Arc::clone(&name), record.started)];
    for step in &mut data.genealogy.sources {
        (step.source, step.batch, step.line) =
            (Arc::clone(&name), Arc::clone(&name), Arc::clone(&name));
    }
    let text = shown(&data);
    assert_eq!(text.matches("<script").count(), 1, "the numbers alone");
}

#[test]
fn nothing_is_left_in_english_but_names_and_what_is_marked() {
    for (view, batches) in [
        (fixture::waiting(), vec![kept::record("off-spec", "rework")]),
        (fixture::at_risk(), Vec::new()),
    ] {
        let mut fixture = plant(view, batches);
        fixture.api.locale = Locale { language: Language::Chinese, ..fixture.api.locale };
        let page = fixture::get(&fixture, "/batches/tm3/TM3-260123-014").text;
        assert!(page.contains("<html lang=\"zh-CN\">"));
        assert_eq!(fixture::left_over(&page), []);
    }
}

#[test]
fn what_it_was_made_of_is_linked_where_it_is_a_batch() {
    let mut reel = kept::record("off-spec", "rework");
    let source = BatchRecord { batch: "LOT-7".into(), consumed: Vec::new(), ..reel.clone() };
    reel.batch = "R2".into();
    let page =
        fixture::get(&plant(fixture::on_spec(), vec![reel.clone(), source]), "/batches/tm3/R2")
            .text;
    assert!(page.contains("<a href=\"../../batches/tm3/LOT-7\"><bdi>LOT-7</bdi></a>"), "{page}");
    let page = fixture::get(&plant(fixture::on_spec(), vec![reel]), "/batches/tm3/R2").text;
    assert!(page.contains("<bdi>LOT-7</bdi>") && !page.contains("batches/tm3/LOT-7\""));
}

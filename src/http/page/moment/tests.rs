//! The page of a moment: flagged, not flagged, not known, not to be had now.

use super::super::super::fixture::moments::{BUSY, SOUGHT, known, with_moments};
use super::super::super::fixture::{self, Fixture, HOSTILE, NOW};
use super::super::course::tests::read;
use crate::engine::View;
use crate::words::{Language, Locale};

fn plant(view: View) -> Fixture {
    with_moments(fixture::state(view))
}

fn at(ms: i64) -> String {
    format!("/lines/tm3/moment?at={ms}")
}

#[test]
fn a_moment_of_a_flagged_batch_says_why() {
    let page = fixture::get(&plant(fixture::at_risk()), &at(known()));
    assert_eq!(page.status, 200, "{}", page.text);
    let (told, _) = page.text.split_once("<details").unwrap();
    insta::assert_snapshot!(read(told));
    let text = &page.text;
    // Expected stands beside actual, by areas; the furthest one is first.
    assert!(text.find("<bdi>stock</bdi></th>") < text.find("<bdi>yankee</bdi></th>"), "{text}");
    let expected = "<path class=\"expected\" d=\"M500";
    assert_eq!(text.matches(expected).count(), 2, "of both that moved, in the middle");
    assert!(text.contains("<script src=\"../../assets/chart.js\" defer>"));
    assert!(page.header("content-security-policy").contains("form-action 'self'"));
}

#[test]
fn a_moment_of_a_good_batch_says_why_no_alarm() {
    let fixture = plant(fixture::on_spec());
    let text = read(&fixture::get(&fixture, &at(known())).text);
    for part in [
        "Why no alarm The score is 0.41 ; a batch is flagged above 1",
        "Inside their limits: basis_weight .",
        "pca spe 1.500 3.700 0.41 yes",
        "pca t2 18.600 14.200 1.31 no",
        "Sensors that are not trusted: vacuum_box_2 no readings come",
    ] {
        assert!(text.replace('\n', " ").contains(part), "`{part}` is missing in: {text}");
    }
}

#[test]
fn the_moments_beside_it_are_a_click_away() {
    let page = fixture::get(&plant(fixture::at_risk()), &format!("{}&span=2h", at(known()))).text;
    let now = known();
    for ms in [now - 600_000, now - 60_000, now - 1_000, now + 1, now + 60_000, now + 600_000] {
        let link = format!("href=\"../../lines/tm3/moment?at={ms}&amp;span=2h\"");
        assert!(page.contains(&link), "{link}: {page}");
    }
    assert!(page.contains("<option value=\"2h\" selected>"));
    assert!(page.contains("value=\"2026-01-23T00:30:00Z\""));
}

#[test]
fn an_instant_is_asked_for_in_several_ways() {
    let fixture = plant(fixture::at_risk());
    for (query, status, told) in [
        ("", 200, "2026-01-23T00:30:55Z"),
        ("?at=", 200, "2026-01-23T00:30:55Z"),
        ("?at=2026-01-23T08:30:00%2B08:00", 200, "2026-01-23T00:30:00Z"),
        ("?batch=TM3-260123-014", 200, "2026-01-23T00:00:00.001Z"),
        ("?batch=TM3-260122-031&span=batch", 200, "Nothing is known of this moment"),
        ("?batch=R9", 404, "has no batch `R9`"),
        ("?at=yesterday", 400, "`yesterday`, which is no time"),
        ("?at=99999999999999999999", 400, "which is no time"),
        ("?span=1y", 400, "expected one of `5m`, `30m`, `2h`, `batch`"),
        ("?other=1", 400, "unknown field `other`"),
    ] {
        let answer = fixture::get(&fixture, &format!("/lines/tm3/moment{query}"));
        assert_eq!(answer.status, status, "{query}: {}", answer.text);
        assert!(answer.text.contains(told), "{query}: {}", answer.text);
    }
    assert_eq!(fixture::get(&fixture, "/lines/tm9/moment").status, 404);
    let without = fixture::state(fixture::at_risk());
    assert_eq!(fixture::get(&without, "/lines/tm3/moment").status, 404, "no journal is kept");
    let silent = plant_of_nothing();
    assert_eq!(fixture::get(&silent, "/lines/tm3/moment").status, 400);
}

/// A line of which nothing was said yet.
fn plant_of_nothing() -> Fixture {
    plant(fixture::waiting())
}

#[test]
fn what_the_journal_does_not_have_any_more_is_said_and_one_is_looked_for_at_a_time() {
    let fixture = plant(fixture::at_risk());
    let page = fixture::get(&fixture, &at(NOW - 7_200_000));
    assert_eq!(page.status, 200);
    let text = read(&page.text);
    assert!(text.contains("Nothing is known of this moment"), "{text}");
    assert!(text.contains("the journal does not go back so far any more"), "{text}");
    assert!(page.text.contains("id=\"trends\""), "frames may be kept for longer");
    assert!(page.text.contains("name=\"at\""), "another one can be asked for");
    let busy = fixture::get(&fixture, &at(BUSY));
    assert_eq!(
        (busy.status, &*busy.error()),
        (503, "another instant is looked for: ask again when it is found")
    );
}

#[test]
fn who_asked_before_it_was_found_comes_again() {
    let page = fixture::get(&plant(fixture::at_risk()), &at(SOUGHT));
    assert_eq!(
        (page.status, page.header("refresh")),
        (202, "2; url=../../lines/tm3/moment?at=1769125860000")
    );
    assert!(
        read(&page.text).contains("The journal is being read up to this moment."),
        "{}",
        page.text
    );
}

#[test]
fn nothing_is_left_in_english_but_names_and_what_is_marked() {
    for view in [fixture::at_risk(), fixture::on_spec(), fixture::learning(), fixture::uncovered()]
    {
        let mut fixture = plant(view);
        fixture.api.locale = Locale { language: Language::Chinese, ..fixture.api.locale };
        for path in [at(known()), at(SOUGHT), at(NOW - 7_200_000)] {
            let page = fixture::get(&fixture, &path).text;
            assert!(page.contains("<html lang=\"zh-CN\">"));
            assert_eq!(fixture::left_over(&page), []);
        }
    }
}

#[test]
fn hostile_names_stay_names() {
    let fixture = plant(fixture::hostile());
    let name = "%3C%2Ftd%3E%3Cscript%3Ealert(1)%3C%2Fscript%3E%22'%26%E2%80%AE%00";
    let page = fixture::get(&fixture, &format!("/lines/{name}/moment?at={}", known()));
    assert_eq!(page.status, 200, "{}", page.text);
    assert!(!page.text.contains("<script>alert") && !page.text.contains(HOSTILE));
    assert!(page.text.matches("<script").count() <= 2, "a file, and the numbers");
}

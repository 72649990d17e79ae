//! The page in each state of a line, and its files.

mod chinese;

use super::super::fixture::{self, Answer, Fixture, HOSTILE};
use super::super::guard;
use crate::engine::View;
use crate::verdict::Reason;
use axum::body::Body;
use axum::http::Request;
use std::sync::Arc;
use std::time::Duration;

/// The pages that are kept fresh.
const LIVE: &[&str] = &[
    "/",
    "/lines/tm3",
    "/alarms",
    "/alarms?alarm=tm3%2Fbatch",
    "/batches",
    "/models",
    "/sensors",
    "/health",
];

fn page_at(view: View, path: &str) -> String {
    let fixture = fixture::state(view);
    fixture::parts(&fixture.api.health);
    fixture::get(&fixture, path).text
}

fn page(view: View) -> String {
    page_at(view, "/")
}

/// The text between tags, as a reader without style sheet and script has it.
pub(super) fn words(page: &str) -> String {
    let main = page.split_once("<main").expect("the page has a main").1;
    let mut text = String::new();
    let mut inside = false;
    for character in main.chars() {
        match character {
            '<' => {
                inside = true;
                text.push(' ');
            }
            '>' => inside = false,
            _ if !inside => text.push(character),
            _ => {}
        }
    }
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[track_caller]
fn check(view: View, expected: &[&str], absent: &[&str]) {
    check_at("/", view, expected, absent);
}

#[track_caller]
fn check_at(path: &str, view: View, expected: &[&str], absent: &[&str]) {
    let words = words(&page_at(view, path));
    for part in expected {
        assert!(words.contains(part), "`{part}` is missing in: {words}");
    }
    for part in absent {
        assert!(!words.contains(part), "`{part}` should not be in: {words}");
    }
}

#[test]
fn a_plant_without_lines_says_what_to_do() {
    check(fixture::empty(), &["No line", "[line.NAME]"], &["On spec"]);
}

#[test]
fn a_silent_line_waits_for_its_first_reading() {
    check(
        fixture::waiting(),
        &["tm3 Waiting", "Waiting for the first reading.", "No reading has come yet."],
        &["On spec", "Why", "Process against its limit"],
    );
}

#[test]
fn a_learning_line_says_how_far_it_is() {
    check(
        fixture::learning(),
        &["tm3 Learning", "7 of 20 batches", "only specification limits can flag a batch"],
        &["Process against its limit"],
    );
}

#[test]
fn an_on_spec_batch_is_calm() {
    check(
        fixture::on_spec(),
        &[
            "tm3 On spec",
            "TM3-260123-014",
            "facial-15",
            "2 % likely to end off spec",
            "46 % of the batch made",
            "Model pca v4, 20 batches, 56,200 rows, limit provisional A model waits to be promoted",
        ],
        &["Why", "Affected", "Moved first"],
    );
    check_at(
        "/models",
        fixture::on_spec(),
        &[
            "Grade facial-15 made now",
            "Wrong flags 2 of 120 good batches 0.2 to 5.9 %, 1.0 % promised",
            "Drift none that shows",
            "Soft sensors Property How good that was",
        ],
        &[],
    );
    let drifted = "Drift 4 of the last 31 good batches passed its limits";
    check_at("/models", fixture::at_risk(), &[drifted], &["none that shows"]);
}

#[test]
fn a_batch_at_risk_says_why_since_when_and_where() {
    check(
        fixture::at_risk(),
        &[
            "tm3 At risk",
            "Since 00:25 , for 6 min",
            "71 % likely to end off spec",
            "SPE 3.21 times its limit",
            "refiner_power 41 %",
            "T² 1.31 times its limit",
            "basis_weight 15.08 g/m2 , lately inside 14.4 to 15.6; 3.1 % of the batch outside",
            "Moved first refiner_power",
            "What moved, the first to move first Tag Was Expected Since refiner_power stock 146.2 160.3 kW 00:25",
            "Batches in which the same moved, the most alike first Batch Alike Ended TM3-260122-031 22 Jan 12:53",
            "93 % rework; tensile_md 112.4, below its limit of 120; refiner power +5 %",
            "TM3-260121-007 21 Jan 06:20 towel-21 78 % release; 1.2 % outside",
            "29 100–36 100 m 00:25 – 00:31",
        ],
        &["There is no model"],
    );
}

#[test]
fn what_is_judged_by_its_change_is_called_a_change() {
    let mut view = fixture::at_risk();
    let document = view.lines[0].verdict.as_mut().unwrap();
    document.movers[0].over_s = Some(300.0);
    let Reason::Process { changes, .. } = &mut document.reasons[0] else { panic!("a monitor") };
    changes.push(("refiner_power".into(), 300.0));
    check(
        view,
        &[
            "refiner_power change over 5 min 41 %",
            "stock_consistency 22 %",
            "refiner_power change over 5 min stock 146.2 160.3 kW",
        ],
        &[],
    );
}

#[test]
fn control_charts_say_how_good_their_limits_are() {
    check(
        fixture::at_risk(),
        &[
            "basis_weight mean of 60 s",
            "Limits 14.62–15.42 g/m2 Pp 1.33 (1.25–1.41) Ppk 1.29 (1.21–1.37)",
            "Signals 7 of 940 (0.7 %); by chance 0.5 %",
            "Version 2, from 1080 points worth 569 independent ones of 24 good batches, since 22 Jan 00:31",
            "moisture mean of 60 s Limits need 100 independent points; these 840 are worth 62. \
             Good batches: 24, and at least 20 are needed.",
            "tensile_md laboratory, a value for each batch",
            "Signals 1 of 3 (33.3 %); by chance 0.8 %",
            "Version 1, from 34 points worth 31 independent ones of 34 good batches, on trial, since 22 Jan 00:31 . \
             So few points leave limits open: these are 1.12 times as wide as three sigma, and in 95 of 100 such charts \
             at most 3.4 % of the points signal by chance.",
        ],
        &[],
    );
    let page = page(fixture::at_risk());
    assert_eq!(page.matches("<circle r=\"4.5\"").count(), 17, "the points that signal");
    let corrected = "<title>TM3-260123-012, 23:46 UTC: nelson-1- (a point beyond 3 sigma); since corrected to 131</title>";
    assert!(page.contains(corrected), "what was said stays, and what counts stands beside it");
    assert!(
        page.contains("<title>23:32 UTC: nelson-1- (a point beyond 3 sigma)</title>"),
        "each says why"
    );
    assert!(!page.contains("NaN"));
}

#[test]
fn an_off_spec_batch_names_every_broken_limit() {
    check(
        fixture::off_spec(),
        &[
            "tm3 Off spec",
            "basis_weight 15.93 g/m2 , above its limit of 15.6",
            "Laboratory: tensile_md 117.9 , below its limit of 120",
            "shift-a decided: rework",
            "&gt; 99 % likely to end off spec",
        ],
        &[],
    );
}

#[test]
fn missing_data_is_unknown_and_names_the_tags() {
    check(
        fixture::uncovered(),
        &["tm3 Unknown", "Only 62 % of the good data", "missing: moisture , basis_weight"],
        &["tm3 On spec"],
    );
}

#[test]
fn a_blind_line_shows_its_last_verdict_as_past() {
    check(
        fixture::blind(),
        &["tm3 Blind", "Nothing is heard from this line", "The last verdict was On spec , since"],
        &["tm3 On spec", "likely to end"],
    );
}

#[test]
fn several_lines_are_seen_at_a_glance_and_the_worst_is_in_the_title() {
    let page = page(fixture::several());
    assert!(page.contains("<title>At risk · tm3 · onspec</title>"), "{page}");
    let words = words(&page);
    for expected in [
        "tm3 At risk 1 alarm TM3-260123-014 facial-15 since 00:25 71 % likely off spec \
         24 min , 1.3 t, 42 000 m left Tags not moving together",
        "tm4 On spec TM3-260123-014",
        "tm5 Waiting Waiting for the first reading.",
    ] {
        assert!(words.contains(expected), "{expected}: {words}");
    }
    let places: Vec<usize> = ["lines/tm3", "lines/tm4", "lines/tm5"]
        .iter()
        .map(|line| page.find(&format!("href=\"{line}\"")).unwrap())
        .collect();
    assert!(places.is_sorted(), "people remember places");
}

#[test]
fn a_line_has_a_page_with_the_way_to_the_others() {
    let page = page_at(fixture::several(), "/lines/tm4");
    assert!(page.contains("<title>On spec · tm4 · onspec</title>"), "{page}");
    for expected in [
        "class=\"is-risk\" href=\"../lines/tm3\"",
        "href=\"../lines/tm4\" aria-current=\"page\"",
        "<a href=\"../batches/tm3/TM3-260122-031\">",
        "<a href=\"../batches/tm3/TM3-260122-031/report\">",
        "href=\"../lines/tm4/moment?at=1769128260000\"",
        "href=\"../sensors?line=tm4\"",
    ] {
        assert!(page.contains(expected), "{expected}: {page}");
    }
    assert!(!page.contains("Alarms of the line"), "those of another");
    let page = page_at(fixture::several(), "/lines/tm3");
    assert!(words(&page).contains("Alarms of the line warning reel TM3-260123-014 at risk new"));
    assert!(page.contains("href=\"../lines/tm3/moment?at=1769127900000\""), "when it was flagged");
    let fixture = fixture::state(fixture::several());
    assert_eq!(
        fixture::get(&fixture, "/lines/tm9").error(),
        "no line is called `tm9`; there are: `tm3`, `tm4`, `tm5`"
    );
}

/// The first view of a mill of twenty lines and two thousand tags.
#[test]
fn the_first_view_of_twenty_lines_is_small_and_quick() {
    let fixture = fixture::state(fixture::many_lines(20, 100));
    fixture::parts(&fixture.api.health);
    // Nanoseconds on a processor, where the system tells them.
    let on_processor = || {
        let told = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
        told.split(' ').next()?.parse::<u64>().ok()
    };
    let before = on_processor();
    let page = fixture::get(&fixture, "/").text;
    // The system counts coarsely: one of many.
    for _ in 0..20 {
        fixture::get(&fixture, "/");
    }
    let took = on_processor().zip(before).map(|(after, before)| (after - before) / 21_000);
    println!("the first view: {} bytes, {took:?} µs of processor", page.len());
    assert_eq!(page.matches("class=\"tile ").count(), 20);
    assert!(page.len() <= 150_000, "{} bytes", page.len());
    assert!(took.is_none_or(|took| took <= 300_000), "{took:?} µs");
    for (path, most) in [("/lines/line-00", 150_000), ("/sensors", 250_000), ("/alarms", 150_000)] {
        let length = fixture::get(&fixture, path).text.len();
        println!("{path}: {length} bytes");
        assert!(length <= most, "{path}: {length} bytes");
    }
    let files: usize =
        [include_str!("page.css"), include_str!("page.js")].map(str::len).iter().sum();
    assert!(files <= 60_000, "{files} bytes of style and script");
}

#[test]
fn batches_tags_parts_and_faults_have_their_tables() {
    check(
        fixture::at_risk(),
        &[
            "TM3-260122-030 Off spec rework 23.1 % 30 min 77 726 m",
            "TM3-260122-026 Void",
            "steam_pressure 7.4 bar 5 min stuck 23 Jan 00:25",
            "vacuum_box_2 31 204 kPa 64 s stale 23 Jan 00:29",
            "All 9 sensors of the line",
        ],
        &[],
    );
    check_at(
        "/sensors",
        fixture::at_risk(),
        &[
            "9 of 9 sensors, 2 of them not to be trusted",
            "steam_pressure tm3 7.4 bar 5 min stuck 23 Jan 00:25 25 %",
            "crepe_ratio tm3 −0.00018 1 s good – 100 %",
        ],
        &[],
    );
    check_at(
        "/health",
        fixture::at_risk(),
        &[
            "influxdb degraded connection refused",
            "Readings stored 1 284 330",
            "unknown-topic 41",
            "mill/tm3/dry/steam not-json expected `,` at byte 17",
        ],
        &[],
    );
}

#[test]
fn no_name_from_the_plant_becomes_markup() {
    let fixture = fixture::state(fixture::hostile());
    let mut api = fixture.api.clone();
    api.note = tokio::sync::watch::Sender::new(Some(HOSTILE.into())).subscribe();
    api.health.set(HOSTILE, crate::telemetry::State::Failed, HOSTILE, 0);
    let fixture = Fixture { api, ..fixture };
    let mut told = 0;
    for path in LIVE {
        let path = path
            .replace("tm3", "%3C%2Ftd%3E%3Cscript%3Ealert(1)%3C%2Fscript%3E%22%27%26%E2%80%AE%00");
        let and = if path.contains('?') { '&' } else { '?' };
        for path in [path.clone(), format!("{path}{and}part=main")] {
            let text = fixture::get(&fixture, &path).text;
            told += text
                .matches("&lt;/td&gt;&lt;script&gt;alert(1)&lt;/script&gt;&quot;&#39;&amp;")
                .count();
            assert!(!text.contains("<script>") && !text.contains("alert(1)</"), "{path}");
            assert!(!text.contains(['\u{202e}', '\u{0}']), "{path}");
            let scripts = text.matches("<script").count();
            let of_page = 1 + usize::from(path.starts_with("/sensors"));
            assert_eq!(scripts, if path.ends_with("=main") { 0 } else { of_page }, "{path}");
            // Every quote belongs to an attribute: tags are closed where the program closed them.
            assert_eq!(text.matches('<').count(), text.matches('>').count(), "{path}");
        }
    }
    assert!(told > 20, "{told}");
}

#[test]
fn nothing_is_inline_and_nothing_comes_from_elsewhere() {
    for path in LIVE {
        let page = page_at(fixture::at_risk(), path);
        for forbidden in
            [" style=", "<style", " onclick", " onload", "javascript:", "http://", "https://"]
        {
            assert!(!page.contains(forbidden), "{path}: {forbidden}");
        }
    }
    let files = [include_str!("page.css"), include_str!("page.js")];
    assert!(files.iter().all(|file| !file.contains("://") && !file.contains("@import")));
}

#[test]
fn every_id_is_there_once_and_every_heading_has_its_table_header() {
    for path in LIVE {
        is_whole(&page_at(fixture::several(), path));
    }
}

fn is_whole(page: &str) {
    let mut ids: Vec<&str> =
        page.split(" id=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    let all = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), all);
    for table in page.split("<table").skip(1) {
        let table = table.split("</table>").next().unwrap();
        assert!(table.contains("scope=\"col\"") || table.contains("<caption>"), "{table}");
        assert!(table.contains("scope=\"row\"") || table.contains("Topic"), "{table}");
    }
    assert!(page.contains("role=\"status\" aria-live=\"polite\""));
}

#[test]
fn a_core_that_hangs_and_a_note_stand_above_everything() {
    let fixture = fixture::state(fixture::on_spec());
    fixture.heartbeat.set(Duration::from_secs(42));
    let api = super::super::ApiState {
        note: tokio::sync::watch::Sender::new(Some("A demonstration".into())).subscribe(),
        ..fixture.api.clone()
    };
    let text = words(&fixture::get(&Fixture { api, ..fixture }, "/").text);
    let expected = "A demonstration What stands here may be old: the core has not moved for 42 s";
    assert!(text.contains(expected), "{text}");
}

#[test]
fn a_fit_and_a_model_that_waits_are_said() {
    let fixture = fixture::with_fit(fixture::state(fixture::on_spec()));
    let text = words(&fixture::get(&fixture, "/models").text);
    for expected in [
        "Model of grade facial-15 being fitted from 20 batches since 00:30 : reading frames, 45 %",
        "version 3 waits to be promoted and has judged the last 12 batches: of 8 good ones",
        "Promoted version 4 judges from the next batch boundary of the line on: promoted by shift-a, the artifact",
    ] {
        assert!(text.contains(expected), "{text}");
    }
    check_at("/models", fixture::on_spec(), &[], &["being fitted"]);
    let more = "Learning: 13 more on-spec batches until the first model.";
    check(fixture::learning(), &[more], &["being fitted"]);
}

#[test]
fn a_clock_that_is_behind_is_said() {
    let mut view = fixture::on_spec();
    view.lines[0].clock = Some(fixture::NOW - 2_400_000);
    check(view, &["The last good reading is from 23:51:00 , 40 min ago."], &[]);
    check(fixture::on_spec(), &[], &["The last good reading"]);
}

#[test]
fn the_script_is_told_the_navigation_and_main_of_every_live_page() {
    let fixture = fixture::state(fixture::at_risk());
    for path in LIVE {
        let page = fixture::get(&fixture, path).text;
        let own = path.split_once('?').map_or_else(String::new, |(_, own)| format!("{own}&amp;"));
        assert!(page.contains(&format!("data-fragment=\"?{own}part=main\"")), "{path}");
        let and = if path.contains('?') { '&' } else { '?' };
        let fragment = fixture::get(&fixture, &format!("{path}{and}part=main")).text;
        let (places, main) = fragment.split_once("<main ").unwrap();
        assert!(places.starts_with("<nav data-part id=\"places\"") && page.contains(places));
        assert!(page.contains(&format!("<main {main}<footer>")), "{path}");
        assert_eq!(fixture::get(&fixture, &format!("{path}{and}part=all")).status, 400);
    }
}

#[test]
fn every_page_has_one_heading_a_way_past_its_head_and_its_place_in_the_navigation() {
    let fixture = fixture::with_models(fixture::state(fixture::at_risk()), fixture::registry());
    let of_model = "/backtest?line=tm3&grade=facial-15&version=3";
    for (path, place) in [
        ("/", Some("overview")),
        ("/alarms", Some("alarms")),
        ("/lines/tm3", Some("overview")),
        ("/sensors?sick=1", Some("sensors")),
        ("/health", Some("health")),
        ("/batches", Some("batches")),
        ("/models?line=tm3", Some("models")),
        (of_model, Some("models")),
    ] {
        let page = fixture::get(&fixture, path).text;
        assert_eq!(page.matches("<h1").count(), 1, "{path}");
        let main = page.split_once("<main id=\"main\" tabindex=\"-1\">").unwrap().1;
        assert!(main.contains("<h1"), "{path}");
        // The first thing that the keyboard reaches.
        let first = page.find("<a ").unwrap();
        assert!(page[first..].starts_with("<a class=\"skip\" href=\"#main\">"), "{path}");
        let here: Vec<&str> = page
            .split("<a id=\"place-")
            .skip(1)
            .filter(|link| link.split('>').next().unwrap().contains("aria-current=\"page\""))
            .filter_map(|link| link.split('"').next())
            .collect();
        assert_eq!(here, place.as_slice(), "{path}");
        assert!(page.contains("Alarms <b class=\"count\">2<span class=\"unseen\"> not ack"));
    }
    let calm = View { alarms: Vec::new(), ..fixture::on_spec() };
    let page = page_at(calm, "/health");
    assert!(!page.contains("class=\"count\""), "nothing waits");
    assert!(page.contains("class=\"is-ok\">Overview</a>"), "{page}");
    let page = page_at(fixture::off_spec(), "/health");
    assert!(page.contains("<span class=\"unseen\">Off spec</span> Overview</a>"), "{page}");
}

/// Behind a prefix nobody here knows of, everything that a page names is found.
#[test]
fn a_page_finds_its_files_and_its_neighbours_from_any_depth() {
    let fixture = fixture::state(fixture::at_risk());
    let page = |path: &str| {
        let request = Request::get(path).header("accept", "text/html");
        fixture::ask(&fixture, request.body(Body::empty()).unwrap()).text
    };
    for (path, root) in [("/nothing", ""), ("/no/such/thing", "../../"), ("/no/such/", "../../")] {
        let page = page(path);
        for file in ["assets/page.css", "assets/icon.svg", "alarms", "metrics"] {
            assert!(page.contains(&format!(" href=\"{root}{file}\"")), "{path} {file}: {page}");
        }
        let home = if root.is_empty() { "./" } else { root };
        assert!(page.contains(&format!("class=\"brand\" href=\"{home}\"")), "{path}");
        assert!(!page.contains("href=\"/"), "{path}");
    }
}

#[test]
fn files_are_sent_once() {
    let fixture = fixture::state(fixture::empty());
    for (path, kind) in [
        ("/assets/page.css", "text/css; charset=utf-8"),
        ("/assets/page.js", "text/javascript; charset=utf-8"),
        ("/assets/sift.js", "text/javascript; charset=utf-8"),
        ("/assets/icon.svg", "image/svg+xml"),
        ("/api/openapi.json", "application/json"),
    ] {
        let first = fixture::get(&fixture, path);
        assert_eq!((first.status, first.header("content-type")), (200, kind), "{path}");
        assert!(!first.text.is_empty());
        let again = |tag: &str| -> Answer {
            let request = Request::get(path).header("if-none-match", tag);
            fixture::ask(&fixture, request.body(Body::empty()).unwrap())
        };
        let etag = first.header("etag").to_owned();
        let same = again(&format!("\"other\", W/{etag}"));
        assert_eq!((same.status, same.text.as_str(), same.header("etag")), (304, "", &*etag));
        assert_eq!(again("\"other\"").status, 200);
    }
}

#[test]
fn the_page_may_not_be_framed_kept_or_extended() {
    let fixture = fixture::state(fixture::on_spec());
    let answer = fixture::get(&fixture, "/");
    assert_eq!(answer.header("content-type"), "text/html; charset=utf-8");
    assert_eq!(answer.header("cache-control"), "no-store");
    assert_eq!(answer.header("content-security-policy"), guard::CONTENT_SECURITY_POLICY);
    assert!(!guard::CONTENT_SECURITY_POLICY.contains("unsafe"));
}

#[test]
fn the_newest_view_is_shown() {
    let fixture = fixture::state(fixture::on_spec());
    fixture.view.send_replace(Arc::new(fixture::off_spec()));
    assert!(words(&fixture::get(&fixture, "/").text).contains("tm3 Off spec"));
}

#[test]
fn the_last_start_is_summed_up_with_its_gaps() {
    let summary = "down 42 min, 2 batches judged late, 0 messages known lost, 1 possible gap.";
    let gap = "the broker has lost the session `onspec-1`";
    let reading = "What the brokers held meanwhile is being read.";
    let check =
        |view, expected: &[&str], absent: &[&str]| check_at("/health", view, expected, absent);
    check(fixture::on_spec(), &[summary, gap], &[reading]);
    let mut open = fixture::on_spec();
    open.recovery = Some(crate::engine::Recovery { caught_up: None, ..fixture::recovery() });
    check(open, &[summary, gap, reading], &[]);
    check(View { recovery: None, ..fixture::on_spec() }, &[], &["Last start"]);
}

#[test]
fn a_model_that_waits_has_a_page_of_what_it_would_have_said() {
    let fixture = fixture::with_models(fixture::state(fixture::on_spec()), fixture::registry());
    let page = fixture::get(&fixture, "/models").text;
    let link = page.split("href=\"backtest?").nth(1).and_then(|rest| rest.split('"').next());
    assert_eq!(link, Some("line=tm3&amp;grade=facial-15&amp;version=3"));
    for expected in
        ["3 waits", "2 judges", "1 judged", "1.0 % 0.2 to 5.9 % provisional fitted pca of 8 tags"]
    {
        assert!(words(&page).contains(expected), "{expected}: {}", words(&page));
    }
    let answer = fixture::get(&fixture, "/backtest?line=tm3&grade=facial-15&version=3");
    let text = words(&answer.text);
    for expected in [
        "What model 3 would have said Line tm3 , grade facial-15 , which waits for a person.",
        "2 of 30 batches: 2 finished batches of the grade are remembered, no more.",
        "Bad batches flagged: by the model 1 of 1, live 1 of 1",
        "Promised, provisionally: 1 of 100 batches flagged wrongly",
        "Not counted, batches: 1 that it learned",
        "bad off-spec 5 % left flags 62 % left refiner_power",
        "good, learned on-spec",
    ] {
        assert!(text.contains(expected), "{expected}: {text}");
    }
    assert!(!answer.text.contains("<script") && !answer.text.contains("alert(1)</"));
    assert_eq!(answer.text.matches('<').count(), answer.text.matches('>').count());
    assert_eq!(fixture::get(&fixture, "/backtest?line=tm3").status, 400);
    assert_eq!(fixture::get(&fixture, "/backtest?line=tm3&grade=g&version=1").status, 404);
}

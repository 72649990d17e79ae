//! The page in Chinese.

use super::super::super::fixture::{self, Fixture};
use super::LIVE;
use crate::engine::{MaintenanceView, View};
use crate::verdict::Learning;
use crate::words::{Language, Locale};
use axum::body::Body;
use axum::http::Request;

/// A plant whose configuration says this language, while a model is fitted and one waits.
fn plant(view: View, language: Language) -> Fixture {
    let fixture = fixture::with_models(fixture::state(view), fixture::registry());
    let mut fixture = fixture::with_fit(fixture);
    fixture.api.note = tokio::sync::watch::Sender::new(Some("A mill".into())).subscribe();
    fixture::parts(&fixture.api.health);
    fixture.api.locale = Locale { language, ..fixture.api.locale };
    fixture
}

/// A view in which everything is said that can be.
fn all() -> View {
    let mut view = fixture::several();
    view.alarms_standing += 300;
    for (alarm, design) in view.alarms.iter_mut().zip(crate::alarm::Design::ALL) {
        (alarm.isa, alarm.chatters) = ("suppressed", true);
        alarm.suppressed_by = Some(design.reason());
    }
    for (tag, fault) in view.lines[0].tags.iter_mut().zip(["stuck", "rail", "spike", "skew"]) {
        tag.health = fault.into();
    }
    let line = &mut view.lines[1];
    line.clock = Some(fixture::NOW - 90_000_000);
    line.maintenance = Some(MaintenanceView {
        since: fixture::STARTED,
        until: fixture::NOW,
        by: Some("shift-a".into()),
        note: None,
    });
    line.verdict.as_mut().unwrap().learning = Some(Learning { have: 3, need: 20, borrowed: true });
    line.tags.clear();
    line.last_batches.clear();
    view
}

#[test]
fn nothing_is_left_in_english_but_names_and_what_is_marked() {
    for view in [
        fixture::empty(),
        fixture::waiting(),
        fixture::learning(),
        fixture::on_spec(),
        fixture::at_risk(),
        fixture::off_spec(),
        fixture::uncovered(),
        fixture::blind(),
        all(),
    ] {
        let fixture = plant(view, Language::Chinese);
        fixture.heartbeat.set(std::time::Duration::from_secs(42));
        for path in
            LIVE.iter().copied().chain(["/nothing", "/backtest?line=tm3&grade=facial-15&version=3"])
        {
            let request = Request::get(path).header("accept", "text/html");
            let page = fixture::ask(&fixture, request.body(Body::empty()).unwrap()).text;
            assert!(page.starts_with("<!doctype html><html lang=\"zh-CN\">"));
            assert_eq!(fixture::left_over(&page), [], "{path}");
        }
    }
}

#[test]
fn the_configuration_says_the_language_and_a_reader_may_ask_for_the_other() {
    let both = [(Language::English, "tm3: At risk"), (Language::Chinese, "tm3：有风险")];
    for (configured, of_configuration) in both {
        let fixture = plant(fixture::at_risk(), configured);
        let page = fixture::get(&fixture, "/").text;
        assert!(page.contains(of_configuration) && page.contains("data-fragment=\"?part=main\""));
        assert!(!page.contains("/report?language="), "what goes without saying is not said");
        for (asked, told) in both {
            let query = format!("?language={}", asked.as_str());
            let page = fixture::get(&fixture, &format!("/{query}")).text;
            assert!(page.contains(&format!("<html lang=\"{}\">", asked.as_str())));
            assert!(page.contains(told));
            let fragment = fixture::get(&fixture, &format!("/{query}&part=main")).text;
            assert!(page.contains(fragment.split_once("<main ").unwrap().1));
            // Wherever a link leads, it is in the language that was asked for.
            let inside = page.split(" href=\"").skip(1).map(|rest| rest.split('"').next().unwrap());
            let pages = [
                "./",
                "alarms",
                "health",
                "sensors",
                "lines/",
                "batches",
                "models",
                "report/",
                "backtest?",
                "uniformity?",
            ];
            let inside = inside.filter(|link| pages.iter().any(|page| link.starts_with(page)));
            let (mut links, mut with) = (0, 0);
            for link in inside.chain(page.split("data-fragment=\"").skip(1)) {
                links += 1;
                with += usize::from(link.split('"').next().unwrap().contains(&query[1..]));
            }
            assert!(links > 8, "{links}");
            // The script asks for the page that it is on, as it was asked for.
            assert_eq!(with, if asked == configured { 1 } else { links });
        }
        assert_eq!(fixture::get(&fixture, "/?language=fr").status, 400);
    }
}

#[test]
fn the_same_page_is_offered_in_the_other_language() {
    let fixture = plant(fixture::at_risk(), Language::English);
    let page = fixture::get(&fixture, "/").text;
    assert!(
        page.contains("<a href=\"?language=zh-CN\" lang=\"zh-CN\" hreflang=\"zh-CN\">中文</a>")
    );
    let asked = "/backtest?line=tm3&grade=facial-15&version=3&language=zh-CN";
    let page = fixture::get(&fixture, asked).text;
    let same = "?line=tm3&amp;grade=facial-15&amp;version=3&amp;language=en\"";
    assert!(page.contains(same), "{page}");
    assert!(page.contains(" href=\"./?language=zh-CN\""), "{page}");
}

/// What a shift leader reads of a batch at risk.
#[test]
fn a_batch_at_risk() {
    let mut view = fixture::at_risk();
    // One signal is enough to read.
    view.lines[0].charts[0].recent.truncate(70);
    let fixture = plant(view, Language::Chinese);
    // With one line, `/` says the same as the page of that line.
    let pages = LIVE.iter().skip(1).map(|path| fixture::get(&fixture, path).text);
    let main = |page: String| page.split_once("<main").map(|(_, main)| format!("<main{main}"));
    let page: String = pages.filter_map(main).collect();
    let mut page = page.replace(['\u{a0}', '\u{202f}'], " ");
    for end in ["</p>", "</tr>", "</h1>", "</h2>", "</h3>", "</li>", "</caption>", "</dd>", "</ol>"]
    {
        page = page.replace(end, &format!("\n{end}"));
    }
    let words = super::words(&page.replace('\n', "\u{1}"));
    let lines = words.trim_start_matches("id=\"main\" ");
    let lines = lines.split('\u{1}').map(str::trim).filter(|line| !line.is_empty());
    insta::assert_snapshot!(lines.collect::<Vec<_>>().join("\n"));
}

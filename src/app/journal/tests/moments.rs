//! The page of a moment says what `onspec explain` says of the same journal, to the digit.

use super::*;
use crate::app::moment::{States, Under, explained, trends};
use crate::app::run::moments::RunningMoments;
use crate::engine::Explanation;
use crate::http::{ApiState, Explained, Moments};
use crate::store::Reader;
use crate::telemetry::{Health, ManualClock, Metrics};
use axum::body::Body;
use axum::http::Request;
use std::sync::Arc;
use tower::ServiceExt;

fn under() -> Under {
    let checked = mill();
    Under { rules: checked.rules(), plant: checked.plant }
}

/// What `onspec explain` says, read from the begin.
fn by_command(mill: &Mill, at: Timestamp) -> Explanation {
    let (journal, _) = Journal::open(&mill.path(), Span::default(), None).unwrap();
    let under = under();
    let engine = journal.engine(&under.plant, &under.rules).unwrap();
    let mut judging = Judging::Registry(Box::new(engine));
    explain(&journal, &mut judging, (LineIx(0), at), &mut || {}).unwrap()
}

/// A mill of which each batch ends before a state.
fn made(batches: std::ops::Range<i64>) -> Mill {
    let mut mill = Mill::new(1 << 30);
    let mut pipeline = mill.run(0..0);
    for ix in batches {
        mill.commit(&mut pipeline, batch(ix));
        pipeline.checkpoint().unwrap();
    }
    mill
}

#[test]
fn a_moment_is_the_same_from_the_nearest_state_as_from_the_begin() {
    let mill = made(0..12);
    let reader = Reader::open(&mill.path()).unwrap();
    let of = |n: i64, states: &mut States| {
        explained((&reader, &mill.path()), &under(), (LineIx(0), second(n)), states)
    };
    let asked = [
        90,
        1,
        10 * FRAMES + 90,
        10 * FRAMES + 89,
        10 * FRAMES + 1,
        5 * FRAMES,
        5 * FRAMES + 119,
        12 * FRAMES - 2,
    ];
    let mut states = States::default();
    for n in asked {
        let told = by_command(&mill, second(n));
        assert_eq!(of(n, &mut States::default()).unwrap(), told, "{n}");
        assert_eq!(of(n, &mut states).unwrap(), told, "{n}, with what was remembered");
    }
    let why = of(9000, &mut states).unwrap_err().to_string();
    assert!(why.contains("the last frame of the line ended at 2026-01-23T00:2"), "{why}");
}

#[test]
fn an_answer_is_kept_for_who_comes_again_and_what_is_not_known_is_told_once() {
    let mill = made(0..4);
    let moments = RunningMoments::new(Reader::open(&mill.path()).unwrap(), mill.path(), under());
    let told = moments.explain("tm3", second(90)).unwrap();
    assert!(matches!(told, Explained::Told(_)));
    assert_eq!(moments.explain("tm3", second(90)).unwrap(), told);
    let later = second(4 * FRAMES + 60);
    assert!(matches!(moments.explain("tm3", later).unwrap(), Explained::Unknown(_)));
    let mut mill = mill;
    let mut pipeline = mill.open();
    mill.commit(&mut pipeline, batch(4));
    // It was found once, and once more by who asks again; then it is looked for anew.
    assert!(matches!(moments.explain("tm3", later).unwrap(), Explained::Unknown(_)));
    let Explained::Told(moment) = moments.explain("tm3", later).unwrap() else { panic!() };
    assert_eq!(moment.explanation.at, Some(later.as_millis()));
}

#[test]
fn what_nobody_knows_is_said_in_words() {
    let mill = made(0..2);
    let moments = RunningMoments::new(Reader::open(&mill.path()).unwrap(), mill.path(), under());
    let said = moments.explain("tm3", second(-90)).unwrap();
    let Explained::Unknown(why) = said else { panic!("{said:?}") };
    assert!(why.starts_with("nothing is known of 2026-01-22T23:58:30Z"), "{why}");
    let said = moments.explain("tm9", second(9)).unwrap();
    assert_eq!(said, Explained::Unknown("no line is called `tm9`".into()));
}

#[test]
fn trends_are_the_frames_that_are_kept() {
    let mill = made(0..4);
    let reader = Reader::open(&mill.path()).unwrap();
    let plant = under().plant;
    let between = (second(0), second(2 * FRAMES));
    let tags: Vec<Arc<str>> = ["c", "gone", "a"].map(Arc::from).into();
    let found = trends(&reader, (&plant, LineIx(0)), between, &tags).unwrap();
    let names: Vec<&str> = found.iter().map(|trend| &*trend.tag).collect();
    assert_eq!(names, ["c", "a"], "what the line does not have is left out");
    let values: u32 = found[1].bins.iter().map(|bin| bin.values).sum();
    assert_eq!(i64::from(values), 2 * FRAMES, "each frame is in one bin");
    assert!(found[1].bins.windows(2).all(|two| two[0].to <= two[1].from));
    assert!(found[1].bins.iter().all(|bin| bin.least <= bin.mean && bin.mean <= bin.greatest));
    // Longer than there are bins: several frames share one.
    let between = (second(0), second(4 * FRAMES));
    let found = trends(&reader, (&plant, LineIx(0)), between, &tags[..1]).unwrap();
    assert!(found[0].bins.len() <= 360 && found[0].bins[0].values == 2, "{:?}", found[0].bins[0]);
}

/// The rows of the table of statistics: value, limit, and share of it.
fn statistics(page: &str) -> Vec<[String; 3]> {
    let table = page.split_once("movers statistics").unwrap().1.split_once("</table>").unwrap().0;
    let cells = |row: &str| {
        let mut cells = row.split("<td class=\"num\">").skip(1).map(|cell| {
            let cell = cell.split("</td>").next().unwrap().replace("</span>", "");
            cell.rsplit('>').next().unwrap().to_owned()
        });
        [(); 3].map(|()| cells.next().unwrap())
    };
    table.split("<tr").skip(2).map(cells).collect()
}

#[tokio::test]
async fn the_page_shows_the_statistics_of_the_command_to_the_digit() {
    let mill = made(0..12);
    let at = second(10 * FRAMES + 90);
    let moments = RunningMoments::new(Reader::open(&mill.path()).unwrap(), mill.path(), under());
    let pipeline = mill.open();
    let (_, view) = tokio::sync::watch::channel(Arc::new(pipeline.view()));
    let api = ApiState {
        view,
        health: Health::default(),
        metrics: Metrics::default(),
        clock: Arc::new(ManualClock::at(0)),
        progress: Arc::new(Beats),
        history: None,
        models: None,
        moments: Some(Arc::new(moments)),
        events: None,
        desk: None,
        webhooks: None,
        fits: None,
        note: tokio::sync::watch::Sender::new(None).subscribe(),
        reload: None,
        locale: crate::words::Locale::default(),
        links: None,
        public_url: None,
        shifts: Vec::new(),
    };
    let path = format!("/lines/tm3/moment?at={}", at.as_millis());
    let request = Request::get(path).body(Body::empty()).unwrap();
    let answer = crate::http::router(api).oneshot(request).await.unwrap();
    let page = axum::body::to_bytes(answer.into_body(), 1 << 24).await.unwrap();
    let page = String::from_utf8(page.to_vec()).unwrap();
    let told = by_command(&mill, at);
    let of = |value: f64, limit: f64| {
        [format!("{value:.3}"), format!("{limit:.3}"), format!("{:.2}", value / limit)]
    };
    let expected: Vec<[String; 3]> =
        told.statistics.iter().map(|one| of(one.value, one.limit)).collect();
    assert!(!expected.is_empty());
    assert_eq!(statistics(&page), expected, "{page}");
    assert!(page.contains("<bdi>R10</bdi>"), "{page}");
}

#[derive(Debug)]
struct Beats;

impl crate::http::Progress for Beats {
    fn heartbeat_age(&self) -> std::time::Duration {
        std::time::Duration::ZERO
    }
}

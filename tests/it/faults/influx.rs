//! InfluxDB is away, wrong, or of another mind.

use super::plant::Plant;
use super::site::{LONG, Site};
use crate::support::{Front, HttpFront, Signal, wait_until};

#[test]
fn influxdb_may_be_away_at_the_start_and_later_and_events_do_not_wait_for_it() {
    let mut site = Site::new();
    site.influx.stop();
    let mut daemon = site.daemon();
    let mut plant = Plant::of_january();
    site.publish(&plant.work(150));
    let expected = plant.events(&site.config()).len();
    wait_until("the events came without InfluxDB", LONG, || site.events().len() >= expected);
    site.influx.start_again();
    site.wait_stored(&plant);

    for _ in 0..2 {
        site.publish(&plant.work(60));
        site.influx.kill();
        site.publish(&plant.work(60));
        site.wait_committed(plant.count());
        site.influx.start_again();
        site.wait_stored(&plant);
    }
    site.check(&plant);
    assert_eq!(daemon.terminate(), Some(0), "{}", daemon.log());
}

#[test]
fn influxdb_that_is_busy_hangs_or_refuses_for_a_while_gets_everything() {
    let mut site = Site::new();
    let front = HttpFront::start(&site.influx.url());
    site.influx_url = front.url();
    let mut daemon = site.daemon();
    let mut plant = Plant::of_january();
    for what in [
        Front::Status(429, "too many"),
        Front::Status(503, "not now"),
        Front::Silence,
        // In the server's own words: the bad line is looked for, and there is none.
        Front::Status(400, r#"{"code":"invalid","message":"no"}"#),
    ] {
        let before = front.kept_back();
        // A second 400 might be of a half that is one line, and be believed.
        let times = if matches!(what, Front::Status(400, _)) { 1 } else { 2 };
        front.answer_next(vec![what.clone(); times]);
        site.publish(&plant.work(60));
        wait_until(&format!("{what:?} was said"), LONG, || front.kept_back() >= before + times);
        site.wait_stored(&plant);
    }
    site.check(&plant);
    assert!(
        site.metric("onspec_influxdb_parked_lines_total") < 0.5,
        "nothing was wrong with any line"
    );
    assert_eq!(daemon.terminate(), Some(0), "{}", daemon.log());
}

#[test]
fn what_influxdb_refuses_for_good_is_parked_and_all_else_arrives() {
    let mut site = Site::new();
    let front = HttpFront::start(&site.influx.url());
    site.influx_url = front.url();
    let mut daemon = site.daemon();
    let mut plant = Plant::of_january();
    front.answer_always(Front::RefuseWith("tag=poison"));
    let mut messages = plant.work(150);
    let ts = 1_769_126_400_000_i64;
    messages.insert(200, ("mill/tm3/dry/poison".into(), format!(r#"{{"v":1,"ts":{ts}}}"#).into()));
    site.publish(&messages);
    site.check(&plant);
    let parked = || site.metric("onspec_influxdb_parked_lines_total");
    wait_until("one line is parked", LONG, || parked() > 0.5);
    assert!(parked() < 1.5, "{} lines", parked());
    assert_eq!(daemon.terminate(), Some(0), "{}", daemon.log());
}

#[test]
fn a_wrong_token_keeps_everything_until_it_is_mended() {
    let site = Site::new();
    std::fs::write(&site.token, "no-such-token").expect("the directory is ours");
    let mut daemon = site.daemon();
    let mut plant = Plant::of_january();
    site.publish(&plant.work(150));
    site.wait_for_health("influxdb", "401");
    assert_eq!(site.stored(), 0);
    let expected = plant.events(&site.config()).len();
    wait_until("the events came all the same", LONG, || site.events().len() >= expected);

    std::fs::write(&site.token, site.influx.token()).expect("the directory is ours");
    daemon.signal(Signal::Hangup);
    site.publish(&plant.work(60));
    site.check(&plant);
    assert_eq!(daemon.terminate(), Some(0), "{}", daemon.log());
}

//! The broker goes, and comes back with what it held or without.

use super::plant::Plant;
use super::site::{LONG, Site};
use crate::support::{PATIENCE, TcpProxy, get, wait_until};

/// Events of a lost session.
fn gaps(site: &Site) -> Vec<String> {
    let told = site.events_of("system.degraded").into_iter();
    told.filter(|body| body.contains("mqtt/plant/session")).collect()
}

#[test]
fn a_broker_that_comes_back_with_its_sessions_brings_everything_and_no_gap_is_told() {
    let mut site = Site::new();
    let line = TcpProxy::start(site.broker.port());
    site.broker_url = format!("mqtt://127.0.0.1:{}", line.port());
    let mut daemon = site.daemon();
    let mut plant = Plant::of_january();
    site.publish(&plant.work(100));
    site.wait_committed(plant.count());

    // What it holds for a daemon that is away goes with it through its restart, twice.
    for _ in 0..2 {
        line.cut();
        site.publish(&plant.work(50));
        site.broker.restart();
        line.resume();
        site.wait_committed(plant.count());
    }
    site.publish(&plant.work(100));
    site.check(&plant);
    assert_eq!(gaps(&site), Vec::<String>::new());
    assert_eq!(daemon.terminate(), Some(0), "{}", daemon.log());
}

#[test]
fn a_broker_that_was_killed_loses_what_it_held_and_that_is_told_as_a_gap_once() {
    let mut site = Site::new();
    let line = TcpProxy::start(site.broker.port());
    site.broker_url = format!("mqtt://127.0.0.1:{}", line.port());
    let mut daemon = site.daemon();
    let mut plant = Plant::of_january();
    site.publish(&plant.work(100));
    site.wait_committed(plant.count());

    // These die with the broker, which had acknowledged them: nobody sends them again.
    line.cut();
    let mut lost = Plant::beginning(1_700_000_000_000);
    let of_another_year = lost.work(10);
    site.publish(&of_another_year[1..]);
    site.broker.kill();
    site.broker.start_again();
    line.resume();
    wait_until("the gap is told", LONG, || !gaps(&site).is_empty());
    let told = gaps(&site);
    assert!(told[0].contains("onspec-1") && told[0].contains("since 20"), "{told:?}");

    // Killed in the middle of the work: the gateway says again what it has no acknowledgement of.
    wait_until("the gap is at its end", LONG, || !site.events_of("system.recovered").is_empty());
    let messages = plant.work(600);
    let port = site.broker.port();
    std::thread::scope(|scope| {
        let publisher = scope.spawn(|| super::site::publish(port, &messages));
        site.wait_committed(plant.count() - 1200);
        site.broker.kill();
        site.broker.start_again();
        publisher.join().expect("the gateway ends well");
    });
    // The session is as new, and the gateway may have been through before it was there: once more.
    wait_until("the link stands again", PATIENCE, || {
        get(&site.url("/readyz")).is_ok_and(|answer| answer.status == 200)
    });
    site.publish(&messages);
    site.check(&plant);
    wait_until("both gaps are told", LONG, || gaps(&site).len() == 2);
    wait_until("both are at their end", LONG, || site.events_of("system.recovered").len() == 2);
    assert_eq!(daemon.terminate(), Some(0), "{}", daemon.log());
}

//! The line between the daemon and the broker: cut, dead, slow.

use super::plant::Plant;
use super::site::{LONG, Site};
use crate::support::{TcpProxy, get, wait_until};

#[test]
fn a_link_that_is_cut_stalled_and_slow_loses_nothing() {
    let mut site = Site::new();
    let line = TcpProxy::start(site.broker.port());
    site.broker_url = format!("mqtt://127.0.0.1:{}", line.port());
    let mut daemon = site.daemon();
    let mut plant = Plant::of_january();
    let ready = || get(&site.url("/readyz")).is_ok_and(|answer| answer.status == 200);

    // Cut in the middle of the work, again and again.
    for _ in 0..3 {
        let messages = plant.work(50);
        let (first, second) = messages.split_at(messages.len() / 2);
        site.publish(first);
        line.cut();
        site.publish(second);
        line.resume();
        site.wait_committed(plant.count());
    }

    // Dead: both ends are open and nothing passes. It is noticed by the pings that find no answer.
    line.stall();
    site.publish(&plant.work(50));
    wait_until("the dead link is noticed", LONG, || !ready());
    let connections = line.accepted();
    line.resume();
    wait_until("the link is made anew", LONG, || ready() && line.accepted() > connections);
    site.wait_committed(plant.count());

    // Slow: 100 kB of messages at 20 kB/s, and every reading that has passed is kept.
    line.throttle(Some(20_000));
    let before = line.passed().1;
    site.publish(&plant.work(150));
    let part = plant.count() - 300;
    site.wait_committed(part);
    assert!(ready(), "a slow link is a link");
    line.throttle(None);
    site.wait_committed(plant.count());
    assert!(line.passed().1 > before, "nothing came through the slow line");

    site.check(&plant);
    assert_eq!(daemon.terminate(), Some(0), "{}", daemon.log());
}

//! The receiver of webhooks is away, or never answers.

use super::plant::Plant;
use super::site::{LONG, Site};
use crate::support::{Answer, wait_until};

#[test]
fn a_receiver_that_hangs_up_or_hangs_delays_no_reading_and_gets_each_event_once_by_id() {
    let site = Site::new();
    site.webhook.answer_always(Answer::HangUp);
    let mut daemon = site.daemon();
    let mut plant = Plant::of_january();
    for answer in [Answer::HangUp, Answer::Silence] {
        site.webhook.answer_always(answer);
        let before = site.webhook.received().len();
        site.publish(&plant.work(120));
        // Readings arrive, though no event can.
        site.wait_stored(&plant);
        wait_until("the receiver was asked", LONG, || site.webhook.received().len() > before);
    }
    let asked: Vec<_> = site.events().into_keys().collect();
    assert_eq!(asked.len(), 1, "order is kept: the first event is said again until it is taken");
    site.webhook.answer_always(Answer::Status(204));
    site.publish(&plant.work(120));
    site.check(&plant);
    assert_eq!(daemon.terminate(), Some(0), "{}", daemon.log());
}

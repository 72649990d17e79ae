//! The link to a real broker: nothing lost, nothing acknowledged early, everything said arrives.

mod publishing;
mod refusals;
mod rig;
mod roads;
mod stays;

use std::time::Duration;

use bytes::Bytes;
use onspec::{
    mqtt::{LinkError, LinkEvent, Version},
    telemetry::State,
};

use self::rig::{Wanted, greet, publish_all, publish_numbers, soon, wanted};
use crate::support::Mosquitto;

/// What was published while the link was away comes in order; what was released never comes again,
/// what was not comes again.
async fn check_nothing_is_lost_while_away(version: Version) {
    let broker = Mosquitto::start();
    greet(broker.port()).await;
    let mut rig = wanted(broker.port(), version).start();
    assert_eq!(rig.event().await, LinkEvent::Up { session_present: false });
    rig.greeted().await;
    rig.stop().await;

    publish_numbers(broker.port(), 0..5000).await;

    let mut rig = wanted(broker.port(), version).start();
    assert_eq!(rig.event().await, LinkEvent::Up { session_present: true });
    let mut held = Vec::new();
    if version == Version::V4 {
        // 3.1.1 has no word for "only when the subscription is new".
        rig.greeted_or_numbers(&mut held, 2500).await;
    } else {
        for expected in 0..2500 {
            let (number, receipt) = rig.number().await;
            assert_eq!(number, expected);
            if number < 2400 {
                receipt.release();
            } else {
                held.push(receipt);
            }
        }
    }
    rig.stop().await;
    drop(held);

    let mut rig = wanted(broker.port(), version).start();
    assert_eq!(rig.event().await, LinkEvent::Up { session_present: true });
    let mut expected = 2400;
    while expected < 5000 {
        let delivery = rig.delivery().await;
        if !delivery.arrival.retained {
            assert_eq!(delivery.arrival.payload, expected.to_string());
            expected += 1;
        }
        delivery.receipt.release();
    }
    while rig.event().await != LinkEvent::CaughtUp {}
    rig.stop().await;

    publish_numbers(broker.port(), 9000..9001).await;
    let mut rig = wanted(broker.port(), version).start();
    let mut delivery = rig.delivery().await;
    while delivery.arrival.retained {
        delivery = rig.delivery().await;
    }
    assert_eq!(delivery.arrival.payload, "9000", "something that was acknowledged came again");
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_while_the_link_is_away_with_mqtt_5() {
    check_nothing_is_lost_while_away(Version::V5).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_while_the_link_is_away_with_mqtt_3() {
    check_nothing_is_lost_while_away(Version::V4).await;
}

/// A broker that goes and comes back with its sessions finds the link again; what was not released
/// comes again, and what came by the old connection cannot be acknowledged by the new one.
async fn check_broker_restart(version: Version) {
    let mut broker = Mosquitto::start();
    greet(broker.port()).await;
    let mut rig = wanted(broker.port(), version).start();
    assert_eq!(rig.connection_event().await, LinkEvent::Up { session_present: false });
    rig.greeted().await;
    publish_numbers(broker.port(), 0..50).await;
    let mut stale = Vec::new();
    for expected in 0..50 {
        let (number, receipt) = rig.number().await;
        assert_eq!(number, expected);
        stale.push(receipt);
    }

    broker.stop();
    let down = rig.connection_event().await;
    assert!(matches!(down, LinkEvent::Down { .. }), "{down:?}");
    assert_ne!(rig.standing().0, State::Ok);
    broker.start_again();
    assert_eq!(rig.connection_event().await, LinkEvent::Up { session_present: true });
    for receipt in stale {
        receipt.release();
    }
    publish_numbers(broker.port(), 50..60).await;
    let mut expected = 0;
    while expected < 60 {
        let delivery = rig.delivery().await;
        if !delivery.arrival.retained {
            assert_eq!(delivery.arrival.payload, expected.to_string());
            expected += 1;
        }
        delivery.receipt.release();
    }
    rig.stands(State::Ok, "").await;
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_comes_back_is_found_again_with_mqtt_5() {
    check_broker_restart(Version::V5).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_comes_back_is_found_again_with_mqtt_3() {
    check_broker_restart(Version::V4).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_lost_session_the_subscription_is_made_anew() {
    let mut broker = Mosquitto::start();
    greet(broker.port()).await;
    let mut rig = wanted(broker.port(), Version::V5).start();
    assert_eq!(rig.connection_event().await, LinkEvent::Up { session_present: false });
    rig.greeted().await;
    broker.kill();
    assert!(matches!(rig.connection_event().await, LinkEvent::Down { .. }));
    broker.start_again();
    assert_eq!(rig.connection_event().await, LinkEvent::Up { session_present: false });
    greet(broker.port()).await;
    let delivery = rig.delivery().await;
    assert_eq!(delivery.arrival.payload, "hello");
    delivery.receipt.release();
    rig.stop().await;
}

async fn check_large_payload(version: Version) {
    let broker = Mosquitto::start();
    greet(broker.port()).await;
    let mut rig = wanted(broker.port(), version).start();
    rig.greeted().await;
    let large = Bytes::from(vec![b'x'; 10 << 20]);
    // Together more than the link's room: the later ones wait for the release of the first.
    publish_all(broker.port(), "mill/large", false, vec![large.clone(); 8]).await;
    for _ in 0..8 {
        let delivery = rig.delivery().await;
        assert!(delivery.arrival.payload == large, "another payload");
        delivery.receipt.release();
    }
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_mebibytes_are_one_message_with_mqtt_5() {
    check_large_payload(Version::V5).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_mebibytes_are_one_message_with_mqtt_3() {
    check_large_payload(Version::V4).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_packet_that_is_too_large_is_said_with_what_to_do() {
    let broker = Mosquitto::start();
    greet(broker.port()).await;
    let small = |w: &mut Wanted| w.settings.max_packet_size = 20_000;
    let mut rig = wanted(broker.port(), Version::V4).with(small).start();
    rig.greeted().await;
    publish_all(broker.port(), "mill/large", false, vec![Bytes::from(vec![b'x'; 30_000])]).await;
    rig.stands(State::Failed, "raise `max_packet_size`").await;
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_that_brings_nothing_is_noticed() {
    let broker = Mosquitto::start();
    let short = |w: &mut Wanted| w.settings.silent_after = Duration::from_millis(300);
    let mut rig = wanted(broker.port(), Version::V5).with(short).start();
    assert_eq!(rig.event().await, LinkEvent::Up { session_present: false });
    assert_eq!(rig.event().await, LinkEvent::Silent);
    assert_eq!(rig.standing(), (State::Degraded, "connected, and nothing came for 0.3 s".into()));
    greet(broker.port()).await;
    while rig.event().await != LinkEvent::Heard {}
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_nobody_takes_from_ends() {
    let broker = Mosquitto::start();
    greet(broker.port()).await;
    let mut rig = wanted(broker.port(), Version::V5).start();
    rig.deliveries.close();
    let end = soon("the end of the link", rig.tasks.join_next()).await;
    let end = end.expect("there is one task").expect("it does not panic");
    assert!(matches!(end, Err(LinkError::NobodyTakes { .. })), "{end:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_shares_the_messages() {
    let broker = Mosquitto::start();
    let member = |id: &'static str| {
        wanted(broker.port(), Version::V5).with(|w| {
            w.settings.client_id = id.to_owned();
            w.settings.share = Some("group".to_owned());
        })
    };
    let (mut one, mut other) = (member("one").start(), member("other").start());
    let mut numbers = Vec::new();
    // Retained messages are not for groups; after a second on the link the subscription stands.
    while one.event().await != LinkEvent::CaughtUp {}
    while other.event().await != LinkEvent::CaughtUp {}
    publish_numbers(broker.port(), 0..100).await;
    while numbers.len() < 100 {
        let (number, receipt) = soon("a share", async {
            tokio::select! { n = one.number() => n, n = other.number() => n }
        })
        .await;
        receipt.release();
        numbers.push(number);
    }
    numbers.sort_unstable();
    assert_eq!(numbers, (0..100).collect::<Vec<u32>>());
    one.stop().await;
    other.stop().await;
}

//! What the link says: status, outbox, verdicts again.

use std::sync::Arc;

use onspec::{
    mqtt::{LinkEvent, Version},
    telemetry::State,
};

use super::rig::{FakeOutbox, Peer, Told, Wanted, publish_numbers, soon, text, wanted};
use crate::support::{Mosquitto, TcpProxy};

async fn check_publishing(version: Version) {
    let broker = Mosquitto::start();
    let mut observer = Peer::observer(broker.port(), "onspec/#").await;
    let (outbox, mut told) = FakeOutbox::new();
    outbox.put(1, "tm3/verdict", r#"{"n":1}"#);
    outbox.put(2, "tm3/batch", r#"{"n":2}"#);
    let rig = wanted(broker.port(), version)
        .with(|w| {
            w.settings.publish_prefix = Some("onspec".to_owned());
            w.outbox = Some(Arc::clone(&outbox));
        })
        .start();
    let said = |topic: &str, text: &str, retained| (topic.to_owned(), text.to_owned(), retained);
    assert_eq!(observer.said().await, said("onspec/status", "online", false));
    let verdict = observer.message().await;
    assert_eq!(
        (text(&verdict.topic), text(&verdict.payload)),
        ("onspec/tm3/verdict".into(), r#"{"n":1}"#.into())
    );
    let expiry = verdict.properties.and_then(|p| p.message_expiry_interval);
    match version {
        Version::V5 => assert!(expiry.is_some_and(|s| (170..=180).contains(&s)), "{expiry:?}"),
        Version::V4 => assert_eq!(expiry, None),
    }
    assert_eq!(observer.said().await, said("onspec/tm3/batch", r#"{"n":2}"#, false));
    outbox.put(3, "tm3/batch", r#"{"n":3}"#);
    assert_eq!(observer.said().await, said("onspec/tm3/batch", r#"{"n":3}"#, false));
    let mut done = Vec::new();
    while done.len() < 3 {
        if let Some(Told::Done(id)) = soon("an entry done", told.recv()).await {
            done.push(id);
        }
    }
    assert_eq!(done, [1, 2, 3]);

    // Who comes later hears status and verdict, not the batch.
    drop(observer);
    let mut late = Peer::observer(broker.port(), "onspec/#").await;
    let mut retained = [late.said().await, late.said().await];
    retained.sort();
    assert_eq!(
        retained,
        [said("onspec/status", "online", true), said("onspec/tm3/verdict", r#"{"n":1}"#, true)]
    );
    rig.crash().await;
    assert_eq!(late.said().await, said("onspec/status", "offline", false));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_outbox_holds_is_published_and_done_with_mqtt_5() {
    check_publishing(Version::V5).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_outbox_holds_is_published_and_done_with_mqtt_3() {
    check_publishing(Version::V4).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ordered_stop_says_offline() {
    let broker = Mosquitto::start();
    let mut observer = Peer::observer(broker.port(), "onspec/#").await;
    let prefix = |w: &mut Wanted| w.settings.publish_prefix = Some("onspec".to_owned());
    let rig = wanted(broker.port(), Version::V5).with(prefix).start();
    assert_eq!(observer.said().await.1, "online");
    rig.stop().await;
    assert_eq!(observer.said().await.1, "offline");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_entry_is_done_only_when_the_broker_has_acknowledged_it() {
    let broker = Mosquitto::start();
    let proxy = TcpProxy::start(broker.port());
    let mut observer = Peer::observer(broker.port(), "onspec/#").await;
    let (outbox, mut told) = FakeOutbox::new();
    let mut rig = wanted(proxy.port(), Version::V5)
        .with(|w| {
            w.settings.publish_prefix = Some("onspec".to_owned());
            w.outbox = Some(Arc::clone(&outbox));
        })
        .start();
    assert_eq!(observer.said().await.1, "online");
    proxy.stall();
    outbox.put(7, "tm3/batch", "{}");
    assert_eq!(soon("a hand-out", told.recv()).await, Some(Told::HandedOut(7)));
    proxy.cut();
    while !matches!(rig.event().await, LinkEvent::Down { .. }) {}
    assert!(told.try_recv().is_err(), "done, and nobody acknowledged it");
    proxy.resume();
    assert_eq!(soon("a second hand-out", told.recv()).await, Some(Told::HandedOut(7)));
    assert_eq!(soon("the end of the entry", told.recv()).await, Some(Told::Done(7)));
    while observer.said().await != ("onspec/tm3/batch".into(), "{}".into(), false) {}
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_published_is_put_aside_and_the_rest_goes_on() {
    let broker = Mosquitto::start();
    let mut observer = Peer::observer(broker.port(), "onspec/#").await;
    let (outbox, mut told) = FakeOutbox::new();
    outbox.put(1, "tm+3/batch", "{}");
    outbox.put(2, "tm3/batch", "{}");
    let rig = wanted(broker.port(), Version::V5)
        .with(|w| {
            w.settings.publish_prefix = Some("onspec".to_owned());
            w.outbox = Some(Arc::clone(&outbox));
        })
        .start();
    while observer.said().await.0 != "onspec/tm3/batch" {}
    let mut heard = Vec::new();
    while heard.last() != Some(&Told::Done(2)) {
        let told = soon("something told", told.recv()).await.expect("the outbox lives");
        if !matches!(told, Told::HandedOut(_)) {
            heard.push(told);
        }
    }
    let reason = "no topic that can be published to".to_owned();
    assert_eq!(heard, [Told::Parked(1, reason), Told::Done(1), Told::Done(2)]);
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_publication_that_is_not_allowed_is_said_and_kept() {
    let directory = tempfile::tempdir().expect("a directory for temporary files");
    let list = directory.path().join("acl");
    std::fs::write(&list, "topic deny onspec/tm3/batch\ntopic readwrite #\n").expect("it is ours");
    let broker = Mosquitto::start_with(&format!("acl_file {}", list.display()));
    let (outbox, mut told) = FakeOutbox::new();
    outbox.put(1, "tm3/batch", "{}");
    let mut rig = wanted(broker.port(), Version::V5)
        .with(|w| {
            w.settings.publish_prefix = Some("onspec".to_owned());
            w.outbox = Some(Arc::clone(&outbox));
        })
        .start();
    // This broker ends the connection with its refusal. The link must come back and stay.
    for expected in ["up", "down", "up", "caught up"] {
        let event = rig.event().await;
        let is = match event {
            LinkEvent::Up { .. } => "up",
            LinkEvent::Down { .. } => "down",
            LinkEvent::CaughtUp => "caught up",
            _ => "",
        };
        assert_eq!(is, expected, "{event:?}");
    }
    rig.stands(State::Degraded, "does not take `onspec/tm3/batch`: not authorized").await;
    publish_numbers(broker.port(), 5..6).await;
    assert_eq!(rig.number().await.0, 5);
    rig.stop().await;
    assert_eq!(told.recv().await, Some(Told::HandedOut(1)));
    assert!(told.try_recv().is_err(), "it is not done");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_newest_verdict_is_said_again_and_holds_longer() {
    const BODY: &str = r#"{"line":"tm3","batch":null,"grade":null,"verdict":"on-spec","since":0,"probability_off_spec":null,"progress":null,"reasons":[],"first_mover":null,"spans":[],"revision":3,"ts":1000,"valid_until":181000}"#;
    let broker = Mosquitto::start();
    let mut observer = Peer::observer(broker.port(), "onspec/+/verdict").await;
    let rig = wanted(broker.port(), Version::V5)
        .with(|w| {
            w.settings.publish_prefix = Some("onspec".to_owned());
            w.newest_verdicts = vec![("tm3/verdict".to_owned(), BODY.as_bytes().to_vec())];
        })
        .start();
    let (topic, body, _) = observer.said().await;
    assert_eq!(topic, "onspec/tm3/verdict");
    let said: serde_json::Value = serde_json::from_str(&body).expect("it is JSON");
    assert_eq!((&said["ts"], &said["revision"]), (&1000.into(), &3.into()));
    assert!(said["valid_until"].as_i64() > Some(1_700_000_000_000), "{said}");
    rig.stop().await;
}

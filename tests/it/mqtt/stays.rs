//! What must not end a link, nor leave it deaf.

#![allow(clippy::disallowed_methods, reason = "a broker that says something in real time")]

use std::{
    io::{Read, Write},
    net::{Ipv4Addr, TcpListener, TcpStream},
    time::{Duration, Instant},
};

use bytes::Bytes;
use onspec::mqtt::{LinkEvent, Version};

use super::rig::{Wanted, greet, publish_all, publish_numbers, wanted};
use crate::support::{Mosquitto, PATIENCE, wait_until};

/// A broker that takes everything, answers no ping, and says something every two seconds: as one does whose answer
/// stands behind all that it has held for us.
fn broker_without_pings(seconds: u64) -> u16 {
    let listener =
        TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("there is a loopback interface");
    let port = listener.local_addr().expect("a listener has an address").port();
    std::thread::spawn(move || -> std::io::Result<()> {
        let (mut client, _) = listener.accept()?;
        // CONNACK without a session, accepted, no properties.
        packet(&mut client)?;
        client.write_all(&[0x20, 3, 0, 0, 0])?;
        // SUBACK under the packet's id: QoS 1.
        let subscribe = packet(&mut client)?;
        client.write_all(&[0x90, 4, subscribe[0], subscribe[1], 0, 1])?;
        for second in (0..=seconds).step_by(2) {
            let (begun, pause) = (Instant::now(), Duration::from_secs(2));
            wait_until("the next is due", PATIENCE, || begun.elapsed() >= pause);
            // PUBLISH at QoS 0, no properties.
            let text = second.to_string();
            let length = u8::try_from(2 + 6 + 1 + text.len()).expect("it is short");
            client.write_all(
                &[&[0x30, length, 0, 6], &b"mill/x"[..], &[0], text.as_bytes()].concat(),
            )?;
        }
        // Keeps the connection.
        while client.read(&mut [0; 64])? > 0 {}
        Ok(())
    });
    port
}

/// The body of the next packet, which is a short one.
fn packet(client: &mut TcpStream) -> std::io::Result<Vec<u8>> {
    let mut header = [0; 2];
    client.read_exact(&mut header)?;
    let mut body = vec![0; usize::from(header[1])];
    client.read_exact(&mut body)?;
    Ok(body)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_sends_lives_though_its_answer_to_a_ping_is_late() {
    let port = broker_without_pings(12);
    let often = |w: &mut Wanted| w.settings.keep_alive = Duration::from_secs(5);
    let mut rig = wanted(port, Version::V5).with(often).start();
    assert_eq!(rig.connection_event().await, LinkEvent::Up { session_present: false });
    for second in (0..=12).step_by(2) {
        let (number, receipt) = rig.number().await;
        assert_eq!(number, second);
        receipt.release();
    }
    while let Ok(event) = rig.events.try_recv() {
        assert!(!matches!(event, LinkEvent::Down { .. }), "{event:?}");
    }
    rig.crash().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retained_message_that_is_too_large_ends_no_link_with_mqtt_5() {
    let broker = Mosquitto::start();
    publish_all(broker.port(), "mill/large", true, vec![Bytes::from(vec![b'x'; 30_000])]).await;
    greet(broker.port()).await;
    let small = |w: &mut Wanted| w.settings.max_packet_size = 20_000;
    let mut rig = wanted(broker.port(), Version::V5).with(small).start();
    assert_eq!(rig.connection_event().await, LinkEvent::Up { session_present: false });
    rig.greeted().await;
    publish_numbers(broker.port(), 0..10).await;
    for expected in 0..10 {
        let (number, receipt) = rig.number().await;
        assert_eq!(number, expected);
        receipt.release();
    }
    while let Ok(event) = rig.events.try_recv() {
        assert!(!matches!(event, LinkEvent::Down { .. }), "{event:?}");
    }
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_is_there_gets_the_topics_that_are_new() {
    let broker = Mosquitto::start();
    greet(broker.port()).await;
    let mut rig = wanted(broker.port(), Version::V5).start();
    rig.greeted().await;
    rig.stop().await;
    let more = |w: &mut Wanted| w.settings.subscriptions.push(("lab/#".to_owned(), 1));
    let mut rig = wanted(broker.port(), Version::V5).with(more).start();
    assert_eq!(rig.connection_event().await, LinkEvent::Up { session_present: true });
    // Retained, so that it comes as soon as the subscription stands.
    publish_all(broker.port(), "lab/x", true, vec![Bytes::from_static(b"1")]).await;
    let delivery = rig.delivery().await;
    assert_eq!(&*delivery.arrival.topic, "lab/x");
    delivery.receipt.release();
    rig.stop().await;
}

async fn check_topics_taken_out_come_no_more(version: Version) {
    let broker = Mosquitto::start();
    greet(broker.port()).await;
    let more = |w: &mut Wanted| w.settings.subscriptions.push(("lab/#".to_owned(), 1));
    let mut rig = wanted(broker.port(), version).with(more).start();
    rig.greeted().await;
    rig.stop().await;

    // One that the session never had is as good as forgotten.
    let less = |w: &mut Wanted| w.outdated = vec!["lab/#".to_owned(), "old/+".to_owned()];
    let mut rig = wanted(broker.port(), version).with(less).start();
    assert_eq!(rig.connection_event().await, LinkEvent::Up { session_present: true });
    assert_eq!(rig.connection_event().await, LinkEvent::Settled);
    publish_all(broker.port(), "lab/x", false, vec![Bytes::from_static(b"0")]).await;
    publish_all(broker.port(), "mill/x", false, vec![Bytes::from_static(b"1")]).await;
    loop {
        let delivery = rig.delivery().await;
        delivery.receipt.release();
        if &*delivery.arrival.topic == "mill/x" {
            break;
        }
        assert_eq!(&*delivery.arrival.topic, "mill/hello", "3.1.1 greets each time");
    }
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn topics_taken_out_come_no_more_mqtt_5() {
    check_topics_taken_out_come_no_more(Version::V5).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn topics_taken_out_come_no_more_mqtt_3() {
    check_topics_taken_out_come_no_more(Version::V4).await;
}

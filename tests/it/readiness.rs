//! `/readyz` says yes only when a message published from then on arrives: a plant starts its
//! publishers by it.

use crate::support::{Daemon, PATIENCE, configure, free_port, get, wait_until};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};

/// A broker that answers when it is told to.
struct SlowBroker {
    listener: TcpListener,
}

impl SlowBroker {
    fn new() -> Self {
        Self { listener: TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port") }
    }

    fn port(&self) -> u16 {
        self.listener.local_addr().expect("it listens").port()
    }

    fn accept(&self) -> TcpStream {
        let (stream, _) = self.listener.accept().expect("the daemon connects");
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        stream
    }
}

/// Reads packets up to one of that type (MQTT 5, 2.1.2), and returns what follows its fixed header.
fn packet(stream: &mut TcpStream, kind: u8) -> Vec<u8> {
    let mut byte = || {
        let mut byte = [0];
        stream.read_exact(&mut byte).expect("a packet comes");
        byte[0]
    };
    let found = byte() >> 4;
    let (mut len, mut shift) = (0_usize, 0);
    loop {
        let digit = byte();
        len |= usize::from(digit & 0x7f) << shift;
        shift += 7;
        if digit & 0x80 == 0 {
            break;
        }
    }
    let mut body = vec![0; len];
    stream.read_exact(&mut body).expect("a whole packet comes");
    if found == kind { body } else { packet(stream, kind) }
}

#[test]
fn ready_means_connected_and_subscribed() {
    const CONNECT: u8 = 1;
    const SUBSCRIBE: u8 = 8;
    let broker = SlowBroker::new();
    let http = free_port();
    let directory = tempfile::tempdir().expect("a directory for temporary files");
    let rest = r#"
        name = "plant"
        [[mqtt.subscribe]]
        topic = "mill/{line}/{area}/{tag}"
        [line.tm3.tag.basis_weight]
        unit = "g/m2"
    "#;
    let url = format!("mqtt://127.0.0.1:{}", broker.port());
    let path = configure(directory.path(), &url, http, rest);
    let mut daemon = Daemon::start(&path);
    let url = format!("http://127.0.0.1:{http}/readyz");
    // Every answer until the expected words come, so that a yes in between is seen.
    let says = |words: &str, status: u16| {
        wait_until(words, PATIENCE, || {
            let Ok(answer) = get(&url) else { return false };
            let text = answer.text();
            let found = text.contains(words);
            assert!(found || answer.status == 503, "ready too early: {text}");
            assert!(!found || answer.status == status, "{words} with {}: {text}", answer.status);
            found
        });
    };

    says("`mqtt/plant` is starting: connecting", 503);
    let mut stream = broker.accept();
    packet(&mut stream, CONNECT);
    says("`mqtt/plant` is starting: connecting", 503);
    // CONNACK: no session, accepted, no properties.
    stream.write_all(&[0x20, 3, 0, 0, 0]).expect("the daemon listens");
    let subscribe = packet(&mut stream, SUBSCRIBE);
    says("`mqtt/plant` is starting: subscribing", 503);
    // SUBACK: the packet's id, no properties, QoS 1 granted.
    stream.write_all(&[0x90, 4, subscribe[0], subscribe[1], 0, 1]).expect("the daemon listens");
    says(r#""status":"ready""#, 200);
    drop(stream);
    wait_until("not ready without a broker", PATIENCE, || {
        get(&url).is_ok_and(|answer| answer.status == 503)
    });
    assert_eq!(daemon.terminate(), Some(0), "{}", daemon.log());
}

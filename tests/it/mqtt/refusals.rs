//! What a broker refuses is said loudly.

use std::{
    io::{Read, Write},
    net::{Ipv4Addr, TcpListener},
};

use onspec::{
    mqtt::Version,
    telemetry::{Secret, State},
};

use super::rig::{Wanted, wanted};
use crate::support::Mosquitto;

/// A broker that says yes to a client and gives these answers to its subscription.
fn broker_that_answers(connack: &'static [u8], codes: &'static [u8], version: Version) -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("there is a port");
    let port = listener.local_addr().expect("it is bound").port();
    std::thread::spawn(move || {
        while let Ok((mut client, _)) = listener.accept() {
            drop(client.set_nodelay(true));
            let mut packet = || -> std::io::Result<(u8, Vec<u8>)> {
                let mut header = [0; 2];
                client.read_exact(&mut header)?;
                assert!(header[1] < 128, "a packet with a long length");
                let mut body = vec![0; usize::from(header[1])];
                client.read_exact(&mut body)?;
                let answer = match header[0] >> 4 {
                    1 => connack.to_vec(),
                    8 => {
                        let properties: &[u8] = if version == Version::V5 { &[0] } else { &[] };
                        let length = 2 + properties.len() + codes.len();
                        let length = u8::try_from(length).expect("it is short");
                        [&[0x90, length, body[0], body[1]], properties, codes].concat()
                    }
                    _ => Vec::new(),
                };
                client.write_all(&answer)?;
                Ok((header[0], body))
            };
            while packet().is_ok() {}
        }
    });
    port
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_subscription_fails_loudly() {
    let two = |w: &mut Wanted| {
        w.settings.subscriptions = vec![("mill/#".to_owned(), 1), ("lab/#".to_owned(), 1)];
    };
    let port = broker_that_answers(&[0x20, 3, 0, 0, 0], &[1, 0x87], Version::V5);
    let rig = wanted(port, Version::V5).with(two).start();
    rig.stands(State::Failed, "`lab/#`: not authorized (0x87)").await;
    assert!(!rig.standing().1.contains("mill"), "{:?}", rig.standing());
    rig.crash().await;

    let port = broker_that_answers(&[0x20, 2, 0, 0], &[0x80, 1], Version::V4);
    let rig = wanted(port, Version::V4).with(two).start();
    rig.stands(State::Failed, "`mill/#`: unspecified error (0x80)").await;
    rig.crash().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_filter_that_is_none_fails_loudly() {
    let broker = Mosquitto::start();
    let wrong = |w: &mut Wanted| w.settings.subscriptions = vec![("mill/#/x".to_owned(), 1)];
    let rig = wanted(broker.port(), Version::V5).with(wrong).start();
    rig.stands(State::Failed, "`mill/#/x`: no topic filter").await;
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_password_is_said_and_never_shown() {
    let port = broker_that_answers(&[0x20, 3, 0, 0x86, 0], &[], Version::V5);
    let secret =
        |w: &mut Wanted| w.credentials = Some(("user".into(), Some(Secret::new("hush-hush"))));
    let rig = wanted(port, Version::V5).with(secret).start();
    rig.stands(State::Failed, "wrong user name or password (0x86)").await;
    assert!(!rig.standing().1.contains("hush"));
    rig.stop().await;
}

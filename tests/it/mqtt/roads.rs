//! The ways to a broker beside plain MQTT: TLS with an authority of our own and a client's certificate, user and
//! password, WebSocket.

use std::{
    io::{Read, Write},
    net::{Ipv4Addr, TcpListener, TcpStream},
};

use base64::{Engine as _, prelude::BASE64_STANDARD as BASE64};
use bytes::Bytes;
use onspec::{
    mqtt::{LinkEvent, TlsSettings, Version},
    telemetry::{Secret, State},
};
use sha2::{Digest as _, Sha512};

use super::rig::{Wanted, greet, publish_all, publish_numbers, wanted};
use crate::support::{Authority, Mosquitto, PATIENCE, free_port, wait_until};

/// A way to the broker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Road {
    /// WebSocket.
    Ws,
    /// WebSocket over TLS.
    Wss,
    /// TLS, with a certificate of the client.
    Tls,
}

/// A broker that all roads lead to.
struct Site {
    broker: Mosquitto,
    authority: Authority,
    ports: [u16; 3],
}

impl Site {
    fn start() -> Self {
        Self::start_with(|_| String::new())
    }

    fn start_with(more: impl FnOnce(&Authority) -> String) -> Self {
        let authority = Authority::new();
        let ports = [free_port(), free_port(), free_port()];
        let [ws, wss, tls] = ports;
        let own = authority.directory().display();
        let certificates =
            format!("cafile {own}/ca.pem\ncertfile {own}/server.pem\nkeyfile {own}/server.key");
        let broker = Mosquitto::start_with(&format!(
            "{}\n\
             listener {ws} 127.0.0.1\nprotocol websockets\n\
             listener {wss} 127.0.0.1\nprotocol websockets\n{certificates}\n\
             listener {tls} 127.0.0.1\n{certificates}\nrequire_certificate true\n",
            more(&authority)
        ));
        let site = Self { broker, authority, ports };
        site.open();
        site
    }

    /// Waits until all its ports are open: mosquitto opens those of WebSockets last.
    fn open(&self) {
        wait_until("all ports are open", PATIENCE, || {
            self.ports.iter().all(|port| TcpStream::connect((Ipv4Addr::LOCALHOST, *port)).is_ok())
        });
    }

    fn by(&self, road: Road, version: Version) -> Wanted {
        let [ws, wss, tls] = self.ports;
        let file = |name: &str| self.authority.file(name);
        let trusting = TlsSettings { ca: Some(file("ca.pem")), identity: None };
        let (port, tls, websocket) = match road {
            Road::Ws => (ws, None, Some("/mqtt")),
            Road::Wss => (wss, Some(trusting), Some("/mqtt")),
            Road::Tls => {
                let identity = Some((file("client.pem"), file("client.key")));
                (tls, Some(TlsSettings { identity, ..trusting }), None)
            }
        };
        wanted(port, version).with(|w| {
            w.settings.tls = tls;
            w.settings.websocket = websocket.map(str::to_owned);
        })
    }
}

/// The session lasts over a restart of the broker, nothing is lost, and a large message is one.
async fn check(road: Road, version: Version) {
    let mut site = Site::start();
    let port = site.broker.port();
    greet(port).await;
    let mut rig = site.by(road, version).start();
    assert_eq!(rig.connection_event().await, LinkEvent::Up { session_present: false });
    rig.greeted().await;
    publish_numbers(port, 0..50).await;
    // They come, and are not acknowledged.
    for expected in 0..50 {
        assert_eq!(rig.number().await.0, expected);
    }

    site.broker.stop();
    let down = rig.connection_event().await;
    assert!(matches!(down, LinkEvent::Down { .. }), "{down:?}");
    site.broker.start_again();
    assert_eq!(rig.connection_event().await, LinkEvent::Up { session_present: true });
    publish_numbers(port, 50..60).await;
    let mut expected = 0;
    while expected < 60 {
        let delivery = rig.delivery().await;
        if !delivery.arrival.retained {
            assert_eq!(delivery.arrival.payload, expected.to_string());
            expected += 1;
        }
        delivery.receipt.release();
    }
    // mosquitto hands a WebSocket four kilobytes at a time, ten times a second.
    let large = Bytes::from(vec![b'x'; 64 << 10]);
    publish_all(port, "mill/large", false, vec![large.clone()]).await;
    let mut delivery = rig.delivery().await;
    // 3.1.1 has no word for "only when the subscription is new".
    while delivery.arrival.retained {
        delivery.receipt.release();
        delivery = rig.delivery().await;
    }
    assert!(delivery.arrival.payload == large, "another payload");
    delivery.receipt.release();
    rig.stands(State::Ok, "").await;
    rig.stop().await;

    // What was acknowledged does not come again.
    publish_numbers(port, 60..61).await;
    let mut rig = site.by(road, version).start();
    let mut delivery = rig.delivery().await;
    while delivery.arrival.retained {
        delivery = rig.delivery().await;
    }
    assert_eq!(delivery.arrival.payload, "60");
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_websocket_keeps_the_session_with_mqtt_5() {
    check(Road::Ws, Version::V5).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_websocket_keeps_the_session_with_mqtt_3() {
    check(Road::Ws, Version::V4).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_websocket_over_tls_keeps_the_session() {
    check(Road::Wss, Version::V5).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tls_with_a_certificate_of_the_client_keeps_the_session() {
    check(Road::Tls, Version::V5).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_not_trusted_is_not_spoken_to() {
    let site = Site::start();
    let other = Authority::new();
    for road in [Road::Wss, Road::Tls] {
        let strange = |w: &mut Wanted| {
            let tls = w.settings.tls.as_mut().expect("it is a road with TLS");
            tls.ca = Some(other.file("ca.pem"));
        };
        let rig = site.by(road, Version::V5).with(strange).start();
        rig.stands(State::Degraded, "invalid peer certificate").await;
        rig.stop().await;
    }
    let nameless = |w: &mut Wanted| {
        w.settings.tls.as_mut().expect("it is a road with TLS").identity = None;
    };
    let rig = site.by(Road::Tls, Version::V5).with(nameless).start();
    rig.stands(State::Degraded, "CertificateRequired").await;
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn user_and_password_open_the_broker_and_a_wrong_one_does_not() {
    // mosquitto's form: SHA-512 of password and salt.
    let hash = BASE64.encode(Sha512::digest(b"open sesametwelve bytes"));
    let users = format!("onspec:$6${}${hash}\n", BASE64.encode("twelve bytes"));
    let site = Site::start_with(|authority| {
        let file = authority.file("users");
        std::fs::write(&file, users).expect("the directory is ours");
        format!("password_file {}", file.display())
    });
    let login = |password: &'static str| {
        site.by(Road::Wss, Version::V5)
            .with(|w| w.credentials = Some(("onspec".into(), Some(Secret::new(password)))))
    };
    let mut rig = login("open sesame").start();
    assert_eq!(rig.connection_event().await, LinkEvent::Up { session_present: false });
    rig.stop().await;
    let rig = login("open wheat").start();
    rig.stands(State::Failed, "look at `username`, `password`").await;
    assert!(!rig.standing().1.contains("wheat"), "{:?}", rig.standing());
    rig.stop().await;
}

/// What stands before a broker: answers as often as it is told, then leads to it.
fn proxy(answers: Vec<Vec<u8>>, broker: Option<u16>) -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("there is a port");
    let port = listener.local_addr().expect("it is bound").port();
    std::thread::spawn(move || {
        let mut answers = answers.into_iter();
        while let Ok((mut client, _)) = listener.accept() {
            if let Some(answer) = answers.next() {
                let mut request = Vec::new();
                while !request.ends_with(b"\r\n\r\n") {
                    let mut byte = [0];
                    if client.read_exact(&mut byte).is_err() {
                        break;
                    }
                    request.push(byte[0]);
                }
                drop(client.write_all(&answer));
                // Until the other side hangs up: what it has not read yet must not be lost.
                drop(client.read(&mut [0; 64]));
            } else if let Some(broker) = broker {
                let mut server =
                    TcpStream::connect((Ipv4Addr::LOCALHOST, broker)).expect("it is there");
                let (mut from, mut to) = (
                    client.try_clone().expect("a second handle"),
                    server.try_clone().expect("a second handle"),
                );
                std::thread::spawn(move || std::io::copy(&mut from, &mut to));
                std::thread::spawn(move || std::io::copy(&mut server, &mut client));
            }
        }
    });
    port
}

fn http(status: &str) -> Vec<u8> {
    format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n").into_bytes()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_of_http_is_said_and_waited_out() {
    let site = Site::start();
    let by = |port: u16| site.by(Road::Ws, Version::V5).with(|w| w.settings.port = port);
    for (status, words) in [
        ("404 Not Found", "the server answers 404 Not Found: set the path in `url`"),
        (
            "403 Forbidden",
            "the server answers 403 Forbidden: broker, or proxy before it, lets nobody in",
        ),
    ] {
        let rig = by(proxy(vec![http(status)], None)).start();
        rig.stands(State::Failed, words).await;
        rig.stop().await;
    }

    let mut rig = by(proxy(vec![http("503 Service Unavailable")], Some(site.ports[0]))).start();
    let down = rig.connection_event().await;
    assert!(matches!(&down, LinkEvent::Down { reason } if reason.contains("503")), "{down:?}");
    assert_eq!(rig.connection_event().await, LinkEvent::Up { session_present: false });
    rig.stands(State::Ok, "").await;
    rig.stop().await;

    // A port of plain MQTT is no WebSocket.
    let rig = by(site.broker.port()).start();
    rig.stands(State::Degraded, "is this a port of plain MQTT").await;
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frame_that_is_too_large_ends_the_connection_and_not_the_process() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("there is a port");
    let port = listener.local_addr().expect("it is bound").port();
    std::thread::spawn(move || {
        while let Ok((client, _)) = listener.accept() {
            send_a_large_frame(client);
        }
    });
    let site = Site::start();
    let rig = site.by(Road::Ws, Version::V4).with(|w| w.settings.port = port).start();
    rig.stands(State::Failed, "sends a packet of 17825792 bytes, `max_packet_size` is 16777216")
        .await;
    rig.stop().await;
}

/// Opens the WebSocket, and sends the head of a frame of 17 MiB and some of it.
#[expect(clippy::result_large_err, reason = "the library's type of a refusal")]
fn send_a_large_frame(client: TcpStream) {
    let mut socket = tokio_tungstenite::tungstenite::accept_hdr(
        client,
        |_: &_, mut answer: tokio_tungstenite::tungstenite::handshake::server::Response| {
            let mqtt = "mqtt".parse().expect("it is a word");
            answer.headers_mut().insert("Sec-WebSocket-Protocol", mqtt);
            Ok(answer)
        },
    )
    .expect("it is a WebSocket");
    socket.read().expect("a CONNECT");
    let client = socket.get_mut();
    let head = [&[0x82, 127][..], &(17_u64 << 20).to_be_bytes(), &[0; 1000]].concat();
    client.write_all(&head).expect("it listens");
    drop(client.read(&mut [0; 64]));
}

//! The harness tested by itself: does each service do what the other tests take for granted?

use std::{fs, process::Command, time::Duration};

use rumqttc::v5::{
    Client, Connection, Event, Incoming, MqttOptions,
    mqttbytes::{
        QoS,
        v5::{ConnAck, Publish},
    },
};

use crate::support::{
    Answer, Chromium, Front, HttpFront, Influxd, Mosquitto, PATIENCE, Point, Received, TcpProxy,
    WebhookReceiver, get, post, service, wait_until,
};

/// Returns a client with a session that outlives its connections.
fn client(id: &str, port: u16) -> (Client, Connection) {
    let mut options = MqttOptions::new(id, "127.0.0.1", port);
    options.set_clean_start(false);
    options.set_session_expiry_interval(Some(3600));
    Client::new(options, 16)
}

/// Runs the connection until a packet comes for which `wanted` has something, and returns that.
#[track_caller]
fn until<T>(connection: &mut Connection, mut wanted: impl FnMut(Incoming) -> Option<T>) -> T {
    loop {
        let event = connection
            .recv_timeout(PATIENCE)
            .expect("the connection says something in time")
            .expect("the connection holds");
        if let Event::Incoming(packet) = event
            && let Some(found) = wanted(packet)
        {
            return found;
        }
    }
}

#[track_caller]
fn until_connected(connection: &mut Connection) -> ConnAck {
    until(connection, |packet| match packet {
        Incoming::ConnAck(packet) => Some(packet),
        _ => None,
    })
}

#[track_caller]
fn until_message(connection: &mut Connection) -> Publish {
    until(connection, |packet| match packet {
        Incoming::Publish(packet) => Some(packet),
        _ => None,
    })
}

/// Publishes with QoS 1 and returns when the broker has the message.
#[track_caller]
fn publish(port: u16, topic: &str, payload: &'static str) {
    let (publisher, mut connection) = client("publisher", port);
    publisher.publish(topic, QoS::AtLeastOnce, false, payload).expect("there is room for it");
    until(&mut connection, |packet| matches!(packet, Incoming::PubAck(_)).then_some(()));
}

/// Subscribes with QoS 1 and goes away, leaving the session behind.
#[track_caller]
fn leave_a_subscription(port: u16, topic: &str) {
    let (subscriber, mut connection) = client("subscriber", port);
    subscriber.subscribe(topic, QoS::AtLeastOnce).expect("there is room for it");
    until(&mut connection, |packet| matches!(packet, Incoming::SubAck(_)).then_some(()));
}

#[test]
fn mosquitto_keeps_a_message_for_an_absent_subscriber_through_a_restart() {
    let mut broker = Mosquitto::start();
    leave_a_subscription(broker.port(), "mill/#");
    publish(broker.port(), "mill/tm1/bw", "21.4");

    broker.restart();

    let (_subscriber, mut connection) = client("subscriber", broker.port());
    let answer = until_connected(&mut connection);
    assert!(answer.session_present, "the broker lost the session");
    let message = until_message(&mut connection);
    assert_eq!(
        (&message.topic[..], &message.payload[..], message.qos),
        (&b"mill/tm1/bw"[..], &b"21.4"[..], QoS::AtLeastOnce)
    );
}

#[test]
fn mosquitto_forgets_when_it_is_killed_and_comes_back_on_its_port() {
    let mut broker = Mosquitto::start();
    leave_a_subscription(broker.port(), "mill/#");

    broker.kill();
    let (_subscriber, mut connection) = client("subscriber", broker.port());
    assert!(
        connection.recv_timeout(PATIENCE).expect("a refusal comes at once").is_err(),
        "somebody answers for a broker that is dead"
    );

    broker.start_again();
    assert!(!until_connected(&mut connection).session_present);
}

#[test]
fn influxd_gives_back_what_was_written() {
    let server = Influxd::start();
    let answer = server.write(concat!(
        "bw,line=tm1,roll=R\\ 1 value=21.4,n=3i 1700000000123456789\n",
        "bw,line=tm0 value=-0.25,words=\"a, \\\"b\\\"\",good=true 1700000000000000001\n",
        "other value=1 1700000000000000001\n",
    ));
    assert_eq!(answer.status, 204, "{}", answer.text());

    let point = |series: &str, time_ns, field: &str, value: &str| Point {
        series: series.to_owned(),
        time_ns,
        field: field.to_owned(),
        value: value.to_owned(),
    };
    let (early, late) = (1_700_000_000_000_000_001, 1_700_000_000_123_456_789);
    assert_eq!(
        server.points("bw"),
        [
            point("bw,line=tm0", early, "good", "true"),
            point("bw,line=tm0", early, "value", "-0.25"),
            point("bw,line=tm0", early, "words", "a, \"b\""),
            point("bw,line=tm1,roll=R 1", late, "n", "3"),
            point("bw,line=tm1,roll=R 1", late, "value", "21.4"),
        ]
    );
    assert_eq!(server.points("nothing"), []);
}

#[test]
fn influxd_refuses_a_batch_with_a_malformed_line_as_a_whole() {
    let server = Influxd::start();
    let answer = server.write("bw value=1 1\nthis is bad\n");
    assert_eq!(answer.status, 400, "{}", answer.text());
    assert_eq!(server.points("bw"), []);
}

#[test]
fn influxd_keeps_what_it_has_through_a_restart_and_through_a_kill() {
    let mut server = Influxd::start();
    assert_eq!(server.write("bw value=1 1").status, 204);

    server.stop();
    assert!(get(&server.url()).is_err(), "it answers after its end");
    server.start_again();
    assert_eq!(server.points("bw").len(), 1);

    assert_eq!(server.write("bw value=2 2").status, 204);
    server.kill();
    server.start_again();
    assert_eq!(server.points("bw").len(), 2);
}

#[test]
fn webhook_receiver_remembers_requests_and_answers_as_told() {
    let receiver = WebhookReceiver::start();
    receiver.answer_next([
        Answer::Status(503),
        Answer::With(429, vec![("Retry-After", "7".to_owned())]),
        Answer::HangUp,
    ]);
    let send = |body: &str| post(&receiver.url("/hook?a=1"), &[("X-Id", "42")], body.as_bytes());

    assert_eq!(send("one").expect("an answer").status, 503);
    let answer = send("two").expect("an answer");
    assert_eq!((answer.status, answer.header("retry-after")), (429, Some("7")));
    assert!(send("three").is_err(), "it should have hung up");
    assert_eq!(send("four").expect("an answer").status, 200);

    let requests = receiver.wait_for(4, Duration::ZERO);
    let bodies: Vec<_> = requests.iter().map(Received::text).collect();
    assert_eq!(bodies, ["one", "two", "three", "four"]);
    let first = &requests[0];
    assert_eq!(
        (&first.method[..], &first.path[..], first.header("x-id")),
        ("POST", "/hook?a=1", Some("42"))
    );
}

#[test]
fn webhook_receiver_can_keep_silent() {
    let receiver = WebhookReceiver::start();
    receiver.answer_always(Answer::Silence);
    let url = receiver.url("/");
    let waiting = std::thread::spawn(move || post(&url, &[], b"hello"));

    receiver.wait_for(1, PATIENCE);
    assert!(!waiting.is_finished(), "it was answered, or hung up on");

    // The end of the receiver ends the wait.
    drop(receiver);
    let answer = waiting.join().expect("the thread does not panic");
    assert!(answer.is_err(), "it was answered");
}

#[test]
fn tcp_proxy_passes_on_stalls_and_cuts() {
    let receiver = WebhookReceiver::start();
    let port = receiver
        .url("")
        .rsplit(':')
        .next()
        .and_then(|port| port.parse().ok())
        .expect("the address ends with the port");
    let proxy = TcpProxy::start(port);
    let url = format!("http://127.0.0.1:{}/", proxy.port());

    assert_eq!(post(&url, &[], b"open").expect("an answer").status, 200, "through an open line");
    let (to_server, to_client) = proxy.passed();
    assert!(to_server > 0 && to_client > 0, "{to_server}, {to_client}");

    proxy.stall();
    let waiting = std::thread::spawn({
        let url = url.clone();
        move || post(&url, &[], b"stalled")
    });
    wait_until("the connection is made", PATIENCE, || proxy.accepted() == 2);
    assert_eq!(receiver.received().len(), 1, "the line is stalled");
    assert!(!waiting.is_finished());
    proxy.resume();
    let answer = waiting.join().expect("the thread does not panic");
    assert_eq!(answer.expect("an answer").status, 200, "after the stall");

    proxy.cut();
    assert!(post(&url, &[], b"cut").is_err(), "the line is cut");
    proxy.resume();
    assert_eq!(post(&url, &[], b"again").expect("an answer").status, 200, "after the cut");
    let bodies: Vec<_> = receiver.received().iter().map(Received::text).collect();
    assert_eq!(bodies, ["open", "stalled", "again"]);

    // 60 kB at 20 kB/s: it is on its way for seconds, until the line is a fast one again.
    proxy.throttle(Some(20_000));
    let (before, _) = proxy.passed();
    let slow = std::thread::spawn(move || post(&url, &[], &vec![b'x'; 60_000]));
    wait_until("some of it has passed", PATIENCE, || proxy.passed().0 > before + 4000);
    assert!(proxy.passed().0 < before + 60_000 && !slow.is_finished(), "the line is not slow");
    proxy.throttle(None);
    let answer = slow.join().expect("the thread does not panic");
    assert_eq!(answer.expect("an answer").status, 200, "through a slow line");
    assert_eq!(receiver.received()[3].body, vec![b'x'; 60_000]);
}

#[test]
fn http_front_answers_in_the_server_s_place_or_passes_on() {
    let receiver = WebhookReceiver::start();
    receiver.answer_always(Answer::Status(204));
    let front = HttpFront::start(receiver.url("").trim_end_matches('/'));
    let url = format!("{}/write?a=1", front.url());
    let send = |body: &str| post(&url, &[("X-Id", "42")], body.as_bytes());

    front.answer_next([Front::Status(503, "not now"), Front::RefuseWith("bad")]);
    let answer = send("one").expect("an answer");
    assert_eq!((answer.status, answer.text()), (503, "not now".to_owned()));
    assert_eq!(send("two is bad").expect("an answer").status, 400);
    assert_eq!(front.kept_back(), 2);
    front.answer_always(Front::RefuseWith("bad"));
    assert_eq!(send("three is good").expect("an answer").status, 204);
    let requests = receiver.received();
    assert_eq!(requests.len(), 1);
    assert_eq!((&requests[0].path[..], requests[0].header("x-id")), ("/write?a=1", Some("42")));
    assert_eq!(requests[0].text(), "three is good");

    front.answer_always(Front::Silence);
    let waiting = std::thread::spawn({
        let url = url.clone();
        move || post(&url, &[], b"four")
    });
    wait_until("it is kept back", PATIENCE, || front.kept_back() == 3);
    assert!(!waiting.is_finished(), "it was answered, or hung up on");
    drop(front);
    assert!(waiting.join().expect("the thread does not panic").is_err(), "it was answered");
}

#[test]
fn libfaketime_shows_a_process_another_time() {
    let year = Command::new("date")
        .arg("+%Y")
        .env("LD_PRELOAD", service("LIBFAKETIME", "libfaketime"))
        .env("FAKETIME", "@2001-02-03 04:05:06")
        .output()
        .expect("there is a date");
    assert_eq!(String::from_utf8_lossy(&year.stdout).trim(), "2001");
}

#[test]
fn chromium_runs_the_script_of_a_page_and_draws_it() {
    let directory = tempfile::tempdir().expect("a directory for temporary files");
    let page = directory.path().join("page.html");
    fs::write(
        &page,
        "<!doctype html><title>t</title><p id=p>before</p>\
         <script>setTimeout(() => { document.getElementById('p').textContent = 'aft' + 'er' }, 1000)</script>",
    )
    .expect("the directory is ours");
    let url = format!("file://{}", page.display());

    let document = Chromium::dump_dom(&url);
    assert!(document.contains("<p id=\"p\">after</p>"), "{document}");

    let picture = directory.path().join("page.png");
    Chromium::screenshot(&url, &picture);
    let bytes = fs::read(&picture).expect("the browser wrote the file");
    assert!(bytes.starts_with(b"\x89PNG"), "not a PNG");
}

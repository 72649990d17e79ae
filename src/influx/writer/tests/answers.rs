//! Every answer that an InfluxDB or somebody before it may give, and what becomes of each line.

use super::*;
use tokio::time::Instant;

/// What waits in the two outboxes: the changes of one batch, and readings.
const CHANGES: [&str; 3] = ["b v=1 1\n", "b v=2 1\n", "b v=3 1\n"];
const COUNT: usize = 10;

/// A writer whose question was answered and whose requests are answered by this script.
fn rig(script: impl IntoIterator<Item = Say>) -> Rig {
    let rig = Rig::new(FakeOutbox::with([lines(0..COUNT).as_str()]), FakeOutbox::with(CHANGES));
    rig.influx.say([Say::Work]);
    rig.influx.say(script);
    rig.start()
}

/// Waits until the writer says this of itself.
async fn becomes(rig: &Rig, state: State) {
    let said = async {
        while !rig.health.snapshot().iter().any(|part| part.state == state) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let deadline = Duration::from_secs(300);
    tokio::time::timeout(deadline, said).await.expect("the writer says how it is");
}

/// Waits until the writer says that it is in trouble, and how.
async fn trouble(rig: &Rig) -> String {
    becomes(rig, State::Degraded).await;
    rig.health().1
}

/// Waits until everything has arrived, and looks at each line: none is missing, none is parked, the
/// changes came in order.
async fn everything_arrives(rig: &Rig) {
    let all = async { tokio::join!(rig.results.empty(), rig.readings.empty()) };
    tokio::time::timeout(Duration::from_secs(3600), all).await.expect("everything arrives");
    let stored = rig.influx.stored_lines();
    let readings: Vec<_> = stored.iter().filter(|line| line.starts_with('m')).collect();
    let expected = lines(0..COUNT);
    // What was stored and never confirmed is there twice, in the same order.
    for sent in readings.chunks(COUNT) {
        assert!(sent.iter().copied().eq(expected.lines().collect::<Vec<_>>()), "{readings:?}");
    }
    let changes: Vec<_> = stored.iter().filter(|line| line.starts_with('b')).collect();
    assert!(!changes.is_empty());
    for sent in changes.chunks(CHANGES.len()) {
        assert!(sent.iter().copied().eq(["b v=1 1", "b v=2 1", "b v=3 1"]), "{changes:?}");
    }
    assert!(rig.readings.parked().is_empty() && rig.results.parked().is_empty());
    becomes(rig, State::Ok).await;
}

/// The requests of the two lanes, each with its time.
fn requests(rig: &Rig) -> [Vec<(Instant, String)>; 2] {
    let all = rig.influx.requests().into_iter().filter(|write| write.lines > 0);
    let (results, readings): (Vec<_>, Vec<_>) =
        all.map(|write| (write.at, write.body)).partition(|(_, body)| body.starts_with('b'));
    [results, readings]
}

/// Every request of a lane is the same, byte for byte. Returns the waits between them.
#[track_caller]
fn waits(requests: &[(Instant, String)]) -> Vec<Duration> {
    assert!(requests.windows(2).all(|pair| pair[0].1 == pair[1].1), "{requests:?}");
    requests.windows(2).map(|pair| pair[1].0 - pair[0].0).collect()
}

#[tokio::test(start_paused = true)]
async fn what_passes_is_waited_out_and_the_same_bytes_are_sent_again() {
    let busy = r#"{"code":"unavailable","message":"busy"}"#;
    for (say, words) in [
        (Say::Status(408), "the server answered 408: no"),
        (Say::Status(425), "the server answered 425: no"),
        (Say::Status(429), "the server answered 429: no"),
        (Say::Status(500), "the server answered 500: no"),
        (Say::Status(502), "the server answered 502: no"),
        (Say::Says(503, busy), "the server answered 503: busy"),
        (Say::Status(504), "the server answered 504: no"),
        (Say::Nothing, "no answer within 10s"),
        (Say::StoreAndHang, "no answer within 10s"),
        (Say::StoreAndAnswer(503, ""), "the server answered 503"),
    ] {
        let rig = rig(vec![say.clone(); 24]);
        assert_eq!(trouble(&rig).await, words);
        everything_arrives(&rig).await;
        let silence = if words.starts_with("no answer") { 10 } else { 0 };
        for lane in requests(&rig) {
            let waits = waits(&lane);
            let cap = Duration::from_secs(60 + silence) + Duration::from_secs(silence);
            assert!(waits.len() > 6, "{say:?}: {waits:?}");
            assert!(waits.iter().all(|wait| *wait <= cap), "{say:?}: {waits:?}");
            // A second at first, and up to a minute: drawn by chance, so only the longest is sure.
            assert!(waits[0] <= Duration::from_secs(1 + 2 * silence), "{say:?}: {waits:?}");
            let longest = waits.iter().max().unwrap();
            assert!(*longest > Duration::from_secs(5), "{say:?}: {waits:?}");
        }
        rig.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn who_is_not_let_in_keeps_everything_says_so_and_asks_again_each_minute() {
    let unauthorized = r#"{"code":"unauthorized","message":"unauthorized access"}"#;
    let bucket = r#"{"code":"not found","message":"bucket \"b\" not found"}"#;
    let database = r#"{"error":"database not found: \"b\""}"#;
    for (say, words) in [
        (Say::Says(401, unauthorized), "the server answered 401: unauthorized access"),
        (Say::Status(403), "the server answered 403: no"),
        (Say::Says(404, bucket), "the server answered 404: bucket \"b\" not found"),
        (Say::Says(404, database), "the server answered 404: database not found: \"b\""),
        (Say::Says(400, "<p>Bad Request"), "the server answered 400: <p>Bad Request"),
        (Say::Says(422, "<p>No"), "the server answered 422: <p>No"),
        (Say::Says(200, "<p>please log in"), "the server answered 200: <p>please log in"),
        (Say::Status(302), "the server answered 302: no"),
    ] {
        let rig = rig(vec![say.clone(); 6]);
        assert_eq!(trouble(&rig).await, words);
        everything_arrives(&rig).await;
        for lane in requests(&rig) {
            let waits = waits(&lane);
            let minute = Duration::from_secs(60);
            assert_eq!(waits.len(), 3, "{say:?}");
            assert!(waits.iter().all(|wait| wait.as_secs() == minute.as_secs()), "{waits:?}");
        }
        rig.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn any_success_settles_what_was_sent() {
    for status in [200, 201, 202, 204, 206, 207, 208] {
        let rig = rig(vec![Say::StoreAndAnswer(status, ""); 2]);
        everything_arrives(&rig).await;
        assert_eq!(rig.influx.requests().len(), 3, "{status}");
        rig.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn until_the_server_has_said_yes_to_nothing_no_line_is_sent() {
    let name = r#"{"code":"invalid","message":"db name must use ASCII letters"}"#;
    let rig = Rig::new(FakeOutbox::with([lines(0..COUNT).as_str()]), FakeOutbox::with(CHANGES));
    rig.influx.say(vec![Say::Says(400, name); 5]);
    let rig = rig.start();
    assert_eq!(trouble(&rig).await, "the server answered 400: db name must use ASCII letters");
    everything_arrives(&rig).await;
    let sizes: Vec<_> = rig.influx.requests().iter().map(|write| write.lines).collect();
    assert_eq!(sizes, [0, 0, 0, 0, 0, 0, 3, 10]);
    rig.stop().await;
}

/// Sends ten readings to which the server says this, and nothing is sent again: they are parked as
/// one, with this number.
async fn check_parked_as_one(status: u16, body: &'static str, count: u32, words: &str) {
    let rig = Rig::new(FakeOutbox::with([lines(0..COUNT).as_str()]), FakeOutbox::new());
    rig.influx.say([Say::Work, Say::Says(status, body)]);
    let rig = rig.start();
    rig.readings.empty().await;
    assert_eq!(rig.influx.requests().len(), 2);
    let parked = rig.readings.parked();
    assert_eq!(parked.len(), 1);
    assert_eq!((parked[0].count, parked[0].body.as_str()), (count, lines(0..COUNT).as_str()));
    assert_eq!(parked[0].reason, format!("the server answered {status}: {words}"));
    assert_eq!(rig.health().0, State::Ok);
    rig.stop().await;
}

#[tokio::test(start_paused = true)]
async fn lines_that_the_bucket_does_not_keep_are_parked_as_one_with_their_number() {
    let old = "failure writing points to database: partial write: dropped 3 points outside \
               retention policy of duration 1h0m0s - oldest point m at 1970-01-01 dropped=3";
    let body: &'static str = r#"{"code":"unprocessable entity","message":"failure writing points to database: partial write: dropped 3 points outside retention policy of duration 1h0m0s - oldest point m at 1970-01-01 dropped=3"}"#;
    check_parked_as_one(422, body, 3, old).await;
    let old = "partial write: points beyond retention policy dropped=3";
    let body = r#"{"error":"partial write: points beyond retention policy dropped=3"}"#;
    check_parked_as_one(400, body, 3, old).await;
}

#[tokio::test(start_paused = true)]
async fn a_chunk_that_is_dropped_whole_is_parked_as_one() {
    let words = "partial write: field type conflict: v is float dropped=10";
    let body = r#"{"code":"unprocessable entity","message":"partial write: field type conflict: v is float dropped=10"}"#;
    check_parked_as_one(422, body, 10, words).await;
}

#[tokio::test(start_paused = true)]
async fn a_search_ends_after_64_requests_and_no_line_is_lost_to_it() {
    // Every third line is of another type than the first one.
    let body: String = (0..1000)
        .map(|n| if n % 3 == 1 { format!("m v={n}i {n}\n") } else { format!("m v={n} {n}\n") })
        .collect();
    let rig = Rig::new(FakeOutbox::with([body.as_str()]), FakeOutbox::new()).start();
    rig.readings.empty().await;
    let requests = rig.influx.requests();
    assert_eq!(requests.len(), 1 + 64);
    let took = requests[64].at - requests[1].at;
    assert!((6200..7000).contains(&took.as_millis()), "ten a second: {took:?}");
    let stored = rig.influx.stored_lines();
    let parked = rig.readings.parked();
    let rest = parked.last().unwrap();
    assert!(rest.reason.starts_with("not singled out within 64 requests; "), "{}", rest.reason);
    for line in body.lines() {
        let is_kept = parked.iter().any(|parked| parked.body.lines().any(|kept| kept == line));
        // The good ones among those parked last may have been stored as well.
        assert!(is_kept || stored.iter().any(|stored| stored == line), "{line}");
        assert!(is_kept || !line.contains('i'), "{line}");
    }
    let singled = &parked[..parked.len() - 1];
    assert!(singled.iter().all(|parked| parked.count == 1 && parked.body.contains('i')));
    // The server has said how many it did not take: no more are called refused, though more are kept.
    let bad = body.lines().filter(|line| line.contains('i')).count();
    assert_eq!(parked.iter().map(|parked| parked.count as usize).sum::<usize>(), bad);
    rig.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_line_too_large_by_itself_is_parked() {
    let long = format!("m,tag={} v=1 7\n", "x".repeat(3000));
    let body = lines(0..7) + &long + &lines(8..20);
    let rig = Rig::new(FakeOutbox::with([body.as_str()]), FakeOutbox::new());
    rig.influx.take_at_most_bytes(2000);
    let rig = rig.start();
    rig.readings.empty().await;
    assert_eq!(rig.influx.stored_lines().join("\n") + "\n", lines(0..7) + &lines(8..20));
    let parked = rig.readings.parked();
    assert_eq!((parked.len(), parked[0].count, &parked[0].body), (1, 1, &long));
    assert_eq!(parked[0].reason, "the server answered 413");
    rig.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_body_too_large_is_halved_and_the_size_remembered() {
    let body = lines(0..1000);
    let rig = Rig::new(FakeOutbox::with([body.as_str(); 4]), FakeOutbox::new());
    rig.influx.take_at_most(2100);
    let rig = rig.start();
    rig.readings.empty().await;
    assert_eq!(rig.influx.stored_lines().len(), 4000);
    rig.readings.push("", &body);
    rig.readings.push("", &body);
    rig.readings.empty().await;
    let sizes: Vec<_> = rig.influx.requests().iter().map(|write| write.lines).collect();
    assert_eq!(sizes, [0, 4000, 2000, 2000, 2000]);
    assert!(rig.readings.parked().is_empty());
    rig.stop().await;
}

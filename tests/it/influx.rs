//! The InfluxDB writer against the real server: what is written comes back point by point, what is refused is found,
//! and outages lose nothing.

use std::{collections::BTreeSet, fmt::Write, sync::Arc, time::Duration};

use onspec::{
    alarm::Severity,
    decode::Disposition,
    engine::{
        AlarmRecord, BatchRecord, ContributionRecord, Effect, Monitor, ReadingRecord, ScoreRecord,
        SensorHealthRecord, Statistic,
    },
    influx::{self, Encoded, Settings, Writer, WriterError},
    reading::{Finite, Flags, Series, Timestamp, Value},
    store::Outbox,
    telemetry::{Health, ManualClock, Metrics, Secret, SecretSource, State},
    verdict::Call,
};
use tokio::{runtime::Runtime, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use crate::{
    outbox::MemoryOutbox,
    support::{Influxd, PATIENCE, Point, TcpProxy, wait_until},
};

const AT: Timestamp = Timestamp::from_nanos(1_769_126_400_000_000_001);

/// A writer at work, with the outboxes it empties.
pub(crate) struct Rig {
    pub(crate) readings: Arc<MemoryOutbox>,
    pub(crate) results: Arc<MemoryOutbox>,
    health: Health,
    cancel: CancellationToken,
    task: JoinHandle<Result<(), WriterError>>,
    pub(crate) runtime: Runtime,
}

impl Rig {
    pub(crate) fn start(settings: Settings, token: &str) -> Self {
        let runtime = Runtime::new().expect("a runtime");
        let (readings, results) = (MemoryOutbox::new(), MemoryOutbox::new());
        let health = Health::default();
        let cancel = CancellationToken::new();
        let writer = Writer {
            settings,
            token: Secret::new(token),
            readings: Arc::clone(&readings) as Arc<dyn Outbox>,
            results: Arc::clone(&results) as Arc<dyn Outbox>,
            health: health.clone(),
            metrics: Metrics::default(),
            clock: Arc::new(ManualClock::at(0)),
            cancel: cancel.clone(),
        };
        let task = runtime.handle().spawn(influx::run(writer));
        Self { readings, results, health, cancel, task, runtime }
    }

    pub(crate) fn push(&self, encoded: &Encoded) {
        for (outbox, lines) in
            [(&self.readings, &encoded.readings), (&self.results, &encoded.results)]
        {
            if lines.count > 0 {
                outbox.push("", lines.count, &lines.bytes);
            }
        }
    }

    #[track_caller]
    pub(crate) fn wait_until_empty(&self) {
        wait_until("the outboxes are empty", PATIENCE, || {
            self.readings.is_empty() && self.results.is_empty()
        });
    }

    pub(crate) fn state(&self) -> Option<State> {
        self.health.snapshot().first().map(|part| part.state)
    }

    /// What the writer says of itself.
    pub(crate) fn reason(&self) -> String {
        self.health.snapshot().first().map(|part| part.reason.clone()).unwrap_or_default()
    }

    pub(crate) fn stop(self) {
        self.cancel.cancel();
        let ended = self.runtime.block_on(self.task);
        ended.expect("the writer does not panic").expect("the writer ends because it was told to");
    }
}

fn settings(server: &Influxd) -> Settings {
    Settings {
        url: server.url(),
        org: server.org().to_owned(),
        bucket: server.bucket().to_owned(),
        token: SecretSource::Given(Secret::new(server.token())),
        timeout: Duration::from_secs(20),
        batch_lines: 5000,
    }
}

fn rig(server: &Influxd) -> Rig {
    Rig::start(settings(server), server.token())
}

pub(crate) fn reading(
    line: &str,
    area: &str,
    tag: &str,
    nanos: i64,
    value: Value,
    flags: Flags,
) -> Effect {
    Effect::Reading(ReadingRecord {
        series: Arc::new(Series { line: line.into(), area: area.into(), tag: tag.into() }),
        at: Timestamp::from_nanos(nanos),
        value,
        flags,
        first: true,
    })
}

pub(crate) fn number(value: f64) -> Value {
    Value::Number(Finite::try_from(value).expect("a finite number"))
}

fn batch() -> BatchRecord {
    BatchRecord {
        line: "tm3".into(),
        station: None,
        batch: "R 1, \"x\"".into(),
        grade: Some("facial-15".into()),
        verdict: Some(Call::AtRisk),
        disposition: None,
        revision: 1,
        first_started: AT,
        started: AT,
        ended: None,
        length_m: None,
        mass_kg: None,
        probability_off_spec: Some(0.71),
        advice: None,
        off_spec_share: None,
        first_flag_lead_s: None,
        first_flag: None,
        flagged_since: None,
        lab: vec![],
        consumed: Vec::new(),
        merged_into: None,
        found: None,
        outside: Vec::new(),
        phases: Vec::new(),
        maintenance: false,
    }
}

#[track_caller]
fn check_points(server: &Influxd, measurement: &str, expected: &[(&str, i64, &str, &str)]) {
    let mut expected: Vec<Point> = expected
        .iter()
        .map(|(series, time_ns, field, value)| Point {
            series: (*series).to_owned(),
            time_ns: *time_ns,
            field: (*field).to_owned(),
            value: (*value).to_owned(),
        })
        .collect();
    expected.sort();
    assert_eq!(server.points(measurement), expected);
}

/// Sends lines and waits until the server has all of them.
#[track_caller]
fn store(server: &Influxd, encoded: &Encoded) {
    let rig = rig(server);
    rig.push(encoded);
    rig.wait_until_empty();
    assert_eq!(rig.readings.parked(), []);
    assert_eq!(rig.results.parked(), []);
    rig.stop();
}

#[test]
fn readings_come_back_to_the_bit() {
    let server = Influxd::start();
    let mut encoded = Encoded::default();
    let nanos = AT.as_nanos();
    for (tag, value, flags) in [
        ("steam", number(4.25), Flags::GOOD),
        ("huge", number(1e300), Flags::GOOD),
        ("tiny", number(-1e-300), Flags::GOOD),
        ("least", number(5e-324), Flags::GOOD),
        ("great", number(f64::MAX), Flags::GOOD),
        ("whole", number(1e16), Flags::GOOD),
        ("state", Value::Text("run \"7\", a\\b \\\" 中".into()), Flags::RANGE | Flags::LATE),
        ("odd, tag=1 \\x🧻\\", number(1.0), Flags::GOOD),
    ] {
        encoded.push(&reading("tm3", "dry end", tag, nanos, value, flags));
    }
    encoded.push(&reading("", "", "bare", -1, number(0.0), Flags::GOOD));
    store(&server, &encoded);
    let of = |tag: &str| format!("readings,area=dry end,line=tm3,tag={tag}");
    let (steam, huge, tiny) = (of("steam"), of("huge"), of("tiny"));
    let (least, great, whole) = (of("least"), of("great"), of("whole"));
    let (state, odd) = (of("state"), of("odd, tag=1 \\x🧻/"));
    check_points(
        &server,
        "readings",
        &[
            (&steam, nanos, "value", "4.25"),
            (&steam, nanos, "quality", "0"),
            (&huge, nanos, "value", &format!("{}", 1e300)),
            (&huge, nanos, "quality", "0"),
            (&tiny, nanos, "value", &format!("{}", -1e-300)),
            (&tiny, nanos, "quality", "0"),
            (&least, nanos, "value", &format!("{}", 5e-324)),
            (&least, nanos, "quality", "0"),
            (&great, nanos, "value", &format!("{}", f64::MAX)),
            (&great, nanos, "quality", "0"),
            (&whole, nanos, "value", "10000000000000000"),
            (&whole, nanos, "quality", "0"),
            (&state, nanos, "text", "run \"7\", a\\b \\\" 中"),
            (&state, nanos, "quality", "20"),
            (&odd, nanos, "value", "1"),
            (&odd, nanos, "quality", "0"),
            ("readings,tag=bare", -1, "value", "0"),
            ("readings,tag=bare", -1, "quality", "0"),
        ],
    );
}

#[test]
fn scores_and_contributions_come_back() {
    let server = Influxd::start();
    let mut encoded = Encoded::default();
    let nanos = AT.as_nanos();
    encoded.push(&Effect::Score(ScoreRecord {
        line: "tm3".into(),
        grade: "facial-15".into(),
        judge: Monitor::Pca,
        batch: None,
        at: AT,
        statistics: vec![(Statistic::T2, 3.5, 10.0), (Statistic::Spe, f64::NAN, f64::NAN)],
        score: Some(0.35),
        probability_off_spec: Some(0.1),
    }));
    encoded.push(&Effect::Contributions(ContributionRecord {
        line: "tm3".into(),
        grade: "facial-15".into(),
        at: AT,
        shares: vec![("steam".into(), 0.75), ("draw".into(), 0.25)],
    }));
    store(&server, &encoded);
    let series = "scores,grade=facial-15,line=tm3,model=pca";
    check_points(
        &server,
        "scores",
        &[
            (series, nanos, "t2", "3.5"),
            (series, nanos, "t2_limit", "10"),
            (series, nanos, "score", "0.35"),
            (series, nanos, "probability_off_spec", "0.1"),
        ],
    );
    check_points(
        &server,
        "contributions",
        &[
            ("contributions,grade=facial-15,line=tm3,tag=steam", nanos, "share", "0.75"),
            ("contributions,grade=facial-15,line=tm3,tag=draw", nanos, "share", "0.25"),
        ],
    );
}

#[test]
fn batches_alarms_and_health_come_back_as_last_said() {
    let server = Influxd::start();
    let mut encoded = Encoded::default();
    let nanos = AT.as_nanos();
    encoded.push(&Effect::Batch(Box::new(batch())));
    encoded.push(&Effect::Batch(Box::new(BatchRecord {
        verdict: None,
        disposition: Some(Disposition::Rework),
        revision: 2,
        ended: Some(Timestamp::from_nanos(1_769_129_100_000_000_000)),
        lab: vec![("tensile_md".into(), 131.4), ("soft, felt".into(), 7.0)],
        ..batch()
    })));
    encoded.push(&Effect::SensorHealth(SensorHealthRecord {
        series: Arc::new(Series {
            line: "tm3".into(),
            area: "dry end".into(),
            tag: "steam".into(),
        }),
        at: AT,
        good: 0.5,
        late: 0.0,
        duplicate: 0.0,
        stuck: 1.0,
        stale: 0.0,
        bad: 0.5,
        count: 60,
        completeness: None,
        timeliness: 1.0,
        validity: 0.5,
        trust: 0.0,
    }));
    encoded.push(&Effect::Alarm(AlarmRecord {
        isa: onspec::alarm::IsaState::Unacknowledged,
        change: "raised",
        by: None,
        note: None,
        line: "tm3".into(),
        alarm: "tm3/batch".into(),
        at: AT,
        state: "active",
        severity: Severity::Critical,
        priority: None,
        message: "off spec:\nrefiner".into(),
        id: "evt_1".into(),
    }));
    store(&server, &encoded);
    let (series, time) = ("batches,line=tm3", batch().point_time().as_nanos());
    check_points(
        &server,
        "batches",
        &[
            (series, time, "batch", "R 1, \"x\""),
            (series, time, "grade", "facial-15"),
            (series, time, "verdict", "void"),
            (series, time, "disposition", "rework"),
            (series, time, "revision", "2"),
            (series, time, "started", "1769126400000"),
            (series, time, "ended", "1769129100000"),
            (series, time, "probability_off_spec", "0.71"),
            (series, time, "advice", "none"),
            (series, time, "lab_tensile_md", "131.4"),
            (series, time, "lab_soft, felt", "7"),
        ],
    );
    let series = "sensor_health,line=tm3,tag=steam";
    check_points(
        &server,
        "sensor_health",
        &[
            (series, nanos, "good", "0.5"),
            (series, nanos, "late", "0"),
            (series, nanos, "duplicate", "0"),
            (series, nanos, "stuck", "1"),
            (series, nanos, "stale", "0"),
            (series, nanos, "bad", "0.5"),
            (series, nanos, "count", "60"),
            (series, nanos, "timeliness", "1"),
            (series, nanos, "validity", "0.5"),
            (series, nanos, "trust", "0"),
        ],
    );
    let series = "alarms,alarm=tm3/batch,line=tm3";
    check_points(
        &server,
        "alarms",
        &[
            (series, nanos, "state", "active"),
            (series, nanos, "severity", "critical"),
            (series, nanos, "message", "off spec: refiner"),
            (series, nanos, "id", "evt_1"),
            (series, nanos, "isa_state", "unacknowledged"),
            (series, nanos, "change", "raised"),
        ],
    );
}

/// `count` lines of one measurement, their values their times.
pub(crate) fn lines(measurement: &str, count: i64) -> Vec<String> {
    (0..count).map(|n| format!("{measurement},tag=a value={n} {n}")).collect()
}

pub(crate) fn body(lines: &[String]) -> String {
    lines.iter().fold(String::new(), |mut body, line| {
        writeln!(body, "{line}").expect("writing to a string cannot fail");
        body
    })
}

/// Sends 5,000 lines with these ones put in; the others have to be stored, and these be parked with these words.
#[track_caller]
fn check_poison(first: &str, poison: &[(usize, &str, &str)]) {
    let server = Influxd::start();
    assert_eq!(server.write(first).status, 204);
    let rig = rig(&server);
    let mut all = lines("poisoned", 5000);
    for (n, line, _) in poison {
        (*line).clone_into(&mut all[*n]);
    }
    // Two entries that go together, so that the line has to be found in the second.
    rig.readings.push("", 100, body(&all[..100]).as_bytes());
    rig.readings.push("", 4900, body(&all[100..]).as_bytes());
    rig.wait_until_empty();
    let parked = rig.readings.parked();
    assert_eq!(parked.len(), poison.len(), "{parked:?}");
    for ((id, count, body, reason), (n, line, words)) in parked.iter().zip(poison) {
        assert_eq!((*id, *count), (if *n < 100 { 1 } else { 2 }, 1));
        assert_eq!(body, &format!("{line}\n"));
        assert!(reason.contains(words), "{reason}");
    }
    let stored: BTreeSet<i64> = server
        .points("poisoned")
        .iter()
        .filter(|point| point.field == "value")
        .map(|point| point.time_ns)
        .collect();
    let bad: BTreeSet<usize> = poison.iter().map(|(n, ..)| *n).collect();
    let expected: BTreeSet<i64> = (0..5000)
        .filter(|n| !bad.contains(n))
        .map(|n| i64::try_from(n).expect("a small number"))
        .collect();
    assert_eq!(stored, expected);
    assert_eq!(rig.state(), Some(State::Ok));
    rig.stop();
}

#[test]
fn a_malformed_line_of_5000_is_parked_with_the_servers_words() {
    check_poison("other v=1 1", &[(3210, "this is bad", "invalid field format")]);
}

#[test]
fn many_malformed_lines_are_parked_each_with_its_reason() {
    check_poison(
        "other v=1 1",
        &[
            (5, "poisoned,tag= value=1 1", "missing tag value"),
            (1000, "poisoned value=NaN 1", "invalid"),
            (1001, "poisoned value=1 99999999999999999999", "out of range"),
            (2000, "this is bad", "invalid field format"),
            (4999, "poisoned value=1 soon", "bad timestamp"),
        ],
    );
}

#[test]
fn a_line_of_another_type_is_parked_and_the_others_stay() {
    check_poison(
        "poisoned,tag=a value=0 0",
        &[(4321, "poisoned,tag=a value=\"text\" 4321", "field type conflict")],
    );
}

#[test]
fn lines_older_than_the_bucket_keeps_are_parked_with_their_number() {
    let server = Influxd::start();
    let orgs = onspec_org_id(&server);
    let bucket = format!(
        "{{\"orgID\":\"{orgs}\",\"name\":\"short\",\"retentionRules\":[{{\"type\":\"expire\",\"everySeconds\":3600,\"shardGroupDurationSeconds\":3600}}]}}"
    );
    let answer = server.api("/api/v2/buckets", &[], bucket.as_bytes());
    assert_eq!(answer.status, 201, "{}", answer.text());
    let mut settings = settings(&server);
    settings.bucket = "short".to_owned();
    let rig = Rig::start(settings, server.token());
    rig.readings.push("", 3, body(&lines("old", 3)).as_bytes());
    rig.wait_until_empty();
    let parked = rig.readings.parked();
    assert_eq!(parked.len(), 1, "{parked:?}");
    assert_eq!((parked[0].0, parked[0].1), (1, 3));
    assert!(parked[0].3.contains("retention policy"), "{}", parked[0].3);
    rig.stop();
}

fn onspec_org_id(server: &Influxd) -> String {
    let csv = server.query_csv("buckets() |> limit(n: 1)");
    let mut rows = csv.lines().filter(|line| !line.starts_with('#'));
    let names = rows.next().expect("a line of names");
    let values = rows.next().expect("a bucket");
    let found = names.split(',').zip(values.split(',')).find(|(name, _)| *name == "organizationID");
    found.expect("a bucket has an organisation").1.to_owned()
}

#[test]
fn an_outage_loses_nothing() {
    let mut server = Influxd::start();
    let rig = rig(&server);
    let push = |n: i64| {
        let line = format!("outage value={n} {n}\n");
        rig.readings.push("", 1, line.as_bytes());
        rig.results.push("", 1, format!("changes value={n} 1\n").as_bytes());
    };
    push(1);
    rig.wait_until_empty();

    server.stop();
    for n in 2..=20 {
        push(n);
    }
    wait_until("the writer sees the outage", PATIENCE, || rig.state() == Some(State::Degraded));
    server.start_again();
    rig.wait_until_empty();
    wait_until("the writer sees the end of it", PATIENCE, || rig.state() == Some(State::Ok));

    server.kill();
    for n in 21..=40 {
        push(n);
    }
    server.start_again();
    rig.wait_until_empty();

    let stored: Vec<i64> = server.points("outage").iter().map(|point| point.time_ns).collect();
    assert_eq!(stored, (1..=40).collect::<Vec<_>>());
    // Of the changes of one point the last one stays.
    check_points(&server, "changes", &[("changes", 1, "value", "40")]);
    assert_eq!(rig.readings.parked(), []);
    rig.stop();
}

#[test]
fn an_answer_that_never_comes_and_a_cut_line_lose_nothing() {
    let server = Influxd::start();
    let proxy = TcpProxy::start(server.port());
    let mut settings = settings(&server);
    settings.url = format!("http://127.0.0.1:{}", proxy.port());
    settings.timeout = Duration::from_millis(500);
    let rig = Rig::start(settings, server.token());
    let push = |n: i64| {
        rig.readings.push("", 1, format!("unsure value={n} {n}\n").as_bytes());
        rig.results.push("", 1, format!("unsure_change value={n} 1\n").as_bytes());
    };
    push(0);
    rig.wait_until_empty();
    let mut n = 0;
    let mut trouble = |words: &[&str]| {
        // Pushed again and again, so that some request is on its way whenever the line fails.
        wait_until("the writer sees the trouble", PATIENCE, || {
            n += 1;
            push(n);
            words.iter().any(|words| rig.reason().contains(words))
        });
    };

    // The server gets the request and its answer is kept back: the same is sent again.
    proxy.stall();
    trouble(&["no answer"]);
    proxy.resume();
    rig.wait_until_empty();
    wait_until("the writer sees the end of it", PATIENCE, || rig.state() == Some(State::Ok));

    // Connections end in the middle.
    proxy.cut();
    trouble(&["connect", "connection", "request"]);
    proxy.resume();
    rig.wait_until_empty();

    let stored: Vec<i64> = server.points("unsure").iter().map(|point| point.time_ns).collect();
    assert_eq!(stored, (0..=n).collect::<Vec<_>>());
    check_points(&server, "unsure_change", &[("unsure_change", 1, "value", &n.to_string())]);
    assert_eq!((rig.readings.parked(), rig.results.parked()), (vec![], vec![]));
    rig.stop();
}

#[test]
fn a_wrong_token_or_bucket_keeps_everything_and_is_said() {
    let server = Influxd::start();
    let mut elsewhere = settings(&server);
    elsewhere.bucket = "nowhere".to_owned();
    for (settings, token, words) in
        [(settings(&server), "wrong", "401"), (elsewhere, server.token(), "404")]
    {
        let rig = Rig::start(settings.clone(), token);
        rig.readings.push("", 1, b"m v=1 1\n");
        wait_until("the writer says so", PATIENCE, || rig.reason().contains(words));
        assert_eq!(rig.state(), Some(State::Degraded));
        assert!(!rig.readings.is_empty());
        let token = Secret::new(token);
        let probe = influx::probe(&settings, &token);
        let failure = rig.runtime.block_on(probe).expect_err("it cannot write");
        assert_eq!(failure.kind, influx::Kind::Auth, "{failure}");
        rig.stop();
    }
    let runtime = Runtime::new().expect("a runtime");
    let (settings, token) = (settings(&server), Secret::new(server.token()));
    let probe = influx::probe(&settings, &token);
    let words = runtime.block_on(probe).expect("it can write");
    let url = server.url();
    assert_eq!(
        words,
        format!("InfluxDB 2.9.1 at `{url}` takes lines for bucket `quality` of `mill`")
    );
}

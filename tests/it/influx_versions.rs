//! The InfluxDB writer against InfluxDB 1.8 and 3, each as far as its documentation says how it answers.

use std::time::Duration;

use onspec::{
    engine::{
        AlarmRecord, ChartLimitsRecord, ChartOf, ChartRecord, Effect, Estimate, Kind as ChartKind,
        Limits, Point, SensorHealthRecord, SpreadLimits,
    },
    influx::{self, Encoded, Settings},
    reading::{Flags, Series, Timestamp, Value as ReadingValue},
    telemetry::{Secret, SecretSource, State},
};

use crate::{
    influx::{Rig, body, lines, number, reading},
    support::{
        PATIENCE,
        influx_fake::{FakeInflux, Kind, One, Refusal, Stored, Three},
        wait_until,
    },
};

const TOKEN: &str = "user:word";

fn settings(server: &FakeInflux, bucket: &str) -> Settings {
    Settings {
        url: server.url(),
        org: "mill".to_owned(),
        bucket: bucket.to_owned(),
        token: SecretSource::Given(Secret::new(TOKEN)),
        timeout: Duration::from_secs(20),
        batch_lines: 5000,
    }
}

fn one() -> FakeInflux {
    let mut one = One::new("mill");
    one.login = Some(TOKEN.to_owned());
    FakeInflux::one(one)
}

fn three(refusal: Refusal) -> FakeInflux {
    FakeInflux::three(Three::new(TOKEN, refusal))
}

/// What has to be stored of `lines("poisoned", count)`, but these.
fn without(count: i64, bad: &[i64]) -> Stored {
    let float = |n: i64| influx_value(Kind::Float, &n.to_string());
    let all = (0..count).filter(|n| !bad.contains(n));
    all.map(|n| {
        (("poisoned,tag=a".to_owned(), n), [("value".to_owned(), float(n))].into_iter().collect())
    })
    .collect()
}

fn influx_value(kind: Kind, text: &str) -> crate::support::influx_fake::Value {
    crate::support::influx_fake::Value { kind, text: text.to_owned() }
}

/// Sends lines of which some are bad. The others have to be stored, each as it was; the bad ones be parked one by one
/// with these words; all within so many requests; and then there is silence.
#[track_caller]
fn check(server: &FakeInflux, count: i64, poison: &[(i64, &str, &str)], writes_max: usize) {
    let rig = Rig::start(settings(server, "mill"), TOKEN);
    let mut all = lines("poisoned", count);
    for (n, line, _) in poison {
        (*line).clone_into(&mut all[usize::try_from(*n).expect("a small number")]);
    }
    rig.readings.push("", u32::try_from(count).expect("a small number"), body(&all).as_bytes());
    rig.wait_until_empty();
    let bad: Vec<i64> = poison.iter().map(|(n, ..)| *n).collect();
    assert_eq!(server.stored(), without(count, &bad));
    let mut parked = rig.readings.parked();
    parked.sort_by_key(|(_, _, body, _)| all.iter().position(|line| format!("{line}\n") == *body));
    assert_eq!(parked.len(), poison.len(), "{parked:?}");
    for ((_, count, body, reason), (_, line, words)) in parked.iter().zip(poison) {
        assert_eq!((*count, body), (1, &format!("{line}\n")));
        assert!(reason.contains(words), "{reason}");
    }
    assert!(server.writes() <= writes_max, "{} requests", server.writes());
    assert_eq!(rig.state(), Some(State::Ok));
    // The next line goes out at once: nothing of what was refused is sent any more.
    let before = server.writes();
    rig.readings.push("", 1, b"after value=1 1\n");
    rig.wait_until_empty();
    assert_eq!(server.writes(), before + 1);
    rig.stop();
}

#[test]
fn influxdb_1_parks_what_it_cannot_read_in_one_request_more() {
    let bad = [
        (7, "poisoned,tag= value=1 7", "unable to parse it: missing tag value"),
        (8, "poisoned value=NaN 8", "unable to parse it: invalid number"),
        (3000, "this is so bad", "unable to parse it: invalid field format"),
        (4999, "poisoned value=1 soon", "unable to parse it: bad timestamp"),
    ];
    check(&one(), 5000, &bad, 2);
}

#[test]
fn influxdb_1_parks_a_line_of_another_type_and_one_that_it_cannot_read() {
    let bad = [
        (100, "poisoned,tag=a value=\"x\" 100", "field type conflict"),
        (700, "this is so bad", "unable to parse"),
    ];
    check(&one(), 1000, &bad, 40);
}

#[test]
fn influxdb_1_parks_what_is_beyond_its_retention_with_its_number() {
    let mut server = One::new("mill");
    server.oldest = Some(3);
    let server = FakeInflux::one(server);
    let rig = Rig::start(settings(&server, "mill/autogen"), TOKEN);
    rig.readings.push("", 10, body(&lines("poisoned", 10)).as_bytes());
    rig.wait_until_empty();
    assert_eq!(server.stored(), without(10, &[0, 1, 2]));
    let parked = rig.readings.parked();
    assert_eq!((parked.len(), parked[0].1), (1, 3), "{parked:?}");
    assert!(parked[0].3.contains("points beyond retention policy"), "{}", parked[0].3);
    assert_eq!(server.writes(), 1);
    rig.stop();
}

#[test]
fn influxdb_3_parks_bad_lines_although_it_does_not_say_which() {
    let bad = [
        (100, "poisoned,tag=a value=\"x\" 100", "parsing for line protocol failed"),
        (700, "this is so bad", "parsing for line protocol failed"),
    ];
    check(&three(Refusal::Whole), 1000, &bad, 50);
}

#[test]
fn influxdb_3_parks_bad_lines_by_their_numbers() {
    let mut bad: Vec<(i64, &str, &str)> = vec![
        (3, "poisoned,tag=a value=\"x\" 3", "got iox::column_type::field::string"),
        (4, "poisoned,area=b,tag=a value=4 4", "Detected a new tag 'area'"),
        (5, "poisoned,tag=a tag=5 5", "invalid column type for column 'tag'"),
    ];
    // More than a list has room for.
    bad.extend((1000..1250).map(|n| (n, "this is so bad", "invalid field format")));
    check(&three(Refusal::Named), 5000, &bad, 4);
}

#[test]
fn influxdb_3_that_calls_a_partial_write_its_own_error_is_not_asked_for_ever() {
    let bad = [(512, "poisoned,tag=a value=\"x\" 512", "partial write of line protocol occurred")];
    check(&three(Refusal::Unnamed), 1000, &bad, 25);
}

#[test]
fn a_request_too_large_for_either_is_halved() {
    let mut first = One::new("mill");
    first.bytes_max = Some(30_000);
    let mut third = Three::new(TOKEN, Refusal::Whole);
    third.bytes_max = 30_000;
    for server in [FakeInflux::one(first), FakeInflux::three(third)] {
        check(&server, 3000, &[], 7);
        assert!(server.statuses().contains(&413));
    }
}

#[test]
fn everything_that_is_written_fits_into_the_tables_of_either() {
    let at = Timestamp::from_nanos(1_769_126_400_000_000_001);
    let series = |tag: &str| Series { line: "tm3".into(), area: "dry end".into(), tag: tag.into() };
    let mut encoded = Encoded::default();
    encoded.push(&reading("tm3", "dry end", "steam", 5, number(4.0), Flags::GOOD));
    let text = ReadingValue::Text("run \"7\", a\\b = 中".into());
    encoded.push(&reading("tm3", "dry end", "odd, tag=1 \\x", 6, text, Flags::LATE));
    encoded.push(&Effect::SensorHealth(SensorHealthRecord {
        series: std::sync::Arc::new(series("steam")),
        at,
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
        at,
        state: "active",
        severity: onspec::alarm::Severity::Critical,
        priority: None,
        message: "off spec".into(),
        id: "evt_1".into(),
    }));
    for server in [one(), three(Refusal::Whole)] {
        let rig = Rig::start(settings(&server, "mill"), TOKEN);
        rig.push(&encoded);
        rig.wait_until_empty();
        assert_eq!((rig.readings.parked(), rig.results.parked()), (vec![], vec![]));
        rig.stop();
        let stored = server.stored();
        let all: Vec<String> = stored
            .iter()
            .map(|((series, time), fields)| {
                let fields = fields.iter().map(|(name, value)| format!("{name}={}", value.text));
                format!("{series} | {} | {time}", fields.collect::<Vec<_>>().join(", "))
            })
            .collect();
        assert_eq!(
            all,
            [
                "alarms,alarm=tm3/batch,line=tm3 | change=raised, id=evt_1, isa_state=unacknowledged, message=off spec, \
                 severity=critical, state=active | \
                 1769126400000000001",
                "readings,area=dry end,line=tm3,tag=odd, tag=1 \\x | quality=16, text=run \"7\", a\\b = 中 | 6",
                "readings,area=dry end,line=tm3,tag=steam | quality=0, value=4 | 5",
                "sensor_health,line=tm3,tag=steam | bad=0.5, count=60, duplicate=0, good=0.5, late=0, stale=0, \
                 stuck=1, timeliness=1, trust=0, validity=0.5 | 1769126400000000001",
            ]
        );
    }
}

/// Charts of tags were written for long before those of properties come.
#[test]
fn charts_of_tags_and_of_properties_fit_into_tables_that_are_there() {
    let at = Timestamp::from_nanos(1_769_126_400_000_000_000);
    let point = |of: &ChartOf| {
        Effect::Chart(Box::new(ChartRecord {
            line: "tm3".into(),
            grade: "facial-15".into(),
            of: of.clone(),
            batch: of.property().map(|_| "TM3-1".into()),
            detectors: Vec::new(),
            point: Point {
                at,
                version: 1,
                provisional: true,
                value: 15.5,
                centre: 15.0,
                sigma: 0.25,
                lower: 14.25,
                upper: 15.75,
                zone: 2,
                spread: None,
                ewma: None,
                cusum: None,
                marks: Vec::new(),
            },
        }))
    };
    let limits = |of: &ChartOf| {
        Effect::ChartLimits(Box::new(ChartLimitsRecord {
            line: "tm3".into(),
            grade: "facial-15".into(),
            of: of.clone(),
            limits: Limits {
                version: 1,
                valid_from: at,
                kind: ChartKind::Individuals,
                centre: 15.0,
                sigma: 0.25,
                estimate: Estimate::Overall,
                phi: 0.0,
                n: 40,
                effective: 40.0,
                provisional: true,
                within: 0.25,
                overall: 0.25,
                spread: SpreadLimits { centre: 0.25, lower: 0.0, upper: 0.75 },
                trial: None,
            },
            capability: None,
        }))
    };
    for server in [one(), three(Refusal::Whole)] {
        let rig = Rig::start(settings(&server, "mill"), TOKEN);
        for of in [ChartOf::Tag("basis_weight".into()), ChartOf::Property("tensile_md".into())] {
            let mut encoded = Encoded::default();
            encoded.push(&point(&of));
            encoded.push(&limits(&of));
            rig.push(&encoded);
            rig.wait_until_empty();
        }
        assert_eq!((rig.readings.parked(), rig.results.parked()), (vec![], vec![]));
        rig.stop();
        let series: Vec<String> = server.stored().into_keys().map(|(series, _)| series).collect();
        assert_eq!(
            series,
            [
                "chart_limits,grade=facial-15,line=tm3,tag=basis_weight",
                "charts,grade=facial-15,line=tm3,tag=basis_weight",
                "lab_chart_limits,grade=facial-15,line=tm3,property=tensile_md",
                "lab_charts,grade=facial-15,line=tm3,property=tensile_md",
            ]
        );
    }
}

#[test]
fn a_wrong_token_or_name_keeps_everything_at_either() {
    for (server, bucket, token, words) in [
        (one(), "mill", "user:wrong", "401: authorization failed"),
        (one(), "nowhere", TOKEN, "404: database not found: \"nowhere\""),
        (three(Refusal::Whole), "mill", "wrong", "401: the request was not authenticated"),
        (three(Refusal::Whole), "mill paper", TOKEN, "400: db name must use ASCII letters"),
    ] {
        let rig = Rig::start(settings(&server, bucket), token);
        rig.readings.push("", 1, b"m v=1 1\n");
        wait_until("the writer says so", PATIENCE, || rig.reason().contains(words));
        assert_eq!(rig.state(), Some(State::Degraded));
        assert!(!rig.readings.is_empty() && rig.readings.parked().is_empty());
        assert_eq!(server.writes(), 0, "no line goes where even a question is refused");
        let (settings, token) = (settings(&server, bucket), Secret::new(token));
        let probe = rig.runtime.block_on(influx::probe(&settings, &token));
        assert_eq!(probe.expect_err("it cannot write").kind, influx::Kind::Auth);
        rig.stop();
    }
}

#[test]
fn a_probe_knows_either() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    for (server, name) in [(one(), "InfluxDB 1.8.10"), (three(Refusal::Whole), "InfluxDB")] {
        let (settings, token) = (settings(&server, "mill"), Secret::new(TOKEN));
        let words = runtime.block_on(influx::probe(&settings, &token)).expect("it can write");
        let url = server.url();
        assert_eq!(words, format!("{name} at `{url}` takes lines for bucket `mill` of `mill`"));
        assert!(server.stored().is_empty());
    }
}

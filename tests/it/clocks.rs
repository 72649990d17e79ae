//! Clocks that are wrong: one message over a real broker, and tags of the simulated mill.

#![allow(clippy::disallowed_methods, reason = "the readings of this plant are of now")]
#![allow(clippy::unwrap_used, reason = "helpers of a test may fail it like the test itself")]

use crate::support::{Daemon, Mosquitto, PATIENCE, configure, free_port, get, publish, wait_until};
use onspec::alarm::{EventKind, Subject};
use onspec::app::demo::{machine, tissue};
use onspec::decode::{Arrival, Format, JsonRule, JsonValues, Rule, Template};
use onspec::engine::{Effect, Engine, Event};
use onspec::reading::Timestamp;
use onspec::simulate::{Form, Machine, rules};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

fn json(url: &str) -> Value {
    let text = get(url).map(|answer| answer.text()).unwrap_or_default();
    serde_json::from_str(&text).unwrap_or_default()
}

#[test]
fn a_message_from_the_future_or_from_1970_moves_no_clock_and_is_shown() {
    let (broker, http) = (Mosquitto::start(), free_port());
    let directory = tempfile::tempdir().unwrap();
    let rest = r#"
        name = "plant"
        [[mqtt.subscribe]]
        topic = "mill/{line}/{area}/{tag}"
        value = "/v"
        time = "/ts"
        [[mqtt.subscribe]]
        topic = "bare/{line}/{area}/{tag}"
        format = "value"
        [line.tm3.tag.steam]
        [line.tm3.tag.level]
    "#;
    let path = configure(directory.path(), &broker.url(), http, rest);
    let mut daemon = Daemon::start(&path);
    let url = |path: &str| format!("http://127.0.0.1:{http}{path}");
    daemon.wait_ready(&url("/readyz"));

    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let now = i64::try_from(now.as_millis()).unwrap();
    let sent = |ts: i64| {
        let body = format!(r#"{{"v":{},"ts":{ts}}}"#, ts % 97);
        ("mill/tm3/dry/steam".to_owned(), body.into_bytes())
    };
    let stored = || json(&url("/api/v1/health"))["readings"].as_u64().unwrap_or_default();
    let clock = || json(&url("/api/v1/lines/tm3"))["clock"].as_i64();
    publish(broker.port(), (0..10).map(|n| sent(now - 10_000 + 1000 * n)).collect());
    wait_until("the first are stored and shown", PATIENCE, || stored() == 10 && clock().is_some());
    let before = clock();
    assert!(before.is_some_and(|clock| (now - 4000..now).contains(&clock)), "{before:?} {now}");

    // A day ahead; the same instant in seconds, read as milliseconds; and one without a time.
    let odd = vec![
        sent(now + 86_400_000),
        sent(now / 1000),
        ("bare/tm3/wet/level".to_owned(), b"7.5".to_vec()),
    ];
    publish(broker.port(), odd);
    wait_until("all are stored", PATIENCE, || stored() == 13);
    let after = clock();
    assert!(after.is_some_and(|clock| clock < now + 30_000), "{before:?} {after:?}");
    let metrics = get(&url("/metrics")).unwrap().text();
    for flag in ["future", "past", "no-source-time"] {
        let line = format!("onspec_readings_flagged_total{{flag=\"{flag}\"}} 1.0");
        assert!(metrics.contains(&line), "{line}: {metrics}");
    }
    let health = json(&url("/api/v1/health"));
    assert_eq!(health["faults"]["bad-time"], 2, "{health}");
    let details: Vec<&str> = health["last_faults"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|f| f["detail"].as_str())
        .collect();
    assert!(details[0].contains("24 h ahead of its arrival"), "{details:?}");
    assert!(details[1].contains("`time_unit = \"s\"`"), "{details:?}");
    let times: BTreeMap<&str, &str> = health["sources"]
        .as_array()
        .unwrap()
        .iter()
        .map(|source| (source["area"].as_str().unwrap(), source["time"].as_str().unwrap()))
        .collect();
    assert_eq!(times, BTreeMap::from([("dry", "source"), ("wet", "arrival")]), "{health}");
    let page = get(&url("/health")).unwrap().text();
    assert!(page.contains("of arrival: it sends none"), "the page says so");
    assert_eq!(daemon.terminate(), Some(0), "{}", daemon.log());
    assert!(daemon.log().contains("without a time of their own"), "{}", daemon.log());
}

/// The mill, a message a tag, and the engine behind it.
struct Mill {
    machine: Machine,
    engine: Engine,
    /// Tags whose stamps are off, and by how many seconds.
    off: BTreeMap<&'static str, i64>,
    /// What was told of clocks: the fault and the second.
    told: Vec<(String, u64)>,
    second: u64,
}

impl Mill {
    fn new(seed: u64) -> Self {
        let checked = tissue(None).unwrap();
        let mut rules = rules("machine");
        rules[0] = Rule {
            template: Template::parse("mill/{line}/{area}/{tag}").unwrap(),
            format: Format::Json(JsonRule {
                values: JsonValues::One("/value".into()),
                time: Some("/ts".into()),
                ..JsonRule::default()
            }),
            ..rules[0].clone()
        };
        let machine = machine(&checked, seed, 0, Form::Topics);
        let engine = Engine::new(checked.plant, rules);
        Self { machine, engine, off: BTreeMap::new(), told: Vec::new(), second: 0 }
    }

    /// The same mill, from where it is.
    fn again(&self) -> Self {
        Self {
            machine: self.machine.clone(),
            engine: Engine::restore(&self.engine.checkpoint()).unwrap(),
            off: self.off.clone(),
            told: Vec::new(),
            second: self.second,
        }
    }

    fn run(&mut self, seconds: u64) {
        let broker: Arc<str> = "machine".into();
        let (mut sent, mut effects) = (Vec::new(), Vec::new());
        for _ in 0..seconds {
            self.machine.step(&mut sent);
            self.second += 1;
            for message in sent.drain(..) {
                let mut arrival: Arrival = message.from_broker(&broker);
                self.spoil(&mut arrival);
                self.engine.apply(Event::Arrival(arrival), &mut effects);
            }
            for effect in effects.drain(..) {
                let Effect::Notification(news) = effect else { continue };
                match &news.subject {
                    Subject::Sensor { tag, fault, .. }
                        if matches!(&**fault, "skew" | "frozen-clock") =>
                    {
                        let what =
                            if news.kind == EventKind::SensorUnhealthy { fault } else { "well" };
                        self.told.push((format!("{tag} {what}"), self.second));
                    }
                    Subject::System { component, .. } => {
                        self.told.push((component.to_string(), self.second));
                    }
                    _ => {}
                }
            }
        }
    }

    /// Sets the stamp of a tag whose clock is off.
    fn spoil(&self, arrival: &mut Arrival) {
        let tag = arrival.topic.rsplit('/').next().unwrap_or_default();
        let Some(by) = self.off.get(tag) else { return };
        let mut body: Value = serde_json::from_slice(&arrival.payload).unwrap();
        let ts = Timestamp::from_millis(body["ts"].as_i64().unwrap() + by * 1000).unwrap();
        body["ts"] = ts.as_millis().into();
        arrival.payload = body.to_string().into_bytes().into();
    }
}

#[test]
fn tags_of_the_mill_that_are_off_by_90_s_are_named_within_half_an_hour_and_no_other() {
    // Each in an area of its own: one that speaks each second, each ten, and each minute.
    let tags = ["steam_pressure", "chest_ph", "retention"];
    let mut mill = Mill::new(1);
    mill.run(1200);
    assert_eq!(mill.told, [], "the mill is sound");
    for by in [90, -90] {
        let mut mill = mill.again();
        mill.off = tags.map(|tag| (tag, by)).into();
        mill.run(1800);
        let named: BTreeSet<&str> = mill.told.iter().map(|(what, _)| &**what).collect();
        let expected = ["steam_pressure skew", "chest_ph skew", "retention skew"];
        assert_eq!(named, BTreeSet::from(expected), "{by} s: {:?}", mill.told);
        assert_eq!(mill.told.len(), 3, "{by} s: each is named once: {:?}", mill.told);
    }
}

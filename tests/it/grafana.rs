//! Every query of the dashboards, asked of a real InfluxDB that a run of the demo has filled.

#![allow(clippy::unwrap_used, reason = "helpers of a test may fail it like the test itself")]

use crate::support::Influxd;
use onspec::app::{Outputs, demo};
use onspec::simulate::Form;
use onspec::store::{Settings, Store, WhenFull};
use serde_json::Value;
use std::path::Path;

/// A mill whose second batch is off spec while it is made, with a model by then.
const SEED: u64 = 3;
const LEARNING: Option<u32> = Some(2);
const BATCHES: u32 = 3;

/// Panels that are empty when all is well at the end of the run.
const MAY_BE_EMPTY: [&str; 1] = ["Sensors that are not well"];

/// An alarm of a part of the daemon: it belongs to no line, and people at every line should see it.
const OF_NO_LINE: &str = "alarms,line=system,alarm=system/influxdb state=\"active\",\
                          severity=\"warning\",message=\"influxdb does not work\",id=\"evt_1\" \
                          1769212800000000000\n";

/// Two scans of a scanner, which the demo does not have.
const SCANS: &str = "profiles,line=tm3,tag=web two_sigma_md=0.2,two_sigma_cd=0.3,two_sigma_residual=0.1 1769126400000000000
profile_zones,line=tm3,tag=web,zone=00 value=15.1,deviation=0.1,position=25 1769126400000000000
profile_zones,line=tm3,tag=web,zone=01 value=14.9,deviation=-0.1,position=75 1769126400000000000
profile_zones,line=tm3,tag=web,zone=00 value=15.2,deviation=0.2,position=25 1769126490000000000
profile_zones,line=tm3,tag=web,zone=01 value=14.8,deviation=-0.2,position=75 1769126490000000000
";

/// What a dynamic monitor measures, which needs more batches than this run has.
const DYNAMIC: &str = "scores,grade=facial-15,line=tm3,model=cva state_t2=8,state_t2_limit=20,residual_t2=90,\
                       residual_t2_limit=120,innovation_t2=40,innovation_t2_limit=60,\
                       state_t2_slow=9,state_t2_slow_limit=20,residual_t2_slow=80,residual_t2_slow_limit=120,\
                       innovation_t2_slow=30,innovation_t2_slow_limit=60,score=0.75 1769126400000000000\n";

/// Control charts, of a tag and of a laboratory property, which need more batches than this run has as well.
const CHART: &str = "charts,grade=facial-15,line=tm3,tag=basis_weight value=15.5,centre=15,sigma=0.1,lower=14.7,\
                     upper=15.3,ewma=15.05,ewma_lower=14.9,ewma_upper=15.1,signal=1 1769126400000000000
chart_limits,grade=facial-15,line=tm3,tag=basis_weight version=1,centre=15,sigma=0.1,lower=14.7,upper=15.3,\
                     estimate=\"within\",ppk=1.3,ppk_low=1.2,ppk_high=1.4 1769126400000000000
lab_charts,grade=facial-15,line=tm3,property=tensile_md value=131,centre=130,sigma=5,lower=115,upper=145,ewma=130.5,\
                     ewma_lower=126,ewma_upper=134,signal=1,batch=\"TM3-1\" 1769126400000000000
lab_chart_limits,grade=facial-15,line=tm3,property=tensile_md version=1,centre=130,sigma=5,lower=115,upper=145,\
                     estimate=\"overall\",widened=1.13,signal_rate=0.006,ppk=1.1,ppk_low=0.8,ppk_high=1.4 \
                     1769126400000000000\n";

/// Who carries a deviation: models of so few batches have limits that nothing in this run passes.
const AT_RISK: &str =
    "contributions,grade=facial-15,line=tm3,tag=steam_pressure share=0.41 1769126400000000000
contributions,grade=facial-15,line=tm3,tag=reel_speed share=0.22 1769126400000000000
";

/// Lets the demo run and sends what it has for InfluxDB, less the readings that no panel shows.
fn fill(influx: &Influxd) {
    let directory = tempfile::tempdir().unwrap();
    let settings = Settings {
        path: Some(directory.path().join("demo.db")),
        max_size_bytes: 8 << 30,
        when_full: WhenFull::DropOldestReadings,
    };
    let checked = demo::tissue(LEARNING).unwrap();
    let outputs = Outputs { influx: true, ..Outputs::default() };
    let machine = demo::machine(&checked, SEED, BATCHES, Form::Wide);
    demo::score(&checked, Store::open(&settings).unwrap(), outputs, machine).unwrap();
    let store = Store::open(&settings).unwrap();
    for name in [onspec::influx::READINGS, onspec::influx::RESULTS] {
        let outbox = store.outbox(name).unwrap();
        let mut after = 0;
        loop {
            let items = outbox.oldest(after, 200, usize::MAX).unwrap();
            let Some(last) = items.last() else { break };
            after = last.id;
            let mut lines = String::new();
            for item in items {
                let body = String::from_utf8(item.body).unwrap();
                let shown = |line: &&str| {
                    !line.starts_with("readings,") || line.contains("tag=basis_weight ")
                };
                for line in body.lines().filter(shown) {
                    lines.push_str(line);
                    lines.push('\n');
                }
            }
            if !lines.is_empty() {
                assert_eq!(influx.write(&lines).status, 204);
            }
        }
    }
}

/// A query as Grafana sends it: its variables stand for values.
fn as_sent(query: &str, influx: &Influxd) -> String {
    query
        .replace("v.defaultBucket", &format!("\"{}\"", influx.bucket()))
        .replace("v.timeRangeStart", "2026-01-23T00:00:00Z")
        .replace("v.timeRangeStop", "2026-02-23T00:00:00Z")
        .replace("v.windowPeriod", "1m")
        .replace("${line:doublequote}", "\"tm3\"")
        .replace("${quality:doublequote}", "\"basis_weight\"")
        .replace("${profile:doublequote}", "\"web\"")
        .replace("${chart:doublequote}", "\"basis_weight\"")
        .replace("${property:doublequote}", "\"tensile_md\"")
}

/// Rows of an answer in annotated CSV.
fn rows(csv: &str) -> usize {
    csv.lines()
        .filter(|line| !line.trim().is_empty() && !line.starts_with('#'))
        .filter(|line| line.starts_with(",,") || line.starts_with(",_result"))
        .count()
}

#[test]
fn every_query_of_the_dashboards_is_answered() {
    let influx = Influxd::start();
    fill(&influx);
    assert_eq!(influx.write(OF_NO_LINE).status, 204);
    assert_eq!(influx.write(SCANS).status, 204);
    assert_eq!(influx.write(DYNAMIC).status, 204);
    assert_eq!(influx.write(AT_RISK).status, 204);
    assert_eq!(influx.write(CHART).status, 204);
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/grafana/dashboards");
    let mut asked = 0;
    for file in std::fs::read_dir(directory).unwrap() {
        let text = std::fs::read_to_string(file.unwrap().path()).unwrap();
        let dashboard: Value = serde_json::from_str(&text).unwrap();
        for panel in dashboard["panels"].as_array().unwrap() {
            let title = panel["title"].as_str().unwrap();
            assert!(panel["description"].as_str().is_some_and(|text| !text.is_empty()), "{title}");
            for target in panel["targets"].as_array().unwrap() {
                assert_eq!(target["datasource"]["uid"], "onspec", "{title}");
                let query = as_sent(target["query"].as_str().unwrap(), &influx);
                assert!(!query.contains("v.") && !query.contains("${"), "{title}: {query}");
                let answer = influx.query_csv(&query);
                let of_no_line = title != "Alarm changes" || answer.contains("system/influxdb");
                assert!(of_no_line, "{title}: {answer}");
                // A column for each zone, a row for each scan.
                if title == "Profile across the web" {
                    assert!(answer.contains(",00,01") && rows(&answer) == 2, "{answer}");
                }
                // One row for each chart.
                if title.starts_with("Limits of control charts") {
                    assert!(answer.contains("tensile_md (laboratory)"), "{answer}");
                    assert!(answer.contains("basis_weight") && rows(&answer) == 2, "{answer}");
                }
                let may_be_empty = MAY_BE_EMPTY.contains(&title);
                assert!(rows(&answer) > 0 || may_be_empty, "{title} shows nothing: {query}");
                asked += 1;
            }
        }
        for variable in dashboard["templating"]["list"].as_array().unwrap() {
            let query = as_sent(variable["query"]["query"].as_str().unwrap(), &influx);
            let answer = influx.query_csv(&query);
            assert!(rows(&answer) > 0, "{} has no value: {query}", variable["name"]);
            asked += 1;
        }
    }
    assert!(asked >= 18, "{asked} queries");
}

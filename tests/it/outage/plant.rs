//! The plant: forty gateways and four scanners, whose values are known for every second.

use crate::support::{PATIENCE, wait_until};
use rumqttc::v5::Client;
use rumqttc::v5::mqttbytes::QoS;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Forty gateways of fifty tags each, on four lines, say all of them once a second, and a scanner on each line its one.
pub(super) const LINES: usize = 4;
pub(super) const AREAS: usize = 40;
pub(super) const TAGS: usize = 50;
/// Readings a second.
pub(super) const RATE: i64 = 2_004;
/// The plant's second 0.
pub(super) const BEGIN_MS: i64 = 1_769_126_400_000;
/// On each line a batch begins every so many seconds, and is put off spec by a laboratory result.
const BATCH: i64 = 5;

/// The value of a tag, by its number in the plant, in a second: another for each pair within a long time.
pub(super) fn value(tag: usize, second: i64) -> f64 {
    let tag = i64::try_from(tag).unwrap();
    ((tag * 7_919 + second * 104_729) % 1_000_003) as f64 / 1000.0
}

/// The number of a line's scanner in the plant.
pub(super) fn scanner(line: usize) -> usize {
    AREAS * TAGS + line
}

/// When the laboratory result of each batch was published: the plant's second, and the clock.
pub(super) type Results = BTreeMap<String, (i64, Instant)>;

/// The publisher of the plant.
pub(super) struct Plant<'a> {
    pub(super) client: &'a Client,
    pub(super) second: i64,
    pub(super) results: Results,
    pub(super) published: &'a AtomicU64,
}

impl Plant<'_> {
    fn publish(&self, topic: String, payload: String) {
        self.client.publish(topic, QoS::AtLeastOnce, false, payload).expect("the client runs");
        self.published.fetch_add(1, Ordering::Relaxed);
    }

    /// One second of the plant.
    pub(super) fn second(&mut self) {
        let ts = BEGIN_MS + self.second * 1000;
        for line in 0..LINES {
            self.batch(line, ts);
        }
        for area in 0..AREAS {
            let mut body = format!(r#"{{"ts":{ts}"#);
            for tag in 0..TAGS {
                let value = value(area * TAGS + tag, self.second);
                write!(body, r#","t{tag:02}":{value}"#).unwrap();
            }
            body.push('}');
            self.publish(format!("mill/tm{}/a{area:02}", area % LINES), body);
        }
        for line in 0..LINES {
            let weight = value(scanner(line), self.second);
            let body = format!(r#"{{"v":{weight},"ts":{ts}}}"#);
            self.publish(format!("scanner/tm{line}/dry/weight"), body);
        }
        self.second += 1;
    }

    /// What a line's batch does in this second; the lines take turns.
    fn batch(&mut self, line: usize, ts: i64) {
        let since = self.second - i64::try_from(line).unwrap();
        let topic = format!("mill/tm{line}/events");
        let batch = format!("tm{line}-R{}", since / BATCH);
        match since.rem_euclid(BATCH) {
            _ if since < 0 => {}
            0 => self.publish(
                topic,
                format!(
                    r#"{{"event":"batch-start","batch":"{batch}","grade":"facial-15","ts":{ts}}}"#
                ),
            ),
            4 => {
                // Of a time that the line has passed, as a laboratory's results are: it counts at once.
                let ts = ts - 4000;
                let body = format!(
                    r#"{{"event":"lab","batch":"{batch}","property":"tensile_md","value":90.0,"unit":"N/m","ts":{ts}}}"#
                );
                self.results.insert(batch, (self.second, Instant::now()));
                self.publish(topic, body);
            }
            _ => {}
        }
    }

    /// Goes on until this second, `speed` times as fast as a plant.
    pub(super) fn until(&mut self, end: i64, speed: f64) {
        let (begun, from) = (Instant::now(), self.second);
        while self.second < end {
            let due = Duration::from_secs_f64((self.second - from) as f64 / speed);
            wait_until("the next second begins", PATIENCE, || begun.elapsed() >= due);
            self.second();
        }
    }
}

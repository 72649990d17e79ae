//! The plant: what it publishes, and what has to follow from it.

use crate::support::Point;
use bytes::Bytes;
use onspec::app::{FitMode, Outputs, Pipeline};
use onspec::decode::Arrival;
use onspec::engine::{Effect, Event};
use onspec::reading::Timestamp;
use onspec::store::Store;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Readings in a second.
pub(crate) const TAGS: usize = 4;
/// Every second batch leaves its limits after a third of it.
const SECONDS_IN_BATCH: i64 = 60;

/// What is published: topic and payload.
pub(crate) type Message = (String, Vec<u8>);

/// One line that makes a batch a minute, in the time of its own events.
#[derive(Debug)]
pub(crate) struct Plant {
    /// The event time of the next second, ms.
    next: i64,
    second: i64,
    said: Vec<Message>,
    readings: Vec<Point>,
    /// When a tag stepped, ns.
    steps: BTreeSet<i64>,
}

impl Plant {
    /// A plant whose first second is this, ms since 1970.
    pub(crate) fn beginning(at: i64) -> Self {
        Self { next: at, second: 0, said: Vec::new(), readings: Vec::new(), steps: BTreeSet::new() }
    }

    /// A plant of some day in the past.
    pub(crate) fn of_january() -> Self {
        Self::beginning(1_769_126_400_000)
    }

    /// The next seconds, to be published.
    pub(crate) fn work(&mut self, seconds: i64) -> Vec<Message> {
        let from = self.said.len();
        for _ in 0..seconds {
            let (batch, within) = (self.second / SECONDS_IN_BATCH, self.second % SECONDS_IN_BATCH);
            let ts = self.next;
            if within == 0 {
                let body = format!(
                    r#"{{"event":"batch-start","batch":"R{batch}","grade":"facial-15","ts":{ts}}}"#
                );
                self.said.push(("mill/tm3/events".into(), body.into_bytes()));
            }
            let off = batch % 2 == 1 && within >= SECONDS_IN_BATCH / 3;
            if batch % 2 == 1 && within == SECONDS_IN_BATCH / 3 || batch % 2 == 0 && within == 0 {
                self.steps.insert(ts * 1_000_000);
            }
            for ix in 0..TAGS {
                let (tag, level) = match ix {
                    0 => ("basis_weight".to_owned(), if off { 17.0 } else { 15.0 }),
                    _ => (format!("tag_{ix:02}"), 100.0),
                };
                // Never twice the same, so that no sensor is stuck.
                let step = u32::try_from((self.second * 7 + 3) % 101).expect("it is below 101");
                let value = level + f64::from(step) / 1000.0;
                let body = format!(r#"{{"v":{value},"ts":{ts}}}"#);
                self.said.push((format!("mill/tm3/dry/{tag}"), body.into_bytes()));
                self.readings.push(Point {
                    series: format!("readings,area=dry,line=tm3,tag={tag}"),
                    time_ns: ts * 1_000_000,
                    field: "value".into(),
                    value: value.to_string(),
                });
            }
            self.second += 1;
            self.next += 1000;
        }
        self.said[from..].to_vec()
    }

    /// Every reading so far, in the order of series and time.
    pub(crate) fn readings(&self) -> Vec<Point> {
        let mut readings = self.readings.clone();
        readings.sort();
        readings
    }

    /// True if the first value of another level came then, ns since 1970. The daemon may mark it as one that stands
    /// apart: that the tag stepped, only the next value tells.
    pub(crate) fn stepped(&self, at: i64) -> bool {
        self.steps.contains(&at)
    }

    /// How many readings there are so far.
    pub(crate) fn count(&self) -> usize {
        self.readings.len()
    }

    /// The events of batches that follow from all that was said, by id with their kind: what the engine says when it
    /// gets the messages in order, once each, and no fault anywhere.
    pub(crate) fn events(&self, config: &Path) -> BTreeMap<String, &'static str> {
        let checked = onspec::config::read(config).expect("the daemon took it");
        let settings = onspec::store::Settings { path: None, ..checked.store.clone() };
        let store = Store::open(&settings).expect("a store in memory");
        let (rules, outputs) = (checked.rules(), Outputs::default());
        let (mut pipeline, _) =
            Pipeline::open(store, checked.plant, rules, outputs, FitMode::Inline)
                .expect("an empty store");
        let mut events = BTreeMap::new();
        let arrivals = self.said.iter().map(|(topic, payload)| {
            Event::Arrival(Arrival {
                broker: "plant".into(),
                received: Timestamp::from_millis(self.next).expect("it is of this century"),
                topic: topic.as_str().into(),
                payload: Bytes::from(payload.clone()),
                retained: false,
                properties: None,
            })
        });
        pipeline
            .commit(arrivals, &mut |effect| {
                if let Effect::Notification(notification) = effect {
                    events.insert(notification.id.to_string(), notification.kind.as_str());
                }
            })
            .expect("a commit in memory");
        events
    }
}

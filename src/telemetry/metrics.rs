//! Counters and gauges under closed sets of names and labels, rendered as OpenMetrics.
//!
//! Labels come from closed sets (line and tag names of the configuration, reasons, components);
//! payload text never becomes one.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// What a metric is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Only grows.
    Counter,
    /// Goes up and down.
    Gauge,
}

/// Every metric: name (without OpenMetrics' `_total`), kind, help text. Add a row to add a metric.
pub const METRICS: &[(&str, Kind, &str)] = &[
    ("onspec_messages", Kind::Counter, "Messages received from a broker"),
    ("onspec_message_bytes", Kind::Counter, "Payload bytes received from a broker"),
    ("onspec_readings", Kind::Counter, "Readings stored"),
    ("onspec_readings_flagged", Kind::Counter, "Readings with a quality flag, by flag"),
    ("onspec_readings_duplicate", Kind::Counter, "Repeated readings, which write nothing"),
    ("onspec_faults", Kind::Counter, "Messages or parts of them that were not taken, by reason"),
    ("onspec_frames", Kind::Counter, "Frames closed, by line"),
    ("onspec_commits", Kind::Counter, "Commits of the store"),
    ("onspec_commit_seconds", Kind::Counter, "Time spent in commits of the store"),
    ("onspec_store_bytes", Kind::Gauge, "Size of the store with its write-ahead log"),
    (
        "onspec_store_fill_ratio",
        Kind::Gauge,
        "Share of the store's size that is taken by what has to be kept",
    ),
    ("onspec_outbox_pending", Kind::Gauge, "Lines or events waiting in an outbox"),
    ("onspec_outbox_dropped", Kind::Counter, "Lines dropped from an outbox at the disk budget"),
    ("onspec_orphaned_dropped", Kind::Counter, "Lines and events dropped that waited for nobody"),
    ("onspec_parked", Kind::Gauge, "Entries of an outbox that were refused for good and are kept"),
    ("onspec_parked_dropped", Kind::Counter, "Refused lines and events that were kept and went"),
    ("onspec_influxdb_lines", Kind::Counter, "Lines stored by InfluxDB"),
    ("onspec_influxdb_requests", Kind::Counter, "Requests to InfluxDB, by outcome"),
    ("onspec_influxdb_parked_lines", Kind::Counter, "Lines that InfluxDB refused for good"),
    ("onspec_webhook_deliveries", Kind::Counter, "Webhook attempts, by receiver and outcome"),
    ("onspec_mqtt_connections", Kind::Counter, "Connections made to a broker"),
    (
        "onspec_mqtt_sessions_begun",
        Kind::Counter,
        "Connections at which the broker had no session of ours",
    ),
    ("onspec_mqtt_connections_lost", Kind::Counter, "Connections to a broker that were lost"),
    (
        "onspec_broker_dropped",
        Kind::Counter,
        "Messages that a broker says it dropped, of all its clients",
    ),
    ("onspec_mqtt_published", Kind::Counter, "Messages published"),
    ("onspec_mqtt_publish_refused", Kind::Counter, "Messages that a broker did not take"),
    ("onspec_sparkplug_gaps", Kind::Counter, "Times that messages of edge nodes were missing"),
    (
        "onspec_sparkplug_rebirths_asked",
        Kind::Counter,
        "Times that edge nodes were asked for their births, by broker",
    ),
    ("onspec_verdicts", Kind::Counter, "Verdict changes, by line and call"),
    (
        "onspec_source_delay_seconds",
        Kind::Gauge,
        "Least time from a reading's stamp to its arrival, of the source of a line that is furthest off",
    ),
    ("onspec_up", Kind::Gauge, "1 while a part works, by component"),
];

/// The labels that name a part of the configuration.
const OF_PARTS: &[&str] = &["component", "broker", "outbox", "receiver"];

type Labels = Vec<(&'static str, String)>;

/// The register of all metrics. Cheap to clone; all clones are one register.
#[derive(Debug, Clone, Default)]
pub struct Metrics {
    values: Arc<Mutex<BTreeMap<&'static str, BTreeMap<Labels, f64>>>>,
}

impl Metrics {
    /// Adds to a counter.
    #[expect(clippy::cast_precision_loss, reason = "a counter beyond 2^53 may lose its last digit")]
    pub fn add(&self, name: &'static str, labels: &[(&'static str, &str)], n: u64) {
        self.change(name, labels, |value| *value += n as f64);
    }

    /// Adds seconds, or another real number, to a counter.
    pub fn add_f64(&self, name: &'static str, labels: &[(&'static str, &str)], n: f64) {
        self.change(name, labels, |value| *value += n);
    }

    /// Sets a gauge.
    pub fn set(&self, name: &'static str, labels: &[(&'static str, &str)], to: f64) {
        self.change(name, labels, |value| *value = to);
    }

    /// Forgets the gauges of parts, for a configuration that need not have them any more; a part that is
    /// there says its own again. Counters stay, as they only grow.
    pub fn forget_parts(&self) {
        let is_gauge = |name: &str| METRICS.iter().any(|of| of.0 == name && of.1 == Kind::Gauge);
        let mut values = self.values.lock().unwrap_or_else(PoisonError::into_inner);
        for (_, series) in values.iter_mut().filter(|(name, _)| is_gauge(name)) {
            series.retain(|labels, _| !labels.iter().any(|(key, _)| OF_PARTS.contains(key)));
        }
    }

    /// The value of a metric, 0 if it has none.
    #[must_use]
    pub fn get(&self, name: &str, labels: &[(&'static str, &str)]) -> f64 {
        let values = self.values.lock().unwrap_or_else(PoisonError::into_inner);
        values.get(name).and_then(|series| series.get(&owned(labels))).copied().unwrap_or(0.0)
    }

    fn change(&self, name: &'static str, labels: &[(&'static str, &str)], f: impl Fn(&mut f64)) {
        debug_assert!(
            METRICS.iter().any(|(known, ..)| *known == name),
            "metric `{name}` is not listed"
        );
        let mut values = self.values.lock().unwrap_or_else(PoisonError::into_inner);
        f(values.entry(name).or_default().entry(owned(labels)).or_insert(0.0));
    }

    /// All metrics and their values, in order of names and labels.
    #[must_use]
    pub fn snapshot(&self) -> Vec<(&'static str, Vec<(Labels, f64)>)> {
        let values = self.values.lock().unwrap_or_else(PoisonError::into_inner);
        values
            .iter()
            .map(|(name, series)| (*name, series.iter().map(|(l, v)| (l.clone(), *v)).collect()))
            .collect()
    }
}

fn owned(labels: &[(&'static str, &str)]) -> Labels {
    labels.iter().map(|(key, value)| (*key, (*value).to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gauges_of_parts_are_forgotten_and_nothing_else() {
        let metrics = Metrics::default();
        metrics.set("onspec_up", &[("component", "webhook/old")], 0.0);
        metrics.set("onspec_outbox_pending", &[("outbox", "webhook/old")], 3.0);
        metrics.set("onspec_store_bytes", &[], 7.0);
        metrics.add("onspec_mqtt_connections", &[("broker", "old")], 2);
        metrics.forget_parts();
        let left = metrics.snapshot();
        let left: Vec<_> = left.iter().filter(|(_, series)| !series.is_empty()).collect();
        assert_eq!(
            left.iter().map(|(name, _)| *name).collect::<Vec<_>>(),
            ["onspec_mqtt_connections", "onspec_store_bytes"]
        );
    }
}

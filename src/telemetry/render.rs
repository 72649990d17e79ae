//! The metrics as OpenMetrics text.

use super::metrics::{Kind, METRICS, Metrics};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric, text};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;

impl Metrics {
    /// The content type of [`Metrics::render`].
    pub const CONTENT_TYPE: &'static str =
        "application/openmetrics-text; version=1.0.0; charset=utf-8";

    /// All metrics as OpenMetrics 1.0 text: every family of [`METRICS`] with its help and type, in
    /// that order, also those that have no value yet; counters end in `_total`.
    #[must_use]
    pub fn render(&self) -> String {
        let mut registry = Registry::default();
        registry.register_collector(Box::new(self.clone()));
        let mut out = String::new();
        text::encode(&mut out, &registry).expect("writing to a string does not fail");
        out
    }
}

impl Collector for Metrics {
    fn encode(&self, mut encoder: DescriptorEncoder) -> Result<(), std::fmt::Error> {
        let snapshot = self.snapshot();
        for (name, kind, help) in METRICS {
            let metric_type = match kind {
                Kind::Counter => MetricType::Counter,
                Kind::Gauge => MetricType::Gauge,
            };
            let mut family = encoder.encode_descriptor(name, help, None, metric_type)?;
            for (labels, value) in
                snapshot.iter().filter(|(known, _)| known == name).flat_map(|(_, series)| series)
            {
                let series = family.encode_family(labels)?;
                match kind {
                    Kind::Counter => ConstCounter::new(*value).encode(series)?,
                    Kind::Gauge => ConstGauge::new(*value).encode(series)?,
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rendered(fill: impl Fn(&Metrics)) -> String {
        let metrics = Metrics::default();
        fill(&metrics);
        metrics.render()
    }

    /// The lines of one family.
    fn family<'a>(text: &'a str, name: &str) -> Vec<&'a str> {
        text.lines()
            .filter(|line| line.split([' ', '{']).any(|word| word.starts_with(name)))
            .collect()
    }

    #[test]
    fn counters_have_help_type_and_total() {
        let text = rendered(|metrics| {
            metrics.add("onspec_faults", &[("reason", "not-json")], 2);
            metrics.add("onspec_faults", &[("reason", "bad-time")], 1);
        });
        assert_eq!(
            family(&text, "onspec_faults"),
            [
                "# HELP onspec_faults Messages or parts of them that were not taken, by reason",
                "# TYPE onspec_faults counter",
                "onspec_faults_total{reason=\"bad-time\"} 1.0",
                "onspec_faults_total{reason=\"not-json\"} 2.0",
            ]
        );
    }

    #[test]
    fn gauges_keep_their_name() {
        let text = rendered(|metrics| metrics.set("onspec_store_bytes", &[], 4096.0));
        assert_eq!(
            family(&text, "onspec_store_bytes"),
            [
                "# HELP onspec_store_bytes Size of the store with its write-ahead log",
                "# TYPE onspec_store_bytes gauge",
                "onspec_store_bytes 4096.0",
            ]
        );
    }

    #[test]
    fn every_family_is_there_before_it_has_a_value_and_the_end_is_marked() {
        let text = rendered(|_| {});
        for (name, ..) in METRICS {
            assert!(text.contains(&format!("# TYPE {name} ")), "{name}");
        }
        assert!(text.ends_with("\n# EOF\n"));
        assert_eq!(text.lines().count(), 2 * METRICS.len() + 1);
    }

    #[test]
    fn hostile_label_values_stay_inside_their_quotes() {
        let text =
            rendered(|metrics| metrics.add("onspec_frames", &[("line", "a\"} 1\n# EOF\n\\")], 1));
        assert!(text.contains(r#"onspec_frames_total{line="a\"} 1\n# EOF\n\\"} 1.0"#), "{text}");
        assert_eq!(text.matches("\n# EOF").count(), 1);
    }

    #[test]
    fn names_follow_the_rules_of_the_format() {
        for (name, kind, help) in METRICS {
            assert!(name.starts_with("onspec_") && !name.ends_with("_total"), "{name}");
            assert!(name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'), "{name}");
            assert!(!help.is_empty() && !help.contains(['\n', '\\']), "{name} {kind:?}");
        }
    }
}

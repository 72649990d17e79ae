//! What comes in, what is kept, and what waits to go out: links to brokers, the store, the outboxes. All of it stands in the
//! register of metrics.

use super::super::format::{NUMBERS, WORDS, count, fact, heading, per_cent, plain, quantity};
use super::super::html::Html;
use super::super::reader::Reader;
use super::scroll;
use super::words::Words;
use crate::telemetry::Metrics;
use std::collections::BTreeMap;

/// The figures of each part that a label names, in the order of these metrics.
type Figures<const N: usize> = BTreeMap<String, [f64; N]>;

/// Reads some metrics by one of their labels; figures that differ by other labels are summed.
fn by_label<const N: usize>(metrics: &Metrics, key: &str, names: [&str; N]) -> Figures<N> {
    let mut found = Figures::new();
    for (name, series) in metrics.snapshot() {
        let Some(ix) = names.iter().position(|known| *known == name) else { continue };
        for (labels, value) in series {
            if let Some((_, part)) = labels.into_iter().find(|(label, _)| *label == key)
                && let Some(figure) = found.entry(part).or_insert([0.0; N]).get_mut(ix)
            {
                *figure += value;
            }
        }
    }
    found
}

/// A counter or gauge as a count.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a float to integer cast stops at the ends"
)]
fn whole(value: f64) -> String {
    count(value as u64)
}

fn table<const N: usize>(
    html: &mut Html,
    (label, heads): (&'static str, [&'static str; N]),
    first: &'static str,
    rows: &Figures<N>,
) {
    scroll(html, label);
    heading(html, WORDS, first);
    for head in heads {
        heading(html, NUMBERS, head);
    }
    html.raw("</tr></thead><tbody>");
    for (name, figures) in rows {
        html.raw("<tr><th scope=\"row\">").name(name).raw("</th>");
        for figure in figures {
            html.raw("<td class=\"num\">").text(&whole(*figure)).raw("</td>");
        }
        html.raw("</tr>");
    }
    html.raw("</tbody></table></div>");
}

/// The panels of the store and of what waits, and of the links to brokers.
pub(super) fn panels(html: &mut Html, metrics: &Metrics, reader: Reader) {
    let words = Words::of(reader.language);
    html.raw("<div class=\"panel\" data-part id=\"store\"><h3>").raw(words.store).raw("</h3>");
    html.raw("<dl class=\"counts\">");
    let bytes = metrics.get("onspec_store_bytes", &[]);
    fact(html, words.store_size, &plain(&size(bytes)));
    let fill = metrics.get("onspec_store_fill_ratio", &[]);
    fact(html, words.store_fill, &plain(&per_cent(fill)));
    let commits = metrics.get("onspec_commits", &[]);
    fact(html, words.commits, &plain(&whole(commits)));
    html.raw("</dl><h3>").raw(words.waiting).raw("</h3>");
    let names = ["onspec_outbox_pending", "onspec_outbox_dropped", "onspec_parked"];
    let outboxes = by_label(metrics, "outbox", names);
    if outboxes.is_empty() {
        html.raw("<p class=\"muted\">").raw(words.no_outbox).raw("</p>");
    } else {
        let heads = [words.pending, words.dropped, words.parked];
        table(html, (words.waiting, heads), words.receiver, &outboxes);
        html.raw("<p class=\"muted\">").raw(words.parked_means).raw("</p>");
    }
    html.raw("</div>");
    let names = [
        "onspec_messages",
        "onspec_mqtt_connections",
        "onspec_mqtt_connections_lost",
        "onspec_broker_dropped",
    ];
    let brokers = by_label(metrics, "broker", names);
    if !brokers.is_empty() {
        html.raw("<div class=\"panel\" data-part id=\"brokers\"><h3>").raw(words.links);
        html.raw("</h3>");
        let heads = [words.messages, words.connections, words.lost_links, words.broker_dropped];
        table(html, (words.links, heads), words.broker, &brokers);
        html.raw("<p class=\"muted\">").raw(words.since_start).raw("</p></div>");
    }
}

/// Bytes in the unit that people read.
fn size(bytes: f64) -> String {
    if bytes < 1e9 { quantity(bytes / 1e6, "MB") } else { quantity(bytes / 1e9, "GB") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::{Language, Locale};

    #[test]
    fn what_waits_and_what_comes_is_told_by_part() {
        let metrics = Metrics::default();
        metrics.set("onspec_store_bytes", &[], 1_234_500_000.0);
        metrics.set("onspec_store_fill_ratio", &[], 0.38);
        metrics.set("onspec_outbox_pending", &[("outbox", "influxdb")], 12_400.0);
        metrics.set("onspec_parked", &[("outbox", "webhook/leads")], 2.0);
        metrics.add("onspec_messages", &[("broker", "plant")], 7);
        let mut html = Html::default();
        panels(&mut html, &metrics, Reader::of(&Locale::default(), Some(Language::English)));
        let text = html.into_string();
        for expected in [
            "<dd>1.234\u{a0}GB</dd>",
            "<dd>38\u{a0}%</dd>",
            "<bdi>influxdb</bdi></th><td class=\"num\">12\u{202f}400</td><td class=\"num\">0</td>",
            "<bdi>webhook/leads</bdi></th><td class=\"num\">0</td><td class=\"num\">0</td><td class=\"num\">2</td>",
            "<bdi>plant</bdi></th><td class=\"num\">7</td>",
        ] {
            assert!(text.contains(expected), "{expected}: {text}");
        }
        assert_eq!(size(12_000_000.0), "12\u{a0}MB");
    }
}

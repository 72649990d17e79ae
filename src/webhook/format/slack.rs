//! Slack: an incoming webhook. Blocks of `mrkdwn` text, of which only `&`, `<` and `>` are escaped.

use super::super::answer::{Answer, Outcome};
use super::text::{CUT, cut};
use super::told::Told;
use super::words::{Entry, Message, Mood, fitted};
use super::{Judged, Rate, Rendered, Request, Service, TOGETHER};
use crate::reading::Timestamp;
use crate::store::Item;
use crate::words::Locale;
use serde_json::{Value, json};
use std::time::Duration;

/// The most characters of a section's text, by Slack's count.
const SECTION_MAX: usize = 3000;
/// The most characters of the text that notifications show; Slack takes 40,000.
const TEXT_MAX: usize = 1000;

/// What it takes.
const RATES: &[Rate] = &[(1, Duration::from_secs(1))];

#[derive(Debug)]
pub(super) struct Slack {
    pub(super) locale: Locale,
}

impl Service for Slack {
    fn together(&self) -> usize {
        TOGETHER
    }

    fn rates(&self) -> &'static [Rate] {
        RATES
    }

    fn render(&self, events: &[Item], _now: Timestamp) -> Rendered {
        let told: Vec<Told> =
            events.iter().map(|event| Told::read(event, self.locale.language)).collect();
        // Every block is cut by itself: the fullest message always fits.
        Ok(Some(Request::json(&fitted(&told, &self.locale, body, |_| true))))
    }

    fn judge(&self, answer: &Answer, now: Timestamp) -> Judged {
        match answer.status {
            401 | 403 | 404 => Judged::wants_correction(
                "the address is not that of a webhook of this workspace (any more): make a new one",
            ),
            410 => Judged {
                outcome: Outcome::Gone,
                hint: Some("the channel is archived: make a webhook of another one"),
            },
            _ => Judged::by_status(answer, now),
        }
    }
}

fn body(message: &Message) -> Value {
    let mut blocks = Vec::new();
    if !message.is_single() {
        blocks.push(section(&format!("*{}*", message.heading)));
    }
    blocks.extend(message.entries.iter().map(|entry| section(&words(entry))));
    let from = escaped(&message.from, TEXT_MAX);
    let link = |(name, url): (&str, &str)| format!("<{}|{name}>", url.replace('&', "&amp;"));
    let links = message.links().map(link);
    let from: Vec<String> = links.chain([from]).collect();
    let from = from.join(" · ");
    blocks.push(json!({ "type": "context", "elements": [mrkdwn(&from)] }));
    let summary = format!("{}{}{}", message.word, message.colon, message.heading);
    json!({ "text": escaped(&summary, TEXT_MAX), "blocks": blocks })
}

fn words(entry: &Entry) -> String {
    let sign = match entry.mood {
        Mood::Bad => ":red_circle:",
        Mood::Warning => ":large_orange_circle:",
        Mood::Good => ":large_green_circle:",
        Mood::Neutral => ":large_blue_circle:",
    };
    let mut lines = vec![format!("{sign} *{}*", entry.title)];
    lines.extend(entry.facts.iter().map(|fact| entry.line(fact)));
    if !entry.text.is_empty() {
        lines.push(entry.text.clone());
    }
    lines.join("\n")
}

fn section(words: &str) -> Value {
    json!({ "type": "section", "text": mrkdwn(&escaped(words, SECTION_MAX)) })
}

/// `verbatim`: names with `#` or `@` become no links to channels and people.
fn mrkdwn(text: &str) -> Value {
    json!({ "type": "mrkdwn", "text": text, "verbatim": true })
}

/// At most `max` characters once it is escaped.
fn escaped(words: &str, max: usize) -> String {
    let cost = |c| match c {
        '&' => 5,
        '<' | '>' => 4,
        CUT => 1,
        other => other.len_utf16(),
    };
    cut(words, max, cost).replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

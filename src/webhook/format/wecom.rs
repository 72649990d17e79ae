//! WeCom: a robot of a group. Markdown of 4,096 bytes at most; the key stands in the address.

use super::super::answer::Answer;
use super::text::unmarked;
use super::told::Told;
use super::words::{Entry, Message, Mood, fitted};
use super::{Judged, Rate, Rendered, Request, Service, TOGETHER, number};
use crate::reading::Timestamp;
use crate::store::Item;
use crate::words::Locale;
use serde_json::json;
use std::time::Duration;

/// The most bytes of the content, in UTF-8.
const BYTES_MAX: usize = 4096;

/// What it takes.
const RATES: &[Rate] = &[(20, Duration::from_secs(60))];

#[derive(Debug)]
pub(super) struct WeCom {
    pub(super) locale: Locale,
}

impl Service for WeCom {
    fn together(&self) -> usize {
        TOGETHER
    }

    fn rates(&self) -> &'static [Rate] {
        RATES
    }

    fn render(&self, events: &[Item], _now: Timestamp) -> Rendered {
        let told: Vec<Told> =
            events.iter().map(|event| Told::read(event, self.locale.language)).collect();
        let content = fitted(&told, &self.locale, content, |content| content.len() <= BYTES_MAX);
        let body = json!({ "msgtype": "markdown", "markdown": { "content": content } });
        Ok(Some(Request::json(&body)))
    }

    fn judge(&self, answer: &Answer, now: Timestamp) -> Judged {
        match (answer.status, number(answer, "errcode")) {
            (200..=299, Some(0)) => Judged::by_status(answer, now),
            // Not the service, but somebody on the way to it; or it is busy.
            (200..=299, None | Some(-1)) => Judged::again(Duration::ZERO),
            (200..=299, Some(45_009)) => Judged::again(Duration::from_secs(60)),
            (200..=299, Some(93_000 | 93_008)) => Judged::wants_correction(
                "there is no such robot in its group (any more): correct `key` in the address",
            ),
            (200..=299, Some(_)) => Judged::refused(),
            _ => Judged::by_status(answer, now),
        }
    }
}

fn content(message: &Message) -> String {
    let mut text = Vec::new();
    if !message.is_single() {
        text.push(format!("**{}**\n", unmarked(&message.heading)));
    }
    text.extend(message.entries.iter().map(words));
    text.extend(message.links().map(|(name, url)| format!("[{name}]({url})\n")));
    text.push(format!("<font color=\"comment\">{}</font>", unmarked(&message.from)));
    text.concat()
}

fn words(entry: &Entry) -> String {
    // The three colours there are.
    let color = match entry.mood {
        Mood::Bad | Mood::Warning => "warning",
        Mood::Good => "info",
        Mood::Neutral => "comment",
    };
    let (word, title) = (entry.word, unmarked(&entry.title));
    let mut words = vec![format!("<font color=\"{color}\">{word}</font> **{title}**\n")];
    for fact in &entry.facts {
        words.push(format!("> {}{}{}\n", fact.name, entry.colon, unmarked(&fact.value)));
    }
    if !entry.text.is_empty() {
        // A line of its own before it, or it would belong to what is quoted.
        words.push(format!("\n{}\n", unmarked(&entry.text)));
    }
    words.concat()
}

//! Microsoft Teams: an Adaptive Card for a webhook of Workflows.
//!
//! Text stands in runs, which know no markdown: nothing has to be escaped.

use super::super::answer::Answer;
use super::told::Told;
use super::words::{Entry, Fact, Message, Mood, fitted};
use super::{Judged, Rate, Rendered, Request, Service, TOGETHER};
use crate::reading::Timestamp;
use crate::store::Item;
use crate::words::Locale;
use serde_json::{Value, json};
use std::time::Duration;

/// Of the 28 KB that Teams takes, for it counts what it makes of the message.
const BYTES_MAX: usize = 26_000;

/// What it takes.
const RATES: &[Rate] = &[(4, Duration::from_secs(1))];

#[derive(Debug)]
pub(super) struct Teams {
    pub(super) locale: Locale,
}

impl Service for Teams {
    fn together(&self) -> usize {
        TOGETHER
    }

    fn rates(&self) -> &'static [Rate] {
        RATES
    }

    fn render(&self, events: &[Item], _now: Timestamp) -> Rendered {
        let told: Vec<Told> =
            events.iter().map(|event| Told::read(event, self.locale.language)).collect();
        let fits = |request: &Request| request.body.len() <= BYTES_MAX;
        Ok(Some(fitted(&told, &self.locale, |message| Request::json(&body(message)), fits)))
    }

    fn judge(&self, answer: &Answer, now: Timestamp) -> Judged {
        match answer.status {
            // So the older connectors say that the service behind them took nothing.
            200..=299 if answer.text.contains("HTTP error 429") => Judged::again(Duration::ZERO),
            401 | 403 => Judged::wants_correction(
                "the address is not complete or its signature was taken back: copy it anew from the flow",
            ),
            404 => Judged::wants_correction(
                "there is no such flow, or it is turned off (its owner may have left): make a new one",
            ),
            _ => Judged::by_status(answer, now),
        }
    }
}

fn body(message: &Message) -> Value {
    let mut blocks = Vec::new();
    if !message.is_single() {
        blocks.push(json!({ "type": "RichTextBlock", "inlines": [
            { "type": "TextRun", "text": message.heading, "weight": "Bolder", "size": "Medium" }
        ]}));
    }
    for entry in &message.entries {
        blocks.extend(words(entry));
    }
    blocks.push(json!({ "type": "RichTextBlock", "inlines": [
        { "type": "TextRun", "text": message.from, "isSubtle": true, "size": "Small" }
    ]}));
    let actions: Vec<Value> = message
        .links()
        .map(|(name, url)| json!({ "type": "Action.OpenUrl", "title": name, "url": url }))
        .collect();
    json!({
        "type": "message",
        "attachments": [{
            "contentType": "application/vnd.microsoft.card.adaptive",
            "contentUrl": null,
            "content": {
                "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
                "type": "AdaptiveCard",
                "version": "1.2",
                "fallbackText": format!("{}{}{}", message.word, message.colon, message.heading),
                "body": blocks,
                "actions": actions,
                "msteams": { "width": "full" },
            },
        }],
    })
}

fn words(entry: &Entry) -> Vec<Value> {
    let color = match entry.mood {
        Mood::Bad => "Attention",
        Mood::Warning => "Warning",
        Mood::Good => "Good",
        Mood::Neutral => "Accent",
    };
    let title =
        json!({ "type": "TextRun", "text": entry.title, "weight": "Bolder", "color": color });
    let mut lines = vec![json!({ "type": "RichTextBlock", "separator": true, "inlines": [title] })];
    for Fact { name, value, .. } in &entry.facts {
        lines.push(json!({ "type": "RichTextBlock", "spacing": "None", "inlines": [
            { "type": "TextRun", "text": format!("{name}{}", entry.colon), "isSubtle": true },
            { "type": "TextRun", "text": value },
        ]}));
    }
    if !entry.text.is_empty() {
        lines.push(json!({ "type": "RichTextBlock", "inlines": [
            { "type": "TextRun", "text": entry.text }
        ]}));
    }
    lines
}

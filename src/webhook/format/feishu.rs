//! Feishu and Lark: a custom bot of a group. A card of plain text, so that nothing has to be escaped; the signature stands
//! in the body.

use super::super::answer::Answer;
use super::told::Told;
use super::words::{Entry, Message, Mood, fitted};
use super::{Judged, Rate, Rendered, Request, Service, TOGETHER, number};
use crate::reading::Timestamp;
use crate::store::Item;
use crate::telemetry::Secret;
use crate::words::Locale;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;
use std::time::Duration;

/// The most bytes of a request; 20 KB are taken.
const BYTES_MAX: usize = 18_000;

/// What it takes.
const RATES: &[Rate] = &[(5, Duration::from_secs(1)), (100, Duration::from_secs(60))];

#[derive(Debug)]
pub(super) struct Feishu {
    pub(super) locale: Locale,
    pub(super) secret: Option<Secret>,
}

impl Service for Feishu {
    fn together(&self) -> usize {
        TOGETHER
    }

    fn rates(&self) -> &'static [Rate] {
        RATES
    }

    fn render(&self, events: &[Item], now: Timestamp) -> Rendered {
        let told: Vec<Told> =
            events.iter().map(|event| Told::read(event, self.locale.language)).collect();
        let build = |message: &Message| {
            let mut body = body(message);
            if let Some(secret) = &self.secret {
                let timestamp = now.as_nanos().div_euclid(1_000_000_000);
                body["timestamp"] = timestamp.to_string().into();
                body["sign"] = sign(secret.expose().trim(), timestamp).into();
            }
            Request::json(&body)
        };
        Ok(Some(fitted(&told, &self.locale, build, |request| request.body.len() <= BYTES_MAX)))
    }

    fn judge(&self, answer: &Answer, now: Timestamp) -> Judged {
        let code = number(answer, "code").or_else(|| number(answer, "StatusCode"));
        match (answer.status, code) {
            (200..=299, Some(0)) => Judged::by_status(answer, now),
            // A code stands in the body of some other statuses as well.
            (_, Some(11_232 | 9499)) => Judged::again(Duration::from_secs(60)),
            (_, Some(19_021)) => Judged::wants_correction(
                "the bot does not know the signature: correct `secret`, or this machine's clock",
            ),
            (_, Some(19_022)) => Judged::wants_correction(
                "the bot takes nothing from this machine's address: add that to its list",
            ),
            (_, Some(19_024)) => {
                Judged::wants_correction("the bot wants a keyword: give it the keyword `onspec`")
            }
            (_, Some(19_001)) => {
                Judged::wants_correction("there is no such bot (any more): correct the address")
            }
            // Not the service, but somebody on the way to it.
            (200..=299, None) => Judged::again(Duration::ZERO),
            (200..=299, Some(_)) => Judged::refused(),
            _ => Judged::by_status(answer, now),
        }
    }
}

/// The signature: base64 of HMAC-SHA256 over nothing, keyed by `{s}\n{secret}`.
fn sign(secret: &str, timestamp_s: i64) -> String {
    let key = format!("{timestamp_s}\n{secret}");
    let mac = Hmac::<Sha256>::new_from_slice(key.as_bytes()).expect("HMAC takes any key");
    STANDARD.encode(mac.finalize().into_bytes())
}

fn body(message: &Message) -> Value {
    let template = match message.mood {
        Mood::Bad => "red",
        Mood::Warning => "orange",
        Mood::Good => "green",
        Mood::Neutral => "blue",
    };
    let single = message.is_single();
    let mut elements: Vec<Value> =
        message.entries.iter().map(|entry| plain_div(&words(entry, single))).collect();
    elements.retain(|element| element["text"]["content"] != "");
    let buttons: Vec<Value> = message
        .links()
        .map(|(name, url)| json!({ "tag": "button", "text": plain(name), "url": url, "type": "default" }))
        .collect();
    if !buttons.is_empty() {
        elements.push(json!({ "tag": "action", "actions": buttons }));
    }
    elements.push(json!({ "tag": "note", "elements": [plain(&message.from)] }));
    json!({
        "msg_type": "interactive",
        "card": {
            "config": { "wide_screen_mode": true },
            "header": { "template": template, "title": plain(&message.heading) },
            "elements": elements,
        },
    })
}

/// Beside others an event has its title in the text; alone, in the header.
fn words(entry: &Entry, single: bool) -> String {
    let mut lines = Vec::new();
    if !single {
        lines.push(format!("{}{}{}", entry.word, entry.colon, entry.title));
    }
    lines.extend(entry.facts.iter().map(|fact| entry.line(fact)));
    if !entry.text.is_empty() {
        lines.push(entry.text.clone());
    }
    lines.join("\n")
}

fn plain_div(text: &str) -> Value {
    json!({ "tag": "div", "text": plain(text) })
}

fn plain(text: &str) -> Value {
    json!({ "tag": "plain_text", "content": text })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first by the design's vectors; all as `tests/oracles/signatures.py` prints them.
    #[test]
    fn signatures_are_those_of_others() {
        for (timestamp, secret, expected) in [
            (1_674_087_231, "feishutest", "YCti/0gvdEtfgmEPTu0fBjRGos3dO2p7pY5KMi/x/pI="),
            (1_769_128_260, "纸机", "zc5ZSbgaslQhFAn4Ye/7PhOPFjdWzWiqvi5tcLI7gac="),
        ] {
            assert_eq!(sign(secret, timestamp), expected);
        }
    }
}

//! DingTalk: a robot of a group. Markdown; the signature stands in the query.

use super::super::answer::Answer;
use super::text::{cut, unmarked, utf16};
use super::told::Told;
use super::words::{Entry, Message, fitted};
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

/// The most bytes of a message; about 20,000 are taken.
const BYTES_MAX: usize = 18_000;
/// The most characters of the title that notifications show.
const TITLE_MAX: usize = 100;
/// For so long nothing is taken from who was too fast.
const BLOCKED: Duration = Duration::from_secs(600);

/// What it takes.
const RATES: &[Rate] = &[(20, Duration::from_secs(60))];

#[derive(Debug)]
pub(super) struct DingTalk {
    pub(super) locale: Locale,
    pub(super) secret: Option<Secret>,
}

impl Service for DingTalk {
    fn together(&self) -> usize {
        TOGETHER
    }

    fn rates(&self) -> &'static [Rate] {
        RATES
    }

    fn render(&self, events: &[Item], now: Timestamp) -> Rendered {
        let told: Vec<Told> =
            events.iter().map(|event| Told::read(event, self.locale.language)).collect();
        let fits = |request: &Request| request.body.len() <= BYTES_MAX;
        let mut request =
            fitted(&told, &self.locale, |message| Request::json(&body(message)), fits);
        if let Some(secret) = &self.secret {
            let timestamp = now.as_millis();
            let sign = sign(secret.expose().trim(), timestamp);
            request.query = vec![("timestamp", timestamp.to_string()), ("sign", sign)];
        }
        Ok(Some(request))
    }

    fn judge(&self, answer: &Answer, now: Timestamp) -> Judged {
        match (answer.status, number(answer, "errcode")) {
            (200..=299, Some(0)) => Judged::by_status(answer, now),
            // Not the service, but somebody on the way to it; or it is busy.
            (200..=299, None | Some(-1)) => Judged::again(Duration::ZERO),
            (200..=299, Some(130_101 | 410_100)) => Judged::again(BLOCKED),
            (200..=299, Some(310_000)) => Judged::wants_correction(
                "the robot's security settings refuse it: correct `secret` or this machine's clock, or \
                 give the robot the keyword `onspec`, or this machine's address",
            ),
            (200..=299, Some(300_001 | 400_101 | 40_014 | 40_035 | 400_013 | 400_014)) => {
                Judged::wants_correction(
                    "there is no such robot (any more): correct `access_token`",
                )
            }
            (200..=299, Some(_)) => Judged::refused(),
            _ => Judged::by_status(answer, now),
        }
    }
}

/// The signature, before it is written into a query: base64 of HMAC-SHA256 over `{ms}\n{secret}`, keyed by the secret.
fn sign(secret: &str, timestamp_ms: i64) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("HMAC takes any key");
    mac.update(format!("{timestamp_ms}\n{secret}").as_bytes());
    STANDARD.encode(mac.finalize().into_bytes())
}

fn body(message: &Message) -> Value {
    let mut text = Vec::new();
    if !message.is_single() {
        text.push(format!("### {}\n\n", unmarked(&message.heading)));
    }
    text.extend(message.entries.iter().map(words));
    text.extend(message.links().map(|(name, url)| format!("[{name}]({url})\n\n")));
    text.push(unmarked(&message.from));
    let title =
        cut(&format!("{}{}{}", message.word, message.colon, message.heading), TITLE_MAX, utf16);
    json!({
        "msgtype": "markdown",
        "markdown": { "title": title, "text": text.concat() },
        "at": { "isAtAll": false },
    })
}

fn words(entry: &Entry) -> String {
    let mut words =
        vec![format!("**{}{}{}**\n\n", entry.word, entry.colon, unmarked(&entry.title))];
    for fact in &entry.facts {
        words.push(format!("- {}{}{}\n", fact.name, entry.colon, unmarked(&fact.value)));
    }
    words.push("\n".to_owned());
    if !entry.text.is_empty() {
        words.push(format!("{}\n\n", unmarked(&entry.text)));
    }
    words.concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first by the design's vectors; all as `tests/oracles/signatures.py` prints them.
    #[test]
    fn signatures_are_those_of_others() {
        for (timestamp, secret, expected) in [
            (1_674_087_231_000, "SECtest", "1RC+XMXnETHUtYRSIwkZgh4LqJtC8dULebC652u0dpw="),
            (1_769_128_260_000, "SEC纸机", "rhznBZUadOLTAzi9s2Aq3jqAInIg94PFXeKVKqXohTw="),
        ] {
            assert_eq!(sign(secret, timestamp), expected);
        }
    }
}

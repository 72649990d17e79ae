//! Takes an address and a secret out of the words of others: errors and answers may quote what they were sent.

use crate::telemetry::Secret;
use reqwest::Url;

/// The shortest part of an address that is looked for by itself: shorter ones are words such as
/// `api`, and no keys.
const PART_MIN: usize = 6;

/// The words with everything of the address and the secret in them replaced by `…`.
pub(super) fn redact(words: &str, url: &Url, secret: Option<&Secret>) -> String {
    let mut parts: Vec<String> = vec![url.as_str().to_owned(), url.path().to_owned()];
    parts.extend(url.query().map(str::to_owned));
    parts.extend(url.host_str().map(str::to_owned));
    parts.extend(url.password().map(str::to_owned));
    parts.push(url.username().to_owned());
    parts.extend(url.path_segments().into_iter().flatten().map(str::to_owned));
    parts.extend(url.query_pairs().map(|(_, value)| value.into_owned()));
    parts.extend(secret.map(|secret| secret.expose().trim().to_owned()));
    parts.retain(|part| part.len() >= PART_MIN);
    // The longest first, so that no half of one is left behind.
    parts.sort_by_key(|part| std::cmp::Reverse(part.len()));
    let words = parts.iter().fold(words.to_owned(), |words, part| words.replace(part, "…"));
    without_permits(&words)
}

/// What stands before the token of a link by which an alarm is acknowledged.
const PERMIT: &str = "/acknowledge/";

/// A receiver may quote a link that allows something.
fn without_permits(words: &str) -> String {
    let mut parts = words.split(PERMIT);
    let mut without = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let token = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        without.push_str(PERMIT);
        without.push('…');
        without.push_str(part.trim_start_matches(token));
    }
    without
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_the_address_is_left() {
        let url = "https://user:pass-word@hooks.example.com/services/T0000/B11111/XXXXYYYYZZZZ?access_token=abc%2Bdefg";
        let url = Url::parse(url).unwrap();
        for (words, expected) in [
            ("no_service", "no_service"),
            (url.as_str(), "…"),
            ("Cannot POST /services/T0000/B11111/XXXXYYYYZZZZ", "Cannot POST …"),
            ("token abc+defg or access_token=abc%2Bdefg unknown", "token … or … unknown"),
            ("XXXXYYYYZZZZ of B11111 at hooks.example.com", "… of … at …"),
            ("wrong pass-word", "wrong …"),
        ] {
            assert_eq!(redact(words, &url, None), expected);
        }
        let words = "bad: https://o.example/acknowledge/AQ-_x9, and /acknowledge/BC";
        let expected = "bad: https://o.example/acknowledge/…, and /acknowledge/…";
        assert_eq!(redact(words, &url, None), expected);
        let secret = Secret::new(" 0123456789abcdef0123456789abcdef\n");
        let words = "invalid routing key 0123456789abcdef0123456789abcdef";
        assert_eq!(redact(words, &url, Some(&secret)), "invalid routing key …");
    }
}

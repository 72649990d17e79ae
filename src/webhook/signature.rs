//! Signatures of Standard Webhooks 1.0.0, version `v1`: HMAC-SHA256 over `{id}.{timestamp}.{body}`.

use crate::telemetry::Secret;
use base64::Engine as _;
use base64::alphabet::STANDARD as ALPHABET;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::fmt;

/// Keys are passed around with and without padding.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &ALPHABET,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// A secret that is no key. Says nothing of the secret itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Nothing there.
    #[error("the webhook secret is empty, want `whsec_` and base64 of 24 to 64 random bytes")]
    Empty,
    /// Not base64.
    #[error("the webhook secret is no base64, want `whsec_` and base64 of 24 to 64 random bytes")]
    NotBase64,
}

/// The key that signs for one receiver.
#[derive(Clone)]
pub struct SigningKey(Hmac<Sha256>);

impl SigningKey {
    /// Reads a key: base64, with or without `whsec_` before it.
    ///
    /// # Errors
    /// When it is empty or no base64.
    pub fn parse(secret: &Secret) -> Result<Self, KeyError> {
        let text = secret.expose().trim();
        let text = text.strip_prefix("whsec_").unwrap_or(text);
        let bytes = LENIENT.decode(text).map_err(|_| KeyError::NotBase64)?;
        if bytes.is_empty() {
            return Err(KeyError::Empty);
        }
        let key = Hmac::new_from_slice(&bytes).expect("HMAC takes keys of any length");
        Ok(Self(key))
    }

    /// The value of the header `webhook-signature`. `timestamp` is that of the attempt, in seconds
    /// since 1970.
    #[must_use]
    pub fn sign(&self, id: &str, timestamp: i64, body: &[u8]) -> String {
        let mut mac = self.0.clone();
        mac.update(format!("{id}.{timestamp}.").as_bytes());
        mac.update(body);
        format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_vector_of_the_specification_is_met() {
        for secret in
            ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", " MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n"]
        {
            let key = SigningKey::parse(&Secret::new(secret)).unwrap();
            assert_eq!(
                key.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, b"{\"test\": 2432232314}"),
                "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
            );
        }
    }

    /// As `tests/oracles/signatures.py` prints them, by the library for Python of Standard Webhooks, version 1.1.0.
    #[test]
    fn other_peoples_code_signs_the_same() {
        let event = r#"{"type":"batch.at_risk","timestamp":"2026-01-23T00:31:00Z","data":{"id":"evt_0123","title":"纸机"}}"#;
        let long = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4vMDEyMzQ1Njc4OTo7PD0+Pw";
        for (secret, body, expected) in [
            (long, event, "v1,/0iPqnLvsIW/CcVwvOlEzNqN6wDT7zK+mQPInNioCEA="),
            (
                "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
                "",
                "v1,TwhhBUMOLxHNLy8Vha90PxMC4efBHxbaFLlz15D2Rec=",
            ),
        ] {
            let key = SigningKey::parse(&Secret::new(secret)).unwrap();
            assert_eq!(key.sign("evt_0123", 1_769_128_261, body.as_bytes()), expected);
        }
    }

    #[test]
    fn what_is_no_key_is_refused_without_showing_it() {
        let parse = |text: &str| SigningKey::parse(&Secret::new(text)).map(|_| ());
        assert_eq!(parse(""), Err(KeyError::Empty));
        assert_eq!(parse("whsec_"), Err(KeyError::Empty));
        assert_eq!(parse("pass phrase!"), Err(KeyError::NotBase64));
        assert_eq!(parse("whsec_AAAA=="), Err(KeyError::NotBase64));
        assert_eq!(parse("AAA"), Ok(()));
        let key = SigningKey::parse(&Secret::new("AAAA")).unwrap();
        assert_eq!(format!("{key:?}"), "SigningKey(…)");
    }
}

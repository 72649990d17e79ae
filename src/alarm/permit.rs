//! A permit to acknowledge one occurrence of one alarm, signed, so that it can stand in a link.
//!
//! Who holds it may do that and nothing else, until it is over. It is the base64 (of URLs, without padding) of
//!
//! | bytes | what |
//! | --- | --- |
//! | 1 | version, 1 |
//! | 4 | the end of its time, seconds since 1970, big-endian |
//! | 4 | the occurrence, big-endian |
//! | 2 | the length of the next, big-endian |
//! | | the receiver that it was given to |
//! | | the alarm |
//! | 32 | HMAC-SHA256 over [`PURPOSE`] and all before |

use crate::reading::Timestamp;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// What is signed says what for, so that no signature of something else is one of a permit.
const PURPOSE: &[u8] = b"onspec acknowledge\n";
const VERSION: u8 = 1;
const SIGNATURE: usize = 32;
/// The longest token that is looked at, in characters; names of alarms are much shorter.
const TOKEN_MAX: usize = 4096;

/// What a link allows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Permit {
    /// The alarm, e.g. `tm3/batch`.
    pub alarm: Arc<str>,
    /// The occurrence of it.
    pub occurrence: u32,
    /// The receiver that it was given to.
    pub receiver: Arc<str>,
    /// Until when, to the second.
    pub until: Timestamp,
}

impl Permit {
    /// For so long a link can be followed.
    pub const HOLDS: Duration = Duration::from_secs(7 * 24 * 3600);
}

/// A key that somebody could guess. Says nothing of the key itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "the key is shorter than {} bytes, so that somebody could guess it: make one with `openssl rand -base64 32`",
    PermitKey::BYTES_MIN
)]
pub struct WeakKey;

/// The key that signs permits.
#[derive(Clone)]
pub struct PermitKey(Hmac<Sha256>);

impl PermitKey {
    /// The shortest key.
    pub const BYTES_MIN: usize = 16;

    /// A key of these bytes.
    ///
    /// # Errors
    /// When they are too few.
    pub fn new(bytes: &[u8]) -> Result<Self, WeakKey> {
        if bytes.len() < Self::BYTES_MIN {
            return Err(WeakKey);
        }
        let key = Hmac::new_from_slice(bytes).expect("HMAC takes keys of any length");
        Ok(Self(key))
    }

    fn over(&self, payload: &[u8]) -> Hmac<Sha256> {
        let mut mac = self.0.clone();
        mac.update(PURPOSE);
        mac.update(payload);
        mac
    }

    /// The token of a permit, of letters, digits, `-` and `_`.
    #[must_use]
    pub fn sign(&self, permit: &Permit) -> String {
        let until = permit.until.as_nanos().div_euclid(1_000_000_000);
        let until = u32::try_from(until.max(0)).unwrap_or(u32::MAX);
        let receiver = permit.receiver.as_bytes();
        let receiver = &receiver[..receiver.len().min(usize::from(u16::MAX))];
        let length = u16::try_from(receiver.len()).unwrap_or(u16::MAX);
        let mut bytes = vec![VERSION];
        bytes.extend(until.to_be_bytes());
        bytes.extend(permit.occurrence.to_be_bytes());
        bytes.extend(length.to_be_bytes());
        bytes.extend(receiver);
        bytes.extend(permit.alarm.as_bytes());
        let signature = self.over(&bytes).finalize().into_bytes();
        bytes.extend(signature);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// The permit of a token; `None` if this key did not sign it. Compares in constant time. Whether its time is over is for
    /// who has a clock.
    #[must_use]
    pub fn read(&self, token: &str) -> Option<Permit> {
        if token.len() > TOKEN_MAX {
            return None;
        }
        let bytes = URL_SAFE_NO_PAD.decode(token).ok()?;
        let (payload, signature) = bytes.split_at_checked(bytes.len().checked_sub(SIGNATURE)?)?;
        self.over(payload).verify_slice(signature).ok()?;
        let (version, rest) = payload.split_first()?;
        let (until, rest) = rest.split_first_chunk::<4>()?;
        let (occurrence, rest) = rest.split_first_chunk::<4>()?;
        let (length, rest) = rest.split_first_chunk::<2>()?;
        let (receiver, alarm) = rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
        (*version == VERSION).then_some(())?;
        Some(Permit {
            alarm: std::str::from_utf8(alarm).ok()?.into(),
            occurrence: u32::from_be_bytes(*occurrence),
            receiver: std::str::from_utf8(receiver).ok()?.into(),
            until: Timestamp::from_nanos(i64::from(u32::from_be_bytes(*until)) * 1_000_000_000),
        })
    }
}

impl fmt::Debug for PermitKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PermitKey(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn key() -> PermitKey {
        PermitKey::new(b"sixteen bytes ok").unwrap()
    }

    fn permit() -> Permit {
        Permit {
            alarm: "tm3/sensor/纸机".into(),
            occurrence: 7,
            receiver: "shift-leads".into(),
            until: Timestamp::from_nanos(1_769_128_260_000_000_000),
        }
    }

    #[test]
    fn a_token_is_read_by_its_key_alone_and_a_key_is_not_shown() {
        let token = key().sign(&permit());
        assert_eq!(key().read(&token), Some(permit()));
        assert_eq!(PermitKey::new(b"another key of 24 bytes.").unwrap().read(&token), None);
        assert_eq!(PermitKey::new(b"fifteen bytes..").unwrap_err(), WeakKey);
        assert_eq!(format!("{:?}", key()), "PermitKey(…)");
        for none in ["", "x", "AQ", &token[1..], &token[..token.len() - 1], &"A".repeat(5000)] {
            assert_eq!(key().read(none), None, "{none}");
        }
        // Padded, or of the other alphabet, it is another text.
        assert_eq!(key().read(&format!("{token}=")), None);
    }

    proptest! {
        #[test]
        fn no_other_text_is_a_token(at in 0..200_usize, bit in 0..8_u8, alarm in ".{0,40}", receiver in ".{0,40}") {
            let permit = Permit { alarm: alarm.into(), receiver: receiver.into(), ..permit() };
            let token = key().sign(&permit);
            prop_assert!(token.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_'));
            let mut bytes = URL_SAFE_NO_PAD.decode(&token).unwrap();
            prop_assert_eq!(key().read(&token), Some(permit));
            let at = at % bytes.len();
            bytes[at] ^= 1 << bit;
            prop_assert_eq!(key().read(&URL_SAFE_NO_PAD.encode(bytes)), None);
        }
    }
}

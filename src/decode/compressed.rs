//! Payloads that a gateway compressed: gzip and zstd, known by their first bytes.
//!
//! No text begins with these bytes, so nothing has to be said of them in the configuration. What comes
//! out is bounded as any payload is: a few bytes can stand for gigabytes.

use super::limits::{PAYLOAD_BYTES_MAX, fault};
use super::{Fault, Reason};
use flate2::read::{MultiGzDecoder, ZlibDecoder};
use ruzstd::decoding::StreamingDecoder;
use std::borrow::Cow;
use std::io::Read;

const GZIP: [u8; 3] = [0x1f, 0x8b, 0x08];
const ZSTD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// The payload as it was before it was compressed, if it was.
///
/// # Errors
/// A fault when it is compressed, and damaged or too large.
pub fn opened(payload: &[u8]) -> Result<Cow<'_, [u8]>, Fault> {
    if payload.starts_with(&GZIP) {
        return read("gzip", MultiGzDecoder::new(payload), Vec::new()).map(Cow::Owned);
    }
    if payload.starts_with(&ZSTD) {
        return zstd(payload).map(Cow::Owned);
    }
    Ok(Cow::Borrowed(payload))
}

/// What deflate (zlib) was made of. It is not known by its first bytes: whoever calls this was told.
///
/// # Errors
/// A fault when it is damaged or too large.
pub(super) fn inflated(payload: &[u8]) -> Result<Vec<u8>, Fault> {
    read("deflate", ZlibDecoder::new(payload), Vec::new())
}

/// All frames, one after another.
fn zstd(mut rest: &[u8]) -> Result<Vec<u8>, Fault> {
    // It keeps a window as large as the sender asks for.
    let window = u64::try_from(PAYLOAD_BYTES_MAX).unwrap_or(u64::MAX);
    let mut bytes = Vec::new();
    while !rest.is_empty() {
        let mut decoder = StreamingDecoder::new_with_max_window_size(rest, window)
            .map_err(|error| corrupt("zstd", &error))?;
        bytes = read("zstd", &mut decoder, bytes)?;
        let frame = &decoder.decoder;
        let sent = frame.get_checksum_from_data();
        if sent.is_some() && sent != frame.get_calculated_checksum() {
            return Err(corrupt("zstd", &"its checksum is another one"));
        }
        rest = decoder.into_inner();
    }
    Ok(bytes)
}

/// Appends what comes out to `bytes`, up to the bound.
fn read(kind: &str, from: impl Read, mut bytes: Vec<u8>) -> Result<Vec<u8>, Fault> {
    let more = (PAYLOAD_BYTES_MAX + 1).saturating_sub(bytes.len()) as u64;
    from.take(more).read_to_end(&mut bytes).map_err(|error| corrupt(kind, &error))?;
    if bytes.len() > PAYLOAD_BYTES_MAX {
        let detail = format!("{kind} of more than {PAYLOAD_BYTES_MAX} bytes, which are allowed");
        return Err(fault(Reason::TooLarge, detail));
    }
    Ok(bytes)
}

fn corrupt(kind: &str, why: &impl std::fmt::Display) -> Fault {
    fault(Reason::Corrupt, format!("begins as {kind} and cannot be opened: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::Compression;
    use flate2::write::GzEncoder;
    use std::io::Write;

    /// What the `zstd` of Debian 12 makes of `{"v":15.25,"ts":1769126400000}`.
    const BY_OTHERS: &[u8] =
        b"\x28\xb5\x2f\xfd\x04\x58\xf1\x00\x00{\"v\":15.25,\"ts\":1769126400000}\x13\xd5\xc5\xb8";

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    #[track_caller]
    fn check(payload: &[u8], expected: Result<&[u8], &str>) {
        let opened = opened(payload).map_err(|fault| fault.detail);
        let opened = opened.as_deref().map_err(String::as_str);
        match expected {
            Ok(bytes) => assert_eq!(opened, Ok(bytes)),
            Err(words) => {
                let detail = opened.unwrap_err();
                assert!(detail.contains(words), "{detail}");
            }
        }
    }

    #[test]
    fn what_is_compressed_is_opened_and_all_else_is_left_alone() {
        let json = br#"{"v":15.25,"ts":1769126400000}"#;
        check(json, Ok(json));
        check(b"", Ok(b""));
        check(&gzip(json), Ok(json));
        check(&[gzip(b"one "), gzip(b"two")].concat(), Ok(b"one two"));
        check(BY_OTHERS, Ok(json));
        check(&[BY_OTHERS, BY_OTHERS].concat(), Ok(&[&json[..], &json[..]].concat()));
    }

    #[test]
    fn what_cannot_be_opened_is_said() {
        let whole = gzip(b"some text that is long enough");
        check(&whole[..whole.len() - 9], Err("begins as gzip and cannot be opened"));
        check(&GZIP, Err("begins as gzip and cannot be opened"));
        check(&BY_OTHERS[..BY_OTHERS.len() - 6], Err("begins as zstd and cannot be opened"));
        check(&[BY_OTHERS, b"more"].concat(), Err("begins as zstd and cannot be opened"));
        let mut other = BY_OTHERS.to_vec();
        other[12] = b'w';
        check(&other, Err("its checksum is another one"));
        // A window of 2 GiB.
        check(b"\x28\xb5\x2f\xfd\x00\xa8\x01\x00\x00", Err("begins as zstd and cannot be opened"));
    }

    #[test]
    fn a_few_bytes_that_stand_for_many_are_too_large() {
        let bomb = gzip(&vec![b' '; PAYLOAD_BYTES_MAX + 1]);
        assert!(bomb.len() < 100_000);
        let refused = opened(&bomb).unwrap_err();
        assert_eq!(refused.reason, Reason::TooLarge);
        assert_eq!(
            opened(&gzip(&vec![b' '; PAYLOAD_BYTES_MAX])).map(|b| b.len()),
            Ok(PAYLOAD_BYTES_MAX)
        );
    }
}

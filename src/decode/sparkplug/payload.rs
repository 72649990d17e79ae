//! Payloads, and those that stand compressed in the body of another one, as Eclipse Tahu writes them.

use super::super::compressed::inflated;
use super::super::limits::{READINGS_MAX, fault};
use super::super::{Fault, Reason, opened};
use super::wire::Payload;
use bytes::Bytes;
use prost::Message;
use prost::encoding::{DecodeContext, decode_key, skip_field};

/// A metric of data takes so many bytes on the wire, mostly more: a number, a time, a value.
const METRIC_BYTES: usize = 16;
/// Metrics that memory is asked for before they come.
const METRICS_EXPECTED: usize = 1024;

/// The `uuid` of a payload whose body is a compressed one.
const COMPRESSED: &[u8] = b"SPBV1.0_COMPRESSED";

/// Reads a payload; one that is compressed is opened.
///
/// # Errors
/// When it is none, or larger than any payload may be.
pub fn payload(bytes: &Bytes) -> Result<Payload, Fault> {
    let mut outer = read(bytes)?;
    let Some(body) = outer.body.take().filter(|_| outer.uuid.as_deref() == Some(COMPRESSED)) else {
        return Ok(outer);
    };
    // It names the algorithm in a metric; gzip shows itself.
    let inner = match opened(&body)? {
        std::borrow::Cow::Owned(inner) => inner,
        std::borrow::Cow::Borrowed(deflate) => inflated(deflate)?,
    };
    let inner = read(&inner.into())?;
    Ok(Payload {
        timestamp: inner.timestamp.or(outer.timestamp),
        seq: inner.seq.or(outer.seq),
        ..inner
    })
}

fn read(bytes: &Bytes) -> Result<Payload, Fault> {
    // As many as there may be, so that they are not moved again and again while more come.
    let metrics = Vec::with_capacity((bytes.len() / METRIC_BYTES).min(METRICS_EXPECTED));
    let empty = Payload { metrics, ..Payload::default() };
    bounded_into(empty, bytes).map_err(|mut fault| {
        fault.detail = format!("no payload of Sparkplug B: {}", fault.detail);
        fault
    })
}

/// Reads a message that has no more parts than a payload may have readings: an empty part takes two bytes on
/// the wire and two hundred in memory.
///
/// # Errors
/// When it is none, or has more.
pub(super) fn bounded<M: Message + Default>(bytes: &Bytes) -> Result<M, Fault> {
    bounded_into(M::default(), bytes)
}

/// The same, into one that is empty.
fn bounded_into<M: Message>(mut empty: M, bytes: &Bytes) -> Result<M, Fault> {
    let corrupt = |error: prost::DecodeError| fault(Reason::Corrupt, error.to_string());
    let (mut rest, mut parts) = (&bytes[..], 0);
    // What is shorter has no room for so many, and needs no look.
    while bytes.len() > 2 * READINGS_MAX && !rest.is_empty() {
        let (tag, kind) = decode_key(&mut rest).map_err(corrupt)?;
        skip_field(kind, tag, &mut rest, DecodeContext::default()).map_err(corrupt)?;
        parts += 1;
        if parts > READINGS_MAX {
            return Err(fault(Reason::TooLarge, format!("it has more than {READINGS_MAX} parts")));
        }
    }
    empty.merge(bytes.clone()).map_err(corrupt)?;
    Ok(empty)
}

#[cfg(test)]
mod tests {
    use super::super::super::limits::PAYLOAD_BYTES_MAX;
    use super::*;
    use flate2::Compression;
    use flate2::write::{GzEncoder, ZlibEncoder};
    use std::io::Write;

    fn wrapped(body: Vec<u8>) -> Result<Payload, Reason> {
        let uuid = Some(Bytes::from_static(COMPRESSED));
        let outer =
            Payload { uuid, body: Some(body.into()), timestamp: Some(9), ..Payload::default() };
        payload(&outer.encode_to_vec().into()).map_err(|fault| fault.reason)
    }

    fn deflated(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn compressed_payloads_are_opened() {
        let inner = Payload { timestamp: Some(5), seq: Some(7), ..Payload::default() };
        let bytes = inner.encode_to_vec();
        let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
        gzip.write_all(&bytes).unwrap();
        for body in [gzip.finish().unwrap(), deflated(&bytes)] {
            let read = wrapped(body).unwrap();
            assert_eq!((read.timestamp, read.seq, &read.body), (Some(5), Some(7), &None));
        }
        assert_eq!(wrapped(b"neither".to_vec()), Err(Reason::Corrupt));
        let bomb = deflated(&vec![0; PAYLOAD_BYTES_MAX + 1]);
        assert_eq!(wrapped(bomb), Err(Reason::TooLarge));
        // Two bytes a metric.
        let metrics = [0x12, 0x00].repeat(READINGS_MAX + 1);
        let fault = payload(&metrics.into()).unwrap_err();
        assert_eq!(fault.reason, Reason::TooLarge, "{fault:?}");
        // A body of another kind is nobody's.
        let other = Payload { body: Some(Bytes::from_static(b"x")), ..inner.clone() };
        assert_eq!(payload(&other.encode_to_vec().into()).map(|read| read.seq), Ok(Some(7)));
    }
}

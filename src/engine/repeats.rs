//! The last messages, so that one that comes again is known.
//!
//! A broker sends again what it holds no acknowledgement for: after a connection that broke, all that
//! was committed in the last moments and not yet acknowledged. Such a message must not be taken for a
//! late one, whose readings carry another flag: the same message gives the same points.

use crate::decode::Arrival;
use serde::de::Visitor;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::collections::{BTreeSet, VecDeque};
use xxhash_rust::xxh3::xxh3_128;

/// Messages remembered. Up to 12,288 can be received and not committed; and under full load the client
/// library reads ten messages for each acknowledgement it sends, which mosquitto 2.0 lets it do far
/// beyond the receive maximum: 20,000 committed ones came again after a `kill -9` (measured by
/// `tests/it/line_runs.rs`). One that came again beyond this number would be flagged late.
const REMEMBERED: usize = 65_536;

/// What is remembered of a message: 128 bits of its broker, topic, payload, and of what its sender says in
/// properties. Fewer would not do: one
/// that is taken for another is not stored.
type Digest = u128;

/// The bytes of a digest.
const DIGEST_BYTES: usize = size_of::<Digest>();

/// The last messages of the plant.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Repeats {
    order: VecDeque<Digest>,
    known: BTreeSet<Digest>,
}

impl Repeats {
    /// True if the same topic, payload and properties of the same broker are among the last messages; remembers them
    /// otherwise.
    pub(super) fn repeats(&mut self, arrival: &Arrival) -> bool {
        let broker = xxh3_128(arrival.broker.as_bytes());
        let topic = xxh3_128(arrival.topic.as_bytes());
        let payload = xxh3_128(&arrival.payload);
        let properties = arrival.properties.as_ref().map_or(0, |kept| xxh3_128(&kept.said()));
        let digest =
            properties.rotate_left(3) ^ broker.rotate_left(2) ^ topic.rotate_left(1) ^ payload;
        if !self.known.insert(digest) {
            return true;
        }
        self.order.push_back(digest);
        if self.order.len() > REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
        false
    }
}

/// One block of bytes, oldest digest first: as numbers of their own they took thirty times as long to
/// write, and a checkpoint holds up the commits.
impl Serialize for Repeats {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut bytes = Vec::with_capacity(self.order.len() * DIGEST_BYTES);
        for digest in &self.order {
            bytes.extend_from_slice(&digest.to_le_bytes());
        }
        serializer.serialize_bytes(&bytes)
    }
}

impl<'de> Deserialize<'de> for Repeats {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_bytes(Block)
    }
}

/// Takes the block of bytes.
struct Block;

impl Visitor<'_> for Block {
    type Value = Repeats;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "digests of {DIGEST_BYTES} bytes each")
    }

    fn visit_bytes<E: serde::de::Error>(self, bytes: &[u8]) -> Result<Repeats, E> {
        let (digests, rest) = bytes.as_chunks::<DIGEST_BYTES>();
        if !rest.is_empty() {
            return Err(E::invalid_length(bytes.len(), &self));
        }
        let order: VecDeque<Digest> =
            digests.iter().map(|digest| Digest::from_le_bytes(*digest)).collect();
        let known = order.iter().copied().collect();
        Ok(Repeats { order, known })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::{Format, PayloadNames, PropertyRule, Rule, Template, Wanted};
    use crate::reading::Timestamp;
    use bytes::Bytes;

    fn arrival(topic: &str, n: usize) -> Arrival {
        Arrival {
            broker: "plant".into(),
            received: Timestamp::from_nanos(0),
            topic: topic.into(),
            payload: Bytes::from(n.to_string()),
            retained: false,
            properties: None,
        }
    }

    #[test]
    fn message_is_known_until_as_many_others_came() {
        let mut repeats = Repeats::default();
        assert!(!repeats.repeats(&arrival("a", 0)));
        assert!(repeats.repeats(&arrival("a", 0)));
        assert!(!repeats.repeats(&arrival("b", 0)));
        assert!(!repeats.repeats(&Arrival { broker: "other".into(), ..arrival("a", 0) }));
        for n in 1..REMEMBERED - 2 {
            assert!(!repeats.repeats(&arrival("a", n)));
        }
        assert!(repeats.repeats(&arrival("a", 0)));
        assert!(!repeats.repeats(&arrival("a", REMEMBERED)));
        assert!(!repeats.repeats(&arrival("a", 0)));
    }

    #[test]
    fn message_is_another_one_by_what_its_properties_say_and_not_by_its_age() {
        let names = PayloadNames { tag: Some("tag".into()), ..PayloadNames::default() };
        let properties = PropertyRule { names, expiry_s: Some(60), ..PropertyRule::default() };
        let rule = Rule::new("plant", Template::parse("a").unwrap(), Format::Value);
        let wanted = Wanted::by([&Rule { properties, ..rule }]);
        let of = |tag, left_s| Arrival {
            properties: wanted.of(None, Some(left_s), [("tag", tag)]),
            ..arrival("a", 0)
        };
        let mut repeats = Repeats::default();
        assert!(!repeats.repeats(&arrival("a", 0)));
        assert!(!repeats.repeats(&of("steam", 60)));
        assert!(!repeats.repeats(&of("speed", 60)));
        assert!(repeats.repeats(&of("steam", 50)));
    }

    #[test]
    fn what_is_known_comes_back_from_a_checkpoint() {
        let mut repeats = Repeats::default();
        for n in 0..100 {
            repeats.repeats(&arrival("a", n));
        }
        let bytes = rmp_serde::to_vec_named(&repeats).unwrap();
        assert_eq!(rmp_serde::from_slice::<Repeats>(&bytes).unwrap(), repeats);
        // MessagePack's block of 17 bytes.
        let torn = [&[0xc4, 17][..], &[0; 17]].concat();
        let error = rmp_serde::from_slice::<Repeats>(&torn).unwrap_err();
        assert!(error.to_string().contains("digests of 16 bytes"), "{error}");
    }
}

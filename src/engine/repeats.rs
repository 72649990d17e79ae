//! The last messages, so that one that comes again is known.
//!
//! A broker sends again what it holds no acknowledgement for: after a connection that broke, all that
//! was committed in the last moments and not yet acknowledged. Such a message must not be taken for a
//! late one, whose readings carry another flag: the same message gives the same points.

use crate::decode::Arrival;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeSet, VecDeque};
use xxhash_rust::xxh3::xxh3_128;

/// Messages remembered. Up to 12,288 can be received and not committed; and under full load the client
/// library reads ten messages for each acknowledgement it sends, which mosquitto 2.0 lets it do far
/// beyond the receive maximum: 20,000 committed ones came again after a `kill -9` (measured by
/// `tests/it/line_runs.rs`). One that came again beyond this number would be flagged late.
const REMEMBERED: usize = 65_536;

/// What is remembered of a message: 128 bits of its broker, topic and payload, in two halves.
type Digest = (u64, u64);

/// The last messages of the plant.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(from = "VecDeque<Digest>", into = "VecDeque<Digest>")]
pub(super) struct Repeats {
    order: VecDeque<Digest>,
    known: BTreeSet<Digest>,
}

impl Repeats {
    /// True if the same topic and payload of the same broker are among the last messages; remembers them otherwise.
    pub(super) fn repeats(&mut self, arrival: &Arrival) -> bool {
        let broker = xxh3_128(arrival.broker.as_bytes());
        let topic = xxh3_128(arrival.topic.as_bytes());
        let payload = xxh3_128(&arrival.payload);
        let both = broker.rotate_left(2) ^ topic.rotate_left(1) ^ payload;
        let (high, low) = (both >> 64, both & u128::from(u64::MAX));
        let half = |half: u128| u64::try_from(half).expect("it was cut to 64 bits");
        let digest = (half(high), half(low));
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

impl From<VecDeque<Digest>> for Repeats {
    fn from(order: VecDeque<Digest>) -> Self {
        let known = order.iter().copied().collect();
        Self { order, known }
    }
}

impl From<Repeats> for VecDeque<Digest> {
    fn from(repeats: Repeats) -> Self {
        repeats.order
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reading::Timestamp;
    use bytes::Bytes;

    fn arrival(topic: &str, n: usize) -> Arrival {
        Arrival {
            broker: "plant".into(),
            received: Timestamp::from_nanos(0),
            topic: topic.into(),
            payload: Bytes::from(n.to_string()),
            retained: false,
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
}

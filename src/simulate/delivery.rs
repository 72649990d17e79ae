//! The way of a message from its instrument to the broker: with jitter, late, doubled, and now and
//! then not at all.

use super::machine::Published;
use super::mill::streams;
use super::noise::Chance;
use crate::reading::Timestamp;
use std::collections::BTreeMap;
use std::time::Duration;

/// The usual delay, ms.
const JITTER_MS: (f64, f64) = (5.0, 400.0);
/// Of 10,000 messages: late, doubled, lost.
const LATE: f64 = 30.0;
const DOUBLED: f64 = 10.0;
const LOST: f64 = 3.0;
/// How late, ms.
const LATE_MS: (f64, f64) = (1_000.0, 9_000.0);
/// A gateway stands still so often, s, and for so long, s; then all that it held comes at once.
const HICCUP_EVERY_S: f64 = 6.0 * 3600.0;
const HICCUP_S: (f64, f64) = (5.0, 40.0);

/// What is under way.
#[derive(Debug, Clone)]
pub(super) struct Delivery {
    chance: Chance,
    /// By the time it arrives, and in order of sending.
    queue: BTreeMap<(Timestamp, u64), Published>,
    sent: u64,
    /// Until when each gateway stands still.
    held: Vec<Timestamp>,
}

impl Delivery {
    /// For so many gateways.
    pub(super) fn new(seed: u64, gateways: usize) -> Self {
        Self {
            chance: Chance::new(seed, streams::DELIVERY),
            queue: BTreeMap::new(),
            sent: 0,
            held: vec![Timestamp::from_nanos(0); gateways],
        }
    }

    /// A message that must arrive, and at once: events.
    pub(super) fn send_event(&mut self, message: Published) {
        self.enqueue(message.at, message);
    }

    /// Once a second for each gateway: does it stand still?
    pub(super) fn tick(&mut self, gateway: usize, now: Timestamp) {
        if self.chance.unit() < 1.0 / HICCUP_EVERY_S {
            let seconds = self.chance.between(HICCUP_S.0, HICCUP_S.1);
            self.held[gateway] = now.plus(Duration::from_secs_f64(seconds));
        }
    }

    /// A message of readings that leaves its gateway now.
    pub(super) fn send(&mut self, gateway: usize, message: Published) {
        let chance = &mut self.chance;
        let fate = 10_000.0 * chance.unit();
        if fate < LOST {
            return;
        }
        let late = fate < LOST + LATE;
        let doubled = !late && fate < LOST + LATE + DOUBLED;
        let range = if late { LATE_MS } else { JITTER_MS };
        let delay = |chance: &mut Chance| millis(chance.between(range.0, range.1));
        let at = message.at.plus(delay(chance)).max(self.held[gateway]);
        if doubled {
            let again = at.plus(delay(chance) * 4);
            self.enqueue(again, message.clone());
        }
        self.enqueue(at, message);
    }

    /// Moves all that has arrived before `until` to `out`, in order of arrival.
    pub(super) fn arrived(&mut self, until: Timestamp, out: &mut Vec<Published>) {
        while let Some(entry) = self.queue.first_entry() {
            if entry.key().0 >= until {
                return;
            }
            out.push(entry.remove());
        }
    }

    /// True if nothing is under way.
    pub(super) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    fn enqueue(&mut self, at: Timestamp, message: Published) {
        self.sent += 1;
        self.queue.insert((at, self.sent), Published { at, ..message });
    }
}

/// Whole milliseconds: that is how fine clocks of gateways are.
fn millis(ms: f64) -> Duration {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "some seconds")]
    Duration::from_millis(ms as u64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    #[test]
    fn most_arrive_at_once_some_late_some_twice_and_few_never() {
        let mut delivery = Delivery::new(1, 1);
        let second = Duration::from_secs(1);
        let mut now = Timestamp::from_nanos(0);
        let (mut out, mut late) = (Vec::new(), 0);
        for n in 0..200_000_u32 {
            delivery.tick(0, now);
            let payload = Bytes::from(n.to_string());
            delivery.send(0, Published { at: now, topic: "t".into(), payload, retained: false });
            now = now.plus(second);
            let before = out.len();
            delivery.arrived(now, &mut out);
            for message in &out[before..] {
                assert!(message.at < now);
                let sent: u32 = std::str::from_utf8(&message.payload).unwrap().parse().unwrap();
                late += u32::from(sent < n);
            }
        }
        delivery.arrived(now.plus(second * 60), &mut out);
        assert!(delivery.is_empty());
        let mut distinct: Vec<&Bytes> = out.iter().map(|message| &message.payload).collect();
        distinct.sort();
        distinct.dedup();
        let (lost, doubled) = (200_000 - distinct.len(), out.len() - distinct.len());
        assert!((20..120).contains(&lost), "{lost} lost");
        assert!((100..350).contains(&doubled), "{doubled} doubled");
        assert!((400..2500).contains(&late), "{late} late");
        assert!(out.windows(2).all(|pair| pair[0].at <= pair[1].at));
    }
}

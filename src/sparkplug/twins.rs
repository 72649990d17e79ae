//! Whether two nodes speak under one name: each of them alone looks as it should.

use super::word::Spoken;
use crate::reading::Timestamp;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Duration;

/// So many times the numbers go from one run to the other and back, within [`ALTERNATE`], before they are
/// taken for those of two nodes.
const SWITCHES: u8 = 6;
const ALTERNATE: Duration = Duration::from_secs(600);

/// So many births return to the connection before the last one, before there are two nodes: one node counts on,
/// and one that forgets its count may begin anew once.
const RETURNS: u8 = 2;

/// The alarm ends when nothing of the kind was heard for so long.
const CALM: Duration = Duration::from_secs(3600);

/// What is known of it.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(super) struct Twins {
    runs: Runs,
    /// The connection before the one of the last birth, and how many births went back to it.
    before: Option<u64>,
    returns: u8,
    /// The alarm stands until then at least.
    until: Option<Timestamp>,
}

impl Twins {
    /// A number of the sequence comes.
    pub(super) fn number(
        &mut self,
        node: &Named<'_>,
        seq: u8,
        at: Timestamp,
        said: &mut Spoken<'_>,
    ) {
        if self.runs.see(seq, at) {
            self.runs.forget();
            self.tell(node, "two sequences of numbers go on in turns", at, said);
        }
    }

    /// A birth comes of this connection, after one of `last`, whose death was not heard.
    pub(super) fn birth(
        &mut self,
        node: &Named<'_>,
        (last, bd_seq): (Option<u64>, Option<u64>),
        at: Timestamp,
        said: &mut Spoken<'_>,
    ) {
        if last == bd_seq {
            return;
        }
        let returns = self.before.is_some() && self.before == bd_seq;
        self.returns = if returns { self.returns.saturating_add(1) } else { 0 };
        self.before = last;
        if self.returns >= RETURNS {
            self.tell(node, "births of two connections come in turns", at, said);
        }
    }

    /// The node died: what is born next is another connection.
    pub(super) fn died(&mut self) {
        (self.before, self.returns) = (None, 0);
    }

    fn tell(&mut self, node: &Named<'_>, what: &str, at: Timestamp, said: &mut Spoken<'_>) {
        if self.until.replace(at.plus(CALM)).is_none() {
            let reason = format!(
                "edge node `{}`: two of them seem to have this name: {what}; look for a gateway that was copied, \
                 or a spare one that is switched on, and give one of them another name",
                node.shown
            );
            said.alarm(node.part(), false, &reason);
        }
    }

    /// When the alarm may end.
    pub(super) fn due(&self) -> Option<Timestamp> {
        self.until
    }

    /// Ends the alarm when its time is over.
    pub(super) fn pass(&mut self, node: &Named<'_>, now: Timestamp, said: &mut Spoken<'_>) {
        if self.until.is_some_and(|until| until <= now) {
            self.until = None;
            let reason = format!("edge node `{}`: for an hour it was one node again", node.shown);
            said.alarm(node.part(), true, &reason);
        }
    }

    /// The receiver's clock leapt.
    pub(super) fn leap(&mut self, leapt: impl Fn(Timestamp) -> Timestamp) {
        self.until = self.until.map(&leapt);
        self.runs.leap(leapt);
    }
}

/// Which node it is.
#[derive(Debug)]
pub(super) struct Named<'a> {
    pub(super) part: &'a str,
    pub(super) shown: &'a str,
}

impl Named<'_> {
    fn part(&self) -> Arc<str> {
        format!("{}{NAME}", self.part).into()
    }
}

/// What the name of the alarm adds to the node's.
pub(super) const NAME: &str = "#name";

/// The numbers as they come, in whatever order: two runs in turns are two nodes that have one name.
///
/// A run goes on where it stopped. What is missing, late or swapped begins a second run, too, but the first
/// then ends, or reaches the beginning of the second; of two nodes each goes on, again and again.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
struct Runs {
    /// The run that goes on, and the one before it.
    now: Option<Run>,
    other: Option<Run>,
    /// How many times the other one went on, and since when.
    switches: u8,
    since: Option<Timestamp>,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct Run {
    begin: u8,
    next: u8,
}

impl Runs {
    /// A number comes; true if two nodes are counting.
    fn see(&mut self, seq: u8, at: Timestamp) -> bool {
        let goes_on = |run: &Option<Run>| run.is_some_and(|run| run.next == seq);
        if !goes_on(&self.now) {
            std::mem::swap(&mut self.now, &mut self.other);
            if goes_on(&self.now) {
                if self.since.is_none_or(|since| since.plus(ALTERNATE) < at) {
                    (self.switches, self.since) = (0, Some(at));
                }
                self.switches = self.switches.saturating_add(1);
            } else {
                self.now = Some(Run { begin: seq, next: seq });
            }
        }
        if let Some(now) = &mut self.now {
            now.next = seq.wrapping_add(1);
            if self.other.is_some_and(|other| other.begin == now.next) {
                // It was one run, out of order.
                now.next = self.other.take().map_or(now.next, |other| other.next);
                self.switches = 0;
            }
        }
        self.switches >= SWITCHES
    }

    /// Begins anew.
    fn forget(&mut self) {
        *self = Self::default();
    }

    /// The receiver's clock leapt.
    fn leap(&mut self, leapt: impl Fn(Timestamp) -> Timestamp) {
        self.since = self.since.map(leapt);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_runs_in_turns_are_two_nodes_and_nothing_else_is() {
        let check = |what: &str, numbers: &[u8], expected: bool| {
            let mut runs = Runs::default();
            let seen = (0_i64..)
                .zip(numbers)
                .any(|(at, seq)| runs.see(*seq, Timestamp::from_nanos(at * 1_000_000_000)));
            assert_eq!(seen, expected, "{what}");
        };
        let turns: Vec<u8> = (0..8).flat_map(|n| [10 + n, 200 + n]).collect();
        check("two nodes", &turns, true);
        let bursts: Vec<u8> =
            (0..8_u8).flat_map(|n| [n * 3, n * 3 + 1, n * 3 + 2, 200 + n]).collect();
        check("one of them says more", &bursts, true);
        let in_phase: Vec<u8> = (0..12).flat_map(|n| [n, n]).collect();
        check("born at once", &in_phase, true);
        let round: Vec<u8> = (0..1000_u32).map(|n| n.to_le_bytes()[0]).collect();
        check("one node", &round, false);
        let swapped: Vec<u8> = (0..40).flat_map(|n| [n * 2 + 1, n * 2]).collect();
        check("swapped", &swapped, false);
        let missing: Vec<u8> = (0..60).map(|n| n * 4).collect();
        check("each fourth only", &missing, false);
        let late = [1, 2, 6, 7, 8, 3, 4, 5, 9, 10, 14, 11, 12, 13, 15, 19, 16, 17, 18, 20];
        check("late", &late, false);
    }
}

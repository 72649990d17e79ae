//! Room for more: who is forgotten for it, and what is told where nobody can be.

use super::word::Spoken;
use crate::reading::Timestamp;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Duration;

/// Who is there and spoke within that time is not forgotten.
const ALIVE: Duration = Duration::from_secs(3600);

/// That somebody was refused stands so long after the last time.
const CALM: Duration = Duration::from_secs(3600);

/// What the name of the alarm adds to its group's.
pub(super) const ROOM: &str = "#room";

/// One that may be forgotten.
#[derive(Debug, Clone, Copy)]
pub(super) struct Known {
    /// Whether it is there.
    pub(super) online: bool,
    /// When it was last heard.
    pub(super) heard: Timestamp,
}

/// Who is forgotten first: who is not there before who is, then who has been silent longest, then by name;
/// never one that is there and spoke lately.
pub(super) fn first<K: Ord>(all: impl Iterator<Item = (K, Known)>, now: Timestamp) -> Option<K> {
    let may_go = |known: &Known| !known.online || known.heard.plus(ALIVE) <= now;
    let all = all.filter(|(_, known)| may_go(known));
    all.min_by(|(a, of_a), (b, of_b)| {
        (of_a.online, of_a.heard, a).cmp(&(of_b.online, of_b.heard, b))
    })
    .map(|(key, _)| key)
}

/// Whether some of a group had to be refused lately.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(super) struct Refused {
    until: Option<Timestamp>,
}

impl Refused {
    /// One is refused.
    pub(super) fn refuse(
        &mut self,
        part: &str,
        reason: &str,
        now: Timestamp,
        said: &mut Spoken<'_>,
    ) {
        if self.until.replace(now.plus(CALM)).is_none() {
            said.alarm(name(part), false, reason);
        }
    }

    /// When the alarm may end.
    pub(super) fn due(&self) -> Option<Timestamp> {
        self.until
    }

    /// Ends the alarm when its time is over.
    pub(super) fn pass(&mut self, part: &str, now: Timestamp, said: &mut Spoken<'_>) {
        if self.until.is_some_and(|until| until <= now) {
            self.until = None;
            said.alarm(name(part), true, "for an hour there was room for all");
        }
    }

    /// The receiver's clock leapt.
    pub(super) fn leap(&mut self, leapt: impl Fn(Timestamp) -> Timestamp) {
        self.until = self.until.map(leapt);
    }
}

fn name(part: &str) -> Arc<str> {
    format!("{part}{ROOM}").into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_dead_go_first_and_who_spoke_lately_never() {
        let check = |all: &str, expected: Option<&str>| {
            let known = |text: &'static str| {
                let (name, heard) = text.split_once('@').unwrap();
                let heard = Timestamp::from_nanos(heard.parse::<i64>().unwrap() * 60_000_000_000);
                (name, Known { online: !name.starts_with('-'), heard })
            };
            let all: String = all.to_owned();
            let all: &'static str = all.leak();
            let now = Timestamp::from_nanos(100 * 60_000_000_000);
            assert_eq!(first(all.split_whitespace().map(known), now), expected, "{all}");
        };
        check("a@1 -b@99 c@2", Some("-b"));
        check("-c@7 -b@7 -a@8", Some("-b"));
        check("b@40 a@40 c@41", Some("a"));
        check("a@41 b@99", None);
        check("", None);
    }
}

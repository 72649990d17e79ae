//! Whether the births that are known of an edge node are those by which it speaks.

use crate::reading::Timestamp;
use serde::{Deserialize, Serialize};

/// Where a host application stands with an edge node.
///
/// | state | `NBIRTH` | `DBIRTH` | data that follow | data that do not follow | its `NDEATH` | another `NDEATH` | our session is new | time is over |
/// |---|---|---|---|---|---|---|---|---|
/// | unborn | sure | sure, of the device | held | held | unborn | unborn | unborn | |
/// | sure | sure | sure | read | wait for their turn | gone | sure: a late will | asleep | |
/// | asleep | sure, missed | as data | sure, read | confirming or unsure, missed | gone | gone | asleep | asleep, for no birth |
/// | confirming | sure | confirming | held | held | gone | gone | asleep | unsure, what is held is read |
/// | unsure | sure | unsure | read as uncertain | wait for their turn | gone | gone | asleep | |
/// | gone | sure | sure, of the device | held | held | gone | gone | gone, unheard | |
/// | gone, unheard | sure, missed | sure, of the device | held | held | gone | gone | gone, unheard | |
///
/// *Missed*: what it sent while nobody listened is a gap. Whoever only listens waits for no birth, and comes
/// from asleep to unsure. A birth that the broker retained makes unsure instead of sure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum State {
    /// No birth of it was heard.
    Unborn,
    /// Its births were heard, and everything since.
    Sure,
    /// Our own session was made anew, and nothing was heard since. Data wait until then for a birth that is
    /// asked for; `None` if none is.
    Asleep {
        /// The end of the wait.
        until: Option<Timestamp>,
    },
    /// Something was missed: the node may have been born anew, with other aliases. Data wait for its birth.
    Confirming {
        /// The end of the wait.
        until: Timestamp,
    },
    /// Something was missed, and no birth came: what it says is read by the old one.
    Unsure,
    /// It died.
    Gone {
        /// True if our own session was made anew since.
        unheard: bool,
    },
}

impl State {
    /// True if the node is there, as far as is known.
    pub(super) fn is_there(self) -> bool {
        !matches!(self, Self::Unborn | Self::Gone { .. })
    }

    /// True if its aliases are surely those of the birth that is known.
    pub(super) fn is_sure(self) -> bool {
        self == Self::Sure
    }

    /// Until when data wait for a birth.
    pub(super) fn waits_until(self) -> Option<Timestamp> {
        match self {
            Self::Asleep { until } => until,
            Self::Confirming { until } => Some(until),
            _ => None,
        }
    }

    /// A birth comes; true if what was sent before it, while nobody listened, is missing.
    pub(super) fn born(&mut self, retained: bool) -> bool {
        let missed = matches!(self, Self::Asleep { .. } | Self::Gone { unheard: true });
        *self = if retained { Self::Unsure } else { Self::Sure };
        missed
    }

    /// The first message comes after our session was made anew; true if some before it are missing. What
    /// follows the last one that was heard shows that nothing was said meanwhile: who asks will hear the births
    /// all the same, for one in 256 restarts would look like this.
    pub(super) fn awake(&mut self, follows: bool) -> bool {
        let Self::Asleep { until } = *self else { return false };
        *self = match until {
            _ if follows => Self::Sure,
            Some(until) => Self::Confirming { until },
            None => Self::Unsure,
        };
        !follows
    }

    /// Our own session was made anew; a birth that is asked for is waited for until then.
    pub(super) fn reconnected(&mut self, until: Option<Timestamp>) {
        *self = match self {
            Self::Unborn => Self::Unborn,
            Self::Gone { .. } => Self::Gone { unheard: true },
            _ => Self::Asleep { until },
        };
    }

    /// The birth that was asked for has not come in time.
    pub(super) fn waited(&mut self) {
        match self {
            Self::Asleep { until } => *until = None,
            Self::Confirming { .. } => *self = Self::Unsure,
            _ => {}
        }
    }

    /// A death comes, of the session that is known or of another one; true if it counts.
    pub(super) fn died(&mut self, is_its: bool) -> bool {
        let counts = *self != Self::Unborn && (is_its || *self != Self::Sure);
        if counts {
            *self = Self::Gone { unheard: false };
        }
        counts
    }

    /// The receiver's clock leapt.
    pub(super) fn leap(&mut self, leapt: impl Fn(Timestamp) -> Timestamp) {
        match self {
            Self::Asleep { until } => *until = until.map(leapt),
            Self::Confirming { until } => *until = leapt(*until),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each event in its state: what comes of it, with `!` where something is missing.
    #[test]
    fn every_cell_of_the_table() {
        let until = Timestamp::from_nanos(7);
        let states = [
            ("unborn", State::Unborn),
            ("sure", State::Sure),
            ("asleep", State::Asleep { until: Some(until) }),
            ("listening", State::Asleep { until: None }),
            ("confirming", State::Confirming { until }),
            ("unsure", State::Unsure),
            ("gone", State::Gone { unheard: false }),
            ("unheard", State::Gone { unheard: true }),
        ];
        let name = |state: State| states.iter().find(|(_, known)| *known == state).unwrap().0;
        let told = |mut state: State, event: &str| {
            let mark = match event {
                "birth" => state.born(false),
                "retained" => state.born(true),
                "next" => state.awake(true),
                "other" => state.awake(false),
                "death" => !state.died(true),
                "late will" => !state.died(false),
                "anew" => {
                    state.reconnected(Some(until));
                    false
                }
                _ => {
                    state.waited();
                    false
                }
            };
            format!("{}{}", name(state), if mark { "!" } else { "" })
        };
        for (event, expected) in [
            ("birth", "sure sure sure! sure! sure sure sure sure!"),
            ("retained", "unsure unsure unsure! unsure! unsure unsure unsure unsure!"),
            ("next", "unborn sure sure sure confirming unsure gone unheard"),
            ("other", "unborn sure confirming! unsure! confirming unsure gone unheard"),
            ("death", "unborn! gone gone gone gone gone gone gone"),
            ("late will", "unborn! sure! gone gone gone gone gone gone"),
            ("anew", "unborn asleep asleep asleep asleep asleep unheard unheard"),
            ("time", "unborn sure listening listening unsure unsure gone unheard"),
        ] {
            let all: Vec<String> = states.iter().map(|(_, state)| told(*state, event)).collect();
            assert_eq!(all.join(" "), expected, "{event}");
        }
    }
}

//! When the broker's backlog has been read.
//!
//! The protocol does not say how much a broker still holds for us, so it is judged by how messages
//! come. A broker that has a backlog keeps its window full: as soon as something is acknowledged,
//! more comes. So the backlog is over when nothing came for a beat while nothing was unacknowledged,
//! or, on a busy plant where that never happens, when for a whole second far fewer messages were
//! unacknowledged than a window holds.

/// Beats a second.
const SECOND: u32 = 10;
/// Fewer unacknowledged messages than this are no backlog: the smallest window that brokers keep by
/// default is 20 (mosquitto).
const FEW: usize = 16;

/// What has been seen of one connection.
#[derive(Debug, Default)]
pub(super) struct Backlog {
    beats: u32,
    /// The most unacknowledged messages since the connection began.
    greatest: usize,
    /// The most in the second that runs.
    this_second: usize,
}

impl Backlog {
    /// One beat (100 ms) has passed, in which `arrived` messages came; `waiting` are unacknowledged
    /// now, and at most `peak` were. True when the backlog has been read.
    pub(super) fn beat(&mut self, arrived: u64, waiting: usize, peak: usize) -> bool {
        self.beats = self.beats.saturating_add(1);
        self.greatest = self.greatest.max(peak);
        self.this_second = self.this_second.max(peak);
        let whole_second = self.beats.is_multiple_of(SECOND);
        let most = self.this_second;
        if whole_second {
            self.this_second = 0;
        }
        // The first second is the broker's, to begin.
        if self.beats < SECOND {
            return false;
        }
        let quiet = arrived == 0 && waiting == 0;
        quiet || (whole_second && most < FEW.max(self.greatest / 2))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The beat at which the backlog is over, of beats of (arrived, waiting, peak).
    #[track_caller]
    fn check(beats: impl IntoIterator<Item = (u64, usize, usize)>, expected: Option<usize>) {
        let mut backlog = Backlog::default();
        let over = beats
            .into_iter()
            .position(|(arrived, waiting, peak)| backlog.beat(arrived, waiting, peak));
        assert_eq!(over.map(|index| index + 1), expected);
    }

    #[test]
    fn a_link_on_which_nothing_comes_is_read_after_a_second() {
        check([(0, 0, 0); 50], Some(10));
    }

    #[test]
    fn a_full_window_is_a_backlog_for_as_long_as_it_is_full() {
        check([(400, 20, 20); 500], None);
    }

    #[test]
    fn the_backlog_is_read_when_a_beat_brings_nothing() {
        check([vec![(400, 20, 20); 35], vec![(0, 0, 20)], vec![(0, 0, 0)]].concat(), Some(36));
    }

    #[test]
    fn what_is_received_and_not_committed_is_still_backlog() {
        check([vec![(100, 20, 20); 20], vec![(0, 20, 20); 30]].concat(), None);
    }

    #[test]
    fn bursts_once_a_second_are_no_backlog() {
        let burst = [vec![(500, 300, 500)], vec![(0, 0, 300)], vec![(0, 0, 0); 8]].concat();
        check([burst.clone(), burst].concat(), Some(10));
    }

    #[test]
    fn a_busy_plant_is_read_when_few_messages_wait() {
        check([(100, 3, 9); 30], Some(10));
    }

    #[test]
    fn a_very_busy_plant_is_read_when_the_window_is_no_longer_full() {
        check([vec![(5000, 900, 1000); 20], vec![(1000, 60, 80); 30]].concat(), Some(30));
    }
}

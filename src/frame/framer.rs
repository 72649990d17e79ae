//! The open frame of a line.

use super::Frame;
use crate::plant::Line;
use crate::reading::{TagIx, Timestamp};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// What became of a reading that was offered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Offered {
    /// It is in.
    New,
    /// The same value at the same time is in already.
    Duplicate,
    /// Another value at the same time was in; this one took its place.
    Conflict,
    /// Its frame is closed.
    Late,
}

/// The readings of a line that wait for their frame to close.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Framer {
    length: Duration,
    /// The begin of the open frame; `None` before the first reading.
    open: Option<Timestamp>,
    /// True once a frame was closed.
    closed: bool,
    tags: Vec<Waiting>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Waiting {
    stale: Duration,
    /// Readings of the open frame and later, by time.
    readings: Vec<(Timestamp, f64)>,
    /// The newest reading of the closed frames.
    held: Option<(Timestamp, f64)>,
    /// Since then it has no value, but for one that came later.
    lost: Option<Timestamp>,
}

impl Framer {
    /// The framer of a line.
    #[must_use]
    pub fn new(line: &Line) -> Self {
        let waiting = |stale| Waiting { stale, readings: Vec::new(), held: None, lost: None };
        Self {
            length: line.frame,
            open: None,
            closed: false,
            tags: line.tags.iter().map(|tag| waiting(tag.stale)).collect(),
        }
    }

    /// Takes over what waits in the framer of an older configuration, whose tags are at these positions
    /// here, if at all. What it has closed stays closed: with frames of another length the open one
    /// begins at the next multiple.
    pub fn adopt(&mut self, old: Self, positions: impl Iterator<Item = Option<usize>>) {
        self.open = old.open.map(|open| {
            let floor = open.floor(self.length);
            if floor < open { floor.plus(self.length) } else { floor }
        });
        self.closed = old.closed;
        let open = self.open;
        for (mut waiting, ix) in old.tags.into_iter().zip(positions) {
            let Some(tag) = ix.and_then(|ix| self.tags.get_mut(ix)) else { continue };
            let closed = waiting.readings.partition_point(|(at, _)| Some(*at) < open);
            tag.held = waiting.readings[..closed].last().copied().or(waiting.held);
            tag.readings = waiting.readings.split_off(closed);
            tag.lost = waiting.lost;
        }
    }

    /// The begin of the open frame: what lies before it is closed.
    #[must_use]
    pub fn open(&self) -> Option<Timestamp> {
        self.open
    }

    /// The first frame is no later than that of this instant: until a frame is closed, an earlier reading
    /// than the first that came is in time as well.
    pub fn begin(&mut self, at: Timestamp) {
        let first = at.floor(self.length);
        match &mut self.open {
            Some(open) if !self.closed => *open = first.min(*open),
            open => *open = open.or(Some(first)),
        }
    }

    /// Takes a good reading.
    #[expect(clippy::float_cmp, reason = "a repeated reading has the same bits")]
    pub fn offer(&mut self, tag: TagIx, at: Timestamp, value: f64) -> Offered {
        let open = *self.open.get_or_insert_with(|| at.floor(self.length));
        let Some(waiting) = self.tags.get_mut(tag.get()) else {
            return Offered::New;
        };
        if at < open {
            // The newest closed reading is the one that a broker sends again after a reconnection.
            return match waiting.held {
                Some((held_at, held)) if held_at == at && held == value => Offered::Duplicate,
                _ => Offered::Late,
            };
        }
        match waiting.readings.binary_search_by_key(&at, |(at, _)| *at) {
            Ok(ix) if waiting.readings[ix].1 == value => Offered::Duplicate,
            Ok(ix) => {
                waiting.readings[ix].1 = value;
                Offered::Conflict
            }
            Err(ix) => {
                waiting.readings.insert(ix, (at, value));
                Offered::New
            }
        }
    }

    /// Forgets what is held of a tag whose sensor fell sick.
    pub fn forget(&mut self, tag: TagIx) {
        if let Some(waiting) = self.tags.get_mut(tag.get()) {
            waiting.held = None;
            waiting.readings.clear();
        }
    }

    /// A tag has no value since then, or since its last reading: what came before it counts where it is, and
    /// is not held beyond.
    pub fn lose(&mut self, tag: TagIx, since: Option<Timestamp>) {
        if let Some(waiting) = self.tags.get_mut(tag.get()) {
            let last = waiting.readings.last().or(waiting.held.as_ref()).map(|(at, _)| *at);
            waiting.lost = waiting.lost.max(since.or(last));
        }
    }

    /// Closes the open frame if the watermark has reached its end.
    ///
    /// Where nothing is known of any tag, one empty frame is made and the rest of the hole skipped,
    /// so that a source whose clock jumps a year ahead costs one frame and not a year of them.
    pub fn close(&mut self, watermark: Timestamp) -> Option<Frame> {
        let start = self.open?;
        let end = start.plus(self.length);
        if end > watermark {
            return None;
        }
        let values: Vec<f64> = self.tags.iter_mut().map(|tag| tag.close(end)).collect();
        self.closed = true;
        let empty = values.iter().all(|value| value.is_nan());
        self.open = Some(if empty { self.after_hole(end, watermark) } else { end });
        Some(Frame { start, end, values })
    }

    /// The begin of the next frame that can hold anything, at most the watermark's own.
    fn after_hole(&self, end: Timestamp, watermark: Timestamp) -> Timestamp {
        let first =
            self.tags.iter().filter_map(|tag| tag.readings.first()).map(|(at, _)| *at).min();
        first.map_or(watermark, |at| at.min(watermark)).floor(self.length).max(end)
    }
}

impl Waiting {
    /// True if what was read at `at` is not known to have lasted until the end of a frame.
    fn is_lost(&self, at: Timestamp, end: Timestamp) -> bool {
        self.lost.is_some_and(|lost| (at..end).contains(&lost))
    }

    /// The value of the frame that ends at `end`.
    #[expect(clippy::cast_precision_loss, reason = "a frame has far fewer than 2^53 readings")]
    fn close(&mut self, end: Timestamp) -> f64 {
        let inside = self.readings.partition_point(|(at, _)| *at < end);
        if inside == 0 {
            return match self.held {
                Some((at, value)) if end <= at.plus(self.stale) && !self.is_lost(at, end) => value,
                _ => f64::NAN,
            };
        }
        let sum: f64 = self.readings[..inside].iter().map(|(_, value)| value).sum();
        self.held = Some(self.readings[inside - 1]);
        self.readings.drain(..inside);
        sum / inside as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plant::Tag;

    fn seconds(s: f64) -> Timestamp {
        #[expect(clippy::cast_possible_truncation, reason = "small test times")]
        Timestamp::from_nanos((s * 1e9) as i64)
    }

    /// `tag@seconds=value` feeds, `!` loses the tag `a`, `!a@seconds` since then, `|seconds` moves the watermark; prints frames and odd offers.
    #[track_caller]
    fn check(script: &str, expected: &str) {
        let mut line = Line::named("tm3");
        let tag = |id| Tag { stale: Duration::from_secs(3), ..Tag::named(id) };
        line.tags = vec![tag("a"), tag("b")];
        let mut framer = Framer::new(&line);
        let mut said = Vec::new();
        for word in script.split_whitespace() {
            if let Some(lost) = word.strip_prefix('!') {
                let at = lost.strip_prefix("a@").map(|at| seconds(at.parse().unwrap()));
                framer.lose(TagIx(0), at);
                continue;
            }
            if let Some(at) = word.strip_prefix('|') {
                while let Some(frame) = framer.close(seconds(at.parse().unwrap())) {
                    let values: Vec<String> =
                        frame.values.iter().map(ToString::to_string).collect();
                    said.push(format!("{}:{}", frame.end.as_millis() / 1000, values.join(",")));
                }
                continue;
            }
            let (tag, rest) = word.split_once('@').unwrap();
            let (at, value) = rest.split_once('=').unwrap();
            let ix = TagIx(u32::from(tag == "b"));
            match framer.offer(ix, seconds(at.parse().unwrap()), value.parse().unwrap()) {
                Offered::New => {}
                odd => said.push(format!("{odd:?}")),
            }
        }
        assert_eq!(said.join(" "), expected);
    }

    #[test]
    fn frame_is_the_mean_of_its_readings() {
        check("a@0.1=1 a@0.9=3 b@0.5=7 b@1.0=8 |0.9 |1", "1:2,7");
    }

    #[test]
    fn value_is_held_for_stale_and_no_longer() {
        check("a@0=1 b@0=5 b@1=6 b@2=7 b@3=8 b@4=9 |5", "1:1,5 2:1,6 3:1,7 4:NaN,8 5:NaN,9");
    }

    #[test]
    fn what_came_before_a_loss_counts_and_is_not_held() {
        check("b@0=5 b@4=5 a@0.5=1 ! |2", "1:1,5 2:NaN,5");
        check("b@0=5 b@4=5 a@0.5=1 !a@1.5 |3", "1:1,5 2:NaN,5 3:NaN,5");
        check("b@0=5 b@4=5 a@0.5=1 !a@2 a@2.2=3 |4", "1:1,5 2:1,5 3:3,5 4:3,NaN");
        check("b@0=5 b@4=5 a@0.5=1 |1 ! |2 a@2.5=1 |4", "1:1,5 2:NaN,5 3:1,5 4:1,NaN");
    }

    #[test]
    fn order_of_arrival_does_not_matter() {
        check("a@0.9=3 a@0.1=1 |1", "1:2,NaN");
    }

    #[test]
    fn late_repeated_and_conflicting_readings_are_told_apart() {
        check(
            "a@0.5=1 |1 a@0.5=1 a@0.4=2 a@1.5=3 a@1.5=3 a@1.5=4 |2",
            "1:1,NaN Duplicate Late Duplicate Conflict 2:4,NaN",
        );
    }

    #[test]
    fn hole_costs_one_frame() {
        check("a@0=1 a@1000000=2 |1000001", "1:1,NaN 2:1,NaN 3:1,NaN 4:NaN,NaN 1000001:2,NaN");
    }
}

//! What is kept of a batch while it is made: means of its frames over short stretches.

use crate::reading::Timestamp;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// A bin is at least so long: laboratory values are of minutes.
const SHORTEST: Duration = Duration::from_secs(10);

/// Bins that are kept; when there are more, two become one of twice the length.
const BINS_MAX: usize = 256;

/// Means of the tags of a batch, bin after bin. Bins count frames of product: what a break leaves out is not there.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Bins {
    tags: usize,
    frame: Duration,
    /// Frames in a bin.
    per_bin: u32,
    /// One mean for each tag in each bin that is full, NaN where there was no value.
    means: Vec<f64>,
    /// Frames in the bin that is being filled; sums and numbers of the values there.
    filling: u32,
    sums: Vec<f64>,
    seen: Vec<u32>,
    /// The begin of the first frame, and the end of the last.
    from: Option<Timestamp>,
    until: Option<Timestamp>,
}

impl Bins {
    /// Of a batch that begins: of so many tags, and frames of this length.
    #[must_use]
    pub fn start(tags: usize, frame: Duration) -> Self {
        let per_bin = SHORTEST.as_nanos().div_ceil(frame.as_nanos().max(1));
        Self {
            tags,
            frame,
            per_bin: u32::try_from(per_bin).unwrap_or(u32::MAX).max(1),
            means: Vec::new(),
            filling: 0,
            sums: vec![0.0; tags],
            seen: vec![0; tags],
            from: None,
            until: None,
        }
    }

    /// Takes a frame's values, one for each tag, NaN where there is none, and its end; true if a bin is full by it.
    pub fn take(&mut self, values: impl Iterator<Item = f64>, end: Timestamp) -> bool {
        for ((sum, seen), value) in self.sums.iter_mut().zip(&mut self.seen).zip(values) {
            if value.is_finite() {
                *sum += value;
                *seen += 1;
            }
        }
        self.filling += 1;
        self.from.get_or_insert(end.minus(self.frame));
        self.until = Some(end);
        if self.filling < self.per_bin {
            return false;
        }
        self.close();
        if self.len() >= BINS_MAX {
            self.halve();
        }
        true
    }

    /// The batch ends: what half fills a bin is one too.
    pub fn end(&mut self) {
        if self.filling > 0 && (2 * self.filling >= self.per_bin || self.means.is_empty()) {
            self.close();
        }
    }

    fn close(&mut self) {
        let mean = |(sum, seen): (&mut f64, &mut u32)| {
            let (sum, seen) = (std::mem::take(sum), std::mem::take(seen));
            if seen > 0 { sum / f64::from(seen) } else { f64::NAN }
        };
        self.means.extend(self.sums.iter_mut().zip(&mut self.seen).map(mean));
        self.filling = 0;
    }

    /// Two bins become one.
    fn halve(&mut self) {
        let pairs = self.means.chunks_exact(2 * self.tags.max(1));
        let halved = pairs.flat_map(|pair| {
            let (first, second) = pair.split_at(self.tags);
            first.iter().zip(second).map(|(a, b)| match (a.is_nan(), b.is_nan()) {
                (false, false) => f64::midpoint(*a, *b),
                (true, _) => *b,
                (_, true) => *a,
            })
        });
        self.means = halved.collect();
        self.per_bin = self.per_bin.saturating_mul(2);
    }

    /// One mean for each tag in each bin that is full, bin after bin.
    #[must_use]
    pub fn means(&self) -> &[f64] {
        &self.means
    }

    /// Bins that are full.
    #[must_use]
    pub fn len(&self) -> usize {
        self.means.len() / self.tags.max(1)
    }

    /// True if none is full.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.means.is_empty()
    }

    /// What a bin is of.
    #[must_use]
    pub fn bin(&self) -> Duration {
        self.frame.saturating_mul(self.per_bin)
    }

    /// The begin of the first frame.
    #[must_use]
    pub fn from(&self) -> Option<Timestamp> {
        self.from
    }

    /// The end of the last frame.
    #[must_use]
    pub fn until(&self) -> Option<Timestamp> {
        self.until
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOLE: f64 = f64::NAN;

    fn at(s: u64) -> Timestamp {
        Timestamp::default().plus(Duration::from_secs(s))
    }

    fn filled(length_s: u64, frames: &[[f64; 2]]) -> Bins {
        let mut bins = Bins::start(2, Duration::from_secs(length_s));
        for (ix, values) in (1..).zip(frames) {
            bins.take(values.iter().copied(), at(ix * length_s));
        }
        bins
    }

    #[test]
    fn a_bin_is_the_mean_of_the_values_that_came() {
        let frames = [[1.0, HOLE], [2.0, HOLE], [3.0, HOLE], [6.0, 9.0], [5.0, HOLE], [7.0, 1.0]];
        let mut by_five = filled(2, &frames);
        assert_eq!(by_five.bin(), Duration::from_secs(10));
        assert_eq!((by_five.means(), by_five.len()), (&[3.4, 9.0][..], 1));
        by_five.end();
        assert_eq!(by_five.len(), 1, "a fifth of a bin is none");
        // A frame that is longer than a bin is one.
        let long = filled(60, &frames[..2]);
        assert_eq!(format!("{:?}", long.means()), "[1.0, NaN, 2.0, NaN]");
        assert_eq!(long.until(), Some(at(120)));
        // The only one there is counts, however short.
        let mut short = filled(2, &frames[..1]);
        short.end();
        assert_eq!(format!("{:?}", short.means()), "[1.0, NaN]");
    }

    #[test]
    fn a_long_batch_has_longer_bins_and_no_more_of_them() {
        let frame = |ix: u32| [f64::from(ix), if ix < 4 { HOLE } else { 1.0 }];
        let frames: Vec<[f64; 2]> = (0..5000).map(frame).collect();
        let bins = filled(10, &frames);
        assert!(bins.len() < BINS_MAX && bins.len() >= BINS_MAX / 2, "{}", bins.len());
        assert_eq!(bins.bin(), Duration::from_secs(320));
        assert_eq!(format!("{:?}", &bins.means()[..4]), "[15.5, 1.0, 47.5, 1.0]");
    }
}

//! All chance of a simulated world: one seed, many streams that do not disturb one another.

use rand_core::{RngCore, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use std::ops::Range;

/// A stream of random numbers.
#[derive(Debug, Clone)]
pub struct Random(Xoshiro256PlusPlus);

impl Random {
    /// The stream of a seed for one purpose: what one part draws changes nothing for the others.
    #[must_use]
    pub fn new(seed: u64, purpose: &str) -> Self {
        let seed = xxhash_rust::xxh3::xxh3_64_with_seed(purpose.as_bytes(), seed);
        Self(Xoshiro256PlusPlus::seed_from_u64(seed))
    }

    /// A whole number within a range that is not empty.
    pub fn within(&mut self, range: Range<u64>) -> u64 {
        range.start + self.0.next_u64() % (range.end - range.start)
    }

    /// True so many times in a hundred.
    pub fn percent(&mut self, share: u64) -> bool {
        self.within(0..100) < share
    }

    /// One of several.
    pub fn pick<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        let ix = self.within(0..all.len() as u64);
        &all[usize::try_from(ix).expect("it is below a length")]
    }

    /// A number from −1 to 1.
    pub fn swing(&mut self) -> f64 {
        let thousandths = u32::try_from(self.within(0..2001)).expect("it is below 2001");
        f64::from(thousandths) / 1000.0 - 1.0
    }
}

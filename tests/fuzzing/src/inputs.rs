//! Inputs: valid ones that are damaged, put together and repeated, and bytes of no order at all.

use rand_core::{RngCore, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

/// What damaged texts and messages are made of.
const PIECES: &[&[u8]] = &[
    b"",
    b"{",
    b"}",
    b"[",
    b"]",
    b",",
    b":",
    b"\"",
    b"\\",
    b"\\u0000",
    b"\\ud800",
    b"null",
    b"true",
    b"-",
    b"0",
    b"-0.0",
    b"1e999",
    b"1e-999",
    b"9007199254740993",
    b"18446744073709551616",
    b"9223372036854775807",
    b"NaN",
    b"Infinity",
    b" ",
    b"\n",
    b"\r\n",
    b"\0",
    b"\x7f",
    b"\xff",
    b"\xc3\xa4",
    b"\xef\xbb\xbf",
    b"=",
    b"i",
    b"u",
    b"#",
    b"{\"a\":",
    b"[[[[[[[[",
    b"\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01",
    b"\xff\xff\xff\xff\x0f",
    b"\x12",
    b"\x1f\x8b\x08",
    b"\x28\xb5\x2f\xfd",
    b"1970-01-01T00:00:00Z",
    b"2026-01-23T24:60:60Z",
    b"192",
    b"Good",
];

/// A source of inputs, the same for the same seed.
#[derive(Debug)]
pub struct Inputs {
    random: Xoshiro256PlusPlus,
    seeds: Vec<Vec<u8>>,
    input: Vec<u8>,
}

impl Inputs {
    /// Inputs made from these valid ones.
    #[must_use]
    pub fn new(seed: u64, seeds: Vec<Vec<u8>>) -> Self {
        assert!(!seeds.is_empty());
        let random = Xoshiro256PlusPlus::seed_from_u64(seed);
        Self { random, seeds, input: Vec::new() }
    }

    fn below(&mut self, end: usize) -> usize {
        let end = u64::try_from(end.max(1)).expect("a length");
        usize::try_from(self.random.next_u64() % end).expect("less than a length")
    }

    /// The next input: of ten, eight are damaged ones, one is valid, one is random.
    pub fn next_input(&mut self) -> &[u8] {
        self.input.clear();
        let seed = self.below(self.seeds.len());
        match self.below(10) {
            0 => {
                let len = self.below(64);
                self.input.resize(len, 0);
                self.random.fill_bytes(&mut self.input);
            }
            1 => self.input.extend_from_slice(&self.seeds[seed]),
            _ => {
                self.input.extend_from_slice(&self.seeds[seed]);
                for _ in 0..=self.below(4) {
                    self.damage();
                }
            }
        }
        &self.input
    }

    fn damage(&mut self) {
        let len = self.input.len();
        let (from, to) = (self.below(len + 1), self.below(len + 1));
        let (from, to) = (from.min(to), from.max(to).min(from.min(to) + 24));
        match self.below(7) {
            0 if len > 0 => {
                let at = self.below(len);
                self.input[at] ^= 1 << self.below(8);
            }
            1 => self.input.truncate(from),
            2 => drop(self.input.drain(from..to)),
            3 if len < 4096 => {
                let again = self.input[from..to].to_vec();
                self.input.splice(to..to, again);
            }
            4 => {
                let piece = PIECES[self.below(PIECES.len())];
                self.input.splice(from..to, piece.iter().copied());
            }
            5 => {
                let piece = PIECES[self.below(PIECES.len())];
                self.input.splice(from..from, piece.iter().copied());
            }
            _ => {
                let other = self.below(self.seeds.len());
                let cut = self.below(self.seeds[other].len() + 1);
                self.input.truncate(from);
                self.input.extend_from_slice(&self.seeds[other][cut..]);
            }
        }
    }
}

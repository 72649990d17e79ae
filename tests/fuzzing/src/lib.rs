//! Millions of inputs for what reads bytes from outside: damaged, odd, random; the same for the same seed.
//!
//! What has to hold for each of them: no panic; no reading that the payload does not hold, as an independent
//! reader sees it; as many faults as are said at most; and memory bounded by the input's length. What is
//! remembered from one input to the next is bounded as well.

pub mod inputs;
pub mod memory;
pub mod oracles;
mod properties;
mod recordings;
mod scans;
pub mod targets;

use inputs::Inputs;
use targets::Target;

/// Bytes that an input may take while it is read, beside a share for each of its own.
const PER_INPUT: isize = 1 << 16;
/// Bytes for each byte of an input.
const PER_BYTE: isize = 256;

/// What came of a target's inputs.
#[derive(Debug, Clone, Copy, Default)]
pub struct Tally {
    /// How many there were.
    pub inputs: u64,
    /// Readings, events and values that they gave.
    pub taken: u64,
    /// Faults that they gave.
    pub faults: u64,
    /// The most bytes that one of them took while it was read.
    pub most: isize,
    /// Bytes that are remembered at the end.
    pub remembered: isize,
}

/// Runs so many inputs of a target.
pub fn run(target: &mut dyn Target, seed: u64, count: u64) -> Tally {
    let mut inputs = Inputs::new(seed, target.seeds());
    let mut tally = Tally::default();
    let begun = memory::held();
    for n in 0..count {
        let input = inputs.next_input();
        let (outcome, most) = memory::most(|| target.read(input));
        let len = isize::try_from(input.len()).expect("short");
        let bound = target.bound(input) + PER_INPUT + PER_BYTE * len;
        // The tables of what is remembered grow by doubling, now and then.
        let growth = (memory::held() - begun).max(0) * 3;
        assert!(
            most <= bound + growth,
            "{}: input {n} of seed {seed} took {most} bytes, {bound} allowed: {:?}",
            target.name(),
            String::from_utf8_lossy(input)
        );
        if let Err(words) = target.judge(input) {
            panic!(
                "{}: input {n} of seed {seed}: {words}\n{:?}\n{input:?}",
                target.name(),
                String::from_utf8_lossy(input)
            );
        }
        tally.taken += outcome.taken;
        tally.faults += outcome.faults;
        tally.most = tally.most.max(most);
    }
    tally.inputs = count;
    tally.remembered = memory::held() - begun;
    let allowed = target.remembered();
    assert!(
        tally.remembered <= allowed,
        "{}: {} bytes are remembered, {allowed} allowed",
        target.name(),
        tally.remembered
    );
    tally
}

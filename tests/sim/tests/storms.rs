//! Many seeds, each a storm of events that are late, repeated, shuffled, lost and contradicted.
//!
//! `ONSPEC_STORMS` says how many (500), `ONSPEC_FIRST` from which on (1).

#![expect(clippy::print_stdout, reason = "figures are for people to read")]

use onspec_sim::seeds::{number, run_all};
use onspec_sim::storm::{Tally, Violation, run};

/// Violations that are told at once.
const TOLD: usize = 5;

fn tell(violation: &Violation) -> String {
    let Violation { seed, words, events } = violation;
    format!(
        "seed {seed}: {words}\n\nits events, as they came, beside a reading every ten seconds:\n{}\n\nit alone: \
         tests/storms 1 {seed}\n",
        events.join("\n")
    )
}

/// In how many storms something happened.
fn share(storms: &[Tally], what: &str, happened: impl Fn(&Tally) -> u64) -> usize {
    let n = storms.iter().filter(|tally| happened(tally) > 0).count();
    let sum: u64 = storms.iter().map(happened).sum();
    println!("{what:<42} {sum:>8} in {n:>6} storms");
    n
}

#[test]
fn no_order_of_events_changes_what_is_known_in_the_end() {
    let first = number("ONSPEC_FIRST").unwrap_or(1);
    let n = number("ONSPEC_STORMS").unwrap_or(500);
    let outcomes = run_all(first..first + n, run, |_| false);
    let storms: Vec<Tally> =
        outcomes.iter().filter_map(|(_, outcome)| outcome.as_ref().ok().copied()).collect();
    let violations: Vec<&Violation> =
        outcomes.iter().filter_map(|(_, outcome)| outcome.as_ref().err()).collect();
    println!("{n} storms, {} with a violation", violations.len());
    let happened = [
        share(&storms, "events", |tally| tally.events),
        share(&storms, "of those, again", |tally| tally.repeated),
        share(&storms, "batches", |tally| tally.batches),
        share(&storms, "of stations", |tally| tally.of_stations),
        share(&storms, "whose beginning nobody told", |tally| tally.unknown_begin),
        share(&storms, "void, or part of another one", |tally| tally.void),
        share(&storms, "with laboratory results", |tally| tally.measured),
        share(&storms, "flagged", |tally| tally.flagged),
        share(&storms, "that went through phases", |tally| tally.phased),
        share(&storms, "with sections", |tally| tally.sheets),
        share(&storms, "of which something comes off", |tally| tally.slabs),
        share(&storms, "records of batches", |tally| tally.revisions),
        share(&storms, "events that were refused", |tally| tally.faults),
    ];
    let told: Vec<String> = violations.iter().take(TOLD).map(|one| tell(one)).collect();
    assert!(violations.is_empty(), "{}", told.join("\n"));
    // A storm in which a thing never happens says nothing about it.
    let all_happened = happened.iter().all(|n| *n > 0);
    assert!(all_happened || n < 500, "something never happened, see above");
}

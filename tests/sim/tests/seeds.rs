//! Many seeds, each a world in which everything that can go wrong does, and bugs that they have to
//! find.
//!
//! `ONSPEC_SEEDS` says how many (200), `ONSPEC_FIRST` from which on (1); with `ONSPEC_SEED` it is one,
//! and its steps are printed.

#![expect(clippy::print_stdout, reason = "figures are for people to read")]

use onspec_sim::seeds::{number, run_all};
use onspec_sim::{Bug, Tally, Violation, run};

/// A bug has to be found within so many seeds.
const CANARY_SEEDS: u64 = 200;

fn tell(violation: &Violation) -> String {
    let last = violation.steps.len().saturating_sub(20);
    format!(
        "seed {seed}: {words}\n\nthe last steps:\n{steps}\n\nall of them: ONSPEC_SEED={seed} cargo test \
         --locked --workspace --test seeds -- --nocapture no_promise\n",
        seed = violation.seed,
        words = violation.words,
        steps = violation.steps[last..].join("\n"),
    )
}

/// How many of the worlds something happened in.
fn share(worlds: &[Tally], what: &str, happened: impl Fn(&Tally) -> u64) -> u64 {
    let n = worlds.iter().filter(|tally| happened(tally) > 0).count() as u64;
    let sum: u64 = worlds.iter().map(happened).sum();
    println!("{what:<42} {sum:>7} in {n:>5} worlds");
    n
}

#[test]
fn no_promise_is_broken_in_any_world() {
    let only = number("ONSPEC_SEED");
    let first = only.or(number("ONSPEC_FIRST")).unwrap_or(1);
    let n = if only.is_some() { 1 } else { number("ONSPEC_SEEDS").unwrap_or(200) };
    let outcomes = run_all(first..first + n, |seed| run(seed, Bug::None), |_| false);
    if only.is_some() {
        let (Ok((_, steps)) | Err(Violation { steps, .. })) = &outcomes[0].1;
        println!("{}", steps.join("\n"));
    }
    let mut worlds = Vec::new();
    let mut violations = Vec::new();
    for (_, outcome) in &outcomes {
        match outcome {
            Ok((tally, _)) => worlds.push(*tally),
            Err(violation) => violations.push(tell(violation)),
        }
    }
    println!("{} worlds, {} with a violation", outcomes.len(), violations.len());
    let happened = [
        share(&worlds, "starts", |tally| tally.lives),
        share(&worlds, "kills", |tally| tally.kills),
        share(&worlds, "power cuts", |tally| tally.power_cuts),
        share(&worlds, "refusals after a failure of the disk", |tally| tally.refusals),
        share(&worlds, "ends for want of room", |tally| tally.full),
        share(&worlds, "messages committed", |tally| tally.messages),
        share(&worlds, "of those, again", |tally| tally.repeated),
        share(&worlds, "commits whose end nobody saw, found after", |tally| tally.doubts_committed),
        share(&worlds, "lines dropped for room", |tally| tally.dropped),
        share(&worlds, "lines and events refused for good", |tally| tally.parked),
        share(&worlds, "events heard by receivers", |tally| tally.events),
        share(&worlds, "models that came to judge", |tally| tally.models),
    ];
    assert!(violations.is_empty(), "{}", violations.join("\n"));
    // A simulation in which a thing never happens says nothing about it.
    let all_happened = happened.iter().all(|n| *n > 0);
    assert!(all_happened || outcomes.len() < 200, "something never happened, see above");
}

#[test]
fn a_seed_gives_the_same_steps_every_time() {
    for seed in [3, 8, 14, 21, 29, 30, 43, 44] {
        let steps = |outcome: Result<(Tally, Vec<String>), Violation>| match outcome {
            Ok((tally, steps)) => (Some(tally), steps),
            Err(violation) => (None, violation.steps),
        };
        assert_eq!(steps(run(seed, Bug::None)), steps(run(seed, Bug::None)), "seed {seed}");
    }
}

/// Returns the first seed that finds a bug of the harness.
#[track_caller]
fn find(bug: Bug) {
    let outcomes = run_all(1..CANARY_SEEDS + 1, |seed| run(seed, bug), Result::is_err);
    let found = outcomes.iter().find_map(|(_, outcome)| outcome.as_ref().err());
    let found = found.unwrap_or_else(|| panic!("{bug:?} was not found in {CANARY_SEEDS} seeds"));
    let words: String = found.words.chars().take(200).collect();
    println!("{bug:?} was found at seed {}: {words}", found.seed);
}

#[test]
fn messages_acknowledged_before_they_are_committed_are_found() {
    find(Bug::AcknowledgesEarly);
}

#[test]
fn a_checkpoint_of_an_older_state_is_found() {
    find(Bug::StaleCheckpoint);
}

#[test]
fn a_disk_whose_sync_does_nothing_is_found() {
    find(Bug::SyncLies);
}

#[test]
fn a_start_that_trusts_a_log_which_is_not_on_the_disk_is_found() {
    find(Bug::TrustsTheLog);
}

//! The simulated tissue machine: faults that it makes by itself, on seeds that nothing was tuned on.

use std::process::Command;

/// Mills, and the batches of each that are scored.
const SEEDS: &str = "4";
const FIRST: &str = "911";
const BATCHES: &str = "40";

/// Prints what was caught and what was flagged falsely, beside those who watch the same reels.
pub(crate) fn run() {
    println!("\nTissue machine, seeds from {FIRST} on, {SEEDS} mills with {BATCHES} batches each");
    let output = Command::new(env!("CARGO_BIN_EXE_onspec"))
        .args(["demo", "--exit", "--json", "--port", "0"])
        .args(["--seeds", SEEDS, "--seed", FIRST, "--batches", BATCHES])
        .output()
        .expect("the program starts");
    let scored: serde_json::Value =
        serde_json::from_slice(&output.stdout).expect("the demo prints one document");
    let number = |of: &serde_json::Value, key: &str| of[key].as_u64().unwrap_or(0);
    let line = |name: &str, of: &serde_json::Value| {
        println!(
            "{name:<44} {:>3} of {} caught, {:>3} of {} good ones flagged",
            number(of, "caught"),
            number(&scored, "off_spec"),
            number(of, "false_flags"),
            number(&scored, "good")
        );
    };
    line("onspec", &scored);
    println!(
        "{:<44} {:>3} of {} flagged faults named right, {} among the first three",
        "first mover",
        number(&scored, "first_mover_right"),
        number(&scored, "faults_flagged"),
        number(&scored, "first_mover_in_three")
    );
    for watcher in scored["watchers"].as_array().into_iter().flatten() {
        let name = watcher["name"].as_str().unwrap_or("-");
        line(&format!("{name}, with as many false flags"), watcher);
    }
}

//! More than is kept: what has no room is counted, and nothing else is lost.

use super::history::History;
use super::runner::Runner;
use super::told::{Told, What};
use super::watch::{Wrong, holds};

/// What is kept of each kind, and may wait: ARCHITECTURE.md, "Limits".
const KEPT: usize = 1000;

const MORE: usize = 50;

/// Results for a batch that is known, and as many for one that is not until all of them came.
pub(super) fn flood(history: &History) -> Wrong {
    let mut runner = Runner::new(history);
    let known = Told::new(0, "KNOWN", What::Start(None));
    let result = |batch: &str, n: usize| {
        let property = format!("brightness-{n}");
        Told::new(1, batch, What::Lab { property, value: 80_000, unit: None, position: None })
    };
    let mut events = vec![known];
    for batch in ["KNOWN", "LATER"] {
        events.extend((0..KEPT + MORE).map(|n| result(batch, n)));
    }
    events.push(Told::new(2, "LATER", What::Start(None)));
    runner.play(&events)?;
    for (batch, words) in [("KNOWN", "laboratory results"), ("LATER", "for batches")] {
        let kept = runner.records()[batch].lab.len();
        let counted = runner.faults(words).filter(|fault| fault.contains(batch)).count();
        holds(kept == KEPT && counted == MORE, || {
            format!("of {} results of `{batch}` {kept} are kept, {counted} counted", KEPT + MORE)
        })?;
    }
    Ok(())
}

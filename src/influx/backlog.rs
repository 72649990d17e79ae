//! What to send next of an outbox.
//!
//! In order, except when readings have piled up: then the newest and the oldest entries take turns,
//! so that a dashboard shows the present while the past is caught up. That must not change what
//! the server ends up with. Of two different values of one tag at one time the later arrival stays:
//! an entry that may hold a second value says so by its key, [`IN_ORDER`], and never overtakes.

use super::IN_ORDER;
use crate::store::{Item, Outbox, Pending, StoreError};

/// With more requests than this waiting, readings have piled up.
const PILE_REQUESTS: u64 = 4;
/// A guess at the length of a line that is not too short, for what to read from the store at once.
const LINE_BYTES: usize = 256;
/// The most bytes of a request beyond its first entry, as InfluxDB 3 wants it.
const BYTES_MAX: usize = 8 << 20;
const BYTES_MIN: usize = 64 << 10;

/// Which end of a pile comes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    Newest,
    Oldest,
}

/// The next entries to send, at least one if there is one: together at most `lines_max` lines,
/// unless a single entry has more. `turn` is `None` for an outbox whose order is sacred.
pub(super) fn next_items(
    outbox: &dyn Outbox,
    lines_max: usize,
    turn: Option<Turn>,
) -> Result<Vec<Item>, StoreError> {
    let pending = outbox.pending()?;
    let bytes_max = lines_max.saturating_mul(LINE_BYTES).clamp(BYTES_MIN, BYTES_MAX);
    let items_max = items_max(pending, lines_max);
    if turn == Some(Turn::Newest) && is_pile(pending, lines_max) {
        let mut items = outbox.newest(items_max, bytes_max)?;
        items.retain(|item| item.key != IN_ORDER);
        items.reverse();
        let mut items = up_to(items, lines_max);
        items.reverse();
        if !items.is_empty() {
            return Ok(items);
        }
    }
    Ok(up_to(outbox.oldest(0, items_max, bytes_max)?, lines_max))
}

fn is_pile(pending: Pending, lines_max: usize) -> bool {
    pending.count > PILE_REQUESTS.saturating_mul(lines_max as u64)
}

/// How many entries of the usual size make a request.
fn items_max(pending: Pending, lines_max: usize) -> usize {
    let lines = (pending.count / pending.items.max(1)).max(1);
    usize::try_from(lines_max as u64 / lines).unwrap_or(usize::MAX).saturating_add(1)
}

fn up_to(mut items: Vec<Item>, lines_max: usize) -> Vec<Item> {
    let mut lines = 0_usize;
    let fits = items.iter().take_while(|item| {
        lines = lines.saturating_add(item.count as usize);
        lines <= lines_max
    });
    let fits = fits.count().max(1);
    items.truncate(fits);
    items
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::fake::FakeOutbox;

    #[track_caller]
    fn check(entries: &[&str], lines_max: usize, turn: Option<Turn>, expected: &[i64]) {
        let outbox = FakeOutbox::with(entries.iter().copied());
        let items = next_items(&*outbox, lines_max, turn).unwrap();
        assert_eq!(items.iter().map(|item| item.id).collect::<Vec<_>>(), expected);
    }

    const TWO: &str = "m v=1\nm v=2\n";

    #[test]
    fn entries_are_merged_up_to_the_lines_of_a_request() {
        check(&[], 5, None, &[]);
        check(&[TWO], 1, None, &[1]);
        check(&[TWO, TWO, TWO], 5, None, &[1, 2]);
        check(&[TWO, TWO, TWO], 6, None, &[1, 2, 3]);
        check(&[TWO, TWO, TWO], 6, Some(Turn::Newest), &[1, 2, 3]);
    }

    #[test]
    fn a_pile_is_sent_from_both_ends() {
        let pile = [TWO; 12];
        check(&pile, 5, Some(Turn::Newest), &[11, 12]);
        check(&pile, 5, Some(Turn::Oldest), &[1, 2]);
        check(&pile, 5, None, &[1, 2]);
    }

    #[test]
    fn an_entry_that_may_replace_a_value_never_overtakes() {
        let outbox = FakeOutbox::with([TWO; 11]);
        outbox.push(IN_ORDER, TWO);
        let newest = |outbox: &FakeOutbox| {
            let items = next_items(outbox, 5, Some(Turn::Newest)).unwrap();
            items.iter().map(|item| item.id).collect::<Vec<_>>()
        };
        assert_eq!(newest(&outbox), [10, 11]);
        let outbox = FakeOutbox::new();
        for _ in 0..15 {
            outbox.push(IN_ORDER, TWO);
        }
        assert_eq!(newest(&outbox), [1, 2]);
    }
}

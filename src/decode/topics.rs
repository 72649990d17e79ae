//! What is known of topics and series, found again without a text being built or copied.

use super::limits::{CACHED_TOPICS, REMEMBERED_BYTES_MAX};
use std::sync::Arc;
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// What is known of texts that come over and over.
///
/// A text is found by its hash, which is compared faster than long texts that begin alike. Of two texts
/// with one hash the first is remembered.
#[derive(Debug)]
pub(super) struct Remembered<T> {
    /// A power of two, of which half are free. An entry stands at the end of its hash, or, where that is
    /// taken, a few slots behind.
    slots: Vec<Option<Slot>>,
    entries: Vec<(Arc<str>, T)>,
}

#[derive(Debug, Clone, Copy)]
struct Slot {
    hash: u64,
    place: u32,
}

/// Slots that are looked at for a text. Half of them free, this many are almost never taken in a row,
/// unless somebody chooses topics to that end; such a topic is not remembered.
const LOOKED_MAX: usize = 64;

impl<T> Remembered<T> {
    pub(super) fn new() -> Self {
        Self { slots: vec![None; 16], entries: Vec::new() }
    }

    /// The slots in which a hash may stand.
    fn slots_of(&self, hash: u64) -> impl Iterator<Item = usize> + use<T> {
        let last = self.slots.len() - 1;
        #[expect(clippy::cast_possible_truncation, reason = "the end of the hash is enough")]
        let first = hash as usize;
        (0..LOOKED_MAX.min(last)).map(move |step| first.wrapping_add(step) & last)
    }

    /// The free slot for a hash; `None` if it stands there already, or too many are taken.
    fn free(&self, hash: u64) -> Option<usize> {
        for at in self.slots_of(hash) {
            match self.slots.get(at)? {
                None => return Some(at),
                Some(taken) if taken.hash == hash => return None,
                Some(_) => {}
            }
        }
        None
    }

    fn put(&mut self, slot: Slot) -> bool {
        let free = self.free(slot.hash).and_then(|at| self.slots.get_mut(at));
        free.map(|free| *free = Some(slot)).is_some()
    }

    fn grow(&mut self) {
        let twice = vec![None; self.slots.len() * 2];
        for slot in std::mem::replace(&mut self.slots, twice).into_iter().flatten() {
            self.put(slot);
        }
    }

    /// The place of what is known of a text of this kind. Kinds are numbered by whoever remembers.
    pub(super) fn find(&self, kind: u64, text: &str) -> Option<usize> {
        let hash = xxh3_64_with_seed(text.as_bytes(), kind);
        let mut taken = self.slots_of(hash).map_while(|at| *self.slots.get(at)?);
        let place = taken.find(|slot| slot.hash == hash)?.place as usize;
        let (known, _) = self.entries.get(place)?;
        (**known == *text).then_some(place)
    }

    /// What is known at a place.
    pub(super) fn get(&self, place: usize) -> Option<&T> {
        self.entries.get(place).map(|(_, what)| what)
    }

    /// What is known at a place, to learn more.
    pub(super) fn get_mut(&mut self, place: usize) -> Option<&mut T> {
        self.entries.get_mut(place).map(|(_, what)| what)
    }

    /// Remembers it, up to a bound; a text that is very long is not worth it.
    pub(super) fn insert(&mut self, kind: u64, text: Arc<str>, what: T) {
        if self.entries.len() < CACHED_TOPICS && text.len() <= REMEMBERED_BYTES_MAX {
            if self.entries.len() * 2 >= self.slots.len() {
                self.grow();
            }
            let hash = xxh3_64_with_seed(text.as_bytes(), kind);
            let place = u32::try_from(self.entries.len()).expect("bounded by `CACHED_TOPICS`");
            if self.put(Slot { hash, place }) {
                self.entries.push((text, what));
            }
        }
    }

    /// How much is remembered.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_kept_apart_and_the_first_one_stays() {
        let mut known = Remembered::new();
        known.insert(0, "a".into(), 1);
        known.insert(1, "a".into(), 2);
        known.insert(0, "a".into(), 3);
        let get = |kind, text: &str| known.find(kind, text).and_then(|place| known.get(place));
        assert_eq!((get(0, "a"), get(1, "a"), get(0, "b")), (Some(&1), Some(&2), None));
        known.insert(0, "a".repeat(REMEMBERED_BYTES_MAX + 1).into(), 4);
        assert_eq!(known.len(), 2);
    }

    #[test]
    fn all_are_found_again_however_many_there_are() {
        let mut known = Remembered::new();
        for n in 0..CACHED_TOPICS + 10 {
            known.insert(0, format!("mill/tm3/dry/tag-{n}").into(), n);
        }
        let missing = (0..CACHED_TOPICS).filter(|n| {
            let place = known.find(0, &format!("mill/tm3/dry/tag-{n}"));
            place.and_then(|place| known.get(place)) != Some(n)
        });
        assert_eq!((missing.count(), known.len()), (0, CACHED_TOPICS));
    }

    #[test]
    fn texts_that_want_one_slot_are_not_looked_for_for_long() {
        let mut known = Remembered::<()>::new();
        known.slots = vec![None; 1024];
        let taken = (0..200).filter(|n| known.put(Slot { hash: n << 32 | 7, place: 0 }));
        assert_eq!(taken.count(), LOOKED_MAX);
    }
}

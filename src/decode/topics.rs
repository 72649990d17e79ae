//! What is known of topics and series, found again without a text being built or copied.

use super::limits::{CACHED_TOPICS, REMEMBERED_BYTES_MAX};
use std::collections::BTreeMap;
use std::sync::Arc;
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// What is known of texts that come over and over.
///
/// A text is found by its hash, which is compared faster than long texts that begin alike. Of two texts
/// with one hash the first is remembered.
#[derive(Debug)]
pub(super) struct Remembered<T> {
    by_hash: BTreeMap<u64, usize>,
    entries: Vec<(Arc<str>, T)>,
}

impl<T> Remembered<T> {
    pub(super) fn new() -> Self {
        Self { by_hash: BTreeMap::new(), entries: Vec::new() }
    }

    /// The place of what is known of a text of this kind. Kinds are numbered by whoever remembers.
    pub(super) fn find(&self, kind: u64, text: &str) -> Option<usize> {
        let place = *self.by_hash.get(&xxh3_64_with_seed(text.as_bytes(), kind))?;
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
            let hash = xxh3_64_with_seed(text.as_bytes(), kind);
            if let std::collections::btree_map::Entry::Vacant(free) = self.by_hash.entry(hash) {
                free.insert(self.entries.len());
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
}

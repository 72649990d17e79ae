//! Names that payloads give, each kept once: a source sends the same ones over and over.

use super::limits::{CACHED_TOPICS, NAME_BYTES_MAX, fault, found};
use super::{Fault, Reason};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Places of a payload whose names are remembered in order.
const RECENT_MAX: usize = 4096;

/// The names that were seen.
#[derive(Debug, Default)]
pub(super) struct Interner {
    known: BTreeSet<Arc<str>>,
    /// The names of the payload before, in order: the next one mostly has them at the same places.
    recent: Vec<Arc<str>>,
    next: usize,
}

impl Interner {
    /// A payload begins.
    pub(super) fn begin(&mut self) {
        self.next = 0;
    }

    /// The name as it is kept. One that is empty, too long or has control characters is refused: it
    /// would stand in series and in the log.
    pub(super) fn name(&mut self, text: &str, reason: Reason) -> Result<Arc<str>, Fault> {
        let place = self.next;
        self.next += 1;
        if let Some(recent) = self.recent.get(place).filter(|recent| ***recent == *text) {
            return Ok(Arc::clone(recent));
        }
        let name = if let Some(known) = self.known.get(text) {
            Arc::clone(known)
        } else {
            let name = checked(text, reason)?;
            if self.known.len() < CACHED_TOPICS {
                self.known.insert(Arc::clone(&name));
            }
            name
        };
        if let Some(recent) = self.recent.get_mut(place) {
            *recent = Arc::clone(&name);
        } else if place < RECENT_MAX && place == self.recent.len() {
            self.recent.push(Arc::clone(&name));
        }
        Ok(name)
    }
}

/// A name that may stand in series and logs.
///
/// # Errors
/// With `reason`, when it is empty, too long or has control characters.
pub fn checked(text: &str, reason: Reason) -> Result<Arc<str>, Fault> {
    if text.is_empty() {
        return Err(fault(reason, "a name is empty"));
    }
    if text.len() > NAME_BYTES_MAX {
        let detail = format!("a name has {} bytes, {NAME_BYTES_MAX} allowed", text.len());
        return Err(fault(reason, detail));
    }
    if text.contains(char::is_control) {
        let detail = format!("a name has a control character: `{}`", found(text));
        return Err(fault(reason, detail));
    }
    Ok(text.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_names_are_one_and_bad_ones_are_refused() {
        let mut names = Interner::default();
        let mut read = |text: &str| names.name(text, Reason::MissingValue);
        let first = read("steam").unwrap();
        assert!(Arc::ptr_eq(&first, &read("steam").unwrap()));
        assert!(read("").unwrap_err().detail.contains("empty"));
        assert!(read("a\nb").unwrap_err().detail.contains("control character: `a\\nb`"));
        assert!(read(&"x".repeat(257)).unwrap_err().detail.contains("257 bytes, 256 allowed"));
        names.begin();
        assert!(Arc::ptr_eq(&first, &names.name("steam", Reason::MissingValue).unwrap()));
        let other = names.name("dryer", Reason::MissingValue).unwrap();
        assert_eq!(&*other, "dryer");
    }

    #[test]
    fn memory_is_bounded() {
        let mut names = Interner::default();
        for n in 0..CACHED_TOPICS + 10 {
            assert_eq!(*names.name(&n.to_string(), Reason::WrongType).unwrap(), *n.to_string());
        }
        assert_eq!((names.known.len(), names.recent.len()), (CACHED_TOPICS, RECENT_MAX));
    }
}

//! What was counted of a batch lately, entry by entry, so that it can be counted again with readings that
//! came late.
//!
//! Entries within the horizon are kept one by one; what is older is folded into one [`Product`]. Counting
//! the entries again over that product, with the values that are known now, gives the batch as it would be
//! had every reading come in time. Who has the values does the counting.

use super::product::Product;
use crate::reading::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

/// Something that was counted.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub enum Entry {
    /// A frame of product.
    Made {
        /// Its begin.
        start: Timestamp,
        /// Its end.
        end: Timestamp,
    },
    /// So many seconds that nobody saw.
    Unseen(f64),
    /// What follows does not go on from what was seen last.
    Blind,
}

/// What was counted of a batch.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Past {
    /// What is older than the entries.
    pub base: Product,
    /// The quality tags that flagged the batch then.
    pub flags: BTreeSet<Arc<str>>,
    /// What was counted since, oldest first.
    pub entries: VecDeque<Entry>,
}

impl Past {
    /// That of a batch that begins.
    #[must_use]
    pub fn of_batch() -> Self {
        Self::from_now(&Product::of_batch(), BTreeSet::new())
    }

    /// A past that begins now: nothing before can be counted again.
    #[must_use]
    pub fn from_now(product: &Product, flags: BTreeSet<Arc<str>>) -> Self {
        Self { base: product.clone(), flags, entries: VecDeque::new() }
    }

    /// True if nothing of it can be counted again.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.entries.is_empty()
    }

    /// Takes the oldest entry, if it was over at this instant.
    pub fn take_older(&mut self, edge: Timestamp) -> Option<Entry> {
        match self.entries.front()? {
            Entry::Made { end, .. } if *end > edge => None,
            _ => self.entries.pop_front(),
        }
    }
}

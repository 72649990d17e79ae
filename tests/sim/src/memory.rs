//! A piece of memory that connections share: SQLite's index of its write-ahead log.
#![expect(unsafe_code, reason = "SQLite wants an address at which all connections read and write")]

use std::alloc::{Layout, alloc_zeroed, dealloc, handle_alloc_error};
use std::ptr::NonNull;

/// Zeroed memory at an address that stays. SQLite alone reads and writes it, under its own locks.
#[derive(Debug)]
pub(crate) struct Region {
    at: NonNull<u8>,
    layout: Layout,
}

// SAFETY: nothing here reads or writes the memory; SQLite does, and orders that by its locks.
unsafe impl Send for Region {}
// SAFETY: as above.
unsafe impl Sync for Region {}

impl Region {
    pub(crate) fn new(size: usize) -> Self {
        let layout = Layout::from_size_align(size.max(1), 64).expect("a region is small");
        // SAFETY: the layout has a size.
        let at = unsafe { alloc_zeroed(layout) };
        Self { at: NonNull::new(at).unwrap_or_else(|| handle_alloc_error(layout)), layout }
    }

    pub(crate) fn address(&self) -> *mut u8 {
        self.at.as_ptr()
    }
}

impl Drop for Region {
    fn drop(&mut self) {
        // SAFETY: it was allocated with this layout, and nobody else frees it.
        unsafe { dealloc(self.at.as_ptr(), self.layout) }
    }
}

//! Who holds what of a file: SQLite's five locks, the eight of its shared memory, and the memory.

use crate::memory::Region;
use rusqlite::ffi;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::c_int;
use std::sync::Arc;

/// An open file, among all there ever were.
pub(crate) type User = u64;

/// The locks of a database file.
#[derive(Debug, Default)]
pub(crate) struct FileLocks(BTreeMap<User, c_int>);

impl FileLocks {
    fn others(&self, user: User) -> c_int {
        let others = self.0.iter().filter(|(other, _)| **other != user);
        others.map(|(_, level)| *level).max().unwrap_or(ffi::SQLITE_LOCK_NONE)
    }

    /// Raises a user's lock to a level.
    pub(crate) fn raise(&mut self, user: User, level: c_int) -> Result<(), c_int> {
        let held = self.0.get(&user).copied().unwrap_or(ffi::SQLITE_LOCK_NONE);
        if held >= level {
            return Ok(());
        }
        let others = self.others(user);
        let free = match level {
            ffi::SQLITE_LOCK_SHARED => others < ffi::SQLITE_LOCK_PENDING,
            ffi::SQLITE_LOCK_RESERVED => others < ffi::SQLITE_LOCK_RESERVED,
            _ => others == ffi::SQLITE_LOCK_NONE,
        };
        if free {
            self.0.insert(user, level);
            return Ok(());
        }
        if level == ffi::SQLITE_LOCK_EXCLUSIVE && others == ffi::SQLITE_LOCK_SHARED {
            // No new reader comes in while this one waits for the last to go.
            self.0.insert(user, ffi::SQLITE_LOCK_PENDING);
        }
        Err(ffi::SQLITE_BUSY)
    }

    /// Lowers a user's lock to a level.
    pub(crate) fn lower(&mut self, user: User, level: c_int) {
        if level == ffi::SQLITE_LOCK_NONE {
            self.0.remove(&user);
        } else {
            self.0.insert(user, level);
        }
    }

    /// True if somebody is about to write.
    pub(crate) fn reserved(&self) -> bool {
        self.0.values().any(|level| *level >= ffi::SQLITE_LOCK_RESERVED)
    }
}

/// The memory that the users of a database share, and its locks.
#[derive(Debug, Default)]
pub(crate) struct SharedMemory {
    users: BTreeSet<User>,
    regions: Vec<Arc<Region>>,
    shared: BTreeMap<c_int, BTreeSet<User>>,
    exclusive: BTreeMap<c_int, User>,
}

impl SharedMemory {
    /// A region; `None` if there is none and it is not to be made.
    pub(crate) fn map(
        &mut self,
        user: User,
        region: usize,
        size: usize,
        make: bool,
    ) -> Option<Arc<Region>> {
        self.users.insert(user);
        while make && self.regions.len() <= region {
            self.regions.push(Arc::new(Region::new(size)));
        }
        self.regions.get(region).map(Arc::clone)
    }

    /// The user is gone; with the last one the memory goes.
    pub(crate) fn unmap(&mut self, user: User) {
        self.users.remove(&user);
        for users in self.shared.values_mut() {
            users.remove(&user);
        }
        self.exclusive.retain(|_, holder| *holder != user);
        if self.users.is_empty() {
            self.regions.clear();
        }
    }

    /// Takes or releases some of the locks, all or none.
    pub(crate) fn lock(&mut self, user: User, first: c_int, n: c_int, how: c_int) -> c_int {
        let slots = first..first + n;
        let exclusive = how & ffi::SQLITE_SHM_EXCLUSIVE != 0;
        if how & ffi::SQLITE_SHM_UNLOCK != 0 {
            for slot in slots {
                if exclusive {
                    self.exclusive.remove(&slot);
                } else if let Some(users) = self.shared.get_mut(&slot) {
                    users.remove(&user);
                }
            }
            return ffi::SQLITE_OK;
        }
        let taken = |slot: c_int| {
            let written = self.exclusive.get(&slot).is_some_and(|holder| *holder != user);
            let read = self.shared.get(&slot).is_some_and(|users| users.iter().any(|u| *u != user));
            written || (exclusive && read)
        };
        if slots.clone().any(taken) {
            return ffi::SQLITE_BUSY;
        }
        for slot in slots {
            if exclusive {
                self.exclusive.insert(slot, user);
            } else {
                self.shared.entry(slot).or_default().insert(user);
            }
        }
        ffi::SQLITE_OK
    }
}

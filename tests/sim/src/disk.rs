//! A disk in memory that fails as disks do.
//!
//! What was written is seen at once, and is safe only when it was synced: each file keeps beside
//! what it holds now what is on the platter, and the changes between the two. A process that dies
//! loses nothing of what it wrote; a power cut loses any part of the changes, in sectors. The names
//! in the directory are journaled by the file system: they become safe in their order, and all of
//! them at any sync.
//!
//! Every call that changes something is a step. [`Faults`] says at which steps what goes wrong.
//! After a crash the disk is dead: every call fails and changes nothing, and what is left is a new
//! disk, [`Disk::after_crash`]. So the process that died can be taken apart without harm.

use crate::locks::{FileLocks, SharedMemory};
use crate::random::Random;
use rusqlite::ffi;
use std::collections::BTreeMap;
use std::ffi::c_int;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What is written whole, or not at all.
const SECTOR: usize = 512;
/// What the system's cache holds and writes as one.
const PAGE: usize = 4096;

/// How the process came to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Crash {
    /// It was killed: the system still has what it wrote.
    Process,
    /// The power failed: only what was synced is sure.
    Power,
}

/// What a disk does at a step instead of its work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The process ends in the middle of it.
    Crash(Crash),
    /// The first sync from here on fails.
    SyncFails,
    /// The first write from here on fails.
    WriteFails,
    /// So many writes that would make a file longer find no room. The first writes a part.
    Full(u64),
}

/// What goes wrong, and at which step.
#[derive(Debug, Clone, Default)]
pub struct Faults(BTreeMap<u64, Fault>);

impl Faults {
    /// At that step from now on.
    pub fn at(&mut self, step: u64, fault: Fault) {
        self.0.insert(step, fault);
    }
}

/// A disk.
#[derive(Debug)]
pub struct Disk(Mutex<State>);

#[derive(Debug)]
struct State {
    files: BTreeMap<String, File>,
    /// Changes of the directory that are not safe yet.
    names: Vec<NameChange>,
    faults: Faults,
    random: Random,
    steps: u64,
    sync_fails: bool,
    write_fails: bool,
    no_room_for: u64,
    lies: bool,
    dead: Option<Crash>,
    /// What went wrong since this was last asked.
    news: Vec<String>,
}

#[derive(Debug)]
enum NameChange {
    Created(String),
    Removed(String, File),
}

#[derive(Debug, Default)]
struct File {
    now: Vec<u8>,
    safe: Vec<u8>,
    changes: Vec<Change>,
    locks: FileLocks,
    memory: SharedMemory,
}

#[derive(Debug, Clone)]
enum Change {
    Write(usize, Vec<u8>),
    Length(usize),
}

impl Change {
    fn apply(&self, bytes: &mut Vec<u8>) {
        match self {
            Self::Write(at, data) => put(bytes, *at, data),
            Self::Length(len) => bytes.resize(*len, 0),
        }
    }

    /// Applies any part of it.
    fn tear(&self, bytes: &mut Vec<u8>, random: &mut Random) {
        let Self::Write(at, data) = self else { return self.apply(bytes) };
        let mut from = *at;
        while from < at + data.len() {
            let to = (from / SECTOR * SECTOR + SECTOR).min(at + data.len());
            if random.percent(50) {
                put(bytes, from, &data[from - at..to - at]);
            }
            from = to;
        }
    }
}

fn put(bytes: &mut Vec<u8>, at: usize, data: &[u8]) {
    if bytes.len() < at + data.len() {
        bytes.resize(at + data.len(), 0);
    }
    bytes[at..at + data.len()].copy_from_slice(data);
}

impl File {
    fn change(&mut self, change: Change) {
        change.apply(&mut self.now);
        self.changes.push(change);
    }

    /// Makes the changes safe. Pages are written as they are now.
    fn sync(&mut self) {
        for change in std::mem::take(&mut self.changes) {
            let Change::Write(at, data) = change else {
                change.apply(&mut self.safe);
                continue;
            };
            let from = at / PAGE * PAGE;
            let to = ((at + data.len()).div_ceil(PAGE) * PAGE).min(self.now.len());
            if from < to {
                put(&mut self.safe, from, &self.now[from..to]);
            }
        }
        self.safe.truncate(self.now.len());
    }

    /// What a power cut leaves on the platter.
    fn lose(&mut self, random: &mut Random) {
        let all = random.within(0..4);
        for change in std::mem::take(&mut self.changes) {
            match all {
                0 => {}
                1 => change.apply(&mut self.safe),
                _ => match random.within(0..3) {
                    0 => {}
                    1 => change.apply(&mut self.safe),
                    _ => change.tear(&mut self.safe, random),
                },
            }
        }
    }

    /// The file as the next start finds it.
    fn left(&self) -> Self {
        Self { now: self.safe.clone(), safe: self.safe.clone(), ..Self::default() }
    }
}

impl State {
    /// Counts a step, and says what goes wrong at it.
    fn step(&mut self, what: &str) -> Result<(), c_int> {
        if self.dead.is_some() {
            return Err(ffi::SQLITE_IOERR);
        }
        self.steps += 1;
        match self.faults.0.remove(&self.steps) {
            Some(Fault::Crash(crash)) => {
                self.dead = Some(crash);
                self.news.push(format!("{crash:?} ends at step {}: {what}", self.steps));
            }
            Some(Fault::SyncFails) => self.sync_fails = true,
            Some(Fault::WriteFails) => self.write_fails = true,
            Some(Fault::Full(writes)) => self.no_room_for = writes,
            None => {}
        }
        Ok(())
    }

    fn file(&mut self, name: &str) -> Result<&mut File, c_int> {
        if self.dead.is_some() {
            return Err(ffi::SQLITE_IOERR);
        }
        self.files.get_mut(name).ok_or(ffi::SQLITE_IOERR)
    }

    /// `Err` if the step was the last one.
    fn alive(&self) -> Result<(), c_int> {
        self.dead.map_or(Ok(()), |_| Err(ffi::SQLITE_IOERR))
    }

    fn lose(&mut self) {
        let kept = self.random.within(0..self.names.len() as u64 + 1);
        let kept = usize::try_from(kept).expect("it is at most a length");
        for change in self.names.drain(kept..).rev() {
            match change {
                NameChange::Created(name) => drop(self.files.remove(&name)),
                NameChange::Removed(name, file) => drop(self.files.insert(name, file)),
            }
        }
        for file in self.files.values_mut() {
            file.lose(&mut self.random);
        }
    }
}

impl Disk {
    /// An empty disk.
    #[must_use]
    pub fn new(random: Random) -> Self {
        Self::with(BTreeMap::new(), random)
    }

    fn with(files: BTreeMap<String, File>, random: Random) -> Self {
        Self(Mutex::new(State {
            files,
            names: Vec::new(),
            faults: Faults::default(),
            random,
            steps: 0,
            sync_fails: false,
            write_fails: false,
            no_room_for: 0,
            lies: false,
            dead: None,
            news: Vec::new(),
        }))
    }

    /// Plans faults; the steps count from now on.
    pub fn plan(&self, faults: Faults) {
        let mut state = self.state();
        state.steps = 0;
        state.faults = faults;
    }

    /// Nothing goes wrong any more.
    pub fn heal(&self) {
        let mut state = self.state();
        state.faults = Faults::default();
        (state.sync_fails, state.write_fails, state.no_room_for) = (false, false, 0);
    }

    /// Ends the process between two steps.
    pub fn crash(&self, crash: Crash) {
        let mut state = self.state();
        if state.dead.is_none() {
            state.dead = Some(crash);
            state.news.push(format!("{crash:?} ends between two steps"));
        }
    }

    /// From now on a sync says that it worked, and does nothing.
    pub fn lie(&self) {
        self.state().lies = true;
    }

    /// How the process ended, if it has.
    #[must_use]
    pub fn death(&self) -> Option<Crash> {
        self.state().dead
    }

    /// True once the process has ended.
    #[must_use]
    pub fn is_dead(&self) -> bool {
        self.state().dead.is_some()
    }

    /// What the next start finds.
    #[must_use]
    pub fn after_crash(&self, random: Random) -> Self {
        let mut state = self.state();
        let files = match state.dead {
            Some(Crash::Power) => {
                state.lose();
                let files = state.files.iter();
                files.map(|(name, file)| (name.clone(), file.left())).collect()
            }
            // What is not safe yet may still be lost later.
            Some(Crash::Process) | None => {
                let files = std::mem::take(&mut state.files).into_iter();
                files.map(|(name, file)| (name, file.without_users())).collect()
            }
        };
        let disk = Self::with(files, random);
        disk.state().names = std::mem::take(&mut state.names);
        disk
    }

    /// What went wrong since this was last asked.
    pub fn take_news(&self) -> Vec<String> {
        std::mem::take(&mut self.state().news)
    }

    /// The bytes of all files, by name.
    #[must_use]
    pub fn sizes(&self) -> BTreeMap<String, u64> {
        let state = self.state();
        let files = state.files.iter();
        files.map(|(name, file)| (name.clone(), file.now.len() as u64)).collect()
    }

    pub(crate) fn open(&self, name: &str, create: bool) -> Result<(), c_int> {
        let mut state = self.state();
        state.alive()?;
        if state.files.contains_key(name) {
            return Ok(());
        }
        if !create {
            return Err(ffi::SQLITE_CANTOPEN);
        }
        state.step(&format!("create {name}"))?;
        state.alive()?;
        state.files.insert(name.to_owned(), File::default());
        state.names.push(NameChange::Created(name.to_owned()));
        Ok(())
    }

    pub(crate) fn remove(&self, name: &str, sync: bool) -> Result<(), c_int> {
        let mut state = self.state();
        state.step(&format!("remove {name}"))?;
        state.alive()?;
        let file = state.files.remove(name).ok_or(ffi::SQLITE_IOERR_DELETE_NOENT)?;
        state.names.push(NameChange::Removed(name.to_owned(), file));
        if sync {
            state.names.clear();
        }
        Ok(())
    }

    pub(crate) fn exists(&self, name: &str) -> Result<bool, c_int> {
        let state = self.state();
        state.alive()?;
        Ok(state.files.contains_key(name))
    }

    /// Fills `to` with what stands at `at`; false if the file ends before.
    pub(crate) fn read(&self, name: &str, at: usize, to: &mut [u8]) -> Result<bool, c_int> {
        let mut state = self.state();
        let file = state.file(name)?;
        let there = file.now.get(at..).unwrap_or_default();
        let len = there.len().min(to.len());
        to[..len].copy_from_slice(&there[..len]);
        to[len..].fill(0);
        Ok(len == to.len())
    }

    pub(crate) fn write(&self, name: &str, at: usize, data: &[u8]) -> Result<(), c_int> {
        let mut state = self.state();
        state.step(&format!("write {} bytes at {at} of {name}", data.len()))?;
        let state = &mut *state;
        let file = state.files.get_mut(name).ok_or(ffi::SQLITE_IOERR)?;
        if state.dead.is_some() {
            // It had begun.
            let done = usize::try_from(state.random.within(0..data.len() as u64 + 1));
            let done = done.expect("it is at most a length");
            file.change(Change::Write(at, data[..done].to_vec()));
            return Err(ffi::SQLITE_IOERR);
        }
        if std::mem::take(&mut state.write_fails) {
            state.news.push(format!("a write to {name} fails"));
            return Err(ffi::SQLITE_IOERR_WRITE);
        }
        if state.no_room_for > 0 && at + data.len() > file.now.len() {
            state.no_room_for -= 1;
            state.news.push(format!("no room for a write to {name}"));
            let part = data.len() / 2;
            file.change(Change::Write(at, data[..part].to_vec()));
            return Err(ffi::SQLITE_FULL);
        }
        file.change(Change::Write(at, data.to_vec()));
        Ok(())
    }

    pub(crate) fn truncate(&self, name: &str, len: usize) -> Result<(), c_int> {
        let mut state = self.state();
        state.step(&format!("cut {name} to {len} bytes"))?;
        state.alive()?;
        state.file(name)?.change(Change::Length(len));
        Ok(())
    }

    pub(crate) fn sync(&self, name: &str) -> Result<(), c_int> {
        let mut state = self.state();
        state.step(&format!("sync {name}"))?;
        state.alive()?;
        let state = &mut *state;
        let file = state.files.get_mut(name).ok_or(ffi::SQLITE_IOERR)?;
        if std::mem::take(&mut state.sync_fails) {
            // Any part of the pages was written. The system may hold them for clean from now on: it
            // shows them, and no later sync writes them.
            let forgets = state.random.percent(50);
            let changes = file.changes.clone();
            file.lose(&mut state.random);
            if !forgets {
                file.changes = changes;
            }
            state.news.push(format!("a sync of {name} fails, its pages are forgotten: {forgets}"));
            return Err(ffi::SQLITE_IOERR_FSYNC);
        }
        if state.lies {
            return Ok(());
        }
        file.sync();
        state.names.clear();
        Ok(())
    }

    /// Writes a file anew and syncs it.
    ///
    /// The store does so to its log before it goes on from it, without SQLite and so not through this
    /// file layer: the harness does it in its place.
    pub(crate) fn write_anew(&self, name: &str) -> Result<(), c_int> {
        let bytes = match self.state().files.get(name) {
            Some(file) if !file.now.is_empty() => file.now.clone(),
            _ => return Ok(()),
        };
        for (n, part) in bytes.chunks(PAGE).enumerate() {
            self.write(name, n * PAGE, part)?;
        }
        self.sync(name)
    }

    pub(crate) fn len(&self, name: &str) -> Result<usize, c_int> {
        self.state().file(name).map(|file| file.now.len())
    }

    /// Works on the locks of a file and on the memory its users share. These are not the disk's: they
    /// are there until the last user is gone, whatever becomes of the disk.
    pub(crate) fn with_users<T>(
        &self,
        name: &str,
        work: impl FnOnce(&mut FileLocks, &mut SharedMemory) -> T,
    ) -> Option<T> {
        let mut state = self.state();
        let file = state.files.get_mut(name)?;
        Some(work(&mut file.locks, &mut file.memory))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl File {
    fn without_users(self) -> Self {
        Self { locks: FileLocks::default(), memory: SharedMemory::default(), ..self }
    }
}

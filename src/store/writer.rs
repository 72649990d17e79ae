//! The one writer of the store.

use super::budget::{Budget, PAGE_BYTES, PRUNE_STEP, Pages, fill};
use super::commit::{Commit, PackedCommit};
use super::db::{Db, beside};
use super::error::StoreError;
use super::journal::{self, Chunks, JournalChunk, Position, Recovery};
use super::notifications;
use super::outbox::{Outbox, Pending, SqliteOutbox};
use super::prune::{Reach, droppable_frames, prune};
use super::queue::Queues;
use super::reader::Reader;
use super::statements::size;
use super::work::Work;
use super::{Settings, WhenFull, log, schema, work};
use crate::reading::Timestamp;
use rusqlite::config::DbConfig;
use std::collections::BTreeMap;
use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// A log of that size means that a reader does not let go of it.
const LOG_WARNING: u64 = 64 << 20;

/// Pages given back to the file system in one step, when nothing else waits.
const VACUUM_IDLE: u64 = 512;

/// Pages given back to the file system with a commit, while the file is larger than it may be.
const VACUUM_BUSY: u64 = 64;

/// Fewer free pages are left for new entries.
const VACUUM_LEAST: u64 = 1024;

/// What was dropped: at the size of the store, or because nobody came for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Dropped {
    /// Entries of the outbox of readings.
    pub items: u64,
    /// Lines in them.
    pub count: u64,
    /// Lines and events that a receiver had refused and that were kept for people.
    pub parked: u64,
    /// Lines and events of outboxes that nobody empties.
    pub orphaned: u64,
}

/// An outbox that holds something and that nobody empties.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Orphan {
    /// Its name.
    pub outbox: String,
    /// What it held.
    pub pending: Pending,
    /// True if that was dropped now, after [`ORPHANS_KEPT`].
    pub dropped: bool,
}

/// So long what waits for a receiver is kept when the configuration no longer names it.
pub const ORPHANS_KEPT: Duration = Duration::from_secs(7 * 86_400);

/// The store, owned by one thread.
#[derive(Debug)]
pub struct Store {
    db: Db,
    queues: Queues,
    budget: Budget,
    position: Position,
    pages: Pages,
    droppable_frames: u64,
    /// Parked entries by outbox.
    parked: BTreeMap<String, u64>,
    /// The number of the last notification.
    notified: watch::Sender<u64>,
    dropped: Dropped,
    /// Outboxes that nobody empties.
    orphans: Vec<String>,
    /// Why nothing is taken any more.
    refusal: Option<String>,
    log_warned: bool,
    /// Keeps other processes out until the store is dropped.
    _lock: Option<File>,
}

impl Store {
    /// Opens the file, creates it if there is none, and keeps other processes out of it.
    ///
    /// Reads only headers and small tables, and writes the log anew. The file is not touched if it is of another program or
    /// of a newer release.
    pub fn open(settings: &Settings) -> Result<Self, StoreError> {
        let path = settings.path.as_deref();
        let lock = path.map(lock_out).transpose()?;
        path.map_or(Ok(()), log::write_anew)?;
        let budget = Budget::new(settings);
        let db = Db::writer(path)?;
        schema::prepare(&db, budget.log)?;
        let position = Position::read(&db)?;
        let queues = Queues::default();
        load_queues(&db, &queues)?;
        let pages = Pages::read(&db.lock());
        let pages = pages.map_err(|source| db.failed("measure the file", source))?;
        let droppable_frames = droppable_frames(&db, &db.lock())?;
        let parked = work::parked(&db, &db.lock())?;
        let notified = notifications::last(&db.lock());
        let notified = notified.map_err(|source| db.failed("count notifications", source))?;
        Ok(Self {
            db,
            queues,
            budget,
            position,
            pages,
            droppable_frames,
            parked,
            notified: watch::Sender::new(notified),
            dropped: Dropped::default(),
            orphans: Vec::new(),
            refusal: None,
            log_warned: false,
            _lock: lock,
        })
    }

    /// Takes in a group of events with everything they caused, and what senders have said, in one
    /// transaction. When it returns `Ok`, all of it is on the disk.
    ///
    /// Makes room before, as far as the settings allow. After an error that is not
    /// [full](StoreError::is_full) the store may refuse everything from then on; what it had
    /// returned `Ok` for is safe.
    pub fn commit(&mut self, commit: &Commit<'_>) -> Result<(), StoreError> {
        self.refuse()?;
        let packed = PackedCommit::new(commit, &self.position);
        self.make_room(packed.bytes)?;
        self.copy_log(packed.bytes).map_err(|error| self.failed(error))?;
        self.transact(|work| work.add(commit, &packed))?;
        // The commit is durable: a failure from here on is the next one's.
        if self.keep_house(false).is_err() && self.refusal.is_none() {
            tracing::debug!("the store's housekeeping found no room and will try again");
        }
        Ok(())
    }

    /// Writes what senders have said, if anything, and keeps house: copies the log into the file,
    /// makes room ahead, gives free pages back. For when there is nothing to commit; cheap when
    /// there is nothing to do.
    pub fn settle(&mut self) -> Result<(), StoreError> {
        self.refuse()?;
        if !self.queues.with_work().is_empty() {
            self.transact(|_| Ok(()))?;
        }
        self.keep_house(true)
    }

    /// Lets a model of the registry judge in place of the others of its line and grade; false if
    /// there is none with that id.
    pub fn activate_model(&mut self, id: u64) -> Result<bool, StoreError> {
        self.refuse()?;
        self.transact(|work| work.activate(id.cast_signed()))
    }

    /// Says which outboxes somebody empties. What waits in others is kept for [`ORPHANS_KEPT`] from the
    /// first time this was said without them (it is dropped when it is said again after that), or
    /// until room is needed; then it goes before any reading.
    ///
    /// Returns the others that hold something.
    pub fn name_receivers(
        &mut self,
        receivers: &[&str],
        now: Timestamp,
    ) -> Result<Vec<Orphan>, StoreError> {
        self.refuse()?;
        let (names, orphans) = self.transact(|work| {
            let found = work.name_receivers(receivers, now)?;
            let mut orphans = Vec::new();
            for (outbox, since) in &found {
                let dropped = since.plus(ORPHANS_KEPT) <= now;
                let pending = if dropped {
                    work.drop_oldest(outbox, i64::MAX)?
                } else {
                    work.pending(outbox)
                };
                work.dropped.orphaned += if dropped { pending.count } else { 0 };
                if pending.items > 0 {
                    orphans.push(Orphan { outbox: outbox.clone(), pending, dropped });
                }
            }
            Ok((found.into_iter().map(|(name, _)| name).collect(), orphans))
        })?;
        self.orphans = names;
        Ok(orphans)
    }

    /// What a start goes on from.
    pub fn recover(&self) -> Result<Recovery, StoreError> {
        Ok(Recovery {
            checkpoint: journal::checkpoint_before(&self.db, u64::MAX)?,
            last_seq: self.position.last_seq,
            last_hash: self.position.last_hash,
        })
    }

    /// The journal's entries that have an event after `seq`, in order; see
    /// [`Reader::journal_after`].
    pub fn journal_after(
        &self,
        seq: u64,
    ) -> impl Iterator<Item = Result<JournalChunk, StoreError>> + use<> {
        Chunks::new(self.db.clone(), seq)
    }

    /// A handle of an outbox, which need not have an entry yet. All handles of one name are one
    /// outbox; each has its own connection.
    pub fn outbox(&self, name: &str) -> Result<Arc<dyn Outbox>, StoreError> {
        Ok(Arc::new(SqliteOutbox::new(self.db.another()?, self.queues.get(name))))
    }

    /// A read-only handle with its own connection.
    pub fn reader(&self) -> Result<Reader, StoreError> {
        Ok(Reader::new(self.db.another()?))
    }

    /// The bytes that file and log take on the disk now.
    pub fn size_bytes(&self) -> Result<u64, StoreError> {
        match (self.db.file(), self.db.log_file()) {
            (Some(file), Some(log)) => Ok(len(file)? + len(&log)?),
            _ => Ok(self.pages.file()),
        }
    }

    /// The share of the size, 0–1, that is taken by what has to be kept: everything but old journal,
    /// frames of old batches, notifications, parked entries and what waits for nobody. At 1 readings are dropped, or commits refused; at 0.8 it is time
    /// to say so.
    #[must_use]
    pub fn fill(&self) -> f64 {
        let orphaned = |name: &String| self.queues.get(name).pending().bytes;
        let droppable = self.position.covered_bytes
            + self.droppable_frames
            + self.position.parked_bytes
            + self.position.notification_bytes
            + self.orphans.iter().map(orphaned).sum::<u64>();
        fill(self.pages.used(), droppable, self.budget.limit())
    }

    /// How much waits in each outbox, by name, as of the last commit.
    #[must_use]
    pub fn pending(&self) -> Vec<(Arc<str>, Pending)> {
        self.queues.pending()
    }

    /// How many entries are parked of each outbox that has any, by name, as of the last commit.
    #[must_use]
    pub fn parked(&self) -> &BTreeMap<String, u64> {
        &self.parked
    }

    /// The number of the last notification in the log, as of the last commit; 0 before the first.
    #[must_use]
    pub fn notified(&self) -> watch::Receiver<u64> {
        self.notified.subscribe()
    }

    /// What was dropped since this was last asked.
    pub fn take_dropped(&mut self) -> Dropped {
        std::mem::take(&mut self.dropped)
    }

    fn refuse(&self) -> Result<(), StoreError> {
        match &self.refusal {
            Some(reason) => {
                Err(StoreError::Refused { path: self.db.name().to_owned(), reason: reason.clone() })
            }
            None => Ok(()),
        }
    }

    /// Frees what may go, so that `need` more bytes fit.
    fn make_room(&mut self, need: u64) -> Result<(), StoreError> {
        let limit = self.budget.limit();
        if self.pages.used() + need <= limit {
            return Ok(());
        }
        let goal = limit.saturating_sub(need + self.budget.slack());
        let block = self.budget.when_full == WhenFull::Block;
        let reach = if block { Reach::Unwanted } else { Reach::Readings };
        let orphans = self.orphans.clone();
        self.transact(|work| prune(work, goal, need + PRUNE_STEP, reach, &orphans))?;
        if block && self.pages.used() + need > limit {
            let (path, max_size_bytes) = (self.db.name().to_owned(), self.budget.max);
            return Err(StoreError::Full { path, max_size_bytes });
        }
        Ok(())
    }

    /// Runs one transaction, which also writes what senders have said.
    fn transact<T>(
        &mut self,
        add: impl FnOnce(&mut Work<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let run = || {
            let mut conn = self.db.lock();
            let most = (self.budget.parked(), self.budget.notifications());
            let mut work = Work::begin(&self.db, &mut conn, &self.queues, self.position, most)?;
            let value = add(&mut work)?;
            Ok((value, work.finish()?))
        };
        let (value, outcome) = match run() {
            Ok(done) => done,
            Err(error) => return Err(self.failed(error)),
        };
        outcome.publish();
        self.position = outcome.position;
        self.pages = outcome.pages;
        self.dropped.items += outcome.dropped.items;
        self.dropped.count += outcome.dropped.count;
        self.dropped.parked += outcome.dropped.parked;
        self.dropped.orphaned += outcome.dropped.orphaned;
        self.droppable_frames = outcome.droppable_frames.unwrap_or(self.droppable_frames);
        if let Some(last) = outcome.notified {
            self.notified.send_replace(last);
        }
        if let Some(parked) = outcome.parked {
            self.parked = parked;
        }
        Ok(value)
    }

    /// After a failure of the disk nobody knows what it holds: refuses everything from now on,
    /// unless there was only no room or another connection in the way.
    fn failed(&mut self, error: StoreError) -> StoreError {
        if !error.is_passing() && self.refusal.is_none() {
            let reason = match std::error::Error::source(&error) {
                Some(source) => format!("{error}: {source}"),
                None => error.to_string(),
            };
            self.refusal = Some(reason);
            // The log is the only good copy after a failed sync of the file: closing must not copy
            // it again, find that all is well, and delete it. A failure to say so changes nothing.
            let conn = self.db.lock();
            if conn.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true).is_err() {
                tracing::debug!("the log cannot be kept on closing");
            }
        }
        error
    }

    fn keep_house(&mut self, idle: bool) -> Result<(), StoreError> {
        self.copy_log(0).map_err(|error| self.failed(error))?;
        // Room that nobody asked for yet is no reason to drop a reading.
        let slack = self.budget.slack();
        let droppable = self.position.covered_bytes + self.droppable_frames;
        if idle && droppable > 0 && self.pages.used() + slack > self.budget.limit() {
            let goal = self.budget.limit().saturating_sub(2 * slack);
            self.transact(|work| prune(work, goal, PRUNE_STEP, Reach::Spare, &[]))?;
        }
        self.give_back(idle).map_err(|error| self.failed(error))
    }

    /// Copies the log into the file when there is enough of it, or when `next` more bytes would
    /// make it larger than what is reserved for it: once all of it is copied it begins anew.
    fn copy_log(&mut self, next: u64) -> Result<(), StoreError> {
        // In memory there is no log and both numbers are negative.
        let (in_log, copied) = self.log_pages("PRAGMA wal_checkpoint(NOOP)")?;
        let waiting = in_log.saturating_sub(copied) * PAGE_BYTES;
        let too_large = waiting > 0 && in_log * PAGE_BYTES + next > self.budget.log;
        if waiting >= self.budget.log_due() || too_large {
            self.log_pages("PRAGMA wal_checkpoint(PASSIVE)")?;
        }
        let large = in_log * PAGE_BYTES > LOG_WARNING;
        if large && !self.log_warned {
            tracing::warn!(
                store = self.db.name(),
                bytes = in_log * PAGE_BYTES,
                "the store's write-ahead log has grown large: a reader does not let go of it"
            );
        }
        self.log_warned = large;
        Ok(())
    }

    /// The pages in the log, and how many of them are copied into the file.
    fn log_pages(&self, sql: &str) -> Result<(u64, u64), StoreError> {
        let conn = self.db.lock();
        let read = || {
            let mut statement = conn.prepare_cached(sql)?;
            statement.query_row((), |row| Ok((size(row, 1)?, size(row, 2)?)))
        };
        read().map_err(|source| self.db.failed("copy the log into the file", source))
    }

    /// Gives free pages at the end of the file back to the file system.
    fn give_back(&mut self, idle: bool) -> Result<(), StoreError> {
        let Pages { all, free } = self.pages;
        let too_large = self.pages.file() > self.budget.limit();
        let steps = match (idle, too_large, free > (all / 4).max(VACUUM_LEAST)) {
            (true, true, _) | (true, _, true) => VACUUM_IDLE,
            (false, true, _) => VACUUM_BUSY,
            _ => 0,
        };
        if steps == 0 || free == 0 {
            return Ok(());
        }
        // Each page given back may move another one, which goes through the log.
        let steps = steps.min(self.budget.log_due() / PAGE_BYTES);
        self.copy_log(steps * PAGE_BYTES)?;
        let pages = {
            let conn = self.db.lock();
            let vacuum = || {
                let sql = format!("PRAGMA incremental_vacuum({steps})");
                let mut statement = conn.prepare_cached(&sql)?;
                // Each row that it answers with is one page given back.
                let mut rows = statement.query(())?;
                while rows.next()?.is_some() {}
                Pages::read(&conn)
            };
            vacuum().map_err(|source| self.db.failed("give free pages back", source))?
        };
        self.pages = pages;
        Ok(())
    }
}

#[cfg(test)]
impl Store {
    /// The writer's connection, to do to it what disks do.
    pub(super) fn db(&self) -> &Db {
        &self.db
    }
}

fn load_queues(db: &Db, queues: &Queues) -> Result<(), StoreError> {
    let reader = Reader::new(db.clone());
    let sql = "SELECT id, name, items, count, bytes FROM outboxes";
    let rows = reader.rows("read the outboxes", sql, (), |row| {
        let size = |column| size(row, column).map_err(|e| db.failed("read the outboxes", e));
        let pending = Pending { items: size(2)?, count: size(3)?, bytes: size(4)? };
        Ok((reader.get::<i64>(row, 0)?, reader.get::<String>(row, 1)?, pending))
    })?;
    for (row, name, pending) in rows {
        queues.load(&name, row, pending);
    }
    Ok(())
}

/// Takes the lock beside the file, which the system releases when the process ends, however it
/// does.
pub(super) fn lock_out(path: &Path) -> Result<File, StoreError> {
    // By whatever name the file is opened, the lock is that of the file.
    let lock_path = beside(&real(path), ".lock");
    let failed = |doing, source| StoreError::from_write(doing, path, &lock_path, source);
    let file = File::options().create(true).truncate(false).write(true).open(&lock_path);
    let file = file.map_err(|source| failed("create the lock file", source))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => {
            Err(StoreError::Locked { path: path.to_string_lossy().into_owned() })
        }
        Err(TryLockError::Error(source)) => Err(failed("lock the lock file", source)),
    }
}

/// The path without symbolic links, as far as it exists.
fn real(path: &Path) -> PathBuf {
    if let Ok(real) = path.canonicalize() {
        return real;
    }
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    let directory = directory.unwrap_or(Path::new(".")).canonicalize();
    match (directory, path.file_name()) {
        (Ok(directory), Some(name)) => directory.join(name),
        _ => path.to_owned(),
    }
}

/// The length of a file; 0 if there is none.
fn len(path: &Path) -> Result<u64, StoreError> {
    match fs::metadata(path) {
        Ok(metadata) => Ok(metadata.len()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(0),
        Err(source) => {
            let path = path.to_string_lossy().into_owned();
            Err(StoreError::File { doing: "measure the file", path, source })
        }
    }
}

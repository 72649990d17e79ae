//! What a sender sees of the store: its own queue of things to send.

use std::fmt::Debug;

/// One entry of an outbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// Its id; grows with each commit, never used twice.
    pub id: i64,
    /// Its key: a topic, an event id; empty if it has none.
    pub key: String,
    /// Lines or events in it.
    pub count: u32,
    /// The bytes to send, uncompressed.
    pub body: Vec<u8>,
}

/// How much waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Pending {
    /// Entries.
    pub items: u64,
    /// Lines or events in them.
    pub count: u64,
    /// Their bytes on disk.
    pub bytes: u64,
}

/// Why the store did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// SQLite failed.
    #[error("cannot {doing} in the store `{path}`")]
    Sqlite {
        /// What was tried.
        doing: &'static str,
        /// The file.
        path: String,
        /// Why not.
        #[source]
        source: rusqlite::Error,
    },
    /// The file is not a store of ours, or of a newer release.
    #[error("`{path}` is no store this release can use: {reason}")]
    Unusable {
        /// The file.
        path: String,
        /// Why.
        reason: String,
    },
    /// Another process uses it.
    #[error("the store `{path}` is used by another process")]
    Locked {
        /// The file.
        path: String,
    },
    /// What was read back is not what was written.
    #[error("the store `{path}` is damaged: {reason}")]
    Damaged {
        /// The file.
        path: String,
        /// What does not fit.
        reason: String,
    },
}

/// A sender's queue. Calls block on the disk: async code goes through `spawn_blocking`.
///
/// Entries come out in the order of their commits. What was handed out stays until [`Outbox::done`]
/// or [`Outbox::park`] names it and the store has committed that, so that after a crash it is handed
/// out again, the same bytes.
pub trait Outbox: Debug + Send + Sync {
    /// The oldest entries after the id `after`, up to `max_items` and, beyond the first, `max_bytes`.
    fn oldest(&self, after: i64, max_items: usize, max_bytes: usize) -> Result<Vec<Item>, StoreError>;

    /// The newest entries, oldest of them first, up to `max_items` and, beyond the first, `max_bytes`.
    fn newest(&self, max_items: usize, max_bytes: usize) -> Result<Vec<Item>, StoreError>;

    /// How much waits.
    fn pending(&self) -> Result<Pending, StoreError>;

    /// These have arrived. Takes effect with the next commit; until then they must not be handed out
    /// again by `oldest` or `newest` of this process.
    fn done(&self, ids: &[i64]);

    /// The receiver refused `body` (part or all of the entry `id`) for good: keep it apart with the
    /// receiver's words. The entry itself still has to be named to [`Outbox::done`].
    fn park(&self, id: i64, count: u32, body: &[u8], reason: &str);

    /// Changes whenever something was committed to this outbox.
    fn changed(&self) -> tokio::sync::watch::Receiver<u64>;
}

//! Each promise of the store, and what tries to break it.

mod audit;
mod batch_list;
mod failures;
mod journal;
mod model;
mod notifications;
mod opening;
mod outboxes;
mod repair;
mod size;
mod tables;

use super::*;
use crate::reading::Timestamp;
use rand_core::{RngCore, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use rusqlite::Connection;
use std::path::Path;
use std::sync::Arc;
use tempfile::TempDir;

const MIB: u64 = 1 << 20;

fn settings(dir: &TempDir, max_size_bytes: u64, when_full: WhenFull) -> Settings {
    Settings { path: Some(dir.path().join("onspec.db")), max_size_bytes, when_full }
}

fn large(dir: &TempDir) -> Settings {
    settings(dir, 1 << 30, WhenFull::default())
}

fn open(settings: &Settings) -> Store {
    Store::open(settings).unwrap()
}

/// Bytes that do not compress, the same for the same seed.
fn noise(seed: u64, len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    Xoshiro256PlusPlus::seed_from_u64(seed).fill_bytes(&mut bytes);
    bytes
}

fn put<'a>(outbox: &'a str, key: &'a str, replace: bool, body: &'a [u8]) -> Put<'a> {
    Put { outbox, key, replace, count: 10, body }
}

fn put_all(store: &mut Store, puts: &[Put<'_>]) {
    store.commit(&Commit { puts, ..Commit::default() }).unwrap();
}

/// One event with a journal entry of some bytes.
fn event(store: &mut Store, journal: &[u8], checkpoint: Option<&[u8]>) -> Result<(), StoreError> {
    let hash = store.recover().unwrap().last_hash + 1;
    store.commit(&Commit { events: 1, journal, hash, checkpoint, ..Commit::default() })
}

fn bodies(outbox: &Arc<dyn Outbox>) -> Vec<String> {
    let items = outbox.oldest(0, usize::MAX, usize::MAX).unwrap();
    items.into_iter().map(|item| String::from_utf8(item.body).unwrap()).collect()
}

fn journal(store: &Store, after: u64) -> Result<Vec<(u64, u64, u64)>, StoreError> {
    store
        .journal_after(after)
        .map(|chunk| chunk.map(|chunk| (chunk.first_seq, chunk.last_seq, chunk.hash)))
        .collect()
}

/// A connection of another program.
fn stranger(path: &Path) -> Connection {
    Connection::open(path).unwrap()
}

fn block<'a>(line: u16, batch: Option<&'a str>, first: i64, bytes: &'a [u8]) -> FrameBlock<'a> {
    let (first, last) = (Timestamp::from_nanos(first), Timestamp::from_nanos(first + 9));
    FrameBlock { line, batch, first, last, count: 10, width: 2, bytes }
}

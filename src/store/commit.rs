//! What one transaction takes in.

use super::audit::AuditRow;
use super::budget::PAGE_BYTES;
use super::codec::{Packed, Seal, bytes_on_disk, pack};
use super::journal::Position;
use super::notifications::{self, NotificationRow};
use crate::reading::Timestamp;

/// A group of events with everything they caused. Everything is taken, or nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Commit<'a> {
    /// The number of events in the group.
    pub events: u64,
    /// The events in the journal's form; may be empty.
    pub journal: &'a [u8],
    /// The running hash of the effects after the group. Without events it stays what it was.
    pub hash: u64,
    /// Entries of outboxes, in order.
    pub puts: &'a [Put<'a>],
    /// Parked entries, by their own ids, that nobody keeps any more: they are put again, or discarded.
    pub unparked: &'a [i64],
    /// Batches as they are known now.
    pub batches: &'a [BatchRow<'a>],
    /// Parts of the sheets of finished batches.
    pub sheets: &'a [SheetRow<'a>],
    /// Rows of the audit log, in order.
    pub audit: &'a [AuditRow<'a>],
    /// What people and systems are told, in order.
    pub notifications: &'a [NotificationRow<'a>],
    /// Frames to keep for fitting.
    pub frames: &'a [FrameBlock<'a>],
    /// Models for the registry.
    pub models: &'a [ModelRow<'a>],
    /// The engine's state after the group; the journal up to here is then no longer needed for a
    /// start.
    pub checkpoint: Option<&'a [u8]>,
}

/// One entry of an outbox.
#[derive(Debug, Clone, Copy)]
pub struct Put<'a> {
    /// The outbox.
    pub outbox: &'a str,
    /// A topic, an event id; empty if it has none.
    pub key: &'a str,
    /// True removes what waits in that outbox under the same key.
    pub replace: bool,
    /// Lines or events in it.
    pub count: u32,
    /// The bytes to send.
    pub body: &'a [u8],
}

/// A batch as it is known now; replaces what was known of it.
#[derive(Debug, Clone, Copy)]
pub struct BatchRow<'a> {
    /// The line.
    pub line: &'a str,
    /// Its id.
    pub batch: &'a str,
    /// Its start.
    pub started: Timestamp,
    /// Its end, once it ended.
    pub ended: Option<Timestamp>,
    /// All that is known, as JSON.
    pub record: &'a str,
    /// What it says of the genealogy; replaces what it said before.
    pub edges: &'a [EdgeRow],
}

/// A batch and a source of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EdgeRow {
    /// What was consumed: a lot or a batch.
    pub source: String,
    /// What was made of it.
    pub batch: String,
    /// The whole of it, as JSON.
    pub consumed: String,
}

/// A part of a batch's sheet; replaces what was there.
#[derive(Debug, Clone, Copy)]
pub struct SheetRow<'a> {
    /// The line.
    pub line: &'a str,
    /// The batch's id.
    pub batch: &'a str,
    /// Which part.
    pub part: SheetPart,
    /// All of it, as JSON.
    pub body: &'a [u8],
}

/// A part of a batch's sheet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SheetPart {
    /// What was seen along the batch.
    Sections = 0,
    /// What was found of it.
    Found = 1,
}

/// Consecutive frames of one line and one batch.
#[derive(Debug, Clone, Copy)]
pub struct FrameBlock<'a> {
    /// The line's position in the plant.
    pub line: u16,
    /// The batch they belong to; `None`, or an empty one, if none. Such frames are the first to go.
    pub batch: Option<&'a str>,
    /// The first frame.
    pub first: Timestamp,
    /// The last frame.
    pub last: Timestamp,
    /// The number of frames.
    pub count: u32,
    /// The number of values in a frame.
    pub width: u32,
    /// The values.
    pub bytes: &'a [u8],
}

/// A fitted model; replaces the one with the same id.
#[derive(Debug, Clone, Copy)]
pub struct ModelRow<'a> {
    /// Its id.
    pub id: u64,
    /// The line.
    pub line: &'a str,
    /// The grade.
    pub grade: &'a str,
    /// The kind, e.g. `pca`.
    pub kind: &'a str,
    /// Its version among those of the line and grade.
    pub version: u32,
    /// When it was fitted, in event time.
    pub at: Timestamp,
    /// What it is, as JSON.
    pub header: &'a str,
    /// The model.
    pub artifact: &'a [u8],
    /// True if it judges from now on: the others of its line and grade no longer do.
    pub active: bool,
}

/// The bodies of a commit as they will lie in the file. Made before the transaction, so that the
/// file is locked for the writing only.
#[derive(Debug)]
pub(super) struct PackedCommit {
    pub(super) first_seq: i64,
    pub(super) last_seq: i64,
    pub(super) hash: i64,
    /// `None` if the group has no events.
    pub(super) journal: Option<Packed>,
    pub(super) puts: Vec<Packed>,
    pub(super) sheets: Vec<Packed>,
    pub(super) notifications: Vec<Packed>,
    pub(super) frames: Vec<Packed>,
    pub(super) models: Vec<Packed>,
    pub(super) checkpoint: Option<Packed>,
    /// About how much the file grows.
    pub(super) bytes: u64,
}

impl PackedCommit {
    pub(super) fn new(commit: &Commit<'_>, at: &Position) -> Self {
        assert!(commit.events > 0 || commit.journal.is_empty(), "a journal entry without events");
        let first = (at.last_seq + 1).cast_signed();
        let last = (at.last_seq + commit.events).cast_signed();
        // Without events there are no effects, whatever the caller put there.
        let hash = if commit.events > 0 { commit.hash } else { at.last_hash }.cast_signed();
        let seal = |fields: &[i64], bytes| pack(&Seal { fields, text: "" }, bytes);
        let journal = (commit.events > 0).then(|| seal(&[first, last, hash], commit.journal));
        let puts = commit.puts.iter().map(pack_put).collect();
        let sheets = commit.sheets.iter().map(pack_sheet).collect();
        let notifications = commit.notifications.iter().map(pack_notification).collect();
        let frames = commit.frames.iter().map(|block| seal(&frame_seal(block), block.bytes));
        let models = commit.models.iter().map(pack_model).collect();
        let checkpoint = commit.checkpoint.map(|state| seal(&[last, hash], state));
        let mut packed = Self {
            first_seq: first,
            last_seq: last,
            hash,
            journal,
            puts,
            sheets,
            notifications,
            frames: frames.collect(),
            models,
            checkpoint,
            bytes: 0,
        };
        packed.bytes = packed.measure(commit);
        packed
    }

    fn measure(&self, commit: &Commit<'_>) -> u64 {
        let bodies = self.journal.iter().chain(&self.puts).chain(&self.sheets).chain(&self.frames);
        let bodies = bodies.chain(&self.notifications).chain(&self.models).chain(&self.checkpoint);
        let bodies: u64 = bodies.map(|packed| bytes_on_disk(packed.body.len())).sum();
        let texts = commit.batches.iter().map(|row| row.record.len());
        let texts = texts.chain(commit.audit.iter().map(|row| row.entry.len()));
        let texts = texts.chain(commit.puts.iter().map(|put| put.key.len() * 2));
        let texts: u64 = texts.map(bytes_on_disk).sum();
        // Leaves that split, inner pages and the map of pages.
        let trees = 8 * PAGE_BYTES;
        bodies + texts + trees
    }
}

fn pack_put(put: &Put<'_>) -> Packed {
    pack(&Seal { fields: &[i64::from(put.count)], text: put.key }, put.body)
}

fn pack_notification(row: &NotificationRow<'_>) -> Packed {
    pack(&Seal { fields: &[], text: &notifications::text(row.kind, row.line) }, row.body)
}

fn pack_sheet(sheet: &SheetRow<'_>) -> Packed {
    pack(
        &Seal { fields: &[sheet.part as i64], text: &sheet_text(sheet.line, sheet.batch) },
        sheet.body,
    )
}

/// What the checksum of a sheet covers besides its part.
pub(super) fn sheet_text(line: &str, batch: &str) -> String {
    format!("{line}\n{batch}")
}

fn pack_model(model: &ModelRow<'_>) -> Packed {
    pack(&Seal { fields: &[model.id.cast_signed()], text: model.header }, model.artifact)
}

fn frame_seal(block: &FrameBlock<'_>) -> [i64; 5] {
    frame_fields(block.line, block.first, block.last, block.count, block.width)
}

/// What the checksum of a block of frames covers besides its values.
pub(super) fn frame_fields(
    line: u16,
    first: Timestamp,
    last: Timestamp,
    count: u32,
    width: u32,
) -> [i64; 5] {
    [line.into(), first.as_nanos(), last.as_nanos(), count.into(), width.into()]
}

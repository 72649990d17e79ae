//! What goes when the size is reached, and in which order.
//!
//! 1. The oldest journal that the newest checkpoint covers.
//! 2. Frames of no batch, then those of batches that are not among the newest of their line, and what was seen along these.
//! 3. The oldest notifications of the log, then the oldest parked entries, then the oldest entries of outboxes that nobody empties; counted.
//! 4. The oldest entries of the outbox of readings, unless the store blocks instead; counted.
//!
//! Nothing else ever goes.

use super::READINGS;
use super::codec::bytes_on_disk;
use super::db::Db;
use super::error::StoreError;
use super::notifications;
use super::outbox::Pending;
use super::statements::size;
use super::work::Work;
use rusqlite::{Connection, Row};

/// The newest batches of a line whose frames never go: what a fit may want.
pub(super) const BATCHES_KEPT: i64 = 200;

/// Sheets that go in one step.
const SHEETS_AT_ONCE: i64 = 16;

/// Rows looked at in one step.
const STEP_ROWS: usize = 256;

/// How far down the list it may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Reach {
    /// What was kept because there was room.
    Spare,
    /// Also what nobody will take.
    Unwanted,
    /// Also readings.
    Readings,
}

/// Frees pages until `goal` bytes are in use, `most` bytes are freed, or nothing may go any more.
/// `orphans` are the outboxes that nobody empties.
pub(super) fn prune(
    work: &mut Work<'_>,
    goal: u64,
    most: u64,
    reach: Reach,
    orphans: &[String],
) -> Result<(), StoreError> {
    let goal = goal.max(work.pages()?.used().saturating_sub(most));
    loop {
        let excess = work.pages()?.used().saturating_sub(goal);
        if excess == 0 {
            return Ok(());
        }
        let went = prune_journal(work, excess)?
            || prune_loose_frames(work, excess)?
            || prune_old_batch(work)?
            || prune_old_sections(work)?
            || (reach >= Reach::Unwanted
                && (notifications::prune(work, excess)?
                    || prune_parked(work, excess)?
                    || prune_orphans(work, excess, orphans)?))
            || (reach >= Reach::Readings && prune_readings(work, excess)?);
        if !went {
            return Ok(());
        }
    }
}

/// The bytes of frames that may go.
pub(super) fn droppable_frames(db: &Db, conn: &Connection) -> Result<u64, StoreError> {
    let read = || {
        let mut statement = conn.prepare_cached(
            "SELECT total(bytes) FROM (
                SELECT batch, bytes, row_number() OVER (PARTITION BY line, batch = ''
                    ORDER BY id DESC) AS place FROM frame_runs)
             WHERE batch = '' OR place > ?1",
        )?;
        statement.query_row([BATCHES_KEPT], |row| row.get::<_, f64>(0))
    };
    let bytes = read().map_err(|source| db.failed("measure the frames", source))?;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a sum of sizes, and a cast saturates"
    )]
    Ok(bytes as u64)
}

/// A row that may go: its id, the length of its body.
fn candidate(row: &Row<'_>) -> rusqlite::Result<(i64, u64)> {
    let len = usize::try_from(size(row, 1)?).unwrap_or(usize::MAX);
    Ok((row.get(0)?, bytes_on_disk(len)))
}

/// Of rows in order, those that free `excess` bytes: the last id, and the bytes of all.
fn enough(rows: &[(i64, u64)], excess: u64) -> Option<(i64, u64)> {
    let mut bytes = 0;
    let mut last = None;
    for (id, len) in rows {
        if bytes >= excess {
            break;
        }
        bytes += len;
        last = Some(*id);
    }
    last.map(|id| (id, bytes))
}

fn prune_journal(work: &mut Work<'_>, excess: u64) -> Result<bool, StoreError> {
    let doing = "prune the journal";
    let covered = work.position.checkpoint_seq.cast_signed();
    let rows = work.rows(
        doing,
        "SELECT last_seq, length(body) FROM journal WHERE last_seq <= ?1
         ORDER BY first_seq LIMIT ?2",
        (covered, STEP_ROWS.cast_signed()),
        candidate,
    )?;
    let Some((last, bytes)) = enough(&rows, excess) else {
        return Ok(false);
    };
    work.run(doing, "DELETE FROM journal WHERE first_seq <= ?1", [last])?;
    // A checkpoint is of use as long as all that follows it is there.
    work.run(doing, "DELETE FROM checkpoints WHERE seq < ?1", [last])?;
    let position = &mut work.position;
    position.journal_bytes = position.journal_bytes.saturating_sub(bytes);
    position.covered_bytes = position.covered_bytes.saturating_sub(bytes);
    Ok(true)
}

fn prune_loose_frames(work: &mut Work<'_>, excess: u64) -> Result<bool, StoreError> {
    let doing = "prune frames of no batch";
    let runs = work.rows(doing, "SELECT id FROM frame_runs WHERE batch = ''", (), |row| {
        row.get::<_, i64>(0)
    })?;
    for run in runs {
        let rows = work.rows(
            doing,
            "SELECT first, length(body) FROM frames WHERE run = ?1 ORDER BY first LIMIT ?2",
            (run, STEP_ROWS.cast_signed()),
            candidate,
        )?;
        let Some((last, _)) = enough(&rows, excess) else {
            // Nothing is left of it.
            work.run(doing, "DELETE FROM frame_runs WHERE id = ?1", [run])?;
            continue;
        };
        let gone = work.rows(
            doing,
            "DELETE FROM frames WHERE run = ?1 AND first <= ?2 RETURNING id, length(body)",
            (run, last),
            candidate,
        )?;
        let bytes = i64::try_from(gone.iter().map(|(_, len)| len).sum::<u64>()).unwrap_or(0);
        let sql = "UPDATE frame_runs SET bytes = max(0, bytes - ?2) WHERE id = ?1";
        work.run(doing, sql, (run, bytes))?;
        work.runs_changed = true;
        return Ok(true);
    }
    Ok(false)
}

fn prune_old_batch(work: &mut Work<'_>) -> Result<bool, StoreError> {
    let doing = "prune frames of old batches";
    let oldest = work.rows(
        doing,
        "SELECT id FROM (
            SELECT id, row_number() OVER (PARTITION BY line ORDER BY id DESC) AS place
            FROM frame_runs WHERE batch <> '')
         WHERE place > ?1 ORDER BY id LIMIT 1",
        [BATCHES_KEPT],
        |row| row.get::<_, i64>(0),
    )?;
    let Some(run) = oldest.first() else {
        return Ok(false);
    };
    work.run(doing, "DELETE FROM frames WHERE run = ?1", [run])?;
    work.run(doing, "DELETE FROM frame_runs WHERE id = ?1", [run])?;
    work.runs_changed = true;
    Ok(true)
}

/// Forgets what was seen along the oldest batches that are not among the newest of their line; what was found of them
/// stays. False if there is none.
fn prune_old_sections(work: &mut Work<'_>) -> Result<bool, StoreError> {
    let doing = "prune sections of old batches";
    let oldest = work.rows(
        doing,
        "SELECT sheets.id FROM sheets JOIN batches USING (line, batch)
         WHERE sheets.part = 0 AND batches.started < (
             SELECT newer.started FROM batches AS newer WHERE newer.line = batches.line
             ORDER BY newer.started DESC LIMIT 1 OFFSET ?1)
         ORDER BY sheets.id LIMIT ?2",
        [BATCHES_KEPT - 1, SHEETS_AT_ONCE],
        |row| row.get::<_, i64>(0),
    )?;
    for id in &oldest {
        work.run(doing, "DELETE FROM sheets WHERE id = ?1", [id])?;
    }
    Ok(!oldest.is_empty())
}

/// Forgets the oldest parked entries until about `excess` bytes are free; false if there are none.
pub(super) fn prune_parked(work: &mut Work<'_>, excess: u64) -> Result<bool, StoreError> {
    let rows = work.rows(
        "drop the oldest parked entries",
        "SELECT id, length(body) FROM parked ORDER BY id LIMIT ?1",
        [STEP_ROWS.cast_signed()],
        candidate,
    )?;
    let Some((last, _)) = enough(&rows, excess) else {
        return Ok(false);
    };
    work.drop_parked(last)?;
    Ok(true)
}

fn prune_orphans(work: &mut Work<'_>, excess: u64, orphans: &[String]) -> Result<bool, StoreError> {
    for outbox in orphans {
        if let Some(gone) = prune_outbox(work, outbox, excess)? {
            work.dropped.orphaned += gone.count;
            return Ok(true);
        }
    }
    Ok(false)
}

fn prune_readings(work: &mut Work<'_>, excess: u64) -> Result<bool, StoreError> {
    let Some(gone) = prune_outbox(work, READINGS, excess)? else {
        return Ok(false);
    };
    work.dropped.items += gone.items;
    work.dropped.count += gone.count;
    Ok(true)
}

/// Drops the oldest entries of an outbox; `None` if it has none.
fn prune_outbox(
    work: &mut Work<'_>,
    outbox: &str,
    excess: u64,
) -> Result<Option<Pending>, StoreError> {
    let rows = work.rows(
        "drop the oldest entries of an outbox",
        "SELECT id, length(body) FROM outbox
         WHERE box = (SELECT id FROM outboxes WHERE name = ?1) ORDER BY id LIMIT ?2",
        (outbox, STEP_ROWS.cast_signed()),
        candidate,
    )?;
    enough(&rows, excess).map(|(last, _)| work.drop_oldest(outbox, last)).transpose()
}

//! The write-ahead log as a start finds it.

use super::db::{Db, beside};
use super::error::StoreError;
use super::schema;
use std::fs::File;
use std::io::{self, ErrorKind};
use std::os::unix::fs::FileExt;
use std::path::Path;

/// So much of the log is in memory at a time.
const PIECE: usize = 1 << 20;

/// Writes the log of a store anew, byte for byte, and waits until it is on the disk.
///
/// What a start reads need not be on the disk. A process that was killed may not have come to its
/// sync; and after a sync that failed, the system goes on showing pages that it holds for clean and
/// never writes. What was committed behind such pages would be acknowledged, and lost at the next
/// power cut, for a log is read up to its first hole only. Bytes that are on the disk stay the same
/// meanwhile, so a crash in between does no harm.
///
/// The log of another program is left alone: that program may be writing it.
pub(super) fn write_anew(store: &Path) -> Result<(), StoreError> {
    let path = beside(store, "-wal");
    let failed = |source| StoreError::from_write("write the log anew", store, &path, source);
    let bytes = match path.metadata() {
        Ok(metadata) => metadata.len(),
        Err(error) if error.kind() == ErrorKind::NotFound => 0,
        Err(error) => return Err(failed(error)),
    };
    // SQLite begins anew itself where a log has no file.
    if bytes == 0 || !store.exists() {
        return Ok(());
    }
    // Whose file it is may stand in the log only, so SQLite has to look. A connection that only reads
    // takes part in the locks of others, and changes neither file nor log.
    schema::check_ours(&Db::read_only(store)?)?;
    let file = File::options().read(true).write(true).open(&path).map_err(failed)?;
    rewrite(&file).map_err(failed)
}

fn rewrite(file: &File) -> io::Result<()> {
    let mut piece = vec![0; PIECE];
    let mut at = 0;
    loop {
        let read = match file.read_at(&mut piece, at) {
            Ok(0) => break,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            other => other?,
        };
        file.write_all_at(&piece[..read], at)?;
        at += read as u64;
    }
    file.sync_all()
}

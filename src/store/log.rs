//! The write-ahead log as a start finds it.

use super::db::beside;
use super::error::StoreError;
use std::fs::File;
use std::io::{self, ErrorKind, Read, Seek, Write};
use std::path::Path;

/// Writes the log of a store anew, byte for byte, and waits until it is on the disk.
///
/// What a start reads need not be on the disk. A process that was killed may not have come to its
/// sync; and after a sync that failed, the system goes on showing pages that it holds for clean and
/// never writes. What was committed behind such pages would be acknowledged, and lost at the next
/// power cut, for a log is read up to its first hole only. Bytes that are on the disk stay the same
/// meanwhile, so a crash in between does no harm.
pub(super) fn write_anew(store: &Path) -> Result<(), StoreError> {
    let path = beside(store, "-wal");
    let rewrite = || -> io::Result<()> {
        let mut file = match File::options().read(true).write(true).open(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            other => other?,
        };
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        if bytes.is_empty() {
            return Ok(());
        }
        file.rewind()?;
        file.write_all(&bytes)?;
        file.sync_all()
    };
    rewrite().map_err(|source| {
        let path = path.to_string_lossy().into_owned();
        StoreError::File { doing: "write the log anew", path, source }
    })
}

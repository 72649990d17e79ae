//! The tables whose bodies have checksums, and what these cover beside the body.

/// A table whose bodies have checksums.
#[derive(Debug)]
pub(super) struct Sealed {
    /// Its name.
    pub(super) table: &'static str,
    /// The column that names a row.
    pub(super) id: &'static str,
    /// The text the checksum covers.
    pub(super) text: &'static str,
    /// The numbers the checksum covers.
    pub(super) fields: &'static [&'static str],
}

/// All of them.
pub(super) const SEALED: &[Sealed] = &[
    Sealed {
        table: "journal",
        id: "first_seq",
        text: "''",
        fields: &["first_seq", "last_seq", "hash"],
    },
    Sealed { table: "checkpoints", id: "seq", text: "''", fields: &["seq", "hash"] },
    Sealed { table: "outbox", id: "id", text: "key", fields: &["count"] },
    Sealed { table: "parked", id: "id", text: "reason", fields: &["entry", "count"] },
    Sealed {
        table: "frames",
        id: "id",
        text: "''",
        fields: &["line", "first", "last", "count", "width"],
    },
    Sealed { table: "sheets", id: "id", text: "line || char(10) || batch", fields: &["part"] },
    Sealed { table: "notifications", id: "id", text: "kind || char(10) || line", fields: &[] },
    Sealed { table: "models", id: "id", text: "header", fields: &["id"] },
];

//! Per-tag state: range, stuck, stale, late, duplicate: a reading becomes an assessed one.

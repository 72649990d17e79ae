//! Recordings in and out: CSV.

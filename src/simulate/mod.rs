//! The tissue machine and its faults.

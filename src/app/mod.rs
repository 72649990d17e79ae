//! Wiring, tasks, shutdown order: the only room that knows everything.

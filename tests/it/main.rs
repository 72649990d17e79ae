//! The tests that need more than this process: the daemon's binary, and the real services it works with.
//!
//! One binary, because each one more would link everything again. `tests/run` brings the services.

#[path = "../support/mod.rs"]
mod support;

mod alertmanager;
mod backtest;
mod bad_input;
mod batches;
mod book;
mod clocks;
mod compose;
mod discover;
mod escalation;
mod examples;
mod faults;
mod feedback;
mod grafana;
mod hanging;
mod influx;
mod influx_versions;
mod line_runs;
mod load;
mod models;
mod mqtt;
mod outage;
mod outbox;
mod parked;
mod profiles;
mod properties;
mod readiness;
mod recordings;
mod recordings_influx;
mod recovery;
mod reports;
mod resume;
mod same_again;
mod services;
mod sparkplug;
mod sparkplug_host;
mod subscriptions;
mod tap;
mod upkeep;
mod webhook;
mod webhook_test;
mod websocket;

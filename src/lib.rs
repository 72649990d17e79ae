//! onspec says, while a batch is still being made, whether it will be on spec, why and since when.
//!
//! The way of one reading: `mqtt` receives it; `engine` decodes it ([`decode`]), judges the sensor
//! ([`quality`]), aligns it in event time ([`frame`]), follows the batch ([`batch`]), scores the
//! frame ([`models`]) and says the verdict ([`verdict`]) and the alarms ([`alarm`]); [`store`]
//! commits the message and everything that follows from it in one transaction; then the message is
//! acknowledged, and [`influx`], [`webhook`] and [`mqtt`] send what the store keeps for them.
//!
//! The modules in reading order follow. What may import what stands in `ARCHITECTURE.md`, and
//! `tests/tidy.rs` holds it.

#![forbid(unsafe_code)]

pub mod reading;

pub mod plant;

pub mod decode;
pub mod discover;
pub mod frame;
pub mod profile;
pub mod quality;
pub mod sparkplug;

pub mod chart;

pub mod batch;
pub mod models;
pub mod verdict;

pub mod words;

pub mod alarm;
pub mod engine;

pub mod report;

pub mod store;
pub mod telemetry;

pub mod http;
pub mod influx;
pub mod mqtt;
pub mod record;
pub mod simulate;
pub mod webhook;

pub mod config;

pub mod app;
pub mod cli;

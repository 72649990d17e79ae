//! The harness of the service tests: real services with directories and ports of their own, faults to order, and
//! receivers that remember.
//!
//! Everything that is started here is ended when its value is dropped, and says what it logged when the test fails.
//! Nothing sleeps for a guessed time: [`wait_until`] asks again until the thing has happened, with a deadline.
//! A service that is missing fails the test with the words that say how to get it.

#![allow(
    dead_code,
    reason = "the harness is the same for all suites, and not every suite uses all of it"
)]
#![allow(
    clippy::disallowed_methods,
    reason = "the harness is the outside world: it waits on the real clock for real processes, whose paths come in by the environment"
)]

mod alertmanager;
mod authority;
mod chromium;
mod configuration;
mod daemon;
mod http_client;
mod http_front;
mod http_server;
pub(crate) mod influx_fake;
mod influxd;
mod mosquitto;
mod port;
mod process;
mod publish;
mod tahu;
mod tcp_proxy;
mod wait;
mod webhook_receiver;

#[allow(unused_imports, reason = "see above: not every suite uses all of it")]
pub(crate) use self::{
    alertmanager::Alertmanager,
    authority::Authority,
    chromium::Chromium,
    configuration::configure,
    daemon::{Daemon, binary},
    http_client::{Response, delete, get, post, request},
    http_front::{Front, HttpFront},
    influxd::{Influxd, Point},
    mosquitto::Mosquitto,
    port::free_port,
    process::{Process, Signal, service},
    publish::{publish, publish_with},
    tahu::{Said, Tahu},
    tcp_proxy::TcpProxy,
    wait::{PATIENCE, wait_until},
    webhook_receiver::{Answer, Received, WebhookReceiver},
};

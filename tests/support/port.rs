//! Ports for servers that cannot be told to choose one themselves.

use std::{
    net::{Ipv4Addr, TcpListener},
    sync::atomic::{AtomicU16, Ordering},
};

/// The first port that is looked at, and how many are.
///
/// They lie below the range out of which Linux serves clients (32768 and up). A port that the kernel chose for a
/// listener at 0 lies in that range: between our closing it and the server's taking it, or while a test has its server
/// down, any client on this machine may get it. Worse, a client that keeps trying to reach a server that is down can be
/// given the very port it dials, and is then connected to itself.
const FIRST: u16 = 12_000;
const COUNT: u16 = 20_000;

/// How many ports this process has looked at, so that its tests do not hand one to each other.
static TAKEN: AtomicU16 = AtomicU16::new(0);

/// Returns a port on the loopback interface on which nobody listens.
///
/// Processes begin at different places, so that two test runs seldom look at the same one.
pub(crate) fn free_port() -> u16 {
    let offset = u16::try_from(std::process::id() % u32::from(COUNT)).expect("it is below COUNT");
    for _ in 0..COUNT {
        let n = TAKEN.fetch_add(1, Ordering::Relaxed);
        let place = (u32::from(offset) * 97 + u32::from(n)) % u32::from(COUNT);
        let port = FIRST + u16::try_from(place).expect("it is below COUNT");
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return port;
        }
    }
    panic!("all {COUNT} ports from {FIRST} on are taken");
}

//! The mosquitto broker.

use std::{
    fs,
    io::{Read, Write},
    net::{Ipv4Addr, TcpStream},
    process::Command,
    time::Duration,
};

use tempfile::TempDir;

use super::{
    port::free_port,
    process::{Process, Signal, service},
    wait::PATIENCE,
};

/// A broker with a directory and a port of its own, both kept through restarts.
#[derive(Debug)]
pub(crate) struct Mosquitto {
    // Dropped in this order: first the process, then the directory that it writes to.
    process: Process,
    directory: TempDir,
    port: u16,
}

impl Mosquitto {
    /// Starts a broker and waits until it accepts clients.
    pub(crate) fn start() -> Self {
        Self::start_with("")
    }

    /// Starts a broker with more lines in its configuration, after those the tests need.
    pub(crate) fn start_with(configuration: &str) -> Self {
        let directory = tempfile::tempdir().expect("a directory for temporary files");
        let port = free_port();
        let data = directory.path().display();
        // - Without a queue limit of 0 the broker drops what it holds for an absent client beyond 1000 messages, with
        //   no error anywhere; onspec asks the same of a plant's broker.
        // - Without `user root` a broker that is started by root gives up its rights, and with them the directory.
        // - It saves what it holds when it ends by a signal, not meanwhile: see `kill`.
        fs::write(
            directory.path().join("mosquitto.conf"),
            format!(
                "listener {port} 127.0.0.1\n\
                 allow_anonymous true\n\
                 user root\n\
                 max_queued_messages 0\n\
                 max_inflight_messages 1000\n\
                 persistence true\n\
                 persistence_location {data}/\n\
                 log_dest stderr\n\
                 log_type error\n\
                 log_type warning\n\
                 log_type notice\n\
                 log_type information\n\
                 {configuration}\n"
            ),
        )
        .expect("the directory is ours");
        Self { process: launch(&directory, port), directory, port }
    }

    /// The port on the loopback interface.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// The process id.
    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }

    /// The address as the configuration of onspec takes it.
    pub(crate) fn url(&self) -> String {
        format!("mqtt://127.0.0.1:{}", self.port)
    }

    /// Sends the broker a signal.
    pub(crate) fn signal(&mut self, signal: Signal) {
        self.process.signal(signal);
    }

    /// Kills the broker as a power cut would: sessions and messages since its last orderly stop are lost.
    pub(crate) fn kill(&mut self) {
        self.process.kill();
    }

    /// Stops the broker in good order: it saves its sessions and the messages it holds for them.
    pub(crate) fn stop(&mut self) {
        self.process.signal(Signal::Terminate);
        self.process.wait(PATIENCE);
    }

    /// Starts the broker again after [`Mosquitto::kill`] or [`Mosquitto::stop`], on the same port, with what it saved.
    pub(crate) fn start_again(&mut self) {
        assert!(self.process.ended().is_some(), "stop the broker before it is started again");
        self.process = launch(&self.directory, self.port);
    }

    /// Stops the broker in good order and starts it again.
    pub(crate) fn restart(&mut self) {
        self.stop();
        self.start_again();
    }

    /// What the broker has logged, all its lives together.
    pub(crate) fn log(&self) -> String {
        self.process.log()
    }
}

fn launch(directory: &TempDir, port: u16) -> Process {
    let mut command = Command::new(service("MOSQUITTO", "mosquitto"));
    command.arg("-c").arg(directory.path().join("mosquitto.conf"));
    let mut process =
        Process::start("mosquitto", &mut command, &directory.path().join("mosquitto.log"));
    process.wait_ready(PATIENCE, || accepts_clients(port));
    process
}

/// Whether the broker says yes to a client. That the port is open is not enough: it opens before the broker has read
/// its saved sessions.
fn accepts_clients(port: u16) -> bool {
    /// CONNECT of MQTT 3.1.1, a clean session, kept alive for 10 s, with an empty client id, which the broker fills in.
    const CONNECT: &[u8] = b"\x10\x0c\x00\x04MQTT\x04\x02\x00\x0a\x00\x00";
    /// CONNACK: no session was there, accepted.
    const ACCEPTED: [u8; 4] = [0x20, 0x02, 0x00, 0x00];
    const DISCONNECT: &[u8] = b"\xe0\x00";

    let ask = || -> std::io::Result<bool> {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
        stream.set_read_timeout(Some(Duration::from_secs(5)))?;
        stream.write_all(CONNECT)?;
        let mut answer = [0; 4];
        stream.read_exact(&mut answer)?;
        stream.write_all(DISCONNECT)?;
        Ok(answer == ACCEPTED)
    };
    ask().unwrap_or(false)
}

//! An edge node of other people: the client of Eclipse Tahu, the reference implementation of Sparkplug B.

use super::process::service;
use serde_json::Value;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

/// How long a command may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// A value that was published: area, tag, time in ms, and the value as InfluxDB prints it.
pub(crate) type Said = (String, String, i64, String);

/// The edge node `mill/tm9`, see `tests/support/tahu/edge_node.cjs`. Killed when it is dropped.
#[derive(Debug)]
pub(crate) struct Tahu {
    child: Child,
    commands: ChildStdin,
    lines: Receiver<Value>,
    said: Vec<Said>,
}

impl Tahu {
    /// Starts it and waits until its births went out. `shift` is where its aliases begin.
    pub(crate) fn start(port: u16, shift: u32) -> Self {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/tahu/edge_node.cjs");
        let mut child = Command::new("node")
            .arg(script)
            .args([port.to_string(), shift.to_string()])
            .env("TAHU", service("TAHU", "tahu"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("node starts");
        let commands = child.stdin.take().expect("it was asked for");
        let output = child.stdout.take().expect("it was asked for");
        let (heard, lines) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                let line = serde_json::from_str(&line).expect("it writes JSON");
                if heard.send(line).is_err() {
                    break;
                }
            }
        });
        let mut tahu = Self { child, commands, lines, said: Vec::new() };
        tahu.until("birth");
        tahu
    }

    /// Has it do something, and waits until that went out.
    pub(crate) fn tell(&mut self, command: &str) {
        writeln!(self.commands, "{command}").expect("it listens");
        self.until(command);
    }

    /// Waits until it was asked for its births and has sent them.
    pub(crate) fn wait_for_rebirth(&mut self) {
        self.until("rebirth");
    }

    fn until(&mut self, what: &str) {
        loop {
            let line = self.lines.recv_timeout(PATIENCE);
            let line = line.unwrap_or_else(|_| panic!("the edge node never said `{what}`"));
            self.take(&line);
            if line["done"] == what {
                return;
            }
        }
    }

    fn take(&mut self, line: &Value) {
        for value in line["said"].as_array().into_iter().flatten() {
            let text = |at: usize| value[at].as_str().expect("a name").to_owned();
            let value_text = match &value[3] {
                Value::String(text) => text.clone(),
                other => other.as_f64().expect("a number").to_string(),
            };
            let at = value[2].as_i64().expect("a time");
            self.said.push((text(0), text(1), at, value_text));
        }
    }

    /// All that it has published since the last call.
    pub(crate) fn said(&mut self) -> Vec<Said> {
        while let Ok(line) = self.lines.try_recv() {
            self.take(&line);
        }
        std::mem::take(&mut self.said)
    }
}

impl Drop for Tahu {
    fn drop(&mut self) {
        // It may have ended by itself.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

//! Child processes that end with the value that holds them, and whose last words are shown when a test fails.

use std::{
    fs::{self, File, OpenOptions},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    time::Duration,
};

use super::wait::wait_until;

/// How much of a log a failed test shows.
const LOG_TAIL_BYTES: usize = 16 * 1024;

/// Returns the path of a service from the environment.
///
/// # Panics
///
/// When it is not there, with the words that say how to get it.
#[track_caller]
pub(crate) fn service(variable: &str, name: &str) -> PathBuf {
    let Some(path) = std::env::var_os(variable).filter(|path| !path.is_empty()) else {
        panic!(
            "this test needs {name}. Run `tests/run`, which brings it, or set {variable} to the path of its program \
             (`{variable}=$(tests/services/{name}.sh)` brings it too); `tests/run --fast` runs the tests that need no \
             services"
        );
    };
    let path = PathBuf::from(path);
    assert!(
        path.is_file(),
        "{variable} says that {name} is `{}`, and there is no such file. Run `tests/run`, which brings it",
        path.display()
    );
    path
}

/// A signal to a process.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Signal {
    /// Ctrl-C.
    Interrupt,
    /// The polite request to end.
    Terminate,
    /// The request to read the configuration again.
    Hangup,
    /// To stand still.
    Stop,
    /// To go on after that.
    Continue,
    /// The end, without a chance to put things in order.
    Kill,
}

/// A child process.
#[derive(Debug)]
pub(crate) struct Process {
    name: &'static str,
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts the command with both output streams added to the end of the file `log`.
    pub(crate) fn start(name: &'static str, command: &mut Command, log: &Path) -> Self {
        let out = open_log(log);
        let err = out.try_clone().expect("a file that was just opened can be shared");
        let child = command
            .stdin(Stdio::null())
            .stdout(out)
            .stderr(err)
            .spawn()
            .unwrap_or_else(|error| panic!("cannot start {name}: {error}"));
        Self { name, child, log: log.to_owned() }
    }

    /// Everything the process has printed so far.
    pub(crate) fn log(&self) -> String {
        read_log(&self.log)
    }

    /// The process id.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// How the process ended, if it has.
    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("a child can be asked whether it has ended")
    }

    /// Waits until `ready` says yes; fails at once when the process ends instead.
    #[track_caller]
    pub(crate) fn wait_ready(&mut self, deadline: Duration, mut ready: impl FnMut() -> bool) {
        let what = format!("{} is ready", self.name);
        wait_until(&what, deadline, || {
            if let Some(status) = self.ended() {
                panic!("{} ended instead of getting ready: {status}\n{}", self.name, self.log());
            }
            ready()
        });
    }

    /// Sends a signal to the process, if it is still there.
    pub(crate) fn signal(&mut self, signal: Signal) {
        if self.ended().is_some() {
            return;
        }
        let word = match signal {
            Signal::Interrupt => "INT",
            Signal::Terminate => "TERM",
            Signal::Hangup => "HUP",
            Signal::Stop => "STOP",
            Signal::Continue => "CONT",
            Signal::Kill => "KILL",
        };
        // The standard library can only kill, and `unsafe` is forbidden here: the shell's own `kill` sends the others.
        let status = Command::new("sh")
            .args(["-c", &format!("kill -{word} {}", self.id())])
            .stderr(Stdio::null())
            .status()
            .expect("there is a shell");
        assert!(status.success() || self.ended().is_some(), "cannot send {word} to {}", self.name);
    }

    /// Waits for the end of the process.
    #[track_caller]
    pub(crate) fn wait(&mut self, deadline: Duration) -> ExitStatus {
        let mut ended = None;
        let what = format!("{} ends", self.name);
        wait_until(&what, deadline, || {
            ended = self.ended();
            ended.is_some()
        });
        ended.expect("the wait is over because it has ended")
    }

    /// Kills the process and waits for its end.
    pub(crate) fn kill(&mut self) -> ExitStatus {
        if self.ended().is_none() {
            self.child.kill().expect("a child that has not been waited for can be killed");
        }
        self.child.wait().expect("a killed child ends")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // No `expect` here: a panic within a panic would hide the first one.
        drop(self.child.kill());
        drop(self.child.wait());
        if std::thread::panicking() {
            show(self.name, &read_log(&self.log));
        }
    }
}

/// Prints the end of a log for the person who reads why a test failed.
#[allow(clippy::print_stderr, reason = "it goes into the report of the failed test")]
fn show(name: &str, log: &str) {
    let mut from = log.len().saturating_sub(LOG_TAIL_BYTES);
    while !log.is_char_boundary(from) {
        from += 1;
    }
    eprintln!("--- the log of {name} ---\n{}\n---", &log[from..]);
}

fn open_log(path: &Path) -> File {
    OpenOptions::new()
        .create(true)
        .append(true)
        .open(path)
        .unwrap_or_else(|error| panic!("cannot open the log `{}`: {error}", path.display()))
}

fn read_log(path: &Path) -> String {
    fs::read(path).map_or_else(
        |error| format!("(no log: {error})"),
        |bytes| String::from_utf8_lossy(&bytes).into_owned(),
    )
}

//! The daemon itself, as the binary that people run.

use std::{
    ffi::OsStr,
    path::{Path, PathBuf},
    process::{Command, ExitStatus},
    time::Duration,
};

use tempfile::TempDir;

use super::{
    http_client::get,
    process::{Process, Signal},
    wait::{PATIENCE, wait_until},
};

/// A running `onspec run`.
#[derive(Debug)]
pub(crate) struct Daemon {
    // Dropped in this order: first the process, then the directory of its log.
    process: Process,
    _directory: TempDir,
}

impl Daemon {
    /// Starts `onspec run -c CONFIG` without waiting for anything.
    pub(crate) fn start(config: &Path) -> Self {
        Self::start_with(config, &[], &[])
    }

    /// Starts `onspec run -c CONFIG` with further arguments and environment variables.
    pub(crate) fn start_with(
        config: &Path,
        arguments: &[&str],
        environment: &[(&str, &str)],
    ) -> Self {
        Self::start_under(&[], config, arguments, environment)
    }

    /// Starts `onspec run -c CONFIG` by another program that puts itself in the daemon's place when it has prepared
    /// something: the program and its arguments come first, the daemon's command line after them.
    pub(crate) fn start_under(
        by: &[&str],
        config: &Path,
        arguments: &[&str],
        environment: &[(&str, &str)],
    ) -> Self {
        let mut command = match by {
            [] => Command::new(binary()),
            [program, rest @ ..] => {
                let mut command = Command::new(program);
                command.args(rest).arg(binary());
                command
            }
        };
        command
            .args([OsStr::new("run"), OsStr::new("-c"), config.as_os_str()])
            .args(arguments)
            .envs(environment.iter().copied());
        let directory = tempfile::tempdir().expect("a directory for temporary files");
        let log = directory.path().join("onspec.log");
        Self { process: Process::start("onspec", &mut command, &log), _directory: directory }
    }

    /// Waits until the address of the readiness check answers 200; fails at once when the daemon ends instead.
    #[track_caller]
    pub(crate) fn wait_ready(&mut self, url: &str) {
        self.process.wait_ready(PATIENCE, || get(url).is_ok_and(|answer| answer.status == 200));
    }

    /// Waits until the log holds the words, and returns the whole log.
    #[track_caller]
    pub(crate) fn wait_for_log(&mut self, words: &str) -> String {
        let mut log = String::new();
        wait_until(&format!("the log says `{words}`"), PATIENCE, || {
            // Asked first: what a daemon that has ended had to say is all in the log.
            let ended = self.process.ended();
            log = self.process.log();
            let found = log.contains(words);
            assert!(found || ended.is_none(), "onspec ended and never said `{words}`");
            found
        });
        log
    }

    /// Everything the daemon has printed so far, on both streams.
    pub(crate) fn log(&self) -> String {
        self.process.log()
    }

    /// The process id.
    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }

    /// How the daemon ended, if it has.
    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        self.process.ended()
    }

    /// Kills the daemon as a crash would.
    pub(crate) fn kill_9(&mut self) {
        self.process.kill();
    }

    /// Asks the daemon to end (SIGTERM), waits, and returns its exit code; `None` if it died of a signal.
    #[track_caller]
    pub(crate) fn terminate(&mut self) -> Option<i32> {
        self.signal(Signal::Terminate);
        self.wait(PATIENCE)
    }

    /// Sends a signal and does not wait.
    pub(crate) fn signal(&mut self, signal: Signal) {
        self.process.signal(signal);
    }

    /// Waits for the end of the daemon and returns its exit code; `None` if it died of a signal.
    #[track_caller]
    pub(crate) fn wait(&mut self, deadline: Duration) -> Option<i32> {
        self.process.wait(deadline).code()
    }
}

/// The binary that cargo built for these tests.
pub(crate) fn binary() -> PathBuf {
    PathBuf::from(env!("CARGO_BIN_EXE_onspec"))
}

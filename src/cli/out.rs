//! Where output goes, and what the process ends with.

use crate::config::ConfigError;
use std::error::Error;
use std::fmt::Write as _;
use std::io::{self, Write};
use std::process::ExitCode;

/// What the process ends with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// 0: done.
    Done,
    /// 1: failed while running, or the answer asked for is no.
    Failed,
    /// 2: wrong usage or configuration.
    Usage,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Done => 0,
            Exit::Failed => 1,
            Exit::Usage => 2,
        })
    }
}

/// Standard output and standard error.
pub struct Out {
    stdout: Box<dyn Write>,
    stderr: Box<dyn Write>,
    closed: bool,
}

impl std::fmt::Debug for Out {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Out")
    }
}

impl Out {
    /// The process's own.
    #[must_use]
    pub fn standard() -> Self {
        Self { stdout: Box::new(io::stdout()), stderr: Box::new(io::stderr()), closed: false }
    }

    /// Both, as writers.
    pub fn both(&mut self) -> (&mut dyn Write, &mut dyn Write) {
        (&mut *self.stdout, &mut *self.stderr)
    }

    /// Prints a result. A reader that went away (`| head`) is no failure.
    pub fn print(&mut self, text: &str) -> Exit {
        match self.stdout.write_all(text.as_bytes()).and_then(|()| self.stdout.flush()) {
            Ok(()) => Exit::Done,
            Err(error) => self.closed(&error),
        }
    }

    /// True once nothing can be printed any more: who prints for ever ends.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.closed
    }

    /// What a result that could not be written means.
    pub fn closed(&mut self, error: &io::Error) -> Exit {
        self.closed = true;
        if error.kind() == io::ErrorKind::BrokenPipe {
            return Exit::Done;
        }
        self.error(&format!("error: cannot write to standard output: {error}\n"));
        Exit::Failed
    }

    /// Says something to a person.
    pub fn error(&mut self, text: &str) {
        // Where standard error is closed there is nobody to tell.
        if self.stderr.write_all(text.as_bytes()).is_err() {
            tracing::debug!("standard error is closed");
        }
    }

    /// Says why a configuration cannot be used.
    pub fn unusable(&mut self, problem: &ConfigError) -> Exit {
        match problem {
            ConfigError::Rejected(report) => self.error(&report.to_string()),
            ConfigError::Read { .. } => {
                self.fail(problem);
            }
        }
        Exit::Usage
    }

    /// Says why a command failed, with everything that led to it.
    pub fn fail(&mut self, error: &dyn Error) -> Exit {
        let mut text = format!("error: {error}\n");
        let mut source = error.source();
        while let Some(cause) = source {
            writeln!(text, "  because: {cause}").expect("writing to a string cannot fail");
            source = cause.source();
        }
        self.error(&text);
        Exit::Failed
    }
}

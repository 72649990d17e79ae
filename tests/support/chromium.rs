//! The browser, without a window: what a page looks like, and what it holds when its script has run.

use std::{fs, path::Path, process::Command};

use super::{
    process::{Process, service},
    wait::PATIENCE,
};

/// The browser. Each call is a fresh one that knows nothing of the last.
#[derive(Debug)]
pub(crate) struct Chromium;

impl Chromium {
    /// Draws a page into a PNG file, 1280 by 900.
    #[track_caller]
    pub(crate) fn screenshot(url: &str, path: &Path) {
        let option = format!("--screenshot={}", path.display());
        browse(&[&option, "--window-size=1280,900", "--hide-scrollbars", url]);
        assert!(
            fs::metadata(path).is_ok_and(|file| file.len() > 0),
            "chromium drew nothing of {url}"
        );
    }

    /// Prints a page into a PDF file, on the paper that its style names.
    #[track_caller]
    pub(crate) fn print(url: &str, path: &Path) {
        let option = format!("--print-to-pdf={}", path.display());
        browse(&[&option, "--no-pdf-header-footer", url]);
        assert!(
            fs::metadata(path).is_ok_and(|file| file.len() > 0),
            "chromium printed nothing of {url}"
        );
    }

    /// Returns the document as the browser sees it when the page's script has run.
    #[track_caller]
    pub(crate) fn dump_dom(url: &str) -> String {
        browse(&["--dump-dom", url])
    }
}

/// Runs the browser to its end and returns what it printed on the standard output.
#[track_caller]
fn browse(arguments: &[&str]) -> String {
    let directory = tempfile::tempdir().expect("a directory for temporary files");
    let home = directory.path();
    let out = home.join("out");
    let mut command = Command::new("sh");
    // Its messages go into the log, the document into a file of its own. `exec`: the process that is ended on a
    // failure is the browser's.
    command
        .args(["-c", "out=$1; shift; exec \"$@\" >\"$out\"", "sh"])
        .arg(&out)
        .arg(service("CHROMIUM", "chromium"))
        .args([
            "--headless",
            // Its sandbox does not work for root, nor in most containers; the pages are our own.
            "--no-sandbox",
            "--disable-gpu",
            // Containers give /dev/shm 64 MB, of which a browser dies.
            "--disable-dev-shm-usage",
            // Nothing that reaches for the outside: the tests run where there is no internet.
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            // Time in the page runs as fast as its script lets it, and stands still while it waits for an answer: the
            // page has had these five seconds when it is looked at, however slow the machine.
            "--virtual-time-budget=5000",
        ])
        .arg(format!("--user-data-dir={}", home.join("profile").display()))
        .args(arguments)
        // It keeps a cache and settings at home even so.
        .env("HOME", home)
        .env("XDG_CONFIG_HOME", home)
        .env("XDG_CACHE_HOME", home);
    let mut process = Process::start("chromium", &mut command, &home.join("log"));
    let status = process.wait(PATIENCE);
    assert!(status.success(), "chromium failed: {status}");
    let document = fs::read(&out).expect("the shell made the file");
    String::from_utf8_lossy(&document).into_owned()
}

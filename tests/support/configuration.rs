//! The configuration of a daemon under test.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// Writes `onspec.toml` into a directory: a store beside it, a page at the port, and a broker. The rest goes on
/// within `[[mqtt]]`.
pub(crate) fn configure(directory: &Path, broker: &str, http: u16, rest: &str) -> PathBuf {
    let (path, store) = (directory.join("onspec.toml"), directory.join("onspec.db"));
    let head = format!(
        "[store]\npath = \"{}\"\n[http]\nlisten = \"127.0.0.1:{http}\"\n[[mqtt]]\nurl = \"{broker}\"\n",
        store.display()
    );
    fs::write(&path, head + rest).expect("the directory is ours");
    path
}

//! A broker that the command line names.

use crate::config::{self, Checked, Report};
use std::fmt::Write as _;
use std::path::Path;

/// What the command line says of a broker.
pub(super) struct Named<'a> {
    pub(super) url: &'a str,
    pub(super) username: Option<&'a str>,
    pub(super) password_file: Option<&'a Path>,
    pub(super) ca: Option<&'a Path>,
}

impl Named<'_> {
    /// The keys of the broker in a configuration.
    pub(super) fn keys(&self) -> String {
        let text = |text: &str| toml::Value::from(text);
        let path = |path: &Path| toml::Value::from(path.display().to_string());
        let mut keys = format!("name = \"plant\"\nurl = {}\n", text(self.url));
        if let Some(name) = self.username {
            writeln!(keys, "username = {}", text(name)).expect("a String takes all");
        }
        if let Some(file) = self.password_file {
            writeln!(keys, "password = {{ file = {} }}", path(file)).expect("a String takes all");
        }
        if let Some(file) = self.ca {
            writeln!(keys, "tls = {{ ca = {} }}", path(file)).expect("a String takes all");
        }
        keys
    }

    /// The broker, read as in a configuration, with the same words for what is wrong.
    pub(super) fn checked(&self) -> Result<Checked, Report> {
        let subscribe = "[[mqtt.subscribe]]\ntopic = \"{tag...}\"\n";
        config::load(&format!("[[mqtt]]\n{}{subscribe}", self.keys()), "the command line")
    }
}

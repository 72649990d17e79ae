//! Alertmanager, with one receiver that it tells by webhook.

use std::{fs, process::Command};

use tempfile::TempDir;

use super::{
    http_client::get,
    port::free_port,
    process::{Process, service},
    wait::PATIENCE,
};

/// An Alertmanager with a directory and a port of its own.
#[derive(Debug)]
pub(crate) struct Alertmanager {
    // Dropped in this order: first the process, then the directory that it writes to.
    _process: Process,
    _directory: TempDir,
    port: u16,
}

impl Alertmanager {
    /// Starts one that groups alerts by line, tells `receiver` of each group at once and of changes a second later, and
    /// waits until it is ready.
    pub(crate) fn start(receiver: &str) -> Self {
        let directory = tempfile::tempdir().expect("a directory for temporary files");
        let port = free_port();
        let configuration = directory.path().join("alertmanager.yml");
        fs::write(
            &configuration,
            format!(
                "route:\n  receiver: shift\n  group_by: [line]\n  group_wait: 1s\n  group_interval: 1s\n  \
                 repeat_interval: 4h\n\
                 receivers:\n  - name: shift\n    webhook_configs:\n      - url: {receiver}\n        \
                 send_resolved: true\n"
            ),
        )
        .expect("the directory is ours");
        let mut command = Command::new(service("ALERTMANAGER", "alertmanager"));
        command
            .arg(format!("--config.file={}", configuration.display()))
            .arg(format!("--storage.path={}", directory.path().join("data").display()))
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .arg("--cluster.listen-address=");
        let log = directory.path().join("alertmanager.log");
        let mut process = Process::start("alertmanager", &mut command, &log);
        let ready = format!("http://127.0.0.1:{port}/-/ready");
        process.wait_ready(PATIENCE, || get(&ready).is_ok_and(|answer| answer.status == 200));
        Self { _process: process, _directory: directory, port }
    }

    /// Its address, with this path, which begins with a slash.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// The alerts that it holds for firing.
    pub(crate) fn firing(&self) -> Vec<serde_json::Value> {
        let answer = get(&self.url("/api/v2/alerts?active=true")).expect("Alertmanager answers");
        assert_eq!(answer.status, 200, "{}", answer.text());
        serde_json::from_slice(&answer.body).expect("it answers in JSON")
    }
}

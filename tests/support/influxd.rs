//! The InfluxDB 2 server.

use std::{collections::BTreeMap, process::Command};

use serde_json::json;
use tempfile::TempDir;

use super::{
    http_client::{Response, get, post},
    port::free_port,
    process::{Process, Signal, service},
    wait::PATIENCE,
};

/// A server with a directory and a port of its own, both kept through restarts, set up with one organisation, one
/// bucket without an end, and one token that may do everything.
#[derive(Debug)]
pub(crate) struct Influxd {
    // Dropped in this order: first the process, then the directory that it writes to.
    process: Process,
    directory: TempDir,
    port: u16,
}

/// One value of one field at one time, as the server gives it back.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Point {
    /// Measurement and tags in the order of the tags' names, as `scores,line=tm1,model=pca`.
    pub(crate) series: String,
    /// Nanoseconds since 1970.
    pub(crate) time_ns: i64,
    /// The name of the field.
    pub(crate) field: String,
    /// The value in the server's own words, without quotes: `1.5`, `3`, `true`, `some text`.
    pub(crate) value: String,
}

impl Influxd {
    /// Starts a server, waits until it is healthy and sets it up.
    pub(crate) fn start() -> Self {
        let directory = tempfile::tempdir().expect("a directory for temporary files");
        let port = free_port();
        let server = Self { process: launch(&directory, port), directory, port };
        let setup = json!({
            "username": "onspec",
            "password": "onspec-tests",
            "org": server.org(),
            "bucket": server.bucket(),
            "retentionPeriodSeconds": 0,
            "token": server.token(),
        });
        let answer = server.api("/api/v2/setup", &[], setup.to_string().as_bytes());
        assert_eq!(answer.status, 201, "setup: {}", answer.text());
        server
    }

    /// The process id.
    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }

    /// The address without a path.
    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The port on the loopback interface.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// The token that may do everything.
    #[allow(clippy::unused_self, reason = "reads as one of the server's coordinates")]
    pub(crate) fn token(&self) -> &'static str {
        "token-of-the-tests"
    }

    /// The name of the organisation.
    #[allow(clippy::unused_self, reason = "reads as one of the server's coordinates")]
    pub(crate) fn org(&self) -> &'static str {
        "mill"
    }

    /// The name of the bucket.
    #[allow(clippy::unused_self, reason = "reads as one of the server's coordinates")]
    pub(crate) fn bucket(&self) -> &'static str {
        "quality"
    }

    /// Writes line protocol with times in nanoseconds, and returns what the server says to it.
    pub(crate) fn write(&self, lines: &str) -> Response {
        let path =
            format!("/api/v2/write?org={}&bucket={}&precision=ns", self.org(), self.bucket());
        self.api(&path, &[("Content-Type", "text/plain; charset=utf-8")], lines.as_bytes())
    }

    /// Runs a Flux query and returns its answer, annotated CSV.
    #[track_caller]
    pub(crate) fn query_csv(&self, flux: &str) -> String {
        let query = json!({
            "query": flux,
            "type": "flux",
            "dialect": { "annotations": ["datatype", "group", "default"] },
        });
        let path = format!("/api/v2/query?org={}", self.org());
        let answer = self.api(
            &path,
            &[("Content-Type", "application/json"), ("Accept", "application/csv")],
            query.to_string().as_bytes(),
        );
        assert_eq!(answer.status, 200, "query `{flux}`: {}", answer.text());
        answer.text()
    }

    /// Everything that the bucket holds of a measurement, sorted.
    #[track_caller]
    pub(crate) fn points(&self, measurement: &str) -> Vec<Point> {
        // Names are quoted as Flux and JSON both do it.
        let flux = format!(
            "from(bucket: {}) |> range(start: 1900-01-01T00:00:00Z, stop: 2200-01-01T00:00:00Z) \
             |> filter(fn: (r) => r._measurement == {})",
            json!(self.bucket()),
            json!(measurement),
        );
        points_of_csv(&self.query_csv(&flux))
    }

    /// Stops the server in good order.
    pub(crate) fn stop(&mut self) {
        // Not SIGTERM: this server does not know it, and dies of it without closing its files.
        self.process.signal(Signal::Interrupt);
        self.process.wait(PATIENCE);
    }

    /// Kills the server.
    pub(crate) fn kill(&mut self) {
        self.process.kill();
    }

    /// Starts the server again after [`Influxd::stop`] or [`Influxd::kill`], on the same port, with what it has stored.
    pub(crate) fn start_again(&mut self) {
        assert!(self.process.ended().is_some(), "stop the server before it is started again");
        self.process = launch(&self.directory, self.port);
    }

    /// What the server has logged, all its lives together.
    pub(crate) fn log(&self) -> String {
        self.process.log()
    }

    /// Sends a POST to a path of the server's API with the token.
    #[track_caller]
    pub(crate) fn api(&self, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Response {
        let token = format!("Token {}", self.token());
        let mut all = vec![("Authorization", token.as_str())];
        all.extend_from_slice(headers);
        post(&format!("{}{path}", self.url()), &all, body)
            .unwrap_or_else(|error| panic!("POST {path}: {error}"))
    }
}

fn launch(directory: &TempDir, port: u16) -> Process {
    let home = directory.path();
    let mut command = Command::new(service("INFLUXD", "influxd"));
    command
        .arg("--http-bind-address")
        .arg(format!("127.0.0.1:{port}"))
        .arg("--bolt-path")
        .arg(home.join("influxd.bolt"))
        .arg("--sqlite-path")
        .arg(home.join("influxd.sqlite"))
        .arg("--engine-path")
        .arg(home.join("engine"))
        .args(["--reporting-disabled", "--log-level", "warn"])
        // Lest it reads a config.yaml that happens to lie in the working directory.
        .env("INFLUXD_CONFIG_PATH", home)
        .current_dir(home);
    let mut process = Process::start("influxd", &mut command, &home.join("influxd.log"));
    let health = format!("http://127.0.0.1:{port}/health");
    process.wait_ready(PATIENCE, || get(&health).is_ok_and(|answer| answer.status == 200));
    process
}

/// Reads annotated CSV. Each table begins with lines of `#` and a line of names; a table with other tags has other names.
fn points_of_csv(text: &str) -> Vec<Point> {
    let mut points = Vec::new();
    let mut names: Option<csv::StringRecord> = None;
    let mut reader =
        csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text.as_bytes());
    for record in reader.records() {
        let record = record.expect("the server writes well-formed CSV");
        if record.get(0).is_some_and(|cell| cell.starts_with('#')) {
            names = None;
        } else if let Some(names) = &names {
            points.push(point_of_record(names, &record));
        } else {
            names = Some(record);
        }
    }
    points.sort();
    points
}

fn point_of_record(names: &csv::StringRecord, record: &csv::StringRecord) -> Point {
    let cells: BTreeMap<&str, &str> = names.iter().zip(record).collect();
    let cell =
        |name: &str| *cells.get(name).unwrap_or_else(|| panic!("no column `{name}` in {names:?}"));
    let mut series = cell("_measurement").to_owned();
    for (name, value) in &cells {
        let ours = name.starts_with('_') || matches!(*name, "" | "result" | "table");
        if !ours && !value.is_empty() {
            series.extend([",", name, "=", value]);
        }
    }
    let time: jiff::Timestamp = cell("_time").parse().expect("the server writes times by RFC 3339");
    Point {
        series,
        time_ns: i64::try_from(time.as_nanosecond())
            .expect("the server holds times of 64 bits only"),
        field: cell("_field").to_owned(),
        value: cell("_value").to_owned(),
    }
}

//! The clock of the machine is set while the daemon runs, or is wrong when it starts.

#![allow(clippy::disallowed_methods, reason = "the readings of this plant are of now")]

use super::plant::Plant;
use super::site::{LONG, Site};
use crate::support::{Daemon, PATIENCE, get, service, wait_until};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

const HOUR: i64 = 3_600_000;

/// The true time, ms since 1970.
fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is after 1970");
    i64::try_from(since.as_millis()).expect("it is long before the end of that")
}

/// What the daemon is told of the time.
struct Clock {
    file: PathBuf,
}

impl Clock {
    fn new(directory: &Path) -> Self {
        let clock = Self { file: directory.join("clock") };
        clock.set(0);
        clock
    }

    /// So much before (less than 0) or after the true time, ms.
    fn set(&self, by: i64) {
        // Renamed, so that nobody reads half of it.
        let new = self.file.with_extension("new");
        std::fs::write(&new, format!("{:+}\n", by / 1000)).expect("the directory is ours");
        std::fs::rename(&new, &self.file).expect("the directory is ours");
    }

    /// A daemon that goes by this clock. What measures intervals is as it is: nobody can set that.
    fn daemon(&self, site: &Site) -> Daemon {
        let library = service("LIBFAKETIME", "libfaketime").display().to_string();
        let file = self.file.display().to_string();
        let mut daemon = site.daemon_under(
            &[],
            &[
                ("LD_PRELOAD", &library),
                ("FAKETIME_TIMESTAMP_FILE", &file),
                ("FAKETIME_NO_CACHE", "1"),
                ("FAKETIME_DONT_FAKE_MONOTONIC", "1"),
                ("NO_FAKE_STAT", "1"),
            ],
        );
        daemon.wait_ready(&site.url("/readyz"));
        daemon
    }
}

/// What the daemon takes for the time, ms since 1970.
fn time_of(site: &Site) -> i64 {
    let text = get(&site.url("/api/v1/health")).map(|answer| answer.text()).unwrap_or_default();
    let value: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
    value["now"].as_i64().unwrap_or_default()
}

/// Waits for some rounds of the daemon's own seconds, in which it looks at what is silent and what does not work.
fn let_it_look(site: &Site) {
    let begun = time_of(site);
    wait_until("some seconds have gone by", PATIENCE, || time_of(site) - begun >= 3000);
}

#[test]
fn a_clock_that_is_set_forward_and_back_changes_no_judgement_and_stops_no_timer() {
    let mut site = Site::new();
    let clock = Clock::new(site.directory());
    let mut daemon = clock.daemon(&site);
    // Half an hour ago, so that what is published in a moment is of the past, and not of long ago.
    let mut plant = Plant::beginning(now() - HOUR / 2);
    site.publish(&plant.work(70));
    site.wait_committed(plant.count());

    // An hour's silence is one: see `idle`. Two hours on the clock are none.
    clock.set(2 * HOUR);
    wait_until("the clock is seen", PATIENCE, || time_of(&site) > now() + HOUR);
    let_it_look(&site);
    site.publish(&plant.work(70));
    site.wait_committed(plant.count());

    // Readings of now are three hours ahead of this clock.
    clock.set(-3 * HOUR);
    let_it_look(&site);
    site.publish(&plant.work(70));
    site.wait_committed(plant.count());
    site.check(&plant);
    site.wait_for_health("clock", "behind");

    // What does not work is told after ten seconds, though the clock went back meanwhile.
    site.influx.stop();
    site.publish(&plant.work(60));
    wait_until("it is seen", LONG, || site.health("influxdb").0 == "degraded");
    clock.set(-6 * HOUR);
    wait_until("it is told", LONG, || {
        site.events_of("system.degraded").iter().any(|body| body.contains("influxdb"))
    });
    site.influx.start_again();
    clock.set(0);
    site.check(&plant);
    assert_eq!(daemon.terminate(), Some(0), "{}", daemon.log());
}

#[test]
fn a_clock_that_is_hours_behind_at_the_start_changes_no_judgement() {
    let site = Site::new();
    let clock = Clock::new(site.directory());
    let mut daemon = clock.daemon(&site);
    let mut plant = Plant::beginning(now() - HOUR / 2);
    site.publish(&plant.work(90));
    site.wait_committed(plant.count());
    assert_eq!(daemon.terminate(), Some(0), "{}", daemon.log());

    clock.set(-3 * HOUR);
    daemon = clock.daemon(&site);
    site.wait_for_health("clock", "behind");
    site.publish(&plant.work(90));
    site.check(&plant);
    // As the time service does, some while after the start.
    clock.set(0);
    wait_until("the clock is well", LONG, || site.health("clock").0 == "ok");
    site.publish(&plant.work(60));
    site.check(&plant);
    assert_eq!(daemon.terminate(), Some(0), "{}", daemon.log());
}

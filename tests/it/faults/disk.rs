//! The disk of the store takes no more, and later it does.

use super::plant::Plant;
use super::site::{LONG, Site};
use crate::support::{Daemon, get, wait_until};
use std::fs::File;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

/// What takes the room away, and gives it back.
trait Scarcity {
    /// Starts the daemon where room can be taken from it.
    fn start(&self, site: &Site, full: bool) -> Daemon;
    /// Takes it.
    fn fill(&self, site: &Site, daemon: &Daemon);
    /// Gives it back.
    fn free(&self, daemon: &Daemon);
}

/// Room is taken from the files of the process: no file may grow beyond a size. Works everywhere, asks no privilege,
/// and is to the process what a quota is.
struct FileSize;

/// The greatest of the store's files.
fn largest(store: &Path) -> u64 {
    let log = store.with_extension("db-wal");
    let len = |path: &Path| path.metadata().map_or(0, |of| of.len());
    len(store).max(len(&log))
}

fn limit(daemon: &Daemon, bytes: &str) {
    let id = daemon.id().to_string();
    let set = Command::new("prlimit")
        .args(["--pid", &id, &format!("--fsize={bytes}:unlimited")])
        .status()
        .expect("util-linux is here");
    assert!(set.success(), "the limit cannot be set");
}

impl Scarcity for FileSize {
    fn start(&self, site: &Site, full: bool) -> Daemon {
        // The daemon's own log is bounded as well, and wants a little.
        let bytes = largest(&site.store).max(16 << 10).to_string();
        let bytes = if full { bytes } else { "unlimited".to_owned() };
        let limit = format!("--fsize={bytes}:unlimited");
        // The system also sends a signal, of which a process that does not expect it dies.
        let ignoring = r#"trap '' XFSZ; exec "$@""#;
        site.daemon_under(&["prlimit", &limit, "sh", "-c", ignoring, "sh"], &[])
    }

    fn fill(&self, site: &Site, daemon: &Daemon) {
        limit(daemon, &largest(&site.store).to_string());
    }

    fn free(&self, daemon: &Daemon) {
        limit(daemon, "unlimited");
    }
}

/// The store lies on a file system of its own, of a few megabytes in memory, that only the daemon sees.
struct SmallDisk {
    at: PathBuf,
}

impl SmallDisk {
    fn inside(&self, daemon: &Daemon, name: &str) -> PathBuf {
        let root = format!("/proc/{}/root{}", daemon.id(), self.at.display());
        Path::new(&root).join(name)
    }
}

impl Scarcity for SmallDisk {
    fn start(&self, site: &Site, full: bool) -> Daemon {
        assert!(!full, "what lies in memory ends with the daemon");
        let mounted = r#"mount -t tmpfs -o size=8m none "$0" && exec "$@""#;
        let at = self.at.display().to_string();
        site.daemon_under(&["unshare", "-rm", "sh", "-c", mounted, &at], &[])
    }

    fn fill(&self, _: &Site, daemon: &Daemon) {
        let mut filler = File::create(self.inside(daemon, "filler")).expect("it is our process");
        // To the last byte, however little each write takes.
        let mut piece = 1 << 20;
        while piece > 0 {
            match filler.write(&vec![b'x'; piece]) {
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::StorageFull => piece /= 2,
                Err(error) => panic!("cannot fill the disk: {error}"),
            }
        }
    }

    fn free(&self, daemon: &Daemon) {
        std::fs::remove_file(self.inside(daemon, "filler")).expect("it was made");
    }
}

/// Nothing ends, nothing that was acknowledged is lost, what comes meanwhile waits at the broker, and it goes on by
/// itself when there is room.
fn check_full_disk(site: &Site, scarcity: &dyn Scarcity) {
    let healthy = || get(&site.url("/healthz")).is_ok_and(|answer| answer.status == 200);
    let mut daemon = scarcity.start(site, false);
    daemon.wait_ready(&site.url("/readyz"));
    let mut plant = Plant::of_january();
    site.publish(&plant.work(100));
    site.wait_committed(plant.count());
    for _ in 0..2 {
        scarcity.fill(site, &daemon);
        // As much as is needed until the store finds no room: it uses again what it has.
        wait_until("the store has no room", LONG, || {
            assert_eq!(daemon.ended(), None, "a full disk ends nothing");
            site.publish(&plant.work(20));
            site.health("store").1.contains("make room")
        });
        site.publish(&plant.work(60));
        assert!(healthy(), "it waits, and that is no illness");
        let waiting = site.metric("onspec_readings_total");
        assert!(
            waiting < f64::from(u32::try_from(plant.count()).expect("it is small")),
            "{waiting}"
        );
        scarcity.free(&daemon);
        site.wait_committed(plant.count());
    }
    wait_until("the store is well again", LONG, || site.health("store").0 == "ok");
    site.check(&plant);
    assert_eq!(daemon.terminate(), Some(0), "{}", daemon.log());
}

#[test]
fn a_disk_without_room_ends_nothing_and_loses_nothing() {
    check_full_disk(&Site::new(), &FileSize);
}

#[test]
fn killed_and_started_on_a_full_disk_it_waits_for_room() {
    let site = Site::new();
    let mut daemon = FileSize.start(&site, false);
    daemon.wait_ready(&site.url("/readyz"));
    let mut plant = Plant::of_january();
    site.publish(&plant.work(100));
    site.wait_committed(plant.count());
    FileSize.fill(&site, &daemon);
    wait_until("the store has no room", LONG, || {
        assert_eq!(daemon.ended(), None, "a full disk ends nothing");
        site.publish(&plant.work(20));
        site.health("store").1.contains("make room")
    });
    daemon.kill_9();

    daemon = FileSize.start(&site, true);
    wait_until("it says that there is no room", LONG, || {
        assert_eq!(daemon.ended(), None, "a full disk ends nothing");
        site.publish(&plant.work(20));
        site.health("store").1.contains("make room")
    });
    FileSize.free(&daemon);
    site.check(&plant);
    assert_eq!(daemon.terminate(), Some(0), "{}", daemon.log());
}

#[test]
fn a_first_start_on_a_full_disk_waits_for_room() {
    let site = Site::new();
    let mut daemon = FileSize.start(&site, true);
    daemon.wait_for_log("cannot be opened until there is room");
    assert_eq!(daemon.terminate(), Some(0), "{}", daemon.log());
    daemon = FileSize.start(&site, true);
    daemon.wait_for_log("cannot be opened until there is room");
    FileSize.free(&daemon);
    daemon.wait_ready(&site.url("/readyz"));
    assert_eq!(daemon.terminate(), Some(0), "{}", daemon.log());
}

#[test]
fn a_file_system_without_room_ends_nothing_and_loses_nothing() {
    let may = Command::new("unshare").args(["-rm", "true"]).status();
    if !may.is_ok_and(|status| status.success()) {
        eprintln!(
            "this machine lets nobody have a file system of one's own: what a full one does is shown \
             by `a_disk_without_room_ends_nothing_and_loses_nothing` alone"
        );
        return;
    }
    let mut site = Site::new();
    let at = site.directory().join("small");
    std::fs::create_dir(&at).expect("the directory is ours");
    site.store = at.join("onspec.db");
    check_full_disk(&site, &SmallDisk { at });
}

#[test]
fn a_log_that_takes_nothing_ends_nothing() {
    let site = Site::new();
    let into_what_is_full = r#"exec "$@" 2>/dev/full"#;
    let mut daemon = site.daemon_under(&["sh", "-c", into_what_is_full, "sh"], &[]);
    daemon.wait_ready(&site.url("/readyz"));
    let mut plant = Plant::of_january();
    site.publish(&plant.work(100));
    site.wait_stored(&plant);
    site.check_readings(&plant);
    assert_eq!(daemon.terminate(), Some(0));
}

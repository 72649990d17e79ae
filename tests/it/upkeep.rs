//! What the daemon does beside judging: it notices silence, and reads its configuration again.

#![allow(clippy::unwrap_used, reason = "helpers of a test may fail it like the test itself")]
#![allow(clippy::disallowed_methods, reason = "a gateway stamps its readings with its own clock")]

use crate::support::{
    Daemon, Mosquitto, PATIENCE, Signal, binary, configure, free_port, get, post, publish,
    wait_until,
};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};
use tempfile::TempDir;

struct Rig {
    broker: Mosquitto,
    directory: TempDir,
    http: u16,
    daemon: Daemon,
}

/// A configuration; `more` comes at its end.
fn config(directory: &Path, broker: &str, http: u16, more: &str) -> PathBuf {
    let rest = format!(
        r#"
        [[mqtt.subscribe]]
        topic = "mill/{{line}}/{{area}}/{{tag}}"
        time = "/ts"
        [line.tm3]
        idle = "1s"
        [line.tm3.tag.basis_weight]
        unit = "g/m2"
        stale = "1s"
        {more}
        "#
    );
    configure(directory, broker, http, &rest)
}

impl Rig {
    fn start() -> Self {
        let broker = Mosquitto::start();
        let directory = tempfile::tempdir().unwrap();
        let http = free_port();
        let path = config(directory.path(), &broker.url(), http, "");
        let mut daemon = Daemon::start(&path);
        daemon.wait_ready(&format!("http://127.0.0.1:{http}/readyz"));
        Self { broker, directory, http, daemon }
    }

    fn reconfigure(&mut self, more: &str) {
        config(self.directory.path(), &self.broker.url(), self.http, more);
        self.daemon.signal(Signal::Hangup);
    }

    /// A reading of now.
    fn say(&self, line: &str, tag: &str, value: f64) {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis();
        let body = format!(r#"{{"value":{value},"ts":{now}}}"#).into_bytes();
        publish(self.broker.port(), vec![(format!("mill/{line}/dry/{tag}"), body)]);
    }

    /// Readings stored so far.
    fn readings(&self) -> f64 {
        let answer = get(&format!("http://127.0.0.1:{}/api/v1/health", self.http)).unwrap();
        let body: serde_json::Value = serde_json::from_str(&answer.text()).unwrap();
        body["readings"].as_f64().unwrap()
    }

    /// A key of a tag; null when there is no such tag, or no page now.
    fn tag(&self, id: &str, key: &str) -> serde_json::Value {
        let Ok(answer) = get(&format!("http://127.0.0.1:{}/api/v1/tags", self.http)) else {
            return serde_json::Value::Null;
        };
        let body: serde_json::Value = serde_json::from_str(&answer.text()).unwrap_or_default();
        let tags = body["tags"].as_array();
        let tag = tags.and_then(|tags| tags.iter().find(|tag| tag["tag"] == id));
        tag.map_or(serde_json::Value::Null, |tag| tag[key].clone())
    }
}

#[test]
fn a_line_that_falls_silent_is_noticed_while_another_goes_on() {
    let rig = Rig::start();
    rig.say("tm3", "basis_weight", 15.0);
    wait_until("the reading is seen", PATIENCE, || rig.tag("basis_weight", "value") == 15.0);
    wait_until("the silence is seen", PATIENCE, || {
        rig.say("tm4", "basis_weight", 17.0);
        rig.tag("basis_weight", "health") == "stale"
    });
}

#[test]
fn another_configuration_takes_effect_and_no_message_is_lost() {
    let mut rig = Rig::start();
    rig.say("tm3", "moisture", 5.5);
    rig.reconfigure("[line.tm3.tag.moisture]\nunit = \"%\"\n");
    // Some of them come while the parts are down: the broker keeps them.
    let mut value = 0.0;
    wait_until("the new tag is known", PATIENCE, || {
        value += 1.0;
        rig.say("tm3", "moisture", value);
        rig.tag("moisture", "unit") == "%"
    });
    wait_until("the last is seen", PATIENCE, || rig.tag("moisture", "value") == value);
    // The first one, and one for each number up to the last.
    assert!((rig.readings() - value - 1.0).abs() < 0.5, "{} of {}", rig.readings(), value + 1.0);
    let log = rig.daemon.wait_for_log("takes effect");
    assert_eq!(log.matches("store is open").count(), 2, "{log}");
    assert!(!log.contains("has lost the session"), "{log}");
    assert_eq!(rig.daemon.terminate(), Some(0));
}

#[test]
fn the_api_takes_another_configuration_and_says_why_not() {
    let mut rig = Rig::start();
    let reload = format!("http://127.0.0.1:{}/api/v1/reload", rig.http);
    let more = "[line.tm3.tag.moisture]\nunitt = \"%\"\n";
    config(rig.directory.path(), &rig.broker.url(), rig.http, more);
    let answer = post(&reload, &[], b"").unwrap();
    assert_eq!(answer.status, 422);
    assert!(answer.text().contains("unitt"), "{}", answer.text());
    let more = "[line.tm3.tag.moisture]\nunit = \"%\"\n";
    config(rig.directory.path(), &rig.broker.url(), rig.http, more);
    let answer = post(&reload, &[], b"").unwrap();
    assert_eq!((answer.status, &*answer.text()), (202, r#"{"reload":"takes effect"}"#));
    wait_until("the new tag is known", PATIENCE, || rig.tag("moisture", "unit") == "%");
    assert_eq!(rig.daemon.terminate(), Some(0));
}

#[test]
fn a_wrong_configuration_is_refused_and_everything_goes_on() {
    let mut rig = Rig::start();
    rig.reconfigure("[line.tm3.tag.moisture]\nunitt = \"%\"\n");
    let log = rig.daemon.wait_for_log("everything goes on with the old one");
    assert!(log.contains("unitt"), "{log}");
    // Right in itself, and this machine does not have what it names.
    rig.reconfigure("[influxdb]\nurl = \"http://127.0.0.1:9\"\norg = \"o\"\nbucket = \"b\"\ntoken = { env = \"NO_SUCH\" }\n");
    rig.daemon.wait_for_log("`influxdb.token`");
    // Here, and of no use: a part would end of it as soon as it has begun.
    let token = rig.directory.path().join("token");
    std::fs::write(&token, "two words").unwrap();
    rig.reconfigure(&format!("[influxdb]\nurl = \"http://127.0.0.1:9\"\norg = \"o\"\nbucket = \"b\"\ntoken = {{ file = \"{}\" }}\n", token.display()));
    rig.daemon.wait_for_log("characters that no token has");
    let path = config(rig.directory.path(), &rig.broker.url(), rig.http, "");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replace("onspec.db", "other.db")).unwrap();
    rig.daemon.signal(Signal::Hangup);
    rig.daemon.wait_for_log("restart onspec for that");
    rig.say("tm3", "basis_weight", 15.0);
    wait_until("the reading is seen", PATIENCE, || rig.tag("basis_weight", "value") == 15.0);
    let log = rig.daemon.log();
    assert_eq!(log.matches("store is open").count(), 1, "{log}");
    assert_eq!(rig.daemon.terminate(), Some(0));
}

#[test]
fn the_end_and_another_reload_that_are_asked_for_during_a_reload_come_after_it() {
    let mut rig = Rig::start();
    // A broker that does not answer makes a reload take long enough to ask for more meanwhile.
    rig.broker.signal(Signal::Stop);
    rig.reconfigure("");
    rig.daemon.wait_for_log("takes effect");
    rig.reconfigure("[line.tm3.tag.moisture]\nunit = \"%\"\n");
    rig.daemon.wait_for_log("later=true");
    rig.broker.signal(Signal::Continue);
    wait_until("the newest is read", PATIENCE, || rig.tag("moisture", "unit") == "%");

    wait_until("it is connected", PATIENCE, || {
        let ready = get(&format!("http://127.0.0.1:{}/readyz", rig.http));
        ready.is_ok_and(|answer| answer.status == 200)
    });
    rig.broker.signal(Signal::Stop);
    let before = rig.daemon.log().matches("takes effect").count();
    rig.reconfigure("");
    wait_until("it is read", PATIENCE, || {
        rig.daemon.log().matches("takes effect").count() > before
    });
    assert_eq!(rig.daemon.terminate(), Some(0), "{}", rig.daemon.log());
}

/// Runs `onspec store …`: its exit code, and what it printed on both streams.
fn store(command: &str, more: &[&Path]) -> (Option<i32>, String) {
    let mut run = Command::new(binary());
    run.args(["store", command]);
    for (flag, path) in ["--store", "--to"].iter().zip(more) {
        run.arg(flag).arg(path);
    }
    let done = run.output().unwrap();
    let text = [done.stdout, done.stderr].concat();
    (done.status.code(), String::from_utf8(text).unwrap())
}

#[test]
fn a_store_is_copied_in_use_and_mended_when_it_is_damaged() {
    let mut rig = Rig::start();
    rig.say("tm3", "basis_weight", 15.0);
    wait_until("the reading is seen", PATIENCE, || rig.tag("basis_weight", "value") == 15.0);
    let path = rig.directory.path().join("onspec.db");
    let copy = rig.directory.path().join("copy.db");
    let (code, text) = store("repair", &[&path]);
    assert!(code == Some(1) && text.contains("used by another process"), "{text}");
    assert_eq!(store("check", &[&path]).0, Some(0));
    assert_eq!(store("backup", &[&path, &copy]).0, Some(0));
    let (code, text) = store("backup", &[&path, &copy]);
    assert!(code == Some(2) && text.contains("is there already"), "{text}");
    assert_eq!(store("check", &[&copy]).0, Some(0));
    assert_eq!(rig.daemon.terminate(), Some(0));

    let damage = rusqlite::Connection::open(&path).unwrap();
    let torn = "UPDATE checkpoints SET body = zeroblob(length(body))";
    assert!(damage.execute(torn, ()).unwrap() > 0);
    drop(damage);
    let (code, text) = store("check", &[&path]);
    assert!(code == Some(1) && text.contains("is damaged"), "{text}");
    let (code, text) = store("repair", &[&path]);
    assert!(code == Some(0) && text.contains("is whole again"), "{text}");
    let (code, text) = store("check", &[&path]);
    assert_eq!(code, Some(0), "{text}");
    let config = rig.directory.path().join("onspec.toml");
    rig.daemon = Daemon::start(&config);
    rig.daemon.wait_ready(&format!("http://127.0.0.1:{}/readyz", rig.http));
    assert_eq!(rig.daemon.terminate(), Some(0));
}

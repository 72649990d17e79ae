//! All that listens and speaks, with a broker that is reached over WebSocket.

#![allow(clippy::unwrap_used, reason = "helpers of a test may fail it like the test itself")]

use crate::support::{
    Authority, Daemon, Mosquitto, PATIENCE, Process, binary, configure, free_port, get, wait_until,
};
use std::net::{Ipv4Addr, TcpStream};
use std::process::Command;

#[test]
fn daemon_tap_and_discover_hear_over_wss_what_simulate_says_over_ws() {
    let authority = Authority::new();
    let (ws, wss, http) = (free_port(), free_port(), free_port());
    let own = authority.directory().display();
    let _broker = Mosquitto::start_with(&format!(
        "listener {ws} 127.0.0.1\nprotocol websockets\n\
         listener {wss} 127.0.0.1\nprotocol websockets\n\
         cafile {own}/ca.pem\ncertfile {own}/server.pem\nkeyfile {own}/server.key\n"
    ));
    wait_until("its ports are open", PATIENCE, || {
        [ws, wss].iter().all(|port| TcpStream::connect((Ipv4Addr::LOCALHOST, *port)).is_ok())
    });
    let directory = tempfile::tempdir().unwrap();
    let ca = authority.file("ca.pem");
    let (url, ca) = (format!("wss://127.0.0.1:{wss}"), ca.display());

    let mut command = Command::new(binary());
    command.args(["simulate", "--form", "topics", "--broker", &format!("ws://127.0.0.1:{ws}/")]);
    let log = directory.path().join("simulate.log");
    let mut machine = Process::start("onspec simulate", &mut command, &log);

    let discover = Command::new(binary())
        .args(["discover", "--broker", &url, "--for", "3s", "--ca", &ca.to_string()])
        .output()
        .unwrap();
    let found = String::from_utf8(discover.stdout).unwrap();
    let said = String::from_utf8_lossy(&discover.stderr).into_owned();
    assert!(discover.status.success(), "{said}");
    assert!(found.contains(&format!("url = \"{url}\"")), "{found}");
    assert!(found.contains("topic = \"mill/"), "{found}");

    let rest = format!(
        r#"
        tls = {{ ca = "{ca}" }}
        [[mqtt.subscribe]]
        topic = "mill/{{line}}/{{area}}/{{tag}}"
        time = "/ts"
        "#
    );
    let config = configure(directory.path(), &url, http, &rest);
    let mut tap = Command::new(binary());
    tap.arg("tap").arg("-c").arg(&config).args(["--count", "2"]);
    let tapped = tap.output().unwrap();
    let tapped = String::from_utf8(tapped.stdout).unwrap();
    assert!(tapped.contains("mill/tm3/"), "{tapped}");

    let mut daemon = Daemon::start(&config);
    daemon.wait_ready(&format!("http://127.0.0.1:{http}/readyz"));
    wait_until("readings are stored", PATIENCE, || {
        let answer = get(&format!("http://127.0.0.1:{http}/api/v1/health")).unwrap();
        let health: serde_json::Value = serde_json::from_str(&answer.text()).unwrap();
        health["readings"].as_u64() > Some(100)
    });
    daemon.kill_9();
    let mut daemon = Daemon::start(&config);
    daemon.wait_for_log("session_present=true");
    assert_eq!(daemon.terminate(), Some(0));
    assert_eq!(machine.ended(), None, "{}", machine.log());
}

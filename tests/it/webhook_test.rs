//! `onspec webhook test`, by the program itself.

use std::{fs, process::Command};

use crate::support::{Answer, WebhookReceiver, binary};

/// A configuration with these receivers: name, format, address and more lines.
fn configuration(hooks: &[(&str, &str, &str, &str)]) -> String {
    let hook = |(name, format, file, more): &(&str, &str, &str, &str)| {
        format!(
            "[[webhook]]\nname = \"{name}\"\nformat = \"{format}\"\nurl = {{ file = \"{file}\" }}\n{more}\n"
        )
    };
    let hooks: String = hooks.iter().map(hook).collect();
    format!(
        "[[mqtt]]\nurl = \"mqtt://127.0.0.1\"\n[[mqtt.subscribe]]\ntopic = \"m/{{line}}/{{tag}}\"\n\
         [site]\nname = \"mill\"\n{hooks}"
    )
}

#[test]
fn each_receiver_is_sent_a_test_and_what_it_answered_is_said() {
    let (well, ill) = (WebhookReceiver::start(), WebhookReceiver::start());
    ill.answer_always(Answer::Status(404));
    let directory = tempfile::tempdir().expect("a directory for temporary files");
    let file = |name: &str, text: &str| {
        let path = directory.path().join(name);
        fs::write(&path, text).expect("the directory is ours");
        path.display().to_string()
    };
    let key = file("key", "0123456789abcdef0123456789abcdef");
    let template = file("hook.j2", "{\"text\": {{ data.title }}}");
    let hooks = [
        ("chat", "slack", file("chat", &well.url("/services/K3Y-OF-CHAT")), String::new()),
        (
            "duty",
            "pagerduty",
            file("duty", &well.url("/v2/enqueue")),
            format!("secret = {{ file = \"{key}\" }}"),
        ),
        (
            "own",
            "template",
            file("own", &well.url("/own")),
            format!("template_file = \"{template}\""),
        ),
        ("gone", "teams", file("gone", &ill.url("/flows/K3Y-OF-FLOW")), String::new()),
    ];
    let hooks: Vec<_> = hooks
        .iter()
        .map(|(name, format, url, more)| (*name, *format, url.as_str(), more.as_str()))
        .collect();
    let config = file("onspec.toml", &configuration(&hooks));
    let run = |arguments: &[&str]| {
        let output = Command::new(binary())
            .args(["webhook", "test", "-c", &config])
            .args(arguments)
            .output()
            .expect("the program runs");
        let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
        (output.status.code(), text(output.stdout), text(output.stderr))
    };

    let (status, stdout, stderr) = run(&[]);
    assert_eq!(status, Some(1), "{stdout}{stderr}");
    let lines: Vec<&str> = stdout.lines().collect();
    assert_eq!(
        lines[..3]
            .iter()
            .filter(|line| line.contains(": took it: the receiver answered 200"))
            .count(),
        3,
        "{stdout}"
    );
    assert!(lines[3].starts_with("gone: did not take it: the receiver answered 404"), "{stdout}");
    assert!(lines[3].contains("there is no such flow"), "{stdout}");
    assert!(!stdout.contains("K3Y") && !stderr.contains("K3Y"), "{stdout}{stderr}");

    let bodies: Vec<serde_json::Value> = well
        .received()
        .iter()
        .map(|request| serde_json::from_slice(&request.body).expect("JSON"))
        .collect();
    assert_eq!(bodies.len(), 4);
    assert!(bodies[0]["text"].as_str().expect("a text").contains("TEST, nothing happened"));
    assert_eq!(
        (&bodies[1]["event_action"], &bodies[2]["event_action"]),
        (&"trigger".into(), &"resolve".into())
    );
    assert_eq!(bodies[1]["dedup_key"], bodies[2]["dedup_key"]);
    assert_eq!(
        bodies[3]["text"],
        "TEST, nothing happened: sample-line: batch SAMPLE-014 is at risk"
    );

    let (status, stdout, _) = run(&["chat", "--json"]);
    assert_eq!(status, Some(0), "{stdout}");
    let told: serde_json::Value = serde_json::from_str(&stdout).expect("JSON");
    assert_eq!(told["webhooks"][0]["name"], "chat");
    assert_eq!(told["webhooks"][0]["delivered"], true);

    let (status, _, stderr) = run(&["nobody"]);
    assert_eq!(status, Some(2));
    assert!(stderr.contains("there is: chat, duty, own, gone"), "{stderr}");
}

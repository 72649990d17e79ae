//! `onspec discover` against the tissue machine, in each of its dialects.

use crate::support::{Mosquitto, wait_until};
use onspec::app::{FitMode, Outputs, Pipeline, demo};
use onspec::config::{self, Checked};
use onspec::discover::{Survey, propose};
use onspec::engine::{Effect, Event};
use onspec::simulate::{Form, Published};
use onspec::store::Store;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

/// The mill's own configuration, and its grades and models, which nobody can hear.
const TISSUE: &str = include_str!("../../config/tissue.toml");
const LEARNING: u32 = 2;
const BATCHES: u32 = 2;

fn grades() -> &'static str {
    let from = TISSUE.find("[grade.facial-15]").expect("the first grade");
    let to = TISSUE.find("[models]").expect("after the grades");
    &TISSUE[from..to]
}

/// What the machine says in so many seconds.
fn heard(form: Form, seconds: u32) -> Survey {
    let tissue = demo::tissue(Some(LEARNING)).expect("the model case is a configuration");
    let mut machine = demo::machine(&tissue, 7, BATCHES, form);
    let (mut survey, mut published) = (Survey::default(), Vec::new());
    let broker: Arc<str> = "plant".into();
    for _ in 0..seconds {
        machine.step(&mut published);
        for message in published.drain(..) {
            survey.take(&message.from_broker(&broker));
        }
    }
    survey
}

/// What is said of each batch when it is first flagged, and at its end.
fn verdicts(checked: &Checked, form: Form) -> Vec<String> {
    let tissue = demo::tissue(Some(LEARNING)).expect("the model case is a configuration");
    let mut machine = demo::machine(&tissue, 7, BATCHES, form);
    let store = Store::open(&tissue.store).expect("there is memory");
    let (mut pipeline, _) = Pipeline::open(
        store,
        checked.plant.clone(),
        checked.rules(),
        Outputs::default(),
        FitMode::Inline,
    )
    .expect("a new store opens");
    let broker: Arc<str> = "plant".into();
    let (mut said, mut published): (Vec<String>, Vec<Published>) = (Vec::new(), Vec::new());
    let mut running = true;
    while running {
        for _ in 0..60 {
            running = running && machine.step(&mut published);
        }
        let events =
            published.drain(..).map(|message| Event::Arrival(message.from_broker(&broker)));
        pipeline
            .commit(events, &mut |effect| {
                let line = match effect {
                    Effect::BatchVerdict(document) => Some(("at its end", document)),
                    Effect::Verdict(document) => Some(("so far", document)),
                    _ => None,
                };
                let Some((when, document)) = line else { return };
                let batch = document.batch.as_deref().unwrap_or("-");
                let text = format!("{batch} {when} {}", document.verdict.as_str());
                if said.last() != Some(&text) {
                    said.push(text);
                }
            })
            .expect("the store takes it");
    }
    said
}

fn check_dialect(form: Form, rules: &[&str]) {
    let proposal = propose(&heard(form, 1200));
    let text = proposal.to_toml("name = \"plant\"\nurl = \"mqtt://127.0.0.1:1883\"");
    for rule in rules {
        assert!(text.contains(rule), "no `{rule}` in\n{text}");
    }
    let text = format!("{text}\n{}\n[models]\nlearning_batches = {LEARNING}\n", grades());
    let proposed = config::load(&text, "proposed.toml").unwrap_or_else(|e| panic!("{e}\n{text}"));
    let written = demo::tissue(Some(LEARNING)).expect("the model case is a configuration");
    let (expected, found) = (verdicts(&written, Form::Wide), verdicts(&proposed, form));
    assert!(expected.iter().any(|said| said.ends_with("on-spec")), "{expected:?}");
    assert_eq!(found, expected, "{text}");
}

#[test]
fn a_topic_for_each_tag_gives_the_verdicts_of_the_mill_s_own_configuration() {
    check_dialect(
        Form::Topics,
        &[
            "topic = \"mill/{line}/{area}/{tag}\"\nvalue = \"/value\"\ntime = \"/ts\"",
            "topic = \"mill/{line}/events\"\nformat = \"batch-event\"",
        ],
    );
}

#[test]
fn a_wide_document_gives_the_verdicts_of_the_mill_s_own_configuration() {
    check_dialect(
        Form::Wide,
        &[
            "topic = \"mill/{line}/{area}\"\ntime = \"/ts\"\n\n[mqtt.subscribe.fields]",
            "topic = \"mill/{line}/events\"\nformat = \"batch-event\"",
        ],
    );
}

#[test]
fn edge_nodes_give_the_verdicts_of_the_mill_s_own_configuration() {
    check_dialect(
        Form::Sparkplug,
        &[
            "topic = \"spBv1.0/{group}/{type}/{line}/{area}\"\nformat = \"sparkplug-b\"",
            "topic = \"mill/{line}/events\"\nformat = \"batch-event\"",
            "unit = \"bar\"",
        ],
    );
}

#[test]
fn what_is_proposed_from_a_broker_passes_the_check() {
    let broker = Mosquitto::start();
    let directory = tempfile::tempdir().expect("a directory for temporary files");
    let file = directory.path().join("onspec.toml");
    let url = format!("mqtt://127.0.0.1:{}", broker.port());
    let onspec = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_onspec"));
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    };
    let mut mill = onspec();
    mill.args(["simulate", "--broker", &url, "--learning", "2", "--batches", "1", "--speed", "60"]);
    let mut mill = mill.spawn().expect("it starts");
    let output = onspec()
        .args(["discover", "--broker", &url, "--for", "4s", "-o"])
        .arg(&file)
        .output()
        .expect("it starts");
    mill.kill().expect("it runs");
    wait_until("the mill ends", Duration::from_secs(30), || {
        mill.try_wait().expect("it can be asked").is_some()
    });
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{said}");
    let check = onspec().arg("check").arg("-c").arg(&file).output().expect("it starts");
    assert_eq!(check.status.code(), Some(0), "{}", String::from_utf8_lossy(&check.stderr));
    let text = std::fs::read_to_string(&file).expect("it was written");
    assert!(text.contains("[line.tm3.tag.basis_weight]\nrole = \"quality\""), "{text}");
    // The mill lives in January 2026 and is in a hurry: its times are times all the same, and say how often it measures.
    assert!(text.contains("time = \"/ts\"") && !text.contains(".tag.ts]"), "{text}");
    assert!(text.contains("behind their arrival: a recording, or a clock that is wrong"), "{text}");
    assert!(text.contains("every 5.0 s,") && !text.contains(" ms,"), "{text}");

    // It never writes over a file.
    let again = onspec().args(["discover", "--broker", &url, "-o"]).arg(&file).output();
    let again = again.expect("it starts");
    assert_eq!(again.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&again.stderr).contains("is there already"));
}

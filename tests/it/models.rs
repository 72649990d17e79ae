//! `onspec models`: what stands in the registry, and which model judges.

#![allow(clippy::unwrap_used, reason = "helpers of a test may fail it like the test itself")]

use crate::recordings::Desk;
use crate::support::{Daemon, Mosquitto, PATIENCE, configure, free_port, get, post, wait_until};
use serde_json::Value;
use std::fmt::Write as _;

/// A table of three columns that go together, the same each time; `seed` makes it another one.
fn table(seed: i64) -> String {
    let mut text = String::from("time,a,b,c\n");
    for n in 0..400_i64 {
        #[expect(clippy::cast_precision_loss, reason = "small test numbers")]
        let part = |times: i64, of: i64| (((n + seed) * times) % of) as f64 / 10.0;
        let (a, b) = (part(37, 101), part(53, 97));
        writeln!(text, "{},{a},{b},{}", 1_769_126_400 + n * 10, a + b + part(11, 7)).unwrap();
    }
    text
}

/// A desk with a store of two models of line and grade `auto`.
fn desk() -> Desk {
    let desk = Desk::new();
    for seed in [1, 2] {
        desk.write("normal.csv", table(seed));
        let fit = "fit --auto --store m.db --time time --time-unit s --from normal.csv";
        let (status, text, errors) = desk.run(fit);
        assert_eq!(status, 0, "{text}{errors}");
    }
    desk
}

fn json(desk: &Desk, line: &str) -> Value {
    let (status, text, errors) = desk.run(line);
    assert_eq!(status, 0, "{line}: {text}{errors}");
    serde_json::from_str(&text).unwrap()
}

/// Version, whether it judges, and its hash, of each model.
fn models(desk: &Desk) -> Vec<(u64, bool, String)> {
    let listed = json(desk, "models list --store m.db --json");
    let of = |model: &Value| {
        let hash = model["sha256"].as_str().unwrap().to_owned();
        (model["version"].as_u64().unwrap(), model["judges"].as_bool().unwrap(), hash)
    };
    listed["models"].as_array().unwrap().iter().map(of).collect()
}

#[test]
fn model_says_where_it_is_from() {
    let desk = desk();
    let (status, text, _) = desk.run("models list --store m.db --line auto");
    assert_eq!(status, 0);
    assert!(text.contains("put in by hand") && text.contains("400 frames"), "{text}");
    let (_, text, _) = desk.run("models list --store m.db --line other");
    assert_eq!(text, "there is no model\n");
    let (status, text, _) = desk.run("models show auto auto --store m.db");
    assert_eq!(status, 0);
    let said = |name: &str| {
        let line = text.lines().find(|line| line.starts_with(&format!("{name} ")));
        line.unwrap_or_else(|| panic!("no {name} in {text}"))[name.len()..].trim().to_owned()
    };
    assert_eq!(said("version"), "2");
    assert_eq!(said("judges"), "yes");
    assert_eq!(said("data"), "2026-01-23T00:00:00Z to 2026-01-23T01:06:40Z");
    assert_eq!(said("columns"), "a, b, c");
    assert!(said("limits").starts_with("by "), "{text}");
    assert!(said("libraries").contains("linfa-linalg"), "{text}");
    assert_eq!(said("sha-256"), models(&desk)[1].2);
    let first = json(&desk, "models show auto auto 1 --store m.db --json");
    assert_eq!((&first["version"], &first["judges"]), (&1.into(), &false.into()));
    assert_eq!(first["header"]["source"]["batches"], serde_json::json!([]));
}

#[test]
fn model_that_judged_before_judges_again_as_a_new_version() {
    let desk = desk();
    let before = models(&desk);
    assert!(matches!(before[..], [(1, false, _), (2, true, _)]), "{before:?}");
    let (status, text, errors) = desk.run("models rollback auto auto --store m.db");
    assert_eq!(
        (status, text.as_str()),
        (0, "line auto, grade auto: model 3, the same as 1, judges from the next start on\n"),
        "{errors}"
    );
    let after = models(&desk);
    assert_eq!(after[2], (3, true, before[0].2.clone()));
    assert_eq!(after.iter().filter(|(_, judges, _)| *judges).count(), 1);
    // What judged before model 3 is model 2, and not the other copy of the same.
    let (status, text, _) = desk.run("models rollback auto auto --store m.db");
    assert!(status == 0 && text.contains("model 4, the same as 2,"), "{text}");
    let (status, text, _) = desk.run("models promote auto auto 1 --store m.db");
    assert!(status == 0 && text.contains("model 5, the same as 1,"), "{text}");
}

#[test]
fn a_running_daemon_lets_another_model_judge_when_the_api_is_asked() {
    let desk = desk();
    std::fs::rename(desk.path("m.db"), desk.path("onspec.db")).unwrap();
    let (broker, http) = (Mosquitto::start(), free_port());
    let tag = |id: &str| format!("[line.auto.tag.{id}]\nunit = \"\"\nrole = \"process\"\n");
    let rest = format!(
        "[[mqtt.subscribe]]\ntopic = \"mill/{{line}}/{{area}}/{{tag}}\"\n[line.auto]\nframe = \"10s\"\n\
         grade = \"auto\"\nbatch = {{ from = \"none\" }}\n{}[grade.auto]\n",
        ["a", "b", "c"].map(tag).concat()
    );
    let path = configure(&desk.path("."), &broker.url(), http, &rest);
    let mut daemon = Daemon::start(&path);
    daemon.wait_ready(&format!("http://127.0.0.1:{http}/readyz"));
    let url = |rest: &str| format!("http://127.0.0.1:{http}/api/v1/models{rest}");
    let said =
        |rest: &str| -> Value { serde_json::from_str(&get(&url(rest)).unwrap().text()).unwrap() };
    let states = || -> Vec<(u64, String)> {
        let of = |model: &Value| {
            (model["version"].as_u64().unwrap(), model["state"].as_str().unwrap().to_owned())
        };
        said("")["models"].as_array().unwrap().iter().map(of).collect()
    };
    assert_eq!(states(), [(1, "judged".into()), (2, "judges".into())]);
    // Another process may read the store meanwhile, and says the same of a model.
    let mut told = said("/auto/auto/1");
    assert!(told.as_object_mut().unwrap().remove("shadow").is_some());
    assert_eq!(told, json(&desk, "models show auto auto 1 --store onspec.db --json"));

    let answer = post(&url("/auto/auto/1/promote"), &[], br#"{"by":"shift-a"}"#).unwrap();
    assert_eq!(answer.status, 202, "{}", answer.text());
    let said_so: Value = serde_json::from_str(&answer.text()).unwrap();
    assert_eq!((&said_so["version"], &said_so["of"]), (&3.into(), &1.into()));
    wait_until("it judges", PATIENCE, || states().last().is_some_and(|last| last.0 == 3));
    assert_eq!(states()[1..], [(2, "judged".into()), (3, "judges".into())]);
    let again = post(&url("/auto/auto/1/promote"), &[], b"").unwrap();
    assert_eq!(again.status, 409, "{}", again.text());
    assert!(again.text().contains("version 1 is the same model as 3"), "{}", again.text());
    let back = post(&url("/auto/auto/rollback"), &[], b"").unwrap();
    assert!(back.status == 202 && back.text().contains("rolled back to that of version 2"));
    wait_until("the other judges", PATIENCE, || states().len() == 4);
    let none = post(&url("/auto/auto/withdraw"), &[], b"").unwrap();
    assert_eq!(none.status, 409, "{}", none.text());
    assert!(none.text().contains("no promotion waits"), "{}", none.text());
    assert_eq!(daemon.terminate(), Some(0));

    // What it was told outlives it, and is no model put in by hand.
    let model = json(&desk, "models show auto auto --store onspec.db --json");
    assert_eq!((&model["version"], &model["by_hand"]), (&4.into(), &false.into()));
    let mut daemon = Daemon::start(&path);
    daemon.wait_ready(&format!("http://127.0.0.1:{http}/readyz"));
    assert_eq!(states().last(), Some(&(4, "judges".into())));
    assert!(!daemon.log().contains("gives other results"), "{}", daemon.log());
    assert_eq!(daemon.terminate(), Some(0));
}

#[test]
fn replay_takes_the_model_that_judges_now() {
    let desk = desk();
    let scores = |out: &str| {
        let replay = "replay --auto --store m.db --time time --time-unit s --from normal.csv";
        let (status, text, errors) = desk.run(&format!("{replay} --out {out}"));
        assert_eq!(status, 0, "{text}{errors}");
        desk.read(&format!("{out}/scores.csv"))
    };
    let second = scores("second");
    assert_eq!(desk.run("models promote auto auto 1 --store m.db").0, 0);
    let first = scores("first");
    assert_ne!(first, second);
    assert_eq!(desk.run("models rollback auto auto --store m.db").0, 0);
    assert_eq!(scores("again"), second, "the same model under another number");
}

#[test]
fn two_models_are_compared() {
    let desk = desk();
    let (status, text, _) = desk.run("models compare auto auto 1 2 --store m.db");
    assert_eq!(status, 1, "they differ");
    assert!(text.contains("sha-256") && !text.contains("columns"), "what differs alone: {text}");
    assert_eq!(desk.run("models promote auto auto 1 --store m.db").0, 0);
    let (status, text, _) = desk.run("models compare auto auto 1 3 --store m.db");
    assert!(status == 0 && text.starts_with("both are the model "), "{text}");
    let both = json(&desk, "models compare auto auto 1 3 --store m.db --json");
    assert_eq!(both["same"], true);
}

#[test]
fn model_goes_from_one_store_to_another() {
    let desk = desk();
    let (status, text, errors) = desk.run("models export auto auto 1 --to m.json --store m.db");
    assert_eq!(
        (status, text.as_str()),
        (0, "`m.json` is model 1 of line auto, grade auto\n"),
        "{errors}"
    );
    let (status, _, errors) = desk.run("models export auto auto --to m.json --store m.db");
    assert!(status == 1 && errors.contains("cannot write `m.json`"), "it is there: {errors}");
    let (status, text, errors) = desk.run("models import tm3 facial --from m.json --store n.db");
    assert_eq!(
        (status, text.as_str()),
        (0, "line tm3, grade facial: model 1 judges from the next start on\n"),
        "{errors}"
    );
    let there = json(&desk, "models list --store n.db --json");
    assert_eq!(there["models"][0]["sha256"].as_str().unwrap(), models(&desk)[0].2);
    assert_eq!(there["models"][0]["line"], "tm3");
}

#[test]
fn model_of_other_tags_is_not_taken_by_a_line() {
    let desk = desk();
    assert_eq!(desk.run("models export auto auto 1 --to m.json --store m.db").0, 0);
    let config = |tags: &str| {
        let tags = tags.split(' ').map(|tag| format!("[line.tm3.tag.{tag}]\n"));
        let tags = tags.collect::<Vec<_>>().concat();
        desk.write("plant.toml", format!("[store]\npath = \"p.db\"\n[line.tm3]\n{tags}"));
    };
    let import =
        |line: &str| desk.run(&format!("models import {line} none --from m.json -c plant.toml"));
    config("a b");
    for (line, words) in [("tm3", "the line has no tag `c`"), ("tm4", "line `tm4` is not declared")]
    {
        let (status, _, errors) = import(line);
        assert!(status == 1 && errors.contains(words), "{errors}");
    }
    assert!(!desk.path("p.db").exists(), "nothing was written");
    config("a b c");
    let (status, text, errors) = import("tm3");
    assert!(status == 0 && text.contains("model 1 judges"), "{text}{errors}");
}

#[test]
fn what_cannot_be_done_is_said() {
    let desk = desk();
    desk.write("bad.json", r#"{"onspec_model":2,"model":{}}"#);
    desk.write("old.json", r#"{"onspec_model":99,"model":{}}"#);
    let cases = [
        ("models show auto other --store m.db", 1, "no model judges of line `auto`, grade `other`"),
        ("models show auto auto 9 --store m.db", 1, "there is no model 9 of line `auto`"),
        ("models promote auto auto 9 --store m.db", 1, "there is no model 9 of line `auto`"),
        ("models import auto auto --from bad.json --store m.db", 1, "the artifact is no model"),
        ("models import auto auto --from old.json --store m.db", 1, "has version 99"),
        ("models import auto auto --from none.json --store m.db", 1, "cannot read `none.json`"),
        ("models list --store none.db", 1, "none.db"),
        ("models list", 2, "--store <FILE>"),
        ("models promote auto auto x --store m.db", 2, "invalid value 'x'"),
    ];
    for (line, expected, words) in cases {
        let (status, text, errors) = desk.run(line);
        assert_eq!(status, expected, "{line}: {text}{errors}");
        assert!(errors.contains(words), "{line}: {errors}");
    }
    assert_eq!(models(&desk).len(), 2, "nothing was written");
    assert!(!desk.path("none.db").exists(), "it was made");
    let fresh = Desk::new();
    fresh.write("normal.csv", table(1));
    assert_eq!(
        fresh.run("fit --auto --store m.db --time time --time-unit s --from normal.csv").0,
        0
    );
    let (status, _, errors) = fresh.run("models rollback auto auto --store m.db");
    assert!(status == 1 && errors.contains("had no other model before 1"), "{errors}");
}

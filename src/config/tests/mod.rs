//! The room as a whole: the examples, each diagnostic, what holds for any text.

mod any;
mod payloads;

use super::schema::Node;
use super::{Checked, Code, Report, Severity, load, read, schema};
use crate::plant::Grade;
use crate::reading::Timestamp;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn text_of(folder_name: &str, name: &str) -> String {
    std::fs::read_to_string(folder(folder_name).join(name)).unwrap()
}

/// The names of the `.toml` files of a folder, in order.
fn files(name: &str) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(folder(name))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| Path::new(name).extension().is_some_and(|ending| ending == "toml"))
        .collect();
    names.sort();
    names
}

fn report(text: &str, name: &str) -> Report {
    match load(text, name) {
        Ok(checked) => checked.warnings,
        Err(report) => report,
    }
}

#[track_caller]
fn good(text: &str) -> Checked {
    load(text, "test.toml").unwrap_or_else(|report| panic!("{report}"))
}

const TESTDATA: &str = "src/config/testdata";

#[test]
fn every_example_is_good_and_warns_of_nothing() {
    let names = files("config");
    assert_eq!(names, ["minimal.toml", "onspec.toml", "tissue.toml"]);
    for name in names {
        let checked = read(&folder("config").join(&name)).unwrap_or_else(|error| panic!("{error}"));
        assert!(checked.warnings.is_empty(), "{}", checked.warnings);
    }
}

#[test]
fn every_wrong_configuration_is_explained() {
    for name in files(TESTDATA) {
        let rendered = report(&text_of(TESTDATA, &name), &name).text(false);
        insta::with_settings!({
            snapshot_path => "../testdata",
            prepend_module_to_snapshot => false,
            omit_expression => true,
        }, {
            insta::assert_snapshot!(name.trim_end_matches(".toml"), rendered);
        });
    }
}

#[test]
fn every_code_has_an_example_that_bears_its_name() {
    for code in Code::ALL {
        let prefix = code.as_str().to_lowercase();
        let names = files(TESTDATA);
        let found: Vec<&String> = names.iter().filter(|name| name.starts_with(&prefix)).collect();
        let [name] = found.as_slice() else { panic!("`{code}` has {} examples", found.len()) };
        let report = report(&text_of(TESTDATA, name), name);
        assert!(report.diagnostics().iter().any(|found| found.code == *code), "{name}\n{report}");
        let warns = code.as_str() >= "C100";
        assert_eq!(code.severity() == Severity::Warning, warns, "{code}");
    }
    let codes: BTreeSet<&str> = Code::ALL.iter().map(|code| code.as_str()).collect();
    assert_eq!(codes.len(), Code::ALL.len());
}

#[test]
fn diagnostics_stand_in_the_order_of_the_file() {
    for name in files(TESTDATA) {
        let report = report(&text_of(TESTDATA, &name), &name);
        let places: Vec<usize> =
            report.diagnostics().iter().map(|diagnostic| diagnostic.span.start).collect();
        assert!(places.is_sorted(), "{name}: {places:?}");
    }
    let many = report(&text_of(TESTDATA, "many-at-once.toml"), "many-at-once.toml");
    assert_eq!(many.count(Severity::Error), 12, "{many}");
}

#[test]
fn messages_keep_the_style_of_the_house() {
    for name in files(TESTDATA) {
        for found in report(&text_of(TESTDATA, &name), &name).diagnostics() {
            for text in
                [&found.message, &found.label, found.help.as_ref().unwrap_or(&String::new())]
            {
                assert!(!text.ends_with('.'), "{name}: {text}");
                let first = text.chars().next().unwrap_or('a');
                assert!(!first.is_uppercase() || text.starts_with("MQTT"), "{name}: {text}");
            }
            assert!(
                found.code == Code::Syntax || !found.message.contains('\n'),
                "{}",
                found.message
            );
        }
    }
}

#[test]
fn no_secret_is_ever_printed() {
    let mut seen = 0;
    for name in files(TESTDATA) {
        let text = text_of(TESTDATA, &name);
        seen += text.to_lowercase().matches("hunter2").count();
        let report = report(&text, &name);
        let debug = format!("{report:?}");
        let json = report.json().to_string();
        for shown in [report.text(true), report.text(false), debug, json] {
            assert!(!shown.to_lowercase().contains("hunter2"), "{name}\n{shown}");
        }
    }
    assert!(seen >= 10, "the secret stands in {seen} places only");
    let checked = good(&text_of("config", "onspec.toml"));
    assert!(!format!("{checked:?}").contains("whsec"));
}

/// The reference with all settings switched on: `#key = value` counts, `# prose` does not.
fn reference_switched_on() -> String {
    text_of("config", "onspec.toml")
        .lines()
        .map(|line| match line.strip_prefix('#') {
            Some(rest) if !rest.starts_with(' ') && !rest.is_empty() => rest,
            _ => line,
        })
        .fold(String::new(), |text, line| text + line + "\n")
}

#[test]
fn reference_names_every_key_and_no_other() {
    fn of_schema(node: Node<'_>, path: &str, keys: &mut BTreeSet<String>) {
        for key in node.keys() {
            let child = node.key(key).unwrap();
            let path = format!("{path}{key}");
            keys.insert(path.clone());
            // How a secret is written is said once for all.
            if child.is_secret() {
                continue;
            }
            match (child.items(), child.any_key()) {
                (Some(items), _) => of_schema(items, &format!("{path}."), keys),
                (None, Some(any)) => of_schema(any, &format!("{path}.*."), keys),
                (None, None) => of_schema(child, &format!("{path}."), keys),
            }
        }
    }
    fn of_file(value: &toml::Value, node: Node<'_>, path: &str, keys: &mut BTreeSet<String>) {
        match value {
            toml::Value::Table(table) => {
                for (key, value) in table {
                    if let Some(child) = node.key(key) {
                        keys.insert(format!("{path}{key}"));
                        if child.is_secret() {
                            continue;
                        }
                        of_file(value, child, &format!("{path}{key}."), keys);
                    } else {
                        let any =
                            node.any_key().unwrap_or_else(|| panic!("`{path}{key}` is unknown"));
                        of_file(value, any, &format!("{path}*."), keys);
                    }
                }
            }
            toml::Value::Array(values) => {
                for value in values {
                    if let Some(items) = node.items().filter(|items| !items.keys().is_empty()) {
                        of_file(value, items, path, keys);
                    }
                }
            }
            _ => {}
        }
    }
    let schema = schema();
    let text = reference_switched_on();
    let file: toml::Value = toml::from_str(&text).unwrap_or_else(|error| panic!("{error}"));
    let (mut known, mut written) = (BTreeSet::new(), BTreeSet::new());
    of_schema(Node::root(&schema), "", &mut known);
    of_file(&file, Node::root(&schema), "", &mut written);
    let missing: Vec<&String> = known.difference(&written).collect();
    assert_eq!(missing, Vec::<&String>::new(), "the reference does not name these");
    assert_eq!(written.difference(&known).count(), 0);
    // What is switched off in it is so because it has no effect, and says so.
    let warned = report(&text, "onspec.toml");
    assert_eq!(warned.count(Severity::Error), 0, "{warned}");
    assert!(warned.diagnostics().iter().all(|found| found.code == Code::NotYet), "{warned}");
}

#[test]
fn reference_shows_the_defaults_that_hold() {
    // The settings that the reference calls "Default." are those of a file that leaves them out.
    let text = text_of("config", "onspec.toml");
    let mut without = String::new();
    let mut default = false;
    let mut left_out = 0;
    for line in text.lines() {
        if line.starts_with('#') {
            let words = line.trim_end();
            default = words.ends_with("Default.") || (default && !words.ends_with('.'));
        } else if default && line.contains('=') && !line.starts_with('[') {
            default = false;
            left_out += 1;
            continue;
        } else {
            default = false;
        }
        without.push_str(line);
        without.push('\n');
    }
    assert!(left_out >= 25, "only {left_out} settings are called default");
    let (mut with, without) = (good(&text), good(&without));
    // A share that is stated is kept as stated.
    let stated = |grade: &Grade| Grade {
        off_share: grade.off_share.filter(|share| *share != Grade::OFF_SHARE),
        ..grade.clone()
    };
    with.plant.grades =
        with.plant.grades.iter().map(|(name, grade)| (Arc::clone(name), stated(grade))).collect();
    assert_eq!(with, Checked { warnings: with.warnings.clone(), ..without });
}

#[test]
fn schema_states_the_defaults_that_hold() {
    // Each default of the schema, written into the place where it belongs, changes nothing.
    fn defaults(node: Node<'_>, path: &str, found: &mut Vec<(String, String)>) {
        for key in node.keys() {
            let child = node.key(key).unwrap();
            if let Some(default) = child.default_value() {
                found.push((path.to_owned(), format!("{key} = {default}")));
            }
            match (child.items(), child.any_key()) {
                (Some(items), _) => defaults(items, &format!("{path}/{key}"), found),
                (None, Some(any)) => defaults(any, &format!("{path}/{key}"), found),
                (None, None) => defaults(child, &format!("{path}/{key}"), found),
            }
        }
    }
    let schema = schema();
    let mut found = Vec::new();
    defaults(Node::root(&schema), "", &mut found);
    let build = |setting: Option<&(String, String)>| {
        let at = |path: &str| match setting {
            Some((place, setting)) if place == path => setting.as_str(),
            _ => "",
        };
        let topic = if at("/mqtt/subscribe").starts_with("tag") {
            ""
        } else {
            "topic = \"m/{line}/{tag}\""
        };
        let when = at("/webhook/when");
        format!(
            "{}\n[site]\n{}\n[store]\n{}\n[[mqtt]]\nurl = \"mqtt://h\"\n{}\n[[mqtt.subscribe]]\n{topic}\n\
             time = \"/ts\"\n{}\n[[mqtt.subscribe]]\ntopic = \"t/#\"\nformat = \"line-protocol\"\n\
             names = {{ {} }}\n[[mqtt.subscribe]]\ntopic = \"spBv1.0/#\"\nline = \"a\"\n\
             format = \"sparkplug-b\"\n[mqtt.publish]\n{}\n[mqtt.sparkplug]\n{}\n[line.a]\n{}\n[line.a.batch]\n{}\n[line.a.tag.b]\n{}\n[line.a.tag.b.chart]\n{}\n[line.a.profile.p]\n{}\n\
             [grade.g]\n{}\n[grade.g.lab.p]\nlow = 1.0\n[grade.g.lab.p.chart]\n{}\n[[grade.g.amendment]]\nfrom = \"2026-12-01T06:00:00Z\"\n{}\n[models]\n{}\n[costs]\nmissed_batch = 9.0\nfalse_hold = 1.0\n{}\n[alarms]\n{}\n[alarms.batch]\n{}\n[alarms.sensor]\n{}\n[alarms.profile]\n{}\n[alarms.line]\n{}\n[alarms.tags]\n{}\n[alarms.monitor]\n{}\n[alarms.system]\n{}\n[influxdb]\nurl = \"http://h\"\norg = \"o\"\nbucket = \"b\"\n\
             token = {{ env = \"T\" }}\n{}\n[[webhook]]\nname = \"w\"\nurl = {{ env = \"U\" }}\n\
             secret = {{ env = \"S\" }}\n{}\nwhen = {{ {when} }}\n[http]\n{}\n[language]\n{}\n",
            at(""),
            at("/site"),
            at("/store"),
            at("/mqtt"),
            at("/mqtt/subscribe"),
            at("/mqtt/subscribe/names"),
            at("/mqtt/publish"),
            at("/mqtt/sparkplug"),
            at("/line"),
            at("/line/batch"),
            at("/line/tag"),
            at("/line/tag/chart"),
            at("/line/profile"),
            at("/grade"),
            at("/grade/lab/chart"),
            at("/grade/amendment"),
            at("/models"),
            at("/costs"),
            at("/alarms"),
            at("/alarms/batch"),
            at("/alarms/sensor"),
            at("/alarms/profile"),
            at("/alarms/line"),
            at("/alarms/tags"),
            at("/alarms/monitor"),
            at("/alarms/system"),
            at("/influxdb"),
            at("/webhook"),
            at("/http"),
            at("/language"),
        )
    };
    let plain = good(&build(None));
    let mut written = 0;
    for setting in &found {
        let text = build(Some(setting));
        let checked = good(&text);
        written += usize::from(text.contains(&setting.1));
        let mut expected = Checked { warnings: checked.warnings.clone(), ..plain.clone() };
        // A share that is stated is kept as stated.
        if setting.1.starts_with("off_share") {
            expected.plant = checked.plant.clone();
            assert_eq!(
                checked.plant.grades.at("g", Timestamp::MAX).unwrap().off_share,
                Some(Grade::OFF_SHARE)
            );
        }
        assert_eq!(checked, expected, "{setting:?}");
    }
    // All but the role of a token, which this release does not read.
    assert_eq!(written, found.len() - 1, "{found:?}");
}

#[test]
fn configuration_of_the_contract_loads() {
    // The text of the product's contract, less what no file can hold.
    let text = r#"
[store]
path = "/var/lib/onspec/onspec.db"
max_size = "20GiB"
when_full = "drop-oldest-readings"
[[mqtt]]
name = "plant"
url = "mqtts://broker.mill.example:8883"
version = 5
client_id = "onspec-1"
session_expiry = "7d"
username = "onspec"
password = { file = "/etc/onspec/mqtt.password" }
tls = { ca = "/etc/onspec/ca.pem", cert = "a.pem", key = "a.key" }
share = ""
[[mqtt.subscribe]]
topic = "mill/{line}/{area}/{tag}"
format = "json"
qos = 1
value = "/value"
time = "/ts"
time_unit = "ms"
quality = "/q"
[line.tm3]
frame = "1s"
lateness = "2s"
batch = { from = "events" }
rate = { length = "reel_speed", mass = "production_rate" }
[line.tm3.tag.basis_weight]
unit = "g/m2"
role = "quality"
range = [0.0, 60.0]
stale = "30s"
[line.tm3.tag.reel_speed]
[line.tm3.tag.production_rate]
[grade.facial-15]
spec.basis_weight = { low = 14.4, target = 15.0, high = 15.6 }
lab.tensile_md    = { low = 120.0, unit = "N/m" }
[models]
false_flags = "1 per 100 batches"
refit = "weekly"
promote = "when-better"
[influxdb]
url = "http://127.0.0.1:8086"
org = "mill"
bucket = "onspec"
token = { env = "INFLUX_TOKEN" }
[[webhook]]
name = "shift-leads"
url = { env = "SHIFT_LEADS_URL" }
format = "standard"
secret = { env = "SHIFT_LEADS_SECRET" }
when = { severity = "warning", lines = ["tm3"] }
[http]
listen = "127.0.0.1:8080"
tokens = [ { name = "grafana", role = "viewer", sha256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" } ]
[language]
default = "en"
"#;
    let codes: Vec<Code> =
        good(text).warnings.diagnostics().iter().map(|found| found.code).collect();
    assert_eq!(codes, [Code::EventsNeverCome, Code::NotYet]);
}

#[test]
fn a_receiver_may_have_another_language_than_the_site() {
    use crate::plant::Language;
    let hook = |name: &str, more: &str| {
        format!(
            "[[webhook]]\nname = \"{name}\"\nformat = \"slack\"\nurl = {{ env = \"U\" }}\n{more}\n"
        )
    };
    let checked = good(&format!(
        "[site]\ntimezone = \"Asia/Shanghai\"\n[language]\ndefault = \"zh-CN\"\n{}{}{}",
        hook("a", ""),
        hook("b", "language = \"en\""),
        hook("c", "language = \"zh-CN\"")
    ));
    let speech = &checked.plant.alarms.speech;
    assert_eq!(
        (speech.language, speech.zone.iana_name()),
        (Language::Chinese, Some("Asia/Shanghai"))
    );
    let told: Vec<_> = checked
        .webhooks
        .iter()
        .map(|hook| (hook.audience.locale.language, hook.audience.translate))
        .collect();
    assert_eq!(
        told,
        [(Language::Chinese, false), (Language::English, true), (Language::Chinese, false)]
    );
}

#[test]
fn lines_and_tags_keep_the_order_of_the_file() {
    let checked = good("[line.z.tag.b]\n[line.z.tag.a]\n[line.a]\n[line.z.tag.\"x/a\"]\n");
    let lines: Vec<&str> = checked.plant.lines.iter().map(|line| &*line.name).collect();
    assert_eq!(lines, ["z", "a"]);
    let tags: Vec<&str> = checked.plant.lines[0].tags.iter().map(|tag| &*tag.id).collect();
    assert_eq!(tags, ["b", "a", "x/a"]);
}

#[test]
fn publishing_goes_to_the_broker_it_stands_under_or_names() {
    let check = |publish: [&str; 2], expected: [Option<&str>; 2]| {
        let text = format!(
            "[[mqtt]]\nname = \"a\"\nurl = \"mqtt://a\"\n{}\n[[mqtt]]\nname = \"b\"\nurl = \"mqtt://b\"\n{}\n",
            publish[0], publish[1]
        );
        let checked = good(&text);
        let found: Vec<Option<&str>> = checked
            .brokers
            .iter()
            .map(|broker| broker.settings.publish_prefix.as_deref())
            .collect();
        assert_eq!(found, expected, "{publish:?}");
    };
    check(["", ""], [Some("onspec"), None]);
    check(["", "publish = {}"], [None, Some("onspec")]);
    check(["", "publish = { prefix = \"p\", broker = \"a\" }"], [Some("p"), None]);
}

#[test]
fn text_with_byte_order_mark_and_carriage_returns_is_read() {
    good("\u{feff}[line.a]\r\nframe = \"2s\"\r\n");
}

#[test]
fn files_that_cannot_be_read_are_named() {
    let error = read(Path::new("no/such.toml")).unwrap_err();
    assert_eq!(error.to_string(), "cannot read the configuration `no/such.toml`");
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("binary.toml");
    std::fs::write(&path, [0xff, 0xfe]).unwrap();
    assert!(read(&path).unwrap_err().to_string().starts_with("cannot read the configuration"));
}

#[test]
fn a_count_of_dropped_messages_is_asked_for_at_most_once() {
    let text = r#"
[store]
path = "onspec.db"
[[mqtt]]
name = "plant"
url = "mqtt://localhost"
[[mqtt.subscribe]]
topic = "mill/{line}/{tag}"
[[mqtt.subscribe]]
topic = "$SYS/broker/publish/messages/dropped"
format = "dropped-count"
qos = 1
[line.tm3]
[line.tm3.tag.basis_weight]
unit = "g/m2"
"#;
    let mut asked = good(text).brokers[0].settings.subscriptions.clone();
    asked.sort();
    let dropped = "$SYS/broker/publish/messages/dropped".to_owned();
    assert_eq!(asked, [(dropped, 0), ("mill/+/+".to_owned(), 1)]);
}

#[test]
fn two_brokers_may_have_the_same_topics_for_two_lines() {
    let broker = |name: &str, line: &str| {
        format!(
            "[[mqtt]]\nname = \"{name}\"\nurl = \"mqtt://{name}.mill\"\n[[mqtt.subscribe]]\n\
             topic = \"{{area}}/{{tag}}\"\nformat = \"value\"\nline = \"{line}\"\n"
        )
    };
    let checked = good(&format!("{}{}", broker("north", "tm3"), broker("south", "tm4")));
    let mut decoder = crate::decode::Decoder::new(checked.rules());
    for (broker, line) in [("south", "tm4"), ("north", "tm3")] {
        let (mut messages, mut faults) = (Vec::new(), Vec::new());
        let arrival = crate::decode::Arrival {
            broker: broker.into(),
            received: crate::reading::Timestamp::from_nanos(0),
            topic: "dry/steam".into(),
            payload: "1".into(),
            retained: false,
            properties: None,
        };
        decoder.decode(&arrival, &mut messages, &mut faults);
        let [crate::decode::Message::Reading(reading)] = messages.as_slice() else {
            panic!("{messages:?} {faults:?}")
        };
        assert_eq!(&*reading.line, line);
    }
}

#[test]
fn file_of_another_encoding_is_told_where_it_is_none() {
    let check = |bytes: &[u8], expected: &str| {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("mill.toml");
        std::fs::write(&path, bytes).unwrap();
        let error = read(&path).unwrap_err();
        let source = std::error::Error::source(&error).map(ToString::to_string);
        assert!(source.as_ref().is_some_and(|source| source.contains(expected)), "{source:?}");
    };
    check(
        b"schema = 1\n[site]\nname = \"M\xfchle\"\n",
        "byte 10 of line 3 is 0xfc, which is no UTF-8",
    );
    check(b"\xff\xfes\0", "UTF-16: save it as UTF-8");
    check(b"\xfe\xff\0s", "UTF-16: save it as UTF-8");
}

#[test]
fn help_offers_what_was_meant() {
    let check = |text: &str, expected: &str| {
        let report = report(text, "test.toml").text(false);
        assert!(report.contains(expected), "{text}: {report}");
    };
    check("[line.a.tag.b]\nstuck = false\n", "write `\"off\"`");
    check("[line.a.tag.b]\nunit = 3\n", "write it in quotes");
    check(
        "[grade.a]\nlab.b = [1, 2]\n",
        "write a table, `{ chart = … }`; its keys are `chart`, `high`",
    );
    check("[[grade.a.lab.b]]\nlow = 1\n", "`[grade.a.lab.b]` with single brackets");
    check("[grade.a]\ncenterline.b = { low = 1 }\n", "write `[low, high]`");
    check("[line.a]\nlateness = \"99999999999999999999d\"\n", "is too large");
    check("[store]\nmax_size = \"9999999999TiB\"\n", "is too large");
}

#[test]
fn guard_band_is_of_tags_that_models_watch() {
    use crate::plant::{Guard, Way};
    let guard = |text: &str| good(&format!("[line.a.tag.b]\n{text}")).plant.lines[0].tags[0].guard;
    assert_eq!(guard(""), Guard { band: 0.0, way: Way::Both });
    let above = guard("guard_band = 0.2\nflags = \"above\"\n");
    assert_eq!(above, Guard { band: 0.2, way: Way::Above });
    for (off, passes) in [(0.3, true), (0.2, true), (0.1, false), (-0.3, false)] {
        assert_eq!(above.is_passed_by(off), passes, "{off}");
    }
    let below = guard("flags = \"below\"\n");
    assert!(below.is_passed_by(-0.1) && !below.is_passed_by(0.1));
    let check = |text: &str, expected: &str| {
        let report = report(&format!("[line.a.tag.b]\n{text}\n"), "test.toml").text(false);
        assert!(report.contains(expected), "{text}: {report}");
    };
    check("guard_band = -1.0", "`guard_band` is -1: no deviation is smaller");
    check("flags = \"up\"", "above");
    check("role = \"quality\"\nflags = \"above\"", "no model watches a tag of the role `quality`");
}

#[test]
fn a_tag_that_models_watch_wanders_or_does_not_or_it_is_estimated() {
    let wanders = |text: &str| good(&format!("[line.a.tag.b]\n{text}")).plant.lines[0].wanders();
    assert_eq!(wanders(""), [].into());
    assert_eq!(wanders("wanders = true\n"), [("b".into(), true)].into());
    assert_eq!(wanders("role = \"raw-material\"\nwanders = false\n"), [("b".into(), false)].into());
    // What is declared of its level is not said of its change unless that is declared too.
    assert_eq!(wanders("guard_band = 0.2\n"), [("b".into(), false)].into());
    assert_eq!(wanders("flags = \"above\"\n"), [("b".into(), false)].into());
    assert_eq!(wanders("guard_band = 0.0\nflags = \"both\"\n"), [].into());
    assert_eq!(wanders("guard_band = 0.2\nwanders = true\n"), [("b".into(), true)].into());
    let report = report("[line.a.tag.b]\nrole = \"context\"\nwanders = true\n", "test.toml");
    let text = report.text(false);
    assert!(text.contains("no model watches a tag of the role `context`"), "{text}");
    assert!(text.contains("leave out `wanders`, or give the tag the role"), "{text}");
}

#[test]
fn delay_is_a_time_or_what_lies_between_over_what_passes() {
    use crate::plant::Delay;
    let rates = "[line.a.tag.speed]\nunit = \"m/min\"\n[line.a.tag.fast]\nunit = \"m/s\"\n\
                 [line.a.tag.flow]\nunit = \"L/min\"\n[line.a.tag.steam]\nunit = \"bar\"\n\
                 [line.a.tag.bare]\n[line.a.tag.b]\n";
    let tag = |text: &str| good(&format!("{rates}{text}")).plant.lines[0].tags[5].clone();
    assert_eq!((tag("").delay, tag("").lag), (None, Duration::ZERO));
    assert_eq!(tag("lag = \"5m\"").lag, Duration::from_secs(300));
    let seconds = |text: &str, rate: f64| tag(text).delay.unwrap().seconds(Some(rate)).unwrap();
    for (text, rate, expected) in [
        ("delay = \"90s\"", 0.0, 90.0),
        ("delay = { length_m = 900.0, speed = \"speed\" }", 1800.0, 30.0),
        ("delay = { length_m = 900.0, speed = \"fast\" }", 30.0, 30.0),
        ("delay = { volume_m3 = 30.0, flow = \"flow\" }", 3750.0, 480.0),
        ("delay = { volume_m3 = 30, flow = \"flow\" }", 3750.0, 480.0),
    ] {
        assert!((seconds(text, rate) - expected).abs() < 1e-9, "{text}");
    }
    assert_eq!(tag("delay = \"4h\"").delay, Some(Delay::Time(Delay::MAX)));
    let check = |text: &str, expected: &str| {
        let report = report(&format!("{rates}{text}\n"), "test.toml").text(false);
        assert!(report.contains(expected), "{text}: {report}");
    };
    check("delay = \"4.1h\"", "allowed are `0s` to `4h`");
    check("delay = \"-5s\"", "`delay` is no duration");
    check("lag = \"5h\"", "allowed are `0s` to `4h`");
    check("delay = 90", "`line.a.tag.b.delay` must be a text in quotes, not a number");
    check("delay = { length_m = 9.0, sped = \"speed\" }", "did you mean `speed`?");
    check("delay = { length_m = -9.0, speed = \"speed\" }", "`delay.length_m` cannot be -9");
    check("delay = { length_m = \"9\", speed = \"speed\" }", "must be a number, not a text");
    check("delay = { length_m = 9.0, speed = \"spee\" }", "which line `a` does not declare");
    check("delay = { length_m = 9.0, speed = \"flow\" }", "wants a tag in `m/min` or `m/s`");
    check("delay = { length_m = 9.0, speed = \"bare\" }", "it declares no unit");
    check("delay = { volume_m3 = 9.0, flow = \"speed\" }", "wants a tag in `L/min`, `L/s`");
    check("delay = { length_m = 9.0 }", "add `speed = \"reel_speed\"`");
    check("delay = { flow = \"flow\" }", "add `volume_m3 = 30.0`");
    check("delay = {}", "add `length_m = 120.0`");
    let both = "delay = { length_m = 9.0, speed = \"speed\", flow = \"flow\" }";
    check(both, "said in two ways");
    check("role = \"context\"\ndelay = \"9s\"", "no model watches a tag of the role `context`");
}

#[test]
fn who_names_what_marks_a_chart_has_that_and_no_more() {
    use crate::chart::{Kind, Rule, Settings};
    use crate::plant::{Charted, Every};
    let minute = Duration::from_secs(60);
    let chart = |role: &str, text: &str| {
        let text = format!("[line.a]\nframe = \"2s\"\n[line.a.tag.b]\nrole = \"{role}\"\n{text}\n");
        good(&text).plant.lines[0].tags[0].chart.clone()
    };
    let usual = Charted::of_quality(Duration::from_secs(2));
    assert_eq!(usual.every, Every::Time(minute));
    assert_eq!((usual.settings.interval, usual.settings.gap), (Some(minute), Some(minute * 3)));
    assert_eq!(chart("quality", ""), Some(usual.clone()));
    assert_eq!(chart("process", ""), None);
    assert_eq!(chart("process", "chart = {}"), Some(usual));
    assert_eq!(chart("quality", "chart = { kind = \"none\" }"), None);

    let all = chart("quality", "chart = { rules = [\"we-1\", \"nelson\"] }").unwrap().settings;
    assert_eq!((all.rules.len(), all.ewma, all.cusum), (9, None, None));
    assert!(all.rules.contains(&Rule::Western1) && all.rules.contains(&Rule::Nelson8));
    let sums = chart("quality", "chart = { cusum = { fast = true } }").unwrap().settings;
    assert!(sums.rules.is_empty() && sums.ewma.is_none());
    assert!(sums.cusum.is_some_and(|cusum| cusum.fast && (cusum.k - 0.5).abs() < 1e-12));

    let text = "chart = { kind = \"mean-deviation\", every = \"10s\" }";
    let subgroups = chart("quality", text).unwrap().settings;
    assert_eq!(subgroups.kind, Kind::MeanAndDeviation(5));
    assert_eq!(subgroups.interval, Some(Duration::from_secs(50)));
    let of_batches = chart("quality", "chart = { every = \"batch\" }").unwrap();
    assert_eq!(of_batches, Charted::new(Every::Batch, Settings::default()));
    assert_eq!((of_batches.settings.interval, of_batches.settings.gap), (None, None));
}

#[test]
fn laboratory_properties_are_charted_unless_somebody_says_otherwise() {
    use crate::chart::{Rule, Settings};
    use crate::plant::Charted;
    let chart = |text: &str| {
        let text = format!("[line.a]\n[grade.g]\nlab.tensile = {{ low = 1.0{text} }}\n");
        good(&text).plant.grades.at("g", Timestamp::MAX).unwrap().lab_charts.get("tensile").cloned()
    };
    let usual = Charted::of_property(Settings::default());
    assert!(usual.settings.trial && usual.settings.interval.is_none());
    assert_eq!(chart(""), Some(usual.clone()));
    assert_eq!(chart(", chart = { kind = \"individuals\" }"), Some(usual));
    assert_eq!(chart(", chart = { kind = \"none\" }"), None);
    let named = chart(", chart = { rules = [\"nelson-2\"] }").unwrap().settings;
    assert!(named.trial && named.ewma.is_none() && named.rules == [Rule::Nelson2].into());
}

//! `onspec check`: what is wrong with a configuration, or what it says.

use crate::app::{Absent, absent};
use crate::config::{self, Checked, ConfigError, Report};
use crate::decode::{Format, HostRule, JsonRule, JsonValues, ProfileRule, PropertyRule, Rule};
use crate::plant::{BatchSource, Budget, Line, Naming, Role, Undeclared};
use crate::store::WhenFull;
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::io::{self, Write};
use std::path::Path;
use std::time::Duration;

/// What a reading takes in the store: journal and what waits for InfluxDB, compressed. Messages of
/// one value each take more than messages of many; this is for one value each.
const BYTES_A_READING: u64 = 40;
/// The rate for which the estimate is made.
const READINGS_A_SECOND: u64 = 1000;

/// How `check` answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Text for people.
    Text {
        /// With colours.
        colour: bool,
    },
    /// One JSON document: `file`, `ok`, `diagnostics`, and when it is good `summary` and `not_here`:
    /// what it names and this machine does not have.
    Json,
}

/// Checks a configuration. `Ok(true)` if it can be used, `Ok(false)` if not (exit status 2).
///
/// The summary, and in JSON everything, goes to `out`; diagnostics as text go to `err`.
///
/// # Errors
/// When `out` or `err` cannot be written.
pub fn check_command(
    path: &Path,
    form: Form,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> io::Result<bool> {
    answer(path, form, absent, out, err)
}

/// The answer, where `look` says what is not on this machine.
fn answer(
    path: &Path,
    form: Form,
    look: impl Fn(&Checked) -> Vec<Absent>,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> io::Result<bool> {
    let name = path.display().to_string();
    // It is read a second time for places only.
    let text = std::fs::read_to_string(path).unwrap_or_default();
    match (config::read(path), form) {
        (Ok(checked), Form::Text { colour }) => {
            write_report(&checked.warnings, colour, err)?;
            // A configuration is often checked on another machine than the one it is for.
            for absent in look(&checked) {
                writeln!(err, "warning: not here on this machine: {}", absent.told(path, &text))?;
            }
            out.write_all(summary(&name, &checked).as_bytes())?;
            Ok(true)
        }
        (Ok(checked), Form::Json) => {
            let document = json!({
                "file": name,
                "ok": true,
                "diagnostics": checked.warnings.json(),
                "not_here": look(&checked).iter().map(|absent| json!({
                    "key": absent.key, "reason": absent.reason, "line": absent.line(&text),
                })).collect::<Vec<_>>(),
                "summary": summary_json(&checked),
            });
            writeln!(out, "{document}")?;
            Ok(true)
        }
        (Err(ConfigError::Rejected(report)), Form::Text { colour }) => {
            write_report(&report, colour, err)?;
            writeln!(err, "\n`{name}` cannot be used: {}", report.tally())?;
            Ok(false)
        }
        (Err(ConfigError::Rejected(report)), Form::Json) => {
            let document = json!({ "file": name, "ok": false, "diagnostics": report.json() });
            writeln!(out, "{document}")?;
            Ok(false)
        }
        (Err(ConfigError::Read { path, source }), Form::Text { .. }) => {
            writeln!(err, "error: cannot read the configuration `{}`: {source}", path.display())?;
            Ok(false)
        }
        (Err(ConfigError::Read { source, .. }), Form::Json) => {
            let document = json!({
                "file": name,
                "ok": false,
                "error": format!("cannot read the configuration: {source}"),
                "diagnostics": [],
            });
            writeln!(out, "{document}")?;
            Ok(false)
        }
    }
}

fn write_report(report: &Report, colour: bool, err: &mut dyn Write) -> io::Result<()> {
    err.write_all(report.text(colour).as_bytes())
}

/// What a configuration says, for people.
#[must_use]
pub fn summary(name: &str, checked: &Checked) -> String {
    let mut text = String::new();
    write_summary(&mut text, name, checked).expect("writing to a String cannot fail");
    text
}

fn write_summary(text: &mut String, name: &str, checked: &Checked) -> std::fmt::Result {
    let warnings = checked.warnings.diagnostics().len();
    let with =
        if warnings == 0 { String::new() } else { format!(", {}", checked.warnings.tally()) };
    writeln!(text, "`{name}` can be used{with}\n")?;
    for broker in &checked.brokers {
        let settings = &broker.settings;
        let tls = if settings.tls.is_some() { "TLS" } else { "no TLS" };
        writeln!(
            text,
            "broker {}: {}:{}, {tls}, client `{}`",
            settings.name, settings.host, settings.port, settings.client_id
        )?;
        for (filter, qos) in &settings.subscriptions {
            writeln!(text, "  subscribes to {filter} (QoS {qos})")?;
        }
        if let Some(host) = &broker.host {
            let filters: Vec<&str> =
                host.subscriptions.iter().map(|(filter, _)| &**filter).collect();
            let primary = host.sparkplug.as_ref().and_then(|host| host.primary.as_deref());
            let is = primary.map_or(String::new(), |id| format!(", primary host `{id}`"));
            writeln!(
                text,
                "  hears edge nodes as client `{}`{is}: {}",
                host.client_id,
                filters.join(", ")
            )?;
        }
        for rule in &broker.rules {
            writeln!(text, "  reads {}", describe_rule(rule))?;
        }
        let timeless: Vec<&str> = without_time(&broker.rules).collect();
        if !timeless.is_empty() {
            writeln!(
                text,
                "  no time in {}: readings count as measured when they arrive",
                timeless.join(", ")
            )?;
        }
        if let Some(prefix) = &settings.publish_prefix {
            writeln!(
                text,
                "  publishes {prefix}/{{line}}/verdict, {prefix}/{{line}}/batch, {prefix}/status"
            )?;
        }
    }
    for line in &checked.plant.lines {
        write_line(text, line)?;
    }
    for (name, grade) in checked.plant.grades.iter() {
        let names = |limits: Vec<&str>| {
            if limits.is_empty() { "none".to_owned() } else { limits.join(", ") }
        };
        writeln!(
            text,
            "grade {name}: limits on tags {}; on laboratory results {}",
            names(grade.spec.keys().map(|tag| &**tag).collect()),
            names(grade.lab.keys().map(|property| &**property).collect())
        )?;
        for amendment in &grade.amendments {
            writeln!(text, "  amended from {} on", amendment.from)?;
        }
    }
    writeln!(text, "undeclared lines and tags: {}", describe_undeclared(checked))?;
    if !checked.plant.lines.is_empty() {
        writeln!(text, "false flags: {}", describe_budget(checked.plant.models.false_flags))?;
    }
    match &checked.influx {
        Some(influx) => writeln!(
            text,
            "InfluxDB: {}, organisation `{}`, bucket `{}`",
            influx.url, influx.org, influx.bucket
        )?,
        None => writeln!(text, "InfluxDB: none, readings stay in the store")?,
    }
    for hook in &checked.webhooks {
        let lines =
            if hook.lines.is_empty() { "all lines".to_owned() } else { hook.lines.join(", ") };
        writeln!(text, "webhook {}: {} and above, {lines}", hook.name, hook.severity.as_str())?;
    }
    match &checked.http {
        Some(http) => writeln!(text, "page: http://{}/", http.listen)?,
        None => writeln!(text, "page: off")?,
    }
    write_store(text, checked)
}

fn write_line(text: &mut String, line: &Line) -> std::fmt::Result {
    let batches = match &line.batch {
        BatchSource::Events => "from events".to_owned(),
        BatchSource::Tag(tag, Naming::Start) => format!("from tag {tag}"),
        BatchSource::Tag(tag, Naming::Value) => format!("from tag {tag}, named by its value"),
        BatchSource::TurnUp(tag) => format!("from the turn-up of {tag}"),
        BatchSource::Period(every) => format!("every {}", seconds(*every)),
        BatchSource::None => "none".to_owned(),
    };
    let grade = match (&line.grade_tag, &line.grade) {
        (Some(tag), Some(grade)) => format!(", grade from tag {tag}, else {grade}"),
        (Some(tag), None) => format!(", grade from tag {tag}"),
        (None, Some(grade)) => format!(", grade {grade}"),
        (None, None) => String::new(),
    };
    let phases = line.phase_tag.as_ref();
    let phases = phases.map_or_else(String::new, |tag| format!(", phases from tag {tag}"));
    writeln!(
        text,
        "line {}: frames of {}, batches {batches}{phases}{grade}, {} declared",
        line.name,
        seconds(line.frame),
        count(line.tags.len(), "tag")
    )?;
    for (role, word) in ROLES {
        let tags: Vec<&str> =
            line.tags.iter().filter(|tag| tag.role == role).map(|tag| &*tag.id).collect();
        if !tags.is_empty() {
            writeln!(text, "  {word}: {}", tags.join(", "))?;
        }
    }
    let profiles: Vec<&str> = line.profiles.iter().map(|profile| &*profile.id).collect();
    if !profiles.is_empty() {
        writeln!(text, "  across the web: {}", profiles.join(", "))?;
    }
    Ok(())
}

const ROLES: [(Role, &str); 4] = [
    (Role::Quality, "quality"),
    (Role::Process, "process"),
    (Role::RawMaterial, "raw-material"),
    (Role::Context, "context"),
];

fn write_store(text: &mut String, checked: &Checked) -> std::fmt::Result {
    let store = &checked.store;
    let full = match store.when_full {
        WhenFull::DropOldestReadings => "drops the oldest readings when full",
        WhenFull::Block => "stops acknowledging when full",
    };
    let path = store.path.as_ref().map(|path| path.display().to_string()).unwrap_or_default();
    writeln!(text, "store: `{path}`, at most {}, {full}", bytes(store.max_size_bytes))?;
    writeln!(
        text,
        "  at {READINGS_A_SECOND} readings a second it takes about {} a day and holds about {}",
        bytes(BYTES_A_READING * READINGS_A_SECOND * 86_400),
        days(holds_seconds(checked))
    )
}

/// For how many seconds the store lasts at the rate of the estimate.
fn holds_seconds(checked: &Checked) -> u64 {
    checked.store.max_size_bytes / (BYTES_A_READING * READINGS_A_SECOND)
}

fn days(seconds: u64) -> String {
    if seconds < 2 * 86_400 {
        count(usize::try_from(seconds / 3600).unwrap_or(usize::MAX), "hour")
    } else {
        count(usize::try_from(seconds / 86_400).unwrap_or(usize::MAX), "day")
    }
}

fn describe_rule(rule: &Rule) -> String {
    let how = match &rule.format {
        Format::Json(JsonRule { each, values, time, lines, .. }) => {
            let what = match values {
                JsonValues::One(pointer) => format!("the value at {pointer}"),
                JsonValues::Fields(fields) => count(fields.len(), "field"),
            };
            let when = time.as_ref().map_or_else(|| when(rule), |at| format!("the time at {at}"));
            let kind = if *lines { "JSON, a document a line" } else { "JSON" };
            let each = each.as_ref().map_or(String::new(), |each| format!("of each {each} "));
            format!("as {kind}: {each}{what}, {when}")
        }
        Format::Value => format!("as a bare value, {}", when(rule)),
        Format::LineProtocol { .. } => "as line protocol".to_owned(),
        Format::BatchEvent => "as batch events".to_owned(),
        Format::Profile(ProfileRule { values, time, .. }) => {
            let when = match time {
                Some(pointer) => format!("the time at {pointer}"),
                None => "the time of receipt".to_owned(),
            };
            format!("as scans across the web: the boxes at {values}, {when}")
        }
        Format::DroppedCount => "as the count of what the broker dropped".to_owned(),
        Format::SparkplugB(HostRule { asks: true, .. }) => {
            "as Sparkplug B, births are asked for".to_owned()
        }
        Format::SparkplugB(_) => "as Sparkplug B, by the births that are heard".to_owned(),
    };
    format!("{} {how}{}", rule.template.as_str(), describe_properties(&rule.properties))
}

/// Where the time of a reading comes from, if its payload has none.
fn when(rule: &Rule) -> String {
    match (&rule.properties.time, rule.properties.expiry_s) {
        (Some(key), _) => format!("the time in user property `{key}`"),
        (None, Some(_)) => "the time of sending by the expiry interval".to_owned(),
        (None, None) => "the time of receipt".to_owned(),
    }
}

/// What a rule takes of the properties of messages.
fn describe_properties(properties: &PropertyRule) -> String {
    let mut text = String::new();
    let keys: Vec<String> =
        properties.keys().map(|(part, key)| format!("{part} in `{key}`")).collect();
    if !keys.is_empty() {
        text.push_str("; user properties: ");
        text.push_str(&keys.join(", "));
    }
    if !properties.content_types.is_empty() {
        text.push_str("; only of content type ");
        text.push_str(&properties.content_types.join(", "));
    }
    text
}

/// The topics whose readings have no time of their own.
fn without_time(rules: &[Rule]) -> impl Iterator<Item = &str> {
    let is_without = |rule: &&Rule| {
        let own = match &rule.format {
            Format::Json(json) => json.time.is_some(),
            Format::Profile(profile) => profile.time.is_some(),
            format => *format != Format::Value,
        };
        !own && rule.properties.time.is_none() && rule.properties.expiry_s.is_none()
    };
    rules.iter().filter(is_without).map(|rule| rule.template.as_str())
}

fn describe_undeclared(checked: &Checked) -> String {
    match checked.plant.undeclared {
        Undeclared::Store => {
            format!("stored and shown, not judged; at most {} tags", checked.plant.undeclared_max)
        }
        Undeclared::Ignore => "counted and forgotten".to_owned(),
    }
}

fn describe_budget(budget: Option<Budget>) -> String {
    match budget {
        None => "1 per 100 batches, 1 per 200 frames on lines without batches".to_owned(),
        Some(Budget::PerBatches { flags, batches }) => format!("{flags} per {batches} batches"),
        Some(Budget::PerFrames { flags, frames }) => format!("{flags} per {frames} frames"),
        Some(Budget::PerDay(flags)) => format!("{flags} per day"),
    }
}

/// What a configuration says, for machines.
fn summary_json(checked: &Checked) -> Value {
    let brokers: Vec<Value> = checked
        .brokers
        .iter()
        .map(|broker| {
            json!({
                "name": broker.settings.name,
                "host": broker.settings.host,
                "port": broker.settings.port,
                "tls": broker.settings.tls.is_some(),
                "client_id": broker.settings.client_id,
                "subscriptions": broker.settings.subscriptions.iter()
                    .map(|(filter, qos)| json!({ "filter": filter, "qos": qos }))
                    .collect::<Vec<_>>(),
                "publish_prefix": broker.settings.publish_prefix,
                "sparkplug": broker.host.as_ref().map(|host| json!({
                    "client_id": host.client_id,
                    "primary": host.sparkplug.as_ref().and_then(|host| host.primary.as_deref()),
                    "filters": host.subscriptions.iter().map(|(filter, _)| filter).collect::<Vec<_>>(),
                })),
                "without_time": without_time(&broker.rules).collect::<Vec<_>>(),
            })
        })
        .collect();
    let lines: Vec<Value> = checked
        .plant
        .lines
        .iter()
        .map(|line| {
            let tags: serde_json::Map<String, Value> = ROLES
                .iter()
                .map(|(role, word)| {
                    let tags: Vec<&str> = line
                        .tags
                        .iter()
                        .filter(|tag| tag.role == *role)
                        .map(|tag| &*tag.id)
                        .collect();
                    ((*word).to_owned(), json!(tags))
                })
                .collect();
            json!({ "name": &*line.name, "grade": line.grade.as_deref(), "tags": tags })
        })
        .collect();
    json!({
        "brokers": brokers,
        "lines": lines,
        "grades": checked.plant.grades.names().map(|name| &**name).collect::<Vec<_>>(),
        "undeclared": match checked.plant.undeclared {
            Undeclared::Store => "store",
            Undeclared::Ignore => "ignore",
        },
        "influxdb": checked.influx.as_ref().map(|influx| {
            json!({ "url": influx.url, "org": influx.org, "bucket": influx.bucket })
        }),
        "webhooks": checked.webhooks.iter().map(|hook| hook.name.as_str()).collect::<Vec<_>>(),
        "http": checked.http.as_ref().map(|http| http.listen.to_string()),
        "store": {
            "path": checked.store.path.as_ref().map(|path| path.display().to_string()),
            "max_size_bytes": checked.store.max_size_bytes,
            "holds_s_at_1000_readings_a_second": holds_seconds(checked),
        },
    })
}

fn count(number: usize, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}

fn seconds(duration: Duration) -> String {
    format!("{} s", duration.as_secs_f64())
}

/// Bytes in binary units with one digit.
fn bytes(bytes: u64) -> String {
    let (unit, factor) = if bytes >= 1 << 30 { ("GiB", 1 << 30) } else { ("MiB", 1_u64 << 20) };
    let tenths = bytes.saturating_mul(10) / factor;
    format!("{}.{} {unit}", tenths / 10, tenths % 10)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;

    fn example(name: &str) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("config").join(name)
    }

    fn run(path: &Path, form: Form) -> (bool, String, String) {
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let good = answer(path, form, |_| Vec::new(), &mut out, &mut err).unwrap();
        (good, String::from_utf8(out).unwrap(), String::from_utf8(err).unwrap())
    }

    #[test]
    fn summary_says_what_the_model_case_does() {
        let (good, out, err) = run(&example("tissue.toml"), Form::Text { colour: false });
        assert!(good);
        assert_eq!(err, "");
        let text = out.replace(&example("tissue.toml").display().to_string(), "tissue.toml");
        insta::assert_snapshot!(text, @r"
        `tissue.toml` can be used

        broker plant: 127.0.0.1:1883, no TLS, client `onspec-tm3`
          subscribes to $SYS/broker/publish/messages/dropped (QoS 0)
          subscribes to mill/+/+ (QoS 1)
          reads $SYS/broker/publish/messages/dropped as the count of what the broker dropped
          reads mill/{line}/events as batch events
          reads mill/{line}/{area} as JSON: 46 fields, the time at /ts
          publishes onspec/{line}/verdict, onspec/{line}/batch, onspec/status
        line tm3: frames of 1 s, batches from events, grade facial-15, 46 tags declared
          quality: basis_weight, moisture
          process: hardwood_consistency, softwood_consistency, refiner_power, freeness, softwood_flow, hardwood_flow, broke_flow, stock_flow, chest_ph, chest_level, wet_strength_flow, debonder_flow, headbox_pressure, headbox_flow, headbox_consistency, jet_wire_ratio, white_water_consistency, retention, wire_speed, suction_roll_vacuum, uhle_box_vacuum, press_load, felt_water, yankee_speed, steam_pressure, condensate_pressure, yankee_temperature, adhesive_flow, release_flow, hood_temperature_wet, hood_temperature_dry, hood_humidity, hood_fan_speed, gas_flow, blade_load, doctor_vibration, reel_speed, crepe, reel_load, caliper
          context: blade_age, reel_diameter, production_rate, sheet_break
        grade facial-15: limits on tags basis_weight, moisture; on laboratory results stretch_md, tensile_md, wet_tensile_cd
        grade toilet-17: limits on tags basis_weight, moisture; on laboratory results stretch_md, tensile_md
        grade towel-21: limits on tags basis_weight, moisture; on laboratory results stretch_md, tensile_md, wet_tensile_cd
        undeclared lines and tags: stored and shown, not judged; at most 10000 tags
        false flags: 1 per 100 batches
        InfluxDB: http://127.0.0.1:8086, organisation `mill`, bucket `onspec`
        page: http://127.0.0.1:8080/
        store: `tissue.db`, at most 20.0 GiB, drops the oldest readings when full
          at 1000 readings a second it takes about 3.2 GiB a day and holds about 6 days
        ");
    }

    #[test]
    fn profiles_are_named_beside_the_tags() {
        let (_, out, err) = run(&example("onspec.toml"), Form::Text { colour: false });
        assert!(out.contains("\n  across the web: weight_profile\n"), "{out}{err}");
    }

    #[test]
    fn what_is_not_on_this_machine_is_a_warning() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("mill.toml");
        let text = std::fs::read_to_string(example("minimal.toml")).unwrap();
        let text = text.replace("{ env = \"INFLUX_TOKEN\" }", "{ file = \"/no/such/token\" }");
        std::fs::write(&path, format!("{text}[store]\npath = \"onspec.db\"\n")).unwrap();
        let (mut out, mut err) = (Vec::new(), Vec::new());
        assert!(check_command(&path, Form::Text { colour: false }, &mut out, &mut err).unwrap());
        let err = String::from_utf8(err).unwrap();
        let start = format!("warning: not here on this machine: {}:", path.display());
        assert!(err.starts_with(&start), "{err}");
        assert!(err.contains(": `influxdb.token`: cannot read `/no/such/token`"), "{err}");
        let (mut out, mut err) = (Vec::new(), Vec::new());
        assert!(check_command(&path, Form::Json, &mut out, &mut err).unwrap());
        let document: Value = serde_json::from_slice(&out).unwrap();
        assert_eq!(document["not_here"][0]["key"], "influxdb.token");
        assert_eq!(document["not_here"].as_array().map(Vec::len), Some(1));
    }

    #[test]
    fn json_summary_is_one_document() {
        let (good, out, err) = run(&example("minimal.toml"), Form::Json);
        assert!(good);
        assert_eq!(err, "");
        let document: Value = serde_json::from_str(&out).unwrap();
        assert_eq!(document["ok"], true);
        assert_eq!(document["summary"]["brokers"][0]["subscriptions"][0]["filter"], "mill/+/+/+");
        assert_eq!(document["summary"]["store"]["holds_s_at_1000_readings_a_second"], 536_870);
    }

    #[test]
    fn wrong_file_is_said_on_standard_error_and_as_json_on_standard_output() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("mill.toml");
        std::fs::write(&path, "[influxdb]\nurl = 1\nbukket = \"x\"\n").unwrap();
        let (good, out, err) = run(&path, Form::Text { colour: false });
        assert!(!good);
        assert_eq!(out, "");
        assert!(err.contains("did you mean `bucket`?"), "{err}");
        assert!(err.ends_with("cannot be used: 4 errors and 1 warning\n"), "{err}");

        let (good, out, err) = run(&path, Form::Json);
        assert!(!good);
        assert_eq!(err, "");
        let document: Value = serde_json::from_str(&out).unwrap();
        assert_eq!(document["ok"], false);
        assert_eq!(document["diagnostics"][1]["line"], 1);
    }

    #[test]
    fn absent_file_is_named() {
        let (good, out, err) = run(Path::new("no/such.toml"), Form::Text { colour: false });
        assert!(!good);
        assert_eq!(out, "");
        assert!(err.starts_with("error: cannot read the configuration `no/such.toml`: "), "{err}");
        let (good, out, _) = run(Path::new("no/such.toml"), Form::Json);
        assert!(!good);
        assert!(out.contains(r#""ok":false"#), "{out}");
    }
}

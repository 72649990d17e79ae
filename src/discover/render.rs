//! A proposal as TOML, with how sure each part is.

use super::propose::{Proposal, ProposedLine, ProposedRule, ProposedTag};
use super::role::{self, Likely};
use crate::reading::Count;
use std::fmt::{self, Write as _};

/// Names of topics left out that are shown.
const LEFT_SHOWN: usize = 5;

impl Proposal {
    /// True if nothing was heard that a configuration could be made of.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// How many rules, lines and tags it has, for a person.
    #[must_use]
    pub fn summary(&self) -> String {
        let tags: usize = self.lines.values().map(|line| line.tags.len()).sum();
        format!(
            "{} on {} in {:.0} s: {}, {}, {}",
            Count(self.heard.messages, "message"),
            Count(self.heard.topics, "topic"),
            self.heard.seconds,
            Count(self.rules.len(), "rule"),
            Count(self.lines.len(), "line"),
            Count(tags, "tag"),
        )
    }

    /// The configuration. `connection` are the keys of the broker, as TOML, that it was heard through.
    #[must_use]
    pub fn to_toml(&self, connection: &str) -> String {
        let mut text = String::new();
        self.write(connection, &mut text).expect("writing to a String cannot fail");
        text
    }

    fn write(&self, connection: &str, out: &mut String) -> fmt::Result {
        writeln!(out, "# Proposed by `onspec discover` from {}.", self.summary())?;
        if self.heard.beyond > 0 {
            writeln!(
                out,
                "# Of topics beyond what it remembers: {}.",
                Count(self.heard.beyond, "message")
            )?;
        }
        writeln!(
            out,
            "# Look it over: what is unsure says so. `onspec check` tells what it means, `onspec tap` how messages are read."
        )?;
        writeln!(out, "\n[store]\npath = \"onspec.db\"")?;
        writeln!(out, "\n[[mqtt]]\n{}", connection.trim_end())?;
        for rule in &self.rules {
            write_rule(rule, out)?;
        }
        for (name, line) in &self.lines {
            write_line(name, line, out)?;
        }
        writeln!(
            out,
            "\n# Where readings and verdicts go. The token comes from the environment of the daemon."
        )?;
        writeln!(
            out,
            "#[influxdb]\n#url = \"http://127.0.0.1:8086\"\n#org = \"mill\"\n#bucket = \"onspec\"\n#token = {{ env = \"INFLUX_TOKEN\" }}"
        )?;
        writeln!(out, "\n[http]\nlisten = \"127.0.0.1:8080\"")?;
        for (why, topics) in &self.left {
            writeln!(out, "\n# Left out, {}: {why}.", Count(topics.len(), "topic"))?;
            for topic in topics.iter().take(LEFT_SHOWN) {
                writeln!(out, "#   {}", comment(topic))?;
            }
            if topics.len() > LEFT_SHOWN {
                writeln!(out, "#   and {} more", topics.len() - LEFT_SHOWN)?;
            }
        }
        Ok(())
    }
}

fn write_rule(rule: &ProposedRule, out: &mut String) -> fmt::Result {
    let sure = if rule.doubts.is_empty() {
        "sure".to_owned()
    } else {
        format!("unsure: {}", rule.doubts.join("; "))
    };
    let of = if rule.format == "sparkplug-b" { "edge node" } else { "topic" };
    let (topics, messages) = (Count(rule.topics, of), Count(rule.messages, "message"));
    writeln!(out, "\n# {topics}, {messages}; {sure}.")?;
    writeln!(out, "[[mqtt.subscribe]]\ntopic = {}", quoted(&rule.template))?;
    if rule.format != "json" {
        writeln!(out, "format = {}", quoted(rule.format))?;
    }
    if let Some(line) = &rule.line {
        writeln!(out, "line = {}", quoted(line))?;
    }
    if let Some(value) = &rule.value {
        writeln!(out, "value = {}", quoted(value))?;
    }
    if let Some((time, unit)) = &rule.time {
        writeln!(out, "time = {}", quoted(time))?;
        // Milliseconds are the default, and RFC 3339 has no unit.
        if !["", "ms"].contains(unit) {
            writeln!(out, "time_unit = {}", quoted(unit))?;
        }
    }
    if let Some((quality, codes)) = &rule.quality {
        writeln!(out, "quality = {}", quoted(quality))?;
        if *codes != "opc-da" {
            writeln!(out, "quality_codes = {}", quoted(codes))?;
        }
    }
    if !rule.fields.is_empty() {
        writeln!(out, "\n[mqtt.subscribe.fields]")?;
        for (tag, pointer) in &rule.fields {
            writeln!(out, "{} = {}", key(tag), quoted(pointer))?;
        }
    }
    Ok(())
}

fn write_line(name: &str, line: &ProposedLine, out: &mut String) -> fmt::Result {
    writeln!(out, "\n[line.{}]", key(name))?;
    let id = line.tag_where(|id, tag| tag.role == Likely::Context && role::is_batch_id(id));
    let turn_up = line.tag_where(|id, tag| {
        tag.role == Likely::Context && id.contains("diameter") && tag.span.is_some()
    });
    match (line.events, id, turn_up) {
        (true, ..) => writeln!(out, "batch = {{ from = \"events\" }}")?,
        (_, Some(id), _) => {
            writeln!(out, "# Unsure: a batch begins when this tag changes.")?;
            writeln!(out, "batch = {{ from = \"tag\", tag = {} }}", quoted(id))?;
        }
        (_, _, Some(diameter)) => {
            writeln!(out, "# Unsure: a batch ends when this tag falls.")?;
            writeln!(out, "batch = {{ from = \"turn-up\", tag = {} }}", quoted(diameter))?;
        }
        _ => {
            writeln!(
                out,
                "# Nothing heard tells where a batch begins: see `batch` in the reference."
            )?;
            writeln!(out, "batch = {{ from = \"none\" }}")?;
        }
    }
    let length = line
        .tag_where(|id, tag| tag.span.is_some() && id.to_ascii_lowercase().contains("reel_speed"));
    let mass = line.tag_where(|id, tag| {
        tag.span.is_some() && id.to_ascii_lowercase().contains("production_rate")
    });
    let rate: Vec<String> = [("length", length), ("mass", mass)]
        .into_iter()
        .filter_map(|(what, tag)| tag.map(|tag| format!("{what} = {}", quoted(tag))))
        .collect();
    if !rate.is_empty() {
        writeln!(out, "# By their names; the units have to be right: m/min, t/h.")?;
        writeln!(out, "rate = {{ {} }}", rate.join(", "))?;
    }
    if let Some(tag) = line.tag_where(|id, _| role::is_break(id)) {
        writeln!(out, "break = {{ tag = {} }}", quoted(tag))?;
    }
    if let Some(tag) = line.tag_where(|id, tag| tag.role == Likely::Context && role::is_grade(id)) {
        writeln!(out, "# `{}` looks like the grade.", comment(tag))?;
    }
    let quality = line.with_role(Likely::Quality);
    if !quality.is_empty() {
        writeln!(
            out,
            "# What the product is measured by needs limits: [grade.NAME] with spec.{} = {{ low = …, high = … }}",
            key(quality[0])
        )?;
    }
    for (id, tag) in &line.tags {
        write_tag((name, id), tag, out)?;
    }
    Ok(())
}

fn write_tag((line, id): (&str, &str), tag: &ProposedTag, out: &mut String) -> fmt::Result {
    let mut heard = vec![format!("heard {} times", tag.count)];
    if let Some(interval) = tag.interval_s {
        heard.push(format!("every {}", rough(interval)));
    }
    if let Some((low, high)) = tag.span {
        heard.push(if low.to_bits() == high.to_bits() {
            format!("always {low}")
        } else {
            format!("{low} to {high}")
        });
    }
    if !tag.words.is_empty() {
        let words: Vec<String> = tag.words.iter().map(|word| comment(word)).collect();
        heard.push(format!("such as {}", words.join(", ")));
    }
    writeln!(out, "\n# {}", heard.join(", "))?;
    writeln!(out, "[line.{}.tag.{}]", key(line), key(id))?;
    if let Some(unit) = &tag.unit {
        writeln!(out, "unit = {}", quoted(unit))?;
    }
    if let Some(word) = tag.role.word() {
        writeln!(out, "role = {}   # {}", quoted(word), tag.why)?;
    }
    Ok(())
}

/// A time between two values, in the unit in which people would say it.
fn rough(seconds: f64) -> String {
    match seconds {
        s if s < 0.0995 => format!("{:.0} ms", s * 1e3),
        s if s < 9.95 => format!("{s:.1} s"),
        s if s < 120.0 => format!("{s:.0} s"),
        s => format!("{:.0} min", s / 60.0),
    }
}

/// A key: bare where TOML takes it so.
fn key(name: &str) -> String {
    let bare =
        !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
    if bare { name.to_owned() } else { quoted(name) }
}

fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            c if c.is_control() => {
                write!(quoted, "\\u{:04X}", u32::from(c)).expect("a String takes all");
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

/// What came from outside, for a comment: it must not end the line.
fn comment(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

//! `onspec tap`: each message, the rule that took it, the readings, or why not.

use super::out::{Exit, Out};
use crate::app::listen::{Heard, Listener};
use crate::decode::{
    Arrival, BatchEvent, Decoder, Fault, Message, NamedReading, ProfileMessage, Properties,
};
use crate::plant::{Plant, Undeclared};
use crate::reading::{Count, SourceQuality, Timestamp, Value};
use crate::sparkplug::{Came, Host, Word};
use serde_json::{Value as Json, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// What is shown of a payload that was not taken whole, in characters.
const PAYLOAD_SHOWN: usize = 300;

/// A source's time is remarked on when it is so far from the arrival, s.
const APART_S: f64 = 2.0;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The configuration.
    #[arg(short, long, value_name = "FILE")]
    config: PathBuf,
    /// Listen to this topic filter, such as `mill/+/yankee`, instead of to all that the configuration subscribes to.
    #[arg(value_name = "TOPIC")]
    topic: Option<String>,
    /// End after so long; without it by Ctrl-C.
    #[arg(long = "for", value_name = "DURATION", value_parser = crate::config::parse_duration)]
    during: Option<Duration>,
    /// End after so many messages.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,
    /// Show only messages that were not taken whole.
    #[arg(long)]
    faults: bool,
    /// One JSON object a line.
    #[arg(long)]
    json: bool,
}

pub(super) fn command(args: &Args, out: &mut Out) -> Exit {
    let checked = match crate::config::read(&args.config) {
        Ok(checked) => checked,
        Err(problem) => return out.unusable(&problem),
    };
    if let Some(topic) = args.topic.as_deref().filter(|topic| !rumqttc::valid_filter(topic)) {
        out.error(&format!(
            "error: `{topic}` is no topic filter: `+` takes a level, `#` stands last and takes the rest\n"
        ));
        return Exit::Usage;
    }
    let mut brokers: Vec<_> = checked
        .brokers
        .iter()
        .map(|broker| {
            let mut settings = broker.settings.clone();
            settings.subscriptions.extend(broker.host.iter().flat_map(|h| h.subscriptions.clone()));
            settings
        })
        .collect();
    if let Some(topic) = &args.topic {
        for broker in &mut brokers {
            broker.subscriptions = vec![(topic.clone(), 0)];
        }
    }
    let rules = checked.rules();
    let decoder = Decoder::for_plant(rules, &checked.plant);
    let mut tap = Tap { decoder, host: Host::default(), plant: &checked.plant, shown: 0 };
    super::listening(out, async |out| {
        let mut listener = Listener::start(&brokers, "tap")?;
        let answered = tap.show(args, &mut listener, out).await;
        listener.stop().await;
        answered
    })
}

struct Tap<'a> {
    decoder: Decoder,
    /// Knows what edge nodes mean; it asks for nothing.
    host: Host,
    plant: &'a Plant,
    shown: u64,
}

impl Tap<'_> {
    /// Shows what comes until the time is over, or nobody wants more.
    async fn show(
        &mut self,
        args: &Args,
        listener: &mut Listener,
        out: &mut Out,
    ) -> Result<Exit, crate::app::AppError> {
        let over = super::over(args.during);
        tokio::pin!(over);
        let mut reached = BTreeSet::new();
        let mut missed = None;
        loop {
            // Cancel-safe, both: what is not received now is received at the next turn, or not wanted.
            let heard = tokio::select! {
                () = &mut over => break,
                heard = listener.next() => heard?,
            };
            match heard {
                None => break,
                Some(Heard::Up(broker)) => {
                    reached.insert(broker);
                }
                Some(Heard::Down(broker, reason)) => missed = Some((broker, reason)),
                Some(Heard::Message(arrival)) => {
                    if let Some(text) = self.told(&arrival, args) {
                        let exit = out.print(&text);
                        if exit != Exit::Done || out.is_closed() {
                            return Ok(exit);
                        }
                        self.shown += 1;
                    }
                    if args.count.is_some_and(|count| self.shown >= count) {
                        break;
                    }
                }
            }
        }
        if !reached.is_empty() {
            return Ok(Exit::Done);
        }
        out.error(&match missed {
            Some((broker, reason)) => {
                format!("error: broker `{broker}` was not reached: {reason}\n")
            }
            None => "error: no broker has answered\n".to_owned(),
        });
        Ok(Exit::Failed)
    }

    /// A message in words, or as JSON; `None` if it is not asked for.
    fn told(&mut self, arrival: &Arrival, args: &Args) -> Option<String> {
        let template = self.decoder.template(&arrival.broker, &arrival.topic).map(str::to_owned);
        let (mut messages, mut faults) = (Vec::new(), Vec::new());
        let dated = self.decoder.decode(arrival, &mut messages, &mut faults);
        let notes = self.host_says(arrival, &mut messages, &mut faults);
        if args.faults && faults.is_empty() {
            return None;
        }
        let tapped = Tapped { arrival, dated, template, messages, notes, faults };
        Some(if args.json { tapped.json(self.plant) } else { tapped.text(self.plant) })
    }
}

impl Tap<'_> {
    /// Puts readings in the place of what edge nodes say; what else the host application says of it.
    fn host_says(
        &mut self,
        arrival: &Arrival,
        messages: &mut Vec<Message>,
        faults: &mut Vec<Fault>,
    ) -> Vec<String> {
        let mut words = Vec::new();
        messages.retain(|message| {
            let Message::Node(node) = message else { return true };
            let came = Came { received: arrival.received, retained: arrival.retained };
            self.host.take(&arrival.broker, node, came, &mut words);
            false
        });
        // What waited for too long is said with whatever comes next.
        self.host.pass(arrival.received, &mut words);
        let mut notes = Vec::new();
        for word in words {
            match word {
                Word::Reading { mut reading, unit, historical } => {
                    let converted =
                        unit.map_or(Ok(()), |unit| self.decoder.convert(&mut reading, &unit));
                    match converted {
                        Ok(()) if historical => {
                            notes.push(format!("{}: an old value, sent late", reading.tag));
                            messages.push(Message::Reading(reading));
                        }
                        Ok(()) => messages.push(Message::Reading(reading)),
                        Err(fault) => faults.push(fault),
                    }
                }
                Word::Lost { tag, .. } => notes.push(format!("{tag}: no value any more")),
                Word::Fault(fault) => faults.push(fault),
                Word::Ask { .. } => notes.push("its births would be asked for".to_owned()),
                Word::Gap { reason, .. }
                | Word::Alarm { reason, .. }
                | Word::Forgot { reason, .. } => notes.push(reason.to_string()),
            }
        }
        notes
    }
}

/// What a message was read as.
struct Tapped<'a> {
    arrival: &'a Arrival,
    /// When readings without a time are of.
    dated: Timestamp,
    template: Option<String>,
    messages: Vec<Message>,
    /// What is said of it beside its readings.
    notes: Vec<String>,
    faults: Vec<Fault>,
}

impl Tapped<'_> {
    fn text(&self, plant: &Plant) -> String {
        let Arrival { received, topic, payload, retained, .. } = self.arrival;
        let mut text = format!("{received} {}", shown(topic));
        match &self.template {
            Some(template) => write!(text, "  (rule `{template}`, {} bytes", payload.len()),
            None => write!(text, "  (no rule, {} bytes", payload.len()),
        }
        .expect("a String takes all");
        text.push_str(if *retained { ", retained)\n" } else { ")\n" });
        if let Some(properties) = &self.arrival.properties {
            writeln!(text, "  with {}", shown(&properties_text(properties)))
                .expect("a String takes all");
        }
        for message in &self.messages {
            match message {
                Message::Reading(reading) => {
                    text.push_str("  ");
                    text.push_str(&reading_text(reading, plant, (*received, self.dated)));
                }
                Message::Batch(message) => {
                    let (word, details) = event_words(&message.event);
                    let batch = message.event.batch().map_or("", |batch| &**batch);
                    let details = shown(&format!("{batch} {details}"));
                    write!(text, "  {}: {word} {} at {}", message.line, details.trim(), message.at)
                        .expect("a String takes all");
                }
                Message::Dropped(count) => {
                    write!(text, "  the broker has dropped {}", Count(count, "message"))
                        .expect("a String takes all");
                }
                Message::Profile(scan) => {
                    text.push_str("  ");
                    text.push_str(&scan_text(scan));
                }
                Message::Node(_) => unreachable!("readings stand in its place"),
            }
            text.push('\n');
        }
        for note in &self.notes {
            writeln!(text, "  - {}", shown(note)).expect("a String takes all");
        }
        for fault in &self.faults {
            writeln!(text, "  ! {}: {}", fault.reason.as_str(), fault.detail)
                .expect("a String takes all");
        }
        if !self.faults.is_empty() {
            let payload = shown(&String::from_utf8_lossy(payload));
            writeln!(text, "  payload: {payload}").expect("a String takes all");
        }
        text
    }

    fn json(&self, plant: &Plant) -> String {
        let sent = (self.dated != self.arrival.received).then_some(self.dated);
        let reading = |reading: &NamedReading| {
            json!({
                "line": reading.line,
                "area": reading.area,
                "tag": reading.tag,
                "value": value_json(&reading.value),
                "time": reading.at.or(sent).map(Timestamp::as_millis),
                "quality": quality_word(reading.quality),
                "declared": declared(plant, reading).is_some(),
            })
        };
        let (mut readings, mut events, mut dropped) = (Vec::new(), Vec::new(), None);
        let mut profiles = Vec::new();
        for message in &self.messages {
            match message {
                Message::Reading(of) => readings.push(reading(of)),
                Message::Batch(of) => {
                    let (word, details) = event_words(&of.event);
                    events.push(json!({
                        "line": of.line, "station": of.station, "time": of.at.as_millis(),
                        "event": word, "batch": of.event.batch(), "details": details,
                    }));
                }
                Message::Dropped(count) => dropped = Some(*count),
                Message::Profile(scan) => profiles.push(scan_json(scan)),
                Message::Node(_) => unreachable!("readings stand in its place"),
            }
        }
        let faults: Vec<Json> = self
            .faults
            .iter()
            .map(|fault| json!({ "reason": fault.reason.as_str(), "detail": fault.detail }))
            .collect();
        let mut object = json!({
            "received": self.arrival.received.as_millis(),
            "broker": self.arrival.broker,
            "topic": self.arrival.topic,
            "retained": self.arrival.retained,
            "rule": self.template,
            "readings": readings,
            "events": events,
            "faults": faults,
        });
        if let Some(dropped) = dropped {
            object["dropped"] = dropped.into();
        }
        if !profiles.is_empty() {
            object["profiles"] = profiles.into();
        }
        if let Some(properties) = &self.arrival.properties {
            object["properties"] = json!({
                "content_type": properties.content_type(),
                "expiry_s": properties.expiry_s(),
                "user": properties.all().collect::<BTreeMap<_, _>>(),
            });
        }
        if !self.notes.is_empty() {
            object["notes"] = self.notes.clone().into();
        }
        if !self.faults.is_empty() {
            object["payload"] = String::from_utf8_lossy(&self.arrival.payload).into();
        }
        format!("{object}\n")
    }
}

/// What is kept of a message's properties, in words.
fn properties_text(properties: &Properties) -> String {
    let content_type = properties.content_type().map(|of| format!("content type {of}"));
    let expiry = properties.expiry_s().map(|left| format!("{left} s to its expiry"));
    let user = properties.all().map(|(key, value)| format!("{key} = {value}"));
    let all: Vec<String> = content_type.into_iter().chain(expiry).chain(user).collect();
    if properties.excess().is_some() { "too many properties".to_owned() } else { all.join(", ") }
}

/// A reading in words: names, value and unit, time, and what is to be said about it.
fn scan_text(scan: &ProfileMessage) -> String {
    let names = [&scan.line, &scan.area, &scan.tag];
    let names: Vec<&str> = names.iter().map(|name| &***name).filter(|n| !n.is_empty()).collect();
    let valid = scan.values.iter().filter(|value| !value.is_nan());
    let low = valid.clone().copied().fold(f64::INFINITY, f64::min);
    let high = valid.clone().copied().fold(f64::NEG_INFINITY, f64::max);
    let mut text = format!("{} = {} boxes", shown(&names.join("/")), scan.values.len());
    if low <= high {
        write!(text, ", {} valid, {low} to {high}", valid.count()).expect("a String takes all");
    }
    match scan.at {
        Some(at) => write!(text, " at {at}").expect("a String takes all"),
        None => text.push_str("  (without time: its arrival counts)"),
    }
    if !scan.on_sheet {
        text.push_str("  (off the sheet: not counted)");
    }
    if scan.quality != SourceQuality::Good {
        write!(text, "  (quality {})", quality_word(scan.quality)).expect("a String takes all");
    }
    text
}

fn scan_json(scan: &ProfileMessage) -> Json {
    json!({
        "line": scan.line,
        "area": scan.area,
        "tag": scan.tag,
        "values": scan.values,
        "positions": scan.positions,
        "time": scan.at.map(Timestamp::as_millis),
        "quality": quality_word(scan.quality),
        "on_sheet": scan.on_sheet,
    })
}

fn reading_text(
    reading: &NamedReading,
    plant: &Plant,
    (received, dated): (Timestamp, Timestamp),
) -> String {
    let names = [&reading.line, &reading.area, &reading.tag];
    let names: Vec<&str> = names.iter().map(|name| &***name).filter(|n| !n.is_empty()).collect();
    let mut text = format!("{} = ", shown(&names.join("/")));
    match &reading.value {
        Value::Text(value) => write!(text, "\"{}\"", shown(value)),
        value @ Value::Number(_) => write!(text, "{}", value_json(value)),
    }
    .expect("a String takes all");
    let mut remarks = Vec::new();
    match declared(plant, reading) {
        Some(unit) if !unit.is_empty() => write!(text, " {unit}").expect("a String takes all"),
        Some(_) => {}
        None if plant.undeclared == Undeclared::Ignore => {
            remarks.push("not declared: ignored".to_owned());
        }
        None => remarks.push("not declared: stored, not judged".to_owned()),
    }
    if reading.quality != SourceQuality::Good {
        remarks.push(format!("quality {}", quality_word(reading.quality)));
    }
    match reading.at {
        None if dated == received => {
            remarks.push("without time: its arrival counts".to_owned());
        }
        None => {
            let age = received.seconds_since(dated);
            write!(text, " at {dated}").expect("a String takes all");
            remarks.push(format!("without time: sent {age:.0} s before its arrival"));
        }
        Some(at) => {
            write!(text, " at {at}").expect("a String takes all");
            let ahead = at.seconds_since(received);
            if ahead.abs() > APART_S {
                let way = if ahead > 0.0 { "after" } else { "before" };
                remarks.push(format!("{:.0} s {way} its arrival", ahead.abs()));
            }
        }
    }
    if !remarks.is_empty() {
        write!(text, " ({})", remarks.join("; ")).expect("a String takes all");
    }
    text
}

/// The word of an event, as the contract has it, and what it says beside its batch.
fn event_words(event: &BatchEvent) -> (&'static str, String) {
    let named = |what: &str, name: &Option<Arc<str>>| {
        name.as_ref().map_or_else(String::new, |name| format!("{what} {name}"))
    };
    match event {
        BatchEvent::Start { grade, .. } => ("batch-start", named("grade", grade)),
        BatchEvent::End { length_m, mass_kg, .. } => {
            let length = length_m.map(|length| format!("{length} m"));
            let mass = mass_kg.map(|mass| format!("{mass} kg"));
            ("batch-end", [length, mass].into_iter().flatten().collect::<Vec<_>>().join(", "))
        }
        BatchEvent::Lab { property, value, unit, .. } => {
            let unit = unit.as_deref().unwrap_or_default();
            ("lab", format!("{property} = {value} {unit}").trim_end().to_owned())
        }
        BatchEvent::Disposition { disposition, by, .. } => {
            let by = named("by", by);
            ("disposition", format!("{} {by}", disposition.as_str()).trim_end().to_owned())
        }
        BatchEvent::Action { text, by, .. } => {
            ("action", format!("{text} {}", named("by", by)).trim_end().to_owned())
        }
        BatchEvent::GradeChange { grade } => ("grade-change", grade.to_string()),
        BatchEvent::Phase { phase, .. } => ("phase", phase.to_string()),
        BatchEvent::Pause { reason } => ("pause", named("for", reason)),
        BatchEvent::Resume => ("resume", String::new()),
        BatchEvent::Consumes { from, mass_kg, .. } => {
            let mass = mass_kg.map_or_else(String::new, |mass| format!(", {mass} kg"));
            ("consumes", format!("{from}{mass}"))
        }
        BatchEvent::Merge { into, .. } => ("merge", format!("into {into}")),
        BatchEvent::Void { .. } => ("void", String::new()),
    }
}

/// The unit of a declared tag; `None` if it is not declared.
fn declared(plant: &Plant, reading: &NamedReading) -> Option<Arc<str>> {
    let line = plant.lines.iter().find(|line| line.name == reading.line)?;
    let full = format!("{}/{}", reading.area, reading.tag);
    let ix = line.tag_position(&full).or_else(|| line.tag_position(&reading.tag))?;
    Some(Arc::clone(&line.tags[ix].unit))
}

fn value_json(value: &Value) -> Json {
    match value {
        Value::Text(text) => Json::from(&**text),
        Value::Number(number) => Json::from(number.get()),
    }
}

fn quality_word(quality: SourceQuality) -> &'static str {
    match quality {
        SourceQuality::Good => "good",
        SourceQuality::Uncertain => "uncertain",
        SourceQuality::Bad => "bad",
    }
}

/// What came from outside, for a terminal: no control characters, and not too much of it.
fn shown(text: &str) -> String {
    let mut shown: String = text
        .chars()
        .take(PAYLOAD_SHOWN)
        .map(|c| if c.is_control() { '\u{fffd}' } else { c })
        .collect();
    if text.chars().nth(PAYLOAD_SHOWN).is_some() {
        shown.push('…');
    }
    shown
}

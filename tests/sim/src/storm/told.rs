//! One event as a plant tells it: what happened, when it comes, and its body on MQTT.

use crate::mill::BEGIN;
use onspec::reading::Timestamp;
use serde_json::{Value, json};

/// An event. Times are s since [`BEGIN`].
#[derive(Debug, Clone, PartialEq)]
pub struct Told {
    /// When it happened, by its sender.
    pub at: i64,
    /// When it comes.
    pub due: i64,
    /// The station that it is of; `None` for the line itself.
    pub station: Option<&'static str>,
    /// The batch that it is of; empty where it is of none.
    pub batch: String,
    /// What happened.
    pub what: What,
    /// What becomes of it.
    pub fate: Fate,
}

/// What keeps the order of the line's own events ([`Told::order`]).
pub const LINE: &str = "line";

/// What has to become of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It is taken, or repeats one, or is refused by what is known.
    Open,
    /// It is a fault whenever it comes.
    Refused,
    /// It is a fault when its batch is known, or as soon as that is.
    RefusedByBatch,
}

/// What happened.
#[derive(Debug, Clone, PartialEq)]
pub enum What {
    /// The batch begins; its grade, if the event names one.
    Start(Option<&'static str>),
    /// It ends; its length, m, and mass, kg.
    End(Option<u32>, Option<u32>),
    /// The line changes to a grade.
    Grade(&'static str),
    /// The line stops making product.
    Pause(Option<&'static str>),
    /// It makes product again.
    Resume,
    /// What is made comes into a phase: the batch that the event is of, or where it is of none what its station makes.
    Phase(String),
    /// A laboratory result.
    Lab {
        /// The property.
        property: String,
        /// The value, thousandths.
        value: i64,
        /// The unit, if named.
        unit: Option<&'static str>,
        /// Where in the batch, if named.
        position: Option<&'static str>,
    },
    /// A person's decision.
    Disposition(&'static str),
    /// What people did.
    Action(String),
    /// What it was made of: lot, mass in kg, metres.
    Consumes(&'static str, u32, Option<(u32, u32)>),
    /// It is a part of another batch.
    Merge(String),
    /// It never was.
    Void,
}

impl Told {
    /// An event of the line that comes when it happens.
    #[must_use]
    pub fn new(at: i64, batch: &str, what: What) -> Self {
        Self { at, due: at, station: None, batch: batch.into(), what, fate: Fate::Open }
    }

    /// Its payload.
    #[must_use]
    pub fn payload(&self) -> String {
        let mut body = match &self.what {
            What::Start(grade) => json!({"event": "batch-start", "grade": grade}),
            What::End(length, mass) => {
                json!({"event": "batch-end", "length_m": length, "mass_kg": mass})
            }
            What::Grade(grade) => json!({"event": "grade-change", "grade": grade}),
            What::Pause(reason) => json!({"event": "pause", "reason": reason}),
            What::Resume => json!({"event": "resume"}),
            What::Phase(phase) => json!({"event": "phase", "phase": phase}),
            What::Lab { property, value, unit, position } => json!({
                "event": "lab", "property": property, "value": thousandths(*value), "unit": unit,
                "position": position,
            }),
            What::Disposition(word) => json!({"event": "disposition", "disposition": word}),
            What::Action(text) => json!({"event": "action", "text": text}),
            What::Consumes(from, mass, metres) => json!({
                "event": "consumes", "from": from, "mass_kg": mass,
                "from_m": metres.map(|metres| metres.0), "to_m": metres.map(|metres| metres.1),
            }),
            What::Merge(into) => json!({"event": "merge", "into": into}),
            What::Void => json!({"event": "void"}),
        };
        let keys = body.as_object_mut().expect("it was made as one");
        keys.retain(|_, value| !value.is_null());
        if !self.batch.is_empty() {
            keys.insert("batch".into(), Value::from(self.batch.as_str()));
        }
        if let Some(station) = self.station {
            keys.insert("station".into(), Value::from(station));
        }
        keys.insert("ts".into(), Value::from(instant(self.at).as_millis()));
        body.to_string()
    }

    /// The event as it comes over MQTT, for people.
    #[must_use]
    pub fn line(&self) -> String {
        format!("{} mill/tm3/events {}", instant(self.due), self.payload())
    }

    /// What must keep its order, for the one that comes later counts; nothing where an event may come before or after any
    /// other one of the line.
    ///
    /// A start or end is known by those before it, and so are changes of grade, pauses, merges and voids: those of the line
    /// keep their order. Of what is said of a batch only a correction has to come after what it corrects; and of two phases of
    /// one batch, or of one station, that are told of one instant the later one counts.
    #[must_use]
    pub fn order(&self) -> Option<String> {
        let Self { at, batch, .. } = self;
        match &self.what {
            What::Lab { property, position, .. } => {
                Some(format!("{batch} {property} {position:?} {at}"))
            }
            What::Disposition(_) => Some(format!("{batch} {at}")),
            What::Phase(_) => Some(format!("{batch} {:?} phase {at}", self.station)),
            What::Action(_) | What::Consumes(..) => None,
            What::Start(_) | What::End(..) => Some(self.station.unwrap_or(LINE).to_owned()),
            What::Grade(_) | What::Pause(_) | What::Resume | What::Merge(_) | What::Void => {
                Some(LINE.into())
            }
        }
    }
}

/// An instant in s since [`BEGIN`].
#[must_use]
pub fn instant(s: i64) -> Timestamp {
    Timestamp::from_nanos(BEGIN + s * 1_000_000_000)
}

/// A number of thousandths.
#[expect(clippy::cast_precision_loss, reason = "a result has far fewer digits than 2^53")]
#[must_use]
pub fn thousandths(value: i64) -> f64 {
    value as f64 / 1000.0
}

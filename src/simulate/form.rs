//! How readings are written.

use super::delivery::Delivery;
use super::machine::Published;
use super::tags::TAGS;
use crate::reading::Timestamp;
use std::fmt::Write as _;
use std::sync::Arc;

/// How the machine publishes its readings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Form {
    /// A message for each tag: `mill/{line}/{area}/{tag}` with `{"value":…,"ts":…}`.
    Topics,
    /// A message for each area and second: `mill/{line}/{area}` with a key for each tag that has a
    /// value, and `ts`.
    #[default]
    Wide,
}

/// Writes a second of readings.
#[derive(Debug, Clone)]
pub(super) struct Writer {
    form: Form,
    /// Name, topic, and the tags of each area; each area has a gateway.
    areas: Vec<(Arc<str>, std::ops::Range<usize>)>,
    /// The topics of the tags.
    topics: Vec<Arc<str>>,
}

impl Writer {
    pub(super) fn new(form: Form, line: &str) -> Self {
        let mut areas: Vec<(Arc<str>, std::ops::Range<usize>)> = Vec::new();
        for (ix, tag) in TAGS.iter().enumerate() {
            let topic = format!("mill/{line}/{}", tag.area);
            match areas.last_mut() {
                Some((last, tags)) if **last == *topic => tags.end = ix + 1,
                _ => areas.push((topic.into(), ix..ix + 1)),
            }
        }
        let topics = TAGS.iter().map(|tag| format!("mill/{line}/{}/{}", tag.area, tag.name).into());
        Self { form, areas, topics: topics.collect() }
    }

    /// How many gateways the readings go through.
    pub(super) fn gateways(&self) -> usize {
        self.areas.len()
    }

    /// Sends the values of this second; `None` for a tag that has none.
    pub(super) fn write(
        &self,
        at: Timestamp,
        value: impl Fn(usize) -> Option<f64>,
        delivery: &mut Delivery,
    ) {
        let ts = at.as_millis();
        for (gateway, (area, tags)) in self.areas.iter().enumerate() {
            delivery.tick(gateway, at);
            let mut send = |topic: &Arc<str>, body: String| {
                let topic = Arc::clone(topic);
                delivery
                    .send(gateway, Published { at, topic, payload: body.into(), retained: false });
            };
            let mut body = format!(r#"{{"ts":{ts}"#);
            let mut any = false;
            for ix in tags.clone() {
                let Some(value) = value(ix) else { continue };
                let (name, decimals) = (TAGS[ix].name, TAGS[ix].decimals);
                match self.form {
                    Form::Wide => {
                        any = true;
                        write!(body, r#","{name}":{value:.decimals$}"#)
                            .expect("a String takes all that is written");
                    }
                    Form::Topics => send(
                        &self.topics[ix],
                        format!(r#"{{"value":{value:.decimals$},"ts":{ts}}}"#),
                    ),
                }
            }
            if any {
                body.push('}');
                send(area, body);
            }
        }
    }
}

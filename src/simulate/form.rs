//! How readings are written.

use super::delivery::Delivery;
use super::edge_node::EdgeNode;
use super::machine::Published;
use super::tags::{TAGS, areas};
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
    /// Sparkplug B: the line is an edge node of the group `mill`, the areas are its devices.
    Sparkplug,
}

/// Writes a second of readings.
#[derive(Debug, Clone)]
pub(super) struct Writer {
    form: Form,
    /// Topic and tags of each area; each area has a gateway.
    areas: Vec<(Arc<str>, std::ops::Range<usize>)>,
    /// The topics of the tags.
    topics: Vec<Arc<str>>,
    node: Option<EdgeNode>,
}

impl Writer {
    pub(super) fn new(form: Form, line: &str) -> Self {
        let topic = |area: &str| format!("mill/{line}/{area}").into();
        let areas = areas().into_iter().map(|(area, tags)| (topic(area), tags)).collect();
        let topics = TAGS.iter().map(|tag| format!("mill/{line}/{}/{}", tag.area, tag.name).into());
        let node = (form == Form::Sparkplug).then(|| EdgeNode::new(line));
        Self { form, areas, topics: topics.collect(), node }
    }

    /// The edge node, where the form has one.
    pub(super) fn node(&mut self) -> Option<&mut EdgeNode> {
        self.node.as_mut()
    }

    /// How many gateways the readings go through.
    pub(super) fn gateways(&self) -> usize {
        self.areas.len()
    }

    /// Sends the values of this second; `None` for a tag that has none. `clock_s` tells how far the clock of
    /// the gateway of these tags is ahead (an edge node has one clock, which is right).
    pub(super) fn write(
        &mut self,
        at: Timestamp,
        clock_s: impl Fn(&std::ops::Range<usize>) -> i64,
        value: impl Fn(usize) -> Option<f64>,
        delivery: &mut Delivery,
    ) {
        for (gateway, (area, tags)) in self.areas.iter().enumerate() {
            delivery.tick(gateway, at);
            let ts = at.as_millis() + 1000 * clock_s(tags);
            if let Some(node) = &mut self.node {
                if let Some(message) = node.data(at, gateway, &value) {
                    delivery.send(gateway, message);
                }
                continue;
            }
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
                    // The edge node writes its own.
                    Form::Sparkplug => {}
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

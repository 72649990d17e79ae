//! What the births of an edge node tell of its metrics.

use super::word::{Names, Spoken, Why, Word};
use crate::decode::sparkplug::wire::{Metric, datatype};
use crate::decode::sparkplug::{Leaf, leaves, millis, properties, scalar, utf8};
use crate::decode::{Fault, NamedReading, Reason, checked_name};
use crate::reading::{SourceQuality, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Metrics by which a node is governed, and that say nothing of the plant.
const CONTROL: [&str; 3] = ["Node Control/", "Device Control/", "bdSeq"];

/// The metrics of a node itself, or of one of its devices.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(super) struct Device {
    pub(super) online: bool,
    /// When it last said anything.
    pub(super) heard: Timestamp,
    /// Where its readings belong, as of its last message.
    line: Arc<str>,
    area: Arc<str>,
    metrics: Vec<Known>,
    by_name: BTreeMap<Arc<str>, u32>,
    by_alias: BTreeMap<u64, u32>,
}

/// What is known of a metric, or of a part of one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Known {
    name: Arc<str>,
    /// The number by which data mean it, unless others have the same.
    alias: Option<u64>,
    datatype: Option<u32>,
    unit: Option<Arc<str>>,
    /// The names of its readings: what stands before its last slash belongs to the area.
    area: Arc<str>,
    tag: Arc<str>,
}

/// What is the same for all metrics of a payload.
#[derive(Debug, Clone, Copy)]
pub(super) struct Setting<'a> {
    pub(super) received: Timestamp,
    /// When it was sent, ms since 1970.
    pub(super) sent: Option<u64>,
    /// False if the names may have changed since the birth was heard.
    pub(super) sure: bool,
    /// False if nobody has subscribed to the device.
    pub(super) wanted: bool,
    pub(super) names: Names<'a>,
}

impl Device {
    /// What a birth tells, and the values in it.
    pub(super) fn born(metrics: &[Metric], setting: Setting<'_>, said: &mut Spoken<'_>) -> Self {
        let (line, area) = (Arc::clone(setting.names.line), Arc::clone(setting.names.area));
        let heard = setting.received;
        let mut device = Self { online: true, heard, line, area, ..Self::default() };
        // Of what nobody has subscribed to nothing need be known.
        for metric in metrics.iter().filter(|_| setting.wanted) {
            let learnt = device.learn(metric, &mut said.room).and_then(|known| match known {
                Some(ix) => device.read(ix, metric, setting, said),
                None => Ok(()),
            });
            if let Err(fault) = learnt {
                said.fault(fault);
            }
        }
        device
    }

    /// One that is there, and of whose metrics nothing is known.
    pub(super) fn unheard(heard: Timestamp) -> Self {
        Self { online: true, heard, ..Self::default() }
    }

    /// How many metrics are known.
    pub(super) fn len(&self) -> usize {
        self.metrics.len()
    }

    /// Learns what a metric of a birth is; `None` for one that says nothing of the plant.
    fn learn(&mut self, metric: &Metric, room: &mut usize) -> Result<Option<u32>, Fault> {
        let Some(name) = &metric.name else {
            return Err(no_birth("a metric of a birth has no name".to_owned()));
        };
        let name = utf8(name)?;
        if CONTROL.iter().any(|control| name.starts_with(control)) {
            return Ok(None);
        }
        let ix = self.add(name, metric, metric.datatype, room)?;
        if let Some(alias) = metric.alias {
            self.call(ix, alias)?;
        }
        if !is_scalar(metric.datatype) {
            let mut full = Ok(());
            let mut part = |leaf: Leaf<'_>| {
                let added = self.add(leaf.name, leaf.metric, leaf.datatype, room);
                full = std::mem::replace(&mut full, Ok(())).and(added.map(drop));
            };
            leaves(name, metric, &|_| None, &mut part)?;
            full?;
        }
        Ok(Some(ix))
    }

    /// A metric has this alias from now on.
    fn call(&mut self, ix: u32, alias: u64) -> Result<(), Fault> {
        let other = self.by_alias.insert(alias, ix).filter(|other| *other != ix);
        if let Some(other) = other.and_then(|other| self.metrics.get_mut(other as usize)) {
            other.alias = None;
            // Nobody knows which of them is meant.
            self.by_alias.remove(&alias);
            let other = Arc::clone(&other.name);
            let name = self.metrics.get(ix as usize).map_or("", |known| &known.name);
            return Err(no_birth(format!("alias {alias} is given to `{other}` and to `{name}`")));
        }
        if let Some(known) = self.metrics.get_mut(ix as usize) {
            known.alias = Some(alias);
        }
        Ok(())
    }

    fn add(
        &mut self,
        name: &str,
        metric: &Metric,
        datatype: Option<u32>,
        room: &mut usize,
    ) -> Result<u32, Fault> {
        let unit = properties(metric)?.unit.map(Arc::from);
        if let Some(ix) = self.by_name.get(name).copied() {
            if let Some(known) = self.metrics.get_mut(ix as usize) {
                (known.datatype, known.unit) = (datatype, unit);
            }
            return Ok(ix);
        }
        let name = checked_name(name, Reason::NoBirth)?;
        let ix = u32::try_from(self.metrics.len()).unwrap_or(u32::MAX);
        *room = room.checked_sub(1).ok_or_else(|| {
            let detail = "there are more metrics than can be remembered".to_owned();
            Fault { reason: Reason::TooLarge, detail }
        })?;
        let (area, tag) = split(&self.area, &name)?;
        self.metrics.push(Known {
            name: Arc::clone(&name),
            alias: None,
            datatype,
            unit,
            area,
            tag,
        });
        self.by_name.insert(name, ix);
        Ok(ix)
    }

    /// The place of a metric of a message of data; `None` if no birth has told of it. Nodes mostly say them in
    /// the order of their births: the place `likely` is looked at first.
    pub(super) fn find(&self, metric: &Metric, likely: u32) -> Option<u32> {
        if self.metrics.get(likely as usize).is_some_and(|known| known.is(metric)) {
            return Some(likely);
        }
        let by_alias = metric.alias.and_then(|alias| self.by_alias.get(&alias));
        if let Some(ix) = by_alias {
            return Some(*ix);
        }
        let name = std::str::from_utf8(metric.name.as_ref()?).ok()?;
        self.by_name.get(name).copied()
    }

    /// Says what a metric says.
    pub(super) fn read(
        &mut self,
        ix: u32,
        metric: &Metric,
        setting: Setting<'_>,
        said: &mut Spoken<'_>,
    ) -> Result<(), Fault> {
        if !setting.wanted || metric.is_transient == Some(true) {
            return Ok(());
        }
        let Some(known) = self.metrics.get(ix as usize) else { return Ok(()) };
        let datatype = metric.datatype.or(known.datatype);
        if let Some(datatype) = datatype.filter(|kind| is_scalar(Some(*kind))) {
            let value = metric.value.as_ref().filter(|_| metric.is_null != Some(true));
            let Some(value) = value else {
                // That there was none long ago says nothing of now.
                if metric.is_historical != Some(true) {
                    said.word(lost(&self.line, known, said_at(metric, setting), Why::Silent));
                }
                return Ok(());
            };
            let value = scalar(value, datatype)?;
            return self.reading(known, metric, value, setting, said);
        }
        let name = Arc::clone(&known.name);
        let types = |name: &str| {
            let ix = self.by_name.get(name)?;
            self.metrics.get(*ix as usize)?.datatype
        };
        let mut parts = Vec::new();
        leaves(&name, metric, &types, &mut |leaf| {
            let Leaf { name, metric, datatype, value } = leaf;
            parts.push((name.to_owned(), datatype, value, metric.clone()));
        })?;
        // An array may have more elements, a data set more rows, than it was born with.
        for (name, datatype, value, metric) in parts {
            let known = self.by_name.get(&*name).copied();
            let ix =
                known.map_or_else(|| self.add(&name, &metric, datatype, &mut said.room), Ok)?;
            let Some(known) = self.metrics.get(ix as usize) else { continue };
            match value {
                None if metric.is_historical == Some(true) => {}
                None => {
                    said.word(lost(&self.line, known, said_at(&metric, setting), Why::Silent));
                }
                Some(Err(fault)) => said.fault(of(known, fault)),
                Some(Ok(value)) => self.reading(known, &metric, value, setting, said)?,
            }
        }
        Ok(())
    }

    fn reading(
        &self,
        known: &Known,
        metric: &Metric,
        value: crate::reading::Value,
        setting: Setting<'_>,
        said: &mut Spoken<'_>,
    ) -> Result<(), Fault> {
        let own = properties(metric)?;
        let (quality, unit) = (own.quality, own.unit.map(Arc::from));
        let at = metric.timestamp.or(setting.sent).map(millis).transpose();
        let reading = NamedReading {
            line: Arc::clone(&self.line),
            area: Arc::clone(&known.area),
            tag: Arc::clone(&known.tag),
            at: at.map_err(|fault| of(known, fault))?,
            value,
            quality: if setting.sure { quality } else { quality.max(SourceQuality::Uncertain) },
        };
        let unit = unit.or_else(|| known.unit.clone());
        said.reading(reading, unit, metric.is_historical == Some(true));
        Ok(())
    }

    /// Follows a configuration that gives other names to the same topics.
    pub(super) fn rename(&mut self, names: Names<'_>) -> Result<(), Fault> {
        if *self.line != **names.line {
            self.line = Arc::clone(names.line);
        }
        if *self.area != **names.area {
            self.area = Arc::clone(names.area);
            for known in &mut self.metrics {
                (known.area, known.tag) = split(&self.area, &known.name)?;
            }
        }
        Ok(())
    }

    /// It has gone, at an instant of its own if it said one: none of its metrics has a value any more.
    pub(super) fn gone(&mut self, at: Option<Timestamp>, said: &mut Spoken<'_>) {
        if std::mem::replace(&mut self.online, false) {
            for known in self.metrics.iter().filter(|known| is_scalar(known.datatype)) {
                said.word(lost(&self.line, known, at, Why::Silent));
            }
        }
    }

    /// It was born anew as `new`: what that does not have is absent. Elements and rows come and go with what
    /// they are parts of.
    pub(super) fn absent(&self, new: &Self, at: Option<Timestamp>, said: &mut Spoken<'_>) {
        let is_there = |name: &str| {
            let mut ends = name.match_indices(['/', '[']).map(|(end, _)| &name[..end]);
            let whole = |name: &str| {
                let ix = new.by_name.get(name);
                let known = ix.and_then(|ix| new.metrics.get(*ix as usize));
                known.is_some_and(|known| !is_scalar(known.datatype))
            };
            new.by_name.contains_key(name) || ends.any(whole)
        };
        for known in self.metrics.iter().filter(|known| is_scalar(known.datatype)) {
            if !is_there(&known.name) {
                said.word(lost(&self.line, known, at, Why::Absent));
            }
        }
    }
}

impl Known {
    /// True if data mean it.
    fn is(&self, metric: &Metric) -> bool {
        match metric.alias {
            Some(alias) => self.alias == Some(alias),
            None => metric.name.as_ref().is_some_and(|name| **name == *self.name.as_bytes()),
        }
    }
}

/// True for the type of a value that stands for itself.
fn is_scalar(datatype: Option<u32>) -> bool {
    datatype.is_some_and(|kind| (datatype::INT8..=datatype::UUID).contains(&kind))
}

/// Area and tag of a metric: `Steam/Section 1/Pressure` is the tag `Pressure` of the area `Steam/Section 1`
/// below that of its topic.
fn split(area: &Arc<str>, name: &Arc<str>) -> Result<(Arc<str>, Arc<str>), Fault> {
    let Some((folder, tag)) = name.rsplit_once('/') else {
        return Ok((Arc::clone(area), Arc::clone(name)));
    };
    let folder = if area.is_empty() { folder.to_owned() } else { format!("{area}/{folder}") };
    Ok((checked_name(&folder, Reason::NoBirth)?, checked_name(tag, Reason::NoBirth)?))
}

fn lost(line: &Arc<str>, known: &Known, at: Option<Timestamp>, why: Why) -> Word {
    let (line, area) = (Arc::clone(line), Arc::clone(&known.area));
    Word::Lost { at, why, line, area, tag: Arc::clone(&known.tag) }
}

/// When a metric was what it says.
fn said_at(metric: &Metric, setting: Setting<'_>) -> Option<Timestamp> {
    sent_at(metric.timestamp.or(setting.sent))
}

fn of(known: &Known, mut fault: Fault) -> Fault {
    fault.detail = format!("metric `{}`: {}", known.name, fault.detail);
    fault
}

pub(super) fn no_birth(detail: String) -> Fault {
    Fault { reason: Reason::NoBirth, detail }
}

/// When a payload was sent, as an instant; `None` if it does not say, or no time of this world.
pub(super) fn sent_at(sent: Option<u64>) -> Option<Timestamp> {
    sent.and_then(|ms| millis(ms).ok())
}

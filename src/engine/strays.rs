//! Readings of lines and tags that the configuration does not name: stored and checked with
//! defaults, but no model uses them and no alarm speaks of them.

use super::clocks::{Clocks, Origin, SourceIx};
use super::documents::{sensor_health, time_of};
use super::effect::{Effect, ReadingRecord};
use super::history::{History, Place};
use super::view::StrayView;
use crate::decode::{Fault, Reason};
use crate::quality::{Beyond, Checks, Stamp, TagClock, TagQuality};
use crate::reading::{Flags, Reading, Series, Timestamp, Value};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// All undeclared series of the plant.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(super) struct Strays {
    #[serde(with = "as_list")]
    series: BTreeMap<Arc<Series>, Stray>,
}

#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
struct Stray {
    quality: TagQuality,
    history: History,
    clock: TagClock,
    /// True if the last reading had no time of its own.
    unstamped: bool,
    /// Where the last reading came from.
    #[serde(skip)]
    source: Option<SourceIx>,
    minute: Option<Timestamp>,
    /// Readings stored.
    count: u64,
}

impl Strays {
    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.series.len()
    }

    /// The first of them in order of their names, for people.
    pub(super) fn view(&self, most: usize) -> Vec<StrayView> {
        let view = |(series, stray): (&Arc<Series>, &Stray)| {
            let (at, value) = stray.history.newest()?;
            let text = match value {
                Value::Text(text) => Some(Arc::from(&**text)),
                Value::Number(_) => None,
            };
            let (value, at) = (value.number(), at.as_millis());
            Some(StrayView {
                series: Arc::clone(series),
                value,
                text,
                at,
                count: stray.count,
                time: time_of(stray.unstamped),
                delay_ms: stray.clock.offset().map(|nanos| nanos / 1_000_000),
            })
        };
        self.series.iter().filter_map(view).take(most).collect()
    }

    /// Those that are not `now_declared`.
    pub(super) fn without(mut self, now_declared: impl Fn(&Series) -> bool) -> Self {
        self.series.retain(|series, _| !now_declared(series));
        self
    }

    /// Where the last reading of a series came from.
    pub(super) fn likely_source(&self, series: &Series) -> Option<SourceIx> {
        self.series.get(series)?.source
    }

    /// The receiver's clock leapt.
    pub(super) fn leap(&mut self) {
        self.series.values_mut().for_each(|stray| stray.clock.forget());
    }

    /// Takes a reading; false if it repeats the last one.
    pub(super) fn reading(
        &mut self,
        series: Series,
        reading: &Reading,
        (known, from): (Flags, Origin),
        max: usize,
        (clocks, out): (&mut Clocks, &mut Vec<Effect>),
    ) -> Result<bool, Fault> {
        let full = self.series.len() >= max;
        let (series, stray) = match self.series.range_mut::<Series, _>(&series..=&series).next() {
            Some((series, stray)) => (Arc::clone(series), stray),
            None if full => {
                let detail = format!(
                    "tag `{}` of line `{}` would be number {} of the undeclared tags, `undeclared_max` is {max}",
                    series.tag,
                    series.line,
                    max + 1
                );
                return Err(Fault { reason: Reason::TooManyTags, detail });
            }
            None => {
                let series = Arc::new(series);
                (Arc::clone(&series), self.series.entry(series).or_default())
            }
        };
        stray.source = from.source;
        stray.unstamped = !from.own_time;
        let beyond = clocks.guard(from, &stray.clock, (reading.at, reading.received));
        let mut flags = known;
        flags |= match beyond {
            // Nothing about the sensor can be learned from a clock that is wrong.
            Some(Beyond::Past) => TagQuality::of_source(reading.quality) | Flags::PAST,
            Some(Beyond::Future) | None => stray.quality.assess(&Checks::undeclared(), reading).0,
        };
        let place = stray.history.take(reading);
        if from.own_time {
            let (at, received) = (reading.at, reading.received);
            let conflict = place == Place::Conflict;
            let stamp = Stamp { at, received, beyond, conflict, measures: from.measures };
            clocks.follow(from, &mut stray.clock, &stamp);
        }
        if place == Place::Conflict {
            flags |= Flags::CONFLICT;
        }
        let duplicate = place == Place::Repeat;
        stray.quality.count(flags, duplicate);
        let minute = reading.at.floor(Duration::from_secs(60));
        if stray.minute.is_none_or(|before| minute > before)
            && !flags.intersects(Flags::FUTURE | Flags::PAST)
            && stray.minute.replace(minute).is_some()
        {
            out.push(Effect::SensorHealth(sensor_health(
                &series,
                minute,
                &mut stray.quality,
                (false, false),
            )));
        }
        if duplicate {
            return Ok(false);
        }
        stray.count += 1;
        out.push(Effect::Reading(ReadingRecord {
            series,
            at: reading.at,
            value: reading.value.clone(),
            flags,
            first: place == Place::First,
        }));
        Ok(true)
    }
}

/// A map whose keys are no texts, as a list of pairs.
mod as_list {
    use super::{Arc, BTreeMap, Series, Stray};
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<S: Serializer>(
        map: &BTreeMap<Arc<Series>, Stray>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        map.iter().collect::<Vec<_>>().serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<BTreeMap<Arc<Series>, Stray>, D::Error> {
        Ok(Vec::<(Arc<Series>, Stray)>::deserialize(deserializer)?.into_iter().collect())
    }
}

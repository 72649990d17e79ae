//! The soft sensor of one property: when it is fitted, which one foretells, and how it does.

use super::kept::{Kept, Rows};
use crate::engine::event::ModelAnswer;
use crate::models::{BatchStage, Estimate, SAMPLES_AT_LEAST, SoftSensor, SoftSensorTrack, Window};
use crate::reading::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use std::sync::Arc;

/// A fit waits for so many more laboratory values at the least.
const MORE_AT_LEAST: usize = 2;

/// And for such a part of those that it had: the more there are, the less one more tells.
const MORE_SHARE: usize = 10;

/// A soft sensor that foretells.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Fitted {
    pub(super) version: u32,
    /// The batch boundary from which on it foretells.
    pub(super) since: Timestamp,
    pub(super) window: Window,
    pub(super) sensor: SoftSensor,
    pub(super) track: SoftSensorTrack,
}

/// A fit that was asked for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Asked {
    id: u64,
    ready: Option<Result<Arc<[u8]>, String>>,
}

/// The soft sensor of one property.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(super) struct Property {
    fitted: Option<Fitted>,
    asked: Option<Asked>,
    version: u32,
    /// Laboratory values that came since a fit was asked for.
    since: usize,
    /// Those that the last fit had.
    had: usize,
    /// Why the last fit failed.
    failed: Option<String>,
    /// The unit of its values, where one is declared.
    unit: Option<Arc<str>>,
}

impl Property {
    /// True if it foretells by now.
    pub(super) fn judges(&self) -> bool {
        self.fitted.is_some()
    }

    /// The version that foretells.
    pub(super) fn version(&self) -> Option<u32> {
        self.fitted.as_ref().map(|fitted| fitted.version)
    }

    pub(super) fn fitted(&self) -> Option<&Fitted> {
        self.fitted.as_ref()
    }

    /// How it does.
    pub(super) fn track(&self) -> Option<&SoftSensorTrack> {
        self.fitted.as_ref().map(|fitted| &fitted.track)
    }

    /// Why there is none, if a fit failed.
    pub(super) fn failed(&self) -> Option<&str> {
        self.failed.as_deref()
    }

    /// What it says of rows; `None` where too much of what it goes by is missing.
    pub(super) fn say(&self, rows: &Rows, stage: BatchStage) -> Option<Estimate> {
        let fitted = self.fitted.as_ref()?;
        let raw = fitted.sensor.predict(rows.row(fitted.window)?)?;
        Some(fitted.track.estimate(raw, stage))
    }

    /// The first laboratory value of a batch came.
    pub(super) fn learn(&mut self, name: &str, kept: &Kept) {
        self.since += 1;
        let now = self.say(&kept.rows, BatchStage::End);
        let Some(fitted) = &mut self.fitted else { return };
        let Some((value, _)) = kept.value(name) else { return };
        let said = kept.said(name, fitted.version, now);
        fitted.track.learn(&fitted.sensor, &said, value, kept.made);
    }

    /// The laboratory value of a batch is another one by now.
    pub(super) fn revise(&mut self, name: &str, kept: &Kept) {
        let now = self.say(&kept.rows, BatchStage::End);
        let Some(fitted) = &mut self.fitted else { return };
        let Some((value, _)) = kept.value(name) else { return };
        let said = kept.said(name, fitted.version, now);
        fitted.track.revise(&fitted.sensor, &said, value, kept.made);
    }

    /// True if its values are in another unit from now on: all that was learned of it is forgotten then.
    pub(super) fn is_in_another_unit(&mut self, unit: &Arc<str>) -> bool {
        match self.unit.replace(Arc::clone(unit)) {
            Some(before) if before != *unit => {
                self.forget_sensor();
                true
            }
            _ => false,
        }
    }

    /// True if a fit is due, of so many laboratory values.
    pub(super) fn is_due(&self, values: usize, refits: bool) -> bool {
        if self.asked.is_some() || values < SAMPLES_AT_LEAST {
            return false;
        }
        let more = MORE_AT_LEAST.max(self.had / MORE_SHARE);
        let again = self.since >= more;
        match (&self.fitted, &self.failed) {
            (Some(_), _) => refits && again,
            (None, Some(_)) => again,
            (None, None) => true,
        }
    }

    /// A fit is asked for.
    pub(super) fn ask(&mut self, id: u64, values: usize) {
        self.asked = Some(Asked { id, ready: None });
        (self.since, self.had) = (0, values);
    }

    /// The id of the request whose answer is awaited.
    pub(super) fn waits(&self) -> Option<u64> {
        self.asked.as_ref().filter(|asked| asked.ready.is_none()).map(|asked| asked.id)
    }

    /// Takes an answer; true if it asked.
    pub(super) fn answer(&mut self, answer: &ModelAnswer) -> bool {
        match &mut self.asked {
            Some(asked) if asked.id == answer.request => {
                asked.ready = Some(answer.outcome.clone());
                true
            }
            _ => false,
        }
    }

    /// What is ready foretells from now on. Laboratory values that it was not fitted on, for they came since, correct it.
    pub(super) fn boundary(
        &mut self,
        name: &str,
        (tags, batches): (&[Arc<str>], &VecDeque<Kept>),
        at: Timestamp,
    ) {
        let Some(Asked { ready: Some(outcome), .. }) =
            self.asked.take_if(|asked| asked.ready.is_some())
        else {
            return;
        };
        let read = outcome
            .and_then(|bytes| SoftSensor::from_bytes(&bytes).map_err(|error| error.to_string()))
            .and_then(|(window, sensor)| {
                let fits = *sensor.columns() == window.columns(tags);
                fits.then_some((window, sensor)).ok_or_else(|| "it is of other tags".to_owned())
            });
        match read {
            Ok((window, sensor)) => {
                self.version += 1;
                self.failed = None;
                let before = self.fitted.take().map(|before| before.track);
                let mut track = match before {
                    Some(before) => SoftSensorTrack::follow(&sensor, before),
                    None => SoftSensorTrack::start(&sensor),
                };
                for kept in batches {
                    let value = kept.value(name).filter(|_| !sensor.knows(kept.made));
                    let row = kept.rows.row(window);
                    let raw = row.and_then(|row| sensor.predict(row));
                    if let (Some((value, _)), Some(raw)) = (value, raw) {
                        track.correct(&sensor, raw, value);
                    }
                }
                let version = self.version;
                self.fitted = Some(Fitted { version, since: at, window, sensor, track });
            }
            Err(reason) => self.failed = Some(reason),
        }
    }

    /// Its rows are of other tags: it is fitted anew.
    pub(super) fn forget_sensor(&mut self) {
        *self = Self { version: self.version, unit: self.unit.take(), ..Self::default() };
    }
}

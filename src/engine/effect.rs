//! What the engine emits: records for the time series, documents, notifications, requests.

use super::recovery::Recovery;
use super::sheet::{SectionsRecord, SheetRecord};
use crate::alarm::{AlarmRecord, Notification};
use crate::batch::{Consumed, Edge};
use crate::chart::{Capability, Detector, Limits, Point};
use crate::decode::{Disposition, Fault};
use crate::models::{Candidate, FitSpec, Made, Monitor, Realized, Statistic};
use crate::plant::Guard;
use crate::profile::Statistics;
use crate::reading::{Flags, LineIx, Series, Timestamp, Value};
use crate::verdict::{Advice, Call, Document, ForetoldProperty, Found, Scored};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// One thing that follows from the events.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// A reading to store (`readings`).
    Reading(ReadingRecord),
    /// A frame's statistics (`scores`).
    Score(ScoreRecord),
    /// Who contributes, while at risk (`contributions`).
    Contributions(ContributionRecord),
    /// A closed frame; those of product are kept for fitting.
    Frame(FrameRecord),
    /// A batch as it is known now (`batches`); replaces what was said of it before.
    Batch(Box<BatchRecord>),
    /// What was seen along a finished batch; replaces what was said of it before.
    Sections(Box<SectionsRecord>),
    /// What was found of a finished batch; replaces what was said of it before.
    Sheet(Box<SheetRecord>),
    /// A scan across the web (`profiles`, `profile_zones`).
    Profile(Box<ProfileRecord>),
    /// A point of a control chart (`charts`, `lab_charts`).
    Chart(Box<ChartRecord>),
    /// New limits of a control chart (`chart_limits`, `lab_chart_limits`).
    ChartLimits(Box<ChartLimitsRecord>),
    /// A minute of a sensor (`sensor_health`).
    SensorHealth(SensorHealthRecord),
    /// What a soft sensor foretells of the batch in progress (`soft_sensors`).
    SoftSensor(Box<SoftSensorRecord>),
    /// How often good batches were flagged (`wrong_flags`).
    WrongFlags(WrongFlagsRecord),
    /// A change of an alarm (`alarms`).
    Alarm(AlarmRecord),
    /// An event for webhooks.
    Notification(Box<Notification>),
    /// A verdict for MQTT (`{prefix}/{line}/verdict`, retained); the newest counts.
    Verdict(Box<Document>),
    /// The last verdict on a finished batch for MQTT (`{prefix}/{line}/batch`).
    BatchVerdict(Box<Document>),
    /// A model to fit.
    Fit(Box<FitRequest>),
    /// A soft sensor to fit.
    FitSoftSensor(Box<SoftSensorRequest>),
    /// A model that judges from now on, or waits for a person.
    Model(ModelRecord),
    /// A message, or a part of it, that was not taken.
    Fault(FaultRecord),
    /// A broker has dropped messages, of all its clients; for the log.
    Dropped {
        /// The broker's name.
        broker: Arc<str>,
        /// How many, since it last said so.
        dropped: u64,
    },
    /// A source sends no times: what it sends is taken for measured when it arrives; for the log.
    NoSourceTime {
        /// The broker that hands it over.
        broker: Arc<str>,
        /// The line.
        line: Arc<str>,
        /// The area; may be empty.
        area: Arc<str>,
    },
    /// An edge node is to be asked for its births (`NCMD`). Nobody answers for it: the engine asks again.
    AskBirth {
        /// The broker.
        broker: Arc<str>,
        /// The group.
        group: Arc<str>,
        /// The edge node.
        node: Arc<str>,
    },
    /// Messages of an edge node are missing; for the log.
    NodeGap {
        /// The node's part, `sparkplug/BROKER/GROUP/NODE`.
        part: Arc<str>,
        /// How many, if that is known.
        lost: Option<u64>,
        /// What happened.
        reason: Arc<str>,
    },
    /// An edge node or a device is known no longer, for another one needed the room; for the log.
    NodeForgotten {
        /// Its part, `sparkplug/BROKER/GROUP/NODE[/DEVICE]`.
        part: Arc<str>,
        /// Why it.
        reason: Arc<str>,
    },
    /// What a start found, once all that the brokers held was taken; for the log.
    Recovered(Box<Recovery>),
}

/// A reading to store.
#[derive(Debug, Clone, PartialEq)]
pub struct ReadingRecord {
    /// Its names.
    pub series: Arc<Series>,
    /// Event time.
    pub at: Timestamp,
    /// The value.
    pub value: Value,
    /// What our checks say, as known on arrival.
    pub flags: Flags,
    /// True if the series surely had no value at this time before: only then may it be sent before
    /// older readings, for of two values the one that is sent last stays.
    pub first: bool,
}

/// A frame's statistics under the monitors of a model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ScoreRecord {
    /// The line.
    pub line: Arc<str>,
    /// The grade.
    pub grade: Arc<str>,
    /// The monitor that judges.
    pub judge: Monitor,
    /// The batch, if one is in progress.
    pub batch: Option<Arc<str>>,
    /// Frame end.
    pub at: Timestamp,
    /// What each monitor measures by now, and its limit, in the order of [`Statistic::ALL`], those of the row before those of the batch.
    pub statistics: Vec<(Statistic, f64, f64)>,
    /// One number over all statistics of the judge, 1.0 is the limit; `None` if the frame cannot be judged.
    pub score: Option<f64>,
    /// The probability that the batch ends off spec, if known.
    pub probability_off_spec: Option<f64>,
}

impl ScoreRecord {
    /// The value of a statistic and its limit, if it is known by now.
    #[must_use]
    pub fn of(&self, statistic: Statistic) -> Option<(f64, f64)> {
        let found = self.statistics.iter().find(|(one, ..)| *one == statistic)?;
        Some((found.1, found.2))
    }
}

/// The shares of the tags in a score.
#[derive(Debug, Clone, PartialEq)]
pub struct ContributionRecord {
    /// The line.
    pub line: Arc<str>,
    /// The grade.
    pub grade: Arc<str>,
    /// Frame end.
    pub at: Timestamp,
    /// Tag and share, greatest first.
    pub shares: Vec<(Arc<str>, f64)>,
}

/// A closed frame.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FrameRecord {
    /// The line.
    pub line: LineIx,
    /// The batch it belongs to, if any.
    pub batch: Option<Arc<str>>,
    /// True if it is product, so that a model may judge it and learn from it.
    pub product: bool,
    /// Its begin.
    pub start: Timestamp,
    /// Its end.
    pub end: Timestamp,
    /// One value for each declared tag, NaN where there is none.
    pub values: Vec<f64>,
}

/// A batch as it is known now.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BatchRecord {
    /// The line.
    pub line: Arc<str>,
    /// The station, where a line has several.
    pub station: Option<Arc<str>>,
    /// The batch's id.
    pub batch: Arc<str>,
    /// Its grade.
    pub grade: Option<Arc<str>>,
    /// The verdict; `None` prints as `void` (merged or void).
    pub verdict: Option<Call>,
    /// The newest disposition.
    pub disposition: Option<Disposition>,
    /// Grows with each change after the batch's start.
    pub revision: u32,
    /// The start as first known: the time of the batch's point for ever.
    pub first_started: Timestamp,
    /// The start as known now.
    pub started: Timestamp,
    /// The end, once it ended.
    pub ended: Option<Timestamp>,
    /// Length in m, counted or from the speed.
    pub length_m: Option<f64>,
    /// Mass in kg, weighed or from the production rate.
    pub mass_kg: Option<f64>,
    /// The probability that it ends off spec.
    pub probability_off_spec: Option<f64>,
    /// What to do with it, where the plant says what wrong decisions cost.
    #[serde(default)]
    pub advice: Option<Advice>,
    /// The greatest share outside of any quality tag, 0–1.
    pub off_spec_share: Option<f64>,
    /// Seconds from the first flag to the end.
    pub first_flag_lead_s: Option<f64>,
    /// When it was first flagged.
    pub first_flag: Option<Timestamp>,
    /// Since when it has been flagged, while that stands.
    #[serde(default)]
    pub flagged_since: Option<Timestamp>,
    /// Laboratory results that count, by property.
    pub lab: Vec<(Arc<str>, f64)>,
    /// What it was made of, as far as it was said.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub consumed: Vec<Consumed>,
    /// The batch that it was merged into.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub merged_into: Option<Arc<str>>,
    /// What it was found to be, once it has ended; `None` in a record of a release that did not say it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub found: Option<Found>,
    /// The laboratory properties that were outside their limits.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub outside: Vec<Arc<str>>,
    /// The phases that it came into, and when, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub phases: Vec<(Arc<str>, Timestamp)>,
}

impl BatchRecord {
    /// What counts of it for the score of verdicts; `None` of a batch in progress, one that is void or of a station (which
    /// nothing judges), and of a record of a release that did not say what it was found to be.
    #[must_use]
    pub fn scored(&self) -> Option<Scored> {
        let (ended, found) = self.ended.zip(self.found)?;
        if self.station.is_some() || self.verdict.is_none() {
            return None;
        }
        Some(Scored {
            line: Arc::clone(&self.line),
            grade: self.grade.clone(),
            started: self.started,
            ended,
            found,
            first_flag: self.first_flag,
            flagged_since: self.flagged_since,
            mass_kg: self.mass_kg,
            outside: self.outside.clone(),
        })
    }

    /// What it says of the genealogy: its sources, and what it became part of.
    pub fn edges(&self) -> impl Iterator<Item = Edge> {
        let edge = |batch: &Arc<str>, consumed: Consumed| Edge {
            line: Arc::clone(&self.line),
            batch: Arc::clone(batch),
            consumed,
        };
        let sources = self.consumed.iter().map(move |consumed| edge(&self.batch, consumed.clone()));
        let merged = self.merged_into.iter().map(move |into| {
            let (from, mass_kg) = (Arc::clone(&self.batch), self.mass_kg);
            edge(into, Consumed { from, mass_kg, merged: true, ..Consumed::default() })
        });
        sources.chain(merged)
    }

    /// The time of the batch's point: the start as first known, in ms, plus a hash of the id in the
    /// nanoseconds below, so that two batches of one start stay two points.
    #[must_use]
    pub fn point_time(&self) -> Timestamp {
        let hash = xxhash_rust::xxh3::xxh3_64(self.batch.as_bytes()) % 1_000_000;
        let ms = self.first_started.as_millis().saturating_mul(1_000_000);
        Timestamp::from_nanos(ms.saturating_add(i64::try_from(hash).unwrap_or(0)))
    }
}

/// A scan across the web, and what is known by it.
#[derive(Debug, Clone, PartialEq)]
pub struct ProfileRecord {
    /// Its line.
    pub line: Arc<str>,
    /// The id of the profile: two scanners of a line that call theirs the same are told apart by it.
    pub id: Arc<str>,
    /// The end of the scan.
    pub at: Timestamp,
    /// What is known.
    pub statistics: Statistics,
    /// Across the web, 60 zones at most: where the middle of each is, and the mean of its valid boxes; NaN
    /// without.
    pub zones: Vec<(f64, f32)>,
}

/// What a control chart is of. A property may be called as a tag is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub enum ChartOf {
    /// A tag, by its id.
    Tag(Arc<str>),
    /// A laboratory property.
    Property(Arc<str>),
}

impl ChartOf {
    /// The tag's id, or the property's name.
    #[must_use]
    pub fn name(&self) -> &Arc<str> {
        match self {
            Self::Tag(name) | Self::Property(name) => name,
        }
    }

    /// The tag's id; `None` of a property.
    #[must_use]
    pub fn tag(&self) -> Option<&Arc<str>> {
        if let Self::Tag(tag) = self { Some(tag) } else { None }
    }

    /// The property's name; `None` of a tag.
    #[must_use]
    pub fn property(&self) -> Option<&Arc<str>> {
        if let Self::Property(property) = self { Some(property) } else { None }
    }
}

/// A point of a control chart.
#[derive(Debug, Clone, PartialEq)]
pub struct ChartRecord {
    /// The line.
    pub line: Arc<str>,
    /// The grade.
    pub grade: Arc<str>,
    /// What the chart is of.
    pub of: ChartOf,
    /// The batch whose value it is, of a laboratory property.
    pub batch: Option<Arc<str>>,
    /// What may mark points of this chart by these limits.
    pub detectors: Vec<Detector>,
    /// The point, in the unit of the tag or property.
    pub point: Point,
}

/// New limits of a control chart.
#[derive(Debug, Clone, PartialEq)]
pub struct ChartLimitsRecord {
    /// The line.
    pub line: Arc<str>,
    /// The grade.
    pub grade: Arc<str>,
    /// What the chart is of.
    pub of: ChartOf,
    /// The limits, in the unit of the tag or property.
    pub limits: Limits,
    /// What the process can do by them, of a property by all batches, good or not; `None` where the grade asks nothing of it, or
    /// all batches are worth too few.
    pub capability: Option<Capability>,
}

/// How often good batches of a grade were flagged, beside what is promised.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct WrongFlagsRecord {
    /// The line.
    pub line: Arc<str>,
    /// The grade.
    pub grade: Arc<str>,
    /// When a batch was found to be good, or not.
    pub at: Timestamp,
    /// The share of good batches that may be flagged.
    pub promised: f64,
    /// What was seen of the last batches judged.
    pub realized: Realized,
    /// What the limits of the fit are multiplied with in the next batch.
    pub limit_scale: f64,
}

/// A minute of a sensor: shares of its readings, 0–1.
#[derive(Debug, Clone, PartialEq)]
pub struct SensorHealthRecord {
    /// The names of the series.
    pub series: Arc<Series>,
    /// The end of the minute.
    pub at: Timestamp,
    /// Good ones.
    pub good: f64,
    /// Late ones.
    pub late: f64,
    /// Repeated ones.
    pub duplicate: f64,
    /// 1 if the tag was stuck at the end of the minute.
    pub stuck: f64,
    /// 1 if the tag was stale at the end of the minute.
    pub stale: f64,
    /// Bad ones: source says so, out of range.
    pub bad: f64,
    /// How many readings came.
    pub count: u32,
    /// Of the readings expected by the tag's own interval, those that came; `None` where less than one is
    /// expected in a minute.
    pub completeness: Option<f64>,
    /// Of those that came, the ones in time for their frame.
    pub timeliness: f64,
    /// Of those that came in time and once, the ones that can be used.
    pub validity: f64,
    /// How far the tag is trusted, 0–1: nothing while its sensor is sick, half while it is doubted.
    pub trust: f64,
}

/// A model to fit, from frames that the store keeps.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FitRequest {
    /// Its id, unique in the plant's life.
    pub id: u64,
    /// The line.
    pub line: LineIx,
    /// The grade.
    pub grade: Arc<str>,
    /// The ids of the batches it may use.
    pub batches: Vec<Arc<str>>,
    /// Other grades that a borrowed model may use batches of; none for one of the grade's own.
    #[serde(default)]
    pub neighbours: Vec<Neighbour>,
    /// How those of them were made that went through phases.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub made: BTreeMap<Arc<str>, Made>,
    /// The declared tags it may use: positions in the line, ascending.
    pub tags: Vec<u32>,
    /// The quality tags, by which delays are estimated: positions in the line, ascending.
    #[serde(default)]
    pub quality: Vec<u32>,
    /// What is asked for.
    pub spec: FitSpec,
    /// What the model is then tried on; `None` of the first one of its grade.
    #[serde(default)]
    pub trial: Option<TrialRequest>,
}

/// A soft sensor to fit, of all that is known of a property. A
/// [`ModelAnswer`](super::ModelAnswer) answers it, with the artifact of the best.
#[derive(Debug, Clone, PartialEq)]
pub struct SoftSensorRequest {
    /// Its id, unique in the plant's life.
    pub id: u64,
    /// The line.
    pub line: LineIx,
    /// The grade.
    pub grade: Arc<str>,
    /// The laboratory property.
    pub property: Arc<str>,
    /// The same batches by each window that may tell.
    pub candidates: Vec<Candidate>,
}

/// What a soft sensor foretells of the batch in progress.
#[derive(Debug, Clone, PartialEq)]
pub struct SoftSensorRecord {
    /// The line.
    pub line: Arc<str>,
    /// The grade.
    pub grade: Arc<str>,
    /// The batch in progress.
    pub batch: Arc<str>,
    /// Frame end.
    pub at: Timestamp,
    /// The property, what is foretold of it, and its limits.
    pub foretold: ForetoldProperty,
}

/// Another grade of the line, that lends batches to a fit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Neighbour {
    /// Its name.
    pub grade: Arc<str>,
    /// The ids of its batches.
    pub batches: Vec<Arc<str>>,
}

/// A trial of the model that is fitted against the one that judges.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TrialRequest {
    /// The version that judges.
    pub version: u32,
    /// What its limits are multiplied with by now.
    pub scale: f64,
    /// Its artifact; none only where a request was just read back.
    #[serde(skip)]
    pub artifact: Option<Arc<[u8]>>,
    /// Good batches that neither model is fitted on.
    pub good: Vec<Arc<str>>,
    /// Bad ones.
    pub bad: Vec<Arc<str>>,
    /// How they were made, of those that are remembered.
    #[serde(default)]
    pub made: BTreeMap<Arc<str>, Made>,
    /// The guard bands of the tags that have one.
    #[serde(default)]
    pub guards: Arc<BTreeMap<Arc<str>, Guard>>,
}

/// A model for the registry: one that judges from now on, or waits for a person.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelRecord {
    /// The id of the request that it answers.
    pub id: u64,
    /// The line.
    pub line: Arc<str>,
    /// The grade.
    pub grade: Arc<str>,
    /// Its kind, e.g. `pca`.
    pub kind: Arc<str>,
    /// Its version, counted for each line and grade from 1.
    pub version: u32,
    /// The batch boundary from which it judges, or waits.
    pub at: Timestamp,
    /// The artifact.
    pub artifact: Arc<[u8]>,
    /// True if a person lets it judge, and no fit.
    pub by_person: bool,
    /// False if it waits for a person to promote it.
    pub judges: bool,
}

/// A message, or a part of it, that was not taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FaultRecord {
    /// When it arrived.
    pub received: Timestamp,
    /// Its topic.
    pub topic: Arc<str>,
    /// Why not, and where.
    pub fault: Fault,
}

//! What people see of the engine: a copy of the state that matters, made after each group.

use super::Engine;
use super::charts::ChartView;
use super::effect::{BatchRecord, FaultRecord, WrongFlagsRecord};
use super::maintenance::MaintenanceView;
use super::outlook::ProspectsView;
use super::recovery::Recovery;
use super::sheet::CourseView;
use super::soft_sensors::SoftSensorView;
use crate::alarm::{self, Load, Severity};
use crate::models::{Beside, Flagged};
use crate::plant::AlarmClass;
use crate::profile::{LeftOut, Picture, Statistics};
use crate::reading::{Count, Series, Timestamp};
use crate::sparkplug::NodeView;
use crate::verdict::{Document, SectionDocument};
use crate::words::{Locale, ModelReason};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Undeclared series shown: enough to see what to declare.
const STRAYS_SHOWN: usize = 200;

/// Alarms shown to people at most.
pub const ALARMS_SHOWN: usize = 200;

/// Finished batches shown for each line.
const BATCHES_SHOWN: usize = 12;

/// The plant as it is now.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct View {
    /// The site's name.
    pub site: Arc<str>,
    /// The lines, in order of the configuration.
    pub lines: Vec<LineView>,
    /// Faults by reason, since the store was made.
    pub faults: BTreeMap<&'static str, u64>,
    /// The last faults, oldest first.
    pub last_faults: Vec<FaultRecord>,
    /// Readings stored since the store was made.
    pub readings: u64,
    /// Readings that repeated earlier ones.
    pub duplicates: u64,
    /// Series of lines and tags that the configuration does not name.
    pub undeclared: usize,
    /// The first of them, in order of line, area and tag.
    pub strays: Vec<StrayView>,
    /// What the last start found; `None` when the store was new.
    pub recovery: Option<Recovery>,
    /// How many alarms stand.
    pub alarms_standing: usize,
    /// The first of them, the severest first, then the oldest; then those that wait for a word or are hidden.
    pub alarms: Vec<AlarmView>,
    /// How many alarms people were told.
    pub alarm_load: Load,
    /// Where readings come from, and the clocks there; in the order in which they were first heard.
    pub sources: Vec<SourceView>,
    /// Edge nodes of Sparkplug B.
    pub nodes: Vec<NodeView>,
    /// How many of these are known, and how many were forgotten for others.
    pub nodes_known: usize,
    /// As above.
    pub nodes_forgotten: u64,
}

/// An alarm that stands, waits for a word, or is hidden.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AlarmView {
    /// Its name.
    pub alarm: Arc<str>,
    /// What is watched; nothing of one that came before this was kept.
    pub class: Option<&'static str>,
    /// True if its condition holds.
    pub holds: bool,
    /// Its state by ISA-18.2.
    pub isa: &'static str,
    /// Since when its condition holds, or did; nothing of one that is hidden and well.
    pub since: Option<Timestamp>,
    /// Its severity.
    pub severity: Severity,
    /// How soon somebody has to answer it.
    pub priority: Option<&'static str>,
    /// What it says, in the language of the site when it was told; [`Self::title`] says it in any.
    pub title: Arc<str>,
    /// The news that said so, if it is known.
    #[serde(skip)]
    pub news: Option<Box<alarm::News>>,
    /// Which time it came last.
    pub occurrence: u32,
    /// Until when it is shelved.
    pub shelved_until: Option<Timestamp>,
    /// Who hides it.
    pub hidden_by: Option<Arc<str>>,
    /// Why.
    pub hidden_note: Option<Arc<str>>,
    /// What of the plant's state makes it meaningless, in words, while it is suppressed.
    pub suppressed_by: Option<&'static str>,
    /// True if it came so often that it stays until it has been calm for ten minutes.
    pub chatters: bool,
    /// How often it came while it was hidden.
    pub unheard: u32,
}

impl AlarmView {
    /// What it says, in a language and by the times of a zone; of one that an earlier version kept, as it was told.
    #[must_use]
    pub fn title(&self, locale: &Locale) -> Arc<str> {
        let told = || Arc::clone(&self.title);
        self.news.as_ref().map_or_else(told, |news| news.title(locale).into())
    }
}

/// What is taken to share one clock: all that comes from a broker for a line and area.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SourceView {
    /// The broker.
    pub broker: Arc<str>,
    /// The line.
    pub line: Arc<str>,
    /// The area; may be empty.
    pub area: Arc<str>,
    /// Whose time its readings have: `source`, `arrival` where it sends none, or `both`.
    pub time: &'static str,
    /// The floor of (arrival − time), ms: the error of its clock and the network's least delay; less than 0
    /// if it is ahead. `None` while not known.
    pub delay_floor_ms: Option<i64>,
    /// The running median of (arrival − time), ms.
    pub delay_median_ms: Option<i64>,
    /// `good`, or what is wrong with its stamps.
    pub state: &'static str,
    /// Since which arrival, ms, if something is.
    pub since: Option<i64>,
}

/// A series of a line or tag that the configuration does not name, as it is now.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StrayView {
    /// Its names, as the topic gave them.
    pub series: Arc<Series>,
    /// Its last value, if it is a number.
    pub value: Option<f64>,
    /// Its last value, if it is a text.
    pub text: Option<Arc<str>>,
    /// The time of that value, ms.
    pub at: i64,
    /// Readings stored since it was first seen.
    pub count: u64,
    /// Whose time its last reading has: `source`, or `arrival` where it sent none.
    pub time: &'static str,
    /// How far its stamps are behind their arrival, ms; less than 0 if ahead; `None` while not known.
    pub delay_ms: Option<i64>,
}

/// A line as it is now.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LineView {
    /// Its name.
    pub name: Arc<str>,
    /// Its clock: the watermark, ms; `None` before the first good reading.
    pub clock: Option<i64>,
    /// True while nothing is known of it.
    pub blind: bool,
    /// The verdict on the batch in progress; `None` before the first frame.
    pub verdict: Option<Document>,
    /// The batch in progress.
    pub batch: Option<BatchRecord>,
    /// It by stretches of one call, in order; without what was measured in them.
    pub stretches: Vec<SectionDocument>,
    /// What was seen along it and what was found of it by now; `None` before anything was said of it.
    #[serde(skip)]
    pub course: Option<Arc<CourseView>>,
    /// The statistics of the last frames against their limits, oldest first.
    pub trend: Vec<TrendPoint>,
    /// The last finished batches, newest first.
    pub last_batches: Vec<BatchRecord>,
    /// The declared tags.
    pub tags: Vec<TagView>,
    /// What its scanners measure across the web.
    pub profiles: Vec<ProfileView>,
    /// The control charts of its tags and of laboratory properties, for the grade in progress.
    pub charts: Vec<ChartView>,
    /// What judges the grade in progress, for people: kind, version, rows, batches, provisional or not.
    pub model: Option<String>,
    /// The soft sensors of the grade in progress, by property.
    pub soft_sensors: Vec<SoftSensorView>,
    /// How the chances of off spec came true that were said of its batches.
    pub prospects: ProspectsView,
    /// How often good batches of the grade in progress were flagged; `None` before it is known of one.
    pub wrong_flags: Option<WrongFlagsRecord>,
    /// Why the model of the grade in progress is not right any more, once that was told.
    pub drift: Option<ModelReason>,
    /// The models that wait for a person to promote them, by grade.
    pub challengers: Vec<ChallengerView>,
    /// The models that a person promoted and that wait for their boundary, by grade.
    pub promotions: Vec<PromotionView>,
    /// That somebody works on it.
    pub maintenance: Option<MaintenanceView>,
}

/// A model that a person lets judge, until the boundary from which on it does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PromotionView {
    /// The grade.
    pub grade: Arc<str>,
    /// The version under which it will judge.
    pub version: u32,
    /// The version that it is the same model as.
    pub of: u32,
    /// Who promoted it, and as what: the reason that `model.promoted` will give.
    pub reason: String,
    /// Who, if they said so.
    pub by: Option<Arc<str>>,
    /// When that was asked for.
    pub asked: Timestamp,
}

impl PromotionView {
    /// From when on such a model judges.
    pub const FROM: &str = "from the next batch boundary of the line on";

    /// The same for people.
    #[must_use]
    pub fn sentence(&self) -> String {
        let Self { version, reason, asked, .. } = self;
        format!("version {version} judges {}: {reason} at {asked}", Self::FROM)
    }
}

/// A model that waits for a person to promote it and judges in the shadow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ChallengerView {
    /// The grade.
    pub grade: Arc<str>,
    /// Its version.
    pub version: u32,
    /// The version that judges.
    pub against: u32,
    /// What both said of the batches since it waits.
    pub beside: Beside,
}

impl ChallengerView {
    /// The same for people.
    #[must_use]
    pub fn sentence(&self) -> String {
        let Self { version, against, beside: Beside { good, bad, open }, .. } = self;
        if self.beside.batches() == 0 {
            return format!("version {version} waits to be promoted and has judged no batch yet");
        }
        let of = |flagged: &Flagged, what| {
            let (of, new, present) =
                (Count(flagged.of, what), flagged.by_new(), flagged.by_present());
            format!("of {of} it would have flagged {new} and version {against} {present}")
        };
        let mut parts = Vec::new();
        if good.of > 0 {
            parts.push(of(good, "good one"));
        }
        if bad.of > 0 {
            parts.push(of(bad, "bad one"));
        }
        if *open > 0 {
            parts.push(format!("of {open} nobody knows yet"));
        }
        let batches = Count(self.beside.batches(), "batch");
        format!(
            "version {version} waits to be promoted and has judged the last {batches}: {}",
            parts.join("; ")
        )
    }
}

/// A profile across the web as it is now.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ProfileView {
    /// Its id.
    pub id: Arc<str>,
    /// Its unit.
    pub unit: Arc<str>,
    /// How its variance is divided: `anova`, `naive` or `scan2sigma`.
    pub variance: &'static str,
    /// True if positions are mm from the tending side; else they are boxes, counted from 1.
    pub in_mm: bool,
    /// The value aimed at.
    pub target: Option<f64>,
    /// The limits of its worst value for the grade in progress, low and high.
    pub limits: (Option<f64>, Option<f64>),
    /// What is known by the last scan of paper.
    pub statistics: Option<Statistics>,
    /// Scans that came since the profile was first heard.
    pub scans: u64,
    /// Why the newest scan does not count, if it does not.
    pub left_out: Option<LeftOut>,
    /// Since when there are streaks without a break, ms.
    pub streaks_since: Option<i64>,
    /// The first and the last position of each zone.
    #[serde(skip)]
    pub zones: Vec<(f64, f64)>,
    /// The last scans in these zones, oldest first.
    #[serde(skip)]
    pub pictures: Vec<Picture>,
}

/// One point of the trend.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TrendPoint {
    /// Frame end.
    pub at: Timestamp,
    /// The score; `None` where the frame could not be judged.
    pub score: Option<f64>,
    /// T² of the judging monitor (of its components, or of its state), smoothed, and its limit.
    pub t2: Option<(f64, f64)>,
    /// What is off the judging monitor's model (SPE; or residual or innovation), smoothed, and its limit.
    pub spe: Option<(f64, f64)>,
}

/// A tag as it is now.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TagView {
    /// Its id.
    pub id: Arc<str>,
    /// Its unit.
    pub unit: Arc<str>,
    /// Its last value, if it is a number.
    pub value: Option<f64>,
    /// The time of that value, ms.
    pub at: Option<i64>,
    /// `good`, or what is wrong with the sensor.
    pub health: Arc<str>,
    /// Since when, ms, if that is known of the sensor itself.
    pub sick_since: Option<i64>,
    /// Of the readings of this minute, the share that can be used, 0–1; `None` before the first of them.
    pub good: Option<f64>,
    /// Whose time its last reading has: `source`, or `arrival` where it sent none.
    pub time: &'static str,
    /// How far its stamps are behind their arrival, ms; less than 0 if ahead; `None` while not known.
    pub delay_ms: Option<i64>,
}

impl Engine {
    /// What people see.
    #[must_use]
    pub fn view(&self) -> View {
        let (nodes_known, nodes_forgotten) = self.state.nodes.counts();
        View {
            site: Arc::clone(&self.plant.site),
            lines: self
                .plant
                .lines
                .iter()
                .zip(&self.state.lines)
                .map(|(line, state)| {
                    let grade = state.grade_name();
                    let now = state.judged_to().unwrap_or(Timestamp::MAX);
                    let asked = state.asked_of(&self.plant, now);
                    let limits = |tag: &str| asked.and_then(|grade| grade.spec.get(tag));
                    let profiles = self.state.profiles.view(line, limits);
                    let models = &self.plant.models;
                    let charts = state.charts.view(line, (&grade, asked), models);
                    LineView { profiles, charts, ..state.view(line, &self.plant, BATCHES_SHOWN) }
                })
                .collect(),
            faults: self.state.faults.iter().map(|(reason, n)| (reason.as_str(), *n)).collect(),
            last_faults: self.state.last_faults.iter().cloned().collect(),
            readings: self.state.readings,
            duplicates: self.state.duplicates,
            undeclared: self.state.strays.len(),
            strays: self.state.strays.view(STRAYS_SHOWN),
            recovery: self.state.recoveries.newest().cloned(),
            alarms_standing: self.state.alarms.standing().count(),
            alarms: self.alarms_shown(),
            alarm_load: self
                .state
                .alarms
                .load(self.state.recoveries.last_alive().max(self.heard_at()).unwrap_or_default()),
            sources: self.state.clocks.view(),
            nodes: self.state.nodes.view(),
            nodes_known,
            nodes_forgotten,
        }
    }

    fn alarms_shown(&self) -> Vec<AlarmView> {
        let view = |shown: alarm::Shown<'_>| {
            let hidden = shown.out_of_service.or(shown.shelf);
            let standing = shown.standing;
            AlarmView {
                alarm: Arc::clone(shown.alarm),
                class: shown.class.map(AlarmClass::as_str),
                holds: shown.holds,
                isa: shown.isa.as_str(),
                since: standing.map(|standing| standing.since),
                severity: standing.map_or(Severity::Info, |standing| standing.severity),
                title: standing.map_or_else(|| "".into(), |standing| Arc::clone(&standing.title)),
                priority: shown.priority.map(alarm::Priority::as_str),
                news: shown.news.filter(|_| standing.is_some()).cloned().map(Box::new),
                occurrence: shown.occurrence,
                shelved_until: shown.shelf.and_then(|shelf| shelf.until),
                hidden_by: hidden.map(|hidden| Arc::clone(&hidden.by)),
                hidden_note: hidden.and_then(|hidden| hidden.note.clone()),
                suppressed_by: shown.design.map(alarm::Design::reason),
                chatters: shown.chatters,
                unheard: shown.unheard,
            }
        };
        let mut shown: Vec<AlarmView> = self.state.alarms.shown().map(view).collect();
        let order = |alarm: &AlarmView| {
            (std::cmp::Reverse(alarm.holds), std::cmp::Reverse(alarm.severity), alarm.since)
        };
        shown.sort_by_key(order);
        shown.truncate(ALARMS_SHOWN);
        shown
    }
}

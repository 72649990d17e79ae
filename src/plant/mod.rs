//! What the mill declares: site, lines, tags, grades and their limits, already checked.
//!
//! Values of this room are built by `config` (or by `--auto`, for a table of numbers) and never
//! change while the engine runs. It knows nothing of files, TOML or sockets.

mod alarms;
mod costs;
mod delay;
mod grade;
mod nearest;
mod profile;
mod speech;
mod unit;

pub use alarms::{AlarmClass, AlarmRule, AlarmSettings, Consequence};
pub use costs::{Advice, Costs};
pub use delay::{Delay, Transit};
pub use grade::{Amendment, Bounds, Compared, Grade, Grades, SpecLimit};
pub use nearest::nearest;
pub use profile::{Profile, VarianceForm};
pub use speech::{Language, Speech};
pub use unit::{Conversion, conversion, convert};

use crate::chart;
use crate::reading::LineIx;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// Everything the engine knows about the plant.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plant {
    /// The site's name, for events; empty if none is given.
    pub site: Arc<str>,
    /// The lines, in order of the configuration.
    pub lines: Vec<Line>,
    /// The grades by name.
    pub grades: Grades,
    /// What to do with lines and tags that are not declared.
    pub undeclared: Undeclared,
    /// The greatest number of undeclared tags in the plant.
    pub undeclared_max: usize,
    /// How models are fitted and judged.
    pub models: ModelSettings,
    /// What wrong decisions about batches cost, if the plant says so.
    pub costs: Option<Costs>,
    /// What is wanted of alarms.
    #[serde(default)]
    pub alarms: AlarmSettings,
}

impl Plant {
    /// The index of a declared line.
    #[must_use]
    pub fn line_ix(&self, name: &str) -> Option<LineIx> {
        let ix = self.lines.iter().position(|line| &*line.name == name)?;
        u16::try_from(ix).ok().map(LineIx)
    }
}

/// What to do with readings of lines and tags that the configuration does not name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Undeclared {
    /// Store and show them; no model uses them.
    #[default]
    Store,
    /// Count and forget them.
    Ignore,
}

/// One production line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Line {
    /// Its name.
    pub name: Arc<str>,
    /// The length of a frame.
    pub frame: Duration,
    /// How long a frame waits for late readings.
    pub lateness: Duration,
    /// After this silence, ticks may push the line's clock on.
    pub idle: Duration,
    /// How long the line settles after a break: what is made then is judged by its limits only.
    pub settle: Duration,
    /// How long a change of grade lasts at most, where the quality does not end it before.
    pub grade_change: Duration,
    /// The tag that says by a value other than zero that the web is broken, or nothing is made.
    pub break_tag: Option<Arc<str>>,
    /// Where batches come from.
    pub batch: BatchSource,
    /// Tags that give length and mass.
    pub rate: Rate,
    /// The grade made when nothing names one.
    pub grade: Option<Arc<str>>,
    /// The tag whose value is the grade that is made.
    pub grade_tag: Option<Arc<str>>,
    /// The tag whose value is the phase that the batch in progress is in.
    #[serde(default)]
    pub phase_tag: Option<Arc<str>>,
    /// The declared tags; their position is their [`crate::reading::TagIx`].
    pub tags: Vec<Tag>,
    /// The declared profiles across the web.
    pub profiles: Vec<Profile>,
}

impl Line {
    /// A line with the defaults of the product (1 s frames, 2 s lateness, 30 s idle) and no tags.
    #[must_use]
    pub fn named(name: &str) -> Self {
        Self {
            name: name.into(),
            frame: Duration::from_secs(1),
            lateness: Duration::from_secs(2),
            idle: Duration::from_secs(30),
            settle: Duration::from_secs(180),
            grade_change: Duration::from_secs(1800),
            break_tag: None,
            batch: BatchSource::Events,
            rate: Rate::default(),
            grade: None,
            grade_tag: None,
            phase_tag: None,
            tags: Vec::new(),
            profiles: Vec::new(),
        }
    }

    /// The position of the declared tag with this id.
    #[must_use]
    pub fn tag_position(&self, id: &str) -> Option<usize> {
        self.tags.iter().position(|tag| &*tag.id == id)
    }

    /// The declared profile of this name in this area: one whose id names the area comes first.
    #[must_use]
    pub fn profile(&self, area: &str, name: &str) -> Option<&Profile> {
        let of_area =
            |id: &str| id.strip_prefix(area).and_then(|rest| rest.strip_prefix('/')) == Some(name);
        let found = self.profiles.iter().find(|profile| of_area(&profile.id));
        found.or_else(|| self.profiles.iter().find(|profile| *profile.id == *name))
    }

    /// The tags that agree with others, and with which.
    #[must_use]
    pub fn ties(&self) -> BTreeMap<Arc<str>, Vec<Arc<str>>> {
        let tied = self.tags.iter().filter(|tag| !tag.agrees_with.is_empty());
        tied.map(|tag| (Arc::clone(&tag.id), tag.agrees_with.clone())).collect()
    }

    /// Which tags are declared to wander, or not to. One with a guard band, or of which one way alone flags, does not unless
    /// it is declared: what is said of its level must not become said of its change because a fit finds that it wanders.
    #[must_use]
    pub fn wanders(&self) -> BTreeMap<Arc<str>, bool> {
        let of = |tag: &Tag| tag.wanders.or((tag.guard != Guard::default()).then_some(false));
        self.tags.iter().filter_map(|tag| Some((Arc::clone(&tag.id), of(tag)?))).collect()
    }

    /// True if only numbers say something about the tag: all that is watched or measured is one, but a
    /// reel id or a grade is a name even where it looks like a number.
    #[must_use]
    pub fn is_numeric(&self, tag: &Tag) -> bool {
        let names_batch = matches!(&self.batch, BatchSource::Tag(id, _) if *id == tag.id);
        let names = [&self.grade_tag, &self.phase_tag];
        if names_batch || names.into_iter().flatten().any(|id| *id == tag.id) {
            return false;
        }
        tag.role != Role::Context
            || !tag.unit.is_empty()
            || tag.range.is_some()
            || self.break_tag.as_ref() == Some(&tag.id)
    }
}

/// Where a line's batches come from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum BatchSource {
    /// Batch events.
    Events,
    /// A change of a tag's value (a reel id): each new value is a new batch.
    Tag(Arc<str>, Naming),
    /// The turn-up: the tag (a reel diameter or length) falls back.
    TurnUp(Arc<str>),
    /// A batch every so long, counted from 1970.
    Period(Duration),
    /// No batches: the line is judged frame by frame.
    None,
}

/// What a batch is called that a tag's value begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Naming {
    /// By its line and start.
    #[default]
    Start,
    /// By the value, under which events name it as well.
    Value,
}

/// The tags (by id) that turn time into length and mass.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Rate {
    /// A speed: metres per minute.
    pub length: Option<Arc<str>>,
    /// A production rate: tonnes per hour.
    pub mass: Option<Arc<str>>,
}

/// What a tag is to the product.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
pub enum Role {
    /// A property of the product with limits.
    Quality,
    /// A variable of the process; the models watch these.
    #[default]
    Process,
    /// A property of the raw material; the models watch these too.
    RawMaterial,
    /// Set points, counters, states, texts: shown, not watched.
    Context,
}

/// A declared tag.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Tag {
    /// Its id: the name, or `area/name` where a line has the name in two areas.
    pub id: Arc<str>,
    /// Its engineering unit; empty if none is given.
    pub unit: Arc<str>,
    /// What it is to the product.
    pub role: Role,
    /// The instrument's range, low then high.
    pub range: Option<(f64, f64)>,
    /// How long the last good value may stand in for a missing one.
    pub stale: Duration,
    /// Without a reading for so long its sensor is stale; `None`: by its own interval.
    pub silence: Option<Duration>,
    /// A value that does not move for this long is stuck; `None` turns the check off.
    pub stuck: Option<Duration>,
    /// The most that the value can change in a second, in its unit.
    pub rate: Option<f64>,
    /// The faults of its sensor that are not looked for, by their words.
    pub unchecked: Vec<Arc<str>>,
    /// The tags by which its value can be known: they measure the same, or add up to it.
    pub agrees_with: Vec<Arc<str>>,
    /// Whether it has no level of its own, so that models take its changes: as declared; `None`: see [`Line::wanders`].
    #[serde(default)]
    pub wanders: Option<bool>,
    /// What of it is worth a flag.
    #[serde(default)]
    pub guard: Guard,
    /// How long what it sees takes to the end of the line, where that is declared.
    #[serde(default)]
    pub delay: Option<Delay>,
    /// From the moment a sample is taken to its reading: what an analyser reports was so much earlier.
    #[serde(default)]
    pub lag: Duration,
    /// How it is charted; `None` if it is not.
    #[serde(default)]
    pub chart: Option<Charted>,
}

/// Which deviations of a tag from what the others tell of it are worth a flag.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Guard {
    /// The smallest one, in the tag's unit.
    pub band: f64,
    /// Which way.
    pub way: Way,
}

/// Which way a deviation goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Way {
    /// Either.
    #[default]
    Both,
    /// Above what is expected.
    Above,
    /// Below it.
    Below,
}

impl Guard {
    /// True if a tag that is so far from what is expected, in its unit, is worth a flag.
    #[must_use]
    pub fn is_passed_by(&self, off: f64) -> bool {
        let off = match self.way {
            Way::Both => off.abs(),
            Way::Above => off,
            Way::Below => -off,
        };
        off >= self.band
    }
}

/// How a tag, or a laboratory property, is charted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Charted {
    /// What a value of its chart is the mean of.
    pub every: Every,
    /// The chart.
    pub settings: chart::Settings,
}

/// What a value of a chart is the mean of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Every {
    /// So long a time, counted from 1970.
    Time(Duration),
    /// A batch.
    Batch,
}

impl Charted {
    /// How long a value is averaged over when the configuration does not say: readings of seconds follow each other,
    /// and limits from them would be far too narrow.
    pub const EVERY: Duration = Duration::from_secs(60);
    /// Values are no neighbours when more than this many distances lie between them.
    const GAP: u32 = 3;

    /// A chart with these settings, and the distances that go with its values.
    #[must_use]
    pub fn new(every: Every, settings: chart::Settings) -> Self {
        let interval = match every {
            Every::Time(every) => Some(every.saturating_mul(settings.kind.readings())),
            Every::Batch => None,
        };
        let gap = interval.map(|interval| interval.saturating_mul(Self::GAP));
        Self { every, settings: chart::Settings { interval, gap, ..settings } }
    }

    /// The chart of a laboratory property: each batch is a point. So few points make trial limits.
    #[must_use]
    pub fn of_property(settings: chart::Settings) -> Self {
        Self::new(Every::Batch, chart::Settings { trial: true, ..settings })
    }

    /// The chart of a quality tag when the configuration does not say, on a line with frames of this length.
    #[must_use]
    pub fn of_quality(frame: Duration) -> Self {
        Self::new(Every::Time(Self::EVERY.max(frame)), chart::Settings::default())
    }
}

impl Tag {
    /// How long a value is held when the configuration does not say.
    pub const STALE: Duration = Duration::from_secs(30);
    /// When a still value is called stuck, when the configuration does not say.
    pub const STUCK: Duration = Duration::from_secs(300);

    /// A process tag with the defaults of the product.
    #[must_use]
    pub fn named(id: &str) -> Self {
        Self {
            id: id.into(),
            unit: "".into(),
            role: Role::Process,
            range: None,
            stale: Self::STALE,
            silence: None,
            stuck: Some(Self::STUCK),
            rate: None,
            unchecked: Vec::new(),
            agrees_with: Vec::new(),
            wanders: None,
            guard: Guard::default(),
            delay: None,
            lag: Duration::ZERO,
            chart: None,
        }
    }
}

/// The user's false-flag budget.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub enum Budget {
    /// So many wrong flags in so many batches.
    PerBatches {
        /// Wrong flags.
        flags: u32,
        /// In this number of batches.
        batches: u32,
    },
    /// So many wrong flags in so many frames.
    PerFrames {
        /// Wrong flags.
        flags: u32,
        /// In this number of frames.
        frames: u32,
    },
    /// So many wrong flags in a day.
    PerDay(f64),
}

/// Which batches are fit for learning when no disposition and no laboratory result says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum LearnFrom {
    /// Released ones, or those whose laboratory results are all inside.
    #[default]
    Confirmed,
    /// Also those whose quality tags were inside for 98 % and that nobody rejected.
    Unrejected,
}

/// When models are fitted again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Refit {
    /// Never by itself.
    Never,
    /// Once a day of event time.
    Daily,
    /// Once a week of event time.
    #[default]
    Weekly,
    /// After so many batches fit for learning.
    Batches(u32),
}

/// Who switches a new model on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Promote {
    /// The daemon, at the next batch boundary.
    #[default]
    WhenBetter,
    /// A person.
    ByHand,
}

/// The `[models]` section.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
// What an earlier version kept of it does not have all.
#[serde(default)]
pub struct ModelSettings {
    /// The false-flag budget; `None`: 1 per 100 batches, or 1 in 200 frames where there are no batches.
    pub false_flags: Option<Budget>,
    /// How many batches the first model needs.
    pub learning_batches: u32,
    /// Which batches are fit for learning.
    pub learn_from: LearnFrom,
    /// When models are fitted again.
    pub refit: Refit,
    /// Who switches a new model on.
    pub promote: Promote,
    /// True if limits move with what good batches reached since the fit.
    pub adapt_limits: bool,
    /// True if a grade that has too few batches for a model of its own borrows one from other grades of its line.
    pub borrow: bool,
}

impl Default for ModelSettings {
    fn default() -> Self {
        Self {
            false_flags: None,
            learning_batches: 20,
            learn_from: LearnFrom::default(),
            refit: Refit::default(),
            promote: Promote::default(),
            adapt_limits: true,
            borrow: true,
        }
    }
}

impl ModelSettings {
    /// The batches that a grade's own first model is fitted on at the least.
    #[must_use]
    pub fn own_at_least(&self) -> usize {
        self.learning_batches.max(2) as usize
    }
}

//! What a tag's readings are held against.

use super::SensorFault;
use crate::plant::{BatchSource, Line, Role, Tag};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// When a tag without a reading is stale.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Silence {
    /// Never: set points and states speak when they change.
    Allowed,
    /// After so long.
    After(Duration),
    /// After three times as long as it usually waits, at least a minute and at most an hour.
    ByInterval,
}

/// What a tag's readings are held against.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Checks {
    /// The instrument's range.
    pub range: Option<(f64, f64)>,
    /// The most that the value can change in a second.
    pub rate: Option<f64>,
    /// A value that stands still for so long is stuck; `None` turns the check off.
    pub stuck: Option<Duration>,
    /// When a tag without a reading is stale.
    pub silence: Silence,
    /// True if only numbers say something about the tag.
    pub numeric: bool,
    /// True if the tag is held against its own habits: noise, jumps, gaps, level.
    pub habits: bool,
    /// True if batches of its line may go through phases: habits take whole ones.
    #[serde(default)]
    pub phased: bool,
    /// The faults that are not looked for.
    pub unchecked: Vec<SensorFault>,
}

impl Checks {
    /// The checks of a declared tag. Set points, counters and states may rest, jump, and be silent.
    #[must_use]
    pub fn of(tag: &Tag) -> Self {
        let watched = tag.role != Role::Context;
        let silence = tag.silence.map_or(Silence::ByInterval, Silence::After);
        Self {
            range: tag.range,
            rate: tag.rate,
            stuck: tag.stuck.filter(|_| watched),
            silence: if watched { silence } else { Silence::Allowed },
            numeric: watched,
            habits: watched,
            phased: false,
            unchecked: tag.unchecked.iter().filter_map(|word| SensorFault::named(word)).collect(),
        }
    }

    /// The checks of a declared tag, with what its line knows of it.
    #[must_use]
    pub fn on(line: &Line, tag: &Tag) -> Self {
        // Stretches of the clock are no batches of a recipe.
        let phased = !matches!(line.batch, BatchSource::Period(_) | BatchSource::None);
        Self { numeric: line.is_numeric(tag), phased, ..Self::of(tag) }
    }

    /// The checks of a tag that the configuration does not name: what cannot be known is not checked.
    #[must_use]
    pub fn undeclared() -> Self {
        Self {
            range: None,
            rate: None,
            stuck: Some(Tag::STUCK),
            silence: Silence::Allowed,
            numeric: false,
            habits: false,
            phased: false,
            unchecked: Vec::new(),
        }
    }

    /// True if this fault is looked for.
    #[must_use]
    pub fn looks_for(&self, fault: SensorFault) -> bool {
        !self.unchecked.contains(&fault)
    }
}

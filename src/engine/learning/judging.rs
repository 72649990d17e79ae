//! The model that judges a grade, and what moves while it does.

use crate::models::{Model, Online, Peers, TrackRecord};
use crate::plant::{Guard, Line, Transit};
use crate::reading::Timestamp;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// The model that judges.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(in crate::engine) struct Judging {
    pub(in crate::engine) version: u32,
    artifact: Arc<[u8]>,
    pub(in crate::engine) online: Online,
    pub(in crate::engine) peers: Peers,
    /// The end of the last frame that was put to it.
    #[serde(default)]
    until: Option<Timestamp>,
    /// When the batch began of which no frame was put to it yet.
    #[serde(default)]
    begins: Option<Timestamp>,
    /// The artifact, read; `None` only between deserialisation and [`Self::revive`].
    #[serde(skip)]
    read: Option<Read>,
}

#[derive(Debug, Clone, PartialEq)]
struct Read {
    model: Arc<Model>,
    /// The position in the line of each column of the model.
    tags: Vec<usize>,
}

impl Judging {
    pub(super) fn new(version: u32, artifact: Arc<[u8]>, line: &Line) -> Result<Self, String> {
        let read = Read::new(&artifact, line)?;
        let online = read.model.start(1.0).within_batch();
        Ok(Self {
            version,
            artifact,
            online,
            peers: Peers::default(),
            until: None,
            begins: None,
            read: Some(read),
        })
    }

    /// Reads the artifact again after deserialisation; false if the tags of the model are gone.
    pub(super) fn revive(&mut self, line: &Line) -> bool {
        self.read = Read::new(&self.artifact, line).ok();
        let Some(read) = &self.read else { return false };
        if !read.model.fits(&self.online) {
            self.online = read.model.start(1.0).within_batch();
        }
        true
    }

    /// A new batch begins at a time, with the limits that good batches before it ask for, or those of the fit.
    pub(super) fn begin_batch(&mut self, at: Timestamp, track: Option<&TrackRecord>) {
        self.begins = Some(at);
        let Some(read) = &self.read else { return };
        let calibration = &read.model.header().calibration;
        let scale = track.map_or(1.0, |track| track.scale(calibration));
        read.model.next_batch(&mut self.online, scale);
    }

    /// What the limits of the fit are multiplied with by now.
    pub(super) fn scale(&self) -> f64 {
        self.online.scale()
    }

    /// What comes does not follow what was, within one batch.
    pub(super) fn interrupt(&mut self) {
        if let Some(read) = &self.read {
            read.model.interrupt(&mut self.online);
        }
    }

    /// The next frame is put to it, by its begin, its end, and the phase of the batch.
    pub(in crate::engine) fn follow(
        &mut self,
        (start, end): (Timestamp, Timestamp),
        phase: Option<&Arc<str>>,
    ) {
        let until = self.until.replace(end);
        let Some(read) = &self.read else { return };
        read.model.follow(&mut self.online, (start, end), (until, self.begins.take()));
        self.online.is_in(phase);
    }

    /// The end of the last frame that was put to it.
    pub(in crate::engine) fn until(&self) -> Option<Timestamp> {
        self.until
    }

    /// The artifact of the model.
    pub(super) fn artifact(&self) -> Arc<[u8]> {
        Arc::clone(&self.artifact)
    }

    /// The model, and the values of a frame in the order of its columns.
    pub(in crate::engine) fn row(&self, values: &[f64]) -> Option<(Arc<Model>, Vec<f64>)> {
        let read = self.read.as_ref()?;
        let row = read.tags.iter().map(|ix| values.get(*ix).copied().unwrap_or(f64::NAN)).collect();
        Some((Arc::clone(&read.model), row))
    }

    /// The model.
    pub(in crate::engine) fn model(&self) -> Option<&Model> {
        self.read.as_ref().map(|read| &*read.model)
    }

    /// True if what the model says by now is a reason for a flag, by the guard bands of the line's tags.
    pub(in crate::engine) fn passes_guards(&self, line: &Line) -> bool {
        let guard = |column: usize| {
            let tag = self.tag_of(column).and_then(|ix| line.tags.get(ix));
            tag.map_or_else(Guard::default, |tag| tag.guard)
        };
        self.model().is_none_or(|model| model.passes_guards(&self.online, guard))
    }

    /// How long what a tag of the line sees takes to the end of the line, from its sampling, as far as the batches that the
    /// model was fitted on tell.
    pub(in crate::engine) fn transit(&self, line: &Line, tag: usize) -> Option<Transit> {
        let tag = line.tags.get(tag)?;
        let delays = &self.model()?.header().delays;
        let estimate = delays.iter().find(|estimate| estimate.tag == tag.id)?;
        let quality = &line.tags[line.tag_position(&estimate.quality)?];
        Some(estimate.transit(tag.lag.as_secs_f64(), quality.lag.as_secs_f64()))
    }

    /// The position in the line of a column of the model.
    pub(in crate::engine) fn tag_of(&self, column: usize) -> Option<usize> {
        self.read.as_ref()?.tags.get(column).copied()
    }
}

impl Read {
    fn new(artifact: &[u8], line: &Line) -> Result<Self, String> {
        let model = Model::from_bytes(artifact).map_err(|error| error.to_string())?;
        let position = |column: &Arc<str>| {
            line.tag_position(column).ok_or_else(|| format!("the line has no tag `{column}`"))
        };
        let tags = model.columns().iter().map(position).collect::<Result<_, _>>()?;
        Ok(Self { model: Arc::new(model), tags })
    }
}

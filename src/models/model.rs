//! A fitted, calibrated model; what it says of a row; its artifact.

use super::calibrate::{Calibration, count};
use super::cva::Cva;
use super::delays::DelayEstimate;
use super::differences::{Difference, Lags, Recent};
use super::dynamic::Dynamic;
use super::held_out::Levels;
use super::movers::{Moved, Movers, Moving};
use super::multiway::{Multiway, Progress};
use super::pca::{Gain, Pca, Statistics};
use super::peers::{Peers, Word};
use super::screen::Dropped;
use super::statistic::{Each, Monitor, Statistic, Weights};
use super::ties::Ties;
use super::track::{Course, Judged};
use super::{FitSpec, Source};
use crate::plant::Guard;
use crate::reading::{Count, Timestamp};
use ndarray::{Array1, ArrayView1};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::sync::Arc;

/// The form of artifacts; another number is refused.
const ARTIFACT_VERSION: u32 = 2;

/// With less than this share of the weight the score is uncertain, or none.
const CERTAIN: f64 = 0.8;
const JUDGED: f64 = 0.6;

/// What is known about a model without its numbers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Header {
    /// `pca`, or `cva` where a dynamic monitor stands beside it.
    pub kind: String,
    /// The release that fitted it.
    pub onspec: String,
    /// The columns of the table it was fitted on.
    pub columns: Vec<Arc<str>>,
    /// Those it does not use.
    pub dropped: Vec<Dropped>,
    /// Rows it was fitted on.
    pub rows: usize,
    /// Blocks (batches) it was fitted on.
    pub blocks: usize,
    /// Older batches, or rows where there are no batches, that had no room.
    #[serde(default)]
    pub left_out: usize,
    /// Components.
    pub components: usize,
    /// The share of the variance they explain, 0–1.
    pub explained: f64,
    /// States of the dynamic monitor; 0 if there is none.
    pub states: usize,
    /// Those of them that are judged.
    pub states_judged: usize,
    /// The recipe that batches follow, if they follow one.
    #[serde(default)]
    pub recipe: Option<Recipe>,
    /// What was asked for.
    pub spec: FitSpec,
    /// How the limits were found.
    pub calibration: Calibration,
    /// Where the rows are from.
    #[serde(default)]
    pub source: Source,
    /// How many times as wide the limits of a borrowed model are as held-out batches ask for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub widened: Option<f64>,
    /// How long what tags see takes until the quality tags see it, where the rows tell.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub delays: Vec<DelayEstimate>,
    /// The columns of which it takes the change and not the level.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub differences: Vec<Difference>,
    /// The libraries that did the arithmetic, with their versions; empty in a model of an earlier development version.
    #[serde(default)]
    pub libraries: Vec<String>,
}

/// What batches have in common along their course.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Recipe {
    /// The positions that a batch has.
    pub positions: usize,
    /// The share of the columns' variance that the position explains in batches that were held out, 0–1.
    pub explained: f64,
    /// The column that tells the position; none where the time made does, or phases.
    pub indicator: Option<Arc<str>>,
    /// How many phases tell the position; 0 where something else does.
    #[serde(default)]
    pub phases: usize,
}

/// The libraries of this build that a fit depends on: a test holds them to the lock file.
pub(super) const LIBRARIES: [&str; 4] =
    ["linfa-linalg 0.2.1", "ndarray 0.16.1", "statrs 0.19.1", "libm 0.2.16"];

impl Header {
    /// One line for people.
    #[must_use]
    pub fn summary(&self) -> String {
        let calibration = &self.calibration;
        let provisional = if let Some(loan) = self.loan() {
            let (low, high) = calibration.rate_range;
            let range = (percent(low, 0), percent(high, 1));
            format!(
                ", {loan}, provisional (the rate of false flags may be {} to {} %)",
                range.0, range.1
            )
        } else if calibration.provisional {
            format!(
                ", limits provisional ({} of {} {}: the rate of false flags may be {} to {} %; 1 in {} {} could be promised)",
                calibration.n,
                calibration.needed,
                calibration.unit,
                percent(calibration.rate_range.0, 2),
                percent(calibration.rate_range.1, 1),
                calibration.could_promise_one_in(),
                calibration.unit
            )
        } else {
            String::new()
        };
        let stand_out = match calibration.excluded {
            0 => String::new(),
            n => format!(", {} stood out and set no limit", Count(n, "batch")),
        };
        let of = if self.spec.batches {
            format!("{} frames of {} batches", self.rows, self.blocks)
        } else {
            format!("{} frames", self.rows)
        };
        let left_out = match (self.left_out, self.spec.batches) {
            (0, _) => String::new(),
            (n, true) => format!(" ({n} older batches had no room)"),
            (n, false) => format!(" ({n} older frames had no room)"),
        };
        let dynamic = match self.states {
            0 => String::new(),
            states => format!(" and cva of {}", Count(states, "state")),
        };
        let recipe = self.recipe.as_ref().map_or_else(String::new, |recipe| {
            let by = match &recipe.indicator {
                _ if recipe.phases > 0 => "phases",
                Some(column) => &**column,
                None => "time made",
            };
            let (explained, positions) = (recipe.explained * 100.0, recipe.positions);
            format!(" and a recipe of {positions} positions by {by} ({explained:.0} %)")
        });
        let changes = match self.differences.len() {
            0 => String::new(),
            1 => " (1 by its change)".into(),
            n => format!(" ({n} by their changes)"),
        };
        format!(
            "pca of {}{changes}, {} ({:.0} %){dynamic}{recipe}, {of}{left_out}{stand_out}{provisional}",
            Count(self.columns.len() - self.dropped.len(), "tag"),
            Count(self.components, "component"),
            self.explained * 100.0,
        )
    }
}

/// A fitted, calibrated model. It never changes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Model {
    header: Header,
    /// The positions of the columns used, in the table's columns.
    used: Vec<usize>,
    /// Those of which it takes the change, and over how many frames.
    #[serde(default, skip_serializing_if = "Lags::is_empty")]
    lags: Lags,
    pca: Pca,
    /// The dynamic monitor, if there were rows enough for it.
    cva: Option<Cva>,
    /// The frames in one of its rows.
    every: usize,
    /// The weights of new values in the smoothed statistics.
    weights: Weights,
    /// Where smoothing begins.
    start: Each,
    /// The limits.
    limits: Each,
    /// What batches do along their recipe, if they follow one.
    #[serde(default)]
    multiway: Option<Multiway>,
    /// What ties the columns used to each other.
    #[serde(default)]
    ties: Ties,
    /// What each column used does in control that the others do not tell; a model of an earlier development version
    /// does not know.
    #[serde(default)]
    movers: Option<Movers>,
}

/// What moves while a model judges: the smoothed statistics and contributions, and the last rows. A batch
/// begins with a new one ([`Model::start`]).
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
// What an earlier development version kept is read as nothing, and begun anew.
#[serde(default)]
pub struct Online {
    /// What the limits of the fit are multiplied with; 0 in what an earlier development version kept.
    scale: f64,
    course: Course,
    smoothed: Each,
    /// For each statistic what each column contributes to it, over its mean in control.
    parts: Vec<Vec<f64>>,
    dynamic: Dynamic,
    moving: Moving,
    /// The last values of the columns of which the change is taken.
    recent: Recent,
    /// How the batch goes along the recipe; `None` if its begin was not seen.
    along: Option<Progress>,
    /// The phase of its recipe that the batch is in.
    phase: Option<Arc<str>>,
    /// Of what phase something may have been missed: how far the batch is in it nobody knows.
    missed: Missed,
    /// The last pattern of holes; made again when it is missed.
    #[serde(skip)]
    gain: Option<Gain>,
}

/// What of a phase may have been missed.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
enum Missed {
    #[default]
    Nothing,
    /// Of the one that the batch is in with the next row, whichever that is.
    Something,
    /// Of this one.
    Of(Option<Arc<str>>),
}

impl PartialEq for Online {
    /// The pattern kept is no state: it follows from the row.
    fn eq(&self, other: &Self) -> bool {
        (self.scale, self.course, &self.smoothed, &self.parts)
            == (other.scale, other.course, &other.smoothed, &other.parts)
            && (&self.dynamic, &self.moving, &self.recent, &self.along)
                == (&other.dynamic, &other.moving, &other.recent, &other.along)
            && (&self.phase, &self.missed) == (&other.phase, &other.missed)
    }
}

impl Online {
    /// The batch that began with it has ended; `flagged` if it was, for whatever reason. What comes belongs to no
    /// batch until one begins.
    pub fn ended(&mut self, batch: Arc<str>, flagged: bool) -> Judged {
        self.along = None;
        std::mem::replace(&mut self.course, Course::late()).end(batch, flagged, self.scale)
    }

    /// What the last row reached was not worth a flag: it says nothing about the limits.
    pub fn excuse(&mut self) {
        self.course.excuse();
    }

    /// The next rows are of this phase of the batch's recipe; `None` where nobody tells.
    pub fn is_in(&mut self, phase: Option<&Arc<str>>) {
        match &self.missed {
            Missed::Nothing => {}
            // Whichever it is by now may have begun unseen.
            Missed::Something => self.missed = Missed::Of(phase.cloned()),
            Missed::Of(missed) if missed.as_ref() == phase => {}
            Missed::Of(_) => self.missed = Missed::Nothing,
        }
        let known = phase.filter(|_| self.missed == Missed::Nothing);
        if self.phase.as_ref() != known {
            self.phase = known.cloned();
        }
    }

    /// What the limits of the fit are multiplied with.
    #[must_use]
    pub fn scale(&self) -> f64 {
        self.scale
    }

    /// The same for a batch that began before.
    #[must_use]
    pub fn within_batch(self) -> Self {
        Self { course: Course::late(), along: None, ..self }
    }
}

/// What a model says of a row.
#[derive(Debug, Clone, PartialEq)]
pub struct Score {
    /// The statistics known by now, smoothed, each with its limit.
    pub statistics: Vec<(Statistic, f64, f64)>,
    /// Who judges: CVA once it has seen enough rows one after the other, else PCA; or the multiway model, where the batch
    /// as a whole is further from its limits than the row.
    pub judge: Monitor,
    /// The greatest ratio of the statistics that count to their limits: 1.0 is the limit that the budget as a
    /// whole allows. `None` if too little of the row is there.
    pub score: Option<f64>,
    /// The share of the model's weight that is there, 0–1.
    pub coverage: f64,
    /// True if more than a fifth of the weight is missing.
    pub uncertain: bool,
    /// The statistic with the greatest ratio.
    pub leads: Statistic,
}

impl Score {
    /// True if the score is the greatest ratio of this statistic, if it is known, and others.
    #[must_use]
    pub fn counts(&self, statistic: Statistic) -> bool {
        let dynamic = self.statistics.iter().any(|(one, ..)| one.monitor() == Monitor::Cva);
        let row = if dynamic { Monitor::Cva } else { Monitor::Pca };
        [row, Monitor::Multiway].contains(&statistic.monitor())
    }

    /// Of the statistics within the model that count, or of those of the rest, the one with the greatest ratio:
    /// value and limit.
    #[must_use]
    pub fn greatest(&self, within: bool) -> Option<(f64, f64)> {
        let judging = self.statistics.iter().filter(|(one, ..)| self.counts(*one));
        let of = judging.filter(|(one, ..)| one.is_within() == within);
        let pairs = of.map(|(_, value, limit)| (*value, *limit));
        pairs.max_by(|a, b| (a.0 / a.1).total_cmp(&(b.0 / b.1)))
    }
}

/// Bytes that are no model of this release.
#[derive(Debug, thiserror::Error)]
pub enum ArtifactError {
    /// Not readable.
    #[error("the artifact is no model: {0}")]
    Unreadable(#[from] serde_json::Error),
    /// Of another form.
    #[error("the artifact has version {found}, this release reads version {ARTIFACT_VERSION}")]
    Version {
        /// What it says.
        found: u32,
    },
    /// Its numbers contradict each other.
    #[error("the artifact contradicts itself: {0}")]
    Invalid(&'static str),
}

#[derive(Serialize, Deserialize)]
struct Artifact<M> {
    onspec_model: u32,
    model: M,
}

/// What a model is made of.
pub(super) struct Parts {
    pub(super) used: Vec<usize>,
    pub(super) lags: Lags,
    pub(super) pca: Pca,
    pub(super) cva: Option<Cva>,
    pub(super) every: usize,
    pub(super) weights: Weights,
    pub(super) levels: Levels,
    pub(super) multiway: Option<Multiway>,
    pub(super) ties: Ties,
    pub(super) movers: Option<Movers>,
}

impl Model {
    pub(super) fn new(header: Header, parts: Parts) -> Self {
        let Parts { used, lags, pca, cva, every, weights, levels, multiway, ties, movers } = parts;
        let limits = levels.scale.map(|scale| scale * header.calibration.factor);
        let start = levels.start;
        Self { header, used, lags, pca, cva, every, weights, start, limits, multiway, ties, movers }
    }

    /// Says of columns why they were left out before the fit.
    pub(super) fn tell_dropped(&mut self, why: Vec<Dropped>) {
        for told in why {
            let known = self.header.dropped.iter_mut().find(|known| known.column == told.column);
            if let Some(known) = known {
                *known = told;
            }
        }
    }

    /// What is known about it without its numbers.
    #[must_use]
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The header as JSON, for the registry.
    #[must_use]
    pub fn header_json(&self) -> String {
        serde_json::to_string(&self.header).expect("a header has only text keys")
    }

    /// Its kind: `pca`, or `cva` where a dynamic monitor stands beside it.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        if self.cva.is_some() { Monitor::Cva.as_str() } else { Monitor::Pca.as_str() }
    }

    /// The columns of the table it was fitted on; a row to judge has a value for each.
    #[must_use]
    pub fn columns(&self) -> &[Arc<str>] {
        &self.header.columns
    }

    /// The standard deviation that a column of this name is scaled by, if the model uses it.
    pub(super) fn deviation(&self, name: &str) -> Option<f64> {
        let used = self.used.iter().position(|ix| *self.header.columns[*ix] == *name)?;
        Some(self.pca.sd[used])
    }

    /// The positions of the columns that it uses.
    pub(super) fn used(&self) -> &[usize] {
        &self.used
    }

    /// What the change of a column of the table is taken over, s; `None` of one of which the level is judged.
    #[must_use]
    pub fn change_over(&self, column: usize) -> Option<f64> {
        let frame_s = self.header.spec.frame.as_secs_f64();
        self.lags.frames(column).map(|frames| count(frames) * frame_s)
    }

    /// Its components.
    pub(super) fn pca(&self) -> &Pca {
        &self.pca
    }

    /// One line for people.
    #[must_use]
    pub fn summary(&self) -> String {
        self.header.summary()
    }

    /// The limit of a statistic by the fit.
    #[must_use]
    pub fn limit(&self, statistic: Statistic) -> f64 {
        match (&self.multiway, statistic.monitor()) {
            (Some(multiway), Monitor::Multiway) => {
                multiway.levels()[statistic.source()] * self.header.calibration.factor
            }
            (None, Monitor::Multiway) => f64::INFINITY,
            _ => self.limits[statistic.ix()],
        }
    }

    /// The online state at the begin of a batch, in which the limits are those of the fit times `scale`, which is
    /// above 0.
    #[must_use]
    pub fn start(&self, scale: f64) -> Online {
        Online {
            scale,
            course: Course::default(),
            smoothed: self.start,
            parts: vec![vec![1.0; self.used.len()]; Statistic::OF_ROWS.len()],
            dynamic: Dynamic::default(),
            moving: Moving::default(),
            recent: Recent::default(),
            along: self.multiway.as_ref().map(Multiway::start),
            phase: None,
            missed: Missed::Nothing,
            gain: None,
        }
    }

    /// The same at the begin of the next batch: the process goes on, and so does what moves in it.
    pub fn next_batch(&self, online: &mut Online, scale: f64) {
        let (moving, recent) =
            (std::mem::take(&mut online.moving), std::mem::take(&mut online.recent));
        *online = Online { moving, recent, ..self.start(scale) };
    }

    /// What comes does not follow what was, within one batch: smoothing and the past begin anew.
    pub fn interrupt(&self, online: &mut Online) {
        let (course, moving) = (online.course, std::mem::take(&mut online.moving).anew());
        let along = online.along.take();
        *online = Online { course, moving, along, ..self.start(online.scale) };
        self.lose_place(online);
    }

    /// Something may have been made that was not seen: where the batch is in its recipe the time does not tell any more,
    /// and the rest of it is judged by its rows alone.
    fn lose_place(&self, online: &mut Online) {
        if self.multiway.as_ref().is_some_and(Multiway::goes_by_time) {
            online.along = None;
        }
        online.missed = Missed::Something;
    }

    /// The next frame is put to it, by its begin and end. `until` is the end of the one before, `begins` when its batch
    /// began, of the first frame of a batch.
    pub fn follow(
        &self,
        online: &mut Online,
        (start, end): (Timestamp, Timestamp),
        (until, begins): (Option<Timestamp>, Option<Timestamp>),
    ) {
        let follows = until == Some(start);
        if !follows {
            Self::lose_track(online);
        }
        // The batch may have begun before its first frame that is put to it, or some were not put to it since.
        let is_missed = match begins {
            Some(begins) => start.since(begins) > end.since(start),
            None => !follows,
        };
        if is_missed {
            self.lose_place(online);
        }
    }

    /// What comes does not follow what was, of one batch or another: what moved before counts no more.
    pub(super) fn lose_track(online: &mut Online) {
        online.moving = std::mem::take(&mut online.moving).anew();
        online.recent.forget();
    }

    /// True if an online state, read back, is one of this model.
    #[must_use]
    pub fn fits(&self, online: &Online) -> bool {
        let columns = self.used.len();
        let states = self.cva.as_ref().map_or(0, |cva| cva.states().0);
        online.scale > 0.0
            && online.parts.len() == Statistic::OF_ROWS.len()
            && online.parts.iter().all(|parts| parts.len() == columns)
            && online.dynamic.fits(columns, states)
            && online.moving.fits(columns)
            && online.recent.fits(&self.lags)
            && match (&self.multiway, &online.along) {
                (_, None) => true,
                (Some(multiway), Some(along)) => multiway.fits(along),
                (None, Some(_)) => false,
            }
    }

    /// Looks at the ties between tags in a row of [`Model::columns`] that ends `at` and took so many seconds.
    /// `sick` tells for a column whether its sensor stands accused. Gives what is new, by column.
    pub fn watch(
        &self,
        peers: &mut Peers,
        frame: (Timestamp, f64),
        values: &[f64],
        sick: &dyn Fn(usize) -> bool,
    ) -> Vec<(usize, Word)> {
        let row: Vec<f64> =
            self.used.iter().map(|ix| values.get(*ix).copied().unwrap_or(f64::NAN)).collect();
        let words = peers.take(&self.ties, frame, &row, &|column| sick(self.used[column]));
        words.into_iter().map(|(column, word)| (self.used[column], word)).collect()
    }

    /// The columns whose sensors are not to be judged by now: suspected or accused.
    pub fn distrusted(&self, peers: &Peers) -> impl Iterator<Item = usize> {
        peers.distrusted(&self.ties).map(|column| self.used[column])
    }

    /// True if the others say something about this column.
    #[must_use]
    pub fn is_tied(&self, column: usize) -> bool {
        self.ties.all.iter().any(|tie| self.used[tie.column] == column)
    }

    /// Judges a row: one value for each of [`Model::columns`], NaN where there is none. A row of
    /// another width has no values at all.
    pub fn score(&self, online: &mut Online, values: &[f64]) -> Score {
        let score = self.judge(online, values);
        online.course.take(score.score);
        score
    }

    fn judge(&self, online: &mut Online, values: &[f64]) -> Score {
        let mut values = Cow::Borrowed(values);
        if !self.lags.is_empty() {
            self.lags.take(&mut online.recent, values.to_mut());
        }
        let row = self.used.iter().map(|ix| values.get(*ix).copied().unwrap_or(f64::NAN));
        let row = Array1::from_iter(row);
        if let Some(multiway) = &self.multiway {
            let phase = online.phase.as_ref();
            online.along.take_if(|along| !multiway.take(along, row.view(), phase));
        }
        let seen = self.statistics(row.view(), online);
        let coverage = seen.as_ref().map_or(0.0, |(_, coverage)| *coverage);
        let Some((statistics, _)) = seen.filter(|(_, coverage)| *coverage >= JUDGED) else {
            online.dynamic.forget();
            online.moving.pass_over();
            return self.verdict(online, None, coverage);
        };
        let parts = [self.pca.t2_parts(&statistics), self.pca.spe_parts(&statistics)];
        self.take(online, Monitor::Pca, &[statistics.t2, statistics.spe], &parts);
        let frame = self.pca.filled(row.view(), &statistics);
        if let Some(movers) = &self.movers {
            let holes = row.iter().enumerate().filter(|(_, value)| !value.is_finite());
            let lacking: Vec<usize> = holes.map(|(ix, _)| ix).collect();
            movers.take(&mut online.moving, &frame, &lacking);
        }
        match &self.cva {
            Some(cva) if coverage >= CERTAIN => {
                if let Some(measured) = online.dynamic.take(cva, self.every, frame) {
                    self.take(online, Monitor::Cva, &measured.values, &measured.parts);
                }
            }
            _ => online.dynamic.forget(),
        }
        self.verdict(online, Some(()), coverage)
    }

    /// Smooths what a monitor measured.
    fn take(&self, online: &mut Online, monitor: Monitor, values: &[f64], parts: &[Array1<f64>]) {
        self.weights.take(&mut online.smoothed, monitor, values);
        for statistic in Statistic::of(monitor) {
            let weight = self.weights.of(statistic);
            smooth(&mut online.parts[statistic.ix()], &parts[statistic.source()], weight);
        }
    }

    fn statistics(
        &self,
        row: ArrayView1<'_, f64>,
        online: &mut Online,
    ) -> Option<(Statistics, f64)> {
        let known: Vec<usize> =
            row.iter().enumerate().filter(|(_, v)| v.is_finite()).map(|(ix, _)| ix).collect();
        if known.len() == row.len() {
            return Some((self.pca.statistics(row), 1.0));
        }
        if known.is_empty() {
            return None;
        }
        if online.gain.as_ref().is_none_or(|gain| gain.known != known) {
            online.gain = self.pca.gain(known);
        }
        let gain = online.gain.as_ref()?;
        Some((self.pca.statistics_with_holes(row, gain), gain.coverage))
    }

    fn verdict(&self, online: &Online, judged: Option<()>, coverage: f64) -> Score {
        let of_row = if online.dynamic.judges() { Monitor::Cva } else { Monitor::Pca };
        let course = online.along.as_ref().and_then(Progress::distances);
        let known = |statistic: &Statistic| match statistic.monitor() {
            Monitor::Pca => true,
            Monitor::Cva => of_row == Monitor::Cva,
            Monitor::Multiway => course.is_some(),
        };
        let value = |statistic: Statistic| match (course, statistic.monitor()) {
            (Some(distances), Monitor::Multiway) => distances[statistic.source()],
            (None, Monitor::Multiway) => 0.0,
            _ => online.smoothed[statistic.ix()],
        };
        let limit = |statistic: Statistic| self.limit(statistic) * online.scale;
        let ratio = |statistic: Statistic| value(statistic) / limit(statistic);
        let judging = Statistic::of(of_row).chain(Statistic::of(Monitor::Multiway)).filter(known);
        let leads = judging
            .max_by(|a, b| ratio(*a).total_cmp(&ratio(*b)))
            .expect("each monitor has statistics");
        let judge = leads.monitor();
        let statistics = Statistic::ALL.into_iter().filter(known);
        Score {
            statistics: statistics.map(|one| (one, value(one), limit(one))).collect(),
            judge,
            score: judged.map(|()| ratio(leads)),
            coverage,
            uncertain: coverage < CERTAIN,
            leads,
        }
    }

    /// The columns of the table that carry the statistic that leads, with their shares (which sum to
    /// 1), greatest first: each one's smoothed contribution beyond what it has in control.
    #[must_use]
    pub fn contributions(&self, online: &Online) -> Vec<(usize, f64)> {
        let leads = self.verdict(online, None, 1.0).leads;
        let of_course;
        let (parts, usual) = match (&self.multiway, &online.along) {
            (Some(multiway), Some(along)) if leads.monitor() == Monitor::Multiway => {
                of_course = multiway.parts(along, leads.source()).to_vec();
                (&of_course, 0.0)
            }
            _ => (&online.parts[leads.ix()], 1.0),
        };
        let excess: Vec<f64> = parts.iter().map(|part| (part - usual).max(0.0)).collect();
        let excess = if excess.iter().sum::<f64>() > 0.0 { &excess } else { parts };
        let sum: f64 = excess.iter().sum();
        if sum <= 0.0 {
            return Vec::new();
        }
        let mut shares: Vec<(usize, f64)> =
            self.used.iter().copied().zip(excess.iter().map(|part| part / sum)).collect();
        shares.sort_by(|a, b| b.1.total_cmp(&a.1));
        shares.retain(|(_, share)| *share > 0.0);
        shares
    }

    /// The columns of the table that are further from what the others tell of them than in control, the furthest
    /// first: those that moved first, as far as a model can tell.
    #[must_use]
    pub fn moved(&self, online: &Online) -> Vec<Moved> {
        self.further_than(online, 1.0)
    }

    /// True if a score is a reason for a flag: something that moved, or what carries the score, is beyond its guard band,
    /// or nothing is known of what moves. `guard` gives that of a column.
    #[must_use]
    pub fn passes_guards(&self, online: &Online, guard: impl Fn(usize) -> Guard) -> bool {
        if (0..self.header.columns.len()).all(|column| guard(column) == Guard::default()) {
            return true;
        }
        let leads = self.contributions(online).first().map(|(column, _)| *column);
        let passes = |one: &Moved| {
            // What carries the score need not have moved by itself: others may go together where none is far out.
            (one.ratio >= 1.0 || Some(one.column) == leads)
                && guard(one.column).is_passed_by(one.value - one.expected)
        };
        let all = self.furthest(online);
        all.is_empty() || all.iter().any(passes)
    }

    /// The columns that are furthest from what the others tell of them, however far that is.
    #[must_use]
    pub fn furthest(&self, online: &Online) -> Vec<Moved> {
        self.further_than(online, 0.0)
    }

    fn further_than(&self, online: &Online, least: f64) -> Vec<Moved> {
        let told = |movers: &Movers| movers.told(&online.moving, least, (&self.pca, &self.used));
        self.movers.as_ref().map_or_else(Vec::new, told)
    }

    /// What the model says by now: of the last row, or of the last one that it could judge. `None` before it judged
    /// one of this batch.
    #[must_use]
    pub fn standing(&self, online: &Online) -> Option<Score> {
        // The first row that is judged moves what is smoothed from its start.
        let mut pairs = online.smoothed.iter().zip(&self.start);
        let has_judged = pairs.any(|(now, start)| now.to_bits() != start.to_bits());
        has_judged.then(|| self.verdict(online, Some(()), 1.0))
    }

    /// The artifact: JSON with a version, which gives the same model back to the bit.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        serde_json::to_vec(&Artifact { onspec_model: ARTIFACT_VERSION, model: self })
            .expect("a model has only finite numbers and text keys")
    }

    /// Reads an artifact and checks it as if a person had written it.
    ///
    /// # Errors
    /// When it is none, is of another version, or its numbers contradict each other.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, ArtifactError> {
        let version: Artifact<serde::de::IgnoredAny> = serde_json::from_slice(bytes)?;
        if version.onspec_model != ARTIFACT_VERSION {
            return Err(ArtifactError::Version { found: version.onspec_model });
        }
        let artifact: Artifact<Self> = serde_json::from_slice(bytes)?;
        let mut model = artifact.model;
        model.check()?;
        model.pca.prepare();
        let prepared = model.movers.as_mut().map(|movers| movers.prepare(&model.pca));
        if prepared.is_some_and(|done| done.is_err()) {
            return Err(ArtifactError::Invalid("the correlation matrix cannot be inverted"));
        }
        Ok(model)
    }

    fn check(&self) -> Result<(), ArtifactError> {
        let invalid = |what| Err(ArtifactError::Invalid(what));
        let (p, a) = self.pca.loadings.dim();
        if self.used.len() != p || self.pca.mean.len() != p || self.pca.sd.len() != p {
            return invalid("columns, means, deviations and loadings have different numbers");
        }
        if self.pca.correlation.dim() != (p, p) || self.pca.eigenvalues.len() != p {
            return invalid(
                "the correlation matrix or the eigenvalues have another number of columns",
            );
        }
        if a == 0 || a > p || self.header.components != a {
            return invalid("the number of components is not that of the loadings");
        }
        if self.used.iter().any(|ix| *ix >= self.header.columns.len()) {
            return invalid("a column is used that is not there");
        }
        let numbers = self.pca.mean.iter().chain(&self.pca.sd).chain(&self.pca.loadings);
        let numbers = numbers.chain(&self.pca.correlation).chain(&self.pca.eigenvalues);
        if numbers.chain(&self.start).any(|v| !v.is_finite()) {
            return invalid("a number is not finite");
        }
        if self.limits.iter().chain(&self.pca.sd).any(|v| !(*v > 0.0 && v.is_finite())) {
            return invalid("a limit or a deviation is not above zero");
        }
        if !self.weights.are_sound() || self.every == 0 {
            return invalid("a weight of smoothing is not between zero and one");
        }
        if self.cva.as_ref().is_some_and(|cva| !cva.is_sound(p)) {
            return invalid("the numbers of the dynamic monitor do not fit together");
        }
        if self.pca.eigenvalues[..a].iter().any(|l| *l <= 0.0) {
            return invalid("an eigenvalue of a component is not above zero");
        }
        if !self.header.calibration.is_sound() {
            return invalid("the rate, factor or maxima of the calibration cannot be");
        }
        if self.multiway.as_ref().is_some_and(|multiway| !multiway.is_sound(p)) {
            return invalid("the numbers of the recipe do not fit together");
        }
        if self.movers.as_ref().is_some_and(|movers| !movers.are_sound(p)) {
            return invalid("the precisions, limits or weights of what moves first cannot be");
        }
        if !self.lags.are_sound(&self.used) {
            return invalid("a change is taken of a column that is not used, or over no time");
        }
        if !self.ties.are_sound(p) {
            return invalid("a tie between tags names a column that is not there, or has no limit");
        }
        Ok(())
    }
}

/// A share in per cent with so many decimals; with more where they would show nothing.
fn percent(share: f64, decimals: usize) -> String {
    let share = share * 100.0;
    let shown =
        (decimals..12).find(|n| share >= 0.5 * 10.0_f64.powi(-i32::try_from(*n).unwrap_or(12)));
    format!("{share:.*}", shown.unwrap_or(decimals))
}

fn smooth(parts: &mut [f64], new: &Array1<f64>, weight: f64) {
    for (part, new) in parts.iter_mut().zip(new) {
        *part += weight * (new - *part);
    }
}

#[cfg(test)]
mod tests;

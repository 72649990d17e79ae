//! A fitted, calibrated model; what it says of a row; its artifact.

use super::calibrate::{self, Calibration};
use super::pca::{Components, Gain, Pca, Statistics};
use super::peers::{Peers, Word};
use super::screen::{Dropped, FitError, Screened, screen};
use super::ties::Ties;
use super::{FitSpec, Table};
use crate::reading::{Count, Timestamp};
use ndarray::{Array1, ArrayView1, Axis};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// The form of artifacts; another number is refused.
const ARTIFACT_VERSION: u32 = 1;

/// Folds of the calibration, at most.
const FOLDS: usize = 10;

/// The time constant of the smoothing of the statistics, s, and the range of its weight: a frame of
/// many seconds is smooth by itself, one of milliseconds would never forget.
const SMOOTHING_S: f64 = 60.0;
const SMOOTHING: (f64, f64) = (0.02, 0.3);

/// The stretch of a recording that stands in for a batch where none is told, s.
const STRETCH_S: f64 = 1800.0;

/// With less than this share of the weight the score is uncertain, or none.
const CERTAIN: f64 = 0.8;
const JUDGED: f64 = 0.6;

/// What is known about a model without its numbers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Header {
    /// `pca`.
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
    /// What was asked for.
    pub spec: FitSpec,
    /// How the limits were found.
    pub calibration: Calibration,
}

/// A fitted, calibrated model. It never changes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Model {
    header: Header,
    /// The positions of the columns used, in the table's columns.
    used: Vec<usize>,
    pca: Pca,
    /// The weight of a new frame in the smoothed statistics.
    smoothing: f64,
    /// What ties the columns used to each other.
    #[serde(default)]
    ties: Ties,
}

/// Which statistic leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Statistic {
    /// The distance within the model: known relations, unusually far out.
    T2,
    /// The distance from the model: relations between tags broke.
    Spe,
}

impl Statistic {
    /// The word of the contract.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::T2 => "t2",
            Self::Spe => "spe",
        }
    }
}

/// What moves while a model judges: the smoothed statistics and contributions. A batch begins with
/// a new one ([`Model::start`]).
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Online {
    t2: f64,
    spe: f64,
    t2_parts: Vec<f64>,
    spe_parts: Vec<f64>,
    /// The last pattern of holes; made again when it is missed.
    #[serde(skip)]
    gain: Option<Gain>,
}

impl PartialEq for Online {
    /// The pattern kept is no state: it follows from the row.
    fn eq(&self, other: &Self) -> bool {
        (self.t2, self.spe, &self.t2_parts, &self.spe_parts)
            == (other.t2, other.spe, &other.t2_parts, &other.spe_parts)
    }
}

/// What a model says of a row.
#[derive(Debug, Clone, PartialEq)]
pub struct Score {
    /// T², smoothed.
    pub t2: f64,
    /// Its limit.
    pub t2_limit: f64,
    /// SPE, smoothed, in squared standard deviations.
    pub spe: f64,
    /// Its limit.
    pub spe_limit: f64,
    /// The greater ratio of a statistic to its limit: 1.0 is the limit that the budget as a whole
    /// allows. `None` if too little of the row is there.
    pub score: Option<f64>,
    /// The share of the model's weight that is there, 0–1.
    pub coverage: f64,
    /// True if more than a fifth of the weight is missing.
    pub uncertain: bool,
    /// The statistic with the greater ratio.
    pub leads: Statistic,
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

/// Fits a model and calibrates it on blocks that it was not fitted on.
///
/// # Errors
/// When too few columns, rows or blocks can be used: with the counts.
pub fn fit(table: &Table, spec: &FitSpec) -> Result<Model, FitError> {
    if spec.batches && table.left_out > 0 && table.blocks.len() < 2 {
        let (have, left_out) = (table.blocks.len(), table.left_out);
        return Err(FitError::TooFewBlocks { have, left_out });
    }
    let screened = screen(table)?;
    let least = screened.columns.iter().map(|ix| {
        let name = &table.columns[*ix];
        spec.least_sd.get(name).copied().unwrap_or(0.0)
    });
    let least = Array1::from_iter(least);
    let components = Components::Parallel(spec.seed);
    let pca = Pca::fit(screened.rows.view(), components, least.view())?;
    let smoothing = (spec.frame.as_secs_f64() / SMOOTHING_S).clamp(SMOOTHING.0, SMOOTHING.1);
    let (rate, per_batch) = calibrate::rate(spec.budget, spec.frame.as_secs_f64());
    let folds = folds(&screened, spec.batches);
    if folds.len() < 2 {
        let have = screened.blocks.len();
        return Err(FitError::TooFewBlocks { have, left_out: table.left_out });
    }
    let mut frames = Vec::with_capacity(screened.rows.nrows());
    let mut maxima = Vec::new();
    // A budget in batches for a recording that tells none: stretches stand in for them.
    let stretch = if spec.batches { usize::MAX } else { frames_in(STRETCH_S, spec) };
    for held_out in &folds {
        let rest: Vec<usize> = (0..screened.rows.nrows())
            .filter(|ix| !held_out.iter().any(|(begin, end)| (*begin..*end).contains(ix)))
            .collect();
        let rest = screened.rows.select(Axis(0), &rest);
        let fold = Pca::fit(rest.view(), Components::Fixed(pca.components()), least.view())?;
        for (begin, end) in held_out {
            let ratios = held_out_ratios(&fold, &screened, (*begin, *end), smoothing);
            let stretches =
                ratios.chunks(stretch).filter(|s| spec.batches || 2 * s.len() > stretch);
            maxima.extend(stretches.filter_map(|s| s.iter().copied().reduce(f64::max)));
            frames.extend(ratios);
        }
    }
    let calibration = match (per_batch, maxima.len()) {
        (true, 2..) => calibrate::by_batches(&maxima, rate, spec.seed),
        (true, _) => calibrate::by_frames_for_batches(&frames, rate, frames_in(STRETCH_S, spec)),
        (false, _) => calibrate::by_frames(&frames, rate),
    };
    let set = spec.least_sd.keys().map(|name| &**name).collect();
    let seconds = spec.frame.as_secs_f64();
    let ties = Ties::fit(&screened, &table.columns, seconds, &spec.ties, &set);
    Ok(Model {
        header: Header {
            kind: "pca".into(),
            onspec: env!("CARGO_PKG_VERSION").into(),
            columns: table.columns.clone(),
            dropped: screened.dropped,
            rows: pca.rows,
            blocks: screened.blocks.len(),
            left_out: table.left_out,
            components: pca.components(),
            explained: pca.explained(),
            spec: spec.clone(),
            calibration,
        },
        used: screened.columns,
        pca,
        smoothing,
        ties,
    })
}

/// Which blocks are held out together. Batches are kept whole; a recording without batches is cut
/// into as many contiguous stretches.
fn folds(screened: &Screened, batches: bool) -> Vec<Vec<(usize, usize)>> {
    if batches {
        let k = FOLDS.min(screened.blocks.len());
        let fold = |ix| screened.blocks.iter().copied().skip(ix).step_by(k.max(1)).collect();
        return (0..k).map(fold).collect();
    }
    let n = screened.rows.nrows();
    let bounds: Vec<usize> = (0..=FOLDS).map(|ix| ix * n / FOLDS).collect();
    bounds.windows(2).map(|pair| vec![(pair[0], pair[1])]).collect()
}

/// The smoothed statistics of a held-out block over their theoretical limits, the greater of the two.
fn held_out_ratios(
    fold: &Pca,
    screened: &Screened,
    block: (usize, usize),
    smoothing: f64,
) -> Vec<f64> {
    let mut online = Smoothed::start(fold);
    (block.0..block.1)
        .map(|ix| {
            let statistics = fold.statistics(screened.rows.row(ix));
            online.take(statistics.t2, statistics.spe, smoothing);
            (online.t2 / fold.t2_scale).max(online.spe / fold.spe_scale)
        })
        .collect()
}

/// The smoothed statistics: exponentially weighted means of the *statistics*, which begin at their
/// means in control. (Smoothing the data instead breaks the calibration of autocorrelated data.)
struct Smoothed {
    t2: f64,
    spe: f64,
}

impl Smoothed {
    #[expect(clippy::cast_precision_loss, reason = "components are few")]
    fn start(pca: &Pca) -> Self {
        Self { t2: pca.components() as f64, spe: pca.mean_spe() }
    }

    fn take(&mut self, t2: f64, spe: f64, weight: f64) {
        self.t2 += weight * (t2 - self.t2);
        self.spe += weight * (spe - self.spe);
    }
}

impl Model {
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

    /// Its kind: `pca`.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        "pca"
    }

    /// The columns of the table it was fitted on; a row to judge has a value for each.
    #[must_use]
    pub fn columns(&self) -> &[Arc<str>] {
        &self.header.columns
    }

    /// One line for people.
    #[must_use]
    pub fn summary(&self) -> String {
        let header = &self.header;
        let calibration = &header.calibration;
        let provisional = if calibration.provisional {
            format!(
                ", limits provisional ({} of {} {}: the rate of false flags may be {} to {} %)",
                calibration.n,
                calibration.needed,
                calibration.unit,
                percent(calibration.rate_range.0, 2),
                percent(calibration.rate_range.1, 1)
            )
        } else {
            String::new()
        };
        let of = if header.spec.batches {
            format!("{} frames of {} batches", header.rows, header.blocks)
        } else {
            format!("{} frames", header.rows)
        };
        let left_out = match (header.left_out, header.spec.batches) {
            (0, _) => String::new(),
            (n, true) => format!(" ({n} older batches had no room)"),
            (n, false) => format!(" ({n} older frames had no room)"),
        };
        format!(
            "pca of {}, {} ({:.0} %), {of}{left_out}{provisional}",
            Count(self.used.len(), "tag"),
            Count(header.components, "component"),
            header.explained * 100.0,
        )
    }

    /// The limit of T².
    #[must_use]
    pub fn t2_limit(&self) -> f64 {
        self.pca.t2_scale * self.header.calibration.factor
    }

    /// The limit of SPE.
    #[must_use]
    pub fn spe_limit(&self) -> f64 {
        self.pca.spe_scale * self.header.calibration.factor
    }

    /// The online state at the begin of a batch.
    #[must_use]
    pub fn start(&self) -> Online {
        let smoothed = Smoothed::start(&self.pca);
        let ones = vec![1.0; self.used.len()];
        Online {
            t2: smoothed.t2,
            spe: smoothed.spe,
            t2_parts: ones.clone(),
            spe_parts: ones,
            gain: None,
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
        let row = self.used.iter().map(|ix| values.get(*ix).copied().unwrap_or(f64::NAN));
        let row = Array1::from_iter(row);
        let Some((statistics, coverage)) = self.statistics(row.view(), online) else {
            return self.verdict(online, None, 0.0);
        };
        if coverage < JUDGED {
            return self.verdict(online, None, coverage);
        }
        let mut smoothed = Smoothed { t2: online.t2, spe: online.spe };
        smoothed.take(statistics.t2, statistics.spe, self.smoothing);
        (online.t2, online.spe) = (smoothed.t2, smoothed.spe);
        smooth(&mut online.t2_parts, &self.pca.t2_parts(&statistics), self.smoothing);
        smooth(&mut online.spe_parts, &self.pca.spe_parts(&statistics), self.smoothing);
        self.verdict(online, Some(()), coverage)
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
        let (t2, spe) = (online.t2 / self.t2_limit(), online.spe / self.spe_limit());
        Score {
            t2: online.t2,
            t2_limit: self.t2_limit(),
            spe: online.spe,
            spe_limit: self.spe_limit(),
            score: judged.map(|()| t2.max(spe)),
            coverage,
            uncertain: coverage < CERTAIN,
            leads: if t2 > spe { Statistic::T2 } else { Statistic::Spe },
        }
    }

    /// The columns of the table that carry the statistic that leads, with their shares (which sum to
    /// 1), greatest first: each one's smoothed contribution beyond what it has in control.
    #[must_use]
    pub fn contributions(&self, online: &Online) -> Vec<(usize, f64)> {
        let parts = match self.verdict(online, None, 1.0).leads {
            Statistic::T2 => &online.t2_parts,
            Statistic::Spe => &online.spe_parts,
        };
        let excess: Vec<f64> = parts.iter().map(|part| (part - 1.0).max(0.0)).collect();
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
        artifact.model.check()?;
        Ok(artifact.model)
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
        if numbers.chain([&self.smoothing]).any(|v| !v.is_finite()) {
            return invalid("a number is not finite");
        }
        let positive = [self.t2_limit(), self.spe_limit(), self.smoothing];
        if positive.iter().chain(&self.pca.sd).any(|v| !(*v > 0.0 && v.is_finite())) {
            return invalid("a limit, a deviation or the smoothing is not above zero");
        }
        if self.pca.eigenvalues[..a].iter().any(|l| *l <= 0.0) {
            return invalid("an eigenvalue of a component is not above zero");
        }
        if !self.ties.are_sound(p) {
            return invalid("a tie between tags names a column that is not there, or has no limit");
        }
        Ok(())
    }
}

/// A share in per cent with so many decimals; with more where they would show nothing.
fn percent(share: f64, decimals: usize) -> String {
    let decimals = if share < 1e-4 { 5 } else { decimals };
    format!("{:.decimals$}", share * 100.0)
}

/// The frames in so many seconds, at least one.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count of frames")]
fn frames_in(seconds: f64, spec: &FitSpec) -> usize {
    (seconds / spec.frame.as_secs_f64()).round().max(1.0) as usize
}

fn smooth(parts: &mut [f64], new: &Array1<f64>, weight: f64) {
    for (part, new) in parts.iter_mut().zip(new) {
        *part += weight * (new - *part);
    }
}

#[cfg(test)]
mod tests;

//! Whose error it is that ties are broken (fault isolation by reconstruction: Dunia, Qin, Edgar and McAvoy 1996).
//!
//! For each tag its error is estimated, and taken out of the residuals. Whose error leaves nothing broken explains what is
//! broken. Of several that do, the one is suspected with the least deviance (−2 log likelihood): what its error leaves of
//! the residuals, and how odd a move it would be that the tag made without it ([`History::deviance`]).
//! A tag without a tie of its own may be the one as well. It is not accused: an operator's move and its error are the same
//! numbers. But nobody is accused in its place.

use super::Peers;
use super::course::{Course, Minute, QUICK, SMOOTHINGS, Untied};
use super::history::History;
use crate::models::ties::{Tie, Ties};
use std::collections::{BTreeSet, VecDeque};

/// A tie is broken beyond this share of its limit: to leave a tag out for a while costs little.
const BROKEN: f64 = 0.6;

/// With the suspect's error taken out, no residual is above this share of its limit. It is more than [`BROKEN`]: a tie
/// that is broken by little needs no explanation.
const EXPLAINED: f64 = 0.8;

/// The deviance of a residual at its limit: a limit is more than four standard deviations of what it limits.
const AT_LIMIT: f64 = 20.0;

/// It is clear who it is when the next one's deviance is so much more: e times as likely.
const CLEAR: f64 = 2.0;

/// The error of a tag by the ties that it has a part in.
#[derive(Debug, Clone, Copy)]
pub(super) struct Estimate {
    /// Its size by each smoothing, in standard deviations of the tag.
    pub(super) size: [f64; SMOOTHINGS],
    /// Of the residuals of these ties, the largest, each in its limits.
    pub(super) worst: [f64; SMOOTHINGS],
}

/// The ties at one instant.
pub(super) struct Evidence<'a> {
    ties: &'a Ties,
    courses: &'a [Course],
    untied: &'a [Untied],
    minutes: &'a VecDeque<Minute>,
    /// For each column whether its sensor stands accused.
    accused: Vec<bool>,
}

impl<'a> Evidence<'a> {
    pub(super) fn new(ties: &'a Ties, peers: &'a Peers) -> Self {
        let mut accused = vec![false; ties.columns()];
        for (tie, course) in ties.all.iter().zip(&peers.courses) {
            accused[tie.column] |= course.standing.is_accused();
        }
        let Peers { courses, untied, minutes, .. } = peers;
        Self { ties, courses, untied, minutes, accused }
    }

    fn tie(&self, ix: usize) -> (&Tie, &Course) {
        (&self.ties.all[ix], &self.courses[ix])
    }

    /// True if a tie says something: all its tags are there, and none, but for this one, is accused.
    fn is_open(&self, ix: usize, but: Option<usize>) -> bool {
        let (tie, course) = self.tie(ix);
        course.is_whole && !tie.columns().any(|column| Some(column) != but && self.accused[column])
    }

    /// The ties that a tag has a part in and that say something, and what an error of one makes of their residuals.
    fn parts(&self, column: usize) -> Vec<(usize, f64)> {
        let part = |ix: usize| {
            let part = self.ties.all[ix].part_of(column)?;
            self.is_open(ix, Some(column)).then_some((ix, part))
        };
        (0..self.ties.all.len()).filter_map(part).collect()
    }

    /// Weighted least squares of one error from residuals: Σ pr/l² / Σ p²/l², p being the parts and l the limits.
    /// `None` where no residual is known.
    fn least_squares(
        &self,
        parts: &[(usize, f64)],
        smoothing: usize,
        residual: impl Fn(usize) -> Option<f64>,
    ) -> Option<f64> {
        let (mut along, mut size) = (0.0, 0.0);
        for (ix, part) in parts {
            let Some(r) = residual(*ix) else { continue };
            let (tie, course) = self.tie(*ix);
            let limit = course.limits(tie)[smoothing];
            along += part * r / (limit * limit);
            size += part * part / (limit * limit);
        }
        (size > 0.0).then_some(along / size)
    }

    /// What the error of a tag would have to be. `None` where no tie says anything of it.
    pub(super) fn error(&self, column: usize) -> Option<Estimate> {
        let parts = self.parts(column);
        (!parts.is_empty()).then(|| self.error_by(&parts))
    }

    fn error_by(&self, parts: &[(usize, f64)]) -> Estimate {
        let size = |smoothing: usize| {
            let residual = |ix: usize| Some(self.courses[ix].residuals()[smoothing]);
            self.least_squares(parts, smoothing, residual).unwrap_or_default()
        };
        let mut worst = [0.0_f64; SMOOTHINGS];
        for (ix, _) in parts {
            let (tie, course) = self.tie(*ix);
            let ratios = course.ratios(tie, course.residuals());
            worst.iter_mut().zip(ratios).for_each(|(worst, ratio)| *worst = worst.max(ratio));
        }
        Estimate { size: [0, 1, 2].map(size), worst }
    }

    /// The error of a tag, and its deviation, over the newest minutes.
    pub(super) fn history(&self, column: usize) -> History {
        self.history_by(column, &self.parts(column))
    }

    fn history_by(&self, column: usize, parts: &[(usize, f64)]) -> History {
        let own = self.ties.all.iter().position(|tie| tie.column == column);
        let untied = self.untied.iter().position(|untied| untied.column == column);
        let of = |minute: &Minute| {
            let tie = |ix: usize| minute.ties.get(ix).copied().flatten();
            let error = self.least_squares(parts, QUICK, |ix| tie(ix).map(|(r, _)| r))?;
            let deviation = match own {
                Some(ix) => tie(ix).map(|(_, deviation)| deviation),
                None => untied.and_then(|ix| minute.untied.get(ix).copied().flatten()),
            };
            Some((minute.at, error, deviation?))
        };
        History::new(self.minutes.iter().filter_map(of))
    }

    /// Of each group of ties that have tags in common, by themselves or over others, the tag whose error explains what is
    /// broken, and best; and whether it does so clearly better than that of any other.
    pub(super) fn suspects(&self) -> Vec<(usize, bool)> {
        let mut groups: Vec<(BTreeSet<usize>, Vec<usize>)> = Vec::new();
        for ix in (0..self.ties.all.len()).filter(|ix| self.is_open(*ix, None)) {
            let (mut columns, mut ties) = (self.ties.all[ix].columns().collect(), vec![ix]);
            groups.retain(|(of, with)| {
                let apart = of.is_disjoint(&columns);
                if !apart {
                    columns.extend(of);
                    ties.extend(with);
                }
                apart
            });
            groups.push((columns, ties));
        }
        groups.iter().filter_map(|(_, open)| self.suspect(open)).collect()
    }

    /// The suspect of the ties of a group.
    fn suspect(&self, open: &[usize]) -> Option<(usize, bool)> {
        let worst = |ix: usize, residuals: [f64; SMOOTHINGS]| {
            let (tie, course) = self.tie(ix);
            course.ratios(tie, residuals).into_iter().fold(0.0, f64::max)
        };
        let broken = |ix: &&usize| worst(**ix, self.courses[**ix].residuals()) > BROKEN;
        let candidates: BTreeSet<usize> =
            open.iter().filter(broken).flat_map(|ix| self.ties.all[*ix].columns()).collect();
        let deviance = |candidate: usize| {
            let parts = self.parts(candidate);
            let error = self.error_by(&parts);
            let mut part_in = vec![0.0; self.ties.all.len()];
            for (ix, part) in &parts {
                part_in[*ix] = *part;
            }
            let mut left = 0.0;
            for ix in open.iter().copied() {
                let mut residuals = self.courses[ix].residuals();
                residuals.iter_mut().zip(error.size).for_each(|(r, e)| *r -= part_in[ix] * e);
                let worst = worst(ix, residuals);
                if worst > EXPLAINED {
                    return None;
                }
                left += worst * worst;
            }
            Some(AT_LIMIT * left + self.history_by(candidate, &parts).deviance())
        };
        let mut explain: Vec<(f64, usize)> =
            candidates.into_iter().filter_map(|column| Some((deviance(column)?, column))).collect();
        explain.sort_by(|a, b| a.0.total_cmp(&b.0));
        let (least, column) = *explain.first()?;
        let clear = explain.get(1).is_none_or(|(next, _)| *next >= least + CLEAR);
        Some((column, clear && !self.is_extrapolated(column)))
    }

    /// True if one of the others in a tag's open ties is far from where it ever was: there nobody knows what it says of the
    /// tag. (What an accused one reads is no place where the plant is.)
    fn is_extrapolated(&self, column: usize) -> bool {
        let parts = self.parts(column);
        let mut others: BTreeSet<usize> =
            parts.iter().flat_map(|(ix, _)| self.ties.all[*ix].columns()).collect();
        others.remove(&column);
        let is_far = |(tie, course): (&Tie, &Course)| {
            let deviation = course.deviation().filter(|_| others.contains(&tie.column));
            deviation.is_some_and(|deviation| tie.is_far(deviation))
        };
        self.ties.all.iter().zip(self.courses).any(is_far)
    }
}

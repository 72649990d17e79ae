//! What of a scan is paper: in the order of domain practice first the ends and the range, then what is far
//! from the value aimed at, then single spikes.

use super::{median, robust_sd};
use crate::plant::Profile;

/// What is further from the value aimed at than this share of it is no paper.
const FAR: f64 = 0.5;

/// A box that is so many robust standard deviations from the median of the five about it is a spike, and so
/// many boxes wide at most.
const SPIKE: f64 = 6.0;
const SPIKE_BOXES: usize = 3;

/// Below this share of valid boxes a scan is not enough to judge by.
const ENOUGH: f64 = 0.8;

/// No quantity is larger, and the square of this is still a number.
const LARGEST: f64 = 1e30;

/// A scan with what is no paper left out.
#[derive(Debug, Clone, PartialEq)]
pub struct Cleaned {
    /// A value for each box; NaN where it is not valid.
    pub values: Vec<f64>,
    /// The first and the last box of the sheet, before those at the edges were left out.
    pub sheet: Option<(usize, usize)>,
    /// Boxes that are spikes: what stands there in the next scan as well is none.
    pub spikes: Vec<usize>,
    /// The share of valid boxes between the edges, 0–1.
    pub valid: f64,
}

impl Cleaned {
    /// True if there is enough to judge by.
    #[must_use]
    pub fn is_enough(&self) -> bool {
        self.valid >= ENOUGH
    }

    /// The boxes of the sheet.
    #[must_use]
    pub fn width(&self) -> Option<usize> {
        self.sheet.map(|(first, last)| last + 1 - first)
    }
}

/// Cleans a scan; `before` are the spikes of the scan before it, in rising order.
#[must_use]
pub fn clean(values: &[f64], declared: &Profile, before: &[usize]) -> Cleaned {
    let in_range = |value: &f64| {
        value.abs() <= LARGEST
            && declared.range.is_none_or(|(low, high)| (low..=high).contains(value))
    };
    // Of a narrow sheet most boxes may say 0: those see none.
    let usual = declared.target.or_else(|| {
        let sees = |value: &f64| in_range(value) && *value != 0.0;
        let mut present: Vec<f64> = values.iter().copied().filter(sees).collect();
        median(&mut present)
    });
    let is_paper = |value: &f64| {
        in_range(value) && usual.is_some_and(|usual| (value - usual).abs() <= FAR * usual.abs())
    };
    let mut values: Vec<f64> =
        values.iter().map(|value| if is_paper(value) { *value } else { f64::NAN }).collect();
    let first = values.iter().position(|value| !value.is_nan());
    let last = values.iter().rposition(|value| !value.is_nan());
    let sheet = first.zip(last);
    let edge = usize::try_from(declared.edge).unwrap_or(usize::MAX);
    let Some((begin, end)) = sheet
        .map(|(first, last)| (first.saturating_add(edge), (last + 1).saturating_sub(edge)))
        .filter(|(begin, end)| begin < end)
    else {
        values.fill(f64::NAN);
        return Cleaned { values, sheet, spikes: Vec::new(), valid: 0.0 };
    };
    values[..begin].fill(f64::NAN);
    values[end..].fill(f64::NAN);
    let found = spikes(&values[begin..end]);
    let spikes: Vec<usize> = found.into_iter().map(|ix| begin + ix).collect();
    for ix in &spikes {
        if before.binary_search(ix).is_err() {
            values[*ix] = f64::NAN;
        }
    }
    let counted = values[begin..end].iter().filter(|value| !value.is_nan()).count();
    let valid = share(counted, end - begin);
    Cleaned { values, sheet, spikes, valid }
}

/// The boxes that stand apart from the five about them, in groups of three at most.
fn spikes(values: &[f64]) -> Vec<usize> {
    let away: Vec<f64> = (0..values.len())
        .map(|ix| {
            let about = ix.saturating_sub(2)..(ix + 3).min(values.len());
            let mut near: Vec<f64> =
                values[about].iter().copied().filter(|value| !value.is_nan()).collect();
            median(&mut near).map_or(f64::NAN, |middle| values[ix] - middle)
        })
        .collect();
    // Most boxes of a smooth profile are the median of their neighbours: the others tell the spread.
    let Some(sd) = robust_sd(away.iter().copied().filter(|away| *away != 0.0)) else {
        return Vec::new();
    };
    let stands_apart = |ix: &usize| away[*ix].abs() > SPIKE * sd;
    let mut spikes: Vec<usize> = Vec::new();
    let mut ix = 0;
    while ix < away.len() {
        let group = (ix..away.len()).take_while(stands_apart).count();
        if (1..=SPIKE_BOXES).contains(&group) {
            spikes.extend(ix..ix + group);
        }
        ix += group.max(1);
    }
    spikes
}

#[expect(clippy::cast_precision_loss, reason = "boxes, fewer than 2^53")]
fn share(part: usize, whole: usize) -> f64 {
    part as f64 / whole as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(values: &[f64], declared: &Profile, valid: &[usize]) {
        let cleaned = clean(values, declared, &[]);
        let found: Vec<usize> =
            (0..values.len()).filter(|ix| !cleaned.values[*ix].is_nan()).collect();
        assert_eq!(found, valid, "{cleaned:?}");
    }

    #[test]
    fn what_is_no_paper_is_left_out() {
        let near = |ix: usize| 15.0 + [0.1, -0.1, 0.05, -0.05][ix % 4];
        let mut values: Vec<f64> = (0..20).map(near).collect();
        // Off the sheet on both sides, zero and a sentinel; a box that its scanner calls invalid.
        values[0] = 0.0;
        values[19] = -9999.0;
        values[10] = f64::NAN;
        let expected: Vec<usize> = (3..17).filter(|ix| *ix != 10).collect();
        check(&values, &Profile::named("weight"), &expected);
        // Two boxes wide, far out: a spike. Four wide: a part of the profile.
        let one = Profile { edge: 0, ..Profile::named("weight") };
        let mut values: Vec<f64> = (0..20).map(near).collect();
        values[7] = 19.0;
        values[8] = 19.5;
        check(&values, &one, &(0..20).filter(|ix| !(7..9).contains(ix)).collect::<Vec<_>>());
        // What was there in the scan before is none.
        assert!(!clean(&values, &one, &[7, 8]).values[7].is_nan());
        values[6] = 19.2;
        values[9] = 19.2;
        assert_eq!(clean(&values, &one, &[]).valid.to_string(), "1");
    }

    #[test]
    fn what_sees_no_paper_is_never_the_paper() {
        let one = Profile { edge: 0, ..Profile::named("weight") };
        let mut values = vec![0.0; 30];
        values[10..20].fill(15.0);
        check(&values, &one, &(10..20).collect::<Vec<_>>());
        check(&[0.0; 30], &one, &[]);
        // Numbers of which no sum is one.
        check(&[1e308; 30], &one, &[]);
    }

    #[test]
    fn a_scan_of_little_paper_is_not_enough() {
        let one = Profile { edge: 0, ..Profile::named("weight") };
        let mut values = vec![15.0; 10];
        values[4] = f64::NAN;
        values[5] = f64::NAN;
        assert!(clean(&values, &one, &[]).is_enough());
        values[6] = f64::NAN;
        assert!(!clean(&values, &one, &[]).is_enough());
        assert_eq!(clean(&[f64::NAN; 4], &one, &[]).sheet, None);
        assert!(!clean(&[], &one, &[]).is_enough());
        // Where nothing is aimed at, the sheet's own middle counts; else the target.
        let aimed = Profile { target: Some(40.0), ..one };
        assert_eq!(clean(&values, &aimed, &[]).valid.to_string(), "0");
    }
}

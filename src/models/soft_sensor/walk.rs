//! Forward in time: what each sample would have been foretold as, from what was known when it was made.

use super::super::calibrate::count;
use super::pls::Pls;
use super::scales::{BELIEVED, FARTHEST, Scales};
use super::trust::Trust;
use super::{COMPONENTS_MAX, Sample, SoftSensorError, median, moments, spread};
use crate::reading::Timestamp;
use ndarray::Array1;

/// The share of the samples that are there at the first step, and how many at the least.
const FIRST: f64 = 0.4;
const FIRST_AT_LEAST: usize = 8;

/// Steps from no sample to all of them: between two of them nothing is fitted anew.
const STEPS: usize = 20;

/// The shares of an error that may go into the next prediction.
const SHARES: [f64; 7] = [0.0, 0.1, 0.2, 0.3, 0.5, 0.7, 0.9];

/// The median difference of two values of a normal distribution that follow each other, in standard deviations.
const DIFFERENCE: f64 = 0.953_872_552_417_389;

/// One error moves the bias as if it were no more than so many standard deviations off it: a slip in the laboratory
/// does not spoil the predictions after it.
const FARTHEST_ERROR: f64 = 3.0;

/// What a sample was foretold as, with so many components.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Held {
    /// The value less what was foretold, before any bias.
    pub(super) error: f64,
    pub(super) spread: f64,
    pub(super) leverage: f64,
    pub(super) spe: f64,
}

/// What was foretold of samples from earlier ones.
pub(super) struct Walk {
    /// When each of them was made and known, in order.
    times: Vec<(Timestamp, Timestamp)>,
    /// For each number of components, what they were foretold as.
    held: Vec<Vec<Held>>,
    /// The fit of each step.
    fits: Vec<Pls>,
    /// The root mean square errors of the last value known, and of the mean of those known.
    pub(super) error_of_last: f64,
    pub(super) error_of_mean: f64,
}

/// What foretells best.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Choice {
    pub(super) components: usize,
    pub(super) follower: Follower,
    /// The errors that were left, in order, and the root of their mean square.
    pub(super) errors: Vec<f64>,
    pub(super) error: f64,
    /// The bias after all of them.
    pub(super) bias: f64,
}

/// How a bias follows errors: b ← b + κ·(e − b), of which the difference counts as no more than three standard
/// deviations (a robust exponential smoothing; Gelper, Fried and Croux 2010).
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
pub(super) struct Follower {
    /// κ.
    pub(super) share: f64,
    /// The standard deviation of an error about the one before it.
    pub(super) deviation: f64,
}

impl Follower {
    pub(super) fn take(self, bias: &mut f64, error: f64) {
        let far = FARTHEST_ERROR * self.deviation;
        *bias += self.share * (error - *bias).clamp(-far, far);
    }
}

impl Walk {
    /// Goes over samples in the order in which they were made.
    pub(super) fn over(samples: &[Sample], used: &[usize]) -> Result<Self, SoftSensorError> {
        let n = samples.len();
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count")]
        let first = ((FIRST * count(n)).ceil() as usize).max(FIRST_AT_LEAST);
        let step = n.div_ceil(STEPS);
        let mut held = vec![Vec::new(); COMPONENTS_MAX + 1];
        let (mut times, mut fits) = (Vec::new(), Vec::new());
        let (mut of_last, mut of_mean) = (Vec::new(), Vec::new());
        for begin in (first..n).step_by(step) {
            let now = samples[begin].made;
            let earlier: Vec<Sample> =
                samples[..begin].iter().filter(|one| one.known <= now).cloned().collect();
            if earlier.len() < FIRST_AT_LEAST {
                continue;
            }
            let scales = Scales::of(&earlier, used)?;
            let pls = scales.fit(&earlier, used, COMPONENTS_MAX)?;
            let cut: Vec<Pls> = (0..=pls.components()).map(|ix| pls.first(ix)).collect();
            for (ix, sample) in samples.iter().enumerate().take(n.min(begin + step)).skip(begin) {
                let standardise = |farthest: f64| {
                    let z = scales.standardise(&sample.row, used, farthest);
                    z.map(|(z, _)| z).ok_or(SoftSensorError::NotSolved(used.len()))
                };
                let (z, far) = (standardise(BELIEVED)?, standardise(FARTHEST)?);
                for (components, held) in held.iter_mut().enumerate() {
                    let pls = &cut[components.min(pls.components())];
                    let scores = pls.scores(z.view());
                    let (leverage, spe) = pls.distances(far.view());
                    held.push(Held {
                        error: sample.value - scales.property - pls.predict(&scores),
                        spread: spread(pls.leverage(&scores), earlier.len()),
                        leverage,
                        spe,
                    });
                }
                times.push((sample.made, sample.known.max(sample.made)));
                let known: Vec<f64> = samples[..ix]
                    .iter()
                    .filter(|one| one.known <= sample.made)
                    .map(|one| one.value)
                    .collect();
                of_mean.push(sample.value - moments(&known).0);
                let newest = samples[..ix].iter().rfind(|one| one.known <= sample.made);
                of_last.push(newest.map_or(0.0, |newest| sample.value - newest.value));
            }
            fits.push(pls);
        }
        if times.is_empty() {
            // What was made was known too late to foretell any of the others.
            return Err(SoftSensorError::TooFewSamples { have: 0, need: FIRST_AT_LEAST });
        }
        let (error_of_last, error_of_mean) =
            (root_mean_square(of_last.into_iter()), root_mean_square(of_mean.into_iter()));
        Ok(Self { times, held, fits, error_of_last, error_of_mean })
    }

    /// The fewest components whose squared errors are within a standard error of the least (Breiman et al. 1984; of the
    /// differences, for both are of the same samples), with the share that leaves the least of them.
    pub(super) fn choice(&self) -> Choice {
        let choices: Vec<Choice> =
            (0..self.held.len()).map(|components| self.best_share(components)).collect();
        let best = choices
            .iter()
            .min_by(|a, b| a.error.total_cmp(&b.error))
            .expect("there is one without components");
        let as_good = |choice: &&Choice| {
            let pairs = choice.errors.iter().zip(&best.errors);
            let worse: Vec<f64> = pairs.map(|(a, b)| a * a - b * b).collect();
            let (mean, sd) = moments(&worse);
            mean <= sd / count(worse.len()).sqrt()
        };
        choices.iter().find(as_good).unwrap_or(best).clone()
    }

    /// What foretells best without a tag.
    pub(super) fn without(&self) -> Choice {
        self.best_share(0)
    }

    fn best_share(&self, components: usize) -> Choice {
        let held = &self.held[components];
        let steps = held.windows(2).map(|pair| (pair[1].error - pair[0].error).abs()).collect();
        let deviation = median(steps) / DIFFERENCE;
        let choices = SHARES.map(|share| {
            let follower = Follower { share, deviation };
            let (errors, bias) = self.errors(components, follower);
            let error = root_mean_square(errors.iter().copied());
            Choice { components, follower, errors, error, bias }
        });
        choices
            .into_iter()
            .min_by(|a, b| a.error.total_cmp(&b.error))
            .expect("there are some shares")
    }

    /// What is left of the errors when the bias follows those that were known, and where it is after all of them.
    fn errors(&self, components: usize, follower: Follower) -> (Vec<f64>, f64) {
        let held = &self.held[components];
        let known = self.in_order_known();
        let (mut bias, mut next) = (0.0, known.iter().peekable());
        let mut errors = Vec::with_capacity(held.len());
        for (ix, (one, (made, _))) in held.iter().zip(&self.times).enumerate() {
            // What is known as soon as it is made helps to foretell the next one, and never itself.
            let helps = |other: &&usize| **other < ix && self.times[**other].1 <= *made;
            while let Some(other) = next.next_if(helps) {
                follower.take(&mut bias, held[*other].error);
            }
            errors.push(one.error - bias);
        }
        next.for_each(|ix| follower.take(&mut bias, held[*ix].error));
        (errors, bias)
    }

    /// When the samples that were foretold were made.
    pub(super) fn made(&self) -> impl Iterator<Item = Timestamp> {
        self.times.iter().map(|(made, _)| *made)
    }

    /// How a choice is weighed against one without tags after all that was foretold, each by how it did; and what is left of
    /// their errors by these weights. Those of the walk's first steps are not of what is said from now on: while nothing was
    /// known of either, both were believed.
    /// Each is also told over its spread.
    pub(super) fn weighed(&self, tags: &Choice, without: &Choice) -> (Vec<(f64, f64)>, Trust) {
        let mut trust = Trust::start(without.error.powi(2));
        for ix in self.in_order_known() {
            trust.learn(tags.errors[ix], without.errors[ix]);
        }
        let weight = trust.weight();
        let weighed = |tags: f64, without: f64| weight * tags + (1.0 - weight) * without;
        let spreads = self.held(tags).iter().zip(self.held(without));
        let errors = tags.errors.iter().zip(&without.errors).zip(spreads);
        let told = errors.map(|((tags, without), (of_tags, of_without))| {
            let error = weighed(*tags, *without);
            (error, error / weighed(of_tags.spread, of_without.spread))
        });
        (told.collect(), trust)
    }

    /// The samples that were foretold, in the order in which their values were known.
    fn in_order_known(&self) -> Vec<usize> {
        let mut known: Vec<usize> = (0..self.times.len()).collect();
        known.sort_by_key(|ix| (self.times[*ix].1, *ix));
        known
    }

    /// What the samples were foretold as by a choice.
    pub(super) fn held(&self, choice: &Choice) -> &[Held] {
        &self.held[choice.components]
    }

    /// The coefficients of each step.
    pub(super) fn earlier(&self, components: usize) -> Vec<Array1<f64>> {
        let first = |pls: &Pls| pls.first(components.min(pls.components())).coefficients();
        self.fits.iter().map(first).collect()
    }
}

pub(super) fn root_mean_square(errors: impl ExactSizeIterator<Item = f64>) -> f64 {
    let n = errors.len().max(1);
    (errors.map(|error| error * error).sum::<f64>() / count(n)).sqrt()
}

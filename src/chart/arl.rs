//! How long a chart runs until it signals, and which limits make it run as long as is wanted.
//!
//! The mean run lengths of EWMA and CUSUM solve an integral equation, which is taken at the nodes of a
//! Gauss–Legendre quadrature (Nyström's method). Readings are normal and independent with σ = 1.

use super::normal::{Quadrature, cdf, density};

/// Nodes of the quadrature.
const NODES: u32 = 100;
/// Run lengths that can be asked for, in points.
pub const RUN_LENGTHS: std::ops::RangeInclusive<f64> = 20.0..=1e6;
/// That of limits three σ away, which others are compared with.
pub const USUAL: f64 = 370.4;
/// Rounds of a search, at most; about eight are needed.
const ROUNDS: u32 = 80;

/// The mean run length of a Shewhart chart with limits of `limit` σ after a shift by `delta` σ.
#[must_use]
pub fn shewhart(limit: f64, delta: f64) -> f64 {
    1.0 / (cdf(-limit - delta) + cdf(delta - limit))
}

/// The mean number of points until there are `k` in a row of a kind that has probability `p`:
/// (1 − pᵏ) / (pᵏ (1 − p)).
#[must_use]
pub fn in_a_row(p: f64, k: u32) -> f64 {
    let all = (0..k).fold(1.0, |product, _| product * p);
    (1.0 - all) / (all * (1.0 - p))
}

/// The mean run length of an EWMA chart that starts at its target, after a shift by `delta` σ.
///
/// `lambda` in 0…1 is the weight of the newest point, `limit` the width L of the limits in standard
/// deviations of the EWMA in the long run. With h = L √(λ / (2 − λ)):
/// ℓ(z) = 1 + (1/λ) ∫ over −h…h of ℓ(y) φ((y − (1 − λ) z) / λ − δ) dy (Crowder 1987).
#[must_use]
pub fn ewma(lambda: f64, limit: f64, delta: f64) -> f64 {
    ewma_by(&Quadrature::new(NODES), lambda, limit, delta)
}

fn ewma_by(quadrature: &Quadrature, lambda: f64, limit: f64, delta: f64) -> f64 {
    let h = limit * (lambda / (2.0 - lambda)).sqrt();
    let nodes: Vec<_> = quadrature.between(-h, h).collect();
    let kernel = |z: f64, y: f64| density((y - (1.0 - lambda) * z) / lambda - delta) / lambda;
    let matrix = nodes.iter().map(|(z, _)| nodes.iter().map(|(y, w)| w * kernel(*z, *y)).collect());
    let lengths = solve(matrix.collect());
    let at_nodes = nodes.iter().zip(&lengths);
    1.0 + at_nodes.map(|((y, weight), length)| weight * kernel(0.0, *y) * length).sum::<f64>()
}

/// The mean run length of a one-sided CUSUM that starts at `start` σ, after a shift by `delta` σ towards it.
///
/// `k` is the reference value, `h` the limit, both in σ; it signals above the limit.
/// ℓ(z) = 1 + ℓ(0) Φ(k − z − δ) + ∫ over 0…h of ℓ(y) φ(y − z + k − δ) dy (Page 1954).
#[must_use]
pub fn cusum_one_sided(k: f64, h: f64, delta: f64, start: f64) -> f64 {
    cusum_by(&Quadrature::new(NODES), k, h, delta, start)
}

fn cusum_by(quadrature: &Quadrature, k: f64, h: f64, delta: f64, start: f64) -> f64 {
    let nodes: Vec<_> = quadrature.between(0.0, h).collect();
    // The first unknown is the length from zero, where the sum rests.
    let row = |z: f64| -> Vec<f64> {
        let rests = std::iter::once(cdf(k - z - delta));
        rests.chain(nodes.iter().map(|(y, w)| w * density(y - z + k - delta))).collect()
    };
    let starts = std::iter::once(0.0).chain(nodes.iter().map(|(z, _)| *z));
    let lengths = solve(starts.map(row).collect());
    1.0 + row(start).iter().zip(&lengths).map(|(weight, length)| weight * length).sum::<f64>()
}

/// The mean run length of a two-sided CUSUM that starts at zero, after a shift by `delta` σ:
/// 1 / ARL = 1 / ARL⁺ + 1 / ARL⁻.
#[must_use]
pub fn cusum(k: f64, h: f64, delta: f64) -> f64 {
    let quadrature = Quadrature::new(NODES);
    let side = |delta| 1.0 / cusum_by(&quadrature, k, h, delta, 0.0);
    1.0 / (side(delta) + side(-delta))
}

/// The width L of the limits, in standard deviations of the EWMA, with which its chart runs for `length`
/// points in the mean while nothing has shifted; `None` unless 0.02 ≤ `lambda` ≤ 1 and the length is of
/// [`RUN_LENGTHS`].
#[must_use]
pub fn ewma_limit(lambda: f64, length: f64) -> Option<f64> {
    let quadrature = Quadrature::new(NODES);
    // With less weight the kernel is too narrow for the nodes.
    let known = (0.02..=1.0).contains(&lambda) && RUN_LENGTHS.contains(&length);
    known.then(|| search(length, |limit| ewma_by(&quadrature, lambda, limit, 0.0)))
}

/// The limit h, in σ, with which a two-sided CUSUM runs for `length` points in the mean while nothing has
/// shifted; `None` unless 0.1 ≤ `k` ≤ 2 and the length is of [`RUN_LENGTHS`], and where even a limit of
/// nothing runs longer.
#[must_use]
pub fn cusum_limit(k: f64, length: f64) -> Option<f64> {
    let quadrature = Quadrature::new(NODES);
    has_cusum(k, length).then(|| search(length, |h| two_sided(&quadrature, k, h)))
}

/// True if there is a CUSUM that runs for so long: one with a great reference value signals seldom, however low its
/// limit is.
#[must_use]
pub fn has_cusum(k: f64, length: f64) -> bool {
    let known = (0.1..=2.0).contains(&k) && RUN_LENGTHS.contains(&length);
    known && two_sided(&Quadrature::new(NODES), k, LEAST) < length
}

fn two_sided(quadrature: &Quadrature, k: f64, h: f64) -> f64 {
    0.5 * cusum_by(quadrature, k, h, 0.0, 0.0)
}

/// The least limit that is looked at, in standard deviations.
const LEAST: f64 = 0.01;

/// Where a growing function of run lengths reaches a length: false position on its logarithm, which is
/// nearly straight (the Illinois variant).
fn search(length: f64, of: impl Fn(f64) -> f64) -> f64 {
    let goal = libm::log(length);
    // Far beyond the goal the equation is singular in floating point, and its answer any number.
    let most = 1e9;
    let above = |x: f64| {
        let found = of(x);
        libm::log(if (1.0..most).contains(&found) { found } else { most }) - goal
    };
    let mut low = (LEAST, above(LEAST));
    let mut high = (1.0, above(1.0));
    for _ in 0..ROUNDS {
        if high.1 >= 0.0 {
            break;
        }
        low = high;
        high = (1.5 * low.0, above(1.5 * low.0));
    }
    for _ in 0..ROUNDS {
        let x = (low.0 * high.1 - high.0 * low.1) / (high.1 - low.1);
        let found = (x, above(x));
        if found.1.abs() < 1e-9 || high.0 - low.0 < 1e-12 {
            return x;
        }
        // A bound that stays counts half, so that the other side moves too.
        if found.1 < 0.0 {
            low = found;
            high.1 *= 0.5;
        } else {
            high = found;
            low.1 *= 0.5;
        }
    }
    0.5 * (low.0 + high.0)
}

/// Solves ℓ = 1 + M ℓ by elimination. The rows of M are chances to go on, so that 1 − M needs no pivoting.
fn solve(mut rows: Vec<Vec<f64>>) -> Vec<f64> {
    let n = rows.len();
    for (ix, row) in rows.iter_mut().enumerate() {
        for value in row.iter_mut() {
            *value = -*value;
        }
        row[ix] += 1.0;
        row.push(1.0);
    }
    for pivot in 0..n {
        let (done, open) = rows.split_at_mut(pivot + 1);
        let by = &done[pivot][pivot..];
        for row in open {
            let factor = row[pivot] / by[0];
            for (value, by) in row[pivot..].iter_mut().zip(by) {
                *value -= factor * by;
            }
        }
    }
    let mut lengths = vec![0.0; n];
    for ix in (0..n).rev() {
        let known: f64 =
            rows[ix][ix + 1..n].iter().zip(&lengths[ix + 1..]).map(|(a, b)| a * b).sum();
        lengths[ix] = (rows[ix][n] - known) / rows[ix][ix];
    }
    lengths
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Within a thousandth, or what the rounding of a printed number hides.
    #[track_caller]
    fn near(found: f64, expected: f64, rounded: f64, what: &str) {
        let within = (1e-3 * expected).max(rounded);
        assert!((found - expected).abs() <= within, "{what}: {found} is not {expected}");
    }

    const SHIFTS: [f64; 9] = [0.0, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 4.0];

    #[test]
    fn shewhart_run_lengths_are_those_of_the_table() {
        let expected = [370.40, 281.15, 155.22, 81.22, 43.89, 14.97, 6.30, 2.00, 1.19];
        for (delta, expected) in SHIFTS.iter().zip(expected) {
            near(shewhart(3.0, *delta), expected, 0.006, "3 sigma");
        }
    }

    #[test]
    fn runs_of_a_kind_have_the_exact_length() {
        near(in_a_row(0.5, 9) / 2.0, 511.0, 0.0, "nine on one side");
        let within = cdf(1.0) - cdf(-1.0);
        near(in_a_row(within, 15), 963.3, 0.05, "fifteen within");
        near(in_a_row(1.0 - within, 8), 14_251.0, 0.5, "eight beyond");
    }

    #[test]
    fn ewma_run_lengths_are_those_of_the_table() {
        #[rustfmt::skip]
        let table = [
            (0.40, 3.054, [500.0, 223.7, 71.20, 28.42, 14.26, 5.87, 3.52, 2.02, 1.44]),
            (0.25, 2.998, [499.8, 170.3, 48.29, 20.11, 11.14, 5.46, 3.61, 2.26, 1.73]),
            (0.20, 2.962, [499.7, 150.2, 41.76, 18.15, 10.54, 5.50, 3.74, 2.38, 1.86]),
            (0.10, 2.814, [499.6, 106.3, 31.30, 15.85, 10.33, 6.08, 4.36, 2.87, 2.19]),
            (0.05, 2.615, [499.9, 84.0, 28.76, 16.37, 11.38, 7.11, 5.22, 3.50, 2.69]),
            (0.10, 2.70, [369.0, 89.1, 28.19, 14.72, 9.73, 5.80, 4.18, 2.76, 2.14]),
            (0.20, 2.86, [371.1, 121.2, 36.20, 16.45, 9.80, 5.23, 3.59, 2.31, 1.81]),
            (0.20, 3.00, [559.9, 163.1, 44.13, 18.84, 10.84, 5.60, 3.80, 2.41, 1.88]),
            (0.30, 3.00, [465.6, 178.7, 53.16, 21.83, 11.70, 5.45, 3.51, 2.15, 1.60]),
        ];
        let quadrature = Quadrature::new(NODES);
        for (lambda, limit, lengths) in table {
            for (delta, expected) in SHIFTS.iter().zip(lengths) {
                let found = ewma_by(&quadrature, lambda, limit, *delta);
                near(found, expected, 0.006, &format!("{lambda} {limit} {delta}"));
            }
        }
    }

    #[test]
    fn an_ewma_without_memory_is_a_shewhart_chart() {
        near(ewma(1.0, 3.0, 0.0), shewhart(3.0, 0.0), 1e-9, "0");
        near(ewma(1.0, 3.0, 1.0), shewhart(3.0, 1.0), 1e-9, "1");
    }

    #[test]
    fn cusum_run_lengths_are_those_of_the_table() {
        #[rustfmt::skip]
        let table = [
            (4.0, [167.68, 74.22, 26.63, 13.29, 8.38, 4.75, 3.34, 2.19, 1.71]),
            (4.774, [370.06, 121.61, 35.26, 16.19, 9.93, 5.52, 3.86, 2.49, 1.96]),
            (5.0, [465.44, 139.49, 38.00, 17.05, 10.38, 5.75, 4.01, 2.57, 2.01]),
        ];
        for (h, lengths) in table {
            for (delta, expected) in SHIFTS.iter().zip(lengths) {
                near(cusum(0.5, h, *delta), expected, 0.006, &format!("{h} {delta}"));
            }
        }
    }

    /// Siegmund 1985: (e^(−2Δb) + 2Δb − 1) / (2Δ²) with Δ = δ − k, b = h + 1.166.
    #[test]
    fn cusum_run_lengths_are_near_an_approximation_in_closed_form() {
        let siegmund = |delta: f64| {
            let (drift, b) = (delta - 0.5, 5.0 + 1.166);
            ((-2.0 * drift * b).exp() + 2.0 * drift * b - 1.0) / (2.0 * drift * drift)
        };
        for delta in [0.0, 1.0] {
            let ratio = cusum_one_sided(0.5, 5.0, delta, 0.0) / siegmund(delta);
            assert!((ratio - 1.0).abs() < 0.01, "{delta}: {ratio}");
        }
    }

    #[test]
    fn a_head_start_finds_a_shift_sooner() {
        let (without, with) =
            (cusum_one_sided(0.5, 5.0, 1.0, 0.0), cusum_one_sided(0.5, 5.0, 1.0, 2.5));
        assert!(with < 0.7 * without, "{with} {without}");
    }

    #[test]
    fn limits_of_an_ewma_run_as_long_as_the_table_says() {
        let lambdas = [0.05, 0.10, 0.15, 0.20, 0.25, 0.30, 0.40, 0.50];
        #[rustfmt::skip]
        let table = [
            (370.4, [2.4901, 2.7015, 2.8006, 2.8593, 2.8980, 2.9250, 2.9589, 2.9778]),
            (500.0, [2.6151, 2.8143, 2.9073, 2.9622, 2.9981, 3.0230, 3.0540, 3.0711]),
            (1000.0, [2.8838, 3.0586, 3.1394, 3.1866, 3.2171, 3.2380, 3.2633, 3.2767]),
        ];
        let quadrature = Quadrature::new(NODES);
        for (length, limits) in table {
            for (lambda, limit) in lambdas.iter().zip(limits) {
                let found = ewma_by(&quadrature, *lambda, limit, 0.0);
                near(found, length, 0.0, &format!("{lambda} {limit}"));
            }
        }
        let found = ewma_limit(0.1, 370.4).unwrap();
        assert!((found - 2.7015).abs() < 6e-5, "{found}");
    }

    #[test]
    fn limits_of_a_cusum_run_as_long_as_the_table_says() {
        let ks = [0.25, 0.5, 0.75, 1.0, 1.25, 1.5];
        let table = [
            (370.4, [8.0103, 4.7749, 3.3397, 2.5168, 1.9867, 1.6045]),
            (500.0, [8.5851, 5.0707, 3.5384, 2.6651, 2.1054, 1.7080]),
            (1000.0, [9.9312, 5.7574, 3.9986, 3.0094, 2.3786, 1.9424]),
        ];
        let quadrature = Quadrature::new(NODES);
        for (length, limits) in table {
            for (k, h) in ks.iter().zip(limits) {
                let found = 0.5 * cusum_by(&quadrature, *k, h, 0.0, 0.0);
                near(found, length, 0.0, &format!("{k} {h}"));
            }
        }
        let found = cusum_limit(0.5, 500.0).unwrap();
        assert!((found - 5.0707).abs() < 6e-5, "{found}");
    }

    /// With twice the nodes: what the search found is no matter of their number.
    #[test]
    fn limits_are_found_at_the_ends_of_what_can_be_asked_for() {
        let finer = Quadrature::new(2 * NODES);
        let limit = ewma_limit(0.02, 1e6).unwrap();
        near(ewma_by(&finer, 0.02, limit, 0.0), 1e6, 0.0, "an EWMA with little weight");
        let limit = ewma_limit(1.0, 20.0).unwrap();
        near(shewhart(limit, 0.0), 20.0, 0.0, "an EWMA without memory");
        let h = cusum_limit(0.1, 1e6).unwrap();
        near(0.5 * cusum_by(&finer, 0.1, h, 0.0, 0.0), 1e6, 0.0, "a CUSUM for small shifts");
        let h = cusum_limit(1.5, 20.0).unwrap();
        near(cusum(1.5, h, 0.0), 20.0, 0.0, "a CUSUM for great shifts");
    }

    #[test]
    fn what_no_limit_can_do_has_none() {
        assert_eq!(ewma_limit(0.0, 370.0), None);
        assert_eq!(ewma_limit(0.1, f64::NAN), None);
        assert_eq!(cusum_limit(0.5, 1e9), None);
        assert_eq!(cusum_limit(2.0, 20.0), None, "even with a limit of nothing it runs longer");
    }
}

//! Eigenvalues of a small symmetric matrix, by Jacobi's rotations.
//!
//! Not those of `models`: a yardstick that shared the code of what it measures would share its faults.

/// Sweeps over all pairs at most. Convergence is quadratic: six to ten are enough for 100 columns.
const SWEEPS_MAX: usize = 60;

/// Eigenvalues, the greatest first, each with its vector of length 1.
///
/// `matrix` has `n` rows of `n`, one after the other, and is symmetric. Golub and Van Loan, Matrix
/// Computations, 8.5: each rotation makes one element off the diagonal zero.
///
/// # Panics
/// When `matrix` has not `n`² elements.
pub(super) fn symmetric(mut matrix: Vec<f64>, n: usize) -> Vec<(f64, Vec<f64>)> {
    assert_eq!(matrix.len(), n * n, "a symmetric matrix is square");
    // Row i holds the i-th vector.
    let mut vectors = vec![0.0; n * n];
    for i in 0..n {
        vectors[i * n + i] = 1.0;
    }
    for _ in 0..SWEEPS_MAX {
        let size: f64 = matrix.iter().map(|v| v * v).sum();
        let off: f64 = (0..n * n).filter(|ix| ix / n != ix % n).map(|ix| matrix[ix].powi(2)).sum();
        if off <= size * 1e-28 {
            break;
        }
        for p in 0..n {
            for q in p + 1..n {
                rotate(&mut matrix, &mut vectors, n, p, q);
            }
        }
    }
    let mut pairs: Vec<(f64, Vec<f64>)> =
        (0..n).map(|i| (matrix[i * n + i], vectors[i * n..(i + 1) * n].to_vec())).collect();
    // Stable: of two equal ones the first stays the first.
    pairs.sort_by(|one, other| other.0.total_cmp(&one.0));
    pairs
}

/// Turns the plane of p and q so that their element becomes zero.
fn rotate(matrix: &mut [f64], vectors: &mut [f64], n: usize, p: usize, q: usize) {
    let element = matrix[p * n + q];
    if element == 0.0 {
        return;
    }
    let theta = (matrix[q * n + q] - matrix[p * n + p]) / (2.0 * element);
    // The smaller of the two angles: the larger would undo what was done before.
    let tan = theta.signum() / (theta.abs() + (theta * theta + 1.0).sqrt());
    let cos = 1.0 / (tan * tan + 1.0).sqrt();
    let sin = tan * cos;
    let turn = |values: &mut [f64], one: usize, other: usize| {
        let (first, second) = (values[one], values[other]);
        values[one] = cos * first - sin * second;
        values[other] = sin * first + cos * second;
    };
    for k in 0..n {
        turn(matrix, k * n + p, k * n + q);
    }
    for k in 0..n {
        turn(matrix, p * n + k, q * n + k);
        turn(vectors, p * n + k, q * n + k);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_correlated_columns_have_their_sum_and_their_difference() {
        let pairs = symmetric(vec![1.0, 0.9, 0.9, 1.0], 2);
        let half = 0.5_f64.sqrt();
        // Rounding of a few operations on numbers of size 1.
        assert!((pairs[0].0 - 1.9).abs() < 1e-14 && (pairs[1].0 - 0.1).abs() < 1e-14, "{pairs:?}");
        assert!((pairs[0].1[0].abs() - half).abs() < 1e-14);
        assert!((pairs[0].1[0] - pairs[0].1[1]).abs() < 1e-14);
        assert!((pairs[1].1[0] + pairs[1].1[1]).abs() < 1e-14);
    }

    #[test]
    fn vectors_times_values_give_the_matrix_back() {
        let n = 9;
        let element = |i: usize, j: usize| {
            let (i, j) = (i.min(j), i.max(j));
            f64::from(u32::try_from((i * 7 + j * 13) % 11).unwrap()) - 5.0
        };
        let matrix: Vec<f64> = (0..n * n).map(|ix| element(ix / n, ix % n)).collect();
        let pairs = symmetric(matrix.clone(), n);
        assert!(pairs.windows(2).all(|two| two[0].0 >= two[1].0));
        for i in 0..n {
            for j in 0..n {
                let back: f64 = pairs.iter().map(|(value, v)| value * v[i] * v[j]).sum();
                assert!((back - matrix[i * n + j]).abs() < 1e-12, "{i} {j}: {back}");
            }
        }
    }

    #[test]
    fn equal_values_and_no_columns_are_no_trouble() {
        assert_eq!(symmetric(Vec::new(), 0), []);
        let pairs = symmetric(vec![2.0, 0.0, 0.0, 2.0], 2);
        assert_eq!(pairs, [(2.0, vec![1.0, 0.0]), (2.0, vec![0.0, 1.0])]);
    }
}

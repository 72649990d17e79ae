//! What a scanner measures across the web: cleaned, divided into what varies along (MD), across (CD) and
//! neither, looked through for streaks.
//!
//! A scan is one traverse: a value for each box across the web. [`clean`] leaves out what is no paper and
//! single spikes; [`partition`] divides the variance of the last scans of a product; [`Monitor`] follows the
//! scans of one scanner, and tells of a narrow defect that stays at its place (a streak).

mod clean;
mod floats;
mod layout;
mod monitor;
mod partition;
mod statistics;
mod streak;

pub use clean::{Cleaned, clean};
pub use floats::Floats;
pub use monitor::{LeftOut, Monitor, Outcome, Picture, Scan, Taken};
pub use partition::{Partition, partition};
pub use statistics::{Place, Statistics};
pub use streak::Streak;

/// The middle of some numbers, by order; `None` of none. Reorders them.
fn median(values: &mut [f64]) -> Option<f64> {
    let middle = values.len() / 2;
    if values.is_empty() {
        return None;
    }
    let (below, upper, _) = values.select_nth_unstable_by(middle, f64::total_cmp);
    let upper = *upper;
    if below.len() == middle && values.len().is_multiple_of(2) {
        let lower = values[..middle].iter().copied().max_by(f64::total_cmp)?;
        return Some(f64::midpoint(lower, upper));
    }
    Some(upper)
}

/// The standard deviation of a normal distribution with the median of the absolute values of these, of
/// which the median is taken to be 0.
fn robust_sd(values: impl Iterator<Item = f64>) -> Option<f64> {
    let mut sizes: Vec<f64> = values.filter(|value| value.is_finite()).map(f64::abs).collect();
    median(&mut sizes).map(|mad| 1.4826 * mad)
}

/// The mean of the numbers among these.
#[expect(clippy::cast_precision_loss, reason = "boxes, fewer than 2^53")]
fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (sum, n) = values
        .filter(|value| value.is_finite())
        .fold((0.0, 0_usize), |(sum, n), value| (sum + value, n + 1));
    (n > 0).then(|| sum / n as f64)
}

//! The tabular CUSUM: two sums that grow with what lasts, and say when it began.

use super::rules::Side;
use crate::reading::Timestamp;
use serde::{Deserialize, Serialize};

/// Two sums of points in units of σ about the centre, and where they stand.
///
/// C⁺ = max(0, u − k + C⁺), C⁻ = max(0, −u − k + C⁻); either signals above h, and both begin anew after
/// that. A gap leaves them as they are.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Cusum {
    k: f64,
    h: f64,
    /// True if the sums begin at h / 2, so that what was off from the beginning is found sooner (fast initial
    /// response; Lucas and Crosier 1982). It then runs about a tenth shorter without a shift.
    fast: bool,
    high: Sum,
    low: Sum,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct Sum {
    value: f64,
    /// What it began with.
    head: f64,
    /// Points since it was 0.
    count: u32,
    /// The last point at which it was 0.
    zero_at: Option<Timestamp>,
}

/// The sums at a point, in σ.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CusumAt {
    /// C⁺.
    pub high: f64,
    /// C⁻.
    pub low: f64,
    /// h.
    pub limit: f64,
    /// What has shifted, if one of them is above the limit.
    pub shift: Option<Shift>,
}

/// A shift that the sums found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Shift {
    /// Where to.
    pub side: Side,
    /// Points since it began, this one included.
    pub points: u32,
    /// The last point before it; `None` if it was there when the sums began.
    pub began_after: Option<Timestamp>,
    /// The mean since then, in σ about the centre: ± (k + C / N).
    pub mean: f64,
}

impl Cusum {
    /// One with the reference value k and the limit h, in σ.
    #[must_use]
    pub fn new(k: f64, h: f64, fast: bool) -> Self {
        let head = if fast { 0.5 * h } else { 0.0 };
        let sum = Sum { value: head, head, count: 0, zero_at: None };
        Self { k, h, fast, high: sum, low: sum }
    }

    /// Begins anew.
    pub fn reset(&mut self) {
        *self = Self::new(self.k, self.h, self.fast);
    }

    /// Takes a point, `u` in σ about the centre.
    pub fn take(&mut self, at: Timestamp, u: f64) -> CusumAt {
        self.high.add(at, u - self.k);
        self.low.add(at, -u - self.k);
        let (high, low) = (self.high, self.low);
        // Both are above it only after two enormous points in turn; the greater one tells more.
        let (side, sum) =
            if high.value >= low.value { (Side::High, high) } else { (Side::Low, low) };
        let shift = (sum.value > self.h).then(|| {
            let away = self.k + (sum.value - sum.head) / f64::from(sum.count);
            let mean = if side == Side::High { away } else { -away };
            Shift { side, points: sum.count, began_after: sum.zero_at, mean }
        });
        if shift.is_some() {
            self.reset();
            for sum in [&mut self.high, &mut self.low] {
                sum.zero_at = Some(at);
            }
        }
        CusumAt { high: high.value, low: low.value, limit: self.h, shift }
    }
}

impl Sum {
    fn add(&mut self, at: Timestamp, more: f64) {
        self.value += more;
        if self.value > 0.0 {
            self.count = self.count.saturating_add(1);
        } else {
            *self = Self { value: 0.0, head: 0.0, count: 0, zero_at: Some(at) };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chart::fixtures::{MONTGOMERY, minute, near};

    #[test]
    fn montgomerys_series_shifted_after_its_twenty_second_point() {
        let mut cusum = Cusum::new(0.5, 5.0, false);
        let found: Vec<_> =
            (1..).zip(MONTGOMERY).map(|(t, x)| cusum.take(minute(t), x - 10.0)).collect();
        assert_eq!(found.iter().position(|at| at.shift.is_some()), Some(28));
        near(found[28].high, 5.28, 1e-9);
        let shift = found[28].shift.unwrap();
        assert_eq!((shift.side, shift.points), (Side::High, 7));
        assert_eq!(shift.began_after, Some(minute(22)));
        near(10.0 + shift.mean, 10.5 + 5.28 / 7.0, 1e-9);
        // It begins anew: the thirtieth point is 10.52.
        near(found[29].high, 0.02, 1e-9);

        // Without a limit it goes on to what the book prints.
        let mut on = Cusum::new(0.5, 1e9, false);
        let last = (1..).zip(MONTGOMERY).map(|(t, x)| on.take(minute(t), x - 10.0)).last().unwrap();
        near(last.high, 5.30, 1e-9);
    }

    #[test]
    fn the_other_side_is_the_mirror_image() {
        let (mut up, mut down) = (Cusum::new(0.5, 5.0, true), Cusum::new(0.5, 5.0, true));
        for (t, x) in (1..).zip(MONTGOMERY) {
            let (up, down) = (up.take(minute(t), x - 10.0), down.take(minute(t), 10.0 - x));
            near(up.high, down.low, 0.0);
            near(up.low, down.high, 0.0);
            assert_eq!(up.shift.map(|shift| shift.mean), down.shift.map(|shift| -shift.mean));
        }
    }

    #[test]
    fn a_head_start_is_no_part_of_the_new_mean() {
        let mut cusum = Cusum::new(0.5, 5.0, true);
        let shift = (1..20).find_map(|t| cusum.take(minute(t), 1.5).shift).unwrap();
        assert_eq!((shift.points, shift.began_after), (3, None));
        near(shift.mean, 1.5, 1e-12);
        // A sum that was at zero has forgotten its head.
        let mut cusum = Cusum::new(0.5, 5.0, true);
        cusum.take(minute(1), -2.0);
        let shift = (2..20).find_map(|t| cusum.take(minute(t), 1.5).shift).unwrap();
        assert_eq!((shift.points, shift.began_after), (6, Some(minute(1))));
        near(shift.mean, 1.5, 1e-12);
    }
}

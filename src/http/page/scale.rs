//! Where values lie in a drawing.

/// What is left free above and below, of the height.
const MARGIN: f64 = 0.06;

/// The scale of the values of a drawing.
pub(super) struct Scale {
    pub(super) low: f64,
    pub(super) high: f64,
}

impl Scale {
    /// That holds all of these; `None` of none.
    pub(super) fn of(values: impl Iterator<Item = f64>) -> Option<Self> {
        let finite = values.filter(|value| value.is_finite());
        let (low, high) = finite.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| {
            (low.min(value), high.max(value))
        });
        if low > high {
            return None;
        }
        // A line that is level lies in the middle.
        let margin = ((high - low) * MARGIN).max(high.abs() * 1e-3).max(f64::MIN_POSITIVE);
        Some(Self { low: low - margin, high: high + margin })
    }

    /// How far below the top, per cent.
    pub(super) fn down(&self, value: f64) -> f64 {
        (self.high - value) / (self.high - self.low) * 100.0
    }
}

//! How far apart points are.

/// How long after the point before a point comes, in usual distances.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Step {
    /// One, as exactly as it is asked for: points are counted.
    Usual,
    /// So many, more than 0.
    Of(f64),
}

/// What is left after some steps of what a step keeps the share `a` of, −1 < a < 1.
///
/// A negative share is known for whole steps only: anything else than about one leaves nothing.
pub(super) fn kept(a: f64, steps: Step) -> f64 {
    match steps {
        Step::Usual => a,
        Step::Of(steps) if a > 0.0 => libm::exp(steps * libm::log(a)),
        Step::Of(steps) if (steps - 1.0).abs() < 0.5 => a,
        Step::Of(_) => 0.0,
    }
}

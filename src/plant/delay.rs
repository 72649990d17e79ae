//! How long what an instrument sees takes to the end of the line, as the mill declares it.

use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Duration;

/// A transport delay: from where an instrument stands to the end of the line, where the product is measured and wound.
///
/// A cause in the pulper meets the reel 20 to 90 minutes later, one in the machine chest 1 to 5 minutes, one in the
/// headbox a second and a half.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Delay {
    /// It is always this long.
    Time(Duration),
    /// What lies between, over what passes: length over speed, or volume over flow where nothing mixes (plug flow).
    Over {
        /// What lies between, in the unit of the rate times seconds.
        amount: f64,
        /// The tag whose value passes.
        rate: Arc<str>,
    },
}

impl Delay {
    /// No delay is longer.
    pub const MAX: Duration = Duration::from_secs(4 * 3600);

    /// The tag that it goes by, by id.
    #[must_use]
    pub fn rate(&self) -> Option<&Arc<str>> {
        match self {
            Self::Time(_) => None,
            Self::Over { rate, .. } => Some(rate),
        }
    }

    /// The delay in s, when the tag that it goes by has this value; `None` where it has none, or one so low that
    /// nothing would arrive within [`Self::MAX`].
    #[must_use]
    pub fn seconds(&self, rate: Option<f64>) -> Option<f64> {
        match self {
            Self::Time(time) => Some(time.as_secs_f64()),
            Self::Over { amount, .. } => {
                let seconds = amount / rate.filter(|rate| *rate > 0.0)?;
                (seconds <= Self::MAX.as_secs_f64()).then_some(seconds)
            }
        }
    }
}

/// How long what an instrument sees takes from its sampling to the end of the line, s: what soft sensors shift a tag by,
/// and what tells the metres of product that a deviation reaches.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Transit {
    /// The least that it can be.
    pub earliest_s: f64,
    /// What it is, as far as is known.
    pub likeliest_s: f64,
    /// The most that it can be.
    pub latest_s: f64,
}

impl Transit {
    /// One that is known.
    #[must_use]
    pub fn exactly(seconds: f64) -> Self {
        Self { earliest_s: seconds, likeliest_s: seconds, latest_s: seconds }
    }

    /// The same from a moment so much later, s: from the reading of an analyser, for one.
    #[must_use]
    pub fn less(self, seconds: f64) -> Self {
        Self {
            earliest_s: self.earliest_s - seconds,
            likeliest_s: self.likeliest_s - seconds,
            latest_s: self.latest_s - seconds,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delay_is_what_lies_between_over_what_passes() {
        let check = |delay: &Delay, rate: Option<f64>, expected: Option<f64>| {
            assert_eq!(delay.seconds(rate), expected, "{delay:?} at {rate:?}");
        };
        check(&Delay::Time(Duration::from_millis(1500)), None, Some(1.5));
        // 30 m at 1,800 m/min, and 30 m³ at 3,750 L/min.
        let delay = |amount: f64| Delay::Over { amount, rate: "r".into() };
        check(&delay(30.0 * 60.0), Some(1800.0), Some(1.0));
        check(&delay(30_000.0 * 60.0), Some(3750.0), Some(480.0));
        for nothing in [None, Some(0.0), Some(-5.0), Some(f64::NAN), Some(124.9)] {
            check(&delay(30_000.0 * 60.0), nothing, None);
        }
        check(&delay(30_000.0 * 60.0), Some(125.0), Some(14_400.0));
    }
}

//! Values: numbers that cannot be NaN or infinite, or text.

use serde::{Deserialize, Serialize};

/// The greatest magnitude to which every integer is a float.
const EXACT_MAX: f64 = 9_007_199_254_740_992.0;

/// A finite number: NaN and infinities cannot exist here.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct Finite(f64);

/// A number that is NaN or infinite.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the number is not finite")]
pub struct NotFinite;

impl Finite {
    /// The number.
    #[must_use]
    pub fn get(self) -> f64 {
        self.0
    }
}

impl TryFrom<f64> for Finite {
    type Error = NotFinite;
    fn try_from(value: f64) -> Result<Self, NotFinite> {
        // `+ 0.0` turns a negative zero into a positive one, so that equal values have equal bits.
        if value.is_finite() { Ok(Self(value + 0.0)) } else { Err(NotFinite) }
    }
}

impl From<Finite> for f64 {
    fn from(value: Finite) -> Self {
        value.0
    }
}

/// What a reading carries.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Value {
    /// A number; booleans are 0 and 1.
    Number(Finite),
    /// Text, for context tags; also integers beyond 2⁵³, which a float would change.
    Text(Box<str>),
}

impl Value {
    /// The number, if it is one.
    #[must_use]
    pub fn number(&self) -> Option<f64> {
        match self {
            Self::Number(number) => Some(number.get()),
            Self::Text(_) => None,
        }
    }

    /// The number that a text stands for, e.g. `7.1`. Not of an integer beyond 2⁵³, which a float would
    /// change.
    #[must_use]
    pub fn parsed(&self) -> Option<Finite> {
        let Self::Text(text) = self else { return None };
        let number: f64 = text.trim().parse().ok()?;
        Finite::try_from(number).ok().filter(|number| number.get().abs() <= EXACT_MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_that_is_a_number_is_read_as_one() {
        let check = |text: &str, expected: Option<f64>| {
            assert_eq!(Value::Text(text.into()).parsed().map(Finite::get), expected, "{text}");
        };
        check(" 7.1 ", Some(7.1));
        check("-3e2", Some(-300.0));
        check("bad", None);
        check("", None);
        check("NaN", None);
        check("9007199254740993123", None);
    }
}

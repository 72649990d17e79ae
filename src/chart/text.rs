//! Names as text, for settings, documents and states.

/// What has no such name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is {what}")]
pub struct UnknownName {
    /// The text.
    pub text: String,
    /// What it is not.
    pub what: &'static str,
}

/// Reads and writes an enum with `ALL` and `name` as text.
macro_rules! texts {
    ($name:ident, $what:literal) => {
        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.name())
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::chart::UnknownName;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Self::ALL.into_iter().find(|this| this.name() == text).ok_or_else(|| {
                    let text = text.chars().take(64).collect();
                    $crate::chart::UnknownName { text, what: $what }
                })
            }
        }

        impl TryFrom<String> for $name {
            type Error = $crate::chart::UnknownName;
            fn try_from(text: String) -> Result<Self, Self::Error> {
                text.parse()
            }
        }

        impl From<$name> for &'static str {
            fn from(this: $name) -> Self {
                this.name()
            }
        }
    };
}
pub(super) use texts;

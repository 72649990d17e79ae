//! Numbers of things in sentences for people.

use std::fmt;

/// So many of something, as people say it: `1 message`, `3 messages`. For nouns whose plural takes an `s`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Count<N>(pub N, pub &'static str);

impl<N: fmt::Display> fmt::Display for Count<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = self.0.to_string();
        let ending = if number == "1" { "" } else { "s" };
        write!(f, "{number} {}{ending}", self.1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_not_many_and_none_is() {
        let said = [0, 1, 11].map(|n| Count(n, "message").to_string());
        assert_eq!(said, ["0 messages", "1 message", "11 messages"]);
    }
}

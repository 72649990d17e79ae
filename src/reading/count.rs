//! Numbers of things in sentences for people.

use std::fmt;

/// So many of something, as people say it: `1 message`, `3 messages`. For nouns whose plural takes an `s`, or
/// `es` after `ch`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Count<N>(pub N, pub &'static str);

impl<N: fmt::Display> fmt::Display for Count<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = self.0.to_string();
        let ending = match number.as_str() {
            "1" => "",
            _ if self.1.ends_with("ch") => "es",
            _ => "s",
        };
        write!(f, "{number} {}{ending}", self.1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_not_many_and_none_is() {
        assert_eq!(Count(2, "good batch").to_string(), "2 good batches");
        let said = [0, 1, 11].map(|n| Count(n, "message").to_string());
        assert_eq!(said, ["0 messages", "1 message", "11 messages"]);
    }
}

//! Quantities as text: durations, sizes, budgets, intervals of refitting.

use crate::plant::{Budget, Refit};
use std::time::Duration;

/// A number and what follows it.
fn split(text: &str) -> Option<(f64, &str)> {
    let text = text.trim();
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.')?;
    let (number, unit) = text.split_at_checked(end)?;
    // `1.` and `.5` are numbers to Rust, and slips of the pen to people.
    if number.starts_with('.') || number.ends_with('.') {
        return None;
    }
    Some((number.parse().ok()?, unit.trim_start()))
}

/// Reads a duration such as `2s`, `1.5 h` or `7d`.
pub(super) fn duration(text: &str) -> Option<Duration> {
    let (number, unit) = split(text)?;
    let seconds = match unit {
        "ms" => 0.001,
        "s" => 1.0,
        "m" | "min" => 60.0,
        "h" => 3_600.0,
        "d" => 86_400.0,
        "w" => 604_800.0,
        _ => return None,
    };
    // Whole microseconds, so that `0.1s` and `100ms` are the same duration.
    Duration::try_from_secs_f64((number * seconds * 1e6).round() / 1e6).ok()
}

/// True if the text is a number with a unit, whatever that unit counts: then it is not its form that is
/// wrong but its size.
pub(super) fn has_form(text: &str, units: &[&str]) -> bool {
    split(text).is_some_and(|(_, unit)| units.contains(&unit))
}

/// The units of durations.
pub(super) const DURATION_UNITS: [&str; 7] = ["ms", "s", "m", "min", "h", "d", "w"];
/// The units of sizes.
pub(super) const SIZE_UNITS: [&str; 10] =
    ["B", "kB", "KB", "MB", "GB", "TB", "KiB", "MiB", "GiB", "TiB"];

/// Reads a number of bytes such as `20GiB` or `500 MB`.
pub(super) fn size(text: &str) -> Option<u64> {
    let (number, unit) = split(text)?;
    let factor = match unit {
        "B" => 1.0,
        "kB" | "KB" => 1e3,
        "MB" => 1e6,
        "GB" => 1e9,
        "TB" => 1e12,
        "KiB" => 1024.0,
        "MiB" => 1_048_576.0,
        "GiB" => 1_073_741_824.0,
        "TiB" => 1_099_511_627_776.0,
        _ => return None,
    };
    let bytes = (number * factor).round();
    // Beyond 2^53 a float no longer counts bytes, and no disk is that large.
    if !(0.0..=9_007_199_254_740_992.0).contains(&bytes) {
        return None;
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "whole, not negative and at most 2^53"
    )]
    Some(bytes as u64)
}

/// Reads `N per M batches`, `N per M frames` or `N per day`.
pub(super) fn budget(text: &str) -> Option<Budget> {
    let words: Vec<&str> = text.split_whitespace().collect();
    match words.as_slice() {
        [flags, "per", "day"] => {
            let flags: f64 = flags.parse().ok()?;
            (flags.is_finite() && flags > 0.0).then_some(Budget::PerDay(flags))
        }
        [flags, "per", number, unit] => {
            let flags: u32 = flags.parse().ok()?;
            let number: u32 = number.parse().ok()?;
            if flags == 0 || flags >= number {
                return None;
            }
            match *unit {
                "batch" | "batches" => Some(Budget::PerBatches { flags, batches: number }),
                "frame" | "frames" => Some(Budget::PerFrames { flags, frames: number }),
                _ => None,
            }
        }
        _ => None,
    }
}

/// Reads `never`, `daily`, `weekly` or `20 batches`.
pub(super) fn refit(text: &str) -> Option<Refit> {
    let words: Vec<&str> = text.split_whitespace().collect();
    match words.as_slice() {
        ["never"] => Some(Refit::Never),
        ["daily"] => Some(Refit::Daily),
        ["weekly"] => Some(Refit::Weekly),
        [number, "batch" | "batches"] => {
            number.parse().ok().filter(|number| *number > 0).map(Refit::Batches)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_only_too_large_has_the_right_form() {
        for (text, units) in
            [("99999999999999999999d", &DURATION_UNITS[..]), ("9999999999TiB", &SIZE_UNITS[..])]
        {
            assert!(has_form(text, units), "{text}");
        }
        assert_eq!((duration("99999999999999999999d"), size("9999999999TiB")), (None, None));
        assert!(!has_form("30", &DURATION_UNITS) && !has_form("20 gigs", &SIZE_UNITS));
    }

    #[test]
    fn durations_want_a_unit() {
        let check = |text: &str, millis: Option<u64>| {
            assert_eq!(duration(text), millis.map(Duration::from_millis), "{text}");
        };
        check("2s", Some(2_000));
        check("100ms", Some(100));
        check("0.1s", Some(100));
        check(" 1.5 h ", Some(5_400_000));
        check("2m", Some(120_000));
        check("2min", Some(120_000));
        check("7d", Some(604_800_000));
        check("1w", Some(604_800_000));
        check("0s", Some(0));
        for text in
            ["", "2", "s", "-2s", "2 sec", "1.s", ".5s", "1e3s", "2s2", "999999999999999999999d"]
        {
            check(text, None);
        }
    }

    #[test]
    fn sizes_are_binary_or_decimal() {
        assert_eq!(size("20GiB"), Some(20 << 30));
        assert_eq!(size("0.5 MiB"), Some(1 << 19));
        assert_eq!(size("20GB"), Some(20_000_000_000));
        assert_eq!(size("7B"), Some(7));
        for text in ["", "20", "20G", "20gib", "-1B", "99999999TiB"] {
            assert_eq!(size(text), None, "{text}");
        }
    }

    #[test]
    fn budgets_and_refits() {
        assert_eq!(
            budget("1 per 100 batches"),
            Some(Budget::PerBatches { flags: 1, batches: 100 })
        );
        assert_eq!(
            budget("2  per 9000 frames"),
            Some(Budget::PerFrames { flags: 2, frames: 9000 })
        );
        assert_eq!(budget("0.5 per day"), Some(Budget::PerDay(0.5)));
        for text in [
            "",
            "1",
            "1 per batch",
            "0 per 9 frames",
            "9 per 9 batches",
            "-1 per day",
            "1 per 10 weeks",
        ] {
            assert_eq!(budget(text), None, "{text}");
        }
        assert_eq!(refit("20 batches"), Some(Refit::Batches(20)));
        assert_eq!(refit("weekly"), Some(Refit::Weekly));
        assert_eq!(refit("0 batches"), None);
        assert_eq!(refit("monthly"), None);
    }
}

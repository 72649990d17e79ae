//! Durations and times of the page; numbers as reports have them.

use super::html::Html;
use crate::reading::Timestamp;
pub(super) use crate::words::number::{
    NONE, count, fine_per_cent, metres, number, per_cent, quantity, ratio,
};

/// A duration in its two greatest units.
pub(super) fn duration(ms: i64) -> String {
    let s = ms.max(0) / 1000;
    let two = |a: i64, unit_a, b: i64, unit_b| match b {
        0 => format!("{a}\u{a0}{unit_a}"),
        _ => format!("{a}\u{a0}{unit_a} {b}\u{a0}{unit_b}"),
    };
    match s {
        0..120 => format!("{s}\u{a0}s"),
        120..3_600 => format!("{}\u{a0}min", s / 60),
        3_600..86_400 => two(s / 3_600, "h", s % 3_600 / 60, "min"),
        _ => two(s / 86_400, "d", s % 86_400 / 3_600, "h"),
    }
}

/// How much of a time is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Clock {
    /// Hours and minutes.
    Minutes,
    /// Hours, minutes and seconds.
    Seconds,
    /// Day, hours and minutes.
    Day,
}

impl Clock {
    /// The name that the script knows.
    fn key(self) -> &'static str {
        match self {
            Self::Minutes => "m",
            Self::Seconds => "s",
            Self::Day => "d",
        }
    }

    /// The text in UTC, which the script puts into the browser's zone.
    pub(super) fn utc(self, ms: i64) -> String {
        let Ok(at) = jiff::Timestamp::from_millisecond(ms) else {
            return NONE.to_owned();
        };
        let format = match self {
            Self::Minutes => "%H:%M",
            Self::Seconds => "%H:%M:%S",
            Self::Day => "%-d %b %H:%M",
        };
        at.strftime(format).to_string()
    }
}

/// A time: UTC for a page without script, with all of it in the title.
pub(super) fn time(html: &mut Html, ms: i64, clock: Clock) {
    let full = Timestamp::from_millis(ms).map_or_else(|_| NONE.to_owned(), Timestamp::to_rfc3339);
    html.raw("<time datetime=\"").text(&full).raw("\" title=\"").text(&full);
    html.raw("\" data-t=\"").integer(ms).raw("\" data-f=\"").raw(clock.key()).raw("\">");
    html.text(&clock.utc(ms)).raw("</time>");
}

/// The same within a drawing.
pub(super) fn drawn_time(html: &mut Html, ms: i64, clock: Clock) {
    html.raw(" data-t=\"").integer(ms).raw("\" data-f=\"").raw(clock.key()).raw("\">");
    html.text(&clock.utc(ms));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_their_two_greatest_units() {
        for (seconds, expected) in [
            (-3, "0 s"),
            (45, "45 s"),
            (119, "119 s"),
            (360, "6 min"),
            (3_600, "1 h"),
            (4_320, "1 h 12 min"),
            (90_000, "1 d 1 h"),
        ] {
            assert_eq!(duration(seconds * 1000).replace('\u{a0}', " "), expected, "{seconds}");
        }
    }

    #[test]
    fn times_are_utc_with_everything_in_the_title() {
        let mut html = Html::default();
        time(&mut html, 1_769_128_260_000, Clock::Day);
        insta::assert_snapshot!(html.into_string(), @r#"<time datetime="2026-01-23T00:31:00Z" title="2026-01-23T00:31:00Z" data-t="1769128260000" data-f="d">23 Jan 00:31</time>"#);
    }

    #[test]
    fn impossible_times_do_not_break_the_page() {
        let mut html = Html::default();
        time(&mut html, i64::MAX, Clock::Minutes);
        assert!(html.into_string().ends_with(">–</time>"));
    }
}

//! Pieces of the page's sentences, and times; numbers as reports have them.

use super::html::Html;
pub(super) use super::html::{name, plain};
use super::reader::Reader;
use crate::reading::Timestamp;
pub(super) use crate::words::number::{
    NONE, count, fine_per_cent, metres, number, per_cent, quantity, ratio,
};
use crate::words::{Language, fill};

/// A time, as a piece of a sentence.
pub(super) fn at(ms: i64, clock: Clock, reader: Reader) -> Html {
    let mut html = Html::default();
    time(&mut html, ms, clock, reader);
    html
}

/// A count with the word for what is counted: `{n}` is its place in both.
pub(super) fn counted(n: u64, one: &'static str, many: &'static str) -> Html {
    let mut html = Html::default();
    crate::words::fill(&mut html, if n == 1 { one } else { many }, &[("n", &plain(&count(n)))]);
    html
}

/// A term with what it says.
pub(super) fn fact(html: &mut Html, term: &'static str, words: &Html) {
    html.raw("<div><dt>").raw(term).raw("</dt><dd>").piece(words).raw("</dd></div>");
}

/// The heading of a column.
pub(super) fn heading(html: &mut Html, open: &'static str, word: &'static str) {
    html.raw(open).raw(word).raw("</th>");
}

/// How a column begins.
pub(super) const WORDS: &str = "<th scope=\"col\">";
/// The same of numbers.
pub(super) const NUMBERS: &str = "<th scope=\"col\" class=\"num\">";

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
    pub(super) fn utc(self, ms: i64, reader: Reader) -> String {
        let Ok(at) = jiff::Timestamp::from_millisecond(ms) else {
            return NONE.to_owned();
        };
        let format = match (self, reader.language) {
            (Self::Minutes, _) => "%H:%M",
            (Self::Seconds, _) => "%H:%M:%S",
            (Self::Day, Language::English) => "%-d %b %H:%M",
            (Self::Day, Language::Chinese) => "%-m月%-d日 %H:%M",
        };
        at.strftime(format).to_string()
    }
}

/// A time: UTC for a page without script, with all of it in the title.
pub(super) fn time(html: &mut Html, ms: i64, clock: Clock, reader: Reader) {
    let full = Timestamp::from_millis(ms).map_or_else(|_| NONE.to_owned(), Timestamp::to_rfc3339);
    html.raw("<time datetime=\"").text(&full).raw("\" title=\"").text(&full);
    html.raw("\" data-t=\"").integer(ms).raw("\" data-f=\"").raw(clock.key()).raw("\">");
    html.text(&clock.utc(ms, reader)).raw("</time>");
}

/// The same within a drawing.
pub(super) fn drawn_time(html: &mut Html, ms: i64, clock: Clock, reader: Reader) {
    html.raw(" data-t=\"").integer(ms).raw("\" data-f=\"").raw(clock.key()).raw("\">");
    html.text(&clock.utc(ms, reader));
}

/// Bounds in one piece, by the sentences for both, for the lower and for the upper one alone; `None` where both are open.
pub(super) fn bounds_of(
    (low, high): (Option<f64>, Option<f64>),
    shown: impl Fn(f64) -> String,
    (range, at_least, at_most): (&'static str, &'static str, &'static str),
) -> Option<Html> {
    let mut html = Html::default();
    let shown = |bound: f64| plain(&shown(bound));
    match (low, high) {
        (Some(low), Some(high)) => {
            fill(&mut html, range, &[("low", &shown(low)), ("high", &shown(high))]);
        }
        (Some(low), None) => fill(&mut html, at_least, &[("limit", &shown(low))]),
        (None, Some(high)) => fill(&mut html, at_most, &[("limit", &shown(high))]),
        (None, None) => return None,
    }
    Some(html)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::Locale;

    fn reader(language: Language) -> Reader {
        Reader::of(&Locale::default(), Some(language))
    }

    #[test]
    fn times_are_utc_with_everything_in_the_title() {
        let mut html = Html::default();
        time(&mut html, 1_769_128_260_000, Clock::Day, reader(Language::English));
        insta::assert_snapshot!(html.into_string(), @r#"<time datetime="2026-01-23T00:31:00Z" title="2026-01-23T00:31:00Z" data-t="1769128260000" data-f="d">23 Jan 00:31</time>"#);
        let chinese = Clock::Day.utc(1_769_128_260_000, reader(Language::Chinese));
        assert_eq!(chinese, "1月23日 00:31");
    }

    #[test]
    fn impossible_times_do_not_break_the_page() {
        let mut html = Html::default();
        time(&mut html, i64::MAX, Clock::Minutes, reader(Language::English));
        assert!(html.into_string().ends_with(">–</time>"));
    }
}

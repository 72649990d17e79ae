//! Text that fits and says nothing to the service that shows it.
//!
//! Every cut is made in the plain text, by what each character costs once it is written for the service: so none falls
//! into the middle of a character or of an escape.

/// The mark of something cut off.
pub(super) const CUT: char = '…';

/// What a character costs where UTF-16 units are counted, as browsers do.
pub(super) fn utf16(c: char) -> usize {
    c.len_utf16()
}

/// The text on one line, without control characters and white space at its ends.
pub(super) fn line(text: &str) -> String {
    let text = text.trim();
    text.chars().map(|c| if c.is_control() || is_separator(c) { ' ' } else { c }).collect()
}

/// Line and paragraph separators, and marks that turn the direction of all that follows.
fn is_separator(c: char) -> bool {
    matches!(c, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// As much of the text as costs `max` at most, with `…` behind it if that is not all.
pub(super) fn cut(text: &str, max: usize, cost: impl Fn(char) -> usize) -> String {
    let mut spent = 0;
    // Where it is cut if it does not fit: the mark has to fit too.
    let mut end = 0;
    for (at, c) in text.char_indices() {
        if spent + cost(CUT) <= max {
            end = at;
        }
        spent += cost(c);
        if spent > max {
            let mut shorter = text[..end].trim_end().to_owned();
            if cost(CUT) <= max {
                shorter.push(CUT);
            }
            return shorter;
        }
    }
    text.to_owned()
}

/// A text of which a markdown shows every character as it is. Not all services know the backslash; marks become their
/// wide twins, which all of them show alike.
pub(super) fn unmarked(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let is_word = |at: Option<usize>| {
        at.and_then(|at| chars.get(at)).is_some_and(|c| c.is_alphanumeric() || *c == '_')
    };
    let shown = |(at, c): (usize, &char)| match *c {
        '*' => '＊',
        '`' => '｀',
        '[' => '［',
        ']' => '］',
        '<' => '＜',
        '>' => '＞',
        '#' => '＃',
        '~' => '～',
        '|' => '｜',
        '&' => '＆',
        '\\' => '＼',
        // Inside a word it is a part of a name.
        '_' if !(is_word(at.checked_sub(1)) && is_word(Some(at + 1))) => '＿',
        other => other,
    };
    chars.iter().enumerate().map(shown).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_leaves_whole_characters_and_says_so() {
        for (text, max, expected) in [
            ("abc", 3, "abc"),
            ("abcd", 3, "ab…"),
            ("ab cd", 4, "ab…"),
            ("纸机纸机", 4, "纸机纸机"),
            ("纸机纸机", 3, "纸机…"),
            ("a😀b", 3, "a…"),
            ("a😀b", 4, "a😀b"),
            ("abc", 1, "…"),
            ("abc", 0, ""),
            ("", 0, ""),
        ] {
            assert_eq!(cut(text, max, utf16), expected, "{text} {max}");
        }
        // By bytes the mark itself takes three.
        assert_eq!(cut("纸机纸机", 9, char::len_utf8), "纸机…");
        assert_eq!(cut("abcd", 3, char::len_utf8), "…");
    }

    #[test]
    fn no_mark_is_left() {
        assert_eq!(
            unmarked("[a](b) *c* `d` <e> #f ~g~ h|i & \\"),
            "［a］(b) ＊c＊ ｀d｀ ＜e＞ ＃f ～g～ h｜i ＆ ＼"
        );
        assert_eq!(unmarked("refiner_power _x_ __y"), "refiner_power ＿x＿ ＿_y");
        assert_eq!(line(" a\nb\tc\u{202e}d "), "a b c d");
    }
}

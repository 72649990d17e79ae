//! HTML that is escaped by construction: text of the program goes in as it is, everything else goes
//! through one escape.

use std::fmt::Write;

/// A piece of HTML. [`Html::raw`] takes only texts of the program, so that no name from the plant can
/// get into a page except through [`escape_into`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Html(String);

impl Html {
    /// Markup of the program itself.
    pub(crate) fn raw(&mut self, markup: &'static str) -> &mut Self {
        self.0.push_str(markup);
        self
    }

    /// Any text, for an element's content or an attribute in double quotes.
    pub(crate) fn text(&mut self, text: &str) -> &mut Self {
        escape_into(&mut self.0, text);
        self
    }

    /// A name from the plant: escaped, and kept apart from the direction of the text around it.
    pub(crate) fn name(&mut self, name: &str) -> &mut Self {
        self.raw("<bdi>").text(name).raw("</bdi>")
    }

    /// A number for an attribute, with at most one digit after the point.
    pub(crate) fn coordinate(&mut self, number: f64) -> &mut Self {
        let number = if number.is_finite() { (number * 10.0).round() / 10.0 + 0.0 } else { 0.0 };
        write!(self.0, "{number}").expect("writing to a string does not fail");
        self
    }

    /// The same with at most three digits, for what people zoom into.
    pub(crate) fn precise(&mut self, number: f64) -> &mut Self {
        let number =
            if number.is_finite() { (number * 1000.0).round() / 1000.0 + 0.0 } else { 0.0 };
        write!(self.0, "{number}").expect("writing to a string does not fail");
        self
    }

    /// Numbers as a list of JSON, six significant digits of each; what is none is `null`. No text is in it that could end the
    /// element around it.
    pub(crate) fn numbers(&mut self, numbers: impl IntoIterator<Item = Option<f64>>) -> &mut Self {
        self.raw("[");
        for (ix, number) in numbers.into_iter().enumerate() {
            self.raw(if ix > 0 { "," } else { "" });
            match number.filter(|number| number.is_finite()) {
                Some(number) => {
                    // Six significant digits tell more than anybody reads.
                    let short: f64 = format!("{number:.5e}").parse().unwrap_or(number);
                    write!(self.0, "{short}").expect("writing to a string does not fail");
                }
                None => self.0.push_str("null"),
            }
        }
        self.raw("]")
    }

    /// A whole number.
    pub(crate) fn integer(&mut self, number: i64) -> &mut Self {
        write!(self.0, "{number}").expect("writing to a string does not fail");
        self
    }

    /// Another piece.
    pub(crate) fn piece(&mut self, piece: &Html) -> &mut Self {
        self.0.push_str(&piece.0);
        self
    }

    /// An icon by the name of its symbol.
    pub(crate) fn icon(&mut self, symbol: &'static str) -> &mut Self {
        self.raw("<svg class=\"icon\" aria-hidden=\"true\"><use href=\"#i-")
            .raw(symbol)
            .raw("\"/></svg>")
    }

    pub(crate) fn into_string(self) -> String {
        self.0
    }
}

/// Any text.
pub(crate) fn plain(text: &str) -> Html {
    let mut html = Html::default();
    html.text(text);
    html
}

/// A name from the plant.
pub(crate) fn name(name: &str) -> Html {
    let mut html = Html::default();
    html.name(name);
    html
}

/// The one escape. Beside the five characters of HTML, control characters and the marks that turn
/// the direction of text become U+FFFD: a name must not rearrange the words around it.
fn escape_into(out: &mut String, text: &str) {
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
                out.push(char::REPLACEMENT_CHARACTER);
            }
            control if control.is_control() => out.push(char::REPLACEMENT_CHARACTER),
            other => out.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn escaped(text: &str) -> String {
        let mut html = Html::default();
        html.text(text);
        html.into_string()
    }

    #[test]
    fn nothing_leaves_its_element_or_attribute() {
        for (text, expected) in [
            ("tm3", "tm3"),
            ("<b>", "&lt;b&gt;"),
            ("a\" onload=\"x", "a&quot; onload=&quot;x"),
            ("it's & it", "it&#39;s &amp; it"),
            ("&lt;", "&amp;lt;"),
            ("°C 纸 λ", "°C 纸 λ"),
            (
                "a\u{202e}b\u{0}c\nd\u{2067}e\u{200f}",
                "a\u{fffd}b\u{fffd}c\u{fffd}d\u{fffd}e\u{fffd}",
            ),
        ] {
            assert_eq!(escaped(text), expected);
        }
    }

    #[test]
    fn coordinates_are_short_and_always_numbers() {
        for (number, expected) in
            [(12.34, "12.3"), (-0.01, "0"), (1000.0, "1000"), (f64::NAN, "0"), (f64::INFINITY, "0")]
        {
            let mut html = Html::default();
            html.coordinate(number);
            assert_eq!(html.into_string(), expected);
        }
    }

    #[test]
    fn numbers_of_json_are_numbers_or_null() {
        let mut html = Html::default();
        html.numbers([Some(15.0), None, Some(f64::NAN), Some(-0.123_456_78), Some(1e21)]);
        html.raw(" ").precise(12.345_67).raw(" ").precise(f64::NAN);
        let text = html.into_string();
        let (list, rest) = text.split_once(' ').unwrap();
        assert_eq!(rest, "12.346 0");
        let read: Vec<Option<f64>> = serde_json::from_str(list).unwrap();
        assert_eq!(read, [Some(15.0), None, None, Some(-0.123_457), Some(1e21)]);
    }

    proptest! {
        #[test]
        fn escaped_text_holds_no_markup(text in "\\PC*|.*") {
            let escaped = escaped(&text);
            prop_assert!(!escaped.contains(['<', '>', '"', '\'', '\n', '\0']));
            let bare = escaped.replace("&amp;", "").replace("&lt;", "").replace("&gt;", "");
            prop_assert!(!bare.replace("&quot;", "").replace("&#39;", "").contains('&'));
        }
    }
}

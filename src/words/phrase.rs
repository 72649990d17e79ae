//! A phrase: words of the program and what is put between them, to be shown as plain text or as HTML.

use super::html::Html;
use super::sentence::{Part, parts};
use std::fmt;

/// A piece of a phrase.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    /// Words of the program.
    Words(&'static str),
    /// A number, a time, or another text that the program made.
    Told(String),
    /// A name from the plant.
    Name(String),
}

/// A list of pieces, some of them emphasised.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Phrase(Vec<(Piece, bool)>);

impl Phrase {
    /// Words of the program.
    pub(crate) fn words(words: &'static str) -> Self {
        Self(vec![(Piece::Words(words), false)])
    }

    /// A number, a time, or another text that the program made.
    pub(crate) fn told(text: impl Into<String>) -> Self {
        Self(vec![(Piece::Told(text.into()), false)])
    }

    /// A name from the plant.
    pub(crate) fn name(name: &str) -> Self {
        Self(vec![(Piece::Name(name.to_owned()), false)])
    }

    /// A sentence of a table with these pieces where it names them.
    pub(crate) fn fill(sentence: &'static str, pieces: &[(&str, &Self)]) -> Self {
        let mut whole = Self::default();
        for part in parts(sentence) {
            match part {
                Part::Words("") => {}
                Part::Words(words) => whole.0.push((Piece::Words(words), false)),
                Part::Piece(name) => {
                    for (_, piece) in pieces.iter().filter(|(known, _)| *known == name) {
                        whole.push(piece);
                    }
                }
            }
        }
        whole
    }

    /// Phrases in a row with these words between them.
    pub(crate) fn joined(phrases: impl IntoIterator<Item = Self>, between: &'static str) -> Self {
        let mut whole = Self::default();
        for (ix, phrase) in phrases.into_iter().enumerate() {
            if ix > 0 {
                whole.0.push((Piece::Words(between), false));
            }
            whole.push(&phrase);
        }
        whole
    }

    /// The same, all of it emphasised.
    pub(crate) fn strong(mut self) -> Self {
        for (_, strong) in &mut self.0 {
            *strong = true;
        }
        self
    }

    /// Puts another phrase behind it.
    pub(crate) fn push(&mut self, other: &Self) {
        self.0.extend_from_slice(&other.0);
    }

    /// True if it says nothing.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// As HTML: names apart from the direction of the text around them, what is emphasised in bold.
    pub(crate) fn html(&self) -> Html {
        let mut html = Html::default();
        for (piece, strong) in &self.0 {
            html.raw(if *strong { "<b>" } else { "" });
            match piece {
                Piece::Words(words) => html.text(words),
                Piece::Told(text) => html.text(text),
                Piece::Name(name) => html.name(name),
            };
            html.raw(if *strong { "</b>" } else { "" });
        }
        html
    }
}

/// As plain text on one line: no name of the plant breaks it.
impl fmt::Display for Phrase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (piece, _) in &self.0 {
            match piece {
                Piece::Words(words) => f.write_str(words)?,
                Piece::Told(text) | Piece::Name(text) => {
                    for character in text.chars() {
                        let breaks =
                            character.is_control() || matches!(character, '\u{2028}' | '\u{2029}');
                        fmt::Write::write_char(f, if breaks { ' ' } else { character })?;
                    }
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_phrase_is_told_as_text_and_as_html() {
        let (tag, value) = (Phrase::name("<TI>\n7").strong(), Phrase::told("5\u{a0}<"));
        let phrase = Phrase::fill("{tag} is {value}, {none}!", &[("tag", &tag), ("value", &value)]);
        assert_eq!(phrase.to_string(), "<TI> 7 is 5\u{a0}<, !");
        assert_eq!(
            phrase.html().into_string(),
            "<b><bdi>&lt;TI&gt;\u{fffd}7</bdi></b> is 5\u{a0}&lt;, !"
        );
    }

    #[test]
    fn phrases_stand_in_a_row() {
        let row = Phrase::joined(["a", "b", "c"].map(Phrase::name), ", ");
        assert_eq!(row.to_string(), "a, b, c");
        assert!(Phrase::joined([], ", ").is_empty() && !row.is_empty());
        assert_eq!(row.strong().html().into_string().matches("<b>").count(), 5);
    }
}

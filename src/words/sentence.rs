//! Sentences with places in them: a table has the words, whoever speaks the pieces.

use super::html::Html;

/// A part of a sentence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    /// Words as they are.
    Words(&'static str),
    /// The place of a piece, by its name.
    Piece(&'static str),
}

/// The parts of a sentence, in order.
pub(crate) fn parts(sentence: &'static str) -> impl Iterator<Item = Part> {
    let (first, rest) = sentence.split_once('{').unwrap_or((sentence, ""));
    let others = rest.split('{').filter_map(|part| part.split_once('}'));
    let others = others.flat_map(|(name, words)| [Part::Piece(name), Part::Words(words)]);
    std::iter::once(Part::Words(first)).chain(others)
}

/// Puts pieces into a sentence where it names them.
pub(crate) fn fill(html: &mut Html, sentence: &'static str, pieces: &[(&str, &Html)]) {
    for part in parts(sentence) {
        match part {
            Part::Words(words) => {
                html.raw(words);
            }
            Part::Piece(name) => {
                for (_, piece) in pieces.iter().filter(|(known, _)| *known == name) {
                    html.piece(piece);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_stand_where_the_sentence_names_them() {
        let (mut html, mut limit) = (Html::default(), Html::default());
        limit.name("<5>");
        fill(&mut html, "above {limit}, {none}!", &[("limit", &limit)]);
        assert_eq!(html.into_string(), "above <bdi>&lt;5&gt;</bdi>, !");
    }
}

//! The reasons of a verdict as sentences.

use super::html::Html;
use crate::engine::LineView;
use crate::verdict::{Reason, Similar};
use crate::words::Language;
use std::sync::Arc;

/// A reason as a sentence. Units come from the tags of the line.
pub(super) fn sentence(reason: &Reason, line: &LineView, language: Language) -> Html {
    let unit = |tag: &str| {
        let known = line.tags.iter().find(|known| *known.id == *tag);
        known.map_or_else(|| "".into(), |known| Arc::clone(&known.unit))
    };
    crate::words::reason::reason(language, reason, unit).html()
}

/// How a past batch ended.
pub(super) fn ended(similar: &Similar, language: Language) -> Html {
    crate::words::reason::ending(language, similar).html()
}

/// The tags behind a reason, with their shares.
pub(super) fn shares(reason: &Reason) -> &[(Arc<str>, f64)] {
    match reason {
        Reason::Process { tags, .. } => tags,
        _ => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::fixture;
    use super::*;

    #[test]
    fn a_reason_has_the_unit_of_its_tag() {
        let view = fixture::on_spec();
        let reason = Reason::Spec {
            tag: "basis_weight".into(),
            value: 15.93,
            low: Some(14.4),
            high: Some(15.6),
            share_out: 0.124,
            compared: crate::plant::Compared::Share,
        };
        assert_eq!(
            sentence(&reason, &view.lines[0], Language::English).into_string(),
            "<b><bdi>basis_weight</bdi></b> <b>15.93\u{a0}g/m2</b>, above its limit of 15.6; \
             12.4\u{a0}% of the batch outside."
        );
    }
}

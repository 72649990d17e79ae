//! What is said of a line, in words: the face of its verdict and its reasons as sentences.

use super::html::Html;
use crate::engine::LineView;
use crate::verdict::{Call, Reason, Similar};
use crate::words::Language;
use std::sync::Arc;

/// How a verdict looks: word, shape and colour, so that none of them has to carry it alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Face {
    /// The word.
    pub(super) word: &'static str,
    /// The symbol; its shape differs, not only its colour.
    pub(super) symbol: &'static str,
    /// The class of the style sheet.
    pub(super) class: &'static str,
}

const fn face(word: &'static str, symbol: &'static str, class: &'static str) -> Face {
    Face { word, symbol, class }
}

const BLIND: Face = face("Blind", "blind", "is-blind");
const WAITING: Face = face("Waiting", "wait", "is-unknown");
const LEARNING: Face = face("Learning", "learn", "is-unknown");
/// A merged or void batch.
pub(super) const VOID: Face = face("Void", "unknown", "is-unknown");

/// The face of a call.
pub(super) fn of_call(call: Call) -> Face {
    match call {
        Call::OnSpec => face("On spec", "ok", "is-ok"),
        Call::AtRisk => face("At risk", "risk", "is-risk"),
        Call::OffSpec => face("Off spec", "off", "is-off"),
        Call::Unknown => face("Unknown", "unknown", "is-unknown"),
    }
}

/// The face of a line.
pub(super) fn of_line(line: &LineView) -> Face {
    match &line.verdict {
        _ if line.blind => BLIND,
        None => WAITING,
        Some(document) if document.verdict == Call::Unknown && is_learning(line) => LEARNING,
        Some(document) => of_call(document.verdict),
    }
}

/// True while the verdict is open only because the first model is still being learned, and none is borrowed.
fn is_learning(line: &LineView) -> bool {
    line.verdict.as_ref().is_some_and(|document| {
        let missing = |reason: &Reason| matches!(reason, Reason::Coverage { .. });
        document.learning.is_some_and(|learning| !learning.borrowed)
            && !document.reasons.iter().any(missing)
    })
}

/// One sentence on what the face means.
pub(super) fn meaning(line: &LineView) -> Html {
    let mut html = Html::default();
    if line.blind {
        html.raw(
            "Nothing is heard from this line, so nobody knows whether what was said still holds.",
        );
        return html;
    }
    let Some(document) = &line.verdict else {
        match line.clock {
            None => html.raw("Waiting for the first reading."),
            Some(_) => {
                html.raw("Readings arrive. The first verdict comes when a frame has closed.")
            }
        };
        return html;
    };
    match document.verdict {
        Call::OnSpec if document.batch.is_some() => {
            html.raw("Enough good data say that this batch is on spec.")
        }
        Call::OnSpec => html.raw("Enough good data say that the line runs on spec."),
        Call::AtRisk => html.raw("Not off spec yet, and it may end so. There is time to act."),
        Call::OffSpec => html.raw("By what is already made, this batch is off spec."),
        Call::Unknown if is_learning(line) => html.raw(
            "There is no model for this grade yet; only specification limits can flag a batch.",
        ),
        Call::Unknown => html.raw("Not enough is known to judge."),
    };
    html
}

/// A reason as a sentence. Units come from the tags of the line.
pub(super) fn sentence(reason: &Reason, line: &LineView) -> Html {
    let unit = |tag: &str| {
        let known = line.tags.iter().find(|known| *known.id == *tag);
        known.map_or_else(|| "".into(), |known| Arc::clone(&known.unit))
    };
    crate::words::reason::reason(Language::English, reason, unit).html()
}

/// How a past batch ended.
pub(super) fn ended(similar: &Similar) -> Html {
    crate::words::reason::ending(Language::English, similar).html()
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
            sentence(&reason, &view.lines[0]).into_string(),
            "<b><bdi>basis_weight</bdi></b> <b>15.93\u{a0}g/m2</b>, above its limit of 15.6; \
             12.4\u{a0}% of the batch outside."
        );
    }

    #[test]
    fn every_state_has_its_own_word_and_shape() {
        let face = |view: crate::engine::View| of_line(&view.lines[0]);
        assert_eq!(face(fixture::waiting()).word, "Waiting");
        assert_eq!(face(fixture::learning()).word, "Learning");
        assert_eq!(face(fixture::on_spec()).word, "On spec");
        assert_eq!(face(fixture::at_risk()).word, "At risk");
        assert_eq!(face(fixture::off_spec()).word, "Off spec");
        assert_eq!(face(fixture::uncovered()).word, "Unknown");
        let mut symbols = [BLIND, WAITING, LEARNING].map(|face| face.symbol).to_vec();
        let calls = [Call::OnSpec, Call::AtRisk, Call::OffSpec, Call::Unknown];
        symbols.extend(calls.map(|call| of_call(call).symbol));
        symbols.sort_unstable();
        symbols.dedup();
        assert_eq!(symbols.len(), 7);
    }

    #[test]
    fn a_blind_line_is_never_on_spec() {
        assert_eq!(of_line(&fixture::blind().lines[0]), BLIND);
    }
}

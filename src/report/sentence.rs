//! What a verdict says, on paper.

use super::paper::Paper;
use crate::verdict::{Document, Mover};
use crate::words::reason::{contributions, mover, reason};
use std::sync::Arc;

impl Paper<'_> {
    /// The reasons of a verdict, the weightiest first.
    pub(super) fn reasons(&mut self, document: &Document, unit: impl Fn(&str) -> Arc<str>) {
        if document.reasons.is_empty() {
            return self.say(self.words.no_reasons);
        }
        let language = self.settings.language;
        self.html.raw("<ul>");
        for one in &document.reasons {
            self.html.raw("<li>").piece(&reason(language, one, &unit).html());
            if let Some(tags) = contributions(language, one, usize::MAX) {
                self.html.raw(language.space()).piece(&tags.html());
            }
            self.html.raw("</li>");
        }
        self.html.raw("</ul>");
    }

    /// What moved, in its order.
    pub(super) fn movers(&mut self, movers: &[Mover]) {
        if movers.is_empty() {
            return;
        }
        self.html.raw("<h3>").raw(self.words.moved).raw("</h3><ol>");
        for (ix, one) in movers.iter().enumerate() {
            let sentence = mover(self.settings.language, ix, one, self.time(one.since));
            self.html.raw("<li>").piece(&sentence.html()).raw("</li>");
        }
        self.html.raw("</ol>");
    }
}

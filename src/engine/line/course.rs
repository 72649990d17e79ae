//! What is known along the batch in progress, for people.

use super::super::sheet::{CourseView, sections, sheet};
use super::LineState;
use crate::plant::{Line, Plant};
use std::sync::Arc;

impl LineState {
    /// What its sheet would be if the batch in progress ended now; `None` before anything was said of it.
    pub(super) fn course(&self, line: &Line, plant: &Plant) -> Option<Arc<CourseView>> {
        let batch = self.book.current()?;
        let document = self.document.as_ref();
        let document = document.filter(|document| document.batch.as_ref() == Some(&batch.id))?;
        let grade = self.asked_of(plant, batch.started);
        let judge = self.judges.get(&batch.id);
        let seen = judge.map_or_else(Vec::new, |judge| judge.sections(batch, grade));
        Some(Arc::new(CourseView {
            sheet: sheet(line, batch, grade, document),
            sections: sections(line, batch, seen, Vec::new()),
        }))
    }
}

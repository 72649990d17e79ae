//! What a finished batch was found to be: by a person, the laboratory, or its quality tags.

use crate::batch::Batch;
use crate::decode::Disposition;
use crate::models::Outcome;
use crate::plant::{Grade, LearnFrom};
use crate::verdict::Found;

/// The share of a batch's quality values that is inside when they say nothing against it.
const INSIDE_SHARE: f64 = 0.98;

/// True if the quality tags of a batch were seen and say nothing against it; `unseen` where none was.
fn tags_inside(batch: &Batch, grade: &Grade, unseen: bool) -> bool {
    batch.out_share().map_or(unseen, |share| share <= 1.0 - INSIDE_SHARE)
        && batch.product.broken(grade).next().is_none()
}

/// Whether a finished batch may teach: released; or all laboratory results inside; or, if the plant
/// says so, its quality tags inside for 98 % and nobody rejected it. Never one that somebody acted on.
pub(super) fn is_fit(batch: &Batch, grade: Option<&Grade>, learn_from: LearnFrom) -> bool {
    if batch.ended.is_none() || !batch.begin_known || batch.void || !batch.actions.is_empty() {
        return false;
    }
    if let Some(word) = batch.disposition() {
        return word.disposition == Disposition::Release;
    }
    let Some(grade) = grade else { return learn_from == LearnFrom::Unrejected };
    if batch.lab_outside(grade).is_some() {
        return false;
    }
    if batch.lab_inside(grade) {
        return true;
    }
    learn_from == LearnFrom::Unrejected && tags_inside(batch, grade, false)
}

/// What a finished batch shows of a flag: what it was found to be, and where nobody has said that, off spec if its
/// quality tags broke a limit. Whoever holds it has not decided.
pub(in crate::engine) fn shown(batch: &Batch, grade: Option<&Grade>) -> Found {
    let outcome = outcome(batch, grade);
    let is_whole = batch.ended.is_some() && batch.begin_known && !batch.void;
    let broken = grade.is_some_and(|grade| batch.product.broken(grade).next().is_some());
    if outcome == Outcome::Open && is_whole && batch.disposition().is_none() && broken {
        return Found::Bad;
    }
    let acted = |flag| batch.actions.iter().any(|(at, ..)| *at >= flag);
    if outcome == Outcome::Acted && !batch.first_flag.is_some_and(acted) {
        // Nobody acted on a flag.
        return Found::Good;
    }
    outcome.into()
}

/// What a finished batch was found to be. Good is what a person released, or what the laboratory found inside and
/// quality tags say nothing against: nobody's silence.
pub(in crate::engine) fn outcome(batch: &Batch, grade: Option<&Grade>) -> Outcome {
    if batch.ended.is_none() || !batch.begin_known || batch.void {
        return Outcome::Open;
    }
    let inside = |grade| batch.lab_inside(grade) && tags_inside(batch, grade, true);
    let good = match batch.disposition().map(|word| word.disposition) {
        Some(Disposition::Release) => true,
        Some(Disposition::Hold) => return Outcome::Open,
        Some(Disposition::Downgrade | Disposition::Rework | Disposition::Scrap) => {
            return Outcome::Bad;
        }
        None if grade.is_some_and(|grade| batch.lab_outside(grade).is_some()) => {
            return Outcome::Bad;
        }
        None => grade.is_some_and(inside),
    };
    match (good, batch.actions.is_empty()) {
        (false, _) => Outcome::Open,
        (true, true) => Outcome::Good,
        (true, false) => Outcome::Acted,
    }
}

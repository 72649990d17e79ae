//! How batches in progress will end, learned from how those before them did: the outlook of one line.
//!
//! At each frame the [`Signs`] of the batch in progress become a chance of off spec ([`Outlook::look`]). What they were when a
//! quarter, half and three quarters of it were made is kept, with the chance that was said, until it is known how the batch
//! ended. Then weights are fitted anew by all that is known, over all grades of the line, for bad batches are few; and what
//! was said is held against what came ([`Outlook::reliability`]).

use super::learning::outcome;
use crate::batch::{Batch, Book};
use crate::decode::Disposition;
use crate::models::{BatchStage, Case, Outcome, Prospects, Sign, Signs};
use crate::plant::Grade;
use crate::reading::Timestamp;
use crate::verdict::{EarlierBatch, Foretelling, Found, Prospect, Reliability};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use std::sync::Arc;

/// Batches that are remembered, the newest.
const REMEMBERED: usize = 300;

/// Of so many batches it has to be known that they were good before a chance is said by what they tell: where only bad ones
/// ever become known, they tell nothing of how many there are.
const TELLING: usize = 10;

/// How far back a batch that was found off spec still tells something: what was wrong then was mended since, or found again.
const REACH: usize = 8;

/// Chances of soft sensors are not believed beyond these, nor scores.
const CHANCES: (f64, f64) = (0.01, 0.99);
const SCORES: (f64, f64) = (0.3, 3.0);

/// A chance of one in ten by its soft sensors tells nothing of a batch: ln(0.1 / 0.9).
const PLAIN: f64 = -2.197_224_577_336_219_6;

/// What a line knows of how its batches end.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Outlook {
    /// The greatest score of the batch in progress.
    peak: Option<f64>,
    /// What it showed last.
    last: Signs,
    /// What was said of it at the stages that it has passed.
    said: Vec<Said>,
    /// The newest batches, in the order of their ends.
    batches: VecDeque<Ended>,
    prospects: Prospects,
    /// How many of them were found good.
    good: usize,
    /// What is known of earlier batches for a grade; nothing once something new is known of batches.
    #[serde(skip)]
    earlier: Option<(Arc<str>, Option<Earlier>)>,
}

/// A batch that was found off spec, and how many batches ago.
pub(super) type Earlier = (EarlierBatch, usize);

/// What was said of a batch at a stage.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct Said {
    stage: BatchStage,
    signs: Signs,
    /// The chance that was told; nothing where none was.
    chance: Option<f64>,
}

/// A batch that ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Ended {
    batch: Arc<str>,
    said: Vec<Said>,
    /// What it showed at its end.
    last: Signs,
    /// True if it ended off spec; nothing while nobody knows.
    bad: Option<bool>,
}

/// How chances of off spec came true that were said of a line's batches, for people.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct ProspectsView {
    /// The chance of a batch of which nothing is known, 0–1.
    pub plain: f64,
    /// What each sign adds to the logarithm of the odds, by its unit.
    pub weights: Vec<(Sign, f64)>,
    /// By how much of the batch was made.
    pub stages: Vec<StageReliability>,
}

/// How chances came true that were said at a stage.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StageReliability {
    /// The share of the batch that was made, 0–1.
    pub progress: f64,
    /// What was said against what came.
    pub reliability: Reliability,
}

/// What is seen of the batch in progress at a frame's end.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Seen<'a> {
    /// The score of its monitors, 1.0 is the limit.
    pub(super) score: Option<f64>,
    /// True while a monitor or a limit flags it.
    pub(super) flagged: bool,
    /// The greatest share of what may be outside a limit that is outside by now, 0–1.
    pub(super) limits: f64,
    /// What soft sensors say of it.
    pub(super) foretold: Option<&'a Foretelling>,
    /// A batch before it that was found off spec, and how many batches ago.
    pub(super) earlier: Option<Earlier>,
}

impl Seen<'_> {
    fn signs(&self, peak: Option<f64>) -> Signs {
        let chance = self.foretold.and_then(|foretold| foretold.off_spec);
        let lag = self.earlier.as_ref().map(|(_, lag)| *lag);
        let yes = |is: bool| f64::from(u8::from(is));
        Sign::ALL.map(|sign| match sign {
            Sign::SoftSensor => foretold_sign(chance),
            Sign::BatchBefore => yes(lag == Some(1)),
            Sign::EarlierBatch => yes(lag.is_some_and(|lag| lag > 1)),
            Sign::Score => peak.map_or(0.0, |peak| libm::log(peak.clamp(SCORES.0, SCORES.1))),
            Sign::Flag => yes(self.flagged),
            Sign::Limits => self.limits.clamp(0.0, 1.0),
        })
    }
}

/// The sign of what soft sensors foretell.
fn foretold_sign(chance: Option<f64>) -> f64 {
    chance.map_or(0.0, |chance| {
        let chance = chance.clamp(CHANCES.0, CHANCES.1);
        libm::log(chance / (1.0 - chance)) - PLAIN
    })
}

impl Outlook {
    /// A batch begins, or the line is declared anew.
    pub(super) fn begin_batch(&mut self) {
        self.peak = None;
        self.last = Signs::default();
        self.said.clear();
        self.earlier = None;
    }

    /// Something new is known of batches: what is known of earlier ones is looked up again.
    pub(super) fn hear_of_batches(&mut self) {
        self.earlier = None;
    }

    /// What is known of earlier batches of a grade, by this where it has to be looked up.
    pub(super) fn earlier(
        &mut self,
        grade: &Arc<str>,
        look_up: impl FnOnce() -> Option<Earlier>,
    ) -> Option<Earlier> {
        match &self.earlier {
            Some((known, earlier)) if known == grade => earlier.clone(),
            _ => {
                let earlier = look_up();
                self.earlier = Some((Arc::clone(grade), earlier.clone()));
                earlier
            }
        }
    }

    /// How the batch in progress will end; `None` while nothing tells.
    pub(super) fn look(&mut self, seen: &Seen<'_>) -> Option<Prospect> {
        self.peak = match (self.peak, seen.score) {
            (Some(peak), Some(score)) => Some(peak.max(score)),
            (peak, score) => peak.or(score),
        };
        let signs = seen.signs(self.peak);
        self.last = signs;
        let foretold = seen.foretold.is_some_and(|foretold| foretold.off_spec.is_some());
        let is_told = foretold || self.good >= TELLING;
        let earlier = seen.earlier.as_ref().map(|(earlier, _)| earlier.clone());
        is_told.then(|| self.prospect(&signs, earlier))
    }

    fn prospect(&self, signs: &Signs, earlier: Option<EarlierBatch>) -> Prospect {
        let told = Sign::ALL.into_iter().zip(self.prospects.told(signs));
        let mut told: Vec<(Sign, f64)> = told.filter(|(_, told)| *told > 0.0).collect();
        told.sort_by(|a, b| b.1.total_cmp(&a.1));
        Prospect { chance: self.prospects.chance(signs), signs: told, earlier }
    }

    /// What was told at the frame that was looked at last, which has passed this share of the batch: at the first one behind a
    /// stage it is kept, with what the batch showed.
    pub(super) fn told(&mut self, progress: Option<f64>, chance: Option<f64>) {
        let Some(progress) = progress else { return };
        let stage = BatchStage::of(progress);
        let is_new = self.said.iter().all(|said| said.stage != stage);
        if progress >= stage.share() && is_new && self.last.iter().all(|sign| sign.is_finite()) {
            self.said.push(Said { stage, signs: self.last, chance });
        }
    }

    /// How a batch that ended stands, while nobody knows it: as it did at its end, but for what the laboratory has found since. What
    /// its soft sensors say of the rest is this chance.
    pub(super) fn stands(&self, batch: &str, foretold: Option<f64>) -> Option<Prospect> {
        let ended = self.batches.iter().rev().find(|ended| *ended.batch == *batch)?;
        let mut signs = ended.last;
        signs[Sign::SoftSensor as usize] = foretold_sign(foretold);
        let is_told = foretold.is_some() || self.good >= TELLING;
        is_told.then(|| self.prospect(&signs, None))
    }

    /// The batch in progress has ended.
    pub(super) fn end_batch(&mut self, batch: &Batch) {
        let (said, last) = (std::mem::take(&mut self.said), self.last);
        self.begin_batch();
        if self.batches.len() == REMEMBERED {
            self.batches.pop_front();
        }
        self.batches.push_back(Ended { batch: Arc::clone(&batch.id), said, last, bad: None });
    }

    /// What a finished batch was found to be.
    pub(super) fn found(&mut self, batch: &str, found: Found) {
        let bad = match found {
            Found::Good => Some(false),
            Found::Bad => Some(true),
            // What would have become of it nobody knows.
            Found::Acted | Found::Open => None,
        };
        let ended = self.batches.iter_mut().rev().find(|ended| *ended.batch == *batch);
        let Some(ended) = ended.filter(|ended| ended.bad != bad) else { return };
        ended.bad = bad;
        self.good = self.batches.iter().filter(|ended| ended.bad == Some(false)).count();
        self.prospects = if self.good < TELLING {
            Prospects::default()
        } else {
            Prospects::fit(&self.batches.iter().flat_map(Ended::cases).collect::<Vec<Case>>())
        };
    }

    /// For people.
    pub(super) fn view(&self) -> ProspectsView {
        let stage = |stage: BatchStage| {
            let reliability = self.reliability(stage)?;
            Some(StageReliability { progress: stage.share(), reliability })
        };
        let weights = self.prospects.told(&[1.0; Sign::ALL.len()]);
        ProspectsView {
            plain: self.prospects.chance(&[0.0; Sign::ALL.len()]),
            weights: Sign::ALL.into_iter().zip(weights).collect(),
            stages: BatchStage::ALL.into_iter().filter_map(stage).collect(),
        }
    }

    /// How chances came true that were said at a stage; `None` before there is one.
    fn reliability(&self, stage: BatchStage) -> Option<Reliability> {
        let of = |ended: &Ended| {
            let said = ended.said.iter().find(|said| said.stage == stage)?;
            Some((said.chance?, ended.bad?))
        };
        Reliability::of(&self.batches.iter().filter_map(of).collect::<Vec<_>>())
    }
}

impl Ended {
    fn cases(&self) -> impl Iterator<Item = Case> {
        // Three looks at a batch are one batch.
        let weight = 1.0 / f64::from(u32::try_from(self.said.len()).unwrap_or(u32::MAX));
        let of = move |bad: bool| {
            self.said.iter().map(move |said| Case { signs: said.signs, bad, weight })
        };
        self.bad.into_iter().flat_map(of)
    }
}

/// The newest batch of a grade of which it is known how it ended, if that is off spec, and how many batches ago it was.
/// Nothing once somebody acted since, whatever was made then: it is mended, as far as anybody can tell.
pub(super) fn earlier<'a>(
    book: &'a Book,
    grade: &str,
    grade_of: impl Fn(&Batch) -> Option<&'a Grade>,
) -> Option<Earlier> {
    let acted = |batch: &Batch, since: Timestamp| batch.actions.iter().any(|act| act.0 >= since);
    let mut acted_since = book.current().is_some_and(|batch| acted(batch, batch.started));
    let finished = book.finished().filter(|batch| batch.station.is_none() && !batch.void);
    for (ix, batch) in finished.take(REACH).enumerate() {
        acted_since |= batch.ended.is_some_and(|ended| acted(batch, ended));
        if acted_since {
            return None;
        }
        if batch.grade.as_deref() == Some(grade) {
            let asked = grade_of(batch);
            let outside = asked.and_then(|grade| batch.lab_outside(grade));
            let held = batch.disposition().map(|word| word.disposition) == Some(Disposition::Hold);
            match outcome(batch, asked) {
                Outcome::Good | Outcome::Acted => return None,
                // Who holds what the laboratory found outside has not decided, but knows. What its quality tags alone say of
                // a batch is seen of the next one as well, and is no news of it.
                Outcome::Open if !(held && outside.is_some()) => {}
                Outcome::Open | Outcome::Bad => {
                    let bounds = outside.map(|(_, _, bounds)| bounds).unwrap_or_default();
                    let earlier = EarlierBatch {
                        batch: Arc::clone(&batch.id),
                        property: outside.map(|(property, ..)| Arc::clone(property)),
                        value: outside.map(|(_, value, _)| value),
                        low: bounds.low,
                        high: bounds.high,
                    };
                    return Some((earlier, ix + 1));
                }
            }
        }
        acted_since |= acted(batch, batch.started);
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOTHING: Seen<'static> =
        Seen { score: None, flagged: false, limits: 0.0, foretold: None, earlier: None };

    fn before() -> (EarlierBatch, usize) {
        let batch = "R0".into();
        (EarlierBatch { batch, property: None, value: None, low: None, high: None }, 1)
    }

    fn batch(id: &str) -> Batch {
        let at = crate::reading::Timestamp::from_nanos(0);
        Batch::begin(id.into(), None, None, at)
    }

    /// A batch that is made, with what is seen of it all along.
    fn make(outlook: &mut Outlook, id: &str, seen: &Seen<'_>, found: Found) -> Option<f64> {
        let mut said = None;
        for tenth in 0..10_u8 {
            let progress = Some(f64::from(tenth) / 10.0);
            said = outlook.look(seen);
            outlook.told(progress, said.as_ref().map(|prospect| prospect.chance));
        }
        outlook.end_batch(&batch(id));
        outlook.found(id, found);
        said.map(|prospect| prospect.chance)
    }

    #[test]
    fn chance_is_said_once_batches_tell_and_follows_what_came_of_them() {
        let mut outlook = Outlook::default();
        let after_bad = Seen { earlier: Some(before()), ..NOTHING };
        for ix in 0..10 {
            assert_eq!(make(&mut outlook, &format!("G{ix}"), &NOTHING, Found::Good), None);
        }
        let plain = make(&mut outlook, "R1", &NOTHING, Found::Good).expect("ten tell");
        let likely = make(&mut outlook, "R2", &after_bad, Found::Bad).expect("ten tell");
        assert!(plain < 0.08 && likely > 0.5, "{plain} {likely}");
        // Where it is mended each time what was bad before tells nothing.
        for ix in 0..20 {
            make(&mut outlook, &format!("M{ix}"), &after_bad, Found::Good);
        }
        let mended = make(&mut outlook, "R3", &after_bad, Found::Open).expect("ten tell");
        assert!(mended < 0.3, "{mended}");
        // What nobody knows, or what somebody mended in time, is learned from no more than what was never made.
        let mut same = outlook.clone();
        make(&mut same, "R4", &after_bad, Found::Acted);
        assert_eq!(same.prospects, outlook.prospects);
        same.found("R4", Found::Bad);
        assert_ne!(same.prospects, outlook.prospects);
        same.found("R4", Found::Open);
        assert_eq!(same.prospects, outlook.prospects, "a correction takes it back");
    }

    #[test]
    fn what_was_said_is_held_against_what_came_at_each_stage() {
        let mut outlook = Outlook::default();
        for ix in 0..12 {
            let found = if ix == 11 { Found::Bad } else { Found::Good };
            make(&mut outlook, &format!("R{ix}"), &NOTHING, found);
        }
        let half = outlook.reliability(BatchStage::Half).expect("two were said");
        assert_eq!((half.batches, half.bad), (2, 1), "of the first ten nothing was said");
        assert_eq!(outlook.reliability(BatchStage::End), None);
        // A batch that was first seen near its end has passed no other stage.
        let mut late = Outlook::default();
        late.look(&NOTHING);
        late.told(Some(0.8), None);
        late.end_batch(&batch("R1"));
        let stages: Vec<_> = late.batches[0].said.iter().map(|said| said.stage).collect();
        assert_eq!(stages, [BatchStage::ThreeQuarters]);
    }

    #[test]
    fn signs_are_bounded_and_named_by_what_they_weigh() {
        let foretold = Foretelling { off_spec: Some(1.0), ..Foretelling::default() };
        let seen = Seen {
            score: Some(50.0),
            flagged: true,
            limits: 3.0,
            foretold: Some(&foretold),
            earlier: Some(before()),
        };
        let mut outlook = Outlook::default();
        let prospect = outlook.look(&seen).expect("soft sensors tell");
        assert!(prospect.chance > 0.99, "{prospect:?}");
        let named: Vec<Sign> = prospect.signs.iter().map(|(sign, _)| *sign).collect();
        let expected = [Sign::BatchBefore, Sign::SoftSensor, Sign::Limits, Sign::Flag, Sign::Score];
        assert_eq!(named, expected);
        let signs = seen.signs(Some(50.0));
        assert!((signs[0] - (99.0_f64.ln() - PLAIN)).abs() < 1e-12, "{signs:?}");
        assert!((signs[3] - 3.0_f64.ln()).abs() < 1e-12 && (signs[5] - 1.0).abs() < 1e-12);
        // Its score was calm later: the peak stays. Another batch begins anew.
        let calm = outlook.look(&Seen { score: Some(0.5), ..NOTHING });
        assert_eq!((calm, outlook.peak), (None, Some(50.0)));
        outlook.begin_batch();
        assert_eq!(outlook.peak, None);
    }
}

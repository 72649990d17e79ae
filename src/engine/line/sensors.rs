//! The sensors of a line: who is silent, who disagrees with the others, and the figures of a minute.

use super::super::documents::sensor_health;
use super::super::effect::Effect;
use super::{Context, LineState};
use crate::frame::Frame;
use crate::models::{Disagreement, Word};
use crate::quality::{Checks, SensorFault};
use crate::reading::TagIx;
use std::sync::Arc;
use std::time::Duration;

const MINUTE: Duration = Duration::from_secs(60);

/// More tags than so many that jump together are moved by the process, and none of them is doubted.
const JUMP_TOGETHER: usize = 3;

impl LineState {
    /// Silent sensors, and the minute's figures.
    pub(super) fn watch_sensors(&mut self, cx: &mut Context<'_>, frame: &Frame) {
        if self.newest.is_none() {
            // The frames came whole, from a recording: no sensor said anything, nor kept silent.
            return;
        }
        let since = self.first_frame.unwrap_or(frame.start);
        if self.steady.is_steady() && !self.maintenance.is_on() {
            self.watch_silence(cx, frame.end);
            let known_to = self.silence_known_to(frame.end);
            let mut changes = Vec::new();
            for (ix, (declared, state)) in (0..).zip(cx.line.tags.iter().zip(&mut self.tags)) {
                let change = state.quality.pass(&Checks::of(declared), known_to, since);
                changes.extend(change.map(|change| (TagIx(ix), change)));
            }
            for (tag, change) in changes {
                self.tell_sensor(cx, (tag, frame.end), change, None);
            }
            self.tell_missing(cx, frame.end);
        } else {
            // The scanner is off the sheet, and much stands still, or somebody works on it: so it is, as far as is known, until the
            // next frame closes.
            let known_to = frame.end.plus(cx.line.frame + cx.line.lateness);
            self.tags.iter_mut().for_each(|state| state.quality.excuse(known_to));
        }
        let minute = frame.end.floor(MINUTE);
        let is_new = self.minute.replace(minute).is_some_and(|before| before != minute);
        self.fold_past(cx, is_new);
        if !is_new {
            return;
        }
        let suspected = self.suspected();
        for (ix, state) in self.tags.iter_mut().enumerate() {
            let Some(series) = &state.series else { continue };
            let doubted = state.quality.is_doubted(frame.end) || suspected.contains(&ix);
            let silent = self.absence.silent.is_some();
            let health = sensor_health(series, minute, &mut state.quality, (doubted, silent));
            cx.out.push(Effect::SensorHealth(health));
        }
    }

    /// Asks the ties of the grade's model what they make of a frame. Gives the tags that it is not to be
    /// judged by.
    pub(super) fn ask_peers(
        &mut self,
        cx: &mut Context<'_>,
        frame: &Frame,
        grade: &Arc<str>,
    ) -> Vec<usize> {
        let Some(judging) = self.learning.judging_mut(grade) else { return Vec::new() };
        let Some((model, row)) = judging.row(&frame.values) else { return Vec::new() };
        let mut peers = std::mem::take(&mut judging.peers);
        let tag = |column: usize| judging.tag_of(column);
        let accused =
            |column: usize| tag(column).is_some_and(|ix| self.tags[ix].quality.is_accused());
        let span = (frame.end, frame.end.seconds_since(frame.start));
        let words = model.watch(&mut peers, span, &row, &accused);
        let words: Vec<(usize, Word)> =
            words.into_iter().filter_map(|(column, word)| Some((tag(column)?, word))).collect();
        let mut distrusted: Vec<usize> = model.distrusted(&peers).filter_map(tag).collect();
        // Whose accuser is gone, with an older model, is well until somebody accuses it again.
        let tied: Vec<usize> =
            (0..row.len()).filter(|column| model.is_tied(*column)).filter_map(tag).collect();
        judging.peers = peers;
        for (ix, word) in words {
            self.tell_word(cx, frame, ix, word);
        }
        for ix in 0..self.tags.len() {
            if self.tags[ix].quality.is_accused() && !tied.contains(&ix) {
                self.tell_word(cx, frame, ix, Word::Acquitted);
            }
        }
        // Also of another grade's model, which knew more.
        distrusted.extend((0..self.tags.len()).filter(|ix| self.tags[*ix].quality.is_accused()));
        let doubted: Vec<usize> = (0..self.tags.len())
            .filter(|ix| self.tags[*ix].quality.is_doubted(frame.end))
            .collect();
        if doubted.len() <= JUMP_TOGETHER {
            distrusted.extend(doubted);
        }
        distrusted
    }

    fn tell_word(&mut self, cx: &mut Context<'_>, frame: &Frame, ix: usize, word: Word) {
        let declared = &cx.line.tags[ix];
        let quality = &mut self.tags[ix].quality;
        let change = match word {
            Word::Accused(how, since) => {
                let fault = match how {
                    Disagreement::Offset => SensorFault::Offset,
                    Disagreement::Drift => SensorFault::Drift,
                    Disagreement::Frozen => SensorFault::Frozen,
                };
                let looked_for = Checks::of(declared).looks_for(fault);
                looked_for.then(|| quality.accuse(fault, since, frame.end)).flatten()
            }
            Word::Acquitted => quality.acquit(frame.end),
        };
        if let (Some(change), Ok(ix)) = (change, u32::try_from(ix)) {
            self.tell_sensor(cx, (TagIx(ix), frame.end), change, None);
        }
    }

    /// The tags that the ties of the model that judges suspect or accuse.
    fn suspected(&self) -> Vec<usize> {
        let Some(judging) = self.learning.judging(&self.grade_name()) else { return Vec::new() };
        let Some(model) = judging.model() else { return Vec::new() };
        model.distrusted(&judging.peers).filter_map(|column| judging.tag_of(column)).collect()
    }

    /// The values of a frame that models may learn from: none of a sensor that the others accuse.
    pub(super) fn without_accused(&self, values: &[f64]) -> Vec<f64> {
        let known = |(value, state): (&f64, &super::TagState)| {
            if state.quality.is_accused() { f64::NAN } else { *value }
        };
        values.iter().zip(&self.tags).map(known).collect()
    }
}

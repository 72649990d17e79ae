//! Alarms: what is told goes through the book, people give orders, and delays and shelves end.

use super::Engine;
use super::effect::Effect;
use crate::alarm::{Action, Design, FLOOD_ABOVE, IsaState, News, Order, Said, Subject, Unmet};
use crate::decode::{BatchEvent, BatchMessage};
use crate::plant::Speech;
use crate::reading::{LineIx, Timestamp};
use crate::verdict::Document;
use crate::words::SystemReason;
use std::sync::Arc;

/// The part that stands for all alarms: too many of them are one.
const ALARMS: &str = "alarms";

impl From<Said> for Effect {
    fn from(said: Said) -> Self {
        match said {
            Said::Event(notification) => Self::Notification(notification),
            Said::Record(record) => Self::Alarm(record),
        }
    }
}

/// What is said of people's response to the alarm of a batch has the verdict as it is now, and the words for it.
pub(super) fn as_of_now(said: &mut [Said], now: Option<&Document>, speech: &Speech) {
    let Some(now) = now else { return };
    let locale = speech.into();
    for said in said {
        let Said::Event(event) = said else { continue };
        let responds = event.kind.responds();
        if let Subject::Batch { batch, verdict, .. } = &mut event.subject
            && responds
            && now.batch.as_ref() == Some(batch)
            && (&now.line, &now.station) == (&verdict.line, &verdict.station)
        {
            **verdict = now.clone();
            event.title = event.title_in(&locale).into();
            event.text = event.text_in(&locale).into();
        }
    }
}

impl Engine {
    pub(super) fn tell(&mut self, news: News, out: &mut Vec<Effect>) {
        let mut said = Vec::new();
        self.state.alarms.tell(news, &self.plant.alarms, &mut said);
        out.extend(said.into_iter().map(Effect::from));
    }

    /// The state of a line begins, or ceases, to make alarms of it meaningless.
    pub(super) fn design(
        &mut self,
        line: &Arc<str>,
        design: (Design, bool, Timestamp),
        out: &mut Vec<Effect>,
    ) {
        let mut said = Vec::new();
        self.state.alarms.design(line, design, &self.plant.alarms, &mut said);
        out.extend(said.into_iter().map(Effect::from));
    }

    /// Alarms of lines and tags that are declared no more are over.
    pub(super) fn end_undeclared(&mut self, at: Timestamp, out: &mut Vec<Effect>) {
        let mut said = Vec::new();
        let plant = &self.plant;
        let declared = |line: &str, subject: &Subject| {
            let line = plant.line_ix(line).and_then(|ix| plant.lines.get(ix.get()));
            line.is_some_and(|line| match subject {
                Subject::Sensor { tag, .. } => line.tag_position(tag).is_some(),
                Subject::Profile { tag, .. } => line.profiles.iter().any(|p| p.id == *tag),
                _ => true,
            })
        };
        self.state.alarms.end_undeclared(declared, at, &plant.alarms, &mut said);
        out.extend(said.into_iter().map(Effect::from));
    }

    /// What a person asks for; where it cannot be, nothing changes.
    pub(super) fn order(&mut self, order: &Order, out: &mut Vec<Effect>) {
        let mut said = Vec::new();
        // Who asked was told before it came here ([`Self::check_order`]).
        if self.state.alarms.act(order, &self.plant.alarms, &mut said).is_ok() {
            for line in &self.state.lines {
                as_of_now(&mut said, line.document(), &self.plant.alarms.speech);
            }
            out.extend(said.into_iter().map(Effect::from));
            self.write_order(order, out);
        }
    }

    /// What a person asks for in an event of a line.
    ///
    /// # Errors
    /// When that cannot be: why. Nothing changes then.
    pub(super) fn alarm_message(
        &mut self,
        message: BatchMessage,
        out: &mut Vec<Effect>,
    ) -> Result<(), String> {
        let BatchMessage { line, at, event, .. } = message;
        let BatchEvent::Alarm { action: word, alarm, until, by, note } = event else {
            return Ok(());
        };
        if alarm.split_once('/').is_none_or(|(of, _)| *of != *line) {
            return Err(format!(
                "alarm `{alarm}` is none of line `{line}`: those begin with `{line}/`"
            ));
        }
        let action = Action::of(&word, until)?;
        if action.needs_note() && note.is_none() {
            return Err(format!(
                "`{word}` of alarm `{alarm}` has no `note`: say why, so that the next shift knows"
            ));
        }
        let order = Order { alarm, action, by: Some(by), note, at, occurrence: None };
        self.check_order(&order).map_err(|unmet| format!("alarm `{}`: {unmet}", order.alarm))?;
        self.order(&order, out);
        Ok(())
    }

    /// The state of the alarm that an order would lead to now.
    ///
    /// # Errors
    /// When it cannot be followed: why.
    pub fn check_order(&self, order: &Order) -> Result<IsaState, Unmet> {
        self.state.alarms.check(order, &self.plant.alarms)
    }

    /// True if a delay of the daemon's own alarms, a shelf, or maintenance of a line of which nothing is heard ends by this
    /// instant, or nobody has acknowledged an alarm of such a line for too long.
    #[must_use]
    pub fn alarms_due(&self, now: Timestamp) -> bool {
        let (alarms, settings) = (&self.state.alarms, &self.plant.alarms);
        let mut lines = self.plant.lines.iter().zip(&self.state.lines);
        alarms.is_due(now, settings)
            || lines.any(|(line, state)| {
                let overdue = || alarms.is_overdue(&line.name, state.clocks(now), settings);
                state.maintenance_over(now) || state.is_unheard() && overdue()
            })
    }

    /// Time has come so far: what ends by it.
    pub(super) fn alarms_pass(&mut self, now: Timestamp, out: &mut Vec<Effect>) {
        let mut said = Vec::new();
        self.state.alarms.unshelve(now, &self.plant.alarms, &mut said);
        self.state.alarms.pass("", now, &self.plant.alarms, &mut said);
        for (line, state) in self.plant.lines.iter().zip(&self.state.lines) {
            if state.is_unheard() {
                let before = said.len();
                let clocks = state.clocks(now);
                self.state.alarms.escalate(&line.name, clocks, &self.plant.alarms, &mut said);
                let speech = &self.plant.alarms.speech;
                as_of_now(&mut said[before..], state.document(), speech);
            }
        }
        out.extend(said.into_iter().map(Effect::from));
        for ix in (0..).map(LineIx).take(self.state.lines.len()) {
            if self.state.lines[ix.get()].maintenance_over(now) {
                self.on_line(ix, (now, ""), out, |line, cx| line.reach_maintenance(cx, now));
            }
        }
        if let Some(begins) = self.state.alarms.flood(now) {
            let reason = if begins { SystemReason::Flood(FLOOD_ABOVE) } else { SystemReason::Calm };
            self.component(&ALARMS.into(), !begins, &reason, now, out);
        }
    }

    /// True if the engine tells of this part by how many alarms there are.
    pub(super) fn tells_of_alarms(component: &str) -> bool {
        component == ALARMS
    }
}

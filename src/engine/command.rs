//! What a person, or a part of the daemon, says.

use super::effect::Effect;
use super::event::{Command, Promotion, ToldEvents, Withdrawal};
use super::line::LineState;
use super::{Engine, SYSTEM, State, leapt, session_part, tell};
use crate::alarm::Design;
use crate::reading::Timestamp;
use crate::words::SystemReason;
use std::sync::Arc;

impl Engine {
    pub(super) fn command(&mut self, command: Command, out: &mut Vec<Effect>) {
        match command {
            Command::Component { component, works, reason, at } => {
                self.component(&component, works, &SystemReason::Said(reason), at, out);
            }
            Command::Subscribed { component, client_id, filters } => {
                self.state.sessions.settled((&component, &client_id), &filters);
            }
            Command::Session { component, client_id, present, filters, at } => {
                let had = self.state.sessions.made((&component, &client_id), present, &filters);
                if had && !present {
                    let last = self.heard_at();
                    let reason = SystemReason::SessionLost { client: client_id, since: last };
                    self.state.recoveries.gap(&self.in_words(&reason));
                    self.component(&session_part(&component), false, &reason, at, out);
                }
            }
            Command::Unheard { broker, at } => self.nodes_unheard(&broker, at, out),
            Command::Started { at } => {
                self.state.recoveries.started(at);
                self.state.nodes.started();
            }
            Command::Alive { .. } => {}
            Command::CaughtUp { at } => {
                let Some(recovery) = self.state.recoveries.caught_up(at).cloned() else { return };
                if recovery.matters() {
                    self.tell(tell::recovery(&recovery, at), out);
                }
                out.push(Effect::Recovered(Box::new(recovery)));
            }
            Command::Link { up, at } => {
                let before = self.state.link_down_since;
                if up == before.is_none() {
                    return;
                }
                self.state.link_down_since = (!up).then_some(at);
                let since = before.unwrap_or(at);
                for state in &mut self.state.lines {
                    state.blind = !up;
                }
                let plant = Arc::clone(&self.plant);
                for line in &plant.lines {
                    let news = tell::blind(line, !up, at, since);
                    self.tell(news, out);
                    self.design(&line.name, (Design::Blind, !up, at), out);
                }
            }
            Command::ClockLeap { by_nanos } => {
                let State {
                    lines, strays, clocks, nodes, drops, recoveries, link_down_since, ..
                } = &mut self.state;
                for line in lines {
                    line.leap(by_nanos);
                }
                strays.leap();
                clocks.leap(by_nanos);
                nodes.leap(by_nanos);
                drops.leap(by_nanos);
                recoveries.leap(by_nanos);
                *link_down_since = link_down_since.map(|since| leapt(since, by_nanos));
            }
            Command::Promote(promotion) => self.promote(*promotion, out),
            Command::Withdraw(withdrawal) => self.withdraw(&withdrawal, out),
            Command::Told(told) => self.told(*told, out),
            Command::Alarm(order) => self.order(&order, out),
            Command::Finish => {
                let at = self.newest().unwrap_or_default();
                self.on_all_lines(at, out, LineState::finish);
            }
        }
    }

    /// A person lets a model judge; on a line that is not declared any more it does nothing.
    fn promote(&mut self, promotion: Promotion, out: &mut Vec<Effect>) {
        if let Some(ix) = self.plant.line_ix(&promotion.line) {
            let at = promotion.at;
            let said = (Arc::clone(&promotion.line), Arc::clone(&promotion.grade));
            let what = ("promote", promotion.reason());
            self.write_promotion((&said.0, &said.1), what, (promotion.by.clone(), at), out);
            self.on_line(ix, (at, ""), out, |line, cx| line.promote(cx, promotion));
        }
    }

    /// A person takes back a promotion that waits; where none does, nothing changes.
    fn withdraw(&mut self, withdrawal: &Withdrawal, out: &mut Vec<Effect>) {
        let Withdrawal { line, grade, by, at } = withdrawal;
        let Some(waiting) = self.promotion(line, grade) else { return };
        if let Some(ix) = self.plant.line_ix(line) {
            self.state.lines[ix.get()].learning.withdraw(grade);
            let what = ("withdraw", waiting.reason);
            self.write_promotion((line, grade), what, (by.clone(), *at), out);
        }
    }

    /// Events of batches came over the API: each is taken as one that came over MQTT.
    fn told(&mut self, told: ToldEvents, out: &mut Vec<Effect>) {
        let way = (told.at, ToldEvents::TOPIC);
        for message in told.messages {
            if let Some(fault) = self.batch_message(way, message, out) {
                self.fault(told.at, ToldEvents::TOPIC, fault, out);
            }
        }
    }

    /// A reason in the language of the site.
    pub(super) fn in_words(&self, reason: &SystemReason) -> Arc<str> {
        reason.phrase(&(&self.plant.alarms.speech).into()).to_string().into()
    }

    /// A part works, or does not.
    pub(super) fn component(
        &mut self,
        component: &Arc<str>,
        works: bool,
        reason: &SystemReason,
        at: Timestamp,
        out: &mut Vec<Effect>,
    ) {
        // Only a change is news: what never failed recovers in silence, and what stands from before
        // a restart is not told a second time under the same id.
        if works != self.state.alarms.stands(&format!("{SYSTEM}{component}")) {
            return;
        }
        let news = tell::component(component, works, reason, at);
        self.tell(news, out);
    }
}

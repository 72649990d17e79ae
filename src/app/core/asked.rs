//! What people ask of the core, and hear of it: that it is taken, and that it is on disk.
//!
//! A store without room keeps a commit waiting for as long as it has none, and nobody waits that long for an answer. So an
//! answer comes in two parts. What the core has taken comes about once the store has room; what it has not taken by the
//! time nobody listens any more never does.

use super::{Control, Core};
use crate::alarm::{IsaState, Order};
use crate::app::error::AppError;
use crate::app::parked::Decided;
use crate::decode::{BatchEvent, BatchMessage};
use crate::engine::{Command, Effect, Event, Promotion, PromotionView, ToldEvents, Withdrawal};
use crate::http::{Granted, Reception, Told};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

/// Each of the three steps to an answer comes within this: all of them sooner than a request to the API is given up.
const STEP_WITHIN: Duration = Duration::from_secs(2);

/// Who asked, from the core's side.
#[derive(Debug)]
pub struct Asker<T, D = ()> {
    /// Hears what will come about, or why nothing will.
    taken: oneshot::Sender<Result<T, String>>,
    /// Hears when it is on disk, and what came of it; or why it will not come about after all.
    done: oneshot::Sender<Result<D, String>>,
}

/// A promotion that was taken, until its group is on disk.
pub(super) struct Taken {
    line: Arc<str>,
    grade: Arc<str>,
    version: u32,
    done: oneshot::Sender<Result<(), String>>,
}

impl Core {
    /// Lets a model judge, in a commit of its own: what was taken before it may have given the grade another version.
    /// `None` if it is not taken.
    pub(super) fn take_promotion(
        &mut self,
        promotion: Box<Promotion>,
        asker: Asker<Granted>,
        seen: &mut dyn FnMut(&Effect),
    ) -> Result<Option<Taken>, AppError> {
        let Asker { taken, done } = asker;
        let engine = self.pipeline.engine();
        let (line, grade) = (Arc::clone(&promotion.line), Arc::clone(&promotion.grade));
        let granted = engine.version_promoted(&line, &grade, &promotion.artifact);
        let granted =
            granted.map(|version| Granted { version, replaces: engine.promotion(&line, &grade) });
        let version = granted.as_ref().map(|granted| granted.version).ok();
        // Whoever has gone was told that nothing comes about.
        let is_heard = taken.send(granted).is_ok();
        let Some(version) = version.filter(|_| is_heard) else { return Ok(None) };
        self.pipeline.commit([Event::Command(Command::Promote(promotion))], seen)?;
        Ok(Some(Taken { line, grade, version, done }))
    }

    /// Takes a promotion back that waits for its boundary.
    pub(super) fn take_withdrawal(
        &mut self,
        withdrawal: Withdrawal,
        Asker { taken, done }: Asker<PromotionView>,
        seen: &mut dyn FnMut(&Effect),
    ) -> Result<(), AppError> {
        let waits = self.pipeline.engine().promotion(&withdrawal.line, &withdrawal.grade);
        let is_there = waits.is_some();
        let none = || "no promotion waits for a batch boundary".to_owned();
        if taken.send(waits.ok_or_else(none)).is_ok() && is_there {
            self.pipeline.commit([Event::Command(Command::Withdraw(withdrawal))], seen)?;
            tell(done, Ok(()));
        }
        Ok(())
    }
}

impl Core {
    /// Does what a person asks of an alarm, in a commit of its own.
    pub(super) fn take_order(
        &mut self,
        order: Box<Order>,
        Asker { taken, done }: Asker<IsaState>,
        seen: &mut dyn FnMut(&Effect),
    ) -> Result<(), AppError> {
        let state = self.pipeline.engine().check_order(&order).map_err(|unmet| unmet.to_string());
        let can_be = state.is_ok();
        // Whoever has gone was told that nothing comes about.
        if taken.send(state).is_ok() && can_be {
            self.pipeline.commit([Event::Command(Command::Alarm(order))], seen)?;
            tell(done, Ok(()));
        }
        Ok(())
    }

    /// Does what a person decided about refused events, in commits of their own.
    pub(super) fn take_decided(
        &mut self,
        decided: &Decided,
        Asker { taken, done }: Asker<(), u64>,
    ) -> Result<(), AppError> {
        let reader = self.pipeline.store().reader()?;
        // Whoever has gone was told that nothing comes about.
        if taken.send(Ok(())).is_ok() {
            let came = decided.carry_out(&reader, |commit| self.pipeline.commit_aside(commit))?;
            tell(done, came);
        }
        Ok(())
    }

    /// Takes events of batches, in a commit of their own; who sent them hears what became of them.
    pub(super) fn take_events(
        &mut self,
        told: Box<ToldEvents>,
        Asker { taken, done }: Asker<(), Reception>,
        seen: &mut dyn FnMut(&Effect),
    ) -> Result<(), AppError> {
        let plant = self.pipeline.engine().plant();
        let strange = told.messages.iter().find(|message| plant.line_ix(&message.line).is_none());
        if let Some(BatchMessage { line, .. }) = strange {
            let known: Vec<_> = plant.lines.iter().map(|line| format!("`{}`", line.name)).collect();
            let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            let refused =
                taken.send(Err(format!("no line is called `{line}`; there are: {known}")));
            if refused.is_err() {
                tracing::debug!("who asked has gone");
            }
            return Ok(());
        }
        // Whoever has gone was told that nothing comes about.
        if taken.send(Ok(())).is_err() {
            return Ok(());
        }
        let of = |message: &BatchMessage| {
            let begins = matches!(message.event, BatchEvent::Start { .. } | BatchEvent::End { .. });
            let into = match &message.event {
                BatchEvent::Merge { into, .. } => Some(Arc::clone(into)),
                _ => None,
            };
            let batches =
                message.event.batch().filter(|_| !begins).cloned().into_iter().chain(into);
            let line = Arc::clone(&message.line);
            batches.map(move |batch| (Arc::clone(&line), batch)).collect::<Vec<_>>()
        };
        let of: BTreeSet<_> = told.messages.iter().flat_map(of).collect();
        let mut faults = Vec::new();
        self.pipeline.commit([Event::Command(Command::Told(told))], &mut |effect| {
            if let Effect::Fault(record) = effect
                && *record.topic == *ToldEvents::TOPIC
            {
                faults.push(record.fault.detail.clone());
            }
            seen(effect);
        })?;
        let engine = self.pipeline.engine();
        let waits = |(line, batch): &(Arc<str>, Arc<str>)| !engine.knows_batch(line, batch);
        let waiting = of.into_iter().filter(waits).map(|(_, batch)| batch).collect();
        tell(done, Ok(Reception { faults, waiting }));
        Ok(())
    }
}

/// Tells who promoted models what became of that in their group, in the order in which they were taken.
pub(super) fn tell_taken(mut promotions: Vec<Taken>) {
    while !promotions.is_empty() {
        let Taken { line, grade, version, done } = promotions.remove(0);
        // One that judged at once has used its version up.
        let is_replaced =
            |later: &Taken| (&later.line, &later.grade, later.version) == (&line, &grade, version);
        let replaced = promotions.iter().any(is_replaced);
        let words = "another model was promoted at the same moment, and takes its place";
        tell(done, if replaced { Err(words.to_owned()) } else { Ok(()) });
    }
}

fn tell<D>(done: oneshot::Sender<Result<D, String>>, what: Result<D, String>) {
    if done.send(what).is_err() {
        tracing::debug!("who asked has gone");
    }
}

/// Asks the core for something, and waits for what becomes of it; `refused` says what its refusal is.
pub(in crate::app) async fn ask<T>(
    control: &mpsc::Sender<Control>,
    make: impl FnOnce(Asker<T>) -> Control,
    refused: fn(String) -> Told<T>,
) -> Told<T> {
    match ask_what_came(control, make).await {
        Told::Unfit(reason) => refused(reason),
        told => told.map(|(granted, _)| granted),
    }
}

/// The same, with what came of it, which is known once it is on disk. A refusal is [`Told::Unfit`].
pub(in crate::app) async fn ask_what_came<T, D>(
    control: &mpsc::Sender<Control>,
    make: impl FnOnce(Asker<T, D>) -> Control,
) -> Told<(T, Option<D>)> {
    let ((taken, mut is_taken), (done, is_done)) = (oneshot::channel(), oneshot::channel());
    match timeout(STEP_WITHIN, control.send(make(Asker { taken, done }))).await {
        Ok(Ok(())) => {}
        Ok(Err(_)) => return Told::Stops,
        Err(_) => return Told::Busy,
    }
    let taken = if let Ok(taken) = timeout(STEP_WITHIN, &mut is_taken).await {
        taken.ok()
    } else {
        // From here on the core does not take it; it may have done so just now.
        is_taken.close();
        match is_taken.try_recv() {
            Ok(taken) => Some(taken),
            Err(_) => return Told::Busy,
        }
    };
    let granted = match taken {
        Some(Ok(granted)) => granted,
        Some(Err(reason)) => return Told::Unfit(reason),
        None => return Told::Stops,
    };
    match timeout(STEP_WITHIN, is_done).await {
        Ok(Ok(Ok(came))) => Told::Done((granted, Some(came))),
        Ok(Ok(Err(reason))) => Told::Conflict(reason),
        Ok(Err(_)) => Told::Stops,
        Err(_) => Told::WhenRoom((granted, None)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A core of which the test is the thread: what it is asked for, and the answer that comes.
    async fn asked(core: impl FnOnce(Asker<u32>)) -> Told<u32> {
        let (control, mut asks) = mpsc::channel(1);
        let (askers, asker) = oneshot::channel();
        let make = |asker| {
            drop(askers.send(asker));
            Control::Stop
        };
        let thread = async move {
            assert!(asks.recv().await.is_some());
            core(asker.await.unwrap());
        };
        let (told, ()) = tokio::join!(ask(&control, make, Told::Unfit), thread);
        told
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_says_what_comes_about_and_whether_it_is_on_disk() {
        let done = asked(|Asker { taken, done }| {
            taken.send(Ok(3)).unwrap();
            done.send(Ok(())).unwrap();
        });
        assert_eq!(done.await, Told::Done(3));
        let unfit = asked(|Asker { taken, .. }| taken.send(Err("no".into())).unwrap());
        assert_eq!(unfit.await, Told::Unfit("no".into()));
        let replaced = asked(|Asker { taken, done }| {
            taken.send(Ok(3)).unwrap();
            done.send(Err("another".into())).unwrap();
        });
        assert_eq!(replaced.await, Told::Conflict("another".into()));
        assert_eq!(asked(drop).await, Told::Stops);
        // The process ends before it is on disk: a start finds nothing of it.
        assert_eq!(asked(|Asker { taken, .. }| taken.send(Ok(3)).unwrap()).await, Told::Stops);
    }

    #[tokio::test(start_paused = true)]
    async fn what_nobody_waits_for_any_more_is_not_taken_and_what_was_taken_comes_about() {
        let (keep, kept) = std::sync::mpsc::sync_channel(1);
        // A core that waits for room in the store hears nothing.
        let busy = asked(move |asker| keep.send(asker).unwrap());
        assert_eq!(busy.await, Told::Busy);
        let Asker { taken, .. } = kept.recv().unwrap();
        assert!(taken.send(Ok(3)).is_err(), "it sees that nobody listens");

        let (keep, kept) = std::sync::mpsc::sync_channel(1);
        let waits = asked(move |Asker { taken, done }| {
            taken.send(Ok(3)).unwrap();
            keep.send(done).unwrap();
        });
        assert_eq!(waits.await, Told::WhenRoom(3));
        drop(kept);
    }

    #[test]
    fn of_two_promotions_in_one_group_the_first_is_told_that_it_is_replaced() {
        let taken = |grade: &str, version| {
            let (done, told) = oneshot::channel();
            (Taken { line: "tm3".into(), grade: grade.into(), version, done }, told)
        };
        let (all, told): (Vec<_>, Vec<_>) =
            [taken("g", 4), taken("h", 4), taken("g", 4), taken("g", 5)].into_iter().unzip();
        tell_taken(all);
        let told: Vec<bool> =
            told.into_iter().map(|mut told| told.try_recv().unwrap().is_ok()).collect();
        // Where there are no batches each judges at once, and has a number of its own.
        assert_eq!(told, [false, true, true, true]);
    }
}

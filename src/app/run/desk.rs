//! The way to the core for what people and other systems tell of batches, and ask of alarms.

use super::super::core::{Control, ask, ask_what_came};
use crate::alarm::{IsaState, Order};
use crate::engine::ToldEvents;
use crate::http::{Desk, Reception, Telling, Told};
use tokio::sync::mpsc;

/// Hands events of batches to the core, and waits until they are on disk.
#[derive(Debug)]
pub(super) struct RunningDesk(pub(super) mpsc::Sender<Control>);

impl Desk for RunningDesk {
    fn tell(&self, events: ToldEvents) -> Telling<Reception> {
        let (control, events) = (self.0.clone(), Box::new(events));
        Box::pin(async move {
            let told = ask_what_came(&control, |asker| Control::Told(events, asker)).await;
            told.map(|((), heard)| heard.unwrap_or_default())
        })
    }

    fn order(&self, order: Order) -> Telling<IsaState> {
        let (control, order) = (self.0.clone(), Box::new(order));
        Box::pin(async move {
            ask(&control, |asker| Control::Order(order, asker), Told::Conflict).await
        })
    }
}

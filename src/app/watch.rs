//! Watching the links and the parts: what lasts is told to the engine, which tells people.

use super::core::Control;
use crate::engine::Command;
use crate::mqtt::LinkEvent;
use crate::reading::Timestamp;
use crate::telemetry::{Clock, Health, Metrics, State};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// A link that is down for less than this is not worth an alarm.
const LINK_PATIENCE: Duration = Duration::from_secs(10);
/// A part that does not work for less than this is not worth an alarm, ns.
const PART_PATIENCE_NANOS: i64 = 10_000_000_000;
/// How often the parts are looked at.
const LOOK: Duration = Duration::from_secs(1);

/// Which links are up: the line is blind when none is.
#[derive(Debug)]
pub(super) struct Links {
    up: Vec<bool>,
    clock: Arc<dyn Clock>,
    told: bool,
}

impl Links {
    pub(super) fn new(brokers: usize, clock: Arc<dyn Clock>) -> Self {
        Self { up: vec![false; brokers], clock, told: true }
    }

    /// Follows the links' events until told to stop.
    pub(super) async fn follow(
        mut self,
        mut events: mpsc::Receiver<(usize, LinkEvent)>,
        core: mpsc::Sender<Control>,
        stop: CancellationToken,
    ) {
        let mut deadline: Option<tokio::time::Instant> = None;
        loop {
            let wait = async {
                match deadline {
                    Some(deadline) => tokio::time::sleep_until(deadline).await,
                    None => std::future::pending().await,
                }
            };
            // Every branch is cancel-safe: nothing is taken by a receive or a sleep that is dropped.
            tokio::select! {
                () = stop.cancelled() => return,
                event = events.recv() => {
                    let Some((broker, event)) = event else { return };
                    self.note(broker, &event);
                }
                () = wait => {
                    deadline = None;
                    if !self.any_up() && self.told {
                        self.tell(false, &core).await;
                    }
                    continue;
                }
            }
            if self.any_up() {
                deadline = None;
                if !self.told {
                    self.tell(true, &core).await;
                }
            } else if deadline.is_none() && self.told {
                #[expect(
                    clippy::disallowed_methods,
                    reason = "a timer of the runtime, no time of an event"
                )]
                let now = tokio::time::Instant::now();
                deadline = Some(now + LINK_PATIENCE);
            }
        }
    }

    fn any_up(&self) -> bool {
        self.up.iter().any(|up| *up)
    }

    fn note(&mut self, broker: usize, event: &LinkEvent) {
        let Some(up) = self.up.get_mut(broker) else { return };
        match event {
            LinkEvent::Up { .. } => *up = true,
            LinkEvent::Down { .. } => *up = false,
            LinkEvent::SessionLost | LinkEvent::CaughtUp | LinkEvent::Silent | LinkEvent::Heard => {
            }
        }
    }

    async fn tell(&mut self, up: bool, core: &mpsc::Sender<Control>) {
        self.told = up;
        let at = Timestamp::from_nanos(self.clock.now_nanos());
        // A core that has ended hears nothing; then everything stops anyway.
        if core.send(Control::Command(Command::Link { up, at })).await.is_err() {
            tracing::debug!("the core has ended");
        }
    }
}

/// Tells the engine of parts that do not work for longer than [`PART_PATIENCE_NANOS`], and again
/// when they do.
pub(super) async fn watch_health(
    health: Health,
    metrics: Metrics,
    clock: Arc<dyn Clock>,
    core: mpsc::Sender<Control>,
    stop: CancellationToken,
) {
    let mut told: BTreeMap<String, bool> = BTreeMap::new();
    loop {
        // Cancel-safe: a sleep takes nothing.
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(LOOK) => {}
        }
        let now = clock.now_nanos();
        for part in health.snapshot() {
            let works = matches!(part.state, State::Ok | State::Starting);
            metrics.set("onspec_up", &[("component", &part.component)], f64::from(u8::from(works)));
            let patient = works || now - part.since_nanos >= PART_PATIENCE_NANOS;
            let before = told.get(&part.component).copied().unwrap_or(true);
            if works == before || !patient {
                continue;
            }
            told.insert(part.component.clone(), works);
            let command = Command::Component {
                component: part.component.as_str().into(),
                works,
                reason: part.reason.as_str().into(),
                at: Timestamp::from_nanos(now),
            };
            if core.send(Control::Command(command)).await.is_err() {
                return;
            }
        }
    }
}

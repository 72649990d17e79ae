//! Watching the links and the parts: what lasts is told to the engine, which tells people.

use super::core::{Control, hand};
use crate::engine::{Command, session_part};
use crate::mqtt::LinkEvent;
use crate::reading::Timestamp;
use crate::telemetry::{Clock, Health, Metrics, State};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// A link that is down for less than this is not worth an alarm.
const LINK_PATIENCE: Duration = Duration::from_secs(10);
/// How often the parts are looked at.
const LOOK: Duration = Duration::from_secs(1);
/// A part that does not work for fewer looks than this is not worth an alarm. Looks and no times: a
/// clock may be set.
const PART_PATIENCE: u32 = 10;
/// The part that the machine's clock is.
const CLOCK: &str = "clock";

/// The links of all brokers: the lines are blind when none is up.
#[derive(Debug)]
pub(super) struct Links {
    all: Vec<LinkState>,
    clock: Arc<dyn Clock>,
    /// What the engine believes: it remembers from before a restart.
    told_up: bool,
    all_read: Arc<AtomicBool>,
}

/// A link that is watched.
#[derive(Debug)]
pub(super) struct Broker {
    /// The part's name in the register of health.
    pub(super) component: Arc<str>,
    /// Names the session that the broker keeps while the link is away; `None` for one that it does not keep.
    pub(super) client_id: Option<Arc<str>>,
    /// What it subscribes to.
    pub(super) filters: Vec<Arc<str>>,
    /// Whether the loss of its session stands from before.
    pub(super) lost: bool,
}

/// One broker's link.
#[derive(Debug, Clone)]
struct LinkState {
    /// The part's name in the register of health.
    component: Arc<str>,
    /// Names the session that the broker keeps: without it a new one is no loss, and nothing is remembered.
    client_id: Option<Arc<str>>,
    /// What it subscribes to.
    filters: Vec<Arc<str>>,
    up: bool,
    /// What the broker held when the connection was made has been handed over.
    read: bool,
    /// Its session was lost, and that stands until what it holds is read.
    lost: bool,
}

impl Links {
    /// For these links. `told_up` is what the engine believes of the links; `all_read` is kept true
    /// while all are up and read.
    pub(super) fn new(
        brokers: impl IntoIterator<Item = Broker>,
        clock: Arc<dyn Clock>,
        told_up: bool,
        all_read: Arc<AtomicBool>,
    ) -> Self {
        let link = |Broker { component, client_id, filters, lost }| LinkState {
            component,
            client_id,
            filters,
            up: false,
            read: false,
            lost,
        };
        Self { all: brokers.into_iter().map(link).collect(), clock, told_up, all_read }
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
                    for command in self.note(broker, &event) {
                        tell(command, &core, &stop).await;
                    }
                }
                () = wait => {
                    deadline = None;
                    if !self.any_up() && self.told_up {
                        self.tell_link(false, &core, &stop).await;
                    }
                    continue;
                }
            }
            if self.any_up() {
                deadline = None;
                if !self.told_up {
                    self.tell_link(true, &core, &stop).await;
                }
            } else if deadline.is_none() && self.told_up {
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
        self.all.iter().any(|link| link.up)
    }

    /// Follows one event; what the engine has to know of it.
    fn note(&mut self, broker: usize, event: &LinkEvent) -> Vec<Command> {
        let at = Timestamp::from_nanos(self.clock.now_nanos());
        let Some(link) = self.all.get_mut(broker) else { return Vec::new() };
        let mut commands = Vec::new();
        match event {
            LinkEvent::Up { session_present } => {
                (link.up, link.read) = (true, false);
                if let Some(client_id) = &link.client_id {
                    link.lost |= !session_present;
                    commands.push(Command::Session {
                        component: Arc::clone(&link.component),
                        client_id: Arc::clone(client_id),
                        present: *session_present,
                        filters: link.filters.clone(),
                        at,
                    });
                }
            }
            LinkEvent::Settled => {
                commands.extend(link.client_id.clone().map(|client_id| Command::Subscribed {
                    component: Arc::clone(&link.component),
                    client_id,
                    filters: link.filters.clone(),
                }));
            }
            LinkEvent::CaughtUp => {
                link.read = true;
                if std::mem::take(&mut link.lost) {
                    commands.push(Command::Component {
                        component: session_part(&link.component),
                        works: true,
                        reason: "messages come again".into(),
                        at,
                    });
                }
            }
            LinkEvent::Down { .. } => (link.up, link.read) = (false, false),
            LinkEvent::Silent | LinkEvent::Heard => {}
        }
        let all_read = self.all.iter().all(|link| link.up && link.read);
        self.all_read.store(all_read, Ordering::Release);
        commands
    }

    async fn tell_link(
        &mut self,
        up: bool,
        core: &mpsc::Sender<Control>,
        stop: &CancellationToken,
    ) {
        self.told_up = up;
        let at = Timestamp::from_nanos(self.clock.now_nanos());
        tell(Command::Link { up, at }, core, stop).await;
    }
}

/// Hands a command to the core.
async fn tell(command: Command, core: &mpsc::Sender<Control>, stop: &CancellationToken) {
    // A core that hears nothing has ended, or waits; then everything stops anyway.
    if !hand(core, Control::Command(command), stop).await {
        tracing::debug!("the core hears nothing any more");
    }
}

/// Tells the engine of parts that do not work for longer than [`PART_PATIENCE`], and again
/// when they do. `standing` are the parts whose alarm stands from before a restart; one that is no
/// part any more is told to be gone.
pub(super) async fn watch_health(
    health: Health,
    metrics: Metrics,
    clock: Arc<dyn Clock>,
    standing: Vec<String>,
    core: mpsc::Sender<Control>,
    stop: CancellationToken,
) {
    let mut told: BTreeMap<String, bool> =
        standing.into_iter().map(|component| (component, false)).collect();
    let mut look: u64 = 0;
    let mut failing: BTreeMap<String, u32> = BTreeMap::new();
    loop {
        // Cancel-safe: a sleep takes nothing.
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(LOOK) => {}
        }
        let now = clock.now_nanos();
        watch_clock(clock.as_ref(), &health);
        let parts = health.snapshot();
        look += 1;
        if look == u64::from(PART_PATIENCE) {
            // All parts have begun by now.
            let is_part = |component: &str| parts.iter().any(|part| part.component == component);
            for component in told.keys().filter(|component| !is_part(component)) {
                let command = Command::Component {
                    component: component.as_str().into(),
                    works: true,
                    reason: "it is no part of the configuration any more".into(),
                    at: Timestamp::from_nanos(now),
                };
                tell(command, &core, &stop).await;
            }
        }
        for part in parts {
            let works = matches!(part.state, State::Ok | State::Starting);
            metrics.set("onspec_up", &[("component", &part.component)], f64::from(u8::from(works)));
            let looks = failing.entry(part.component.clone()).or_default();
            *looks = if works { 0 } else { looks.saturating_add(1) };
            let patient = works || *looks > PART_PATIENCE;
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
            tell(command, &core, &stop).await;
        }
    }
}

/// Tells people when the machine's clock was set back, or was behind at the start, by a minute at least:
/// so far a reading may be ahead of its arrival. Which of both clocks is wrong nobody knows here.
fn watch_clock(clock: &dyn Clock, health: &Health) {
    let minutes = clock.lead_nanos() / 60_000_000_000;
    let (state, reason) = match minutes {
        0 => (State::Ok, String::new()),
        _ => (
            State::Degraded,
            format!(
                "the clock of this machine is {minutes} min behind the time that onspec goes by: it was \
                 wrong before it was set back, or is now; after three minutes onspec takes it for \
                 right, so set it right where it is not"
            ),
        ),
    };
    health.set(CLOCK, state, &reason, clock.now_nanos());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::ManualClock;

    fn links(all_read: &Arc<AtomicBool>) -> Links {
        let names = ["mqtt/a", "mqtt/b", "mqtt/a/sparkplug"];
        let broker = |name: &str| Broker {
            component: name.into(),
            client_id: (name != "mqtt/a/sparkplug").then(|| "onspec".into()),
            filters: Vec::new(),
            lost: false,
        };
        Links::new(names.map(broker), Arc::new(ManualClock::at(7)), true, Arc::clone(all_read))
    }

    #[test]
    fn all_is_read_when_every_link_is_up_and_has_handed_over_what_it_held() {
        let all_read = Arc::new(AtomicBool::new(false));
        let mut links = links(&all_read);
        let up = LinkEvent::Up { session_present: true };
        let down = LinkEvent::Down { reason: "gone".into() };
        for (broker, event, expected) in [
            (0, &up, false),
            (0, &LinkEvent::CaughtUp, false),
            (1, &up, false),
            (1, &LinkEvent::CaughtUp, false),
            (2, &LinkEvent::Up { session_present: false }, false),
            (2, &LinkEvent::CaughtUp, true),
            (1, &LinkEvent::Silent, true),
            (0, &down, false),
            (0, &up, false),
            (0, &LinkEvent::CaughtUp, true),
            // A connection made anew without a word of the old one's end.
            (1, &up, false),
            (9, &down, false),
        ] {
            links.note(broker, event);
            assert_eq!(all_read.load(Ordering::Acquire), expected, "{broker} {event:?}");
        }
    }

    #[test]
    fn a_session_that_is_not_there_is_told_and_its_loss_ends_when_all_is_read() {
        let mut links = links(&Arc::default());
        let told = |links: &mut Links, event| {
            let commands = links.note(1, &event);
            commands.iter().map(|command| format!("{command:?}")).collect::<Vec<_>>().join("; ")
        };
        let lost = told(&mut links, LinkEvent::Up { session_present: false });
        assert!(lost.contains("\"mqtt/b\"") && lost.contains("present: false"), "{lost}");
        let back = told(&mut links, LinkEvent::CaughtUp);
        assert!(back.contains("\"mqtt/b/session\", works: true"), "{back}");
        assert!(
            told(&mut links, LinkEvent::Up { session_present: true }).contains("present: true")
        );
        assert_eq!(told(&mut links, LinkEvent::CaughtUp), "");
        // One that nobody keeps is new each time.
        assert!(links.note(2, &LinkEvent::Up { session_present: false }).is_empty());
        assert!(links.note(2, &LinkEvent::CaughtUp).is_empty());
    }

    /// A clock that is eight hours ahead of its machine's.
    #[derive(Debug)]
    struct Ahead;

    impl Clock for Ahead {
        fn now_nanos(&self) -> i64 {
            self.lead_nanos()
        }

        fn lead_nanos(&self) -> i64 {
            28_800_000_000_000
        }
    }

    #[test]
    fn nobody_is_told_that_a_clock_is_wrong_which_may_have_been_set_right() {
        let health = Health::default();
        watch_clock(&Ahead, &health);
        let part = health.snapshot().remove(0);
        assert_eq!(part.state, State::Degraded);
        let words =
            "is 480 min behind the time that onspec goes by: it was wrong before it was set";
        assert!(part.reason.contains(words), "{}", part.reason);
        watch_clock(&ManualClock::at(7), &health);
        assert_eq!(health.snapshot().remove(0).state, State::Ok);
    }

    #[tokio::test(start_paused = true)]
    async fn a_part_that_stands_from_before_is_told_when_it_works_and_when_it_is_gone() {
        let health = Health::default();
        health.set("influxdb", State::Ok, "", 0);
        let (core, mut told) = mpsc::channel(9);
        let stop = CancellationToken::new();
        let standing = vec!["influxdb".to_owned(), "webhook/old".to_owned()];
        let clock = Arc::new(ManualClock::at(7));
        let watching =
            watch_health(health, Metrics::default(), clock, standing, core, stop.clone());
        let listening = async {
            let mut parts = Vec::new();
            while parts.len() < 2 {
                match told.recv().await {
                    Some(Control::Command(Command::Component { component, works, .. })) => {
                        parts.push((component, works));
                    }
                    other => panic!("{other:?}"),
                }
            }
            stop.cancel();
            parts
        };
        let ((), parts) = tokio::join!(watching, listening);
        assert_eq!(parts, [("influxdb".into(), true), ("webhook/old".into(), true)]);
    }

    #[tokio::test(start_paused = true)]
    async fn told_to_stop_nobody_waits_for_a_core_that_hears_nothing() {
        let (core, mut told) = mpsc::channel(1);
        let begun = Command::Started { at: Timestamp::from_nanos(0) };
        core.try_send(Control::Command(begun)).expect("the queue is empty");
        let stop = CancellationToken::new();
        let standing = vec!["webhook/old".to_owned()];
        let clock = Arc::new(ManualClock::at(7));
        let (health, metrics) = (Health::default(), Metrics::default());
        let watching = watch_health(health, metrics, clock, standing, core.clone(), stop.clone());
        let (events, of_links) = mpsc::channel(1);
        let up = LinkEvent::Up { session_present: false };
        events.try_send((0, up)).expect("the queue is empty");
        let following = links(&Arc::default()).follow(of_links, core, stop.clone());
        let stopping = async {
            tokio::time::sleep(Duration::from_secs(60)).await;
            stop.cancel();
        };
        let all = async { tokio::join!(watching, following, stopping) };
        let ended = tokio::time::timeout(Duration::from_secs(70), all).await;
        ended.expect("they end though nobody listens");
        assert!(matches!(told.try_recv(), Ok(Control::Command(Command::Started { .. }))));
    }

    #[tokio::test(start_paused = true)]
    async fn a_part_that_fails_is_told_after_ten_looks_whatever_the_clock_says() {
        let health = Health::default();
        // By a clock that is set back a moment later.
        health.set("influxdb", State::Degraded, "gone", 9_000_000_000_000);
        let (core, mut told) = mpsc::channel(9);
        let stop = CancellationToken::new();
        let clock = Arc::new(ManualClock::at(7));
        let watching =
            watch_health(health, Metrics::default(), clock, Vec::new(), core, stop.clone());
        #[expect(clippy::disallowed_methods, reason = "paused time")]
        let begun = tokio::time::Instant::now();
        let listening = async {
            let first = tokio::time::timeout(Duration::from_secs(60), told.recv()).await;
            stop.cancel();
            first
        };
        let ((), first) = tokio::join!(watching, listening);
        let first = format!("{:?}", first.expect("it is told within a minute"));
        assert!(first.contains("\"influxdb\", works: false"), "{first}");
        assert!(begun.elapsed() >= Duration::from_secs(10), "{:?}", begun.elapsed());
    }
}

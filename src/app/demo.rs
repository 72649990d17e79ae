//! `onspec demo`: the simulated tissue machine in front of the real thing.
//!
//! Two ways, one outcome: through a broker, with the page, as people see it; or straight into the
//! pipeline at full speed. The configuration is the model case, `config/tissue.toml`.

use super::encode::Outputs;
use super::error::AppError;
use super::heard::Heard;
use super::pipeline::{FitMode, Pipeline};
use crate::config::Checked;
use crate::decode::Disposition;
use crate::engine::{Effect, Event};
use crate::plant::{Grade, Grades, Line, Role};
use crate::reading::Timestamp;
use crate::simulate::{
    Form, Machine, SimulationSpec, SpecRange, Tally, Verdicts, WatchPlan, Watchers,
};
use crate::store::Store;
use crate::telemetry::Clock;
use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::watch;

/// The configuration of the model case.
const TISSUE: &str = include_str!("../../config/tissue.toml");

/// Simulated seconds in one group, where no broker makes the groups.
const SECONDS_IN_GROUP: usize = 60;

/// The machine may be so far ahead of the last commit, ms.
const AHEAD_MS: i64 = 20_000;

/// The first simulated second of a demo: 2026-01-23T00:00:00Z.
const BEGIN_MS: i64 = 1_769_126_400_000;

/// The plant of the demo: the model case without anything outside this process. `learning` sets how
/// many batches of each grade a model wants.
///
/// # Errors
/// When the model case is no configuration, which a test rules out.
pub fn tissue(learning: Option<u32>) -> Result<Checked, AppError> {
    let mut checked = crate::config::load(TISSUE, "tissue.toml")
        .map_err(|report| AppError::Other(report.to_string()))?;
    checked.influx = None;
    checked.webhooks.clear();
    checked.store.path = None;
    if let Some(batches) = learning {
        checked.plant.models.learning_batches = batches;
    }
    Ok(checked)
}

/// The machine that makes the learning batches of each grade that the configuration asks for, and
/// then so many scored ones.
#[must_use]
pub fn machine(checked: &Checked, seed: u64, batches: u32, form: Form) -> Machine {
    let line =
        checked.plant.lines.first().map_or_else(|| "tm3".into(), |line| Arc::clone(&line.name));
    Machine::new(&SimulationSpec {
        seed,
        start: Timestamp::from_nanos(BEGIN_MS * 1_000_000),
        learning_batches: checked.plant.models.learning_batches,
        batches,
        line,
        form,
    })
}

/// Scores so many seeds from `first` on, each with a machine and a store in memory of its own, on up to
/// so many threads. The order is that of the seeds, whichever ends first.
///
/// # Errors
/// When a store fails.
pub fn score_seeds(
    checked: &Checked,
    (first, seeds): (u64, u32),
    batches: u32,
    threads: NonZeroUsize,
) -> Result<Vec<Tally>, AppError> {
    let one = |seed: u64| {
        let store = Store::open(&checked.store)?;
        score(checked, store, Outputs::default(), machine(checked, seed, batches, Form::Wide))
    };
    let next = AtomicUsize::new(0);
    let all: Vec<u64> = (0..u64::from(seeds)).map(|ix| first.wrapping_add(ix)).collect();
    let done: Mutex<BTreeMap<usize, Result<Tally, AppError>>> = Mutex::default();
    std::thread::scope(|scope| {
        for _ in 0..threads.get().min(all.len()) {
            scope.spawn(|| {
                loop {
                    let ix = next.fetch_add(1, Ordering::Relaxed);
                    let Some(seed) = all.get(ix) else { break };
                    let tally = one(*seed);
                    done.lock().unwrap_or_else(PoisonError::into_inner).insert(ix, tally);
                }
            });
        }
    });
    done.into_inner().unwrap_or_else(PoisonError::into_inner).into_values().collect()
}

/// What the plain watchers look at: what the models may see, and the quality tags with limits.
fn watch_plan(line: &Line, grades: &Grades) -> WatchPlan {
    let tags = line.tags.iter().enumerate();
    let tags = tags.filter(|(_, tag)| tag.role != Role::Context).map(|(ix, _)| ix).collect();
    let ranges = |grade: &Grade| {
        let range = |(tag, limit): (&Arc<str>, &crate::plant::SpecLimit)| {
            let middle = match (limit.low, limit.high) {
                (Some(low), Some(high)) => f64::midpoint(low, high),
                // One limit says nothing of a distance; with a target it does.
                _ => limit.target?,
            };
            let tag = line.tag_position(tag)?;
            Some(SpecRange { tag, low: limit.low, middle, high: limit.high })
        };
        grade.spec.iter().filter_map(range).collect()
    };
    let spec = grades.iter().map(|(name, grade)| (Arc::clone(name), ranges(grade))).collect();
    WatchPlan { tags, spec }
}

/// Runs a machine to its end straight through the pipeline, and keeps the score.
///
/// # Errors
/// When the store fails.
pub fn score(
    checked: &Checked,
    store: Store,
    outputs: Outputs,
    mut machine: Machine,
) -> Result<Tally, AppError> {
    let (mut pipeline, _) =
        Pipeline::open(store, checked.plant.clone(), checked.rules(), outputs, FitMode::Inline)?;
    // The machine has one broker.
    let broker: Arc<str> =
        checked.brokers.first().map_or_else(Default::default, |b| b.settings.name.as_str().into());
    let plan = checked
        .plant
        .lines
        .first()
        .map_or_else(WatchPlan::default, |line| watch_plan(line, &checked.plant.grades));
    let mut witness = Witness::new(plan);
    let mut published = Vec::new();
    loop {
        let mut running = true;
        for _ in 0..SECONDS_IN_GROUP {
            running = machine.step(&mut published);
            if !running {
                break;
            }
        }
        let events =
            published.drain(..).map(|message| Event::Arrival(message.from_broker(&broker)));
        if !machine.is_learning() {
            // Before the commit: the first scored batch may begin in this group.
            witness.watchers.learn_from(machine.learning_made());
        }
        pipeline.commit(events, &mut |effect| witness.take(effect))?;
        if !running {
            break;
        }
    }
    let (seed, learning) = (machine.spec().seed, machine.learning_made());
    let (verdicts, watchers) = witness.finish();
    Ok(Tally::of(&machine.into_truth(), &verdicts, &watchers, Some(seed), learning))
}

/// Remembers what was said, for the score, and lets the plain watchers see what onspec saw.
#[derive(Debug)]
struct Witness {
    heard: Heard,
    watchers: Watchers,
}

impl Witness {
    fn new(plan: WatchPlan) -> Self {
        Self { heard: Heard::default(), watchers: Watchers::new(plan) }
    }

    fn take(&mut self, effect: &Effect) {
        self.heard.take(effect);
        match effect {
            Effect::Frame(frame) if frame.product => {
                if let Some(batch) = &frame.batch {
                    self.watchers.frame(batch, frame.end, &frame.values);
                }
            }
            Effect::Batch(record) => {
                let released = record.disposition.map(|word| word == Disposition::Release);
                self.watchers.batch(&record.batch, record.grade.as_ref(), released);
            }
            _ => {}
        }
    }

    fn finish(mut self) -> (Verdicts, Watchers) {
        self.watchers.finish();
        (self.heard.finish(), self.watchers)
    }
}

/// The clock of a simulated plant: as far ahead of the newest committed message as the machine may
/// be, so that no message seems to come from the future. That is less than what a source's clock may be
/// behind before it is called slow.
#[derive(Debug)]
pub struct SimulatedClock(pub watch::Receiver<i64>);

impl Clock for SimulatedClock {
    fn now_nanos(&self) -> i64 {
        (*self.0.borrow()).max(BEGIN_MS).saturating_add(AHEAD_MS).saturating_mul(1_000_000)
    }
}

#[cfg(feature = "demo")]
pub use with_broker::{Show, show};

#[cfg(feature = "demo")]
mod with_broker {
    use super::super::broker::EmbeddedBroker;
    use super::super::heard::Heard;
    use super::super::run::{Surroundings, run};
    use super::{AppError, FitMode, SimulatedClock, machine};
    use crate::config::Checked;
    use crate::engine::View;
    use crate::simulate::{Form, Gate, Pace, PublishTarget, publish};
    use crate::telemetry::Health;
    use std::net::{Ipv4Addr, SocketAddr};
    use std::path::PathBuf;
    use std::sync::{Arc, Mutex, PoisonError};
    use std::time::Duration;
    use tokio::sync::watch;
    use tokio::time::timeout;
    use tokio_util::sync::CancellationToken;

    /// After the machine's last second nothing more is on its way when nothing was committed for so long.
    const QUIET: Duration = Duration::from_secs(1);

    /// What is shown.
    #[derive(Debug, Clone)]
    pub struct Show {
        /// The seed of the machine.
        pub seed: u64,
        /// Scored batches.
        pub batches: u32,
        /// Simulated seconds in a real one, once the learning batches are made.
        pub pace: Pace,
        /// The page's port on loopback; `None` for no page.
        pub port: Option<u16>,
        /// The store's file.
        pub store: PathBuf,
        /// Writes to an InfluxDB that nobody reads, so that a test finds every line in the store.
        pub keep_lines: bool,
        /// Ends when the machine has: a person may want to go on looking.
        pub end_with_machine: bool,
    }

    /// The machine, an embedded broker, the daemon and its page, until somebody asks to stop; for the
    /// plant of [`super::tissue`].
    ///
    /// # Errors
    /// When one of them fails.
    pub async fn show(mut checked: Checked, what: Show) -> Result<(), AppError> {
        checked.store.path = Some(what.store);
        if what.keep_lines {
            checked.influx = Some(nowhere());
        }
        checked.http = what.port.map(|port| crate::http::Settings {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, port)),
            public_url: None,
            links: None,
        });
        let broker = EmbeddedBroker::start().map_err(|error| AppError::Other(error.to_string()))?;
        let port = broker.port();
        for broker in &mut checked.brokers {
            broker.settings.host = Ipv4Addr::LOCALHOST.to_string();
            broker.settings.port = port;
            // The embedded broker keeps no counts of its own, and ends the connection of who asks.
            broker.settings.subscriptions.retain(|(filter, _)| !filter.starts_with('$'));
        }
        let links: Vec<String> =
            checked.brokers.iter().map(|b| crate::mqtt::component(&b.settings.name)).collect();
        let health = Health::default();
        let machine = machine(&checked, what.seed, what.batches, Form::Wide);
        let committed = watch::Sender::new(0);
        let cancel = CancellationToken::new();
        let mut all = committed.subscribe();
        let (gate, clock) = (Gate(committed.subscribe()), SimulatedClock(committed.subscribe()));
        let note = format!(
            "A demo: a simulated tissue machine, seed {}. Its learning batches are made at full speed.",
            what.seed
        );
        let note = watch::Sender::new(Some(note.into()));
        let heard = Arc::new(Mutex::new(Heard::default()));
        let around = Surroundings {
            config: None,
            clock: Arc::new(clock),
            ticks: false,
            fits: FitMode::Inline,
            committed,
            view: watch::Sender::new(Arc::new(View::default())),
            health: health.clone(),
            note: note.subscribe(),
            heard: Some(Arc::clone(&heard)),
            cancel: cancel.clone(),
        };
        let target = PublishTarget {
            host: Ipv4Addr::LOCALHOST.to_string(),
            port,
            tls: None,
            via: None,
            credentials: None,
        };
        let stop_machine = cancel.child_token();
        let publishing = async {
            // A broker keeps nothing for a client that has never subscribed: the first seconds of the
            // machine would be lost, and the outcome would differ from that without a broker.
            for link in &links {
                tokio::select! {
                    () = health.works(link) => {}
                    () = stop_machine.cancelled() => return,
                }
            }
            let published =
                publish(machine, target, what.pace, Some(gate), stop_machine.clone()).await;
            match &published {
                Ok(summary) if summary.finished => {
                    tracing::info!(
                        messages = summary.acknowledged,
                        "the machine has made all its batches"
                    );
                    // The broker has it all; the daemon gets the last of it now.
                    let last = summary.machine.now().as_millis() - 1000;
                    if all.wait_for(|committed| *committed >= last).await.is_err() {
                        tracing::error!("the daemon ended before the machine's last message");
                    }
                    // The last second is several messages, which may be committed one after another.
                    while timeout(QUIET, all.changed()).await.is_ok_and(|more| more.is_ok()) {}
                    let heard =
                        std::mem::take(&mut *heard.lock().unwrap_or_else(PoisonError::into_inner));
                    let text = heard
                        .score(
                            &summary.machine.clone().into_truth(),
                            summary.machine.learning_made(),
                        )
                        .to_text();
                    tracing::info!(score = text, "the demo has come to its end");
                    let line = text.trim().replace('\n', " · ");
                    note.send_replace(Some(format!("The demo has come to its end. {line}").into()));
                    if what.end_with_machine {
                        cancel.cancel();
                    }
                }
                Ok(_) => {}
                Err(error) => tracing::error!(%error, "the machine stopped"),
            }
        };
        let daemon = async {
            let outcome = run(checked, around).await;
            stop_machine.cancel();
            outcome
        };
        let (outcome, ()) = tokio::join!(daemon, publishing);
        outcome
    }

    /// An InfluxDB that is not there: port 9 discards.
    fn nowhere() -> crate::influx::Settings {
        crate::influx::Settings {
            url: "http://127.0.0.1:9".into(),
            org: "nobody".into(),
            bucket: "nothing".into(),
            token: crate::telemetry::SecretSource::Given(crate::telemetry::Secret::new("none")),
            timeout: std::time::Duration::from_secs(1),
            batch_lines: 5000,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulate::Report;

    #[test]
    fn the_model_case_reads_the_machine_and_knows_its_grades() {
        let checked = tissue(None).expect("the model case can be used");
        let ours = crate::simulate::rules(&checked.brokers[0].settings.name);
        assert!(ours.iter().all(|rule| checked.rules().contains(rule)));
        let line = &checked.plant.lines[0];
        let declared: Vec<(&str, &str)> =
            line.tags.iter().map(|tag| (&*tag.id, &*tag.unit)).collect();
        let sent: Vec<(&str, &str)> =
            crate::simulate::TAGS.iter().map(|tag| (tag.name, tag.unit)).collect();
        assert_eq!(declared, sent);
        for grade in crate::simulate::grade_names() {
            assert!(checked.plant.grades.contains(grade), "{grade}");
        }
    }

    /// The score of two seeds of a short demo, on so many threads.
    fn two_seeds(threads: usize) -> String {
        let checked = tissue(Some(2)).unwrap();
        let threads = NonZeroUsize::new(threads).unwrap();
        Report::of(&score_seeds(&checked, (5, 2), 1, threads).unwrap()).to_json()
    }

    #[test]
    fn threads_do_not_change_the_score_of_several_seeds() {
        let one = two_seeds(1);
        assert_eq!(one, two_seeds(2));
        let report: serde_json::Value = serde_json::from_str(&one).unwrap();
        let seeds: Vec<_> =
            report["by_seed"].as_array().unwrap().iter().map(|s| &s["seed"]).collect();
        assert_eq!(seeds, [5, 6]);
        assert_eq!((&report["seeds"], &report["batches"]), (&2.into(), &2.into()));
        // Each watcher has learned, and seen the scored batches.
        let watchers = report["watchers"].as_array().unwrap();
        for watcher in watchers.iter().filter(|watcher| watcher["name"] != "laboratory") {
            assert!(watcher["threshold"].as_f64().unwrap() > 0.1, "{watcher}");
        }
    }

    #[test]
    fn watchers_see_what_models_see_and_the_limits() {
        let checked = tissue(None).unwrap();
        let mut line = checked.plant.lines[0].clone();
        let grade = |low, target, high| {
            let limit = crate::plant::SpecLimit { low, target, high, ..Default::default() };
            Grade { spec: BTreeMap::from([("moisture".into(), limit)]), ..Grade::default() }
        };
        line.tags
            .retain(|tag| matches!(&*tag.id, "steam_pressure" | "production_rate" | "moisture"));
        let grades = Grades::from([
            ("two".into(), grade(Some(4.0), Some(5.5), Some(6.0))),
            ("one".into(), grade(None, Some(5.5), Some(6.0))),
            ("none".into(), grade(Some(4.0), None, None)),
        ]);
        let plan = watch_plan(&line, &grades);
        // Not the production rate, which is context.
        assert_eq!(plan.tags, [0, 2]);
        let range = |low, middle| vec![SpecRange { tag: 2, low, middle, high: Some(6.0) }];
        assert_eq!(plan.spec["two"], range(Some(4.0), 5.0));
        assert_eq!(plan.spec["one"], range(None, 5.5));
        assert_eq!(plan.spec["none"], []);
    }
}

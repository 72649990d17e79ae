//! `onspec demo`: the simulated tissue machine in front of the real thing.
//!
//! Two ways, one outcome: through a broker, with the page, as people see it; or straight into the
//! pipeline at full speed. The configuration is the model case, `config/tissue.toml`.

use super::encode::Outputs;
use super::error::AppError;
use super::pipeline::{FitMode, Pipeline};
use crate::config::Checked;
use crate::decode::Arrival;
use crate::engine::{Effect, Event};
use crate::reading::Timestamp;
use crate::simulate::{BatchEnd, Form, Machine, Said, Score, SimulationSpec, Verdicts};
use crate::store::Store;
use crate::telemetry::Clock;
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::sync::watch;

/// The configuration of the model case.
const TISSUE: &str = include_str!("../../config/tissue.toml");

/// Simulated seconds in one group, where no broker makes the groups.
const SECONDS_IN_GROUP: usize = 60;

/// The machine may be so far ahead of the last commit, ms.
const AHEAD_MS: i64 = 60_000;

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

/// Runs a machine to its end straight through the pipeline, and keeps the score.
///
/// # Errors
/// When the store fails.
pub fn score(
    checked: &Checked,
    store: Store,
    outputs: Outputs,
    mut machine: Machine,
) -> Result<Score, AppError> {
    let (mut pipeline, _) =
        Pipeline::open(store, checked.plant.clone(), checked.rules(), outputs, FitMode::Inline)?;
    let mut witness = Witness::default();
    let mut published = Vec::new();
    loop {
        let mut running = true;
        for _ in 0..SECONDS_IN_GROUP {
            running = machine.step(&mut published);
            if !running {
                break;
            }
        }
        let events = published.drain(..).map(|message| {
            Event::Arrival(Arrival {
                received: message.at,
                topic: message.topic,
                payload: message.payload,
                retained: message.retained,
            })
        });
        pipeline.commit(events, &mut |effect| witness.take(effect))?;
        if !running {
            break;
        }
    }
    let (seed, learning) = (machine.spec().seed, machine.learning_made());
    Ok(Score::of(&machine.into_truth(), &witness.verdicts(), Some(seed), learning))
}

/// Remembers what was said, for the score.
#[derive(Debug, Default)]
struct Witness {
    verdicts: Verdicts,
    ends: BTreeMap<Arc<str>, BatchEnd>,
}

impl Witness {
    fn take(&mut self, effect: &Effect) {
        match effect {
            Effect::Verdict(document) => self.verdicts.said.extend(Said::from_document(document)),
            Effect::Batch(record) => {
                if let Some(ended) = record.ended {
                    let batch = Arc::clone(&record.batch);
                    let (started, mass_kg) = (record.started, record.mass_kg);
                    self.ends
                        .insert(Arc::clone(&batch), BatchEnd { batch, started, ended, mass_kg });
                }
            }
            Effect::Notification(news) => {
                if let crate::alarm::Subject::Sensor { tag, .. } = &news.subject
                    && news.kind == crate::alarm::EventKind::SensorUnhealthy
                {
                    self.verdicts.unhealthy.push((Arc::clone(tag), news.at));
                }
            }
            _ => {}
        }
    }

    fn verdicts(mut self) -> Verdicts {
        self.verdicts.ends = self.ends.into_values().collect();
        self.verdicts
    }
}

/// The clock of a simulated plant: as far ahead of the newest committed message as the machine may
/// be, so that no message seems to come from the future.
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
    use super::super::run::{Surroundings, run};
    use super::{AppError, FitMode, SimulatedClock, machine};
    use crate::config::Checked;
    use crate::engine::View;
    use crate::simulate::{Form, Gate, Pace, PublishTarget, publish};
    use crate::telemetry::Health;
    use std::net::{Ipv4Addr, SocketAddr};
    use std::path::PathBuf;
    use std::sync::Arc;
    use tokio::sync::watch;
    use tokio_util::sync::CancellationToken;

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
        });
        let broker = EmbeddedBroker::start().map_err(|error| AppError::Other(error.to_string()))?;
        let port = broker.port();
        for broker in &mut checked.brokers {
            broker.settings.host = Ipv4Addr::LOCALHOST.to_string();
            broker.settings.port = port;
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
        let around = Surroundings {
            clock: Arc::new(clock),
            ticks: false,
            fits: FitMode::Inline,
            committed,
            view: watch::Sender::new(Arc::new(View::default())),
            health: health.clone(),
            note: Some(note.into()),
            cancel: cancel.clone(),
        };
        let target =
            PublishTarget { host: Ipv4Addr::LOCALHOST.to_string(), port, credentials: None };
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
                    if what.end_with_machine {
                        // The broker has it all; the daemon gets the last of it now.
                        let last = summary.machine.now().as_millis() - 1000;
                        if all.wait_for(|committed| *committed >= last).await.is_err() {
                            tracing::error!("the daemon ended before the machine's last message");
                        }
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

    #[test]
    fn the_model_case_reads_the_machine_and_knows_its_grades() {
        let checked = tissue(None).expect("the model case can be used");
        let ours = crate::simulate::rules();
        assert!(ours.iter().all(|rule| checked.rules().contains(rule)));
        let line = &checked.plant.lines[0];
        let declared: Vec<&str> = line.tags.iter().map(|tag| &*tag.id).collect();
        for tag in &crate::simulate::TAGS {
            assert!(declared.contains(&tag.name), "{} is not declared", tag.name);
        }
        for grade in crate::simulate::grade_names() {
            assert!(checked.plant.grades.contains_key(grade), "{grade}");
        }
    }
}

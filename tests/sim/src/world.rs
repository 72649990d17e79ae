//! A seed's world: the mill, the broker, the disk, the sinks, and the lives of the daemon in it.

use crate::broker::Broker;
use crate::disk::{Crash, Disk, Fault, Faults};
use crate::ledger::Ledger;
use crate::life::{End, Life};
use crate::mill::{self, BEGIN, Message};
use crate::oracles;
use crate::random::Random;
use crate::sinks::{Influx, Mood, Receiver};
use crate::trace::Trace;
use crate::vfs;
use crate::waiting::{Parked, Reports, Waiting};
use onspec::app::Wanted;
use onspec::config::Checked;
use onspec::engine::{Command, ModelAnswer};
use onspec::influx::{READINGS, RESULTS};
use onspec::store::{Settings, WhenFull};
use onspec::telemetry::ManualClock;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use tempfile::TempDir;

/// The outbox of verdicts.
pub(crate) const MQTT: &str = "mqtt";

/// After so many lives nothing goes wrong any more, so that every world comes to its end.
const LIVES: u64 = 7;
/// A calm world may stop for want of room, but not for ever.
const LIVES_MAX: u64 = 40;

/// A bug of the harness, not of the product: the simulation has to find it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Bug {
    /// None.
    #[default]
    None,
    /// Messages are acknowledged before they are committed.
    AcknowledgesEarly,
    /// A checkpoint is of an older state than its position says.
    StaleCheckpoint,
    /// The disk says that it has synced, and has not.
    SyncLies,
    /// A start goes on from a log that may not be on the disk.
    TrustsTheLog,
}

/// What happened in a world, to see that something did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Starts of the daemon.
    pub lives: u64,
    /// Of those, ended by a kill.
    pub kills: u64,
    /// Ended by a power cut.
    pub power_cuts: u64,
    /// Ended because the store refused everything after a failure of the disk.
    pub refusals: u64,
    /// Ended because there was no room.
    pub full: u64,
    /// Messages committed.
    pub messages: u64,
    /// Of those, such as were committed before.
    pub repeated: u64,
    /// Groups whose commit nobody saw end, and that were found after it.
    pub doubts_committed: u64,
    /// Lines dropped for room.
    pub dropped: u64,
    /// Lines and events that were refused for good.
    pub parked: u64,
    /// Events that went to webhooks.
    pub events: u64,
    /// Models that came to judge.
    pub models: u64,
}

/// A world that broke a promise.
#[derive(Debug, Clone)]
pub struct Violation {
    /// The seed.
    pub seed: u64,
    /// What was found.
    pub words: String,
    /// What had happened.
    pub steps: Vec<String>,
}

/// Lives through a seed.
///
/// # Errors
/// When a promise was broken.
pub fn run(seed: u64, bug: Bug) -> Result<(Tally, Vec<String>), Violation> {
    let trace = Trace::default();
    let lived = catch_unwind(AssertUnwindSafe(|| {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            // One, so that what senders ask of the store happens in the order in which they ask.
            .max_blocking_threads(1)
            .build()
            .unwrap();
        let world = World::new(seed, bug, trace.clone());
        runtime.block_on(world.live())
    }));
    match lived {
        Ok(tally) => Ok((tally, trace.steps())),
        Err(panic) => {
            let text = panic.downcast_ref::<String>().cloned();
            let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
            let words = text.unwrap_or_else(|| "a panic without words".to_owned());
            Err(Violation { seed, words, steps: trace.steps() })
        }
    }
}

/// All that is not the daemon's process.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) bug: Bug,
    /// Nothing that happens changes what the engine is told.
    pub(crate) plain: bool,
    pub(crate) random: Random,
    pub(crate) trace: Trace,
    pub(crate) messages: Arc<[Message]>,
    pub(crate) broker: Broker,
    pub(crate) disk: Arc<Disk>,
    pub(crate) settings: Settings,
    pub(crate) clock: Arc<ManualClock>,
    /// ns since the first instant.
    pub(crate) now: i64,
    pub(crate) influx: Influx,
    pub(crate) receivers: Vec<(String, Receiver)>,
    /// What was published, in order: topic and document.
    pub(crate) published: Vec<(String, Vec<u8>)>,
    pub(crate) ledger: Ledger,
    pub(crate) waiting: Waiting,
    /// Lines and events that were refused for good.
    pub(crate) parked: Parked,
    /// Answers to fits that were made, and may have been lost.
    pub(crate) answers: BTreeMap<u64, ModelAnswer>,
    pub(crate) requests: Vec<Wanted>,
    /// Messages that came and are not committed.
    pub(crate) inbox: VecDeque<usize>,
    pub(crate) commands: Vec<Command>,
    pub(crate) configuration: Checked,
    /// So many steps nothing is committed, for senders to make room.
    pub(crate) patience: u64,
    pub(crate) calm: bool,
    /// The store is small, and InfluxDB seldom takes anything.
    pub(crate) tight: bool,
    pub(crate) tally: Tally,
    directory: TempDir,
    seed: u64,
}

impl World {
    fn new(seed: u64, bug: Bug, trace: Trace) -> Self {
        let mut random = Random::new(seed, "world");
        let plain = seed.is_multiple_of(2);
        let window = usize::try_from(*random.pick(&[4, 20, 100])).unwrap();
        let configuration = mill::configuration(false);
        let directory = TempDir::new().unwrap();
        let tight = random.percent(25);
        let messages: Arc<[Message]> = mill::messages(seed, plain, tight).into();
        let settings = Settings {
            path: Some(directory.path().join("onspec.db")),
            max_size_bytes: if tight { random.within(448..640) << 10 } else { 64 << 20 },
            when_full: *random.pick(&[WhenFull::DropOldestReadings, WhenFull::Block]),
        };
        let refuses = *random.pick(&[0, 0, 300]);
        let hooks = configuration.webhooks.iter().map(|hook| hook.name.clone());
        let receivers: Vec<_> =
            hooks.map(|name| (name, Receiver::new(*random.pick(&[0, 5])))).collect();
        let mut boxes = vec![READINGS.to_owned(), RESULTS.to_owned(), MQTT.to_owned()];
        boxes.extend(receivers.iter().map(|(name, _)| onspec::webhook::outbox_name(name)));
        trace.say(format!(
            "seed {seed}: {} messages, plain {plain}, window {window}, store of {} KiB, {:?}, one line in {refuses} refused",
            messages.len(),
            settings.max_size_bytes >> 10,
            settings.when_full,
        ));
        let disk = Arc::new(Disk::new(Random::new(seed, "disk")));
        if bug == Bug::SyncLies {
            disk.lie();
        }
        let influx = Influx::new(refuses);
        if tight {
            influx.set(Mood::Answers(503));
        }
        Self {
            bug,
            plain,
            random,
            trace,
            broker: Broker::new(Arc::clone(&messages), window),
            messages,
            disk,
            settings,
            clock: Arc::new(ManualClock::at(BEGIN)),
            now: 0,
            influx,
            receivers,
            published: Vec::new(),
            ledger: Ledger::new(&configuration),
            waiting: Waiting::new(&boxes),
            parked: Parked::new(),
            answers: BTreeMap::new(),
            requests: Vec::new(),
            inbox: VecDeque::new(),
            commands: Vec::new(),
            configuration,
            patience: 0,
            calm: false,
            tight,
            tally: Tally::default(),
            directory,
            seed,
        }
    }

    async fn live(mut self) -> Tally {
        let reports = Arc::new(Reports::default());
        let directory = self.directory.path().to_string_lossy().into_owned();
        loop {
            self.tally.lives += 1;
            assert!(self.tally.lives < LIVES_MAX, "the world does not come to its end");
            self.calm = self.tally.lives >= LIVES;
            vfs::mount(&directory, Arc::clone(&self.disk));
            self.plan();
            let end = match Life::begin(&mut self, &reports) {
                Ok(life) => life.go_on(&mut self).await,
                Err(end) => end,
            };
            for news in self.disk.take_news() {
                self.trace.say(format!("  disk: {news}"));
            }
            self.trace.say(format!(
                "{:.1} s: life {} ends: {end:?}",
                self.seconds(),
                self.tally.lives
            ));
            match end {
                End::Done => break,
                End::Refused => self.tally.refusals += 1,
                End::NoRoom => {
                    self.tally.full += 1;
                    self.patience = 30;
                }
                End::Stopped | End::Crashed => {}
            }
            self.after_a_life();
        }
        vfs::unmount(&directory);
        self.tally.messages = self.ledger.taken.len() as u64;
        self.tally.repeated = self.tally.messages - self.ledger.messages().len() as u64;
        self.tally.doubts_committed = self.ledger.doubts_committed;
        self.tally.dropped = self.waiting.dropped.len() as u64;
        self.tally.parked = self.parked.len() as u64;
        self.tally.events = self.receivers.iter().map(|(_, hook)| hook.got().len() as u64).sum();
        self.tally
    }

    /// The process is gone: what only it knew is, too.
    fn after_a_life(&mut self) {
        self.inbox.clear();
        self.commands.clear();
        let lost = !self.plain && !self.calm && self.random.percent(10);
        let before = self.broker.lost().len();
        self.broker.disconnect(lost);
        if lost {
            let n = self.broker.lost().len() - before;
            self.trace.say(format!("  the broker loses the session and {n} messages"));
        }
        if let Some(crash) = self.disk.death() {
            match crash {
                Crash::Process => self.tally.kills += 1,
                Crash::Power => self.tally.power_cuts += 1,
            }
        }
        let random = Random::new(self.seed, &format!("disk {}", self.tally.lives));
        self.disk = Arc::new(self.disk.after_crash(random));
        if self.bug == Bug::SyncLies {
            self.disk.lie();
        }
    }

    /// What the disk will do in the life that begins.
    fn plan(&mut self) {
        let mut faults = Faults::default();
        if !self.calm {
            let random = &mut self.random;
            let step = |random: &mut Random| {
                let most = *random.pick(&[12, 60, 300, 1500]);
                random.within(1..most)
            };
            if random.percent(55) {
                let crash = *random.pick(&[Crash::Process, Crash::Power]);
                faults.at(step(random), Fault::Crash(crash));
            }
            if random.percent(20) {
                faults.at(step(random), Fault::SyncFails);
            }
            if random.percent(10) {
                faults.at(step(random), Fault::WriteFails);
            }
            if random.percent(25) {
                let writes = *random.pick(&[1, 3, 8, 60]);
                faults.at(step(random), Fault::Full(writes));
            }
        }
        self.trace.say(format!(
            "{:.1} s: life {} begins, {faults:?}",
            self.seconds(),
            self.tally.lives
        ));
        self.disk.heal();
        self.disk.plan(faults);
    }

    /// Time since the first instant, in seconds.
    pub(crate) fn seconds(&self) -> f64 {
        std::time::Duration::from_nanos(self.now.cast_unsigned()).as_secs_f64()
    }

    /// The messages that the broker has let go because we said that we have them.
    pub(crate) fn acknowledged(&self) -> &BTreeSet<usize> {
        self.broker.acknowledged()
    }

    pub(crate) fn check_end(&self, life: &Life) {
        oracles::check(self, life);
    }
}

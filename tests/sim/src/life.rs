//! One life of the daemon: from the opening of its store to a crash, a stop, or the end of the world.

use crate::disk::Crash;
use crate::ledger::{Group, outputs};
use crate::mill::{self, BEGIN};
use crate::sinks::Mood;
use crate::waiting::{Glass, Overheard, Reports};
use crate::world::{Bug, MQTT, World};
use onspec::app::{AppError, FitMode, Pipeline, Waiter, answer};
use onspec::decode::Arrival;
use onspec::engine::{Command, Event};
use onspec::influx::{self, READINGS, RESULTS};
use onspec::reading::Timestamp;
use onspec::store::{Commit, Outbox, Store, StoreError};
use onspec::telemetry::{Clock, Health, Metrics, Secret};
use onspec::webhook;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::{JoinSet, yield_now};
use tokio_util::sync::CancellationToken;

/// How a life ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// The process or the power went.
    Crashed,
    /// The disk failed, and the store takes nothing more.
    Refused,
    /// There was no room for too long.
    NoRoom,
    /// Somebody stopped it.
    Stopped,
    /// The mill has said all it had to say, and everybody knows.
    Done,
}

/// A checkpoint is due after so long, as in the daemon.
const CHECKPOINT_NANOS: i64 = 10_000_000_000;
/// In a store as small as those here one transaction may be larger than the log's share of it; in the
/// smallest that a configuration may ask for the share is 8 MiB.
const TRANSACTION_BYTES: u64 = 256 << 10;

/// How often a commit that finds no room is tried.
const TRIES: u32 = 12;
/// How long the end may take: a receiver that failed for days is asked every five minutes.
const DRAIN_STEPS: u32 = 400;

/// The daemon's process.
#[derive(Debug)]
pub(crate) struct Life {
    pub(crate) pipeline: Pipeline,
    reports: Arc<Reports>,
    glass: Glass,
    published: Arc<Overheard>,
    senders: JoinSet<()>,
    checkpointed: i64,
    /// A state that is old, for a bug.
    stale: Option<Vec<u8>>,
}

impl Life {
    /// Opens the store and goes on from what is in it.
    pub(crate) fn begin(world: &mut World, reports: &Arc<Reports>) -> Result<Self, End> {
        if world.bug != Bug::TrustsTheLog && world.disk.write_anew("onspec.db-wal").is_err() {
            return Err(if world.disk.is_dead() { End::Crashed } else { End::Refused });
        }
        let mut store = Store::open(&world.settings).map_err(|e| ended(world, &e.into()))?;
        world.ledger.recovered(&store);
        let may_drop = world.settings.when_full == onspec::store::WhenFull::DropOldestReadings;
        let names = world.waiting.names();
        let glass = Glass::new(&store, &names).map_err(|e| ended(world, &e.into()))?;
        let same = world.waiting.recovered(&glass, reports, may_drop);
        same.map_err(|e| ended(world, &e.into()))?;
        // What the process before dropped it told nobody.
        store.take_dropped();
        if !world.plain && !world.calm && world.random.percent(25) {
            world.configuration = mill::configuration(world.random.percent(50));
            world.trace.say("  perhaps with another configuration");
        }
        let (plant, rules) = (&world.configuration.plant, world.configuration.rules());
        let outputs = outputs(&world.configuration);
        let mode = FitMode::Elsewhere;
        let opened = Pipeline::open(store, plant.clone(), rules.clone(), outputs, mode);
        let (mut pipeline, recovered) = opened.map_err(|error| ended(world, &error))?;
        world.trace.say(format!("  {recovered:?}, {} events", pipeline.events()));
        assert_eq!(recovered.diverged, None, "the journal gives other effects than before");
        world.ledger.steady.engine_mut().reconfigure(plant.clone(), rules);
        world.ledger.same_state(&pipeline);
        let mut tries = 0;
        pipeline.wait_by(Waiter::new(move |_| {
            tries += 1;
            tries % TRIES != 0
        }));
        world.requests = pipeline.take_requests();
        let store = pipeline.store();
        let published =
            Overheard::new(store, MQTT, reports).map_err(|e| ended(world, &e.into()))?;
        let senders = senders(world, store, reports).map_err(|e| ended(world, &e.into()))?;
        let reports = Arc::clone(reports);
        Ok(Self {
            pipeline,
            reports,
            glass,
            published,
            senders,
            checkpointed: world.now,
            stale: None,
        })
    }

    /// Lives to the end.
    pub(crate) async fn go_on(mut self, world: &mut World) -> End {
        let end = loop {
            if let Err(end) = self.step(world).await {
                break end;
            }
            if world.broker.is_done() && world.inbox.is_empty() && world.requests.is_empty() {
                break if world.calm || world.random.percent(30) {
                    self.end_of_the_world(world).await
                } else {
                    End::Stopped
                };
            }
        };
        self.senders.abort_all();
        while self.senders.join_next().await.is_some() {}
        tokio::task::spawn_blocking(|| ()).await.unwrap();
        end
    }

    /// A moment passes.
    async fn step(&mut self, world: &mut World) -> Result<(), End> {
        let millis = *world.random.pick(&[200, 1000, 2000, 4000]);
        self.pass(world, millis).await;
        self.fortune(world)?;
        world.broker.publish(world.now);
        world.inbox.extend(world.broker.deliver());
        self.publish(world)?;
        if world.patience > 0 {
            world.patience -= 1;
            return self.settle(world);
        }
        if !world.requests.is_empty() && (world.plain || world.random.percent(30)) {
            self.answer(world)?;
        }
        let group = self.gather(world);
        if group.0.is_empty() {
            return if world.random.percent(50) { self.settle(world) } else { Ok(()) };
        }
        self.commit(world, &group)?;
        let due = world.now - self.checkpointed >= CHECKPOINT_NANOS;
        if self.pipeline.since_checkpoint() > 0 && (due || world.random.percent(2)) {
            self.checkpointed = world.now;
            self.checkpoint(world)?;
        }
        Ok(())
    }

    /// Time passes, and everybody does what was due.
    async fn pass(&mut self, world: &mut World, millis: u64) {
        tokio::time::sleep(Duration::from_millis(millis)).await;
        world.now += i64::try_from(millis).unwrap() * 1_000_000;
        world.clock.set(BEGIN + world.now);
        // The senders are still before the core goes on, so that a seed has one course only.
        loop {
            let before = self.activity(world);
            for _ in 0..8 {
                yield_now().await;
            }
            tokio::task::spawn_blocking(|| ()).await.unwrap();
            for _ in 0..8 {
                yield_now().await;
            }
            if self.activity(world) == before {
                break;
            }
        }
    }

    fn activity(&self, world: &World) -> u64 {
        let attempts = world.receivers.iter().map(|(_, receiver)| receiver.attempts());
        self.reports.calls() + world.influx.requests() + attempts.sum::<u64>()
    }

    /// What others do, and what happens to us.
    fn fortune(&mut self, world: &mut World) -> Result<(), End> {
        let World { random, trace, .. } = world;
        if world.calm {
            world.influx.set(Mood::Well);
            world.receivers.iter().for_each(|(_, receiver)| receiver.set(Mood::Well));
        } else {
            if random.percent(if world.tight { 10 } else { 3 }) {
                let well = if world.tight { 5 } else { 50 };
                let mood = if random.percent(well) { Mood::Well } else { Mood::bad(random) };
                trace.say(format!("  InfluxDB: {mood:?}"));
                world.influx.set(mood);
            }
            for (name, receiver) in &world.receivers {
                if random.percent(3) {
                    let mood = if random.percent(50) { Mood::Well } else { Mood::bad(random) };
                    trace.say(format!("  receiver {name}: {mood:?}"));
                    receiver.set(mood);
                }
            }
        }
        link(world);
        if !world.calm && world.random.percent(1) {
            let crash = *world.random.pick(&[Crash::Process, Crash::Power]);
            world.disk.crash(crash);
            return Err(End::Crashed);
        }
        if !world.calm && world.random.percent(1) {
            if world.random.percent(50) {
                self.checkpoint(world)?;
            }
            return Err(End::Stopped);
        }
        Ok(())
    }

    /// The next group of events.
    fn gather(&self, world: &mut World) -> Group {
        let mut group = Group::default();
        group.0.extend(world.commands.drain(..).map(|command| (Event::Command(command), None)));
        // In a small store, groups are small.
        let most = *world.random.pick(if world.tight { &[1, 2, 4] } else { &[1, 4, 16] });
        for _ in 0..most {
            let Some(ix) = world.inbox.pop_front() else { break };
            let message = &world.messages[ix];
            let arrival = Arrival {
                broker: "plant".into(),
                received: Timestamp::from_nanos(BEGIN + world.now),
                topic: message.topic.as_str().into(),
                payload: message.payload.clone().into(),
                retained: false,
                properties: None,
            };
            group.0.push((Event::Arrival(arrival), Some(ix)));
        }
        let now = Timestamp::from_nanos(BEGIN + world.now);
        if !world.plain
            && world.inbox.is_empty()
            && world.broker.is_connected()
            && self.pipeline.would_push(now)
        {
            group.0.push((Event::Tick(now), None));
        }
        group
    }

    /// Commits a group, and then acknowledges.
    fn commit(&mut self, world: &mut World, group: &Group) -> Result<(), End> {
        if world.bug == Bug::AcknowledgesEarly {
            acknowledge(world, group, usize::MAX);
        }
        if world.bug == Bug::StaleCheckpoint && self.stale.is_none() {
            self.stale = Some(self.pipeline.engine().checkpoint());
        }
        world.ledger.in_doubt = Some(group.clone());
        if let Err(error) = self.pipeline.commit(group.events(), &mut |_| {}) {
            return Err(self.failed(world, &error));
        }
        world.ledger.committed(group);
        self.committed(world, true)?;
        world.requests.extend(self.pipeline.take_requests());
        if !world.calm && world.random.percent(1) {
            world.disk.crash(*world.random.pick(&[Crash::Process, Crash::Power]));
            return Err(End::Crashed);
        }
        // The link may be cut before the last of them are out.
        let cut = !world.calm && world.random.percent(2);
        let n = if cut { world.random.within(0..group.0.len() as u64 + 1) } else { u64::MAX };
        acknowledge(world, group, usize::try_from(n).unwrap());
        if cut {
            world.broker.disconnect(false);
        }
        Ok(())
    }

    /// A transaction of the store is durable, if it is `certain` that it found room.
    fn committed(&mut self, world: &mut World, certain: bool) -> Result<(), End> {
        if world.disk.is_dead() {
            // In the housekeeping behind it; the next life looks at what there is.
            return Err(End::Crashed);
        }
        let dropped = self.pipeline.store_mut().take_dropped();
        let store = self.pipeline.store();
        if dropped.items > 0 {
            world.trace.say(format!("  {} lines were dropped for room", dropped.count));
        }
        world.waiting.committed(&self.glass, &self.reports, dropped, certain).unwrap();
        if world.random.percent(5) {
            world.waiting.check(&self.glass, &self.reports).unwrap();
        }
        let (sizes, max) = (world.disk.sizes(), world.settings.max_size_bytes);
        assert!(
            (sizes["onspec.db"] <= max && sizes.values().sum::<u64>() <= max + TRANSACTION_BYTES)
                || store.fill() > 0.9,
            "the store takes {sizes:?} bytes of {max}, and is full only to {:.2}",
            store.fill()
        );
        Ok(())
    }

    fn checkpoint(&mut self, world: &mut World) -> Result<(), End> {
        let done = match self.stale.take() {
            Some(state) => {
                let hash = self.pipeline.store().recover().unwrap().last_hash;
                let commit = Commit { hash, checkpoint: Some(&state), ..Commit::default() };
                self.pipeline.store_mut().commit(&commit).map_err(AppError::from)
            }
            None => self.pipeline.checkpoint(),
        };
        self.put_off(world, done)
    }

    fn settle(&mut self, world: &mut World) -> Result<(), End> {
        let done = self.pipeline.store_mut().settle().map_err(AppError::from);
        self.put_off(world, done)
    }

    /// What finds no room is put off.
    fn put_off(&mut self, world: &mut World, done: Result<(), AppError>) -> Result<(), End> {
        match done {
            Ok(()) => self.committed(world, true),
            Err(AppError::Store(error)) if error.is_full() => self.committed(world, false),
            Err(error) => Err(self.failed(world, &error)),
        }
    }

    /// The store failed. What it refuses once it refuses until the next start.
    fn failed(&mut self, world: &mut World, error: &AppError) -> End {
        let end = ended(world, error);
        if end == End::Refused {
            let store = self.pipeline.store_mut();
            for _ in 0..2 {
                let refused = store.commit(&Commit::default());
                assert!(matches!(refused, Err(StoreError::Refused { .. })), "{refused:?}");
                let refused = store.settle();
                assert!(matches!(refused, Err(StoreError::Refused { .. })), "{refused:?}");
            }
        }
        end
    }

    /// Answers a fit that was asked for.
    fn answer(&mut self, world: &mut World) -> Result<(), End> {
        let request = world.requests.remove(0);
        let answer = answer(&self.glass.reader, &request, &self.pipeline.columns(request.line()));
        let before = world.answers.entry(request.id()).or_insert_with(|| answer.clone());
        assert_eq!(*before, answer, "a fit that was asked for again gave another model");
        world.tally.models += u64::from(answer.outcome.is_ok());
        world.trace.say(format!(
            "  fit {}: {:?}",
            request.id(),
            answer.outcome.as_ref().map(|a| a.len())
        ));
        self.commit(world, &Group(vec![(Event::Model(answer), None)]))
    }

    /// Publishes what waits for the broker.
    fn publish(&mut self, world: &mut World) -> Result<(), End> {
        if !world.broker.is_connected() || !(world.calm || world.random.percent(30)) {
            return Ok(());
        }
        let items = self.published.oldest(0, 5, usize::MAX).map_err(|e| ended(world, &e.into()))?;
        // Of some the acknowledgement never comes.
        let heard = !world.calm && world.random.percent(10);
        for item in items {
            world.published.push((item.key, item.body));
            if !heard {
                self.published.done(&[item.id]);
            }
        }
        Ok(())
    }

    /// Everybody is well, and takes what waits.
    async fn end_of_the_world(&mut self, world: &mut World) -> End {
        world.calm = true;
        world.disk.heal();
        for _ in 0..DRAIN_STEPS {
            if let Err(end) = self.fortune(world).and_then(|()| self.publish(world)) {
                return end;
            }
            if let Err(end) = self.settle(world) {
                return end;
            }
            if world.waiting.is_empty() {
                if let Err(end) = self.checkpoint(world) {
                    return end;
                }
                world.parked = self.reports.parked();
                world.check_end(self);
                return End::Done;
            }
            self.pass(world, 30_000).await;
        }
        panic!("{DRAIN_STEPS} half minutes after all was well something still waits");
    }
}

/// Why a call failed, of which the disk knows more.
fn ended(world: &World, error: &AppError) -> End {
    if world.disk.is_dead() {
        return End::Crashed;
    }
    // The directory is another one each time, the steps are not.
    let directory = world.settings.path.as_deref().and_then(Path::parent).unwrap_or(Path::new(""));
    let words = format!("{error:?}").replace(&*directory.to_string_lossy(), "");
    world.trace.say(format!("  {words}"));
    match error {
        AppError::GivenUp => End::NoRoom,
        AppError::Store(error) if error.is_full() => End::NoRoom,
        AppError::Store(StoreError::Sqlite { .. } | StoreError::Refused { .. }) => End::Refused,
        other => panic!("{other:?}"),
    }
}

/// The link to the broker comes and goes.
fn link(world: &mut World) {
    let at = Timestamp::from_nanos(BEGIN + world.now);
    if !world.broker.is_connected() {
        if world.calm || world.random.percent(50) {
            world.broker.connect();
            if !world.plain {
                let present = world.calm || world.random.percent(80);
                world.commands.push(Command::Link { up: true, at });
                world.commands.push(Command::Session {
                    component: "mqtt/plant".into(),
                    client_id: "onspec".into(),
                    present,
                    filters: vec!["#".into()],
                    at,
                });
            }
        }
    } else if !world.calm && world.random.percent(3) {
        world.trace.say("  the link is cut");
        // What came is still committed, and comes again all the same.
        world.broker.disconnect(false);
        if !world.plain && world.random.percent(60) {
            world.commands.push(Command::Link { up: false, at });
        }
    }
}

fn acknowledge(world: &mut World, group: &Group, n: usize) {
    for message in group.0.iter().filter_map(|(_, message)| *message).take(n) {
        world.broker.acknowledge(message);
    }
}

/// The senders of the product, in front of the scripted sinks.
fn senders(
    world: &World,
    store: &Store,
    reports: &Arc<Reports>,
) -> Result<JoinSet<()>, StoreError> {
    let mut tasks = JoinSet::new();
    let (health, metrics, cancel) =
        (Health::default(), Metrics::default(), CancellationToken::new());
    let clock: Arc<dyn Clock> = Arc::clone(&world.clock) as Arc<dyn Clock>;
    let writer = influx::Writer {
        settings: world.configuration.influx.clone().expect("the mill has an InfluxDB"),
        token: Secret::new("unused"),
        readings: Overheard::new(store, READINGS, reports)?,
        results: Overheard::new(store, RESULTS, reports)?,
        health: health.clone(),
        metrics: metrics.clone(),
        clock: Arc::clone(&clock),
        cancel: cancel.clone(),
    };
    let sink = world.influx.clone();
    // An error is one of the store, which the core hears as well.
    tasks.spawn(async move { drop(influx::serve(writer, sink).await) });
    for (settings, (name, receiver)) in world.configuration.webhooks.iter().zip(&world.receivers) {
        let sender = webhook::Sender {
            settings: settings.clone(),
            url: Secret::new("http://unused"),
            secret: None,
            standing: vec![],
            outbox: Overheard::new(store, &webhook::outbox_name(name), reports)?,
            health: health.clone(),
            metrics: metrics.clone(),
            clock: Arc::clone(&clock),
            cancel: cancel.clone(),
        };
        let receiver = receiver.clone();
        tasks.spawn(async move { drop(webhook::serve(sender, receiver).await) });
    }
    Ok(tasks)
}

//! An InfluxDB and webhook receivers that follow their mood, and keep what they got.

use crate::random::Random;
use bytes::Bytes;
use onspec::influx::{Failure, Sink};
use onspec::webhook::{Answer, Envelope, Post};
use std::collections::{BTreeMap, BTreeSet};
use std::future::pending;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use xxhash_rust::xxh3::xxh3_64;

/// How a sink is at the moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mood {
    /// It takes what comes.
    Well,
    /// It answers with a status and takes nothing.
    Answers(u16),
    /// It never answers, and takes nothing.
    Hangs,
    /// It takes what comes, and never answers.
    Doubtful,
}

impl Mood {
    /// Any mood but a good one.
    pub fn bad(random: &mut Random) -> Self {
        let moods = [429, 503, 500, 401].map(Mood::Answers);
        match random.within(0..6) {
            0 => Self::Hangs,
            1 => Self::Doubtful,
            _ => *random.pick(&moods),
        }
    }
}

/// The series and the time of a line of the protocol.
pub type Key = (String, i64);

/// Splits a line: series, fields, time. No name of the mill has a space.
#[must_use]
pub fn split(line: &str) -> (Key, String) {
    let (series, rest) = line.split_once(' ').expect("a line has fields");
    let (fields, time) = rest.rsplit_once(' ').expect("a line has a time");
    ((series.to_owned(), time.parse().expect("a time is a number")), fields.to_owned())
}

/// An InfluxDB.
#[derive(Debug, Clone)]
pub struct Influx(Arc<Mutex<InfluxState>>);

#[derive(Debug)]
struct InfluxState {
    mood: Mood,
    /// One line in so many is refused for good; 0: none.
    refuses: u64,
    points: BTreeMap<Key, String>,
    seen: BTreeSet<String>,
    requests: u64,
}

impl Influx {
    /// An InfluxDB that is well, and refuses one line in so many; 0: none.
    #[must_use]
    pub fn new(refuses: u64) -> Self {
        Self(Arc::new(Mutex::new(InfluxState {
            mood: Mood::Well,
            refuses,
            points: BTreeMap::new(),
            seen: BTreeSet::new(),
            requests: 0,
        })))
    }

    /// Changes the mood.
    pub fn set(&self, mood: Mood) {
        self.state().mood = mood;
    }

    /// What is stored.
    #[must_use]
    pub fn points(&self) -> BTreeMap<Key, String> {
        self.state().points.clone()
    }

    /// True if the line was stored at any time.
    #[must_use]
    pub fn saw(&self, line: &str) -> bool {
        self.state().seen.contains(line)
    }

    /// How many requests came.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.state().requests
    }

    fn state(&self) -> MutexGuard<'_, InfluxState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl InfluxState {
    fn refuses(&self, line: &str) -> bool {
        self.refuses > 0 && xxh3_64(line.as_bytes()).is_multiple_of(self.refuses)
    }

    /// Stores what it does not refuse: nothing of a request with an unreadable line, or all others.
    fn store(&mut self, text: &str) -> Result<(), Failure> {
        let (bad, good): (Vec<&str>, Vec<&str>) = text.lines().partition(|line| self.refuses(line));
        let partial = bad.first().is_some_and(|line| xxh3_64(line.as_bytes()) & 64 == 0);
        if bad.is_empty() || partial {
            for line in good {
                let (key, fields) = split(line);
                self.points.insert(key, fields);
                self.seen.insert(line.to_owned());
            }
        }
        let answer = |status, message: String| {
            let body = serde_json::json!({ "code": "invalid", "message": message }).to_string();
            Failure::answer(status, &body)
        };
        match (bad.first(), partial) {
            (None, _) => Ok(()),
            (Some(_), true) => {
                answer(422, format!("partial write: field type conflict dropped={}", bad.len()))
            }
            (Some(line), false) if line.len() % 2 == 0 => {
                answer(400, format!("unable to parse '{line}': bad"))
            }
            (Some(_), false) => answer(400, "it is not to be read".to_owned()),
        }
    }
}

/// What happens to a request.
enum Fate<T> {
    Answer(T),
    Silence,
}

impl Sink for Influx {
    async fn write(&self, lines: Bytes) -> Result<(), Failure> {
        let fate = {
            let mut state = self.state();
            state.requests += 1;
            let text = String::from_utf8(lines.to_vec()).expect("lines are text");
            match state.mood {
                Mood::Well => Fate::Answer(state.store(&text)),
                Mood::Answers(status) => Fate::Answer(Failure::answer(status, "")),
                Mood::Hangs => Fate::Silence,
                Mood::Doubtful => {
                    // What it says of it nobody hears.
                    drop(state.store(&text));
                    Fate::Silence
                }
            }
        };
        tokio::time::sleep(Duration::from_millis(20)).await;
        match fate {
            Fate::Answer(answer) => answer,
            Fate::Silence => pending().await,
        }
    }
}

/// A receiver of events.
#[derive(Debug, Clone)]
pub struct Receiver(Arc<Mutex<ReceiverState>>);

#[derive(Debug)]
struct ReceiverState {
    mood: Mood,
    refuses: u64,
    got: Vec<(String, Vec<u8>)>,
    attempts: u64,
}

impl Receiver {
    /// A receiver that is well, and refuses one event in so many; 0: none.
    #[must_use]
    pub fn new(refuses: u64) -> Self {
        let (got, attempts) = (Vec::new(), 0);
        Self(Arc::new(Mutex::new(ReceiverState { mood: Mood::Well, refuses, got, attempts })))
    }

    /// Changes the mood.
    pub fn set(&self, mood: Mood) {
        self.state().mood = mood;
    }

    /// What was taken, in order, repetitions included: ids and bodies.
    #[must_use]
    pub fn got(&self) -> Vec<(String, Vec<u8>)> {
        self.state().got.clone()
    }

    /// How many attempts were made.
    #[must_use]
    pub fn attempts(&self) -> u64 {
        self.state().attempts
    }

    /// True if it will never take the event.
    #[must_use]
    pub fn refuses(&self, id: &str) -> bool {
        self.state().refuses(id)
    }

    fn state(&self) -> MutexGuard<'_, ReceiverState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ReceiverState {
    fn refuses(&self, id: &str) -> bool {
        self.refuses > 0 && xxh3_64(id.as_bytes()).is_multiple_of(self.refuses)
    }
}

impl Post for Receiver {
    async fn post(&self, envelope: Envelope) -> Result<Answer, String> {
        let fate = {
            let mut state = self.state();
            state.attempts += 1;
            let answer = |status| Answer { status, ..Answer::default() };
            let taken = matches!(state.mood, Mood::Well | Mood::Doubtful);
            let refused = taken && state.refuses(&envelope.id);
            if taken && !refused {
                state.got.push((envelope.id, envelope.body));
            }
            match state.mood {
                Mood::Well => Fate::Answer(answer(if refused { 422 } else { 204 })),
                // For a receiver 401 is about the event; here it is about the moment.
                Mood::Answers(401) => Fate::Answer(answer(302)),
                Mood::Answers(status) => Fate::Answer(answer(status)),
                Mood::Hangs | Mood::Doubtful => Fate::Silence,
            }
        };
        tokio::time::sleep(Duration::from_millis(20)).await;
        match fate {
            Fate::Answer(answer) => Ok(answer),
            Fate::Silence => pending().await,
        }
    }
}

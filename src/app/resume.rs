//! What a replay leaves beside its files, so that it can go on after it was interrupted.
//!
//! A feed tells the same events in the same order each time. So how many of them were taken, the engine after the last
//! one, and how far the files were then, is all there is to know; that the events are the same again is held against
//! their hash when they are gone over. A replay that learns also needs the frames to fit from: they are written to a
//! file of their own as they come, and read back from it.

use super::blob::Blob;
use super::error::AppError;
use super::fits::FrameRun;
use super::replay::{Judging, SheetState};
use crate::decode::Message;
use crate::engine::{Effect, Engine, Event};
use crate::plant::Plant;
use crate::reading::{Timestamp, Value};
use crate::record::cut;
use crate::store::Commit;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

/// The file that tells how to go on, and that of the frames to fit from.
const STATE: &str = "replay.resume";
const FRAMES: &str = "replay.frames";

/// The form of the first; another number is refused.
const FORM: u32 = 1;

/// Bytes before the body of either file's entries: the length of the body and its checksum.
const HEAD: usize = 16;

/// Everything that has to be the same when a replay goes on, by what people call it.
pub type Sameness = BTreeMap<String, String>;

/// How to go on with a replay.
#[derive(Debug, Serialize, Deserialize)]
pub struct Resume {
    form: u32,
    same: Sameness,
    /// How far the feed reaches, where that is not told by what was asked for.
    extent: Option<[i64; 2]>,
    /// The events that were taken, and their hash.
    events: u64,
    hash: u64,
    sheet: SheetState,
    /// The length of the file of frames.
    frames: u64,
    engine: Blob,
}

impl Resume {
    /// Reads how to go on with the replay that was to fill a directory.
    ///
    /// # Errors
    /// When nothing tells that, or it is damaged.
    pub fn read(directory: &Path) -> Result<Self, AppError> {
        let path = directory.join(STATE);
        let bytes = match std::fs::read(&path) {
            Ok(bytes) => bytes,
            Err(source) if source.kind() == std::io::ErrorKind::NotFound => {
                return Err(AppError::Other(format!(
                    "there is no replay to go on with in `{}`: it was finished, or interrupted before there was \
                     something to go on from; leave `--resume` out to begin anew",
                    directory.display()
                )));
            }
            Err(source) => return Err(io("read", &path)(source)),
        };
        let unusable = |why: &str| {
            AppError::Other(format!(
                "`{}` {why}; leave `--resume` out to begin anew",
                path.display()
            ))
        };
        let (body, _) = entry(&bytes).ok_or_else(|| unusable("is damaged"))?;
        let resume: Self =
            rmp_serde::from_slice(body).map_err(|_| unusable("is of another release"))?;
        if resume.form != FORM {
            return Err(unusable("is of another release"));
        }
        Ok(resume)
    }

    /// True if there is a replay to go on with.
    #[must_use]
    pub fn is_there(directory: &Path) -> bool {
        directory.join(STATE).exists()
    }

    /// How far the feed reached, where that is not told by what was asked for.
    #[must_use]
    pub fn extent(&self) -> Option<[i64; 2]> {
        self.extent
    }

    /// How far the files are.
    #[must_use]
    pub fn files(&self) -> Option<&crate::record::FilesState> {
        self.sheet.files.as_ref()
    }

    /// Compares what has to be the same.
    ///
    /// # Errors
    /// When something differs: what, and what to do.
    pub fn check(&self, now: &Sameness) -> Result<(), String> {
        let nothing = String::new();
        let names = self.same.keys().chain(now.keys());
        for name in names {
            let [then, now] = [&self.same, now].map(|same| same.get(name).unwrap_or(&nothing));
            if then != now {
                return Err(format!(
                    "the replay cannot go on: {name} then was {then}, and now is {now}; make it the same again, or \
                     leave `--resume` out to begin anew"
                ));
            }
        }
        Ok(())
    }

    /// Puts who judges back to where it was.
    fn restore(&self, directory: &Path, judging: &mut Judging) -> Result<(), AppError> {
        let engine = Engine::restore(&self.engine.0)?;
        match judging {
            Judging::Registry(registry) => **registry = engine,
            Judging::Learning(pipeline) => {
                read_frames(&directory.join(FRAMES), self.frames, &mut |runs| {
                    let frames: Vec<_> = runs.iter().map(FrameRun::block).collect();
                    let commit = Commit { frames: &frames, ..Commit::default() };
                    pipeline.store_mut().commit(&commit).map_err(AppError::from)
                })?;
                *pipeline.engine_mut() = engine;
            }
        }
        Ok(())
    }
}

/// Leaves behind how to go on, from time to time.
pub struct Keeper<'a> {
    directory: PathBuf,
    same: Sameness,
    extent: Option<[i64; 2]>,
    /// Asked after each event.
    is_due: &'a mut dyn FnMut() -> bool,
    /// The events so far, and their hash.
    events: u64,
    hash: u64,
    /// Those that were taken before, and their hash.
    taken: Option<(u64, u64)>,
    frames: Option<FrameLog>,
    sheet: Option<SheetState>,
    scratch: Vec<u8>,
    /// True once there is something to go on from.
    kept: bool,
}

impl std::fmt::Debug for Keeper<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Keeper")
    }
}

impl<'a> Keeper<'a> {
    /// Begins with a replay that fills a directory, or goes on with one: then who judges is put back to where it was.
    ///
    /// # Errors
    /// When the file system says no, or what was kept cannot be used.
    pub fn begin(
        directory: &Path,
        (same, extent): (Sameness, Option<[i64; 2]>),
        resume: Option<Resume>,
        judging: &mut Judging,
        is_due: &'a mut dyn FnMut() -> bool,
    ) -> Result<Self, AppError> {
        if let Some(resume) = &resume {
            resume.restore(directory, judging)?;
        } else {
            remove(directory)?;
        }
        let path = directory.join(FRAMES);
        let frames = match (&judging, &resume) {
            (Judging::Registry(_), _) => None,
            (Judging::Learning(_), None) => {
                let file = File::create(&path).map_err(io("make", &path))?;
                Some(FrameLog { path, file, runs: Vec::new() })
            }
            (Judging::Learning(_), Some(resume)) => {
                Some(FrameLog { file: cut(&path, resume.frames)?, path, runs: Vec::new() })
            }
        };
        Ok(Self {
            directory: directory.to_owned(),
            same,
            extent,
            is_due,
            events: 0,
            hash: 0,
            taken: resume.as_ref().map(|resume| (resume.events, resume.hash)),
            kept: resume.is_some(),
            frames,
            sheet: resume.map(|resume| resume.sheet),
            scratch: Vec::new(),
        })
    }

    /// What was told before.
    pub(super) fn sheet(&mut self) -> Option<SheetState> {
        self.sheet.take()
    }

    /// Takes the next event; true if it was taken before.
    pub(super) fn is_old(&mut self, event: &Event) -> Result<bool, AppError> {
        let Some((events, hash)) = self.taken else {
            self.count(event);
            return Ok(false);
        };
        if self.events == events {
            if self.hash != hash {
                return Err(another());
            }
            self.taken = None;
            self.count(event);
            return Ok(false);
        }
        self.count(event);
        Ok(true)
    }

    /// The feed has come to its end.
    pub(super) fn end(&self) -> Result<(), AppError> {
        if self.taken.is_some_and(|taken| taken != (self.events, self.hash)) {
            return Err(another());
        }
        Ok(())
    }

    fn count(&mut self, event: &Event) {
        self.scratch.clear();
        digest(event, &mut self.scratch);
        self.events += 1;
        self.hash = xxh3_64_with_seed(&self.scratch, self.hash);
    }

    /// Takes what followed from an event.
    pub(super) fn hear(&mut self, effect: &Effect) {
        if let (Effect::Frame(frame), Some(log)) = (effect, &mut self.frames) {
            FrameRun::collect(&mut log.runs, frame);
        }
    }

    /// True if it is time to leave something behind.
    pub(super) fn is_due(&mut self) -> bool {
        (self.is_due)()
    }

    /// Leaves behind how to go on from here.
    pub(super) fn keep(&mut self, engine: &Engine, sheet: SheetState) -> Result<(), AppError> {
        let frames = self.frames.as_mut().map_or(Ok(0), |log| log.write(engine.plant()))?;
        let resume = Resume {
            form: FORM,
            same: self.same.clone(),
            extent: self.extent,
            events: self.events,
            hash: self.hash,
            sheet,
            frames,
            engine: Blob(engine.checkpoint()),
        };
        let body = rmp_serde::to_vec_named(&resume).expect("it has no map with odd keys");
        let (path, new) = (self.directory.join(STATE), self.directory.join(format!("{STATE}.new")));
        let write = || {
            let mut file = File::create(&new)?;
            write_entry(&mut file, &body)?;
            file.sync_all()?;
            std::fs::rename(&new, &path)?;
            // The new name has to outlive a power cut as well.
            File::open(&self.directory)?.sync_all()
        };
        write().map_err(io("write", &path))?;
        self.kept = true;
        Ok(())
    }

    /// The replay is done: nobody goes on with it.
    ///
    /// # Errors
    /// When the file system says no.
    pub fn done(self) -> Result<(), AppError> {
        remove(&self.directory)
    }
}

impl Drop for Keeper<'_> {
    /// Frames that nobody can go on with go.
    fn drop(&mut self) {
        if !self.kept {
            // Nobody can be told, and what stays is overwritten by the next replay.
            remove(&self.directory).ok();
        }
    }
}

/// Removes what was left behind in a directory.
fn remove(directory: &Path) -> Result<(), AppError> {
    for name in [STATE, FRAMES] {
        let path = directory.join(name);
        match std::fs::remove_file(&path) {
            Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
                return Err(io("remove", &path)(source));
            }
            _ => {}
        }
    }
    Ok(())
}

fn another() -> AppError {
    AppError::Other(
        "the replay cannot go on: what is read is not what was read then; leave `--resume` out to begin anew".into(),
    )
}

fn io(doing: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> AppError {
    let doing = format!("{doing} `{}`", path.display());
    move |source| AppError::Io { doing, source }
}

/// What an event is known by.
fn digest(event: &Event, out: &mut Vec<u8>) {
    let number = |out: &mut Vec<u8>, nanos: i64| out.extend_from_slice(&nanos.to_le_bytes());
    match event {
        Event::Message(received, Message::Reading(reading)) => {
            number(out, received.as_nanos());
            number(out, reading.at.map_or(i64::MIN, Timestamp::as_nanos));
            for name in [&reading.line, &reading.area, &reading.tag] {
                out.extend_from_slice(name.as_bytes());
                out.push(0);
            }
            match &reading.value {
                Value::Number(value) => out.extend_from_slice(&value.get().to_le_bytes()),
                Value::Text(text) => out.extend_from_slice(text.as_bytes()),
            }
            out.push(reading.quality as u8);
        }
        Event::Message(..) => out.extend_from_slice(format!("{event:?}").as_bytes()),
        Event::Frame(line, frame) => {
            number(out, line.0.into());
            number(out, frame.start.as_nanos());
            number(out, frame.end.as_nanos());
            frame.values.iter().for_each(|value| out.extend_from_slice(&value.to_le_bytes()));
        }
        Event::Arrival(_) | Event::Tick(_) | Event::Model(_) | Event::Command(_) => {
            event.encode(out);
        }
    }
}

/// Frames to fit from, in a file that grows.
struct FrameLog {
    path: PathBuf,
    file: File,
    /// Those that are not in it yet.
    runs: Vec<FrameRun>,
}

impl FrameLog {
    /// Writes those that are not in the file; gives its length.
    fn write(&mut self, plant: &Plant) -> Result<u64, AppError> {
        self.runs.iter_mut().for_each(|run| run.name(plant));
        let mut write = || {
            if !self.runs.is_empty() {
                let body = rmp_serde::to_vec_named(&self.runs).expect("they have only text keys");
                write_entry(&mut self.file, &lz4_flex::block::compress_prepend_size(&body))?;
                self.file.sync_data()?;
            }
            Ok(self.file.metadata()?.len())
        };
        let length = write().map_err(io("write to", &self.path))?;
        self.runs.clear();
        Ok(length)
    }
}

/// Reads the frames of a file up to a length, entry by entry.
fn read_frames(
    path: &Path,
    length: u64,
    take: &mut dyn FnMut(Vec<FrameRun>) -> Result<(), AppError>,
) -> Result<(), AppError> {
    let damaged = || {
        let path = path.display();
        AppError::Other(format!("`{path}` is damaged; leave `--resume` out to begin anew"))
    };
    let mut file = File::open(path).map_err(io("read", path))?.take(length);
    while file.limit() > 0 {
        let mut bytes = vec![0; HEAD];
        file.read_exact(&mut bytes).map_err(io("read", path))?;
        let body = body_length(&bytes).filter(|body| *body <= file.limit()).ok_or_else(damaged)?;
        (&mut file).take(body).read_to_end(&mut bytes).map_err(io("read", path))?;
        let (body, _) = entry(&bytes).ok_or_else(damaged)?;
        let body = lz4_flex::block::decompress_size_prepended(body).map_err(|_| damaged())?;
        take(rmp_serde::from_slice(&body).map_err(|_| damaged())?)?;
    }
    Ok(())
}

/// Writes an entry: its length, its checksum, its body.
fn write_entry(file: &mut File, body: &[u8]) -> std::io::Result<()> {
    let length = u64::try_from(body.len()).unwrap_or(u64::MAX);
    file.write_all(&[length.to_le_bytes(), xxh3_64(body).to_le_bytes()].concat())?;
    file.write_all(body)
}

/// The length of the body of an entry.
fn body_length(bytes: &[u8]) -> Option<u64> {
    Some(u64::from_le_bytes(*bytes.first_chunk()?))
}

/// The body of an entry, and what comes behind it; `None` if it is not whole.
fn entry(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let length = usize::try_from(body_length(bytes)?).ok()?;
    let (head, rest) = bytes.split_at_checked(HEAD)?;
    let (body, rest) = rest.split_at_checked(length)?;
    let checksum = u64::from_le_bytes(*head.last_chunk()?);
    (xxh3_64(body) == checksum).then_some((body, rest))
}

#[cfg(test)]
mod tests;

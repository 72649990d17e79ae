//! What a running store knows of an instant, for the page: why a line's verdict was what it was, and how its tags went around it.

use super::error::AppError;
use super::explain::explain;
use super::feed::Feed;
use super::fits::{Columns, kept_frames};
use super::journal::Journal;
use super::replay::Judging;
use crate::decode::Rule;
use crate::engine::{Engine, Explanation};
use crate::http::{Bin, Trend};
use crate::plant::Plant;
use crate::reading::{LineIx, Timestamp};
use crate::store::{Reader, StoreError};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// What the journal is read as.
#[derive(Debug, Clone)]
pub(super) struct Under {
    /// The plant.
    pub(super) plant: Plant,
    /// How messages are read.
    pub(super) rules: Vec<Rule>,
}

/// Bins of a trend at most.
const BINS: i64 = 360;

/// So much of the frames is read at a time.
const READ: Duration = Duration::from_secs(600);

/// So much before an instant a state is remembered: those that people look at next lie behind it.
const BEFORE: Duration = Duration::from_secs(11 * 60);

/// States that are remembered.
const REMEMBERED: usize = 2;

/// States on the way to instants that were asked for, in the order in which they were used. The store keeps few, and hours may
/// lie between two of them.
#[derive(Debug, Default)]
pub(super) struct States(Vec<Reached>);

/// A state after an event.
#[derive(Debug)]
struct Reached {
    seq: u64,
    /// Up to where each line of the plant was judged.
    judged_to: Vec<Option<Timestamp>>,
    state: Vec<u8>,
}

impl States {
    /// The newest after an event of the store, and before an instant of a line; it is used last by that.
    fn take(&mut self, after: u64, (line, at): (LineIx, Timestamp)) -> Option<(u64, &[u8])> {
        let fits = |one: &Reached| {
            let reached = one.judged_to.get(line.get()).copied().flatten();
            one.seq > after && reached.is_none_or(|reached| reached < at)
        };
        let fitting = self.0.iter().enumerate().filter(|(_, one)| fits(one));
        let (ix, _) = fitting.max_by_key(|(_, one)| one.seq)?;
        let used = self.0.remove(ix);
        self.0.push(used);
        self.0.last().map(|one| (one.seq, &*one.state))
    }

    fn remember(&mut self, reached: Reached) {
        if self.0.iter().any(|one| one.seq == reached.seq) {
            return;
        }
        if self.0.len() == REMEMBERED {
            self.0.remove(0);
        }
        self.0.push(reached);
    }

    /// Forgets what the journal does not follow any more.
    fn keep_from(&mut self, first: u64) {
        self.0.retain(|one| one.seq + 1 >= first);
    }
}

/// What `onspec explain` says of a line at an instant, read from the nearest state before it.
///
/// # Errors
/// [`AppError::Other`] where the journal does not know the instant, else when the store cannot be read.
pub(super) fn explained(
    (reader, path): (&Reader, &Path),
    under: &Under,
    (line, at): (LineIx, Timestamp),
    states: &mut States,
) -> Result<Explanation, AppError> {
    let name = &under.plant.lines[line.get()].name;
    let after = state_before(reader, name, at)?;
    states.keep_from(reader.journal_start()?.unwrap_or(u64::MAX));
    let remembered = states.take(after.unwrap_or(0), (line, at));
    let (mut journal, mut judging) = match remembered {
        Some((seq, state)) => {
            let journal = Journal::after(reader.clone(), path, Some(seq))?;
            (journal, Judging::Registry(Box::new(Engine::restore(state)?)))
        }
        None => begin(reader, path, under, after)?,
    };
    let early = at.minus(BEFORE);
    let is_early =
        |judging: &Judging| judging.engine().judged_to(line).is_none_or(|reached| reached < early);
    if is_early(&judging) {
        let way = explain(&journal, &mut judging, (line, early), &mut || {});
        match way {
            Ok(_) | Err(AppError::Other(_)) => {}
            Err(error) => return Err(error),
        }
        let reached = judging.engine().judged_to(line);
        if reached.is_some_and(|reached| reached >= at) {
            // A hole lies between, and the frame behind it closed all of it: there is no state on the way.
            (journal, judging) = begin(reader, path, under, after)?;
        } else if journal.told() > 0 {
            states.remember(Reached::of(judging.engine(), journal.told()));
            journal = Journal::after(reader.clone(), path, Some(journal.told()))?;
        }
    }
    explain(&journal, &mut judging, (line, at), &mut || {})
}

/// The journal from a state of the store on, and the engine of that.
fn begin(
    reader: &Reader,
    path: &Path,
    under: &Under,
    after: Option<u64>,
) -> Result<(Journal, Judging), AppError> {
    let journal = Journal::after(reader.clone(), path, after)?;
    let engine = journal.engine(&under.plant, &under.rules)?;
    Ok((journal, Judging::Registry(Box::new(engine))))
}

impl Reached {
    fn of(engine: &Engine, seq: u64) -> Self {
        let lines = 0..engine.plant().lines.len();
        let of_line = |ix: usize| {
            let ix = u16::try_from(ix).ok()?;
            engine.judged_to(LineIx(ix))
        };
        Self { seq, judged_to: lines.map(of_line).collect(), state: engine.checkpoint() }
    }
}

/// The event after which the newest state stands that has not come to an instant of a line; `None` where the journal is whole and
/// there is none.
fn state_before(reader: &Reader, line: &str, at: Timestamp) -> Result<Option<u64>, AppError> {
    let unknown = || {
        AppError::Other(format!(
            "nothing is known of {at}: the journal does not go back so far any more"
        ))
    };
    let Some(kept) = reader.journal_start()? else { return Err(unknown()) };
    let mut states = reader.checkpoints()?;
    states.retain(|seq| *seq + 1 >= kept);
    // States are few and large, and each has come further than those before it.
    let (mut low, mut high) = (0, states.len());
    while low < high {
        let middle = low + (high - low) / 2;
        if is_before(reader, states[middle], line, at)? {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    match low.checked_sub(1).map(|ix| states[ix]) {
        Some(seq) => Ok(Some(seq)),
        None if kept == 1 => Ok(None),
        None => Err(unknown()),
    }
}

/// True if a state has judged no frame of the line that ends at the instant or later.
fn is_before(reader: &Reader, seq: u64, line: &str, at: Timestamp) -> Result<bool, AppError> {
    let Some(state) = reader.checkpoint_before(seq)? else { return Ok(true) };
    let engine = Engine::restore(&state.state)?;
    let reached = engine.plant().line_ix(line).and_then(|ix| engine.judged_to(ix));
    Ok(reached.is_none_or(|reached| reached < at))
}

/// How tags of a line went between two instants, by the frames that the store keeps: those of product.
///
/// # Errors
/// When the store cannot be read.
pub(super) fn trends(
    reader: &Reader,
    (plant, line): (&Plant, LineIx),
    (from, to): (Timestamp, Timestamp),
    tags: &[Arc<str>],
) -> Result<Vec<Trend>, StoreError> {
    let declared = &plant.lines[line.get()];
    let columns = Columns::of(declared);
    let mut trends: Vec<(usize, Trend)> = Vec::new();
    for tag in tags {
        let Some(ix) = declared.tag_position(tag) else { continue };
        let unit = Arc::clone(&declared.tags[ix].unit);
        trends.push((ix, Trend { tag: Arc::clone(tag), unit, bins: Vec::new() }));
    }
    let frame = i64::try_from(declared.frame.as_nanos()).unwrap_or(i64::MAX).max(1);
    // Whole frames, so that none is seen in two.
    let frames = (to.since(from).max(1) - 1) / frame.saturating_mul(BINS) + 1;
    let each = frames.saturating_mul(frame);
    let mut begin = from;
    while begin < to && !trends.is_empty() {
        let end = begin.plus(READ).min(to);
        for block in reader.frames_between(line.0, begin, end)? {
            for kept in kept_frames(&block, &columns) {
                // A block may reach into what is read next.
                if kept.start < begin || kept.start >= end {
                    continue;
                }
                let bin = kept.start.since(from).div_euclid(each);
                for (ix, trend) in &mut trends {
                    add(&mut trend.bins, (bin, each, from), kept.value(*ix));
                }
            }
        }
        begin = end;
    }
    Ok(trends.into_iter().map(|(_, trend)| trend).collect())
}

/// Adds a value to the bin of this number.
fn add(bins: &mut Vec<Bin>, (number, each, from): (i64, i64, Timestamp), value: f64) {
    if !value.is_finite() {
        return;
    }
    let at = |number: i64| {
        Timestamp::from_nanos(from.as_nanos().saturating_add(number.saturating_mul(each)))
    };
    match bins.last_mut().filter(|bin| bin.from == at(number)) {
        Some(bin) => {
            bin.values += 1;
            bin.mean += (value - bin.mean) / f64::from(bin.values);
            bin.least = bin.least.min(value);
            bin.greatest = bin.greatest.max(value);
        }
        None => bins.push(Bin {
            from: at(number),
            to: at(number + 1),
            values: 1,
            mean: value,
            least: value,
            greatest: value,
        }),
    }
}

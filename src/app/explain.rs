//! What was known of a line at an instant: a recording or a journal, read until then.

use super::error::AppError;
use super::feed::Feed;
use super::replay::Judging;
use crate::engine::{Effect, Engine, Event, Explanation};
use crate::reading::{LineIx, Timestamp};

/// Reads a feed until a frame of the line ends at an instant or later, and explains the verdict then.
///
/// # Errors
/// When the feed cannot be read, or has no such frame.
pub fn explain(
    feed: &dyn Feed,
    judging: &mut Judging,
    (line, at): (LineIx, Timestamp),
    row: &mut dyn FnMut(),
) -> Result<Explanation, AppError> {
    let mut reached = None;
    let mut seen: Option<(Timestamp, Timestamp)> = None;
    let mut look = |effect: &Effect| {
        let Effect::Frame(frame) = effect else { return false };
        if frame.line != line {
            return false;
        }
        let begin = seen.map_or(frame.start, |(begin, _)| begin);
        seen = Some((begin, frame.end));
        frame.end >= at
    };
    let mut effects = Vec::new();
    let read = feed.run(row, &mut |event| {
        let mut is_there = false;
        match judging {
            Judging::Registry(engine) => {
                feed.meets(&event, engine);
                engine.apply(event, &mut effects);
                for effect in effects.drain(..) {
                    is_there |= look(&effect);
                }
            }
            // As in a replay.
            Judging::Learning(_) if matches!(event, Event::Model(_)) => {}
            Judging::Learning(pipeline) => {
                pipeline.commit([event], &mut |effect| is_there |= look(effect))?;
            }
        }
        if is_there {
            reached = Some(engine(judging).explain(line));
            return Err(AppError::Enough);
        }
        Ok(())
    });
    match (read, reached) {
        (Ok(()) | Err(AppError::Enough), Some(explanation)) => {
            // What begins later says nothing of the instant.
            match seen.filter(|(begin, _)| *begin > at) {
                None => Ok(explanation),
                Some((begin, _)) => Err(AppError::Other(format!(
                    "nothing is known of {at}: the first frame of the line begins at {begin}"
                ))),
            }
        }
        (Err(error), _) => Err(error),
        (Ok(()), None) => Err(AppError::Other(match seen {
            Some((_, end)) => {
                format!("nothing is known of {at}: the last frame of the line ended at {end}")
            }
            None => format!("nothing is known of {at}: no frame of the line ended"),
        })),
    }
}

fn engine(judging: &Judging) -> &Engine {
    match judging {
        Judging::Registry(engine) => engine,
        Judging::Learning(pipeline) => pipeline.engine(),
    }
}

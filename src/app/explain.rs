//! What was known of a line at an instant: a recording or a journal, read until then.

use super::error::AppError;
use super::feed::Feed;
use super::replay::Judging;
use crate::engine::{Effect, Explanation};
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
    // The last frame that was seen, or the first one that ends at the instant or later; before any, the last one before what is
    // read.
    let before = judging.engine().judged_to(line).filter(|end| *end < at);
    let mut seen: Option<(Timestamp, Timestamp)> = before.map(|end| (end, end));
    let mut is_new = false;
    let mut look = |effect: &Effect| {
        let Effect::Frame(frame) = effect else { return false };
        if frame.line != line {
            return false;
        }
        is_new = true;
        if seen.is_none_or(|(_, end)| end < at) {
            seen = Some((frame.start, frame.end));
        }
        frame.end >= at
    };
    let mut effects = Vec::new();
    let read = feed.run(row, &mut |event| {
        let mut is_there = false;
        judging.apply(feed, event, &mut effects, &mut |effect| is_there |= look(effect))?;
        if is_there {
            reached = Some(judging.engine().explain(line));
            return Err(AppError::Enough);
        }
        Ok(())
    });
    let nothing = |why: String| Err(AppError::Other(format!("nothing is known of {at}: {why}")));
    match (read, reached, seen) {
        (Ok(()) | Err(AppError::Enough), Some(_), Some((start, _))) if start > at => {
            nothing(format!("the first frame of the line after it begins at {start}"))
        }
        (Ok(()) | Err(AppError::Enough), Some(explanation), Some((_, end))) => {
            let until = explanation.at.and_then(|ms| Timestamp::from_millis(ms).ok());
            match until.filter(|until| *until > end) {
                None => Ok(explanation),
                Some(until) => nothing(format!(
                    "what made its frame whole made all frames until {until} whole as well"
                )),
            }
        }
        // Nothing came after the state from which it is read.
        (Err(AppError::Other(_)), None, Some((_, end))) if !is_new => {
            nothing(format!("the last frame of the line ended at {end}"))
        }
        (Err(error), ..) => Err(error),
        (Ok(()), _, Some((_, end))) => {
            nothing(format!("the last frame of the line ended at {end}"))
        }
        (Ok(()), ..) => nothing("no frame of the line ended".into()),
    }
}

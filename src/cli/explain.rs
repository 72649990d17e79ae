//! `onspec explain`.

use super::out::{Exit, Out};
use super::progress::Progress;
use super::recording::RecordingArgs;
use super::replay;
use crate::app::Judging;
use crate::engine::{Explanation, QualityView};
use crate::reading::{Timestamp, four_digits, side_by_side};
use crate::record::parse_time;
use crate::verdict::{Call, Document, Mover};
use crate::words::Language;
use crate::words::reason::{contributions, ending, mover, reason};
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

/// A journal is read from so long before the instant, by the times of receipt: readings may come late, and clocks
/// may be off.
const BEFORE: Duration = Duration::from_secs(3600);

/// Tags shown at most.
const TAGS_SHOWN: usize = 8;

const IN_MEMORY: &str = "writing to a string cannot fail";

#[derive(Debug, clap::Args)]
#[command(
    mut_arg("from", |from| from.required(false).default_value("journal")),
    mut_arg("line", |line| line.hide(true).conflicts_with("of")),
    mut_arg("stop", |stop| stop.hide(true).conflicts_with("of")),
    mut_arg("json", |json| json.help("Print it as JSON"))
)]
pub(super) struct Args {
    /// The line.
    #[arg(value_name = "LINE")]
    of: String,
    /// The instant: RFC 3339, or milliseconds since 1970.
    #[arg(value_name = "TIME", value_parser = parse_time)]
    at: Timestamp,
    #[command(flatten)]
    recording: RecordingArgs,
    /// Let models be learned on the way, as `onspec run` would, instead of taking those of the store.
    #[arg(long, conflicts_with = "auto")]
    learn: bool,
}

pub(super) fn command(args: Args, out: &mut Out) -> Exit {
    let Args { of, at, mut recording, learn } = args;
    recording.look_at(&of, (recording.is_journal() && !learn).then(|| at.minus(BEFORE)));
    let opened = match recording.open(out) {
        Ok(opened) => opened,
        Err(exit) => return exit,
    };
    let line = match recording.line(&opened.plant, out) {
        Ok(line) => line,
        Err(exit) => return exit,
    };
    let feed = opened.feed();
    let judging = if learn {
        replay::learning(&opened)
    } else {
        replay::registry(&opened, &*feed, recording.auto, out).map(|(judging, _)| judging)
    };
    let mut progress = Progress::new(&*feed);
    let explanation = judging.and_then(|mut judging: Judging| {
        crate::app::explain(&*feed, &mut judging, (line, at), &mut || progress.row())
    });
    drop(progress);
    match explanation {
        Err(error) => out.fail(&error),
        Ok(explanation) if recording.json => {
            let mut json = serde_json::to_value(&explanation).expect("it has only text keys");
            json["score"] = explanation.score().into();
            json["why"] = why(&explanation).into();
            out.print(&format!("{json}\n"))
        }
        Ok(explanation) => out.print(&text(&explanation)),
    }
}

/// The explanation for people.
fn text(explanation: &Explanation) -> String {
    let mut text = String::new();
    let at = explanation.at.map_or_else(String::new, |at| format!(" at {}", time(at)));
    let call = explanation.verdict.as_ref().map_or(Call::Unknown, |document| document.verdict);
    writeln!(text, "{}{at}: {}", explanation.line, call.as_str()).expect(IN_MEMORY);
    if let Some(document) = &explanation.verdict {
        text += &batch(document);
    }
    for reason in why(explanation) {
        writeln!(text, "- {reason}").expect(IN_MEMORY);
    }
    if !explanation.statistics.is_empty() {
        text += "\nstatistics, their limits, and how much of them they are:\n";
    }
    for one in &explanation.statistics {
        let name = format!("{} {}", one.model, one.statistic);
        let beside = if one.judges { "" } else { "  (does not judge)" };
        let share = one.value / one.limit;
        writeln!(text, "  {name:<24} {:>10.3} {:>10.3} {share:>7.2}{beside}", one.value, one.limit)
            .expect(IN_MEMORY);
    }
    if !explanation.tags.is_empty() {
        text += "\ntags, furthest from what the others tell of them first; 1.00 is how far they go in control:\n";
    }
    for mover in explanation.tags.iter().take(TAGS_SHOWN) {
        let (deviation, arrives) = (deviation(mover), arrives(mover));
        writeln!(text, "  {:<24} {:>7.2}  {deviation}{arrives}", mover.name(), mover.ratio)
            .expect(IN_MEMORY);
    }
    if !explanation.quality.is_empty() {
        text += "\nproduct:\n";
    }
    for one in &explanation.quality {
        writeln!(text, "  {}", quality(one)).expect(IN_MEMORY);
    }
    for (tag, health) in &explanation.sick {
        writeln!(text, "\nsensor {tag} is not trusted: {health}").expect(IN_MEMORY);
    }
    if let Some(model) = &explanation.model {
        writeln!(text, "\nmodel {model}").expect(IN_MEMORY);
    }
    text
}

fn batch(document: &Document) -> String {
    let batch = document.batch.as_ref().map_or("no batch".into(), |batch| format!("batch {batch}"));
    let grade = document.grade.as_ref().map_or_else(String::new, |grade| format!(" of {grade}"));
    let made = document
        .progress
        .map_or_else(String::new, |progress| format!(", {:.0} % made", progress * 100.0));
    format!("{batch}{grade}{made}, since {}\n", time(document.since))
}

/// Why it is flagged, or why it is not.
fn why(explanation: &Explanation) -> Vec<String> {
    let Some(document) = &explanation.verdict else {
        return vec!["nothing was said of it yet".into()];
    };
    if document.verdict.is_flag() || !document.reasons.is_empty() {
        let unit = |tag: &str| {
            let known = explanation.quality.iter().find(|known| *known.tag == *tag);
            known.map_or_else(|| "".into(), |known| Arc::clone(&known.unit))
        };
        let mut reasons: Vec<String> = Vec::new();
        for one in &document.reasons {
            let mut told = reason(Language::English, one, unit).to_string();
            if let Some(tags) = contributions(Language::English, one, usize::MAX) {
                told = format!("{told} {tags}");
            }
            reasons.push(told);
        }
        reasons.extend(document.movers.iter().enumerate().map(|(ix, one)| {
            let told = mover(Language::English, ix, one, time(one.since)).to_string();
            format!("{}{}", told.trim_end_matches('.'), arrives(one))
        }));
        reasons.extend(document.similar.iter().map(|similar| {
            let (started, share) = (time(similar.started), similar.likeness * 100.0);
            let ended = ending(Language::English, similar);
            format!("alike: batch {} of {started} ({share:.0} %): {ended}", similar.batch)
        }));
        return reasons;
    }
    let mut reasons = Vec::new();
    if let Some(learning) = document.learning {
        let (have, need) = (learning.have, learning.need);
        let until = if learning.borrowed {
            "one borrowed from other grades judges, with wider limits"
        } else {
            "only limits of the product flag"
        };
        reasons.push(format!(
            "the model is being learned, from {have} of {need} batches: until then {until}"
        ));
    }
    if let Some(state) = &document.state {
        reasons.push(format!("the line is {state}: models do not judge"));
    }
    match explanation.score() {
        Some(score) => reasons.push(format!(
            "the score is {score:.2}; a batch is flagged above 1, which is what the budget of false flags allows"
        )),
        None if document.learning.is_none_or(|learning| learning.borrowed) => reasons.push("no model has judged this batch".into()),
        None => {}
    }
    if !explanation.guarded.is_empty() && explanation.score().is_some_and(|score| score > 1.0) {
        let tags = explanation.guarded.join(", ");
        reasons
            .push(format!("what moved is within its guard band, and no reason for a flag: {tags}"));
    }
    let inside = |one: &&QualityView| one.value.is_some() && one.out_since.is_none();
    let tags: Vec<&str> = explanation.quality.iter().filter(inside).map(|one| &*one.tag).collect();
    if !tags.is_empty() {
        reasons.push(format!("inside their limits: {}", tags.join(", ")));
    }
    reasons
}

fn deviation(mover: &Mover) -> String {
    let unit = mover.unit.as_ref().map_or_else(String::new, |unit| format!(" {unit}"));
    let (value, expected) = side_by_side(mover.value, mover.expected);
    format!("{value}{unit} for {expected}{unit}")
}

/// When what a tag saw since it moved, or sees by now, is at the end of the line.
fn arrives(mover: &Mover) -> String {
    mover.arrives.map_or_else(String::new, |at| format!("; at the end of the line at {}", time(at)))
}

fn quality(one: &QualityView) -> String {
    let value = one.value.map_or("not seen".into(), four_digits);
    let limits = match (one.low, one.high) {
        (Some(low), Some(high)) => format!("{} to {}", four_digits(low), four_digits(high)),
        (Some(low), None) => format!("at least {}", four_digits(low)),
        (None, Some(high)) => format!("at most {}", four_digits(high)),
        (None, None) => "no limit".into(),
    };
    let since = one.out_since.map_or_else(String::new, |since| format!(", since {}", time(since)));
    let (tag, unit, share) = (&one.tag, &one.unit, one.share_out * 100.0);
    format!("{tag:<24} {value} {unit} ({limits}), {share:.1} % of it outside{since}")
}

fn time(ms: i64) -> String {
    Timestamp::from_millis(ms).map_or_else(|_| "-".into(), |at| at.to_string())
}

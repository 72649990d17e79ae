//! `onspec replay --compare`.

use super::out::{Exit, Out};
use super::recording::Opened;
use super::replay;
use crate::app::{Comparison, Pair, Told};
use crate::record::Summary;
use comfy_table::{Table, presets};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

/// Replays by the configuration, then by `other`, and prints what would change.
pub(super) fn command(args: &replay::Args, other: &Path, out: &mut Out) -> Exit {
    if args.recording.store.is_some() && !args.recording.is_journal() {
        out.error(
            "error: `--store` cannot be used with `--compare`: each configuration names its own\n",
        );
        return Exit::Usage;
    }
    let in_use = args.recording.config.as_deref().unwrap_or(Path::new(""));
    // Both are opened before either is replayed: what is wrong with the other is said at once.
    let opened = open(args, in_use, out).and_then(|before| Ok((before, open(args, other, out)?)));
    let (before, after) = match opened {
        Ok(opened) => opened,
        Err(exit) => return exit,
    };
    before.say_notes(&[], out);
    after.say_notes(before.notes(), out);
    let mut done = Vec::new();
    for opened in [&before, &after] {
        match told(args, opened, out) {
            Ok(told) => done.push(told),
            Err(exit) => return exit,
        }
    }
    let [before, after] = &*done else { unreachable!("there are two configurations") };
    let comparison = Comparison::of(
        Pair { before: &before.0, after: &after.0 },
        Pair { before: &before.1, after: &after.1 },
    );
    let text = if args.recording.json {
        serde_json::to_string(&comparison).expect("a comparison has only text keys") + "\n"
    } else {
        text(&comparison, Pair { before: in_use, after: other })
    };
    let printed = out.print(&text);
    if comparison.differs { Exit::Failed } else { printed }
}

fn open(args: &replay::Args, config: &Path, out: &mut Out) -> Result<Opened, Exit> {
    let mut opened = args.recording.open_by(Some(config), out)?;
    opened.whose = format!("`{}`: ", config.display());
    Ok(opened)
}

/// What one configuration says of the recording.
fn told(args: &replay::Args, opened: &Opened, out: &mut Out) -> Result<(Summary, Told), Exit> {
    let mut told = Told::default();
    let mut hear = |effect: &_| told.take(effect);
    let done = replay::run(args, opened, None, &mut hear, out);
    let (summary, models) = done.map_err(|error| out.fail(&error))?;
    if replay::is_blind(opened, &summary, models, out) {
        Err(Exit::Failed)
    } else {
        Ok((summary, told))
    }
}

/// The comparison for people.
fn text(comparison: &Comparison, names: Pair<&Path>) -> String {
    let name = |path: &Path| path.display().to_string();
    let mut figures = begin([String::new(), name(names.before), name(names.after)]);
    let mut row = |word: String, pair: &Pair<u64>| {
        figures.add_row([word, pair.before.to_string(), pair.after.to_string()]);
    };
    let of = &comparison.figures;
    row("frames".into(), &of.frames);
    row("frames judged".into(), &of.judged);
    row("frames flagged".into(), &of.flagged);
    row("batches".into(), &of.batches);
    for (verdict, pair) in &of.verdicts {
        row(format!("batches {verdict}"), pair);
    }
    row("flags".into(), &of.flags);
    row("alarms".into(), &of.alarms);
    for (reason, pair) in &of.faults {
        row(format!("not taken: {reason}"), pair);
    }
    let mut batches = begin(["batch", "verdict", "first flag", "reasons"].map(String::from));
    for change in &comparison.batches {
        let batch = match &*change.station {
            "" => format!("{}/{}", change.line, change.batch),
            station => format!("{}/{station}/{}", change.line, change.batch),
        };
        batches.add_row([
            batch,
            arrow(
                change.verdict.before.unwrap_or_default(),
                change.verdict.after.unwrap_or_default(),
            ),
            arrow(
                change.first_flag.before.as_deref().unwrap_or_default(),
                change.first_flag.after.as_deref().unwrap_or_default(),
            ),
            arrow(&list(&change.reasons.before), &list(&change.reasons.after)),
        ]);
    }
    let mut alarms = begin(["alarm", "raised"].map(String::from));
    for (alarm, pair) in &comparison.alarms {
        let raised = arrow(&pair.before.to_string(), &pair.after.to_string());
        alarms.add_row([alarm.to_string(), raised]);
    }
    let mut sensors = begin(["sensor", "faults"].map(String::from));
    for (tag, pair) in &comparison.sensors {
        let faults = arrow(&list(&pair.before), &list(&pair.after));
        sensors.add_row([tag.clone(), faults]);
    }
    let mut text = format!("{figures}\n");
    for table in [batches, alarms, sensors] {
        if table.row_count() > 0 {
            writeln!(text, "{table}").expect("writing to a string cannot fail");
        }
    }
    if !comparison.differs {
        text += "nothing would change\n";
    }
    text
}

/// Words with commas between them.
fn list(words: &BTreeSet<impl AsRef<str>>) -> String {
    words.iter().map(AsRef::as_ref).collect::<Vec<_>>().join(", ")
}

fn begin<const N: usize>(header: [String; N]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_FULL_CONDENSED);
    table.set_header(header);
    table
}

/// What changes, or what stays.
fn arrow(before: &str, after: &str) -> String {
    let shown = |word| if str::is_empty(word) { "-" } else { word };
    if before == after {
        shown(before).to_owned()
    } else {
        format!("{} → {}", shown(before), shown(after))
    }
}

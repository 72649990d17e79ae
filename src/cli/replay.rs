//! `onspec replay`.

use super::compare;
use super::out::{Exit, Out};
use super::progress::Progress;
use super::recording::{self, Opened};
use crate::app::{
    AppError, Feed, FitMode, Heard, Judging, Keeper, Outputs, Pipeline, Resume, Telling,
};
use crate::engine::Effect;
use crate::reading::Timestamp;
use crate::record::{Files, Summary};
use crate::simulate::Truth;
use crate::store::{Reader, Settings, Store, WhenFull};
use crate::telemetry::{Clock, SteadyClock};
use comfy_table::{Table, presets};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    pub(super) recording: recording::RecordingArgs,
    /// Write `scores.csv`, `verdicts.csv`, `batches.csv`, `alarms.csv`, `charts.csv`, `soft_sensors.csv` and
    /// `summary.json` here.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Score what is said against the truth in this file, as `onspec simulate` writes it.
    #[arg(long, value_name = "FILE")]
    truth: Option<PathBuf>,
    /// Fit models on the way, as the daemon would, instead of using those of the store.
    #[arg(long)]
    pub(super) learn: bool,
    /// Say what would change under another configuration: verdicts, flags, alarms, faults of sensors. Each is
    /// judged by the models of its own store, or those that judged then where the journal is replayed. Ends with
    /// 1 if anything would.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["auto", "out", "truth"])]
    compare: Option<PathBuf>,
    /// Go on with a replay into DIR that was interrupted, or failed. What there is to go on from is left there every half
    /// minute; configuration, recording and options have to be those of then.
    #[arg(long, requires = "out", conflicts_with_all = ["truth", "compare"])]
    resume: bool,
    /// How often that is.
    #[arg(long, hide = true, value_name = "DURATION", default_value = "30s", value_parser = crate::config::parse_duration)]
    resume_every: Duration,
}

pub(super) fn command(mut args: Args, out: &mut Out) -> Exit {
    if let Some(other) = &args.compare {
        return compare::command(&args, other, out);
    }
    let resume = match args.out.as_deref().filter(|_| args.resume).map(Resume::read).transpose() {
        Ok(resume) => resume,
        Err(error) => return out.fail(&error),
    };
    args.recording.extent = resume.as_ref().and_then(Resume::extent);
    let args = &args;
    let opened = match args.recording.open(out) {
        Ok(opened) => opened,
        Err(exit) => return exit,
    };
    let truth = match args.truth.as_deref().map(truth).transpose() {
        Ok(truth) => truth,
        Err(error) => return out.fail(&error),
    };
    let mut heard = Heard::default();
    let mut hear = |effect: &Effect| {
        if truth.is_some() {
            heard.take(effect);
        }
    };
    if let Some(resume) = &resume {
        let same = opened.sameness(&args.recording, args.learn);
        match same.map(|same| resume.check(&same)) {
            Ok(Ok(())) => {}
            Ok(Err(differs)) => {
                out.error(&format!("error: {differs}\n"));
                return Exit::Usage;
            }
            Err(error) => return out.fail(&error),
        }
    }
    let done = run(args, &opened, resume, &mut hear, out);
    let (summary, models) = match done {
        Ok(done) => done,
        Err(error) => {
            let exit = out.fail(&error);
            if args.out.as_deref().is_some_and(Resume::is_there) {
                out.error("what was done before is kept: `--resume` goes on from it\n");
            }
            return exit;
        }
    };
    let score = truth.map(|truth| heard.score(&truth, 0));
    let printed = if args.recording.json {
        let mut json = serde_json::to_value(&summary).expect("a summary has only text keys");
        if let Some(score) = score {
            json["score"] = serde_json::to_value(score).expect("a score has only text keys");
        }
        out.print(&format!("{json}\n"))
    } else {
        let score = score.map_or_else(String::new, |score| format!("\n{}", score.to_text()));
        out.print(&(table(&summary) + &score))
    };
    if is_blind(&opened, &summary, models, out) { Exit::Failed } else { printed }
}

/// True, and said, if nothing was judged though there are models of the line.
pub(super) fn is_blind(opened: &Opened, summary: &Summary, models: usize, out: &mut Out) -> bool {
    let blind = summary.judged == 0 && models > 0;
    if blind {
        out.error(&format!(
            "error: {}no frame was judged, though the store has a model of this line\n",
            opened.whose
        ));
    }
    blind
}

fn truth(path: &Path) -> Result<Truth, AppError> {
    let doing = format!("read the truth from `{}`", path.display());
    let text = std::fs::read_to_string(path)
        .map_err(|source| AppError::Io { doing: doing.clone(), source })?;
    Truth::from_json_lines(&text).map_err(|error| {
        let source = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
        AppError::Other(format!("cannot {doing}: {error}: {source}"))
    })
}

/// The figures, and the models that the store has of the line.
pub(super) fn run(
    args: &Args,
    opened: &Opened,
    resume: Option<Resume>,
    hear: &mut dyn FnMut(&Effect),
    out: &mut Out,
) -> Result<(Summary, usize), AppError> {
    let feed = opened.feed();
    let (mut judging, models) = if args.learn {
        (learning(opened)?, 0)
    } else {
        registry(opened, &*feed, args.recording.auto, out)?
    };
    let mut files = match (args.out.as_deref(), resume.as_ref().and_then(Resume::files)) {
        (Some(directory), Some(state)) => Some(Files::go_on(directory, state)?),
        (Some(directory), None) => Some(Files::create(directory)?),
        (None, _) => None,
    };
    let (clock, mut last) = (SteadyClock::start(), None);
    let mut is_due = || {
        let now = Timestamp::from_nanos(clock.now_nanos());
        let is_due = now >= last.get_or_insert(now).plus(args.resume_every);
        if is_due {
            last = Some(now);
        }
        is_due
    };
    let mut keeper = match args.out.as_deref() {
        Some(directory) => {
            let same = (opened.sameness(&args.recording, args.learn)?, feed.extent());
            Some(Keeper::begin(directory, same, resume, &mut judging, &mut is_due)?)
        }
        None => None,
    };
    let (plant, period) = (&opened.plant, opened.period);
    let line = opened.line.filter(|_| plant.lines.len() > 1);
    let telling = Telling { plant, line, period, files: files.as_mut(), hear };
    let mut progress = Progress::new(&*feed);
    let summary =
        crate::app::replay(&*feed, &mut judging, telling, keeper.as_mut(), &mut || progress.row())?;
    drop(progress);
    if let Some(files) = files {
        files.finish(&summary)?;
    }
    keeper.map_or(Ok(()), Keeper::done)?;
    Ok((summary, models))
}

/// The models that judge now in the store, which is only read, and how many of the line there are.
///
/// A journal has its own: those that judged then.
pub(super) fn registry(
    opened: &Opened,
    feed: &dyn Feed,
    auto: bool,
    out: &mut Out,
) -> Result<(Judging, usize), AppError> {
    let mut engine = feed.engine(&opened.plant, &opened.rules)?;
    if opened.is_journal() {
        return Ok((Judging::Registry(Box::new(engine)), 0));
    }
    // A store that was named has to be there; the configuration's is made by the first `onspec run`.
    let is_there = |path: &&Path| opened.store_named || path.exists();
    let Some(path) = opened.store.as_deref().filter(is_there) else {
        out.error(&format!(
            "warning: {}there is no store, so no model judges: specification limits alone may flag\n",
            opened.whose
        ));
        return Ok((Judging::Registry(Box::new(engine)), 0));
    };
    let reader = Reader::open(path)?;
    let (mut installed, mut of_line) = (0, 0);
    let line = opened.line.map(|ix| &opened.plant.lines[ix.get()].name);
    for model in reader.active_models()? {
        of_line += usize::from(line.is_some_and(|line| *model.line == **line));
        let Some(artifact) = reader.model_artifact(model.id)? else { continue };
        let grade: Arc<str> = model.grade.as_str().into();
        match engine.install(&model.line, &grade, model.version, artifact.into()) {
            Ok(()) => installed += 1,
            Err(reason) => out.error(&format!(
                "warning: {}model {} of line {}, grade {} is not used: {reason}{}\n",
                opened.whose,
                model.version,
                model.line,
                model.grade,
                if auto { " (the recording has no such column of numbers)" } else { "" }
            )),
        }
    }
    if installed == 0 {
        out.error(&format!(
            "warning: {}the store has no model for this plant: specification limits alone may flag\n",
            opened.whose
        ));
    }
    Ok((Judging::Registry(Box::new(engine)), of_line))
}

/// Models fitted on the way, with a store in memory.
pub(super) fn learning(opened: &Opened) -> Result<Judging, AppError> {
    let in_memory =
        Settings { path: None, max_size_bytes: 64 << 30, when_full: WhenFull::DropOldestReadings };
    let (pipeline, _) = Pipeline::open(
        Store::open(&in_memory)?,
        opened.plant.clone(),
        opened.rules.clone(),
        Outputs::default(),
        FitMode::Inline,
    )?;
    Ok(Judging::Learning(Box::new(pipeline)))
}

fn table(summary: &Summary) -> String {
    let mut table = Table::new();
    table.load_style(presets::UTF8_FULL_CONDENSED);
    table.add_row(["records".to_owned(), summary.records.to_string()]);
    table.add_row(["frames".to_owned(), summary.frames.to_string()]);
    table.add_row(["frames judged".to_owned(), summary.judged.to_string()]);
    let share = percent(summary.flagged, summary.judged);
    table.add_row(["frames flagged".to_owned(), format!("{} ({share})", summary.flagged)]);
    if summary.batches > 0 {
        table.add_row(["batches".to_owned(), summary.batches.to_string()]);
        for (verdict, n) in &summary.verdicts {
            table.add_row([format!("batches {verdict}"), n.to_string()]);
        }
    }
    for (reason, n) in &summary.faults {
        table.add_row([format!("not taken: {reason}"), n.to_string()]);
    }
    format!("{table}\n")
}

#[expect(clippy::cast_precision_loss, reason = "a share for people")]
fn percent(part: u64, whole: u64) -> String {
    if whole == 0 { "-".into() } else { format!("{:.2} %", part as f64 / whole as f64 * 100.0) }
}

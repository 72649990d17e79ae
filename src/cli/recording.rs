//! What `fit` and `replay` have in common: where the recording is and how it is read.

use super::out::{Exit, Out};
use crate::app::{AppError, Feed, auto_plant};
use crate::decode::{Rule, TimeUnit};
use crate::plant::{BatchSource, Plant};
use crate::reading::LineIx;
use crate::record::{Options, Recording, Survey, read_events};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::path::{Path, PathBuf};
use std::time::Duration;

#[derive(Debug, clap::Args)]
pub(super) struct RecordingArgs {
    /// The recording: CSV, plain or gzipped, or Parquet, wide (a column for each tag) or long
    /// (`time,tag,value`).
    #[arg(long, required = true, value_name = "FILE", num_args = 1..)]
    from: Vec<PathBuf>,
    /// Batch and laboratory events beside it: one JSON object a line.
    #[arg(long, value_name = "FILE")]
    events: Option<PathBuf>,
    /// The configuration; not needed with `--auto`.
    #[arg(short, long, value_name = "FILE", required_unless_present = "auto")]
    pub(super) config: Option<PathBuf>,
    /// Take every column of numbers as a process tag of a line `auto`, grade `auto`.
    #[arg(long)]
    pub(super) auto: bool,
    /// The store that holds the models; the configuration's if not given.
    #[arg(long, value_name = "FILE", required_if_eq("auto", "true"))]
    store: Option<PathBuf>,
    /// The line that was recorded, where the configuration has several.
    #[arg(long, value_name = "LINE")]
    line: Option<String>,
    /// The column of times.
    #[arg(long, value_name = "COLUMN")]
    time: Option<String>,
    /// The unit of times that are numbers.
    #[arg(long, value_enum, default_value = "ms", value_name = "UNIT")]
    time_unit: Unit,
    /// Rows are frames, so far apart; then no column of times is needed.
    #[arg(long, value_parser = period, value_name = "DURATION")]
    period: Option<Duration>,
    /// Columns to leave out.
    #[arg(long, value_delimiter = ',', value_name = "COLUMN,…")]
    ignore: Vec<String>,
    /// Print the figures as JSON.
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Unit {
    S,
    Ms,
    Us,
    Ns,
}

/// A plant, how its messages are read, and where its store is.
type Configured = (Plant, Vec<Rule>, Option<PathBuf>);

/// A recording, opened, and the plant it is of.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) recording: Recording,
    pub(super) plant: Plant,
    pub(super) rules: Vec<Rule>,
    pub(super) line: LineIx,
    /// Where the batches of the line come from when it runs.
    pub(super) source: BatchSource,
    pub(super) store: Option<PathBuf>,
    /// True if the store was named on the command line.
    pub(super) store_named: bool,
    pub(super) period: Option<Duration>,
    events: Vec<(u64, String)>,
    events_path: PathBuf,
    /// What a person has to know of the recording.
    notes: Vec<String>,
    /// Which configuration it is, before what is said of one of two.
    pub(super) whose: String,
}

impl RecordingArgs {
    /// Opens everything; what is wrong is said.
    pub(super) fn open(&self, out: &mut Out) -> Result<Opened, Exit> {
        let opened = self.open_by(self.config.as_deref(), out)?;
        opened.say_notes(&[], out);
        Ok(opened)
    }

    /// Opens everything by a configuration, and keeps what a person has to know of the recording.
    pub(super) fn open_by(&self, config: Option<&Path>, out: &mut Out) -> Result<Opened, Exit> {
        let options = Options {
            time: self.time.clone(),
            time_unit: match self.time_unit {
                Unit::S => TimeUnit::Seconds,
                Unit::Ms => TimeUnit::Millis,
                Unit::Us => TimeUnit::Micros,
                Unit::Ns => TimeUnit::Nanos,
            },
            period: self.period,
            ignore: self.ignore.clone(),
        };
        let mut recording =
            Recording::open(&self.from, options).map_err(|error| out.fail(&error))?;
        let events_path = self.events.clone().unwrap_or_default();
        let events = self.events.as_deref().map_or(Ok(Vec::new()), read_events);
        let events = events.map_err(|error| out.fail(&error))?;
        let configured = self.configured(config, out)?;
        let lateness = match &configured {
            Some((plant, ..)) => plant.lines[self.line(plant, out)?.get()].lateness,
            None => Duration::ZERO,
        };
        let survey = recording.survey(lateness).map_err(|error| out.fail(&error))?;
        let (mut plant, rules, store) = match configured {
            Some(configured) => configured,
            None => (self.auto_plant(&recording, &survey, out)?, Vec::new(), self.store.clone()),
        };
        let line = self.line(&plant, out)?;
        let source = plant.lines[line.get()].batch.clone();
        if self.events.is_none() && source == BatchSource::Events {
            // Nothing tells the batches of this recording: it is judged, and learned from, as a whole.
            plant.lines[line.get()].batch = BatchSource::None;
        }
        if let Some(period) = self.period {
            plant.lines[line.get()].frame = period;
        }
        Ok(Opened {
            recording,
            plant,
            rules,
            line,
            source,
            store,
            store_named: self.store.is_some(),
            period: self.period,
            events,
            events_path,
            notes: survey.notes,
            whose: String::new(),
        })
    }

    /// The plant, its rules and its store by the configuration, if there is one.
    fn configured(&self, config: Option<&Path>, out: &mut Out) -> Result<Option<Configured>, Exit> {
        let Some(path) = config else { return Ok(None) };
        let checked = crate::config::read(path).map_err(|problem| out.unusable(&problem))?;
        let rules = checked.rules();
        Ok(Some((checked.plant, rules, self.store.clone().or(checked.store.path))))
    }

    /// The plant that the recording shows.
    fn auto_plant(
        &self,
        recording: &Recording,
        survey: &Survey,
        out: &mut Out,
    ) -> Result<Plant, Exit> {
        if recording.columns().is_empty() && survey.tags.is_empty() {
            out.error("error: no column of the recording holds numbers\n");
            return Err(Exit::Failed);
        }
        auto_plant(recording, &survey.tags, self.period, self.events.is_some())
            .map_err(|error| out.fail(&error))
    }

    fn line(&self, plant: &Plant, out: &mut Out) -> Result<LineIx, Exit> {
        let names: Vec<&str> = plant.lines.iter().map(|line| &*line.name).collect();
        let wrong = |out: &mut Out, text: String| {
            out.error(&format!("error: {text}\n"));
            Err(Exit::Usage)
        };
        match (&self.line, names.as_slice()) {
            (Some(name), _) => plant.line_ix(name).map_or_else(
                || {
                    wrong(
                        out,
                        format!(
                            "the configuration has no line `{name}`; it has {}",
                            names.join(", ")
                        ),
                    )
                },
                Ok,
            ),
            (None, [_]) => Ok(LineIx(0)),
            (None, []) => {
                wrong(out, "the configuration declares no line; add a `[line.NAME]` section".into())
            }
            (None, _) => wrong(
                out,
                format!("say which line was recorded with `--line`: {}", names.join(", ")),
            ),
        }
    }
}

impl Opened {
    /// Says what a person has to know of the recording, but for what was said before.
    pub(super) fn say_notes(&self, before: &[String], out: &mut Out) {
        for note in self.notes.iter().filter(|note| !before.contains(note)) {
            out.error(&format!("warning: {note}\n"));
        }
    }

    /// What a person has to know of the recording.
    pub(super) fn notes(&self) -> &[String] {
        &self.notes
    }

    pub(super) fn feed(&self) -> Result<Feed<'_>, AppError> {
        let events = &self.events;
        Feed::new(&self.recording, &self.plant, self.line, self.period, events, &self.events_path)
    }
}

/// The longest time between rows that are frames.
const PERIOD_MAX: Duration = Duration::from_secs(366 * 86_400);

/// Reads a period.
fn period(text: &str) -> Result<Duration, String> {
    let period = crate::config::parse_duration(text)?;
    if period > PERIOD_MAX {
        return Err(format!("`{text}` is too long for a frame; write `366d` or less"));
    }
    Ok(period)
}

/// A count of the records read, for a person who waits; nothing where nobody looks.
pub(super) fn progress() -> ProgressBar {
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(5));
    let style = ProgressStyle::with_template("{spinner} {human_pos} records, {per_sec}");
    bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()))
}

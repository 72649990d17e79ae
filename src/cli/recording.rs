//! What `fit` and `replay` have in common: where the recording is and how it is read.

use super::out::{Exit, Out};
use crate::app::{Events, Feed, Journal, RecordingFeed, Span, auto_plant};
use crate::decode::{Rule, TimeUnit};
use crate::plant::{BatchSource, Plant};
use crate::reading::{LineIx, Timestamp};
use crate::record::{Options, Recording, Survey, parse_time, read_events};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::path::{Path, PathBuf};
use std::time::Duration;

#[derive(Debug, clap::Args)]
pub(super) struct RecordingArgs {
    /// The recording: files of CSV, plain or gzipped, or Parquet, wide (a column for each tag) or long
    /// (`time,tag,value`). `journal` is that of the store: all that the daemon took, as it took it; the
    /// daemon may be running. (A file of that name is `./journal`.)
    #[arg(long, required = true, value_name = "FILE|journal", num_args = 1..)]
    from: Vec<PathBuf>,
    /// Leave out what is of before this time: RFC 3339, or milliseconds since 1970. Of the journal it is
    /// the time of receipt, and what was going on then is known.
    #[arg(long, value_parser = parse_time, value_name = "TIME", conflicts_with = "period")]
    start: Option<Timestamp>,
    /// Leave out what is of this time or later.
    #[arg(long, value_parser = parse_time, value_name = "TIME", conflicts_with = "period")]
    stop: Option<Timestamp>,
    /// Batch and laboratory events beside it: one JSON object a line.
    #[arg(long, value_name = "FILE")]
    events: Option<PathBuf>,
    /// The configuration; not needed with `--auto`.
    #[arg(short, long, value_name = "FILE", required_unless_present = "auto")]
    pub(super) config: Option<PathBuf>,
    /// Take every column of numbers as a process tag of a line `auto`, grade `auto`.
    #[arg(long)]
    pub(super) auto: bool,
    /// The store that holds the models, and the journal; the configuration's if not given.
    #[arg(long, value_name = "FILE", required_if_eq("auto", "true"))]
    pub(super) store: Option<PathBuf>,
    /// The line that was recorded, where the configuration has several; of the journal the one to look at.
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

/// What was recorded, and where.
#[derive(Debug)]
enum Material {
    /// In files of one line, with the events beside them.
    Files {
        recording: Recording,
        line: LineIx,
        period: Option<Duration>,
        events: Events,
        span: Span,
    },
    /// In the journal of a store.
    Journal(Journal),
}

/// A recording, opened, and the plant it is of.
#[derive(Debug)]
pub(super) struct Opened {
    material: Material,
    pub(super) plant: Plant,
    pub(super) rules: Vec<Rule>,
    /// The line that was named, or recorded; `None` if several were.
    pub(super) line: Option<LineIx>,
    /// Where the batches of the line come from when it runs.
    pub(super) source: BatchSource,
    pub(super) store: Option<PathBuf>,
    /// True if the store was named on the command line.
    pub(super) store_named: bool,
    pub(super) period: Option<Duration>,
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

    /// True if the journal of a store is what was recorded.
    pub(super) fn is_journal(&self) -> bool {
        matches!(&*self.from, [only] if only.as_os_str() == "journal")
    }

    fn span(&self) -> Span {
        Span { start: self.start, stop: self.stop }
    }

    /// Opens everything by a configuration, and keeps what a person has to know of the recording.
    pub(super) fn open_by(&self, config: Option<&Path>, out: &mut Out) -> Result<Opened, Exit> {
        if let (Some(start), Some(stop)) = (self.start, self.stop)
            && start >= stop
        {
            out.error("error: `--stop` has to be later than `--start`\n");
            return Err(Exit::Usage);
        }
        if self.is_journal() {
            self.open_journal(config, out)
        } else {
            self.open_files(config, out)
        }
    }

    /// Opens the journal of the store that was named, or is the configuration's on the command line.
    fn open_journal(&self, config: Option<&Path>, out: &mut Out) -> Result<Opened, Exit> {
        let of_files = [
            ("--events", self.events.is_some()),
            ("--auto", self.auto),
            ("--period", self.period.is_some()),
            ("--time", self.time.is_some()),
            ("--ignore", !self.ignore.is_empty()),
        ];
        if let Some((option, _)) = of_files.iter().find(|(_, given)| *given) {
            out.error(&format!("error: `{option}` cannot be used with `--from journal`\n"));
            return Err(Exit::Usage);
        }
        let Some((plant, rules, mut store)) = self.configured(config, out)? else {
            unreachable!("without `--auto` there is a configuration")
        };
        if config != self.config.as_deref() {
            // Two configurations are held against each other on the journal of the one in use.
            store = self.configured(self.config.as_deref(), out)?.and_then(|(_, _, store)| store);
        }
        let Some(path) = store.as_deref() else {
            out.error(
                "error: say whose journal with `--store FILE`: the configuration names no store\n",
            );
            return Err(Exit::Usage);
        };
        let (journal, notes) =
            Journal::open(path, self.span()).map_err(|error| out.fail(&error))?;
        let line = match &self.line {
            None if plant.lines.len() > 1 => None,
            _ => Some(self.line(&plant, out)?),
        };
        let source = line.map_or(BatchSource::Events, |ix| plant.lines[ix.get()].batch.clone());
        Ok(Opened {
            material: Material::Journal(journal),
            plant,
            rules,
            line,
            source,
            store,
            store_named: self.store.is_some(),
            period: None,
            notes,
            whose: String::new(),
        })
    }

    fn open_files(&self, config: Option<&Path>, out: &mut Out) -> Result<Opened, Exit> {
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
        let events = Events::read(&events, &events_path, &plant.lines[line.get()])
            .map_err(|error| out.fail(&error))?;
        let (period, span) = (self.period, self.span());
        Ok(Opened {
            material: Material::Files { recording, line, period, events, span },
            plant,
            rules,
            line: Some(line),
            source,
            store,
            store_named: self.store.is_some(),
            period,
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

    /// The line that was named, or the only one.
    pub(super) fn line(&self, plant: &Plant, out: &mut Out) -> Result<LineIx, Exit> {
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

    /// True if the journal of a store is what was recorded.
    pub(super) fn is_journal(&self) -> bool {
        matches!(self.material, Material::Journal(_))
    }

    /// What the engine is fed.
    pub(super) fn feed(&self) -> Box<dyn Feed + '_> {
        match &self.material {
            Material::Files { recording, line, period, events, span } => Box::new(
                RecordingFeed::new(recording, &self.plant, *line, *period, events.clone(), *span),
            ),
            Material::Journal(journal) => Box::new(journal),
        }
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

//! What `fit` and `replay` have in common: where the recording is and how it is read.

mod same;

use super::out::{Exit, Out};
use crate::app::{Events, Feed, Journal, RecordingFeed, Span, Stored, auto_plant};
use crate::decode::{Rule, TimeUnit};
use crate::influx;
use crate::plant::{BatchSource, Line, Plant};
use crate::reading::{LineIx, Timestamp};
use crate::record::{Options, Recording, Survey, parse_time, read_events};
use std::path::{Path, PathBuf};
use std::time::Duration;

#[derive(Debug, clap::Args)]
pub(super) struct RecordingArgs {
    /// The recording: files of CSV, plain or gzipped, or Parquet, wide (a column for each tag) or long
    /// (`time,tag,value`). `journal` is that of the store: all that the daemon took, as it took it; the
    /// daemon may be running. `influx` is what the configuration's InfluxDB has of the line. (Files of these
    /// names are `./journal` and `./influx`.)
    #[arg(long, required = true, value_name = "FILE|journal|influx", num_args = 1..)]
    from: Vec<PathBuf>,
    /// Leave out what is of before this time: RFC 3339, or milliseconds since 1970. Of the journal it is
    /// the time of receipt, and what was going on then is known. Of InfluxDB it is seven days before the newest
    /// reading if not given.
    #[arg(long, value_parser = parse_time, value_name = "TIME", conflicts_with = "period")]
    start: Option<Timestamp>,
    /// Leave out what is of this time or later.
    #[arg(long, value_parser = parse_time, value_name = "TIME", conflicts_with = "period")]
    stop: Option<Timestamp>,
    /// Batch and laboratory events beside it: one JSON object a line. Without them, the batches that InfluxDB
    /// has stand in for them.
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
    /// How far what is read reached when it was read before.
    #[arg(skip)]
    pub(super) extent: Option<[i64; 2]>,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Unit {
    S,
    Ms,
    Us,
    Ns,
}

/// What a configuration says.
struct Configured {
    plant: Plant,
    /// How messages are read.
    rules: Vec<Rule>,
    /// Where the store is.
    store: Option<PathBuf>,
    influx: Option<influx::Settings>,
}

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
    /// In InfluxDB.
    Stored(Stored),
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

    /// Looks at one line; at what is of a time or later, where one is given and none was asked for.
    pub(super) fn look_at(&mut self, line: &str, start: Option<Timestamp>) {
        self.line = Some(line.into());
        self.start = self.start.or(start);
    }

    /// True if the journal of a store is what was recorded.
    pub(super) fn is_journal(&self) -> bool {
        self.is_from("journal")
    }

    fn is_from(&self, word: &str) -> bool {
        matches!(&*self.from, [only] if only.as_os_str() == word)
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
        if self.is_from("journal") {
            self.open_journal(config, out)
        } else if self.is_from("influx") {
            self.open_influx(config, out)
        } else {
            self.open_files(config, out)
        }
    }

    /// Fails if an option is given that is about files alone.
    fn refuse_those_of_files(&self, of: &str, out: &mut Out) -> Result<(), Exit> {
        let of_files = [
            ("--auto", self.auto),
            ("--period", self.period.is_some()),
            ("--time", self.time.is_some()),
            ("--ignore", !self.ignore.is_empty()),
        ];
        match of_files.iter().find(|(_, given)| *given) {
            None => Ok(()),
            Some((option, _)) => {
                out.error(&format!("error: `{option}` cannot be used with `--from {of}`\n"));
                Err(Exit::Usage)
            }
        }
    }

    /// The events that were named, if any were.
    fn read_events(&self, line: &Line, out: &mut Out) -> Result<Option<Events>, Exit> {
        let Some(path) = &self.events else { return Ok(None) };
        let lines = read_events(path).map_err(|error| out.fail(&error))?;
        Events::read(&lines, path, line).map(Some).map_err(|error| out.fail(&error))
    }

    /// Opens what InfluxDB has of the line: that of the configuration on the command line, for two
    /// configurations are held against each other on one recording.
    fn open_influx(&self, config: Option<&Path>, out: &mut Out) -> Result<Opened, Exit> {
        self.refuse_those_of_files("influx", out)?;
        let Configured { mut plant, rules, store, influx } = self.configured(config, out)?;
        let influx = if config == self.config.as_deref() {
            influx
        } else {
            self.configured(self.config.as_deref(), out)?.influx
        };
        let Some(settings) = influx else {
            out.error("error: the configuration has no `[influxdb]`, which says where to read\n");
            return Err(Exit::Usage);
        };
        let ix = self.line(&plant, out)?;
        let line = &mut plant.lines[ix.get()];
        let events = self.read_events(line, out)?;
        let (stored, notes) = Stored::open(&settings, line, self.span(), events, self.extent)
            .map_err(|error| out.fail(&error))?;
        let source = line.batch.clone();
        if !stored.has_events() && source == BatchSource::Events {
            // As for files.
            line.batch = BatchSource::None;
        }
        Ok(Opened {
            material: Material::Stored(stored),
            plant,
            rules,
            line: Some(ix),
            source,
            store,
            store_named: self.store.is_some(),
            period: None,
            notes,
            whose: String::new(),
        })
    }

    /// Opens the journal of the store that was named, or is the configuration's on the command line.
    fn open_journal(&self, config: Option<&Path>, out: &mut Out) -> Result<Opened, Exit> {
        self.refuse_those_of_files("journal", out)?;
        if self.events.is_some() {
            out.error("error: `--events` cannot be used with `--from journal`: they are in it\n");
            return Err(Exit::Usage);
        }
        let Configured { plant, rules, mut store, .. } = self.configured(config, out)?;
        if config != self.config.as_deref() {
            // Two configurations are held against each other on the journal of the one in use.
            store = self.configured(self.config.as_deref(), out)?.store;
        }
        let Some(path) = store.as_deref() else {
            out.error(
                "error: say whose journal with `--store FILE`: the configuration names no store\n",
            );
            return Err(Exit::Usage);
        };
        let (journal, notes) =
            Journal::open(path, self.span(), self.extent).map_err(|error| out.fail(&error))?;
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
        let configured = match config {
            Some(_) => Some(self.configured(config, out)?),
            None => None,
        };
        let lateness = match &configured {
            Some(Configured { plant, .. }) => plant.lines[self.line(plant, out)?.get()].lateness,
            None => Duration::ZERO,
        };
        let survey = recording.survey(lateness).map_err(|error| out.fail(&error))?;
        let (mut plant, rules, store) = match configured {
            Some(Configured { plant, rules, store, .. }) => (plant, rules, store),
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
        let events = self.read_events(&plant.lines[line.get()], out)?.unwrap_or_default();
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

    /// What a configuration says; there is one, but with `--auto`.
    fn configured(&self, config: Option<&Path>, out: &mut Out) -> Result<Configured, Exit> {
        let path = config.unwrap_or(Path::new(""));
        let checked = crate::config::read(path).map_err(|problem| out.unusable(&problem))?;
        let rules = checked.rules();
        let store = self.store.clone().or(checked.store.path);
        Ok(Configured { plant: checked.plant, rules, store, influx: checked.influx })
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
            Material::Stored(stored) => Box::new(stored),
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

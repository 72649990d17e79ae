//! `onspec models`.

use super::fit::limits;
use super::out::{Exit, Out};
use super::store::Which;
use crate::app::AppError;
use crate::app::registry::{self, Registered, State};
use crate::engine::Engine;
use crate::models::{DelayEstimate, Difference, Header};
use crate::plant::Plant;
use crate::reading::{Count, Timestamp};
use crate::store::Reader;
use comfy_table::{Table, presets};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// Digits of the hash shown where there is little room.
const SHORT: usize = 12;

const IN_MEMORY: &str = "writing to a string cannot fail";

#[derive(Debug, clap::Subcommand)]
pub(super) enum Args {
    /// The models of each line and grade, by version. The daemon may be running.
    #[command(after_help = "Example:\n  onspec models list -c /etc/onspec/onspec.toml --line tm3")]
    List {
        #[command(flatten)]
        which: Which,
        /// Only those of this line.
        #[arg(long, value_name = "LINE")]
        line: Option<String>,
        /// Only those of this grade.
        #[arg(long, value_name = "GRADE")]
        grade: Option<String>,
        /// Print one JSON document.
        #[arg(long)]
        json: bool,
    },
    /// What is known of a model: the one that judges, or a version. The daemon may be running.
    #[command(
        after_help = "Example:\n  onspec models show tm3 facial-15 4 -c /etc/onspec/onspec.toml"
    )]
    Show {
        #[command(flatten)]
        of: Of,
        /// The version; that which judges if not given.
        #[arg(id = "number", value_name = "VERSION")]
        version: Option<u32>,
        #[command(flatten)]
        which: Which,
        /// Print one JSON document.
        #[arg(long)]
        json: bool,
    },
    /// Two models beside each other; 1 if they differ. What they say of the same batches, `onspec replay --compare`
    /// tells. The daemon may be running.
    #[command(
        after_help = "Example:\n  onspec models compare tm3 facial-15 3 4 -c /etc/onspec/onspec.toml"
    )]
    Compare {
        #[command(flatten)]
        of: Of,
        /// A version.
        first: u32,
        /// Another one.
        second: u32,
        #[command(flatten)]
        which: Which,
        /// Print one JSON document.
        #[arg(long)]
        json: bool,
    },
    /// Let a version judge from the next start of the daemon on, until a better one is fitted. Stop the daemon first;
    /// one that runs takes it over the API (POST /api/v1/models/LINE/GRADE/VERSION/promote).
    #[command(
        after_help = "Example:\n  onspec models promote tm3 facial-15 3 -c /etc/onspec/onspec.toml"
    )]
    Promote {
        #[command(flatten)]
        of: Of,
        /// The version.
        #[arg(id = "number", value_name = "VERSION")]
        version: u32,
        #[command(flatten)]
        which: Which,
    },
    /// Let the model judge again that judged before, from the next start of the daemon on, until a better one is
    /// fitted. Stop the daemon first; one that runs takes it over the API (POST /api/v1/models/LINE/GRADE/rollback).
    #[command(
        after_help = "Example:\n  onspec models rollback tm3 facial-15 -c /etc/onspec/onspec.toml"
    )]
    Rollback {
        #[command(flatten)]
        of: Of,
        #[command(flatten)]
        which: Which,
    },
    /// Write a model into a file of its own. The daemon may be running.
    #[command(
        after_help = "Example:\n  onspec models export tm3 facial-15 --to facial.json -c /etc/onspec/onspec.toml"
    )]
    Export {
        #[command(flatten)]
        of: Of,
        /// The version; that which judges if not given.
        #[arg(id = "number", value_name = "VERSION")]
        version: Option<u32>,
        /// The new file; there must be none of that name.
        #[arg(long, value_name = "FILE")]
        to: PathBuf,
        #[command(flatten)]
        which: Which,
    },
    /// Take a model from a file that was exported; it judges from the next start of the daemon on. Stop the daemon
    /// first.
    #[command(
        after_help = "Example:\n  onspec models import tm3 facial-15 --from facial.json -c /etc/onspec/onspec.toml"
    )]
    Import {
        #[command(flatten)]
        of: Of,
        /// The file.
        #[arg(long, value_name = "FILE")]
        from: PathBuf,
        #[command(flatten)]
        which: Which,
    },
}

/// Whose model.
#[derive(Debug, clap::Args)]
pub(super) struct Of {
    /// The line.
    line: String,
    /// The grade; `none` on a line without grades.
    grade: String,
}

impl Of {
    pub(super) fn pair(&self) -> (&str, &str) {
        (&self.line, &self.grade)
    }
}

pub(super) fn command(args: &Args, out: &mut Out) -> Exit {
    let (Args::List { which, .. }
    | Args::Show { which, .. }
    | Args::Compare { which, .. }
    | Args::Promote { which, .. }
    | Args::Rollback { which, .. }
    | Args::Export { which, .. }
    | Args::Import { which, .. }) = args;
    let (path, plant) = match which.open() {
        Ok(opened) => opened,
        Err(problem) => {
            out.error(&problem);
            return Exit::Usage;
        }
    };
    let path = path.as_path();
    let done = match args {
        Args::List { line, grade, json, .. } => {
            list(path, (line.as_deref(), grade.as_deref()), *json)
        }
        Args::Show { of, version, json, .. } => show(path, of, *version, *json),
        Args::Compare { of, first, second, json, .. } => {
            return match compare(path, of, [*first, *second], *json) {
                Ok((text, same)) => match out.print(&text) {
                    Exit::Done if !same => Exit::Failed,
                    exit => exit,
                },
                Err(error) => out.fail(&error),
            };
        }
        Args::Promote { of, version, .. } => again(path, of, Some(*version)),
        Args::Rollback { of, .. } => again(path, of, None),
        Args::Export { of, version, to, .. } => export(path, of, *version, to),
        Args::Import { of, from, .. } => import(path, plant.as_ref(), of, from),
    };
    match done {
        Ok(text) => out.print(&text),
        Err(error) => out.fail(&error),
    }
}

fn list(path: &Path, of: (Option<&str>, Option<&str>), json: bool) -> Result<String, AppError> {
    let models = registry::models(&Reader::open(path)?, of.0, of.1, &mut registry::Hashes::new())?;
    if json {
        let models: Vec<_> = models.iter().map(Registered::document).collect();
        return Ok(format!("{}\n", serde_json::json!({ "models": models })));
    }
    if models.is_empty() {
        return Ok("there is no model\n".into());
    }
    let mut table = Table::new();
    table.load_style(presets::UTF8_FULL_CONDENSED);
    table.set_header(["line", "grade", "version", "judges", "since", "model", "limits", "sha-256"]);
    for Registered { stored, header, sha256, state } in &models {
        let calibration = &header.calibration;
        let limits = if calibration.provisional { "provisional" } else { "calibrated" };
        let borrowed = if header.source.is_borrowed() { ", borrowed" } else { "" };
        table.add_row([
            stored.line.clone(),
            stored.grade.clone(),
            stored.version.to_string(),
            match state {
                State::Judges => "yes",
                State::Waits => "waits",
                State::Judged | State::Waited => "",
            }
            .into(),
            since(stored.at, stored.is_by_hand()),
            format!("{} of {}{borrowed}", stored.kind, rows(header)),
            format!("{limits}, {} {}", calibration.n, calibration.unit),
            sha256[..SHORT].into(),
        ]);
    }
    Ok(format!("{table}\n"))
}

/// The frames, and the batches if they were told.
fn rows(header: &Header) -> String {
    let frames = Count(header.rows, "frame");
    if header.spec.batches {
        format!("{frames} of {}", Count(header.blocks, "batch"))
    } else {
        frames.to_string()
    }
}

/// Since when a model judged.
fn since(at: Timestamp, by_hand: bool) -> String {
    if by_hand { "put in by hand".into() } else { at.to_string() }
}

fn show(path: &Path, of: &Of, version: Option<u32>, json: bool) -> Result<String, AppError> {
    let model = one(path, of, version)?;
    if json {
        return Ok(format!("{}\n", model.document()));
    }
    let mut text = String::new();
    for (name, value) in facts(&model) {
        writeln!(text, "{name:<12} {value}").expect(IN_MEMORY);
    }
    Ok(text)
}

fn one(path: &Path, of: &Of, version: Option<u32>) -> Result<Registered, AppError> {
    registry::one(&Reader::open(path)?, of.pair(), version)
}

/// What is told of a model, in order.
fn facts(model: &Registered) -> Vec<(&'static str, String)> {
    let Registered { stored, header, sha256, .. } = model;
    let span =
        header.source.span.map_or("not told".into(), |(first, last)| format!("{first} to {last}"));
    let batches = match &header.source.batches[..] {
        [] => "not told".into(),
        [one] => one.to_string(),
        [first, .., last] => {
            format!("{}, {first} to {last}", Count(header.source.batches.len(), "batch"))
        }
    };
    let dropped: Vec<String> = header
        .dropped
        .iter()
        .map(|dropped| format!("{} ({})", dropped.column, dropped.reason))
        .collect();
    let delays: Vec<String> = header.delays.iter().map(DelayEstimate::sentence).collect();
    let differences: Vec<String> = header.differences.iter().map(Difference::sentence).collect();
    let set: Vec<&str> = header.spec.least_sd.keys().map(|tag| &**tag).collect();
    let monitors = match header.states {
        0 => format!("{} of pca", Count(header.components, "component")),
        states => format!(
            "{} of pca ({:.0} %), {} of cva, {} of them judged",
            Count(header.components, "component"),
            header.explained * 100.0,
            Count(states, "state"),
            header.states_judged
        ),
    };
    let or_none = |text: String| if text.is_empty() { "none".into() } else { text };
    vec![
        ("line", stored.line.clone()),
        ("grade", stored.grade.clone()),
        ("version", stored.version.to_string()),
        ("judges", if stored.active { "yes" } else { "no" }.into()),
        ("since", since(stored.at, stored.is_by_hand())),
        ("sha-256", sha256.clone()),
        ("fitted by", format!("onspec {}", header.onspec)),
        ("libraries", or_none(header.libraries.join(", "))),
        ("data", span),
        ("batches", batches),
        ("borrowed", header.loan().unwrap_or_else(|| "no".into())),
        ("rows", rows(header)),
        ("columns", header.columns.join(", ")),
        ("dropped", or_none(dropped.join(", "))),
        ("set by hand", or_none(set.join(", "))),
        ("changes of", or_none(differences.join("; "))),
        ("delays", or_none(delays.join("; "))),
        ("monitors", monitors),
        ("frame", format!("{} s", header.spec.frame.as_secs_f64())),
        ("seed", header.spec.seed.to_string()),
        ("limits", limits(header).trim_start_matches("limits ").into()),
        ("provisional", if header.calibration.provisional { "yes" } else { "no" }.into()),
    ]
}

fn compare(
    path: &Path,
    of: &Of,
    versions: [u32; 2],
    json: bool,
) -> Result<(String, bool), AppError> {
    let [first, second] = versions.map(|version| one(path, of, Some(version)));
    let (first, second) = (first?, second?);
    let same = first.sha256 == second.sha256;
    if json {
        let document = serde_json::json!({
            "same": same, "models": [first.document(), second.document()],
        });
        return Ok((format!("{document}\n"), same));
    }
    if same {
        return Ok((format!("both are the model {}\n", &first.sha256[..SHORT]), same));
    }
    let mut table = Table::new();
    table.load_style(presets::UTF8_FULL_CONDENSED);
    table.set_header(["", &versions[0].to_string(), &versions[1].to_string()]);
    for ((name, one), (_, other)) in facts(&first).into_iter().zip(facts(&second)) {
        if one != other && name != "version" {
            table.add_row([name.to_owned(), one, other]);
        }
    }
    Ok((format!("{table}\n"), same))
}

fn again(path: &Path, of: &Of, version: Option<u32>) -> Result<String, AppError> {
    let (from, version) = registry::judge_again(path, of.pair(), version)?;
    let Of { line, grade } = of;
    Ok(format!(
        "line {line}, grade {grade}: model {version}, the same as {from}, judges from the next start on\n"
    ))
}

fn export(path: &Path, of: &Of, version: Option<u32>, to: &Path) -> Result<String, AppError> {
    let reader = Reader::open(path)?;
    let stored = registry::find(&reader, of.pair(), version)?;
    let artifact = registry::artifact(&reader, &stored)?;
    let doing = |source| AppError::Io { doing: format!("write `{}`", to.display()), source };
    let mut file = std::fs::File::create_new(to).map_err(doing)?;
    std::io::Write::write_all(&mut file, &artifact).map_err(doing)?;
    Ok(format!(
        "`{}` is model {} of line {}, grade {}\n",
        to.display(),
        stored.version,
        of.line,
        of.grade
    ))
}

/// Takes a model from a file; with a configuration only one that its line can use.
fn import(path: &Path, plant: Option<&Plant>, of: &Of, from: &Path) -> Result<String, AppError> {
    let reading = |source| AppError::Io { doing: format!("read `{}`", from.display()), source };
    let artifact = std::fs::read(from).map_err(reading)?;
    if let Some(plant) = plant {
        Engine::new(plant.clone(), Vec::new())
            .install(&of.line, &of.grade.as_str().into(), 1, artifact.clone().into())
            .map_err(|reason| {
                AppError::Other(format!("`{}` is not taken: {reason}", from.display()))
            })?;
    }
    let (line, grade) = of.pair();
    let version = registry::keep(path, line, grade, &artifact)?;
    Ok(format!("line {line}, grade {grade}: model {version} judges from the next start on\n"))
}

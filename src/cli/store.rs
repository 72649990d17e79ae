//! `onspec store`.

use super::out::{Exit, Out};
use crate::plant::Plant;
use crate::store::{Reader, Repaired, StoreError, repair};
use crate::words::Locale;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

#[derive(Debug, clap::Subcommand)]
pub(super) enum Args {
    /// Compare everything in the file with its checksums; 1 if something is damaged. The daemon may
    /// be running.
    #[command(after_help = "Example:\n  onspec store check -c /etc/onspec/onspec.toml")]
    Check {
        #[command(flatten)]
        which: Which,
        /// Print one JSON document.
        #[arg(long)]
        json: bool,
    },
    /// Make a new file of what can be read of a damaged one, which stays beside it. Stop the daemon
    /// first.
    #[command(after_help = "Example:\n  onspec store repair -c /etc/onspec/onspec.toml")]
    Repair {
        #[command(flatten)]
        which: Which,
        /// Print one JSON document.
        #[arg(long)]
        json: bool,
    },
    /// Copy the store as of now into a new file. The daemon may be running.
    #[command(
        after_help = "Example:\n  onspec store backup -c /etc/onspec/onspec.toml --to /backup/onspec.db"
    )]
    Backup {
        #[command(flatten)]
        which: Which,
        /// The new file; there must be none of that name.
        #[arg(long, value_name = "FILE")]
        to: PathBuf,
    },
}

/// Which store.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
pub(super) struct Which {
    /// The configuration that names it.
    #[arg(short, long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The file itself.
    #[arg(long, value_name = "FILE")]
    store: Option<PathBuf>,
}

pub(super) fn command(args: &Args, out: &mut Out) -> Exit {
    let (Args::Check { which, .. } | Args::Repair { which, .. } | Args::Backup { which, .. }) =
        args;
    let path = match which.path() {
        Ok(path) => path,
        Err(problem) => {
            out.error(&problem);
            return Exit::Usage;
        }
    };
    match args {
        Args::Check { json, .. } => check(&path, *json, out),
        Args::Repair { json, .. } => match repair(&path) {
            Ok(repaired) => out.print(&told(&path, &repaired, *json)),
            Err(error) => out.fail(&error),
        },
        Args::Backup { to, .. } => backup(&path, to, out),
    }
}

impl Which {
    /// The configuration, if that was given.
    pub(super) fn config(&self) -> Option<&Path> {
        self.config.as_deref()
    }

    /// The file of the store.
    pub(super) fn path(&self) -> Result<PathBuf, String> {
        self.open().map(|(path, _)| path)
    }

    /// The file of the store, and what the configuration says of reports; without one, a site without a name, in UTC.
    pub(super) fn with_reports(&self) -> Result<(PathBuf, Locale), String> {
        if let Some(store) = &self.store {
            return Ok((store.clone(), Locale::default()));
        }
        let config = self.config.clone().unwrap_or_default();
        let checked = crate::config::read(&config).map_err(|problem| problem.to_string())?;
        let named = checked.store.path;
        let path = named.ok_or_else(|| "error: the configuration names no store\n".to_owned())?;
        Ok((path, checked.locale))
    }

    /// The file of the store, and the plant of the configuration, if one was given.
    pub(super) fn open(&self) -> Result<(PathBuf, Option<Plant>), String> {
        if let Some(store) = &self.store {
            return Ok((store.clone(), None));
        }
        let config = self.config.clone().unwrap_or_default();
        let checked = crate::config::read(&config).map_err(|problem| problem.to_string())?;
        let named = checked.store.path;
        let path = named.ok_or_else(|| "error: the configuration names no store\n".to_owned())?;
        Ok((path, Some(checked.plant)))
    }
}

fn check(path: &Path, json: bool, out: &mut Out) -> Exit {
    let damage = match Reader::open(path).and_then(|reader| reader.check()) {
        Ok(damage) => damage,
        // What cannot even be read as a table is damage as well.
        Err(StoreError::Damaged { reason, .. }) => vec![reason],
        Err(error) => return out.fail(&error),
    };
    let path = path.display();
    let text = if json {
        format!("{}\n", serde_json::json!({ "store": path.to_string(), "damage": damage }))
    } else if damage.is_empty() {
        format!("`{path}` is as it was written\n")
    } else {
        format!(
            "`{path}` is damaged:\n  {}\nStop onspec and run `onspec store repair`, or put a \
             backup in its place.\n",
            damage.join("\n  ")
        )
    };
    match out.print(&text) {
        Exit::Done if !damage.is_empty() => Exit::Failed,
        exit => exit,
    }
}

fn backup(path: &Path, to: &Path, out: &mut Out) -> Exit {
    if to.exists() {
        out.error(&format!(
            "error: `{}` is there already; name a file that is not\n",
            to.display()
        ));
        return Exit::Usage;
    }
    match Reader::open(path).and_then(|reader| reader.backup(to)) {
        Ok(()) => out.print(&format!("`{}` is a copy of `{}`\n", to.display(), path.display())),
        Err(error) => out.fail(&error),
    }
}

/// What a repair found, for people or machines.
fn told(path: &Path, repaired: &Repaired, json: bool) -> String {
    let Repaired { tables, torn, events: (state, last), damaged } = repaired;
    if json {
        let tables: Vec<_> = tables
            .iter()
            .map(|(table, kept, damaged)| {
                serde_json::json!({
                    "table": table, "kept": kept, "damaged": damaged, "torn": torn.contains(table),
                })
            })
            .collect();
        let document = serde_json::json!({
            "store": path.display().to_string(), "tables": tables, "state_after": state,
            "last_event": last, "damaged_file": damaged.display().to_string(),
        });
        return format!("{document}\n");
    }
    let mut text = String::new();
    for (table, kept, damaged) in tables {
        let torn = if torn.contains(table) { ", and some that cannot be read at all" } else { "" };
        writeln!(text, "{table:<12} {kept:>9} rows kept, {damaged} damaged{torn}")
            .expect("a String takes all that is written");
    }
    if state < last {
        writeln!(
            text,
            "The state is that after event {state} of {last}: what the events after it did to \
             batches in progress and models is forgotten. What they put into outboxes is kept."
        )
        .expect("a String takes all that is written");
    }
    writeln!(
        text,
        "`{}` is whole again; the damaged file is `{}`",
        path.display(),
        damaged.display()
    )
    .expect("a String takes all that is written");
    text
}

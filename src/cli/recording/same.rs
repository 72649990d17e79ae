//! What has to be the same when a replay goes on.

use super::{Material, Opened, RecordingArgs};
use crate::app::{AppError, Sameness};
use clap::ValueEnum;
use std::path::Path;
use xxhash_rust::xxh3::xxh3_64;

impl Opened {
    /// Everything that has to be the same when a replay goes on, by what people call it.
    pub(in crate::cli) fn sameness(
        &self,
        args: &RecordingArgs,
        learn: bool,
    ) -> Result<Sameness, AppError> {
        let configuration = rmp_serde::to_vec_named(&(&self.plant, &self.rules))
            .expect("a configuration has only text keys");
        let read = match &self.material {
            Material::Files { .. } => {
                let files = args.from.iter().map(|path| sized(path));
                files.collect::<Result<Vec<_>, _>>()?.join(", ")
            }
            Material::Journal(journal) => journal.place(),
            Material::Stored(stored) => stored.place().into(),
        };
        let events = args.events.as_deref().map_or(Ok("none".into()), sized)?;
        let same = [
            ("the release", env!("CARGO_PKG_VERSION").to_owned()),
            ("the configuration (by its hash)", format!("{:016x}", xxh3_64(&configuration))),
            ("what is read", read),
            ("the file of events", events),
            ("the command line", args.words(learn)),
        ];
        Ok(same.map(|(name, value)| (name.to_owned(), value)).into())
    }
}

impl RecordingArgs {
    /// The options that say how something is read, as they are written.
    fn words(&self, learn: bool) -> String {
        let unit = self.time_unit.to_possible_value();
        let options = [
            ("--auto", self.auto.then(String::new)),
            ("--learn", learn.then(String::new)),
            ("--store", self.store.as_ref().map(|path| path.display().to_string())),
            ("--line", self.line.clone()),
            ("--start", self.start.map(|at| at.to_string())),
            ("--stop", self.stop.map(|at| at.to_string())),
            ("--time", self.time.clone()),
            ("--time-unit", unit.map(|unit| unit.get_name().to_owned())),
            ("--period", self.period.map(|period| format!("{period:?}"))),
            ("--ignore", (!self.ignore.is_empty()).then(|| self.ignore.join(","))),
        ];
        let words = options.into_iter().filter_map(|(option, value)| {
            value.map(|value| format!("{option} {value}").trim_end().to_owned())
        });
        format!("`{}`", words.collect::<Vec<_>>().join(" "))
    }
}

/// A file with its size.
fn sized(path: &Path) -> Result<String, AppError> {
    let shown = path.display();
    let found = std::fs::metadata(path)
        .map_err(|source| AppError::Io { doing: format!("read `{shown}`"), source })?;
    Ok(format!("`{shown}` of {} bytes", found.len()))
}

//! `onspec fit`.

use super::out::{Exit, Out};
use super::recording::{self, progress};
use crate::app::AppError;
use crate::models::{FitError, FitSpec, Model};
use crate::plant::BatchSource;
use crate::reading::Timestamp;
use crate::store::{Commit, ModelRow, Settings, Store, WhenFull};
use std::sync::Arc;

/// Ids of models that were fitted by hand begin here, so that they never meet a request's.
const FIRST_ID: u64 = 1 << 40;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    recording: recording::RecordingArgs,
    /// The grade that was made; the line's if not given.
    #[arg(long, value_name = "GRADE")]
    grade: Option<String>,
}

pub(super) fn command(args: &Args, out: &mut Out) -> Exit {
    let opened = match args.recording.open(out) {
        Ok(opened) => opened,
        Err(exit) => return exit,
    };
    let line = &opened.plant.lines[opened.line.get()];
    let Some(grade) = args.grade.as_deref().map(Arc::<str>::from).or_else(|| line.grade.clone())
    else {
        out.error("error: say which grade was made with `--grade`\n");
        return Exit::Usage;
    };
    if !opened.plant.grades.contains_key(&grade) {
        let known: Vec<&str> = opened.plant.grades.keys().map(|name| &**name).collect();
        out.error(&format!(
            "error: the configuration has no grade `{grade}`; it has {}\n",
            known.join(", ")
        ));
        return Exit::Usage;
    }
    let Some(path) = opened.store.clone() else {
        out.error("error: say where models are kept with `--store FILE`\n");
        return Exit::Usage;
    };
    let bar = progress();
    let fitted = opened.feed().and_then(|feed| {
        let table = crate::app::table(&feed, &opened.plant, opened.line, &mut || bar.inc(1))?;
        let spec = FitSpec {
            frame: line.frame,
            budget: crate::engine::budget(&opened.plant.models, &opened.source),
            batches: line.batch != BatchSource::None,
            seed: 1,
            least_sd: opened
                .plant
                .grades
                .get(&grade)
                .map(|grade| FitSpec::least_sd(&grade.centerline))
                .unwrap_or_default(),
        };
        crate::models::fit(&table, &spec).map_err(AppError::Fit)
    });
    bar.finish_and_clear();
    let model = match fitted {
        Ok(model) => model,
        Err(error) => {
            let exit = out.fail(&error);
            if matches!(&error, AppError::Fit(FitError::TooFewRows { have: 0, .. })) {
                out.error("  the recording has no column with the id of a process tag, or no frame within a batch\n");
            }
            return exit;
        }
    };
    let settings = Settings {
        path: Some(path.clone()),
        max_size_bytes: 20 << 30,
        when_full: WhenFull::DropOldestReadings,
    };
    match keep(&settings, &line.name, &grade, &model) {
        Ok(version) => {
            let text = if args.recording.json {
                model.header_json() + "\n"
            } else {
                format!(
                    "line {}, grade {grade}: model {version} in {}\n{}\nlimits by {}: {} {}, one false flag in {:.0}\n",
                    line.name,
                    path.display(),
                    model.summary(),
                    model.header().calibration.method,
                    model.header().calibration.n,
                    model.header().calibration.unit,
                    1.0 / model.header().calibration.rate,
                )
            };
            out.print(&text)
        }
        Err(error) => out.fail(&error),
    }
}

/// Puts a model into the registry; it judges from the next start of a daemon on this store.
fn keep(settings: &Settings, line: &str, grade: &str, model: &Model) -> Result<u32, AppError> {
    let mut store = Store::open(settings)?;
    let reader = store.reader()?;
    let known = reader.models(None, None)?;
    let of_this = known.iter().filter(|m| m.line == line && m.grade == grade);
    let version = of_this.map(|m| m.version).max().unwrap_or(0) + 1;
    let id = known.iter().map(|m| m.id + 1).max().unwrap_or(FIRST_ID).max(FIRST_ID);
    let (header, artifact) = (model.header_json(), model.to_bytes());
    let row = ModelRow {
        id,
        line,
        grade,
        kind: model.kind(),
        version,
        // A model fitted by hand has no instant of the line's clock.
        at: Timestamp::from_nanos(0),
        header: &header,
        artifact: &artifact,
        active: true,
    };
    store.commit(&Commit { models: &[row], ..Commit::default() })?;
    Ok(version)
}

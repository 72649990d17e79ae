//! `onspec fit`.

use super::out::{Exit, Out};
use super::progress::Progress;
use super::recording;
use crate::app::{AppError, registry};
use crate::models::{FitError, FitSpec, Header};
use crate::plant::{BatchSource, Budget};
use crate::reading::Timestamp;
use std::fmt::Write as _;
use std::sync::Arc;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    recording: recording::RecordingArgs,
    /// The grade that was made; the line's if not given. Of a recording with batches, those of the grade
    /// teach that are released, or have all laboratory results inside.
    #[arg(long, value_name = "GRADE")]
    grade: Option<String>,
}

pub(super) fn command(args: &Args, out: &mut Out) -> Exit {
    let opened = match args.recording.open(out) {
        Ok(opened) => opened,
        Err(exit) => return exit,
    };
    let ix = match opened.line.map_or_else(|| args.recording.line(&opened.plant, out), Ok) {
        Ok(ix) => ix,
        Err(exit) => return exit,
    };
    let line = &opened.plant.lines[ix.get()];
    let Some(grade) = args.grade.as_deref().map(Arc::<str>::from).or_else(|| line.grade.clone())
    else {
        out.error("error: say which grade was made with `--grade`\n");
        return Exit::Usage;
    };
    // Without a configuration the grades are those that the events name.
    if !args.recording.auto && !opened.plant.grades.contains(&grade) {
        let known: Vec<&str> = opened.plant.grades.names().map(|name| &**name).collect();
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
    let feed = opened.feed();
    let mut progress = Progress::new(&*feed);
    let plant = (&opened.plant, &*opened.rules);
    let mut row = || progress.row();
    let table = crate::app::table(&*feed, plant, ix, &grade, &mut row);
    let fitted = table.and_then(|table| {
        let spec = FitSpec {
            frame: line.frame,
            budget: crate::engine::budget(&opened.plant.models, &opened.source),
            batches: line.batch != BatchSource::None,
            seed: 1,
            least_sd: opened
                .plant
                .grades
                .at(&grade, Timestamp::MAX)
                .map(|grade| FitSpec::least_sd(&grade.centerline))
                .unwrap_or_default(),
            ties: line.ties(),
            wanders: line.wanders(),
        };
        let mut tell = |stage| progress.stage(stage);
        crate::models::fit_telling(&table, &spec, &mut tell).map_err(AppError::Fit)
    });
    drop(progress);
    let model = match fitted {
        Ok(model) => model,
        Err(error) => {
            let exit = out.fail(&error);
            if matches!(&error, AppError::Fit(FitError::TooFewRows { have: 0, .. })) {
                out.error("  no frame of the recording has all of these columns\n");
            }
            return exit;
        }
    };
    match registry::keep(&path, &line.name, &grade, &model.to_bytes()) {
        Ok(version) => {
            let text = if args.recording.json {
                model.header_json() + "\n"
            } else {
                format!(
                    "line {}, grade {grade}: model {version} in {}\n{}\n{}\n",
                    line.name,
                    path.display(),
                    model.summary(),
                    limits(model.header())
                )
            };
            out.print(&text)
        }
        Err(error) => out.fail(&error),
    }
}

/// How the limits were found, for people.
pub(super) fn limits(header: &Header) -> String {
    let calibration = &header.calibration;
    let mut text = format!(
        "limits by {}: {} {}, one false flag in {:.0}",
        calibration.method,
        calibration.n,
        calibration.unit,
        1.0 / calibration.rate,
    );
    if let Budget::PerBatches { flags, batches } = header.spec.budget
        && calibration.unit != "batches"
    {
        write!(
            text,
            "\n  for {flags} in {batches} batches: the recording is too short to stand in for batches of half an hour"
        )
        .expect("writing to a string cannot fail");
    }
    text
}

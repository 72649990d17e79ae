//! Laboratory values foretold in order of time, each from earlier ones alone.

use super::desk::{print, read, table};
use onspec::models::{BatchStage, SAMPLES_AT_LEAST, Sample, SoftSensor, SoftSensorTrack, Window};
use onspec::reading::Timestamp;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// A set: its name, its file, the columns of laboratory values, and those that are none of the process.
struct Set {
    name: &'static str,
    file: &'static str,
    /// Where the laboratory values are, one row a batch, if not beside the process.
    quality: Option<&'static str>,
    properties: &'static [&'static str],
    ignored: &'static [&'static str],
}

const SETS: [Set; 4] = [
    Set {
        name: "digester",
        file: "openmv/kamyr-digester.csv",
        quality: None,
        properties: &["Y-Kappa"],
        ignored: &["Observation"],
    },
    Set {
        name: "distillation",
        file: "openmv/distillation-tower.csv",
        quality: None,
        properties: &["VapourPressure"],
        ignored: &["Date"],
    },
    Set {
        name: "SBR",
        file: "batch/sbr/trajectories.csv.gz",
        quality: Some("batch/sbr/quality.csv"),
        properties: &[
            "composition",
            "particle_size",
            "branching",
            "cross_linking",
            "polydispersity",
        ],
        ignored: &["batch", "step"],
    },
    Set {
        name: "dryer",
        file: "batch/dryer/trajectories_raw.csv.gz",
        quality: Some("batch/dryer/quality.csv"),
        properties: &["SolventConc"],
        ignored: &["batch", "ClockTime"],
    },
];

/// Laboratory values that a fit takes at most: the newest.
const NEWEST: usize = 200;

/// A row of a set takes so long; what is made last is the last five of a batch.
const ROW: Duration = Duration::from_secs(60);
const END: Duration = Duration::from_secs(300);

/// Rows that follow each other are drawn together.
const BLOCK: usize = 5;
const DRAWS: usize = 2000;

pub(crate) fn run(data: &Path) {
    let head = [
        "",
        "of",
        "error / that of the last value",
        "error / that of the mean",
        "in 90 % intervals",
        "outside the range",
        "window, components, bias",
    ];
    print(
        "Laboratory values foretold: the last third, each by a fit on all before it (90 % of bootstraps)",
        &head,
        SETS.iter().flat_map(|set| set.properties.iter().map(|property| line(set, property, data))),
    );
}

/// What was foretold of one value.
struct Foretold {
    value: f64,
    said: f64,
    last: f64,
    mean: f64,
    held: bool,
    outside: bool,
}

/// The samples of one window, and what their columns are.
struct Kept {
    window: Option<Window>,
    columns: Vec<Arc<str>>,
    samples: Vec<Sample>,
}

fn line(set: &Set, property: &str, data: &Path) -> Vec<String> {
    let text = read(&data.join(set.file));
    let kept = match set.quality {
        None => vec![rows(set, property, &text)],
        Some(quality) => batches(set, (property, &read(&data.join(quality))), &text),
    };
    let n = kept[0].samples.len();
    let (mut foretold, mut by) = (Vec::new(), String::new());
    for ix in SAMPLES_AT_LEAST.max(n * 2 / 3)..n {
        let fits = kept.iter().map(|kept| {
            let newest = &kept.samples[ix.saturating_sub(NEWEST)..ix];
            (kept, SoftSensor::fit(&kept.columns, newest).expect("a soft sensor"))
        });
        let (of, sensor) = fits
            .min_by(|(_, a), (_, b)| a.fitness().error.total_cmp(&b.fitness().error))
            .expect("there is a window");
        let sample = &of.samples[ix];
        let Some(raw) = sensor.predict(&sample.row) else { continue };
        let said = SoftSensorTrack::start(&sensor).estimate(raw, BatchStage::End);
        let earlier: f64 = of.samples[..ix].iter().map(|one| one.value).sum();
        foretold.push(Foretold {
            value: sample.value,
            said: said.value,
            last: of.samples[ix - 1].value,
            mean: earlier / count(ix),
            held: said.low <= sample.value && sample.value <= said.high,
            outside: raw.outside,
        });
        let fitness = sensor.fitness();
        let window = of.window.map_or("row", |window| match window {
            Window::End(_) => "end",
            Window::Batch => "thirds",
        });
        by = format!("{window}, {}, {}", fitness.components, fitness.bias_share);
    }
    let all: Vec<&Foretold> = foretold.iter().collect();
    let ratio = |other: fn(&Foretold) -> f64| {
        let (low, high) = bootstrap(&foretold, |rows| error_ratio(rows, other));
        format!("{:.2} ({low:.2} to {high:.2})", error_ratio(&all, other))
    };
    let held = |outside: bool| {
        let of = foretold.iter().filter(|row| row.outside == outside);
        format!("{} of {}", of.clone().filter(|row| row.held).count(), of.count())
    };
    vec![
        format!("{}, {property}", set.name),
        foretold.len().to_string(),
        ratio(|row| row.last),
        ratio(|row| row.mean),
        held(false),
        format!("{} held", held(true)),
        by,
    ]
}

/// The root mean square error of what was said over that of something simpler.
fn error_ratio(rows: &[&Foretold], other: fn(&Foretold) -> f64) -> f64 {
    let squares = |of: fn(&Foretold) -> f64| {
        rows.iter().map(|row| (row.value - of(row)).powi(2)).sum::<f64>()
    };
    (squares(|row| row.said) / squares(other)).sqrt()
}

#[expect(clippy::cast_precision_loss, reason = "counts of rows")]
fn count(n: usize) -> f64 {
    n as f64
}

/// The middle nine tenths of a figure over rows drawn in blocks (moving-block bootstrap; Künsch 1989).
fn bootstrap(rows: &[Foretold], figure: impl Fn(&[&Foretold]) -> f64) -> (f64, f64) {
    let mut state: u32 = 1;
    let mut draw = |below: usize| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        usize::try_from(state >> 8).expect("24 bits") % below
    };
    let mut figures: Vec<f64> = (0..DRAWS)
        .map(|_| {
            let mut drawn = Vec::with_capacity(rows.len() + BLOCK);
            while drawn.len() < rows.len() {
                let first = draw(rows.len() - BLOCK + 1);
                drawn.extend(&rows[first..first + BLOCK]);
            }
            drawn.truncate(rows.len());
            figure(&drawn)
        })
        .collect();
    figures.sort_by(f64::total_cmp);
    (figures[DRAWS / 20], figures[DRAWS - 1 - DRAWS / 20])
}

fn number(cell: &str) -> f64 {
    cell.trim().parse().unwrap_or(f64::NAN)
}

/// The positions of the columns of the process in a header, and their names.
fn process(set: &Set, text: &str) -> (Vec<usize>, Vec<Arc<str>>) {
    let head = text.lines().next().unwrap_or_default().split(',').enumerate();
    let used =
        head.filter(|(_, name)| !set.ignored.contains(name) && !set.properties.contains(name));
    used.map(|(ix, name)| (ix, Arc::from(name))).unzip()
}

fn place(text: &str, name: &str) -> usize {
    let mut head = text.lines().next().unwrap_or_default().split(',');
    head.position(|one| one == name).expect("a column of laboratory values")
}

/// When the n-th value was made. It was known when the next one is.
fn at(n: usize) -> Timestamp {
    Timestamp::default().plus(Duration::from_secs(3600) * u32::try_from(n).expect("rows are few"))
}

fn numbered(rows: impl Iterator<Item = (Vec<f64>, f64)>) -> Vec<Sample> {
    rows.filter(|(_, value)| value.is_finite())
        .enumerate()
        .map(|(ix, (row, value))| Sample { made: at(ix), known: at(ix + 1), row, value })
        .collect()
}

/// A set whose rows each have a laboratory value.
fn rows(set: &Set, property: &str, text: &str) -> Kept {
    let (used, columns) = process(set, text);
    let property = place(text, property);
    let samples = numbered(table(text.as_bytes()).map(|cells| {
        let row = used.iter().map(|ix| number(&cells[*ix])).collect();
        (row, number(&cells[property]))
    }));
    Kept { window: None, columns, samples }
}

/// A set of batches: what may have made a property is their end, or all of them.
fn batches(set: &Set, (property, quality): (&str, &str), text: &str) -> Vec<Kept> {
    let (used, tags) = process(set, text);
    let mut batches: Vec<(String, Vec<f64>)> = Vec::new();
    for cells in table(text.as_bytes()) {
        if batches.last().is_none_or(|(id, _)| *id != cells[0]) {
            batches.push((cells[0].to_owned(), Vec::new()));
        }
        let (_, frames) = batches.last_mut().expect("it was just put there");
        frames.extend(used.iter().map(|ix| number(&cells[*ix])));
    }
    let property = place(quality, property);
    let values: Vec<(String, f64)> = table(quality.as_bytes())
        .map(|cells| (cells[0].to_owned(), number(&cells[property])))
        .collect();
    let value =
        |id: &str| values.iter().find(|(of, _)| of == id).map_or(f64::NAN, |(_, value)| *value);
    [Window::End(END), Window::Batch]
        .map(|window| Kept {
            window: Some(window),
            columns: window.columns(&tags),
            samples: numbered(batches.iter().map(|(id, frames)| {
                (
                    window.row(
                        frames,
                        (&vec![Duration::ZERO; tags.len()], ROW),
                        frames.len() / tags.len(),
                    ),
                    value(id),
                )
            })),
        })
        .into()
}

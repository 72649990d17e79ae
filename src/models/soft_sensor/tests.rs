//! What a soft sensor foretells, how sure it is of that, and what it refuses.

use super::track::{Foretold, any_beyond};
use super::*;
use crate::plant::Bounds;
use rand_core::{RngCore, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use std::time::Duration;

/// About normal, of variance 1.
fn normal(random: &mut Xoshiro256PlusPlus) -> f64 {
    let share =
        |random: &mut Xoshiro256PlusPlus| f64::from(random.next_u32()) / f64::from(u32::MAX);
    (0..12).map(|_| share(random)).sum::<f64>() - 6.0
}

/// A plant that makes a batch an hour; the laboratory takes so many minutes.
struct Plant {
    random: Xoshiro256PlusPlus,
    made: u32,
    takes: u64,
    /// What no tag shows.
    lot: f64,
    /// How much of it stays from batch to batch, and how far it moves.
    stays: f64,
    moves: f64,
}

impl Plant {
    fn new(seed: u64) -> Self {
        let random = Xoshiro256PlusPlus::seed_from_u64(seed);
        Self { random, made: 0, takes: 40, lot: 0.0, stays: 0.0, moves: 0.0 }
    }

    /// Six tags of two courses and noise; strength is 120 + 4a − 3b, and what no tag shows.
    fn batch(&mut self) -> Sample {
        let mut draw = || normal(&mut self.random);
        let (a, b) = (draw(), draw());
        let row = vec![
            50.0 + 5.0 * (a + 0.1 * draw()),
            0.2 + 0.01 * (a - 0.5 * b + 0.1 * draw()),
            900.0 - 30.0 * (b + 0.1 * draw()),
            7.0 + 0.1 * draw(),
            -40.0 + draw(),
            b + 0.2 * draw(),
        ];
        self.lot = self.stays * self.lot + self.moves * draw();
        let value = 120.0 + 4.0 * a - 3.0 * b + self.lot + draw();
        let made = Timestamp::from_millis(i64::from(self.made) * 3_600_000).unwrap();
        self.made += 1;
        Sample { made, known: made.plus(Duration::from_secs(60 * self.takes)), row, value }
    }

    fn batches(&mut self, n: usize) -> Vec<Sample> {
        (0..n).map(|_| self.batch()).collect()
    }
}

fn columns() -> Vec<Arc<str>> {
    ["a", "a_less_b", "b_down", "ph", "vacuum", "b"].map(Arc::from).to_vec()
}

fn fit(samples: &[Sample]) -> SoftSensor {
    SoftSensor::fit(&columns(), samples).unwrap()
}

#[test]
fn property_is_foretold_from_what_goes_with_it() {
    let mut plant = Plant::new(1);
    let sensor = fit(&plant.batches(80));
    let fitness = sensor.fitness();
    assert_eq!((fitness.samples, fitness.foretold), (80, 48));
    // A laboratory value errs by 1, the property spreads by 5.
    assert!(fitness.error < 1.5 && fitness.error_of_mean > 4.0, "{fitness:?}");
    assert!(fitness.error_of_last > fitness.error_of_mean, "{fitness:?}");
    let ranking = sensor.ranking();
    let names: Vec<&str> = ranking.iter().map(|one| &*one.column).collect();
    assert!(names[4..].contains(&"ph") && names[4..].contains(&"vacuum"), "{names:?}");
    let strength = |name: &str| ranking.iter().find(|one| &*one.column == name).unwrap();
    assert!(strength("a").coefficient > 0.0 && strength("b").coefficient < 0.0);
    assert!((strength("a").same_sign - 1.0).abs() < 1e-12);
    let squares: f64 = ranking.iter().map(|one| one.importance.powi(2)).sum();
    assert!((squares / 6.0 - 1.0).abs() < 1e-9, "squares of importances have the mean 1");
    let sample = plant.batch();
    let raw = sensor.predict(&sample.row).unwrap();
    let mean = raw.value - sensor.contributions(&sample.row).iter().map(|one| one.1).sum::<f64>();
    assert!(
        (mean - 120.0).abs() < 2.0,
        "contributions are what the mean of the samples lacks: {mean}"
    );
}

#[test]
fn intervals_hold_nine_values_of_ten_over_many_plants() {
    let (mut covered, mut values) = (0, 0);
    for seed in 0..40 {
        let mut plant = Plant { stays: 0.8, moves: 1.0, ..Plant::new(seed) };
        let sensor = fit(&plant.batches(60));
        let mut track = Track::start(&sensor);
        for sample in plant.batches(60) {
            let said = track.estimate(sensor.predict(&sample.row).unwrap(), Stage::End);
            track.learn(&sensor, &[(Stage::End, said)], sample.value, sample.made);
        }
        let coverage = track.coverage(Stage::End);
        covered += coverage.covered;
        values += coverage.values;
    }
    assert!(values > 2200, "{values}");
    assert!((88 * values..92 * values).contains(&(100 * covered)), "{covered} of {values}");
}

#[test]
fn intervals_get_wider_where_values_fall_outside() {
    let mut plant = Plant::new(3);
    let sensor = fit(&plant.batches(60));
    let (mut track, steady) = (Track::start(&sensor), Track::start(&sensor));
    plant.moves = 4.0;
    for sample in plant.batches(60) {
        let said = track.estimate(sensor.predict(&sample.row).unwrap(), Stage::End);
        track.learn(&sensor, &[(Stage::End, said)], sample.value, sample.made);
    }
    let raw = sensor.predict(&plant.batch().row).unwrap();
    let width =
        |track: &Track| track.estimate(raw, Stage::End).high - track.estimate(raw, Stage::End).low;
    assert!(width(&track) > 2.0 * width(&steady));
}

#[test]
fn bias_follows_what_no_tag_shows() {
    let mut plant = Plant { stays: 0.95, moves: 2.0, ..Plant::new(4) };
    let sensor = fit(&plant.batches(80));
    assert!(sensor.fitness().bias_share >= 0.3, "{:?}", sensor.fitness());
    let mut track = Track::start(&sensor);
    let (mut with, mut without) = (0.0, 0.0);
    for sample in plant.batches(80) {
        let said = track.estimate(sensor.predict(&sample.row).unwrap(), Stage::End);
        with += (sample.value - said.value).powi(2);
        without += (sample.value - said.raw.value).powi(2);
        track.learn(&sensor, &[(Stage::End, said)], sample.value, sample.made);
    }
    assert!(with < 0.5 * without, "{with} of {without}");
    // Where nothing lasts it is best left alone.
    let sensor = fit(&Plant::new(5).batches(80));
    assert!(sensor.fitness().bias_share <= 0.1, "{:?}", sensor.fitness());
}

#[test]
fn a_value_helps_to_foretell_nothing_made_before_it_was_known() {
    let mut plant = Plant { stays: 0.95, moves: 2.0, ..Plant::new(4) };
    let prompt = plant.batches(80);
    let late: Vec<Sample> = (prompt.iter().cloned())
        .map(|sample| Sample { known: sample.made.plus(Duration::from_secs(28 * 3600)), ..sample })
        .collect();
    let (prompt, late) = (fit(&prompt), fit(&late));
    assert!(late.fitness().error > 1.3 * prompt.fitness().error);
    assert!(late.fitness().error_of_last > prompt.fitness().error_of_last);
    assert!(late.fitness().foretold < prompt.fitness().foretold, "the first steps had no sample");
}

#[test]
fn what_is_known_at_once_helps_only_later_ones() {
    let mut plant = Plant { stays: 0.95, moves: 2.0, ..Plant::new(4) };
    let mut samples = plant.batches(80);
    for sample in &mut samples {
        sample.known = sample.made;
    }
    let at_once = fit(&samples);
    // A laboratory value errs by 1, and nothing foretells that.
    assert!(at_once.fitness().error > 1.5, "{:?}", at_once.fitness());
}

#[test]
fn nothing_depends_on_the_unit_of_a_property() {
    let mut plant = Plant::new(10);
    let (samples, sample) = (plant.batches(80), plant.batch());
    let width = |by: f64| {
        let scaled = |sample: &Sample| Sample { value: sample.value * by, ..sample.clone() };
        let sensor = fit(&samples.iter().map(scaled).collect::<Vec<_>>());
        let said = Track::start(&sensor).estimate(sensor.predict(&sample.row).unwrap(), Stage::End);
        (said.high - said.low) / by
    };
    assert!((width(0.001) / width(1.0) - 1.0).abs() < 1e-6);
}

#[test]
fn what_samples_never_were_is_outside() {
    let mut plant = Plant::new(6);
    let sensor = fit(&plant.batches(80));
    let outside = |row: &[f64]| sensor.predict(row).unwrap().outside;
    let usual = plant.batches(200);
    let wrong = usual.iter().filter(|sample| outside(&sample.row)).count();
    assert!(wrong <= 12, "{wrong} of 200");
    let mut row = usual[0].row.clone();
    row[0] += 60.0;
    assert!(outside(&row), "a relation that broke");
    // Both courses far out, and all relations as they were.
    let far =
        |b: f64| vec![50.0 + 20.0, 0.2 + 0.01 * (4.0 - 0.5 * b), 900.0 - 30.0 * b, 7.0, -40.0, b];
    assert!(outside(&far(-4.0)), "further out than ever");
    // What is outside teaches nothing.
    let mut track = Track::start(&sensor);
    let said = track.estimate(sensor.predict(&row).unwrap(), Stage::End);
    let before = track.clone();
    track.learn(&sensor, &[(Stage::End, said)], 500.0, usual[0].made);
    assert_eq!(track, before);
}

#[test]
fn holes_are_filled_from_the_others_and_too_many_refuse() {
    let mut plant = Plant::new(7);
    let mut samples = plant.batches(80);
    for sample in samples.iter_mut().step_by(9) {
        sample.row[1] = f64::NAN;
    }
    let sensor = fit(&samples);
    assert!(sensor.fitness().error < 1.6, "{:?}", sensor.fitness());
    let (mut filled, mut as_mean) = (0.0, 0.0);
    for sample in plant.batches(60) {
        let mut row = sample.row.clone();
        row[0] = f64::NAN;
        let whole = sensor.predict(&sample.row).unwrap().value;
        filled += (sensor.predict(&row).unwrap().value - whole).powi(2);
        row[0] = 50.0;
        as_mean += (sensor.predict(&row).unwrap().value - whole).powi(2);
    }
    assert!(filled < 0.5 * as_mean, "{filled} of {as_mean}");
    assert!(sensor.predict(&[f64::NAN; 6]).is_none());
    let most = [50.0, f64::NAN, f64::NAN, 7.0, -40.0, f64::NAN];
    assert!(sensor.predict(&most).is_none(), "less than {LEAST_KNOWN} of what it goes by");
    assert!(sensor.predict(&[]).is_none(), "a row of another width");
}

#[test]
fn columns_and_samples_that_say_nothing_are_named() {
    let mut samples = Plant::new(8).batches(40);
    for (ix, sample) in samples.iter_mut().enumerate() {
        sample.row[3] = 7.0;
        if ix % 3 != 0 {
            sample.row[4] = f64::NAN;
        }
    }
    let sensor = fit(&samples);
    let told: Vec<String> =
        sensor.dropped().iter().map(|one| format!("{} {}", one.column, one.reason)).collect();
    assert_eq!(told, ["ph does not vary", "vacuum has a value in 35 % of the rows"]);
    let told = |samples: &[Sample]| SoftSensor::fit(&columns(), samples).unwrap_err().to_string();
    assert_eq!(
        told(&samples[..19]),
        "19 laboratory values have a window of the process, 20 are needed"
    );
    let mut same = samples.clone();
    for sample in &mut same {
        sample.value = 120.0;
    }
    assert_eq!(told(&same), "all laboratory values are the same");
    for sample in &mut samples {
        sample.row = vec![1.0; 6];
    }
    assert!(told(&samples).starts_with("no column can be used: `a` does not vary, `a_less_b` "));
}

#[test]
fn one_slip_of_the_laboratory_moves_little() {
    let mut plant = Plant { stays: 0.95, moves: 2.0, ..Plant::new(4) };
    let samples = plant.batches(80);
    let sensor = fit(&samples);
    let sample = plant.batch();
    let bias_after = |value: f64| {
        let mut track = Track::start(&sensor);
        let said = track.estimate(sensor.predict(&sample.row).unwrap(), Stage::End);
        track.learn(&sensor, &[(Stage::End, said)], value, sample.made);
        track.estimate(said.raw, Stage::End).value - said.value
    };
    assert!(bias_after(sample.value + 1000.0) < 20.0);
    assert!((bias_after(sample.value + 1000.0) - bias_after(sample.value + 100.0)).abs() < 1e-9);
}

#[test]
fn a_sensor_that_no_tag_helps_is_the_mean_refuses_nothing_and_is_read_back() {
    for seed in 0..8 {
        let mut plant = Plant::new(seed);
        let mut samples = plant.batches(30);
        for sample in &mut samples {
            sample.value = 120.0 + normal(&mut plant.random);
        }
        let sensor = fit(&samples);
        let bytes = sensor.to_bytes(Window::Batch);
        assert_eq!(SoftSensor::from_bytes(&bytes).unwrap(), (Window::Batch, sensor.clone()));
        if sensor.fitness().components > 0 {
            continue;
        }
        let raw = sensor.predict(&[1e6; 6]).unwrap();
        assert!(!raw.outside && (raw.value - 120.0).abs() < 1.0, "{raw:?}");
        let said = Track::start(&sensor).estimate(raw, Stage::End);
        assert!(said.low > 110.0 && said.high < 130.0, "{said:?}");
        return;
    }
    panic!("one of eight goes by no tag");
}

#[test]
fn sensor_and_track_are_the_same_when_read_back() {
    let sensor = fit(&Plant::new(9).batches(40));
    let text = serde_json::to_string(&sensor).unwrap();
    assert_eq!(serde_json::from_str::<SoftSensor>(&text).unwrap(), sensor);
    let track = Track::start(&sensor);
    let text = serde_json::to_string(&track).unwrap();
    assert_eq!(serde_json::from_str::<Track>(&text).unwrap(), track);
}

/// At least so much is asked for.
fn at_least(low: f64) -> Bounds {
    Bounds { low: Some(low), high: None }
}

#[test]
fn chances_are_what_comes_of_them() {
    // What is said, and whether it came so, over many plants of which an eighth of the batches is too weak.
    let mut said: Vec<(f64, bool)> = Vec::new();
    for seed in 0..40 {
        let mut plant = Plant::new(seed);
        let sensor = fit(&plant.batches(60));
        let mut track = Track::start(&sensor);
        for sample in plant.batches(60) {
            let estimate = track.estimate(sensor.predict(&sample.row).unwrap(), Stage::End);
            let foretold = Foretold { track: &track, said: estimate, bounds: at_least(114.0) };
            said.push((foretold.beyond(Stage::End), sample.value < 114.0));
            track.learn(&sensor, &[(Stage::End, estimate)], sample.value, sample.made);
        }
    }
    let mean = |values: &mut dyn Iterator<Item = f64>| {
        let values: Vec<f64> = values.collect();
        values.iter().sum::<f64>() / calibrate::count(values.len())
    };
    let came = |came: bool| if came { 1.0 } else { 0.0 };
    let base = mean(&mut said.iter().map(|one| came(one.1)));
    assert!((0.08..0.2).contains(&base), "{base}");
    let brier = mean(&mut said.iter().map(|one| (one.0 - came(one.1)).powi(2)));
    assert!(brier < 0.4 * base * (1.0 - base), "{brier} of {base}");
    for tenth in 0..10_u32 {
        let (from, to) = (f64::from(tenth) / 10.0, f64::from(tenth + 1) / 10.0);
        let within = |one: &&(f64, bool)| (from..to).contains(&one.0);
        let of: Vec<_> = said.iter().filter(within).collect();
        if of.len() < 60 {
            continue;
        }
        let (chance, share) =
            (mean(&mut of.iter().map(|one| one.0)), mean(&mut of.iter().map(|one| came(one.1))));
        assert!((chance - share).abs() < 0.1, "{chance} said, {share} came, of {}", of.len());
    }
}

#[test]
fn chance_of_a_batch_allows_for_errors_that_go_together() {
    let mut plant = Plant::new(2);
    let (samples, batch) = (plant.batches(80), plant.batch());
    let strength = fit(&samples);
    // One that errs just alike, and one whose errors are its own.
    let twin = strength.clone();
    let other: Vec<Sample> = samples
        .iter()
        .zip(Plant::new(77).batches(80))
        .map(|(sample, other)| Sample { row: other.row, value: other.value, ..sample.clone() })
        .collect();
    let other = fit(&other);
    let foretold = |track: &Track, sensor: &SoftSensor, row: &[f64]| {
        track.estimate(sensor.predict(row).unwrap(), Stage::End)
    };
    let tracks = [Track::start(&strength), Track::start(&twin), Track::start(&other)];
    let said = foretold(&tracks[0], &strength, &batch.row);
    // Each is as likely outside as inside.
    let one = |track| Foretold { track, said, bounds: at_least(said.value) };
    let alone = one(&tracks[0]).beyond(Stage::End);
    assert!((0.3..0.7).contains(&alone), "{alone}");
    let with_twin = any_beyond(&[one(&tracks[0]), one(&tracks[1])], Stage::End);
    let with_other = any_beyond(&[one(&tracks[0]), one(&tracks[2])], Stage::End);
    assert!((alone..alone + 0.12).contains(&with_twin), "{alone}, with a twin {with_twin}");
    let independent = 1.0 - (1.0 - alone) * (1.0 - one(&tracks[2]).beyond(Stage::End));
    assert!((with_other - independent).abs() < 0.1, "{with_other} of {independent}");
    assert!((any_beyond(&[one(&tracks[0])], Stage::End) - alone).abs() < 1e-12);
    let nothing: [Foretold<'_>; 0] = [];
    assert!(any_beyond(&nothing, Stage::End).abs() < 1e-12);
}

#[test]
fn errors_of_a_stage_are_its_own_once_there_are_enough() {
    let mut plant = Plant::new(11);
    let sensor = fit(&plant.batches(60));
    let mut track = Track::start(&sensor);
    let width = |track: &Track, stage: Stage, row: &[f64]| {
        let said = track.estimate(sensor.predict(row).unwrap(), stage);
        said.high - said.low
    };
    let last = plant.batch();
    let before = Stage::ALL.map(|stage| width(&track, stage, &last.row));
    assert!(before.iter().all(|one| (one - before[3]).abs() < 1e-12), "{before:?}");
    // At a quarter the batch is not yet what it will be.
    for sample in plant.batches(40) {
        let mut early = sample.row.clone();
        early
            .iter_mut()
            .zip(plant.batch().row)
            .for_each(|(one, other)| *one = 0.5 * (*one + other));
        let say = |row: &[f64], stage| (stage, track.estimate(sensor.predict(row).unwrap(), stage));
        let said = [say(&early, Stage::Quarter), say(&sample.row, Stage::End)];
        track.learn(&sensor, &said, sample.value, sample.made);
    }
    let after = Stage::ALL.map(|stage| width(&track, stage, &last.row));
    assert!(after[0] > 1.5 * after[3], "{after:?}");
    assert!((after[1] - after[3]).abs() < 1e-12, "nothing was said at half");
    let coverage = Stage::ALL.map(|stage| track.coverage(stage).values);
    assert_eq!((coverage[1], coverage[2]), (0, 0));
    assert!((30..=40).contains(&coverage[3]), "few are outside the range: {coverage:?}");
    // One that is fitted anew goes on from there.
    let anew = fit(&plant.batches(60));
    let followed = Track::follow(&anew, track.clone());
    assert_eq!(followed.coverage(Stage::Quarter), track.coverage(Stage::Quarter));
    assert!(
        width(&followed, Stage::Quarter, &last.row) > 1.5 * width(&followed, Stage::End, &last.row)
    );
    assert_eq!([0.0, 0.3, 0.5, 0.74, 0.75, 0.99].map(Stage::of), {
        use Stage::{Half, Quarter, ThreeQuarters};
        [Quarter, Quarter, Half, Half, ThreeQuarters, ThreeQuarters]
    });
}

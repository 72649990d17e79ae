//! What a soft sensor foretells, how sure it is of that, and what it refuses.

use super::*;
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
            let said = track.estimate(sensor.predict(&sample.row).unwrap());
            track.learn(&sensor, &said, sample.value, sample.made);
        }
        covered += track.covered;
        values += track.values;
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
        let said = track.estimate(sensor.predict(&sample.row).unwrap());
        track.learn(&sensor, &said, sample.value, sample.made);
    }
    let raw = sensor.predict(&plant.batch().row).unwrap();
    let width = |track: &Track| track.estimate(raw).high - track.estimate(raw).low;
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
        let said = track.estimate(sensor.predict(&sample.row).unwrap());
        with += (sample.value - said.value).powi(2);
        without += (sample.value - said.raw.value).powi(2);
        track.learn(&sensor, &said, sample.value, sample.made);
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
        let said = Track::start(&sensor).estimate(sensor.predict(&sample.row).unwrap());
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
    let said = track.estimate(sensor.predict(&row).unwrap());
    let before = track.clone();
    track.learn(&sensor, &said, 500.0, usual[0].made);
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
        let said = track.estimate(sensor.predict(&sample.row).unwrap());
        track.learn(&sensor, &said, value, sample.made);
        track.estimate(said.raw).value - said.value
    };
    assert!(bias_after(sample.value + 1000.0) < 20.0);
    assert!((bias_after(sample.value + 1000.0) - bias_after(sample.value + 100.0)).abs() < 1e-9);
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

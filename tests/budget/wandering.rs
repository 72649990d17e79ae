//! What tags that wander do to a model that takes their levels, and to one that takes their changes: the temperature of
//! cooling water, and a counter of energy, beside the tags of the plant.
//!
//! What was chosen was chosen on seeds from 9001 on.

use super::plant::{Change, SimulatedPlant, TAGS, spec, table};
use super::{PROMISED, mean, number, run, share};
use onspec::models::{FitSpec, Model, Online, fit};

/// Their names.
const NAMES: [&str; 2] = ["cooling_water", "energy"];

/// How far the water goes in a frame, and the noise of its thermometer, °C.
const STEP: f64 = 0.05;
const NOISE: f64 = 0.1;

/// What is used in a frame, kWh, in the mean and by how much that varies; the counter shows whole ones.
const POWER: f64 = 2.3;
const VARIES: f64 = 0.4;

/// Batches to fit, good ones to judge after them, and as many with a fault in another tag.
const FIT: usize = 40;
const JUDGED: usize = 60;

/// How far the tag is off at the least, in the faults that are looked for.
const FAULT: f64 = 2.0;

/// A plant, and the two tags.
struct Wandering {
    plant: SimulatedPlant,
    water: f64,
    energy: f64,
}

impl Wandering {
    fn new(seed: u64) -> Self {
        Self { plant: SimulatedPlant::new(seed), water: 18.0, energy: 40_000.0 }
    }

    /// The next batch, row after row: it goes on from the one before it.
    fn batch(&mut self, change: Change) -> Vec<f64> {
        let mut rows = Vec::new();
        for row in self.plant.batch(change).chunks(TAGS) {
            self.water += STEP * self.plant.normal();
            self.energy += (POWER + VARIES * self.plant.normal()).max(0.0);
            rows.extend(row);
            rows.extend([self.water + NOISE * self.plant.normal(), self.energy.floor()]);
        }
        rows
    }

    fn model(&mut self, specs: &[FitSpec; 2]) -> [Model; 2] {
        let mut table = table();
        table.columns.extend(NAMES.map(Into::into));
        for ix in 0..FIT {
            table.begin_block(ix > 0);
            table.values.extend(self.batch(Change::default()));
        }
        specs.each_ref().map(|spec| fit(&table, spec).expect("enough batches"))
    }
}

/// What one of the models said.
#[derive(Debug, Clone, Copy, Default)]
struct Said {
    /// The shares of good batches and of those with a fault that it flags.
    good: f64,
    faulty: f64,
    /// Of the two tags and of the others, those that it takes the change of.
    changes: [usize; 2],
}

/// True if a model flags a batch that follows the ones before.
fn flags(model: &Model, online: &mut Online, rows: &[f64]) -> bool {
    model.next_batch(online, 1.0);
    for row in rows.chunks(TAGS + NAMES.len()) {
        model.score(online, row);
    }
    online.ended("".into(), false).peak.expect("every frame is judged") > 1.0
}

/// With levels, and as a fit decides.
fn run_plant(seed: u64) -> [Said; 2] {
    let mut plant = Wandering::new(seed);
    let levels = NAMES.map(|name| (name.into(), false)).into();
    let specs = [FitSpec { wanders: levels, ..spec(PROMISED) }, spec(PROMISED)];
    let models = plant.model(&specs);
    let mut online = models.each_ref().map(|model| model.start(1.0));
    let mut of = [(); 2].map(|()| [const { Vec::new() }; 2]);
    for ix in 0..2 * JUDGED {
        // Good ones and others in turns: what wanders is as far for both.
        let is_faulty = ix % 2 == 1;
        let change = if is_faulty { plant.plant.fault(FAULT) } else { Change::default() };
        let rows = plant.batch(change);
        for (which, model) in models.iter().enumerate() {
            of[which][usize::from(is_faulty)].push(flags(model, &mut online[which], &rows));
        }
    }
    [0, 1].map(|which| {
        let differences = &models[which].header().differences;
        let wander = differences.iter().filter(|one| NAMES.contains(&&*one.column)).count();
        let [good, faulty] = [0, 1].map(|kind: usize| share(&of[which][kind]));
        Said { good, faulty, changes: [wander, differences.len() - wander] }
    })
}

#[test]
fn tags_that_wander_are_judged_by_their_changes() {
    let (first, plants) = (number("ONSPEC_FIRST", 1), number("ONSPEC_PLANTS", 3));
    let said = run(first, plants, run_plant);
    println!(
        "{} that wander beside {TAGS} others of {plants} plants from seed {first} on, 1 in {PROMISED} promised; shares of batches flagged, in per cent",
        NAMES.len()
    );
    let words = ["by their levels", "as a fit decides"];
    let of = [0, 1].map(|which: usize| {
        let of = |f: fn(&Said) -> f64| mean(&said.iter().map(|s| f(&s[which])).collect::<Vec<_>>());
        let changes = |ix: usize| said.iter().map(|s| s[which].changes[ix]).sum::<usize>();
        let (good, faulty) = (100.0 * of(|s| s.good), 100.0 * of(|s| s.faulty));
        println!(
            "{}: {good:.1} of good ones, {faulty:.1} of those in which another tag is {FAULT} to {} off; changes of {} of {} that wander and of {} of {} others",
            words[which],
            2.0 * FAULT,
            changes(0),
            NAMES.len() * plants,
            changes(1),
            TAGS * plants
        );
        (good, faulty, changes(0), changes(1))
    });
    let [levels, decided] = of;
    assert_eq!(levels.2 + levels.3 + decided.3, 0, "no other tag wanders");
    assert!(decided.2 >= plants, "each counter counts");
    assert!(decided.0 < levels.0 / 2.0, "see the table");
}

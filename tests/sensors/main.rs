//! Sick sensors, told from a sick process: twelve ways of being sick on the tissue machine, each on many seeds.
//!
//! `tests/sensor-faults [SEEDS [FIRST]]` runs it at length and in an optimised build; `tests/run` with one seed, after
//! few batches to learn from, and only what needs no model.

#![allow(clippy::print_stdout, reason = "the table is what is asked for")]
#![allow(clippy::disallowed_methods, reason = "how long it runs is asked for in the environment")]

mod plan;
mod trial;

use onspec::app::demo;
use plan::{KINDS, draw};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use trial::{Learned, Outcome, compare};

/// Batches of the mill without a sick sensor, for false alarms.
const SOUND_BATCHES: usize = 40;

/// What `tests/run` tries: what shows in a tag's own readings, and at once.
const SHORT: [&str; 5] = ["stuck", "spikes", "noise", "rail", "unit"];

/// What a seed gave.
struct Seed {
    outcomes: Vec<(usize, plan::Case, Outcome)>,
    false_alarms: Vec<String>,
    tag_days: f64,
}

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().expect("a number"))
}

/// True if this kind is to be tried: all are, unless some are named in the environment, between commas.
fn asked_for(kind: &str) -> bool {
    std::env::var("ONSPEC_KINDS").map_or(true, |kinds| kinds.split(',').any(|named| named == kind))
}

fn run_seed(seed: u64, long: bool) -> Seed {
    let (learning, sound_batches) = if long { (None, SOUND_BATCHES) } else { (Some(3), 3) };
    let checked = demo::tissue(learning).expect("the model case can be used");
    let line = &checked.plant.lines[0];
    let learned = Learned::new(&checked, seed);
    let sound = learned.run(None, sound_batches);
    let tags = line.tags.iter().filter(|tag| tag.role != onspec::plant::Role::Context).count();
    let tags = f64::from(u32::try_from(tags).expect("a few"));
    let outcomes = (0..KINDS.len())
        .filter(|kind| long || SHORT.contains(&KINDS[*kind]))
        .filter(|kind| asked_for(KINDS[*kind]))
        .map(|kind| {
            let case = draw(kind, seed, line);
            let sick = learned.run(Some(case), 3);
            (kind, case, compare(case, &sick, &sound))
        })
        .collect();
    Seed {
        outcomes,
        false_alarms: sound
            .unhealthy
            .iter()
            .map(|(tag, fault, at)| format!("{tag} {fault} {at}"))
            .collect(),
        tag_days: tags * f64::from(sound.seconds) / 86_400.0,
    }
}

/// Prints the table; gives the shares found, mistaken and flagged, and the false alarms a tag and day.
fn table(seeds: &[(u64, Seed)]) -> (f64, f64, f64, f64) {
    let share = |n: usize, of: usize| {
        let count = |n: usize| f64::from(u32::try_from(n).expect("some hundreds"));
        if of == 0 { 0.0 } else { count(n) / count(of) }
    };
    println!(
        "fault              cases  found in time   mistaken   batches flagged   named twice   well again   minutes"
    );
    let mut sums = [0_usize; 7];
    for (ix, kind) in KINDS.iter().enumerate() {
        let rows: Vec<&Outcome> = seeds
            .iter()
            .flat_map(|(_, seed)| &seed.outcomes)
            .filter(|(kind, ..)| *kind == ix)
            .map(|(.., outcome)| outcome)
            .collect();
        let count = |f: fn(&Outcome) -> bool| rows.iter().filter(|o| f(o)).count();
        let all = [
            rows.len(),
            count(|o| o.in_time),
            count(|o| o.mistaken),
            rows.iter().map(|o| o.flagged).sum(),
            rows.iter().map(|o| o.batches).sum(),
            count(|o| o.named > 1),
            count(|o| o.recovered),
        ];
        let mut after: Vec<f64> =
            rows.iter().filter_map(|o| o.found.as_ref().map(|f| f.0)).collect();
        after.sort_by(f64::total_cmp);
        let median = after.get(after.len() / 2).map_or("-".into(), |m| format!("{m:.1}"));
        println!(
            "{kind:<18} {:>5} {:>9} {:>16} {:>10} of {:>3} {:>13} {:>12} {median:>9}",
            all[0], all[1], all[2], all[3], all[4], all[5], all[6]
        );
        for (sum, n) in sums.iter_mut().zip(all) {
            *sum += n;
        }
    }
    let (found, mistaken) = (share(sums[1], sums[0]), share(sums[2], sums[0]));
    let flagged = share(sums[3], sums[4]);
    let tag_days: f64 = seeds.iter().map(|(_, seed)| seed.tag_days).sum();
    let alarms: usize = seeds.iter().map(|(_, seed)| seed.false_alarms.len()).sum();
    let rate = f64::from(u32::try_from(alarms).expect("a few")) / tag_days;
    println!(
        "found {:.1} % (at least 90), mistaken for the process {:.1} % (at most 5), batches flagged {:.2} % (at most 2)",
        found * 100.0,
        mistaken * 100.0,
        flagged * 100.0
    );
    println!(
        "on the sound mill {alarms} sensor.unhealthy in {tag_days:.0} tag-days: {rate:.4} a tag and day"
    );
    (found, mistaken, flagged, rate)
}

/// The cases that went wrong, one a line.
fn details(seeds: &[(u64, Seed)]) {
    for (seed, result) in seeds {
        for (kind, case, o) in &result.outcomes {
            if o.in_time
                && !o.mistaken
                && o.flagged == 0
                && o.others.is_empty()
                && o.named < 2
                && o.recovered
            {
                continue;
            }
            println!(
                "seed {seed}: {} of {} at {:.3}: {}{}{}{}{}, others {:?}",
                KINDS[*kind],
                onspec::simulate::TAGS[case.tag].name,
                case.size,
                match &o.found {
                    Some((after, fault)) => format!("{fault} after {after:.1} min"),
                    None => "not found".into(),
                },
                if o.in_time { "" } else { " LATE" },
                if o.mistaken { " MISTAKEN" } else { "" },
                if o.flagged > 0 { " FLAGGED" } else { "" },
                if o.named > 1 {
                    format!(" named {} times", o.named)
                } else if o.found.is_some() && !o.recovered {
                    " NOT RECOVERED".into()
                } else {
                    String::new()
                },
                o.others,
            );
        }
        for alarm in &result.false_alarms {
            println!("seed {seed}: false {alarm}");
        }
    }
}

#[test]
fn sick_sensors_are_told_from_a_sick_process() {
    let (first, count) = (number("ONSPEC_FIRST", 1), number("ONSPEC_SEEDS", 1));
    let long = std::env::var_os("ONSPEC_SEEDS").is_some();
    let next = AtomicU64::new(0);
    let done = Mutex::new(Vec::new());
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let ix = next.fetch_add(1, Ordering::Relaxed);
                    if ix >= count {
                        break;
                    }
                    let seed = first + ix;
                    let result = run_seed(seed, long);
                    done.lock().expect("no thread panics with it").push((seed, result));
                }
            });
        }
    });
    let mut seeds = done.into_inner().expect("no thread panicked with it");
    seeds.sort_by_key(|(seed, _)| *seed);
    details(&seeds);
    let (found, mistaken, flagged, rate) = table(&seeds);
    if long {
        assert!(found >= 0.90, "too few are found");
        assert!(mistaken <= 0.05, "too many are mistaken for the process");
        assert!(flagged <= 0.02, "too many batches are flagged");
        assert!(rate <= 0.05, "too many false alarms");
    } else {
        assert!(found >= 1.0 && mistaken <= 0.0 && flagged <= 0.0 && rate <= 0.0, "see the table");
    }
}

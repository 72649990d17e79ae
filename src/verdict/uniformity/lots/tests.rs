use super::super::fixtures::{Chance, near};
use super::*;

/// Two streams of lots, one after the other, of `batches` each, in shares of 0.4 and 0.6.
fn furnish(n: usize, streams: &[(f64, f64)], at_s: Vec<f64>) -> Furnish {
    let mut columns: Vec<Vec<f64>> = Vec::new();
    for (batches, part) in streams {
        let mut begin = 0.0;
        while begin < count(n) {
            let end = begin + batches;
            let share = |b: usize| (end.min(count(b) + 1.0) - f64::max(begin, count(b))).max(0.0);
            columns.push((0..n).map(|b| part * share(b)).collect());
            begin = end;
        }
    }
    let shares = (0..n).map(|b| {
        let whole: f64 = columns.iter().map(|column| column[b]).sum();
        columns.iter().map(|column| column[b] / whole).collect()
    });
    let lots = (0..columns.len()).map(|ix| format!("L{ix:02}").into()).collect();
    Furnish { lots, shares: shares.collect(), at_s }
}

fn evenly(n: usize) -> Vec<f64> {
    (0..n).map(|b| 1800.0 * count(b)).collect()
}

const DEVIATIONS: [f64; 3] = [5.002_977_889_158, 1.297_031_334_958, 1.297_031_334_958];

const EFFECTS: [(f64, f64, f64, f64); 11] = [
    (-1.975_347_38, -4.946_031_7, 0.995_336_935, 0.085_648_109_2),
    (2.011_419_48, -0.618_092_868, 4.640_931_83, 0.063_693_687_5),
    (-0.958_799_362, -3.599_387_7, 1.681_788_97, 0.435_426_504),
    (1.408_375_01, -0.928_324_471, 3.745_074_49, 0.164_257_661),
    (1.454_560_25, -1.092_517_39, 4.001_637_88, 0.207_161_318),
    (-2.651_844_79, -5.236_157_69, -0.067_531_899_3, 0.016_836_796_3),
    (0.483_644_869, -2.068_243_53, 3.035_533_27, 0.615_800_055),
    (0.506_822_698, -3.588_459_01, 4.602_104_41, 0.778_391_703),
    (-0.517_093_424, -4.322_873_45, 3.288_686_6, 0.781_208_94),
    (3.213_687_9, -0.539_112_167, 6.966_487_97, 0.070_645_942_4),
    (-3.473_584_89, -7.792_794_57, 0.845_624_786, 0.074_893_645_4),
];

/// Expected: `tests/oracles/uniformity.py`.
#[test]
fn effects_are_those_of_numpy() {
    let n = 30;
    let mut now = 0.0;
    let at_s = (0..n).map(|i| {
        now += 3600.0 + 600.0 * count(i).sin();
        now
    });
    let furnish = furnish(n, &[(4.6, 0.4), (8.3, 0.6)], at_s.collect());
    let added = |lot: usize| 7.0 * (2.3 * count(lot)).sin();
    let figures: Vec<f64> = (0..n)
        .map(|i| {
            let lots: f64 =
                furnish.shares[i].iter().enumerate().map(|(lot, share)| share * added(lot)).sum();
            let i = count(i);
            100.0 + 2.0 * (5.3 * i * i).sin() + 3.0 * (0.15 * i).sin() + lots
        })
        .collect();
    let found = furnish.effects(&figures).unwrap();
    assert_eq!(found.lots.len(), EFFECTS.len());
    for (lot, (effect, low, high, p)) in found.lots.iter().zip(EFFECTS) {
        near(lot.effect, effect);
        near(lot.low, low);
        near(lot.high, high);
        near(lot.p.unwrap(), p);
    }
    let deviations = [found.lots_deviation, found.drift_deviation, found.rest_deviation];
    for (found, expected) in deviations.into_iter().zip(DEVIATIONS) {
        near(found, expected);
    }
}

#[test]
fn too_little_says_nothing() {
    let few = furnish(7, &[(3.0, 1.0)], evenly(7));
    assert_eq!(few.effects(&[1.0, 2.0, 3.0, 1.0, 2.0, 3.0, 1.0]), None);
    let flat = furnish(12, &[(3.0, 1.0)], evenly(12));
    assert_eq!(flat.effects(&[5.0; 12]), None);
    // A lot of two batches has an effect, with a wide interval, and is not accused.
    let two = furnish(14, &[(2.0, 1.0)], evenly(14));
    let figures: Vec<f64> =
        (0..14_u8).map(|b| if b < 2 { 90.0 } else { f64::from(b % 3) }).collect();
    let mut found = two.effects(&figures).unwrap();
    adjust(found.lots.iter_mut());
    assert!(found.lots.iter().all(|lot| lot.p.is_none() && !lot.differs));
}

#[test]
fn a_lot_that_was_all_there_was_at_its_time_can_hardly_be_told_from_it() {
    // Two lots of 30 batches each, and a level that swings slowly, or chance alone.
    let n = 60;
    let furnish = furnish(n, &[(30.0, 1.0)], evenly(n));
    let mut chance = Chance::new(3);
    let mut confounded = |swing: f64| {
        let figures: Vec<f64> =
            (0..n).map(|b| swing * (0.15 * count(b)).sin() + 0.5 * chance.normal()).collect();
        furnish.effects(&figures).unwrap().lots.iter().all(|lot| lot.confounded)
    };
    assert!(confounded(6.0) && !confounded(0.0));
}

#[test]
fn looking_at_many_is_corrected_for() {
    let lot = |p: Option<f64>| LotEffect {
        lot: "L".into(),
        batches: 9,
        share: 1.0,
        effect: 1.0,
        low: 0.0,
        high: 2.0,
        of_tolerance: None,
        p,
        p_adjusted: None,
        differs: false,
        worse: None,
        confounded: false,
    };
    let mut lots = [0.04, 0.008, 0.006].map(|p| lot(Some(p))).to_vec();
    lots.push(lot(None));
    adjust(lots.iter_mut());
    let adjusted: Vec<_> = lots.iter().map(|lot| (lot.p_adjusted, lot.differs)).collect();
    let expected = [(Some(0.04), false), (Some(0.018), true), (Some(0.018), true), (None, false)];
    for (found, expected) in adjusted.into_iter().zip(expected) {
        assert_eq!(found.1, expected.1);
        assert_eq!(found.0.is_some(), expected.0.is_some());
        near(found.0.unwrap_or(0.0), expected.0.unwrap_or(0.0));
    }
}

/// What there is between batches beside lots: chance alone, or half of the variance with a memory of this share from batch
/// to batch, or a slow wave.
#[derive(Debug, Clone, Copy)]
enum Drift {
    None,
    Memory(f64),
    Wave,
}

impl Drift {
    /// Of variance 1 each.
    fn make(self, n: usize, chance: &mut Chance) -> Vec<f64> {
        let half = 0.5_f64.sqrt();
        match self {
            Self::None => (0..n).map(|_| chance.normal()).collect(),
            Self::Memory(memory) => {
                let mut level = chance.normal();
                let mut next = || {
                    level = memory * level + (1.0 - memory * memory).sqrt() * chance.normal();
                    half * level + half * chance.normal()
                };
                (0..n).map(|_| next()).collect()
            }
            Self::Wave => {
                let (length, begin) = (20.0 + 40.0 * chance.unit(), 60.0 * chance.unit());
                let wave = |b: usize| (std::f64::consts::TAU * (count(b) + begin) / length).sin();
                (0..n).map(|b| wave(b) + half * chance.normal()).collect()
            }
        }
    }
}

const DRIFTS: [Drift; 4] = [Drift::None, Drift::Memory(0.5), Drift::Memory(0.9), Drift::Wave];

#[test]
fn innocent_lots_are_seldom_accused() {
    for n in [60] {
        for drift in DRIFTS {
            let runs = 60;
            let mut accused = 0;
            // Seeds that nothing was chosen by.
            for seed in 7000..7000 + runs {
                let mut chance = Chance::new(seed);
                let streams = [(8.0 + 8.0 * chance.unit(), 0.4), (4.0 + 4.0 * chance.unit(), 0.6)];
                let furnish = furnish(n, &streams, evenly(n));
                let figures = drift.make(n, &mut chance);
                let mut found = furnish.effects(&figures).unwrap();
                adjust(found.lots.iter_mut());
                accused += usize::from(found.lots.iter().any(|lot| lot.differs));
            }
            println!(
                "no lot has an effect, {n} batches, {drift:?}: accused in {accused} of {runs}"
            );
            // One in twenty, and what 60 runs may be off.
            assert!(accused <= 6, "{accused}");
        }
    }
}

#[test]
fn a_lot_that_makes_trouble_is_found_by_enough_batches() {
    for (drift, least) in [(Drift::None, [0, 1, 5]), (Drift::Memory(0.9), [0, 0, 0])] {
        for ((of_lot, n), least) in [(5, 60), (10, 80), (20, 120)].into_iter().zip(least) {
            let runs = 16;
            let (mut found_it, mut first, mut innocent) = (0, 0, 0);
            for seed in 0..runs {
                let mut chance = Chance::new(1000 + seed);
                let furnish = furnish(n, &[(count(of_lot), 1.0)], evenly(n));
                let lot = n / of_lot / 2;
                let figures: Vec<f64> = drift
                    .make(n, &mut chance)
                    .iter()
                    .zip(&furnish.shares)
                    .map(|(figure, shares)| figure + shares[lot])
                    .collect();
                let mut found = furnish.effects(&figures).unwrap();
                adjust(found.lots.iter_mut());
                let p = |lot: &LotEffect| lot.p.unwrap_or(1.0);
                let most = found.lots.iter().min_by(|a, b| p(a).total_cmp(&p(b))).unwrap();
                first += u32::from(most.lot == found.lots[lot].lot);
                found_it += u32::from(found.lots[lot].differs);
                let others = found.lots.iter().enumerate().filter(|(ix, _)| *ix != lot);
                innocent += u32::from(others.into_iter().any(|(_, lot)| lot.differs));
            }
            println!(
                "a lot that adds one deviation, {of_lot} of {n} batches, {drift:?}: found in {found_it} of {runs}, the most different in {first}, another accused in {innocent}"
            );
            assert!(found_it >= least && innocent <= 3, "{found_it} {innocent}");
        }
    }
}

#[test]
fn intervals_of_effects_hold_the_truth_as_often_as_they_say() {
    for of_lots in [0.5, 1.0] {
        for drift in DRIFTS {
            let (mut held, mut all, mut false_alarm) = (0.0, 0.0, 0.0);
            for seed in 0..12 {
                let mut chance = Chance::new(500 + seed);
                let furnish = furnish(80, &[(6.0, 1.0)], evenly(80));
                let added: Vec<f64> =
                    furnish.lots.iter().map(|_| of_lots * chance.normal()).collect();
                let figures: Vec<f64> = drift
                    .make(80, &mut chance)
                    .iter()
                    .zip(&furnish.shares)
                    .map(|(figure, row)| {
                        figure
                            + row
                                .iter()
                                .zip(&added)
                                .map(|(share, added)| share * added)
                                .sum::<f64>()
                    })
                    .collect();
                for (lot, added) in furnish.effects(&figures).unwrap().lots.iter().zip(added) {
                    all += 1.0;
                    held += if lot.low <= added && added <= lot.high { 1.0 } else { 0.0 };
                    false_alarm += if lot.low > 0.0 || lot.high < 0.0 { 1.0 } else { 0.0 };
                }
            }
            let share = held / all;
            println!(
                "effects of deviation {of_lots}, {drift:?}: {share:.3} of the intervals hold them ({:.3} leave nought out)",
                false_alarm / all
            );
            assert!((0.86..=0.995).contains(&share), "{share}");
        }
    }
}

use super::fixtures::{Chance, near};
use super::*;

fn sample(n: i64, grade: &str, lot: &str) -> Sample {
    Sample {
        line: "tm3".into(),
        grade: Some(grade.into()),
        started: Timestamp::from_millis(n * 1_800_000).unwrap(),
        off_spec: Some(false),
        properties: Vec::new(),
        profiles: Vec::new(),
        lots: vec![(lot.into(), 1.0)],
    }
}

fn tag(mean: f64, values: Vec<f64>, fast: f64) -> Property {
    Property {
        name: "basis_weight".into(),
        laboratory: false,
        unit: "g/m2".into(),
        aim: Aim { low: Some(14.4), target: Some(15.0), high: Some(15.6) },
        mean,
        values,
        fast: Some(fast),
    }
}

/// Forty batches, ten a lot; the third lot is half a gram heavy, the second swings twice as much within batches.
fn batches() -> Vec<Sample> {
    let mut chance = Chance::new(11);
    (0..40_u8)
        .map(|n| {
            let lot = ["A", "B", "C", "D"][usize::from(n / 10)];
            let level = 15.0 + 0.1 * chance.normal() + if lot == "C" { 0.5 } else { 0.0 };
            let swing = 0.1 * if lot == "B" { 2.0 } else { 1.0 };
            let values: Vec<f64> = (0..40).map(|_| level + swing * chance.normal()).collect();
            let mean = values.iter().sum::<f64>() / 40.0;
            let scans = |scans, md| ScansOfBatch {
                profile: "web".into(),
                unit: "g/m2".into(),
                scans,
                md,
                cd: 0.04,
                residual: 0.16,
            };
            Sample {
                properties: vec![tag(mean, values, swing * swing)],
                profiles: vec![if n == 0 { scans(10, 0.05) } else { scans(30, 0.01) }],
                ..sample(n.into(), "facial-15", lot)
            }
        })
        .collect()
}

#[test]
fn parts_are_told_by_grade_and_profiles_are_put_together_by_their_scans() {
    let mut samples = batches();
    samples.push(sample(99, "towel-21", "A"));
    let told = Uniformity::of(&samples, Apart::Grade, (41, 90));
    assert_eq!((told.read, told.stored, told.grades.len()), (41, 90, 2));
    let [of, other] = &told.grades[..] else { panic!("{told:?}") };
    assert_eq!((of.batches, other.batches, other.properties.len()), (40, 1, 0));
    let parts = &of.properties[0];
    assert_eq!((parts.batches, parts.laboratory), (40, false));
    let [between, slow, fast] = [parts.between, parts.slow, parts.fast].map(Option::unwrap);
    // 0.1 within lots, and a quarter of the batches 0.5 away.
    assert!((0.2..0.32).contains(&between.deviation), "{between:?}");
    assert!((0.11..0.15).contains(&slow.deviation) && (0.11..0.15).contains(&fast.deviation));
    near([between, slow, fast].iter().filter_map(|part| part.share).sum::<f64>(), 1.0);
    near(parts.total.unwrap().powi(2), between.variance + slow.variance + fast.variance);
    let web = &of.profiles[0];
    assert_eq!((web.batches, web.scans), (40, 1180));
    near(web.md.variance, (10.0 * 0.05 + 1170.0 * 0.01) / 1180.0);
    near(web.cd.share.unwrap(), 0.04 / (0.2 + web.md.variance));
}

#[test]
fn lots_that_differ_are_named_for_mean_and_for_what_is_within() {
    let told = Uniformity::of(&batches(), Apart::Lot, (40, 40));
    let of = &told.grades[0];
    assert_eq!(of.batches_with_lots, 40);
    let [mean, within] = &of.lots[..] else { panic!("{:?}", of.lots) };
    assert_eq!((mean.figure, within.figure), (Figure::Mean, Figure::Within));
    let differ = |of: &LotsOf| -> Vec<String> {
        of.lots.iter().filter(|lot| lot.differs).map(|lot| lot.lot.to_string()).collect()
    };
    assert_eq!((differ(mean), differ(within)), (vec!["C".into()], vec!["B".into()]));
    let heavy = &mean.lots[0];
    assert!(heavy.low > 0.0 && (0.2..0.6).contains(&heavy.effect), "{heavy:?}");
    near(heavy.of_tolerance.unwrap(), heavy.effect / 0.6);
    assert_eq!((heavy.worse, heavy.batches), (Some(true), 10));
    let swings = &within.lots[0];
    // Twice as much as the others, of which one in four is it.
    assert!((0.3..1.2).contains(&swings.effect), "{swings:?}");
    let lots: Vec<_> = of.by_lot.iter().map(|of| (&*of.lot, of.batches)).collect();
    assert_eq!(lots, [("A", 10), ("B", 10), ("C", 10), ("D", 10)]);
    let slow = |ix: usize| of.by_lot[ix].properties[0].slow.unwrap().deviation;
    assert!(slow(1) > 1.5 * slow(0));
}

#[test]
fn what_is_found_off_spec_is_told_only_where_counts_say_it_as_well() {
    let with = |bad: &[i64]| -> Vec<Sample> {
        let lot = |n: i64| ["A", "B", "C", "D", "E"][usize::try_from(n / 10).unwrap()];
        let one = |n| Sample { off_spec: Some(bad.contains(&n)), ..sample(n, "g", lot(n)) };
        (0..50).map(one).collect()
    };
    let found = |bad: &[i64]| {
        let told = Uniformity::of(&with(bad), Apart::Grade, (50, 50));
        told.grades[0].lots.first().map(|of| of.lots[0].clone())
    };
    assert_eq!(found(&[20, 21, 22, 23]), None, "four bad ones are too few");
    let most = found(&[3, 20, 22, 23, 24, 26, 27, 29]).unwrap();
    assert!(&*most.lot == "C" && most.differs && most.worse == Some(true), "{most:?}");
    let innocent = found(&[3, 14, 20, 22, 31, 45]).unwrap();
    assert!(!innocent.differs, "{innocent:?}");
    // scipy.stats.hypergeom(50, 8, 10).sf(6), twice, and of both tails the smaller.
    near(exact((7, 10), (8, 50)), 2.0 * (120.0 * 40.0 + 45.0) / 536_878_650.0);
    near(exact((0, 10), (0, 50)), 1.0);
}

#[test]
fn what_is_worse_is_what_is_further_from_the_aim() {
    let aim = |low, target, high| Aim { low, target, high };
    let both = aim(Some(14.4), None, Some(15.6));
    near(both.tolerance().unwrap(), 0.6);
    assert_eq!(both.is_worse(15.2, 0.1), Some(true));
    assert_eq!(both.is_worse(15.2, -0.1), Some(false));
    let low = aim(Some(120.0), None, None);
    assert_eq!((low.tolerance(), low.is_worse(140.0, -1.0)), (None, Some(true)));
    assert_eq!(aim(None, None, Some(5.0)).is_worse(4.0, -1.0), Some(false));
    assert_eq!(aim(Some(120.0), Some(140.0), None).tolerance(), Some(20.0));
    assert_eq!((Aim::default().tolerance(), Aim::default().is_worse(1.0, 1.0)), (None, None));
}

use super::super::Place;
use super::*;

fn at(scan: u32) -> Timestamp {
    Timestamp::from_nanos(i64::from(scan) * 25_000_000_000)
}

/// Scan `n` of a web of boxes: it rises from scan to scan and back, and has a shape and a noise of its own.
fn web(n: u32, boxes: u32) -> Vec<f64> {
    (0..boxes)
        .map(|ix| {
            let noise = f64::from((n * 7919 + ix * 104_729) % 101) / 1000.0;
            15.0 + 0.1 * f64::from(n % 2) + 0.2 * f64::from(ix % 4) + noise
        })
        .collect()
}

fn scan(n: u32, values: &[f64]) -> Scan<'_> {
    Scan { at: at(n), values, positions: None, product: Some("R1"), on_sheet: true }
}

#[track_caller]
fn counted(outcome: Outcome) -> (Statistics, bool, bool) {
    let (taken, left_out) = taken(outcome);
    assert_eq!(left_out, None);
    taken
}

#[track_caller]
fn taken(outcome: Outcome) -> ((Statistics, bool, bool), Option<LeftOut>) {
    let Outcome::Taken(taken) = outcome else { panic!("{outcome:?}") };
    ((taken.statistics, taken.streak, taken.cleared), taken.left_out)
}

#[test]
fn variances_come_with_the_scans_of_one_product() {
    let (mut monitor, declared) = (Monitor::default(), Profile::named("weight"));
    for n in 0..200 {
        let (found, ..) = counted(monitor.take(&declared, &scan(n, &web(n, 40))));
        assert_eq!(found.two_sigma_cd.is_some(), n >= 4, "after {n}");
        assert_eq!(found.scans, (n as usize + 1).min(40));
    }
    let last = monitor.last().unwrap().clone();
    // Two levels 0.1 apart, four 0.2 apart, and 101 values from 0 to 0.1: what they vary by.
    let near = |found: Option<f64>, sd: f64| (found.unwrap() / (2.0 * sd) - 1.0).abs() < 0.1;
    assert!(near(last.two_sigma_md, 0.05), "{last:?}");
    assert!(near(last.two_sigma_cd, 0.224), "{last:?}");
    assert!(near(last.two_sigma_residual, 0.029), "{last:?}");
    // The next reel begins anew.
    let values = web(200, 40);
    let next = Scan { product: Some("R2"), ..scan(200, &values) };
    assert_eq!(counted(monitor.take(&declared, &next)).0.two_sigma_md, None);
    // Displays call something else so.
    let display = Profile { variance: VarianceForm::Scan, ..declared };
    let (found, ..) = counted(monitor.take(&display, &scan(201, &web(201, 40))));
    assert_eq!((found.two_sigma_md, found.two_sigma_residual), (None, None));
    assert!(near(found.two_sigma_cd, 0.224), "{found:?}");
}

#[test]
fn what_says_nothing_is_not_counted() {
    let (mut monitor, declared) = (Monitor::default(), Profile::named("weight"));
    let values = web(1, 40);
    let of = |n: u32| scan(n, &values);
    counted(monitor.take(&declared, &of(10)));
    assert_eq!(monitor.take(&declared, &of(10)), Outcome::Repeated);
    let off = Scan { on_sheet: false, ..of(11) };
    assert_eq!(monitor.take(&declared, &off), Outcome::Nothing(LeftOut::OffSheet));
    assert_eq!(monitor.take(&declared, &off), Outcome::Repeated);
    let half: Vec<f64> = (0..40).map(|ix| if ix % 2 == 0 { 15.0 } else { f64::NAN }).collect();
    assert_eq!(monitor.take(&declared, &scan(13, &half)), Outcome::Nothing(LeftOut::FewBoxes));
    assert_eq!(monitor.last().unwrap().scans, 1);
    assert_eq!(monitor.pictures().len(), 1);
    // What came before is known after others as well.
    counted(monitor.take(&declared, &of(14)));
    assert_eq!(monitor.take(&declared, &of(10)), Outcome::Repeated);
}

#[test]
fn paper_that_is_not_judged_says_what_it_says_by_itself() {
    let (mut monitor, declared) = (Monitor::default(), Profile::named("weight"));
    let values = web(1, 40);
    for n in 10..30 {
        counted(monitor.take(&declared, &scan(n, &values)));
    }
    let before = monitor.clone();
    let late = scan(5, &values);
    let ((found, ..), why) = taken(monitor.take(&declared, &late));
    assert_eq!((why, found.at, found.scans), (Some(LeftOut::Late), at(5), 0));
    assert_eq!((found.two_sigma_md, monitor.last()), (None, before.last()));
    assert!((found.mean - before.last().unwrap().mean).abs() < 1e-9);
    // Nobody makes a product: the paper is seen all the same, and nothing is said of the product.
    let nothing = Scan { product: None, ..scan(31, &values) };
    let ((found, ..), why) = taken(monitor.take(&declared, &nothing));
    assert_eq!((why, found.scans, found.two_sigma_md), (Some(LeftOut::NothingMade), 0, None));
    assert_eq!((monitor.pictures().len(), monitor.rows.len()), (21, 20));
}

#[test]
fn one_scan_of_other_boxes_is_a_slip_and_two_are_a_change() {
    let declared = Profile { edge: 0, ..Profile::named("weight") };
    let whole = web(1, 40);
    let mut narrow = whole.clone();
    narrow[..10].fill(0.0);
    // So many of those that came before are kept after each scan, and why one was left out.
    let check = |others: &[(&[f64], Option<&[f64]>)], expected: &[(usize, Option<LeftOut>)]| {
        let mut monitor = Monitor::default();
        let places: Vec<f64> = (0..40).map(|ix| f64::from(ix) * 10.0).collect();
        let sends = others.iter().any(|(_, positions)| positions.is_some());
        for n in 0..10 {
            let positions = sends.then_some(&places[..]);
            counted(monitor.take(&declared, &Scan { positions, ..scan(n, &whole) }));
        }
        let found: Vec<(usize, Option<LeftOut>)> = (10..)
            .zip(others)
            .map(|(n, (values, positions))| {
                let scan = Scan { positions: *positions, ..scan(n, values) };
                let (_, why) = taken(monitor.take(&declared, &scan));
                (monitor.rows.len(), why)
            })
            .collect();
        assert_eq!(found, expected);
    };
    let (slip, width) = ((10, Some(LeftOut::OtherBoxes)), (10, Some(LeftOut::OtherWidth)));
    check(&[(&whole[1..], None), (&whole, None)], &[slip, (11, None)]);
    check(&[(&whole[1..], None), (&whole[1..], None)], &[slip, (1, None)]);
    check(&[(&narrow, None), (&whole, None)], &[width, (11, None)]);
    check(&[(&narrow, None), (&narrow, None)], &[width, (1, None)]);
    // A head that measures where it is: never twice the same, and the same boxes.
    let near: Vec<f64> = (0..40).map(|ix| f64::from(ix) * 10.0 + f64::from(ix % 3)).collect();
    let far: Vec<f64> = near.iter().map(|place| place + 6.0).collect();
    check(&[(&whole, Some(&near)), (&whole, Some(&near))], &[(11, None), (12, None)]);
    check(&[(&whole, Some(&far)), (&whole, Some(&near))], &[slip, (11, None)]);
}

#[test]
fn places_are_those_that_are_sent_or_declared_or_counted() {
    let mut values = web(0, 10);
    values[7] = 17.0;
    let one = Profile { edge: 0, target: Some(15.0), ..Profile::named("weight") };
    let worst = |declared: &Profile, positions: Option<&[f64]>| {
        let scan = Scan { positions, ..scan(1, &values) };
        let mut monitor = Monitor::default();
        // A box that stays is no spike.
        monitor.take(declared, &Scan { at: at(0), ..scan });
        let (found, ..) = counted(monitor.take(declared, &scan));
        (found.worst_position, (found.edge_first, found.edge_last), monitor.zones(declared)[1])
    };
    assert_eq!(worst(&one, None), (8.0, (1.0, 10.0), (2.0, 2.0)));
    let declared = Profile { boxes: Some((5.0, 10.0)), ..one.clone() };
    assert_eq!(worst(&declared, None), (75.0, (5.0, 95.0), (15.0, 15.0)));
    let sent: Vec<f64> = (0..10).map(|ix| f64::from(ix) * 20.0).collect();
    assert_eq!(worst(&declared, Some(&sent)), (140.0, (0.0, 180.0), (20.0, 20.0)));
}

#[test]
fn shape_is_told_by_tilt_and_edges() {
    let declared = Profile { edge: 0, ..Profile::named("moisture") };
    let of = |value: fn(f64) -> f64| {
        let values: Vec<f64> = (0..101).map(|ix| value(f64::from(ix) / 100.0)).collect();
        let (found, ..) = counted(Monitor::default().take(&declared, &scan(1, &values)));
        (found.tilt, found.edge_difference)
    };
    let near = |(a, b): (f64, f64), (x, y): (f64, f64)| {
        assert!((a - x).abs() < 0.02 && (b - y).abs() < 0.02, "{a} {b}");
    };
    near(of(|x| 5.0 + x), (1.0, 0.0));
    // A frown: the edges are drier, by 0.6 where boxes are narrow.
    near(of(|x| 6.0 - (2.0 * x - 1.0).powi(2)), (0.0, -0.6));
}

#[test]
fn a_streak_is_told_once_and_cleared_once_across_reels() {
    let (mut monitor, declared) = (Monitor::default(), Profile::named("weight"));
    let (mut told, mut cleared) = (Vec::new(), Vec::new());
    for n in 0..240 {
        let mut values: Vec<f64> =
            web(n, 200).iter().map(|value| 15.0 + (value - 15.0) / 10.0).collect();
        if (60..140).contains(&n) {
            values[80..84].iter_mut().for_each(|value| *value += 0.2);
        }
        let product = format!("R{}", n / 50);
        let scan = Scan { product: Some(&product), ..scan(n, &values) };
        let (found, new, gone) = counted(monitor.take(&declared, &scan));
        if new {
            told.push(n);
            let [Place { from: first, to: last, deviation }] = found.streaks[..] else {
                panic!("{found:?}")
            };
            assert!((79.0..=83.0).contains(&first) && (82.0..=86.0).contains(&last), "{found:?}");
            assert!(deviation > 0.1);
        }
        if gone {
            cleared.push(n);
        }
    }
    let ([told], [cleared]) = (&told[..], &cleared[..]) else { panic!("{told:?} {cleared:?}") };
    assert!((61..90).contains(told) && (141..200).contains(cleared), "{told} {cleared}");
}

#[test]
fn a_streak_is_gone_when_the_boxes_are_others() {
    let (mut monitor, declared) = (Monitor::default(), Profile::named("weight"));
    for n in 0..60 {
        let flat = web(n, 200).into_iter().map(|value| 15.0 + (value - 15.0) / 10.0);
        let mut values: Vec<f64> = flat.collect();
        values[80..84].iter_mut().for_each(|value| *value += 0.2);
        counted(monitor.take(&declared, &scan(n, &values)));
    }
    assert_eq!(monitor.last().unwrap().streaks.len(), 1);
    // Once is a slip.
    let ((_, _, cleared), _) = taken(monitor.take(&declared, &scan(60, &web(60, 100))));
    assert!(!cleared);
    let (found, _, cleared) = counted(monitor.take(&declared, &scan(61, &web(61, 100))));
    assert_eq!((found.streaks.len(), cleared), (0, true));
}

#[test]
fn what_is_kept_of_a_profile_is_bounded_and_kept_across_a_checkpoint() {
    let (mut monitor, declared) = (Monitor::default(), Profile::named("weight"));
    let mut sizes = Vec::new();
    for n in 0..300 {
        monitor.take(&declared, &scan(n, &web(n, 600)));
        let bytes = rmp_serde::to_vec_named(&monitor).unwrap();
        sizes.push(bytes.len());
        if n == 100 {
            let again: Monitor = rmp_serde::from_slice(&bytes).unwrap();
            assert_eq!(rmp_serde::to_vec_named(&again).unwrap(), bytes);
            monitor = again;
        }
    }
    assert!(
        sizes[299] < 130_000 && sizes[299] <= sizes[150] + 1000,
        "{} {}",
        sizes[150],
        sizes[299]
    );
    assert_eq!((monitor.zones(&declared).len(), monitor.pictures().len()), (60, 60));
}

#[test]
fn a_reason_is_written_as_its_words() {
    for reason in LeftOut::ALL {
        assert_eq!(serde_json::to_value(reason).unwrap(), reason.as_str());
    }
}

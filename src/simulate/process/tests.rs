use super::super::grades::GRADES;
use super::*;
use proptest::prelude::*;

fn sound(process: &mut Process, seconds: u32) {
    run(process, &Wrong::default(), seconds);
}

fn run(process: &mut Process, wrong: &Wrong, seconds: u32) {
    let grade = &GRADES[0];
    let orders = Orders { grade, sets: &grade.recipe, sheet: true, automatic: true };
    for _ in 0..seconds {
        process.step(wrong, orders);
    }
}

fn process(seed: u64) -> Process {
    Process::new(Arc::new(Mill::draw(seed)), seed, &GRADES[0])
}

/// The mean of a number over some minutes under a fault, less the same without it.
#[track_caller]
fn effect(wrong: &Wrong, of: impl Fn(&Process) -> f64) -> f64 {
    let mean = |wrong: &Wrong| {
        let mut process = process(5);
        run(&mut process, wrong, 2400);
        let mut sum = 0.0;
        for _ in 0..600 {
            run(&mut process, wrong, 1);
            sum += of(&process);
        }
        sum / 600.0
    };
    mean(wrong) - mean(&Wrong::default())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    /// Fibre and water balance in every second, whatever is wrong, ordered or broken.
    #[test]
    fn fibre_and_water_balance_in_every_second(
        seed in 0_u64..1000,
        sizes in prop::array::uniform13(0.0_f64..1.0),
        grades in prop::array::uniform4(0_usize..3),
        broken in prop::array::uniform4(any::<bool>()),
    ) {
        let mut process = process(seed);
        let [a, b, c, d, e, f, g, h, i, j, k, l, m] = sizes;
        let wrong = Wrong {
            consistency_error: 0.6 * a - 0.3, plates: 0.4 * b, blade: 3.0 * c, adhesive: d,
            flooding: 0.45 * e, burner: 300.0 * f, felt: 1.8 * g, pressure_error: 0.4 * h - 0.2,
            broke: 0.4 * i, window: 0.09 * j, pulp: 0.32 * k, resin: 0.65 * l, stiction: 2.4 * m,
        };
        let mut held = process.balance.held;
        for (grade, broken) in grades.into_iter().zip(broken) {
            let grade = &GRADES[grade];
            let orders =
                Orders { grade, sets: &grade.recipe, sheet: !broken, automatic: !broken };
            for _ in 0..150 {
                process.step(&wrong, orders);
                let balance = process.balance;
                let in_less_out = balance.fed - balance.made - balance.lost;
                let grew = balance.held - held;
                prop_assert!((in_less_out - grew).abs() < 1e-8, "{in_less_out} and {grew}");
                let [comes, into_air, stays] = balance.water;
                prop_assert!((comes - into_air - stays).abs() < 1e-9);
                prop_assert!(balance.made > 0.0 && comes > 0.0 && stays > 0.0);
                let values = process.seen.iter().all(|value| value.is_finite());
                prop_assert!(values, "{:?}", process.seen);
                held = balance.held;
            }
        }
    }
}

#[test]
fn a_sound_machine_makes_what_it_is_set_to() {
    for (seed, grade) in GRADES.iter().enumerate() {
        let seed = u64::try_from(seed).unwrap() + 20;
        let mut process = Process::new(Arc::new(Mill::draw(seed)), seed, grade);
        let orders = Orders { grade, sets: &grade.recipe, sheet: true, automatic: true };
        for second in 0..3600 {
            process.step(&Wrong::default(), orders);
            let outside = grade.limits.outside(&process.product);
            assert!(!outside.contains(&true), "{} at {second}: {:?}", grade.name, process.product);
        }
    }
}

#[test]
fn the_basis_weight_loop_hides_a_consistency_sensor_that_drifts() {
    let wrong = Wrong { consistency_error: 0.2, ..Wrong::default() };
    assert!(effect(&wrong, |p| p.product.basis_weight).abs() < 0.1);
    assert!(effect(&wrong, |p| p.seen[tag::SOFTWOOD_CONSISTENCY]).abs() < 0.03);
    assert!(effect(&wrong, |p| p.product.tensile_md) > 10.0);
    assert!(effect(&wrong, |p| p.seen[tag::STOCK_FLOW]) > 60.0, "more stock for the same fibre");
}

#[test]
fn a_dirty_window_makes_the_paper_heavy_and_reads_as_ever() {
    let wrong = Wrong { window: 0.05, ..Wrong::default() };
    assert!(effect(&wrong, |p| p.seen[tag::BASIS_WEIGHT]).abs() < 0.1);
    assert!(effect(&wrong, |p| p.product.basis_weight) > 0.6);
    assert!(effect(&wrong, |p| p.seen[tag::STOCK_FLOW]) > 100.0);
}

#[test]
fn worn_plates_draw_their_power_and_only_the_laboratory_sees_the_strength() {
    let wrong = Wrong { plates: 0.25, ..Wrong::default() };
    assert!(effect(&wrong, |p| p.seen[tag::REFINER_POWER]).abs() < 1.0);
    assert!(effect(&wrong, |p| p.product.tensile_md) < -25.0);
    assert!(effect(&wrong, |p| p.seen[tag::FREENESS]) > 30.0, "the sampler sees it, every 5 min");
}

#[test]
fn weak_resin_shows_in_no_tag() {
    let wrong = Wrong { resin: 0.5, ..Wrong::default() };
    assert!(effect(&wrong, |p| p.product.wet_tensile_cd) < -4.0);
    let mut with = process(6);
    let mut without = process(6);
    run(&mut with, &wrong, 300);
    sound(&mut without, 300);
    for (tag, (with, without)) in TAGS.iter().zip(with.seen.iter().zip(&without.seen)) {
        assert!((with - without).abs() < 1e-12, "{}", tag.name);
    }
}

#[test]
fn flooding_is_answered_with_steam_until_the_valve_is_open() {
    let steam = |flooding| {
        let wrong = Wrong { flooding, ..Wrong::default() };
        (effect(&wrong, |p| p.seen[tag::STEAM_PRESSURE]), effect(&wrong, |p| p.product.moisture))
    };
    let (little, dry) = steam(0.06);
    assert!(little > 0.3 && dry.abs() < 0.3, "{little} bar, {dry} %");
    let (much, wet) = steam(0.4);
    assert!(much > little && wet > 1.5, "{much} bar, {wet} %");
}

#[test]
fn a_jet_that_is_slower_than_it_seems_shows_in_the_flow_only() {
    let wrong = Wrong { pressure_error: 0.1, ..Wrong::default() };
    assert!(effect(&wrong, |p| p.seen[tag::HEADBOX_PRESSURE]).abs() < 1e-6);
    assert!(effect(&wrong, |p| p.seen[tag::JET_WIRE_RATIO]).abs() < 1e-9);
    assert!(effect(&wrong, |p| p.seen[tag::HEADBOX_FLOW]) < -3.0);
    assert!(effect(&wrong, |p| p.product.tensile_md) > 12.0);
}

#[test]
fn what_is_torn_comes_back_as_broke() {
    let grade = &GRADES[0];
    let mut process = process(9);
    let before = process.stock.tower_kg();
    let orders = Orders { grade, sets: &grade.recipe, sheet: false, automatic: false };
    for _ in 0..600 {
        process.step(&Wrong::default(), orders);
    }
    // 130 kg/min made, about 10 taken.
    assert!(process.stock.tower_kg() - before > 1000.0);
}

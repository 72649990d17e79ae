use super::*;
use crate::batch::{Made, PersonsWord};
use crate::plant::SpecLimit;
use crate::verdict::decision::tests::costs;
use crate::verdict::{Advice, Prospect, Sign, Standing, decide};
use Call::{AtRisk, OffSpec, OnSpec, Unknown};

fn at(s: i64) -> Timestamp {
    Timestamp::from_nanos(s * 1_000_000_000)
}

struct Bench {
    batch: Batch,
    grade: Grade,
    judge: Judge,
    second: i64,
    said: Vec<String>,
    expected: Option<f64>,
    model: bool,
    steady: bool,
    strange: Option<Arc<str>>,
    movers: Vec<Mover>,
    transits: BTreeMap<Arc<str>, Transit>,
    worth: bool,
    /// What is made in a second, m.
    speed: Option<f64>,
    spans: Vec<SpanDocument>,
    /// The chance that it ends off spec.
    chance: Option<f64>,
    costs: Option<Costs>,
    decision: Option<Decision>,
    left: Option<Left>,
}

impl Bench {
    fn new() -> Self {
        let mut grade = Grade::default();
        let limit = SpecLimit { low: Some(14.0), high: Some(16.0), ..SpecLimit::default() };
        grade.spec.insert("bw".into(), limit);
        Self {
            batch: Batch::begin("R1".into(), None, Some("facial".into()), at(0)),
            grade,
            judge: Judge::default(),
            second: 0,
            said: Vec::new(),
            expected: Some(1800.0),
            model: true,
            steady: true,
            strange: None,
            movers: Vec::new(),
            transits: BTreeMap::new(),
            worth: true,
            speed: None,
            spans: Vec::new(),
            chance: None,
            costs: None,
            decision: None,
            left: None,
        }
    }

    /// `seconds` frames of 1 s with this score and quality value.
    fn run(&mut self, seconds: i64, score: Option<f64>, value: Option<f64>) -> &mut Self {
        for _ in 0..seconds {
            let (from, to) = (at(self.second), at(self.second + 1));
            let made = Made { start: from, end: to, metres: None, kg: None };
            let quality = self.batch.product.quality.entry("bw".into()).or_default();
            if let Some(value) = value {
                (quality.smoothed, quality.last) = (Some(value), Some(value));
                quality.add((14.0..=16.0).contains(&value), &made, None);
                quality.sum_up(value, &self.grade.spec["bw"], &made, None);
            } else {
                self.batch.product.lose_sight();
            }
            self.batch.product.made_s += 1.0;
            let made_s = self.batch.product.made_s;
            self.batch.product.made_m = self.speed.map(|speed| speed * made_s);
            self.batch.product.measured_s = self.speed.map_or(0.0, |_| made_s);
            self.second += 1;
            let process = ProcessEvidence {
                worth: self.worth,
                score,
                statistic: "spe".into(),
                tags: vec![("steam".into(), 0.7)],
                areas: Vec::new(),
                changes: Vec::new(),
                movers: self.movers.clone(),
                transits: self.transits.clone(),
                missing: if score.is_none() { vec!["steam".into()] } else { Vec::new() },
                coverage: 1.0,
            };
            let missing: Vec<Arc<str>> =
                if value.is_none() { vec!["bw".into()] } else { Vec::new() };
            let prospect = self.prospect();
            let opinion = self.judge.judge(&Evidence {
                start: from,
                at: to,
                batch: Some(&self.batch),
                product: &self.batch.product,
                strange_grade: self.strange.as_ref(),
                grade: Some(&self.grade),
                process: (self.model && self.steady).then_some(&process),
                learning: None,
                steady: self.steady,
                missing: &missing,
                foretold: None,
                prospect: prospect.as_ref(),
                expected: self.expected,
                costs: self.costs.as_ref(),
            });
            self.note(&opinion);
        }
        self
    }

    fn note(&mut self, opinion: &Opinion) {
        self.spans.clone_from(&opinion.spans);
        self.decision.clone_from(&opinion.decision);
        self.left = opinion.left;
        if opinion.changed {
            let reasons: Vec<String> = opinion.reasons.iter().map(basis).collect();
            let since = opinion.since.as_millis() / 1000;
            self.said.push(format!(
                "{}s {} since {since}s [{}]",
                self.second,
                opinion.call.as_str(),
                reasons.join(" ")
            ));
        }
    }

    fn prospect(&self) -> Option<Prospect> {
        let signs = vec![(Sign::Score, 0.1)];
        self.chance.map(|chance| Prospect { chance, signs, earlier: None })
    }

    fn end(&mut self) -> &mut Self {
        self.batch.ended = Some(at(self.second));
        let prospect = self.prospect();
        let opinion = self.judge.conclude(&Evidence {
            start: at(self.second),
            at: at(self.second),
            batch: Some(&self.batch),
            product: &self.batch.product,
            strange_grade: self.strange.as_ref(),
            grade: Some(&self.grade),
            process: None,
            learning: None,
            steady: true,
            missing: &[],
            foretold: None,
            prospect: prospect.as_ref(),
            expected: self.expected,
            costs: self.costs.as_ref(),
        });
        self.said.push("end".into());
        self.note(&opinion);
        self
    }
}

#[test]
fn good_batch_becomes_on_spec_after_a_minute_and_stays() {
    let mut bench = Bench::new();
    bench.run(1800, Some(0.3), Some(15.0)).end();
    assert_eq!(bench.said, ["1s unknown since 1s []", "61s on-spec since 61s []", "end"]);
}

#[test]
fn score_above_its_limit_flags_and_is_withdrawn_after_ten_calm_minutes() {
    let mut bench = Bench::new();
    bench.run(100, Some(0.3), Some(15.0)).run(20, Some(0.9), Some(15.0)).run(
        60,
        Some(1.5),
        Some(15.0),
    );
    bench.run(590, Some(0.3), Some(15.0)).run(30, Some(0.3), Some(15.0));
    assert_eq!(
        bench.said,
        [
            "1s unknown since 1s []",
            "61s on-spec since 61s []",
            "121s at-risk since 100s [process/spe]",
            "780s on-spec since 780s []",
        ]
    );
}

#[test]
fn quality_outside_is_at_risk_after_a_minute_and_off_spec_after_a_tenth_of_the_batch() {
    let mut bench = Bench::new();
    bench.run(100, Some(0.3), Some(15.0)).run(300, Some(0.3), Some(17.0)).end();
    assert_eq!(
        bench.said[2..],
        ["160s at-risk since 100s [spec/bw]", "281s off-spec since 100s [spec/bw]", "end",]
    );
}

/// A bench whose grade asks more of `bw`.
fn asking(mean: Option<Bounds>, single: Option<Bounds>) -> Bench {
    let mut bench = Bench::new();
    let limit = bench.grade.spec.get_mut("bw").unwrap();
    (limit.mean, limit.single) = (mean, single);
    bench
}

#[test]
fn a_mean_flags_as_it_is_foreseen_and_counts_at_the_end() {
    let mean = Bounds { low: Some(14.8), high: Some(15.2) };
    // A fifth of the batch is made before anything is foreseen; what is made later brings the mean back.
    let mut bench = asking(Some(mean), None);
    bench.run(600, Some(0.3), Some(15.4)).run(1200, Some(0.3), Some(14.9)).end();
    assert_eq!(
        bench.said[1..],
        [
            "61s on-spec since 61s []",
            "419s at-risk since 359s [spec/bw/mean]",
            "1545s on-spec since 1545s []",
            "end"
        ]
    );
    // It is flagged, and comes out inside before ten minutes are over.
    let mut bench = asking(Some(mean), None);
    bench.run(1000, Some(0.3), Some(15.4)).run(800, Some(0.3), Some(14.9)).end();
    assert_eq!(
        bench.said[2..],
        ["419s at-risk since 359s [spec/bw/mean]", "end", "1800s on-spec since 1800s []"]
    );
    // A hole begins the ten minutes anew.
    let mut bench = asking(Some(mean), None);
    bench.run(600, Some(0.3), Some(15.4)).run(400, Some(0.3), Some(14.8));
    bench.second += 1200;
    bench.run(2, Some(0.3), Some(14.8));
    assert_eq!(bench.said.last().unwrap(), "419s at-risk since 359s [spec/bw/mean]");
    let mut bench = asking(Some(mean), None);
    bench.run(1500, Some(0.3), Some(15.0)).run(300, Some(0.3), Some(15.9)).end();
    assert_eq!(bench.said[2..], ["end"], "its mean is 15.15");
    let mut bench = asking(Some(mean), None);
    bench.run(1200, Some(0.3), Some(15.0)).run(600, Some(0.3), Some(15.9)).end();
    assert_eq!(bench.said.last().unwrap(), "1800s off-spec since 1480s [spec/bw/mean]");
}

#[test]
fn a_single_value_beyond_its_bounds_makes_the_batch_off_spec_where_it_is() {
    let single = Bounds { low: Some(13.0), high: Some(17.0) };
    let mut bench = asking(None, Some(single));
    bench.run(100, Some(0.3), Some(15.0)).run(10, Some(0.3), Some(17.0));
    assert_eq!(bench.said.len(), 2, "at its bound it is inside");
    bench.run(1, Some(0.3), Some(12.9)).run(900, Some(0.3), Some(15.0)).end();
    assert_eq!(bench.said[2..], ["111s off-spec since 110s [spec/bw/single]", "end"]);
    let spans: Vec<_> = bench.spans.iter().map(|span| (span.from, span.to)).collect();
    assert_eq!(spans, [(110_000, 111_000)]);
    // A late reading brings the value back.
    let mut bench = asking(None, Some(single));
    bench.run(100, Some(0.3), Some(15.0)).run(1, Some(0.3), Some(12.9));
    bench.batch.product.quality.get_mut("bw").unwrap().beyond = None;
    bench.run(1, Some(0.3), Some(15.0));
    assert_eq!(
        bench.said[2..],
        ["101s off-spec since 100s [spec/bw/single]", "102s on-spec since 102s []"]
    );
}

#[test]
fn a_limit_may_allow_less_outside_than_its_grade() {
    let mut bench = Bench::new();
    bench.grade.spec.get_mut("bw").unwrap().off_share = Some(0.05);
    bench.run(100, Some(0.3), Some(15.0)).run(300, Some(0.3), Some(17.0));
    assert_eq!(bench.said.last().unwrap(), "191s off-spec since 100s [spec/bw]");
}

#[test]
fn missing_data_is_unknown_never_on_spec() {
    let mut bench = Bench::new();
    bench.run(100, Some(0.3), Some(15.0)).run(100, Some(0.3), None).end();
    assert_eq!(bench.said[2..], ["126s unknown since 126s [coverage/bw]", "end"]);
    let mut bench = Bench::new();
    bench.run(300, None, Some(15.0)).end();
    assert_eq!(bench.said[0], "1s unknown since 1s [coverage/steam]");
    assert!(!bench.said.iter().any(|said| said.contains("on-spec")));
}

#[test]
fn without_a_model_limits_alone_may_flag() {
    let mut bench = Bench::new();
    bench.model = false;
    bench.run(100, None, Some(15.0)).run(100, None, Some(17.0));
    assert_eq!(bench.said, ["1s unknown since 1s []", "160s at-risk since 100s [spec/bw]"]);
}

#[test]
fn laboratory_and_people_make_a_finished_batch_off_spec() {
    let mut bench = Bench::new();
    bench.run(1800, Some(0.3), Some(15.0)).end();
    let limit = SpecLimit { low: Some(120.0), ..SpecLimit::default() };
    bench.grade.lab.insert("tensile".into(), limit);
    let result = crate::batch::LabResult {
        property: "tensile".into(),
        at: at(1900),
        value: 110.0,
        position: None,
    };
    assert_eq!(bench.batch.learn_result(result), Ok(true));
    bench.end();
    assert_eq!(bench.said[4..], ["1800s off-spec since 1800s [laboratory/tensile/110]"]);
}

/// The last word on a batch: its call and what it rests on.
#[track_caller]
fn ends(bench: &mut Bench, expected: &str) {
    bench.end();
    let last = bench.said.iter().rev().find(|said| *said != "end").unwrap();
    assert!(last.contains(expected), "{:?}", bench.said);
}

#[test]
fn batch_of_which_nothing_was_seen_ends_unknown() {
    ends(&mut Bench::new(), "unknown");
    // Wholly within a change of grade.
    let mut bench = Bench::new();
    bench.steady = false;
    bench.run(600, Some(0.3), Some(15.0));
    ends(&mut bench, "unknown");
}

#[test]
fn holes_count_as_made_and_unseen() {
    let mut bench = Bench::new();
    bench.run(240, Some(0.3), Some(15.0));
    bench.batch.product.count_unseen(2340.0);
    bench.second += 2340;
    bench.run(120, Some(0.3), Some(15.0));
    ends(&mut bench, "unknown since 2581s [coverage/bw]");
}

#[test]
fn flags_are_not_withdrawn_by_missing_data() {
    // The sensor dies while the batch is at risk by it.
    let mut bench = Bench::new();
    bench.expected = Some(100_000.0);
    bench.run(100, Some(0.3), Some(15.0)).run(70, Some(0.3), Some(17.0));
    bench.run(2000, Some(0.3), None);
    ends(&mut bench, "at-risk since 100s [spec/bw]");
    // Ten minutes inside withdraw it; a gap begins them anew.
    let mut bench = Bench::new();
    bench.expected = Some(100_000.0);
    bench.run(100, Some(0.3), Some(15.0)).run(70, Some(0.3), Some(17.0));
    bench.run(500, Some(0.3), Some(15.0)).run(5, Some(0.3), None);
    bench.run(599, Some(0.3), Some(15.0));
    assert!(bench.said.last().unwrap().contains("at-risk"));
    bench.run(1, Some(0.3), Some(15.0));
    assert!(bench.said.last().unwrap().contains("1275s on-spec"), "{:?}", bench.said);
    // No score for ten minutes, and one calm frame.
    let mut bench = Bench::new();
    bench.run(100, Some(0.3), Some(15.0)).run(60, Some(1.5), Some(15.0));
    bench.run(1, Some(0.3), Some(15.0)).run(700, None, Some(15.0));
    bench.run(10, Some(0.3), Some(15.0));
    ends(&mut bench, "at-risk since 100s [process/spe]");
}

#[test]
fn at_the_end_real_amounts_count() {
    let mut bench = Bench::new();
    bench.expected = Some(600.0);
    bench.run(100, Some(0.3), Some(15.0)).run(80, Some(0.3), Some(17.0));
    assert!(bench.said.last().unwrap().contains("off-spec"), "{:?}", bench.said);
    // It grew longer than expected: 80 s of 1,580 s are 5 %.
    bench.run(1400, Some(0.3), Some(15.0));
    ends(&mut bench, "1580s on-spec");
}

#[test]
fn grade_that_is_not_declared_is_never_on_spec() {
    let mut bench = Bench::new();
    bench.strange = Some("facail".into());
    bench.run(600, Some(0.3), Some(15.0));
    ends(&mut bench, "unknown since 1s [grade/facail]");
}

#[test]
fn void_batch_is_nothing() {
    let mut bench = Bench::new();
    bench.run(100, Some(0.3), Some(15.0)).run(300, Some(0.3), Some(17.0));
    bench.batch.void = true;
    bench.run(1, Some(0.3), Some(17.0));
    ends(&mut bench, "401s unknown since 401s []");
}

#[test]
fn what_is_within_its_guard_band_is_no_reason_for_a_flag() {
    let mut bench = Bench::new();
    bench.worth = false;
    bench.run(900, Some(2.5), Some(15.0));
    assert_eq!(bench.judge.call(), OnSpec);
    bench.worth = true;
    bench.run(10, Some(2.5), Some(15.0));
    assert_eq!(bench.judge.call(), AtRisk);
    // Back within the band it is as if the score was low: withdrawn in ten minutes.
    bench.worth = false;
    bench.run(590, Some(2.5), Some(15.0));
    assert_eq!(bench.judge.call(), AtRisk);
    bench.run(20, Some(2.5), Some(15.0));
    assert_eq!(bench.judge.call(), OnSpec);
}

#[test]
fn line_without_batches_is_judged_by_its_grade_and_forgets() {
    let grade = Bench::new().grade;
    let (mut judge, mut product, mut calls) = (Judge::default(), Product::default(), Vec::new());
    let tag: Arc<str> = "bw".into();
    for s in 0..30_000 {
        let made = Made { start: at(s), end: at(s + 1), metres: None, kg: None };
        let value = match s {
            1000..2000 => 17.0,
            9000..9500 => f64::NAN,
            _ => 15.0,
        };
        product.fade(1.0, made.end);
        product.count(&made, &[(&tag, value, &grade.spec["bw"])]);
        let process = ProcessEvidence {
            worth: true,
            score: Some(0.3),
            statistic: "spe".into(),
            tags: Vec::new(),
            areas: Vec::new(),
            changes: Vec::new(),
            movers: Vec::new(),
            transits: BTreeMap::new(),
            missing: Vec::new(),
            coverage: 1.0,
        };
        let missing = if value.is_nan() { vec![Arc::clone(&tag)] } else { Vec::new() };
        let opinion = judge.judge(&Evidence {
            start: made.start,
            at: made.end,
            batch: None,
            product: &product,
            grade: Some(&grade),
            strange_grade: None,
            process: Some(&process),
            learning: None,
            steady: true,
            missing: &missing,
            foretold: None,
            prospect: None,
            expected: None,
            costs: None,
        });
        if calls.last() != Some(&opinion.call) {
            calls.push(opinion.call);
        }
    }
    assert_eq!(calls, [OnSpec, AtRisk, OffSpec, OnSpec, Unknown, OnSpec]);
}

fn mover(tag: &str, ratio: f64) -> Mover {
    Mover {
        tag: tag.into(),
        area: None,
        by_itself: true,
        since: 0,
        arrives: None,
        ratio,
        value: 1.0,
        expected: 2.0,
        unit: None,
        over_s: None,
    }
}

#[test]
fn what_moved_is_named_in_order_while_the_batch_is_flagged() {
    let mut bench = Bench::new();
    bench.movers = vec![mover("steam", 1.2)];
    bench.run(700, Some(0.4), Some(15.0));
    let named = |bench: &Bench| {
        let named = &bench.judge.moved;
        let tags: Vec<&str> = named.movers.iter().map(|mover| &*mover.tag).collect();
        (named.first().map(ToString::to_string), tags.join(","))
    };
    assert_eq!(named(&bench), (None, String::new()));
    // By a limit of the product alone, too.
    bench.run(120, Some(0.4), Some(17.0));
    assert_eq!(named(&bench), (Some("steam".into()), "steam".into()));
    // What moves later stands behind, even if it goes further; there is room for five.
    bench.movers = ["draw", "load", "steam", "a", "b", "c"].map(|tag| mover(tag, 3.0)).into();
    bench.run(1, Some(1.4), Some(17.0));
    assert_eq!(named(&bench), (Some("steam".into()), "steam,draw,load,a,b".into()));
    // When the flag is withdrawn, it is forgotten.
    bench.movers.clear();
    bench.run(1500, Some(0.1), Some(15.0));
    assert_eq!(named(&bench), (None, String::new()));
    // Where nothing is further than in control, what contributes most to the score stands in.
    bench.run(5, Some(1.4), Some(15.0));
    assert_eq!(named(&bench), (Some("steam".into()), String::new()));
    bench.movers = vec![mover("draw", 1.2)];
    bench.run(1, Some(1.4), Some(15.0));
    assert_eq!(named(&bench), (Some("draw".into()), "draw".into()));
}

#[test]
fn a_batch_that_is_no_flag_in_the_end_names_nothing_that_moved() {
    let mut bench = Bench::new();
    bench.movers = vec![mover("steam", 1.2)];
    bench.run(900, Some(1.4), Some(15.0)).end();
    assert_eq!(bench.judge.moved.first().map(|tag| &**tag), Some("steam"));
    bench.batch.void = true;
    bench.end();
    assert_eq!((bench.judge.call(), bench.judge.moved.first()), (Unknown, None));
}

#[test]
fn metres_are_those_that_the_first_mover_saw_and_the_next_batch_has_the_rest() {
    let span = |bench: &mut Bench| {
        bench.run(1, Some(0.9), Some(15.0));
        bench.spans.clone()
    };
    let mut bench = Bench { speed: Some(30.0), ..Bench::new() };
    bench.movers = vec![Mover { tag: "chest".into(), ..mover("chest", 1.2) }];
    bench.transits = [("chest".into(), Transit::exactly(240.0))].into();
    bench.run(600, Some(0.4), Some(15.0)).run(49, Some(1.4), Some(15.0));
    // 30 m a second: seen since 600 s, at the reel from 840 s on.
    let expected = |to: i64, metres: (f64, f64)| SpanDocument {
        from: 600_000,
        to: to * 1000,
        from_m: Some(metres.0),
        to_m: Some(metres.1),
        after_m: None,
        arrives: Some(840_000),
    };
    assert_eq!(span(&mut bench), [expected(650, (19_500.0, 19_500.0))]);
    bench.run(349, Some(0.9), Some(15.0));
    assert_eq!(span(&mut bench), [expected(1000, (25_200.0, 30_000.0))]);
    // It was calm again at 1001 s: until 1240 s what was seen before arrives.
    bench.run(99, Some(0.4), Some(15.0));
    bench.run(1, Some(0.4), Some(15.0));
    assert_eq!(bench.spans, [expected(1000, (25_200.0, 33_000.0))]);
    bench.run(300, Some(0.4), Some(15.0));
    assert_eq!(bench.spans, [expected(1000, (25_200.0, 37_200.0))]);

    // A batch that ends before any of it arrives has none of it.
    let mut bench = Bench { speed: Some(30.0), movers: bench.movers, ..Bench::new() };
    bench.transits = [("chest".into(), Transit::exactly(240.0))].into();
    bench.run(600, Some(0.4), Some(15.0)).run(100, Some(1.4), Some(15.0)).end();
    let at_its_end = SpanDocument { after_m: Some(0.0), ..expected(700, (21_000.0, 21_000.0)) };
    assert_eq!(bench.spans, [at_its_end]);
    assert!(bench.spans[0].arrives > Some(700_000));

    // What was never calm in it may be of the batch before.
    let mut bench = Bench { speed: Some(30.0), movers: bench.movers, ..Bench::new() };
    bench.transits = [("chest".into(), Transit::exactly(240.0))].into();
    bench.run(100, Some(1.4), Some(15.0));
    let whole = SpanDocument { from: 1000, arrives: None, ..expected(100, (0.0, 3000.0)) };
    assert_eq!(bench.spans, [whole]);

    // Without a delay, what is wound when it is seen.
    let mut bench = Bench { speed: Some(30.0), movers: bench.movers, ..Bench::new() };
    bench.run(600, Some(0.4), Some(15.0)).run(50, Some(1.4), Some(15.0));
    let at_once = SpanDocument { arrives: None, ..expected(650, (18_000.0, 19_500.0)) };
    assert_eq!(bench.spans, [at_once]);
}

#[test]
fn costs_say_from_which_chance_on_a_batch_is_at_risk() {
    let check = |costs: Option<Costs>, chance: f64, flagged: bool| {
        let mut bench = Bench::new();
        (bench.costs, bench.chance) = (costs, Some(chance));
        bench.run(600, Some(0.3), Some(15.0));
        assert_eq!(bench.judge.call() == AtRisk, flagged, "{chance}: {:?}", bench.said);
    };
    check(None, 0.49, false);
    check(None, 0.5, true);
    check(Some(costs()), 0.11, true);
    check(Some(costs()), 0.09, false);
}

#[test]
fn decision_is_by_what_is_made_and_what_is_still_to_come() {
    let mut bench = Bench::new();
    (bench.costs, bench.chance) = (Some(costs()), Some(0.05));
    bench.batch.product.made_kg = Some(1200.0);
    bench.run(600, Some(0.3), Some(15.0));
    let standing = |left_min, whole_t| Standing {
        probability: 0.05,
        made_t: Some(1.2),
        whole_t: Some(whole_t),
        left_min: Some(left_min),
        can_test: false,
    };
    // A third of 1800 s is made.
    let decision = bench.decision.clone().expect("costs are known");
    let by_hand = decide(&costs(), &standing(20.0, 3.6), None);
    let left = bench.left.expect("most of it is still to be made");
    assert!(
        (left.minutes - 20.0).abs() < 1e-9 && left.tonnes.is_some_and(|t| (t - 2.4).abs() < 1e-9)
    );
    for (choice, by_hand) in decision.choices.iter().zip(&by_hand.choices) {
        assert!((choice.cost - by_hand.cost).abs() < 1e-9, "{choice:?} for {by_hand:?}");
    }
    assert_eq!((decision.advice, decision.choices.len()), (Advice::Release, 3));
    bench.grade.lab.insert("tensile".into(), SpecLimit { low: Some(1.0), ..SpecLimit::default() });
    bench.run(1200, Some(0.3), Some(15.0)).end();
    let advice = bench.decision.as_ref().map(|decision| decision.advice);
    assert_eq!(advice, Some(Advice::TestFirst), "{:?}", bench.decision);
    let choices = bench.decision.as_ref().map_or(0, |decision| decision.choices.len());
    assert_eq!(choices, 3, "it has ended");
    assert_eq!(bench.left, None);
    // Whoever holds it has not decided; whoever releases it has.
    let word = |disposition, s| PersonsWord { at: at(s), disposition, by: None, note: None };
    bench.batch.dispositions.push(word(Disposition::Hold, 1800));
    bench.end();
    assert!(bench.decision.is_some());
    bench.batch.dispositions.push(word(Disposition::Release, 1801));
    bench.end();
    assert_eq!(bench.decision, None);
}

//! What to do with a batch, by its chance of off spec and what mistakes cost the plant.
//!
//! | decision | what it costs on average, with a chance p of off spec |
//! | --- | --- |
//! | release | p · missed batch + p · broke |
//! | test first | test + p · broke |
//! | hold | (1 − p) · false hold + p · broke |
//! | end now | early end + the least of these, of what is made by now |
//!
//! Broke is what a bad batch is worth less: its mass, repulped, and the machine's time in which the rest of it would still be made.
//! It is in each row, so the choice between the first three hangs on p alone: a batch is held rather than released from
//! false hold / (false hold + missed batch) on. It counts where a batch can be ended: whoever ends it is taken to mend the
//! cause, and what is made by now is taken to be as likely bad as the whole, because the laboratory's strip is cut from what was
//! made last. This is advice to people: nothing here commands the machine.

use crate::plant::{Advice, Costs};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// What is paid for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Item {
    /// A batch that was released and is bad.
    MissedBatch,
    /// A batch that was held and is good.
    FalseHold,
    /// A test of the laboratory.
    Test,
    /// Tonnes that are repulped.
    Broke,
    /// Minutes of the machine in which it makes what nobody takes.
    MachineTime,
    /// Minutes of the machine that it takes to end the batch early.
    EarlyEnd,
}

/// A part of what a decision costs: `chance` × `amount` × `price`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Part {
    /// What is paid for.
    pub item: Item,
    /// How likely it is, 0–1.
    pub chance: f64,
    /// How much of it: batches, tests, tonnes or minutes.
    pub amount: f64,
    /// What one of it costs.
    pub price: f64,
}

impl Part {
    /// What it costs on average.
    #[must_use]
    pub fn cost(&self) -> f64 {
        self.chance * self.amount * self.price
    }
}

/// A decision and what it costs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Choice {
    /// What is done.
    pub advice: Advice,
    /// What is done with what is made by now, if the batch is ended now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub then: Option<Advice>,
    /// What it costs on average: the sum of its parts.
    pub cost: f64,
    /// What that is made of.
    pub parts: Vec<Part>,
}

impl Choice {
    fn of(advice: Advice, then: Option<Advice>, parts: Vec<Part>) -> Self {
        let parts: Vec<Part> = parts.into_iter().filter(|part| part.cost() > 0.0).collect();
        Self { advice, then, cost: parts.iter().map(Part::cost).sum(), parts }
    }
}

/// What to do with a batch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Decision {
    /// What costs least.
    pub advice: Advice,
    /// The chance of off spec that it is by, 0–1.
    pub probability: f64,
    /// From this chance on it costs less to hold the batch than to release it.
    pub threshold: f64,
    /// What each decision costs, in the order of [`Advice`].
    pub choices: Vec<Choice>,
    /// The currency, if one is named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub currency: Option<Arc<str>>,
}

/// Where a batch stands.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Standing {
    /// The chance that it ends off spec, 0–1.
    pub probability: f64,
    /// What is made of it, t, if its mass is known.
    pub made_t: Option<f64>,
    /// What the whole of it will have, t.
    pub whole_t: Option<f64>,
    /// How long it is still made, min; 0 once it has ended; `None` if nobody knows.
    pub left_min: Option<f64>,
    /// True if the laboratory may still say something new of it.
    pub can_test: bool,
}

/// What was advised stands until something else costs so much less: near the point where both cost the same it would come and go.
const DEAD_BAND: f64 = 0.02;

/// The decision that costs least on average; of two that cost about the same the one that was advised `before`.
#[must_use]
pub fn decide(costs: &Costs, at: &Standing, before: Option<Advice>) -> Decision {
    let part = |item, chance, amount: Option<f64>, price| {
        amount.map(|amount| Part { item, chance, amount, price })
    };
    let bad = at.probability.clamp(0.0, 1.0);
    let broke = |tonnes, minutes| {
        let broke = part(Item::Broke, bad, tonnes, costs.broke_tonne);
        broke.into_iter().chain(part(Item::MachineTime, bad, minutes, costs.machine_minute))
    };
    let choose = |advice, by: Part, broke: &dyn Fn() -> Vec<Part>| {
        Choice::of(advice, None, std::iter::once(by).chain(broke()).collect())
    };
    let one = |item, chance, price| Part { item, chance, amount: 1.0, price };
    let ended = |broke: &dyn Fn() -> Vec<Part>| {
        let test = one(Item::Test, 1.0, costs.test);
        let mut choices =
            vec![choose(Advice::Release, one(Item::MissedBatch, bad, costs.missed_batch), broke)];
        choices.extend(at.can_test.then(|| choose(Advice::TestFirst, test, broke)));
        let held = one(Item::FalseHold, 1.0 - bad, costs.false_hold);
        choices.push(choose(Advice::Hold, held, broke));
        choices
    };
    let mut choices = ended(&|| broke(at.whole_t, at.left_min).collect());
    if at.left_min.is_some_and(|left| left > 0.0) {
        let now = ended(&|| broke(at.made_t, None).collect());
        if let Some(then) = cheapest(&now) {
            let minutes = costs.early_end.as_secs_f64() / 60.0;
            let early = part(Item::EarlyEnd, 1.0, Some(minutes), costs.machine_minute);
            let parts = early.into_iter().chain(then.parts.iter().copied()).collect();
            choices.push(Choice::of(Advice::EndNow, Some(then.advice), parts));
        }
    }
    let least = cheapest(&choices);
    let stands = choices.iter().find(|choice| {
        let enough = |least: &Choice| choice.cost <= least.cost * (1.0 + DEAD_BAND);
        Some(choice.advice) == before && least.is_some_and(enough)
    });
    Decision {
        advice: stands.or(least).map_or(Advice::Hold, |choice| choice.advice),
        probability: at.probability,
        threshold: costs.threshold(),
        choices,
        currency: Some(Arc::clone(&costs.currency)).filter(|currency| !currency.is_empty()),
    }
}

/// The first of those that cost least.
fn cheapest(choices: &[Choice]) -> Option<&Choice> {
    choices.iter().min_by(|a, b| a.cost.total_cmp(&b.cost))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use std::time::Duration;

    pub(in crate::verdict) fn costs() -> Costs {
        Costs {
            currency: "CNY".into(),
            missed_batch: 9000.0,
            false_hold: 1000.0,
            test: 100.0,
            broke_tonne: 500.0,
            machine_minute: 60.0,
            early_end: Duration::from_secs(300),
        }
    }

    fn standing(probability: f64) -> Standing {
        Standing {
            probability,
            made_t: Some(1.0),
            whole_t: Some(3.0),
            left_min: Some(20.0),
            can_test: true,
        }
    }

    fn costs_of(decision: &Decision) -> Vec<(&'static str, f64)> {
        decision.choices.iter().map(|choice| (choice.advice.as_str(), choice.cost)).collect()
    }

    #[track_caller]
    fn check(decision: &Decision, advice: Advice, expected: &[(&str, f64)]) {
        assert_eq!(decision.advice, advice, "{decision:?}");
        let costs = costs_of(decision);
        assert_eq!(costs.len(), expected.len(), "{costs:?}");
        for ((advice, cost), (expected_advice, expected_cost)) in costs.iter().zip(expected) {
            assert_eq!(advice, expected_advice);
            assert!((cost - expected_cost).abs() < 1e-9, "{advice}: {cost} for {expected_cost}");
        }
        for choice in &decision.choices {
            let sum: f64 = choice.parts.iter().map(Part::cost).sum();
            assert!((sum - choice.cost).abs() < 1e-9, "{choice:?}");
        }
    }

    #[test]
    fn each_decision_costs_what_was_worked_out_by_hand() {
        // Broke if the batch is made to its end: 0.2 · (3 t · 500 + 20 min · 60) = 540; if it is ended now: 0.2 · 1 t · 500 = 100.
        let expected = [
            ("release", 0.2 * 9000.0 + 540.0),
            ("test-first", 100.0 + 540.0),
            ("hold", 0.8 * 1000.0 + 540.0),
            ("end-now", 5.0 * 60.0 + 100.0 + 100.0),
        ];
        let decision = decide(&costs(), &standing(0.2), None);
        check(&decision, Advice::EndNow, &expected);
        let then: Vec<_> = decision.choices.iter().filter_map(|choice| choice.then).collect();
        assert_eq!(then, [Advice::TestFirst]);
        // Broke: 0.01 · 2700 = 27, 0.01 · 500 = 5.
        let expected =
            [("release", 117.0), ("test-first", 127.0), ("hold", 1017.0), ("end-now", 395.0)];
        check(&decide(&costs(), &standing(0.01), None), Advice::Release, &expected);
    }

    #[test]
    fn a_batch_that_has_ended_is_released_tested_or_held() {
        let ended = |probability| Standing {
            made_t: Some(3.0),
            left_min: Some(0.0),
            ..standing(probability)
        };
        let advice = |probability| decide(&costs(), &ended(probability), None).advice;
        assert_eq!(advice(0.0), Advice::Release);
        assert_eq!(advice(0.011), Advice::Release);
        assert_eq!(advice(0.012), Advice::TestFirst);
        assert_eq!(advice(0.89), Advice::TestFirst);
        assert_eq!(advice(0.91), Advice::Hold);
        assert_eq!(advice(1.0), Advice::Hold);
        // Once the laboratory has said all that it says, a batch is held from 1000 / (1000 + 9000) on.
        let tested = |probability| Standing { can_test: false, ..ended(probability) };
        let advice = |probability| decide(&costs(), &tested(probability), None).advice;
        assert_eq!(advice(0.099), Advice::Release);
        assert_eq!(advice(0.101), Advice::Hold);
        assert!((costs().threshold() - 0.1).abs() < 1e-12);
    }

    #[test]
    fn advice_does_not_come_and_go_where_two_cost_about_the_same() {
        let ended = |probability| Standing { left_min: Some(0.0), ..standing(probability) };
        let advice = |probability, before| decide(&costs(), &ended(probability), before).advice;
        // Release and test cost the same at 100 / 9000.
        assert_eq!(advice(0.0112, None), Advice::TestFirst);
        assert_eq!(advice(0.0112, Some(Advice::Release)), Advice::Release);
        assert_eq!(advice(0.0120, Some(Advice::Release)), Advice::TestFirst);
        assert_eq!(advice(0.0112, Some(Advice::Hold)), Advice::TestFirst);
    }

    #[test]
    fn what_is_not_known_is_not_counted() {
        let unknown = Standing { made_t: None, whole_t: None, left_min: None, ..standing(0.2) };
        let expected = [("release", 1800.0), ("test-first", 100.0), ("hold", 800.0)];
        check(&decide(&costs(), &unknown, None), Advice::TestFirst, &expected);
        // Who says nothing of broke and the machine gains nothing by an early end.
        let free = Costs { broke_tonne: 0.0, machine_minute: 0.0, ..costs() };
        assert_eq!(decide(&free, &standing(0.2), None).advice, Advice::TestFirst);
    }
}

//! What wrong decisions cost.

use super::super::at::At;
use super::super::diagnostic::Code;
use super::super::raw::Costs;
use super::{Context, DAY, text};
use crate::plant;
use std::time::Duration;

/// The table `[costs]`; nothing while what it cannot be without is missing or wrong.
pub(super) fn check(cx: &mut Context<'_>, costs: &At<Costs>) -> Option<plant::Costs> {
    let mut needed = |found: Option<&At<f64>>, key: &str, example: &str| {
        let Some(found) = found else {
            cx.missing(&costs.span(), "`[costs]`", key, example);
            return None;
        };
        amount(cx, found, key, true)
    };
    let missed_batch = needed(costs.missed_batch.as_ref(), "missed_batch", "12000.0");
    let false_hold = needed(costs.false_hold.as_ref(), "false_hold", "800.0");
    let mut else_nothing = |found: Option<&At<f64>>, key: &str| {
        found.and_then(|found| amount(cx, found, key, false)).unwrap_or(0.0)
    };
    let broke_tonne = else_nothing(costs.broke_tonne.as_ref(), "broke_tonne");
    let machine_minute = else_nothing(costs.machine_minute.as_ref(), "machine_minute");
    let test = costs.test.as_ref().and_then(|found| amount(cx, found, "test", false));
    let early_end = cx.duration(
        costs.early_end.as_ref(),
        "early_end",
        plant::Costs::EARLY_END,
        Duration::ZERO..=DAY,
    );
    Some(plant::Costs {
        currency: text(costs.currency.as_ref()).unwrap_or_default().into(),
        missed_batch: missed_batch?,
        false_hold: false_hold?,
        test: test.unwrap_or(plant::Costs::TEST_SHARE * false_hold?),
        broke_tonne,
        machine_minute,
        early_end,
    })
}

/// More than anything costs in any currency.
const MOST: f64 = 1e12;

/// What something costs; `above_zero` if a decision cannot hang on nothing.
fn amount(cx: &mut Context<'_>, found: &At<f64>, key: &str, above_zero: bool) -> Option<f64> {
    let is_amount = **found <= MOST && (**found > 0.0 || (!above_zero && **found == 0.0));
    if is_amount {
        return Some(**found);
    }
    let least = if above_zero { "above zero" } else { "of zero or more" };
    cx.report(Code::OutOfBounds, found.span(), format!("`{key}` cannot be {}", **found))
        .help(format!("write what it costs, a number {least}, in the currency of the other costs"));
    None
}

//! What to do with the batch, and what that costs.

use super::format::{number, per_cent};
use super::html::Html;
use crate::verdict::{Advice, Choice, Decision, Item, Part};

/// What costs least, and with what arithmetic.
pub(super) fn content(decision: &Decision) -> Html {
    let mut html = Html::default();
    html.text(advice(decision.advice));
    let currency = decision.currency.as_deref().map(|name| format!(" {name}")).unwrap_or_default();
    let mut choices: Vec<&Choice> = decision.choices.iter().collect();
    choices.sort_by(|a, b| a.cost.total_cmp(&b.cost));
    for choice in choices {
        html.raw("<br><small>").text(advice(choice.advice));
        if let Some(then) = choice.then {
            html.raw(", then ").text(&advice(then).to_lowercase());
        }
        html.raw(": ").text(&number(choice.cost)).text(&currency);
        for (ix, part) in choice.parts.iter().enumerate() {
            html.raw(if ix == 0 { " = " } else { " + " }).text(&arithmetic(part));
        }
        html.raw("</small>");
    }
    html
}

fn advice(advice: Advice) -> &'static str {
    match advice {
        Advice::Release => "Release",
        Advice::TestFirst => "Test first",
        Advice::Hold => "Hold",
        Advice::EndNow => "End now",
    }
}

/// `31 % × 3.1 t × 1500 (broke)`.
fn arithmetic(part: &Part) -> String {
    let (unit, words) = match part.item {
        Item::MissedBatch => ("", "missed batch"),
        Item::FalseHold => ("", "false hold"),
        Item::Test => ("", "test"),
        Item::Broke => (" t", "broke"),
        Item::MachineTime => (" min", "the machine's time"),
        Item::EarlyEnd => (" min", "early end"),
    };
    let mut factors = Vec::new();
    if part.chance < 1.0 {
        factors.push(per_cent(part.chance));
    }
    if !unit.is_empty() {
        factors.push(format!("{}{unit}", number(part.amount)));
    }
    factors.push(number(part.price));
    format!("{} ({words})", factors.join(" × "))
}

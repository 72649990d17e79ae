//! What to do with the batch, and what that costs.

use super::format::{number, per_cent, plain};
use super::html::Html;
use super::reader::Reader;
use crate::verdict::{Advice, Choice, Decision, Item, Part};
use crate::words::{fill, table};

table! {
    release: "Release", "放行";
    test_first: "Test first", "先化验";
    hold: "Hold", "扣留待定";
    end_now: "End now", "立即结束";
    then_release: "release", "放行";
    then_test_first: "test first", "化验";
    then_hold: "hold", "扣留待定";
    then_end_now: "end now", "立即结束";
    choice: "{advice}: {cost}", "{advice}：{cost}";
    choice_then: "{advice}, then {then}: {cost}", "{advice}，再{then}：{cost}";
    part: "{factors} ({item})", "{factors}（{item}）";
    missed_batch: "missed batch", "漏判的批次";
    false_hold: "false hold", "误扣";
    test: "test", "化验";
    broke: "broke", "损纸";
    machine_time: "the machine's time", "占用机时";
    early_end: "early end", "提前结束";
    tonnes: "{amount} t", "{amount}\u{a0}吨";
    minutes: "{amount} min", "{amount}\u{a0}分钟";
}

/// What costs least, and with what arithmetic.
pub(super) fn content(decision: &Decision, reader: Reader) -> Html {
    let words = Words::of(reader.language);
    let mut html = Html::default();
    html.raw(advice(decision.advice, words));
    let currency = decision.currency.as_deref().map(|name| format!(" {name}")).unwrap_or_default();
    let mut choices: Vec<&Choice> = decision.choices.iter().collect();
    choices.sort_by(|a, b| a.cost.total_cmp(&b.cost));
    for choice in choices {
        let mut cost = plain(&number(choice.cost));
        cost.text(&currency);
        for (ix, part) in choice.parts.iter().enumerate() {
            cost.raw(if ix == 0 { " = " } else { " + " }).piece(&arithmetic(part, words));
        }
        let sentence = if choice.then.is_some() { words.choice_then } else { words.choice };
        let then = choice.then.map_or("", |advice| then(advice, words));
        let pieces = [
            ("advice", &plain(advice(choice.advice, words))),
            ("then", &plain(then)),
            ("cost", &cost),
        ];
        html.raw("<br><small>");
        fill(&mut html, sentence, &pieces);
        html.raw("</small>");
    }
    html
}

fn advice(advice: Advice, words: &Words) -> &'static str {
    match advice {
        Advice::Release => words.release,
        Advice::TestFirst => words.test_first,
        Advice::Hold => words.hold,
        Advice::EndNow => words.end_now,
    }
}

fn then(advice: Advice, words: &Words) -> &'static str {
    match advice {
        Advice::Release => words.then_release,
        Advice::TestFirst => words.then_test_first,
        Advice::Hold => words.then_hold,
        Advice::EndNow => words.then_end_now,
    }
}

/// `31 % × 3.1 t × 1500 (broke)`.
fn arithmetic(part: &Part, words: &'static Words) -> Html {
    let (amount, item) = match part.item {
        Item::MissedBatch => (None, words.missed_batch),
        Item::FalseHold => (None, words.false_hold),
        Item::Test => (None, words.test),
        Item::Broke => (Some(words.tonnes), words.broke),
        Item::MachineTime => (Some(words.minutes), words.machine_time),
        Item::EarlyEnd => (Some(words.minutes), words.early_end),
    };
    let mut factors = Html::default();
    if part.chance < 1.0 {
        factors.text(&per_cent(part.chance)).raw(" × ");
    }
    if let Some(amount) = amount {
        fill(&mut factors, amount, &[("amount", &plain(&number(part.amount)))]);
        factors.raw(" × ");
    }
    factors.text(&number(part.price));
    let mut html = Html::default();
    fill(&mut html, words.part, &[("factors", &factors), ("item", &plain(item))]);
    html
}

#[cfg(test)]
mod tests {
    use super::super::super::fixture;
    use super::*;
    use crate::words::{Language, Locale};

    #[test]
    fn both_languages_say_everything() {
        crate::words::check(ALL, &[]);
    }

    #[test]
    fn the_arithmetic_is_alike_in_both() {
        let view = fixture::at_risk();
        let decision = view.lines[0].verdict.as_ref().unwrap().decision.as_ref().unwrap();
        let told = |language| {
            let text = content(decision, Reader::of(&Locale::default(), Some(language)));
            text.into_string().replace(['\u{a0}', '\u{202f}'], " ").replace("<br>", "\n")
        };
        insta::assert_snapshot!(told(Language::English), @r"
        End now
        <small>End now, then test first: 3234 CNY = 10 min × 150 (early end) + 200 (test) + 71 % × 1.44 t × 1500 (broke)</small>
        <small>Test first: 6143 CNY = 200 (test) + 71 % × 3.13 t × 1500 (broke) + 71 % × 24.5 min × 150 (the machine&#39;s time)</small>
        <small>Hold: 6523 CNY = 29 % × 2000 (false hold) + 71 % × 3.13 t × 1500 (broke) + 71 % × 24.5 min × 150 (the machine&#39;s time)</small>
        <small>Release: 14 463 CNY = 71 % × 12 000 (missed batch) + 71 % × 3.13 t × 1500 (broke) + 71 % × 24.5 min × 150 (the machine&#39;s time)</small>
        ");
        insta::assert_snapshot!(told(Language::Chinese), @r"
        立即结束
        <small>立即结束，再化验：3234 CNY = 10 分钟 × 150（提前结束） + 200（化验） + 71 % × 1.44 吨 × 1500（损纸）</small>
        <small>先化验：6143 CNY = 200（化验） + 71 % × 3.13 吨 × 1500（损纸） + 71 % × 24.5 分钟 × 150（占用机时）</small>
        <small>扣留待定：6523 CNY = 29 % × 2000（误扣） + 71 % × 3.13 吨 × 1500（损纸） + 71 % × 24.5 分钟 × 150（占用机时）</small>
        <small>放行：14 463 CNY = 71 % × 12 000（漏判的批次） + 71 % × 3.13 吨 × 1500（损纸） + 71 % × 24.5 分钟 × 150（占用机时）</small>
        ");
    }
}

//! How the chances of off spec came true that were said of a line's batches.

use super::format::{NONE, NUMBERS, WORDS, heading, per_cent, plain};
use super::html::Html;
use super::reader::Reader;
use crate::engine::{ProspectsView, StageReliability};
use crate::verdict::{Reliability, ReliabilityBin};
use crate::words::{fill, table};

table! {
    title: "Chances of off spec, and what came", "不合格可能性的预测与实际结果";
    when: "When made", "批次进度";
    batches: "Batches", "批次数";
    off_spec: "Off spec", "不合格";
    likely: "Likelier than not", "预测可能性过半的";
    others: "The others", "其余";
    brier: "Brier score", "布里尔分数";
    by_share: "{score} <small>({plain} by their share)</small>", "{score} <small>（只按比例为 {plain}）</small>";
    came: "{bad} of {batches} came <small>({said} said)</small>", "{batches} 批中 {bad} 批不合格 <small>（预测 {said}）</small>";
}

/// From this chance on what was said is a flag where no costs tell.
const LIKELY: f64 = 0.5;

/// The table by how much of the batch was made.
pub(super) fn content(html: &mut Html, prospects: &ProspectsView, reader: Reader) {
    let words = Words::of(reader.language);
    html.raw("<h3>").raw(words.title).raw("</h3><table class=\"movers\"><thead><tr>");
    heading(html, WORDS, words.when);
    heading(html, NUMBERS, words.batches);
    heading(html, NUMBERS, words.off_spec);
    heading(html, WORDS, words.likely);
    heading(html, WORDS, words.others);
    heading(html, NUMBERS, words.brier);
    html.raw("</tr></thead><tbody>");
    for stage in &prospects.stages {
        row(html, stage, words);
    }
    html.raw("</tbody></table>");
}

fn row(
    html: &mut Html,
    StageReliability { progress, reliability }: &StageReliability,
    words: &'static Words,
) {
    html.raw("<tr><th scope=\"row\">").text(&per_cent(*progress)).raw("</th>");
    html.raw("<td class=\"num\">").integer(reliability.batches.into()).raw("</td>");
    html.raw("<td class=\"num\">").integer(reliability.bad.into()).raw("</td>");
    came(html, reliability, words, |bin| bin.from >= LIKELY);
    came(html, reliability, words, |bin| bin.from < LIKELY);
    html.raw("<td class=\"num\">");
    let score = |score: f64| plain(&format!("{score:.3}"));
    let pieces =
        [("score", &score(reliability.brier)), ("plain", &score(reliability.brier_of_share))];
    fill(html, words.by_share, &pieces);
    html.raw("</td></tr>");
}

/// `3 of 4 came, 71 % said`.
fn came(
    html: &mut Html,
    reliability: &Reliability,
    words: &'static Words,
    is_in: impl Fn(&ReliabilityBin) -> bool,
) {
    let (mut batches, mut bad, mut said) = (0, 0, 0.0);
    for bin in reliability.bins.iter().filter(|bin| is_in(bin)) {
        batches += bin.batches;
        bad += bin.bad;
        said += bin.said * f64::from(bin.batches);
    }
    html.raw("<td>");
    if batches == 0 {
        html.text(NONE);
    } else {
        let pieces = [
            ("bad", &plain(&bad.to_string())),
            ("batches", &plain(&batches.to_string())),
            ("said", &plain(&per_cent(said / f64::from(batches)))),
        ];
        fill(html, words.came, &pieces);
    }
    html.raw("</td>");
}

#[cfg(test)]
mod tests {
    #[test]
    fn both_languages_say_everything() {
        crate::words::check(super::ALL, &["<small>", "</small>"]);
    }
}

//! What the laboratory will find of the batch in progress, and how good that was before.

use super::format::{
    NONE, NUMBERS, WORDS, bounds_of, counted, heading, number, per_cent, plain, quantity,
};
use super::html::Html;
use super::reader::Reader;
use crate::engine::{BatchStage, Coverage, FittedView, LineView, SoftSensorView};
use crate::verdict::ForetoldProperty;
use crate::words::{fill, table};

table! {
    title: "What the laboratory will find", "化验结果预测";
    property: "Property", "项目";
    foretold: "Foretold", "预测值";
    within: "Nine of ten within", "90\u{a0}% 区间";
    limits: "Limits", "限值";
    outside: "Outside with", "超限的可能性";
    quality: "How good that was", "以往的准确程度";
    range: "{low} to {high}", "{low} 至 {high}";
    at_least: "≥ {limit}", "≥ {limit}";
    at_most: "≤ {limit}", "≤ {limit}";
    value: "{n} laboratory value", "{n} 个化验值";
    values: "{n} laboratory values", "{n} 个化验值";
    too_few: "{values} of {needed} that a soft sensor needs", "软测量需要 {needed} 个化验值，现有 {values}";
    failed: " <small>the last fit failed: {why}</small>", " <small>上次拟合失败：{why}</small>";
    errs: "errs by {error} <small>(the mean by {mean}, the last value by {last}; from {values}{held}){by}</small>", "误差 {error} <small>（用平均值预测为 {mean}，用上一个值预测为 {last}；取自 {values}{held}）{by}</small>";
    held: "; {covered} of {values} since were within", "；其后 {values} 个值中 {covered} 个落在区间内";
    by_mean: "; no tag tells more than the mean", "；没有测点能比平均值预测得更准";
    by_tags: "; goes by {tags}", "；主要依据 {tags}";
    comma: ", ", "、";
}

/// Columns that a soft sensor goes by that are named.
const NAMED: usize = 3;

/// The table of the soft sensors; nothing of a grade without laboratory properties.
pub(super) fn content(html: &mut Html, line: &LineView, reader: Reader) {
    let words = Words::of(reader.language);
    let foretold = line.verdict.as_ref().map_or(&[][..], |document| &document.foretold);
    html.raw("<h3>").raw(words.title).raw("</h3><table class=\"movers\"><thead><tr>");
    heading(html, WORDS, words.property);
    for word in [words.foretold, words.within, words.limits, words.outside] {
        heading(html, NUMBERS, word);
    }
    heading(html, WORDS, words.quality);
    html.raw("</tr></thead><tbody>");
    for sensor in &line.soft_sensors {
        row(html, sensor, foretold.iter().find(|one| one.property == sensor.property), reader);
    }
    html.raw("</tbody></table>");
}

/// The soft sensors with how good they were, without what they say now.
pub(super) fn qualities(html: &mut Html, line: &LineView, reader: Reader) {
    let words = Words::of(reader.language);
    html.raw("<table class=\"movers\"><thead><tr>");
    heading(html, WORDS, words.property);
    heading(html, WORDS, words.quality);
    html.raw("</tr></thead><tbody>");
    for sensor in &line.soft_sensors {
        html.raw("<tr><th scope=\"row\">").name(&sensor.property).raw("</th>");
        how_good(html, sensor, reader);
        html.raw("</tr>");
    }
    html.raw("</tbody></table>");
}

fn row(html: &mut Html, sensor: &SoftSensorView, now: Option<&ForetoldProperty>, reader: Reader) {
    let words = Words::of(reader.language);
    let range = |low, high| range(low, high, words);
    html.raw("<tr><th scope=\"row\">").name(&sensor.property).raw("</th>");
    cell(html, now.map(|now| plain(&quantity(now.predicted, &sensor.unit))));
    cell(html, now.map(|now| range(Some(now.interval[0]), Some(now.interval[1]))));
    cell(html, now.map(|now| range(now.low, now.high)));
    cell(html, now.and_then(|now| now.probability).map(|share| plain(&per_cent(share))));
    how_good(html, sensor, reader);
    html.raw("</tr>");
}

fn how_good(html: &mut Html, sensor: &SoftSensorView, reader: Reader) {
    let words = Words::of(reader.language);
    html.raw("<td class=\"wrap\">");
    if let Some(fitted) = &sensor.fitted {
        quality(html, fitted, &sensor.unit, words);
    } else {
        let values = counted(sensor.values as u64, words.value, words.values);
        let needed = plain(&sensor.needed.to_string());
        fill(html, words.too_few, &[("values", &values), ("needed", &needed)]);
    }
    if let Some(failed) = &sensor.failed {
        let mut why = Html::default();
        reader.english(&mut why, failed);
        fill(html, words.failed, &[("why", &why)]);
    }
    html.raw("</td>");
}

/// `120.1 to 131.4`, with one end only where the other is open.
fn range(low: Option<f64>, high: Option<f64>, words: &Words) -> Html {
    let sentences = (words.range, words.at_least, words.at_most);
    bounds_of((low, high), number, sentences).unwrap_or_else(|| plain(NONE))
}

fn cell(html: &mut Html, words: Option<Html>) {
    html.raw("<td class=\"num\">").piece(&words.unwrap_or_else(|| plain(NONE))).raw("</td>");
}

fn quality(html: &mut Html, fitted: &FittedView, unit: &str, words: &'static Words) {
    let fitness = &fitted.fitness;
    let held = BatchStage::ALL.iter().zip(&fitted.coverage).next_back();
    let (mut since, mut by) = (Html::default(), Html::default());
    if let Some((_, Coverage { values, covered })) = held.filter(|(_, held)| held.values > 0) {
        let (covered, values) = (plain(&covered.to_string()), plain(&values.to_string()));
        fill(&mut since, words.held, &[("covered", &covered), ("values", &values)]);
    }
    if fitness.components == 0 {
        by.raw(words.by_mean);
    } else {
        let mut tags = Html::default();
        for (ix, one) in fitted.ranking.iter().take(NAMED).enumerate() {
            tags.raw(if ix > 0 { words.comma } else { "" }).name(&one.column);
        }
        fill(&mut by, words.by_tags, &[("tags", &tags)]);
    }
    let pieces = [
        ("error", &plain(&quantity(fitness.error, unit))),
        ("mean", &plain(&number(fitness.error_of_mean))),
        ("last", &plain(&number(fitness.error_of_last))),
        ("values", &counted(fitness.samples as u64, words.value, words.values)),
        ("held", &since),
        ("by", &by),
    ];
    fill(html, words.errs, &pieces);
}

#[cfg(test)]
mod tests {
    #[test]
    fn both_languages_say_everything() {
        crate::words::check(super::ALL, &["<small>", "</small>"]);
    }
}

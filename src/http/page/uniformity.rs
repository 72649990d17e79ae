//! A page of its own: how much batches differ, from one another and within themselves, and which lots make them.

use super::format::quantity;
use super::format::{NONE, NUMBERS, WORDS, count, counted, heading, name, number, per_cent, plain};
use super::frame::{Frame, Place};
use super::html::Html;
use super::reader::{Reader, Visit};
use crate::http::router::Shared;
use crate::verdict::{
    Component, Figure, LotEffect, LotsOf, OfGrade, ProfileParts, PropertyParts, Uniformity,
};
use crate::words::{fill, table};
use axum::response::Response;

table! {
    title: "Uniformity", "均匀性";
    heading: "How uniform batches are", "批次的均匀性";
    basis: "By the newest {read} of {batches}. Numbers are standard deviations, with the range of the true one in nineteen cases of twenty. Of tags, between batches is what the variation within them does not explain.", "取自 {batches}中最新的 {read} 个。数字为标准差，并附其 95\u{a0}% 置信区间。对测点而言，批次间为批内波动不能解释的部分。";
    one_batch: "{n} batch", "{n} 个批次";
    batches: "{n} batches", "{n} 个批次";
    none: "None of them has ended.", "其中尚无结束的批次。";
    of_grade: "Line {line}, grade {grade}, {batches}", "生产线 {line}，品种 {grade}，{batches}";
    property: "Property", "项目";
    mean: "Mean", "平均";
    between: "Between batches", "批次间";
    slow: "Slow within", "批内慢变化";
    fast: "Fast within", "批内快变化";
    scans: "Scans", "扫描次数";
    along: "Along (MD)", "纵向";
    across: "Across (CD)", "横向";
    residual: "Residual", "残余";
    laboratory: "laboratory", "化验";
    not_apart: "not told apart: one result a batch", "无法区分：每批只有一个结果";
    no_lots: "Nothing is known of lots of raw material: too few batches told what they consumed, and how much.", "原料批号的影响未知：注明用料及用量的批次太少。";
    lots_differ: "By {batches} of known lots, these lots differ from the rest, all that were looked at counted in:", "取自 {batches}，其原料批号已知。以下批号与其余的有差异（已按查看过的全部批号校正）：";
    no_lot_differs: "By {batches} of known lots, no lot differs by more than chance has it. The most different:", "取自 {batches}，其原料批号已知。没有批号的差异超出偶然。差异最大的为：";
    lot: "Lot", "原料批号";
    figure: "Figure", "指标";
    batch_count: "Batches", "批次数";
    adds: "Adds", "影响量";
    by_chance: "By chance", "偶然概率";
    confounded: "hardly told from its time", "与使用时间难以区分";
    range: "{low} to {high}", "{low} 至 {high}";
    of_mean: "{property}", "{property}";
    within: "within batches, {property}", "批内波动，{property}";
    off_spec: "found off spec", "判为不合格";
}

/// Lots that are shown of a figure where none differs: the most different.
const SHOWN: usize = 3;

/// The address of the page of a line.
pub(super) fn address(line: &str, reader: Reader) -> String {
    reader.address("uniformity", &[("line", line)])
}

/// The page.
pub(in crate::http) fn uniformity(shared: &Shared, visit: &Visit, told: &Uniformity) -> Response {
    let words = Words::of(visit.reader.language);
    let mut html = Html::default();
    html.raw("<section class=\"panel document\"><p>");
    let read = plain(&told.read.to_string());
    let pieces = [("read", &read), ("batches", &batches(told.stored as u64, words))];
    fill(&mut html, words.basis, &pieces);
    html.raw("</p>");
    if told.grades.is_empty() {
        html.raw("<p>").raw(words.none).raw("</p>");
    }
    for of in &told.grades {
        grade(&mut html, of, words);
    }
    html.raw("</section>");
    let frame = Frame::new(plain(words.title)).heading(plain(words.heading));
    frame.at(Place::Overview).answer(shared, visit, &html)
}

fn batches(n: u64, words: &Words) -> Html {
    counted(n, words.one_batch, words.batches)
}

fn grade(html: &mut Html, of: &OfGrade, words: &'static Words) {
    html.raw("<h3>");
    let pieces = [
        ("line", &name(&of.line)),
        ("grade", &name(of.grade.as_deref().unwrap_or(NONE))),
        ("batches", &batches(of.batches as u64, words)),
    ];
    fill(html, words.of_grade, &pieces);
    html.raw("</h3>");
    if !of.properties.is_empty() {
        heads(html, [words.mean, words.between, words.slow, words.fast], words);
        for parts in &of.properties {
            property(html, parts, words);
        }
        html.raw("</tbody></table>");
    }
    if !of.profiles.is_empty() {
        heads(html, [words.scans, words.along, words.across, words.residual], words);
        for parts in &of.profiles {
            profile(html, parts);
        }
        html.raw("</tbody></table>");
    }
    lots(html, of, words);
}

fn heads(html: &mut Html, heads: [&'static str; 4], words: &Words) {
    html.raw("<table class=\"movers\"><thead><tr>");
    heading(html, WORDS, words.property);
    for head in heads {
        heading(html, NUMBERS, head);
    }
    html.raw("</tr></thead><tbody>");
}

fn property(html: &mut Html, parts: &PropertyParts, words: &Words) {
    html.raw("<tr><th scope=\"row\" class=\"wrap\">").name(&parts.name);
    if parts.laboratory {
        html.raw(" <small>").raw(words.laboratory).raw("</small>");
    }
    html.raw("</th><td class=\"num\">").text(&quantity(parts.mean, &parts.unit)).raw("</td>");
    if parts.between.is_some() {
        for part in [parts.between, parts.slow, parts.fast] {
            component(html, part);
        }
    } else {
        // With one result a batch, what is within batches is in what they differ by.
        component(html, parts.of_means);
        html.raw("<td colspan=\"2\"><small>").raw(words.not_apart).raw("</small></td>");
    }
    html.raw("</tr>");
}

fn profile(html: &mut Html, parts: &ProfileParts) {
    html.raw("<tr><th scope=\"row\" class=\"wrap\">").name(&parts.profile);
    if !parts.unit.is_empty() {
        html.raw(" <small>").text(&parts.unit).raw("</small>");
    }
    html.raw("</th><td class=\"num\">").text(&parts.scans.to_string()).raw("</td>");
    for part in [parts.md, parts.cd, parts.residual] {
        component(html, Some(part));
    }
    html.raw("</tr>");
}

fn component(html: &mut Html, part: Option<Component>) {
    html.raw("<td class=\"num\">");
    if let Some(part) = part {
        html.text(&number(part.deviation));
        if let (Some(low), Some(high)) = (part.low, part.high) {
            html.raw(" <small>").text(&number(low)).raw("–").text(&number(high)).raw("</small>");
        }
        if let Some(share) = part.share {
            html.raw(" <small>").text(&per_cent(share)).raw("</small>");
        }
    } else {
        html.raw(NONE);
    }
    html.raw("</td>");
}

/// The lots that differ; where none does, those that look the most as if they did.
fn lots(html: &mut Html, of: &OfGrade, words: &'static Words) {
    if of.lots.is_empty() {
        html.raw("<p>").raw(words.no_lots).raw("</p>");
        return;
    }
    let each = || of.lots.iter().flat_map(|of| of.lots.iter().map(move |lot| (of, lot)));
    let mut shown: Vec<(&LotsOf, &LotEffect)> = each().filter(|(_, lot)| lot.differs).collect();
    let some = !shown.is_empty();
    if !some {
        shown = each().filter(|(_, lot)| lot.p.is_some()).collect();
        let p = |lot: &LotEffect| lot.p.unwrap_or(1.0);
        shown.sort_by(|a, b| p(a.1).total_cmp(&p(b.1)));
        shown.truncate(SHOWN);
    }
    html.raw("<p>");
    let sentence = if some { words.lots_differ } else { words.no_lot_differs };
    fill(html, sentence, &[("batches", &batches(of.batches_with_lots as u64, words))]);
    html.raw("</p><table class=\"movers\"><thead><tr>");
    heading(html, WORDS, words.lot);
    heading(html, WORDS, words.figure);
    for word in [words.batch_count, words.adds, words.by_chance] {
        heading(html, NUMBERS, word);
    }
    html.raw("</tr></thead><tbody>");
    for (of, lot) in shown {
        html.raw("<tr><th scope=\"row\" class=\"wrap\">").name(&lot.lot).raw(" <small>");
        html.text(&per_cent(lot.share)).raw("</small></th><td class=\"wrap\">");
        figure(html, of, words);
        if lot.confounded {
            html.raw(" <small>").raw(words.confounded).raw("</small>");
        }
        html.raw("</td><td class=\"num\">").text(&count(lot.batches as u64));
        html.raw("</td><td class=\"num\">");
        html.text(&added(of, lot.effect)).raw(" <small>");
        let (low, high) = (plain(&added(of, lot.low)), plain(&added(of, lot.high)));
        fill(html, words.range, &[("low", &low), ("high", &high)]);
        html.raw("</small></td><td class=\"num\">");
        html.text(&lot.p_adjusted.map_or_else(|| NONE.into(), per_cent)).raw("</td></tr>");
    }
    html.raw("</tbody></table>");
}

fn figure(html: &mut Html, of: &LotsOf, words: &'static Words) {
    let property = of.property.as_deref();
    let sentence = match of.figure {
        Figure::Mean => words.of_mean,
        Figure::Within => words.within,
        // Of batches, not of a property of them.
        Figure::OffSpec => words.off_spec,
    };
    fill(html, sentence, &[("property", &property.map_or_else(Html::default, name))]);
}

fn added(of: &LotsOf, value: f64) -> String {
    match of.figure {
        Figure::Mean => quantity(value, &of.unit),
        Figure::Within | Figure::OffSpec => quantity((value * 1000.0).round() / 10.0, "%"),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn both_languages_say_everything() {
        crate::words::check(super::ALL, &[]);
    }
}

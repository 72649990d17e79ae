//! What a verdict rests on, in sentences: of a batch in progress and of one that has ended, for messages, page, reports and the command line
//! alike.
//!
//! The sentences have no tense: what is made goes on to be judged by the same words until long after its end.

use super::number::{declared, fine_per_cent, number, per_cent, quantity, ratio};
use super::table;
use super::{Language, Phrase};
use crate::models::Statistic;
use crate::plant::Compared;
use crate::reading::side_by_side;
use crate::verdict::{EarlierBatch, ForetoldProperty, LabOutside, Mover, Reason, Similar};
use std::sync::Arc;

table! {
    below_low: "below its limit of {limit}", "低于下限 {limit}";
    above_high: "above its limit of {limit}", "高于上限 {limit}";
    within: "inside {low} to {high}", "在 {low} 至 {high} 之内";
    over_low: "above its lower limit of {limit}", "高于下限 {limit}";
    under_high: "below its upper limit of {limit}", "低于上限 {limit}";
    lately: "lately {against}", "最近{against}";
    no_limits: "without limits", "未设限值";
    bounds: "limits {low} to {high}", "限值 {low} 至 {high}";
    bound_low: "lower limit {limit}", "下限 {limit}";
    bound_high: "upper limit {limit}", "上限 {limit}";
    no_number: "no number", "无数值";

    spec_share: "{tag} {value}, {against}; {share} of the batch outside.", "{tag} {value}，{against}；批次的 {share} 超出限值。";
    spec_mean: "Mean of {tag} {value}, {against}.", "{tag} 的平均值 {value}，{against}。";
    spec_single: "{tag} {value}, {against}, which no single value may pass.", "{tag} {value}，{against}，任何单个值都不允许超出该限。";
    t2: "Process further from its usual state than it may be: T² {ratio} times its limit.", "过程偏离正常状态超出允许范围：T² 为其限值的 {ratio} 倍。";
    spe: "Tags not moving together as they do in good batches: SPE {ratio} times its limit.", "各测点不像好批次那样协同变化：SPE 为其限值的 {ratio} 倍。";
    state: "Slow changes of the process further out than they may be: T² of the state {ratio} times its limit.", "过程的缓慢变化超出允许范围：状态 T² 为其限值的 {ratio} 倍。";
    residual: "Tags not following each other as they do in good batches: T² of the residual {ratio} times its limit.", "各测点的先后关系与好批次不同：残差 T² 为其限值的 {ratio} 倍。";
    innovation: "Process moving otherwise than its last rows foretold: T² of the innovation {ratio} times its limit.", "过程的变化与此前的推算不符：新息 T² 为其限值的 {ratio} 倍。";
    course: "Batch further from the course of good batches than it may be: its distance {ratio} times the limit.", "该批次偏离好批次的轨迹超出允许范围：轨迹距离为其限值的 {ratio} 倍。";
    course_residual: "Batch going otherwise than it foretold of itself: the residual of its course {ratio} times its limit.", "批次的走势与由其自身推算的不符：轨迹残差为其限值的 {ratio} 倍。";
    course_residual_mean: "Batch going for a while otherwise than it foretold of itself: the mean residual of its course {ratio} times its limit.", "批次的走势在一段时间内与由其自身推算的不符：轨迹残差的均值为其限值的 {ratio} 倍。";
    course_residual_sum: "Batch going a little otherwise than it foretold of itself since its start: the summed residual of its course {ratio} times its limit.", "批次的走势自开头起持续小幅偏离由其自身推算的值：轨迹残差的累积和为其限值的 {ratio} 倍。";
    monitor: "Monitor {name} {ratio} times its limit.", "监测量 {name} 为其限值的 {ratio} 倍。";
    contributions: "Most of it from {tags}.", "主要来自 {tags}。";
    contribution: "{tag} {share}", "{tag} {share}";
    prospects: "Chance of ending off spec {chance}, by {signs}.", "最终不合格的可能性为 {chance}，依据：{signs}。";
    earlier_found: "Batch {batch} was found off spec before it: {property} {value}, {against}; no word since that it was mended.", "此前批次 {batch} 经检验不合格：{property} {value}，{against}；之后没有已纠正的记录。";
    earlier_rejected: "Batch {batch} was rejected before it; no word since that it was mended.", "此前批次 {batch} 已被判为不合格品（返工、降级或报废）；之后没有已纠正的记录。";
    foretold: "Foretold for the laboratory: {property} {value} ({from} to {to} in nine cases of ten), {against}.", "预测化验值：{property} {value}（90\u{a0}% 区间 {from} 至 {to}），{against}。";
    foretold_chance: "Foretold for the laboratory: {property} {value} ({from} to {to} in nine cases of ten), {against}; outside with a chance of {chance}.", "预测化验值：{property} {value}（90\u{a0}% 区间 {from} 至 {to}），{against}；超出限值的可能性为 {chance}。";
    laboratory_found: "Laboratory: {property} {value}, {against}.", "化验：{property} {value}，{against}。";
    coverage: "Only {share} of the good data that judging needs.", "判定所需的有效数据只有 {share}。";
    coverage_of: "Only {share} of the good data that judging needs; missing: {tags}.", "判定所需的有效数据只有 {share}；缺少：{tags}。";
    person: "{who} decided: {what}.", "{who} 决定：{what}。";
    person_decided: "A person decided: {what}.", "有人决定：{what}。";
    grade_unknown: "Grade {grade} not declared, so without limits: nothing of it is called on spec.", "品种 {grade} 未登记，没有限值，因此不会判为合格。";

    first_moved: "{tag} moved first, at {at}: {value}, expected {expected}.", "{tag} 最先变化，{at}：实际 {value}，预期 {expected}。";
    then_moved: "{tag} moved at {at}: {value}, expected {expected}.", "{tag} 于 {at} 变化：实际 {value}，预期 {expected}。";
    went_along: "{tag} went along at {at}: {value}, expected {expected}.", "{tag} 于 {at} 随之变化：实际 {value}，预期 {expected}。";
    change_of: "{tag} (change over {span})", "{tag}（{span}内的变化）";
    of_area: "{tag} ({area})", "{tag}（{area}）";

    alike: "Alike: batch {batch}: {ending}.", "相似批次 {batch}：{ending}。";
    ended: "{property} {value}, {against}", "{property} {value}，{against}";
    ended_outside: "{share} outside", "{share} 超限";
    semicolon: "; ", "；";
}

/// A reason as a sentence. `unit` gives the unit of a tag or property; an empty one is none.
pub(crate) fn reason(
    language: Language,
    reason: &Reason,
    unit: impl Fn(&str) -> Arc<str>,
) -> Phrase {
    let words = Words::of(language);
    match reason {
        Reason::Spec { tag, value, low, high, share_out, compared } => {
            let sentence = match compared {
                Compared::Share => words.spec_share,
                Compared::Mean => words.spec_mean,
                Compared::Single => words.spec_single,
            };
            let mut against = against(words, *value, *low, *high);
            // The newest value may be well while what was made before is not.
            let is_inside =
                low.is_none_or(|low| *value >= low) && high.is_none_or(|high| *value <= high);
            if *compared == Compared::Share && is_inside && (low.is_some() || high.is_some()) {
                against = Phrase::fill(words.lately, &[("against", &against)]);
            }
            let pieces = [
                ("tag", &strong(tag)),
                ("value", &amount(words, *value, &unit(tag))),
                ("against", &against),
                ("share", &Phrase::told(fine_per_cent(*share_out))),
            ];
            Phrase::fill(sentence, &pieces)
        }
        Reason::Process { statistic, ratio: over, .. } => {
            let known = Statistic::ALL.into_iter().find(|known| known.as_str() == &**statistic);
            let sentence = known.map_or(words.monitor, |known| of_statistic(words, known));
            let over = Phrase::told(ratio(*over)).strong();
            Phrase::fill(sentence, &[("ratio", &over), ("name", &Phrase::name(statistic))])
        }
        Reason::Prospects { probability, signs, earlier } => {
            let signs = signs.iter().map(|(sign, _)| Phrase::words(language.sign(*sign)));
            let signs = Phrase::joined(signs, language.comma());
            let chance = Phrase::told(per_cent(*probability)).strong();
            let mut sentence =
                Phrase::fill(words.prospects, &[("chance", &chance), ("signs", &signs)]);
            if let Some(earlier) = earlier {
                sentence.push(&Phrase::words(language.space()));
                sentence.push(&before(words, earlier));
            }
            sentence
        }
        Reason::SoftSensor(foretold) => told_before(words, foretold),
        Reason::Laboratory { property, value, low, high } => {
            let pieces = [
                ("property", &strong(property)),
                ("value", &amount(words, *value, &unit(property))),
                ("against", &against(words, *value, *low, *high)),
            ];
            Phrase::fill(words.laboratory_found, &pieces)
        }
        Reason::Coverage { tags, share } => {
            let sentence = if tags.is_empty() { words.coverage } else { words.coverage_of };
            let tags = Phrase::joined(tags.iter().map(|tag| strong(tag)), language.comma());
            let share = Phrase::told(per_cent(*share));
            Phrase::fill(sentence, &[("share", &share), ("tags", &tags)])
        }
        Reason::Person { disposition, by } => {
            let sentence = if by.is_some() { words.person } else { words.person_decided };
            let who = Phrase::name(by.as_deref().unwrap_or_default());
            let what = language.disposition_named(disposition).strong();
            Phrase::fill(sentence, &[("who", &who), ("what", &what)])
        }
        Reason::Grade { grade } => Phrase::fill(words.grade_unknown, &[("grade", &strong(grade))]),
    }
}

/// The tags that contribute to a reason, `most` at most, as a sentence; `None` where none does.
pub(crate) fn contributions(language: Language, reason: &Reason, most: usize) -> Option<Phrase> {
    let Reason::Process { tags, .. } = reason else { return None };
    let words = Words::of(language);
    let one = |(tag, share): &(Arc<str>, f64)| {
        let tag = changed(language, tag, reason.change_over(tag));
        let share = Phrase::told(per_cent(*share));
        Phrase::fill(words.contribution, &[("tag", &tag), ("share", &share)])
    };
    let shares = Phrase::joined(tags.iter().take(most).map(one), language.comma());
    (!shares.is_empty()).then(|| Phrase::fill(words.contributions, &[("tags", &shares)]))
}

/// A tag that moved, by its place among those that did, from 0: `at` is when, as it is to be shown.
pub(crate) fn mover(language: Language, ix: usize, mover: &Mover, at: String) -> Phrase {
    let words = Words::of(language);
    let sentence = match (ix, mover.by_itself) {
        (0, _) => words.first_moved,
        (_, true) => words.then_moved,
        (_, false) => words.went_along,
    };
    let mut tag = changed(language, &mover.tag, mover.over_s);
    if let Some(area) = mover.area.as_deref().filter(|area| !area.is_empty()) {
        tag = Phrase::fill(words.of_area, &[("tag", &tag), ("area", &Phrase::name(area))]);
    }
    let (value, expected) = side_by_side(mover.value, mover.expected);
    let unit = mover.unit.as_deref().unwrap_or_default();
    let with_unit = |number: &str| Phrase::told(format!("{number}\u{a0}{unit}").trim_end());
    let pieces = [
        ("tag", &tag),
        ("at", &Phrase::told(at)),
        ("value", &with_unit(&value).strong()),
        ("expected", &with_unit(&expected)),
    ];
    Phrase::fill(sentence, &pieces)
}

/// A tag, or its change over so many seconds.
#[expect(clippy::cast_possible_truncation, reason = "a float to integer cast stops at the ends")]
pub(crate) fn changed(language: Language, tag: &str, over_s: Option<f64>) -> Phrase {
    let Some(over_s) = over_s else { return strong(tag) };
    let span = Phrase::told(language.duration((over_s * 1000.0) as i64));
    Phrase::fill(Words::of(language).change_of, &[("tag", &strong(tag)), ("span", &span)])
}

/// A past batch in which the same moved, as a sentence.
pub(crate) fn alike(language: Language, similar: &Similar) -> Phrase {
    let (batch, ending) = (strong(&similar.batch), ending(language, similar));
    Phrase::fill(Words::of(language).alike, &[("batch", &batch), ("ending", &ending)])
}

/// How a past batch ended: what a person decided, or the verdict; what was outside; what people did.
pub(crate) fn ending(language: Language, similar: &Similar) -> Phrase {
    let words = Words::of(language);
    let mut parts = vec![match &similar.disposition {
        Some(disposition) => language.disposition_named(disposition),
        None => Phrase::words(language.call(similar.verdict)),
    }];
    parts.extend(similar.laboratory.iter().map(|LabOutside { property, value, low, high }| {
        let pieces = [
            ("property", &Phrase::name(property)),
            ("value", &Phrase::told(number(*value))),
            ("against", &against(words, *value, *low, *high)),
        ];
        Phrase::fill(words.ended, &pieces)
    }));
    if let Some(share) = similar.off_spec_share.filter(|share| *share > 0.0) {
        let share = Phrase::told(fine_per_cent(share));
        parts.push(Phrase::fill(words.ended_outside, &[("share", &share)]));
    }
    parts.extend(similar.actions.iter().map(|action| Phrase::name(action)));
    Phrase::joined(parts, words.semicolon)
}

fn strong(name: &str) -> Phrase {
    Phrase::name(name).strong()
}

/// A number with its unit.
fn amount(words: &Words, value: f64, unit: &str) -> Phrase {
    if value.is_finite() {
        Phrase::told(quantity(value, unit)).strong()
    } else {
        Phrase::words(words.no_number)
    }
}

fn before(words: &Words, earlier: &EarlierBatch) -> Phrase {
    let batch = strong(&earlier.batch);
    let (Some(property), Some(value)) = (&earlier.property, earlier.value) else {
        return Phrase::fill(words.earlier_rejected, &[("batch", &batch)]);
    };
    let pieces = [
        ("batch", &batch),
        ("property", &strong(property)),
        ("value", &amount(words, value, "")),
        ("against", &against(words, value, earlier.low, earlier.high)),
    ];
    Phrase::fill(words.earlier_found, &pieces)
}

fn told_before(words: &Words, foretold: &ForetoldProperty) -> Phrase {
    let unit = foretold.unit.as_deref().unwrap_or_default();
    let [from, to] = foretold.interval.map(|end| Phrase::told(number(end)));
    let chance = foretold.probability.map(per_cent);
    let sentence = if chance.is_some() { words.foretold_chance } else { words.foretold };
    let pieces = [
        ("property", &strong(&foretold.property)),
        ("value", &amount(words, foretold.predicted, unit)),
        ("from", &from),
        ("to", &to),
        ("against", &against(words, foretold.predicted, foretold.low, foretold.high)),
        ("chance", &Phrase::told(chance.unwrap_or_default()).strong()),
    ];
    Phrase::fill(sentence, &pieces)
}

/// Where a value is, seen from its limits.
fn against(words: &Words, value: f64, low: Option<f64>, high: Option<f64>) -> Phrase {
    let shown = |limit: f64| Phrase::told(declared(limit));
    let one = |sentence, limit: f64| Phrase::fill(sentence, &[("limit", &shown(limit))]);
    let both = |sentence, low: f64, high: f64| {
        Phrase::fill(sentence, &[("low", &shown(low)), ("high", &shown(high))])
    };
    if !value.is_finite() {
        return match (low, high) {
            (Some(low), Some(high)) => both(words.bounds, low, high),
            (Some(low), None) => one(words.bound_low, low),
            (None, Some(high)) => one(words.bound_high, high),
            (None, None) => Phrase::words(words.no_limits),
        };
    }
    match (low, high) {
        (Some(low), _) if value < low => one(words.below_low, low),
        (_, Some(high)) if value > high => one(words.above_high, high),
        (Some(low), Some(high)) => both(words.within, low, high),
        (Some(low), None) => one(words.over_low, low),
        (None, Some(high)) => one(words.under_high, high),
        (None, None) => Phrase::words(words.no_limits),
    }
}

fn of_statistic(words: &Words, statistic: Statistic) -> &'static str {
    match statistic {
        Statistic::T2 => words.t2,
        Statistic::Spe => words.spe,
        Statistic::StateT2 | Statistic::StateT2Slow => words.state,
        Statistic::ResidualT2 | Statistic::ResidualT2Slow => words.residual,
        Statistic::InnovationT2 | Statistic::InnovationT2Slow => words.innovation,
        Statistic::CourseT => words.course,
        Statistic::CourseResidual => words.course_residual,
        Statistic::CourseResidualMean => words.course_residual_mean,
        Statistic::CourseResidualSum => words.course_residual_sum,
    }
}

#[cfg(test)]
mod tests;

//! The words of the page of a moment.

use crate::words::table;

table! {
    title: "{line} at {at}", "{line}：{at}";
    instant: "Instant", "时刻";
    instant_hint: "UTC, or milliseconds since 1970", "世界协调时，或自 1970 年起的毫秒数";
    drawn: "Trends over", "趋势范围";
    around: "± {time}", "± {time}";
    of_batch: "the batch", "整个批次";
    show: "Show", "显示";
    moves: "Other moments", "其他时刻";
    frame: "1 frame", "1 帧";
    batch: "Batch", "批次";
    grade: "Grade", "品种";
    made: "Made by then", "当时的批次进度";
    since: "Called so since {at}", "该判定自 {at} 起";
    nothing_said: "Nothing was said of the line yet.", "当时尚无判定。";
    sought: "The journal is being read up to this moment. This page comes again by itself.", "正在读取日志直至该时刻，本页会自动刷新。";
    zone: "Times are UTC.", "时间为 UTC。";
    unknown: "Nothing is known of this moment", "无法得知该时刻的情况";

    why: "Why", "判定依据";
    why_no_alarm: "Why no alarm", "为何没有报警";
    learning: "The model is being learned, from {have} of {need} batches: until then only limits of the product flag.", "模型正在学习，需要 {need} 批，已有 {have} 批：此前只有产品限值会引起报警。";
    learning_borrowed: "The model is being learned, from {have} of {need} batches: until then one borrowed from other grades judges, with wider limits.", "模型正在学习，需要 {need} 批，已有 {have} 批：此前由借自其他品种的模型判定，限值较宽。";
    unsteady: "The line is not steady ({state}): models do not judge.", "生产线不稳定（{state}）：模型不判定。";
    paused: "paused", "停机";
    settling: "settling", "恢复中";
    grade_change: "changing its grade", "更换品种";
    score: "The score is <b>{score}</b>; a batch is flagged above 1, which is what the budget of false flags allows.", "偏离指数为 <b>{score}</b>；超过 1 才报警，这是误报预算所允许的。";
    not_judged: "No model has judged this batch.", "没有模型判定过该批次。";
    guarded: "What moved is within its guard band, and no reason for a flag: {tags}.", "变化仍在保护带之内，不引起报警：{tags}。";
    inside: "Inside their limits: {tags}.", "在限值之内：{tags}。";
    sick: "Sensors that are not trusted: {tags}.", "不可信的传感器：{tags}。";
    comma: ", ", "、";

    statistics: "Statistics against their limits", "统计量与限值";
    statistic: "Statistic", "统计量";
    value: "Value", "数值";
    limit: "Limit", "限值";
    share: "Of its limit", "与限值之比";
    judges: "Judges", "参与判定";
    yes: "yes", "是";
    no: "no", "否";
    no_statistic: "The models did not look at this frame.", "模型没有查看这一帧。";
    model: "Model: {model}", "模型：{model}";

    tags: "What is furthest from what the other tags tell", "与其他测点的预期相差最大的测点";
    tag: "Tag", "测点";
    contributes: "Of the deviation", "对偏差的贡献";
    was: "Was", "实际";
    expected: "Expected", "预期";
    ratio: "Of how far it goes in control", "与受控范围之比";
    since_when: "Since", "起始时间";
    arrives: "At the end of the line", "到达生产线末端";
    first_mover: "Moved first: {tag}", "最先变化：{tag}";
    change: "change over {span}", "{span} 内的变化";
    no_area: "No area", "未分区域";

    quality: "Quality tags against their limits", "质量测点与限值";
    limits: "Limits", "限值";
    outside: "Outside of the batch", "批次中超限";
    outside_since: "Outside since", "超限始于";
    not_seen: "not seen", "未测得";
    range: "{low} to {high}", "{low} 至 {high}";
    at_least: "≥ {limit}", "≥ {limit}";
    at_most: "≤ {limit}", "≤ {limit}";

    chances: "Chances", "可能性";
    chance: "Likely to end off spec", "最终不合格的可能性";
    property: "Property", "项目";
    foretold: "Foretold", "预测值";
    within: "Nine of ten within", "90\u{a0}% 区间";
    outside_with: "Outside with", "超限的可能性";
    advice: "Costs least", "代价最小的做法";

    trends: "Tags around the moment", "该时刻前后的测点";
    trends_label: "Trends of tags, by time", "测点随时间的趋势";
    trend: "{tag}: {low} to {high}", "{tag}：{low} 至 {high}";
    trend_key: "line: mean, band: least to greatest; orange: what was expected at the moment, and how far it goes in control; dashes: the moment", "线：平均值，带：最小值至最大值；橙色：该时刻的预期值及受控范围；虚线：该时刻";
    no_trend: "No frames of this time are kept: they are kept of product alone, and not for ever.", "没有保存这段时间的数据帧：只保存产品的数据帧，且有保存期限。";
    as_table: "The same as a table", "以表格显示";
    when: "When", "时间";
    similar: "Batches in which the same moved", "发生过相同变化的批次";
}

#[cfg(test)]
mod tests {
    #[test]
    fn both_languages_say_everything() {
        crate::words::check(super::ALL, &["<b>", "</b>", "UTC"]);
    }
}

//! The words of the page of a batch.

use crate::words::table;

table! {
    title: "Batch {batch} · {line}", "批次 {batch} · {line}";
    in_progress: "In progress: what stands here is known by now.", "生产中：以下为目前所知的内容。";
    of_station: "A batch of a station: it is known by what is told of it alone.", "工位的批次：仅凭所报告的信息得知。";
    since: "Called so since {at}", "该判定自 {at} 起";
    decided: "<b>{what}</b>, decided {at}{by}", "<b>{what}</b>，决定于 {at}{by}";
    undecided: "Nobody has decided about it.", "尚无人作出处置决定。";
    merged: "Merged into {batch}", "已并入批次 {batch}";
    zone: "Times are UTC.", "时间为 UTC。";
    by: " by {who}", "，决定人：{who}";

    line: "Line", "生产线";
    station: "Station", "工位";
    batch: "Batch", "批次";
    grade: "Grade", "品种";
    started: "Started", "开始";
    ended: "Ended", "结束";
    lasted: "Took", "历时";
    length: "Length", "长度";
    mass: "Mass", "质量";
    outside: "Outside limits", "超限";
    chance: "Chance of off spec", "不合格的可能性";
    made: "Made by now", "批次完成进度";
    first_flag: "First flagged", "首次报警";
    before_end: "{lead} before its end", "结束前 {lead}";
    flagged_since: "Flagged without a break since", "持续报警始于";
    moved_first: "Moved first", "最先变化";
    advice: "Costs least", "代价最小的做法";
    revision: "Revision", "修订号";
    found: "Found", "结论";
    found_good: "good", "合格";
    found_bad: "off spec", "不合格";
    found_acted: "good, somebody acted", "经处理合格";
    maintenance: "Maintenance", "检修";
    maintained: "somebody worked on the line: it teaches nothing", "生产时该线正在检修，不用于学习";
    report: "Report to print", "打印报告";
    moment_flag: "Why it was flagged then", "首次报警时刻的依据";
    moment_end: "Why at its end", "结束时刻的依据";
    moment_now: "Why now", "当前时刻的依据";

    along: "Along the batch", "批次全程";
    along_metres: "The batch from its begin to its end, in metres", "批次从起点到终点的全程，单位为米";
    along_time: "The batch from its begin to its end, by time", "批次从开始到结束的全程，按时间";
    nothing_along: "Nothing is kept of what was seen along it.", "没有保存其全程的数据。";
    affected: "Affected, by the verdict", "判定为受影响";
    outside_lane: "Outside limits", "超出限值";
    flagged_lane: "Score above its limit", "偏离指数超过限值";
    unseen_lane: "Too little seen", "有效数据不足";
    paused_lane: "Paused", "停机";
    nowhere: "nowhere", "无";
    share: "{amount}, {share}: {where}", "{amount}，{share}：{where}";
    stretch_metres: "{from} to {to} m", "{from} 至 {to} m";
    at_metres: "at {from} m", "位于 {from} m 处";
    stretch_time: "{from} to {to}", "{from} 至 {to}";
    and_more: "and {n} more", "另有 {n} 段";
    comma: ", ", "，";
    score: "Score", "偏离指数";
    score_chart: "Score along the batch; at most {max}, 1 is the limit", "批次全程的偏离指数；最大 {max}，限值为 1";
    tag_chart: "{tag} along the batch: {low} to {high}", "批次全程的 {tag}：{low} 至 {high}";
    one_is_limit: "1 is the limit", "1 为限值";
    mean_and_range: "line: mean of a section, band: its least to its greatest value", "线：分段平均值，带：分段最小值至最大值";
    limits: "Limits", "限值";
    range: "{low} to {high}", "{low} 至 {high}";
    at_least: "≥ {limit}", "≥ {limit}";
    at_most: "≤ {limit}", "≤ {limit}";
    of_mean: "mean {bounds}", "平均值 {bounds}";
    of_single: "single values {bounds}", "单值 {bounds}";
    no_limit: "–", "–";
    as_table: "The same as a table", "以表格显示";
    from: "From", "自";
    to: "To", "至";
    when: "When", "时间";
    call: "Call", "判定";

    stretches: "Bad stretches", "不合格段";
    no_stretch: "None.", "无。";
    from_begin: "From the begin", "距起点";
    from_end: "From the end", "距终点";
    slab: "Taking off {begin} at the begin and {end} at the end leaves {left} of {length}; {bad} are bad.", "从起点去除 {begin}，从终点去除 {end}，{length} 中还剩 {left}；不合格段共 {bad}。";
    slab_all: "All {length} come off: no stretch of it is good.", "{length} 全部去除：没有合格段。";
    slab_more: "Something is known to be wrong with it of which nobody knows where.", "另有已知的问题，但无人知道位于何处。";

    why: "Why", "判定依据";
    no_reason: "Nothing speaks against it.", "没有不利的依据。";
    shares: "Share of the deviation", "对偏差的贡献";
    shares_of_areas: "Share of the deviation, by area", "各区域对偏差的贡献";
    change: "change over {span}", "{span} 内的变化";
    movers: "What moved, the first to move first", "发生变化的测点，最先变化的在前";
    tag: "Tag", "测点";
    was: "Was", "实际";
    expected: "Expected", "预期";
    since_when: "Since", "起始时间";
    similar: "Batches in which the same moved, the most alike first", "发生过相同变化的批次，最相似的在前";
    alike: "Alike", "相似度";
    ended_as: "Ended", "结果";

    laboratory: "Laboratory", "化验";
    no_laboratory: "No laboratory property is asked for, and none was measured.", "没有要求的化验项目，也没有化验结果。";
    property: "Property", "项目";
    value: "Value", "数值";
    inside: "Within limits", "合格";
    yes: "yes", "是";
    no: "no", "否";
    no_result: "no result", "无结果";
    results: "Results", "各次结果";
    foretold: "Had been foretold", "此前的预测";
    interval: "{from} to {to}", "{from} 至 {to}";

    people: "What people did", "人员记录";
    no_people: "Nothing is told of it.", "没有记录。";
    what: "What", "内容";
    who: "Who", "人员";
    note: "Note", "备注";

    genealogy: "Made of, and made into", "来源与去向";
    no_genealogy: "Nothing is told of it.", "没有记录。";
    made_of: "Made of", "来源";
    became: "Made into", "去向";
    of_batch: "Of", "对应批次";
    metres_of: "Metres of it", "对应的米数";
    steps: "Steps away", "相隔步数";
    more: "There is more than is shown.", "还有未显示的内容。";
    into: "merged", "合并";

    course: "Pauses and phases", "停机与阶段";
    pause: "Pause", "停机";
    pause_for: "Pause: {reason}", "停机：{reason}";
    phase: "Phase", "阶段";
    lasted_for: "For", "时长";
    where_: "Where", "位置";
    alarms: "Alarms of it that stand", "与其有关的当前报警";
    alarm: "Alarm", "报警";
    says: "Says", "内容";
}

#[cfg(test)]
mod tests {
    #[test]
    fn both_languages_say_everything() {
        crate::words::check(super::ALL, &["<b>", "</b>", "m", "UTC"]);
    }
}

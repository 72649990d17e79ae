//! The words of reports, in both languages side by side: who changes one sees the other.

use crate::words::table;

table! {
    batch_report: "Batch report", "批次质量报告";
    certificate: "Certificate of analysis", "质量检验证书";
    weekly: "Weekly scoreboard", "每周判定评估";
    all_times: "All times: {zone}", "时间均为 {zone}";
    line: "Line", "生产线";
    station: "Station", "工位";
    batch: "Batch", "批次";
    grade: "Grade", "品种";
    started: "Started", "开始";
    ended: "Ended", "结束";
    duration: "Duration", "时长";
    length: "Length", "长度";
    mass: "Mass", "重量";
    disposition: "Disposition", "处置";
    verdict: "Verdict", "判定";
    since: "since {at}", "自 {at} 起";
    first_flagged: "First flagged", "首次报警";
    before_end: "{lead} before its end", "结束前 {lead}";
    undecided: "none yet", "尚未处置";
    unknown: "not known", "未知";

    on_spec: "On spec", "合格";
    at_risk: "At risk", "有风险";
    off_spec: "Off spec", "不合格";
    not_judged: "Not judged", "无法判定";
    void: "Void", "作废";

    why: "What it was judged by", "判定依据";
    no_reasons: "Nothing speaks against it.", "没有不利的依据。";
    moved: "What moved, in order", "变化的先后";

    along: "Along the batch", "沿批次长度的情况";
    along_metres: "Metres from the begin of the batch", "距批次开头的米数";
    along_time: "Time of day", "时刻";
    lengths_differ: "Positions are by the speed, {made} in all; the length that was told is {counted}. They differ too much for one to be set in the other.", "位置按车速计算，共 {made}；上报的长度为 {counted}。两者相差过大，未作换算。";
    nothing_along: "What was seen along the batch is not kept.", "没有保存沿批次的数据。";
    call_row: "Sections", "各段";
    score_row: "Score", "偏离指数";
    score_limit: "limit 1", "限值 1";
    chart_key: "Of each tag: the line is the mean of a section, the band its least to greatest value, dashes are limits; darker hatched bands were outside them in part.", "各测点：线为每段平均值，色带为最小值至最大值，虚线为限值；较深的斜纹色带表示该段有超限。";
    chart_title: "The batch section by section", "批次各段情况";

    stretches: "Bad stretches", "不良段";
    no_stretch: "None is known.", "未发现。";
    from_begin: "From the begin", "距开头";
    from_end: "From the end", "距末尾";
    when: "When", "时间";
    to: "{from} to {to}", "{from} 至 {to}";
    slab: "What to take off", "建议切除";
    slab_advice: "Take off {begin} at the begin (the core of a reel) and {end} at the end (its outside): {left} are left in one piece.", "开头（卷芯一侧）切除 {begin}，末尾（卷外一侧）切除 {end}：余下连续的 {left}。";
    slab_all: "All of it is bad: no piece is left.", "整个批次不良，没有可保留的部分。";
    slab_sum: "{length} − {begin} − {end} = {left}. The bad stretches have {bad} together, {share} of the length.", "{length} − {begin} − {end} = {left}。不良段共 {bad}，占长度的 {share}。";
    slab_mass: "By mass: {left} are left, {bad} are bad.", "按重量：余下 {left}，不良 {bad}。";
    slab_more: "Taking it off does not mend all: something is wrong with the batch of which nobody knows where it is.", "切除后仍不能完全解决：该批次还有位置不明的问题。";

    quality: "Quality tags", "在线质量测点";
    tag: "Tag", "测点";
    unit: "Unit", "单位";
    limits: "Limits", "限值";
    mean: "Mean", "平均";
    least: "Least", "最小";
    greatest: "Greatest", "最大";
    deviation: "s", "标准差";
    outside: "Outside", "超限";
    seen: "Seen", "有数据";
    mean_limits: "mean {bounds}", "平均 {bounds}";
    single_limits: "single {bounds}", "单值 {bounds}";
    at_least: "≥ {limit}", "≥ {limit}";
    at_most: "≤ {limit}", "≤ {limit}";

    laboratory: "Laboratory", "化验室";
    property: "Property", "项目";
    method: "Method", "方法";
    value: "Value", "数值";
    inside: "Inside", "是否在限内";
    yes: "yes", "是";
    no: "no", "否";
    results: "Results", "各次结果";
    soft_sensor: "Foretold", "软测量预测";
    interval: "{from} to {to}", "{from} 至 {to}";
    no_result: "no result", "无结果";
    no_laboratory: "Nothing is asked of the laboratory, and nothing came of it.", "没有化验要求，也没有化验结果。";

    people: "What people did and decided", "人员的操作与决定";
    no_people: "Nothing was told.", "没有记录。";
    what: "What", "内容";
    who: "Who", "人员";
    note: "Note", "备注";
    decided: "decided: {what}", "决定：{what}";

    genealogy: "Genealogy", "批次谱系";
    made_of: "Made of", "来源";
    became: "Became", "去向";
    of_batch: "Of", "所属";
    metres_of: "Metres", "米数";
    merged: "merged", "已并入";
    no_genealogy: "Nothing was told of what it was made of or became.", "没有来源与去向的记录。";
    more: "And more that is not shown.", "另有未列出的部分。";

    provenance: "About this sheet", "关于本文件";
    made_by: "Made by", "生成程序";
    made_at: "Made", "生成时间";
    model: "Model that judges this grade now", "当前判定该品种的模型";
    model_version: "version {version}, fitted on data up to {at}", "版本 {version}，数据截至 {at}";
    revision: "Revision of the batch", "批次修订号";
    digest: "SHA-256 of the data", "数据的 SHA-256";
    digest_note: "Copies with the same digest were made from the same data, whatever their language or the time they were made.", "摘要相同的文件来自相同的数据，与语言和生成时间无关。";

    supplier: "Supplier", "供方";
    customer: "Customer", "客户";
    order: "Order", "订单";
    delivered: "What it is of", "所含批次";
    analysis: "Results", "检验结果";
    target: "Target", "目标";
    count: "n", "样本数 n";
    result: "Result", "结论";
    pass: "pass", "合格";
    fail: "FAIL", "不合格";
    missing: "missing", "缺数据";
    information: "for information", "仅供参考";
    origin: "Origin", "来源";
    of_laboratory: "laboratory", "化验室";
    online: "online", "在线";
    outside_allowed: "outside {share}, at most {allowed}", "超限 {share}，允许 {allowed}";
    by_batch: "Values by batch", "各批次数值";
    rule: "How values are compared", "比较规则";
    rule_lab: "A laboratory property passes if the value that counts is within its limits, the limits included: the newest result, or the mean over the positions where positions are named.", "化验项目：计入的数值在限值之内（含限值）为合格；计入的数值为最新结果，注明取样位置时为各位置的平均。";
    rule_single: "Where there are limits for single values, each result of which that value is made must be within them, too.", "设有单值限值的项目：构成计入数值的每个结果也须在单值限值之内。";
    rule_online: "An online property passes if no more of the batch than the stated share was outside its limits, by values smoothed over 30 s, and its mean and single values keep their limits where there are any.", "在线项目：按 30 秒平滑值，超出限值的部分不超过规定比例，且平均值与单值不超过各自的限值（如有）为合格。";
    rule_round: "Values are compared as they were measured. Only then are they rounded for print, half to even, to the resolution of the method where one is declared.", "数值先按测量值与限值比较，之后才按方法的修约间隔（分辨力）修约（四舍六入五成双）后印出。";
    statement: "All properties listed with limits pass, and the batches are fit for delivery.", "所列设有限值的项目全部合格，各批次可以交付。";
    statement_conform: "All properties listed with limits pass: the batches conform to the limits listed.", "所列设有限值的项目全部合格，各批次符合所列限值。";
    as_is: "NOT CONFORMING: ISSUED AS IS", "不符合要求：按现状出具";
    as_is_unreleased: "NOT RELEASED: ISSUED AS IS", "未放行，按现状出具";
    as_is_note: "This sheet certifies no conformity. What stands against it:", "本文件不证明产品合格。原因如下：";
    as_is_unreleased_note: "Nothing is outside the limits listed, but not all batches are released. What stands against it:", "所列项目均未超出限值，但尚有批次未放行。原因如下：";
    not_ended: "batch {batch} has not ended", "批次 {batch} 尚未结束";
    is_void: "batch {batch} is void or merged into another", "批次 {batch} 已作废或并入其他批次";
    is_off_spec: "batch {batch} is off spec", "批次 {batch} 不合格";
    is_disposed: "batch {batch} was not released but is to be: {what}", "批次 {batch} 未放行，处置为：{what}";
    is_unreleased: "the verdict on batch {batch} is “{verdict}”, and nobody has released it", "批次 {batch} 的判定为“{verdict}”，且无人放行";
    has_no_sheet: "nothing is kept of what was found of batch {batch}", "没有保存批次 {batch} 的检验数据";
    has_no_limits: "nothing is asked of batch {batch}: its grade has no limits", "批次 {batch} 的品种没有限值";
    lacks: "batch {batch} has no result of {property}", "批次 {batch} 缺少 {property} 的结果";
    lacks_seen: "of batch {batch} only {share} was seen of {property}", "批次 {batch} 的 {property} 只有 {share} 有数据";
    fails: "{property} of batch {batch} is outside its limits", "批次 {batch} 的 {property} 超出限值";
    other_grade: "batch {batch} is of another grade", "批次 {batch} 属于其他品种";
    released_by: "Released by", "放行人";
    signature: "Signature", "签字";
    date: "Date", "日期";

    all_lines: "all lines", "全部生产线";
    figure: "Figure", "指标";
    this_week: "This week", "本周";
    week_before: "The week before", "上周";
    finished: "Finished batches", "完成的批次";
    right: "Flagged, and found off spec", "报警且确认不合格";
    wrong: "Flagged, and found good", "误报：报警但合格";
    missed: "Off spec, and not flagged", "漏报：不合格而未报警";
    acted: "Flagged, and saved by somebody", "报警后经处理合格";
    open: "Flagged, and nobody has said", "报警而无结论";
    quiet: "Found good, and not flagged", "合格且未报警";
    unscored: "Not flagged, and nobody has said", "未报警而无结论";
    precision: "Flags that were right", "报警准确率";
    recall: "Off-spec batches that were flagged", "不合格批次的检出率";
    rate: "{rate} ({count} of {of}; 95\u{a0}% interval {low} to {high})", "{rate}（{of} 批中 {count} 批；95\u{a0}% 置信区间 {low} 至 {high}）";
    lead: "From flag to end, median", "报警至结束，中位数";
    saved: "Tonnes made after right flags", "正确报警后的产量";
    held: "Tonnes falsely held", "误扣的产量";
    looked_since: "So many batches are stored that only the newest were looked through, those that started since {at}: what ended before, and weeks that begin before, are not told in full.", "存储的批次过多，仅查看了 {at} 以后开始的最新批次：此前结束的批次及更早的各周统计不完整。";
    trend: "The last eight weeks", "最近八周";
    trend_title: "Batches by week: flagged right, missed, flagged wrongly", "每周批次：正确报警、漏报、误报";
    verdict_found: "What was said, and what was found", "判定与结论";
    said: "Said", "判定";
    found_off: "off spec", "不合格";
    found_good: "good", "合格";
    found_acted: "good, acted on", "经处理合格";
    found_open: "not known", "未知";
    by_name: "By name", "批次名单";
    found: "Found", "结论";
    by_grade: "By line and grade", "按生产线与品种";
    movers: "What moved first in flagged batches", "报警批次中最先变化的测点";
    times: "Batches", "批次数";
    sensors: "Sensors that are not trusted now", "当前不可信的传感器";
    fault: "Fault", "故障";
    no_sensor: "All are trusted.", "全部可信。";
    nothing: "None.", "无。";
    tonnes: "t", "吨";
    comma: ", ", "、";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_languages_say_everything() {
        crate::words::check(ALL, &["SHA-256", "样本数 n"]);
    }

    /// Words that a reader of the trade takes for something else, were they put otherwise.
    #[test]
    fn the_terms_are_those_of_the_trade() {
        for (key, english, chinese) in [
            ("statement", "fit for delivery", "所列设有限值的项目全部合格"),
            ("score_row", "Score", "偏离指数"),
            ("count", "n", "样本数 n"),
            ("recall", "Off-spec batches that were flagged", "检出率"),
            ("missing", "missing", "缺数据"),
            ("rule_round", "resolution", "修约间隔（分辨力）"),
            ("rate", "95\u{a0}% interval", "95\u{a0}% 置信区间"),
        ] {
            let of = ALL.iter().find(|of| of.0 == key).unwrap();
            assert!(of.1.contains(english) && of.2.contains(chinese), "{of:?}");
        }
    }
}

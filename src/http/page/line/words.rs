//! The words of the section of a line.

use crate::words::table;

table! {
    heading: "Line {line}", "生产线 {line}";
    last_verdict: "The last verdict was <b>{verdict}</b>, since {at}.", "最后一次判定为<b>{verdict}</b>，自 {at} 起。";
    since: "Since {at}", "自 {at} 起";
    since_for: "Since {at}, for {span}", "自 {at} 起，已持续 {span}";
    maintenance: "Under maintenance since {from}, until {until}{by}{note}. Its alarms are muted, and nothing is learned.", "检修中：自 {from} 起，至 {until}{by}{note}。其间报警静音，数据不用于学习。";
    by: ", by {who}", "，操作人：{who}";
    note: ": {note}", "，备注：{note}";
    learned: "Batches learned from", "已学习的批次";
    learning: "Learning: <b>{have} of {need}</b> batches", "学习中：需要 {need} 批，已有 <b>{have}</b> 批";
    learning_borrowed: "Learning: <b>{have} of {need}</b> batches; until then a model borrowed from other grades judges", "学习中：需要 {need} 批，已有 <b>{have}</b> 批；在此之前由借用其他品种的模型判定";
    first_model: "Learning: {more} until the first model.", "再有 {more}即可建立第一个模型。";
    own_model: "Learning: {more} until a model of its own.", "再有 {more}即可建立自己的模型。";
    first_model_soon: "Learning: there are on-spec batches enough for the first model.", "合格批次的数量已够建立第一个模型。";
    own_model_soon: "Learning: there are on-spec batches enough for a model of its own.", "合格批次的数量已够建立自己的模型。";
    more_batch: "{n} more on-spec batch", "{n} 个合格批次";
    more_batches: "{n} more on-spec batches", "{n} 个合格批次";
    fitting: "Model of grade {grade} being fitted from {batches} since {at}: {stage}.", "正在用{batches}拟合品种 {grade} 的模型，开始于 {at}：{stage}。";
    one_batch: "{n} batch", " {n} 个批次";
    batches: "{n} batches", " {n} 个批次";
    stage_done: "{stage}, {done}", "{stage}，{done}";
    stage_reading: "reading frames", "读取数据帧";
    stage_fitting: "fitting", "拟合";
    stage_calibrating: "held-out calibration", "用留出数据校准限值";
    stage_trial: "trial", "与现用模型比对";
    stage_soft_sensor: "soft sensor", "软测量";
    behind: "The last good reading is from {at}, {span} ago.", "最后一个有效读数的时间为 {at}，距今 {span}。";
    likely: "likely to end off spec", "最终不合格的可能性";
    progress: "of the batch made", "批次完成进度";

    batch: "Batch", "批次";
    grade: "Grade", "品种";
    started: "Started", "开始";
    left: "Still to be made", "尚待生产";
    phase: "Phase", "阶段";
    moved_first: "Moved first", "最先变化";
    costs_least: "Costs least", "代价最小的做法";
    model: "Model", "模型";
    no_model: "None judges this grade yet.", "该品种尚无用于判定的模型。";
    models: "More about models", "模型详情";
    models_one_waits: "A model waits to be promoted", "有模型待启用";
    wrong_of: "{wrong} of {good} <small>{low} to {high} %, {promised} % promised</small>", "{good}中误报 {wrong} 个 <small>{low} 至 {high} %，承诺值 {promised} %</small>";
    good_batch: "{n} good batch", "{n} 个好批次";
    good_batches: "{n} good batches", "{n} 个好批次";
    challenger_new: "version {version} waits to be promoted and has judged no batch yet", "版本 {version} 待启用，尚未试判任何批次";
    challenger: "version {version} waits to be promoted and has judged the last {batches}: {said}", "版本 {version} 待启用，已试判最近的{batches}：{said}";
    would_flag: "of {of} it would have flagged {new} and version {against} {present}", "{of}中它会报警 {new} 个，版本 {against} 报警 {present} 个";
    good_one: "{n} good one", "{n} 个好批次";
    good_ones: "{n} good ones", "{n} 个好批次";
    bad_one: "{n} bad one", "{n} 个不合格批次";
    bad_ones: "{n} bad ones", "{n} 个不合格批次";
    open: "of {n} nobody knows yet", "{n} 个尚无结论";
    semicolon: "; ", "；";
    promotion: "version {version} judges from the next batch boundary of the line on: {reason} at {at}", "版本 {version} 从该生产线下一个批次边界起用于判定：{reason}，{at}";

    outside: "Outside limits:", "超出限值：";
    affected: "Affected:", "受影响：";
    arrives: ", at the end of the line from {at}", "，{at} 起到达生产线末端";
    trend: "Process against its limit", "过程统计量与限值之比";
    moments: "What it rests on:", "判定的详细依据：";
    moment_now: "as of {at}", "截至 {at}";
    moment_flagged: "when it was flagged, {at}", "报警时刻 {at}";
    uniformity: "How uniform batches are, and which lots make them differ", "批次的均匀性，以及造成差异的原料批号";

    why: "Why", "判定依据";
    shares: "Share of the deviation", "对偏差的贡献";
    change: "change over {span}", "{span} 内的变化";
    similar: "Batches in which the same moved, the most alike first", "发生过相同变化的批次，最相似的在前";
    alike: "Alike", "相似度";
    ended_as: "Ended", "结果";
    movers: "What moved, the first to move first", "发生变化的测点，最先变化的在前";
    tag: "Tag", "测点";
    was: "Was", "实际";
    expected: "Expected", "预期";
    since_when: "Since", "起始时间";

    last_batches: "Last batches", "最近的批次";
    no_batch: "No batch has ended yet.", "尚无结束的批次。";

    sick_tags: "Sensors that are not to be trusted", "不可信的传感器";
    all_well: "Every sensor of the line can be trusted.", "该生产线的所有传感器均可信。";
    none_heard: "No reading has come yet.", "尚未收到任何读数。";
    all_tags: "All {n} sensors of the line", "该生产线的全部 {n} 个传感器";
    more_sick: "And {n} more.", "另有 {n} 个。";
    no_tag: "The configuration declares no tag of this line.", "配置中没有登记该生产线的测点。";
}

#[cfg(test)]
mod tests {
    #[test]
    fn both_languages_say_everything() {
        crate::words::check(super::ALL, &["<b>", "</b>", "<small>", "</small>"]);
    }

    /// Words that a reader of the trade takes for something else, were they put otherwise.
    #[test]
    fn the_terms_are_those_of_the_trade() {
        for (key, english, chinese) in [
            ("tag", "Tag", "测点"),
            ("grade", "Grade", "品种"),
            ("outside", "Outside limits", "超出限值"),
            ("maintenance", "maintenance", "检修"),
        ] {
            let of = super::ALL.iter().find(|of| of.0 == key).expect("a word");
            assert!(of.1.contains(english) && of.2.contains(chinese), "{of:?}");
        }
    }
}

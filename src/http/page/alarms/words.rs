//! The words of the page of the alarms.

use crate::words::table;

table! {
    alarms: "Alarms", "报警";
    none: "No alarm stands, and none waits for a word.", "当前没有报警，也没有等待处理的报警。";
    all: "All alarms", "全部报警";
    more: "And {n} more.", "另有 {n} 条。";
    load: "Told to people: {ten} in the last ten minutes, {hour} in the last hour, {day} in the last day; the most in ten minutes {peak}.", "已通知的报警：最近十分钟 {ten} 条，最近一小时 {hour} 条，最近一天 {day} 条；十分钟内最多 {peak} 条。";
    flood: "A flood since {at}: more come than a person can answer.", "自 {at} 起报警泛滥：数量超出人员的处理能力。";
    answer: "Answer", "处理";
    of_line: "Alarms of the line", "该生产线的报警";
    priority: "Priority", "优先级";
    class: "Class", "类别";
    state: "State", "状态";
    since: "Since", "起始时间";
    alarm: "Alarm", "报警";
    occurrence: "Times it came", "发生次数";
    acknowledged_by: "Acknowledged by", "确认人";
    acknowledged_at: "{who}, {at}", "{who}，{at}";
    chatters: "It comes and goes: it stays until it has been calm for ten minutes.", "反复出现：保持报警，直至平静满十分钟。";
    over: "This alarm does not stand: its condition is gone, nobody has to answer it, and nothing hides it. It may also be that there never was one of this name.", "该报警当前不存在：条件已消失，无需处理，也未被屏蔽。也可能从未有过此名称的报警。";
    over_perhaps: "This alarm is not among the {n} that are shown here.", "该报警不在此处显示的 {n} 条之中。";

    info: "info", "提示";
    warning: "warning", "警告";
    critical: "critical", "严重";
    low: "low", "低";
    medium: "medium", "中";
    high: "high", "高";
    at_once: "critical", "最高";
    class_batch: "batch", "批次";
    class_sensor: "sensor", "传感器";
    class_profile: "profile", "横幅";
    class_line: "line", "生产线";
    class_tags: "tags", "测点";
    class_monitor: "monitor", "判定";
    class_model: "model", "模型";
    class_system: "system", "系统";

    normal: "normal", "正常";
    unacknowledged: "new", "未确认";
    acknowledged: "acknowledged", "已确认";
    returned: "over, not acknowledged", "已恢复，未确认";
    latched: "over, to be acknowledged and reset", "已恢复，待确认并复位";
    latched_acknowledged: "over, to be reset", "已恢复，待复位";
    shelved: "shelved", "已搁置";
    suppressed: "suppressed", "设计抑制";
    out_of_service: "out of service", "停用";
    because: ": {why}", "：{why}";
    also_suppressed: ", suppressed: {why}", "，并由设计抑制：{why}";
    until: " until {at}", "，至 {at}";
    also_shelved: ", shelved until {at}", "，并搁置至 {at}";
    by: " by {who}", "，操作人：{who}";
    note: ": {note}", "，备注：{note}";
    unheard: "came {n} times meanwhile", "其间又发生 {n} 次";
    line_blind: "nothing is known of the line", "生产线失联，状况不明";
    line_silent: "nothing comes of the line", "生产线没有任何数据";
    line_unsteady: "the line stands still, changes its grade or starts up", "生产线停机、换品种或正在开机";
    line_maintenance: "the line is under maintenance", "生产线正在检修";

    do_acknowledge: "Acknowledge", "确认";
    do_reset: "Reset", "复位";
    do_shelve: "Shelve", "搁置";
    do_unshelve: "Unshelve", "取消搁置";
    do_remove: "Take out of service", "停用";
    do_restore: "Put into service", "恢复使用";
    do_comment: "Comment", "备注";
    means_acknowledge: "You know of it and see to it. It stays until its condition is gone.", "表示您已知悉并将处理。条件消失前报警仍保留。";
    means_reset: "Its condition is gone and the cause is mended: it is taken off.", "条件已消失，原因已排除：撤除该报警。";
    means_shelve: "Nobody hears of it until then. It is counted meanwhile.", "在此之前不再通知任何人，其间仍计数。";
    means_unshelve: "It is heard again from now on.", "从现在起恢复通知。";
    means_remove: "What it watches does not work for now. Nobody hears of it until somebody puts it into service again.", "所监视的对象暂不使用。恢复使用前不再通知任何人。";
    means_restore: "It is watched and heard again from now on.", "从现在起恢复监视和通知。";
    means_comment: "A word for the record; nothing else happens.", "仅作记录，不产生其他作用。";
    your_name: "Your name", "您的姓名";
    why: "Why", "原因";
    why_perhaps: "Note (not needed)", "备注（可不填）";
    until_when: "Until", "至";
    one_hour: "for 1 h", "1 小时";
    eight_hours: "for 8 h", "8 小时";
    shift_end: "the end of the shift, {at}", "本班结束，{at}";
    a_time: "a time:", "指定时间：";
    at_time: "Time, {zone}", "时间（{zone}）";

    done: "Done:", "已完成：";
    refused: "Nothing was changed:", "未作更改：";
    told_acknowledge: "{alarm} is acknowledged.", "{alarm} 已确认。";
    told_reset: "{alarm} is reset.", "{alarm} 已复位。";
    told_shelve: "{alarm} is shelved.", "{alarm} 已搁置。";
    told_unshelve: "{alarm} is not shelved any more.", "{alarm} 已取消搁置。";
    told_remove: "{alarm} is out of service.", "{alarm} 已停用。";
    told_restore: "{alarm} is in service again.", "{alarm} 已恢复使用。";
    told_comment: "The comment on {alarm} is written down.", "{alarm} 的备注已记录。";
    told_later: "{alarm}: taken, and done when the store has room for it.", "{alarm}：已受理，存储有空间后执行。";
    not_unknown: "there never was an alarm {alarm}.", "从未有过报警 {alarm}。";
    not_other: "{alarm} has come again since: that was another occurrence of it.", "{alarm} 此后再次发生：所指为此前的一次。";
    not_acknowledge: "{alarm} has nothing to acknowledge: somebody has done so, it is over, or it is hidden.", "{alarm} 没有可确认的内容：已有人确认、已恢复或被屏蔽。";
    not_reset: "{alarm} has nothing to reset: only an alarm that is kept after its condition is gone is reset.", "{alarm} 没有可复位的内容：只有条件消失后仍保持的报警才需复位。";
    not_acknowledged_first: "{alarm} has to be acknowledged before it is reset.", "{alarm} 须先确认再复位。";
    not_shelved: "{alarm} is not shelved.", "{alarm} 并未搁置。";
    not_in_service: "{alarm} is in service.", "{alarm} 正在使用。";
    not_out_of_service: "{alarm} is out of service already.", "{alarm} 已停用。";
    not_past: "the time until which {alarm} was to be shelved is over.", "{alarm} 的搁置截止时间已过。";
    not_so_long: "{alarm} cannot be shelved for so long: the plant allows less (<code>[alarms] shelve_max</code>).", "{alarm} 的搁置时间过长，超出工厂允许的上限（<code>[alarms] shelve_max</code>）。";
    not_busy: "onspec is busy, or its store has no room. Try again in a moment.", "onspec 正忙，或存储空间不足。请稍后再试。";
    not_stopping: "onspec stops, or another configuration is just taking effect. Try again then.", "onspec 正在停止，或新配置正在生效。请稍后再试。";
    not_now: "{alarm} is in a state in which this cannot be.", "{alarm} 目前的状态不允许此操作。";
    not_taken: "this onspec takes no orders about alarms.", "此 onspec 不受理报警操作。";
    not_named: "say who you are, in 1 to 80 characters.", "请填写姓名，1 至 80 个字符。";
    not_why: "say why, in 1 to 1000 characters, so that the next shift knows.", "请填写原因，1 至 1000 个字符，以便下一班知悉。";
    not_noted: "the note is longer than 1000 characters.", "备注超过 1000 个字符。";
    not_until: "say until when it is shelved: choose a span, or write a time of the site.", "请指定搁置截止时间：选择时长，或填写工厂当地时间。";

    record: "What people did about it", "操作记录";
    record_all: "What people did about alarms last", "最近的报警操作";
    record_none: "Nothing among the last decisions that are kept.", "最近的记录中没有相关操作。";
    when: "When", "时间";
    who: "Who", "操作人";
    what: "What", "操作";
    done_acknowledge: "acknowledged", "确认";
    done_reset: "reset", "复位";
    done_shelve: "shelved", "搁置";
    done_unshelve: "unshelved", "取消搁置";
    done_remove: "taken out of service", "停用";
    done_restore: "put into service", "恢复使用";
    done_comment: "commented", "备注";
}

#[cfg(test)]
mod tests {
    #[test]
    fn both_languages_say_everything() {
        crate::words::check(super::ALL, &["onspec", "<code>[alarms] shelve_max</code>"]);
    }
}

//! The words of the page behind a link, in both languages side by side.

use crate::words::table;

table! {
    title: "Acknowledge an alarm", "确认报警";
    alarm: "Alarm", "报警";
    line: "Line", "生产线";
    severity: "Severity", "级别";
    since: "Since", "开始时间";
    state: "State", "状态";
    name: "Your name", "您的姓名";
    note: "Note (what you will do, what you know)", "备注（将采取的措施、已知情况）";
    button: "Acknowledge", "确认";
    unknown_state: "There are too many alarms to say; the button looks.", "报警过多，无法显示状态；按下按钮时核对。";
    over: "It is over: there is nothing to acknowledge.", "报警已消除，无需确认。";
    done: "You have acknowledged it.", "您已确认。";
    waits: "It is acknowledged, and will be written down once the store has room.", "已确认，待存储有空间后写入。";
    forged: "This link is not complete, or it was not made by this onspec. Copy it whole from the message.", "链接不完整，或不是由本 onspec 生成的。请从消息中完整复制。";
    expired: "This link was for a week, and that is over. Acknowledge the alarm on the page of onspec or with its API.", "链接有效期为一周，现已过期。请在 onspec 页面或通过 API 确认报警。";
    older: "This link was for an earlier occurrence of the alarm, which has come again since. Use the link of the newest message; nothing was acknowledged.", "此链接属于该报警较早的一次发生，此后报警再次发生。请使用最新消息中的链接；未作任何确认。";
    never: "This onspec knows of no such alarm. Nothing was acknowledged.", "本 onspec 没有此报警。未作任何确认。";
    already: "Nothing is left to do:", "无需操作：";
    bad_name: "Write your name (1 to 80 characters) and, if you like, a note of at most 1000.", "请填写姓名（1 至 80 个字符），备注可不填，最多 1000 个字符。";
    busy: "onspec is busy, or stops. Nothing was acknowledged: try again in a moment.", "onspec 正忙或正在停止。未作任何确认，请稍后再试。";
    state_unacknowledged: "Nobody has acknowledged it.", "尚无人确认。";
    state_acknowledged: "It stands, and somebody has acknowledged it already.", "报警仍在，已有人确认。";
    state_returned_unacknowledged: "It is over, and nobody has acknowledged it.", "报警已消除，尚无人确认。";
    state_latched_unacknowledged: "Its cause is gone; it stands until it is acknowledged and reset.", "原因已消除；确认并复位之前，报警保持。";
    state_latched_acknowledged: "Somebody has acknowledged it already; it stands until it is reset.", "已有人确认；复位之前，报警保持。";
    state_shelved: "Somebody has shelved it: there is nothing to acknowledge.", "报警已被搁置，无需确认。";
    state_suppressed_by_design: "The state of the plant makes it meaningless: there is nothing to acknowledge.", "因生产线当前状态，报警已被抑制，无需确认。";
    state_out_of_service: "It is out of service: there is nothing to acknowledge.", "报警已停用，无需确认。";
    info: "info", "提示";
    warning: "warning", "警告";
    critical: "critical", "严重";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_languages_say_everything() {
        crate::words::check(ALL, &["onspec", "API"]);
    }
}

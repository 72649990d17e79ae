//! The words of the section of the daemon itself.

use crate::words::table;

table! {
    itself: "onspec itself", "onspec 自身状态";
    state: "State", "状态";
    since: "Since", "起始时间";
    line: "Line", "生产线";
    area: "Area", "区域";
    broker: "Broker", "消息代理";

    parts: "Parts", "组件";
    no_part: "No part has said anything yet.", "尚无组件报告状态。";
    part: "Part", "组件";
    reason: "Reason", "原因";
    ok: "ok", "正常";
    starting: "starting", "启动中";
    degraded: "degraded", "异常，重试中";
    failed: "failed", "故障";
    stored: "Readings stored", "已存储读数";
    repeated: "Repeated", "重复读数";
    undeclared_series: "Undeclared series", "未登记的序列";
    last_start: "Last start {at}: {found}.", "上次启动于 {at}：{found}。";
    last_start_open: "Last start {at}: {found}. What the brokers held meanwhile is being read.", "上次启动于 {at}：{found}。正在读取其间消息代理保留的消息。";
    found: "down {down}, {late}, {lost}, {gaps}", "程序停运 {down}，{late}，{lost}，{gaps}";
    late_one: "{n} batch judged late", "{n} 个批次延后判定";
    late: "{n} batches judged late", "{n} 个批次延后判定";
    lost_one: "{n} message known lost", "已知丢失 {n} 条消息";
    lost: "{n} messages known lost", "已知丢失 {n} 条消息";
    gap_one: "{n} possible gap", "{n} 处可能缺失";
    gaps: "{n} possible gaps", "{n} 处可能缺失";

    store: "Store", "存储";
    store_size: "Size", "大小";
    store_fill: "Taken by what has to be kept", "必须保留的数据所占";
    commits: "Commits since the start", "启动以来的提交次数";
    waiting: "What waits to go out", "待发送";
    no_outbox: "Nobody is told anything: no InfluxDB, no webhook.", "没有接收方：未配置 InfluxDB 或网络回调。";
    receiver: "Receiver", "接收方";
    pending: "Waits", "等待";
    dropped: "Dropped at the disk budget", "因磁盘限额丢弃";
    parked: "Refused for good, kept", "被永久拒收，已留存";
    parked_means: "What was refused for good is shown by <code>onspec webhook parked</code>, which also sends it again.", "被永久拒收的内容用 <code>onspec webhook parked</code> 查看，也可重新发送。";
    links: "Links to brokers", "与消息代理的连接";
    messages: "Messages", "消息";
    connections: "Connections", "连接次数";
    lost_links: "Lost", "断开次数";
    broker_dropped: "Dropped by the broker", "消息代理丢弃";
    since_start: "Counted since the start of this process.", "自本进程启动起计数。";

    strays: "Not declared: stored, not judged", "未登记：只存储，不参与判定";
    not_declared: "Not declared", "未登记";
    tag: "Tag", "测点";
    last_value: "Last value", "最新值";
    stray_at: "At", "时间";
    readings: "Readings", "读数";

    sources_clocks: "Sources and their clocks", "数据源及其时钟";
    sources: "Sources", "数据源";
    time: "Time", "时间戳";
    delay: "Delay", "延迟";
    clock: "Clock", "时钟";
    time_of_arrival: "of arrival: it sends none", "到达时间：数据源不带时间戳";
    time_both: "its own, or of arrival", "自带时间戳或到达时间";
    time_own: "its own", "自带时间戳";
    clock_good: "good", "正常";
    clock_future: "future", "远超前于到达时间";
    clock_far_past: "far-past", "远落后于到达时间";
    clock_ahead: "ahead", "偏快";
    clock_behind: "behind", "偏慢";
    clock_frozen: "frozen-clock", "时间戳停滞";

    nodes: "Edge nodes", "边缘节点";
    group: "Group", "组";
    node: "Node", "节点";
    born: "Born", "上线时间";
    devices: "Devices", "设备";
    metrics: "Metrics", "变量";
    held: "Waiting", "等待处理";
    node_gaps: "Gaps", "序号缺失";
    online: "online", "在线";
    offline: "offline", "离线";
    unborn: "its birth was not heard", "未收到上线消息";
    nodes_known: "{known} known, {forgotten} forgotten for others.", "已知 {known} 个，另有 {forgotten} 个为腾出位置而不再跟踪。";

    faults: "Messages not taken", "未接收的消息";
    no_fault: "Every message could be read.", "所有消息均可读取。";
    last_faults: "Last messages not taken", "最近未接收的消息";
    arrived: "Arrived", "到达";
    topic: "Topic", "主题";
    exactly: "What exactly", "具体情况";
    unknown_topic: "unknown-topic", "主题无规则匹配";
    not_utf8: "not-utf8", "编码不是 UTF-8";
    not_json: "not-json", "不是 JSON";
    corrupt: "corrupt", "压缩数据损坏";
    not_line_protocol: "not-line-protocol", "不符合行协议";
    missing_value: "missing-value", "没有数值";
    wrong_type: "wrong-type", "数值类型不符";
    not_finite: "not-finite", "数值非有限数";
    bad_time: "bad-time", "时间无法识别";
    bad_quality: "bad-quality", "质量码无法识别";
    wrong_unit: "wrong-unit", "单位无法换算";
    content_type: "content-type", "内容类型不符";
    too_large: "too-large", "消息过大";
    bad_event: "bad-event", "批次事件无法识别";
    line_unclear: "line-unclear", "生产线不明确";
    retained: "retained", "保留消息且不带时间";
    too_many_tags: "too-many-tags", "未登记的测点过多";
    undeclared: "undeclared", "未登记，按配置忽略";
    no_birth: "no-birth", "变量没有上线定义";
}

impl Words {
    /// What is wrong with the clock of a source, by its word.
    pub(super) fn of_clock(&self, state: &'static str) -> &'static str {
        match state {
            "good" => self.clock_good,
            "future" => self.clock_future,
            "far-past" => self.clock_far_past,
            "ahead" => self.clock_ahead,
            "behind" => self.clock_behind,
            "frozen-clock" => self.clock_frozen,
            other => other,
        }
    }

    /// Why a message was not taken, by its word.
    pub(super) fn of_fault(&self, reason: &'static str) -> &'static str {
        match reason {
            "unknown-topic" => self.unknown_topic,
            "not-utf8" => self.not_utf8,
            "not-json" => self.not_json,
            "corrupt" => self.corrupt,
            "not-line-protocol" => self.not_line_protocol,
            "missing-value" => self.missing_value,
            "wrong-type" => self.wrong_type,
            "not-finite" => self.not_finite,
            "bad-time" => self.bad_time,
            "bad-quality" => self.bad_quality,
            "wrong-unit" => self.wrong_unit,
            "content-type" => self.content_type,
            "too-large" => self.too_large,
            "bad-event" => self.bad_event,
            "line-unclear" => self.line_unclear,
            "retained" => self.retained,
            "too-many-tags" => self.too_many_tags,
            "undeclared" => self.undeclared,
            "no-birth" => self.no_birth,
            other => other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::Reason;
    use crate::words::Language;

    #[test]
    fn both_languages_say_everything() {
        crate::words::check(
            ALL,
            &["<code>onspec webhook parked</code>", "onspec", "UTF-8", "JSON", "InfluxDB"],
        );
    }

    #[test]
    fn every_fault_has_its_words() {
        let [english, chinese] = [Language::English, Language::Chinese].map(Words::of);
        let reasons = [
            Reason::UnknownTopic,
            Reason::NotUtf8,
            Reason::NotJson,
            Reason::Corrupt,
            Reason::NotLineProtocol,
            Reason::MissingValue,
            Reason::WrongType,
            Reason::NotFinite,
            Reason::BadTime,
            Reason::BadQuality,
            Reason::WrongUnit,
            Reason::ContentType,
            Reason::TooLarge,
            Reason::BadEvent,
            Reason::LineUnclear,
            Reason::Retained,
            Reason::TooManyTags,
            Reason::Undeclared,
            Reason::NoBirth,
        ];
        for reason in reasons {
            let word = reason.as_str();
            assert_eq!(english.of_fault(word), word, "programs know it by this");
            assert_ne!(chinese.of_fault(word), word);
        }
        for state in ["good", "future", "far-past", "ahead", "behind", "frozen-clock"] {
            assert_eq!(english.of_clock(state), state);
            assert_ne!(chinese.of_clock(state), state);
        }
    }
}

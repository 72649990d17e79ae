//! What an event says to a person, in each language: a title of one line, and a text of what, where, since when, why, what is left
//! to save, and what to do. No message needs a manual.
//!
//! The words are made of the event's data whenever they are asked for, so that each receiver has them in its language.

mod text;

use super::book::News;
use super::event::{EventKind, Fate, Notification, Subject};
use crate::verdict::Document;
use crate::words::{Locale, Phrase, table};

table! {
    void: "{line}: batch {batch} is void", "{line}：批次 {batch} 已作废";
    void_ended: "{line}: batch {batch} has ended and is void", "{line}：批次 {batch} 已结束，并已作废";
    merged: "{line}: batch {batch} is part of batch {into}", "{line}：批次 {batch} 已并入批次 {into}";
    merged_ended: "{line}: batch {batch} has ended and is part of batch {into}", "{line}：批次 {batch} 已结束，并已并入批次 {into}";
    at_risk: "{line}: batch {batch} is at risk", "{line}：批次 {batch} 有不合格风险";
    off_spec: "{line}: batch {batch} is off spec", "{line}：批次 {batch} 不合格";
    cleared: "{line}: batch {batch} is no longer at risk", "{line}：批次 {batch} 的不合格风险已解除";
    revised: "{line}: batch {batch} is now {verdict}", "{line}：批次 {batch} 的判定改为：{verdict}";
    finished: "{line}: batch {batch} ended {verdict}", "{line}：批次 {batch} 已结束，判定：{verdict}";
    sensor_sick: "{line}: sensor {tag} cannot be trusted: {fault}", "{line}：传感器 {tag} 不可信：{fault}";
    sensor_well: "{line}: sensor {tag} can be trusted again", "{line}：传感器 {tag} 恢复可信";
    streak: "{line}: {tag} has a streak across the web", "{line}：{tag} 横幅上有固定位置的条痕";
    even: "{line}: {tag} has no streak any more", "{line}：{tag} 横幅上的条痕已消失";
    blind: "{line}: nothing is known of the line", "{line}：无法获知生产线的状况";
    restored: "{line}: the line is seen again", "{line}：重新获知生产线的状况";
    silent: "{line}: the line has gone silent", "{line}：生产线不再上报数据";
    heard: "{line}: the line speaks again", "{line}：生产线恢复上报数据";
    missing: "{line}: {never} of {declared} tags never came: {tags}", "{line}：{declared} 个测点中有 {never} 个从未上报：{tags}";
    missing_some: "{line}: tags that never came: {tags}", "{line}：从未上报的测点：{tags}";
    found: "{line}: all declared tags have come", "{line}：所有登记的测点均已上报";
    unjudged: "{line}: no verdict is possible", "{line}：无法判定";
    judged: "{line}: what is made is judged again", "{line}：恢复判定";
    model_promoted: "{line}: model {version} of grade {grade} judges from now on", "{line}：品种 {grade} 的模型 {version} 自现在起用于判定";
    model_waiting: "{line}: model {version} of grade {grade} is better and waits to be promoted", "{line}：品种 {grade} 的模型 {version} 更好，等待启用";
    model_drifted: "{line}: model {version} of grade {grade} has drifted", "{line}：品种 {grade} 的模型 {version} 已漂移";
    model_none: "{line}: there is no new model of grade {grade}", "{line}：未能得到品种 {grade} 的新模型";
    model_no_better: "{line}: the new model of grade {grade} is no better than version {version}, which judges on", "{line}：品种 {grade} 的新模型不优于版本 {version}，继续用后者判定";
    degraded: "{part} does not work: {reason}", "{part} 工作不正常：{reason}";
    recovered: "{part} works again", "{part} 恢复正常";
    started: "{part} works again: {reason}", "{part} 恢复运行：{reason}";
    gone: "{alarm}: it is declared no more", "{alarm}：已不再登记";
    unacknowledged: "{title}; nobody has acknowledged it for {waited}", "{title}；已有 {waited}无人确认";
    acknowledged: "{title}; acknowledged by {by}", "{title}；已由 {by} 确认";
    somebody: "somebody", "有人";
    more_tags: ", …", "…";

    affected: "Affected: {places}.", "受影响：{places}。";
    metres: "{from} to {to} m", "{from} 至 {to} 米";
    clock: "{from} to {to}", "{from} 至 {to}";
    more_places: "{more} stretches more", "另有 {more} 段";
    since: "Since {at}.", "自 {at} 起。";
    was: "It was so since {at}.", "此前自 {at} 起如此。";
    left: "Still to be made: {share} of it, in about {time}.", "尚待生产：{share}，约需 {time}。";
    left_tonnes: "Still to be made: {share} of it, about {rest} t, in about {time}.", "尚待生产：{share}，约 {rest} 吨，约需 {time}。";
    left_metres: "Still to be made: {share} of it, about {rest} m, in about {time}.", "尚待生产：{share}，约 {rest} 米，约需 {time}。";

    todo_at_risk: "What to do: look at what moved first, and have the laboratory test the batch before it is released.", "处理：检查最先变化的测点；放行前请化验室检测该批次。";
    todo_off_spec: "What to do: mend the cause, or end the batch now so that no more good fibre is lost; hold it, and have it tested.", "处理：消除原因，或立即结束该批次，以免继续生产不合格品；扣留该批次并送化验。";
    todo_hold: "What to do: hold the batch, and have it tested before anybody decides.", "处理：扣留该批次，送化验后再作决定。";
    todo_test: "What to do: have the laboratory test the batch before it is released.", "处理：放行前请化验室检测该批次。";
    todo_unknown: "What to do: have the laboratory test the batch, for it could not be judged.", "处理：该批次无法判定，请化验室检测。";
    advice_release: "Costs least: let it go on its way.", "代价最小：照常放行。";
    advice_test: "Costs least: have the laboratory test it before it goes on.", "代价最小：先化验，再放行。";
    advice_hold: "Costs least: hold it.", "代价最小：扣留。";
    advice_end: "Costs least: end it now, and mend the cause.", "代价最小：立即结束该批次，并消除原因。";

    sensor_since: "Since {at}; its values are not used meanwhile.", "自 {at} 起；其间不使用该测点的数值。";
    stamps_behind: "Its stamps are {by} behind their arrival, those of its source are not.", "其时间戳比到达时间落后 {by}，而同一数据源的其他测点没有。";
    stamps_ahead: "Its stamps are {by} ahead of their arrival, those of its source are not.", "其时间戳比到达时间超前 {by}，而同一数据源的其他测点没有。";
    todo_cable: "What to do: look at its cable, and at the source that sends it.", "处理：检查其电缆和发送数据的数据源。";
    todo_instrument: "What to do: look at the instrument and its cable.", "处理：检查仪表及其电缆。";
    todo_calibrate: "What to do: compare it with a sample, and calibrate the instrument.", "处理：取样比对，并校准仪表。";
    todo_source: "What to do: look at what its source sends: value, quality and unit.", "处理：检查数据源发送的数值、质量标记和单位。";
    todo_tag_clock: "What to do: look how its source stamps this tag.", "处理：检查数据源如何为该测点打时间戳。";

    streak_since: "Since {at}, always at the same place, from the tending side: {places}.", "自 {at} 起，始终在同一位置（从操作侧算起）：{places}。";
    streak_place: "{from} to {to}: {deviation}", "{from} 至 {to}：{deviation}";
    todo_streak: "What to do: look at lip, nozzles, blade and felt at this place.", "处理：检查该位置的唇板、喷嘴、刮刀和毛毯。";

    blind_since: "Since {at} no broker is reached: nothing of the line is judged.", "自 {at} 起无法连接消息代理：该生产线不作任何判定。";
    todo_blind: "What to do: look at the broker and the network; the link is made again by itself.", "处理：检查消息代理和网络；恢复后会自动重连。";
    blind_was: "Nothing was known of it since {at}.", "此前自 {at} 起状况不明。";
    silent_since: "Nothing has come of it since {at}, though its broker is reached.", "自 {at} 起没有任何数据，而消息代理连接正常。";
    todo_silent: "What to do: look at the gateway or PLC that sends, and at its link to the broker.", "处理：检查发送数据的网关或控制器，以及它与消息代理的连接。";
    silent_was: "Nothing came of it since {at}.", "此前自 {at} 起没有数据。";
    missing_since: "Waited for since {at}: {tags}.", "自 {at} 起等待：{tags}。";
    todo_missing: "What to do: see with `onspec tap` which names come, and correct them in the configuration or at the source.", "处理：用 `onspec tap` 查看实际上报的名称，在配置或数据源中更正。";
    unjudged_since: "Since {at} nobody knows whether what is made is on spec.", "自 {at} 起无法知道产品是否合格。";
    todo_unjudged: "What to do: mend what is missing; until then have the laboratory test what is made.", "处理：恢复缺失的数据；在此之前请化验室检测产品。";
    unjudged_was: "No verdict was possible since {at}.", "此前自 {at} 起无法判定。";

    todo_drifted: "What to do: look what has changed on the line: instruments, recipe, machine. A new model is fitted of newer batches.", "处理：检查生产线有何变化：仪表、配方、设备。将用较新的批次建立新模型。";
    todo_waiting: "What to do: look at it on the page, and promote it with `onspec models promote` if it is right.", "处理：在页面上查看，确认无误后用 `onspec models promote` 启用。";
    todo_no_model: "What to do: look at what the reason names; it is tried again with newer batches.", "处理：检查上述原因；有新批次后会再次尝试。";

    todo_influx: "What to do: look at InfluxDB and the network; what is to be written waits and is not lost.", "处理：检查 InfluxDB 和网络；待写入的数据会保留，不会丢失。";
    todo_broker: "What to do: look at this broker: its network, its persistence, and how many messages may wait there.", "处理：检查该消息代理：网络、持久化以及允许排队的消息数。";
    todo_receiver: "What to do: look at this receiver and the network; what it is to be told waits.", "处理：检查该接收方和网络；待发送的消息会保留。";
    todo_store: "What to do: make room on the disk, or let what waits be taken.", "处理：清理磁盘空间，或尽快送出待发送的数据。";
    todo_clock: "What to do: set the clock of the gateway or PLC; if every source says the same, it may be this machine's.", "处理：校正网关或控制器的时钟；若所有数据源均如此，可能是本机时钟有误。";
    todo_alarms: "What to do: look what the alarms have in common.", "处理：查看这些报警的共同原因。";
    todo_part: "What to do: look at this part on the page, under “onspec itself”.", "处理：在页面“onspec 自身”一栏查看该组件。";
    todo_start: "What to do: look at the persistence of the broker and the session expiry; batches of that time may be judged by less.", "处理：检查消息代理的持久化和会话有效期；该时段的批次可能依据不全。";
}

/// The most names in a title.
const NAMED: usize = 3;

/// What is to be said.
struct What<'a> {
    kind: EventKind,
    line: &'a str,
    alarm: &'a str,
    subject: &'a Subject,
}

impl News {
    fn what(&self) -> What<'_> {
        let Self { kind, line, alarm, subject, .. } = self;
        What { kind: *kind, line, alarm, subject }
    }

    /// One line for a person.
    #[must_use]
    pub fn title(&self, locale: &Locale) -> String {
        title(&self.what(), locale).to_string()
    }

    /// A few sentences for a person.
    #[must_use]
    pub fn text(&self, locale: &Locale) -> String {
        text::text(&self.what(), locale).to_string()
    }
}

impl Notification {
    /// What it is about; what answers to an alarm, or says that nobody does, is about what raised that.
    fn what(&self) -> What<'_> {
        let Self { line, alarm, subject, .. } = self;
        let kind = self.response.raised_by.filter(|_| self.kind.responds()).unwrap_or(self.kind);
        What { kind, line, alarm, subject }
    }

    /// The title in a language, of times of a zone.
    #[must_use]
    pub fn title_in(&self, locale: &Locale) -> String {
        let words = Words::of(locale.language);
        let title = title(&self.what(), locale);
        let response = &self.response;
        match self.kind {
            EventKind::AlarmUnacknowledged => {
                let waited = response.unacknowledged.unwrap_or_default().as_millis();
                let waited = i64::try_from(waited).unwrap_or(i64::MAX);
                let waited = Phrase::told(locale.language.duration(waited));
                let pieces = [("title", &title), ("waited", &waited)];
                Phrase::fill(words.unacknowledged, &pieces)
            }
            EventKind::AlarmAcknowledged => {
                let somebody = || Phrase::words(words.somebody);
                let by = response.by.as_deref().map_or_else(somebody, Phrase::name);
                Phrase::fill(words.acknowledged, &[("title", &title), ("by", &by)])
            }
            _ => title,
        }
        .to_string()
    }

    /// The text, likewise.
    #[must_use]
    pub fn text_in(&self, locale: &Locale) -> String {
        if self.kind == EventKind::AlarmAcknowledged {
            // What that person said is all there is to say.
            return self.response.note.as_deref().unwrap_or_default().to_owned();
        }
        text::text(&self.what(), locale).to_string()
    }

    /// Why, of what has a reason of its own and no verdict; else nothing.
    #[must_use]
    pub fn reason_in(&self, locale: &Locale) -> String {
        text::why(&self.what(), locale).to_string()
    }
}

/// One line: what, and where.
fn title(what: &What<'_>, locale: &Locale) -> Phrase {
    let (language, words) = (locale.language, Words::of(locale.language));
    let line = Phrase::name(what.line);
    let of_line = |sentence| Phrase::fill(sentence, &[("line", &line)]);
    match what.subject {
        Subject::Gone(_) => Phrase::fill(words.gone, &[("alarm", &Phrase::name(what.alarm))]),
        Subject::Batch { batch, verdict, besides, .. } => {
            let into = if let Fate::Merged(into) = &besides.fate { into } else { batch };
            let pieces = [
                ("line", &line),
                ("batch", &Phrase::name(batch)),
                ("into", &Phrase::name(into)),
                ("verdict", &Phrase::words(language.call(verdict.verdict))),
            ];
            Phrase::fill(of_batch(words, what.kind, &besides.fate), &pieces)
        }
        Subject::Sensor { tag, fault, .. } => {
            let well = what.kind == EventKind::SensorRecovered;
            let sentence = if well { words.sensor_well } else { words.sensor_sick };
            let fault = language.fault_named(fault);
            Phrase::fill(
                sentence,
                &[("line", &line), ("tag", &Phrase::name(tag)), ("fault", &fault)],
            )
        }
        Subject::Profile { tag, .. } => {
            let even = what.kind == EventKind::ProfileEven;
            let sentence = if even { words.even } else { words.streak };
            Phrase::fill(sentence, &[("line", &line), ("tag", &Phrase::name(tag))])
        }
        Subject::Line { .. } => of_line(match what.kind {
            EventKind::LineRestored => words.restored,
            EventKind::LineSilent => words.silent,
            EventKind::LineHeard => words.heard,
            _ => words.blind,
        }),
        Subject::Tags { tags, .. } if tags.is_empty() => of_line(words.found),
        Subject::Tags { tags, declared, .. } => {
            let mut names = language.names(tags.iter().take(NAMED).map(|tag| &**tag));
            if tags.len() > NAMED {
                names.push(&Phrase::words(words.more_tags));
            }
            let sentence = if *declared == 0 { words.missing_some } else { words.missing };
            let pieces = [
                ("line", &line),
                ("never", &Phrase::told(tags.len().to_string())),
                ("declared", &Phrase::told(declared.to_string())),
                ("tags", &names),
            ];
            Phrase::fill(sentence, &pieces)
        }
        Subject::Monitor { .. } => {
            of_line(if what.kind == EventKind::LineJudged { words.judged } else { words.unjudged })
        }
        Subject::Model { grade, version, reason, .. } => {
            let (sentence, version) = match (what.kind, reason.better_one()) {
                (EventKind::ModelPromoted, _) => (words.model_promoted, *version),
                (EventKind::ModelWaiting, _) => (words.model_waiting, *version),
                (EventKind::ModelDrifted, _) => (words.model_drifted, *version),
                (_, Some(better)) => (words.model_no_better, better),
                (_, None) => (words.model_none, *version),
            };
            let version = Phrase::told(version.to_string());
            let grade = Phrase::name(grade);
            Phrase::fill(sentence, &[("line", &line), ("version", &version), ("grade", &grade)])
        }
        Subject::System { component, reason, .. } => {
            let sentence = match (what.kind, reason) {
                (EventKind::SystemRecovered, crate::words::SystemReason::Start(_)) => words.started,
                (EventKind::SystemRecovered, _) => words.recovered,
                _ => words.degraded,
            };
            let reason = reason.phrase(locale);
            Phrase::fill(sentence, &[("part", &Phrase::name(component)), ("reason", &reason)])
        }
    }
}

fn of_batch(words: &Words, kind: EventKind, fate: &Fate) -> &'static str {
    let ended = kind == EventKind::BatchFinished;
    match (fate, kind) {
        (Fate::Void, _) if ended => words.void_ended,
        (Fate::Void, _) => words.void,
        (Fate::Merged(_), _) if ended => words.merged_ended,
        (Fate::Merged(_), _) => words.merged,
        (_, EventKind::BatchAtRisk) => words.at_risk,
        (_, EventKind::BatchOffSpec) => words.off_spec,
        (_, EventKind::BatchCleared) => words.cleared,
        (_, EventKind::BatchRevised) => words.revised,
        _ => words.finished,
    }
}

/// True if a person has decided what becomes of the batch.
fn is_decided(document: &Document) -> bool {
    document.reasons.iter().any(|reason| matches!(reason, crate::verdict::Reason::Person { .. }))
}

#[cfg(test)]
mod tests;

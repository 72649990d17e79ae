//! Causes of what is told of models and of parts of the daemon: data, and what they say in each language.
//!
//! What comes from an operating system, a server, a library or a fit is a detail for whoever mends it: it stands as it came, inside a
//! sentence of the language.

use super::number::{NONE, count, number};
use super::table;
use super::{Locale, Phrase};
use crate::models::{Flagged, Trial, TrialReason};
use crate::quality::Trouble;
use crate::reading::Timestamp;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

table! {
    drifted: "{exceeded} of the last {of} good batches passed its limits, where 1 in {one_in} is promised.", "最近 {of} 个好批次中有 {exceeded} 个超出其限值，而承诺为每 {one_in} 批不超过 1 批。";
    no_good: "No good batch is kept that neither model was fitted on.", "没有两个模型都未用过的好批次可供比较。";
    flags_good: "Of {of} good batches it flags {new}, version {against} flags {present}.", "{of} 个好批次中它报警 {new} 个，版本 {against} 报警 {present} 个。";
    flags_bad: "Of {of} bad batches it flags {new}, version {against} flags {present}.", "{of} 个不合格批次中它报警 {new} 个，版本 {against} 报警 {present} 个。";
    finds: "Of {of} deviations put into good batches it finds {new}, version {against} finds {present}.", "在好批次中加入的 {of} 处偏差，它发现 {new} 处，版本 {against} 发现 {present} 处。";
    firm: "Its limits are firm, those of version {against} are provisional.", "它的限值已确定，版本 {against} 的限值仍为暂定。";
    first_own: "The first model of the grade's own batches alone takes the place of the borrowed one.", "首个仅用本品种批次建立的模型取代借用的模型。";
    far: "It is far from the reference, so a person has to decide ({detail}).", "它与参考模型相差较大，需由人决定（{detail}）。";
    model: "The model: {detail}.", "模型：{detail}。";
    promoted_by: "{by} promoted the model of version {of}.", "{by} 启用了版本 {of} 的模型。";
    promoted: "The model of version {of} was promoted.", "已启用版本 {of} 的模型。";
    back_by: "{by} went back to the model of version {of}.", "{by} 恢复了版本 {of} 的模型。";
    back: "The model of version {of} was put back.", "已恢复版本 {of} 的模型。";
    cannot_judge: "The model of version {of}, which was promoted, cannot judge ({detail}).", "已启用的版本 {of} 的模型无法判定（{detail}）。";
    failed: "The fit failed ({detail}).", "建模失败（{detail}）。";

    session_lost: "the broker has lost the session {client}: what it held since {since} is missing", "消息代理丢失了会话 {client}：自 {since} 起暂存的消息已缺失";
    dropped: "the broker dropped {count} messages of its clients since {since}", "消息代理自 {since} 起丢弃了其客户端的 {count} 条消息";
    flood: "more than {count} alarms in ten minutes", "十分钟内报警超过 {count} 条";
    calm: "few alarms in ten minutes again", "十分钟内的报警数已恢复正常";
    future: "its stamps are {by} ahead of their arrival: its readings are stored and not judged", "其时间戳比到达时间超前 {by}：读数已保存，不参与判定";
    past: "its stamps are {by} behind their arrival and behind what it sent before: its readings are stored and not judged (`time_unit`?)", "其时间戳比到达时间及此前发送的落后 {by}：读数已保存，不参与判定（`time_unit`？）";
    ahead: "its stamps are {by} ahead of their arrival", "其时间戳比到达时间超前 {by}";
    behind: "its stamps are {by} behind their arrival, or something in between holds them as long", "其时间戳比到达时间落后 {by}，或中间环节滞留了这么久";
    frozen: "it sends new values under a stamp that stands still", "数值在变化而时间戳停滞";
    of_area: "area {area}: {what}", "区域 {area}：{what}";
    right: "its stamps are right again", "其时间戳已恢复正常";
    start: "down {span}; batches judged late: {late}; messages known lost: {lost}; possible gaps: {gaps}", "停机 {span}；延迟判定的批次：{late}；已知丢失的消息：{lost}；可能的缺口：{gaps}";
    semicolon: "; ", "；";
}

/// Why something is told of a model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ModelReason {
    /// It is right no more.
    Drifted {
        /// Good batches of late that passed its limits,
        exceeded: usize,
        /// of so many.
        of: usize,
        /// One in so many is promised.
        one_in: f64,
    },
    /// It was fitted.
    Fitted {
        /// What it was tried against.
        tried: Option<Trial>,
        /// True if it takes the place of a borrowed one.
        first_own: bool,
        /// Why it is too far from the reference to judge by itself; a detail.
        far: Option<Arc<str>>,
        /// What it is; a detail, empty where it does not judge.
        summary: Arc<str>,
    },
    /// A person put it there.
    ByPerson {
        /// Who, if they said so.
        by: Option<Arc<str>>,
        /// The version whose artifact it has.
        of: u32,
        /// True if that judged before.
        back: bool,
    },
    /// A person put it there, and it cannot judge.
    CannotJudge {
        /// The version whose artifact it has.
        of: u32,
        /// Why; a detail.
        detail: Arc<str>,
    },
    /// None could be fitted; a detail.
    Failed(Arc<str>),
    /// A text, of an earlier release.
    #[serde(untagged)]
    Said(Arc<str>),
}

impl ModelReason {
    /// The version that a new model was tried against and is no better than.
    #[must_use]
    pub fn better_one(&self) -> Option<u32> {
        match self {
            Self::Fitted { tried: Some(trial), .. } if !trial.better => Some(trial.against),
            _ => None,
        }
    }

    /// The same in sentences.
    pub(crate) fn phrase(&self, locale: &Locale) -> Phrase {
        let (language, words) = (locale.language, Words::of(locale.language));
        let figure = |value: u32| Phrase::told(count(value.into()));
        let detailed = |sentence, detail: &str| {
            Phrase::fill(sentence, &[("detail", &Phrase::name(detail.trim_end_matches('.')))])
        };
        match self {
            Self::Drifted { exceeded, of, one_in } => {
                let pieces = [
                    ("exceeded", &Phrase::told(exceeded.to_string())),
                    ("of", &Phrase::told(of.to_string())),
                    ("one_in", &Phrase::told(number(one_in.round()))),
                ];
                Phrase::fill(words.drifted, &pieces)
            }
            Self::Fitted { tried, first_own, far, summary } => {
                let mut said: Vec<Phrase> =
                    tried.iter().flat_map(|trial| of_trial(words, trial)).collect();
                said.extend(first_own.then(|| Phrase::words(words.first_own)));
                said.extend(far.as_deref().map(|far| detailed(words.far, far)));
                let summary = Some(&**summary).filter(|summary| !summary.is_empty());
                said.extend(summary.map(|summary| detailed(words.model, summary)));
                Phrase::joined(said, language.space())
            }
            Self::ByPerson { by, of, back } => {
                let sentence = match (by, back) {
                    (Some(_), true) => words.back_by,
                    (Some(_), false) => words.promoted_by,
                    (None, true) => words.back,
                    (None, false) => words.promoted,
                };
                let by = Phrase::name(by.as_deref().unwrap_or_default());
                Phrase::fill(sentence, &[("by", &by), ("of", &figure(*of))])
            }
            Self::CannotJudge { of, detail } => {
                let pieces = [("of", &figure(*of)), ("detail", &Phrase::name(detail))];
                Phrase::fill(words.cannot_judge, &pieces)
            }
            Self::Failed(detail) => detailed(words.failed, detail),
            Self::Said(text) => Phrase::name(text),
        }
    }
}

impl Default for ModelReason {
    fn default() -> Self {
        Self::Said("".into())
    }
}

impl From<&str> for ModelReason {
    fn from(text: &str) -> Self {
        Self::Said(text.into())
    }
}

/// What a trial found.
fn of_trial(words: &Words, trial: &Trial) -> Vec<Phrase> {
    let figure = |value: u32| Phrase::told(count(value.into()));
    let against = figure(trial.against);
    let flags = |sentence, flagged: &Flagged| {
        let pieces = [
            ("of", &figure(flagged.of)),
            ("new", &figure(flagged.by_new())),
            ("present", &figure(flagged.by_present())),
            ("against", &against),
        ];
        Phrase::fill(sentence, &pieces)
    };
    match &trial.reason {
        TrialReason::NoGood => vec![Phrase::words(words.no_good)],
        TrialReason::Good => vec![flags(words.flags_good, &trial.good)],
        TrialReason::Bad => vec![flags(words.flags_bad, &trial.bad)],
        TrialReason::Altered => vec![flags(words.finds, &trial.altered)],
        TrialReason::Firm => vec![Phrase::fill(words.firm, &[("against", &against)])],
        TrialReason::Neither => {
            vec![flags(words.finds, &trial.altered), flags(words.flags_good, &trial.good)]
        }
        TrialReason::Said(text) => vec![Phrase::name(text)],
    }
}

/// Why a part of the daemon does not work, or what is told of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SystemReason {
    /// A broker has lost the session.
    SessionLost {
        /// The session.
        client: Arc<str>,
        /// What it held since then is missing, if that is known.
        since: Option<Timestamp>,
    },
    /// A broker has dropped messages.
    Dropped {
        /// How many.
        count: u64,
        /// Since when.
        since: Timestamp,
    },
    /// More alarms than so many in ten minutes.
    Flood(usize),
    /// No more of them.
    Calm,
    /// The clocks of a source are off, by area; an empty area is all of it. None is off where there is none.
    Clocks(Vec<(Arc<str>, Trouble)>),
    /// What a start found.
    Start(Start),
    /// A text: of the operating system, of a server, of the part itself.
    #[serde(untagged)]
    Said(Arc<str>),
}

/// What a start found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Start {
    /// For how long nobody watched, ms.
    pub down_ms: u64,
    /// Batches judged late.
    pub late: u64,
    /// Messages known lost.
    pub lost: u64,
    /// Possible gaps.
    pub gaps: u64,
    /// What these are, of some of them.
    pub named: Vec<SystemReason>,
}

impl SystemReason {
    /// The same in words, without a full stop.
    pub(crate) fn phrase(&self, locale: &Locale) -> Phrase {
        let words = Words::of(locale.language);
        let time = |at: Option<Timestamp>| {
            Phrase::told(at.map_or_else(|| NONE.to_owned(), |at| locale.full(at.as_millis())))
        };
        let figure = |value: u64| Phrase::told(count(value));
        match self {
            Self::SessionLost { client, since } => {
                let pieces = [("client", &Phrase::name(client)), ("since", &time(*since))];
                Phrase::fill(words.session_lost, &pieces)
            }
            Self::Dropped { count, since } => {
                let pieces = [("count", &figure(*count)), ("since", &time(Some(*since)))];
                Phrase::fill(words.dropped, &pieces)
            }
            Self::Flood(above) => {
                Phrase::fill(words.flood, &[("count", &Phrase::told(above.to_string()))])
            }
            Self::Calm => Phrase::words(words.calm),
            Self::Clocks(off) if off.is_empty() => Phrase::words(words.right),
            Self::Clocks(off) => {
                let one = |(area, trouble): &(Arc<str>, Trouble)| {
                    let what = of_trouble(locale, *trouble);
                    if area.is_empty() {
                        return what;
                    }
                    Phrase::fill(words.of_area, &[("area", &Phrase::name(area)), ("what", &what)])
                };
                Phrase::joined(off.iter().map(one), words.semicolon)
            }
            Self::Start(start) => {
                let down = i64::try_from(start.down_ms).unwrap_or(i64::MAX);
                let pieces = [
                    ("span", &Phrase::told(locale.language.duration(down))),
                    ("late", &figure(start.late)),
                    ("lost", &figure(start.lost)),
                    ("gaps", &figure(start.gaps)),
                ];
                Phrase::fill(words.start, &pieces)
            }
            Self::Said(text) => Phrase::name(text.trim_end_matches('.')),
        }
    }
}

impl From<&str> for SystemReason {
    fn from(text: &str) -> Self {
        Self::Said(text.into())
    }
}

fn of_trouble(locale: &Locale, trouble: Trouble) -> Phrase {
    let words = Words::of(locale.language);
    let (sentence, by) = match trouble {
        Trouble::Future(by) => (words.future, by),
        Trouble::Past(by) => (words.past, by),
        Trouble::Ahead(by) => (words.ahead, by),
        Trouble::Behind(by) => (words.behind, by),
        Trouble::Frozen => (words.frozen, 0),
    };
    let by = locale.language.duration(by.saturating_abs() / 1_000_000);
    Phrase::fill(sentence, &[("by", &Phrase::told(by))])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_languages_say_everything() {
        crate::words::check(ALL, &["time_unit"]);
    }

    #[test]
    fn a_text_of_an_earlier_release_is_read_as_one() {
        let all = [
            ModelReason::Drifted { exceeded: 3, of: 20, one_in: 100.0 },
            ModelReason::Fitted {
                tried: Some(Trial::default()),
                first_own: false,
                far: None,
                summary: "pca".into(),
            },
            ModelReason::ByPerson { by: None, of: 1, back: true },
            ModelReason::CannotJudge { of: 2, detail: "no tag `b`".into() },
            ModelReason::Failed("too few rows".into()),
        ];
        for reason in all {
            let bytes = rmp_serde::to_vec_named(&reason).unwrap();
            assert_eq!(rmp_serde::from_slice::<ModelReason>(&bytes).unwrap(), reason);
        }
        let bytes = rmp_serde::to_vec_named("better").unwrap();
        assert_eq!(rmp_serde::from_slice::<ModelReason>(&bytes).unwrap(), "better".into());
        let since = Timestamp::from_nanos(7);
        let all = [
            SystemReason::SessionLost { client: "c".into(), since: Some(since) },
            SystemReason::Dropped { count: 3, since },
            SystemReason::Flood(10),
            SystemReason::Calm,
            SystemReason::Start(Start {
                down_ms: 7,
                late: 1,
                lost: 1,
                gaps: 2,
                named: vec![SystemReason::Dropped { count: 3, since }, "503".into()],
            }),
            SystemReason::Clocks(vec![
                ("dry".into(), Trouble::Ahead(3)),
                ("".into(), Trouble::Frozen),
            ]),
        ];
        for reason in all {
            let bytes = rmp_serde::to_vec_named(&reason).unwrap();
            assert_eq!(rmp_serde::from_slice::<SystemReason>(&bytes).unwrap(), reason);
        }
        let bytes = rmp_serde::to_vec_named("503").unwrap();
        assert_eq!(rmp_serde::from_slice::<SystemReason>(&bytes).unwrap(), "503".into());
    }
}

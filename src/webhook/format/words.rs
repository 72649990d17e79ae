//! What the chat services say: the words, and what is left out when many events wait or little room is there.

use super::text::{cut, line, utf16};
use super::told::{Does, Told};
use crate::alarm::Severity;
use crate::verdict::{Document, Reason, SpanDocument};
use crate::words::number::{number, per_cent};
use crate::words::reason::changed;
use crate::words::{Language, Locale, Phrase, table};
use std::collections::BTreeMap;

table! {
    line: "Line", "生产线";
    batch: "Batch", "批次";
    grade: "Grade", "品种";
    tag: "Tag", "测点";
    part: "Part", "组件";
    place: "Where", "位置";
    since: "Since", "开始";
    why: "Why", "原因";
    off_spec: "Off spec", "不合格";
    told: "Told", "上报";

    over: "Over", "已解除";
    info: "Info", "提示";
    warning: "Warning", "警告";
    critical: "Critical", "严重";

    link: "Open onspec", "打开 onspec";
    acknowledge: "Acknowledge", "确认报警";
    unreadable: "event {id} was kept by another release, and this one cannot read it", "事件 {id} 由其他版本保存，本版本无法读取";
    many: "{count} events, {shown} shown", "共 {count} 个事件，显示 {shown} 个";
    metres: "{from} to {to} m", "{from} 至 {to} 米";
    clock: "{from} to {to}", "{from} 至 {to}";
    more: "and {more} more", "另有 {more} 段";
    with_share: "{tag} {share}", "{tag} {share}";
    with_value: "{tag} {value}", "{tag} {value}";
    foretold: "{tag} foretold {value}", "{tag} 预测 {value}";
    laboratory: "{tag} {value} in the laboratory", "{tag} 化验 {value}";
    too_little: "too little of {tag}", "{tag} 数据不足";
    likely: "{chance} likely", "可能性 {chance}";
    made: "{share} of the batch made", "批次已完成 {share}";
    colon: ": ", "：";
    comma: ", ", "，";
}

/// The most events that one message shows; of more it says how many there were.
pub(super) const SHOWN_MAX: usize = 10;
/// The most tags that are named as the reason.
const TAGS_MAX: usize = 3;
/// The most stretches that are named.
const SPANS_MAX: usize = 3;
/// The longest link that is given: a longer one is none that a person made.
const LINK_MAX: usize = 500;
/// How long texts may get, in steps from ample to what every service takes: title, one fact, the text.
const ROOM: [(usize, usize, usize); 4] =
    [(300, 300, 1500), (200, 200, 600), (120, 100, 200), (60, 50, 0)];

/// What a link is called.
pub(super) fn link_text(language: Language) -> &'static str {
    Words::of(language).link
}

/// What the link is called by which an alarm is acknowledged.
pub(super) fn acknowledge_text(language: Language) -> &'static str {
    Words::of(language).acknowledge
}

/// The title of an event that cannot be read.
pub(super) fn unreadable(id: &str, language: Language) -> String {
    Phrase::fill(Words::of(language).unreadable, &[("id", &Phrase::name(id))]).to_string()
}

/// How an event looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Mood {
    /// It is over.
    Good,
    /// For the record.
    Neutral,
    /// Somebody should look.
    Warning,
    /// Somebody must act.
    Bad,
}

impl Mood {
    fn of(told: &Told) -> Self {
        match (told.data.severity, told.does()) {
            (Severity::Critical, _) => Self::Bad,
            (Severity::Warning, _) => Self::Warning,
            (Severity::Info, Does::Ends) => Self::Good,
            (Severity::Info, _) => Self::Neutral,
        }
    }

    /// The word before a title.
    fn word(self, words: &Words) -> &'static str {
        match self {
            Self::Good => words.over,
            Self::Neutral => words.info,
            Self::Warning => words.warning,
            Self::Bad => words.critical,
        }
    }
}

/// Something to know at a glance.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Fact {
    /// What it is called in every language, for services and templates that look for it.
    pub(super) key: &'static str,
    /// What people call it.
    pub(super) name: &'static str,
    pub(super) value: String,
}

/// One event in words, each on one line and none of them escaped.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Entry {
    pub(super) mood: Mood,
    /// The word of the mood.
    pub(super) word: &'static str,
    /// What stands behind a name.
    pub(super) colon: &'static str,
    pub(super) title: String,
    /// In the order in which they are shown.
    pub(super) facts: Vec<Fact>,
    pub(super) text: String,
}

impl Entry {
    /// A fact on a line.
    pub(super) fn line(&self, Fact { name, value, .. }: &Fact) -> String {
        format!("{name}{}{value}", self.colon)
    }
}

/// What one message says.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Message {
    pub(super) mood: Mood,
    /// The word of the mood.
    pub(super) word: &'static str,
    /// What stands behind a name.
    pub(super) colon: &'static str,
    /// What the link is called.
    pub(super) link_text: &'static str,
    /// What the link is called by which an alarm is acknowledged.
    pub(super) acknowledge_text: &'static str,
    /// The title of the one event, or how many there are.
    pub(super) heading: String,
    /// The events shown. Where there is one alone, its title is the heading.
    pub(super) entries: Vec<Entry>,
    /// From whom it is: `onspec · mill`. Robots that want a keyword find `onspec` here.
    pub(super) from: String,
    pub(super) link: Option<String>,
    /// Where the one alarm that is shown is acknowledged.
    pub(super) acknowledge: Option<String>,
}

impl Message {
    /// The links, by what they are called.
    pub(super) fn links(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let acknowledge = self.acknowledge.as_deref().map(|url| (self.acknowledge_text, url));
        self.link.as_deref().map(|url| (self.link_text, url)).into_iter().chain(acknowledge)
    }

    /// True if it tells one event and nothing else.
    pub(super) fn is_single(&self) -> bool {
        self.entries.len() == 1 && self.heading == self.entries[0].title
    }
}

/// What of many events is worth being shown, in their order: of each alarm (and batch) the newest; of these the
/// weightiest, and of equal ones the latest.
fn worth(told: &[Told], most: usize) -> Vec<&Told> {
    let mut newest: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for (at, event) in told.iter().enumerate() {
        newest.insert((&event.data.alarm, event.about()), at);
    }
    let mut shown: Vec<usize> = newest.into_values().collect();
    shown.sort_by_key(|at| std::cmp::Reverse((told[*at].data.severity, *at)));
    shown.truncate(most);
    shown.sort_unstable();
    shown.into_iter().map(|at| &told[at]).collect()
}

/// The first of the messages that `fits`, the fullest first: all that is worth it, then fewer, then shorter ones. The last is as
/// short as they get.
pub(super) fn fitted<T>(
    told: &[Told],
    locale: &Locale,
    build: impl Fn(&Message) -> T,
    fits: impl Fn(&T) -> bool,
) -> T {
    let all = worth(told, SHOWN_MAX).len();
    let fewer = (1..=all).rev().map(|shown| (shown, ROOM[0]));
    let shorter = ROOM[1..].iter().map(|room| (1, *room));
    let mut last = None;
    for (shown, room) in fewer.chain(shorter) {
        let made = build(&message(told, locale, shown, room));
        if fits(&made) {
            return made;
        }
        last = Some(made);
    }
    last.expect("one event at least is told")
}

fn message(told: &[Told], locale: &Locale, shown: usize, room: (usize, usize, usize)) -> Message {
    let words = Words::of(locale.language);
    let shown = worth(told, shown);
    let single = told.len() == 1;
    let entries: Vec<Entry> =
        shown.iter().map(|event| entry(event, locale, single, room)).collect();
    let heading = match entries.as_slice() {
        [only] if single => only.title.clone(),
        _ => {
            let figure = |value: usize| Phrase::told(value.to_string());
            let pieces = [("count", &figure(told.len())), ("shown", &figure(entries.len()))];
            Phrase::fill(words.many, &pieces).to_string()
        }
    };
    let mood = entries.iter().map(|entry| entry.mood).max().unwrap_or(Mood::Neutral);
    let newest = told.last().map(|event| &event.data);
    let site = newest.map_or("", |data| data.site.trim());
    let from = if site.is_empty() {
        "onspec".to_owned()
    } else {
        format!("onspec · {}", cut(&line(site), 100, utf16))
    };
    let link = told.last().and_then(link).map(str::to_owned);
    let acknowledge = match shown.as_slice() {
        [only] => acknowledge(only).map(str::to_owned),
        _ => None,
    };
    let (word, colon, link_text) = (mood.word(words), words.colon, words.link);
    let acknowledge_text = words.acknowledge;
    Message {
        mood,
        word,
        colon,
        link_text,
        acknowledge_text,
        heading,
        entries,
        from,
        link,
        acknowledge,
    }
}

/// The link of an event, if it is of use to others.
pub(super) fn link(told: &Told) -> Option<&str> {
    told.data.url.as_deref().filter(|url| is_shown(url))
}

/// The link by which the alarm of an event is acknowledged, if it is of use to others.
pub(super) fn acknowledge(told: &Told) -> Option<&str> {
    told.data.acknowledge_url.as_deref().filter(|url| is_shown(url))
}

/// True if others than those at this machine can follow it, and no markup of any service breaks on it.
fn is_shown(url: &str) -> bool {
    let odd = |c: char| c.is_control() || c.is_whitespace() || "<>|()[]\"'\\`*".contains(c);
    let loopback = ["://127.", "://localhost", "://[::1]", "://0.0.0.0", "://[::]"];
    url.len() <= LINK_MAX && !url.contains(odd) && !loopback.iter().any(|at| url.contains(at))
}

fn entry(
    told: &Told,
    locale: &Locale,
    single: bool,
    (title, fact, text): (usize, usize, usize),
) -> Entry {
    let words = Words::of(locale.language);
    let mut facts = facts(told, locale, single);
    for known in &mut facts {
        known.value = cut(&line(&known.value), fact, utf16);
    }
    facts.retain(|known| !known.value.is_empty());
    let body = if single { line(&told.data.text) } else { String::new() };
    // What the title says already need not be said again.
    let body = if told.data.title.contains(&told.data.text) { String::new() } else { body };
    let mood = Mood::of(told);
    Entry {
        mood,
        word: mood.word(words),
        colon: words.colon,
        title: cut(&line(&told.data.title), title, utf16),
        facts,
        text: if text == 0 { String::new() } else { cut(&body, text, utf16) },
    }
}

/// What there is to know at a glance. Beside others an event says less.
fn facts(told: &Told, locale: &Locale, single: bool) -> Vec<Fact> {
    let (data, words) = (&told.data, Words::of(locale.language));
    let given = |text: &Option<String>| text.clone().unwrap_or_default();
    let verdict = data.verdict.as_ref();
    let fact = |key, name, value| Fact { key, name, value };
    let time = |at: crate::reading::Timestamp| locale.full(at.as_millis());
    let mut facts = Vec::new();
    if single {
        facts.push(fact("line", words.line, data.line.clone()));
        facts.push(fact("batch", words.batch, given(&data.batch)));
        facts.push(fact("grade", words.grade, given(&data.grade)));
        facts.push(fact("tag", words.tag, given(&data.tag)));
        facts.push(fact("part", words.part, given(&data.component)));
    }
    let told_of = |what: fn(&Document, &Locale) -> String| {
        verdict.map(|verdict| what(verdict, locale)).unwrap_or_default()
    };
    facts.push(fact("where", words.place, told_of(place)));
    facts.push(fact("since", words.since, told.since().map(time).unwrap_or_default()));
    facts.push(fact("why", words.why, told_of(why)));
    if single {
        facts.push(fact("off_spec", words.off_spec, told_of(chance)));
        facts.push(fact("told", words.told, told.at.map(time).unwrap_or_default()));
    }
    facts
}

/// The same facts, for services that show them as they are.
pub(super) fn details(told: &Told, locale: &Locale) -> Vec<Fact> {
    entry(told, locale, true, ROOM[0]).facts
}

/// The stretches affected, in metres where these are known.
fn place(verdict: &Document, locale: &Locale) -> String {
    let words = Words::of(locale.language);
    let one = |span: &SpanDocument| {
        let (sentence, from, to) = match (span.from_m, span.to_m) {
            (Some(from), Some(to)) if to > from => {
                (words.metres, number(from.round()), number(to.round()))
            }
            _ => (words.clock, locale.of_day(span.from), locale.of_day(span.to)),
        };
        Phrase::fill(sentence, &[("from", &Phrase::told(from)), ("to", &Phrase::told(to))])
    };
    let mut places: Vec<Phrase> = verdict.spans.iter().take(SPANS_MAX).map(one).collect();
    if verdict.spans.len() > SPANS_MAX {
        let more = Phrase::told((verdict.spans.len() - SPANS_MAX).to_string());
        places.push(Phrase::fill(words.more, &[("more", &more)]));
    }
    Phrase::joined(places, locale.language.comma()).to_string()
}

/// The tags and properties behind a verdict, the weightiest first.
fn why(verdict: &Document, locale: &Locale) -> String {
    let (language, words) = (locale.language, Words::of(locale.language));
    let mut named: Vec<(&str, Phrase)> = Vec::new();
    for reason in &verdict.reasons {
        let with_value = |sentence, tag: &str, value: f64| {
            let value = Phrase::told(number(value));
            Phrase::fill(sentence, &[("tag", &Phrase::name(tag)), ("value", &value)])
        };
        let of: Vec<(&str, Phrase)> = match reason {
            Reason::Process { tags, .. } => tags
                .iter()
                .map(|(tag, share)| {
                    let shown = changed(language, tag, reason.change_over(tag));
                    let pieces = [("tag", &shown), ("share", &Phrase::told(per_cent(*share)))];
                    (&**tag, Phrase::fill(words.with_share, &pieces))
                })
                .collect(),
            Reason::Spec { tag, value, .. } => {
                vec![(tag, with_value(words.with_value, tag, *value))]
            }
            Reason::SoftSensor(of) => {
                vec![(&of.property, with_value(words.foretold, &of.property, of.predicted))]
            }
            Reason::Laboratory { property, value, .. } => {
                vec![(property, with_value(words.laboratory, property, *value))]
            }
            Reason::Coverage { tags, .. } => tags
                .iter()
                .map(|tag| {
                    let name = Phrase::name(tag);
                    (&**tag, Phrase::fill(words.too_little, &[("tag", &name)]))
                })
                .collect(),
            Reason::Prospects { .. } | Reason::Person { .. } | Reason::Grade { .. } => Vec::new(),
        };
        for (tag, shown) in of {
            if named.len() < TAGS_MAX && named.iter().all(|(known, _)| *known != tag) {
                named.push((tag, shown));
            }
        }
    }
    let named = named.into_iter().map(|(_, shown)| shown);
    Phrase::joined(named, language.comma()).to_string()
}

/// How likely the batch ends off spec, and how much of it is made.
fn chance(verdict: &Document, locale: &Locale) -> String {
    let words = Words::of(locale.language);
    let told = |sentence, name, share: f64| {
        Phrase::fill(sentence, &[(name, &Phrase::told(per_cent(share)))])
    };
    let likely = verdict.probability_off_spec.map(|share| told(words.likely, "chance", share));
    let made = verdict.progress.map(|share| told(words.made, "share", share));
    Phrase::joined(likely.into_iter().chain(made), words.comma).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_languages_have_every_word() {
        crate::words::check(ALL, &["onspec"]);
    }
}

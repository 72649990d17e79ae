//! What the chat services say: the words, and what is left out when many events wait or little room is there.

use super::text::{cut, line, metres, utf16};
use super::told::{Does, Told};
use crate::alarm::Severity;
use crate::reading::{Timestamp, name_or_change};
use crate::verdict::{Document, Reason, SpanDocument};
use jiff::tz::TimeZone;
use std::collections::BTreeMap;

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
pub(super) const LINK: &str = "Open onspec";
/// What the link is called by which an alarm is acknowledged.
pub(super) const ACKNOWLEDGE: &str = "Acknowledge";

/// The title of an event that cannot be read.
pub(super) fn unreadable(id: &str) -> String {
    format!("event {id} was kept by another release, and this one cannot read it")
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
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Good => "Over",
            Self::Neutral => "Info",
            Self::Warning => "Warning",
            Self::Bad => "Critical",
        }
    }
}

/// One event in words, each on one line and none of them escaped.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Entry {
    pub(super) mood: Mood,
    pub(super) title: String,
    /// Name and value, in the order in which they are shown.
    pub(super) facts: Vec<(&'static str, String)>,
    pub(super) text: String,
}

/// What one message says.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Message {
    pub(super) mood: Mood,
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
        let acknowledge = self.acknowledge.as_deref().map(|url| (ACKNOWLEDGE, url));
        self.link.as_deref().map(|url| (LINK, url)).into_iter().chain(acknowledge)
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
    zone: &TimeZone,
    build: impl Fn(&Message) -> T,
    fits: impl Fn(&T) -> bool,
) -> T {
    let all = worth(told, SHOWN_MAX).len();
    let fewer = (1..=all).rev().map(|shown| (shown, ROOM[0]));
    let shorter = ROOM[1..].iter().map(|room| (1, *room));
    let mut last = None;
    for (shown, room) in fewer.chain(shorter) {
        let made = build(&message(told, zone, shown, room));
        if fits(&made) {
            return made;
        }
        last = Some(made);
    }
    last.expect("one event at least is told")
}

fn message(told: &[Told], zone: &TimeZone, shown: usize, room: (usize, usize, usize)) -> Message {
    let shown = worth(told, shown);
    let single = told.len() == 1;
    let entries: Vec<Entry> = shown.iter().map(|event| entry(event, zone, single, room)).collect();
    let heading = match entries.as_slice() {
        [only] if single => only.title.clone(),
        _ => format!("{} events, {} shown", told.len(), entries.len()),
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
    Message { mood, heading, entries, from, link, acknowledge }
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
    zone: &TimeZone,
    single: bool,
    (title, fact, text): (usize, usize, usize),
) -> Entry {
    let mut facts = facts(told, zone, single);
    for (_, value) in &mut facts {
        *value = cut(&line(value), fact, utf16);
    }
    facts.retain(|(_, value)| !value.is_empty());
    let body = if single { line(&told.data.text) } else { String::new() };
    // What the title says already need not be said again.
    let body = if told.data.title.contains(&told.data.text) { String::new() } else { body };
    Entry {
        mood: Mood::of(told),
        title: cut(&line(&told.data.title), title, utf16),
        facts,
        text: if text == 0 { String::new() } else { cut(&body, text, utf16) },
    }
}

/// What there is to know at a glance. Beside others an event says less.
fn facts(told: &Told, zone: &TimeZone, single: bool) -> Vec<(&'static str, String)> {
    let data = &told.data;
    let given = |text: &Option<String>| text.clone().unwrap_or_default();
    let verdict = data.verdict.as_ref();
    let mut facts = Vec::new();
    if single {
        facts.push(("Line", data.line.clone()));
        facts.push(("Batch", given(&data.batch)));
        facts.push(("Grade", given(&data.grade)));
        facts.push(("Tag", given(&data.tag)));
        facts.push(("Part", given(&data.component)));
    }
    facts.push(("Where", verdict.map(|verdict| place(verdict, zone)).unwrap_or_default()));
    facts.push(("Since", told.since().map(|at| time(at, zone)).unwrap_or_default()));
    facts.push(("Why", verdict.map(why).unwrap_or_default()));
    if single {
        facts.push(("Off spec", verdict.map(chance).unwrap_or_default()));
        facts.push(("Told", told.at.map(|at| time(at, zone)).unwrap_or_default()));
    }
    facts
}

/// The same facts as names and values, for services that show them as they are.
pub(super) fn details(told: &Told, zone: &TimeZone) -> Vec<(&'static str, String)> {
    entry(told, zone, true, ROOM[0]).facts
}

/// An instant as reports write it.
fn time(at: Timestamp, zone: &TimeZone) -> String {
    written(at.as_millis(), zone, "%Y-%m-%d %H:%M %:z")
}

fn written(ms: i64, zone: &TimeZone, format: &str) -> String {
    jiff::Timestamp::from_millisecond(ms).map_or_else(
        |_| String::new(),
        |at| at.to_zoned_datetime(zone.clone()).strftime(format).to_string(),
    )
}

/// The stretches affected, in metres where these are known.
fn place(verdict: &Document, zone: &TimeZone) -> String {
    let one = |span: &SpanDocument| match (span.from_m, span.to_m) {
        (Some(from), Some(to)) if to > from => {
            format!("{} to {} m", metres(from), metres(to))
        }
        _ => {
            let of_day = |ms| written(ms, zone, "%H:%M");
            format!("{} to {}", of_day(span.from), of_day(span.to))
        }
    };
    let mut places: Vec<String> = verdict.spans.iter().take(SPANS_MAX).map(one).collect();
    if verdict.spans.len() > SPANS_MAX {
        places.push(format!("and {} more", verdict.spans.len() - SPANS_MAX));
    }
    places.join(", ")
}

/// The tags and properties behind a verdict, the weightiest first.
fn why(verdict: &Document) -> String {
    let mut named: Vec<(String, String)> = Vec::new();
    let mut name = |tag: String, shown: String| {
        if named.len() < TAGS_MAX && named.iter().all(|(known, _)| *known != tag) {
            named.push((tag, shown));
        }
    };
    for reason in &verdict.reasons {
        match reason {
            Reason::Process { tags, .. } => {
                for (tag, share) in tags {
                    let shown = name_or_change(tag, reason.change_over(tag));
                    name(tag.to_string(), format!("{shown} {:.0} %", share * 100.0));
                }
            }
            Reason::Spec { tag, value, .. } => {
                name(tag.to_string(), format!("{tag} at {value:.4}"));
            }
            Reason::SoftSensor(foretold) => {
                let property = &foretold.property;
                let shown = format!("{property} foretold at {:.4}", foretold.predicted);
                name(property.to_string(), shown);
            }
            Reason::Laboratory { property, value, .. } => {
                name(property.to_string(), format!("{property} {value:.4} in the laboratory"));
            }
            Reason::Coverage { tags, .. } => {
                for tag in tags {
                    name(tag.to_string(), format!("too little of {tag}"));
                }
            }
            Reason::Prospects { .. } | Reason::Person { .. } | Reason::Grade { .. } => {}
        }
    }
    named.into_iter().map(|(_, shown)| shown).collect::<Vec<_>>().join(", ")
}

/// How likely the batch ends off spec, and how much of it is made.
fn chance(verdict: &Document) -> String {
    let share = |share: f64| format!("{:.0} %", share * 100.0);
    let likely = verdict.probability_off_spec.map(|chance| format!("{} likely", share(chance)));
    let made = verdict.progress.map(|made| format!("{} of the batch made", share(made)));
    [likely, made].into_iter().flatten().collect::<Vec<_>>().join(", ")
}

//! Rules and lines from a survey.

use super::leaf::Leaf;
use super::own;
use super::role::{self, Likely};
use super::survey::{Survey, Topic};
use super::topics::{Spelling, spellings};
use crate::decode::NAME_BYTES_MAX;
use std::collections::{BTreeMap, BTreeSet};

/// Messages of a topic from which on its shape is rather sure.
const SURE: u32 = 3;

/// Names of keys under which sources send when a value was taken.
const TIME_KEYS: [&str; 13] = [
    "ts",
    "time",
    "timestamp",
    "t",
    "datetime",
    "date_time",
    "sourcetimestamp",
    "source_timestamp",
    "utc",
    "sampled_at",
    "epoch",
    "at",
    "date",
];
/// Names of keys under which sources send how good a value is.
const QUALITY_KEYS: [&str; 8] =
    ["q", "quality", "status", "st", "statuscode", "status_code", "good", "valid"];
/// Names of keys under which sources send a value, the likeliest first.
const VALUE_KEYS: [&str; 8] = ["value", "v", "val", "pv", "reading", "y", "data", "current"];

/// A JSON Pointer, and how what stands there is read: a unit, a kind of codes.
type Place = (String, &'static str);

/// A configuration, proposed.
#[derive(Debug, Clone, PartialEq)]
pub struct Proposal {
    pub(super) heard: Heard,
    pub(super) rules: Vec<ProposedRule>,
    pub(super) lines: BTreeMap<String, ProposedLine>,
    /// Topics that no rule is proposed for, and why.
    pub(super) left: BTreeMap<&'static str, Vec<String>>,
}

/// What a proposal rests on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Heard {
    pub(super) seconds: f64,
    pub(super) messages: u64,
    pub(super) topics: usize,
    pub(super) beyond: u64,
}

/// How messages of one spelling are read.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct ProposedRule {
    pub(super) template: String,
    pub(super) format: &'static str,
    /// The line, where the topic does not give it.
    pub(super) line: Option<String>,
    /// JSON Pointer of the one value.
    pub(super) value: Option<String>,
    /// Tag and JSON Pointer of many.
    pub(super) fields: BTreeMap<String, String>,
    /// JSON Pointer and unit of the time; the unit is empty for RFC 3339.
    pub(super) time: Option<Place>,
    pub(super) quality: Option<Place>,
    pub(super) topics: usize,
    pub(super) messages: u64,
    /// What makes it unsure.
    pub(super) doubts: Vec<String>,
}

/// A line.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct ProposedLine {
    pub(super) tags: BTreeMap<String, ProposedTag>,
    /// True if batch events of it were heard.
    pub(super) events: bool,
}

/// A tag.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct ProposedTag {
    pub(super) area: String,
    pub(super) role: Likely,
    pub(super) why: &'static str,
    /// The unit, where its source names one.
    pub(super) unit: Option<String>,
    /// The time between two values, s.
    pub(super) interval_s: Option<f64>,
    /// The least and the greatest number heard.
    pub(super) span: Option<(f64, f64)>,
    /// What texts or states were heard.
    pub(super) words: Vec<String>,
    pub(super) count: u32,
    /// True if the same id was heard in two areas, and the name has the area in it.
    pub(super) qualified: bool,
}

impl ProposedLine {
    /// The tag by whose name or nature it is likeliest this.
    pub(super) fn tag_where(&self, is: impl Fn(&str, &ProposedTag) -> bool) -> Option<&str> {
        self.tags.iter().find(|(id, tag)| is(id, tag)).map(|(id, _)| id.as_str())
    }

    /// The names of all tags that are likely for this.
    pub(super) fn with_role(&self, role: Likely) -> Vec<&str> {
        self.tags.iter().filter(|(_, tag)| tag.role == role).map(|(id, _)| id.as_str()).collect()
    }
}

/// What kind of payload a topic has.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Shape {
    Events,
    Points,
    Bare,
    /// One value at this pointer, with its time and quality.
    One {
        value: String,
        time: Option<Place>,
        quality: Option<Place>,
    },
    /// Many values beside a time and a quality.
    Many {
        time: Option<Place>,
        quality: Option<Place>,
    },
    /// Nothing that can be read, and why.
    None(&'static str),
}

/// Proposes a configuration for what was heard.
#[must_use]
pub fn propose(survey: &Survey) -> Proposal {
    let mut proposal = Proposal {
        heard: Heard {
            seconds: survey.seconds(),
            messages: survey.messages,
            topics: survey.topics.len(),
            beyond: survey.beyond,
        },
        rules: Vec::new(),
        lines: BTreeMap::new(),
        left: BTreeMap::new(),
    };
    let mut shapes: BTreeMap<Shape, Vec<&str>> = BTreeMap::new();
    let own = own::prefixes(survey);
    for (name, topic) in &survey.topics {
        let is_own = own.iter().any(|prefix| name.starts_with(prefix.as_str()));
        let shape = if is_own { Shape::None("an onspec says them") } else { shape(name, topic) };
        match shape {
            Shape::None(why) => proposal.left.entry(why).or_default().push(name.to_string()),
            shape => shapes.entry(shape).or_default().push(name),
        }
    }
    let events = shapes.remove(&Shape::Events).unwrap_or_default();
    edge_nodes(survey, &mut proposal);
    for (shape, topics) in shapes {
        let tagged = matches!(shape, Shape::Bare | Shape::One { .. });
        for spelling in spellings(&topics, tagged) {
            rule(survey, &shape, &spelling, &mut proposal);
        }
    }
    for template in event_templates(&events, &mut proposal) {
        let rule = event_rule(survey, template, &events);
        proposal.rules.push(rule);
    }
    proposal
}

fn shape(name: &str, topic: &Topic) -> Shape {
    if name.split('/').any(|level| level.is_empty() || level.contains(['{', '}', '+', '#'])) {
        return Shape::None("their topics have a level that no template can name");
    }
    if name.starts_with("spBv1.0/") || name.starts_with("STATE/") {
        return Shape::None("they are of Sparkplug, and none of edge nodes of Sparkplug B");
    }
    let most = [topic.objects, topic.bare, topic.points, topic.unread].into_iter().max();
    let most = most.unwrap_or_default();
    if topic.unread == most {
        return Shape::None(
            "their payloads are neither JSON objects nor single values nor line protocol",
        );
    }
    if topic.events * 2 > topic.messages {
        return Shape::Events;
    }
    if topic.points == most {
        return Shape::Points;
    }
    if topic.bare == most {
        return Shape::Bare;
    }
    let last = |pointer: &str| pointer.rsplit('/').next().unwrap_or_default().to_ascii_lowercase();
    let time = named(topic, &TIME_KEYS, Leaf::time_unit);
    let quality = named(topic, &QUALITY_KEYS, Leaf::quality_codes);
    let other = |pointer: &str| {
        time.as_ref().is_none_or(|(at, _)| at != pointer)
            && quality.as_ref().is_none_or(|(at, _)| at != pointer)
    };
    let values: Vec<(&String, &Leaf)> =
        topic.leaves.iter().filter(|(pointer, leaf)| leaf.is_value() && other(pointer)).collect();
    let by_name =
        VALUE_KEYS.iter().find_map(|key| values.iter().find(|(pointer, _)| last(pointer) == **key));
    match (values.as_slice(), by_name) {
        ([], _) => Shape::None("their payloads have no value"),
        ([(pointer, _)], _) => Shape::One { value: (*pointer).clone(), time, quality },
        // Beside its value such a payload says what it is of: a name, a unit.
        (_, Some((pointer, _))) if numbers(&values) == 1 => {
            Shape::One { value: (*pointer).clone(), time, quality }
        }
        _ => Shape::Many { time, quality },
    }
}

fn numbers(values: &[(&String, &Leaf)]) -> usize {
    values.iter().filter(|(_, leaf)| leaf.numbers + leaf.booleans > 0).count()
}

/// The first key of these names whose values are what they should be.
fn named(
    topic: &Topic,
    keys: &[&str],
    fits: impl Fn(&Leaf) -> Option<&'static str>,
) -> Option<Place> {
    keys.iter().find_map(|key| {
        topic.leaves.iter().find_map(|(pointer, leaf)| {
            let name = pointer.rsplit('/').next().unwrap_or_default();
            // One value is not to be taken for its own quality.
            let word = fits(leaf).filter(|_| name.eq_ignore_ascii_case(key))?;
            (topic.leaves.len() > 1).then(|| (pointer.clone(), word))
        })
    })
}

/// One rule takes all edge nodes: the node is the line, its devices are the areas.
fn edge_nodes(survey: &Survey, proposal: &mut Proposal) {
    let nodes = &survey.nodes;
    if nodes.messages == 0 {
        return;
    }
    let (all, unborn) = nodes.counts();
    let mut doubts = vec!["each edge node is taken for a line".to_owned()];
    if unborn > 0 {
        doubts.push(format!(
            "of {unborn} edge nodes no birth was heard, so nothing of theirs can be read: with \
             `sparkplug = {{ role = \"active\" }}` under `[[mqtt]]` onspec asks for it"
        ));
    }
    let device = if nodes.devices { "/{area}" } else { "" };
    proposal.rules.push(ProposedRule {
        template: format!("spBv1.0/{{group}}/{{type}}/{{line}}{device}"),
        format: "sparkplug-b",
        line: None,
        value: None,
        fields: BTreeMap::new(),
        time: None,
        quality: None,
        topics: all,
        messages: nodes.messages,
        doubts,
    });
    for ((line, area, tag), heard) in &nodes.metrics {
        add(proposal, (line, area, tag), &heard.leaf, heard.interval_s());
        let tags = proposal.lines.get_mut(&**line).map(|line| &mut line.tags);
        let known = tags.and_then(|tags| {
            let qualified = format!("{area}/{tag}");
            if tags.contains_key(&qualified) {
                tags.get_mut(&qualified)
            } else {
                tags.get_mut(&**tag)
            }
        });
        if let Some(known) = known {
            known.unit = heard.unit.as_deref().map(str::to_owned);
        }
    }
}

fn rule(survey: &Survey, shape: &Shape, spelling: &Spelling, proposal: &mut Proposal) {
    let of = |topic: &[String]| &survey.topics[topic.join("/").as_str()];
    let mut rule = ProposedRule {
        template: spelling.template.clone(),
        format: match shape {
            Shape::Points => "line-protocol",
            Shape::Bare => "value",
            _ => "json",
        },
        line: spelling.line.is_none().then(|| "line".to_owned()),
        value: None,
        fields: BTreeMap::new(),
        time: None,
        quality: None,
        topics: spelling.topics.len(),
        messages: spelling.topics.iter().map(|topic| u64::from(of(topic).messages)).sum(),
        doubts: Vec::new(),
    };
    match shape {
        Shape::One { value, time, quality } => {
            rule.value = Some(value.clone());
            (rule.time, rule.quality) = (time.clone(), quality.clone());
        }
        Shape::Many { time, quality } => {
            let heard: Vec<&Topic> = spelling.topics.iter().map(|topic| of(topic)).collect();
            rule.fields = fields(&heard, time.as_ref(), quality.as_ref());
            (rule.time, rule.quality) = (time.clone(), quality.clone());
        }
        _ => {}
    }
    let seldom = spelling.topics.iter().filter(|topic| of(topic).messages < SURE).count();
    if seldom > 0 {
        rule.doubts.push(format!("{seldom} of its topics were heard less than {SURE} times"));
    }
    if rule.time.is_none() && matches!(shape, Shape::One { .. } | Shape::Many { .. } | Shape::Bare)
    {
        rule.doubts.push("no time is sent: arrival counts".to_owned());
    }
    let time = |topic: &[String]| {
        let (pointer, _) = rule.time.as_ref()?;
        of(topic).leaves.get(pointer)
    };
    let far = spelling.topics.iter().find_map(|topic| time(topic)?.far_behind_s());
    if let Some(behind_s) = far {
        let way = if behind_s > 0.0 { "behind" } else { "ahead of" };
        rule.doubts.push(format!(
            "its times are {:.0} days {way} their arrival: a recording, or a clock that is wrong",
            behind_s.abs() / 86_400.0
        ));
    }
    if spelling.line.is_none() {
        rule.doubts.push("the topic names no line: give it one".to_owned());
    }
    for topic in &spelling.topics {
        let heard = of(topic);
        let interval_s = heard.interval_s().map(|by_arrival| {
            // What was sent in bursts, or late, was measured at its times all the same.
            let spacing = time(topic)
                .and_then(Leaf::seconds)
                .map(|seconds| seconds / f64::from(heard.messages.saturating_sub(1).max(1)));
            spacing.filter(|spacing| *spacing > 0.0).unwrap_or(by_arrival)
        });
        let line = Spelling::name(topic, spelling.line).unwrap_or("line");
        let area = Spelling::name(topic, spelling.area).unwrap_or_default();
        match shape {
            Shape::Bare => {
                let tag = Spelling::name(topic, spelling.tag).unwrap_or_default();
                add(proposal, (line, area, tag), &heard.value, heard.interval_s());
            }
            Shape::One { value, .. } => {
                let tag = Spelling::name(topic, spelling.tag).unwrap_or_default();
                if let Some(leaf) = heard.leaves.get(value) {
                    add(proposal, (line, area, tag), leaf, interval_s);
                }
            }
            Shape::Many { .. } => {
                for (tag, pointer) in &rule.fields {
                    let Some(leaf) = heard.leaves.get(pointer) else { continue };
                    let each = f64::from(heard.messages) / f64::from(leaf.count().max(1));
                    let interval = interval_s.map(|interval| interval * each);
                    add(proposal, (line, area, tag), leaf, interval);
                }
            }
            Shape::Events | Shape::Points | Shape::None(_) => {}
        }
    }
    proposal.rules.push(rule);
}

/// A name for each value: the key it stands under, with those above it where two are the same.
fn fields(
    topics: &[&Topic],
    time: Option<&Place>,
    quality: Option<&Place>,
) -> BTreeMap<String, String> {
    let besides =
        |pointer: &String| [time, quality].into_iter().flatten().any(|(at, _)| at == pointer);
    let pointers: BTreeSet<&String> = topics
        .iter()
        .flat_map(|topic| &topic.leaves)
        .filter(|(pointer, leaf)| leaf.is_value() && !besides(pointer))
        .map(|(pointer, _)| pointer)
        .collect();
    let last = |pointer: &str| pointer.rsplit('/').next().unwrap_or_default().to_owned();
    let mut uses: BTreeMap<String, u32> = BTreeMap::new();
    for pointer in &pointers {
        *uses.entry(last(pointer)).or_default() += 1;
    }
    let mut fields = BTreeMap::new();
    for pointer in pointers {
        let name = last(pointer);
        let name = match uses[&name] {
            1 => name,
            _ => pointer.trim_start_matches('/').replace('/', "_"),
        };
        let name = name.replace("~1", "/").replace("~0", "~");
        if is_name(&name) {
            fields.insert(name, pointer.clone());
        }
    }
    fields
}

/// Whether a configuration can name it.
fn is_name(name: &str) -> bool {
    !name.is_empty() && name.len() <= NAME_BYTES_MAX && !name.contains(|c: char| c.is_control())
}

fn add(
    proposal: &mut Proposal,
    (line, area, tag): (&str, &str, &str),
    leaf: &Leaf,
    interval_s: Option<f64>,
) {
    if !is_name(tag) || !is_name(line) {
        return;
    }
    let (role, why) = role::of(tag, leaf);
    let new = ProposedTag {
        area: area.to_owned(),
        role,
        why,
        unit: None,
        interval_s,
        span: (leaf.numbers > 0).then_some((leaf.low, leaf.high)),
        words: if leaf.texts + leaf.booleans > 0 && !leaf.is_many() {
            leaf.distinct.iter().take(5).cloned().collect()
        } else {
            Vec::new()
        },
        count: leaf.count(),
        qualified: false,
    };
    let tags = &mut proposal.lines.entry(line.to_owned()).or_default().tags;
    // The same name in two areas is two tags, and is told apart by the area.
    let qualified = |tag: &str, of: &ProposedTag| format!("{}/{tag}", of.area);
    match tags.remove(tag) {
        Some(known) if known.area != new.area => {
            tags.insert(qualified(tag, &known), ProposedTag { qualified: true, ..known });
            tags.insert(qualified(tag, &new), ProposedTag { qualified: true, ..new });
        }
        _ if tags.contains_key(&qualified(tag, &new))
            || tags.keys().any(|id| id.rsplit_once('/').is_some_and(|(_, name)| name == tag)) =>
        {
            tags.insert(qualified(tag, &new), ProposedTag { qualified: true, ..new });
        }
        _ => {
            tags.insert(tag.to_owned(), new);
        }
    }
}

/// Templates for topics with batch events: where a level is a line that is known by its readings, that is
/// the line; else the last but one.
fn event_templates(topics: &[&str], proposal: &mut Proposal) -> BTreeSet<String> {
    let mut templates = BTreeSet::new();
    for topic in topics {
        let mut levels: Vec<&str> = topic.split('/').collect();
        let known = levels.iter().position(|level| proposal.lines.contains_key(*level));
        let at = known.or(levels.len().checked_sub(2));
        let Some(at) = at else {
            templates.insert((*topic).to_owned());
            continue;
        };
        proposal.lines.entry(levels[at].to_owned()).or_default().events = true;
        levels[at] = "{line}";
        templates.insert(levels.join("/"));
    }
    templates
}

fn event_rule(survey: &Survey, template: String, topics: &[&str]) -> ProposedRule {
    let parsed = crate::decode::Template::parse(&template);
    let taken =
        |topic: &&&str| parsed.as_ref().is_ok_and(|template| template.matches(topic).is_some());
    let taken: Vec<&&str> = topics.iter().filter(taken).collect();
    let messages = taken.iter().map(|topic| u64::from(survey.topics[**topic].messages)).sum();
    ProposedRule {
        template,
        format: "batch-event",
        line: None,
        value: None,
        fields: BTreeMap::new(),
        time: None,
        quality: None,
        topics: taken.len(),
        messages,
        doubts: Vec::new(),
    }
}

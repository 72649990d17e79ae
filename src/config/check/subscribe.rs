//! Subscriptions: what to ask the broker for, and how what comes is read.

use super::super::Broker;
use super::super::at::At;
use super::super::diagnostic::{Code, Diagnostic};
use super::super::raw::{Mqtt, Names, Raw, Subscribe};
use super::super::suggest::{list, nearest};
use super::super::words::{BatchFrom, PayloadFormat};
use super::{Context, payload, plant, profile, properties};
use crate::decode::sparkplug::NAMESPACE;
use crate::decode::{
    Format, HostRule, JsonRule, JsonValues, PropertyRule, Rule, Template, TimeUnit,
};
use std::sync::Arc;

/// The keys that say where a payload has its values: they mean nothing where the payload is one thing.
const OF_A_DOCUMENT: &[&str] =
    &["each", "value", "fields", "time", "time_unit", "quality", "quality_codes", "names"];

/// The keys for properties of messages that have readings: they mean nothing to other formats.
const OF_MESSAGES: &[&str] = &["properties", "content_type", "expiry"];

/// What the subscriptions of a broker come to.
pub(super) struct Found {
    /// Topic filters with their QoS.
    pub(super) subscriptions: Vec<(String, u8)>,
    /// Those of edge nodes, which are heard in a session of their own.
    pub(super) of_nodes: Vec<(String, u8)>,
    /// The rules in the order in which they are tried.
    pub(super) rules: Vec<Rule>,
}

/// Checks the subscriptions of a broker: topic filters with their QoS, and the rules in the order in
/// which they are tried, the more exact topic first. `broker` is its name: another broker may have the
/// same topics, and other rules for them; `host` is how its edge nodes are treated.
pub(super) fn check(
    cx: &mut Context<'_>,
    raw: &Raw,
    mqtt: &At<Mqtt>,
    (broker, host): (&str, HostRule),
) -> Found {
    let mut found: Vec<(Rule, u8, usize)> = Vec::new();
    for subscribe in &mqtt.subscribe {
        let Some((rule, qos)) = check_one(cx, raw, mqtt, subscribe, (broker, host)) else {
            continue;
        };
        let filter = rule.template.filter();
        let topic = subscribe.topic.as_ref().map_or_else(|| subscribe.span(), At::span);
        if let Some((first, _, at)) =
            found.iter().find(|(other, ..)| other.template.filter() == filter)
        {
            let line = cx.line_of(&(*at..*at));
            let message = format!("two subscriptions take the same topics, `{filter}`");
            let label = format!("as `{}` in line {line}", first.template.as_str());
            cx.report(Code::SameTopics, topic, message)
                .label(label)
                .help("what comes can be read in one way only: make one topic more exact");
            continue;
        }
        found.push((rule, qos, topic.start));
    }
    // `mill/{line}/events` is tried before `mill/{line}/{area}`, wherever they stand.
    found.sort_by_key(|(rule, ..)| exactness(rule.template.as_str()));
    let filters = |nodes: bool| {
        let is_of = |rule: &Rule| matches!(rule.format, Format::SparkplugB(_)) == nodes;
        let of = |(rule, qos, _): &(Rule, u8, usize)| {
            let template = if nodes { rule.template.of_node() } else { None };
            (template.as_ref().unwrap_or(&rule.template).filter(), *qos)
        };
        found.iter().filter(|(rule, ..)| is_of(rule)).map(of).collect::<Vec<_>>()
    };
    let (subscriptions, of_nodes) = (fewest(&filters(false)), fewest(&filters(true)));
    twice(cx, mqtt, &subscriptions, &of_nodes);
    let rules = found.into_iter().map(|(rule, ..)| rule).collect();
    Found { subscriptions, of_nodes, rules }
}

/// Refuses what would bring the messages of edge nodes a second time, by the other session.
fn twice(
    cx: &mut Context<'_>,
    mqtt: &At<Mqtt>,
    subscriptions: &[(String, u8)],
    of_nodes: &[(String, u8)],
) {
    for subscribe in &mqtt.subscribe {
        let Some(topic) = subscribe.topic.as_ref() else { continue };
        let Ok(template) = Template::parse(topic) else { continue };
        let filter = template.filter();
        let is_one = subscriptions.iter().any(|(other, _)| *other == filter);
        if is_one && of_nodes.iter().any(|(node, _)| overlap(&filter, node)) {
            cx.report(Code::SameTopics, topic.span(), "this takes what edge nodes say, too")
                .label("their sequence would be heard twice")
                .help("make the topic narrower, so that it leaves `spBv1.0` out");
        }
    }
}

/// The fewest filters that bring all of these: a broker may send a message once for each subscription that
/// takes it.
fn fewest(filters: &[(String, u8)]) -> Vec<(String, u8)> {
    filters
        .iter()
        .enumerate()
        .filter(|(ix, (filter, qos))| {
            !filters.iter().enumerate().any(|(other, (wider, wider_qos))| {
                let equal_before = wider == filter && other < *ix;
                let wider_by = wider != filter && covers(wider, filter);
                other != *ix && wider_qos >= qos && (equal_before || wider_by)
            })
        })
        .map(|(_, subscription)| subscription.clone())
        .collect()
}

/// How exact a topic is, level by level: smaller is tried first.
fn exactness(topic: &str) -> Vec<u8> {
    topic
        .split('/')
        .map(|level| match level {
            "#" => 2,
            _ if level.ends_with("...}") => 2,
            "+" => 1,
            _ if level.starts_with('{') => 1,
            _ => 0,
        })
        .collect()
}

/// True if the first topic filter takes everything that the second one takes.
fn covers(wide: &str, narrow: &str) -> bool {
    // Wildcards at the start do not take `$SYS` and its like.
    if narrow.starts_with('$') && wide.starts_with(['+', '#']) {
        return false;
    }
    let mut narrow_levels = narrow.split('/');
    for level in wide.split('/') {
        match (level, narrow_levels.next()) {
            ("#", _) => return true,
            ("+", Some(other)) if other != "#" => {}
            (_, Some(other)) if other == level => {}
            _ => return false,
        }
    }
    narrow_levels.next().is_none()
}

/// True if some topic is taken by both topic filters.
fn overlap(one: &str, other: &str) -> bool {
    let (mut ones, mut others) = (one.split('/'), other.split('/'));
    loop {
        match (ones.next(), others.next()) {
            (Some("#"), _) | (_, Some("#")) | (None, None) => return true,
            (Some(a), Some(b)) if a == b || a == "+" || b == "+" => {}
            _ => return false,
        }
    }
}

fn check_one(
    cx: &mut Context<'_>,
    raw: &Raw,
    mqtt: &Mqtt,
    subscribe: &At<Subscribe>,
    (broker, host): (&str, HostRule),
) -> Option<(Rule, u8)> {
    let qos = cx.integer(subscribe.qos.as_ref(), "qos", 1, 0..=2);
    let word = subscribe.format.as_ref().map_or(PayloadFormat::Json, |format| **format);
    let format = match word {
        PayloadFormat::Json => payload::json(cx, subscribe, false),
        PayloadFormat::JsonLines => payload::json(cx, subscribe, true),
        PayloadFormat::Value => {
            // What a user property gives is read like the same thing in a document.
            let given = |key: &&str| match *key {
                "time_unit" => properties::has(subscribe, |asked| &asked.time),
                "quality_codes" => properties::has(subscribe, |asked| &asked.quality),
                _ => false,
            };
            let keys: Vec<&str> = OF_A_DOCUMENT.iter().copied().filter(|key| !given(key)).collect();
            payload::without(cx, subscribe, word, &keys);
            Some(Format::Value)
        }
        PayloadFormat::BatchEvent | PayloadFormat::LabEvent => {
            payload::without(
                cx,
                subscribe,
                word,
                &[OF_A_DOCUMENT, OF_MESSAGES, &["area", "tag", "unit", "units"]].concat(),
            );
            Some(Format::BatchEvent)
        }
        PayloadFormat::DroppedCount => {
            payload::without(
                cx,
                subscribe,
                word,
                &[OF_A_DOCUMENT, OF_MESSAGES, &["line", "area", "tag", "unit", "units"]].concat(),
            );
            Some(Format::DroppedCount)
        }
        PayloadFormat::LineProtocol => {
            payload::without(cx, subscribe, word, &["each", "value", "fields", "time"]);
            Some(payload::points(cx, subscribe))
        }
        PayloadFormat::SparkplugB => {
            let keys = [OF_A_DOCUMENT, OF_MESSAGES, &["tag", "unit", "units"]].concat();
            payload::without(cx, subscribe, word, &keys);
            Some(Format::SparkplugB(host))
        }
        PayloadFormat::Profile => payload::profile(cx, subscribe),
    };
    if word != PayloadFormat::Profile {
        payload::without(cx, subscribe, word, &["positions", "mode"]);
    }
    let template = check_topic(cx, subscribe);
    if word == PayloadFormat::DroppedCount {
        one_topic(cx, subscribe, template.as_ref());
    }
    let format = format.filter(|_| word != PayloadFormat::SparkplugB || edge_nodes(cx, subscribe));
    for (name, found, forbidden) in [
        ("a line", &subscribe.line, &['/', '+', '#'][..]),
        ("an area", &subscribe.area, &['+', '#'][..]),
        ("a tag", &subscribe.tag, &['+', '#'][..]),
    ] {
        if let Some(found) = found {
            cx.name(found, found.span(), name, forbidden);
        }
    }
    let of_messages = match &format {
        // What stands beside another format has been refused, and with one that is unknown nothing is known.
        Some(Format::Json(_) | Format::Value | Format::LineProtocol { .. }) => {
            properties::check(cx, mqtt, subscribe, template.as_ref(), word)
        }
        _ => PropertyRule::default(),
    };
    let (template, format) = (template?, format?);
    check_names(cx, raw, subscribe, &template, &format);
    let fixed = |found: &Option<At<String>>| found.as_ref().map(|name| Arc::from(name.as_str()));
    let (unit, units) = payload::units(cx, raw, subscribe);
    let rule = Rule {
        broker: broker.into(),
        template,
        format,
        unit,
        units,
        line: fixed(&subscribe.line),
        area: fixed(&subscribe.area),
        tag: fixed(&subscribe.tag),
        time_unit: match subscribe.time_unit.as_ref() {
            Some(unit) => (**unit).into(),
            // What InfluxDB means where nothing is said.
            None if word == PayloadFormat::LineProtocol => TimeUnit::Nanos,
            None => TimeUnit::default(),
        },
        quality_codes: subscribe
            .quality_codes
            .as_ref()
            .map_or_else(Default::default, |codes| (**codes).into()),
        properties: of_messages,
    };
    // A count that a broker sends again, for want of an acknowledgement, is an old one, and looks like
    // that of a broker that was started anew. The newest is retained: none need be sent again.
    let qos = if word == PayloadFormat::DroppedCount { 0 } else { qos };
    Some((rule, u8::try_from(qos).unwrap_or(1)))
}

fn check_topic(cx: &mut Context<'_>, subscribe: &At<Subscribe>) -> Option<Template> {
    let Some(topic) = subscribe.topic.as_ref() else {
        let example = "\"mill/{line}/{area}/{tag}\"";
        cx.missing(&subscribe.span(), "`[[mqtt.subscribe]]`", "topic", example);
        return None;
    };
    let problem = match Template::parse(topic) {
        Err(error) => error.to_string(),
        Ok(_) if topic.starts_with("$share/") => {
            "a shared subscription is asked for by `share` of the broker".to_owned()
        }
        Ok(_) if topic.contains('\0') || topic.len() > 65_535 => {
            "MQTT cannot carry this topic".to_owned()
        }
        Ok(template) => {
            strange_placeholders(cx, topic);
            return Some(template);
        }
    };
    cx.report(Code::Template, topic.span(), problem)
        .help("write it like `\"mill/{line}/{area}/{tag}\"`");
    None
}

/// Refuses a count that several topics bring: they would be taken for one.
fn one_topic(cx: &mut Context<'_>, subscribe: &At<Subscribe>, template: Option<&Template>) {
    if let (Some(template), Some(topic)) = (template, &subscribe.topic)
        && template.filter().contains(['+', '#'])
    {
        let message = "a count of dropped messages is one topic, not several";
        cx.report(Code::Subscription, topic.span(), message)
            .help("mosquitto's is `$SYS/broker/publish/messages/dropped`");
    }
}

/// Refuses topics that are none of edge nodes: `spBv1.0/GROUP/TYPE/NODE/DEVICE`. True for one that is.
fn edge_nodes(cx: &mut Context<'_>, subscribe: &At<Subscribe>) -> bool {
    let Some(topic) = subscribe.topic.as_ref() else { return false };
    let levels: Vec<&str> = topic.split('/').collect();
    let takes_any = |level: &str| {
        let named = ["{line}", "{area}", "{tag}"].contains(&level);
        level == "+" || level == "#" || (level.starts_with('{') && !named)
    };
    let problem = if levels.first() != Some(&NAMESPACE) {
        format!("the topics of Sparkplug B begin with `{NAMESPACE}`")
    } else if !levels.get(2).is_none_or(|level| takes_any(level)) {
        "the type of a message (NBIRTH, DDATA, …) is the third level, and all types are needed"
            .to_owned()
    } else if levels.len() > 5 {
        "the topics of Sparkplug B have five levels at most".to_owned()
    } else if levels.iter().any(|level| level.starts_with("{tag")) {
        "the tags of Sparkplug B are its metrics, and stand in no topic".to_owned()
    } else if levels.len() < 4 && !takes_rest(levels.last()) {
        "this takes no edge node: that is the fourth level".to_owned()
    } else {
        return true;
    };
    cx.report(Code::Subscription, topic.span(), problem).help(
        "write it like `\"spBv1.0/{group}/{type}/{line}/{area}\"`: group, type, edge node, device",
    );
    false
}

fn takes_rest(level: Option<&&str>) -> bool {
    level.is_some_and(|level| *level == "#" || level.ends_with("...}"))
}

/// Warns of placeholders that mean nothing to us: they take a level as `+` does, which is seldom meant
/// where the name is nearly one of ours.
fn strange_placeholders(cx: &mut Context<'_>, topic: &At<String>) {
    const KNOWN: [&str; 3] = ["line", "area", "tag"];
    // The levels of Sparkplug have names of their own.
    const OF_SPARKPLUG: [&str; 4] = ["group", "type", "node", "device"];
    let sparkplug = topic.starts_with(NAMESPACE);
    let mut start = 0;
    for level in topic.split('/') {
        let part = start..start + level.len();
        start = part.end + 1;
        let Some(inner) = level.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) else {
            continue;
        };
        let (name, dots) = match inner.strip_suffix("...") {
            Some(name) => (name, "..."),
            None => (inner, ""),
        };
        let rest_of_line = name == "line" && !dots.is_empty();
        if KNOWN.contains(&name) && !rest_of_line || sparkplug && OF_SPARKPLUG.contains(&name) {
            continue;
        }
        let near = nearest(name, KNOWN).filter(|near| *near != name);
        let wildcard = if dots.is_empty() { "+" } else { "#" };
        let help = match near {
            Some(near) => format!("did you mean `{{{near}{dots}}}`? else write `{wildcard}`"),
            None => format!(
                "write `{wildcard}`; names are taken by `{{line}}`, `{{area}}` and `{{tag}}`"
            ),
        };
        let span = cx.part(topic, part);
        cx.report(Code::Placeholder, span, format!("`{level}` names nothing that is kept"))
            .label(format!("taken as `{wildcard}`"))
            .help(help);
    }
}

/// Where line, area and tag come from: from one place each.
fn check_names(
    cx: &mut Context<'_>,
    raw: &Raw,
    subscribe: &At<Subscribe>,
    template: &Template,
    format: &Format,
) {
    let captures = |name: &str| {
        let (level, rest) = (format!("{{{name}}}"), format!("{{{name}...}}"));
        template.as_str().split('/').any(|part| part == level || part == rest)
    };
    for (name, fixed) in
        [("line", &subscribe.line), ("area", &subscribe.area), ("tag", &subscribe.tag)]
    {
        if let Some(fixed) = fixed.as_ref().filter(|_| captures(name)) {
            let message = format!("`{name}` stands in the topic, too");
            cx.report(Code::Subscription, fixed.span(), message)
                .label(format!("the topic has `{{{name}}}`"))
                .help(format!("leave `{name}` out, or put `+` into the topic"));
        }
    }
    let none = Names::default();
    let of_payload = match format {
        Format::Json(_) | Format::Profile(_) => {
            subscribe.names.as_ref().map_or(&none, |names| &**names)
        }
        _ => &none,
    };
    for (name, found, fixed) in [
        ("line", &of_payload.line, &subscribe.line),
        ("area", &of_payload.area, &subscribe.area),
        ("tag", &of_payload.tag, &subscribe.tag),
    ] {
        let Some(found) = found.as_ref().filter(|_| captures(name) || fixed.is_some()) else {
            continue;
        };
        let place = if captures(name) { "the topic" } else { "the subscription" };
        let message = format!("`names.{name}` is given by {place}, too");
        cx.report(Code::Subscription, found.span(), message)
            .help(format!("leave `names.{name}` out, or let the payload alone name the {name}"));
    }
    let names_itself =
        matches!(format, Format::BatchEvent | Format::DroppedCount | Format::LineProtocol { .. });
    if names_itself {
        return;
    }
    let is_named = matches!(format, Format::SparkplugB(_));
    let topic = subscribe.topic.as_ref().map_or_else(|| subscribe.span(), At::span);
    let fields = subscribe.fields.is_some();
    if let (true, Some(found)) = (fields, of_payload.tag.as_ref()) {
        let message = "the tag comes from `names.tag` and from `fields`";
        cx.report(Code::Subscription, found.span(), message)
            .help("keep `names.tag` with `value`, or `fields` without it");
        return;
    }
    let of_property = properties::has(subscribe, |asked| &asked.tag);
    let named = fields || of_payload.tag.is_some() || of_property || is_named;
    if fields && (captures("tag") || subscribe.tag.is_some()) {
        cx.report(Code::Subscription, topic, "the tag comes from the topic and from `fields`")
            .help("with `fields` put `+` or `{area}` into the topic, and leave `tag` out");
        return;
    }
    let start = subscribe.span().start;
    let gone = |key: &str| {
        let properties = || cx.removed.contains(&(start, "properties".to_owned()));
        cx.removed.contains(&(start, key.to_owned())) || properties()
    };
    if !named && !captures("tag") && subscribe.tag.is_none() && !gone("fields") && !gone("tag") {
        cx.report(
            Code::Subscription,
            topic.clone(),
            "nothing says which tag these readings are of",
        )
        .label("no `{tag}` in the topic")
        .help(
            "put `{tag}` into the topic, or add `tag = \"…\"`, or `fields = { moisture = \"/m\" }` \
                 for many values in one payload, or `names = { tag = \"/id\" }` where it names them",
        );
    }
    let has_line = template.has_line()
        || subscribe.line.is_some()
        || of_payload.line.is_some()
        || properties::has(subscribe, |asked| &asked.line);
    if !has_line && !gone("line") {
        let lines: Vec<&str> = plant::lines(raw).iter().map(|(name, _)| name.as_str()).collect();
        let example = lines.first().copied().unwrap_or("tm3");
        cx.report(Code::NoLine, topic, "these readings belong to no line, so nothing judges them")
            .label("no `{line}` in the topic")
            .help(format!("put `{{line}}` into the topic, or add `line = \"{example}\"`"));
    }
}

/// True if what the subscriptions bring can be known: one that is wrong may be the one that brings it.
fn is_known(cx: &Context<'_>, raw: &Raw, brokers: &[Broker]) -> bool {
    let wrong = |found: &Diagnostic| {
        matches!(
            found.code,
            Code::Template | Code::Subscription | Code::Pointer | Code::Unsupported
        )
    };
    let broken = brokers.is_empty()
        || raw.mqtt.iter().flat_map(|mqtt| &mqtt.subscribe).count()
            != brokers.iter().map(|broker| broker.rules.len()).sum::<usize>()
        || cx.diagnostics.iter().any(wrong)
        || ["mqtt", "subscribe", "fields", "tag"].iter().any(|key| cx.was_removed(key));
    !broken
}

/// Warns of lines whose batches come from events, where no subscription brings events for them.
pub(super) fn events_that_never_come(cx: &mut Context<'_>, raw: &Raw, brokers: &[Broker]) {
    if !is_known(cx, raw, brokers) {
        return;
    }
    for (name, line) in plant::lines(raw) {
        // Said, not meant: a line without `batch` may have none.
        let Some(batch) = line.batch.as_ref() else { continue };
        if batch.from.as_ref().is_some_and(|from| **from != BatchFrom::Events)
            || cx.was_removed("from")
        {
            continue;
        }
        let brings = |rule: &Rule| {
            // The topic, or the body, may name any line.
            rule.format == Format::BatchEvent
                && rule.line.as_deref().is_none_or(|fixed| fixed == name.as_str())
        };
        if !brokers.iter().flat_map(|broker| &broker.rules).any(brings) {
            let message = format!("no subscription brings batch events of line `{}`", **name);
            cx.report(Code::EventsNeverCome, batch.span(), message)
                .label("it would have no batches")
                .help(
                    "add `[[mqtt.subscribe]]` with `format = \"batch-event\"`, or let batches come \
                     from a tag, the turn-up or a period",
                );
        }
    }
}

/// Warns of declared tags that no subscription can bring, where that can be known.
pub(super) fn tags_that_never_come(cx: &mut Context<'_>, raw: &Raw, brokers: &[Broker]) {
    if !is_known(cx, raw, brokers) {
        return;
    }
    profile::that_never_come(cx, raw, brokers);
    for (line, declared) in plant::lines(raw) {
        let mut names: Vec<&str> = Vec::new();
        for rule in brokers.iter().flat_map(|broker| &broker.rules) {
            let of_property = &rule.properties.names;
            let other = |fixed: &str| fixed != line.as_str() && of_property.line.is_none();
            if rule.line.as_deref().is_some_and(other) {
                continue;
            }
            match &rule.format {
                Format::BatchEvent | Format::DroppedCount | Format::Profile(_) => {}
                // The topic, a property, or the point, brings whatever it brings.
                _ if rule.template.has_tag() || of_property.tag.is_some() => return,
                Format::LineProtocol { .. } | Format::SparkplugB(_) => return,
                Format::Json(json) if json.names.tag.is_some() => return,
                Format::Json(JsonRule { values: JsonValues::Fields(fields), .. }) => {
                    names.extend(fields.iter().map(|(tag, _)| &**tag));
                }
                _ => names.extend(rule.tag.as_deref()),
            }
        }
        let wanted = declared.tag.keys().any(|id| !profile::brings(declared, id));
        if names.is_empty() && wanted {
            let message = format!("no subscription brings readings of line `{}`", **line);
            cx.report(Code::TagNeverComes, line.span(), message)
                .help("add `[[mqtt.subscribe]]` with a `topic` to the broker that has them");
            continue;
        }
        for (id, _) in plant::tags(declared) {
            let name = id.rsplit('/').next().unwrap_or(id);
            if names.contains(&id.as_str())
                || names.contains(&name)
                || profile::brings(declared, id)
            {
                continue;
            }
            let message = format!("no subscription brings tag `{}` of line `{}`", **id, **line);
            let help = match nearest(name, names.iter().copied()) {
                Some(near) => format!("a subscription brings `{near}`: is it the same?"),
                None => format!("subscriptions bring {}", list(&names)),
            };
            cx.report(Code::TagNeverComes, id.span(), message).help(help);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wide_filters_cover_narrow_ones() {
        let check = |wide: &str, narrow: &str, expected: bool| {
            assert_eq!(covers(wide, narrow), expected, "{wide} {narrow}");
        };
        check("mill/+/+", "mill/+/events", true);
        check("mill/#", "mill/+/events", true);
        check("mill/#", "mill", true);
        check("mill/#", "mill/#", true);
        check("mill/+", "mill/#", false);
        check("mill/+/events", "mill/+/+", false);
        check("mill/+/+", "mill/+", false);
        check("mill/+", "mill/+/+", false);
        check("#", "$SYS/a", false);
    }

    #[test]
    fn filters_overlap_where_a_topic_is_taken_by_both() {
        let check = |one: &str, other: &str, expected: bool| {
            assert_eq!(
                (overlap(one, other), overlap(other, one)),
                (expected, expected),
                "{one} {other}"
            );
        };
        check("+/mill/#", "spBv1.0/+/+/tm3/#", true);
        check("mill/#", "spBv1.0/+/+/tm3/#", false);
        check("+/+/+", "spBv1.0/+/+/tm3/#", false);
        check("spBv1.0/+/+/tm3", "spBv1.0/+/+/tm3/#", true);
    }

    #[test]
    fn exact_topics_are_tried_first() {
        assert!(exactness("mill/{line}/events") < exactness("mill/{line}/{area}"));
        assert!(exactness("mill/{line}/{area}") < exactness("mill/{line}/{tag...}"));
        assert!(exactness("mill/tm3/+") < exactness("mill/{line}/events"));
    }
}

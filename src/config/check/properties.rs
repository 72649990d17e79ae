//! What a subscription takes of the properties of its messages (MQTT 5).

use super::super::at::At;
use super::super::diagnostic::Code;
use super::super::raw::{Mqtt, Subscribe, UserProperties};
use super::super::words::{PayloadFormat, Word};
use super::Context;
use crate::decode::{NAME_BYTES_MAX, PayloadNames, PropertyRule, Template, plain_content_type};
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

/// The last number of seconds that the protocol has.
const EXPIRY_MAX: Duration = Duration::from_secs(u32::MAX as u64);

/// True if a part of a reading has a user property.
pub(super) fn has(
    subscribe: &Subscribe,
    part: impl Fn(&UserProperties) -> &Option<At<String>>,
) -> bool {
    subscribe.properties.as_ref().is_some_and(|asked| part(asked).is_some())
}

/// Checks what a subscription to readings takes of properties.
pub(super) fn check(
    cx: &mut Context<'_>,
    mqtt: &Mqtt,
    subscribe: &At<Subscribe>,
    template: Option<&Template>,
    format: PayloadFormat,
) -> PropertyRule {
    only_of_mqtt_5(cx, mqtt, subscribe);
    let none = UserProperties::default();
    let asked = subscribe.properties.as_ref().map_or(&none, |asked| &**asked);
    keys(cx, asked);
    let line_protocol = format == PayloadFormat::LineProtocol;
    if let (true, Some(template)) = (line_protocol, template) {
        names_of_points(cx, subscribe, asked, template);
    }
    if let (Some(tag), true) = (asked.tag.as_ref(), subscribe.fields.is_some()) {
        let message = "the tag comes from `fields`, so nobody looks at `properties.tag`";
        cx.report(Code::Subscription, tag.span(), message)
            .help("keep `properties.tag` with `value`, or `fields` without it");
    }
    let key = |found: &Option<At<String>>| found.as_ref().map(|key| Arc::from(key.as_str()));
    PropertyRule {
        names: PayloadNames {
            line: key(&asked.line),
            area: key(&asked.area),
            tag: key(&asked.tag),
            unit: key(&asked.unit),
        },
        time: key(&asked.time),
        quality: key(&asked.quality),
        content_types: content_types(cx, subscribe),
        expiry_s: subscribe.expiry.as_ref().and_then(|found| {
            // The protocol counts seconds; a fraction is cut off.
            let second = Duration::from_secs(1);
            let allowed = second..=EXPIRY_MAX;
            let whole = cx.duration(Some(found), "expiry", second, allowed);
            u32::try_from(whole.as_secs()).ok()
        }),
    }
}

/// The keys that are there, in the order in which they are told.
fn there(asked: &UserProperties) -> impl Iterator<Item = (&'static str, &At<String>)> + Clone {
    let UserProperties { line, area, tag, unit, time, quality } = asked;
    [
        ("line", line),
        ("area", area),
        ("tag", tag),
        ("unit", unit),
        ("time", time),
        ("quality", quality),
    ]
    .into_iter()
    .filter_map(|(part, found)| Some((part, found.as_ref()?)))
}

/// Refuses keys that no message can have, and one property that is two things.
fn keys(cx: &mut Context<'_>, asked: &UserProperties) {
    for (ix, (part, found)) in there(asked).enumerate() {
        if found.trim().is_empty() || found.len() > NAME_BYTES_MAX {
            let message = format!("`properties.{part}` is no key of a user property");
            cx.report(Code::Subscription, found.span(), message)
                .label(format!("1 to {NAME_BYTES_MAX} bytes are allowed"))
                .help("write the key as its sender does, or leave it out");
            continue;
        }
        let same = there(asked).take(ix).find(|(_, other)| other.as_str() == found.as_str());
        if let Some((other, _)) = same {
            let message = format!("`properties.{part}` is the same as `properties.{other}`");
            cx.report(Code::Subscription, found.span(), message)
                .help("one user property is one thing: leave one of the two out");
        }
    }
}

/// Refuses the keys where the broker is spoken to in a version that has no properties.
fn only_of_mqtt_5(cx: &mut Context<'_>, mqtt: &Mqtt, subscribe: &Subscribe) {
    if mqtt.version.as_ref().is_none_or(|version| **version != 4) {
        return;
    }
    let asked: [(&str, Option<Range<usize>>); 3] = [
        ("properties", subscribe.properties.as_ref().map(At::span)),
        ("content_type", subscribe.content_type.as_ref().map(At::span)),
        ("expiry", subscribe.expiry.as_ref().map(At::span)),
    ];
    for (key, span) in asked {
        let Some(span) = span else { continue };
        let message = format!("`{key}` means nothing to a broker with `version = 4`");
        cx.report(Code::Meaningless, span, message)
            .label("MQTT 3.1.1 has no properties")
            .help(format!("write `version = 5` if the broker speaks it, or leave `{key}` out"));
    }
}

/// Refuses names of line protocol that come from topic or subscription, too. There these count before the
/// point, and the point before a property, so that the property would count before and after the topic.
fn names_of_points(
    cx: &mut Context<'_>,
    subscribe: &Subscribe,
    asked: &UserProperties,
    template: &Template,
) {
    let taken = |name: &str| {
        let (level, rest) = (format!("{{{name}}}"), format!("{{{name}...}}"));
        template.as_str().split('/').any(|part| part == level || part == rest)
    };
    for (name, found, fixed) in [
        ("line", &asked.line, &subscribe.line),
        ("area", &asked.area, &subscribe.area),
        ("tag", &asked.tag, &subscribe.tag),
    ] {
        let Some(found) = found.as_ref().filter(|_| taken(name) || fixed.is_some()) else {
            continue;
        };
        let place = if taken(name) { "the topic" } else { "the subscription" };
        let message = format!("`properties.{name}` is given by {place}, too");
        cx.report(Code::Subscription, found.span(), message).help(format!(
            "in `{}` leave `properties.{name}` out, or let only points and properties name the {name}",
            PayloadFormat::LineProtocol.as_str()
        ));
    }
}

/// The content types that are taken, as they are compared.
fn content_types(cx: &mut Context<'_>, subscribe: &Subscribe) -> Vec<Arc<str>> {
    let Some(found) = subscribe.content_type.as_ref() else { return Vec::new() };
    if found.is_empty() && !cx.was_removed("content_type") {
        cx.report(Code::Subscription, found.span(), "`content_type` names no type")
            .help("write `[\"application/json\"]`, or leave `content_type` out to take all");
    }
    let mut types: Vec<Arc<str>> = Vec::new();
    for entry in found.iter() {
        let plain = plain_content_type(entry);
        if plain.is_empty() {
            let message = format!("`{}` is no content type", **entry);
            cx.report(Code::Subscription, entry.span(), message)
                .help("write it as the messages have it, such as `application/json`");
        } else if types.iter().all(|known| **known != *plain) {
            types.push(plain.into());
        }
    }
    types
}

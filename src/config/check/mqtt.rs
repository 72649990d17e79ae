//! Brokers: address, session, identity, and where verdicts are published.

use super::super::Broker;
use super::super::at::{At, SizeText};
use super::super::diagnostic::Code;
use super::super::raw::{Mqtt, Publish, Raw};
use super::super::suggest::or_declared;
use super::super::words::SparkplugRole;
use super::address::{self, Address};
use super::subscribe;
use super::{Context, plant, text};
use crate::decode::sparkplug::state_topic;
use crate::decode::{HostRule, Template, Wanted};
use crate::mqtt::{Settings, SparkplugHost, TlsSettings, Version};
use std::ops::Range;
use std::path::PathBuf;
use std::time::Duration;

/// The client library ends the process below this.
const KEEP_ALIVE_MIN: Duration = Duration::from_secs(5);
/// The protocol has 16 bits of seconds.
const KEEP_ALIVE_MAX: Duration = Duration::from_secs(65_535);
/// The protocol has 32 bits of seconds, the last of which stand for "never".
const EXPIRY_MAX: Duration = Duration::from_secs(4_294_967_294);
/// The largest packet of the protocol.
const PACKET_MAX: u64 = 268_435_455;
/// The smallest packet worth having.
const PACKET_MIN: u64 = 1024;

/// Checks all brokers.
pub(super) fn check(cx: &mut Context<'_>, raw: &Raw) -> Vec<Broker> {
    if raw.mqtt.is_empty() && !cx.was_removed("mqtt") {
        cx.report(Code::NoBroker, 0..0, "no broker is named, so nothing brings readings")
            .help("add `[[mqtt]]` with a `url` and `[[mqtt.subscribe]]` with a `topic`");
    }
    let mut brokers: Vec<Broker> = Vec::new();
    let mut names: Vec<(String, Range<usize>)> = Vec::new();
    for (ix, mqtt) in raw.mqtt.iter().enumerate() {
        let broker = check_broker(cx, raw, ix, mqtt);
        let span = mqtt.name.as_ref().map_or_else(|| mqtt.span(), At::span);
        if let Some((_, first)) = names.iter().find(|(name, _)| *name == broker.settings.name) {
            let line = cx.line_of(first);
            let message = format!("two brokers are named `{}`", broker.settings.name);
            cx.report(Code::Twice, span.clone(), message)
                .label(format!("the first stands in line {line}"))
                .help("give each `[[mqtt]]` a `name` of its own");
        }
        same_client(cx, &brokers, raw, mqtt, &broker);
        names.push((broker.settings.name.clone(), span));
        brokers.push(broker);
    }
    let publisher = check_publish(cx, raw, &brokers);
    if let Some((broker, prefix)) = publisher
        && let Some(found) = brokers.get_mut(broker)
    {
        let mqtt = raw.mqtt.get(broker);
        own_topics(cx, mqtt, &prefix);
        found.settings.publish_prefix = Some(prefix);
    }
    shared_lines(cx, raw);
    subscribe::tags_that_never_come(cx, raw, &brokers);
    subscribe::events_that_never_come(cx, raw, &brokers);
    brokers
}

fn check_broker(cx: &mut Context<'_>, raw: &Raw, ix: usize, mqtt: &At<Mqtt>) -> Broker {
    let name = match mqtt.name.as_ref() {
        Some(name) => {
            cx.name(name, name.span(), "a broker", &['/', '+', '#']);
            name.to_string()
        }
        // Two brokers without names must not get the same one.
        None if ix == 0 => "mqtt".to_owned(),
        None => format!("mqtt-{}", ix + 1),
    };
    let Address { host, port, secure, websocket } = address::check(cx, mqtt);
    let version = match mqtt.version.as_ref().map(|version| (**version, version.span())) {
        None | Some((5, _)) => Version::V5,
        Some((4, _)) => Version::V4,
        Some((other, span)) => {
            cx.report(Code::OutOfBounds, span, format!("`version` cannot be {other}"))
                .label("allowed are 5 and 4")
                .help("write 5, or 4 for MQTT 3.1.1");
            Version::V5
        }
    };
    if let Some(client_id) = mqtt.client_id.as_ref() {
        cx.name(client_id, client_id.span(), "the client", &[]);
    }
    // A broker that says that it publishes may be there for that alone.
    if mqtt.publish.is_none()
        && mqtt.subscribe.is_empty()
        && !cx.removed.contains(&(mqtt.span().start, "subscribe".to_owned()))
    {
        let message = format!("nothing is asked of broker `{name}`, so it brings no readings");
        cx.report(Code::NoSubscription, mqtt.span(), message).help(
            "add `[[mqtt.subscribe]]` with a `topic` below it, or `[mqtt.publish]` if it only takes \
             what is published",
        );
    }
    let client_id = text(mqtt.client_id.as_ref()).unwrap_or("onspec");
    let (rule, primary) = check_sparkplug(cx, mqtt, client_id);
    let subscribe::Found { subscriptions, of_nodes, rules } =
        subscribe::check(cx, raw, mqtt, (&name, rule));
    without_nodes(cx, mqtt, !of_nodes.is_empty() || rules.len() < mqtt.subscribe.len());
    let settings = Settings {
        name,
        host,
        port,
        tls: check_tls(cx, mqtt, secure),
        websocket,
        version,
        client_id: client_id.to_owned(),
        clean_start: false,
        session_expiry: whole_seconds(cx.duration(
            mqtt.session_expiry.as_ref(),
            "session_expiry",
            Duration::from_secs(7 * 86_400),
            Duration::from_secs(1)..=EXPIRY_MAX,
        )),
        credentials: check_credentials(cx, mqtt),
        keep_alive: whole_seconds(cx.duration(
            mqtt.keep_alive.as_ref(),
            "keep_alive",
            Duration::from_secs(30),
            KEEP_ALIVE_MIN..=KEEP_ALIVE_MAX,
        )),
        receive_maximum: u16::try_from(cx.integer(
            mqtt.receive_maximum.as_ref(),
            "receive_maximum",
            1000,
            1..=65_535,
        ))
        .unwrap_or(1000),
        max_packet_size: check_packet(cx, mqtt.max_packet_size.as_ref()),
        silent_after: cx.duration(
            mqtt.silent_after.as_ref(),
            "silent_after",
            Duration::from_secs(120),
            Duration::from_secs(1)..=Duration::from_secs(30 * 86_400),
        ),
        subscriptions,
        share: mqtt.share.as_ref().filter(|share| !share.is_empty()).map(|share| {
            cx.name(share, share.span(), "a shared-subscription group", &['/', '+', '#']);
            share.to_string()
        }),
        publish_prefix: None,
        sparkplug: None,
        properties: Wanted::by(&rules),
    };
    let host = (!of_nodes.is_empty()).then(|| of_host(&settings, of_nodes, primary));
    Broker { settings, rules, host }
}

/// The second client of a broker, which hears its edge nodes.
fn of_host(broker: &Settings, of_nodes: Vec<(String, u8)>, primary: Option<String>) -> Settings {
    let own_state = primary.as_deref().map(|id| (state_topic(id), 1));
    Settings {
        client_id: format!("{}-spb", broker.client_id),
        clean_start: true,
        session_expiry: Duration::ZERO,
        // The sequence of a node is one: who takes a part of it can follow none.
        share: None,
        subscriptions: of_nodes.into_iter().chain(own_state).collect(),
        sparkplug: Some(SparkplugHost { primary }),
        properties: Wanted::default(),
        ..broker.clone()
    }
}

/// Warns of settings for edge nodes where none are subscribed to.
fn without_nodes(cx: &mut Context<'_>, mqtt: &At<Mqtt>, may_have: bool) {
    if let (false, Some(sparkplug)) = (may_have, mqtt.sparkplug.as_ref()) {
        let message = "`sparkplug` means nothing without edge nodes";
        cx.report(Code::Meaningless, sparkplug.span(), message)
            .label("no subscription has `format = \"sparkplug-b\"`")
            .help("add `[[mqtt.subscribe]]` with `topic = \"spBv1.0/+/+/{line}/{area}\"` and that format");
    }
}

/// How edge nodes are treated, and the id of a primary host, if onspec is to be one.
fn check_sparkplug(
    cx: &mut Context<'_>,
    mqtt: &At<Mqtt>,
    client_id: &str,
) -> (HostRule, Option<String>) {
    let default = HostRule::default();
    let Some(sparkplug) = mqtt.sparkplug.as_ref() else { return (default, None) };
    let role = sparkplug.role.as_ref().map_or(SparkplugRole::Passive, |role| **role);
    let second = Duration::from_secs(1);
    let treated = HostRule {
        asks: role != SparkplugRole::Passive,
        reorder: cx.duration(
            sparkplug.reorder.as_ref(),
            "reorder",
            default.reorder,
            Duration::from_millis(100)..=60 * second,
        ),
        ask_every: cx.duration(
            sparkplug.rebirth.as_ref(),
            "rebirth",
            default.ask_every,
            10 * second..=86_400 * second,
        ),
    };
    if let Some(id) = sparkplug.host_id.as_ref() {
        cx.name(id, id.span(), "the host", &['/', '+', '#']);
        if role != SparkplugRole::Primary {
            cx.report(
                Code::Meaningless,
                id.span(),
                "`host_id` means nothing but to a primary host",
            )
            .help("add `role = \"primary\"` if nodes are to wait for onspec, or leave it out");
        }
    }
    let host_id = text(sparkplug.host_id.as_ref()).unwrap_or(client_id);
    (treated, (role == SparkplugRole::Primary).then(|| host_id.to_owned()))
}

/// The protocol counts seconds; a fraction is cut off.
fn whole_seconds(duration: Duration) -> Duration {
    Duration::from_secs(duration.as_secs())
}

fn check_tls(cx: &mut Context<'_>, mqtt: &At<Mqtt>, secure: bool) -> Option<TlsSettings> {
    let Some(tls) = mqtt.tls.as_ref() else { return secure.then(TlsSettings::default) };
    if !secure {
        cx.report(Code::Meaningless, tls.span(), "`tls` means nothing without `mqtts` or `wss`")
            .label("the link would not be encrypted")
            .help("write `mqtts://` or `wss://` in `url`, or leave `tls` out");
    }
    for (here, there, name) in [(&tls.cert, &tls.key, "key"), (&tls.key, &tls.cert, "cert")] {
        if here.is_some() && there.is_none() {
            cx.missing(&tls.span(), "`tls`", name, "\"/etc/onspec/….pem\"");
        }
    }
    let path = |found: &Option<At<String>>| found.as_ref().map(|path| PathBuf::from(path.as_str()));
    Some(TlsSettings { ca: path(&tls.ca), identity: path(&tls.cert).zip(path(&tls.key)) })
}

fn check_credentials(
    cx: &mut Context<'_>,
    mqtt: &At<Mqtt>,
) -> Option<(String, Option<crate::telemetry::SecretSource>)> {
    let password = mqtt.password.as_ref().map(|secret| cx.secret(secret, "password"));
    let Some(username) = mqtt.username.as_ref() else {
        if let Some(password) = mqtt.password.as_ref()
            && !cx.removed.contains(&(mqtt.span().start, "username".to_owned()))
        {
            cx.report(Code::MissingKey, password.span(), "`password` stands without `username`")
                .help("add `username = \"onspec\"`");
        }
        return None;
    };
    Some((username.to_string(), password))
}

fn check_packet(cx: &mut Context<'_>, found: Option<&At<SizeText>>) -> u32 {
    const DEFAULT: u32 = 16 << 20;
    let Some(found) = found else { return DEFAULT };
    let size = super::output::size(cx, found, "max_packet_size");
    match size {
        Some(bytes) if (PACKET_MIN..=PACKET_MAX).contains(&bytes) => {
            u32::try_from(bytes).unwrap_or(DEFAULT)
        }
        Some(_) => {
            let message = format!("`max_packet_size` cannot be `{}`", &***found);
            cx.report(Code::OutOfBounds, found.span(), message)
                .label("allowed are `1KiB` to `255MiB`");
            DEFAULT
        }
        None => DEFAULT,
    }
}

/// Two clients with one id throw each other out of the broker for ever.
fn same_client(
    cx: &mut Context<'_>,
    brokers: &[Broker],
    raw: &Raw,
    mqtt: &At<Mqtt>,
    broker: &Broker,
) {
    let links = [Some(&broker.settings), broker.host.as_ref()].into_iter().flatten();
    let ids = links.clone().map(|link| link.client_id.as_str());
    let settings = &broker.settings;
    let other = brokers.iter().position(|other| {
        let at = &other.settings;
        let theirs = [Some(at), other.host.as_ref()].into_iter().flatten();
        !settings.host.is_empty()
            && (at.host.as_str(), at.port) == (settings.host.as_str(), settings.port)
            && theirs.map(|link| link.client_id.as_str()).any(|id| ids.clone().any(|own| own == id))
    });
    let Some(first) = other.and_then(|ix| raw.mqtt.get(ix)) else { return };
    let line = cx.line_of(&first.span());
    let span = mqtt.client_id.as_ref().map_or_else(|| mqtt.span(), At::span);
    let message = format!("two clients of one broker are called `{}`", settings.client_id);
    cx.report(Code::Twice, span, message)
        .label(format!("as the `[[mqtt]]` in line {line}"))
        .help("give each a `client_id` of its own, or put the subscriptions under one `[[mqtt]]`");
}

/// Warns of lines that are judged and come by a group: of whose members each gets a part, in an order of
/// its own. A group is for carrying readings to InfluxDB, or for a second onspec that stands by.
fn shared_lines(cx: &mut Context<'_>, raw: &Raw) {
    let lines = plant::lines(raw);
    let Some((line, _)) = lines.first() else { return };
    for mqtt in &raw.mqtt {
        let Some(share) = mqtt.share.as_ref().filter(|share| !share.is_empty()) else { continue };
        let message = format!(
            "line `{}` is judged, and group `{}` may hand its messages to others",
            ***line, **share
        );
        cx.report(Code::SharedLine, share.span(), message)
            .label("each member gets a part: frames have holes, events miss their batch")
            .help(
                "leave `share` out where lines are judged; members that only carry readings to \
                 InfluxDB declare no `[line.…]`",
            );
    }
}

/// Which broker publishes, and with which prefix.
fn check_publish(cx: &mut Context<'_>, raw: &Raw, brokers: &[Broker]) -> Option<(usize, String)> {
    let mut found: Option<(usize, &At<Publish>)> = None;
    for (ix, mqtt) in raw.mqtt.iter().enumerate() {
        let Some(publish) = mqtt.publish.as_ref() else { continue };
        match found {
            None => found = Some((ix, publish)),
            Some((_, first)) => {
                let line = cx.line_of(&first.span());
                cx.report(Code::Twice, publish.span(), "`publish` stands under two brokers")
                    .label(format!("the first stands in line {line}"))
                    .help("one broker takes what is published: keep one of them");
            }
        }
    }
    let Some((here, publish)) = found else {
        return (!brokers.is_empty()).then(|| (0, "onspec".to_owned()));
    };
    let broker = match publish.broker.as_ref() {
        None => here,
        Some(name) => {
            let known: Vec<&str> =
                brokers.iter().map(|broker| broker.settings.name.as_str()).collect();
            let named = known.iter().position(|known| *known == name.as_str());
            if named.is_none() && !cx.was_removed("mqtt") {
                let message = format!("`publish` names broker `{}`, which is not declared", **name);
                cx.report(Code::UnknownBroker, name.span(), message)
                    .label("no such broker")
                    .help(or_declared(name, &known, "[[mqtt]]"));
            }
            named.unwrap_or(here)
        }
    };
    let prefix = match publish.prefix.as_ref() {
        None => "onspec".to_owned(),
        Some(prefix) => {
            cx.name(prefix, prefix.span(), "the prefix", &['+', '#', '{', '}', '$']);
            if prefix.starts_with('/') || prefix.ends_with('/') {
                cx.report(Code::Name, prefix.span(), "the prefix begins or ends with `/`")
                    .help("leave the slash out: topics are `prefix/line/verdict`");
            }
            prefix.to_string()
        }
    };
    Some((broker, prefix))
}

/// Warns of subscriptions that would take our own verdicts for readings.
fn own_topics(cx: &mut Context<'_>, mqtt: Option<&At<Mqtt>>, prefix: &str) {
    let ours = ["status", "line/verdict", "line/batch", "line/station/verdict"];
    for subscribe in mqtt.iter().flat_map(|mqtt| mqtt.subscribe.iter()) {
        let Some(topic) = subscribe.topic.as_ref() else { continue };
        let Ok(template) = Template::parse(topic) else { continue };
        let own = ours
            .iter()
            .map(|topic| format!("{prefix}/{topic}"))
            .find(|topic| template.matches(topic).is_some());
        if let Some(own) = own {
            cx.report(Code::OwnTopics, topic.span(), "this takes what onspec itself publishes")
                .label(format!("takes `{own}`"))
                .help("make the topic narrower, or publish under another `prefix`");
        }
    }
}

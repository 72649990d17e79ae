//! The receivers of events.

use super::super::at::At;
use super::super::diagnostic::Code;
use super::super::raw::{Raw, Webhook};
use super::super::suggest::or_declared;
use super::super::words::{WebhookFormat, Word};
use super::output::wanted_secret;
use super::{Context, plant, text};
use crate::alarm::Severity;
use crate::telemetry::SecretSource;
use crate::webhook::{self, WantsSecret};
use jiff::tz::TimeZone;
use std::ops::Range;
use std::time::Duration;

/// Checks the receivers.
pub(super) fn check(cx: &mut Context<'_>, raw: &Raw, zone: &TimeZone) -> Vec<webhook::Settings> {
    let mut names: Vec<(&str, Range<usize>)> = Vec::new();
    raw.webhook
        .iter()
        .map(|hook| {
            if let Some(name) = hook.name.as_ref() {
                if let Some((_, first)) = names.iter().find(|(other, _)| *other == name.as_str()) {
                    let line = cx.line_of(first);
                    let message = format!("two webhooks are named `{}`", **name);
                    cx.report(Code::Twice, name.span(), message)
                        .label(format!("the first stands in line {line}"))
                        .help("give each `[[webhook]]` a `name` of its own");
                }
                names.push((name, name.span()));
            }
            webhook(cx, raw, hook, zone)
        })
        .collect()
}

fn webhook(
    cx: &mut Context<'_>,
    raw: &Raw,
    hook: &At<Webhook>,
    zone: &TimeZone,
) -> webhook::Settings {
    let span = hook.span();
    let name = text(hook.name.as_ref()).unwrap_or_default().to_owned();
    match hook.name.as_ref() {
        Some(found) => cx.name(&name, found.span(), "a webhook", &['/']),
        None => cx.missing(&span, "`[[webhook]]`", "name", "\"shift-leads\""),
    }
    let word = hook.format.as_ref().map_or(WebhookFormat::Standard, |format| **format);
    let format = format(cx, hook, word);
    let url = match (hook.url.as_ref(), format.address()) {
        (None, Some(address)) => address,
        (found, _) => {
            let example = "{ env = \"SHIFT_LEADS_URL\" }";
            wanted_secret(cx, found, "url", &span, "`[[webhook]]`", example)
        }
    };
    let secret = secret(cx, hook, (&name, word, format));
    let when = hook.when.as_deref();
    let lines: Vec<String> = when
        .and_then(|when| when.lines.as_ref())
        .map(|lines| lines.iter().map(|line| want_line(cx, raw, line)).collect())
        .unwrap_or_default();
    webhook::Settings {
        name,
        url,
        format,
        secret,
        zone: zone.clone(),
        severity: when
            .and_then(|when| when.severity.as_ref())
            .map_or(Severity::Warning, |severity| (**severity).into()),
        lines,
        timeout: cx.duration(
            hook.timeout.as_ref(),
            "timeout",
            Duration::from_secs(15),
            Duration::from_secs(1)..=Duration::from_secs(300),
        ),
    }
}

/// What the receiver understands.
fn format(cx: &mut Context<'_>, hook: &At<Webhook>, word: WebhookFormat) -> webhook::Format {
    match word {
        WebhookFormat::Standard => webhook::Format::Standard,
        WebhookFormat::Slack => webhook::Format::Slack,
        WebhookFormat::Teams => webhook::Format::Teams,
        WebhookFormat::DingTalk => webhook::Format::DingTalk,
        WebhookFormat::WeCom => webhook::Format::WeCom,
        WebhookFormat::Feishu => webhook::Format::Feishu,
        WebhookFormat::PagerDuty => webhook::Format::PagerDuty,
        WebhookFormat::Alertmanager => webhook::Format::Alertmanager,
        WebhookFormat::Template => {
            let span = hook.format.as_ref().map_or_else(|| hook.span(), At::span);
            let message = format!("format `{}` is not supported by this release", word.as_str());
            cx.report(Code::Unsupported, span, message)
                .label("no event would reach this receiver")
                .help("use `standard`, with a relay in front of the service");
            webhook::Format::Standard
        }
    }
}

/// The secret, as far as the format has a use for one.
fn secret(
    cx: &mut Context<'_>,
    hook: &At<Webhook>,
    (name, word, format): (&str, WebhookFormat, webhook::Format),
) -> Option<SecretSource> {
    let (span, shown) = (hook.span(), word.as_str());
    let source = hook.secret.as_ref().map(|secret| cx.secret(secret, "secret"));
    let gone = cx.removed.contains(&(span.start, "secret".to_owned()));
    match (&hook.secret, format.wants_secret()) {
        (None, WantsSecret::Needed) => {
            let example = "{ env = \"PAGERDUTY_ROUTING_KEY\" }";
            cx.missing(&span, &format!("webhook `{name}` of format `{shown}`"), "secret", example);
        }
        (None, WantsSecret::Signs) if word == WebhookFormat::Standard && !gone => {
            cx.report(Code::Unsigned, span, format!("webhook `{name}` has no `secret`"))
                .label("its receiver cannot tell who sent an event")
                .help("add `secret = { env = \"…\" }` with a key that begins with `whsec_`");
        }
        (Some(found), WantsSecret::No) => {
            let message = format!("`secret` means nothing to format `{shown}`");
            cx.report(Code::Meaningless, found.span(), message)
                .label("the address itself is the secret of such a receiver")
                .help("remove it");
        }
        _ => {}
    }
    source
}

fn want_line(cx: &mut Context<'_>, raw: &Raw, line: &At<String>) -> String {
    if !raw.line.keys().any(|known| **known == **line) && !cx.was_removed(line) {
        let lines = plant::lines(raw);
        let known: Vec<&str> = lines.iter().map(|(name, _)| name.as_str()).collect();
        let message = format!("`lines` names line `{}`, which is not declared", **line);
        cx.report(Code::UnknownLine, line.span(), message).label("no such line").help(or_declared(
            line,
            &known,
            "[line.…]",
        ));
    }
    line.to_string()
}

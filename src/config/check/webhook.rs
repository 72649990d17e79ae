//! The receivers of events.

use super::super::at::At;
use super::super::diagnostic::Code;
use super::super::raw::{Raw, Webhook, When};
use super::super::suggest::or_declared;
use super::super::words::{WebhookFormat, Word};
use super::output::wanted_secret;
use super::{Context, plant, shifts, text};
use crate::alarm::Severity;
use crate::telemetry::SecretSource;
use crate::webhook::{self, WantsSecret};
use crate::words::Locale;
use std::collections::BTreeSet;
use std::ops::Range;
use std::time::Duration;

/// Checks the receivers.
pub(super) fn check(
    cx: &mut Context<'_>,
    raw: &Raw,
    site: (&Locale, &[webhook::Shift]),
) -> Vec<webhook::Settings> {
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
            webhook(cx, raw, hook, site)
        })
        .collect()
}

/// How long alarms stand unacknowledged before one of these is told: the book of alarms has to know.
pub(super) fn escalations(webhooks: &[webhook::Settings]) -> Vec<Duration> {
    let delays = webhooks.iter().filter_map(|hook| hook.route.unacknowledged);
    delays.collect::<BTreeSet<Duration>>().into_iter().collect()
}

fn webhook(
    cx: &mut Context<'_>,
    raw: &Raw,
    hook: &At<Webhook>,
    (site, calendar): (&Locale, &[webhook::Shift]),
) -> webhook::Settings {
    let span = hook.span();
    let name = text(hook.name.as_ref()).unwrap_or_default().to_owned();
    match hook.name.as_ref() {
        Some(found) => cx.name(&name, found.span(), "a webhook", &['/']),
        None => cx.missing(&span, "`[[webhook]]`", "name", "\"shift-leads\""),
    }
    let word = hook.format.as_ref().map_or(WebhookFormat::Standard, |format| **format);
    let format = format(word);
    let url = match (hook.url.as_ref(), format.address()) {
        (None, Some(address)) => address,
        (found, _) => {
            let example = "{ env = \"SHIFT_LEADS_URL\" }";
            wanted_secret(cx, found, "url", &span, "`[[webhook]]`", example)
        }
    };
    let secret = secret(cx, hook, (&name, word, format));
    let template = template(cx, hook, (&name, word));
    let when = hook.when.as_deref();
    let lines: Vec<String> = when
        .and_then(|when| when.lines.as_ref())
        .map(|lines| lines.iter().map(|line| want_line(cx, raw, line)).collect())
        .unwrap_or_default();
    let route = route(cx, raw, when, calendar);
    let language = hook.language.as_ref().map_or(site.language, |language| (**language).into());
    let audience = webhook::Audience {
        translate: language != site.language,
        locale: Locale { language, ..site.clone() },
    };
    webhook::Settings {
        route,
        name,
        url,
        format,
        template,
        secret,
        audience,
        severity: when
            .and_then(|when| when.severity.as_ref())
            .map_or(Severity::Warning, |severity| (**severity).into()),
        lines,
        private: hook.private.as_ref().is_some_and(|private| **private),
        timeout: cx.duration(
            hook.timeout.as_ref(),
            "timeout",
            Duration::from_secs(15),
            Duration::from_secs(1)..=Duration::from_secs(300),
        ),
    }
}

/// Which events of its lines it gets.
fn route(
    cx: &mut Context<'_>,
    raw: &Raw,
    when: Option<&When>,
    calendar: &[webhook::Shift],
) -> webhook::Route {
    let Some(when) = when else { return webhook::Route::default() };
    let each = |found: Option<&At<Vec<At<String>>>>| -> Vec<At<String>> {
        found.map(|all| (**all).clone()).unwrap_or_default()
    };
    let mut route = webhook::Route::default();
    for grade in each(when.grades.as_ref()) {
        if !raw.grade.keys().any(|known| **known == *grade) && !cx.was_removed(&grade) {
            let known: Vec<&str> = raw.grade.keys().map(|known| known.as_str()).collect();
            let message = format!("`grades` names grade `{}`, which is not declared", *grade);
            cx.report(Code::UnknownGrade, grade.span(), message)
                .label("no such grade")
                .help(or_declared(&grade, &known, "[grade.…]"));
        }
        route.grades.push(grade.to_string());
    }
    for kind in each(when.kinds.as_ref()) {
        if !webhook::Route::is_kind(&kind) {
            let message = format!("`kinds` names `{}`, which is no type of event", *kind);
            cx.report(Code::Name, kind.span(), message).help(
                "write a whole type such as `\"batch.at_risk\"`, or what stands before its dot: `\"batch\"`, \
                 `\"sensor\"`, `\"profile\"`, `\"line\"`, `\"tags\"`, `\"model\"`, `\"system\"`, `\"alarm\"`",
            );
        }
        route.kinds.push(kind.to_string());
    }
    for hours in each(when.hours.as_ref()) {
        if let Some(parsed) = webhook::Route::hours_of(&hours) {
            route.hours.push(parsed);
        } else {
            let message = format!("`hours` has `{}`, which are no hours of a day", *hours);
            cx.report(Code::Quantity, hours.span(), message)
                .help("write them like `\"06:00-14:00\"`, or over midnight `\"22:00-06:00\"`");
        }
    }
    route.shifts = shifts::wanted(cx, when, calendar);
    route.calendar = calendar.to_vec();
    let days = when.days.as_ref().map(|days| &days[..]).unwrap_or_default();
    route.unacknowledged = when.unacknowledged.as_ref().map(|found| {
        let longest = Duration::from_secs(7 * 24 * 3600);
        let key = "unacknowledged";
        let after = cx.duration(Some(found), key, longest, Duration::from_secs(1)..=longest);
        if after.subsec_nanos() != 0 {
            let message = format!("`{key}` is no whole number of seconds: `{}`", &***found);
            cx.report(Code::Quantity, found.span(), message).help("write such as `\"15m\"`");
        }
        after
    });
    route.days = days
        .iter()
        .filter_map(|day| {
            webhook::Route::DAYS.iter().find(|(word, _)| *word == day.as_str()).map(|(_, day)| *day)
        })
        .collect();
    route
}

/// What the receiver understands.
fn format(word: WebhookFormat) -> webhook::Format {
    match word {
        WebhookFormat::Standard => webhook::Format::Standard,
        WebhookFormat::Slack => webhook::Format::Slack,
        WebhookFormat::Teams => webhook::Format::Teams,
        WebhookFormat::DingTalk => webhook::Format::DingTalk,
        WebhookFormat::WeCom => webhook::Format::WeCom,
        WebhookFormat::Feishu => webhook::Format::Feishu,
        WebhookFormat::PagerDuty => webhook::Format::PagerDuty,
        WebhookFormat::Alertmanager => webhook::Format::Alertmanager,
        WebhookFormat::Template => webhook::Format::Template,
    }
}

/// The template of the format of that name, tried on an event of every type.
fn template(
    cx: &mut Context<'_>,
    hook: &At<Webhook>,
    (name, word): (&str, WebhookFormat),
) -> Option<webhook::Template> {
    const TYPE: &str = "application/json";
    let (inline, file) = (hook.template.as_ref(), hook.template_file.as_ref());
    let content_type = hook.content_type.as_ref();
    if word != WebhookFormat::Template {
        let given = [("template", inline), ("template_file", file), ("content_type", content_type)];
        for (key, found) in given {
            let Some(found) = found else { continue };
            let message = format!("`{key}` means nothing to format `{}`", word.as_str());
            cx.report(Code::Meaningless, found.span(), message)
                .label("that says by itself what it sends")
                .help("remove it, or write `format = \"template\"`");
        }
        return None;
    }
    if let Some(found) = content_type.filter(|found| !is_media_type(found)) {
        cx.report(Code::Name, found.span(), "`content_type` is no type of a body")
            .help("write it like `\"application/json\"` or `\"text/plain; charset=utf-8\"`");
    }
    let content_type = text(content_type).unwrap_or(TYPE).to_owned();
    let source = match (inline, file) {
        (Some(inline), None) => {
            if let Err(error) = webhook::check_template(inline, &content_type) {
                cx.report(Code::BodyTemplate, inline.span(), error.to_string())
                    .label(format!("webhook `{name}` could not tell every event with it"));
            }
            webhook::TemplateSource::Text(inline.to_string())
        }
        (None, Some(file)) => webhook::TemplateSource::File(file.as_str().into()),
        (Some(_), Some(file)) => {
            cx.report(
                Code::Meaningless,
                file.span(),
                format!("webhook `{name}` has two templates"),
            )
            .label("and `template`")
            .help("keep either `template` or `template_file`");
            return None;
        }
        (None, None) => {
            let place = format!("webhook `{name}` of format `template`");
            cx.missing(&hook.span(), &place, "template_file", "\"/etc/onspec/hook.json.j2\"");
            return None;
        }
    };
    Some(webhook::Template { source, content_type })
}

/// True for `type/subtype`, with or without parameters behind it.
fn is_media_type(text: &str) -> bool {
    let essence = text.split(';').next().unwrap_or_default().trim();
    let token = |part: &str| {
        !part.is_empty()
            && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$&^_.+-".contains(&b))
    };
    let plain = text.bytes().all(|byte| (b' '..=b'~').contains(&byte));
    plain && essence.split_once('/').is_some_and(|(kind, sub)| token(kind) && token(sub))
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

//! The daemon itself: its parts, what it stored, what it could not read.

use super::format::{Clock, NONE, count, duration, number, time};
use super::html::Html;
use crate::alarm::Severity;
use crate::engine::{AlarmView, View};
use crate::telemetry::{ComponentHealth, State};

/// The section at the foot of the page.
pub(super) fn section(html: &mut Html, view: &View, parts: &[ComponentHealth]) {
    html.raw("<section class=\"system\" aria-labelledby=\"system-name\">");
    html.raw("<h2 id=\"system-name\">onspec itself</h2><div class=\"columns tables\">");
    alarms(html, view);
    components(html, view, parts);
    sources(html, view);
    edge_nodes(html, view);
    faults(html, view);
    html.raw("</div></section>");
}

/// What somebody should look at, of the plant and of the daemon.
fn alarms(html: &mut Html, view: &View) {
    html.raw("<div class=\"panel\" data-part id=\"alarms\"><h3>Alarms that stand</h3>");
    if view.alarms.is_empty() {
        html.raw("<p class=\"muted\">None.</p></div>");
        return;
    }
    html.raw("<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Alarms that stand\"><table>");
    html.raw("<thead><tr><th scope=\"col\">Alarm</th><th scope=\"col\">Severity</th>");
    html.raw("<th scope=\"col\">What it says</th><th scope=\"col\">State</th><th scope=\"col\" class=\"num minor\">Since</th></tr></thead>");
    html.raw("<tbody>");
    for alarm in &view.alarms {
        let (class, symbol) = match alarm.severity {
            Severity::Info => ("", "wait"),
            Severity::Warning => ("is-risk", "risk"),
            Severity::Critical => ("is-off", "off"),
        };
        html.raw("<tr class=\"")
            .raw(class)
            .raw("\"><th scope=\"row\" class=\"wrap\">")
            .name(&alarm.alarm);
        html.raw("</th><td><span class=\"mark\">").icon(symbol).raw(alarm.severity.as_str());
        html.raw("</span></td>");
        html.raw("<td class=\"wrap\">").name(&alarm.title);
        if alarm.chatters {
            html.raw(
                " <small>comes and goes: it stays until it has been calm for ten minutes</small>",
            );
        }
        html.raw("</td><td class=\"wrap\">");
        state(html, alarm);
        html.raw("</td><td class=\"num minor\">");
        if let Some(since) = alarm.since {
            time(html, since.as_millis(), Clock::Day);
        }
        html.raw("</td></tr>");
    }
    html.raw("</tbody></table></div>");
    if view.alarms_standing > view.alarms.len() {
        let more = (view.alarms_standing - view.alarms.len()) as u64;
        html.raw("<p class=\"muted\">And ").text(&count(more)).raw(" more.</p>");
    }
    html.raw("</div>");
}

/// The state of an alarm, and where it is hidden by whom, until when and why.
fn state(html: &mut Html, alarm: &AlarmView) {
    html.raw(match alarm.isa {
        "unacknowledged" => "new",
        "acknowledged" => "acknowledged",
        "returned-unacknowledged" => "over, not acknowledged",
        "latched-unacknowledged" => "over, to be acknowledged and reset",
        "latched-acknowledged" => "over, to be reset",
        "shelved" => "shelved",
        "suppressed" => "suppressed",
        "out-of-service" => "out of service",
        _ => "normal",
    });
    if let Some(why) = alarm.suppressed_by {
        html.raw(if alarm.isa == "suppressed" { ": " } else { ", suppressed: " }).raw(why);
    }
    if let Some(until) = alarm.shelved_until {
        html.raw(if alarm.isa == "shelved" { " until " } else { ", shelved until " });
        time(html, until.as_millis(), Clock::Day);
    }
    if let Some(by) = &alarm.hidden_by {
        html.raw(" by ").name(by);
    }
    if let Some(note) = &alarm.hidden_note {
        html.raw(": ").name(note);
    }
    if alarm.unheard > 0 {
        html.raw(" <small>came ")
            .text(&count(u64::from(alarm.unheard)))
            .raw(" times meanwhile</small>");
    }
}

fn components(html: &mut Html, view: &View, parts: &[ComponentHealth]) {
    html.raw("<div class=\"panel\" data-part id=\"components\"><h3>Parts</h3>");
    if parts.is_empty() {
        html.raw("<p class=\"muted\">No part has said anything yet.</p>");
    } else {
        html.raw(
            "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Parts\"><table>",
        );
        html.raw("<thead><tr><th scope=\"col\">Part</th><th scope=\"col\">State</th>");
        html.raw("<th scope=\"col\">Reason</th><th scope=\"col\" class=\"num minor\">Since</th></tr></thead>");
        html.raw("<tbody>");
        for part in parts {
            component(html, part);
        }
        html.raw("</tbody></table></div>");
    }
    html.raw("<dl class=\"counts\"><div><dt>Readings stored</dt><dd>").text(&count(view.readings));
    html.raw("</dd></div><div><dt>Repeated</dt><dd>").text(&count(view.duplicates));
    html.raw("</dd></div><div><dt>Undeclared series</dt><dd>").text(&count(view.undeclared as u64));
    html.raw("</dd></div></dl>");
    last_start(html, view);
    html.raw("</div>");
    strays(html, view);
}

/// What the last start found.
fn last_start(html: &mut Html, view: &View) {
    let Some(recovery) = &view.recovery else { return };
    html.raw("<p id=\"last-start\">Last start ");
    time(html, recovery.started.as_millis(), Clock::Day);
    html.raw(": ").text(&recovery.summary()).raw(".");
    if recovery.caught_up.is_none() {
        html.raw(" What the brokers held meanwhile is being read.");
    }
    html.raw("</p>");
    if !recovery.gaps.is_empty() {
        html.raw("<ul>");
        for gap in &recovery.gaps {
            html.raw("<li>").name(gap).raw("</li>");
        }
        html.raw("</ul>");
    }
}

/// What comes and is named nowhere: whoever sets up a mill sees here what to declare.
fn strays(html: &mut Html, view: &View) {
    if view.strays.is_empty() {
        return;
    }
    html.raw("<div class=\"panel\" data-part id=\"undeclared\"><h3>Not declared: stored, not judged</h3>");
    html.raw(
        "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Not declared\"><table>",
    );
    html.raw("<thead><tr><th scope=\"col\">Line</th><th scope=\"col\">Tag</th>");
    html.raw("<th scope=\"col\" class=\"num\">Last value</th><th scope=\"col\" class=\"num minor\">At</th>");
    html.raw("<th scope=\"col\" class=\"num\">Readings</th></tr></thead><tbody>");
    for stray in &view.strays {
        let series = &stray.series;
        let area = if series.area.is_empty() { String::new() } else { format!("{}/", series.area) };
        html.raw("<tr><th scope=\"row\">").name(&series.line).raw("</th><td class=\"wrap\">");
        html.name(&format!("{area}{}", series.tag)).raw("</td><td class=\"num\">");
        match (stray.value, &stray.text) {
            (Some(value), _) => html.text(&number(value)),
            (None, text) => html.name(text.as_deref().unwrap_or_default()),
        };
        html.raw("</td><td class=\"num minor\">");
        time(html, stray.at, Clock::Day);
        html.raw("</td><td class=\"num\">").text(&count(stray.count)).raw("</td></tr>");
    }
    html.raw("</tbody></table></div></div>");
}

/// Where readings come from, and whether the clocks there can be believed.
fn sources(html: &mut Html, view: &View) {
    if view.sources.is_empty() {
        return;
    }
    html.raw("<div class=\"panel\" data-part id=\"sources\"><h3>Sources and their clocks</h3>");
    html.raw("<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Sources\"><table>");
    html.raw("<thead><tr><th scope=\"col\">Line</th><th scope=\"col\">Area</th>");
    html.raw("<th scope=\"col\" class=\"minor\">Broker</th><th scope=\"col\">Time</th>");
    html.raw("<th scope=\"col\" class=\"num\">Delay</th><th scope=\"col\">Clock</th></tr></thead><tbody>");
    for source in &view.sources {
        let is_off = source.state != "good";
        html.raw(if is_off { "<tr class=\"is-sick\">" } else { "<tr>" });
        html.raw("<th scope=\"row\">").name(&source.line).raw("</th><td>").name(&source.area);
        html.raw("</td><td class=\"minor\">").name(&source.broker).raw("</td><td>");
        html.raw(match source.time {
            "arrival" => "of arrival: it sends none",
            "both" => "its own, or of arrival",
            _ => "its own",
        });
        html.raw("</td><td class=\"num\">");
        match source.delay_floor_ms.or(source.delay_median_ms) {
            Some(ms) if ms < 0 => html.text(&format!("\u{2212}{}", duration(-ms))),
            Some(ms) => html.text(&duration(ms)),
            None => html.raw(NONE),
        };
        html.raw("</td><td><span class=\"mark\">").icon(if is_off { "risk" } else { "dot" });
        html.raw(source.state).raw("</span></td></tr>");
    }
    html.raw("</tbody></table></div></div>");
}

/// Edge nodes of Sparkplug B: whether they are there, and whether what they say can be read.
fn edge_nodes(html: &mut Html, view: &View) {
    if view.nodes.is_empty() {
        return;
    }
    html.raw("<div class=\"panel\" data-part id=\"nodes\"><h3>Edge nodes</h3>");
    html.raw(
        "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Edge nodes\"><table>",
    );
    html.raw("<thead><tr><th scope=\"col\">Group</th><th scope=\"col\">Node</th>");
    html.raw("<th scope=\"col\" class=\"minor\">Broker</th><th scope=\"col\">State</th>");
    html.raw(
        "<th scope=\"col\" class=\"num\">Born</th><th scope=\"col\" class=\"num\">Devices</th>",
    );
    html.raw(
        "<th scope=\"col\" class=\"num\">Metrics</th><th scope=\"col\" class=\"num\">Waiting</th>",
    );
    html.raw("<th scope=\"col\" class=\"num\">Gaps</th></tr></thead><tbody>");
    for node in &view.nodes {
        let (is_off, symbol, state) = match node.online {
            Some(true) => (false, "dot", "online"),
            Some(false) => (true, "risk", "offline"),
            None => (true, "wait", "its birth was not heard"),
        };
        html.raw(if is_off { "<tr class=\"is-sick\">" } else { "<tr>" });
        html.raw("<td>").name(&node.group).raw("</td><th scope=\"row\">").name(&node.node);
        html.raw("</th><td class=\"minor\">").name(&node.broker);
        html.raw("</td><td><span class=\"mark\">").icon(symbol).raw(state);
        html.raw("</span></td><td class=\"num\">");
        match node.born {
            Some(born) => time(html, born, Clock::Day),
            None => {
                html.raw(NONE);
            }
        }
        for number in [node.devices as u64, node.metrics as u64, node.held as u64, node.gaps] {
            html.raw("</td><td class=\"num\">").text(&count(number));
        }
        html.raw("</td></tr>");
    }
    html.raw("</tbody></table></div>");
    let (known, forgotten) = (view.nodes_known as u64, view.nodes_forgotten);
    html.raw("<p class=\"muted\">").text(&count(known)).raw(" known, ").text(&count(forgotten));
    html.raw(" forgotten for others.</p></div>");
}

fn component(html: &mut Html, part: &ComponentHealth) {
    let (class, symbol) = match part.state {
        State::Ok => ("", "ok"),
        State::Starting => ("", "wait"),
        State::Degraded => ("is-sick", "risk"),
        State::Failed => ("is-failed", "off"),
    };
    html.raw("<tr class=\"").raw(class).raw("\"><th scope=\"row\">").name(&part.component);
    html.raw("</th><td><span class=\"mark\">").icon(symbol).raw(part.state.as_str());
    html.raw("</span></td><td class=\"wrap\">")
        .name(&part.reason)
        .raw("</td><td class=\"num minor\">");
    time(html, part.since_nanos.div_euclid(1_000_000), Clock::Day);
    html.raw("</td></tr>");
}

fn faults(html: &mut Html, view: &View) {
    html.raw("<div class=\"panel\" data-part id=\"faults\"><h3>Messages not taken</h3>");
    if view.faults.is_empty() && view.last_faults.is_empty() {
        html.raw("<p class=\"muted\">Every message could be read.</p></div>");
        return;
    }
    html.raw("<ul class=\"chips\">");
    for (reason, n) in &view.faults {
        html.raw("<li>").raw(reason).raw(" <b>").text(&count(*n)).raw("</b></li>");
    }
    html.raw("</ul>");
    if !view.last_faults.is_empty() {
        html.raw(
            "<div class=\"scroll\" data-keep id=\"faults-scroll\" tabindex=\"0\" role=\"region\" ",
        );
        html.raw("aria-label=\"Last messages not taken\"><table><thead><tr>");
        html.raw("<th scope=\"col\" class=\"num\">Arrived</th><th scope=\"col\">Topic</th>");
        html.raw(
            "<th scope=\"col\">Reason</th><th scope=\"col\">What exactly</th></tr></thead><tbody>",
        );
        for record in view.last_faults.iter().rev() {
            html.raw("<tr><td class=\"num\">");
            time(html, record.received.as_millis(), Clock::Seconds);
            html.raw("</td><td class=\"wrap\">").name(&record.topic).raw("</td><td>");
            html.raw(record.fault.reason.as_str()).raw("</td><td class=\"wrap\">");
            html.name(&record.fault.detail).raw("</td></tr>");
        }
        html.raw("</tbody></table></div>");
    }
    html.raw("</div>");
}

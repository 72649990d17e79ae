//! The daemon itself: its parts, what it stored, what it could not read.

mod flows;
mod words;

use super::format::{
    Clock, NONE, NUMBERS, WORDS, at, count, counted, fact, heading, number, plain, time,
};
use super::frame::{Frame, Place};
use super::html::Html;
use super::reader::{Reader, Visit};
use crate::engine::{Recovery, View};
use crate::http::router::Shared;
use crate::telemetry::{ComponentHealth, State};
use crate::words::fill;
use axum::extract;
use axum::response::Response;
use words::Words;

/// A number that matters less: a phone does not show it.
const MINOR: &str = "<th scope=\"col\" class=\"num minor\">";
/// The same of words.
const MINOR_WORDS: &str = "<th scope=\"col\" class=\"minor\">";

/// `/health`: everything of the daemon itself.
pub(in crate::http) async fn health(
    extract::State(shared): extract::State<Shared>,
    visit: Visit,
) -> Response {
    let (view, reader) = (shared.view(), visit.reader);
    let mut html = Html::default();
    html.raw("<div class=\"columns halves\">");
    components(&mut html, &view, &shared.api.health.snapshot(), reader);
    flows::panels(&mut html, &shared.api.metrics, reader);
    sources(&mut html, &view, reader);
    edge_nodes(&mut html, &view, reader);
    faults(&mut html, &view, reader);
    html.raw("</div>");
    let words = Words::of(reader.language);
    Frame::new(plain(words.itself)).at(Place::Health).live().answer(&shared, &visit, &html)
}

/// A table that scrolls within its panel, up to its headings.
fn scroll(html: &mut Html, label: &'static str) {
    html.raw("<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"").raw(label);
    html.raw("\"><table><thead><tr>");
}

fn components(html: &mut Html, view: &View, parts: &[ComponentHealth], reader: Reader) {
    let words = Words::of(reader.language);
    html.raw("<div class=\"panel\" data-part id=\"components\"><h3>").raw(words.parts);
    html.raw("</h3>");
    if parts.is_empty() {
        html.raw("<p class=\"muted\">").raw(words.no_part).raw("</p>");
    } else {
        scroll(html, words.parts);
        for word in [words.part, words.state, words.reason] {
            heading(html, WORDS, word);
        }
        heading(html, MINOR, words.since);
        html.raw("</tr></thead><tbody>");
        for part in parts {
            component(html, part, reader);
        }
        html.raw("</tbody></table></div>");
    }
    html.raw("<dl class=\"counts\">");
    let counts = [
        (words.stored, view.readings),
        (words.repeated, view.duplicates),
        (words.undeclared_series, view.undeclared as u64),
    ];
    for (term, n) in counts {
        fact(html, term, &plain(&count(n)));
    }
    html.raw("</dl>");
    if let Some(recovery) = &view.recovery {
        last_start(html, recovery, reader);
    }
    html.raw("</div>");
    strays(html, view, reader);
}

/// What the last start found.
fn last_start(html: &mut Html, recovery: &Recovery, reader: Reader) {
    let words = Words::of(reader.language);
    let sentence =
        if recovery.caught_up.is_none() { words.last_start_open } else { words.last_start };
    let pieces = [
        ("at", &at(recovery.started.as_millis(), Clock::Day, reader)),
        ("found", &found(recovery, reader)),
    ];
    html.raw("<p id=\"last-start\">");
    fill(html, sentence, &pieces);
    html.raw("</p>");
    if !recovery.gaps.is_empty() {
        html.raw("<ul>");
        for gap in &recovery.gaps {
            html.raw("<li>");
            reader.english_name(html, gap);
            html.raw("</li>");
        }
        html.raw("</ul>");
    }
}

/// How long nothing was heard, and what came of it.
fn found(recovery: &Recovery, reader: Reader) -> Html {
    let words = Words::of(reader.language);
    let down = i64::try_from(recovery.down_ms).unwrap_or(i64::MAX);
    let mut html = Html::default();
    let pieces = [
        ("down", &plain(&reader.duration(down))),
        ("late", &counted(recovery.batches_judged_late, words.late_one, words.late)),
        ("lost", &counted(recovery.messages_known_lost, words.lost_one, words.lost)),
        ("gaps", &counted(recovery.possible_gaps, words.gap_one, words.gaps)),
    ];
    fill(&mut html, words.found, &pieces);
    html
}

/// What comes and is named nowhere: whoever sets up a mill sees here what to declare.
fn strays(html: &mut Html, view: &View, reader: Reader) {
    if view.strays.is_empty() {
        return;
    }
    let words = Words::of(reader.language);
    html.raw("<div class=\"panel\" data-part id=\"undeclared\"><h3>").raw(words.strays);
    html.raw("</h3>");
    scroll(html, words.not_declared);
    heading(html, WORDS, words.line);
    heading(html, WORDS, words.tag);
    heading(html, NUMBERS, words.last_value);
    heading(html, MINOR, words.stray_at);
    heading(html, NUMBERS, words.readings);
    html.raw("</tr></thead><tbody>");
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
        time(html, stray.at, Clock::Day, reader);
        html.raw("</td><td class=\"num\">").text(&count(stray.count)).raw("</td></tr>");
    }
    html.raw("</tbody></table></div></div>");
}

/// Where readings come from, and whether the clocks there can be believed.
fn sources(html: &mut Html, view: &View, reader: Reader) {
    if view.sources.is_empty() {
        return;
    }
    let words = Words::of(reader.language);
    html.raw("<div class=\"panel\" data-part id=\"sources\"><h3>").raw(words.sources_clocks);
    html.raw("</h3>");
    scroll(html, words.sources);
    heading(html, WORDS, words.line);
    heading(html, WORDS, words.area);
    heading(html, MINOR_WORDS, words.broker);
    heading(html, WORDS, words.time);
    heading(html, NUMBERS, words.delay);
    heading(html, WORDS, words.clock);
    html.raw("</tr></thead><tbody>");
    for source in &view.sources {
        let is_off = source.state != "good";
        html.raw(if is_off { "<tr class=\"is-sick\">" } else { "<tr>" });
        html.raw("<th scope=\"row\">").name(&source.line).raw("</th><td>").name(&source.area);
        html.raw("</td><td class=\"minor\">").name(&source.broker).raw("</td><td>");
        html.raw(match source.time {
            "arrival" => words.time_of_arrival,
            "both" => words.time_both,
            _ => words.time_own,
        });
        html.raw("</td><td class=\"num\">");
        match source.delay_floor_ms.or(source.delay_median_ms) {
            Some(ms) if ms < 0 => html.text(&format!("\u{2212}{}", reader.duration(-ms))),
            Some(ms) => html.text(&reader.duration(ms)),
            None => html.raw(NONE),
        };
        html.raw("</td><td><span class=\"mark\">").icon(if is_off { "risk" } else { "dot" });
        html.raw(words.of_clock(source.state)).raw("</span></td></tr>");
    }
    html.raw("</tbody></table></div></div>");
}

/// Edge nodes of Sparkplug B: whether they are there, and whether what they say can be read.
fn edge_nodes(html: &mut Html, view: &View, reader: Reader) {
    if view.nodes.is_empty() {
        return;
    }
    let words = Words::of(reader.language);
    html.raw("<div class=\"panel\" data-part id=\"nodes\"><h3>").raw(words.nodes).raw("</h3>");
    scroll(html, words.nodes);
    heading(html, WORDS, words.group);
    heading(html, WORDS, words.node);
    heading(html, MINOR_WORDS, words.broker);
    heading(html, WORDS, words.state);
    for word in [words.born, words.devices, words.metrics, words.held, words.node_gaps] {
        heading(html, NUMBERS, word);
    }
    html.raw("</tr></thead><tbody>");
    for node in &view.nodes {
        let (is_off, symbol, state) = match node.online {
            Some(true) => (false, "dot", words.online),
            Some(false) => (true, "risk", words.offline),
            None => (true, "wait", words.unborn),
        };
        html.raw(if is_off { "<tr class=\"is-sick\">" } else { "<tr>" });
        html.raw("<td>").name(&node.group).raw("</td><th scope=\"row\">").name(&node.node);
        html.raw("</th><td class=\"minor\">").name(&node.broker);
        html.raw("</td><td><span class=\"mark\">").icon(symbol).raw(state);
        html.raw("</span></td><td class=\"num\">");
        match node.born {
            Some(born) => time(html, born, Clock::Day, reader),
            None => {
                html.raw(NONE);
            }
        }
        for number in [node.devices as u64, node.metrics as u64, node.held as u64, node.gaps] {
            html.raw("</td><td class=\"num\">").text(&count(number));
        }
        html.raw("</td></tr>");
    }
    html.raw("</tbody></table></div><p class=\"muted\">");
    let known = plain(&count(view.nodes_known as u64));
    let pieces = [("known", &known), ("forgotten", &plain(&count(view.nodes_forgotten)))];
    fill(html, words.nodes_known, &pieces);
    html.raw("</p></div>");
}

fn component(html: &mut Html, part: &ComponentHealth, reader: Reader) {
    let words = Words::of(reader.language);
    let (class, symbol, state) = match part.state {
        State::Ok => ("", "ok", words.ok),
        State::Starting => ("", "wait", words.starting),
        State::Degraded => ("is-sick", "risk", words.degraded),
        State::Failed => ("is-failed", "off", words.failed),
    };
    html.raw("<tr class=\"").raw(class).raw("\"><th scope=\"row\">").name(&part.component);
    html.raw("</th><td><span class=\"mark\">").icon(symbol).raw(state);
    html.raw("</span></td><td class=\"wrap\">");
    reader.english_name(html, &part.reason);
    html.raw("</td><td class=\"num minor\">");
    time(html, part.since_nanos.div_euclid(1_000_000), Clock::Day, reader);
    html.raw("</td></tr>");
}

fn faults(html: &mut Html, view: &View, reader: Reader) {
    let words = Words::of(reader.language);
    html.raw("<div class=\"panel\" data-part id=\"faults\"><h3>").raw(words.faults).raw("</h3>");
    if view.faults.is_empty() && view.last_faults.is_empty() {
        html.raw("<p class=\"muted\">").raw(words.no_fault).raw("</p></div>");
        return;
    }
    html.raw("<ul class=\"chips\">");
    for (reason, n) in &view.faults {
        html.raw("<li>").raw(words.of_fault(reason)).raw(" <b>").text(&count(*n));
        html.raw("</b></li>");
    }
    html.raw("</ul>");
    if !view.last_faults.is_empty() {
        html.raw("<div class=\"scroll\" data-keep id=\"faults-scroll\" tabindex=\"0\" ");
        html.raw("role=\"region\" aria-label=\"").raw(words.last_faults);
        html.raw("\"><table><thead><tr>");
        heading(html, NUMBERS, words.arrived);
        for word in [words.topic, words.reason, words.exactly] {
            heading(html, WORDS, word);
        }
        html.raw("</tr></thead><tbody>");
        for record in view.last_faults.iter().rev() {
            html.raw("<tr><td class=\"num\">");
            time(html, record.received.as_millis(), Clock::Seconds, reader);
            html.raw("</td><td class=\"wrap\">").name(&record.topic).raw("</td><td>");
            html.raw(words.of_fault(record.fault.reason.as_str())).raw("</td><td class=\"wrap\">");
            reader.english_name(html, &record.fault.detail);
            html.raw("</td></tr>");
        }
        html.raw("</tbody></table></div>");
    }
    html.raw("</div>");
}

#[cfg(test)]
mod tests {
    use super::super::super::fixture;
    use super::*;
    use crate::words::{Language, Locale};

    /// The engine says the same to programs, in English.
    #[test]
    fn the_last_start_is_told_as_the_engine_tells_it() {
        let reader = |language| Reader::of(&Locale::default(), Some(language));
        let told = |recovery: &Recovery, language| {
            found(recovery, reader(language)).into_string().replace('\u{a0}', " ")
        };
        let mut recovery = fixture::recovery();
        assert_eq!(told(&recovery, Language::English), recovery.summary());
        assert_eq!(
            told(&recovery, Language::Chinese),
            "程序停运 42 分钟，2 个批次延后判定，已知丢失 0 条消息，1 处可能缺失"
        );
        (recovery.batches_judged_late, recovery.messages_known_lost) = (1, 1);
        recovery.possible_gaps = 0;
        assert_eq!(told(&recovery, Language::English), recovery.summary());
    }
}

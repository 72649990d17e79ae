//! The section of a line: verdict, reasons, trend, batches, tags.
//!
//! Each part carries `data-part` and an id; the script replaces the parts that changed. Ids are made
//! of the line's position, never of its name.

use super::super::Fitting;
use super::chart;
use super::control;
use super::foretold;
use super::format::{Clock, NONE, duration, fine_per_cent, metres, number, per_cent, time};
use super::html::Html;
use super::profile;
use super::prospects;
use super::uniformity;
use super::words;
use crate::decode::Disposition;
use crate::engine::{BatchRecord, LineView, TagView, WrongFlagsRecord};
use crate::reading::{Count, change_over, side_by_side};
use crate::verdict::{Call, Document};

/// Beyond this a line's clock counts as behind the time of day.
const BEHIND_MS: i64 = 180_000;

/// A part that the script replaces as a whole: `<tag id="{kind}-{ix}" data-part …`.
fn part(html: &mut Html, open: &'static str, kind: &'static str, ix: i64) {
    html.raw(open).raw(" data-part id=\"").raw(kind).raw("-").integer(ix).raw("\"");
}

/// The whole section. `now_ms` is the time of the shells.
pub(super) fn section(
    html: &mut Html,
    (line, fitting): (&LineView, Option<&Fitting>),
    ix: i64,
    now_ms: i64,
) {
    html.raw("<section class=\"line\" id=\"line-").integer(ix).raw("\" aria-labelledby=\"name-");
    html.integer(ix).raw("\">");
    hero(html, (line, fitting), ix, now_ms);
    let trend = chart::trend(line);
    let reasons = line.verdict.as_ref().filter(|document| !document.reasons.is_empty());
    let columns = match (reasons.is_some(), trend.is_some()) {
        (true, true) => "<div class=\"columns why-trend\">",
        _ => "<div class=\"columns one\">",
    };
    html.raw(columns);
    if let Some(document) = reasons {
        why(html, line, document, ix);
    }
    if let Some(trend) = trend {
        part(html, "<div class=\"panel drawn\"", "trend", ix);
        html.raw("><h3>Process against its limit</h3>").piece(&trend).raw("</div>");
    }
    html.raw("</div>");
    let of_profiles = ("<div class=\"columns profiles\"", "profiles", "<div class=\"panel\">");
    panels(html, of_profiles, ix, (&line.profiles, profile::content));
    let of_charts = ("<div class=\"columns charts\"", "charts", "<div class=\"panel drawn\">");
    panels(html, of_charts, ix, (&line.charts, control::content));
    let (has_sensors, has_chances) =
        (!line.soft_sensors.is_empty(), !line.prospects.stages.is_empty());
    if has_sensors || has_chances {
        part(html, "<div class=\"columns one\"", "foretold", ix);
        html.raw("><div class=\"panel\">");
        if has_sensors {
            foretold::content(html, line);
        }
        if has_chances {
            prospects::content(html, &line.prospects);
        }
        html.raw("</div></div>");
    }
    html.raw("<div class=\"columns tables\">");
    batches(html, line, ix);
    tags(html, line, ix);
    html.raw("</div>");
    if !line.last_batches.is_empty() {
        part(html, "<p class=\"since\"", "uniformity", ix);
        html.raw(">");
        uniformity::link(html, &line.name);
        html.raw("</p>");
    }
    html.raw("</section>");
}

/// A part with a panel for each of these; nothing of none.
fn panels<T>(
    html: &mut Html,
    (open, kind, panel): (&'static str, &'static str, &'static str),
    ix: i64,
    (each, content): (&[T], fn(&mut Html, &T)),
) {
    if each.is_empty() {
        return;
    }
    part(html, open, kind, ix);
    html.raw(">");
    for one in each {
        html.raw(panel);
        content(html, one);
        html.raw("</div>");
    }
    html.raw("</div>");
}

fn hero(html: &mut Html, (line, of_line): (&LineView, Option<&Fitting>), ix: i64, now_ms: i64) {
    let face = words::of_line(line);
    part(html, "<div", "hero", ix);
    html.raw(" class=\"hero ").raw(face.class).raw("\" data-say=\"");
    html.text(&line.name).raw(": ").raw(face.word);
    if let Some(batch) = line.verdict.as_ref().and_then(|document| document.batch.as_deref()) {
        html.raw(", batch ").text(batch);
    }
    html.raw("\"><div class=\"call\">").icon(face.symbol).raw("<div><h2 id=\"name-").integer(ix);
    html.raw("\">")
        .name(&line.name)
        .raw("</h2><p class=\"word\">")
        .raw(face.word)
        .raw("</p></div></div>");
    html.raw("<div class=\"meaning\"><p>").piece(&words::meaning(line)).raw("</p>");
    since(html, line);
    maintenance(html, line);
    learning(html, line);
    if let Some(of_line) = of_line {
        fitting(html, of_line);
    }
    clock(html, line, now_ms);
    html.raw("</div>");
    figures(html, line);
    facts(html, line);
    if let Some(strip) = chart::strip(line) {
        html.raw("<div class=\"batch-strip\">").piece(&strip);
        spans(html, line);
        outside(html, line);
        html.raw("</div>");
    }
    html.raw("</div>");
}

fn since(html: &mut Html, line: &LineView) {
    let Some(document) = &line.verdict else {
        return;
    };
    html.raw("<p class=\"since\">");
    if line.blind {
        html.raw("The last verdict was <b>").raw(words::of_call(document.verdict).word);
        html.raw("</b>, since ");
        time(html, document.since, Clock::Minutes);
        html.raw(".");
    } else {
        html.raw("Since ");
        time(html, document.since, Clock::Minutes);
        if let Some(clock) = line.clock.filter(|clock| *clock > document.since) {
            html.raw(", for ").text(&duration(clock - document.since));
        }
    }
    html.raw("</p>");
}

/// That somebody works on the line, until when, who and why.
fn maintenance(html: &mut Html, line: &LineView) {
    let Some(maintenance) = &line.maintenance else { return };
    html.raw("<p class=\"maintenance\">Under maintenance since ");
    time(html, maintenance.since, Clock::Minutes);
    html.raw(", until ");
    time(html, maintenance.until, Clock::Day);
    if let Some(by) = &maintenance.by {
        html.raw(", by ").name(by);
    }
    if let Some(note) = &maintenance.note {
        html.raw(": ").text(note);
    }
    html.raw(". Its alarms are muted, and nothing is learned.</p>");
}

fn learning(html: &mut Html, line: &LineView) {
    let Some(learning) = line.verdict.as_ref().and_then(|document| document.learning) else {
        return;
    };
    let (have, need) = (i64::from(learning.have), i64::from(learning.need));
    html.raw("<p class=\"learning\"><progress max=\"").integer(need.max(1)).raw("\" value=\"");
    html.integer(have)
        .raw("\" aria-label=\"Batches learned from\"></progress> <span>Learning: <b>");
    html.integer(have).raw(" of ").integer(need).raw("</b> batches");
    if learning.borrowed {
        html.raw("; until then a model borrowed from other grades judges");
    }
    html.raw("</span></p>");
    html.raw("<p class=\"since\">").text(&capital(&learning.sentence())).raw(".</p>");
}

/// The fit that runs.
fn fitting(html: &mut Html, fitting: &Fitting) {
    let from = format!(" being fitted from {} since ", Count(fitting.batches, "batch"));
    html.raw("<p class=\"since\">Model of grade ").name(&fitting.grade).text(&from);
    time(html, fitting.since.as_millis(), Clock::Minutes);
    html.raw(": ").raw(fitting.stage);
    if let Some(done) = fitting.done {
        html.raw(", ").text(&per_cent(done));
    }
    html.raw(".</p>");
}

/// A sentence that begins like one.
fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}

/// Where the line's clock stands, if that is not now.
fn clock(html: &mut Html, line: &LineView, now_ms: i64) {
    let Some(clock) = line.clock else { return };
    let behind = now_ms.saturating_sub(clock);
    if behind < BEHIND_MS {
        return;
    }
    html.raw("<p class=\"behind\">The last good reading is from ");
    time(html, clock, if behind < 43_200_000 { Clock::Seconds } else { Clock::Day });
    html.raw(", ").text(&duration(behind)).raw(" ago.</p>");
}

/// The two numbers that are read from across the hall. Nobody knows them of a blind line.
fn figures(html: &mut Html, line: &LineView) {
    let Some(document) = line.verdict.as_ref().filter(|_| !line.blind) else {
        return;
    };
    let (probability, progress) = (document.probability_off_spec, document.progress);
    if probability.is_none() && progress.is_none() {
        return;
    }
    html.raw("<div class=\"figures\">");
    if let Some(probability) = probability {
        html.raw("<p><b>")
            .text(&per_cent(probability))
            .raw("</b> <span>likely to end off spec</span></p>");
    }
    if let Some(progress) = progress {
        html.raw("<p><b>").text(&per_cent(progress)).raw("</b> <span>of the batch made</span></p>");
    }
    html.raw("</div>");
}

fn facts(html: &mut Html, line: &LineView) {
    let document = line.verdict.as_ref();
    html.raw("<dl class=\"facts\">");
    let batch = document.and_then(|document| document.batch.as_deref());
    let batch = batch.or(line.batch.as_ref().map(|batch| &*batch.batch));
    fact(html, "Batch", &batch.map_or_else(none, name));
    if let Some(grade) = document.and_then(|document| document.grade.as_deref()) {
        fact(html, "Grade", &name(grade));
    }
    if let Some(started) = line.batch.as_ref().map(|batch| batch.started.as_millis()) {
        let mut at = Html::default();
        time(&mut at, started, Clock::Minutes);
        fact(html, "Started", &at);
    }
    if let Some(phase) = document.and_then(|document| document.phase.as_deref()) {
        fact(html, "Phase", &name(phase));
    }
    if let Some(first) = document.and_then(|document| document.first_mover.as_deref()) {
        fact(html, "Moved first", &name(first));
    }
    if let Some(decision) = document.and_then(|document| document.decision.as_ref()) {
        fact(html, "Costs least", &super::decision::content(decision));
    }
    if let Some(model) = &line.model {
        let mut words = Html::default();
        words.raw("<small>").name(model).raw("</small>");
        fact(html, "Model", &words);
    }
    if let Some(record) = &line.wrong_flags {
        fact(html, "Wrong flags", &wrong_flags(record));
    }
    for challenger in &line.challengers {
        let mut words = Html::default();
        words.raw("<small>").text(&challenger.sentence());
        if document.is_none_or(|document| document.grade.as_ref() != Some(&challenger.grade)) {
            words.raw(" (grade ").name(&challenger.grade).raw(")");
        }
        super::backtest::link(&mut words, (&line.name, &challenger.grade), challenger.version);
        words.raw("</small>");
        fact(html, "Model that waits", &words);
    }
    for promotion in &line.promotions {
        let mut words = Html::default();
        words.raw("<small>").text(&promotion.sentence());
        if document.is_none_or(|document| document.grade.as_ref() != Some(&promotion.grade)) {
            words.raw(" (grade ").name(&promotion.grade).raw(")");
        }
        words.raw("</small>");
        fact(html, "Promoted", &words);
    }
    html.raw("</dl>");
}

/// How often good batches were flagged, beside what is promised.
fn wrong_flags(record: &WrongFlagsRecord) -> Html {
    let realized = &record.realized;
    let (low, high) = realized.range;
    let mut words = Html::default();
    words.text(&format!("{} of {}", realized.wrong, Count(realized.good, "good batch")));
    words.raw(" <small>").text(&format!(
        "{:.1} to {:.1} %, {:.1} % promised",
        low * 100.0,
        high * 100.0,
        record.promised * 100.0
    ));
    words.raw("</small>");
    words
}

fn fact(html: &mut Html, term: &'static str, words: &Html) {
    html.raw("<div><dt>").raw(term).raw("</dt><dd>").piece(words).raw("</dd></div>");
}

fn name(name: &str) -> Html {
    let mut html = Html::default();
    html.name(name);
    html
}

fn plain(text: &str) -> Html {
    let mut html = Html::default();
    html.text(text);
    html
}

fn none() -> Html {
    plain(NONE)
}

/// The stretches in which a quality tag was outside its limits: the strip shows them by their shade alone.
fn outside(html: &mut Html, line: &LineView) {
    let mut outside =
        line.stretches.iter().filter(|stretch| stretch.call == Call::OffSpec).peekable();
    if outside.peek().is_none() {
        return;
    }
    html.raw("<p class=\"spans\"><span>Outside limits:</span>");
    for stretch in outside {
        html.raw(" <span>");
        if let (Some(from), Some(to)) = (stretch.from_m, stretch.to_m) {
            html.raw("<b>").text(&number(from.round())).raw("–").text(&metres(to)).raw("</b> ");
        }
        time(html, stretch.from, Clock::Minutes);
        html.raw("–");
        time(html, stretch.to, Clock::Minutes);
        html.raw("</span>");
    }
    html.raw("</p>");
}

fn spans(html: &mut Html, line: &LineView) {
    let Some(document) = line.verdict.as_ref().filter(|document| !document.spans.is_empty()) else {
        return;
    };
    html.raw("<p class=\"spans\"><span>Affected:</span> ");
    for (ix, span) in document.spans.iter().enumerate() {
        html.raw(if ix == 0 { "<span>" } else { " <span>" });
        if let (Some(from), Some(to)) = (span.from_m, span.to_m) {
            html.raw("<b>").text(&number(from.round())).raw("–").text(&metres(to)).raw("</b> ");
        }
        time(html, span.from, Clock::Minutes);
        html.raw("–");
        time(html, span.to, Clock::Minutes);
        if let Some(arrives) = span.arrives {
            html.raw(", at the end of the line from ");
            time(html, arrives, Clock::Minutes);
        }
        html.raw("</span>");
    }
    html.raw("</p>");
}

fn why(html: &mut Html, line: &LineView, document: &Document, ix: i64) {
    part(html, "<div class=\"panel\"", "why", ix);
    html.raw("><h3>Why</h3><ol class=\"reasons\">");
    for reason in &document.reasons {
        html.raw("<li><p>").piece(&words::sentence(reason, line)).raw("</p>");
        let shares = words::shares(reason);
        if !shares.is_empty() {
            html.raw("<table class=\"shares\"><caption>Share of the deviation</caption><tbody>");
            for (tag, share) in shares {
                html.raw("<tr><th scope=\"row\">").name(tag);
                change(html, reason.change_over(tag));
                html.raw("</th><td class=\"bar\">");
                html.raw("<svg aria-hidden=\"true\"><rect height=\"10\" width=\"");
                html.coordinate(share.clamp(0.0, 1.0) * 100.0)
                    .raw("%\"/></svg></td><td class=\"num\">");
                html.text(&per_cent(*share)).raw("</td></tr>");
            }
            html.raw("</tbody></table>");
        }
        html.raw("</li>");
    }
    html.raw("</ol>");
    movers(html, document);
    similar(html, document);
    html.raw("</div>");
}

/// Past batches in which the same moved, and how they ended.
fn similar(html: &mut Html, document: &Document) {
    if document.similar.is_empty() {
        return;
    }
    html.raw("<table class=\"movers\"><caption>Batches in which the same moved, the most alike ");
    html.raw("first</caption><thead><tr><th scope=\"col\">Batch</th>");
    html.raw("<th scope=\"col\" class=\"num\">Alike</th><th scope=\"col\">Ended</th>");
    html.raw("</tr></thead><tbody>");
    for similar in &document.similar {
        html.raw("<tr><th scope=\"row\" class=\"wrap\">").name(&similar.batch).raw(" <small>");
        time(html, similar.started, Clock::Day);
        html.raw("</small>");
        if let Some(grade) = similar.grade.as_ref().filter(|_| similar.grade != document.grade) {
            html.raw(" <small>").name(grade).raw("</small>");
        }
        html.raw("</th><td class=\"num\">").text(&per_cent(similar.likeness));
        html.raw("</td><td class=\"wrap\">").piece(&words::ended(similar)).raw("</td></tr>");
    }
    html.raw("</tbody></table>");
}

/// That the change of a tag is told and not its value, where it is.
fn change(html: &mut Html, over_s: Option<f64>) {
    if let Some(over_s) = over_s {
        html.raw(" <small>").text(&change_over(over_s)).raw("</small>");
    }
}

/// What moved, each beside where the tags that did not move would have it.
fn movers(html: &mut Html, document: &Document) {
    if document.movers.is_empty() {
        return;
    }
    html.raw(
        "<table class=\"movers\"><caption>What moved, the first to move first</caption><thead><tr>",
    );
    html.raw("<th scope=\"col\">Tag</th><th scope=\"col\" class=\"num\">Was</th>");
    html.raw(
        "<th scope=\"col\" class=\"num\">Expected</th><th scope=\"col\" class=\"num\">Since</th>",
    );
    html.raw("</tr></thead><tbody>");
    for mover in &document.movers {
        html.raw(if mover.by_itself { "<tr>" } else { "<tr class=\"with\">" });
        html.raw("<th scope=\"row\">").name(&mover.tag);
        change(html, mover.over_s);
        if let Some(area) = mover.area.as_deref().filter(|area| !area.is_empty()) {
            html.raw(" <small>").name(area).raw("</small>");
        }
        let (value, expected) = side_by_side(mover.value, mover.expected);
        html.raw("</th><td class=\"num\">").text(&value);
        html.raw("</td><td class=\"num\">").text(&expected);
        if let Some(unit) = &mover.unit {
            html.raw(" <small>").text(unit).raw("</small>");
        }
        html.raw("</td><td class=\"num\">");
        time(html, mover.since, Clock::Minutes);
        html.raw("</td></tr>");
    }
    html.raw("</tbody></table>");
}

fn batches(html: &mut Html, line: &LineView, ix: i64) {
    part(html, "<div class=\"panel\"", "batches", ix);
    html.raw("><h3>Last batches");
    if !line.last_batches.is_empty() {
        super::report::weekly_link(html, &line.name);
    }
    html.raw("</h3>");
    if line.last_batches.is_empty() {
        html.raw("<p class=\"muted\">No batch has ended yet.</p></div>");
        return;
    }
    html.raw("<div class=\"scroll\" data-keep id=\"batches-scroll-").integer(ix);
    html.raw("\" tabindex=\"0\" role=\"region\" aria-label=\"Last batches\"><table><thead><tr>");
    html.raw("<th scope=\"col\">Batch</th><th scope=\"col\">Verdict</th>");
    html.raw(
        "<th scope=\"col\">Disposition</th><th scope=\"col\" class=\"num\">Outside limits</th>",
    );
    html.raw("<th scope=\"col\" class=\"num\">Flagged before end</th>");
    html.raw(
        "<th scope=\"col\" class=\"num\">Length</th><th scope=\"col\" class=\"num\">Ended</th>",
    );
    html.raw("</tr></thead><tbody>");
    for batch in &line.last_batches {
        batch_row(html, batch);
    }
    html.raw("</tbody></table></div></div>");
}

fn batch_row(html: &mut Html, batch: &BatchRecord) {
    let face = batch.verdict.map_or(words::VOID, words::of_call);
    html.raw("<tr class=\"").raw(face.class).raw("\"><th scope=\"row\">");
    super::report::link(html, batch);
    html.raw("</th><td><span class=\"mark\">")
        .icon(face.symbol)
        .raw(face.word)
        .raw("</span></td><td>");
    html.raw(batch.disposition.map_or(NONE, Disposition::as_str)).raw("</td><td class=\"num\">");
    html.text(&batch.off_spec_share.map_or_else(|| NONE.to_owned(), fine_per_cent));
    html.raw("</td><td class=\"num\">").text(&lead(batch)).raw("</td><td class=\"num\">");
    html.text(&batch.length_m.map_or_else(|| NONE.to_owned(), metres))
        .raw("</td><td class=\"num\">");
    match batch.ended {
        Some(ended) => time(html, ended.as_millis(), Clock::Day),
        None => {
            html.raw(NONE);
        }
    }
    html.raw("</td></tr>");
}

#[expect(clippy::cast_possible_truncation, reason = "a float to integer cast stops at the ends")]
fn lead(batch: &BatchRecord) -> String {
    match batch.first_flag_lead_s {
        Some(seconds) if seconds.is_finite() => duration((seconds * 1000.0) as i64),
        _ => NONE.to_owned(),
    }
}

fn tags(html: &mut Html, line: &LineView, ix: i64) {
    part(html, "<div class=\"panel\"", "tags", ix);
    let sick = line.tags.iter().filter(|tag| is_sick(tag)).count();
    html.raw("><h3>Tags");
    if sick > 0 {
        html.raw(" <span class=\"badge\">")
            .text(&sick.to_string())
            .raw(" not to be trusted</span>");
    }
    html.raw("</h3>");
    if line.tags.is_empty() {
        html.raw("<p class=\"muted\">The configuration declares no tag of this line.</p></div>");
        return;
    }
    html.raw("<div class=\"scroll\" data-keep id=\"tags-scroll-").integer(ix);
    html.raw(
        "\" tabindex=\"0\" role=\"region\" aria-label=\"Tags\"><table class=\"tags\"><thead><tr>",
    );
    html.raw("<th scope=\"col\">Tag</th><th scope=\"col\" class=\"num\">Value</th>");
    html.raw("<th scope=\"col\">Unit</th><th scope=\"col\" class=\"num minor\">Age</th>");
    html.raw("<th scope=\"col\">Sensor</th></tr></thead><tbody>");
    // What needs a look first; otherwise as declared.
    let (sick, well): (Vec<_>, Vec<_>) = line.tags.iter().partition(|tag| is_sick(tag));
    for tag in sick.into_iter().chain(well) {
        tag_row(html, line, tag);
    }
    html.raw("</tbody></table></div></div>");
}

fn is_sick(tag: &TagView) -> bool {
    &*tag.health != "good" && tag.at.is_some()
}

fn tag_row(html: &mut Html, line: &LineView, tag: &TagView) {
    html.raw(if is_sick(tag) { "<tr class=\"is-sick\">" } else { "<tr>" });
    html.raw("<th scope=\"row\">").name(&tag.id).raw("</th><td class=\"num\">");
    html.text(&tag.value.map_or_else(|| NONE.to_owned(), number)).raw("</td><td>");
    html.name(&tag.unit).raw("</td><td class=\"num minor\">");
    match (tag.at, line.clock) {
        (Some(at), Some(clock)) => html.text(&duration(clock - at)),
        _ => html.raw(NONE),
    };
    html.raw("</td><td><span class=\"mark\">");
    if tag.at.is_none() {
        html.icon("wait").raw("not heard");
    } else if is_sick(tag) {
        html.icon("risk").name(&tag.health);
    } else {
        html.icon("dot").raw("good");
    }
    html.raw("</span></td></tr>");
}

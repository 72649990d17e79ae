//! `/lines/{line}`: what the tender of a line sees: verdict, reasons, trend, charts, batches, tags that are sick.
//!
//! Each part carries `data-part` and an id; the script replaces the parts that changed. Ids are made
//! of the line's position, never of its name.

mod tables;
mod words;

use super::super::Fitting;
use super::format::{Clock, NONE, at, counted, fact, metres, name, number, per_cent, plain, time};
use super::frame::{Frame, Place};
use super::html::Html;
use super::reader::{Reader, Visit};
use super::{
    alarms, chart, control, decision, face, foretold, links, overview, profile, prospects,
    uniformity,
};
use crate::engine::{
    AlarmView, ChallengerView, Flagged, LineView, PromotionView, WrongFlagsRecord,
};
use crate::http::data;
use crate::http::router::Shared;
use crate::verdict::{Call, Learning};
use crate::words::fill;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use words::Words;

/// Beyond this a line's clock counts as behind the time of day.
const BEHIND_MS: i64 = 180_000;

/// A part that the script replaces as a whole: `<tag id="{kind}-{ix}" data-part …`.
fn part(html: &mut Html, open: &'static str, kind: &'static str, ix: i64) {
    html.raw(open).raw(" data-part id=\"").raw(kind).raw("-").integer(ix).raw("\"");
}

/// The page of a line.
pub(in crate::http) async fn page(
    State(shared): State<Shared>,
    path: Result<Path<String>, PathRejection>,
    visit: Visit,
) -> Result<Response, Response> {
    let Path(name) = path.map_err(IntoResponse::into_response)?;
    let (view, reader) = (shared.view(), visit.reader);
    let line = data::find(&view, &name)?;
    let ix = view.lines.iter().position(|known| known.name == line.name).unwrap_or_default();
    let mut html = Html::default();
    overview::others(&mut html, &view.lines, ix, reader);
    let ix = i64::try_from(ix).unwrap_or_default();
    section(&mut html, &shared, (line, ix), &view.alarms, reader);
    let mut heading = Html::default();
    let pieces = [("line", &plain(&line.name))];
    fill(&mut heading, Words::of(reader.language).heading, &pieces);
    let frame = Frame::new(face::title(line, reader)).heading(heading).unseen_heading();
    Ok(frame.at(Place::Overview).live().answer(&shared, &visit, &html))
}

/// All that is said of a line, which is the `ix`-th.
pub(super) fn section(
    html: &mut Html,
    shared: &Shared,
    (line, ix): (&LineView, i64),
    alarms: &[AlarmView],
    reader: Reader,
) {
    let words = Words::of(reader.language);
    html.raw("<section class=\"line\" id=\"line-").integer(ix).raw("\" aria-labelledby=\"name-");
    html.integer(ix).raw("\">");
    hero(html, line, ix, shared.now_ms(), reader);
    alarms::of_line(html, &line.name, alarms, reader);
    let trend = chart::trend(line, reader);
    let reasons = line.verdict.as_ref().filter(|document| !document.reasons.is_empty());
    let columns = match (reasons.is_some(), trend.is_some()) {
        (true, true) => "<div class=\"columns why-trend\">",
        _ => "<div class=\"columns one\">",
    };
    html.raw(columns);
    if let Some(document) = reasons {
        tables::why(html, (line, document), ix, reader);
    }
    if let Some(trend) = trend {
        part(html, "<div class=\"panel drawn\"", "trend", ix);
        html.raw("><h3>").raw(words.trend).raw("</h3>").piece(&trend);
        moments(html, line, reader);
        html.raw("</div>");
    }
    html.raw("</div>");
    let of_profiles = ("<div class=\"columns profiles\"", "profiles", "<div class=\"panel\">");
    panels(html, of_profiles, ix, (&line.profiles, profile::content), reader);
    let of_charts = ("<div class=\"columns charts\"", "charts", "<div class=\"panel drawn\">");
    panels(html, of_charts, ix, (&line.charts, control::content), reader);
    let (has_sensors, has_chances) =
        (!line.soft_sensors.is_empty(), !line.prospects.stages.is_empty());
    if has_sensors || has_chances {
        part(html, "<div class=\"columns one\"", "foretold", ix);
        html.raw("><div class=\"panel\">");
        if has_sensors {
            foretold::content(html, line, reader);
        }
        if has_chances {
            prospects::content(html, &line.prospects, reader);
        }
        html.raw("</div></div>");
    }
    html.raw("<div class=\"columns tables\">");
    tables::last_batches(html, line, ix, reader);
    tables::tags(html, line, ix, reader);
    html.raw("</div>");
    if !line.last_batches.is_empty() {
        part(html, "<p class=\"since\"", "uniformity", ix);
        html.raw("><a href=\"").text(&uniformity::address(&line.name, reader)).raw("\">");
        html.raw(words.uniformity).raw("</a></p>");
    }
    html.raw("</section>");
}

/// Writes the content of a panel.
type Content<T> = fn(&mut Html, &T, Reader);

/// A part with a panel for each of these; nothing of none.
fn panels<T>(
    html: &mut Html,
    (open, kind, panel): (&'static str, &'static str, &'static str),
    ix: i64,
    (each, content): (&[T], Content<T>),
    reader: Reader,
) {
    if each.is_empty() {
        return;
    }
    part(html, open, kind, ix);
    html.raw(">");
    for one in each {
        html.raw(panel);
        content(html, one, reader);
        html.raw("</div>");
    }
    html.raw("</div>");
}

fn hero(html: &mut Html, line: &LineView, ix: i64, now_ms: i64, reader: Reader) {
    let face = face::of_line(line, reader);
    part(html, "<div", "hero", ix);
    html.raw(" class=\"hero ").raw(face.class).raw("\" data-say=\"");
    overview::say(html, line, reader);
    html.raw("\"><div class=\"call\">").icon(face.symbol).raw("<div><h2 id=\"name-").integer(ix);
    html.raw("\">")
        .name(&line.name)
        .raw("</h2><p class=\"word\">")
        .raw(face.word)
        .raw("</p></div></div>");
    html.raw("<div class=\"meaning\"><p>").raw(face::meaning(line, reader)).raw("</p>");
    since(html, line, reader);
    maintenance(html, line, reader);
    if let Some(told) = line.verdict.as_ref().and_then(|document| document.learning) {
        learning(html, told, reader);
    }
    clock(html, line, now_ms, reader);
    html.raw("</div>");
    figures(html, line, reader);
    facts(html, line, reader);
    if let Some(strip) = chart::strip(line, reader) {
        html.raw("<div class=\"batch-strip\">").piece(&strip);
        spans(html, line, reader);
        outside(html, line, reader);
        html.raw("</div>");
    }
    html.raw("</div>");
}

/// The ways to why it was judged so: now, and when the batch was flagged.
fn moments(html: &mut Html, line: &LineView, reader: Reader) {
    let words = Words::of(reader.language);
    let Some(clock) = line.clock else { return };
    let flagged = line.verdict.as_ref().filter(|document| document.verdict.is_flag());
    let flagged = flagged.map(|document| (document.since, words.moment_flagged));
    html.raw("<p class=\"moments\">").raw(words.moments);
    for (ms, word) in std::iter::once((clock, words.moment_now)).chain(flagged) {
        if let Some(address) = links::moment(&line.name, ms, reader) {
            html.raw(" <a href=\"").text(&address).raw("\">");
            fill(html, word, &[("at", &at(ms, Clock::Minutes, reader))]);
            html.raw("</a>");
        }
    }
    html.raw("</p>");
}

fn since(html: &mut Html, line: &LineView, reader: Reader) {
    let Some(document) = &line.verdict else {
        return;
    };
    let words = Words::of(reader.language);
    html.raw("<p class=\"since\">");
    let since = at(document.since, Clock::Minutes, reader);
    let clock = line.clock.filter(|clock| *clock > document.since);
    if line.blind {
        let verdict = plain(face::of_call(document.verdict, reader).word);
        fill(html, words.last_verdict, &[("verdict", &verdict), ("at", &since)]);
    } else if let Some(clock) = clock {
        let span = plain(&reader.duration(clock - document.since));
        fill(html, words.since_for, &[("at", &since), ("span", &span)]);
    } else {
        fill(html, words.since, &[("at", &since)]);
    }
    html.raw("</p>");
}

/// That somebody works on the line, until when, who and why.
fn maintenance(html: &mut Html, line: &LineView, reader: Reader) {
    let Some(maintenance) = &line.maintenance else { return };
    let words = Words::of(reader.language);
    let (mut by, mut note) = (Html::default(), Html::default());
    if let Some(who) = &maintenance.by {
        fill(&mut by, words.by, &[("who", &name(who))]);
    }
    if let Some(told) = &maintenance.note {
        fill(&mut note, words.note, &[("note", &plain(told))]);
    }
    html.raw("<p class=\"maintenance\">");
    let pieces = [
        ("from", &at(maintenance.since, Clock::Minutes, reader)),
        ("until", &at(maintenance.until, Clock::Day, reader)),
        ("by", &by),
        ("note", &note),
    ];
    fill(html, words.maintenance, &pieces);
    html.raw("</p>");
}

pub(super) fn learning(html: &mut Html, learning: Learning, reader: Reader) {
    let words = Words::of(reader.language);
    let (have, need) = (i64::from(learning.have), i64::from(learning.need));
    html.raw("<p class=\"learning\"><progress max=\"").integer(need.max(1)).raw("\" value=\"");
    html.integer(have).raw("\" aria-label=\"").raw(words.learned).raw("\"></progress> <span>");
    let sentence = if learning.borrowed { words.learning_borrowed } else { words.learning };
    let (have, need) = (plain(&have.to_string()), plain(&need.to_string()));
    fill(html, sentence, &[("have", &have), ("need", &need)]);
    html.raw("</span></p><p class=\"since\">").piece(&until_model(learning, reader)).raw("</p>");
}

/// How many batches are wanted until there is a model.
fn until_model(learning: Learning, reader: Reader) -> Html {
    let words = Words::of(reader.language);
    let mut html = Html::default();
    let more = learning.need.saturating_sub(learning.have);
    let sentence = match (more, learning.borrowed) {
        (0, false) => words.first_model_soon,
        (0, true) => words.own_model_soon,
        (_, false) => words.first_model,
        (_, true) => words.own_model,
    };
    let more = counted(more.into(), words.more_batch, words.more_batches);
    fill(&mut html, sentence, &[("more", &more)]);
    html
}

/// The fit that runs.
pub(super) fn fitting(html: &mut Html, fitting: &Fitting, reader: Reader) {
    let words = Words::of(reader.language);
    let mut stage = Html::default();
    let known = [
        ("reading frames", words.stage_reading),
        ("fitting", words.stage_fitting),
        ("held-out calibration", words.stage_calibrating),
        ("trial", words.stage_trial),
        ("soft sensor", words.stage_soft_sensor),
    ];
    match known.iter().find(|(stage, _)| *stage == fitting.stage) {
        Some((_, word)) => {
            stage.raw(word);
        }
        None => reader.english(&mut stage, fitting.stage),
    }
    if let Some(done) = fitting.done {
        let mut with = Html::default();
        let done = plain(&per_cent(done));
        fill(&mut with, words.stage_done, &[("stage", &stage), ("done", &done)]);
        stage = with;
    }
    html.raw("<p class=\"since\">");
    let pieces = [
        ("grade", &name(&fitting.grade)),
        ("batches", &counted(fitting.batches as u64, words.one_batch, words.batches)),
        ("at", &at(fitting.since.as_millis(), Clock::Minutes, reader)),
        ("stage", &stage),
    ];
    fill(html, words.fitting, &pieces);
    html.raw("</p>");
}

/// Where the line's clock stands, if that is not now.
fn clock(html: &mut Html, line: &LineView, now_ms: i64, reader: Reader) {
    let Some(clock) = line.clock else { return };
    let behind = now_ms.saturating_sub(clock);
    if behind < BEHIND_MS {
        return;
    }
    let shown = if behind < 43_200_000 { Clock::Seconds } else { Clock::Day };
    let pieces = [("at", &at(clock, shown, reader)), ("span", &plain(&reader.duration(behind)))];
    html.raw("<p class=\"behind\">");
    fill(html, Words::of(reader.language).behind, &pieces);
    html.raw("</p>");
}

/// The two numbers that are read from across the hall. Nobody knows them of a blind line.
fn figures(html: &mut Html, line: &LineView, reader: Reader) {
    let Some(document) = line.verdict.as_ref().filter(|_| !line.blind) else {
        return;
    };
    let words = Words::of(reader.language);
    let figures =
        [(document.probability_off_spec, words.likely), (document.progress, words.progress)];
    if figures.iter().all(|(figure, _)| figure.is_none()) {
        return;
    }
    html.raw("<div class=\"figures\">");
    for (figure, word) in figures {
        if let Some(figure) = figure {
            html.raw("<p><b>").text(&per_cent(figure)).raw("</b> <span>").raw(word);
            html.raw("</span></p>");
        }
    }
    html.raw("</div>");
}

fn facts(html: &mut Html, line: &LineView, reader: Reader) {
    let words = Words::of(reader.language);
    let document = line.verdict.as_ref();
    html.raw("<dl class=\"facts\">");
    let batch = document.and_then(|document| document.batch.as_deref());
    let batch = batch.or(line.batch.as_ref().map(|batch| &*batch.batch));
    fact(html, words.batch, &batch.map_or_else(|| plain(NONE), name));
    if let Some(grade) = document.and_then(|document| document.grade.as_deref()) {
        fact(html, words.grade, &name(grade));
    }
    if let Some(started) = line.batch.as_ref().map(|batch| batch.started.as_millis()) {
        fact(html, words.started, &at(started, Clock::Minutes, reader));
    }
    if let Some(left) = document.and_then(|document| document.left.as_ref()) {
        fact(html, words.left, &overview::to_be_made(left, reader));
    }
    if let Some(phase) = document.and_then(|document| document.phase.as_deref()) {
        fact(html, words.phase, &name(phase));
    }
    if let Some(first) = document.and_then(|document| document.first_mover.as_deref()) {
        fact(html, words.moved_first, &name(first));
    }
    if let Some(told) = document.and_then(|document| document.decision.as_ref()) {
        fact(html, words.costs_least, &decision::content(told, reader));
    }
    if !line.tags.is_empty() {
        fact(html, words.model, &model(line, reader));
    }
    html.raw("</dl>");
}

/// What judges, in one line, and the way to all that is known of the line's models.
fn model(line: &LineView, reader: Reader) -> Html {
    let words = Words::of(reader.language);
    let mut html = Html::default();
    html.raw("<small>");
    match &line.model {
        Some(model) => reader.english_name(&mut html, model),
        None => {
            html.raw(words.no_model);
        }
    }
    let more = if line.challengers.is_empty() { words.models } else { words.models_one_waits };
    html.raw(" <a href=\"").text(&reader.address("models", &[("line", &line.name)]));
    html.raw("\">").raw(more).raw("</a></small>");
    html
}

/// What a model that waits for a person would have said.
pub(super) fn waits(challenger: &ChallengerView, reader: Reader) -> Html {
    let words = Words::of(reader.language);
    let number = |n: u32| plain(&n.to_string());
    let version = number(challenger.version);
    let beside = &challenger.beside;
    let mut html = Html::default();
    if beside.batches() == 0 {
        fill(&mut html, words.challenger_new, &[("version", &version)]);
        return html;
    }
    let of = |flagged: &Flagged, one: &'static str, many: &'static str| {
        let mut html = Html::default();
        let pieces = [
            ("of", &counted(flagged.of.into(), one, many)),
            ("new", &number(flagged.by_new())),
            ("against", &number(challenger.against)),
            ("present", &number(flagged.by_present())),
        ];
        fill(&mut html, words.would_flag, &pieces);
        html
    };
    let mut parts = Vec::new();
    if beside.good.of > 0 {
        parts.push(of(&beside.good, words.good_one, words.good_ones));
    }
    if beside.bad.of > 0 {
        parts.push(of(&beside.bad, words.bad_one, words.bad_ones));
    }
    if beside.open > 0 {
        parts.push(counted(beside.open.into(), words.open, words.open));
    }
    let batches = counted(beside.batches().into(), words.one_batch, words.batches);
    let said = listed(&parts, words.semicolon);
    let pieces = [("version", &version), ("batches", &batches), ("said", &said)];
    fill(&mut html, words.challenger, &pieces);
    html
}

/// That a model judges from the next boundary on, and who wants that.
pub(super) fn promoted(promotion: &PromotionView, reader: Reader) -> Html {
    let (mut html, mut reason) = (Html::default(), Html::default());
    reader.english(&mut reason, &promotion.reason);
    let pieces = [
        ("version", &plain(&promotion.version.to_string())),
        ("reason", &reason),
        ("at", &at(promotion.asked.as_millis(), Clock::Day, reader)),
    ];
    fill(&mut html, Words::of(reader.language).promotion, &pieces);
    html
}

/// One after the other.
fn listed(parts: &[Html], between: &'static str) -> Html {
    let mut html = Html::default();
    for (ix, part) in parts.iter().enumerate() {
        html.raw(if ix > 0 { between } else { "" }).piece(part);
    }
    html
}

/// How often good batches were flagged, beside what is promised.
pub(super) fn wrong_flags(record: &WrongFlagsRecord, reader: Reader) -> Html {
    let words = Words::of(reader.language);
    let realized = &record.realized;
    let (low, high) = realized.range;
    let share = |share: f64| plain(&format!("{:.1}", share * 100.0));
    let mut html = Html::default();
    let pieces = [
        ("wrong", &plain(&realized.wrong.to_string())),
        ("good", &counted(realized.good.into(), words.good_batch, words.good_batches)),
        ("low", &share(low)),
        ("high", &share(high)),
        ("promised", &share(record.promised)),
    ];
    fill(&mut html, words.wrong_of, &pieces);
    html
}

/// The stretches in which a quality tag was outside its limits: the strip shows them by their shade alone.
fn outside(html: &mut Html, line: &LineView, reader: Reader) {
    let mut outside =
        line.stretches.iter().filter(|stretch| stretch.call == Call::OffSpec).peekable();
    if outside.peek().is_none() {
        return;
    }
    html.raw("<p class=\"spans\"><span>").raw(Words::of(reader.language).outside).raw("</span>");
    for stretch in outside {
        html.raw(" <span>");
        let metres = stretch.from_m.zip(stretch.to_m);
        from_to(html, (stretch.from, stretch.to), metres, reader);
        html.raw("</span>");
    }
    html.raw("</p>");
}

/// From where to where, in metres if they are known, and in time.
fn from_to(html: &mut Html, (from, to): (i64, i64), in_m: Option<(f64, f64)>, reader: Reader) {
    if let Some((from, to)) = in_m {
        html.raw("<b>").text(&number(from.round())).raw("–").text(&metres(to)).raw("</b> ");
    }
    time(html, from, Clock::Minutes, reader);
    html.raw("–");
    time(html, to, Clock::Minutes, reader);
}

fn spans(html: &mut Html, line: &LineView, reader: Reader) {
    let Some(document) = line.verdict.as_ref().filter(|document| !document.spans.is_empty()) else {
        return;
    };
    let words = Words::of(reader.language);
    html.raw("<p class=\"spans\"><span>").raw(words.affected).raw("</span>");
    for span in &document.spans {
        html.raw(" <span>");
        from_to(html, (span.from, span.to), span.from_m.zip(span.to_m), reader);
        if let Some(arrives) = span.arrives {
            fill(html, words.arrives, &[("at", &at(arrives, Clock::Minutes, reader))]);
        }
        html.raw("</span>");
    }
    html.raw("</p>");
}

#[cfg(test)]
mod tests {
    use super::super::super::fixture;
    use super::*;
    use crate::words::{Language, Locale};

    fn reader(language: Language) -> Reader {
        Reader::of(&Locale::default(), Some(language))
    }

    /// The engine says the same to programs, in English.
    #[test]
    fn learning_and_models_are_told_as_the_engine_tells_them() {
        let english = reader(Language::English);
        for (have, borrowed) in [(7, false), (19, false), (20, true), (3, true), (20, false)] {
            let learning = Learning { have, need: 20, borrowed };
            let told = until_model(learning, english).into_string();
            assert_eq!(told.to_lowercase(), format!("{}.", learning.sentence()));
        }
        let view = fixture::at_risk();
        let mut challenger = view.lines[0].challengers[0].clone();
        assert_eq!(waits(&challenger, english).into_string(), challenger.sentence());
        let chinese = waits(&challenger, reader(Language::Chinese)).into_string();
        assert_eq!(
            chinese,
            "版本 3 待启用，已试判最近的 12 个批次：8 个好批次中它会报警 0 个，版本 2 报警 2 个；\
             1 个不合格批次中它会报警 1 个，版本 2 报警 0 个；3 个尚无结论"
        );
        (challenger.beside.good.of, challenger.beside.bad.of, challenger.beside.open) = (0, 0, 0);
        assert_eq!(waits(&challenger, english).into_string(), challenger.sentence());
    }

    #[test]
    fn maintenance_is_a_sentence_whoever_said_what() {
        let mut line = fixture::silent_line("tm3");
        let told = |line: &LineView, language| {
            let mut html = Html::default();
            maintenance(&mut html, line, reader(language));
            html.into_string().replace("<bdi>", "").replace("</bdi>", "")
        };
        let mut maintenance = crate::engine::MaintenanceView {
            since: fixture::NOW,
            until: fixture::NOW + 3_600_000,
            by: None,
            note: None,
        };
        line.maintenance = Some(maintenance.clone());
        assert!(
            told(&line, Language::Chinese).ends_with("</time>。其间报警静音，数据不用于学习。</p>")
        );
        (maintenance.by, maintenance.note) = (Some("li".into()), Some("felt".into()));
        line.maintenance = Some(maintenance);
        assert!(told(&line, Language::English).contains("</time>, by li: felt. Its alarms"));
        assert!(told(&line, Language::Chinese).contains("</time>，操作人：li，备注：felt。其间"));
    }
}

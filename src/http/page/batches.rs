//! `/batches`: the newest batches of all lines, and the table of batches that other pages have as well.

use super::format::{
    Clock, NONE, NUMBERS, WORDS, count, fine_per_cent, heading, metres, plain, time,
};
use super::frame::{Frame, Place};
use super::html::Html;
use super::reader::{Reader, Visit};
use super::{face, links, report};
use crate::decode::Disposition;
use crate::engine::{BatchRecord, View};
use crate::http::router::Shared;
use crate::http::{data, guard};
use crate::verdict::Call;
use crate::words::{Language, fill, table};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use std::collections::BTreeSet;
use std::sync::Arc;

table! {
    batches: "Batches", "批次";
    filter: "Which batches", "筛选";
    line: "Line", "生产线";
    all_lines: "all lines", "全部生产线";
    grade: "Grade", "品种";
    verdict: "Verdict", "判定";
    any: "any", "不限";
    disposition: "Disposition", "处置";
    undecided: "nobody decided", "未处置";
    show: "Show", "查询";
    none: "No batch is like that.", "没有符合条件的批次。";
    looked_at: "The newest {n} batches were looked at, no older ones.", "仅查看了最近 {n} 个批次，更早的未查看。";
    none_of: "No batch is like that among the newest {n}.", "最近的 {n} 个批次中没有符合条件的。";
    newest: "The newest of these", "最新的";
    older: "Older", "更早的";
    pages: "Parts of the list", "分页";
    batch: "Batch", "批次";
    outside_limits: "Outside limits", "超限";
    lead: "Flagged before end", "报警提前量";
    length: "Length", "长度";
    ended: "Ended", "结束";
    started: "Started", "开始";
    in_progress: "in progress", "进行中";
    report: "Report", "报告";
}

/// Batches on a page.
const ROWS: usize = 100;
/// The newest batches among which those are looked for that are asked for.
const LOOKED_AT: usize = 2000;

/// What the address asks. What is empty leaves nothing out.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Asked {
    line: String,
    grade: String,
    verdict: String,
    /// A word of the contract, or `none`.
    disposition: String,
    /// The place of the last batch of the page before: when it started, ms, its line, and its id.
    before: String,
}

/// A batch's place in the list, the newest first.
type Place3<'a> = (i64, &'a str, &'a str);

impl Asked {
    /// Refuses words that nobody knows.
    #[expect(
        clippy::result_large_err,
        reason = "the error is the answer itself, made once a request"
    )]
    fn check(&self) -> Result<(), Response> {
        let bad = |text: String| Err(guard::error(StatusCode::BAD_REQUEST, text));
        let calls = CALLS.map(Call::as_str);
        if !self.verdict.is_empty() && !calls.contains(&&*self.verdict) {
            let words = calls.join(", ");
            return bad(format!("`verdict` is `{}`; there are: {words}", self.verdict));
        }
        let known = DISPOSITIONS.map(Disposition::as_str);
        if !matches!(&*self.disposition, "" | "none") && !known.contains(&&*self.disposition) {
            let words = known.join(", ");
            return bad(format!(
                "`disposition` is `{}`; there are: {words}, none",
                self.disposition
            ));
        }
        if !self.before.is_empty() && self.place().is_none() {
            let text =
                "`before` is no place in the list: it is what the link to older batches says";
            return bad(text.to_owned());
        }
        Ok(())
    }

    fn place(&self) -> Option<Place3<'_>> {
        let (started, rest) = self.before.split_once('~')?;
        let (line, batch) = rest.split_once('~')?;
        Some((started.parse().ok()?, line, batch))
    }

    fn takes(&self, batch: &BatchRecord) -> bool {
        let is = |asked: &str, told: Option<&str>| asked.is_empty() || told == Some(asked);
        let disposition = batch.disposition.map(Disposition::as_str);
        is(&self.line, Some(&batch.line))
            && is(&self.grade, batch.grade.as_deref())
            && is(&self.verdict, batch.verdict.map(Call::as_str))
            && is(&self.disposition, disposition.or(Some("none")))
    }

    /// The address of this with another place.
    fn address(&self, before: &str, reader: Reader) -> String {
        let all = [
            ("line", &*self.line),
            ("grade", &*self.grade),
            ("verdict", &*self.verdict),
            ("disposition", &*self.disposition),
            ("before", before),
        ];
        let said: Vec<_> = all.into_iter().filter(|(_, value)| !value.is_empty()).collect();
        reader.address("batches", &said)
    }
}

const CALLS: [Call; 4] = [Call::OnSpec, Call::AtRisk, Call::OffSpec, Call::Unknown];
const DISPOSITIONS: [Disposition; 5] = [
    Disposition::Release,
    Disposition::Hold,
    Disposition::Downgrade,
    Disposition::Rework,
    Disposition::Scrap,
];

/// What is found.
struct Found {
    batches: Vec<BatchRecord>,
    /// The place behind which there are more.
    next: Option<String>,
    /// How many were looked at, if there may be others.
    looked_at: Option<usize>,
    /// The grades among those.
    grades: BTreeSet<Arc<str>>,
}

/// The page.
pub(in crate::http) async fn page(
    State(shared): State<Shared>,
    visit: Visit,
) -> Result<Response, Response> {
    let asked: Asked = visit.asked()?;
    asked.check()?;
    let (view, reader) = (shared.view(), visit.reader);
    if !asked.line.is_empty() {
        data::find(&view, &asked.line)?;
    }
    let words = Words::of(reader.language);
    let of = Some(asked.line.clone()).filter(|line| !line.is_empty());
    let all = match &shared.api.history {
        Some(history) => {
            let newest = data::read(&shared, history, move |history| {
                history.batches(of.as_deref(), LOOKED_AT)
            });
            newest.await?
        }
        None => shown(&view),
    };
    let found = find(&asked, all);
    let html = content(&view, &asked, &found, reader);
    let frame = Frame::new(plain(words.batches)).at(Place::Batches).live().slow().queries();
    Ok(frame.answer(&shared, &visit, &html))
}

/// The batches of the view, as the store would have them.
fn shown(view: &View) -> Vec<BatchRecord> {
    let of_line = |line: &crate::engine::LineView| {
        line.batch.iter().chain(&line.last_batches).cloned().collect::<Vec<_>>()
    };
    let mut all: Vec<BatchRecord> = view.lines.iter().flat_map(of_line).collect();
    all.sort_by(|a, b| (b.started, &a.line, &b.batch).cmp(&(a.started, &b.line, &a.batch)));
    all
}

/// Those of the newest that are asked for.
fn find(asked: &Asked, all: Vec<BatchRecord>) -> Found {
    let looked_at = Some(all.len()).filter(|n| *n >= LOOKED_AT);
    let grades = all.iter().filter_map(|batch| batch.grade.clone()).collect();
    let place = |batch: &BatchRecord| {
        format!("{}~{}~{}", batch.started.as_millis(), batch.line, batch.batch)
    };
    // Behind the last one that was shown; if it is not there any more, behind its time.
    let is_behind = |batch: &BatchRecord, (started, line, id): Place3<'_>| {
        let at = batch.started.as_millis();
        at < started || (at == started && (&*batch.line, id) > (line, &*batch.batch))
    };
    let wanted = all.into_iter().filter(|batch| {
        asked.takes(batch) && asked.place().is_none_or(|place| is_behind(batch, place))
    });
    let mut batches: Vec<BatchRecord> = wanted.take(ROWS + 1).collect();
    let more = batches.len() > ROWS;
    batches.truncate(ROWS);
    let next = batches.last().filter(|_| more).map(place);
    Found { batches, next, looked_at, grades }
}

fn content(view: &View, asked: &Asked, found: &Found, reader: Reader) -> Html {
    let words = Words::of(reader.language);
    let mut html = Html::default();
    form(&mut html, view, asked, found, reader);
    html.raw("<div class=\"panel\" data-part id=\"batches\">");
    if found.batches.is_empty() {
        html.raw("<p>");
        match found.looked_at {
            Some(n) => {
                fill(&mut html, words.none_of, &[("n", &plain(&count(n as u64)))]);
            }
            None => {
                html.raw(words.none);
            }
        }
        html.raw("</p>");
    } else {
        html.raw("<div class=\"wide\" tabindex=\"0\" role=\"region\" data-keep id=\"batches-scroll\" aria-label=\"");
        html.raw(words.batches).raw("\">");
        table(&mut html, &found.batches, true, reader);
        html.raw("</div>");
    }
    if let Some(n) = found.looked_at.filter(|_| found.next.is_none() && !found.batches.is_empty()) {
        html.raw("<p class=\"muted\">");
        fill(&mut html, words.looked_at, &[("n", &plain(&count(n as u64)))]);
        html.raw("</p>");
    }
    html.raw("<nav class=\"turn\" aria-label=\"").raw(words.pages).raw("\">");
    if !asked.before.is_empty() {
        html.raw("<a href=\"").text(&asked.address("", reader)).raw("\">");
        html.raw(words.newest).raw("</a> ");
    }
    if let Some(next) = &found.next {
        html.raw("<a rel=\"next\" href=\"").text(&asked.address(next, reader)).raw("\">");
        html.raw(words.older).raw("</a>");
    }
    html.raw("</nav></div>");
    html
}

fn form(html: &mut Html, view: &View, asked: &Asked, found: &Found, reader: Reader) {
    let words = Words::of(reader.language);
    html.raw("<form class=\"filter\" role=\"search\" aria-label=\"").raw(words.filter).raw("\">");
    reader.fields(html);
    let lines = view.lines.iter().map(|line| (&*line.name, plain(&line.name)));
    choice(html, ("line", words.line, words.all_lines), &asked.line, lines);
    let grades: BTreeSet<&str> = found.grades.iter().map(|grade| &**grade).collect();
    let asked_grade = Some(&*asked.grade).filter(|grade| !grade.is_empty());
    let grades = grades.into_iter().chain(asked_grade).collect::<BTreeSet<_>>();
    let grades = grades.into_iter().map(|grade| (grade, plain(grade)));
    choice(html, ("grade", words.grade, words.any), &asked.grade, grades);
    let calls =
        CALLS.into_iter().map(|call| (call.as_str(), plain(face::of_call(call, reader).word)));
    choice(html, ("verdict", words.verdict, words.any), &asked.verdict, calls);
    let dispositions = DISPOSITIONS.into_iter().map(|one| (one.as_str(), disposition(one, reader)));
    let dispositions = dispositions.chain(std::iter::once(("none", plain(words.undecided))));
    let of = ("disposition", words.disposition, words.any);
    choice(html, of, &asked.disposition, dispositions);
    html.raw("<button type=\"submit\">").raw(words.show).raw("</button></form>");
}

/// One of several, or none of them.
fn choice<'c>(
    html: &mut Html,
    (key, label, any): (&'static str, &'static str, &'static str),
    asked: &str,
    choices: impl Iterator<Item = (&'c str, Html)>,
) {
    html.raw("<label>").raw(label).raw(" <select id=\"filter-").raw(key).raw("\" name=\"").raw(key);
    html.raw("\"><option value=\"\">").raw(any).raw("</option>");
    for (value, word) in choices {
        html.raw("<option value=\"").text(value);
        html.raw(if value == asked { "\" selected>" } else { "\">" });
        html.piece(&word).raw("</option>");
    }
    html.raw("</select></label> ");
}

/// What was decided: the word of the contract itself in English.
fn disposition(told: Disposition, reader: Reader) -> Html {
    match reader.language {
        Language::Chinese => plain(reader.language.disposition(told)),
        Language::English => plain(told.as_str()),
    }
}

/// A table of batches; with line, grade and begin where they are of several.
pub(super) fn table(html: &mut Html, batches: &[BatchRecord], is_of_all: bool, reader: Reader) {
    let words = Words::of(reader.language);
    html.raw("<table><thead><tr>");
    heading(html, WORDS, words.batch);
    if is_of_all {
        heading(html, WORDS, words.line);
        heading(html, WORDS, words.grade);
    }
    for word in [words.verdict, words.disposition] {
        heading(html, WORDS, word);
    }
    for word in [words.outside_limits, words.lead, words.length] {
        heading(html, NUMBERS, word);
    }
    if is_of_all {
        heading(html, NUMBERS, words.started);
    }
    heading(html, NUMBERS, words.ended);
    heading(html, WORDS, words.report);
    html.raw("</tr></thead><tbody>");
    for batch in batches {
        row(html, batch, is_of_all, reader);
    }
    html.raw("</tbody></table>");
}

fn row(html: &mut Html, batch: &BatchRecord, is_of_all: bool, reader: Reader) {
    let words = Words::of(reader.language);
    let face =
        batch.verdict.map_or_else(|| face::of_void(reader), |call| face::of_call(call, reader));
    html.raw("<tr class=\"").raw(face.class).raw("\"><th scope=\"row\">");
    links::batch(html, &batch.line, &batch.batch, reader);
    html.raw("</th>");
    if is_of_all {
        html.raw("<td>");
        links::line_named(html, &batch.line, reader);
        html.raw("</td><td>").name(batch.grade.as_deref().unwrap_or(NONE)).raw("</td>");
    }
    html.raw("<td><span class=\"mark\">").icon(face.symbol).raw(face.word).raw("</span></td><td>");
    match batch.disposition {
        Some(told) => html.piece(&disposition(told, reader)),
        None => html.raw(NONE),
    };
    html.raw("</td><td class=\"num\">");
    html.text(&batch.off_spec_share.map_or_else(|| NONE.to_owned(), fine_per_cent));
    html.raw("</td><td class=\"num\">").text(&lead(batch, reader)).raw("</td><td class=\"num\">");
    html.text(&batch.length_m.map_or_else(|| NONE.to_owned(), metres)).raw("</td>");
    if is_of_all {
        html.raw("<td class=\"num\">");
        time(html, batch.started.as_millis(), Clock::Day, reader);
        html.raw("</td>");
    }
    html.raw("<td class=\"num\">");
    match batch.ended {
        Some(ended) => time(html, ended.as_millis(), Clock::Day, reader),
        None => {
            html.raw(words.in_progress);
        }
    }
    html.raw("</td><td>");
    report::link(html, batch, words.report, reader);
    html.raw("</td></tr>");
}

#[expect(clippy::cast_possible_truncation, reason = "a float to integer cast stops at the ends")]
fn lead(batch: &BatchRecord, reader: Reader) -> String {
    match batch.first_flag_lead_s {
        Some(seconds) if seconds.is_finite() => reader.duration((seconds * 1000.0) as i64),
        _ => NONE.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::fixture::{self, NOW};
    use super::*;

    #[test]
    fn both_languages_say_everything() {
        crate::words::check(ALL, &[]);
    }

    /// A thousand batches of two lines, some of which start at the same time.
    fn many() -> Vec<BatchRecord> {
        let mut all: Vec<BatchRecord> = (0..1000)
            .map(|ix| {
                let call = CALLS[ix % 4];
                let minutes = i64::try_from(ix / 3).unwrap();
                let mut batch = fixture::batch(&format!("B{ix:04}"), NOW - minutes * 60_000, call);
                batch.line = if ix % 2 == 0 { "tm3" } else { "tm4" }.into();
                batch.disposition = (ix % 5 == 0).then_some(Disposition::Rework);
                batch
            })
            .collect();
        all.sort_by(|a, b| (b.started, &a.line, &b.batch).cmp(&(a.started, &b.line, &a.batch)));
        all
    }

    #[test]
    fn every_batch_stands_on_one_page_of_the_list_in_order() {
        let (all, mut told) = (many(), Vec::new());
        let mut asked = Asked::default();
        loop {
            asked.check().unwrap();
            let found = find(&asked, all.clone());
            assert!(found.batches.len() <= ROWS);
            told.extend(found.batches);
            let Some(next) = found.next else { break };
            asked.before = next;
        }
        assert_eq!(told, all);
    }

    #[test]
    fn what_is_asked_for_is_found_and_words_that_nobody_knows_are_refused() {
        let of = |asked: Asked| find(&asked, many()).batches;
        let flagged =
            of(Asked { verdict: "at-risk".into(), line: "tm4".into(), ..Asked::default() });
        assert!(!flagged.is_empty());
        assert!(flagged.iter().all(|b| b.verdict == Some(Call::AtRisk) && &*b.line == "tm4"));
        let open = of(Asked { disposition: "none".into(), ..Asked::default() });
        assert!(open.iter().all(|batch| batch.disposition.is_none()));
        assert_eq!(of(Asked { grade: "towel".into(), ..Asked::default() }), []);
        let fixture = fixture::state(fixture::several());
        for (query, expected) in [
            ("verdict=fine", "`verdict` is `fine`; there are: on-spec, at-risk"),
            ("disposition=burn", "rework, scrap, none"),
            ("before=soon", "`before` is no place in the list"),
            ("line=tm9", "no line is called `tm9`"),
        ] {
            let answer = fixture::get(&fixture, &format!("/batches?{query}"));
            assert!(answer.error().contains(expected), "{query}: {}", answer.text);
        }
        let page = fixture::get(&fixture, "/batches?verdict=off-spec").text;
        assert!(page.contains("<a href=\"batches/tm3/TM3-260122-030\">"), "{page}");
        assert!(page.contains("<option value=\"off-spec\" selected>Off spec</option>"), "{page}");
        assert!(!page.contains("TM3-260122-031"), "{page}");
        let none = fixture::get(&fixture, "/batches?disposition=scrap").text;
        assert!(none.contains("No batch is like that."), "{none}");
    }
}

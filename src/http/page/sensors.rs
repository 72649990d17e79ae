//! `/sensors`: all tags of all lines, which of them can be trusted, and since when not.
//!
//! Two thousand tags and more: so many rows as [`ROWS`] stand on a page, the sick ones first. What is asked for stands in the
//! address, so that it works without script; the script only hides at once what is not searched for.

use super::format::{Clock, NONE, NUMBERS, WORDS, count, heading, number, per_cent, plain, time};
use super::frame::{Frame, Place};
use super::html::Html;
use super::links;
use super::reader::{Reader, Visit};
use crate::engine::{LineView, TagView, View};
use crate::http::data;
use crate::http::router::Shared;
use crate::words::{Language, fill, table};
use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;

table! {
    sensors: "Sensors", "传感器";
    line: "Line", "生产线";
    all_lines: "all lines", "全部生产线";
    only_sick: "only those not to be trusted", "只看不可信的";
    search: "Name", "名称";
    show: "Show", "查询";
    filter: "Which sensors", "筛选";
    found: "{n} of {all} sensors, {sick} of them not to be trusted", "{all} 个传感器中的 {n} 个，其中 {sick} 个不可信";
    none: "No sensor is like that.", "没有符合条件的传感器。";
    none_declared: "The configuration declares no tag.", "配置中没有登记测点。";
    rows: "{from} to {to} of {n}", "第 {from} 至 {to} 个，共 {n} 个";
    earlier: "Earlier", "上一页";
    later: "Later", "下一页";
    pages: "Parts of the list", "分页";
    tag: "Tag", "测点";
    value: "Value", "数值";
    unit: "Unit", "单位";
    age: "Age", "距今";
    sensor: "Sensor", "传感器";
    since: "Since", "起始时间";
    share_good: "Good this minute", "本分钟有效率";
    not_heard: "not heard", "未收到";
    good: "good", "正常";
}

/// Rows on a page.
const ROWS: usize = 500;

/// What the address asks.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Asked {
    /// Of this line; of all if it is empty.
    line: String,
    /// `1` of those that are sick only.
    sick: String,
    /// With this in their name, however it is written.
    search: String,
    /// Which part of them, from 1.
    page: Option<usize>,
}

impl Asked {
    fn takes(&self, tag: &TagView) -> bool {
        let named = || tag.id.to_lowercase().contains(&self.search.trim().to_lowercase());
        (self.sick.is_empty() || is_sick(tag)) && (self.search.trim().is_empty() || named())
    }

    /// The same of that page, as parameters.
    fn address(&self, page: usize, reader: Reader) -> String {
        let page = page.to_string();
        let all = [
            ("line", &*self.line),
            ("sick", &*self.sick),
            ("search", &*self.search),
            ("page", &*page),
        ];
        let said: Vec<_> = all.into_iter().filter(|(_, value)| !value.is_empty()).collect();
        reader.address("sensors", &said)
    }
}

/// The page.
pub(in crate::http) async fn page(
    State(shared): State<Shared>,
    visit: Visit,
) -> Result<Response, Response> {
    let asked: Asked = visit.asked()?;
    let (view, reader) = (shared.view(), visit.reader);
    if !asked.line.is_empty() {
        data::find(&view, &asked.line)?;
    }
    let words = Words::of(reader.language);
    let html = content(&view, &asked, reader);
    // Who searches sends a form, but to the page itself, and the page loads itself again as it was asked for.
    let frame = Frame::new(plain(words.sensors)).at(Place::Sensors).live().queries();
    let frame = frame.scripts(&["assets/sift.js"]);
    Ok(frame.answer(&shared, &visit, &html))
}

fn content(view: &View, asked: &Asked, reader: Reader) -> Html {
    let words = Words::of(reader.language);
    let mut html = Html::default();
    form(&mut html, view, asked, reader);
    let lines = view.lines.iter().filter(|line| asked.line.is_empty() || *line.name == *asked.line);
    let all: Vec<(&LineView, &TagView)> =
        lines.flat_map(|line| line.tags.iter().map(move |tag| (line, tag))).collect();
    let (mut rows, well): (Vec<_>, Vec<_>) =
        all.iter().filter(|(_, tag)| asked.takes(tag)).partition(|(_, tag)| is_sick(tag));
    let sick = rows.len();
    // What needs a look first; otherwise as declared.
    rows.extend(well);
    html.raw("<div class=\"panel\" data-part id=\"sensors\"><p class=\"muted\">");
    let number_of = |n: usize| plain(&count(n as u64));
    if all.is_empty() {
        html.raw(words.none_declared).raw("</p></div>");
        return html;
    }
    let pieces =
        [("n", &number_of(rows.len())), ("all", &number_of(all.len())), ("sick", &number_of(sick))];
    fill(&mut html, words.found, &pieces);
    html.raw("</p>");
    let pages = rows.len().div_ceil(ROWS).max(1);
    let page = asked.page.unwrap_or(1).clamp(1, pages);
    let shown: Vec<_> = rows.iter().skip((page - 1) * ROWS).take(ROWS).copied().collect();
    if shown.is_empty() {
        html.raw("<p>").raw(words.none).raw("</p></div>");
        return html;
    }
    html.raw("<div class=\"wide\" tabindex=\"0\" role=\"region\" data-keep id=\"sensors-scroll\" aria-label=\"");
    html.raw(words.sensors).raw("\">");
    table(&mut html, shown.into_iter(), true, reader);
    html.raw("</div>");
    if pages > 1 {
        turn(&mut html, asked, (page, pages), rows.len(), reader);
    }
    html.raw("</div>");
    html
}

/// What is asked for, as a form that asks for another page.
fn form(html: &mut Html, view: &View, asked: &Asked, reader: Reader) {
    let words = Words::of(reader.language);
    html.raw("<form class=\"filter\" role=\"search\" aria-label=\"").raw(words.filter);
    html.raw("\">");
    reader.fields(html);
    html.raw("<label>")
        .raw(words.line)
        .raw(" <select id=\"filter-line\" name=\"line\"><option value=\"\">");
    html.raw(words.all_lines).raw("</option>");
    for line in &view.lines {
        html.raw("<option value=\"").text(&line.name);
        html.raw(if *line.name == *asked.line { "\" selected>" } else { "\">" });
        html.text(&line.name).raw("</option>");
    }
    html.raw("</select></label> <label>").raw(words.search);
    html.raw(" <input id=\"filter-search\" type=\"search\" name=\"search\" maxlength=\"200\" data-search=\"sensors\" value=\"");
    html.text(&asked.search).raw(
        "\"></label> <label><input id=\"filter-sick\" type=\"checkbox\" name=\"sick\" value=\"1\"",
    );
    html.raw(if asked.sick.is_empty() { "> " } else { " checked> " }).raw(words.only_sick);
    html.raw("</label> <button type=\"submit\">").raw(words.show).raw("</button></form>");
}

/// The ways to the other parts of the list.
fn turn(
    html: &mut Html,
    asked: &Asked,
    (page, pages): (usize, usize),
    rows: usize,
    reader: Reader,
) {
    let words = Words::of(reader.language);
    html.raw("<nav class=\"turn\" aria-label=\"").raw(words.pages).raw("\">");
    let to = |html: &mut Html, page: usize, rel: &'static str, word: &'static str| {
        html.raw("<a rel=\"").raw(rel).raw("\" href=\"").text(&asked.address(page, reader));
        html.raw("\">").raw(word).raw("</a> ");
    };
    if page > 1 {
        to(html, page - 1, "prev", words.earlier);
    }
    html.raw("<span>");
    let piece = |n: usize| plain(&count(n as u64));
    let pieces = [
        ("from", &piece((page - 1) * ROWS + 1)),
        ("to", &piece((page * ROWS).min(rows))),
        ("n", &piece(rows)),
    ];
    fill(html, words.rows, &pieces);
    html.raw("</span> ");
    if page < pages {
        to(html, page + 1, "next", words.later);
    }
    html.raw("</nav>");
}

/// True of a sensor that spoke and cannot be trusted.
pub(super) fn is_sick(tag: &TagView) -> bool {
    &*tag.health != "good" && tag.at.is_some()
}

/// A table of tags, each with its line if that is of use.
pub(super) fn table<'t>(
    html: &mut Html,
    tags: impl Iterator<Item = (&'t LineView, &'t TagView)>,
    with_line: bool,
    reader: Reader,
) {
    let words = Words::of(reader.language);
    html.raw("<table class=\"tags\"><thead><tr>");
    heading(html, WORDS, words.tag);
    if with_line {
        heading(html, WORDS, words.line);
    }
    heading(html, NUMBERS, words.value);
    heading(html, WORDS, words.unit);
    heading(html, NUMBERS, words.age);
    heading(html, WORDS, words.sensor);
    heading(html, NUMBERS, words.since);
    if with_line {
        heading(html, NUMBERS, words.share_good);
    }
    html.raw("</tr></thead><tbody>");
    for (line, tag) in tags {
        row(html, (line, tag), with_line, reader);
    }
    html.raw("</tbody></table>");
}

fn row(html: &mut Html, (line, tag): (&LineView, &TagView), with_line: bool, reader: Reader) {
    let words = Words::of(reader.language);
    html.raw(if is_sick(tag) { "<tr class=\"is-sick\">" } else { "<tr>" });
    html.raw("<th scope=\"row\">").name(&tag.id).raw("</th>");
    if with_line {
        html.raw("<td>");
        links::line_named(html, &line.name, reader);
        html.raw("</td>");
    }
    html.raw("<td class=\"num\">").text(&tag.value.map_or_else(|| NONE.to_owned(), number));
    html.raw("</td><td>").name(&tag.unit).raw("</td><td class=\"num\">");
    match (tag.at, line.clock) {
        (Some(at), Some(clock)) => html.text(&reader.duration(clock - at)),
        _ => html.raw(NONE),
    };
    html.raw("</td><td><span class=\"mark\">");
    if tag.at.is_none() {
        html.icon("wait").raw(words.not_heard);
    } else if is_sick(tag) {
        html.icon("risk");
        // In English the word of the event; reports say it in a sentence.
        match reader.language {
            Language::English => html.name(&tag.health),
            language @ Language::Chinese => html.piece(&language.fault_named(&tag.health).html()),
        };
    } else {
        html.icon("dot").raw(words.good);
    }
    html.raw("</span></td><td class=\"num\">");
    match tag.sick_since.filter(|_| is_sick(tag)) {
        Some(since) => time(html, since, Clock::Day, reader),
        None => {
            html.raw(NONE);
        }
    }
    if with_line {
        html.raw("</td><td class=\"num\">");
        html.text(&tag.good.map_or_else(|| NONE.to_owned(), per_cent));
    }
    html.raw("</td></tr>");
}

#[cfg(test)]
mod tests {
    use super::super::super::fixture;
    use super::*;
    use crate::words::Locale;
    use std::sync::Arc;

    #[test]
    fn both_languages_say_everything() {
        crate::words::check(ALL, &[]);
    }

    /// Twenty lines of a hundred tags, the last tag of each sick.
    fn many() -> View {
        fixture::many_lines(20, 100)
    }

    fn rows(asked: &Asked) -> Vec<String> {
        let reader = Reader::of(&Locale::default(), None);
        let html = content(&many(), asked, reader).into_string();
        let rows = html.split("<tr").skip(2).map(|row| {
            let name = row.split("<bdi>").nth(1).and_then(|name| name.split('<').next());
            name.unwrap().to_owned()
        });
        rows.collect()
    }

    #[test]
    fn two_thousand_tags_stand_on_four_pages_the_sick_ones_first() {
        let mut all = Vec::new();
        for page in 1..=4 {
            let rows = rows(&Asked { page: Some(page), ..Asked::default() });
            assert_eq!(rows.len(), ROWS);
            all.extend(rows);
        }
        assert!(all[..20].iter().all(|name| name.ends_with("099")), "{:?}", &all[..20]);
        assert!(all[20..].iter().all(|name| !name.ends_with("099")));
        let beyond = rows(&Asked { page: Some(9), ..Asked::default() });
        assert_eq!(beyond, all[1500..], "the last there is");
        let none =
            content(&View::default(), &Asked::default(), Reader::of(&Locale::default(), None));
        assert!(none.into_string().contains("declares no tag"));
    }

    #[test]
    fn what_is_asked_for_is_shown() {
        let of = |line: &str, sick: &str, search: &str| {
            let asked =
                Asked { line: line.into(), sick: sick.into(), search: search.into(), page: None };
            rows(&asked).len()
        };
        assert_eq!(of("line-03", "", ""), 100);
        assert_eq!(of("line-03", "1", ""), 1);
        assert_eq!(of("", "1", ""), 20);
        assert_eq!(of("", "", " TAG-042 "), 20);
        assert_eq!(of("line-03", "1", "tag-042"), 0);
    }

    #[test]
    fn another_part_of_the_list_is_of_what_was_asked_for() {
        let mut view = many();
        view.lines[0].name = Arc::from("a&b");
        let reader = Reader::of(&Locale::default(), Some(Language::Chinese));
        let asked = Asked { search: "tag&".into(), page: Some(2), ..Asked::default() };
        assert_eq!(asked.address(3, reader), "sensors?search=tag%26&page=3&language=zh-CN");
        let html = content(&view, &Asked { page: Some(2), ..Asked::default() }, reader);
        let html = html.into_string();
        assert!(html.contains("<a rel=\"prev\" href=\"sensors?page=1&amp;language=zh-CN\">"));
        assert!(html.contains("<input type=\"hidden\" name=\"language\" value=\"zh-CN\">"));
    }
}

//! What all pages have in common: the frame, which is their head with the navigation, their `main`, and their foot.
//!
//! A page is made in three steps. Its handler takes a [`Visit`], which knows who reads, from how deep in the site, and what the
//! address asks; it asks that for its own parameters by [`Visit::asked`]. It writes what stands in its `main`, below the heading,
//! as [`Html`]; every address in it is one of [`Reader::address`], which leads through the root. A [`Frame`] is put around it:
//!
//! ```text
//! pub(in crate::http) async fn page(State(shared): State<Shared>, visit: Visit) -> Result<Response, Response> {
//!     let Asked { line } = visit.asked()?;
//!     let mut html = Html::default();
//!     …
//!     Ok(Frame::new(plain("Batch 7")).at(Place::Batches).live().answer(&shared, &visit, &html))
//! }
//! ```
//!
//! A page that is [live](Frame::live) is kept fresh by `page.js`: it fetches the same address with `part=main`, gets the
//! navigation and `main` of it, and replaces the parts that differ. A part is an element with `data-part` and an id that is there
//! once; what stands outside of parts is replaced only when parts come or go. Whatever a person may have typed, opened, or moved
//! within a part has an id (`data-keep` on what scrolls): the script puts that back into the part that comes. Then it sends the
//! event `drawn` to `document`, for scripts that have put something into a part of their own. Without script a live page loads
//! itself again; a page with a form does not ([`Frame::form`]), so that nothing is lost that is being written.

use super::format::{Clock, at, count, plain};
use super::html::Html;
use super::reader::{Reader, Visit};
use super::{alarms, face};
use crate::engine::{ALARMS_SHOWN, View};
use crate::http::router::Shared;
use crate::http::{HEARTBEAT_MAX, guard};
use crate::words::{fill, table};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use std::sync::LazyLock;
use std::time::Duration;

table! {
    language: "Language", "语言";
    skip: "To the content", "跳到正文";
    pages: "Pages", "页面";
    overview: "Overview", "总览";
    alarms: "Alarms", "报警";
    batches: "Batches", "批次";
    models: "Models", "模型";
    sensors: "Sensors", "传感器";
    health: "Health", "健康状态";
    not_acknowledged: "not acknowledged", "未确认";
    no_script: "reloads by itself, times in UTC", "自动刷新，时间为 UTC";
    by_hand: "times in UTC", "时间为 UTC";
    metrics: "Metrics", "运行指标";
    state: "State as JSON", "状态（JSON）";
    stuck: "What stands here may be old: the core has not moved for {age}; {allowed} are allowed", "此处内容可能已过时：核心已有 {age}没有动作，允许的上限为 {allowed}";
    as_of: "As of {at} {zone}", "截至 {at} {zone}";
    live: "live", "实时";
    dead: "no connection, trying again", "连接中断，正在重试";
    lost: "No connection to onspec since {since}: what stands here is from then.", "自 {since} 起与 onspec 的连接中断：此处为当时的内容。";
    lost_title: "No connection · onspec", "连接中断 · onspec";
    local_time: "local time", "本地时间";
    stop: ". ", "。";
}

/// Everything from here, and forms to here.
static WITH_FORMS: LazyLock<String> = LazyLock::new(|| {
    guard::CONTENT_SECURITY_POLICY.replace("form-action 'none'", "form-action 'self'")
});

/// How often the script has a page made again at most, s.
const PACE_S: i64 = 1;
/// The same of one that is made of much.
const PACE_SLOW_S: i64 = 60;
/// How often a page without script loads itself again, s.
const RELOAD_S: i64 = 10;

/// A page of the navigation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// All lines, and what belongs to one of them.
    Overview,
    /// The alarms.
    Alarms,
    /// The batches.
    Batches,
    /// The models.
    Models,
    /// The sensors.
    Sensors,
    /// Onspec itself.
    Health,
}

impl Place {
    /// All, in their order.
    const ALL: [Self; 6] =
        [Self::Overview, Self::Alarms, Self::Batches, Self::Models, Self::Sensors, Self::Health];

    /// Its path from the root, the id of its link, its word.
    fn told(self, words: &Words) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::Overview => ("", "place-overview", words.overview),
            Self::Alarms => ("alarms", "place-alarms", words.alarms),
            Self::Batches => ("batches", "place-batches", words.batches),
            Self::Models => ("models", "place-models", words.models),
            Self::Sensors => ("sensors", "place-sensors", words.sensors),
            Self::Health => ("health", "place-health", words.health),
        }
    }
}

/// How a page stays fresh.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Freshness {
    /// It does not: it is what was asked for.
    Still,
    /// By the script, or by loading itself again.
    Live,
    /// By the script only.
    ByScript,
}

/// The forms of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Forms {
    /// None.
    None,
    /// They ask for another page.
    Ask,
    /// They do something.
    Act,
}

/// A page, but for what stands in its `main`.
#[derive(Debug, Clone)]
pub(super) struct Frame {
    title: Html,
    heading: Html,
    is_heading_seen: bool,
    here: Option<Place>,
    freshness: Freshness,
    forms: Forms,
    is_slow: bool,
    scripts: &'static [&'static str],
}

impl Frame {
    /// A page of this title, which is its heading as well. It is in no place of the navigation, stands still, has no script and
    /// no form.
    pub(super) fn new(title: Html) -> Self {
        Self {
            heading: title.clone(),
            title,
            is_heading_seen: true,
            here: None,
            freshness: Freshness::Still,
            forms: Forms::None,
            is_slow: false,
            scripts: &[],
        }
    }

    /// With another heading than what the browser's tab says.
    pub(super) fn heading(self, heading: Html) -> Self {
        Self { heading, ..self }
    }

    /// With a heading that is heard and not seen, where what stands below says at once what it is.
    pub(super) fn unseen_heading(self) -> Self {
        Self { is_heading_seen: false, ..self }
    }

    /// In this place of the navigation.
    pub(super) fn at(self, here: Place) -> Self {
        Self { here: Some(here), ..self }
    }

    /// Kept fresh.
    pub(super) fn live(self) -> Self {
        let by_script = self.freshness == Freshness::ByScript || self.forms == Forms::Act;
        let freshness = if by_script { Freshness::ByScript } else { Freshness::Live };
        Self { freshness, ..self }
    }

    /// Made again at most once a minute: it is made of much that the store keeps.
    pub(super) fn slow(self) -> Self {
        Self { is_slow: true, ..self }
    }

    /// With forms, which may be sent to this origin. A browser without script does not load such a page again.
    pub(super) fn form(self) -> Self {
        let is_live = self.freshness != Freshness::Still;
        let freshness = if is_live { Freshness::ByScript } else { Freshness::Still };
        Self { forms: Forms::Act, freshness, ..self }
    }

    /// With forms that ask for another page and do nothing. It goes on to load itself again.
    pub(super) fn queries(self) -> Self {
        Self { forms: Forms::Ask, ..self }
    }

    /// With these scripts, files of the program by their paths from the root, beside that which keeps the page fresh.
    pub(super) fn scripts(self, scripts: &'static [&'static str]) -> Self {
        Self { scripts, ..self }
    }

    /// The answer to a visit: the whole page, or what the script asks for. `content` stands in `main`, below its heading.
    pub(super) fn answer(self, shared: &Shared, visit: &Visit, content: &Html) -> Response {
        let has_forms = self.forms != Forms::None;
        let kind = [(header::CONTENT_TYPE, "text/html; charset=utf-8")];
        let mut answer = (kind, self.document(shared, visit, content)).into_response();
        if has_forms && let Ok(policy) = HeaderValue::from_str(&WITH_FORMS) {
            let headers = answer.headers_mut();
            headers.insert(header::CONTENT_SECURITY_POLICY, policy);
            // A form has to say from where it comes.
            headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("same-origin"));
        }
        answer
    }

    /// The document of that answer.
    pub(super) fn document(self, shared: &Shared, visit: &Visit, content: &Html) -> String {
        let (reader, view) = (visit.reader, shared.view());
        let words = Words::of(reader.language);
        let mut html = Html::default();
        if visit.is_of_script {
            self.places(&mut html, &view, reader);
            self.main(&mut html, shared, content, reader);
            return html.into_string();
        }
        self.head(&mut html, reader);
        html.raw("<body>").raw(include_str!("symbols.svg"));
        html.raw("<a class=\"skip\" href=\"#main\">").raw(words.skip).raw("</a>");
        html.raw("<header><p class=\"masthead\"><a class=\"brand\" href=\"");
        html.text(&reader.address("", &[])).raw("\">onspec</a>");
        if !view.site.is_empty() {
            html.raw(" <span class=\"site\">").name(&view.site).raw("</span>");
        }
        html.raw("</p>");
        reader.switch(&mut html, words.language, Some(visit.query()));
        self.link(&mut html, visit);
        html.raw("</header>");
        self.places(&mut html, &view, reader);
        if self.freshness != Freshness::Still {
            html.raw(
                "<p id=\"say\" class=\"unseen\" role=\"status\" aria-live=\"polite\" data-stop=\"",
            );
            html.raw(words.stop).raw("\"></p>");
            html.raw("<p id=\"lost\" class=\"banner is-failed\" role=\"alert\" data-text=\"");
            html.raw(words.lost).raw("\" data-title=\"").raw(words.lost_title);
            html.raw("\" hidden></p>");
        }
        self.main(&mut html, shared, content, reader);
        html.raw("<footer>");
        for (path, word) in [
            ("api/openapi.json", "API"),
            ("metrics", words.metrics),
            ("api/v1/health", words.state),
        ] {
            html.raw("<a href=\"").text(&reader.path(path)).raw("\">").raw(word).raw("</a> ");
        }
        html.raw("</footer></body></html>");
        html.into_string()
    }

    fn head(&self, html: &mut Html, reader: Reader) {
        html.raw("<!doctype html><html lang=\"").raw(reader.language.as_str());
        html.raw("\"><head><meta charset=\"utf-8\">");
        html.raw("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">");
        html.raw("<meta name=\"color-scheme\" content=\"light dark\"><title>").piece(&self.tab());
        html.raw("</title><link rel=\"icon\" href=\"").text(&reader.path("assets/icon.svg"));
        html.raw("\" type=\"image/svg+xml\"><link rel=\"stylesheet\" href=\"");
        html.text(&reader.path("assets/page.css")).raw("\">");
        if self.freshness == Freshness::Live {
            let wait = if self.is_slow { PACE_SLOW_S } else { RELOAD_S };
            html.raw("<noscript><meta http-equiv=\"refresh\" content=\"").integer(wait);
            html.raw("\"></noscript>");
        }
        let fresh = (self.freshness != Freshness::Still).then_some("assets/page.js");
        for script in fresh.iter().chain(self.scripts) {
            html.raw("<script src=\"").text(&reader.path(script)).raw("\" defer></script>");
        }
        html.raw("</head>");
    }

    /// What the browser's tab says.
    fn tab(&self) -> Html {
        let mut html = Html::default();
        if self.title != Html::default() {
            html.piece(&self.title).raw(" · ");
        }
        html.raw("onspec");
        html
    }

    /// What the script says and whence it fetches, in the language of the reader.
    fn link(&self, html: &mut Html, visit: &Visit) {
        let words = Words::of(visit.reader.language);
        let without = match self.freshness {
            Freshness::Still => return,
            Freshness::Live => words.no_script,
            Freshness::ByScript => words.by_hand,
        };
        html.raw("<p id=\"link\" class=\"link\" data-fragment=\"").text(&visit.fragment());
        html.raw("\" data-events=\"").text(&visit.reader.path("api/v1/events?types=lines"));
        let pace = if self.is_slow { PACE_SLOW_S } else { PACE_S };
        html.raw("\" data-pace=\"").integer(pace * 1000);
        html.raw("\" data-live=\"").raw(words.live).raw("\" data-dead=\"").raw(words.dead);
        html.raw("\" data-local=\"").raw(words.local_time).raw("\"><noscript>").raw(without);
        html.raw("</noscript></p>");
    }

    /// The navigation: it says on every page how the worst line is and how many alarms wait for a person.
    fn places(&self, html: &mut Html, view: &View, reader: Reader) {
        let words = Words::of(reader.language);
        html.raw("<nav data-part id=\"places\" class=\"places\" aria-label=\"").raw(words.pages);
        html.raw("\"><ul>");
        for place in Place::ALL {
            let (path, id, word) = place.told(words);
            html.raw("<li><a id=\"").raw(id).raw("\" href=\"").text(&reader.address(path, &[]));
            html.raw("\"");
            if self.here == Some(place) {
                html.raw(" aria-current=\"page\"");
            }
            match place {
                Place::Overview => {
                    let faces = view.lines.iter().map(|line| face::of_line(line, reader));
                    let worst = faces.max_by_key(|face| face.rank());
                    html.raw(" class=\"").raw(worst.map_or("", |face| face.class)).raw("\">");
                    if let Some(face) = worst.filter(|face| face.rank() > 1) {
                        html.icon(face.symbol).raw("<span class=\"unseen\">").raw(face.word);
                        html.raw("</span> ");
                    }
                    html.raw(word);
                }
                Place::Alarms => {
                    html.raw(">").raw(word);
                    let n = alarms::unacknowledged(view);
                    let whole = view.alarms.len() < ALARMS_SHOWN;
                    if n > 0 {
                        html.raw(" <b class=\"count\">").text(&count(n as u64));
                        html.raw(if whole { "" } else { "+" }).raw("<span class=\"unseen\"> ");
                        html.raw(words.not_acknowledged).raw("</span></b>");
                    }
                }
                Place::Batches | Place::Models | Place::Sensors | Place::Health => {
                    html.raw(">").raw(word);
                }
            }
            html.raw("</a></li>");
        }
        html.raw("</ul></nav>");
    }

    fn main(&self, html: &mut Html, shared: &Shared, content: &Html, reader: Reader) {
        let is_live = self.freshness != Freshness::Still;
        html.raw("<main id=\"main\" tabindex=\"-1\"><div data-part id=\"meta\" data-title=\"");
        html.piece(&self.tab()).raw("\">");
        if let Some(note) = shared.api.note.borrow().as_ref() {
            html.raw("<p class=\"banner note\">");
            reader.english(html, note);
            html.raw("</p>");
        }
        stuck(html, shared.api.progress.heartbeat_age(), reader);
        html.raw("</div>");
        html.raw(if self.is_heading_seen { "<h1>" } else { "<h1 class=\"unseen\">" });
        html.piece(&self.heading).raw("</h1>").piece(content);
        if is_live {
            html.raw("<p class=\"zone\" data-part id=\"as-of\">");
            let mut zone = Html::default();
            zone.raw("<span data-zone>UTC</span>");
            let now = at(shared.now_ms(), Clock::Seconds, reader);
            let pieces = [("at", &now), ("zone", &zone)];
            fill(html, Words::of(reader.language).as_of, &pieces);
            html.raw("</p>");
        }
        html.raw("</main>");
    }
}

/// That the core hangs, if it does.
fn stuck(html: &mut Html, heartbeat_age: Duration, reader: Reader) {
    if heartbeat_age < HEARTBEAT_MAX {
        return;
    }
    let told = |time: Duration| {
        plain(&reader.duration(i64::try_from(time.as_millis()).unwrap_or(i64::MAX)))
    };
    html.raw("<p class=\"banner is-failed\" role=\"alert\">").icon("off").raw("<span>");
    let pieces = [("age", &told(heartbeat_age)), ("allowed", &told(HEARTBEAT_MAX))];
    fill(html, Words::of(reader.language).stuck, &pieces);
    html.raw("</span></p>");
}

#[cfg(test)]
mod tests {
    #[test]
    fn both_languages_say_everything() {
        crate::words::check(super::ALL, &["onspec", "UTC", "JSON"]);
    }
}

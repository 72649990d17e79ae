//! Who reads the page: in which language, and what links have to say of that.
//!
//! The language is that of the configuration, or the one that the address asks for (`?language=zh-CN`, as reports take it).
//! Links within the page carry what was asked for on, so that neither a cookie nor the server has to remember it, and an address
//! that is passed on shows the same to whoever opens it.
//!
//! Addresses are relative, for the page may stand behind a proxy's prefix, which nobody here knows: they lead to the root first,
//! by as many steps as the page's own path is deep, and from there on.

use super::html::Html;
use crate::http::router::Shared;
use crate::words::{Language, Locale};
use axum::extract::{FromRequestParts, Query};
use axum::http::Uri;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde::de::DeserializeOwned;

/// The key of the query that says the language.
const KEY: &str = "language";
/// The key of the query by which the script asks for a part of the page.
const PART: &str = "part";

/// The way to the root of a page that is as deep as any; of one that is not, its end.
const UP: &str = "../../../../../../../../../../../../../../../../";

/// What of a query is asked of every page.
#[derive(Debug, Default, Deserialize)]
pub(in crate::http) struct Asked {
    /// The language, if not that of the configuration.
    pub(in crate::http) language: Option<Language>,
    /// What of the page, if not the whole.
    pub(super) part: Option<Part>,
}

/// What the script asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Part {
    /// The navigation and `main`.
    Main,
}

/// Who reads a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::http) struct Reader {
    /// The language.
    pub(super) language: Language,
    /// True if it is another than that of the configuration, so that links have to say it.
    differs: bool,
    /// The way from the page to the root: nothing, or `../` so many times.
    root: &'static str,
}

impl Reader {
    /// Who asks for this language, or for none, of a plant of that locale, on a page next to the root.
    pub(in crate::http) fn of(locale: &Locale, asked: Option<Language>) -> Self {
        let language = asked.unwrap_or(locale.language);
        Self { language, differs: language != locale.language, root: "" }
    }

    /// The same on the page of this path, which begins with a slash.
    pub(super) fn on(self, path: &str) -> Self {
        let steps = path.matches('/').count().saturating_sub(1);
        Self { root: UP.get(..3 * steps).unwrap_or(UP), ..self }
    }

    /// A duration in its two greatest units.
    pub(super) fn duration(self, ms: i64) -> String {
        self.language.duration(ms)
    }

    /// The address of a file or a document of machines, by its path from the root: relative, and without the language.
    pub(super) fn path(self, path: &str) -> String {
        let whole = format!("{}{path}", self.root);
        if whole.is_empty() { "./".to_owned() } else { whole }
    }

    /// The address of a page, by its path from the root: relative, with these parameters, and with the language if it has to
    /// be said.
    pub(super) fn address(self, path: &str, parameters: &[(&str, &str)]) -> String {
        let language = self.differs.then(|| (KEY, self.language.as_str()));
        let query = query(parameters.iter().copied().chain(language));
        let path = self.path(path);
        if query.is_empty() { path } else { format!("{path}?{query}") }
    }

    /// The address of a page whose path has names in it: its steps from the root, each one a name that may be anything.
    /// `None` of steps that no address can have, for `.` and `..` are taken for others.
    pub(super) fn steps(self, steps: &[&str], parameters: &[(&str, &str)]) -> Option<String> {
        let mut url = reqwest::Url::parse("http://onspec/").ok()?;
        if steps.iter().any(|step| matches!(*step, "." | ".." | "")) {
            return None;
        }
        url.path_segments_mut().ok()?.pop_if_empty().extend(steps);
        Some(self.address(url.path().trim_start_matches('/'), parameters))
    }

    /// Fields of a form that asks for a page by GET, which carry the language on if it has to be said.
    pub(super) fn fields(self, html: &mut Html) {
        if self.differs {
            html.raw("<input type=\"hidden\" name=\"").raw(KEY).raw("\" value=\"");
            html.raw(self.language.as_str()).raw("\">");
        }
    }

    /// The links that show the same page in the one language and in the other. `asked` is the query of the page.
    pub(super) fn switch(self, html: &mut Html, label: &'static str, asked: Option<&str>) {
        html.raw("<nav class=\"languages\" aria-label=\"").raw(label).raw("\">");
        for (ix, language) in [Language::English, Language::Chinese].into_iter().enumerate() {
            html.raw(if ix > 0 { " / " } else { "" }).raw("<a href=\"?");
            html.text(&with_language(asked.unwrap_or_default(), language)).raw("\" lang=\"");
            html.raw(language.as_str()).raw("\" hreflang=\"").raw(language.as_str()).raw("\"");
            html.raw(if language == self.language { " aria-current=\"true\">" } else { ">" });
            html.raw(language.name()).raw("</a>");
        }
        html.raw("</nav>");
    }

    /// Text that the program made in English, whoever reads it.
    pub(super) fn english(self, html: &mut Html, text: &str) {
        match self.language {
            Language::English => html.text(text),
            Language::Chinese => html.raw("<span lang=\"en\">").text(text).raw("</span>"),
        };
    }

    /// The same where names from the plant are in it: kept apart from the direction of the text around it.
    pub(super) fn english_name(self, html: &mut Html, text: &str) {
        match self.language {
            Language::English => html.name(text),
            Language::Chinese => html.raw("<bdi lang=\"en\">").text(text).raw("</bdi>"),
        };
    }
}

/// A visit of a page: who reads it, and what its address asks.
#[derive(Debug, Clone)]
pub(in crate::http) struct Visit {
    /// Who reads it, from where.
    pub(in crate::http) reader: Reader,
    /// True if the script wants what may have changed, false if it is the whole page.
    pub(super) is_of_script: bool,
    /// The query without what the script asks.
    query: String,
}

impl Visit {
    /// A visit of the page at a path, with this query.
    pub(super) fn new(locale: &Locale, uri: &Uri, asked: &Asked) -> Self {
        let reader = Reader::of(locale, asked.language).on(uri.path());
        let query = without(uri.query().unwrap_or_default(), &[PART]);
        Self { reader, is_of_script: asked.part == Some(Part::Main), query }
    }

    /// The query of the page.
    pub(super) fn query(&self) -> &str {
        &self.query
    }

    /// What the address asks of this page, without what it asks of every page.
    ///
    /// # Errors
    /// The answer 400, where that cannot be read.
    #[expect(
        clippy::result_large_err,
        reason = "the error is the answer itself, made once a request"
    )]
    pub(in crate::http) fn asked<T: DeserializeOwned>(&self) -> Result<T, Response> {
        let own = format!("/?{}", without(&self.query, &[KEY]));
        let uri: Uri = own.parse().unwrap_or_default();
        let read = Query::try_from_uri(&uri).map_err(IntoResponse::into_response)?;
        Ok(read.0)
    }

    /// The address at which the script gets what may have changed.
    pub(super) fn fragment(&self) -> String {
        let and = if self.query.is_empty() { "" } else { "&" };
        format!("?{}{and}{PART}=main", self.query)
    }
}

impl FromRequestParts<Shared> for Visit {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, shared: &Shared) -> Result<Self, Response> {
        let asked =
            Query::<Asked>::try_from_uri(&parts.uri).map_err(IntoResponse::into_response)?;
        Ok(Self::new(&shared.api.locale, &parts.uri, &asked.0))
    }
}

/// Parameters as a query; empty of none.
fn query<'p>(parameters: impl Iterator<Item = (&'p str, &'p str)>) -> String {
    let Ok(mut url) = reqwest::Url::parse("http://onspec/") else { return String::new() };
    url.query_pairs_mut().extend_pairs(parameters);
    url.query().unwrap_or_default().to_owned()
}

/// A query that asks for this language, and otherwise for what it did.
fn with_language(asked: &str, language: Language) -> String {
    let others = without(asked, &[KEY]);
    let and = if others.is_empty() { "" } else { "&" };
    format!("{others}{and}{}", query(std::iter::once((KEY, language.as_str()))))
}

/// A query without these keys.
fn without(asked: &str, keys: &[&str]) -> String {
    let Ok(mut url) = reqwest::Url::parse("http://onspec/") else { return String::new() };
    url.set_query(Some(asked));
    let others: Vec<_> = url.query_pairs().filter(|(key, _)| !keys.contains(&&**key)).collect();
    query(others.iter().map(|(key, value)| (&**key, &**value)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reader(asked: Option<Language>) -> Reader {
        Reader::of(&Locale::default(), asked)
    }

    #[test]
    fn links_say_the_language_where_it_is_not_that_of_the_configuration() {
        for (asked, path, parameters, expected) in [
            (None, "./", &[][..], "./"),
            (Some(Language::English), "./", &[], "./"),
            (Some(Language::Chinese), "./", &[], "./?language=zh-CN"),
            (None, "backtest", &[("line", "tm&3")], "backtest?line=tm%263"),
            (
                Some(Language::Chinese),
                "backtest",
                &[("line", "tm&3")],
                "backtest?line=tm%263&language=zh-CN",
            ),
        ] {
            assert_eq!(reader(asked).address(path, parameters), expected);
        }
    }

    #[test]
    fn addresses_lead_through_the_root_from_wherever_the_page_is() {
        for (path, home, style, batch) in [
            ("/", "./", "assets/page.css", "batches/tm%203/a%2Fb?x=1"),
            ("/alarms", "./", "assets/page.css", "batches/tm%203/a%2Fb?x=1"),
            ("/lines/a%2Fb", "../", "../assets/page.css", "../batches/tm%203/a%2Fb?x=1"),
            ("/batches/a/b", "../../", "../../assets/page.css", "../../batches/tm%203/a%2Fb?x=1"),
        ] {
            let reader = reader(None).on(path);
            assert_eq!(reader.address("", &[]), home, "{path}");
            assert_eq!(reader.path("assets/page.css"), style, "{path}");
            let steps = reader.steps(&["batches", "tm 3", "a/b"], &[("x", "1")]);
            assert_eq!(steps.as_deref(), Some(batch), "{path}");
        }
        assert_eq!(reader(None).steps(&["lines", ".."], &[]), None);
        let deep = "/x".repeat(100);
        assert_eq!(reader(None).on(&deep).address("", &[]), UP, "deeper than any page");
    }

    #[test]
    fn a_visit_tells_what_its_page_is_asked_from_what_every_page_is() {
        #[derive(Debug, PartialEq, Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Own {
            line: Option<String>,
        }
        let visit = |uri: &str| {
            let uri: Uri = uri.parse().unwrap();
            let asked = Query::<Asked>::try_from_uri(&uri).unwrap();
            Visit::new(&Locale::default(), &uri, &asked.0)
        };
        let seen = visit("/sensors?line=a%26b&language=zh-CN&part=main");
        assert!(seen.is_of_script);
        assert_eq!(seen.asked::<Own>().unwrap(), Own { line: Some("a&b".into()) });
        assert_eq!(seen.fragment(), "?line=a%26b&language=zh-CN&part=main");
        let whole = visit("/sensors");
        assert!(!whole.is_of_script);
        assert_eq!((whole.query(), whole.fragment().as_str()), ("", "?part=main"));
        assert_eq!(visit("/sensors?lime=1").asked::<Own>().unwrap_err().status().as_u16(), 400);
    }

    #[test]
    fn the_switch_shows_the_same_page_and_marks_where_the_reader_is() {
        let mut html = Html::default();
        let asked = "line=a%26b&language=zh-CN&grade=%22";
        reader(Some(Language::Chinese)).switch(&mut html, "x", Some(asked));
        insta::assert_snapshot!(html.into_string(), @r#"<nav class="languages" aria-label="x"><a href="?line=a%26b&amp;grade=%22&amp;language=en" lang="en" hreflang="en">English</a> / <a href="?line=a%26b&amp;grade=%22&amp;language=zh-CN" lang="zh-CN" hreflang="zh-CN" aria-current="true">中文</a></nav>"#);
    }

    #[test]
    fn what_is_english_is_marked_for_who_reads_chinese() {
        for (asked, expected) in [
            (None, "a &lt; b<bdi>&lt;</bdi>"),
            (
                Some(Language::Chinese),
                "<span lang=\"en\">a &lt; b</span><bdi lang=\"en\">&lt;</bdi>",
            ),
        ] {
            let mut html = Html::default();
            reader(asked).english(&mut html, "a < b");
            reader(asked).english_name(&mut html, "<");
            assert_eq!(html.into_string(), expected);
        }
    }
}

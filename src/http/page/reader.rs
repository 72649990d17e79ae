//! Who reads the page: in which language, and what links have to say of that.
//!
//! The language is that of the configuration, or the one that the address asks for (`?language=zh-CN`, as reports take it).
//! Links within the page carry what was asked for on, so that neither a cookie nor the server has to remember it, and an address
//! that is passed on shows the same to whoever opens it.

use super::html::Html;
use crate::words::{Language, Locale};
use serde::Deserialize;

/// The key of the query.
const KEY: &str = "language";

/// What of a query is asked of every page.
#[derive(Debug, Default, Deserialize)]
pub(in crate::http) struct Asked {
    /// The language, if not that of the configuration.
    pub(in crate::http) language: Option<Language>,
}

/// Who reads a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::http) struct Reader {
    /// The language.
    pub(super) language: Language,
    /// True if it is another than that of the configuration, so that links have to say it.
    differs: bool,
}

impl Reader {
    /// Who asks for this language, or for none, of a plant of that locale.
    pub(in crate::http) fn of(locale: &Locale, asked: Option<Language>) -> Self {
        let language = asked.unwrap_or(locale.language);
        Self { language, differs: language != locale.language }
    }

    /// A duration in its two greatest units.
    pub(super) fn duration(self, ms: i64) -> String {
        self.language.duration(ms)
    }

    /// An address within the page, relative, for the page may stand behind a prefix: `path` with these parameters, and with
    /// the language if it has to be said.
    pub(super) fn address(self, path: &str, parameters: &[(&str, &str)]) -> String {
        let language = self.differs.then(|| (KEY, self.language.as_str()));
        let query = query(parameters.iter().copied().chain(language));
        if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") }
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

/// Parameters as a query; empty of none.
fn query<'p>(parameters: impl Iterator<Item = (&'p str, &'p str)>) -> String {
    let Ok(mut url) = reqwest::Url::parse("http://onspec/") else { return String::new() };
    url.query_pairs_mut().extend_pairs(parameters);
    url.query().unwrap_or_default().to_owned()
}

/// A query that asks for this language, and otherwise for what it did.
fn with_language(asked: &str, language: Language) -> String {
    let Ok(mut url) = reqwest::Url::parse("http://onspec/") else { return String::new() };
    url.set_query(Some(asked));
    let others: Vec<_> = url.query_pairs().filter(|(key, _)| key != KEY).collect();
    let others = others.iter().map(|(key, value)| (&**key, &**value));
    query(others.chain([(KEY, language.as_str())]))
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

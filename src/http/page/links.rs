//! The addresses of pages that others lead to: of a line, a batch, a moment, and what stands about them.

use super::html::Html;
use super::reader::Reader;

/// The address of the page of a line; `None` of a name that no address can have.
pub(super) fn line(line: &str, reader: Reader) -> Option<String> {
    reader.steps(&["lines", line], &[])
}

/// A line by its name, which leads to its page.
pub(super) fn line_named(html: &mut Html, name: &str, reader: Reader) {
    named(html, name, line(name, reader));
}

/// A batch by its name, which leads to its page.
pub(super) fn batch(html: &mut Html, line: &str, batch: &str, reader: Reader) {
    named(html, batch, reader.steps(&["batches", line, batch], &[]));
}

/// The address of the page of a line at a moment, ms.
pub(super) fn moment(line: &str, at: i64, reader: Reader) -> Option<String> {
    reader.steps(&["lines", line, "moment"], &[("at", &at.to_string())])
}

fn named(html: &mut Html, name: &str, address: Option<String>) {
    let Some(address) = address else {
        html.name(name);
        return;
    };
    html.raw("<a href=\"").text(&address).raw("\">").name(name).raw("</a>");
}

#[cfg(test)]
mod tests {
    use super::super::super::fixture;
    use super::*;
    use crate::words::Locale;

    #[test]
    fn names_lead_where_they_say_whatever_they_are() {
        let reader = Reader::of(&Locale::default(), None).on("/lines/tm3");
        let told = |name: &str| {
            let mut html = Html::default();
            batch(&mut html, "tm3", name, reader);
            html.into_string()
        };
        assert_eq!(told("a/b"), "<a href=\"../batches/tm3/a%2Fb\"><bdi>a/b</bdi></a>");
        assert_eq!(told(".."), "<bdi>..</bdi>");
        assert!(!told(fixture::HOSTILE).contains("<script"));
        assert_eq!(line("tm 3", reader).as_deref(), Some("../lines/tm%203"));
        assert_eq!(moment("tm3", 7, reader).as_deref(), Some("../lines/tm3/moment?at=7"));
    }
}

//! A sheet of paper: its head and foot, and what stands on all of them.

use super::words::Words;
use crate::reading::{Timestamp, hex};
use crate::verdict::Call;
use crate::words::Locale;
use crate::words::fill;
use crate::words::html::Html;
pub(super) use crate::words::html::{name, plain};
use crate::words::number::{NONE, number, quantity};
use base64::Engine as _;
use serde::Serialize;
use sha2::{Digest, Sha256};
use std::sync::LazyLock;

/// The one style of all sheets. It stands in each of them, and nothing else does: see [`POLICY`].
const CSS: &str = include_str!("style.css");

/// The policy under which a browser may show a sheet: its own style, and nothing from anywhere.
pub(super) static POLICY: LazyLock<String> = LazyLock::new(|| {
    let digest = base64::engine::general_purpose::STANDARD.encode(Sha256::digest(CSS.as_bytes()));
    format!("default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'")
});

/// Names in a title at most.
const NAMED_MAX: usize = 3;

/// A sheet that is being written.
#[derive(Debug)]
pub(super) struct Paper<'a> {
    pub(super) settings: &'a Locale,
    pub(super) words: &'static Words,
    pub(super) html: Html,
    /// The offset from UTC that stands in its head.
    offset: String,
}

/// A cell of a table: what stands in it, and how.
pub(super) type Cell = (Html, &'static str);

impl<'a> Paper<'a> {
    /// Begins a sheet. `title` is what kind it is, `of` the names of what it is of; its head has the zone of the site as it is
    /// at `at`.
    pub(super) fn new(
        settings: &'a Locale,
        title: &'static str,
        of: &[&str],
        at: Timestamp,
    ) -> Self {
        let words = Words::of(settings.language);
        let mut html = Html::default();
        html.raw("<!doctype html><html lang=\"").raw(settings.language.as_str());
        html.raw("\"><head><meta charset=\"utf-8\"><meta http-equiv=\"Content-Security-Policy\" content=\"");
        html.text(&POLICY)
            .raw("\"><meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">");
        html.raw("<meta name=\"generator\" content=\"onspec ").text(env!("CARGO_PKG_VERSION"));
        // A title is text: what marks names elsewhere would stand there to be read.
        let (first, more) = of.split_at(of.len().min(NAMED_MAX));
        let more = if more.is_empty() { "" } else { " …" };
        html.raw("\"><title>").raw(title).raw(" · ");
        for (ix, name) in first.iter().enumerate() {
            html.raw(if ix > 0 { words.comma } else { "" }).text(name);
        }
        html.raw(more).raw("</title><style>").raw(CSS);
        html.raw("</style></head><body><main><header><p class=\"site\">");
        html.name(if settings.site.is_empty() { "onspec" } else { &settings.site });
        html.raw("</p><h1>").raw(title).raw(" <span class=\"of\">");
        html.piece(&listed(words, first.iter().copied()))
            .raw(more)
            .raw("</span></h1><p class=\"zone\">");
        let mut zone = Html::default();
        zone.text(&settings.zone_at(at));
        fill(&mut html, words.all_times, &[("zone", &zone)]);
        html.raw("</p></header>");
        Self { settings, words, html, offset: settings.offset(at.as_millis()) }
    }

    /// Date and time; with its offset where that is another than the head says: clocks changed in between.
    pub(super) fn time(&self, ms: i64) -> String {
        self.with_offset(self.settings.time(ms), ms)
    }

    /// The time of day, likewise.
    pub(super) fn of_day(&self, ms: i64) -> String {
        self.with_offset(self.settings.of_day(ms), ms)
    }

    /// The time at which ends what began at another: without its day if that is the same.
    pub(super) fn until(&self, from: i64, to: i64) -> String {
        let same = self.settings.date(from) == self.settings.date(to);
        if same { self.of_day(to) } else { self.time(to) }
    }

    fn with_offset(&self, told: String, ms: i64) -> String {
        let offset = self.settings.offset(ms);
        if offset == self.offset { told } else { format!("{told} {offset}") }
    }

    /// Ends it.
    pub(super) fn done(mut self) -> String {
        self.html.raw("</main></body></html>\n");
        self.html.into_string()
    }

    /// A heading, with which something begins that goes on to the next [`Self::end`].
    pub(super) fn begin(&mut self, heading: &'static str) {
        self.html.raw("<section><h2>").raw(heading).raw("</h2>");
    }

    /// Ends what [`Self::begin`] began.
    pub(super) fn end(&mut self) {
        self.html.raw("</section>");
    }

    /// A paragraph of the program's own words.
    pub(super) fn say(&mut self, words: &'static str) {
        self.html.raw("<p>").raw(words).raw("</p>");
    }

    /// Names and values, in a grid.
    pub(super) fn facts(&mut self, facts: &[(&'static str, Html)]) {
        self.html.raw("<dl class=\"facts\">");
        for (name, value) in facts {
            self.html.raw("<div><dt>").raw(name).raw("</dt><dd>").piece(value).raw("</dd></div>");
        }
        self.html.raw("</dl>");
    }

    /// A table; a column whose class is `num` is set to the right, of its heading too. The first cell of a row is its heading.
    pub(super) fn table(&mut self, columns: &[(&'static str, &'static str)], rows: &[Vec<Cell>]) {
        self.html.raw("<table><thead><tr>");
        for (name, class) in columns {
            self.html
                .raw("<th scope=\"col\" class=\"")
                .raw(class)
                .raw("\">")
                .raw(name)
                .raw("</th>");
        }
        self.html.raw("</tr></thead><tbody>");
        for row in rows {
            self.html.raw("<tr>");
            for (ix, (cell, class)) in row.iter().enumerate() {
                let (open, close) =
                    if ix == 0 { ("<th scope=\"row\"", "</th>") } else { ("<td", "</td>") };
                self.html.raw(open).raw(" class=\"").raw(class).raw("\">").piece(cell).raw(close);
            }
            self.html.raw("</tr>");
        }
        self.html.raw("</tbody></table>");
    }

    /// Who made it and when, and the digest of the data.
    pub(super) fn provenance(
        &mut self,
        made: Timestamp,
        digest: &str,
        more: Vec<(&'static str, Html)>,
    ) {
        let words = self.words;
        self.html.raw("<section class=\"keep\"><h2>").raw(words.provenance).raw("</h2>");
        let mut by = Html::default();
        by.raw("onspec ").text(env!("CARGO_PKG_VERSION"));
        let at = plain(&self.settings.full(made.as_millis()));
        let mut facts = vec![(words.made_by, by), (words.made_at, at)];
        facts.extend(more);
        self.facts(&facts);
        self.html.raw("<p class=\"digest\">").raw(words.digest).raw(" <code>").text(digest);
        self.html.raw("</code><br><small>").raw(words.digest_note).raw("</small></p>");
        self.end();
    }
}

/// A number with its unit.
pub(super) fn amount(value: f64, unit: &str) -> Html {
    plain(&quantity(value, unit))
}

/// A number that may not be there.
pub(super) fn numeral(value: Option<f64>) -> Html {
    plain(&value.map_or_else(|| NONE.to_owned(), number))
}

/// Names in a row.
pub(super) fn listed<'n>(words: &Words, names: impl IntoIterator<Item = &'n str>) -> Html {
    let mut html = Html::default();
    for (ix, name) in names.into_iter().enumerate() {
        if ix > 0 {
            html.raw(words.comma);
        }
        html.name(name);
    }
    html
}

/// What a call is named.
pub(super) fn call(words: &Words, call: Option<Call>) -> &'static str {
    match call {
        Some(Call::OnSpec) => words.on_spec,
        Some(Call::AtRisk) => words.at_risk,
        Some(Call::OffSpec) => words.off_spec,
        Some(Call::Unknown) => words.not_judged,
        None => words.void,
    }
}

/// The class of the style and the mark of a call: no call is told by its colour alone.
pub(super) fn face(call: Option<Call>) -> (&'static str, &'static str) {
    match call {
        Some(Call::OnSpec) => ("ok", "○"),
        Some(Call::AtRisk) => ("risk", "!"),
        Some(Call::OffSpec) => ("off", "×"),
        Some(Call::Unknown) | None => ("unknown", "?"),
    }
}

/// The digest over data: SHA-256 of it as JSON, in hexadecimal digits.
pub(super) fn digest(data: &impl Serialize) -> String {
    // What is kept of batches was read from JSON: it can be written as such.
    let json = serde_json::to_vec(data).unwrap_or_default();
    hex(&Sha256::digest(json))
}

//! The links from the page to reports.

use super::html::Html;
use super::reader::Reader;
use crate::engine::BatchRecord;
use crate::words::table;

table! {
    weekly: "Scoreboard of the week", "本周判定评估";
}

/// This word, which leads to the report of a batch, if it has ended; else nothing.
pub(super) fn link(html: &mut Html, batch: &BatchRecord, word: &'static str, reader: Reader) {
    if let Some(path) = path(batch, reader) {
        html.raw("<a href=\"").text(&path).raw("\">").raw(word);
        html.raw("<span class=\"unseen\"> ").name(&batch.batch).raw("</span></a>");
    }
}

/// The address of a batch's report.
fn path(batch: &BatchRecord, reader: Reader) -> Option<String> {
    batch.ended?;
    reader.steps(&["batches", &batch.line, &batch.batch, "report"], &[])
}

/// The link to the scoreboard of the week of a line.
pub(super) fn weekly_link(html: &mut Html, line: &str, reader: Reader) {
    html.raw(" <small><a href=\"").text(&reader.address("report/weekly", &[("line", line)]));
    html.raw("\">").raw(Words::of(reader.language).weekly).raw("</a></small>");
}

#[cfg(test)]
mod tests {
    use super::super::super::fixture;
    use super::*;
    use crate::verdict::Call;
    use crate::words::{Language, Locale};

    #[test]
    fn both_languages_say_everything() {
        crate::words::check(ALL, &[]);
    }

    #[test]
    fn a_report_is_in_the_language_of_its_reader() {
        let mut batch = fixture::batch("R1", fixture::STARTED, Call::OnSpec);
        batch.ended = Some(batch.started);
        let (mut html, reader) =
            (Html::default(), Reader::of(&Locale::default(), Some(Language::Chinese)));
        link(&mut html, &batch, "report", reader);
        weekly_link(&mut html, "tm3", reader);
        let text = html.into_string();
        assert!(text.contains("\"batches/tm3/R1/report?language=zh-CN\""), "{text}");
        assert!(text.contains("\"report/weekly?line=tm3&amp;language=zh-CN\">本周"), "{text}");
    }

    #[test]
    fn a_batch_leads_to_its_report_whatever_it_is_called() {
        let linked = |id: &str, ended: bool| {
            let mut batch = fixture::batch(id, fixture::STARTED, Call::OnSpec);
            batch.ended = ended.then_some(batch.started);
            let mut html = Html::default();
            link(&mut html, &batch, "report", Reader::of(&Locale::default(), None));
            html.into_string()
        };
        assert_eq!(
            linked("R1", true),
            "<a href=\"batches/tm3/R1/report\">report<span class=\"unseen\"> <bdi>R1</bdi></span></a>"
        );
        assert!(
            linked("a/b?c#d", true).starts_with("<a href=\"batches/tm3/a%2Fb%3Fc%23d/report\">")
        );
        assert_eq!(linked("R1", false), "");
        assert_eq!(linked("..", true), "");
        assert!(!linked(fixture::HOSTILE, true).contains("<script"));
    }
}

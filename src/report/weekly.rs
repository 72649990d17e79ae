//! The score of a week beside those before it: what flags were worth.

use super::paper::{Cell, Paper, call, digest, name, plain};
use super::week::{WEEKS, Week};
use super::words::Words;
use crate::engine::BatchRecord;
use crate::quality::SensorFault;
use crate::reading::Timestamp;
use crate::verdict::{Call, Counted, Figures, Found, Period, Rate, Scoreboard, Scored};
use crate::words::Locale;
use crate::words::fill;
use crate::words::html::Html;
use crate::words::number::{NONE, count, number, per_cent};
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::Arc;

/// One of the figures.
type Of<T> = fn(&Figures) -> T;

/// Batches that are named of a kind at most.
const NAMED_MAX: usize = 30;
/// First movers that are named at most.
const MOVERS_MAX: usize = 10;

/// What is kept of a week and those before it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct WeekData {
    /// The week.
    #[serde(skip)]
    pub week: Week,
    /// The bounds of the weeks, as [`Week::bounds`] gives them.
    pub bounds: Vec<Timestamp>,
    /// The line, if not all.
    pub line: Option<Arc<str>>,
    /// The batches that ended in them.
    pub batches: Vec<BatchRecord>,
    /// What moved first in flagged batches of the week, one entry a batch.
    pub movers: Vec<Arc<str>>,
    /// The start of the oldest batch that was looked through, where older ones were not that may belong to these weeks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub looked_since: Option<Timestamp>,
    /// Sensors that are not trusted now, by line and tag, with what is wrong; `None` where nobody knows. Not of the week, so not in
    /// the digest.
    #[serde(skip)]
    pub sick: Option<Vec<[Arc<str>; 3]>>,
}

impl WeekData {
    /// The batches that ended in the week of this place; the last one is the week itself.
    fn of(&self, ix: usize) -> impl Iterator<Item = &BatchRecord> {
        let bounds = self.bounds.get(ix).copied().zip(self.bounds.get(ix + 1).copied());
        self.batches.iter().filter(move |record| {
            let ended = record.ended.zip(bounds);
            ended.is_some_and(|(ended, (from, to))| from <= ended && ended < to)
        })
    }

    fn figures(&self, ix: usize) -> Figures {
        let scored: Vec<Scored> = self.of(ix).filter_map(BatchRecord::scored).collect();
        Scoreboard::of(&scored, Period::All).total
    }
}

/// The scoreboard of a week, as an HTML document; `made` is when.
#[must_use]
pub fn weekly(data: &WeekData, settings: &Locale, made: Timestamp) -> String {
    let words = Words::of(settings.language);
    let at = data.bounds.get(WEEKS - 1).copied().unwrap_or(made);
    let mut paper = Paper::new(settings, words.weekly, &[&data.week.to_string()], at);
    if let Some(end) = data.bounds.get(WEEKS) {
        let mut span = Html::default();
        let last = settings.date(end.as_millis() - 1);
        let ends = [("from", &plain(&settings.date(at.as_millis()))), ("to", &plain(&last))];
        fill(&mut span, words.to, &ends);
        let line = data.line.as_deref().map_or_else(|| plain(words.all_lines), name);
        paper.facts(&[(words.when, span), (words.line, line)]);
    }
    if let Some(since) = data.looked_since {
        let since = plain(&paper.time(since.as_millis()));
        paper.html.raw("<p class=\"t-risk\">");
        fill(&mut paper.html, words.looked_since, &[("at", &since)]);
        paper.html.raw("</p>");
    }
    let all: Vec<Figures> = (0..WEEKS).map(|ix| data.figures(ix)).collect();
    if let [.., before, this] = all.as_slice() {
        figures(&mut paper, this, before);
    }
    trend(&mut paper, data, &all);
    crossed(&mut paper, data);
    by_name(&mut paper, data);
    by_grade(&mut paper, data);
    movers(&mut paper, &data.movers);
    if let Some(sick) = &data.sick {
        sensors(&mut paper, sick);
    }
    paper.provenance(made, &digest(data), Vec::new());
    paper.done()
}

fn tonnes(words: &Words, value: f64) -> String {
    format!("{}\u{a0}{}", number((value * 10.0).round() / 10.0), words.tonnes)
}

fn whole(value: usize) -> String {
    count(u64::try_from(value).unwrap_or(u64::MAX))
}

fn rate(words: &Words, of: Rate) -> Html {
    let Some(known) = of.rate else { return plain(NONE) };
    let mut html = Html::default();
    let pieces = [
        ("rate", &plain(&per_cent(known))),
        ("count", &plain(&whole(of.count))),
        ("of", &plain(&whole(of.of))),
        ("low", &plain(&per_cent(of.low))),
        ("high", &plain(&per_cent(of.high))),
    ];
    fill(&mut html, words.rate, &pieces);
    html
}

#[expect(clippy::cast_possible_truncation, reason = "a float to integer cast stops at the ends")]
fn figures(paper: &mut Paper<'_>, this: &Figures, before: &Figures) {
    let words = paper.words;
    let counted: [(&'static str, Of<usize>); 8] = [
        (words.finished, |of| of.batches),
        (words.right, |of| of.right),
        (words.missed, |of| of.missed),
        (words.wrong, |of| of.wrong),
        (words.acted, |of| of.acted),
        (words.open, |of| of.open),
        (words.quiet, |of| of.quiet),
        (words.unscored, |of| of.unscored),
    ];
    let row = |words: &'static str, this: Html, before: Html| -> Vec<Cell> {
        vec![(plain(words), ""), (this, "num"), (before, "num")]
    };
    let mut rows: Vec<Vec<Cell>> = counted
        .iter()
        .map(|(words, of)| row(words, plain(&whole(of(this))), plain(&whole(of(before)))))
        .collect();
    rows.push(row(words.precision, rate(words, this.precision), rate(words, before.precision)));
    rows.push(row(words.recall, rate(words, this.recall), rate(words, before.recall)));
    let lead = |of: &Figures| {
        let shown = |lead: f64| paper.settings.language.duration((lead * 1000.0) as i64);
        plain(&of.lead_s.map_or_else(|| NONE.to_owned(), shown))
    };
    rows.push(row(words.lead, lead(this), lead(before)));
    for (what, of) in [
        (words.saved, (|of| of.tonnes_saved) as Of<f64>),
        (words.held, |of| of.tonnes_falsely_held),
    ] {
        rows.push(row(what, plain(&tonnes(words, of(this))), plain(&tonnes(words, of(before)))));
    }
    let columns = [(words.figure, ""), (words.this_week, "num"), (words.week_before, "num")];
    paper.table(&columns, &rows);
}

/// Bars of the weeks: right, missed, wrong, one above the other.
#[expect(clippy::cast_precision_loss, reason = "batches and weeks are counted")]
fn trend(paper: &mut Paper<'_>, data: &WeekData, all: &[Figures]) {
    const TOP: f64 = 14.0;
    const HEIGHT: f64 = 96.0;
    const EACH: f64 = 86.0;
    const BAR: f64 = 44.0;
    let words = paper.words;
    paper.begin(words.trend);
    let greatest =
        all.iter().map(|of| of.right + of.missed + of.wrong).max().unwrap_or(0).max(1) as f64;
    let html = &mut paper.html;
    html.raw("<svg role=\"img\" viewBox=\"0 0 720 146\"><title>")
        .raw(words.trend_title)
        .raw("</title>");
    html.raw(super::strip::HATCHES);
    for (ix, of) in all.iter().enumerate() {
        let x = 16.0 + ix as f64 * EACH;
        let mut bottom = TOP + HEIGHT;
        for (n, class, hatch) in [
            (of.right, "ok", None),
            (of.missed, "off", Some("url(#h-off)")),
            (of.wrong, "risk", Some("url(#h-risk)")),
        ] {
            let height = n as f64 / greatest * HEIGHT;
            bottom -= height;
            if n == 0 {
                continue;
            }
            super::strip::rect(html, class, (x, BAR), (bottom, height));
            if let Some(hatch) = hatch {
                super::strip::hatched(html, hatch, (x, BAR), (bottom, height));
            }
            super::strip::label(
                html,
                "soft",
                (x + BAR + 4.0, bottom + height / 2.0 + 3.5),
                &whole(n),
            );
        }
        let week = data.bounds.get(ix).and_then(|begin| Week::at(*begin, &paper.settings.zone));
        let week = week.map_or_else(|| NONE.to_owned(), |week| week.to_string());
        super::strip::label(html, "soft mid", (x + BAR / 2.0, TOP + HEIGHT + 14.0), &week);
        let batches = format!("n = {}", whole(of.batches));
        super::strip::label(html, "soft mid", (x + BAR / 2.0, TOP + HEIGHT + 28.0), &batches);
    }
    let base = TOP + HEIGHT;
    super::strip::line(html, "axis", (8.0, base), (712.0, base));
    html.raw("</svg><ul class=\"legend\">");
    for (class, hatch, said) in [
        ("ok", None, words.right),
        ("off", Some("url(#h-off)"), words.missed),
        ("risk", Some("url(#h-risk)"), words.wrong),
    ] {
        html.raw("<li>");
        super::strip::swatch(html, class, hatch);
        html.raw(said).raw("</li>");
    }
    html.raw("</ul>");
    paper.end();
}

const FOUND: [Found; 4] = [Found::Bad, Found::Good, Found::Acted, Found::Open];

fn of_found(words: &Words, found: Found) -> &'static str {
    match found {
        Found::Bad => words.found_off,
        Found::Good => words.found_good,
        Found::Acted => words.found_acted,
        Found::Open => words.found_open,
    }
}

/// The verdict in the end against what was found.
fn crossed(paper: &mut Paper<'_>, data: &WeekData) {
    let words = paper.words;
    paper.begin(words.verdict_found);
    let mut cells: BTreeMap<(Call, usize), usize> = BTreeMap::new();
    for record in data.of(WEEKS - 1) {
        let found = record.found.and_then(|found| FOUND.iter().position(|one| *one == found));
        if let Some((verdict, found)) = record.verdict.zip(found) {
            *cells.entry((verdict, found)).or_default() += 1;
        }
    }
    let row = |verdict: &Call| -> Vec<Cell> {
        let of = |ix| cells.get(&(*verdict, ix)).copied().unwrap_or(0);
        let counts = (0..FOUND.len()).map(|ix| (plain(&whole(of(ix))), "num"));
        [(plain(call(words, Some(*verdict))), "")].into_iter().chain(counts).collect()
    };
    let said = [Call::OffSpec, Call::AtRisk, Call::OnSpec, Call::Unknown];
    let rows: Vec<Vec<Cell>> = said.iter().map(row).collect();
    let columns: Vec<_> = [(words.said, "")]
        .into_iter()
        .chain(FOUND.iter().map(|found| (of_found(words, *found), "num")))
        .collect();
    paper.table(&columns, &rows);
    paper.end();
}

/// What was flagged or missed, batch by batch.
fn by_name(paper: &mut Paper<'_>, data: &WeekData) {
    let words = paper.words;
    paper.begin(words.by_name);
    let mut rows: Vec<(Counted, Timestamp, Vec<Cell>)> = Vec::new();
    for record in data.of(WEEKS - 1) {
        let Some(scored) = record.scored() else { continue };
        let counted = scored.counted();
        let word = match counted {
            Counted::Right => words.right,
            Counted::Missed => words.missed,
            Counted::Wrong => words.wrong,
            Counted::Acted => words.acted,
            Counted::Open => words.open,
            Counted::Quiet | Counted::Unscored => continue,
        };
        let mass = record.mass_kg.map_or_else(|| NONE.to_owned(), |kg| tonnes(words, kg / 1000.0));
        let row = vec![
            (name(&record.batch), ""),
            (name(&record.line), ""),
            (record.grade.as_deref().map_or_else(|| plain(NONE), name), ""),
            (plain(&paper.time(scored.ended.as_millis())), "num"),
            (plain(word), if counted == Counted::Missed { "t-off" } else { "" }),
            (plain(&mass), "num"),
        ];
        rows.push((counted, scored.ended, row));
    }
    // Missed and wrong ones first: they are what the week teaches.
    let rank = |counted: Counted| match counted {
        Counted::Missed => 0,
        Counted::Wrong => 1,
        other => 2 + i32::from(other != Counted::Right),
    };
    rows.sort_by_key(|(counted, ended, _)| (rank(*counted), *ended));
    if rows.is_empty() {
        paper.say(words.nothing);
        return paper.end();
    }
    let more = rows.len() > NAMED_MAX;
    let rows: Vec<Vec<Cell>> = rows.into_iter().take(NAMED_MAX).map(|(.., row)| row).collect();
    let columns = [
        (words.batch, ""),
        (words.line, ""),
        (words.grade, ""),
        (words.ended, "num"),
        (words.found, ""),
        (words.mass, "num"),
    ];
    paper.table(&columns, &rows);
    if more {
        paper.say(words.more);
    }
    paper.end();
}

fn by_grade(paper: &mut Paper<'_>, data: &WeekData) {
    let words = paper.words;
    let scored: Vec<Scored> = data.of(WEEKS - 1).filter_map(BatchRecord::scored).collect();
    let board = Scoreboard::of(&scored, Period::All);
    if board.rows.len() < 2 {
        return;
    }
    paper.begin(words.by_grade);
    let rows = board.rows.iter().map(|row| {
        let of = &row.figures;
        let numbers =
            [of.batches, of.right, of.missed, of.wrong].map(|n| (plain(&whole(n)), "num"));
        let grade = row.grade.as_deref().map_or_else(|| plain(NONE), name);
        let saved = plain(&tonnes(words, of.tonnes_saved));
        let cells = [(name(&row.line), ""), (grade, "")].into_iter().chain(numbers);
        cells.chain([(saved, "num")]).collect()
    });
    let rows: Vec<Vec<Cell>> = rows.collect();
    let columns = [
        (words.line, ""),
        (words.grade, ""),
        (words.finished, "num"),
        (words.right, "num"),
        (words.missed, "num"),
        (words.wrong, "num"),
        (words.saved, "num"),
    ];
    paper.table(&columns, &rows);
    paper.end();
}

fn movers(paper: &mut Paper<'_>, movers: &[Arc<str>]) {
    let words = paper.words;
    paper.begin(words.movers);
    let mut counted: BTreeMap<&Arc<str>, usize> = BTreeMap::new();
    for mover in movers {
        *counted.entry(mover).or_default() += 1;
    }
    let mut counted: Vec<(&Arc<str>, usize)> = counted.into_iter().collect();
    counted.sort_by_key(|(_, times)| std::cmp::Reverse(*times));
    if counted.is_empty() {
        paper.say(words.nothing);
        return paper.end();
    }
    let row = |(mover, times): &(&Arc<str>, usize)| -> Vec<Cell> {
        vec![(name(mover), ""), (plain(&whole(*times)), "num")]
    };
    let rows: Vec<Vec<Cell>> = counted.iter().take(MOVERS_MAX).map(row).collect();
    paper.table(&[(words.tag, ""), (words.times, "num")], &rows);
    paper.end();
}

fn sensors(paper: &mut Paper<'_>, sick: &[[Arc<str>; 3]]) {
    let words = paper.words;
    paper.begin(words.sensors);
    if sick.is_empty() {
        paper.say(words.no_sensor);
        return paper.end();
    }
    let row = |[line, tag, fault]: &[Arc<str>; 3]| -> Vec<Cell> {
        let known =
            SensorFault::named(fault).map(|fault| plain(paper.settings.language.fault(fault)));
        vec![(name(line), ""), (name(tag), ""), (known.unwrap_or_else(|| name(fault)), "")]
    };
    let rows: Vec<Vec<Cell>> = sick.iter().map(row).collect();
    paper.table(&[(words.line, ""), (words.tag, ""), (words.fault, "")], &rows);
    paper.end();
}

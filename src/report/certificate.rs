//! The certificate of analysis: what a customer is told of the batches that are delivered to him.

use super::batch::{BatchData, limits};
use super::paper::{Cell, Paper, call, digest, name, numeral, plain};
use super::statistics::Statistics;
use super::words::Words;
use crate::decode::Disposition;
use crate::engine::{Asked, BatchRecord, Decided, PropertyOfSheet, ResultOfSheet, SheetRecord};
use crate::reading::Timestamp;
use crate::verdict::{Call, TagSummary};
use crate::words::html::Html;
use crate::words::number::{NONE, declared, number, per_cent, rounded_to, shares};
use crate::words::{Language, Locale};
use crate::words::{Part, fill, parts};
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::Arc;

/// An online property is judged where so much of the batch was seen, 0–1: as verdicts are.
const SEEN: f64 = 0.8;

/// What a certificate is asked for with.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Delivery {
    /// Who gets it.
    pub customer: Option<String>,
    /// By which order.
    pub order: Option<String>,
    /// True if it is issued whatever stands against it, and says so.
    pub as_is: bool,
}

/// What stands against a certificate.
#[derive(Debug, Clone, PartialEq)]
pub struct Objection {
    /// The batch.
    pub batch: Arc<str>,
    /// What of it.
    what: Against,
}

#[derive(Debug, Clone, PartialEq)]
enum Against {
    NotEnded,
    Void,
    OffSpec,
    Disposed(Disposition),
    Unreleased(Call),
    NoSheet,
    NoLimits,
    Lacks(Arc<str>),
    LacksSeen(Arc<str>, f64),
    Fails(Arc<str>),
    OtherGrade,
}

impl Objection {
    /// The sentence of it, and what stands in it.
    fn parts(&self, language: Language) -> (&'static str, Vec<(&'static str, String)>) {
        let words = Words::of(language);
        let (sentence, mut pieces) = match &self.what {
            Against::NotEnded => (words.not_ended, vec![]),
            Against::Void => (words.is_void, vec![]),
            Against::OffSpec => (words.is_off_spec, vec![]),
            Against::Disposed(decided) => {
                (words.is_disposed, vec![("what", language.disposition(*decided).to_owned())])
            }
            Against::Unreleased(said) => {
                (words.is_unreleased, vec![("verdict", call(words, Some(*said)).to_owned())])
            }
            Against::NoSheet => (words.has_no_sheet, vec![]),
            Against::NoLimits => (words.has_no_limits, vec![]),
            Against::Lacks(property) => (words.lacks, vec![("property", property.to_string())]),
            Against::LacksSeen(property, share) => {
                let pieces = vec![("property", property.to_string()), ("share", per_cent(*share))];
                (words.lacks_seen, pieces)
            }
            Against::Fails(property) => (words.fails, vec![("property", property.to_string())]),
            Against::OtherGrade => (words.other_grade, vec![]),
        };
        pieces.push(("batch", self.batch.to_string()));
        (sentence, pieces)
    }

    /// True if all that stands against it is that it is not released.
    fn is_of_release(&self) -> bool {
        matches!(self.what, Against::Unreleased(_) | Against::Disposed(Disposition::Hold))
    }

    fn html(&self, language: Language) -> Html {
        let (sentence, pieces) = self.parts(language);
        let pieces: Vec<(&str, Html)> =
            pieces.iter().map(|(known, text)| (*known, name(text))).collect();
        let pieces: Vec<(&str, &Html)> =
            pieces.iter().map(|(known, html)| (*known, html)).collect();
        let mut html = Html::default();
        fill(&mut html, sentence, &pieces);
        html
    }

    /// The same without markup, in English.
    #[must_use]
    pub fn sentence(&self) -> String {
        let (sentence, pieces) = self.parts(Language::English);
        let mut told = String::new();
        for part in parts(sentence) {
            match part {
                Part::Words(words) => told.push_str(words),
                Part::Piece(known) => {
                    told.extend(
                        pieces.iter().filter(|(name, _)| *name == known).map(|(_, text)| &**text),
                    );
                }
            }
        }
        told
    }
}

/// Whether what is asked of a property holds.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Held {
    Passes,
    Fails,
    /// Nothing came of it.
    Missing,
    /// Only this share of the batch was seen.
    Unseen(f64),
    /// Nothing is asked.
    Told,
}

/// A property of a batch.
#[derive(Debug)]
struct Property<'d> {
    asked: &'d Asked,
    online: Option<&'d TagSummary>,
    laboratory: bool,
    values: Option<Statistics>,
    held: Held,
}

/// The results of which the value that counts is made: the newest, or that of each position where the newest has one.
fn counting(results: &[ResultOfSheet]) -> Vec<f64> {
    let mut newest: BTreeMap<Option<&str>, &ResultOfSheet> = BTreeMap::new();
    // As the verdict has it: at one instant one with a position counts, whichever was told first.
    let last = results.iter().max_by_key(|result| (result.ts, result.position.is_some()));
    let positions = last.is_some_and(|last| last.position.is_some());
    if let Some(last) = last.filter(|_| !positions) {
        return vec![last.value];
    }
    for result in results.iter().filter(|result| result.position.is_some()) {
        let kept = newest.entry(result.position.as_deref()).or_insert(result);
        if result.ts >= kept.ts {
            *kept = result;
        }
    }
    newest.values().map(|result| result.value).collect()
}

fn is_asked(asked: &Asked) -> bool {
    let bounded = asked.low.is_some() || asked.high.is_some();
    bounded || asked.mean.is_some() || asked.single.is_some()
}

fn of_laboratory(of: &PropertyOfSheet) -> Property<'_> {
    let values = counting(&of.results).into_iter().map(Statistics::of).reduce(Statistics::and);
    let held = match (is_asked(&of.asked), of.value, of.inside) {
        (false, ..) => Held::Told,
        (true, None, _) => Held::Missing,
        (true, Some(_), Some(true)) => Held::Passes,
        (true, Some(_), _) => Held::Fails,
    };
    let values = values.or_else(|| of.value.map(Statistics::of));
    Property { asked: &of.asked, online: None, laboratory: true, values, held }
}

fn of_tag<'d>(asked: &'d Asked, summary: Option<&'d TagSummary>) -> Property<'d> {
    let held = match summary {
        None => Held::Missing,
        Some(of) if of.seen < SEEN => Held::Unseen(of.seen),
        Some(of) => {
            let share = asked.off_share.is_none_or(|allowed| of.out <= allowed);
            let mean = asked.mean.is_none_or(|bounds| bounds.contains(of.mean));
            let single = asked
                .single
                .is_none_or(|bounds| bounds.contains(of.least) && bounds.contains(of.greatest));
            if share && mean && single { Held::Passes } else { Held::Fails }
        }
    };
    let values = summary.map(Statistics::from);
    Property { asked, online: summary, laboratory: false, values, held }
}

/// All properties of a batch: those of the laboratory first.
fn properties<'d>(data: &'d BatchData, sheet: &'d SheetRecord) -> Vec<Property<'d>> {
    let summaries = data.sections.as_ref().map_or(&[][..], |sections| &sections.quality);
    let online = sheet
        .spec
        .iter()
        .map(|asked| of_tag(asked, summaries.iter().find(|summary| summary.tag == asked.name)));
    sheet.laboratory.iter().map(of_laboratory).chain(online).collect()
}

/// What stands against a certificate of batches; nothing if it may be issued.
#[must_use]
pub fn objections(batches: &[BatchData]) -> Vec<Objection> {
    against(&in_order(batches))
}

/// Batches in the order of a certificate, whatever that in which they were named.
fn in_order(batches: &[BatchData]) -> Vec<&BatchData> {
    let mut ordered: Vec<&BatchData> = batches.iter().collect();
    ordered.sort_by_key(|data| {
        let BatchRecord { started, line, batch, .. } = &data.record;
        (*started, line, batch)
    });
    ordered
}

fn against(batches: &[&BatchData]) -> Vec<Objection> {
    let grade = batches.first().and_then(|data| data.record.grade.as_ref());
    let of = |data: &&BatchData| {
        let record = &data.record;
        let mut against = Vec::new();
        if record.grade.as_ref() != grade {
            against.push(Against::OtherGrade);
        }
        against.extend(of_record(record));
        match &data.sheet {
            None if record.ended.is_some() => against.push(Against::NoSheet),
            None => {}
            Some(sheet) => {
                let found = properties(data, sheet);
                if !found.iter().any(|property| is_asked(property.asked)) {
                    against.push(Against::NoLimits);
                }
                against.extend(found.iter().filter_map(|property| {
                    let name = Arc::clone(&property.asked.name);
                    match property.held {
                        Held::Missing => Some(Against::Lacks(name)),
                        Held::Unseen(share) => Some(Against::LacksSeen(name, share)),
                        Held::Fails => Some(Against::Fails(name)),
                        Held::Passes | Held::Told => None,
                    }
                }));
            }
        }
        let batch = &record.batch;
        against
            .into_iter()
            .map(|what| Objection { batch: Arc::clone(batch), what })
            .collect::<Vec<_>>()
    };
    batches.iter().flat_map(of).collect()
}

fn of_record(record: &BatchRecord) -> Vec<Against> {
    let Some(verdict) = record.verdict else { return vec![Against::Void] };
    if record.ended.is_none() {
        return vec![Against::NotEnded];
    }
    let mut against = Vec::new();
    if verdict == Call::OffSpec {
        against.push(Against::OffSpec);
    }
    match record.disposition {
        Some(Disposition::Release) => {}
        Some(decided) => against.push(Against::Disposed(decided)),
        None if matches!(verdict, Call::AtRisk | Call::Unknown) => {
            against.push(Against::Unreleased(verdict));
        }
        None => {}
    }
    against
}

/// The certificate of batches of one grade, as an HTML document; `made` is when.
///
/// # Errors
/// What stands against it, unless it is asked for as is, when it says so on it in large. Batches of more grades than one have no
/// certificate together, and none that has not ended: that is an error even then.
pub fn certificate(
    batches: &[BatchData],
    delivery: &Delivery,
    settings: &Locale,
    made: Timestamp,
) -> Result<String, Vec<Objection>> {
    let ordered = in_order(batches);
    let batches = ordered.as_slice();
    let against = against(batches);
    let hopeless = |objection: &Objection| {
        matches!(objection.what, Against::OtherGrade | Against::NotEnded | Against::NoSheet)
    };
    let Some(last) = batches.iter().filter_map(|data| data.record.ended).max() else {
        return Err(against);
    };
    if against.iter().any(hopeless) || (!against.is_empty() && !delivery.as_is) {
        return Err(against);
    }
    let words = Words::of(settings.language);
    let records: Vec<&BatchRecord> = batches.iter().map(|data| &data.record).collect();
    let named: Vec<&str> = records.iter().map(|record| &*record.batch).collect();
    let mut paper = Paper::new(settings, words.certificate, &named, last);
    if !against.is_empty() {
        let (heading, note) = if against.iter().all(Objection::is_of_release) {
            (words.as_is_unreleased, words.as_is_unreleased_note)
        } else {
            (words.as_is, words.as_is_note)
        };
        paper.html.raw("<div class=\"stop\"><strong>").raw(heading).raw("</strong>");
        paper.say(note);
        paper.html.raw("<ul>");
        for objection in &against {
            let sentence = objection.html(settings.language);
            paper.html.raw("<li>").piece(&sentence).raw("</li>");
        }
        paper.html.raw("</ul></div>");
    }
    parties(&mut paper, &records, delivery);
    lots(&mut paper, &records);
    let rows = combined(batches);
    analysis(&mut paper, &rows, batches.len());
    if batches.len() > 1 {
        by_batch(&mut paper, batches, &rows);
    }
    paper.begin(words.rule);
    paper.html.raw("<ul>");
    let laboratory = || rows.iter().filter(|row| row.laboratory);
    for (applies, rule) in [
        (laboratory().next().is_some(), words.rule_lab),
        (laboratory().any(|row| row.asked.single.is_some()), words.rule_single),
        (rows.iter().any(|row| !row.laboratory), words.rule_online),
        (true, words.rule_round),
    ] {
        if applies {
            paper.html.raw("<li>").raw(rule).raw("</li>");
        }
    }
    paper.html.raw("</ul>");
    paper.end();
    if against.is_empty() {
        // Who may deliver is not said by figures: of a batch that nobody released this sheet says that it conforms, no more.
        let released = |record: &&BatchRecord| record.disposition == Some(Disposition::Release);
        let all = records.iter().all(released);
        let statement = if all { words.statement } else { words.statement_conform };
        paper.html.raw("<p><b>").raw(statement).raw("</b></p>");
    }
    signing(&mut paper, batches);
    paper.provenance(made, &digest(&(batches, delivery)), Vec::new());
    Ok(paper.done())
}

fn parties(paper: &mut Paper<'_>, records: &[&BatchRecord], delivery: &Delivery) {
    let (words, settings) = (paper.words, paper.settings);
    let grade = records.first().and_then(|record| record.grade.as_deref());
    let known = |text: Option<&String>| text.map_or_else(|| plain(NONE), |text| name(text));
    let supplier = if settings.site.is_empty() { plain(NONE) } else { name(&settings.site) };
    paper.facts(&[
        (words.supplier, supplier),
        (words.customer, known(delivery.customer.as_ref())),
        (words.order, known(delivery.order.as_ref())),
        (words.grade, grade.map_or_else(|| plain(words.unknown), name)),
    ]);
}

fn lots(paper: &mut Paper<'_>, records: &[&BatchRecord]) {
    let words = paper.words;
    paper.begin(words.delivered);
    let row = |record: &&BatchRecord| -> Vec<Cell> {
        let at = |at: Timestamp| plain(&paper.time(at.as_millis()));
        let whole = |value: Option<f64>, unit| {
            let shown = |value: f64| plain(&crate::words::number::quantity(value.round(), unit));
            value.map_or_else(|| plain(NONE), shown)
        };
        let decided = record
            .disposition
            .map_or(words.undecided, |one| paper.settings.language.disposition(one));
        vec![
            (name(&record.batch), ""),
            (name(&record.line), ""),
            (at(record.started), "num"),
            (record.ended.map_or_else(|| plain(NONE), at), "num"),
            (whole(record.length_m, "m"), "num"),
            (whole(record.mass_kg, "kg"), "num"),
            (plain(call(words, record.verdict)), ""),
            (plain(decided), ""),
        ]
    };
    let rows: Vec<Vec<Cell>> = records.iter().map(row).collect();
    let columns = [
        (words.batch, ""),
        (words.line, ""),
        (words.started, "num"),
        (words.ended, "num"),
        (words.length, "num"),
        (words.mass, "num"),
        (words.verdict, ""),
        (words.disposition, ""),
    ];
    paper.table(&columns, &rows);
    paper.end();
}

/// A property over all batches.
#[derive(Debug)]
struct Row<'d> {
    asked: &'d Asked,
    laboratory: bool,
    values: Option<Statistics>,
    held: Held,
    /// The greatest share outside of any batch, of an online property.
    out: Option<f64>,
}

/// What is asked of the same property in the same way is one row, whatever the batches.
fn combined<'d>(batches: &[&'d BatchData]) -> Vec<Row<'d>> {
    let mut rows: Vec<Row<'d>> = Vec::new();
    let found = batches.iter().filter_map(|data| Some((*data, data.sheet.as_ref()?)));
    for property in found.flat_map(|(data, sheet)| properties(data, sheet)) {
        let Property { asked, laboratory, values, held, online } = property;
        let out = online.map(|online| online.out);
        let same = |row: &&mut Row<'_>| row.laboratory == laboratory && row.asked == asked;
        match rows.iter_mut().find(same) {
            None => rows.push(Row { asked, laboratory, values, held, out }),
            Some(row) => {
                row.values = match (row.values, values) {
                    (Some(mine), Some(its)) => Some(mine.and(its)),
                    (mine, its) => mine.or(its),
                };
                row.out = row.out.into_iter().chain(out).reduce(f64::max);
                row.held = worse(row.held, held);
            }
        }
    }
    // Stable: properties stay in their order, those of the laboratory first.
    rows.sort_by_key(|row| !row.laboratory);
    rows
}

fn worse(one: Held, other: Held) -> Held {
    let rank = |held: &Held| match held {
        Held::Fails => 3,
        Held::Missing => 2,
        Held::Unseen(_) => 1,
        Held::Passes | Held::Told => 0,
    };
    if rank(&other) > rank(&one) { other } else { one }
}

fn analysis(paper: &mut Paper<'_>, rows: &[Row<'_>], batches: usize) {
    let words = paper.words;
    paper.begin(words.analysis);
    let any_method = rows.iter().any(|row| row.asked.method.is_some());
    let cells = |row: &Row<'_>| -> Vec<Cell> {
        let asked = row.asked;
        let of = |value: fn(&Statistics) -> f64| {
            plain(&row.values.map_or_else(|| NONE.to_owned(), |all| rounded(value(&all), asked)))
        };
        let spread = row.values.and_then(|all| all.deviation());
        let mut cells = vec![(name(&asked.name), "")];
        if any_method {
            cells.push((name(asked.method.as_deref().unwrap_or(NONE)), ""));
        }
        let (held, class) = verdict(words, row.held);
        let mut origin = plain(if row.laboratory { words.of_laboratory } else { words.online });
        if let Some((out, allowed)) = row.out.zip(asked.off_share) {
            let (out, allowed) = shares(out, allowed);
            let pieces = [("share", &plain(&out)), ("allowed", &plain(&allowed))];
            origin.raw("<br><small>");
            fill(&mut origin, words.outside_allowed, &pieces);
            origin.raw("</small>");
        }
        cells.extend([
            (name(&asked.unit), "keepline"),
            (plain(&asked.target.map_or_else(|| NONE.to_owned(), declared)), "num"),
            (limits(words, asked), "keepline"),
            (plain(&row.values.map_or(0, |all| all.n).to_string()), "num"),
            (of(|all| all.mean), "num"),
            (of(|all| all.least), "num"),
            (of(|all| all.greatest), "num"),
            (numeral(spread), "num"),
            (plain(held), class),
            (origin, ""),
        ]);
        cells
    };
    let table: Vec<Vec<Cell>> = rows.iter().map(cells).collect();
    let mut columns = vec![(words.property, "")];
    if any_method {
        columns.push((words.method, ""));
    }
    columns.extend([
        (words.unit, ""),
        (words.target, "num"),
        (words.limits, ""),
        (words.count, "num"),
        (words.mean, "num"),
        (words.least, "num"),
        (words.greatest, "num"),
        (words.deviation, "num"),
        (words.result, ""),
        (words.origin, ""),
    ]);
    debug_assert!(batches > 0, "a certificate is of something");
    paper.table(&columns, &table);
    paper.end();
}

fn verdict(words: &Words, held: Held) -> (&'static str, &'static str) {
    match held {
        Held::Passes => (words.pass, "t-ok"),
        Held::Fails => (words.fail, "t-off"),
        Held::Missing | Held::Unseen(_) => (words.missing, "t-off"),
        Held::Told => (words.information, ""),
    }
}

/// The value of each batch: of the laboratory the one that counts, online the mean.
fn by_batch(paper: &mut Paper<'_>, batches: &[&BatchData], rows: &[Row<'_>]) {
    let words = paper.words;
    paper.begin(words.by_batch);
    let mut seen: Vec<(&Asked, bool)> = Vec::new();
    for row in rows {
        // Limits that were amended in between make two rows of a property, and one line of values.
        if !seen.iter().any(|(asked, lab)| asked.name == row.asked.name && *lab == row.laboratory) {
            seen.push((row.asked, row.laboratory));
        }
    }
    let mut table: Vec<Vec<Cell>> = Vec::new();
    for (asked, laboratory) in seen {
        let origin = if laboratory { words.of_laboratory } else { words.online };
        let mut property = name(&asked.name);
        property.raw(" <small>").raw(origin).raw("</small>");
        for data in batches {
            let found = data.sheet.as_ref().and_then(|sheet| {
                properties(data, sheet)
                    .into_iter()
                    .find(|of| of.laboratory == laboratory && of.asked.name == asked.name)
            });
            let Some(found) = found else { continue };
            let value =
                found.values.map_or_else(|| NONE.to_owned(), |all| rounded(all.mean, found.asked));
            let (held, class) = verdict(words, found.held);
            table.push(vec![
                (property.clone(), ""),
                (name(&data.record.batch), ""),
                (plain(&value), "num"),
                (name(&found.asked.unit), "keepline"),
                (plain(held), class),
            ]);
        }
    }
    let columns = [
        (words.property, ""),
        (words.batch, ""),
        (words.value, "num"),
        (words.unit, ""),
        (words.result, ""),
    ];
    paper.table(&columns, &table);
    paper.end();
}

/// Who released it, and room to sign.
fn signing(paper: &mut Paper<'_>, batches: &[&BatchData]) {
    let words = paper.words;
    // Of a delivery that is not released as a whole nobody is named.
    let newest = |data: &&BatchData| {
        let decided = data.sheet.as_ref()?.dispositions.iter().max_by_key(|one| one.ts)?;
        (decided.disposition == Disposition::Release).then(|| decided.clone())
    };
    let released: Option<Vec<Decided>> = batches.iter().map(newest).collect();
    let released = released.and_then(|all| all.into_iter().max_by_key(|decided| decided.ts));
    let by = released.as_ref().and_then(|decided| decided.by.as_deref());
    let at = released.as_ref().map(|decided| paper.settings.date(decided.ts));
    paper.html.raw("<div class=\"signing\"><div><b>").name(by.unwrap_or_default()).raw("</b>");
    paper.html.raw(words.released_by).raw("</div><div><b>");
    paper.html.text(at.as_deref().unwrap_or_default()).raw("</b>").raw(words.date);
    paper.html.raw("</div><div><b></b>").raw(words.signature).raw("</div></div>");
}

/// A value as the method tells it, where one with a resolution is declared.
fn rounded(value: f64, asked: &Asked) -> String {
    asked.resolution.map_or_else(|| number(value), |step| rounded_to(value, step))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_result_counts_or_the_newest_of_each_position() {
        let result = |ts, value, position: Option<&str>| ResultOfSheet {
            ts,
            value,
            position: position.map(Into::into),
        };
        assert_eq!(
            counting(&[result(5, 1.0, None), result(9, 2.0, None), result(7, 3.0, None)]),
            [2.0]
        );
        let both = [
            result(5, 1.0, Some("front")),
            result(6, 2.0, Some("back")),
            result(8, 4.0, Some("front")),
            result(7, 9.0, None),
        ];
        assert_eq!(counting(&both), [2.0, 4.0]);
        // Of one instant, whichever was told first.
        let (placed, bare) = (result(8, 1.0, Some("front")), result(8, 2.0, None));
        assert_eq!(counting(&[placed.clone(), bare.clone()]), [1.0]);
        assert_eq!(counting(&[bare, placed]), [1.0]);
        assert_eq!(counting(&[]), [0.0; 0]);
    }
}

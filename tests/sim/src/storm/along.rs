//! What must be true of a batch along its making: its phases, its sections, and where it is bad.

use super::watch::{Wrong, holds};
use onspec::engine::{BatchRecord, SectionsRecord, SheetRecord};
use onspec::reading::Timestamp;
use onspec::verdict::Document;

/// Phases of a batch at most: as many as are kept of those told of it, and of those told of its station.
const PHASES_MAX: usize = 2 * 64;

/// Sections of a batch at most.
const SECTIONS_MAX: usize = 96;

/// A batch, and when it was known first that it is over.
pub(super) type Known<'r> = (&'r BatchRecord, Option<&'r Timestamp>);

/// A frame, ms: the last one of a batch may go on behind its end.
const FRAME_MS: i64 = 10_000;

/// Lengths and shares that are the same but for rounding.
const CLOSE: f64 = 1e-6;

/// Phases follow one another within their batch. Of one whose beginning is not known (it begins where it ends) only that
/// they begin before its end is.
pub(super) fn phases(record: &BatchRecord) -> Wrong {
    let words = |what: &str| format!("{what}: {record:?}");
    let phases = &record.phases;
    holds(phases.len() <= PHASES_MAX, || words("too many phases"))?;
    let in_order = phases.is_sorted_by(|(_, a), (_, b)| a < b);
    holds(in_order, || words("phases out of order"))?;
    let others = phases.is_sorted_by(|(a, _), (b, _)| a != b);
    holds(others, || words("a phase twice in a row"))?;
    holds(phases.iter().all(|(name, _)| !name.is_empty()), || words("a phase without name"))?;
    let begun = record.ended == Some(record.started);
    let within = phases.iter().all(|(_, at)| {
        (begun || *at >= record.started) && record.ended.is_none_or(|ended| *at < ended)
    });
    holds(within, || words("a phase outside of the batch"))
}

/// Sections follow one another within their batch.
pub(super) fn sections(record: &SectionsRecord, batch: Option<Known<'_>>) -> Wrong {
    let words = |what: &str| format!("{what}: {record:?}\n  of {batch:?}");
    let sections = &record.sections;
    let number = (1..=SECTIONS_MAX).contains(&sections.len());
    holds(number, || words("no sections, or too many"))?;
    let apart = sections.is_sorted_by(|a, b| a.to <= b.from);
    holds(apart && sections.iter().all(|one| one.from < one.to), || words("sections overlap"))?;
    let ends = |m: Option<f64>| m.is_none_or(|m| m.is_finite() && m >= 0.0);
    let metres = sections.iter().all(|one| {
        let order = one.from_m.zip(one.to_m).is_none_or(|(from, to)| from <= to);
        order && ends(one.from_m) && ends(one.to_m)
    });
    let order = sections
        .is_sorted_by(|a, b| a.to_m.zip(b.from_m).is_none_or(|(to, from)| to <= from + CLOSE));
    holds(metres && order, || words("metres out of order"))?;
    let share = |share: f64| (-CLOSE..=1.0 + CLOSE).contains(&share);
    let tags = sections.iter().flat_map(|section| section.quality.values()).all(|tag| {
        tag.least <= tag.mean + CLOSE && tag.mean <= tag.greatest + CLOSE && share(tag.out)
    });
    holds(tags, || words("no figures of a tag"))?;
    let whole = record.quality.iter().all(|tag| {
        let inside = tag.least <= tag.mean + CLOSE && tag.mean <= tag.greatest + CLOSE;
        let variance = tag.slow >= 0.0 && tag.fast >= 0.0;
        inside && variance && tag.frames > 0 && share(tag.seen) && share(tag.out)
    });
    holds(whole, || words("no figures of the whole"))?;
    let Some((batch, over)) = batch else { return Err(words("sections of an unknown batch")) };
    // What is made before an end is told that comes late was seen as the batch that it was thought to be (ARCHITECTURE.md).
    let Some(end) = batch.ended.max(over.copied()) else {
        return Err(words("sections before the end"));
    };
    let within = sections.first().is_some_and(|first| first.from >= batch.started.as_millis())
        && sections.last().is_some_and(|last| last.to <= end.as_millis() + FRAME_MS);
    holds(within, || words("sections outside of the batch"))
}

/// A sheet says what the record says.
pub(super) fn sheet(sheet: &SheetRecord, batch: Option<Known<'_>>) -> Wrong {
    let words = |what: &str| format!("{what}: {sheet:?}\n  of {batch:?}");
    let Some((batch, _)) = batch else { return Err(words("the sheet of an unknown batch")) };
    holds(batch.ended.is_some(), || words("a sheet before the end"))?;
    if sheet.verdict.revision < batch.revision {
        // One message may say more of a batch than once.
        return Ok(());
    }
    let newest = sheet.dispositions.iter().max_by_key(|word| word.ts);
    let same = newest.map(|word| word.disposition) == batch.disposition;
    holds(same, || words("another decision than the record"))?;
    let found = sheet.laboratory.iter().filter_map(|property| property.value);
    holds(found.count() == batch.lab.len(), || words("other results than the record"))?;
    for property in &sheet.laboratory {
        let counts = batch.lab.iter().find(|(name, _)| *name == property.asked.name);
        let same = counts.map(|(_, value)| value.to_bits()) == property.value.map(f64::to_bits);
        holds(same, || words("another result than the record"))?;
        let outside = batch.outside.contains(&property.asked.name);
        holds(batch.found.is_none() || property.inside != Some(outside), || {
            words("another finding than the record")
        })?;
    }
    Ok(())
}

/// Bad stretches lie in the batch, and what is taken off and what is left make it up.
pub(super) fn spans(document: &Document, batch: Option<&BatchRecord>) -> Wrong {
    let words = |what: &str| format!("{what}: {document:?}\n  of {batch:?}");
    for span in &document.spans {
        let order = span.from_m.zip(span.to_m).is_none_or(|(from, to)| from <= to + CLOSE);
        holds(order, || words("a span that ends before it begins"))?;
        let Some(after) = span.after_m else { continue };
        holds(after >= 0.0, || words("a span behind the end"))?;
        let length = batch.and_then(|batch| batch.ended.and(batch.length_m));
        let reaches =
            span.to_m.zip(length).is_none_or(|(to, length)| (to + after - length).abs() < CLOSE);
        holds(reaches, || words("a span in another length"))?;
    }
    let Some(slab) = &document.slab else { return Ok(()) };
    let parts = [slab.bad_m, slab.off_begin_m, slab.off_end_m, slab.left_m];
    let parts_in = parts.iter().all(|part| (-CLOSE..=slab.length_m + CLOSE).contains(part));
    holds(slab.length_m > 0.0 && parts_in, || words("a slab beyond the batch"))?;
    let sum = slab.off_begin_m + slab.off_end_m + slab.left_m;
    holds((sum - slab.length_m).abs() < CLOSE, || words("a slab that does not add up"))?;
    holds(slab.bad_m + slab.left_m <= slab.length_m + CLOSE, || words("what is left is bad"))?;
    let in_slab = document.spans.iter().filter_map(|span| span.to_m);
    let in_slab = in_slab.into_iter().all(|to| to <= slab.length_m + CLOSE);
    holds(in_slab, || words("a span beyond the slab"))?;
    let mass = [slab.bad_kg, slab.left_kg].into_iter().flatten().all(|kg| kg >= -CLOSE);
    holds(mass, || words("a negative mass"))
}

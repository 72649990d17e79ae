//! From a frame to a verdict, and what becomes of batches and models.

use super::super::charts;
use super::super::documents::{contributions, document, quality_values, record, record_found};
use super::super::effect::{Effect, ModelRecord, ScoreRecord};
use super::super::event::Promotion;
use super::super::finished::made;
use super::super::learning::{Judging, Learning, Outcome, shown};
use super::super::outlook::{Seen, earlier};
use super::super::view::TrendPoint;
use super::super::{sheet, tell};
use super::{Context, LineState, NO_GRADE, TagState};
use crate::alarm::{EventKind, Sets};
use crate::batch::{Change, Product};
use crate::decode::{BatchEvent, BatchMessage, Fault, Reason};
use crate::frame::{Frame, Transits};
use crate::models::Moved;
use crate::plant::{BatchSource, Grade, Line, Plant, Refit, Transit};
use crate::reading::Timestamp;
use crate::verdict::{
    Call, Document, Evidence, Found, Judge, Learning as LearningDocument, Mover, ProcessEvidence,
    Prospect, Similar,
};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

/// Points of the trend kept for people.
const TREND_MAX: usize = 360;

/// A verdict is said again after so much event time, so that progress is seen.
const REPEAT: Duration = Duration::from_secs(60);

/// The area of a column, where one is known.
fn area_of(judging: &Judging, tags: &[TagState], column: usize) -> Option<Arc<str>> {
    let series = tags.get(judging.tag_of(column)?)?.series.as_ref()?;
    Some(Arc::clone(&series.area)).filter(|area| !area.is_empty())
}

/// How long what a tag sees takes to the end of the line, from its sampling: as declared, else as the model has it.
fn transit_of(judging: &Judging, line: &Line, transits: &Transits, tag: usize) -> Option<Transit> {
    transits.of(tag).or_else(|| judging.transit(line, tag))
}

/// Columns that moved until a frame's end, as tags of the line. They stand in the order in which they came, the furthest
/// first: by the times when they left where they go in control fewer are named rightly, so that what an analyser
/// reports late loses no place by it. It is only said to have moved when its sample was taken.
fn movers(
    judging: &Judging,
    line: &Line,
    (tags, transits): (&[TagState], &Transits),
    (moved, end): (Vec<Moved>, Timestamp),
) -> Vec<Mover> {
    let of_line = |moved: Moved| {
        let position = judging.tag_of(moved.column)?;
        let tag = line.tags.get(position)?;
        let frames = u32::try_from(moved.frames).unwrap_or(u32::MAX);
        let since = end.minus(line.frame.saturating_mul(frames)).minus(tag.lag);
        let arrives = |transit: Transit| since.plus(Duration::from_secs_f64(transit.likeliest_s));
        Some(Mover {
            tag: Arc::clone(&tag.id),
            area: area_of(judging, tags, moved.column),
            by_itself: moved.by_itself,
            since: since.as_millis(),
            arrives: transit_of(judging, line, transits, position)
                .map(arrives)
                .map(Timestamp::as_millis),
            ratio: moved.ratio,
            value: moved.value,
            expected: moved.expected,
            unit: Some(Arc::clone(&tag.unit)).filter(|unit| !unit.is_empty()),
            over_s: judging.model().and_then(|model| model.change_over(moved.column)),
        })
    };
    moved.into_iter().filter_map(of_line).collect()
}

/// How long what each tag of the line sees takes to its end, from the time that its readings bear.
fn delays<'a>(
    learning: &'a Learning,
    (line, grade): (&'a Line, &str),
    transits: &'a Transits,
) -> impl Fn(usize) -> Option<Duration> + use<'a> {
    let judging = learning.judging(grade);
    move |tag| {
        let of_model = || judging?.transit(line, tag);
        let transit = transits.of(tag).or_else(of_model)?;
        let lag_s = line.tags.get(tag)?.lag.as_secs_f64();
        Duration::try_from_secs_f64(transit.less(lag_s).likeliest_s.max(0.0)).ok()
    }
}

/// The sum of shares by the area of their columns, greatest first.
fn by_area(
    shares: &[(usize, f64)],
    area: &dyn Fn(usize) -> Option<Arc<str>>,
) -> Vec<(Arc<str>, f64)> {
    let mut sums: BTreeMap<Arc<str>, f64> = BTreeMap::new();
    for (column, share) in shares {
        if let Some(area) = area(*column) {
            *sums.entry(area).or_default() += share;
        }
    }
    let mut areas: Vec<(Arc<str>, f64)> = sums.into_iter().collect();
    areas.sort_by(|a, b| b.1.total_cmp(&a.1));
    areas
}

/// What is told of a batch that is looked at again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Told {
    /// Nothing: it is in progress, and its next frame judges it.
    Later,
    /// This.
    Now(EventKind, Sets),
    /// That it is another one, if its call is.
    IfAnother,
}

/// What one event changes of a batch is said once: that it begins or ends says all, with what waited for the batch.
fn say_once(changes: &mut Vec<Change>) {
    let begins_or_ends = |change: &Change| match change {
        Change::Started(id) | Change::Ended(id) | Change::Added(id) => Some(Arc::clone(id)),
        Change::Revised(_) | Change::Noted(_) | Change::Regraded(..) | Change::Refused(_) => None,
    };
    let mut said: BTreeSet<Arc<str>> = changes.iter().filter_map(begins_or_ends).collect();
    changes.retain(|change| match change {
        Change::Revised(id) | Change::Noted(id) | Change::Regraded(id, _) => {
            said.insert(Arc::clone(id))
        }
        _ => true,
    });
}

impl LineState {
    pub(super) fn judge(&mut self, cx: &mut Context<'_>, frame: &Frame) {
        let grade_name = self.grade_name();
        let steady = self.steady.is_steady();
        let process = if steady { self.score(cx, frame, &grade_name) } else { None };
        let batch = self.book.current();
        let product = batch.map_or_else(|| self.book.running(), |batch| &batch.product);
        let key = batch.map_or_else(|| "".into(), |batch| Arc::clone(&batch.id));
        let grade = self.asked_of(cx.plant, frame.start);
        let missing: Vec<Arc<str>> = quality_values(cx.line, grade, frame)
            .filter(|(_, value, _)| value.is_nan())
            .map(|(tag, ..)| Arc::clone(tag))
            .collect();
        let learning = self.learning_count(cx.plant, &grade_name);
        let foretold = self.soft_sensors.now().filter(|_| steady);
        // What the laboratory has found already is not foretold.
        let open = batch.zip(foretold).and_then(|(batch, foretold)| foretold.open(batch));
        let foretold = open.as_ref().or(foretold);
        let mut evidence = Evidence {
            start: frame.start,
            at: frame.end,
            batch,
            product,
            grade,
            strange_grade: cx.strange(self.book.grade()),
            process: process.as_ref(),
            learning,
            steady,
            missing: &missing,
            foretold,
            prospect: None,
            expected: batch.and_then(|_| self.book.expected_amount(product.made_m.is_some())),
            costs: cx.plant.costs.as_ref(),
        };
        let judge = self.judges.entry(Arc::clone(&key)).or_default();
        let look_up = || earlier(&self.book, &grade_name, |batch| cx.grade_of(batch));
        let prospect = batch.filter(|_| steady).and_then(|_| {
            let worth = process.as_ref().filter(|process| process.worth);
            let earlier = self.outlook.earlier(&grade_name, look_up);
            self.outlook.look(&Seen {
                score: worth.and_then(|process| process.score),
                flagged: judge.is_seen_wrong(),
                limits: evidence.limits_used(),
                foretold,
                earlier,
            })
        });
        evidence.prospect = prospect.as_ref();
        let before = self
            .document
            .as_ref()
            .filter(|document| document.batch == batch.map(|b| Arc::clone(&b.id)));
        let before = before.map(|document| document.verdict);
        let opinion = judge.judge(&evidence);
        let flagged = opinion.call.is_flag();
        if steady {
            self.outlook.told(opinion.progress, opinion.probability_off_spec);
        }
        if let Some(batch) = self.book.find_mut(&key) {
            if opinion.changed {
                batch.revision += 1;
            }
            batch.probability_off_spec = opinion.probability_off_spec;
            batch.advice = opinion.decision.as_ref().map(|decision| decision.advice);
            // What a person or the laboratory decided of it is no flag of ours.
            if flagged && opinion.seen {
                batch.first_flag.get_or_insert(frame.end);
                batch.flagged_since.get_or_insert(frame.end);
            } else {
                batch.flagged_since = None;
            }
        }
        let (mut document, changed) =
            document(cx.line, self.book.find(&key), opinion, learning, frame.end, &grade_name);
        let maintenance = self.maintenance.is_on().then_some("maintenance");
        document.state = maintenance.or(self.steady.word()).map(Into::into);
        if flagged && let Some(process) = &process {
            contributions(cx, &grade_name, frame.end, &process.tags);
            if process.score.is_some() && document.batch.is_some() {
                self.patterns.take(&key, &process.movers);
            }
        }
        if changed && !flagged {
            self.patterns.withdraw(&key);
        }
        if flagged && !document.movers.is_empty() {
            document.similar = if self.is_due(changed, frame.end) {
                self.similar(cx, &key)
            } else {
                self.document.take().map(|said| said.similar).unwrap_or_default()
            };
        }
        let unseen = process.as_ref().is_some_and(|p| p.score.is_none() && !p.missing.is_empty());
        self.watch_judging(cx, &document, unseen || !missing.is_empty());
        self.say(cx, document, changed, before);
    }

    /// Foretells what the laboratory will find of the batch in progress, by the values of a frame of product.
    pub(super) fn foretell(
        &mut self,
        cx: &mut Context<'_>,
        (grade_name, start): (&Arc<str>, Timestamp),
        (values, end): (&[f64], Timestamp),
    ) {
        let Some(batch) = self.book.current() else { return };
        if !self.soft_sensors.take(cx.line, values, end) {
            return;
        }
        let grade = self.asked_of(cx.plant, start);
        let made_m = self.made().made_m;
        let expected = self.book.expected_amount(made_m.is_some()).filter(|amount| *amount > 0.0);
        let progress = expected.map(|expected| (self.made().amount() / expected).min(0.99));
        let delays = delays(&self.learning, (cx.line, grade_name), &self.transits);
        let foretold = self.soft_sensors.foretell(
            cx.line,
            (batch, grade_name, grade),
            (progress, end),
            &delays,
        );
        let record = |record| Effect::SoftSensor(Box::new(record));
        cx.out.extend(foretold.into_iter().map(record));
    }

    /// Puts the frame to the model of the grade.
    pub(super) fn score(
        &mut self,
        cx: &mut Context<'_>,
        frame: &Frame,
        grade: &Arc<str>,
    ) -> Option<ProcessEvidence> {
        let distrusted = self.ask_peers(cx, frame, grade);
        let batch = self.book.current();
        let phase = batch.and_then(|batch| batch.phase_at(frame.start)).cloned();
        let phase = phase.as_ref();
        self.learning.shadow((cx.line, grade), (frame.start, frame.end, phase), || {
            let mut values = frame.values.clone();
            for tag in &distrusted {
                if let Some(value) = values.get_mut(*tag) {
                    *value = f64::NAN;
                }
            }
            values
        });
        let judging = self.learning.judging_mut(grade)?;
        judging.follow((frame.start, frame.end), phase);
        let (model, mut row) = judging.row(&frame.values)?;
        for (column, value) in row.iter_mut().enumerate() {
            if judging.tag_of(column).is_some_and(|tag| distrusted.contains(&tag)) {
                *value = f64::NAN;
            }
        }
        let score = model.score(&mut judging.online, &row);
        let high = score.score.is_some_and(|score| score > 0.8);
        let name = |column: usize| {
            let tag = judging.tag_of(column).and_then(|ix| cx.line.tags.get(ix));
            tag.map(|tag| Arc::clone(&tag.id))
        };
        let area = |column: usize| area_of(judging, &self.tags, column);
        let shares = if high { model.contributions(&judging.online) } else { Vec::new() };
        let areas = by_area(&shares, &area);
        let tags: Vec<(Arc<str>, f64)> =
            shares.into_iter().filter_map(|(column, share)| Some((name(column)?, share))).collect();
        let known = (&self.tags[..], &self.transits);
        let movers = movers(judging, cx.line, known, (model.moved(&judging.online), frame.end));
        let carries = tags.first().map(|(tag, _)| tag);
        let named = movers.iter().map(|mover| &mover.tag).chain(carries);
        let transits = named.filter_map(|id| {
            let ix = cx.line.tag_position(id)?;
            let lag_s = cx.line.tags[ix].lag.as_secs_f64();
            let transit = transit_of(judging, cx.line, &self.transits, ix)?;
            Some((Arc::clone(id), transit.less(lag_s)))
        });
        let transits = transits.collect();
        let worth = !high || judging.passes_guards(cx.line);
        let missing = row
            .iter()
            .enumerate()
            .filter(|(_, value)| value.is_nan())
            .filter_map(|(ix, _)| name(ix));
        let changes = model.header().differences.iter();
        let changes = changes.map(|change| (Arc::clone(&change.column), change.over_s)).collect();
        let evidence = ProcessEvidence {
            score: score.score,
            statistic: score.leads.as_str().into(),
            tags,
            areas,
            changes,
            movers,
            transits,
            worth,
            missing: missing.collect(),
            coverage: score.coverage,
        };
        if !worth {
            judging.online.excuse();
        }
        if self.frames.is_multiple_of(u64::from(self.trend_every)) {
            if self.trend.len() == TREND_MAX {
                self.trend.pop_front();
            }
            self.trend.push_back(TrendPoint {
                at: frame.end,
                score: score.score,
                t2: score.score.and_then(|_| score.greatest(true)),
                spe: score.score.and_then(|_| score.greatest(false)),
            });
        }
        cx.out.push(Effect::Score(ScoreRecord {
            line: Arc::clone(&cx.line.name),
            grade: Arc::clone(grade),
            judge: score.judge,
            batch: self.book.current().map(|batch| Arc::clone(&batch.id)),
            at: frame.end,
            statistics: score.statistics,
            score: score.score,
            // As it was said last: this frame is a part of what is said next.
            probability_off_spec: self.book.current().and_then(|batch| batch.probability_off_spec),
        }));
        Some(evidence)
    }

    /// Says a verdict: the document, and what its change means to the batch's alarm.
    pub(super) fn say(
        &mut self,
        cx: &mut Context<'_>,
        document: Document,
        changed: bool,
        before: Option<Call>,
    ) {
        let at = document.at();
        if changed {
            let kind = match (before.is_some_and(Call::is_flag), document.verdict) {
                (_, Call::OffSpec) if before != Some(Call::OffSpec) => {
                    Some((EventKind::BatchOffSpec, Sets::Raise))
                }
                (false, Call::AtRisk) => Some((EventKind::BatchAtRisk, Sets::Raise)),
                (true, Call::OnSpec | Call::Unknown) => {
                    Some((EventKind::BatchCleared, Sets::Clear))
                }
                _ => None,
            };
            if let Some((kind, sets)) = kind.filter(|_| document.batch.is_some()) {
                let batch = document.batch.as_ref().and_then(|id| self.book.find(id));
                cx.tell(tell::batch(cx.line, kind, sets, at, (&document, batch)));
            }
            if before != Some(document.verdict)
                && let Some(batch) = document.batch.as_ref().and_then(|id| self.book.find(id))
                && !batch.void
            {
                let record = record(cx.line, batch, Some(document.verdict));
                cx.out.push(Effect::Batch(Box::new(record)));
            }
        }
        let advised = self.document.as_ref().and_then(Document::advice);
        if advised != document.advice()
            && before == Some(document.verdict)
            && let Some(batch) = document.batch.as_ref().and_then(|id| self.book.find(id))
        {
            let record = record(cx.line, batch, Some(document.verdict));
            cx.out.push(Effect::Batch(Box::new(record)));
        }
        if self.is_due(changed || advised != document.advice(), at) {
            self.said = Some(at);
            cx.out.push(Effect::Verdict(Box::new(document.clone())));
        }
        self.document = Some(document);
    }

    /// True if a verdict is said now: when it changed, and once a minute.
    fn is_due(&self, changed: bool, at: Timestamp) -> bool {
        changed || self.said.is_none_or(|said| at >= said.plus(REPEAT))
    }

    /// The past batches in which the same moved as in this one.
    fn similar(&self, cx: &Context<'_>, id: &str) -> Vec<Similar> {
        let Some(batch) = self.book.find(id) else { return Vec::new() };
        self.patterns.like(batch, self.book.finished(), |other| {
            let call = self.judges.get(&other.id).map(Judge::call).unwrap_or_default();
            (call, cx.grade_of(other))
        })
    }

    pub(super) fn between_batches(&mut self, cx: &mut Context<'_>, at: Timestamp) {
        if self.document.as_ref().is_some_and(|document| document.batch.is_none()) {
            return;
        }
        let grade = self.grade_name();
        let opinion = crate::verdict::Opinion {
            call: Call::Unknown,
            since: at,
            reasons: Vec::new(),
            first_mover: None,
            movers: Vec::new(),
            spans: Vec::new(),
            slab: None,
            progress: None,
            left: None,
            foretold: Vec::new(),
            probability_off_spec: None,
            decision: None,
            seen: false,
            changed: true,
        };
        let learning = self.learning_count(cx.plant, &grade);
        let (document, _) = document(cx.line, None, opinion, learning, at, &grade);
        // The alarm of the batch before was cleared when it ended.
        self.say(cx, document, true, None);
    }

    /// What happened to batches takes effect on verdicts, learning and models. What a station makes
    /// beside the line, or made before it, is no boundary of the line.
    pub(super) fn follow(&mut self, cx: &mut Context<'_>, mut changes: Vec<Change>, at: Timestamp) {
        for change in &changes {
            if let Change::Regraded(id, before) = change {
                // It was held against limits that are not its own.
                self.count_again(cx, id);
                if let Some(before) = before {
                    self.learning.leave(before, id);
                }
            }
        }
        say_once(&mut changes);
        for change in changes {
            match change {
                Change::Started(id) => {
                    let Some(batch) = self.book.find(&id) else { continue };
                    let record = record(cx.line, batch, self.call_of(batch));
                    cx.out.push(Effect::Batch(Box::new(record)));
                    if batch.station.is_none() {
                        self.begin_batch(cx, at);
                    }
                }
                Change::Ended(id) => {
                    self.count_before_end(cx, &id);
                    if let Some(batch) = self.book.find(&id).filter(|b| b.station.is_none()) {
                        self.learning.end_batch(batch);
                        let began = batch.started;
                        self.tags.iter_mut().for_each(|tag| tag.quality.end_batch(began));
                        let grade = batch.grade.clone().unwrap_or_else(|| NO_GRADE.into());
                        self.charts.end_batch(cx.line, (&id, &grade), cx.out);
                        let delays = delays(&self.learning, (cx.line, &grade), &self.transits);
                        self.soft_sensors.end_batch(cx.line, (&grade, batch), &delays);
                        self.outlook.end_batch(batch);
                    }
                    self.conclude(cx, &id, at, Told::Now(EventKind::BatchFinished, Sets::Clear));
                    if self.book.find(&id).is_none_or(|batch| batch.station.is_none()) {
                        self.boundary(cx, at);
                    }
                    let book = &self.book;
                    self.judges.retain(|id, _| id.is_empty() || book.find(id).is_some());
                    self.patterns.keep(book);
                }
                Change::Added(id) => {
                    self.conclude(cx, &id, at, Told::Now(EventKind::BatchFinished, Sets::Keep));
                }
                Change::Revised(id) | Change::Regraded(id, _) => {
                    let ended = self.book.find(&id).is_some_and(|batch| batch.ended.is_some());
                    let told = Told::Now(EventKind::BatchRevised, Sets::Keep);
                    self.conclude(cx, &id, at, if ended { told } else { Told::Later });
                }
                Change::Noted(id) => {
                    let ended = self.book.find(&id).is_some_and(|batch| batch.ended.is_some());
                    self.conclude(cx, &id, at, if ended { Told::IfAnother } else { Told::Later });
                }
                Change::Refused(detail) => {
                    let detail = format!("line `{}`: {detail}", cx.line.name);
                    cx.faults.push(Fault { reason: Reason::BadEvent, detail });
                }
            }
        }
    }

    /// A batch of the line begins.
    pub(super) fn begin_batch(&mut self, cx: &mut Context<'_>, at: Timestamp) {
        self.boundary(cx, at);
        self.soft_sensors.begin_batch();
        self.outlook.begin_batch();
        let grade = self.grade_name();
        let began = self.book.current().map_or(at, |batch| batch.started);
        self.learning.begin_batch(&grade, began, &cx.plant.models);
        if self.breaks.broken() == Some(true) && cx.line.break_tag.is_some() {
            // The reel was changed at a break: what is made is no product until the web is back.
            let (line, reason) = (Arc::clone(&cx.line.name), Some("break".into()));
            let event = BatchEvent::Pause { reason };
            self.batch_message(cx, BatchMessage { line, station: None, at, event });
        }
    }

    /// The opinion on a batch of which the end, or something new, is known.
    pub(super) fn conclude(
        &mut self,
        cx: &mut Context<'_>,
        id: &Arc<str>,
        at: Timestamp,
        told: Told,
    ) {
        self.outlook.hear_of_batches();
        self.note_maintenance(id);
        let Some(batch) = self.book.find(id) else { return };
        if told == Told::Later {
            let record = record_found(cx.line, batch, (self.call_of(batch), cx.grade_of(batch)));
            cx.out.push(Effect::Batch(Box::new(record)));
            return;
        }
        let grade = cx.grade_of(batch);
        let judge = self.judges.entry(Arc::clone(id)).or_default();
        let prospect = match shown(batch, grade) {
            Found::Open => self.outlook.stands(id, judge.foretold_open(batch)),
            Found::Bad => None,
            Found::Good | Found::Acted => Some(Prospect::default()),
        };
        let evidence = Evidence {
            start: batch.ended.unwrap_or(at),
            at: batch.ended.unwrap_or(at),
            batch: Some(batch),
            product: &batch.product,
            grade,
            strange_grade: cx.strange(batch.grade.as_ref()),
            process: None,
            learning: None,
            steady: true,
            missing: &[],
            foretold: None,
            prospect: prospect.as_ref(),
            expected: None,
            costs: cx.plant.costs.as_ref(),
        };
        let before = judge.call();
        let opinion = judge.conclude(&evidence);
        let found = batch.station.is_none() && self.learning.look(batch, grade, &cx.plant.models);
        let call = opinion.call;
        // Its end may come late, and lie before what was said of it.
        let said = evidence.at.max(at).max(opinion.since);
        let advice = opinion.decision.as_ref().map(|decision| decision.advice);
        if let Some(batch) = self.book.find_mut(id) {
            batch.probability_off_spec = opinion.probability_off_spec;
            batch.advice = advice;
        }
        let Some(batch) = self.book.find(id) else { return };
        let grade_name = batch.grade.clone().unwrap_or_else(|| NO_GRADE.into());
        // A batch that ended while its model was learning says how far that is.
        let learning = self.learning_count(cx.plant, &grade_name);
        let (mut document, _) =
            document(cx.line, Some(batch), opinion, learning, said, &grade_name);
        if call.is_flag() && !document.movers.is_empty() {
            document.similar = self.similar(cx, id);
        }
        let record = record_found(cx.line, batch, ((!batch.void).then_some(call), grade));
        let sections = self.judges.get(id).map(|judge| judge.sections(batch, grade));
        let scans = self.scans.of(&batch.id);
        let sections =
            sections.and_then(|sections| sheet::sections(cx.line, batch, sections, scans));
        let sheet = sheet::sheet(cx.line, batch, grade, &document);
        cx.out.push(Effect::Batch(Box::new(record)));
        cx.out.extend(sections.map(|record| Effect::Sections(Box::new(record))));
        cx.out.push(Effect::Sheet(Box::new(sheet)));
        let news = match told {
            Told::Now(kind, sets) => Some((kind, sets)),
            Told::IfAnother => (call != before).then_some((EventKind::BatchRevised, Sets::Keep)),
            Told::Later => None,
        };
        if let Some((kind, sets)) = news {
            cx.tell(tell::batch(cx.line, kind, sets, said, (&document, Some(batch))));
        }
        if matches!(told, Told::Now(EventKind::BatchFinished, _)) {
            cx.out.push(Effect::BatchVerdict(Box::new(document)));
        }
        if found {
            self.keep_score(cx, &grade_name, said);
        }
        let now = self.judged_to.unwrap_or(said);
        let to_charts = charts::Told { line: cx.line, plant: cx.plant, now };
        if let Some(batch) = self.book.find(id).filter(|batch| batch.station.is_none()) {
            self.charts.laboratory(&to_charts, (batch, &self.book), cx.out);
        }
        if let Some(batch) = self.book.find(id).filter(|batch| batch.station.is_none()) {
            self.soft_sensors.found((&grade_name, cx.grade_of(batch)), batch, now);
            let found = shown(batch, cx.grade_of(batch));
            self.outlook.found(id, if batch.maintenance { Found::Open } else { found });
        }
        let fit = self.learning.teaches(&grade_name, id);
        self.charts.found(&to_charts, (id, &grade_name, fit), cx.out);
        self.request(cx, &grade_name, said);
    }

    /// Says how often good batches of a grade were flagged, and whether its model is right no more.
    fn keep_score(&mut self, cx: &mut Context<'_>, grade: &Arc<str>, at: Timestamp) {
        let record = self.learning.wrong_flags(cx.line, grade, (&cx.plant.models, at));
        cx.out.extend(record.map(Effect::WrongFlags));
        if let Some((version, reason)) = self.learning.drift(grade) {
            cx.tell(tell::model(cx.line, grade, tell::ModelNews::Drifted(version, &reason), at));
        }
    }

    pub(super) fn request(&mut self, cx: &mut Context<'_>, grade: &Arc<str>, at: Timestamp) {
        let line = (cx.ix, cx.line);
        let how = (&cx.plant.models, cx.plant.grades.at(grade, at));
        let (id, borrowed, soft_sensor) = &mut cx.next_ids;
        let made = |batch: &str| self.book.find(batch).map(made);
        if let Some(request) = self.learning.request(line, grade, how, at, (**id, &made)) {
            **id += 1;
            cx.out.push(Effect::Fit(Box::new(request)));
        } else if let Some(request) = self.learning.borrow_request(line, grade, how, at, **borrowed)
        {
            **borrowed += 1;
            cx.out.push(Effect::Fit(Box::new(request)));
        }
        let refits = cx.plant.models.refit != Refit::Never;
        let due = self.soft_sensors.requests((cx.ix, grade), refits, soft_sensor);
        cx.out.extend(due.into_iter().map(|request| Effect::FitSoftSensor(Box::new(request))));
    }

    /// A person lets a model judge, from the next batch boundary on; at once where there is none.
    pub(in crate::engine) fn promote(&mut self, cx: &mut Context<'_>, promotion: Promotion) {
        let (next_id, ..) = &mut cx.next_ids;
        let id = **next_id;
        **next_id += 1;
        let at = self.judged_to.unwrap_or(promotion.at);
        self.learning.promote(id, promotion);
        if cx.line.batch == BatchSource::None {
            self.boundary(cx, at);
        }
    }

    /// A batch boundary: a model that is ready judges from now on.
    pub(super) fn boundary(&mut self, cx: &mut Context<'_>, at: Timestamp) {
        self.soft_sensors.boundary(at);
        for (grade, outcome) in self.learning.boundary(cx.line, cx.plant.models.promote) {
            let told = match &outcome {
                Outcome::Waits { waits, reason } => tell::ModelNews::Waits(waits.version, reason),
                Outcome::NoBetter { reason } => tell::ModelNews::NoBetter(reason),
                Outcome::Promoted { judges, reason } => {
                    tell::ModelNews::Promoted(judges.version, reason)
                }
                Outcome::Rejected { reason } => tell::ModelNews::Rejected(reason),
            };
            cx.tell(tell::model(cx.line, &grade, told, at));
            let (fitted, judges) = match outcome {
                Outcome::Promoted { judges, .. } => (judges, true),
                Outcome::Waits { waits, .. } => (waits, false),
                Outcome::NoBetter { .. } | Outcome::Rejected { .. } => continue,
            };
            cx.out.push(Effect::Model(ModelRecord {
                id: fitted.request,
                line: Arc::clone(&cx.line.name),
                grade,
                kind: fitted.kind.into(),
                version: fitted.version,
                at,
                artifact: fitted.artifact,
                by_person: fitted.by_person,
                judges,
            }));
        }
    }

    /// The model of the grade in progress.
    pub(in crate::engine) fn judging(&self) -> Option<&Judging> {
        self.learning.judging(&self.grade_name())
    }

    /// The tags that are furthest from what the others tell of them, until a frame's end.
    pub(in crate::engine) fn furthest(
        &self,
        judging: &Judging,
        line: &Line,
        end: Timestamp,
    ) -> Vec<Mover> {
        let furthest = judging.model().map(|model| model.furthest(&judging.online));
        let known = (&self.tags[..], &self.transits);
        movers(judging, line, known, (furthest.unwrap_or_default(), end))
    }

    /// What was made of the batch in progress, or lately.
    pub(in crate::engine) fn made(&self) -> &Product {
        self.book.current().map_or_else(|| self.book.running(), |batch| &batch.product)
    }

    /// What is asked for of what is made at an instant: of a batch, what was when it began.
    pub(in crate::engine) fn asked_of<'a>(
        &self,
        plant: &'a Plant,
        instant: Timestamp,
    ) -> Option<&'a Grade> {
        let instant = self.book.current().map_or(instant, |batch| batch.started);
        plant.grades.at(self.book.grade()?, instant)
    }

    /// The end of the last frame.
    pub(in crate::engine) fn judged_to(&self) -> Option<Timestamp> {
        self.judged_to
    }

    pub(in crate::engine) fn grade_name(&self) -> Arc<str> {
        self.book.grade().cloned().unwrap_or_else(|| NO_GRADE.into())
    }

    pub(super) fn learning_count(&self, plant: &Plant, grade: &str) -> Option<LearningDocument> {
        let borrowed = self.learning.is_on_loan(grade);
        if self.learning.judging(grade).is_some() && !borrowed {
            return None;
        }
        let need = plant.models.learning_batches;
        Some(LearningDocument { have: self.learning.have(grade).min(need), need, borrowed })
    }
}

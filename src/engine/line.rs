//! One line: its tags, its clock, its frames, its batches, its models, its verdict.

use super::breaks::{Breaks, FRESH};
use super::documents::{
    self, contributions, document, found, quality_values, record, sensor_health, tag_view,
};
use super::effect::{Effect, FrameRecord, ModelRecord, ReadingRecord, ScoreRecord};
use super::history::{History, Place};
use super::learning::{Learning, Outcome};
use super::steady::{Now, Steady};
use super::tell;
use super::view::{LineView, TrendPoint};
use crate::alarm::{self, EventKind, News, Sets};
use crate::batch::{self, Batch, Change, Counted, Finder, Made};
use crate::decode::{BatchEvent, BatchMessage, Fault, Reason};
use crate::frame::{Frame, Framer, Offered};
use crate::plant::{BatchSource, Grade, Line, Plant};
use crate::quality::{Checks, TagQuality};
use crate::reading::{Flags, LineIx, Reading, Series, TagIx, Timestamp, Value};
use crate::verdict::{
    Call, Document, Evidence, Judge, Learning as LearningDocument, ProcessEvidence,
};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

/// Points of the trend kept for people.
const TREND_MAX: usize = 360;

/// The name under which a line without grades is judged.
pub(super) const NO_GRADE: &str = "none";

/// A verdict is said again after so much event time, so that progress is seen.
const REPEAT: Duration = Duration::from_secs(60);

const MINUTE: Duration = Duration::from_secs(60);

/// What a line may use of the plant while it works.
#[derive(Debug)]
pub(super) struct Context<'a> {
    pub(super) ix: LineIx,
    pub(super) plant: &'a Plant,
    pub(super) line: &'a Line,
    pub(super) alarms: &'a mut alarm::Book,
    pub(super) next_request: &'a mut u64,
    pub(super) faults: &'a mut Vec<Fault>,
    pub(super) out: &'a mut Vec<Effect>,
}

impl Context<'_> {
    fn tell(&mut self, news: News) {
        let (notification, record) = self.alarms.tell(news);
        self.out.extend(record.map(Effect::Alarm));
        self.out.push(Effect::Notification(Box::new(notification)));
    }

    fn grade(&self, name: Option<&Arc<str>>) -> Option<&Grade> {
        self.plant.grades.get(name?)
    }

    /// The name of a grade that the plant does not declare, though it declares others.
    fn strange<'n>(&self, name: Option<&'n Arc<str>>) -> Option<&'n Arc<str>> {
        name.filter(|name| !self.plant.grades.is_empty() && !self.plant.grades.contains_key(*name))
    }
}

/// The state of a line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct LineState {
    framer: Framer,
    /// The greatest event time of the good readings.
    newest: Option<Timestamp>,
    /// The arrival of the last reading, and the line's newest event time then.
    heard: Option<(Timestamp, Timestamp)>,
    tags: Vec<TagState>,
    book: batch::Book,
    finder: Finder,
    /// The judges of the batches in the book, by id; the one of a line without batches under "".
    judges: BTreeMap<Arc<str>, Judge>,
    pub(super) learning: Learning,
    document: Option<Document>,
    said: Option<Timestamp>,
    trend: VecDeque<TrendPoint>,
    trend_every: u32,
    frames: u64,
    first_frame: Option<Timestamp>,
    steady: Steady,
    breaks: Breaks,
    /// The end of the last frame.
    judged_to: Option<Timestamp>,
    minute: Option<Timestamp>,
    pub(super) blind: bool,
}

/// What a frame is a frame of.
struct FrameOf {
    /// The batch; `None` on a line without.
    batch: Option<Arc<str>>,
    /// False while the line is paused.
    product: bool,
}

/// The state of a declared tag.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct TagState {
    /// Its names, once its first reading told the area.
    series: Option<Arc<Series>>,
    quality: TagQuality,
    history: History,
}

impl LineState {
    pub(super) fn new(line: &Line) -> Self {
        let tag = |_| TagState {
            series: None,
            quality: TagQuality::default(),
            history: History::default(),
        };
        Self {
            framer: Framer::new(line),
            newest: None,
            heard: None,
            tags: line.tags.iter().map(tag).collect(),
            book: batch::Book::new(line.grade.clone()),
            finder: Finder::default(),
            judges: BTreeMap::new(),
            learning: Learning::default(),
            document: None,
            said: None,
            trend: VecDeque::new(),
            // A trend of about an hour, whatever a frame is.
            trend_every: u32::try_from(10_000 / line.frame.as_millis().max(1)).unwrap_or(1).max(1),
            frames: 0,
            first_frame: None,
            steady: Steady::default(),
            breaks: Breaks::default(),
            judged_to: None,
            minute: None,
            blind: false,
        }
    }

    /// Takes over what a line knew under an older configuration: its open frame, batches, models and
    /// sensors. What was judged stays judged.
    pub(super) fn adopt(&mut self, old: Self, old_line: &Line, line: &Line) {
        for (tag, state) in old_line.tags.iter().zip(old.tags) {
            if let Some(ix) = line.tag_position(&tag.id) {
                self.tags[ix] = state;
            }
        }
        let tags = old_line.tags.iter().map(|tag| line.tag_position(&tag.id));
        self.framer.adopt(old.framer, tags);
        self.newest = old.newest;
        self.heard = old.heard;
        self.frames = old.frames;
        self.first_frame = old.first_frame;
        self.judged_to = old.judged_to;
        self.minute = old.minute;
        self.trend = old.trend;
        self.book = old.book;
        self.judges = old.judges;
        self.learning = old.learning;
        self.learning.revive(line);
        self.document = old.document;
        self.said = old.said;
        self.steady = old.steady;
        if line.break_tag == old_line.break_tag {
            self.breaks = old.breaks;
        }
        if line.batch == old_line.batch {
            self.finder = old.finder;
        }
    }

    /// Reads what is not serialised.
    pub(super) fn revive(&mut self, line: &Line) {
        self.learning.revive(line);
    }

    /// The shared names of a declared tag's series.
    pub(super) fn series(&mut self, tag: TagIx, named: Series) -> Arc<Series> {
        match &mut self.tags[tag.get()].series {
            Some(series) if **series == named => Arc::clone(series),
            Some(_) => Arc::new(named),
            none => Arc::clone(none.insert(Arc::new(named))),
        }
    }

    /// When the line was last heard, by the receiver's clock.
    pub(super) fn heard_at(&self) -> Option<Timestamp> {
        self.heard.map(|(received, _)| received)
    }

    /// True if nothing has come for the line's `idle`, and nothing is known of it but this.
    pub(super) fn is_silent(&self, line: &Line, now: Timestamp) -> bool {
        !self.blind && self.heard.is_some_and(|(heard, _)| now >= heard.plus(line.idle))
    }

    /// The newest event time of its good readings.
    pub(super) fn newest(&self) -> Option<Timestamp> {
        self.newest
    }

    /// Up to where the line has been judged.
    pub(super) fn clock(&self) -> Option<Timestamp> {
        self.framer.open()
    }

    /// A reading of a declared tag; false if it repeats one.
    pub(super) fn reading(
        &mut self,
        cx: &mut Context<'_>,
        tag: TagIx,
        series: &Arc<Series>,
        reading: &Reading,
        known: Flags,
    ) -> bool {
        let declared = &cx.line.tags[tag.get()];
        let state = &mut self.tags[tag.get()];
        let checks = Checks { numeric: cx.line.is_numeric(declared), ..Checks::of(declared) };
        let number = reading.value.parsed().filter(|_| checks.numeric);
        let parsed =
            number.map(|number| Reading { value: Value::Number(number), ..reading.clone() });
        let reading = parsed.as_ref().unwrap_or(reading);
        if let Some(fault) = documents::no_number(cx.line, declared, &reading.value, checks.numeric)
        {
            cx.faults.push(fault);
        }
        let (mut flags, usable, change) = state.quality.assess(&checks, reading);
        flags |= known;
        let place = state.history.take(reading);
        if place == Place::Conflict {
            flags |= Flags::CONFLICT;
        }
        if let Some(change) = change {
            if change.sick {
                self.framer.forget(tag);
            }
            cx.tell(tell::sensor(cx.line, &declared.id, change, reading.at));
        }
        let mut duplicate = place == Place::Repeat;
        if !duplicate
            && usable
            && let Some(value) = reading.value.number()
        {
            match self.framer.offer(tag, reading.at, value) {
                Offered::New => {}
                Offered::Duplicate => duplicate = true,
                Offered::Conflict => flags |= Flags::CONFLICT,
                Offered::Late => flags |= Flags::LATE,
            }
        }
        self.tags[tag.get()].quality.count(flags, duplicate);
        if duplicate {
            self.hear(reading.received);
            return false;
        }
        cx.out.push(Effect::Reading(ReadingRecord {
            series: Arc::clone(series),
            at: reading.at,
            value: reading.value.clone(),
            flags,
            first: place == Place::First,
        }));
        // A text is good, too, unless its source calls it bad, as one does that has just lost its PLC.
        let text = reading.value.number().is_none()
            && !flags.intersects(Flags::FUTURE | Flags::SOURCE_BAD | Flags::NO_NUMBER);
        if usable || text {
            self.find_batch(cx, declared, reading);
            self.find_break(cx, declared, reading);
            self.newest = self.newest.max(Some(reading.at));
            self.advance(cx);
        }
        self.hear(reading.received);
        true
    }

    /// A reading that came before came again.
    pub(super) fn repeated(&mut self, tag: TagIx) {
        self.tags[tag.get()].quality.count(Flags::GOOD, true);
    }

    fn hear(&mut self, received: Timestamp) {
        self.heard = self.newest.map(|newest| (received, newest));
    }

    fn find_batch(&mut self, cx: &mut Context<'_>, tag: &crate::plant::Tag, reading: &Reading) {
        let (BatchSource::Tag(id) | BatchSource::TurnUp(id)) = &cx.line.batch else { return };
        if *id != tag.id {
            return;
        }
        if let Some(at) = self.finder.look(&cx.line.batch, reading.at, &reading.value) {
            self.batch_message(cx, found(cx.line, at));
        }
    }

    /// A change of the tag that tells breaks is a pause, or its end.
    fn find_break(&mut self, cx: &mut Context<'_>, tag: &crate::plant::Tag, reading: &Reading) {
        if cx.line.break_tag.as_ref() != Some(&tag.id) {
            return;
        }
        let Some(value) = reading.value.number() else { return };
        if let Some(event) = self.breaks.tell(reading.at, value) {
            let (line, at) = (Arc::clone(&cx.line.name), reading.at);
            self.batch_message(cx, BatchMessage { line, station: None, at, event });
        }
    }

    /// A batch event of this line.
    pub(super) fn batch_message(&mut self, cx: &mut Context<'_>, message: BatchMessage) {
        let mut changes = Vec::new();
        let at = message.at;
        self.book.take(message, self.framer.open(), &cx.plant.grades, &mut changes);
        self.follow(cx, changes, at);
    }

    /// The line's clock: the newest good reading less the lateness.
    fn watermark(&self, line: &Line) -> Option<Timestamp> {
        self.newest.map(|newest| newest.minus(line.lateness))
    }

    /// Closes what the clock has reached.
    fn advance(&mut self, cx: &mut Context<'_>) {
        let Some(watermark) = self.watermark(cx.line) else { return };
        while let Some(frame) = self.framer.close(watermark) {
            self.frame(cx, &frame);
        }
    }

    /// Time passed while the line was silent: its clock follows.
    pub(super) fn push(&mut self, cx: &mut Context<'_>, now: Timestamp) {
        if !self.is_silent(cx.line, now) {
            return;
        }
        let Some((heard, newest)) = self.heard else { return };
        // By as much as has passed since, not to `now`: a source whose clock is slow must not find
        // all it says too late when it speaks again.
        let pushed = Timestamp::from_nanos(newest.as_nanos().saturating_add(now.since(heard)));
        self.newest = self.newest.max(Some(pushed));
        self.advance(cx);
    }

    /// No more input will come: everything that waits is closed.
    pub(super) fn finish(&mut self, cx: &mut Context<'_>) {
        let Some(newest) = self.newest else { return };
        let end = newest.plus(cx.line.lateness).plus(cx.line.frame);
        while let Some(frame) = self.framer.close(end.minus(cx.line.lateness)) {
            self.frame(cx, &frame);
        }
        let mut changes = Vec::new();
        self.book.advance(Timestamp::MAX, &cx.plant.grades, &mut changes);
        self.follow(cx, changes, newest);
    }

    /// A closed frame goes its way: batch, model, verdict.
    pub(super) fn frame(&mut self, cx: &mut Context<'_>, frame: &Frame) {
        self.begin_frame(cx, frame);
        let counted = self.count(cx, frame);
        let judged = counted.as_ref().is_some_and(|counted| counted.product);
        self.follow_state(cx, frame, counted.is_some() && !judged);
        self.watch_sensors(cx, frame);
        let steady = self.steady.is_steady();
        cx.out.push(Effect::Frame(FrameRecord {
            line: cx.ix,
            batch: counted.as_ref().and_then(|counted| counted.batch.clone()),
            product: judged && steady,
            start: frame.start,
            end: frame.end,
            values: frame.values.clone(),
        }));
        if judged {
            self.judge(cx, frame);
        } else if counted.is_none() {
            self.between_batches(cx, frame.end);
        }
    }

    /// Breaks and changes of grade; smoothed statistics begin anew after them.
    fn follow_state(&mut self, cx: &Context<'_>, frame: &Frame, paused: bool) {
        let batch = self.book.current();
        let inside = |batch: &Batch| batch.product.quality.values().all(|q| q.in_since.is_some());
        let now = Now {
            start: frame.start,
            end: frame.end,
            paused,
            grade: batch.and_then(|batch| batch.grade.as_ref()),
            inside: batch.is_none_or(inside),
        };
        if self.steady.follow(cx.line, now) {
            let grade = self.grade_name();
            self.learning.restart(&grade);
        }
    }

    fn begin_frame(&mut self, cx: &mut Context<'_>, frame: &Frame) {
        self.frames += 1;
        self.first_frame.get_or_insert(frame.start);
        if self.judged_to.replace(frame.end).is_some_and(|before| before < frame.start) {
            // Nothing came of the whole line: no tag can be blamed for its silence until then.
            self.tags.iter_mut().for_each(|tag| tag.quality.excuse(frame.start));
        }
        let mut changes = Vec::new();
        if let BatchSource::Period(every) = cx.line.batch
            && let Some(at) = self.finder.look_at_clock(every, frame.start)
        {
            self.book.take(found(cx.line, at), None, &cx.plant.grades, &mut changes);
        }
        self.book.advance(frame.start, &cx.plant.grades, &mut changes);
        self.follow(cx, changes, frame.start);
    }

    /// Silent sensors, and the minute's figures.
    fn watch_sensors(&mut self, cx: &mut Context<'_>, frame: &Frame) {
        if self.newest.is_none() {
            // The frames came whole, from a recording: no sensor said anything, nor kept silent.
            return;
        }
        let since = self.first_frame.unwrap_or(frame.start);
        let steady = self.steady.is_steady();
        for (declared, state) in cx.line.tags.iter().zip(&mut self.tags) {
            let checks = Checks::of(declared);
            if !steady {
                // The scanner is off the sheet, and much stands still.
                state.quality.excuse(frame.end);
            } else if let Some(change) = state.quality.pass(&checks, frame.end, since) {
                let news = tell::sensor(cx.line, &declared.id, change, frame.end);
                cx.tell(news);
            }
        }
        let minute = frame.end.floor(MINUTE);
        if self.minute.replace(minute).is_none_or(|before| before == minute) {
            return;
        }
        for state in &mut self.tags {
            let Some(series) = &state.series else { continue };
            let health = sensor_health(series, minute, &mut state.quality);
            cx.out.push(Effect::SensorHealth(health));
        }
    }

    /// Adds the frame to what was made; `None` between batches.
    fn count(&mut self, cx: &Context<'_>, frame: &Frame) -> Option<FrameOf> {
        let value = |id: &Option<Arc<str>>| {
            let ix = cx.line.tag_position(id.as_ref()?)?;
            frame.values.get(ix).copied().filter(|value| value.is_finite())
        };
        let seconds = frame.end.seconds_since(frame.start);
        let speed = value(&cx.line.rate.length);
        let metres = speed.map(|m_per_min| m_per_min.max(0.0) / 60.0 * seconds);
        let kg = value(&cx.line.rate.mass).map(|t_per_h| t_per_h.max(0.0) / 3.6 * seconds);
        let grade = cx.grade(self.book.grade());
        let limits: Vec<_> = quality_values(cx.line, grade, frame).collect();
        let moves = cx.line.rate.length.is_none() || metres.is_some_and(|metres| metres > 0.0);
        let runs = self.book.pause().is_some() && moves && self.is_on_reel(cx, frame, &limits);
        let span = (frame.start, frame.end);
        if self.breaks.is_over(self.book.pause(), runs, span) {
            self.book.resume(frame.start);
        }
        let made = Made { start: frame.start, end: frame.end, metres, kg };
        if cx.line.batch == BatchSource::None {
            let product = self.book.count_running(&made, &limits);
            return Some(FrameOf { batch: None, product });
        }
        let Counted { batch, product } = self.book.count(&made, &limits)?;
        Some(FrameOf { batch: Some(batch), product })
    }

    /// True if the tag that tells breaks says that there is none; where none tells, if every quality tag
    /// with limits keeps coming.
    fn is_on_reel(&self, cx: &Context<'_>, frame: &Frame, limits: &batch::Limits<'_>) -> bool {
        if let Some(broken) = self.breaks.broken() {
            return !broken;
        }
        let keeps_coming = |tag: &str| {
            let last = cx.line.tag_position(tag).and_then(|ix| self.tags[ix].quality.last());
            last.is_some_and(|(at, _)| at.plus(FRESH) >= frame.end)
        };
        !limits.is_empty()
            && limits.iter().all(|(tag, value, _)| value.is_finite() && keeps_coming(tag))
    }

    fn judge(&mut self, cx: &mut Context<'_>, frame: &Frame) {
        let grade_name = self.grade_name();
        let steady = self.steady.is_steady();
        let process = if steady { self.score(cx, frame, &grade_name) } else { None };
        let batch = self.book.current();
        let product = batch.map_or_else(|| self.book.running(), |batch| &batch.product);
        let key = batch.map_or_else(|| "".into(), |batch| Arc::clone(&batch.id));
        let grade = cx.grade(self.book.grade());
        let missing: Vec<Arc<str>> = quality_values(cx.line, grade, frame)
            .filter(|(_, value, _)| value.is_nan())
            .map(|(tag, ..)| Arc::clone(tag))
            .collect();
        let learning = self.learning_count(cx.plant, &grade_name);
        let evidence = Evidence {
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
            expected: batch.and_then(|_| self.book.expected_amount(product.made_m.is_some())),
        };
        let before = self
            .document
            .as_ref()
            .filter(|document| document.batch == batch.map(|b| Arc::clone(&b.id)));
        let before = before.map(|document| document.verdict);
        let judge = self.judges.entry(Arc::clone(&key)).or_default();
        let opinion = judge.judge(&evidence);
        let flagged = opinion.call.is_flag();
        if let Some(batch) = self.book.find_mut(&key) {
            if opinion.changed {
                batch.revision += 1;
            }
            if flagged {
                batch.first_flag.get_or_insert(frame.end);
            }
        }
        let mut document =
            document(cx.line, self.book.find(&key), opinion, learning, frame.end, &grade_name);
        document.0.state = self.steady.word().map(Into::into);
        if flagged && let Some(process) = &process {
            contributions(cx, &grade_name, frame.end, &process.tags);
        }
        self.say(cx, document.0, document.1, before);
    }

    /// Puts the frame to the model of the grade.
    fn score(
        &mut self,
        cx: &mut Context<'_>,
        frame: &Frame,
        grade: &Arc<str>,
    ) -> Option<ProcessEvidence> {
        let judging = self.learning.judging_mut(grade)?;
        let (model, row) = judging.row(&frame.values)?;
        let score = model.score(&mut judging.online, &row);
        let high = score.score.is_some_and(|score| score > 0.8);
        let name = |column: usize| {
            let tag = judging.tag_of(column).and_then(|ix| cx.line.tags.get(ix));
            tag.map(|tag| Arc::clone(&tag.id))
        };
        let tags: Vec<(Arc<str>, f64)> = if high {
            let shares = model.contributions(&judging.online);
            shares.into_iter().filter_map(|(column, share)| Some((name(column)?, share))).collect()
        } else {
            Vec::new()
        };
        let missing = row
            .iter()
            .enumerate()
            .filter(|(_, value)| value.is_nan())
            .filter_map(|(ix, _)| name(ix));
        let evidence = ProcessEvidence {
            score: score.score,
            statistic: score.leads.as_str().into(),
            tags,
            missing: missing.collect(),
            coverage: score.coverage,
        };
        cx.out.push(Effect::Score(ScoreRecord {
            line: Arc::clone(&cx.line.name),
            grade: Arc::clone(grade),
            model: model.kind().into(),
            batch: self.book.current().map(|batch| Arc::clone(&batch.id)),
            at: frame.end,
            statistics: vec![
                ("t2", score.t2),
                ("t2_limit", score.t2_limit),
                ("spe", score.spe),
                ("spe_limit", score.spe_limit),
            ],
            score: score.score,
            probability_off_spec: None,
        }));
        if self.frames.is_multiple_of(u64::from(self.trend_every)) {
            if self.trend.len() == TREND_MAX {
                self.trend.pop_front();
            }
            self.trend.push_back(TrendPoint {
                at: frame.end,
                score: score.score,
                t2: score.score.map(|_| (score.t2, score.t2_limit)),
                spe: score.score.map(|_| (score.spe, score.spe_limit)),
            });
        }
        Some(evidence)
    }

    /// Says a verdict: the document, and what its change means to the batch's alarm.
    fn say(
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
                let fate = document.batch.as_ref().and_then(|id| self.book.find(id));
                let fate = fate.map_or(tell::Fate::Stands, tell::Fate::of);
                cx.tell(tell::batch(cx.line, kind, sets, at, (&document, &fate)));
            }
            if before != Some(document.verdict)
                && let Some(batch) = document.batch.as_ref().and_then(|id| self.book.find(id))
            {
                let record = record(cx.line, batch, Some(document.verdict));
                cx.out.push(Effect::Batch(Box::new(record)));
            }
        }
        if changed || self.said.is_none_or(|said| at >= said.plus(REPEAT)) {
            self.said = Some(at);
            cx.out.push(Effect::Verdict(Box::new(document.clone())));
        }
        self.document = Some(document);
    }

    fn between_batches(&mut self, cx: &mut Context<'_>, at: Timestamp) {
        if self.document.as_ref().is_some_and(|document| document.batch.is_none()) {
            return;
        }
        let grade = self.grade_name();
        let opinion = crate::verdict::Opinion {
            call: Call::Unknown,
            since: at,
            reasons: Vec::new(),
            first_mover: None,
            spans: Vec::new(),
            progress: None,
            changed: true,
        };
        let learning = self.learning_count(cx.plant, &grade);
        let (document, _) = document(cx.line, None, opinion, learning, at, &grade);
        // The alarm of the batch before was cleared when it ended.
        self.say(cx, document, true, None);
    }

    /// What happened to batches takes effect on verdicts, learning and models. What a station makes
    /// beside the line, or made before it, is no boundary of the line.
    fn follow(&mut self, cx: &mut Context<'_>, changes: Vec<Change>, at: Timestamp) {
        for change in changes {
            match change {
                Change::Started(id) => {
                    let Some(batch) = self.book.find(&id) else { continue };
                    let record = record(cx.line, batch, Some(Call::Unknown));
                    cx.out.push(Effect::Batch(Box::new(record)));
                    if batch.station.is_none() {
                        self.begin_batch(cx, at);
                    }
                }
                Change::Ended(id) => {
                    self.conclude(cx, &id, at, Some((EventKind::BatchFinished, Sets::Clear)));
                    if self.book.find(&id).is_none_or(|batch| batch.station.is_none()) {
                        self.boundary(cx, at);
                    }
                    let book = &self.book;
                    self.judges.retain(|id, _| id.is_empty() || book.find(id).is_some());
                }
                Change::Added(id) => {
                    self.conclude(cx, &id, at, Some((EventKind::BatchFinished, Sets::Keep)));
                }
                Change::Revised(id) => {
                    let ended = self.book.find(&id).is_some_and(|batch| batch.ended.is_some());
                    let told = (EventKind::BatchRevised, Sets::Keep);
                    self.conclude(cx, &id, at, ended.then_some(told));
                }
                Change::Refused(detail) => {
                    let detail = format!("line `{}`: {detail}", cx.line.name);
                    cx.faults.push(Fault { reason: Reason::BadEvent, detail });
                }
            }
        }
    }

    /// A batch of the line begins.
    fn begin_batch(&mut self, cx: &mut Context<'_>, at: Timestamp) {
        self.boundary(cx, at);
        let grade = self.grade_name();
        self.learning.restart(&grade);
        if self.breaks.broken() == Some(true) && cx.line.break_tag.is_some() {
            // The reel was changed at a break: what is made is no product until the web is back.
            let (line, reason) = (Arc::clone(&cx.line.name), Some("break".into()));
            let event = BatchEvent::Pause { reason };
            self.batch_message(cx, BatchMessage { line, station: None, at, event });
        }
    }

    /// The opinion on a batch of which the end, or something new, is known.
    fn conclude(
        &mut self,
        cx: &mut Context<'_>,
        id: &Arc<str>,
        at: Timestamp,
        told: Option<(EventKind, Sets)>,
    ) {
        let Some(batch) = self.book.find(id) else { return };
        let Some((kind, sets)) = told else {
            // Still in progress: the next frame judges it with what is new.
            let verdict = self.document.as_ref().map(|document| document.verdict);
            cx.out.push(Effect::Batch(Box::new(record(cx.line, batch, verdict))));
            return;
        };
        let grade = cx.grade(batch.grade.as_ref());
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
            expected: None,
        };
        let opinion = self.judges.entry(Arc::clone(id)).or_default().conclude(&evidence);
        if batch.station.is_none() {
            self.learning.look(batch, grade, &cx.plant.models);
        }
        let call = opinion.call;
        let grade_name = batch.grade.clone().unwrap_or_else(|| NO_GRADE.into());
        // A batch that ended while its model was learning says how far that is.
        let learning = self.learning_count(cx.plant, &grade_name);
        let said = evidence.at.max(at);
        let (document, _) = document(cx.line, Some(batch), opinion, learning, said, &grade_name);
        let record = record(cx.line, batch, (!batch.void).then_some(call));
        cx.out.push(Effect::Batch(Box::new(record)));
        let fate = tell::Fate::of(batch);
        cx.tell(tell::batch(cx.line, kind, sets, said, (&document, &fate)));
        if kind == EventKind::BatchFinished {
            cx.out.push(Effect::BatchVerdict(Box::new(document)));
        }
        self.request(cx, &grade_name, said);
    }

    fn request(&mut self, cx: &mut Context<'_>, grade: &Arc<str>, at: Timestamp) {
        let id = *cx.next_request;
        let line = (cx.ix, cx.line);
        let how = (&cx.plant.models, cx.plant.grades.get(grade));
        if let Some(request) = self.learning.request(line, grade, how, at, id) {
            *cx.next_request += 1;
            cx.out.push(Effect::Fit(request));
        }
    }

    /// A batch boundary: a model that is ready judges from now on.
    fn boundary(&mut self, cx: &mut Context<'_>, at: Timestamp) {
        for (grade, outcome) in self.learning.boundary(cx.line) {
            let told = match &outcome {
                Outcome::Promoted { version, summary, .. } => Ok((*version, summary.as_str())),
                Outcome::Rejected { reason } => Err(reason.as_str()),
            };
            cx.tell(tell::model(cx.line, &grade, told, at));
            if let Outcome::Promoted { request, version, artifact, .. } = outcome {
                let kind = self.learning.judging(&grade).and_then(|judging| judging.model());
                cx.out.push(Effect::Model(ModelRecord {
                    id: request,
                    line: Arc::clone(&cx.line.name),
                    grade,
                    kind: kind.map_or("", |model| model.kind()).into(),
                    version,
                    at,
                    artifact,
                }));
            }
        }
    }

    fn grade_name(&self) -> Arc<str> {
        self.book.grade().cloned().unwrap_or_else(|| NO_GRADE.into())
    }

    fn learning_count(&self, plant: &Plant, grade: &str) -> Option<LearningDocument> {
        if self.learning.judging(grade).is_some() {
            return None;
        }
        let need = plant.models.learning_batches;
        Some(LearningDocument { have: self.learning.have(grade).min(need), need })
    }

    /// The line as people see it.
    pub(super) fn view(&self, line: &Line, last_batches: usize) -> LineView {
        let verdict = |batch: &Batch| {
            let judge = self.judges.get(&batch.id);
            judge.map(Judge::call).filter(|_| !batch.void)
        };
        let grade = self.grade_name();
        let model = self.learning.judging(&grade);
        LineView {
            name: Arc::clone(&line.name),
            clock: self.watermark(line).map(Timestamp::as_millis),
            blind: self.blind,
            verdict: self.document.clone(),
            batch: self.book.current().map(|batch| record(line, batch, verdict(batch))),
            trend: self.trend.iter().cloned().collect(),
            last_batches: self
                .book
                .finished()
                .take(last_batches)
                .map(|batch| record(line, batch, verdict(batch)))
                .collect(),
            tags: line
                .tags
                .iter()
                .zip(&self.tags)
                .map(|(tag, state)| tag_view(tag, &state.quality, state.series.is_some()))
                .collect(),
            model: model.and_then(|judging| {
                judging
                    .model()
                    .map(|model| format!("version {}: {}", judging.version, model.summary()))
            }),
        }
    }
}

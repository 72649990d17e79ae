//! One line: its tags, its clock, its frames, its batches, its models, its verdict.

mod absent;
mod course;
mod judging;
pub(super) mod late;
mod maintained;
mod sensors;

use super::breaks::{Breaks, FRESH};
use super::charts::Charts;
use super::clocks::{Clocks, Origin, SourceIx, behind_ms};
use super::documents::{self, found, quality_values, record, tag_view};
use super::effect::{Effect, FrameRecord, ReadingRecord};
use super::history::{History, Place};
use super::learning::Learning;
use super::maintenance::Maintenance;
use super::outlook::Outlook;
use super::scans::Scans;
use super::similar::Patterns;
use super::soft_sensors::SoftSensors;
use super::steady::{Now, Steady};
use super::view::{LineView, TrendPoint};
use super::{alarms::as_of_now, leapt, stamps};
use crate::alarm::{self, Design, News};
use crate::batch::{self, Batch, Counted, Finder, NameFinder};
use crate::decode::{BatchEvent, BatchMessage, Fault, Reason};
use crate::frame::{Frame, Framer, Offered, Transits};
use crate::plant::{BatchSource, Grade, Line, Plant};
use crate::quality::{AHEAD, Beyond, Checks, Stamp, TagClock, TagQuality};
use crate::reading::{Flags, LineIx, Reading, Series, TagIx, Timestamp, Value};
use crate::verdict::{Call, Document, Judge, SectionDocument};
use absent::Absence;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

/// The name under which a line without grades is judged.
pub(super) const NO_GRADE: &str = "none";

/// What a line may use of the plant while it works.
#[derive(Debug)]
pub(super) struct Context<'a> {
    pub(super) ix: LineIx,
    pub(super) plant: &'a Plant,
    pub(super) line: &'a Line,
    pub(super) alarms: &'a mut alarm::Book,
    /// The ids of the next request for a grade's own model, for a borrowed one, and for a soft sensor.
    pub(super) next_ids: (&'a mut u64, &'a mut u64, &'a mut u64),
    pub(super) clocks: &'a mut Clocks,
    pub(super) faults: &'a mut Vec<Fault>,
    pub(super) out: &'a mut Vec<Effect>,
}

impl Context<'_> {
    /// Where a reading of the line comes from.
    pub(super) fn from(
        &mut self,
        broker: Option<&Arc<str>>,
        series: &Series,
        likely: Option<SourceIx>,
        time: (bool, bool),
    ) -> Origin {
        self.clocks.from(broker, series, likely, time, self.out)
    }

    pub(super) fn tell(&mut self, news: News) {
        let mut said = Vec::new();
        self.alarms.tell(news, &self.plant.alarms, &mut said);
        self.out.extend(said.into_iter().map(Effect::from));
    }

    /// The state of the line begins, or ceases, to make alarms of it meaningless.
    pub(super) fn design(&mut self, design: Design, holds: bool, at: Timestamp) {
        let mut said = Vec::new();
        self.alarms.design(&self.line.name, (design, holds, at), &self.plant.alarms, &mut said);
        self.out.extend(said.into_iter().map(Effect::from));
    }

    /// The line's clock has come so far: delays of its alarms end, by the newest verdict.
    pub(super) fn pass(&mut self, clock: Option<Timestamp>, verdict: Option<&Document>) {
        let mut said = Vec::new();
        if let Some(clock) = clock {
            self.alarms.pass(&self.line.name, clock, &self.plant.alarms, &mut said);
            as_of_now(&mut said, verdict, &self.plant.alarms.speech);
        }
        self.out.extend(said.into_iter().map(Effect::from));
    }

    /// What the grade asks for of what begins at an instant.
    fn grade(&self, name: Option<&Arc<str>>, instant: Timestamp) -> Option<&Grade> {
        self.plant.grades.at(name?, instant)
    }

    /// What the batch has to be: as it was asked for when it began.
    fn grade_of(&self, batch: &Batch) -> Option<&Grade> {
        self.grade(batch.grade.as_ref(), batch.started)
    }

    /// The name of a grade that the plant does not declare, though it declares others.
    fn strange<'n>(&self, name: Option<&'n Arc<str>>) -> Option<&'n Arc<str>> {
        name.filter(|name| !self.plant.grades.is_empty() && !self.plant.grades.contains(name))
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
    pub(super) book: batch::Book,
    finder: Finder,
    grade_finder: NameFinder,
    #[serde(default)]
    phase_finder: NameFinder,
    /// The judges of the batches in the book, by id; the one of a line without batches under "".
    judges: BTreeMap<Arc<str>, Judge>,
    /// What moved in the batches of the book.
    #[serde(default)]
    patterns: Patterns,
    #[serde(default)]
    pub(super) charts: Charts,
    pub(super) learning: Learning,
    #[serde(default)]
    pub(super) soft_sensors: SoftSensors,
    #[serde(default)]
    pub(super) outlook: Outlook,
    /// What scanners saw of the batches of the book.
    #[serde(default)]
    pub(super) scans: Scans,
    document: Option<Document>,
    said: Option<Timestamp>,
    trend: VecDeque<TrendPoint>,
    trend_every: u32,
    frames: u64,
    first_frame: Option<Timestamp>,
    steady: Steady,
    #[serde(default)]
    maintenance: Maintenance,
    #[serde(default)]
    absence: Absence,
    breaks: Breaks,
    late: late::Late,
    /// The delays of its tags.
    #[serde(default)]
    transits: Transits,
    /// The end of the last frame.
    pub(super) judged_to: Option<Timestamp>,
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
    clock: TagClock,
    lately: late::Lately,
    /// True if its last reading had no time of its own.
    unstamped: bool,
    /// True if it is stale since it never came, which nobody was told as a fault of a sensor.
    #[serde(default)]
    unsaid: bool,
    /// Where its last reading came from.
    #[serde(skip)]
    source: Option<SourceIx>,
}

impl LineState {
    pub(super) fn new(line: &Line) -> Self {
        let tag = |_| TagState {
            series: None,
            quality: TagQuality::default(),
            history: History::default(),
            clock: TagClock::default(),
            lately: late::Lately::default(),
            unstamped: false,
            unsaid: false,
            source: None,
        };
        Self {
            framer: Framer::new(line),
            newest: None,
            heard: None,
            tags: line.tags.iter().map(tag).collect(),
            book: batch::Book::new(line.grade.clone()),
            finder: Finder::default(),
            grade_finder: NameFinder::default(),
            phase_finder: NameFinder::default(),
            judges: BTreeMap::new(),
            patterns: Patterns::default(),
            charts: Charts::new(line),
            learning: Learning::default(),
            soft_sensors: SoftSensors::default(),
            outlook: Outlook::default(),
            scans: Scans::default(),
            document: None,
            said: None,
            trend: VecDeque::new(),
            // A trend of about an hour, whatever a frame is.
            trend_every: u32::try_from(10_000 / line.frame.as_millis().max(1)).unwrap_or(1).max(1),
            frames: 0,
            first_frame: None,
            steady: Steady::default(),
            maintenance: Maintenance::default(),
            absence: Absence::default(),
            breaks: Breaks::default(),
            late: late::Late::default(),
            transits: Transits::default(),
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
        self.transits.adopt(&old.transits, old_line, line);
        self.newest = old.newest;
        self.heard = old.heard;
        self.frames = old.frames;
        self.first_frame = old.first_frame;
        self.judged_to = old.judged_to;
        self.minute = old.minute;
        self.trend = old.trend;
        self.book = old.book;
        self.judges = old.judges;
        self.patterns = old.patterns;
        self.charts.adopt(old.charts, old_line, line);
        self.learning = old.learning;
        self.learning.revive(line);
        self.outlook = old.outlook;
        self.outlook.begin_batch();
        self.scans = old.scans;
        self.soft_sensors = old.soft_sensors;
        self.soft_sensors.reconfigured(line);
        self.document = old.document;
        self.said = old.said;
        self.steady = old.steady;
        self.maintenance = old.maintenance;
        self.absence = old.absence;
        self.keep_missing(line);
        if line.break_tag == old_line.break_tag {
            self.breaks = old.breaks;
        }
        if line.batch == old_line.batch {
            self.finder = old.finder;
        }
        if line.grade_tag == old_line.grade_tag {
            self.grade_finder = old.grade_finder;
        }
        if line.phase_tag == old_line.phase_tag {
            self.phase_finder = old.phase_finder;
        } else {
            self.book.forget_phases();
        }
        self.close_past();
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

    /// Where the last reading of a declared tag came from.
    pub(super) fn likely_source(&self, tag: TagIx) -> Option<SourceIx> {
        self.tags[tag.get()].source
    }

    /// When the line was last heard, by the receiver's clock.
    pub(super) fn heard_at(&self) -> Option<Timestamp> {
        self.heard.map(|(received, _)| received)
    }

    /// The receiver's clock leapt by so much that did not pass.
    pub(super) fn leap(&mut self, by_nanos: i64) {
        if let Some((received, _)) = &mut self.heard {
            *received = leapt(*received, by_nanos);
        }
        self.tags.iter_mut().for_each(|tag| tag.clock.forget());
    }

    /// The line's own time when the receiver's clock shows `now`, by as much as has passed since it was heard last. It is not `now`:
    /// a source whose clock is slow must not find all it says too late when it speaks again.
    pub(super) fn time(&self, now: Timestamp) -> Option<Timestamp> {
        let (heard, newest) = self.heard?;
        Some(Timestamp::from_nanos(newest.as_nanos().saturating_add(now.since(heard))))
    }

    /// True if nothing has come for the line's `idle`, and nothing is known of it but this.
    pub(super) fn is_silent(&self, line: &Line, now: Timestamp) -> bool {
        !self.blind && self.heard.is_some_and(|(heard, _)| now >= heard.plus(line.idle))
    }

    /// The newest event time of its good readings.
    pub(super) fn newest(&self) -> Option<Timestamp> {
        self.newest
    }

    /// What is made: batch and grade, as one word; `None` while nothing is.
    pub(super) fn product(&self) -> Option<Arc<str>> {
        let batch = self.book.current().map_or("", |batch| &*batch.id);
        self.steady.is_made().then(|| format!("{batch}\n{}", self.grade_name()).into())
    }

    /// True of a batch that events take effect on now.
    pub(super) fn knows(&self, batch: &str) -> bool {
        self.book.find(batch).is_some()
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
        (known, from): (Flags, Origin),
    ) -> bool {
        let declared = &cx.line.tags[tag.get()];
        let state = &mut self.tags[tag.get()];
        let checks = Checks::on(cx.line, declared);
        let number = reading.value.parsed().filter(|_| checks.numeric);
        let parsed =
            number.map(|number| Reading { value: Value::Number(number), ..reading.clone() });
        let reading = parsed.as_ref().unwrap_or(reading);
        if let Some(fault) = documents::no_number(cx.line, declared, &reading.value, checks.numeric)
        {
            cx.faults.push(fault);
        }
        // What is said to be old is no sign of a wrong clock.
        let historical = known.contains(Flags::HISTORICAL);
        let beyond = cx.clocks.guard(from, &state.clock, (reading.at, reading.received));
        let beyond = beyond.filter(|beyond| !historical || *beyond == Beyond::Future);
        let (mut flags, mut usable, change) = match beyond {
            // Nothing about the sensor can be learned from a clock that is wrong.
            Some(Beyond::Past) => {
                (TagQuality::of_source(reading.quality) | Flags::PAST, false, None)
            }
            // Nor whether it is well now by what it measured long ago.
            Some(Beyond::Future) | None if historical => {
                (TagQuality::of_source(reading.quality) | Flags::LATE, false, None)
            }
            Some(Beyond::Future) | None => state.quality.assess(&checks, reading),
        };
        flags |= known;
        let place = state.history.take(reading);
        if place == Place::Conflict {
            flags |= Flags::CONFLICT;
        }
        if let Some(change) = change {
            if change.sick {
                self.forget_lately(tag, change.fault);
                self.framer.forget(tag);
            }
            self.tell_sensor(cx, (tag, reading.at), change, None);
        }
        self.follow_clock(cx, tag, reading, (beyond, place, from), historical);
        let off_in_time = self.tags[tag.get()].quality.is_off_in_time();
        usable &= !off_in_time;
        if off_in_time && self.framer.open().is_some_and(|open| reading.at < open) {
            flags |= Flags::LATE;
        }
        // However far ahead a clock is within its guard: it does not make the others late.
        let moves_to = reading.at.min(reading.received.plus(AHEAD));
        let mut duplicate = place == Place::Repeat;
        if !duplicate
            && usable
            && let Some(value) = reading.value.number()
        {
            self.framer.begin(moves_to);
            let offered = self.framer.offer(tag, reading.at, value);
            match offered {
                Offered::New => {}
                Offered::Duplicate => duplicate = true,
                Offered::Conflict => flags |= Flags::CONFLICT,
                Offered::Late => flags |= Flags::LATE,
            }
            if !duplicate {
                let late = offered == Offered::Late;
                self.keep_lately(cx, tag, reading.at, value, late);
            }
        }
        if historical && !duplicate {
            self.keep_historical(cx, tag, reading, flags);
        }
        let quality = &mut self.tags[tag.get()].quality;
        quality.count(flags, duplicate);
        if flags.intersects(Flags::LATE | Flags::FUTURE | Flags::PAST | Flags::CONFLICT)
            && let Some(newest) = self.newest
        {
            quality.spoke(newest);
        }
        if duplicate {
            self.hear(cx, (tag, usable), reading);
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
            && !off_in_time
            && !flags.intersects(
                Flags::FUTURE
                    | Flags::PAST
                    | Flags::SOURCE_BAD
                    | Flags::NO_NUMBER
                    | Flags::HISTORICAL,
            );
        if usable || text {
            self.find_what_is_made(cx, declared, reading);
            self.newest = self.newest.max(Some(moves_to));
            self.advance(cx);
        }
        self.count_late(cx, false);
        self.hear(cx, (tag, usable || text), reading);
        true
    }

    /// Follows the clocks of a tag and its source.
    fn follow_clock(
        &mut self,
        cx: &mut Context<'_>,
        tag: TagIx,
        reading: &Reading,
        (beyond, place, from): (Option<Beyond>, Place, Origin),
        historical: bool,
    ) {
        if historical {
            return;
        }
        let state = &mut self.tags[tag.get()];
        state.source = from.source;
        state.unstamped = !from.own_time;
        if !from.own_time {
            return;
        }
        let (at, received) = (reading.at, reading.received);
        let conflict = place == Place::Conflict;
        let stamp = Stamp { at, received, beyond, conflict, measures: from.measures };
        cx.clocks.follow(from, &mut state.clock, &stamp);
        let id = &cx.line.tags[tag.get()].id;
        if let Some(beyond) = beyond.filter(|_| state.clock.begins_beyond()) {
            let detail = stamps::odd_reading(id, at, received, beyond);
            cx.faults.push(Fault { reason: Reason::BadTime, detail });
        }
        if state.clock.is_off() == state.quality.is_off_in_time() {
            return;
        }
        let checks = Checks::of(&cx.line.tags[tag.get()]);
        if state.clock.off().is_some_and(|(fault, _)| !checks.looks_for(fault)) {
            return;
        }
        let said_at = self.newest.unwrap_or(at);
        let Some(change) = state.quality.follow_clock(&state.clock, said_at) else { return };
        let behind_ms = behind_ms(&state.clock, change);
        if change.sick {
            self.forget_lately(tag, change.fault);
            self.framer.forget(tag);
        }
        self.tell_sensor(cx, (tag, said_at), change, behind_ms);
    }

    /// An old value belongs to the batch in which it was measured, like one that came late.
    fn keep_historical(&mut self, cx: &Context<'_>, tag: TagIx, reading: &Reading, flags: Flags) {
        if !flags.intersects(Flags::SOURCE_BAD | Flags::PAST | Flags::FUTURE)
            && let Some(value) = reading.value.number()
        {
            self.keep_lately(cx, tag, reading.at, value, true);
        }
    }

    /// The tag has no value any more, as its source says, since then or since its last one.
    pub(super) fn lost(&mut self, tag: TagIx, since: Option<Timestamp>) {
        self.framer.lose(tag, since);
    }

    /// Nothing will come of the tag any more, as its source says: nobody need wait until it has been silent
    /// for long.
    pub(super) fn absent(&mut self, cx: &mut Context<'_>, tag: TagIx, at: Timestamp) {
        let declared = &cx.line.tags[tag.get()];
        let quality = &mut self.tags[tag.get()].quality;
        if let Some(change) = quality.absent(&Checks::of(declared), at) {
            self.tell_sensor(cx, (tag, at), change, None);
            self.tell_missing(cx, at);
        }
    }

    /// A reading that came before came again.
    pub(super) fn repeated(&mut self, tag: TagIx) {
        self.tags[tag.get()].quality.count(Flags::GOOD, true);
    }

    /// A tag may tell what is made: of which grade, which batch, in which phase, or nothing.
    fn find_what_is_made(
        &mut self,
        cx: &mut Context<'_>,
        tag: &crate::plant::Tag,
        reading: &Reading,
    ) {
        self.find_grade(cx, tag, reading);
        self.find_batch(cx, tag, reading);
        self.find_phase(cx, tag, reading);
        self.find_break(cx, tag, reading);
    }

    fn find_batch(&mut self, cx: &mut Context<'_>, tag: &crate::plant::Tag, reading: &Reading) {
        let (BatchSource::Tag(id, _) | BatchSource::TurnUp(id)) = &cx.line.batch else { return };
        if *id != tag.id {
            return;
        }
        if let Some(at) = self.finder.look(&cx.line.batch, reading.at, &reading.value) {
            self.batch_message(cx, found(cx.line, at, Some(&reading.value)));
        }
    }

    /// A change of the tag that tells the grade is a change of grade.
    fn find_grade(&mut self, cx: &mut Context<'_>, tag: &crate::plant::Tag, reading: &Reading) {
        if cx.line.grade_tag.as_ref() != Some(&tag.id) {
            return;
        }
        if let Some(grade) = self.grade_finder.look(reading.at, &reading.value) {
            let (line, at) = (Arc::clone(&cx.line.name), reading.at);
            let event = BatchEvent::GradeChange { grade };
            self.batch_message(cx, BatchMessage { line, station: None, at, event });
        }
    }

    /// A change of the tag that tells phases is the next phase.
    fn find_phase(&mut self, cx: &mut Context<'_>, tag: &crate::plant::Tag, reading: &Reading) {
        if cx.line.phase_tag.as_ref() != Some(&tag.id) {
            return;
        }
        if let Some(phase) = self.phase_finder.look(reading.at, &reading.value) {
            let (line, at) = (Arc::clone(&cx.line.name), reading.at);
            let event = BatchEvent::Phase { batch: None, phase };
            self.batch_message(cx, BatchMessage { line, station: None, at, event });
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
        let Some(pushed) = self.time(now) else { return };
        self.newest = self.newest.max(Some(pushed));
        self.advance(cx);
        self.count_late(cx, false);
    }

    /// No more input will come: everything that waits is closed.
    pub(super) fn finish(&mut self, cx: &mut Context<'_>) {
        let Some(newest) = self.newest else { return };
        let end = newest.plus(cx.line.lateness).plus(cx.line.frame);
        while let Some(frame) = self.framer.close(end.minus(cx.line.lateness)) {
            self.frame(cx, &frame);
        }
        self.reach(cx, Timestamp::MAX, newest);
        self.count_late(cx, true);
    }

    /// A closed frame goes its way: batch, model, verdict.
    pub(super) fn frame(&mut self, cx: &mut Context<'_>, frame: &Frame) {
        self.begin_frame(cx, frame);
        let counted = self.count(cx, frame);
        let judged = counted.as_ref().is_some_and(|counted| counted.product);
        self.follow_state(cx, frame, counted.is_some() && !judged);
        self.watch_sensors(cx, frame);
        let steady = self.steady.is_steady();
        let values = self.without_accused(&frame.values);
        self.transits.take(cx.line, &values);
        if judged && steady && self.maintenance.is_on() {
            self.charts.interrupt(cx.line);
            let grade = self.grade_name();
            self.foretell(cx, (&grade, frame.start), (&values, frame.end));
        } else if judged && steady {
            let grade = self.grade_name();
            self.charts.frame(cx.line, &grade, (frame.start, frame.end, &values), cx.out);
            self.foretell(cx, (&grade, frame.start), (&values, frame.end));
        } else if counted.is_some() {
            self.charts.interrupt(cx.line);
        }
        cx.out.push(Effect::Frame(FrameRecord {
            line: cx.ix,
            batch: counted.as_ref().and_then(|counted| counted.batch.clone()),
            product: judged && steady,
            start: frame.start,
            end: frame.end,
            values,
        }));
        if judged {
            self.judge(cx, frame);
        } else if counted.is_none() {
            self.between_batches(cx, frame.end);
        }
    }

    /// Breaks and changes of grade; smoothed statistics begin anew after them.
    fn follow_state(&mut self, cx: &mut Context<'_>, frame: &Frame, paused: bool) {
        let batch = self.book.current();
        let inside = |batch: &Batch| batch.product.quality.values().all(|q| q.in_since.is_some());
        let now = Now {
            start: frame.start,
            end: frame.end,
            paused,
            grade: batch.and_then(|batch| batch.grade.as_ref()),
            inside: batch.is_none_or(inside),
        };
        let was_steady = self.steady.is_steady();
        let begins = self.steady.follow(cx.line, now);
        let is_steady = self.steady.is_steady();
        if is_steady != was_steady {
            cx.design(Design::Unsteady, !is_steady, frame.start);
        }
        if begins {
            let key = self.book.current().map(|batch| Arc::clone(&batch.id));
            if let Some(batch) = key.and_then(|id| self.book.find_mut(&id)) {
                batch.is_steady_from(frame.start);
            }
            let grade = self.grade_name();
            self.learning.interrupt(&grade);
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
            self.book.take(found(cx.line, at, None), None, &cx.plant.grades, &mut changes);
        }
        self.follow(cx, changes, frame.start);
        self.reach(cx, frame.start, frame.start);
        self.reach_maintenance(cx, frame.start);
    }

    /// What waited for an instant takes effect.
    fn reach(&mut self, cx: &mut Context<'_>, frontier: Timestamp, at: Timestamp) {
        let mut changes = Vec::new();
        while self.book.advance(frontier, &cx.plant.grades, &mut changes) {
            self.follow(cx, std::mem::take(&mut changes), at);
        }
    }

    /// Adds the frame to what was made; `None` between batches.
    fn count(&mut self, cx: &Context<'_>, frame: &Frame) -> Option<FrameOf> {
        let span = (frame.start, frame.end);
        let made = late::made(cx.line, span, |id| {
            let ix = cx.line.tag_position(id);
            ix.and_then(|ix| frame.values.get(ix)).copied().unwrap_or(f64::NAN)
        });
        let grade = self.asked_of(cx.plant, frame.start);
        let limits: Vec<_> = quality_values(cx.line, grade, frame).collect();
        let moves = cx.line.rate.length.is_none() || made.metres.is_some_and(|metres| metres > 0.0);
        let runs = self.book.pause().is_some() && moves && self.is_on_reel(cx, frame, &limits);
        if self.breaks.is_over(self.book.pause(), runs, span) {
            self.book.resume(frame.start);
        }
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

    /// What was said of a batch last; `None` of one that is void.
    pub(super) fn call_of(&self, batch: &Batch) -> Option<Call> {
        (!batch.void).then(|| self.judges.get(&batch.id).map(Judge::call).unwrap_or_default())
    }

    /// The batch in progress by stretches of one call.
    fn stretches(&self, plant: &Plant) -> Vec<SectionDocument> {
        let batch = self.book.current();
        let judged = batch.and_then(|batch| Some((batch, self.judges.get(&batch.id)?)));
        judged.map_or_else(Vec::new, |(batch, judge)| {
            judge.stretches(batch, self.asked_of(plant, batch.started))
        })
    }

    /// The line as people see it.
    pub(super) fn view(&self, line: &Line, plant: &Plant, last_batches: usize) -> LineView {
        let grade = self.grade_name();
        let model = self.learning.judging(&grade);
        LineView {
            name: Arc::clone(&line.name),
            clock: self.watermark(line).map(Timestamp::as_millis),
            blind: self.blind,
            verdict: self.document.clone(),
            batch: self.book.current().map(|batch| record(line, batch, self.call_of(batch))),
            stretches: self.stretches(plant),
            course: self.course(line, plant),
            trend: self.trend.iter().cloned().collect(),
            last_batches: self
                .book
                .finished()
                .take(last_batches)
                .map(|batch| record(line, batch, self.call_of(batch)))
                .collect(),
            tags: line
                .tags
                .iter()
                .zip(&self.tags)
                .map(|(tag, state)| {
                    let heard = state.series.is_some();
                    let silent = self.absence.silent.is_some();
                    tag_view(tag, &state.quality, &state.clock, (heard, state.unstamped, silent))
                })
                .collect(),
            profiles: Vec::new(),
            charts: Vec::new(),
            model: model.and_then(|judging| {
                judging
                    .model()
                    .map(|model| format!("version {}: {}", judging.version, model.summary()))
            }),
            soft_sensors: self
                .soft_sensors
                .view(&grade, self.asked_of(plant, self.judged_to.unwrap_or_default())),
            prospects: self.outlook.view(),
            challengers: self.learning.challengers().collect(),
            promotions: self.learning.promotions().collect(),
            maintenance: self.maintenance.view(),
            wrong_flags: self
                .judged_to
                .and_then(|at| self.learning.wrong_flags(line, &grade, (&plant.models, at))),
            drift: self.learning.drifted(&grade),
        }
    }
}

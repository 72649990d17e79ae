//! The text of an event: where, since when, why, what is left to save, and what to do.

use super::super::event::{Besides, EventKind, Fate, Subject};
use super::{NAMED, What, Words, is_decided};
use crate::plant::Advice;
use crate::profile::Place;
use crate::reading::Timestamp;
use crate::verdict::{Call, Document, Reason, SpanDocument};
use crate::words::number::{number, per_cent, quantity};
use crate::words::reason::{alike, contributions, mover, reason};
use crate::words::{Locale, Phrase, SystemReason};
use std::sync::Arc;

/// The most stretches that are named.
const PLACES: usize = 3;

/// A few sentences.
pub(super) fn text(what: &What<'_>, locale: &Locale) -> Phrase {
    let speaker = Speaker { locale, words: Words::of(locale.language) };
    Phrase::joined(speaker.sentences(what), locale.language.space())
}

/// Why, of what has a reason of its own and no verdict.
pub(super) fn why(what: &What<'_>, locale: &Locale) -> Phrase {
    let speaker = Speaker { locale, words: Words::of(locale.language) };
    match what.subject {
        Subject::Line { since } => speaker.at(
            match what.kind {
                EventKind::LineRestored => speaker.words.blind_was,
                EventKind::LineSilent => speaker.words.silent_since,
                EventKind::LineHeard => speaker.words.silent_was,
                _ => speaker.words.blind_since,
            },
            *since,
        ),
        Subject::Monitor { reasons, since } if reasons.is_empty() => {
            speaker.at(speaker.words.unjudged_was, *since)
        }
        Subject::Monitor { reasons, .. } => {
            Phrase::joined(speaker.reasons(reasons, &Besides::default()), locale.language.space())
        }
        Subject::Model { reason, .. } => reason.phrase(locale),
        Subject::System { reason, .. } => reason.phrase(locale),
        Subject::Gone(of) => why(&What { subject: of, ..*what }, locale),
        _ => Phrase::default(),
    }
}

/// Who speaks, in a language.
struct Speaker<'a> {
    locale: &'a Locale,
    words: &'static Words,
}

impl Speaker<'_> {
    fn sentences(&self, what: &What<'_>) -> Vec<Phrase> {
        let words = self.words;
        let say = |sentence| vec![Phrase::words(sentence)];
        match what.subject {
            Subject::Gone(_) => Vec::new(),
            Subject::Batch { verdict, besides, .. } => self.batch(what.kind, verdict, besides),
            Subject::Sensor { since, .. } if what.kind == EventKind::SensorRecovered => {
                vec![self.at(words.was, *since)]
            }
            Subject::Sensor { fault, since, behind_ms, .. } => {
                let mut said = vec![self.at(words.sensor_since, *since)];
                said.extend(behind_ms.map(|by| {
                    let sentence = if by < 0 { words.stamps_ahead } else { words.stamps_behind };
                    let by = self.locale.language.duration(by.saturating_abs());
                    Phrase::fill(sentence, &[("by", &Phrase::told(by))])
                }));
                said.push(Phrase::words(match &**fault {
                    "stale" | "intermittent" => words.todo_cable,
                    "skew" | "frozen-clock" => words.todo_tag_clock,
                    "source-bad" | "no-number" | "unit" => words.todo_source,
                    "offset" | "drift" | "frozen" | "attenuated" => words.todo_calibrate,
                    _ => words.todo_instrument,
                }));
                said
            }
            Subject::Profile { since, .. } if what.kind == EventKind::ProfileEven => {
                vec![self.at(words.was, *since)]
            }
            Subject::Profile { unit, streaks, since, .. } => {
                let places = streaks.iter().map(|place| self.streak(place, unit));
                let places = Phrase::joined(places, self.locale.language.comma());
                let at = Phrase::told(self.locale.full(since.as_millis()));
                let pieces = [("at", &at), ("places", &places)];
                let mut said = vec![Phrase::fill(words.streak_since, &pieces)];
                said.extend(say(words.todo_streak));
                said
            }
            Subject::Line { .. } => {
                let mut said = vec![why(what, self.locale)];
                said.extend(match what.kind {
                    EventKind::LineBlind => say(words.todo_blind),
                    EventKind::LineSilent => say(words.todo_silent),
                    _ => Vec::new(),
                });
                said
            }
            Subject::Tags { tags, since, .. } if tags.is_empty() => {
                vec![self.at(words.was, *since)]
            }
            Subject::Tags { tags, since, .. } => {
                let names = self.locale.language.names(tags.iter().map(|tag| &**tag));
                let at = Phrase::told(self.locale.full(since.as_millis()));
                let pieces = [("at", &at), ("tags", &names)];
                let mut said = vec![Phrase::fill(words.missing_since, &pieces)];
                said.extend(say(words.todo_missing));
                said
            }
            Subject::Monitor { since, .. } if what.kind == EventKind::LineJudged => {
                vec![self.at(words.unjudged_was, *since)]
            }
            Subject::Monitor { reasons, since } => {
                let mut said = vec![self.at(words.unjudged_since, *since)];
                said.extend(self.reasons(reasons, &Besides::default()));
                said.extend(say(words.todo_unjudged));
                said
            }
            Subject::Model { reason, .. } => {
                let mut said = vec![reason.phrase(self.locale)];
                said.extend(match (what.kind, reason.better_one()) {
                    (EventKind::ModelDrifted, _) => say(words.todo_drifted),
                    (EventKind::ModelWaiting, _) => say(words.todo_waiting),
                    (EventKind::ModelRejected, None) => say(words.todo_no_model),
                    _ => Vec::new(),
                });
                said.retain(|sentence| !sentence.is_empty());
                said
            }
            Subject::System { component, reason, since } => {
                self.system(what.kind, component, reason, *since)
            }
        }
    }

    fn batch(&self, kind: EventKind, document: &Document, besides: &Besides) -> Vec<Phrase> {
        let (words, language) = (self.words, self.locale.language);
        let mut said = Vec::new();
        if !document.spans.is_empty() && document.verdict != Call::OnSpec {
            said.push(self.affected(&document.spans));
        }
        if let Ok(since) = Timestamp::from_millis(document.since)
            && document.verdict.is_flag()
        {
            said.push(self.at(words.since, since));
        }
        said.extend(self.reasons(&document.reasons, besides));
        said.extend(
            document
                .movers
                .iter()
                .take(NAMED)
                .enumerate()
                .map(|(ix, one)| mover(language, ix, one, self.locale.time(one.since))),
        );
        // Which tags it is, where none is known to have moved.
        if document.movers.is_empty() {
            let of = |reason| contributions(language, reason, NAMED);
            said.extend(document.reasons.iter().find_map(of));
        }
        said.extend(document.similar.first().map(|similar| alike(language, similar)));
        let is_made = matches!(kind, EventKind::BatchFinished | EventKind::BatchRevised);
        if besides.fate != Fate::Stands {
            return said;
        }
        if !is_made && document.verdict.is_flag() {
            said.extend(self.left(document));
        }
        said.extend(self.advice(is_made, document).map(Phrase::words));
        said
    }

    /// The weightiest reasons.
    fn reasons(&self, reasons: &[Reason], besides: &Besides) -> Vec<Phrase> {
        let unit = |tag: &str| besides.units.get(tag).map_or_else(|| "".into(), Arc::clone);
        reasons.iter().take(NAMED).map(|one| reason(self.locale.language, one, unit)).collect()
    }

    /// What is left to save.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a float to integer cast stops at the ends"
    )]
    fn left(&self, document: &Document) -> Option<Phrase> {
        // Of a batch that has hardly begun nobody knows how much it will be.
        let made = document.progress.filter(|made| (0.02..1.0).contains(made))?;
        let left = document.left?;
        let (sentence, rest) = match (left.tonnes, left.metres) {
            (Some(tonnes), _) if tonnes > 0.0 => (self.words.left_tonnes, number_of(tonnes)),
            (_, Some(metres)) if metres > 0.0 => (self.words.left_metres, number_of(metres)),
            _ => (self.words.left, String::new()),
        };
        let time = self.locale.language.duration((left.minutes * 60_000.0) as i64);
        let pieces = [
            ("share", &Phrase::told(per_cent(1.0 - made))),
            ("rest", &Phrase::told(rest)),
            ("time", &Phrase::told(time)),
        ];
        Some(Phrase::fill(sentence, &pieces))
    }

    /// What to do with a batch that people have not decided about.
    fn advice(&self, is_made: bool, document: &Document) -> Option<&'static str> {
        let words = self.words;
        if is_decided(document) {
            return None;
        }
        if let Some(advice) = document.advice()
            && document.verdict.is_flag()
        {
            return Some(match advice {
                Advice::Release => words.advice_release,
                Advice::TestFirst => words.advice_test,
                Advice::Hold => words.advice_hold,
                Advice::EndNow => words.advice_end,
            });
        }
        match (document.verdict, is_made) {
            (Call::AtRisk, false) => Some(words.todo_at_risk),
            (Call::OffSpec, false) => Some(words.todo_off_spec),
            (Call::AtRisk, true) => Some(words.todo_test),
            (Call::OffSpec, true) => Some(words.todo_hold),
            (Call::Unknown, true) => Some(words.todo_unknown),
            (Call::OnSpec, _) | (Call::Unknown, false) => None,
        }
    }

    fn affected(&self, spans: &[SpanDocument]) -> Phrase {
        let words = self.words;
        let one = |span: &SpanDocument| {
            let (sentence, from, to) = match (span.from_m, span.to_m) {
                (Some(from), Some(to)) if to > from => {
                    (words.metres, number(from.round()), number(to.round()))
                }
                _ => (words.clock, self.locale.of_day(span.from), self.locale.of_day(span.to)),
            };
            Phrase::fill(sentence, &[("from", &Phrase::told(from)), ("to", &Phrase::told(to))])
        };
        let mut places: Vec<Phrase> = spans.iter().take(PLACES).map(one).collect();
        if spans.len() > PLACES {
            let more = Phrase::told((spans.len() - PLACES).to_string());
            places.push(Phrase::fill(words.more_places, &[("more", &more)]));
        }
        let places = Phrase::joined(places, self.locale.language.comma());
        Phrase::fill(words.affected, &[("places", &places)])
    }

    fn streak(&self, Place { from, to, deviation }: &Place, unit: &str) -> Phrase {
        let sign = if *deviation > 0.0 { "+" } else { "" };
        let pieces = [
            ("from", &Phrase::told(number(*from))),
            ("to", &Phrase::told(number(*to))),
            ("deviation", &Phrase::told(format!("{sign}{}", quantity(*deviation, unit)))),
        ];
        Phrase::fill(self.words.streak_place, &pieces)
    }

    fn system(
        &self,
        kind: EventKind,
        component: &str,
        reason: &SystemReason,
        since: Timestamp,
    ) -> Vec<Phrase> {
        let words = self.words;
        if let SystemReason::Start(start) = reason {
            let mut said = vec![self.at(words.since, since)];
            said.extend(start.named.iter().map(|gap| {
                let mut gap = gap.phrase(self.locale);
                gap.push(&Phrase::words(self.locale.language.full_stop()));
                gap
            }));
            if start.lost + start.gaps > 0 {
                said.push(Phrase::words(words.todo_start));
            }
            return said;
        }
        let mut said = vec![self.at(words.since, since)];
        if kind == EventKind::SystemRecovered {
            return said;
        }
        let first = component.split('/').next().unwrap_or_default();
        said.push(Phrase::words(match first {
            "influxdb" => words.todo_influx,
            "mqtt" | "sparkplug" => words.todo_broker,
            "webhook" => words.todo_receiver,
            "store" | "outbox" => words.todo_store,
            "clock" | "source" => words.todo_clock,
            "alarms" => words.todo_alarms,
            _ => words.todo_part,
        }));
        said
    }

    fn at(&self, sentence: &'static str, at: Timestamp) -> Phrase {
        Phrase::fill(sentence, &[("at", &Phrase::told(self.locale.full(at.as_millis())))])
    }
}

/// Of a mass or length that is only about so great.
fn number_of(value: f64) -> String {
    number(if value < 10.0 { (value * 10.0).round() / 10.0 } else { value.round() })
}

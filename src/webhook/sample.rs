//! Events that never happened, one of each type: to try a template on, and to try a receiver with.

use crate::alarm::{EventKind, Notification, Response, Severity, Subject};
use crate::profile::Place;
use crate::reading::Timestamp;
use crate::verdict::{Call, Document, Left, Reason, SpanDocument};
use crate::words::{Locale, ModelReason, Phrase, table};
use std::time::Duration;

/// The line, batch and grade of samples; nothing is named like that by mistake.
const LINE: &str = "sample-line";
const BATCH: &str = "SAMPLE-014";
const GRADE: &str = "sample-grade";

table! {
    mark: "TEST, nothing happened: {title}", "测试，并未发生：{title}";
    text: "This is a sample event: somebody tries this receiver. {text}", "这是示例事件：有人在测试该接收方。{text}";
}

/// An event of this type that never happened, at this time. Its title and text say so.
pub(super) fn sample(kind: EventKind, site: &str, at: Timestamp, locale: &Locale) -> Notification {
    let (severity, alarm, subject) = about(kind, at);
    let line = if matches!(subject, Subject::System { .. }) { "" } else { LINE };
    let mut sample = Notification {
        kind,
        // Two tests are two events.
        id: crate::alarm::event_id(kind, site, line, &at.to_rfc3339(), 1, 1).into(),
        at,
        site: site.into(),
        line: line.into(),
        severity,
        priority: None,
        occurrence: 1,
        revision: 1,
        alarm: alarm.into(),
        title: "".into(),
        text: "".into(),
        subject,
        told: vec![],
        response: response(kind),
    };
    let words = Words::of(locale.language);
    let title = Phrase::told(sample.title_in(locale));
    let text = Phrase::told(sample.text_in(locale));
    sample.title = Phrase::fill(words.mark, &[("title", &title)]).to_string().into();
    sample.text = Phrase::fill(words.text, &[("text", &text)]).to_string().into();
    sample
}

fn response(kind: EventKind) -> Response {
    let raised_by = Some(EventKind::BatchAtRisk);
    match kind {
        EventKind::AlarmUnacknowledged => {
            let unacknowledged = Some(Duration::from_secs(360));
            Response { raised_by, unacknowledged, ..Response::default() }
        }
        EventKind::AlarmAcknowledged => {
            let (by, note) = (Some("shift-a".into()), Some("a word of theirs".into()));
            Response { raised_by, by, note, ..Response::default() }
        }
        _ => Response::default(),
    }
}

fn about(kind: EventKind, at: Timestamp) -> (Severity, &'static str, Subject) {
    let since = at.minus(Duration::from_secs(360));
    let batch = |severity, verdict| {
        let (batch, grade) = (BATCH.into(), Some(GRADE.into()));
        let verdict = Box::new(document(verdict, at, since));
        let subject = Subject::Batch { batch, grade, verdict, besides: Box::default() };
        (severity, "sample-line/batch", subject)
    };
    let sensor = |severity| {
        let (tag, fault) = ("QI-1".into(), "stuck".into());
        let subject = Subject::Sensor { tag, fault, since, behind_ms: None };
        (severity, "sample-line/sensor/QI-1", subject)
    };
    let profile = |severity, streaks| {
        let (tag, unit) = ("basis_weight".into(), "g/m2".into());
        let subject = Subject::Profile { tag, unit, streaks, since };
        (severity, "sample-line/profile/basis_weight", subject)
    };
    let blind = |severity| (severity, "sample-line/blind", Subject::Line { since });
    let silent = |severity| (severity, "sample-line/silent", Subject::Line { since });
    let tags = |severity, tags: &[&str]| {
        let tags = tags.iter().map(|tag| (*tag).into()).collect();
        (severity, "sample-line/missing", Subject::Tags { tags, declared: 40, since })
    };
    let monitor = |severity, tags: &[&str]| {
        let tags = tags.iter().map(|tag| (*tag).into()).collect();
        let reasons = vec![Reason::Coverage { tags, share: 0.62 }];
        (severity, "sample-line/unjudged", Subject::Monitor { reasons, since })
    };
    let model = |severity, version, reason| {
        let (model, grade) = ("pca".into(), GRADE.into());
        let subject = Subject::Model { model, grade, version, reason };
        (severity, "sample-line/model/sample-grade", subject)
    };
    let system = |severity| {
        let (component, reason) = ("influxdb".into(), "503".into());
        (severity, "system/influxdb", Subject::System { component, reason, since })
    };
    let first_own =
        || ModelReason::Fitted { tried: None, first_own: true, far: None, summary: "".into() };
    let (info, warning, critical) = (Severity::Info, Severity::Warning, Severity::Critical);
    match kind {
        EventKind::BatchAtRisk | EventKind::AlarmUnacknowledged => batch(warning, Call::AtRisk),
        EventKind::BatchOffSpec | EventKind::BatchRevised => batch(critical, Call::OffSpec),
        EventKind::BatchCleared | EventKind::BatchFinished => batch(info, Call::OnSpec),
        EventKind::SensorUnhealthy => sensor(warning),
        EventKind::SensorRecovered => sensor(info),
        EventKind::ProfileStreak => {
            profile(warning, vec![Place { from: 1.2, to: 1.3, deviation: 0.4 }])
        }
        EventKind::ProfileEven => profile(info, vec![]),
        EventKind::LineBlind => blind(warning),
        EventKind::LineRestored => blind(info),
        EventKind::LineSilent => silent(warning),
        EventKind::LineHeard => silent(info),
        EventKind::TagsMissing => tags(warning, &["QI-1", "QI-2"]),
        EventKind::TagsFound => tags(info, &[]),
        EventKind::LineUnjudged => monitor(warning, &["QI-1"]),
        EventKind::LineJudged => monitor(info, &[]),
        EventKind::ModelDrifted => {
            model(warning, 4, ModelReason::Drifted { exceeded: 4, of: 60, one_in: 100.0 })
        }
        EventKind::ModelPromoted => {
            model(info, 5, ModelReason::ByPerson { by: Some("shift-a".into()), of: 4, back: false })
        }
        EventKind::ModelWaiting => model(info, 5, first_own()),
        EventKind::ModelRejected => model(warning, 0, ModelReason::Failed("QI-1, QI-2".into())),
        EventKind::SystemDegraded => system(warning),
        EventKind::SystemRecovered => system(info),
        EventKind::AlarmAcknowledged => batch(info, Call::AtRisk),
    }
}

fn document(verdict: Call, at: Timestamp, since: Timestamp) -> Document {
    let flagged = verdict.is_flag();
    let process = Reason::Process {
        statistic: "spe".into(),
        ratio: 3.2,
        tags: vec![("refiner_power".into(), 0.41), ("stock_consistency".into(), 0.22)],
        areas: Vec::new(),
        changes: Vec::new(),
    };
    let span = SpanDocument {
        from: since.as_millis(),
        to: at.as_millis(),
        from_m: Some(21_400.0),
        to_m: Some(36_100.0),
        after_m: None,
        arrives: None,
    };
    Document {
        station: None,
        line: LINE.into(),
        batch: Some(BATCH.into()),
        grade: Some(GRADE.into()),
        verdict,
        since: since.as_millis(),
        probability_off_spec: Some(if flagged { 0.71 } else { 0.02 }),
        progress: Some(0.46),
        left: Some(Left { minutes: 14.0, tonnes: Some(1.69), metres: None }),
        reasons: if flagged { vec![process] } else { vec![] },
        first_mover: flagged.then(|| "refiner_power".into()),
        movers: Vec::new(),
        similar: Vec::new(),
        foretold: Vec::new(),
        decision: None,
        spans: if flagged { vec![span] } else { vec![] },
        slab: None,
        learning: None,
        state: None,
        phase: None,
        revision: 1,
        ts: at.as_millis(),
        valid_until: at.as_millis() + Document::VALID_MS,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::Language;

    #[test]
    fn both_languages_say_that_nothing_happened() {
        crate::words::check(ALL, &[]);
        for (language, mark) in [
            (Language::English, "TEST, nothing happened: "),
            (Language::Chinese, "测试，并未发生："),
        ] {
            let locale = Locale { language, ..Locale::default() };
            for kind in EventKind::ALL {
                let event = sample(kind, "mill", Timestamp::from_nanos(0), &locale);
                let title = event.title.strip_prefix(mark).unwrap_or_else(|| panic!("{event:?}"));
                assert_eq!(title, event.title_in(&locale));
                assert!(event.text.len() > 40, "{}", event.text);
            }
        }
    }
}

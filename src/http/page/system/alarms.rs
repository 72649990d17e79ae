//! What somebody should look at, of the plant and of the daemon.

use super::super::format::{Clock, WORDS, at, count, heading, name, plain, time};
use super::super::html::Html;
use super::super::reader::Reader;
use super::words::Words;
use super::{MINOR, scroll};
use crate::alarm::{Design, IsaState, Severity};
use crate::engine::{AlarmView, View};
use crate::words::Locale;
use crate::words::fill;

/// The panel of the alarms that stand, wait for a word, or are hidden.
pub(super) fn panel(html: &mut Html, view: &View, reader: Reader) {
    let words = Words::of(reader.language);
    html.raw("<div class=\"panel\" data-part id=\"alarms\"><h3>").raw(words.alarms).raw("</h3>");
    if view.alarms.is_empty() {
        html.raw("<p class=\"muted\">").raw(words.no_alarm).raw("</p></div>");
        return;
    }
    scroll(html, words.alarms);
    for word in [words.alarm, words.severity, words.says, words.state] {
        heading(html, WORDS, word);
    }
    heading(html, MINOR, words.since);
    html.raw("</tr></thead><tbody>");
    for alarm in &view.alarms {
        row(html, alarm, reader);
    }
    html.raw("</tbody></table></div>");
    if view.alarms_standing > view.alarms.len() {
        let more = plain(&count((view.alarms_standing - view.alarms.len()) as u64));
        html.raw("<p class=\"muted\">");
        fill(html, words.more_alarms, &[("n", &more)]);
        html.raw("</p>");
    }
    html.raw("</div>");
}

fn row(html: &mut Html, alarm: &AlarmView, reader: Reader) {
    let words = Words::of(reader.language);
    let (class, symbol, severity) = match alarm.severity {
        Severity::Info => ("", "wait", words.info),
        Severity::Warning => ("is-risk", "risk", words.warning),
        Severity::Critical => ("is-off", "off", words.critical),
    };
    html.raw("<tr class=\"")
        .raw(class)
        .raw("\"><th scope=\"row\" class=\"wrap\">")
        .name(&alarm.alarm);
    html.raw("</th><td><span class=\"mark\">").icon(symbol).raw(severity);
    html.raw("</span></td><td class=\"wrap\">");
    // No title has a time in it: the zone of the site is of no matter.
    html.name(&alarm.title(&Locale { language: reader.language, ..Locale::default() }));
    if alarm.chatters {
        html.raw(" <small>").raw(words.chatters).raw("</small>");
    }
    html.raw("</td><td class=\"wrap\">");
    state(html, alarm, reader);
    html.raw("</td><td class=\"num minor\">");
    if let Some(since) = alarm.since {
        time(html, since.as_millis(), Clock::Day, reader);
    }
    html.raw("</td></tr>");
}

/// The state of an alarm, and where it is hidden by whom, until when and why.
fn state(html: &mut Html, alarm: &AlarmView, reader: Reader) {
    let words = Words::of(reader.language);
    let isa = IsaState::ALL.into_iter().find(|state| state.as_str() == alarm.isa);
    html.raw(of_state(isa.unwrap_or(IsaState::Normal), words));
    if let Some(why) = alarm.suppressed_by {
        let shown = isa == Some(IsaState::SuppressedByDesign);
        let sentence = if shown { words.because } else { words.also_suppressed };
        let known = Design::ALL.into_iter().find(|design| design.reason() == why);
        let why = known.map_or(why, |design| of_design(design, words));
        fill(html, sentence, &[("why", &plain(why))]);
    }
    if let Some(until) = alarm.shelved_until {
        let shown = isa == Some(IsaState::Shelved);
        let sentence = if shown { words.until } else { words.also_shelved };
        fill(html, sentence, &[("at", &at(until.as_millis(), Clock::Day, reader))]);
    }
    if let Some(by) = &alarm.hidden_by {
        fill(html, words.by, &[("who", &name(by))]);
    }
    if let Some(note) = &alarm.hidden_note {
        fill(html, words.note, &[("note", &name(note))]);
    }
    if alarm.unheard > 0 {
        html.raw(" <small>");
        fill(html, words.unheard, &[("n", &plain(&count(u64::from(alarm.unheard))))]);
        html.raw("</small>");
    }
}

/// What people call a state of ISA-18.2.
fn of_state(state: IsaState, words: &Words) -> &'static str {
    match state {
        IsaState::Normal => words.normal,
        IsaState::Unacknowledged => words.unacknowledged,
        IsaState::Acknowledged => words.acknowledged,
        IsaState::ReturnedUnacknowledged => words.returned,
        IsaState::LatchedUnacknowledged => words.latched,
        IsaState::LatchedAcknowledged => words.latched_acknowledged,
        IsaState::Shelved => words.shelved,
        IsaState::SuppressedByDesign => words.suppressed,
        IsaState::OutOfService => words.out_of_service,
    }
}

/// What makes an alarm meaningless.
fn of_design(design: Design, words: &Words) -> &'static str {
    match design {
        Design::Blind => words.line_blind,
        Design::Silent => words.line_silent,
        Design::Unsteady => words.line_unsteady,
        Design::Maintenance => words.line_maintenance,
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::super::fixture;
    use super::*;
    use crate::words::{Language, Locale};

    fn told(alarm: &AlarmView, language: Language) -> String {
        let mut html = Html::default();
        state(&mut html, alarm, Reader::of(&Locale::default(), Some(language)));
        let (mut text, mut inside) = (String::new(), false);
        for character in html.into_string().chars() {
            match character {
                '<' => inside = true,
                '>' => inside = false,
                _ if !inside => text.push(character),
                _ => {}
            }
        }
        text
    }

    #[test]
    fn what_hides_an_alarm_is_said_with_who_until_when_and_why() {
        let view = fixture::at_risk();
        let mut alarm = view.alarms[2].clone();
        for (isa, suppressed, english, chinese) in [
            (
                "shelved",
                None,
                "shelved until 23 Jan 01:31 by shift-a: cable is being changed came 2 times meanwhile",
                "已搁置，至 1月23日 01:31，操作人：shift-a，备注：cable is being changed 其间又发生 2 次",
            ),
            (
                "shelved",
                Some(Design::Maintenance.reason()),
                "shelved, suppressed: the line is under maintenance until 23 Jan 01:31 by shift-a: \
                 cable is being changed came 2 times meanwhile",
                "已搁置，并由设计抑制：生产线正在检修，至 1月23日 01:31，操作人：shift-a，备注：cable is being changed \
                 其间又发生 2 次",
            ),
            (
                "suppressed",
                Some(Design::Unsteady.reason()),
                "suppressed: the line stands still, changes its grade or starts up, shelved until 23 Jan 01:31 by shift-a: \
                 cable is being changed came 2 times meanwhile",
                "设计抑制：生产线停机、换品种或正在开机，并搁置至 1月23日 01:31，操作人：shift-a，备注：cable is being changed \
                 其间又发生 2 次",
            ),
        ] {
            (alarm.isa, alarm.suppressed_by) = (isa, suppressed);
            assert_eq!(told(&alarm, Language::English), english);
            assert_eq!(told(&alarm, Language::Chinese), chinese);
        }
    }

    /// What an operator of a control system calls them (IEC 62682).
    #[test]
    fn every_state_has_the_name_of_the_trade() {
        let view = fixture::at_risk();
        let mut alarm = view.alarms[0].clone();
        let names = IsaState::ALL.map(|isa| {
            alarm.isa = isa.as_str();
            told(&alarm, Language::Chinese)
        });
        assert_eq!(
            names,
            [
                "正常",
                "未确认",
                "已确认",
                "已恢复，未确认",
                "已恢复，待确认并复位",
                "已恢复，待复位",
                "已搁置",
                "设计抑制",
                "停用"
            ]
        );
    }
}

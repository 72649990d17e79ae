//! The state of an alarm, in the words of ISA-18.2, and what hides it.

use super::super::format::{Clock, at, count, name, plain};
use super::super::html::Html;
use super::super::reader::Reader;
use super::words::Words;
use crate::alarm::{Design, IsaState};
use crate::engine::AlarmView;
use crate::words::fill;

/// The state by the word of the API; normal where there is none.
pub(super) fn of(alarm: &AlarmView) -> IsaState {
    let known = IsaState::ALL.into_iter().find(|state| state.as_str() == alarm.isa);
    known.unwrap_or(IsaState::Normal)
}

/// True if it waits for a person who acknowledges it.
pub(super) fn waits(state: IsaState) -> bool {
    matches!(
        state,
        IsaState::Unacknowledged
            | IsaState::ReturnedUnacknowledged
            | IsaState::LatchedUnacknowledged
    )
}

/// True if nobody is to hear of it now.
pub(super) fn is_hidden(state: IsaState) -> bool {
    matches!(state, IsaState::Shelved | IsaState::SuppressedByDesign | IsaState::OutOfService)
}

/// The state of an alarm, and where it is hidden by whom, until when and why.
pub(super) fn state(html: &mut Html, alarm: &AlarmView, reader: Reader) {
    let words = Words::of(reader.language);
    let isa = of(alarm);
    html.raw(of_state(isa, words));
    if let Some(why) = alarm.suppressed_by {
        let shown = isa == IsaState::SuppressedByDesign;
        let sentence = if shown { words.because } else { words.also_suppressed };
        let known = Design::ALL.into_iter().find(|design| design.reason() == why);
        let why = known.map_or(why, |design| of_design(design, words));
        fill(html, sentence, &[("why", &plain(why))]);
    }
    if let Some(until) = alarm.shelved_until {
        let shown = isa == IsaState::Shelved;
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
pub(super) fn of_state(state: IsaState, words: &Words) -> &'static str {
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

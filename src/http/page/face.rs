//! What is said of a line at a glance: the face of its verdict, and what that means.

use super::html::Html;
use super::reader::Reader;
use crate::engine::LineView;
use crate::verdict::{Call, Reason};
use crate::words::table;

table! {
    blind: "Blind", "失联";
    waiting: "Waiting", "等待数据";
    learning: "Learning", "学习中";
    void: "Void", "作废";
    on_spec: "On spec", "合格";
    at_risk: "At risk", "有风险";
    off_spec: "Off spec", "不合格";
    unknown: "Unknown", "无法判定";

    means_blind: "Nothing is heard from this line, so nobody knows whether what was said still holds.", "收不到该生产线的任何数据，此前的判定是否仍然成立不得而知。";
    means_no_reading: "Waiting for the first reading.", "正在等待第一个读数。";
    means_no_frame: "Readings arrive. The first verdict comes when a frame has closed.", "已收到读数。第一个数据帧结束后给出首次判定。";
    means_on_spec: "Enough good data say that this batch is on spec.", "有效数据充足，表明本批次合格。";
    means_line_on_spec: "Enough good data say that the line runs on spec.", "有效数据充足，表明生产线运行合格。";
    means_at_risk: "Not off spec yet, and it may end so. There is time to act.", "目前尚未判为不合格，但最终可能不合格。现在处理还来得及。";
    means_off_spec: "By what is already made, this batch is off spec.", "按已生产的部分判定，本批次不合格。";
    means_no_model: "There is no model for this grade yet; only specification limits can flag a batch.", "该品种还没有模型，目前只能按规格限值对批次报警。";
    means_unknown: "Not enough is known to judge.", "已知数据不足，无法判定。";
}

/// How a verdict looks: word, shape and colour, so that none of them has to carry it alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Face {
    /// The word.
    pub(super) word: &'static str,
    /// The symbol; its shape differs, not only its colour.
    pub(super) symbol: &'static str,
    /// The class of the style sheet.
    pub(super) class: &'static str,
}

impl Face {
    /// How much it wants a person: the worst has the greatest.
    pub(super) fn rank(self) -> u8 {
        match self.class {
            "is-off" => 4,
            "is-risk" => 3,
            "is-blind" => 2,
            "is-unknown" => 1,
            _ => 0,
        }
    }
}

/// A line and what is said of it, for the browser's tab: `At risk · tm3`.
pub(super) fn title(line: &LineView, reader: Reader) -> Html {
    let mut html = Html::default();
    html.raw(of_line(line, reader).word).raw(" · ").text(&line.name);
    html
}

const fn face(word: &'static str, symbol: &'static str, class: &'static str) -> Face {
    Face { word, symbol, class }
}

/// The face of a merged or void batch.
pub(super) fn of_void(reader: Reader) -> Face {
    face(Words::of(reader.language).void, "unknown", "is-unknown")
}

/// The face of a plant without a line, and of a line without a verdict.
pub(super) fn of_waiting(reader: Reader) -> Face {
    face(Words::of(reader.language).waiting, "wait", "is-unknown")
}

/// The face of a call.
pub(super) fn of_call(call: Call, reader: Reader) -> Face {
    let words = Words::of(reader.language);
    match call {
        Call::OnSpec => face(words.on_spec, "ok", "is-ok"),
        Call::AtRisk => face(words.at_risk, "risk", "is-risk"),
        Call::OffSpec => face(words.off_spec, "off", "is-off"),
        Call::Unknown => face(words.unknown, "unknown", "is-unknown"),
    }
}

/// The face of a line.
pub(super) fn of_line(line: &LineView, reader: Reader) -> Face {
    let words = Words::of(reader.language);
    match &line.verdict {
        _ if line.blind => face(words.blind, "blind", "is-blind"),
        None => of_waiting(reader),
        Some(document) if document.verdict == Call::Unknown && is_learning(line) => {
            face(words.learning, "learn", "is-unknown")
        }
        Some(document) => of_call(document.verdict, reader),
    }
}

/// True while the verdict is open only because the first model is still being learned, and none is borrowed.
fn is_learning(line: &LineView) -> bool {
    line.verdict.as_ref().is_some_and(|document| {
        let missing = |reason: &Reason| matches!(reason, Reason::Coverage { .. });
        document.learning.is_some_and(|learning| !learning.borrowed)
            && !document.reasons.iter().any(missing)
    })
}

/// One sentence on what the face means.
pub(super) fn meaning(line: &LineView, reader: Reader) -> &'static str {
    let words = Words::of(reader.language);
    let Some(document) = line.verdict.as_ref().filter(|_| !line.blind) else {
        return match line.clock {
            _ if line.blind => words.means_blind,
            None => words.means_no_reading,
            Some(_) => words.means_no_frame,
        };
    };
    match document.verdict {
        Call::OnSpec if document.batch.is_some() => words.means_on_spec,
        Call::OnSpec => words.means_line_on_spec,
        Call::AtRisk => words.means_at_risk,
        Call::OffSpec => words.means_off_spec,
        Call::Unknown if is_learning(line) => words.means_no_model,
        Call::Unknown => words.means_unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::fixture;
    use super::*;
    use crate::engine::View;
    use crate::words::{Language, Locale};

    const LANGUAGES: [Language; 2] = [Language::English, Language::Chinese];

    fn face_of(view: &View, language: Language) -> Face {
        of_line(&view.lines[0], Reader::of(&Locale::default(), Some(language)))
    }

    #[test]
    fn both_languages_say_everything() {
        crate::words::check(ALL, &[]);
    }

    #[test]
    fn every_state_has_its_own_word_and_shape() {
        let states = [
            (fixture::waiting(), "Waiting", "等待数据"),
            (fixture::learning(), "Learning", "学习中"),
            (fixture::on_spec(), "On spec", "合格"),
            (fixture::at_risk(), "At risk", "有风险"),
            (fixture::off_spec(), "Off spec", "不合格"),
            (fixture::uncovered(), "Unknown", "无法判定"),
            (fixture::blind(), "Blind", "失联"),
        ];
        let mut symbols = Vec::new();
        for (view, english, chinese) in &states {
            let [one, other] = LANGUAGES.map(|language| face_of(view, language));
            assert_eq!((one.word, other.word), (*english, *chinese));
            assert_eq!((one.symbol, one.class), (other.symbol, other.class));
            symbols.push(one.symbol);
        }
        symbols.sort_unstable();
        symbols.dedup();
        assert_eq!(symbols.len(), states.len());
    }

    #[test]
    fn a_blind_line_is_never_on_spec() {
        let reader = Reader::of(&Locale::default(), None);
        let view = fixture::blind();
        assert_eq!(of_line(&view.lines[0], reader).class, "is-blind");
        assert!(meaning(&view.lines[0], reader).starts_with("Nothing is heard"));
    }
}

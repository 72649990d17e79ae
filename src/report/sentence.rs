//! What a verdict says, in sentences.

use super::paper::{Paper, amount, disposition, listed, name, plain, strong};
use super::words::Words;
use crate::decode::Disposition;
use crate::models::Statistic;
use crate::plant::Compared;
use crate::reading::side_by_side;
use crate::verdict::{Document, ForetoldProperty, Mover, Reason, Sign};
use crate::words::fill;
use crate::words::html::Html;
use crate::words::number::{declared, number, per_cent, ratio};
use std::sync::Arc;

impl Paper<'_> {
    /// The reasons of a verdict, the weightiest first.
    pub(super) fn reasons(&mut self, document: &Document, unit: impl Fn(&str) -> Arc<str>) {
        if document.reasons.is_empty() {
            return self.say(self.words.no_reasons);
        }
        self.html.raw("<ul>");
        for reason in &document.reasons {
            self.html.raw("<li>");
            let sentence = sentence(self, reason, &unit);
            self.html.piece(&sentence).raw("</li>");
        }
        self.html.raw("</ul>");
    }

    /// What moved, in its order.
    pub(super) fn movers(&mut self, movers: &[Mover]) {
        if movers.is_empty() {
            return;
        }
        self.html.raw("<h3>").raw(self.words.moved).raw("</h3><ol>");
        for (ix, mover) in movers.iter().enumerate() {
            let words = self.words;
            let sentence = match (ix, mover.by_itself) {
                (0, _) => words.first_moved,
                (_, true) => words.then_moved,
                (_, false) => words.went_along,
            };
            let (value, expected) = side_by_side(mover.value, mover.expected);
            let unit = mover.unit.as_deref().unwrap_or_default();
            let with_unit = |number: &str| plain(format!("{number}\u{a0}{unit}").trim_end());
            let at = plain(&self.time(mover.since));
            self.html.raw("<li>");
            let tag = self.mover(mover);
            let pieces = [
                ("tag", &tag),
                ("at", &at),
                ("value", &with_unit(&value)),
                ("expected", &with_unit(&expected)),
            ];
            fill(&mut self.html, sentence, &pieces);
            self.html.raw("</li>");
        }
        self.html.raw("</ol>");
    }

    /// A tag that moved, or whose change did, with its area.
    fn mover(&self, mover: &Mover) -> Html {
        let mut html = self.changed(&mover.tag, mover.over_s);
        if let Some(area) = mover.area.as_deref().filter(|area| !area.is_empty()) {
            html.raw(" <small>").name(area).raw("</small>");
        }
        html
    }

    /// A tag, or its change over so many seconds.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a float to integer cast stops at the ends"
    )]
    fn changed(&self, tag: &str, over_s: Option<f64>) -> Html {
        let Some(over_s) = over_s else { return strong(tag) };
        let mut html = Html::default();
        let span = plain(&self.settings.language.duration((over_s * 1000.0) as i64));
        fill(&mut html, self.words.change_of, &[("tag", &strong(tag)), ("span", &span)]);
        html
    }
}

/// A reason as a sentence.
fn sentence(paper: &Paper<'_>, reason: &Reason, unit: impl Fn(&str) -> Arc<str>) -> Html {
    let words = paper.words;
    let mut html = Html::default();
    match reason {
        Reason::Spec { tag, value, low, high, share_out, compared } => {
            let sentence = match compared {
                Compared::Share => words.spec_share,
                Compared::Mean => words.spec_mean,
                Compared::Single => words.spec_single,
            };
            let pieces = [
                ("tag", &strong(tag)),
                ("value", &amount(*value, &unit(tag))),
                ("against", &against(words, *value, *low, *high)),
                ("share", &plain(&crate::words::number::fine_per_cent(*share_out))),
            ];
            fill(&mut html, sentence, &pieces);
        }
        Reason::Process { statistic, ratio: over, tags, .. } => {
            let known = Statistic::ALL.into_iter().find(|known| known.as_str() == &**statistic);
            let sentence = known.map_or(words.monitor, |known| of_statistic(words, known));
            let pieces = [("ratio", &plain(&ratio(*over))), ("name", &name(statistic))];
            fill(&mut html, sentence, &pieces);
            if !tags.is_empty() {
                let mut shares = Html::default();
                for (ix, (tag, share)) in tags.iter().enumerate() {
                    shares.raw(if ix > 0 { words.comma } else { "" });
                    shares.piece(&paper.changed(tag, reason.change_over(tag)));
                    shares.raw(" ").text(&per_cent(*share));
                }
                html.raw(" ");
                fill(&mut html, words.contributions, &[("tags", &shares)]);
            }
        }
        Reason::Prospects { probability, signs, earlier } => {
            let mut by = Html::default();
            for (ix, (sign, _)) in signs.iter().enumerate() {
                by.raw(if ix > 0 { words.comma } else { "" }).raw(of_sign(words, *sign));
            }
            let pieces = [("chance", &plain(&per_cent(*probability))), ("signs", &by)];
            fill(&mut html, words.prospects, &pieces);
            if let Some(earlier) = earlier {
                html.raw(" ");
                let batch = strong(&earlier.batch);
                if let (Some(property), Some(value)) = (&earlier.property, earlier.value) {
                    let pieces = [
                        ("batch", &batch),
                        ("property", &strong(property)),
                        ("value", &plain(&number(value))),
                    ];
                    fill(&mut html, words.earlier_found, &pieces);
                } else {
                    fill(&mut html, words.earlier_rejected, &[("batch", &batch)]);
                }
            }
        }
        Reason::SoftSensor(foretold) => told_before(words, &mut html, foretold),
        Reason::Laboratory { property, value, low, high } => {
            let pieces = [
                ("property", &strong(property)),
                ("value", &amount(*value, &unit(property))),
                ("against", &against(words, *value, *low, *high)),
            ];
            fill(&mut html, words.laboratory_found, &pieces);
        }
        Reason::Coverage { tags, share } => {
            let sentence = if tags.is_empty() { words.coverage } else { words.coverage_of };
            let tags = listed(words, tags.iter().map(|tag| &**tag));
            let pieces = [("share", &plain(&per_cent(*share))), ("tags", &tags)];
            fill(&mut html, sentence, &pieces);
        }
        Reason::Person { disposition: said, by } => {
            let who = by.as_deref().map_or_else(|| plain(words.somebody), name);
            let known: Result<Disposition, _> = serde_json::from_value((**said).into());
            let what = known.map_or_else(|_| name(said), |known| plain(disposition(words, known)));
            fill(&mut html, words.person, &[("who", &who), ("what", &what)]);
        }
        Reason::Grade { grade } => {
            fill(&mut html, words.grade_unknown, &[("grade", &strong(grade))]);
        }
    }
    html
}

fn told_before(words: &Words, html: &mut Html, foretold: &ForetoldProperty) {
    let unit = foretold.unit.as_deref().unwrap_or_default();
    let [from, to] = foretold.interval;
    let pieces = [
        ("property", &strong(&foretold.property)),
        ("value", &amount(foretold.predicted, unit)),
        ("from", &plain(&number(from))),
        ("to", &plain(&number(to))),
        ("against", &against(words, foretold.predicted, foretold.low, foretold.high)),
    ];
    fill(html, words.foretold, &pieces);
}

/// Where a value is, seen from its limits.
fn against(words: &Words, value: f64, low: Option<f64>, high: Option<f64>) -> Html {
    let mut html = Html::default();
    let shown = |limit: f64| plain(&declared(limit));
    match (low, high) {
        (Some(low), _) if value < low => {
            fill(&mut html, words.below_low, &[("limit", &shown(low))]);
        }
        (_, Some(high)) if value > high => {
            fill(&mut html, words.above_high, &[("limit", &shown(high))]);
        }
        (Some(low), Some(high)) => {
            fill(&mut html, words.within, &[("low", &shown(low)), ("high", &shown(high))]);
        }
        (Some(low), None) => fill(&mut html, words.over_low, &[("limit", &shown(low))]),
        (None, Some(high)) => fill(&mut html, words.under_high, &[("limit", &shown(high))]),
        (None, None) => {
            html.raw(words.no_limits);
        }
    }
    html
}

fn of_statistic(words: &Words, statistic: Statistic) -> &'static str {
    match statistic {
        Statistic::T2 => words.t2,
        Statistic::Spe => words.spe,
        Statistic::StateT2 | Statistic::StateT2Slow => words.state,
        Statistic::ResidualT2 | Statistic::ResidualT2Slow => words.residual,
        Statistic::InnovationT2 | Statistic::InnovationT2Slow => words.innovation,
        Statistic::CourseT => words.course,
        Statistic::CourseResidual => words.course_residual,
        Statistic::CourseResidualMean => words.course_residual_mean,
        Statistic::CourseResidualSum => words.course_residual_sum,
    }
}

fn of_sign(words: &Words, sign: Sign) -> &'static str {
    match sign {
        Sign::SoftSensor => words.sign_soft_sensor,
        Sign::BatchBefore => words.sign_batch_before,
        Sign::EarlierBatch => words.sign_earlier_batch,
        Sign::Score => words.sign_score,
        Sign::Flag => words.sign_flag,
        Sign::Limits => words.sign_limits,
    }
}

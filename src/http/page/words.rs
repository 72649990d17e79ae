//! The reasons of a verdict as sentences.

use super::format::{fine_per_cent, number, per_cent, quantity, ratio};
use super::html::Html;
use crate::engine::LineView;
use crate::plant::Compared;
use crate::verdict::{EarlierBatch, Reason, Sign};
use std::sync::Arc;

/// A reason as a sentence. Units come from the tags of the line.
pub(super) fn sentence(reason: &Reason, line: &LineView) -> Html {
    let mut html = Html::default();
    match reason {
        Reason::Spec { tag, value, low, high, share_out, compared } => {
            if *compared == Compared::Mean {
                html.raw("The mean of ");
            }
            strong(&mut html, tag);
            against_limits(&mut html, *value, unit(line, tag), *low, *high);
            match compared {
                Compared::Share => {
                    html.raw("; ").text(&fine_per_cent(*share_out));
                    html.raw(" of the batch so far is outside.");
                }
                Compared::Mean => {
                    html.raw(", with what is foreseen of the rest.");
                }
                Compared::Single => {
                    html.raw(", which no single value may pass.");
                }
            }
        }
        Reason::Process { statistic, ratio: over, .. } => {
            match &**statistic {
                "t2" => {
                    html.raw("The process runs further from its usual state than it may: T² is ")
                }
                "spe" => {
                    html.raw("Tags no longer move together as they do in good batches: SPE is ")
                }
                "state_t2" | "state_t2_slow" => {
                    html.raw("What moves slowly in the process is further out than it may be: T² of the state is ")
                }
                "residual_t2" | "residual_t2_slow" => {
                    html.raw("Tags no longer follow each other as they do in good batches: T² of the residual is ")
                }
                "innovation_t2" | "innovation_t2_slow" => {
                    html.raw("The process moves otherwise than its last rows foretold: T² of the innovation is ")
                }
                _ => html.raw("The monitor ").name(statistic).raw(" is "),
            };
            html.raw("<b>").text(&ratio(*over)).raw("</b> times its limit.");
        }
        Reason::Prospects { probability, signs, earlier } => {
            prospects(&mut html, *probability, signs);
            if let Some(earlier) = earlier {
                before(&mut html, earlier);
            }
        }
        Reason::SoftSensor(foretold) => {
            let unit = foretold.unit.as_deref().unwrap_or("");
            let [from, to] = foretold.interval;
            html.raw("Foretold for the laboratory: ");
            strong(&mut html, &foretold.property);
            against_limits(&mut html, foretold.predicted, unit, foretold.low, foretold.high);
            html.raw("; ").text(&number(from)).raw(" to ").text(&number(to));
            html.raw(" in nine cases of ten");
            if let Some(chance) = foretold.probability {
                html.raw(", outside with a chance of <b>").text(&per_cent(chance)).raw("</b>");
            }
            html.raw(".");
        }
        Reason::Laboratory { property, value, low, high } => {
            html.raw("Laboratory: ");
            strong(&mut html, property);
            against_limits(&mut html, *value, "", *low, *high);
            html.raw(".");
        }
        Reason::Coverage { tags, share } => {
            html.raw("Only ").text(&per_cent(*share));
            html.raw(" of the good data that judging needs is there");
            if !tags.is_empty() {
                html.raw("; missing: ");
                names(&mut html, tags);
            }
            html.raw(".");
        }
        Reason::Person { disposition, by } => {
            match by {
                Some(by) => html.name(by),
                None => html.raw("A person"),
            };
            html.raw(" decided: ");
            strong(&mut html, disposition);
            html.raw(".");
        }
        Reason::Grade { grade } => {
            html.raw("Grade ").name(grade);
            html.raw(" is not declared, so it has no limits: nothing of it is called on spec.");
        }
    }
    html
}

/// The tags behind a reason, with their shares.
pub(super) fn shares(reason: &Reason) -> &[(Arc<str>, f64)] {
    match reason {
        Reason::Process { tags, .. } => tags,
        _ => &[],
    }
}

fn prospects(html: &mut Html, probability: f64, signs: &[(Sign, f64)]) {
    html.raw("It ends off spec with a chance of <b>").text(&per_cent(probability));
    html.raw("</b>, by ");
    for (ix, (sign, _)) in signs.iter().enumerate() {
        html.raw(if ix > 0 { ", " } else { "" }).text(sign.words());
    }
    html.raw(".");
}

fn before(html: &mut Html, earlier: &EarlierBatch) {
    html.raw(" Batch ");
    strong(html, &earlier.batch);
    match (&earlier.property, earlier.value) {
        (Some(property), Some(value)) => {
            html.raw(" was found off spec: ");
            strong(html, property);
            against_limits(html, value, "", earlier.low, earlier.high);
        }
        _ => {
            html.raw(" was rejected");
        }
    }
    html.raw(", and nobody has said since that it was mended.");
}

fn strong(html: &mut Html, name: &str) {
    html.raw("<b>").name(name).raw("</b>");
}

fn names(html: &mut Html, names: &[Arc<str>]) {
    for (ix, name) in names.iter().enumerate() {
        if ix > 0 {
            html.raw(", ");
        }
        strong(html, name);
    }
}

/// ` is 15.93 g/m2, above its limit of 15.6`.
fn against_limits(html: &mut Html, value: f64, unit: &str, low: Option<f64>, high: Option<f64>) {
    if !value.is_finite() {
        html.raw(" has no number now");
        return;
    }
    html.raw(" is <b>").text(&quantity(value, unit)).raw("</b>");
    match (low, high) {
        (Some(low), _) if value < low => html.raw(", below its limit of ").text(&number(low)),
        (_, Some(high)) if value > high => html.raw(", above its limit of ").text(&number(high)),
        (Some(low), Some(high)) => {
            html.raw(", now inside ").text(&number(low)).raw(" to ").text(&number(high))
        }
        (Some(low), None) => html.raw(", now above its lower limit of ").text(&number(low)),
        (None, Some(high)) => html.raw(", now below its upper limit of ").text(&number(high)),
        (None, None) => html,
    };
}

fn unit<'a>(line: &'a LineView, tag: &str) -> &'a str {
    line.tags.iter().find(|known| *known.id == *tag).map_or("", |known| &known.unit)
}

#[cfg(test)]
mod tests {
    use super::super::super::fixture;
    use super::*;

    fn check(reason: &Reason, expected: &str) {
        let view = fixture::on_spec();
        let text = sentence(reason, &view.lines[0]).into_string();
        let plain = ["<b>", "</b>", "<bdi>", "</bdi>"];
        let plain = plain.iter().fold(text, |text, mark| text.replace(mark, ""));
        assert_eq!(plain.replace('\u{a0}', " "), expected);
    }

    fn spec(value: f64, low: Option<f64>, high: Option<f64>) -> Reason {
        Reason::Spec {
            tag: "basis_weight".into(),
            value,
            low,
            high,
            share_out: 0.124,
            compared: Compared::Share,
        }
    }

    #[test]
    fn a_broken_specification_names_value_unit_limit_and_share() {
        let out = "; 12.4 % of the batch so far is outside.";
        check(
            &spec(15.93, Some(14.4), Some(15.6)),
            &format!("basis_weight is 15.93 g/m2, above its limit of 15.6{out}"),
        );
        check(
            &spec(14.0, Some(14.4), None),
            &format!("basis_weight is 14 g/m2, below its limit of 14.4{out}"),
        );
        check(
            &spec(15.0, Some(14.4), Some(15.6)),
            &format!("basis_weight is 15 g/m2, now inside 14.4 to 15.6{out}"),
        );
        check(&spec(f64::NAN, None, Some(15.6)), &format!("basis_weight has no number now{out}"));
        check(
            &spec(15.0, None, Some(15.6)),
            &format!("basis_weight is 15 g/m2, now below its upper limit of 15.6{out}"),
        );
    }

    #[test]
    fn monitors_say_what_their_statistic_means() {
        let process = |statistic: &str| Reason::Process {
            statistic: statistic.into(),
            ratio: 3.214,
            tags: Vec::new(),
            areas: Vec::new(),
            changes: Vec::new(),
        };
        check(
            &process("spe"),
            "Tags no longer move together as they do in good batches: SPE is 3.21 times its limit.",
        );
        check(
            &process("t2"),
            "The process runs further from its usual state than it may: T² is 3.21 times its limit.",
        );
        check(&process("cusum"), "The monitor cusum is 3.21 times its limit.");
    }

    #[test]
    fn laboratory_coverage_and_people_are_named() {
        check(
            &Reason::Laboratory {
                property: "tensile_md".into(),
                value: 117.9,
                low: Some(120.0),
                high: None,
            },
            "Laboratory: tensile_md is 117.9, below its limit of 120.",
        );
        check(
            &Reason::Coverage { tags: vec!["moisture".into(), "caliper".into()], share: 0.62 },
            "Only 62 % of the good data that judging needs is there; missing: moisture, caliper.",
        );
        check(
            &Reason::Person { disposition: "rework".into(), by: Some("shift-a".into()) },
            "shift-a decided: rework.",
        );
        check(&Reason::Person { disposition: "hold".into(), by: None }, "A person decided: hold.");
    }
}

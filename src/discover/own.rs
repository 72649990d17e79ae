//! What onspec itself says on a broker, which is nothing to judge.

use super::survey::{Survey, Topic};
use std::collections::BTreeSet;

/// The prefixes below which an onspec speaks, each with a slash at its end: they are known by its verdicts,
/// and by its status.
pub(super) fn prefixes(survey: &Survey) -> BTreeSet<String> {
    survey.topics.iter().filter_map(|(name, topic)| prefix(name, topic)).collect()
}

fn prefix(name: &str, topic: &Topic) -> Option<String> {
    let (above, last) = name.rsplit_once('/')?;
    match last {
        "verdict" => {
            let keys = ["/verdict", "/valid_until", "/revision"];
            let named = topic.leaves.get("/line")?;
            let line = named.distinct.first().filter(|_| named.distinct.len() == 1)?;
            let is_verdict = keys.iter().all(|key| topic.leaves.contains_key(*key));
            // A station may stand between the line and the word.
            let whole = format!("{above}/");
            let at = whole.rfind(&format!("/{line}/")).filter(|_| is_verdict)?;
            Some(whole[..=at].to_owned())
        }
        "status" => {
            let words = &topic.value.distinct;
            let is_status = |word: &String| matches!(&**word, "online" | "offline");
            let of_onspec = above.rsplit('/').next() == Some("onspec");
            (of_onspec && topic.retained > 0 && !words.is_empty() && words.iter().all(is_status))
                .then(|| format!("{above}/"))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::Arrival;
    use crate::reading::Timestamp;

    #[track_caller]
    fn check(said: &[(&str, &str)], expected: &[&str]) {
        let mut survey = Survey::default();
        for (topic, payload) in said {
            survey.take(&Arrival {
                broker: "plant".into(),
                received: Timestamp::from_nanos(1),
                topic: (*topic).into(),
                payload: (*payload).to_owned().into(),
                retained: true,
                properties: None,
            });
        }
        assert_eq!(prefixes(&survey).iter().collect::<Vec<_>>(), expected);
    }

    #[test]
    fn a_prefix_is_known_by_verdicts_and_by_the_status() {
        let verdict = r#"{"line":"tm3","batch":"U1","verdict":"on-spec","revision":3,"ts":1,"valid_until":181}"#;
        check(&[("onspec/tm3/verdict", verdict)], &["onspec/"]);
        check(&[("mill/qa/tm3/unwind/verdict", verdict)], &["mill/qa/"]);
        check(&[("north/onspec/status", "online")], &["north/onspec/"]);
        // Somebody else's.
        check(&[("plc/status", "online"), ("onspec/status", "3")], &[]);
        check(&[("lab/tm3/verdict", r#"{"line":"tm3","verdict":"good"}"#)], &[]);
    }
}

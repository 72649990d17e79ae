//! Templates from topics: which levels are the same words everywhere, and which name line, area and tag.
//!
//! A topic is read from its end, since that is where plants agree: the last level is the tag, the one before
//! it the area, the one before that the line, and what stands in front (enterprise, site) are words. With
//! fewer levels the area is left out; a first level that is the same everywhere is a site rather than a line.

use std::collections::{BTreeMap, BTreeSet};

/// A topic in its levels.
type Levels = Vec<String>;

/// Topics that are spelt alike.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Spelling {
    /// `mill/{line}/{area}/{tag}`.
    pub(super) template: String,
    /// Where the line, the area and the tag stand.
    pub(super) line: Option<usize>,
    pub(super) area: Option<usize>,
    pub(super) tag: Option<usize>,
    /// The topics, each in its levels.
    pub(super) topics: Vec<Levels>,
}

impl Spelling {
    /// A level of a topic.
    pub(super) fn name(topic: &[String], at: Option<usize>) -> Option<&str> {
        topic.get(at?).map(String::as_str)
    }
}

/// Templates that take all the topics. `tagged`: the topic names the tag, else the payload does.
pub(super) fn spellings(topics: &[&str], tagged: bool) -> Vec<Spelling> {
    /// How many levels, the words in front, the words at the end.
    type Frame = (usize, Levels, Levels);
    let mut groups: BTreeMap<Frame, Vec<Levels>> = BTreeMap::new();
    let mut by_depth: BTreeMap<usize, Vec<Levels>> = BTreeMap::new();
    for topic in topics {
        let levels: Levels = topic.split('/').map(str::to_owned).collect();
        by_depth.entry(levels.len()).or_default().push(levels);
    }
    for (depth, topics) in by_depth {
        let suffix = suffix(&topics, tagged);
        let named = depth - suffix;
        let prefix = named - levels_named(&topics, named, tagged);
        for topic in topics {
            let (front, back) = (topic[..prefix].to_vec(), topic[named..].to_vec());
            groups.entry((depth, front, back)).or_default().push(topic);
        }
    }
    groups
        .into_iter()
        .map(|((depth, front, back), topics)| spelling(depth, &front, &back, topics, tagged))
        .collect()
}

/// How many levels at the end are a word such as `value`, the same in all of several topics.
fn suffix(topics: &[Levels], tagged: bool) -> usize {
    const WORDS: [&str; 8] = ["value", "val", "state", "data", "pv", "raw", "get", "telemetry"];
    let depth = topics[0].len();
    let last: BTreeSet<&str> = topics.iter().map(|topic| topic[depth - 1].as_str()).collect();
    let word = last.iter().all(|word| WORDS.contains(&word.to_ascii_lowercase().as_str()));
    usize::from(tagged && depth >= 2 && topics.len() >= 2 && last.len() == 1 && word)
}

/// How many levels before the suffix name something: at most line, area and tag.
fn levels_named(topics: &[Levels], named: usize, tagged: bool) -> usize {
    let most = if tagged { 3 } else { 2 };
    let first: BTreeSet<&str> = topics.iter().map(|topic| topic[0].as_str()).collect();
    // One word in front of everything is a site, where enough levels follow to name a line.
    let site = usize::from(first.len() == 1 && named >= most && named <= most && named >= 2);
    most.min(named - site).max(1)
}

fn spelling(
    depth: usize,
    front: &[String],
    back: &[String],
    topics: Vec<Levels>,
    tagged: bool,
) -> Spelling {
    let (from, to) = (front.len(), depth - back.len());
    let names: &[&str] = match (to - from, tagged) {
        (1, true) => &["tag"],
        (2, true) => &["line", "tag"],
        (_, true) => &["line", "area", "tag"],
        (1, false) => &["line"],
        (_, false) => &["line", "area"],
    };
    let at = |name: &str| names.iter().position(|known| *known == name).map(|ix| from + ix);
    let placeholders = names.iter().map(|name| format!("{{{name}}}"));
    let template: Vec<String> =
        front.iter().cloned().chain(placeholders).chain(back.iter().cloned()).collect();
    Spelling {
        template: template.join("/"),
        line: at("line"),
        area: at("area"),
        tag: at("tag"),
        topics,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(topics: &[&str], tagged: bool, expected: &[&str]) {
        let templates: Vec<String> =
            spellings(topics, tagged).into_iter().map(|spelling| spelling.template).collect();
        assert_eq!(templates, expected, "{topics:?}");
        // Every topic is taken, by the template that it was counted under.
        for spelling in spellings(topics, tagged) {
            let template = crate::decode::Template::parse(&spelling.template).unwrap();
            for topic in &spelling.topics {
                let taken = topic.join("/");
                let captures = template.matches(&taken).unwrap_or_else(|| panic!("{taken}"));
                assert_eq!(captures.line, Spelling::name(topic, spelling.line));
                assert_eq!(captures.tag, Spelling::name(topic, spelling.tag));
            }
        }
    }

    #[test]
    fn topic_for_each_tag_is_read_from_its_end() {
        let all = ["{line}/{area}/{tag}"];
        check(&["tm3/dry/steam", "tm4/dry/steam"], true, &all);
        check(&["mill/tm3/dry/steam", "mill/tm3/wet/flow"], true, &["mill/{line}/{area}/{tag}"]);
        check(&["mill/tm3/steam", "mill/tm3/flow"], true, &["mill/{line}/{tag}"]);
        check(&["tm3/steam", "tm3/flow"], true, &["{line}/{tag}"]);
        check(&["steam", "flow"], true, &["{tag}"]);
        check(&["acme/paris/paper/tm3/dry/steam"], true, &["acme/paris/paper/{line}/{area}/{tag}"]);
    }

    #[test]
    fn sites_are_words_and_depths_are_apart() {
        check(
            &["a/x/tm3/dry/s", "b/x/tm3/dry/s", "a/tm3/dry/s"],
            true,
            &["a/{line}/{area}/{tag}", "a/x/{line}/{area}/{tag}", "b/x/{line}/{area}/{tag}"],
        );
    }

    #[test]
    fn word_at_the_end_is_no_tag() {
        check(
            &["mill/tm3/dry/steam/value", "mill/tm3/dry/flow/value"],
            true,
            &["mill/{line}/{area}/{tag}/value"],
        );
        check(&["mill/tm3/steam/value"], true, &["mill/{line}/{area}/{tag}"]);
    }

    #[test]
    fn payload_that_names_its_tags_leaves_line_and_area() {
        check(&["mill/tm3/yankee", "mill/tm3/hood"], false, &["mill/{line}/{area}"]);
        check(&["mill/tm3", "mill/tm4"], false, &["mill/{line}"]);
        check(&["tm3", "tm4"], false, &["{line}"]);
    }
}

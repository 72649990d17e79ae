//! Topic templates: `mill/{line}/{area}/{tag}`; `{name}` takes a level, `{name...}` the rest.

use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// A checked topic template.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Template {
    text: Arc<str>,
    levels: Vec<Level>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
enum Level {
    Literal(Box<str>),
    /// `+`, or `{name}` with a name of no meaning to us.
    Any,
    Line,
    Area,
    Tag,
    /// `#` or `{name...}` at the end.
    Rest(Rest),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum Rest {
    Any,
    Area,
    Tag,
}

/// Why a text is no topic template.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// Empty.
    #[error("the topic is empty")]
    Empty,
    /// A brace without its partner, or text around a placeholder.
    #[error("`{0}` mixes braces and text: a placeholder such as `{{tag}}` takes a whole level")]
    Brace(String),
    /// `{}`.
    #[error("a placeholder needs a name, such as `{{tag}}`")]
    NoName,
    /// The rest is not at the end.
    #[error("`{0}` takes the rest of the topic, so it must stand last")]
    RestNotLast(String),
    /// Twice the same name.
    #[error("`{{{0}}}` stands twice in the topic")]
    Twice(String),
    /// A wildcard inside a level.
    #[error("`{0}` has a wildcard inside a level: `+` and `#` take whole levels")]
    Wildcard(String),
}

/// What the placeholders took from a topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Captures<'a> {
    /// `{line}`.
    pub line: Option<&'a str>,
    /// `{area}`.
    pub area: Option<&'a str>,
    /// `{tag}`.
    pub tag: Option<&'a str>,
}

impl Template {
    /// Reads a template.
    ///
    /// # Errors
    /// When braces or wildcards are not whole levels, a name stands twice, or the rest not last.
    pub fn parse(text: &str) -> Result<Self, TemplateError> {
        if text.is_empty() {
            return Err(TemplateError::Empty);
        }
        let parts: Vec<&str> = text.split('/').collect();
        let mut levels = Vec::with_capacity(parts.len());
        let mut seen: Vec<&str> = Vec::new();
        for (ix, part) in parts.iter().enumerate() {
            let last = ix + 1 == parts.len();
            let level = match *part {
                "+" => Level::Any,
                "#" if last => Level::Rest(Rest::Any),
                "#" => return Err(TemplateError::RestNotLast((*part).to_owned())),
                _ => match part.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) {
                    Some(inner) => {
                        let (name, rest) = match inner.strip_suffix("...") {
                            Some(name) => (name, true),
                            None => (inner, false),
                        };
                        if name.is_empty() {
                            return Err(TemplateError::NoName);
                        }
                        if name.contains(['{', '}']) {
                            return Err(TemplateError::Brace((*part).to_owned()));
                        }
                        if rest && !last {
                            return Err(TemplateError::RestNotLast((*part).to_owned()));
                        }
                        if seen.contains(&name) {
                            return Err(TemplateError::Twice(name.to_owned()));
                        }
                        seen.push(name);
                        match (name, rest) {
                            ("line", false) => Level::Line,
                            ("area", false) => Level::Area,
                            ("tag", false) => Level::Tag,
                            ("area", true) => Level::Rest(Rest::Area),
                            ("tag", true) => Level::Rest(Rest::Tag),
                            (_, true) => Level::Rest(Rest::Any),
                            (_, false) => Level::Any,
                        }
                    }
                    None if part.contains(['{', '}']) => {
                        return Err(TemplateError::Brace((*part).to_owned()));
                    }
                    None if part.contains(['+', '#']) => {
                        return Err(TemplateError::Wildcard((*part).to_owned()));
                    }
                    None => Level::Literal((*part).into()),
                },
            };
            levels.push(level);
        }
        Ok(Self { text: text.into(), levels })
    }

    /// The text it was read from.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The MQTT topic filter that takes at least the topics of this template.
    #[must_use]
    pub fn filter(&self) -> String {
        let parts: Vec<&str> = self
            .levels
            .iter()
            .map(|level| match level {
                Level::Literal(text) => text,
                Level::Any | Level::Line | Level::Area | Level::Tag => "+",
                Level::Rest(_) => "#",
            })
            .collect();
        parts.join("/")
    }

    /// Of a template for Sparkplug B, `spBv1.0/{group}/{type}/{node}/{device}`: the one that takes all
    /// that its edge nodes say, of themselves and of every device. `None` if it takes that anyway.
    #[must_use]
    pub fn of_node(&self) -> Option<Self> {
        const NODE_LEVELS: usize = 4;
        let levels = self.levels.get(..NODE_LEVELS)?;
        if levels.iter().any(|level| matches!(level, Level::Rest(_))) {
            return None;
        }
        let parts: Vec<&str> = self.text.split('/').take(NODE_LEVELS).chain(["#"]).collect();
        let mut levels = levels.to_vec();
        levels.push(Level::Rest(Rest::Any));
        Some(Self { text: parts.join("/").into(), levels })
    }

    /// True if the template takes a tag from the topic.
    #[must_use]
    pub fn has_tag(&self) -> bool {
        self.levels.iter().any(|level| matches!(level, Level::Tag | Level::Rest(Rest::Tag)))
    }

    /// True if the template takes a line from the topic.
    #[must_use]
    pub fn has_line(&self) -> bool {
        self.levels.iter().any(|level| matches!(level, Level::Line))
    }

    /// How closely the template describes its topics, level by level: smaller is closer. A literal is
    /// closer than a placeholder, a placeholder closer than a rest.
    pub(super) fn closeness(&self) -> impl Iterator<Item = u8> {
        self.levels.iter().map(|level| match level {
            Level::Literal(_) => 0,
            Level::Any | Level::Line | Level::Area | Level::Tag => 1,
            Level::Rest(_) => 2,
        })
    }

    /// What the placeholders take from a topic, or `None` if the template does not take it.
    ///
    /// Topics that begin with `$` are taken only by a template whose first level is that literal,
    /// as MQTT's wildcards do.
    #[must_use]
    pub fn matches<'a>(&self, topic: &'a str) -> Option<Captures<'a>> {
        if topic.starts_with('$') && !matches!(self.levels.first(), Some(Level::Literal(_))) {
            return None;
        }
        let mut captures = Captures::default();
        let mut rest = Some(topic);
        for level in &self.levels {
            if let Level::Rest(which) = level {
                // `#` also takes the level above it: `a/#` takes `a`. A name needs something to take.
                match (which, rest) {
                    (Rest::Any, _) => {}
                    (Rest::Area, Some(text)) if !text.is_empty() => captures.area = Some(text),
                    (Rest::Tag, Some(text)) if !text.is_empty() => captures.tag = Some(text),
                    _ => return None,
                }
                return Some(captures);
            }
            let text = rest?;
            let (head, tail) = match text.split_once('/') {
                Some((head, tail)) => (head, Some(tail)),
                None => (text, None),
            };
            match level {
                Level::Literal(literal) if **literal != *head => return None,
                Level::Literal(_) | Level::Any | Level::Rest(_) => {}
                Level::Line | Level::Area | Level::Tag if head.is_empty() => return None,
                Level::Line => captures.line = Some(head),
                Level::Area => captures.area = Some(head),
                Level::Tag => captures.tag = Some(head),
            }
            rest = tail;
        }
        if rest.is_some() { None } else { Some(captures) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(template: &str, topic: &str, expected: Option<(&str, &str, &str)>) {
        let template = Template::parse(template).unwrap();
        let taken = template.matches(topic).map(|captures| {
            (
                captures.line.unwrap_or_default(),
                captures.area.unwrap_or_default(),
                captures.tag.unwrap_or_default(),
            )
        });
        assert_eq!(taken, expected);
    }

    #[test]
    fn placeholders_take_levels() {
        check("mill/{line}/{area}/{tag}", "mill/tm3/dry/steam", Some(("tm3", "dry", "steam")));
        check("mill/{line}/{area}/{tag}", "mill/tm3/dry", None);
        check("mill/{line}/{area}/{tag}", "mill/tm3/dry/steam/x", None);
        check("mill/{line}/{area}/{tag}", "other/tm3/dry/steam", None);
        check("mill/{line}/{tag...}", "mill/tm3/dry/steam", Some(("tm3", "", "dry/steam")));
        check("mill/{line}/{tag...}", "mill/tm3", None);
        check("mill/#", "mill", Some(("", "", "")));
        check("#", "$SYS/broker", None);
        check("{tag}", "", None);
        check("+/{tag}", "/a", Some(("", "", "a")));
    }

    #[test]
    fn filters() {
        let filter = |text: &str| Template::parse(text).unwrap().filter();
        assert_eq!(filter("mill/{line}/{area}/{tag}"), "mill/+/+/+");
        assert_eq!(filter("mill/{line}/{tag...}"), "mill/+/#");
    }

    #[test]
    fn edge_nodes_are_taken_with_all_their_devices() {
        let of = |text: &str| Template::parse(text).unwrap().of_node();
        let nodes = of("spBv1.0/mill/+/{line}/dry").unwrap();
        assert_eq!(nodes.filter(), "spBv1.0/mill/+/+/#");
        for topic in ["spBv1.0/mill/NBIRTH/tm3", "spBv1.0/mill/DDATA/tm3/wet"] {
            assert_eq!(nodes.matches(topic).unwrap().line, Some("tm3"));
        }
        let filter = of("spBv1.0/mill/+/tm3/{area...}").map(|nodes| nodes.filter());
        assert_eq!(filter.as_deref(), Some("spBv1.0/mill/+/tm3/#"));
        assert_eq!(of("spBv1.0/#"), None);
        let filter = of("spBv1.0/mill/+/tm3").map(|nodes| nodes.filter());
        assert_eq!(filter.as_deref(), Some("spBv1.0/mill/+/tm3/#"));
    }

    #[test]
    fn bad_templates_say_why() {
        let error = |text: &str| Template::parse(text).unwrap_err().to_string();
        assert_eq!(error(""), "the topic is empty");
        assert!(error("a/x{tag}").contains("whole level"));
        assert!(error("{tag...}/a").contains("stand last"));
        assert!(error("{tag}/{tag}").contains("twice"));
        assert!(error("a/#/b").contains("stand last"));
        assert!(error("a/b+").contains("wildcard inside"));
        assert!(error("a/{}").contains("needs a name"));
    }
}

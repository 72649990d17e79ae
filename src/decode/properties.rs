//! Properties of MQTT 5: which of a message's are kept, with it and in the journal.
//!
//! A message may carry as many as its sender likes. What no subscription asks for is not kept, and what is
//! asked for is bounded: beyond the bound nothing of it is kept but how much it was, so that the message is
//! refused rather than read by a part of what it says.

use super::Rule;
use super::limits::{PROPERTIES_MAX, PROPERTY_BYTES_MAX};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::sync::Arc;

/// What the properties of a message say that somebody asks for.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Properties {
    content_type: Option<Box<str>>,
    expiry_s: Option<u32>,
    /// The first of each key.
    user: Vec<(Arc<str>, Box<str>)>,
    /// How many user properties there were, and the bytes of all, where it was more than is kept.
    excess: Option<(usize, usize)>,
}

impl Properties {
    /// What the payload is, as its sender says.
    #[must_use]
    pub fn content_type(&self) -> Option<&str> {
        self.content_type.as_deref()
    }

    /// What remained of the message's expiry interval when the broker sent it, s.
    #[must_use]
    pub fn expiry_s(&self) -> Option<u32> {
        self.expiry_s
    }

    /// The user property of this key, the first if it came more than once.
    #[must_use]
    pub fn user(&self, key: &str) -> Option<&str> {
        self.all().find(|(known, _)| *known == key).map(|(_, value)| value)
    }

    /// All user properties that are kept, with their keys.
    pub fn all(&self) -> impl Iterator<Item = (&str, &str)> {
        self.user.iter().map(|(key, value)| (&**key, &**value))
    }

    /// How many user properties were asked for, and the bytes of all that was, where that is more than is
    /// kept; nothing else is kept then.
    #[must_use]
    pub fn excess(&self) -> Option<(usize, usize)> {
        self.excess
    }

    /// The bytes of its texts.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let user = self.all().map(|(key, value)| key.len() + value.len()).sum::<usize>();
        user + self.content_type().map_or(0, str::len)
    }

    /// Bytes that differ where the sender said something else. What remains of the expiry interval is not in
    /// them: it is less when a broker sends the same message again.
    #[must_use]
    pub fn said(&self) -> Vec<u8> {
        let mut said = Vec::with_capacity(self.bytes() + 16 * (1 + self.user.len()));
        let mut put = |text: Option<&str>| {
            // No text is as long as none is.
            let len = text.map_or(u64::MAX, |text| text.len() as u64);
            said.extend_from_slice(&len.to_le_bytes());
            said.extend_from_slice(text.unwrap_or_default().as_bytes());
        };
        put(self.content_type());
        for (key, value) in self.all() {
            put(Some(key));
            put(Some(value));
        }
        said
    }
}

/// Which properties of a broker's messages are kept: those that a rule asks for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Wanted {
    content_type: bool,
    expiry: bool,
    keys: BTreeSet<Arc<str>>,
}

impl Wanted {
    /// What these rules ask for.
    pub fn by<'r>(rules: impl IntoIterator<Item = &'r Rule>) -> Self {
        let mut wanted = Self::default();
        for rule in rules {
            let asked = &rule.properties;
            wanted.content_type |= !asked.content_types.is_empty();
            wanted.expiry |= asked.expiry_s.is_some();
            wanted.keys.extend(asked.keys().map(|(_, key)| Arc::clone(key)));
        }
        wanted
    }

    /// What is kept of a message with these properties; `None` if it is nothing.
    #[must_use]
    pub fn of<'m>(
        &self,
        content_type: Option<&str>,
        expiry_s: Option<u32>,
        user: impl IntoIterator<Item = (&'m str, &'m str)>,
    ) -> Option<Arc<Properties>> {
        let content_type = content_type.filter(|_| self.content_type);
        let expiry_s = expiry_s.filter(|_| self.expiry);
        let mut firsts: Vec<(&Arc<str>, &str)> = Vec::new();
        for (key, value) in user {
            if let Some(key) = self.keys.get(key)
                && firsts.iter().all(|(known, _)| *known != key)
            {
                firsts.push((key, value));
            }
        }
        if content_type.is_none() && expiry_s.is_none() && firsts.is_empty() {
            return None;
        }
        let number = firsts.len();
        let bytes = firsts.iter().map(|(key, value)| key.len() + value.len()).sum::<usize>()
            + content_type.map_or(0, str::len);
        if number > PROPERTIES_MAX || bytes > PROPERTY_BYTES_MAX {
            let excess = Some((number, bytes));
            return Some(Arc::new(Properties { excess, ..Properties::default() }));
        }
        Some(Arc::new(Properties {
            content_type: content_type.map(Box::from),
            expiry_s,
            user: firsts.into_iter().map(|(key, value)| (Arc::clone(key), value.into())).collect(),
            excess: None,
        }))
    }
}

/// A content type as it is compared: in lower case, and without parameters such as `; charset=utf-8`.
#[must_use]
pub fn plain_content_type(text: &str) -> String {
    text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::super::{Format, PayloadNames, PropertyRule, Template};
    use super::*;

    fn wanted(keys: &[&str], content_type: bool, expiry: bool) -> Wanted {
        let keys = keys.iter().map(|key| Arc::from(*key)).collect();
        Wanted { content_type, expiry, keys }
    }

    #[test]
    fn what_rules_ask_for_is_wanted_together() {
        let rule = |topic: &str, properties| Rule {
            properties,
            ..Rule::new("plant", Template::parse(topic).unwrap(), Format::Value)
        };
        let names = PayloadNames { tag: Some("id".into()), ..PayloadNames::default() };
        let one = PropertyRule { names, expiry_s: Some(60), ..PropertyRule::default() };
        let types = vec!["text/plain".into()];
        let time = Some("sent".into());
        let other = PropertyRule { content_types: types, time, ..PropertyRule::default() };
        let rules = [rule("a/{tag}", one), rule("b/{tag}", other)];
        assert_eq!(Wanted::by(&rules[..1]), wanted(&["id"], false, true));
        assert_eq!(Wanted::by(&rules), wanted(&["id", "sent"], true, true));
        assert_eq!(Wanted::by(&[]), Wanted::default());
    }

    #[test]
    fn only_what_is_wanted_is_kept_and_the_first_of_a_key() {
        let user = [("site", "north"), ("line", "tm3"), ("line", "tm4"), ("tag", "")];
        let kept = wanted(&["line", "tag", "unit"], true, true).of(Some("a/b"), Some(7), user);
        let kept = kept.unwrap();
        assert_eq!((kept.content_type(), kept.expiry_s()), (Some("a/b"), Some(7)));
        assert_eq!(kept.all().collect::<Vec<_>>(), [("line", "tm3"), ("tag", "")]);
        assert_eq!((kept.user("line"), kept.user("unit"), kept.bytes()), (Some("tm3"), None, 13));
        assert_eq!(wanted(&["unit"], false, false).of(Some("a/b"), Some(7), user), None);
        assert_eq!(Wanted::default().of(Some("a/b"), Some(7), user), None);
    }

    #[test]
    fn beyond_the_bound_nothing_is_kept_but_how_much_it_was() {
        let long = "x".repeat(PROPERTY_BYTES_MAX - 4);
        let of = |value: &str| wanted(&["line"], true, false).of(None, None, [("line", value)]);
        assert_eq!(of(&long).unwrap().excess(), None);
        let beyond = of(&format!("{long}x")).unwrap();
        assert_eq!(beyond.excess(), Some((1, PROPERTY_BYTES_MAX + 1)));
        assert_eq!((beyond.user("line"), beyond.bytes()), (None, 0));
        let long = "x".repeat(PROPERTY_BYTES_MAX + 1);
        let of_type = wanted(&[], true, false).of(Some(&long), None, []).unwrap();
        assert_eq!((of_type.excess(), of_type.content_type()), (Some((0, long.len())), None));
        let keys: Vec<String> = (0..=PROPERTIES_MAX).map(|n| n.to_string()).collect();
        let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
        let of = |number: usize| {
            let user = keys.iter().take(number).map(|key| (*key, "1"));
            wanted(&keys, false, false).of(None, None, user).unwrap()
        };
        assert_eq!(of(PROPERTIES_MAX).excess(), None);
        assert_eq!(of(PROPERTIES_MAX + 1).excess().unwrap().0, PROPERTIES_MAX + 1);
    }

    #[test]
    fn what_is_said_differs_with_each_text_and_not_with_what_remains() {
        let wanted = wanted(&["a", "b", "ab"], true, true);
        let said = |content_type, expiry_s, user: &[(&'static str, &'static str)]| {
            wanted.of(content_type, expiry_s, user.iter().copied()).unwrap().said()
        };
        assert_eq!(said(None, Some(9), &[("a", "1")]), said(None, Some(3), &[("a", "1")]));
        let all = [
            said(None, Some(9), &[]),
            said(Some(""), None, &[]),
            said(Some("a"), None, &[]),
            said(None, None, &[("a", "1")]),
            said(None, None, &[("a", "2")]),
            said(None, None, &[("b", "1")]),
            said(None, None, &[("a", "b1")]),
            said(None, None, &[("ab", "1")]),
            said(None, None, &[("a", "1"), ("b", "1")]),
        ];
        let different: BTreeSet<&Vec<u8>> = all.iter().collect();
        assert_eq!(different.len(), all.len());
    }

    #[test]
    fn content_types_are_compared_without_case_and_parameters() {
        for text in ["application/json", "Application/JSON; charset=utf-8", " application/json ;"] {
            assert_eq!(plain_content_type(text), "application/json");
        }
        assert_eq!(plain_content_type("; a"), "");
    }
}

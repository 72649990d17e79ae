//! Many JSON Pointers in one pass over a document, without building a tree of it.

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use std::fmt;

/// A set of JSON Pointers (RFC 6901), merged by their common beginnings.
///
/// What each pointer finds is handed out as the text of the document, so that numbers keep all their
/// digits.
#[derive(Debug, Default)]
pub(super) struct PointerTree {
    root: Node,
    slots: usize,
}

#[derive(Debug, Default)]
struct Node {
    /// The slots of the pointers that end here.
    slots: Vec<usize>,
    /// The next token of those that go on. Few: a linear search is the fastest one.
    children: Vec<(Box<str>, Node)>,
}

impl PointerTree {
    /// A tree of these pointers; the text that the n-th finds goes into slot n.
    ///
    /// The configuration has checked them; a text that is no pointer finds nothing.
    pub(super) fn new<'p>(pointers: impl Iterator<Item = &'p str>) -> Self {
        let mut tree = Self::default();
        for (slot, pointer) in pointers.enumerate() {
            tree.slots = slot + 1;
            let mut node = &mut tree.root;
            if !pointer.is_empty() {
                let Some(tokens) = pointer.strip_prefix('/') else { continue };
                for token in tokens.split('/') {
                    node = node.child_mut(&token.replace("~1", "/").replace("~0", "~"));
                }
            }
            node.slots.push(slot);
        }
        tree
    }

    /// Reads a document and gives for each slot the JSON text its pointer finds.
    ///
    /// Of a key that stands twice in one object the last counts.
    pub(super) fn find<'de>(
        &self,
        document: &'de str,
    ) -> Result<Vec<Option<&'de str>>, serde_json::Error> {
        let mut found = vec![None; self.slots];
        let mut deserializer = serde_json::Deserializer::from_str(document);
        Walk { node: &self.root, found: &mut found }.deserialize(&mut deserializer)?;
        deserializer.end()?;
        Ok(found)
    }
}

impl Node {
    fn child(&self, token: &str) -> Option<&Self> {
        self.children.iter().find(|(name, _)| **name == *token).map(|(_, node)| node)
    }

    fn child_mut(&mut self, token: &str) -> &mut Self {
        let known = self.children.iter().position(|(name, _)| **name == *token);
        let ix = known.unwrap_or_else(|| {
            self.children.push((token.into(), Self::default()));
            self.children.len() - 1
        });
        let (_, node) = self.children.get_mut(ix).expect("found or just pushed");
        node
    }

    /// Forgets what the pointers at and below this node have found, when a key comes again.
    fn forget(&self, found: &mut [Option<&str>]) {
        for slot in &self.slots {
            if let Some(place) = found.get_mut(*slot) {
                *place = None;
            }
        }
        for (_, child) in &self.children {
            child.forget(found);
        }
    }
}

/// One value of the document and the pointers that lead to it or through it.
struct Walk<'t, 'f, 'de> {
    node: &'t Node,
    found: &'f mut [Option<&'de str>],
}

impl<'de> DeserializeSeed<'de> for Walk<'_, '_, 'de> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        if self.node.slots.is_empty() {
            return deserializer.deserialize_any(self);
        }
        let raw = <&'de RawValue as serde::Deserialize>::deserialize(deserializer)?.get().trim();
        for slot in &self.node.slots {
            if let Some(place) = self.found.get_mut(*slot) {
                *place = Some(raw);
            }
        }
        if self.node.children.is_empty() {
            return Ok(());
        }
        // Both `/a` and `/a/b` are asked for: read this value again for the longer ones.
        let mut again = serde_json::Deserializer::from_str(raw);
        again.deserialize_any(self).map_err(serde::de::Error::custom)
    }
}

impl<'de> Visitor<'de> for Walk<'_, '_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(child) = map.next_key_seed(Key(self.node))? {
            match child {
                Some(node) => {
                    node.forget(self.found);
                    map.next_value_seed(Walk { node, found: &mut *self.found })?;
                }
                None => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        let mut ix = 0_usize;
        loop {
            // No child means that all elements are passed over; their places need no name then.
            let child =
                if self.node.children.is_empty() { None } else { self.node.child(&ix.to_string()) };
            let more = match child {
                Some(node) => {
                    seq.next_element_seed(Walk { node, found: &mut *self.found })?.is_some()
                }
                None => seq.next_element::<IgnoredAny>()?.is_some(),
            };
            if !more {
                return Ok(());
            }
            ix += 1;
        }
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
}

/// The key of an object: gives the node it leads to, without keeping the text.
struct Key<'t>(&'t Node);

impl<'de, 't> DeserializeSeed<'de> for Key<'t> {
    type Value = Option<&'t Node>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'t> Visitor<'_> for Key<'t> {
    type Value = Option<&'t Node>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E>(self, key: &str) -> Result<Self::Value, E> {
        Ok(self.0.child(key))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn check(document: &str, pointers: &[&str], expected: &[Option<&str>]) {
        let tree = PointerTree::new(pointers.iter().copied());
        assert_eq!(tree.find(document).unwrap(), expected);
    }

    #[test]
    fn pointers_find_their_values() {
        check(r#"{"v":1.50,"q":{"c":192}}"#, &["/v", "/q/c"], &[Some("1.50"), Some("192")]);
        check(r#"{"a/b":1,"m~n":"x y"}"#, &["/a~1b", "/m~0n"], &[Some("1"), Some("\"x y\"")]);
        check(
            r#"{"a":[10, [20, 30 ]]}"#,
            &["/a/1/1", "/a/0", "/a/2"],
            &[Some("30"), Some("10"), None],
        );
        check(" 17 ", &["", "/a"], &[Some("17"), None]);
        check(r#"{"":{"":5}}"#, &["/", "//"], &[Some(r#"{"":5}"#), Some("5")]);
        check(
            r#"{"a":{"b":2}}"#,
            &["/a", "/a/b", "/a"],
            &[Some(r#"{"b":2}"#), Some("2"), Some(r#"{"b":2}"#)],
        );
        check(r#"{"a":1}"#, &["a", "/b"], &[None, None]);
        check("[1,2]", &["/01", "/-"], &[None, None]);
        check(r#"{"\u0061":1}"#, &["/a"], &[Some("1")]);
    }

    #[test]
    fn of_two_equal_keys_the_last_counts() {
        check(r#"{"a":{"b":1},"a":{"c":2}}"#, &["/a/b", "/a/c"], &[None, Some("2")]);
        check(r#"{"a":1,"a":null}"#, &["/a"], &[Some("null")]);
    }

    #[test]
    fn numbers_keep_their_digits() {
        check(
            r#"{"a":123456789012345678901234567890}"#,
            &["/a"],
            &[Some("123456789012345678901234567890")],
        );
        check(r#"{"a":1e999}"#, &["/a"], &[Some("1e999")]);
    }

    fn json() -> impl Strategy<Value = serde_json::Value> {
        let leaf = prop_oneof![
            Just(serde_json::Value::Null),
            any::<bool>().prop_map(Into::into),
            any::<i32>().prop_map(Into::into),
            "[a-c~/]{0,3}".prop_map(Into::into),
        ];
        leaf.prop_recursive(4, 32, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(serde_json::Value::Array),
                prop::collection::vec(("[a-c~/]{0,2}", inner), 0..4)
                    .prop_map(|pairs| serde_json::Value::Object(pairs.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn finds_what_serde_json_finds(
            document in json(),
            pointers in prop::collection::vec("(/([a-c0-3]|~0|~1){0,2}){0,3}", 1..6),
        ) {
            let text = document.to_string();
            let tree = PointerTree::new(pointers.iter().map(String::as_str));
            let found = tree.find(&text).unwrap();
            for (pointer, found) in pointers.iter().zip(found) {
                let found = found.map(|raw| serde_json::from_str::<serde_json::Value>(raw).unwrap());
                prop_assert_eq!(found.as_ref(), document.pointer(pointer));
            }
        }
    }
}

//! The JSON Schema of the configuration, derived from the raw types.

use super::raw::Raw;
use serde_json::{Map, Value};

/// The schema, as `onspec schema` prints it and as files are walked along it.
///
/// TOML has no null: what serde takes as "absent" is taken out of what schemars derives.
#[must_use]
pub fn schema() -> Value {
    let mut schema = schemars::schema_for!(Raw).to_value();
    without_null(&mut schema);
    schema
}

fn without_null(value: &mut Value) {
    match value {
        Value::Object(object) => {
            object.values_mut().for_each(without_null);
            if object.get("default") == Some(&Value::Null) {
                object.remove("default");
            }
            if let Some(Value::Array(types)) = object.get_mut("type") {
                types.retain(|word| word != "null");
                if let [one] = types.as_slice() {
                    let one = one.clone();
                    object.insert("type".to_owned(), one);
                }
            }
            if let Some(Value::Array(choices)) = object.get_mut("anyOf") {
                choices.retain(|choice| choice.get("type").is_none_or(|word| word != "null"));
                if let [Value::Object(one)] = choices.as_slice() {
                    let one = one.clone();
                    object.remove("anyOf");
                    // What the key says about itself stands before what its type says.
                    for (name, entry) in one {
                        object.entry(name).or_insert(entry);
                    }
                }
            }
        }
        Value::Array(values) => values.iter_mut().for_each(without_null),
        _ => {}
    }
}

/// One node of the schema, with its references resolved.
#[derive(Clone, Copy)]
pub(super) struct Node<'a> {
    root: &'a Value,
    own: &'a Map<String, Value>,
    kind: &'a Map<String, Value>,
}

impl<'a> Node<'a> {
    /// The whole configuration.
    pub(super) fn root(schema: &'a Value) -> Self {
        let own = schema.as_object().expect("the schema of a struct is an object");
        Self { root: schema, own, kind: own }
    }

    fn at(self, value: &'a Value) -> Option<Self> {
        let own = value.as_object()?;
        let kind = match own.get("$ref").and_then(Value::as_str) {
            Some(path) => self.root.pointer(path.strip_prefix('#')?)?.as_object()?,
            None => own,
        };
        Some(Self { root: self.root, own, kind })
    }

    fn get(self, name: &str) -> Option<&'a Value> {
        self.own.get(name).or_else(|| self.kind.get(name))
    }

    /// `object`, `array`, `string`, `integer`, `number` or `boolean`; nothing if anything goes.
    pub(super) fn type_name(self) -> Option<&'a str> {
        match self.get("type").and_then(Value::as_str) {
            None if !self.words().is_empty() => Some("string"),
            name => name,
        }
    }

    /// Of a value that may be a text or a table what it is as the one or the other; else itself.
    pub(super) fn choice(self, table: bool) -> Self {
        let choices = self.get("anyOf").and_then(Value::as_array).into_iter().flatten();
        let fits = |choice: &Self| (choice.type_name() == Some("object")) == table;
        choices.filter_map(|choice| self.at(choice)).find(fits).unwrap_or(self)
    }

    /// True if a secret belongs here.
    pub(super) fn is_secret(self) -> bool {
        self.get("x-secret").is_some()
    }

    /// The keys of a table whose keys are known, in order of their names.
    pub(super) fn keys(self) -> Vec<&'a str> {
        self.choice(true)
            .get("properties")
            .and_then(Value::as_object)
            .map(|keys| keys.keys().map(String::as_str).collect())
            .unwrap_or_default()
    }

    /// What belongs to a known key.
    pub(super) fn key(self, name: &str) -> Option<Self> {
        self.at(self.choice(true).get("properties")?.get(name)?)
    }

    /// What belongs to any key of a table whose keys are names that the mill gives.
    pub(super) fn any_key(self) -> Option<Self> {
        self.at(self.get("additionalProperties")?)
    }

    /// What the entries of an array are.
    pub(super) fn items(self) -> Option<Self> {
        self.at(self.get("items")?)
    }

    /// The words that a key takes; empty if it takes any text.
    pub(super) fn words(self) -> Vec<&'a str> {
        let constants = self.get("oneOf").and_then(Value::as_array).map(|choices| {
            choices.iter().filter_map(|choice| choice.get("const")?.as_str()).collect()
        });
        let listed = self
            .get("enum")
            .and_then(Value::as_array)
            .map(|words| words.iter().filter_map(Value::as_str).collect());
        constants.or(listed).unwrap_or_default()
    }

    /// How a value may look: an example, else the default.
    pub(super) fn example(self) -> Option<String> {
        let example = self.get("examples").and_then(Value::as_array).and_then(|all| all.first());
        let default = self.get("default");
        example.or(default).map(ToString::to_string)
    }

    /// The value that holds when the key is left out, as TOML writes it.
    #[cfg(test)]
    pub(super) fn default_value(self) -> Option<String> {
        self.own.get("default").map(ToString::to_string)
    }

    /// The tables that have a key of this name, as they are written in TOML.
    pub(super) fn homes(self, name: &str) -> Vec<String> {
        let mut homes = Vec::new();
        self.collect_homes(name, "", false, &mut homes);
        homes.sort();
        homes.dedup();
        homes
    }

    fn collect_homes(self, name: &str, path: &str, several: bool, homes: &mut Vec<String>) {
        for key in self.keys() {
            let Some(child) = self.key(key) else { continue };
            if key == name && !path.is_empty() {
                homes.push(if several { format!("[[{path}]]") } else { format!("[{path}]") });
            }
            let below = if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
            match (child.items(), child.any_key()) {
                (Some(items), _) => items.collect_homes(name, &below, true, homes),
                (None, Some(any)) => any.collect_homes(name, &format!("{below}.…"), false, homes),
                (None, None) => child.collect_homes(name, &below, false, homes),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schema_has_no_null_and_knows_its_words() {
        let schema = schema();
        assert!(!schema.to_string().contains("null"), "{schema:#}");
        let root = Node::root(&schema);
        assert_eq!(root.key("undeclared").unwrap().words(), ["store", "ignore"]);
        let mqtt = root.key("mqtt").unwrap().items().unwrap();
        assert!(mqtt.key("password").unwrap().is_secret());
        assert_eq!(mqtt.key("keep_alive").unwrap().example().unwrap(), "\"2s\"");
        let line = root.key("line").unwrap().any_key().unwrap();
        assert!(line.keys().contains(&"frame"));
        assert_eq!(root.homes("bucket"), ["[influxdb]"]);
        assert_eq!(root.homes("frame"), ["[line.…]"]);
        assert_eq!(root.homes("qos"), ["[[mqtt.subscribe]]"]);
    }

    #[test]
    fn every_key_says_what_it_is() {
        fn walk(node: Node<'_>, path: &str) {
            for key in node.keys() {
                let child = node.key(key).unwrap();
                let path = format!("{path}.{key}");
                assert!(child.get("description").is_some(), "`{path}` has no description");
                for below in [Some(child), child.items(), child.any_key()].into_iter().flatten() {
                    walk(below, &path);
                }
            }
        }
        walk(Node::root(&schema()), "");
    }
}

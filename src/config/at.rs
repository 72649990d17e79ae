//! Values with their place in the file, and texts that stand for quantities.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde::de::value::{MapAccessDeserializer, StrDeserializer};
use serde::de::{Deserializer, Error, MapAccess, Visitor};
use std::borrow::Cow;
use std::marker::PhantomData;
use std::ops::{Deref, Range};

/// A value with its place in the file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(transparent, bound = "T: Deserialize<'de>")]
pub(super) struct At<T>(toml::Spanned<T>);

impl<T> At<T> {
    /// The bytes of the file where the value stands.
    pub(super) fn span(&self) -> Range<usize> {
        self.0.span()
    }
}

impl<T> Deref for At<T> {
    type Target = T;
    fn deref(&self) -> &T {
        self.0.as_ref()
    }
}

impl<T: JsonSchema> JsonSchema for At<T> {
    fn inline_schema() -> bool {
        T::inline_schema()
    }
    fn schema_name() -> Cow<'static, str> {
        T::schema_name()
    }
    fn schema_id() -> Cow<'static, str> {
        T::schema_id()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        T::json_schema(generator)
    }
}

/// A text that stands for a quantity, with an example for whoever writes it wrong.
macro_rules! quantity {
    ($(#[$doc:meta])* $name:ident, $pattern:literal, $($example:literal),+) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
        #[serde(transparent)]
        pub(super) struct $name(String);

        impl Deref for $name {
            type Target = str;
            fn deref(&self) -> &str {
                &self.0
            }
        }

        impl JsonSchema for $name {
            fn inline_schema() -> bool {
                true
            }
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }
            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({ "type": "string", "pattern": $pattern, "examples": [$($example),+] })
            }
        }
    };
}

quantity!(
    /// A duration with its unit.
    DurationText,
    r"^\s*[0-9]+(\.[0-9]+)?\s*(ms|s|m|min|h|d|w)\s*$",
    "2s",
    "7d"
);
quantity!(
    /// A number of bytes with its unit.
    SizeText,
    r"^\s*[0-9]+(\.[0-9]+)?\s*(B|kB|KB|MB|GB|TB|KiB|MiB|GiB|TiB)\s*$",
    "20GiB",
    "512MiB"
);
quantity!(
    /// A duration with its unit, or `off`.
    DurationOrOff,
    r"^\s*([0-9]+(\.[0-9]+)?\s*(ms|s|m|min|h|d|w)|off)\s*$",
    "5m",
    "off"
);
quantity!(
    /// A duration with its unit, or `batch`.
    DurationOrBatch,
    r"^\s*([0-9]+(\.[0-9]+)?\s*(ms|s|m|min|h|d|w)|batch)\s*$",
    "1m",
    "batch"
);
quantity!(
    /// A false-flag budget.
    BudgetText,
    r"^\s*[0-9]+(\.[0-9]+)?\s+per\s+([0-9]+\s+(batch|batches|frame|frames)|day)\s*$",
    "1 per 100 batches",
    "1 per 20000 frames",
    "2 per day"
);
quantity!(
    /// When models are fitted again.
    RefitText,
    r"^\s*(never|daily|weekly|[0-9]+\s+batch(es)?)\s*$",
    "weekly",
    "20 batches"
);

/// A text, or a table where a text does not say enough.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum TextOr<X, T> {
    /// The text.
    Text(X),
    /// The table.
    Table(T),
}

impl<'de, X: Deserialize<'de>, T: Deserialize<'de>> Deserialize<'de> for TextOr<X, T> {
    // By hand, for serde's own way to choose keeps what it looked at without the places in the file.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either<X, T>(PhantomData<(X, T)>);

        impl<'de, X: Deserialize<'de>, T: Deserialize<'de>> Visitor<'de> for Either<X, T> {
            type Value = TextOr<X, T>;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a text or a table")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
                X::deserialize(StrDeserializer::new(text)).map(TextOr::Text)
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map)).map(TextOr::Table)
            }
        }
        deserializer.deserialize_any(Either(PhantomData))
    }
}

impl<X: JsonSchema, T: JsonSchema> JsonSchema for TextOr<X, T> {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        format!("{}Or{}", X::schema_name(), T::schema_name()).into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let choices = [generator.subschema_for::<X>(), generator.subschema_for::<T>()];
        json_schema!({ "anyOf": choices })
    }
}

//! A reader of lines that knows nothing but the format's description.
//!
//! It cuts first and unescapes afterwards: at the spaces that stand outside of quotes and behind no backslash, then at
//! such commas, then at the first such equals sign.

/// The type of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// `1`, `-2.5e3`.
    Float,
    /// `12i`.
    Integer,
    /// `"text"`.
    Text,
    /// `true`.
    Boolean,
}

impl Kind {
    /// The type's name in InfluxDB's words.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Float => "float",
            Self::Integer => "integer",
            Self::Text => "string",
            Self::Boolean => "boolean",
        }
    }
}

/// A value: its type, and what it says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Value {
    /// The type.
    pub(crate) kind: Kind,
    /// The value; a text without its quotes and escapes.
    pub(crate) text: String,
}

/// A line, read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) measurement: String,
    pub(super) tags: Vec<(String, String)>,
    pub(super) fields: Vec<(String, Value)>,
    pub(super) time: i64,
}

impl Line {
    /// Measurement and tags, sorted: what makes a series.
    pub(super) fn series(&self) -> String {
        let mut tags = self.tags.clone();
        tags.sort();
        let tags = tags.iter().map(|(key, value)| format!(",{key}={value}"));
        self.measurement.clone() + &tags.collect::<String>()
    }
}

/// Reads one line, or says what is wrong with it in InfluxDB's words.
pub(super) fn read(line: &str) -> Result<Line, &'static str> {
    let sections = cut(line, ' ', usize::MAX);
    let (series, fields, time) = match sections.as_slice() {
        [series, fields] => (*series, *fields, None),
        [series, fields, time] => (*series, *fields, Some(*time)),
        [_] => return Err("missing fields"),
        _ => return Err("invalid field format"),
    };
    let mut parts = cut(series, ',', usize::MAX).into_iter();
    let measurement =
        plain(parts.next().filter(|name| !name.is_empty()).ok_or("missing measurement")?);
    let mut tags = Vec::new();
    for tag in parts {
        let [key, value] = cut(tag, '=', 2)[..] else { return Err("missing tag value") };
        if value.is_empty() {
            return Err("missing tag value");
        }
        tags.push((plain(key), plain(value)));
    }
    let mut read_fields = Vec::new();
    for field in cut(fields, ',', usize::MAX) {
        let [key, value] = cut(field, '=', 2)[..] else { return Err("invalid field format") };
        if key.is_empty() {
            return Err("missing field key");
        }
        read_fields.push((plain(key), value_of(value)?));
    }
    let time = time.ok_or("missing timestamp")?.parse().map_err(|_| "bad timestamp")?;
    Ok(Line { measurement, tags, fields: read_fields, time })
}

/// Cuts at a character that stands outside of quotes and behind no backslash, into so many parts at most.
fn cut(text: &str, at: char, parts_max: usize) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut start, mut escaped, mut quoted) = (0, false, false);
    for (place, c) in text.char_indices() {
        if escaped {
            escaped = false;
        } else if c == '\\' {
            escaped = true;
        } else if c == '"' {
            // A quote opens a text only where a value begins; elsewhere it is a character.
            quoted = !quoted && text[..place].ends_with('=');
        } else if c == at && !quoted && parts.len() + 1 < parts_max {
            parts.push(&text[start..place]);
            start = place + c.len_utf8();
        }
    }
    parts.push(&text[start..]);
    parts
}

/// Takes the backslashes before commas, equals signs and spaces away.
fn plain(text: &str) -> String {
    text.replace("\\,", ",").replace("\\=", "=").replace("\\ ", " ")
}

fn value_of(text: &str) -> Result<Value, &'static str> {
    let value = |kind, text: String| Ok(Value { kind, text });
    if let Some(rest) = text.strip_prefix('"') {
        let inner = rest.strip_suffix('"').ok_or("unbalanced quotes")?;
        return value(Kind::Text, inner.replace("\\\"", "\"").replace("\\\\", "\\"));
    }
    if matches!(
        text,
        "t" | "T" | "true" | "True" | "TRUE" | "f" | "F" | "false" | "False" | "FALSE"
    ) {
        return value(Kind::Boolean, text.to_lowercase());
    }
    if let Some(digits) = text.strip_suffix('i') {
        let number: i64 = digits.parse().map_err(|_| "invalid number")?;
        return value(Kind::Integer, number.to_string());
    }
    // Neither NaN nor infinity can be written.
    let number: f64 = text.parse().map_err(|_| "invalid number")?;
    if !number.is_finite() || text.chars().any(|c| c.is_ascii_alphabetic() && !"eE".contains(c)) {
        return Err("invalid number");
    }
    value(Kind::Float, number.to_string())
}

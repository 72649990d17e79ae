//! The first look at a file: keys that do not exist, values of the wrong type, words that are not
//! taken, secrets that stand in the open. Everything wrong is reported and taken out, so that what is
//! left can be read by serde and checked for meaning in the same run.

use super::diagnostic::{Code, Diagnostic};
use super::schema::Node;
use super::source::SECRET_WORDS;
use super::suggest::{list, nearest};
use std::collections::BTreeSet;
use std::ops::Range;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// What the first look found.
#[derive(Debug, Default)]
pub(super) struct Findings {
    /// What is wrong.
    pub(super) diagnostics: Vec<Diagnostic>,
    /// Where secrets stand in the open: never to be shown.
    pub(super) hidden: Vec<Range<usize>>,
    /// Keys that are there but wrong, by the place of their table: nobody should call them missing.
    pub(super) removed: BTreeSet<(usize, String)>,
}

/// Looks at a whole file and takes out what is wrong.
pub(super) fn examine(table: &mut Spanned<DeTable<'_>>, schema: Node<'_>) -> Findings {
    let mut walk = Walk { schema, findings: Findings::default() };
    let start = table.span().start;
    walk.table(table.get_mut(), start, schema, &mut Vec::new());
    walk.findings
}

struct Walk<'a> {
    schema: Node<'a>,
    findings: Findings,
}

impl Walk<'_> {
    fn report(&mut self, code: Code, span: Range<usize>, message: String) -> &mut Diagnostic {
        self.findings.diagnostics.push(Diagnostic::new(code, span, message));
        self.findings.diagnostics.last_mut().expect("one was pushed just now")
    }

    /// Looks at the entries of a table and keeps the good ones.
    fn table(
        &mut self,
        table: &mut DeTable<'_>,
        start: usize,
        node: Node<'_>,
        path: &mut Vec<String>,
    ) {
        let known = node.keys();
        let mut kept = DeTable::new();
        for (key, mut value) in std::mem::take(table) {
            let name = key.get_ref().as_ref();
            let Some(child) = node.key(name).or_else(|| node.any_key()) else {
                self.unknown_key(key.span(), name, start, &known, node, path);
                self.hide_if_secret(name, &value, node, &known);
                continue;
            };
            path.push(name.to_owned());
            let good = self.value(&mut value, key.span(), child, path);
            path.pop();
            if good {
                kept.insert(key, value);
            } else {
                self.findings.removed.insert((start, name.to_owned()));
                if node.is_secret() {
                    self.findings.hidden.push(value.span());
                }
            }
        }
        *table = kept;
    }

    fn unknown_key(
        &mut self,
        span: Range<usize>,
        name: &str,
        start: usize,
        known: &[&str],
        node: Node<'_>,
        path: &[String],
    ) {
        let suggestion = nearest(name, known.iter().copied());
        if let Some(word) = suggestion {
            self.findings.removed.insert((start, word.to_owned()));
        }
        let place = self.place(path);
        let help = if let Some(word) = suggestion {
            format!("did you mean `{word}`?")
        } else {
            let homes: Vec<String> =
                self.schema.homes(name).iter().map(|home| format!("`{home}`")).collect();
            let elsewhere = match homes.as_slice() {
                homes if homes.is_empty() || node.is_secret() => String::new(),
                homes => format!("`{name}` is a key of {}; ", homes.join(", ")),
            };
            let takes = if path.is_empty() { "the file" } else { &place };
            format!("{elsewhere}{takes} takes {}", list(known))
        };
        let message = if node.is_secret() {
            // That it now has no source is no further news.
            self.findings.removed.insert((start, "env".to_owned()));
            format!("`{name}` is no source of a secret")
        } else if path.is_empty() {
            format!("unknown key `{name}` at the top of the file")
        } else {
            format!("unknown key `{name}` in {place}")
        };
        self.report(Code::UnknownKey, span, message).label("not known here").help(help);
    }

    /// A table as it is written.
    fn place(&self, path: &[String]) -> String {
        let mut node = Some(self.schema);
        let mut several = false;
        for name in path {
            let child = node.and_then(|node| node.key(name).or_else(|| node.any_key()));
            several = child.is_some_and(|child| child.items().is_some());
            node = child.map(|child| child.items().unwrap_or(child));
        }
        let dotted = path.join(".");
        if several { format!("`[[{dotted}]]`") } else { format!("`[{dotted}]`") }
    }

    /// Hides the value of an unknown key that may be a misspelt secret.
    fn hide_if_secret(
        &mut self,
        name: &str,
        value: &Spanned<DeValue<'_>>,
        node: Node<'_>,
        known: &[&str],
    ) {
        let lower = name.to_lowercase();
        let meant = nearest(name, known.iter().copied()).and_then(|word| node.key(word));
        let secret = node.is_secret()
            || meant.is_some_and(Node::is_secret)
            || lower.contains("pass")
            || lower.contains("key")
            || SECRET_WORDS.iter().any(|word| lower.contains(word));
        if secret || mentions_secret(value.get_ref()) {
            self.findings.hidden.push(value.span());
        }
    }

    /// True if the value is of the type that the schema wants; says so if not.
    fn value(
        &mut self,
        value: &mut Spanned<DeValue<'_>>,
        key_span: Range<usize>,
        node: Node<'_>,
        path: &mut Vec<String>,
    ) -> bool {
        let span = value.span();
        let is_table = matches!(value.get_ref(), DeValue::Table(_));
        let node = node.choice(is_table);
        if node.is_secret() && !matches!(value.get_ref(), DeValue::Table(_)) {
            self.secret_in_file(span, path);
            return false;
        }
        match (node.type_name(), value.get_mut()) {
            (None, _) | (Some("boolean"), DeValue::Boolean(_)) => true,
            (Some("object"), DeValue::Table(table)) => {
                self.table(table, span.start, node, path);
                true
            }
            (Some("array"), DeValue::Array(array)) => {
                let Some(items) = node.items() else { return true };
                let tables = items.type_name() == Some("object");
                let before = array.len();
                let mut kept = toml::de::DeArray::new();
                for mut entry in std::mem::replace(array, toml::de::DeArray::new()) {
                    let span = entry.span();
                    if self.value(&mut entry, span, items, path) {
                        kept.push(entry);
                    }
                }
                *array = kept;
                // Of a list of numbers or words none is left out in silence; tables stand alone.
                tables || array.len() == before
            }
            (Some("string"), DeValue::String(text)) => {
                let words = node.words();
                if words.is_empty() || words.contains(&text.as_ref()) {
                    return true;
                }
                let message = format!("{} cannot be `{text}`", place_of_key(path));
                let help = match nearest(text, words.iter().copied()) {
                    Some(word) => format!("did you mean `{word}`? allowed: {}", list(&words)),
                    None => format!("allowed: {}", list(&words)),
                };
                self.report(Code::UnknownWord, span, message)
                    .label("not a word it takes")
                    .help(help);
                false
            }
            (Some("integer" | "number"), DeValue::Integer(integer)) => {
                if i64::from_str_radix(integer.as_str(), integer.radix()).is_ok() {
                    return true;
                }
                let message = format!("{} is too large a number", place_of_key(path));
                self.report(Code::OutOfBounds, span, message);
                false
            }
            (Some("number"), DeValue::Float(float)) => {
                if float.as_str().parse::<f64>().is_ok_and(f64::is_finite) {
                    return true;
                }
                let message = format!("{} must be a finite number", place_of_key(path));
                self.report(Code::OutOfBounds, span, message).label("neither NaN nor infinite");
                false
            }
            (Some(wanted), found) => {
                // Between brackets in the line, not `[[…]]`.
                let inline = matches!(found, DeValue::Array(entries)
                    if !entries.iter().any(|entry| matches!(entry.get_ref(), DeValue::Table(_))));
                let found = if inline { "a list of values" } else { kind(found) };
                let span = if found == "a table" { key_span } else { span };
                self.wrong_type(span, wanted, found, node, path);
                false
            }
        }
    }

    fn secret_in_file(&mut self, span: Range<usize>, path: &[String]) {
        self.findings.hidden.push(span.clone());
        let name = place_of_key(path);
        self.report(Code::SecretInFile, span, format!("{name} must not stand in the file"))
            .label("hidden here; take it out of the file")
            .help(
                "write `{ env = \"NAME\" }` for an environment variable or `{ file = \"PATH\" }` \
                 for a file of its own",
            );
    }

    fn wrong_type(
        &mut self,
        span: Range<usize>,
        wanted: &str,
        found: &str,
        node: Node<'_>,
        path: &[String],
    ) {
        let wanted_text = match wanted {
            "object" => "a table",
            "array" => "a list",
            "integer" => "a whole number",
            "number" => "a number",
            "boolean" => "`true` or `false`",
            _ => "a text in quotes",
        };
        let dotted = path.join(".");
        let of_tables = node.items().is_some_and(|items| items.type_name() == Some("object"));
        let of_numbers = node.items().is_some_and(|items| items.type_name() == Some("number"));
        let help = match (wanted, found) {
            ("array", "a table") if of_tables => {
                Some(format!("there may be several: write `[[{dotted}]]` with double brackets"))
            }
            ("object", "a list") => {
                Some(format!("there is only one: write `[{dotted}]` with single brackets"))
            }
            ("object", "a list of values") => {
                let keys = node.keys();
                let first = keys.first().copied().unwrap_or("key");
                Some(format!("write a table, `{{ {first} = … }}`; its keys are {}", list(&keys)))
            }
            ("object", _) => {
                let keys = node.keys();
                (!keys.is_empty()).then(|| format!("its keys are {}", list(&keys)))
            }
            // The one check that can be switched off.
            ("string", "`true` or `false`") if path.last().is_some_and(|key| key == "stuck") => {
                Some("write `\"off\"` to switch it off, or a duration such as `\"5m\"`".to_owned())
            }
            ("array", _) if of_numbers => {
                Some("write `[low, high]`, such as `[0.0, 60.0]`".to_owned())
            }
            ("string", "a number") if node.example().as_deref() == Some("\"\"") => {
                Some("write it in quotes".to_owned())
            }
            _ => node.example().map(|example| format!("write it like `{example}`")),
        };
        let name = place_of_key(path);
        let diagnostic = self.report(
            Code::WrongType,
            span,
            format!("{name} must be {wanted_text}, not {found}"),
        );
        diagnostic.label(format!("this is {found}"));
        if let Some(help) = help {
            diagnostic.help(help);
        }
    }
}

/// True if a table has a key that sounds like a secret.
fn mentions_secret(value: &DeValue<'_>) -> bool {
    match value {
        DeValue::Table(table) => table.iter().any(|(key, value)| {
            let key = key.get_ref().to_lowercase();
            SECRET_WORDS.iter().any(|word| key.contains(word))
                || key.contains("pass")
                || mentions_secret(value.get_ref())
        }),
        DeValue::Array(array) => array.iter().any(|entry| mentions_secret(entry.get_ref())),
        DeValue::String(text) => text.contains("://"),
        _ => false,
    }
}

/// The type of a value in words.
fn kind(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) => "a number",
        DeValue::Float(_) => "a number with a fraction",
        DeValue::Boolean(_) => "`true` or `false`",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

/// A key in words.
fn place_of_key(path: &[String]) -> String {
    format!("`{}`", path.join("."))
}

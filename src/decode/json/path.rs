//! Pointers of a rule as ways from the root of a document.
//!
//! A rule writes three kinds: JSON Pointers (RFC 6901) from the item, Relative JSON Pointers
//! (draft-bhutton-relative-json-pointer) from the value, and `each`, in which a token `*` takes everything.
//! All are known before a document comes, so each becomes one way from the root.

/// A step down into a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    /// To this key, or to the element of this number.
    Key(Box<str>),
    /// To every element, or to every key that no other way names.
    Every,
}

/// What a pointer asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Target {
    /// What stands at the end of the way.
    Text(Vec<Step>),
    /// The last key of the way (`0#`).
    Key(Vec<Step>),
}

/// True if a pointer of a rule counts from the value: `1/t`, `0#`.
#[must_use]
pub fn is_relative(pointer: &str) -> bool {
    pointer.starts_with(|first: char| first.is_ascii_digit())
}

/// The steps of a JSON Pointer. `*` is a wildcard where there are items, else a key as any other.
pub(super) fn steps(pointer: &str, items: bool) -> Vec<Step> {
    let tokens = pointer.strip_prefix('/').into_iter().flat_map(|tokens| tokens.split('/'));
    tokens
        .map(|token| match token {
            "*" if items => Step::Every,
            _ => Step::Key(token.replace("~1", "/").replace("~0", "~").into()),
        })
        .collect()
}

/// Where a pointer leads: `item` and `value` are the ways to these two. `None` if it leaves the document.
pub(super) fn target(pointer: &str, item: &[Step], value: &[Step], items: bool) -> Option<Target> {
    if !is_relative(pointer) {
        return Some(Target::Text([item, &steps(pointer, items)].concat()));
    }
    let end = pointer.find(|next: char| !next.is_ascii_digit()).unwrap_or(pointer.len());
    let (levels, rest) = pointer.split_at(end);
    let above = value.get(..value.len().checked_sub(levels.parse().ok()?)?)?;
    match rest {
        "#" if above.is_empty() => None,
        "#" => Some(Target::Key(above.to_vec())),
        _ => Some(Target::Text([above, &steps(rest, items)].concat())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Prints a way as `a.b.*`.
    fn show(target: Option<Target>) -> String {
        let join = |way: &[Step]| {
            let steps: Vec<&str> = way
                .iter()
                .map(|step| match step {
                    Step::Key(key) => &**key,
                    Step::Every => "*",
                })
                .collect();
            steps.join(".")
        };
        match target {
            Some(Target::Text(way)) => join(&way),
            Some(Target::Key(way)) => format!("{}#", join(&way)),
            None => "-".to_owned(),
        }
    }

    #[test]
    fn pointers_count_from_the_item_or_from_the_value() {
        let item = steps("/entries/*", true);
        let value = [item.clone(), steps("/value/double", true)].concat();
        let check = |pointer: &str, expected: &str| {
            assert_eq!(show(target(pointer, &item, &value, true)), expected, "{pointer}");
        };
        check("/t", "entries.*.t");
        check("", "entries.*");
        check("0", "entries.*.value.double");
        check("1/unit", "entries.*.value.unit");
        check("4/ts", "ts");
        check("4/times/*", "times.*");
        check("0#", "entries.*.value.double#");
        check("2#", "entries.*#");
        check("4#", "-");
        check("5/ts", "-");
        check("99999999999999999999/ts", "-");
        check("/a~1b/m~0n", "entries.*.a/b.m~n");
        assert_eq!(steps("/*", false), [Step::Key("*".into())]);
    }
}

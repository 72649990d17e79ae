//! The ways of a rule against documents, and against `serde_json`.

use super::super::path::steps;
use super::*;
use proptest::prelude::*;

/// What each pointer finds.
fn find(document: &str, pointers: &[&str]) -> Vec<Option<String>> {
    let mut tree = Tree::new();
    let cells: Vec<Cell> = pointers.iter().map(|p| tree.cell(&steps(p, false))).collect();
    let mut tables = Tables::default();
    // Twice: in fresh memory and in used memory.
    for _ in 0..2 {
        tree.fill(document, &mut tables).unwrap();
    }
    let text = |place: Place| document[place.range()].to_owned();
    cells.into_iter().map(|cell| tables.get(cell, 0).map(text)).collect()
}

#[track_caller]
fn check(document: &str, pointers: &[&str], expected: &[Option<&str>]) {
    let found = find(document, pointers);
    assert_eq!(found.iter().map(Option::as_deref).collect::<Vec<_>>(), expected);
}

#[test]
fn pointers_find_their_values() {
    check(r#"{"v":1.50,"q":{"c":192}}"#, &["/v", "/q/c"], &[Some("1.50"), Some("192")]);
    check(r#"{"a/b":1,"m~n":"x y"}"#, &["/a~1b", "/m~0n"], &[Some("1"), Some("\"x y\"")]);
    check(r#"{"a":[10, [20, 30 ]]}"#, &["/a/1/1", "/a/0", "/a/2"], &[Some("30"), Some("10"), None]);
    check(" 17 ", &["", "/a"], &[Some("17"), None]);
    check(r#"{"":{"":5}}"#, &["/", "//"], &[Some(r#"{"":5}"#), Some("5")]);
    check(
        r#"{"a":{"b":2}}"#,
        &["/a", "/a/b", "/a"],
        &[Some(r#"{"b":2}"#), Some("2"), Some(r#"{"b":2}"#)],
    );
    check(r#"{"a":1}"#, &["/b"], &[None]);
    check("[1,2]", &["/01", "/-"], &[None, None]);
    check(r#"{"\u0061":1}"#, &["/a"], &[Some("1")]);
    check(r#"{"b":1,"a":2,"c":3}"#, &["/c", "/a", "/b"], &[Some("3"), Some("2"), Some("1")]);
    check(
        r#"{"a":123456789012345678901234567890}"#,
        &["/a"],
        &[Some("123456789012345678901234567890")],
    );
}

/// A key is taken as it is mostly written, and found all the same where it is written otherwise.
#[test]
fn keys_are_found_however_they_are_written() {
    let some = [Some("1"), Some("2")];
    check(r#"{"a":1,"b":2}"#, &["/a", "/b"], &some);
    check(r#"{ "a" : 1 , "b" : 2 }"#, &["/a", "/b"], &some);
    check(r#"{"\u0061":1,"b" :2}"#, &["/a", "/b"], &some);
    check(r#"{"a\"b":1,"c\\d":2}"#, &["/a\"b", "/c\\d"], &some);
    check(r#"{"ab":1,"a":2}"#, &["/ab", "/a"], &some);
    check(r#"{"a":":","b":2}"#, &["/a", "/b"], &[Some(r#"":""#), Some("2")]);
    let mut tree = Tree::new();
    tree.cell(&steps("/a\"", false));
    assert_eq!(tree.fill(r#"{"a"":1}"#, &mut Tables::default()), Err(NotJson));
}

#[test]
fn of_two_equal_keys_the_last_counts() {
    check(r#"{"a":{"b":1},"a":{"c":2}}"#, &["/a/b", "/a/c"], &[None, Some("2")]);
    check(r#"{"a":1,"a":null}"#, &["/a"], &[None]);
    let mut tree = Tree::new();
    let cell = tree.cell(&steps("/a/*/b/*", true));
    let mut tables = Tables::default();
    let document = r#"{"a":[{"b":[1,2]},{"b":[3],"b":[4]}],"a":[{"b":[5],"b":[6,7]}]}"#;
    tree.fill(document, &mut tables).unwrap();
    let found: Vec<&str> = (0..tables.rows(cell.scope).len())
        .map(|row| &document[tables.get(cell, row).unwrap().range()])
        .collect();
    assert_eq!(found, ["6", "7"]);
}

#[test]
fn a_row_is_kept_for_everything_that_no_way_names() {
    let mut tree = Tree::new();
    let cell = tree.cell(&steps("/*", true));
    let time = tree.cell(&steps("/ts", true));
    let mut tables = Tables::default();
    let document = r#"{"a":1,"ts":5,"b":{"c":2}}"#;
    tree.fill(document, &mut tables).unwrap();
    let text = |place: Option<Place>| place.map(|place| &document[place.range()]);
    assert_eq!(text(tables.get(time, 0)), Some("5"));
    assert_eq!(tables.rows(cell.scope).len(), 2);
    assert_eq!(text(tables.get(cell, 1)), Some(r#"{"c":2}"#));
}

#[test]
fn rows_are_bounded() {
    let mut tree = Tree::new();
    let cell = tree.cell(&steps("/*", true));
    let mut tables = Tables::default();
    let document = format!("[{}0]", "0,".repeat(CELLS_MAX));
    tree.fill(&document, &mut tables).unwrap();
    assert!(tables.overflow());
    assert!(tables.rows(cell.scope).len() <= CELLS_MAX / 2);
    tree.fill("[1]", &mut tables).unwrap();
    assert!(!tables.overflow());
    assert!(tables.all[cell.scope].cells.capacity() <= CELLS_KEPT);
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
        let pointers: Vec<&str> = pointers.iter().map(String::as_str).collect();
        for (pointer, found) in pointers.iter().zip(find(&text, &pointers)) {
            let found = found.map(|raw| serde_json::from_str::<serde_json::Value>(&raw).unwrap());
            let known = document.pointer(pointer).filter(|known| !known.is_null());
            prop_assert_eq!(found.as_ref(), known);
        }
    }
}

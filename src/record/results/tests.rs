use super::*;

/// What is read of a table, a result a line; or what is wrong, without the path.
fn read(text: &str) -> Vec<String> {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("r.csv");
    std::fs::write(&path, text).unwrap();
    let shown = |of: &Option<String>| of.clone().unwrap_or_else(|| "-".into());
    match read_results(&path) {
        Ok(results) => results
            .iter()
            .map(|r| {
                let at = r.at.map_or_else(|| "-".into(), |at| at.as_millis().to_string());
                let (line, unit, position) = (shown(&r.line), shown(&r.unit), shown(&r.position));
                let TableResult { place, batch, property, value, .. } = r;
                format!("{place} {line} {batch} {property} {value} {unit} {position} {at}")
            })
            .collect(),
        Err(wrong) => {
            let whole = format!("`{}`", path.display());
            wrong.iter().map(|error| error.to_string().replace(&whole, "")).collect()
        }
    }
}

#[test]
fn long_and_wide_tables_of_every_separator() {
    assert_eq!(
        read(
            "\u{feff}Batch,Property,Value,unit,ts,position,line\r\nR1,tensile,131.4,N/m,1769131000000,3,tm3\r\n"
        ),
        ["line 2 tm3 R1 tensile 131.4 N/m 3 1769131000000"]
    );
    assert_eq!(
        read("value;batch;property\n131,4;R1;tensile\n-0;R2;tensile\n1.5;R3;a,b\n"),
        [
            "line 2 - R1 tensile 131.4 - - -",
            "line 3 - R2 tensile 0 - - -",
            "line 4 - R3 a,b 1.5 - - -"
        ]
    );
    assert_eq!(
        read("batch\ttensile\tbulk\tts\nR1\t131,4\t\t2026-01-23 00:00\n\t\t\t\nR2\tn/a\t7\t\n"),
        ["line 2 - R1 tensile 131.4 - - 1769126400000", "line 4 - R2 bulk 7 - - -"]
    );
    // Lines are counted as an editor does, whatever ends them.
    assert_eq!(
        read("batch,p\r\n\r\n\"R\r\n1\",1\r\n\r\nR2,2\r\nR3,x\r\n"),
        [", line 7, column `p`: `x` is no number; write one such as `131.4`, or nothing"]
    );
    // The same said twice is a repeat, at another place another result.
    let twice = read("batch,property,value,position\nR1,p,1,a\nR1,p,1,a\nR1,p,2,b\n");
    assert_eq!(twice.len(), 3, "{twice:?}");
}

#[test]
fn all_that_is_wrong_is_named_with_line_and_column() {
    assert_eq!(
        read(
            "batch;property;value;ts\n;p;1;\nR1;;1;\nR1;p;1.234,5;\nR1;p;x;\nR1;p;;\nR1;p;1;23.01.2026\nR1;p;inf;\nR1;p\n"
        ),
        [
            ", line 2, column `batch`: empty: which batch it is of",
            ", line 3, column `property`: empty: what was measured",
            ", line 4, column `value`: `1.234,5` is no number; write `1234,5` or `1234.5`, without marks between thousands",
            ", line 5, column `value`: `x` is no number; write one such as `131.4`, or nothing",
            ", line 6, column `value`: there is no result in it: leave the line out",
            ", line 7, column `ts`: `23.01.2026` is no time; write one such as `2026-01-23T06:00:00Z`, or milliseconds \
             since 1970",
            ", line 8, column `value`: `inf` is not finite",
            ", line 9 has 2 cells, and the header has 4",
        ]
    );
    assert_eq!(
        read("batch,tensile,bulk\nR1,1,x\nR1,\"1,5\",2\n"),
        [
            ", line 2, column `bulk`: `x` is no number; write one such as `131.4`, or nothing",
            ", line 3, column `tensile`: `1,5` is no number; write `1234.5`: a decimal comma is read where `;` or tabs \
             part the cells",
        ]
    );
    let many = read(&format!("batch,p\n{}", "R1,x\n".repeat(25)));
    assert_eq!((many.len(), &*many[20]), (21, " has 5 more wrong cells"));
}

#[test]
fn two_results_of_the_same_are_told_apart_by_their_time() {
    assert_eq!(
        read("batch,property,value\nR1,p,1\nR2,p,1\nR1,p,2\n"),
        [
            ", line 4, column `value`: line 2 has 1 of the same batch, property and position: say in a column `ts` when each \
          was found, the newest counts"
        ]
    );
    assert_eq!(
        read("batch,ts,p\nR1,5,1\nR1,6,2\nR1,5,3\n"),
        [
            ", line 4, column `p`: line 2 has 1 of the same batch, property and position at the same time: leave the wrong \
          one out"
        ]
    );
}

#[test]
fn headers_that_are_of_no_such_table() {
    for (text, expected) in [
        ("reel,tensile\n", " has no column `batch`; it has `reel`, `tensile`"),
        ("batch,value\n", " has no column `property`; it has `batch`, `value`"),
        ("batch,property\n", " has no column `value`; it has `batch`, `property`"),
        ("batch,line\nR1,tm3\n", " has no column `property`; it has `batch`, `line`"),
        ("batch,p,P\n", " has two columns `p`: take one away"),
        (
            "batch,p,unit\n",
            " has a column `unit`, which goes with columns `property` and `value`: a table with a column \
                             for each property is in the units of the limits",
        ),
        (
            "batch,property,value,units\n",
            " has a column `units`, which says nothing of a result; there are `batch`, \
          `property`, `value`, `line`, `unit`, `position`, `ts`; did you mean `unit`?",
        ),
        ("batch,p\n", " has a header and no result"),
        ("", " has no header"),
        ("PAR1xxxx", " is a Parquet file: save it as CSV"),
    ] {
        assert_eq!(read(text), [expected], "{text}");
    }
}

use super::*;
use crate::decode::PayloadNames;

fn rule() -> ProfileRule {
    ProfileRule {
        values: "/values".into(),
        positions: Some("/mm".into()),
        time: Some("/ts".into()),
        quality: Some("/q".into()),
        mode: Some("/mode".into()),
        names: PayloadNames { tag: Some("/what".into()), ..PayloadNames::default() },
    }
}

fn told(payload: &str) -> Result<Said, Fault> {
    let mut faults = Vec::new();
    let said = read(payload.as_bytes(), &rule(), Default::default(), &mut faults);
    assert_eq!(faults.len(), usize::from(payload.contains("what?")), "{faults:?}");
    said
}

#[test]
fn a_scan_is_read_with_all_that_it_says() {
    let said = told(
        r#"{"what":"weight","ts":1769126400000,"q":192,"mode":"On-Sheet","values":[15.1,null,14.9],"mm":[5,15,25]}"#,
    )
    .unwrap();
    assert_eq!(said.tag.as_deref(), Some("weight"));
    assert_eq!(said.at, Timestamp::from_millis(1_769_126_400_000).ok());
    assert_eq!((said.values[0], said.values[1].is_nan(), said.values[2]), (15.1, true, 14.9));
    assert_eq!(said.positions, Some(vec![5.0, 15.0, 25.0]));
    assert_eq!((said.quality, said.on_sheet), (Some(SourceQuality::Good), true));
    // Nothing but the boxes; and what a scanner does besides.
    let bare = told(r#"{"values":[1],"ts":null}"#).unwrap();
    assert_eq!((bare.at, bare.positions, bare.on_sheet), (None, None, true));
    for mode in ["\"Standardize\"", "false", "3", "\"\""] {
        assert!(!told(&format!(r#"{{"values":[1],"mode":{mode}}}"#)).unwrap().on_sheet, "{mode}");
    }
    assert_eq!(told(r#"{"values":[1],"q":"what?"}"#).unwrap().quality, Some(SourceQuality::Bad));
}

#[test]
fn no_part_of_a_scan_is_a_scan() {
    for (payload, reason, words) in [
        (r#"{"values":[1,"2"]}"#, Reason::WrongType, "`2` at `/values/1` is no number"),
        (r#"{"values":[1,true]}"#, Reason::WrongType, "`true` at `/values/1` is no number"),
        (r#"{"values":[1,NaN]}"#, Reason::NotFinite, "`NaN` at offset 13: JSON has no such number"),
        (r#"{"values":[]}"#, Reason::MissingValue, "the array at `/values` is empty"),
        (r#"{"values":15}"#, Reason::WrongType, "no array at `/values`"),
        (r#"{"boxes":[1]}"#, Reason::MissingValue, "no boxes at `/values`"),
        (r#"{"values":[1,2],"mm":[5]}"#, Reason::WrongType, "1 positions at `/mm` for 2 boxes"),
        (r#"{"values":[1],"mm":[null]}"#, Reason::WrongType, "`null` at `/mm/0` is no number"),
        (
            r#"{"values":[1,2],"mm":[5,5]}"#,
            Reason::WrongType,
            "the positions at `/mm` do not rise from box to box",
        ),
        (
            r#"{"values":[1],"ts":"soon"}"#,
            Reason::BadTime,
            "time at /ts: `soon` is neither a number nor an RFC 3339 time",
        ),
        (r#"{"values":[1],"what":["a"]}"#, Reason::WrongType, "no name at `/what`"),
    ] {
        let refused = told(payload).unwrap_err();
        assert_eq!((refused.reason, refused.detail.as_str()), (reason, words), "{payload}");
    }
    let many = format!(r#"{{"values":[{}1]}}"#, "1,".repeat(BOXES_MAX));
    assert_eq!(told(&many).unwrap_err().reason, Reason::TooLarge);
}

//! How uniform batches are.

use super::super::fixture::{self, HOSTILE, Shelf};
use super::{check_error, mismatch, openapi, with_history};
use crate::batch::Consumed;
use crate::engine::BatchRecord;
use crate::reading::Timestamp;
use crate::verdict::{Call, Found};
use serde_json::json;

fn at(ms: i64) -> Timestamp {
    Timestamp::from_millis(ms).unwrap()
}

/// Thirty reels of three lots; the second lot, with a name that nobody should give, takes twenty newtons away.
fn reels() -> Vec<BatchRecord> {
    let of = |n: i64| {
        let started = fixture::STARTED + n * 1_800_000;
        let lot = ["LOT-1", HOSTILE, "LOT-3"][usize::try_from(n / 10).unwrap()];
        let noise = f64::from(i32::try_from((n * 7) % 5).unwrap());
        let taken = if lot == HOSTILE { 20.0 } else { 0.0 };
        let from = Consumed { from: lot.into(), mass_kg: Some(900.0), ..Consumed::default() };
        BatchRecord {
            ended: Some(at(started + 1_500_000)),
            lab: vec![("tensile_md".into(), 140.0 + noise - taken)],
            consumed: vec![from],
            found: Some(if lot == HOSTILE { Found::Bad } else { Found::Good }),
            ..fixture::batch(&format!("R{n:02}"), started, Call::OnSpec)
        }
    };
    let in_progress = BatchRecord { ended: None, ..of(29) };
    (0..30).map(of).chain([in_progress]).collect()
}

#[test]
fn uniformity_is_told_by_grade_and_lot_and_names_the_lot_that_differs() {
    let fixture = with_history(Shelf(Ok(reels())));
    let path = "/api/v1/uniformity";
    for asked in [path, "/api/v1/uniformity?by=lot&line=tm3&grade=facial-15&limit=500"] {
        let told = fixture::get(&fixture, asked).json();
        let schema = json!({"$ref": "#/components/schemas/Uniformity"});
        mismatch(&openapi(), &schema, &told, asked).unwrap();
        assert_eq!((&told["read"], &told["stored"]), (&json!(31), &json!(31)));
        let grade = &told["grades"][0];
        assert_eq!((&grade["batches"], &grade["batches_with_lots"]), (&json!(30), &json!(30)));
        let tensile = &grade["properties"][0];
        assert_eq!((&tensile["laboratory"], &tensile["between"]), (&json!(true), &json!(null)));
        assert!(tensile["of_means"]["deviation"].as_f64().unwrap() > 5.0);
        assert_eq!(grade["by_lot"].as_array().map(Vec::len), asked.contains("lot").then_some(3));
        let figures: Vec<_> =
            grade["lots"].as_array().unwrap().iter().map(|of| of["figure"].clone()).collect();
        assert_eq!(figures, ["mean", "off-spec"]);
        let lot = &grade["lots"][0]["lots"][0];
        assert_eq!((&lot["lot"], &lot["batches"]), (&json!(HOSTILE), &json!(10)));
    }
    let other = fixture::get(&fixture, "/api/v1/uniformity?grade=towel").json();
    assert_eq!(other["grades"], json!([]));
    assert_eq!(fixture::get(&fixture, "/api/v1/uniformity?by=year").status, 400);
    let text = "`limit` is 501; 1 to 500 are looked at";
    check_error(&fixture, "/api/v1/uniformity?limit=501", 400, text);
    let nobody = fixture::state(fixture::on_spec());
    check_error(&nobody, path, 404, "no batches are stored whose uniformity could be told");
}

#[test]
fn the_page_of_uniformity_says_what_differs_and_lets_no_name_out() {
    let fixture = with_history(Shelf(Ok(reels())));
    let page = fixture::get(&fixture, "/uniformity?line=tm3");
    assert_eq!(page.status, 200);
    for words in ["By the newest 31 of 31 batches", "tensile_md", "one result a batch"] {
        assert!(page.text.contains(words), "{words}: {}", page.text);
    }
    assert!(!page.text.contains("<script>alert"), "{}", page.text);
    let empty = fixture::get(&fixture, "/uniformity?line=tm9");
    assert!(empty.text.contains("None of them has ended"), "{}", empty.text);
    for path in ["/uniformity?line=tm3&language=zh-CN", "/uniformity?line=tm9&language=zh-CN"] {
        let page = fixture::get(&fixture, path).text;
        assert!(page.contains("<h1>批次的均匀性</h1>"), "{page}");
        assert_eq!(fixture::left_over(&page), []);
    }
}

//! The score of verdicts.

use super::super::fixture::{self, Shelf};
use super::{check_error, mismatch, openapi, with_history};
use crate::engine::BatchRecord;
use crate::reading::Timestamp;
use crate::verdict::{Call, Found};
use serde_json::{Value, json};

fn at(ms: i64) -> Timestamp {
    Timestamp::from_millis(ms).unwrap()
}

/// A batch flagged right, one that was missed, a good one, and one of which an earlier release did not say what it was.
fn scored() -> Vec<BatchRecord> {
    let founds = [Some(Found::Bad), Some(Found::Bad), Some(Found::Good), None];
    let of = |(n, found): (i64, Option<Found>)| BatchRecord {
        ended: Some(at(fixture::STARTED + (n + 1) * 60_000)),
        first_flag: (n == 0).then(|| at(fixture::STARTED + 30_000)),
        flagged_since: (n == 0).then(|| at(fixture::STARTED + 30_000)),
        found,
        ..fixture::batch(&format!("R{n}"), fixture::STARTED + n * 60_000, Call::OnSpec)
    };
    (0..).zip(founds).map(of).collect()
}

#[test]
fn flags_are_scored_by_what_batches_were_found_to_be() {
    let mut batches = scored();
    batches[2].grade = None;
    let fixture = with_history(Shelf(Ok(batches)));
    let path = "/api/v1/scoreboard";
    let board = fixture::get(&fixture, path).json();
    mismatch(&openapi(), &json!({"$ref": "#/components/schemas/Scoreboard"}), &board, path)
        .unwrap();
    let counts =
        |of: &Value| ["batches", "right", "wrong", "missed"].map(|key| of[key].as_u64().unwrap());
    assert_eq!((&board["by"], counts(&board["total"])), (&json!("week"), [3, 1, 0, 1]));
    assert_eq!(board["rows"].as_array().unwrap().len(), 2, "two grades");
    let grade = fixture::get(&fixture, "/api/v1/scoreboard?grade=facial-15&by=all").json();
    assert_eq!((counts(&grade["total"]), &grade["rows"][0]["from"]), ([2, 1, 0, 1], &json!(null)));
    let other = fixture::get(&fixture, "/api/v1/scoreboard?line=tm9&by=day").json();
    assert_eq!((counts(&other["total"]), &other["rows"]), ([0; 4], &json!([])));
    assert_eq!(fixture::get(&fixture, "/api/v1/scoreboard?by=year").status, 400);
    let nobody = fixture::state(fixture::on_spec());
    check_error(&nobody, path, 404, "no batches are stored that could be scored");
}

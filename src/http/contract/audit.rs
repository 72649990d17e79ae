//! The audit log.

use super::super::fixture::{self, Shelf};
use super::{check_error, mismatch, openapi, with_history};
use serde_json::json;

#[test]
fn the_audit_log_is_told_newest_first() {
    let fixture = with_history(Shelf(Ok(Vec::new())));
    let told = fixture::get(&fixture, "/api/v1/audit?before=9&limit=2").json();
    mismatch(&openapi(), &json!({"$ref": "#/components/schemas/Audit"}), &told, "audit").unwrap();
    assert_eq!(
        told["entries"][0],
        json!({
            "number": 8, "at": fixture::NOW, "what": "disposition", "line": "tm3", "subject": "R8",
            "by": "shift-a", "detail": "rework", "hash": "00".repeat(32),
        })
    );
    assert_eq!(told["entries"].as_array().unwrap().len(), 2);
    let text = "`limit` is 0; 1 to 1000 are given at a time";
    check_error(&fixture, "/api/v1/audit?limit=0", 400, text);
    assert_eq!(fixture::get(&fixture, "/api/v1/audit?since=1").status, 400);
    let nowhere = fixture::state(fixture::on_spec());
    check_error(&nowhere, "/api/v1/audit", 404, "this onspec keeps no audit log");
}

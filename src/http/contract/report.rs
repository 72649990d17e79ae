//! Reports, and the sheets that they are made of.

use super::super::fixture::{self, Fixture, Shelf};
use super::{mismatch, openapi, with_history};
use crate::engine::BatchRecord;
use crate::http::{ApiState, guard};
use crate::report::content_security_policy;
use crate::report::fixture::record;
use crate::verdict::Call;
use serde_json::json;
use std::sync::Arc;

fn shelf() -> Fixture {
    let progress: BatchRecord = fixture::batch("R2", fixture::STARTED, Call::AtRisk);
    with_history(Shelf(Ok(vec![record("off-spec", "rework"), progress])))
}

fn refused(fixture: &Fixture, path: &str, status: u16, words: &str) {
    let answer = fixture::get(fixture, path);
    assert_eq!(answer.status, status, "{path}: {}", answer.text);
    assert!(answer.error().contains(words), "{path}: {}", answer.text);
}

const BATCH: &str = "/batches/tm3/TM3-260123-014/report";

#[test]
fn a_report_is_a_document_under_a_policy_of_its_own() {
    let answer = fixture::get(&shelf(), BATCH);
    assert_eq!((answer.status, answer.header("content-type")), (200, "text/html; charset=utf-8"));
    let policy = answer.header("content-security-policy");
    assert!(policy.starts_with(content_security_policy()), "{policy}");
    assert!(policy.ends_with("frame-ancestors 'none'"), "{policy}");
    assert_ne!(policy, guard::CONTENT_SECURITY_POLICY);
    assert_eq!(answer.header("x-content-type-options"), "nosniff");
    assert!(answer.text.contains("<html lang=\"en\">") && answer.text.contains("<bdi>mill</bdi>"));
    let chinese = fixture::get(&shelf(), &format!("{BATCH}?language=zh-CN"));
    assert!(chinese.text.contains("<html lang=\"zh-CN\">"), "{}", chinese.text);
    assert_eq!(fixture::get(&shelf(), &format!("{BATCH}?language=de")).status, 400);
    refused(&shelf(), "/batches/tm3/R9/report", 404, "line `tm3` has no batch `R9`");
    refused(&shelf(), "/batches/tm3/R2/report", 409, "batch `R2` has not ended");
    let nobody = fixture::state(fixture::on_spec());
    refused(&nobody, BATCH, 404, "no batches are stored");
    let broken = with_history(Shelf(Err("the disk is gone".into())));
    refused(&broken, BATCH, 500, "the disk is gone");
}

#[test]
fn a_certificate_is_refused_with_the_reasons() {
    let path = format!("{BATCH}?certificate=true");
    refused(&shelf(), &path, 409, "batch TM3-260123-014 is off spec");
    let answer = fixture::get(&shelf(), &format!("{path}&as_is=true&customer=ACME%20%26%20Co"));
    assert_eq!(answer.status, 200);
    assert!(answer.text.contains("ISSUED AS IS") && answer.text.contains("ACME &amp; Co"));
}

#[test]
fn a_week_is_that_of_the_newest_batch_or_the_one_asked_for() {
    let answer = fixture::get(&shelf(), "/report/weekly");
    assert!(
        answer.status == 200
            && answer.text.contains("<span class=\"of\"><bdi>2026-W04</bdi></span>"),
        "{}",
        answer.text
    );
    let answer = fixture::get(&shelf(), "/report/weekly?week=2026-W03&line=tm3&language=zh-CN");
    assert!(answer.text.contains("2026-W03"), "{}", answer.text);
    refused(&shelf(), "/report/weekly?week=5", 400, "such as `2026-W05`");
    refused(&shelf(), "/report/weekly?line=tm9", 404, "no batch of line `tm9` has ended");
    let asked = "/report/weekly?line=tm9&week=2026-W04";
    refused(&shelf(), asked, 404, "did you mean `tm3`?");
}

#[test]
fn a_week_names_the_sensors_that_are_sick_even_if_they_never_spoke() {
    let mut view = fixture::at_risk();
    let tags = &mut view.lines[0].tags;
    (tags[0].at, tags[0].value, tags[0].health) = (None, None, "stale".into());
    (tags[1].at, tags[1].value, tags[1].health) = (None, None, "waiting".into());
    let [sick, waits, well] = [0, 1, 2].map(|ix| format!("<bdi>{}</bdi>", tags[ix].id));
    let fixture = fixture::state(view);
    let history = Shelf(Ok(vec![record("off-spec", "rework")]));
    let api = ApiState { history: Some(Arc::new(history)), ..fixture.api.clone() };
    let answer = fixture::get(&Fixture { api, ..fixture }, "/report/weekly");
    let (_, listed) = answer.text.split_once("Sensors that are not trusted now").unwrap();
    assert!(listed.contains(&format!("{sick}</td><td class=\"\">no readings come")), "{listed}");
    for trusted in [waits, well] {
        assert!(!listed.contains(&trusted), "{listed}");
    }
}

#[test]
fn a_sheet_is_as_documented() {
    let path = "/api/v1/batches/tm3/TM3-260123-014/sheet";
    let sheet = fixture::get(&shelf(), path).json();
    mismatch(&openapi(), &json!({"$ref": "#/components/schemas/Sheet"}), &sheet, path).unwrap();
    assert_eq!(sheet["found"]["laboratory"][0]["asked"]["method"], "ISO 12625-4");
    assert_eq!(sheet["along"]["sections"].as_array().unwrap().len(), 20);
    assert_eq!(sheet["found"]["verdict"]["slab"]["left_m"], 56_000.0);
    refused(&shelf(), "/api/v1/batches/tm3/R9/sheet", 404, "has no batch `R9`");
}

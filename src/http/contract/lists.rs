//! Lists in pieces, and by what people look for.

use super::super::fixture::{self, Fixture, Shelf};
use super::super::query::CURSOR;
use super::super::router;
use super::{mismatch, openapi, with_history};
use crate::decode::Disposition;
use crate::verdict::Call;
use serde_json::{Value, json};
use std::sync::Arc;

/// All pieces of a list, by the link of each; the documents.
fn pieces(fixture: &Fixture, path: &str, schema: &str) -> Vec<Value> {
    let (own, mut query) = path.split_once('?').map(|(a, b)| (a, b.to_owned())).unwrap();
    let mut documents = Vec::new();
    loop {
        let answer = fixture::get(fixture, &format!("{own}?{query}"));
        assert_eq!(answer.status, 200, "{query} {}", answer.text);
        let document = answer.json();
        let schema = json!({"$ref": format!("#/components/schemas/{schema}")});
        mismatch(&openapi(), &schema, &document, path).unwrap();
        let next = document["next"].as_str().map(|next| format!("{CURSOR}={next}"));
        documents.push(document);
        let link = answer.header("link").to_owned();
        assert_eq!(next.is_some(), !link.is_empty(), "{link}");
        let Some(next) = next else { return documents };
        let link = link.strip_prefix("<?").and_then(|link| link.strip_suffix(">; rel=\"next\""));
        query = link.unwrap().to_owned();
        assert!(query.ends_with(&next), "{query}");
        assert!(documents.len() < 99, "it ends");
    }
}

fn names(documents: &[Value], list: &str, name: &str) -> Vec<Vec<String>> {
    let of = |document: &Value| {
        let all = document[list].as_array().unwrap().iter();
        all.map(|one| one[name].as_str().map_or_else(|| one[name].to_string(), str::to_owned))
            .collect()
    };
    documents.iter().map(of).collect()
}

fn shelf() -> Fixture {
    let mut batches: Vec<_> = (0..5)
        .map(|n| fixture::batch(&format!("R{n}"), fixture::STARTED - n * 1000, Call::OnSpec))
        .collect();
    (batches[1].verdict, batches[1].line) = (None, "tm4".into());
    (batches[2].verdict, batches[2].grade) = (Some(Call::OffSpec), None);
    batches[2].disposition = None;
    batches[3].disposition = Some(Disposition::Scrap);
    with_history(Shelf(Ok(batches)))
}

#[test]
fn batches_come_in_pieces_and_by_what_people_look_for() {
    let fixture = shelf();
    let ids = |query: &str| {
        let found = pieces(&fixture, &format!("/api/v1/batches?{query}"), "Batches");
        names(&found, "batches", "batch")
    };
    assert_eq!(ids("limit=2"), [vec!["R0", "R1"], vec!["R2", "R3"], vec!["R4"]]);
    assert_eq!(ids("limit=5"), [["R0", "R1", "R2", "R3", "R4"]]);
    assert_eq!(ids("line=tm3&limit=3"), [vec!["R0", "R2", "R3"], vec!["R4"]]);
    assert_eq!(ids("verdict=void"), [["R1"]]);
    assert_eq!(ids("verdict=off-spec&disposition=none"), [["R2"]]);
    assert_eq!(ids("disposition=scrap"), [["R3"]]);
    assert_eq!(ids("grade=nothing"), [[""; 0]]);
    let (from, to) = (fixture::STARTED - 3000, fixture::STARTED - 1000);
    assert_eq!(ids(&format!("from={from}&to={to}")), [["R2", "R3"]]);
    assert_eq!(ids("from=2026-01-23T00:00:00Z"), [["R0"]]);
    // Where there is no store, the view has the last ones.
    let view = fixture::state(fixture::at_risk());
    let found = pieces(&view, "/api/v1/batches?line=tm3&limit=2", "Batches");
    let found = names(&found, "batches", "batch");
    assert_eq!(
        found[..2],
        [["TM3-260123-014", "TM3-260122-031"], ["TM3-260122-030", "TM3-260122-029"]]
    );
}

#[test]
fn what_cannot_be_looked_for_is_said_with_what_can() {
    let fixture = shelf();
    for (query, parameter, words) in [
        ("verdict=bad", "verdict", "write `on-spec`, `at-risk`, `off-spec`, `unknown` or `void`"),
        ("disposition=sold", "disposition", "`scrap` or `none`"),
        ("from=yesterday", "from", "write a time such as `2026-01-23T06:00:00Z`, or ms since 1970"),
        ("from=5&to=5", "to", "`to` is not behind `from`"),
        ("limit=1001", "limit", "`limit` is 1001; 1 to 1000 are given at a time"),
        ("cursor=x", "cursor", "write what `next` of an answer of this path says"),
        ("grades=x", "grades", "did you mean `grade`?"),
        ("line=a&line=b", "line", "stands there twice"),
    ] {
        let answer = fixture::get(&fixture, &format!("/api/v1/batches?{query}"));
        let said = answer.json();
        assert_eq!(
            (answer.status, &said["parameter"]),
            (400, &json!(parameter)),
            "{}",
            answer.text
        );
        assert!(answer.error().contains(words), "{query} {}", answer.text);
    }
    let other = fixture::get(&fixture, "/api/v1/audit?limit=1").json()["next"].clone();
    let of_other = format!("/api/v1/batches?cursor={}", other.as_str().unwrap());
    assert_eq!(fixture::get(&fixture, &of_other).status, 400, "a cursor of another list");
}

#[test]
fn tags_come_whole_in_pieces_or_by_what_is_wrong() {
    let mut view = fixture::at_risk();
    let stray = fixture::hostile().strays[0].clone();
    view.strays = vec![stray];
    let fixture = fixture::state(view);
    let whole = fixture::get(&fixture, "/api/v1/tags").json();
    let all = names(std::slice::from_ref(&whole), "tags", "tag").concat();
    assert!(all.len() > 5 && whole["undeclared"].as_array().unwrap().len() == 1);
    assert_eq!(whole["next"], json!(null));
    let found = pieces(&fixture, "/api/v1/tags?limit=3", "Tags");
    assert_eq!(names(&found, "tags", "tag").concat(), all);
    assert_eq!(names(&found, "undeclared", "tag").concat(), ["steam"]);
    assert!(found.iter().all(|piece| {
        let both = ["tags", "undeclared"].map(|list| piece[list].as_array().unwrap().len());
        both[0] + both[1] <= 3
    }));
    let of = |query: &str| {
        let document = fixture::get(&fixture, &format!("/api/v1/tags?{query}")).json();
        let healths = names(std::slice::from_ref(&document), "tags", "health").concat();
        (healths, document["undeclared"].as_array().unwrap().len())
    };
    let (well, strays) = of("healthy=true");
    assert!(!well.is_empty() && strays == 0 && well.iter().all(|health| health == "good"));
    let (sick, _) = of("healthy=false");
    assert!(!sick.is_empty() && !sick.iter().any(|health| health == "good" || health == "waiting"));
    let (one, _) = of(&format!("fault={}", sick[0]));
    assert!(!one.is_empty() && one.iter().all(|health| *health == sick[0]));
    assert_eq!(fixture::get(&fixture, "/api/v1/tags?fault=ill").status, 400);
    let unknown = fixture::get(&fixture, "/api/v1/tags?line=tm9");
    assert_eq!((unknown.status, unknown.error().contains("there are: `tm3`")), (404, true));
}

#[test]
fn a_piece_of_tags_goes_on_when_the_last_of_it_is_gone() {
    let fixture = fixture::state(fixture::at_risk());
    let first = fixture::get(&fixture, "/api/v1/tags?limit=2").json();
    let mut view = fixture::at_risk();
    view.lines[0].tags.remove(1);
    fixture.view.send_replace(Arc::new(view));
    let next = first["next"].as_str().unwrap();
    let second = fixture::get(&fixture, &format!("/api/v1/tags?limit=2&cursor={next}"));
    assert_eq!(second.status, 200, "{}", second.text);
    assert_eq!(second.json()["tags"].as_array().unwrap().len(), 2);
}

#[test]
fn alarms_are_told_by_line_class_severity_and_state() {
    let fixture = fixture::state(fixture::at_risk());
    let of = |query: &str| {
        let document = fixture::get(&fixture, &format!("/api/v1/alarms?{query}")).json();
        assert_eq!(document["standing"], 2, "of all");
        ["alarms", "others"]
            .map(|list| names(std::slice::from_ref(&document), list, "alarm").concat().join(" "))
    };
    assert_eq!(of(""), ["tm3/batch system/influxdb", "tm3/sensor/moisture"]);
    assert_eq!(of("line=tm3"), ["tm3/batch", "tm3/sensor/moisture"]);
    assert_eq!(of("class=system"), ["system/influxdb", ""]);
    assert_eq!(of("severity=warning"), ["tm3/batch", ""]);
    assert_eq!(of("state=shelved"), ["", "tm3/sensor/moisture"]);
    for query in ["class=reel", "severity=high", "state=normal", "limit=1"] {
        assert_eq!(
            fixture::get(&fixture, &format!("/api/v1/alarms?{query}")).status,
            400,
            "{query}"
        );
    }
    assert_eq!(fixture::get(&fixture, "/api/v1/alarms?line=tm9").status, 404);
}

#[test]
fn models_and_the_audit_log_go_on_as_all_lists_do() {
    let fixture = fixture::with_models(with_history(Shelf(Ok(vec![]))), fixture::registry());
    let found = pieces(&fixture, "/api/v1/models?limit=3", "Models");
    assert_eq!(names(&found, "models", "version"), [vec!["1", "2", "3"], vec!["1"]]);
    let found = pieces(&fixture, "/api/v1/audit?limit=3", "Audit");
    let numbers = names(&found, "entries", "number");
    assert_eq!(numbers, [vec!["9", "8", "7"], vec!["6", "5", "4"], vec!["3", "2", "1"]]);
    let before = pieces(&fixture, "/api/v1/audit?before=4&limit=2", "Audit");
    assert_eq!(names(&before, "entries", "number"), [vec!["3", "2"], vec!["1"]]);
}

#[test]
fn the_document_names_exactly_the_parameters_that_are_taken() {
    let fixture = fixture::with_models(with_history(Shelf(Ok(vec![]))), fixture::registry());
    let document = openapi();
    let mut asked = 0;
    for (path, _) in router::API.iter().filter(|(path, _)| path.starts_with("/api/v1/")) {
        let own = path.replace("{line}", "tm3").replace("{grade}", "facial-15");
        let answer = fixture::get(&fixture, &format!("{}?zzzzzz=1", own.replace("{version}", "2")));
        let parameters = document["paths"][path]["get"]["parameters"].as_array();
        let resolved = parameters.into_iter().flatten().map(|one| match one["$ref"].as_str() {
            Some(target) => document.pointer(target.trim_start_matches('#')).unwrap(),
            None => one,
        });
        let mut documented: Vec<String> = resolved
            .filter(|one| one["in"] == "query")
            .map(|one| format!("`{}`", one["name"].as_str().unwrap()))
            .collect();
        documented.sort();
        if answer.status != 400 {
            assert_eq!(documented, [""; 0], "{path} takes what it does not document");
            continue;
        }
        asked += 1;
        let said = answer.error();
        let known = said.strip_prefix("`zzzzzz` is no parameter here; there are: ").expect(path);
        let mut known: Vec<&str> = known.split(", ").collect();
        known.sort_unstable();
        assert_eq!(documented, known, "{path}");
    }
    assert_eq!(asked, 12, "all that take any");
}

#[test]
fn the_document_names_exactly_the_words_that_parameters_take() {
    let (fixture, _) = fixture::with_log(with_history(Shelf(Ok(vec![]))), &[]);
    let document = openapi();
    let mut asked = Vec::new();
    for (path, _) in router::API.iter().filter(|(path, _)| path.starts_with("/api/v1/")) {
        let parameters = document["paths"][path]["get"]["parameters"].as_array();
        for parameter in parameters.into_iter().flatten().filter(|one| one["in"] == "query") {
            let Some(words) = parameter["schema"]["enum"].as_array() else { continue };
            let name = parameter["name"].as_str().unwrap();
            let answer = fixture::get(&fixture, &format!("{path}?{name}=zzzzzz"));
            assert_eq!((answer.status, &answer.json()["parameter"]), (400, &json!(name)), "{path}");
            let said = answer.error();
            let taken: Vec<&str> = said.split('`').skip(5).step_by(2).collect();
            let documented: Vec<&str> = words.iter().filter_map(Value::as_str).collect();
            assert_eq!(taken, documented, "{path} {name}: {said}");
            asked.push(name);
        }
    }
    let all = ["verdict", "disposition", "by", "by", "fault", "class", "severity", "state"];
    assert_eq!(asked, all);
}

//! The promises of the API: shapes, paths, errors, bounds, and who may ask.

mod acknowledge;
mod alarms;
mod audit;
mod etags;
mod feedback;
mod lists;
mod problems;
mod report;
mod score;
mod uniformity;
mod webhooks;

use super::fixture::{self, Answer, Fixture, HOSTILE, Shelf};
use super::problem::PROBLEM_JSON;
use super::{ApiState, BODY_MAX_BYTES, guard, router};
use crate::batch::Consumed;
use crate::verdict::{Call, Document};
use axum::body::Body;
use axum::http::{Method, Request};
use serde_json::{Value, json};
use std::sync::Arc;

pub(super) fn openapi() -> Value {
    serde_json::from_str(include_str!("openapi.json")).unwrap()
}

fn with_history(shelf: Shelf) -> Fixture {
    let fixture = fixture::state(fixture::at_risk());
    let api = ApiState { history: Some(Arc::new(shelf)), ..fixture.api.clone() };
    Fixture { api, ..fixture }
}

#[test]
fn the_api_document_names_exactly_the_routes() {
    let document = openapi();
    let documented: Vec<&str> =
        document["paths"].as_object().unwrap().keys().map(String::as_str).collect();
    let mut routes: Vec<&str> =
        router::API.iter().chain(router::ACTIONS).map(|(path, _)| *path).collect();
    routes.sort_unstable();
    let mut sorted = documented.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, routes);
}

/// Says where a value is not what its schema allows. Objects may have no key that the schema does
/// not name: what we send is documented.
pub(super) fn mismatch(
    document: &Value,
    schema: &Value,
    value: &Value,
    at: &str,
) -> Result<(), String> {
    if *schema == json!(true) {
        return Ok(());
    }
    if let Some(target) = schema["$ref"].as_str() {
        let target =
            document.pointer(target.trim_start_matches('#')).expect("the reference leads on");
        return mismatch(document, target, value, at);
    }
    if let Some(options) = schema["oneOf"].as_array() {
        let tried: Vec<String> =
            options.iter().filter_map(|o| mismatch(document, o, value, at).err()).collect();
        return if tried.len() < options.len() { Ok(()) } else { Err(tried.join(" | ")) };
    }
    let kinds: Vec<&str> = match &schema["type"] {
        Value::String(kind) => vec![kind],
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).collect(),
        _ => return Err(format!("{at}: the schema has no type")),
    };
    let fits = kinds.iter().any(|kind| match *kind {
        "null" => value.is_null(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        _ => false,
    });
    let listed = schema["enum"].as_array().is_none_or(|all| all.contains(value));
    let constant = schema.get("const").is_none_or(|only| only == value);
    if !(fits && listed && constant) {
        return Err(format!("{at}: {value} is no {schema}"));
    }
    for (ix, item) in value.as_array().into_iter().flatten().enumerate() {
        let schema = schema["prefixItems"].get(ix).unwrap_or(&schema["items"]);
        mismatch(document, schema, item, &format!("{at}/{ix}"))?;
    }
    let Some(fields) = value.as_object() else {
        return Ok(());
    };
    for required in schema["required"].as_array().into_iter().flatten() {
        if !fields.contains_key(required.as_str().unwrap()) {
            return Err(format!("{at}: {required} is missing"));
        }
    }
    for (key, field) in fields {
        let known = schema["properties"].get(key).or(schema.get("additionalProperties"));
        let known = known.ok_or_else(|| format!("{at}: `{key}` is not documented"))?;
        mismatch(document, known, field, &format!("{at}/{key}"))?;
    }
    Ok(())
}

#[test]
fn every_answer_is_as_documented() {
    let document = openapi();
    let views = [
        fixture::empty(),
        fixture::waiting(),
        fixture::learning(),
        fixture::at_risk(),
        fixture::off_spec(),
        fixture::uncovered(),
        fixture::blind(),
        fixture::several(),
    ];
    let mut answered = 0;
    for view in views {
        let fixture = fixture::with_models(fixture::state(view), fixture::registry());
        let fixture = fixture::with_fit(fixture);
        fixture::parts(&fixture.api.health);
        for (path, _) in router::API {
            let asked = path.replace("{line}", "tm3").replace("{batch}", "TM3-260122-030");
            let asked = asked.replace("{name}", "LOT-7");
            let asked = asked.replace("{grade}", "facial-15").replace("{version}", "2");
            let asked = asked.replace("{type}", "not-found");
            if path.ends_with("/events") {
                continue;
            }
            let answer = fixture::get(&fixture, &asked);
            let status = answer.status.to_string();
            let content = &document["paths"][path]["get"]["responses"][&status]["content"];
            assert!(content.is_object(), "{path} does not document {status}: {}", answer.text);
            let kind = answer.header("content-type").split(';').next().unwrap().to_owned();
            let schema = &content[&kind]["schema"];
            assert!(schema.is_object(), "{path} does not document `{kind}`");
            if kind.ends_with("json") && *path != "/api/openapi.json" {
                mismatch(&document, schema, &answer.json(), path).unwrap();
                answered += 1;
            }
        }
    }
    assert_eq!(answered, 176, "eight views, twenty-two documents");
}

#[test]
fn the_check_of_the_document_finds_what_differs() {
    let document = openapi();
    let schema = &document["components"]["schemas"]["Learning"];
    for (value, expected) in [
        (json!({"have": 1, "need": 2}), Ok(())),
        (json!({"have": 1}), Err("x: \"need\" is missing")),
        (json!({"have": 1, "need": 2, "more": 3}), Err("x: `more` is not documented")),
    ] {
        let found = mismatch(&document, schema, &value, "x");
        assert_eq!(found, expected.map_err(ToOwned::to_owned));
    }
    assert!(mismatch(&document, schema, &json!({"have": "1", "need": 2}), "x").is_err());
}

#[test]
fn the_verdict_is_the_document_of_the_contract() {
    let fixture = fixture::state(fixture::at_risk());
    let answer = fixture::get(&fixture, "/api/v1/lines/tm3/verdict");
    insta::assert_snapshot!(answer.text, @r#"{"line":"tm3","batch":"TM3-260123-014","grade":"facial-15","verdict":"at-risk","since":1769127900000,"probability_off_spec":0.71,"progress":0.46,"left":{"minutes":24.5,"tonnes":1.3,"metres":42000.0},"reasons":[{"kind":"process","statistic":"spe","ratio":3.214,"tags":[["refiner_power",0.413],["stock_consistency",0.224],["steam_pressure",0.09]],"areas":[["stock",0.637],["yankee",0.363]]},{"kind":"process","statistic":"t2","ratio":1.31,"tags":[["refiner_power",0.62]]},{"kind":"spec","tag":"basis_weight","value":15.08,"low":14.4,"high":15.6,"share_out":0.031}],"first_mover":"refiner_power","movers":[{"tag":"refiner_power","area":"stock","by_itself":true,"since":1769127900000,"arrives":1769127930000,"ratio":2.41,"value":146.2,"expected":160.3,"unit":"kW"},{"tag":"steam_pressure","area":"yankee","by_itself":false,"since":1769127900000,"ratio":1.08,"value":6.81,"expected":6.66,"unit":"bar"}],"similar":[{"batch":"TM3-260122-031","grade":"facial-15","started":1769086400000,"likeness":0.93,"verdict":"off-spec","disposition":"rework","off_spec_share":0.0,"laboratory":[{"property":"tensile_md","value":112.4,"low":120.0,"high":null}],"actions":["refiner power +5 %"]},{"batch":"TM3-260121-007","grade":"towel-21","started":1768976400000,"likeness":0.78,"verdict":"on-spec","disposition":"release","off_spec_share":0.012,"laboratory":[],"actions":[]}],"foretold":[{"property":"tensile_md","predicted":117.9,"interval":[112.8,123.1],"low":120.0,"high":null,"probability":0.71,"unit":"N/m"}],"decision":{"advice":"end-now","probability":0.71,"threshold":0.14285714285714285,"choices":[{"advice":"release","cost":14462.699999999999,"parts":[{"item":"missed-batch","chance":0.71,"amount":1.0,"price":12000.0},{"item":"broke","chance":0.71,"amount":3.13,"price":1500.0},{"item":"machine-time","chance":0.71,"amount":24.5,"price":150.0}]},{"advice":"test-first","cost":6142.699999999999,"parts":[{"item":"test","chance":1.0,"amount":1.0,"price":200.0},{"item":"broke","chance":0.71,"amount":3.13,"price":1500.0},{"item":"machine-time","chance":0.71,"amount":24.5,"price":150.0}]},{"advice":"hold","cost":6522.699999999999,"parts":[{"item":"false-hold","chance":0.29000000000000004,"amount":1.0,"price":2000.0},{"item":"broke","chance":0.71,"amount":3.13,"price":1500.0},{"item":"machine-time","chance":0.71,"amount":24.5,"price":150.0}]},{"advice":"end-now","then":"test-first","cost":3233.6,"parts":[{"item":"early-end","chance":1.0,"amount":10.0,"price":150.0},{"item":"test","chance":1.0,"amount":1.0,"price":200.0},{"item":"broke","chance":0.71,"amount":1.44,"price":1500.0}]}],"currency":"CNY"},"spans":[{"from":1769126820000,"to":1769126880000,"from_m":8120.0,"to_m":9290.0},{"from":1769127900000,"to":1769128260000,"from_m":29100.0,"to_m":36100.0,"arrives":1769127930000}],"revision":3,"ts":1769128260000,"valid_until":1769128440000}"#);
}

#[test]
fn a_standing_verdict_is_said_again_at_the_clock_and_a_blind_one_expires() {
    let ts = |view| {
        let fixture = fixture::state(view);
        let document: Document =
            serde_json::from_str(&fixture::get(&fixture, "/api/v1/lines/tm3/verdict").text)
                .unwrap();
        assert_eq!(document.valid_until, document.ts + Document::VALID_MS);
        document.ts
    };
    assert_eq!(ts(fixture::on_spec()), fixture::NOW);
    assert_eq!(ts(fixture::blind()), fixture::NOW - 5_000);
}

#[test]
fn lines_in_short() {
    let fixture = fixture::state(fixture::at_risk());
    insta::assert_snapshot!(fixture::get(&fixture, "/api/v1/lines").text, @r#"{"site":"mill","now":1769128260000,"lines":[{"line":"tm3","clock":1769128260000,"blind":false,"verdict":"at-risk","since":1769127900000,"batch":"TM3-260123-014","grade":"facial-15","probability_off_spec":0.71,"progress":0.46,"score":3.2,"learning":null}]}"#);
}

#[test]
fn a_blind_line_is_unknown_to_machines_too() {
    let fixture = fixture::state(fixture::blind());
    let line = &fixture::get(&fixture, "/api/v1/lines").json()["lines"][0];
    assert_eq!((&line["verdict"], &line["blind"]), (&json!("unknown"), &json!(true)));
}

#[test]
fn a_line_whole() {
    let mut view = fixture::at_risk();
    let line = &mut view.lines[0];
    line.trend.drain(..359);
    line.charts.truncate(1);
    line.charts[0].recent.drain(..119);
    (line.trend[0].t2, line.trend[0].spe) = (Some((18.6, 14.2)), None);
    line.tags.truncate(1);
    line.last_batches.drain(..1);
    line.last_batches.truncate(1);
    let answer = fixture::get(&fixture::state(view), "/api/v1/lines/tm3");
    insta::assert_snapshot!(answer.text, @r#"{"line":"tm3","clock":1769128260000,"blind":false,"verdict":"at-risk","since":1769127900000,"batch":"TM3-260123-014","grade":"facial-15","probability_off_spec":0.71,"progress":0.46,"score":3.2,"learning":null,"learning_text":null,"fitting":null,"model":"pca v4, 20 batches, 56,200 rows, limit provisional","wrong_flags":{"promised":0.01,"good":120,"wrong":2,"acted":1,"rate":0.016666666666666666,"rate_low":0.002,"rate_high":0.059,"rate_at_most":0.024793388429752067,"limit_scale":1.2},"challengers":[{"grade":"facial-15","version":3,"against":2,"batches":12,"good":{"of":8,"flagged":0,"flagged_by_present":2},"bad":{"of":1,"flagged":1,"flagged_by_present":0},"open":3,"text":"version 3 waits to be promoted and has judged the last 12 batches: of 8 good ones it would have flagged 0 and version 2 2; of 1 bad one it would have flagged 1 and version 2 0; of 3 nobody knows yet"}],"promotions":[{"line":"tm3","grade":"facial-15","version":4,"of":1,"reason":"promoted by shift-a, the artifact of version 1","by":"shift-a","asked":1769128200000,"judges":"from the next batch boundary of the line on"}],"in_progress":{"line":"tm3","batch":"TM3-260123-014","grade":"facial-15","verdict":"at-risk","disposition":null,"revision":1,"started":1769126400000,"ended":null,"length_m":36100.0,"mass_kg":1441.0,"probability_off_spec":null,"advice":"release","off_spec_share":0.031,"first_flag":1769127900000,"first_flag_lead_s":null,"lab":{}},"stretches":[{"from":1769126400000,"to":1769126820000,"from_m":0.0,"to_m":8120.0,"call":"on-spec","score":0.7},{"from":1769126820000,"to":1769126880000,"from_m":8120.0,"to_m":9290.0,"call":"off-spec","score":0.9},{"from":1769126880000,"to":1769127900000,"from_m":9290.0,"to_m":29100.0,"call":"on-spec","score":0.8},{"from":1769127900000,"to":1769128260000,"from_m":29100.0,"to_m":36100.0,"call":"at-risk","score":3.2}],"trend":[{"at":1769128260000,"score":3.2,"t2":18.6,"t2_limit":14.2,"spe":null,"spe_limit":null}],"last_batches":[{"line":"tm3","batch":"TM3-260122-030","grade":"facial-15","verdict":"off-spec","disposition":"rework","revision":1,"started":1769120760000,"ended":1769123580000,"length_m":77726.0,"mass_kg":3120.0,"probability_off_spec":null,"advice":"release","off_spec_share":0.231,"first_flag":1769121780000,"first_flag_lead_s":1800.0,"lab":{"tensile_md":117.9}}],"tags":[{"line":"tm3","tag":"basis_weight","unit":"g/m2","value":15.08,"at":1769128259000,"health":"good","time":"source","delay_ms":12}],"profiles":[],"charts":[{"tag":"basis_weight","unit":"g/m2","kind":"individuals","size":1,"every_s":60.0,"detectors":["nelson-1","ewma"],"run_length":185.2,"batches":31,"batches_needed":20,"why":null,"limits":{"version":2,"batches":24,"valid_from":1769041860000,"centre":15.02,"sigma":0.1333,"lower":14.620099999999999,"upper":15.4199,"estimate":"residual","phi":0.31,"points":1080,"effective":568.9,"provisional":false,"within":0.12,"overall":0.15,"spread_centre":0.13,"spread_lower":0.0,"spread_upper":0.42},"capability":{"readings":1080,"effective":568.9,"confidence":0.95,"cp":null,"cpk":null,"pp":{"value":1.33,"lower":1.25,"upper":1.4100000000000001},"ppk":{"value":1.29,"lower":1.21,"upper":1.37},"cpm":1.32,"ppm":71.0},"points":940,"signals":7,"recent":[{"at":1769128260000,"value":15.357586719524281,"centre":15.02,"lower":14.62,"upper":15.42,"ewma":15.224509415262634,"ewma_lower":14.88,"ewma_upper":15.16,"marks":["ewma+"]}]}],"property_charts":[],"soft_sensors":[{"property":"stretch","unit":"%","values":12,"needed":20,"failed":null,"fitted":null},{"property":"tensile_md","unit":"N/m","values":61,"needed":20,"failed":null,"fitted":{"version":3,"since":1769126400000,"window":"end","samples":61,"components":2,"bias_share":0.3,"foretold":36,"error":3.1,"error_of_last":6.2,"error_of_mean":5.4,"newest":1769124660000,"coverage":[{"progress":0.25,"values":10,"covered":8},{"progress":0.5,"values":10,"covered":9},{"progress":0.75,"values":10,"covered":9},{"progress":1.0,"values":12,"covered":11}],"ranking":[{"column":"refiner_power","importance":1.71,"coefficient":2.3,"same_sign":1.0},{"column":"stock_consistency","importance":1.2,"coefficient":-1.1,"same_sign":1.0}]}}],"prospects":{"plain":0.062,"weights":[["soft-sensor",0.5],["batch-before",3.2]],"stages":[{"progress":0.25,"reliability":{"batches":40,"bad":2,"brier":0.04959,"brier_of_share":0.0475,"calibration_error":0.03549999999999999,"bins":[{"from":0.0,"batches":27,"said":0.06962962962962965,"bad":2,"range":[0.0091,0.242898]},{"from":0.1,"batches":13,"said":0.1,"bad":0,"range":[0.0,0.247053]}]}},{"progress":0.5,"reliability":{"batches":40,"bad":2,"brier":0.04959,"brier_of_share":0.0475,"calibration_error":0.03549999999999999,"bins":[{"from":0.0,"batches":27,"said":0.06962962962962965,"bad":2,"range":[0.0091,0.242898]},{"from":0.1,"batches":13,"said":0.1,"bad":0,"range":[0.0,0.247053]}]}},{"progress":0.75,"reliability":{"batches":40,"bad":2,"brier":0.009720000000000003,"brier_of_share":0.0475,"calibration_error":0.08900000000000001,"bins":[{"from":0.0,"batches":25,"said":0.06960000000000002,"bad":0,"range":[0.0,0.137185]},{"from":0.1,"batches":13,"said":0.1,"bad":0,"range":[0.0,0.247053]},{"from":0.7,"batches":2,"said":0.74,"bad":2,"range":[0.158114,1.0]}]}}]}}"#);
}

#[test]
fn charts_of_laboratory_properties_are_told_apart_from_those_of_tags() {
    let fixture = fixture::state(fixture::at_risk());
    let line = fixture::get(&fixture, "/api/v1/lines/tm3").json();
    let tags: Vec<&Value> =
        line["charts"].as_array().unwrap().iter().map(|chart| &chart["tag"]).collect();
    assert_eq!(tags, ["basis_weight", "moisture"]);
    assert_eq!(line["charts"][0]["limits"].get("trial"), None);
    let [chart] = line["property_charts"].as_array().unwrap().as_slice() else {
        panic!("{}", line["property_charts"])
    };
    let expected = (&json!("tensile_md"), None, &Value::Null);
    assert_eq!((&chart["property"], chart.get("tag"), &chart["every_s"]), expected);
    let trial = json!({"widened":1.12,"rate":0.0084,"rate_low":0.0004,"rate_high":0.034});
    assert_eq!(chart["limits"]["trial"], trial);
    let point = &chart["recent"][1];
    assert_eq!((&point["batch"], &point["value"]), (&json!("TM3-260123-012"), &json!(13.1)));
    assert_eq!(point["corrected"], json!(131.0));
}

#[test]
fn health_whole() {
    let fixture = fixture::state(fixture::at_risk());
    fixture.api.health.set("mqtt/plant", crate::telemetry::State::Ok, "", 1_500_000);
    insta::assert_snapshot!(fixture::get(&fixture, "/api/v1/health").text, @r#"{"now":1769128260000,"heartbeat_age_ms":0,"components":[{"component":"mqtt/plant","state":"ok","reason":"","since":1}],"readings":1284330,"duplicates":12,"undeclared":2,"faults":{"not-json":3,"unknown-topic":41},"last_faults":[{"received":1769127560000,"topic":"mill/tm3/dry/old","reason":"unknown-topic","detail":"no rule takes it"},{"received":1769128170000,"topic":"mill/tm3/dry/steam","reason":"not-json","detail":"expected `,` at byte 17"}],"last_start":{"down_since":1769119260000,"started":1769121780000,"caught_up":1769121790000,"down_ms":2520000,"batches_judged_late":2,"messages_known_lost":0,"possible_gaps":1,"gaps":["the broker has lost the session `onspec-1`"],"summary":"down 42 min, 2 batches judged late, 0 messages known lost, 1 possible gap"},"sources":[{"broker":"plant","line":"tm3","area":"dry","time":"source","delay_floor_ms":12,"delay_median_ms":184,"state":"good","since":null},{"broker":"plant","line":"tm3","area":"wet","time":"source","delay_floor_ms":90012,"delay_median_ms":90190,"state":"behind","since":1769127060000},{"broker":"plant","line":"tm3","area":"scanner","time":"arrival","delay_floor_ms":null,"delay_median_ms":null,"state":"good","since":null}],"edge_nodes":[{"broker":"plant","group":"mill","node":"tm3","online":true,"born":1769121060000,"devices":6,"metrics":64,"held":0,"gaps":1,"asks":2},{"broker":"plant","group":"mill","node":"tm4","online":false,"born":1769121060000,"devices":0,"metrics":64,"held":0,"gaps":1,"asks":2},{"broker":"plant","group":"mill","node":"tm5","online":null,"born":null,"devices":0,"metrics":0,"held":41,"gaps":1,"asks":2}],"edge_nodes_known":3,"edge_nodes_forgotten":2}"#);
}

#[test]
fn alarms_whole() {
    let fixture = fixture::state(fixture::at_risk());
    insta::assert_snapshot!(fixture::get(&fixture, "/api/v1/alarms").text, @r#"{"now":1769128260000,"standing":2,"alarms":[{"alarm":"tm3/batch","since":1769127900000,"severity":"warning","priority":null,"title":"reel TM3-260123-014 at risk","class":"batch","isa_state":"unacknowledged","occurrence":2,"shelved_until":null,"hidden_by":null,"hidden_note":null,"suppressed_by":null,"chatters":false,"unheard":0},{"alarm":"system/influxdb","since":1769128020000,"severity":"info","priority":null,"title":"influxdb does not work","class":"system","isa_state":"unacknowledged","occurrence":2,"shelved_until":null,"hidden_by":null,"hidden_note":null,"suppressed_by":null,"chatters":false,"unheard":0}],"others":[{"alarm":"tm3/sensor/moisture","since":null,"severity":"info","priority":null,"title":"","class":"batch","isa_state":"shelved","occurrence":2,"shelved_until":1769131860000,"hidden_by":"shift-a","hidden_note":"cable is being changed","suppressed_by":null,"chatters":false,"unheard":2}],"load":{"ten_minutes":1,"hour":3,"day":11,"peak":4,"flood_share":0.0,"flood_since":null}}"#);
}

#[test]
fn batches_come_from_the_store_where_there_is_one() {
    let stored = fixture::batch("A/1 ü", fixture::STARTED, Call::OffSpec);
    let mut merged = fixture::batch("B", fixture::STARTED, Call::OnSpec);
    (merged.line, merged.verdict) = ("tm4".into(), None);
    let fixture = with_history(Shelf(Ok(vec![stored, merged])));
    let ids = |path: &str| -> Vec<String> {
        let batches = fixture::get(&fixture, path).json()["batches"].clone();
        let batches = batches.as_array().unwrap().clone();
        batches.iter().map(|batch| batch["batch"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(ids("/api/v1/batches"), ["A/1 ü", "B"]);
    assert_eq!(ids("/api/v1/batches?line=tm4"), ["B"]);
    assert_eq!(ids("/api/v1/batches?line=nothing"), [""; 0]);
    assert_eq!(ids("/api/v1/batches?limit=1"), ["A/1 ü"]);
    let one = fixture::get(&fixture, "/api/v1/batches/tm3/A%2F1%20%C3%BC");
    assert_eq!((one.status, &one.json()["verdict"]), (200, &json!("off-spec")));
    assert_eq!(fixture::get(&fixture, "/api/v1/batches/tm4/B").json()["verdict"], "void");
}

#[test]
fn a_genealogy_is_given_both_ways_and_for_a_stretch() {
    let mut reel = fixture::batch("R1", fixture::STARTED, Call::OffSpec);
    let lot = Consumed { from: "LOT/7".into(), mass_kg: Some(900.0), ..Consumed::default() };
    reel.consumed = vec![lot];
    let mut roll = fixture::batch("A", fixture::STARTED, Call::OnSpec);
    let metres = |from, to| Some((from, to));
    roll.consumed = vec![Consumed {
        from: "R1".into(),
        made: metres(0.0, 800.0),
        used: metres(2000.0, 1200.0),
        ..Consumed::default()
    }];
    let fixture = with_history(Shelf(Ok(vec![reel, roll])));
    let told = |path: &str| fixture::get(&fixture, path).json();
    insta::assert_snapshot!(told("/api/v1/genealogy/R1?from_m=1900&to_m=1950"), @r#"{"from_m":1900.0,"more":false,"of":"R1","products":[{"batch":"A","found_from_m":50.0,"found_to_m":100.0,"from_m":0.0,"generation":1,"line":"tm3","mass_kg":null,"merged":false,"source":"R1","source_from_m":2000.0,"source_to_m":1200.0,"to_m":800.0}],"sources":[{"batch":"R1","found_from_m":null,"found_to_m":null,"from_m":null,"generation":1,"line":"tm3","mass_kg":900.0,"merged":false,"source":"LOT/7","source_from_m":null,"source_to_m":null,"to_m":null}],"to_m":1950.0}"#);
    assert_eq!(told("/api/v1/genealogy/R1?from_m=0&to_m=9")["products"], json!([]));
    assert_eq!(told("/api/v1/genealogy/LOT%2F7")["products"].as_array().unwrap().len(), 2);
    let document = openapi();
    let schema = document.pointer("/components/schemas/Genealogy").unwrap();
    mismatch(&document, schema, &told("/api/v1/genealogy/R1"), "R1").unwrap();
    for query in ["from_m=1", "from_m=9&to_m=1", "from_m=-1&to_m=1", "from_m=0&to_m=inf"] {
        let words = "`from_m` and `to_m` go together: metres from the begin, the lesser first";
        check_error(&fixture, &format!("/api/v1/genealogy/R1?{query}"), 400, words);
    }
}

#[test]
fn batches_come_from_the_view_where_there_is_no_store() {
    let fixture = fixture::state(fixture::several());
    let batches = fixture::get(&fixture, "/api/v1/batches?line=tm3&limit=3").json();
    let ids: Vec<&Value> =
        batches["batches"].as_array().unwrap().iter().map(|batch| &batch["batch"]).collect();
    assert_eq!(ids, ["TM3-260123-014", "TM3-260122-031", "TM3-260122-030"]);
}

#[track_caller]
fn check_error(fixture: &Fixture, path: &str, status: u16, words: &str) {
    let answer = fixture::get(fixture, path);
    assert_eq!((answer.status, answer.error().as_str()), (status, words), "{path}");
    assert_eq!(answer.header("content-type"), PROBLEM_JSON, "{path}");
    let schema = json!({"$ref": "#/components/schemas/Problem"});
    mismatch(&openapi(), &schema, &answer.json(), path).unwrap();
}

#[test]
fn errors_say_what_was_asked_and_what_there_is() {
    let fixture = fixture::state(fixture::several());
    let lines = "no line is called `tm9`; there are: `tm3`, `tm4`, `tm5`";
    check_error(&fixture, "/api/v1/lines/tm9", 404, lines);
    check_error(&fixture, "/api/v1/lines/tm9/verdict", 404, lines);
    check_error(&fixture, "/api/v1/tags?line=tm9", 404, lines);
    let early = "line `tm5` has no verdict yet: none of its frames has closed";
    check_error(&fixture, "/api/v1/lines/tm5/verdict", 404, early);
    check_error(&fixture, "/api/v1/batches/tm3/X", 404, "line `tm3` has no batch `X`");
    let limit = "`limit` is 0; 1 to 1000 are given at a time";
    check_error(&fixture, "/api/v1/batches?limit=0", 400, limit);
    let nothing = "nothing is at `/api/v2/lines`; see `/api/openapi.json`";
    check_error(&fixture, "/api/v2/lines", 404, nothing);
    for path in ["/api/v1/batches?limit=many", "/api/v1/tags?lines=tm3", "/api/v1/lines/%FF"] {
        let answer = fixture::get(&fixture, path);
        assert_eq!(answer.status, 400, "{path}");
        assert!(!answer.error().is_empty(), "{path}");
    }
    check_error(
        &fixture::state(fixture::empty()),
        "/api/v1/lines/x",
        404,
        "no line is called `x`; there are: none",
    );
}

#[test]
fn a_store_that_fails_is_said_and_nothing_more_breaks() {
    let fixture = with_history(Shelf(Err("the store `x.db` is damaged: page 7".into())));
    let words = "cannot read the store: the store `x.db` is damaged: page 7";
    check_error(&fixture, "/api/v1/batches", 500, words);
    check_error(&fixture, "/api/v1/batches/tm3/X", 500, words);
    assert_eq!(fixture::get(&fixture, "/").status, 200);
}

/// Asks for another configuration, in the words that a page of `origin` would send; `answer` is what
/// comes back, `None` where nobody listens.
fn ask_reload(
    fixture: &Fixture,
    origin: Option<&str>,
    answer: Option<Result<(), String>>,
) -> Answer {
    let (asks, mut asked) = tokio::sync::mpsc::channel::<super::Reload>(1);
    let api = ApiState { reload: Some(asks), ..fixture.api.clone() };
    let fixture = Fixture { api, ..fixture::state(fixture::on_spec()) };
    let mut request = Request::post("/api/v1/reload").header("host", "127.0.0.1:8080");
    if let Some(origin) = origin {
        request = request.header("origin", origin);
    }
    let listening = std::thread::spawn(move || match answer {
        Some(answer) => drop(asked.blocking_recv().map(|asker| asker.send(answer))),
        None => asked.close(),
    });
    let answer = fixture::ask(&fixture, request.body(Body::empty()).unwrap());
    drop(fixture);
    listening.join().unwrap();
    answer
}

#[test]
fn another_configuration_is_asked_for_and_the_answer_is_that_of_the_daemon() {
    let fixture = fixture::state(fixture::on_spec());
    for (origin, answer, status, words) in [
        (None, Some(Ok(())), 202, r#"{"reload":"takes effect"}"#),
        (Some("http://127.0.0.1:8080"), Some(Ok(())), 202, "takes effect"),
        (None, Some(Err("error[C002]: unknown key".into())), 422, "unknown key"),
        (None, None, 503, "onspec stops"),
        (Some("http://evil.example"), Some(Ok(())), 403, "another site"),
        (Some("http://127.0.0.1:80"), Some(Ok(())), 403, "another site"),
        (Some("null"), Some(Ok(())), 403, "another site"),
    ] {
        let answer = ask_reload(&fixture, origin, answer);
        assert_eq!(answer.status, status, "{origin:?} {}", answer.text);
        assert!(answer.text.contains(words), "{}", answer.text);
    }
    let request = Request::post("/api/v1/reload").body(Body::empty()).unwrap();
    assert_eq!(fixture::ask(&fixture, request).status, 409);
    let answer = fixture::get(&fixture, "/api/v1/reload");
    assert_eq!(answer.error(), "`/api/v1/reload` takes no GET, only POST");
}

/// Lets a model judge.
fn promote(registry: fixture::Registry, path: &str, body: &str) -> Answer {
    let fixture = fixture::with_models(fixture::state(fixture::on_spec()), registry);
    let request = Request::post(path).header("host", "127.0.0.1:8080");
    fixture::ask(&fixture, request.body(Body::from(body.to_owned())).unwrap())
}

#[test]
fn models_are_those_of_the_registry() {
    let fixture = fixture::with_models(fixture::state(fixture::on_spec()), fixture::registry());
    let versions = |path: &str| -> Vec<i64> {
        let models = fixture::get(&fixture, path).json()["models"].clone();
        models.as_array().unwrap().iter().map(|m| m["version"].as_i64().unwrap()).collect()
    };
    assert_eq!(versions("/api/v1/models"), [1, 2, 3, 1]);
    assert_eq!(versions("/api/v1/models?line=tm3&grade=facial-15"), [1, 2, 3]);
    assert_eq!(versions("/api/v1/models?grade=none"), [1]);
    assert_eq!(versions("/api/v1/models?line=tm9"), [0; 0]);
    let one = fixture::get(&fixture, "/api/v1/models/tm3/facial-15/3").json();
    assert_eq!((&one["version"], &one["state"]), (&json!(3), &json!("waits")));
    assert_eq!((&one["shadow"]["batches"], &one["shadow"]["against"]), (&json!(12), &json!(2)));
    let judges = fixture::get(&fixture, "/api/v1/models/tm3/facial-15/2").json();
    assert_eq!(judges["shadow"], json!(null));
    let there = "line `tm3`, grade `facial-15` has no model 7; there are: 1, 2, 3";
    check_error(&fixture, "/api/v1/models/tm3/facial-15/7", 404, there);
    let there = "there is no model of line `tm9`, grade `g`; there are models of: line `tm3`, \
                 grade `facial-15`; line `tm4`, grade `none`";
    check_error(&fixture, "/api/v1/models/tm9/g/1", 404, there);
    assert_eq!(fixture::get(&fixture, "/api/v1/models/tm3/facial-15/x").status, 400);
    assert_eq!(fixture::get(&fixture, "/api/v1/models?lines=tm3").status, 400);
    let nobody = fixture::state(fixture::on_spec());
    assert_eq!(
        fixture::get(&nobody, "/api/v1/models").json(),
        json!({"models": [], "fitting": [], "promotions": [waiting()], "next": null})
    );
    let promotions = |path: &str| fixture::get(&fixture, path).json()["promotions"].clone();
    assert_eq!(promotions("/api/v1/models?line=tm3&grade=facial-15"), json!([waiting()]));
    assert_eq!(promotions("/api/v1/models?grade=none"), json!([]));
    assert_eq!(promotions("/api/v1/models?line=tm4"), json!([]));
    assert_eq!(promotions("/api/v1/lines/tm3"), json!([waiting()]));
}

/// The promotion that waits, as it is shown.
fn waiting() -> Value {
    json!({
        "line": "tm3", "grade": "facial-15", "version": 4, "of": 1, "by": "shift-a",
        "reason": "promoted by shift-a, the artifact of version 1", "asked": fixture::NOW - 60_000,
        "judges": "from the next batch boundary of the line on",
    })
}

#[test]
fn a_promotion_that_waits_is_taken_back() {
    let document = openapi();
    let path = "/api/v1/models/tm3/facial-15/withdraw";
    for (body, status, on_disk) in
        [("", 200, true), (r#"{"by":"shift-b"}"#, 200, true), (r#"{"by":"full"}"#, 202, false)]
    {
        let answer = promote(fixture::registry(), path, body);
        assert_eq!(answer.status, status, "{}", answer.text);
        let said = answer.json();
        let schema = json!({"$ref": "#/components/schemas/Withdrawn"});
        mismatch(&document, &schema, &said, path).unwrap();
        assert_eq!(said, json!({"withdrawn": waiting(), "on_disk": on_disk}));
    }
    for (path, body, status, words) in [
        (path, r#"{"who":"a"}"#, 400, "write `{\"by\": \"shift-a\"}`"),
        ("/api/v1/models/tm9/g/withdraw", "", 404, "there is no model of line `tm9`"),
        ("/api/v1/models/tm4/none/withdraw", "", 409, "grade `none`: no promotion waits for a"),
    ] {
        let answer = promote(fixture::registry(), path, body);
        assert_eq!(answer.status, status, "{path} {body} {}", answer.text);
        assert!(answer.error().contains(words), "{path} {body} {}", answer.text);
    }
}

#[test]
fn a_backtest_is_told_of_a_model_that_is_there() {
    let fixture = fixture::with_models(fixture::state(fixture::on_spec()), fixture::registry());
    let path = "/api/v1/models/tm3/facial-15/3/backtest";
    let told = fixture::get(&fixture, path).json();
    assert_eq!(
        (&told["version"], &told["asked"], &told["waits"]),
        (&json!(3), &json!(30), &json!(true))
    );
    assert_eq!(fixture::get(&fixture, &format!("{path}?batches=5")).json()["asked"], 5);
    let other = "/api/v1/models/tm3/facial-15/9/backtest";
    for (path, status, words) in [
        (format!("{path}?batches=0"), 400, "`batches` is 0; 1 to 200 are told of at a time"),
        (format!("{path}?batches=201"), 400, "`batches` is 201"),
        (other.to_owned(), 404, "grade `facial-15` has no model 9; there are: 1, 2, 3"),
        (format!("{path}?batches=7"), 503, "another backtest runs"),
        (format!("{path}?batches=8"), 409, "model 3 cannot judge line `tm3`"),
    ] {
        let answer = fixture::get(&fixture, &path);
        assert_eq!(answer.status, status, "{path} {}", answer.text);
        assert!(answer.error().contains(words), "{path} {}", answer.text);
    }
    let nobody = fixture::state(fixture::on_spec());
    assert_eq!(fixture::get(&nobody, path).status, 409);
}

#[test]
fn who_promotes_is_told_whether_it_comes_about() {
    let path = "/api/v1/models/tm3/facial-15/1/promote";
    let asked = |by: &str| promote(fixture::registry(), path, &json!({"by": by}).to_string());
    for (by, status, words) in [
        ("busy", 503, "nothing was changed, and nothing will be"),
        ("stops", 503, "onspec stops"),
        ("second", 409, "version 1: another model takes its place"),
    ] {
        let answer = asked(by);
        assert_eq!(answer.status, status, "{}", answer.text);
        assert!(answer.error().contains(words), "{}", answer.text);
    }
    let (done, full) = (asked("shift-a").json(), asked("full").json());
    assert_eq!((&done["on_disk"], &full["on_disk"]), (&json!(true), &json!(false)));
    assert_eq!(done["replaces"], waiting());
    let judges = full["judges"].as_str().unwrap();
    assert!(judges.starts_with("once the store has room, from the next batch"), "{judges}");
}

#[test]
fn a_fit_that_runs_is_shown_where_its_models_are() {
    let fixture = fixture::with_fit(fixture::state(fixture::several()));
    let fitting = |path: &str| fixture::get(&fixture, path).json()["fitting"].clone();
    let expected = json!({
        "line": "tm3", "grade": "facial-15", "batches": 20, "since": fixture::NOW - 60_000,
        "stage": "reading frames", "done": 0.45,
        "text": "model being fitted from 20 batches since 2026-01-23T00:30:00Z: reading frames, 45 %",
    });
    assert_eq!(fitting("/api/v1/models"), json!([expected]));
    assert_eq!(fitting("/api/v1/models?line=tm3&grade=facial-15"), json!([expected]));
    assert_eq!(fitting("/api/v1/models?line=tm4"), json!([]));
    assert_eq!(fitting("/api/v1/lines/tm3"), expected);
    assert_eq!(fitting("/api/v1/lines/tm4"), json!(null));
    let learning = fixture::state(fixture::learning());
    let text = fixture::get(&learning, "/api/v1/lines/tm3").json()["learning_text"].clone();
    assert_eq!(text, "learning: 13 more on-spec batches until the first model");
}

#[test]
fn a_model_is_promoted_or_refused_with_the_reason() {
    let (one, back) =
        ("/api/v1/models/tm3/facial-15/1/promote", "/api/v1/models/tm3/facial-15/rollback");
    let document = openapi();
    for (path, body, reason) in [
        (one, "", "promoted, the artifact of version 1"),
        (one, r#"{"by":" shift-a "}"#, "promoted by shift-a, the artifact of version 1"),
        (one, "{}", "promoted, the artifact of version 1"),
        (back, r#"{"by":"shift-a"}"#, "rolled back by shift-a to that of version 1"),
        (back, "", "rolled back to that of version 1"),
    ] {
        let answer = promote(fixture::registry(), path, body);
        assert_eq!(answer.status, 202, "{path} {}", answer.text);
        let said = answer.json();
        mismatch(&document, &json!({"$ref": "#/components/schemas/Promoted"}), &said, path)
            .unwrap();
        assert_eq!((&said["version"], &said["of"]), (&json!(4), &json!(1)));
        assert_eq!(said["reason"], reason);
        assert!(said["judges"].as_str().unwrap().starts_with("from the next batch boundary"));
    }
    let of = |version: u32| format!("/api/v1/models/tm3/facial-15/{version}/promote");
    let other = "/api/v1/models/tm9/g/rollback";
    for (path, body, status, words) in [
        (&*of(2), "", 409, "line `tm3`, grade `facial-15`: version 2 judges already"),
        (&*of(7), "", 404, "line `tm3`, grade `facial-15` has no model 7; there are: 1, 2, 3"),
        (other, "", 404, "there is no model of line `tm9`, grade `g`; there are models of: "),
        (&*of(1), "[", 400, "the body cannot be read: "),
        (&*of(1), r#"{"who":"a"}"#, 400, "write `{\"by\": \"shift-a\"}`"),
        (&*of(1), r#"{"by":""}"#, 400, "`by` is no name of 1 to 100 characters"),
        (&*of(1), r#"{"by":"a\nb"}"#, 400, "`by` is no name"),
        ("/api/v1/models/tm3/facial-15/x/promote", "", 400, ""),
        (&*of(3), "", 422, "version 3 cannot judge: the line has no tag `draw`"),
        ("/api/v1/models/tm4/none/rollback", "", 409, "had no other model before 1"),
    ] {
        let answer = promote(fixture::registry(), path, body);
        assert_eq!(answer.status, status, "{path} {body} {}", answer.text);
        assert!(answer.error().contains(words), "{path} {body} {}", answer.text);
    }
    // Another version of the model that judges.
    let mut same = fixture::registry();
    same.0[0]["sha256"] = same.0[1]["sha256"].clone();
    let answer = promote(same, one, "");
    assert_eq!(answer.status, 409);
    assert!(answer.error().ends_with("version 1 is the same model as 2, which judges already"));

    let fixture = fixture::state(fixture::on_spec());
    let post = |origin: &str| {
        let request = Request::post(one).header("host", "127.0.0.1:8080").header("origin", origin);
        fixture::ask(&fixture, request.body(Body::empty()).unwrap())
    };
    assert_eq!(post("http://127.0.0.1:8080").status, 409, "it keeps no models");
    assert_eq!(post("http://evil.example").status, 403);
    let answer = fixture::get(&fixture, one);
    assert_eq!(answer.error(), format!("`{one}` takes no GET, only POST"));
}

#[test]
fn only_reading_is_possible() {
    let fixture = fixture::state(fixture::on_spec());
    for (path, _) in router::API.iter().chain(router::PAGE) {
        for method in [Method::POST, Method::PUT, Method::DELETE, Method::PATCH] {
            let request = Request::builder().method(method.clone()).uri(*path);
            let answer = fixture::ask(&fixture, request.body(Body::empty()).unwrap());
            assert_eq!(answer.status, 405, "{method} {path}");
            assert_eq!(answer.error(), format!("`{path}` takes no {method}, only GET and HEAD"));
        }
    }
    let head = Request::head("/api/v1/lines").body(Body::empty()).unwrap();
    assert_eq!(fixture::ask(&fixture, head).status, 200);
}

#[test]
fn every_answer_carries_the_security_headers_errors_too() {
    let fixture = fixture::state(fixture::on_spec());
    for path in ["/", "/metrics", "/api/v1/lines", "/nothing", "/assets/page.js"] {
        let answer = fixture::get(&fixture, path);
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(answer.header("content-security-policy"), guard::CONTENT_SECURITY_POLICY);
        assert_eq!(answer.header("cross-origin-resource-policy"), "same-origin");
        assert!(answer.headers.get("access-control-allow-origin").is_none());
        assert!(!answer.header("cache-control").is_empty());
    }
}

fn with_host(uri: &str, host: &[u8]) -> Answer {
    let fixture = fixture::state(fixture::on_spec());
    let request = Request::get(uri).header("host", host).body(Body::empty()).unwrap();
    fixture::ask(&fixture, request)
}

#[test]
fn names_that_are_not_this_machine_are_refused() {
    for host in ["localhost:8080", "127.0.0.1:8080", "[::1]:8080", "localhost"] {
        assert_eq!(with_host("/api/v1/lines", host.as_bytes()).status, 200, "{host}");
    }
    for host in ["evil.example", "evil.example:8080", "localhost.evil.example", ""] {
        let answer = with_host("/api/v1/lines", host.as_bytes());
        assert_eq!(answer.status, 421, "{host}");
        assert!(answer.error().contains("use `localhost`"), "{host}");
    }
    assert_eq!(with_host("/", b"\xff").status, 421);
    assert_eq!(with_host("http://evil.example/", b"localhost").status, 421);
    assert_eq!(with_host("http://localhost/", b"evil.example").status, 421);
}

#[test]
fn large_bodies_are_refused() {
    let fixture = fixture::state(fixture::on_spec());
    let body = Body::from(vec![b'x'; BODY_MAX_BYTES + 1]);
    let length = BODY_MAX_BYTES + 1;
    let request =
        Request::get("/api/v1/lines").header("content-length", length).body(body).unwrap();
    let answer = fixture::ask(&fixture, request);
    assert_eq!(answer.status, 413);
    assert_eq!(answer.error(), "the body is larger than 65536 bytes");
}

#[test]
fn hostile_names_come_back_whole_as_json() {
    let fixture = fixture::state(fixture::hostile());
    let line = fixture::get(&fixture, "/api/v1/lines").json()["lines"][0]["line"].clone();
    assert_eq!(line, HOSTILE);
    assert!(fixture::get(&fixture, "/api/v1/tags").json()["tags"].is_array());
    for path in ["/api/v1/tags", "/api/v1/tags?line=pm1"] {
        let strays = fixture::get(&fixture, path).json()["undeclared"].clone();
        assert_eq!(
            (&strays[0]["tag"], &strays[0]["count"]),
            (&"steam".into(), &3.into()),
            "{path}"
        );
    }
    assert!(fixture::get(&fixture, "/health").text.contains("Not declared: stored, not judged"));
}

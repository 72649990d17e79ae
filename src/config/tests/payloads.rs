//! Payloads as gateways send them, each with the subscription that reads it and the readings it gives.
//!
//! The payloads are made up here, in the form that each product documents.

use super::good;
use crate::decode::{Arrival, Decoder, Format, Message, QualityCodes, TimeUnit, Wanted};
use crate::reading::{Timestamp, Value};

/// 2026-01-23T00:00:00Z, which the payloads are around.
const NOW: i64 = 1_769_126_400_000;

/// Reads a payload by a subscription and declared units; prints `line/area/tag@seconds=value quality`
/// after [`NOW`], and `!reason: detail`.
fn read(subscription: &str, topic: &str, payload: &str) -> String {
    let text = format!(
        "[[mqtt]]\nname = \"gw\"\nurl = \"mqtt://gw.mill\"\n[[mqtt.subscribe]]\n{subscription}\n\
         [line.tm3.tag.steam]\nunit = \"bar\"\n[line.tm3.tag.\"dry/hood\"]\nunit = \"°C\"\n"
    );
    let checked = good(&text);
    let mut decoder = Decoder::for_plant(checked.rules(), &checked.plant);
    let (mut messages, mut faults) = (Vec::new(), Vec::new());
    let arrival = Arrival {
        broker: "gw".into(),
        received: Timestamp::from_millis(NOW).unwrap(),
        topic: topic.into(),
        payload: payload.to_owned().into(),
        retained: false,
        properties: None,
    };
    // Twice: with nothing known, and with everything known.
    for _ in 0..2 {
        messages.clear();
        faults.clear();
        decoder.decode(&arrival, &mut messages, &mut faults);
    }
    let mut lines: Vec<String> = messages
        .iter()
        .map(|message| {
            let Message::Reading(r) = message else { panic!("{message:?}") };
            let value = match &r.value {
                Value::Number(number) => number.get().to_string(),
                Value::Text(text) => format!("{text:?}"),
            };
            let now = Timestamp::from_millis(NOW).unwrap();
            let at = r.at.map_or("-".to_owned(), |at| at.seconds_since(now).to_string());
            let quality = match r.quality {
                crate::reading::SourceQuality::Good => String::new(),
                other => format!(" {other:?}").to_lowercase(),
            };
            format!("{}/{}/{}@{at}={value}{quality}", r.line, r.area, r.tag)
        })
        .collect();
    lines.extend(faults.iter().map(|f| format!("!{}: {}", f.reason.as_str(), f.detail)));
    lines.join("\n")
}

#[track_caller]
fn check(subscription: &str, topic: &str, payload: &str, expected: &[&str]) {
    assert_eq!(read(subscription, topic, payload), expected.join("\n"));
}

#[test]
fn node_red_sends_an_object_whose_keys_are_the_tags() {
    check(
        r#"
            topic = "mill/{line}/node-red"
            each = "/payload/*"
            value = ""
            time = "2/ts"
            names = { tag = "0#" }
        "#,
        "mill/tm3/node-red",
        r#"{"topic":"tm3","payload":{"steam":7.1,"running":true,"grade":"FT 150","idle":null},
            "_msgid":"a1","ts":1769126401000}"#,
        &["tm3//steam@1=7.1", "tm3//running@1=1", "tm3//grade@1=\"FT 150\""],
    );
    // A flat object: what another key names is no tag.
    check(
        "topic = \"flat/{line}\"\neach = \"/*\"\nvalue = \"\"\ntime = \"1/ts\"\nnames = { tag = \"0#\" }",
        "flat/tm3",
        r#"{"steam":7.1,"ts":1769126401000,"speed":1810}"#,
        &["tm3//steam@1=7.1", "tm3//speed@1=1810"],
    );
}

#[test]
fn kepware_iot_gateway_sends_a_list_of_tags_with_time_and_quality_each() {
    check(
        r#"
            topic = "iotgateway"
            line = "tm3"
            each = "/values/*"
            value = "/v"
            time = "/t"
            quality = "/q"
            quality_codes = "bool"
            names = { tag = "/id" }
        "#,
        "iotgateway",
        r#"{"timestamp":1769126402000,"values":[
            {"id":"Ch1.TM3.Steam","v":7.1,"q":true,"t":1769126401000},
            {"id":"Ch1.TM3.Speed","v":1810,"q":false,"t":1769126401500},
            {"id":"Ch1.TM3.Grade","v":"FT150","q":true,"t":1769126401500}]}"#,
        &[
            "tm3//Ch1.TM3.Steam@1=7.1",
            "tm3//Ch1.TM3.Speed@1.5=1810 bad",
            "tm3//Ch1.TM3.Grade@1.5=\"FT150\"",
        ],
    );
}

#[test]
fn ignition_sends_objects_under_the_names_of_their_tags() {
    let subscription = r#"
        topic = "ignition/{line}"
        each = "/tags/*"
        value = "/v"
        time = "/t"
        quality = "/q"
        names = { tag = "1#" }
    "#;
    check(
        subscription,
        "ignition/tm3",
        r#"{"tags":{"TI101":{"v":1.5,"t":1769126401000,"q":192},"TI\u0031\/2":{"v":2,"q":64,"t":1769126402000}}}"#,
        &["tm3//TI101@1=1.5", "tm3//TI1/2@2=2 uncertain"],
    );
    // The same by name, for those that are wanted: the time and the quality of each stand beside its value.
    check(
        r#"
            topic = "ignition/{line}"
            fields = { steam = "/tags/TI101/v", speed = "/tags/SI200/v" }
            time = "1/t"
            quality = "1/q"
        "#,
        "ignition/tm3",
        r#"{"tags":{"TI101":{"v":1.5,"t":1769126401000,"q":192},"SI200":{"q":0,"v":2,"t":1769126402000}}}"#,
        &["tm3//speed@2=2 bad", "tm3//steam@1=1.5"],
    );
}

#[test]
fn aws_sitewise_sends_entries_with_property_values() {
    check(
        r#"
            topic = "sitewise/{line}"
            each = "/entries/*/propertyValues/*"
            value = "/value/doubleValue"
            time = "/timestamp/timeInSeconds"
            time_unit = "s"
            quality = "/quality"
            quality_codes = "opc-ua"
            names = { tag = "4/propertyAlias" }
        "#,
        "sitewise/tm3",
        r#"{"entries":[
            {"entryId":"1","propertyAlias":"/tm3/steam","propertyValues":[
                {"value":{"doubleValue":7.1},"timestamp":{"timeInSeconds":1769126401,"offsetInNanos":0},"quality":"GOOD"},
                {"value":{"doubleValue":7.2},"timestamp":{"timeInSeconds":1769126402},"quality":"BAD"}]},
            {"propertyValues":[{"value":{"doubleValue":5},"timestamp":{"timeInSeconds":1769126402}}],
             "entryId":"2","propertyAlias":"/tm3/speed"}]}"#,
        &["tm3///tm3/steam@1=7.1", "tm3///tm3/steam@2=7.2 bad", "tm3///tm3/speed@2=5"],
    );
}

#[test]
fn telegraf_sends_a_batch_of_metrics() {
    check(
        r#"
            topic = "telegraf"
            each = "/metrics/*/fields/*"
            value = ""
            time = "2/timestamp"
            time_unit = "s"
            names = { line = "2/tags/line", area = "2/name", tag = "0#" }
        "#,
        "telegraf",
        r#"{"metrics":[
            {"fields":{"steam":7.1,"hood":80.5},"name":"dry","tags":{"host":"gw","line":"tm3"},"timestamp":1769126401},
            {"fields":{"ok":true},"name":"wet","tags":{"line":"tm4"},"timestamp":1769126402}]}"#,
        &["tm3/dry/steam@1=7.1", "tm3/dry/hood@1=80.5", "tm4/wet/ok@2=1"],
    );
}

#[test]
fn tasmota_and_zigbee2mqtt_send_what_a_device_has() {
    check(
        r#"
            topic = "tele/{tag}/SENSOR"
            line = "tm3"
            area = "dry"
            value = "/DS18B20/Temperature"
            names = { unit = "/TempUnit" }
        "#,
        "tele/hood/SENSOR",
        r#"{"Time":"2026-01-23T01:00:00","DS18B20":{"Id":"0316","Temperature":212.0},"TempUnit":"F"}"#,
        &["tm3/dry/hood@-=100"],
    );
    check(
        r#"
            topic = "zigbee2mqtt/{area}"
            line = "tm3"
            fields = { temperature = "/temperature", humidity = "/humidity", action = "/action" }
            time = "/last_seen"
        "#,
        "zigbee2mqtt/store-3",
        r#"{"battery":97,"humidity":41.2,"last_seen":"2026-01-23T00:00:01Z","linkquality":120,"temperature":21.5}"#,
        &["tm3/store-3/humidity@1=41.2", "tm3/store-3/temperature@1=21.5"],
    );
}

#[test]
fn opc_ua_pubsub_sends_data_set_messages() {
    check(
        r#"
            topic = "opcua/json/data/+/{line}"
            each = "/Messages/*/Payload/*"
            value = "/Value"
            time = "/SourceTimestamp"
            quality = "/StatusCode/Code"
            quality_codes = "opc-ua"
            names = { tag = "1#" }
        "#,
        "opcua/json/data/pub1/tm3",
        r#"{"MessageId":"32","MessageType":"ua-data","PublisherId":"pub1","Messages":[
            {"DataSetWriterId":1,"SequenceNumber":7,"Timestamp":"2026-01-23T00:00:02Z","Payload":{
                "Steam":{"Value":7.1,"SourceTimestamp":"2026-01-23T00:00:01.25Z"},
                "Speed":{"Value":1810,"SourceTimestamp":"2026-01-23T00:00:01Z","StatusCode":{"Code":2147483648,"Symbol":"Bad"}}}},
            {"DataSetWriterId":2,"Payload":{"Grade":{"Value":"FT150","SourceTimestamp":"2026-01-23T00:00:02Z"}}}]}"#,
        &["tm3//Steam@1.25=7.1", "tm3//Speed@1=1810 bad", "tm3//Grade@2=\"FT150\""],
    );
}

#[test]
fn azure_opc_publisher_sends_an_array_of_nodes() {
    check(
        r#"
            topic = "opcpublisher/{line}"
            each = "/*"
            value = "/Value/Value"
            time = "/Value/SourceTimestamp"
            names = { tag = "/DisplayName" }
        "#,
        "opcpublisher/tm3",
        r#"[{"NodeId":"nsu=mill;s=Steam","ApplicationUri":"urn:plc","DisplayName":"Steam",
             "Value":{"Value":7.1,"SourceTimestamp":"2026-01-23T00:00:01.0000001Z"}},
            {"NodeId":"nsu=mill;s=Speed","DisplayName":"Speed","Value":{"Value":1810,"SourceTimestamp":"2026-01-23T00:00:02Z"}}]"#,
        &["tm3//Steam@1.0000001=7.1", "tm3//Speed@2=1810"],
    );
}

#[test]
fn thingsboard_gateway_sends_telemetry_of_devices() {
    check(
        r#"
            topic = "v1/gateway/telemetry"
            line = "tm3"
            each = "/*/*/values/*"
            value = ""
            time = "2/ts"
            names = { area = "3#", tag = "0#" }
        "#,
        "v1/gateway/telemetry",
        r#"{"Dryer 1":[{"ts":1769126401000,"values":{"steam":7.1,"hood":81}},{"ts":1769126402000,"values":{"steam":7.2}}],
            "Press":[{"ts":1769126401000,"values":{"nip":91}}]}"#,
        &[
            "tm3/Dryer 1/steam@1=7.1",
            "tm3/Dryer 1/hood@1=81",
            "tm3/Dryer 1/steam@2=7.2",
            "tm3/Press/nip@1=91",
        ],
    );
}

#[test]
fn columns_and_parallel_arrays_are_read_by_their_places() {
    // A column of times and columns of values, by name.
    check(
        "topic = \"c/{line}\"\neach = \"/time/*\"\nfields = { a = \"2/a/*\", b = \"2/b/*\" }\ntime = \"\"",
        "c/tm3",
        r#"{"a":[1,null,3],"time":[1769126401000,1769126402000,1769126403000],"b":[4,5]}"#,
        &["tm3//a@1=1", "tm3//b@1=4", "tm3//b@2=5", "tm3//a@3=3"],
    );
    // The same, whatever the columns are called.
    check(
        "topic = \"c/{line}\"\neach = \"/values/*/*\"\nvalue = \"\"\ntime = \"3/time/*\"\nnames = { tag = \"1#\" }",
        "c/tm3",
        r#"{"values":{"a":[1,2],"b":[3]},"time":[1769126401000,1769126402000]}"#,
        &["tm3//a@1=1", "tm3//a@2=2", "tm3//b@1=3"],
    );
    // Names, values and times side by side; and rows.
    check(
        "topic = \"c/{line}\"\neach = \"/v/*\"\nvalue = \"\"\ntime = \"2/t/*\"\nnames = { tag = \"2/n/*\" }",
        "c/tm3",
        r#"{"n":["a","b","c"],"v":[1,"x",3],"t":[1769126401000,1769126402000]}"#,
        &["tm3//a@1=1", "tm3//b@2=\"x\"", "tm3//c@-=3"],
    );
    check(
        "topic = \"c/{line}\"\neach = \"/values/*\"\nfields = { a = \"/1\", b = \"/2\" }\ntime = \"/0\"",
        "c/tm3",
        r#"{"columns":["time","a","b"],"values":[[1769126401000,1,2],[1769126402000,3]]}"#,
        &["tm3//a@1=1", "tm3//b@1=2", "tm3//a@2=3"],
    );
    // By key instead of by number, in any order.
    check(
        "topic = \"c/{line}\"\neach = \"/v/*\"\nvalue = \"\"\ntime = \"2/t/*\"\nnames = { tag = \"0#\" }",
        "c/tm3",
        r#"{"v":{"a":1,"b":2},"t":{"b":1769126402000,"x":0,"a":1769126401000}}"#,
        &["tm3//a@1=1", "tm3//b@2=2"],
    );
}

#[test]
fn a_document_on_each_line_is_read_by_itself() {
    let subscription = "topic = \"l/{line}\"\nformat = \"json-lines\"\nvalue = \"/v\"\ntime = \"/t\"\nnames = { tag = \"/n\" }";
    check(
        subscription,
        "l/tm3",
        "{\"n\":\"a\",\"v\":1,\"t\":1769126401000}\r\n\n{\"n\":\"b\",\"v\":\n{\"n\":\"c\",\"v\":3}\n{\"v\":4}\n",
        &[
            "tm3//a@1=1",
            "tm3//c@-=3",
            "!not-json: line 3: EOF while parsing a value at offset 13, near ``",
            "!missing-value: line 5: nothing at `/n` names the tag",
        ],
    );
    check(subscription, "l/tm3", " \n", &["!missing-value: the payload is empty"]);
}

#[test]
fn items_that_give_nothing_are_faults_of_their_own() {
    let subscription = "topic = \"i/{line}\"\neach = \"/*\"\nvalue = \"/v\"\ntime = \"/t\"\nquality = \"/q\"\nnames = { tag = \"/n\" }";
    check(
        subscription,
        "i/tm3",
        r#"[{"n":"a","v":1},{"n":"b","v":[1]},{"n":"","v":1},{"n":{},"v":1},{"n":7,"v":2},{"n":"t","v":1,"t":"soon"},
            {"n":"q","v":1,"q":"?"},{"n":"u","q":192},{"v":null}]"#,
        &[
            "tm3//a@-=1",
            "tm3//7@-=2",
            "tm3//q@-=1 bad",
            "!wrong-type: an array at /v, a number, boolean or text was expected",
            "!wrong-type: a name is empty at /n",
            "!wrong-type: `{}` at /n is no name",
            "!bad-time: time at /t: `soon` is neither a number nor an RFC 3339 time",
            "!bad-quality: quality at /q: `\\\"?\\\"` is no code",
        ],
    );
    check(
        subscription,
        "i/tm3",
        r#"[{"n":"a","q":192}]"#,
        &["!missing-value: no item at `/*` has a value at `/v`"],
    );
    check(subscription, "i/tm3", "[]", &["!missing-value: no item at `/*`"]);
    check(subscription, "i/tm3", "7", &["!missing-value: no item at `/*`"]);
    let many = format!("[{}]", vec![r#"{"v":1}"#; 100].join(","));
    let told = read(subscription, "i/tm3", &many);
    assert_eq!(told.lines().count(), 17, "{told}");
    assert!(told.ends_with("!missing-value: 84 more faults in the payload"), "{told}");
}

#[test]
fn numbers_in_another_unit_are_converted_or_refused() {
    let subscription = "topic = \"u/{line}/{area}\"\nfields = { steam = \"/s\", hood = \"/h\", other = \"/o\" }\nunit = \"kPa\"\nunits = { hood = \"°F\" }";
    check(
        subscription,
        "u/tm3/dry",
        r#"{"s":710,"h":212,"o":5}"#,
        &["tm3/dry/hood@-=100", "tm3/dry/other@-=5", "tm3/dry/steam@-=7.1"],
    );
    check(
        "topic = \"u/{line}/{tag}\"\nnames = { unit = \"/unit\" }",
        "u/tm3/steam",
        r#"{"value":100,"unit":"psi"}"#,
        &["tm3//steam@-=6.894757293168001"],
    );
    check(
        "topic = \"u/{line}/{tag}\"\nnames = { unit = \"/unit\" }",
        "u/tm3/steam",
        r#"{"value":100,"unit":"m/s"}"#,
        &["!wrong-unit: tag `steam` is in `bar`, and `m/s` is not known to measure the same"],
    );
    check(
        "topic = \"u/{line}\"\nformat = \"line-protocol\"\nnames = { unit = \"unit\" }",
        "u/tm3",
        "m,tag=steam,unit=kPa value=710,quality=3 1769126401000000000",
        &["tm3//steam@1=7.1", "tm3//steam.quality@1=3"],
    );
    check(
        "topic = \"u/{line}/{tag}\"\nformat = \"value\"\nunit = \"kPa\"",
        "u/tm3/steam",
        "710",
        &["tm3//steam@-=7.1"],
    );
}

#[test]
fn a_point_with_a_quality_and_no_value_is_a_fault() {
    check(
        "topic = \"t/{line}\"\nformat = \"line-protocol\"\nquality = \"q\"",
        "t/tm3",
        "m,tag=steam q=192\nm,tag=steam value=1,q=192",
        &["tm3//steam@-=1", "!missing-value: line 1: a quality code and no value"],
    );
}

#[test]
fn properties_of_messages_are_asked_for_as_they_are_written() {
    let checked = good(
        r#"
        [[mqtt]]
        url = "mqtt://gw.mill"
        [[mqtt.subscribe]]
        topic = "gw/+"
        format = "value"
        time_unit = "s"
        quality_codes = "bool"
        properties = { line = "l", area = "a", tag = "t", unit = "u", time = "ts", quality = "q" }
        content_type = ["Text/Plain; charset=utf-8", "text/plain", "application/json"]
        expiry = "90m"
        [[mqtt.subscribe]]
        topic = "spBv1.0/mill/{type}/{line}/{area}"
        format = "sparkplug-b"
        "#,
    );
    assert!(checked.warnings.is_empty(), "{}", checked.warnings);
    let broker = &checked.brokers[0];
    let rule = broker.rules.iter().find(|rule| rule.format == Format::Value).unwrap();
    let keys: Vec<(&str, &str)> =
        rule.properties.keys().map(|(part, key)| (part, &**key)).collect();
    let expected = [
        ("line", "l"),
        ("area", "a"),
        ("tag", "t"),
        ("unit", "u"),
        ("time", "ts"),
        ("quality", "q"),
    ];
    assert_eq!(keys, expected);
    assert_eq!(rule.properties.content_types, ["text/plain".into(), "application/json".into()]);
    assert_eq!(rule.properties.expiry_s, Some(5400));
    assert_eq!((rule.time_unit, rule.quality_codes), (TimeUnit::Seconds, QualityCodes::Bool));
    // The link keeps what the rules ask for, and the one to edge nodes nothing.
    assert_eq!(broker.settings.properties, Wanted::by(&broker.rules));
    assert_ne!(broker.settings.properties, Wanted::default());
    assert_eq!(broker.host.as_ref().unwrap().properties, Wanted::default());
}

#[test]
fn a_property_may_name_tag_and_line_that_nothing_else_names() {
    let text = |properties: &str| {
        format!(
            "[[mqtt]]\nurl = \"mqtt://gw.mill\"\n[[mqtt.subscribe]]\ntopic = \"gw/+\"\n\
             format = \"value\"\n{properties}\n[line.tm3.tag.steam]\n"
        )
    };
    let with = good(&text("properties = { line = \"l\", tag = \"t\" }"));
    assert!(with.warnings.is_empty(), "{}", with.warnings);
    // Of a fixed line, a property may name another one.
    let with = good(&text("line = \"tm9\"\nproperties = { line = \"l\", tag = \"t\" }"));
    assert!(with.warnings.is_empty(), "{}", with.warnings);
    let without = super::report(&text(""), "test.toml");
    let codes: Vec<&str> = without.diagnostics().iter().map(|found| found.code.as_str()).collect();
    assert_eq!(codes, ["C016", "C104"]);
}

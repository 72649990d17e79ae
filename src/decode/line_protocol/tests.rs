//! What the reader makes of payloads, beside another implementation.

use super::super::limits::FAULTS_NAMED;
use super::super::stated::NOTHING;
use super::*;
use crate::reading::Timestamp;
use proptest::prelude::*;

fn reader(names: PointNames, quality: Option<&str>) -> PointReader {
    let (unit, codes) = (TimeUnit::Nanos, QualityCodes::OpcUa);
    PointReader::new(names, quality.map(Arc::from), unit, codes)
}

/// Reads a payload without any given name: readings as `line/area/tag@ns=value`, and the faults.
fn read(reader: &mut PointReader, payload: &[u8]) -> (Vec<String>, Vec<String>) {
    let (mut readings, mut faults) = (Vec::new(), Vec::new());
    let (line, area) = (Arc::default(), Arc::default());
    let given = Given { line: &line, area: &area, tag: None, stated: &NOTHING };
    reader.read(payload, given, &mut faults, |r, _| readings.push(text(&r)));
    let said = |fault: &Fault| format!("{}: {}", fault.reason.as_str(), fault.detail);
    (readings, faults.iter().map(said).collect())
}

fn text(r: &NamedReading) -> String {
    let value = match &r.value {
        Value::Number(value) => value.get().to_string(),
        Value::Text(text) => format!("{text:?}"),
    };
    let at = r.at.map_or_else(|| "-".into(), |at| at.as_nanos().to_string());
    let bad = if r.quality == SourceQuality::Good { "" } else { " bad" };
    format!("{}/{}/{}@{at}={value}{bad}", r.line, r.area, r.tag)
}

#[track_caller]
fn check(payload: &str, readings: &[&str], faults: &[&str]) {
    let mut reader = reader(PointNames::default(), Some("quality"));
    let read = read(&mut reader, payload.as_bytes());
    assert_eq!((read.0, read.1), (strings(readings), strings(faults)), "{payload}");
}

fn strings(of: &[&str]) -> Vec<String> {
    of.iter().map(|text| (*text).to_owned()).collect()
}

#[test]
fn names_come_from_the_tags_of_a_point_or_from_its_fields() {
    check("readings,area=dry,line=tm3,tag=bw value=15.1 7", &["tm3/dry/bw@7=15.1"], &[]);
    check("readings,line=tm3,tag=state text=\"run\" 7", &["tm3//state@7=\"run\""], &[]);
    check(
        "modbus,line=tm3,host=gw steam=7.5,ok=true,n=3i 7\n",
        &["tm3/modbus/steam@7=7.5", "tm3/modbus/ok@7=1", "tm3/modbus/n@7=3"],
        &[],
    );
    check(
        "m,line=tm3,tag=motor value=1,current=2u",
        &["tm3//motor@-=1", "tm3//motor.current@-=2"],
        &[],
    );
    check("m v=1", &["/m/v@-=1"], &[]);
}

#[test]
fn what_the_topic_gives_counts() {
    let names = PointNames { tag: "sensor".into(), ..PointNames::default() };
    let mut reader = reader(names, None);
    let (line, area) = ("tm4".into(), "wet".into());
    let given = Given { line: &line, area: &area, tag: None, stated: &NOTHING };
    let mut readings = Vec::new();
    reader.read(b"m,line=tm3,sensor=a,tag=b value=1", given, &mut Vec::new(), |r, _| {
        readings.push(text(&r));
    });
    let tag = "c".into();
    let given = Given { tag: Some(&tag), ..given };
    reader.read(b"m,sensor=a value=1,x=2", given, &mut Vec::new(), |r, _| readings.push(text(&r)));
    assert_eq!(readings, ["tm4/wet/a@-=1", "tm4/wet/c@-=1", "tm4/wet/c.x@-=2"]);
}

#[test]
fn escapes_are_read_as_influxdb_reads_them() {
    check(r"my\ reel\,a,side=TS\ x v=1", &["/my reel,a/v@-=1"], &[]);
    check(r"m,line=c\,d\=e,tag=p:\x value=1", &[r"c,d=e//p:\x@-=1"], &[]);
    check(
        r#"m s="say \"hi\" \\ok, really = x""#,
        &[r#"/m/s@-="say \"hi\" \\ok, really = x""#],
        &[],
    );
    check("m s=\"two\nlines\" 5\nm v=1", &["/m/s@5=\"two\\nlines\"", "/m/v@-=1"], &[]);
    check("m,line=ü 纸机=1", &["ü/m/纸机@-=1"], &[]);
}

#[test]
fn comments_and_empty_lines_are_passed_over() {
    check("# a comment\r\n\r\n  \n m v=1 7\r\n\n", &["/m/v@7=1"], &[]);
    check("", &[], &["missing-value: the payload has no point"]);
}

#[test]
fn a_bad_line_is_named_and_the_others_count() {
    check(
        "m v=1\nm\nm v\nm v=\n,a=b v=1\nm =1\nm v=\"x\nm v=2",
        &["/m/v@-=1", "/m/v@-=2"],
        &[
            "not-line-protocol: line 2: no fields, 1 bytes into it",
            "not-line-protocol: line 3: no `=` after the name of a field, 3 bytes into it",
            "not-line-protocol: line 4: no value, 4 bytes into it",
            "not-line-protocol: line 5: no measurement, 0 bytes into it",
            "not-line-protocol: line 6: no name of a field, 2 bytes into it",
            "not-line-protocol: line 7: a text that does not end, 4 bytes into it",
        ],
    );
    check(
        "m v=NaN,w=1",
        &["/m/w@-=1"],
        &["not-finite: line 1: field `v`: `NaN` is no finite number"],
    );
    check(
        "m v=1i2,w=--1i",
        &[],
        &[
            "not-finite: line 1: field `v`: `1i2` is no finite number",
            "not-finite: line 1: field `w`: `--1i` is no finite number",
        ],
    );
    check(
        "m v=1 soon",
        &[],
        &["bad-time: line 1: `soon` is neither a number nor an RFC 3339 time"],
    );
    check("m v=1 2 3", &[], &["bad-time: line 1: `2 3` is neither a number nor an RFC 3339 time"]);
    check(
        "m a\u{1}b=1",
        &[],
        &["not-line-protocol: line 1: a name has a control character: `a\\u{1}b`"],
    );
}

#[test]
fn what_stands_in_a_text_is_no_line() {
    check(
        "m s=\"a\nm v=1 5\n\",t= 7\nm v=2",
        &["/m/v@-=2"],
        &["not-line-protocol: line 1: no value, 19 bytes into it"],
    );
}

#[test]
fn readings_of_one_message_are_bounded() {
    let mut reader = reader(PointNames::default(), None);
    let wide = format!("m v=0{}", ",v=1".repeat(READINGS_MAX + 10));
    let (readings, faults) = read(&mut reader, wide.as_bytes());
    assert_eq!((readings.len(), faults.len()), (READINGS_MAX, 1));
    let (readings, faults) = read(&mut reader, "m v=1\n".repeat(READINGS_MAX + 1).as_bytes());
    assert_eq!(readings.len(), READINGS_MAX);
    assert_eq!(
        faults,
        ["too-large: line 100001: 100000 readings were taken, the rest is left out"]
    );
}

#[test]
fn quality_is_a_field_that_is_no_reading() {
    check("m v=1,quality=\"Good\"", &["/m/v@-=1"], &[]);
    check("m v=1,quality=\"Bad\"", &["/m/v@-=1 bad"], &[]);
    check("m v=1,quality=0i", &["/m/v@-=1"], &[]);
    check(
        "m v=1,quality=\"?\"",
        &["/m/v@-=1 bad"],
        &["bad-quality: line 1: field `quality`: `?` is no code"],
    );
}

#[test]
fn integers_beyond_floats_stay_text() {
    check(
        "m n=9007199254740993i,u=18446744073709551615u",
        &["/m/n@-=\"9007199254740993\"", "/m/u@-=\"18446744073709551615\""],
        &[],
    );
}

#[test]
fn many_faults_are_counted_and_few_are_named() {
    let payload = "m\n".repeat(1000) + "m v=1";
    let (readings, faults) = read(&mut reader(PointNames::default(), None), payload.as_bytes());
    assert_eq!((readings.len(), faults.len()), (1, FAULTS_NAMED + 1));
    assert_eq!(faults.last().unwrap(), "not-line-protocol: 984 more faults in the payload");
}

/// The fields of a payload as another implementation reads them: key, value, time; `None` where it
/// finds a line that it cannot read.
fn oracle(payload: &str) -> Option<Vec<(String, String, Option<i64>)>> {
    let mut fields = Vec::new();
    for line in influxdb_line_protocol::parse_lines(payload) {
        let line = line.ok()?;
        for (key, value) in &line.field_set {
            use influxdb_line_protocol::FieldValue as Of;
            let value = match value {
                Of::I64(n) => n.to_string(),
                Of::U64(n) => n.to_string(),
                Of::F64(n) => n.to_string(),
                Of::Boolean(b) => u8::from(*b).to_string(),
                Of::String(text) => format!("{:?}", text.as_str()),
            };
            fields.push((key.to_string(), value, line.timestamp));
        }
    }
    Some(fields)
}

fn names() -> impl Strategy<Value = String> {
    "[a-zü_][a-z0-9_ü]{0,4}(\\\\[ ,=][a-z]{1,3})?"
}

fn values() -> impl Strategy<Value = String> {
    prop_oneof![
        (-1e9..1e9_f64).prop_map(|n| n.to_string()),
        (-1000_i64..1000).prop_map(|n| format!("{n}i")),
        (0_u64..1000).prop_map(|n| format!("{n}u")),
        prop_oneof![Just("t"), Just("F"), Just("true"), Just("FALSE")].prop_map(str::to_owned),
        "\"([a-z ,=\n]|\\\\\"|\\\\\\\\){0,6}\"",
    ]
}

fn lines() -> impl Strategy<Value = String> {
    let fields = proptest::collection::vec((names(), values()), 1..4);
    let tags = proptest::collection::vec((names(), names()), 0..3);
    (names(), tags, fields, proptest::option::of(any::<i64>())).prop_map(
        |(name, tags, fields, time)| {
            let tags: String =
                tags.iter().fold(String::new(), |all, (key, value)| all + "," + key + "=" + value);
            let fields: Vec<String> =
                fields.iter().map(|(key, value)| format!("{key}={value}")).collect();
            let time = time.map_or_else(String::new, |time| format!(" {time}"));
            format!("{name}{tags} {}{time}", fields.join(","))
        },
    )
}

proptest! {
    /// What another implementation reads, ours reads as well, value by value.
    #[test]
    fn good_lines_are_read_as_others_read_them(lines in proptest::collection::vec(lines(), 1..5)) {
        let payload = lines.join("\n");
        let expected = oracle(&payload);
        prop_assume!(expected.is_some());
        let mut readings = Vec::new();
        let (line, area) = (Arc::default(), Arc::default());
    let given = Given { line: &line, area: &area, tag: None, stated: &NOTHING };
        // No tag of a point is called so: every field is a tag of its own.
        let nothing: Arc<str> = "\u{1}".into();
        let names = PointNames { line: Arc::clone(&nothing), area: Arc::clone(&nothing), tag: nothing, unit: None };
        let mut faults = Vec::new();
        reader(names, None).read(payload.as_bytes(), given, &mut faults, |r, _| {
            let value = match &r.value {
                Value::Number(value) => value.get().to_string(),
                Value::Text(text) => format!("{text:?}"),
            };
            readings.push((r.tag.to_string(), value, r.at.map(Timestamp::as_nanos)));
        });
        prop_assert_eq!(faults, vec![]);
        prop_assert_eq!(Some(readings), expected);
    }

    #[test]
    fn no_payload_panics_and_none_gives_more_readings_than_it_has_fields(
        payload in "([a-z0-9=, \\\\\"\n#.-]|\\PC){0,80}"
    ) {
        let (readings, _) = read(&mut reader(PointNames::default(), Some("q")), payload.as_bytes());
        prop_assert!(readings.len() <= payload.matches('=').count());
    }
}

//! From a value on the wire and its `datatype` to values of readings.

use super::super::limits::{READINGS_MAX, fault};
use super::super::value::textual;
use super::super::{Fault, Reason};
use super::payload::bounded;
use super::wire::{
    DataSet, Metric, PropertySet, Row, Template, datatype, element, metric, property,
};
use crate::reading::{Finite, SourceQuality, Timestamp, Value};
use bytes::Bytes;

/// The greatest magnitude to which every integer is a float.
const EXACT_MAX: u64 = 1 << 53;

/// Templates in templates, at most.
const DEPTH_MAX: usize = 8;

/// The words of a metric's property that names its unit, as gateways write them.
const UNIT_KEYS: [&str; 4] = ["engUnit", "engUnits", "engineeringUnits", "unit"];

/// The property of a metric that says whether its value can be used.
const QUALITY_KEY: &str = "Quality";

/// A scalar on the wire.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Sent<'p> {
    Int(u32),
    Long(u64),
    Float(f32),
    Double(f64),
    Boolean(bool),
    Text(&'p [u8]),
}

/// A value that stands for itself, with what is said of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Leaf<'a> {
    /// Its name: that of its metric, with what is below it.
    pub name: &'a str,
    /// Its metric, for what is said beside the value.
    pub metric: &'a Metric,
    /// The `datatype` by which it was read; `None` if none is known.
    pub datatype: Option<u32>,
    /// The value, or why there is none; `None` if it is null.
    pub value: Option<Result<Value, Fault>>,
}

/// Reads a scalar by the type of its metric.
///
/// Signed numbers are two's complement of their width, whatever field they came in.
///
/// # Errors
/// When it is of another type, not finite, no UTF-8 or a text that is too long.
pub fn scalar(value: &metric::Value, datatype: u32) -> Result<Value, Fault> {
    let sent = match value {
        metric::Value::Int(bits) => Sent::Int(*bits),
        metric::Value::Long(bits) => Sent::Long(*bits),
        metric::Value::Float(value) => Sent::Float(*value),
        metric::Value::Double(value) => Sent::Double(*value),
        metric::Value::Boolean(on) => Sent::Boolean(*on),
        metric::Value::String(text) => Sent::Text(text),
        metric::Value::Bytes(_) | metric::Value::DataSet(_) | metric::Value::Template(_) => {
            return Err(other_type("a value of many parts", datatype));
        }
    };
    read(sent, datatype)
}

fn read(sent: Sent<'_>, datatype: u32) -> Result<Value, Fault> {
    let bits = match sent {
        Sent::Int(bits) => Some(u64::from(bits)),
        Sent::Long(bits) => Some(bits),
        _ => None,
    };
    if let (datatype::INT8..=datatype::UINT64 | datatype::DATE_TIME, Some(bits)) = (datatype, bits)
    {
        return integer(bits, datatype);
    }
    match (datatype, sent) {
        (datatype::FLOAT | datatype::DOUBLE, Sent::Float(value)) => finite(f64::from(value)),
        (datatype::FLOAT | datatype::DOUBLE, Sent::Double(value)) => finite(value),
        (datatype::BOOLEAN, Sent::Boolean(on)) => finite(if on { 1.0 } else { 0.0 }),
        (datatype::STRING | datatype::TEXT | datatype::UUID, Sent::Text(bytes)) => text(bytes),
        (_, Sent::Int(_) | Sent::Long(_)) => Err(other_type("an integer", datatype)),
        (_, Sent::Float(_) | Sent::Double(_)) => Err(other_type("a float", datatype)),
        (_, Sent::Boolean(_)) => Err(other_type("a boolean", datatype)),
        (_, Sent::Text(_)) => Err(other_type("a text", datatype)),
    }
}

fn other_type(what: &str, datatype: u32) -> Fault {
    fault(Reason::WrongType, format!("{what}, where the birth says data type {datatype}"))
}

#[expect(clippy::cast_possible_truncation, reason = "the bits that the type has")]
fn integer(bits: u64, datatype: u32) -> Result<Value, Fault> {
    let signed = match datatype {
        datatype::INT8 => i64::from(bits as i8),
        datatype::INT16 => i64::from(bits as i16),
        datatype::INT32 => i64::from(bits as i32),
        datatype::INT64 => bits.cast_signed(),
        datatype::UINT8 => i64::from(bits as u8),
        datatype::UINT16 => i64::from(bits as u16),
        datatype::UINT32 => i64::from(bits as u32),
        datatype::DATE_TIME => {
            let at = millis(bits)?;
            return Ok(Value::Text(at.to_string().into()));
        }
        _ => match i64::try_from(bits) {
            Ok(whole) => whole,
            Err(_) => return Ok(Value::Text(bits.to_string().into())),
        },
    };
    if signed.unsigned_abs() > EXACT_MAX {
        // A float would change it.
        return Ok(Value::Text(signed.to_string().into()));
    }
    #[expect(clippy::cast_precision_loss, reason = "within 2⁵³")]
    finite(signed as f64)
}

fn finite(value: f64) -> Result<Value, Fault> {
    let number = Finite::try_from(value).map(Value::Number);
    number.map_err(|_| fault(Reason::NotFinite, format!("`{value}` is no finite number")))
}

fn text(bytes: &[u8]) -> Result<Value, Fault> {
    textual(utf8(bytes)?, || "the value".to_owned())
}

/// A text of the wire.
///
/// # Errors
/// When it is no UTF-8.
pub fn utf8(bytes: &[u8]) -> Result<&str, Fault> {
    std::str::from_utf8(bytes).map_err(|error| {
        let at = error.valid_up_to();
        fault(Reason::NotUtf8, format!("a text of the payload is no UTF-8 at its byte {at}"))
    })
}

/// An instant of the wire, ms since 1970.
///
/// # Errors
/// When it is beyond what can be told.
#[inline]
pub fn millis(ms: u64) -> Result<Timestamp, Fault> {
    let nanos = i64::try_from(ms).ok().and_then(|ms| ms.checked_mul(1_000_000));
    nanos.map(Timestamp::from_nanos).ok_or_else(|| {
        fault(Reason::BadTime, format!("{ms} ms since 1970 are no time of a reading"))
    })
}

/// Takes a metric apart into values that stand for themselves: the elements of an array are
/// `name[0]`, `name[1]`, …; the members of a template `name/member`; the columns of a data set
/// `name/column`, with the number of the row where there is more than one: `name/column[0]`.
///
/// `known` tells the type of what says none. Files and bytes have no values.
pub fn leaves(
    name: &str,
    metric: &Metric,
    known: &dyn Fn(&str) -> Option<u32>,
    take: &mut dyn FnMut(Leaf<'_>),
) -> Result<(), Fault> {
    let mut left = READINGS_MAX;
    below(name, metric, known, &mut left, 0, take)
}

fn below(
    name: &str,
    metric: &Metric,
    known: &dyn Fn(&str) -> Option<u32>,
    left: &mut usize,
    depth: usize,
    take: &mut dyn FnMut(Leaf<'_>),
) -> Result<(), Fault> {
    let kind = metric.datatype.or_else(|| known(name));
    let mut leaf = |name: &str, datatype: Option<u32>, value: Option<Result<Value, Fault>>| {
        *left = left.checked_sub(1).ok_or_else(|| {
            let detail = format!("a metric has more than {READINGS_MAX} values");
            fault(Reason::TooLarge, detail)
        })?;
        take(Leaf { name, metric, datatype, value });
        Ok(())
    };
    let value = metric.value.as_ref().filter(|_| metric.is_null != Some(true));
    match value {
        Some(metric::Value::Template(bytes)) if depth < DEPTH_MAX => {
            let template: Template = bounded(bytes).map_err(of("a template"))?;
            if template.is_definition == Some(true) {
                return Ok(());
            }
            for member in &template.metrics {
                let Some(own) = &member.name else { continue };
                let path = format!("{name}/{}", utf8(own)?);
                below(&path, member, known, left, depth + 1, take)?;
            }
            Ok(())
        }
        Some(metric::Value::Template(_)) => {
            let detail = format!("templates in templates: {DEPTH_MAX} are read");
            Err(fault(Reason::TooLarge, detail))
        }
        Some(metric::Value::DataSet(bytes)) => {
            let table: DataSet = bounded(bytes).map_err(of("a data set"))?;
            for (row, bytes) in table.rows.iter().enumerate() {
                let elements: Row = bounded(bytes).map_err(of("a data set"))?;
                let columns = table.columns.iter().zip(&table.types);
                for ((column, kind), element) in columns.zip(&elements.elements) {
                    let path = match table.rows.len() {
                        1 => format!("{name}/{column}"),
                        _ => format!("{name}/{column}[{row}]"),
                    };
                    let value = element.value.as_ref().map(|value| read(element_of(value), *kind));
                    leaf(&path, Some(*kind), value)?;
                }
            }
            Ok(())
        }
        Some(metric::Value::Bytes(bytes)) => match kind {
            Some(kind @ datatype::INT8_ARRAY..=datatype::DATE_TIME_ARRAY) => {
                for (at, value) in array(bytes, kind)?.into_iter().enumerate() {
                    leaf(&format!("{name}[{at}]"), Some(kind), Some(value))?;
                }
                Ok(())
            }
            Some(datatype::BYTES | datatype::FILE) => Ok(()),
            kind => Err(other_type("bytes", kind.unwrap_or_default())),
        },
        // A null of many parts has no parts.
        None if kind.is_some_and(|kind| kind > datatype::UUID) => Ok(()),
        None => leaf(name, kind, None),
        Some(value) => {
            let read = match kind {
                Some(kind) => scalar(value, kind),
                None => Err(fault(Reason::WrongType, "no birth says of which type it is")),
            };
            leaf(name, kind, Some(read))
        }
    }
}

/// Says of what a fault is.
fn of(what: &'static str) -> impl Fn(Fault) -> Fault {
    move |mut fault| {
        fault.detail = format!("{what}: {}", fault.detail);
        fault
    }
}

fn corrupt(what: &str) -> Fault {
    fault(Reason::Corrupt, format!("{what} that cannot be read"))
}

fn element_of(value: &element::Value) -> Sent<'_> {
    match value {
        element::Value::Int(bits) => Sent::Int(*bits),
        element::Value::Long(bits) => Sent::Long(*bits),
        element::Value::Float(value) => Sent::Float(*value),
        element::Value::Double(value) => Sent::Double(*value),
        element::Value::Boolean(on) => Sent::Boolean(*on),
        element::Value::String(text) => Sent::Text(text),
    }
}

/// The elements of an array: packed, little-endian; booleans as bits, the first one the highest, behind
/// their number; texts each with a zero behind it.
fn array(bytes: &[u8], kind: u32) -> Result<Vec<Result<Value, Fault>>, Fault> {
    let of = |size: usize, each: &dyn Fn([u8; 8]) -> Sent<'static>, kind: u32| {
        if !bytes.len().is_multiple_of(size) {
            let detail = format!("an array of {} bytes, each element has {size}", bytes.len());
            return Err(fault(Reason::Corrupt, detail));
        }
        let element = |bytes: &[u8]| {
            let mut whole = [0; 8];
            whole.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
            read(each(whole), kind)
        };
        Ok(bytes.chunks_exact(size).take(READINGS_MAX + 1).map(element).collect())
    };
    let bits: &dyn Fn([u8; 8]) -> Sent<'static> = &|bytes| Sent::Long(u64::from_le_bytes(bytes));
    match kind {
        datatype::INT8_ARRAY => of(1, bits, datatype::INT8),
        datatype::UINT8_ARRAY => of(1, bits, datatype::UINT8),
        datatype::INT16_ARRAY => of(2, bits, datatype::INT16),
        datatype::UINT16_ARRAY => of(2, bits, datatype::UINT16),
        datatype::INT32_ARRAY => of(4, bits, datatype::INT32),
        datatype::UINT32_ARRAY => of(4, bits, datatype::UINT32),
        datatype::INT64_ARRAY => of(8, bits, datatype::INT64),
        datatype::UINT64_ARRAY => of(8, bits, datatype::UINT64),
        datatype::DATE_TIME_ARRAY => of(8, bits, datatype::DATE_TIME),
        datatype::FLOAT_ARRAY => {
            let float = |[a, b, c, d, ..]: [u8; 8]| Sent::Float(f32::from_le_bytes([a, b, c, d]));
            of(4, &float, datatype::FLOAT)
        }
        datatype::DOUBLE_ARRAY => {
            of(8, &|bytes| Sent::Double(f64::from_le_bytes(bytes)), datatype::DOUBLE)
        }
        datatype::BOOLEAN_ARRAY => booleans(bytes),
        _ => Ok(bytes
            .strip_suffix(&[0])
            .map(|texts| texts.split(|byte| *byte == 0).take(READINGS_MAX + 1).map(text).collect())
            .unwrap_or_default()),
    }
}

fn booleans(bytes: &[u8]) -> Result<Vec<Result<Value, Fault>>, Fault> {
    let Some((count, bits)) = bytes.split_first_chunk::<4>() else {
        return Err(corrupt("an array of booleans"));
    };
    let count = usize::try_from(u32::from_le_bytes(*count)).unwrap_or(usize::MAX);
    if count.div_ceil(8) != bits.len() {
        return Err(corrupt("an array of booleans"));
    }
    let of_byte = |byte: &u8| {
        let byte = *byte;
        (0..8).rev().map(move |bit| finite(f64::from(byte >> bit & 1)))
    };
    Ok(bits.iter().flat_map(of_byte).take(count.min(READINGS_MAX + 1)).collect())
}

/// What the properties of a metric say: whether its value can be used, and its unit.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Properties {
    /// 0 bad, 192 good, 500 stale, which is missing; good where nothing is said.
    pub quality: SourceQuality,
    /// The engineering unit, if one is named.
    pub unit: Option<String>,
}

/// Reads the properties of a metric.
///
/// # Errors
/// When they are none.
#[inline]
pub fn properties(metric: &Metric) -> Result<Properties, Fault> {
    // Births have them, data mostly not.
    metric.properties.as_ref().map_or_else(|| Ok(Properties::default()), property_set)
}

fn property_set(bytes: &Bytes) -> Result<Properties, Fault> {
    let mut said = Properties::default();
    let set: PropertySet = bounded(bytes).map_err(of("a property set"))?;
    for (key, value) in set.keys.iter().zip(set.values) {
        match value.value.filter(|_| value.is_null != Some(true)) {
            Some(property::Value::Int(code)) if key == QUALITY_KEY => {
                said.quality = quality(u64::from(code));
            }
            Some(property::Value::Long(code)) if key == QUALITY_KEY => said.quality = quality(code),
            Some(property::Value::String(unit))
                if UNIT_KEYS.iter().any(|known| known.eq_ignore_ascii_case(key))
                    && !unit.trim().is_empty() =>
            {
                said.unit = Some(unit);
            }
            _ => {}
        }
    }
    Ok(said)
}

/// The specification knows 0, 192 and 500; gateways also write the codes of OPC DA between them.
fn quality(code: u64) -> SourceQuality {
    match code {
        192..=255 => SourceQuality::Good,
        64..=191 => SourceQuality::Uncertain,
        // Also 500, which is stale.
        _ => SourceQuality::Bad,
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::limits::TEXT_BYTES_MAX;
    use super::super::super::value::number;
    use super::super::wire::{Element, PropertyValue};
    use super::*;
    use metric::Value as V;
    use prost::Message;

    fn with(datatype: u32, value: V) -> Metric {
        Metric { datatype: Some(datatype), value: Some(value), ..Metric::default() }
    }

    /// Names and values of a metric called `m`.
    fn flat(metric: &Metric) -> Result<Vec<String>, Reason> {
        let mut out = Vec::new();
        let mut take = |leaf: Leaf<'_>| {
            let value = match leaf.value {
                None => "null".to_owned(),
                Some(Err(fault)) => fault.reason.as_str().to_owned(),
                Some(Ok(Value::Text(text))) => format!("\"{text}\""),
                Some(Ok(Value::Number(number))) => number.get().to_string(),
            };
            out.push(format!("{}={value}", leaf.name));
        };
        leaves("m", metric, &|_| None, &mut take).map_err(|fault| fault.reason)?;
        Ok(out)
    }

    #[test]
    fn scalars_are_read_as_their_type_says() {
        for (datatype, sent, expected) in [
            (datatype::INT8, V::Int(0xffff_fffe), -2.0),
            (datatype::INT8, V::Int(0xfe), -2.0),
            (datatype::INT16, V::Int(0xfffe), -2.0),
            (datatype::INT32, V::Int(0xffff_fffe), -2.0),
            (datatype::INT32, V::Long(0xffff_fffe), -2.0),
            (datatype::UINT8, V::Int(0xfe), 254.0),
            (datatype::UINT16, V::Int(0xfffe), 65534.0),
            (datatype::UINT32, V::Int(0xffff_fffe), 4_294_967_294.0),
            (datatype::UINT32, V::Long(0xffff_fffe), 4_294_967_294.0),
            (datatype::INT64, V::Long(u64::MAX), -1.0),
            (datatype::UINT64, V::Long(1 << 53), 9_007_199_254_740_992.0),
            (datatype::FLOAT, V::Float(0.5), 0.5),
            (datatype::FLOAT, V::Double(0.5), 0.5),
            (datatype::DOUBLE, V::Double(-0.0), 0.0),
            (datatype::BOOLEAN, V::Boolean(true), 1.0),
        ] {
            assert_eq!(scalar(&sent, datatype), Ok(number(expected)), "{datatype} {sent:?}");
        }
        let text = |text: &str| Ok(Value::Text(text.into()));
        let words = V::String(Bytes::from_static(b"FT"));
        assert_eq!(scalar(&words, datatype::STRING), text("FT"));
        assert_eq!(scalar(&V::Long(u64::MAX), datatype::UINT64), text("18446744073709551615"));
        assert_eq!(scalar(&V::Long((1 << 53) + 1), datatype::INT64), text("9007199254740993"));
        let at = scalar(&V::Long(1_700_000_000_000), datatype::DATE_TIME);
        assert_eq!(at, text("2023-11-14T22:13:20Z"));
    }

    #[test]
    fn what_is_of_another_type_is_refused() {
        let long = Bytes::from("x".repeat(TEXT_BYTES_MAX + 1));
        for (datatype, sent, reason) in [
            (datatype::DOUBLE, V::Double(f64::NAN), Reason::NotFinite),
            (datatype::FLOAT, V::Float(f32::INFINITY), Reason::NotFinite),
            (datatype::DOUBLE, V::Int(1), Reason::WrongType),
            (datatype::INT32, V::Double(1.0), Reason::WrongType),
            (datatype::BOOLEAN, V::Int(1), Reason::WrongType),
            (datatype::STRING, V::Boolean(true), Reason::WrongType),
            (datatype::STRING, V::String(long), Reason::TooLarge),
            (datatype::STRING, V::String(Bytes::from_static(b"\xff")), Reason::NotUtf8),
            (datatype::DATE_TIME, V::Long(u64::MAX), Reason::BadTime),
            (datatype::STRING, V::Bytes(Bytes::new()), Reason::WrongType),
            (99, V::Int(1), Reason::WrongType),
        ] {
            let read = scalar(&sent, datatype).map_err(|fault| fault.reason);
            assert_eq!(read, Err(reason), "{datatype} {sent:?}");
        }
    }

    /// The bytes are those of the specification's examples, where it has one.
    #[test]
    fn arrays_are_their_elements() {
        #[track_caller]
        fn check(datatype: u32, bytes: &[u8], expected: &[&str]) {
            let expected: Vec<String> =
                expected.iter().enumerate().map(|(n, value)| format!("m[{n}]={value}")).collect();
            let value = V::Bytes(Bytes::copy_from_slice(bytes));
            assert_eq!(flat(&with(datatype, value)), Ok(expected), "{datatype}");
        }
        check(datatype::INT8_ARRAY, &[0xef, 0x7b], &["-17", "123"]);
        check(datatype::UINT8_ARRAY, &[0xef, 0x7b], &["239", "123"]);
        check(datatype::INT16_ARRAY, &[0xd0, 0x8a, 0x30, 0x75], &["-30000", "30000"]);
        check(datatype::UINT16_ARRAY, &[0x1e, 0x00, 0x88, 0xcc], &["30", "52360"]);
        let words = [0xff, 0xff, 0xff, 0xff, 0xfa, 0xaf, 0xcb, 0x12];
        check(datatype::INT32_ARRAY, &words, &["-1", "315338746"]);
        check(datatype::UINT32_ARRAY, &words, &["4294967295", "315338746"]);
        check(datatype::INT64_ARRAY, &[0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], &["-2"]);
        check(datatype::UINT64_ARRAY, &[2, 0, 0, 0, 0, 0, 0, 0], &["2"]);
        check(datatype::FLOAT_ARRAY, &[0, 0, 0, 0x3f], &["0.5"]);
        check(datatype::DOUBLE_ARRAY, &[0, 0, 0, 0, 0, 0, 0xe0, 0x3f], &["0.5"]);
        check(
            datatype::BOOLEAN_ARRAY,
            &[12, 0, 0, 0, 0x34, 0xd0],
            &["0", "0", "1", "1", "0", "1", "0", "0", "1", "1", "0", "1"],
        );
        check(datatype::STRING_ARRAY, b"ABC\0hello\0", &["\"ABC\"", "\"hello\""]);
        check(datatype::STRING_ARRAY, b"", &[]);
        check(
            datatype::DATE_TIME_ARRAY,
            &1_700_000_000_000_u64.to_le_bytes(),
            &["\"2023-11-14T22:13:20Z\""],
        );
        for (datatype, bytes) in [
            (datatype::INT16_ARRAY, &[1, 2, 3][..]),
            (datatype::BOOLEAN_ARRAY, &[9, 0, 0, 0, 0xff]),
            (datatype::BOOLEAN_ARRAY, &[255, 255, 255, 255]),
            (datatype::BOOLEAN_ARRAY, &[0]),
        ] {
            let value = V::Bytes(Bytes::copy_from_slice(bytes));
            assert_eq!(flat(&with(datatype, value)), Err(Reason::Corrupt));
        }
        let many = V::Bytes(vec![0; READINGS_MAX + 1].into());
        assert_eq!(flat(&with(datatype::INT8_ARRAY, many)), Err(Reason::TooLarge));
    }

    #[test]
    fn templates_and_data_sets_are_their_parts_and_files_have_none() {
        let member = |name: &'static str, metric: Metric| Metric {
            name: Some(Bytes::from_static(name.as_bytes())),
            ..metric
        };
        let template = |metrics: Vec<Metric>, definition: bool| {
            let is_definition = Some(definition);
            let template = Template { metrics, is_definition, ..Template::default() };
            with(datatype::TEMPLATE, V::Template(template.encode_to_vec().into()))
        };
        let speed = member("speed", with(datatype::FLOAT, V::Float(2.0)));
        let null =
            Metric { is_null: Some(true), datatype: Some(datatype::INT32), ..Metric::default() };
        let inner = member("motor", template(vec![speed, member("amps", null)], false));
        let whole = template(vec![inner.clone()], false);
        assert_eq!(
            flat(&whole),
            Ok(vec!["m/motor/speed=2".to_owned(), "m/motor/amps=null".to_owned()])
        );
        assert_eq!(
            flat(&template(vec![inner], true)),
            Ok(Vec::new()),
            "a definition has no values"
        );
        let deep = (0..20).fold(with(datatype::INT8, V::Int(1)), |inner, _| {
            template(vec![member("x", inner)], false)
        });
        assert_eq!(flat(&deep), Err(Reason::TooLarge));

        let table = |rows: Vec<i32>| {
            let element = |value| Element { value: Some(value) };
            let row = |n: i32| Row {
                elements: vec![
                    element(element::Value::Int(n.cast_unsigned())),
                    element(element::Value::String(Bytes::from_static(b"ok"))),
                ],
            };
            let set = DataSet {
                num_of_columns: Some(2),
                columns: vec!["n".to_owned(), "state".to_owned()],
                types: vec![datatype::INT32, datatype::STRING],
                rows: rows.into_iter().map(|n| row(n).encode_to_vec().into()).collect(),
            };
            with(datatype::DATA_SET, V::DataSet(set.encode_to_vec().into()))
        };
        let one = ["m/n=-3", "m/state=\"ok\""].map(str::to_owned);
        assert_eq!(flat(&table(vec![-3])), Ok(one.to_vec()));
        let two = ["m/n[0]=1", "m/state[0]=\"ok\"", "m/n[1]=2", "m/state[1]=\"ok\""];
        assert_eq!(flat(&table(vec![1, 2])), Ok(two.map(str::to_owned).to_vec()));
        let file = with(datatype::FILE, V::Bytes(Bytes::from_static(b"x")));
        assert_eq!(flat(&file), Ok(Vec::new()));
        let broken = with(datatype::TEMPLATE, V::Template(Bytes::from_static(b"\x12\xff")));
        assert_eq!(flat(&broken), Err(Reason::Corrupt));
    }

    #[test]
    fn properties_say_quality_and_unit() {
        #[track_caller]
        fn check(key: &str, value: property::Value, quality: SourceQuality, unit: Option<&str>) {
            let value = PropertyValue { value: Some(value), ..PropertyValue::default() };
            let set = PropertySet { keys: vec![key.to_owned()], values: vec![value] };
            let bytes = Some(set.encode_to_vec().into());
            let metric = Metric { properties: bytes, ..Metric::default() };
            let unit = unit.map(str::to_owned);
            assert_eq!(properties(&metric), Ok(Properties { quality, unit }), "{key}");
        }
        use SourceQuality::{Bad, Good, Uncertain};
        use property::Value as P;
        check("Quality", P::Int(192), Good, None);
        check("Quality", P::Int(0), Bad, None);
        check("Quality", P::Int(500), Bad, None);
        check("Quality", P::Int(u32::MAX), Bad, None);
        check("Quality", P::Long(64), Uncertain, None);
        check("engUnit", P::String("bar".to_owned()), Good, Some("bar"));
        check("EngUnit", P::String("bar".to_owned()), Good, Some("bar"));
        check("engUnit", P::String(" ".to_owned()), Good, None);
        check("engLow", P::Double(1.0), Good, None);
        assert_eq!(properties(&Metric::default()), Ok(Properties::default()));
        let broken =
            Metric { properties: Some(Bytes::from_static(b"\x12\xff")), ..Metric::default() };
        assert_eq!(properties(&broken).unwrap_err().reason, Reason::Corrupt);
    }
}

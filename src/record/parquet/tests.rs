//! Files as the crate's own writer makes them; those of another implementation are in `tests/it`.

#![expect(clippy::cast_precision_loss, reason = "small test numbers")]

use super::super::{Options, Record, RecordError, Recording};
use super::*;
use crate::decode::TimeUnit;
use ::parquet::basic::{Compression, Encoding, GzipLevel, ZstdLevel};
use ::parquet::data_type::{
    BoolType, ByteArrayType, DataType, DoubleType, FixedLenByteArrayType, FloatType, Int32Type,
    Int64Type, Int96, Int96Type,
};
use ::parquet::file::properties::{WriterProperties, WriterVersion};
use ::parquet::file::writer::{SerializedColumnWriter, SerializedFileWriter};
use ::parquet::schema::parser::parse_message_type;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::Duration;

/// The values of a column in one row group.
#[derive(Debug, Clone)]
enum Data {
    I32(Vec<Option<i32>>),
    I64(Vec<Option<i64>>),
    I96(Vec<Option<[u32; 3]>>),
    F32(Vec<Option<f32>>),
    F64(Vec<Option<f64>>),
    Bool(Vec<Option<bool>>),
    Bytes(Vec<Option<&'static [u8]>>),
    Fixed(Vec<Option<&'static [u8]>>),
}

fn put<T: DataType>(column: &mut SerializedColumnWriter<'_>, values: Vec<Option<T::T>>) {
    let levels: Vec<i16> = values.iter().map(|value| i16::from(value.is_some())).collect();
    let values: Vec<T::T> = values.into_iter().flatten().collect();
    column.typed::<T>().write_batch(&values, Some(&levels), None).unwrap();
}

/// A file of row groups, and its directory.
fn file(
    schema: &str,
    groups: &[Vec<Data>],
    properties: WriterProperties,
) -> (tempfile::TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    // Its name does not say what it is.
    let path = directory.path().join("r.bin");
    let schema = Arc::new(parse_message_type(schema).unwrap());
    let out = std::fs::File::create(&path).unwrap();
    let mut writer = SerializedFileWriter::new(out, schema, Arc::new(properties)).unwrap();
    for group in groups {
        let mut rows = writer.next_row_group().unwrap();
        for data in group {
            let mut column = rows.next_column().unwrap().unwrap();
            let into = &mut column;
            match data.clone() {
                Data::I32(values) => put::<Int32Type>(into, values),
                Data::I64(values) => put::<Int64Type>(into, values),
                Data::F32(values) => put::<FloatType>(into, values),
                Data::F64(values) => put::<DoubleType>(into, values),
                Data::Bool(values) => put::<BoolType>(into, values),
                Data::I96(values) => {
                    let of = |parts: [u32; 3]| Int96::from(parts.to_vec());
                    put::<Int96Type>(into, values.into_iter().map(|v| v.map(of)).collect());
                }
                Data::Bytes(values) => {
                    put::<ByteArrayType>(
                        into,
                        values.into_iter().map(|v| v.map(Into::into)).collect(),
                    );
                }
                Data::Fixed(values) => {
                    let of = |bytes: &[u8]| bytes.to_vec().into();
                    put::<FixedLenByteArrayType>(
                        into,
                        values.into_iter().map(|v| v.map(of)).collect(),
                    );
                }
            }
            column.close().unwrap();
        }
        rows.close().unwrap();
    }
    writer.close().unwrap();
    (directory, path)
}

fn plain() -> WriterProperties {
    WriterProperties::builder().build()
}

fn seconds() -> Options {
    Options { time_unit: TimeUnit::Seconds, ..Options::default() }
}

/// What is said of a file: the notes of its survey, its columns, and its records until an error.
fn told(path: &Path, options: Options) -> String {
    let said = || -> std::result::Result<String, RecordError> {
        let mut recording = Recording::open(&[path.to_owned()], options)?;
        let mut words = recording.survey(Duration::ZERO)?.notes;
        words.push(format!("{} |", recording.columns().join(",")));
        for record in recording.records()? {
            words.push(match record? {
                Record::Row { at, values } => format!("{}:{values:?}", at.as_nanos()),
                Record::Sample { at, tag, value, quality } => {
                    format!("{}:{tag}={value:?} {quality:?}", at.as_nanos())
                }
            });
        }
        Ok(words.join(" "))
    };
    let words = said().unwrap_or_else(|error| error.to_string());
    words.replace(&path.display().to_string(), "r")
}

#[track_caller]
fn check(schema: &str, columns: Vec<Data>, options: Options, expected: &str) {
    let (_directory, path) = file(schema, &[columns], plain());
    assert_eq!(told(&path, options), expected);
}

/// A time that every form can hold, s.
const AT: i64 = 1_769_126_400;

#[test]
fn times_of_all_types() {
    let i64s = |at| Data::I64(vec![Some(at)]);
    for (column, data) in [
        ("required int64 t (TIMESTAMP(MILLIS,true))", i64s(AT * 1000)),
        ("optional int64 t (TIMESTAMP(MICROS,false))", i64s(AT * 1_000_000)),
        ("optional int64 t (TIMESTAMP(NANOS,true))", i64s(AT * 1_000_000_000)),
        ("optional int64 t (TIMESTAMP_MILLIS)", i64s(AT * 1000)),
        ("optional int64 t (TIMESTAMP_MICROS)", i64s(AT * 1_000_000)),
        ("optional int64 t", i64s(AT)),
        ("required int32 t", Data::I32(vec![Some(1_769_126_400)])),
        ("required int32 t (INTEGER(32,false))", Data::I32(vec![Some(1_769_126_400)])),
        ("optional double t", Data::F64(vec![Some(1_769_126_400.0)])),
        ("optional binary t (UTF8)", Data::Bytes(vec![Some(b"2026-01-23T08:00:00+08:00")])),
        ("optional binary t", Data::Bytes(vec![Some(b" 2026/01/23 00:00 ")])),
        ("optional int96 t", Data::I96(vec![Some([0, 0, 2_461_064])])),
        ("optional int32 t (DATE)", Data::I32(vec![Some(20_476)])),
        ("optional int64 t (DECIMAL(18,2))", i64s(AT * 100)),
    ] {
        let value = Data::F64(vec![Some(0.5)]);
        let options = Options { time: Some("t".into()), ..seconds() };
        let (_directory, path) = file(
            &format!("message m {{ {column}; optional double a; }}"),
            &[vec![data, value]],
            plain(),
        );
        assert_eq!(told(&path, options), "a | 1769126400000000000:[0.5]", "{column}");
    }
}

#[test]
fn times_that_are_none_say_where_they_stand() {
    let wide = |time: &str| format!("message m {{ optional {time}; optional double a; }}");
    let values = || Data::F64(vec![Some(1.0), Some(2.0)]);
    for (time, data, words) in [
        (
            "int64 time (TIMESTAMP(MILLIS,true))",
            Data::I64(vec![Some(1), None]),
            "`r`, row 2 (row group 1), column `time`: `` is no time: RFC 3339 or a number is wanted",
        ),
        (
            "int64 time (TIMESTAMP(MICROS,true))",
            Data::I64(vec![Some(i64::MAX), None]),
            "`r`, row 1 (row group 1), column `time`: `9223372036854775807 us` is outside the years 1677 to 2262",
        ),
        (
            "int64 time",
            Data::I64(vec![Some(AT * 1_000_000_000), None]),
            "`r`, row 1 (row group 1), column `time`: `1769126400000000000` s is outside the years 1677 to 2262; \
             did you mean `--time-unit ns`?",
        ),
        (
            "double time",
            Data::F64(vec![Some(5.0), Some(f64::NAN)]),
            "`r`, row 2 (row group 1), column `time`: `NaN` is no time: RFC 3339 or a number is wanted",
        ),
        (
            "int32 time (TIME(MILLIS,true))",
            Data::I32(vec![Some(5), None]),
            "`r`, row 1 (row group 1), column `time`: `5 of the day` is no time: RFC 3339 or a number is wanted",
        ),
        (
            "boolean time",
            Data::Bool(vec![Some(true), None]),
            "`r`, row 1 (row group 1), column `time`: `true` is no time: RFC 3339 or a number is wanted",
        ),
    ] {
        check(&wide(time), vec![data, values()], seconds(), words);
    }
    check(
        &wide("int64 time"),
        vec![Data::I64(vec![Some(AT), Some(AT)]), values()],
        Options::default(),
        "`r`, row 1 (row group 1), column `time`: `1769126400` ms is 1970-01-21T11:25:26.4Z; \
         did you mean `--time-unit s`?",
    );
}

#[test]
fn numbers_of_all_types_and_holes() {
    for (column, data, expected) in [
        ("double a", Data::F64(vec![Some(0.1), None, Some(f64::INFINITY)]), "[0.1] [NaN] [NaN]"),
        ("float a", Data::F32(vec![Some(0.1), None, None]), "[0.10000000149011612] [NaN] [NaN]"),
        ("int32 a", Data::I32(vec![Some(-7), None, Some(8)]), "[-7.0] [NaN] [8.0]"),
        (
            "int32 a (INTEGER(32,false))",
            Data::I32(vec![Some(-1), None, Some(8)]),
            "[4294967295.0] [NaN] [8.0]",
        ),
        (
            "int64 a (INTEGER(64,false))",
            Data::I64(vec![Some(-1), None, Some(8)]),
            "[1.8446744073709552e19] [NaN] [8.0]",
        ),
        ("boolean a", Data::Bool(vec![Some(true), None, Some(false)]), "[1.0] [NaN] [0.0]"),
        (
            "int32 a (DECIMAL(9,2))",
            Data::I32(vec![Some(1510), None, Some(-1)]),
            "[15.1] [NaN] [-0.01]",
        ),
        (
            "binary a (DECIMAL(20,3))",
            Data::Bytes(vec![Some(b"\xff\x85"), None, Some(b"\0\x7b")]),
            "[-0.123] [NaN] [0.123]",
        ),
        (
            "fixed_len_byte_array(3) a (DECIMAL(5,1))",
            Data::Fixed(vec![Some(b"\0\0\x97"), None, Some(b"\xff\xff\xff")]),
            "[15.1] [NaN] [-0.1]",
        ),
        (
            "fixed_len_byte_array(2) a (FLOAT16)",
            Data::Fixed(vec![Some(b"\0\x3e"), Some(b"\0\x7c"), Some(b"\x01\x80")]),
            "[1.5] [NaN] [-5.960464477539063e-8]",
        ),
        (
            "binary a (UTF8)",
            Data::Bytes(vec![Some(b" 2.5 "), None, Some(b"4")]),
            "[2.5] [NaN] [4.0]",
        ),
    ] {
        let schema = format!("message m {{ optional {column}; }}");
        let options = Options { period: Some(Duration::from_nanos(1)), ..Options::default() };
        let (_directory, path) = file(&schema, &[vec![data]], plain());
        let told = told(&path, options);
        let values: Vec<&str> =
            told.split(&[' ', ':'][..]).filter(|part| part.starts_with('[')).collect();
        assert_eq!(values.join(" "), expected, "{column}: {told}");
    }
}

#[test]
fn columns_that_are_no_numbers_are_left_out_as_those_of_csv() {
    check(
        "message m { required int64 time; optional double a; optional binary note (UTF8);
            optional int64 sent (TIMESTAMP(MILLIS,true)); optional fixed_len_byte_array(2) id; }",
        vec![
            Data::I64(vec![Some(AT)]),
            Data::F64(vec![Some(1.0)]),
            Data::Bytes(vec![Some(b"two\nlines")]),
            Data::I64(vec![Some(0)]),
            Data::Fixed(vec![Some(b"\x01\xff")]),
        ],
        seconds(),
        "column `note` is text and left out: 1 of 1 values are no numbers, the first `two lines` in row 1 (row group 1) \
         column `sent` is text and left out: 1 of 1 values are no numbers, the first `1970-01-01T00:00:00Z` in row 1 (row group 1) \
         column `id` is text and left out: 1 of 1 values are no numbers, the first `0x01ff` in row 1 (row group 1) \
         a | 1769126400000000000:[1.0]",
    );
}

#[test]
fn long_tables() {
    check(
        "message m { required int64 time; required binary tag (UTF8); optional double value; optional int32 quality; }",
        vec![
            Data::I64(vec![Some(AT), Some(AT), Some(AT + 1), Some(AT + 1)]),
            Data::Bytes(vec![Some(b"a"), Some(b"b"), Some(b"a"), Some(b"b")]),
            Data::F64(vec![Some(2.5), None, Some(f64::NAN), Some(4.0)]),
            Data::I32(vec![Some(192), Some(192), Some(0), None]),
        ],
        seconds(),
        " | 1769126400000000000:a=Number(Finite(2.5)) Good 1769126401000000000:b=Number(Finite(4.0)) Good",
    );
    check(
        "message m { required int64 time; required binary tag (UTF8); optional binary value (UTF8); optional boolean quality; }",
        vec![
            Data::I64(vec![Some(AT), Some(AT)]),
            Data::Bytes(vec![Some(b"a"), Some(b"b")]),
            Data::Bytes(vec![Some(b"FT\n150"), Some(b"2.5")]),
            Data::Bool(vec![Some(true), Some(false)]),
        ],
        seconds(),
        " | 1769126400000000000:a=Text(\"FT\\n150\") Good 1769126400000000000:b=Number(Finite(2.5)) Bad",
    );
    check(
        "message m { required int64 time; required binary tag; optional int32 value; }",
        vec![
            Data::I64(vec![Some(AT), Some(AT)]),
            Data::Bytes(vec![Some(b"a"), Some(b"\xb5m")]),
            Data::I32(vec![Some(1), Some(2)]),
        ],
        seconds(),
        "`r`, row 2 (row group 1), column `tag`: its bytes are no UTF-8 text: write text, or leave it out with `--ignore`",
    );
}

#[test]
fn nested_columns_and_codecs_that_are_not_here_are_named() {
    let schema = "message m { required int64 time; optional double a; optional group g { optional double x; optional double y; } }";
    let columns = || {
        let one = || Data::F64(vec![None]);
        vec![Data::I64(vec![Some(AT)]), Data::F64(vec![Some(1.0)]), one(), one()]
    };
    check(
        schema,
        columns(),
        seconds(),
        "`r` has the column `g`, which is nested: write its values as columns of their own, or leave it out with `--ignore g`",
    );
    check(
        schema,
        columns(),
        Options { ignore: vec!["g".into()], ..seconds() },
        "a | 1769126400000000000:[1.0]",
    );
    let (_directory, path) =
        file("message m { required int64 time; repeated double a; }", &[], plain());
    assert!(told(&path, seconds()).contains("the column `a`, which is nested"));
}

/// A long table over three row groups and many pages, a hole in every seventh row.
fn long(properties: WriterProperties) -> (tempfile::TempDir, PathBuf) {
    let group = |rows: std::ops::Range<i64>| {
        let tag =
            |n: i64| [&b"steam"[..], b"steam_flow", b"speed"][usize::try_from(n % 3).unwrap()];
        vec![
            Data::I64(rows.clone().map(|n| Some(AT + n)).collect()),
            Data::Bytes(rows.clone().map(|n| Some(tag(n))).collect()),
            Data::F64(rows.map(|n| (n % 7 != 0).then_some(n as f64 / 8.0)).collect()),
        ]
    };
    let schema =
        "message m { required int64 time; required binary tag (UTF8); optional double value; }";
    file(schema, &[group(0..2000), group(2000..2001), group(2001..5000)], properties)
}

#[test]
fn every_codec_encoding_and_page_gives_the_same_rows() {
    let mut expected = String::new();
    for n in (0..5000).filter(|n| n % 7 != 0) {
        let tag = ["steam", "steam_flow", "speed"][usize::try_from(n % 3).unwrap()];
        let (at, value) = (AT + n, n as f64 / 8.0);
        write!(expected, " {at}000000000:{tag}=Number(Finite({value:?})) Good").unwrap();
    }
    let (v1, v2) = (WriterVersion::PARQUET_1_0, WriterVersion::PARQUET_2_0);
    for (codec, version, numbers, texts) in [
        (Compression::UNCOMPRESSED, v1, Encoding::PLAIN, Encoding::PLAIN),
        (Compression::SNAPPY, v1, Encoding::DELTA_BINARY_PACKED, Encoding::DELTA_LENGTH_BYTE_ARRAY),
        (Compression::SNAPPY, v2, Encoding::DELTA_BINARY_PACKED, Encoding::DELTA_BYTE_ARRAY),
        (Compression::LZ4, v1, Encoding::DELTA_BINARY_PACKED, Encoding::DELTA_BYTE_ARRAY),
        (Compression::LZ4_RAW, v2, Encoding::PLAIN, Encoding::DELTA_LENGTH_BYTE_ARRAY),
        (Compression::GZIP(GzipLevel::default()), v2, Encoding::BYTE_STREAM_SPLIT, Encoding::PLAIN),
    ] {
        let properties = WriterProperties::builder()
            .set_compression(codec)
            .set_writer_version(version)
            .set_dictionary_enabled(false)
            .set_data_page_row_count_limit(700)
            .set_write_batch_size(100)
            .set_column_encoding("time".into(), numbers)
            .set_column_encoding("tag".into(), texts)
            .set_column_encoding("value".into(), Encoding::BYTE_STREAM_SPLIT);
        let (_directory, path) = long(properties.build());
        assert!(told(&path, seconds()) == format!(" |{expected}"), "{codec} {numbers} {texts}");
    }
    for (codec, version) in
        [(Compression::ZSTD(ZstdLevel::default()), v1), (Compression::SNAPPY, v2)]
    {
        let properties = WriterProperties::builder()
            .set_compression(codec)
            .set_writer_version(version)
            .set_data_page_row_count_limit(700)
            .set_write_batch_size(100);
        let (_directory, path) = long(properties.build());
        assert!(told(&path, seconds()) == format!(" |{expected}"), "{codec}, by dictionary");
    }
}

#[test]
fn csv_and_parquet_are_one_recording_if_their_columns_are_the_same() {
    let schema = "message m { required int64 time; optional double a; }";
    let columns =
        vec![Data::I64(vec![Some(AT), Some(AT + 2)]), Data::F64(vec![Some(0.0), Some(2.0)])];
    let (directory, path) = file(schema, &[columns], plain());
    let csv = directory.path().join("r.csv");
    std::fs::write(&csv, format!("time,a\n{},1\n{},3\n", AT + 1, AT + 3)).unwrap();
    let paths = [csv.clone(), path.clone()];
    let recording = Recording::open(&paths, seconds()).unwrap();
    let values: Vec<f64> = recording
        .records()
        .unwrap()
        .flat_map(|record| match record.unwrap() {
            Record::Row { values, .. } => values,
            Record::Sample { .. } => unreachable!("the table is wide"),
        })
        .collect();
    assert_eq!(values, [0.0, 1.0, 2.0, 3.0]);
    std::fs::write(&csv, "time,b\n").unwrap();
    let error = Recording::open(&paths, seconds()).unwrap_err().to_string();
    assert!(error.ends_with(&format!("has other columns than `{}`", csv.display())), "{error}");
}

#[test]
fn rows_out_of_order_are_sorted() {
    let schema = "message m { required int64 time; optional double a; }";
    let group = |from: i64| {
        let rows = (0..50).map(|n| from - n);
        vec![
            Data::I64(rows.clone().map(Some).collect()),
            Data::F64(rows.map(|n| Some(n as f64)).collect()),
        ]
    };
    let (_directory, path) = file(schema, &[group(AT + 99), group(AT + 49)], plain());
    let told = told(&path, seconds());
    assert!(
        told.starts_with(&format!(
            "`r` is not in order of time: its 100 records are sorted a | {AT}0"
        )),
        "{told}"
    );
}

#[test]
fn files_that_are_not_whole_are_refused_with_what_to_do() {
    let (directory, path) = long(plain());
    let whole = std::fs::read(&path).unwrap();
    let said = |name: &str, bytes: &[u8]| {
        let path = directory.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        told(&path, seconds())
    };
    let cut = "`r` begins as a Parquet file and does not end as one: it was cut off; copy it whole";
    for length in [4, 8, 11, whole.len() / 2, whole.len() - 1] {
        assert_eq!(said("cut", &whole[..length]), cut, "{length}");
    }
    let locked = "`r` is an encrypted Parquet file: write it without encryption";
    let mut bytes = whole.clone();
    bytes[..4].copy_from_slice(b"PARE");
    let end = bytes.len() - 4;
    bytes[end..].copy_from_slice(b"PARE");
    assert_eq!(said("locked", &bytes), locked);
    let text = "`r` is called Parquet and is none: give CSV another name";
    assert_eq!(said("r.parquet", b"time,a\n1,2\n"), text);
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut gzip, &whole).unwrap();
    let zipped = "`r` is a Parquet file within gzip: unpack it first";
    assert_eq!(said("r.gz", &gzip.finish().unwrap()), zipped);
    let mut bytes = whole.clone();
    let footer = bytes.len() - 20;
    bytes[footer..footer + 12].fill(0xff);
    assert!(said("footer", &bytes).starts_with("`r` has no footer that can be read ("));
    // The first page of the first column: its header, and what it says to have.
    let mut bytes = whole.clone();
    bytes[4..10].fill(0xff);
    let told = said("page", &bytes);
    let begin = "`r`, row 1 (row group 1), column `time`: it cannot be decoded from there on (";
    assert!(
        told.starts_with(begin)
            && told.ends_with("): the file is damaged or encrypted, write it anew"),
        "{told}"
    );
    let mut bytes = whole;
    bytes.splice(7..10, [0xfe, 0xff, 0xff, 0xff, 0x0f]);
    let told = said("large", &bytes);
    assert!(told.contains("(a page of 2147483647 bytes, 268435456 are allowed)"), "{told}");
}

#[test]
fn panic_of_the_decoder_is_an_error() {
    let said = guarded(|| -> std::result::Result<(), ParquetError> { panic!("no such thing") });
    assert_eq!(said, Err("its parts contradict each other".to_owned()));
}

/// Every byte of a small file as others, one at a time: an error or rows, and never a panic.
#[test]
fn no_damaged_byte_is_a_panic() {
    let schema =
        "message m { required int64 time; required binary tag (UTF8); optional double value; }";
    let columns = vec![
        Data::I64((0..9).map(|n| Some(AT + n)).collect()),
        Data::Bytes((0..9).map(|_| Some(&b"a"[..])).collect()),
        Data::F64((0..9).map(|n| (n != 3).then_some(1.5)).collect()),
    ];
    let (directory, path) = file(schema, &[columns], plain());
    let whole = std::fs::read(&path).unwrap();
    let path = directory.path().join("damaged");
    let mut refused = 0;
    for place in 0..whole.len() {
        for damaged in [whole[place] ^ 1, !whole[place]] {
            let mut bytes = whole.clone();
            bytes[place] = damaged;
            std::fs::write(&path, &bytes).unwrap();
            refused += usize::from(told(&path, seconds()).starts_with('`'));
        }
    }
    assert!(refused > whole.len() / 2, "{refused} of {}", whole.len() * 2);
}

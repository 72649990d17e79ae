//! What the values of a column are.

use super::super::cell::Cell;
use crate::decode::TimeUnit;
use crate::reading::hex;
use ::parquet::basic::{ConvertedType, LogicalType, TimeUnit as Unit, Type};
use ::parquet::data_type::{ByteArray, Int96};
use ::parquet::schema::types::ColumnDescriptor;

/// 1970-01-01 as a Julian day.
const EPOCH_DAY: i64 = 2_440_588;
const DAY: i64 = 86_400;

/// How the values of a column are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// As the physical type says: numbers, or texts.
    Plain,
    /// Integers without a sign.
    Unsigned,
    /// Times since 1970; those of no zone are taken as UTC.
    Instant(TimeUnit),
    /// Days since 1970.
    Days,
    /// Times of day, which are no times.
    OfDay,
    /// Integers of which so many digits stand behind the point.
    Decimal(i32),
    /// Floats of 16 bits.
    Half,
}

/// A value, apart from the column it was in.
#[derive(Debug, Clone)]
pub(super) enum Slot {
    Empty,
    Whole(i64),
    Number(f64),
    Truth(bool),
    Time(i64, TimeUnit),
    /// Text, shared with its page.
    Text(ByteArray),
    /// Text made of something else.
    Words(Box<str>),
}

impl Slot {
    pub(super) fn cell(&self) -> Cell<'_> {
        match self {
            Self::Empty => Cell::Empty,
            Self::Whole(whole) => Cell::Whole(*whole),
            Self::Number(number) => Cell::Number(*number),
            Self::Truth(yes) => Cell::Truth(*yes),
            Self::Time(count, unit) => Cell::Time(*count, *unit),
            // It was looked at when it was read.
            Self::Text(bytes) => Cell::Text(bytes.as_utf8().unwrap_or_default().trim()),
            Self::Words(text) => Cell::Text(text),
        }
    }
}

impl Kind {
    pub(super) fn of(column: &ColumnDescriptor) -> Self {
        let of_unit = |unit: &Unit| match unit {
            Unit::MILLIS => TimeUnit::Millis,
            Unit::MICROS => TimeUnit::Micros,
            Unit::NANOS => TimeUnit::Nanos,
        };
        match column.logical_type_ref() {
            Some(LogicalType::Timestamp(time)) => return Self::Instant(of_unit(&time.unit)),
            Some(LogicalType::Date) => return Self::Days,
            Some(LogicalType::Time(_)) => return Self::OfDay,
            Some(LogicalType::Decimal(decimal)) => return Self::Decimal(decimal.scale),
            Some(LogicalType::Integer(integer)) if !integer.is_signed => return Self::Unsigned,
            Some(LogicalType::Float16) => return Self::Half,
            _ => {}
        }
        // What older writers say instead.
        match column.converted_type() {
            ConvertedType::TIMESTAMP_MILLIS => Self::Instant(TimeUnit::Millis),
            ConvertedType::TIMESTAMP_MICROS => Self::Instant(TimeUnit::Micros),
            ConvertedType::DATE => Self::Days,
            ConvertedType::TIME_MILLIS | ConvertedType::TIME_MICROS => Self::OfDay,
            ConvertedType::DECIMAL => Self::Decimal(column.type_scale()),
            ConvertedType::UINT_8
            | ConvertedType::UINT_16
            | ConvertedType::UINT_32
            | ConvertedType::UINT_64 => Self::Unsigned,
            _ if column.physical_type() == Type::INT96 => Self::Instant(TimeUnit::Nanos),
            _ => Self::Plain,
        }
    }

    pub(super) fn of_i32(self, value: i32) -> Slot {
        match self {
            Self::Unsigned => Slot::Whole(i64::from(value.cast_unsigned())),
            other => other.of_i64(i64::from(value)),
        }
    }

    pub(super) fn of_i64(self, value: i64) -> Slot {
        match self {
            Self::Unsigned if value < 0 =>
            {
                #[expect(clippy::cast_precision_loss, reason = "what a text of these digits gives")]
                Slot::Number(value.cast_unsigned() as f64)
            }
            Self::Instant(unit) => Slot::Time(value, unit),
            Self::Days => match value.checked_mul(DAY) {
                Some(seconds) => Slot::Time(seconds, TimeUnit::Seconds),
                None => Slot::Words(format!("day {value}").into()),
            },
            Self::OfDay => Slot::Words(format!("{value} of the day").into()),
            Self::Decimal(scale) => Slot::Number(decimal(i128::from(value), scale)),
            _ => Slot::Whole(value),
        }
    }

    /// The time of an older writer: nanoseconds of the day, and the day.
    pub(super) fn of_i96(value: &Int96) -> Slot {
        let [low, high, day] = *value.data() else { return Slot::Empty };
        let nanos = (u64::from(high) << 32 | u64::from(low)).cast_signed();
        let seconds = (i64::from(day.cast_signed()) - EPOCH_DAY) * DAY;
        let at = seconds.checked_mul(1_000_000_000).and_then(|at| at.checked_add(nanos));
        // Seconds reach further than our times; whoever reads them as one says so.
        at.map_or(Slot::Time(seconds, TimeUnit::Seconds), |at| Slot::Time(at, TimeUnit::Nanos))
    }

    /// A byte array: a decimal or, if it is one, a text.
    pub(super) fn of_bytes(self, value: &ByteArray) -> Option<Slot> {
        match self {
            Self::Decimal(scale) => Some(Slot::of_decimal(value.data(), scale)),
            _ => value.as_utf8().is_ok().then(|| Slot::Text(value.clone())),
        }
    }

    /// Bytes of a fixed number: a decimal, half a float, or something that is no number.
    pub(super) fn of_fixed(self, bytes: &[u8]) -> Slot {
        match (self, bytes) {
            (Self::Decimal(scale), bytes) => Slot::of_decimal(bytes, scale),
            (Self::Half, [low, high]) => Slot::Number(half(u16::from_le_bytes([*low, *high]))),
            (_, bytes) => Slot::of_raw(bytes),
        }
    }
}

impl Slot {
    fn of_decimal(bytes: &[u8], scale: i32) -> Self {
        let Some(first) = bytes.first() else { return Self::Empty };
        if bytes.len() > 16 {
            return Self::of_raw(bytes);
        }
        let sign: i128 = if first.cast_signed() < 0 { -1 } else { 0 };
        let unscaled = bytes.iter().fold(sign, |value, byte| value << 8 | i128::from(*byte));
        Self::Number(decimal(unscaled, scale))
    }

    /// Bytes that are no text, as people write them.
    fn of_raw(bytes: &[u8]) -> Self {
        Self::Words(format!("0x{}", hex(bytes)).into())
    }
}

/// The float that is nearest to a decimal, as reading its digits gives it.
fn decimal(unscaled: i128, scale: i32) -> f64 {
    format!("{unscaled}e{}", -i64::from(scale)).parse().unwrap_or(f64::NAN)
}

/// A float of 16 bits; NaN where it is not finite.
fn half(bits: u16) -> f64 {
    let (exponent, fraction) = (i32::from(bits >> 10 & 0x1f), f64::from(bits & 0x3ff));
    let size = match exponent {
        0 => fraction * 2f64.powi(-24),
        // Not finite.
        31 => f64::NAN,
        _ => (1024.0 + fraction) * 2f64.powi(exponent - 25),
    };
    if bits & 0x8000 == 0 { size } else { -size }
}

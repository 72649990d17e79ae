//! Quality codes of sources.

use super::QualityCodes;
use crate::reading::SourceQuality;

/// Reads a quality code: a number or a name as text, or the words `true` and `false`.
///
/// OPC DA: the two bits at 64 and 128 of the low byte; the contract asks for plain comparison. Sparkplug's
/// 192, 0 and 500 are read with them: 500 is its stale, which no byte can be, and a value that its source
/// calls stale is missing. OPC UA: the two top bits of the 32-bit status code, 00 good, 01 uncertain, 10
/// bad, 11 reserved (taken as bad), written as a number, signed or not, or in hexadecimal; good, but set by
/// hand (`GoodLocalOverride`), is no measurement to learn from. Names count by their beginning, in both.
pub(super) fn read(text: &str, codes: QualityCodes) -> Option<SourceQuality> {
    let text = text.trim();
    match codes {
        QualityCodes::OpcDa => match text.parse::<u32>() {
            Ok(SPARKPLUG_STALE) => Some(SourceQuality::Bad),
            Ok(DA_LOCAL_OVERRIDE) => Some(SourceQuality::Uncertain),
            Ok(192..) => Some(SourceQuality::Good),
            Ok(64..) => Some(SourceQuality::Uncertain),
            Ok(_) => Some(SourceQuality::Bad),
            Err(_) => name(text),
        },
        QualityCodes::OpcUa => match status(text) {
            Some(code) => Some(match code >> 30 {
                0 if code >> 16 == UA_LOCAL_OVERRIDE => SourceQuality::Uncertain,
                0 => SourceQuality::Good,
                1 => SourceQuality::Uncertain,
                _ => SourceQuality::Bad,
            }),
            None => name(text),
        },
        QualityCodes::Bool => match text {
            "true" | "1" => Some(SourceQuality::Good),
            "false" | "0" => Some(SourceQuality::Bad),
            _ => None,
        },
    }
}

/// Sparkplug's code for a value that its edge node has not heard of for too long.
const SPARKPLUG_STALE: u32 = 500;

/// Set by hand, or simulated: OPC DA's byte, and the upper half of OPC UA's status code.
const DA_LOCAL_OVERRIDE: u32 = 216;
const UA_LOCAL_OVERRIDE: u32 = 0x0096;

/// A 32-bit status code: some gateways write it with a sign, some as they print it.
fn status(text: &str) -> Option<u32> {
    if let Some(digits) = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        return u32::from_str_radix(digits, 16).ok();
    }
    let signed = || text.parse::<i32>().ok().map(i32::cast_unsigned);
    text.parse().ok().or_else(signed)
}

fn name(text: &str) -> Option<SourceQuality> {
    const NAMES: [(&str, SourceQuality); 7] = [
        ("goodlocaloverride", SourceQuality::Uncertain),
        ("good_localoverride", SourceQuality::Uncertain),
        ("stale", SourceQuality::Bad),
        ("lastusable", SourceQuality::Uncertain),
        ("good", SourceQuality::Good),
        ("uncertain", SourceQuality::Uncertain),
        ("bad", SourceQuality::Bad),
    ];
    NAMES.into_iter().find_map(|(start, quality)| {
        let head = text.get(..start.len())?;
        head.eq_ignore_ascii_case(start).then_some(quality)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(codes: QualityCodes, cases: &[(&str, Option<SourceQuality>)]) {
        for (text, expected) in cases {
            assert_eq!(read(text, codes), *expected, "{text}");
        }
    }

    #[test]
    fn codes_of_the_three_kinds() {
        use SourceQuality::{Bad, Good, Uncertain};
        check(
            QualityCodes::OpcDa,
            &[
                ("192", Some(Good)),
                ("219", Some(Good)),
                ("216", Some(Uncertain)),
                ("500", Some(Bad)),
                ("stale", Some(Bad)),
                ("191", Some(Uncertain)),
                ("64", Some(Uncertain)),
                ("63", Some(Bad)),
                ("0", Some(Bad)),
                ("good", Some(Good)),
                ("-1", None),
                ("true", None),
                ("", None),
            ],
        );
        check(
            QualityCodes::OpcUa,
            &[
                ("0", Some(Good)),
                ("1073741824", Some(Uncertain)),
                ("2147483648", Some(Bad)),
                ("3221225472", Some(Bad)),
                ("4294967296", None),
                ("-2144337920", Some(Bad)),
                ("0x408F0000", Some(Uncertain)),
                ("0x80310000", Some(Bad)),
                ("9830400", Some(Uncertain)),
                ("GoodLocalOverride", Some(Uncertain)),
                ("Good", Some(Good)),
                ("UncertainLastUsableValue", Some(Uncertain)),
                ("BadNoCommunication", Some(Bad)),
                ("goo", None),
            ],
        );
        check(
            QualityCodes::Bool,
            &[("true", Some(Good)), ("false", Some(Bad)), ("1", Some(Good)), ("2", None)],
        );
    }
}

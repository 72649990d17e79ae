//! Quality codes of sources.

use super::QualityCodes;
use crate::reading::SourceQuality;

/// Reads a quality code: a number or a name as text, or the words `true` and `false`.
///
/// OPC DA: the two bits at 64 and 128 of the low byte; the contract asks for plain comparison. OPC UA:
/// the two top bits of the 32-bit status code, 00 good, 01 uncertain, 10 bad, 11 reserved (taken as
/// bad). Names count by their beginning (`GoodLocalOverride`, `Bad_NoCommunication`), in both.
pub(super) fn read(text: &str, codes: QualityCodes) -> Option<SourceQuality> {
    let text = text.trim();
    match codes {
        QualityCodes::OpcDa => match text.parse::<u32>() {
            Ok(192..) => Some(SourceQuality::Good),
            Ok(64..) => Some(SourceQuality::Uncertain),
            Ok(_) => Some(SourceQuality::Bad),
            Err(_) => name(text),
        },
        QualityCodes::OpcUa => match text.parse::<u32>() {
            Ok(code) => Some(match code >> 30 {
                0 => SourceQuality::Good,
                1 => SourceQuality::Uncertain,
                _ => SourceQuality::Bad,
            }),
            Err(_) => name(text),
        },
        QualityCodes::Bool => match text {
            "true" | "1" => Some(SourceQuality::Good),
            "false" | "0" => Some(SourceQuality::Bad),
            _ => None,
        },
    }
}

fn name(text: &str) -> Option<SourceQuality> {
    const NAMES: [(&str, SourceQuality); 3] = [
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
                ("216", Some(Good)),
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

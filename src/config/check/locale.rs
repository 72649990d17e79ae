//! Who is spoken to: the site's time zone and the language.

use super::super::diagnostic::Code;
use super::super::raw::Raw;
use super::{Context, text};
use crate::words::Locale;
use jiff::tz::{self, TimeZone};

/// The site, its time zone and language.
pub(super) fn check(cx: &mut Context<'_>, raw: &Raw) -> Locale {
    let site = raw.site.as_deref();
    let zone = site.and_then(|site| site.timezone.as_ref()).and_then(|name| {
        let zone = TimeZone::get(name.trim()).ok();
        if zone.is_none() {
            let message = format!("there is no time zone `{}`", **name);
            let report = cx.report(Code::Name, name.span(), message);
            let known: Vec<String> = tz::db().available().map(|known| known.to_string()).collect();
            match meant(name.trim(), known.iter().map(String::as_str)) {
                Some(near) => report.help(format!("did you mean `{near}`?")),
                None => {
                    report.help("write its name in the tz database: `timezone = \"Asia/Shanghai\"`")
                }
            };
        }
        zone
    });
    let language = raw.language.as_ref().and_then(|language| language.default.as_ref());
    Locale {
        site: text(site.and_then(|site| site.name.as_ref())).unwrap_or_default().into(),
        zone: zone.unwrap_or(TimeZone::UTC),
        language: language.map(|language| (**language).into()).unwrap_or_default(),
    }
}

/// Names that people write for a zone which has another: the database names each by one city, and all of China is one.
const MISNAMED: [(&str, &str); 10] = [
    ("Asia/Beijing", "Asia/Shanghai"),
    ("Asia/Peking", "Asia/Shanghai"),
    ("Asia/Shenzhen", "Asia/Shanghai"),
    ("Asia/Guangzhou", "Asia/Shanghai"),
    ("Asia/Hangzhou", "Asia/Shanghai"),
    ("Asia/Nanjing", "Asia/Shanghai"),
    ("Asia/Tianjin", "Asia/Shanghai"),
    ("China Standard Time", "Asia/Shanghai"),
    ("Asia/Mumbai", "Asia/Kolkata"),
    ("Asia/Delhi", "Asia/Kolkata"),
];

/// Edits between what was written and a zone at most: names of zones are long, and with more of them another city is near.
const EDITS_MAX: usize = 2;

/// The zone that may have been meant.
fn meant<'k>(said: &str, known: impl Iterator<Item = &'k str>) -> Option<&'k str> {
    let said = said.to_lowercase();
    let misnamed = MISNAMED.iter().copied();
    known
        .map(|name| (name, name))
        .chain(misnamed)
        .map(|(name, zone)| (strsim::damerau_levenshtein(&said, &name.to_lowercase()), zone))
        .filter(|(edits, _)| *edits <= EDITS_MAX)
        .min_by_key(|(edits, _)| *edits)
        .map(|(_, zone)| zone)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_zone_that_was_meant_is_offered_and_no_other_city() {
        let known = || ["Asia/Shanghai", "Asia/Bahrain", "Asia/Dubai", "Europe/Berlin"].into_iter();
        for (said, zone) in [
            ("Asia/Beijing", Some("Asia/Shanghai")),
            ("asia/bejing", Some("Asia/Shanghai")),
            ("Asia/Shangai", Some("Asia/Shanghai")),
            ("China Standard Time", Some("Asia/Shanghai")),
            ("Europe/Berlni", Some("Europe/Berlin")),
            ("Asia/Mumbai", Some("Asia/Kolkata")),
            // Three edits from Bahrain.
            ("Asia/Basra", None),
        ] {
            assert_eq!(meant(said, known()), zone, "{said}");
        }
    }
}

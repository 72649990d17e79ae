//! Reports: the site's time zone and the language.

use super::super::diagnostic::Code;
use super::super::raw::Raw;
use super::super::words::LanguageName;
use super::{Context, text};
use crate::report::{Language, Settings};
use jiff::tz::{self, TimeZone};

/// The settings of reports.
pub(super) fn check(cx: &mut Context<'_>, raw: &Raw) -> Settings {
    let site = raw.site.as_deref();
    let zone = site.and_then(|site| site.timezone.as_ref()).and_then(|name| {
        let zone = TimeZone::get(name.trim()).ok();
        if zone.is_none() {
            let message = format!("there is no time zone `{}`", **name);
            let report = cx.report(Code::Name, name.span(), message);
            let known: Vec<String> = tz::db().available().map(|known| known.to_string()).collect();
            match crate::plant::nearest(name, known.iter().map(String::as_str)) {
                Some(near) => report.help(format!("did you mean `{near}`?")),
                None => {
                    report.help("write its name in the tz database: `timezone = \"Asia/Shanghai\"`")
                }
            };
        }
        zone
    });
    let language = raw.language.as_ref().and_then(|language| language.default.as_ref());
    Settings {
        site: text(site.and_then(|site| site.name.as_ref())).unwrap_or_default().into(),
        zone: zone.unwrap_or(TimeZone::UTC),
        language: match language.map(|language| **language) {
            Some(LanguageName::Chinese) => Language::Chinese,
            Some(LanguageName::English) | None => Language::English,
        },
    }
}

//! How the payloads of a subscription are read: pointers, names and units.

use super::super::at::At;
use super::super::diagnostic::Code;
use super::super::raw::{Names, Raw, Subscribe};
use super::super::words::{PayloadFormat, Word};
use super::{Context, plant};
use crate::decode::{
    Format, JsonRule, JsonValues, PayloadNames, PointNames, ProfileRule, is_relative,
};
use crate::plant::conversion;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Checks how JSON is read: `json`, or `json-lines` with a document on each line.
pub(super) fn json(cx: &mut Context<'_>, subscribe: &At<Subscribe>, lines: bool) -> Option<Format> {
    let mut pointers = Pointers { cx, good: true, each: None };
    let each = subscribe.each.as_ref().map(|found| pointers.each(found));
    pointers.each = subscribe.each.as_ref().map(|each| levels(each));
    let one = subscribe.value.as_ref().map(|found| pointers.value(found, "value"));
    let fields: Option<Vec<(Arc<str>, Arc<str>)>> = subscribe.fields.as_ref().map(|fields| {
        let pointer = |(tag, found): (&At<String>, &At<String>)| {
            let key = format!("fields.{}", **tag);
            (Arc::from(tag.as_str()), pointers.value(found, &key))
        };
        fields.iter().map(pointer).collect()
    });
    // The value that lies least deep: what leads above it leads above the document.
    let depth = match (&subscribe.fields, &subscribe.value) {
        (Some(fields), _) => fields.values().map(|field| pointers.depth(field)).min().unwrap_or(0),
        (None, Some(value)) => pointers.depth(value),
        (None, None) => pointers.each.unwrap_or(0) + 1,
    };
    let mut beside = |found: &Option<At<String>>, key: &str| {
        found.as_ref().map(|found| pointers.beside(found, key, depth))
    };
    let (time, quality) = (beside(&subscribe.time, "time"), beside(&subscribe.quality, "quality"));
    let none = Names::default();
    let asked = subscribe.names.as_ref().map_or(&none, |names| &**names);
    let names = PayloadNames {
        line: beside(&asked.line, "names.line"),
        area: beside(&asked.area, "names.area"),
        tag: beside(&asked.tag, "names.tag"),
        unit: beside(&asked.unit, "names.unit"),
    };
    let good = pointers.good;
    values(cx, subscribe);
    one_place_each(cx, subscribe);
    equal_names(cx, asked);
    let values = match fields {
        Some(fields) => JsonValues::Fields(fields),
        None => one.map_or_else(JsonValues::default, JsonValues::One),
    };
    let rule = JsonRule { each, values, time, quality, names, lines };
    good.then_some(Format::Json(rule))
}

/// Checks which values are asked for.
fn values(cx: &mut Context<'_>, subscribe: &At<Subscribe>) {
    if let Some(fields) = subscribe.fields.as_ref() {
        for tag in fields.keys() {
            cx.name(tag, tag.span(), "a tag", &['+', '#']);
        }
        if let Some(value) = subscribe.value.as_ref() {
            cx.report(Code::Meaningless, value.span(), "`value` means nothing beside `fields`")
                .help("keep `value` for one value in a payload, or `fields` for many");
        }
        if fields.is_empty() && !cx.was_removed("fields") {
            cx.report(Code::Subscription, fields.span(), "`fields` names no tag")
                .help("write `fields = { moisture = \"/m\" }`");
        }
    }
    let by_property = subscribe.properties.as_ref().is_some_and(|asked| asked.time.is_some());
    if subscribe.time.is_none()
        && !by_property
        && let Some(unit) = subscribe.time_unit.as_ref()
        && !cx.removed.contains(&(subscribe.span().start, "time".to_owned()))
    {
        cx.report(Code::Meaningless, unit.span(), "`time_unit` means nothing without `time`")
            .help("add `time = \"/ts\"`, or leave `time_unit` out");
    }
}

/// Refuses what cannot be meant: value, time and quality are three things.
fn one_place_each(cx: &mut Context<'_>, subscribe: &At<Subscribe>) {
    let mut taken: Vec<(&str, &str)> = Vec::new();
    match (&subscribe.fields, &subscribe.value) {
        (Some(fields), _) => taken.extend(fields.values().map(|field| (field.as_str(), "a value"))),
        (None, Some(value)) => taken.push((value.as_str(), "the value")),
        (None, None) => taken.push(("/value", "the value")),
    }
    for (key, found) in [("time", &subscribe.time), ("quality", &subscribe.quality)] {
        let Some(found) = found.as_ref() else { continue };
        if let Some((_, what)) = taken.iter().find(|(other, _)| other == &found.as_str()) {
            let message = format!("`{key}` is where {what} is: `{}`", **found);
            cx.report(Code::Subscription, found.span(), message)
                .help(format!("write the pointer to the {key}, or leave `{key}` out"));
        }
        if key == "time" {
            taken.push((found.as_str(), "the time"));
        }
    }
}

/// Refuses that one text is two names.
fn equal_names(cx: &mut Context<'_>, names: &Names) {
    let all =
        [("line", &names.line), ("area", &names.area), ("tag", &names.tag), ("unit", &names.unit)];
    for (ix, (key, found)) in all.iter().enumerate() {
        let Some(found) = found.as_ref() else { continue };
        let before = all.iter().take(ix);
        let same = before.clone().find(|(_, other)| {
            other.as_ref().is_some_and(|other| other.as_str() == found.as_str())
        });
        if let Some((other, _)) = same {
            let message = format!("`names.{key}` is the same as `names.{other}`");
            cx.report(Code::Subscription, found.span(), message)
                .help("one text is one name: leave one of the two out");
        }
    }
}

/// Checks how a scan across the web is read.
pub(super) fn profile(cx: &mut Context<'_>, subscribe: &At<Subscribe>) -> Option<Format> {
    without(cx, subscribe, PayloadFormat::Profile, &["each", "fields"]);
    let mut pointers = Pointers { cx, good: true, each: None };
    let none = Names::default();
    let asked = subscribe.names.as_ref().map_or(&none, |names| &**names);
    let mut pointer = |found: &Option<At<String>>, key: &str| {
        found.as_ref().map(|found| pointers.value(found, key))
    };
    let rule = ProfileRule {
        values: pointer(&subscribe.value, "value").unwrap_or_else(|| "/values".into()),
        positions: pointer(&subscribe.positions, "positions"),
        time: pointer(&subscribe.time, "time"),
        quality: pointer(&subscribe.quality, "quality"),
        mode: pointer(&subscribe.mode, "mode"),
        names: PayloadNames {
            line: pointer(&asked.line, "names.line"),
            area: pointer(&asked.area, "names.area"),
            tag: pointer(&asked.tag, "names.tag"),
            unit: pointer(&asked.unit, "names.unit"),
        },
    };
    let good = pointers.good;
    values(cx, subscribe);
    equal_names(cx, asked);
    good.then_some(Format::Profile(rule))
}

/// Checks how line protocol is read.
pub(super) fn points(cx: &mut Context<'_>, subscribe: &At<Subscribe>) -> Format {
    let mut names = PointNames::default();
    if let Some(asked) = subscribe.names.as_ref() {
        for (key, found, place) in [
            ("line", &asked.line, &mut names.line),
            ("area", &asked.area, &mut names.area),
            ("tag", &asked.tag, &mut names.tag),
        ] {
            let Some(found) = found.as_ref() else { continue };
            named(cx, key, found);
            *place = found.as_str().into();
        }
        if let Some(found) = asked.unit.as_ref() {
            named(cx, "unit", found);
            names.unit = Some(found.as_str().into());
        }
        // What is not said has a name, too.
        let said = |found: &Option<At<String>>, name: &Arc<str>| {
            found.as_ref().map(|found| (found.span(), Arc::clone(name)))
        };
        let all = [
            ("line", said(&asked.line, &names.line), Some(&names.line)),
            ("area", said(&asked.area, &names.area), Some(&names.area)),
            ("tag", said(&asked.tag, &names.tag), Some(&names.tag)),
            (
                "unit",
                asked.unit.as_ref().map(|found| (found.span(), Arc::from(found.as_str()))),
                names.unit.as_ref(),
            ),
        ];
        for (ix, (key, found, _)) in all.iter().enumerate() {
            let Some((span, name)) = found.as_ref().filter(|(_, name)| !name.is_empty()) else {
                continue;
            };
            let same = all.iter().enumerate().find(|(other_ix, (_, other_found, other))| {
                *other_ix != ix
                    && *other == Some(name)
                    // Of two that are both said the later one is told.
                    && (other_found.is_none() || *other_ix < ix)
            });
            if let Some((_, (other, ..))) = same {
                let message = format!("`names.{key}` is the same as `names.{other}`: `{name}`");
                cx.report(Code::Subscription, span.clone(), message)
                    .help(format!("one tag of a point is one name: write another for `{other}`"));
            }
        }
    }
    if let Some(field) = subscribe.quality.as_ref() {
        if field.starts_with('/') {
            let name = field.trim_start_matches('/');
            let message = "`quality` names a field in line protocol, and is no JSON Pointer";
            cx.report(Code::Subscription, field.span(), message)
                .help(format!("write `quality = \"{name}\"`"));
        }
        if matches!(field.as_str(), "value" | "text") {
            let message = format!("`quality` names the field that has the value: `{}`", **field);
            cx.report(Code::Subscription, field.span(), message)
                .help("write the field that has the quality code, or leave `quality` out");
        }
    }
    let quality = subscribe.quality.as_ref().map(|field| field.as_str().into());
    Format::LineProtocol { names, quality }
}

fn named(cx: &mut Context<'_>, key: &str, found: &At<String>) {
    if found.is_empty() {
        let message = format!("`names.{key}` names no tag of a point");
        cx.report(Code::Subscription, found.span(), message)
            .help("write the key of the tag, or leave it out");
    }
}

/// What units the numbers are sent in: for all of the subscription, and for some of its tags.
pub(super) type Units = (Option<Arc<str>>, BTreeMap<Arc<str>, Arc<str>>);

/// Checks the units in which numbers are sent, against those of the tags that are known to come.
pub(super) fn units(cx: &mut Context<'_>, raw: &Raw, subscribe: &At<Subscribe>) -> Units {
    let mut of_tags = BTreeMap::new();
    if let Some(units) = subscribe.units.as_ref() {
        for (tag, unit) in units.iter() {
            sent(cx, raw, subscribe, Some(tag), unit);
            of_tags.insert(Arc::from(tag.as_str()), Arc::from(unit.as_str()));
        }
    }
    if let Some(unit) = subscribe.unit.as_ref() {
        let fields = subscribe.fields.as_ref().into_iter().flat_map(|fields| fields.keys());
        let tags: Vec<&str> = fields
            .map(|tag| tag.as_str())
            .chain(subscribe.tag.as_ref().map(|tag| tag.as_str()))
            .filter(|tag| !of_tags.contains_key(*tag))
            .collect();
        if tags.is_empty() {
            sent(cx, raw, subscribe, None, unit);
        }
        for tag in tags {
            sent(cx, raw, subscribe, Some(tag), unit);
        }
    }
    (subscribe.unit.as_ref().map(|unit| unit.as_str().into()), of_tags)
}

/// Holds a unit in which a tag is sent against those in which lines declare it.
fn sent(
    cx: &mut Context<'_>,
    raw: &Raw,
    subscribe: &Subscribe,
    tag: Option<&str>,
    unit: &At<String>,
) {
    if unit.trim().is_empty() {
        cx.report(Code::Unit, unit.span(), "a unit is empty")
            .help("write the unit in which numbers are sent, or leave it out");
        return;
    }
    let Some(tag) = tag else { return };
    let fixed = subscribe.line.as_ref().map(|line| line.as_str());
    for (line, declared) in plant::lines(raw) {
        if fixed.is_some_and(|fixed| fixed != line.as_str()) {
            continue;
        }
        for (id, known) in plant::tags(declared) {
            let Some(own) = known.unit.as_ref().filter(|own| !own.is_empty()) else { continue };
            if id.as_str() != tag || conversion(unit, own).is_some() {
                continue;
            }
            let place = cx.line_of(&own.span());
            let message = format!("tag `{tag}` cannot be sent in `{}`", **unit);
            cx.report(Code::Unit, unit.span(), message)
                .label(format!("line `{}` declares it in `{}` (line {place})", **line, **own))
                .help("the two are not known to measure the same: write one that can be converted");
        }
    }
}

/// What reads the pointers of a subscription, and says what is wrong with them.
struct Pointers<'a, 'c> {
    cx: &'a mut Context<'c>,
    good: bool,
    /// How many levels deep the items lie, if there are any.
    each: Option<usize>,
}

impl Pointers<'_, '_> {
    /// The pointer to the items.
    fn each(&mut self, found: &At<String>) -> Arc<str> {
        self.absolute(found, "each");
        if self.good && !found.split('/').any(|token| token == "*") {
            self.good = false;
            let message = format!("`each` takes one item only: `{}`", **found);
            self.cx
                .report(Code::Pointer, found.span(), message)
                .label("a `*` stands for every element of an array, or every key of an object")
                .help(format!("write `\"{}/*\"`", found.trim_end_matches('/')));
        }
        found.as_str().into()
    }

    /// The pointer to a value, which may count from the item where there are items.
    fn value(&mut self, found: &At<String>, key: &str) -> Arc<str> {
        match self.each {
            Some(depth) if is_relative(found) => {
                if found.ends_with('#') {
                    self.refuse(found, key, "a key is no value", "write the pointer to the value");
                }
                self.relative(found, key, depth);
            }
            _ => self.absolute(found, key),
        }
        found.as_str().into()
    }

    /// A pointer to what belongs to a value that lies so deep.
    fn beside(&mut self, found: &At<String>, key: &str, depth: usize) -> Arc<str> {
        if is_relative(found) {
            self.relative(found, key, depth);
        } else {
            self.absolute(found, key);
        }
        found.as_str().into()
    }

    /// How deep a value lies.
    fn depth(&self, value: &str) -> usize {
        let item = self.each.unwrap_or(0);
        let up = value.find(|next: char| !next.is_ascii_digit()).unwrap_or(value.len());
        let above: usize = value.get(..up).and_then(|up| up.parse().ok()).unwrap_or(0);
        item.saturating_sub(above) + levels(value)
    }

    fn refuse(&mut self, found: &At<String>, key: &str, why: &str, help: &str) {
        self.good = false;
        let message = format!("`{key}` cannot be `{}`", **found);
        self.cx.report(Code::Pointer, found.span(), message).label(why).help(help);
    }

    /// Checks a Relative JSON Pointer: a number of levels, then a pointer, `#`, or nothing.
    fn relative(&mut self, found: &At<String>, key: &str, depth: usize) {
        let digits = found.find(|next: char| !next.is_ascii_digit()).unwrap_or(found.len());
        let (up, rest) = found.split_at(digits);
        let known = rest == "#" || is_pointer(rest);
        if !known || (up.len() > 1 && up.starts_with('0')) {
            let help = "write `1/t` for the key `t` beside the value, `0#` for the value's own key";
            self.refuse(found, key, "so many levels up, then `/…` or `#`", help);
            return;
        }
        let above = up.parse::<usize>().unwrap_or(usize::MAX);
        // The document as a whole has no key.
        if above > depth || (rest == "#" && above == depth) {
            let of_value = key == "value" || key.starts_with("fields.");
            let from = if of_value { "item" } else { "value" };
            let why = format!("the {from} lies {depth} deep in the document");
            let help = format!("count the levels from the {from} up, one for each `/`");
            self.refuse(found, key, &why, &help);
        }
    }

    /// Checks a JSON Pointer (RFC 6901).
    fn absolute(&mut self, found: &At<String>, key: &str) {
        let text = found.as_str();
        if is_pointer(text) {
            return;
        }
        self.good = false;
        let meant =
            text.trim_start_matches(['$', '.', '/']).replace(['.', '['], "/").replace(']', "");
        let help = if text.starts_with('/') {
            "`~` is written `~0`, and `/` inside a name `~1`".to_owned()
        } else {
            format!("write `\"/{meant}\"`")
        };
        self.cx
            .report(Code::Pointer, found.span(), format!("`{key}` is no JSON Pointer: `{text}`"))
            .label("a pointer begins with `/`, one for each level")
            .help(help);
    }
}

fn is_pointer(text: &str) -> bool {
    let escapes = text.split('~').skip(1).all(|rest| rest.starts_with(['0', '1']));
    (text.is_empty() || text.starts_with('/')) && escapes
}

fn levels(pointer: &str) -> usize {
    pointer.matches('/').count()
}

/// Reports keys that mean nothing with a format.
pub(super) fn without(
    cx: &mut Context<'_>,
    subscribe: &At<Subscribe>,
    format: PayloadFormat,
    keys: &[&str],
) {
    let spans = [
        ("each", subscribe.each.as_ref().map(At::span)),
        ("value", subscribe.value.as_ref().map(At::span)),
        ("fields", subscribe.fields.as_ref().map(At::span)),
        ("positions", subscribe.positions.as_ref().map(At::span)),
        ("mode", subscribe.mode.as_ref().map(At::span)),
        ("time", subscribe.time.as_ref().map(At::span)),
        ("time_unit", subscribe.time_unit.as_ref().map(At::span)),
        ("quality", subscribe.quality.as_ref().map(At::span)),
        ("quality_codes", subscribe.quality_codes.as_ref().map(At::span)),
        ("names", subscribe.names.as_ref().map(At::span)),
        ("unit", subscribe.unit.as_ref().map(At::span)),
        ("units", subscribe.units.as_ref().map(At::span)),
        ("line", subscribe.line.as_ref().map(At::span)),
        ("area", subscribe.area.as_ref().map(At::span)),
        ("tag", subscribe.tag.as_ref().map(At::span)),
        ("properties", subscribe.properties.as_ref().map(At::span)),
        ("content_type", subscribe.content_type.as_ref().map(At::span)),
        ("expiry", subscribe.expiry.as_ref().map(At::span)),
    ];
    for (key, span) in spans {
        if let Some(span) = span.filter(|_| keys.contains(&key)) {
            let message = format!("`{key}` means nothing with format `{}`", format.as_str());
            cx.report(Code::Meaningless, span, message).help(format!("leave `{key}` out"));
        }
    }
}

//! Numbers that are sent in another unit than their tag is declared in.

use super::limits::{NAME_BYTES_MAX, fault, found};
use super::{Fault, NamedReading, Reason};
use crate::plant::{Conversion, Plant, conversion};
use crate::reading::{Finite, Value};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Units sent that are remembered: there are few, but a payload may say anything.
const UNITS_KNOWN_MAX: usize = 1000;

/// Units by line and id; only of what declares one.
type Declared = BTreeMap<Arc<str>, BTreeMap<Arc<str>, Arc<str>>>;

/// The declared units, and how others become them.
#[derive(Debug, Default)]
pub(super) struct Units {
    /// Of tags.
    tags: Declared,
    /// The same of profiles.
    profiles: Declared,
    /// By the unit sent and the unit declared; `None` where one cannot become the other.
    known: BTreeMap<Box<str>, BTreeMap<Arc<str>, Option<Conversion>>>,
}

impl Units {
    pub(super) fn of(plant: &Plant) -> Self {
        let mut units = Self::default();
        for line in &plant.lines {
            let tags = line.tags.iter().filter(|tag| !tag.unit.is_empty());
            let tags = tags.map(|tag| (Arc::clone(&tag.id), Arc::clone(&tag.unit)));
            units.tags.insert(Arc::clone(&line.name), tags.collect());
            let profiles = line.profiles.iter().filter(|profile| !profile.unit.is_empty());
            let profiles =
                profiles.map(|profile| (Arc::clone(&profile.id), Arc::clone(&profile.unit)));
            units.profiles.insert(Arc::clone(&line.name), profiles.collect());
        }
        units
    }

    /// Converts a reading that was sent in a unit to the one in which its tag is declared. A tag that
    /// declares none takes what is sent.
    ///
    /// # Errors
    /// When it cannot be converted: the number would be taken for another one.
    pub(super) fn convert(&mut self, reading: &mut NamedReading, sent: &str) -> Result<(), Fault> {
        let tag = (&*reading.line, &*reading.area, &*reading.tag);
        let Some(declared) = find(&self.tags, tag) else { return Ok(()) };
        let number = match &reading.value {
            Value::Number(number) => Some(*number),
            text @ Value::Text(_) => text.parsed(),
        };
        // A state such as `bad` has no unit.
        let Some(number) = number else { return Ok(()) };
        let conversion = self.conversion(&reading.tag, sent, &declared)?;
        if conversion != Conversion::SAME {
            let number = Finite::try_from(conversion.of(number.get()));
            let number = number.map_err(|_| too_large(&reading.tag, sent, &declared))?;
            reading.value = Value::Number(number);
        }
        Ok(())
    }

    /// Converts the boxes of a profile, as a reading is converted.
    ///
    /// # Errors
    /// As of a reading.
    pub(super) fn convert_boxes(
        &mut self,
        profile: (&str, &str, &str),
        boxes: &mut [f64],
        sent: &str,
    ) -> Result<(), Fault> {
        let Some(declared) = find(&self.profiles, profile) else { return Ok(()) };
        let conversion = self.conversion(profile.2, sent, &declared)?;
        if conversion != Conversion::SAME {
            for value in boxes.iter_mut().filter(|value| !value.is_nan()) {
                *value = conversion.of(*value);
                if !value.is_finite() {
                    return Err(too_large(profile.2, sent, &declared));
                }
            }
        }
        Ok(())
    }

    /// How what is sent in a unit becomes what is declared.
    fn conversion(
        &mut self,
        tag: &str,
        sent: &str,
        declared: &Arc<str>,
    ) -> Result<Conversion, Fault> {
        let known = self.known.get(sent).and_then(|units| units.get(declared)).copied();
        let conversion = known.unwrap_or_else(|| {
            let conversion = conversion(sent, declared);
            if self.known.len() < UNITS_KNOWN_MAX && sent.len() <= NAME_BYTES_MAX {
                let units = self.known.entry(sent.into()).or_default();
                units.insert(Arc::clone(declared), conversion);
            }
            conversion
        });
        conversion.ok_or_else(|| refused(tag, sent, declared, "is not known to measure the same"))
    }
}

/// The unit declared for a line, area and tag: as the engine finds a declared tag, the one with the area,
/// else the one without.
fn find(declared: &Declared, (line, area, tag): (&str, &str, &str)) -> Option<Arc<str>> {
    let tags = declared.get(line)?;
    let of_area = if area.is_empty() { None } else { tags.get(&*format!("{area}/{tag}")) };
    of_area.or_else(|| tags.get(tag)).cloned()
}

fn refused(tag: &str, sent: &str, declared: &str, why: &str) -> Fault {
    let (tag, sent) = (found(tag), found(sent));
    fault(Reason::WrongUnit, format!("tag `{tag}` is in `{declared}`, and `{sent}` {why}"))
}

fn too_large(tag: &str, sent: &str, declared: &str) -> Fault {
    refused(tag, sent, declared, "makes it no finite number")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plant::{Grades, Line, ModelSettings, Tag, Undeclared};
    use crate::reading::SourceQuality;

    fn units() -> Units {
        let tag = |id: &str, unit: &str| Tag { unit: unit.into(), ..Tag::named(id) };
        let tags =
            vec![tag("steam", "bar"), tag("wet/steam", "kPa"), tag("free", ""), tag("t", "°C")];
        let plant = Plant {
            site: "".into(),
            lines: vec![Line { tags, ..Line::named("tm3") }],
            grades: Grades::default(),
            undeclared: Undeclared::Store,
            undeclared_max: 10,
            models: ModelSettings::default(),
            costs: None,
        };
        Units::of(&plant)
    }

    #[track_caller]
    fn check(name: &str, value: &Value, sent: &str, expected: Result<&Value, &str>) {
        let [line, area, tag] = <[&str; 3]>::try_from(name.split(':').collect::<Vec<_>>()).unwrap();
        let mut units = units();
        // Twice: worked out and from memory.
        for _ in 0..2 {
            let mut reading = NamedReading {
                line: line.into(),
                area: area.into(),
                tag: tag.into(),
                at: None,
                value: value.clone(),
                quality: SourceQuality::Good,
            };
            let converted = units.convert(&mut reading, sent).map_err(|fault| fault.detail);
            let converted = converted.map(|()| &reading.value);
            assert_eq!(converted, expected.map_err(str::to_owned));
        }
    }

    #[test]
    fn what_is_sent_becomes_what_is_declared_or_is_refused() {
        let number = |n: f64| Value::Number(Finite::try_from(n).unwrap());
        let text = |text: &str| Value::Text(text.into());
        check("tm3::steam", &number(700.0), "kPa", Ok(&number(7.0)));
        check("tm3:dry:steam", &number(700.0), "kPa", Ok(&number(7.0)));
        check("tm3:wet:steam", &number(7.0), "bar", Ok(&number(700.0)));
        check("tm3::steam", &number(7.0), " Bar", Ok(&number(7.0)));
        check("tm3::steam", &text("700"), "kPa", Ok(&number(7.0)));
        check("tm3::steam", &text("7.0"), "bar", Ok(&text("7.0")));
        check("tm3::steam", &text("bad"), "kPa", Ok(&text("bad")));
        check("tm3::t", &number(212.0), "°F", Ok(&number(100.0)));
        check("tm3::free", &number(7.0), "kPa", Ok(&number(7.0)));
        check("tm3::other", &number(7.0), "kPa", Ok(&number(7.0)));
        check("tm4::steam", &number(7.0), "kPa", Ok(&number(7.0)));
        check(
            "tm3::steam",
            &number(7.0),
            "m/s",
            Err("tag `steam` is in `bar`, and `m/s` is not known to measure the same"),
        );
        check(
            "tm3:wet:steam",
            &number(1e308),
            "bar",
            Err("tag `steam` is in `kPa`, and `bar` makes it no finite number"),
        );
    }
}

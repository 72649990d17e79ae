//! How alarms come, stay and go.

use super::super::at::At;
use super::super::raw::{AlarmEnd, AlarmRule, Alarms};
use super::super::words::ConsequenceName;
use super::{Context, DAY};
use crate::plant::{self, AlarmClass, AlarmSettings, Consequence};
use std::time::Duration;

/// The table `[alarms]`.
pub(super) fn check(cx: &mut Context<'_>, alarms: Option<&At<Alarms>>) -> AlarmSettings {
    let Some(alarms) = alarms else { return AlarmSettings::default() };
    let shelves = Duration::from_secs(60)..=7 * DAY;
    let shelve_max = alarms.shelve_max.as_ref();
    AlarmSettings {
        // It is said elsewhere.
        speech: plant::Speech::default(),
        batch: alarms
            .batch
            .as_ref()
            .map_or_else(Default::default, |found| end(AlarmClass::Batch, found)),
        sensor: rule(cx, AlarmClass::Sensor, alarms.sensor.as_ref()),
        profile: rule(cx, AlarmClass::Profile, alarms.profile.as_ref()),
        line: rule(cx, AlarmClass::Line, alarms.line.as_ref()),
        tags: rule(cx, AlarmClass::Tags, alarms.tags.as_ref()),
        monitor: rule(cx, AlarmClass::Monitor, alarms.monitor.as_ref()),
        system: rule(cx, AlarmClass::System, alarms.system.as_ref()),
        shelve_max: cx.duration(shelve_max, "shelve_max", AlarmSettings::SHELVE_MAX, shelves),
        // Receivers say how long they wait: they are checked by themselves.
        escalations: Vec::new(),
    }
}

fn is_set(found: Option<&At<bool>>) -> bool {
    found.is_some_and(|found| **found)
}

fn end(class: AlarmClass, found: &AlarmEnd) -> plant::AlarmRule {
    plant::AlarmRule {
        acknowledge: is_set(found.acknowledge.as_ref()),
        latch: is_set(found.latch.as_ref()),
        consequence: consequence(class, found.consequence.as_ref()),
        ..plant::AlarmRule::default()
    }
}

fn rule(
    cx: &mut Context<'_>,
    class: AlarmClass,
    found: Option<&At<AlarmRule>>,
) -> plant::AlarmRule {
    let Some(found) = found else { return plant::AlarmRule::default() };
    let mut delay = |found, key| cx.duration(found, key, Duration::ZERO, Duration::ZERO..=DAY);
    plant::AlarmRule {
        on_delay: delay(found.on_delay.as_ref(), "on_delay"),
        off_delay: delay(found.off_delay.as_ref(), "off_delay"),
        acknowledge: is_set(found.acknowledge.as_ref()),
        latch: is_set(found.latch.as_ref()),
        consequence: consequence(class, found.consequence.as_ref()),
    }
}

fn consequence(class: AlarmClass, found: Option<&At<ConsequenceName>>) -> Option<Consequence> {
    let said = found.map(|found| match **found {
        ConsequenceName::Minor => Consequence::Minor,
        ConsequenceName::Major => Consequence::Major,
        ConsequenceName::Severe => Consequence::Severe,
    });
    // Who writes the default down says no more than who leaves it out.
    said.filter(|said| *said != class.consequence())
}

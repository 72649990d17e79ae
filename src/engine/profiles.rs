//! Scans across the web: to the monitor of their scanner, and what follows from them.
//!
//! What is known after a scan is a record of its own, and the value of the tags that are declared for it
//! (`moisture.two_sigma_cd`): limits and models see those as they see any tag.

use super::arrival::Way;
use super::effect::{Effect, ProfileRecord};
use super::stamps::odd_time;
use super::view::ProfileView;
use super::{Engine, tell};
use crate::decode::{Fault, NamedReading, ProfileMessage, Reason};
use crate::plant::{Line, Profile, SpecLimit, Undeclared};
use crate::profile::{LeftOut, Monitor, Outcome, Scan, Statistics, Taken};
use crate::reading::{Finite, Flags, Series, SourceQuality, Timestamp, Value};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Profiles of the plant, and the boxes of all: a mill has some profiles for each scanner, and a topic may say
/// anything. A box takes some 200 bytes.
const ROOM: (usize, usize) = (256, 65_536);

/// With what is not declared there are no more than these, so that the declared ones have room.
const ROOM_UNDECLARED: (usize, usize) = (128, 32_768);

/// The profiles that have been heard.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(super) struct Profiles(Vec<Heard>);

/// A profile that has been heard.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Heard {
    series: Arc<Series>,
    monitor: Monitor,
    /// Scans that came, and why the last one was not counted.
    scans: u64,
    left_out: Option<LeftOut>,
    /// When the streaks that stand began.
    since: Option<Timestamp>,
}

impl Engine {
    /// A scan across the web.
    pub(super) fn profile(
        &mut self,
        way: Way<'_>,
        message: ProfileMessage,
        out: &mut Vec<Effect>,
    ) -> Option<Fault> {
        let at = message.at.unwrap_or(way.received);
        let series = Series { line: message.line, area: message.area, tag: message.tag };
        let plant = Arc::clone(&self.plant);
        let line_ix = plant.line_ix(&series.line);
        let line = line_ix.and_then(|ix| plant.lines.get(ix.get()));
        let declared = line.and_then(|line| line.profile(&series.area, &series.tag));
        if declared.is_none() && plant.undeclared == Undeclared::Ignore {
            let (tag, line) = (&series.tag, &series.line);
            let detail = format!("profile `{tag}` of line `{line}` is not declared");
            return Some(Fault { reason: Reason::Undeclared, detail });
        }
        let room = if declared.is_some() { ROOM } else { ROOM_UNDECLARED };
        let heard = match self.state.profiles.find(&series, message.values.len(), room) {
            Ok(heard) => heard,
            Err(fault) => return Some(fault),
        };
        let default;
        let declared = if let Some(declared) = declared {
            declared
        } else {
            default = undeclared(&series);
            &default
        };
        let product = match line_ix {
            Some(ix) => self.state.lines[ix.get()].product(),
            None => Some("".into()),
        };
        let scan = Scan {
            at,
            values: &message.values,
            positions: message.positions.as_deref(),
            product: product.as_deref(),
            on_sheet: message.on_sheet,
        };
        heard.scans += 1;
        let odd = odd_time(at, way.received);
        let outcome = if message.quality == SourceQuality::Bad {
            Outcome::Nothing(LeftOut::BadQuality)
        } else if odd.is_some() {
            // It is written as any reading of an odd time is.
            heard.monitor.look(declared, &scan, LeftOut::OddTime)
        } else {
            heard.monitor.take(declared, &scan)
        };
        let fault = odd.map(|detail| Fault { reason: Reason::BadTime, detail });
        let taken = match outcome {
            Outcome::Taken(taken) => *taken,
            Outcome::Nothing(why) => {
                heard.left_out = Some(why);
                return fault;
            }
            Outcome::Repeated => {
                heard.left_out = Some(LeftOut::Repeated);
                return fault;
            }
        };
        heard.left_out = taken.left_out;
        if taken.streak {
            heard.since.get_or_insert(at);
        }
        let since = heard.since.unwrap_or(at);
        if taken.cleared {
            heard.since = None;
        }
        let Taken { statistics, zones, streak, cleared, .. } = taken;
        if let Some(ix) = line_ix {
            self.state.lines[ix.get()].scanned(declared, &statistics);
        }
        if let (Some(ix), true) = (line_ix, streak || cleared) {
            self.on_line(ix, (way.received, way.topic), out, |_, cx| {
                cx.tell(tell::streaks(cx.line, declared, &statistics, since, streak));
            });
        }
        if let Some(line) = line {
            self.derive(way, line, &series, declared, &statistics, out);
        }
        let (line, id) = (series.line, Arc::clone(&declared.id));
        out.push(Effect::Profile(Box::new(ProfileRecord { line, id, at, statistics, zones })));
        fault
    }

    /// Gives the tags that are declared for the statistics of a profile their values.
    fn derive(
        &mut self,
        way: Way<'_>,
        line: &Line,
        series: &Series,
        declared: &Profile,
        statistics: &Statistics,
        out: &mut Vec<Effect>,
    ) {
        for name in Profile::STATISTICS {
            let id = format!("{}.{name}", declared.id);
            if line.tag_position(&id).is_none() {
                continue;
            }
            let number = statistics.of(name).and_then(|value| Finite::try_from(value).ok());
            let Some(number) = number else { continue };
            let tag = id.rsplit('/').next().unwrap_or(&id).into();
            let (line, area) = (Arc::clone(&series.line), Arc::clone(&series.area));
            let (at, value) = (Some(statistics.at), Value::Number(number));
            let quality = SourceQuality::Good;
            let reading = NamedReading { line, area, tag, at, value, quality };
            if let Some(fault) = self.reading(way, reading, Flags::GOOD, out) {
                self.fault(way.received, way.topic, fault, out);
            }
        }
    }
}

/// A profile that is not declared: called by its area as well, since two scanners of a line may call theirs
/// the same.
fn undeclared(series: &Series) -> Profile {
    let Series { area, tag, .. } = series;
    if area.is_empty() { Profile::named(tag) } else { Profile::named(&format!("{area}/{tag}")) }
}

impl Profiles {
    /// The profile of these names, of which a scan of so many boxes has come; it is new where there is room.
    ///
    /// # Errors
    /// When there is no room for it, or for so many boxes of it.
    fn find(
        &mut self,
        series: &Series,
        boxes: usize,
        (profiles, all_boxes): (usize, usize),
    ) -> Result<&mut Heard, Fault> {
        let found = self.0.binary_search_by(|heard| (*heard.series).cmp(series));
        if found.is_err() && self.0.len() >= profiles {
            let detail = format!("there are {} profiles, and this is one more", self.0.len());
            return Err(Fault { reason: Reason::TooManyTags, detail });
        }
        let others = self.0.iter().enumerate().filter(|(ix, _)| found != Ok(*ix));
        let others: usize = others.map(|(_, heard)| heard.monitor.boxes()).sum();
        if others + boxes > all_boxes {
            let detail = format!(
                "the other profiles have {others} boxes, this one {boxes}: {all_boxes} allowed"
            );
            return Err(Fault { reason: Reason::TooManyTags, detail });
        }
        let ix = found.unwrap_or_else(|ix| {
            let heard = Heard {
                series: Arc::new(series.clone()),
                monitor: Monitor::default(),
                scans: 0,
                left_out: None,
                since: None,
            };
            self.0.insert(ix, heard);
            ix
        });
        Ok(&mut self.0[ix])
    }

    /// What people see of a line's.
    pub(super) fn view<'l>(
        &self,
        line: &Line,
        limits: impl Fn(&str) -> Option<&'l SpecLimit>,
    ) -> Vec<ProfileView> {
        let of_line = self.0.iter().filter(|heard| heard.series.line == line.name);
        let view = |heard: &Heard| {
            let default = undeclared(&heard.series);
            let declared = line.profile(&heard.series.area, &heard.series.tag);
            let declared = declared.unwrap_or(&default);
            let limits = limits(&format!("{}.worst_value", declared.id));
            ProfileView {
                target: declared.target,
                limits: limits.map_or((None, None), |limit| (limit.low, limit.high)),
                id: Arc::clone(&declared.id),
                unit: Arc::clone(&declared.unit),
                variance: declared.variance.as_str(),
                in_mm: heard.monitor.is_placed(declared),
                statistics: heard.monitor.last().cloned(),
                scans: heard.scans,
                left_out: heard.left_out,
                streaks_since: heard.since.map(Timestamp::as_millis),
                zones: heard.monitor.zones(declared),
                pictures: heard.monitor.pictures().cloned().collect(),
            }
        };
        of_line.map(view).collect()
    }
}

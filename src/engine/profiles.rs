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
use crate::plant::{Line, Profile, Undeclared};
use crate::profile::{Monitor, Outcome, Scan, Statistics};
use crate::reading::{Finite, Flags, Series, SourceQuality, Timestamp, Value};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Profiles of the plant: a mill has some for each scanner, and a topic may say anything.
const PROFILES_MAX: usize = 256;

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
    left_out: Option<Arc<str>>,
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
        if let Some(detail) = odd_time(at, way.received) {
            return Some(Fault { reason: Reason::BadTime, detail });
        }
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
        let Some(heard) = self.state.profiles.find(&series) else {
            let detail = format!("there are {PROFILES_MAX} profiles, and this is one more");
            return Some(Fault { reason: Reason::TooManyTags, detail });
        };
        let default;
        let declared = if let Some(declared) = declared {
            declared
        } else {
            default = Profile::named(&series.tag);
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
        let outcome = if message.quality == SourceQuality::Bad {
            Outcome::Nothing("its source calls it bad")
        } else {
            heard.monitor.take(declared, &scan)
        };
        let (statistics, streak, cleared) = match outcome {
            Outcome::Counted { statistics, streak, cleared } => (statistics, streak, cleared),
            Outcome::Nothing(why) => {
                heard.left_out = Some(why.into());
                return None;
            }
            Outcome::Old => {
                heard.left_out = Some("it is not newer than the one before".into());
                return None;
            }
        };
        heard.left_out = None;
        if streak {
            heard.since.get_or_insert(at);
        }
        let since = heard.since.unwrap_or(at);
        if cleared {
            heard.since = None;
        }
        out.push(Effect::Profile(Box::new(ProfileRecord {
            series: Arc::clone(&heard.series),
            at,
            zones: heard.monitor.newest_zones(declared),
            statistics: (*statistics).clone(),
        })));
        if let (Some(ix), true) = (line_ix, streak || cleared) {
            self.on_line(ix, (way.received, way.topic), out, |_, cx| {
                cx.tell(tell::streaks(cx.line, declared, &statistics, since, streak));
            });
        }
        if let Some(line) = line {
            self.derive(way, line, &series, declared, &statistics, out);
        }
        None
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

impl Profiles {
    /// The profile of these names, which is new where there is room for one more.
    fn find(&mut self, series: &Series) -> Option<&mut Heard> {
        let ix = match self.0.binary_search_by(|heard| (*heard.series).cmp(series)) {
            Ok(ix) => ix,
            Err(_) if self.0.len() >= PROFILES_MAX => return None,
            Err(ix) => {
                let heard = Heard {
                    series: Arc::new(series.clone()),
                    monitor: Monitor::default(),
                    scans: 0,
                    left_out: None,
                    since: None,
                };
                self.0.insert(ix, heard);
                ix
            }
        };
        self.0.get_mut(ix)
    }

    /// What people see of a line's.
    pub(super) fn view(&self, line: &Line) -> Vec<ProfileView> {
        let of_line = self.0.iter().filter(|heard| heard.series.line == line.name);
        let view = |heard: &Heard| {
            let default = Profile::named(&heard.series.tag);
            let declared = line.profile(&heard.series.area, &heard.series.tag);
            let declared = declared.unwrap_or(&default);
            ProfileView {
                id: Arc::clone(&declared.id),
                unit: Arc::clone(&declared.unit),
                variance: declared.variance.as_str(),
                in_mm: heard.monitor.is_placed(declared),
                statistics: heard.monitor.last().cloned(),
                scans: heard.scans,
                left_out: heard.left_out.clone(),
                streaks_since: heard.since.map(Timestamp::as_millis),
                zones: heard.monitor.zones(declared),
                pictures: heard.monitor.pictures().cloned().collect(),
            }
        };
        of_line.map(view).collect()
    }
}

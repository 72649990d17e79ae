//! Another configuration for the same state.

use super::charts::Told;
use super::line::LineState;
use super::{Engine, tag_of};
use crate::decode::{Format, Rule};
use crate::plant::{Line, Plant};
use std::sync::Arc;

impl Engine {
    /// Goes on under another configuration; true if it is another one. Lines and tags keep what is
    /// known of them by their names.
    pub fn reconfigure(&mut self, plant: Plant, rules: Vec<Rule>) -> bool {
        if *self.plant == plant && self.rules == rules {
            return false;
        }
        let mut fresh = Self::new(plant, rules);
        let old = std::mem::replace(&mut self.state, fresh.state.clone());
        for (old_ix, (old_line, old_state)) in self.plant.lines.iter().zip(old.lines).enumerate() {
            if let Some(ix) = fresh.plant.line_ix(&old_line.name) {
                let line = &fresh.plant.lines[ix.get()];
                let state = &mut fresh.state.lines[ix.get()];
                state.adopt(old_state, old_line, line);
                state.declare_properties(&self.plant, (&fresh.plant, line));
                // Kept frames are found by the line's position and read by those of its tags.
                let same_tags =
                    old_line.tags.iter().map(|t| &t.id).eq(line.tags.iter().map(|t| &t.id));
                state.learning.reconfigured(old_ix == ix.get() && same_tags);
            }
        }
        let declared = |line: &str| fresh.plant.line_ix(line).is_some();
        fresh.state.strays = old.strays.without(|series| {
            declared(&series.line) && {
                let ix = fresh.plant.line_ix(&series.line).expect("it is declared");
                tag_of(&fresh.names[ix.get()], &series.area, &series.tag).is_some()
            }
        });
        fresh.state.alarms = old.alarms.of(Arc::clone(&fresh.plant.site));
        fresh.state.alarms.keep_lines(|line| fresh.plant.line_ix(line).is_some());
        fresh.state.alarms.reconsider(&fresh.plant.alarms);
        fresh.state.next_request = old.next_request;
        fresh.state.next_borrowed = old.next_borrowed;
        fresh.state.next_soft_sensor = old.next_soft_sensor;
        fresh.state.faults = old.faults;
        fresh.state.last_faults = old.last_faults;
        fresh.state.readings = old.readings;
        fresh.state.duplicates = old.duplicates;
        fresh.state.link_down_since = old.link_down_since;
        for line in &mut fresh.state.lines {
            line.blind = old.link_down_since.is_some();
        }
        fresh.state.sessions = old.sessions;
        // What nobody could take before may be taken now, such as a value that a broker retains; other
        // changes leave known what comes again only for want of an acknowledgement.
        if self.reads_as(&fresh) {
            fresh.state.repeats = old.repeats;
        }
        fresh.state.recoveries = old.recoveries;
        fresh.state.drops = old.drops;
        let has_broker = |name: &str| fresh.rules.iter().any(|rule| *rule.broker == *name);
        fresh.state.clocks = old.clocks.without(has_broker);
        let hears_nodes = |name: &str| {
            let of_nodes = |rule: &&Rule| matches!(rule.format, Format::SparkplugB(_));
            fresh.rules.iter().filter(of_nodes).any(|rule| *rule.broker == *name)
        };
        fresh.state.nodes = old.nodes.of(hears_nodes);
        fresh.state.profiles = old.profiles;
        fresh.state.audit = old.audit;
        *self = fresh;
        true
    }

    /// True if every message gives the same readings of the same tags here as there.
    fn reads_as(&self, other: &Self) -> bool {
        let declared = |plant: &Plant| {
            let lines: Vec<Arc<str>> =
                plant.lines.iter().map(|line| Arc::clone(&line.name)).collect();
            (lines, plant.undeclared, plant.undeclared_max)
        };
        self.rules == other.rules
            && self.names == other.names
            && declared(&self.plant) == declared(&other.plant)
    }
}

impl LineState {
    /// Charts of laboratory properties that were not there before begin with the batches that are remembered.
    fn declare_properties(&mut self, before: &Plant, (plant, line): (&Plant, &Line)) {
        let now = self.judged_to.unwrap_or_default();
        let finished = self.book.finished().map(|batch| {
            let grade = batch.grade.as_deref().unwrap_or_default();
            (batch, self.learning.teaches(grade, &batch.id))
        });
        self.charts.declare(&Told { line, plant, now }, before, finished);
    }
}

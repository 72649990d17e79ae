//! How long what each tag sees takes to the end of its line, as the mill declares it, by the frames so far.

use crate::plant::{Line, Transit};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The declared delays of a line's tags as they are by now. A delay by a rate follows it frame by frame; where the rate has no
/// value, or one so low that nothing would arrive within four hours, what it was before holds.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Transits {
    /// One for each declared tag, s; none where it has no delay, or its rate had no value yet.
    seconds: Vec<Option<f64>>,
}

impl Transits {
    /// Takes the values of a frame, one for each declared tag; NaN where there is none.
    pub fn take(&mut self, line: &Line, values: &[f64]) {
        self.seconds.resize(line.tags.len(), None);
        let value = |id: &str| line.tag_position(id).and_then(|ix| values.get(ix)).copied();
        // Many tags have one rate, such as the speed of the machine.
        let mut rates: BTreeMap<&str, Option<f64>> = BTreeMap::new();
        for (tag, held) in line.tags.iter().zip(&mut self.seconds) {
            let Some(delay) = &tag.delay else { continue };
            let rate =
                delay.rate().and_then(|rate| *rates.entry(rate).or_insert_with(|| value(rate)));
            *held = delay.seconds(rate).or(*held);
        }
    }

    /// Takes over what was known under an older configuration: of tags whose delay is what it was.
    pub fn adopt(&mut self, old: &Self, old_line: &Line, line: &Line) {
        if old.seconds.is_empty() {
            // No frame came yet: it is the state of a line that was never declared otherwise.
            return;
        }
        self.seconds.resize(line.tags.len(), None);
        for (tag, seconds) in old_line.tags.iter().zip(&old.seconds) {
            let ix = line.tag_position(&tag.id).filter(|ix| line.tags[*ix].delay == tag.delay);
            if let Some(ix) = ix {
                self.seconds[ix] = *seconds;
            }
        }
    }

    /// The delay of a declared tag by its position; `None` where none is known.
    #[must_use]
    pub fn of(&self, tag: usize) -> Option<Transit> {
        self.seconds.get(tag).copied().flatten().map(Transit::exactly)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plant::{Delay, Tag};
    use std::time::Duration;

    #[test]
    fn delay_follows_its_rate_and_holds_while_that_is_lost_or_stands() {
        let mut line = Line::named("a");
        let by = Delay::Over { amount: 900.0 * 60.0, rate: "speed".into() };
        let tag = |id: &str, delay: Option<Delay>| Tag { delay, ..Tag::named(id) };
        line.tags = vec![
            tag("chest", Some(by)),
            tag("speed", None),
            tag("headbox", Some(Delay::Time(Duration::from_millis(1500)))),
        ];
        let mut transits = Transits::default();
        assert_eq!(transits.of(0), None);
        let mut now = |speed: f64| {
            transits.take(&line, &[f64::NAN, speed, f64::NAN]);
            [0, 1, 2, 3].map(|ix| transits.of(ix).map(|transit| transit.likeliest_s))
        };
        assert_eq!(now(f64::NAN), [None, None, Some(1.5), None]);
        assert_eq!(now(1800.0), [Some(30.0), None, Some(1.5), None]);
        for lost in [f64::NAN, 0.0, -1.0, 3.0] {
            assert_eq!(now(lost)[0], Some(30.0), "{lost}");
        }
        assert_eq!(now(900.0)[0], Some(60.0));
        // Another configuration, in which the tags stand otherwise and one delay is another: what is as it was holds.
        let mut other = line.clone();
        other.tags.reverse();
        let mut adopted = Transits::default();
        adopted.adopt(&transits, &line, &other);
        assert_eq!(adopted.seconds, [Some(1.5), None, Some(60.0)]);
        other.tags[2].delay = Some(Delay::Time(Duration::from_secs(9)));
        let mut adopted = Transits::default();
        adopted.adopt(&transits, &line, &other);
        assert_eq!(adopted.seconds, [Some(1.5), None, None]);
        let mut adopted = Transits::default();
        adopted.adopt(&Transits::default(), &line, &other);
        assert_eq!(adopted, Transits::default());
    }
}

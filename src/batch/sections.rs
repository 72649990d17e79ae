//! A batch along its making: section after section, and what was seen in each.
//!
//! Sections are of equal time made, pauses left out, so that what one room counts in a section and another judges in it
//! lie in the same one, however the speed changed. Where there are too many, two become one.

use super::product::{Made, Stretch};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A section is at least so long, s: less than a scan of a web tells nothing.
const SHORTEST_S: f64 = 10.0;

/// Sections that are kept at most.
const SECTIONS_MAX: u32 = 96;

/// What is summed up in sections.
pub trait SumUp: Default {
    /// Adds what was summed up in the section behind it.
    fn join(&mut self, behind: Self);
}

/// Something summed up along a batch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Along<T> {
    /// The time made in a section, s.
    each_s: f64,
    sections: Vec<T>,
}

impl<T> Default for Along<T> {
    fn default() -> Self {
        Self { each_s: SHORTEST_S, sections: Vec::new() }
    }
}

impl<T: SumUp> Along<T> {
    /// The section in which a frame lies that begins when so much time was made, s.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "it is not negative, and below SECTIONS_MAX before it is used"
    )]
    pub fn at(&mut self, made_s: f64) -> &mut T {
        let made_s = made_s.max(0.0);
        while made_s / self.each_s >= f64::from(SECTIONS_MAX) {
            self.halve();
        }
        let ix = (made_s / self.each_s) as usize;
        if self.sections.len() <= ix {
            self.sections.resize_with(ix + 1, T::default);
        }
        &mut self.sections[ix]
    }

    /// Two sections become one.
    fn halve(&mut self) {
        let mut halved = Vec::with_capacity(self.sections.len().div_ceil(2));
        let mut sections = std::mem::take(&mut self.sections).into_iter();
        while let Some(mut first) = sections.next() {
            if let Some(behind) = sections.next() {
                first.join(behind);
            }
            halved.push(first);
        }
        self.sections = halved;
        self.each_s *= 2.0;
    }

    /// The sections, in order; those in which nothing was summed up are as they begin.
    #[must_use]
    pub fn sections(&self) -> &[T] {
        &self.sections
    }

    /// The same sections as another one has, which sums up something else along the same batch.
    #[must_use]
    pub fn like<U>(&self, other: &Along<U>) -> Cow<'_, Self>
    where
        T: Clone,
    {
        if self.each_s >= other.each_s {
            return Cow::Borrowed(self);
        }
        let mut halved = self.clone();
        while halved.each_s < other.each_s {
            halved.halve();
        }
        Cow::Owned(halved)
    }
}

/// What was seen in a section of a batch.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Section {
    /// Its frames; `None` if there was none.
    pub stretch: Option<Stretch>,
    /// The time made in them, s.
    pub made_s: f64,
    /// The values of quality tags.
    pub quality: BTreeMap<Arc<str>, Seen>,
}

/// The values of a quality tag in a stretch: each weighs as long as its frame.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Seen {
    /// Frames with a value.
    pub frames: u32,
    /// The time of these, s.
    pub seen_s: f64,
    /// Of that, outside the limits, or with a value beyond the bounds of single ones.
    pub out_s: f64,
    /// Their mean, in the tag's unit.
    pub mean: f64,
    /// The sum of their squared deviations from it, each by its weight.
    squares: f64,
    /// The least of them.
    pub least: f64,
    /// The greatest of them.
    pub greatest: f64,
}

impl Seen {
    /// Adds a frame's value.
    pub(super) fn add(&mut self, value: f64, inside: bool, seconds: f64) {
        if seconds > 0.0 {
            let out_s = if inside { 0.0 } else { seconds };
            let one = Self {
                frames: 1,
                seen_s: seconds,
                out_s,
                mean: value,
                squares: 0.0,
                least: value,
                greatest: value,
            };
            self.add_all(&one);
        }
    }

    /// Adds the values of another stretch: Chan, Golub and `LeVeque` (1979) for mean and squares.
    pub fn add_all(&mut self, other: &Self) {
        if other.frames == 0 {
            return;
        }
        if self.frames == 0 {
            *self = *other;
            return;
        }
        let seen_s = self.seen_s + other.seen_s;
        let apart = other.mean - self.mean;
        self.mean += apart * other.seen_s / seen_s;
        self.squares += other.squares + apart * apart * self.seen_s * other.seen_s / seen_s;
        self.seen_s = seen_s;
        self.frames += other.frames;
        self.out_s += other.out_s;
        self.least = self.least.min(other.least);
        self.greatest = self.greatest.max(other.greatest);
    }

    /// The variance of the values about their mean, in the square of the tag's unit; `None` of fewer than two.
    #[must_use]
    pub fn variance(&self) -> Option<f64> {
        let n = f64::from(self.frames);
        (self.frames > 1).then(|| self.squares / self.seen_s * n / (n - 1.0))
    }
}

impl Section {
    /// Adds a frame's product, at `position` metres of the batch.
    pub(super) fn add(&mut self, made: &Made, position: Option<f64>) {
        self.made_s += made.end.seconds_since(made.start);
        let to_m = position.map(|at| at + made.metres.unwrap_or(0.0));
        let stretch = self.stretch.get_or_insert(Stretch {
            from: made.start,
            to: made.end,
            from_m: position,
            to_m,
        });
        stretch.to = made.end;
        stretch.to_m = to_m;
    }

    /// The values of a quality tag.
    pub(super) fn seen(&mut self, tag: &Arc<str>) -> &mut Seen {
        if !self.quality.contains_key(tag) {
            self.quality.insert(Arc::clone(tag), Seen::default());
        }
        self.quality.get_mut(tag).expect("it was inserted above")
    }
}

impl SumUp for Section {
    fn join(&mut self, behind: Self) {
        self.made_s += behind.made_s;
        self.stretch = match (self.stretch, behind.stretch) {
            (Some(first), Some(last)) => {
                Some(Stretch { from: first.from, from_m: first.from_m, ..last })
            }
            (first, last) => first.or(last),
        };
        for (tag, seen) in &behind.quality {
            self.seen(tag).add_all(seen);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reading::Timestamp;

    fn frame(s: i64, metres: f64) -> Made {
        let at = |s: i64| Timestamp::from_nanos(s * 1_000_000_000);
        Made { start: at(s), end: at(s + 1), metres: Some(metres), kg: None }
    }

    /// A batch of so many seconds, ten metres in each, of which `bw` is 15 and then 17.
    #[expect(clippy::cast_precision_loss, reason = "small test numbers")]
    fn along(seconds: i64, from_then: i64) -> Along<Section> {
        let mut along = Along::default();
        let bw: Arc<str> = "bw".into();
        for s in 0..seconds {
            let section: &mut Section = along.at(s as f64);
            section.add(&frame(s, 10.0), Some(10.0 * s as f64));
            section.seen(&bw).add(if s < from_then { 15.0 } else { 17.0 }, s < from_then, 1.0);
        }
        along
    }

    #[test]
    fn sections_become_longer_and_lose_nothing() {
        for (seconds, sections, each) in
            [(1, 1, 10.0), (959, 96, 10.0), (960, 96, 10.0), (961, 49, 20.0), (40_000, 63, 640.0)]
        {
            let along = along(seconds, seconds / 2);
            assert_eq!((along.sections().len(), along.each_s), (sections, each), "{seconds}");
            let mut whole = Section::default();
            for section in along.sections() {
                whole.join(section.clone());
            }
            let seen = whole.quality["bw"];
            assert_eq!(i64::from(seen.frames), seconds);
            let stretch = whole.stretch.unwrap();
            assert_eq!(
                (stretch.from, stretch.to),
                (frame(0, 0.0).start, frame(seconds - 1, 0.0).end)
            );
            assert_eq!(stretch.from_m, Some(0.0));
            #[expect(clippy::cast_precision_loss, reason = "small test numbers")]
            let expected = (seconds as f64, (seconds - seconds / 2) as f64);
            assert!(
                (whole.made_s - expected.0).abs() < 1e-6 && (seen.out_s - expected.1).abs() < 1e-6
            );
            assert!((stretch.to_m.unwrap() - 10.0 * expected.0).abs() < 1e-6);
        }
    }

    #[test]
    fn joined_values_have_the_variance_of_all() {
        let values = [15.2, 15.0, 14.8, 15.4, 15.5, 15.1, 15.0, 15.6, 14.9, 14.9, 14.6, 15.2];
        let of = |values: &[f64]| {
            let mut seen = Seen::default();
            for value in values {
                seen.add(*value, true, 2.5);
            }
            seen
        };
        for cut in 0..values.len() {
            let mut seen = of(&values[..cut]);
            seen.add_all(&of(&values[cut..]));
            // The sample variance that domain.md 2.3 gives for these.
            assert!((seen.variance().unwrap() - 0.087_272_727_27).abs() < 1e-9, "{cut}");
            assert!((seen.mean - 15.1).abs() < 1e-9);
            assert_eq!((seen.least, seen.greatest, seen.frames), (14.6, 15.6, 12));
        }
        assert_eq!(of(&values[..1]).variance(), None);
        let mut stood = of(&values[..1]);
        stood.add(99.0, true, 0.0);
        assert_eq!(stood, of(&values[..1]), "a frame of no time");
    }

    #[test]
    fn others_sum_up_in_the_same_sections() {
        let (short, long) = (along(500, 0), along(4000, 0));
        assert_eq!(short.like(&long).each_s.to_bits(), long.each_s.to_bits());
    }
}

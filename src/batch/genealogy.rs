//! What batches were made of, and what became of them, with positions in metres.
//!
//! A *source* is what a batch consumed: a lot of raw material, or another batch (a parent reel that a rewinder unwinds).
//! Sources and batches are a directed acyclic graph; [`Genealogy::of`] follows it either way, and takes a stretch along where both
//! ends of an edge have positions. What is wound last is unwound first: such an edge has its source's metres falling.

use serde::{Deserialize, Serialize};
use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

/// Edges that a trace tells of.
pub const TRACED_MAX: usize = 1000;

/// Edges that lead from a name, and whether there are more of them.
pub type Edges = (Vec<Edge>, bool);

/// How many times a source is followed through what was made of it.
const GENERATIONS_MAX: u32 = 16;

/// A stretch in metres: where it begins and ends. It may fall.
pub type Metres = (f64, f64);

/// What a batch consumed.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Consumed {
    /// The lot, or the batch.
    pub from: Arc<str>,
    /// How much of it, kg.
    pub mass_kg: Option<f64>,
    /// The metres of the batch that were made of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub made: Option<Metres>,
    /// The metres of the source that went into them, in the order in which they went.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub used: Option<Metres>,
    /// True if the source is a batch that was merged into this one.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub merged: bool,
}

/// An edge of the graph: a batch of a line and what it consumed.
#[derive(Debug, Clone, PartialEq)]
pub struct Edge {
    /// The batch's line.
    pub line: Arc<str>,
    /// The batch.
    pub batch: Arc<str>,
    /// What it consumed.
    pub consumed: Consumed,
}

/// Which way a trace goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Towards {
    /// To what it was made of.
    Sources,
    /// To what was made of it.
    Products,
}

/// An edge that a trace went along.
#[derive(Debug, Clone, PartialEq)]
struct Traced {
    edge: Edge,
    /// How many edges away it is, from 1 on.
    generation: u32,
    /// Where in what it leads to the stretch is that was asked for, m; `None`: nobody said, it may be anywhere in it.
    stretch: Option<Metres>,
}

/// What a lot or a batch was made of, and what was made of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Genealogy {
    /// The lot or batch.
    pub of: Arc<str>,
    /// The metres of it that were asked for; `None`: all of it.
    pub from_m: Option<f64>,
    /// Their end.
    pub to_m: Option<f64>,
    /// What it was made of, the nearest first.
    pub sources: Vec<Step>,
    /// What was made of it, the nearest first.
    pub products: Vec<Step>,
    /// True if there is more either way than is told.
    pub more: bool,
}

/// One step of a genealogy: a batch was made of a source.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Step {
    /// How many steps away it is, from 1 on.
    pub generation: u32,
    /// The line of the batch.
    pub line: Arc<str>,
    /// The batch.
    pub batch: Arc<str>,
    /// The lot or batch that it was made of.
    pub source: Arc<str>,
    /// How much of the source, kg.
    pub mass_kg: Option<f64>,
    /// True if the source was merged into the batch.
    pub merged: bool,
    /// The metres of the batch that were made of the source.
    pub from_m: Option<f64>,
    /// Their end.
    pub to_m: Option<f64>,
    /// The metres of the source that went into them, in the order in which they went.
    pub source_from_m: Option<f64>,
    /// Their end.
    pub source_to_m: Option<f64>,
    /// Where what was asked for is: among the sources in the source, among the products in the batch; m. Not there:
    /// nobody said, it may be anywhere in it.
    pub found_from_m: Option<f64>,
    /// Its end.
    pub found_to_m: Option<f64>,
}

impl Genealogy {
    /// Follows a lot or batch, or a stretch of it, both ways. `edges` gives those that lead from a name, either to its
    /// sources or to its products.
    ///
    /// # Errors
    /// As `edges` has them.
    pub fn of<E>(
        name: &Arc<str>,
        stretch: Option<Metres>,
        mut edges: impl FnMut(Towards, &str) -> Result<Edges, E>,
    ) -> Result<Self, E> {
        let mut trace = |towards| trace(name, towards, stretch, |name| edges(towards, name));
        let (sources, more_sources) = trace(Towards::Sources)?;
        let (products, more_products) = trace(Towards::Products)?;
        let steps = |found: Vec<Traced>| found.into_iter().map(Step::from).collect();
        Ok(Self {
            of: Arc::clone(name),
            from_m: stretch.map(|(from, _)| from),
            to_m: stretch.map(|(_, to)| to),
            sources: steps(sources),
            products: steps(products),
            more: more_sources || more_products,
        })
    }
}

impl From<Traced> for Step {
    fn from(traced: Traced) -> Self {
        let Traced { edge: Edge { line, batch, consumed }, generation, stretch } = traced;
        let Consumed { from: source, mass_kg, made, used, merged } = consumed;
        let both =
            |metres: Option<Metres>| (metres.map(|(from, _)| from), metres.map(|(_, to)| to));
        let ((from_m, to_m), (source_from_m, source_to_m)) = (both(made), both(used));
        let (found_from_m, found_to_m) = both(stretch);
        Self {
            generation,
            line,
            batch,
            source,
            mass_kg,
            merged,
            from_m,
            to_m,
            source_from_m,
            source_to_m,
            found_from_m,
            found_to_m,
        }
    }
}

/// Follows a name, breadth first. What it found, and whether there is more.
fn trace<E>(
    name: &Arc<str>,
    towards: Towards,
    stretch: Option<Metres>,
    mut edges: impl FnMut(&str) -> Result<Edges, E>,
) -> Result<(Vec<Traced>, bool), E> {
    let (mut found, mut more) = (Vec::new(), false);
    let mut seen = BTreeSet::new();
    let mut ahead = VecDeque::from([(Arc::clone(name), stretch, 0)]);
    while let Some((name, stretch, generation)) = ahead.pop_front() {
        let bits = stretch.map(|(from, to)| (from.to_bits(), to.to_bits()));
        if !seen.insert((Arc::clone(&name), bits)) {
            continue;
        }
        let (edges, others) = edges(&name)?;
        more |= others;
        if generation == GENERATIONS_MAX {
            more |= !edges.is_empty();
            continue;
        }
        for edge in edges {
            let Carried::There(stretch) = edge.consumed.carries(stretch, towards) else { continue };
            if found.len() == TRACED_MAX {
                return Ok((found, true));
            }
            let next = match towards {
                Towards::Sources => &edge.consumed.from,
                Towards::Products => &edge.batch,
            };
            ahead.push_back((Arc::clone(next), stretch, generation + 1));
            found.push(Traced { edge, generation: generation + 1, stretch });
        }
    }
    Ok((found, more))
}

/// Where a stretch is on the other side of an edge.
enum Carried {
    /// None of it is there.
    Nothing,
    /// Some of it, and where, if anybody said.
    There(Option<Metres>),
}

impl Consumed {
    /// Where a stretch is on the other side of the edge.
    fn carries(&self, stretch: Option<Metres>, towards: Towards) -> Carried {
        let (here, there) = match towards {
            Towards::Sources => (self.made, self.used),
            Towards::Products => (self.used, self.made),
        };
        let Some(asked) = stretch else { return Carried::There(there.map(ordered)) };
        // Which part of this side went along the edge nobody said: the stretch may be anywhere on the other.
        let ((low, high), Some(here)) =
            (ordered(asked), here.filter(|(from, to)| (from - to).abs() > 0.0))
        else {
            return Carried::There(None);
        };
        let (first, last) = ordered(here);
        let (low, high) = (low.max(first), high.min(last));
        if low >= high {
            return Carried::Nothing;
        }
        let at = |metre: f64| {
            there.map(|(from, to)| from + (metre - here.0) / (here.1 - here.0) * (to - from))
        };
        Carried::There(at(low).zip(at(high)).map(ordered))
    }
}

fn ordered((a, b): Metres) -> Metres {
    if a <= b { (a, b) } else { (b, a) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::convert::Infallible;

    /// Lots L1 and L2 in reel R1 (L2 from 40 000 m on), unwound into rolls A (its last 30 000 m) and B (the 30 000 m
    /// before), B with a stretch of reel R2 spliced on; of the case C nobody knows the metres.
    fn graph() -> Vec<Edge> {
        let edge = |batch: &str, from: &str, made: Option<Metres>, used: Option<Metres>| Edge {
            line: "tm3".into(),
            batch: batch.into(),
            consumed: Consumed { from: from.into(), made, used, ..Consumed::default() },
        };
        vec![
            edge("R1", "L1", Some((0.0, 40_000.0)), None),
            edge("R1", "L2", Some((40_000.0, 60_000.0)), None),
            edge("A", "R1", Some((0.0, 30_000.0)), Some((60_000.0, 30_000.0))),
            edge("B", "R1", Some((0.0, 30_000.0)), Some((30_000.0, 0.0))),
            edge("B", "R2", Some((30_000.0, 31_000.0)), Some((60_000.0, 59_000.0))),
            edge("C", "A", None, None),
        ]
    }

    #[track_caller]
    fn check(name: &str, towards: Towards, stretch: Option<Metres>, expected: &[&str]) {
        let graph = graph();
        let edges = |name: &str| -> Result<Edges, Infallible> {
            let touches = |edge: &&Edge| match towards {
                Towards::Sources => *edge.batch == *name,
                Towards::Products => *edge.consumed.from == *name,
            };
            Ok((graph.iter().filter(touches).cloned().collect(), false))
        };
        let (found, more) = trace(&name.into(), towards, stretch, edges).unwrap();
        let told = found.iter().map(|traced| {
            let Edge { batch, consumed, .. } = &traced.edge;
            let stretch = traced.stretch.map_or("?".to_owned(), |(a, b)| format!("{a}-{b}"));
            format!("{} {}>{batch} {stretch}", traced.generation, consumed.from)
        });
        assert_eq!(
            (told.collect::<Vec<_>>(), more),
            (expected.iter().map(|&s| s.into()).collect(), false)
        );
    }

    #[test]
    fn a_bad_stretch_of_a_reel_is_found_in_its_rolls() {
        let products = Towards::Products;
        check(
            "R1",
            products,
            Some((29_000.0, 31_000.0)),
            &["1 R1>A 29000-30000", "1 R1>B 0-1000", "2 A>C ?"],
        );
        check("R1", products, Some((10_000.0, 12_000.0)), &["1 R1>B 18000-20000"]);
        check("R1", products, None, &["1 R1>A 0-30000", "1 R1>B 0-30000", "2 A>C ?"]);
    }

    #[test]
    fn a_complaint_leads_back_to_the_lots() {
        let sources = Towards::Sources;
        check("A", sources, Some((0.0, 5_000.0)), &["1 R1>A 55000-60000", "2 L2>R1 ?"]);
        check("B", sources, Some((30_500.0, 31_000.0)), &["1 R2>B 59000-59500"]);
        check("C", sources, None, &["1 A>C ?", "2 R1>A 30000-60000", "3 L1>R1 ?", "3 L2>R1 ?"]);
    }

    #[test]
    fn a_lot_leads_to_all_that_was_made_of_it() {
        check("L2", Towards::Products, None, &["1 L2>R1 40000-60000", "2 R1>A 0-20000", "3 A>C ?"]);
    }

    #[test]
    fn a_circle_ends_and_what_is_too_much_says_so() {
        let circle = |name: &str| -> Result<Edges, Infallible> {
            let consumed = Consumed { from: name.into(), ..Consumed::default() };
            let batch = if name == "A" { "B" } else { "A" };
            Ok((vec![Edge { line: "l".into(), batch: batch.into(), consumed }], false))
        };
        let (found, more) = trace(&"A".into(), Towards::Products, None, circle).unwrap();
        assert_eq!((found.len(), more), (2, false));
        // Each was made of the one before.
        let chain = |name: &str| -> Result<Edges, Infallible> {
            let next = name.parse::<u32>().unwrap() + 1;
            let consumed = Consumed { from: name.into(), ..Consumed::default() };
            let edge = Edge { line: "l".into(), batch: next.to_string().into(), consumed };
            Ok((if next <= 17 { vec![edge] } else { Vec::new() }, false))
        };
        let told = |first: &str| {
            let (found, more) = trace(&first.into(), Towards::Products, None, chain).unwrap();
            (found.len(), more)
        };
        assert_eq!([told("0"), told("1")], [(16, true), (16, false)]);
        let cut = |_: &str| -> Result<Edges, Infallible> { Ok((Vec::new(), true)) };
        assert!(trace(&"A".into(), Towards::Products, None, cut).unwrap().1);
        let many = |_: &str| -> Result<Edges, Infallible> {
            let edge = |n: usize| Edge {
                line: "l".into(),
                batch: n.to_string().into(),
                consumed: Consumed::default(),
            };
            Ok(((0..2000).map(edge).collect(), false))
        };
        let (found, more) = trace(&"A".into(), Towards::Products, None, many).unwrap();
        assert_eq!((found.len(), more), (TRACED_MAX, true));
    }

    #[test]
    fn what_an_earlier_release_kept_is_read() {
        let kept = rmp_serde::to_vec_named(&vec![("LOT-7", Some(5.0))]).unwrap();
        let read: Vec<Consumed> = rmp_serde::from_slice(&kept).unwrap();
        let consumed = Consumed { from: "LOT-7".into(), mass_kg: Some(5.0), ..Consumed::default() };
        assert_eq!(read, [consumed]);
    }
}

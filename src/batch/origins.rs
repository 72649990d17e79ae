//! Of which lots of raw material a batch was made, over all that lies between, and the share of each in its mass.

use super::genealogy::{Consumed, Edges};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// How many times a source is followed to what it was made of.
const GENERATIONS_MAX: u32 = 16;

/// Lots, and the share of each in the mass, 0–1, all together 1, by name; empty where nobody said how much of each.
pub type Lots = Vec<(Arc<str>, f64)>;

/// Follows batches to their lots; what it has followed it remembers.
#[derive(Debug, Default)]
pub struct Origins {
    known: BTreeMap<Arc<str>, Lots>,
}

impl Origins {
    /// The lots of a batch of a line. `edges` gives what a name was made of, as [`super::Genealogy::of`] wants it.
    ///
    /// A source of which nobody said what it was made of is a lot. The share of a source is that of its mass; where a mass is
    /// missing, that of the metres that were made of it; where these are missing too, nothing is known.
    ///
    /// # Errors
    /// As `edges` has them.
    pub fn of<E>(
        &mut self,
        line: &str,
        batch: &Arc<str>,
        mut edges: impl FnMut(&str) -> Result<Edges, E>,
    ) -> Result<Lots, E> {
        let (own, more) = edges(batch)?;
        if more {
            return Ok(Lots::new());
        }
        let own = own.into_iter().filter(|edge| *edge.line == *line).map(|edge| edge.consumed);
        let mut above = BTreeSet::from([Arc::clone(batch)]);
        self.mix(&own.collect::<Vec<_>>(), &mut above, GENERATIONS_MAX, &mut edges)
    }

    /// The lots of a source: itself where it is one.
    fn follow<E>(
        &mut self,
        name: &Arc<str>,
        above: &mut BTreeSet<Arc<str>>,
        left: u32,
        edges: &mut impl FnMut(&str) -> Result<Edges, E>,
    ) -> Result<Lots, E> {
        if let Some(known) = self.known.get(name) {
            return Ok(known.clone());
        }
        let itself = vec![(Arc::clone(name), 1.0)];
        // What is told to be made of itself, over whatever way, is followed no further.
        if left == 0 || above.contains(name) {
            return Ok(itself);
        }
        let (own, more) = edges(name)?;
        let own: Vec<Consumed> = own.into_iter().map(|edge| edge.consumed).collect();
        above.insert(Arc::clone(name));
        let mixed = if more { Lots::new() } else { self.mix(&own, above, left - 1, edges)? };
        above.remove(name);
        let lots = if mixed.is_empty() { itself } else { mixed };
        self.known.insert(Arc::clone(name), lots.clone());
        Ok(lots)
    }

    fn mix<E>(
        &mut self,
        consumed: &[Consumed],
        above: &mut BTreeSet<Arc<str>>,
        left: u32,
        edges: &mut impl FnMut(&str) -> Result<Edges, E>,
    ) -> Result<Lots, E> {
        let mass = |one: &Consumed| one.mass_kg.filter(|kg| *kg > 0.0);
        let metres = |one: &Consumed| one.made.map(|(from, to)| (to - from).abs());
        let by = |of: &dyn Fn(&Consumed) -> Option<f64>| {
            consumed.iter().map(of).collect::<Option<Vec<f64>>>()
        };
        let Some(weights) = by(&mass).or_else(|| by(&metres)) else { return Ok(Lots::new()) };
        let whole: f64 = weights.iter().sum();
        if whole <= 0.0 {
            return Ok(Lots::new());
        }
        let mut shares: BTreeMap<Arc<str>, f64> = BTreeMap::new();
        for (one, weight) in consumed.iter().zip(weights) {
            for (lot, share) in self.follow(&one.from, above, left, edges)? {
                *shares.entry(lot).or_default() += share * weight / whole;
            }
        }
        Ok(shares.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::super::genealogy::Edge;
    use super::*;
    use std::convert::Infallible;

    fn edge(batch: &str, from: &str, mass_kg: Option<f64>, made: Option<(f64, f64)>) -> Edge {
        let consumed = Consumed { from: from.into(), mass_kg, made, ..Consumed::default() };
        Edge { line: "tm3".into(), batch: batch.into(), consumed }
    }

    #[track_caller]
    fn check(edges: &[Edge], batch: &str, expected: &[(&str, f64)]) {
        let mut origins = Origins::default();
        let lead = |name: &str| {
            let own = edges.iter().filter(|edge| *edge.batch == *name).cloned().collect();
            Ok::<_, Infallible>((own, false))
        };
        let found = origins.of("tm3", &batch.into(), lead).unwrap();
        assert_eq!(found.len(), expected.len(), "{found:?}");
        for ((lot, share), (name, expected)) in found.iter().zip(expected) {
            assert!(**lot == **name && (share - expected).abs() < 1e-12, "{found:?}");
        }
    }

    #[test]
    fn shares_are_those_of_the_mass_over_all_generations() {
        let kg = |batch, from, kg: f64| edge(batch, from, Some(kg), None);
        let mut edges = vec![
            kg("S1", "SW-1", 300.0),
            kg("S1", "HW-1", 100.0),
            kg("R1", "S1", 50.0),
            kg("R1", "HW-1", 25.0),
            kg("R1", "S2", 25.0),
        ];
        check(&edges, "R1", &[("HW-1", 0.375), ("S2", 0.25), ("SW-1", 0.375)]);
        check(&edges, "S1", &[("HW-1", 0.25), ("SW-1", 0.75)]);
        check(&edges, "R9", &[]);
        // Another line's batch of the same name is another one.
        edges.push(Edge { line: "tm4".into(), ..kg("R1", "HW-9", 900.0) });
        check(&edges, "R1", &[("HW-1", 0.375), ("S2", 0.25), ("SW-1", 0.375)]);
        // A mass is missing of the stock: it is followed no further. Of the batch itself: nothing is known.
        edges.push(edge("S1", "SW-2", None, None));
        check(&edges, "R1", &[("HW-1", 0.25), ("S1", 0.5), ("S2", 0.25)]);
        edges.push(edge("R1", "SW-3", None, None));
        check(&edges, "R1", &[]);
    }

    #[test]
    fn metres_stand_in_for_masses_and_circles_end() {
        let by = |from, made| edge("R1", from, None, Some(made));
        check(&[by("A", (0.0, 300.0)), by("B", (400.0, 300.0))], "R1", &[("A", 0.75), ("B", 0.25)]);
        let kg = |batch, from| edge(batch, from, Some(1.0), None);
        check(&[kg("A", "B"), kg("B", "A"), kg("B", "C")], "A", &[("A", 0.5), ("C", 0.5)]);
    }
}

//! How far a model is from an earlier one of the same grade: where its columns are, and what goes with what.
//!
//! Each fit takes the newest batches, so that successive fits are a moving window (moving-window PCA),
//! and what wanders slowly enough that nobody calls it bad is learned a step at a time. The guard for all adaptive models is
//! a bound on the total way from a reference: a mean by no more than 1.5 of its standard deviations, a subspace by no more
//! than 30 degrees.
//!
//! Both models are put on the scale of the reference, over the columns that both use. With orthonormal bases Q of the two
//! subspaces the cosines of the principal angles are the singular values of QᵣᵀQₙ (Björck and Golub 1973, "Numerical methods
//! for computing angles between linear subspaces").
//!
//! Of the reference those directions count that are well separated from the rest: a direction turns by the change of the
//! matrix over the gap to the next eigenvalue (Davis and Kahan 1970), so where eigenvalues are nearly equal it is chance which
//! directions a fit finds and how many it takes. On simulated mills where nothing goes wrong the subspaces of all components
//! are at times more than 30 degrees apart. For the same reason the new model's subspace has all of its components, or more
//! where it took fewer than are asked for. A model without such a direction is held by its means alone.

use super::Model;
use super::pca::{Pca, eigen};
use crate::reading::name_or_change;
use ndarray::{Array2, Axis};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// How far a mean may be from where it was, in the reference's standard deviations, and how far what varies may have turned,
/// in degrees, before a person has to say that it is right.
const MEANS_MOST: f64 = 1.5;
const TURNED_MOST: f64 = 30.0;

/// A direction is well separated if its eigenvalue is so many times the next one.
const SEPARATED: f64 = 2.0;

/// Columns that are named.
const NAMED: usize = 3;

/// A direction with less than this share of the greatest one is rounding.
const LEAST_SHARE: f64 = 1e-9;

/// Where a model stands: what later ones are measured against.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Footing {
    columns: Vec<Arc<str>>,
    mean: Vec<f64>,
    sd: Vec<f64>,
    /// The directions that are well separated from the rest, each with a loading for each column.
    directions: Vec<Vec<f64>>,
}

/// How far a model is from a footing.
#[derive(Debug, Clone, PartialEq)]
pub struct Wander {
    /// Each column that both use and how far its mean moved, in the reference's standard deviations, furthest first.
    pub means: Vec<(Arc<str>, f64)>,
    /// The largest principal angle between the reference's directions and the model's subspace, degrees; 0 without any.
    pub turned: f64,
}

impl Model {
    /// Where it stands.
    #[must_use]
    pub fn footing(&self) -> Footing {
        let Pca { eigenvalues, loadings, .. } = self.pca();
        let separated = separated(eigenvalues, loadings.ncols());
        let directions = loadings.columns().into_iter().take(separated);
        self.with(directions.map(|direction| direction.to_vec()).collect())
    }

    /// Where it stands, with all of its components, and `least` directions at the least.
    fn subspace(&self, least: usize) -> Option<Footing> {
        let Pca { correlation, loadings, .. } = self.pca();
        if least <= loadings.ncols() {
            let directions = loadings.columns().into_iter();
            return Some(self.with(directions.map(|direction| direction.to_vec()).collect()));
        }
        let (_, vectors) = eigen(correlation).ok()?;
        let directions = vectors.columns().into_iter().take(least.max(loadings.ncols()));
        Some(self.with(directions.map(|direction| direction.to_vec()).collect()))
    }

    fn with(&self, directions: Vec<Vec<f64>>) -> Footing {
        let Pca { mean, sd, .. } = self.pca();
        // What a change is of has no level: it is another column, here and in words.
        let name =
            |ix: &usize| Arc::from(name_or_change(&self.columns()[*ix], self.change_over(*ix)));
        let columns = self.used().iter().map(name).collect();
        Footing { columns, mean: mean.to_vec(), sd: sd.to_vec(), directions }
    }
}

impl Wander {
    /// What is further than a model may go by itself, in words; `None` if nothing is.
    #[must_use]
    pub fn beyond(&self) -> Option<String> {
        let far = self.means.iter().take_while(|(_, by)| by.abs() > MEANS_MOST);
        let mut names: Vec<String> =
            far.clone().take(NAMED).map(|(column, by)| format!("{column} by {by:+.1}")).collect();
        let more = far.count().saturating_sub(NAMED);
        if more > 0 {
            names.push(format!("{more} more"));
        }
        let means = (!names.is_empty()).then(|| {
            format!(
                "means have moved by more than {MEANS_MOST} standard deviations: {}",
                names.join(", ")
            )
        });
        let turned = (self.turned > TURNED_MOST).then(|| {
            let turned = self.turned;
            format!(
                "what goes with what has turned by {turned:.0} degrees, of {TURNED_MOST:.0} at most"
            )
        });
        let parts: Vec<String> = means.into_iter().chain(turned).collect();
        (!parts.is_empty()).then(|| parts.join(", and "))
    }
}

impl Footing {
    /// How far a model is from here; `None` if they have no column in common, or one says nothing of those.
    #[must_use]
    pub fn wander(&self, model: &Model) -> Option<Wander> {
        self.to(&model.subspace(self.directions.len())?)
    }

    fn to(&self, new: &Self) -> Option<Wander> {
        let place = |column: &Arc<str>| new.columns.iter().position(|other| other == column);
        let common: Vec<(usize, usize)> = (0..)
            .zip(&self.columns)
            .filter_map(|(ix, column)| Some((ix, place(column)?)))
            .collect();
        let mut means: Vec<(Arc<str>, f64)> = common
            .iter()
            .map(|(ix, other)| {
                let by = (new.mean[*other] - self.mean[*ix]) / self.sd[*ix];
                (Arc::clone(&self.columns[*ix]), by)
            })
            .collect();
        means.sort_by(|a, b| b.1.abs().total_cmp(&a.1.abs()));
        let turned = match &self.directions[..] {
            [] if common.is_empty() => return None,
            [] => 0.0,
            _ => {
                let factor = |(ix, other): &(usize, usize)| (*other, new.sd[*other] / self.sd[*ix]);
                let here = self.basis(common.iter().map(|(ix, _)| (*ix, 1.0)))?;
                largest_angle(&here, &new.basis(common.iter().map(factor))?)?
            }
        };
        Some(Wander { means, turned })
    }

    /// An orthonormal basis of what the directions A span over these columns, each times a factor: AVΛ^(−1/2) with the
    /// eigenvectors of AᵀA; `None` of nothing.
    fn basis(&self, columns: impl Iterator<Item = (usize, f64)>) -> Option<Array2<f64>> {
        let rows: Vec<f64> = columns
            .flat_map(|(column, factor)| {
                self.directions.iter().map(move |direction| direction[column] * factor)
            })
            .collect();
        let n = rows.len().checked_div(self.directions.len()).filter(|n| *n > 0)?;
        let spanned = Array2::from_shape_vec((n, self.directions.len()), rows).ok()?;
        let (values, vectors) = eigen(&spanned.t().dot(&spanned)).ok()?;
        let least = values.first()? * LEAST_SHARE;
        let kept: Vec<usize> = (0..values.len()).filter(|ix| values[*ix] > least).collect();
        let mut basis = spanned.dot(&vectors.select(Axis(1), &kept));
        for (mut direction, ix) in basis.columns_mut().into_iter().zip(&kept) {
            direction /= values[*ix].sqrt();
        }
        (!kept.is_empty()).then_some(basis)
    }
}

/// How many of so many components, the first ones, are well separated from the rest; `eigenvalues` are all of them.
fn separated(eigenvalues: &[f64], components: usize) -> usize {
    let is_separated =
        |n: &usize| eigenvalues.get(*n).is_none_or(|next| eigenvalues[n - 1] >= SEPARATED * next);
    (1..=components).rev().find(is_separated).unwrap_or_default()
}

/// The largest principal angle between two subspaces, degrees.
fn largest_angle(a: &Array2<f64>, b: &Array2<f64>) -> Option<f64> {
    let cosines = a.t().dot(b);
    // The squares of the singular values, of the smaller of both subspaces.
    let squares = if cosines.nrows() <= cosines.ncols() {
        cosines.dot(&cosines.t())
    } else {
        cosines.t().dot(&cosines)
    };
    eigen(&squares).ok()?.0.last().copied().map(degrees)
}

/// The angle of which this is the squared cosine, degrees.
fn degrees(squared: f64) -> f64 {
    libm::acos(squared.clamp(0.0, 1.0).sqrt()).to_degrees()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::fixtures::{Plant, model, model_of, table_of};

    /// Columns `a`, `b`, … with their means, deviations, and directions.
    fn footing(mean: &[f64], sd: &[f64], directions: &[&[f64]]) -> Footing {
        let names = ["a", "b", "c"].map(Arc::from);
        Footing {
            columns: names[..mean.len()].to_vec(),
            mean: mean.to_vec(),
            sd: sd.to_vec(),
            directions: directions.iter().map(|direction| direction.to_vec()).collect(),
        }
    }

    fn close(found: f64, expected: f64) {
        assert!((found - expected).abs() < 1e-5, "{found} and not {expected}");
    }

    #[test]
    fn angles_are_those_of_the_geometry() {
        let (zero, one) = ([0.0; 3], [1.0; 3]);
        let here = footing(&zero, &one, &[&[1.0, 0.0, 0.0]]);
        for angle in [0.0_f64, 20.0, 40.0, 90.0] {
            let (sin, cos) = libm::sincos(angle.to_radians());
            let there = footing(&zero, &one, &[&[cos, sin, 0.0]]);
            let wander = here.to(&there).unwrap();
            close(wander.turned, angle);
            assert_eq!(wander.beyond().is_some(), angle > 30.0);
            // What the other has beside takes nothing away, and what turns in a plane that both have is none.
            let more = footing(&zero, &one, &[&[cos, sin, 0.0], &[0.0, 0.0, 1.0]]);
            close(here.to(&more).unwrap().turned, angle);
            let plane = footing(&zero, &one, &[&[cos, sin, 0.0], &[-sin, cos, 0.0]]);
            close(here.to(&plane).unwrap().turned, 0.0);
        }
        // On the scale of the reference: as far in both in its own deviations, one of which is twice as great.
        let half = std::f64::consts::FRAC_1_SQRT_2;
        let there = footing(&zero, &[2.0, 1.0, 1.0], &[&[half, half, 0.0]]);
        close(here.to(&there).unwrap().turned, libm::atan(0.5).to_degrees());
        // Without a direction that is separated from the rest, the means alone are held.
        close(footing(&zero, &one, &[]).to(&here).unwrap().turned, 0.0);
    }

    #[test]
    fn directions_that_are_not_separated_do_not_count() {
        for (eigenvalues, components, expected) in [
            (&[3.0, 1.0, 0.9, 0.8][..], 1, 1),
            (&[3.0, 1.0, 0.9, 0.8], 3, 1),
            (&[1.6, 1.4, 1.3, 1.2], 2, 0),
            (&[3.0, 2.9, 1.4, 1.2], 3, 2),
            (&[3.0, 2.9, 1.4, 0.1], 3, 3),
            (&[2.0], 1, 1),
        ] {
            assert_eq!(separated(eigenvalues, components), expected, "{eigenvalues:?}");
        }
    }

    #[test]
    fn means_are_told_in_deviations_of_the_reference_over_the_columns_in_common() {
        let component: &[f64] = &[0.6, 0.8, 0.0];
        let here = footing(&[10.0, 5.0], &[2.0, 1.0], &[&component[..2]]);
        let there = footing(&[14.0, 2.0, 7.0], &[4.0, 2.0, 1.0], &[component]);
        let wander = here.to(&there).unwrap();
        assert_eq!(wander.means, [("b".into(), -3.0), ("a".into(), 2.0)]);
        close(wander.turned, 0.0);
        let words = "means have moved by more than 1.5 standard deviations: b by -3.0, a by +2.0";
        assert_eq!(wander.beyond().as_deref(), Some(words));
        let mut other = there.clone();
        other.columns = vec!["x".into(), "y".into(), "z".into()];
        assert_eq!(here.to(&other), None);
        other.columns[2] = "a".into();
        assert_eq!(here.to(&other), None, "the other says nothing of what both know");
    }

    #[test]
    fn models_of_one_plant_are_near_and_one_of_another_is_far() {
        let first = model(&[]);
        let again = first.footing().wander(&first).unwrap();
        assert!(again.turned < 0.01, "{again:?}");
        let plant = |spoil: fn(&mut [f64; 5])| {
            let model = model_of(&table_of(Plant::new(2), |_, row| spoil(row)), &[]);
            first.footing().wander(&model).unwrap().beyond()
        };
        assert_eq!(plant(|_| {}), None);
        let moved = plant(|row| row[4] += 12.0).unwrap();
        assert!(moved.contains("deviations: load by +"), "{moved}");
        // The speed behind the draw goes against it.
        let turned = plant(|row| row[0] = 2000.0 - row[0]).unwrap();
        assert!(turned.contains("what goes with what has turned by "), "{turned}");
    }
}

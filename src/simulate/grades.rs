//! The three grades: what the machine is set to for each, and what the product has to be.

/// The set points of the machine; see [`set`] for their positions.
pub(super) type SetPoints = [f64; set::COUNT];

/// Positions in [`SetPoints`].
pub(super) mod set {
    /// Yankee (and wire) speed, m/min.
    pub(in crate::simulate) const SPEED: usize = 0;
    /// Crepe ratio on the Yankee's speed, 0–1.
    pub(in crate::simulate) const CREPE: usize = 1;
    /// Basis weight, g/m².
    pub(in crate::simulate) const BASIS_WEIGHT: usize = 2;
    /// Moisture, % of the wet weight.
    pub(in crate::simulate) const MOISTURE: usize = 3;
    /// Share of softwood in the fresh fibre, 0–1.
    pub(in crate::simulate) const SOFTWOOD: usize = 4;
    /// Share of broke in the stock flow, 0–1.
    pub(in crate::simulate) const BROKE: usize = 5;
    /// Specific refining energy on the softwood, kWh/t.
    pub(in crate::simulate) const REFINING: usize = 6;
    /// Wet strength resin, L per t of fibre.
    pub(in crate::simulate) const WET_STRENGTH: usize = 7;
    /// Debonder, mL per t of fibre.
    pub(in crate::simulate) const DEBONDER: usize = 8;
    /// Jet speed over wire speed.
    pub(in crate::simulate) const JET_WIRE: usize = 9;
    /// Press nip load, kN/m.
    pub(in crate::simulate) const PRESS_LOAD: usize = 10;
    /// Suction roll vacuum, kPa below the atmosphere.
    pub(in crate::simulate) const VACUUM: usize = 11;
    /// Hood air at the wet end, °C.
    pub(in crate::simulate) const HOOD_WET: usize = 12;
    /// Hood air at the dry end, °C.
    pub(in crate::simulate) const HOOD_DRY: usize = 13;
    /// Hood supply fan, rpm.
    pub(in crate::simulate) const HOOD_FAN: usize = 14;
    /// Creping blade load, kN/m.
    pub(in crate::simulate) const BLADE_LOAD: usize = 15;
    /// Yankee adhesive, mL/min.
    pub(in crate::simulate) const ADHESIVE: usize = 16;
    /// Yankee release agent, mL/min.
    pub(in crate::simulate) const RELEASE: usize = 17;
    /// Reel nip load, kN/m.
    pub(in crate::simulate) const REEL_LOAD: usize = 18;
    /// How many there are.
    pub(in crate::simulate) const COUNT: usize = 19;
}

/// The product at one instant, without measurement error.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Product {
    /// Basis weight in g/m².
    pub basis_weight: f64,
    /// Moisture in % of the wet weight.
    pub moisture: f64,
    /// Tensile strength in machine direction in N/m.
    pub tensile_md: f64,
    /// Wet tensile strength in cross direction in N/m.
    pub wet_tensile_cd: f64,
    /// Stretch in machine direction in %.
    pub stretch_md: f64,
    /// Thickness of one ply in µm; without limits.
    pub caliper: f64,
}

/// How many properties may have limits.
pub(super) const PROPERTIES: usize = 5;

/// Specification limits of a grade, low then high, limits included; infinite where there is none.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limits {
    /// Basis weight in g/m².
    pub basis_weight: (f64, f64),
    /// Moisture in %.
    pub moisture: (f64, f64),
    /// Tensile strength in machine direction in N/m.
    pub tensile_md: (f64, f64),
    /// Wet tensile strength in cross direction in N/m.
    pub wet_tensile_cd: (f64, f64),
    /// Stretch in machine direction in %.
    pub stretch_md: (f64, f64),
}

impl Limits {
    /// Which of basis weight, moisture, tensile, wet tensile and stretch are outside.
    #[must_use]
    pub fn outside(&self, product: &Product) -> [bool; PROPERTIES] {
        let out = |value: f64, (low, high): (f64, f64)| value < low || high < value;
        [
            out(product.basis_weight, self.basis_weight),
            out(product.moisture, self.moisture),
            out(product.tensile_md, self.tensile_md),
            out(product.wet_tensile_cd, self.wet_tensile_cd),
            out(product.stretch_md, self.stretch_md),
        ]
    }

    /// True if what the scanner sees is inside.
    pub(super) fn scanner_inside(&self, product: &Product) -> bool {
        let [basis_weight, moisture, ..] = self.outside(product);
        !basis_weight && !moisture
    }
}

/// A grade.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Grade {
    /// Its name.
    pub(super) name: &'static str,
    /// How often it is made, of 100 campaigns.
    pub(super) weight: u32,
    /// What the machine is set to.
    pub(super) recipe: SetPoints,
    /// The product at exactly these settings with ordinary raw material.
    pub(super) nominal: Product,
    /// What the product has to be.
    pub(super) limits: Limits,
}

const NONE: f64 = f64::INFINITY;

/// The grades (domain.md 1.6): what is wound in a minute is about the same for all, as the dryer sets it.
pub(super) const GRADES: [Grade; 3] = [
    Grade {
        name: "facial-15",
        weight: 55,
        recipe: [
            2000.0, 0.18, 15.0, 5.5, 0.30, 0.08, 68.0, 45.0, 2700.0, 0.97, 90.0, 40.0, 420.0,
            380.0, 1150.0, 3.0, 250.0, 60.0, 1.5,
        ],
        nominal: Product {
            basis_weight: 15.0,
            moisture: 5.5,
            tensile_md: 130.0,
            wet_tensile_cd: 16.0,
            stretch_md: 19.0,
            caliper: 105.0,
        },
        limits: Limits {
            basis_weight: (14.4, 15.6),
            moisture: (4.5, 6.5),
            tensile_md: (110.0, 150.0),
            wet_tensile_cd: (12.5, NONE),
            stretch_md: (16.0, 22.5),
        },
    },
    Grade {
        name: "toilet-17",
        weight: 30,
        recipe: [
            1850.0, 0.19, 17.0, 6.0, 0.22, 0.12, 60.0, 6.0, 2000.0, 0.965, 92.0, 42.0, 425.0,
            390.0, 1160.0, 3.1, 260.0, 55.0, 1.6,
        ],
        nominal: Product {
            basis_weight: 17.0,
            moisture: 6.0,
            tensile_md: 115.0,
            wet_tensile_cd: 4.0,
            stretch_md: 18.5,
            caliper: 122.0,
        },
        limits: Limits {
            basis_weight: (16.4, 17.6),
            moisture: (4.8, 7.2),
            tensile_md: (97.0, 133.0),
            wet_tensile_cd: (-NONE, NONE),
            stretch_md: (15.5, 22.0),
        },
    },
    Grade {
        name: "towel-21",
        weight: 15,
        recipe: [
            1380.0, 0.15, 21.0, 6.0, 0.45, 0.06, 82.0, 95.0, 400.0, 0.98, 95.0, 44.0, 410.0, 370.0,
            1120.0, 3.3, 230.0, 70.0, 1.8,
        ],
        nominal: Product {
            basis_weight: 21.0,
            moisture: 6.0,
            tensile_md: 250.0,
            wet_tensile_cd: 72.0,
            stretch_md: 14.0,
            caliper: 168.0,
        },
        limits: Limits {
            basis_weight: (20.2, 21.8),
            moisture: (4.8, 7.2),
            tensile_md: (212.0, 288.0),
            wet_tensile_cd: (56.0, NONE),
            stretch_md: (11.8, 16.8),
        },
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_grade_is_inside_its_own_limits_and_no_limit_is_wider_than_the_field_has_it() {
        for grade in &GRADES {
            assert_eq!(grade.limits.outside(&grade.nominal), [false; PROPERTIES], "{}", grade.name);
            let (low, high) = grade.limits.tensile_md;
            assert!((high - low) / (high + low) < 0.16, "{}", grade.name);
        }
        assert_eq!(GRADES.iter().map(|grade| grade.weight).sum::<u32>(), 100);
    }

    #[test]
    fn wet_strength_below_its_least_is_outside() {
        let facial = &GRADES[0];
        let weak = Product { wet_tensile_cd: 12.0, ..facial.nominal };
        assert_eq!(facial.limits.outside(&weak), [false, false, false, true, false]);
        assert!(facial.limits.scanner_inside(&weak));
        assert!(!facial.limits.scanner_inside(&Product { moisture: 7.0, ..facial.nominal }));
    }
}

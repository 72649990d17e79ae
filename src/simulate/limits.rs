//! The specification limits of the grade that the machine makes; those of `config/tissue.toml`.

/// Specification limits, low then high, limits included.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limits {
    /// Basis weight in g/m².
    pub basis_weight: (f64, f64),
    /// Moisture in %.
    pub moisture: (f64, f64),
    /// Tensile strength in machine direction in N/m.
    pub tensile_md: (f64, f64),
}

impl Default for Limits {
    /// Grade `facial-15`.
    fn default() -> Self {
        Self { basis_weight: (14.4, 15.6), moisture: (4.5, 6.5), tensile_md: (100.0, 160.0) }
    }
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
    /// Thickness of one ply in µm; without limits.
    pub caliper: f64,
}

impl Limits {
    /// Which of basis weight, moisture and tensile strength are outside.
    #[must_use]
    pub fn outside(&self, product: &Product) -> [bool; 3] {
        let out = |value: f64, (low, high): (f64, f64)| value < low || high < value;
        [
            out(product.basis_weight, self.basis_weight),
            out(product.moisture, self.moisture),
            out(product.tensile_md, self.tensile_md),
        ]
    }
}

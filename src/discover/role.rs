//! What a tag is likely for, by its name and by how it behaves.

use super::leaf::Leaf;

/// What a tag is likely for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Likely {
    /// What the product is measured by.
    Quality,
    /// What is watched: the default, which needs no word.
    Process,
    /// What goes in.
    RawMaterial,
    /// What says where the process is, and may rest: states, set points, names, counters, ages.
    Context,
}

/// Words in names of what the product is measured by (paper, and what other webs and batches have).
const QUALITY: [&str; 13] = [
    "basis_weight",
    "basisweight",
    "grammage",
    "gsm",
    "moisture",
    "caliper",
    "thickness",
    "brightness",
    "opacity",
    "tensile",
    "softness",
    "gloss",
    "bulk",
];
const RAW: [&str; 5] = ["lot", "furnish", "raw", "incoming", "supplier"];
const CONTEXT: [&str; 19] = [
    "setpoint",
    "set_point",
    "sp",
    "grade",
    "recipe",
    "state",
    "status",
    "mode",
    "batch",
    "reel_id",
    "lot_id",
    "order",
    "age",
    "runtime",
    "counter",
    "alarm",
    "diameter",
    "production_rate",
    "break",
];

impl Likely {
    /// As the configuration says it; `None` where nothing needs to be said.
    pub(super) fn word(self) -> Option<&'static str> {
        match self {
            Self::Quality => Some("quality"),
            Self::Process => None,
            Self::RawMaterial => Some("raw-material"),
            Self::Context => Some("context"),
        }
    }
}

/// What a tag is likely for, and why in a few words.
pub(super) fn of(name: &str, leaf: &Leaf) -> (Likely, &'static str) {
    let name = name.to_ascii_lowercase().replace(['-', '.', ' '], "_");
    let padded = format!("_{name}_");
    let has = |words: &[&str]| words.iter().any(|word| padded.contains(&format!("_{word}_")));
    if leaf.numbers == 0 && leaf.texts > 0 {
        return (Likely::Context, "text");
    }
    if leaf.numbers == 0 && leaf.booleans > 0 {
        return (Likely::Context, "a state");
    }
    if has(&CONTEXT) {
        return (Likely::Context, "by its name");
    }
    if leaf.is_ramp() {
        return (Likely::Context, "it only ever goes one way");
    }
    if leaf.numbers >= 10
        && leaf.distinct.len() <= 2
        && [0.0, 1.0].contains(&leaf.low)
        && leaf.high <= 1.0
    {
        return (Likely::Context, "0 or 1");
    }
    if has(&RAW) {
        return (Likely::RawMaterial, "by its name");
    }
    if has(&QUALITY) && !name.contains("valve") && !name.contains("flow") {
        return (Likely::Quality, "by its name");
    }
    (Likely::Process, "")
}

/// True for a name by which a sheet break is told.
pub(super) fn is_break(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name.contains("break") && !name.contains("breaker")
}

/// True for a name by which the id of a batch is told.
pub(super) fn is_batch_id(name: &str) -> bool {
    let name = name.to_ascii_lowercase().replace(['-', '.', ' '], "_");
    [
        "batch_id",
        "batchid",
        "reel_id",
        "reelid",
        "reel_number",
        "batch_number",
        "lot_id",
        "roll_id",
        "jumbo_id",
    ]
    .iter()
    .any(|word| name.contains(word))
        || ["batch", "reel", "lot"].contains(&name.as_str())
}

/// True for a name by which the grade is told.
pub(super) fn is_grade(name: &str) -> bool {
    ["grade", "grade_id", "gradecode", "grade_code", "recipe"]
        .contains(&name.to_ascii_lowercase().as_str())
}

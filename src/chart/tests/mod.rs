//! Rules, limits, capability and whole charts against what is known of them; what stands in `arl`, `constants`, `ewma`
//! and `cusum` is tested there.

mod capability;
mod chart;
mod limits;
mod oracle;
mod rules;
mod trial;

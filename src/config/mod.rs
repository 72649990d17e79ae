//! From TOML to a checked plant and the settings of each room, with every error at once.

//! `onspec schema`: the JSON Schema of the configuration, so that editors complete it.

use std::io::{self, Write};

/// Prints the schema.
///
/// # Errors
/// When `out` cannot be written.
pub fn schema_command(out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{:#}", crate::config::schema())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schema_is_one_json_document() {
        let mut out = Vec::new();
        schema_command(&mut out).unwrap();
        let schema: serde_json::Value = serde_json::from_slice(&out).unwrap();
        assert_eq!(schema["title"], "onspec configuration");
        assert_eq!(schema["additionalProperties"], false);
    }
}

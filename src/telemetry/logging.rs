//! The log, to standard error: for people, or one JSON object a line.

use std::io::IsTerminal;
use tracing::Subscriber;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::ParseError;
use tracing_subscriber::fmt::MakeWriter;

/// How a line of the log looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LogFormat {
    /// Text for people, in colour on a terminal.
    #[default]
    Human,
    /// A JSON object a line, for machines.
    Json,
}

/// Why the log could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The filter cannot be read.
    #[error(
        "the log filter `{filter}` cannot be read; write a level (`error`, `warn`, `info`, `debug`, \
         `trace`) or levels by room, such as `info,onspec::mqtt=debug`"
    )]
    Filter {
        /// What was given.
        filter: String,
        /// Why not.
        #[source]
        source: ParseError,
    },
    /// The process logs already.
    #[error("the log of this process is set up already")]
    AlreadySet,
}

/// Sends the log of the process to standard error.
///
/// `filter` is a level or levels by room (`info,onspec::mqtt=debug`); empty means `info`.
///
/// # Errors
/// When the filter cannot be read, or the log of this process was set up before.
pub fn init(format: LogFormat, filter: &str) -> Result<(), LogError> {
    let colour = std::io::stderr().is_terminal();
    let subscriber = subscriber(format, filter, colour, std::io::stderr)?;
    tracing::subscriber::set_global_default(subscriber).map_err(|_| LogError::AlreadySet)
}

fn subscriber<W>(
    format: LogFormat,
    filter: &str,
    colour: bool,
    writer: W,
) -> Result<Box<dyn Subscriber + Send + Sync>, LogError>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let parse = |text: &str| {
        EnvFilter::builder()
            .with_default_directive(LevelFilter::INFO.into())
            .parse(text)
            .map_err(|source| LogError::Filter { filter: filter.to_owned(), source })
    };
    // A bare word that is no level would be taken for the name of a room that there is not, and
    // nothing be logged.
    for word in filter.split(',').map(str::trim).filter(|word| is_bare(word)) {
        parse(&format!("onspec={word}"))?;
    }
    // The broker within the demo calls it an error when somebody hangs up.
    let quiet = if filter.contains("rumqttd") { None } else { "rumqttd=off".parse().ok() };
    let filter = quiet.into_iter().fold(parse(filter)?, EnvFilter::add_directive);
    // A disk that is full may be that of the log. The complaint of that would go to the same place, and panic.
    let fmt = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(writer)
        .log_internal_errors(false);
    Ok(match format {
        LogFormat::Human => Box::new(fmt.with_ansi(colour).finish()),
        LogFormat::Json => Box::new(fmt.json().flatten_event(true).with_span_list(false).finish()),
    })
}

/// True if a part of a filter is one word, and none of ours.
fn is_bare(part: &str) -> bool {
    !part.is_empty() && !part.contains(['=', '[', ':']) && part != "onspec"
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::sync::{Arc, Mutex};

    #[derive(Clone, Default)]
    struct Page(Arc<Mutex<Vec<u8>>>);

    impl Write for Page {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn logged(format: LogFormat, filter: &str) -> String {
        let page = Page::default();
        let writer = page.clone();
        let subscriber = subscriber(format, filter, false, move || writer.clone()).unwrap();
        tracing::subscriber::with_default(subscriber, || {
            let _span = tracing::info_span!("line", line = "tm3").entered();
            tracing::info!(batch = "R \"17\"", "batch started");
            tracing::debug!("frame closed");
        });
        let bytes = page.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn json_lines_are_objects_with_the_fields_of_event_and_span() {
        let text = logged(LogFormat::Json, "debug");
        let lines: Vec<serde_json::Value> =
            text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines.len(), 2);
        assert_eq!(lines[0]["level"], "INFO");
        assert_eq!(lines[0]["message"], "batch started");
        assert_eq!(lines[0]["batch"], "R \"17\"");
        assert_eq!(lines[0]["span"]["line"], "tm3");
        assert_eq!(lines[1]["level"], "DEBUG");
    }

    #[test]
    fn an_empty_filter_means_info() {
        for filter in ["", "info"] {
            let text = logged(LogFormat::Human, filter);
            assert!(text.contains("batch started") && !text.contains("frame closed"), "{text}");
        }
    }

    #[test]
    fn no_colour_codes_where_there_is_no_terminal() {
        assert!(!logged(LogFormat::Human, "info").contains('\u{1b}'));
    }

    #[test]
    fn a_filter_that_cannot_be_read_is_named() {
        for filter in ["onspec=loud", "inof", "info,wran"] {
            let error = subscriber(LogFormat::Human, filter, false, std::io::sink).err().unwrap();
            assert!(error.to_string().contains(&format!("`{filter}`")), "{error}");
        }
        for filter in ["warn,onspec::mqtt=debug", "onspec", "off", "INFO,rumqttc=warn"] {
            assert!(subscriber(LogFormat::Human, filter, false, std::io::sink).is_ok(), "{filter}");
        }
    }
}

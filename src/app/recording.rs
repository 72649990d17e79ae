//! A simulated run as a recording: what `simulate --record` leaves behind, and `replay` reads.

use super::error::AppError;
use crate::decode::{Decoder, Message};
use crate::reading::Value;
use crate::simulate::{Machine, Published, Truth};
use flate2::Compression;
use flate2::write::GzEncoder;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::sync::Arc;

/// What was recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Recorded {
    /// Rows of `readings.csv.gz`.
    pub readings: u64,
    /// Lines of `events.jsonl`.
    pub events: u64,
}

/// Runs a machine to its end and writes into a directory, which is made if it is not there:
///
/// - `readings.csv.gz`: long, `time,tag,value`, times as RFC 3339, in order of arrival;
/// - `events.jsonl`: batch and laboratory events, one JSON object a line;
/// - `truth.jsonl`: what was so.
///
/// The readings are those that a broker would have got: late ones late, doubled ones twice, lost ones
/// missing.
///
/// The machine has to publish in its own form, `wide`.
///
/// # Errors
/// When a file cannot be written.
pub fn record(mut machine: Machine, directory: &Path) -> Result<(Recorded, Truth), AppError> {
    let failed = |doing: String| move |source: io::Error| AppError::Io { doing, source };
    std::fs::create_dir_all(directory)
        .map_err(failed(format!("make the directory `{}`", directory.display())))?;
    let path = |name: &str| directory.join(name);
    let create = |name: &str| {
        let path = path(name);
        let file = File::create(&path);
        file.map_err(failed(format!("write `{}`", path.display())))
    };
    let broker: Arc<str> = "machine".into();
    let mut tape = Tape {
        decoder: Decoder::new(crate::simulate::rules(&broker)),
        broker,
        readings: GzEncoder::new(BufWriter::new(create("readings.csv.gz")?), Compression::fast()),
        events: BufWriter::new(create("events.jsonl")?),
        recorded: Recorded::default(),
    };
    let writing = || failed(format!("write into `{}`", directory.display()));
    tape.readings.write_all(b"time,tag,value\n").map_err(writing())?;
    let mut out = Vec::new();
    while machine.step(&mut out) {
        for message in out.drain(..) {
            tape.take(message).map_err(writing())?;
        }
    }
    let mut file = create("truth.jsonl")?;
    let truth = machine.into_truth();
    file.write_all(truth.to_json_lines().as_bytes()).map_err(writing())?;
    let Tape { readings, mut events, recorded, .. } = tape;
    readings.finish().and_then(|mut file| file.flush()).map_err(writing())?;
    events.flush().map_err(writing())?;
    Ok((recorded, truth))
}

struct Tape {
    decoder: Decoder,
    broker: Arc<str>,
    readings: GzEncoder<BufWriter<File>>,
    events: BufWriter<File>,
    recorded: Recorded,
}

impl Tape {
    fn take(&mut self, published: Published) -> io::Result<()> {
        let arrival = published.from_broker(&self.broker);
        let (mut messages, mut faults) = (Vec::new(), Vec::new());
        self.decoder.decode(&arrival, &mut messages, &mut faults);
        debug_assert!(faults.is_empty(), "the machine writes what its rules read: {faults:?}");
        for message in messages {
            match message {
                Message::Reading(reading) => {
                    let at = reading.at.unwrap_or(arrival.received);
                    let tag: Arc<str> = reading.tag;
                    match reading.value {
                        Value::Number(value) => {
                            writeln!(self.readings, "{at},{tag},{}", value.get())?;
                        }
                        Value::Text(text) => writeln!(self.readings, "{at},{tag},{text}")?,
                    }
                    self.recorded.readings += 1;
                }
                Message::Batch(_) => {
                    self.events.write_all(&arrival.payload)?;
                    self.events.write_all(b"\n")?;
                    self.recorded.events += 1;
                }
                Message::Dropped(_) | Message::Node(_) | Message::Profile(_) => {
                    unreachable!("the machine is no broker, and speaks of tags by topics here")
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::demo;
    use super::*;
    use crate::simulate::Form;
    use std::io::Read as _;

    #[test]
    fn a_recording_has_the_readings_the_events_and_the_truth() {
        let directory = tempfile::tempdir().expect("a directory for temporary files");
        let mut checked = demo::tissue(None).expect("the model case can be used");
        checked.plant.models.learning_batches = 0;
        let machine = demo::machine(&checked, 3, 1, Form::Wide);
        let into = directory.path().join("run");
        let (recorded, truth) = record(machine, &into).expect("the directory is ours");
        let read = |name: &str| std::fs::read(into.join(name)).expect("it was written");
        let mut csv = String::new();
        flate2::read::GzDecoder::new(&*read("readings.csv.gz"))
            .read_to_string(&mut csv)
            .expect("it is text");
        assert!(csv.starts_with("time,tag,value\n2026-01-23T00:0"), "{}", &csv[..60]);
        assert_eq!(csv.lines().count() as u64, recorded.readings + 1);
        let events = String::from_utf8(read("events.jsonl")).expect("it is text");
        assert_eq!(events.lines().count() as u64, recorded.events);
        assert!(events.contains(r#"{"event":"batch-start","batch":"TM3-260123-001""#), "{events}");
        let told = String::from_utf8(read("truth.jsonl")).expect("it is text");
        assert_eq!(told, truth.to_json_lines());
        assert_eq!(truth.batches.len(), 1);
    }
}

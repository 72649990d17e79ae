//! `onspec batches report`.

use super::super::out::{Exit, Out};
use super::super::store::Which;
use crate::app::{AppError, batches, reports};
use crate::plant::nearest;
use crate::reading::Timestamp;
use crate::report::{self, BatchData, Delivery, Week};
use crate::store::{Reader, StoreError};
use crate::telemetry::{Clock, SystemClock};
use crate::words::{Language, Locale};
use std::path::PathBuf;

/// Batches among which it is looked for what was meant.
const MEANT_MAX: usize = 5000;

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    /// The batch; of a certificate, all that are delivered together.
    #[arg(required_unless_present = "weekly", conflicts_with = "weekly", value_name = "ID")]
    ids: Vec<String>,
    #[command(flatten)]
    which: Which,
    /// The file that is written; `-` is standard output.
    #[arg(short, long, value_name = "FILE", default_value = "-")]
    output: PathBuf,
    /// The line, where several have a batch of this id; of a scoreboard, its only line.
    #[arg(long, value_name = "LINE")]
    line: Option<String>,
    /// The language, `en` or `zh-CN` [default: that of the configuration].
    #[arg(long, value_name = "LANGUAGE", value_parser = language)]
    language: Option<Language>,
    /// A certificate of analysis instead of the report. 1 if something stands against it.
    #[arg(long, conflicts_with = "weekly")]
    certificate: bool,
    /// The customer on the certificate.
    #[arg(long, value_name = "NAME", requires = "certificate")]
    customer: Option<String>,
    /// The order on the certificate.
    #[arg(long, value_name = "NUMBER", requires = "certificate")]
    order: Option<String>,
    /// Issue it whatever stands against it, which it then says in large.
    #[arg(long, requires = "certificate")]
    as_is: bool,
    /// The scoreboard of a week instead: what flags were worth.
    #[arg(long)]
    weekly: bool,
    /// Its week [default: the one in which the newest batch ended].
    #[arg(long, value_name = "YEAR-WEEK", requires = "weekly", value_parser = week)]
    week: Option<Week>,
}

fn language(text: &str) -> Result<Language, String> {
    let known = [Language::English, Language::Chinese];
    known
        .into_iter()
        .find(|known| known.as_str().eq_ignore_ascii_case(text))
        .ok_or_else(|| format!("`{text}` is no language of reports; write `en` or `zh-CN`"))
}

fn week(text: &str) -> Result<Week, String> {
    text.parse()
}

/// Why there is no report.
enum Refusal {
    /// The command line asks for what cannot be.
    Usage(String),
    /// The answer is no.
    No(String),
    Failed(AppError),
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        Self::Failed(error.into())
    }
}

pub(super) fn command(args: &Args, out: &mut Out) -> Exit {
    let (path, settings) = match args.which.with_reports() {
        Ok(found) => found,
        Err(problem) => {
            out.error(&problem);
            return Exit::Usage;
        }
    };
    let language = args.language.unwrap_or(settings.language);
    let settings = Locale { language, ..settings };
    let made = Timestamp::from_nanos(SystemClock.now_nanos());
    let document = Reader::open(&path)
        .map_err(Refusal::from)
        .and_then(|reader| document(&reader, args, &settings, made));
    let document = match document {
        Ok(document) => document,
        Err(Refusal::Usage(problem)) => {
            out.error(&problem);
            return Exit::Usage;
        }
        Err(Refusal::No(problem)) => {
            out.error(&problem);
            return Exit::Failed;
        }
        Err(Refusal::Failed(error)) => return out.fail(&error),
    };
    if args.output.as_os_str() == "-" {
        return out.print(&document);
    }
    match std::fs::write(&args.output, document) {
        Ok(()) => Exit::Done,
        Err(error) => {
            let file = args.output.display();
            out.error(&format!("error: cannot write `{file}`: {error}\n"));
            Exit::Failed
        }
    }
}

fn document(
    reader: &Reader,
    args: &Args,
    settings: &Locale,
    made: Timestamp,
) -> Result<String, Refusal> {
    if args.weekly {
        let line = args.line.as_deref();
        let data = reports::week(reader, line, args.week, &settings.zone)?;
        let Some(data) = data else {
            return Err(Refusal::No(nothing(reader, line)?));
        };
        return Ok(report::weekly(&data, settings, made));
    }
    if args.ids.len() > 1 && !args.certificate {
        let text = "error: a report is of one batch; `--certificate` takes several\n";
        return Err(Refusal::Usage(text.into()));
    }
    if let Some(id) = twice(&args.ids) {
        return Err(Refusal::Usage(format!(
            "error: batch `{id}` is named twice; a certificate has each once\n"
        )));
    }
    let found = args.ids.iter().map(|id| data(reader, args.line.as_deref(), id));
    let found: Vec<BatchData> = found.collect::<Result<_, _>>()?;
    if args.certificate {
        let Args { customer, order, as_is, .. } = args;
        let delivery = Delivery { customer: customer.clone(), order: order.clone(), as_is: *as_is };
        return report::certificate(&found, &delivery, settings, made).map_err(|against| {
            let against: Vec<String> = against.iter().map(report::Objection::sentence).collect();
            let hint =
                if *as_is { "" } else { "`--as-is` issues it all the same, and says so on it\n" };
            let list = against.join("\n  ");
            Refusal::No(format!("no certificate can be issued:\n  {list}\n{hint}"))
        });
    }
    let [data] = found.as_slice() else {
        return Err(Refusal::Usage("error: name a batch\n".into()));
    };
    if data.record.ended.is_none() {
        let id = &data.record.batch;
        return Err(Refusal::No(format!(
            "batch `{id}` has not ended: a report is of a finished one; `onspec batches show {id}` says what is known\n"
        )));
    }
    Ok(report::batch(data, settings, made))
}

/// The words for a line, or a store, of which there is no week, with the line that may have been meant.
fn nothing(reader: &Reader, line: Option<&str>) -> Result<String, StoreError> {
    let Some(line) = line else { return Ok("no batch has ended\n".to_owned()) };
    let known = batches::newest(reader, None, MEANT_MAX)?;
    let near =
        nearest(line, known.iter().map(|record| &*record.line).filter(|known| *known != line));
    let hint = near.map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
    Ok(format!("no batch of line `{line}` has ended{hint}\n"))
}

/// An id that is given more than once.
fn twice(ids: &[String]) -> Option<&str> {
    let again = |(ix, id): (usize, &String)| ids.iter().take(ix).any(|before| before == id);
    ids.iter().enumerate().find(|(ix, id)| again((*ix, *id))).map(|(_, id)| &**id)
}

/// What is kept of the batch that is meant.
fn data(reader: &Reader, line: Option<&str>, id: &str) -> Result<BatchData, Refusal> {
    let mut called = batches::called(reader, id)?;
    called.retain(|record| line.is_none_or(|line| *record.line == *line));
    let record = match called.as_slice() {
        [] => return Err(Refusal::No(unknown(reader, line, id)?)),
        [one] => one,
        several => {
            let lines: Vec<&str> = several.iter().map(|record| &*record.line).collect();
            return Err(Refusal::Usage(format!(
                "error: lines {} have a batch `{id}`; say which one with `--line`\n",
                lines.join(", ")
            )));
        }
    };
    let data = reports::batch(reader, &record.line, id)?;
    data.ok_or_else(|| Refusal::No(format!("the store knows no batch `{id}`\n")))
}

/// The words for a batch that is not there, with what may have been meant.
fn unknown(reader: &Reader, line: Option<&str>, id: &str) -> Result<String, StoreError> {
    let known = batches::newest(reader, line, MEANT_MAX)?;
    let of = line.map_or_else(String::new, |line| format!(" of line `{line}`"));
    let near = nearest(id, known.iter().map(|record| &*record.batch));
    let hint = match (near, known.first()) {
        (Some(near), _) => format!("did you mean `{near}`?"),
        (None, Some(newest)) => format!("the newest one is `{}`", newest.batch),
        (None, None) => "it knows none".to_owned(),
    };
    Ok(format!("the store knows no batch `{id}`{of}; {hint}\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_that_is_named_twice_is_found() {
        let of = |ids: &[&str]| {
            let ids: Vec<String> = ids.iter().map(|id| (*id).to_owned()).collect();
            twice(&ids).map(str::to_owned)
        };
        assert_eq!(of(&["R1", "R2", "R3", "R2"]).as_deref(), Some("R2"));
        assert_eq!(of(&["R1", "R2", "r1"]), None);
        assert_eq!(of(&[]), None);
    }
}

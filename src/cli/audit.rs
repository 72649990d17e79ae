//! `onspec audit`.

use super::out::{Exit, Out};
use super::store::Which;
use crate::store::{AuditChain, AuditEntry, Reader};
use comfy_table::{Table, presets};
use serde_json::{Value, json};
use std::path::Path;

#[derive(Debug, clap::Subcommand)]
pub(super) enum Args {
    /// The newest entries of the audit log: who decided what and when. The daemon may be running.
    #[command(after_help = "Example:\n  onspec audit list -c /etc/onspec/onspec.toml --limit 20")]
    List {
        #[command(flatten)]
        which: Which,
        /// How many.
        #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
        limit: u32,
        /// Print one JSON document.
        #[arg(long)]
        json: bool,
    },
    /// Whether nothing was changed in the audit log, taken out or put in: 1 if something was. The daemon may be running.
    ///
    /// Each entry has a hash over itself and the hash before it. Whoever can write the file can write all of them anew: keep
    /// the hash that is printed elsewhere, and give it with `--expect` the next time.
    #[command(
        after_help = "Examples:\n  onspec audit verify -c /etc/onspec/onspec.toml\n  onspec audit verify --store onspec.db --expect 12:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
    )]
    Verify {
        #[command(flatten)]
        which: Which,
        /// What was printed before, NUMBER:HASH: that entry has to be there still.
        #[arg(long, value_name = "NUMBER:HASH", value_parser = expected)]
        expect: Option<(u64, String)>,
        /// Print one JSON document.
        #[arg(long)]
        json: bool,
    },
}

fn expected(text: &str) -> Result<(u64, String), String> {
    let parts = text.split_once(':').and_then(|(id, hash)| Some((id.parse().ok()?, hash)));
    let parts = parts
        .filter(|(_, hash)| hash.len() == 64 && hash.bytes().all(|byte| byte.is_ascii_hexdigit()));
    parts
        .map(|(id, hash)| (id, hash.to_ascii_lowercase()))
        .ok_or_else(|| "write the number of an entry, a colon and its 64 hex digits".into())
}

pub(super) fn command(args: &Args, out: &mut Out) -> Exit {
    let (Args::List { which, .. } | Args::Verify { which, .. }) = args;
    let path = match which.path() {
        Ok(path) => path,
        Err(problem) => {
            out.error(&problem);
            return Exit::Usage;
        }
    };
    let reader = match Reader::open(&path) {
        Ok(reader) => reader,
        Err(error) => return out.fail(&error),
    };
    match args {
        Args::List { limit, json, .. } => match reader.audit(None, *limit as usize) {
            Ok(entries) => out.print(&list(&entries, *json)),
            Err(error) => out.fail(&error),
        },
        Args::Verify { expect, json, .. } => {
            let found = reader.verify_audit().and_then(|chain| {
                let lost = match expect {
                    Some((id, hash)) => !is_there(&reader, *id, hash)?,
                    None => false,
                };
                Ok((chain, lost))
            });
            match found {
                Ok((chain, lost)) => verify(&path, &chain, lost, *json, out),
                Err(error) => out.fail(&error),
            }
        }
    }
}

/// True if the entry of this number has this hash. Before the first one there is 0, with zeros.
fn is_there(reader: &Reader, id: u64, hash: &str) -> Result<bool, crate::store::StoreError> {
    if id == 0 {
        return Ok(hash.bytes().all(|digit| digit == b'0'));
    }
    let found = reader.audit(id.checked_add(1), 1)?;
    Ok(found.first().is_some_and(|entry| entry.id == id && entry.hash == hash))
}

fn list(entries: &[AuditEntry], json: bool) -> String {
    let parsed =
        |entry: &AuditEntry| serde_json::from_str::<Value>(&entry.entry).unwrap_or_default();
    if json {
        let all = entries.iter().map(|entry| {
            let mut document = parsed(entry);
            document["id"] = json!(entry.id);
            document["ts"] = json!(entry.at.to_rfc3339());
            document["what"] = json!(entry.what);
            document["hash"] = json!(entry.hash);
            document
        });
        return format!("{}\n", json!({ "entries": all.collect::<Vec<_>>() }));
    }
    if entries.is_empty() {
        return "nothing was decided yet\n".into();
    }
    let mut table = Table::new();
    table.load_style(presets::UTF8_FULL_CONDENSED);
    table.set_header(["number", "when", "what", "line", "of", "by", "detail", "note"]);
    for entry in entries {
        let document = parsed(entry);
        let text = |key: &str| document[key].as_str().unwrap_or_default().to_owned();
        table.add_row([
            entry.id.to_string(),
            entry.at.to_string(),
            entry.what.clone(),
            text("line"),
            text("subject"),
            text("by"),
            text("detail"),
            text("note"),
        ]);
    }
    format!("{table}\n")
}

fn verify(path: &Path, chain: &AuditChain, lost: bool, json: bool, out: &mut Out) -> Exit {
    let AuditChain { entries, hash, broken } = chain;
    let path = path.display();
    let text = if json {
        let broken = broken.as_ref().map(|(id, what)| json!({ "number": id, "what": what }));
        let document = json!({ "entries": entries, "hash": hash, "broken": broken, "expected_is_there": !lost });
        format!("{document}\n")
    } else if let Some((id, what)) = broken {
        format!("`{path}`: the audit log is not as it was written, from number {id} on: {what}\n")
    } else if lost {
        format!(
            "`{path}`: the audit log was written anew: the entry that is expected is not in it\n"
        )
    } else {
        format!("`{path}`: the audit log is as it was written: {entries}:{hash}\n")
    };
    match out.print(&text) {
        Exit::Done if lost || broken.is_some() => Exit::Failed,
        exit => exit,
    }
}

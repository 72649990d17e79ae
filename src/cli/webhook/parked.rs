//! `onspec webhook parked`, `resend` and `discard`: over the daemon where it runs, else in its store.

use super::super::daemon;
use super::super::out::{Exit, Out};
use super::super::store::Which;
use crate::app::AppError;
use crate::app::parked::{self, Decided, Fate};
use crate::reading::{Count, Timestamp};
use crate::store::{Reader, Settings, StoreError, WhenFull};
use crate::telemetry::{Clock, SystemClock};
use comfy_table::{Table, presets};
use serde_json::{Value, json};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::time::Duration;

/// More than any store holds, bytes.
const LARGEST_STORE: u64 = 1 << 43;
/// A daemon of this machine takes a connection sooner.
const CONNECT_WITHIN: Duration = Duration::from_secs(5);

/// Which events, who and why.
#[derive(Debug, clap::Args)]
#[command(group(clap::ArgGroup::new("events").required(true).args(["ids", "all"])))]
pub(in crate::cli) struct Order {
    /// The name of the receiver.
    #[arg(value_name = "NAME")]
    name: String,
    /// The events, as `parked` names them.
    #[arg(value_name = "ID")]
    ids: Vec<String>,
    /// All that is parked of that receiver.
    #[arg(long)]
    all: bool,
    /// Who says so.
    #[arg(long, value_name = "WHO")]
    by: String,
    /// Why; to discard needs it.
    #[arg(long, value_name = "TEXT")]
    note: Option<String>,
    #[command(flatten)]
    which: Which,
    /// Print one JSON document.
    #[arg(long)]
    json: bool,
}

/// What is parked, from the store.
pub(super) fn list(
    which: &Which,
    name: Option<&str>,
    limit: usize,
    json: bool,
    out: &mut Out,
) -> Exit {
    let path = match which.path() {
        Ok(path) => path,
        Err(problem) => {
            out.error(&problem);
            return Exit::Usage;
        }
    };
    let read = || -> Result<Vec<(Value, u64)>, StoreError> {
        let reader = Reader::open(&path)?;
        let mut found = Vec::new();
        for (receiver, count) in parked::counts(&reader)? {
            if name.is_none_or(|name| name == receiver) {
                let events = parked::list(&reader, &receiver, None, limit)?;
                found.extend(events.into_iter().map(|event| (event, count)));
            }
        }
        Ok(found)
    };
    match read() {
        Ok(found) => out.print(&told(&found, name, json)),
        Err(error) => out.fail(&error),
    }
}

/// Events with the number of those of their receiver, for people or machines.
fn told(found: &[(Value, u64)], name: Option<&str>, json: bool) -> String {
    if json {
        let events: Vec<&Value> = found.iter().map(|(event, _)| event).collect();
        return format!("{}\n", json!({ "parked": events }));
    }
    if found.is_empty() {
        let of = name.map(|name| format!(" of webhook `{name}`")).unwrap_or_default();
        return format!("nothing{of} is parked\n");
    }
    let mut table = Table::new();
    table.load_style(presets::UTF8_FULL_CONDENSED);
    table.set_header(["webhook", "id", "type", "alarm", "happened", "parked", "answer"]);
    let mut more = String::new();
    let of = |event: &Value| event["webhook"].as_str().unwrap_or_default().to_owned();
    for (event, count) in found {
        let text = |key: &str| event[key].as_str().unwrap_or_default().to_owned();
        let time = |key: &str| {
            let at = event[key].as_i64().and_then(|ms| Timestamp::from_millis(ms).ok());
            at.map_or_else(String::new, |at| at.to_string())
        };
        let row = ["id", "type", "alarm"].map(text);
        let [id, kind, alarm] = row;
        table.add_row([of(event), id, kind, alarm, time("at"), time("parked_at"), text("answer")]);
        let shown = found.iter().filter(|(other, _)| of(other) == of(event)).count() as u64;
        let line = format!("{}: {} more\n", of(event), count.saturating_sub(shown));
        if *count > shown && !more.contains(&line) {
            more.push_str(&line);
        }
    }
    format!("{table}\n{more}")
}

/// Has the daemon do it; or does it, where none runs.
pub(super) fn give(order: &Order, fate: Fate, out: &mut Out) -> Exit {
    if fate == Fate::Discard && order.note.is_none() {
        out.error("error: say with `--note` why nobody is to hear of them any more\n");
        return Exit::Usage;
    }
    let settings = match settings(order, fate) {
        Ok((_, Some(listen))) if TcpStream::connect_timeout(&listen, CONNECT_WITHIN).is_ok() => {
            return over_daemon(order, fate, out);
        }
        Ok((settings, _)) => settings,
        Err(problem) => {
            out.error(&problem);
            return Exit::Usage;
        }
    };
    let decided = Decided {
        receiver: order.name.clone(),
        entries: Vec::new(),
        fate,
        by: order.by.as_str().into(),
        note: order.note.as_deref().map(Into::into),
        at: Timestamp::from_nanos(SystemClock.now_nanos()),
    };
    let ids = (!order.all).then_some(&order.ids[..]);
    match parked::decide(&settings, ids, decided) {
        Ok(events) => done(order, fate, Some(events), out),
        Err(error) => {
            let locked = matches!(&error, AppError::Store(StoreError::Locked { .. }));
            let exit = out.fail(&error);
            if locked {
                out.error(
                    "  the daemon does it where it runs: give its configuration with `-c`, with `[http] listen` on loopback\n",
                );
            }
            exit
        }
    }
}

/// The store, and where its daemon listens, if it does.
fn settings(order: &Order, fate: Fate) -> Result<(Settings, Option<SocketAddr>), String> {
    let Some(config) = order.which.config() else {
        let path = order.which.path()?;
        if !path.exists() {
            return Err(format!("error: there is no store `{}`\n", path.display()));
        }
        let (max_size_bytes, when_full) = (LARGEST_STORE, WhenFull::Block);
        return Ok((Settings { path: Some(path), max_size_bytes, when_full }, None));
    };
    let checked = crate::config::read(config).map_err(|problem| problem.to_string())?;
    if fate == Fate::Resend && checked.webhooks.iter().all(|hook| hook.name != order.name) {
        let known: Vec<&str> = checked.webhooks.iter().map(|hook| hook.name.as_str()).collect();
        let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
        return Err(format!("error: there is no webhook `{}`; there is: {known}\n", order.name));
    }
    let is_there = checked.store.path.as_deref().is_some_and(Path::exists);
    if !is_there {
        let named = checked.store.path.as_deref().unwrap_or(Path::new("onspec.db"));
        return Err(format!("error: there is no store `{}`\n", named.display()));
    }
    Ok((checked.store, checked.http.map(|http| http.listen)))
}

fn over_daemon(order: &Order, fate: Fate, out: &mut Out) -> Exit {
    let mut body = json!({ "by": order.by });
    if order.all {
        body["all"] = json!(true);
    } else {
        body["ids"] = json!(order.ids);
    }
    if let Some(note) = &order.note {
        body["note"] = json!(note);
    }
    let action = match fate {
        Fate::Resend => "resend",
        Fate::Discard => "discard",
    };
    let config = order.which.config().unwrap_or(Path::new(""));
    daemon::ask(config, &["webhooks", &order.name, action], Some(&body), out, |said, out| {
        if said["on_disk"] == true {
            return done(order, fate, said["events"].as_u64(), out);
        }
        out.error("warning: the store has no room now: it is taken when it has, unless the daemon ends before\n");
        done(order, fate, None, out);
        Exit::Failed
    })
}

/// Says what was done; of how many events is not known while the store has no room.
fn done(order: &Order, fate: Fate, events: Option<u64>, out: &mut Out) -> Exit {
    let name = &order.name;
    if order.json {
        return out.print(&format!("{}\n", json!({ "webhook": name, "events": events })));
    }
    let events = match events {
        Some(events) => Count(usize::try_from(events).unwrap_or(usize::MAX), "event").to_string(),
        None => "events".into(),
    };
    out.print(&match fate {
        Fate::Resend => format!("{name}: {events} sent again, behind what waits\n"),
        Fate::Discard => format!("{name}: {events} discarded\n"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_parked_is_one_table_that_says_how_much_is_not_in_it() {
        let event = json!({
            "number": 7, "webhook": "leads", "id": "evt_1", "type": "batch.at_risk", "alarm": "tm3/batch",
            "title": "t", "at": 1_769_128_260_000_i64, "parked_at": null, "answer": "the receiver answered 404",
        });
        let text = told(&[(event.clone(), 3)], None, false);
        let row = text.lines().nth(3).unwrap();
        for words in ["leads", "evt_1", "batch.at_risk", "tm3/batch", "2026-01-23T00:31:00Z", "404"]
        {
            assert!(row.contains(words), "{text}");
        }
        assert_eq!(text.lines().last(), Some("leads: 2 more"));
        assert_eq!(told(&[], Some("leads"), false), "nothing of webhook `leads` is parked\n");
        assert_eq!(
            told(&[(event.clone(), 1)], None, true),
            format!("{}\n", json!({ "parked": [event] }))
        );
    }
}

//! `onspec webhook`: what each receiver says to a sample event, and what becomes of what receivers refused for good.

mod parked;

use super::out::{Exit, Out};
use super::store::Which;
use crate::app::parked::Fate;
use crate::app::{AppError, Tried, try_webhooks};
use serde_json::json;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

#[derive(Debug, clap::Subcommand)]
pub(super) enum Args {
    /// Send an event that is marked as a test to each receiver, or to one, and say what it answered. Of one that keeps what
    /// stands (PagerDuty, Alertmanager) it is resolved at once.
    #[command(
        after_help = "Examples:\n  onspec webhook test -c /etc/onspec/onspec.toml\n  onspec webhook test -c /etc/onspec/onspec.toml shift-leads"
    )]
    Test {
        /// The configuration.
        #[arg(short, long, value_name = "FILE")]
        config: PathBuf,
        /// The name of the receiver; all of them if nothing is said.
        #[arg(value_name = "NAME")]
        name: Option<String>,
        /// One JSON document.
        #[arg(long)]
        json: bool,
    },
    /// The newest events that receivers, or one of them, refused for good, and what they answered. The daemon may be running.
    #[command(
        after_help = "Examples:\n  onspec webhook parked -c /etc/onspec/onspec.toml\n  onspec webhook parked --store onspec.db shift-leads --limit 10"
    )]
    Parked {
        #[command(flatten)]
        which: Which,
        /// The name of the receiver; all of them if nothing is said.
        #[arg(value_name = "NAME")]
        name: Option<String>,
        /// How many of each receiver.
        #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
        limit: u32,
        /// Print one JSON document.
        #[arg(long)]
        json: bool,
    },
    /// Send events again that a receiver refused for good: they go to the end of what waits for it, with the ids that they had. The
    /// daemon does it where it runs; else they are sent at its next start.
    #[command(
        after_help = "Examples:\n  onspec webhook resend shift-leads --all --by shift-a -c /etc/onspec/onspec.toml\n  onspec webhook resend shift-leads evt_0123456789abcdef0123456789abcdef --by shift-a -c /etc/onspec/onspec.toml"
    )]
    Resend(parked::Order),
    /// Discard events that a receiver refused for good. The daemon does it where it runs.
    #[command(
        after_help = "Example:\n  onspec webhook discard shift-leads --all --by shift-a --note 'of the week in which it was set up' -c /etc/onspec/onspec.toml"
    )]
    Discard(parked::Order),
}

pub(super) fn command(args: &Args, out: &mut Out) -> Exit {
    match args {
        Args::Test { config, name, json } => test(config, name.as_deref(), *json, out),
        Args::Parked { which, name, limit, json } => {
            parked::list(which, name.as_deref(), *limit as usize, *json, out)
        }
        Args::Resend(order) => parked::give(order, Fate::Resend, out),
        Args::Discard(order) => parked::give(order, Fate::Discard, out),
    }
}

/// Tries each receiver, or one.
fn test(config: &Path, name: Option<&str>, json: bool, out: &mut Out) -> Exit {
    let mut checked = match crate::config::read(config) {
        Ok(checked) => checked,
        Err(problem) => return out.unusable(&problem),
    };
    if let Some(name) = name {
        let known: Vec<&str> = checked.webhooks.iter().map(|hook| hook.name.as_str()).collect();
        if !known.contains(&name) {
            let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            out.error(&format!("error: there is no webhook `{name}`; there is: {known}\n"));
            return Exit::Usage;
        }
        checked.webhooks.retain(|hook| hook.name == name);
    }
    if checked.webhooks.is_empty() {
        out.error("error: the configuration has no `[[webhook]]`\n");
        return Exit::Usage;
    }
    super::listening(out, async |out| {
        let tried = try_webhooks(&checked).await?;
        Ok::<_, AppError>(tell(&tried, json, out))
    })
}

/// Says what came of it; not done if a receiver did not take it.
fn tell(tried: &[Tried], json: bool, out: &mut Out) -> Exit {
    let mut text = String::new();
    if json {
        let one = |tried: &Tried| json!({ "name": tried.name, "delivered": tried.delivered, "answer": tried.words });
        let document = json!({ "webhooks": tried.iter().map(one).collect::<Vec<_>>() });
        writeln!(text, "{document}").expect("writing to a string cannot fail");
    } else {
        for Tried { name, delivered, words } in tried {
            let what = if *delivered { "took it" } else { "did not take it" };
            writeln!(text, "{name}: {what}: {words}").expect("writing to a string cannot fail");
        }
    }
    let exit = out.print(&text);
    if exit == Exit::Done && tried.iter().any(|tried| !tried.delivered) {
        Exit::Failed
    } else {
        exit
    }
}

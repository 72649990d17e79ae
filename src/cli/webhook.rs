//! `onspec webhook test`: what each receiver says to a sample event.

use super::out::{Exit, Out};
use crate::app::{AppError, Tried, try_webhooks};
use serde_json::json;
use std::fmt::Write as _;
use std::path::PathBuf;

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
}

pub(super) fn command(args: &Args, out: &mut Out) -> Exit {
    let Args::Test { config, name, json } = args;
    let mut checked = match crate::config::read(config) {
        Ok(checked) => checked,
        Err(problem) => return out.unusable(&problem),
    };
    if let Some(name) = name {
        let known: Vec<&str> = checked.webhooks.iter().map(|hook| hook.name.as_str()).collect();
        if !known.contains(&name.as_str()) {
            let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            out.error(&format!("error: there is no webhook `{name}`; there is: {known}\n"));
            return Exit::Usage;
        }
        checked.webhooks.retain(|hook| hook.name == *name);
    }
    if checked.webhooks.is_empty() {
        out.error("error: the configuration has no `[[webhook]]`\n");
        return Exit::Usage;
    }
    super::listening(out, async |out| {
        let tried = try_webhooks(&checked).await?;
        Ok::<_, AppError>(tell(&tried, *json, out))
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

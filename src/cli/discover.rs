//! `onspec discover`: listens, and proposes a configuration from what it hears.

use super::broker::Named;
use super::out::{Exit, Out};
use crate::app::AppError;
use crate::app::listen::{Heard, Listener};
use crate::discover::{Survey, propose};
use std::path::PathBuf;
use std::time::Duration;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The broker: `mqtt://HOST:PORT`, or `mqtts://` with TLS; `ws://HOST:PORT/PATH` or `wss://` over WebSocket.
    #[arg(long, value_name = "URL")]
    broker: String,
    /// For how long to listen.
    #[arg(long = "for", default_value = "60s", value_name = "DURATION", value_parser = crate::config::parse_duration)]
    during: Duration,
    /// Listen to this topic filter only; may be given several times [default: `#`].
    #[arg(long, value_name = "FILTER")]
    topic: Vec<String>,
    /// User name at the broker.
    #[arg(long, value_name = "NAME")]
    username: Option<String>,
    /// A file with the password.
    #[arg(long, value_name = "FILE", requires = "username")]
    password_file: Option<PathBuf>,
    /// A file with the certificates to trust.
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// Write the proposal to this file, which must not be there yet, instead of standard output.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

impl Args {
    fn named(&self) -> Named<'_> {
        Named {
            url: &self.broker,
            username: self.username.as_deref(),
            password_file: self.password_file.as_deref(),
            ca: self.ca.as_deref(),
        }
    }
}

pub(super) fn command(args: &Args, out: &mut Out) -> Exit {
    let connection = args.named().keys();
    let checked = match args.named().checked() {
        Ok(checked) => checked,
        Err(report) => {
            out.error(&report.to_string());
            return Exit::Usage;
        }
    };
    if let Some(wrong) = args.topic.iter().find(|topic| !rumqttc::valid_filter(topic)) {
        out.error(&format!(
            "error: `{wrong}` is no topic filter: `+` takes a level, `#` stands last and takes the rest\n"
        ));
        return Exit::Usage;
    }
    if let Some(path) = args.output.as_deref().filter(|path| path.exists()) {
        out.error(&format!("error: `{}` is there already: name another file\n", path.display()));
        return Exit::Usage;
    }
    let mut brokers: Vec<_> =
        checked.brokers.iter().map(|broker| broker.settings.clone()).collect();
    let filters = if args.topic.is_empty() { vec!["#".to_owned()] } else { args.topic.clone() };
    for broker in &mut brokers {
        broker.subscriptions = filters.iter().map(|filter| (filter.clone(), 0)).collect();
    }
    super::listening(out, async |out| {
        let mut listener = Listener::start(&brokers, "discover")?;
        let survey = survey(args, &mut listener, out).await;
        listener.stop().await;
        answer(args, survey?, &connection, out)
    })
}

/// What is heard until the time is over; `None` if the broker was never reached.
async fn survey(
    args: &Args,
    listener: &mut Listener,
    out: &mut Out,
) -> Result<Option<Survey>, AppError> {
    let over = super::over(Some(args.during));
    tokio::pin!(over);
    let (mut survey, mut reached, mut missed) = (Survey::default(), false, None);
    loop {
        // Cancel-safe, both: what is not received now is not wanted.
        let heard = tokio::select! {
            () = &mut over => break,
            heard = listener.next() => heard?,
        };
        match heard {
            None => break,
            Some(Heard::Up(_)) => reached = true,
            Some(Heard::Down(_, reason)) => missed = Some(reason),
            Some(Heard::Message(arrival)) => survey.take(&arrival),
        }
    }
    if reached {
        return Ok(Some(survey));
    }
    let reason = missed.unwrap_or_else(|| "it has not answered".to_owned());
    out.error(&format!("error: `{}` was not reached: {reason}\n", args.broker));
    Ok(None)
}

fn answer(
    args: &Args,
    survey: Option<Survey>,
    connection: &str,
    out: &mut Out,
) -> Result<Exit, AppError> {
    let Some(survey) = survey else { return Ok(Exit::Failed) };
    let proposal = propose(&survey);
    out.error(&format!("{}\n", proposal.summary()));
    let text = proposal.to_toml(connection);
    if proposal.is_empty() {
        out.error(
            "error: nothing was heard that a configuration could be made of: listen longer (`--for 10m`), \
             elsewhere (`--topic`), or as somebody who may subscribe\n",
        );
        return Ok(Exit::Failed);
    }
    // What is proposed can be used: this is a promise, and is held to here.
    if let Err(report) = crate::config::load(&text, "the proposal") {
        out.error(&report.to_string());
        out.error("error: the proposal does not pass `onspec check`: this is a fault of onspec\n");
        out.print(&text);
        return Ok(Exit::Failed);
    }
    match &args.output {
        None => Ok(out.print(&text)),
        Some(path) => {
            let doing = || format!("write `{}`", path.display());
            std::fs::write(path, text).map_err(|source| AppError::Io { doing: doing(), source })?;
            out.error(&format!(
                "written to `{0}`; see what it means: onspec check -c {0}\n",
                path.display()
            ));
            Ok(Exit::Done)
        }
    }
}

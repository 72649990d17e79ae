//! What people ask of the running daemon: to stop, or to read its configuration again.

use super::error::{AppError, chain};
use super::secrets::{Absent, absent};
use crate::config::Checked;
use crate::http::Reload;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;

/// What was asked for.
#[derive(Debug)]
pub(super) enum Asked {
    /// The end.
    Stop,
    /// To go on with this configuration, which is right.
    Reload(Box<Checked>),
}

/// The signals and requests that ask for something.
#[derive(Debug)]
pub(super) struct Asks {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
    reloads: mpsc::Receiver<Reload>,
    config: Option<PathBuf>,
    /// Somebody asked to read the configuration again while another one took effect.
    again: bool,
    /// Somebody asked for the end while another one took effect.
    ends: bool,
}

impl Asks {
    /// Listens from now on; the API asks through what comes with it. `config` is the file that is read
    /// again.
    pub(super) fn new(config: Option<PathBuf>) -> Result<(Self, mpsc::Sender<Reload>), AppError> {
        let listen = |kind| {
            signal(kind)
                .map_err(|source| AppError::Io { doing: "listen to signals".into(), source })
        };
        let (reload, reloads) = mpsc::channel(1);
        let asks = Self {
            terminate: listen(SignalKind::terminate())?,
            interrupt: listen(SignalKind::interrupt())?,
            hangup: listen(SignalKind::hangup())?,
            reloads,
            config,
            again: false,
            ends: false,
        };
        Ok((asks, reload))
    }

    /// The next thing that is asked for. A configuration that cannot be used is refused here, with
    /// words to whoever asked; `now` is the one that runs. Cancel-safe.
    pub(super) async fn next(&mut self, now: &Checked) -> Asked {
        loop {
            // Cancel-safe: a signal or request is kept until it is received.
            let asker = if std::mem::take(&mut self.again) {
                None
            } else {
                tokio::select! {
                    _ = self.terminate.recv() => return Asked::Stop,
                    _ = self.interrupt.recv() => return Asked::Stop,
                    _ = self.hangup.recv() => None,
                    Some(asker) = self.reloads.recv() => Some(asker),
                }
            };
            let next = match &self.config {
                Some(path) => read_again(path, now),
                None => Err("there is no file of a configuration to read again".to_owned()),
            };
            let told = next.as_ref().map(|_| ()).map_err(String::clone);
            if let Some(asker) = asker
                && asker.send(told).is_err()
            {
                tracing::debug!("who asked for another configuration has gone");
            }
            match next {
                Ok(next) => {
                    tracing::info!("the configuration was read again and takes effect");
                    return Asked::Reload(next);
                }
                Err(problem) => tracing::error!(
                    problem,
                    "the new configuration is refused, everything goes on with the old one"
                ),
            }
        }
    }

    /// Waits, while all parts stop, until somebody asks for what ends that at once: the end once more.
    ///
    /// With `goes_on`, when the parts are to start again, the first who asks for the end is heard when
    /// they have stopped ([`Asks::ends`]), and a signal to read the configuration again once they have
    /// started. Cancel-safe.
    pub(super) async fn hurry(&mut self, goes_on: bool) {
        self.next_stop(goes_on).await;
        if goes_on {
            tracing::info!("stopping, for somebody asked for the end meanwhile");
            self.ends = true;
            self.next_stop(false).await;
        }
    }

    /// True if somebody asked for the end while another configuration took effect.
    pub(super) fn ends(&self) -> bool {
        self.ends
    }

    /// Waits until somebody asks for the end. Cancel-safe.
    pub(super) async fn next_stop(&mut self, goes_on: bool) {
        loop {
            // Cancel-safe: a signal or request is kept until it is received. A request that is
            // dropped is told to come again, for the page that would answer it stops as well.
            tokio::select! {
                _ = self.terminate.recv() => return,
                _ = self.interrupt.recv() => return,
                _ = self.hangup.recv() => self.again = goes_on,
                Some(_) = self.reloads.recv() => {}
            }
            tracing::warn!(later = self.again, "the configuration is not read again just now");
        }
    }
}

/// The configuration as the file has it now, or why it cannot be used.
fn read_again(path: &Path, now: &Checked) -> Result<Box<Checked>, String> {
    let next = crate::config::read(path).map_err(|problem| chain(&problem))?;
    if next.store.path != now.store.path {
        return Err(
            "`[store] path` names another file, which would begin with nothing: restart onspec \
                    for that, or leave the path as it was"
                .to_owned(),
        );
    }
    let absent = absent(&next);
    if !absent.is_empty() {
        let text = std::fs::read_to_string(path).unwrap_or_default();
        let of = |absent: &Absent| absent.told(path, &text);
        return Err(absent.iter().map(of).collect::<Vec<_>>().join("; "));
    }
    let listen = |checked: &Checked| checked.http.as_ref().map(|http| http.listen);
    match listen(&next).filter(|_| listen(&next) != listen(now)).map(TcpListener::bind) {
        Some(Err(error)) => Err(format!("cannot listen there: {error}")),
        _ => Ok(Box::new(next)),
    }
}

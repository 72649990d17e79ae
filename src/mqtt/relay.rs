//! From the library to a broker behind a WebSocket.
//!
//! The library connects by itself, and over WebSocket by a code that recurs for ever at a frame that is too
//! large: the stack ends, and with it the process. So it connects to a socket of this machine, and what
//! it says there goes through a WebSocket of ours. Nobody else can use that socket: who connects must be
//! this process.

use super::trouble::Trouble;
use super::websocket::Far;
use super::{LinkError, Settings, link};
use bytes::BytesMut;
use futures_util::{SinkExt as _, StreamExt as _};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{UnixListener, UnixStream};
use tokio::task::JoinSet;
use tokio_tungstenite::tungstenite::{Bytes, Message};

/// What is taken from the library at once.
const CHUNK: usize = 64 << 10;

/// A way to a broker that the library can connect to, and connect to again. Ends when it is dropped.
#[derive(Debug)]
pub struct Relay {
    address: String,
    told: Arc<Told>,
    /// Ends with the relay.
    _accepting: JoinSet<()>,
}

/// Why the last connection ended.
#[derive(Debug, Default)]
struct Told(Mutex<Option<Trouble>>);

impl Told {
    fn set(&self, trouble: Option<Trouble>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = trouble;
    }

    fn get(&self) -> Option<Trouble> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Relay {
    /// A way to this broker; `None` if it is not behind a WebSocket. Reads the certificates. Wants a runtime.
    ///
    /// # Errors
    /// When settings or certificates cannot be used.
    pub fn to(settings: &Settings) -> Result<Option<Self>, LinkError> {
        let far = Far::of(settings, link::tls(settings)?);
        Ok(far.map(Self::start))
    }

    /// Begins to listen. That this cannot be is told like trouble with the broker.
    pub(super) fn start(far: Far) -> Self {
        let (address, told) = (address(), Arc::new(Told::default()));
        let mut accepting = JoinSet::new();
        match UnixListener::bind(&address) {
            Ok(listener) => drop(accepting.spawn(accept(listener, far, Arc::clone(&told)))),
            Err(error) => told.set(Some(Trouble::remote(format!(
                "cannot listen on a socket of this machine for the way to the broker: {error}"
            )))),
        }
        Self { address, told, _accepting: accepting }
    }

    /// What the library connects to: the address of a Unix socket.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Why there is no connection to the broker, where it is known here.
    pub(super) fn trouble(&self) -> Option<Trouble> {
        self.told.get()
    }

    /// Why there is no connection to the broker, for a person.
    #[must_use]
    pub fn reason(&self) -> Option<String> {
        self.told.get().map(|trouble| trouble.reason)
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        if !self.address.starts_with('\0') {
            // Nobody needs it any more; what is left of it is swept up with all that is temporary.
            drop(std::fs::remove_file(&self.address));
        }
    }
}

/// An address that nobody else has. On Linux it is none of a file (it begins with a zero).
fn address() -> String {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let name = format!("onspec-{}-{number}", std::process::id());
    if cfg!(target_os = "linux") {
        format!("\0{name}")
    } else {
        std::env::temp_dir().join(name).display().to_string()
    }
}

/// Takes the library's connections, one after another: a new one means that the last is given up.
async fn accept(listener: UnixListener, far: Far, told: Arc<Told>) {
    let mut serving = JoinSet::new();
    // An error is one of this connection, not of the socket.
    loop {
        let Ok((near, _)) = listener.accept().await else { continue };
        if !is_ours(&near) {
            continue;
        }
        serving.shutdown().await;
        let (far, told) = (far.clone(), Arc::clone(&told));
        serving.spawn(async move {
            told.set(None);
            // Told before the library's connection ends.
            told.set(lead(near, &far, &told).await);
        });
    }
}

/// True if the other end is in this process.
fn is_ours(near: &UnixStream) -> bool {
    let ours = i32::try_from(std::process::id()).ok();
    near.peer_cred().is_ok_and(|other| ours.is_some() && other.pid() == ours)
}

/// Carries bytes both ways until one end has enough. What was in the way, if anything was.
async fn lead(near: UnixStream, far: &Far, told: &Told) -> Option<Trouble> {
    let socket = match far.open().await {
        Ok(socket) => socket,
        Err(trouble) => {
            // Before `near` is dropped.
            told.set(Some(trouble.clone()));
            drop(near);
            return Some(trouble);
        }
    };
    let (mut near_in, mut near_out) = near.into_split();
    let (mut far_out, mut far_in) = socket.split();
    let inward = async {
        while let Some(message) = far_in.next().await {
            let bytes = message
                .map_err(|error| far.ended(&error))
                .and_then(|message| far.bytes(message).map_err(Some));
            match bytes {
                // The library gave up.
                Ok(Some(bytes)) if near_out.write_all(&bytes).await.is_err() => return None,
                Ok(_) => {}
                Err(trouble) => return trouble,
            }
        }
        None
    };
    let outward = async {
        let mut chunk = BytesMut::new();
        loop {
            chunk.reserve(CHUNK);
            match near_in.read_buf(&mut chunk).await {
                // The library hung up.
                Ok(0) | Err(_) => break,
                Ok(_) => {}
            }
            let bytes: Bytes = chunk.split().freeze();
            if let Err(error) = far_out.send(Message::Binary(bytes)).await {
                return far.ended(&error);
            }
        }
        // An error means that it is closed.
        drop(far_out.close().await);
        None
    };
    // Neither goes on once the other has ended: then there is no connection any more.
    let trouble = tokio::select! {
        trouble = inward => trouble,
        trouble = outward => trouble,
    };
    told.set(trouble.clone());
    trouble
}

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
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{UnixListener, UnixStream};
use tokio::task::JoinSet;
use tokio_tungstenite::tungstenite::{Bytes, Message};

/// What is taken from the library at once.
const CHUNK: usize = 64 << 10;
/// The wait after a connection that could not be taken, which doubles, up to the longest.
const WAIT_MIN: Duration = Duration::from_millis(10);
const WAIT_MAX: Duration = Duration::from_secs(1);

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
    /// When settings or certificates cannot be used, or this machine has no socket to listen on.
    pub fn to(settings: &Settings) -> Result<Option<Self>, LinkError> {
        let far = Far::of(settings, link::tls(settings)?);
        far.map(Self::start)
            .transpose()
            .map_err(|source| LinkError::Socket { name: settings.name.clone(), source })
    }

    /// Begins to listen.
    ///
    /// # Errors
    /// When that cannot be. Then there is no address: somebody else may listen there, and would be told the
    /// password.
    pub(super) fn start(far: Far) -> io::Result<Self> {
        Self::at(address(), far)
    }

    fn at(address: String, far: Far) -> io::Result<Self> {
        let listener = UnixListener::bind(&address)?;
        let (told, mut accepting) = (Arc::new(Told::default()), JoinSet::new());
        accepting.spawn(accept(listener, far, Arc::clone(&told)));
        Ok(Self { address, told, _accepting: accepting })
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
    loop {
        let (near, _) = next(|| listener.accept(), &told).await;
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

/// What `accept` takes next. It fails at once, again and again, while this process has no file descriptor
/// left: that is waited out, and told.
async fn next<T, A>(mut accept: impl FnMut() -> A, told: &Told) -> T
where
    A: Future<Output = io::Result<T>>,
{
    let mut wait = WAIT_MIN;
    loop {
        match accept().await {
            Ok(taken) => return taken,
            Err(error) => told.set(Some(Trouble::remote(no_socket(&error)))),
        }
        tokio::time::sleep(wait).await;
        wait = (wait * 2).min(WAIT_MAX);
    }
}

/// That the way to a broker fails on this machine.
pub(super) fn no_socket(error: &io::Error) -> String {
    format!("this machine gives no socket for the way to the broker: {error}")
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mqtt::wire::testing;
    use std::future::ready;

    fn far() -> Far {
        let settings = Settings { websocket: Some("/mqtt".to_owned()), ..testing::settings() };
        Far::of(&settings, None).expect("it is reached by a WebSocket")
    }

    #[tokio::test]
    async fn an_address_that_somebody_else_has_is_not_handed_out() {
        let address = address();
        let theirs = UnixListener::bind(&address).expect("nobody else has it");
        let refused = Relay::at(address.clone(), far()).map(|relay| relay.address().to_owned());
        assert_eq!(refused.map_err(|error| error.kind()), Err(io::ErrorKind::AddrInUse));
        drop(theirs);
        if cfg!(target_os = "linux") {
            let relay = Relay::at(address.clone(), far()).expect("it is free again");
            assert_eq!(relay.address(), address);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_process_without_descriptors_waits_for_one() {
        const EMFILE: i32 = 24;
        let told = Told::default();
        let mut asked = 0;
        let accept = || {
            asked += 1;
            assert!(asked < 1000, "it spins");
            ready(Err::<(), _>(io::Error::from_raw_os_error(EMFILE)))
        };
        let in_vain = next(accept, &told);
        let minute = Duration::from_secs(60);
        assert!(tokio::time::timeout(minute, in_vain).await.is_err());
        assert!((60..80).contains(&asked), "asked {asked} times in a minute");
        let reason = told.get().expect("it is told").reason;
        assert!(reason.contains("no socket for the way to the broker: Too many"), "{reason}");

        let mut left = 3;
        let accept = || {
            left -= 1;
            ready(if left == 0 { Ok(7) } else { Err(io::Error::from_raw_os_error(EMFILE)) })
        };
        assert_eq!(next(accept, &told).await, 7);
    }
}

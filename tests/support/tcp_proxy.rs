//! A proxy between a client and a server that can lose the line between them, or make it slow.

use std::{
    io::{Read, Write},
    net::{Ipv4Addr, Shutdown, TcpListener, TcpStream},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread::JoinHandle,
    time::{Duration, Instant},
};

/// A proxy on a port of its own in front of a port of this machine.
#[derive(Debug)]
pub(crate) struct TcpProxy {
    port: u16,
    shared: Arc<Shared>,
    acceptor: Option<JoinHandle<()>>,
}

/// The most that is passed on in one go.
const BUFFER: usize = 64 * 1024;

/// What the proxy does with what it gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Line {
    /// Passes it on.
    Open,
    /// Keeps connections open and passes nothing on: what a firewall does that has forgotten a connection.
    Stalled,
    /// Closes every connection, the new ones as soon as they are made.
    Cut,
    /// The proxy is at its end.
    Gone,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
    target: u16,
}

#[derive(Debug)]
struct State {
    line: Line,
    /// Bytes passed on in a second, in each direction of each connection; `None` without a limit.
    rate: Option<u32>,
    /// Both ends of all connections made so far, to be closed by a cut.
    streams: Vec<TcpStream>,
    /// Connections that clients have made since the start, the refused ones too.
    accepted: usize,
    /// Bytes passed on from clients to the server since the start.
    to_server: u64,
    /// Bytes passed on from the server to clients since the start.
    to_client: u64,
}

impl TcpProxy {
    /// Starts a proxy in front of a port on the loopback interface. Nobody need listen there yet.
    pub(crate) fn start(target: u16) -> Self {
        let listener =
            TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("there is a loopback interface");
        let port = listener.local_addr().expect("a listener has an address").port();
        let shared = Arc::new(Shared {
            state: Mutex::new(State {
                line: Line::Open,
                rate: None,
                streams: Vec::new(),
                accepted: 0,
                to_server: 0,
                to_client: 0,
            }),
            changed: Condvar::new(),
            target,
        });
        let acceptor = std::thread::spawn({
            let shared = Arc::clone(&shared);
            move || accept(&listener, &shared)
        });
        Self { port, shared, acceptor: Some(acceptor) }
    }

    /// The port for clients.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Closes all connections, and every new one as soon as it is made, until [`TcpProxy::resume`].
    pub(crate) fn cut(&self) {
        self.set(Line::Cut);
    }

    /// Keeps all connections open and passes nothing on in either direction until [`TcpProxy::resume`]. What comes
    /// meanwhile is passed on then.
    pub(crate) fn stall(&self) {
        self.set(Line::Stalled);
    }

    /// Passes everything on again.
    pub(crate) fn resume(&self) {
        self.set(Line::Open);
    }

    /// Passes on no more than so many bytes in a second, in each direction of each connection; `None` takes the limit
    /// away again.
    pub(crate) fn throttle(&self, bytes_per_second: Option<u32>) {
        self.shared.lock().rate = bytes_per_second;
        self.shared.changed.notify_all();
    }

    /// How many connections clients have made since the start, those that met a cut line included.
    pub(crate) fn accepted(&self) -> usize {
        self.shared.lock().accepted
    }

    /// How many bytes have been passed on since the start: to the server, to clients.
    pub(crate) fn passed(&self) -> (u64, u64) {
        let state = self.shared.lock();
        (state.to_server, state.to_client)
    }

    fn set(&self, line: Line) {
        let mut state = self.shared.lock();
        state.line = line;
        if matches!(line, Line::Cut | Line::Gone) {
            for stream in state.streams.drain(..) {
                drop(stream.shutdown(Shutdown::Both));
            }
        }
        self.shared.changed.notify_all();
    }
}

impl Drop for TcpProxy {
    fn drop(&mut self) {
        self.set(Line::Gone);
        // The acceptor sees that it is over when it has accepted one more.
        drop(TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)));
        if let Some(acceptor) = self.acceptor.take() {
            drop(acceptor.join());
        }
    }
}

impl Shared {
    /// A test that failed while it held the lock has left nothing half done: the state is plain data.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits while the line is stalled, and says whether it is open then.
    fn open(&self) -> bool {
        let state = self
            .changed
            .wait_while(self.lock(), |state| state.line == Line::Stalled)
            .unwrap_or_else(PoisonError::into_inner);
        state.line == Line::Open
    }

    /// How many bytes are passed on in one go: about a tenth of a second's, so that a slow line is slow and not
    /// lumpy.
    fn portion(&self) -> usize {
        let rate = self.lock().rate.map_or(usize::MAX, |rate| rate as usize / 10);
        rate.clamp(1, BUFFER)
    }

    /// Waits as long as so many bytes take on a slow line, or until it is one no more.
    fn pace(&self, bytes: usize) {
        let begun = Instant::now();
        let mut state = self.lock();
        while let (Some(rate), Line::Open) = (state.rate, state.line) {
            let bytes = u32::try_from(bytes).expect("it fits a buffer");
            let due = Duration::from_secs(1) * bytes / rate.max(1);
            let left = due.saturating_sub(begun.elapsed());
            if left.is_zero() {
                return;
            }
            state =
                self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    for client in listener.incoming() {
        let Ok(client) = client else { continue };
        let line = {
            let mut state = shared.lock();
            state.accepted += 1;
            state.line
        };
        match line {
            Line::Gone => return,
            Line::Cut => drop(client),
            // On a stalled line a connection is made and hears nothing, as with a server that has lost its way.
            Line::Open | Line::Stalled => {
                let shared = Arc::clone(shared);
                std::thread::spawn(move || connect(client, &shared));
            }
        }
    }
}

/// Connects a client with the server and passes on in both directions. A client is hung up on when the server is not
/// there, or either of the streams cannot be shared.
fn connect(client: TcpStream, shared: &Arc<Shared>) {
    if !shared.open() {
        return;
    }
    let Ok(server) = TcpStream::connect((Ipv4Addr::LOCALHOST, shared.target)) else {
        return;
    };
    // What the proxy adds in delay should be the test's doing, not Nagle's.
    drop(client.set_nodelay(true));
    drop(server.set_nodelay(true));
    let (Ok(client_too), Ok(server_too)) = (client.try_clone(), server.try_clone()) else {
        return;
    };
    {
        let mut state = shared.lock();
        // Cut while we were connecting: nobody would close this one later.
        if matches!(state.line, Line::Cut | Line::Gone) {
            return;
        }
        let (Ok(a), Ok(b)) = (client.try_clone(), server.try_clone()) else {
            return;
        };
        state.streams.extend([a, b]);
    }
    let back = Arc::clone(shared);
    std::thread::spawn(move || {
        pump(server_too, client_too, &back, |state, n| {
            state.to_client += n;
        });
    });
    pump(client, server, shared, |state, n| state.to_server += n);
}

/// Passes on in one direction until one of the sides closes or the line is cut.
fn pump(mut from: TcpStream, mut to: TcpStream, shared: &Shared, count: fn(&mut State, u64)) {
    let mut buffer = vec![0; BUFFER];
    loop {
        let portion = shared.portion();
        let read = from.read(&mut buffer[..portion]).unwrap_or(0);
        // The end of a stream is passed on like its bytes: not while the line is stalled.
        if !shared.open() {
            break;
        }
        if read == 0 {
            // Half closed: the other direction may still have something to say.
            drop(to.shutdown(Shutdown::Write));
            return;
        }
        // Counted first: whoever has got the bytes can rely on their being counted.
        count(&mut shared.lock(), u64::try_from(read).expect("a buffer of 64 KiB"));
        if to.write_all(&buffer[..read]).is_err() {
            break;
        }
        shared.pace(read);
    }
    drop(from.shutdown(Shutdown::Both));
    drop(to.shutdown(Shutdown::Both));
}

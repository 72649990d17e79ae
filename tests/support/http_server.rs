//! The sockets of the servers that tests play: a port of their own, a thread for each connection, and an end.

use std::{
    io,
    net::{Ipv4Addr, Shutdown, TcpListener, TcpStream},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread::JoinHandle,
};

/// A server that accepts connections until it is dropped.
#[derive(Debug)]
pub(super) struct HttpServer {
    port: u16,
    open: Arc<Mutex<Open>>,
    acceptor: Option<JoinHandle<()>>,
}

/// The connections, kept so that closing them wakes the threads that wait for a request.
#[derive(Debug, Default)]
struct Open {
    connections: Vec<TcpStream>,
    closed: bool,
}

impl HttpServer {
    /// Serves each connection on a thread of its own by `serve`, to which an error is the other side's going away.
    pub(super) fn start(
        serve: impl Fn(&TcpStream) -> io::Result<()> + Send + Sync + 'static,
    ) -> Self {
        let listener =
            TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("there is a loopback interface");
        let port = listener.local_addr().expect("a listener has an address").port();
        let open = Arc::new(Mutex::new(Open::default()));
        let acceptor = std::thread::spawn({
            let open = Arc::clone(&open);
            move || accept(&listener, &open, &Arc::new(serve))
        });
        Self { port, open, acceptor: Some(acceptor) }
    }

    /// The address with this path, which is empty or begins with a slash.
    pub(super) fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }
}

impl Drop for HttpServer {
    fn drop(&mut self) {
        {
            let mut open = lock(&self.open);
            open.closed = true;
            for connection in &open.connections {
                drop(connection.shutdown(Shutdown::Both));
            }
        }
        // The acceptor sees that it is over when it has accepted one more.
        drop(TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)));
        if let Some(acceptor) = self.acceptor.take() {
            drop(acceptor.join());
        }
    }
}

/// A test that failed while it held the lock has left nothing half done: the state is plain data.
pub(super) fn lock<T>(state: &Mutex<T>) -> MutexGuard<'_, T> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

fn accept(
    listener: &TcpListener,
    open: &Mutex<Open>,
    serve: &Arc<impl Fn(&TcpStream) -> io::Result<()> + Send + Sync + 'static>,
) {
    for stream in listener.incoming() {
        let Ok(stream) = stream else { continue };
        let mut open = lock(open);
        if open.closed {
            return;
        }
        let Ok(kept) = stream.try_clone() else { continue };
        open.connections.push(kept);
        drop(open);
        let serve = Arc::clone(serve);
        std::thread::spawn(move || drop(serve(&stream)));
    }
}

//! A listener with a bound on open connections, and connections that end when nothing moves.

use axum::serve::Listener;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Sleep;

/// Accepts a connection only while fewer than the bound are open; the kernel keeps the others.
#[derive(Debug)]
pub(super) struct Bounded {
    listener: TcpListener,
    places: Arc<Semaphore>,
    idle: Duration,
}

impl Bounded {
    pub(super) fn new(listener: TcpListener, connections_max: usize, idle: Duration) -> Self {
        Self { listener, places: Arc::new(Semaphore::new(connections_max)), idle }
    }
}

impl Listener for Bounded {
    type Io = Connection<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, SocketAddr) {
        let place = Arc::clone(&self.places).acquire_owned().await;
        let place = place.expect("the semaphore is never closed");
        let (io, address) = Listener::accept(&mut self.listener).await;
        (Connection::new(io, self.idle, Some(place)), address)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// A connection that gives its place back when it ends, and ends when no byte has moved for its idle
/// time (it may last up to twice that).
#[derive(Debug)]
pub(super) struct Connection<S> {
    io: S,
    idle: Duration,
    timer: Option<Pin<Box<Sleep>>>,
    moved: bool,
    _place: Option<OwnedSemaphorePermit>,
}

impl<S> Connection<S> {
    fn new(io: S, idle: Duration, place: Option<OwnedSemaphorePermit>) -> Self {
        Self { io, idle, timer: None, moved: false, _place: place }
    }

    fn poll_idle(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            let idle = self.idle;
            let timer = self.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep(idle)));
            ready!(timer.as_mut().poll(cx));
            self.timer = None;
            if !std::mem::take(&mut self.moved) {
                return Poll::Ready(());
            }
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Connection<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match Pin::new(&mut self.io).poll_read(cx, buf) {
            Poll::Ready(read) => {
                self.moved = true;
                Poll::Ready(read)
            }
            Poll::Pending => self.poll_idle(cx).map(|()| Err(io::ErrorKind::TimedOut.into())),
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Connection<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.io).poll_write(cx, bytes));
        self.moved = true;
        Poll::Ready(written)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.io).poll_write_vectored(cx, bytes));
        self.moved = true;
        Poll::Ready(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    const IDLE: Duration = Duration::from_secs(60);

    #[tokio::test(start_paused = true)]
    async fn a_silent_connection_ends() {
        let (_theirs, ours) = duplex(64);
        let mut connection = Connection::new(ours, IDLE, None);
        let error = connection.read_u8().await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_that_is_written_to_lives_on() {
        let (mut theirs, ours) = duplex(64);
        let (mut read, mut write) = tokio::io::split(Connection::new(ours, IDLE, None));
        let writes = async {
            for _ in 0..10 {
                tokio::time::sleep(IDLE / 2).await;
                write.write_all(b"x").await.unwrap();
            }
            theirs.write_all(b"y").await.unwrap();
        };
        let (byte, ()) = tokio::join!(read.read_u8(), writes);
        assert_eq!(byte.unwrap(), b'y');
    }

    #[tokio::test]
    async fn a_place_comes_back_when_its_connection_ends() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut bounded = Bounded::new(listener, 1, IDLE);
        let _first = TcpStream::connect(address).await.unwrap();
        let _second = TcpStream::connect(address).await.unwrap();
        let (first, _) = bounded.accept().await;
        assert_eq!(bounded.places.available_permits(), 0);
        drop(first);
        bounded.accept().await;
    }
}

//! A WebSocket to a broker, and what is wrong where there is none.

use super::trouble::Trouble;
use super::wire::io_reason;
use super::{Settings, backoff::Pace};
use rumqttc::tokio_rustls::TlsConnector;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use std::io::ErrorKind;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::ClientRequestBuilder;
use tokio_tungstenite::tungstenite::error::{CapacityError, ProtocolError};
use tokio_tungstenite::tungstenite::http::{StatusCode, Uri};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

/// The name of MQTT among what is spoken over WebSocket; of all its versions.
const SUBPROTOCOL: &str = "mqtt";
/// The frame that is taken however small `max_packet_size` is: brokers may put several packets into one.
const FRAME_BYTES: usize = 16 << 20;

/// Where a WebSocket leads to.
#[derive(Debug, Clone)]
pub(super) struct Far {
    host: String,
    port: u16,
    path: String,
    tls: Option<Arc<ClientConfig>>,
    max_packet_size: u32,
}

/// A stream of bytes to a broker.
pub(super) trait Bytewise: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Bytewise for S {}

/// An open WebSocket.
pub(super) type Socket = WebSocketStream<Box<dyn Bytewise>>;

impl Far {
    /// `None` if the broker is not behind a WebSocket.
    pub(super) fn of(settings: &Settings, tls: Option<Arc<ClientConfig>>) -> Option<Self> {
        Some(Self {
            host: settings.host.clone(),
            port: settings.port,
            path: settings.websocket.clone()?,
            tls,
            max_packet_size: settings.max_packet_size,
        })
    }

    /// The address as it stands in a configuration; it never holds a secret.
    fn url(&self) -> String {
        let Self { host, port, path, tls, .. } = self;
        let scheme = if tls.is_some() { "wss" } else { "ws" };
        // An IPv6 address wants brackets.
        let (open, close) = if host.contains(':') { ("[", "]") } else { ("", "") };
        format!("{scheme}://{open}{host}{close}:{port}{path}")
    }

    /// Opens the WebSocket. No limit of time: whoever waits for it has one.
    pub(super) async fn open(&self) -> Result<Socket, Trouble> {
        let url = self.url();
        let uri: Uri = url
            .parse()
            .map_err(|_| Trouble::websocket(Pace::Rare, format!("`{url}` is no address")))?;
        let io = |error: std::io::Error| Trouble::remote(io_reason(&error));
        let tcp = TcpStream::connect((self.host.as_str(), self.port)).await.map_err(io)?;
        tcp.set_nodelay(true).map_err(io)?;
        let stream: Box<dyn Bytewise> = match &self.tls {
            None => Box::new(tcp),
            Some(config) => {
                let name = ServerName::try_from(self.host.clone()).map_err(|_| {
                    let reason = format!("`{}` is no name that a certificate has", self.host);
                    Trouble::websocket(Pace::Rare, reason)
                })?;
                let tls = TlsConnector::from(Arc::clone(config)).connect(name, tcp).await;
                Box::new(tls.map_err(io)?)
            }
        };
        // A frame that is larger could hold no packet that is taken.
        let most = FRAME_BYTES.max(usize::try_from(self.max_packet_size).unwrap_or(FRAME_BYTES));
        let limits =
            WebSocketConfig::default().max_frame_size(Some(most)).max_message_size(Some(most));
        let request = ClientRequestBuilder::new(uri).with_sub_protocol(SUBPROTOCOL);
        let opened = client_async_with_config(request, stream, Some(limits)).await;
        opened.map(|(socket, _)| socket).map_err(|error| match error {
            // To a server that does not know the words they are noise.
            Error::Protocol(ProtocolError::HandshakeIncomplete) => self.no_handshake(),
            Error::Io(error) if error.kind() == ErrorKind::ConnectionReset => self.no_handshake(),
            other => self.trouble(&other),
        })
    }

    /// The server hangs up before it says anything.
    fn no_handshake(&self) -> Trouble {
        Trouble::remote(format!(
            "the server at `{}` hangs up instead of opening a WebSocket: is this a port of plain \
             MQTT (`mqtt://`), or of TLS (`wss://`)?",
            self.url()
        ))
    }

    /// The bytes of a message; `None` for one that carries none.
    pub(super) fn bytes(&self, message: Message) -> Result<Option<bytes::Bytes>, Trouble> {
        match message {
            Message::Binary(bytes) => Ok(Some(bytes)),
            Message::Text(_) => {
                let reason = format!("the server at `{}` sends text, which no MQTT is", self.url());
                Err(Trouble::websocket(Pace::Slow, reason))
            }
            // The library answers pings and farewells by itself.
            Message::Ping(_) | Message::Pong(_) | Message::Close(_) | Message::Frame(_) => Ok(None),
        }
    }

    /// Why an open WebSocket ended, if it is more than that it did: the broker may have said why before.
    pub(super) fn ended(&self, error: &Error) -> Option<Trouble> {
        match error {
            Error::Io(_)
            | Error::ConnectionClosed
            | Error::AlreadyClosed
            | Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => None,
            other => Some(self.trouble(other)),
        }
    }

    /// What went wrong, for a person.
    fn trouble(&self, error: &Error) -> Trouble {
        let url = self.url();
        match error {
            Error::Io(error) => Trouble::remote(io_reason(error)),
            Error::Http(answer) => not_upgraded(&url, answer.status()),
            Error::Capacity(CapacityError::MessageTooLong { size, .. }) => {
                Trouble::too_large(*size, self.max_packet_size)
            }
            Error::Protocol(ProtocolError::SecWebSocketSubProtocolError(_)) => Trouble::websocket(
                Pace::Slow,
                format!("the server at `{url}` speaks WebSocket, but not MQTT over it: {PATH}"),
            ),
            other => Trouble::remote(format!("no WebSocket at `{url}`: {other}")),
        }
    }
}

/// What to do where another path may be meant.
const PATH: &str = "set the path in `url` at which the broker listens, often `/mqtt` or `/`";

/// The server answered as one of HTTP, and opened no WebSocket.
fn not_upgraded(url: &str, status: StatusCode) -> Trouble {
    let (pace, help) = match status.as_u16() {
        401 | 403 | 407 => (
            Pace::Slow,
            "broker, or proxy before it, lets nobody in there: ask who runs it. `username` and \
             `password` are told to the broker only once the WebSocket is open",
        ),
        // Busy, restarting, or its broker is down.
        408 | 425 | 429 | 500..=599 => (Pace::Retry, "broker, or proxy before it, is not ready"),
        300..=399 => (Pace::Slow, "it is to be found elsewhere: set its `url`"),
        _ => (Pace::Slow, PATH),
    };
    let reason = format!("no WebSocket at `{url}`: the server answers {status}: {help}");
    Trouble::websocket(pace, reason)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn far(host: &str, secure: bool) -> Far {
        let tls = secure.then(|| {
            let provider = Arc::new(rustls::crypto::ring::default_provider());
            let config = ClientConfig::builder_with_provider(provider)
                .with_safe_default_protocol_versions()
                .expect("ring has them")
                .with_root_certificates(rustls::RootCertStore::empty())
                .with_no_client_auth();
            Arc::new(config)
        });
        Far { host: host.into(), port: 9001, path: "/mqtt".into(), tls, max_packet_size: 1 << 20 }
    }

    #[test]
    fn an_address_is_written_as_in_a_configuration() {
        assert_eq!(far("broker", false).url(), "ws://broker:9001/mqtt");
        assert_eq!(far("::1", true).url(), "wss://[::1]:9001/mqtt");
    }

    #[test]
    fn an_answer_of_http_decides_how_soon_it_is_tried_again() {
        #[track_caller]
        fn check(codes: &[u16], pace: Pace, words: &str) {
            for code in codes {
                let status = StatusCode::from_u16(*code).expect("it is one of three digits");
                let trouble = not_upgraded("ws://b:80/mqtt", status);
                assert_eq!(trouble.pace, pace, "{code}");
                assert!(trouble.reason.contains(words), "{}", trouble.reason);
            }
        }
        check(&[429, 500, 502, 503], Pace::Retry, "not ready");
        check(&[401, 403], Pace::Slow, "ask who runs it");
        check(&[200, 400, 404, 426], Pace::Slow, "set the path in `url`");
        check(&[301, 308], Pace::Slow, "elsewhere");
        assert_eq!(
            not_upgraded("ws://b:80/x", StatusCode::NOT_FOUND).reason,
            "no WebSocket at `ws://b:80/x`: the server answers 404 Not Found: set the path in `url` \
             at which the broker listens, often `/mqtt` or `/`"
        );
    }
}

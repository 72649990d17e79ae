//! A plain HTTP/1.1 client: one request a connection, no TLS.
//!
//! Written here rather than taken from a library, so that what the tests see of a server does not depend on the client
//! that the daemon uses.

use std::{
    io::{self, BufRead, BufReader, Read, Write},
    net::TcpStream,
    time::Duration,
};

/// How long the other side may be silent.
const SILENCE: Duration = Duration::from_secs(60);

/// Headers in the order in which they came, names in small letters.
pub(crate) type Headers = Vec<(String, String)>;

/// An answer.
#[derive(Debug, Clone)]
pub(crate) struct Response {
    /// The status, as 204.
    pub(crate) status: u16,
    /// The headers.
    pub(crate) headers: Headers,
    /// The body, put together again if it came in chunks.
    pub(crate) body: Vec<u8>,
}

impl Response {
    /// The body as text.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The first header of this name, which is given in small letters.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        header(&self.headers, name)
    }
}

/// Sends a GET.
pub(crate) fn get(url: &str) -> io::Result<Response> {
    request("GET", url, &[], b"")
}

/// Sends a POST.
pub(crate) fn post(url: &str, headers: &[(&str, &str)], body: &[u8]) -> io::Result<Response> {
    request("POST", url, headers, body)
}

/// Sends a DELETE.
pub(crate) fn delete(url: &str, headers: &[(&str, &str)]) -> io::Result<Response> {
    request("DELETE", url, headers, b"")
}

/// Sends a request to an `http://host:port/path` and waits for the whole answer.
pub(crate) fn request(
    method: &str,
    url: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> io::Result<Response> {
    let rest = url
        .strip_prefix("http://")
        .ok_or_else(|| invalid(format!("`{url}` is no http:// address")))?;
    let (host, path) = match rest.find('/') {
        Some(at) => rest.split_at(at),
        None => (rest, "/"),
    };
    let stream = TcpStream::connect(host)?;
    stream.set_read_timeout(Some(SILENCE))?;
    stream.set_write_timeout(Some(SILENCE))?;
    stream.set_nodelay(true)?;

    let mut head = format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n");
    for (name, value) in headers {
        head.extend([name, ": ", value, "\r\n"]);
    }
    if !body.is_empty() || method != "GET" {
        head.extend(["Content-Length: ", &body.len().to_string(), "\r\n"]);
    }
    head.push_str("\r\n");
    let mut message = head.into_bytes();
    message.extend_from_slice(body);
    // A server may answer and close before it has read all (413, for one): then the answer is what counts.
    let sent = (&stream).write_all(&message);

    let mut reader = BufReader::new(&stream);
    let Some((line, headers)) = read_head(&mut reader)? else {
        sent?;
        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "closed without an answer"));
    };
    let status = line
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok())
        .ok_or_else(|| invalid(format!("`{line}` is no status line")))?;
    let body = if method == "HEAD" || status == 204 || status == 304 {
        Vec::new()
    } else {
        let body = read_body(&mut reader, &headers)?;
        body.map_or_else(
            || {
                // An answer without a length ends with the connection.
                let mut body = Vec::new();
                reader.read_to_end(&mut body).map(|_| body)
            },
            Ok,
        )?
    };
    Ok(Response { status, headers, body })
}

/// Reads the first line and the headers of a message; `None` when the connection ends before it.
pub(super) fn read_head(reader: &mut impl BufRead) -> io::Result<Option<(String, Headers)>> {
    let mut first = String::new();
    if reader.read_line(&mut first)? == 0 {
        return Ok(None);
    }
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Err(invalid("the headers end in the middle".to_owned()));
        }
        let line = line.trim_end();
        if line.is_empty() {
            break;
        }
        let (name, value) =
            line.split_once(':').ok_or_else(|| invalid(format!("`{line}` is no header")))?;
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    Ok(Some((first.trim_end().to_owned(), headers)))
}

/// Reads the body of a message; `None` when the headers do not say where it ends.
pub(super) fn read_body(
    reader: &mut impl BufRead,
    headers: &[(String, String)],
) -> io::Result<Option<Vec<u8>>> {
    if header(headers, "transfer-encoding").is_some_and(|value| value.contains("chunked")) {
        return read_chunks(reader).map(Some);
    }
    let Some(length) = header(headers, "content-length") else {
        return Ok(None);
    };
    let length = length.parse().map_err(|_| invalid(format!("`{length}` is no length")))?;
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    Ok(Some(body))
}

fn read_chunks(reader: &mut impl BufRead) -> io::Result<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let length = line.split(';').next().unwrap_or_default().trim();
        let length = usize::from_str_radix(length, 16)
            .map_err(|_| invalid(format!("`{length}` is no length of a chunk")))?;
        let start = body.len();
        body.resize(start + length, 0);
        reader.read_exact(&mut body[start..])?;
        // The line end after the chunk; after the last chunk, the trailers up to the empty line.
        loop {
            line.clear();
            reader.read_line(&mut line)?;
            if line.trim_end().is_empty() {
                break;
            }
        }
        if length == 0 {
            return Ok(body);
        }
    }
}

/// The first header of a name.
pub(super) fn header<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    headers.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
}

fn invalid(words: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, words)
}

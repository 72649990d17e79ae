//! Where a broker is.

use super::super::at::At;
use super::super::diagnostic::Code;
use super::super::raw::Mqtt;
use super::Context;

/// Where a broker is.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Address {
    /// Host name or address; empty if it is not known.
    pub(super) host: String,
    pub(super) port: u16,
    /// Whether the scheme asks for TLS.
    pub(super) secure: bool,
    /// The path of a WebSocket.
    pub(super) websocket: Option<String>,
}

const EXAMPLE: &str = "mqtt://broker.mill.example:1883";
const EXAMPLE_WEBSOCKET: &str = "ws://broker.mill.example:80/mqtt";
/// What brokers listen at, and the path that is meant where none is written.
const PATH: &str = "/mqtt";

/// Reads the address of a broker.
pub(super) fn check(cx: &mut Context<'_>, mqtt: &At<Mqtt>) -> Address {
    let Some(found) = mqtt.url.as_ref() else {
        cx.missing(&mqtt.span(), "`[[mqtt]]`", "url", &format!("\"{EXAMPLE}\""));
        // Whoever gives certificates means TLS: do not complain of that, too.
        return Address { secure: mqtt.tls.is_some(), ..Address::default() };
    };
    let example = if found.starts_with("ws") { EXAMPLE_WEBSOCKET } else { EXAMPLE };
    let Some(url) = cx.url(found, "url", example) else {
        let secure = found.starts_with("mqtts") || found.starts_with("wss");
        return Address { secure, ..Address::default() };
    };
    let (secure, websocket, port) = match url.scheme {
        "mqtt" | "tcp" => (false, false, 1883),
        "mqtts" | "ssl" => (true, false, 8883),
        "ws" => (false, true, 80),
        "wss" => (true, true, 443),
        other => {
            cx.report(Code::Url, found.span(), format!("`url` has the scheme `{other}`"))
                .label("allowed are `mqtt`, `mqtts`, `ws` and `wss`")
                .help(format!("write it like `\"{EXAMPLE}\"`"));
            return Address::default();
        }
    };
    let path = found.len() - url.path.len();
    let websocket = if websocket {
        Some(path_of(cx, found, url.path, path))
    } else {
        if !url.path.is_empty() {
            let span = cx.part(found, path..found.len());
            cx.report(Code::Url, span, "an address of a broker has no path").help(
                "topics stand under `[[mqtt.subscribe]]`; only a WebSocket (`ws`, `wss`) has a path",
            );
        }
        None
    };
    Address { host: url.host.to_owned(), port: url.port.unwrap_or(port), secure, websocket }
}

/// The path of a WebSocket, which begins so many bytes into the address.
fn path_of(cx: &mut Context<'_>, found: &At<String>, path: &str, start: usize) -> String {
    if path.is_empty() {
        // A slash that is written is meant.
        let root = found.ends_with('/');
        return if root { "/" } else { PATH }.to_owned();
    }
    let wrong = path.char_indices().find(|(at, next)| match next {
        '%' => {
            let code = path.get(at + 1..at + 3);
            !code.is_some_and(|code| code.bytes().all(|byte| byte.is_ascii_hexdigit()))
        }
        _ => !next.is_ascii_alphanumeric() && !"/-._~!$&'()*,;=:".contains(*next),
    });
    let Some((at, sign)) = wrong else { return path.to_owned() };
    let at = start + at;
    let span = cx.part(found, at..at + sign.len_utf8());
    let report =
        cx.report(Code::Url, span, format!("the path of a WebSocket cannot have `{sign}`"));
    let report =
        report.label("letters, digits, `/`, `-`, `.` and `_` are allowed, others as `%2B`");
    report.help(match sign {
        '#' | '+' => {
            "topics stand under `[[mqtt.subscribe]]`; the path is that at which the broker \
                      listens, often `/mqtt`"
        }
        '%' => "write `%25` for a `%`; else two hexadecimal digits follow it",
        _ => "write the path at which the broker listens, often `/mqtt`",
    });
    PATH.to_owned()
}

#[cfg(test)]
mod tests {
    use crate::config;

    #[track_caller]
    fn check(url: &str, port: u16, secure: bool, websocket: Option<&str>) {
        let text = format!("[[mqtt]]\nurl = \"{url}\"\n[[mqtt.subscribe]]\ntopic = \"{{tag}}\"\n");
        let checked = config::load(&text, "test").unwrap();
        let found = &checked.brokers[0].settings;
        let is = (&*found.host, found.port, found.tls.is_some(), found.websocket.as_deref());
        assert_eq!(is, ("h", port, secure, websocket), "{url}");
    }

    #[test]
    fn port_and_path_are_the_usual_ones_where_none_is_written() {
        check("mqtt://h", 1883, false, None);
        check("mqtts://h/", 8883, true, None);
        check("ws://h", 80, false, Some("/mqtt"));
        check("wss://h/", 443, true, Some("/"));
        check("ws://h:9001/plant/a%2Fb", 9001, false, Some("/plant/a%2Fb"));
    }
}

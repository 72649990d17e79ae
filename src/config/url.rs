//! Addresses: scheme, host and port, and nothing else.

use std::ops::Range;

/// An address, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Url<'a> {
    /// The scheme.
    pub(super) scheme: &'a str,
    /// The host, without the brackets of an IPv6 address.
    pub(super) host: &'a str,
    /// The port, if one stands there.
    pub(super) port: Option<u16>,
    /// What follows host and port, without a single slash.
    pub(super) path: &'a str,
}

/// Why a text is no address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Problem {
    /// No `://`.
    NoScheme,
    /// No host.
    NoHost,
    /// The port is no number from 1 to 65535.
    Port,
    /// Characters that a host cannot have.
    Host,
}

/// The part of an address that may hold a secret: user and password, and a query.
pub(super) fn secrets(text: &str) -> Option<Range<usize>> {
    let start = text.find("://").map_or(0, |at| at + 3);
    let rest = text.get(start..)?;
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    if let Some(at) = rest.get(..end)?.rfind('@') {
        return Some(start..start + at);
    }
    // A password may hold a slash that should have been escaped.
    if let Some(at) = rest.rfind('@') {
        return Some(start..start + at);
    }
    rest.find('?').map(|at| start + at..text.len())
}

/// Reads an address.
pub(super) fn parse(text: &str) -> Result<Url<'_>, Problem> {
    let (scheme, rest) = text.split_once("://").ok_or(Problem::NoScheme)?;
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at_checked(end).ok_or(Problem::Host)?;
    let (host, port) = match authority.strip_prefix('[') {
        Some(bracketed) => {
            let (host, after) = bracketed.split_once(']').ok_or(Problem::Host)?;
            let _: std::net::Ipv6Addr = host.parse().map_err(|_| Problem::Host)?;
            match (after, after.strip_prefix(':')) {
                ("", _) => (host, None),
                (_, Some(port)) => (host, Some(port)),
                _ => return Err(Problem::Host),
            }
        }
        None => match authority.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (authority, None),
        },
    };
    if host.is_empty() {
        return Err(Problem::NoHost);
    }
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | ':');
    if !host.chars().all(plain) {
        return Err(Problem::Host);
    }
    let port = match port {
        None => None,
        // `parse` would take `+80`.
        Some(port) if port.bytes().all(|byte| byte.is_ascii_digit()) => {
            Some(port.parse().ok().filter(|port| *port > 0).ok_or(Problem::Port)?)
        }
        Some(_) => return Err(Problem::Port),
    };
    Ok(Url { scheme, host, port, path: if path == "/" { "" } else { path } })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        let check = |text: &str, expected: Result<(&str, &str, Option<u16>, &str), Problem>| {
            let found = parse(text).map(|url| (url.scheme, url.host, url.port, url.path));
            assert_eq!(found, expected, "{text}");
        };
        check("mqtt://a.example:1883", Ok(("mqtt", "a.example", Some(1883), "")));
        check("http://127.0.0.1/", Ok(("http", "127.0.0.1", None, "")));
        check("http://[::1]:8086/x", Ok(("http", "::1", Some(8086), "/x")));
        check("http://[::1]", Ok(("http", "::1", None, "")));
        check("a.example:1883", Err(Problem::NoScheme));
        check("mqtt://:1883", Err(Problem::NoHost));
        check("mqtt://a:0", Err(Problem::Port));
        check("mqtt://a:+80", Err(Problem::Port));
        check("mqtt://a:99999", Err(Problem::Port));
        check("mqtt://a b", Err(Problem::Host));
        check("mqtt://[::1", Err(Problem::Host));
        check("mqtt://[zz]", Err(Problem::Host));
    }

    #[test]
    fn secrets_in_addresses_are_found() {
        let check = |text: &str, expected: Option<&str>| {
            assert_eq!(secrets(text).map(|range| &text[range]), expected, "{text}");
        };
        check("mqtt://u:p@h:1883", Some("u:p"));
        check("mqtt://u:p/q@h:1883", Some("u:p/q"));
        check("http://h/?token=x", Some("?token=x"));
        check("u:p@h", Some("u:p"));
        check("mqtt://h:1883", None);
    }
}

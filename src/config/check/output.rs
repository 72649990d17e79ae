//! What goes out and what stays: store, InfluxDB, page.

use super::super::at::{At, SizeText};
use super::super::diagnostic::Code;
use super::super::quantity;
use super::super::raw::{Http, Influxdb, Secret, Store, Token};
use super::{Context, text};
use crate::telemetry::SecretSource;
use crate::{http, influx, store};
use std::net::SocketAddr;
use std::ops::Range;
use std::path::PathBuf;
use std::time::Duration;

/// Where the store is when nobody says.
const STORE: &str = "onspec.db";
/// The size of the store when nobody says.
const STORE_SIZE: u64 = 20 << 30;
/// Below this a store has no room for a checkpoint beside its journal.
const STORE_MIN: u64 = 64 << 20;
/// Where the page is when nobody says.
const LISTEN: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 8080);

/// Reads a size, or reports it.
pub(super) fn size(cx: &mut Context<'_>, found: &At<SizeText>, key: &str) -> Option<u64> {
    let size = quantity::size(found);
    if size.is_none() && quantity::has_form(found, &quantity::SIZE_UNITS) {
        let message = format!("`{key}` is too large: `{}`", &***found);
        cx.report(Code::OutOfBounds, found.span(), message).label("more than any disk holds");
    } else if size.is_none() {
        let message = format!("`{key}` is no size: `{}`", &***found);
        cx.report(Code::Quantity, found.span(), message)
            .help("write a number with its unit, such as `\"512MiB\"` or `\"20GiB\"`");
    }
    size
}

/// Checks the store.
pub(super) fn store(cx: &mut Context<'_>, raw: Option<&At<Store>>) -> store::Settings {
    let path = raw.and_then(|raw| raw.path.as_ref());
    if let Some(path) = path.filter(|path| path.trim().is_empty()) {
        cx.report(Code::Name, path.span(), "`path` of the store is empty")
            .help("write `path = \"/var/lib/onspec/onspec.db\"`");
    }
    let max_size_bytes = match raw.and_then(|raw| raw.max_size.as_ref()) {
        None => STORE_SIZE,
        Some(found) => {
            let size = size(cx, found, "max_size");
            if size.is_some_and(|size| size < STORE_MIN) {
                let message = format!("`max_size` cannot be `{}`", &***found);
                cx.report(Code::OutOfBounds, found.span(), message)
                    .label("allowed is `64MiB` and more");
            }
            size.unwrap_or(STORE_SIZE)
        }
    };
    store::Settings {
        path: Some(PathBuf::from(text(path).unwrap_or(STORE))),
        max_size_bytes,
        when_full: raw
            .and_then(|raw| raw.when_full.as_ref())
            .map_or_else(Default::default, |word| (**word).into()),
    }
}

/// Where a secret comes from that must be given.
pub(super) fn wanted_secret(
    cx: &mut Context<'_>,
    found: Option<&At<Secret>>,
    key: &str,
    table: &Range<usize>,
    place: &str,
    example: &str,
) -> SecretSource {
    if let Some(found) = found {
        return cx.secret(found, key);
    }
    cx.missing(table, place, key, example);
    SecretSource::Env(String::new())
}

/// Checks InfluxDB.
pub(super) fn influxdb(cx: &mut Context<'_>, raw: &At<Influxdb>) -> influx::Settings {
    const EXAMPLE: &str = "http://127.0.0.1:8086";
    let span = raw.span();
    let url = match raw.url.as_ref() {
        None => {
            cx.missing(&span, "`[influxdb]`", "url", &format!("\"{EXAMPLE}\""));
            String::new()
        }
        Some(found) => influx_url(cx, found, EXAMPLE),
    };
    let mut wanted = |found: Option<&At<String>>, key: &str, example: &str| match found {
        None => {
            cx.missing(&span, "`[influxdb]`", key, example);
            String::new()
        }
        Some(found) => {
            if found.trim().is_empty() {
                cx.report(Code::Name, found.span(), format!("`{key}` is empty"))
                    .help(format!("write `{key} = {example}`"));
            }
            found.to_string()
        }
    };
    let org = wanted(raw.org.as_ref(), "org", "\"mill\"");
    let bucket = wanted(raw.bucket.as_ref(), "bucket", "\"onspec\"");
    let example = "{ env = \"INFLUX_TOKEN\" }";
    let token = wanted_secret(cx, raw.token.as_ref(), "token", &span, "`[influxdb]`", example);
    let timeout = cx.duration(
        raw.timeout.as_ref(),
        "timeout",
        Duration::from_secs(30),
        Duration::from_secs(1)..=Duration::from_secs(600),
    );
    let lines = cx.integer(raw.batch_lines.as_ref(), "batch_lines", 5000, 1..=100_000);
    let batch_lines = usize::try_from(lines).unwrap_or(5000);
    influx::Settings { url, org, bucket, token, timeout, batch_lines }
}

fn influx_url(cx: &mut Context<'_>, found: &At<String>, example: &str) -> String {
    let Some(url) = cx.url(found, "url", example) else { return String::new() };
    if !matches!(url.scheme, "http" | "https") {
        cx.report(Code::Url, found.span(), format!("`url` has the scheme `{}`", url.scheme))
            .label("allowed are `http` and `https`")
            .help(format!("write it like `\"{example}\"`"));
    }
    if !url.path.is_empty() {
        let start = found.len() - url.path.len();
        let span = cx.part(found, start..found.len());
        cx.report(Code::Url, span, "an InfluxDB behind a path cannot be reached")
            .label("requests would go to the root of the host")
            .help("give InfluxDB a port or a host name of its own, and leave the path out");
    }
    found.trim_end_matches('/').to_owned()
}

/// Checks the page.
pub(super) fn http(cx: &mut Context<'_>, raw: Option<&At<Http>>) -> Option<http::Settings> {
    let Some(raw) = raw else {
        return Some(http::Settings { listen: LISTEN, public_url: None, links: None });
    };
    let public_url = raw.public_url.as_ref().and_then(|found| public_url(cx, found));
    let links = links(cx, raw);
    let settings = http::Settings { listen: LISTEN, public_url, links };
    let default = Some(settings.clone());
    let tokens = raw.tokens.as_ref().filter(|tokens| !tokens.is_empty());
    for token in tokens.iter().flat_map(|tokens| tokens.iter()) {
        check_token(cx, token);
    }
    let Some(listen) = raw.listen.as_ref() else {
        return default;
    };
    if listen.as_str() == "off" {
        return None;
    }
    let Ok(address) = listen.parse::<SocketAddr>() else {
        let message = format!("`listen` is no address with a port: `{}`", **listen);
        cx.report(Code::Url, listen.span(), message)
            .help("write `\"127.0.0.1:8080\"`, or `\"[::1]:8080\"`, or `\"off\"`");
        return default;
    };
    if !address.ip().is_loopback() {
        let message = format!("`{address}` can be reached from other machines");
        if tokens.is_some() && raw.tls.is_some() {
            cx.report(Code::Unsupported, listen.span(), message)
                .label("tokens and TLS are not supported by this release")
                .help(PROXY);
        } else {
            cx.report(Code::OpenListener, listen.span(), message)
                .label("anybody there could read and change what onspec says")
                .help(PROXY);
        }
        return default;
    }
    if let Some(tokens) = tokens {
        cx.not_yet(tokens.span(), "tokens", "everybody on this machine may use the page");
    }
    if let Some(tls) = raw.tls.as_ref() {
        cx.not_yet(tls.span(), "tls", "the page is plain HTTP, on loopback only");
    }
    Some(http::Settings { listen: address, ..settings })
}

/// Where the key comes from that signs the links by which alarms are acknowledged.
fn links(cx: &mut Context<'_>, raw: &At<Http>) -> Option<SecretSource> {
    let links = raw.links.as_ref()?;
    if raw.public_url.is_none() {
        let (place, example) = ("`[http]` with `links`", "\"https://onspec.mill.example/\"");
        cx.missing(&links.span(), place, "public_url", example);
    }
    let (key, span) = (links.key.as_ref(), links.span());
    let example = "{ file = \"/etc/onspec/links.key\" }";
    Some(wanted_secret(cx, key, "key", &span, "`links`", example))
}

/// The address under which people reach the page.
fn public_url(cx: &mut Context<'_>, found: &At<String>) -> Option<String> {
    const EXAMPLE: &str = "https://onspec.mill.example/";
    let url = cx.url(found, "public_url", EXAMPLE)?;
    if !matches!(url.scheme, "http" | "https") {
        cx.report(Code::Url, found.span(), format!("`public_url` has the scheme `{}`", url.scheme))
            .label("allowed are `http` and `https`")
            .help(format!("write it like `\"{EXAMPLE}\"`"));
    }
    Some(found.to_string())
}

const PROXY: &str = "listen on `127.0.0.1:8080`, and let a proxy with TLS and a login stand in front; \
                     this release listens on loopback only";

fn check_token(cx: &mut Context<'_>, token: &At<Token>) {
    if token.name.is_none() {
        cx.missing(&token.span(), "a token", "name", "\"grafana\"");
    }
    match token.sha256.as_ref() {
        None => cx.missing(&token.span(), "a token", "sha256", "\"…\""),
        Some(hash) => {
            if hash.len() != 64 || !hash.bytes().all(|byte| byte.is_ascii_hexdigit()) {
                let span = hash.span();
                // Somebody may have written the token itself.
                cx.hidden.push(span.clone());
                cx.report(Code::Quantity, span, "`sha256` is no SHA-256")
                    .label("hidden here")
                    .help("write 64 hexadecimal digits, as `sha256sum` prints them");
            }
        }
    }
}

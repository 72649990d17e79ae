//! What every request and every answer goes through: the host check, bounds, security headers, and
//! errors as JSON.

use super::acknowledge::{PREFIX, is_origin_of};
use super::page::ORDERS;
use super::router::Shared;
use axum::Json;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{self, HeaderName, HeaderValue};
use axum::http::{Method, StatusCode, Uri, uri::Authority};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use std::net::IpAddr;

/// Everything from here, nothing inline, nothing from elsewhere, in nobody's frame.
pub(super) const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
     img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const SECURITY_HEADERS: [(HeaderName, &str); 6] = [
    (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "no-referrer"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
];

/// The body of every error.
#[derive(Debug, Serialize)]
struct ErrorBody {
    error: String,
}

/// An error answer: `{"error": "…"}`.
pub(super) fn error(status: StatusCode, text: impl Into<String>) -> Response {
    (status, Json(ErrorBody { error: text.into() })).into_response()
}

/// No such path.
pub(super) async fn not_found(uri: Uri) -> Response {
    error(StatusCode::NOT_FOUND, format!("nothing is at `{}`; see `/api/openapi.json`", uri.path()))
}

/// The path is there, the method is not: it takes `only` others.
pub(super) fn method_not_allowed(method: &Method, uri: &Uri, only: &str) -> Response {
    let text = format!("`{}` takes no {method}, only {only}", uri.path());
    error(StatusCode::METHOD_NOT_ALLOWED, text)
}

/// Refuses requests that name a host which is not this machine.
///
/// A web page from elsewhere can point a name of its own at 127.0.0.1 and then read answers as its
/// own (DNS rebinding); its requests still carry that name. A request without any host is no
/// browser's, and is let through.
pub(super) async fn check_host(request: Request, next: Next) -> Response {
    let named = request.headers().get(header::HOST).map(HeaderValue::to_str);
    let in_uri = request.uri().authority().map(Authority::as_str);
    let ours = |host: &str| host.parse().is_ok_and(|host| is_this_machine(&host));
    let header_ok = match named {
        None => true,
        Some(Ok(host)) => ours(host),
        Some(Err(_)) => false,
    };
    if header_ok && in_uri.is_none_or(ours) {
        next.run(request).await
    } else {
        let text = "the request names a host that is not this machine; \
                    use `localhost`, `127.0.0.1` or `[::1]`";
        error(StatusCode::MISDIRECTED_REQUEST, text)
    }
}

/// Refuses to do anything for a page from elsewhere.
///
/// A browser lets any page send a POST to this machine, and says from where it comes. Programs say
/// nothing of the kind. The page behind a link, and that of the alarms, may be shown by a proxy under another name, and then says that one.
pub(super) async fn check_origin(
    State(shared): State<Shared>,
    request: Request,
    next: Next,
) -> Response {
    let headers = request.headers();
    let origin = headers.get(header::ORIGIN).map(|origin| origin.to_str().unwrap_or("null"));
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let ours =
        origin.is_none_or(|origin| origin.split_once("://").is_some_and(|(_, of)| of == host));
    let links = shared.api.links.as_ref().filter(|_| request.uri().path().starts_with(PREFIX));
    // The forms of the page as well, which a proxy shows.
    let public = shared.api.public_url.as_deref();
    let public = public.filter(|_| request.uri().path().starts_with(ORDERS)).zip(origin);
    let of_page = public.is_some_and(|(address, origin)| is_origin_of(address, origin));
    let of_link = links.zip(origin).is_some_and(|(links, origin)| links.is_from(origin));
    if request.method().is_safe() || ours || of_link || of_page {
        next.run(request).await
    } else {
        let text = "the request comes from a page of another site, which may not ask for this";
        error(StatusCode::FORBIDDEN, text)
    }
}

/// The listener is on loopback, so its configured address is a loopback address too.
fn is_this_machine(authority: &Authority) -> bool {
    let host = authority.host();
    if authority.as_str().contains('@') {
        return false;
    }
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    bare.eq_ignore_ascii_case("localhost")
        || bare.parse::<IpAddr>().is_ok_and(|ip| ip.to_canonical().is_loopback())
}

/// Puts the security headers on every answer and turns errors that a library made into ours.
pub(super) async fn seal(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    if is_foreign_error(&response) {
        response = as_json(response).await;
    }
    let headers = response.headers_mut();
    for (name, value) in SECURITY_HEADERS {
        // A sheet of paper has a policy of its own, which is stricter and knows its style.
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    if !headers.contains_key(header::CACHE_CONTROL) {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    response
}

fn is_foreign_error(response: &Response) -> bool {
    let json = response
        .headers()
        .get(header::CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes().starts_with(b"application/json"));
    // What has a policy of its own is a page that says in words for people what is wrong.
    let page = response.headers().contains_key(header::CONTENT_SECURITY_POLICY);
    let status = response.status();
    (status.is_client_error() || status.is_server_error()) && !json && !page
}

async fn as_json(response: Response) -> Response {
    let status = response.status();
    let words: Body = response.into_body();
    let words = axum::body::to_bytes(words, 4096).await.unwrap_or_default();
    let words = String::from_utf8_lossy(&words);
    let text = match (status, words.trim()) {
        (StatusCode::SERVICE_UNAVAILABLE, "") => "the answer took too long; try again".to_owned(),
        (StatusCode::PAYLOAD_TOO_LARGE, _) => {
            format!("the body is larger than {} bytes", super::BODY_MAX_BYTES)
        }
        (_, "") => status.canonical_reason().unwrap_or("failed").to_lowercase(),
        (_, words) => words.to_owned(),
    };
    error(status, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_this_machine_are_ours() {
        for (host, ours) in [
            ("localhost", true),
            ("LocalHost:8080", true),
            ("127.0.0.1:8080", true),
            ("127.0.0.1", true),
            ("[::1]:8080", true),
            ("[::ffff:127.0.0.1]:8080", true),
            ("localhost.evil.example", false),
            ("evil.example:8080", false),
            ("127.0.0.1.evil.example", false),
            ("192.0.2.7:8080", false),
            ("0.0.0.0:8080", false),
            ("localhost@evil.example", false),
            ("evil@localhost", false),
            ("::1", false),
            ("", false),
            ("127.1", false),
        ] {
            let found = host.parse().is_ok_and(|host| is_this_machine(&host));
            assert_eq!(found, ours, "{host}");
        }
    }
}

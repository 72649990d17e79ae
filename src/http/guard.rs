//! What every request and every answer goes through: the host check, bounds, the kind of a body, security headers, and
//! errors as documents.

use super::acknowledge::{PREFIX, is_origin_of};
use super::page::ORDERS;
use super::problem::{self, Problem};
use super::router::Shared;
use axum::extract::{Request, State};
use axum::http::header::{self, HeaderName, HeaderValue};
use axum::http::{Method, StatusCode, Uri, uri::Authority};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
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

/// After how many seconds who was told to come back may ask again, where nothing else is said.
const RETRY_AFTER: &str = "1";

/// An error answer, of the type that its status has.
pub(super) fn error(status: StatusCode, text: impl Into<String>) -> Response {
    Problem::new(status, text).into_response()
}

/// No such path.
pub(super) async fn not_found(uri: Uri) -> Response {
    error(StatusCode::NOT_FOUND, format!("nothing is at `{}`; see `/api/openapi.json`", uri.path()))
}

/// The path is there, the method is not: it takes `only` others, such as `GET and HEAD`.
pub(super) fn method_not_allowed(method: &Method, uri: &Uri, only: &str) -> Response {
    let text = format!("`{}` takes no {method}, only {only}", uri.path());
    let mut answer = error(StatusCode::METHOD_NOT_ALLOWED, text);
    if let Ok(allow) = HeaderValue::from_str(&only.replace(" and ", ", ")) {
        answer.headers_mut().insert(header::ALLOW, allow);
    }
    answer
}

/// Refuses bodies of the API that say of themselves that they are no JSON. Who says nothing, or what a tool says that was told
/// nothing (`curl --data`), means JSON.
pub(super) async fn check_body(request: Request, next: Next) -> Response {
    if request.method() != Method::POST || !request.uri().path().starts_with("/api/") {
        return next.run(request).await;
    }
    let headers = request.headers();
    let text = |name| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    let refused = |text: String, header: HeaderName, takes: &'static str| {
        let mut answer = error(StatusCode::UNSUPPORTED_MEDIA_TYPE, text);
        answer.headers_mut().insert(header, HeaderValue::from_static(takes));
        answer
    };
    if let Some(kind) = text(header::CONTENT_TYPE).filter(|kind| !is_json(kind)) {
        let text = format!("the body says that it is `{kind}`; send `application/json`");
        return refused(text, HeaderName::from_static("accept-post"), "application/json");
    }
    let encoding = text(header::CONTENT_ENCODING).map(str::trim);
    if let Some(encoding) = encoding.filter(|encoding| !encoding.eq_ignore_ascii_case("identity")) {
        let text = format!("the body is encoded as `{encoding}`; send it as it is");
        return refused(text, header::ACCEPT_ENCODING, "identity");
    }
    next.run(request).await
}

/// True of a type of content that may be JSON.
fn is_json(kind: &str) -> bool {
    let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let meant = ["text/plain", "application/x-www-form-urlencoded", "application/octet-stream"];
    kind == "application/json"
        || kind.starts_with("application/") && kind.ends_with("+json")
        || meant.contains(&&*kind)
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

/// Puts the security headers on every answer, and makes documents of errors.
pub(super) async fn seal(request: Request, next: Next) -> Response {
    let (method, uri) = (request.method().clone(), request.uri().clone());
    let response = next.run(request).await;
    let mut response = problem::write(response, &method, &uri).await;
    let unavailable = response.status() == StatusCode::SERVICE_UNAVAILABLE;
    let headers = response.headers_mut();
    for (name, value) in SECURITY_HEADERS {
        // A sheet of paper has a policy of its own, which is stricter and knows its style.
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    if unavailable {
        headers.entry(header::RETRY_AFTER).or_insert(HeaderValue::from_static(RETRY_AFTER));
    }
    response
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

    #[test]
    fn what_may_be_json_is_taken_as_it() {
        for (kind, json) in [
            ("application/json", true),
            ("Application/JSON; charset=utf-8", true),
            ("application/cloudevents+json", true),
            ("application/x-www-form-urlencoded", true),
            ("text/plain", true),
            ("text/csv", false),
            ("multipart/form-data; boundary=x", false),
            ("application/xml", false),
            ("", false),
        ] {
            assert_eq!(is_json(kind), json, "{kind}");
        }
    }
}

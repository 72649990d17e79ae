//! Validators: what a program has already is not sent again.
//!
//! An ETag is made of what would be sent, 128 bits of XXH3: the document is made anyway, and to hash it costs a hundredth of
//! that, so no number of a version has to be carried along for each part of it. Documents that say what time it is have a weak
//! one, over all but that: they are the same as long as nothing else in them differs.

use axum::Json;
use axum::body::{Body, HttpBody};
use axum::extract::Request;
use axum::http::header::{self, HeaderMap, HeaderValue};
use axum::http::{Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use xxhash_rust::xxh3::xxh3_128;

/// The hash of a document without what changes by itself.
#[derive(Debug, Clone, Copy)]
struct Still(u128);

/// A document that says what time it is, or the like; `stop` takes that out of it.
pub(super) fn moving<T: Serialize>(mut document: T, stop: impl FnOnce(&mut T)) -> Response {
    let mut answer = Json(&document).into_response();
    stop(&mut document);
    let still = serde_json::to_vec(&document).expect("a document has only text keys");
    answer.extensions_mut().insert(Still(xxh3_128(&still)));
    answer
}

/// Gives each document of the API that is read its ETag, answers `If-None-Match`, and gives its head alone where that is asked for.
pub(super) async fn validate(mut request: Request, next: Next) -> Response {
    let method = request.method().clone();
    let reads = method == Method::GET || method == Method::HEAD;
    if !reads || !request.uri().path().starts_with("/api/") {
        return next.run(request).await;
    }
    // Also a head has the ETag and the length of its document.
    *request.method_mut() = Method::GET;
    let known = request.headers().get(header::IF_NONE_MATCH).cloned();
    let (mut parts, mut body) = next.run(request).await.into_parts();
    let json = parts.headers.get(header::CONTENT_TYPE);
    let json = json.is_some_and(|kind| kind.as_bytes().starts_with(b"application/json"));
    if parts.status == StatusCode::OK && json && !parts.headers.contains_key(header::ETAG) {
        let Ok(bytes) = axum::body::to_bytes(body, usize::MAX).await else {
            return StatusCode::INTERNAL_SERVER_ERROR.into_response();
        };
        let etag = match parts.extensions.remove::<Still>() {
            Some(Still(hash)) => format!("W/\"{hash:032x}\""),
            None => format!("\"{:032x}\"", xxh3_128(&bytes)),
        };
        mark(&mut parts.headers, &etag, bytes.len());
        if known.is_some_and(|known| names(&known, &etag)) {
            parts.status = StatusCode::NOT_MODIFIED;
            parts.headers.remove(header::CONTENT_LENGTH);
            parts.headers.remove(header::CONTENT_TYPE);
            return Response::from_parts(parts, Body::empty());
        }
        body = Body::from(bytes);
    }
    if method == Method::HEAD {
        if let Some(length) = body.size_hint().exact() {
            parts.headers.entry(header::CONTENT_LENGTH).or_insert(HeaderValue::from(length));
        }
        body = Body::empty();
    }
    Response::from_parts(parts, body)
}

fn mark(headers: &mut HeaderMap, etag: &str, length: usize) {
    if let Ok(etag) = HeaderValue::from_str(etag) {
        headers.insert(header::ETAG, etag);
    }
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
}

/// True if `If-None-Match` names an ETag; weakly, as RFC 9110 has it.
fn names(known: &HeaderValue, etag: &str) -> bool {
    let strong = |etag: &str| etag.strip_prefix("W/").unwrap_or(etag).to_owned();
    let known = known.to_str().unwrap_or_default();
    known.split(',').map(str::trim).any(|tag| tag == "*" || strong(tag) == strong(etag))
}

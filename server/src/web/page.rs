//! The web page: its built files are part of this program; every path that is no file is the page's own business.

use axum::{
    http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header},
    response::{Html, IntoResponse, Redirect, Response},
};
use platform::service::problem::{no_method, no_route};
use rust_embed::{EmbeddedFile, RustEmbed};
use url::Url;

use super::html;

#[derive(RustEmbed)]
#[folder = "../web/dist"]
#[allow_missing = true]
struct Built;

const INDEX: &str = "index.html";
/// Files below this have the hash of their content in their name.
const HASHED: &str = "assets/";
/// Paths below these belong to programs: a mistyped one must not be answered with a page.
const PROGRAMS: [&str; 4] = ["/api", "/objects", "/internal", "/.well-known"];

/// Answers what no route of the API answers.
pub(crate) async fn page(method: Method, uri: Uri, headers: HeaderMap) -> Response {
    if PROGRAMS.iter().any(|start| is_below(uri.path(), start)) {
        return no_route().await.into_response();
    }
    if !matches!(method, Method::GET | Method::HEAD) {
        return no_method().await.into_response();
    }
    let path = uri.path().trim_start_matches('/');
    match Built::get(path).filter(|_| !path.is_empty()) {
        Some(file) => file_answer(path, file, &headers),
        None if path.starts_with(HASHED) => no_route().await.into_response(),
        None => match Built::get(INDEX) {
            Some(file) => file_answer(INDEX, file, &headers),
            None => ([(header::CONTENT_SECURITY_POLICY, html::policy())], Html(unbuilt())).into_response(),
        },
    }
}

/// The root of the API's own listener: the page, on the machine that was asked for, is behind another port.
pub(crate) async fn home(page: Option<u16>, headers: HeaderMap) -> Response {
    let asked = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let there = page.and_then(|port| {
        let mut url = Url::parse(&format!("http://{asked}/")).ok()?;
        url.set_port(Some(port)).ok()?;
        Some(url)
    });
    match there {
        Some(url) => Redirect::temporary(url.as_str()).into_response(),
        None => no_route().await.into_response(),
    }
}

fn is_below(path: &str, start: &str) -> bool {
    path.strip_prefix(start).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn file_answer(path: &str, file: EmbeddedFile, asked: &HeaderMap) -> Response {
    let lifetime = if path.starts_with(HASHED) { "public, max-age=31536000, immutable" } else { "no-cache" };
    let tag = format!("\"{}\"", hex::encode(&file.metadata.sha256_hash()[..16]));
    let mut response =
        if asked.get(header::IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == tag.as_bytes()) {
            StatusCode::NOT_MODIFIED.into_response()
        } else {
            let media_type = mime_guess::from_path(path).first_or_octet_stream();
            ([(header::CONTENT_TYPE, media_type.as_ref())], file.data).into_response()
        };
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(lifetime));
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        headers.insert(header::ETAG, tag);
    }
    headers.insert(header::CONTENT_SECURITY_POLICY, policy(asked));
    response
}

/// Nothing inline, nothing from elsewhere. Not every browser counts sockets of the same host as `'self'`, so the host
/// that the browser asked for is named, if it is spelled like one.
fn policy(asked: &HeaderMap) -> HeaderValue {
    let is_host =
        |host: &&str| host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-:[]".contains(&byte));
    let host = asked.get(header::HOST).and_then(|host| host.to_str().ok()).filter(is_host);
    let sockets = host.map(|host| format!(" ws://{host} wss://{host}")).unwrap_or_default();
    let policy = format!(
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; font-src 'self'; \
         connect-src 'self'{sockets}; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; \
         require-trusted-types-for 'script'"
    );
    HeaderValue::from_str(&policy).expect("every byte of it was checked")
}

/// What a hub shows that was built without the page.
fn unbuilt() -> String {
    html::page(
        "mshub",
        "<h1>MicroServiceHub</h1>\
         <p>The hub runs. Its web page is not part of this build: build <code>web/</code> first \
         (<code>npm ci &amp;&amp; npm run build</code>), then the hub.</p>\
         <p>Everything also works from a terminal: <code>mshub auth signup</code>, <code>mshub tui</code>.</p>\
         <p><a href=\"/docs\">API documentation</a> · <a href=\"/docs/errors\">Errors</a></p>",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn get(path: &'static str) -> Response {
        page(Method::GET, Uri::from_static(path), HeaderMap::new()).await
    }

    #[tokio::test]
    async fn a_path_of_the_page_is_the_page_and_one_of_the_api_is_a_problem() {
        let room = get("/rooms/general").await;
        let api = get("/api/v1/nothing").await;
        let asset = get("/assets/gone-12345678.js").await;

        assert_eq!(room.status(), StatusCode::OK);
        assert!(room.headers()[header::CONTENT_TYPE].to_str().unwrap().starts_with("text/html"));
        assert!(
            room.headers()[header::CONTENT_SECURITY_POLICY].to_str().unwrap().contains("default-src 'none'")
        );
        for missing in [api, asset] {
            assert_eq!(missing.status(), StatusCode::NOT_FOUND);
            assert_eq!(missing.headers()[header::CONTENT_TYPE], wire::Problem::MEDIA_TYPE);
        }
        assert_eq!(get("/apiary").await.status(), StatusCode::OK, "only whole segments are the API's");
    }

    #[tokio::test]
    async fn only_reading_is_done_to_a_page() {
        let answer = page(Method::POST, Uri::from_static("/rooms"), HeaderMap::new()).await;

        assert_eq!(answer.status(), StatusCode::METHOD_NOT_ALLOWED);
    }

    #[test]
    fn hashed_files_are_kept_for_ever_and_others_are_asked_for_again() {
        let file = || EmbeddedFile {
            data: b"x".as_slice().into(),
            metadata: rust_embed::Metadata::__rust_embed_new([7; 32], None, None, "text/css"),
        };
        let mut asked = HeaderMap::new();

        let hashed = file_answer("assets/a-1.css", file(), &asked);
        let index = file_answer(INDEX, file(), &asked);
        asked.insert(header::IF_NONE_MATCH, index.headers()[header::ETAG].clone());
        let again = file_answer(INDEX, file(), &asked);

        assert!(hashed.headers()[header::CACHE_CONTROL].to_str().unwrap().contains("immutable"));
        assert_eq!(index.headers()[header::CACHE_CONTROL], "no-cache");
        assert_eq!(again.status(), StatusCode::NOT_MODIFIED);
    }

    #[test]
    fn a_host_that_is_none_does_not_reach_the_policy() {
        let with = |host: &'static str| {
            policy(&HeaderMap::from_iter([(header::HOST, HeaderValue::from_static(host))]))
        };

        assert!(with("hub.test:8080").to_str().unwrap().contains("wss://hub.test:8080;"));
        assert!(!with("x; script-src *").to_str().unwrap().contains("script-src *"));
    }
}

//! Conversions through the gateway: uploads that stream, refusals that overtake them, and links that hold.

#![expect(clippy::unwrap_used, reason = "what helps a test is a test, but clippy cannot know")]

mod gateway;
mod stub;

use std::time::Duration;

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use platform::{service::http_client, testing::engines};
use reqwest::{Body, Method, StatusCode, header};
use wire::{
    Code, JobId,
    conversions::{Job, ResultLink},
    paths::{self, internal::CONSENT_HEADER},
};

use gateway::{Gateway, RESULT, problem};

fn upload(gateway: &Gateway, query: &str, body: Body) -> reqwest::RequestBuilder {
    gateway.signed(Method::POST, &format!("{}?{query}", paths::CONVERSIONS)).body(body)
}

#[tokio::test]
async fn an_upload_reaches_the_worker_while_it_is_still_being_sent() {
    let gateway = Gateway::start().await;
    let (chunks, sent) = tokio::sync::mpsc::channel::<Bytes>(1);
    let body =
        stream::unfold(sent, async |mut sent| Some((Ok::<_, std::io::Error>(sent.recv().await?), sent)));
    let answer =
        tokio::spawn(upload(&gateway, "to=pdf&name=a.md&strict=true", Body::wrap_stream(body)).send());

    for total in 1..=3 {
        chunks.send(Bytes::from_static(&[b'x'; 1000])).await.unwrap();
        gateway.worker.received(total * 1000).await;
    }
    drop(chunks);

    let answer = answer.await.unwrap().unwrap();
    assert_eq!(answer.status(), StatusCode::ACCEPTED);
    let job: Job = answer.json().await.unwrap();
    assert_eq!((job.owner, job.bytes_in, job.name.as_str()), (gateway.user, 3000, "a.md"));
}

#[tokio::test]
async fn length_and_key_go_on_to_the_worker() {
    let gateway = Gateway::start().await;

    let sent =
        upload(&gateway, "to=pdf&name=a.md", "# Hello".into()).header("idempotency-key", "k1").send().await;

    assert_eq!(sent.unwrap().status(), StatusCode::ACCEPTED);
    let seen = gateway.worker.headers();
    assert_eq!(seen.get(header::CONTENT_LENGTH).unwrap(), "7");
    assert_eq!(seen.get("idempotency-key").unwrap(), "k1");
}

#[tokio::test]
async fn consent_is_what_the_account_says_and_not_what_a_request_says() {
    let gateway = Gateway::start().await;
    let said_to_the_worker = async || {
        // Whoever claims it for themselves says nothing.
        let sent = upload(&gateway, "to=pdf&name=a.md", "# Hello".into()).header(CONSENT_HEADER, "yes");
        assert_eq!(sent.send().await.unwrap().status(), StatusCode::ACCEPTED);
        gateway.worker.headers().get(CONSENT_HEADER).map(|said| said.to_str().unwrap().to_owned())
    };
    let set = async |allow: bool| -> bool {
        let body = serde_json::json!({ "allow_third_party": allow });
        let me = gateway.signed(Method::PATCH, paths::ME).json(&body).send().await.unwrap();
        me.json::<wire::accounts::Me>().await.unwrap().allow_third_party
    };

    assert_eq!(said_to_the_worker().await, None);
    assert!(set(true).await);
    assert_eq!(said_to_the_worker().await.as_deref(), Some("yes"));
    assert!(!set(false).await);
    assert_eq!(said_to_the_worker().await, None);
}

#[tokio::test]
async fn a_refusal_of_the_worker_overtakes_the_body() {
    let gateway = Gateway::start().await;
    let endless = stream::repeat(Bytes::from(vec![b'x'; 64 * 1024])).map(Ok::<_, std::io::Error>);

    let asked = problem(upload(&gateway, "to=exe&name=a.md", Body::wrap_stream(endless)));

    let problem =
        tokio::time::timeout(Duration::from_secs(60), asked).await.expect("an answer while the body flows");
    assert_eq!((problem.code.as_str(), problem.status), (Code::UnsupportedPair.name(), 415));
}

#[tokio::test]
async fn what_announces_too_much_never_reaches_the_worker() {
    let gateway = Gateway::start().await;
    let large = vec![b'x'; usize::try_from(gateway::LIMIT).unwrap() + 1];

    let problem = problem(upload(&gateway, "to=pdf&name=a.md", large.into())).await;

    assert_eq!(problem.code, Code::TooLarge.name());
    assert!(gateway.worker.headers().is_empty());
}

#[tokio::test]
async fn strangers_and_odd_wishes_are_refused_before_the_body() {
    let gateway = Gateway::start().await;
    let stuck = || Body::wrap_stream(stream::pending::<std::io::Result<Bytes>>());
    let path = format!("{}?to=pdf", paths::CONVERSIONS);

    let stranger = problem(gateway.request(Method::POST, &path).body(stuck())).await;
    let odd = problem(upload(&gateway, "to=pdf&colour=blue", stuck())).await;

    assert_eq!(stranger.code, Code::Unauthenticated.name());
    assert_eq!(odd.code, Code::BadRequest.name());
    for (method, path) in [
        (Method::GET, paths::CONVERSIONS.to_owned()),
        (Method::GET, paths::FORMATS.to_owned()),
        (Method::GET, paths::fill(paths::CONVERSION, JobId::new())),
        (Method::DELETE, paths::fill(paths::CONVERSION, JobId::new())),
        (Method::POST, paths::fill(paths::CONVERSION_CANCEL, JobId::new())),
        (Method::POST, paths::fill(paths::CONVERSION_RETRY, JobId::new())),
        (Method::GET, paths::fill(paths::CONVERSION_RESULT, JobId::new())),
    ] {
        assert_eq!(problem(gateway.request(method, &path)).await.status, 401, "{path}");
    }
}

#[tokio::test]
async fn what_the_worker_does_not_find_is_missing() {
    let gateway = Gateway::start().await;

    let missing = problem(gateway.signed(Method::GET, &paths::fill(paths::CONVERSION, JobId::new()))).await;

    assert_eq!((missing.code.as_str(), missing.status), (Code::NotFound.name(), 404));
}

#[tokio::test]
async fn a_result_is_a_link_that_needs_no_token() {
    let gateway = Gateway::start().await;
    let path = paths::fill(paths::CONVERSION_RESULT, JobId::new());

    let link: ResultLink = gateway.signed(Method::GET, &path).send().await.unwrap().json().await.unwrap();
    let redirected = gateway.signed(Method::GET, &format!("{path}?redirect=1")).send().await.unwrap();
    let browser = gateway.signed(Method::GET, &path).header(header::ACCEPT, "text/html,*/*;q=0.8");
    let browser = browser.send().await.unwrap();
    let file = gateway.request(Method::GET, &link.url).send().await.unwrap();

    assert_eq!((link.name.as_str(), link.bytes), ("Grüße.pdf", RESULT.len() as u64));
    for redirect in [redirected, browser] {
        assert_eq!(redirect.status(), StatusCode::FOUND);
        assert!(redirect.headers()[header::LOCATION].to_str().unwrap().starts_with("/objects/out/"));
    }
    assert_eq!(file.status(), StatusCode::OK);
    let headers = file.headers().clone();
    assert_eq!(
        headers[header::CONTENT_DISPOSITION],
        "attachment; filename=\"Gr__e.pdf\"; filename*=UTF-8''Gr%C3%BC%C3%9Fe.pdf"
    );
    assert_eq!(headers[header::CONTENT_TYPE], "application/pdf");
    assert_eq!(headers[header::CONTENT_LENGTH], RESULT.len().to_string().as_str());
    assert_eq!(headers[header::X_CONTENT_TYPE_OPTIONS], "nosniff");
    assert!(headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap().contains("sandbox"));
    assert_eq!(file.bytes().await.unwrap(), RESULT);
}

#[tokio::test]
async fn a_result_in_s3_is_a_link_to_the_store_itself() {
    let Some(url) = engines::objects().await.unwrap() else { return };
    let gateway = Gateway::storing_in(&url).await;
    let path = paths::fill(paths::CONVERSION_RESULT, JobId::new());

    let link: ResultLink = gateway.signed(Method::GET, &path).send().await.unwrap().json().await.unwrap();
    let redirect = gateway.signed(Method::GET, &format!("{path}?redirect=1")).send().await.unwrap();

    assert_eq!(redirect.status(), StatusCode::FOUND);
    for link in [link.url.as_str(), redirect.headers()[header::LOCATION].to_str().unwrap()] {
        let file = http_client().get(link).send().await.unwrap();
        assert_eq!(file.headers()[header::CONTENT_TYPE], "application/pdf");
        assert_eq!(
            file.headers()[header::CONTENT_DISPOSITION],
            "attachment; filename=\"Gr__e.pdf\"; filename*=UTF-8''Gr%C3%BC%C3%9Fe.pdf"
        );
        assert_eq!(file.bytes().await.unwrap(), RESULT);
    }
}

#[tokio::test]
async fn a_download_goes_on_where_it_broke_off() {
    let gateway = Gateway::start().await;
    let link = gateway.link("out/job/1").await;
    let ask =
        |name: header::HeaderName, value: String| gateway.request(Method::GET, &link).header(name, value);
    let whole = gateway.request(Method::GET, &link).send().await.unwrap();
    let tag = whole.headers()[header::ETAG].to_str().unwrap().to_owned();
    let size = RESULT.len();

    let cases = [
        ("bytes=4-", StatusCode::PARTIAL_CONTENT, &RESULT[4..], format!("bytes 4-{}/{size}", size - 1)),
        ("bytes=0-3", StatusCode::PARTIAL_CONTENT, &RESULT[..4], format!("bytes 0-3/{size}")),
        ("bytes=2-999999", StatusCode::PARTIAL_CONTENT, &RESULT[2..], format!("bytes 2-{}/{size}", size - 1)),
        (
            "bytes=-3",
            StatusCode::PARTIAL_CONTENT,
            &RESULT[size - 3..],
            format!("bytes {}-{}/{size}", size - 3, size - 1),
        ),
        ("bytes=-999999", StatusCode::PARTIAL_CONTENT, RESULT, format!("bytes 0-{}/{size}", size - 1)),
        ("bytes=0-1,3-4", StatusCode::OK, RESULT, String::new()),
    ];
    for (range, status, bytes, content_range) in cases {
        let part = ask(header::RANGE, range.to_owned()).send().await.unwrap();
        assert_eq!(part.status(), status, "{range}");
        let told =
            part.headers().get(header::CONTENT_RANGE).map_or("", |value| value.to_str().unwrap()).to_owned();
        assert_eq!(told, content_range);
        assert_eq!(part.headers()[header::CONTENT_LENGTH], bytes.len().to_string().as_str());
        assert_eq!(part.bytes().await.unwrap(), bytes);
    }

    let behind = ask(header::RANGE, format!("bytes={size}-")).send().await.unwrap();
    assert_eq!(behind.headers()[header::CONTENT_RANGE], format!("bytes */{size}").as_str());
    assert_eq!(behind.json::<wire::Problem>().await.unwrap().code, Code::BadRange.name());
    let other =
        ask(header::RANGE, "bytes=4-".into()).header(header::IF_RANGE, "\"another\"").send().await.unwrap();
    assert_eq!(other.status(), StatusCode::OK);
    let same = ask(header::IF_NONE_MATCH, tag).send().await.unwrap();
    assert_eq!(same.status(), StatusCode::NOT_MODIFIED);
}

#[tokio::test]
async fn a_link_that_was_changed_or_has_expired_opens_nothing() {
    let gateway = Gateway::start().await;
    let link = gateway.link("out/job/1").await;
    let refused = [
        link.replace("/out/job/1", "/out/job/2"),
        link.replace("/out/job/1", "/in/job"),
        link.replace("/out/job/1", "/out/../in/job"),
        link.replace("media=application", "media=text"),
        link.replace("name=", "name=x"),
        link.replace("exp=", "exp=9"),
        link.replace("sig=", "sig=0"),
        link.split('?').next().unwrap().to_owned(),
        // Well signed, and still not for whoever has a link.
        gateway.link("in/job").await,
        gateway.expired_link("out/job/1").await,
    ];

    for link in refused {
        let problem = problem(gateway.request(Method::GET, &link)).await;
        // A path that climbs is straightened by the client, and is then the link to an upload.
        assert_eq!((problem.code.as_str(), problem.status), (Code::InvalidLink.name(), 403), "{link}");
    }
    let gone = problem(gateway.request(Method::GET, &gateway.link("out/job/9").await)).await;
    assert_eq!(gone.status, 404);
}

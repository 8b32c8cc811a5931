//! What only S3 can show: links that lead to the store itself, buckets, refusals, and uploads that break off.

use std::time::Duration;

use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt as _, stream};
use mshub_platform::{
    Clock,
    objects::{Body, LinkKey, LinkTerms, Objects},
    service::http_client,
    testing::{Link, Proxy, engines},
};

async fn open(url: &str) -> Objects {
    Objects::open(url, LinkKey::derive(b"secret")).await.unwrap()
}

async fn refused(url: &str) -> String {
    let refusal = Objects::open(url, LinkKey::derive(b"secret")).await.err().expect("it was opened");
    refusal.to_string()
}

fn terms(name: &str, seconds: i64) -> LinkTerms {
    let expires_at = Clock::System.now().plus_seconds(seconds);
    LinkTerms { name: name.into(), media_type: "application/pdf".into(), expires_at }
}

#[tokio::test]
async fn a_link_gives_the_file_under_its_name_to_whoever_has_it_until_it_expires() {
    let Some(url) = engines::objects().await.unwrap() else { return };
    let objects = open(&url).await;
    let body: Body = Box::pin(stream::iter([Ok(Bytes::from("the result"))]));
    objects.put("out/1/2", body, 100).await.unwrap();

    let link = objects.signed_link("out/1/2", &terms("Grüße & \"co\".pdf", 600)).await.unwrap();
    let answer = http_client().get(&link).header("range", "bytes=4-").send().await.unwrap();

    assert_eq!(answer.status(), 206);
    assert_eq!(answer.headers()["content-type"], "application/pdf");
    assert_eq!(
        answer.headers()["content-disposition"].to_str().unwrap(),
        "attachment; filename=\"Gr__e & _co_.pdf\"; filename*=UTF-8''Gr%C3%BC%C3%9Fe%20&%20%22co%22.pdf"
    );
    assert_eq!(answer.text().await.unwrap(), "result");

    let changed = link.replace("out/1/2", "out/1/3");
    assert_eq!(http_client().get(changed).send().await.unwrap().status(), 403);
    let renamed = link.replace("application%2Fpdf", "text%2Fhtml");
    assert_ne!(renamed, link);
    assert_eq!(http_client().get(renamed).send().await.unwrap().status(), 403);
    let short = objects.signed_link("out/1/2", &terms("x.pdf", 1)).await.unwrap();
    let expires = async {
        while http_client().get(&short).send().await.unwrap().status() != 403 {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), expires).await.expect("the link does not expire");
}

#[tokio::test]
async fn a_link_leads_to_where_clients_reach_the_store() {
    let Some(url) = engines::objects().await.unwrap() else { return };
    let objects = open(&format!("{url}&public_endpoint=https://files.example.org")).await;

    let link = objects.signed_link("out/1/2", &terms("x.pdf", 60)).await.unwrap();

    assert!(link.starts_with("https://files.example.org/"), "{link}");
}

#[tokio::test]
async fn a_bucket_that_is_not_there_is_made_by_whoever_comes_first() {
    let Some(url) = engines::objects().await.unwrap() else { return };
    let mut url: url::Url = url.parse().unwrap();
    url.set_host(Some(&format!("mshub-{}", uuid::Uuid::new_v4()))).unwrap();

    let opened = futures_util::future::join_all((0..3).map(|_| open(url.as_str()))).await;

    for (n, objects) in opened.iter().enumerate() {
        let body: Body = Box::pin(stream::iter([Ok(Bytes::from("x"))]));
        objects.put(&format!("in/{n}"), body, 10).await.unwrap();
    }
    assert_eq!(opened[0].keys().await.unwrap(), ["in/0", "in/1", "in/2"]);
}

#[tokio::test]
async fn what_is_wrong_is_one_sentence_without_the_secret() {
    let Some(url) = engines::objects().await.unwrap() else { return };
    let mut url: url::Url = url.parse().unwrap();

    url.set_password(Some("hunter2")).unwrap();
    let wrong_secret = refused(url.as_str()).await;
    assert!(wrong_secret.contains("secret is another one"), "{wrong_secret}");
    url.set_username("nobody").unwrap();
    let unknown_key = refused(url.as_str()).await;
    assert!(unknown_key.contains("does not know the access key"), "{unknown_key}");
    let nobody = refused("s3://me:hunter2@bucket?endpoint=http://127.0.0.1:9&path_style=true").await;
    assert!(nobody.contains("cannot be reached"), "{nobody}");

    for sentence in [&wrong_secret, &unknown_key, &nobody] {
        assert!(!sentence.contains("hunter2") && sentence.lines().count() == 1, "{sentence}");
    }
}

/// A way to the store that a test can stand in, and the store by that way.
async fn by_a_proxy() -> Option<(Proxy, String)> {
    let mut url: url::Url = engines::objects().await.unwrap()?.parse().unwrap();
    let mut options: Vec<(String, String)> = url.query_pairs().into_owned().collect();
    let endpoint = options.iter_mut().find(|(name, _)| name == "endpoint")?;
    let there = url::Url::parse(&endpoint.1).unwrap().socket_addrs(|| None).unwrap()[0];
    let proxy = Proxy::to(there).await.unwrap();
    endpoint.1 = format!("http://{}", proxy.address);
    url.query_pairs_mut().clear().extend_pairs(options);
    Some((proxy, url.into()))
}

/// No header has it in it.
const MARK: u8 = 7;

/// One that goes up in one piece, and one of several parts; the mark is near the end.
fn bodies() -> [Bytes; 2] {
    [100, 17 * 1024 * 1024].map(|size| {
        let mut body = vec![b'x'; size];
        body[size - 10] = MARK;
        body.into()
    })
}

async fn all_of(objects: &Objects, key: &str) -> std::io::Result<Vec<u8>> {
    let read: Vec<Bytes> = objects.get(key, 0).await.unwrap().body.try_collect().await?;
    Ok(read.concat())
}

#[tokio::test]
async fn bytes_that_change_on_the_way_up_are_refused_and_nothing_is_kept() {
    let Some((proxy, url)) = by_a_proxy().await else { return };
    let objects = open(&url).await;

    for body in bodies() {
        proxy.set(Link::Changed(MARK));
        let refused = objects.put("in/1", Box::pin(stream::iter([Ok(body)])), u64::MAX).await.unwrap_err();
        proxy.set(Link::Open);

        assert!(refused.to_string().contains("BadDigest"), "{refused}");
        assert_eq!(objects.keys().await.unwrap(), [""; 0]);
    }
}

#[tokio::test]
async fn bytes_that_change_on_the_way_down_break_the_body_off() {
    let Some((proxy, url)) = by_a_proxy().await else { return };
    let objects = open(&url).await;
    let unchecked = open(&format!("{url}&checksums=false")).await;

    for body in bodies() {
        objects.put("in/1", Box::pin(stream::iter([Ok(body.clone())])), u64::MAX).await.unwrap();
        assert_eq!(all_of(&objects, "in/1").await.unwrap(), body);

        proxy.set(Link::Changed(MARK));
        let broken = all_of(&objects, "in/1").await;
        let file = tempfile::NamedTempFile::new().unwrap();
        let fetched = objects.fetch_to("in/1", file.path()).await;
        let unnoticed = all_of(&unchecked, "in/1").await.unwrap();
        proxy.set(Link::Open);

        assert!(broken.is_err() && fetched.is_err(), "{} bytes were taken", body.len());
        assert_ne!(unnoticed, body, "the proxy changes nothing");
    }
}

#[tokio::test]
async fn a_put_that_is_dropped_halfway_leaves_nothing() {
    let Some(url) = engines::objects().await.unwrap() else { return };
    let objects = open(&url).await;
    let part = || Ok(Bytes::from(vec![7_u8; 9 * 1024 * 1024]));
    let (tell, told) = tokio::sync::oneshot::channel();
    let stuck = stream::once(async move {
        tell.send(()).unwrap();
        std::future::pending().await
    });
    let body: Body = Box::pin(stream::iter([part(), part()]).chain(stuck));

    let store = objects.clone();
    let put = tokio::spawn(async move { store.put("in/dropped", body, u64::MAX).await });
    told.await.unwrap();
    put.abort();

    assert!(put.await.unwrap_err().is_cancelled());
    let aborted = async {
        while !objects.keys().await.unwrap().is_empty() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), aborted).await.expect("parts of it stay");
}

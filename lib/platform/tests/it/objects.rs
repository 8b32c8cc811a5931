//! The contract of the object store.

use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt, stream};
use mshub_platform::objects::{Body, Error, LinkKey, LinkTerms, Objects, SignedLink};
use sha2::{Digest, Sha256};
use wire::Timestamp;

use crate::engines;

async fn on_every_engine(story: impl AsyncFn(Objects)) {
    let folder = tempfile::tempdir().unwrap();
    for url in engines::objects(&folder).await {
        story(Objects::open(&url, LinkKey::derive(b"secret")).await.unwrap()).await;
    }
}

fn body(chunks: &[&'static str]) -> Body {
    let chunks: Vec<_> = chunks.iter().map(|chunk| Ok(Bytes::from_static(chunk.as_bytes()))).collect();
    Box::pin(stream::iter(chunks))
}

async fn read(objects: &Objects, key: &str, from: u64) -> Result<Vec<u8>, Error> {
    let object = objects.get(key, from).await?;
    let chunks: Vec<Bytes> = object.body.try_collect().await.unwrap();
    Ok(chunks.concat())
}

#[tokio::test]
async fn an_object_comes_back_whole_with_its_size_and_hash() {
    on_every_engine(async |objects| {
        let stored = objects.put("in/one", body(&["hello ", "world"]), 1_000).await.unwrap();

        assert_eq!(stored.bytes, 11);
        assert_eq!(stored.sha256, hex::encode(Sha256::digest("hello world")));
        assert_eq!(read(&objects, "in/one", 0).await.unwrap(), b"hello world");
        assert_eq!(read(&objects, "in/one", 6).await.unwrap(), b"world");
    })
    .await;
}

#[tokio::test]
async fn a_body_that_breaks_off_or_is_too_large_leaves_nothing() {
    on_every_engine(async |objects| {
        let broken: Body = Box::pin(stream::iter([
            Ok(Bytes::from_static(b"half")),
            Err(std::io::Error::new(std::io::ErrorKind::ConnectionReset, "gone")),
        ]));

        assert!(matches!(objects.put("in/broken", broken, 1_000).await, Err(Error::Body(_))));
        assert!(matches!(
            objects.put("in/large", body(&["123456"]), 5).await,
            Err(Error::TooLarge { limit: 5 })
        ));

        for key in ["in/broken", "in/large"] {
            assert!(matches!(read(&objects, key, 0).await, Err(Error::NotFound(_))), "{key} is there");
        }
    })
    .await;
}

#[tokio::test]
async fn a_large_object_goes_in_and_out_in_pieces() {
    on_every_engine(async |objects| {
        // More than two parts of S3, in chunks that fit none of its borders.
        let chunks: Vec<_> = (0..2_100_u32).map(|n| Bytes::from(n.to_be_bytes().repeat(2_501))).collect();
        let whole = chunks.concat();
        let body: Body = Box::pin(stream::iter(chunks.into_iter().map(Ok)));

        let stored = objects.put("in/large", body, u64::MAX).await.unwrap();

        assert_eq!((stored.bytes, stored.sha256), (whole.len() as u64, hex::encode(Sha256::digest(&whole))));
        assert!(read(&objects, "in/large", 0).await.unwrap() == whole, "other bytes came back");
        let tail = objects.get("in/large", 20_000_001).await.unwrap();
        assert_eq!(tail.bytes, whole.len() as u64, "the size of the whole, not of the part");
        let rest: Vec<Bytes> = tail.body.try_collect().await.unwrap();
        assert!(rest.concat() == whole[20_000_001..], "another part came back");
    })
    .await;
}

#[tokio::test]
async fn a_large_body_that_breaks_off_late_leaves_nothing() {
    on_every_engine(async |objects| {
        let part = || Ok(Bytes::from(vec![7_u8; 5 * 1024 * 1024]));
        let gone = || Err(std::io::Error::new(std::io::ErrorKind::ConnectionReset, "gone"));

        let broken: Body = Box::pin(stream::iter([part(), part(), part(), part(), gone()]));
        assert!(matches!(objects.put("in/broken", broken, u64::MAX).await, Err(Error::Body(_))));
        let large: Body = Box::pin(stream::iter([part(), part(), part(), part()]));
        let limit = 19 * 1024 * 1024;
        assert!(matches!(objects.put("in/large", large, limit).await, Err(Error::TooLarge { .. })));

        assert_eq!(objects.keys().await.unwrap(), [""; 0], "something of it stays");
    })
    .await;
}

#[tokio::test]
async fn what_nobody_waits_for_any_more_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("file:{}", folder.path().display());
    let objects = Objects::open(&url, LinkKey::derive(b"secret")).await.unwrap();
    let (asked, hears) = tokio::sync::oneshot::channel::<()>();
    let begun = stream::once(async { Ok(Bytes::from_static(b"half")) });
    let body: Body = Box::pin(begun.chain(stream::once(async move {
        drop(asked);
        std::future::pending().await
    })));

    tokio::select! {
        _ = objects.put("in/half", body, 1_000) => panic!("it has no end"),
        _ = hears => {}
    }

    assert_eq!(objects.keys().await.unwrap(), [""; 0]);
}

#[tokio::test]
async fn a_folder_goes_with_its_last_object() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("file:{}", folder.path().display());
    let objects = Objects::open(&url, LinkKey::derive(b"secret")).await.unwrap();
    for key in ["out/job/1", "out/job/2"] {
        objects.put(key, body(&["x"]), 10).await.unwrap();
    }

    objects.delete("out/job/1").await.unwrap();
    assert_eq!(read(&objects, "out/job/2", 0).await.unwrap(), b"x");
    objects.delete("out/job/2").await.unwrap();

    assert!(!folder.path().join("out/job").exists());
    objects.put("out/job/3", body(&["x"]), 10).await.unwrap();
}

#[tokio::test]
async fn reading_from_the_end_on_gives_nothing_and_the_size() {
    on_every_engine(async |objects| {
        objects.put("in/short", body(&["four"]), 10).await.unwrap();
        objects.put("in/empty", body(&[]), 10).await.unwrap();

        for (key, from, bytes) in
            [("in/short", 4, 4), ("in/short", 99, 4), ("in/empty", 0, 0), ("in/empty", 1, 0)]
        {
            assert_eq!(objects.get(key, from).await.unwrap().bytes, bytes, "{key} from {from}");
            assert_eq!(read(&objects, key, from).await.unwrap(), b"", "{key} from {from}");
        }
    })
    .await;
}

#[tokio::test]
async fn files_go_in_and_out_and_the_store_says_that_it_is_there() {
    on_every_engine(async |objects| {
        let folder = tempfile::tempdir().unwrap();
        let (from, to) = (folder.path().join("from"), folder.path().join("to"));
        std::fs::write(&from, "a file").unwrap();

        objects.ping().await.unwrap();
        objects.put_file("out/file", &from).await.unwrap();
        objects.fetch_to("out/file", &to).await.unwrap();

        assert_eq!(std::fs::read(&to).unwrap(), b"a file");
        assert!(matches!(objects.fetch_to("out/other", &to).await, Err(Error::NotFound(_))));
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(&from, &link).unwrap();
        for no_file in [link.as_path(), folder.path()] {
            let refused = objects.put_file("out/link", no_file).await;
            assert!(matches!(refused, Err(Error::Store { .. })), "{} {refused:?}", no_file.display());
        }
        assert!(matches!(objects.get("out/link", 0).await, Err(Error::NotFound(_))));
    })
    .await;
}

#[tokio::test]
async fn storing_again_replaces_and_deleting_twice_is_no_error() {
    on_every_engine(async |objects| {
        objects.put("out/x", body(&["old"]), 10).await.unwrap();
        objects.put("out/x", body(&["new"]), 10).await.unwrap();
        assert_eq!(read(&objects, "out/x", 0).await.unwrap(), b"new");

        objects.delete("out/x").await.unwrap();
        objects.delete("out/x").await.unwrap();

        assert!(matches!(read(&objects, "out/x", 0).await, Err(Error::NotFound(_))));
    })
    .await;
}

#[tokio::test]
async fn keys_that_would_climb_out_are_refused() {
    on_every_engine(async |objects| {
        for key in ["", "/etc/passwd", "../x", "a/../../x", "a//b", ".hidden", "part/x", "a/b c"] {
            assert!(matches!(objects.get(key, 0).await, Err(Error::BadKey(_))), "{key:?} was taken");
            assert!(
                matches!(objects.put(key, body(&["x"]), 10).await, Err(Error::BadKey(_))),
                "{key:?} was taken"
            );
        }
    })
    .await;
}

#[tokio::test]
async fn a_link_opens_until_it_expires_and_not_when_it_was_changed() {
    let folder = tempfile::tempdir().unwrap();
    let objects = Objects::open(&format!("file:{}", folder.path().display()), LinkKey::derive(b"secret"))
        .await
        .unwrap();
    let now = Timestamp::from_micros(1_700_000_000_000_000);
    let terms = LinkTerms {
        name: "räport & \"co\".pdf".into(),
        media_type: "application/pdf".into(),
        expires_at: now.plus_seconds(60),
    };

    let link = objects.signed_link("out/1/2", &terms).await.unwrap();
    let query = link.split_once('?').unwrap().1;
    let signed: SignedLink = serde_json::from_value(
        url::form_urlencoded::parse(query.as_bytes())
            .map(|(name, value)| {
                let value = if name == "exp" {
                    serde_json::json!(value.parse::<i64>().unwrap())
                } else {
                    value.into()
                };
                (name.into_owned(), value)
            })
            .collect::<serde_json::Map<_, _>>()
            .into(),
    )
    .unwrap();

    assert_eq!(objects.open_link("out/1/2", &signed, now), Some(terms));
    assert_eq!(objects.open_link("out/1/2", &signed, now.plus_seconds(60)), None, "expired");
    assert_eq!(objects.open_link("out/1/3", &signed, now), None, "another object");
    let renamed = SignedLink { name: "x.html".into(), ..signed.clone() };
    assert_eq!(objects.open_link("out/1/2", &renamed, now), None, "another name");
    let longer = SignedLink { exp: signed.exp + 1, ..signed };
    assert_eq!(objects.open_link("out/1/2", &longer, now), None, "a longer life");
}

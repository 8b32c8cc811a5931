//! Profile photos over HTTP.

use std::io::Cursor;

use image::{DynamicImage, ImageFormat};
use reqwest::Method;

use crate::fixture::{Answer, Server, access};

const PHOTO: &str = "/api/v1/me/photo";

fn png(width: u32, height: u32) -> Vec<u8> {
    encoded(&DynamicImage::new_rgb8(width, height))
}

fn encoded(picture: &DynamicImage) -> Vec<u8> {
    let mut bytes = Vec::new();
    picture.write_to(&mut Cursor::new(&mut bytes), ImageFormat::Png).unwrap();
    bytes
}

async fn put(server: &Server, token: &str, bytes: Vec<u8>) -> Answer {
    server.send(server.request(Method::PUT, PHOTO).bearer_auth(token).body(bytes)).await
}

async fn stored(server: &Server) -> usize {
    server.objects.keys().await.unwrap().iter().filter(|key| key.starts_with("photos/")).count()
}

#[tokio::test]
async fn a_photo_is_set_shown_replaced_and_removed() {
    let server = Server::start().await;
    let ann = server.account("ann@example.com", "Ann").await;
    let bob = server.account("bob@example.com", "Bob").await;
    let token = access(&ann);
    let path = format!("/api/v1/users/{}/photo", ann["user"]["id"].as_str().unwrap());
    assert_eq!(server.get(PHOTO, token).await.code(), "MSH-4040");

    assert_eq!(put(&server, token, png(900, 700)).await.status, 204);
    let seen = server.get(&path, access(&bob)).await;
    assert_eq!((seen.status, seen.header("content-type")), (200, "image/jpeg"));
    assert_eq!(seen.header("x-content-type-options"), "nosniff");
    let picture = image::load_from_memory(&seen.bytes).unwrap();
    assert_eq!((picture.width(), picture.height()), (512, 512));
    assert_eq!(server.get("/api/v1/me", token).await.good()["has_photo"], true);

    let tag = seen.header("etag").to_owned();
    let ask = server.request(Method::GET, &path).bearer_auth(token).header("if-none-match", &tag);
    let unchanged = server.send(ask).await;
    assert_eq!((unchanged.status, unchanged.bytes.len()), (304, 0));

    assert_eq!(put(&server, token, png(30, 30)).await.status, 204);
    assert_ne!(server.get(PHOTO, token).await.header("etag"), tag);
    assert_eq!(stored(&server).await, 1, "the old one is gone");
    assert_eq!(server.delete(PHOTO, token).await.status, 204);
    assert_eq!(server.delete(PHOTO, token).await.status, 204, "twice is no error");
    assert_eq!(server.get(PHOTO, token).await.code(), "MSH-4040");
    assert_eq!(stored(&server).await, 0);
    let nobody = server.send(server.request(Method::GET, &path)).await;
    assert_eq!(nobody.status, 401);
}

#[tokio::test]
async fn what_is_no_usable_picture_is_refused_and_leaves_nothing() {
    let server = Server::start().await;
    let ann = server.account("ann@example.com", "Ann").await;
    let token = access(&ann);
    let mut padded = png(10, 10);
    padded.resize(5 * 1024 * 1024 + 1, 0);

    for bad in
        [Vec::new(), b"<svg onload=alert(1)>".to_vec(), b"%PDF-1.7".to_vec(), png(50, 50)[..60].to_vec()]
    {
        let refused = put(&server, token, bad).await;
        assert_eq!((refused.status, refused.code().as_str()), (422, "MSH-4224"));
    }
    // 49 million pixels of one colour: a small file that unfolds into 49 MB.
    let bomb = put(&server, token, encoded(&DynamicImage::new_luma8(7000, 7000))).await;
    let large = put(&server, token, padded).await;

    assert_eq!((bomb.status, bomb.code().as_str()), (422, "MSH-4224"));
    assert!(bomb.json()["detail"].as_str().unwrap().contains("7000"), "{}", bomb.text());
    assert_eq!((large.status, large.code().as_str()), (413, "MSH-4130"));
    assert_eq!(stored(&server).await, 0);
    assert_eq!(server.get("/api/v1/me", token).await.good()["has_photo"], false);
}

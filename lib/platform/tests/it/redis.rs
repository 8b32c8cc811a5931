//! What only Redis can show: it goes away and comes back.

use std::time::Duration;

use mshub_platform::{
    fanout::{Fanout, Subscription},
    testing::redis::Redis,
};
use tokio::time::{Instant, timeout};

const PATIENCE: Duration = Duration::from_secs(60);

/// Publishes until the listener hears it: some hints may be lost while Redis comes back.
async fn hears_again(fanout: &Fanout, listener: &mut Subscription) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        assert!(Instant::now() < deadline, "nothing is heard again");
        fanout.publish("a", "again".into()).await;
        let heard = timeout(Duration::from_millis(100), listener.next()).await;
        if heard.is_ok_and(|hint| hint.is_some_and(|hint| &*hint == "again")) {
            return;
        }
    }
}

#[tokio::test]
async fn a_redis_that_was_killed_and_is_back_is_heard_again_by_everybody() {
    let Some(mut redis) = Redis::start().await.unwrap() else { return };
    let (one, other) = (Fanout::open(&redis.url()).await.unwrap(), Fanout::open(&redis.url()).await.unwrap());
    let (mut here, mut there) = (one.subscribe("a").await, other.subscribe("a").await);
    one.publish("a", "before".into()).await;
    for listener in [&mut here, &mut there] {
        assert_eq!(&*timeout(PATIENCE, listener.next()).await.unwrap().unwrap(), "before");
    }

    redis.server().crash().await.unwrap();
    let publishing = async {
        for n in 0..10_000 {
            one.publish("a", n.to_string()).await;
        }
    };
    timeout(PATIENCE, publishing).await.expect("publishing waits for a Redis that is gone");
    redis.server().start_again().await.unwrap();

    // deploy/README.md: it is heard again when it is back
    hears_again(&one, &mut here).await;
    hears_again(&one, &mut there).await;
    hears_again(&other, &mut here).await;
}

#[tokio::test]
async fn a_redis_that_is_down_at_the_start_stops_nobody() {
    let Some(mut redis) = Redis::start().await.unwrap() else { return };
    redis.server().crash().await.unwrap();

    // deploy/README.md: a hub starts without it
    let fanout = Fanout::open(&redis.url()).await.unwrap();
    let mut listener = timeout(PATIENCE, fanout.subscribe("a")).await.expect("subscribing waits for ever");
    redis.server().start_again().await.unwrap();

    hears_again(&fanout, &mut listener).await;
}

#[tokio::test]
async fn a_url_that_is_wrong_is_refused_at_once_and_without_its_password() {
    for url in ["redis://:hunter2@host:port", "redis://:hunter2@host/not-a-number", "amqp://me:hunter2@host"]
    {
        let error = Fanout::open(url).await.err().unwrap().to_string();
        assert!(!error.contains("hunter2"), "{error}");
    }
}

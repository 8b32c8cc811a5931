//! What only Redis can show: it goes away and comes back.

use std::{
    io::Write,
    sync::{Arc, Mutex},
    time::Duration,
};

use mshub_platform::{
    fanout::{Fanout, Subscription},
    testing::{Engine, engines, redis::Redis},
};
use tokio::time::{Instant, timeout};
use tracing::subscriber::DefaultGuard;
use tracing_subscriber::filter::LevelFilter;

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
    let redis = Redis::start().await.unwrap();
    let Some(mut redis) = engines::of_its_own(Engine::Redis, redis).unwrap() else { return };
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
    let redis = Redis::start().await.unwrap();
    let Some(mut redis) = engines::of_its_own(Engine::Redis, redis).unwrap() else { return };
    redis.server().crash().await.unwrap();

    // deploy/README.md: a hub starts without it
    let fanout = Fanout::open(&redis.url()).await.unwrap();
    let mut listener = timeout(PATIENCE, fanout.subscribe("a")).await.expect("subscribing waits for ever");
    redis.server().start_again().await.unwrap();

    hears_again(&fanout, &mut listener).await;
}

/// What is logged while this lives, on one thread.
#[derive(Clone, Default)]
struct Logged(Arc<Mutex<Vec<u8>>>);

impl Logged {
    fn begin(&self) -> DefaultGuard {
        let (lines, level) = (self.clone(), LevelFilter::DEBUG);
        let lines = tracing_subscriber::fmt().with_writer(move || lines.clone()).with_max_level(level);
        tracing::subscriber::set_default(lines.finish())
    }

    fn lines(&self, part: &str) -> usize {
        String::from_utf8_lossy(&self.0.lock().unwrap()).lines().filter(|line| line.contains(part)).count()
    }
}

impl Write for Logged {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn who_does_not_know_the_password_hears_and_tells_nothing_and_reads_why() {
    let redis = Redis::with_password("pass/word").await.unwrap();
    let Some(redis) = engines::of_its_own(Engine::Redis, redis).unwrap() else { return };
    let fanout = async |login: &str| {
        Fanout::open(&format!("redis://{login}127.0.0.1:{}", redis.port())).await.unwrap()
    };
    let invited = fanout(":pass%2Fword@").await;
    let mut listener = invited.subscribe("a").await;
    let logged = Logged::default();
    let _end = logged.begin();

    for (strangers, login) in [":guessed@", "somebody:guessed@", ""].into_iter().enumerate() {
        let stranger = fanout(login).await;
        stranger.publish("a", "from a stranger".into()).await;
        // It listens and it tells, and neither works.
        let deadline = Instant::now() + PATIENCE;
        while logged.lines("Redis lets nobody in with this user and password") < 2 * (strangers + 1) {
            assert!(Instant::now() < deadline, "{login:?} is let in, or not told");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        invited.publish("a", "from somebody who is invited".into()).await;
        let heard = timeout(PATIENCE, listener.next()).await.unwrap().unwrap();
        assert_eq!(&*heard, "from somebody who is invited");
    }

    assert_eq!((logged.lines("guessed"), logged.lines("pass/word"), logged.lines("pass%2Fword")), (0, 0, 0));
}

#[tokio::test]
async fn what_one_node_of_a_cluster_is_told_is_heard_at_the_other() {
    let cluster = Redis::cluster().await.unwrap();
    let Some([one, other]) = engines::of_its_own(Engine::Redis, cluster).unwrap() else { return };
    let (here, there) = (Fanout::open(&one.url()).await.unwrap(), Fanout::open(&other.url()).await.unwrap());

    // Subjects whose names would be keys of either node.
    for subject in ["a", "b", "typing", "presence"] {
        let (mut at_one, mut at_other) = (here.subscribe(subject).await, there.subscribe(subject).await);
        for fanout in [&here, &there] {
            fanout.publish(subject, "hello".into()).await;
            for listener in [&mut at_one, &mut at_other] {
                let heard = timeout(PATIENCE, listener.next()).await.expect("nothing is heard there");
                assert_eq!(heard.as_deref(), Some("hello"));
            }
        }
    }
}

#[tokio::test]
async fn a_url_that_is_wrong_is_refused_at_once_and_without_its_password() {
    for url in ["redis://:hunter2@host:port", "redis://:hunter2@host/not-a-number", "amqp://me:hunter2@host"]
    {
        let error = Fanout::open(url).await.err().unwrap().to_string();
        assert!(!error.contains("hunter2"), "{error}");
    }
}

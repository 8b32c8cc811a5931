//! The contract of the fan-out.

use std::time::Duration;

use mshub_platform::fanout::{Fanout, Subscription};

use crate::engines;

async fn on_every_engine(story: impl AsyncFn(Fanout)) {
    for url in engines::fanouts().await {
        story(Fanout::open(&url).await.unwrap()).await;
    }
}

async fn heard(subscription: &mut Subscription) -> String {
    let next = tokio::time::timeout(Duration::from_secs(60), subscription.next()).await;
    next.expect("nothing was heard").expect("the fan-out is gone").to_string()
}

#[tokio::test]
async fn everybody_who_listens_hears_it_in_order() {
    on_every_engine(async |fanout| {
        let (mut one, mut other) = (fanout.subscribe("a").await, fanout.subscribe("a").await);

        fanout.publish("a", "first".into()).await;
        fanout.publish("a", "second".into()).await;

        for listener in [&mut one, &mut other] {
            assert_eq!(heard(listener).await, "first");
            assert_eq!(heard(listener).await, "second");
        }
    })
    .await;
}

#[tokio::test]
async fn subjects_are_apart() {
    on_every_engine(async |fanout| {
        let mut listener = fanout.subscribe("mine").await;

        fanout.publish("other", "no".into()).await;
        fanout.publish("mine", "yes".into()).await;

        assert_eq!(heard(&mut listener).await, "yes");
    })
    .await;
}

#[tokio::test]
async fn publishing_to_nobody_and_past_the_slow_never_waits() {
    on_every_engine(async |fanout| {
        let mut slow = fanout.subscribe("a").await;

        for n in 0..20_000 {
            fanout.publish("a", n.to_string()).await;
        }

        let first: u32 = heard(&mut slow).await.parse().unwrap();
        let second: u32 = heard(&mut slow).await.parse().unwrap();
        assert_eq!(second, first + 1, "what is skipped is the oldest");
    })
    .await;
}

#[tokio::test]
async fn two_hubs_on_one_engine_do_not_hear_each_other() {
    for (mine, theirs) in engines::fanouts().await.into_iter().zip(engines::fanouts().await) {
        let (mine, theirs) = (Fanout::open(&mine).await.unwrap(), Fanout::open(&theirs).await.unwrap());
        let mut listener = mine.subscribe("a").await;

        theirs.publish("a", "not for here".into()).await;
        mine.publish("a", "for here".into()).await;

        assert_eq!(heard(&mut listener).await, "for here");
    }
}

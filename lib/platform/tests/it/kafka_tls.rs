//! The log on a broker behind TLS and SCRAM: in builds with the feature `kafka-tls` only.

use std::{
    process::{Command, Output},
    time::Duration,
};

use mshub_platform::{
    Clock,
    bus::{Bus, Positions},
    testing::{Engine, Kafka, certificates::Certificates, engines},
};
use wire::paths::TOPIC_CHAT;

const PATIENCE: Duration = Duration::from_secs(60);
/// Where the broker is, for the tests that trust its authority.
const BROKER: &str = "MSHUB_TEST_BROKER_BEHIND_TLS";

/// What trusts the authorities of the machine is told of another one by `SSL_CERT_FILE`, so by a process of its own.
#[tokio::test]
async fn a_log_is_reached_over_tls_by_who_trusts_its_authority_and_knows_the_password() {
    let Some(certificates) = Certificates::make().await.unwrap() else { return };
    let broker = Kafka::guarded(&certificates).await.unwrap();
    let Some(broker) = engines::of_its_own(Engine::Kafka, broker).unwrap() else { return };
    let port = broker.guarded_port().unwrap();
    let url = |password: &str| {
        format!("kafka://hub:{password}@localhost:{port}?tls&sasl=SCRAM-SHA-512&partitions=1")
    };

    let stranger = Bus::open(&url("pass%2Fword"), Clock::System).await.err().unwrap().to_string();
    let trusting = trusting(&certificates, "a_trusted_log", url("pass%2Fword")).await;
    let guessing = self::trusting(&certificates, "a_log_that_lets_nobody_in", url("guessed")).await;

    assert!(!stranger.contains("pass/word") && !stranger.contains("pass%2Fword"), "{stranger}");
    for done in [trusting, guessing] {
        let said = String::from_utf8_lossy(&done.stdout);
        assert!(done.status.success() && said.contains("1 passed"), "{said}");
    }
}

/// This program again, with one of the tests below, as one that trusts the authority.
async fn trusting(certificates: &Certificates, test: &str, url: String) -> Output {
    let mut itself = Command::new(std::env::current_exe().unwrap());
    itself.args(["--exact", &format!("kafka_tls::{test}"), "--ignored", "--nocapture"]);
    itself.env("SSL_CERT_FILE", certificates.authority()).env(BROKER, url);
    tokio::task::spawn_blocking(move || itself.output().unwrap()).await.unwrap()
}

#[tokio::test]
#[ignore = "run by the test above, in a process that trusts the authority"]
async fn a_trusted_log() {
    let bus = Bus::open(&std::env::var(BROKER).unwrap(), Clock::System).await.unwrap();
    let mut tail = bus.tail(TOPIC_CHAT, Positions::new()).await.unwrap();

    let appended = bus.append(TOPIC_CHAT, "room", "let in".to_owned()).await.unwrap();

    let read = tokio::time::timeout(PATIENCE, tail.next()).await.unwrap().unwrap();
    assert_eq!((read[0].pos, &*read[0].payload), (appended.pos, "let in"));
    bus.ping().await.unwrap();
}

#[tokio::test]
#[ignore = "run by the first test, in a process that trusts the authority"]
async fn a_log_that_lets_nobody_in() {
    let refused = Bus::open(&std::env::var(BROKER).unwrap(), Clock::System).await.err().unwrap().to_string();

    assert!(refused.contains("user or password") && !refused.contains("guessed"), "{refused}");
}

//! Mail over SMTP: what arrives, and what becomes of every refusal.

use std::time::Duration;

use mshub_platform::{
    Clock,
    mail::{Mail, Mailer, SendError},
    testing::smtp::{Fault, Sink},
};
use uuid::Uuid;
use wire::{Timestamp, accounts::MailRoute};

fn mail() -> Mail {
    Mail {
        to: "ann@example.org".into(),
        subject: "Grüße".into(),
        text: "Follow http://hub/verify?token=x\n.\nand näht".into(),
        link: Some("http://hub/verify?token=x".into()),
        code: None,
    }
}

async fn open(url: &str) -> Mailer {
    let clock = Clock::held(Timestamp::from_micros(1_700_000_000_000_000));
    Mailer::open(url, clock).await.unwrap()
}

#[tokio::test]
async fn a_mail_arrives_with_its_headers_and_the_same_id_for_each_attempt() {
    let sink = Sink::start(&[]).await.unwrap();
    let mailer = open(&sink.url("from=Hub <hub@example.org>")).await;
    let id = Uuid::now_v7();

    mailer.send(id, mail()).await.unwrap();
    mailer.send(id, mail()).await.unwrap();

    let received = sink.received();
    assert_eq!(received.len(), 2);
    let first = &received[0];
    assert_eq!(
        (first.from.as_str(), &first.to[..]),
        ("hub@example.org", &["ann@example.org".to_owned()][..])
    );
    for header in [
        "From: Hub <hub@example.org>",
        "To: ann@example.org",
        "Date: Tue, 14 Nov 2023 22:13:20 +0000",
        "Auto-Submitted: auto-generated",
        "Content-Type: text/plain; charset=utf-8",
        "Subject: =?utf-8?b?R3LDvMOfZQ==?=",
    ] {
        assert!(first.message.contains(&format!("{header}\n")), "{header} is missing:\n{}", first.message);
    }
    for mail in &received {
        assert!(mail.message.contains(&format!("Message-ID: <{id}@example.org>\n")), "{}", mail.message);
    }
    assert!(first.message.contains("http://hub/verify?token=3Dx"), "{}", first.message);
    assert_eq!(mailer.route(), MailRoute::Sent);
    assert!(mailer.kept(None).await.is_empty());
}

#[tokio::test]
async fn a_user_signs_in_and_is_the_sender_when_nobody_else_is_named() {
    let sink = Sink::start(&[]).await.unwrap();
    let url = sink.url("tls=none").replace("smtp://", "smtp://hub%40example.org:p%40ss@");

    open(&url).await.send(Uuid::now_v7(), mail()).await.unwrap();

    let received = sink.received();
    assert_eq!(received[0].from, "hub@example.org");
    // `\0hub@example.org\0p@ss`
    assert_eq!(received[0].auth.as_deref(), Some("AGh1YkBleGFtcGxlLm9yZwBwQHNz"));
}

#[tokio::test]
async fn a_refusal_for_now_is_tried_again_and_one_for_ever_is_not() {
    for (fault, is_final) in [
        (Fault::Busy, false),
        (Fault::Recipient("451 4.7.1 greylisted"), false),
        (Fault::Recipient("550 5.1.1 <ann@example.org> is unknown here"), true),
        (Fault::Recipient("530 5.7.0 sign in first"), false),
        (Fault::Cut, false),
    ] {
        let sink = Sink::start(&[fault]).await.unwrap();
        let mailer = open(&sink.url("tls=none")).await;

        let error = mailer.send(Uuid::now_v7(), mail()).await.unwrap_err();

        assert_eq!(matches!(error, SendError::Refused(_)), is_final, "{fault:?}: {error}");
        assert!(!error.to_string().contains("ann@example.org"), "an address in a message for logs: {error}");
        assert!(sink.is_healthy() && sink.received().is_empty());
        mailer.send(Uuid::now_v7(), mail()).await.unwrap();
        assert_eq!(sink.received().len(), 1);
    }
}

#[tokio::test]
async fn a_connection_that_the_server_has_closed_since_is_replaced() {
    let sink = Sink::start(&[Fault::Leaves]).await.unwrap();
    let mailer = open(&sink.url("tls=none")).await;

    mailer.send(Uuid::now_v7(), mail()).await.unwrap();
    // A task of the library puts the connection back, which has its turn here.
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
    mailer.send(Uuid::now_v7(), mail()).await.unwrap();

    assert_eq!((sink.received().len(), sink.connections()), (2, 2));
}

#[tokio::test]
async fn mails_one_after_the_other_go_over_connections_that_are_open() {
    let sink = Sink::start(&[]).await.unwrap();
    let mailer = open(&sink.url("tls=none")).await;

    for _ in 0..10 {
        mailer.send(Uuid::now_v7(), mail()).await.unwrap();
    }

    assert_eq!(sink.received().len(), 10);
    // A connection is free again a moment after its mail was taken: for the next mail there may be a second one.
    assert!(sink.connections() <= 2, "{} connections", sink.connections());
}

#[tokio::test]
async fn a_server_that_says_nothing_is_given_up_in_time() {
    let sink = Sink::start(&[Fault::Silence]).await.unwrap();
    let mailer = open(&sink.url("timeout=1")).await;

    let sent = tokio::time::timeout(Duration::from_secs(60), mailer.send(Uuid::now_v7(), mail())).await;

    let error = sent.expect("it waits for ever").unwrap_err();
    assert!(matches!(error, SendError::Later(_)), "{error}");
}

#[tokio::test]
async fn what_must_be_encrypted_is_not_sent_in_the_clear() {
    let sink = Sink::start(&[]).await.unwrap();

    let error = open(&sink.url("tls=required")).await.send(Uuid::now_v7(), mail()).await.unwrap_err();

    assert!(matches!(error, SendError::Later(_)), "{error}");
    assert!(sink.received().is_empty());
}

#[tokio::test]
async fn an_address_that_is_none_is_refused_for_ever() {
    let sink = Sink::start(&[]).await.unwrap();
    let broken = Mail { to: "not an address".into(), ..mail() };

    let error = open(&sink.url("")).await.send(Uuid::now_v7(), broken).await.unwrap_err();

    assert!(matches!(error, SendError::Refused(_)), "{error}");
}

#[tokio::test]
async fn a_url_that_is_wrong_is_refused_without_its_password() {
    for url in [
        "smtp://me:hunter2@host?tls=perhaps",
        "smtp://me:hunter2@host?form=x",
        "smtp://me:hunter2@host?from=x y",
    ] {
        let error = Mailer::open(url, Clock::System).await.err().unwrap();
        assert!(!format!("{error:#}").contains("hunter2"), "{error:#}");
    }
}

//! Engines behind TLS and passwords: reached by who trusts their authority and knows the password, and by nobody else.

use std::{process::Command, sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::{TryStreamExt as _, stream};
use mshub_platform::{
    Clock,
    db::{Db, Migrations},
    fanout::Fanout,
    mail::{Mail, Mailer, SendError},
    objects::{LinkKey, Objects},
    testing::{Engine, certificates::Certificates, engines, postgres::Postgres, redis::Redis, smtp::Sink},
};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::{TcpListener, TcpStream},
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
    },
};
use url::Url;
use uuid::Uuid;

const MIGRATIONS: Migrations = mshub_platform::migrations!("tests/migrations", ["0001_things"]);
const PATIENCE: Duration = Duration::from_secs(60);
/// Where the engines are, for the test that trusts their authority.
const ENGINES: &str = "MSHUB_TEST_BEHIND_TLS";

#[tokio::test]
async fn postgres_is_reached_over_tls_by_who_trusts_its_authority() {
    let Some(certificates) = Certificates::make().await.unwrap() else { return };
    let server = Postgres::guarded(&certificates).await.unwrap();
    let Some(server) = engines::of_its_own(Engine::Postgres, server).unwrap() else { return };
    let url = |password: &str, rest: &str| {
        let url = server.url().replace(":pass%2Fword@127.0.0.1", &format!(":{password}@localhost"));
        format!("{url}?sslmode=verify-full{rest}")
    };
    let trusting = format!("&sslrootcert={}", certificates.authority().display());

    let db = Db::open(&url("pass%2Fword", &trusting), "tls", MIGRATIONS).await.unwrap();
    db.ping().await.unwrap();
    db.close().await;
    let stranger = Db::open(&url("pass%2Fword", ""), "tls", MIGRATIONS).await.unwrap_err().to_string();
    let guessed = Db::open(&url("guessed", &trusting), "tls", MIGRATIONS).await.unwrap_err().to_string();

    assert!(stranger.contains("certificate") || stranger.contains("UnknownIssuer"), "{stranger}");
    assert!(guessed.contains("password") && !guessed.contains("guessed"), "{guessed}");
}

/// What trusts the authorities of the machine is told of another one by `SSL_CERT_FILE`, so by a process of its own.
#[tokio::test]
async fn redis_smtp_and_s3_are_reached_over_tls_by_who_trusts_their_authority() {
    let Some(certificates) = Certificates::make().await.unwrap() else { return };
    let redis = Redis::guarded(&certificates, "pass/word").await.unwrap();
    let Some(redis) = engines::of_its_own(Engine::Redis, redis).unwrap() else { return };
    let sink = Sink::start(&[]).await.unwrap();
    let mail = door(&certificates, sink.port(), Door::Mail).await;
    let mails = door(&certificates, sink.port(), Door::Plain).await;
    let mut urls = vec![
        format!("rediss://:pass%2Fword@localhost:{}", redis.port()),
        format!("smtp://hub:pass%2Fword@localhost:{mail}?tls=required&from=hub@example.org"),
        format!("smtps://hub:pass%2Fword@localhost:{mails}?from=hub@example.org"),
    ];
    urls.extend(store(&certificates).await);

    let refused = [send(&urls[1]).await.unwrap_err(), send(&urls[2]).await.unwrap_err()];
    for store in &urls[3..] {
        assert!(Objects::open(store, LinkKey::derive(b"secret")).await.is_err(), "a stranger is let in");
    }
    let trusting = tokio::task::spawn_blocking({
        let mut itself = Command::new(std::env::current_exe().unwrap());
        itself.args(["--exact", "tls::engines_of_a_trusted_authority", "--ignored", "--nocapture"]);
        itself.env("SSL_CERT_FILE", certificates.authority()).env(ENGINES, urls.join("\n"));
        move || itself.output().unwrap()
    });
    let trusting = trusting.await.unwrap();

    let said = String::from_utf8_lossy(&trusting.stdout);
    assert!(trusting.status.success() && said.contains("1 passed"), "{said}");
    for refused in refused {
        assert!(matches!(&refused, SendError::Later(why) if !why.contains("pass/word")), "{refused}");
    }
    let received = sink.received();
    assert_eq!(received.len(), 2);
    for mail in received {
        // `\0hub\0pass/word` in base64 (RFC 4616).
        assert_eq!(mail.auth.as_deref(), Some("AGh1YgBwYXNzL3dvcmQ="));
    }
}

#[tokio::test]
#[ignore = "run by the test above, in a process that trusts the authority"]
async fn engines_of_a_trusted_authority() {
    let urls = std::env::var(ENGINES).unwrap();
    let urls: Vec<_> = urls.lines().collect();
    let [redis, mail, mails, store @ ..] = &urls[..] else { panic!("{urls:?}") };

    let (one, other) = (Fanout::open(redis).await.unwrap(), Fanout::open(redis).await.unwrap());
    let mut heard = other.subscribe("a").await;
    one.publish("a", "hello".into()).await;
    assert_eq!(tokio::time::timeout(PATIENCE, heard.next()).await.unwrap().as_deref(), Some("hello"));
    for mail in [mail, mails] {
        send(mail).await.unwrap();
    }
    for store in store {
        let objects = Objects::open(store, LinkKey::derive(b"secret")).await.unwrap();
        let body = Box::pin(stream::iter([Ok(Bytes::from_static(b"a picture"))]));
        objects.put("one", body, 1_000).await.unwrap();
        let kept: Vec<Bytes> = objects.get("one", 0).await.unwrap().body.try_collect().await.unwrap();
        assert_eq!(kept.concat(), b"a picture");
    }
}

async fn send(url: &str) -> Result<(), SendError> {
    let mail = Mail {
        to: "ann@example.org".into(),
        subject: "Hello".into(),
        text: "a word".into(),
        link: None,
        code: None,
    };
    Mailer::open(url, Clock::System).await.unwrap().send(Uuid::now_v7(), mail).await
}

/// The object store that is there, behind TLS.
async fn store(certificates: &Certificates) -> Option<String> {
    let mut url: Url = engines::objects().await.unwrap()?.parse().unwrap();
    let mut options: Vec<(String, String)> = url.query_pairs().into_owned().collect();
    let endpoint = options.iter_mut().find(|(name, _)| name == "endpoint").unwrap();
    let behind = Url::parse(&endpoint.1).unwrap().port().unwrap();
    endpoint.1 = format!("https://localhost:{}", door(certificates, behind, Door::Plain).await);
    url.query_pairs_mut().clear().extend_pairs(options);
    Some(url.into())
}

/// How a server that knows no TLS is spoken to through it.
#[derive(Clone, Copy)]
enum Door {
    /// From the first byte.
    Plain,
    /// In the clear until TLS is asked for (RFC 3207).
    Mail,
}

/// A door with TLS, before a server on this machine that has none.
async fn door(certificates: &Certificates, behind: u16, kind: Door) -> u16 {
    let chain =
        CertificateDer::pem_file_iter(certificates.certificate()).unwrap().map(Result::unwrap).collect();
    let key = PrivateKeyDer::from_pem_file(certificates.key()).unwrap();
    mshub_platform::service::install_tls();
    let config = ServerConfig::builder().with_no_client_auth().with_single_cert(chain, key).unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((connection, _)) = listener.accept().await {
            // A client that does not trust us hangs up.
            let acceptor = acceptor.clone();
            tokio::spawn(async move { encrypt(connection, &acceptor, behind, kind).await });
        }
    });
    port
}

async fn encrypt(
    connection: TcpStream,
    acceptor: &TlsAcceptor,
    behind: u16,
    kind: Door,
) -> std::io::Result<()> {
    let mut open = BufReader::new(connection);
    let mut inside = TcpStream::connect(("127.0.0.1", behind)).await?;
    if matches!(kind, Door::Mail) {
        // It greets, and that is done outside.
        inside.read_exact(&mut [0; "220 sink ready\r\n".len()]).await?;
        open.write_all(b"220 sink ready\r\n").await?;
        for answer in ["250-sink\r\n250 STARTTLS\r\n", "220 go on\r\n"] {
            open.read_line(&mut String::new()).await?;
            open.write_all(answer.as_bytes()).await?;
        }
    }
    let mut secret = acceptor.accept(open.into_inner()).await?;
    tokio::io::copy_bidirectional(&mut secret, &mut inside).await.map(drop)
}

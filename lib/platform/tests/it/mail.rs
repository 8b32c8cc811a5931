//! The contract of mail, and what keeping it adds.

use futures_util::future::join_all;
use mshub_platform::{
    Clock,
    mail::{Mail, Mailer},
    testing::engines,
};
use uuid::Uuid;
use wire::accounts::MailRoute;

fn mail(to: &str, subject: &str) -> Mail {
    Mail {
        to: to.into(),
        subject: subject.into(),
        text: "Hello.".into(),
        link: Some("http://x/verify".into()),
        code: None,
    }
}

/// Nobody else has it: all tests share a server.
fn somebody() -> String {
    format!("ann-{}@example.org", Uuid::new_v4().simple())
}

async fn kept(folder: &tempfile::TempDir) -> Mailer {
    Mailer::open(&format!("kept:{}", folder.path().display()), Clock::System).await.unwrap()
}

/// Kept mail, and a server's.
async fn on_every_engine(story: impl AsyncFn(Mailer)) {
    let folder = tempfile::tempdir().unwrap();
    story(kept(&folder).await).await;
    if let Some(url) = engines::mail().await.unwrap() {
        story(Mailer::open(&url, Clock::System).await.unwrap()).await;
    }
}

/// A mail as it is found where it went.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Found {
    id: Uuid,
    subject: String,
    text: String,
}

/// Everything that somebody got; nothing is known of a server that somebody else has started.
async fn found(mailer: &Mailer, to: &str) -> Option<Vec<Found>> {
    if mailer.route() == MailRoute::Sent {
        assert!(mailer.kept(None).await.is_empty(), "what is sent is not kept as well");
        return Some(engines::mail_to(to).unwrap()?.iter().map(|mail| read(mail)).collect());
    }
    let kept = mailer.kept(Some(to)).await;
    Some(kept.into_iter().map(|mail| Found { id: mail.id, subject: mail.subject, text: mail.text }).collect())
}

/// Reads what a server took, as a mail program would.
fn read(mail: &str) -> Found {
    let (headers, body) = mail.split_once("\n\n").expect("headers end");
    let header = |name: &str| headers.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
    let id = header("Message-ID: <").split('@').next().unwrap().parse().unwrap();
    let encoding = header("Content-Transfer-Encoding: ");
    assert!(["7bit", "quoted-printable"].contains(&encoding), "nobody here reads {encoding}");
    let text = if encoding == "7bit" { body.to_owned() } else { unquoted(body) };
    Found { id, subject: header("Subject: ").to_owned(), text: text.trim_end().to_owned() }
}

/// RFC 2045 §6.7: `=` and two digits are a byte, `=` at the end of a line goes on with the next.
fn unquoted(body: &str) -> String {
    let body = body.replace("=\n", "");
    let mut parts = body.split('=');
    let mut bytes = parts.next().unwrap().as_bytes().to_vec();
    for part in parts {
        bytes.push(u8::from_str_radix(&part[..2], 16).unwrap());
        bytes.extend_from_slice(&part.as_bytes()[2..]);
    }
    String::from_utf8(bytes).unwrap()
}

#[tokio::test]
async fn a_mail_arrives_whole_and_where_it_belongs() {
    on_every_engine(async |mailer| {
        let (ann, bob, id) = (somebody(), somebody(), Uuid::now_v7());
        let text = format!("Grüße, näht:\n.\n..\nFrom here on = {}\nthe end", "a long line ".repeat(200));

        mailer.send(id, Mail { text: text.clone(), ..mail(&ann, "Welcome") }).await.unwrap();
        mailer.send(Uuid::now_v7(), mail(&bob, "To somebody else")).await.unwrap();

        let Some(of_ann) = found(&mailer, &ann).await else { return };
        assert_eq!(of_ann, [Found { id, subject: "Welcome".into(), text }]);
        assert_eq!(found(&mailer, &bob).await.unwrap()[0].text, "Hello.");
    })
    .await;
}

#[tokio::test]
async fn a_mail_that_is_sent_again_is_seen_to_be_the_same() {
    on_every_engine(async |mailer| {
        let (ann, id) = (somebody(), Uuid::now_v7());

        for _ in 0..2 {
            mailer.send(id, mail(&ann, "once")).await.unwrap();
        }

        let Some(mut found) = found(&mailer, &ann).await else { return };
        found.dedup();
        assert_eq!(found, [Found { id, subject: "once".into(), text: "Hello.".into() }]);
    })
    .await;
}

#[tokio::test]
async fn many_mails_at_once_arrive_each() {
    on_every_engine(async |mailer| {
        let ann = somebody();
        let mut ids: Vec<_> = (0..30).map(|_| Uuid::now_v7()).collect();

        let sent = join_all(ids.iter().map(|id| mailer.send(*id, mail(&ann, "one of many")))).await;

        assert!(sent.iter().all(Result::is_ok), "{sent:?}");
        let Some(found) = found(&mailer, &ann).await else { return };
        let mut arrived: Vec<_> = found.into_iter().map(|mail| mail.id).collect();
        arrived.sort();
        ids.sort();
        assert_eq!(arrived, ids);
    })
    .await;
}

#[tokio::test]
async fn kept_mail_is_listed_newest_first_for_its_address_only() {
    let folder = tempfile::tempdir().unwrap();
    let mailer = kept(&folder).await;

    mailer.send(Uuid::now_v7(), mail("ann@example.org", "one")).await.unwrap();
    mailer.send(Uuid::now_v7(), mail("bob@example.org", "other")).await.unwrap();
    mailer.send(Uuid::now_v7(), mail("ann@example.org", "two")).await.unwrap();

    assert_eq!(mailer.route(), MailRoute::Kept);
    let to_ann: Vec<_> =
        mailer.kept(Some("Ann@example.org")).await.into_iter().map(|mail| mail.subject).collect();
    assert_eq!(to_ann, ["two", "one"]);
    assert_eq!(mailer.kept(None).await.len(), 3);
}

#[tokio::test]
async fn sending_the_same_mail_again_keeps_one() {
    let folder = tempfile::tempdir().unwrap();
    let mailer = kept(&folder).await;
    let id = Uuid::now_v7();

    mailer.send(id, mail("ann@example.org", "once")).await.unwrap();
    mailer.send(id, mail("ann@example.org", "once")).await.unwrap();

    assert_eq!(mailer.kept(None).await.len(), 1);
}

#[tokio::test]
async fn kept_mail_is_still_there_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    kept(&folder).await.send(Uuid::now_v7(), mail("ann@example.org", "stays")).await.unwrap();

    assert_eq!(kept(&folder).await.kept(None).await[0].subject, "stays");
}

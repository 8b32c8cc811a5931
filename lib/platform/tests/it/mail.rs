//! The contract of mail, and what keeping it adds.

use mshub_platform::{
    Clock,
    mail::{Mail, Mailer},
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

async fn kept(folder: &tempfile::TempDir) -> Mailer {
    Mailer::open(&format!("kept:{}", folder.path().display()), Clock::System).await.unwrap()
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

//! The contract of the database: one SQL text, transactions, constraints, migrations.

use std::{net::Ipv4Addr, time::Duration};

use mshub_platform::{
    db::{Db, Migrations, is_taken, is_unstorable, storable},
    each, in_tx,
    service::ApiError,
    testing::{self, Link, Proxy, proxy::can_lose_packets},
};
use url::Url;
use uuid::Uuid;

use crate::engines;

const MIGRATIONS: Migrations = mshub_platform::migrations!("tests/migrations", ["0001_things"]);

async fn on_every_engine(story: impl AsyncFn(Db)) {
    let folder = tempfile::tempdir().unwrap();
    for url in engines::databases(&folder).await {
        let db = Db::open(&url, "contract", MIGRATIONS).await.unwrap();
        story(db).await;
    }
}

async fn insert(db: &Db, id: Uuid, name: &str) -> sqlx::Result<()> {
    let mut tx = db.begin().await?;
    in_tx!(&mut tx, tx => sqlx::query("INSERT INTO things (id, name, flag, at) VALUES ($1, $2, $3, $4)")
        .bind(id).bind(name).bind(true).bind(7_i64).execute(&mut **tx).await.map(drop))?;
    tx.commit().await
}

async fn count(db: &Db) -> i64 {
    each!(db.reader(), pool => sqlx::query_scalar("SELECT count(*) FROM things").fetch_one(pool).await)
        .unwrap()
}

#[tokio::test]
async fn a_row_comes_back_as_it_went_in() {
    on_every_engine(async |db| {
        let id = Uuid::now_v7();
        insert(&db, id, "näme").await.unwrap();

        let row: (Uuid, String, bool, i64) = each!(db.reader(), pool =>
            sqlx::query_as("SELECT id, name, flag, at FROM things WHERE id = $1").bind(id).fetch_one(pool).await)
        .unwrap();

        assert_eq!(row, (id, "näme".to_owned(), true, 7));
    })
    .await;
}

#[tokio::test]
async fn a_transaction_that_is_dropped_leaves_nothing() {
    on_every_engine(async |db| {
        let mut tx = db.begin().await.unwrap();
        in_tx!(&mut tx, tx => sqlx::query("INSERT INTO things (id, name, flag, at) VALUES ($1, 'x', $2, 0)")
            .bind(Uuid::now_v7()).bind(false).execute(&mut **tx).await.map(drop))
        .unwrap();
        drop(tx);

        assert_eq!(count(&db).await, 0);
    })
    .await;
}

#[tokio::test]
async fn a_taken_name_is_told_apart_from_other_failures() {
    on_every_engine(async |db| {
        insert(&db, Uuid::now_v7(), "one").await.unwrap();

        let taken = insert(&db, Uuid::now_v7(), "one").await.unwrap_err();

        assert!(is_taken(&taken), "{taken}");
        assert!(!is_taken(&sqlx::Error::RowNotFound));
    })
    .await;
}

#[tokio::test]
async fn a_text_of_which_nobody_knows_is_made_storable() {
    on_every_engine(async |db| {
        insert(&db, Uuid::now_v7(), &storable("a\0b")).await.unwrap();

        if let Err(refused) = insert(&db, Uuid::now_v7(), "c\0d").await {
            assert!(is_unstorable(&refused), "{refused}");
            assert_eq!(ApiError::from(refused).problem().status, 400);
        }
    })
    .await;
}

#[tokio::test]
async fn many_writers_wait_for_each_other_and_none_fails() {
    on_every_engine(async |db| {
        let writers = (0..50).map(|n| {
            let db = db.clone();
            tokio::spawn(async move { insert(&db, Uuid::now_v7(), &format!("thing {n}")).await })
        });
        for writer in futures_util::future::join_all(writers).await {
            writer.unwrap().unwrap();
        }

        assert_eq!(count(&db).await, 50);
    })
    .await;
}

#[tokio::test]
async fn services_in_one_database_do_not_see_each_others_tables() {
    let folder = tempfile::tempdir().unwrap();
    for url in engines::databases(&folder).await {
        let one = Db::open(&url, "contract", MIGRATIONS).await.unwrap();
        let other = Db::open(&url, "other", MIGRATIONS).await.unwrap();

        insert(&one, Uuid::now_v7(), "mine").await.unwrap();

        assert_eq!((count(&one).await, count(&other).await), (1, 0));
    }
}

#[tokio::test]
async fn opening_again_migrates_nothing_and_keeps_everything() {
    let folder = tempfile::tempdir().unwrap();
    for url in engines::databases(&folder).await {
        let db = Db::open(&url, "reopened", MIGRATIONS).await.unwrap();
        insert(&db, Uuid::now_v7(), "kept").await.unwrap();
        db.close().await;

        let db = Db::open(&url, "reopened", MIGRATIONS).await.unwrap();

        assert_eq!(count(&db).await, 1);
    }
}

#[tokio::test]
async fn instances_that_open_an_empty_database_at_once_migrate_it_once() {
    let folder = tempfile::tempdir().unwrap();
    for url in engines::databases(&folder).await {
        let instances = (0..4).map(|_| {
            let url = url.clone();
            tokio::spawn(async move { Db::open(&url, "contract", MIGRATIONS).await.unwrap() })
        });
        let instances = futures_util::future::join_all(instances).await;

        for (n, db) in instances.into_iter().enumerate() {
            insert(&db.unwrap(), Uuid::now_v7(), &format!("of instance {n}")).await.unwrap();
        }

        let db = Db::open(&url, "contract", MIGRATIONS).await.unwrap();
        assert_eq!(count(&db).await, 4);
    }
}

#[tokio::test]
async fn a_url_of_no_engine_is_refused_without_its_password() {
    let error = Db::open("mysql://me:hunter2@host/db", "x", MIGRATIONS).await.unwrap_err().to_string();

    assert!(error.contains("sqlite:"), "{error}");
    assert!(!error.contains("hunter2"), "{error}");
}

#[tokio::test]
async fn a_transaction_that_sqlite_took_back_does_not_stop_the_next_one() {
    let folder = tempfile::tempdir().unwrap();
    let db = Db::open(&format!("sqlite:{}", folder.path().display()), "contract", MIGRATIONS).await.unwrap();
    // As on a full disk.
    let trigger = "CREATE TRIGGER refuse BEFORE INSERT ON things WHEN new.name = 'poison'
                   BEGIN SELECT RAISE(ROLLBACK, 'full'); END";
    each!(db.writer(), pool => sqlx::query(trigger).execute(pool).await.map(drop)).unwrap();

    let refused = insert(&db, Uuid::now_v7(), "poison").await;
    let taken = insert(&db, Uuid::now_v7(), "kept").await;

    assert!(refused.is_err());
    taken.unwrap();
    assert_eq!(count(&db).await, 1);
}

/// Whatever was open then says nothing any more, not even that it is gone.
#[tokio::test]
async fn what_the_network_has_lost_is_given_up_and_replaced() {
    let Some(url) = testing::engines::database().await.unwrap() else { return };
    if can_lose_packets().is_err() {
        return;
    }
    let mut url: Url = url.parse().unwrap();
    let line = Proxy::to((Ipv4Addr::LOCALHOST, url.port().unwrap()).into()).await.unwrap();
    url.set_port(Some(line.address.port())).unwrap();
    let db = Db::open(url.as_str(), "contract", MIGRATIONS).await.unwrap();
    let mut tx = db.begin().await.unwrap();
    insert(&db, Uuid::now_v7(), "before").await.unwrap();

    line.set(Link::Lost);
    let connect = async || tokio::net::TcpStream::connect(line.address).await;
    while tokio::time::timeout(Duration::from_millis(150), connect()).await.is_ok() {}
    line.set(Link::Open);
    let late = async { in_tx!(&mut tx, tx => sqlx::query("SELECT 1").execute(&mut **tx).await.map(drop)) };
    let (lost, replaced) = tokio::join!(late, insert(&db, Uuid::now_v7(), "after"));

    assert!(
        matches!(&lost, Err(sqlx::Error::Io(why)) if why.kind() == std::io::ErrorKind::TimedOut),
        "{lost:?}"
    );
    replaced.unwrap();
    assert_eq!(count(&db).await, 2);
}

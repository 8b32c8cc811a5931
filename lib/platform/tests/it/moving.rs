//! Moving a database: what cannot be moved is said aloud, and nothing is taken for moved that is not the same there.

use mshub_platform::{
    Clock,
    db::{Db, Migrations, Move, MoveError},
    each,
};
use tempfile::TempDir;
use uuid::Uuid;

use crate::engines;

const MIGRATIONS: Migrations = mshub_platform::migrations!("tests/migrations", ["0001_things"]);

/// A database with three rows, and where it moves to.
struct Two {
    from: Db,
    to: Db,
    _folder: TempDir,
}

impl Two {
    /// Nothing where there is no PostgreSQL.
    async fn there_are() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let urls = engines::databases(&folder).await;
        let [from, to] = &urls[..] else { return None };
        let open = async |url: &str| Db::open(url, "contract", MIGRATIONS).await.unwrap();
        let two = Self { from: open(from).await, to: open(to).await, _folder: folder };
        for name in ["one", "two", "three"] {
            two.insert(&two.from, name).await;
        }
        Some(two)
    }

    async fn insert(&self, db: &Db, name: &str) {
        each!(db.writer(), pool => {
            sqlx::query("INSERT INTO things (id, name, flag, at) VALUES ($1, $2, $3, $4)")
                .bind(Uuid::now_v7()).bind(name).bind(true).bind(7_i64).execute(pool).await.map(drop)
        })
        .unwrap();
    }

    /// Changes the target.
    async fn there(&self, statement: &'static str) {
        each!(self.to.writer(), pool => sqlx::query(statement).execute(pool).await.map(drop)).unwrap();
    }

    async fn begin(&self, except: &[&str]) -> Result<Move, MoveError> {
        Move::begin(&self.from, &self.to, except, Clock::System.now()).await
    }
}

#[tokio::test]
async fn what_was_changed_or_lost_on_the_way_is_found_and_named() {
    let Some(two) = Two::there_are().await else { return };
    let begun = two.begin(&[]).await.unwrap();
    assert_eq!(begun.copy(|_, _| {}).await.unwrap(), 3);
    begun.check().await.unwrap();

    two.there("UPDATE things SET name = 'another' WHERE name = 'two'").await;
    let changed = begun.check().await.unwrap_err();
    two.there("DELETE FROM things WHERE name = 'three'").await;
    two.there("UPDATE things SET name = 'two' WHERE name = 'another'").await;
    let lost = begun.check().await.unwrap_err();

    assert!(matches!(&changed, MoveError::Differs { table, row: 2 } if table == "things"), "{changed:?}");
    assert!(matches!(&lost, MoveError::Differs { table, row: 3 } if table == "things"), "{lost:?}");
    // It is copied again, as after a crash, and then it is the same.
    begun.copy(|_, _| {}).await.unwrap();
    begun.check().await.unwrap();
}

#[tokio::test]
async fn a_database_that_somebody_uses_is_not_written_over() {
    let Some(two) = Two::there_are().await else { return };
    two.insert(&two.to, "somebody else's").await;

    let refused = two.begin(&[]).await.err().unwrap();

    assert!(matches!(&refused, MoveError::InUse { table, .. } if table == "things"), "{refused:?}");
}

#[tokio::test]
async fn a_table_that_nobody_knows_how_to_move_is_not_left_behind_without_a_word() {
    let Some(two) = Two::there_are().await else { return };

    two.there("ALTER TABLE things ADD COLUMN more jsonb").await;
    let refused = two.begin(&[]).await.err().unwrap().to_string();
    two.there("ALTER TABLE things DROP COLUMN more").await;
    two.there("ALTER TABLE things DROP CONSTRAINT things_pkey").await;
    let without_key = two.begin(&[]).await.err().unwrap().to_string();

    assert!(
        refused.contains("`things` cannot be moved: its column `more` is of the type jsonb"),
        "{refused}"
    );
    assert!(without_key.contains("`things` cannot be moved: it has no primary key"), "{without_key}");
    assert!(two.begin(&["things"]).await.is_ok(), "it is said to be made anew");
}

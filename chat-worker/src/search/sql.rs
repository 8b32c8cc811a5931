//! SQL of the search, where the engines differ most: each has an index for words of its own.

use platform::{db::Transaction, in_tx};
use sqlx::QueryBuilder;
use wire::messages::{Message, Search, SearchOrder};

use super::words::{Term, for_postgres, for_sqlite};
use crate::{messages::MessageRow, sql::array};

/// How an engine is asked for words.
struct Dialect {
    question: String,
    id: &'static str,
    /// Stands between the bound question twice: as a condition before it and behind it.
    fits: [&'static str; 2],
    /// The same of the order; without it, the rank that the match itself has.
    best_first: Option<[&'static str; 2]>,
}

fn dialect(tx: &Transaction, terms: &[Term]) -> Dialect {
    match tx {
        Transaction::Sqlite(_) => Dialect {
            question: for_sqlite(terms),
            id: "words.rowid",
            fits: ["words MATCH ", ""],
            best_first: None,
        },
        Transaction::Postgres(_) => Dialect {
            question: for_postgres(terms),
            id: "words.id",
            fits: ["words.body @@ to_tsquery('simple', ", ")"],
            best_first: Some(["ts_rank(words.body, to_tsquery('simple', ", ")) DESC"]),
        },
    }
}

/// Messages that hold all terms, each with its number in the index. `from` is a number (time) or a count (rank).
pub(super) async fn find(
    tx: &mut Transaction,
    terms: &[Term],
    asked: &Search,
    from: Option<i64>,
    limit: usize,
) -> sqlx::Result<Vec<(i64, Message)>> {
    let Dialect { question, id, fits, best_first } = dialect(tx, terms);
    let rows: Vec<MessageRow> = in_tx!(tx, tx => {
        let mut select = QueryBuilder::new(
            "SELECT said.id AS said, events.room, events.pos, prev, events.id, events.at, events.author, name, cid,
                    what, fold
             FROM words JOIN said ON said.id = ",
        );
        select.push(id).push(
            " JOIN events ON events.room = said.room AND events.pos = said.pos
              LEFT JOIN folds ON folds.room = said.room AND folds.pos = said.pos WHERE ",
        );
        select.push(fits[0]).push_bind(&question).push(fits[1]).push(" AND said.room IN (");
        let mut rooms = select.separated(", ");
        for room in &asked.rooms {
            rooms.push_bind(room.0);
        }
        select.push(")");
        if let Some(by) = asked.by {
            select.push(" AND said.author = ").push_bind(by.0);
        }
        if let Some(since) = asked.since {
            select.push(" AND said.at >= ").push_bind(since.micros());
        }
        if let Some(until) = asked.until {
            select.push(" AND said.at < ").push_bind(until.micros());
        }
        match asked.order {
            SearchOrder::Time => {
                if let Some(from) = from {
                    select.push(" AND ").push(id).push(" < ").push_bind(from);
                }
                select.push(" ORDER BY ").push(id).push(" DESC LIMIT ").push_bind(limit.cast_signed() as i64);
            }
            SearchOrder::Rank => {
                select.push(" ORDER BY ");
                match best_first {
                    Some([before, behind]) => select.push(before).push_bind(&question).push(behind),
                    None => select.push("words.rank"),
                };
                select.push(", ").push(id).push(" DESC LIMIT ").push_bind(limit.cast_signed() as i64);
                select.push(" OFFSET ").push_bind(from.unwrap_or(0));
            }
        }
        select.build_query_as().fetch_all(&mut **tx).await
    })?;
    let found = rows.into_iter().map(|row| {
        let said = row.said;
        Ok(row.message()?.map(|message| (said, message)))
    });
    found.filter_map(sqlx::Result::transpose).collect()
}

/// Up to which message the words are in the index. Nobody else moves it on before the transaction ends.
pub(crate) async fn indexed(tx: &mut Transaction) -> sqlx::Result<i64> {
    match tx {
        Transaction::Sqlite(tx) => sqlx::query_scalar("SELECT upto FROM indexed").fetch_one(&mut **tx).await,
        Transaction::Postgres(tx) => {
            sqlx::query_scalar("SELECT upto FROM indexed FOR UPDATE").fetch_one(&mut **tx).await
        }
    }
}

/// The index has the words of everything up to here.
pub(super) async fn set_indexed(tx: &mut Transaction, upto: i64) -> sqlx::Result<()> {
    in_tx!(tx, tx => sqlx::query("UPDATE indexed SET upto = $1").bind(upto).execute(&mut **tx).await.map(drop))
}

/// How many messages the index has yet to come to, about.
pub(super) async fn behind(tx: &mut Transaction) -> sqlx::Result<u64> {
    let behind: i64 = in_tx!(tx, tx => sqlx::query_scalar(
        "SELECT (SELECT coalesce(max(id), 0) FROM said) - upto FROM indexed",
    ).fetch_one(&mut **tx).await)?;
    Ok(u64::try_from(behind).unwrap_or(0))
}

/// The next messages after the number of one, with their numbers.
pub(super) async fn unindexed(
    tx: &mut Transaction,
    after: i64,
    limit: usize,
) -> sqlx::Result<Vec<(i64, Option<Message>)>> {
    let rows: Vec<MessageRow> = in_tx!(tx, tx => sqlx::query_as(
        "SELECT said.id AS said, events.room, events.pos, prev, events.id, events.at, events.author, name, cid,
                what, fold
         FROM said JOIN events ON events.room = said.room AND events.pos = said.pos
              LEFT JOIN folds ON folds.room = said.room AND folds.pos = said.pos
         WHERE said.id > $1 ORDER BY said.id LIMIT $2",
    ).bind(after).bind(limit.cast_signed() as i64).fetch_all(&mut **tx).await)?;
    rows.into_iter().map(|row| Ok((row.said, row.message()?))).collect()
}

/// Puts words into the index, each under the number of its message.
pub(super) async fn insert(tx: &mut Transaction, words: Vec<(i64, String)>) -> sqlx::Result<()> {
    if words.is_empty() {
        return Ok(());
    }
    match tx {
        Transaction::Sqlite(tx) => {
            sqlx::query("INSERT INTO words (rowid, body) SELECT value ->> 0, value ->> 1 FROM json_each($1)")
                .bind(array(words)?)
                .execute(&mut **tx)
                .await?;
        }
        Transaction::Postgres(tx) => {
            let (ids, bodies): (Vec<i64>, Vec<String>) = words.into_iter().unzip();
            sqlx::query(
                "INSERT INTO words (id, body)
                 SELECT id, to_tsvector('simple', body) FROM UNNEST($1::int8[], $2::text[]) AS fresh (id, body)",
            )
            .bind(ids)
            .bind(bodies)
            .execute(&mut **tx)
            .await?;
        }
    }
    Ok(())
}

/// Takes words out of the index.
pub(crate) async fn forget(tx: &mut Transaction, ids: &[i64]) -> sqlx::Result<()> {
    match tx {
        Transaction::Sqlite(tx) => {
            sqlx::query("DELETE FROM words WHERE rowid IN (SELECT value FROM json_each($1))")
                .bind(array(ids)?)
                .execute(&mut **tx)
                .await?;
        }
        Transaction::Postgres(tx) => {
            sqlx::query("DELETE FROM words WHERE id = ANY($1)").bind(ids).execute(&mut **tx).await?;
        }
    }
    Ok(())
}

/// Empties the index: it has every message before it.
pub(crate) async fn begin_anew(tx: &mut Transaction) -> sqlx::Result<()> {
    match tx {
        // <https://www.sqlite.org/fts5.html#the_delete_all_command>
        Transaction::Sqlite(tx) => {
            sqlx::query("INSERT INTO words (words) VALUES ('delete-all')").execute(&mut **tx).await?;
        }
        Transaction::Postgres(tx) => {
            sqlx::query("DELETE FROM words").execute(&mut **tx).await?;
        }
    }
    set_indexed(tx, 0).await
}

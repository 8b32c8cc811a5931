//! PostgreSQL that answers in time or not at all: where a network loses packets, nobody tells that a connection is dead.
//!
//! The client library waits for an answer for ever, and has no keepalive. So each answer has a deadline here, and what
//! did not keep one is closed instead of going back to its pool.

use std::{
    io,
    ops::{Deref, DerefMut},
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use futures_util::{FutureExt as _, StreamExt as _, future::BoxFuture, stream, stream::BoxStream};
use sqlx::{
    Connection as _, Either, Execute, Executor, PgConnection, PgPool, Postgres, SqlStr,
    postgres::{PgQueryResult, PgRow, PgStatement, PgTypeInfo},
};

/// How long the database may be silent within a statement: answers take milliseconds, and a batch a second or two.
const PATIENCE: Duration = Duration::from_secs(15);
/// Of statements over whole tables, which nobody waits for but who asked for them.
const UNHURRIED: Duration = Duration::from_secs(3600);
/// How long a connection that did nothing may take to say that it is one.
const PING: Duration = Duration::from_secs(2);
/// How long every connection is doubted after one has turned out to be dead: they went the same way.
const DOUBT: Duration = Duration::from_secs(60);

/// When a connection was last found dead, in this process.
static DEAD: Mutex<Option<Instant>> = Mutex::new(None);

/// A pool, for one statement.
#[derive(Clone, Copy, Debug)]
pub struct Patient<'a>(pub(super) &'a PgPool);

/// An open transaction.
pub struct PatientTransaction(Open);

/// What its statements run on: `&mut **transaction`.
#[derive(Debug)]
pub struct Open {
    tx: sqlx::Transaction<'static, Postgres>,
    patience: Duration,
}

impl PatientTransaction {
    pub(super) async fn begin(
        begun: impl Future<Output = sqlx::Result<sqlx::Transaction<'static, Postgres>>>,
    ) -> sqlx::Result<Self> {
        Ok(Self(Open { tx: within(PATIENCE, begun).await?, patience: PATIENCE }))
    }

    pub(super) async fn commit(self) -> sqlx::Result<()> {
        let Open { tx, patience } = self.0;
        within(patience, tx.commit()).await
    }

    /// Lets its statements take an hour.
    pub(super) fn unhurried(&mut self) {
        self.0.patience = UNHURRIED;
    }
}

impl Deref for PatientTransaction {
    type Target = Open;

    fn deref(&self) -> &Open {
        &self.0
    }
}

impl DerefMut for PatientTransaction {
    fn deref_mut(&mut self) -> &mut Open {
        &mut self.0
    }
}

/// Whether a connection still leads to the database, if it says so soon enough.
pub(super) async fn leads(connection: &mut PgConnection) -> sqlx::Result<bool> {
    Ok(within(PING, connection.ping()).await.is_ok())
}

/// The same for one that goes back to its pool, where the library asks as well and waits for ever. Only in doubt, so
/// that a network that is well pays nothing.
pub(super) async fn may_go_back(connection: &mut PgConnection) -> sqlx::Result<bool> {
    let found = *DEAD.lock().unwrap_or_else(PoisonError::into_inner);
    if found.is_none_or(|at| at.elapsed() > DOUBT) {
        return Ok(true);
    }
    within(PING, connection.ping()).await.map(|()| true)
}

/// An answer, if it comes in time; where none comes, nobody knows whether the statement was done.
async fn within<T>(patience: Duration, answer: impl Future<Output = sqlx::Result<T>>) -> sqlx::Result<T> {
    tokio::time::timeout(patience, answer).await.unwrap_or_else(|_| Err(silent(patience)))
}

/// Rows, as long as each comes in time.
fn each_within<'e, T: Send + 'e>(
    patience: Duration,
    rows: BoxStream<'e, sqlx::Result<T>>,
) -> BoxStream<'e, sqlx::Result<T>> {
    let next = move |rows: Option<BoxStream<'e, sqlx::Result<T>>>| async move {
        let mut rows = rows?;
        match tokio::time::timeout(patience, rows.next()).await {
            Ok(row) => row.map(|row| (row, Some(rows))),
            Err(_) => Some((Err(silent(patience)), None)),
        }
    };
    stream::unfold(Some(rows), next).boxed()
}

fn silent(patience: Duration) -> sqlx::Error {
    *DEAD.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    let why = format!("PostgreSQL did not answer within {} s", patience.as_secs());
    sqlx::Error::Io(io::Error::new(io::ErrorKind::TimedOut, why))
}

/// Statements go to what is inside, and have to be answered in time.
macro_rules! executor {
    (<$life:lifetime> $who:ty, $self:ident => ($inside:expr, $patience:expr)) => {
        impl<$life> Executor<$life> for $who {
            type Database = Postgres;

            fn fetch_many<'e, 'q: 'e, E>(
                $self,
                query: E,
            ) -> BoxStream<'e, sqlx::Result<Either<PgQueryResult, PgRow>>>
            where
                $life: 'e,
                E: 'q + Execute<'q, Postgres>,
            {
                let patience = $patience;
                each_within(patience, $inside.fetch_many(query))
            }

            fn fetch_optional<'e, 'q: 'e, E>($self, query: E) -> BoxFuture<'e, sqlx::Result<Option<PgRow>>>
            where
                $life: 'e,
                E: 'q + Execute<'q, Postgres>,
            {
                let patience = $patience;
                within(patience, $inside.fetch_optional(query)).boxed()
            }

            fn prepare_with<'e>(
                $self,
                sql: SqlStr,
                parameters: &'e [PgTypeInfo],
            ) -> BoxFuture<'e, sqlx::Result<PgStatement>>
            where
                $life: 'e,
            {
                let patience = $patience;
                within(patience, $inside.prepare_with(sql, parameters)).boxed()
            }
        }
    };
}

executor!(<'p> Patient<'p>, self => (self.0, PATIENCE));
executor!(<'c> &'c mut Open, self => ((&mut *self.tx), self.patience));

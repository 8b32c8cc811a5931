//! PostgreSQL: a schema a service, from one URL.

use std::{str::FromStr, time::Duration};

use futures_util::FutureExt as _;
use sqlx::{
    AssertSqlSafe, Connection, Executor, PgConnection,
    migrate::Migrator,
    postgres::{PgConnectOptions, PgPoolOptions},
};

use super::{Db, OpenError, patient};

const CONNECTIONS: u32 = 16;
/// A process that hangs in a transaction, or whose machine is gone, must not hold its locks for ever.
const ORPHANS: [(&str, &str); 4] = [
    ("idle_in_transaction_session_timeout", "10s"),
    ("tcp_keepalives_idle", "15"),
    ("tcp_keepalives_interval", "5"),
    ("tcp_keepalives_count", "3"),
];
/// How long a connection may take.
const PATIENCE: Duration = Duration::from_secs(10);

pub(super) async fn open(url: &str, service: &'static str, migrator: &Migrator) -> Result<Db, OpenError> {
    let connect = |source| OpenError::Connect { url: crate::redacted(url), source };
    let options = PgConnectOptions::from_str(url)
        .map_err(connect)?
        .application_name("mshub")
        .options([("search_path", service)])
        .options(ORPHANS);
    // The pool would try a server that refuses again and again, and then not say why.
    let first = tokio::time::timeout(PATIENCE, PgConnection::connect_with(&options)).await;
    let mut first = first.map_err(|_| connect(sqlx::Error::PoolTimedOut))?.map_err(connect)?;

    // Several instances may start at once: the second finds the schema there. The name is one of ours, never a user's.
    let create = format!("CREATE SCHEMA IF NOT EXISTS {service}");
    if let Err(error) = first.execute(AssertSqlSafe(create)).await
        && !super::is_taken(&error)
    {
        return Err(connect(error));
    }
    // Closed or not, nobody needs it any more.
    let _ = first.close().await;
    let pool = PgPoolOptions::new()
        .max_connections(CONNECTIONS)
        .acquire_timeout(PATIENCE)
        // The library's own question waits for an answer for ever.
        .test_before_acquire(false)
        .before_acquire(|connection, _| patient::leads(connection).boxed())
        .after_release(|connection, _| patient::may_go_back(connection).boxed())
        .connect_with(options)
        .await
        .map_err(connect)?;
    migrator.run(&pool).await.map_err(|source| OpenError::Migrate { url: crate::redacted(url), source })?;
    Ok(Db::Postgres(pool))
}

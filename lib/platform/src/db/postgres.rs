//! PostgreSQL: a schema a service, from one URL.

use std::str::FromStr;

use sqlx::{
    AssertSqlSafe, Executor,
    migrate::Migrator,
    postgres::{PgConnectOptions, PgPoolOptions},
};

use super::{Db, OpenError};

const CONNECTIONS: u32 = 16;

pub(super) async fn open(url: &str, service: &'static str, migrator: &Migrator) -> Result<Db, OpenError> {
    let connect = |source| OpenError::Connect { url: crate::redacted(url), source };
    let options = PgConnectOptions::from_str(url)
        .map_err(connect)?
        .application_name("mshub")
        .options([("search_path", service)]);
    let pool =
        PgPoolOptions::new().max_connections(CONNECTIONS).connect_with(options).await.map_err(connect)?;

    // Several instances may start at once: the second finds the schema there. The name is one of ours, never a user's.
    let create = format!("CREATE SCHEMA IF NOT EXISTS {service}");
    if let Err(error) = pool.execute(AssertSqlSafe(create)).await
        && !super::is_taken(&error)
    {
        return Err(connect(error));
    }
    migrator.run(&pool).await.map_err(|source| OpenError::Migrate { url: crate::redacted(url), source })?;
    Ok(Db::Postgres(pool))
}

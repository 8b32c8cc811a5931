//! What tests ask of a PostgreSQL server.

use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

/// Whether it takes connections.
pub(super) async fn answers(url: &str) -> bool {
    match PgConnection::connect(url).await {
        Ok(connection) => connection.close().await.is_ok(),
        Err(_) => false,
    }
}

/// Its version, such as `15.18`.
pub(super) async fn version(server: &str) -> anyhow::Result<String> {
    let mut connection = PgConnection::connect(server).await?;
    let version: String = sqlx::query_scalar("SHOW server_version").fetch_one(&mut connection).await?;
    connection.close().await?;
    Ok(version.split(' ').next().unwrap_or_default().to_owned())
}

/// Makes an empty database and says where it is. Nobody removes it: the server is thrown away after the tests.
pub(super) async fn fresh_database(server: &str) -> anyhow::Result<String> {
    let name = format!("mshub_test_{}", uuid::Uuid::new_v4().simple());
    let mut connection = PgConnection::connect(server).await?;
    sqlx::query(AssertSqlSafe(format!("CREATE DATABASE {name}"))).execute(&mut connection).await?;
    connection.close().await?;
    let mut url: url::Url = server.parse()?;
    url.set_path(&name);
    Ok(url.into())
}

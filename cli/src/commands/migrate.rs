//! `mshub migrate`: an embedded hub moves to engines for many machines, and is the same hub there.

use std::path::PathBuf;

use clap::Args;
use platform::{
    Clock,
    bus::Bus,
    config::{BusFlags, DatabaseFlags, ObjectsFlags},
    db::{Db, Migrations, Move, MoveError},
    engines::{Opener, Urls},
    objects::Objects,
    service::{install_tls, telemetry},
};
use serde::Serialize;

use super::up::default_data_dir;
use crate::{
    error::{CliError, Kind},
    global::Global,
    up::DataDir,
};

/// The databases of a hub, the history last, and the tables of each that are not the same elsewhere: a place in a log is
/// that log's own, and words are indexed anew.
const DATABASES: [(&str, Migrations, &[&str]); 3] = [
    ("server", server::MIGRATIONS, &[]),
    ("convert", convert_worker::MIGRATIONS, &[]),
    ("chat", chat_worker::MIGRATIONS, &["progress", "indexed", "words"]),
];

/// Moves a hub from its data directory to PostgreSQL, Kafka and S3.
///
/// The hub must be stopped. Accounts, sessions, rooms, history, conversions and files are copied and compared row by
/// row; the data directory stays as it is. Positions, times and hashes stay what they are, too: the new log begins where
/// the old one ends, and what was said before is in the database only. Stopped half way, it goes on when it is
/// started again. Kept mail is not moved.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  mshub migrate --data-dir ./hub --database-url postgres://hub@db/hub --bus-url kafka://log:9092 --objects-url s3://files
  mshub up --data-dir ./hub --database-url postgres://hub@db/hub --bus-url kafka://log:9092 --objects-url s3://files

The secret stays in the data directory: services on their own get it with --secret-file DIR/secret.")]
pub struct MigrateArgs {
    /// Where the hub is [default: mshub in the XDG data directory]
    #[arg(long, env = "MSHUB_DATA_DIR", value_name = "DIR")]
    data_dir: Option<PathBuf>,
    #[command(flatten)]
    database: DatabaseFlags,
    #[command(flatten)]
    bus: BusFlags,
    #[command(flatten)]
    objects: ObjectsFlags,
    /// What to log on stderr, such as info or debug,sqlx=warn
    #[arg(long, env = "MSHUB_LOG", default_value = "warn", value_name = "FILTER", value_parser = telemetry::filter)]
    log: String,
}

/// What was moved.
#[derive(Debug, Default, Serialize)]
struct Moved {
    /// Rows of all tables, each found the same on both sides.
    rows: u64,
    /// Rooms whose count and hash are the same on both sides.
    rooms: u64,
    /// Files.
    objects: usize,
    /// Their bytes.
    bytes: u64,
    /// Up to here positions are the old log's; the new one begins after it.
    position: u64,
}

/// Moves everything, or says what is in the way.
pub async fn run(args: MigrateArgs, global: &Global) -> Result<(), CliError> {
    install_tls();
    telemetry::init(telemetry::LogFormat::Text, &args.log);
    let folder = match args.data_dir.clone() {
        Some(folder) => folder,
        None => default_data_dir()?,
    };
    if !folder.join("db").is_dir() {
        let message = format!("there is no hub in {}", folder.display());
        return Err(CliError::new(Kind::NotFound, message).hint("name its data directory with --data-dir"));
    }
    let urls = Urls {
        database: args.database.read()?,
        bus: args.bus.read()?,
        objects: args.objects.read()?,
        ..Urls::default()
    };
    let held = DataDir::lock(&folder)?;
    let secret = held.secret()?;
    let here = Opener::new(Urls::default().or_embedded_in(held.path()), &secret, Clock::System);
    let there = Opener::new(urls, &secret, Clock::System);
    let moved = migrate(&here, &there, global).await;
    there.close().await;
    here.close().await;
    let moved = moved?;
    global.out.result(&moved, moved.rows.to_string(), || {
        let Moved { rows, rooms, objects, bytes, position } = &moved;
        format!(
            "moved and compared {rows} rows with {rooms} rooms, and {objects} files of {bytes} bytes; the log goes on \
             after {position}\nNext: mshub up --data-dir {} with the same URLs",
            folder.display()
        )
    })
}

/// One service's database, on its way.
struct Database {
    service: &'static str,
    from: Db,
    to: Db,
    begun: Move,
}

async fn migrate(here: &Opener, there: &Opener, global: &Global) -> Result<Moved, CliError> {
    // All of them are opened before anything is written.
    let (log, files) = tokio::try_join!(there.bus(), there.objects())?;
    let mut databases = Vec::new();
    for (service, migrations, except) in DATABASES {
        let (from, to) =
            tokio::try_join!(here.database(service, migrations), there.database(service, migrations))?;
        let begun = Move::begin(&from, &to, except, Clock::System.now())
            .await
            .map_err(|why| failed(service, &why))?;
        databases.push(Database { service, from, to, begun });
    }
    if databases.iter().all(|database| database.begun.is_done()) {
        let message = "this hub was migrated before: nothing was done";
        return Err(CliError::new(Kind::Conflict, message).hint("start it with `mshub up` and the same URLs"));
    }
    let Some(history) = databases.last() else {
        return Err(CliError::new(Kind::Other, "there is no database"));
    };

    let mut moved = Moved { position: position(here, &history.from).await?, ..Moved::default() };
    global.out.note(format!("the log ends at {}; making the new one go on there", moved.position))?;
    log.begin_after(moved.position).await.map_err(|why| CliError::new(Kind::Conflict, why))?;
    copy_objects(&here.objects().await?, &files, &mut moved).await?;
    global.out.note(format!("{} files", moved.objects))?;
    for Database { service, begun, .. } in &databases {
        let copied = begun.copy(|table, rows| {
            if table == "heads" {
                moved.rooms = rows;
            }
            // A terminal that is gone is no reason to stop half way.
            let _ = global.out.note(format!("{service}.{table}: {rows} rows"));
        });
        moved.rows += copied.await.map_err(|why| failed(service, &why))?;
    }
    settle(&history.to, &log, moved.position).await?;
    for Database { service, begun, .. } in &databases {
        begun.check().await.map_err(|why| failed(service, &why))?;
    }
    for Database { service, begun, .. } in &databases {
        begun.end(Clock::System.now()).await.map_err(|why| failed(service, &why))?;
    }
    Ok(moved)
}

/// Where log and history end, once the history has all of the log.
async fn position(here: &Opener, history: &Db) -> Result<u64, CliError> {
    let (bus, fanout) = tokio::try_join!(here.bus(), here.fanout())?;
    chat_worker::catch_up(history, &bus, &fanout).await.map_err(|why| {
        CliError::new(Kind::LocalIo, format!("the history cannot be completed from the log: {why:#}"))
    })
}

async fn settle(history: &Db, log: &Bus, position: u64) -> Result<(), CliError> {
    chat_worker::go_on(history, log, position).await.map_err(|why| {
        CliError::new(Kind::Unreachable, format!("the history cannot go on with the new log: {why:#}"))
    })
}

/// Copies what is not there yet, or not with the same bytes.
async fn copy_objects(from: &Objects, to: &Objects, moved: &mut Moved) -> Result<(), CliError> {
    for key in from.keys().await.map_err(broken)?.into_iter().filter(|key| !key.starts_with("part/")) {
        moved.bytes += copy_object(from, to, &key).await?;
        moved.objects += 1;
    }
    Ok(())
}

/// Copies an object unless it is there, reads it there once more, and answers with its size.
async fn copy_object(from: &Objects, to: &Objects, key: &str) -> Result<u64, CliError> {
    let object = from.get(key, 0).await.map_err(broken)?;
    let bytes = object.bytes;
    let there = to.get(key, 0).await.is_ok_and(|there| there.bytes == bytes);
    if there && to.sha256(key).await.map_err(broken)? == from.sha256(key).await.map_err(broken)? {
        return Ok(bytes);
    }
    let read = to.put(key, object.body, u64::MAX).await.map_err(broken)?.sha256;
    let found = to.sha256(key).await.map_err(broken)?;
    if found != read {
        let what = format!("the copy of the file {key} has the SHA-256 {found}, the file has {read}");
        return Err(CliError::new(Kind::Integrity, what).hint("look after the new store, and migrate again"));
    }
    Ok(bytes)
}

fn broken(why: platform::objects::Error) -> CliError {
    CliError::new(Kind::Unreachable, why.to_string())
}

fn failed(service: &str, why: &MoveError) -> CliError {
    let kind = match why {
        MoveError::Direction => Kind::Usage,
        MoveError::InUse { .. } => Kind::Conflict,
        MoveError::Differs { .. } => Kind::Integrity,
        MoveError::Foreign { .. } => Kind::Other,
        MoveError::Failed { .. } | MoveError::Database(_) => Kind::Unreachable,
    };
    CliError::new(kind, format!("the database of the {service} service: {why}"))
}

#[cfg(test)]
mod tests {
    use platform::objects::LinkKey;

    use super::*;

    #[tokio::test]
    async fn an_object_of_the_same_size_is_not_taken_for_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let store = async |name: &str, content: &'static str| {
            let url = format!("file:{}", folder.path().join(name).display());
            let store = Objects::open(&url, LinkKey::derive(b"secret")).await.unwrap();
            let body = futures_util::stream::iter([Ok(bytes::Bytes::from_static(content.as_bytes()))]);
            store.put("in/x", Box::pin(body), 100).await.unwrap();
            store
        };
        let (from, to) = (store("from", "right").await, store("to", "wrong").await);
        let mut moved = Moved::default();

        copy_objects(&from, &to, &mut moved).await.unwrap();

        assert_eq!(to.sha256("in/x").await.unwrap(), from.sha256("in/x").await.unwrap());
        assert_eq!((moved.objects, moved.bytes), (1, 5));
    }
}

//! Settings of the stand-alone program, from flags and the environment.

use std::{net::SocketAddr, path::PathBuf};

use clap::{Parser, Subcommand};

/// Keeps and serves the history of an mshub: the consumer of topic `chat_service`.
#[derive(Debug, Parser)]
#[command(name = "mshub-chat-worker", version)]
pub struct Args {
    /// Where to listen for the gateway.
    #[arg(long, env = "MSHUB_CHAT_LISTEN", default_value = "127.0.0.1:8002")]
    pub listen: SocketAddr,
    /// Database: `sqlite:FOLDER` or `postgres://…`.
    #[arg(long, env = "MSHUB_DATABASE_URL")]
    pub database_url: String,
    /// Log: `embedded:FOLDER`.
    #[arg(long, env = "MSHUB_BUS_URL")]
    pub bus_url: String,
    /// Fan-out: `embedded:`.
    #[arg(long, env = "MSHUB_FANOUT_URL", default_value = "embedded:")]
    pub fanout_url: String,
    /// File with the hub's secret; the gateway has the same.
    #[arg(long, env = "MSHUB_SECRET_FILE")]
    pub secret_file: Option<PathBuf>,
    /// What to log, such as `info,sqlx=warn`.
    #[arg(long, env = "MSHUB_LOG", default_value = "info")]
    pub log: String,
    /// Instead of serving.
    #[command(subcommand)]
    pub task: Option<Task>,
}

/// What can be done with a history instead of serving it. A chat-worker may run meanwhile.
#[derive(Clone, Copy, Debug, Subcommand)]
pub enum Task {
    /// Drop the history and make it anew from the log.
    Rebuild {
        /// Also when the log cannot give back all that the database has.
        #[arg(long)]
        discard: bool,
    },
    /// Records that could not be read.
    DeadLetters {
        /// What to do with them.
        #[command(subcommand)]
        action: Letters,
    },
}

/// What can be done with records that could not be read.
#[derive(Clone, Copy, Debug, Subcommand)]
pub enum Letters {
    /// Show them, one JSON object a line.
    List,
    /// Put those that can be read by now into their places.
    Replay,
    /// Forget one for good.
    Drop {
        /// Its partition of the log.
        partition: i32,
        /// Its place there.
        pos: u64,
    },
}

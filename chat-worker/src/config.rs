//! Flags and environment of the chat-worker on its own.

use std::net::SocketAddr;

use clap::{Parser, Subcommand};
use platform::{
    config::{BusFlags, DatabaseFlags, FanoutFlags, ServiceFlags},
    engines::{OpenError, Urls},
};

/// Keeps and serves the history of a MicroServiceHub: the consumer of topic `chat_service`.
#[derive(Clone, Debug, Parser)]
#[command(name = "mshub-chat-worker", version)]
pub struct Flags {
    /// Where to listen for the gateway; not for users
    #[arg(long, env = "MSHUB_CHAT_LISTEN", default_value = "127.0.0.1:8002", value_name = "ADDRESS:PORT")]
    pub listen: SocketAddr,
    /// Where readiness and metrics are told; not for users
    #[arg(
        long,
        env = "MSHUB_CHAT_ADMIN_LISTEN",
        default_value = "127.0.0.1:9002",
        value_name = "ADDRESS:PORT"
    )]
    pub admin_listen: SocketAddr,
    /// What all services take.
    #[command(flatten)]
    pub service: ServiceFlags,
    #[command(flatten)]
    database: DatabaseFlags,
    #[command(flatten)]
    bus: BusFlags,
    #[command(flatten)]
    fanout: FanoutFlags,
    /// Instead of serving.
    #[command(subcommand)]
    pub task: Option<Task>,
}

impl Flags {
    /// Where its engines are.
    pub fn urls(&self) -> Result<Urls, OpenError> {
        let (database, bus, fanout) = (self.database.read()?, self.bus.read()?, self.fanout.read()?);
        Ok(Urls { database, bus, fanout, ..Urls::default() })
    }
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

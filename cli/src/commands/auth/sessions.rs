//! `mshub auth sessions`: where one is signed in.

use clap::Subcommand;
use serde_json::json;
use uuid::Uuid;

use crate::{error::CliError, global::Global, text::moment};

/// What can be done with sessions.
#[derive(Debug, Subcommand)]
pub enum SessionsCommand {
    /// List them, newest first
    #[command(alias = "ls")]
    List,
    /// End one
    Revoke {
        /// Its id, from the list
        id: Uuid,
    },
}

/// Does it.
pub(super) async fn run(command: Option<SessionsCommand>, global: &Global) -> Result<(), CliError> {
    let hub = global.hub()?;
    if let Some(SessionsCommand::Revoke { id }) = command {
        hub.revoke_session(id).await?;
        return global
            .out
            .result(&json!({"id": id, "revoked": true}), id, || "the session has ended".to_owned());
    }
    let sessions = hub.sessions().await?;
    global.out.list(
        &sessions,
        &["", "DEVICE", "SINCE", "LAST SEEN", "ID"],
        |session| session.id.to_string(),
        |session| {
            let mark = if session.current { "*" } else { "" };
            let (since, seen) = (moment(session.created_at), moment(session.last_seen_at));
            vec![mark.to_owned(), session.device.clone(), since, seen, session.id.to_string()]
        },
    )
}

//! `mshub status`: the hub as this machine reaches it, and who is signed in.

use std::time::Instant;

use serde::Serialize;
use wire::{
    accounts::{HubInfo, Me},
    frames::LogState,
};

use super::doctor::READ_ONLY;
use crate::{error::CliError, global::Global};

#[derive(Serialize)]
struct Status {
    server: String,
    context: Option<String>,
    #[serde(flatten)]
    info: HubInfo,
    /// Of one request, in milliseconds.
    ms: u64,
    signed_in: bool,
    user: Option<Me>,
}

/// Asks the hub who it is, and who we are.
pub async fn run(global: &Global) -> Result<(), CliError> {
    let target = global.target()?;
    let hub = global.hub()?;
    let asked = Instant::now();
    let info = hub.info().await?;
    let ms = asked.elapsed().as_millis() as u64;
    let user = match hub.me().await {
        Ok(user) => Some(user),
        Err(client::Error::SignedOut) => None,
        Err(error) if error.problem().is_some_and(|problem| problem.status == 401) => None,
        Err(error) => return Err(error.into()),
    };
    let status = Status {
        server: target.address().to_owned(),
        context: target.context,
        info,
        ms,
        signed_in: user.is_some(),
        user,
    };
    global.out.result(&status, &status.server, || {
        let who = match &status.user {
            Some(user) => format!("signed in as {} <{}>", user.name, user.email),
            None => "not signed in (mshub auth login)".to_owned(),
        };
        let log = match status.info.log {
            Some(LogState::Ro) => format!("\nlog      takes no messages right now: {READ_ONLY}"),
            _ => String::new(),
        };
        format!(
            "hub      {} {} at {}, {} ms{log}\naccount  {who}",
            status.info.product, status.info.version, status.server, status.ms
        )
    })
}

//! `mshub doctor`: looks at everything between here and a working hub, and says what to do.

use std::time::Instant;

use client::{Hub, LiveEvent};
use serde::Serialize;
use wire::frames::LogState;

use crate::{
    error::{CliError, Kind},
    global::Global,
};

/// How long the live socket may take.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(10);

/// What is to be done about a hub whose log takes nothing.
pub(super) const READ_ONLY: &str =
    "whoever runs it sees why at /readyz of its admin address; most often its disk is full";

#[derive(Serialize)]
struct Finding {
    check: &'static str,
    ok: bool,
    found: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    fix: Option<String>,
}

impl Finding {
    fn good(check: &'static str, found: impl Into<String>) -> Self {
        Self { check, ok: true, found: found.into(), fix: None }
    }

    fn bad(check: &'static str, error: CliError) -> Self {
        Self { check, ok: false, found: error.message, fix: error.hint }
    }
}

/// Looks, prints each finding at once, and fails if one is bad.
pub async fn run(global: &Global) -> Result<(), CliError> {
    let mut bad = 0;
    let mut tell = |finding: Finding| {
        bad += usize::from(!finding.ok);
        print(global, &finding).map(|()| finding.ok)
    };
    if tell(settings(global))? && tell(server(global).await)? && tell(session(global).await)? {
        tell(live(&global.hub()?).await)?;
    }
    match bad {
        0 => Ok(()),
        _ => Err(CliError::new(Kind::Other, "something is wrong; see above")),
    }
}

fn print(global: &Global, finding: &Finding) -> Result<(), CliError> {
    if global.out.is_json() {
        return global.out.json(finding);
    }
    global.out.mark(finding.ok, format!("{:8} {}", finding.check, finding.found))?;
    match &finding.fix {
        Some(fix) => global.out.line(format!("           fix: {fix}")),
        None => Ok(()),
    }
}

fn settings(global: &Global) -> Finding {
    match global.target() {
        Ok(target) => {
            let found = match (&target.source, &target.context) {
                (Some(source), Some(context)) => format!("{source} says {context}, {}", target.address()),
                (Some(source), None) => format!("{source} says {}", target.address()),
                (None, _) => format!("none needed, the hub is {}", target.address()),
            };
            Finding::good("settings", found)
        }
        Err(error) => Finding::bad("settings", error),
    }
}

async fn server(global: &Global) -> Finding {
    let ask = async {
        let hub = global.hub()?;
        let asked = Instant::now();
        let info = hub.info().await?;
        Ok::<_, CliError>((info, asked.elapsed()))
    };
    let (info, took) = match ask.await {
        Ok(answer) => answer,
        Err(error) => return Finding::bad("hub", error),
    };
    let mut found = format!("version {} answers in {} ms", info.version, took.as_millis());
    if info.durability.as_deref() == Some("os") {
        found.push_str("; the loss of power takes up to a second of messages (its durability is os)");
    }
    if info.protocol < wire::frames::PROTOCOL {
        let old = CliError::new(Kind::Other, format!("{found}, but it is older than this program"));
        return Finding::bad("hub", old.hint("upgrade the hub"));
    }
    if info.log == Some(LogState::Ro) {
        let full = CliError::new(Kind::Other, format!("{found}, but it takes no messages right now"));
        return Finding::bad("hub", full.hint(READ_ONLY));
    }
    Finding::good("hub", found)
}

async fn session(global: &Global) -> Finding {
    let ask = async { Ok::<_, CliError>(global.hub()?.me().await?) };
    match ask.await {
        Ok(me) => Finding::good("session", format!("signed in as {} <{}>", me.name, me.email)),
        Err(error) => Finding::bad("session", error),
    }
}

async fn live(hub: &Hub) -> Finding {
    let asked = Instant::now();
    let mut live = hub.live();
    let failed = |why: String| {
        let error = CliError::new(Kind::Unreachable, format!("no live socket: {why}"));
        Finding::bad("live", error.hint("a proxy in between must let WebSocket through on /api/v1/live"))
    };
    match tokio::time::timeout(PATIENCE, live.next()).await {
        Ok(Some(LiveEvent::Connected)) => {
            Finding::good("live", format!("the socket opens in {} ms", asked.elapsed().as_millis()))
        }
        Ok(Some(LiveEvent::Reconnecting { why, .. } | LiveEvent::SignedOut { why })) => failed(why),
        Ok(_) => failed("it closed at once".to_owned()),
        Err(_) => failed("no answer in time".to_owned()),
    }
}

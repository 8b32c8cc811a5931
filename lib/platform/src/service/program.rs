//! What the `main` of each service does around its service: log, secret, signals, admin listener, exit code.

use std::{future::Future, net::SocketAddr, pin::pin, process::ExitCode, time::Duration};

use anyhow::Context as _;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::{Admin, Ready, install_tls, signals::Signals, telemetry};
use crate::{config::ServiceFlags, engines::OpenError, traces};

/// What a service on its own is given.
pub struct Process {
    /// The hub's secret.
    pub secret: Vec<u8>,
    /// Cancelled when it should stop.
    pub stop: CancellationToken,
    name: &'static str,
    admin: Admin,
}

impl Process {
    /// What the service tells when it answers.
    pub fn ready(&self) -> Ready {
        let (admin, name) = (self.admin.clone(), self.name);
        Box::new(move |health| {
            admin.ready(name, health);
            tracing::info!("the {name} is ready");
        })
    }
}

/// Runs one service until it ends or a signal asks for that; a second signal does not wait for the service.
pub fn run<Service>(
    name: &'static str,
    flags: &ServiceFlags,
    admin: SocketAddr,
    service: impl FnOnce(Process) -> Service,
) -> ExitCode
where
    Service: Future<Output = anyhow::Result<()>>,
{
    to_the_end(name, flags, async {
        flags.traces.start();
        let ended = supervise(name, flags, admin, service).await;
        traces::finish().await;
        ended
    })
}

/// Runs something that ends by itself and needs no secret.
pub fn perform(
    name: &'static str,
    flags: &ServiceFlags,
    task: impl Future<Output = anyhow::Result<()>>,
) -> ExitCode {
    to_the_end(name, flags, async { task.await.map(|()| ExitCode::SUCCESS) })
}

fn to_the_end(
    name: &str,
    flags: &ServiceFlags,
    work: impl Future<Output = anyhow::Result<ExitCode>>,
) -> ExitCode {
    install_tls();
    telemetry::init(flags.log_format(), &flags.log);
    let ended = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(anyhow::Error::from);
    let ended = ended.and_then(|runtime| {
        let ended = runtime.block_on(work);
        // A thread that hangs in a file or in a foreign library must not hold up the end.
        runtime.shutdown_background();
        ended
    });
    ended.unwrap_or_else(|error| {
        tracing::error!(error = format!("{error:#}"), "the {name} cannot run");
        ExitCode::from(error.downcast_ref().map_or(1, OpenError::exit_code))
    })
}

async fn supervise<Service>(
    name: &'static str,
    flags: &ServiceFlags,
    admin: SocketAddr,
    service: impl FnOnce(Process) -> Service,
) -> anyhow::Result<ExitCode>
where
    Service: Future<Output = anyhow::Result<()>>,
{
    let mut signals = Signals::catch().context("cannot listen for signals")?;
    let (leaving, stop, end) = (CancellationToken::new(), CancellationToken::new(), CancellationToken::new());
    // However this ends.
    let _end = end.clone().drop_guard();
    let listener = TcpListener::bind(admin).await.with_context(|| format!("cannot listen at {admin}"))?;
    tracing::info!(admin = %listener.local_addr()?, "readiness and metrics");
    let admin = Admin::of(&[name], leaving.clone());
    tokio::spawn(admin.clone().serve(listener, end));

    let mut service = pin!(service(Process { secret: flags.secret()?, stop: stop.clone(), name, admin }));
    tokio::select! {
        ended = service.as_mut() => return ended.map(|()| ExitCode::SUCCESS),
        signal = signals.next() => tracing::info!(signal, "stopping; once more stops at once"),
    }
    leaving.cancel();
    // Still at work: whoever spreads requests has to see that this one is not ready before it is gone.
    let stopping = async {
        tokio::time::sleep(Duration::from_secs(flags.stop_delay)).await;
        stop.cancel();
    };
    tokio::select! {
        (ended, ()) = async { tokio::join!(service, stopping) } => ended.map(|()| ExitCode::SUCCESS),
        signal = signals.next() => {
            tracing::warn!("stopped at once; everything that was acknowledged is kept");
            Ok(ExitCode::from(128 + u8::try_from(signal)?))
        }
    }
}

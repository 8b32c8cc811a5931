//! A file on this machine, by the engines of this machine, in locked-up children of this program.

use std::{path::PathBuf, str::FromStr};

use ::convert::{
    Child, Engines, Error, Format, Options, Paper, Prefer, Request, UnknownEngine, UnreadablePages, sniff,
};
use sha2::{Digest as _, Sha256};
use tokio::io::AsyncReadExt as _;
use tokio_util::sync::CancellationToken;

use super::{
    Batch,
    outcome::Outcome,
    plan::{Plan, Source},
};
use crate::{
    error::{CliError, Kind},
    files::{Arriving, Destination, stdin},
};

/// Converts one file, telling `outcome` how far it came.
pub(super) async fn convert(batch: &Batch<'_>, plan: &Plan, outcome: &mut Outcome) -> Result<(), CliError> {
    let bar = batch.progress.bar(&plan.name);
    // Dropped at the end, whatever it is.
    let scratch = tempfile::tempdir().map_err(CliError::io("cannot make a folder for the conversion"))?;
    let input = match &plan.source {
        Source::File(path) => std::path::absolute(path).map_err(CliError::io(plan.file.clone()))?,
        Source::Url(_) => {
            return Err(CliError::usage("only a hub fetches a document by its URL")
                .hint("leave out --local, or fetch it first"));
        }
        Source::Stdin => spool(scratch.path().join("in")).await?,
    };
    outcome.bytes_in = tokio::fs::metadata(&input).await.ok().map(|about| about.len());
    let request = request(batch, plan, input, scratch.path().join("out")).await?;

    let tell = |step: ::convert::Progress| {
        let percent = step.percent.map(|percent| format!(" {percent} %")).unwrap_or_default();
        bar.say(&format!("{:?}{percent}", step.stage).to_lowercase());
    };
    let engines = batch.engines.get_or_init(|| engines(batch));
    let converted = engines.convert(&request, tell, CancellationToken::new()).await;
    bar.end();
    let report = converted.result.map_err(refused)?;

    let (sha256, path) = deliver(batch, &plan.destination, &request.output).await?;
    outcome.state = "completed".to_owned();
    outcome.bytes_out = Some(report.bytes_out);
    outcome.sha256 = Some(sha256);
    outcome.engine = Some(report.engine);
    outcome.degraded = report.degraded;
    outcome.lost = report.lost;
    outcome.has_output(path.as_deref());
    Ok(())
}

pub(super) fn engines(batch: &Batch<'_>) -> Engines {
    let engines = Engines::builtin(Child::of_this_program());
    match batch.global.libreoffice() {
        Some(program) => engines.with_libreoffice(program),
        None => engines,
    }
}

async fn request(
    batch: &Batch<'_>,
    plan: &Plan,
    input: PathBuf,
    output: PathBuf,
) -> Result<Request, CliError> {
    let args = batch.args;
    let to = known(&args.to)?;
    let said = args.from.as_deref().map(known).transpose()?;
    let (path, name) = (input.clone(), plan.name.clone());
    let found = tokio::task::spawn_blocking(move || sniff(&path, &name, said)).await;
    let from = match found {
        Ok(Ok(from)) => from,
        // With a password the name has to say what the document is.
        Ok(Err(Error::Encrypted)) if batch.password.is_some() => {
            said.or_else(|| Format::from_name(&plan.name)).ok_or_else(|| refused(Error::Encrypted))?
        }
        Ok(Err(error)) => return Err(refused(error)),
        Err(why) => return Err(CliError::new(Kind::Other, why.to_string())),
    };
    let mut request = Request::new(input, from, output, to);
    request.strict = args.strict;
    let engine = match args.engine.as_str() {
        "auto" => None,
        name => Some(name.parse().map_err(|why: UnknownEngine| CliError::usage(why.to_string()))?),
    };
    request.options = Options {
        password: batch.password.clone(),
        quality: args.quality,
        width: args.width,
        height: args.height,
        sheet: args.sheet.clone(),
        engine,
        pages: pages(args.pages.as_deref())?,
        rotate: pages(args.rotate.as_deref())?,
        as_is: args.become_one(),
        paper: if args.paper == "letter" { Paper::Letter } else { Paper::A4 },
        prefer: if args.prefer == "fidelity" { Prefer::Fidelity } else { Prefer::Speed },
        page: args.page,
        dpi: args.dpi,
        ..Options::default()
    };
    Ok(request)
}

/// A wish about pages, in the words of people.
fn pages<T: FromStr<Err = UnreadablePages>>(said: Option<&str>) -> Result<Option<T>, CliError> {
    said.map(str::parse).transpose().map_err(|why: UnreadablePages| CliError::usage(why.to_string()))
}

fn known(name: &str) -> Result<Format, CliError> {
    name.parse().map_err(|why: ::convert::UnknownFormat| {
        CliError::new(Kind::Rejected, why.to_string()).hint("`mshub formats` lists what is converted")
    })
}

async fn spool(path: PathBuf) -> Result<PathBuf, CliError> {
    let failed = || CliError::io("cannot keep standard input for the conversion");
    let mut file = tokio::fs::File::create(&path).await.map_err(failed())?;
    tokio::io::copy(&mut stdin().map_err(failed())?, &mut file).await.map_err(failed())?;
    file.sync_data().await.map_err(failed())?;
    Ok(path)
}

/// Gives the result its place; its hash, and its path if it has one.
pub(super) async fn deliver(
    batch: &Batch<'_>,
    destination: &Destination,
    made: &std::path::Path,
) -> Result<(String, Option<PathBuf>), CliError> {
    let failed = || CliError::io("cannot read the result");
    let arriving = Arriving::begin(destination)?;
    let mut sink = arriving.sink()?;
    let mut source = tokio::fs::File::open(made).await.map_err(failed())?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 128 * 1024];
    loop {
        let read = source.read(&mut buffer).await.map_err(failed())?;
        if read == 0 {
            break;
        }
        hash.update(&buffer[..read]);
        tokio::io::AsyncWriteExt::write_all(&mut sink, &buffer[..read])
            .await
            .map_err(CliError::io("cannot write the result"))?;
    }
    tokio::io::AsyncWriteExt::flush(&mut sink).await.map_err(CliError::io("cannot write the result"))?;
    Ok((hex::encode(hash.finalize()), arriving.finish(&batch.global.out)?))
}

pub(super) fn refused(error: Error) -> CliError {
    let kind = match &error {
        Error::Io { .. } => Kind::LocalIo,
        error if error.is_input() => Kind::Rejected,
        _ => Kind::Failed,
    };
    CliError::new(kind, error.to_string())
}

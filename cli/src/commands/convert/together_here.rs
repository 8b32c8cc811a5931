//! Several files that become one on this machine: each is converted into a folder that goes at the end.

use std::path::{Path, PathBuf};

use ::convert::{Bundle, Engines, Report, Request, plain_names};
use futures_util::{StreamExt as _, stream};
use tokio_util::sync::CancellationToken;

use super::{
    Batch, local,
    outcome::Outcome,
    plan::Plan,
    together::{Places, finish, name},
};
use crate::{
    error::{CliError, Kind},
    files::Destination,
};

/// Converts all files and makes of them what is wanted, printing each file and then the whole.
pub(super) async fn convert(batch: &Batch<'_>, plans: Vec<Plan>) -> Result<(), CliError> {
    let places = Places::of(batch)?;
    let scratch = tempfile::tempdir().map_err(CliError::io("cannot make a folder for the conversions"))?;
    let mut whole = Outcome::of_many(plans.len(), &places);
    let done = steps(batch, plans, scratch.path(), &places, &mut whole).await;
    finish(batch, whole, done)
}

async fn steps(
    batch: &Batch<'_>,
    mut plans: Vec<Plan>,
    folder: &Path,
    places: &Places,
    whole: &mut Outcome,
) -> Result<Vec<Outcome>, CliError> {
    for (place, plan) in plans.iter_mut().enumerate() {
        let path = folder.join(format!("{place}.{}", batch.args.to));
        plan.destination = Destination::File { path, overwrite: false };
    }
    let names: Vec<String> = plans.iter().map(|plan| result_name(plan, &batch.args.to)).collect();
    let mut running = stream::iter(plans).map(|plan| batch.one(plan)).buffered(usize::from(batch.args.jobs));
    let (mut outcomes, mut files) = (Vec::new(), Vec::new());
    while let Some(mut outcome) = running.next().await {
        // Where it lies for a moment is nobody's business.
        let made = outcome.output.take().map(PathBuf::from);
        outcome.through = whole.through;
        batch.progress.aside(|| outcome.print(batch.global))?;
        match (made, &outcome.error) {
            (Some(path), None) => files.push((names[outcomes.len()].clone(), path)),
            (_, Some(error)) if !batch.args.skip_failed => {
                let message = format!("{} was not converted, so nothing was made", outcome.file);
                let error = CliError { message, ..error.clone() };
                return Err(error.hint("leave it out, or go on without it with --skip-failed"));
            }
            _ => whole.lost.push(format!("not in it: {}", outcome.file)),
        }
        outcomes.push(outcome);
    }
    if files.is_empty() {
        return Err(CliError::new(Kind::Failed, "none of the files was converted, so nothing was made"));
    }
    let engines = batch.engines.get_or_init(|| local::engines(batch));
    let mut made = None;
    if batch.args.merge {
        let path = folder.join("merged.pdf");
        let report = merge(engines, &files, path.clone()).await?;
        whole.lost.extend(report.lost);
        if let Some(place) = &places.merged {
            let (_, path) = local::deliver(batch, place, &path).await?;
            whole.merged = path.map(|path| path.display().to_string());
        }
        files.push((format!("{}.pdf", name(batch)), path.clone()));
        made = Some(path);
    }
    if batch.args.zip.is_some() {
        let path = folder.join("all.zip");
        zip(files, path.clone()).await?;
        made = Some(path);
    }
    let Some(made) = made else { return Err(CliError::new(Kind::Other, "nothing was to be made")) };
    whole.degraded = !whole.lost.is_empty();
    whole.bytes_out = tokio::fs::metadata(&made).await.ok().map(|about| about.len());
    whole.engine = Some("builtin".to_owned());
    let (sha256, path) = local::deliver(batch, &places.last, &made).await?;
    whole.sha256 = Some(sha256);
    "completed".clone_into(&mut whole.state);
    whole.has_output(path.as_deref());
    Ok(outcomes)
}

async fn merge(engines: &Engines, files: &[(String, PathBuf)], output: PathBuf) -> Result<Report, CliError> {
    let mut inputs = files.iter().map(|(_, path)| path.clone());
    let first = inputs.next().ok_or_else(|| CliError::new(Kind::Failed, "there is nothing to merge"))?;
    let request = Request::merge(first, inputs.collect(), output);
    let merged = engines.convert(&request, |_: ::convert::Progress| (), CancellationToken::new()).await;
    merged.result.map_err(local::refused)
}

async fn zip(files: Vec<(String, PathBuf)>, path: PathBuf) -> Result<(), CliError> {
    let zipped = tokio::task::spawn_blocking(move || {
        let names = plain_names(files.iter().map(|(name, _)| name.as_str()));
        let mut bundle = Bundle::create(&path)?;
        for ((_, file), name) in files.iter().zip(names) {
            bundle.add(&name, file, &|| true)?;
        }
        bundle.finish()
    });
    let zipped = zipped.await.map_err(|why| CliError::new(Kind::Other, why.to_string()))?;
    zipped.map_err(local::refused)
}

/// What the result of one file is called in a zip.
fn result_name(plan: &Plan, to: &str) -> String {
    let stem = Path::new(&plan.name).file_stem().unwrap_or_default().to_string_lossy().into_owned();
    format!("{stem}.{to}")
}

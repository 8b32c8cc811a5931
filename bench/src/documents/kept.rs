//! Our LibreOffice engine, started for each document and kept from one to the next: what a job takes in both ways.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use convert::{Child, Engine, Engines, Format, Keep, Options, Request};
use tokio_util::sync::CancellationToken;

use super::{Document, Took, ms, ratio, usage::Usage};
use crate::report;

/// What a series of the same document took.
struct Series {
    /// Of the first, with the start.
    first: Duration,
    /// The mean of the others.
    other: Duration,
    /// Of all of them, and of every process.
    cpu: Duration,
}

/// A row for each document, and one for all.
pub(super) async fn tell(
    child: &Child,
    soffice: &Path,
    place: &Path,
    documents: &[Document],
    copies: u32,
) -> anyhow::Result<()> {
    report::line(
        "| document | cold: wall, CPU a job | warm: wall, CPU a job | the first one, with the start | cold/warm, wall \
         | cold/warm, CPU |",
    );
    report::line("|---|---|---|---|---|---|");
    let copies = copies.max(2);
    let (mut all_cold, mut all_warm) = (Took::default(), Took::default());
    for document in documents {
        let runs = async |documents: u32, jobs: u32| {
            let keep = Keep { documents, ..Keep::default() };
            let engines = Engines::builtin(child.clone()).with_libreoffice_kept(soffice.to_owned(), keep);
            series(engines, document, &place.join("kept.pdf"), jobs).await
        };
        let cold = runs(0, 3).await?;
        let cold = Took { wall: (cold.first + cold.other * 2) / 3, cpu: cold.cpu / 3 };
        let (one, many) = (runs(copies + 1, 1).await?, runs(copies + 1, copies).await?);
        let warm = Took { wall: many.other, cpu: many.cpu.saturating_sub(one.cpu) / (copies - 1) };
        report::line(&format!(
            "| {} | {:.0}, {:.0} ms | {:.0}, {:.0} ms | {:.0} ms | {:.1}× | {:.1}× |",
            document.name,
            ms(cold.wall),
            ms(cold.cpu),
            ms(warm.wall),
            ms(warm.cpu),
            ms(many.first),
            ratio(cold.wall, warm.wall),
            ratio(cold.cpu, warm.cpu),
        ));
        all_cold.add(cold);
        all_warm.add(warm);
    }
    report::line(&format!(
        "| all {} once | {:.0}, {:.0} ms | {:.0}, {:.0} ms | | {:.1}× | {:.1}× |",
        documents.len(),
        ms(all_cold.wall),
        ms(all_cold.cpu),
        ms(all_warm.wall),
        ms(all_warm.cpu),
        ratio(all_cold.wall, all_warm.wall),
        ratio(all_cold.cpu, all_warm.cpu),
    ));
    Ok(())
}

async fn series(engines: Engines, document: &Document, result: &Path, jobs: u32) -> anyhow::Result<Series> {
    let before = Usage::of_children()?;
    let mut request = Request::new(&document.path, document.from, result, Format::Pdf);
    request.options = Options { engine: Some(Engine::Libreoffice), ..Options::default() };
    let (mut first, mut others) = (None, Duration::ZERO);
    for _ in 0..jobs {
        let began = Instant::now();
        let done = engines.convert(&request, |_: convert::Progress| (), CancellationToken::new()).await;
        done.result.with_context(|| document.name.clone())?;
        match first {
            None => first = Some(began.elapsed()),
            Some(_) => others += began.elapsed(),
        }
    }
    drop(engines);
    no_child_left().await?;
    let other = others / jobs.saturating_sub(1).max(1);
    Ok(Series { first: first.unwrap_or_default(), other, cpu: Usage::of_children()?.since(before) })
}

/// Waits for the end of every process that was started: only then it is known what they took.
async fn no_child_left() -> anyhow::Result<()> {
    while has_children()? {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    Ok(())
}

fn has_children() -> anyhow::Result<bool> {
    for thread in std::fs::read_dir("/proc/self/task")? {
        // A thread may be gone by now.
        let children = std::fs::read_to_string(thread?.path().join("children")).unwrap_or_default();
        if !children.trim().is_empty() {
            return Ok(true);
        }
    }
    Ok(false)
}

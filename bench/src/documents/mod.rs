//! Documents through the builtin engine, one process each, beside LibreOffice on the same machine in the same run.

mod kept;
mod office;
mod usage;
mod words;

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::Context as _;
use clap::Args;
use convert::{Child, Format, Limits, Report, Request, convert_in_child, sniff};
use tokio_util::sync::CancellationToken;

use self::{office::Office, usage::Usage};
use crate::report;

#[derive(Args)]
pub(crate) struct Options {
    /// Documents, and folders of them.
    paths: Vec<PathBuf>,
    /// How often each document is converted by the builtin engine.
    #[arg(long, default_value_t = 10)]
    runs: u32,
    /// LibreOffice's `soffice`; without it only the builtin engine is measured.
    #[arg(long)]
    soffice: Option<PathBuf>,
    /// How many copies one LibreOffice converts in one go, to know what a document costs one that is warm.
    #[arg(long, default_value_t = 20)]
    copies: u32,
    /// Only LibreOffice as an engine of ours: started for each document, and kept from one to the next.
    #[arg(long, requires = "soffice")]
    kept: bool,
}

/// What one document took, once.
#[derive(Clone, Copy, Default)]
struct Took {
    wall: Duration,
    cpu: Duration,
}

impl Took {
    fn add(&mut self, other: Took) {
        self.wall += other.wall;
        self.cpu += other.cpu;
    }
}

/// The sums over all documents that both engines converted.
#[derive(Default)]
struct Sums {
    documents: u32,
    builtin: Took,
    cold: Took,
    warm: Duration,
}

pub(crate) async fn run(mshub: &Path, options: Options) -> anyhow::Result<()> {
    let place = tempfile::tempdir()?;
    let child = Child {
        program: std::path::absolute(mshub)?,
        args: vec!["job-child".into()],
        limits: Limits::default(),
    };
    if options.kept {
        let documents: Vec<_> =
            all(&options.paths)?.iter().filter_map(|path| Document::of(path).ok()).collect();
        let soffice = options.soffice.unwrap_or_default();
        return kept::tell(&child, &soffice, place.path(), &documents, options.copies).await;
    }
    let documents = taken(&options.paths, &child, place.path()).await?;
    report::line(&format!(
        "peak memory of one job, all of them: {:.0} MiB",
        usage::peak_of_children()? / MIB
    ));
    two_beside(&child, place.path(), &documents).await?;
    let Some(soffice) = &options.soffice else { return Ok(()) };
    let office = Office::start(soffice, place.path()).await?;
    report::line(
        "| document | builtin: wall, CPU | pages | recall | LibreOffice cold: wall, CPU | warm: CPU | cold/builtin, wall \
         | warm/builtin, CPU | words of LibreOffice's pages that ours have |",
    );
    report::line("|---|---|---|---|---|---|---|---|---|");
    let mut sums = Sums::default();
    for document in &documents {
        let (took, made) = document.often(&child, place.path(), options.runs).await?;
        let cold = office.cold(&document.path).await?;
        let warm = office.warm(&document.path, options.copies).await?;
        let words = words::kept(&place.path().join(RESULT), &office.result(&document.path)?).await?;
        sums.documents += 1;
        sums.builtin.add(took);
        sums.cold.add(cold);
        sums.warm += warm;
        let silent =
            if words < convert::MIN_RECALL && !made.degraded { " **and it does not say so**" } else { "" };
        report::line(&format!(
            "{} {:.0}, {:.0} ms | {:.0} ms | {:.0}× | {:.1}× | {words:.3}{silent} |",
            document.row(took, &made),
            ms(cold.wall),
            ms(cold.cpu),
            ms(warm),
            ratio(cold.wall, took.wall),
            ratio(warm, took.cpu),
        ));
    }
    sums.tell();
    Ok(())
}

/// The documents that the builtin engine takes, each converted once; a line about each of the others.
async fn taken(paths: &[PathBuf], child: &Child, place: &Path) -> anyhow::Result<Vec<Document>> {
    let mut documents = Vec::new();
    for path in all(paths)? {
        let document = match Document::of(&path) {
            Ok(document) => document,
            Err(error) => {
                report::line(&format!("| {error:#} |"));
                continue;
            }
        };
        match document.once(child, &place.join(RESULT)).await {
            Ok(_) => documents.push(document),
            Err(error) => report::line(&format!("| {}: {error} |", document.name)),
        }
    }
    Ok(documents)
}

const MIB: f64 = 1024.0 * 1024.0;
/// What the builtin engine makes of a document.
const RESULT: &str = "result.pdf";

impl Sums {
    fn tell(&self) {
        if self.documents == 0 {
            return;
        }
        report::line(&format!(
            "all {} documents once: builtin {:.0} ms ({:.0} ms of CPU), LibreOffice cold {:.0} ms ({:.0}), warm {:.0} ms of CPU: \
             {:.1}× of the cold one's wall time, {:.1}× of the warm one's CPU",
            self.documents,
            ms(self.builtin.wall),
            ms(self.builtin.cpu),
            ms(self.cold.wall),
            ms(self.cold.cpu),
            ms(self.warm),
            ratio(self.cold.wall, self.builtin.wall),
            ratio(self.warm, self.builtin.cpu),
        ));
    }
}

#[derive(Clone)]
struct Document {
    path: PathBuf,
    name: String,
    from: Format,
}

impl Document {
    fn of(path: &Path) -> anyhow::Result<Self> {
        let name = path.file_name().context("a path without a name")?.to_string_lossy().into_owned();
        let from = sniff(path, &name, None).with_context(|| name.clone())?;
        Ok(Self { path: std::path::absolute(path)?, name, from })
    }

    /// The mean of all runs, and what the last one said.
    async fn often(&self, child: &Child, place: &Path, runs: u32) -> anyhow::Result<(Took, Report)> {
        let mut all = Took::default();
        let mut last = None;
        for _ in 0..runs.max(1) {
            let (began, before) = (Instant::now(), Usage::of_children()?);
            last = Some(self.once(child, &place.join(RESULT)).await?);
            all.add(Took { wall: began.elapsed(), cpu: Usage::of_children()?.since(before) });
        }
        let mean = Took { wall: all.wall / runs.max(1), cpu: all.cpu / runs.max(1) };
        Ok((mean, last.context("no run")?))
    }

    async fn once(&self, child: &Child, result: &Path) -> Result<Report, convert::Error> {
        let request = Request::new(&self.path, self.from, result, Format::Pdf);
        convert_in_child(child, &request, |_| (), CancellationToken::new()).await
    }

    fn row(&self, took: Took, made: &Report) -> String {
        let recall = made.recall.map_or_else(|| "–".to_owned(), |recall| format!("{recall:.3}"));
        let loss = if made.degraded { ", degraded" } else { "" };
        let pages = made.pages.unwrap_or_default();
        let (wall, cpu) = (ms(took.wall), ms(took.cpu));
        format!("| {} | {wall:.1}, {cpu:.1} ms | {pages} | {recall}{loss} |", self.name)
    }
}

/// All documents one after the other, and then the same by two children beside each other.
async fn two_beside(child: &Child, place: &Path, documents: &[Document]) -> anyhow::Result<()> {
    let (first, second) = (place.join("first.pdf"), place.join("second.pdf"));
    let line = async |result: &Path| {
        for document in documents {
            document.once(child, result).await?;
        }
        Ok::<_, convert::Error>(())
    };
    let began = Instant::now();
    line(&first).await?;
    let alone = began.elapsed();
    let began = Instant::now();
    tokio::try_join!(line(&first), line(&second))?;
    let both = began.elapsed();
    report::line(&format!(
        "two children beside each other against one: {:.2}× ({:.0} ms for {} documents, {:.0} ms for twice as many)",
        2.0 * alone.as_secs_f64() / both.as_secs_f64(),
        ms(alone),
        documents.len(),
        ms(both),
    ));
    Ok(())
}

/// The files among `paths` and in the folders among them, by name.
fn all(paths: &[PathBuf]) -> anyhow::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for path in paths {
        if path.is_dir() {
            for entry in std::fs::read_dir(path)? {
                files.push(entry?.path());
            }
        } else {
            files.push(path.clone());
        }
    }
    files.sort();
    Ok(files)
}

fn ms(span: Duration) -> f64 {
    span.as_secs_f64() * 1_000.0
}

fn ratio(theirs: Duration, ours: Duration) -> f64 {
    theirs.as_secs_f64() / ours.as_secs_f64()
}

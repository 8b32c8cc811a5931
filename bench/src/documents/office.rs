//! LibreOffice with a profile of its own: started for each document, and going on from one to the next.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
    time::Instant,
};

use anyhow::{Context as _, ensure};
use tokio::process::Command;

use super::{Took, usage::Usage};

pub(super) struct Office {
    program: PathBuf,
    profile: String,
    copies: PathBuf,
    results: PathBuf,
}

impl Office {
    /// With a profile that is there already: making one is not what is measured.
    pub(super) async fn start(program: &Path, place: &Path) -> anyhow::Result<Self> {
        let office = Self {
            program: program.to_owned(),
            profile: format!("-env:UserInstallation=file://{}", place.join("profile").display()),
            copies: place.join("copies"),
            results: place.join("results"),
        };
        std::fs::create_dir_all(&office.copies)?;
        let first = office.copies.join("first.txt");
        std::fs::write(&first, "A word.")?;
        office.convert(&[first]).await?;
        Ok(office)
    }

    /// One document by a LibreOffice that is started for it.
    pub(super) async fn cold(&self, document: &Path) -> anyhow::Result<Took> {
        self.convert(&[document.to_owned()]).await
    }

    /// CPU of one document more for a LibreOffice that has converted it before, which is kinder than a new one.
    pub(super) async fn warm(&self, document: &Path, copies: u32) -> anyhow::Result<std::time::Duration> {
        let name = document.file_name().context("a path without a name")?.to_string_lossy();
        let mut many = Vec::new();
        for n in 0..=copies {
            let copy = self.copies.join(format!("{n}-{name}"));
            std::fs::copy(document, &copy)?;
            many.push(copy);
        }
        let one = self.convert(&many[..1]).await?.cpu;
        let all = self.convert(&many).await?.cpu;
        for copy in many {
            std::fs::remove_file(copy)?;
        }
        Ok(all.saturating_sub(one) / copies)
    }

    /// What it made of a document.
    pub(super) fn result(&self, document: &Path) -> anyhow::Result<PathBuf> {
        let stem = document.file_stem().context("a path without a name")?;
        Ok(self.results.join(stem).with_added_extension("pdf"))
    }

    async fn convert(&self, documents: &[PathBuf]) -> anyhow::Result<Took> {
        let (began, before) = (Instant::now(), Usage::of_children()?);
        let mut command = Command::new(&self.program);
        command.arg(&self.profile).args(["--headless", "--convert-to", "pdf", "--outdir"]);
        command.arg(&self.results).args(documents).stdout(Stdio::null()).stderr(Stdio::null());
        let status = command.status().await.context("soffice cannot be started")?;
        ensure!(status.success(), "soffice ended with {status}");
        Ok(Took { wall: began.elapsed(), cpu: Usage::of_children()?.since(before) })
    }
}

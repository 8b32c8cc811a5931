//! The words of two PDFs, as poppler reads them: a judge that neither engine has.

use std::{collections::HashMap, path::Path};

use anyhow::{Context as _, ensure};
use tokio::process::Command;

/// The share, 0 to 1, of the words on the pages of `theirs` that are on those of `ours` too, each as often as there.
pub(super) async fn kept(ours: &Path, theirs: &Path) -> anyhow::Result<f64> {
    let (ours, theirs) = (words(ours).await?, words(theirs).await?);
    let all: usize = theirs.values().sum();
    let both: usize = theirs.iter().map(|(word, n)| (*n).min(ours.get(word).copied().unwrap_or(0))).sum();
    Ok(if all == 0 { 1.0 } else { both as f64 / all as f64 })
}

async fn words(pdf: &Path) -> anyhow::Result<HashMap<String, usize>> {
    let read =
        Command::new("pdftotext").arg(pdf).arg("-").output().await.context("pdftotext cannot be started")?;
    ensure!(read.status.success(), "pdftotext could not read {}", pdf.display());
    let mut words = HashMap::new();
    for word in String::from_utf8_lossy(&read.stdout).split(|letter: char| !letter.is_alphanumeric()) {
        if !word.is_empty() {
            *words.entry(word.to_lowercase()).or_default() += 1;
        }
    }
    Ok(words)
}

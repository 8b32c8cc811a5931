//! `mshub pdf`: merge, split and turn PDFs; each is a conversion like every other.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};

use super::convert::{self, ConvertArgs};
use crate::{error::CliError, global::Global};

/// What can be done with PDFs.
#[derive(Debug, Subcommand)]
#[command(after_help = "Forms, signatures and the like are not on a page: what of them is lost is said.

Examples:
  mshub pdf merge cover.pdf report.pdf -o all.pdf
  mshub pdf split report.pdf --pages 1-3 --pages 4-
  mshub pdf rotate scan.pdf --by 90 --pages 2,5-7 -o upright.pdf")]
pub enum PdfCommand {
    /// Make one PDF of several, in this order
    Merge {
        /// The PDFs
        #[arg(required = true, value_name = "FILE")]
        files: Vec<String>,
        /// Where the result goes; - for standard output
        #[arg(short, long, value_name = "FILE", default_value = "merged.pdf")]
        output: String,
        /// Go on without files that cannot be read
        #[arg(long)]
        skip_failed: bool,
        #[command(flatten)]
        how: How,
    },
    /// Make a PDF of each range of pages
    Split {
        /// The PDF; sent once for each range
        file: PathBuf,
        /// Pages in their new order, such as 1-3,7,12-; once for each result
        #[arg(short, long, required = true, value_name = "RANGES")]
        pages: Vec<String>,
        /// The folder for the results, which are called NAME-RANGES.pdf; made when it is missing
        #[arg(long, value_name = "DIR")]
        out_dir: Option<PathBuf>,
        #[command(flatten)]
        how: How,
    },
    /// Turn pages clockwise
    Rotate {
        /// The PDF
        file: PathBuf,
        /// How far
        #[arg(long, value_name = "DEGREES", value_parser = ["90", "180", "270"])]
        by: String,
        /// Which pages, such as 1-3,7,12-; all when not given
        #[arg(short, long, value_name = "RANGES")]
        pages: Option<String>,
        /// Where the result goes; - for standard output
        #[arg(short, long, value_name = "FILE")]
        output: String,
        #[command(flatten)]
        how: How,
    },
}

/// Options of all of them.
#[derive(Debug, Args)]
pub struct How {
    /// Replace results that are there already
    #[arg(long)]
    overwrite: bool,
    /// A file with the password of encrypted documents in its first line, - for standard input
    #[arg(long, value_name = "FILE")]
    password_file: Option<String>,
    /// Do it on this machine, without a hub
    #[cfg(feature = "local")]
    #[arg(long)]
    local: bool,
}

impl How {
    fn convert(&self, files: Vec<String>) -> ConvertArgs {
        ConvertArgs {
            overwrite: self.overwrite,
            password_file: self.password_file.clone(),
            #[cfg(feature = "local")]
            local: self.local,
            ..ConvertArgs::to_pdf(files)
        }
    }
}

/// Does it.
pub async fn run(command: PdfCommand, global: &Global) -> Result<(), CliError> {
    match command {
        PdfCommand::Merge { files, output, skip_failed, how } => {
            let args = ConvertArgs { merge: true, output: Some(output), skip_failed, ..how.convert(files) };
            convert::run(args, global).await
        }
        PdfCommand::Split { file, pages, out_dir, how } => {
            let folder = out_dir.unwrap_or_default();
            if !folder.as_os_str().is_empty() {
                std::fs::create_dir_all(&folder)
                    .map_err(CliError::io(format!("cannot make {}", folder.display())))?;
            }
            for pages in pages {
                let output = folder.join(part(&file, &pages)).display().to_string();
                let args = how.convert(vec![file.display().to_string()]);
                let args = ConvertArgs { pages: Some(pages), output: Some(output), ..args };
                convert::run(args, global).await?;
            }
            Ok(())
        }
        PdfCommand::Rotate { file, by, pages, output, how } => {
            let turn = pages.map_or_else(|| by.clone(), |pages| format!("{by}:{pages}"));
            let args = how.convert(vec![file.display().to_string()]);
            convert::run(ConvertArgs { rotate: Some(turn), output: Some(output), ..args }, global).await
        }
    }
}

/// What the pages of a file are called: `report.pdf` and `4-` become `report-4-end.pdf`.
fn part(file: &Path, pages: &str) -> String {
    let stem = file.file_stem().unwrap_or_default().to_string_lossy();
    let pages: String = pages.chars().filter(|letter| !letter.is_whitespace()).collect();
    let pages = match pages.strip_suffix('-') {
        Some(first) => format!("{first}-end"),
        None => pages,
    };
    let pages = pages
        .replace("-,", "-end,")
        .replace(|letter: char| !letter.is_ascii_alphanumeric() && letter != '-', "_");
    format!("{stem}-{pages}.pdf")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_called_after_its_pages() {
        let part = |pages| part(Path::new("in/report.pdf"), pages);

        assert_eq!((part("1-3"), part("4-")), ("report-1-3.pdf".into(), "report-4-end.pdf".into()));
        assert_eq!(part("2-, 1"), "report-2-end_1.pdf");
        assert_eq!(part("../x"), "report-___x.pdf");
    }
}

//! `mshub convert`: upload, watch, fetch; many files at once.

#[cfg(feature = "local")]
mod local;
mod outcome;
mod plan;
mod remote;
mod together;
#[cfg(feature = "local")]
mod together_here;

use clap::Args;
use futures_util::{StreamExt as _, stream};

use crate::{
    error::{CliError, Kind},
    global::Global,
    progress::Progress,
};

use outcome::Outcome;
use plan::Plan;
pub(super) use together::so_far;

/// Convert files, and put each result into this folder as NAME.FORMAT
#[derive(Debug, Args)]
#[command(
    after_help = "A result that is there already is never replaced without --overwrite, and is found before
anything is uploaded. A file of 8 MiB or more whose upload is cut off goes on where the hub has it,
also when the same command is given again within a day.

With --json one object a file, when it is done: file, job, state, output, bytes_in, bytes_out,
sha256, seconds, engine, degraded, and error where it failed. With --merge or --zip one more at
the end, for the whole, with batch, and with merged where the PDF is written beside the zip.

Examples:
  mshub convert report.docx --to pdf
  mshub convert *.docx --to pdf --out-dir out --skip-existing
  mshub convert - --from csv --to xlsx < data.csv > data.xlsx
  mshub convert a.docx b.xlsx --to pdf --merge -o all.pdf
  mshub convert *.docx --to pdf --zip out.zip --skip-failed
  mshub convert big.xlsx --to pdf --no-wait --json=job
  mshub convert https://example.org/report.docx --to pdf

Exit codes: 10 the conversion failed, 11 the hub does not accept the file, 9 some files failed,
8 not done within --timeout, 13 a file cannot be read or written, or exists already."
)]
pub struct ConvertArgs {
    /// The files; - for standard input, https://… for what the hub fetches, if it may
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<String>,
    /// The wanted format, such as pdf
    #[arg(short, long, value_name = "FORMAT", value_parser = plan::format_name)]
    pub to: String,
    /// What the files are, where their names do not tell
    #[arg(long, value_name = "FORMAT", value_parser = plan::format_name)]
    pub from: Option<String>,
    /// The name of what comes over standard input, or from a URL
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// Where the result of one file, or with --merge of all, goes, also beside --zip; - for standard output, the default for standard
    /// input unless --json needs it: then the result is stdin.FORMAT, or as --name says
    #[arg(short, long, value_name = "FILE", conflicts_with = "out_dir")]
    pub output: Option<String>,
    /// The folder for the results; made when it is missing
    #[arg(long, value_name = "DIR")]
    pub out_dir: Option<std::path::PathBuf>,
    /// Replace results that are there already
    #[arg(long, conflicts_with = "skip_existing")]
    pub overwrite: bool,
    /// Leave out files whose results are there already
    #[arg(long)]
    pub skip_existing: bool,
    /// Make one PDF of all results, in the order of the files; PDFs among them are taken as they are
    #[arg(long, conflicts_with = "skip_existing")]
    pub merge: bool,
    /// Put all results, with --merge the merged PDF as well, into this zip
    #[arg(long, value_name = "FILE", conflicts_with = "skip_existing")]
    pub zip: Option<String>,
    /// With --merge or --zip: go on without files that cannot be converted, and say so
    #[arg(long)]
    pub skip_failed: bool,
    /// The pages of a PDF to keep, such as 1-3,7,12-; from pdf to pdf only
    #[arg(long, value_name = "RANGES")]
    pub pages: Option<String>,
    /// Turn pages of a PDF, such as 90, or 270:1,3 for some of them; from pdf to pdf only
    #[arg(long, value_name = "DEGREES")]
    pub rotate: Option<String>,
    /// How many at once
    #[arg(short, long, value_name = "N", default_value = "4", value_parser = clap::value_parser!(u16).range(1..=64))]
    pub jobs: u16,
    /// Return as soon as the files are uploaded; fetch the results with `mshub job get`
    #[arg(long, conflicts_with_all = ["output", "out_dir"])]
    pub no_wait: bool,
    /// Fail rather than lose words of the document
    #[arg(long)]
    pub strict: bool,
    /// Convert even if the hub has the result of the same file, converted in the same way
    #[arg(long)]
    pub fresh: bool,
    /// Where the hub posts the end of each conversion, signed with `mshub job webhook-secret`
    #[arg(long, value_name = "URL")]
    pub webhook: Option<String>,
    /// The only engine that may do it, such as builtin or libreoffice; auto asks one after the other
    #[arg(long, value_name = "ENGINE", default_value = "auto")]
    pub engine: String,
    /// Ask the fastest engine first, or the one that keeps most of the look
    #[arg(long, value_name = "WHAT", default_value = "speed", value_parser = ["speed", "fidelity"])]
    pub prefer: String,
    /// Pages of a document that has none of its own, such as Markdown
    #[arg(long, value_name = "SIZE", default_value = "a4", value_parser = ["a4", "letter"])]
    pub paper: String,
    /// A file with the password of an encrypted document in its first line, - for standard input
    #[arg(long, value_name = "FILE")]
    pub password_file: Option<String>,
    /// Ask for the password of an encrypted document
    #[arg(long, conflicts_with = "password_file")]
    pub ask_password: bool,
    /// JPEG quality
    #[arg(long, value_name = "1-100", value_parser = clap::value_parser!(u8).range(1..=100))]
    pub quality: Option<u8>,
    /// Width of a picture in pixels
    #[arg(long, value_name = "PIXELS")]
    pub width: Option<u32>,
    /// Height of a picture in pixels
    #[arg(long, value_name = "PIXELS")]
    pub height: Option<u32>,
    /// The page of a PDF that becomes a picture, from 1; the first without it, and all of them with --to zip
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..))]
    pub page: Option<u32>,
    /// Pixels per inch of a page or drawing that becomes a picture, or of a picture on a page
    #[arg(long, value_name = "10-600", value_parser = clap::value_parser!(u32).range(10..=600))]
    pub dpi: Option<u32>,
    /// The sheet of a workbook
    #[arg(long, value_name = "NAME")]
    pub sheet: Option<String>,
    /// Convert on this machine, without a hub
    #[cfg(feature = "local")]
    #[arg(long, conflicts_with = "no_wait")]
    pub local: bool,
}

impl ConvertArgs {
    /// Whether all files become one.
    fn become_one(&self) -> bool {
        self.merge || self.zip.is_some()
    }

    /// Of PDFs, to PDFs; everything else as it is when nothing is said.
    pub(super) fn to_pdf(files: Vec<String>) -> Self {
        Self {
            files,
            to: "pdf".to_owned(),
            from: Some("pdf".to_owned()),
            name: None,
            output: None,
            out_dir: None,
            overwrite: false,
            skip_existing: false,
            merge: false,
            zip: None,
            skip_failed: false,
            pages: None,
            rotate: None,
            jobs: 4,
            no_wait: false,
            strict: false,
            fresh: false,
            webhook: None,
            engine: "auto".to_owned(),
            prefer: "speed".to_owned(),
            paper: "a4".to_owned(),
            password_file: None,
            ask_password: false,
            quality: None,
            width: None,
            height: None,
            page: None,
            dpi: None,
            sheet: None,
            #[cfg(feature = "local")]
            local: false,
        }
    }
}

/// Everything that the conversions of one command share.
struct Batch<'a> {
    global: &'a Global,
    args: &'a ConvertArgs,
    password: Option<String>,
    progress: Progress,
    /// Of this machine, made for the first file.
    #[cfg(feature = "local")]
    engines: std::sync::OnceLock<::convert::Engines>,
}

/// Converts all files, printing each as it is done.
pub async fn run(args: ConvertArgs, global: &Global) -> Result<(), CliError> {
    if args.merge && args.to != "pdf" {
        return Err(CliError::usage("only PDFs can be merged").hint("use --to pdf, or --zip FILE"));
    }
    if args.skip_failed && !args.become_one() {
        return Err(CliError::usage(
            "--skip-failed is for --merge and --zip; without them, every file is on its own",
        ));
    }
    if args.files.len() > 1 && args.output.is_some() && !args.merge {
        return Err(
            CliError::usage("-o names one result, but there are several files").hint("use --out-dir DIR")
        );
    }
    let file = args.password_file.as_deref();
    let password = if file.is_some() || args.ask_password {
        Some(global.prompt.secret(file, "Password of the document", "--password-file").await?)
    } else {
        None
    };
    let plans = plan::all(&args, global)?;
    let batch = Batch {
        global,
        args: &args,
        password,
        progress: Progress::new(&global.out),
        #[cfg(feature = "local")]
        engines: std::sync::OnceLock::new(),
    };
    if args.become_one() {
        #[cfg(feature = "local")]
        if args.local {
            return together_here::convert(&batch, plans).await;
        }
        return together::convert(&batch, plans).await;
    }

    let several = plans.len() > 1;
    let work = plans.into_iter().map(|plan| batch.one(plan));
    let mut running = stream::iter(work).buffer_unordered(usize::from(args.jobs));
    let mut outcomes = Vec::new();
    while let Some(outcome) = running.next().await {
        // The failure of the only file is told by the command itself.
        if several || outcome.error.is_none() || global.out.is_json() {
            batch.progress.aside(|| outcome.print(global))?;
        }
        outcomes.push(outcome);
    }
    verdict(&outcomes)
}

impl Batch<'_> {
    async fn one(&self, plan: Plan) -> Outcome {
        let mut outcome = Outcome::of(&plan);
        let done = match &plan.obstacle {
            Some(obstacle) => Err(obstacle.clone()),
            None if plan.skip => {
                outcome.skipped(&plan);
                Ok(())
            }
            None => self.convert(&plan, &mut outcome).await,
        };
        if let Err(error) = done {
            outcome.failed(error);
        }
        outcome
    }

    async fn convert(&self, plan: &Plan, outcome: &mut Outcome) -> Result<(), CliError> {
        #[cfg(feature = "local")]
        if self.args.local {
            return local::convert(self, plan, outcome).await;
        }
        remote::convert(self, plan, outcome).await
    }
}

/// The exit of the whole command: that of the one file, or a summary of many.
fn verdict(outcomes: &[Outcome]) -> Result<(), CliError> {
    let failed: Vec<&CliError> = outcomes.iter().filter_map(|outcome| outcome.error.as_ref()).collect();
    let Some(first) = failed.first() else { return Ok(()) };
    if let Some(closed) = failed.iter().find(|error| error.kind == Kind::Closed) {
        return Err((*closed).clone());
    }
    if outcomes.len() == 1 {
        return Err((*first).clone());
    }
    let message = format!("{} of {} files were not converted", failed.len(), outcomes.len());
    let kind = if failed.len() < outcomes.len() {
        Kind::Partial
    } else if failed.iter().all(|error| error.kind == first.kind) {
        first.kind
    } else {
        Kind::Failed
    };
    Err(CliError::new(kind, message)
        .hint("run the same command with --skip-existing to try only those again"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exit(errors: &[Option<Kind>]) -> u8 {
        let outcomes: Vec<Outcome> = errors
            .iter()
            .map(|kind| {
                let mut outcome = Outcome::default();
                if let Some(kind) = kind {
                    outcome.failed(CliError::new(*kind, "x"));
                }
                outcome
            })
            .collect();
        verdict(&outcomes).map_or_else(|error| error.kind.exit_code(), |()| 0)
    }

    #[test]
    fn the_exit_code_tells_one_some_and_all_apart() {
        assert_eq!(exit(&[None, None]), 0);
        assert_eq!(exit(&[Some(Kind::Failed)]), 10);
        assert_eq!(exit(&[Some(Kind::LocalIo)]), 13);
        assert_eq!(exit(&[None, Some(Kind::Rejected)]), 9);
        assert_eq!(exit(&[Some(Kind::Rejected), Some(Kind::Rejected)]), 11);
        assert_eq!(exit(&[Some(Kind::Failed), Some(Kind::Rejected)]), 10);
    }
}

//! `mshub man`: manual pages, generated from what the program itself goes by.

mod command;
mod errors;
mod keys;
#[cfg(feature = "up")]
mod metrics;
mod settings;

use std::{fs, path::PathBuf};

use clap::Args;
use clap_mangen::roff::{Roff, bold, roman};

use crate::{args, error::CliError, global::Global};

/// Print the manual page, or write all pages into a folder
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  mshub man | man -l -
  mshub man --out-dir man && man -l man/mshub.toml.5")]
pub struct ManArgs {
    /// Write a page for each command, the settings and the errors into this folder
    #[arg(long, value_name = "DIR")]
    pub out_dir: Option<PathBuf>,
}

/// One page: its name, its section, and its text.
struct Page {
    name: String,
    section: u8,
    text: String,
}

impl Page {
    /// A page with its head and its NAME section.
    fn new(name: impl Into<String>, section: u8, about: &str) -> Self {
        let (name, number) = (name.into(), section.to_string());
        let program = concat!("mshub ", env!("CARGO_PKG_VERSION"));
        let mut page = Self { name: name.clone(), section, text: Roff::new().render() };
        // Without a date, which would make the same page another one every day.
        page.add(|roff| {
            roff.control("TH", [name.as_str(), &number, "", program, "MicroServiceHub"]);
            roff.control("SH", ["NAME"]).text([roman(format!("{name} - {about}"))]);
        });
        page
    }

    /// More of the page.
    fn add(&mut self, write: impl FnOnce(&mut Roff)) -> &mut Self {
        let mut roff = Roff::new();
        write(&mut roff);
        self.add_rendered(&roff.render())
    }

    /// The same, from a generator. What every piece begins with stands at the top of the page already.
    fn add_rendered(&mut self, text: &str) -> &mut Self {
        self.text.push_str(&text.replace(&Roff::new().render(), ""));
        self
    }

    fn heading(&mut self, heading: &str) -> &mut Self {
        self.add(|roff| {
            roff.control("SH", [heading]);
        })
    }

    fn subheading(&mut self, heading: &str) -> &mut Self {
        self.add(|roff| {
            roff.control("SS", [heading]);
        })
    }

    /// Paragraphs, with an empty line between them.
    fn paragraphs(&mut self, text: &str) -> &mut Self {
        self.add(|roff| {
            for paragraph in text.trim().split("\n\n") {
                roff.control("PP", []).text([roman(paragraph.replace('\n', " "))]);
            }
        })
    }

    /// A word and what it means.
    fn item(&mut self, word: &str, meaning: &str) -> &mut Self {
        self.add(|roff| {
            roff.control("TP", []).text([bold(word)]).text([roman(meaning)]);
        })
    }

    /// Text as it stands.
    fn verbatim(&mut self, text: &str) -> &mut Self {
        self.add(|roff| {
            roff.control("RS", ["2"]).control("nf", []);
            for line in text.lines() {
                roff.text([roman(line)]);
            }
            roff.control("fi", []).control("RE", []);
        })
    }

    fn file(&self) -> String {
        format!("{}.{}", self.name, self.section)
    }

    /// The page in ASCII, so that it looks the same with every formatter.
    fn bytes(&self) -> Vec<u8> {
        let mut text = String::new();
        for next in self.text.chars() {
            match next {
                ascii if ascii.is_ascii() => text.push(ascii),
                '…' => text.push_str("..."),
                other => text.push_str(&format!("\\[u{:04X}]", u32::from(other))),
            }
        }
        text.into_bytes()
    }
}

/// Prints or writes them.
pub fn run(args: ManArgs, global: &Global) -> Result<(), CliError> {
    let tree = command::tree(args::tree());
    let Some(dir) = args.out_dir else {
        let main = command::page(&tree, "mshub");
        return global.out.bytes(&main.bytes());
    };
    let mut pages = command::pages(&tree, "mshub");
    pages.extend([settings::page(&tree), errors::page()]);
    #[cfg(feature = "up")]
    pages.push(metrics::page());
    fs::create_dir_all(&dir).map_err(CliError::io(format!("cannot make {}", dir.display())))?;
    for page in &pages {
        let path = dir.join(page.file());
        fs::write(&path, page.bytes()).map_err(CliError::io(format!("cannot write {}", path.display())))?;
    }
    global.out.note(format!("{} pages in {}", pages.len(), dir.display()))
}

/// The environment variables that a command's options stand for.
fn variables(page: &mut Page, command: &clap::Command) {
    for arg in command.get_arguments().filter(|arg| !arg.is_hide_set()) {
        let (Some(variable), Some(option)) = (arg.get_env(), arg.get_long()) else { continue };
        let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
        let values: Vec<_> = arg.get_default_values().iter().map(|value| value.to_string_lossy()).collect();
        let default = match values.join(",") {
            value if value.is_empty() || value == "false" => String::new(),
            value => format!(" [default: {value}]"),
        };
        page.item(&variable.to_string_lossy(), &format!("--{option}: {help}{default}"));
    }
}

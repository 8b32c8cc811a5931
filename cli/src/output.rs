//! The only place that prints. Results go to stdout; notes, questions and failures to stderr.
//!
//! With `--json` stdout holds JSON, one object a line, and stderr nothing but the one object of a failure. In all else
//! text of others loses what a terminal would obey: a pipe often ends at one. A reader that goes away is no failure.

use std::{
    ffi::OsString,
    fmt::Display,
    fs::File,
    io::{self, IsTerminal as _, Write},
    path::Path,
    process::ExitCode,
};

use anstyle::{AnsiColor, Style};
use comfy_table::{ColumnConstraint, ContentArrangement, Table, presets::NOTHING};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    args::{Color, GlobalArgs},
    error::{CliError, Kind},
    fields::{self, Fields},
    text::harmless,
};

const BAD: Style = AnsiColor::Red.on_default().bold();
const GOOD: Style = AnsiColor::Green.on_default().bold();
const ODD: Style = AnsiColor::Yellow.on_default().bold();
const ASIDE: Style = Style::new().dimmed();

/// How results look.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Form {
    Human,
    /// All fields, or only these.
    Json(Vec<String>),
}

/// The end of a file that results go to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// The device that the file is on.
    pub device: u64,
    /// Its number there.
    pub file: u64,
    /// Bytes in it.
    pub length: u64,
}

impl Place {
    /// Whether it is the same file, longer by exactly so many bytes.
    pub fn is_just_beyond(&self, before: &Self, bytes: u64) -> bool {
        (self.device, self.file) == (before.device, before.file) && self.length == before.length + bytes
    }
}

/// Where results and notes go.
#[derive(Clone, Debug)]
pub struct Output {
    form: Form,
    quiet: bool,
}

impl Output {
    pub(crate) fn new(args: &GlobalArgs) -> Self {
        let choice = match args.color {
            Color::Auto => anstream::ColorChoice::Auto,
            Color::Always => anstream::ColorChoice::Always,
            Color::Never => anstream::ColorChoice::Never,
        };
        choice.write_global();
        let form = match &args.json {
            None => Form::Human,
            Some(fields) => Form::Json(fields.iter().filter(|field| !field.is_empty()).cloned().collect()),
        };
        Self { form, quiet: args.quiet }
    }

    /// Whether results are JSON.
    pub fn is_json(&self) -> bool {
        self.form != Form::Human
    }

    /// Whether only ids and paths are wanted.
    pub fn is_quiet(&self) -> bool {
        self.quiet
    }

    /// Whether a person looks at stdout.
    pub fn is_terminal(&self) -> bool {
        io::stdout().is_terminal()
    }

    /// Whether moving pictures on stderr reach a person who wants them.
    pub fn shows_progress(&self) -> bool {
        !self.quiet && !self.is_json() && io::stderr().is_terminal()
    }

    /// Whether stdout takes colour: as `--color` says, otherwise a terminal without NO_COLOR.
    pub fn has_colour(&self) -> bool {
        anstream::stdout().current_choice() != anstream::ColorChoice::Never
    }

    /// One result: JSON, or with `--quiet` its `brief` form, or a text for people.
    pub fn result<T: Serialize>(
        &self,
        value: &T,
        brief: impl Display,
        human: impl FnOnce() -> String,
    ) -> Result<(), CliError> {
        if self.is_json() {
            self.json(value)
        } else if self.quiet {
            self.line(brief.to_string())
        } else {
            self.line(human())
        }
    }

    /// Rows of a list: JSON a line each, or their `brief` forms, or a table; into a pipe without a header and with
    /// tabs between the cells.
    pub fn list<T: Serialize>(
        &self,
        rows: &[T],
        header: &[&str],
        brief: impl Fn(&T) -> String,
        cells: impl Fn(&T) -> Vec<String>,
    ) -> Result<(), CliError> {
        if self.is_json() {
            return rows.iter().try_for_each(|row| self.json(row));
        }
        if self.quiet {
            return rows.iter().try_for_each(|row| self.line(brief(row)));
        }
        if !self.is_terminal() {
            let flat = |cell: String| cell.replace(['\t', '\n'], " ");
            return rows.iter().try_for_each(|row| {
                let line = cells(row).into_iter().map(flat).collect::<Vec<_>>().join("\t");
                self.line(line.trim_end_matches('\t'))
            });
        }
        if rows.is_empty() {
            return self.note("nothing here yet");
        }
        let clean = |row| cells(row).iter().map(|cell| harmless(cell).into_owned()).collect();
        table(header, rows.iter().map(clean).collect(), Table::new().width())
            .lines()
            .try_for_each(|line| self.line(line.trim_end()))
    }

    /// One object on a line of its own, with the fields that were asked for. Flushed: somebody may be following.
    pub fn json<T: Serialize>(&self, value: &T) -> Result<(), CliError> {
        let mut text = self.json_text(value)?;
        // In one piece with its line break: what reads along never sees half a line.
        text.push('\n');
        self.bytes(text.as_bytes())
    }

    /// Refuses fields that no result of this shape has, before anything is done that the refusal would not undo.
    pub fn expect<T: Serialize>(&self, shape: &T) -> Result<(), CliError> {
        match &self.form {
            Form::Json(wanted) => known(wanted, &fields::of(shape), ""),
            _ => Ok(()),
        }
    }

    /// The object as a text, without the line break.
    pub fn json_text<T: Serialize>(&self, value: &T) -> Result<String, CliError> {
        let text = match &self.form {
            Form::Json(wanted) if !wanted.is_empty() => {
                known(wanted, &fields::of(value), "; what the command has done until here stays done")?;
                project(value, wanted)
            }
            _ => serde_json::to_string(value),
        };
        text.map_err(|why| CliError::new(Kind::Other, format!("cannot print the result: {why}")))
    }

    /// Where stdout stands, when it goes to a file; what was printed before counts.
    #[cfg(unix)]
    pub fn place(&self) -> Option<Place> {
        use std::os::{fd::AsFd as _, unix::fs::MetadataExt as _};
        let about = File::from(io::stdout().as_fd().try_clone_to_owned().ok()?).metadata().ok()?;
        let (device, file, length) = (about.dev(), about.ino(), about.len());
        about.is_file().then_some(Place { device, file, length })
    }

    /// Where stdout stands, when it goes to a file: not known here.
    #[cfg(not(unix))]
    pub fn place(&self) -> Option<Place> {
        None
    }

    /// A line of a result for people.
    pub fn line(&self, text: impl AsRef<str>) -> Result<(), CliError> {
        let text = harmless(text.as_ref());
        let mut out = anstream::stdout().lock();
        written(writeln!(out, "{text}").and_then(|()| out.flush()))
    }

    /// A line of a result that begins with a mark: something was done, or was not.
    pub fn mark(&self, good: bool, text: impl AsRef<str>) -> Result<(), CliError> {
        let text = harmless(text.as_ref());
        let (style, mark) = if good { (GOOD, '✓') } else { (BAD, '✗') };
        let mut out = anstream::stdout().lock();
        written(writeln!(out, "{style}{mark}{style:#} {text}").and_then(|()| out.flush()))
    }

    /// Bytes as they are.
    pub fn bytes(&self, bytes: &[u8]) -> Result<(), CliError> {
        let mut out = io::stdout().lock();
        written(out.write_all(bytes).and_then(|()| out.flush()))
    }

    /// A whole file as it is.
    pub fn copy(&self, path: &Path) -> Result<(), CliError> {
        let mut file = File::open(path).map_err(CliError::io("cannot read the result"))?;
        let mut out = io::stdout().lock();
        written(io::copy(&mut file, &mut out).and_then(|_| out.flush()))
    }

    /// A word to the person that is not the result.
    pub fn note(&self, text: impl AsRef<str>) -> Result<(), CliError> {
        if self.quiet || self.is_json() {
            return Ok(());
        }
        let text = harmless(text.as_ref());
        written(writeln!(anstream::stderr(), "{ASIDE}{text}{ASIDE:#}"))
    }

    /// Something the person should know although it is no failure.
    pub fn warn(&self, text: impl AsRef<str>) -> Result<(), CliError> {
        if self.is_json() {
            return Ok(());
        }
        let text = harmless(text.as_ref());
        written(writeln!(anstream::stderr(), "{ODD}warning:{ODD:#} {text}"))
    }

    /// A question, with the answer to be typed behind it.
    pub fn ask(&self, question: &str) -> Result<(), CliError> {
        let mut out = anstream::stderr();
        written(write!(out, "{} ", harmless(question)).and_then(|()| out.flush()))
    }

    /// What went wrong: with `--json` one object on a line, otherwise a sentence and what to do next.
    pub fn error(&self, error: &CliError) {
        if error.kind == Kind::Closed {
            return;
        }
        // When stderr is gone as well, the exit code has to say it all.
        let _ = if self.is_json() { told_as_json(error) } else { told(error) };
    }

    /// What clap has to say: help and version on stdout, a wrong command line on stderr.
    pub(crate) fn usage(said: &clap::Error, line: &[OsString]) -> ExitCode {
        let wants_json = line.iter().any(|word| {
            let word = word.to_string_lossy();
            word == "--json" || word.starts_with("--json=")
        });
        if said.use_stderr() && wants_json {
            let _ = told_as_json(&misread(&said.render().to_string()));
        } else {
            let _ = said.print();
        }
        ExitCode::from(if said.use_stderr() { Kind::Usage.exit_code() } else { 0 })
    }
}

/// What clap says of a wrong command line: a paragraph, perhaps a tip, and the usage.
fn misread(said: &str) -> CliError {
    let paragraph: Vec<&str> = said.lines().map(str::trim).take_while(|line| !line.is_empty()).collect();
    let message = paragraph.join(" ");
    let tip = said.lines().find_map(|line| line.trim().strip_prefix("tip: ")).unwrap_or("see `mshub --help`");
    CliError::usage(message.trim_start_matches("error: ")).hint(tip)
}

/// Columns that fit the terminal, but for ids: half an id is none.
fn table(header: &[&str], rows: Vec<Vec<String>>, columns: Option<u16>) -> Table {
    let mut table = Table::new();
    table.load_style(NOTHING).set_header(header);
    // A terminal of no width does not know its width.
    if let Some(columns) = columns.filter(|columns| *columns > 0) {
        table.set_content_arrangement(ContentArrangement::Dynamic).set_width(columns);
    }
    table.add_rows(rows);
    for (at, _) in header.iter().enumerate().filter(|(_, name)| **name == "ID") {
        if let Some(column) = table.column_mut(at) {
            column.set_constraint(ColumnConstraint::ContentWidth);
        }
    }
    table
}

fn told_as_json(error: &CliError) -> io::Result<()> {
    let text = serde_json::to_string(&error.report())?;
    writeln!(io::stderr(), "{text}")
}

fn told(error: &CliError) -> io::Result<()> {
    let mut out = anstream::stderr().lock();
    let code = error.problem.as_ref().map(|problem| format!("  [{}]", problem.code)).unwrap_or_default();
    writeln!(out, "{BAD}error:{BAD:#} {}{ASIDE}{code}{ASIDE:#}", harmless(&error.message))?;
    if let Some(problem) = &error.problem {
        for field in &problem.errors {
            writeln!(
                out,
                "  {}: {}",
                harmless(field.pointer.trim_start_matches('/')),
                harmless(&field.detail)
            )?;
        }
        if let Some(request) = problem.request_id.as_ref().filter(|_| problem.status >= 500) {
            writeln!(out, "  request {} (give this to whoever runs the hub)", harmless(request))?;
        }
    }
    if let Some(hint) = &error.hint {
        writeln!(out, "{GOOD}hint:{GOOD:#} {}", harmless(hint))?;
    }
    Ok(())
}

/// A reader that went away ends the command without a failure.
fn written(result: io::Result<()>) -> Result<(), CliError> {
    result.map_err(|why| match why.kind() {
        io::ErrorKind::BrokenPipe => CliError::new(Kind::Closed, ""),
        _ => CliError::io("cannot write the output")(why),
    })
}

/// Refuses a field that no result like this one ever has, and names those that it can have.
fn known(wanted: &[String], fields: &Fields, besides: &str) -> Result<(), CliError> {
    for field in wanted {
        if let Some(instead) = fields.instead_of(field) {
            return Err(CliError::usage(format!("--json={field}: the result has no such field"))
                .hint(format!("it can have {}{besides}", instead.join(", "))));
        }
    }
    Ok(())
}

/// The fields that were asked for, in that order; `a.b` reaches into objects, what is absent is null.
fn project<T: Serialize>(value: &T, fields: &[String]) -> serde_json::Result<String> {
    let whole = serde_json::to_value(value)?;
    let mut text = String::from("{");
    for (index, field) in fields.iter().enumerate() {
        let part = field.split('.').try_fold(&whole, |at, name| at.get(name)).unwrap_or(&Value::Null);
        if index > 0 {
            text.push(',');
        }
        text.push_str(&serde_json::to_string(field)?);
        text.push(':');
        text.push_str(&serde_json::to_string(part)?);
    }
    text.push('}');
    Ok(text)
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;
    use serde_json::json;

    use super::*;
    use crate::args::Cli;

    #[test]
    fn a_wrong_command_line_is_told_in_one_sentence_and_a_tip() {
        let misread = |line: &[&str]| misread(&Cli::try_parse_from(line).unwrap_err().render().to_string());

        let missing = misread(&["mshub", "convert", "a.docx"]);
        let unknown = misread(&["mshub", "chta"]);

        assert_eq!(missing.message, "the following required arguments were not provided: --to <FORMAT>");
        assert_eq!(unknown.hint.unwrap(), "a similar subcommand exists: 'chat'");
    }

    #[test]
    fn an_id_stays_whole_in_a_narrow_terminal_and_nothing_is_squeezed_into_none() {
        let id = "01932c07-2d0f-7cc3-9a5b-5f0f6a6ab1d2";
        let row = || vec![vec!["a long sentence about this and that".to_owned(), id.to_owned()]];

        let narrow = table(&["WHAT", "ID"], row(), Some(60));
        assert!(narrow.to_string().contains(id) && narrow.lines().count() > 2, "{narrow}");
        assert_eq!(table(&["WHAT", "ID"], row(), Some(0)).lines().count(), 2);
    }

    #[test]
    fn a_projection_keeps_the_order_that_was_asked_for() {
        let value = json!({"id": 1, "name": "x", "user": {"email": "a@b"}});
        let fields = ["name", "user.email", "none"].map(str::to_owned);

        assert_eq!(project(&value, &fields).unwrap(), r#"{"name":"x","user.email":"a@b","none":null}"#);
    }
}

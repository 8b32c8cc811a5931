//! What is to be said: the words of the command line, a file, or standard input.

use std::io::{self, IsTerminal as _};

use wire::{Code, Problem, rooms::LONGEST};

use crate::{
    error::{CliError, Kind},
    files,
};

/// More than is read of anything: what is longer than [`LONGEST`] is refused with its size.
const MOST: u64 = 256 * 1024;

/// Several words with a space between them; a lone `-`, or none at all where nobody types, is standard input.
pub(super) async fn said(words: &[String]) -> Result<String, CliError> {
    match words {
        [] if io::stdin().is_terminal() => {
            Err(CliError::usage("TEXT is required: what to say, or - to read it from standard input"))
        }
        [] => text_of("-").await,
        [text] if text == "-" => text_of("-").await,
        words => fitting(words.join(" ")),
    }
}

/// What a file says, `-` being standard input, without its last line break.
pub(super) async fn text_of(file: &str) -> Result<String, CliError> {
    let bytes = files::read(file, MOST).await?;
    let name = if file == "-" { "standard input" } else { file };
    let text = String::from_utf8(bytes)
        .map_err(|_| CliError::new(Kind::Rejected, format!("{name} is not text in UTF-8")))?;
    fitting(without_end(&text).to_owned())
}

/// Refuses what no hub takes, before it is kept anywhere.
pub(super) fn fitting(text: String) -> Result<String, CliError> {
    if text.len() <= LONGEST {
        return Ok(text);
    }
    let what = format!("a message is at most {LONGEST} bytes, this one is {}", text.len());
    let hint = "send it as a file: mshub chat send ROOM --attach FILE";
    Err(CliError::from(Problem::new(Code::TooLarge, what).hint(hint)))
}

fn without_end(text: &str) -> &str {
    text.strip_suffix('\n').map(|text| text.strip_suffix('\r').unwrap_or(text)).unwrap_or(text)
}

//! A file that another program made of the document: read back by our own readers, and not taken at its word.

use std::fs;
use std::panic::catch_unwind;
use std::path::Path;

use crate::builtin::{Output, undrawable, values_of_table, words_of_file};
use crate::verify::Words;
use crate::{Error, Format, Request};

/// What the file at `made` is worth. `draws_here` says that its maker used the fonts of this machine.
///
/// # Errors
/// `Io` when the file cannot be read. What cannot be checked is said as lost, never passed over.
pub(crate) fn output(req: &Request, made: &Path, draws_here: bool) -> Result<Output, Error> {
    let mut output = Output { bytes: fs::read(made)?, ..Output::default() };
    source(req, &mut output);
    match req.to {
        Format::Pdf => pdf(&mut output),
        to if is_table(req.from) && is_table(to) => result(values_of_table(made, to), to, &mut output),
        to => result(words_of_file(made, to), to, &mut output),
    }
    if req.to == Format::Pdf && draws_here {
        let letters = output.source.as_ref().map(Words::letters).unwrap_or_default();
        output.lost.extend(undrawable(letters));
    }
    let blank = output.result.as_ref().is_some_and(|words| words.total() == 0);
    if output.source.is_none() && blank {
        output.lost.push("no word is in the result, and those of the source cannot be counted here".into());
    }
    Ok(output)
}

fn is_table(format: Format) -> bool {
    use Format::{Csv, Ods, Tsv, Xls, Xlsb, Xlsm, Xlsx};
    matches!(format, Xlsx | Xlsm | Xlsb | Xls | Ods | Csv | Tsv)
}

fn source(req: &Request, output: &mut Output) {
    let read = match is_table(req.from) && is_table(req.to) {
        true => values_of_table(&req.input, req.from),
        false => words_of_file(&req.input, req.from),
    };
    match read {
        Ok(Some(words)) => output.source = Some(words),
        // What no reader of ours takes is not damaged.
        Ok(None) | Err(Error::Unsupported { .. }) => output.warnings.push(format!(
            "the words of a {} file cannot be counted here: the result was checked without them",
            req.from
        )),
        Err(error) => output.lost.push(format!("{error}; what was repaired of it may not be all of it")),
    }
}

fn result(read: Result<Option<Words>, Error>, to: Format, output: &mut Output) {
    match read {
        Ok(Some(words)) => output.result = Some(words),
        Ok(None) => output.warnings.push(format!("the words of a {to} file cannot be counted here")),
        Err(error) => output.lost.push(format!("the result could not be read back ({error})")),
    }
}

fn pdf(output: &mut Output) {
    // The reader is known to give up on rare fonts by a panic.
    let read = catch_unwind(|| pdf_extract::extract_text_from_mem_by_pages(&output.bytes));
    match read {
        Ok(Ok(pages)) => {
            output.pages = u32::try_from(pages.len()).ok();
            output.result = Some(Words::of(&pages.join("\n")));
        }
        Ok(Err(error)) => {
            output.lost.push(format!("the words of the result could not be read back ({error})"))
        }
        Err(_) => output.lost.push("the words of the result could not be read back".to_owned()),
    }
}

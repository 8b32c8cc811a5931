//! Pages of PDFs: several documents become one, some pages are taken out, and pages are turned.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use lopdf::{Document, LoadOptions, Object, ObjectId};
use pdf_extract::{PlainTextOutput, output_doc_page};

use crate::limits::{PDF_PAGES, fit_one_pdf};
use crate::verify::Words;
use crate::{Error, Request};

use super::page_binder::Binder;
use super::{Output, Ticker, page_losses};

/// Merges what the request names, takes the pages that it wants, turns those that it wants turned.
pub(super) fn to_pdf(req: &Request, ticker: &mut Ticker<'_>) -> Result<Output, Error> {
    let mut output = Output::default();
    let mut words = Some(Words::default());
    let mut document = if req.more.is_empty() && req.options.pages.is_none() {
        whole(req, ticker, &mut output, &mut words)?
    } else {
        bound(req, ticker, &mut output, &mut words)?
    };
    turn(req, &mut document)?;
    if untouched(req, &document) {
        output.bytes = fs::read(&req.input)?;
    } else {
        document.save_to(&mut output.bytes)?;
    }
    drop(document);

    let made = Document::load_mem(&output.bytes).map_err(unreadable)?;
    output.pages = Some(count(&made)?);
    let mut read_back = Some(Words::default());
    let numbers: Vec<u32> = (1..=output.pages.unwrap_or_default()).collect();
    read(&made, &numbers, &mut read_back, &mut |_| ());
    if words.is_none() || read_back.is_none() {
        output.warnings.push("words of some pages cannot be read here: those pages were only counted".into());
    } else {
        (output.source, output.result) = (words, read_back);
    }
    Ok(output)
}

/// Whether the result is the file as it came, to the last bit.
fn untouched(req: &Request, document: &Document) -> bool {
    req.more.is_empty()
        && req.options.pages.is_none()
        && req.options.rotate.is_none()
        && !document.was_encrypted()
}

/// The one document with all that it has.
fn whole(
    req: &Request,
    ticker: &mut Ticker<'_>,
    output: &mut Output,
    words: &mut Option<Words>,
) -> Result<Document, Error> {
    let document = open(&req.input, req, &mut 0)?;
    let total = count(&document)?;
    let numbers: Vec<u32> = (1..=total).collect();
    read(&document, &numbers, words, &mut |done| ticker.counted(done, total.into(), "pages"));
    if document.was_encrypted() {
        output.warnings.push("the result is not protected by a password any more".into());
    }
    if req.options.rotate.is_some() && page_losses::is_signed(&document) {
        output.lost.push("its signatures are not valid any more".into());
    }
    Ok(document)
}

/// A new document of the pages that are wanted.
fn bound(
    req: &Request,
    ticker: &mut Ticker<'_>,
    output: &mut Output,
    words: &mut Option<Words>,
) -> Result<Document, Error> {
    let inputs: Vec<&Path> = req.inputs().collect();
    let (mut binder, mut bytes, mut pages) = (Binder::new(), 0, 0);
    for (nth, input) in inputs.iter().enumerate() {
        let which = (inputs.len() > 1).then(|| format!("document {} of {}", nth + 1, inputs.len()));
        let document = open(input, req, &mut bytes).map_err(|error| of_document(error, which.as_deref()))?;
        let total = count(&document).map_err(|error| of_document(error, which.as_deref()))?;
        let numbers = match &req.options.pages {
            Some(wanted) => wanted.of(total)?,
            None => (1..=total).collect(),
        };
        pages += numbers.len();
        if pages > PDF_PAGES {
            return Err(Error::limit(format!("{pages} pages, allowed are {PDF_PAGES}")));
        }
        // Several documents are counted, and the pages of the one.
        let (total, one) = (numbers.len() as u64, inputs.len() == 1);
        read(&document, &numbers, words, &mut |done| {
            if one {
                ticker.counted(done, total, "pages");
            }
        });
        let whole = req.options.pages.is_none();
        note(&document, whole, which.as_deref(), output);
        let every: Vec<ObjectId> = document.page_iter().collect();
        let wanted: Vec<ObjectId> =
            numbers.iter().filter_map(|number| every.get(*number as usize - 1).copied()).collect();
        binder.add(document, &wanted, whole)?;
        if !one {
            ticker.counted(nth as u64 + 1, inputs.len() as u64, "documents");
        }
    }
    Ok(binder.finish())
}

/// Says what does not come along.
fn note(document: &Document, whole: bool, which: Option<&str>, output: &mut Output) {
    let losses = page_losses::of(document, whole);
    if !losses.is_empty() {
        let whose = which.map(|which| format!("{which} has ")).unwrap_or_default();
        output.lost.push(format!("{whose}{}, which did not come along", losses.join(", ")));
    }
    if document.was_encrypted() {
        let whose = which.unwrap_or("the document");
        output.warnings.push(format!("{whose} was protected by a password, and the result is not"));
    }
}

/// Turns the pages that are to be turned, on top of how they were turned before.
fn turn(req: &Request, document: &mut Document) -> Result<(), Error> {
    let Some(turn) = &req.options.rotate else { return Ok(()) };
    let every: Vec<ObjectId> = document.page_iter().collect();
    let numbers = turn.of(u32::try_from(every.len()).unwrap_or(u32::MAX))?;
    for number in numbers {
        let id = every[number as usize - 1];
        let before = turned(document, id);
        let page = document.get_dictionary_mut(id).map_err(Error::corrupt)?;
        page.set("Rotate", (before + turn.degrees()).rem_euclid(360));
    }
    Ok(())
}

/// By how many degrees a page, or what it is part of, is turned.
fn turned(document: &Document, page: ObjectId) -> i64 {
    let mut node = document.get_dictionary(page).ok();
    // A document may go round in circles.
    for _ in 0..256 {
        let Some(found) = node else { break };
        if let Ok(degrees) = found.get_deref(b"Rotate", document).and_then(Object::as_i64) {
            return degrees;
        }
        let parent = found.get(b"Parent").and_then(Object::as_reference);
        node = parent.ok().and_then(|parent| document.get_dictionary(parent).ok());
    }
    0
}

/// Reads a document; `bytes` counts those of all documents of a request.
fn open(path: &Path, req: &Request, bytes: &mut u64) -> Result<Document, Error> {
    *bytes += fs::metadata(path)?.len();
    fit_one_pdf(*bytes)?;
    let password = req.options.password.clone();
    let options = LoadOptions { password: password.clone(), ..LoadOptions::default() };
    let document = Document::load_mem_with_options(&fs::read(path)?, options).map_err(unreadable)?;
    if document.trailer.has(b"Encrypt") && !document.was_encrypted() {
        return Err(if password.is_some() { Error::WrongPassword } else { Error::Encrypted });
    }
    Ok(document)
}

/// How many pages a document has: never none.
fn count(document: &Document) -> Result<u32, Error> {
    match document.page_iter().count() {
        0 => Err(Error::corrupt("the PDF has no pages")),
        pages if pages > PDF_PAGES => Err(Error::limit(format!("{pages} pages, allowed are {PDF_PAGES}"))),
        pages => Ok(u32::try_from(pages).unwrap_or(u32::MAX)),
    }
}

fn unreadable(error: lopdf::Error) -> Error {
    match error {
        lopdf::Error::InvalidPassword => Error::WrongPassword,
        error => Error::corrupt(format!("the PDF cannot be read ({error})")),
    }
}

/// The same error, saying of which document.
fn of_document(error: Error, which: Option<&str>) -> Error {
    match (error, which) {
        (Error::Corrupt { detail }, Some(which)) => Error::Corrupt { detail: format!("{which}: {detail}") },
        (error, _) => error,
    }
}

/// Adds the words of these pages; there are none to compare once some cannot be read.
fn read(document: &Document, numbers: &[u32], words: &mut Option<Words>, tell: &mut dyn FnMut(u64)) {
    for (nth, number) in numbers.iter().enumerate() {
        if let Some(so_far) = words {
            match text(document, *number) {
                Some(text) => so_far.add(&text),
                None => *words = None,
            }
        }
        tell(nth as u64 + 1);
    }
}

/// The text of a page. The reader is known to give up on rare fonts by a panic.
fn text(document: &Document, number: u32) -> Option<String> {
    let read = catch_unwind(AssertUnwindSafe(|| {
        let mut text = String::new();
        let mut sink = PlainTextOutput::new(&mut text);
        output_doc_page(document, &mut sink, number).ok()?;
        Some(text)
    }));
    read.ok().flatten()
}

//! The builtin engine: Rust libraries and our own page renderers, always there, no network, no programs.

mod beside_values;
mod canvas;
mod chapter;
mod data;
mod dates;
mod epub;
mod fonts;
mod html_hidden;
mod html_text;
mod images;
mod json_table;
mod macros;
mod margins;
mod markdown;
mod number_format;
mod open_sheets;
mod page_binder;
mod page_losses;
mod page_places;
mod pages;
mod parts;
mod pdf_brush;
mod pdf_paint;
mod pdf_pictures;
mod pdf_text;
mod plain_text;
mod print_areas;
mod raw_xlsx;
mod rtf;
mod sheet_geometry;
mod sheet_layout;
mod sheet_look;
mod sheet_parts;
mod sheet_pictures;
mod sheets;
mod slides;
mod source_words;
mod svg;
mod svg_page;
mod svg_text;
mod text_documents;
mod text_file;
mod undrawn;
mod unlocked;
mod word_rewriter;
mod workbook;

pub(crate) use fonts::{FOLDERS as FONT_FOLDERS, undrawable};
pub(crate) use source_words::{of_file as words_of_file, of_table as values_of_table};

use crate::Format::*;
use crate::verify::Words;
use crate::{Error, Progress, Request, Stage};

/// What a run made, before anyone looked whether it is good enough.
#[derive(Debug, Default)]
pub(crate) struct Output {
    pub(crate) bytes: Vec<u8>,
    pub(crate) pages: Option<u32>,
    /// Words of the source, where it has words.
    pub(crate) source: Option<Words>,
    /// Words that reached the result.
    pub(crate) result: Option<Words>,
    /// Share of the signs that are drawn as empty boxes, where we drew them.
    pub(crate) missing_glyphs: Option<f64>,
    /// What the engine knows to be missing.
    pub(crate) lost: Vec<String>,
    /// What it knows to look different.
    pub(crate) warnings: Vec<String>,
}

/// Sends how far a run is, at most once per percent.
pub(crate) struct Ticker<'a> {
    progress: &'a mut dyn FnMut(Progress),
    last: Option<u8>,
}

impl<'a> Ticker<'a> {
    pub(crate) fn new(progress: &'a mut dyn FnMut(Progress)) -> Ticker<'a> {
        Ticker { progress, last: None }
    }

    pub(crate) fn converting(&mut self) {
        (self.progress)(Progress::began(Stage::Converting));
    }

    pub(crate) fn counted(&mut self, done: u64, total: u64, unit: &str) {
        let next = Progress::counted(Stage::Converting, done, total, unit);
        if next.percent != self.last {
            self.last = next.percent;
            (self.progress)(next);
        }
    }
}

/// Runs the pair of formats that the matrix lists for this engine.
pub(crate) fn run(req: &Request, progress: &mut dyn FnMut(Progress)) -> Result<Output, Error> {
    let mut ticker = Ticker::new(progress);
    match (req.from, req.to) {
        (Md, Html) => markdown::to_html(req),
        (Txt, Pdf) => plain_text::to_pdf(req, &mut ticker),
        (Pdf, Txt) => pdf_text::to_text(req),
        (Pdf, Pdf) => pages::to_pdf(req, &mut ticker),
        (from, to) if from == to => as_it_is(req),
        (Pdf, Zip) => pdf_pictures::to_zip(req, &mut ticker),
        (Pdf, _) => pdf_pictures::to_image(req, &mut ticker),
        (Epub, Html) => epub::to_html(req),
        (Epub, Txt) => epub::to_text(req),
        (Pptx, Html | Md | Txt) => slides::read(req),
        (Pptx, _) => slides::draw(req, &mut ticker),
        (Svg, Pdf) => svg_page::to_pdf(req, &mut ticker),
        (Svg, _) => svg::to_image(req, &mut ticker),
        (Docx | Docm | Odt | Rtf | Html | Md | Txt | Epub, _) => text_documents::convert(req, &mut ticker),
        (Xlsx | Xlsm | Xlsb | Xls | Ods | Csv | Tsv, Pdf) => sheets::to_pdf(req, &mut ticker),
        (Xlsx | Xlsm | Xlsb | Xls | Ods | Csv | Tsv | Json, _) => data::convert(req, &mut ticker),
        (Png | Jpg | Webp | Gif | Bmp | Tiff, Pdf) => images::to_pdf(req),
        (Png | Jpg | Webp | Gif | Bmp | Tiff, _) => images::to_image(req, &mut ticker),
        (from, to) => Err(Error::Unsupported {
            from: from.to_string(),
            to: to.to_string(),
            hint: "the matrix lists this pair but the builtin engine does not know it; please report that"
                .into(),
        }),
    }
}

/// The file itself, for whoever wants many files in one format and has one in it already.
fn as_it_is(req: &Request) -> Result<Output, Error> {
    Ok(Output { bytes: std::fs::read(&req.input)?, ..Output::default() })
}

//! Pages of a PDF as pictures: one of them, or all of them in a zip.

use std::fs;
use std::io::{Cursor, Write};
use std::sync::{Arc, Mutex};

use hayro_interpret::hayro_syntax::page::Page;
use hayro_interpret::hayro_syntax::{DecryptionError, LoadPdfError, Pdf};
use hayro_interpret::kurbo::{Affine, Rect};
use hayro_interpret::{
    Context, InterpreterCache, InterpreterSettings, InterpreterWarning, TransformExt as _, interpret_page,
};
use image::DynamicImage;
use resvg::tiny_skia::Color;
use zip::write::SimpleFileOptions;

use crate::limits::MIB;
use crate::{Error, Format, Options, Request};

use super::pdf_brush::Brush;
use super::{Output, Ticker, images, svg};

/// Pixels per inch when none are asked for: text is well read, and a page of A4 is 1240 × 1754 pixels.
const DPI: u32 = 150;
/// Pixels of one page.
const PIXELS: f64 = 50_000_000.0;
/// Pages of one zip. Each takes a tenth of a second.
const PAGES: usize = 500;
/// Bytes of one zip.
const ZIP: usize = 400 * MIB as usize;

/// Paints one page, the first if nobody says which.
pub(super) fn to_image(req: &Request, ticker: &mut Ticker<'_>) -> Result<Output, Error> {
    image_of(fs::read(&req.input)?, req, ticker)
}

/// The same for pages that are in memory only.
pub(super) fn image_of(pdf: Vec<u8>, req: &Request, ticker: &mut Ticker<'_>) -> Result<Output, Error> {
    let pdf = open(pdf, req)?;
    let pages = pdf.pages();
    let wanted = req.options.page.unwrap_or(1);
    let page = (wanted as usize).checked_sub(1).and_then(|at| pages.get(at)).ok_or_else(|| {
        let hint = format!("the document has {} pages; choose one of them with `page`", pages.len());
        Error::Unsupported { from: format!("page {wanted} of a pdf"), to: req.to.to_string(), hint }
    })?;
    ticker.converting();
    let mut painter = Painter::default();
    let picture = painter.page(page, &InterpreterCache::new(), &req.options)?;
    let mut output = Output {
        bytes: images::encode(&picture, req.to, req.options.quality)?,
        lost: painter.lost(),
        ..Output::default()
    };
    if pages.len() > 1 && req.options.page.is_none() {
        output.warnings.push(format!(
            "this is the first of {} pages; choose another with `page`, or convert to zip for all of them",
            pages.len()
        ));
    }
    Ok(output)
}

/// Paints all pages as `page-001.png` and so on.
pub(super) fn to_zip(req: &Request, ticker: &mut Ticker<'_>) -> Result<Output, Error> {
    zip_of(fs::read(&req.input)?, req, ticker)
}

/// The same for pages that are in memory only.
pub(super) fn zip_of(pdf: Vec<u8>, req: &Request, ticker: &mut Ticker<'_>) -> Result<Output, Error> {
    let pdf = open(pdf, req)?;
    let pages = pdf.pages();
    if pages.len() > PAGES {
        return Err(Error::limit(format!("{} pages, allowed are {PAGES} as pictures", pages.len())));
    }
    let failed = |error: zip::result::ZipError| Error::Io { detail: error.to_string() };
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    // A PNG is packed already.
    let stored = SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    let (mut painter, cache, mut size) = (Painter::default(), InterpreterCache::new(), 0);
    for (at, page) in pages.iter().enumerate() {
        let picture = painter.page(page, &cache, &req.options)?;
        let bytes = images::encode(&picture, Format::Png, None)?;
        size += bytes.len();
        if size > ZIP {
            return Err(Error::limit(format!(
                "its pictures need more than {} MiB; ask for a smaller `width`",
                ZIP as u64 / MIB
            )));
        }
        zip.start_file(format!("page-{:03}.png", at + 1), stored).map_err(failed)?;
        zip.write_all(&bytes)?;
        ticker.counted(at as u64 + 1, pages.len() as u64, "pages");
    }
    Ok(Output {
        bytes: zip.finish().map_err(failed)?.into_inner(),
        pages: u32::try_from(pages.len()).ok(),
        lost: painter.lost(),
        ..Output::default()
    })
}

fn open(pdf: Vec<u8>, req: &Request) -> Result<Pdf, Error> {
    let password = req.options.password.as_deref();
    let pdf = Pdf::new_with_password(pdf, password.unwrap_or_default());
    let pdf = pdf.map_err(|error| match error {
        LoadPdfError::Decryption(DecryptionError::PasswordProtected) if password.is_some() => {
            Error::WrongPassword
        }
        LoadPdfError::Decryption(DecryptionError::PasswordProtected) => Error::Encrypted,
        LoadPdfError::Decryption(error) => Error::Unsupported {
            from: format!("a pdf in a kind of encryption that nobody reads ({error:?})"),
            to: "anything".into(),
            hint: "save it without a password and convert that".into(),
        },
        LoadPdfError::Invalid => Error::corrupt("the PDF cannot be read"),
    })?;
    if pdf.pages().is_empty() {
        return Err(Error::corrupt("the PDF has no pages"));
    }
    Ok(pdf)
}

/// Paints pages, and remembers what it could not.
#[derive(Default)]
struct Painter {
    troubles: Arc<Mutex<Troubles>>,
}

#[derive(Default)]
struct Troubles {
    fonts: usize,
    pictures: usize,
    others: usize,
}

impl Painter {
    fn page<'a>(
        &mut self,
        page: &'a Page<'a>,
        cache: &InterpreterCache<'a>,
        options: &Options,
    ) -> Result<DynamicImage, Error> {
        let (width, height) = page.render_dimensions();
        let (wide, high, scale) = extent(f64::from(width), f64::from(height), options)?;
        let mut paper = svg::pixmap(wide, high)?;
        paper.fill(Color::WHITE);
        let place = Affine::scale(scale) * page.initial_transform(true).to_kurbo();
        let area = Rect::new(0.0, 0.0, f64::from(wide), f64::from(high));
        let mut context = Context::new(place, area, cache, page.xref(), self.settings());
        let mut brush = Brush::on(paper);
        interpret_page(page, &mut context, &mut brush);
        let painted =
            brush.finish().ok_or_else(|| Error::Crashed { detail: "a page lost its paper".into() })?;
        // The paper is white: nothing of it is transparent.
        Ok(DynamicImage::ImageRgb8(svg::picture(painted)?.into_rgb8()))
    }

    fn settings(&self) -> InterpreterSettings {
        let troubles = Arc::clone(&self.troubles);
        InterpreterSettings {
            warning_sink: Arc::new(move |warning| {
                let Ok(mut troubles) = troubles.lock() else { return };
                match warning {
                    InterpreterWarning::UnsupportedFont => troubles.fonts += 1,
                    InterpreterWarning::ImageDecodeFailure => troubles.pictures += 1,
                    _ => troubles.others += 1,
                }
            }),
            ..InterpreterSettings::default()
        }
    }

    fn lost(&self) -> Vec<String> {
        let Ok(troubles) = self.troubles.lock() else { return Vec::new() };
        [
            (troubles.fonts, "text in fonts that cannot be read is not drawn"),
            (troubles.pictures, "pictures that cannot be read are not drawn"),
            (troubles.others, "notes and fields without an appearance are not drawn"),
        ]
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| format!("{what} ({count})"))
        .collect()
    }
}

/// Width and height in pixels of a page whose size is in points, and how many pixels a point has.
fn extent(width: f64, height: f64, options: &Options) -> Result<(u32, u32, f64), Error> {
    let scale = match (options.width, options.height) {
        (None, None) => f64::from(options.dpi.unwrap_or(DPI).clamp(10, 600)) / 72.0,
        (Some(wanted), None) => f64::from(wanted) / width,
        (None, Some(wanted)) => f64::from(wanted) / height,
        (Some(wide), Some(high)) => (f64::from(wide) / width).min(f64::from(high) / height),
    };
    let (wide, high) = ((width * scale).round().max(1.0), (height * scale).round().max(1.0));
    if !scale.is_finite() || wide * high > PIXELS {
        return Err(Error::limit(format!(
            "{wide} × {high} pixels on one page, allowed are {} megapixels; ask for a smaller `width`",
            PIXELS / 1_000_000.0
        )));
    }
    Ok((wide as u32, high as u32, scale))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_has_the_wanted_size_within_reason() {
        let wanted = |width, dpi| {
            let options = Options { width, dpi, ..Options::default() };
            extent(595.0, 842.0, &options).map(|(width, height, _)| (width, height))
        };
        assert_eq!(wanted(None, None), Ok((1240, 1754)));
        assert_eq!(wanted(None, Some(72)), Ok((595, 842)));
        assert_eq!(wanted(None, Some(9_999)), wanted(None, Some(600)));
        assert_eq!(wanted(Some(119), None), Ok((119, 168)));
        assert_eq!(wanted(Some(20_000), None).unwrap_err().code(), "limit_exceeded");
    }
}

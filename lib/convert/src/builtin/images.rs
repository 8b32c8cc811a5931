//! Pictures to other picture formats, and onto a page.

use std::fs;
use std::io::{BufReader, Cursor};
use std::path::Path;

use image::codecs::jpeg::JpegEncoder;
use image::metadata::Orientation;
use image::{
    DynamicImage, ExtendedColorType, ImageDecoder, ImageEncoder, ImageFormat, ImageReader, Limits, Rgb,
    RgbImage,
};

use crate::limits::{PICTURE_MEMORY, PIXELS};
use crate::{Error, Format, Options, Request};

use super::canvas::{Canvas, Drawing};
use super::{Output, Ticker};

/// JPEG quality when none is asked for: no visible artefacts on photographs, half the size of 95.
const QUALITY: u8 = 88;
/// Points of white around a picture on its page.
const MARGIN: f64 = 28.35;
const A4: (f64, f64) = (595.28, 841.89);
/// Pixels per inch of a picture on a page when none is asked for.
const DPI: u32 = 150;

pub(super) fn to_image(req: &Request, ticker: &mut Ticker<'_>) -> Result<Output, Error> {
    let decoded = decode(&req.input, req.from)?;
    ticker.converting();
    let picture = resize(decoded.picture, &req.options);
    let bytes = encode(&picture, req.to, req.options.quality)?;
    let mut output = Output { bytes, ..Output::default() };
    if decoded.animated && req.to != Format::Pdf {
        output.lost.push("the picture is animated; only its first frame was converted".into());
    }
    if picture.color().has_alpha() && req.to == Format::Jpg {
        output.warnings.push("JPEG has no transparency; transparent parts are white now".into());
    }
    Ok(output)
}

/// Puts the picture in the middle of an A4 page, upright or across as it fits better, never enlarged beyond its dpi.
pub(super) fn to_pdf(req: &Request) -> Result<Output, Error> {
    let (data, mime, width, height, animated) = match pass_through(&req.input, req)? {
        Some((data, width, height)) => (data, "image/jpeg", width, height, false),
        None => {
            let decoded = decode(&req.input, req.from)?;
            let picture = resize(decoded.picture, &req.options);
            let (width, height) = (picture.width(), picture.height());
            (encode(&picture, Format::Png, None)?, "image/png", width, height, decoded.animated)
        }
    };

    let page = if width > height { (A4.1, A4.0) } else { A4 };
    let points = 72.0 / f64::from(req.options.dpi.unwrap_or(DPI).clamp(10, 2400));
    let (natural_width, natural_height) = (f64::from(width) * points, f64::from(height) * points);
    let fit =
        ((page.0 - 2.0 * MARGIN) / natural_width).min((page.1 - 2.0 * MARGIN) / natural_height).min(1.0);
    let (shown_width, shown_height) = (natural_width * fit, natural_height * fit);

    let mut drawing = Drawing::default();
    let (x, y) = ((page.0 - shown_width) / 2.0, (page.1 - shown_height) / 2.0);
    drawing.picture(x, y, shown_width, shown_height, data, mime);
    let mut canvas = Canvas::for_letters(&std::collections::BTreeSet::new())?;
    canvas.page(page.0, page.1, drawing);
    let mut output = canvas.finish()?;
    output.result = None;
    if animated {
        output.lost.push("the picture is animated; only its first frame is on the page".into());
    }
    Ok(output)
}

/// An upright RGB JPEG can be put into a PDF byte for byte, without losing quality again.
fn pass_through(path: &Path, req: &Request) -> Result<Option<(Vec<u8>, u32, u32)>, Error> {
    if req.from != Format::Jpg || req.options.width.is_some() || req.options.height.is_some() {
        return Ok(None);
    }
    let mut decoder = reader(path, req.from)?.into_decoder().map_err(problem)?;
    let (width, height) = decoder.dimensions();
    let upright = decoder.orientation().is_ok_and(|orientation| orientation == Orientation::NoTransforms);
    if !upright || decoder.original_color_type() != ExtendedColorType::Rgb8 {
        return Ok(None);
    }
    // Half a JPEG would become half a page without a word.
    let whole = DynamicImage::from_decoder(decoder).map_err(problem)?;
    drop(whole);
    Ok(Some((fs::read(path)?, width, height)))
}

/// The same for a picture whose format only its bytes tell.
pub(super) fn of_any_kind_for_page(data: &[u8]) -> Option<(Vec<u8>, &'static str)> {
    let from = match image::guess_format(data).ok()? {
        ImageFormat::Png => Format::Png,
        ImageFormat::Jpeg => Format::Jpg,
        ImageFormat::WebP => Format::Webp,
        ImageFormat::Gif => Format::Gif,
        ImageFormat::Bmp => Format::Bmp,
        ImageFormat::Tiff => Format::Tiff,
        _ => return None,
    };
    for_page(data, from)
}

/// A picture of some document as a page takes it, and its media type; nothing when it cannot be decoded.
pub(super) fn for_page(data: &[u8], from: Format) -> Option<(Vec<u8>, &'static str)> {
    let mut reader = ImageReader::with_format(Cursor::new(data), image_format(from).ok()?);
    let mut limits = Limits::default();
    limits.max_alloc = Some(PICTURE_MEMORY);
    reader.limits(limits);
    let decoder = reader.into_decoder().ok()?;
    let (width, height) = decoder.dimensions();
    if u64::from(width) * u64::from(height) > PIXELS {
        return None;
    }
    let passes = from == Format::Jpg && decoder.original_color_type() == ExtendedColorType::Rgb8;
    let picture = DynamicImage::from_decoder(decoder).ok()?;
    if passes {
        return Some((data.to_vec(), "image/jpeg"));
    }
    Some((encode(&picture, Format::Png, None).ok()?, "image/png"))
}

struct Decoded {
    picture: DynamicImage,
    animated: bool,
}

fn decode(path: &Path, from: Format) -> Result<Decoded, Error> {
    let mut decoder = reader(path, from)?.into_decoder().map_err(problem)?;
    let (width, height) = decoder.dimensions();
    let pixels = u64::from(width) * u64::from(height);
    if pixels > PIXELS {
        return Err(Error::limit(format!(
            "{} megapixels, allowed are {}",
            pixels / 1_000_000,
            PIXELS / 1_000_000
        )));
    }
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let mut picture = DynamicImage::from_decoder(decoder).map_err(problem)?;
    picture.apply_orientation(orientation);
    Ok(Decoded { picture, animated: is_animated(path, from)? })
}

fn reader(path: &Path, from: Format) -> Result<ImageReader<BufReader<fs::File>>, Error> {
    let format = image_format(from)?;
    let mut reader = ImageReader::with_format(BufReader::new(fs::File::open(path)?), format);
    let mut limits = Limits::default();
    limits.max_alloc = Some(PICTURE_MEMORY);
    reader.limits(limits);
    Ok(reader)
}

fn is_animated(path: &Path, from: Format) -> Result<bool, Error> {
    use image::AnimationDecoder;
    let file = BufReader::new(fs::File::open(path)?);
    Ok(match from {
        Format::Gif => {
            let decoder = image::codecs::gif::GifDecoder::new(file).map_err(problem)?;
            decoder.into_frames().take(2).filter(Result::is_ok).count() > 1
        }
        Format::Webp => image::codecs::webp::WebPDecoder::new(file).map_err(problem)?.has_animation(),
        Format::Png => image::codecs::png::PngDecoder::new(file)
            .and_then(|decoder| decoder.is_apng())
            .map_err(problem)?,
        _ => false,
    })
}

fn image_format(format: Format) -> Result<ImageFormat, Error> {
    match format {
        Format::Png => Ok(ImageFormat::Png),
        Format::Jpg => Ok(ImageFormat::Jpeg),
        Format::Webp => Ok(ImageFormat::WebP),
        Format::Gif => Ok(ImageFormat::Gif),
        Format::Bmp => Ok(ImageFormat::Bmp),
        Format::Tiff => Ok(ImageFormat::Tiff),
        other => Err(Error::Unsupported {
            from: other.to_string(),
            to: "a picture".into(),
            hint: "it is no picture format we read".into(),
        }),
    }
}

fn resize(picture: DynamicImage, options: &Options) -> DynamicImage {
    // A hundred megapixels are the limit on the way out, too.
    let side = |wanted: Option<u32>| wanted.map_or(u32::MAX, |side| side.clamp(1, 20_000));
    if options.width.is_none() && options.height.is_none() {
        return picture;
    }
    let (width, height) = (side(options.width), side(options.height));
    let scale =
        (f64::from(width) / f64::from(picture.width())).min(f64::from(height) / f64::from(picture.height()));
    let largest = (PIXELS as f64 / (f64::from(picture.width()) * f64::from(picture.height()))).sqrt();
    let scale = scale.min(largest);
    let scaled = |side: u32| ((f64::from(side) * scale).round() as u32).max(1);
    picture.resize_exact(
        scaled(picture.width()),
        scaled(picture.height()),
        image::imageops::FilterType::Lanczos3,
    )
}

/// Writes a picture in this format; `quality` is for lossy ones.
pub(super) fn encode(picture: &DynamicImage, to: Format, quality: Option<u8>) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    match to {
        Format::Jpg => {
            let encoder = JpegEncoder::new_with_quality(&mut bytes, quality.unwrap_or(QUALITY).clamp(1, 100));
            let flat = on_white(picture);
            encoder
                .write_image(flat.as_raw(), flat.width(), flat.height(), ExtendedColorType::Rgb8)
                .map_err(problem)?;
        }
        to => {
            // Eight bits are what every other program, and the PDF writer, reads.
            let plain = if picture.color().has_alpha() {
                DynamicImage::ImageRgba8(picture.to_rgba8())
            } else {
                DynamicImage::ImageRgb8(picture.to_rgb8())
            };
            plain.write_to(&mut Cursor::new(&mut bytes), image_format(to)?).map_err(problem)?;
        }
    }
    Ok(bytes)
}

fn on_white(picture: &DynamicImage) -> RgbImage {
    if !picture.color().has_alpha() {
        return picture.to_rgb8();
    }
    let source = picture.to_rgba8();
    RgbImage::from_fn(source.width(), source.height(), |x, y| {
        let [red, green, blue, alpha] = source.get_pixel(x, y).0;
        let mix = |channel: u8| {
            let mixed = u16::from(channel) * u16::from(alpha) + 255 * (255 - u16::from(alpha));
            (mixed / 255) as u8
        };
        Rgb([mix(red), mix(green), mix(blue)])
    })
}

fn problem(error: image::ImageError) -> Error {
    match error {
        image::ImageError::Limits(limit) => {
            Error::limit(format!("the picture needs too much memory ({limit})"))
        }
        error => Error::corrupt(format!("the picture cannot be read ({error})")),
    }
}

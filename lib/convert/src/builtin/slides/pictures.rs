//! Pictures of slides: each is in the PDF once, however many slides show it.

use std::collections::HashMap;
use std::io::Cursor;

use image::{ColorType, DynamicImage, ImageDecoder, ImageFormat, ImageReader, Limits, Rgb, RgbImage};
use lopdf::{Document, Object, ObjectId, Stream, dictionary};

use crate::limits::{MIB, PICTURE_MEMORY, PIXELS};
use crate::{Error, Format};

use crate::builtin::images;

/// Pixels of a picture that is kept as it is: more than three times those of a large screen.
const LARGE: f64 = 8_000_000.0;
/// Bytes of all pictures of a presentation, as they are in the PDF.
const TOTAL: usize = 300 * MIB as usize;

/// The pictures that are on slides so far.
#[derive(Default)]
pub(super) struct Pictures {
    kept: Vec<Picture>,
    size: usize,
}

/// A picture as a PDF has it (ISO 32000-1, 8.9.5).
struct Picture {
    pixels: Stream,
    mask: Option<Stream>,
}

impl Pictures {
    /// Keeps a picture and gives its number; nothing when it cannot be read, or is one too many.
    pub(super) fn keep(&mut self, bytes: &[u8]) -> Option<usize> {
        let picture = Picture::read(bytes)?;
        self.size +=
            picture.pixels.content.len() + picture.mask.as_ref().map_or(0, |mask| mask.content.len());
        if self.size > TOTAL {
            return None;
        }
        self.kept.push(picture);
        Some(self.kept.len() - 1)
    }

    /// A PNG of one pixel that stands for a picture, as long as the pages are drawn.
    pub(super) fn stamp(number: usize) -> Result<Vec<u8>, Error> {
        let [_, red, green, blue] = u32::try_from(number).unwrap_or(u32::MAX).to_be_bytes();
        let pixel = RgbImage::from_pixel(1, 1, Rgb([red, green, blue]));
        images::encode(&DynamicImage::ImageRgb8(pixel), Format::Png, None)
    }

    /// Puts the pictures where their stamps are.
    ///
    /// # Errors
    /// `Crashed` when the PDF cannot be read again or written.
    pub(super) fn put(self, pdf: Vec<u8>) -> Result<Vec<u8>, Error> {
        if self.kept.is_empty() {
            return Ok(pdf);
        }
        let failed =
            |error: String| Error::Crashed { detail: format!("its pictures cannot be placed ({error})") };
        let mut document = Document::load_mem(&pdf).map_err(|error| failed(error.to_string()))?;
        let stamps = stamps(&document);
        let mut kept: Vec<Option<Picture>> = self.kept.into_iter().map(Some).collect();
        let mut places: HashMap<usize, ObjectId> = HashMap::new();
        let mut moved: HashMap<ObjectId, ObjectId> = HashMap::new();
        for (stamp, number) in stamps {
            document.objects.remove(&stamp);
            if let Some(picture) = kept.get_mut(number).and_then(Option::take) {
                places.insert(number, picture.add(&mut document));
            }
            moved.extend(places.get(&number).map(|place| (stamp, *place)));
        }
        for object in document.objects.values_mut() {
            point(object, &moved);
        }
        let mut out = Vec::new();
        document.save_to(&mut out).map_err(|error| failed(error.to_string()))?;
        Ok(out)
    }
}

/// The pictures of one pixel, and the numbers that they stand for.
fn stamps(document: &Document) -> Vec<(ObjectId, usize)> {
    let number = |stream: &Stream| {
        let side = |name: &[u8]| stream.dict.get(name).and_then(Object::as_i64).ok();
        let is_image =
            stream.dict.get(b"Subtype").and_then(Object::as_name).is_ok_and(|kind| kind == b"Image");
        if !is_image || (side(b"Width"), side(b"Height")) != (Some(1), Some(1)) {
            return None;
        }
        match stream.decompressed_content().ok()?.as_slice() {
            [red, green, blue, ..] => Some(u32::from_be_bytes([0, *red, *green, *blue]) as usize),
            _ => None,
        }
    };
    let streams = document.objects.iter().filter_map(|(id, object)| Some((*id, object.as_stream().ok()?)));
    streams.filter_map(|(id, stream)| Some((id, number(stream)?))).collect()
}

/// Points what leads to a stamp to its picture.
fn point(object: &mut Object, moved: &HashMap<ObjectId, ObjectId>) {
    match object {
        Object::Reference(id) => *id = moved.get(id).copied().unwrap_or(*id),
        Object::Array(items) => items.iter_mut().for_each(|item| point(item, moved)),
        Object::Dictionary(entries) => entries.iter_mut().for_each(|(_, entry)| point(entry, moved)),
        Object::Stream(stream) => stream.dict.iter_mut().for_each(|(_, entry)| point(entry, moved)),
        _ => {}
    }
}

impl Picture {
    /// What kind of picture it is, its bytes say.
    fn read(bytes: &[u8]) -> Option<Picture> {
        let mut reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format().ok()?;
        let mut limits = Limits::default();
        limits.max_alloc = Some(PICTURE_MEMORY);
        reader.limits(limits);
        let jpeg = reader.format()? == ImageFormat::Jpeg;
        let decoder = reader.into_decoder().ok()?;
        let (width, height) = decoder.dimensions();
        let count = u64::from(width) * u64::from(height);
        if count > PIXELS || count == 0 {
            return None;
        }
        let plain = decoder.color_type() == ColorType::Rgb8
            && decoder.original_color_type() == ColorType::Rgb8.into();
        let mut picture = DynamicImage::from_decoder(decoder).ok()?;
        if let Some((width, height)) = smaller(width, height) {
            picture = picture.thumbnail_exact(width, height);
        } else if jpeg && plain {
            return Some(Picture {
                pixels: stream((width, height), "DeviceRGB", "DCTDecode", bytes.to_vec()),
                mask: None,
            });
        }
        let size = (picture.width(), picture.height());
        if jpeg {
            let bytes = images::encode(&picture, Format::Jpg, None).ok()?;
            return Some(Picture { pixels: stream(size, "DeviceRGB", "DCTDecode", bytes), mask: None });
        }
        let mask = picture.color().has_alpha().then(|| {
            let alpha = picture.to_rgba8().pixels().map(|pixel| pixel.0[3]).collect();
            packed(size, "DeviceGray", alpha)
        });
        Some(Picture { pixels: packed(size, "DeviceRGB", picture.into_rgb8().into_raw()), mask })
    }

    /// Adds it to a document.
    fn add(mut self, document: &mut Document) -> ObjectId {
        if let Some(mask) = self.mask {
            let mask = document.add_object(mask);
            self.pixels.dict.set("SMask", mask);
        }
        document.add_object(self.pixels)
    }
}

/// The size that a picture of too many pixels is kept in.
fn smaller(width: u32, height: u32) -> Option<(u32, u32)> {
    let (width, height) = (f64::from(width), f64::from(height));
    let shrink = (LARGE / (width * height)).sqrt();
    let side = |side: f64| ((side * shrink) as u32).max(1);
    (shrink < 1.0).then(|| (side(width), side(height)))
}

fn packed(size: (u32, u32), colors: &str, bytes: Vec<u8>) -> Stream {
    let mut stream = stream(size, colors, "", bytes);
    stream.dict.remove(b"Filter");
    // What does not get smaller stays as it is.
    let _ = stream.compress();
    stream
}

fn stream((width, height): (u32, u32), colors: &str, filter: &str, bytes: Vec<u8>) -> Stream {
    let entries = dictionary! {
        "Type" => "XObject",
        "Subtype" => "Image",
        "Width" => i64::from(width),
        "Height" => i64::from(height),
        "ColorSpace" => Object::Name(colors.into()),
        "BitsPerComponent" => 8,
        "Filter" => Object::Name(filter.into()),
    };
    Stream::new(entries, bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_pictures_get_smaller_and_others_stay() {
        let mut small = Cursor::new(Vec::new());
        DynamicImage::new_rgb8(40, 20).write_to(&mut small, ImageFormat::Jpeg).unwrap();
        let small = small.into_inner();
        assert_eq!(Picture::read(&small).unwrap().pixels.content, small);
        assert!(Picture::read(b"no picture").is_none());
        assert_eq!((smaller(4_000, 2_000), smaller(8_000, 4_000)), (None, Some((4_000, 2_000))));
    }
}

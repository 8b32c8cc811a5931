//! Pictures made small and harmless: looked at before they are unfolded, and written anew, so that nothing of the
//! original file (places in EXIF, code in polyglots) is kept.

use std::io::Cursor;

use image::{
    DynamicImage, ImageDecoder as _, ImageError, ImageFormat, ImageReader, Limits,
    codecs::jpeg::JpegEncoder,
    error::{LimitError, LimitErrorKind},
    imageops::FilterType,
    metadata::Orientation,
};

/// The longest side of a profile picture, in pixels.
const SIDE: u32 = 512;
/// The longest side of a small picture, in pixels.
const SMALL: u32 = 320;
/// The most pixels that are unfolded.
const PIXELS: u64 = 40_000_000;
/// The most bytes that they unfold into: pixels of four bytes; of those with more, fewer.
const UNFOLDED: u64 = 4 * PIXELS;
/// As much again for the work of those decoders that tell what they take.
const MEMORY: u64 = 2 * UNFOLDED;
const QUALITY: u8 = 88;

/// What a profile picture may be.
const PROFILE: &[ImageFormat] = &[ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::WebP, ImageFormat::Gif];
/// Of what small pictures are made.
const FILES: &[ImageFormat] = &[
    ImageFormat::Png,
    ImageFormat::Jpeg,
    ImageFormat::WebP,
    ImageFormat::Gif,
    ImageFormat::Bmp,
    ImageFormat::Tiff,
];

/// A picture that was written by us.
pub(crate) struct Clean {
    pub(crate) bytes: Vec<u8>,
    /// `png` or `jpg`.
    pub(crate) ending: &'static str,
}

/// Why a picture is not used, as a sentence for the person who sent it.
pub(crate) type Refusal = String;

/// Makes a profile picture of what somebody sent: a square. Blocks for as long as decoding takes.
pub(crate) fn square(bytes: &[u8]) -> Result<Clean, Refusal> {
    let (picture, up) = read(bytes, PROFILE)?;
    clean(middle(&picture), up)
}

/// Makes a small picture of a whole one, in its shape. Blocks for as long as decoding takes.
pub(crate) fn small(bytes: &[u8]) -> Result<Clean, Refusal> {
    let (picture, up) = read(bytes, FILES)?;
    let is_small = picture.width() <= SMALL && picture.height() <= SMALL;
    clean(if is_small { picture } else { picture.thumbnail(SMALL, SMALL) }, up)
}

/// The picture as it lies in the file, and how it is to be turned.
fn read(bytes: &[u8], taken: &[ImageFormat]) -> Result<(DynamicImage, Orientation), Refusal> {
    let format = image::guess_format(bytes).map_err(|_| not_a_picture())?;
    if !taken.contains(&format) {
        return Err(not_a_picture());
    }
    let (width, height) =
        ImageReader::with_format(Cursor::new(bytes), format).into_dimensions().map_err(|_| damaged())?;
    if u64::from(width) * u64::from(height) > PIXELS {
        return Err(format!("the picture has {width} × {height} pixels: 40 million are the most"));
    }
    unfolded(bytes, format).map_err(|_| damaged())
}

/// Turned only now that it is small: to turn takes the memory of a second one.
fn clean(mut picture: DynamicImage, up: Orientation) -> Result<Clean, Refusal> {
    picture.apply_orientation(up);
    written(&picture).map_err(|error| format!("the picture cannot be written: {error}"))
}

fn unfolded(bytes: &[u8], format: ImageFormat) -> image::ImageResult<(DynamicImage, Orientation)> {
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    let mut limits = Limits::default();
    limits.max_alloc = Some(MEMORY);
    reader.limits(limits);
    let mut decoder = reader.into_decoder()?;
    // Which way is up is the only thing of EXIF that is used; a broken note of it turns nothing.
    let up = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    // Not every decoder keeps to the limits that it is told.
    if decoder.total_bytes() > UNFOLDED {
        return Err(ImageError::Limits(LimitError::from_kind(LimitErrorKind::InsufficientMemory)));
    }
    Ok((DynamicImage::from_decoder(decoder)?, up))
}

/// The middle square, at most [`SIDE`] wide.
fn middle(picture: &DynamicImage) -> DynamicImage {
    let side = picture.width().min(picture.height());
    let middle = picture.crop_imm((picture.width() - side) / 2, (picture.height() - side) / 2, side, side);
    if side <= SIDE { middle } else { middle.resize_exact(SIDE, SIDE, FilterType::Triangle) }
}

/// JPEG, unless something shines through.
fn written(picture: &DynamicImage) -> image::ImageResult<Clean> {
    let mut bytes = Vec::new();
    let rgba = picture.to_rgba8();
    if rgba.pixels().any(|pixel| pixel.0[3] != u8::MAX) {
        rgba.write_to(&mut Cursor::new(&mut bytes), ImageFormat::Png)?;
        return Ok(Clean { bytes, ending: "png" });
    }
    picture.to_rgb8().write_with_encoder(JpegEncoder::new_with_quality(&mut bytes, QUALITY))?;
    Ok(Clean { bytes, ending: "jpg" })
}

fn not_a_picture() -> Refusal {
    "this is no picture of a kind that is read here".into()
}

fn damaged() -> Refusal {
    "the picture is damaged or unfolds into too much".into()
}

#[cfg(test)]
mod tests {
    use image::{Rgb, RgbImage, Rgba, RgbaImage};

    use super::*;

    fn encoded(picture: &DynamicImage, format: ImageFormat) -> Vec<u8> {
        let mut bytes = Vec::new();
        picture.write_to(&mut Cursor::new(&mut bytes), format).unwrap();
        bytes
    }

    fn opaque(width: u32, height: u32) -> DynamicImage {
        DynamicImage::ImageRgb8(RgbImage::from_pixel(width, height, Rgb([200, 30, 40])))
    }

    #[test]
    fn every_kind_of_picture_becomes_a_square_of_ours() {
        for format in [ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::WebP, ImageFormat::Gif] {
            let clean = square(&encoded(&opaque(900, 600), format)).unwrap();

            let read = image::load_from_memory(&clean.bytes).unwrap();
            assert_eq!((read.width(), read.height()), (512, 512), "{format:?}");
        }
    }

    #[test]
    fn a_small_picture_keeps_its_shape_and_stands_the_right_way_up() {
        for format in FILES {
            let small = small(&encoded(&opaque(900, 600), *format)).unwrap();

            let read = image::load_from_memory(&small.bytes).unwrap();
            assert_eq!((read.width(), read.height()), (320, 213), "{format:?}");
        }

        // A quarter turn to the right, as EXIF of a JPEG says it: tag 0x0112 is 6.
        let note = [
            &b"\xff\xe1\0\x22Exif\0\0MM\0\x2a\0\0\0\x08"[..],
            b"\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0",
        ]
        .concat();
        let mut lying = encoded(&opaque(64, 32), ImageFormat::Jpeg);
        lying.splice(2..2, note);

        let read = image::load_from_memory(&small(&lying).unwrap().bytes).unwrap();

        assert_eq!((read.width(), read.height()), (32, 64));
    }

    #[test]
    fn what_shines_through_stays_so_and_small_pictures_are_not_blown_up() {
        let glass = DynamicImage::ImageRgba8(RgbaImage::from_pixel(40, 30, Rgba([1, 2, 3, 128])));

        let clean = square(&encoded(&glass, ImageFormat::Png)).unwrap();

        let read = image::load_from_memory(&clean.bytes).unwrap().to_rgba8();
        assert_eq!((clean.ending, read.width(), read.height()), ("png", 30, 30));
        assert_eq!(read.get_pixel(0, 0).0[3], 128);
    }

    #[test]
    fn nothing_of_the_file_is_kept_but_its_pixels() {
        let mut bytes = encoded(&opaque(64, 64), ImageFormat::Jpeg);
        let note = b"Exif\0\0a secret place";
        let mut segment = vec![0xff, 0xe1, 0, u8::try_from(note.len() + 2).unwrap()];
        segment.extend_from_slice(note);
        bytes.splice(2..2, segment);
        bytes.extend_from_slice(b"<script>a secret place</script>");

        let clean = square(&bytes).unwrap();

        assert!(!clean.bytes.windows(6).any(|window| window == b"secret"));
    }

    #[test]
    fn a_bomb_is_refused_by_its_header() {
        // The header says a side and a depth; its checksum is made right, so that only these are wrong.
        let bomb = |side: u32, depth: u8| {
            let mut bomb = encoded(&opaque(1, 1), ImageFormat::Png);
            bomb[16..20].copy_from_slice(&side.to_be_bytes());
            bomb[20..24].copy_from_slice(&side.to_be_bytes());
            bomb[24] = depth;
            let checksum = crc32(&bomb[12..29]);
            bomb[29..33].copy_from_slice(&checksum.to_be_bytes());
            bomb
        };

        let refusal = square(&bomb(60_000, 8)).err().unwrap();

        assert!(refusal.contains("60000 × 60000"), "{refusal}");
        // 36 million pixels are few enough, but not of six bytes each.
        let deep = unfolded(&bomb(6_000, 16), ImageFormat::Png);
        assert!(matches!(deep, Err(ImageError::Limits(_))), "{:?}", deep.err());
    }

    #[test]
    fn what_is_no_picture_is_refused() {
        let half = encoded(&opaque(300, 300), ImageFormat::Png);
        let bmp = b"BM\x1e\0\0\0\0\0\0\0\x1a\0\0\0\x0c\0\0\0\x01\0\x01\0\x01\0\x18\0\0\0\xff\0".to_vec();
        for bad in [
            Vec::new(),
            b"<svg onload=alert(1)>".to_vec(),
            b"GIF89a".to_vec(),
            half[..half.len() / 2].to_vec(),
            bmp,
        ] {
            assert!(square(&bad).is_err());
        }
    }

    fn crc32(bytes: &[u8]) -> u32 {
        let step = |crc: u32| if crc & 1 == 1 { (crc >> 1) ^ 0xedb8_8320 } else { crc >> 1 };
        !bytes.iter().fold(u32::MAX, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), |crc, _| step(crc)))
    }
}

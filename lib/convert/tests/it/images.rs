//! Pictures: pixels, transparency, size, pages.

use image::GenericImageView;
use mshub_convert::{Error, Format, convert_here};

use crate::files::{Desk, encoded, picture};

#[test]
fn lossless_pairs_keep_every_pixel() {
    let desk = Desk::new();
    desk.put("a.png", encoded(image::ImageFormat::Png));
    for to in [Format::Webp, Format::Bmp, Format::Tiff] {
        let (_, bytes) = desk.converted("a.png", to);
        let back = image::load_from_memory(&bytes).unwrap();
        assert_eq!(back.to_rgba8(), picture().to_rgba8(), "{to}");
    }
}

#[test]
fn transparency_becomes_white_in_a_jpeg() {
    let desk = Desk::new();
    desk.put("a.png", encoded(image::ImageFormat::Png));

    let (report, bytes) = desk.converted("a.png", Format::Jpg);

    let corner = image::load_from_memory(&bytes).unwrap().get_pixel(0, 0);
    assert!(corner.0[..3].iter().all(|channel| *channel > 200), "{corner:?}");
    assert!(report.warnings[0].contains("transparen"), "{report:?}");
    assert!(!report.degraded);
}

#[test]
fn a_picture_is_made_to_fit_and_keeps_its_shape() {
    let desk = Desk::new();
    desk.put("a.png", encoded(image::ImageFormat::Png));
    for (width, height, expected) in
        [(Some(20), None, (20, 10)), (Some(20), Some(5), (10, 5)), (None, Some(40), (80, 40))]
    {
        let mut request = desk.request("a.png", Format::Webp);
        (request.options.width, request.options.height) = (width, height);
        convert_here(&request, &mut |_| ()).unwrap();
        let size = image::load_from_memory(&std::fs::read(&request.output).unwrap()).unwrap().dimensions();
        assert_eq!(size, expected);
    }
}

#[test]
fn quality_makes_a_jpeg_smaller_and_is_said_to_change_nothing_elsewhere() {
    let desk = Desk::new();
    let noise = image::RgbImage::from_fn(128, 128, |x, y| {
        image::Rgb([((x * 37) ^ (y * 91)) as u8, (x * y) as u8, 7])
    });
    noise.save(desk.path("a.png")).unwrap();
    let sizes: Vec<u64> = [5, 60, 100]
        .map(|quality| {
            let mut request = desk.request("a.png", Format::Jpg);
            request.options.quality = Some(quality);
            let report = convert_here(&request, &mut |_| ()).unwrap();
            assert!(report.warnings.is_empty(), "{report:?}");
            report.bytes_out
        })
        .into();
    assert!(sizes[0] * 2 < sizes[1] && sizes[1] < sizes[2], "{sizes:?}");

    let mut request = desk.request("a.png", Format::Webp);
    request.options.quality = Some(5);
    let report = convert_here(&request, &mut |_| ()).unwrap();
    assert_eq!(report.warnings, ["quality changed nothing: it means nothing from png to webp"]);
    let back = image::open(&request.output).unwrap().into_rgb8();
    assert_eq!(back, noise);
}

#[test]
fn a_jpeg_goes_into_a_pdf_byte_for_byte() {
    let desk = Desk::new();
    let jpeg = encoded(image::ImageFormat::Jpeg);
    desk.put("a.jpg", &jpeg);

    let (report, pdf) = desk.converted("a.jpg", Format::Pdf);

    assert_eq!(report.pages, Some(1));
    assert!(pdf.windows(jpeg.len()).any(|window| window == jpeg), "the picture was encoded again");
}

#[test]
fn half_a_picture_is_corrupt_not_half_a_page() {
    let desk = Desk::new();
    let png = encoded(image::ImageFormat::Png);
    desk.put("half.png", &png[..png.len() / 2]);
    for to in [Format::Pdf, Format::Jpg] {
        assert_eq!(desk.convert("half.png", to).unwrap_err().code(), "corrupt");
    }
}

#[test]
fn more_pixels_than_allowed_are_refused_before_decoding() {
    let desk = Desk::new();
    let path = desk.put("bomb.png", crate::hostile::pixel_bomb());

    let error = desk.convert("bomb.png", Format::Jpg).unwrap_err();
    assert_eq!(error.code(), "limit_exceeded", "{error}");
    let error = mshub_convert::sniff(&path, "bomb.png", None).unwrap_err();
    assert!(matches!(&error, Error::LimitExceeded { what } if what.contains("900 megapixels")), "{error}");
}

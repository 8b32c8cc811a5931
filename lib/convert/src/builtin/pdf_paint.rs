//! Colours, patterns and pictures of a PDF page, as pixels.

use hayro_interpret::kurbo::{Affine, Rect};
use hayro_interpret::pattern::{Pattern, ShadingPattern, TilingPattern};
use hayro_interpret::{
    ClipPath, FillRule, Image, ImageData, ImageDrawProps, LumaData, Paint, RasterImage, StencilImage,
};
use image::imageops;
use resvg::tiny_skia::{
    self, FillRule as Rule, FilterQuality, Mask, Path, PathBuilder, Pixmap, Shader, SpreadMode, Transform,
};

use super::pdf_brush::{Brush, blend, transform};

/// The longest side of one tile, in pixels.
const TILE: f64 = 4_000.0;

/// What a path is filled with.
pub(super) enum Colour {
    Plain([u8; 4]),
    /// Pixels, and where they lie on the paper.
    Texture {
        pixels: Pixmap,
        place: Transform,
        spread: SpreadMode,
        opacity: f32,
        clip: Option<ClipPath>,
    },
}

impl Colour {
    pub(super) fn plain(&self) -> [u8; 4] {
        match self {
            Colour::Plain(colour) => *colour,
            Colour::Texture { .. } => [0; 4],
        }
    }

    pub(super) fn shader(&self) -> Option<Shader<'_>> {
        match self {
            Colour::Plain(_) => None,
            Colour::Texture { pixels, place, spread, opacity, .. } => Some(tiny_skia::Pattern::new(
                pixels.as_ref(),
                *spread,
                FilterQuality::Bilinear,
                *opacity,
                *place,
            )),
        }
    }

    /// Beyond this nothing is painted.
    pub(super) fn clip(&self) -> Option<ClipPath> {
        match self {
            Colour::Plain(_) => None,
            Colour::Texture { clip, .. } => clip.clone(),
        }
    }
}

/// The colour of a paint for what lies within `bounds` on the paper; nothing when it paints nothing.
pub(super) fn colour<'a>(
    brush: &mut Brush,
    paint: &Paint<'a>,
    bounds: tiny_skia::Rect,
    stroke: bool,
) -> Option<Colour> {
    match paint {
        Paint::Color(colour) => Some(Colour::Plain(colour.to_rgba().to_rgba8())),
        Paint::Pattern(pattern) => {
            let (width, height) = brush.size();
            let paper = Rect::new(0.0, 0.0, f64::from(width), f64::from(height));
            let area = Rect::new(
                f64::from(bounds.left()) - 1.0,
                f64::from(bounds.top()) - 1.0,
                f64::from(bounds.right()) + 1.0,
                f64::from(bounds.bottom()) + 1.0,
            );
            let area = area.intersect(paper);
            match &**pattern {
                Pattern::Shading(shading) => shaded(shading, area),
                Pattern::Tiling(tiling) => tiled(brush, tiling, stroke),
            }
        }
    }
}

fn shaded(shading: &ShadingPattern, area: Rect) -> Option<Colour> {
    let texture = shading.encode().render_texture(area, 1.0);
    let pixels = pixmap(texture.width, texture.height, texture.data)?;
    let clip = shading.shading.clip_path.clone().map(|path| ClipPath { path, fill: FillRule::NonZero });
    let place = transform(texture.transform);
    Some(Colour::Texture { pixels, place, spread: SpreadMode::Pad, opacity: 1.0, clip })
}

/// One cell of a pattern, painted as large as it is on the paper, and repeated (ISO 32000-2, 8.7.3).
fn tiled(brush: &mut Brush, tiling: &TilingPattern<'_>, stroke: bool) -> Option<Colour> {
    let [a, b, c, d, ..] = tiling.matrix.as_coeffs();
    let (step_x, step_y) = (f64::from(tiling.x_step.abs()), f64::from(tiling.y_step.abs()));
    let pixels = |step: f64, scale: f64| (step * scale).round().clamp(1.0, TILE);
    let (width, height) = (pixels(step_x, a.hypot(b)), pixels(step_y, c.hypot(d)));
    let (scale_x, scale_y) = (width / step_x, height / step_y);
    let mut apprentice = brush.apprentice(width as u32, height as u32)?;
    // A cell that is larger than its step reaches into the next ones.
    let reach = |size: f64, step: f64| (size / step).ceil().clamp(1.0, 4.0) as i32;
    for row in (0..reach(tiling.bbox.height(), step_y)).rev() {
        for column in (0..reach(tiling.bbox.width(), step_x)).rev() {
            let shift =
                (-f64::from(column) * step_x - tiling.bbox.x0, -f64::from(row) * step_y - tiling.bbox.y0);
            let place = Affine::scale_non_uniform(scale_x, scale_y) * Affine::translate(shift);
            // A cell that cannot be read is an empty one.
            let _ = tiling.interpret(&mut apprentice, place, stroke);
        }
    }
    let pixels = brush.take_back(apprentice)?;
    let place = tiling.matrix
        * Affine::translate((tiling.bbox.x0, tiling.bbox.y0))
        * Affine::scale_non_uniform(1.0 / scale_x, 1.0 / scale_y);
    let (place, opacity) = (transform(place), tiling.opacity);
    Some(Colour::Texture { pixels, place, spread: SpreadMode::Repeat, opacity, clip: None })
}

/// Draws a picture, or a stencil in some colour.
pub(super) fn picture<'a>(brush: &mut Brush, image: Image<'a, '_>, props: &ImageDrawProps<'a>) {
    let [a, b, c, d, ..] = props.transform.as_coeffs();
    let side = |pixels: u32, scale: f64| (f64::from(pixels) * scale).ceil().clamp(1.0, 30_000.0) as u32;
    let shown = (side(image.width(), a.hypot(b)), side(image.height(), c.hypot(d)));
    match image {
        Image::Raster(raster) => raster_picture(brush, &raster, shown, props),
        Image::Stencil(stencil) => stencilled(brush, &stencil, shown, props),
    }
}

fn raster_picture(
    brush: &mut Brush,
    raster: &RasterImage<'_>,
    shown: (u32, u32),
    props: &ImageDrawProps<'_>,
) {
    raster.with_rgba(
        |data, alpha| {
            let (width, height, factors) = (data.width(), data.height(), data.scale_factors());
            let alpha = alpha.map(|alpha| fitted(alpha, width, height));
            let opaque =
                |at: usize| alpha.as_ref().map_or(255, |alpha| alpha.get(at).copied().unwrap_or(255));
            let pixels: Vec<u8> = match &data {
                ImageData::Rgb(rgb) => rgb
                    .data
                    .chunks_exact(3)
                    .enumerate()
                    .flat_map(|(at, colour)| [colour[0], colour[1], colour[2], opaque(at)])
                    .collect(),
                ImageData::Luma(luma) => luma
                    .data
                    .iter()
                    .enumerate()
                    .flat_map(|(at, grey)| [*grey, *grey, *grey, opaque(at)])
                    .collect(),
            };
            let place =
                props.transform * Affine::scale_non_uniform(f64::from(factors.0), f64::from(factors.1));
            put(brush, width, height, pixels, place, shown, props);
        },
        Some(shown),
    );
}

fn stencilled<'a>(
    brush: &mut Brush,
    stencil: &StencilImage<'a, '_>,
    shown: (u32, u32),
    props: &ImageDrawProps<'a>,
) {
    stencil.with_stencil(
        |luma, paint| {
            let (width, height, factors) = (luma.width, luma.height, luma.scale_factors);
            let place =
                props.transform * Affine::scale_non_uniform(f64::from(factors.0), f64::from(factors.1));
            let through = |colour: [u8; 4]| -> Vec<u8> {
                let alpha = |value: &u8| (u16::from(*value) * u16::from(colour[3]) / 255) as u8;
                luma.data.iter().flat_map(|value| [colour[0], colour[1], colour[2], alpha(value)]).collect()
            };
            if let Paint::Color(colour) = paint {
                let pixels = through(colour.to_rgba().to_rgba8());
                return put(brush, width, height, pixels, place, shown, props);
            }
            patterned(brush, paint, (width, height, through([0, 0, 0, 255])), place, shown, props);
        },
        Some(shown),
    );
}

/// A stencil through which a pattern is seen.
fn patterned<'a>(
    brush: &mut Brush,
    paint: &Paint<'a>,
    (width, height, stencil): (u32, u32, Vec<u8>),
    place: Affine,
    shown: (u32, u32),
    props: &ImageDrawProps<'a>,
) {
    let (paper_width, paper_height) = brush.size();
    let plain = ImageDrawProps { soft_mask: None, blend_mode: Default::default(), ..props.clone() };
    let Some(mut apprentice) = brush.apprentice(paper_width, paper_height) else { return };
    put(&mut apprentice, width, height, stencil, place, shown, &plain);
    let Some(holes) = brush.take_back(apprentice) else { return };
    let holes = Mask::from_pixmap(holes.as_ref(), tiny_skia::MaskType::Alpha);
    let Some(frame) = frame(width, height) else { return };
    let Some(bounds) = frame.bounds().transform(transform(place)) else { return };
    let Some(colour) = colour(brush, paint, bounds, false) else { return };
    let Some(mut apprentice) = brush.apprentice(paper_width, paper_height) else { return };
    let over = tiny_skia::BlendMode::SourceOver;
    apprentice.spread(&frame, Rule::Winding, transform(place), &colour, over, Some(&holes));
    let Some(painted) = brush.take_back(apprentice) else { return };
    let mask = brush.mask(props.soft_mask.as_ref());
    brush.lay(&painted, 1.0, blend(props.blend_mode), mask.as_deref());
}

/// Puts straight RGBA pixels where `place` leads their corners.
fn put(
    brush: &mut Brush,
    width: u32,
    height: u32,
    pixels: Vec<u8>,
    place: Affine,
    shown: (u32, u32),
    props: &ImageDrawProps<'_>,
) {
    let Some(mut pixels) = pixmap(width, height, pixels) else { return };
    let mut place = place;
    // A picture that is drawn much smaller is made smaller first: each pixel is to be the mean of those it stands for.
    let (small, low) = (shown.0.min(width), shown.1.min(height));
    if small < width || low < height {
        let Some(large) = image::RgbaImage::from_raw(width, height, pixels.take()) else { return };
        let less = imageops::thumbnail(&large, small, low);
        let size = tiny_skia::IntSize::from_wh(small, low);
        let Some(less) = size.and_then(|size| Pixmap::from_vec(less.into_raw(), size)) else { return };
        pixels = less;
        place *= Affine::scale_non_uniform(
            f64::from(width) / f64::from(small),
            f64::from(height) / f64::from(low),
        );
    }
    let Some(frame) = frame(pixels.width(), pixels.height()) else { return };
    let colour = Colour::Texture {
        pixels,
        place: transform(place),
        spread: SpreadMode::Pad,
        opacity: 1.0,
        clip: None,
    };
    let mask = brush.mask(props.soft_mask.as_ref());
    brush.spread(&frame, Rule::Winding, transform(place), &colour, blend(props.blend_mode), mask.as_deref());
}

fn frame(width: u32, height: u32) -> Option<Path> {
    tiny_skia::Rect::from_xywh(0.0, 0.0, width as f32, height as f32).map(PathBuilder::from_rect)
}

/// A mask stretched to the picture it belongs to.
fn fitted(alpha: LumaData, width: u32, height: u32) -> Vec<u8> {
    if (alpha.width, alpha.height) == (width, height) {
        return alpha.data;
    }
    match image::GrayImage::from_raw(alpha.width, alpha.height, alpha.data) {
        Some(mask) => imageops::resize(&mask, width, height, imageops::FilterType::Triangle).into_raw(),
        None => Vec::new(),
    }
}

/// Pixels whose colours are multiplied by their alpha, from those whose are not.
fn pixmap(width: u32, height: u32, mut rgba: Vec<u8>) -> Option<Pixmap> {
    for pixel in rgba.chunks_exact_mut(4) {
        let alpha = u16::from(pixel[3]);
        for part in &mut pixel[..3] {
            *part = ((u16::from(*part) * alpha + 127) / 255) as u8;
        }
    }
    Pixmap::from_vec(rgba, tiny_skia::IntSize::from_wh(width, height)?)
}

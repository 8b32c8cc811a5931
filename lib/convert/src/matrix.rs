//! Which pairs of formats we convert, by which engine, and how well.

use serde::Serialize;

use crate::Format::{self, *};
use crate::{Engine, Error, Options};

/// How much of the look of the source the result keeps.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Fidelity {
    /// Every pixel or value.
    Exact,
    /// Pages look like those of the source.
    High,
    /// The text in order, with headings, lists and tables; not the pages.
    Flow,
    /// The values only.
    Data,
}

/// What the percent of the converting stage counts.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    /// Pages done.
    Pages,
    /// Rows done.
    Rows,
    /// Bytes done.
    Bytes,
    /// Nothing can be counted: there is no percent.
    None,
}

/// One pair of formats that works.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Capability {
    /// Format of the input.
    pub from: Format,
    /// Format of the output.
    pub to: Format,
    /// The engine that does it.
    pub engine: Engine,
    /// How much of the look survives.
    pub fidelity: Fidelity,
    /// What progress counts.
    pub basis: Basis,
}

type Row = (&'static [Format], &'static [Format], Fidelity, Basis);

/// Inputs × outputs of the builtin engine. A pair is listed only if a test converts it.
const BUILTIN: &[Row] = &[
    (&[Docx, Docm], &[Pdf], Fidelity::High, Basis::None),
    (&[Odt, Rtf, Html, Md, Epub], &[Pdf], Fidelity::Flow, Basis::None),
    (&[Docx, Docm, Odt, Rtf], &[Html, Md, Txt, Epub], Fidelity::Flow, Basis::None),
    (&[Html], &[Md, Txt, Epub], Fidelity::Flow, Basis::None),
    (&[Md], &[Html, Txt, Epub], Fidelity::Flow, Basis::None),
    (&[Md, Html, Odt, Rtf], &[Docx], Fidelity::Flow, Basis::None),
    (&[Docm], &[Docx], Fidelity::Exact, Basis::None),
    (&[Txt], &[Docx, Html, Md, Epub], Fidelity::Flow, Basis::None),
    (&[Epub], &[Html, Md, Txt, Docx], Fidelity::Flow, Basis::None),
    (&[Pptx], &[Html, Md, Txt], Fidelity::Flow, Basis::None),
    (&[Pptx], &[Pdf, Png, Webp, Jpg, Zip], Fidelity::High, Basis::Pages),
    (&[Txt], &[Pdf], Fidelity::High, Basis::Rows),
    (&[Xlsx, Xlsm], &[Pdf], Fidelity::High, Basis::Rows),
    (&[Xlsb, Xls, Ods, Csv, Tsv], &[Pdf], Fidelity::Flow, Basis::Rows),
    (&[Xlsx, Xlsm, Xlsb, Xls, Ods], &[Csv, Tsv, Json, Html, Md], Fidelity::Data, Basis::Rows),
    (&[Csv], &[Tsv, Json, Html, Md, Xlsx], Fidelity::Data, Basis::Rows),
    (&[Tsv], &[Csv, Json, Html, Md, Xlsx], Fidelity::Data, Basis::Rows),
    (&[Xls, Xlsb, Ods], &[Xlsx], Fidelity::Data, Basis::Rows),
    (&[Json], &[Csv, Tsv, Html, Md, Xlsx], Fidelity::Data, Basis::Rows),
    (&[Png, Jpg, Webp, Gif, Bmp, Tiff], &[Png, Webp, Bmp, Tiff, Jpg, Gif], Fidelity::Exact, Basis::None),
    (&[Png, Jpg, Webp, Gif, Bmp, Tiff], &[Pdf], Fidelity::Exact, Basis::None),
    (&[Svg], &[Png, Webp, Jpg], Fidelity::Exact, Basis::None),
    (&[Svg], &[Pdf], Fidelity::High, Basis::None),
    (&[Pdf], &[Txt], Fidelity::Flow, Basis::None),
    (&[Pdf], &[Png, Webp, Jpg], Fidelity::High, Basis::None),
    (&[Pdf], &[Zip], Fidelity::High, Basis::Pages),
];

/// What an office suite adds: the old formats, slides, and a second opinion where pages count. It is not asked for
/// values: of a workbook it would write one sheet only.
const OFFICE: &[Row] = &[
    (&[Docx, Docm, Odt, Rtf, Doc], &[Pdf, Docx, Odt, Rtf, Doc], Fidelity::High, Basis::None),
    (&[Doc], &[Html, Txt], Fidelity::Flow, Basis::None),
    (&[Xlsx, Xlsm, Xlsb, Xls, Ods], &[Pdf, Xlsx, Ods, Xls], Fidelity::High, Basis::None),
    (&[Pptx, Ppt, Odp], &[Pdf, Pptx, Odp, Ppt], Fidelity::High, Basis::None),
];

/// The office suite behind a server's one route.
const SERVED: &[Row] = &[(
    &[Docx, Docm, Odt, Rtf, Doc, Xlsx, Xlsm, Xlsb, Xls, Ods, Pptx, Ppt, Odp],
    &[Pdf],
    Fidelity::High,
    Basis::None,
)];

/// What Nutrient's one route makes of office documents.
const NUTRIENT: &[Row] = &[(
    &[Docx, Docm, Odt, Rtf, Doc, Xlsx, Xlsm, Xls, Ods, Pptx, Ppt, Odp],
    &[Pdf],
    Fidelity::High,
    Basis::None,
)];

/// What CloudConvert is asked for: what an office suite would be, as far as it reads and writes it.
const CLOUDCONVERT: &[Row] = &[
    (&[Docx, Docm, Odt, Rtf, Doc], &[Pdf, Docx, Odt, Rtf, Doc], Fidelity::High, Basis::None),
    (&[Xlsx, Xlsm, Xls, Ods], &[Pdf, Xlsx, Ods, Xls], Fidelity::High, Basis::None),
    (&[Pptx, Ppt, Odp], &[Pdf, Pptx, Odp, Ppt], Fidelity::High, Basis::None),
];

/// Every pair that is always there, by input and then output.
pub fn formats() -> Vec<Capability> {
    capabilities(Engine::Builtin)
}

/// Every pair that this engine converts where it is there, by input and then output.
pub(crate) fn capabilities(engine: Engine) -> Vec<Capability> {
    let rows = match engine {
        Engine::Builtin => BUILTIN,
        Engine::Libreoffice => OFFICE,
        Engine::Gotenberg => SERVED,
        Engine::Nutrient => NUTRIENT,
        Engine::Cloudconvert => CLOUDCONVERT,
    };
    let mut pairs = Vec::new();
    for (inputs, outputs, fidelity, basis) in rows {
        for &from in *inputs {
            for &to in *outputs {
                if from == to {
                    continue;
                }
                // JPEG forgets detail and GIF forgets colours: only the lossless pairs are exact.
                let fidelity = if matches!(to, Jpg | Gif) { Fidelity::High } else { *fidelity };
                pairs.push(Capability { from, to, engine, fidelity, basis: *basis });
            }
        }
    }
    pairs.sort_by_key(|pair| (pair.from, pair.to));
    pairs
}

/// The builtin engine's capability for one pair.
///
/// # Errors
/// [`Error::Unsupported`], with a hint that names what does work from there.
pub fn supports(from: Format, to: Format) -> Result<Capability, Error> {
    let all = formats();
    match all.iter().find(|pair| pair.from == from && pair.to == to) {
        Some(found) => Ok(*found),
        None => Err(unsupported(from, to, &all)),
    }
}

/// That none of these pairs is the wanted one, and what would work instead: with these, or with more installed.
pub(crate) fn unsupported(from: Format, to: Format, all: &[Capability]) -> Error {
    let targets: Vec<&str> = all.iter().filter(|pair| pair.from == from).map(|pair| pair.to.code()).collect();
    let hint = if from == to {
        "the file has that format already".to_owned()
    } else if let Some(needed) = needed(from, to) {
        format!("whoever runs the hub can install {needed} for it")
    } else if !targets.is_empty() {
        format!("{from} can become {}", targets.join(", "))
    } else {
        format!("{from} files are not converted here; accepted are {}", accepted())
    };
    Error::Unsupported { from: from.code().into(), to: to.code().into(), hint }
}

/// What to install for a pair that an office suite would convert.
pub(crate) fn needed(from: Format, to: Format) -> Option<&'static str> {
    let known = capabilities(Engine::Libreoffice).iter().any(|pair| (pair.from, pair.to) == (from, to));
    known.then_some(match from {
        Docx | Docm | Odt | Rtf | Doc => "LibreOffice (Debian: libreoffice-writer)",
        Pptx | Ppt | Odp => "LibreOffice (Debian: libreoffice-impress)",
        _ => "LibreOffice (Debian: libreoffice-calc)",
    })
}

/// What is done with a file that stays in its format; `None` for every other pair.
///
/// # Errors
/// `Unsupported` where pages are chosen or turned of what is no PDF.
pub(crate) fn within(from: Format, to: Format, options: &Options) -> Result<Option<Capability>, Error> {
    let of_pages = options.pages.is_some() || options.rotate.is_some();
    if of_pages && (from, to) != (Pdf, Pdf) {
        let hint =
            "pages are chosen and turned in a PDF only: convert to pdf first, and then from pdf to pdf";
        return Err(Error::Unsupported { from: from.code().into(), to: to.code().into(), hint: hint.into() });
    }
    let basis = if from == Pdf { Basis::Pages } else { Basis::None };
    let same = Capability { from, to, engine: Engine::Builtin, fidelity: Fidelity::Exact, basis };
    Ok((from == to && (of_pages || options.as_is)).then_some(same))
}

/// The wishes that mean nothing for this pair, by their names: a caller who has one is told.
pub(crate) fn idle(from: Format, to: Format, options: &Options) -> Vec<&'static str> {
    let is_picture = |format: Format| matches!(format, Png | Jpg | Webp | Gif | Bmp | Tiff);
    let is_table = matches!(from, Xlsx | Xlsm | Xlsb | Xls | Ods);
    let flows = matches!(from, Txt | Md | Html | Epub);
    // A zip of pages has PNGs, and every other picture but JPEG is written without loss.
    let wishes = [
        ("quality", options.quality.is_some(), to == Jpg),
        ("width", options.width.is_some(), is_picture(to) || is_picture(from) || to == Zip),
        ("height", options.height.is_some(), is_picture(to) || is_picture(from) || to == Zip),
        ("sheet", options.sheet.is_some(), is_table || matches!(from, Csv | Tsv | Json)),
        ("page", options.page.is_some(), matches!(from, Pdf | Pptx) && is_picture(to)),
        (
            "dpi",
            options.dpi.is_some(),
            matches!(from, Pdf | Pptx | Svg) && (is_picture(to) || to == Zip)
                || is_picture(from) && to == Pdf,
        ),
        ("paper", options.paper != crate::Paper::default(), flows && to == Pdf),
    ];
    wishes.into_iter().filter(|(_, said, means)| *said && !means).map(|(name, ..)| name).collect()
}

/// The input formats we accept, as a list for people.
pub(crate) fn accepted() -> String {
    let mut inputs: Vec<Format> = formats().iter().map(|pair| pair.from).collect();
    inputs.dedup();
    inputs.iter().map(|format| format.code()).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_pair_is_listed_twice() {
        for engine in Engine::ALL {
            let pairs = capabilities(engine);
            let mut seen: Vec<(Format, Format)> = pairs.iter().map(|pair| (pair.from, pair.to)).collect();
            seen.dedup();
            assert_eq!(seen.len(), pairs.len(), "{engine}");
        }
    }

    #[test]
    fn a_wish_that_means_nothing_for_the_pair_is_named() {
        let wishes =
            Options { quality: Some(3), sheet: Some("1".into()), dpi: Some(300), ..Options::default() };
        assert_eq!(idle(Csv, Json, &wishes), ["quality", "dpi"]);
        assert_eq!(idle(Pdf, Jpg, &wishes), ["sheet"]);
        assert_eq!(idle(Png, Webp, &wishes), ["quality", "sheet", "dpi"]);
        assert!(idle(Docx, Pdf, &Options::default()).is_empty());
    }

    #[test]
    fn a_pair_that_does_not_work_says_what_does() {
        let Err(Error::Unsupported { hint, .. }) = supports(Png, Docx) else { panic!("png became docx") };
        assert!(hint.contains("pdf") && hint.contains("webp"), "{hint}");
        let Err(Error::Unsupported { hint, .. }) = supports(Doc, Pdf) else { panic!("doc became pdf") };
        assert!(hint.contains("libreoffice-writer"), "{hint}");
        let Err(Error::Unsupported { hint, .. }) = supports(Zip, Pdf) else { panic!("zip became pdf") };
        assert!(hint.contains("docx"), "{hint}");
    }
}

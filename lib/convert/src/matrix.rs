//! Which pairs of formats we convert, by which engine, and how well.

use serde::Serialize;

use crate::Format::{self, *};
use crate::{Error, builtin};

/// How much of the look of the source the result keeps.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize)]
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
    pub engine: &'static str,
    /// How much of the look survives.
    pub fidelity: Fidelity,
    /// What progress counts.
    pub basis: Basis,
}

type Row = (&'static [Format], &'static [Format], Fidelity, Basis);

/// Inputs × outputs of the builtin engine. A pair is listed only if a test converts it.
const BUILTIN: &[Row] = &[
    (&[Docx, Docm], &[Pdf], Fidelity::High, Basis::None),
    (&[Odt, Rtf, Html, Md], &[Pdf], Fidelity::Flow, Basis::None),
    (&[Docx, Docm, Odt, Rtf], &[Html, Md, Txt], Fidelity::Flow, Basis::None),
    (&[Html], &[Md, Txt], Fidelity::Flow, Basis::None),
    (&[Md], &[Html, Txt], Fidelity::Flow, Basis::None),
    (&[Md, Html], &[Docx], Fidelity::Flow, Basis::None),
    (&[Txt], &[Pdf], Fidelity::High, Basis::Rows),
    (&[Xlsx, Xlsm], &[Pdf], Fidelity::High, Basis::Rows),
    (&[Xlsb, Xls, Ods, Csv, Tsv], &[Pdf], Fidelity::Flow, Basis::Rows),
    (&[Xlsx, Xlsm, Xlsb, Xls, Ods], &[Csv, Tsv, Json, Html, Md], Fidelity::Data, Basis::Rows),
    (&[Csv], &[Tsv, Json, Html, Md, Xlsx], Fidelity::Data, Basis::Rows),
    (&[Tsv], &[Csv, Json, Html, Md, Xlsx], Fidelity::Data, Basis::Rows),
    (&[Xls, Xlsb, Ods], &[Xlsx], Fidelity::Data, Basis::Rows),
    (&[Json], &[Csv, Xlsx], Fidelity::Data, Basis::Rows),
    (&[Png, Jpg, Webp, Gif, Bmp, Tiff], &[Png, Webp, Bmp, Tiff, Jpg, Gif], Fidelity::Exact, Basis::None),
    (&[Png, Jpg, Webp, Gif, Bmp, Tiff], &[Pdf], Fidelity::Exact, Basis::None),
    (&[Pdf], &[Txt], Fidelity::Flow, Basis::None),
];

/// Every pair that works here, by input and then output.
pub fn formats() -> Vec<Capability> {
    let mut pairs = Vec::new();
    for (inputs, outputs, fidelity, basis) in BUILTIN {
        for &from in *inputs {
            for &to in *outputs {
                if from == to {
                    continue;
                }
                // JPEG forgets detail and GIF forgets colours: only the lossless pairs are exact.
                let fidelity = if matches!(to, Jpg | Gif) { Fidelity::High } else { *fidelity };
                pairs.push(Capability { from, to, engine: builtin::NAME, fidelity, basis: *basis });
            }
        }
    }
    pairs.sort_by_key(|pair| (pair.from, pair.to));
    pairs
}

/// The capability for one pair.
///
/// # Errors
/// [`Error::Unsupported`], with a hint that names what does work from there.
pub fn supports(from: Format, to: Format) -> Result<Capability, Error> {
    let all = formats();
    if let Some(found) = all.iter().find(|pair| pair.from == from && pair.to == to) {
        return Ok(*found);
    }
    let targets: Vec<&str> = all.iter().filter(|pair| pair.from == from).map(|pair| pair.to.code()).collect();
    let hint = if from == to {
        "the file has that format already".to_owned()
    } else if !targets.is_empty() {
        format!("{from} can become {}", targets.join(", "))
    } else {
        format!("{from} files are not converted here; accepted are {}", accepted())
    };
    Err(Error::Unsupported { from: from.code().into(), to: to.code().into(), hint })
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
        let pairs = formats();
        let mut seen: Vec<(Format, Format)> = pairs.iter().map(|pair| (pair.from, pair.to)).collect();
        seen.dedup();
        assert_eq!(seen.len(), pairs.len());
    }

    #[test]
    fn a_pair_that_does_not_work_says_what_does() {
        let Err(Error::Unsupported { hint, .. }) = supports(Png, Docx) else { panic!("png became docx") };
        assert!(hint.contains("pdf") && hint.contains("webp"), "{hint}");
        let Err(Error::Unsupported { hint, .. }) = supports(Doc, Pdf) else { panic!("doc became pdf") };
        assert!(hint.contains("docx"), "{hint}");
    }
}

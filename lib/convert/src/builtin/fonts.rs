//! Fonts of this machine, asked only for characters that no bundled font can draw.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::limits::MIB;

/// Where systems keep fonts. The sandbox allows reading exactly these.
pub(crate) const FOLDERS: [&str; 5] = [
    "/usr/share/fonts",
    "/usr/local/share/fonts",
    "/System/Library/Fonts",
    "/Library/Fonts",
    "/opt/share/fonts",
];
/// Font files looked at; a machine with more is searched in the order of the paths.
const FILES: usize = 4_000;
/// A CJK collection has 20 MiB; nothing useful is larger than this.
const FILE_SIZE: u64 = 64 * MIB;

/// A font file and the name to load it under.
pub(super) struct Font {
    pub(super) family: String,
    pub(super) data: Vec<u8>,
}

/// The fewest regular font files that draw as many of `letters` as this machine can. Empty when it can draw none.
pub(super) fn covering(letters: &BTreeSet<char>) -> Vec<Font> {
    let mut files = Vec::new();
    for folder in FOLDERS {
        collect(Path::new(folder), 0, &mut files);
    }
    // Regular faces first, then by path: the same machine always chooses the same fonts.
    files.sort_by_key(|path| (!is_regular(path), path.clone()));

    let mut missing: BTreeSet<char> = letters.iter().copied().filter(|letter| !is_private(*letter)).collect();
    let mut fonts = Vec::new();
    for path in files {
        if missing.is_empty() {
            break;
        }
        let Some((family, data, drawn)) = load(&path, &missing) else { continue };
        missing.retain(|letter| !drawn.contains(letter));
        fonts.push(Font { family, data });
    }
    fonts
}

/// Whether a letter means something in one font only, and something else in every other (Unicode 17, 23.5). Those of
/// fonts of signs are known to all of them.
fn is_private(letter: char) -> bool {
    matches!(letter, '\u{e000}'..='\u{efff}' | '\u{f100}'..='\u{f8ff}' | '\u{f0000}'..)
}

/// What an engine that draws with the fonts of this machine cannot draw, as a sentence.
pub(crate) fn undrawable(mut letters: BTreeSet<char>) -> Option<String> {
    for font in covering(&letters) {
        if let Ok(face) = ttf_parser::Face::parse(&font.data, 0) {
            letters.retain(|letter| face.glyph_index(*letter).is_none_or(|glyph| glyph.0 == 0));
        }
    }
    lost_letters(&letters)
}

/// The sentence for letters that are drawn as empty boxes.
pub(super) fn lost_letters(letters: &BTreeSet<char>) -> Option<String> {
    if letters.is_empty() {
        return None;
    }
    let some: String = letters.iter().take(8).collect();
    let rest = if letters.len() > 8 { "…" } else { "" };
    let count = letters.len();
    Some(format!(
        "no font here draws these characters ({count}), they are empty boxes: {some}{rest}; install one that does"
    ))
}

fn collect(folder: &Path, depth: usize, files: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let path = entry.path();
        if path.is_dir() && depth < 6 {
            collect(&path, depth + 1, files);
        } else if files.len() < FILES && is_font(&path) {
            files.push(path);
        }
    }
}

fn is_font(path: &Path) -> bool {
    let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    ["ttf", "otf", "ttc"].iter().any(|kind| extension.eq_ignore_ascii_case(kind))
}

fn is_regular(path: &Path) -> bool {
    let name = path.file_stem().and_then(|name| name.to_str()).unwrap_or_default().to_ascii_lowercase();
    let plain = !["bold", "italic", "oblique", "light", "thin", "black", "condensed", "mono", "serif"]
        .iter()
        .any(|style| name.contains(style));
    name.contains("regular") || plain
}

fn load(path: &Path, wanted: &BTreeSet<char>) -> Option<(String, Vec<u8>, BTreeSet<char>)> {
    if fs::metadata(path).ok()?.len() > FILE_SIZE {
        return None;
    }
    let data = fs::read(path).ok()?;
    let face = ttf_parser::Face::parse(&data, 0).ok()?;
    let drawn: BTreeSet<char> = wanted
        .iter()
        .copied()
        .filter(|letter| face.glyph_index(*letter).is_some_and(|glyph| glyph.0 != 0))
        .collect();
    if drawn.is_empty() {
        return None;
    }
    let family = face
        .names()
        .into_iter()
        .find(|name| name.name_id == ttf_parser::name_id::FAMILY && name.is_unicode())
        .and_then(|name| name.to_string())
        .unwrap_or_else(|| {
            path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default()
        });
    Some((family, data, drawn))
}

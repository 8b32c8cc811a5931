//! Several files as one zip: streamed file by file, under names that are safe and unique, and read back at the end.

use std::collections::HashSet;
use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Write as _};
use std::path::{Path, PathBuf};

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

use crate::limits::MIB;
use crate::{Error, Format};

/// Bytes of all files in one zip, unpacked.
const BYTES: u64 = 1024 * MIB;
/// Bytes that are in memory at once.
const CHUNK: usize = 64 * 1024;
/// Bytes of a name, which every file system takes.
const NAME: usize = 200;
/// Names that are devices on Windows, with any ending.
const DEVICES: [&str; 6] = ["con", "prn", "aux", "nul", "com", "lpt"];

/// A zip in the making. What is not finished is no zip.
pub struct Bundle {
    zip: ZipWriter<BufWriter<File>>,
    path: PathBuf,
    /// Names and sizes of what is in it.
    files: Vec<(String, u64)>,
}

impl Bundle {
    /// An empty one at `path`, which is made anew.
    ///
    /// # Errors
    /// `Io`.
    pub fn create(path: &Path) -> Result<Bundle, Error> {
        let zip = ZipWriter::new(BufWriter::new(File::create(path)?));
        Ok(Bundle { zip, path: path.to_owned(), files: Vec::new() })
    }

    /// Adds the whole file at `from` under a name of [`plain_names`]. `go_on` is asked again and again whether somebody
    /// still wants it.
    ///
    /// # Errors
    /// `LimitExceeded` when all files together are too large, `Cancelled` when nobody wants it, `Io`.
    pub fn add(&mut self, name: &str, from: &Path, go_on: &dyn Fn() -> bool) -> Result<(), Error> {
        let mut file = File::open(from)?;
        let so_far: u64 = self.files.iter().map(|(_, bytes)| bytes).sum();
        if so_far.saturating_add(file.metadata()?.len()) > BYTES {
            return Err(Error::limit(format!("the files have more than {} MiB together", BYTES / MIB)));
        }
        let options = SimpleFileOptions::default().compression_method(method(name));
        self.zip.start_file(name, options).map_err(unwritable)?;
        let mut chunk = vec![0; CHUNK];
        let mut bytes = 0;
        loop {
            if !go_on() {
                return Err(Error::Cancelled);
            }
            match file.read(&mut chunk)? {
                0 => break,
                read => {
                    self.zip.write_all(&chunk[..read])?;
                    bytes += read as u64;
                }
            }
        }
        self.files.push((name.to_owned(), bytes));
        Ok(())
    }

    /// Ends it and opens it again: it has what was put in, under these names.
    ///
    /// # Errors
    /// `Io`, and `Crashed` when it does not open again as what was put in.
    pub fn finish(self) -> Result<(), Error> {
        self.zip.finish().map_err(unwritable)?.flush()?;
        let broken = |what: String| Error::Crashed { detail: format!("the zip does not open again: {what}") };
        let mut zip = ZipArchive::new(BufReader::new(File::open(&self.path)?))
            .map_err(|error| broken(error.to_string()))?;
        if zip.len() != self.files.len() {
            return Err(broken(format!("{} of {} files are in it", zip.len(), self.files.len())));
        }
        for (name, bytes) in &self.files {
            let found = zip.by_name(name).map_err(|error| broken(error.to_string()))?;
            if found.size() != *bytes {
                return Err(broken(format!("{name} has another size")));
            }
        }
        Ok(())
    }
}

/// What these files are called in a zip, in the same order: no paths, nothing that a file system does not take, and no
/// two that are the same on one that does not tell capitals apart.
pub fn plain_names<'a>(names: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let mut taken = HashSet::new();
    names.into_iter().map(|name| unique(&plain(name), &mut taken)).collect()
}

fn unique(name: &str, taken: &mut HashSet<String>) -> String {
    let (stem, ending) = match name.rfind('.') {
        Some(at) if at > 0 => name.split_at(at),
        _ => (name, ""),
    };
    let mut candidate = name.to_owned();
    let mut number = 2;
    while !taken.insert(candidate.to_lowercase()) {
        candidate = format!("{stem} ({number}){ending}");
        number += 1;
    }
    candidate
}

fn plain(name: &str) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let forbidden = |letter: char| letter.is_control() || "<>:\"|?*".contains(letter);
    let clean: String = last.chars().map(|letter| if forbidden(letter) { '_' } else { letter }).collect();
    let clean = clean.trim_matches(|letter: char| letter == ' ' || letter == '.');
    // The end tells the format, so the beginning goes.
    let clean = &clean[clean.ceil_char_boundary(clean.len().saturating_sub(NAME))..];
    let stem = clean.split('.').next().unwrap_or_default().to_lowercase();
    let device = DEVICES.contains(&stem.trim_end_matches(|digit: char| digit.is_ascii_digit()));
    match clean {
        "" => "file".to_owned(),
        name if device => format!("_{name}"),
        name => name.to_owned(),
    }
}

/// What is packed already is only stored.
fn method(name: &str) -> CompressionMethod {
    use Format::{Bmp, Csv, Doc, Html, Json, Md, Ppt, Rtf, Svg, Tsv, Txt, Xls};
    match Format::from_name(name) {
        Some(Bmp | Csv | Doc | Html | Json | Md | Ppt | Rtf | Svg | Tsv | Txt | Xls) => {
            CompressionMethod::Deflated
        }
        _ => CompressionMethod::Stored,
    }
}

fn unwritable(error: zip::result::ZipError) -> Error {
    Error::Io { detail: format!("the zip cannot be written ({error})") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_leave_no_folder_and_meet_no_other() {
        let names = ["../a.pdf", "A.pdf", "b/a.pdf", "..", "con.txt", "x:y?.pdf", "A (2).pdf", "lpt1"];
        assert_eq!(
            plain_names(names),
            ["a.pdf", "A (2).pdf", "a (3).pdf", "file", "_con.txt", "x_y_.pdf", "A (2) (2).pdf", "_lpt1"]
        );
        let long = "ä".repeat(200) + ".pdf";
        assert!(plain_names([long.as_str()])[0].len() <= NAME);
    }

    #[test]
    fn what_is_put_in_comes_out_and_whoever_stops_it_stops_it() {
        let desk = tempfile::tempdir().unwrap();
        let (file, out) = (desk.path().join("in"), desk.path().join("out.zip"));
        std::fs::write(&file, "tea ".repeat(50_000)).unwrap();

        let mut bundle = Bundle::create(&out).unwrap();
        bundle.add("a.txt", &file, &|| true).unwrap();
        bundle.add("a.pdf", &file, &|| true).unwrap();
        bundle.finish().unwrap();

        let mut zip = ZipArchive::new(File::open(&out).unwrap()).unwrap();
        let mut text = String::new();
        zip.by_name("a.txt").unwrap().read_to_string(&mut text).unwrap();
        assert_eq!(text, "tea ".repeat(50_000));
        let stored = zip.by_name("a.pdf").unwrap().compressed_size();
        assert!(stored == 200_000 && zip.by_name("a.txt").unwrap().compressed_size() < stored);
        let mut stopped = Bundle::create(&out).unwrap();
        assert_eq!(stopped.add("a.txt", &file, &|| false), Err(Error::Cancelled));
    }
}

//! Zip containers (docx, xlsx, odt, epub …): a directory check that costs no unpacking, and bounded reads.

use std::fs::File;
use std::io::{BufReader, Cursor, Read, Seek, Write};
use std::path::Path;

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

use crate::Error;
use crate::limits::{MIB, ZIP_ENTRIES, ZIP_PART, ZIP_RATIO, ZIP_RATIO_FROM, ZIP_TOTAL};

/// A zip container whose directory is within the limits.
pub(crate) struct Container<R = BufReader<File>> {
    archive: ZipArchive<R>,
}

impl Container {
    /// Opens and checks the directory. Nothing is unpacked.
    ///
    /// # Errors
    /// `Corrupt` when there is no readable directory, `LimitExceeded` for what looks like a bomb.
    pub(crate) fn open(path: &Path) -> Result<Container, Error> {
        Container::of(BufReader::new(File::open(path)?))
    }
}

impl<R: Read + Seek> Container<R> {
    /// The same for a container that is no file.
    pub(crate) fn of(reader: R) -> Result<Container<R>, Error> {
        let mut container = Container { archive: ZipArchive::new(reader).map_err(unreadable)? };
        container.check()?;
        Ok(container)
    }

    fn check(&mut self) -> Result<(), Error> {
        let entries = self.archive.len();
        if entries > ZIP_ENTRIES {
            return Err(Error::limit(format!("{entries} parts in its container, allowed are {ZIP_ENTRIES}")));
        }
        let mut total = 0_u64;
        for at in 0..entries {
            let part = self.archive.by_index_raw(at).map_err(unreadable)?;
            let (unpacked, packed) = (part.size(), part.compressed_size());
            total = total.saturating_add(unpacked);
            if unpacked > ZIP_PART {
                return Err(too_large("one part", unpacked, ZIP_PART));
            }
            if unpacked > ZIP_RATIO_FROM && unpacked / packed.max(1) > ZIP_RATIO {
                let ratio = unpacked / packed.max(1);
                return Err(Error::limit(format!(
                    "a part unpacks to {ratio} times its size, allowed is {ZIP_RATIO}"
                )));
            }
        }
        if total > ZIP_TOTAL {
            return Err(too_large("all parts together", total, ZIP_TOTAL));
        }
        Ok(())
    }

    /// Whether the container has a part of exactly this name.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.archive.index_for_name(name).is_some()
    }

    /// The names of all parts, in the order of the directory; names that are no text are left out.
    pub(crate) fn names(&self) -> Vec<String> {
        self.archive.file_names().flatten().map(|name| name.into_owned()).collect()
    }

    /// Unpacks one part; `None` if there is no such part. The directory may lie about sizes, so the read is bounded too.
    pub(crate) fn read(&mut self, name: &str) -> Result<Option<Vec<u8>>, Error> {
        if !self.has(name) {
            return Ok(None);
        }
        let part = self.archive.by_name(name).map_err(unreadable)?;
        if part.encrypted() {
            return Err(Error::Encrypted);
        }
        let mut bytes = Vec::new();
        part.take(ZIP_PART + 1)
            .read_to_end(&mut bytes)
            .map_err(|error| Error::corrupt(format!("part {name} cannot be unpacked ({error})")))?;
        if bytes.len() as u64 > ZIP_PART {
            return Err(too_large("one part", bytes.len() as u64, ZIP_PART));
        }
        Ok(Some(bytes))
    }

    /// The container again without its folder entries, each part as `mend` wants it. Nothing is packed tighter: this is
    /// for whoever reads it at once.
    pub(crate) fn packed(
        &mut self,
        mut mend: impl FnMut(&str, Vec<u8>) -> Vec<u8>,
    ) -> Result<Vec<u8>, Error> {
        let as_it_is = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
        self.rewritten(as_it_is, |name, part| Some(mend(name, part)))
    }

    /// The same, tight; parts that are mended to nothing are left out.
    pub(crate) fn packed_tight(
        &mut self,
        mend: impl FnMut(&str, Vec<u8>) -> Option<Vec<u8>>,
    ) -> Result<Vec<u8>, Error> {
        // The moment of writing would make every run different.
        self.rewritten(SimpleFileOptions::default().last_modified_time(zip::DateTime::default()), mend)
    }

    fn rewritten(
        &mut self,
        options: SimpleFileOptions,
        mut mend: impl FnMut(&str, Vec<u8>) -> Option<Vec<u8>>,
    ) -> Result<Vec<u8>, Error> {
        let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
        let failed = |error: zip::result::ZipError| Error::Io { detail: error.to_string() };
        for name in self.names().into_iter().filter(|name| !name.ends_with('/')) {
            let part = self.read(&name)?.unwrap_or_default();
            if let Some(part) = mend(&name, part) {
                zip.start_file(&name, options).map_err(failed)?;
                zip.write_all(&part)?;
            }
        }
        Ok(zip.finish().map_err(failed)?.into_inner())
    }
}

fn unreadable(error: zip::result::ZipError) -> Error {
    Error::corrupt(format!("the zip container cannot be read ({error})"))
}

fn too_large(what: &str, size: u64, limit: u64) -> Error {
    Error::limit(format!(
        "{what} of its container unpacks to {} MiB, allowed are {} MiB",
        size / MIB,
        limit / MIB
    ))
}

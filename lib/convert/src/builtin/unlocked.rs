//! Documents of Office that ask for a password, unlocked in memory and never on a disk.

use std::fs;
use std::io::{Cursor, Read, Seek};
use std::sync::Arc;

use oxml_opc::{OpcError, OpcPackage, PackageReadLimits};

use crate::container::Container;
use crate::limits::{ZIP_ENTRIES, ZIP_PART, ZIP_TOTAL};
use crate::{Error, Format, Request};

use super::parts::elements;

pub(super) const PACKAGE_LIMITS: PackageReadLimits = PackageReadLimits {
    max_entries: ZIP_ENTRIES,
    max_part_uncompressed_bytes: ZIP_PART,
    max_total_uncompressed_bytes: ZIP_TOTAL,
};

/// The input as whoever knows its password sees it; as it is when it has none.
///
/// # Errors
/// `Encrypted` and `WrongPassword`, `Unsupported` for the encryption of before 2010.
pub(super) fn read(req: &Request) -> Result<Cursor<Arc<[u8]>>, Error> {
    let bytes = fs::read(&req.input)?;
    let locks = matches!(
        req.from,
        Format::Docx | Format::Docm | Format::Xlsx | Format::Xlsm | Format::Xlsb | Format::Pptx
    );
    // What is encrypted lies in a compound file, whatever it is inside ([MS-OFFCRYPTO] 2.3).
    if !locks || !bytes.starts_with(&[0xd0, 0xcf, 0x11, 0xe0]) {
        return Ok(Cursor::new(bytes.into()));
    }
    let password = req.options.password.as_deref().ok_or(Error::Encrypted)?;
    let package = OpcPackage::from_encrypted_reader_with_limits(Cursor::new(bytes), password, PACKAGE_LIMITS)
        .map_err(problem)?;
    let mut plain = Cursor::new(Vec::new());
    package.write_to(&mut plain).map_err(problem)?;
    Ok(Cursor::new(plain.into_inner().into()))
}

/// An OpenDocument file is not encrypted, part by part (OpenDocument 1.3 Part 2, 3.4: its parts tell in the manifest).
///
/// # Errors
/// `Encrypted` for one without a password, `Unsupported` with one.
pub(super) fn refuse_open_document<R: Read + Seek>(
    container: &mut Container<R>,
    req: &Request,
) -> Result<(), Error> {
    let manifest = container.read("META-INF/manifest.xml")?.unwrap_or_default();
    let locked = !elements(&manifest, b"encryption-data").is_empty();
    if locked { Err(locked_elsewhere(req)) } else { Ok(()) }
}

/// What is wrong with a locked document whose kind of lock nobody here opens.
pub(super) fn locked_elsewhere(req: &Request) -> Error {
    if req.options.password.is_none() {
        return Error::Encrypted;
    }
    Error::Unsupported {
        from: format!("a {} file with a password", req.from),
        to: req.to.to_string(),
        hint: "only documents of Office 2010 and later, and PDFs, are opened with one: save it without a password"
            .into(),
    }
}

/// An encryption that is not read here.
pub(super) fn too_old() -> Error {
    Error::Unsupported {
        from: "a document in an older kind of encryption".into(),
        to: "anything".into(),
        hint: "save it without a password, or once more with the encryption that Office uses since 2010"
            .into(),
    }
}

fn problem(error: OpcError) -> Error {
    let detail = error.to_string();
    let lower = detail.to_lowercase();
    if lower.contains("invalid password") {
        Error::WrongPassword
    } else if lower.contains("unsupported") {
        too_old()
    } else if lower.contains("limit") {
        Error::limit(detail)
    } else {
        Error::corrupt(format!("what is encrypted cannot be read ({detail})"))
    }
}

//! Files of this machine: read with a bound, written whole or not at all, never by a name that leaves its folder.

use std::{
    io,
    path::{Path, PathBuf},
};

use tempfile::NamedTempFile;
use tokio::io::AsyncReadExt as _;

use crate::{
    error::{CliError, Kind},
    output::Output,
};

/// Where a result goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Destination {
    /// Standard output.
    Stdout,
    /// A file, which may replace another one of that name or not.
    File {
        /// Its path.
        path: PathBuf,
        /// Whether it may replace another.
        overwrite: bool,
    },
}

impl Destination {
    /// The destination of that name, `-` being standard output. Refuses to overwrite, and to fill a person's terminal
    /// with what is not text.
    pub fn of(name: &str, overwrite: bool, is_text: bool, out: &Output) -> Result<Self, CliError> {
        if name == "-" {
            return Self::stdout(is_text, out);
        }
        Self::file(PathBuf::from(name), overwrite)
    }

    /// Standard output, unless a person would see noise there.
    pub fn stdout(is_text: bool, out: &Output) -> Result<Self, CliError> {
        if out.is_terminal() && !is_text {
            return Err(CliError::usage("the result is not text and would go to the terminal")
                .hint("name a file with -o FILE, or send stdout somewhere"));
        }
        if out.is_json() {
            return Err(
                CliError::usage("-o - and --json both want standard output").hint("name a file with -o FILE")
            );
        }
        Ok(Self::Stdout)
    }

    /// A file that is not there yet, or may be replaced.
    pub fn file(path: PathBuf, overwrite: bool) -> Result<Self, CliError> {
        if path.is_dir() {
            return Err(CliError::new(Kind::LocalIo, format!("{} is a folder", path.display())));
        }
        if !overwrite && path.symlink_metadata().is_ok() {
            return Err(exists(&path));
        }
        Ok(Self::File { path, overwrite })
    }
}

fn exists(path: &Path) -> CliError {
    CliError::new(Kind::LocalIo, format!("{} exists already", path.display()))
        .hint("use --overwrite to replace it, or choose another name")
}

/// A result that is on its way: under its own name only once it is whole. Dropped before that, it is gone.
pub struct Arriving {
    beside: NamedTempFile,
    destination: Destination,
}

impl Arriving {
    /// Begins a file beside its destination, so that the last step is a rename.
    pub fn begin(destination: &Destination) -> Result<Self, CliError> {
        let folder = match destination {
            Destination::Stdout => std::env::temp_dir(),
            Destination::File { path, .. } => folder_of(path).to_owned(),
        };
        let failed = format!("cannot write in {}", folder.display());
        let beside = new_in(&folder).map_err(CliError::io(failed))?;
        Ok(Self { beside, destination: destination.clone() })
    }

    /// The file to write to.
    pub fn sink(&self) -> Result<tokio::fs::File, CliError> {
        let file = self.beside.reopen().map_err(CliError::io("cannot write the result"))?;
        Ok(tokio::fs::File::from_std(file))
    }

    /// Where it is until it is whole.
    pub fn path(&self) -> &Path {
        self.beside.path()
    }

    /// Gives the result its name, or prints it. The path, if there is one.
    pub fn finish(self, out: &Output) -> Result<Option<PathBuf>, CliError> {
        match self.destination {
            Destination::Stdout => out.copy(self.beside.path()).map(|()| None),
            Destination::File { path, overwrite } => {
                let kept =
                    if overwrite { self.beside.persist(&path) } else { self.beside.persist_noclobber(&path) };
                match kept {
                    Ok(_) => Ok(Some(path)),
                    Err(why) if why.error.kind() == io::ErrorKind::AlreadyExists => Err(exists(&path)),
                    Err(why) => Err(CliError::io(format!("cannot write {}", path.display()))(why.error)),
                }
            }
        }
    }
}

/// The folder a path is in.
fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// An unfinished file with the permissions of a finished one: the person's umask decides, not the library.
fn new_in(folder: &Path) -> io::Result<NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".mshub-").suffix(".part");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        builder.permissions(std::fs::Permissions::from_mode(0o666));
    }
    builder.tempfile_in(folder)
}

/// Writes bytes to a destination; the path, if there is one.
pub async fn put(destination: &Destination, bytes: &[u8], out: &Output) -> Result<Option<PathBuf>, CliError> {
    let arriving = Arriving::begin(destination)?;
    tokio::fs::write(arriving.path(), bytes).await.map_err(CliError::io("cannot write the result"))?;
    arriving.finish(out)
}

/// Standard input as a file of its own: closing it closes nothing else.
#[cfg(unix)]
pub fn stdin() -> io::Result<tokio::fs::File> {
    use std::os::fd::AsFd as _;
    let owned = io::stdin().as_fd().try_clone_to_owned()?;
    Ok(tokio::fs::File::from_std(owned.into()))
}

/// Standard input as a file of its own: closing it closes nothing else.
#[cfg(windows)]
pub fn stdin() -> io::Result<tokio::fs::File> {
    use std::os::windows::io::AsHandle as _;
    let owned = io::stdin().as_handle().try_clone_to_owned()?;
    Ok(tokio::fs::File::from_std(owned.into()))
}

/// Reads a file, or standard input for `-`, that is not larger than `most` bytes.
pub async fn read(file: &str, most: u64) -> Result<Vec<u8>, CliError> {
    let name = if file == "-" { "standard input" } else { file };
    let failed = || CliError::io(format!("cannot read {name}"));
    let mut bytes = Vec::new();
    if file == "-" {
        stdin().map_err(failed())?.take(most + 1).read_to_end(&mut bytes).await.map_err(failed())?;
    } else {
        let opened = tokio::fs::File::open(file).await.map_err(failed())?;
        opened.take(most + 1).read_to_end(&mut bytes).await.map_err(failed())?;
    }
    if bytes.len() as u64 > most {
        let limit = crate::text::size(most);
        return Err(CliError::new(Kind::Rejected, format!("{name} is larger than {limit}")));
    }
    Ok(bytes)
}

/// A name that somebody else chose, as the name of a file in a folder that we chose: no folders, nothing hidden,
/// nothing that a terminal or a shell would stumble over.
pub fn safe_name(given: &str, otherwise: &str) -> String {
    let last = given.rsplit(['/', '\\']).next().unwrap_or_default();
    let plain: String = last.chars().filter(|c| !c.is_control()).collect();
    let plain = plain.trim().trim_start_matches('.');
    if plain.is_empty() || plain.len() > 255 { otherwise.to_owned() } else { plain.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::GlobalArgs;

    #[test]
    fn a_name_of_the_hub_stays_in_its_folder() {
        assert_eq!(safe_name("report.pdf", "x"), "report.pdf");
        assert_eq!(safe_name("../../etc/cron.d/evil", "x"), "evil");
        assert_eq!(safe_name("C:\\temp\\a.pdf", "x"), "a.pdf");
        assert_eq!(safe_name(".bashrc", "x"), "bashrc");
        assert_eq!(safe_name("a\u{1b}[2J\n.pdf", "x"), "a[2J.pdf");
        for nothing in ["", "..", "/", "a/", " "] {
            assert_eq!(safe_name(nothing, "x"), "x", "{nothing:?}");
        }
    }

    #[tokio::test]
    async fn a_file_is_only_replaced_when_that_is_wanted() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.txt");
        let out = Output::new(&GlobalArgs::default());

        let first = Destination::file(path.clone(), false).unwrap();
        put(&first, b"one", &out).await.unwrap();
        assert_eq!(Destination::file(path.clone(), false).unwrap_err().kind, Kind::LocalIo);
        // Somebody was faster than we were between the look and the rename.
        assert_eq!(put(&first, b"two", &out).await.unwrap_err().kind, Kind::LocalIo);
        assert_eq!(std::fs::read(&path).unwrap(), b"one");

        put(&Destination::file(path.clone(), true).unwrap(), b"three", &out).await.unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"three");
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1, "something was left behind");
    }
}

//! Files: up to the hub, down from it, and their names while a path is being typed.

use std::{
    io,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};

use client::{Attachment, Upload, UploadBody};
use tokio::{fs, io::AsyncWriteExt};
use wire::{
    JobId,
    conversions::NewConversion,
    files::{File, plain_name},
};

use super::{Paths, World, hub::spoken};
use crate::{
    msg::{Answer, Failure, FailureKind, Msg, NamedFile},
    paths, text,
};

/// How many names a completion looks at.
const NAMES: usize = 500;
/// How many names it tries before it gives up: `a.pdf`, `a (2).pdf`, …
const COPIES: u32 = 999;

impl Paths {
    /// `~` is the home folder, relative paths begin in the client's folder.
    fn expand(&self, path: &Path) -> PathBuf {
        match (path.strip_prefix("~"), &self.home) {
            (Ok(rest), Some(home)) => home.join(rest),
            _ => self.folder.join(path),
        }
    }
}

/// Sends a file and tells how far it is. What cannot be told because the loop is busy is left out.
pub(super) async fn upload(world: World, upload: u64, path: PathBuf, to: String) {
    let path = world.paths.expand(&path);
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let query = NewConversion { to, name, ..NewConversion::default() };
    let (out, told) = (world.out.clone(), AtomicU64::new(0));
    let progress = move |sent, total| {
        if worth_telling(&told, sent, total) {
            let _ = out.try_send(Msg::UploadMoved { upload, sent, total });
        }
    };
    let job = world.hub.convert(Upload { query, bytes: UploadBody::File(path) }, progress).await;
    let _ = world.out.send(Msg::Uploaded(upload, spoken(job))).await;
}

/// Reads files that are to go into a room.
pub(super) async fn attach(world: &World, paths: &[PathBuf]) -> Answer<Vec<Attachment>> {
    let mut files = Vec::with_capacity(paths.len());
    for path in paths {
        files.push(spoken(Attachment::of(&world.paths.expand(path)).await)?);
    }
    Ok(files)
}

/// The files that a text names: those of its likeliest reading in which all are there.
pub(super) async fn named(world: &World, text: &str) -> Vec<NamedFile> {
    for reading in paths::dropped(text) {
        let mut found = Vec::new();
        for path in &reading {
            let path = world.paths.expand(path);
            if let Ok(about) = fs::metadata(&path).await
                && about.is_file()
            {
                found.push(NamedFile { path, bytes: about.len() });
            }
        }
        if found.len() == reading.len() {
            return found;
        }
    }
    Vec::new()
}

/// Saves a result as a file that was not there before, and returns its path.
pub(super) async fn save(world: &World, job: JobId, path: PathBuf) -> Answer<PathBuf> {
    let link = spoken(world.hub.result_link(job).await)?;
    let mut arriving = Arriving::begin(world.paths.expand(&path), &link.name, &job.to_string()).await?;
    let (out, told, total) = (world.out.clone(), AtomicU64::new(0), link.bytes);
    let progress = move |bytes| {
        if worth_telling(&told, bytes, Some(total)) {
            let _ = out.try_send(Msg::Saving { job, bytes });
        }
    };
    let poured = world.hub.download(&link, &mut arriving.file, progress).await;
    arriving.end(poured.map(drop)).await
}

/// Saves files of a room as files that were not there before: one under this path, several in this folder.
pub(super) async fn fetch(world: &World, files: Vec<File>, path: PathBuf) -> Answer<Vec<PathBuf>> {
    let path = world.paths.expand(&path);
    if files.len() > 1 {
        let failed = |why| not_done("make the folder", &path, &why);
        fs::create_dir_all(&path).await.map_err(failed)?;
    }
    let mut saved = Vec::with_capacity(files.len());
    for file in files {
        let mut arriving = Arriving::begin(path.clone(), &file.name, &file.id.to_string()).await?;
        let (out, told) = (world.out.clone(), AtomicU64::new(0));
        let (name, total) = (file.name.clone(), file.bytes);
        let progress = move |bytes| {
            // What is here at once needs no bar.
            if bytes < total && worth_telling(&told, bytes, Some(total)) {
                let _ = out.try_send(Msg::Fetching { name: name.clone(), bytes, total });
            }
        };
        let poured = world.hub.fetch_file(&file, &mut arriving.file, progress).await;
        saved.push(arriving.end(poured.map(drop)).await?);
    }
    Ok(saved)
}

/// A file on its way. Until it is complete and its hash is right it has another name.
struct Arriving {
    part: PathBuf,
    path: PathBuf,
    file: fs::File,
}

impl Arriving {
    /// Begins a file; in a folder it gets this name.
    async fn begin(mut path: PathBuf, name: &str, id: &str) -> Answer<Self> {
        if fs::metadata(&path).await.is_ok_and(|about| about.is_dir()) {
            path.push(plain_name(&text::clean_line(name), "file"));
        }
        let part = path.with_file_name(format!(".{id}.part"));
        let file = fs::File::create(&part).await.map_err(|why| not_done("write", &path, &why))?;
        Ok(Self { part, path, file })
    }

    /// Gives it its name when all of it is there; else nothing is left of it.
    async fn end(mut self, poured: Result<(), client::Error>) -> Answer<PathBuf> {
        let done = match poured {
            Ok(()) => match self.file.shutdown().await {
                Ok(()) => {
                    publish(&self.part, &self.path).await.map_err(|why| not_done("save", &self.path, &why))
                }
                Err(why) => Err(not_done("write", &self.path, &why)),
            },
            Err(error) => spoken(Err(error)),
        };
        let _ = fs::remove_file(&self.part).await;
        done
    }
}

fn not_done(what: &str, path: &Path, why: &io::Error) -> Failure {
    Failure::new(FailureKind::Refused, format!("cannot {what} {}: {why}", path.display()))
}

/// Whether the bar would move: at every two-hundredth of the whole, or every 256 KiB of an unknown whole.
fn worth_telling(told: &AtomicU64, bytes: u64, total: Option<u64>) -> bool {
    let step = total.map_or(256 * 1024, |total| total / 200).max(1);
    let last = told.load(Ordering::Relaxed);
    let worth = last == 0 || bytes >= last.saturating_add(step) || Some(bytes) == total;
    if worth {
        told.store(bytes, Ordering::Relaxed);
    }
    worth
}

/// Gives a complete file its name, or the next free one; a link is never made over an existing file.
async fn publish(part: &Path, path: &Path) -> io::Result<PathBuf> {
    for copy in 1..=COPIES {
        let path = numbered(path, copy);
        match fs::hard_link(part, &path).await {
            Ok(()) => return Ok(path),
            Err(why) if why.kind() == io::ErrorKind::AlreadyExists => {}
            // A file system without links: a name that is free now has to do.
            Err(_) if !fs::try_exists(&path).await? => {
                fs::rename(part, &path).await?;
                return Ok(path);
            }
            Err(_) => {}
        }
    }
    Err(io::Error::from(io::ErrorKind::AlreadyExists))
}

fn numbered(path: &Path, copy: u32) -> PathBuf {
    if copy == 1 {
        return path.to_owned();
    }
    let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let ending = path.extension().map(|end| format!(".{}", end.to_string_lossy())).unwrap_or_default();
    path.with_file_name(format!("{stem} ({copy}){ending}"))
}

/// Paths that begin as typed, as they would be typed; folders end in `/`. Hidden names only when asked for.
pub(super) async fn complete(world: &World, typed: &str) -> Vec<String> {
    let (folder, start) = match typed.rfind('/') {
        Some(slash) => typed.split_at(slash + 1),
        None => ("", typed),
    };
    let place = world.paths.expand(Path::new(folder));
    let place = if place.as_os_str().is_empty() { PathBuf::from(".") } else { place };
    let Ok(mut names) = fs::read_dir(&place).await else { return Vec::new() };
    let mut found = Vec::new();
    while let Ok(Some(entry)) = names.next_entry().await {
        let Ok(name) = entry.file_name().into_string() else { continue };
        if !name.starts_with(start) || (name.starts_with('.') && !start.starts_with('.')) {
            continue;
        }
        let is_folder = fs::metadata(entry.path()).await.is_ok_and(|about| about.is_dir());
        found.push(format!("{folder}{name}{}", if is_folder { "/" } else { "" }));
        if found.len() >= NAMES {
            break;
        }
    }
    found.sort();
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_are_numbered_before_the_ending() {
        assert_eq!(numbered(Path::new("/a/b.pdf"), 1), Path::new("/a/b.pdf"));
        assert_eq!(numbered(Path::new("/a/b.pdf"), 2), Path::new("/a/b (2).pdf"));
        assert_eq!(numbered(Path::new("b"), 3), Path::new("b (3)"));
    }

    #[test]
    fn a_large_upload_is_told_of_a_few_hundred_times() {
        let (told, total) = (AtomicU64::new(0), 1 << 30);

        let times = (1..=8192).filter(|chunk| worth_telling(&told, chunk * (1 << 17), Some(total))).count();

        assert!((100..=202).contains(&times), "{times}");
        assert_eq!(told.load(Ordering::Relaxed), total, "the end is told");
    }

    #[test]
    fn paths_begin_where_the_person_is() {
        let paths = Paths { folder: "/data".into(), home: Some("/home/ann".into()) };

        assert_eq!(paths.expand(Path::new("a.txt")), Path::new("/data/a.txt"));
        assert_eq!(paths.expand(Path::new("~/a.txt")), Path::new("/home/ann/a.txt"));
        assert_eq!(paths.expand(Path::new("/tmp/a.txt")), Path::new("/tmp/a.txt"));
    }
}

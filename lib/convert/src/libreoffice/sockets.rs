//! The socket that an instance leaves behind when it is killed.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

/// Where LibreOffice puts it.
pub(crate) const SOCKETS: &str = "/tmp";

/// Removes the sockets on which nobody listens any more. Others are in use: by us or by a person at this machine.
pub(crate) fn sweep() {
    let Ok(entries) = fs::read_dir(SOCKETS) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let ours = name
            .to_str()
            .is_some_and(|name| name.starts_with("OSL_PIPE_") && name.contains("_SingleOfficeIPC_"));
        if ours && is_dead(&entry.path()) {
            // Somebody else's cannot be removed, and somebody else may have been faster.
            let _ = fs::remove_file(entry.path());
        }
    }
}

#[cfg(unix)]
fn is_dead(socket: &Path) -> bool {
    std::os::unix::net::UnixStream::connect(socket)
        .is_err_and(|error| error.kind() == ErrorKind::ConnectionRefused)
}

#[cfg(not(unix))]
fn is_dead(_: &Path) -> bool {
    false
}

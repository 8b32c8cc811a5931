//! How it is started: an environment with nothing of ours in it, and the command line of a run for one document.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Format;

/// The whole command for one document. Its working folder, home and temporary files are on the desk.
pub(super) fn of(program: &Path, desk: &Path, input: &Path, to: Format) -> Command {
    let mut command = Command::new(program);
    command
        .arg(format!("-env:UserInstallation={}", profile(desk)))
        .args(["--headless", "--invisible", "--nodefault", "--nologo", "--norestore", "--nolockcheck"])
        .arg("--convert-to")
        .arg(filter(to))
        .arg("--outdir")
        .arg(desk.join("out"))
        .arg(input)
        .env_clear()
        .envs(environment(desk))
        .current_dir(desk);
    command
}

/// All that it sees of an environment. Everything it may write to is in this folder.
pub(super) fn environment(folder: &Path) -> [(&'static str, PathBuf); 6] {
    [
        ("HOME", folder.join("home")),
        ("TMPDIR", folder.join("tmp")),
        ("PATH", "/usr/local/bin:/usr/bin:/bin".into()),
        ("LANG", "C.UTF-8".into()),
        ("SAL_USE_VCLPLUGIN", "svp".into()),
        // What is no command line takes its profile from here.
        ("UserInstallation", profile(folder).into()),
    ]
}

/// The URL of the profile in this folder.
fn profile(folder: &Path) -> String {
    format!("file://{}", url_path(&folder.join("profile")))
}

/// The ending and, where one ending has several, the filter that writes it.
fn filter(to: Format) -> String {
    match to {
        Format::Docx => "docx:MS Word 2007 XML".to_owned(),
        Format::Xlsx => "xlsx:Calc MS Excel 2007 XML".to_owned(),
        Format::Pptx => "pptx:Impress MS PowerPoint 2007 XML".to_owned(),
        Format::Doc => "doc:MS Word 97".to_owned(),
        Format::Xls => "xls:MS Excel 97".to_owned(),
        Format::Ppt => "ppt:MS PowerPoint 97".to_owned(),
        Format::Txt => "txt:Text (encoded):UTF8".to_owned(),
        Format::Html => "html:HTML (StarWriter):UTF8".to_owned(),
        to => to.extension().to_owned(),
    }
}

/// A path as a URL has it.
fn url_path(path: &Path) -> String {
    let mut out = String::new();
    for byte in path.as_os_str().as_encoded_bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'/' | b'.' | b'-' | b'_' | b'~' => {
                out.push(char::from(*byte))
            }
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_with_spaces_is_one_url() {
        assert_eq!(url_path(Path::new("/a b/ü#")), "/a%20b/%C3%BC%23");
    }
}

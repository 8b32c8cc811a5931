//! The command line of one run: what to open, what to write, and an environment with nothing of ours in it.

use std::io;
use std::path::Path;
use std::process::Command;

use crate::Format;

/// Takes away every network interface but a dead loopback, where the machine lets people do that.
const UNSHARE: &str = "/usr/bin/unshare";

/// The whole command. Its working folder, home and temporary files are on the desk.
pub(super) fn of(program: &Path, desk: &Path, input: &Path, to: Format) -> io::Result<Command> {
    let mut command = alone(program);
    command
        .arg(format!("-env:UserInstallation=file://{}", url_path(&desk.join("profile"))))
        .args(["--headless", "--invisible", "--nodefault", "--nologo", "--norestore", "--nolockcheck"])
        .arg("--convert-to")
        .arg(filter(to))
        .arg("--outdir")
        .arg(desk.join("out"))
        .arg(input)
        .env_clear()
        .env("HOME", desk.join("home"))
        .env("TMPDIR", desk.join("tmp"))
        .env("PATH", "/usr/local/bin:/usr/bin:/bin")
        .env("LANG", "C.UTF-8")
        .env("SAL_USE_VCLPLUGIN", "svp")
        .current_dir(desk);
    Ok(command)
}

/// The program without a network if that can be had: Landlock stops TCP, this stops everything.
fn alone(program: &Path) -> Command {
    if !can_unshare() {
        return Command::new(program);
    }
    let mut command = Command::new(UNSHARE);
    command.args(["--user", "--net", "--"]).arg(program);
    command
}

fn can_unshare() -> bool {
    let tried = Command::new(UNSHARE)
        .args(["--user", "--net", "--", "/bin/true"])
        .env_clear()
        .stdin(std::process::Stdio::null())
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .status();
    tried.is_ok_and(|status| status.success())
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

//! A profile in which nothing of a document runs, and nothing of it is fetched.

use std::fs;
use std::io;
use std::path::Path;

/// Path, name and value of each setting.
const SETTINGS: [(&str, &str, &str); 12] = [
    ("org.openoffice.Office.Common/Security/Scripting", "MacroSecurityLevel", "3"),
    ("org.openoffice.Office.Common/Security/Scripting", "DisableMacrosExecution", "true"),
    ("org.openoffice.Office.Common/Security/Scripting", "BlockUntrustedRefererLinks", "true"),
    ("org.openoffice.Office.Common/Security/Scripting", "DisableActiveContent", "true"),
    ("org.openoffice.Office.Common/Java/ApplicationInterface", "Enable", "false"),
    ("org.openoffice.Office.Common/Misc", "FirstRun", "false"),
    ("org.openoffice.Office.Common/Misc", "UseLocking", "false"),
    ("org.openoffice.Office.Common/Save/Document", "AutoSave", "false"),
    ("org.openoffice.Office.Common/History", "Size", "0"),
    // Links to other files: never, where 2 is "ask" in one program and 1 is "never" in the other.
    ("org.openoffice.Office.Writer/Content/Update", "Link", "0"),
    ("org.openoffice.Office.Calc/Content/Update", "Link", "1"),
    ("org.openoffice.Setup/Product", "ooSetupLastVersion", "99.9"),
];

const HEAD: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<oor:items xmlns:oor="http://openoffice.org/2001/registry" xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">
"#;

/// Writes the profile into the folder `profile` of the desk.
pub(super) fn write(desk: &Path) -> io::Result<()> {
    let folder = desk.join("profile").join("user");
    fs::create_dir_all(&folder)?;
    fs::write(folder.join("registrymodifications.xcu"), text())
}

fn text() -> String {
    let items = SETTINGS.map(|(path, name, value)| {
        format!(
            "<item oor:path=\"/{path}\"><prop oor:name=\"{name}\" oor:op=\"fuse\"><value>{value}</value></prop></item>\n"
        )
    });
    format!("{HEAD}{}</oor:items>\n", items.concat())
}

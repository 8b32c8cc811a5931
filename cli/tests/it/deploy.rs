//! What deploy/README.md promises is told by a test of that name.

use std::{fs, path::Path};

#[test]
fn a_failure_is_in_the_table_only_with_its_test() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let manual = fs::read_to_string(root.join("deploy/README.md")).unwrap();
    let rows: Vec<&str> =
        manual.lines().filter(|line| line.starts_with("| ") && !line.contains("|---")).collect();
    let tests = sources(root);

    let mut checked = 0;
    for row in rows.iter().filter(|row| !row.contains("| test |") && !row.contains("| tested by |")) {
        let last = row.trim_end_matches(" |").rsplit(" | ").next().unwrap();
        let names: Vec<&str> = last.split('`').filter(|name| name.contains('_')).collect();
        assert!(!names.is_empty(), "no test: {row}");
        for name in names {
            assert!(tests.contains(&format!("fn {name}(")), "there is no test {name}: {row}");
            checked += 1;
        }
    }
    assert!(checked > 20, "{checked}");
}

/// All tests of the repository, as one text.
fn sources(root: &Path) -> String {
    let (mut text, mut folders) = (
        String::new(),
        ["server", "chat-worker", "convert-worker", "lib", "cli"].map(|part| root.join(part)).to_vec(),
    );
    while let Some(folder) = folders.pop() {
        for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                text.push_str(&fs::read_to_string(path).unwrap());
            }
        }
    }
    text
}

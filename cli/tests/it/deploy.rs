//! What stands in deploy/ is so: each promise has a test of that name, each alert is about a metric that there is.

use std::{fs, path::Path};

#[cfg(feature = "up")]
use {platform::service::catalogue::METRICS, regex::Regex, std::collections::BTreeSet};

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

#[test]
fn every_variable_of_the_containers_is_one_that_is_read() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let read = sources(root);
    let mut checked = 0;
    for file in ["compose.yaml", "deploy/Dockerfile", "deploy/README.md"] {
        let text = fs::read_to_string(root.join(file)).unwrap();
        let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        for name in words.filter(|word| word.starts_with("MSHUB_")) {
            // What is in a URL or a key may be in a file, and some have both.
            let is_read = ["", "_FILE", "_URL", "_KEY", "_KEY_FILE"]
                .iter()
                .any(|end| name.strip_suffix(end).is_some_and(|name| read.contains(&format!("\"{name}\""))));
            assert!(is_read, "{file}: nobody reads {name}");
            checked += 1;
        }
    }
    assert!(checked > 20, "{checked}");
}

#[cfg(feature = "up")]
#[test]
fn every_metric_is_in_the_catalogue_and_every_alert_is_about_one() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let known: BTreeSet<_> = METRICS.iter().map(|metric| metric.name.to_owned()).collect();
    let recorded = ["counter", "gauge", "histogram"].map(|kind| {
        let kind = Regex::new(&format!(r#"metrics::{kind}!\(\s*"(\w+)""#)).unwrap();
        kind.captures_iter(&sources(root)).map(|found| found[1].to_owned()).collect::<BTreeSet<_>>()
    });
    assert_eq!(recorded.into_iter().flatten().collect::<BTreeSet<_>>(), known);

    let alerts = fs::read_to_string(root.join("deploy/alerts.yml")).unwrap();
    let about: BTreeSet<_> =
        Regex::new(r"mshub_\w+").unwrap().find_iter(&alerts).map(|it| it.as_str()).collect();
    assert!(about.len() > 5, "{about:?}");
    for name in about {
        assert!(known.contains(name.trim_end_matches("_bucket")), "there is no metric {name}");
    }
}

/// All code of the repository, as one text.
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

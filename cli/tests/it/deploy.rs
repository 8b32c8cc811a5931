//! What stands in deploy/ is so: each promise has a test of that name, each alert is about a metric that there is.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

#[cfg(feature = "up")]
use {platform::service::catalogue::METRICS, regex::Regex};

/// Engines that a line of the failure table may be about: then the real one has to be down in what shows it.
const ENGINES: [&str; 4] = ["PostgreSQL", "Kafka", "Redis", "the object store"];

#[test]
fn every_line_of_the_failure_table_stands_in_its_tests() {
    let (manual, tests) = (read("deploy/README.md"), tests());
    let (_, table) = manual.split_once("## What people see when something is down\n").unwrap();
    let (table, _) = table.split_once("\n## ").unwrap();

    let mut told = BTreeSet::new();
    for row in rows(table) {
        let [down, see, meanwhile, shown] = row.cells[..] else {
            panic!("it has no four cells: {}", row.line)
        };
        let shown = row.tests(shown, &tests);
        for said in see.split("; ").chain(meanwhile.split("; ")) {
            let by: Vec<_> = shown.iter().filter(|test| test.says.contains(said)).collect();
            assert!(!by.is_empty(), "none of its tests shows \"{said}\": {}", row.line);
            let is_real = by.iter().any(|test| test.is_real);
            assert!(
                is_real || !ENGINES.iter().any(|engine| down.contains(engine)),
                "\"{said}\" is not shown on a real engine: {}",
                row.line
            );
            told.extend(by.iter().map(|test| (test.name.as_str(), said)));
        }
        for test in shown {
            assert!(
                told.iter().any(|(name, _)| *name == test.name),
                "{} shows nothing of {}",
                test.name,
                row.line
            );
        }
    }

    // What a test is said to show, but the table does not say, was changed in one place only.
    for test in tests.values() {
        let forgotten: Vec<_> =
            test.says.iter().filter(|said| !told.contains(&(test.name.as_str(), said.as_str()))).collect();
        assert!(forgotten.is_empty(), "{} says what the table does not: {forgotten:?}", test.name);
    }
    assert!(told.len() > 35, "{}", told.len());
}

#[test]
fn an_engine_is_in_the_table_only_with_its_tests() {
    let (manual, tests) = (read("deploy/README.md"), tests());
    let (_, table) = manual.split_once("## Engines\n").unwrap();
    let (table, _) = table.split_once("\n## ").unwrap();

    let rows = rows(table);
    assert_eq!(rows.len(), 5);
    for row in rows {
        row.tests(row.cells[row.cells.len() - 1], &tests);
    }
}

/// A line of a table.
struct Row<'a> {
    line: &'a str,
    cells: Vec<&'a str>,
}

/// The lines of the table of a text, without its head.
fn rows(text: &str) -> Vec<Row<'_>> {
    let lines = text.lines().filter(|line| line.starts_with("| "));
    lines
        .skip(1)
        .map(|line| Row { line, cells: line.trim_matches('|').split(" | ").map(str::trim).collect() })
        .collect()
}

impl Row<'_> {
    /// The tests that a cell names; each of them has to be one.
    fn tests<'t>(&self, cell: &str, tests: &'t BTreeMap<String, Test>) -> Vec<&'t Test> {
        let names: Vec<_> =
            cell.split('`').filter(|name| name.contains('_') && !name.contains(' ')).collect();
        assert!(!names.is_empty(), "no test: {}", self.line);
        let find =
            |name: &str| tests.get(name).unwrap_or_else(|| panic!("there is no test {name}: {}", self.line));
        names.into_iter().map(find).collect()
    }
}

/// A test that is compiled and run.
struct Test {
    name: String,
    /// What it shows of the failure table, in its own text or in what stands between it and the next test.
    says: BTreeSet<String>,
    /// Whether CI runs it on real engines.
    is_real: bool,
}

/// Every test of ours by its name. One that is ignored, or whose file nobody compiles, is none.
fn tests() -> BTreeMap<String, Test> {
    let mut tests = BTreeMap::new();
    for (path, text) in sources().into_iter().filter(|(path, _)| is_compiled(path)) {
        let lines: Vec<&str> = text.lines().collect();
        let begun: Vec<usize> = (0..lines.len()).filter(|at| is_test(&lines, *at)).collect();
        for (at, begin) in begun.iter().enumerate() {
            let section = &lines[*begin..begun.get(at + 1).copied().unwrap_or(lines.len())];
            let indent = lines[*begin].len() - lines[*begin].trim_start().len();
            let end = section.iter().position(|line| *line == format!("{:indent$}}}", ""));
            let body = &section[..end.unwrap_or(section.len())];
            let name = name(lines[*begin]).unwrap().to_owned();
            let says =
                section.iter().filter_map(|line| line.trim_start().strip_prefix("// deploy/README.md: "));
            let says = says.map(str::to_owned).collect();
            let is_real = is_real(&path, &text) && !body.iter().any(|line| line.contains("embedded"));
            tests.insert(name.clone(), Test { name, says, is_real });
        }
    }
    tests
}

/// The name of a function that begins here.
fn name(line: &str) -> Option<&str> {
    let line = line.trim_start();
    Some(line.strip_prefix("async ").unwrap_or(line).strip_prefix("fn ")?.split_once('(')?.0)
}

fn is_test(lines: &[&str], at: usize) -> bool {
    let mut above =
        lines[..at].iter().rev().map(|line| line.trim_start()).take_while(|line| line.starts_with("#["));
    let is = name(lines[at]).is_some()
        && above.clone().any(|line| line == "#[test]" || line.starts_with("#[tokio::test"));
    is && !above.any(|line| line.starts_with("#[ignore") || line.contains("cfg(any())"))
}

/// Whether the file above it names it as a module.
fn is_compiled(path: &Path) -> bool {
    let (folder, stem) = (path.parent().unwrap(), path.file_stem().unwrap().to_str().unwrap());
    let (folder, stem) = match stem {
        "main" | "lib" => return true,
        "mod" => (folder.parent().unwrap(), folder.file_name().unwrap().to_str().unwrap()),
        _ => (folder, stem),
    };
    let above = ["mod.rs", "main.rs", "lib.rs"].map(|file| folder.join(file));
    let named = above.iter().filter_map(|file| fs::read_to_string(file).ok());
    let is_module = |line: &str| {
        line.trim_start_matches("pub ").trim_start_matches("pub(crate) ") == format!("mod {stem};")
    };
    named.flat_map(|text| text.lines().map(str::to_owned).collect::<Vec<_>>()).any(|line| is_module(&line))
}

/// Whether CI has real engines under the tests of a file: those of platform and the stories of a fleet always, those of the
/// services once more (`real` in .ci/run).
fn is_real(path: &Path, text: &str) -> bool {
    let path = path.strip_prefix(root()).unwrap();
    let starts = |parts: &[&str]| parts.iter().any(|part| path.starts_with(format!("{part}/tests/it")));
    starts(&["lib/platform", "server", "chat-worker", "convert-worker"])
        || starts(&["cli"]) && text.contains("Fleet::start")
}

#[test]
fn every_option_of_an_engines_url_and_every_setting_of_the_topic_is_in_the_manual() {
    let manual = read("deploy/README.md");
    let source = |path: &str| read(&format!("lib/platform/src/{path}"));
    // What each engine says that it understands, as it says so.
    let between = |text: &str, begin: &str, end: &str| -> Vec<String> {
        let (_, rest) = text.split_once(begin).unwrap_or_else(|| panic!("nobody says {begin}"));
        let said = rest.split_once(end).unwrap().0.replace(" and ", ", ");
        said.split(", ").map(|option| format!("`{option}=")).collect()
    };
    let mut options = between(&source("bus/kafka/options.rs"), "KNOWN: &str = \"", "\"");
    options.extend(between(&source("objects/config.rs"), "is no option: ", " are"));
    options.extend(between(&source("mail/smtp.rs"), "is no option: ", " are"));
    let topic = source("bus/kafka/topic.rs");
    let (_, wanted) = topic.split_once("const WANTED").unwrap();
    let wanted = wanted.split_once("];").unwrap().0.split("(\"").skip(1);
    options.extend(wanted.map(|pair| {
        let (setting, value) = pair.split_once("\", \"").unwrap();
        format!("`{setting}={}`", value.split_once('"').unwrap().0)
    }));

    assert!(options.len() >= 17, "{options:?}");
    for option in options {
        assert!(manual.contains(&option), "{option} is not in deploy/README.md");
    }
}

#[test]
fn no_secret_goes_into_the_image() {
    let (left_out, built) = (read("deploy/Dockerfile.dockerignore"), read("deploy/Dockerfile"));
    assert!(built.contains("\nCOPY . .\n"), "what is copied is said in another way now");
    let secrets = read(".gitignore");
    let secrets =
        secrets.lines().map(|line| line.trim_start_matches('/')).find(|line| line.contains("secrets"));
    assert!(left_out.lines().any(|line| Some(line) == secrets), "{secrets:?} goes into the build");
}

#[test]
fn every_variable_of_the_containers_is_one_that_is_read() {
    let code = all_code();
    let mut checked = 0;
    for file in ["compose.yaml", "deploy/Dockerfile", "deploy/README.md"] {
        let text = read(file);
        let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        for name in words.filter(|word| word.starts_with("MSHUB_")) {
            // What is in a URL or a key may be in a file, and some have both.
            let is_read = ["", "_FILE", "_URL", "_KEY", "_KEY_FILE"]
                .iter()
                .any(|end| name.strip_suffix(end).is_some_and(|name| code.contains(&format!("\"{name}\""))));
            assert!(is_read, "{file}: nobody reads {name}");
            checked += 1;
        }
    }
    assert!(checked > 20, "{checked}");
}

#[cfg(feature = "up")]
#[test]
fn every_metric_is_in_the_catalogue_and_every_alert_is_about_one() {
    let known: BTreeSet<_> = METRICS.iter().map(|metric| metric.name.to_owned()).collect();
    let recorded = ["counter", "gauge", "histogram"].map(|kind| {
        let kind = Regex::new(&format!(r#"metrics::{kind}!\(\s*"(\w+)""#)).unwrap();
        kind.captures_iter(&all_code()).map(|found| found[1].to_owned()).collect::<BTreeSet<_>>()
    });
    assert_eq!(recorded.into_iter().flatten().collect::<BTreeSet<_>>(), known);

    let alerts = read("deploy/alerts.yml") + &read("deploy/README.md");
    let about: BTreeSet<_> =
        Regex::new(r"mshub_\w+").unwrap().find_iter(&alerts).map(|it| it.as_str()).collect();
    assert!(about.len() > 5, "{about:?}");
    for name in about {
        let name = name.trim_end_matches("_bucket").trim_end_matches("_count");
        assert!(known.contains(name), "there is no metric {name}");
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap()
}

/// All code of the repository, as one text.
fn all_code() -> String {
    sources().into_iter().map(|(_, text)| text).collect()
}

/// Every source of what is deployed, and its text.
fn sources() -> Vec<(PathBuf, String)> {
    let mut sources = Vec::new();
    let mut folders =
        ["server", "chat-worker", "convert-worker", "lib", "cli"].map(|part| root().join(part)).to_vec();
    while let Some(folder) = folders.pop() {
        for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                sources.push((path, text));
            }
        }
    }
    sources
}

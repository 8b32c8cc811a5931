//! The house rules that no compiler checks, over `cargo metadata` and the sources: each test is one rule of ARCHITECTURE.md.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;

/// What each of our packages may depend on, of our own. Who is not listed may depend on nothing of ours.
const MAY_DEPEND_ON: &[(&str, &[&str])] = &[
    ("mshub-wire", &[]),
    ("mshub-convert", &[]),
    ("mshub-client", &["mshub-wire"]),
    ("mshub-platform", &["mshub-wire"]),
    ("mshub-tui", &["mshub-client", "mshub-wire"]),
    ("mshub-server", &["mshub-platform", "mshub-wire"]),
    ("mshub-chat-worker", &["mshub-platform", "mshub-wire"]),
    ("mshub-convert-worker", &["mshub-convert", "mshub-platform", "mshub-wire"]),
    // A program of its own: it drives the hub through the SDK and may start its parts.
    (
        "mshub-bench",
        &[
            "mshub-chat-worker",
            "mshub-client",
            "mshub-convert",
            "mshub-convert-worker",
            "mshub-platform",
            "mshub-server",
            "mshub-wire",
        ],
    ),
    // The composition root: the only one that knows everybody.
    (
        "mshub",
        &[
            "mshub-chat-worker",
            "mshub-client",
            "mshub-convert",
            "mshub-convert-worker",
            "mshub-platform",
            "mshub-server",
            "mshub-tui",
            "mshub-wire",
        ],
    ),
];

/// Crates that speak to a real engine, as Cargo and as Rust spell them.
const ENGINES: &[(&str, &str)] = &[
    ("rdkafka", "rdkafka"),
    ("redis", "redis"),
    ("aws-sdk-s3", "aws_sdk_s3"),
    ("aws-smithy-http-client", "aws_smithy_http_client"),
    ("aws-credential-types", "aws_credential_types"),
    ("lettre", "lettre"),
];

/// What takes a C++ compiler, minutes or megabytes, and is only for a hub on many machines.
const REAL_ENGINES: &[&str] =
    &["rdkafka", "rdkafka-sys", "redis", "aws-sdk-s3", "aws-smithy-http-client", "aws-config", "lettre"];

/// Names that say nothing of what is behind them.
const DRAWERS: &[&str] =
    &["util", "utils", "common", "core", "types", "helper", "helpers", "misc", "manager"];

/// How a statement of SQL begins.
const SQL: &[&[&str]] = &[
    &["SELECT"],
    &["INSERT", "INTO"],
    &["INSERT", "OR"],
    &["UPDATE", "*", "SET"],
    &["DELETE", "FROM"],
    &["CREATE", "TABLE"],
    &["CREATE", "INDEX"],
    &["CREATE", "UNIQUE"],
    &["CREATE", "SCHEMA"],
    &["ALTER", "TABLE"],
    &["DROP", "TABLE"],
    &["DROP", "SCHEMA"],
    &["BEGIN", "IMMEDIATE"],
    &["PRAGMA"],
];

#[test]
fn parts_import_only_who_is_below_them() {
    let mut offences = Vec::new();
    for (package, wants, kind) in dependencies() {
        let allowed = MAY_DEPEND_ON.iter().find(|(name, _)| *name == package).map_or(&[][..], |(_, may)| may);
        if is_ours(&wants) && kind != "dev" && !allowed.contains(&wants.as_str()) {
            offences.push(format!("{}: {package} depends on {wants}", manifest(&package)));
        }
    }
    report("imports point one way (MAY_DEPEND_ON in tidy.rs); services meet over HTTP and the bus", offences);
}

#[test]
fn nobody_imports_the_cli() {
    let offences = dependencies()
        .into_iter()
        .filter(|(_, wants, _)| wants == "mshub")
        .map(|(package, ..)| format!("{}: {package} depends on mshub", manifest(&package)))
        .collect();
    report("nobody imports cli, not even in tests", offences);
}

#[test]
fn wire_does_no_io() {
    let banned = ["tokio", "axum", "sqlx", "reqwest", "clap"];
    let offences = dependencies()
        .into_iter()
        .filter(|(package, wants, kind)| {
            package == "mshub-wire" && kind != "dev" && banned.contains(&wants.as_str())
        })
        .map(|(package, wants, _)| format!("{}: {wants}", manifest(&package)))
        .collect();
    report(
        "wire is data: it never depends on a runtime, a server, a database, a client or a command line",
        offences,
    );
}

#[test]
fn engine_crates_are_dependencies_of_platform_only() {
    let offences = dependencies()
        .into_iter()
        .filter(|(package, wants, _)| {
            package != "mshub-platform" && ENGINES.iter().any(|(name, _)| name == wants)
        })
        .map(|(package, wants, _)| format!("{}: {package} depends on {wants}", manifest(&package)))
        .collect();
    report("only lib/platform depends on an engine's crate", offences);
}

#[test]
fn engine_crates_are_named_only_in_their_engine_file() {
    let offences = in_code(|file, line| {
        let in_a_port = file.path.starts_with("lib/platform/src/") && file.path.matches('/').count() >= 4;
        let is_port = file.path.ends_with("/mod.rs");
        ENGINES.iter().any(|(_, name)| {
            // A port's `mod.rs` chooses among its engines, and the module of one is called like its crate.
            let allowed = in_a_port && (!is_port || *name == "redis");
            !allowed && has_word(line, &format!("{name}::"))
        })
    });
    report(
        "rdkafka, redis, aws_sdk_s3 and lettre are named only in lib/platform/src/<port>/<engine>.rs",
        offences,
    );
}

#[test]
fn sql_stands_only_in_files_named_sql() {
    let allowed = |path: &str| {
        path.ends_with("/sql.rs")
            || path.starts_with("lib/platform/src/db/")
            || path.starts_with("lib/platform/src/bus/")
    };
    let mut offences = in_code(|file, line| !allowed(&file.path) && line.contains("sqlx::query"));
    for file in product_sources().iter().filter(|file| !allowed(&file.path)) {
        let found = file.strings.iter().filter(|(_, text)| is_sql(text));
        offences.extend(found.map(|(line, text)| format!("{}:{line}: {}", file.path, text.trim())));
    }
    report(
        "SQL stands only in files named sql.rs (and in platform's db and bus, and in migrations)",
        offences,
    );
}

#[test]
fn a_statement_has_a_text_for_each_engine_only_where_it_must() {
    // How many arms of the two engines there are, two a statement. Whoever adds one says here why one text does not do.
    let reasons = [
        ("bench/src/ingest/sql.rs", 2, "COPY, which only PostgreSQL has, is what a round is compared with"),
        ("chat-worker/src/messages/sql.rs", 2, "many rows in a statement: UNNEST, or json_each"),
        ("chat-worker/src/search/sql.rs", 10, "each has an index of words of its own"),
        ("chat-worker/src/sql.rs", 8, "many rows in a statement: UNNEST, or json_each"),
        ("convert-worker/src/runner/reaper.rs", 1, "no statement: a SQLite file has one worker"),
        ("convert-worker/src/runner/sql.rs", 2, "SKIP LOCKED, where there is more than one writer"),
        ("convert-worker/src/sql.rs", 2, "what a test does to PostgreSQL"),
        ("convert-worker/src/webhooks/sql.rs", 2, "the same"),
    ];
    let expected: Vec<_> = reasons.iter().map(|(path, arms, _)| ((*path).to_owned(), *arms)).collect();
    let arms = ["Db::", "Pool::", "Transaction::"]
        .map(|what| ["Sqlite", "Postgres"].map(|engine| format!("{what}{engine}")));
    let is_an_arm = |line: &str| arms.as_flattened().iter().any(|arm| line.contains(arm));

    let files = product_sources().into_iter().filter(|file| !file.path.starts_with("lib/platform/"));
    let counts = files.map(|file| (file.path, file.code.lines().filter(|line| is_an_arm(line)).count()));
    let mut found: Vec<_> = counts.filter(|(_, count)| *count > 0).collect();
    found.sort();
    assert_eq!(found, expected, "one SQL text serves both engines, but where a reason is given");
}

#[test]
fn the_environment_is_read_only_by_config_and_cli() {
    let allowed = |path: &str| path.ends_with("/config.rs") || path.starts_with("cli/");
    let offences = in_code(|file, line| {
        !allowed(&file.path)
            && ["env::var", "env::vars", "env::var_os", "env::vars_os", "env::set_var", "env::remove_var"]
                .iter()
                .any(|call| has_word(line, call))
    });
    report("environment variables are read only in files named config.rs and in cli", offences);
}

#[test]
fn results_are_printed_only_by_output() {
    // The child of a conversion answers its parent on stdout; the full-screen client is handed it once, to draw on.
    // The measurements of bench are a program of their own, and so are the tasks of the chat-worker.
    let allowed = [
        "bench/src/report.rs",
        "chat-worker/src/report.rs",
        "cli/src/output.rs",
        "lib/convert/src/job_child.rs",
        "lib/convert/src/bin/job_child.rs",
        "tui/src/lib.rs",
        "tui/src/term.rs",
    ];
    let offences = in_code(|file, line| {
        !allowed.contains(&file.path.as_str())
            // Asking what stdout is writes nothing to it.
            && !line.contains("stdout().is_terminal()")
            && ["println!", "print!", "io::stdout", "anstream::stdout"].iter().any(|call| has_word(line, call))
    });
    report("stdout belongs to cli/src/output.rs", offences);
}

#[test]
fn raw_terminal_mode_is_entered_in_one_place() {
    let calls = ["enable_raw_mode", "disable_raw_mode", "EnterAlternateScreen", "LeaveAlternateScreen"];
    let offences =
        in_code(|file, line| file.path != "tui/src/term.rs" && calls.iter().any(|call| has_word(line, call)));
    report("only tui/src/term.rs changes the terminal's mode, so that one guard restores it", offences);
}

#[test]
fn every_source_opens_with_its_sentence() {
    let offences = sources()
        .iter()
        .filter(|file| !file.text.starts_with("//! "))
        .map(|file| format!("{}:1: {}", file.path, file.text.lines().next().unwrap_or("(empty)")))
        .collect();
    report("every file opens with one `//!` sentence", offences);
}

#[test]
fn no_file_is_a_drawer() {
    let offences = paths()
        .iter()
        .filter(|path| {
            let stem = Path::new(path).file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
            DRAWERS.contains(&stem.to_lowercase().as_str())
        })
        .map(|path| format!("{path}:1: a name that says nothing"))
        .collect();
    report("no file or folder is called util, common, core, types, helpers, misc or manager", offences);
}

#[test]
fn files_are_short_or_say_why_not() {
    let offences = sources()
        .iter()
        .filter(|file| file.text.lines().count() > 600)
        .filter(|file| !file.text.lines().take(10).any(|line| line.starts_with("// long: ")))
        .map(|file| format!("{}:600: {} lines", file.path, file.text.lines().count()))
        .collect();
    report("a file over 600 lines says why near its top: `// long: reason`", offences);
}

#[test]
fn migrations_are_the_same_list_on_every_engine() {
    let mut lists: BTreeMap<String, BTreeMap<String, BTreeSet<String>>> = BTreeMap::new();
    for path in paths().iter().filter(|path| path.ends_with(".sql")) {
        let Some((service, rest)) = path.split_once("/migrations/") else { continue };
        let (engine, name) = rest.split_once('/').unwrap_or(("", rest));
        lists.entry(service.into()).or_default().entry(engine.into()).or_default().insert(name.into());
    }
    assert!(!lists.is_empty(), "no migrations were found: this test looks in the wrong place");
    let mut offences = Vec::new();
    for (service, engines) in &lists {
        let all: BTreeSet<_> = engines.values().flatten().collect();
        for (engine, names) in engines {
            let missing = all.iter().filter(|name| !names.contains(**name));
            offences
                .extend(missing.map(|name| format!("{service}/migrations/{engine}/{name}:1: is missing")));
        }
    }
    report("each migration exists for every engine, under the same name", offences);
}

#[test]
fn every_migration_is_compiled_in() {
    let offences = paths()
        .iter()
        .filter(|path| path.ends_with(".sql") && !path.contains("/tests/"))
        .filter_map(|path| {
            let (service, rest) = path.split_once("/migrations/")?;
            let name = rest.rsplit_once('/')?.1.strip_suffix(".sql")?;
            let list = sources().into_iter().find(|file| file.path == format!("{service}/src/lib.rs"))?;
            (!list.text.contains(&format!("\"{name}\"")))
                .then(|| format!("{path}:1: is not in {}", list.path))
        })
        .collect();
    report("each migration is named in its service's `MIGRATIONS`", offences);
}

#[test]
fn the_light_client_carries_no_engine() {
    let heavy = [REAL_ENGINES, &["sqlx", "mshub-platform", "mshub-convert", "mshub-server"]].concat();
    let offences = in_tree(&["--no-default-features"], &heavy);
    report("`--no-default-features` is a light client: no engine, no database, no service", offences);
}

#[test]
fn a_hub_without_engines_needs_only_gcc() {
    let tree = tree(&["--no-default-features", "--features", "up"]);
    assert!(tree.iter().any(|line| line.starts_with("mshub-server ")), "this is not `up`: {tree:?}");
    let offences = in_tree(&["--no-default-features", "--features", "up"], REAL_ENGINES);
    report("`--no-default-features --features up` has the embedded engines only", offences);
    // Built once with no other compiler or build tool on the path: these two have all the C there is.
    let c = ["aws-lc-sys ", "libsqlite3-sys ", "linux-raw-sys "];
    let others: Vec<_> = tree
        .iter()
        .filter(|line| line.split(' ').next().is_some_and(|name| name.ends_with("-sys")))
        .filter(|line| !c.iter().any(|known| line.starts_with(known)))
        .collect();
    assert!(others.is_empty(), "do these build with gcc alone? {others:?}");
}

#[test]
fn there_is_one_tls_and_no_library_of_the_system() {
    assert!(
        tree(&[]).iter().any(|line| line.starts_with("rdkafka-sys ")),
        "the default build has every engine"
    );
    let second = ["ring", "openssl", "openssl-sys", "native-tls", "sasl2-sys", "curl-sys"];
    let offences = in_tree(&[], &second);
    report("TLS is rustls on aws-lc-rs, and the default build needs no installed library", offences);
}

#[test]
fn what_is_shipped_knows_no_bug() {
    let chosen =
        |line: &String| line.split(' ').next_back().unwrap_or_default().split(',').any(|it| it == "mutants");
    assert!(tree(&["--features", "mutants"]).iter().any(chosen), "a build for `torture mutants` knows them");

    let offences =
        tree(&[]).into_iter().filter(chosen).map(|line| format!("cli/Cargo.toml: {line}")).collect();
    report("the feature `mutants` is never on unless somebody asks for it", offences);
}

/// Lines of `cargo tree` of the program with these features that name one of these crates.
fn in_tree(features: &[&str], banned: &[&str]) -> Vec<String> {
    tree(features)
        .into_iter()
        .filter(|line| banned.contains(&line.split(' ').next().unwrap_or_default()))
        .map(|line| format!("cli/Cargo.toml: {line}"))
        .collect()
}

/// What the program is made of and built with, as `NAME VERSION … FEATURES`.
fn tree(features: &[&str]) -> Vec<String> {
    let tree = Command::new(env!("CARGO"))
        .args(["tree", "-p", "mshub", "-e", "normal,build", "--offline", "--prefix", "none", "-f", "{p} {f}"])
        .args(features)
        .current_dir(root())
        .env_remove("CARGO_RESOLVER_FEATURE_UNIFICATION")
        .output()
        .expect("cargo runs");
    assert!(tree.status.success(), "cargo tree: {}", String::from_utf8_lossy(&tree.stderr));
    let lines: Vec<_> = String::from_utf8_lossy(&tree.stdout).lines().map(str::to_owned).collect();
    assert!(lines.iter().any(|line| line.starts_with("mshub-client ")), "this is something else: {lines:?}");
    lines
}

/// Fails with the rule and every line that breaks it.
fn report(rule: &str, mut offences: Vec<String>) {
    offences.sort();
    offences.dedup();
    assert!(offences.is_empty(), "rule: {rule}\nbroken by:\n  {}", offences.join("\n  "));
}

/// One source file: its path from the root with `/`, its text, and what a look at its code needs.
struct Source {
    path: String,
    text: String,
    /// The text with comments and the insides of strings blanked out, line for line.
    code: String,
    /// Line and content of each string literal.
    strings: Vec<(usize, String)>,
}

fn sources() -> Vec<Source> {
    let found: Vec<_> = paths().into_iter().filter(|path| path.ends_with(".rs")).map(read).collect();
    assert!(found.iter().any(|file| file.path == "lib/wire/src/lib.rs"), "the sources were not found");
    found
}

/// Sources without `tests/` folders and without the `tests` module at the end of a file.
fn product_sources() -> Vec<Source> {
    sources()
        .into_iter()
        .filter(|file| !file.path.contains("/tests/") && !file.path.ends_with("/tests.rs"))
        .collect()
}

/// `file:line: text` of each line of product code for which `offends` holds.
fn in_code(offends: impl Fn(&Source, &str) -> bool) -> Vec<String> {
    let mut found = Vec::new();
    for file in product_sources() {
        for (at, (code, text)) in file.code.lines().zip(file.text.lines()).enumerate() {
            if offends(&file, code) {
                found.push(format!("{}:{}: {}", file.path, at + 1, text.trim()));
            }
        }
    }
    found
}

fn read(path: String) -> Source {
    let text = fs::read_to_string(root().join(&path)).expect("a source is UTF-8 text");
    // The tests of a file are its end.
    let product = text.find("\nmod tests {").map_or(text.as_str(), |end| &text[..end]);
    let (code, strings) = lex(product);
    Source { path, code, strings, text }
}

/// Tells code, comments and strings apart, as far as the rules above need it.
fn lex(text: &str) -> (String, Vec<(usize, String)>) {
    let (mut code, mut strings, mut line) = (String::with_capacity(text.len()), Vec::new(), 1);
    let mut rest = text;
    while let Some(next) = rest.chars().next() {
        let (length, literal) = match next {
            '/' if rest.starts_with("//") => (rest.find('\n').unwrap_or(rest.len()), None),
            '/' if rest.starts_with("/*") => (rest.find("*/").map_or(rest.len(), |end| end + 2), None),
            'r' if raw_string(rest).is_some() && !ends_in_word(&code) => {
                let (open, close, length) = raw_string(rest).unwrap_or_default();
                (length, Some(&rest[open..length - close]))
            }
            '"' => (plain_string(rest), Some(&rest[1..plain_string(rest).max(2) - 1])),
            '\'' if char_literal(rest) > 0 => (char_literal(rest), None),
            _ => {
                code.push(next);
                line += usize::from(next == '\n');
                rest = &rest[next.len_utf8()..];
                continue;
            }
        };
        strings.extend(literal.map(|inside| (line, inside.to_owned())));
        let lines = rest[..length].matches('\n').count();
        code.push_str(&"\n".repeat(lines));
        line += lines;
        rest = &rest[length..];
    }
    (code, strings)
}

/// Lengths of the opening, the closing and the whole of a raw string that `text` begins with.
fn raw_string(text: &str) -> Option<(usize, usize, usize)> {
    let hashes = text[1..].chars().take_while(|next| *next == '#').count();
    let open = hashes + 2;
    if !text[1 + hashes..].starts_with('"') {
        return None;
    }
    let close = format!("\"{}", "#".repeat(hashes));
    let length = text[open..].find(&close).map_or(text.len(), |end| open + end + close.len());
    Some((open, close.len().min(length - open), length))
}

fn plain_string(text: &str) -> usize {
    let mut escaped = false;
    for (at, next) in text.char_indices().skip(1) {
        match next {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// Length of the character literal that `text` begins with; 0 for a lifetime.
fn char_literal(text: &str) -> usize {
    let mut inside = text[1..].char_indices();
    match inside.next() {
        Some((_, '\\')) => text[3..].find('\'').map_or(0, |end| end + 4),
        Some((_, first)) if text[1 + first.len_utf8()..].starts_with('\'') => first.len_utf8() + 2,
        _ => 0,
    }
}

fn ends_in_word(code: &str) -> bool {
    code.ends_with(|last: char| last != 'b' && (last.is_alphanumeric() || last == '_'))
}

/// Whether `word` stands in `line`, not as a part of a longer word.
fn has_word(line: &str, word: &str) -> bool {
    let inner = |next: char| next.is_alphanumeric() || next == '_';
    line.match_indices(word).any(|(at, _)| {
        let after = &line[at + word.len()..];
        !line[..at].ends_with(inner) && (!word.ends_with(inner) || !after.starts_with(inner))
    })
}

fn is_sql(text: &str) -> bool {
    let words: Vec<_> = text.split_whitespace().take(4).collect();
    SQL.iter().any(|start| {
        let begins = words.len() >= start.len()
            && start.iter().zip(&words).all(|(want, word)| *want == "*" || want == word);
        // One lone word is a name; two are a statement.
        begins && words.len() > 1
    })
}

/// Every file and folder of ours, from the root, with `/`.
fn paths() -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![root()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder is readable") {
            let path = entry.expect("an entry is readable").path();
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            // Not ours: built, fetched, or somebody's editor.
            if ["target", "node_modules", "dist"].contains(&name) || name.starts_with('.') {
                continue;
            }
            let inside =
                path.strip_prefix(root()).expect("it is inside").to_string_lossy().replace('\\', "/");
            found.push(inside);
            if path.is_dir() {
                folders.push(path);
            }
        }
    }
    found.sort();
    found
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("cli/ stands in the root").to_owned()
}

/// Package, what it depends on, and `normal`, `build` or `dev`.
fn dependencies() -> Vec<(String, String, String)> {
    let metadata = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--format-version", "1", "--offline"])
        .current_dir(root())
        .output()
        .expect("cargo runs");
    assert!(metadata.status.success(), "cargo metadata: {}", String::from_utf8_lossy(&metadata.stderr));
    let metadata: Value = serde_json::from_slice(&metadata.stdout).expect("cargo metadata answers in JSON");
    let mut found = Vec::new();
    for package in metadata["packages"].as_array().expect("there are packages") {
        for wants in package["dependencies"].as_array().expect("there are dependencies") {
            let text = |value: &Value| value.as_str().unwrap_or("normal").to_owned();
            found.push((text(&package["name"]), text(&wants["name"]), text(&wants["kind"])));
        }
    }
    assert!(found.iter().any(|(package, ..)| package == "mshub"), "our packages were not found");
    found
}

fn is_ours(package: &str) -> bool {
    package == "mshub" || package.starts_with("mshub-")
}

fn manifest(package: &str) -> String {
    let folder = match package.strip_prefix("mshub-") {
        None => "cli".to_owned(),
        Some(name @ ("wire" | "client" | "convert" | "platform")) => format!("lib/{name}"),
        Some(name) => name.to_owned(),
    };
    format!("{folder}/Cargo.toml")
}

mod lexer {
    use super::*;

    #[test]
    fn comments_and_strings_are_not_code() {
        let (code, strings) =
            lex("a // println!\n\"SELECT 1\" r#\"x\"y\"# '\"' 'a /* z */ b\n\"two\nlines\" c\n");

        assert_eq!(code, "a \n   'a  b\n\n c\n");
        let found: Vec<_> = strings.iter().map(|(line, text)| (*line, text.as_str())).collect();
        assert_eq!(found, [(2, "SELECT 1"), (2, "x\"y"), (3, "two\nlines")]);
    }

    #[test]
    fn words_and_statements_are_recognised_whole() {
        assert!(has_word("std::env::var(x)", "env::var") && !has_word("env::var_os(x)", "env::var"));
        assert!(has_word("println!(x)", "println!") && !has_word("eprintln!(x)", "println!"));
        assert!(is_sql("UPDATE users SET name = $1") && is_sql("BEGIN IMMEDIATE"));
        assert!(is_sql("\n  SELECT id FROM rooms") && !is_sql("Select a file") && !is_sql("SELECT"));
    }
}

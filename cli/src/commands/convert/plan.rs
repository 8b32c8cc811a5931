//! What will be done with each file, decided before anything is uploaded.

use std::{
    collections::HashSet,
    path::{Path, PathBuf},
};

use url::Url;

use super::ConvertArgs;
use crate::{
    error::{CliError, Kind},
    files::{Destination, safe_name},
    global::Global,
};

/// Formats that a person can read on a terminal.
const TEXTS: [&str; 7] = ["txt", "md", "html", "csv", "tsv", "json", "svg"];

/// One file, and what happens to it.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    /// As it was given.
    pub(super) file: String,
    /// What the hub is told it is called.
    pub(super) name: String,
    pub(super) source: Source,
    pub(super) destination: Destination,
    /// The result is there and is to be left alone.
    pub(super) skip: bool,
    /// Why it cannot be done.
    pub(super) obstacle: Option<CliError>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Source {
    Stdin,
    File(PathBuf),
    /// The hub fetches it.
    Url(Url),
}

impl Source {
    fn of(file: &str) -> Result<Self, CliError> {
        if file == "-" {
            return Ok(Self::Stdin);
        }
        if !file.starts_with("https://") && !file.starts_with("http://") {
            return Ok(Self::File(PathBuf::from(file)));
        }
        let wrong = |why: url::ParseError| CliError::usage(format!("{file} is no URL: {why}"));
        file.parse().map(Self::Url).map_err(wrong)
    }
}

/// A format as people write it: `.PDF` is `pdf`.
pub(super) fn format_name(text: &str) -> Result<String, String> {
    let name = text.trim().trim_start_matches('.').to_lowercase();
    if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric()) {
        return Err("a format is a word such as pdf".to_owned());
    }
    Ok(name)
}

/// The plans of all files, in their order.
pub(super) fn all(args: &ConvertArgs, global: &Global) -> Result<Vec<Plan>, CliError> {
    if args.files.iter().filter(|file| *file == "-").count() > 1 {
        return Err(CliError::usage("standard input can be converted once"));
    }
    if let Some(dir) = &args.out_dir {
        std::fs::create_dir_all(dir).map_err(CliError::io(format!("cannot make {}", dir.display())))?;
    }
    let mut taken = HashSet::new();
    args.files.iter().map(|file| one(file, args, global, &mut taken)).collect()
}

fn one(
    file: &str,
    args: &ConvertArgs,
    global: &Global,
    taken: &mut HashSet<PathBuf>,
) -> Result<Plan, CliError> {
    let source = Source::of(file)?;
    let name = name_of(&source, args);
    let path = target(&name, args);
    let mut plan = Plan {
        file: file.to_owned(),
        name,
        source,
        destination: Destination::File { path: path.clone(), overwrite: args.overwrite },
        skip: false,
        obstacle: None,
    };
    if args.no_wait || args.become_one() {
        plan.obstacle = unreadable(&plan.source);
        return Ok(plan);
    }
    if goes_to_stdout(&plan.source, args, global) {
        // A wrong wish about the terminal is about the whole command.
        plan.destination = Destination::stdout(TEXTS.contains(&args.to.as_str()), &global.out)?;
    } else if !taken.insert(path.clone()) {
        let twice =
            CliError::new(Kind::LocalIo, format!("another file of this command becomes {}", path.display()));
        plan.obstacle = Some(twice.hint("convert them one after the other, into different folders"));
    } else if args.skip_existing && path.is_file() {
        plan.skip = true;
    } else {
        plan.obstacle = Destination::file(path, args.overwrite).err();
    }
    plan.obstacle = plan.obstacle.or_else(|| unreadable(&plan.source));
    Ok(plan)
}

/// Standard input flows to standard output, unless a file is named or JSON needs standard output.
fn goes_to_stdout(source: &Source, args: &ConvertArgs, global: &Global) -> bool {
    match &args.output {
        Some(output) => output == "-",
        None => *source == Source::Stdin && args.out_dir.is_none() && !global.out.is_json(),
    }
}

/// What the file is called, without folders.
fn name_of(source: &Source, args: &ConvertArgs) -> String {
    match source {
        Source::File(path) => {
            path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
        }
        Source::Url(url) => {
            let last = url.path_segments().and_then(|mut parts| parts.next_back()).unwrap_or_default();
            safe_name(args.name.as_deref().unwrap_or(last), "document")
        }
        Source::Stdin => match (&args.name, &args.from) {
            (Some(name), _) => safe_name(name, "stdin"),
            (None, Some(from)) => format!("stdin.{from}"),
            (None, None) => "stdin".to_owned(),
        },
    }
}

fn target(name: &str, args: &ConvertArgs) -> PathBuf {
    if let Some(output) = &args.output {
        return PathBuf::from(output);
    }
    let stem = Path::new(name).file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let result = format!("{stem}.{}", args.to);
    args.out_dir.as_deref().unwrap_or(Path::new("")).join(result)
}

fn unreadable(source: &Source) -> Option<CliError> {
    let Source::File(path) = source else { return None };
    match std::fs::metadata(path) {
        Ok(about) if about.is_dir() => Some(
            CliError::new(Kind::LocalIo, format!("{} is a folder", path.display()))
                .hint("name the files in it"),
        ),
        Ok(_) => None,
        Err(why) => Some(CliError::io(format!("cannot read {}", path.display()))(why)),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::{args::Cli, commands::Command, config::Environment};

    fn plans(line: &str) -> Result<Vec<Plan>, CliError> {
        let cli = Cli::try_parse_from(line.split_whitespace()).unwrap();
        let Some(Command::Convert(args)) = cli.command else { panic!("not convert") };
        all(&args, &Global::new(cli.global, Environment::default()))
    }

    #[test]
    fn a_result_is_named_after_its_file_and_goes_into_the_chosen_folder() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("a.b.docx");
        std::fs::write(&file, "x").unwrap();

        let plans = plans(&format!("mshub convert {} --to .PDF --out-dir {0}.out", file.display())).unwrap();

        let path = PathBuf::from(format!("{}.out/a.b.pdf", file.display()));
        assert_eq!(plans[0].destination, Destination::File { path, overwrite: false });
        assert_eq!((plans[0].name.as_str(), plans[0].obstacle.is_none()), ("a.b.docx", true));
    }

    #[test]
    fn a_url_is_no_file_and_its_end_is_its_name() {
        let named = |rest: &str| {
            let plan = plans(&format!("mshub convert --to pdf {rest}")).map(|plans| plans[0].clone());
            plan.map(|plan| (plan.name, plan.obstacle.is_none(), plan.destination))
        };
        let goes_to = |path: &str| Destination::File { path: path.into(), overwrite: false };

        let report = named("https://example.org/a/report.docx?x=1").unwrap();
        assert_eq!(report, ("report.docx".to_owned(), true, goes_to("report.pdf")));
        let other = named("http://example.org/ --name a.md").unwrap();
        assert_eq!(other, ("a.md".to_owned(), true, goes_to("a.pdf")));
        assert_eq!(named("https://example.org").unwrap().0, "document");
        assert_eq!(named("https://").unwrap_err().kind, Kind::Usage);
    }

    #[test]
    fn what_is_there_what_is_missing_and_what_is_named_twice_are_found_before_anything_is_sent() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name).display().to_string();
        for name in ["a.csv", "a.txt", "b.csv", "b.txt", "a.xlsx"] {
            std::fs::write(at(name), "x").unwrap();
        }
        let line = |rest: &str| {
            let files = format!("{} {} {} {}", at("a.csv"), at("b.csv"), at("b.txt"), at("none.csv"));
            format!("mshub convert {files} --to xlsx --out-dir {} {rest}", dir.path().display())
        };

        let careful = plans(&line("")).unwrap();
        let obstacles: Vec<bool> = careful.iter().map(|plan| plan.obstacle.is_some()).collect();
        assert_eq!(obstacles, [true, false, true, true]);
        assert!(
            careful.iter().filter_map(|plan| plan.obstacle.as_ref()).all(|why| why.kind == Kind::LocalIo)
        );

        let skipping = plans(&line("--skip-existing")).unwrap();
        assert!(skipping[0].skip && skipping[0].obstacle.is_none());
        let same = plans(&line("--skip-existing").replacen("b.csv", "a.txt", 1)).unwrap();
        assert!(same[0].skip && same[1].obstacle.is_some(), "what is there is the result of another file");
        let forcing = plans(&line("--overwrite")).unwrap();
        assert!(!forcing[0].skip && forcing[0].obstacle.is_none());
    }

    #[test]
    fn standard_input_flows_to_standard_output_unless_json_needs_it() {
        let through = plans("mshub convert - --from csv --to json").unwrap();
        let beside = plans("mshub convert - --from csv --to json --json").unwrap();

        assert_eq!(through[0].destination, Destination::Stdout);
        assert_eq!(beside[0].destination, Destination::File { path: "stdin.json".into(), overwrite: false });
        assert!(plans("mshub convert - --to json -o - --json").is_err());
    }
}

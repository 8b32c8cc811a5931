//! Ann makes one thing of several files: merged, zipped, taken apart and turned, through the hub and without it.

use std::io::Cursor;

use serde_json::Value;

use crate::{
    command::{Done, Person},
    hub::Hub,
};

fn names_in(person: &Person, zip: &str) -> Vec<String> {
    let bytes = std::fs::read(person.folder().join(zip)).unwrap();
    let zip = zip::ZipArchive::new(Cursor::new(bytes)).unwrap();
    zip.file_names().map(|name| name.unwrap().into_owned()).collect()
}

/// The words of a PDF, as the engines of this machine read them.
fn words(person: &Person, pdf: &str) -> String {
    let text = person.run(&["convert", pdf, "--to", "txt", "--local", "-o", "-"]);
    assert_eq!(text.code, 0, "{}", text.stderr);
    text.text().split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The line about the whole, which is the last one.
fn whole(done: &Done) -> Value {
    done.lines().pop().unwrap_or_else(|| panic!("nothing was printed: {}", done.stderr))
}

#[test]
fn several_files_become_one_and_one_becomes_several() {
    let hub = Hub::start();
    let (ann, bob) = (hub.person("Ann"), hub.person("Bob"));
    ann.file("plan.md", "# Harbour plan");
    ann.file("boats.md", "Seven boats");
    ann.file("empty.md", "");

    // Merged, in the order of the files.
    let done =
        ann.run(&["convert", "boats.md", "plan.md", "--to", "pdf", "--merge", "-o", "all.pdf", "--json"]);
    assert_eq!(done.code, 0, "{}", done.stderr);
    let lines = done.lines();
    let mut files: Vec<&str> = lines[..2].iter().map(|line| line["file"].as_str().unwrap()).collect();
    files.sort_unstable();
    assert_eq!((files, lines.len()), (vec!["boats.md", "plan.md"], 3));
    assert!(lines.iter().all(|line| line["state"] == "completed"), "{lines:?}");
    assert_eq!((&lines[2]["output"], &lines[2]["engine"]), (&"all.pdf".into(), &"builtin".into()));
    assert_eq!(words(&ann, "all.pdf"), "Seven boats Harbour plan");

    // The batch is there for its owner, and for nobody else.
    let id = lines[2]["batch"].as_str().unwrap();
    let shown = ann.json(&["batch", "show", id, "--json"]);
    assert_eq!((&shown["state"], &shown["progress"]["percent"]), (&"completed".into(), &100.into()));
    assert_eq!(ann.lines(&["batch", "list", "--json"]).len(), 1);
    assert_eq!(bob.run(&["batch", "show", id, "--json"]).code, 3);
    assert!(ann.run(&["batch", "show", id]).text().contains("all.pdf → merge: completed"));
    ann.json(&["batch", "get", id, "-o", "again.pdf", "--json"]);
    let (first, second) = (ann.folder().join("all.pdf"), ann.folder().join("again.pdf"));
    assert_eq!(std::fs::read(first).unwrap(), std::fs::read(second).unwrap());

    // Taken apart and turned again.
    assert_eq!(
        ann.run(&["pdf", "split", "all.pdf", "--pages", "2", "--pages", "1-", "--out-dir", "parts"]).code,
        0
    );
    assert_eq!(words(&ann, "parts/all-2.pdf"), "Harbour plan");
    assert_eq!(words(&ann, "parts/all-1-end.pdf"), "Seven boats Harbour plan");
    let beyond = ann.run(&["pdf", "split", "all.pdf", "--pages", "9", "--json"]);
    assert!(beyond.code == 10 && beyond.stderr.contains("name pages from 1 to 2"), "{}", beyond.stderr);
    assert_eq!(ann.run(&["pdf", "rotate", "all.pdf", "--by", "90", "--pages", "x", "-o", "x.pdf"]).code, 11);
    assert_eq!(
        ann.run(&["pdf", "rotate", "all.pdf", "--by", "90", "--pages", "1", "-o", "turned.pdf"]).code,
        0
    );
    assert_eq!(words(&ann, "turned.pdf"), "Seven boats Harbour plan");

    // What cannot be converted stops it, unless it may be left out.
    let files = ["convert", "plan.md", "empty.md", "boats.md", "--to", "html", "--zip", "out.zip", "--json"];
    let refused = ann.run(&files);
    assert!(refused.code == 11 && refused.stderr.contains("1 of 3 files"), "{}", refused.stderr);
    let done = ann.run(&[&files[..], &["--skip-failed"]].concat());
    assert_eq!(done.code, 9, "{}", done.stderr);
    assert_eq!(whole(&done)["output"], "out.zip");
    assert_eq!(names_in(&ann, "out.zip"), ["plan.html", "boats.html"]);

    // Merged and zipped, each in its place.
    let done = ann.run(&[
        "convert", "boats.md", "plan.md", "--to", "pdf", "--merge", "-o", "one.pdf", "--zip", "one.zip",
    ]);
    assert_eq!(done.code, 0, "{}", done.stderr);
    assert!(done.text().contains("→ one.zip and one.pdf"), "{}", done.text());
    assert_eq!(names_in(&ann, "one.zip"), ["boats.pdf", "plan.pdf", "one.pdf"]);
    assert_eq!(words(&ann, "one.pdf"), "Seven boats Harbour plan");

    let piped = ann.run(&["convert", "boats.md", "plan.md", "--to", "pdf", "--merge", "-o", "-"]);
    assert!(piped.stdout.starts_with(b"%PDF-"), "{}", piped.stderr);

    // Uploaded and left to itself.
    let done = ann.run(&[
        "convert",
        "all.pdf",
        "plan.md",
        "--to",
        "pdf",
        "--merge",
        "--zip",
        "both.zip",
        "--no-wait",
        "--json",
    ]);
    let id = whole(&done)["batch"].as_str().unwrap().to_owned();
    assert_eq!(ann.run(&["batch", "watch", &id]).code, 0);
    ann.json(&["batch", "get", &id, "--json"]);
    assert_eq!(names_in(&ann, "both.zip"), ["all.pdf", "plan.pdf", "both.pdf"]);

    // Gone with all that belongs to it.
    for batch in ann.lines(&["batch", "list", "--json"]) {
        ann.json(&["batch", "rm", batch["id"].as_str().unwrap(), "--json"]);
    }
    let left = ann.lines(&["job", "list", "--json"]);
    let of_batches =
        left.iter().filter(|job| job["name"] == "boats.md" && job["to"] == "pdf" || !job["batch"].is_null());
    assert_eq!(of_batches.count(), 0, "{left:?}");
}

#[test]
fn the_same_works_without_a_hub() {
    // Nobody listens there.
    let ann = Person::at("http://127.0.0.1:9");
    ann.file("plan.md", "# Harbour plan");
    ann.file("boats.md", "Seven boats");
    ann.file("empty.md", "");
    let here = |line: &[&str]| ann.run(&[line, &["--local", "--json"]].concat());

    let merged = here(&[
        "convert", "plan.md", "boats.md", "--to", "pdf", "--merge", "--zip", "all.zip", "-o", "all.pdf",
    ]);
    assert_eq!(merged.code, 0, "{}", merged.stderr);
    assert_eq!(names_in(&ann, "all.zip"), ["plan.pdf", "boats.pdf", "all.pdf"]);
    assert_eq!(
        (&whole(&merged)["output"], &whole(&merged)["merged"]),
        (&"all.zip".into(), &"all.pdf".into())
    );
    assert_eq!(words(&ann, "all.pdf"), "Harbour plan Seven boats");
    let piped = ann.run(&["convert", "plan.md", "boats.md", "--to", "pdf", "--merge", "-o", "-", "--local"]);
    assert!(piped.stdout.starts_with(b"%PDF-") && piped.stderr.contains("plan.md"), "{}", piped.stderr);
    for line in [&["--merge", "--zip", "x", "-o", "x"][..], &["--zip", "x.zip", "-o", "x.pdf"]] {
        assert_eq!(here(&[&["convert", "plan.md", "--to", "pdf"], line].concat()).code, 2);
    }

    let twice = here(&["pdf", "merge", "all.pdf", "all.pdf", "-o", "twice.pdf"]);
    assert_eq!((twice.code, &whole(&twice)["output"]), (0, &"twice.pdf".into()), "{}", twice.stderr);
    assert_eq!(here(&["pdf", "split", "twice.pdf", "-p", "4,1"]).code, 0);
    assert_eq!(words(&ann, "twice-4_1.pdf"), "Seven boats Harbour plan");
    assert_eq!(here(&["pdf", "split", "twice.pdf", "-p", "5"]).code, 11);
    assert_eq!(here(&["pdf", "merge", "all.pdf", "plan.md", "-o", "no.pdf"]).code, 11);
    assert_eq!(here(&["convert", "plan.md", "empty.md", "--to", "html", "--zip", "no.zip"]).code, 11);
    let rest =
        here(&["convert", "plan.md", "empty.md", "--to", "html", "--zip", "rest.zip", "--skip-failed"]);
    assert_eq!((rest.code, names_in(&ann, "rest.zip")), (9, vec!["plan.html".to_owned()]));
    assert!(!ann.folder().join("no.zip").exists() && !ann.folder().join("no.pdf").exists());
}

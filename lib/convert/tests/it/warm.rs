//! LibreOffice kept from one document to the next: real ones where there is one, and one that is a script.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use mshub_convert::{
    Child, Conversion, Engine, Engines, Error, Format, Keep, Limits, Options, Progress, Request, Stage,
};
use tokio_util::sync::CancellationToken;

use crate::files::{Desk, docx, letter, paragraph, pdf_text};
use crate::office::{self, LETTER_DOC};

/// How long what has to happen may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// A desk, and the engines of a LibreOffice that is kept on it. Its processes carry a mark that nobody else has.
struct Bench {
    desk: Desk,
    engines: Engines,
    mark: String,
}

impl Bench {
    fn new(program: PathBuf, keep: Keep) -> Bench {
        let desk = Desk::new();
        let mark = format!("of-{}", desk.path("").display());
        let child = Child { args: vec![mark.clone().into()], ..office::child() };
        Bench::with(desk, child, program, keep, mark)
    }

    fn with(desk: Desk, child: Child, program: PathBuf, keep: Keep, mark: String) -> Bench {
        let keep = Keep { folder: Some(desk.path("kept")), ..keep };
        Bench { engines: Engines::builtin(child).with_libreoffice_kept(program, keep), desk, mark }
    }

    /// With the LibreOffice of this machine, if there is one.
    fn real(keep: Keep) -> Option<Bench> {
        Some(Bench::new(office::program()?, keep))
    }

    fn request(&self, name: &str, bytes: impl AsRef<[u8]>, to: Format) -> Request {
        self.desk.put(name, bytes);
        let mut request = self.desk.request(name, to);
        request.options = Options { engine: Some(Engine::Libreoffice), ..Options::default() };
        request
    }

    async fn convert(&self, request: &Request, progress: impl FnMut(Progress) + Send) -> Conversion {
        self.engines.convert(request, progress, CancellationToken::new()).await
    }

    /// Converts to PDF; the words of its pages.
    async fn pages(&self, name: &str, bytes: impl AsRef<[u8]>) -> String {
        let request = self.request(name, bytes, Format::Pdf);
        let done = self.convert(&request, |_| ()).await;
        done.result.unwrap_or_else(|error| panic!("{name}: {error}"));
        pdf_text(&std::fs::read(&request.output).unwrap())
    }

    /// The processes that were started here and run still.
    fn running(&self) -> Vec<u32> {
        std::fs::read_dir("/proc")
            .unwrap()
            .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
            .filter(|id: &u32| {
                let told = std::fs::read(format!("/proc/{id}/cmdline")).unwrap_or_default();
                told.split(|byte| *byte == 0).any(|word| word == self.mark.as_bytes()) && lives(*id)
            })
            .collect()
    }

    /// The one that is kept, while no document is converted.
    fn kept(&self) -> u32 {
        let running = self.running();
        assert_eq!(running.len(), 1, "{running:?} {}", self.told());
        running[0]
    }

    fn told(&self) -> String {
        let health = self.engines.health();
        let office = health.into_iter().find(|health| health.engine == Engine::Libreoffice);
        office.unwrap().detail
    }

    /// What lies in the folder of those that are kept.
    fn places(&self) -> usize {
        std::fs::read_dir(self.desk.path("kept")).map_or(0, Iterator::count)
    }
}

fn lives(id: u32) -> bool {
    std::fs::read_to_string(format!("/proc/{id}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
}

async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let waited = async {
        while !is_so() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, waited).await.unwrap_or_else(|_| panic!("not within a minute: {what}"));
}

fn kill(id: u32) {
    let killed = Command::new("kill").args(["-9", &id.to_string()]).status().unwrap();
    assert!(killed.success());
}

#[tokio::test]
async fn one_takes_document_after_document_and_is_started_anew_in_time() {
    let Some(bench) = Bench::real(Keep { documents: 3, ..Keep::default() }) else { return };
    assert!(bench.told().contains("warm from the first document on"), "{}", bench.told());
    assert!(bench.running().is_empty());

    let first = bench.pages("letter.doc", LETTER_DOC).await;
    let kept = bench.kept();
    let second = bench.pages("other.docx", docx(&paragraph("Another tide"))).await;

    assert!(first.contains("harbour was quiet") && first.contains("Zürich"), "{first}");
    assert!(second.contains("Another tide") && !second.contains("harbour"), "{second}");
    assert_eq!(bench.kept(), kept, "it was not kept");
    assert!(bench.told().contains("warm: 1 running, 0 at work"), "{}", bench.told());
    let old = bench.request("third.docx", letter(), Format::Txt);
    assert!(bench.convert(&old, |_| ()).await.result.is_err(), "docx to txt is not its business");
    let old = bench.request("third.doc", LETTER_DOC, Format::Txt);
    let report = bench.convert(&old, |_| ()).await.result.unwrap();
    assert!(std::fs::read_to_string(&old.output).unwrap().contains("Zürich"), "{report:?}");

    // That was the third of three.
    until("the one that was used up ends", || bench.running().is_empty() && bench.places() == 0).await;
    bench.pages("letter.doc", LETTER_DOC).await;
    assert_ne!(bench.kept(), kept);

    let (mark, places) = (bench.kept(), bench.desk.path("kept"));
    drop(bench.engines);
    until("it ends with its engines", || !lives(mark)).await;
    until("its place goes with it", || std::fs::read_dir(&places).unwrap().count() == 0).await;
}

#[tokio::test]
async fn one_that_is_killed_costs_no_document_and_a_bad_document_nobody_elses() {
    let Some(bench) = Bench::real(Keep::default()) else { return };
    bench.pages("letter.doc", LETTER_DOC).await;
    let victim = bench.kept();

    // Before it hears of the document.
    let request = bench.request("letter.doc", LETTER_DOC, Format::Pdf);
    let mut steps = Vec::new();
    let done = bench
        .convert(&request, |step| {
            if steps.is_empty() {
                kill(victim);
            }
            steps.push(step.stage);
        })
        .await;

    let report = done.result.unwrap();
    assert_eq!((report.pages, done.attempts.len()), (Some(1), 1), "{steps:?}");
    assert_eq!(steps.last(), Some(&Stage::Writing));
    until("its place is gone", || bench.places() == 0).await;

    // Whether by a kept one or by one of its own: what is damaged fails, and what comes after it does not.
    let broken = bench.request("broken.docx", docx("<w:p><w:oops"), Format::Pdf);
    let failed = bench.convert(&broken, |_| ()).await;
    match &failed.result {
        Ok(report) => assert!(report.degraded, "{report:?}"),
        Err(error) => assert_eq!(error.code(), "corrupt", "{error}"),
    }
    assert!(bench.pages("good.doc", LETTER_DOC).await.contains("harbour was quiet"));
}

#[tokio::test]
async fn one_that_is_killed_in_the_middle_of_a_document_costs_it_nothing() {
    let Some(bench) = Bench::real(Keep::default()) else { return };
    bench.pages("letter.doc", LETTER_DOC).await;
    let victim = bench.kept();
    // Long enough to be in the middle of.
    let long: String = (0..2_000).map(|line| paragraph(&format!("Line {line} of the tide"))).collect();
    let request = bench.request("long.docx", docx(&long), Format::Pdf);

    // It has opened the document.
    let mut killed = false;
    let done = bench
        .convert(&request, |step| {
            if step.stage == Stage::Converting && !std::mem::replace(&mut killed, true) {
                kill(victim);
            }
        })
        .await;

    let report = done.result.unwrap();
    assert!(killed && report.recall == Some(1.0), "{report:?}");
    assert!(!lives(victim));
    until("its place is gone", || bench.places() == 0).await;
}

#[tokio::test]
async fn one_is_there_before_the_first_document_and_cancelling_ends_it() {
    let Some(bench) = Bench::real(Keep { ready: true, ..Keep::default() }) else { return };
    bench.engines.attend();
    until("one waits", || bench.told().contains("warm: 1 running, 0 at work")).await;
    let first = bench.kept();

    let cancel = CancellationToken::new();
    let request = bench.request("letter.doc", LETTER_DOC, Format::Pdf);
    let done = bench.engines.convert(&request, |_: Progress| cancel.cancel(), cancel.clone()).await;

    assert_eq!(done.result, Err(Error::Cancelled));
    assert!(!request.output.exists());
    until("it is killed", || !lives(first)).await;
    until("the next waits", || bench.told().contains("warm: 1 running, 0 at work")).await;
    assert!(bench.pages("letter.doc", LETTER_DOC).await.contains("harbour was quiet"));
}

#[tokio::test]
async fn it_dies_with_whoever_holds_its_pipe() {
    use std::io::{BufRead as _, BufReader, Write as _};
    let Some(program) = office::program() else { return };
    let desk = Desk::new();
    for folder in ["job", "own"] {
        std::fs::create_dir(desk.path(folder)).unwrap();
    }
    let mut child = Command::new(office::child().program)
        .env_clear()
        .env("HOME", desk.path("own"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let place = desk.path("");
    let opening = serde_json::json!({"program": program, "place": place, "limits": {}, "documents": 1});
    writeln!(stdin, "{}", serde_json::json!({"office": opening})).unwrap();
    let mut said = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    assert!(said.any(|line| line.contains("\"ready\"")), "it never came up");

    // As it is closed when its owner is killed.
    drop(stdin);

    assert!(!tokio::task::spawn_blocking(move || child.wait()).await.unwrap().unwrap().success());
}

/// A LibreOffice that is this script, which writes its id, and that of a process it starts, to `pids`.
fn script(body: &str, keep: Keep) -> Bench {
    let desk = Desk::new();
    let program = desk.put("soffice", "");
    desk.put("libmergedlo.so", "");
    let pids = desk.path("pids");
    let body = format!(
        "read opening; sleep 600 & echo $$ $! >> '{}'; echo '{{\"ready\":{{\"network\":false}}}}'; {body}",
        pids.display()
    );
    let mark = format!("of-{}", desk.path("").display());
    let args = ["-c", body.as_str(), mark.as_str()].map(Into::into).to_vec();
    let limits = Limits { wall: Duration::from_secs(1), ..Limits::default() };
    let child = Child { program: "/bin/sh".into(), args, limits };
    Bench::with(desk, child, program, keep, mark)
}

fn pids(desk: &Desk) -> Vec<u32> {
    let text = std::fs::read_to_string(desk.path("pids")).unwrap_or_default();
    text.split_whitespace().map(|id| id.parse().unwrap()).collect()
}

#[tokio::test]
async fn one_that_hangs_is_killed_at_the_deadline_with_all_that_it_started() {
    let bench = script("read document; echo '\"opened\"'; wait", Keep::default());
    let request = bench.request("letter.doc", LETTER_DOC, Format::Pdf);

    let done = bench.convert(&request, |_| ()).await;

    assert_eq!(done.result, Err(Error::Timeout { seconds: 2 }));
    let started = pids(&bench.desk);
    until("all of it is gone", || started.iter().all(|id| !lives(*id))).await;
    until("its place is gone", || bench.places() == 0).await;
}

#[tokio::test]
async fn one_that_waits_too_long_is_ended() {
    let bench = script(
        "while read document; do echo x > ../job/result.pdf; echo '\"saved\"'; done",
        Keep { idle: Duration::from_millis(1), ..Keep::default() },
    );
    let request = bench.request("letter.doc", LETTER_DOC, Format::Pdf);

    // What it made is no PDF; that is for whoever looks at it, and a shell cannot.
    let done = bench.convert(&request, |_| ()).await;

    assert!(done.result.is_err(), "{done:?}");
    let started = pids(&bench.desk);
    assert!(!started.is_empty());
    until("all of it is gone", || started.iter().all(|id| !lives(*id))).await;
    until("its place is gone", || bench.places() == 0).await;
}

#[tokio::test]
async fn one_that_talks_nonsense_is_left_alone_for_a_while() {
    let bench =
        script("read document; echo noise; echo '{\"ready\":{\"network\":true}}'; wait", Keep::default());
    let request = bench.request("letter.doc", LETTER_DOC, Format::Pdf);

    let done = bench.convert(&request, |_| ()).await;

    // The cold way was tried, with a shell in place of our child: it ends in an error of its own.
    assert!(done.result.is_err(), "{done:?}");
    let started = pids(&bench.desk);
    until("all of it is gone", || started.iter().all(|id| !lives(*id))).await;
}

#[test]
fn without_the_library_or_the_wish_it_is_started_for_each_document() {
    let there = |files: &[&str], documents| {
        let desk = Desk::new();
        files.iter().for_each(|file| drop(desk.put(file, "")));
        let keep = Keep { documents, ..Keep::default() };
        Bench::new(desk.path("soffice"), keep).told()
    };

    assert!(there(&["soffice"], 50).contains("cold: started for each document, as it has no LibreOfficeKit"));
    assert!(there(&["soffice", "libmergedlo.so"], 0).contains("as the settings say"));
    assert!(there(&["soffice", "libmergedlo.so"], 50).contains("warm from the first document on"));
}

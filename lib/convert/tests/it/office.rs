//! LibreOffice as an engine: old formats, second opinions, and how it is locked up. Where there is none, that is said.

use std::path::PathBuf;

use mshub_convert::{
    Child, Conversion, Engine, Engines, Error, Format, Keep, Limits, Options, Prefer, Request, Sandbox,
    find_libreoffice, sniff,
};
use tokio_util::sync::CancellationToken;

use crate::files::{Desk, docx, letter, pdf_text, sample};

pub(crate) const LETTER_DOC: &[u8] = include_bytes!("samples/letter.doc");
const SLIDES: [(&str, &[u8]); 2] = [
    ("slides.pptx", include_bytes!("samples/slides.pptx")),
    ("slides.odp", include_bytes!("samples/slides.odp")),
];

pub(crate) fn child() -> Child {
    Child {
        program: env!("CARGO_BIN_EXE_mshub-job-child").into(),
        args: Vec::new(),
        limits: Limits::default(),
    }
}

/// The LibreOffice of this machine; `None`, said, where there is none.
pub(crate) fn program() -> Option<PathBuf> {
    let found: Option<PathBuf> = find_libreoffice(&std::env::var_os("PATH").unwrap_or_default());
    if found.is_none() {
        let required = std::env::var("MSHUB_REQUIRE")
            .is_ok_and(|names| names.split(',').any(|name| name == "libreoffice"));
        assert!(!required, "MSHUB_REQUIRE names libreoffice, and no soffice is on the PATH");
        println!("no LibreOffice on the PATH: this was not tested");
    }
    found
}

/// Our engines with it, kept warm.
fn engines() -> Option<Engines> {
    Some(Engines::builtin(child()).with_libreoffice(program()?))
}

/// The same, and with one for each document.
fn both_ways() -> Option<[Engines; 2]> {
    let keep = Keep { documents: 0, ..Keep::default() };
    Some([engines()?, Engines::builtin(child()).with_libreoffice_kept(program()?, keep)])
}

async fn convert(engines: &Engines, request: &Request) -> Conversion {
    engines.convert(request, |_: mshub_convert::Progress| (), CancellationToken::new()).await
}

fn only(mut request: Request, engine: Engine) -> Request {
    request.options = Options { engine: Some(engine), ..Options::default() };
    request
}

#[tokio::test]
async fn an_old_document_becomes_pages_and_nothing_is_left_behind() {
    let Some(both) = both_ways() else { return };
    for engines in both {
        let desk = Desk::new();
        let path = desk.put("letter.doc", LETTER_DOC);
        assert_eq!(sniff(&path, "letter.doc", None), Ok(Format::Doc));
        let request = desk.request("letter.doc", Format::Pdf);

        let done = convert(&engines, &request).await;

        let report = done.result.unwrap();
        assert_eq!(
            (report.engine.as_str(), report.pages, report.degraded),
            ("libreoffice", Some(1), false),
            "{report:?}"
        );
        assert!(report.warnings.iter().any(|warning| warning.contains("cannot be counted")), "{report:?}");
        let text = pdf_text(&std::fs::read(&request.output).unwrap());
        assert!(text.contains("harbour was quiet") && text.contains("Zürich"), "{text}");
        assert_eq!(desk.names(), ["letter.doc", "letter.doc.out.pdf"]);
    }
}

#[tokio::test]
async fn slides_become_pages_and_other_slides() {
    let Some(engines) = engines() else { return };
    if engines.supports(Format::Odp, Format::Pdf, &Options::default()).is_err() {
        println!("this LibreOffice has no Impress: slides were not tested");
        return;
    }
    for (name, bytes) in SLIDES {
        let desk = Desk::new();
        let path = desk.put(name, bytes);
        assert_eq!(sniff(&path, name, None), Ok(Format::from_name(name).unwrap()));

        let report = convert(&engines, &desk.request(name, Format::Pdf)).await.result.unwrap();

        assert_eq!((report.pages, report.degraded), (Some(2), false), "{name}: {report:?}");
        assert!(report.recall.is_none_or(|recall| recall == 1.0), "{name}: {report:?}");
    }
    // There and back again, by way of the old format.
    let desk = Desk::new();
    desk.put(SLIDES[1].0, SLIDES[1].1);
    let old = Request { output: desk.path("old.ppt"), ..desk.request(SLIDES[1].0, Format::Ppt) };
    convert(&engines, &old).await.result.unwrap();
    assert_eq!(sniff(&old.output, "old.ppt", None), Ok(Format::Ppt));
    let request = desk.request("old.ppt", Format::Pptx);
    let report = convert(&engines, &request).await.result.unwrap();
    assert_eq!((report.words_out, report.degraded), (Some(11), false), "{report:?}");
    assert_eq!(sniff(&request.output, "x.pptx", None), Ok(Format::Pptx));
}

#[tokio::test]
async fn each_kind_of_document_is_written_again_with_its_words() {
    let Some(engines) = engines() else { return };
    let desk = Desk::new();
    desk.put("letter.docx", letter());
    desk.put("table.ods", sample(Format::Ods).unwrap());
    for (name, to) in [
        ("letter.docx", Format::Pdf),
        ("letter.docx", Format::Odt),
        ("letter.docx", Format::Rtf),
        ("table.ods", Format::Pdf),
        ("table.ods", Format::Xlsx),
        ("table.ods", Format::Xls),
    ] {
        let request = only(desk.request(name, to), Engine::Libreoffice);

        let report = convert(&engines, &request)
            .await
            .result
            .unwrap_or_else(|error| panic!("{name} to {to}: {error}"));

        assert_eq!(report.engine, "libreoffice");
        assert!(report.recall.is_some_and(|recall| recall >= 0.97), "{name} to {to}: {report:?}");
        assert_eq!(sniff(&request.output, &format!("x.{to}"), Some(to)), Ok(to));
    }
}

#[tokio::test]
async fn whoever_prefers_fidelity_asks_it_first_and_a_failure_asks_the_next() {
    let Some(engines) = engines() else { return };
    let desk = Desk::new();
    desk.put("letter.docx", letter());
    let mut request = desk.request("letter.docx", Format::Pdf);
    request.options.prefer = Prefer::Fidelity;

    let done = convert(&engines, &request).await;
    let asked: Vec<Engine> = done.attempts.iter().map(|attempt| attempt.engine).collect();
    assert_eq!((asked, done.result.unwrap().engine.as_str()), (vec![Engine::Libreoffice], "libreoffice"));

    // A program that is there and does not work.
    let broken = Engines::builtin(child()).with_libreoffice("/bin/false".into());
    let done = convert(&broken, &request).await;
    let asked: Vec<_> =
        done.attempts.iter().map(|attempt| (attempt.engine, attempt.error.is_some())).collect();
    assert_eq!(asked, [(Engine::Libreoffice, true), (Engine::Builtin, false)]);
    assert_eq!(done.result.unwrap().engine, "builtin");
}

#[tokio::test]
async fn what_one_engine_calls_damaged_another_may_repair_and_says_so() {
    let Some(engines) = engines() else { return };
    let desk = Desk::new();
    desk.put("broken.docx", docx("<w:p><w:r><w:t>Half a letter</w:t></w:r></w:p><w:p><w:oops"));
    let request = desk.request("broken.docx", Format::Pdf);

    let done = convert(&engines, &request).await;

    assert!(matches!(done.attempts[0].error, Some(Error::Corrupt { .. })), "{done:?}");
    assert_eq!(done.attempts[1].engine, Engine::Libreoffice);
    match &done.result {
        Ok(report) => assert!(report.degraded && report.lost[0].contains("damaged"), "{report:?}"),
        Err(error) => assert_eq!(error.code(), "corrupt"),
    }
    let strict = Request { strict: true, ..request };
    let refused = convert(&engines, &strict).await.result.unwrap_err();
    assert!(matches!(refused.code(), "low_fidelity" | "corrupt"), "{refused}");
    assert_eq!(desk.names(), ["broken.docx"]);
}

#[tokio::test]
async fn a_document_cannot_make_it_read_or_fetch_anything() {
    let Some(both) = both_ways() else { return };
    let desk = Desk::new();
    let elsewhere = tempfile::tempdir().unwrap();
    std::fs::write(elsewhere.path().join("secret.txt"), "TOPSECRET").unwrap();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    // The helper's paragraph is closed, and opened again at the end.
    let page = format!(
        "</text:p><text:section xmlns:xlink='http://www.w3.org/1999/xlink' text:name='s'>\
         <text:section-source xlink:href='{}/secret.txt'/><text:p>inside</text:p></text:section>\
         <text:p><draw:frame xmlns:draw='urn:oasis:names:tc:opendocument:xmlns:drawing:1.0' \
         xmlns:svg='urn:oasis:names:tc:opendocument:xmlns:svg-compatible:1.0' svg:width='2cm' svg:height='2cm'>\
         <draw:image xmlns:xlink='http://www.w3.org/1999/xlink' xlink:href='http://{}/x.png'/></draw:frame>Words",
        elsewhere.path().display(),
        listener.local_addr().unwrap(),
    );
    desk.put("trap.odt", crate::files::odt(&page));
    let request = only(desk.request("trap.odt", Format::Pdf), Engine::Libreoffice);
    desk.put("letter.docx", letter());
    let good = only(desk.request("letter.docx", Format::Pdf), Engine::Libreoffice);

    for engines in both {
        // Not even when it was somebody's before, and it has words of theirs.
        convert(&engines, &good).await.result.unwrap();
        let report = convert(&engines, &request).await.result.unwrap();

        let text = pdf_text(&std::fs::read(&request.output).unwrap());
        assert!(text.contains("Words") && !text.contains("TOPSECRET"), "{text} {report:?}");
        assert!(listener.accept().is_err(), "it called home");
    }
}

/// A taken-over office suite that tries what it should not be able to, and what it has to be.
#[tokio::test]
async fn a_program_in_a_child_can_do_just_what_the_level_says() {
    let (desk, elsewhere) = (Desk::new(), tempfile::tempdir().unwrap());
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let (outside, port) = (elsewhere.path().display(), listener.local_addr().unwrap().port());
    std::fs::write(elsewhere.path().join("secret"), "TOPSECRET").unwrap();
    std::fs::write(elsewhere.path().join("tool"), "#!/bin/sh\n").unwrap();
    let suite = desk.path("suite/program");
    std::fs::create_dir_all(&suite).unwrap();
    let script = desk.put(
        "suite/program/soffice",
        format!(
            "#!/bin/bash\nexec 3>&2 2>/dev/null\n\
             {{ ln -s {outside}/secret \"$HOME/link\" && mkdir \"$HOME/folder\" && echo tried\n\
             (echo x >\"$HOME/../../beside\") && echo wrote beside\n\
             cat \"$HOME/../../letter.doc\" >/dev/null && echo read beside\n\
             ln -s {outside}/secret \"$HOME/../../letter.doc.out.pdf.libreoffice\" && echo linked\n\
             cat {outside}/secret >/dev/null && echo read\n\
             (echo x >{outside}/new) && echo wrote\n\
             rm {outside}/secret && echo removed\n\
             {outside}/tool && echo ran\n\
             (: <>/dev/tcp/127.0.0.1/{port}) && echo connected\n}} >&3\nexit 1\n"
        ),
    );
    for program in [&script, &elsewhere.path().join("tool")] {
        std::fs::set_permissions(program, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    }
    desk.put("letter.doc", LETTER_DOC);
    let engines = Engines::builtin(child()).with_libreoffice(script);

    let done = convert(&engines, &desk.request("letter.doc", Format::Pdf)).await;

    let Err(Error::Crashed { detail: found }) = done.result else { panic!("{:?}", done.result) };
    let mut free: Vec<&str> = found.rsplit(": ").next().unwrap().split(" | ").collect();
    free.retain(|did| *did != "connected");
    assert_eq!(free.remove(0), "tried");
    // LibreOffice has to remove its own socket in there, and no rule tells that from another file of the same user.
    free.retain(|line| *line != "removed" || !elsewhere.path().starts_with("/tmp"));
    match mshub_convert::sandbox_level() {
        Sandbox::Limits => assert!(["read", "wrote", "ran"].iter().all(|did| free.contains(did)), "{found}"),
        level => {
            assert!(free.is_empty(), "{found} at level {level}");
            assert_eq!(desk.names(), ["letter.doc", "suite"]);
        }
    }
    // Where the network is not forbidden, the child may have left it all the same.
    assert!(mshub_convert::sandbox_level() < Sandbox::Full || !found.contains("connected"), "{found}");
}

#[tokio::test]
async fn it_is_killed_at_its_deadline_with_all_that_it_started() {
    let desk = Desk::new();
    desk.put("letter.doc", LETTER_DOC);
    let script = desk.put("soffice", "#!/bin/sh\nsleep 600 & echo $$ $! > \"$HOME/../pids\"\nwait\n");
    std::fs::set_permissions(&script, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let mut slow = child();
    slow.limits.wall = std::time::Duration::from_secs(5);
    let engines = Engines::builtin(slow).with_libreoffice(script);
    let note = desk.path("letter.doc.out.pdf.libreoffice.office/pids");
    let written = async {
        loop {
            match std::fs::read_to_string(&note) {
                Ok(pids) if pids.ends_with('\n') => break pids,
                _ => tokio::time::sleep(std::time::Duration::from_millis(5)).await,
            }
        }
    };
    let written = tokio::time::timeout(std::time::Duration::from_secs(60), written);
    let request = desk.request("letter.doc", Format::Pdf);

    let (pids, done) = tokio::join!(written, convert(&engines, &request));

    assert!(matches!(done.result, Err(Error::Timeout { seconds: 10 })), "{done:?}");
    let pids = pids.expect("it notes who it is");
    for pid in pids.split_whitespace() {
        let gone = async {
            while std::fs::read_to_string(format!("/proc/{pid}/stat"))
                .is_ok_and(|stat| !stat.contains(") Z "))
            {
                tokio::time::sleep(std::time::Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(std::time::Duration::from_secs(60), gone)
            .await
            .unwrap_or_else(|_| panic!("{pid} still runs"));
    }
    assert_eq!(desk.names(), ["letter.doc", "soffice"]);
}

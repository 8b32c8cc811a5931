//! A worker with the LibreOffice of this machine; where there is none, that is said.

use std::{ffi::OsString, process::Command};

use wire::conversions::JobState;

use crate::{
    sql,
    worker::{Worker, eventually, real_child},
};

const LETTER: &[u8] = include_bytes!("../../../lib/convert/tests/it/samples/letter.doc");

/// Those processes that have this word in their command line.
fn marked(mark: &str) -> Vec<String> {
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    let names = processes.filter_map(|entry| entry.file_name().into_string().ok());
    names
        .filter(|id| {
            let told = std::fs::read(format!("/proc/{id}/cmdline")).unwrap_or_default();
            told.split(|byte| *byte == 0).any(|word| word == mark.as_bytes())
        })
        .collect()
}

#[tokio::test]
async fn whatever_of_libreoffice_is_killed_at_work_every_document_gets_its_pages_once() {
    let Some(program) = convert::find_libreoffice(&std::env::var_os("PATH").unwrap_or_default()) else {
        let required = std::env::var("MSHUB_REQUIRE").unwrap_or_default();
        assert!(!required.split(',').any(|name| name == "libreoffice"), "no soffice is on the PATH");
        println!("no LibreOffice on the PATH: this was not tested");
        return;
    };
    let mark = format!("of-{}", uuid::Uuid::new_v4());
    let worker = Worker::with(|config| {
        let (child, mut args) = real_child();
        args.push(OsString::from(&mark));
        config.child = (child, args);
        config.libreoffice = Some(program);
        config.runners = 2;
    })
    .await;
    let mut jobs = Vec::new();
    for number in 0..4 {
        let job = worker.uploaded(&format!("to=pdf&name={number}.doc&fresh=true"), LETTER).await;
        jobs.push(job.id);
    }

    // Everything of it, while the first two are at work.
    let killed = eventually(async || Some(marked(&mark)).filter(|found| found.len() >= 2)).await;
    for id in &killed {
        // One that has ended meanwhile cannot be killed.
        let _ = Command::new("kill").args(["-9", id]).status();
    }

    for job in jobs {
        let done = worker.ended(job).await;
        assert_eq!(
            (done.state, done.engine.as_deref()),
            (JobState::Completed, Some("libreoffice")),
            "{done:?}"
        );
        let ends = sql::events(&worker.db, job).await.into_iter().filter(|(_, state)| state == "completed");
        assert_eq!(ends.count(), 1);
        let results = format!("out/{job}/");
        assert_eq!(worker.objects().await.iter().filter(|key| key.starts_with(&results)).count(), 1);
    }
}

//! The inside of a LibreOffice that is kept: loaded into a process of ours, which has locked itself up before.

use std::io::{self, BufRead};
use std::path::Path;
use std::sync::mpsc::{Receiver, channel};
use std::thread;

use libreofficekit::{DocUrl, Office, OfficeError};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustix::time::{ClockId, clock_gettime};

use super::{
    lines::{Answer, Document, Opening},
    place::Place,
};
use crate::job_child::{end, send_apart};
use crate::{Error, Limits, sandbox};

/// Asks nobody anything, and lets no macro of a document run.
const LOADING: &str = "Batch=true,EnableMacrosExecution=false";

/// Converts documents until nobody wants any more; then it ends this process and all of its group.
///
/// # Errors
/// When it cannot lock itself up.
pub(crate) fn serve(opening: &Opening) -> Result<(), Error> {
    let place = Place::at(&opening.place);
    let network = !sandbox::leave_network();
    // For all documents together it is what one may use so often: a document that raises the limit of one comes no further.
    let cpu = opening.limits.cpu.saturating_mul(opening.documents.max(1));
    let limits = Limits { cpu, ..opening.limits.clone() };
    let (job, own) = (place.job(), place.own());
    let suite = sandbox::Suite { program: &opening.program, own: &own };
    sandbox::enter(&limits, limits.sandbox, &[&job], &job, Some(suite))?;

    let documents = listen()?;
    let office = match Office::new(opening.program.parent().unwrap_or(Path::new("/"))) {
        Ok(office) => office,
        Err(why) => return Ok(send_apart(&Answer::Unable(why.to_string()))?),
    };
    send_apart(&Answer::Ready { network })?;
    for document in documents {
        allow(&opening.limits)?;
        send_apart(&match convert(&office, &place, document) {
            Ok(answer) => answer,
            Err(why) => Answer::Refused(why.to_string()),
        })?;
    }
    Ok(())
}

/// The documents as they are named on stdin. When it is closed this process ends, whatever it does.
fn listen() -> io::Result<Receiver<Document>> {
    let (sender, documents) = channel();
    thread::Builder::new().name("listen".into()).stack_size(256 * 1024).spawn(move || {
        for line in io::stdin().lock().lines().map_while(Result::ok) {
            let Ok(document) = serde_json::from_str(&line) else { break };
            if sender.send(document).is_err() {
                break;
            }
        }
        end();
    })?;
    Ok(documents)
}

/// Gives the next document its own CPU time.
fn allow(limits: &Limits) -> io::Result<()> {
    let used = u64::try_from(clock_gettime(ClockId::ProcessCPUTime).tv_sec).unwrap_or_default();
    let maximum = getrlimit(Resource::Cpu).maximum;
    let wanted = used + limits.cpu.as_secs().max(1) + 1;
    let current = Some(maximum.map_or(wanted, |hard| hard.min(wanted)));
    Ok(setrlimit(Resource::Cpu, Rlimit { current, maximum })?)
}

fn convert(office: &Office, place: &Place, document: Document) -> Result<Answer, OfficeError> {
    let input = DocUrl::from_path(place.input(document.from))?;
    let result = DocUrl::from_path(place.result(document.to))?;
    let mut opened = office.document_load_with_options(&input, LOADING)?;
    // Whoever would hear it may be gone: then there is nobody to tell.
    let _ = send_apart(&Answer::Opened);
    Ok(match opened.save_as(&result, document.to.extension(), None)? {
        true => Answer::Saved,
        false => Answer::Refused(format!("it cannot be written as {}", document.to)),
    })
}

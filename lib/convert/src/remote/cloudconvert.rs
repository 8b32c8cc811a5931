//! CloudConvert: a job of three tasks (upload, convert, export), looked at until it has ended, and removed there then.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use reqwest::Method;
use reqwest::multipart::Form;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::answer::{Tried, fetch, send};
use super::{Remote, document};
use crate::{Error, Request};

const JOBS: &str = "v2/jobs";
/// The first pause between two looks; each further one is half as long again.
const LOOK: Duration = Duration::from_millis(200);
/// And never longer than this.
const LONGEST: Duration = Duration::from_secs(5);
/// How long it may take to remove a job there: the result is here already.
const GOODBYE: Duration = Duration::from_secs(3);

/// Every answer.
#[derive(Deserialize)]
struct Data<T> {
    data: T,
}

#[derive(Deserialize)]
struct Job {
    id: String,
    status: String,
    #[serde(default)]
    tasks: Vec<Task>,
}

#[derive(Deserialize)]
struct Task {
    name: Option<String>,
    #[serde(default)]
    status: String,
    #[serde(default)]
    code: Option<String>,
    #[serde(default)]
    message: Option<String>,
    #[serde(default)]
    result: Option<Outcome>,
}

#[derive(Deserialize)]
struct Outcome {
    #[serde(default)]
    form: Option<Upload>,
    #[serde(default)]
    files: Vec<File>,
}

/// Where the document goes.
#[derive(Deserialize)]
struct Upload {
    url: String,
    #[serde(default)]
    parameters: BTreeMap<String, Value>,
}

#[derive(Deserialize)]
struct File {
    url: Option<String>,
}

pub(super) async fn convert(
    remote: &Remote,
    req: &Request,
    made: &Path,
    deadline: Instant,
) -> Result<(), Error> {
    let job = remote.patiently(deadline, || create(remote, req)).await?;
    let _goodbye = Goodbye { remote, job: &job.id };
    run(remote, req, &job, made, deadline).await
}

/// Removes a job there when it is dropped, however the conversion ended: nobody's document stays there longer than it
/// must. What fails here expires there.
struct Goodbye<'a> {
    remote: &'a Remote,
    job: &'a str,
}

impl Drop for Goodbye<'_> {
    fn drop(&mut self) {
        let (remote, route) = (self.remote.clone(), route(self.job));
        // Not waited for: whoever cancels wants to go on.
        tokio::spawn(async move {
            let said = send(&remote, remote.request(Method::DELETE, &route));
            let _ = tokio::time::timeout(GOODBYE, said).await;
        });
    }
}

async fn run(remote: &Remote, req: &Request, job: &Job, made: &Path, deadline: Instant) -> Result<(), Error> {
    let form = job.result("import").and_then(|result| result.form.as_ref());
    let form = form.ok_or_else(|| remote.down("it does not say where to upload to".to_owned()))?;
    remote.patiently(deadline, || upload(remote, req, form)).await?;
    let file = finished(remote, job, deadline).await?;
    remote.patiently(deadline, || fetch(remote, elsewhere(remote, Method::GET, &file), made)).await
}

async fn create(remote: &Remote, req: &Request) -> Result<Tried<Job>, Error> {
    let wish = json!({ "tag": "mshub", "tasks": {
        "import": { "operation": "import/upload" },
        "convert": {
            "operation": "convert", "input": "import",
            "input_format": req.from.extension(), "output_format": req.to.extension(),
        },
        "export": { "operation": "export/url", "input": "convert" },
    }});
    read(remote, remote.request(Method::POST, JOBS).json(&wish)).await
}

async fn upload(remote: &Remote, req: &Request, to: &Upload) -> Result<Tried<()>, Error> {
    let mut form = Form::new();
    for (name, value) in &to.parameters {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        form = form.text(name.clone(), value);
    }
    // The file comes last: the store behind it reads no further.
    let form = form.part("file", document(req).await?);
    let sent = send(remote, elsewhere(remote, Method::POST, &to.url).multipart(form)).await;
    Ok(match sent {
        Tried::Done(_) => Tried::Done(()),
        Tried::Busy { why, after } => Tried::Busy { why, after },
        Tried::Refused(error) => Tried::Refused(error),
    })
}

/// The URL of the result, once there is one.
async fn finished(remote: &Remote, job: &Job, deadline: Instant) -> Result<String, Error> {
    let mut pause = LOOK;
    loop {
        tokio::time::sleep(pause).await;
        pause = pause.mul_f64(1.5).min(LONGEST);
        let look = || read::<Job>(remote, remote.request(Method::GET, &route(&job.id)));
        let now = remote.patiently(deadline, look).await?;
        match now.status.as_str() {
            "finished" => {
                let file = now.result("export").and_then(|result| result.files.first()?.url.clone());
                return file.ok_or_else(|| remote.down("its job has no file".to_owned()));
            }
            "error" => return Err(failed(remote, &now)),
            _ => {}
        }
    }
}

/// Why a job failed, by the first of its tasks that did.
fn failed(remote: &Remote, job: &Job) -> Error {
    let task = job.tasks.iter().find(|task| task.status == "error");
    let code = task.and_then(|task| task.code.clone()).unwrap_or_default();
    let said = task.and_then(|task| task.message.clone()).unwrap_or_default();
    if code.contains("PASSWORD") {
        Error::Encrypted
    } else if ["TIMEOUT", "INTERNAL", "LIMIT", "CREDITS"].iter().any(|word| code.contains(word)) {
        remote.down(format!("its job failed: {said} ({code})"))
    } else {
        Error::corrupt(format!("cloudconvert refuses it: {said} ({code})"))
    }
}

/// A request whose answer is JSON.
async fn read<T: DeserializeOwned>(
    remote: &Remote,
    request: reqwest::RequestBuilder,
) -> Result<Tried<T>, Error> {
    Ok(match send(remote, request).await {
        Tried::Done(response) => match response.json::<Data<T>>().await {
            Ok(Data { data }) => Tried::Done(data),
            Err(error) if error.is_decode() => {
                Tried::Refused(remote.down("its answer is none of CloudConvert's".to_owned()))
            }
            Err(error) => Tried::Busy { why: error.without_url().to_string(), after: None },
        },
        Tried::Busy { why, after } => Tried::Busy { why, after },
        Tried::Refused(error) => Tried::Refused(error),
    })
}

/// A request to a store that the API has named: it is signed by its URL, and the key is none of its business.
fn elsewhere(remote: &Remote, method: Method, url: &str) -> reqwest::RequestBuilder {
    remote.http.request(method, url)
}

fn route(job: &str) -> String {
    // An id is not to lead to another route.
    let id: String = job.chars().filter(|letter| letter.is_ascii_alphanumeric() || *letter == '-').collect();
    format!("{JOBS}/{id}")
}

impl Job {
    fn result(&self, task: &str) -> Option<&Outcome> {
        self.tasks.iter().find(|found| found.name.as_deref() == Some(task))?.result.as_ref()
    }
}

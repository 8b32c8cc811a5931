//! What a waiting message needs beside the socket: its files are uploaded, and a conversion is asked for over HTTP.
//!
//! Both carry the message's id, so that doing them twice, here or in another process, is doing them once.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use tokio::{sync::mpsc, task::JoinSet};
use wire::{
    ClientId, Code, FileId, Problem, RoomId, conversions::ConvertInRoom, files::NewFile, rooms::Sent,
};

use crate::{
    error::Error,
    hub::Hub,
    outbox::{Attachment, Draft, Waiting},
    upload::UploadBody,
};

/// News of uploads that wait to be told; more than these are left out.
const NEWS: usize = 16;

/// How far the upload of a file is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Moved {
    pub(super) cid: ClientId,
    pub(super) room: RoomId,
    pub(super) name: String,
    pub(super) sent: u64,
    pub(super) total: u64,
}

/// What came of an errand.
pub(super) enum Done {
    /// The files have these ids.
    Uploaded(Vec<FileId>),
    /// The hub keeps the wish.
    Asked(Box<Sent>),
}

/// Why an errand did not do what was wanted.
pub(super) enum Stuck {
    /// It can be tried again.
    ForNow,
    /// It cannot, unless a person does something.
    ForGood(Box<Problem>),
}

pub(super) type Errand = (ClientId, Result<Done, Stuck>);

/// Errands under way. They outlive a connection: they do not use it.
pub(super) struct Errands {
    hub: Hub,
    tasks: JoinSet<Errand>,
    tell: mpsc::Sender<Moved>,
    told: mpsc::Receiver<Moved>,
}

/// Something happened to an errand.
pub(super) enum OnTheWay {
    Moved(Moved),
    Back(Box<Errand>),
    /// It failed in a way that it could not answer for.
    Lost,
}

impl Errands {
    pub(super) fn new(hub: Hub) -> Self {
        let (tell, told) = mpsc::channel(NEWS);
        Self { hub, tasks: JoinSet::new(), tell, told }
    }

    /// Does what is next for a message.
    pub(super) fn run(&mut self, waiting: &Arc<Waiting>) {
        let (hub, tell, draft) = (self.hub.clone(), self.tell.clone(), waiting.draft.clone());
        self.tasks.spawn(async move {
            let done = match draft.wants_upload() {
                true => upload(&hub, &draft, tell).await.map(Done::Uploaded),
                false => ask(&hub, &draft).await.map(|sent| Done::Asked(Box::new(sent))),
            };
            (draft.cid, done)
        });
    }

    /// The next news; nothing is lost when it is not waited for to the end.
    pub(super) async fn next(&mut self) -> OnTheWay {
        tokio::select! {
            Some(moved) = self.told.recv() => OnTheWay::Moved(moved),
            Some(back) = self.tasks.join_next() => match back {
                Ok(errand) => OnTheWay::Back(Box::new(errand)),
                Err(_) => OnTheWay::Lost,
            },
            else => std::future::pending().await,
        }
    }
}

async fn upload(hub: &Hub, draft: &Draft, tell: mpsc::Sender<Moved>) -> Result<Vec<FileId>, Stuck> {
    let mut uploaded = Vec::with_capacity(draft.files.len());
    for (nth, file) in draft.files.iter().enumerate() {
        if let Some(problem) = file.trouble().await {
            return Err(Stuck::ForGood(Box::new(problem)));
        }
        let key = format!("{}-{nth}-{}", draft.cid, file.sha256);
        let (new, body) = (NewFile { name: file.name.clone() }, UploadBody::File(file.path.clone()));
        let progress = progress(draft, file, tell.clone());
        let kept =
            hub.upload_file(&draft.room.to_string(), new, body, &key, progress).await.map_err(stuck)?;
        // It can change while it is read: what arrived is nobody's, and goes after a day.
        if kept.sha256 != file.sha256 {
            return Err(Stuck::ForGood(Box::new(file.changed())));
        }
        uploaded.push(kept.id);
    }
    Ok(uploaded)
}

/// Tells each hundredth of a file; what nobody takes in time is left out.
fn progress(
    draft: &Draft,
    file: &Attachment,
    tell: mpsc::Sender<Moved>,
) -> impl Fn(u64, Option<u64>) + use<> {
    let (cid, room, name, total) = (draft.cid, draft.room, file.name.clone(), file.bytes);
    let last = AtomicU64::new(0);
    move |sent, _| {
        let before = last.load(Ordering::Relaxed);
        if before == 0 || sent >= total || sent >= before + total / 100 {
            last.store(sent, Ordering::Relaxed);
            let _ = tell.try_send(Moved { cid, room, name: name.clone(), sent, total });
        }
    }
}

async fn ask(hub: &Hub, draft: &Draft) -> Result<Sent, Stuck> {
    let (Some(to), Some(file)) = (draft.convert.clone(), draft.att.first().copied()) else {
        let problem = Problem::new(Code::BadRequest, "a conversion needs a file and a format");
        return Err(Stuck::ForGood(Box::new(problem)));
    };
    let wanted = ConvertInRoom { cid: draft.cid, file, to };
    hub.convert_in_room(&draft.room.to_string(), &wanted).await.map_err(stuck)
}

fn stuck(error: Error) -> Stuck {
    match error {
        error if error.is_transient() => Stuck::ForNow,
        // The socket finds out as well, and says it.
        Error::SignedOut | Error::Pending { .. } => Stuck::ForNow,
        Error::Problem(problem) => Stuck::ForGood(problem),
        other => Stuck::ForGood(Box::new(Problem::new(Code::BadRequest, other.to_string()))),
    }
}

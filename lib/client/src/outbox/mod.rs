//! Messages on their way out, kept on disk until the hub keeps them: shared by all processes of an account.
//!
//! A message is written here, with the id that the hub will know it by, before anything is sent. It stays until the
//! hub has it or the person drops it. Any process may send it, again and again: the hub keeps one message of an id,
//! so that all that matters is that nobody sends a message before those that were put into the same room earlier.
//! Every process keeps that order by itself, and leaves alone what another one that lives is sending.

mod attachment;
mod desk;
mod entries;
mod journal;
mod names;

use std::{
    collections::HashSet,
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use tokio::sync::{Mutex, watch};
use uuid::Uuid;
use wire::{ClientId, FileId, Problem};

use crate::{
    disk::{self, Lock},
    error::Error,
    hub::Hub,
    tokens,
};
use desk::Desk;

pub use attachment::Attachment;
pub use entries::{Draft, Receipt, Waiting};

/// A look and a note take milliseconds; who holds the lock for longer was stopped at the wrong moment.
const LOCK_PATIENCE: Duration = Duration::from_secs(10);

/// An outbox. Cheap to clone: clones are one process' place at it.
#[derive(Clone, Debug)]
pub struct Outbox {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    me: Uuid,
    /// Absent in memory.
    dir: Option<PathBuf>,
    desk: Arc<Mutex<Desk>>,
    view: watch::Sender<View>,
}

/// What is in an outbox at some moment.
#[derive(Clone, Debug, Default)]
pub(crate) struct View {
    /// What waits or was refused, oldest first.
    pub(crate) waiting: Vec<Arc<Waiting>>,
    /// What became of the last ones, oldest first.
    pub(crate) receipts: Vec<Arc<Receipt>>,
}

impl Outbox {
    /// An outbox that ends with the process.
    pub fn in_memory() -> Self {
        let me = Uuid::now_v7();
        Self::new(me, None, Desk::in_memory(me))
    }

    /// The outbox in this folder, which is made when it is missing, as soon as something is put into it.
    pub fn at(dir: &Path) -> Self {
        let me = Uuid::now_v7();
        Self::new(me, Some(dir.to_owned()), Desk::at(me, dir))
    }

    fn new(me: Uuid, dir: Option<PathBuf>, desk: Desk) -> Self {
        let view = watch::Sender::new(View::default());
        Self { inner: Arc::new(Inner { me, dir, desk: Arc::new(Mutex::new(desk)), view }) }
    }

    /// Everything that waits or was refused, of all processes, oldest first.
    pub async fn list(&self) -> Result<Vec<Arc<Waiting>>, Error> {
        self.with(|_| Ok(())).await?;
        Ok(self.inner.view.borrow().waiting.clone())
    }

    /// How the last thousand messages became durable, oldest first.
    pub async fn receipts(&self) -> Result<Vec<Arc<Receipt>>, Error> {
        self.with(|_| Ok(())).await?;
        Ok(self.inner.view.borrow().receipts.clone())
    }

    /// How a message of the last thousand became durable.
    pub async fn receipt(&self, cid: ClientId) -> Result<Option<Receipt>, Error> {
        let receipts = self.receipts().await?;
        Ok(receipts.iter().find(|receipt| receipt.cid == cid).map(|receipt| (**receipt).clone()))
    }

    /// Puts messages into the outbox. When this returns they are on disk, but for those that are given back because
    /// there are too many.
    pub async fn put(&self, drafts: Vec<Draft>) -> Result<Vec<Draft>, Error> {
        self.with(move |desk| desk.put(drafts, tokens::now())).await
    }

    /// Takes a message out, so that it is not sent (again); whether it was there. It may have been sent before.
    pub async fn withdraw(&self, cid: ClientId) -> Result<bool, Error> {
        self.with(move |desk| desk.withdraw(cid)).await
    }

    /// Makes messages this process' own, whoever had them, and refused ones wait anew: all, or one. Which these are.
    pub async fn again(&self, only: Option<ClientId>) -> Result<Vec<ClientId>, Error> {
        self.with(move |desk| desk.again(only)).await
    }

    /// A sentence for the person about messages that cannot be read any more; given once.
    pub async fn take_warning(&self) -> Option<String> {
        self.inner.desk.lock().await.take_warning()
    }

    /// What is in it, and every change that this process hears of.
    pub(crate) fn watch(&self) -> watch::Receiver<View> {
        self.inner.view.subscribe()
    }

    /// This process among the owners of messages.
    pub(crate) fn me(&self) -> Uuid {
        self.inner.me
    }

    /// Whether other processes can have a part in it.
    pub(crate) fn is_shared(&self) -> bool {
        self.inner.dir.is_some()
    }

    /// Hears what others did.
    pub(crate) async fn glance(&self) -> Result<(), Error> {
        if self.inner.desk.lock().await.is_behind() {
            self.with(|_| Ok(())).await?;
        }
        Ok(())
    }

    /// Whether a message of this process has to wait for one of another.
    pub(crate) fn waits_for_others(&self) -> bool {
        let (view, mut theirs) = (self.inner.view.borrow(), HashSet::new());
        view.waiting.iter().filter(|waiting| waiting.failed.is_none()).any(|waiting| {
            let is_mine = waiting.owner == self.inner.me;
            if !is_mine {
                theirs.insert(waiting.draft.room);
            }
            is_mine && theirs.contains(&waiting.draft.room)
        })
    }

    /// Hears what others did, and takes over from those that are gone.
    pub(crate) async fn refresh(&self) -> Result<(), Error> {
        let others = |view: &View| view.waiting.iter().any(|waiting| waiting.owner != self.inner.me);
        if others(&self.inner.view.borrow()) || self.inner.desk.lock().await.is_behind() {
            self.with(Desk::inherit).await?;
        }
        Ok(())
    }

    pub(crate) async fn sent(&self, receipt: Receipt) -> Result<(), Error> {
        self.with(move |desk| desk.sent(receipt)).await
    }

    pub(crate) async fn renew(&self, cid: ClientId, fresh: ClientId) -> Result<(), Error> {
        self.with(move |desk| desk.renew(cid, fresh)).await
    }

    pub(crate) async fn uploaded(&self, cid: ClientId, att: Vec<FileId>) -> Result<(), Error> {
        self.with(move |desk| desk.uploaded(cid, att)).await
    }

    pub(crate) async fn failed(&self, cid: ClientId, problem: Problem) -> Result<(), Error> {
        self.with(move |desk| desk.failed(cid, problem)).await
    }

    /// Does something at the desk, while no other process does, and shows everybody the result.
    async fn with<T: Send + 'static>(
        &self,
        act: impl FnOnce(&mut Desk) -> io::Result<T> + Send + 'static,
    ) -> Result<T, Error> {
        let mut desk = self.inner.desk.clone().lock_owned().await;
        let Some(dir) = &self.inner.dir else {
            let done = act(&mut desk).map_err(Error::io("cannot use the outbox"));
            self.inner.view.send_replace(desk.view());
            return done;
        };
        let failed = format!("cannot use the outbox in {}", dir.display());
        let lock = Lock::take(&dir.join("lock"), LOCK_PATIENCE).await?;
        // Lock and desk go along: when nobody waits for the result any more, it is still finished before the next one.
        let done = tokio::task::spawn_blocking(move || {
            let done = desk.look().and_then(|()| act(&mut desk));
            drop(lock);
            (done, desk)
        });
        let (done, desk) = done.await.map_err(|why| Error::io(failed.clone())(io::Error::other(why)))?;
        self.inner.view.send_replace(desk.view());
        done.map_err(Error::io(failed))
    }
}

impl Hub {
    /// The outbox of the account that is signed in, below a folder. Asks nobody: works without a hub.
    /// [`Error::SignedOut`] when nobody is signed in.
    pub async fn outbox(&self, below: &Path) -> Result<Outbox, Error> {
        let account = self.inner.tokens.account().await.ok_or(Error::SignedOut)?;
        let origin = self.inner.server.origin().ascii_serialization();
        Ok(Outbox::at(&below.join(disk::file_stem(&origin)).join(disk::file_stem(&account))))
    }
}

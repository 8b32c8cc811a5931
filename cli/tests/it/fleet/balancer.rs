//! What stands before the gateways: each connection goes to one that says it is ready, in turn.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

/// Between two looks who is ready.
const LOOK: Duration = Duration::from_millis(50);
/// How long an answer about that may take: slow is not away.
const PATIENCE: Duration = Duration::from_secs(20);

/// One gateway.
pub(super) struct Backend {
    address: SocketAddr,
    admin: SocketAddr,
    is_used: AtomicBool,
}

impl Backend {
    pub(super) fn of(address: SocketAddr, admin: SocketAddr) -> Arc<Self> {
        Arc::new(Self { address, admin, is_used: AtomicBool::new(false) })
    }

    async fn is_ready(&self) -> bool {
        let ask = async {
            let mut connection = TcpStream::connect(self.admin).await?;
            connection.write_all(b"GET /readyz HTTP/1.0\r\n\r\n").await?;
            let mut status = [0; 12];
            connection.read_exact(&mut status).await?;
            std::io::Result::Ok(status.ends_with(b" 200"))
        };
        matches!(tokio::time::timeout(PATIENCE, ask).await, Ok(Ok(true)))
    }

    async fn watch(self: Arc<Self>) {
        loop {
            let ready = self.is_ready().await;
            self.is_used.store(ready, Ordering::Release);
            tokio::time::sleep(LOOK).await;
        }
    }
}

/// A balancer at a free port. It ends when it is dropped.
pub(super) struct Balancer {
    address: SocketAddr,
    backends: Vec<Arc<Backend>>,
    tasks: Vec<JoinHandle<()>>,
}

impl Balancer {
    pub(super) async fn start(backends: Vec<Arc<Backend>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut tasks: Vec<_> =
            backends.iter().map(|backend| tokio::spawn(backend.clone().watch())).collect();
        tasks.push(tokio::spawn(spread(listener, backends.clone())));
        Self { address, backends, tasks }
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Whether connections go to this one.
    pub(super) fn uses(&self, backend: usize) -> bool {
        self.backends[backend].is_used.load(Ordering::Acquire)
    }
}

impl Drop for Balancer {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

async fn spread(listener: TcpListener, backends: Vec<Arc<Backend>>) {
    let (backends, turn) = (Arc::new(backends), AtomicUsize::new(0));
    while let Ok((mut outside, _)) = listener.accept().await {
        let (backends, turn) = (backends.clone(), turn.fetch_add(1, Ordering::Relaxed));
        tokio::spawn(async move {
            if let Some(mut inside) = connect(&backends, turn).await {
                // Whoever breaks it off, the other is told by the end of its connection.
                let _ = tokio::io::copy_bidirectional(&mut outside, &mut inside).await;
            }
        });
    }
}

/// A connection to one that is ready, or to any when none is; whoever refuses is passed over, which nobody outside
/// notices.
async fn connect(backends: &[Arc<Backend>], turn: usize) -> Option<TcpStream> {
    let mut ready: Vec<_> =
        backends.iter().filter(|backend| backend.is_used.load(Ordering::Acquire)).collect();
    if ready.is_empty() {
        // What all of them lack is no reason to send nobody anywhere: each still does what it can.
        ready.extend(backends);
    }
    for step in 0..ready.len() {
        if let Ok(inside) = TcpStream::connect(ready[(turn + step) % ready.len()].address).await {
            return Some(inside);
        }
    }
    None
}

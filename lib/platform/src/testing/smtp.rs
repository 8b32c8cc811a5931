//! A mail server for tests: it keeps what it is sent, and fails as it is told.

use std::{
    collections::VecDeque,
    io,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufStream},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinHandle,
};

/// What goes wrong on one connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nothing.
    None,
    /// The greeting is a refusal for now (421).
    Busy,
    /// Every recipient gets this reply.
    Recipient(&'static str),
    /// It never greets.
    Silence,
    /// It hangs up in the middle of the message.
    Cut,
    /// It takes one mail, and hangs up.
    Leaves,
}

/// A mail as it arrived.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Received {
    /// The user of `AUTH PLAIN` and the password, as they came: base64.
    pub auth: Option<String>,
    /// The envelope's sender.
    pub from: String,
    /// The envelope's recipients.
    pub to: Vec<String>,
    /// Headers and text.
    pub message: String,
}

/// A mail server at a free port. It ends when it is dropped.
pub struct Sink {
    port: u16,
    received: watch::Receiver<Vec<Received>>,
    connections: Arc<AtomicUsize>,
    faults: Arc<Mutex<VecDeque<Fault>>>,
    serving: JoinHandle<()>,
}

impl Sink {
    /// Starts it. Each connection meets the next of the faults; when there are none left, nothing goes wrong.
    pub async fn start(faults: &[Fault]) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let port = listener.local_addr()?.port();
        let (keep, received) = watch::channel(Vec::new());
        let faults = Arc::new(Mutex::new(faults.iter().copied().collect::<VecDeque<_>>()));
        let (connections, next) = (Arc::new(AtomicUsize::new(0)), faults.clone());
        let counted = connections.clone();
        let serving = tokio::spawn(async move {
            let keep = Arc::new(keep);
            while let Ok((connection, _)) = listener.accept().await {
                counted.fetch_add(1, Ordering::AcqRel);
                let fault = next.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
                let keep = keep.clone();
                tokio::spawn(async move { serve(connection, fault.unwrap_or(Fault::None), &keep).await });
            }
        });
        Ok(Self { port, received, connections, faults, serving })
    }

    /// Where it is, with options of the mail port such as `tls=none`.
    pub fn url(&self, options: &str) -> String {
        format!("smtp://127.0.0.1:{}?{options}", self.port)
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// What arrived so far.
    pub fn received(&self) -> Vec<Received> {
        self.received.borrow().clone()
    }

    /// How many connections it was asked for.
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::Acquire)
    }

    /// Whether every fault has been met.
    pub fn is_healthy(&self) -> bool {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// One conversation. Whatever breaks it off is the client's to notice.
async fn serve(connection: TcpStream, fault: Fault, keep: &watch::Sender<Vec<Received>>) -> io::Result<()> {
    let mut talk = BufStream::new(connection);
    match fault {
        Fault::Silence => return std::future::pending().await,
        Fault::Busy => return say(&mut talk, "421 too busy, come back later").await,
        _ => say(&mut talk, "220 sink ready").await?,
    }
    let mut mail = Received::default();
    while let Some(line) = line(&mut talk).await? {
        let (verb, rest) = line.split_once([' ', ':']).unwrap_or((&line, ""));
        let reply = match verb.to_uppercase().as_str() {
            "EHLO" => "250-sink\r\n250-AUTH PLAIN\r\n250-8BITMIME\r\n250 SMTPUTF8",
            "AUTH" => {
                mail.auth = rest.split(' ').nth(1).map(str::to_owned);
                "235 welcome"
            }
            "MAIL" => {
                mail = Received { auth: mail.auth, from: address(rest), ..Received::default() };
                "250 sender taken"
            }
            "RCPT" => match fault {
                Fault::Recipient(reply) => reply,
                _ => {
                    mail.to.push(address(rest));
                    "250 recipient taken"
                }
            },
            "DATA" => {
                say(&mut talk, "354 go on").await?;
                if fault == Fault::Cut {
                    return Ok(());
                }
                mail.message = message(&mut talk).await?;
                keep.send_modify(|all| all.push(mail.clone()));
                if fault == Fault::Leaves {
                    return say(&mut talk, "250 mail taken").await;
                }
                "250 mail taken"
            }
            "QUIT" => return say(&mut talk, "221 bye").await,
            "NOOP" | "RSET" => "250 fine",
            _ => "502 not known here",
        };
        say(&mut talk, reply).await?;
    }
    Ok(())
}

async fn say(talk: &mut BufStream<TcpStream>, reply: &str) -> io::Result<()> {
    talk.write_all(reply.as_bytes()).await?;
    talk.write_all(b"\r\n").await?;
    talk.flush().await
}

async fn line(talk: &mut BufStream<TcpStream>) -> io::Result<Option<String>> {
    let mut line = String::new();
    let length = talk.read_line(&mut line).await?;
    Ok((length > 0).then(|| line.trim_end().to_owned()))
}

/// Lines up to a single dot; a dot that was doubled at the start of one is one again (RFC 5321 §4.5.2).
async fn message(talk: &mut BufStream<TcpStream>) -> io::Result<String> {
    let mut message = String::new();
    while let Some(line) = line(talk).await? {
        if line == "." {
            return Ok(message);
        }
        message.push_str(line.strip_prefix('.').unwrap_or(&line));
        message.push('\n');
    }
    Err(io::ErrorKind::UnexpectedEof.into())
}

fn address(argument: &str) -> String {
    argument
        .split_once('<')
        .and_then(|(_, rest)| rest.split_once('>'))
        .map_or(argument, |(inside, _)| inside)
        .to_owned()
}

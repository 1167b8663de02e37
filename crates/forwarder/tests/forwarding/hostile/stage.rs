//! Where a row is played: DNS that is scripted, a dialer that writes down every address and leads to a seller on
//! loopback, whatever the address is, and that seller behind TLS.

use std::collections::VecDeque;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use crochet_forwarder::guard::{Environment, GuardPolicy};
use crochet_forwarder::{CertificateDer, Dial, Forwarder, ForwarderConfig, Resolve};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::sleep;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;

use crate::seller::read_request;

/// An address of the public Internet, and how it is written where it is dialled.
pub(super) const PUBLIC: &str = "93.184.216.34";
pub(super) const DIALLED: &str = "93.184.216.34:443";

/// How many bytes a seller can get rid of beyond any limit: what fits into the sockets' buffers and the gateway's.
pub(super) const IN_BUFFERS: usize = 16 << 20;

/// What a seller does once it has read a request.
#[derive(Debug, Clone)]
pub(super) enum Does {
    /// Writes this, and leaves the connection open.
    Answers(Vec<u8>),
    /// Writes this and says goodbye.
    Closes(Vec<u8>),
    /// Writes this and is gone, without the goodbye of TLS.
    Vanishes(Vec<u8>),
    /// Writes this, and then that again and again, with this pause, for as long as anybody reads.
    Repeats(Vec<u8>, Vec<u8>, Duration),
}

/// Looks nothing up: answers from a list, the last answer again and again; `None` is a failure.
#[derive(Default)]
pub(super) struct Dns {
    answers: Mutex<VecDeque<Option<Vec<IpAddr>>>>,
    asked: Mutex<Vec<String>>,
}

impl Dns {
    pub(super) fn script(&self, answers: impl IntoIterator<Item = Option<Vec<IpAddr>>>) {
        *self.answers.lock().unwrap() = answers.into_iter().collect();
    }

    /// What was asked since this was called last.
    pub(super) fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.asked.lock().unwrap())
    }
}

#[async_trait]
impl Resolve for Dns {
    async fn resolve(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        self.asked.lock().unwrap().push(name.to_owned());
        let mut answers = self.answers.lock().unwrap();
        let answer = if answers.len() > 1 { answers.pop_front() } else { answers.front().cloned() };
        answer.flatten().ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

/// Writes every address down and connects to `seller` instead, or to nobody.
#[derive(Default)]
pub(super) struct Dialer {
    seller: Option<SocketAddr>,
    dialled: Mutex<Vec<SocketAddr>>,
}

impl Dialer {
    /// What was connected to since this was called last.
    pub(super) fn dialled(&self) -> Vec<SocketAddr> {
        std::mem::take(&mut self.dialled.lock().unwrap())
    }
}

#[async_trait]
impl Dial for Dialer {
    async fn dial(&self, address: SocketAddr) -> io::Result<TcpStream> {
        self.dialled.lock().unwrap().push(address);
        match self.seller {
            Some(seller) => TcpStream::connect(seller).await,
            None => Err(io::ErrorKind::ConnectionRefused.into()),
        }
    }
}

/// A forwarder and all that it sees of the world.
pub(super) struct Stage {
    pub(super) forwarder: Forwarder,
    pub(super) dns: Arc<Dns>,
    dialer: Arc<Dialer>,
    runs: Arc<AtomicUsize>,
    taken: Arc<AtomicUsize>,
    _tasks: JoinSet<()>,
}

impl Stage {
    /// Nobody is at any address.
    pub(super) fn empty(environment: Environment) -> Self {
        let policy = GuardPolicy::new(environment);
        Self::over(policy, Vec::new(), Dialer::default(), Arc::default(), Arc::default(), JoinSet::new())
    }

    /// At every address there is a seller with this certificate, in production.
    pub(super) async fn with_seller(root: CertificateDer<'static>, config: ServerConfig, does: Does) -> Self {
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let (runs, taken) = (Arc::<AtomicUsize>::default(), Arc::<AtomicUsize>::default());
        let (count_runs, count_taken) = (Arc::clone(&runs), Arc::clone(&taken));
        let (tasks, dialer) = listen(move |stream| {
            let (acceptor, does) = (acceptor.clone(), does.clone());
            let (runs, taken) = (Arc::clone(&count_runs), Arc::clone(&count_taken));
            async move {
                let Ok(mut stream) = acceptor.accept(stream).await else { return };
                while read_request(&mut stream).await.is_some() {
                    runs.fetch_add(1, Ordering::SeqCst);
                    if !answer(&mut stream, &does, &taken).await {
                        break;
                    }
                }
                if !matches!(does, Does::Vanishes(_)) {
                    let _ = stream.shutdown().await;
                }
            }
        })
        .await;
        Self::over(GuardPolicy::new(Environment::Production), vec![root], dialer, runs, taken, tasks)
    }

    /// At every address there is somebody who reads a little and answers with these bytes, without TLS.
    pub(super) async fn with_bytes(bytes: &'static [u8]) -> Self {
        let (tasks, dialer) = listen(move |mut stream: TcpStream| async move {
            let mut hello = [0; 4096];
            let _ = stream.read(&mut hello).await;
            let _ = stream.write_all(bytes).await;
            while stream.read(&mut hello).await.is_ok_and(|count| count > 0) {}
        })
        .await;
        let policy = GuardPolicy::new(Environment::Production);
        Self::over(policy, Vec::new(), dialer, Arc::default(), Arc::default(), tasks)
    }

    fn over(
        policy: GuardPolicy,
        extra_roots: Vec<CertificateDer<'static>>,
        dialer: Dialer,
        runs: Arc<AtomicUsize>,
        taken: Arc<AtomicUsize>,
        tasks: JoinSet<()>,
    ) -> Self {
        let (dns, dialer) = (Arc::new(Dns::default()), Arc::new(dialer));
        dns.script([Some(vec![PUBLIC.parse().unwrap()])]);
        let config = ForwarderConfig { extra_roots, ..ForwarderConfig::new(policy) };
        let forwarder = Forwarder::with_network(config, Arc::clone(&dns) as _, Arc::clone(&dialer) as _).unwrap();
        Self { forwarder, dns, dialer, runs, taken, _tasks: tasks }
    }

    /// Which addresses were connected to since this was called last, in order.
    pub(super) fn dialled(&self) -> Vec<String> {
        self.dialer.dialled().iter().map(ToString::to_string).collect()
    }

    /// How many requests the seller has read.
    pub(super) fn runs(&self) -> usize {
        self.runs.load(Ordering::SeqCst)
    }

    /// How many bytes of answers the seller got rid of.
    pub(super) fn taken(&self) -> usize {
        self.taken.load(Ordering::SeqCst)
    }
}

async fn listen<S, F>(serve: S) -> (JoinSet<()>, Dialer)
where
    S: Fn(TcpStream) -> F + Send + 'static,
    F: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let seller = Some(listener.local_addr().unwrap());
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        let mut visits = JoinSet::new();
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            visits.spawn(serve(stream));
        }
    });
    (tasks, Dialer { seller, ..Dialer::default() })
}

/// Answers whether another request may come.
async fn answer(stream: &mut (impl AsyncRead + AsyncWrite + Unpin), does: &Does, taken: &AtomicUsize) -> bool {
    let mut write = async |bytes: &[u8]| {
        taken.fetch_add(bytes.len(), Ordering::SeqCst);
        stream.write_all(bytes).await.is_ok() && stream.flush().await.is_ok()
    };
    match does {
        Does::Answers(bytes) => write(bytes).await,
        Does::Closes(bytes) | Does::Vanishes(bytes) => {
            write(bytes).await;
            false
        }
        Does::Repeats(head, piece, pause) => {
            let mut goes_on = write(head).await;
            while goes_on {
                if !pause.is_zero() {
                    sleep(*pause).await;
                }
                goes_on = write(piece).await;
            }
            false
        }
    }
}

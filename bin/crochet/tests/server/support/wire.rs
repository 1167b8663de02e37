//! A way to a database that a test can slow down, cut, or make swallow what it should pass on.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// COMMIT as libpq sends it.
const COMMIT: &[u8] = b"Q\0\0\0\x0bCOMMIT\0";

/// What becomes of one COMMIT, and of its connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Loss {
    /// The server never sees it; the connection ends.
    Request,
    /// The server commits; the connection ends before it says so.
    Answer,
    /// The server commits; nothing comes through any more, and nothing ends.
    Silence,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    Pass,
    /// Until the answer to a COMMIT has come, which is not passed on.
    CutAfterAnswer,
    Swallow,
}

struct Line {
    client: TcpStream,
    server: UnixStream,
    mode: Mutex<Mode>,
}

impl Line {
    fn set(&self, mode: Mode) {
        *self.mode.lock().unwrap() = mode;
    }

    fn cut(&self) {
        // Either end may be gone already.
        let _ = (self.client.shutdown(Shutdown::Both), self.server.shutdown(Shutdown::Both));
    }
}

#[derive(Default)]
struct Shared {
    to: Mutex<Option<PathBuf>>,
    lines: Mutex<Vec<Arc<Line>>>,
    /// What becomes of the nth COMMIT from now on.
    loss: Mutex<Option<(u32, Loss)>>,
    commits: AtomicU32,
    delay_millis: AtomicU64,
    is_deaf: AtomicBool,
}

/// One port that leads to a server's socket, wherever that is after a restart.
pub(crate) struct Wire {
    port: u16,
    shared: Arc<Shared>,
}

impl Wire {
    pub(crate) fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::new(Shared::default());
        let accepting = Arc::clone(&shared);
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let socket = accepting.to.lock().unwrap().clone();
                if let Some(server) = socket.and_then(|socket| UnixStream::connect(socket).ok()) {
                    connect(&accepting, client, server);
                }
            }
        });
        Self { port, shared }
    }

    /// To the server of a connection string that names a socket's folder.
    pub(crate) fn to(url: &str) -> Self {
        let wire = Self::open();
        wire.lead_to(Some(&socket_of(url)));
        wire
    }

    /// Host and port.
    pub(crate) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// The same connection string, by way of this wire.
    pub(crate) fn url(&self, url: &str) -> String {
        let (user, rest) = url.split_once('@').unwrap();
        let (_, database) = rest.rsplit_once('/').unwrap();
        format!("{user}@{}/{database}", self.address())
    }

    /// Cuts what there is, and leads elsewhere; nowhere, new connections end at once.
    pub(crate) fn lead_to(&self, socket: Option<&Path>) {
        *self.shared.to.lock().unwrap() = socket.map(Path::to_path_buf);
        for line in self.shared.lines.lock().unwrap().drain(..) {
            line.cut();
        }
    }

    /// Every connection that there is swallows what comes, from either side, for ever. Whether new ones do too can be
    /// changed.
    pub(crate) fn swallow(&self, new_ones_too: bool) {
        self.swallow_new_ones(new_ones_too);
        for line in self.shared.lines.lock().unwrap().iter() {
            line.set(Mode::Swallow);
        }
    }

    pub(crate) fn swallow_new_ones(&self, is_deaf: bool) {
        self.shared.is_deaf.store(is_deaf, Ordering::SeqCst);
    }

    /// How many connections there were since it last led elsewhere.
    pub(crate) fn lines(&self) -> usize {
        self.shared.lines.lock().unwrap().len()
    }

    /// The nth COMMIT from now on is lost.
    pub(crate) fn lose_commit(&self, nth: u32, loss: Loss) {
        let mut planned = self.shared.loss.lock().unwrap();
        self.shared.commits.store(0, Ordering::SeqCst);
        *planned = Some((nth, loss));
    }

    /// Nothing is lost any more; answers whether something was.
    pub(crate) fn lose_nothing(&self) -> bool {
        self.shared.loss.lock().unwrap().take().is_none()
    }

    /// How long everything that is sent to the server takes.
    pub(crate) fn delay(&self, by: Duration) {
        self.shared.delay_millis.store(u64::try_from(by.as_millis()).unwrap(), Ordering::SeqCst);
    }
}

impl Drop for Wire {
    /// What hangs ends: the runtime of a test waits for its threads.
    fn drop(&mut self) {
        self.lead_to(None);
    }
}

/// The socket that a connection string of a private server names.
pub(crate) fn socket_of(url: &str) -> PathBuf {
    let folder = url.split_once('@').unwrap().1.split_once(':').unwrap().0.replace("%2F", "/");
    Path::new(&folder).join(".s.PGSQL.5432")
}

fn connect(shared: &Arc<Shared>, client: TcpStream, server: UnixStream) {
    let mode = if shared.is_deaf.load(Ordering::SeqCst) { Mode::Swallow } else { Mode::Pass };
    let line = Arc::new(Line {
        client: client.try_clone().unwrap(),
        server: server.try_clone().unwrap(),
        mode: Mutex::new(mode),
    });
    shared.lines.lock().unwrap().push(Arc::clone(&line));
    let (forth, back) = (Arc::clone(&line), line);
    let plans = Arc::clone(shared);
    let (mut to_server, mut to_client) = (server.try_clone().unwrap(), client.try_clone().unwrap());
    std::thread::spawn(move || pump(client, &forth, |bytes| request(&plans, &forth, &mut to_server, bytes)));
    std::thread::spawn(move || pump(server, &back, |bytes| answer(&back, &mut to_client, bytes)));
}

/// Reads to the end, which is the end of the other side too, unless it is all swallowed.
fn pump(mut from: impl Read, line: &Line, mut pass: impl FnMut(&[u8]) -> std::io::Result<()>) {
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(length @ 1..) = from.read(&mut buffer) {
        if pass(&buffer[..length]).is_err() {
            break;
        }
    }
    if *line.mode.lock().unwrap() != Mode::Swallow {
        line.cut();
    }
}

fn request(shared: &Shared, line: &Line, server: &mut UnixStream, bytes: &[u8]) -> std::io::Result<()> {
    std::thread::sleep(Duration::from_millis(shared.delay_millis.load(Ordering::SeqCst)));
    if *line.mode.lock().unwrap() == Mode::Swallow {
        return Ok(());
    }
    if bytes.windows(COMMIT.len()).any(|window| window == COMMIT) {
        let mut planned = shared.loss.lock().unwrap();
        let nth = shared.commits.fetch_add(1, Ordering::SeqCst) + 1;
        if let Some((_, loss)) = planned.take_if(|(due, _)| *due == nth) {
            match loss {
                Loss::Request => return Err(std::io::ErrorKind::ConnectionAborted.into()),
                Loss::Answer => line.set(Mode::CutAfterAnswer),
                Loss::Silence => line.set(Mode::Swallow),
            }
        }
    }
    server.write_all(bytes)
}

fn answer(line: &Line, client: &mut TcpStream, bytes: &[u8]) -> std::io::Result<()> {
    // Not while it is written: the client may be slow.
    let mode = *line.mode.lock().unwrap();
    match mode {
        Mode::Pass => client.write_all(bytes),
        Mode::CutAfterAnswer => Err(std::io::ErrorKind::ConnectionAborted.into()),
        Mode::Swallow => Ok(()),
    }
}

//! A network between a program and its database that breaks when a test wants it to.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use crochet_postgres::testing::TestDatabase;
use secrecy::ExposeSecret;

/// A way to the database that can be cut: every connection, and new ones.
pub(crate) struct Bridge {
    port: u16,
    state: Arc<Mutex<BridgeState>>,
}

#[derive(Default)]
struct BridgeState {
    is_cut: bool,
    // Of the connections that there are.
    is_deaf: Arc<AtomicBool>,
    streams: Vec<(TcpStream, UnixStream)>,
}

impl Bridge {
    pub(crate) fn to(database: &TestDatabase) -> Self {
        let url = database.url();
        let folder = url.expose_secret().split_once('@').unwrap().1.split_once(':').unwrap().0.replace("%2F", "/");
        let socket = format!("{folder}/.s.PGSQL.5432");
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::new(Mutex::new(BridgeState::default()));
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let mut state = shared.lock().unwrap();
                if state.is_cut {
                    continue;
                }
                let server = UnixStream::connect(&socket).unwrap();
                let (back, forth) = (client.try_clone().unwrap(), server.try_clone().unwrap());
                state.streams.push((client.try_clone().unwrap(), server.try_clone().unwrap()));
                let (one, other) = (Arc::clone(&state.is_deaf), Arc::clone(&state.is_deaf));
                thread::spawn(move || pump(client, server, &one));
                thread::spawn(move || pump(forth, back, &other));
            }
        });
        Self { port, state }
    }

    pub(crate) fn cut(&self) {
        let mut state = self.state.lock().unwrap();
        state.is_cut = true;
        for (client, server) in state.streams.drain(..) {
            // Either end may be gone already.
            let _ = (client.shutdown(Shutdown::Both), server.shutdown(Shutdown::Both));
        }
    }

    pub(crate) fn mend(&self) {
        self.state.lock().unwrap().is_cut = false;
    }

    /// What comes over the connections that there are is lost; new ones are as they should be.
    pub(crate) fn swallow(&self) {
        std::mem::take(&mut self.state.lock().unwrap().is_deaf).store(true, Ordering::SeqCst);
    }

    /// Where the database is, this way.
    pub(crate) fn url(&self, database: &TestDatabase) -> String {
        let name = database.url().expose_secret().rsplit_once('/').unwrap().1.to_owned();
        format!("postgresql://app@127.0.0.1:{}/{name}", self.port)
    }
}

/// What hangs goes on then: also where a test has failed, its runtime waits for that.
impl Drop for Bridge {
    fn drop(&mut self) {
        self.cut();
    }
}

fn pump(mut from: impl Read, mut to: impl Write, is_deaf: &AtomicBool) {
    let mut bytes = [0; 8192];
    // A broken pipe is what these tests are about.
    while let Ok(length @ 1..) = from.read(&mut bytes) {
        if !is_deaf.load(Ordering::SeqCst) && to.write_all(&bytes[..length]).is_err() {
            return;
        }
    }
}

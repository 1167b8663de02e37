//! How long a client may keep a connection without a request under way.
//!
//! The server's own timers end a first head that does not come and a connection that is idle; a later head of which one
//! byte has come, and an answer that nobody reads, they wait for without end ([ADR 31](../../../docs/adr/0031-connections-have-a-deadline.md)).

use std::any::Any;
use std::net::{Shutdown, TcpStream};
use std::os::fd::AsFd;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use actix_web::dev::Extensions;
use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::config::HttpConfig;

/// How slowly an answer may be read, in bytes a second.
const SLOWEST_READER: u32 = 16 * 1024;
/// How often it is looked who is late.
const TICK: Duration = Duration::from_secs(1);

/// All connections of a server.
pub(crate) struct Lines {
    /// For the first head; the server's own answer to a late one comes before.
    first: Duration,
    /// From an answer to the whole head of the next request.
    between: Duration,
    all: Mutex<Vec<Weak<Line>>>,
}

/// One connection.
pub(crate) struct Line {
    stream: TcpStream,
    between: Duration,
    state: Mutex<State>,
}

/// How a connection stands.
struct State {
    requests: usize,
    deadline: Instant,
}

/// A request under way: its connection has no deadline until this is dropped.
pub(crate) struct OnLine {
    line: Option<Arc<Line>>,
    answer_bytes: u64,
}

impl Lines {
    pub(crate) fn new(config: &HttpConfig) -> Arc<Self> {
        Arc::new(Self {
            first: config.head_timeout + config.disconnect_timeout + TICK,
            between: config.keep_alive + config.head_timeout,
            all: Mutex::default(),
        })
    }

    /// Notes a new connection. `io` is what the server accepted.
    pub(crate) fn connected(&self, io: &dyn Any, data: &mut Extensions) {
        let Some(io) = io.downcast_ref::<actix_web::rt::net::TcpStream>() else { return };
        // A second descriptor, that ends the connection also while the server waits for its first.
        let Ok(descriptor) = io.as_fd().try_clone_to_owned() else { return };
        let state = State { requests: 0, deadline: Instant::now() + self.first };
        let line = Line { stream: descriptor.into(), between: self.between, state: Mutex::new(state) };
        let line = Arc::new(line);
        lock(&self.all).push(Arc::downgrade(&line));
        data.insert(line);
    }

    /// Ends connections that are late, for as long as there is a server.
    pub(crate) async fn watch(lines: Weak<Self>) {
        let mut tick = interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tick.tick().await;
            let Some(lines) = lines.upgrade() else { return };
            let now = Instant::now();
            lock(&lines.all).retain(|line| {
                let Some(line) = line.upgrade() else { return false };
                if line.is_late(now) {
                    // The server reads the end and closes. Where it is closed already, nothing is to be done.
                    let _ = line.stream.shutdown(Shutdown::Both);
                }
                true
            });
        }
    }
}

impl Line {
    fn is_late(&self, now: Instant) -> bool {
        let state = lock(&self.state);
        state.requests == 0 && now >= state.deadline
    }

    fn ended(&self, answer_bytes: u64) {
        let mut state = lock(&self.state);
        state.requests = state.requests.saturating_sub(1);
        state.deadline = Instant::now() + self.between + reading_time(answer_bytes);
    }
}

impl OnLine {
    /// A request has come over this connection.
    pub(crate) fn begin(line: Option<&Arc<Line>>) -> Self {
        if let Some(line) = line {
            lock(&line.state).requests += 1;
        }
        Self { line: line.cloned(), answer_bytes: 0 }
    }

    /// It is answered with so many bytes.
    pub(crate) fn answered(mut self, bytes: u64) {
        self.answer_bytes = bytes;
    }
}

impl Drop for OnLine {
    fn drop(&mut self) {
        if let Some(line) = self.line.take() {
            line.ended(self.answer_bytes);
        }
    }
}

fn reading_time(bytes: u64) -> Duration {
    Duration::from_secs(bytes / u64::from(SLOWEST_READER))
}

/// Nothing panics while it is held.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn a_connection_is_late_only_without_a_request_and_after_its_answer_could_be_read() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let state = State { requests: 0, deadline: Instant::now() + Duration::from_secs(15) };
        let line = Arc::new(Line { stream: client, between: Duration::from_secs(85), state: Mutex::new(state) });
        let after = |seconds| line.is_late(Instant::now() + Duration::from_secs(seconds));
        assert!(!after(14) && after(15), "the first head");

        let (one, other) = (OnLine::begin(Some(&line)), OnLine::begin(Some(&line)));
        assert!(!after(10_000), "requests are under way");
        one.answered(0);
        assert!(!after(10_000), "one still is");
        other.answered(10 * u64::from(SLOWEST_READER));
        assert!(!after(94) && after(95), "an answer that takes ten seconds to read");

        // Whoever hangs up is no longer waited for, either.
        drop(OnLine::begin(Some(&line)));
        assert!(!after(84) && after(85));
    }
}

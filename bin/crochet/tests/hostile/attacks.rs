//! What hostile buyers do. Each attack is paced, so that it takes connections and patience and not the processor: the
//! gateway, its database, the seller, the honest buyer and the attackers share one machine.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};

use crate::wire::{LIMIT, exchange, head, read_to_end, status};

/// Whom it is about.
#[derive(Clone)]
pub(crate) struct Target {
    pub(crate) gateway: SocketAddr,
    /// A listing without a price.
    pub(crate) free: String,
    /// One with a price.
    pub(crate) paid: String,
    /// The attackers' key.
    pub(crate) key: String,
}

/// How large an attack is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Size {
    pub(crate) slow_heads: usize,
    pub(crate) idle: usize,
    pub(crate) pipelines: usize,
    pub(crate) huge_heads: usize,
    pub(crate) half_bodies: usize,
    pub(crate) smugglers: usize,
    pub(crate) hammers: usize,
    /// Between two requests of one hammer.
    pub(crate) hammer_pause: Duration,
}

/// Attackers at work, until this is dropped.
pub(crate) struct Attack {
    tasks: JoinSet<()>,
    counts: Arc<Counts>,
}

/// What attackers saw.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    /// Connections, or requests, that were made.
    pub(crate) made: AtomicUsize,
    /// Those that the gateway ended, or refused as it should.
    pub(crate) refused: AtomicUsize,
    /// Those that it took.
    pub(crate) taken: AtomicUsize,
    /// Those on which something else happened.
    pub(crate) odd: AtomicUsize,
}

fn add(count: &AtomicUsize) {
    count.fetch_add(1, Ordering::SeqCst);
}

impl Attack {
    fn start<F: Future<Output = ()> + Send + 'static>(
        count: usize,
        attacker: impl Fn(usize, Arc<Counts>) -> F,
    ) -> Self {
        let counts = Arc::<Counts>::default();
        let mut tasks = JoinSet::new();
        for number in 0..count {
            tasks.spawn(attacker(number, Arc::clone(&counts)));
        }
        Self { tasks, counts }
    }

    /// Made, refused, taken, odd.
    pub(crate) fn counts(&self) -> [usize; 4] {
        let Counts { made, refused, taken, odd } = &*self.counts;
        [made, refused, taken, odd].map(|count| count.load(Ordering::SeqCst))
    }

    /// Returns once so many were made, and one attacker of each kind is at work.
    pub(crate) async fn until_made(&self, count: usize) {
        let all = async {
            while self.counts()[0] < count {
                sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(LIMIT, all).await.expect("attackers get their connections");
    }

    /// Returns once every attacker is at its end by itself, and what they saw; fails where one is not within `limit`.
    pub(crate) async fn until_over(mut self, limit: Duration) -> [usize; 4] {
        let all = async { while self.tasks.join_next().await.is_some_and(|ended| ended.is_ok()) {} };
        timeout(limit, all).await.unwrap_or_else(|_| panic!("attackers are still there: {:?}", self.counts));
        self.counts()
    }
}

/// Heads that come one byte a second: the first of a connection, or, every other time, the second.
pub(crate) fn slow_heads(target: &Target, size: Size) -> Attack {
    Attack::start(size.slow_heads, |number, counts| {
        let gateway = target.gateway;
        async move {
            let mut stream = TcpStream::connect(gateway).await.unwrap();
            if number % 2 == 1 {
                stream.write_all(b"GET /api/v1/health HTTP/1.1\r\nHost: t\r\n\r\n").await.unwrap();
                let mut answer = [0; 4096];
                assert!(stream.read(&mut answer).await.unwrap() > 0);
            }
            stream.write_all(b"POST /api/v1/gateway/x HTTP/1.1\r\nHost: t\r\nX-Slow: ").await.unwrap();
            add(&counts.made);
            let mut answer = [0; 256];
            while let Err(_elapsed) = timeout(Duration::from_secs(1), stream.read(&mut answer)).await {
                if stream.write_all(b"x").await.is_err() {
                    break;
                }
            }
            add(&counts.refused);
        }
    })
}

/// Connections that say nothing.
pub(crate) fn idle(target: &Target, size: Size) -> Attack {
    Attack::start(size.idle, |_, counts| {
        let gateway = target.gateway;
        async move {
            let mut stream = TcpStream::connect(gateway).await.unwrap();
            add(&counts.made);
            let mut answer = String::new();
            let _ = stream.read_to_string(&mut answer).await;
            add(&counts.refused);
        }
    })
}

/// How many calls are sent at once over one connection.
const PIPE: usize = 8;

/// Counts calls of all attacks: no two have the same body.
static CALLS: AtomicUsize = AtomicUsize::new(0);

/// Calls that do not wait for the answers before them. What the seller is sent says which it is.
pub(crate) fn pipelines(target: &Target, size: Size) -> Attack {
    Attack::start(size.pipelines, |_, counts| {
        let target = target.clone();
        async move {
            let mut stream = TcpStream::connect(target.gateway).await.unwrap();
            let mut pace = paced(Duration::from_millis(400));
            loop {
                pace.tick().await;
                let bodies = [(); PIPE].map(|()| format!("\"pipe {}\"", CALLS.fetch_add(1, Ordering::SeqCst)));
                let mut requests = String::new();
                for body in &bodies {
                    requests += &head(&target.free, &target.key, &format!("Content-Length: {}\r\n", body.len()));
                    requests += body;
                }
                stream.write_all(requests.as_bytes()).await.unwrap();
                let mut answers = String::new();
                let mut buffer = [0; 16 * 1024];
                for body in &bodies {
                    add(&counts.made);
                    // The answer to this one, before that to any later one.
                    while !answers.contains(body) {
                        let count = timeout(LIMIT, stream.read(&mut buffer)).await.unwrap().unwrap();
                        assert!(count > 0, "closed before {body}: {answers}");
                        answers += &String::from_utf8_lossy(&buffer[..count]);
                    }
                }
                let places: Vec<_> = bodies.iter().map(|body| answers.find(body).unwrap()).collect();
                let is_in_order = places.is_sorted() && answers.matches("HTTP/1.1 200").count() == PIPE;
                add(if is_in_order { &counts.taken } else { &counts.odd });
            }
        }
    })
}

/// Heads of 200,000 bytes, in one line or in many.
pub(crate) fn huge_heads(target: &Target, size: Size) -> Attack {
    Attack::start(size.huge_heads, |number, counts| {
        let target = target.clone();
        async move {
            let lines =
                if number % 2 == 0 { format!("X: {}\r\n", "x".repeat(200_000)) } else { "X: x\r\n".repeat(33_333) };
            let request = head(&target.free, &target.key, &lines);
            let mut pace = paced(Duration::from_millis(400));
            loop {
                pace.tick().await;
                add(&counts.made);
                let answer = exchange(target.gateway, request.as_bytes()).await;
                add(if matches!(status(&answer), 431 | 0) { &counts.refused } else { &counts.odd });
            }
        }
    })
}

/// Bodies of a megabyte of which the first half comes.
pub(crate) fn half_bodies(target: &Target, size: Size) -> Attack {
    Attack::start(size.half_bodies, |_, counts| {
        let target = target.clone();
        async move {
            let mut stream = TcpStream::connect(target.gateway).await.unwrap();
            let request = head(&target.paid, &target.key, "Content-Length: 1048576\r\n");
            stream.write_all(request.as_bytes()).await.unwrap();
            // It may be refused before it has come.
            let _ = stream.write_all(&vec![b' '; 512 * 1024]).await;
            add(&counts.made);
            let answer = read_to_end(&mut stream).await;
            add(if matches!(status(&answer), 408 | 429 | 503 | 0) { &counts.refused } else { &counts.odd });
        }
    })
}

/// Two readers of these disagree on where the body ends.
const AMBIGUOUS: &[(&str, &str)] = &[
    ("Content-Length: 2\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"),
    ("Transfer-Encoding: chunked\r\nContent-Length: 2\r\n", "0\r\n\r\n"),
    ("Content-Length: 2\r\nContent-Length: 0\r\n", "{}"),
    ("Content-Length: 2\r\nContent-Length: 2\r\n", "{}"),
    ("Content-Length: 2, 2\r\n", "{}"),
    ("Content-Length: +2\r\n", "{}"),
    ("Content-Length: 2\r\n , 0\r\n", "{}"),
    ("Content-Length : 2\r\n", "{}"),
    ("Content-Length\t: 2\r\n", "{}"),
    ("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n", "2\r\n{}\r\n0\r\n\r\n"),
    ("Transfer-Encoding: chunked, identity\r\n", "2\r\n{}\r\n0\r\n\r\n"),
    ("Transfer-Encoding: xchunked\r\n", "2\r\n{}\r\n0\r\n\r\n"),
    ("Transfer-Encoding:\x0bchunked\r\n", "2\r\n{}\r\n0\r\n\r\n"),
    ("Transfer-Encoding:\r\n chunked\r\n", "2\r\n{}\r\n0\r\n\r\n"),
    ("X: y\rTransfer-Encoding: chunked\r\n", "2\r\n{}\r\n0\r\n\r\n"),
    ("Transfer-Encoding: chunked\r\n", "2\n{}\n0\n\n"),
    ("Transfer-Encoding: chunked\r\n", "2;a=\"\n{}\r\n0\r\n\r\n"),
    ("Transfer-Encoding: chunked\r\n", "0x2\r\n{}\r\n0\r\n\r\n"),
    ("Transfer-Encoding: chunked\r\n", "2 \n{}\r\n0\r\n\r\n"),
    ("Transfer-Encoding: chunked\r\n", "1\r\n{}\r\n0\r\n\r\n"),
    ("Transfer-Encoding: chunked\r\n", "ffffffffffffffff2\r\n{}\r\n0\r\n\r\n"),
    ("Host: u\r\nContent-Length: 2\r\n", "{}"),
];

/// What is hidden behind an ambiguous request, and must never be read as one.
pub(crate) const SMUGGLED: &str = "\"smuggled\"";

/// Requests that hide another one.
pub(crate) fn smugglers(target: &Target, size: Size) -> Attack {
    Attack::start(size.smugglers, |number, counts| {
        let target = target.clone();
        async move {
            let length = format!("Content-Length: {}\r\n", SMUGGLED.len());
            let hidden = format!("{}{SMUGGLED}", head(&target.free, &target.key, &length));
            let mut pace = paced(Duration::from_millis(200));
            for (lines, body) in AMBIGUOUS.iter().cycle().skip(number * AMBIGUOUS.len() / 4) {
                pace.tick().await;
                add(&counts.made);
                let request = format!("{}{body}{hidden}", head(&target.free, &target.key, lines));
                let answer = exchange(target.gateway, request.as_bytes()).await;
                // Closing with bytes unread can take the answer away; a second one there never is.
                let is_refused = matches!(status(&answer), 400 | 0) && answer.matches("HTTP/1.1 ").count() <= 1;
                add(if is_refused { &counts.refused } else { &counts.odd });
                assert!(is_refused, "{lines:?} {body:?}: {answer}");
            }
        }
    })
}

/// One key, in the hands of many clients that go on calling whatever they are told.
pub(crate) fn hammers(target: &Target, size: Size) -> Attack {
    Attack::start(size.hammers, |number, counts| {
        let target = target.clone();
        async move {
            // Spread over the pause, as clients are.
            sleep(size.hammer_pause.mul_f64(number as f64 / size.hammers as f64)).await;
            let mut stream = TcpStream::connect(target.gateway).await.unwrap();
            let mut buffer = [0; 16 * 1024];
            let mut pace = paced(size.hammer_pause);
            loop {
                pace.tick().await;
                let body = format!("\"hammer {}\"", CALLS.fetch_add(1, Ordering::SeqCst));
                let request = head(&target.paid, &target.key, &format!("Content-Length: {}\r\n", body.len())) + &body;
                stream.write_all(request.as_bytes()).await.unwrap();
                add(&counts.made);
                let count = timeout(LIMIT, stream.read(&mut buffer)).await.unwrap().unwrap();
                let answer = String::from_utf8_lossy(&buffer[..count]);
                match status(&answer) {
                    402 => add(&counts.taken),
                    429 if answer.contains("retry-after:") => add(&counts.refused),
                    _ => add(&counts.odd),
                }
            }
        }
    })
}

fn paced(pause: Duration) -> tokio::time::Interval {
    let mut pace = interval(pause);
    pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
    pace
}

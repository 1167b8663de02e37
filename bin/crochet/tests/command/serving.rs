//! A gateway's life: start, answer, stop; and what is left behind when it is killed.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::support::{
    LIMIT, Running, crochet, folder, get, is_running, play, postgres_pid, run, serve, until_gone, value,
};

/// What an idle gateway may take of memory, PostgreSQL not counted, in KiB.
const IDLE_KIB: u64 = 64 * 1024;

#[test]
fn it_says_where_it_is_where_its_data_is_and_what_to_try_next() {
    let data_dir = folder();
    let mut gateway = Running::start(&mut serve(data_dir.path()));
    let url = gateway.url();
    let banner = gateway.stdout();
    assert!(value(&banner, "data").contains(data_dir.path().to_str().unwrap()), "{banner}");
    assert!(value(&banner, "payments").contains("mock"), "{banner}");
    for path in ["/api/v1/categories", "/api/v1/listings"] {
        assert!(banner.contains(&format!("curl {url}{path}")), "{banner}");
        assert_eq!(get(&url, path).unwrap().0, 200);
    }
    assert!(banner.contains(&format!("demo --url {url}")), "{banner}");
    let ready = get(&url, "/api/v1/ready").unwrap();
    assert_eq!(ready.0, 200, "{}", ready.1);
    play(&url);
}

#[test]
fn either_signal_stops_it_cleanly_with_its_database() {
    for signal in ["INT", "TERM"] {
        let data_dir = folder();
        let mut gateway = Running::start(&mut serve(data_dir.path()));
        let url = gateway.url();
        let postgres = postgres_pid(data_dir.path());
        assert!(is_running(postgres));
        gateway.signal(signal);
        let status = gateway.wait();
        let outcome = gateway.outcome(status).expect(0);
        assert!(outcome.stdout.ends_with("Stopped.\n"), "{}", outcome.stdout);
        assert!(!is_running(postgres), "PostgreSQL outlived SIG{signal}");
        assert!(get(&url, "/api/v1/health").is_none());
        assert!(!outcome.stderr.contains("ERROR") && !outcome.stderr.contains("WARN"), "{}", outcome.stderr);
    }
}

#[test]
fn killed_it_leaves_no_database_running_and_the_next_start_has_all_that_was_acknowledged() {
    let data_dir = folder();
    let mut gateway = Running::start(&mut serve(data_dir.path()));
    let url = gateway.url();
    play(&url);
    let total = get(&url, "/api/v1/listings").unwrap().1;
    let postgres = postgres_pid(data_dir.path());
    gateway.signal("KILL");
    gateway.wait();
    until_gone(postgres);

    let mut again = Running::start(&mut serve(data_dir.path()));
    let url = again.url();
    let after = get(&url, "/api/v1/listings").unwrap().1;
    let listed = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap()["data"][0]["id"].clone();
    assert_eq!(listed(&after), listed(&total));
    play(&url);
    again.stop().expect(0);
}

#[test]
fn killed_at_once_it_leaves_nothing_running_either() {
    let data_dir = folder();
    let mut gateway = Running::start(&mut serve(data_dir.path()));
    let pid_file = data_dir.path().join("postgres/data/postmaster.pid");
    gateway.until("PostgreSQL starts", |_| pid_file.exists());
    let postgres = loop {
        // It is written in several steps.
        let text = std::fs::read_to_string(&pid_file).unwrap();
        if let Some(Ok(pid)) = text.lines().next().map(str::parse) {
            break pid;
        }
    };
    gateway.signal("KILL");
    gateway.wait();
    until_gone(postgres);
}

#[test]
fn a_second_one_on_the_same_port_says_what_is_in_its_way() {
    let (first_dir, second_dir) = (folder(), folder());
    let mut first = Running::start(&mut serve(first_dir.path()));
    let url = first.url();
    let bind = url.trim_start_matches("http://").to_owned();
    let mut second = crochet(&["serve", "--bind", &bind]);
    let outcome = run(second.env("CROCHET_DATA_DIR", second_dir.path())).expect(1);
    assert!(outcome.stderr.contains(&format!("{bind} cannot be listened on")), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("--bind"), "{}", outcome.stderr);
    assert_eq!(get(&url, "/api/v1/health").unwrap().0, 200);
    first.stop().expect(0);
}

#[test]
fn a_second_one_on_the_same_data_waits_until_the_first_has_stopped() {
    let data_dir = folder();
    let mut first = Running::start(&mut serve(data_dir.path()));
    first.url();
    let pid = first.pid().to_string();
    let mut second = Running::start(&mut serve(data_dir.path()));
    second.until("it says whom it waits for", |second| second.stderr().contains(&pid));
    first.stop().expect(0);
    let url = second.url();
    assert_eq!(get(&url, "/api/v1/health").unwrap().0, 200);
    second.stop().expect(0);
}

#[test]
fn a_warm_start_answers_soon_and_idles_in_little_memory() {
    let data_dir = folder();
    let mut cold = Running::start(&mut serve(data_dir.path()));
    cold.url();
    cold.stop().expect(0);

    let began = Instant::now();
    let mut warm = Running::start(&mut serve(data_dir.path()));
    let url = warm.url();
    assert_eq!(get(&url, "/api/v1/categories").unwrap().0, 200);
    let took = began.elapsed();
    let idle = resident_kib(warm.pid());
    play(&url);
    let busy = resident_kib(warm.pid());
    let build = if cfg!(debug_assertions) { "debug" } else { "release" };
    writeln!(std::io::stderr(), "{build}: warm start to first answer {took:?}, idle {idle:?} KiB, then {busy:?} KiB")
        .unwrap();
    let limit = if cfg!(debug_assertions) { 5 } else { 2 };
    assert!(took < Duration::from_secs(limit), "{took:?}");
    for kib in [idle, busy].into_iter().flatten() {
        assert!(kib < IDLE_KIB, "{kib} KiB");
    }
    warm.stop().expect(0);
}

#[test]
#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn its_allocator_has_four_arenas_unless_the_operator_says_otherwise() {
    for (given, expected) in [(None, "4"), (Some("7"), "7")] {
        let data_dir = folder();
        let mut command = serve(data_dir.path());
        command.env_remove("MALLOC_ARENA_MAX").envs(given.map(|number| ("MALLOC_ARENA_MAX", number)));
        let mut gateway = Running::start(&mut command);
        gateway.url();
        // Of a process whose memory is private, root alone may read it.
        match std::fs::read(format!("/proc/{}/environ", gateway.pid())) {
            Ok(variables) => {
                let variables = String::from_utf8_lossy(&variables).into_owned();
                let has = |variable: &str| variables.split('\0').any(|one| one == variable);
                assert!(has(&format!("MALLOC_ARENA_MAX={expected}")), "{variables}");
            }
            Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::PermissionDenied),
        }
        gateway.stop().expect(0);
    }
}

#[test]
fn what_is_no_http_is_refused_and_no_news_for_the_operator() {
    let data_dir = folder();
    let mut gateway = Running::start(&mut serve(data_dir.path()));
    let url = gateway.url();
    let long = format!("GET /{} HTTP/1.1\r\nHost: x\r\n\r\n", "a".repeat(100_000));
    let many: String = (0..300).map(|n| format!("X-{n}: a\r\n")).collect();
    let many = format!("GET /api/v1/health HTTP/1.1\r\nHost: x\r\n{many}\r\n");
    for bytes in [
        "\u{16}\u{3}\u{1}\u{2}\r\n\r\n",
        "GET /\r\n\r\n",
        "GET /api/v1/health HTTP/1.1\r\n\r\n",
        "GET /api/v1/health HTTP/1.1\r\nHost: x\r\nX-A: a\0b\r\n\r\n",
        "GET /api/v1/health HTTP/1.1\r\nHost: x\r\nX-A: a\r\n b\r\n\r\n",
        "POST /api/v1/register HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        "POST /api/v1/register HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
        "POST /api/v1/register HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        &long,
        &many,
    ] {
        let status = status_of(&url, bytes.as_bytes());
        assert!([400, 431].contains(&status), "{status}: {}", &bytes[..bytes.len().min(60)]);
        assert_eq!(get(&url, "/api/v1/health").unwrap().0, 200);
    }
    let outcome = gateway.stop().expect(0);
    assert!(!outcome.stderr.contains("ERROR"), "{}", outcome.stderr);
}

/// The status of the answer to these bytes.
fn status_of(url: &str, bytes: &[u8]) -> u16 {
    let mut stream = TcpStream::connect(url.trim_start_matches("http://")).unwrap();
    stream.set_read_timeout(Some(LIMIT)).unwrap();
    stream.write_all(bytes).unwrap();
    let mut head = [0; 12];
    stream.read_exact(&mut head).unwrap();
    std::str::from_utf8(&head[9..]).unwrap().parse().unwrap()
}

/// What a process has in memory, where the system tells.
fn resident_kib(pid: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().trim_end_matches(" kB").parse().ok()
}

//! Clients that write bytes, and read what comes.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// How long anything that is awaited may take.
pub(crate) const LIMIT: Duration = Duration::from_secs(60);

/// The head of a call with this key and these lines, which end in CRLF.
pub(crate) fn head(listing: &str, key: &str, lines: &str) -> String {
    format!(
        "POST /api/v1/gateway/{listing} HTTP/1.1\r\nHost: t\r\nAuthorization: Bearer {key}\r\nContent-Type: \
         application/json\r\n{lines}\r\n"
    )
}

/// Writes these bytes and reads until the gateway closes or falls silent for longer than it ever should.
pub(crate) async fn exchange(gateway: SocketAddr, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(gateway).await.unwrap();
    // What is refused is not read to its end.
    let _ = stream.write_all(bytes).await;
    read_to_end(&mut stream).await
}

pub(crate) async fn read_to_end(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        match timeout(LIMIT, stream.read(&mut buffer)).await.expect("the gateway closes what it refuses") {
            Ok(0) | Err(_) => return String::from_utf8_lossy(&answer).into_owned(),
            Ok(count) => answer.extend_from_slice(&buffer[..count]),
        }
    }
}

/// The status of an answer; 0 where the connection was reset before one came.
pub(crate) fn status(answer: &str) -> u16 {
    answer.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_default()
}

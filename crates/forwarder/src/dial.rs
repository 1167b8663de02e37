//! The last step to a seller: a TCP connection to an address that was checked.

use std::io;
use std::net::SocketAddr;

use async_trait::async_trait;
use tokio::net::TcpStream;

/// Opens TCP connections.
#[async_trait]
pub trait Dial: Send + Sync {
    /// Connects to exactly this address: it was checked, no other was. Asked once for each address that is tried; the
    /// caller bounds the wait, by dropping the future.
    ///
    /// # Errors
    /// When nobody there accepts.
    async fn dial(&self, address: SocketAddr) -> io::Result<TcpStream>;
}

/// Connects through the operating system.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemDialer;

#[async_trait]
impl Dial for SystemDialer {
    async fn dial(&self, address: SocketAddr) -> io::Result<TcpStream> {
        TcpStream::connect(address).await
    }
}

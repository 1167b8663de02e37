//! From a seller's name to its addresses.

use std::io;
use std::net::IpAddr;
use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::Semaphore;

/// How many look-ups may be under way at once, in the whole process. A look-up occupies a thread of the runtime's
/// blocking pool until the operating system gives it up, long after the call that wanted it has: without a bound,
/// sellers with slow name servers could take all threads.
const MAX_LOOKUPS: usize = 64;

/// Looks up names.
#[async_trait]
pub trait Resolve: Send + Sync {
    /// All addresses of a name. Asked once for each connection that is opened; the caller bounds the wait, by
    /// dropping the future.
    ///
    /// # Errors
    /// When the name cannot be resolved.
    async fn resolve(&self, name: &str) -> io::Result<Vec<IpAddr>>;
}

/// The operating system's resolver.
#[derive(Debug, Clone)]
pub struct SystemResolver {
    permits: Arc<Semaphore>,
}

impl Default for SystemResolver {
    fn default() -> Self {
        Self { permits: Arc::new(Semaphore::new(MAX_LOOKUPS)) }
    }
}

#[async_trait]
impl Resolve for SystemResolver {
    async fn resolve(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        let permit = Arc::clone(&self.permits).acquire_owned().await.map_err(io::Error::other)?;
        // The port is ignored, but asked for.
        let target = (name.to_owned(), 0);
        // In a task of its own, so that the permit is held for as long as the thread is.
        let lookup = tokio::spawn(async move {
            let addresses = tokio::net::lookup_host(target).await;
            drop(permit);
            addresses.map(|found| found.map(|socket| socket.ip()).collect())
        });
        lookup.await.map_err(io::Error::other)?
    }
}

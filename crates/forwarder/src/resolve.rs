//! From a seller's name to its addresses.

mod dns;
mod lookups;
mod remembered;

use std::io;
use std::net::IpAddr;
use std::time::Duration;

use async_trait::async_trait;

use self::dns::Dns;
use self::remembered::Remembered;

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

/// What the machine's name servers say, as its `/etc/resolv.conf` and `/etc/hosts` have them; and where they know nothing
/// of a name, what the operating system does.
///
/// An answer is kept for as long as it says that it lives, a second at least and five minutes at most; what is no answer
/// is not kept. Whoever asks for a name that is being looked up waits for that look-up: one name with a slow name server
/// takes one place, not those of all others.
#[derive(Debug, Clone, Default)]
pub struct SystemResolver {
    answers: Remembered<Dns>,
}

#[async_trait]
impl Resolve for SystemResolver {
    async fn resolve(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        self.answers.resolve(name).await
    }
}

/// All addresses of a name.
#[derive(Debug, Clone)]
struct Answer {
    addresses: Vec<IpAddr>,
    /// For how long they are its addresses, where that is known.
    lives: Option<Duration>,
}

/// Asks somebody.
#[async_trait]
trait Look: Send + Sync {
    async fn look(&self, name: &str) -> io::Result<Answer>;
}

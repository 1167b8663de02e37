//! Who is asked for addresses.

use std::fmt;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use hickory_resolver::Resolver;
use hickory_resolver::config::{LookupIpStrategy, ResolveHosts};
use hickory_resolver::net::runtime::{RuntimeProvider, Spawn, TokioHandle, TokioRuntimeProvider};

use super::{Answer, Look};
use crate::quiet::quietly;

/// How long one name server may take, and how often it is asked: together less than a connection may take.
const TIMEOUT: Duration = Duration::from_secs(3);
const ATTEMPTS: usize = 2;

/// The machine's name servers, and the operating system for what they do not know: names of the local network and of
/// other directories, and where there is nothing that says which name servers there are.
#[derive(Clone)]
pub(super) struct Dns {
    servers: Option<Arc<Resolver<Quiet>>>,
}

impl fmt::Debug for Dns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dns").field("has_servers", &self.servers.is_some()).finish()
    }
}

impl Default for Dns {
    fn default() -> Self {
        let servers = Resolver::builder(Quiet::default()).and_then(|mut builder| {
            let options = builder.options_mut();
            options.timeout = TIMEOUT;
            options.attempts = ATTEMPTS;
            options.ip_strategy = LookupIpStrategy::Ipv4AndIpv6;
            options.use_hosts_file = ResolveHosts::Always;
            // Answers are kept by whoever asks, where their number is bounded.
            options.cache_size = 0;
            builder.build()
        });
        if let Err(error) = &servers {
            tracing::warn!(%error, "the machine's name servers are not known: the operating system is asked for every connection");
        }
        Self { servers: servers.ok().map(Arc::new) }
    }
}

#[async_trait]
impl Look for Dns {
    async fn look(&self, name: &str) -> io::Result<Answer> {
        let Some(servers) = &self.servers else { return of_the_system(name).await };
        match quietly(servers.lookup_ip(name)).await {
            Ok(found) => {
                let lives = found.valid_until().saturating_duration_since(Instant::now());
                Ok(Answer { addresses: found.iter().collect(), lives: Some(lives) })
            }
            Err(error) if error.is_no_records_found() => of_the_system(name).await,
            Err(error) => Err(io::Error::other(error)),
        }
    }
}

/// Tokio, without the log lines of what runs on it: they name the hosts that are looked for.
#[derive(Clone, Default)]
struct Quiet(TokioRuntimeProvider);

#[derive(Clone)]
struct QuietHandle(TokioHandle);

impl Spawn for QuietHandle {
    fn spawn_bg(&mut self, future: impl Future<Output = ()> + Send + 'static) {
        self.0.spawn_bg(quietly(future));
    }
}

type Opening<T> = Pin<Box<dyn Future<Output = io::Result<T>> + Send>>;

impl RuntimeProvider for Quiet {
    type Handle = QuietHandle;
    type Timer = <TokioRuntimeProvider as RuntimeProvider>::Timer;
    type Udp = <TokioRuntimeProvider as RuntimeProvider>::Udp;
    type Tcp = <TokioRuntimeProvider as RuntimeProvider>::Tcp;

    fn create_handle(&self) -> QuietHandle {
        QuietHandle(self.0.create_handle())
    }

    fn connect_tcp(&self, to: SocketAddr, from: Option<SocketAddr>, limit: Option<Duration>) -> Opening<Self::Tcp> {
        self.0.connect_tcp(to, from, limit)
    }

    fn bind_udp(&self, from: SocketAddr, to: SocketAddr) -> Opening<Self::Udp> {
        self.0.bind_udp(from, to)
    }
}

async fn of_the_system(name: &str) -> io::Result<Answer> {
    // The port is ignored, but asked for.
    let addresses = tokio::net::lookup_host((name, 0)).await?;
    Ok(Answer { addresses: addresses.map(|socket| socket.ip()).collect(), lives: None })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_name_of_the_machine_itself_is_found_without_a_name_server() {
        let answer = Dns::default().look("localhost").await.unwrap();
        assert!(!answer.addresses.is_empty() && answer.addresses.iter().all(std::net::IpAddr::is_loopback));
        let answer = Dns { servers: None }.look("localhost").await.unwrap();
        assert!(answer.addresses.iter().all(std::net::IpAddr::is_loopback) && answer.lives.is_none());
    }
}

//! Connections to checked addresses only.

use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::Uri;
use http::uri::Scheme;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder, MaybeHttpsStream};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use thiserror::Error;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout, timeout_at};
use tower_service::Service;

use crate::guard::{Environment, GuardPolicy, check_address};
use crate::{Dial, Resolve};

/// How many of a name's addresses are tried.
const MAX_ADDRESSES_TRIED: usize = 4;

type BoxError = Box<dyn std::error::Error + Send + Sync>;
type BoxFuture<T, E> = Pin<Box<dyn Future<Output = Result<T, E>> + Send>>;

/// Why no connection was made. Nothing of a request was sent.
#[derive(Debug, Error)]
pub(crate) enum ConnectError {
    #[error("the address is not allowed")]
    NotAllowed,
    #[error("the time to connect was over")]
    Timeout,
    #[error("the name was not resolved")]
    Resolve(#[source] io::Error),
    #[error("no address accepted the connection")]
    Tcp(#[source] io::Error),
    #[error("the TLS handshake failed")]
    Tls(#[source] BoxError),
}

/// Resolves, checks, connects and encrypts, all within one bound of time.
#[derive(Clone)]
pub(crate) struct Connector {
    https: HttpsConnector<CheckedTcp>,
    limit: Duration,
}

impl Connector {
    pub(crate) fn new(
        policy: Arc<GuardPolicy>,
        resolve: Arc<dyn Resolve>,
        dial: Arc<dyn Dial>,
        tls: ClientConfig,
        limit: Duration,
    ) -> Self {
        let builder = HttpsConnectorBuilder::new().with_tls_config(tls);
        let builder = match policy.environment {
            Environment::Production => builder.https_only(),
            Environment::Development => builder.https_or_http(),
        };
        let tcp = CheckedTcp { policy, resolve, dial, limit };
        Self { https: builder.enable_http1().enable_http2().wrap_connector(tcp), limit }
    }
}

impl Service<Uri> for Connector {
    type Response = MaybeHttpsStream<TokioIo<TcpStream>>;
    type Error = ConnectError;
    type Future = BoxFuture<Self::Response, ConnectError>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), ConnectError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, target: Uri) -> Self::Future {
        let connecting = self.https.call(target);
        let limit = self.limit;
        Box::pin(async move {
            match timeout(limit, connecting).await {
                Err(_) => Err(ConnectError::Timeout),
                Ok(Err(error)) => Err(match error.downcast::<ConnectError>() {
                    Ok(error) => *error,
                    Err(error) => ConnectError::Tls(error),
                }),
                Ok(Ok(stream)) => Ok(stream),
            }
        })
    }
}

/// TCP to checked addresses. A name is resolved once; what is connected to is what was checked.
#[derive(Clone)]
struct CheckedTcp {
    policy: Arc<GuardPolicy>,
    resolve: Arc<dyn Resolve>,
    dial: Arc<dyn Dial>,
    limit: Duration,
}

impl Service<Uri> for CheckedTcp {
    type Response = TokioIo<TcpStream>;
    type Error = ConnectError;
    type Future = BoxFuture<Self::Response, ConnectError>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), ConnectError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, target: Uri) -> Self::Future {
        let this = self.clone();
        Box::pin(async move {
            let deadline = Instant::now() + this.limit;
            let addresses = this.checked_addresses(&target).await?;
            this.connect_to_first(&addresses, deadline).await.map(TokioIo::new)
        })
    }
}

impl CheckedTcp {
    /// The addresses of the target, when every one of them is allowed: a name that has both public and private
    /// addresses is either an attack or a mistake.
    async fn checked_addresses(&self, target: &Uri) -> Result<Vec<SocketAddr>, ConnectError> {
        let host = target.host().ok_or(ConnectError::NotAllowed)?;
        let is_plain = target.scheme() != Some(&Scheme::HTTPS);
        let port = target.port_u16().unwrap_or(if is_plain { 80 } else { 443 });

        let literal = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        let addresses = match literal.parse::<IpAddr>() {
            Ok(address) => vec![address],
            Err(_) => self.resolve.resolve(host).await.map_err(ConnectError::Resolve)?,
        };
        // Ports are free and encryption is optional on loopback alone: the check of the URL went by its name.
        let must_be_loopback = is_plain || host == "localhost" || host.ends_with(".localhost");
        let is_allowed = |address: &IpAddr| {
            check_address(*address, &self.policy).is_ok() && (!must_be_loopback || address.is_loopback())
        };
        if !addresses.iter().all(is_allowed) {
            return Err(ConnectError::NotAllowed);
        }
        Ok(addresses.into_iter().take(MAX_ADDRESSES_TRIED).map(|address| SocketAddr::new(address, port)).collect())
    }

    /// One address after the other. Each gets an equal part of the time that is left, so that one that swallows packets
    /// does not take it all.
    async fn connect_to_first(&self, addresses: &[SocketAddr], deadline: Instant) -> Result<TcpStream, ConnectError> {
        let mut last = ConnectError::Resolve(io::ErrorKind::NotFound.into());
        for (address, left) in addresses.iter().zip((1..=addresses.len()).rev()) {
            let now = Instant::now();
            let share = deadline.saturating_duration_since(now) / u32::try_from(left).unwrap_or(u32::MAX);
            last = match timeout_at(now + share, self.dial.dial(*address)).await {
                Err(_) => ConnectError::Timeout,
                Ok(Err(error)) => ConnectError::Tcp(error),
                Ok(Ok(stream)) => {
                    // Small requests are not to wait for more. Where it cannot be set, they wait.
                    let _ = stream.set_nodelay(true);
                    return Ok(stream);
                }
            };
        }
        Err(last)
    }
}

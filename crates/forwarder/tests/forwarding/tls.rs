//! Whom the gateway believes.

use std::sync::Arc;

use crochet_forwarder::guard::{Environment, GuardPolicy};
use crochet_forwarder::{CertificateDer, Forwarder, ForwarderConfig, certificates_from_pem};
use crochet_relay::Cause;
use crochet_relay::ports::Upstream;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, date_time_ymd};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::PrivatePkcs8KeyDer;

use crate::call::{SHORT, ScriptedDns, assert_answered, assert_never_sent, development, dispatch, short_dispatch};
use crate::seller::{OK, Seller, read_request};

/// An authority that nobody believes unless told to.
pub(crate) struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    /// A forwarder for development that believes it.
    pub(crate) fn believer(&self) -> Forwarder {
        Forwarder::new(ForwarderConfig { extra_roots: vec![self.root()], ..development() }).unwrap()
    }

    pub(crate) fn root(&self) -> CertificateDer<'static> {
        self.0.der().clone()
    }

    pub(crate) fn issuer(&self) -> &CertifiedIssuer<'static, KeyPair> {
        &self.0
    }

    /// A server's configuration with a certificate for `name`.
    pub(crate) fn server(&self, name: &str, last_year: i32) -> ServerConfig {
        let mut params = CertificateParams::new([name.to_owned()]).unwrap();
        params.not_before = date_time_ymd(2000, 1, 1);
        params.not_after = date_time_ymd(last_year, 1, 1);
        self.sign(params)
    }

    /// A server's configuration with this certificate.
    pub(crate) fn sign(&self, params: CertificateParams) -> ServerConfig {
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap();
        server_config(vec![certificate.der().clone()], &key)
    }
}

/// A server's configuration with this chain of certificates, and the key of the first.
pub(crate) fn server_config(chain: Vec<CertificateDer<'static>>, key: &KeyPair) -> ServerConfig {
    ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, PrivatePkcs8KeyDer::from(key.serialize_der()).into())
        .unwrap()
}

/// A year that these tests do not see.
pub(crate) const FAR: i32 = 2999;

/// A seller behind TLS. Answers its port; runs as long as the tasks.
async fn start(config: ServerConfig) -> (u16, JoinSet<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        let mut visits = JoinSet::new();
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let acceptor = acceptor.clone();
            visits.spawn(async move {
                let Ok(mut stream) = acceptor.accept(stream).await else { return };
                while read_request(&mut stream).await.is_some() {
                    stream.write_all(OK).await.unwrap();
                    stream.flush().await.unwrap();
                }
            });
        }
    });
    (port, tasks)
}

#[tokio::test]
async fn a_certificate_of_an_added_authority_is_believed() {
    let authority = Authority::new();
    let (port, _tasks) = start(authority.server("localhost", FAR)).await;
    let forwarder = authority.believer();
    assert_answered(&forwarder.forward(dispatch(&format!("https://localhost:{port}/"))).await, 200);
}

#[tokio::test]
async fn a_certificate_for_an_address_is_believed_for_that_address() {
    let authority = Authority::new();
    let (port, _tasks) = start(authority.server("127.0.0.1", FAR)).await;
    let forwarder = authority.believer();
    assert_answered(&forwarder.forward(dispatch(&format!("https://127.0.0.1:{port}/"))).await, 200);
    assert_never_sent(&forwarder.forward(dispatch(&format!("https://localhost:{port}/"))).await, Cause::Connection);
}

#[tokio::test]
async fn an_added_authority_is_read_from_pem() {
    let authority = Authority::new();
    let extra_roots = certificates_from_pem(authority.0.pem().as_bytes()).unwrap();
    assert_eq!(extra_roots, [authority.root()]);
    for pem in [b"".as_slice(), b"no certificate", b"-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n"] {
        assert!(certificates_from_pem(pem).is_err());
    }
    let broken = ForwarderConfig { extra_roots: vec![CertificateDer::from(vec![1, 2, 3])], ..development() };
    assert!(Forwarder::new(broken).is_err());
}

#[tokio::test]
async fn the_name_of_the_url_is_what_is_proved_and_not_what_it_resolves_to() {
    let authority = Authority::new();
    let (port, _tasks) = start(authority.server("seller.example", FAR)).await;
    let policy = GuardPolicy { allowed_ports: vec![port], ..GuardPolicy::new(Environment::Development) };
    let config = ForwarderConfig { extra_roots: vec![authority.root()], ..ForwarderConfig::new(policy) };
    let forwarder = Forwarder::with_resolver(config, ScriptedDns::new(&[&["127.0.0.1"]]) as _).unwrap();
    assert_answered(&forwarder.forward(dispatch(&format!("https://seller.example:{port}/"))).await, 200);
    let arrival = forwarder.forward(dispatch(&format!("https://other.example:{port}/"))).await;
    assert_never_sent(&arrival, Cause::Connection);
}

#[tokio::test]
async fn a_handshake_that_never_ends_leaves_the_request_unsent() {
    let seller = Seller::start(async |mut visit| visit.wait_for_end().await).await;
    let url = format!("https://localhost:{}/", seller.address.port());
    let forwarder = Authority::new().believer();
    assert_never_sent(&forwarder.forward(short_dispatch(&url)).await, Cause::Timeout);

    let forwarder = Forwarder::new(ForwarderConfig { connect_timeout: SHORT, ..development() }).unwrap();
    assert_never_sent(&forwarder.forward(dispatch(&url)).await, Cause::Timeout);
}

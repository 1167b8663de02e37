//! Whom the gateway believes to be who they say they are.

use std::sync::Arc;

use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

pub use rustls::pki_types::CertificateDer;

use crate::BuildError;

/// Reads the certificates of a PEM file, for [`crate::ForwarderConfig::extra_roots`].
///
/// # Errors
/// When it holds none, or one that is no certificate.
pub fn certificates_from_pem(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, BuildError> {
    let certificates: Vec<_> =
        CertificateDer::pem_slice_iter(pem).collect::<Result<_, _>>().map_err(|_| BuildError::Root)?;
    if certificates.is_empty() { Err(BuildError::Root) } else { Ok(certificates) }
}

/// TLS 1.2 and 1.3, believing Mozilla's roots and those that are added. ALPN is the connector's to set.
pub(crate) fn client_config(extra_roots: &[CertificateDer<'static>]) -> Result<ClientConfig, BuildError> {
    let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    for root in extra_roots {
        roots.add(root.clone()).map_err(|_| BuildError::Root)?;
    }
    // Named, because a process-wide default depends on what else is linked.
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(BuildError::Tls)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(config)
}

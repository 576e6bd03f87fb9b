//! TLS 1.3 for both ends (core 3.2, section "Security"): certificates prove who is who.

use std::io;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::WebPkiClientVerifier;
use rustls::version::TLS13;
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use sha2::{Digest, Sha256};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::Stream;

/// Why a configuration cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file holds no certificate or key in PEM.
    #[error("{0}: {1}")]
    Pem(&'static str, rustls::pki_types::pem::Error),
    /// Certificates or key do not fit.
    #[error("{0}")]
    Config(#[from] rustls::Error),
    /// No root to verify against.
    #[error("{0}")]
    Roots(String),
}

/// A certificate chain and its key.
pub struct Identity {
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
}

impl Identity {
    /// From PEM, the certificate of this end first.
    ///
    /// # Errors
    /// When it is none.
    pub fn from_pem(chain: &[u8], key: &[u8]) -> Result<Self, TlsError> {
        let key = PrivateKeyDer::from_pem_slice(key).map_err(|error| TlsError::Pem("key", error))?;
        Ok(Self { chain: certificates(chain)?, key })
    }
}

fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    chain.map_err(|error| TlsError::Pem("certificate", error))
}

fn roots(pem: &[u8]) -> Result<RootCertStore, TlsError> {
    let mut store = RootCertStore::empty();
    for certificate in certificates(pem)? {
        store.add(certificate)?;
    }
    if store.is_empty() { Err(TlsError::Roots("no root certificate".into())) } else { Ok(store) }
}

/// For a listener. Sites must show a certificate of one of `site_roots`, where they are given.
///
/// # Errors
/// When certificates, key or roots do not fit.
pub fn server(identity: Identity, site_roots: Option<&[u8]>) -> Result<Arc<ServerConfig>, TlsError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder =
        ServerConfig::builder_with_provider(Arc::clone(&provider)).with_protocol_versions(&[&TLS13])?;
    let builder = match site_roots {
        None => builder.with_no_client_auth(),
        Some(pem) => {
            let roots = Arc::new(roots(pem)?);
            let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider).build();
            builder.with_client_cert_verifier(verifier.map_err(|error| TlsError::Roots(error.to_string()))?)
        }
    };
    Ok(Arc::new(builder.with_single_cert(identity.chain, identity.key)?))
}

/// For a site that connects to a supervisor whose certificate is of one of `roots`.
///
/// # Errors
/// When certificates, key or roots do not fit.
pub fn client(roots_pem: &[u8], identity: Option<Identity>) -> Result<Arc<ClientConfig>, TlsError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_protocol_versions(&[&TLS13])?;
    let builder = builder.with_root_certificates(roots(roots_pem)?);
    Ok(Arc::new(match identity {
        Some(identity) => builder.with_client_auth_cert(identity.chain, identity.key)?,
        None => builder.with_no_client_auth(),
    }))
}

/// Connect to a supervisor, in clear or by TLS to a server of this name.
///
/// # Errors
/// When it cannot be reached or trusted.
pub async fn dial(address: &str, tls: Option<(Arc<ClientConfig>, &str)>) -> io::Result<Stream> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let Some((config, name)) = tls else { return Ok(Box::new(stream)) };
    let name = ServerName::try_from(name.to_owned()).map_err(io::Error::other)?;
    Ok(Box::new(TlsConnector::from(config).connect(name, stream).await?))
}

/// SHA-256 of a certificate.
#[must_use]
pub fn fingerprint(certificate: &[u8]) -> [u8; 32] {
    Sha256::digest(certificate).into()
}

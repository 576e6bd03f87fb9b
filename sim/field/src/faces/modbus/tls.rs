//! Modbus/TCP Security at the device: TLS 1.3, a client certificate of the authority, and the role
//! in it. A client without the right role is answered with IllegalFunction, whatever it asks
//! (MODBUS/TCP Security, role-based client authorization).

use std::fmt;
use std::sync::Arc;

use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::version::TLS13;
use tokio_rustls::rustls::{RootCertStore, ServerConfig, ServerConnection};
use x509_cert::Certificate;
use x509_cert::der::Decode;
use x509_cert::der::asn1::Utf8StringRef;
use x509_cert::der::oid::ObjectIdentifier;

/// The extension that holds the role.
const ROLE_EXTENSION: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.50316.802.1");

/// What a client may do.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Rights {
    /// Nothing.
    None,
    /// Read.
    Read,
    /// Read and write.
    Write,
}

/// Why TLS cannot be set up.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("TLS: {0}")]
pub struct TlsError(String);

/// The device's side of TLS.
#[derive(Clone)]
pub struct Tls {
    acceptor: TlsAcceptor,
    writers: Arc<[String]>,
    readers: Arc<[String]>,
}

impl Tls {
    /// From PEM texts: the authority that clients' certificates must come from, the device's chain
    /// and key; and the roles that may write and those that may only read.
    ///
    /// # Errors
    /// What does not fit.
    pub fn from_pem(
        authority: &[u8],
        chain: &[u8],
        key: &[u8],
        writers: &[&str],
        readers: &[&str],
    ) -> Result<Self, TlsError> {
        let wrong = |error: &dyn fmt::Display| TlsError(error.to_string());
        let provider = Arc::new(ring::default_provider());
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(authority) {
            roots.add(certificate.map_err(|e| wrong(&e))?).map_err(|e| wrong(&e))?;
        }
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider))
            .build()
            .map_err(|e| wrong(&e))?;
        let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(chain).collect();
        let key = PrivateKeyDer::from_pem_slice(key).map_err(|e| wrong(&e))?;
        let config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&TLS13])
            .map_err(|e| wrong(&e))?
            .with_client_cert_verifier(verifier)
            .with_single_cert(chain.map_err(|e| wrong(&e))?, key)
            .map_err(|e| wrong(&e))?;
        let owned = |roles: &[&str]| roles.iter().map(|role| (*role).to_owned()).collect();
        Ok(Self {
            acceptor: TlsAcceptor::from(Arc::new(config)),
            writers: owned(writers),
            readers: owned(readers),
        })
    }

    pub(super) fn acceptor(&self) -> &TlsAcceptor {
        &self.acceptor
    }

    /// What the client of a finished handshake may do.
    pub(super) fn rights(&self, connection: &ServerConnection) -> Rights {
        let leaf = connection.peer_certificates().and_then(|chain| chain.first());
        let role = leaf.and_then(role_of);
        match role.as_deref() {
            Some(role) if self.writers.iter().any(|known| known == role) => Rights::Write,
            Some(role) if self.readers.iter().any(|known| known == role) => Rights::Read,
            _ => Rights::None,
        }
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls")
            .field("writers", &self.writers)
            .field("readers", &self.readers)
            .finish_non_exhaustive()
    }
}

/// The role of a certificate; `None` where it has none or it cannot be read.
fn role_of(certificate: &CertificateDer<'_>) -> Option<String> {
    let certificate = Certificate::from_der(certificate).ok()?;
    let extensions = certificate.tbs_certificate().extensions()?;
    let role = extensions.iter().find(|extension| extension.extn_id == ROLE_EXTENSION)?;
    Some(Utf8StringRef::from_der(role.extn_value.as_bytes()).ok()?.as_str().to_owned())
}

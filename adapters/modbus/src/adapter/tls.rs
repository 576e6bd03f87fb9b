//! Modbus/TCP Security (MODBUS/TCP Security Protocol Specification, 2021): TLS with certificates on
//! both sides, the client's role in an extension of its certificate.
//!
//! TLS 1.3 alone, no resumption: every connection shows valid certificates anew.

use std::fmt;
use std::sync::Arc;

use tokio_rustls::rustls::client::Resumption;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::version::TLS13;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};
use x509_cert::Certificate;
use x509_cert::der::Decode;
use x509_cert::der::asn1::Utf8StringRef;
use x509_cert::der::oid::ObjectIdentifier;

/// The port of Modbus/TCP Security.
pub const PORT: u16 = 802;
/// The extension that holds the role: a UTF8String.
pub const ROLE_EXTENSION: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.50316.802.1");

/// Why TLS cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A PEM file does not hold what it should.
    #[error("{what}: {reason}")]
    Pem {
        /// Which file.
        what: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// The key is not the certificate's, or of a kind that TLS 1.3 does not know.
    #[error("certificate and key: {0}")]
    Key(String),
    /// The server's name is neither a host name nor an address.
    #[error("`{0}` is no server name")]
    ServerName(String),
    /// The certificate's role is not the one that the site expects.
    #[error("the certificate's role is {found}, expected `{expected}`")]
    Role {
        /// What the certificate says.
        found: String,
        /// What the configuration says.
        expected: String,
    },
    /// The certificate or its role extension cannot be read.
    #[error("the certificate's role cannot be read: {0}")]
    Certificate(String),
}

/// Our side of a TLS connection. The key is never shown.
#[derive(Clone)]
pub struct TlsClient {
    config: Arc<ClientConfig>,
    server: ServerName<'static>,
    role: Option<String>,
}

impl TlsClient {
    /// From PEM texts: the authority that the device's certificate must come from, our own chain
    /// (leaf first) and its key. `server` is the name or address in the device's certificate. With
    /// `role`, our certificate must carry that role.
    ///
    /// # Errors
    /// What does not fit, for people.
    pub fn from_pem(
        authority: &[u8],
        chain: &[u8],
        key: &[u8],
        server: &str,
        role: Option<&str>,
    ) -> Result<Self, TlsError> {
        let mut roots = RootCertStore::empty();
        for certificate in certificates("certificate authority", authority)? {
            let unfit = |e: tokio_rustls::rustls::Error| pem("certificate authority", e.to_string());
            roots.add(certificate).map_err(unfit)?;
        }
        let chain = certificates("certificate", chain)?;
        let found = chain.first().map(role_of).transpose()?.flatten();
        if let Some(expected) = role.filter(|expected| found.as_deref() != Some(*expected)) {
            let found = found.map_or_else(|| "missing".into(), |role| format!("`{role}`"));
            return Err(TlsError::Role { found, expected: expected.into() });
        }
        let key = PrivateKeyDer::from_pem_slice(key).map_err(|e| pem("key", e.to_string()))?;
        let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_protocol_versions(&[&TLS13])
            .map_err(|e| TlsError::Key(e.to_string()))?
            .with_root_certificates(roots)
            .with_client_auth_cert(chain, key)
            .map_err(|e| TlsError::Key(e.to_string()))?;
        config.resumption = Resumption::disabled();
        let server =
            ServerName::try_from(server.to_owned()).map_err(|_| TlsError::ServerName(server.into()))?;
        Ok(Self { config: Arc::new(config), server, role: found })
    }

    /// The role in our certificate.
    #[must_use]
    pub fn role(&self) -> Option<&str> {
        self.role.as_deref()
    }

    pub(super) fn config(&self) -> Arc<ClientConfig> {
        Arc::clone(&self.config)
    }

    pub(super) fn server(&self) -> ServerName<'static> {
        self.server.clone()
    }
}

impl fmt::Debug for TlsClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsClient")
            .field("server", &self.server)
            .field("role", &self.role)
            .finish_non_exhaustive()
    }
}

fn pem(what: &'static str, reason: String) -> TlsError {
    TlsError::Pem { what, reason }
}

fn certificates(what: &'static str, text: &[u8]) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(text).collect();
    match found {
        Ok(found) if found.is_empty() => Err(pem(what, "no certificate in it".into())),
        Ok(found) => Ok(found),
        Err(error) => Err(pem(what, error.to_string())),
    }
}

/// The role of a certificate; `None` where it has none.
fn role_of(certificate: &CertificateDer<'_>) -> Result<Option<String>, TlsError> {
    let unreadable = |error: x509_cert::der::Error| TlsError::Certificate(error.to_string());
    let certificate = Certificate::from_der(certificate).map_err(unreadable)?;
    let extensions = certificate.tbs_certificate().extensions();
    let Some(extension) = extensions.and_then(|all| all.iter().find(|e| e.extn_id == ROLE_EXTENSION)) else {
        return Ok(None);
    };
    let role = Utf8StringRef::from_der(extension.extn_value.as_bytes()).map_err(unreadable)?;
    Ok(Some(role.as_str().to_owned()))
}
